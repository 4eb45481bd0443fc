//! What can go wrong with key files.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{kdf::KdfCostError, passphrase::PassphraseError, roles::Role};

/// A key that could not be made or loaded. Each message says what failed, then what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no file at the path.
    #[error("no key file at `{}`; make keys with `saltprint keygen`, or correct the path", path.display())]
    Missing {
        /// The path asked for.
        path: PathBuf,
    },

    /// Group or others may read, write or execute the file.
    #[error(
        "key file `{}` has mode {mode:04o}, open to other users; run `chmod 600` on it, and make new keys if \
         others may have read it",
        path.display()
    )]
    Permissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// The path is a symbolic link.
    #[error("key file `{}` is a symbolic link; give the path of the file itself", path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },

    /// The path is a directory, a pipe, a device or a socket.
    #[error("`{}` is not a regular file; give the path of a file that `saltprint keygen` wrote", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
    },

    /// The file does not start like a key file.
    #[error("`{}` is not a Saltprint key file; check that the path names the right file", path.display())]
    NotAKeyFile {
        /// The file.
        path: PathBuf,
    },

    /// A later release wrote the file.
    #[error(
        "key file `{}` has format version {found} and this program reads up to {supported}; use a newer \
         Saltprint",
        path.display()
    )]
    NewerVersion {
        /// The key file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version that this release reads.
        supported: u16,
    },

    /// The file is truncated or extended.
    #[error(
        "key file `{}` has {found} bytes where {expected} are right; restore it from a backup",
        path.display()
    )]
    WrongLength {
        /// The key file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// The only right length in bytes.
        expected: u64,
    },

    /// The bytes of the file contradict each other.
    #[error("key file `{}` is damaged; restore it from a backup", path.display())]
    Damaged {
        /// The key file.
        path: PathBuf,
    },

    /// The file is wrapped, and no passphrase came.
    #[error("key file `{}` is wrapped with a passphrase that could not be had", path.display())]
    Passphrase {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: PassphraseError,
    },

    /// The passphrase does not open the file, although its checksum holds.
    #[error(
        "the passphrase does not open key file `{}`, which is not damaged; try again, or restore the file if \
         the passphrase is surely right",
        path.display()
    )]
    WrongPassphrase {
        /// The key file.
        path: PathBuf,
    },

    /// The file is wrapped at a cost that is not accepted.
    #[error("key file `{}` is wrapped at a cost that is refused; wrap it anew from a backup", path.display())]
    Cost {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: KdfCostError,
    },

    /// The passphrase cannot be worked on for want of memory.
    #[error("opening key file `{}` takes {mib} MiB of memory, which is not there; end other programs", path.display())]
    OutOfMemory {
        /// The key file.
        path: PathBuf,
        /// What its wrapping takes, in MiB.
        mib: u32,
    },

    /// The secret would lie in memory that may be swapped, which a strict [`harden`](crate::hardening::harden) forbids.
    #[error(
        "the {role} key was not loaded, since its memory cannot be locked; raise `LimitMEMLOCK=` or \
         `ulimit -l`, or set `strict = false`"
    )]
    Unlocked {
        /// The role of the key.
        role: Role,
    },

    /// A credential of the service manager was asked for, and there is none.
    #[error(
        "the {role} key is to come from a credential, but `$CREDENTIALS_DIRECTORY` is not set; start the \
         program as a systemd service with `LoadCredential=saltprint-{role}.key:...`"
    )]
    NoCredentials {
        /// The role of the key.
        role: Role,
    },

    /// A key that comes from a descriptor or a credential cannot be changed, since there is no file of ours.
    #[error(
        "the {role} key comes from `{place}`, which cannot be changed here; change its file at its origin"
    )]
    NotOurFile {
        /// The role of the key.
        role: Role,
        /// Where the key comes from.
        place: String,
    },

    /// The file has a second name, so that wiping it would wipe that one too.
    #[error("key file `{}` has {links} names (hard links); remove the others first", path.display())]
    HardLinked {
        /// The key file.
        path: PathBuf,
        /// Number of its names.
        links: u64,
    },

    /// The file holds a key of another role.
    #[error(
        "key file `{}` holds the {found} key where the {wanted} key is needed; give the path of `{}`",
        path.display(),
        wanted.file_name()
    )]
    WrongRole {
        /// The key file.
        path: PathBuf,
        /// The role of the key in it.
        found: Role,
        /// The role asked for.
        wanted: Role,
    },

    /// A key file is already there, and keys are never overwritten.
    #[error("`{}` exists and is never overwritten; choose another directory for new keys", path.display())]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },

    /// The previous key of a role is still there.
    #[error(
        "the key before the present one is still at `{}`; when nothing needs it any more, destroy it with \
         `saltprint keys shred --previous`",
        path.display()
    )]
    PreviousKey {
        /// The previous key.
        path: PathBuf,
    },

    /// The path given for a key directory is something else, or a symbolic link.
    #[error("`{}` is not a directory; choose another place for new keys", path.display())]
    NotADirectory {
        /// The path asked for.
        path: PathBuf,
    },

    /// The directory for new keys has another mode than 0700.
    #[error("directory `{}` has mode {mode:04o} and keys need 0700; run `chmod 700` on it", path.display())]
    DirectoryPermissions {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// The clock stands before 1970.
    #[error("the clock stands before 1970, so that keys cannot be dated; set the system time")]
    Clock,

    /// Two keys came out equal, which a working source of randomness does not do.
    #[error("the source of randomness repeated itself and no key was made; check the system's generator")]
    RepeatedRandom,

    /// The source of randomness failed.
    #[error("no key was made; check the system's random generator")]
    Random(#[from] RandomError),

    /// The operating system refused an operation.
    #[error("could not {action} `{}`; check the path and its permissions", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
}

/// A source of randomness that could not deliver.
#[derive(Debug, Error)]
#[error("the source of randomness failed")]
pub struct RandomError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl RandomError {
    /// Wraps the reason.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}
