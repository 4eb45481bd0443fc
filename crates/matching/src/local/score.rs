//! What a pair of near features is worth as evidence.

use saltprint_fingerprint::{LocalCodes, LocalFeature, LocalFingerprint, QueryFeature, Sharing};

/// Distance in bits from which two codes are no pair.
pub(super) const RADIUS: u32 = 28;
/// Distance in bits at which a pair is worth `exp(-1/2)` of one of equal codes.
///
/// Measured: of the pairs that agree between altered copies and their records 20 to 50 % are nearer than 8 bits and few
/// farther than 20; of those that agree between strangers' documents of one template 3 % and 60 %. Similar letters in
/// the same field look alike, but not as alike as a copy.
const SPREAD: f64 = 9.0;
/// A feature of the query that is about as near to a feature of another subject's record tells less: as near is up to
/// this many bits farther.
const AMBIGUOUS: u32 = 8;

/// A feature of the query and one of a record that are near.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub(super) query: u32,
    pub(super) record: u32,
    pub(super) distance: u32,
}

/// The codes of all candidates one behind the other: a feature is compared with all of them in one go, which takes half the time
/// of as many goes as there are candidates.
pub(super) struct CandidateCodes {
    codes: LocalCodes,
    /// Candidate and feature of each code.
    owners: Vec<(u32, u32)>,
    candidates: usize,
}

impl CandidateCodes {
    pub(super) fn new<'l>(candidates: impl Iterator<Item = &'l LocalFingerprint>) -> Self {
        let candidates: Vec<&LocalFingerprint> = candidates.collect();
        let numbered = (0..).zip(&candidates);
        let owners: Vec<(u32, u32)> = numbered
            .flat_map(|(number, local)| (0..).zip(&local.features).map(move |(row, _)| (number, row)))
            .collect();
        let mut codes = LocalCodes::default();
        codes.replace(
            owners.iter().map(|(number, row)| candidates[*number as usize].features[*row as usize].code),
        );
        Self { codes, owners, candidates: candidates.len() }
    }

    /// The near pairs of a query and each candidate, in the order of the query.
    pub(super) fn near_pairs(&self, query: &[QueryFeature]) -> Vec<Vec<Near>> {
        let mut pairs = vec![Vec::new(); self.candidates];
        let mut near = Vec::new();
        for (number, asked) in (0..).zip(query) {
            self.codes.near(&asked.code, 0..self.codes.len(), RADIUS, &mut near);
            for (place, distance) in near.drain(..) {
                let owner = self.owners.get(place as usize);
                let own =
                    owner.and_then(|(candidate, row)| Some((pairs.get_mut(*candidate as usize)?, *row)));
                if let Some((pairs, record)) = own {
                    pairs.push(Near { query: number, record, distance });
                }
            }
        }
        pairs
    }
}

/// For each feature of a query, how near it comes to each of several groups of records.
pub(super) struct Crowd {
    /// Per feature: each group once.
    nearest: Vec<Vec<Neighbour>>,
}

/// The nearest pair of a query feature with one group of records.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    group: u32,
    distance: u32,
    sharing: Sharing,
}

impl Crowd {
    pub(super) fn new(features: usize) -> Self {
        Self { nearest: vec![Vec::new(); features] }
    }

    /// Takes the pairs of a record of `group` into account.
    pub(super) fn add(&mut self, group: u32, pairs: &[Near], record: &LocalFingerprint) {
        for pair in pairs {
            let kept = record.features.get(pair.record as usize);
            let (Some(groups), Some(kept)) = (self.nearest.get_mut(pair.query as usize), kept) else {
                continue;
            };
            let new = Neighbour { group, distance: pair.distance, sharing: kept.sharing };
            match groups.iter_mut().find(|known| known.group == group) {
                Some(known) if new.distance < known.distance => *known = new,
                Some(_) => {}
                None => groups.push(new),
            }
        }
    }

    /// The evidence of a pair of a record of `group`: 1 for equal codes that nobody else has, less for distance and where it
    /// tells little.
    pub(super) fn weight(&self, group: u32, pair: &Near, kept: &LocalFeature) -> f32 {
        let near = bell(f64::from(pair.distance) / SPREAD);
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1")]
        let weight = (near * self.rarity(group, pair, kept)) as f32;
        weight
    }

    /// How much a pair of a record of `group` tells however near it is: 1 where nobody else has the feature; less for
    /// features that other records in the index share, and for features of the query that others are as near to.
    ///
    /// How many share a feature was counted when its record was enrolled, or its segment written last, so of records that are about as near the largest
    /// count holds for all: the one that came first must not win by it.
    pub(super) fn rarity(&self, group: u32, pair: &Near, kept: &LocalFeature) -> f64 {
        let as_near =
            |other: &&Neighbour| other.group != group && other.distance <= pair.distance + AMBIGUOUS;
        let (mut rivals, mut sharing) = (1, kept.sharing);
        for other in self.nearest.get(pair.query as usize).into_iter().flatten().filter(as_near) {
            rivals += 1;
            sharing = sharing.max(other.sharing);
        }
        1.0 / (1.0 + sharing.records()).sqrt() / f64::from(rivals)
    }
}

/// Distance in bits at which a feature counts `exp(-1/2)` towards the share of the record that agrees.
const AGREEMENT_SPREAD: f64 = 10.0;
/// Radius, in frame units of the record, within which agreeing features are partly the same evidence: about three letters
/// on a card.
const NEIGHBOURHOOD: f64 = 300.0;

/// By how many others a feature at `at` is crowded, plus one: features that lie together do not speak independently, since
/// who shares one printed word shares all its letters. The second in one place counts half, the third a third.
pub(super) fn crowding(at: (f64, f64), before: impl Iterator<Item = (f64, f64)>) -> f64 {
    let crowd = before.map(|other| {
        let (x, y) = (at.0 - other.0, at.1 - other.1);
        (1.0 - (x * x + y * y).sqrt() / NEIGHBOURHOOD).max(0.0)
    });
    1.0 + crowd.sum::<f64>()
}

/// What a pair of this weight and distance tells however near it is: the inverse of [`Crowd::weight`].
pub(super) fn rarity_of(weight: f64, distance: u32) -> f64 {
    (weight / bell(f64::from(distance) / SPREAD)).min(1.0)
}

/// What a feature counts that was read at its place but not found: small print of a template that records are not known
/// to share, because it is hardly ever found, is read in strangers' documents as well.
pub(super) const ONLY_READ: f64 = 0.5;

/// How evidence falls with the share of features that agree: who shares some printed words lacks all the rest.
struct Falling {
    /// Share from which on evidence counts in full: what altered copies usually show.
    usual: f64,
    /// Power of the share, in terms of that.
    power: f64,
    /// What the evidence is worth.
    worth: f64,
    /// Features in view below which the share is one of that many: few agree by chance.
    fewest: usize,
}

/// For features that are found again, a quarter in altered copies.
const FOUND: Falling = Falling { usual: 0.25, power: 2.5, worth: 1.0, fewest: 1 };
/// For features that are read at their places: half in altered copies, but also more in strangers' documents.
const READ: Falling = Falling { usual: 0.5, power: 4.0, worth: 1.5, fewest: 10 };

/// One agreeing feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreeing {
    /// Its place in the record.
    pub(super) x: f64,
    /// Its place in the record.
    pub(super) y: f64,
    /// See [`Crowd::weight`].
    pub(super) weight: f64,
    /// Distance of the codes, in bits.
    pub(super) distance: u32,
    /// What it counts, of a feature that was found: 1, or [`ONLY_READ`].
    pub(super) share: f64,
}

/// The evidence of features that were found and agree, heaviest first, of a record of which `in_view` features should be
/// seen.
///
/// Features that lie together do not speak independently: who shares one printed word shares all its letters. So the
/// second feature in one place counts half, the third a third, and so on.
///
/// The form and its constants were chosen, among some hundred, on 600 invented documents and 400 strangers by how many
/// altered copies are found at the chance of one in a million that the strangers' tail gives. The weakest point of all of
/// them is a record whose template nobody else in the vault has: all its print counts as its own.
pub(super) fn found(agreeing: &[Agreeing], in_view: usize) -> f64 {
    evidence(agreeing, in_view, &FOUND)
}

/// The evidence of features that were read at their places, of `seen` that the image can show; of the same kind as
/// [`found`], on the same scale. A record scores by the greater of the two: a part that is covered takes more from what is
/// read, bad quality takes more from what is found.
pub(super) fn read(agreeing: &[Agreeing], seen: usize) -> f64 {
    evidence(agreeing, seen, &READ)
}

fn evidence(agreeing: &[Agreeing], in_view: usize, falling: &Falling) -> f64 {
    let mut total = 0.0;
    let mut agreed = 0.0;
    for (number, one) in agreeing.iter().enumerate() {
        let before = agreeing[..number].iter().map(|other| (other.x, other.y));
        total += one.share * one.weight / crowding((one.x, one.y), before);
        agreed += one.share * bell(f64::from(one.distance) / AGREEMENT_SPREAD);
    }
    let share = agreed / in_view.max(agreeing.len()).max(falling.fewest) as f64;
    falling.worth * total * libm::pow((share / falling.usual).min(1.0), falling.power)
}

fn bell(ratio: f64) -> f64 {
    libm::exp(-0.5 * ratio * ratio)
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::{LocalCode, Place};

    use super::*;

    fn features(count: u32, step: f64, distance: u32) -> Vec<Agreeing> {
        (0..count)
            .map(|number| Agreeing { x: f64::from(number) * step, y: 0.0, weight: 0.5, distance, share: 1.0 })
            .collect()
    }

    #[test]
    fn features_in_one_place_count_less_than_features_apart() {
        let (apart, together) = (found(&features(10, 500.0, 4), 20), found(&features(10, 10.0, 4), 20));
        assert!((apart - 5.0).abs() < 1e-9, "{apart}");
        assert!(together < apart / 3.0, "{together}");
    }

    #[test]
    fn a_small_share_of_what_should_be_seen_counts_little() {
        let (all, few) = (found(&features(8, 500.0, 4), 12), found(&features(8, 500.0, 4), 64));
        assert!(few < all / 2.0, "{all} {few}");
        assert!(found(&features(8, 500.0, 24), 64) < few / 10.0);
        assert_eq!(found(&[], 0).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn what_is_only_read_counts_half_and_needs_a_greater_share() {
        let all = features(32, 500.0, 0);
        assert!((read(&all, 40) - 1.5 * 16.0).abs() < 1e-9);
        let only: Vec<Agreeing> = all.iter().map(|one| Agreeing { share: ONLY_READ, ..*one }).collect();
        assert!((read(&only, 32) - 1.5 * 8.0).abs() < 1e-9);
        // A quarter of what should be there is much among the found and little among the read.
        let quarter = &all[..16];
        assert!((found(quarter, 64) - 8.0).abs() < 1e-9 && read(quarter, 64) < 2.0);
        // Few in view prove little, even if all agree.
        assert!(read(&all[..3], 3) < 1.0);
    }

    /// Each candidate has the pairs that it has alone.
    #[test]
    fn near_pairs_are_those_of_each_candidate() {
        // Bits that repeat in many ways, so that near codes are many.
        let code = |seed: u64| LocalCode::from_words([u64::MAX >> (seed * 7 % 61), seed % 5]);
        let feature = |seed| LocalFeature {
            code: code(seed),
            place: Place { x: 0, y: 0, size: 0, angle: 0 },
            sharing: Sharing::of(0.0),
        };
        let record = |(seed, features): (u64, u64)| LocalFingerprint {
            width: 8192,
            height: 8192,
            features: (0..features).map(|number| feature(seed + number)).collect(),
        };
        let records: Vec<LocalFingerprint> =
            [(3, 64), (90, 0), (40, 17), (7, 9)].into_iter().map(record).collect();
        let keypoint = saltprint_fingerprint::Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 };
        let asked = |seed| QueryFeature { code: code(seed), margins: [0; QueryFeature::MARGINS], keypoint };
        let query: Vec<QueryFeature> = (0..50).map(asked).collect();
        let found = CandidateCodes::new(records.iter()).near_pairs(&query);
        assert_eq!(found.len(), records.len());
        for (found, record) in found.iter().zip(&records) {
            let found: Vec<(u32, u32, u32)> =
                found.iter().map(|near| (near.query, near.record, near.distance)).collect();
            let mut expected = Vec::new();
            for (query, asked) in (0..).zip(&query) {
                for (row, kept) in (0..).zip(&record.features) {
                    let distance = asked.code.distance(&kept.code);
                    if distance <= RADIUS {
                        expected.push((query, row, distance));
                    }
                }
            }
            assert_eq!(found, expected);
            assert_eq!(found.is_empty(), record.features.is_empty());
        }
    }

    #[test]
    fn nearer_rarer_and_less_ambiguous_pairs_weigh_more() {
        let record = |records: f64| LocalFingerprint {
            width: 8192,
            height: 8192,
            features: vec![LocalFeature {
                code: LocalCode::from_words([0; 2]),
                place: Place { x: 0, y: 0, size: 0, angle: 0 },
                sharing: Sharing::of(records),
            }],
        };
        let pair = |distance| Near { query: 0, record: 0, distance };
        let weight =
            |crowd: &Crowd, distance, records| crowd.weight(1, &pair(distance), &record(records).features[0]);
        let mut crowd = Crowd::new(1);
        crowd.add(1, &[pair(4)], &record(0.0));
        assert!(weight(&crowd, 0, 0.0) > weight(&crowd, 9, 0.0));
        assert!(weight(&crowd, 4, 0.0) > weight(&crowd, 4, 5.0));
        let alone = weight(&crowd, 4, 0.0);
        crowd.add(2, &[pair(6)], &record(0.0));
        let contested = weight(&crowd, 4, 0.0);
        assert!(contested < alone * 0.6);
        // What the rival's census knew holds for both.
        let mut later = Crowd::new(1);
        later.add(2, &[pair(6)], &record(5.0));
        assert!(weight(&later, 4, 0.0) < contested);
        // One that is clearly farther away does not matter.
        let mut far = Crowd::new(1);
        far.add(2, &[pair(25)], &record(9.0));
        assert_eq!(weight(&far, 4, 0.0).to_bits(), alone.to_bits());
    }
}
