//! A batch of queries against the lookup tables: which records are worth a closer look?
//!
//! Every feature of every query probes a few buckets. All probes of the batch are sorted by bucket, so that the table is
//! walked once from front to back whatever the number of queries, and neighbouring buckets are decrypted together.

use rayon::prelude::*;
use saltprint_fingerprint::{LocalCodes, QueryFeature, Sharing};
use zeroize::Zeroizing;

use super::probe::Probes;
use super::table::TableRow;
use crate::format::LOCAL_TABLE_ROW_LEN;
use crate::segment::Segment;
use crate::{Generation, IndexError};

/// Buckets whose probes one task answers.
const PROBES_A_TASK: usize = 8192;
/// Rows between two wanted buckets that are rather decrypted than skipped.
const MERGE_ROWS: u32 = 32;
/// Most rows that are decrypted at a time: 84 kB.
const BLOCK_ROWS: u32 = 4096;

/// Features that are looked up together: what is near them is in memory at a time.
const BATCH_FEATURES: usize = 1 << 14;
/// Most rows that a feature votes for, the nearest: most features of a picture are print that thousands have.
const COMMON: usize = 64;
/// For how many the last of these count where there are more that are as near: they shall be candidates only where there
/// are no better ones.
const CROWD: usize = COMMON * COMMON;
/// Distance in bits at which a row counts `exp(-1/2)`.
///
/// Of 468 hard copies (crops, tilts, photographs of a screen, covered parts) among 20,000 invented records, 92 to 93 % are
/// found with 12 to 20 bits and these votes, 86 % with votes that fall linearly and are shared by all within the radius.
const SPREAD: f64 = 15.0;

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

/// A row of a table near one feature of a query; the nearest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TableHit {
    distance: u8,
    segment: u32,
    row: u32,
    sharing: u8,
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
            let mut hits = Vec::new();
            for (number, segment) in (0..).zip(self.segments()) {
                hits.extend(segment_hits(segment, number, &features, &probes, lookup.radius)?);
            }
            let mut hits = by_feature(features.len(), &hits);
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

/// The hits of each feature.
fn by_feature(features: usize, hits: &[Vec<(u32, TableHit)>]) -> Vec<Vec<TableHit>> {
    let mut counts = vec![0; features];
    hits.iter().flatten().for_each(|(feature, _)| counts[*feature as usize] += 1);
    let mut sorted: Vec<Vec<TableHit>> = counts.into_iter().map(Vec::with_capacity).collect();
    hits.iter().flatten().for_each(|(feature, hit)| sorted[*feature as usize].push(*hit));
    sorted
}

/// All rows of a segment that lie in a probed bucket of a feature and within the radius, with the number of the feature, as
/// several tasks found them.
fn segment_hits<B: AsRef<[u8]> + Sync>(
    segment: &Segment<B>,
    number: u32,
    features: &[&QueryFeature],
    probes: &Probes,
    radius: u32,
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
            probes.of(feature, bits).filter(filled).map(move |bucket| u64::from(bucket) << 32 | index as u64)
        })
        .collect();
    wanted.par_sort_unstable();
    // A key with fewer bits than may flip has buckets that several probes lead to.
    wanted.dedup();
    let tasks: Vec<&[Probe]> = wanted.chunks(PROBES_A_TASK).collect();
    let answer = |wanted: &&[Probe]| {
        let mut hits = Vec::new();
        let mut bytes = Zeroizing::new(Vec::new());
        let mut codes = LocalCodes::default();
        let mut near = Vec::new();
        let mut here: Vec<TableHit> = Vec::new();
        let mut rest = *wanted;
        while let [next, ..] = rest {
            let bounds = |bucket: usize| (starts[bucket], starts[bucket + 1]);
            let (first, mut end) = bounds(parts(*next).0);
            let mut block = 0;
            for probe in rest {
                let (from, to) = bounds(parts(*probe).0);
                if from > end + MERGE_ROWS || (to > end && to - first > BLOCK_ROWS) {
                    break;
                }
                end = end.max(to);
                block += 1;
            }
            segment.read_rows(local.table(), u64::from(first), (end - first) as usize, &mut bytes)?;
            let rows = bytes.as_chunks::<LOCAL_TABLE_ROW_LEN>().0;
            codes.clear();
            codes.extend(rows.iter().map(|row| TableRow::read(row).code));
            let (now, behind) = rest.split_at(block);
            rest = behind;
            for probe in now {
                let (bucket, feature) = parts(*probe);
                let (from, to) = bounds(bucket);
                let range = (from - first) as usize..(to - first) as usize;
                codes.near(&features[feature].code, range, radius, &mut near);
                let seen = near.drain(..).map(|(place, distance)| {
                    let row = TableRow::read(&rows[place as usize]);
                    let distance = u8::try_from(distance).unwrap_or(u8::MAX);
                    let sharing = row.sharing.step();
                    TableHit { distance, segment: number, row: row.record, sharing }
                });
                here.extend(seen);
                // One more than votes tells that there are more.
                if here.len() > COMMON + 1 {
                    here.sort_unstable();
                    here.truncate(COMMON + 1);
                }
                let feature = u32::try_from(feature).unwrap_or(u32::MAX);
                hits.extend(here.drain(..).map(|hit| (feature, hit)));
            }
        }
        Ok(hits)
    };
    tasks.par_iter().map(answer).collect()
}

/// Adds up the hits of the features of one query and returns the records with most votes.
///
/// A record gets from a feature what its nearest one says, over the number of records that are at least as near: a copy is
/// nearer to its record than similar print is to that of thousands.
fn vote(features: &mut [Vec<TableHit>], lookup: &LocalLookup) -> Vec<Candidate> {
    let near: Vec<f64> = (0..=lookup.radius).map(|distance| nearness(f64::from(distance))).collect();
    let mut votes = std::collections::HashMap::<(u32, u32), f64>::new();
    for hits in features {
        hits.sort_unstable();
        let crowded = hits.get(COMMON).map(|hit| hit.distance);
        hits.truncate(COMMON);
        // Of each record the nearest.
        hits.sort_by_key(|hit| (hit.segment, hit.row));
        hits.dedup_by_key(|hit| (hit.segment, hit.row));
        hits.sort_by_key(|hit| hit.distance);
        let mut as_near = 0;
        for hits in hits.chunk_by(|a, b| a.distance == b.distance) {
            as_near += hits.len();
            let is_crowd = hits.first().map(|hit| hit.distance) == crowded;
            let as_near = if is_crowd { CROWD } else { as_near };
            for hit in hits {
                let sharing = Sharing::from_step(hit.sharing).records();
                let vote = near[usize::from(hit.distance)] / as_near as f64 / (1.0 + sharing).sqrt();
                *votes.entry((hit.segment, hit.row)).or_default() += vote;
            }
        }
    }
    let mut found: Vec<Candidate> =
        votes.into_iter().map(|((segment, row), votes)| Candidate { segment, row, votes }).collect();
    found.sort_unstable_by(|a, b| {
        b.votes.total_cmp(&a.votes).then((a.segment, a.row).cmp(&(b.segment, b.row)))
    });
    found.truncate(lookup.candidates);
    found
}

/// What a near code says, 1 to 0.
fn nearness(distance: f64) -> f64 {
    let spreads = distance / SPREAD;
    libm::exp(-0.5 * spreads * spreads)
}
