//! Results in words and aligned columns.

mod case;
mod colour;
pub(crate) mod erase;
mod item;

use std::fmt::Write as _;

use saltprint::{Looks, RebuildSummary, Status, TriageSummary, TriageTotals};
use saltprint_matching::{Basis, DecisionRule, LocalRule};

pub(crate) use case::case;
pub(crate) use colour::{Tone, say};
pub(crate) use item::{Ground, counters, item, reject};
pub(crate) use saltprint::date;

/// Cells of the table of sources and months that are shown; the summary file has all.
const SHOWN_CELLS: usize = 12;

/// What a quick look says of itself.
pub(crate) const QUICK: &str = "This was a quick look: images in which nothing hinted at a record got no finer look.\n\
    Documents that take up little of a picture are missed that way; without --quick more of them are found.";

/// The summary of a triage, verdict first.
pub(crate) fn triage(summary: &TriageSummary) -> String {
    let TriageTotals { matches, possible, .. } = summary.totals;
    let compared = summary.totals.compared();
    let tone = if matches > 0 {
        Tone::Ours
    } else if possible > 0 {
        Tone::Open
    } else {
        Tone::Calm
    };
    let mut text = format!("{}\n\n{}", tone.paint(&verdict(summary)), totals(&summary.totals));
    if !summary.hits.is_empty() {
        text.push_str("\nMatches by source and month of capture:\n");
        for cell in summary.hits.iter().take(SHOWN_CELLS) {
            let captured = cell.captured.map_or_else(|| "unknown".to_owned(), |month| month.to_string());
            let source = cell.source.as_deref().unwrap_or("source unknown");
            let _ = writeln!(text, "{:>9}  {source:<24} {captured}", cell.images);
        }
        if let Some(more) = summary.hits.len().checked_sub(SHOWN_CELLS).filter(|more| *more > 0) {
            let _ = writeln!(text, "           and {more} more; `--summary FILE` has them all");
        }
    }
    let _ = writeln!(text, "\nGeneration {}, {}.", summary.generation, several(summary.records, "record"));
    if let Some(previous) = summary.previous.filter(|previous| previous.answers) {
        let _ = writeln!(
            text,
            "The keys before were asked as well: generation {}, {}, until {}.",
            previous.generation.unwrap_or_default(),
            several(previous.records.unwrap_or_default(), "record"),
            date(previous.until)
        );
    }
    let _ = match summary.basis {
        Basis::Measured => writeln!(
            text,
            "Chance alone would be expected to give at most {} strong matches among {compared}, by the tail measured on this vault.",
            small(summary.expected_chance_matches),
        ),
        Basis::Assumed => writeln!(
            text,
            "The index is too small to measure how near strangers come; thresholds are assumed, and no chance can be stated."
        ),
    };
    if summary.looks == Looks::Quick {
        let _ = writeln!(text, "{QUICK}");
    }
    text.push_str(
        "Small cut-outs, tiny or strongly blurred copies and photographs of a screen can be missed,\n\
         so \"no match\" is not proof that an image is not ours.\n",
    );
    text
}

/// How many inputs ended how.
fn totals(totals: &TriageTotals) -> String {
    let TriageTotals {
        inputs, matches, possible, no_match, too_plain, unreadable, refused, duplicate, ..
    } = *totals;
    let mut text = String::new();
    for (count, label, tone) in [
        (matches, "match a record of the index", Tone::Ours),
        (possible, "possibly match; compare by eye", Tone::Open),
        (no_match, "match no record", Tone::Calm),
        (too_plain, "too plain to be compared", Tone::Plain),
        (unreadable, "unreadable", Tone::Plain),
        (refused, "refused (limits, encryption, unsupported formats)", Tone::Plain),
        (duplicate, "repeat another input", Tone::Plain),
    ] {
        let line = format!("{count:>9}  {label}");
        let _ = writeln!(text, "{}", if count > 0 { tone.paint(&line) } else { line });
    }
    let _ = writeln!(text, "{inputs:>9}  images and other inputs");
    text
}

/// One sentence that answers the question.
fn verdict(summary: &TriageSummary) -> String {
    let TriageTotals { matches, possible, no_match, .. } = summary.totals;
    let compared = matches + possible + no_match;
    let share = percent(matches, compared);
    if compared == 0 {
        "VERDICT: nothing could be compared; the inputs below say why.".to_owned()
    } else if matches == 0 && possible == 0 {
        format!("VERDICT: no sign that these are ours: none of {compared} compared images matches a record.")
    } else if matches == 0 {
        format!(
            "VERDICT: open: no certain match, but {possible} of {compared} compared images may be ours and need a look."
        )
    } else if no_match == 0 && possible == 0 {
        format!(
            "VERDICT: these are ours: all {compared} compared images match {} of our records.",
            summary.matched_records
        )
    } else {
        format!(
            "VERDICT: partly ours: {matches} of {compared} compared images ({share}) match {} of our records.",
            summary.matched_records
        )
    }
}

/// The summary of a rebuild.
pub(crate) fn rebuild(summary: &RebuildSummary) -> String {
    let totals = summary.totals;
    let mut text = if summary.published {
        format!("Generation {} published", summary.generation)
    } else {
        format!("Nothing changed; generation {} stays published", summary.generation)
    };
    let _ = write!(text, " ({:.1} s)\n\n", summary.seconds);
    if summary.rotated {
        let _ = writeln!(text, "The next keys are in use: epoch {}.", summary.epoch);
    }
    if let Some(previous) = summary.previous {
        let _ = writeln!(text, "The previous epoch answers until {}.", date(previous.until));
    }
    for (count, label) in [
        (totals.indexed, "indexed"),
        (totals.duplicate, "indexed, with the same bytes as another record"),
        (totals.too_plain, "too plain (blank, or a single colour)"),
        (totals.unreadable, "unreadable"),
        (totals.refused, "refused"),
    ] {
        let _ = writeln!(text, "{count:>9}  {label}");
    }
    let _ = writeln!(
        text,
        "{:>9}  inputs; {} of them not read, being as they were",
        totals.inputs, summary.unread
    );
    if summary.resumed > 0 {
        let _ = writeln!(text, "{:>9}  had been fingerprinted by a run that did not end", summary.resumed);
    }
    if totals.erased > 0 {
        let _ =
            writeln!(text, "{:>9}  erased, and passed over: delete them in the vault as well", totals.erased);
    }
    let _ = writeln!(
        text,
        "\n{} unchanged, {} added, {} changed, {} removed records",
        summary.unchanged, summary.added, summary.changed, summary.removed
    );
    let _ = writeln!(text, "thresholds {}", thresholds(&summary.rule, &summary.local_rule));
    if !summary.kinds_without_template.is_empty() {
        let _ = writeln!(text, "kinds without a template: {}", summary.kinds_without_template.join(", "));
    }
    if summary.near_duplicates > 0 {
        let _ = writeln!(
            text,
            "sampled records of which another subject's record holds the image as well, in other bytes: {}",
            summary.near_duplicates
        );
    }
    let print = summary.print;
    if print.looked_up > 0 {
        let _ = writeln!(
            text,
            "{} looked up for what is in common with others, {} read again for new ones, {} left",
            several(print.looked_up, "record"),
            print.read,
            print.left
        );
    }
    let selection = summary.selection;
    if selection.weak > 0 {
        let _ = writeln!(
            text,
            "{} of {} new records have few details of their own; crops and pictures of them may be missed",
            selection.weak, selection.records
        );
    }
    if selection.faded > 0 {
        let _ = writeln!(
            text,
            "{} of {} records that were written anew have few details of their own left, as others have come to share them",
            selection.faded, selection.recounted
        );
    }
    for segment in &summary.segments {
        let state = if segment.new { "new" } else { "kept" };
        let _ = write!(text, "segment of {} ({state})", several(segment.records.into(), "record"));
        match (segment.graph, segment.graph_recall) {
            (true, Some(recall)) => {
                let _ = write!(text, ", graph finds {:.1} % of planted queries", recall * 100.0);
            }
            (false, Some(_)) => text.push_str(", graph left out"),
            (_, None) => text.push_str(", exact scan"),
        }
        text.push('\n');
    }
    if let Some(path) = &summary.rejects_file {
        let _ = writeln!(text, "\nRejected inputs are named in {}", path.display());
    }
    text
}

/// What an index holds.
pub(crate) fn status(status: &Status) -> String {
    let coverage = status.coverage;
    let mut text = format!(
        "generation  {}\nepoch       {}\nbuilt       {}\nrecords     {}\nsegments    {} ({} with a graph), {}\nprofile     {}\n",
        status.generation,
        status.epoch,
        date(status.created),
        status.records,
        status.segments,
        status.graphs,
        bytes(status.bytes),
        if status.builtin_profile { "built in" } else { "calibrated on the vault" },
    );
    if let Some(previous) = status.previous {
        let _ = match (previous.generation, previous.records) {
            (Some(generation), Some(records)) => writeln!(
                text,
                "previous    epoch {}, generation {generation}, {}, answers until {}",
                previous.epoch,
                several(records, "record"),
                date(previous.until)
            ),
            (None, _) | (_, None) => writeln!(
                text,
                "previous    epoch {} should answer until {}, but its keys are not here",
                previous.epoch,
                date(previous.until)
            ),
        };
    }
    let _ = writeln!(
        text,
        "last vault  {} indexed, {} with the bytes of another, {} too plain, {} unreadable, {} refused, {} erased",
        coverage.indexed,
        coverage.duplicate,
        coverage.too_plain,
        coverage.unreadable,
        coverage.refused,
        coverage.erased
    );
    let _ = writeln!(text, "thresholds  {}", thresholds(&status.rule, &status.local_rule));
    if !status.kinds_without_template.is_empty() {
        let _ = writeln!(text, "templates   none of kinds {}", status.kinds_without_template.join(", "));
    }
    let strangers = status.strangers;
    if let (Some(nearest), Some(percent_1), Some(median)) =
        (strangers.nearest, strangers.percent_1, strangers.median)
    {
        let _ = writeln!(
            text,
            "strangers   nearest other subject of {} records: {median} bits in the middle, {percent_1} for the nearest 1 %, \
             {nearest} at least",
            strangers.sampled
        );
    }
    text
}

/// What the rules of both tiers rest on.
fn thresholds(rule: &DecisionRule, local: &LocalRule) -> &'static str {
    match (rule.basis(), local.basis()) {
        (Basis::Measured, Basis::Measured) => "measured on this vault",
        (Basis::Measured, Basis::Assumed) => {
            "of whole images measured on this vault, of details assumed: too few records to measure"
        }
        (Basis::Assumed, Basis::Measured) => {
            "of details measured on this vault, of whole images assumed: too few records to measure"
        }
        (Basis::Assumed, Basis::Assumed) => "assumed: too few records to measure",
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// So many of what is called `one`.
pub(crate) fn several(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn small(value: f64) -> String {
    if value >= 0.1 || value == 0.0 { format!("{value:.1}") } else { format!("{value:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(bytes(9_999), "9999 bytes");
        assert_eq!(bytes(327_872), "327.9 kB");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "-");
        assert_eq!(small(0.0005), "5.0e-4");
        assert_eq!(small(0.0), "0.0");
        assert_eq!(small(2.0), "2.0");
        assert_eq!([0, 1, 2].map(|count| several(count, "record")), ["0 records", "1 record", "2 records"]);
    }
}
