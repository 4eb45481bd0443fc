//! The document around the sections.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::CaseReport;
use crate::section::{sections, verdict};
use crate::text::{name, number, shown};

/// All of the page's style.
const STYLE: &str = include_str!("asset/style.css");
/// All of its script.
const SCRIPT: &str = include_str!("asset/page.js");

pub(crate) fn page(report: &CaseReport<'_>) -> Markup {
    let summary = report.summary;
    let sections = sections(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { "Leak report, case " (shown(&summary.case_id)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#items" { "Skip to the items" }
                header {
                    h1 { "Leak report, case " (name(&summary.case_id)) }
                    p.soft {
                        "Purpose: " (shown(&summary.purpose)) ". Index generation " (number(summary.index.generation)) " with "
                        (number(summary.index.records)) " records."
                        @if let Some(made) = report.made { " Made " (shown(made)) "." }
                    }
                }
                main {
                    (verdict(report))
                    nav aria-label="Contents" {
                        ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ "h-" (section.id) } {
                            h2 id={ "h-" (section.id) } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer {
                    p {
                        "Made by saltprint " (shown(&summary.version)) ". This file holds everything that it shows and loads nothing. It names \
                         files of the leak and pseudonyms of records: keep it with the case."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Nothing but what the page itself holds: its one style, its one script, and images in the text.
fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
