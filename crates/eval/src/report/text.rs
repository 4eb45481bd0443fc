//! The report for a terminal.

use std::fmt::Write as _;

use super::{EvalReport, HashCell, Row};
use saltprint::{Looks, Share};

/// A share as percent, without decimals where there are none.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 99.95 || percent == 0.0 { format!("{percent:.0}") } else { format!("{percent:.1}") }
}

/// Percent of `count` in `of`; a dash for none.
pub(super) fn of(count: u64, of: u64) -> String {
    if of == 0 { "-".to_owned() } else { percent(count as f64 / of as f64) }
}

/// `97.5 [94.2-99.2]`.
pub(super) fn interval(share: &Share) -> String {
    match share.value {
        Some(middle) => format!("{} [{}-{}]", percent(middle), percent(share.low), percent(share.high)),
        None => "-".to_owned(),
    }
}

/// A short heading of a baseline's column: `PDQ@31`, or `PDQ none` where no threshold is safe.
pub(super) fn heading(method: &str, bits: Option<u32>) -> String {
    bits.map_or_else(|| format!("{method} none"), |bits| format!("{method}@{bits}"))
}

pub(super) fn table(report: &EvalReport) -> String {
    let setup = &report.setup;
    let filled = match setup.invented {
        0 => String::new(),
        invented => format!(" among {invented} invented ones"),
    };
    let mut text = format!(
        "{} records{filled} and {} strangers of {}, seed {}; up to {} records an edit{}. Percent, with 95 % intervals.\n\n",
        setup.records,
        setup.strangers,
        setup.vault_words(),
        setup.seed,
        setup.queries_per_edit,
        if setup.looks == Looks::Quick { "; quick looks" } else { "" }
    );
    let _ = write!(
        text,
        "{:<19} {:>6} {:>19} {:>8} {:>6} {:>6}",
        "edit", "images", "right, strong", "possible", "wrong", "missed"
    );
    for (method, threshold) in report.hash_columns() {
        let _ = write!(text, " {:>10}", heading(method, threshold.bits));
    }
    text.push('\n');
    for row in report.edits.iter().chain(std::iter::once(&report.total)) {
        line(&mut text, row, &row.edit);
    }
    if report.kinds.len() > 1 {
        text.push('\n');
        for row in &report.kinds {
            line(&mut text, row, &row.kind);
        }
    }
    text.push_str("\nStrangers: matched though they should not be\n");
    for row in &report.strangers {
        let counts = row.counts;
        let _ = write!(
            text,
            "{:<19} {:>6} {:>19} {:>8} {:>6} {:>6}",
            row.images,
            counts.images,
            format!("strong {}", counts.strong),
            counts.possible,
            "",
            ""
        );
        hashes(&mut text, &row.hashes, |cell| cell.wrong.to_string());
    }
    let all = &report.strangers[0];
    if all.counts.images > 0 {
        let _ = writeln!(
            text,
            "With 95 % confidence fewer than {} % of such strangers are matched in the strong band.",
            small(all.strong.high * 100.0)
        );
    }
    text.push_str(
        "\nPossible: the right record in the possible band only. Wrong: anybody else in the strong band. Missed: all else.\n\
         A baseline's column is what it accepts rightly (records) or at all (strangers, counts) at that threshold in bits;\n\
         the second of each is the widest at which it accepts nobody wrong here.\n",
    );
    for note in &report.notes {
        let _ = writeln!(text, "- {note}");
    }
    text
}

fn line(text: &mut String, row: &Row, name: &str) {
    let counts = row.counts;
    let missed = counts.images - counts.strong - counts.possible - counts.wrong_strong;
    let _ = write!(
        text,
        "{name:<19} {:>6} {:>19} {:>8} {:>6} {:>6}",
        counts.images,
        interval(&row.recall),
        of(counts.possible, counts.images),
        of(counts.wrong_strong, counts.images),
        of(missed, counts.images)
    );
    hashes(text, &row.hashes, |cell| of(cell.right, counts.images));
}

fn hashes(text: &mut String, cells: &[HashCell], show: impl Fn(&HashCell) -> String) {
    for cell in cells {
        let _ = write!(text, " {:>10}", show(cell));
    }
    text.push('\n');
}

/// A small percentage with two significant digits.
pub(super) fn small(percent: f64) -> String {
    if percent >= 10.0 {
        format!("{percent:.0}")
    } else if percent >= 1.0 {
        format!("{percent:.1}")
    } else if percent >= 0.1 {
        format!("{percent:.2}")
    } else {
        format!("{percent:.3}")
    }
}
