//! What can go wrong with an index.

use std::io;
use std::path::PathBuf;

use saltprint_keys::SealError;

/// An error of the index crate.
///
/// Corruption carries where it was found and why, never contents.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The operating system refused an operation on a file or folder of the index.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A segment could not be written to its destination.
    #[error("cannot write the segment")]
    Write(#[source] io::Error),
    /// The bytes are not a segment of this product.
    #[error("not a Saltprint segment: the file does not start with its magic bytes")]
    NotASegment,
    /// The segment was written by a newer or an older build.
    #[error(
        "segment format version {found} is not supported (this build reads {supported}); {}",
        if found > supported { "upgrade saltprint" } else { "build the index anew with `saltprint rebuild --full`" }
    )]
    SegmentVersion {
        /// Version in the file.
        found: u16,
        /// Version that this build reads.
        supported: u16,
    },
    /// The segment belongs to another epoch: another projection key or another profile.
    #[error(
        "the segment was built in another epoch (another projection key or profile); \
         use the keys and profile that it was built with, or rebuild"
    )]
    WrongEpoch,
    /// The census of local features does not open.
    #[error(
        "the census of local features does not open; restore the index folder, or run `saltprint rebuild --full`"
    )]
    Census(#[source] SealError),
    /// A fingerprint that a rebuild had put down does not open.
    #[error(
        "a fingerprint in a work file of the rebuild does not open: the disk gave back something else; run it again"
    )]
    Work(#[source] SealError),
    /// The manifest names a census that is not in the folder.
    #[error("the census `{}` is missing; restore the index folder, or run `saltprint rebuild --full`", path.display())]
    MissingCensus {
        /// Where it should be.
        path: PathBuf,
    },
    /// Root or header do not authenticate.
    #[error(
        "the segment does not authenticate: wrong index key, or the file is damaged; restore it, or run `saltprint rebuild --full`"
    )]
    NotAuthentic,
    /// The file's length is not what its header says.
    #[error(
        "the segment is {actual} bytes long but its header says {expected}: truncated or extended; restore it, or run `saltprint rebuild --full`"
    )]
    WrongLength {
        /// Length by the header.
        expected: u64,
        /// Length of the file.
        actual: u64,
    },
    /// A page's tag does not fit its bytes.
    #[error("page {page} of the segment is damaged; restore the file, or run `saltprint rebuild --full`")]
    DamagedPage {
        /// Page number within the file.
        page: u64,
    },
    /// A structure authenticates but makes no sense: a bug in the writer, or somebody with the key wrote it.
    #[error("the {section} section is inconsistent: {reason}")]
    Inconsistent {
        /// Section or structure.
        section: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// More than the format can hold.
    #[error("{what}: {count} is over the format's limit of {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many were given.
        count: u64,
        /// How many fit.
        limit: u64,
    },
    /// Records given to a segment writer are not sorted by ref, or a ref stands twice.
    #[error("records must be sorted by ref and each ref unique")]
    NotSorted,
    /// No generation was published in the folder yet.
    #[error("no index in `{}` yet; run `saltprint rebuild` first", path.display())]
    NoIndex {
        /// The index folder.
        path: PathBuf,
    },
    /// The list of erasures cannot be opened.
    #[error(
        "cannot open the list of erasures `{}`; without it nobody may be told what was erased: restore the file, or check the keys",
        path.display()
    )]
    Erasures {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SealError,
    },
    /// The list of erasures is shorter than the manifest says.
    #[error(
        "the list of erasures `{}` has {found} entries, but the index was written without {applied}: restore the file, or \
         run `saltprint rebuild --accept-rollback` to go on without what is lost, and erase it again",
        path.display()
    )]
    MissingErasures {
        /// The file.
        path: PathBuf,
        /// Its entries.
        found: u64,
        /// Entries that the manifest counts.
        applied: u64,
    },
    /// What lies in the folder is older than what was seen in it.
    #[error(
        "the index in `{}` was rolled back: its {what} {found} is older than {seen}, which `{}` remembers; restore the newer \
         one, or run `saltprint rebuild --accept-rollback` if the older one was put back on purpose",
        path.display(), pin.display()
    )]
    RolledBack {
        /// The index folder.
        path: PathBuf,
        /// What is older.
        what: &'static str,
        /// Its number.
        found: u64,
        /// The number that was seen.
        seen: u64,
        /// The file that remembers.
        pin: PathBuf,
    },
    /// The manifest cannot be opened.
    #[error("cannot open the manifest `{}`{}", path.display(), way_out(source))]
    Manifest {
        /// The manifest file.
        path: PathBuf,
        /// Why.
        source: SealError,
    },
    /// A segment that the manifest names is not the one on disk.
    #[error("segment `{}` is not the one that the manifest names; restore the index folder, or run `saltprint rebuild --full`", path.display())]
    ForeignSegment {
        /// The segment file.
        path: PathBuf,
    },
    /// A segment file of the index could not be used.
    #[error("cannot use segment `{}`", path.display())]
    Segment {
        /// The segment file.
        path: PathBuf,
        /// Why.
        source: Box<IndexError>,
    },
    /// Another rebuild holds the lock.
    #[error("another rebuild is running on `{}`; wait for it to end", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The catalog database failed.
    #[error("the catalog `{}` cannot be used; delete it to have every record read again", path.display())]
    Catalog {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// The system gave no random bytes.
    #[error("the system's random generator failed")]
    Random(#[source] saltprint_keys::RandomError),
}

impl IndexError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn inconsistent(section: &'static str, reason: &'static str) -> Self {
        Self::Inconsistent { section, reason }
    }
}

/// What to do about a manifest that does not open, where the reason alone does not say it.
fn way_out(source: &SealError) -> &'static str {
    if matches!(source, SealError::OlderVersion { .. }) {
        ", which an earlier release wrote; run `saltprint rebuild --full`"
    } else {
        ""
    }
}
