//! What a pair of near features is worth as evidence.

use saltprint_fingerprint::{LocalFeature, LocalFingerprint, QueryFeature};

/// Distance in bits from which two codes are no pair.
pub(super) const RADIUS: u32 = 28;
/// Distance in bits at which a pair is worth `exp(-1/2)` of one of equal codes.
///
/// Measured: of the pairs that agree between altered copies and their records 20 to 50 % are nearer than 8 bits and few
/// farther than 20; of those that agree between strangers' documents of one template 3 % and 60 %. Similar letters in
/// the same field look alike, but not as alike as a copy.
const SPREAD: f64 = 8.0;
/// A feature of the query that is about as near to a feature of another subject's record tells less: as near is up to
/// this many bits farther.
const AMBIGUOUS: u32 = 8;

fn nearness(distance: u32) -> f64 {
    let ratio = f64::from(distance) / SPREAD;
    libm::exp(-0.5 * ratio * ratio)
}

/// A feature of the query and one of a record that are near.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub(super) query: u32,
    pub(super) record: u32,
    pub(super) distance: u32,
}

/// All near pairs of a query and a record, in the order of the query.
pub(super) fn near_pairs(query: &[QueryFeature], record: &LocalFingerprint) -> Vec<Near> {
    let mut pairs = Vec::new();
    for (number, asked) in (0..).zip(query) {
        for (row, kept) in (0..).zip(&record.features) {
            let distance = asked.code.distance(&kept.code);
            if distance <= RADIUS {
                pairs.push(Near { query: number, record: row, distance });
            }
        }
    }
    pairs
}

/// For each feature of a query, how near it comes to each of several groups of records.
pub(super) struct Crowd {
    /// Per feature: group and smallest distance, each group once.
    nearest: Vec<Vec<(u32, u32)>>,
}

impl Crowd {
    pub(super) fn new(features: usize) -> Self {
        Self { nearest: vec![Vec::new(); features] }
    }

    /// Takes the pairs of a record of `group` into account.
    pub(super) fn add(&mut self, group: u32, pairs: &[Near]) {
        for pair in pairs {
            let Some(groups) = self.nearest.get_mut(pair.query as usize) else { continue };
            match groups.iter_mut().find(|(known, _)| *known == group) {
                Some((_, distance)) => *distance = pair.distance.min(*distance),
                None => groups.push((group, pair.distance)),
            }
        }
    }

    /// Groups, the own one among them, that are about as near to the pair's query feature as the pair.
    fn rivals(&self, group: u32, pair: &Near) -> usize {
        let as_near =
            |(other, distance): &&(u32, u32)| *other != group && *distance <= pair.distance + AMBIGUOUS;
        1 + self.nearest.get(pair.query as usize).map_or(0, |groups| groups.iter().filter(as_near).count())
    }

    /// The evidence of a pair of a record of `group`: 1 for equal codes that nobody else has; less for distance, for
    /// features that other records in the index share, and for features of the query that others are as near to.
    pub(super) fn weight(&self, group: u32, pair: &Near, kept: &LocalFeature) -> f32 {
        let near = nearness(pair.distance);
        let rarity = 1.0 / (1.0 + kept.sharing.records()).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1")]
        let weight = (near * rarity / self.rivals(group, pair) as f64) as f32;
        weight
    }
}

/// Radius, in frame units of the record, within which agreeing features are partly the same evidence: about three letters
/// on a card.
const NEIGHBOURHOOD: f64 = 300.0;
/// Share of the record's features in view that an altered copy usually shows; evidence with a smaller share counts
/// less, since who shares some printed words lacks all the rest.
const USUAL_SHARE: f64 = 0.5;

/// The evidence of agreeing features, given as places in the record and weights, heaviest first; `share` is how many of the
/// record's features that should be in view they are.
///
/// Features that lie together do not speak independently: who shares one printed word shares all its letters. So the
/// second feature in one place counts half, the third a third, and so on.
///
/// The form was chosen, among some forty, on 600 invented documents and 600 strangers by how many altered copies are found
/// at the chance of one in a million that the strangers' tail gives; the number of features alone finds a fifth fewer.
pub(super) fn evidence(agreeing: &[((f64, f64), f64)], share: f64) -> f64 {
    let mut total = 0.0;
    for (number, ((x, y), weight)) in agreeing.iter().enumerate() {
        let crowded: f64 = agreeing[..number]
            .iter()
            .map(|((a, b), _)| {
                let distance = ((x - a) * (x - a) + (y - b) * (y - b)).sqrt();
                (1.0 - distance / NEIGHBOURHOOD).max(0.0)
            })
            .sum();
        total += weight / (1.0 + crowded);
    }
    let usual = (share / USUAL_SHARE).min(1.0);
    total * usual * usual.sqrt()
}
