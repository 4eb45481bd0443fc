//! The answer, before anything else.

use maud::{Markup, html};
use saltprint::case::{CaseSummary, Statement};
use saltprint_matching::Basis;

use super::sentences;
use crate::text::{chance, count, expected, interval, number, part, prose, verb};
use crate::words::statement;

pub(super) fn verdict(summary: &CaseSummary) -> Markup {
    let verdict = &summary.verdict;
    let (class, short, words) = statement(verdict.statement);
    html! {
        section #verdict.{ "verdict " (class) } aria-labelledby="h-verdict" {
            h2 #h-verdict { "Verdict: " (short) }
            p.headline { (prose(&verdict.headline)) }
            p { (words) }
            div.parts {
                div {
                    @if !verdict.reasons.is_empty() {
                        h3 { "Why" }
                        (sentences(&verdict.reasons))
                    }
                    @if !verdict.would_change.is_empty() {
                        h3 { "What would change it" }
                        (sentences(&verdict.would_change))
                    }
                }
                div {
                    h3 { "What chance alone would give" }
                    (by_chance(summary))
                }
            }
        }
    }
}

/// Matches beside what chance would give, with what that number rests on.
fn by_chance(summary: &CaseSummary) -> Markup {
    let (verdict, totals) = (&summary.verdict, &summary.totals);
    if verdict.statement == Statement::NothingCompared || verdict.compared == 0 {
        return html! { p { "Nothing was compared, so chance had nothing to work on." } };
    }
    let either = totals.matches + totals.possible;
    html! {
        p {
            (count(verdict.compared, "image was", "images were")) " compared; "
            @if totals.matches == 0 { b { "none" } " is a match" } @else {
                b { (number(totals.matches)) } " " (verb(totals.matches, "is a match", "are matches"))
            }
            " (" (part(totals.matches, verdict.compared)) ", 95 % interval " (interval(&verdict.share)) ")"
            @if totals.matches > 0 { ", pointing to " (count(verdict.matched_records, "record", "different records")) }
            ". "
            @if let Some(most) = verdict.expected_by_chance {
                "Chance alone would be expected to give at most " b { (expected(most)) }
                @if let Some(probability) = verdict.chance_of_as_many {
                    @if totals.matches == 0 { "." } @else {
                        "; the probability of as many or more by chance is at most " (chance(probability)) "."
                    }
                } @else { "." }
                @if let Some(most) = verdict.expected_possible_by_chance {
                    " Counting possible matches too, there " (verb(either, "is", "are")) " "
                    b { @if either == 0 { "none" } @else { (number(either)) } }
                    ", where chance would give at most " (expected(most))
                    @if let Some(probability) = verdict.chance_of_as_many_possible.filter(|_| either > 0) {
                        " (probability of as many: at most " (chance(probability)) ")"
                    }
                    "."
                }
            } @else {
                "How many chance alone would give cannot be stated, because the thresholds were assumed and not measured."
            }
        }
        p.soft {
            @match summary.index.basis {
                Basis::Measured => {
                    "This rests on thresholds that were measured on this vault, with its own records in the part of \
                     strangers, and set so that a stranger’s image is called a match with a chance of at most "
                    (chance(summary.index.strong_chance)) ", and a possible match with at most "
                    (chance(summary.index.possible_chance))
                    ". It assumes that strangers’ images in the leak are like those that the vault holds, and that each is a \
                     try of its own; many copies of one stranger’s image would be one try."
                }
                Basis::Assumed => {
                    "The vault holds too few records of different subjects to measure how near strangers come. The thresholds \
                     are a cautious assumption, so the words “match” and “possible” are not backed by a measured chance here."
                }
            }
        }
    }
}
