//! Copies that look different in a place, drawn.

use maud::{Markup, html};
use saltprint::{CopyExtent, ItemReport, MatchReport};

use super::items::{anchor, document};
use crate::CaseReport;
use crate::chart::outline::{Shown, Thumbnail, outline, shows};
use crate::text::{count, len, name, number, percent, shown, verb};
use crate::words;

/// Most items that are drawn: what is more stands in the table.
const DRAWN: usize = 60;

/// Whether a place in view looks different.
pub(super) fn is_altered(found: &MatchReport) -> bool {
    found.copy == CopyExtent::Altered
}

pub(super) fn altered(report: &CaseReport<'_>) -> Markup {
    let all: Vec<(usize, &ItemReport)> =
        report.items.iter().enumerate().filter(|(_, item)| item.matches.iter().any(is_altered)).collect();
    if all.is_empty() {
        return html! { p { "No item shows a copy that was found to be altered." } };
    }
    let drawn = &all[..all.len().min(DRAWN)];
    let rest = len(all.len() - drawn.len());
    html! {
        p {
            (count(len(all.len()), "item shows", "items show")) " a record of which a place in view looks different, covered, replaced \
             or written over, while the rest agrees. The solid line is where the record’s picture lies in the leaked one; the dashed \
             line holds all that agrees. What was changed lies within the solid line, between or beside agreeing places."
        }
        @if rest > 0 {
            p { (count(rest, "more is", "more are")) " not drawn here; all are in the table, which finds the word “altered”." }
        }
        ul.cards { @for (place, (at, item)) in drawn.iter().enumerate() { li { (card(report, place, *at, item)) } } }
    }
}

/// One item with all its altered documents. `place` is its position among those drawn.
fn card(report: &CaseReport<'_>, place: usize, at: usize, item: &ItemReport) -> Markup {
    let thumbnail = (report.thumbnail)(at).and_then(|jpeg| Thumbnail::new(&jpeg));
    html! {
        h3 { a href={ "#" (anchor(at)) } { "Item " (number(len(at + 1))) } }
        p { (name(&item.input)) }
        @for (which, found) in item.matches.iter().enumerate().filter(|(_, found)| is_altered(found)) {
            @match &found.agreement {
                Some(agreement) => {
                    (outline(place * 1000 + which, &format!("Item {}: {}", at + 1, shown(&item.input)), agreement, thumbnail.as_ref()))
                    @if shows(agreement) == Shown::Record {
                        p.soft { "Where it lies in the leaked picture is not known; the frame is the record’s picture." }
                    } @else if thumbnail.is_none() {
                        p.soft { "The frame stands for the leaked picture, whose proportions this page does not know." }
                    }
                }
                None => { p.soft { "Nothing is known about where it agrees." } }
            }
            p {
                @if let Some(document) = document(item, which) { b { (document) } " " }
                code { (found.record_ref) } "; " (words::how(found))
            }
            @if let Some(agreement) = &found.agreement {
                p.soft { "Agreeing places span " (percent(agreement.covered)) " of the record’s picture." }
            }
        }
        @let others = len(item.matches.iter().filter(|found| !is_altered(found)).count());
        @if others > 0 {
            p.soft { (count(others, "other record", "other records")) " of this picture " (verb(others, "is", "are")) " in the table." }
        }
    }
}
