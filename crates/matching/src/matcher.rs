//! Search with all orientations, then judge.

use std::collections::HashMap;

use saltprint_fingerprint::{GlobalCode, Orientation, QueryFingerprint};
use saltprint_index::{Generation, Hit, IndexError, IndexHit, Nearest};

use zeroize::Zeroize as _;

use crate::{Band, DecisionRule};

/// Neighbours fetched first for each code: the record and its rivals, with room for others of its subject; more follow where
/// they do not decide.
const FIRST_CAPACITY: usize = 16;
/// Rivals that the rule may look at.
const WANTED_RIVALS: usize = 9;
/// Candidates that a graph search keeps.
const GRAPH_EF: usize = 64;

/// Which tier of recognition a match rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The whole-image code.
    Global,
}

/// When the graph is asked before the exact scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cascade {
    /// Records from which on it is; the exact scan of fewer is quick and needs no help.
    pub graph_from: u64,
}

impl Default for Cascade {
    fn default() -> Self {
        Self { graph_from: 100_000 }
    }
}

/// How many images each stage settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct CascadeCounts {
    /// Strong matches that the graph found.
    pub graph: u64,
    /// Answers of the exact scan, yes and no.
    pub exact: u64,
}

/// A record that an image matches.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record and its distance.
    pub record: IndexHit,
    /// What was done to the record's image.
    pub orientation: Orientation,
    /// How sure.
    pub band: Band,
    /// What it rests on.
    pub tier: Tier,
    /// Distance of the nearest rival, if there is one; for the evidence role.
    pub runner_up: Option<u32>,
}

/// The matches of one image, best first; empty is "no match".
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Matches, all of the band of the best one or below.
    pub matches: Vec<Found>,
}

impl Judgement {
    /// Band of the best match.
    pub fn band(&self) -> Option<Band> {
        self.matches.first().map(|found| found.band)
    }
}

/// Searches one generation under one rule.
#[derive(Debug)]
pub struct Matcher<'a> {
    generation: &'a Generation,
    rule: DecisionRule,
    cascade: Cascade,
}

impl<'a> Matcher<'a> {
    /// A matcher over an open generation.
    pub fn new(generation: &'a Generation, rule: DecisionRule, cascade: Cascade) -> Self {
        Self { generation, rule, cascade }
    }

    /// The rule in force.
    pub fn rule(&self) -> &DecisionRule {
        &self.rule
    }

    /// Judges a batch of images; the sealed pages are decrypted once for all of them.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged: there is no answer from part of it.
    pub fn judge(
        &self,
        queries: &[QueryFingerprint],
        counts: &mut CascadeCounts,
    ) -> Result<Vec<Judgement>, IndexError> {
        let mut judgements: Vec<Option<Judgement>> = Vec::with_capacity(queries.len());
        for query in queries {
            judgements.push(self.ask_graph(query)?);
        }
        counts.graph += judgements.iter().flatten().count() as u64;

        let open: Vec<usize> = (0..queries.len()).filter(|index| judgements[*index].is_none()).collect();
        counts.exact += open.len() as u64;
        let mut codes: Vec<GlobalCode> =
            open.iter().flat_map(|index| queries[*index].iter().map(|(_, code)| *code)).collect();
        let found = self.generation.scan(&codes, FIRST_CAPACITY, GlobalCode::BITS)?;
        codes.zeroize();
        let orientations = Orientation::ALL.len();
        for (index, nearest) in open.iter().zip(found.chunks(orientations)) {
            judgements[*index] = Some(self.decide_exactly(&queries[*index], nearest)?);
        }
        Ok(judgements.into_iter().flatten().collect())
    }

    /// The graph's yes, or `None`: its no is worth nothing.
    fn ask_graph(&self, query: &QueryFingerprint) -> Result<Option<Judgement>, IndexError> {
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
        let judgement = self.decide(&candidates);
        Ok((judgement.band() == Some(Band::Strong)).then_some(judgement))
    }

    /// Decides from an exact scan. Where a match has more records of its own subject around than were fetched, so that rivals
    /// may be hidden behind them, it fetches more.
    fn decide_exactly(&self, query: &QueryFingerprint, nearest: &[Nearest]) -> Result<Judgement, IndexError> {
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
        Ok(self.decide(&candidates))
    }

    /// One entry a record, in its nearest orientation, nearest first.
    fn candidates(
        &self,
        query: &QueryFingerprint,
        found: &[Nearest],
    ) -> Result<Vec<(IndexHit, Orientation)>, IndexError> {
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
        hits.iter().map(|(hit, orientation)| Ok((self.generation.resolve(hit)?, *orientation))).collect()
    }

    /// The rule, applied to the nearest candidate. Others of its subject or file come with it as far as they stand out
    /// themselves, and so do rivals that stand out together with it.
    fn decide(&self, candidates: &[(IndexHit, Orientation)]) -> Judgement {
        let Some((best, _)) = candidates.first() else {
            return Judgement::default();
        };
        let rivals = rivals(candidates);
        let decision = self.rule.decide(best.distance, &rivals);
        let Some(band) = decision.band else {
            return Judgement::default();
        };
        // The first rival that the group, or the best alone, stands out from.
        let outside = rivals.get(decision.rivals).copied();
        let mut group = decision.rivals;
        let mut matches = Vec::new();
        for (record, orientation) in candidates {
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
fn rivals(candidates: &[(IndexHit, Orientation)]) -> Vec<u32> {
    let Some((best, rest)) = candidates.split_first() else {
        return Vec::new();
    };
    rest.iter().filter(|(record, _)| best.0.is_rival_of(record)).map(|(record, _)| record.distance).collect()
}
