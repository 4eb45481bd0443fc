//! What the features of a query say about which records are worth a closer look.

use saltprint_fingerprint::{LocalCode, Sharing};

use super::lookup::{Candidate, LocalLookup};

/// Most records that a feature votes for, the nearest: most features of a picture are print that thousands have.
const COMMON: usize = 64;
/// For how many the last of these count where there are more that are as near: hardly, but enough that some of them are
/// looked at where nothing better is found.
const CROWD: usize = COMMON * COMMON;
/// Distance in bits at which a row counts `exp(-1/2)`.
///
/// Of 468 hard copies (crops, tilts, photographs of a screen, covered parts) among 20,000 invented records, 92 to 93 % are
/// found with 12 to 20 bits and these votes, 86 % with votes that fall linearly and are shared by all within the radius.
const SPREAD: f64 = 15.0;

/// A row of a table near one feature of a query; the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableHit {
    /// In bits.
    pub(super) distance: u8,
    pub(super) segment: u32,
    pub(super) row: u32,
    /// Step of [`Sharing`].
    pub(super) sharing: u8,
}

/// Leaves of the hits of one feature those that can have a vote, the nearest of each record, and one more, which tells that
/// there are more.
pub(super) fn keep_nearest(hits: &mut Vec<TableHit>) {
    if hits.len() > COMMON + 1 {
        once_a_record(hits);
        hits.truncate(COMMON + 1);
    }
}

/// Leaves the nearest hit of each record, nearest first.
fn once_a_record(hits: &mut Vec<TableHit>) {
    let of_record = |hit: &TableHit| u64::from(hit.segment) << 32 | u64::from(hit.row);
    hits.sort_unstable_by_key(|hit| (of_record(hit), hit.distance, hit.sharing));
    hits.dedup_by_key(|hit| of_record(hit));
    hits.sort_unstable_by_key(|hit| (hit.distance, of_record(hit)));
}

/// Adds up the hits of the features of one query and returns the records with most votes.
///
/// A record gets from a feature what its nearest row says, over the number of records that are at least as near: a copy is
/// nearer to its record than similar print is to that of thousands.
pub(super) fn vote(features: &mut [Vec<TableHit>], lookup: &LocalLookup) -> Vec<Candidate> {
    let radius = lookup.radius.min(LocalCode::BITS);
    let nearness: Vec<f64> = (0..=radius).map(|distance| nearness(f64::from(distance))).collect();
    let mut votes = std::collections::HashMap::<(u32, u32), f64>::new();
    for hits in features {
        once_a_record(hits);
        let crowded = hits.get(COMMON).map(|hit| hit.distance);
        hits.truncate(COMMON);
        let mut as_near = 0;
        for hits in hits.chunk_by(|a, b| a.distance == b.distance) {
            as_near += hits.len();
            let is_crowd = hits.first().map(|hit| hit.distance) == crowded;
            let as_near = if is_crowd { CROWD } else { as_near };
            for hit in hits {
                let sharing = Sharing::from_step(hit.sharing).records();
                let vote = nearness[usize::from(hit.distance)] / as_near as f64 / (1.0 + sharing).sqrt();
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
