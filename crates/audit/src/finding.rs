//! What a verification found.

use std::fmt;

use serde::Serialize;

use crate::header::Header;
use crate::time::Timestamp;
use crate::tree::Hash;

/// Findings that are listed; after that a verification says only that there are more.
pub(crate) const MOST_FINDINGS: usize = 64;
/// Numbers of entries that are listed for a query.
pub(crate) const MOST_ASKED: usize = 10_000;

/// One thing that is wrong with a log.
///
/// Lines are counted as `grep -n` does: the header is line 1, and entry 0 line 2 of an untouched log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// Entries that do not authenticate stand where these should.
    Altered {
        /// Number of the first.
        first: u64,
        /// Number of the last.
        last: u64,
    },
    /// Entries are gone from where they belong.
    Missing {
        /// Number of the first.
        first: u64,
        /// Number of the last.
        last: u64,
    },
    /// Lines that nobody with a key of this log wrote, between genuine ones.
    Inserted {
        /// How many.
        lines: u64,
        /// Number of the entry before which they stand.
        before: u64,
    },
    /// A genuine entry stands again, or later than it should.
    OutOfPlace {
        /// Its number.
        seq: u64,
        /// The line that it stands on.
        line: u64,
    },
    /// An entry does not name the line before it: two histories were joined, or, for entry 0, the first line was changed.
    Unlinked {
        /// Its number.
        seq: u64,
    },
    /// A genuine entry that this release cannot read.
    NotUnderstood {
        /// Its number.
        seq: u64,
    },
    /// An entry of a checkpoint tells another root than the entries before it have.
    WrongTree {
        /// Its number.
        seq: u64,
    },
    /// The log is shorter than the state file or a checkpoint knows it.
    Truncated {
        /// Entries that there are.
        entries: u64,
        /// Entries that there were.
        expected: u64,
    },
    /// The state file, which knows the log up to this size, does not fit what is there.
    StateDiffers {
        /// Entries that the state file knows.
        size: u64,
    },
    /// The entries are not those that a checkpoint was made over.
    CheckpointDiffers {
        /// Entries that the checkpoint covers.
        size: u64,
    },
    /// The checkpoint is not one that the log's writer made.
    CheckpointForged {
        /// Entries that it says it covers.
        size: u64,
    },
    /// The checkpoint belongs to another log.
    OtherLog,
    /// Bytes behind the last entry are no entry.
    Tail {
        /// How many.
        bytes: u64,
        /// Whether the state file confirms that all that was finished stands before them.
        confirmed: bool,
    },
}

impl Finding {
    /// Whether a crash cannot have done it.
    pub fn is_tampering(&self) -> bool {
        !matches!(self, Self::Tail { confirmed: true, .. } | Self::NotUnderstood { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |f: &mut fmt::Formatter<'_>, first: u64, last: u64, one: &str, many: &str| {
            if first == last {
                write!(f, "entry {first} {one}")
            } else {
                write!(f, "entries {first} to {last} {many}")
            }
        };
        match *self {
            Self::Altered { first, last } => range(f, first, last, "was altered", "were altered"),
            Self::Missing { first, last } => {
                range(f, first, last, "is missing from its place", "are missing from their place")
            }
            Self::Inserted { lines, before } => {
                write!(f, "{lines} lines before entry {before} were inserted")
            }
            Self::OutOfPlace { seq, line } => {
                write!(f, "entry {seq} stands on line {line}, where it does not belong")
            }
            Self::Unlinked { seq: 0 } => f.write_str("the first line was altered"),
            Self::Unlinked { seq } => write!(
                f,
                "entry {seq} does not follow on the entry before it: one of the two was altered, or two histories \
                 were joined"
            ),
            Self::NotUnderstood { seq } => {
                write!(f, "entry {seq} is genuine but was written by a newer Saltprint; use that to read it")
            }
            Self::WrongTree { seq } => {
                write!(f, "entry {seq} is a checkpoint over other entries than those before it")
            }
            Self::Truncated { entries, expected } => {
                write!(f, "the log ends after {entries} entries and had {expected}")
            }
            Self::StateDiffers { size } => {
                write!(f, "the first {size} entries are not those that the state file remembers")
            }
            Self::CheckpointDiffers { size } => {
                write!(f, "the first {size} entries are not those that the checkpoint covers")
            }
            Self::CheckpointForged { size } => {
                write!(f, "the checkpoint over {size} entries was not made by the writer of this log")
            }
            Self::OtherLog => f.write_str("the checkpoint belongs to another log"),
            Self::Tail { bytes, confirmed: true } => write!(
                f,
                "{bytes} bytes of an unfinished entry stand at the end; the next one removes them and says so"
            ),
            Self::Tail { bytes, confirmed: false } => {
                write!(f, "{bytes} bytes at the end are no entry: a crash left them, or an entry was cut off")
            }
        }
    }
}

/// What a verification says. The log is as it was written when there are no findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use = "a verification is to be looked at"]
#[non_exhaustive]
pub struct Verification {
    /// The first line of the log.
    pub header: Header,
    /// Number that the next entry has.
    pub entries: u64,
    /// Root over all entries.
    pub root: Hash,
    /// Time of the last entry.
    pub last_time: Timestamp,
    /// Entries at which the clock had jumped back.
    pub clock_jumps: u64,
    /// Whether MACs were checked under the audit key.
    pub with_key: bool,
    /// Whether there was a state file to check against.
    pub with_state: bool,
    /// Checkpoints that were checked.
    pub checkpoints: u64,
    /// Numbers of the entries that commit to the query that was looked for, 10,000 at most.
    pub asked: Vec<u64>,
    /// What is wrong, in the order of the log.
    pub findings: Vec<Finding>,
    /// Whether there is more than is listed.
    pub more: bool,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether something is wrong that a crash cannot have done.
    pub fn is_tampered(&self) -> bool {
        self.findings.iter().any(Finding::is_tampering)
    }
}
