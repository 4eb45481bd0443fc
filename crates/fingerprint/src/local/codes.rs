//! One local code against many.
//!
//! The two words of the codes lie in columns of their own, so that a loop over them is one that compilers turn into
//! vector instructions, for each of the instruction sets named at [`distances`].

use multiversion::multiversion;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::LocalCode;

/// Codes that are compared before the nearest of them is looked at: few are near, so most blocks are left with one test.
const BLOCK: usize = 64;

/// Local codes that one code at a time is compared with.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct LocalCodes {
    low: Vec<u64>,
    high: Vec<u64>,
}

impl std::fmt::Debug for LocalCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCodes").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl LocalCodes {
    /// Number of codes.
    pub const fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Exchanges all codes. What was there is overwritten or, behind the new ones, wiped when this is dropped.
    pub fn replace(&mut self, codes: impl ExactSizeIterator<Item = LocalCode>) {
        if codes.len() > self.low.capacity() {
            // A vector that grows leaves its old contents behind.
            self.zeroize();
        }
        self.low.clear();
        self.high.clear();
        self.low.reserve_exact(codes.len());
        self.high.reserve_exact(codes.len());
        for code in codes {
            let [low, high] = code.words();
            self.low.push(low);
            self.high.push(high);
        }
    }

    /// Puts the codes within `radius` bits of `code` and their distances to the end of `near`, as (number, distance), by
    /// rising number. Only codes of `range`, which ends with the last code at the latest, are compared.
    pub fn near(
        &self,
        code: &LocalCode,
        range: std::ops::Range<usize>,
        radius: u32,
        near: &mut Vec<(u32, u32)>,
    ) {
        let (Some(low), Some(high)) = (self.low.get(range.clone()), self.high.get(range.clone())) else {
            return;
        };
        let mut block = [0; BLOCK];
        let mut first = range.start;
        for (low, high) in low.chunks(BLOCK).zip(high.chunks(BLOCK)) {
            if distances(low, high, code.words(), &mut block) <= radius {
                let within = block.iter().take(low.len()).zip(first..).filter(|(bits, _)| **bits <= radius);
                near.extend(within.map(|(bits, number)| (u32::try_from(number).unwrap_or(u32::MAX), *bits)));
            }
            first += BLOCK;
        }
    }
}

/// Writes the distances of the codes of up to [`BLOCK`] `low` and `high` words and returns the least.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512vpopcntdq",
    "x86_64+avx2+popcnt",
    "x86_64+popcnt",
    "aarch64+neon"
))]
fn distances(low: &[u64], high: &[u64], code: [u64; 2], block: &mut [u32; BLOCK]) -> u32 {
    let mut least = u32::MAX;
    for ((low, high), distance) in low.iter().zip(high).zip(block.iter_mut()) {
        *distance = (low ^ code[0]).count_ones() + (high ^ code[1]).count_ones();
        least = least.min(*distance);
    }
    least
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few distinct words, so that near codes happen often.
    fn code() -> impl Strategy<Value = LocalCode> {
        let word = prop_oneof![Just(0_u64), Just(u64::MAX), 0_u64..1 << 20, any::<u64>()];
        [word.clone(), word].prop_map(LocalCode::from_words)
    }

    proptest! {
        #[test]
        fn what_is_near_is_what_each_distance_says(
            codes in proptest::collection::vec(code(), 0..200),
            asked in code(),
            radius in 0_u32..=128,
            bounds: (prop::sample::Index, prop::sample::Index),
        ) {
            let mut many = LocalCodes::default();
            many.replace(codes.iter().copied());
            prop_assert_eq!(many.len(), codes.len());
            let (a, b) = (bounds.0.index(codes.len() + 1), bounds.1.index(codes.len() + 1));
            let range = a.min(b)..a.max(b);
            let mut near = vec![(7, 7)];
            many.near(&asked, range.clone(), radius, &mut near);
            let mut expected = vec![(7, 7)];
            for (number, code) in (0..).zip(&codes).skip(range.start).take(range.len()) {
                if code.distance(&asked) <= radius {
                    expected.push((number, code.distance(&asked)));
                }
            }
            prop_assert_eq!(near, expected);
        }
    }

    #[test]
    fn codes_can_be_replaced() {
        let mut codes = LocalCodes::default();
        codes.replace([LocalCode::from_words([1, 1]); 9].into_iter());
        codes.replace([LocalCode::from_words([0, 3])].into_iter());
        assert_eq!(codes.len(), 1);
        let mut near = Vec::new();
        codes.near(&LocalCode::from_words([0, 0]), 0..1, 2, &mut near);
        assert_eq!(near, [(0, 2)]);
        // No codes, no answer.
        codes.near(&LocalCode::from_words([0, 0]), 0..2, 128, &mut near);
        assert_eq!(near.len(), 1);
    }
}
