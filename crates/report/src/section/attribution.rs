//! The place in the vault that explains the hits, the map of source and month, and the numbers behind both.

use maud::{Markup, html};
use saltprint::case::{Attribution, Cell, Explanation, Margin, Place};

use super::{heat::heat, scroll, sentences};
use crate::text::{chance, count, len, name_or, number, part, prose, times, verb};

/// Rows of a table that stand open; the others are folded away.
const OPEN: usize = 25;

pub(super) fn attribution(attribution: &Attribution) -> Markup {
    // Without hits, maps and tables of zeros would only repeat what the index held.
    if attribution.hits == 0 {
        return html! {
            p { "No record was hit in the strong band, so there is nothing to attribute." }
            (warnings(attribution))
        };
    }
    html! {
        p {
            (count(attribution.hits, "record was", "different records were")) " hit, of "
            (number(attribution.indexed)) " in the index (" (part(attribution.hits, attribution.indexed))
            "). Images that show the same record count once here."
        }
        @match &attribution.explanation {
            Some(explanation) => (explained(explanation, attribution)),
            None => { p { "No source or period stands out: the hits are spread as the index is." } }
        }
        (warnings(attribution))
        (heat(attribution))
        (cells(&attribution.cells))
        (margins("Hits by source", "Source", "no source stated", &attribution.sources))
        (margins("Hits by kind of document", "Kind", "no kind stated", &attribution.kinds))
    }
}

fn warnings(attribution: &Attribution) -> Markup {
    html! { @if !attribution.warnings.is_empty() {
        div.warn {
            h3 { "Before you rely on this" }
            (sentences(&attribution.warnings))
        }
    } }
}

fn explained(explanation: &Explanation, attribution: &Attribution) -> Markup {
    let place = &explanation.place;
    let other_hits = attribution.hits.saturating_sub(place.hits);
    let other_indexed = attribution.indexed.saturating_sub(place.indexed);
    html! {
        h3 { "The smallest place that explains the hits" }
        p { b { (prose(&place.name)) } }
        p {
            (number(place.hits)) " of its " (count(place.indexed, "record was", "records were")) " hit ("
            (part(place.hits, place.indexed)) ")"
            @if other_indexed > 0 {
                "; of the other " (count(other_indexed, "record", "records")) ", " (number(other_hits)) " "
                (verb(other_hits, "was", "were")) " (" (part(other_hits, other_indexed)) ")"
            }
            ". The hits are " b { (times(place.log_likelihood_ratio)) " times" }
            " more likely if records of this place leaked at their own rate than if all of the index leaked alike. "
            (count(explanation.tried, "place was", "places were"))
            " compared; if records had leaked alike everywhere, the probability that the best of them would stand out as much is at most "
            (chance(explanation.chance)) "."
        }
        @if explanation.alternatives.is_empty() {
            p { "No other place was there to compare it with." }
        } @else {
            (scroll("Other explanations", &html! { table {
                caption { "Other places, the best first. The last column says how many times less they explain than the place above." }
                thead { tr {
                    th scope="col" { "Place" } th.n scope="col" { "Hits" } th.n scope="col" { "Records" }
                    th.n scope="col" { "Share hit" } th.n scope="col" { "Less likely by" }
                } }
                tbody { @for other in &explanation.alternatives { (alternative(place, other)) } }
            } }))
        }
    }
}

fn alternative(best: &Place, other: &Place) -> Markup {
    let behind = best.log_likelihood_ratio - other.log_likelihood_ratio;
    html! { tr {
        th scope="row" { (prose(&other.name)) }
        td.n { (number(other.hits)) } td.n { (number(other.indexed)) } td.n { (part(other.hits, other.indexed)) }
        td.n { @if behind < 0.05 { "as likely" } @else { (times(behind)) " times" } }
    } }
}

fn cells(cells: &[Cell]) -> Markup {
    if cells.is_empty() {
        return html! {};
    }
    let head = html! { thead { tr {
        th scope="col" { "Source" } th scope="col" { "Month" } th scope="col" { "Kind" }
        th.n scope="col" { "Hits" } th.n scope="col" { "Records" } th.n scope="col" { "Share hit" }
    } } };
    let row = |cell: &Cell| {
        html! { tr {
            th scope="row" { (name_or(cell.source.as_deref(), "no source stated")) }
            td.w { @match cell.captured { Some(month) => (month), None => i { "no month" } } }
            td { (name_or(cell.kind.as_deref(), "no kind stated")) }
            td.n data-q=(query(cell)) { (number(cell.hits)) }
            td.n { (number(cell.indexed)) } td.n { (part(cell.hits, cell.indexed)) }
        } }
    };
    folded("Hits by source, month and kind", &head, cells, row)
}

/// Words that find the items of a cell in the table of items.
fn query(cell: &Cell) -> String {
    let month = cell.captured.map(|month| month.to_string());
    let words = [cell.source.as_deref(), month.as_deref(), cell.kind.as_deref()];
    words.into_iter().flatten().map(crate::text::shown).collect::<Vec<_>>().join(" ")
}

fn margins(caption: &str, column: &str, none: &str, margins: &[Margin]) -> Markup {
    if margins.is_empty() {
        return html! {};
    }
    let head = html! { thead { tr {
        th scope="col" { (column) } th.n scope="col" { "Hits" } th.n scope="col" { "Records" } th.n scope="col" { "Share hit" }
    } } };
    let row = |margin: &Margin| {
        html! { tr {
            th scope="row" { (name_or(margin.name.as_deref(), none)) }
            td.n { (number(margin.hits)) } td.n { (number(margin.indexed)) } td.n { (part(margin.hits, margin.indexed)) }
        } }
    };
    folded(caption, &head, margins, row)
}

/// A table of which the first rows stand open, and the others beneath in a second one that can be unfolded.
pub(super) fn folded<T>(caption: &str, head: &Markup, rows: &[T], row: impl Fn(&T) -> Markup) -> Markup {
    // A handful more is not worth folding away.
    let open = if rows.len() <= OPEN + 5 { rows.len() } else { OPEN };
    let (first, rest) = rows.split_at(open);
    html! {
        (scroll(caption, &html! { table {
            caption { (caption) @if !rest.is_empty() { ": the first " (open) " of " (number(len(rows.len()))) } }
            (head) tbody { @for item in first { (row(item)) } }
        } }))
        @if !rest.is_empty() {
            details {
                summary { (caption) ": " (number(len(rest.len()))) " more" }
                (scroll(&format!("{caption}, continued"), &html! { table {
                    caption { (caption) ", continued" }
                    (head) tbody { @for item in rest { (row(item)) } }
                } }))
            }
        }
    }
}
