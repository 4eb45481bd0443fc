//! Keys of Saltprint: key files, roles, derivation contexts, record refs and the sealing of small blobs.
//!
//! A company makes one directory of keys with [`keygen`]: four independent secrets, one a [`Role`], so that a process
//! gets only those that it needs. From a role key everything else is derived under a [`Context`], and all contexts
//! stand in one file.
//!
//! ```
//! use saltprint_keys::{IndexKey, RecordRef, RefKey};
//!
//! // Programs use `RefKey::load_from_dir`; a fixed secret keeps this example short.
//! let refs = RefKey::from_secret(&[7; 32]);
//! let record = refs.record_ref("customers/4711/passport.jpg");
//! assert!(record.to_string().starts_with("rec_"));
//! assert_eq!(record.to_string().parse::<RecordRef>()?, record);
//!
//! // Secrets do not print.
//! assert_eq!(format!("{refs:?}"), "RefKey");
//!
//! // The nightly job recognises unchanged documents by keyed digests.
//! let digests = IndexKey::from_secret(&[8; 32]).digest_key();
//! assert_eq!(digests.digest(b"bytes"), digests.digest(b"bytes"));
//! # Ok::<(), saltprint_keys::ParseIdError>(())
//! ```
//!
//! # Secrets in memory
//!
//! Role keys and [`Subkey`]s are wiped on drop, are filled in place, and cannot be cloned, printed or serialised. They
//! lie in pages of their own, which are locked and left out of core dumps where the system allows; [`hardening`] has
//! the details. What this crate cannot rule out: copies that the compiler leaves in registers or on the stack.
//!
//! # Platforms
//!
//! Unix only: key files rest on permission bits and on opening without following links.
//!
#![doc = include_str!("../FORMAT.md")]
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!(
    "saltprint-keys protects key files by Unix permission bits and O_NOFOLLOW; build it for a Unix system such as \
     Linux or macOS"
);

mod contexts;
mod digest;
mod error;
mod file;
pub mod hardening;
mod ids;
mod kdf;
mod keygen;
mod memory;
mod passphrase;
mod protection;
mod roles;
mod rotation;
mod sealing;
mod secret;
mod shares;
mod shredding;
mod source;
mod status;

pub use crate::{
    contexts::Context,
    digest::{ContentDigest, DigestKey},
    error::{KeyError, RandomError},
    ids::{EpochId, KeyId, ParseIdError, RecordRef, SubjectRef},
    kdf::{KdfCost, KdfCostError},
    keygen::{GeneratedKey, keygen, system_random},
    passphrase::{Passphrase, PassphraseError},
    protection::{unwrap, wrap},
    roles::{AuditKey, IndexKey, Key, ProjectionKey, RefKey, Role},
    rotation::{promote, rotate, shred_previous},
    sealing::{BlobFormat, SEALING_OVERHEAD, SealError, Sealing},
    secret::Subkey,
    shares::{RestoredKey, Share, ShareError, restore, split},
    shredding::{ShreddedKey, shred},
    source::{KeyAge, KeyPlace, KeySource, ParseKeyPlaceError},
    status::{KeyInfo, KeyStatus, Protection, key_status, sibling_exists},
};
