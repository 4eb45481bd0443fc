//! The sections of the page, one file each, in the order in which they are read.

mod altered;
mod attribution;
mod background;
mod copies;
mod coverage;
mod heat;
mod index;
mod items;
mod method;
mod negative;
mod timeline;
mod totals;
mod verdict;

use maud::{Markup, html};

use crate::CaseReport;

/// A section as it stands in the table of contents.
pub(crate) struct Section {
    /// Its anchor.
    pub(crate) id: &'static str,
    /// Its heading.
    pub(crate) title: &'static str,
    /// All of it but the heading.
    pub(crate) body: Markup,
}

/// The verdict, which stands before the table of contents and frames itself.
pub(crate) fn verdict(report: &CaseReport<'_>) -> Markup {
    verdict::verdict(report.summary)
}

/// All sections behind the verdict.
pub(crate) fn sections(report: &CaseReport<'_>) -> Vec<Section> {
    let summary = report.summary;
    let section = |id, title, body| Section { id, title, body };
    vec![
        section("totals", "What became of every input", totals::totals(summary)),
        section("copies", "What was done to the copies", copies::copies(&summary.copies)),
        section("attribution", "Where the hits come from", attribution::attribution(&summary.attribution)),
        section("timeline", "Hits by month of capture", timeline::timeline(&summary.attribution)),
        section("background", "How far the matches are from chance", background::background(summary)),
        section("negative", "What could be ours and not be found", negative::negative(summary)),
        section("coverage", "What the index held", coverage::coverage(&summary.coverage)),
        section("items", "Every item", items::items(report)),
        section("altered", "Altered copies", altered::altered(report)),
        section("method", "Method and limits", method::method(summary)),
        section("index", "The index that answered", index::index(summary)),
        section("files", "Files beside this page", method::files()),
    ]
}

/// A wide table or chart, which scrolls by itself and can be reached by keyboard.
fn scroll(label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (content) } }
}

/// Sentences as a list.
fn sentences(of: &[String]) -> Markup {
    html! { ul { @for sentence in of { li { (crate::text::prose(sentence)) } } } }
}
