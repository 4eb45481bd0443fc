//! One walk through the lookup table of a segment, for many features at once.
//!
//! All probes are sorted by bucket, so that the table is walked once from front to back for all of them, and neighbouring
//! buckets are decrypted together. Two counting passes do that: into parts of the table, which are tasks for the threads, and
//! within a task into buckets; a task with few probes sorts them.

use rayon::prelude::*;
use saltprint_fingerprint::{LocalCode, LocalCodes};
use zeroize::Zeroizing;

use super::nearest::{Bound, COMMON, NearestRows, TableHit};
use super::probe::{Order, Probes};
use super::table::TableRow;
use crate::format::LOCAL_TABLE_ROW_LEN;
use crate::segment::Segment;
use crate::{Generation, IndexError};

/// Probes of a task, about: half of the table need not have half of the probes.
const PROBES_A_TASK: usize = 8192;
/// Probes that are worth a task of their own.
const LEAST_PROBES_A_TASK: usize = 256;
/// Tasks after which hits are brought together, so that no more than theirs are held besides the nearest: 270 MB in the worst case,
/// where each probe finds as many as count.
const TASKS_A_WAVE: usize = 32;
/// Features whose hits are brought together by one task.
const FEATURES_A_TASK: usize = 256;
/// Rows between two wanted buckets that are rather decrypted than skipped.
const MERGE_ROWS: u32 = 32;
/// Most rows that are decrypted at a time: 84 kB.
const BLOCK_ROWS: u32 = 4096;

/// Numbers of the rows of all segments, counted through.
pub(super) struct Rows {
    firsts: Vec<u64>,
}

impl Rows {
    pub(super) fn of(generation: &Generation) -> Self {
        let firsts = generation.segments().iter().scan(0, |next, segment| {
            let first = *next;
            *next += u64::from(segment.len());
            Some(first)
        });
        Self { firsts: firsts.collect() }
    }

    /// Number of the first row of each segment.
    pub(super) fn firsts(&self) -> &[u64] {
        &self.firsts
    }

    /// Segment and row of a record.
    pub(super) fn place(&self, record: u64) -> (u32, u32) {
        let segment = self.firsts.partition_point(|first| *first <= record).saturating_sub(1);
        let row = record - self.firsts.get(segment).copied().unwrap_or(0);
        // Both were a `u32` each.
        (u32::try_from(segment).unwrap_or(u32::MAX), u32::try_from(row).unwrap_or(u32::MAX))
    }
}

/// A bucket that may hold what a feature looks for, as `bucket << 32 | feature`.
type Probe = u64;

/// The bucket and the feature of a probe.
const fn parts(probe: Probe) -> (usize, usize) {
    #[expect(clippy::cast_possible_truncation, reason = "each half is a u32")]
    let (bucket, feature) = ((probe >> 32) as u32, probe as u32);
    (bucket as usize, feature as usize)
}

/// Probes of one part of a table, sorted by bucket. There are `buckets` in the part.
fn by_bucket<'p>(probes: impl Iterator<Item = &'p Probe> + Clone, buckets: usize) -> Vec<Probe> {
    let count = probes.clone().count();
    if count < buckets / 8 {
        // Counting takes as long as there are buckets.
        let mut probes: Vec<Probe> = probes.copied().collect();
        probes.sort_unstable();
        return probes;
    }
    Grouped::new(probes, buckets, |probe| parts(*probe).0 & (buckets - 1)).items
}

/// Items in groups, one behind the other, and where each begins.
struct Grouped<T> {
    items: Vec<T>,
    starts: Vec<u32>,
}

impl<T: Copy + Default> Grouped<T> {
    /// A counting sort, which keeps the order within a group. There are fewer items than `u32` has numbers.
    fn new<'t>(
        items: impl Iterator<Item = &'t T> + Clone,
        groups: usize,
        group_of: impl Fn(&T) -> usize,
    ) -> Self
    where
        T: 't,
    {
        let mut starts = vec![0_u32; groups + 1];
        items.clone().for_each(|item| starts[group_of(item) + 1] += 1);
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let mut grouped = vec![T::default(); before as usize];
        let mut next = starts.clone();
        for item in items {
            let place = &mut next[group_of(item)];
            grouped[*place as usize] = *item;
            *place += 1;
        }
        Self { items: grouped, starts }
    }

    fn group(&self, number: usize) -> &[T] {
        &self.items[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

/// A hit and the feature that it is near.
type FeatureHit = (u32, TableHit);

/// A walk through the table of a segment.
pub(super) struct Walk<'w, B> {
    pub(super) segment: &'w Segment<B>,
    /// Number of the segment's first row among those of all segments.
    pub(super) first: u64,
    /// Codes of the features, one behind the other: probes come to them in any order.
    pub(super) codes: &'w [LocalCode],
    /// The order of each one's bits.
    pub(super) orders: &'w [Order],
    pub(super) probes: &'w Probes,
    /// In bits.
    pub(super) radius: u32,
    /// Whether a row is one that may be found.
    pub(super) shown: &'w (dyn Fn(u32) -> bool + Sync),
}

impl<B: AsRef<[u8]> + Sync> Walk<'_, B> {
    /// Adds to the nearest rows of each feature what its probes find.
    ///
    /// Work is spread over the current rayon pool; the result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`].
    pub(super) fn add(&self, nearest: &mut [NearestRows]) -> Result<(), IndexError> {
        if self.codes.is_empty() {
            return Ok(());
        }
        let local = self.segment.local_sections()?;
        let (starts, bits) = (local.starts(self.segment)?, local.bits());
        let wanted = self.codes.len().saturating_mul(self.probes.len());
        // A few for each thread, unless that makes them tiny.
        let tasks =
            (wanted / LEAST_PROBES_A_TASK).min(4 * rayon::current_num_threads()).max(wanted / PROBES_A_TASK);
        let parts_bits = tasks.max(1).ilog2().min(bits);
        let (parts_of_table, shift) = (1 << parts_bits, bits - parts_bits);
        let probes = self.codes.par_chunks(FEATURES_A_TASK).enumerate().map(|(chunk, codes)| {
            let (mut buckets, mut probes) = (Vec::new(), Vec::new());
            for (number, code) in (chunk * FEATURES_A_TASK..).zip(codes) {
                let order = &self.orders[number];
                self.probes.buckets((code, order), bits, &mut buckets);
                // Empty buckets need no visit.
                let filled = |bucket: &&u32| starts[**bucket as usize] < starts[**bucket as usize + 1];
                probes.extend(
                    buckets.iter().filter(filled).map(|bucket| u64::from(*bucket) << 32 | number as u64),
                );
            }
            Grouped::new(probes.iter(), parts_of_table, |probe| parts(*probe).0 >> shift)
        });
        let probes: Vec<Grouped<Probe>> = probes.collect();

        let chunks = self.codes.len().div_ceil(FEATURES_A_TASK);
        for first in (0..parts_of_table).step_by(TASKS_A_WAVE) {
            let bounds: Vec<Bound> = nearest.iter().map(|nearest| nearest.bound(self.radius)).collect();
            let wave = first..parts_of_table.min(first + TASKS_A_WAVE);
            let answered = wave.into_par_iter().map(|part| {
                let here = probes.iter().flat_map(|chunk| chunk.group(part));
                let hits = self.answer(&by_bucket(here, 1 << shift), starts, &bounds)?;
                Ok(Grouped::new(hits.iter(), chunks, |(feature, _)| *feature as usize / FEATURES_A_TASK))
            });
            let hits: Vec<Grouped<FeatureHit>> = answered.collect::<Result<_, IndexError>>()?;

            nearest.par_chunks_mut(FEATURES_A_TASK).enumerate().for_each(|(chunk, nearest)| {
                for (feature, hit) in hits.iter().flat_map(|part| part.group(chunk)) {
                    nearest[*feature as usize % FEATURES_A_TASK].push(*hit);
                }
                for nearest in nearest {
                    nearest.settle();
                    nearest.shrink();
                }
            });
        }
        Ok(())
    }

    /// The hits of probes that are sorted by bucket. `starts` are the first rows of the buckets, `bounds` say for each feature
    /// which hits count.
    fn answer(
        &self,
        wanted: &[Probe],
        starts: &[u32],
        bounds: &[Bound],
    ) -> Result<Vec<FeatureHit>, IndexError> {
        let table = self.segment.local_sections()?.table();
        // First row of a bucket and of the next.
        let rows_of = |bucket: usize| (starts[bucket], starts[bucket + 1]);
        let mut hits = Vec::new();
        let mut bytes = Zeroizing::new(Vec::new());
        let mut codes = LocalCodes::default();
        let mut near = Vec::new();
        let mut here = NearestRows::default();
        let mut rest = wanted;
        while let [next, ..] = rest {
            let (mut first, mut end) = rows_of(parts(*next).0);
            let mut block = 0;
            for probe in rest {
                let (from, to) = rows_of(parts(*probe).0);
                if from > end.saturating_add(MERGE_ROWS) || (to > end && to - first > BLOCK_ROWS) {
                    break;
                }
                end = end.max(to);
                block += 1;
            }
            let (now, behind) = rest.split_at(block);
            rest = behind;
            // More than one block only where a single bucket is larger.
            while first < end {
                let until = end.min(first + BLOCK_ROWS);
                self.segment.read_rows(table, u64::from(first), (until - first) as usize, &mut bytes)?;
                let rows = bytes.as_chunks::<LOCAL_TABLE_ROW_LEN>().0;
                codes.replace(rows.iter().map(|row| TableRow::read(row).code));
                for probe in now {
                    let (bucket, feature) = parts(*probe);
                    let (from, to) = rows_of(bucket);
                    let range = from.max(first)..to.min(until);
                    if range.is_empty() {
                        continue;
                    }
                    let range = (range.start - first) as usize..(range.end - first) as usize;
                    let bound = bounds[feature];
                    codes.near(&self.codes[feature], range, bound.radius(), &mut near);
                    for (place, distance) in near.drain(..) {
                        let row = TableRow::read(&rows[place as usize]);
                        if row.record >= self.segment.len() {
                            // It would count as a record of the next segment.
                            return Err(IndexError::inconsistent("local table", "a row of no record"));
                        }
                        let hit = TableHit::new(distance, self.first + u64::from(row.record), row.sharing);
                        if bound.admits(hit) && (self.shown)(row.record) {
                            here.push(hit);
                        }
                    }
                    // A bucket of print that thousands have.
                    if here.len() > COMMON {
                        here.settle();
                    }
                    let feature = u32::try_from(feature).unwrap_or(u32::MAX);
                    hits.extend(here.drain().map(|hit| (feature, hit)));
                }
                first = until;
            }
        }
        Ok(hits)
    }
}
