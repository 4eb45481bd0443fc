//! The table of items: whole without scripts, filtered and paged with them.
//!
//! Ten thousand items stand in it, so a row spends few bytes: an item is one `tbody` whose class is its outcome, and what
//! the columns mean is said once.

use maud::{Markup, html};
use saltprint::case::PreviousFacts;
use saltprint::{ItemReport, MatchReport, Outcome};

use super::scroll;
use crate::CaseReport;
use crate::text::{count, len, name_or, number, prose, shown};
use crate::words::{self, OUTCOMES};

/// Columns that say something about a match.
const MATCH_COLUMNS: usize = 5;

pub(super) fn items(report: &CaseReport<'_>) -> Markup {
    let items = report.items;
    if items.is_empty() {
        return html! { (anchors()) p { "There are no items to list." } };
    }
    let before = report.summary.index.previous.as_ref();
    let evidence = items.iter().flat_map(|item| &item.matches).any(|found| found.distance.is_some());
    html! {
        (anchors())
        p {
            "One row for each input, and one more for every further record that it shows. The last column says how sure a match is, \
             what it rests on, how the picture was turned, and how much of the record it shows. Several documents in one picture \
             have numbers; of stored versions of one document the nearest comes first."
            @if report.summary.index.previous.is_some() {
                " Records that only the index under the keys before holds are marked so."
            }
            @if evidence { " Bits: how many of 256 differ, and how many from the nearest record of another person." }
        }
        @if len(items.len()) != report.summary.totals.inputs {
            p.warn {
                "This table lists " (count(len(items.len()), "item", "items")) "; the case counted "
                (count(report.summary.totals.inputs, "input", "inputs")) "."
            }
        }
        (controls(items))
        (scroll("Table of items", &html! { table.items #item-table {
            caption { (count(len(items.len()), "item", "items")) ", in the order of the leak" }
            thead { tr {
                th scope="col" { "No." } th scope="col" { "Name" } th scope="col" { "Outcome" } th scope="col" { "Record" }
                th scope="col" { "Source" } th scope="col" { "Month" } th scope="col" { "Kind" } th scope="col" { "How" }
            } }
            @for (at, item) in items.iter().enumerate() { (row(at, item, before)) }
        } }))
    }
}

/// Where links to a filter lead when scripts are off: their targets are the start of this section.
fn anchors() -> Markup {
    html! { @for outcome in OUTCOMES { span id={ "outcome=" (words::class(outcome)) } {} } }
}

/// Unhidden by the script, which they are for.
fn controls(items: &[ItemReport]) -> Markup {
    let counted = |outcome: Outcome| len(items.iter().filter(|item| item.outcome == outcome).count());
    html! {
        div.controls #controls role="search" aria-label="Items" hidden {
            label for="outcome" { "Outcome"
                select #outcome {
                    option value="" { "all (" (number(len(items.len()))) ")" }
                    @for outcome in OUTCOMES {
                        @let value = counted(outcome);
                        @if value > 0 {
                            option value=(words::class(outcome)) { (words::outcome(outcome)) " (" (number(value)) ")" }
                        }
                    }
                }
            }
            label for="search" { "Words in a row" input #search type="search" autocomplete="off" spellcheck="false"; }
            button #clear type="button" { "Show all" }
            button #back type="button" { "Previous" }
            button #next type="button" { "Next" }
            span #status role="status" {}
        }
    }
}

/// The anchor of an item, for those that the page points to.
pub(super) fn anchor(at: usize) -> String {
    format!("i{}", at + 1)
}

fn row(at: usize, item: &ItemReport, before: Option<&PreviousFacts>) -> Markup {
    let rows = item.matches.len().max(1);
    // One row needs no span.
    let span = (rows > 1).then_some(rows);
    let linked = item.matches.iter().any(super::altered::is_altered).then(|| anchor(at));
    html! {
        tbody class=(words::class(item.outcome)) id=[linked] {
            tr {
                td rowspan=[span] { (at + 1) }
                th scope=(if rows > 1 { "rowgroup" } else { "row" }) rowspan=[span] { (shown(&item.input)) }
                td rowspan=[span] { (words::outcome(item.outcome)) }
                @match item.matches.first() {
                    Some(found) => (found_cells(item, found, 0, before)),
                    None => td colspan=(MATCH_COLUMNS) { @if let Some(reason) = &item.reason { (prose(&reason.text)) } },
                }
            }
            @for (number, found) in item.matches.iter().enumerate().skip(1) { tr { (found_cells(item, found, number, before)) } }
        }
    }
}

fn found_cells(
    item: &ItemReport,
    found: &MatchReport,
    number: usize,
    before: Option<&PreviousFacts>,
) -> Markup {
    html! {
        td { (found.record_ref) }
        td { @if found.source.is_some() { (name_or(found.source.as_deref(), "")) } }
        td { @if let Some(month) = found.captured { (month) } }
        td { @if found.kind.is_some() { (name_or(found.kind.as_deref(), "")) } }
        td { @if let Some(document) = document(item, number) { b { (document) } " " } (words::how(found)) @if before.is_some_and(|before| before.epoch == found.epoch) { "; under the keys before" } }
    }
}

/// Which document of the picture a match is, and which of its stored versions; `None` where there is but one of each.
pub(super) fn document(item: &ItemReport, number: usize) -> Option<String> {
    let found = item.matches.get(number)?;
    let documents = item.matches.iter().map(|found| found.document).max().unwrap_or(1);
    let same = || item.matches.iter().enumerate().filter(|(_, other)| other.document == found.document);
    let versions = same().count();
    let nearest = same().next().is_none_or(|(first, _)| first == number);
    let version = match (versions > 1, nearest) {
        (false, _) => None,
        (true, true) => Some(format!("nearest of {versions} stored versions")),
        (true, false) => Some("another stored version".to_owned()),
    };
    let several = (documents > 1).then(|| format!("document {} of {documents}", found.document));
    match (several, version) {
        (None, None) => None,
        (Some(words), None) | (None, Some(words)) => Some(words + ":"),
        (Some(several), Some(version)) => Some(format!("{several}, {version}:")),
    }
}
