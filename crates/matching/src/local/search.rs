//! From the local codes of images to the records that show in them.

use std::collections::HashMap;

use rayon::prelude::*;
use saltprint_fingerprint::{LocalFingerprint, LocalQuery, QueryFeature};
use saltprint_index::{Candidate, Generation, Hit, IndexError, IndexHit, LocalLookup};

use super::score::{Crowd, Near, evidence, near_pairs};
use crate::geometry::{Pair, Placed, Region, Transform, VerifySettings, covered_share, verify};

/// A record that shows in an image.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sighting {
    /// The record; its distance is that of no code and stands at 0.
    pub record: IndexHit,
    /// Evidence: the sum over agreeing features of how near, how rare and how unambiguous each is.
    pub score: f64,
    /// Number of features that agree.
    pub features: u32,
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
    pub debug: Vec<(u32, u8, f32, f64, f64)>,
    pub visible: f64,
    /// The features of the query that agree, ascending.
    pub(super) spots: Vec<u32>,
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
        let candidates = self.generation.local_candidates(&features, &self.lookup)?;
        candidates
            .par_iter()
            .enumerate()
            .map(|(number, candidates)| {
                self.compare(queries[number], features[number], mirrored, candidates, |hit| admit(number, hit))
            })
            .collect()
    }

    fn compare(
        &self,
        query: &LocalQuery,
        features: &[QueryFeature],
        mirrored: bool,
        candidates: &[Candidate],
        admit: impl Fn(&IndexHit) -> bool,
    ) -> Result<Vec<Sighting>, IndexError> {
        let mut records: Vec<(IndexHit, LocalFingerprint, Vec<Near>)> = Vec::new();
        for candidate in candidates {
            let hit = Hit { distance: 0, segment: candidate.segment, row: candidate.row };
            let record = self.generation.resolve(&hit)?;
            if admit(&record) {
                let local = self.generation.local(&hit)?;
                let pairs = near_pairs(features, &local);
                records.push((record, local, pairs));
            }
        }
        let groups = groups(records.iter().map(|(record, _, _)| record));
        let mut crowd = Crowd::new(features.len());
        for (group, (_, _, pairs)) in groups.iter().zip(&records) {
            crowd.add(*group, pairs);
        }
        let placed: Vec<Placed> = features.iter().map(|feature| place(&feature.keypoint)).collect();
        let mut sightings = Vec::new();
        for (group, (record, local, near)) in groups.iter().zip(&records) {
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
            sightings.push(Sighting {
                record: record.clone(),
                score: evidence(
                    &points.iter().copied().zip(agreeing.iter().map(|pair| f64::from(pair.weight))).collect::<Vec<_>>(),
                ) * std::env::var("RATIO").map_or(1.0, |r| { let r: f64 = r.parse().unwrap(); (visible_share(local, &agreement, points.len(), query) / r).min(1.0) }),
                features: u32::try_from(points.len()).unwrap_or(u32::MAX),
                mirrored,
                quad: quad(&agreement.transform, (width, height), query, mirrored),
                region: region(&points, width, height),
                covered: covered_share(&points, width, height),
                quarters: quarters(&agreement.transform),
                spots,
                debug: agreement.pairs.iter().zip(&points).map(|(p, xy)| (near[*p as usize].distance, local.features[near[*p as usize].record as usize].sharing.step(), pairs[*p as usize].weight, xy.0, xy.1)).collect(),
                visible: visible_share(local, &agreement, agreement.pairs.len(), query),
            });
        }
        // Stable, and the candidates come in a fixed order.
        sightings.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(sightings)
    }
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

fn visible_share(local: &LocalFingerprint, agreement: &crate::Agreement, agreeing: usize, query: &LocalQuery) -> f64 {
    let inside = local.features.iter().filter(|feature| {
        let place = feature.place.keypoint();
        agreement.transform.apply(f64::from(place.x), f64::from(place.y)).is_some_and(|(x, y)| {
            x > 100.0 && y > 100.0 && x < f64::from(query.width) - 100.0 && y < f64::from(query.height) - 100.0
        })
    });
    agreeing as f64 / (inside.count().max(agreeing).max(1) as f64)
}

/// The transform's turn, rounded to quarters.
fn quarters(transform: &Transform) -> u8 {
    let turn = transform.turn();
    let turn = turn - turn.floor();
    [0.125, 0.375, 0.625, 0.875].iter().filter(|border| turn >= **border).count() as u8 % 4
}
