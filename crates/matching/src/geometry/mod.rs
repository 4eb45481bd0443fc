//! Do the matched keypoints of a query and a record lie where one picture would put them?
//!
//! Codes that are near one another say "these two spots look alike"; chance does that too. Chance does not
//! place a dozen such spots on one planar transform. [`verify`] finds the heaviest set of matched pairs that
//! one transform from the record's frame to the query's explains, each spot used once.
//!
//! 1. Each pair implies one similarity by itself: scale from the sizes, turn from the angles, shift from the
//!    places. The heaviest pairs are taken as hypotheses, and each is weighed by the pairs that agree with it.
//! 2. The best few that rest on different pairs are refitted by least squares, as similarity, affine map and
//!    homography, and all pairs are collected again with a tighter tolerance.
//! 3. The transform that explains the greatest weight wins.
//!
//! Reflections are refused: who looks for mirrored copies mirrors the query.
//!
//! Nothing here is random, and the order of the pairs does not matter: they are sorted by weight, then by
//! keypoint. Only `+ - * /` and square roots are used, in a fixed order, so that the answer is the same to the
//! bit on every platform.

mod area;
mod homography;
mod similarity;
#[cfg(test)]
mod tests;
mod transform;
mod verify;

use std::fmt;

pub use area::{Region, covered_share, overlap};
pub(crate) use area::{area, covered_by, is_alike};
pub use transform::Transform;
pub use verify::{VerifySettings, verify};

/// Frame units on the longer side of an image, query and record alike.
pub(crate) const FRAME: f64 = 8192.0;

/// Where a keypoint lies. A value that is not finite, a size that is not positive, or a place further than
/// eight frames from the origin makes [`verify`] ignore the keypoint.
#[derive(Clone, Copy, PartialEq)]
pub struct Placed {
    /// To the right, in frame units: the longer side of the image is 8192.
    pub x: f32,
    /// Downwards, in frame units.
    pub y: f32,
    /// Sigma of the blob in frame units, above 0.
    pub size: f32,
    /// Dominant direction in turns, from +x towards +y; whole turns do not matter.
    pub angle: f32,
}

/// Places are features of a document: they stay out of logs.
impl fmt::Debug for Placed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Placed").finish_non_exhaustive()
    }
}

/// A keypoint of the query whose code is near that of a keypoint of the record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Which keypoint of the query; a number outside the slice makes [`verify`] ignore the pair.
    pub query: u32,
    /// Which keypoint of the record; likewise.
    pub record: u32,
    /// How much evidence the pair is, above 0: the rarer the spot and the nearer the codes, the more. Anything
    /// else makes [`verify`] ignore the pair.
    pub weight: f32,
}

/// Pairs that one transform explains.
#[derive(Clone, PartialEq)]
pub struct Agreement {
    /// Which of the given pairs agree, heaviest first; no spot of the query or of the record occurs twice.
    pub pairs: Vec<u32>,
    /// Sum of their weights.
    pub weight: f64,
    /// From the record's frame to the query's.
    pub transform: Transform,
}

/// Which keypoints agree is a feature of a document; how many is not.
impl fmt::Debug for Agreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Agreement")
            .field("pairs", &self.pairs.len())
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}
