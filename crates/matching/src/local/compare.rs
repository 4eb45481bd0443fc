//! Compares the local codes of one image with those of candidate records.

use std::collections::HashMap;

use saltprint_fingerprint::{Keypoint, LocalCode, LocalFingerprint, LocalQuery, QueryFeature};
use saltprint_index::{Hit, IndexHit, NegativeBank};
use zeroize::Zeroize as _;

use super::alteration::{Shown, changes};
use super::close_call::{Shows, close_calls};
use super::likelihood::{self, Seen, Strangers};
use super::near_duplicate::unite;
use super::place::SAME_PLACE;
use super::reading::{Aim, Asked, Open, Opened, Read, read_again};
use super::score::{self, Agreeing, CandidateCodes, Crowd, Near};
use super::search::{Evidence, Sighting};
use crate::geometry::{Pair, Placed, Region, Transform, VerifySettings, covered_share, overlap, verify};

/// Width of the strip along an image's border in which features are hardly found, in frame units.
const BORDER: f64 = 100.0;
/// How far the neighbourhood that a feature describes reaches, in terms of its size: half the sides of five cells of
/// three, less what hardly counts.
const NEIGHBOURHOOD: f32 = 6.0;
/// Share of a record's features that are shown whole from which on it is seen that a stranger's document is another one.
const MUCH: f64 = 0.3;
/// Distance in bits up to which a feature may be the same print. What agrees by chance is mostly farther.
const CLOSE: u32 = 12;
/// Distance in bits up to which what is read at a feature's place is taken for the same print. Of the print that a stranger's document shared with
/// a record, the documents of four others of the template showed nearly all so near; what differs is 30 bits off and more.
const ALIKE: u32 = 16;
/// Most records for which an image is read again: the right one and the rivals of several places are among the first.
const READ: usize = 8;
/// Fewest agreeing features that say where to read.
const PLACED: usize = 4;

/// One look at an image.
pub(super) struct Look<'q> {
    pub(super) query: &'q LocalQuery,
    /// Those of the query, or of its mirror image, that are looked for.
    pub(super) features: &'q [QueryFeature],
    pub(super) mirrored: bool,
    /// What is read and near one of these is no evidence.
    pub(super) negative: Option<&'q NegativeBank>,
    pub(super) settings: VerifySettings,
    /// Whether close calls are read beside their places as well.
    pub(super) nudges: bool,
}

/// A record that may show in the image.
pub(super) struct Candidate {
    pub(super) place: Hit,
    pub(super) record: IndexHit,
    pub(super) local: LocalFingerprint,
}

/// The candidates of a look, to compare readings with as well.
struct Rivals<'c> {
    candidates: &'c [Candidate],
    /// As `groups` gives them.
    groups: Vec<u32>,
    codes: CandidateCodes,
}

impl Rivals<'_> {
    /// The near pairs of some features and each candidate, and how the features are crowded by all.
    fn near(&self, features: &[QueryFeature]) -> (Vec<Vec<Near>>, Crowd) {
        let near = self.codes.near_pairs(features);
        let crowd = self.crowd(&near, features.len());
        (near, crowd)
    }

    /// How so many features are crowded by all candidates, by the near pairs of each.
    fn crowd(&self, near: &[Vec<Near>], features: usize) -> Crowd {
        let mut crowd = Crowd::new(features);
        for ((group, candidate), near) in self.groups.iter().zip(self.candidates).zip(near) {
            crowd.add(*group, near, &candidate.local);
        }
        crowd
    }
}

/// A candidate of which some features agree on one place in the image.
struct Agreed<'c> {
    candidate: &'c Candidate,
    group: u32,
    /// The record's features in its own frame.
    own: Vec<Placed>,
    /// Those that should be in view.
    in_view: Vec<u32>,
    transform: Transform,
    /// The pairs that agree, with their weights, heaviest first.
    pairs: Vec<(Near, f32)>,
    score: f64,
}

impl Look<'_> {
    /// The candidates that show in the image, by falling score.
    ///
    /// `opened` is opened where there is a record to read it for.
    pub(super) fn compare<'r>(
        &self,
        mut candidates: Vec<Candidate>,
        opened: &mut Opened<'r>,
        open: &Open<'_, 'r>,
    ) -> Vec<Sighting> {
        let codes = CandidateCodes::new(candidates.iter().map(|candidate| &candidate.local));
        let near = codes.near_pairs(self.features);
        unite(&mut candidates, &near, &self.settings);
        let groups = groups(candidates.iter().map(|candidate| &candidate.record));
        let rivals = Rivals { candidates: &candidates, groups, codes };
        let crowd = rivals.crowd(&near, self.features.len());
        let placed: Vec<Placed> = self.features.iter().map(|feature| place(&feature.keypoint)).collect();
        let mut agreed: Vec<Agreed<'_>> = (rivals.groups.iter().zip(&candidates).zip(&near))
            .filter_map(|((group, candidate), near)| self.agree(candidate, *group, near, &crowd, &placed))
            .collect();
        // Stable, and the candidates come in a fixed order.
        agreed.sort_by(|a, b| b.score.total_cmp(&a.score));
        let worth = agreed.iter().take(READ).filter(|agreed| agreed.pairs.len() >= PLACED).count();
        let mut image = if worth > 0 { opened.or_open(open) } else { None };
        let mut readings: Vec<Option<Reading>> = agreed
            .iter()
            .enumerate()
            .map(|(rank, agreed)| {
                let image = image.as_deref_mut().filter(|_| rank < READ && agreed.pairs.len() >= PLACED);
                image.map(|image| self.read(image, agreed, &agreed.in_view, &rivals, Aim::Plain))
            })
            .collect();
        if let Some(image) = image.filter(|_| self.nudges) {
            let shown = agreed.iter().zip(&readings).map(|(agreed, reading)| Shows {
                group: agreed.group,
                score: reading.as_ref().map_or(agreed.score, |reading| reading.score.max(agreed.score)),
                quad: self.quad(agreed),
            });
            for number in close_calls(&shown.collect::<Vec<_>>()) {
                let (agreed, Some(reading)) = (&agreed[number], &mut readings[number]) else { continue };
                // A score of its own. What was exchanged for something like it must not pass as the same, and to what is there exactly rivals only
                // come nearer.
                reading.nudged = self.read(image, agreed, &reading.comparable, &rivals, Aim::Nudged).score;
            }
        }
        let likelihoods: Vec<(f64, Option<Evidence>)> = agreed
            .iter()
            .zip(&readings)
            .map(|(one, reading)| {
                let Some(reading) = reading else {
                    return (likelihood::ratio(found_places(one), &Strangers::known()), None);
                };
                let all = || agreed.iter().zip(&readings);
                let uncovered = reading.uncovered.as_ref().map(|uncovered| Evidence {
                    score: one.score.max(reading.score).max(uncovered.score),
                    likelihood: self.likelihood(one, reading, Reading::uncovered, all()),
                });
                (self.likelihood(one, reading, |reading| &reading.places, all()), uncovered)
            })
            .collect();
        let mut sightings: Vec<Sighting> = (agreed.iter().zip(readings).zip(likelihoods))
            .map(|((agreed, reading), (likelihood, uncovered))| Sighting {
                uncovered,
                ..self.sighting(agreed, reading, likelihood)
            })
            .collect();
        sightings.sort_by(|a, b| b.score.total_cmp(&a.score));
        sightings
    }

    /// The place in the image on which a candidate's features agree.
    fn agree<'c>(
        &self,
        candidate: &'c Candidate,
        group: u32,
        near: &[Near],
        crowd: &Crowd,
        placed: &[Placed],
    ) -> Option<Agreed<'c>> {
        let features = &candidate.local.features;
        let own: Vec<Placed> = features.iter().map(|feature| place(&feature.place.keypoint())).collect();
        let pairs: Vec<Pair> = near
            .iter()
            .map(|pair| {
                let kept = features.get(pair.record as usize);
                let weight = kept.map_or(0.0, |kept| crowd.weight(group, pair, kept));
                Pair { query: pair.query, record: pair.record, weight }
            })
            .collect();
        let agreement = verify(placed, &own, &pairs, &self.settings)?;
        let transform = agreement.transform;
        let in_view = in_view(&own, &transform, self.query);
        let chosen = agreement.pairs.iter().map(|place| *place as usize);
        let pairs: Vec<(Near, f32)> =
            chosen.filter_map(|place| Some((*near.get(place)?, pairs.get(place)?.weight))).collect();
        let agreeing: Vec<Agreeing> =
            pairs.iter().filter_map(|(pair, weight)| agreeing(&own, *pair, f64::from(*weight))).collect();
        let score = score::found(&agreeing, in_view.len());
        Some(Agreed { candidate, group, own, in_view, transform, pairs, score })
    }

    /// Reads the image at the places of some of a record's features.
    fn read(
        &self,
        image: &mut dyn Read,
        agreed: &Agreed<'_>,
        features: &[u32],
        rivals: &Rivals<'_>,
        aim: Aim,
    ) -> Reading {
        let record = &agreed.candidate.local;
        let (asked, read): (Vec<Asked>, Vec<QueryFeature>) =
            read_again(image, &agreed.transform, record, features, (self.query, self.mirrored), aim)
                .into_iter()
                .unzip();
        let admitted = self.negative.map_or_else(|| vec![true; read.len()], |bank| bank.admits(&read));
        let kept = asked.into_iter().zip(read).zip(admitted).filter(|(_, admitted)| *admitted);
        let (asked, mut read): (Vec<Asked>, Vec<QueryFeature>) = kept.map(|(pair, _)| pair).unzip();
        let found: HashMap<u32, &Near> = agreed.pairs.iter().map(|(pair, _)| (pair.record, pair)).collect();
        // What was found may be nearer than what was read: its place is exact.
        for (Asked { row, .. }, read) in asked.iter().zip(&mut read) {
            let kept = record.features.get(*row as usize);
            let found = found.get(row).and_then(|pair| self.features.get(pair.query as usize));
            if let (Some(kept), Some(found)) = (kept, found)
                && found.code.distance(&kept.code) < read.code.distance(&kept.code)
            {
                read.code = found.code;
            }
        }
        let (_, crowd) = rivals.near(&read);
        let mut reading = Reading {
            score: 0.0,
            nudged: 0.0,
            uncovered: None,
            places: Vec::with_capacity(asked.len()),
            seen: asked.iter().map(|asked| asked.row).collect(),
            comparable: Vec::new(),
            same: Vec::new(),
            alike: Vec::new(),
            shown: Vec::new(),
        };
        let mut weighed: Vec<Agreeing> = Vec::new();
        let mut uncovered: Vec<Seen> = Vec::new();
        for ((number, Asked { row, covered }), read) in (0..).zip(&asked).zip(&read) {
            let Some(kept) = record.features.get(*row as usize) else { continue };
            let pair = Near { query: number, record: *row, distance: read.code.distance(&kept.code) };
            if pair.distance <= score::RADIUS {
                reading.same.push(*row);
            }
            if pair.distance <= ALIKE {
                reading.alike.push(*row);
            }
            let here = is_whole(&read.keypoint, (self.query.width, self.query.height));
            let there = is_whole(&kept.place.keypoint(), (record.width.into(), record.height.into()));
            if here != there {
                // Cut by the border of one image only: the codes describe different things, whatever the document. Where both cut it, mostly in one place,
                // they are compared; to ask how far each does gives the same.
                continue;
            }
            reading.comparable.push(*row);
            if here {
                reading.shown.push(Shown { row: *row, distance: pair.distance });
            }
            let share = if found.contains_key(row) { 1.0 } else { score::ONLY_READ };
            let seen = agreed.own.get(*row as usize).map(|place| Seen {
                at: (f64::from(place.x), f64::from(place.y)),
                distance: pair.distance,
                weight: share * crowd.rarity(agreed.group, &pair, kept),
            });
            reading.places.extend(seen);
            uncovered.extend(seen.filter(|_| !covered || pair.distance <= score::RADIUS));
            if pair.distance <= score::RADIUS {
                let weight = f64::from(crowd.weight(agreed.group, &pair, kept));
                weighed.extend(agreeing(&agreed.own, pair, weight).map(|one| Agreeing { share, ..one }));
            }
        }
        weighed.sort_by(|a, b| (b.weight * b.share).total_cmp(&(a.weight * a.share)));
        // What nudging brings near a negative image counts as seen, as what differs does.
        let seen = if aim == Aim::Nudged { features.len() } else { reading.comparable.len() };
        reading.score = score::read(&weighed, seen);
        if uncovered.len() < reading.places.len() {
            let score = score::read(&weighed, uncovered.len());
            reading.uncovered = Some(Uncovered { score, places: uncovered });
        }
        read.zeroize();
        reading
    }

    /// How much more likely a reading is in a copy of its record than in a stranger's document, of which those of other subjects' records
    /// tell that were read in the same place of the image: in another place there is another document. `places` are those that count.
    fn likelihood<'r>(
        &self,
        agreed: &Agreed<'_>,
        reading: &'r Reading,
        places: fn(&Reading) -> &[Seen],
        all: impl Iterator<Item = (&'r Agreed<'r>, &'r Option<Reading>)>,
    ) -> f64 {
        let place = self.quad(agreed);
        let others = all.filter_map(|(other, read)| {
            let read = read.as_ref().filter(|_| other.group != agreed.group)?;
            (overlap(&place?, &self.quad(other)?) >= SAME_PLACE).then_some(places(read))
        });
        likelihood::ratio(places(reading).to_vec(), &Strangers::seen(others))
    }

    /// The corners of a record in shares of the image.
    fn quad(&self, agreed: &Agreed<'_>) -> Option<[(f64, f64); 4]> {
        let local = &agreed.candidate.local;
        let sides = (f64::from(local.width.max(1)), f64::from(local.height.max(1)));
        quad(&agreed.transform, sides, self.query, self.mirrored)
    }

    fn sighting(&self, agreed: &Agreed<'_>, reading: Option<Reading>, likelihood: f64) -> Sighting {
        let Agreed { candidate, own, in_view, transform, pairs, .. } = agreed;
        let local = &candidate.local;
        let (width, height) = (f64::from(local.width.max(1)), f64::from(local.height.max(1)));
        let found: Vec<u32> = pairs.iter().map(|(pair, _)| pair.record).collect();
        let reading = reading.unwrap_or_else(|| Reading {
            score: 0.0,
            nudged: 0.0,
            uncovered: None,
            places: Vec::new(),
            seen: in_view.clone(),
            comparable: Vec::new(),
            same: Vec::new(),
            alike: Vec::new(),
            shown: found_only(agreed),
        });
        let Reading { seen, mut same, mut alike, shown, .. } = reading;
        alike.extend(pairs.iter().filter(|(pair, _)| pair.distance <= ALIKE).map(|(pair, _)| pair.record));
        alike.sort_unstable();
        alike.dedup();
        same.extend(&found);
        same.sort_unstable();
        same.dedup();
        let changes = changes(own, &shown);
        let quad = self.quad(agreed);
        let much = shown.len() as f64 >= MUCH * own.len() as f64;
        let points: Vec<(f64, f64)> = (same.iter().filter_map(|row| own.get(*row as usize)))
            .map(|place| (f64::from(place.x), f64::from(place.y)))
            .collect();
        let mut spots: Vec<u32> = pairs.iter().map(|(pair, _)| pair.query).collect();
        spots.sort_unstable();
        Sighting {
            record: candidate.record.clone(),
            place: candidate.place,
            score: agreed.score.max(reading.score),
            nudged: agreed.score.max(reading.score).max(reading.nudged),
            likelihood,
            uncovered: None,
            features: u32::try_from(points.len()).unwrap_or(u32::MAX),
            in_view: u32::try_from(seen.len().max(points.len())).unwrap_or(u32::MAX),
            altered: changes.altered,
            unchanged: changes.unchanged,
            mirrored: self.mirrored,
            undisputed: much && changes.mostly_same,
            half_shown: 2 * shown.len() >= own.len(),
            disputed: changes.disputed,
            quad,
            region: region(&points, width, height),
            covered: covered_share(&points, width, height),
            quarters: quarters(transform),
            look: 0,
            close: u32::try_from(pairs.iter().filter(|(pair, _)| pair.distance <= CLOSE).count())
                .unwrap_or(u32::MAX),
            spots,
            alike,
        }
    }
}

/// What can be said of the record's features where there is no image to read: what was not found looks like nothing.
fn found_only(agreed: &Agreed<'_>) -> Vec<Shown> {
    let found = |row: &u32| {
        let pair = agreed.pairs.iter().find(|(pair, _)| pair.record == *row);
        pair.map_or(LocalCode::BITS, |(pair, _)| pair.distance)
    };
    agreed.in_view.iter().map(|row| Shown { row: *row, distance: found(row) }).collect()
}

/// The same as evidence. A feature that is not found may be there all the same, so this errs to the stranger's side.
fn found_places(agreed: &Agreed<'_>) -> Vec<Seen> {
    let found: HashMap<u32, &(Near, f32)> = agreed.pairs.iter().map(|pair| (pair.0.record, pair)).collect();
    let seen = |row: &u32| {
        let place = agreed.own.get(*row as usize)?;
        let (distance, weight) = found.get(row).map_or((NOWHERE, 1.0), |(pair, weight)| {
            (pair.distance, score::rarity_of(f64::from(*weight), pair.distance))
        });
        Some(Seen { at: (f64::from(place.x), f64::from(place.y)), distance, weight })
    };
    agreed.in_view.iter().filter_map(seen).collect()
}

/// Distance of a feature that is not there: that of two codes that have nothing to do with each other.
const NOWHERE: u32 = LocalCode::BITS / 2;

/// What an image shows of a record at its places.
struct Reading {
    score: f64,
    /// The score of what is read there and beside; 0 where that was not done.
    nudged: f64,
    /// What of it is not covered, where some is.
    uncovered: Option<Uncovered>,
    /// What it shows at the places of its features, but for those that the border of one image only cuts.
    places: Vec<Seen>,
    /// Features that the image can show.
    seen: Vec<u32>,
    /// Those of these that no border cuts, or that of both images.
    comparable: Vec<u32>,
    /// Those that it shows.
    same: Vec<u32>,
    /// Those of these that are within [`ALIKE`] bits.
    alike: Vec<u32>,
    /// How far those that are whole in both images are from the record's.
    shown: Vec<Shown>,
}

/// What is left of a reading without what something black lies on.
struct Uncovered {
    /// The score of what agrees among so many fewer.
    score: f64,
    places: Vec<Seen>,
}

impl Reading {
    /// The places that nothing covers.
    fn uncovered(&self) -> &[Seen] {
        self.uncovered.as_ref().map_or(&self.places, |uncovered| &uncovered.places)
    }
}

/// Whether nearly all of the neighbourhood that a feature describes lies in an image with these sides.
fn is_whole(feature: &Keypoint, (width, height): (f32, f32)) -> bool {
    let reach = NEIGHBOURHOOD * feature.size;
    let inside = |at: f32, side: f32| at >= reach && at <= side - reach;
    inside(feature.x, width) && inside(feature.y, height)
}

fn agreeing(own: &[Placed], pair: Near, weight: f64) -> Option<Agreeing> {
    let place = own.get(pair.record as usize)?;
    let (x, y) = (f64::from(place.x), f64::from(place.y));
    Some(Agreeing { x, y, weight, distance: pair.distance, share: 1.0 })
}

pub(super) fn place(keypoint: &saltprint_fingerprint::Keypoint) -> Placed {
    Placed { x: keypoint.x, y: keypoint.y, size: keypoint.size, angle: keypoint.angle }
}

/// A number for each record that records of one subject, and those of one image, share.
pub(super) fn groups<'r>(records: impl Iterator<Item = &'r IndexHit>) -> Vec<u32> {
    let mut subjects = HashMap::new();
    let mut images = HashMap::new();
    let mut groups: Vec<u32> = Vec::new();
    for (number, record) in (0..).zip(records) {
        let subject = record.facts.subject.and_then(|subject| subjects.get(&subject).copied());
        let image = images.get(&record.image()).copied();
        let group = [subject, image].into_iter().flatten().min().unwrap_or(number);
        images.insert(record.image(), group);
        if let Some(subject) = record.facts.subject {
            subjects.insert(subject, group);
        }
        groups.push(group);
    }
    groups
}

/// The record's corners in shares of the leaked image; for a mirrored query that is mirrored back.
fn quad(
    transform: &Transform,
    (width, height): (f64, f64),
    query: &LocalQuery,
    mirrored: bool,
) -> Option<[(f64, f64); 4]> {
    let (across, down) = (f64::from(query.width.max(1.0)), f64::from(query.height.max(1.0)));
    let corners = transform.quad(width, height)?;
    Some(corners.map(|(x, y)| (if mirrored { 1.0 - x / across } else { x / across }, y / down)))
}

fn region(points: &[(f64, f64)], width: f64, height: f64) -> [f64; 4] {
    Region::around(points).map_or([0.0; 4], |region| {
        [region.left / width, region.top / height, region.right / width, region.bottom / height]
    })
}

/// The record's features that lie well within the leaked image.
fn in_view(own: &[Placed], transform: &Transform, query: &LocalQuery) -> Vec<u32> {
    let inside = |place: &Placed| {
        transform.apply(f64::from(place.x), f64::from(place.y)).is_some_and(|(x, y)| {
            (BORDER..=f64::from(query.width) - BORDER).contains(&x)
                && (BORDER..=f64::from(query.height) - BORDER).contains(&y)
        })
    };
    (0..).zip(own).filter(|(_, place)| inside(place)).map(|(number, _)| number).collect()
}

/// The transform's turn, rounded to quarters.
fn quarters(transform: &Transform) -> u8 {
    let turn = transform.turn();
    let turn = turn - turn.floor();
    let borders = [0.125, 0.375, 0.625, 0.875].into_iter().map(|border| u8::from(turn >= border));
    borders.sum::<u8>() % 4
}
