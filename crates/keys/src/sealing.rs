//! Sealing of blobs that are opened as a whole: a profile, a manifest, a census.
//!
//! `FORMAT.md` defines the bytes; the offsets below stand in its order. Both keys of a blob are derived from the role
//! key through the blob's salt, and the MAC is checked before anything is decrypted.

use std::{fmt, marker::PhantomData, ops::Range};

use aes::Aes256;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    contexts::Context,
    roles::{IndexKey, Key, ProjectionKey},
    secret::Subkey,
};

const MAGIC_AT: Range<usize> = 0..8;
const VERSION_AT: Range<usize> = MAGIC_AT.end..MAGIC_AT.end + 2;
const RESERVED_AT: Range<usize> = VERSION_AT.end..VERSION_AT.end + 6;
const SALT_AT: Range<usize> = RESERVED_AT.end..RESERVED_AT.end + 32;
const LENGTH_AT: Range<usize> = SALT_AT.end..SALT_AT.end + 8;
const HEADER_LEN: usize = LENGTH_AT.end;
const MAC_LEN: usize = 32;

/// Bytes that sealing adds to a plaintext.
pub const SEALING_OVERHEAD: usize = HEADER_LEN + MAC_LEN;

/// How one kind of blob names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobFormat {
    /// The first 8 bytes of every blob of the kind.
    pub magic: [u8; 8],
    /// The version that this release writes and reads.
    pub version: u16,
}

/// The pair of contexts under which one kind of blob is sealed, tied to the role key that seals it.
///
/// The constants [`Sealing::PROFILE`], [`Sealing::MANIFEST`], [`Sealing::CENSUS`], [`Sealing::WORK`] and [`Sealing::ERASURES`] are
/// the only values.
///
/// ```
/// use saltprint_keys::{BlobFormat, ProjectionKey, Sealing};
///
/// let key = ProjectionKey::from_secret(&[7; 32]);
/// let format = BlobFormat { magic: *b"EXAMPLE\n", version: 1 };
/// let salt = [9; 32]; // random, and another one for every blob
/// let blob = Sealing::PROFILE.seal(&key, format, b"epoch 1", b"secret", salt);
/// let plaintext = Sealing::PROFILE.open(&key, format, b"epoch 1", blob)?;
/// assert_eq!(plaintext.as_slice(), b"secret");
/// # Ok::<(), saltprint_keys::SealError>(())
/// ```
///
/// A key of another role does not compile:
///
/// ```compile_fail,E0308
/// # use saltprint_keys::{BlobFormat, IndexKey, Sealing};
/// let key = IndexKey::from_secret(&[7; 32]);
/// let format = BlobFormat { magic: *b"EXAMPLE\n", version: 1 };
/// let blob = Sealing::PROFILE.seal(&key, format, b"epoch 1", b"secret", [9; 32]);
/// ```
pub struct Sealing<K> {
    encryption: Context,
    mac: Context,
    key: PhantomData<fn(&K)>,
}

impl Sealing<ProjectionKey> {
    /// Sealing of a profile.
    pub const PROFILE: Self = Self::new(Context::PROFILE_ENCRYPTION, Context::PROFILE_MAC);
}

impl Sealing<IndexKey> {
    /// Sealing of a manifest.
    pub const MANIFEST: Self = Self::new(Context::MANIFEST_ENCRYPTION, Context::MANIFEST_MAC);
    /// Sealing of the census of local features.
    pub const CENSUS: Self = Self::new(Context::CENSUS_ENCRYPTION, Context::CENSUS_MAC);
    /// Sealing of a fingerprint that waits for its segment.
    pub const WORK: Self = Self::new(Context::WORK_ENCRYPTION, Context::WORK_MAC);
    /// Sealing of the list of erasures.
    pub const ERASURES: Self = Self::new(Context::ERASURES_ENCRYPTION, Context::ERASURES_MAC);
}

impl<K> Sealing<K> {
    const fn new(encryption: Context, mac: Context) -> Self {
        Self { encryption, mac, key: PhantomData }
    }
}

impl<K: Key> Sealing<K> {
    /// Encrypts and authenticates `plaintext`; the result is [`SEALING_OVERHEAD`] bytes longer.
    ///
    /// `associated` is authenticated but not stored: opening needs the same bytes again. `salt` must be random and
    /// **never used twice** with a key, because it makes the keystream.
    #[must_use]
    pub fn seal(
        &self,
        key: &K,
        format: BlobFormat,
        associated: &[u8],
        plaintext: &[u8],
        salt: [u8; 32],
    ) -> Vec<u8> {
        self.seal_parts(key, format, associated, &[plaintext], salt)
    }

    /// [`Sealing::seal`] of a plaintext that lies in parts, one behind the other.
    #[must_use]
    pub fn seal_parts(
        &self,
        key: &K,
        format: BlobFormat,
        associated: &[u8],
        plaintext: &[&[u8]],
        salt: [u8; 32],
    ) -> Vec<u8> {
        seal(&self.keys(key, &salt), format, associated, plaintext, salt)
    }

    /// Checks a blob and returns its plaintext, which is wiped on drop. A blob that is given as a `Vec` is decrypted where it
    /// lies; a slice is copied.
    ///
    /// # Errors
    ///
    /// [`SealError`], and nothing is decrypted, unless the blob is exactly what [`seal`](Self::seal) made with the
    /// same key, format and associated data.
    pub fn open(
        &self,
        key: &K,
        format: BlobFormat,
        associated: &[u8],
        blob: impl Into<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(|salt| self.keys(key, salt), format, associated, blob.into())
    }

    fn keys(&self, key: &K, salt: &[u8; 32]) -> BlobKeys {
        BlobKeys::new(key.derive(self.encryption, salt), key.derive(self.mac, salt))
    }
}

// By hand, because derives would demand the same of `K`.
impl<K> Clone for Sealing<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Sealing<K> {}

impl<K> fmt::Debug for Sealing<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("encryption", &self.encryption).field("mac", &self.mac).finish()
    }
}

/// A blob that could not be opened. Each message says what failed, then what to do; the caller adds the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The blob starts with another magic.
    #[error("this is another kind of file; check that the path names the right one")]
    Kind,

    /// A later release wrote the blob.
    #[error("the format version is {found} and this program reads {supported}; use a newer Saltprint")]
    NewerVersion {
        /// Version of the blob.
        found: u16,
        /// Version that this release reads.
        supported: u16,
    },

    /// An earlier release wrote the blob, in a format that is no longer read.
    #[error("the format version is {found} and this program reads {supported}; write the file anew")]
    OlderVersion {
        /// Version of the blob.
        found: u16,
        /// Version that this release reads.
        supported: u16,
    },

    /// The blob is truncated or extended.
    #[error("the file is truncated or extended ({found} bytes); restore it, or write it anew")]
    Length {
        /// Length of the blob in bytes.
        found: usize,
    },

    /// The MAC does not fit: another key sealed the blob, it belongs elsewhere, or it was changed.
    #[error(
        "the file does not authenticate: it is damaged, or sealed with another key; check the keys first"
    )]
    NotAuthentic,
}

/// [`Sealing::seal`] with the keys at hand.
pub(crate) fn seal(
    keys: &BlobKeys,
    format: BlobFormat,
    associated: &[u8],
    plaintext: &[&[u8]],
    salt: [u8; 32],
) -> Vec<u8> {
    let length: usize = plaintext.iter().map(|part| part.len()).sum();
    let mut blob = Vec::with_capacity(SEALING_OVERHEAD + length);
    blob.extend_from_slice(&format.magic);
    blob.extend_from_slice(&format.version.to_le_bytes());
    blob.extend_from_slice(&[0; RESERVED_AT.end - RESERVED_AT.start]);
    blob.extend_from_slice(&salt);
    blob.extend_from_slice(&(length as u64).to_le_bytes());
    for part in plaintext {
        blob.extend_from_slice(part);
    }
    keys.apply_keystream(&mut blob[HEADER_LEN..]);
    let mac: [u8; MAC_LEN] = keys.mac.mac(&[&associated_len(associated), associated, &blob]);
    blob.extend_from_slice(&mac);
    blob
}

/// [`Sealing::open`] with the keys that `keys` makes of the blob's salt.
pub(crate) fn open(
    keys: impl FnOnce(&[u8; 32]) -> BlobKeys,
    format: BlobFormat,
    associated: &[u8],
    mut blob: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    // Kind and version come first: a blob of a later version may be laid out otherwise.
    let incomplete = SealError::Length { found: blob.len() };
    if *blob.get(MAGIC_AT).ok_or(incomplete)? != format.magic {
        return Err(SealError::Kind);
    }
    let found = u16::from_le_bytes(field(&blob, VERSION_AT).ok_or(incomplete)?);
    if found > format.version {
        return Err(SealError::NewerVersion { found, supported: format.version });
    }
    if found < format.version {
        return Err(SealError::OlderVersion { found, supported: format.version });
    }
    let salt: [u8; 32] = field(&blob, SALT_AT).ok_or(incomplete)?;
    let length = u64::from_le_bytes(field(&blob, LENGTH_AT).ok_or(incomplete)?);
    let (sealed, mac) = blob.split_last_chunk::<MAC_LEN>().ok_or(incomplete)?;
    let ciphertext = sealed.get(HEADER_LEN..).ok_or(incomplete)?;
    if ciphertext.len() as u64 != length {
        return Err(incomplete);
    }

    let keys = keys(&salt);
    if !keys.mac.verify(&[&associated_len(associated), associated, sealed], mac) {
        return Err(SealError::NotAuthentic);
    }
    let end = sealed.len();
    blob.truncate(end);
    let mut plaintext = Zeroizing::new(blob);
    keys.apply_keystream(&mut plaintext[HEADER_LEN..]);
    plaintext.drain(..HEADER_LEN);
    Ok(plaintext)
}

/// The keys of one blob.
pub(crate) struct BlobKeys {
    encryption: Subkey,
    mac: Subkey,
}

impl BlobKeys {
    pub(crate) fn new(encryption: Subkey, mac: Subkey) -> Self {
        Self { encryption, mac }
    }

    /// Encrypts or decrypts in place.
    fn apply_keystream(&self, bytes: &mut [u8]) {
        // A zero counter is safe because the salt makes the key a fresh one.
        Ctr128BE::<Aes256>::new(self.encryption.expose().into(), &[0; 16].into()).apply_keystream(bytes);
    }
}

fn associated_len(associated: &[u8]) -> [u8; 8] {
    (associated.len() as u64).to_le_bytes()
}

fn field<const N: usize>(blob: &[u8], at: Range<usize>) -> Option<[u8; N]> {
    blob.get(at)?.try_into().ok()
}

#[cfg(test)]
mod tests;
