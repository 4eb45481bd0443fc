//! `items.csv`: the items for spreadsheets.

use std::borrow::Cow;

use crate::{ItemReport, MatchReport};

const HEADER: [&str; 14] = [
    "input",
    "outcome",
    "reason",
    "detail",
    "ref",
    "band",
    "tier",
    "orientation",
    "copy",
    "document",
    "source",
    "captured",
    "kind",
    "epoch",
];

/// A text from outside as a cell. A spreadsheet takes a cell that begins with one of these signs for a formula and may run
/// it, so that it gets an apostrophe before it.
pub(super) fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// One line a match, and one for an item without any.
pub(super) fn items(items: &[ItemReport]) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(HEADER)?;
    for item in items {
        let head = [
            cell(&item.input).into_owned(),
            word(&item.outcome),
            item.reason.as_ref().map_or_else(String::new, |reason| reason.code.to_string()),
            item.reason.as_ref().map_or_else(String::new, |reason| cell(&reason.text).into_owned()),
        ];
        if item.matches.is_empty() {
            table.write_record(head.iter().map(String::as_str).chain([""; 10]))?;
        }
        for found in &item.matches {
            table.write_record(head.iter().chain(&match_cells(found)))?;
        }
    }
    table.into_inner().map_err(|error| error.into_error().into())
}

fn match_cells(found: &MatchReport) -> [String; 10] {
    let text =
        |text: &Option<String>| text.as_deref().map_or_else(String::new, |text| cell(text).into_owned());
    [
        found.record_ref.to_string(),
        word(&found.band),
        word(&found.tier),
        word(&found.orientation),
        word(&found.copy),
        found.document.to_string(),
        text(&found.source),
        found.captured.map_or_else(String::new, |month| month.to_string()),
        text(&found.kind),
        found.epoch.to_string(),
    ]
}

/// The word that stands in the JSON form as well.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_match_and_no_formulas() {
        let text = r#"[
            {"input": "=cmd|'/c calc'!A0", "outcome": "refused", "matches": [], "reason": {"code": "encrypted", "text": "the ZIP archive is encrypted, sorry"}},
            {"input": "a,b.jpg", "outcome": "match", "matches": [
                {"ref": "rec_000102030405060708090a0b0c0d0e0f", "epoch": "000102030405060708090a0b0c0d0e0f", "band": "strong", "tier": "local", "orientation": "upright",
                 "source": "-vendor", "captured": "2019-07", "kind": null, "document": 1, "copy": "whole"}]}
        ]"#;
        let parsed: Vec<ItemReport> = serde_json::from_str(text).unwrap();
        let table = String::from_utf8(items(&parsed).unwrap()).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], HEADER.join(","));
        assert_eq!(
            lines[1],
            "'=cmd|'/c calc'!A0,refused,encrypted,\"the ZIP archive is encrypted, sorry\",,,,,,,,,,"
        );
        assert_eq!(
            lines[2],
            "\"a,b.jpg\",match,,,rec_000102030405060708090a0b0c0d0e0f,strong,local,upright,whole,1,'-vendor,2019-07,,000102030405060708090a0b0c0d0e0f"
        );
    }
}
