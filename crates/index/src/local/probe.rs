//! Which buckets a query feature may be in: its own, and those that it would be in if its least certain bits had
//! flipped.
//!
//! Query-directed probing as in Lv et al., "Multi-Probe LSH", 2007, section 4.4, for codes that are signs: flipping a bit costs
//! the square of its margin, and the cheapest sets of bits come first.

use saltprint_fingerprint::QueryFeature;

/// Bits of a key that may flip, the least certain ones.
const LOOSE_BITS: usize = 10;
/// Most of them at once.
const MOST_FLIPS: u32 = 4;

/// All sets of at most [`MOST_FLIPS`] of [`LOOSE_BITS`] bits; too many to sort by their costs for each feature, so the first
/// ones are picked by a rank that a typical feature's margins give: bit `i` of the sorted margins weighs about `i + 1`.
pub(super) struct Probes {
    /// Sets of positions in the order of margins.
    sets: Vec<u16>,
}

impl Probes {
    /// The cheapest `count` sets, none among them first.
    pub(super) fn new(count: usize) -> Self {
        let cost = |set: &u16| {
            let weights = (0..LOOSE_BITS).filter(|bit| set & 1 << bit != 0).map(|bit| (bit + 1) * (bit + 1));
            (weights.sum::<usize>(), *set)
        };
        let mut sets: Vec<u16> =
            (0..1_u16 << LOOSE_BITS).filter(|set| set.count_ones() <= MOST_FLIPS).collect();
        sets.sort_unstable_by_key(cost);
        sets.truncate(count.max(1));
        Self { sets }
    }

    /// The buckets of a feature in a table with keys of `bits` bits, most likely first.
    pub(super) fn of(&self, feature: &QueryFeature, bits: u32) -> impl Iterator<Item = u32> {
        let mask = u64::MAX >> (64 - bits);
        let key = u32::try_from(feature.code.words()[0] & mask).unwrap_or(0);
        let mut order = [0_u8; QueryFeature::MARGINS];
        order.iter_mut().zip(0..).for_each(|(place, bit)| *place = bit);
        let order = &mut order[..bits as usize];
        order.sort_unstable_by_key(|bit| (feature.margins[usize::from(*bit)], *bit));
        let mut loose = [0_u32; LOOSE_BITS];
        loose.iter_mut().zip(order.iter()).for_each(|(flip, bit)| *flip = 1 << bit);
        self.sets.iter().map(move |set| {
            let flips = (0..LOOSE_BITS).filter(|place| set & 1 << place != 0);
            flips.fold(key, |key, place| key ^ loose[place])
        })
    }
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::{Keypoint, LocalCode};

    use super::*;

    #[test]
    fn the_least_certain_bits_flip_first() {
        let mut margins = [200; QueryFeature::MARGINS];
        margins[5] = 1;
        margins[11] = 2;
        let keypoint = Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 };
        let feature = QueryFeature { code: LocalCode::from_words([0xABCD_EF01, 7]), margins, keypoint };
        let buckets: Vec<u32> = Probes::new(4).of(&feature, 16).collect();
        assert_eq!(buckets[..4], [0xEF01, 0xEF01 ^ 1 << 5, 0xEF01 ^ 1 << 11, 0xEF01 ^ 1 << 5 ^ 1 << 11]);
    }

    #[test]
    fn buckets_differ_and_lie_in_the_table() {
        let keypoint = Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 };
        let feature = QueryFeature {
            code: LocalCode::from_words([u64::MAX, 0]),
            margins: std::array::from_fn(|bit| u8::try_from(bit * 7).unwrap()),
            keypoint,
        };
        for bits in [12, 20, 24] {
            let mut buckets: Vec<u32> = Probes::new(64).of(&feature, bits).collect();
            assert!(buckets.iter().all(|bucket| bucket >> bits == 0));
            buckets.sort_unstable();
            buckets.dedup();
            assert_eq!(buckets.len(), 64);
        }
    }
}
