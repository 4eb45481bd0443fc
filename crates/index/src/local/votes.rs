//! What the features of a query say about which records are worth a closer look.

use rustc_hash::FxHashMap;
use saltprint_fingerprint::LocalCode;

use super::lookup::{Candidate, LocalLookup};
use super::nearest::{COMMON, NearestRows};
use super::walk::Rows;

/// For how many the last of these count where there are more that are as near: hardly, but enough that some of them are
/// looked at where nothing better is found.
const CROWD: usize = COMMON * COMMON;
/// Distance in bits at which a row counts `exp(-1/2)`.
///
/// Of 468 hard copies (crops, tilts, photographs of a screen, covered parts) among 20,000 invented records, 92 to 93 % are
/// found with 12 to 20 bits and these votes, 86 % with votes that fall linearly and are shared by all within the radius.
const SPREAD: f64 = 15.0;

/// Adds up the hits of the features of one query and returns the records with most votes.
///
/// A record gets from a feature what its nearest row says, over the number of records that are at least as near: a copy is
/// nearer to its record than similar print is to that of thousands.
pub(super) fn vote(features: &[NearestRows], lookup: &LocalLookup, rows: &Rows) -> Vec<Candidate> {
    let radius = lookup.radius.min(LocalCode::BITS);
    let nearness: Vec<f64> = (0..=radius).map(|distance| nearness(f64::from(distance))).collect();
    let mut votes = FxHashMap::<u64, f64>::default();
    for nearest in features {
        let hits = nearest.hits();
        let crowded = hits.get(COMMON).map(|hit| hit.distance());
        let mut as_near = 0;
        let voters = &hits[..hits.len().min(COMMON)];
        for hits in voters.chunk_by(|a, b| a.distance() == b.distance()) {
            as_near += hits.len();
            let is_crowd = hits.first().map(|hit| hit.distance()) == crowded;
            let as_near = if is_crowd { CROWD } else { as_near };
            for hit in hits {
                let nearness = nearness.get(hit.distance() as usize).copied().unwrap_or(0.0);
                *votes.entry(hit.record()).or_default() +=
                    nearness / as_near as f64 / (1.0 + hit.sharing().records()).sqrt();
            }
        }
    }
    // Numbers of records are in the order of segments and rows.
    let mut found: Vec<(u64, f64)> = votes.into_iter().collect();
    let by_votes = |a: &(u64, f64), b: &(u64, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if lookup.candidates < found.len() {
        // Of some ten thousand that have a vote.
        found.select_nth_unstable_by(lookup.candidates, by_votes);
        found.truncate(lookup.candidates);
    }
    found.sort_unstable_by(by_votes);
    let place = |(record, votes)| {
        let (segment, row) = rows.place(record);
        Candidate { segment, row, votes }
    };
    found.into_iter().map(place).collect()
}

/// What a near code says, 1 to 0.
fn nearness(distance: f64) -> f64 {
    let spreads = distance / SPREAD;
    libm::exp(-0.5 * spreads * spreads)
}
