//! Planar transforms and how they are fitted to pairs.

use super::FRAME;
use super::area::{area, is_convex};
use super::similarity::{Candidate, turn_of};

/// Prior spread of a linear part that places do not determine, in frames of the record: along a direction in
/// which the pairs spread less than this, a similarity follows the pairs' own scales and turns, and an affine
/// map follows the similarity.
const PRIOR_SPREAD: f64 = 0.02;
/// [`Transform::quad`] refuses edges that changed their length by more than this factor.
const EDGE_RATIO: f64 = 24.0;

/// A homography from a record's frame to a query's frame, without reflection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform {
    rows: [[f64; 3]; 3],
    /// Middle of the keypoints that it was fitted to, in the record's frame; the depth there is 1.
    middle: (f64, f64),
}

/// Derivative of a transform at a point, by rows.
pub(crate) type Linear = [[f64; 2]; 2];

impl Transform {
    /// Checked: finite, no reflection, scale within `1 / scale_bound ..= scale_bound` and ratio of the singular
    /// values at most `anisotropy_bound` at the middle.
    pub(super) fn new(rows: [[f64; 3]; 3], middle: (f64, f64), bounds: &Bounds) -> Option<Self> {
        let transform = Self { rows, middle };
        let (_, linear) = transform.near(middle.0, middle.1)?;
        let [[a, b], [c, d]] = linear;
        let det = a * d - b * c;
        let most = bounds.scale * bounds.scale;
        // Squared singular values: sum and product.
        let (sum, product) = (a * a + b * b + c * c + d * d, det * det);
        let ratio = bounds.anisotropy;
        let sane = rows.iter().flatten().all(|value| value.is_finite())
            && det > 0.0
            && det <= most
            && det * most >= 1.0
            && sum * sum * ratio * ratio <= product * (1.0 + ratio * ratio) * (1.0 + ratio * ratio);
        sane.then_some(transform)
    }

    /// The homography by rows: `(x, y, 1)` of the record, in frame units, becomes `(x w, y w, w)` of the query.
    pub fn rows(&self) -> [[f64; 3]; 3] {
        self.rows
    }

    /// Where a point of the record's frame lies in the query's frame, both in frame units; `None` for points on
    /// or beyond the horizon.
    pub fn apply(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let [first, second, third] = &self.rows;
        let depth = third[0] * x + third[1] * y + third[2];
        let place = (
            (first[0] * x + first[1] * y + first[2]) / depth,
            (second[0] * x + second[1] * y + second[2]) / depth,
        );
        (depth > 0.0 && place.0.is_finite() && place.1.is_finite()).then_some(place)
    }

    /// Corners of the record's image in the query's frame, from the record's upper left clockwise as seen in the
    /// record. `width` and `height` are those of the record's image, in frame units.
    ///
    /// `None` where they make no picture: a corner beyond the horizon, not convex, an edge more than 24 times
    /// longer or shorter than in the record.
    pub fn quad(&self, width: f64, height: f64) -> Option<[(f64, f64); 4]> {
        if !(width > 0.0 && height > 0.0) {
            return None;
        }
        let quad = [
            self.apply(0.0, 0.0)?,
            self.apply(width, 0.0)?,
            self.apply(width, height)?,
            self.apply(0.0, height)?,
        ];
        let edges_sane = [width, height, width, height].iter().enumerate().all(|(corner, length)| {
            let (from, to) = (quad[corner], quad[(corner + 1) % 4]);
            let (right, down) = (to.0 - from.0, to.1 - from.1);
            let edge2 = right * right + down * down;
            let most2 = EDGE_RATIO * EDGE_RATIO;
            edge2 <= most2 * length * length && edge2 * most2 >= length * length
        });
        (edges_sane && is_convex(&quad) && area(&quad) > 0.0).then_some(quad)
    }

    /// How many times larger the record appears in the query, by the root of the area, at the middle of the
    /// agreeing keypoints.
    pub fn scale(&self) -> f64 {
        self.near(self.middle.0, self.middle.1)
            .map_or(0.0, |(_, [[a, b], [c, d]])| (a * d - b * c).max(0.0).sqrt())
    }

    /// How far the record is turned in the query, in turns from +x towards +y, 0 to 1 (below it), at the middle
    /// of the agreeing keypoints.
    pub fn turn(&self) -> f64 {
        self.near(self.middle.0, self.middle.1).map_or(0.0, |(_, [[a, b], [c, d]])| turn_of(a + d, c - b))
    }

    /// Place and derivative at a point; `None` beyond the horizon.
    pub(crate) fn near(&self, x: f64, y: f64) -> Option<((f64, f64), Linear)> {
        let [first, second, third] = &self.rows;
        let depth = third[0] * x + third[1] * y + third[2];
        if depth <= 0.0 {
            return None;
        }
        let inverse = 1.0 / depth;
        let there = (
            (first[0] * x + first[1] * y + first[2]) * inverse,
            (second[0] * x + second[1] * y + second[2]) * inverse,
        );
        let row = |row: &[f64; 3], value: f64| {
            [(row[0] - value * third[0]) * inverse, (row[1] - value * third[1]) * inverse]
        };
        Some((there, [row(first, there.0), row(second, there.1)]))
    }

    /// Depth relative to that of the middle.
    pub(super) fn depth(&self, (x, y): (f64, f64)) -> f64 {
        let third = &self.rows[2];
        third[0] * x + third[1] * y + third[2]
    }
}

/// What a transform may do to a picture.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Largest scale, and inverse of the smallest.
    pub(super) scale: f64,
    /// Largest ratio of the singular values.
    pub(super) anisotropy: f64,
}

/// Weighted moments of pairs, about their middles.
pub(super) struct Moments {
    pub(super) weight: f64,
    pub(super) record: (f64, f64),
    pub(super) query: (f64, f64),
    /// Scatter in the record: xx, xy, yy.
    pub(super) scatter: [f64; 3],
    /// Sums of query times record, by rows of the query's coordinates.
    cross: Linear,
    /// Mean of the pairs' own similarities.
    own: (f64, f64),
}

impl Moments {
    pub(super) fn new(list: &[Candidate], members: &[usize]) -> Option<Self> {
        let mut sums = [0.0; 7];
        for candidate in members.iter().map(|&place| &list[place]) {
            let values = [
                1.0,
                candidate.record.0,
                candidate.record.1,
                candidate.query.0,
                candidate.query.1,
                candidate.own.0,
            ];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += candidate.weight * value;
            }
            sums[6] += candidate.weight * candidate.own.1;
        }
        let weight = sums[0];
        if weight <= 0.0 {
            return None;
        }
        let mean = |place: usize| sums[place] / weight;
        let mut moments = Self {
            weight,
            record: (mean(1), mean(2)),
            query: (mean(3), mean(4)),
            scatter: [0.0; 3],
            cross: [[0.0; 2]; 2],
            own: (mean(5), mean(6)),
        };
        for candidate in members.iter().map(|&place| &list[place]) {
            let (x, y) = (candidate.record.0 - moments.record.0, candidate.record.1 - moments.record.1);
            let (right, down) = (candidate.query.0 - moments.query.0, candidate.query.1 - moments.query.1);
            let weight = candidate.weight;
            moments.scatter[0] += weight * x * x;
            moments.scatter[1] += weight * x * y;
            moments.scatter[2] += weight * y * y;
            moments.cross[0][0] += weight * right * x;
            moments.cross[0][1] += weight * right * y;
            moments.cross[1][0] += weight * down * x;
            moments.cross[1][1] += weight * down * y;
        }
        Some(moments)
    }

    /// Cosine and sine, times scale, of the best similarity.
    fn similarity(&self) -> (f64, f64) {
        let prior = self.weight * PRIOR_SPREAD * PRIOR_SPREAD * FRAME * FRAME;
        let total = self.scatter[0] + self.scatter[2] + prior;
        (
            (self.cross[0][0] + self.cross[1][1] + prior * self.own.0) / total,
            (self.cross[1][0] - self.cross[0][1] + prior * self.own.1) / total,
        )
    }

    /// The transform that moves the middle of the record's points to that of the query's.
    fn with_linear(&self, linear: Linear, bounds: &Bounds) -> Option<Transform> {
        let row = |[across, along]: [f64; 2], there: f64| {
            [across, along, there - (across * self.record.0 + along * self.record.1)]
        };
        let rows = [row(linear[0], self.query.0), row(linear[1], self.query.1), [0.0, 0.0, 1.0]];
        Transform::new(rows, self.record, bounds)
    }

    /// Spread in the direction of least spread, squared.
    pub(super) fn least_spread2(&self) -> f64 {
        let [xx, xy, yy] = self.scatter;
        let root = ((xx - yy) * (xx - yy) + 4.0 * xy * xy).sqrt();
        0.5 * (xx + yy - root) / self.weight
    }
}

/// Best similarity. Where places say little, the pairs' own scales and turns decide.
pub(super) fn fit_similarity(list: &[Candidate], members: &[usize], bounds: &Bounds) -> Option<Transform> {
    let moments = Moments::new(list, members)?;
    let (cos, sin) = moments.similarity();
    moments.with_linear([[cos, -sin], [sin, cos]], bounds)
}

/// Best affine map. Along directions in which the pairs spread little it follows the similarity.
pub(super) fn fit_affine(list: &[Candidate], members: &[usize], bounds: &Bounds) -> Option<Transform> {
    let moments = Moments::new(list, members)?;
    let (cos, sin) = moments.similarity();
    let prior = moments.weight * PRIOR_SPREAD * PRIOR_SPREAD * FRAME * FRAME;
    let [xx, xy, yy] = [moments.scatter[0] + prior, moments.scatter[1], moments.scatter[2] + prior];
    let det = xx * yy - xy * xy;
    let row = |sums: [f64; 2], similar: [f64; 2]| {
        let sums = [sums[0] + prior * similar[0], sums[1] + prior * similar[1]];
        [(sums[0] * yy - sums[1] * xy) / det, (sums[1] * xx - sums[0] * xy) / det]
    };
    moments.with_linear([row(moments.cross[0], [cos, -sin]), row(moments.cross[1], [sin, cos])], bounds)
}
