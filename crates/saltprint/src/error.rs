//! What can go wrong in the main jobs.

use std::io;
use std::path::{Path, PathBuf};

use saltprint_fingerprint::{CalibrateError, ProfileError};
use saltprint_index::IndexError;
use saltprint_keys::hardening::HardeningError;
use saltprint_keys::{KeyError, RandomError, Role};

use crate::date::date;

/// An error of the library. An input that cannot be used is not an error but an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is missing, unreadable or wrong.
    #[error("configuration `{}`: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A key file cannot be used.
    #[error("cannot load the keys")]
    Keys(#[from] KeyError),
    /// The system does not protect keys in memory as `strict = true` asks for.
    #[error("keys would not be protected in memory as `[keys] strict = true` asks for")]
    Hardening(#[from] HardeningError),
    /// The index cannot be used.
    #[error("the index cannot be used")]
    Index(#[from] IndexError),
    /// The vault, or a leak, cannot be listed.
    #[error("cannot list the inputs")]
    Listing(#[from] saltprint_intake::Error),
    /// No profile was made yet.
    #[error("no profile at `{}`; run `saltprint calibrate` first", path.display())]
    NoProfile {
        /// Where it was expected.
        path: PathBuf,
    },
    /// There is a profile already.
    #[error(
        "`{}` exists; a new profile makes the next rebuild fingerprint every record again: \
         say `--force` if that is meant",
        path.display()
    )]
    ProfileExists {
        /// The present profile.
        path: PathBuf,
    },
    /// The profile cannot be opened.
    #[error("cannot open the profile `{}`", path.display())]
    Profile {
        /// The profile.
        path: PathBuf,
        /// Why.
        source: ProfileError,
    },
    /// The profile that lies with the index cannot be opened.
    #[error("the profile in the index folder `{}` cannot be opened; `saltprint rebuild` puts it back", path.display())]
    IndexProfile {
        /// The index folder.
        path: PathBuf,
        /// Why.
        source: ProfileError,
    },
    /// The profile that lies with the index does not belong to it.
    #[error("the profile in `{}` is not the one that the index was built with; restore the folder or rebuild", path.display())]
    ForeignProfile {
        /// The index folder.
        path: PathBuf,
    },
    /// The manifest in the index folder is sealed with the previous key.
    #[error(
        "the index in `{}` is that of the previous epoch, put back after a newer one was published; restore the newer one, \
         or run `saltprint rebuild --full`",
        path.display()
    )]
    OldEpoch {
        /// The index folder.
        path: PathBuf,
    },
    /// The previous epoch answers by the manifest, but its own manifest is gone, an older one, or another's.
    #[error(
        "`MANIFEST.previous` in `{}` is missing or not the last one of the previous epoch, which still answers; restore the folder, \
         or end that epoch with `[keys] overlap_days = 0` and a rebuild",
        path.display()
    )]
    PreviousEpoch {
        /// The index folder.
        path: PathBuf,
    },
    /// Next keys are there already.
    #[error("a rotation is under way; run `saltprint rebuild`, which takes the next keys into use")]
    RotationUnderWay,
    /// The epoch before the present one still answers.
    #[error(
        "the previous epoch answers until {}; wait for its end, or end it at once with `[keys] overlap_days = 0` and \
         `saltprint rebuild`",
        date(*until)
    )]
    OverlapLasts {
        /// Until when, seconds since 1970.
        until: u64,
    },
    /// There is no room beside a key for another one.
    #[error(
        "the {role} key comes from `{place}`, where no next key can be put; make new keys with `saltprint keygen` in a folder of \
         their own and give their projection and index key to the rebuild as next ones: credentials \
         `saltprint-projection.next.key` and `saltprint-index.next.key`, or files of these names beside present ones"
    )]
    CannotRotate {
        /// The role of the key.
        role: Role,
        /// Where it comes from.
        place: String,
    },
    /// Decoding in workers with every layer is required, and not to be had.
    #[error("`[decode] worker = \"required\"` cannot be met: {reason}")]
    Decoding {
        /// What is missing.
        reason: String,
    },
    /// Calibration failed.
    #[error("calibration failed")]
    Calibrate(#[from] CalibrateError),
    /// The vault has no record that can be indexed, while the index has some.
    #[error(
        "the vault has no usable record, but the index holds {records}; this is more likely a vault that is not \
         mounted or not readable than an empty one: say `--allow-empty` if all records are really gone"
    )]
    EmptyVault {
        /// Records of the published index.
        records: u64,
    },
    /// All that was to be erased is erased already.
    #[error(
        "nothing was changed: all of it is erased already; `saltprint erase --verify` tells what is left of it"
    )]
    NothingErased,
    /// Nothing of what was named is erased.
    #[error("nothing was changed: none of it is erased")]
    NothingLifted,
    /// A receipt of an erasure cannot be used.
    #[error("the receipt cannot be used")]
    ErasureReceipt(#[from] crate::erase::ErasureReceiptError),
    /// Distances were asked for without the role for it.
    #[error(
        "evidence is off; it shows distances, which help to reconstruct fingerprints: set `evidence = true` under `[matching]` for the evidence role"
    )]
    EvidenceOff,
    /// A case cannot be opened, or not gone on with.
    #[error("case folder `{}`: {reason}", path.display())]
    Case {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A leak that is looked up again, to go on with a case, does not give what it gave before.
    #[error(
        "item {item} of the case is not what the leak holds in that place now, though its files are the same: a limit on time \
         or a failing disk may have cut one of them short; say `--restart` to begin the case anew"
    )]
    Resume {
        /// The first item that differs, counted from 1.
        item: u64,
    },
    /// The evaluation that the configuration names cannot be used.
    #[error("the evaluation `{}` cannot be used: {reason}", path.display())]
    Evaluation {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The audit log cannot be used: then no question is answered.
    #[error("the audit log cannot be used")]
    Audit(#[from] saltprint_audit::AuditError),
    /// What was typed does not fit into an entry of the audit log.
    #[error("the audit log cannot carry it")]
    AuditWords(#[from] saltprint_audit::TextError),
    /// The configuration wants every question to have a case and a purpose.
    #[error("say for which case and why: --case-id ID --purpose TEXT (`[audit] require_case` is set)")]
    NoCase,
    /// A question that is not answered. The refusal is in the audit log.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system gave no threads.
    #[error("the system gave no threads to work on")]
    Threads(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system gave no random bytes.
    #[error("the system's random generator failed")]
    Random(#[from] RandomError),
}

impl Error {
    pub(crate) fn config(path: &Path, error: &io::Error) -> Self {
        Self::Config { path: path.to_owned(), reason: format!("cannot be read: {error}") }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
