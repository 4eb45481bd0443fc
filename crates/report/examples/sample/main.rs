//! Writes the report of an invented case: `sample FILE [ITEMS] [sample|plain|empty|negative|large]`.
//!
//! `sample` has hits, evidence and thumbnails, `plain` neither evidence nor thumbnails and assumed thresholds, `empty`
//! nothing at all, `negative` no match, and `large` many sources over many years.

#![expect(clippy::print_stderr, reason = "the program's complaints")]

mod data;

use std::process::ExitCode;

use saltprint_report::{CaseReport, html};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = arguments.first() else {
        eprintln!("usage: sample FILE [ITEMS] [sample|plain|empty|negative|large]");
        return ExitCode::from(2);
    };
    let items = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(400);
    let variant = match arguments.get(2).map_or("sample", String::as_str) {
        "sample" => data::Variant::Sample,
        "plain" => data::Variant::Plain,
        "empty" => data::Variant::Empty,
        "negative" => data::Variant::Negative,
        "large" => data::Variant::Large,
        other => {
            eprintln!("no variant is called `{other}`");
            return ExitCode::from(2);
        }
    };
    let case = data::Case::new(variant, items);
    let page = html(&CaseReport {
        summary: &case.summary,
        items: &case.items,
        thumbnail: &|item| case.thumbnail(item),
        made: Some("2026-11-25 02:10 UTC"),
    });
    match std::fs::write(file, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write `{file}`: {error}");
            ExitCode::FAILURE
        }
    }
}
