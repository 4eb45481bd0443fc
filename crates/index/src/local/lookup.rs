//! A batch of queries against the lookup tables: which records are worth a closer look?
//!
//! Every feature of every query probes a few buckets. All probes of some queries are sorted by bucket, so that the table is
//! walked once from front to back for all of them, and neighbouring buckets are decrypted together.

use rayon::prelude::*;
use saltprint_fingerprint::{LocalCodes, QueryFeature};
use zeroize::Zeroizing;

use super::probe::Probes;
use super::table::TableRow;
use super::votes::{TableHit, keep_nearest, vote};
use crate::format::LOCAL_TABLE_ROW_LEN;
use crate::segment::Segment;
use crate::{Generation, IndexError};

/// Buckets whose probes one task answers.
const PROBES_A_TASK: usize = 8192;
/// Rows between two wanted buckets that are rather decrypted than skipped.
const MERGE_ROWS: u32 = 32;
/// Most rows that are decrypted at a time: 84 kB.
const BLOCK_ROWS: u32 = 4096;

/// Features that are looked up together: what is near them is in memory at a time, some 5 kB a feature.
const BATCH_FEATURES: usize = 1 << 14;

/// How to look records up by local codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalLookup {
    /// Buckets that each query feature probes, 1 to 386.
    pub probes: usize,
    /// Distance up to which a code of the table counts as seen, in bits.
    pub radius: u32,
    /// Most candidates returned for a query.
    pub candidates: usize,
}

impl Default for LocalLookup {
    fn default() -> Self {
        Self { probes: 64, radius: 34, candidates: 48 }
    }
}

/// A record that a query may come from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Number of its segment in the generation.
    pub segment: u32,
    /// Its row.
    pub row: u32,
    /// Sum over the query's features that are near one of its own: how near, over how many records are at least as near and
    /// how many share it.
    pub votes: f64,
}

/// A bucket that may hold what a feature looks for, as `bucket << 32 | feature`: numbers sort faster than pairs.
type Probe = u64;

/// The bucket and the feature of a probe.
const fn parts(probe: Probe) -> (usize, usize) {
    #[expect(clippy::cast_possible_truncation, reason = "each half is a u32")]
    let (bucket, feature) = ((probe >> 32) as u32, probe as u32);
    (bucket as usize, feature as usize)
}

impl Generation {
    /// The best candidates of each query, given as its features, most votes first.
    ///
    /// Work is spread over the current rayon pool; the result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`]: no answer is given from a damaged index.
    pub fn local_candidates(
        &self,
        queries: &[&[QueryFeature]],
        lookup: &LocalLookup,
    ) -> Result<Vec<Vec<Candidate>>, IndexError> {
        let probes = Probes::new(lookup.probes);
        let mut found = Vec::with_capacity(queries.len());
        for queries in batches(queries) {
            let features: Vec<&QueryFeature> = queries.iter().flat_map(|query| query.iter()).collect();
            let mut hits: Vec<Vec<TableHit>> = vec![Vec::new(); features.len()];
            for (number, segment) in (0..).zip(self.segments()) {
                let shown = |row| !self.is_hidden(number, row);
                let found = segment_hits(segment, number, &features, &probes, lookup.radius, &shown)?;
                let mut counts = vec![0; features.len()];
                found.iter().flatten().for_each(|(feature, _)| counts[*feature as usize] += 1);
                hits.iter_mut().zip(counts).for_each(|(hits, count)| hits.reserve_exact(count));
                for (feature, hit) in found.into_iter().flatten() {
                    hits[feature as usize].push(hit);
                }
                hits.par_iter_mut().for_each(keep_nearest);
            }
            let mut rest = &mut hits[..];
            let mut own = Vec::with_capacity(queries.len());
            for query in queries {
                let (first, behind) = rest.split_at_mut(query.len());
                own.push(first);
                rest = behind;
            }
            found.par_extend(own.into_par_iter().map(|own| vote(own, lookup)));
        }
        Ok(found)
    }
}

/// Divides queries into batches of at most [`BATCH_FEATURES`] features, or of one query.
fn batches<'a, 'q>(queries: &'a [&'q [QueryFeature]]) -> Vec<&'a [&'q [QueryFeature]]> {
    let mut batches = Vec::new();
    let mut rest = queries;
    while !rest.is_empty() {
        let mut features = 0;
        let fits = |query: &&&[QueryFeature]| {
            features += query.len();
            features <= BATCH_FEATURES
        };
        let (batch, behind) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        batches.push(batch);
        rest = behind;
    }
    batches
}

/// Rows of a segment that lie in a probed bucket of a feature and within the radius, with the number of the feature, as
/// several tasks found them; of each record in a bucket at least the nearest, up to where there are enough.
fn segment_hits<B: AsRef<[u8]> + Sync>(
    segment: &Segment<B>,
    number: u32,
    features: &[&QueryFeature],
    probes: &Probes,
    radius: u32,
    shown: &(dyn Fn(u32) -> bool + Sync),
) -> Result<Vec<Vec<(u32, TableHit)>>, IndexError> {
    let local = segment.local_sections()?;
    let starts = local.starts(segment)?;
    let bits = local.bits();
    let mut wanted: Vec<Probe> = features
        .par_iter()
        .enumerate()
        .flat_map_iter(|(index, feature)| {
            // Empty buckets need no visit.
            let filled = |bucket: &u32| starts[*bucket as usize] < starts[*bucket as usize + 1];
            let buckets = probes.of(feature, bits).filter(filled);
            buckets.map(move |bucket| u64::from(bucket) << 32 | index as u64)
        })
        .collect();
    wanted.par_sort_unstable();
    // A key with fewer bits than may flip has buckets that several probes lead to.
    wanted.dedup();
    let walk = Walk { segment, number, starts, features, radius, shown };
    wanted.par_chunks(PROBES_A_TASK).map(|wanted| walk.answer(wanted)).collect()
}

/// A walk through the table of a segment.
struct Walk<'w, B> {
    segment: &'w Segment<B>,
    number: u32,
    /// First rows of the buckets.
    starts: &'w [u32],
    features: &'w [&'w QueryFeature],
    radius: u32,
    /// Whether a record is one that may be found.
    shown: &'w (dyn Fn(u32) -> bool + Sync),
}

impl<B: AsRef<[u8]>> Walk<'_, B> {
    /// First row of a bucket and of the next.
    fn bounds(&self, bucket: usize) -> (u32, u32) {
        (self.starts[bucket], self.starts[bucket + 1])
    }

    /// The hits of sorted probes.
    fn answer(&self, wanted: &[Probe]) -> Result<Vec<(u32, TableHit)>, IndexError> {
        let table = self.segment.local_sections()?.table();
        let mut hits = Vec::new();
        let mut bytes = Zeroizing::new(Vec::new());
        let mut codes = LocalCodes::default();
        let mut near = Vec::new();
        let mut here: Vec<TableHit> = Vec::new();
        let mut rest = wanted;
        while let [next, ..] = rest {
            let (mut first, mut end) = self.bounds(parts(*next).0);
            let mut block = 0;
            for probe in rest {
                let (from, to) = self.bounds(parts(*probe).0);
                if from > end + MERGE_ROWS || (to > end && to - first > BLOCK_ROWS) {
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
                    let (from, to) = self.bounds(bucket);
                    let range = from.max(first)..to.min(until);
                    if range.is_empty() {
                        continue;
                    }
                    let range = (range.start - first) as usize..(range.end - first) as usize;
                    codes.near(&self.features[feature].code, range, self.radius, &mut near);
                    here.extend(near.drain(..).map(|(place, distance)| {
                        let row = TableRow::read(&rows[place as usize]);
                        let distance = u8::try_from(distance).unwrap_or(u8::MAX);
                        TableHit {
                            distance,
                            segment: self.number,
                            row: row.record,
                            sharing: row.sharing.step(),
                        }
                    }));
                    here.retain(|hit| (self.shown)(hit.row));
                    keep_nearest(&mut here);
                    let feature = u32::try_from(feature).unwrap_or(u32::MAX);
                    hits.extend(here.drain(..).map(|hit| (feature, hit)));
                }
                first = until;
            }
        }
        Ok(hits)
    }
}
