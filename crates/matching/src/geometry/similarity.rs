//! Pairs as similarities of their own, and which of them agree.

use std::f64::consts::PI;

use zeroize::Zeroize;

use super::{FRAME, Pair, Placed, VerifySettings};

/// Squared cosine of 0.35 rad: how far the turns of two pairs of one picture may differ. Angles of blobs are
/// read from a histogram of gradients and lie within some 10 degrees of the truth.
pub(super) const COS2_TURN: f64 = 0.882_421_093_1;
/// Half an octave, squared: how far the scales of two pairs of one picture may differ either way.
pub(super) const SCALE2_RATIO: f64 = 2.0;
/// Uncertainty of a place that one pair predicts: this much near its own keypoint, in frames of the record...
const NEAR: f64 = 0.035;
/// ...and this much of the distance, for the errors of its scale and turn.
const PER_DISTANCE: f64 = 0.18;
/// Two keypoints of one image are the same spot when their places differ by at most this share of the larger
/// size (detectors emit one keypoint for each dominant direction of a spot)...
const SAME_PLACE: f64 = 0.5;
/// ...and their sizes by at most this ratio, a quarter of an octave.
const SAME_SIZE: f64 = 1.189_207_115;
/// A place further out than this belongs to no frame.
const FURTHEST: f64 = 8.0 * FRAME;

/// A pair that can be reckoned with. Wiped by the owner of the list.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Candidate {
    /// Place in the caller's list.
    pub(super) input: u32,
    /// Number of the spot in the query; several keypoints may share one.
    pub(super) query_spot: u32,
    /// Number of the spot in the record.
    pub(super) record_spot: u32,
    pub(super) weight: f64,
    /// Place in the query.
    pub(super) query: (f64, f64),
    /// Place in the record.
    pub(super) record: (f64, f64),
    /// Size in the query.
    pub(super) size: f64,
    /// Scale of the pair's own similarity, times cosine and sine of its turn.
    pub(super) own: (f64, f64),
    /// Square of that scale.
    pub(super) scale2: f64,
    /// Direction in the query, a unit vector.
    pub(super) query_direction: (f64, f64),
    /// Direction in the record.
    pub(super) record_direction: (f64, f64),
}

/// The pairs that can be reckoned with, heaviest first; ties by keypoint of the query, of the record, then by
/// place in the list.
pub(super) fn candidates(
    query: &[Placed],
    record: &[Placed],
    pairs: &[Pair],
    settings: &VerifySettings,
) -> Vec<Candidate> {
    let mut order: Vec<u32> = (0_u32..).zip(pairs).map(|(number, _)| number).collect();
    let pair = |number: u32| &pairs[number as usize];
    order.retain(|&number| pair(number).weight.is_finite() && pair(number).weight > 0.0);
    order.sort_unstable_by(|&a, &b| {
        let (left, right) = (pair(a), pair(b));
        (right.weight.total_cmp(&left.weight))
            .then(left.query.cmp(&right.query))
            .then(left.record.cmp(&right.record))
            .then(a.cmp(&b))
    });

    let mut list = Vec::with_capacity(order.len());
    // Beyond the bounds of the transform, with the tolerance of the scale, a pair can support nothing.
    let largest = settings.scale_bound * settings.scale_bound * SCALE2_RATIO;
    for number in order {
        let pair = pair(number);
        let (Some(there), Some(here)) = (keypoint(query, pair.query), keypoint(record, pair.record)) else {
            continue;
        };
        let scale = f64::from(there.size) / f64::from(here.size);
        let scale2 = scale * scale;
        if !(scale2 <= largest && scale2 * largest >= 1.0) {
            continue;
        }
        let (query_direction, record_direction) = (direction(there.angle), direction(here.angle));
        let (cos, sin) = between(record_direction, query_direction);
        list.push(Candidate {
            input: number,
            query_spot: pair.query,
            record_spot: pair.record,
            weight: f64::from(pair.weight),
            query: (f64::from(there.x), f64::from(there.y)),
            record: (f64::from(here.x), f64::from(here.y)),
            size: f64::from(there.size),
            own: (scale * cos, scale * sin),
            scale2,
            query_direction,
            record_direction,
        });
    }
    number_spots(query, &mut list, |candidate| &mut candidate.query_spot);
    number_spots(record, &mut list, |candidate| &mut candidate.record_spot);
    list
}

fn keypoint(points: &[Placed], number: u32) -> Option<&Placed> {
    let point = points.get(usize::try_from(number).ok()?)?;
    let near = |value: f32| f64::from(value).abs() <= FURTHEST;
    let sane =
        near(point.x) && near(point.y) && near(point.size) && point.size > 0.0 && point.angle.is_finite();
    sane.then_some(point)
}

/// Replaces numbers of keypoints by numbers of spots. Keypoints that a chain of "the same spot" connects share
/// one, so that no two keypoints of different spots are ever the same.
fn number_spots(points: &[Placed], list: &mut [Candidate], spot: impl Fn(&mut Candidate) -> &mut u32) {
    let mut used: Vec<u32> = list.iter_mut().map(|candidate| *spot(candidate)).collect();
    used.sort_unstable();
    used.dedup();
    let at = |place: usize| &points[used[place] as usize];
    let mut order: Vec<usize> = (0..used.len()).collect();
    order.sort_unstable_by(|&a, &b| at(a).x.total_cmp(&at(b).x).then(a.cmp(&b)));

    let mut parent: Vec<usize> = (0..used.len()).collect();
    for (rank, &first) in order.iter().enumerate() {
        let (x, y, size) = (f64::from(at(first).x), f64::from(at(first).y), f64::from(at(first).size));
        for &second in &order[rank + 1..] {
            let right = f64::from(at(second).x) - x;
            if right > SAME_PLACE * SAME_SIZE * size {
                break;
            }
            let down = f64::from(at(second).y) - y;
            let other = f64::from(at(second).size);
            let larger = size.max(other);
            let reach = SAME_PLACE * larger;
            if larger <= SAME_SIZE * size.min(other) && right * right + down * down <= reach * reach {
                let (a, b) = (root(&mut parent, first), root(&mut parent, second));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    for candidate in list {
        let number = spot(candidate);
        if let Ok(place) = used.binary_search(number) {
            // Below `used.len()`, which counts distinct `u32`s.
            *number = u32::try_from(root(&mut parent, place)).unwrap_or(u32::MAX);
        }
    }
}

fn root(parent: &mut [usize], mut place: usize) -> usize {
    while parent[place] != place {
        parent[place] = parent[parent[place]];
        place = parent[place];
    }
    place
}

/// Chooses pairs one-to-one, heaviest first: which spots are taken.
pub(super) struct Taken {
    round: u32,
    query: Vec<u32>,
    record: Vec<u32>,
}

impl Taken {
    pub(super) fn new(list: &[Candidate]) -> Self {
        // Spots are numbered by the keypoints in use, of which there are no more than pairs.
        Self { round: 0, query: vec![0; list.len()], record: vec![0; list.len()] }
    }

    /// Frees all spots.
    pub(super) fn clear(&mut self) {
        self.round += 1;
    }

    /// Takes both spots of a pair if both are free.
    pub(super) fn take(&mut self, candidate: &Candidate) -> bool {
        let query = &mut self.query[candidate.query_spot as usize];
        let record = &mut self.record[candidate.record_spot as usize];
        let free = *query != self.round && *record != self.round;
        if free {
            (*query, *record) = (self.round, self.round);
        }
        free
    }
}

/// Sets of pairs that agree with one pair's own similarity, best first; later ones share at most half of their
/// weight with any earlier one.
pub(super) fn starts(list: &[Candidate], taken: &mut Taken, settings: &VerifySettings) -> Vec<Vec<usize>> {
    let mut ranked: Vec<(f64, usize)> = (0..list.len().min(settings.hypotheses))
        .map(|hypothesis| {
            let mut weight = 0.0;
            taken.clear();
            for candidate in list {
                if agree(&list[hypothesis], candidate) && taken.take(candidate) {
                    weight += candidate.weight;
                }
            }
            (weight, hypothesis)
        })
        .collect();
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));

    let mut chosen: Vec<Vec<usize>> = Vec::with_capacity(settings.starts);
    for (weight, hypothesis) in ranked {
        if chosen.len() >= settings.starts {
            break;
        }
        // Cheap to tell: most of the hypotheses near the best one are pairs of its own set.
        if chosen.first().is_some_and(|best| best.contains(&hypothesis)) {
            continue;
        }
        taken.clear();
        let members: Vec<usize> = (0..list.len())
            .filter(|&place| agree(&list[hypothesis], &list[place]) && taken.take(&list[place]))
            .collect();
        let shared = |other: &Vec<usize>| -> f64 {
            members
                .iter()
                .filter(|&place| other.binary_search(place).is_ok())
                .map(|&place| list[place].weight)
                .sum()
        };
        if members.len() > 1 && chosen.iter().all(|other| 2.0 * shared(other) <= weight) {
            chosen.push(members);
        }
    }
    chosen
}

/// Whether two pairs may be of one picture, by the similarity of the first.
fn agree(hypothesis: &Candidate, other: &Candidate) -> bool {
    let (cos, sin) = hypothesis.own;
    let right = other.record.0 - hypothesis.record.0;
    let down = other.record.1 - hypothesis.record.1;
    let off_x = cos * right - sin * down - (other.query.0 - hypothesis.query.0);
    let off_y = sin * right + cos * down - (other.query.1 - hypothesis.query.1);
    let near = NEAR * FRAME * (NEAR * FRAME);
    let reach2 = near + PER_DISTANCE * PER_DISTANCE * (right * right + down * down);
    let along = cos * other.own.0 + sin * other.own.1;
    off_x * off_x + off_y * off_y <= hypothesis.scale2 * reach2
        && other.scale2 <= SCALE2_RATIO * hypothesis.scale2
        && hypothesis.scale2 <= SCALE2_RATIO * other.scale2
        && along > 0.0
        && along * along >= COS2_TURN * hypothesis.scale2 * other.scale2
}

/// Cosine and sine of the turn from one unit vector to another.
fn between(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    (from.0 * to.0 + from.1 * to.1, from.0 * to.1 - from.1 * to.0)
}

/// Cosine and sine of an angle in turns, to the last bits of an `f64`.
fn direction(turns: f32) -> (f64, f64) {
    let turns = f64::from(turns);
    let turns = turns - turns.floor();
    let quarter = (4.0 * turns + 0.5).floor();
    let angle = (turns - 0.25 * quarter) * (2.0 * PI);
    // Taylor series; the angle is at most pi / 4.
    let square = angle * angle;
    let (mut cos, mut sin) = (1.0, 1.0);
    for step in (1..=8_u32).rev() {
        let even = f64::from(2 * step);
        cos = 1.0 - cos * square / (even * (even - 1.0));
        sin = 1.0 - sin * square / (even * (even + 1.0));
    }
    sin *= angle;
    if quarter < 0.5 {
        (cos, sin)
    } else if quarter < 1.5 {
        (-sin, cos)
    } else if quarter < 2.5 {
        (-cos, -sin)
    } else if quarter < 3.5 {
        (sin, -cos)
    } else {
        (cos, sin)
    }
}

/// Angle of a vector in turns, 0 to 1 (below it), from +x towards +y; 0 for no vector.
pub(super) fn turn_of(x: f64, y: f64) -> f64 {
    let (long, short) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if long <= 0.0 || !long.is_finite() {
        return 0.0;
    }
    // Halve the angle twice, then sum the series of the arc tangent.
    let tangent = short / long;
    let tangent = tangent / (1.0 + (1.0 + tangent * tangent).sqrt());
    let tangent = tangent / (1.0 + (1.0 + tangent * tangent).sqrt());
    let square = tangent * tangent;
    let mut series = 0.0;
    for step in (0..10_u32).rev() {
        series = 1.0 / f64::from(2 * step + 1) - square * series;
    }
    let mut turn = 2.0 * tangent * series / PI;
    if y.abs() > x.abs() {
        turn = 0.25 - turn;
    }
    if x < 0.0 {
        turn = 0.5 - turn;
    }
    if y < 0.0 {
        turn = 1.0 - turn;
    }
    if turn >= 1.0 { 0.0 } else { turn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_those_of_the_standard_library() {
        for step in -40_i16..80 {
            let turns = f32::from(step) / 37.0;
            let (cos, sin) = direction(turns);
            let (expected_sin, expected_cos) = (f64::from(turns) * 2.0 * PI).sin_cos();
            assert!((cos - expected_cos).abs() < 1e-14 && (sin - expected_sin).abs() < 1e-14, "{turns}");
            let back = turn_of(3.0 * cos, 3.0 * sin);
            let off = back - f64::from(turns);
            assert!((off - off.round()).abs() < 1e-14 && (0.0..1.0).contains(&back), "{turns}: {back}");
        }
        assert!(turn_of(0.0, 0.0).abs() < 1e-300);
    }
}
