//! The exact scan: a batch of queries against a block of codes.
//!
//! | file | holds |
//! |---|---|
//! | `block.rs` | codes laid out by words, and what is asked of them |
//! | `columns.rs` | codes laid out by fours of bits, for batches on processors that cannot count the bits of words |
//! | `kernel.rs` | the same for instructions that not every machine has |

mod block;
#[cfg(target_arch = "x86_64")]
mod columns;
mod kernel;

use std::sync::Arc;

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroizing;

use crate::erasures::Hidden;

use block::{BLOCK, Blocks};
#[cfg(target_arch = "x86_64")]
use columns::{Columns, Pair};
use kernel::{Kernel, TILE};

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

impl Hit {
    /// Whether both are of one record, however far each is from what was asked.
    pub fn is_same_record(&self, other: &Self) -> bool {
        (self.segment, self.row) == (other.segment, other.row)
    }
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

/// Offers every code to every query: `codes[i]` is row `first_row + i` of `segment`, and `nearest` runs parallel to `queries`.
///
/// Segments are scanned without this copy of their codes; it is for those that are at hand already.
pub fn scan_codes(
    codes: &[GlobalCode],
    segment: u32,
    first_row: u32,
    queries: &[GlobalCode],
    nearest: &mut [Nearest],
) {
    let codes: Zeroizing<Vec<_>> = Zeroizing::new(codes.iter().map(|code| code.to_bytes()).collect());
    let mut scanner = Scanner::new(queries, codes.len());
    scanner.load(&codes);
    scanner.scan(segment, first_row, nearest);
}

/// Name of the instructions that this machine scans with, for people.
pub fn kernel_name() -> &'static str {
    Kernel::best().name()
}

/// Up to which bound the first half of a code is looked at alone. Halves of strangers differ in 64 of 128 bits with a
/// deviation of 5.7: at 45 bits one block in 30 has to be looked at again, at 50 one in four, at 55 nearly all.
const HALF_UP_TO: u32 = 45;

/// A page of codes, laid out for the kernels, that batches of queries pass over.
///
/// Tiles of codes are the outer loop and queries the inner one, so that a tile stays in the first-level cache. A query asks of
/// each tile first whether anything is near enough, which almost nothing is.
pub(crate) struct Scanner<'a> {
    kernel: Kernel,
    queries: &'a [GlobalCode],
    codes: Codes,
}

/// Codes as they are laid out.
enum Codes {
    /// By words.
    Words(Blocks),
    /// By fours of bits, and the queries for them.
    #[cfg(target_arch = "x86_64")]
    Columns(Columns, Vec<Pair>),
}

impl Codes {
    fn by_words(codes: usize) -> Self {
        Self::Words(Blocks::with_capacity(codes))
    }

    #[cfg(target_arch = "x86_64")]
    fn by_columns(queries: &[GlobalCode], codes: usize) -> Self {
        Self::Columns(Columns::with_capacity(codes), Pair::all(queries))
    }
}

impl<'a> Scanner<'a> {
    /// Room for `codes` codes, over which all these queries will pass at once, laid out so that they are answered soonest.
    pub(crate) fn new(queries: &'a [GlobalCode], codes: usize) -> Self {
        let kernel = Kernel::best();
        let codes = match kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 if queries.len() >= columns::QUERIES => Codes::by_columns(queries, codes),
            _ => Codes::by_words(codes),
        };
        Self { kernel, queries, codes }
    }

    /// Takes the codes of a page in place of those before.
    pub(crate) fn load(&mut self, codes: &[[u8; GlobalCode::BYTES]]) {
        match &mut self.codes {
            Codes::Words(blocks) => blocks.fill(codes.iter().map(block::words)),
            #[cfg(target_arch = "x86_64")]
            Codes::Columns(columns, _) => columns.fill(codes),
        }
    }

    /// Offers every code to every query, as [`scan_codes`].
    pub(crate) fn scan(&self, segment: u32, first_row: u32, nearest: &mut [Nearest]) {
        match &self.codes {
            Codes::Words(blocks) => {
                scan_blocks(self.kernel, blocks, (segment, first_row), self.queries, nearest);
            }
            #[cfg(target_arch = "x86_64")]
            Codes::Columns(columns, pairs) => {
                scan_columns(self.kernel, columns, (segment, first_row), pairs, nearest);
            }
        }
    }
}

/// Asks of each block of 64 codes whether anything is near enough, and counts distances in blocks that say yes. Where the bound is small
/// enough the question is asked of half a code: no code is nearer than its half is.
fn scan_blocks(
    kernel: Kernel,
    blocks: &Blocks,
    (segment, first_row): (u32, u32),
    queries: &[GlobalCode],
    nearest: &mut [Nearest],
) {
    let mut bounds: Vec<u32> = nearest.iter().map(Nearest::bound).collect();
    let mut rows = first_row..first_row.saturating_add(rows_of(blocks.len()));
    for tile in blocks.blocks().chunks(TILE) {
        let first = rows.start;
        for ((query, nearest), bound) in queries.iter().zip(&mut *nearest).zip(&mut bounds) {
            let (words, limit) = (query.words(), u64::from(*bound) + 1);
            let halves = *bound <= HALF_UP_TO;
            let mut near = if halves {
                kernel.near::<2>(tile, &words, limit)
            } else {
                kernel.near::<4>(tile, &words, limit)
            };
            while near != 0 {
                let number = near.trailing_zeros();
                near &= near - 1;
                let Some(block) = tile.get(number as usize) else { break };
                // Cheaper than counting all distances.
                if halves && kernel.near::<4>(std::slice::from_ref(block), &words, limit) == 0 {
                    continue;
                }
                let start = first.saturating_add(rows_of(number as usize * BLOCK));
                let distances = kernel.distances(block, &words);
                for (row, distance) in (start..rows.end).zip(&distances) {
                    if *distance <= u64::from(*bound) {
                        let distance = u32::try_from(*distance).unwrap_or(u32::MAX);
                        nearest.offer(Hit { distance, segment, row });
                        *bound = nearest.bound();
                    }
                }
            }
        }
        rows.start = first.saturating_add(rows_of(TILE * BLOCK));
    }
}

/// Asks of each tile of 128 codes which may be near enough to two queries, and counts the bits of those.
#[cfg(target_arch = "x86_64")]
fn scan_columns(
    kernel: Kernel,
    columns: &Columns,
    (segment, first_row): (u32, u32),
    pairs: &[Pair],
    nearest: &mut [Nearest],
) {
    // In a byte, as the kernel has them.
    let bound = |nearest: &Nearest| u8::try_from(nearest.bound()).unwrap_or(u8::MAX);
    let mut bounds: Vec<[u8; 2]> =
        nearest.chunks(2).map(|pair| [0, 1].map(|of| pair.get(of).map_or(0, bound))).collect();
    let mut start = first_row;
    for (tile, codes) in columns.tiles() {
        for ((pair, nearest), bounds) in pairs.iter().zip(nearest.chunks_mut(2)).zip(&mut bounds) {
            let Some(near) = kernel.near_pair(tile, &pair.tables, *bounds) else { continue };
            for (((query, near), nearest), bound_here) in
                pair.words().iter().zip(near).zip(nearest).zip(bounds)
            {
                for (mut near, first) in near.into_iter().zip((0..).step_by(32)) {
                    while near != 0 {
                        let place = first + near.trailing_zeros() as usize;
                        near &= near - 1;
                        let Some(code) = codes.get(place) else { break };
                        let distance =
                            code.iter().zip(query).map(|(code, query)| (code ^ query).count_ones()).sum();
                        let row = start.saturating_add(rows_of(place));
                        nearest.offer(Hit { distance, segment, row });
                    }
                }
                *bound_here = bound(nearest);
            }
        }
        start = start.saturating_add(rows_of(columns::CODES));
    }
}

/// A number of codes as one of rows; those of a segment fit.
fn rows_of(codes: usize) -> u32 {
    u32::try_from(codes).unwrap_or(u32::MAX)
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

    fn layouts(queries: &[GlobalCode]) -> Vec<Codes> {
        vec![
            Codes::by_words(0),
            #[cfg(target_arch = "x86_64")]
            Codes::by_columns(queries, 0),
        ]
    }

    proptest! {
        #[test]
        fn the_scan_equals_a_sort_of_all_distances(
            codes in proptest::collection::vec(code(), 0..600),
            queries in proptest::collection::vec(code(), 1..4),
            capacity in 1_usize..12,
            limit in prop_oneof![4 => 0_u32..=256, 1 => Just(255_u32), 1 => Just(256_u32)],
            split in 0_usize..600,
        ) {
            let split = split.min(codes.len());
            let mut nearest = vec![Nearest::new(capacity, limit); queries.len()];
            // Later block first: the order of blocks must not matter.
            scan_codes(&codes[split..], 3, u32::try_from(split).unwrap(), &queries, &mut nearest);
            scan_codes(&codes[..split], 3, 0, &queries, &mut nearest);
            for kernel in Kernel::all_here() {
                for codes_laid_out in layouts(&queries) {
                    let mut scanner = Scanner { kernel, queries: &queries, codes: codes_laid_out };
                    let mut same = vec![Nearest::new(capacity, limit); queries.len()];
                    for (first, codes) in [(0, &codes[..split]), (split, &codes[split..])] {
                        scanner.load(&codes.iter().map(|code| code.to_bytes()).collect::<Vec<_>>());
                        scanner.scan(3, u32::try_from(first).unwrap(), &mut same);
                    }
                    for (nearest, same) in nearest.iter().zip(&same) {
                        prop_assert_eq!(nearest.hits(), same.hits(), "{}", kernel.name());
                    }
                }
            }
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
