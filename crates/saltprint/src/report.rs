//! What is said about one input: a contract, one JSON object each.

use saltprint_fingerprint::Orientation;
use saltprint_index::Month;
use saltprint_intake::Reject;
use saltprint_keys::RecordRef;
use saltprint_matching::{Band, Found, Judgement, Tier};

/// What became of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is one of our records, in the strong band.
    Match,
    /// It may be one of our records: somebody has to look.
    Possible,
    /// No record is near.
    NoMatch,
    /// The image has too little structure to be compared.
    TooPlain,
    /// It does not decode.
    Unreadable,
    /// It breaks a limit, or its format is not supported.
    Refused,
    /// The same bytes came earlier in this leak; counted once.
    Duplicate,
}

/// The report on one input.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct ItemReport {
    /// Name of the input as the caller gave it.
    pub input: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Records that it matches, best first.
    pub matches: Vec<MatchReport>,
    /// Why it was not compared; for unreadable, refused and duplicate inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RejectReason>,
}

/// Why an input was not compared.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RejectReason {
    /// A word for machines, stable over releases.
    pub code: &'static str,
    /// A sentence for people.
    pub text: String,
}

/// One matching record.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct MatchReport {
    /// Pseudonym of the record; `saltprint ref` computes it from a record id.
    #[serde(rename = "ref")]
    pub record_ref: RecordRef,
    /// How sure.
    pub band: Band,
    /// Which tier of recognition it rests on.
    pub tier: Tier,
    /// What was done to the record's image to get the input.
    pub orientation: Orientation,
    /// Source of the record.
    pub source: Option<String>,
    /// Month in which it was captured.
    pub captured: Option<Month>,
    /// Kind of document.
    pub kind: Option<String>,
    /// Distance in bits, 0 to 256; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<u32>,
    /// Distance of the nearest record of another subject, if there is one; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<u32>,
}

impl ItemReport {
    pub(crate) fn judged(input: String, judgement: Judgement, evidence: bool) -> Self {
        let outcome = match judgement.band() {
            Some(Band::Strong) => Outcome::Match,
            Some(Band::Possible) => Outcome::Possible,
            None => Outcome::NoMatch,
        };
        let matches = judgement.matches.into_iter().map(|found| MatchReport::new(found, evidence)).collect();
        Self { input, outcome, matches, reason: None }
    }

    pub(crate) fn too_plain(input: String) -> Self {
        Self { input, outcome: Outcome::TooPlain, matches: Vec::new(), reason: None }
    }

    pub(crate) fn rejected(input: String, reject: &Reject) -> Self {
        let outcome = match reject {
            Reject::Unreadable(_) => Outcome::Unreadable,
            Reject::Refused(_) => Outcome::Refused,
        };
        let reason = RejectReason { code: reject.code(), text: reject.to_string() };
        Self { input, outcome, matches: Vec::new(), reason: Some(reason) }
    }

    pub(crate) fn duplicate(input: String, first: &str) -> Self {
        let reason = RejectReason { code: "same_bytes", text: format!("the same bytes as `{first}`") };
        Self { input, outcome: Outcome::Duplicate, matches: Vec::new(), reason: Some(reason) }
    }
}

impl MatchReport {
    fn new(found: Found, evidence: bool) -> Self {
        let facts = found.record.facts;
        Self {
            record_ref: found.record.record_ref,
            band: found.band,
            tier: found.tier,
            orientation: found.orientation,
            source: facts.source,
            captured: facts.captured,
            kind: facts.kind,
            distance: evidence.then_some(found.record.distance),
            runner_up: found.runner_up.filter(|_| evidence),
        }
    }
}
