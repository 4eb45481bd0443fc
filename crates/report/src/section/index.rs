//! The index that answered, so that somebody else can ask the same one.

use maud::{Markup, html};
use saltprint::Looks;
use saltprint::case::CaseSummary;
use saltprint_matching::Basis;

use crate::text::{chance, count, number, shown, utc};

pub(super) fn index(summary: &CaseSummary) -> Markup {
    let index = &summary.index;
    let ratio = |ratio: Option<f64>| match ratio {
        Some(ratio) => format!("{ratio:.3}"),
        None => "no ratio is small enough".to_owned(),
    };
    let basis = match index.basis {
        Basis::Measured => "measured on this vault",
        Basis::Assumed => "assumed: the vault has too few records of different subjects to measure",
    };
    html! {
        p.soft {
            "Whoever holds the same generation of the index, the keys and the leak gets the same answers. The root is a digest over \
             all parts of the index: no other index has it."
        }
        dl {
            dt { "Generation" } dd { (number(index.generation)) }
            dt { "Built" } dd { (utc(index.built)) }
            dt { "Records" } dd { (number(index.records)) }
            dt { "Epoch (keys and profile)" } dd { code { (index.epoch) } }
            dt { "Root" } dd { code { (shown(&index.root)) } }
            @if let Some(previous) = &index.previous {
                dt { "Under the keys before" }
                dd {
                    "generation " (number(previous.generation)) ", built " (utc(previous.built)) ", " (number(previous.records))
                    " records; asked as well, so that the chances below are those of both"
                }
                dt { "Its epoch" } dd { code { (previous.epoch) } }
                dt { "Its root" } dd { code { (shown(&previous.root)) } }
            }
            @if summary.looks == Looks::Quick {
                dt { "Looks" } dd { "quick: no finer look at images in which nothing hinted at a record" }
            }
            dt { "Thresholds" } dd { (basis) }
            dt { "Chance of a stranger’s match" }
            dd { "at most " (chance(index.strong_chance)) " strong, " (chance(index.possible_chance)) " possible, for each image" }
            dt { "Least lead by details" }
            dd { (format!("{:.1} strong, {:.1} possible", index.strong_lead, index.possible_lead)) }
            dt { "Largest ratio to the nearest rival" }
            dd { (ratio(index.strong_ratio)) " strong, " (ratio(index.possible_ratio)) " possible" }
            dt { "Program" } dd { "saltprint " (shown(&summary.version)) ", summary format " (summary.format) }
            dt { "Leak" } dd { (count(summary.files, "file", "files")) ", " (count(summary.totals.inputs, "input", "inputs")) }
        }
    }
}
