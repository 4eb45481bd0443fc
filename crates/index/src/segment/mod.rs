//! One immutable sealed file of fingerprints.
//!
//! | file | holds |
//! |---|---|
//! | `header.rs` | the header block and its section table |
//! | `writer.rs` | records in memory -> bytes |
//! | `reader.rs` | bytes -> records, random access, verification |
//! | `scanner.rs` | exact scan over sealed pages |
//! | `tests.rs` | round trip, corruption of every byte |

mod header;
mod reader;
mod scanner;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;

use saltprint_fingerprint::Fingerprint;
use saltprint_keys::RecordRef;

pub(crate) use header::Section;
pub use reader::Segment;
pub use writer::SegmentWriter;

use crate::RecordFacts;

/// Random name of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct SegmentId([u8; 16]);

impl SegmentId {
    /// Wraps 16 random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Name of the segment's file within the index folder.
    pub fn file_name(&self) -> String {
        format!("{self}.seg")
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One record as it goes into a segment.
#[derive(Debug, Clone)]
pub struct SegmentRecord {
    /// Pseudonym of the record.
    pub record_ref: RecordRef,
    /// Its facts.
    pub facts: RecordFacts,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}
