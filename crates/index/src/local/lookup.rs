//! A batch of queries against the lookup tables: which records are worth a closer look?
//!
//! Every feature of every query probes a few buckets, in rounds: the likeliest ones of all segments first. What is near in
//! them bounds what is looked for in the others.

use std::ops::Range;

use rayon::prelude::*;
use saltprint_fingerprint::{LocalCode, QueryFeature};

use super::nearest::NearestRows;
use super::probe::{Order, Probes};
use super::votes::vote;
use super::walk::{Rows, Walk};
use crate::{Generation, IndexError};

/// Features that are looked up together. What is near them is in memory at a time, up to 0.5 kB a feature, and as much of
/// probes.
const BATCH_FEATURES: usize = 1 << 17;
/// Probes of the first round: most of what is near lies in the first four buckets. Two bounds that are drawn closer step by step
/// cost more walks than they spare comparisons.
const FIRST_ROUND: usize = 4;

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
        for queries in batches(queries) {
            let features: Vec<&QueryFeature> = queries.iter().flat_map(|query| query.iter()).collect();
            let orders: Vec<Order> = features.par_iter().map(|feature| Order::of(feature)).collect();
            let mut nearest = vec![NearestRows::default(); features.len()];
            for round in rounds(probes.len()) {
                for ((number, segment), first) in (0..).zip(self.segments()).zip(rows.firsts()) {
                    let walk = Walk {
                        segment,
                        first: *first,
                        features: &features,
                        orders: &orders,
                        probes: &probes,
                        radius: lookup.radius.min(LocalCode::BITS),
                        shown: &|row| !self.is_hidden(number, row),
                    };
                    walk.add(round.clone(), &mut nearest)?;
                }
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

/// All probes, in two rounds.
fn rounds(probes: usize) -> impl Iterator<Item = Range<usize>> {
    let first = FIRST_ROUND.min(probes);
    [0..first, first..probes].into_iter().filter(|round| !round.is_empty())
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
