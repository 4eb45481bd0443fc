//! What was asked, as it stays in memory until an entry commits to it.

use std::fmt;

use blake3::Hasher;
use saltprint_keys::Context;
use zeroize::Zeroizing;

/// Digest of a query, from which an entry's commitment is made: `derive(query digest, bytes)` by BLAKE3.
///
/// It has a context of its own, so that it is not the plain hash of a file. It is wiped on drop, and is never
/// written, printed or serialised: the log holds a commitment under a key that is gone with the next entry. It can be
/// cloned, because one question may be logged twice: before it is answered, and when it is.
///
/// ```
/// use saltprint_audit::{QueryDigest, QueryHasher};
///
/// let mut hasher = QueryHasher::new();
/// hasher.update(b"the bytes of ").update(b"an image");
/// assert_eq!(hasher.finish(), QueryDigest::of(b"the bytes of an image"));
/// assert_eq!(format!("{:?}", QueryDigest::of(b"")), "QueryDigest");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct QueryDigest(Zeroizing<[u8; 32]>);

impl QueryDigest {
    /// Digest of bytes that lie in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = QueryHasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for QueryDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryDigest")
    }
}

/// Digests a query piece by piece.
///
/// A query of several parts, such as the items of a leak, is joined by the caller: fixed-length parts or a length
/// before each keep the join unambiguous.
pub struct QueryHasher(Zeroizing<Hasher>);

impl QueryHasher {
    /// Begins a query.
    pub fn new() -> Self {
        Self(Zeroizing::new(Hasher::new_derive_key(Context::AUDIT_QUERY_DIGEST.as_str())))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> QueryDigest {
        QueryDigest(Zeroizing::new(self.0.finalize().into()))
    }
}

impl Default for QueryHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for QueryHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_the_plain_hash() {
        let digest = QueryDigest::of(b"image");
        assert_ne!(digest.expose(), blake3::hash(b"image").as_bytes());
        assert_ne!(digest, QueryDigest::of(b"images"));
    }

    #[test]
    fn nothing_prints() {
        assert_eq!(format!("{:?}", QueryDigest::of(b"image")), "QueryDigest");
        assert_eq!(format!("{:?}", QueryHasher::default()), "QueryHasher");
    }
}
