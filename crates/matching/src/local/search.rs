//! From the local codes of images to the records that show in them.

use std::collections::HashMap;

use rayon::prelude::*;
use saltprint_fingerprint::{LocalFingerprint, LocalQuery, Orientation, QueryFeature};
use saltprint_index::{Generation, Hit, IndexError, IndexHit, LocalLookup};

use super::alteration;
use super::place::{Contest, contests};
use super::score::{Agreeing, Crowd, Near, evidence, near_pairs};
use crate::geometry::{Pair, Placed, Region, Transform, VerifySettings, covered_share, overlap, verify};

/// Width of the strip along an image's border in which features are hardly found, in frame units.
const BORDER: f64 = 100.0;

/// A record that shows in an image.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sighting {
    /// The record; its distance is that of no code and stands at 0.
    pub record: IndexHit,
    /// Where the index holds it; the distance stands at 0.
    pub place: Hit,
    /// Evidence: the sum over agreeing features of how near, how rare and how unambiguous each is.
    pub score: f64,
    /// Number of features that agree.
    pub features: u32,
    /// Number of the record's features that lie within the leaked image, by the place that the agreeing ones give it.
    pub in_view: u32,
    /// Whether a part of the record that should be in view looks different, while the rest agrees: covered, replaced, or
    /// written over.
    pub altered: bool,
    /// Whether the image shows the record's mirror image.
    pub mirrored: bool,
    /// Corners of the record's image in the leaked one, clockwise from its upper left as the record has it, in shares of
    /// the leaked image's width and height; they may lie outside. `None` where the features are too close together to tell.
    pub quad: Option<[(f64, f64); 4]>,
    /// Box around the agreeing features within the record's image, in shares of its width and height: left, top,
    /// right, bottom.
    pub region: [f64; 4],
    /// Share of the record's image that the agreeing features span, 0 to 1.
    pub covered: f64,
    /// Quarter turns clockwise from the record to the leaked image, after mirroring, 0 to 3.
    pub quarters: u8,
    /// Which look found it: features of two looks have different numbers.
    pub(super) look: u8,
    /// The features of the query that agree, ascending.
    pub(super) spots: Vec<u32>,
}

impl Sighting {
    /// What was done to the record's image, by the nearest quarter turn.
    pub fn orientation(&self) -> Orientation {
        let place = if self.mirrored { 4 + (4 - self.quarters) % 4 } else { self.quarters };
        Orientation::ALL.into_iter().nth(usize::from(place)).unwrap_or(Orientation::Upright)
    }

    /// Share of the leaked image that the record's outline covers, 0 to 1; 0 where there is no outline.
    pub fn area(&self) -> f64 {
        const WHOLE: [(f64, f64); 4] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        self.quad.as_ref().map_or(0.0, |quad| {
            // Shoelace formula; the overlap is in shares of the smaller outline, at most the whole image.
            let twice: f64 =
                (0..4).map(|i| quad[i].0 * quad[(i + 1) % 4].1 - quad[(i + 1) % 4].0 * quad[i].1).sum();
            (overlap(quad, &WHOLE) * (twice.abs() / 2.0).min(1.0)).min(1.0)
        })
    }
}

/// Searches a generation by local codes.
#[derive(Debug, Clone, Copy)]
pub struct LocalSearch<'a> {
    generation: &'a Generation,
    lookup: LocalLookup,
    verify: VerifySettings,
}

impl<'a> LocalSearch<'a> {
    /// A search with the settings that backgrounds are measured with.
    pub fn new(generation: &'a Generation) -> Self {
        Self { generation, lookup: LocalLookup::default(), verify: VerifySettings::default() }
    }

    /// Looks at each image up to four times, as it is and mirrored, coarsely and finely, until `settled` says that its
    /// contests are enough. Of several sightings of a record the one with the highest score counts.
    ///
    /// `fine` makes the fine query of an image; it is asked on several threads. `admit` is that of [`LocalSearch::find`].
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn look(
        &self,
        queries: &[&LocalQuery],
        fine: &(dyn Fn(usize) -> LocalQuery + Sync),
        settled: &dyn Fn(usize, &[Contest]) -> bool,
        admit: &(dyn Fn(usize, &IndexHit) -> bool + Sync),
    ) -> Result<Vec<Vec<Contest>>, IndexError> {
        let mut found: Vec<Vec<Contest>> = vec![Vec::new(); queries.len()];
        let mut open: Vec<usize> = (0..queries.len()).collect();
        for mirrored in [false, true] {
            let asked: Vec<&LocalQuery> = open.iter().map(|number| queries[*number]).collect();
            self.look_once((false, mirrored), &open, &asked, &mut found, admit)?;
            open.retain(|number| !settled(*number, &found[*number]));
        }
        let finer: Vec<LocalQuery> = open.par_iter().map(|number| fine(*number)).collect();
        let mut finer: Vec<(usize, &LocalQuery)> = open.into_iter().zip(&finer).collect();
        for mirrored in [false, true] {
            let (numbers, asked): (Vec<usize>, Vec<&LocalQuery>) = finer.iter().copied().unzip();
            self.look_once((true, mirrored), &numbers, &asked, &mut found, admit)?;
            finer.retain(|(number, _)| !settled(*number, &found[*number]));
        }
        Ok(found)
    }

    /// One look at the images of some numbers; adds what it finds to their contests.
    fn look_once(
        &self,
        (fine, mirrored): (bool, bool),
        numbers: &[usize],
        asked: &[&LocalQuery],
        found: &mut [Vec<Contest>],
        admit: &(dyn Fn(usize, &IndexHit) -> bool + Sync),
    ) -> Result<(), IndexError> {
        let sightings = self.find(asked, mirrored, |place, hit| admit(numbers[place], hit))?;
        for (number, new) in numbers.iter().zip(sightings) {
            let known = std::mem::take(&mut found[*number]).into_iter().flat_map(|contest| contest.sightings);
            let mut all: Vec<Sighting> = known.collect();
            for mut sighting in new {
                sighting.look = u8::from(fine) * 2 + u8::from(mirrored);
                match all.iter_mut().find(|known| known.place == sighting.place) {
                    Some(known) if known.score < sighting.score => *known = sighting,
                    Some(_) => {}
                    None => all.push(sighting),
                }
            }
            // Stable, and both parts came in a fixed order.
            all.sort_by(|a, b| b.score.total_cmp(&a.score));
            found[*number] = contests(all);
        }
        Ok(())
    }

    /// Records that show in each image, by falling score. `admit` says whether a record may be one, by the number of the
    /// query.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn find(
        &self,
        queries: &[&LocalQuery],
        mirrored: bool,
        admit: impl Fn(usize, &IndexHit) -> bool + Sync,
    ) -> Result<Vec<Vec<Sighting>>, IndexError> {
        let features: Vec<&[QueryFeature]> = queries
            .iter()
            .map(|query| if mirrored { &query.mirrored[..] } else { &query.upright[..] })
            .collect();
        // What a negative image has is left out before anything is looked up.
        let negative = &self.generation.manifest().negative;
        let cleaned: Vec<Vec<QueryFeature>> = if negative.is_empty() {
            Vec::new()
        } else {
            let admitted = |features: &&[QueryFeature]| {
                let kept = features.iter().zip(negative.admits(features)).filter(|(_, admitted)| *admitted);
                kept.map(|(feature, _)| feature.clone()).collect()
            };
            features.par_iter().map(admitted).collect()
        };
        let features: Vec<&[QueryFeature]> =
            if negative.is_empty() { features } else { cleaned.iter().map(Vec::as_slice).collect() };
        let candidates = self.generation.local_candidates(&features, &self.lookup)?;
        candidates
            .par_iter()
            .enumerate()
            .map(|(number, candidates)| {
                let rows: Vec<(u32, u32)> =
                    candidates.iter().map(|candidate| (candidate.segment, candidate.row)).collect();
                self.compare(queries[number], features[number], mirrored, &rows, |hit| admit(number, hit))
            })
            .collect()
    }

    /// How a query agrees with one record, whatever else the index holds; `None` where nothing agrees.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn against(
        &self,
        query: &LocalQuery,
        mirrored: bool,
        hit: &Hit,
    ) -> Result<Option<Sighting>, IndexError> {
        let features = if mirrored { &query.mirrored } else { &query.upright };
        let found = self.compare(query, features, mirrored, &[(hit.segment, hit.row)], |_| true)?;
        Ok(found.into_iter().next())
    }

    fn compare(
        &self,
        query: &LocalQuery,
        features: &[QueryFeature],
        mirrored: bool,
        candidates: &[(u32, u32)],
        admit: impl Fn(&IndexHit) -> bool,
    ) -> Result<Vec<Sighting>, IndexError> {
        let mut records: Vec<Compared> = Vec::new();
        for &(segment, row) in candidates {
            let hit = Hit { distance: 0, segment, row };
            let record = self.generation.resolve(&hit)?;
            if admit(&record) {
                let local = self.generation.local(&hit)?;
                let pairs = near_pairs(features, &local);
                records.push(Compared { place: hit, record, local, near: pairs });
            }
        }
        let groups = groups(records.iter().map(|compared| &compared.record));
        let mut crowd = Crowd::new(features.len());
        for (group, compared) in groups.iter().zip(&records) {
            crowd.add(*group, &compared.near, &compared.local);
        }
        let placed: Vec<Placed> = features.iter().map(|feature| place(&feature.keypoint)).collect();
        let mut sightings = Vec::new();
        for (group, Compared { place: at, record, local, near }) in groups.iter().zip(&records) {
            let own: Vec<Placed> =
                local.features.iter().map(|feature| place(&feature.place.keypoint())).collect();
            let pairs: Vec<Pair> = near
                .iter()
                .map(|pair| Pair {
                    query: pair.query,
                    record: pair.record,
                    weight: local
                        .features
                        .get(pair.record as usize)
                        .map_or(0.0, |kept| crowd.weight(*group, pair, kept)),
                })
                .collect();
            let Some(agreement) = verify(&placed, &own, &pairs, &self.verify) else { continue };
            let agreeing: Vec<&Pair> =
                agreement.pairs.iter().filter_map(|place| pairs.get(*place as usize)).collect();
            let points: Vec<(f64, f64)> = agreeing
                .iter()
                .filter_map(|pair| own.get(pair.record as usize))
                .map(|place| (f64::from(place.x), f64::from(place.y)))
                .collect();
            let mut spots: Vec<u32> = agreeing.iter().map(|pair| pair.query).collect();
            spots.sort_unstable();
            let (width, height) = (f64::from(local.width.max(1)), f64::from(local.height.max(1)));
            let in_view = in_view(&own, &agreement.transform, query);
            let distances = agreement.pairs.iter().filter_map(|place| near.get(*place as usize));
            let weighed: Vec<Agreeing> = (points.iter().zip(&agreeing).zip(distances))
                .map(|(((x, y), pair), near)| Agreeing {
                    x: *x,
                    y: *y,
                    weight: f64::from(pair.weight),
                    distance: near.distance,
                })
                .collect();
            let agreed: Vec<u32> = agreeing.iter().map(|pair| pair.record).collect();
            sightings.push(Sighting {
                record: record.clone(),
                place: *at,
                score: evidence(&weighed, in_view.len()),
                features: u32::try_from(points.len()).unwrap_or(u32::MAX),
                in_view: u32::try_from(in_view.len().max(points.len())).unwrap_or(u32::MAX),
                altered: alteration::is_altered(&own, &in_view, &agreed),
                mirrored,
                quad: quad(&agreement.transform, (width, height), query, mirrored),
                region: region(&points, width, height),
                covered: covered_share(&points, width, height),
                quarters: quarters(&agreement.transform),
                look: 0,
                spots,
            });
        }
        // Stable, and the candidates come in a fixed order.
        sightings.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(sightings)
    }
}

/// A candidate with what the comparison needs.
struct Compared {
    place: Hit,
    record: IndexHit,
    local: LocalFingerprint,
    near: Vec<Near>,
}

fn place(keypoint: &saltprint_fingerprint::Keypoint) -> Placed {
    Placed { x: keypoint.x, y: keypoint.y, size: keypoint.size, angle: keypoint.angle }
}

/// A number for each record that records of one subject, and one file stored twice, share.
fn groups<'r>(records: impl Iterator<Item = &'r IndexHit>) -> Vec<u32> {
    let mut subjects = HashMap::new();
    let mut contents = HashMap::new();
    let mut groups: Vec<u32> = Vec::new();
    for (number, record) in (0..).zip(records) {
        let subject = record.facts.subject.map(|subject| *subjects.entry(subject).or_insert(number));
        let content = *contents.entry(record.facts.content).or_insert(number);
        groups.push(subject.unwrap_or(content).min(content));
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
