//! One local code against many.
//!
//! The two words of the codes lie in columns of their own, so that a loop over them is one that compilers turn into
//! vector instructions, for each of the instruction sets named at [`near_in`].

use multiversion::multiversion;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::LocalCode;

/// Codes that are compared before any of them is looked at.
const BLOCK: usize = 8;

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
        let words = codes.map(|code| {
            let [low, high] = code.words();
            (low, high)
        });
        let mut columns = (std::mem::take(&mut self.low), std::mem::take(&mut self.high));
        columns.extend(words);
        (self.low, self.high) = columns;
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
        let first = range.start;
        near_in(low, high, code.words(), u64::from(radius), &mut |place, distance| {
            near.push((
                u32::try_from(first + place).unwrap_or(u32::MAX),
                u32::try_from(distance).unwrap_or(u32::MAX),
            ));
        });
    }
}

/// Tells `found` the places and distances of the codes within `radius`. One call for all of them: which instructions the
/// processor has is asked once.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512vpopcntdq",
    "x86_64+avx2+popcnt",
    "x86_64+popcnt",
    "aarch64+neon"
))]
fn near_in(low: &[u64], high: &[u64], code: [u64; 2], radius: u64, found: &mut dyn FnMut(usize, u64)) {
    let (low_blocks, low_rest) = low.as_chunks::<BLOCK>();
    let (high_blocks, high_rest) = high.as_chunks::<BLOCK>();
    let mut distances = [0_u64; BLOCK];
    for (number, (low, high)) in low_blocks.iter().zip(high_blocks).enumerate() {
        // Few are near, so most blocks are left with one test.
        let mut any = false;
        for ((low, high), distance) in low.iter().zip(high).zip(&mut distances) {
            *distance = u64::from((low ^ code[0]).count_ones()) + u64::from((high ^ code[1]).count_ones());
            any |= *distance <= radius;
        }
        if any {
            let places = (number * BLOCK..).zip(distances);
            places
                .filter(|(_, distance)| *distance <= radius)
                .for_each(|(place, distance)| found(place, distance));
        }
    }
    let rest = low_blocks.len() * BLOCK..;
    for ((place, low), high) in rest.zip(low_rest).zip(high_rest) {
        let distance = u64::from((low ^ code[0]).count_ones()) + u64::from((high ^ code[1]).count_ones());
        if distance <= radius {
            found(place, distance);
        }
    }
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
