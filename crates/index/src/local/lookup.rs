//! A batch of queries against the lookup tables: which records are worth a closer look?
//!
//! Every feature of every query probes a few buckets. All probes of the batch are sorted by bucket, so that the table is
//! walked once from front to back whatever the number of queries, and neighbouring buckets are decrypted together.

use rayon::prelude::*;
use saltprint_fingerprint::QueryFeature;
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
    /// Sum over the query's features that are near one of its own: how near, over how many records are as near and how
    /// many share it.
    pub votes: f64,
}

/// One feature of a query near one row of a table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TableHit {
    feature: u32,
    segment: u32,
    row: u32,
    distance: u32,
    sharing: u8,
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
        let features: Vec<&QueryFeature> = queries.iter().flat_map(|query| query.iter()).collect();
        let probes = Probes::new(lookup.probes);
        let mut hits = Vec::new();
        for (number, segment) in (0..).zip(self.segments()) {
            hits.extend(segment_hits(segment, number, &features, &probes, lookup.radius)?);
        }
        hits.par_sort_unstable();
        let mut rest = &hits[..];
        let mut first = 0;
        let mut found = Vec::with_capacity(queries.len());
        for query in queries {
            first += u32::try_from(query.len()).unwrap_or(u32::MAX);
            let (own, behind) = rest.split_at(rest.partition_point(|hit| hit.feature < first));
            rest = behind;
            found.push(vote(own, lookup));
        }
        Ok(found)
    }
}

/// All rows of a segment that lie in a probed bucket of a feature and within the radius.
fn segment_hits<B: AsRef<[u8]> + Sync>(
    segment: &Segment<B>,
    number: u32,
    features: &[&QueryFeature],
    probes: &Probes,
    radius: u32,
) -> Result<Vec<TableHit>, IndexError> {
    let local = segment.local_sections()?;
    let starts = local.starts(segment)?;
    let bits = local.bits();
    let mut wanted: Vec<(u32, u32)> = (0_u32..)
        .zip(features)
        .collect::<Vec<_>>()
        .par_iter()
        .flat_map_iter(|(index, feature)| {
            // Empty buckets need no visit.
            let filled = |bucket: &u32| starts[*bucket as usize] < starts[*bucket as usize + 1];
            let index = *index;
            probes.of(feature, bits).filter(filled).map(move |bucket| (bucket, index))
        })
        .collect();
    wanted.par_sort_unstable();
    let tasks: Result<Vec<Vec<TableHit>>, IndexError> = wanted
        .par_chunks(PROBES_A_TASK)
        .map(|wanted| {
            let mut hits = Vec::new();
            let mut bytes = Zeroizing::new(Vec::new());
            let mut rest = wanted;
            while let [(bucket, _), ..] = rest {
                let first = starts[*bucket as usize];
                let mut end = starts[*bucket as usize + 1];
                let mut block = 0;
                for (bucket, _) in rest {
                    let (from, to) = (starts[*bucket as usize], starts[*bucket as usize + 1]);
                    if from > end + MERGE_ROWS || (to > end && to - first > BLOCK_ROWS) {
                        break;
                    }
                    end = end.max(to);
                    block += 1;
                }
                segment.read_rows(local.table(), u64::from(first), (end - first) as usize, &mut bytes)?;
                let rows = bytes.as_chunks::<LOCAL_TABLE_ROW_LEN>().0;
                let (now, behind) = rest.split_at(block);
                rest = behind;
                for (bucket, feature) in now {
                    let (from, to) = (starts[*bucket as usize] - first, starts[*bucket as usize + 1] - first);
                    let code = features[*feature as usize].code;
                    for row in &rows[from as usize..to as usize] {
                        let row = TableRow::read(row);
                        let distance = code.distance(&row.code);
                        if distance <= radius {
                            hits.push(TableHit {
                                feature: *feature,
                                segment: number,
                                row: row.record,
                                distance,
                                sharing: row.sharing.step(),
                            });
                        }
                    }
                }
            }
            Ok(hits)
        })
        .collect();
    Ok(tasks?.concat())
}

/// Adds up the hits of one query, sorted by feature and record, and returns the records with most votes.
fn vote(hits: &[TableHit], lookup: &LocalLookup) -> Vec<Candidate> {
    let mut votes = std::collections::HashMap::<(u32, u32), f64>::new();
    for feature in hits.chunk_by(|a, b| a.feature == b.feature) {
        let records = feature.chunk_by(|a, b| (a.segment, a.row) == (b.segment, b.row));
        let count = records.clone().count() as f64;
        for record in records {
            // Sorted, so the nearest comes first.
            let [nearest, ..] = record else { continue };
            let sharing = saltprint_fingerprint::Sharing::from_step(nearest.sharing).records();
            let near = 1.0 - f64::from(nearest.distance) / f64::from(lookup.radius + 8);
            *votes.entry((nearest.segment, nearest.row)).or_default() +=
                near / count / (1.0 + sharing).sqrt();
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
