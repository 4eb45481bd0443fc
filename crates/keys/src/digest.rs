//! Keyed digests by which the nightly job recognises what changed.

use std::fmt;

use crate::{contexts::Context, ids::ID_LEN, roles::RoleKey, secret::Subkey};

/// Keyed digest of a document's bytes: 128 bits under an [`IndexKey`](crate::IndexKey).
///
/// Whoever holds the key can test documents that he has against it, so its `Debug` shows no bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentDigest([u8; ID_LEN]);

impl ContentDigest {
    /// Takes the 16 bytes as the catalog holds them.
    pub const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes as the catalog holds them.
    pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
        &self.0
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentDigest")
    }
}

/// The digests of the catalog, each under its own subkey of an index key.
///
/// It is made by [`IndexKey::digest_key`](crate::IndexKey::digest_key); its `Debug` prints the type name only.
pub struct DigestKey {
    content: Subkey,
    stamp: Subkey,
    place: Subkey,
}

impl DigestKey {
    pub(crate) fn new(key: &RoleKey) -> Self {
        Self {
            content: key.derive(Context::CONTENT_DIGEST, &[]),
            stamp: key.derive(Context::CATALOG_STAMP, &[]),
            place: key.derive(Context::CATALOG_PLACE, &[]),
        }
    }

    /// Digest of a document's bytes.
    pub fn digest(&self, bytes: &[u8]) -> ContentDigest {
        ContentDigest(self.content.mac(&[bytes]))
    }

    /// Digest of a file's size in bytes and its modification time in nanoseconds since 1970 (negative before).
    pub fn stamp(&self, size: u64, mtime_ns: i128) -> [u8; 16] {
        self.stamp.mac(&[&size.to_le_bytes(), &mtime_ns.to_le_bytes()])
    }

    /// Digest of where a record's file lies.
    pub fn place(&self, place: &[u8]) -> [u8; 16] {
        self.place.mac(&[place])
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IndexKey, ids::KeyId};

    fn key(byte: u8) -> DigestKey {
        IndexKey::from_secret(&[byte; 32]).digest_key()
    }

    /// The hexadecimal text that ids have, for comparing with golden values.
    fn hex(bytes: [u8; 16]) -> String {
        KeyId::from_bytes(bytes).to_string()
    }

    /// Computed by another implementation from `FORMAT.md`.
    #[test]
    fn golden_digests() {
        let key = key(7);
        assert_eq!(hex(*key.digest(b"document").as_bytes()), "089d37da10b87044d3efaa99a30c2640");
        assert_eq!(hex(key.stamp(1_000, -1)), "05d164b06b0d364dc4e197313c627884");
        assert_eq!(hex(key.place(b"place")), "3f019b23e523cccbbaa2542574f6ed4e");
    }

    #[test]
    fn digests_of_one_input_differ_by_key_and_by_purpose() {
        assert_ne!(key(7).digest(b"document"), key(8).digest(b"document"));
        assert_ne!(key(7).digest(b"document").as_bytes(), &key(7).place(b"document"));
        let stamp_bytes = [7_u64.to_le_bytes().as_slice(), &9_i128.to_le_bytes()].concat();
        assert_ne!(key(7).stamp(7, 9), key(7).place(&stamp_bytes));
    }

    #[test]
    fn stamp_depends_on_size_and_time() {
        let key = key(7);
        assert_eq!(key.stamp(7, 9), key.stamp(7, 9));
        assert_ne!(key.stamp(7, 9), key.stamp(8, 9));
        assert_ne!(key.stamp(7, 9), key.stamp(7, -9));
    }

    #[test]
    fn debug_shows_no_bytes() {
        assert_eq!(format!("{:?}", key(7)), "DigestKey");
        assert_eq!(format!("{:?}", key(7).digest(b"document")), "ContentDigest");
    }
}
