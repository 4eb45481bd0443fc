//! The exact scan: a batch of queries against a block of codes.
//!
//! This module is the seam for SIMD kernels: [`scan_codes`] is a plain function over slices.

use std::sync::Arc;

use saltprint_fingerprint::GlobalCode;

use crate::erasures::Hidden;

/// One record near a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Hamming distance, 0 to 256 bits.
    pub distance: u32,
    /// Which of the searched segments, as numbered by the caller.
    pub segment: u32,
    /// Row within the segment.
    pub row: u32,
}

/// The `capacity` nearest records of one query so far, within a distance limit, nearest first.
///
/// Ties are broken by segment and row, so the result does not depend on the order of scanning.
#[derive(Debug, Clone)]
pub struct Nearest {
    capacity: usize,
    limit: u32,
    hits: Vec<Hit>,
    hidden: Option<Arc<Hidden>>,
}

impl Nearest {
    /// Keeps up to `capacity` (at least 1) records whose distance is at most `limit` bits.
    pub fn new(capacity: usize, limit: u32) -> Self {
        Self { capacity: capacity.max(1), limit, hits: Vec::new(), hidden: None }
    }

    /// Takes no hit that is hidden.
    pub(crate) fn without(self, hidden: Option<Arc<Hidden>>) -> Self {
        Self { hidden, ..self }
    }

    /// The hits, nearest first.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Whether records within the limit may have been left out because `capacity` was reached.
    pub fn is_full(&self) -> bool {
        self.hits.len() == self.capacity
    }

    /// Largest distance that could still enter.
    pub fn bound(&self) -> u32 {
        match self.hits.last() {
            Some(last) if self.is_full() => last.distance,
            Some(_) | None => self.limit,
        }
    }

    /// Offers one record.
    pub fn offer(&mut self, hit: Hit) {
        let hidden = |hidden: &Arc<Hidden>| hidden.contains(hit.segment, hit.row);
        if hit.distance > self.bound() || self.hidden.as_ref().is_some_and(hidden) {
            return;
        }
        let at = self.hits.partition_point(|other| *other < hit);
        if at >= self.capacity {
            return;
        }
        if self.is_full() {
            self.hits.pop();
        }
        self.hits.insert(at, hit);
    }

    /// Takes over the hits of another scan of the same query.
    pub fn merge(&mut self, other: &Self) {
        for hit in &other.hits {
            self.offer(*hit);
        }
    }
}

/// Offers every code of a block to every query: `codes[i]` is row `first_row + i` of `segment`.
///
/// `nearest` runs parallel to `queries`. Queries are the outer loop, so that a block of one page (2,048 codes,
/// 64 KiB) stays in the second-level cache while all queries of the batch pass over it.
pub fn scan_codes(
    codes: &[GlobalCode],
    segment: u32,
    first_row: u32,
    queries: &[GlobalCode],
    nearest: &mut [Nearest],
) {
    for (query, nearest) in queries.iter().zip(nearest) {
        let mut bound = nearest.bound();
        for (row, code) in (first_row..).zip(codes) {
            let distance = query.distance(code);
            if distance <= bound {
                nearest.offer(Hit { distance, segment, row });
                bound = nearest.bound();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code() -> impl Strategy<Value = GlobalCode> {
        // Few distinct words, so that ties and zero distances happen often.
        proptest::array::uniform4(prop_oneof![Just(0_u64), Just(u64::MAX), 0_u64..16, any::<u64>()]).prop_map(
            |words| {
                let mut bytes = [0; 32];
                for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
                    chunk.copy_from_slice(&word.to_le_bytes());
                }
                GlobalCode::from_bytes(&bytes)
            },
        )
    }

    fn naive_distance(a: &GlobalCode, b: &GlobalCode) -> u32 {
        let bits = |code: &GlobalCode| {
            code.to_bytes().iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)).collect::<Vec<_>>()
        };
        bits(a).iter().zip(bits(b)).map(|(x, y)| u32::from(*x != y)).sum()
    }

    proptest! {
        #[test]
        fn the_scan_equals_a_sort_of_all_distances(
            codes in proptest::collection::vec(code(), 0..80),
            queries in proptest::collection::vec(code(), 1..4),
            capacity in 1_usize..12,
            limit in 0_u32..=256,
            split in 0_usize..80,
        ) {
            let split = split.min(codes.len());
            let mut nearest = vec![Nearest::new(capacity, limit); queries.len()];
            // Later block first: the order of blocks must not matter.
            scan_codes(&codes[split..], 3, u32::try_from(split).unwrap(), &queries, &mut nearest);
            scan_codes(&codes[..split], 3, 0, &queries, &mut nearest);
            for (query, nearest) in queries.iter().zip(&nearest) {
                let mut expected: Vec<Hit> = (0..)
                    .zip(&codes)
                    .map(|(row, code)| Hit { distance: naive_distance(query, code), segment: 3, row })
                    .filter(|hit| hit.distance <= limit)
                    .collect();
                expected.sort();
                expected.truncate(capacity);
                prop_assert_eq!(nearest.hits(), &expected[..]);
            }
        }
    }
}
