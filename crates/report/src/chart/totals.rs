//! How many inputs ended how, as one bar.

use maud::{Markup, html};
use saltprint::TriageTotals;

use super::at;
use crate::text::{number, part};
use crate::words::{self, OUTCOMES};

/// Least width of a part that is not empty, in thousandths of the bar: a single match among thousands must be seen.
const LEAST: f64 = 4.0;

/// The bar; for one input or more.
pub(crate) fn bar(totals: &TriageTotals) -> Markup {
    let parts: Vec<(saltprint::Outcome, u64)> = OUTCOMES
        .into_iter()
        .map(|outcome| (outcome, words::total(totals, outcome)))
        .filter(|(_, value)| *value > 0)
        .collect();
    let all = parts.iter().map(|(_, value)| value).sum::<u64>() as f64;
    let widths: Vec<f64> = parts.iter().map(|(_, value)| (1000.0 * *value as f64 / all).max(LEAST)).collect();
    // What the least widths took is taken from all in turn.
    let scale = 1000.0 / widths.iter().sum::<f64>();
    let desc = parts
        .iter()
        .map(|(outcome, value)| format!("{} {}", number(*value), words::outcome(*outcome)))
        .collect::<Vec<_>>()
        .join(", ");
    let mut x = 0.0;
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-labelledby="t-totals d-totals" {
            title #t-totals { "Inputs by outcome" }
            desc #d-totals { (desc) }
            @for ((outcome, value), width) in parts.iter().zip(widths) {
                @let width = width * scale;
                rect.{ "f-" (words::class(*outcome)) } x=(at(x)) y="0" width=(at((width - 1.0).max(1.0))) height="10" {
                    title { (words::outcome(*outcome)) ": " (number(*value)) " (" (part(*value, totals.inputs)) ")" }
                }
                @let () = x += width;
            }
        }
    }
}
