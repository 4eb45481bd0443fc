//! From what the stages found in one image to its judgement.

use saltprint_fingerprint::LocalQuery;
use saltprint_index::{Generation, IndexError};
use saltprint_keys::RecordRef;

use crate::global::Scanned;
use crate::local::{Contest, LocalSearch, Read, Sighting};
use crate::matcher::{Rules, doubt_altered};
use crate::panels::PanelAnswer;
use crate::{Band, Basis, DecisionRule, Found, Judgement, Lead, LocalRule, Tier};

/// Records of different subjects that may stand out together.
const MAX_GROUP: usize = 8;

/// One image that the whole-image stages have not settled.
pub(crate) struct Case<'c, 'r> {
    pub(crate) rules: &'c Rules,
    pub(crate) search: &'c LocalSearch<'c>,
    pub(crate) generation: &'c Generation,
    pub(crate) query: &'c LocalQuery,
    pub(crate) image: &'c dyn Fn() -> Option<Box<dyn Read + 'r>>,
    /// What the exact scan found for the image as it is.
    pub(crate) scanned: &'c Scanned,
    /// Panels that match something.
    pub(crate) panels: &'c [PanelAnswer],
}

/// How surprising the whole-image code of a sighted record is, with the nearest rival of the contest's best record.
pub(crate) fn surprise(
    rule: &DecisionRule,
    scanned: &Scanned,
    contest: &Contest,
    sighting: &Sighting,
    generation: &Generation,
) -> Result<f64, IndexError> {
    // Details that speak against the record take back what its whole image says for it.
    if sighting.disputed {
        return Ok(0.0);
    }
    let distance = scanned.asked.distance(&generation.code(&sighting.place)?);
    Ok(rule.surprise(distance, scanned.rival_of(&contest.best().record)))
}

/// Band of a sighting with a lead, and with so surprising a whole-image code: what may be print does not make it strong.
pub(crate) fn band(
    rule: &LocalRule,
    search: &LocalSearch<'_>,
    contest: &Contest,
    sighting: &Sighting,
    (lead, global): (Lead, f64),
) -> Result<Option<Band>, IndexError> {
    let band = rule.band(lead, global);
    if band != Some(Band::Strong) {
        return Ok(band);
    }
    let known = search.known_print(sighting, contest, &|_| true)?;
    let is_strong = known > 0.0 && rule.band(lead.counted(known), global) == Some(Band::Strong);
    Ok(Some(if is_strong { Band::Strong } else { Band::Possible }))
}

impl Case<'_, '_> {
    /// Puts together the contests of the image with their straightened parts, its panels, and what its whole-image code makes
    /// possible.
    pub(crate) fn decide(
        &self,
        contests: &[Contest],
        straightened: &[Option<Scanned>],
        whole: &Judgement,
    ) -> Result<Judgement, IndexError> {
        let parts = straightened.iter().flatten().count();
        let rule = self.rules.straightened.with_tries(parts);
        let mut matches: Vec<Found> = Vec::new();
        let mut contradicted: Vec<RecordRef> = Vec::new();
        for (number, contest) in contests.iter().enumerate() {
            let straightened = straightened.get(number).and_then(Option::as_ref);
            let (here, contradicts) = self.decide_part(contest, straightened, &rule)?;
            if contradicts {
                contradicted.extend(here.iter().map(|found| found.record.record_ref));
            }
            for found in here {
                add(&mut matches, found);
            }
        }
        // Panels in which details were found have been weighed with these.
        let rest =
            self.panels.iter().filter(|panel| !contests.iter().any(|one| panel.is_place_of(one.best())));
        for found in rest.flat_map(|panel| &panel.judgement.matches).chain(&whole.matches) {
            add(&mut matches, found.clone());
        }
        // A panel may lie in several places, of which one is enough to doubt it.
        let doubted = matches.iter_mut().filter(|found| contradicted.contains(&found.record.record_ref));
        for found in doubted {
            found.band = Band::Possible;
        }
        // Stable: local matches before whole-image ones, stronger evidence first.
        matches.sort_by_key(|found| std::cmp::Reverse(found.band));
        Ok(Judgement { matches })
    }

    /// The document in one part of the image, and whether its details and its whole say different things.
    fn decide_part(
        &self,
        contest: &Contest,
        straightened: Option<&Scanned>,
        rule: &DecisionRule,
    ) -> Result<(Vec<Found>, bool), IndexError> {
        // As with details, nobody is accused on an assumption.
        let measured = straightened.filter(|_| rule.basis() == Basis::Measured);
        let mut by_details = self.decide_contest(contest, measured.map(|scanned| (scanned, rule)))?;
        let mut by_whole: Vec<Found> = Vec::new();
        if let Some(scanned) = straightened {
            by_whole.extend(self.decide_straightened(contest, scanned, rule)?);
        }
        let panels = self.panels.iter().filter(|panel| panel.is_place_of(contest.best()));
        let there: Vec<&Found> = panels.flat_map(|panel| &panel.judgement.matches).collect();
        let is_strong = |found: &&Found| found.band == Band::Strong;
        // A panel that is disputed is no match of its record, and speaks against those of others all the same.
        let strong = by_whole.iter().chain(there.iter().copied()).find(is_strong);
        let strong = strong.map(|found| found.record.clone());
        for found in there {
            // A finer look may have seen what the panel's own did not.
            let disputed =
                contest.sightings.iter().any(|seen| seen.disputed && seen.place.is_same_record(&found.place));
            let band = if disputed { Band::Possible } else { found.band };
            by_whole.push(Found { band, ..found.clone() });
        }
        let contradicts =
            |found: &Found| strong.as_ref().is_some_and(|strong| found.record.is_rival_of(strong));
        // One part shows one document: details of one record and the whole of another are neither.
        let contradiction = by_details.iter().chain(&by_whole).filter(is_strong).any(contradicts);
        if contradiction {
            for found in by_details.iter_mut().chain(&mut by_whole) {
                found.band = Band::Possible;
            }
        } else if by_whole.iter().any(|found| is_strong(&found)) {
            by_details.retain(|found| !contradicts(found));
        }
        for found in by_whole {
            add(&mut by_details, found);
        }
        Ok((by_details, contradiction))
    }

    /// Records that a straightened part is the whole image of.
    fn decide_straightened(
        &self,
        contest: &Contest,
        scanned: &Scanned,
        rule: &DecisionRule,
    ) -> Result<Vec<Found>, IndexError> {
        let mut matches = Vec::new();
        for found in &scanned.judge(rule).matches {
            let known = contest.sightings.iter().find(|sighting| sighting.place.is_same_record(&found.place));
            let mirrored = contest.best().mirrored;
            let sighting = match known {
                Some(known) => Some(known.clone()),
                None => self.search.against(self.query, mirrored, self.image, &found.place)?,
            };
            let Some(sighting) = sighting.map(|sighting| sighting.knowing(&found.record)) else { continue };
            let doubtful = sighting.disputed || self.rules.straightened.basis() == Basis::Assumed;
            let surprise = rule.surprise(found.record.distance, found.runner_up);
            let is_certain = !doubtful && found.band == Band::Strong && {
                let known = self.search.known_print(&sighting, contest, &|_| true)?;
                known > 0.0 && self.rules.local.confirms(surprise)
            };
            let band = if is_certain { Band::Strong } else { Band::Possible };
            let tier = if sighting.altered { Tier::Local } else { Tier::Both };
            matches.push(Found { band, tier, sighting: Some(sighting), ..found.clone() });
        }
        Ok(matches)
    }

    /// Band of a sighting with a lead, and the tier that it rests on.
    fn band(
        &self,
        contest: &Contest,
        straightened: Option<(&Scanned, &DecisionRule)>,
        sighting: &Sighting,
        lead: Lead,
    ) -> Result<Option<(Band, Tier)>, IndexError> {
        let alone = band(&self.rules.local, self.search, contest, sighting, (lead, 0.0))?;
        if alone == Some(Band::Strong) {
            return Ok(Some((Band::Strong, Tier::Local)));
        }
        let (scanned, rule) = straightened.unwrap_or((self.scanned, &self.rules.whole));
        let surprise = surprise(rule, scanned, contest, sighting, self.generation)?;
        let both = band(&self.rules.local, self.search, contest, sighting, (lead, surprise))?;
        Ok(if both > alone {
            both.map(|band| (band, Tier::Both))
        } else {
            alone.map(|band| (band, Tier::Local))
        })
    }

    /// The best record of one place by its details, with the others of its subject; or, where several subjects stand out
    /// together, all of them as possible.
    fn decide_contest(
        &self,
        contest: &Contest,
        straightened: Option<(&Scanned, &DecisionRule)>,
    ) -> Result<Vec<Found>, IndexError> {
        let band = |sighting: &Sighting, lead| self.band(contest, straightened, sighting, lead);
        let single = band(contest.best(), contest.lead())?;
        let mut group = 0;
        if single.is_none_or(|(band, _)| band != Band::Strong) {
            let rivals = contest.rivals().count().min(MAX_GROUP);
            let stands_out = |size: &usize| {
                let last = contest.rivals().nth(*size - 1);
                let lead = last.map(|last| contest.lead_of(last, *size));
                lead.is_some_and(|lead| self.rules.local.band(lead, 0.0) == Some(Band::Strong))
            };
            group = (1..=rivals).find(stands_out).unwrap_or(0);
        }
        let mut matches = Vec::new();
        if single.is_none() && group == 0 {
            return Ok(matches);
        }
        let scanned = straightened.map_or(self.scanned, |(scanned, _)| scanned);
        let mut rivals_left = group;
        for sighting in &contest.sightings {
            if contest.best().record.is_rival_of(&sighting.record) {
                if rivals_left == 0 {
                    continue;
                }
                rivals_left -= 1;
            }
            let Some((own, tier)) = band(sighting, contest.lead_of(sighting, group))? else { continue };
            let mut record = sighting.record.clone();
            record.distance = scanned.asked.distance(&self.generation.code(&sighting.place)?);
            let runner_up = scanned.candidates.iter().map(|other| &other.record);
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
        doubt_altered(&mut matches);
        Ok(matches)
    }
}

/// Adds a match, unless the same record is there in the same or a higher band.
fn add(matches: &mut Vec<Found>, found: Found) {
    match matches.iter_mut().find(|known| known.record.record_ref == found.record.record_ref) {
        Some(known) if known.band < found.band => *known = found,
        Some(_) => {}
        None => matches.push(found),
    }
}
