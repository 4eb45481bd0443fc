//! The four roles and their keys.

use std::{fmt, path::Path};

use crate::{
    contexts::Context,
    digest::DigestKey,
    error::KeyError,
    file,
    ids::{ID_LEN, KeyId, RecordRef, SubjectRef},
    memory::Slot,
    passphrase::{Passphrase, PassphraseError},
    secret::{SECRET_LEN, Subkey},
    source::{KeyPlace, KeySource},
};

/// What a key is for. Each role has its own random secret, so that holding one opens nothing of another.
///
/// The four roles are all there are: a match over them may be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Fingerprinting: the secret projection and the sealed profile.
    Projection,
    /// Searching: segments, manifests and the catalog.
    Index,
    /// Pseudonyms of records and subjects.
    Ref,
    /// Logging.
    Audit,
}

impl Role {
    /// All roles, in the order in which [`keygen`](crate::keygen) writes their files.
    pub const ALL: [Self; 4] = [Self::Projection, Self::Index, Self::Ref, Self::Audit];

    /// The roles whose keys make an epoch and are changed together by a rotation. The others stay: refs must go on meaning the
    /// same records.
    pub const ROTATED: [Self; 2] = [Self::Projection, Self::Index];

    /// The name of the role's file in a key directory.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Projection => "projection.key",
            Self::Index => "index.key",
            Self::Ref => "ref.key",
            Self::Audit => "audit.key",
        }
    }

    /// The role as a key file holds it.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Projection => 1,
            Self::Index => 2,
            Self::Ref => 3,
            Self::Audit => 4,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.byte() == byte)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Projection => "projection",
            Self::Index => "index",
            Self::Ref => "ref",
            Self::Audit => "audit",
        })
    }
}

/// What the four key types share. It has no `Debug`: each type prints its own name.
pub(crate) struct RoleKey {
    secret: Slot,
    id: KeyId,
}

impl RoleKey {
    /// Lets `fill` write the secret straight into its place.
    pub(crate) fn init<E>(
        role: Role,
        fill: impl FnOnce(&mut [u8; SECRET_LEN]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut filled = Ok(());
        let secret = Slot::init_with(|bytes| filled = fill(bytes));
        filled?;
        // The role enters the id: should one secret ever serve two roles, their ids still differ.
        let derived = Subkey::derive(secret.expose(), Context::KEY_ID, &[role.byte()]);
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&derived.expose()[..ID_LEN]);
        Ok(Self { secret, id: KeyId::from_bytes(id) })
    }

    pub(crate) fn from_secret(role: Role, secret: &[u8; SECRET_LEN]) -> Self {
        let Ok(key) = Self::init(role, |bytes| {
            bytes.copy_from_slice(secret);
            Ok::<_, std::convert::Infallible>(())
        });
        key
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn expose(&self) -> &[u8; SECRET_LEN] {
        self.secret.expose()
    }

    pub(crate) fn derive(&self, context: Context, salt: &[u8]) -> Subkey {
        Subkey::derive(self.expose(), context, salt)
    }

    /// Whether the secret lies in memory that is never swapped.
    pub(crate) fn is_locked(&self) -> bool {
        self.secret.grant().locked
    }
}

/// A role key, as generic code such as [`Sealing`](crate::Sealing) sees it. Only the four key types have it.
pub trait Key: private::Sealed + Sized {
    /// The role that keys of this type are for.
    const ROLE: Role;

    /// Reads the key from where `source` has it. `passphrase` is asked once, and only if the key is wrapped.
    ///
    /// # Errors
    ///
    /// As for the inherent `load` of the key types; [`KeyError::Passphrase`] where none came,
    /// [`KeyError::WrongPassphrase`], [`KeyError::Cost`] and [`KeyError::OutOfMemory`] for wrapped keys; and
    /// [`KeyError::NoCredentials`].
    ///
    /// ```no_run
    /// use std::path::Path;
    ///
    /// use saltprint_keys::{IndexKey, Key as _, KeySource, Passphrase};
    ///
    /// let source = KeySource::dir("/etc/saltprint/keys");
    /// let mut ask = |_role| Passphrase::from_file(Path::new("/etc/saltprint/passphrase"));
    /// let key = IndexKey::load_from(&source, &mut ask)?;
    /// # Ok::<(), saltprint_keys::KeyError>(())
    /// ```
    fn load_from(
        source: &KeySource,
        passphrase: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    ) -> Result<Self, KeyError>;

    /// The same as the inherent `derive` of the key types.
    fn derive(&self, context: Context, salt: &[u8]) -> Subkey;
}

mod private {
    /// Keeps [`Key`](super::Key) to the key types of this crate.
    pub trait Sealed {}
}

/// Declares the key type of one role over [`RoleKey`].
macro_rules! role_key {
    ($(#[$doc:meta])+ $name:ident, $role:expr) => {
        $(#[$doc])+
        ///
        /// The secret lies in locked memory, where the system allows, and is wiped on drop. The type has neither `Clone` nor `Serialize`, and its `Debug`
        /// prints the type name only.
        pub struct $name(RoleKey);

        impl $name {
            /// Reads the plain key file at `path`; for wrapped ones there is [`Key::load_from`].
            ///
            /// # Errors
            ///
            /// Refuses a file that is missing, open to group or others, a symbolic link or not a regular file,
            /// of another kind, length, version or role, wrapped, or damaged: each is its own [`KeyError`].
            pub fn load(path: &Path) -> Result<Self, KeyError> {
                let place = KeyPlace::File(path.into());
                Ok(Self(file::load(&place, $role, &mut file::no_passphrase)?.key))
            }

            /// Reads the role's plain file in a key directory, under the name that [`Role::file_name`] gives.
            ///
            /// # Errors
            ///
            /// As for [`load`](Self::load).
            pub fn load_from_dir(dir: &Path) -> Result<Self, KeyError> {
                Self::load(&dir.join($role.file_name()))
            }

            /// Takes a secret from elsewhere: for tests, and for embedders with a key store of their own.
            ///
            /// The secret must be 32 random bytes that serve no other role; the caller wipes his copy.
            pub fn from_secret(secret: &[u8; SECRET_LEN]) -> Self {
                Self(RoleKey::from_secret($role, secret))
            }

            /// The public id of the key.
            pub fn id(&self) -> KeyId {
                self.0.id()
            }

            /// Derives the subkey of one use: BLAKE3 `derive_key(context, secret || salt)`.
            pub fn derive(&self, context: Context, salt: &[u8]) -> Subkey {
                self.0.derive(context, salt)
            }
        }

        impl private::Sealed for $name {}

        impl Key for $name {
            const ROLE: Role = $role;

            fn load_from(
                source: &KeySource,
                passphrase: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
            ) -> Result<Self, KeyError> {
                Ok(Self(file::load(&source.place($role), $role, passphrase)?.key))
            }

            fn derive(&self, context: Context, salt: &[u8]) -> Subkey {
                self.0.derive(context, salt)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

role_key! {
    /// The key of fingerprinting: whoever holds it can turn an image into codes.
    ProjectionKey, Role::Projection
}

role_key! {
    /// The key of the index: whoever holds it can read segments, manifests and the catalog.
    IndexKey, Role::Index
}

role_key! {
    /// The key of pseudonyms: whoever holds it can tell which record or subject a ref stands for, by trying ids.
    RefKey, Role::Ref
}

role_key! {
    /// The key of the audit log.
    AuditKey, Role::Audit
}

impl IndexKey {
    /// Prepares the digests of the nightly job, once for many documents.
    pub fn digest_key(&self) -> DigestKey {
        DigestKey::new(&self.0)
    }
}

impl RefKey {
    /// The pseudonym of a record.
    pub fn record_ref(&self, record_id: &str) -> RecordRef {
        let subkey = self.derive(Context::RECORD_REF, &[]);
        RecordRef::from_bytes(subkey.mac(&[record_id.as_bytes()]))
    }

    /// The pseudonym of a subject. A subject and a record of the same name have unrelated refs.
    pub fn subject_ref(&self, subject: &str) -> SubjectRef {
        let subkey = self.derive(Context::SUBJECT_REF, &[]);
        SubjectRef::from_bytes(subkey.mac(&[subject.as_bytes()]))
    }
}

#[cfg(test)]
mod tests;
