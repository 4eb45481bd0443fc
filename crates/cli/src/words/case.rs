//! A case in the terminal: verdict first, then what it rests on.

use std::fmt::Write as _;

use saltprint::case::{CaseSummary, CopyCounts, Statement};

use super::colour::Tone;
use super::several;

/// Sources that are shown; the report has all.
const SHOWN: usize = 8;

/// The summary of a case.
pub(crate) fn case(summary: &CaseSummary) -> String {
    let verdict = &summary.verdict;
    let tone = match verdict.statement {
        Statement::Ours | Statement::PartlyOurs => Tone::Ours,
        Statement::Undecided | Statement::NothingCompared => Tone::Open,
        Statement::CompatibleWithChance | Statement::NotOurs => Tone::Calm,
    };
    let mut text = format!("{}\n\n", tone.paint(&format!("VERDICT  {}", verdict.headline)));
    text.push_str(&super::totals(&summary.totals));
    if summary.hidden > 0 {
        let _ = writeln!(text, "  {} hidden names were passed over and not looked at", summary.hidden);
    }
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{}", Tone::Heading.paint(title));
            for line in lines {
                text.push_str(&wrapped(line));
            }
        }
    };
    section("Why", &verdict.reasons);
    section("The copies", &copies(&summary.copies));
    section("Where they come from", &attribution(summary));
    section("What could hide", &summary.negative.sentences);
    section("What would change this", &verdict.would_change);
    section("What the index held", &coverage(summary));
    text
}

fn copies(copies: &CopyCounts) -> Vec<String> {
    let all = [
        (copies.whole, "show a whole record and nothing that looks different"),
        (copies.part, "show a part of a record, or a record in a larger picture"),
        (copies.altered, "are altered: a part in view looks different"),
        (copies.unclear, "cannot be told to be unchanged"),
        (copies.turned, "are turned"),
        (copies.mirrored, "are mirrored"),
        (copies.several, "show several of our records"),
        (copies.versions, "show a document of which several versions are stored"),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}.")).collect()
}

fn attribution(summary: &CaseSummary) -> Vec<String> {
    let told = &summary.attribution;
    let mut lines = Vec::new();
    if let Some(explanation) = &told.explanation {
        let place = &explanation.place;
        lines.push(format!(
            "{} explains the hits best: {} of {} hits, in {} of {} indexed records. The chance that any place stands out as much by accident is {} at most.",
            place.name, place.hits, told.hits, place.indexed, told.indexed, chance(explanation.chance),
        ));
        if let Some(other) = explanation.alternatives.first() {
            lines.push(format!(
                "Next best is {} ({} in {}), {} times less likely.",
                other.name,
                several(other.hits, "hit"),
                several(other.indexed, "record"),
                ratio(place.log_likelihood_ratio - other.log_likelihood_ratio),
            ));
        }
    }
    if told.hits > 0 && told.explanation.is_none() {
        lines.push("No source or period stands out: the hits are spread as the index is.".to_owned());
    }
    if told.hits > 0 {
        let hit: Vec<_> = told.sources.iter().filter(|source| source.hits > 0).collect();
        for source in hit.iter().take(SHOWN) {
            let name = source.name.as_deref().unwrap_or("source unknown");
            lines.push(format!("{}: {} of {} records hit.", name, source.hits, source.indexed));
        }
        if let Some(more) = hit.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("And {}; the report has all.", several(more as u64, "more source")));
        }
    }
    lines.extend(told.warnings.iter().cloned());
    lines
}

fn coverage(summary: &CaseSummary) -> Vec<String> {
    let coverage = &summary.coverage;
    let period = match (coverage.first, coverage.last) {
        (Some(first), Some(last)) => format!("captured from {first} to {last}"),
        (None, _) | (_, None) => "without months of capture".to_owned(),
    };
    let rejected = coverage.vault.too_plain + coverage.vault.unreadable + coverage.vault.refused;
    let mut lines = vec![format!(
        "{} of {}, {period}; {} of the vault could not be indexed. Generation {}, built {}.",
        several(summary.index.records, "record"),
        several(coverage.sources.len() as u64, "source"),
        several(rejected, "input"),
        summary.index.generation,
        super::date(summary.index.built),
    )];
    if let Some(previous) = &summary.index.previous {
        lines.push(format!(
            "The index under the keys before was asked as well: {}, generation {}, built {}; records that both hold count once.",
            several(previous.records, "record"),
            previous.generation,
            super::date(previous.built),
        ));
    }
    lines
}

fn chance(chance: f64) -> String {
    if chance < 1e-9 { "one in a thousand million".to_owned() } else { format!("{chance:.1e}") }
}

fn ratio(log: f64) -> String {
    if log > 20.0 { "more than a hundred million".to_owned() } else { format!("{:.1}", log.exp()) }
}

/// A sentence as an indented paragraph of at most 100 columns.
fn wrapped(sentence: &str) -> String {
    const WIDTH: usize = 96;
    let mut text = String::from("  ");
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push_str("\n    ");
            column = 2;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_keep_their_width_and_words() {
        let sentence = "word ".repeat(60);
        let text = wrapped(sentence.trim_end());
        assert!(text.lines().all(|line| line.chars().count() <= 100 && line.starts_with("  ")));
        assert_eq!(text.split_whitespace().count(), 60);
    }

    #[test]
    fn small_chances_and_large_ratios_are_words() {
        assert_eq!(chance(1e-40), "one in a thousand million");
        assert_eq!(chance(0.002), "2.0e-3");
        assert_eq!(ratio(300.0), "more than a hundred million");
        assert_eq!(ratio(0.0), "1.0");
    }
}
