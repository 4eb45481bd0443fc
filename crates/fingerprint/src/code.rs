//! Codes and the fingerprints made of them.

use zeroize::Zeroize;

use crate::local::{LocalFingerprint, LocalQuery};
use crate::orientation::Orientation;

/// A 256-bit code of a whole image; near images have codes that differ in few bits.
///
/// Codes are secret: `Debug` shows the type name only, and there is no `Display` and no serde.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Zeroize)]
pub struct GlobalCode([u64; 4]);

impl GlobalCode {
    /// Length in bits.
    pub const BITS: u32 = 256;
    /// Length in bytes of [`GlobalCode::to_bytes`].
    pub const BYTES: usize = 32;

    /// Bit `i` of the code is bit `i % 64` of word `i / 64`.
    pub const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    /// The words of [`GlobalCode::from_words`], for scan kernels.
    pub const fn words(&self) -> [u64; 4] {
        self.0
    }

    /// Number of differing bits, 0 to 256. Only codes of one epoch compare.
    #[inline]
    #[must_use]
    pub const fn distance(&self, other: &Self) -> u32 {
        let (a, b) = (&self.0, &other.0);
        (a[0] ^ b[0]).count_ones()
            + (a[1] ^ b[1]).count_ones()
            + (a[2] ^ b[2]).count_ones()
            + (a[3] ^ b[3]).count_ones()
    }

    /// The four words, each little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Inverse of [`GlobalCode::to_bytes`]; every 32 bytes are a code.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut words = [0; 4];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut le = [0; 8];
            le.copy_from_slice(chunk);
            *word = u64::from_le_bytes(le);
        }
        Self(words)
    }
}

impl std::fmt::Debug for GlobalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GlobalCode")
    }
}

/// What the index keeps of a record's image.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fingerprint {
    /// The code of the upright image.
    pub global: GlobalCode,
    /// Local codes: the pool when it comes from an image, a selection when it comes from an index.
    pub local: LocalFingerprint,
}

impl Fingerprint {
    /// A fingerprint from its parts, as read back from an index.
    pub const fn new(global: GlobalCode, local: LocalFingerprint) -> Self {
        Self { global, local }
    }

    /// A fingerprint of a global code alone.
    pub fn from_global(global: GlobalCode) -> Self {
        Self { global, local: LocalFingerprint::default() }
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint")
    }
}

/// What a search asks with: the codes of a leaked image with each of the eight orientations undone, and its local codes.
///
/// The code at orientation `o` is, bit for bit, that of the image which `o` turned into the leaked one.
#[derive(Clone, PartialEq)]
pub struct QueryFingerprint {
    codes: [GlobalCode; 8],
    local: LocalQuery,
}

impl QueryFingerprint {
    /// A query from one code an orientation, in the order of [`Orientation::ALL`].
    pub fn from_codes(codes: [GlobalCode; 8]) -> Self {
        Self { codes, local: LocalQuery::default() }
    }

    /// A query from all its parts.
    pub const fn new(codes: [GlobalCode; 8], local: LocalQuery) -> Self {
        Self { codes, local }
    }

    /// The local codes.
    pub const fn local(&self) -> &LocalQuery {
        &self.local
    }

    /// The code to look up in case the leaked image is a record turned by `orientation`.
    pub const fn code(&self, orientation: Orientation) -> &GlobalCode {
        &self.codes[orientation.index()]
    }

    /// The codes in the order of [`Orientation::ALL`].
    pub const fn codes(&self) -> &[GlobalCode; 8] {
        &self.codes
    }

    /// Each orientation with its code.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Orientation, &GlobalCode)> {
        Orientation::ALL.into_iter().zip(&self.codes)
    }

    /// The smallest distance of any orientation to `record`, in bits, and that orientation; the first of equals.
    #[must_use]
    pub fn nearest(&self, record: &GlobalCode) -> (u32, Orientation) {
        let mut best = (u32::MAX, Orientation::Upright);
        for (orientation, code) in self.iter() {
            let distance = code.distance(record);
            if distance < best.0 {
                best = (distance, orientation);
            }
        }
        best
    }
}

impl Drop for QueryFingerprint {
    fn drop(&mut self) {
        self.codes.zeroize();
    }
}

impl std::fmt::Debug for QueryFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QueryFingerprint")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_and_words_round_trip(words: [u64; 4], other: [u64; 4]) {
            let (a, b) = (GlobalCode::from_words(words), GlobalCode::from_words(other));
            prop_assert_eq!(GlobalCode::from_bytes(&a.to_bytes()), a);
            prop_assert_eq!(a.words(), words);
            let naive = a.to_bytes().iter().zip(b.to_bytes()).map(|(x, y)| (x ^ y).count_ones()).sum::<u32>();
            prop_assert_eq!(a.distance(&b), naive);
            prop_assert_eq!(a.distance(&b), b.distance(&a));
        }
    }

    #[test]
    fn bit_order_is_little_endian() {
        let code = GlobalCode::from_words([1, 0, 0, 1 << 63]);
        assert_eq!((code.to_bytes()[0], code.to_bytes()[31]), (1, 128));
    }

    #[test]
    fn debug_shows_type_names_only() {
        let code = GlobalCode::from_words([0xDEAD_BEEF; 4]);
        assert_eq!(format!("{code:?}"), "GlobalCode");
        assert_eq!(format!("{:?}", Fingerprint::from_global(code)), "Fingerprint");
        assert_eq!(format!("{:?}", QueryFingerprint::from_codes([code; 8])), "QueryFingerprint");
    }

    #[test]
    fn nearest_names_the_orientation() {
        let mut codes = [GlobalCode::from_words([u64::MAX; 4]); 8];
        codes[5] = GlobalCode::from_words([1, 0, 0, 0]);
        let query = QueryFingerprint::from_codes(codes);
        assert_eq!(query.nearest(&GlobalCode::from_words([0; 4])), (1, Orientation::MirrorRot90));
        assert_eq!(query.code(Orientation::MirrorRot90), &codes[5]);
    }
}
