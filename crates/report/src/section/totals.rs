//! How many inputs ended how, as one bar and as numbers that add up.

use maud::{Markup, html};
use saltprint::case::CaseSummary;

use crate::chart::totals::bar;
use crate::text::{bytes, count, number, part, verb};
use crate::words::{self, OUTCOMES};

pub(super) fn totals(summary: &CaseSummary) -> Markup {
    let totals = &summary.totals;
    let sum: u64 = OUTCOMES.iter().map(|outcome| words::total(totals, *outcome)).sum();
    html! {
        p {
            "The leak holds " (count(summary.files, "file", "files")) " of " (bytes(summary.bytes)) " in all, with "
            (count(totals.inputs, "input", "inputs")) " to look up; archives and documents of several pages give several. "
            @if summary.hidden > 0 {
                (count(summary.hidden, "hidden name was", "hidden names were"))
                " passed over (what macOS adds to folders: resource forks, .DS_Store and the like)."
            }
        }
        @if totals.inputs == 0 {
            p { "There was nothing to look up." }
        } @else {
            (bar(totals))
            table {
                caption { "Every input ends in exactly one of these ways. A name leads to the items." }
                thead { tr {
                    th scope="col" { "Outcome" } th.n scope="col" { "Inputs" } th.n scope="col" { "Share" }
                } }
                tbody { @for outcome in OUTCOMES {
                    @let value = words::total(totals, outcome);
                    tr {
                        th scope="row" {
                            (swatch(words::class(outcome)))
                            @if value > 0 {
                                a href={ "#outcome=" (words::class(outcome)) } { (words::outcome(outcome)) }
                            } @else { (words::outcome(outcome)) }
                            " " small { (words::meaning(outcome)) }
                        }
                        td.n { (number(value)) } td.n { (part(value, totals.inputs)) }
                    }
                } }
                tfoot { tr {
                    th scope="row" { "all inputs" } td.n { (number(sum)) } td.n { (part(sum, totals.inputs)) }
                } }
            }
            @if sum != totals.inputs {
                p.warn {
                    "These numbers do not add up to the " (count(totals.inputs, "input", "inputs")) " that "
                    (verb(totals.inputs, "was", "were")) " counted. Do not rely on this page before that is explained."
                }
            }
        }
    }
}

/// A small square in the colour of an outcome.
fn swatch(class: &str) -> Markup {
    html! {
        svg.swatch viewBox="0 0 1 1" aria-hidden="true" { rect.{ "f-" (class) } width="1" height="1" {} }
    }
}
