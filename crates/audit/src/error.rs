//! What can go wrong with an audit log.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An error of the audit crate. Each message says what failed, then what to do.
///
/// After an error of writing no answer may leave. The log itself is good again with the next append, which finds what
/// the failed one left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The folder has no log.
    #[error("no audit log in `{}`; begin one with `saltprint audit init`, or correct the path", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },

    /// The folder has a log and no state file: it was lost, or `init` was interrupted.
    #[error(
        "the audit log `{}` has lost its state file and cannot be continued; restore it with the audit key \
         (`saltprint audit init --restore`)",
        path.display()
    )]
    NoState {
        /// The folder.
        path: PathBuf,
    },

    /// There is a log already, and none is ever overwritten.
    #[error("`{}` has an audit log and none is ever overwritten; choose another folder", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },

    /// Group or others may read or write the state file.
    #[error(
        "`{}` has mode {mode:04o}, open to other users; run `chmod 600` on it, and begin a new log if others may \
         have read it",
        path.display()
    )]
    Permissions {
        /// The state file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// A link, a pipe, a device or a folder stands where a file of the log should.
    #[error("`{}` is not a regular file; put back the file that was there", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// The bytes are not those of a log or a state file.
    #[error("`{}` is not {what}: {reason}; check the path, or restore the file from a backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A later release wrote the file.
    #[error(
        "`{}` has format version {found} and this program reads up to {supported}; use a newer Saltprint",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version that this release reads.
        supported: u16,
    },

    /// The log was begun under another audit key.
    #[error("the audit log was begun under audit key {wanted}, and this is {given}; load the right key file")]
    WrongKey {
        /// Id of the log's key.
        wanted: saltprint_keys::KeyId,
        /// Id of the key given.
        given: saltprint_keys::KeyId,
    },

    /// Log and state file do not belong together any more.
    #[error(
        "the audit log `{}` does not fit its state file: {reason}; run `saltprint audit verify`, and write nothing \
         before it is clear who changed it",
        path.display()
    )]
    Tampered {
        /// The log.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },

    /// Another process kept the lock for longer than the caller waits.
    #[error(
        "another process has been writing to the audit log for {waited_ms} ms (`{}` is locked); try again, or look \
         for one that hangs",
        path.display()
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long was waited, in milliseconds.
        waited_ms: u128,
    },

    /// More drafts at once than one append takes.
    #[error("{found} entries at once are too many; append at most {limit}")]
    TooMany {
        /// How many were given.
        found: usize,
        /// How many are taken.
        limit: usize,
    },

    /// A proof was asked for about entries that the log does not have.
    #[error("the log has no entry {asked}: it ends at {entries} entries; ask for an earlier one")]
    OutOfRange {
        /// The number or size asked for.
        asked: u64,
        /// How many entries there are.
        entries: u64,
    },

    /// The log did not verify, so that its state cannot be restored from it.
    #[error("the audit log does not verify: {finding}; restore the log itself from a backup first")]
    NotVerified {
        /// The first finding.
        finding: String,
    },

    /// The source of randomness failed.
    #[error("no audit log was begun; check the system's random generator")]
    Random(#[from] saltprint_keys::RandomError),

    /// The operating system refused an operation.
    #[error("could not {action} `{}`; check the path, its permissions and the space on the disk", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
}

impl AuditError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
