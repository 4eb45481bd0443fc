//! Who competes for the same place in a leaked image.
//!
//! A picture may show several documents, and each of them is reported. Two records are rivals only where they explain the
//! same part of the picture: a neighbour on a collage does not speak against a match, another card of the same template
//! that fits into the same frame does.

use super::{Evidence, Sighting};
use crate::geometry::{covered_by, overlap};

/// Share of the smaller outline that two sightings must have in common to compete.
pub(super) const SAME_PLACE: f64 = 0.3;
/// Where there is no outline: share of the agreeing features of the weaker one that the stronger one uses as well.
const SAME_SPOTS: f64 = 0.3;

/// Details of a record that an image shows alike from which on it shows a document of the record's template, its own or another one.
const SHOWN: usize = 8;
/// Share of an image that such documents cover together from which on there are no other looks, unless something hints at a record. With three fifths, and four
/// details instead of eight, five of 1,720 edited copies of 1,000 invented records are missed (`eval --seed 105`). Where hints did not count, four of 420 copies of 400 cards
/// of 60 designs were (`--drawn-templates 60 --seed 7`).
const FILLED: f64 = 0.8;

/// Likelihood, in nats, by which a rival must be ahead to take a lead in score back: a chance of 1 in 400.
const CONTRARY: f64 = 6.0;

/// Sightings in one place of an image.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Contest {
    /// By falling score, at least one.
    pub sightings: Vec<Sighting>,
}

/// How far a record is above its rivals.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lead {
    /// In terms of [`Sighting::score`].
    pub score: f64,
    /// In terms of [`Sighting::nudged`].
    pub nudged: f64,
    /// In terms of [`Sighting::likelihood`], in nats; at least 0.
    pub likelihood: f64,
    /// In terms of [`Sighting::uncovered`]; nothing where nothing is covered.
    pub uncovered: Evidence,
}

impl Lead {
    /// What counts of it where so much is known to be more than print ([`LocalSearch::known_print`](super::LocalSearch::known_print)).
    #[must_use]
    pub fn counted(self, known: f64) -> Self {
        let Evidence { score, likelihood } = self.uncovered;
        Self {
            score: self.score * known,
            nudged: self.nudged * known,
            likelihood: self.likelihood * known,
            uncovered: Evidence { score: score * known, likelihood: likelihood * known },
        }
    }
}

impl Contest {
    /// The sighting with the highest score.
    pub fn best(&self) -> &Sighting {
        &self.sightings[0]
    }

    /// How far the best sighting is above its best rivals.
    pub fn lead(&self) -> Lead {
        self.lead_of(self.best(), 0)
    }

    /// How far a sighting is above the rivals of the best one, without the `skipped` best of these.
    pub fn lead_of(&self, sighting: &Sighting, skipped: usize) -> Lead {
        let outside = || self.rivals().skip(skipped);
        let most = |value: fn(&Sighting) -> f64| outside().map(value).fold(0.0, f64::max);
        let score = sighting.score - most(|rival| rival.score);
        let nudged = sighting.nudged - most(|rival| rival.nudged);
        let likelihood = sighting.likelihood - most(|rival| rival.likelihood);
        // Two measures that speak for two records speak for neither.
        let speaks = likelihood > -CONTRARY;
        let counted = |lead: f64| if speaks { lead } else { lead.min(0.0) };
        Lead {
            score: counted(score),
            nudged: counted(nudged),
            likelihood: likelihood.max(0.0),
            uncovered: sighting
                .uncovered
                .map_or_else(Evidence::default, |own| lead_of_uncovered(own, outside())),
        }
    }

    /// Sightings of others than the best one's subject, by falling score.
    pub fn rivals(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.iter().filter(|other| self.best().record.is_rival_of(&other.record))
    }
}

/// How far what is not covered is above the same of rivals, or what is seen of them where nothing is covered.
fn lead_of_uncovered<'s>(own: Evidence, rivals: impl Iterator<Item = &'s Sighting>) -> Evidence {
    rivals.fold(own, |lead, rival| {
        let seen = Evidence { score: rival.score, likelihood: rival.likelihood };
        let rival = rival.uncovered.unwrap_or(seen);
        Evidence {
            score: lead.score.min(own.score - rival.score),
            likelihood: lead.likelihood.min(own.likelihood - rival.likelihood),
        }
    })
}

/// Divides the sightings of an image, by falling score, into contests; the one with the best sighting comes first.
pub fn contests(sightings: Vec<Sighting>) -> Vec<Contest> {
    let places = by_place(sightings, competes);
    places.into_iter().map(|sightings| Contest { sightings }).collect()
}

/// Divides what shows in an image, best first, into places: each goes to the first place with whose best it competes.
pub(super) fn by_place<T>(
    shown: impl IntoIterator<Item = T>,
    competes: impl Fn(&T, &T) -> bool,
) -> Vec<Vec<T>> {
    let mut places: Vec<Vec<T>> = Vec::new();
    for one in shown {
        match places.iter_mut().find(|place| place.first().is_some_and(|best| competes(best, &one))) {
            Some(place) => place.push(one),
            None => places.push(vec![one]),
        }
    }
    places
}

/// Whether documents fill an image, be they of the records that show or only of their templates. Another document would have to be small and lie on them,
/// or in the fifth that they leave.
pub(crate) fn documents_fill(contests: &[Contest]) -> bool {
    let shown = contests
        .iter()
        .flat_map(|contest| &contest.sightings)
        .filter(|sighting| sighting.alike.len() >= SHOWN);
    covered_by(shown.filter_map(|sighting| sighting.quad.as_ref())) >= FILLED
}

fn competes(stronger: &Sighting, weaker: &Sighting) -> bool {
    let common = weaker.spots.iter().filter(|spot| stronger.spots.binary_search(spot).is_ok()).count();
    if stronger.look == weaker.look && common as f64 >= SAME_SPOTS * weaker.spots.len() as f64 {
        return true;
    }
    is_one_place(stronger.quad.as_ref(), weaker.quad.as_ref())
}

/// Whether two outlines have so much in common that what is in them competes.
pub(super) fn is_one_place(stronger: Option<&[(f64, f64); 4]>, weaker: Option<&[(f64, f64); 4]>) -> bool {
    match (stronger, weaker) {
        (Some(stronger), Some(weaker)) => overlap(stronger, weaker) >= SAME_PLACE,
        // It cannot be told where it is: it speaks against all.
        _ => true,
    }
}
