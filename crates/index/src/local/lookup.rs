//! A batch of queries against the lookup tables: which records are worth a closer look?
//!
//! Every feature of every query probes a few buckets of each segment. What is near in one segment bounds what is looked for in the
//! next ones.

use rayon::prelude::*;
use saltprint_fingerprint::{LocalCode, QueryFeature};
use zeroize::Zeroizing;

use super::nearest::NearestRows;
use super::probe::{Order, Probes};
use super::votes::vote;
use super::walk::{Rows, Walk};
use crate::{Generation, IndexError, Segment};

/// Features that are looked up together: of 120 images, as they are and mirrored. For each, up to 65 rows that are near are in memory at a
/// time, 0.5 kB, and 8 bytes a probe, twice; besides, for a moment, what a part of one segment adds.
const BATCH_FEATURES: usize = 3 << 16;

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
    /// Of 420 copies with hard edits among 400,000 records, 64, 24 and 12 probes found the same 401, 4 one fewer: a record is told by
    /// a few of its 64 features. Of 480 others, 34 bits find 455, 28 and 24 find 454; a pair that is farther than 24 bits is worth next
    /// to nothing when the candidates are compared.
    fn default() -> Self {
        Self { probes: 12, radius: 24, candidates: 48 }
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
        let rows = Rows::of(self);
        let mut found = Vec::with_capacity(queries.len());
        for queries in batches(queries, BATCH_FEATURES) {
            let features: Vec<&QueryFeature> = queries.iter().flat_map(|query| query.iter()).collect();
            let orders: Vec<Order> = features.par_iter().map(|feature| Order::of(feature)).collect();
            let codes: Zeroizing<Vec<LocalCode>> =
                Zeroizing::new(features.iter().map(|feature| feature.code).collect());
            let mut nearest = vec![NearestRows::default(); features.len()];
            let (mut mapped, mut walked) = (0_u64, None);
            for ((number, segment), first) in (0..).zip(self.segments()).zip(rows.firsts()) {
                let walk = Walk {
                    segment,
                    first: *first,
                    codes: &codes,
                    orders: &orders,
                    probes: &probes,
                    radius: lookup.radius.min(LocalCode::BITS),
                    shown: &|row| !self.is_hidden(number, row),
                };
                // To let go takes some hundredths of a second for a large segment, so the next walk is made beside it.
                let let_go = || {
                    if let Some(segment) = walked.take() {
                        Segment::let_go(segment);
                    }
                };
                rayon::join(let_go, || walk.add(&mut nearest)).1?;
                mapped = mapped.saturating_add(segment.file_len());
                walked = Some(segment).filter(|_| mapped > self.kept());
            }
            if let Some(segment) = walked {
                segment.let_go();
            }
            let mut rest = &nearest[..];
            let mut own = Vec::with_capacity(queries.len());
            for query in queries {
                let (first, behind) = rest.split_at(query.len());
                own.push(first);
                rest = behind;
            }
            found.par_extend(own.into_par_iter().map(|own| vote(own, lookup, &rows)));
        }
        Ok(found)
    }
}

/// Divides queries into batches of at most `most` features, or of one query.
fn batches<'a, T>(queries: &'a [&'a [T]], most: usize) -> Vec<&'a [&'a [T]]> {
    let mut batches = Vec::new();
    let mut rest = queries;
    while !rest.is_empty() {
        let mut features = 0;
        let fits = |query: &&&[T]| {
            features += query.len();
            features <= most
        };
        let (batch, behind) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        batches.push(batch);
        rest = behind;
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn batches_are_as_large_as_they_may_be(lengths in prop::collection::vec(0_usize..9, 0..40), most in 1_usize..12) {
            let queries: Vec<Vec<u8>> = lengths.iter().map(|length| vec![0; *length]).collect();
            let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
            let batches = batches(&queries, most);
            prop_assert_eq!(batches.concat(), queries.clone());
            let features = |batch: &[&[u8]]| batch.iter().map(|query| query.len()).sum::<usize>();
            for (number, batch) in batches.iter().enumerate() {
                prop_assert!(features(batch) <= most || batch.len() == 1);
                let next = batches.get(number + 1).map(|next| next[0].len());
                prop_assert!(next.is_none_or(|next| features(batch) + next > most), "the next query has room");
            }
        }
    }
}
