//! The first two stages: whole-image codes, by the graph and by the exact scan.

use std::collections::HashMap;

use saltprint_fingerprint::{GlobalCode, Orientation, QueryFingerprint};
use saltprint_index::{Generation, Hit, IndexError, IndexHit, Nearest};
use zeroize::Zeroize as _;

use crate::{Band, Cascade, DecisionRule, Found, Judgement, Tier};

/// Neighbours fetched first for each code: the record and its rivals, with room for others of its subject; more follow where
/// they do not decide.
const FIRST_CAPACITY: usize = 16;
/// Rivals that the rule may look at.
const WANTED_RIVALS: usize = 9;
/// Candidates that a graph search keeps.
const GRAPH_EF: usize = 64;

/// A record near a query, in its nearest orientation.
#[derive(Debug, Clone)]
pub(crate) struct GlobalCandidate {
    pub(crate) record: IndexHit,
    pub(crate) place: Hit,
    pub(crate) orientation: Orientation,
}

/// Whole-image search under a rule.
#[derive(Debug)]
pub(crate) struct GlobalStage<'a> {
    pub(crate) generation: &'a Generation,
    pub(crate) rule: DecisionRule,
    pub(crate) cascade: Cascade,
}

/// What the exact scan says of one image.
#[derive(Debug)]
pub(crate) struct GlobalAnswer {
    pub(crate) judgement: Judgement,
    /// The nearest records, nearest first.
    pub(crate) candidates: Vec<GlobalCandidate>,
}

impl GlobalStage<'_> {
    /// Answers of the exact scan, in the order of the queries.
    pub(crate) fn scan(&self, queries: &[&QueryFingerprint]) -> Result<Vec<GlobalAnswer>, IndexError> {
        let mut codes: Vec<GlobalCode> =
            queries.iter().flat_map(|query| query.iter().map(|(_, code)| *code)).collect();
        let found = self.generation.scan(&codes, FIRST_CAPACITY, GlobalCode::BITS)?;
        codes.zeroize();
        queries
            .iter()
            .zip(found.chunks(Orientation::ALL.len()))
            .map(|(query, nearest)| self.decide_exactly(query, nearest))
            .collect()
    }

    /// The graph's yes, or `None`: its no is worth nothing.
    pub(crate) fn ask_graph(&self, query: &QueryFingerprint) -> Result<Option<Judgement>, IndexError> {
        if self.generation.manifest().records() < self.cascade.graph_from {
            return Ok(None);
        }
        let mut found = Vec::new();
        for (_, code) in query.iter() {
            match self.generation.graph_search(code, GRAPH_EF, FIRST_CAPACITY, GlobalCode::BITS)? {
                Some(nearest) => found.push(nearest),
                None => return Ok(None),
            }
        }
        let candidates = self.candidates(query, &found)?;
        // A rival that may hide behind a full list is the business of the exact scan.
        if rivals(&candidates).first().is_none_or(|rival| *rival > horizon(&found)) {
            return Ok(None);
        }
        let judgement = self.decide(query, &candidates);
        Ok((judgement.band() == Some(Band::Strong)).then_some(judgement))
    }

    /// Decides from an exact scan. Where a match has more records of its own subject around than were fetched, so that rivals
    /// may be hidden behind them, it fetches more.
    fn decide_exactly(
        &self,
        query: &QueryFingerprint,
        nearest: &[Nearest],
    ) -> Result<GlobalAnswer, IndexError> {
        let mut candidates = self.candidates(query, nearest)?;
        let mut horizon = horizon(nearest);
        let mut capacity = FIRST_CAPACITY;
        while rivals(&candidates).iter().filter(|distance| **distance <= horizon).count() < WANTED_RIVALS
            && (capacity as u64) < self.generation.manifest().records()
        {
            capacity *= 8;
            let mut codes: Vec<GlobalCode> = query.iter().map(|(_, code)| *code).collect();
            let wider = self.generation.scan(&codes, capacity, GlobalCode::BITS)?;
            codes.zeroize();
            candidates = self.candidates(query, &wider)?;
            horizon = self::horizon(&wider);
        }
        Ok(GlobalAnswer { judgement: self.decide(query, &candidates), candidates })
    }

    /// One entry a record, in its nearest orientation, nearest first.
    fn candidates(
        &self,
        query: &QueryFingerprint,
        found: &[Nearest],
    ) -> Result<Vec<GlobalCandidate>, IndexError> {
        let mut best: HashMap<(u32, u32), (Hit, Orientation)> = HashMap::new();
        for ((orientation, _), nearest) in query.iter().zip(found) {
            for hit in nearest.hits() {
                best.entry((hit.segment, hit.row))
                    .and_modify(|known| {
                        if *hit < known.0 {
                            *known = (*hit, orientation);
                        }
                    })
                    .or_insert((*hit, orientation));
            }
        }
        let mut hits: Vec<(Hit, Orientation)> = best.into_values().collect();
        hits.sort_unstable_by_key(|(hit, _)| *hit);
        hits.into_iter()
            .map(|(place, orientation)| {
                Ok(GlobalCandidate { record: self.generation.resolve(&place)?, place, orientation })
            })
            .collect()
    }

    /// The rule, applied to the nearest candidate. Others of its subject or file come with it as far as they stand out
    /// themselves, and so do rivals that stand out together with it.
    fn decide(&self, query: &QueryFingerprint, candidates: &[GlobalCandidate]) -> Judgement {
        let Some(GlobalCandidate { record: best, .. }) = candidates.first() else {
            return Judgement::default();
        };
        // A negative image speaks against every record.
        let mut rivals = rivals(candidates);
        let negative = self.generation.manifest().negative.nearest(query);
        let place = negative.map(|distance| {
            let place = rivals.partition_point(|rival| *rival < distance);
            rivals.insert(place, distance);
            place
        });
        let decision = self.rule.decide(best.distance, &rivals);
        // Where one stands out together with records, it is what the image shows.
        if place.is_some_and(|place| place < decision.rivals) {
            return Judgement::default();
        }
        let Some(band) = decision.band else {
            return Judgement::default();
        };
        // The first rival that the group, or the best alone, stands out from.
        let outside = rivals.get(decision.rivals).copied();
        let mut group = decision.rivals;
        let mut matches = Vec::new();
        for GlobalCandidate { record, place, orientation } in candidates {
            let runner_up = if best.is_rival_of(record) {
                if group == 0 {
                    continue;
                }
                group -= 1;
                Some(best.distance)
            } else {
                rivals.first().copied()
            };
            if let Some(own) = self.rule.band(record.distance, outside) {
                matches.push(Found {
                    record: record.clone(),
                    orientation: *orientation,
                    band: own.min(band),
                    tier: Tier::Global,
                    runner_up,
                    place: *place,
                    sighting: None,
                });
            }
        }
        Judgement { matches }
    }
}

/// Distance up to which the lists of all orientations are complete.
fn horizon(found: &[Nearest]) -> u32 {
    let full = found.iter().filter(|nearest| nearest.is_full());
    full.filter_map(|nearest| nearest.hits().last()).map(|hit| hit.distance).min().unwrap_or(GlobalCode::BITS)
}

/// Distances of the candidates that speak against the first one, nearest first.
pub(crate) fn rivals(candidates: &[GlobalCandidate]) -> Vec<u32> {
    let Some((best, rest)) = candidates.split_first() else {
        return Vec::new();
    };
    rest.iter()
        .map(|other| &other.record)
        .filter(|other| best.record.is_rival_of(other))
        .map(|other| other.distance)
        .collect()
}
