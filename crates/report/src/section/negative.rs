//! What could be ours all the same.

use maud::{Markup, html};
use saltprint::case::{CaseSummary, EditBound};

use super::{attribution::folded, sentences};
use crate::text::{interval, number, percent, prose};

pub(super) fn negative(summary: &CaseSummary) -> Markup {
    let negative = &summary.negative;
    let bounded = negative.edits.iter().any(|edit| edit.could_be_ours.is_some());
    html! {
        p {
            "A search that finds nothing has looked, but copies that were changed enough are missed. How often, was measured on \
             copies that were made for the purpose."
        }
        @if let Some(evaluation) = &negative.evaluation {
            p { "Measured by: " (prose(evaluation)) }
        } @else if negative.sentences.is_empty() {
            p.warn {
                "No evaluation was at hand, so it cannot be said how many copies of ours could hide in this leak. "
                code { "saltprint eval" } " measures it."
            }
        }
        @if !negative.sentences.is_empty() { (sentences(&negative.sentences)) }
        @if !negative.edits.is_empty() {
            (folded("What the evaluation found, by what was done to the copy", &html! { thead { tr {
                th scope="col" { "Edit" } th.n scope="col" { "Copies" } th.n scope="col" { "Found" }
                th scope="col" { "95 % interval" }
                @if bounded { th.n scope="col" { "Could be ours, at most" } }
            } } }, &negative.edits, |edit| row(edit, bounded)))
            p.soft {
                "Found: as a match or possible match. "
                @if bounded {
                    "The last column is the largest share of the compared images that could come from the index with that edit and have \
                     no match, with 95 % confidence; 100 % where such copies are not found at all."
                }
            }
        }
    }
}

fn row(edit: &EditBound, bounded: bool) -> Markup {
    let found = &edit.found;
    html! { tr {
        th scope="row" { (crate::text::shown(&edit.edit)) }
        td.n { (number(found.of)) }
        td.n { @match found.value { Some(share) => (percent(share)), None => "not measured" } }
        td.w { @if found.of > 0 { (interval(found)) } @else { "–" } }
        @if bounded { td.n { @match edit.could_be_ours { Some(share) => (percent(share)), None => "–" } } }
    } }
}
