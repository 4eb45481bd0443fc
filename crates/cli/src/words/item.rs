//! One image, for a person who has read no manual.

use std::fmt::Write as _;

use saltprint::{CopyExtent, ItemReport, MatchReport, Outcome, Status, TriageTotals};
use saltprint_fingerprint::Orientation;
use saltprint_keys::EpochId;
use saltprint_matching::{Band, Basis, Tier};

use super::colour::Tone;

/// What an answer rests on, for its words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    basis: Basis,
    /// Chance that a stranger's image is called a match, over all epochs that were asked.
    strong_chance: f64,
    /// The present epoch, and the one before with the end of its time.
    epoch: EpochId,
    previous: Option<(EpochId, u64)>,
}

impl Ground {
    /// `strong_chance` is that of one generation.
    pub(crate) fn new(status: &Status, strong_chance: f64) -> Self {
        let measured = [status.rule.basis(), status.local_rule.basis()] == [Basis::Measured; 2];
        let previous = status.previous.filter(|previous| previous.answers);
        let epochs = if previous.is_some() { 2.0 } else { 1.0 };
        Self {
            basis: if measured { Basis::Measured } else { Basis::Assumed },
            strong_chance: strong_chance * epochs,
            epoch: status.epoch,
            previous: previous.map(|previous| (previous.epoch, previous.until)),
        }
    }

    /// What to say of the epoch of a match; nothing of the present one.
    fn epoch(&self, epoch: EpochId) -> Option<String> {
        match self.previous {
            _ if epoch == self.epoch => None,
            Some((previous, until)) if previous == epoch => {
                Some(format!("found under the keys before, which answer until {}", super::date(until)))
            }
            Some(_) | None => Some(format!("found in the epoch {epoch}, which is not the present one")),
        }
    }
}

/// One input of `lookup`: the answer in its first line, then a paragraph a record.
pub(crate) fn item(report: &ItemReport, ground: &Ground) -> String {
    let mut text = head(report);
    let mut last = 0;
    for found in &report.matches {
        let version = found.document == last;
        last = found.document;
        text.push_str(&matched(found, version, ground));
    }
    text
}

/// The answer in one line.
fn head(report: &ItemReport) -> String {
    let (tone, head) = match report.outcome {
        Outcome::Match => (Tone::Ours, "match: this is one of our records"),
        Outcome::Possible => (Tone::Open, "possible match: compare by eye before relying on it"),
        Outcome::NoMatch => (Tone::Calm, "no match: no record is near enough"),
        Outcome::TooPlain => (Tone::Plain, "too plain to be compared (blank, or a single colour)"),
        Outcome::Unreadable => (Tone::Plain, "unreadable"),
        Outcome::Refused => (Tone::Plain, "refused"),
        Outcome::Duplicate => (Tone::Plain, "duplicate"),
    };
    let mut text = format!("{}: {}", report.input, tone.paint(head));
    if let Some(reason) = &report.reason {
        let _ = write!(text, ": {}", reason.text);
    }
    text.push('\n');
    text
}

/// One line on an input that could not be used.
pub(crate) fn reject(report: &ItemReport) -> String {
    head(report)
}

/// Counters for a progress line.
pub(crate) fn counters(totals: &TriageTotals) -> String {
    let other = totals.too_plain + totals.unreadable + totals.refused + totals.duplicate;
    format!(
        "{} match, {} possible, {} no match, {other} other",
        totals.matches, totals.possible, totals.no_match
    )
}

fn matched(found: &MatchReport, version: bool, ground: &Ground) -> String {
    let captured = found.captured.map_or_else(|| "month unknown".to_owned(), |month| month.to_string());
    let title = if version { "version" } else { "record" };
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "  {label:<10} {value}");
    };
    let also = if version { "  (another stored version of the same document, less alike)" } else { "" };
    line(title, format!("{}{also}", found.record_ref));
    line(
        "from",
        format!(
            "{}, {captured}, {}",
            found.source.as_deref().unwrap_or("source unknown"),
            found.kind.as_deref().unwrap_or("kind unknown"),
        ),
    );
    line("certainty", certainty(found.band, ground.basis, ground.strong_chance));
    line("shows", extent(found));
    if found.orientation != Orientation::Upright {
        line("turned", turned(found.orientation).to_owned());
    }
    line("found by", tier(found.tier).to_owned());
    if let Some(epoch) = ground.epoch(found.epoch) {
        line("epoch", epoch);
    }
    if let Some(numbers) = numbers(found) {
        line("evidence", numbers);
    }
    text
}

fn certainty(band: Band, basis: Basis, strong_chance: f64) -> String {
    match (band, basis) {
        (Band::Strong, Basis::Measured) => {
            format!(
                "strong: of a million strangers' images {} would look as near",
                per_million(strong_chance)
            )
        }
        (Band::Strong, Basis::Assumed) => {
            "strong, by assumed thresholds: the index is too small to measure strangers".to_owned()
        }
        (Band::Possible, _) => "possible: alike, but not beyond doubt".to_owned(),
    }
}

fn per_million(chance: f64) -> String {
    let count = chance * 1e6;
    if count > 1.0 { format!("at most {count:.0}") } else { "at most one".to_owned() }
}

/// How much of the record the input shows.
fn extent(found: &MatchReport) -> String {
    let covered = found.agreement.as_ref().map(|agreement| agreement.covered * 100.0);
    match (found.copy, covered) {
        (CopyExtent::Whole, _) => "all of the record's image, unchanged as far as can be told".to_owned(),
        (CopyExtent::Part, Some(covered)) => {
            format!(
                "a part of the record's image, or it lies in a larger picture; places that agree span {covered:.0} % of it"
            )
        }
        (CopyExtent::Part, None) => "a part of the record's image, or it lies in a larger picture".to_owned(),
        (CopyExtent::Altered, _) => {
            "ALTERED: a part in view looks different while the rest agrees".to_owned()
        }
        (CopyExtent::Unclear | _, _) => "cannot tell whether all of it is unchanged".to_owned(),
    }
}

fn turned(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Upright => "not at all",
        Orientation::Rot90 => "a quarter turn clockwise",
        Orientation::Rot180 => "upside down",
        Orientation::Rot270 => "a quarter turn counter-clockwise",
        Orientation::Mirror => "mirrored",
        Orientation::MirrorRot90 => "mirrored, and a quarter turn clockwise",
        Orientation::MirrorRot180 => "mirrored, and upside down",
        Orientation::MirrorRot270 => "mirrored, and a quarter turn counter-clockwise",
    }
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Global => "the whole image",
        Tier::Local => "details that lie as in the record",
        Tier::Both => "details and the whole image together",
    }
}

/// Distances, where the role may see them.
fn numbers(found: &MatchReport) -> Option<String> {
    let distance = found.distance?;
    let runner_up = found
        .runner_up
        .map_or_else(|| "no other subject near".to_owned(), |bits| format!("nearest other subject {bits}"));
    let mut text = format!("whole images differ by {distance} of 256 bits, {runner_up}");
    if let Some((features, in_view)) =
        found.agreement.as_ref().and_then(|agreement| agreement.features.zip(agreement.in_view))
    {
        let _ = write!(text, "; {features} of {in_view} details in view agree");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_can_read_it() {
        let json = r#"{"input": "leaked.jpg", "outcome": "match", "matches": [
            {"ref": "rec_000102030405060708090a0b0c0d0e0f", "epoch": "000102030405060708090a0b0c0d0e0f", "band": "strong", "tier": "local", "orientation": "rot90",
             "source": "vendor-a", "captured": "2019-07", "kind": null, "document": 1, "copy": "part",
             "agreement": {"region": [0.1, 0.2, 0.9, 0.8], "covered": 0.48, "features": 20, "in_view": 31, "score": 9.5},
             "distance": 80, "runner_up": 90},
            {"ref": "rec_ffffffffffffffffffffffffffffffff", "epoch": "01010101010101010101010101010101", "band": "strong", "tier": "global", "orientation": "upright",
             "source": null, "captured": null, "kind": "card", "document": 1, "copy": "altered"}]}"#;
        let report: ItemReport = serde_json::from_str(json).unwrap();
        let ground = Ground {
            basis: Basis::Measured,
            strong_chance: 1e-6,
            epoch: EpochId::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap())),
            previous: Some((EpochId::from_bytes([1; 16]), 951_827_696)),
        };
        let text = anstream::adapter::strip_str(&item(&report, &ground)).to_string();
        assert_eq!(
            text,
            "leaked.jpg: match: this is one of our records\n\
             \x20 record     rec_000102030405060708090a0b0c0d0e0f\n\
             \x20 from       vendor-a, 2019-07, kind unknown\n\
             \x20 certainty  strong: of a million strangers' images at most one would look as near\n\
             \x20 shows      a part of the record's image, or it lies in a larger picture; places that agree span 48 % of it\n\
             \x20 turned     a quarter turn clockwise\n\
             \x20 found by   details that lie as in the record\n\
             \x20 evidence   whole images differ by 80 of 256 bits, nearest other subject 90; 20 of 31 details in view agree\n\
             \x20 version    rec_ffffffffffffffffffffffffffffffff  (another stored version of the same document, less alike)\n\
             \x20 from       source unknown, month unknown, card\n\
             \x20 certainty  strong: of a million strangers' images at most one would look as near\n\
             \x20 shows      ALTERED: a part in view looks different while the rest agrees\n\
             \x20 found by   the whole image\n\
             \x20 epoch      found under the keys before, which answer until 2000-02-29 12:34 UTC\n"
        );
    }
}
