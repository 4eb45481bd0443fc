//! Hits over time, above what the index holds.

use maud::{Markup, html};

use super::{WIDTH, at, drawing, label, line, rect};
use crate::buckets::Buckets;
use crate::text::{number, part};

const LEFT: f64 = 56.0;
const TOP: f64 = 22.0;
const PANEL: f64 = 120.0;
const LOWER: f64 = 60.0;
const GAP: f64 = 26.0;

/// Hits and records of every column, as two panels with scales of their own.
pub(crate) fn timeline(buckets: Buckets, counts: &[(u64, u64)]) -> Markup {
    let width = (WIDTH - LEFT - 8.0) / counts.len().max(1) as f64;
    let x = |column: usize| LEFT + width * column as f64;
    let height = TOP + PANEL + GAP + LOWER + 22.0;
    let bases = [TOP + PANEL, TOP + PANEL + GAP + LOWER];
    let hits: u64 = counts.iter().map(|(hits, _)| hits).sum();
    let peak = counts.iter().enumerate().max_by_key(|(column, (hits, _))| (*hits, usize::MAX - column));
    let desc = match peak {
        Some((column, (most, _))) if *most > 0 => format!(
            "{} dated hits; most, {}, in {}. The same numbers stand in the last row of the map above.",
            number(hits),
            number(*most),
            buckets.label(column)
        ),
        _ => "No dated record was hit.".to_owned(),
    };
    let body = html! {
        (panel("f-match", "records hit", bases[0], PANEL, counts.iter().map(|(hits, _)| *hits), &x, width, |column| {
            let (hits, indexed) = counts[column];
            format!("{}: {} of {} hit ({})", buckets.label(column), number(hits), number(indexed), part(hits, indexed))
        }))
        (panel("f-stranger", "records in the index", bases[1], LOWER, counts.iter().map(|(_, indexed)| *indexed), &x, width, |column| {
            format!("{}: {} in the index", buckets.label(column), number(counts[column].1))
        }))
        @let step = (counts.len() as f64 * 58.0 / (WIDTH - LEFT)).ceil().max(1.0);
        @for column in (0..counts.len()).filter(|column| (*column as f64 % step) < 0.5) {
            text.mid.dim x=(at(x(column) + width / 2.0)) y=(at(height - 6.0)) { (buckets.label(column)) }
        }
    };
    drawing("timeline", "chart", [WIDTH, height], "Hits by month of capture", &desc, &body)
}

#[expect(clippy::too_many_arguments, reason = "a panel is drawn in one place, twice")]
fn panel(
    class: &str,
    name: &str,
    base: f64,
    tall: f64,
    values: impl Iterator<Item = u64> + Clone,
    x: &impl Fn(usize) -> f64,
    width: f64,
    title: impl Fn(usize) -> String,
) -> Markup {
    let most = values.clone().max().unwrap_or(0);
    html! {
        (label("end dim", [WIDTH - 8.0, base - tall - 6.0], name))
        (line("axis", [LEFT, base, WIDTH - 8.0, base]))
        @if most > 0 {
            (line("grid", [LEFT, base - tall, WIDTH - 8.0, base - tall]))
            (label("end dim", [LEFT - 6.0, base - tall + 4.0], &number(most)))
        }
        (label("end dim", [LEFT - 6.0, base + 4.0], "0"))
        @for (column, value) in values.enumerate().filter(|(_, value)| *value > 0) {
            // One hit beside thousands must still be seen.
            @let up = (tall * value as f64 / most as f64).max(2.0);
            @let gap = if width > 4.0 { 1.5 } else { 0.3 };
            (rect(class, [x(column) + gap / 2.0, base - up, (width - gap).max(0.5), up], &title(column)))
        }
    }
}
