//! What a match proves and what it does not, for readers who have to decide something.

use maud::{Markup, html};
use saltprint::case::CaseSummary;
use saltprint_matching::Basis;

use crate::text::chance;

pub(super) fn method(summary: &CaseSummary) -> Markup {
    let index = &summary.index;
    html! {
        h3 { "How it was done" }
        p {
            "Every image of the vault was reduced to a short secret-keyed fingerprint when the index was built; the index holds no \
             picture. Every image of the leak was reduced in the same way and compared with all of them: as a whole, in eight \
             orientations, and by its details, so that crops, tilts, screenshots and covered places are found. A record matches \
             where it agrees far better than any record of another person does."
        }
        h3 { "What a match proves" }
        ul {
            li {
                "That the leaked image and the record’s image come from the same source picture: one is a copy of the other, or both \
                 are copies of a third. Two photographs of one document are different pictures and usually do not match."
            }
            li {
                "Where the vault holds several stored versions of one document, the one that the leak resembles most is named first. \
                 It is the likeliest origin, not the certain one."
            }
        }
        h3 { "What it does not prove" }
        ul {
            li { "Who leaked it, or when, or through which system. A source names where the record was held, not where it was taken from." }
            li { "That others did not hold the same picture: a customer may have sent one picture to many companies." }
            li { "That the document is genuine, or that the leak says the truth about it." }
            li { "That an image without a match is not ours: it may be changed beyond recognition, or not be in the index." }
        }
        h3 { "The bands" }
        ul {
            li {
                "Strong, called a match: "
                @match index.basis {
                    Basis::Measured => {
                        "a stranger’s image gets here with a chance of at most " (chance(index.strong_chance)) ", as measured on this vault."
                    }
                    Basis::Assumed => {
                        "meant for a chance of " (chance(index.strong_chance)) ", but the threshold is assumed and that chance was not measured."
                    }
                }
            }
            li {
                "Possible: near enough to look at, not to rely on; the same chance is " (chance(index.possible_chance))
                ". A person who compares the pictures can turn it into a yes or no."
            }
            li {
                "These chances are bounds for one image and for strangers like those of the vault. Blank forms and specimens that many \
                 people hold resemble each other more than strangers do."
            }
        }
        h3 { "Custody" }
        ul {
            li {
                "The result is as trustworthy as the custody of the index and its keys. Who can write the index can add a record and thereby \
                 a match; the root, stated below, pins the index that answered."
            }
            li { "Records appear under pseudonyms. Only the holder of the key for references can tell which record one stands for." }
            li { "This page names sources, months, kinds, pseudonyms and the leak’s own file names. Treat it as part of the case." }
        }
    }
}

/// What lies beside the page.
pub(super) fn files() -> Markup {
    let files = [
        ("summary.json", "everything above but the items, for programs"),
        ("items.csv", "the table of items, a row each, for spreadsheets"),
        ("items.jsonl", "the items with all that is known of them, a JSON object a line"),
        ("manifest.json", "sizes and digests of the files of this case, by which a change shows"),
        ("evidence.csv", "every file of the leak, with its SHA-256 and BLAKE3"),
    ];
    html! {
        ul { @for (name, words) in files {
            li { a href=(name) { (name) } ": " (words) }
        } }
    }
}
