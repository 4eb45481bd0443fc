//! What is said about one input: a contract, one JSON object each.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use saltprint_fingerprint::Orientation;
use saltprint_index::{IndexHit, Month};
use saltprint_intake::Reject;
use saltprint_keys::{EpochId, RecordRef};
use saltprint_matching::{Band, Found, Sighting, Tier};

use crate::epochs::{Answer, Hit};

/// What became of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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
    /// The same bytes came earlier in this leak, or it is an image that fills a page which came before; counted once.
    Duplicate,
}

/// The report on one input.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct ItemReport {
    /// Name of the input as the caller gave it.
    pub input: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Records that it matches, best first.
    pub matches: Vec<MatchReport>,
    /// Why it was not compared; for unreadable, refused and duplicate inputs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<RejectReason>,
}

/// Why an input was not compared.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RejectReason {
    /// A word for machines, stable over releases.
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub text: String,
}

/// One matching record.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct MatchReport {
    /// Pseudonym of the record; `saltprint ref` computes it from a record id.
    #[serde(rename = "ref")]
    pub record_ref: RecordRef,
    /// The epoch in which it was found: the present one or, while that answers, the one before.
    pub epoch: EpochId,
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
    /// Number of the document in the input, from 1: matches with one number are stored versions of one document, records
    /// of one subject or of one image; the first of them is the one that the input resembles most.
    pub document: u32,
    /// Whether the record's file has the very bytes of the first record with that number, or holds the same image in others (a near-duplicate under another subject): then
    /// hardly anything in the image tells from which of the two it comes.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub equal: bool,
    /// How much of the record's image the input shows.
    pub copy: CopyExtent,
    /// What of it agrees, where local codes do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agreement: Option<AgreementReport>,
    /// Distance in bits, 0 to 256; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distance: Option<u32>,
    /// Distance of the nearest record of another subject, if there is one; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runner_up: Option<u32>,
}

/// How much of a record's image an input shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CopyExtent {
    /// Its whole frame and nothing else, and all but 3 % of the details in view look the same. What lies between details may
    /// differ.
    Whole,
    /// It is cropped, tilted, or part of a larger picture; all but 3 % of the details in view look the same.
    Part,
    /// A place in view looks different while the rest agrees: covered, replaced or written over.
    Altered,
    /// It cannot be told: some details look different, but not all in one place, or the copy is too bad.
    Unclear,
}

/// Where an input and a record agree.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct AgreementReport {
    /// Box around the agreeing places in the record's image: left, top, right, bottom in shares of its width and height.
    pub region: [f64; 4],
    /// Share of the record's image that agreeing places span, 0 to 1.
    pub covered: f64,
    /// Corners of the record's image in the input, clockwise from its upper left, in shares of the input's width and
    /// height; they may lie outside.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outline: Option<[(f64, f64); 4]>,
    /// Number of agreeing local features; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub features: Option<u32>,
    /// Number of the record's local features that should be in view; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_view: Option<u32>,
    /// Weight of the agreement; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f64>,
}

impl AgreementReport {
    fn new(sighting: &Sighting, evidence: bool) -> Self {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        Self {
            region: sighting.region.map(round),
            covered: round(sighting.covered),
            outline: sighting.quad.map(|quad| quad.map(|(x, y)| (round(x), round(y)))),
            features: evidence.then_some(sighting.features),
            in_view: evidence.then_some(sighting.in_view),
            score: evidence.then_some(round(sighting.score)),
        }
    }
}

/// Largest distance of a corner of a whole copy from the input's corner, in shares of its sides.
const CORNER: f64 = 0.03;

impl CopyExtent {
    fn of(sighting: Option<&Sighting>) -> Self {
        let Some(sighting) = sighting else {
            return Self::Unclear;
        };
        if sighting.altered {
            return Self::Altered;
        }
        if !sighting.unchanged {
            return Self::Unclear;
        }
        // Quarter turns and mirrors put the record's corners on other corners of the input.
        let at_corner = |(x, y): &(f64, f64)| {
            (x - x.round().clamp(0.0, 1.0)).abs() <= CORNER && (y - y.round().clamp(0.0, 1.0)).abs() <= CORNER
        };
        match &sighting.quad {
            Some(quad) if quad.iter().all(at_corner) => Self::Whole,
            Some(_) | None => Self::Part,
        }
    }
}

impl ItemReport {
    pub(crate) fn judged(input: String, answer: Answer, evidence: bool) -> Self {
        let outcome = match answer.band() {
            Some(Band::Strong) => Outcome::Match,
            Some(Band::Possible) => Outcome::Possible,
            None => Outcome::NoMatch,
        };
        let documents = documents(&answer.hits);
        let mut firsts: HashMap<u32, IndexHit> = HashMap::new();
        let matches = answer.hits.into_iter().zip(documents);
        let matches = matches
            .map(|(hit, document)| {
                // Of one epoch: in another one the same bytes have another digest.
                let equal = match firsts.entry(document) {
                    Entry::Occupied(first) => holds_the_same(&hit.found, first.get()),
                    Entry::Vacant(slot) => {
                        slot.insert(hit.found.record.clone());
                        false
                    }
                };
                MatchReport::new(hit, document, equal, evidence)
            })
            .collect();
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
        let reason = RejectReason { code: reject.code().into(), text: reject.to_string() };
        Self { input, outcome, matches: Vec::new(), reason: Some(reason) }
    }

    pub(crate) fn duplicate(input: String, first: &str) -> Self {
        let reason = RejectReason { code: "same_bytes".into(), text: format!("the same bytes as `{first}`") };
        Self { input, outcome: Outcome::Duplicate, matches: Vec::new(), reason: Some(reason) }
    }

    pub(crate) fn same_picture(input: String, page: &str) -> Self {
        let reason = RejectReason {
            code: "same_picture".into(),
            text: format!("the same picture as its page `{page}`"),
        };
        Self { input, outcome: Outcome::Duplicate, matches: Vec::new(), reason: Some(reason) }
    }
}

/// Whether a match is of the file of another record, or of the same image as far as the input shows it.
fn holds_the_same(found: &Found, first: &IndexHit) -> bool {
    let differs = found.sighting.as_ref().is_some_and(Sighting::differs);
    found.record.facts.content == first.facts.content || (found.record.image() == first.image() && !differs)
}

/// A number for each match, which those of one subject or one file share, from 1 on.
fn documents(hits: &[Hit]) -> Vec<u32> {
    let mut documents: Vec<u32> = Vec::with_capacity(hits.len());
    for hit in hits {
        let mut known = hits.iter().zip(&documents);
        let same = known.find(|(other, _)| !hit.found.record.is_rival_of(&other.found.record));
        let next = documents.iter().max().map_or(1, |last| last + 1);
        documents.push(same.map_or(next, |(_, document)| *document));
    }
    documents
}

impl MatchReport {
    fn new(hit: Hit, document: u32, equal: bool, evidence: bool) -> Self {
        let Hit { found, epoch } = hit;
        let sighting = found.sighting.as_ref();
        let copy = CopyExtent::of(sighting);
        let agreement = sighting.map(|sighting| AgreementReport::new(sighting, evidence));
        let facts = found.record.facts;
        Self {
            record_ref: found.record.record_ref,
            epoch,
            band: found.band,
            tier: found.tier,
            orientation: found.orientation,
            source: facts.source,
            captured: facts.captured,
            kind: facts.kind,
            document,
            equal,
            copy,
            agreement,
            distance: evidence.then_some(found.record.distance),
            runner_up: found.runner_up.filter(|_| evidence),
        }
    }
}
