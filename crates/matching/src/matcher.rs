//! The cascade: graph, exact scan, local codes; then judge.

use std::time::Instant;

use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, LocalQuery, Orientation, QueryFingerprint};
use saltprint_index::{Generation, Hit, IndexError, IndexHit};

use crate::global::{GlobalAnswer, GlobalStage};
use crate::local::{Contest, Images, LocalSearch, Read, Sighting};
use crate::{Band, DecisionRule, LocalRule};

/// Records of different subjects that may stand out together.
const MAX_GROUP: usize = 8;
/// Share of a leaked image that strong matches must cover for the search to end: below, more documents may be in it.
const ALL_SEEN: f64 = 0.6;

/// Which tier of recognition a match rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The whole-image code.
    Global,
    /// Local codes: parts of the record's image agree.
    Local,
    /// Neither alone is sure, both together are.
    Both,
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

/// How many images each stage settled, and the time that the stages took.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct CascadeCounts {
    /// Strong matches that the graph found.
    pub graph: u64,
    /// Strong matches that the exact scan of whole-image codes found.
    pub exact: u64,
    /// Everything else, which local codes looked at: matches of altered copies, and images that are not ours.
    pub local: u64,
    /// Seconds spent, on the clock.
    pub seconds: StageSeconds,
}

/// Time of each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct StageSeconds {
    /// Of the graph.
    pub graph: f64,
    /// Of the exact scan.
    pub exact: f64,
    /// Of local codes, with making finer ones.
    pub local: f64,
}

/// A record that an image matches.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record and the distance of its whole-image code.
    pub record: IndexHit,
    /// Where the index holds it.
    pub place: Hit,
    /// What was done to the record's image; by the nearest quarter turn.
    pub orientation: Orientation,
    /// How sure.
    pub band: Band,
    /// What it rests on.
    pub tier: Tier,
    /// Distance of the nearest rival, if there is one; for the evidence role.
    pub runner_up: Option<u32>,
    /// How its local codes agree, where they do.
    pub sighting: Option<Sighting>,
}

/// The matches of one image, best first; empty is "no match".
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Matches, by falling band; a picture of several documents has several strong ones.
    pub matches: Vec<Found>,
}

impl Judgement {
    /// Band of the best match.
    pub fn band(&self) -> Option<Band> {
        self.matches.first().map(|found| found.band)
    }
}

/// Searches one generation under one pair of rules.
#[derive(Debug)]
pub struct Matcher<'a> {
    global: GlobalStage<'a>,
    search: LocalSearch<'a>,
    local_rule: LocalRule,
}

/// The images that the whole-image stages have not settled.
struct Unsettled<'a> {
    images: &'a dyn Images,
    unsettled: &'a [(usize, GlobalAnswer)],
}

impl Images for Unsettled<'_> {
    fn fine(&self, number: usize) -> LocalQuery {
        self.images.fine(self.unsettled[number].0)
    }

    fn reader(&self, number: usize, fine: bool) -> Option<Box<dyn Read + '_>> {
        self.images.reader(self.unsettled[number].0, fine)
    }
}

impl<'a> Matcher<'a> {
    /// A matcher over an open generation.
    pub fn new(
        generation: &'a Generation,
        rule: DecisionRule,
        local_rule: LocalRule,
        cascade: Cascade,
    ) -> Self {
        Self {
            global: GlobalStage { generation, rule, cascade },
            search: LocalSearch::new(generation),
            local_rule,
        }
    }

    /// The rule of whole-image codes.
    pub fn rule(&self) -> &DecisionRule {
        &self.global.rule
    }

    /// The rule of local codes and of both tiers together.
    pub fn local_rule(&self) -> &LocalRule {
        &self.local_rule
    }

    /// Judges a batch of images; the sealed pages are decrypted once for all of them.
    ///
    /// `images` are those of `queries`, by their numbers; they are asked for, on several threads, where the stages before
    /// have not settled an image.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged: there is no answer from part of it.
    pub fn judge(
        &self,
        queries: &[QueryFingerprint],
        images: &dyn Images,
        counts: &mut CascadeCounts,
    ) -> Result<Vec<Judgement>, IndexError> {
        let started = Instant::now();
        let mut judgements: Vec<Option<Judgement>> = Vec::with_capacity(queries.len());
        for query in queries {
            judgements.push(self.global.ask_graph(query)?);
        }
        let by_graph: Vec<bool> = judgements.iter().map(Option::is_some).collect();
        counts.seconds.graph += started.elapsed().as_secs_f64();

        let started = Instant::now();
        let open: Vec<usize> = (0..queries.len()).filter(|index| judgements[*index].is_none()).collect();
        let asked: Vec<&QueryFingerprint> = open.iter().map(|index| &queries[*index]).collect();
        let mut unsettled: Vec<(usize, GlobalAnswer)> = Vec::new();
        for (index, answer) in open.into_iter().zip(self.global.scan(&asked)?) {
            if answer.judgement.band() == Some(Band::Strong) {
                judgements[index] = Some(answer.judgement);
            } else {
                unsettled.push((index, answer));
            }
        }
        counts.seconds.exact += started.elapsed().as_secs_f64();

        let started = Instant::now();
        queries.par_iter().zip(&mut judgements).enumerate().try_for_each(
            |(number, (query, judgement))| {
                let image = || images.reader(number, false);
                judgement.as_mut().map_or(Ok(()), |judgement| self.inspect(query, &image, judgement))
            },
        )?;
        for (index, query) in queries.iter().enumerate() {
            if let Some(judgement) = judgements[index].take_if(|judgement| is_contradicted(judgement)) {
                unsettled.push((index, self.doubt(query, judgement)?));
            } else if judgements[index].is_some() {
                *(if by_graph[index] { &mut counts.graph } else { &mut counts.exact }) += 1;
            }
        }
        counts.local += unsettled.len() as u64;
        let asked: Vec<&LocalQuery> = unsettled.iter().map(|(index, _)| queries[*index].local()).collect();
        let settled = |number: usize, contests: &[Contest]| {
            let (index, answer) = &unsettled[number];
            self.settles(&queries[*index], answer, contests)
        };
        let shown = Unsettled { images, unsettled: &unsettled };
        let found = self.search.look(&asked, &shown, &settled, &|_, _| true)?;
        for ((index, answer), contests) in unsettled.iter().zip(found) {
            judgements[*index] = Some(self.decide(&queries[*index], answer, &contests)?);
        }
        counts.seconds.local += started.elapsed().as_secs_f64();
        Ok(judgements.into_iter().flatten().collect())
    }

    /// Adds to matches by whole-image codes how their local codes agree. One of which a part looks different rests on the
    /// parts that do not.
    fn inspect<'r>(
        &self,
        query: &QueryFingerprint,
        image: &dyn Fn() -> Option<Box<dyn Read + 'r>>,
        judgement: &mut Judgement,
    ) -> Result<(), IndexError> {
        for found in &mut judgement.matches {
            let mirrored = found.orientation.index() >= Orientation::Mirror.index();
            found.sighting = self.search.against(query.local(), mirrored, image, &found.place)?;
            if found.sighting.as_ref().is_some_and(|sighting| sighting.altered) {
                found.tier = Tier::Local;
            }
        }
        Ok(())
    }

    /// Leaves to the local tier what its inspection contradicts.
    fn doubt(&self, query: &QueryFingerprint, mut judgement: Judgement) -> Result<GlobalAnswer, IndexError> {
        for found in &mut judgement.matches {
            found.band = Band::Possible;
        }
        let candidates =
            self.global.scan(&[query])?.pop().map(|answer| answer.candidates).unwrap_or_default();
        Ok(GlobalAnswer { judgement, candidates })
    }

    /// Whether strong matches fill the image, so that finer looks can add nothing.
    fn settles(&self, query: &QueryFingerprint, answer: &GlobalAnswer, contests: &[Contest]) -> bool {
        let strong = contests.iter().filter(|contest| {
            let band = self.local_band(query, answer, contest, contest.best(), contest.lead(0));
            band.is_ok_and(|band| band.is_some_and(|(band, _)| band == Band::Strong))
        });
        strong.map(|contest| contest.best().area()).sum::<f64>() >= ALL_SEEN
    }

    /// Band of a sighting with a lead, and the tier that it rests on.
    fn local_band(
        &self,
        query: &QueryFingerprint,
        answer: &GlobalAnswer,
        contest: &Contest,
        sighting: &Sighting,
        lead: f64,
    ) -> Result<Option<(Band, Tier)>, IndexError> {
        let alone = self.allowed(contest, sighting, self.local_rule.band(lead, 0.0))?;
        if alone == Some(Band::Strong) {
            return Ok(Some((Band::Strong, Tier::Local)));
        }
        let distance = self.distance(query, sighting)?;
        // The nearest record or negative image that speaks against it.
        let rival = answer.candidates.iter().map(|other| &other.record);
        let rival =
            rival.filter(|other| contest.best().record.is_rival_of(other)).map(|other| other.distance).next();
        let negative = self.global.generation.manifest().negative.nearest(query);
        let rival = rival.into_iter().chain(negative).min();
        // Details that speak against the record take back what its whole image says for it.
        let surprise = if sighting.disputed { 0.0 } else { self.global.rule.surprise(distance, rival) };
        let both = self.allowed(contest, sighting, self.local_rule.band(lead, surprise))?;
        Ok(if both > alone {
            both.map(|band| (band, Tier::Both))
        } else {
            alone.map(|band| (band, Tier::Local))
        })
    }

    /// The band, no more than possible where the sighting may not accuse.
    fn allowed(
        &self,
        contest: &Contest,
        sighting: &Sighting,
        band: Option<Band>,
    ) -> Result<Option<Band>, IndexError> {
        if band == Some(Band::Strong) && !self.search.may_accuse(contest, sighting, &|_| true)? {
            return Ok(Some(Band::Possible));
        }
        Ok(band)
    }

    /// Smallest distance of the sighted record's whole-image code in any orientation.
    fn distance(&self, query: &QueryFingerprint, sighting: &Sighting) -> Result<u32, IndexError> {
        let code: GlobalCode = self.global.generation.code(&sighting.place)?;
        Ok(query.nearest(&code).0)
    }

    /// Puts the contests of an image and its possible whole-image matches together.
    fn decide(
        &self,
        query: &QueryFingerprint,
        answer: &GlobalAnswer,
        contests: &[Contest],
    ) -> Result<Judgement, IndexError> {
        let mut matches: Vec<Found> = Vec::new();
        for contest in contests {
            self.decide_contest(query, answer, contest, &mut matches)?;
        }
        for found in &answer.judgement.matches {
            if !matches.iter().any(|known| known.record.record_ref == found.record.record_ref) {
                matches.push(found.clone());
            }
        }
        // Stable: local matches before whole-image ones, stronger evidence first.
        matches.sort_by_key(|found| std::cmp::Reverse(found.band));
        Ok(Judgement { matches })
    }

    /// The best record of one place with the others of its subject; or, where several subjects stand out together, all of
    /// them as possible.
    fn decide_contest(
        &self,
        query: &QueryFingerprint,
        answer: &GlobalAnswer,
        contest: &Contest,
        matches: &mut Vec<Found>,
    ) -> Result<(), IndexError> {
        let band = |sighting: &Sighting, lead| self.local_band(query, answer, contest, sighting, lead);
        let single = band(contest.best(), contest.lead(0))?;
        let mut group = 0;
        if single.is_none_or(|(band, _)| band != Band::Strong) {
            let rivals = contest.rivals().count().min(MAX_GROUP);
            let stands_out =
                |size: &usize| self.local_rule.band(contest.lead(*size), 0.0) == Some(Band::Strong);
            group = (1..=rivals).find(stands_out).unwrap_or(0);
        }
        if single.is_none() && group == 0 {
            return Ok(());
        }
        // What the first rival that does not stand out scores.
        let outside = contest.rivals().nth(group).map_or(0.0, |rival| rival.score);
        let mut rivals_left = group;
        for sighting in &contest.sightings {
            if contest.best().record.is_rival_of(&sighting.record) {
                if rivals_left == 0 {
                    continue;
                }
                rivals_left -= 1;
            }
            let Some((own, tier)) = band(sighting, sighting.score - outside)? else { continue };
            let distance = self.distance(query, sighting)?;
            let mut record = sighting.record.clone();
            record.distance = distance;
            let runner_up = answer.candidates.iter().map(|other| &other.record);
            matches.push(Found {
                runner_up: runner_up
                    .filter(|other| record.is_rival_of(other))
                    .map(|other| other.distance)
                    .next(),
                record,
                place: sighting.place,
                orientation: sighting.orientation(),
                band: if group > 0 { Band::Possible } else { own.min(single.map_or(own, |(band, _)| band)) },
                tier,
                sighting: Some(sighting.clone()),
            });
        }
        Ok(())
    }
}

/// Whether the details of a strong match say that much of it is another document: whole-image codes of documents of one
/// template are mostly about the portrait, and a forged card may have that of one record and the rest of another.
fn is_contradicted(judgement: &Judgement) -> bool {
    let sighting = judgement.matches.first().and_then(|found| found.sighting.as_ref());
    sighting.is_some_and(|sighting| sighting.disputed)
}
