//! What was done to the images that match.

use maud::{Markup, html};
use saltprint::case::CopyCounts;

use crate::text::{count, number, part};

pub(super) fn copies(copies: &CopyCounts) -> Markup {
    if copies.matches == 0 {
        return html! { p { "There is no match in the strong band, so there are no copies to describe." } };
    }
    let rows = [
        ("whole", copies.whole, "the whole record, unchanged as far as can be told"),
        ("part", copies.part, "a part of the record, or the record within a larger picture"),
        ("altered", copies.altered, "a part in view looks different: covered, replaced or written over"),
        ("unclear", copies.unclear, "how much it shows cannot be told"),
        ("turned", copies.turned, "turned by a quarter or a half"),
        ("mirrored", copies.mirrored, "left and right swapped, as some cameras do"),
        ("several documents", copies.several, "one picture with several documents of ours"),
        ("stored in versions", copies.versions, "the vault holds other stored versions of the same document"),
    ];
    html! {
        table {
            caption {
                "Of the " (count(copies.matches, "match", "matches")) " in the strong band. One image may count in several rows."
            }
            thead { tr {
                th scope="col" { "Copy" } th.n scope="col" { "Images" } th.n scope="col" { "Share" }
            } }
            tbody { @for (name, value, meaning) in rows { tr {
                th scope="row" { (name) " " small { (meaning) } } td.n { (number(value)) } td.n { (part(value, copies.matches)) }
            } } }
        }
        @if copies.altered > 0 {
            p { "Altered copies are drawn in " a href="#altered" { "their own section" } "." }
        }
    }
}
