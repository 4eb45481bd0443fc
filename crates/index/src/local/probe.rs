//! Which buckets a query feature may be in: its own, and those that it would be in if its least certain bits had
//! flipped.
//!
//! Query-directed probing as in Lv et al., "Multi-Probe LSH", 2007, section 4.4, for codes that are signs: flipping a bit costs
//! the square of its margin, and the cheapest sets of bits come first.

use saltprint_fingerprint::{LocalCode, QueryFeature};

/// Bits of a key that may flip, the least certain ones.
const LOOSE_BITS: usize = 10;
/// Most of them at once.
const MOST_FLIPS: u32 = 4;

/// All sets of at most [`MOST_FLIPS`] of [`LOOSE_BITS`] bits; too many to sort by their costs for each feature, so the first
/// ones are picked by a rank that a typical feature's margins give: bit `i` of the sorted margins weighs about `i + 1`.
///
/// To order the sets by each feature's own margins would reach the right bucket in one case of a hundred more.
pub(super) struct Probes {
    /// Sets of positions in the order of margins.
    sets: Vec<Set>,
}

/// A set as the one without its last position, which is cheaper and comes before it.
#[derive(Clone, Copy)]
struct Set {
    bits: u16,
    /// Number of the other among the sets, and the last position; the empty set has none.
    made_of: Option<(u16, u8)>,
}

/// The bits of a feature's code that may be part of a key, least certain first.
#[derive(Clone, Copy)]
pub(super) struct Order([u8; QueryFeature::MARGINS]);

impl Order {
    pub(super) fn of(feature: &QueryFeature) -> Self {
        let mut order = [0_u8; QueryFeature::MARGINS];
        order.iter_mut().zip(0..).for_each(|(place, bit)| *place = bit);
        order.sort_unstable_by_key(|bit| (feature.margins[usize::from(*bit)], *bit));
        Self(order)
    }
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
        let made = |bits: u16| {
            let last = u8::try_from(bits.checked_ilog2()?).ok()?;
            let without = sets.iter().position(|set| *set == bits & !(1 << last))?;
            Some((u16::try_from(without).ok()?, last))
        };
        Self { sets: sets.iter().map(|bits| Set { bits: *bits, made_of: made(*bits) }).collect() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// Exchanges `buckets` by those of a code in a table with keys of `bits` bits, each once, most likely first.
    pub(super) fn buckets(&self, (code, order): (&LocalCode, &Order), bits: u32, buckets: &mut Vec<u32>) {
        let mask = u64::MAX >> (64 - bits);
        let key = u32::try_from(code.words()[0] & mask).unwrap_or(0);
        let mut loose = [0_u32; LOOSE_BITS];
        let in_key = order.0.iter().filter(|bit| u32::from(**bit) < bits);
        loose.iter_mut().zip(in_key).for_each(|(flip, bit)| *flip = 1 << bit);
        buckets.clear();
        buckets.resize(self.sets.len(), key);
        for number in 0..buckets.len() {
            if let Some((without, last)) = self.sets[number].made_of {
                buckets[number] = buckets[usize::from(without)] ^ loose[usize::from(last)];
            }
        }
        if (bits as usize) < LOOSE_BITS {
            // A set with positions that the key has not would lead to the bucket of another one.
            let mut own = self.sets.iter().map(|set| set.bits >> bits == 0);
            buckets.retain(|_| own.next().unwrap_or(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::Keypoint;

    use super::*;

    fn buckets(probes: &Probes, feature: &QueryFeature, bits: u32) -> Vec<u32> {
        let mut buckets = vec![7];
        probes.buckets((&feature.code, &Order::of(feature)), bits, &mut buckets);
        buckets
    }

    #[test]
    fn the_least_certain_bits_flip_first() {
        let mut margins = [200; QueryFeature::MARGINS];
        margins[5] = 1;
        margins[11] = 2;
        let keypoint = Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 };
        let feature = QueryFeature { code: LocalCode::from_words([0xABCD_EF01, 7]), margins, keypoint };
        let buckets = buckets(&Probes::new(4), &feature, 16);
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
            let probes = Probes::new(64);
            let mut buckets = buckets(&probes, &feature, bits);
            assert!(buckets.iter().all(|bucket| bucket >> bits == 0));
            buckets.sort_unstable();
            buckets.dedup();
            assert_eq!(buckets.len(), 64);
        }
    }

    #[test]
    fn a_short_key_has_each_bucket_once() {
        let keypoint = Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 };
        let margins = std::array::from_fn(|bit| u8::try_from(99 - bit).unwrap());
        let feature = QueryFeature { code: LocalCode::from_words([0x5A, 0]), margins, keypoint };
        let probes = Probes::new(386);
        let mut buckets = buckets(&probes, &feature, 8);
        let near =
            (0..256_u32).filter(|bucket| (bucket ^ 0x5A).count_ones() <= MOST_FLIPS).collect::<Vec<_>>();
        buckets.sort_unstable();
        assert_eq!(buckets, near);
    }
}
