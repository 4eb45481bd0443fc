//! What is known about a record beside its image.

use crate::{Month, Refusal};

/// Longest record id, in bytes of UTF-8.
pub const MAX_RECORD_ID_BYTES: usize = 4096;

/// Longest subject, in bytes of UTF-8.
pub const MAX_SUBJECT_BYTES: usize = 1024;

/// Longest source or kind, in bytes of UTF-8. Both are stored in the index as they are.
pub const MAX_FACT_BYTES: usize = 64;

/// What a vault tells about a record. Everything is optional.
///
/// A listing fills in only checked values: none is empty, none is longer than its limit and none holds a control
/// character or one that changes the direction of text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whose document it is; records of one subject share it. At most [`MAX_SUBJECT_BYTES`].
    pub subject: Option<String>,
    /// The system or vendor that held it. At most [`MAX_FACT_BYTES`].
    pub source: Option<String>,
    /// When it was captured.
    pub captured: Option<Month>,
    /// Kind of document. At most [`MAX_FACT_BYTES`].
    pub kind: Option<String>,
}

/// Checks a record id: not blank, not too long, printable.
pub(crate) fn check_record_id(id: &str) -> Result<(), Refusal> {
    if id.trim().is_empty() {
        return Err(Refusal::InvalidField { field: "record_id", problem: "is empty" });
    }
    check_text("record_id", id, MAX_RECORD_ID_BYTES)
}

/// What the place of a record tells: the first folder of its id is the source. Checks the id.
pub(crate) fn folder_facts(record_id: &str) -> Result<Facts, Refusal> {
    check_record_id(record_id)?;
    let folder = record_id.split_once('/').map(|(first, _)| first.to_owned());
    let source = optional("source (the first folder's name)", folder, MAX_FACT_BYTES)?;
    Ok(Facts { source, ..Facts::default() })
}

/// An optional field: `None` where it is absent or empty, otherwise checked.
pub(crate) fn optional(
    field: &'static str,
    value: Option<String>,
    limit: usize,
) -> Result<Option<String>, Refusal> {
    let value = value.filter(|value| !value.is_empty());
    if let Some(value) = &value {
        check_text(field, value, limit)?;
    }
    Ok(value)
}

fn check_text(field: &'static str, value: &str, limit: usize) -> Result<(), Refusal> {
    if value.len() > limit {
        return Err(Refusal::InvalidField { field, problem: "is too long" });
    }
    if value.chars().any(is_unprintable) {
        return Err(Refusal::InvalidField { field, problem: "holds a control character" });
    }
    Ok(())
}

/// Control characters, line and paragraph separators, and the marks that reorder text on a screen: a report must
/// show a fact as it is.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_ids() {
        assert!(check_record_id("a/b.jpg").is_ok());
        assert!(check_record_id("kunde 7 \u{fc}").is_ok());
        assert!(check_record_id(&"x".repeat(MAX_RECORD_ID_BYTES)).is_ok());
        for bad in ["", "  ", "a\nb", "a\u{202e}gpj.b", &"x".repeat(MAX_RECORD_ID_BYTES + 1)] {
            assert_eq!(check_record_id(bad).unwrap_err().code(), "invalid_field");
        }
    }

    #[test]
    fn optional_fields() {
        assert_eq!(optional("kind", None, 4), Ok(None));
        assert_eq!(optional("kind", Some(String::new()), 4), Ok(None));
        assert_eq!(optional("kind", Some("card".to_owned()), 4), Ok(Some("card".to_owned())));
        assert!(optional("kind", Some("cards".to_owned()), 4).is_err());
        assert!(optional("kind", Some("a\tb".to_owned()), 4).is_err());
    }
}
