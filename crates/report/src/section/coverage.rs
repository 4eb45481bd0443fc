//! What the index held: a "no match" says nothing about what it did not.

use maud::{Markup, html};
use saltprint::case::CoverageReport;

use super::attribution::folded;
use crate::text::{count, name_or, number, part, period, verb};

pub(super) fn coverage(coverage: &CoverageReport) -> Markup {
    let vault = &coverage.vault;
    let rejected = [
        ("too plain to compare", vault.too_plain),
        ("unreadable", vault.unreadable),
        ("refused: over a limit, or not supported", vault.refused),
    ];
    let held = vault.indexed + vault.duplicate;
    let left_out: u64 = rejected.iter().map(|(_, value)| value).sum();
    let all = held + left_out;
    html! {
        p {
            "“Not ours” is only as good as what the index held. "
            @match (coverage.first, coverage.last) {
                (None, None) => "No record in it states when it was captured.",
                (first, last) => {
                    "Its dated records were captured " b.w { (period(first, last)) } "."
                    @if coverage.undated > 0 {
                        " " (count(coverage.undated, "record states", "records state")) " no month."
                    }
                },
            }
            " What was deleted from the vault before the index was built, and what came after, cannot be found."
        }
        @if all == 0 {
            p { "The rebuild saw no record." }
        } @else {
            table {
                caption { "What the rebuild saw of the vault" }
                thead { tr {
                    th scope="col" { "Records" } th.n scope="col" { "Number" } th.n scope="col" { "Share" }
                } }
                tbody {
                    tr { th scope="row" { "in the index" } td.n { (number(vault.indexed)) } td.n { (part(vault.indexed, all)) } }
                    tr {
                        th scope="row" { "in the index, with the same bytes as another" }
                        td.n { (number(vault.duplicate)) } td.n { (part(vault.duplicate, all)) }
                    }
                    @for (name, value) in rejected { tr {
                        th scope="row" { (name) } td.n { (number(value)) } td.n { (part(value, all)) }
                    } }
                }
                tfoot { tr { th scope="row" { "all records of the vault" } td.n { (number(all)) } td.n { (part(all, all)) } } }
            }
            @if left_out > 0 {
                p.warn {
                    (count(left_out, "record of the vault is", "records of the vault are")) " not in the index. A copy of "
                    (verb(left_out, "it", "one of them")) " cannot be found."
                }
            }
        }
        @if !coverage.sources.is_empty() {
            (folded("Records of the index by source", &html! { thead { tr {
                th scope="col" { "Source" } th.n scope="col" { "Records" } th scope="col" { "Captured" }
            } } }, &coverage.sources, |source| html! { tr {
                th scope="row" { (name_or(source.source.as_deref(), "no source stated")) }
                td.n { (number(source.records)) } td.w { (period(source.first, source.last)) }
            } }))
        }
    }
}
