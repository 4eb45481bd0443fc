//! What can go wrong with backups.

use thiserror::Error;

use crate::error::{KeyError, RandomError};

/// A backup that could not be made, or shares that do not restore a key. Each message says what failed, then what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShareError {
    /// Numbers that make no sense.
    #[error("{needed} of {total} shares cannot be made; take 2 to 16 shares, and at least 2 to restore")]
    Numbers {
        /// Shares that are to restore the key.
        needed: u8,
        /// Shares in all.
        total: u8,
    },

    /// The key cannot be loaded or written.
    #[error("the key could not be backed up or restored")]
    Key(#[from] KeyError),

    /// The source of randomness failed.
    #[error("no shares were made; check the system's random generator")]
    Random(#[from] RandomError),

    /// The text does not begin like a share.
    #[error("this is not a share of a Saltprint key; check that it is the right file")]
    NotAShare,

    /// A later release wrote the share.
    #[error("the share has format version {found} and this program reads {supported}; use a newer Saltprint")]
    NewerVersion {
        /// Its version.
        found: u8,
        /// The version that this release reads.
        supported: u8,
    },

    /// A line is missing or is not what it should be.
    #[error("line {line} should be `{wanted}`; compare it with the paper")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What it should look like.
        wanted: &'static str,
    },

    /// The check at the end of a line does not fit the line.
    #[error("line {line} has a slip in it; compare it with the paper")]
    Slip {
        /// Number of the line, from 1.
        line: usize,
    },

    /// The check of the whole share does not fit, though each line of data does.
    #[error(
        "the share has a slip outside its data; compare the lines above the data, and the check, with the paper"
    )]
    Checksum,

    /// Too few shares.
    #[error("{have} shares were given and {needed} are needed; find {} more", needed - have)]
    TooFew {
        /// How many different ones were given.
        have: u8,
        /// How many are needed.
        needed: u8,
    },

    /// No share at all.
    #[error("no share was given; name the files of the shares")]
    None,

    /// The same share twice.
    #[error("share {index} was given twice; leave one of them out")]
    Twice {
        /// Number of the share in its set.
        index: u8,
        /// Positions of both in what was given, from 0.
        positions: [usize; 2],
    },

    /// Some shares are of another key, or of another backup of the key, than most are.
    #[error("{} of the shares belong to another key or another backup; leave them out", positions.len())]
    Mixed {
        /// Positions of those in what was given, from 0.
        positions: Vec<usize>,
    },

    /// The shares are of several keys or backups, and no set has most of them.
    #[error("the shares belong to {sets} different keys or backups; restore each from its own shares")]
    Several {
        /// Number of sets.
        sets: usize,
    },

    /// Shares whose checks fit, but which are not what was handed out.
    #[error("{} of the shares were altered; leave them out, and find out by whom", positions.len())]
    Altered {
        /// Positions of those in what was given, from 0.
        positions: Vec<usize>,
    },

    /// The shares agree in all that they say, and yet do not restore the key that they name.
    #[error(
        "the shares do not restore the key that they name, so at least one was altered; add further shares, \
         and it can be told which"
    )]
    Wrong,
}
