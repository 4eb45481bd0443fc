//! Strangers and matches on the same scales: what "far from chance" looks like.

use maud::{Markup, html};
use saltprint::case::{CaseSummary, Plot};
use saltprint_matching::Basis;

use super::scroll;
use crate::chart::histogram::{Scale, comparison, histogram, is_empty};

const DISTANCE: Scale = Scale {
    id: "distance",
    title: "Distance of whole images: strangers and matches",
    unit: "bits of 256 that differ: less is more alike",
    near_is_small: true,
};

const SCORE: Scale = Scale {
    id: "score",
    title: "Weight of agreeing details: strangers and matches",
    unit: "weight of the details that agree: more is more alike; the last bar takes all beyond",
    near_is_small: false,
};

pub(super) fn background(summary: &CaseSummary) -> Markup {
    let Some(plots) = &summary.plots else {
        return html! { p {
            "How near each match came belongs to the evidence, which was not asked for in this case. What the bands stand for \
             is said under " a href="#method" { "Method and limits" } "."
        } };
    };
    html! {
        p {
            "Grey: how near images of strangers came to any record when the index was built. No stranger’s image has \
             anything to do with the record that it comes nearest to, so this is what chance looks like. Below it, on the same \
             scale: how near the images of this leak came. The farther apart the two are, the less can chance explain. Each panel \
             has a height of its own."
        }
        @if summary.index.basis == Basis::Assumed {
            p.warn { "The thresholds are assumed: too few strangers could be measured on this vault for how near they came to say much." }
        }
        (figure(&DISTANCE, &plots.distance, &html! {
            "Whole images. "
            (compared(&plots.distance, "Strangers’ images come this near, your hits lie here."))
            " A copy of the whole picture differs in few bits and lies on the left."
        }))
        (figure(&SCORE, &plots.score, &html! {
            "Details. "
            (compared(&plots.score, "Strangers’ images reach this much, your hits lie here."))
            " Parts, tilted and altered copies are found by their details and lie on the right, even where the picture as a \
             whole is far."
        }))
    }
}

/// `words`, or why there is nothing to compare.
fn compared(plot: &Plot, words: &str) -> Markup {
    html! {
        @if plot.strangers.is_empty() { "No strangers were measured by this to compare with." }
        @else if plot.matches.is_empty() { "There is no match to compare with the strangers." }
        @else { b { (words) } }
    }
}

fn figure(scale: &Scale, plot: &Plot, caption: &Markup) -> Markup {
    if is_empty(plot) {
        return html! { p { (caption) " There is nothing to draw: no number of this kind was measured." } };
    }
    html! {
        figure {
            figcaption {
                (caption)
                @if let Some(words) = comparison(scale, plot) { " " (words) }
                @if plot.strong_line.is_none() {
                    " No single line separates the strong band on this scale: it depends on the other records as well."
                } @else {
                    " The dashed line is where the strong band begins; a match must also be clearly nearer to its record than to \
                     that of any other person."
                }
            }
            (scroll(scale.title, &histogram(scale, plot)))
        }
    }
}
