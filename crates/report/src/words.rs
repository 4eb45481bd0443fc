//! The words of the page for what the reports name.

use std::fmt::Write as _;

use saltprint::case::Statement;
use saltprint::{CopyExtent, MatchReport, Outcome, TriageTotals};
use saltprint_fingerprint::Orientation;
use saltprint_matching::{Band, Tier};

/// All outcomes, in the order of the page.
pub(crate) const OUTCOMES: [Outcome; 7] = [
    Outcome::Match,
    Outcome::Possible,
    Outcome::NoMatch,
    Outcome::TooPlain,
    Outcome::Unreadable,
    Outcome::Refused,
    Outcome::Duplicate,
];

/// Name of an outcome in classes and filters, the same as in the JSON.
pub(crate) fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Match => "match",
        Outcome::Possible => "possible",
        Outcome::NoMatch => "no_match",
        Outcome::TooPlain => "too_plain",
        Outcome::Unreadable => "unreadable",
        Outcome::Refused => "refused",
        Outcome::Duplicate => "duplicate",
    }
}

/// An outcome to read.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Match => "match",
        Outcome::Possible => "possible",
        Outcome::NoMatch => "no match",
        Outcome::TooPlain => "too plain",
        Outcome::Unreadable => "unreadable",
        Outcome::Refused => "refused",
        Outcome::Duplicate => "duplicate",
    }
}

/// What an outcome says.
pub(crate) fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Match => "it comes from an image of a record in this index",
        Outcome::Possible => "it may come from one; somebody has to look",
        Outcome::NoMatch => "compared, and no record is near",
        Outcome::TooPlain => "too little structure to be compared, such as an empty page",
        Outcome::Unreadable => "damaged, or no image",
        Outcome::Refused => "over a limit, or of a format that is not supported",
        Outcome::Duplicate => "the same bytes as an earlier input, counted once",
    }
}

/// How many inputs ended so.
pub(crate) fn total(totals: &TriageTotals, outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Match => totals.matches,
        Outcome::Possible => totals.possible,
        Outcome::NoMatch => totals.no_match,
        Outcome::TooPlain => totals.too_plain,
        Outcome::Unreadable => totals.unreadable,
        Outcome::Refused => totals.refused,
        Outcome::Duplicate => totals.duplicate,
    }
}

/// Class of the verdict's frame, its short name, and what it says to somebody who reads only this.
pub(crate) fn statement(statement: Statement) -> (&'static str, &'static str, &'static str) {
    match statement {
        Statement::Ours => (
            "ours",
            "Ours",
            "The images of this leak come from records of this index, far more than chance could give.",
        ),
        Statement::PartlyOurs => (
            "ours",
            "Partly ours",
            "A part of the leak comes from records of this index, more than chance could give. For the rest, nothing was found.",
        ),
        Statement::CompatibleWithChance => (
            "unsure",
            "Compatible with chance",
            "There are matches, but not more than chance alone would give among so many images. They do not show that the \
             leak comes from this index.",
        ),
        Statement::NotOurs => (
            "theirs",
            "Not ours",
            "No image of the leak matches a record of this index. What could be ours all the same is stated below.",
        ),
        Statement::Undecided => (
            "unsure",
            "Undecided",
            "Images may be ours, but their number alone does not prove it. Somebody has to look at them.",
        ),
        Statement::NothingCompared => (
            "void",
            "Nothing compared",
            "No image of the leak could be compared, so nothing can be said about where it comes from.",
        ),
    }
}

/// How sure a match is.
pub(crate) fn band(band: Band) -> &'static str {
    match band {
        Band::Strong => "strong",
        Band::Possible => "possible",
    }
}

/// What a match rests on.
fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Global => "whole image",
        Tier::Local => "details",
        Tier::Both => "image and details",
    }
}

/// What was done to the record's image.
fn orientation(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Upright => "upright",
        Orientation::Rot90 => "turned right",
        Orientation::Rot180 => "upside down",
        Orientation::Rot270 => "turned left",
        Orientation::Mirror => "mirrored",
        Orientation::MirrorRot90 => "mirrored, turned right",
        Orientation::MirrorRot180 => "mirrored, upside down",
        Orientation::MirrorRot270 => "mirrored, turned left",
    }
}

/// How much of the record's image is shown.
fn extent(extent: CopyExtent) -> &'static str {
    match extent {
        CopyExtent::Whole => "all of it",
        CopyExtent::Part => "part of it",
        CopyExtent::Altered => "altered",
        CopyExtent::Unclear => "extent unclear",
        _ => "of an extent that this page does not know",
    }
}

/// All that in one line; with evidence, its numbers too.
pub(crate) fn how(found: &MatchReport) -> String {
    let mut words =
        [band(found.band), tier(found.tier), orientation(found.orientation), extent(found.copy)].join("; ");
    if let Some(distance) = found.distance {
        let _ = write!(words, "; {distance} bits");
        if let Some(runner_up) = found.runner_up {
            let _ = write!(words, ", next {runner_up}");
        }
    }
    if let Some(agreement) = &found.agreement {
        if let (Some(features), Some(in_view)) = (agreement.features, agreement.in_view) {
            let _ = write!(words, "; {features} of {in_view} details");
        }
        if let Some(score) = agreement.score {
            let _ = write!(words, "; weight {score:.1}");
        }
    }
    words
}
