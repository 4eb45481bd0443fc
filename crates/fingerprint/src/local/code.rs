//! Local codes: what is kept of a keypoint, and what a query asks with.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{FRAME, Keypoint};

/// Steps of a stored size in one octave.
const SIZE_STEPS: f32 = 16.0;

/// A 128-bit code of the neighbourhood of a keypoint; near descriptors have codes that differ in few bits.
///
/// Codes are secret: `Debug` shows the type name only, and there is no `Display` and no serde.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Zeroize)]
pub struct LocalCode([u64; 2]);

impl LocalCode {
    /// Length in bits.
    pub const BITS: u32 = 128;
    /// Length in bytes of [`LocalCode::to_bytes`].
    pub const BYTES: usize = 16;

    /// Bit `i` of the code is bit `i % 64` of word `i / 64`.
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self(words)
    }

    /// The words of [`LocalCode::from_words`].
    pub const fn words(&self) -> [u64; 2] {
        self.0
    }

    /// Number of differing bits, 0 to 128. Only codes of one epoch compare.
    #[inline]
    #[must_use]
    pub const fn distance(&self, other: &Self) -> u32 {
        (self.0[0] ^ other.0[0]).count_ones() + (self.0[1] ^ other.0[1]).count_ones()
    }

    /// The two words, each little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.0[0].to_le_bytes());
        bytes[8..].copy_from_slice(&self.0[1].to_le_bytes());
        bytes
    }

    /// Inverse of [`LocalCode::to_bytes`]; every 16 bytes are a code.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let bits = u128::from_le_bytes(*bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the lower and the upper half")]
        Self([bits as u64, (bits >> 64) as u64])
    }
}

impl std::fmt::Debug for LocalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalCode")
    }
}

impl Zeroize for Keypoint {
    fn zeroize(&mut self) {
        [&mut self.x, &mut self.y, &mut self.size, &mut self.angle].into_iter().for_each(Zeroize::zeroize);
    }
}

/// Where a keypoint of a record lies, rounded for storage in 6 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct Place {
    /// Whole frame units from the left image border, 0 to 8192.
    pub x: u16,
    /// Whole frame units from the upper image border, 0 to 8192.
    pub y: u16,
    /// Size in sixteenths of an octave above one frame unit.
    pub size: u8,
    /// Direction in 1/256 of a turn.
    pub angle: u8,
}

impl Place {
    /// Rounds a keypoint.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range first, and `as` maps NaN to 0"
    )]
    pub fn of(keypoint: &Keypoint) -> Self {
        let position = |value: f32| value.round().clamp(0.0, FRAME) as u16;
        let octaves = libm::log2f(keypoint.size.max(1.0));
        let turn = keypoint.angle - keypoint.angle.floor();
        Self {
            x: position(keypoint.x),
            y: position(keypoint.y),
            size: (octaves * SIZE_STEPS).round().clamp(0.0, 255.0) as u8,
            // A whole turn is none.
            angle: ((turn * 256.0).round() as u16 % 256) as u8,
        }
    }

    /// The keypoint at the middle of the rounding steps.
    #[must_use]
    pub fn keypoint(self) -> Keypoint {
        Keypoint {
            x: f32::from(self.x),
            y: f32::from(self.y),
            size: libm::exp2f(f32::from(self.size) / SIZE_STEPS),
            angle: f32::from(self.angle) / 256.0,
        }
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

/// One local code of a record with its place.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct LocalFeature {
    /// The code.
    pub code: LocalCode,
    /// Where it is.
    pub place: Place,
    /// In how many other records of the build something like it was seen, on the scale of [`Sharing`].
    pub sharing: Sharing,
}

impl std::fmt::Debug for LocalFeature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalFeature")
    }
}

/// How many other records share a local feature: its document frequency, in eighths of a doubling of 1 + count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Zeroize)]
pub struct Sharing(u8);

impl Sharing {
    /// Rounds a count of other records; up to some 4 billion.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range first, and `as` maps NaN to 0"
    )]
    pub fn of(records: f64) -> Self {
        Self((libm::log2(1.0 + records.max(0.0)) * 8.0).round().clamp(0.0, 255.0) as u8)
    }

    /// The stored step, 0 for a feature that nobody shares.
    pub const fn step(self) -> u8 {
        self.0
    }

    /// Inverse of [`Sharing::step`].
    pub const fn from_step(step: u8) -> Self {
        Self(step)
    }

    /// About how many other records share the feature.
    #[must_use]
    pub fn records(self) -> f64 {
        libm::exp2(f64::from(self.0) / 8.0) - 1.0
    }
}

/// The local codes of a record: straight from the image its whole pool, in the index the selection of it that tells the
/// record from others.
#[derive(Clone, PartialEq, Eq, Default, Zeroize, ZeroizeOnDrop)]
pub struct LocalFingerprint {
    /// Width of the image in frame units; 0 where it is not known, and so there are no features.
    pub width: u16,
    /// Height of the image in frame units; the longer side has [`FRAME`].
    pub height: u16,
    /// Most useful first.
    pub features: Vec<LocalFeature>,
}

impl std::fmt::Debug for LocalFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalFingerprint").field("features", &self.features.len()).finish_non_exhaustive()
    }
}

/// One local code of a leaked image.
#[derive(Clone, PartialEq, Zeroize)]
pub struct QueryFeature {
    /// The code.
    pub code: LocalCode,
    /// How far each of the first [`QueryFeature::MARGINS`] bits is from tipping over, in no particular unit: what
    /// flips first in a copy.
    pub margins: [u8; Self::MARGINS],
    /// Where it is: in the image as leaked or, among [`LocalQuery::mirrored`], in its mirror image.
    pub keypoint: Keypoint,
}

impl QueryFeature {
    /// Bits whose margins are kept: the most that a lookup table may take as its key.
    pub const MARGINS: usize = 24;
}

impl std::fmt::Debug for QueryFeature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QueryFeature")
    }
}

/// The local codes of a leaked image, as it is and as its mirror image would have them.
///
/// Turns need no codes of their own: a local code follows its keypoint's direction.
#[derive(Clone, PartialEq, Default, Zeroize, ZeroizeOnDrop)]
pub struct LocalQuery {
    /// Width of the image in frame units, at most [`FRAME`].
    pub width: f32,
    /// Height of the image in frame units.
    pub height: f32,
    /// Strongest first.
    pub upright: Vec<QueryFeature>,
    /// Codes and keypoints of the mirror image, in the same order.
    pub mirrored: Vec<QueryFeature>,
}

impl std::fmt::Debug for LocalQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalQuery").field("features", &self.upright.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn code_bytes_and_words_round_trip(words: [u64; 2], other: [u64; 2]) {
            let (a, b) = (LocalCode::from_words(words), LocalCode::from_words(other));
            prop_assert_eq!(LocalCode::from_bytes(&a.to_bytes()), a);
            prop_assert_eq!(a.words(), words);
            let naive = a.to_bytes().iter().zip(b.to_bytes()).map(|(x, y)| (x ^ y).count_ones()).sum::<u32>();
            prop_assert_eq!(a.distance(&b), naive);
        }

        #[test]
        fn places_round_to_the_nearest_step(
            x in 0.0_f32..8192.0, y in 0.0_f32..8192.0, size in 2.0_f32..4000.0, angle in -1.0_f32..2.0,
        ) {
            let keypoint = Keypoint { x, y, size, angle };
            let place = Place::of(&keypoint);
            let back = place.keypoint();
            prop_assert!((back.x - x).abs() <= 0.5 && (back.y - y).abs() <= 0.5);
            prop_assert!((back.size / size).log2().abs() <= 0.5 / SIZE_STEPS + 1e-4);
            let turn = (back.angle - angle).rem_euclid(1.0);
            prop_assert!(turn.min(1.0 - turn) <= 0.5 / 256.0 + 1e-4);
            prop_assert_eq!(Place::of(&back), place);
        }
    }

    #[test]
    fn hostile_keypoints_round_to_something() {
        let all = Keypoint { x: f32::NAN, y: -5.0, size: f32::INFINITY, angle: f32::NAN };
        assert_eq!(Place::of(&all), Place { x: 0, y: 0, size: 255, angle: 0 });
    }

    #[test]
    fn sharing_is_a_logarithm() {
        assert_eq!([0.0, 1.0, 3.0, 1e12, -1.0].map(|count| Sharing::of(count).step()), [0, 8, 16, 255, 0]);
        for count in [0.0, 1.0, 7.0, 100.0, 54_321.0] {
            let back = Sharing::of(count).records();
            assert!((back - count).abs() <= 0.05 * (count + 1.0), "{count} became {back}");
        }
    }

    #[test]
    fn debug_shows_no_codes() {
        let code = LocalCode::from_words([0xDEAD_BEEF; 2]);
        let place = Place { x: 1, y: 2, size: 3, angle: 4 };
        let feature = LocalFeature { code, place, sharing: Sharing::default() };
        assert_eq!(format!("{code:?} {place:?} {feature:?}"), "LocalCode Place LocalFeature");
        let record = LocalFingerprint { width: 1, height: 1, features: vec![feature] };
        assert_eq!(format!("{record:?}"), "LocalFingerprint { features: 1, .. }");
    }
}
