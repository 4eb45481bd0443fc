//! The report as tables: one row an edit and kind, one row an image.

use csv::Writer;

use super::{EvalReport, Row, StrangerRow};
use crate::EvalError;
use crate::score::{RecordCounts, Role, StrangerCounts};

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EvalError {
    EvalError::Report(error.into())
}

/// `PDQ` at `customary` as the start of a column's name.
fn column(method: &str, threshold: &str) -> String {
    format!("{}_{threshold}", method.to_lowercase())
}

/// Edited records by edit and kind, then strangers; what does not apply is empty.
pub(super) fn edits(report: &EvalReport) -> Result<Vec<u8>, EvalError> {
    let mut out = Writer::from_writer(Vec::new());
    let mut header: Vec<String> = [
        "role",
        "edit",
        "family",
        "kind",
        "images",
        "strong",
        "possible",
        "same_subject",
        "wrong_strong",
        "wrong_possible",
        "missed",
        "rejected",
        "strong_share",
        "strong_low",
        "strong_high",
        "wrong_share",
        "wrong_low",
        "wrong_high",
    ]
    .map(str::to_owned)
    .to_vec();
    for (method, threshold) in report.hash_columns() {
        let start = column(method, threshold.name);
        header.extend([format!("{start}_right"), format!("{start}_wrong")]);
    }
    out.write_record(&header).map_err(failed)?;
    for row in std::iter::once(&report.total).chain(&report.edits).chain(&report.kinds).chain(&report.cells) {
        out.write_record(record(row)).map_err(failed)?;
    }
    for row in report.strangers.iter().chain(&report.stranger_edits).chain(&report.stranger_kinds) {
        out.write_record(stranger(row)).map_err(failed)?;
    }
    out.into_inner().map_err(failed_inner)
}

fn failed_inner(error: csv::IntoInnerError<Writer<Vec<u8>>>) -> EvalError {
    failed(error.into_error())
}

fn record(row: &Row) -> Vec<String> {
    let RecordCounts {
        images,
        strong,
        possible,
        same_subject,
        wrong_strong,
        wrong_possible,
        missed,
        rejected,
    } = row.counts;
    let counts = [images, strong, possible, same_subject, wrong_strong, wrong_possible, missed, rejected];
    let shares = [&row.recall, &row.wrong];
    let mut cells = vec!["record".to_owned(), row.edit.clone(), row.family.to_owned(), row.kind.clone()];
    cells.extend(counts.map(|count| count.to_string()));
    cells.extend(shares.into_iter().flat_map(|share| {
        [share.value.map_or_else(String::new, decimal), decimal(share.low), decimal(share.high)]
    }));
    cells.extend(row.hashes.iter().flat_map(|cell| [cell.right.to_string(), cell.wrong.to_string()]));
    cells
}

fn stranger(row: &StrangerRow) -> Vec<String> {
    let StrangerCounts { images, strong, possible, no_match, rejected } = row.counts;
    let none = String::new;
    let mut cells = vec!["stranger".to_owned(), row.images.clone(), none(), row.kind.clone()];
    cells.extend([images.to_string(), none(), none(), none(), strong.to_string(), possible.to_string()]);
    cells.extend([no_match.to_string(), rejected.to_string(), none(), none(), none()]);
    cells.extend([
        row.strong.value.map_or_else(String::new, decimal),
        decimal(row.strong.low),
        decimal(row.strong.high),
    ]);
    cells.extend(row.hashes.iter().flat_map(|cell| [cell.right.to_string(), cell.wrong.to_string()]));
    cells
}

fn decimal(value: f64) -> String {
    format!("{value:.6}")
}

/// Every image by a number that means nothing outside this file.
pub(super) fn items(report: &EvalReport) -> Result<Vec<u8>, EvalError> {
    let mut out = Writer::from_writer(Vec::new());
    let mut header = ["image", "role", "edit", "kind", "outcome"].map(str::to_owned).to_vec();
    for method in &report.methods {
        let name = method.name.to_lowercase().replace([' ', '-'], "_");
        header.extend([format!("{name}_right"), format!("{name}_other")]);
    }
    out.write_record(&header).map_err(failed)?;
    for (number, item) in report.items.iter().enumerate() {
        let role = match item.role {
            Role::Record => "record",
            Role::Stranger => "stranger",
        };
        let edit = item.treatment.map_or("none", |treatment| report.edits[treatment].edit.as_str());
        let kind = report.kind_names[item.kind].as_str();
        let mut cells = vec![number.to_string()];
        cells.extend([role, edit, kind, item.verdict.code()].map(str::to_owned));
        let number = |value: Option<f32>| value.map_or_else(String::new, |value| value.to_string());
        cells.extend(item.measures.iter().flat_map(|measure| [number(measure.right), number(measure.other)]));
        out.write_record(&cells).map_err(failed)?;
    }
    out.into_inner().map_err(failed_inner)
}
