//! What the index knows about a record besides its fingerprint.

use std::fmt;

use saltprint_keys::{ContentDigest, SubjectRef};

use crate::Month;

/// Facts of one record: where it came from, when, what it is, whose.
///
/// `Debug` leaves the subject and the content digest out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordFacts {
    /// The system or vendor that held the record.
    pub source: Option<String>,
    /// The month in which it was captured.
    pub captured: Option<Month>,
    /// The kind of document.
    pub kind: Option<String>,
    /// Pseudonym of the customer; two records of one subject are not rivals.
    pub subject: Option<SubjectRef>,
    /// Keyed digest of the record's bytes: equal for records that are the same file.
    pub content: ContentDigest,
}

impl RecordFacts {
    /// Facts with nothing stated but the content digest.
    pub fn new(content: ContentDigest) -> Self {
        Self { source: None, captured: None, kind: None, subject: None, content }
    }
}

impl fmt::Debug for RecordFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordFacts")
            .field("source", &self.source)
            .field("captured", &self.captured)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
