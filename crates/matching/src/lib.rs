//! From codes to a judgement: is one of our records the origin of this image, and how sure are we?
//!
//! [`DecisionRule`] and [`LocalRule`] turn the backgrounds of impostors, measured when the index was built, into thresholds;
//! [`Matcher`] searches a generation by whole-image codes in all eight orientations and, where that does not settle it, by
//! local codes that agree on one place of the document in the picture, and applies the rules. A distance
//! means nothing by itself: on flat scans of one card design two strangers may be nearer to each other than
//! a photograph and its crop. See [`DecisionRule`] for what is assumed and what follows.
//!
//! # Example
//! ```
//! use saltprint_index::Background;
//! use saltprint_matching::{Band, DecisionRule, RuleSettings};
//!
//! // Strangers of this vault come nearly as near to one record as to the next.
//! let mut background = Background { records: 500, ..Background::default() };
//! for record in 0..500_u32 {
//!     background.add(60 + record % 11, Some(68 + record % 13));
//! }
//! let rule = DecisionRule::new(&background, RuleSettings::default());
//! assert_eq!(rule.decide(10, &[66, 70]).band, Some(Band::Strong));
//! // As near, but another subject is as near: somebody has to look.
//! assert_eq!(rule.decide(10, &[12, 70]).band, Some(Band::Possible));
//! assert_eq!(rule.decide(62, &[66, 70]).band, None);
//! ```

#![forbid(unsafe_code)]

mod decide;
mod geometry;
mod global;
mod local;
mod local_rule;
mod matcher;
mod panels;
mod rule;
mod straight;
#[cfg(test)]
mod tests;

pub use geometry::{
    Agreement, Pair, Placed, Region, Transform, VerifySettings, covered_share, overlap, verify,
};
pub use local::{
    Contest, Evidence, Fine, Images, Lead, LocalSearch, Read, Sighting, are_near_duplicates, contests,
};
pub use local_rule::LocalRule;
pub use matcher::{Cascade, CascadeCounts, Found, Judgement, Looks, Matcher, Rules, StageSeconds, Tier};
pub use rule::{Band, Basis, Decision, DecisionRule, RuleSettings};
pub use straight::nearest_to_parts;
