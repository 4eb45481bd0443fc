//! A case as one HTML page that a lawyer, an investigator and an engineer can each read.
//!
//! [`html`] turns a [`CaseSummary`] and the reports on its items into one file. It needs no network and no other file, says
//! the same for the same input byte by byte, and can be read in full with scripts off, on paper, and by a screen reader.
//!
//! # Example
//! ```
//! use saltprint::case::CaseSummary;
//! use saltprint_report::{CaseReport, html};
//!
//! # fn page(summary: &CaseSummary, items: &[saltprint::ItemReport]) -> String {
//! let report = CaseReport { summary, items, thumbnail: &|_| None, made: Some("2026-11-25 02:10 UTC") };
//! html(&report)
//! # }
//! ```
//!
//! # Links
//! `report.html#outcome=possible&q=words&sort=name&dir=desc&page=2` opens the page at the items that fit: `outcome` as in the
//! JSON, `q` words that a row must all hold, `sort` a column's heading in small letters. `#i12` goes to the twelfth item
//! where that is an altered one. The sections have the anchors `verdict`, `totals`, `copies`, `attribution`, `timeline`,
//! `background`, `negative`, `coverage`, `items`, `altered`, `method`, `index` and `files`.
//!
//! # Memory
//! The page is built in memory: some 300 bytes an item, and four thirds of every thumbnail that is shown.
//!
//! # Safety of the page
//! Names come from a leak, that is, from a stranger. All text passes the template's escaping, and characters that would
//! hide or reorder their neighbours are written out (`\u{202e}`). A content security policy in the page allows its own
//! style and script, by their hashes, and images within the file; nothing else is loaded or run.
//!
//! # Quirks
//! Only the first 60 altered items are drawn, so that the page stays small; the table lists all. Whether a filter
//! survives a reload is up to the browser where the page is opened from a file.

#![forbid(unsafe_code)]

mod buckets;
mod chart;
mod page;
mod section;
mod text;
mod words;

use std::fmt;

use saltprint::ItemReport;
use saltprint::case::CaseSummary;

/// What a page is made of.
#[derive(Clone, Copy)]
pub struct CaseReport<'a> {
    /// What the case came to.
    pub summary: &'a CaseSummary,
    /// The report on every input, in the order of the leak.
    pub items: &'a [ItemReport],
    /// JPEG bytes of the item with this number, from 0, upright as it was compared; `None` where no thumbnails were asked
    /// for, or there is none of this item. Called for items that are drawn only.
    pub thumbnail: &'a dyn Fn(usize) -> Option<Vec<u8>>,
    /// When the case was made, as the page shall say it, such as "2026-11-25 02:10 UTC"; `None` omits it.
    pub made: Option<&'a str>,
}

impl fmt::Debug for CaseReport<'_> {
    /// Numbers only: names of items are what a log must not hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseReport").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

/// The page of a case: a whole HTML document.
#[must_use]
pub fn html(report: &CaseReport<'_>) -> String {
    page::page(report).into_string()
}
