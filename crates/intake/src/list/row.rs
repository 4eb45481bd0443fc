//! One row of a manifest: from a line to checked fields.

use serde::Deserialize;

use crate::{
    Error, Facts, Month, Refusal,
    facts::{MAX_FACT_BYTES, MAX_SUBJECT_BYTES, check_record_id, optional},
};

/// The columns of a manifest; the first two must be there.
pub(super) const COLUMNS: &[&str] = &["record_id", "path", "subject", "source", "captured", "kind"];

/// How many of [`COLUMNS`] must be there.
const REQUIRED: usize = 2;

/// The fields of one row, as they were written.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) record_id: String,
    pub(super) path: String,
    subject: Option<String>,
    source: Option<String>,
    captured: Option<String>,
    kind: Option<String>,
}

impl Row {
    /// Reads one JSON object.
    pub(super) fn from_json(line: &str) -> Result<Self, Refusal> {
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            // Only messages about the names of fields are passed on: others would quote values.
            let named = ["missing field", "unknown field", "duplicate field"];
            let problem = if !error.is_data() {
                format!("not a JSON object (column {})", error.column())
            } else if named.iter().any(|start| message.starts_with(start)) {
                message.chars().filter(|c| !c.is_control()).take(200).collect()
            } else {
                "it is not an object whose fields are all text".to_owned()
            };
            Refusal::InvalidRow { problem }
        })
    }

    /// Checks the fields, except for what the path leads to.
    pub(super) fn check(self) -> Result<(String, String, Facts), Refusal> {
        check_record_id(&self.record_id)?;
        if self.path.is_empty() {
            return Err(Refusal::InvalidField { field: "path", problem: "is empty" });
        }
        if self.path.contains('\0') {
            return Err(Refusal::InvalidField { field: "path", problem: "holds a control character" });
        }
        let captured = self.captured.filter(|text| !text.is_empty());
        let captured = captured.map(|text| Month::from_date(&text)).transpose().map_err(|_| {
            let problem = "is not a month (YYYY-MM), date or RFC 3339 time of the years 1900 to 2199";
            Refusal::InvalidField { field: "captured", problem }
        })?;
        let facts = Facts {
            subject: optional("subject", self.subject, MAX_SUBJECT_BYTES)?,
            source: optional("source", self.source, MAX_FACT_BYTES)?,
            captured,
            kind: optional("kind", self.kind, MAX_FACT_BYTES)?,
        };
        Ok((self.record_id, self.path, facts))
    }
}

/// The order of the columns of a CSV manifest.
#[derive(Debug)]
pub(super) struct Header {
    /// For each field of a row, its place in [`COLUMNS`].
    order: Vec<usize>,
}

impl Header {
    /// Reads the header line.
    pub(super) fn parse(line: &str) -> Result<Self, Error> {
        let fields = split(line).map_err(|problem| Error::Header { problem })?;
        let found: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
        let place = |name: &String| COLUMNS.iter().position(|column| column == name);
        let missing = COLUMNS.iter().take(REQUIRED).find(|column| !found.iter().any(|name| name == *column));
        if let Some(missing) = missing {
            return Err(Error::MissingColumn { missing, found });
        }
        let unknown: Vec<String> = found.iter().filter(|name| place(name).is_none()).cloned().collect();
        if !unknown.is_empty() {
            return Err(Error::UnknownColumns { unknown, known: COLUMNS });
        }
        let order: Vec<usize> = found.iter().filter_map(place).collect();
        let repeated = order.iter().enumerate().find(|(at, column)| order[..*at].contains(column));
        if let Some((at, _)) = repeated {
            return Err(Error::RepeatedColumn { column: found[at].clone() });
        }
        Ok(Self { order })
    }

    /// Reads one line of the table.
    pub(super) fn row(&self, line: &str) -> Result<Row, Refusal> {
        let fields = split(line).map_err(|problem| Refusal::InvalidRow { problem })?;
        if fields.len() != self.order.len() {
            let problem = format!("it has {} fields, the header has {}", fields.len(), self.order.len());
            return Err(Refusal::InvalidRow { problem });
        }
        let mut row = Row::default();
        for (field, column) in fields.iter().zip(&self.order) {
            let text = field.to_owned();
            match column {
                0 => row.record_id = text,
                1 => row.path = text,
                2 => row.subject = Some(text),
                3 => row.source = Some(text),
                4 => row.captured = Some(text),
                _ => row.kind = Some(text),
            }
        }
        Ok(row)
    }
}

/// Splits one line into its fields. A line is split on its own, so that a quote which is never closed spoils one row
/// and not the rest of the file.
fn split(line: &str) -> Result<csv::StringRecord, String> {
    if !line.bytes().filter(|&byte| byte == b'"').count().is_multiple_of(2) {
        return Err("a quote is not closed on the same line".to_owned());
    }
    let mut record = csv::StringRecord::new();
    csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes())
        .read_record(&mut record)
        .map_err(|_| "it is not comma-separated text".to_owned())?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_any_order() {
        let header = Header::parse("kind, path ,record_id").unwrap();
        let row = header.row("card,\"a, \"\"b\"\".jpg\",7").unwrap();
        assert_eq!((row.record_id.as_str(), row.path.as_str()), ("7", "a, \"b\".jpg"));
        assert_eq!(row.kind.as_deref(), Some("card"));
    }

    #[test]
    fn headers_that_are_wrong() {
        let message = |line| Header::parse(line).unwrap_err().to_string();
        assert_eq!(
            message("record_id,file"),
            "the manifest has no column path; its columns are: record_id, file"
        );
        assert_eq!(
            message("record_id,path,Subject,x"),
            "the manifest has unknown columns: Subject, x; known are: record_id, path, subject, source, captured, kind"
        );
        assert_eq!(message("record_id,path,path"), "the manifest has the column path more than once");
        assert_eq!(
            message("record_id,\"path"),
            "the manifest's header cannot be read: a quote is not closed on the same line"
        );
    }

    #[test]
    fn json_messages_name_fields_and_quote_no_values() {
        let message = |line| Row::from_json(line).unwrap_err().to_string();
        assert_eq!(message(r#"{"record_id":"1"}"#), "the row cannot be read: missing field `path`");
        assert!(message(r#"{"record_id":"1","path":"a","x":"secret"}"#).contains("unknown field `x`"));
        assert!(
            message(r#"{"record_id":"1","record_id":"2","path":"a"}"#)
                .contains("duplicate field `record_id`")
        );
        for line in [r#"{"record_id":"1","path":["secret"]}"#, r#""secret""#, r#"{"record_id":"secret"#] {
            assert!(!message(line).contains("secret"), "{}", message(line));
        }
        assert!(Row::from_json(r#"{"record_id":"1","path":"a","kind":null}"#).is_ok());
    }

    #[test]
    fn fields_are_checked() {
        let row = |captured: &str, kind: &str| Row {
            record_id: "1".to_owned(),
            path: "a".to_owned(),
            captured: Some(captured.to_owned()),
            kind: Some(kind.to_owned()),
            ..Row::default()
        };
        let (_, _, facts) = row("2019-07-31", "card").check().unwrap();
        assert_eq!(facts.captured, Month::new(2019, 7).ok());
        let (_, _, facts) = row("", "").check().unwrap();
        assert_eq!(facts, Facts::default());
        assert_eq!(row("July", "").check().unwrap_err().code(), "invalid_field");
        assert_eq!(row("", &"x".repeat(65)).check().unwrap_err().to_string(), "the kind is too long");
        assert_eq!(Row::default().check().unwrap_err().to_string(), "the record_id is empty");
    }
}
