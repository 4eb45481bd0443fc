//! The first two stages: whole-image codes, by the graph and by the exact scan.

use std::collections::HashMap;

use saltprint_fingerprint::{GlobalCode, Orientation, QueryFingerprint};
use saltprint_index::{Generation, Hit, IndexError, IndexHit, Nearest};
use zeroize::{Zeroize as _, Zeroizing};

use crate::local::Same;
use crate::{Band, Cascade, DecisionRule, Found, Judgement, Sighting, Tier};

/// Neighbours fetched first for each code: the record and its rivals, with room for others of its subject; more follow where
/// they do not decide.
const FIRST_CAPACITY: usize = 16;
/// Rivals that the rule may look at.
const WANTED_RIVALS: usize = 9;
/// Candidates whose details are compared to see whether they hold one image.
const MOST_SAME: usize = 8;
/// Candidates that a graph search keeps.
const GRAPH_EF: usize = 64;

/// A record near a query, in its nearest orientation.
#[derive(Debug, Clone)]
pub(crate) struct GlobalCandidate {
    pub(crate) record: IndexHit,
    pub(crate) place: Hit,
    pub(crate) orientation: Orientation,
}

/// The codes that one document is looked up with: those of a leaked image, one an orientation, or that of a straightened part
/// of it.
pub(crate) struct Asked {
    orientations: Vec<Orientation>,
    codes: Vec<GlobalCode>,
}

impl Asked {
    /// An image in all orientations.
    pub(crate) fn whole(codes: &[GlobalCode; 8]) -> Self {
        Self { orientations: Orientation::ALL.to_vec(), codes: codes.to_vec() }
    }

    /// A part whose orientation is known and undone.
    pub(crate) fn part(orientation: Orientation, code: GlobalCode) -> Self {
        Self { orientations: vec![orientation], codes: vec![code] }
    }

    /// Smallest distance to `record`, in bits.
    pub(crate) fn distance(&self, record: &GlobalCode) -> u32 {
        self.codes.iter().map(|code| code.distance(record)).min().unwrap_or(GlobalCode::BITS)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.codes.zeroize();
    }
}

/// Whole-image search in one generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GlobalStage<'a> {
    pub(crate) generation: &'a Generation,
    pub(crate) cascade: Cascade,
}

/// What the exact scan found for one document.
pub(crate) struct Scanned {
    /// The nearest records, nearest first.
    pub(crate) candidates: Vec<GlobalCandidate>,
    /// Distance of the nearest negative image.
    pub(crate) negative: Option<u32>,
    pub(crate) asked: Asked,
}

impl Scanned {
    /// What a rule says of it.
    pub(crate) fn judge(&self, rule: &DecisionRule) -> Judgement {
        decide(rule, &self.candidates, self.negative)
    }

    /// Takes in how near the document is to a record when it is straightened to fit that one, if it is nearer so.
    pub(crate) fn fits(&mut self, sighting: &Sighting, distance: u32) {
        let place = Hit { distance, ..sighting.place };
        let is_same = |known: &GlobalCandidate| known.place.is_same_record(&place);
        if let Some(known) = self.candidates.iter().position(is_same) {
            if self.candidates[known].record.distance <= distance {
                return;
            }
            self.candidates.remove(known);
        }
        let record = IndexHit { distance, ..sighting.record.clone() };
        let at = self.candidates.partition_point(|known| known.place < place);
        self.candidates.insert(at, GlobalCandidate { record, place, orientation: sighting.orientation() });
    }

    /// Distance of the nearest record or negative image that speaks against a record.
    pub(crate) fn rival_of(&self, record: &IndexHit) -> Option<u32> {
        let rival = self.candidates.iter().find(|other| record.is_rival_of(&other.record));
        rival.map(|other| other.record.distance).into_iter().chain(self.negative).min()
    }
}

impl GlobalStage<'_> {
    /// Scans for several documents at once: pages are decrypted once for all of them.
    pub(crate) fn scan(&self, asked: Vec<Asked>) -> Result<Vec<Scanned>, IndexError> {
        let found = self.nearest(&asked)?;
        let scanned = asked.into_iter().zip(found).map(|(asked, candidates)| {
            let negative = self.negative(&asked);
            Scanned { candidates, negative, asked }
        });
        Ok(scanned.collect())
    }

    /// The records nearest to each document, nearest first, by an exact scan: so many that nine rivals of the first are among
    /// them, if the index has them.
    pub(crate) fn nearest(&self, asked: &[Asked]) -> Result<Vec<Vec<GlobalCandidate>>, IndexError> {
        let codes: Zeroizing<Vec<GlobalCode>> =
            Zeroizing::new(asked.iter().flat_map(|asked| asked.codes.iter().copied()).collect());
        let found = self.generation.scan(&codes, FIRST_CAPACITY, GlobalCode::BITS)?;
        let mut found = found.as_slice();
        asked
            .iter()
            .map(|asked| {
                let (own, rest) = found.split_at(asked.codes.len());
                found = rest;
                self.with_rivals(asked, own)
            })
            .collect()
    }

    /// Distance of the nearest negative image.
    pub(crate) fn negative(&self, asked: &Asked) -> Option<u32> {
        self.generation.manifest().negative.nearest(&asked.codes)
    }

    /// The graph's yes, or `None`: its no is worth nothing.
    pub(crate) fn ask_graph(
        &self,
        query: &QueryFingerprint,
        rule: &DecisionRule,
    ) -> Result<Option<Judgement>, IndexError> {
        if self.generation.manifest().records() < self.cascade.graph_from {
            return Ok(None);
        }
        let asked = Asked::whole(query.codes());
        let found = self.generation.graph_search(&asked.codes, GRAPH_EF, FIRST_CAPACITY, GlobalCode::BITS)?;
        let Some(found) = found else { return Ok(None) };
        let candidates = self.candidates(&asked, &found)?;
        // A rival that may hide behind a full list is the business of the exact scan.
        if rivals(&candidates).first().is_none_or(|rival| *rival > horizon(&found)) {
            return Ok(None);
        }
        let judgement = decide(rule, &candidates, self.negative(&asked));
        Ok((judgement.band() == Some(Band::Strong)).then_some(judgement))
    }

    /// The candidates of an exact scan. Where a match has more records of its own subject around than were fetched, so that
    /// rivals may be hidden behind them, it fetches more.
    fn with_rivals(&self, asked: &Asked, nearest: &[Nearest]) -> Result<Vec<GlobalCandidate>, IndexError> {
        let mut candidates = self.candidates(asked, nearest)?;
        let mut horizon = horizon(nearest);
        let mut capacity = FIRST_CAPACITY;
        while rivals(&candidates).iter().filter(|distance| **distance <= horizon).count() < WANTED_RIVALS
            && (capacity as u64) < self.generation.manifest().records()
        {
            capacity *= 8;
            let wider = self.generation.scan(&asked.codes, capacity, GlobalCode::BITS)?;
            candidates = self.candidates(asked, &wider)?;
            horizon = self::horizon(&wider);
        }
        Ok(candidates)
    }

    /// One entry a record, in its nearest orientation, nearest first.
    fn candidates(&self, asked: &Asked, found: &[Nearest]) -> Result<Vec<GlobalCandidate>, IndexError> {
        let mut best: HashMap<(u32, u32), (Hit, Orientation)> = HashMap::new();
        for (orientation, nearest) in asked.orientations.iter().zip(found) {
            for hit in nearest.hits() {
                best.entry((hit.segment, hit.row))
                    .and_modify(|known| {
                        if *hit < known.0 {
                            *known = (*hit, *orientation);
                        }
                    })
                    .or_insert((*hit, *orientation));
            }
        }
        let mut hits: Vec<(Hit, Orientation)> = best.into_values().collect();
        hits.sort_unstable_by_key(|(hit, _)| *hit);
        let candidates = hits.into_iter().map(|(place, orientation)| {
            Ok(GlobalCandidate { record: self.generation.resolve(&place)?, place, orientation })
        });
        let mut candidates: Vec<GlobalCandidate> = candidates.collect::<Result<_, IndexError>>()?;
        self.unite(&mut candidates)?;
        Ok(candidates)
    }

    /// Lets candidates that are near and hold one image count as one file stored twice.
    fn unite(&self, candidates: &mut [GlobalCandidate]) -> Result<(), IndexError> {
        let near = candidates.partition_point(|candidate| candidate.record.distance <= IndexHit::MAY_BE_SAME);
        let near = candidates[..near.min(MOST_SAME)].iter();
        let same = Same::among(self.generation, near.map(|near| (&near.record, &near.place)))?;
        same.apply(candidates.iter_mut().map(|candidate| &mut candidate.record));
        Ok(())
    }
}

/// The rule, applied to the nearest candidate. Others of its subject or file come with it as far as they stand out
/// themselves, and so do rivals that stand out together with it. A negative image, at its distance, speaks against all.
fn decide(rule: &DecisionRule, candidates: &[GlobalCandidate], negative: Option<u32>) -> Judgement {
    let Some(GlobalCandidate { record: best, .. }) = candidates.first() else {
        return Judgement::default();
    };
    let mut rivals = rivals(candidates);
    let place = negative.map(|distance| {
        let place = rivals.partition_point(|rival| *rival < distance);
        rivals.insert(place, distance);
        place
    });
    let decision = rule.decide(best.distance, &rivals);
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
        if let Some(own) = rule.band(record.distance, outside) {
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
