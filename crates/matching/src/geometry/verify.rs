//! The search for the transform that explains the greatest weight.

use zeroize::Zeroize as _;

use super::homography::fit_homography;
use super::similarity::{COS2_TURN, Candidate, SCALE2_RATIO, Taken, candidates, starts};
use super::transform::{Bounds, Transform, fit_affine, fit_similarity};
use super::{Agreement, FRAME, Pair, Placed};

/// Pairs that an affine map needs: three determine it, and a further one must confirm it.
const AFFINE_PAIRS: usize = 4;
/// Pairs that a homography needs: four determine it, and as many must confirm it.
const HOMOGRAPHY_PAIRS: usize = 8;
/// The size of a keypoint widens the tolerance of its place, up to this share of the record's longer side.
const OWN_SIZE: f64 = 0.05;
/// A freer transform that explains no more weight is taken when it leaves at most this share of the variance...
const CLEARLY_CLOSER: f64 = 0.5;
/// ...and a smaller one with few equations to spare: half of it with this many.
const FEW_SPARE: f64 = 8.0;
/// It may even explain less by this share: a stiffer transform may win a stranger at the margin by bad fit alone.
const STRANGERS: f64 = 0.1;
/// How much wider than the final tolerance pairs are collected while the fit is still coarse.
const COARSE: f64 = 3.0;
const MIDDLE: f64 = 1.5;

/// Limits of [`verify`]. Built by [`VerifySettings::default`] and adjusted field by field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifySettings {
    /// How many of the heaviest pairs are taken as hypotheses; all pairs are counted for each. The time grows
    /// with this number times the number of pairs.
    pub hypotheses: usize,
    /// How many hypotheses, resting on different pairs, are refitted.
    pub starts: usize,
    /// How far from its predicted place a keypoint of the query may lie, as a share of the longer side of the
    /// record as it appears in the query; its own size is added.
    pub tolerance: f64,
    /// How many times larger or smaller than in the record a document may appear, at least 1.
    pub scale_bound: f64,
    /// Largest ratio of the singular values of the transform, at least 1: how much a picture may be squeezed or
    /// seen from the side.
    pub anisotropy_bound: f64,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self { hypotheses: 128, starts: 3, tolerance: 0.025, scale_bound: 8.0, anisotropy_bound: 2.5 }
    }
}

/// The heaviest set of pairs that agree on one planar transform from the record to the query; `None` below two.
///
/// "Heaviest" with one exception: of two transforms near one another, the one that fits clearly better may
/// explain up to a tenth less, which keeps out strangers at the margin.
///
/// Each spot of the query and of the record is used once: where pairs compete, the heaviest wins, then the one of
/// the first keypoint of the query, then of the record. Keypoints within half their size and a quarter of an
/// octave of one another are one spot. All pairs of the answer are within the tolerance of the transform in
/// place, and within half an octave and 0.35 rad of it in size and direction.
///
/// Pairs and keypoints that make no sense are ignored (see [`Pair`] and [`Placed`]). The answer does not depend
/// on the order of the pairs, but for which of several identical ones it names.
#[must_use]
pub fn verify(
    query: &[Placed],
    record: &[Placed],
    pairs: &[Pair],
    settings: &VerifySettings,
) -> Option<Agreement> {
    let mut list = candidates(query, record, pairs, settings);
    let best = search(&list, settings);
    let agreement = best.map(|best| Agreement {
        pairs: best.members.iter().map(|&place| list[place].input).collect(),
        weight: best.weight,
        transform: best.transform,
    });
    list.zeroize();
    agreement
}

/// A transform and what it explains.
struct Solution {
    transform: Transform,
    members: Vec<usize>,
    weight: f64,
    /// Variance of the places about the transform, for its degrees of freedom.
    variance: f64,
    /// Equations beyond the degrees of freedom.
    spare: f64,
}

impl Solution {
    /// Whether this one, which is freer, should replace another.
    fn improves(&self, other: &Self) -> bool {
        let share = CLEARLY_CLOSER * self.spare / (self.spare + FEW_SPARE);
        self.weight > other.weight
            || (self.weight >= (1.0 - STRANGERS) * other.weight && self.variance <= share * other.variance)
    }
}

fn search(list: &[Candidate], settings: &VerifySettings) -> Option<Solution> {
    if list.len() < 2 {
        return None;
    }
    let mut taken = Taken::new(list);
    let starts = starts(list, &mut taken, settings);
    let mut fitter = Fitter {
        list,
        taken,
        tolerance: settings.tolerance,
        bounds: Bounds { scale: settings.scale_bound, anisotropy: settings.anisotropy_bound },
    };
    starts.iter().filter_map(|start| fitter.refine(start)).fold(None, |best: Option<Solution>, solution| {
        if best.as_ref().is_none_or(|best| solution.weight > best.weight) { Some(solution) } else { best }
    })
}

struct Fitter<'a> {
    list: &'a [Candidate],
    taken: Taken,
    tolerance: f64,
    bounds: Bounds,
}

impl Fitter<'_> {
    /// The best transform near the one that a set of pairs suggests.
    fn refine(&mut self, start: &[usize]) -> Option<Solution> {
        let coarse = fit_similarity(self.list, start, &self.bounds)?;
        let coarse = self.collect(coarse, COARSE, 4);
        let middle = self.collect(self.linear(&coarse.members)?, MIDDLE, 6);

        let fine = self.collect(self.linear(&middle.members)?, 1.0, 6);
        let mut best = self.similar(&fine.members);
        if middle.members.len() >= AFFINE_PAIRS
            && let Some(transform) = fit_affine(self.list, &fine.members, &self.bounds)
        {
            replace(&mut best, self.collect(transform, 1.0, 6));
            replace(&mut best, fine);
        }
        // Perspective moves the margins far from where the best affine map has them, but a wide look also meets
        // more strangers: try both.
        let wide = self.collect(middle.transform, COARSE, 6);
        let same = wide.members == middle.members;
        for solution in
            [(!same).then(|| self.tilted(wide)).flatten(), self.tilted(middle)].into_iter().flatten()
        {
            replace(&mut best, solution);
        }
        best.filter(|best| best.members.len() >= 2)
    }

    /// An affine map if there are pairs enough, else a similarity.
    fn linear(&self, members: &[usize]) -> Option<Transform> {
        (members.len() >= AFFINE_PAIRS)
            .then(|| fit_affine(self.list, members, &self.bounds))
            .flatten()
            .or_else(|| fit_similarity(self.list, members, &self.bounds))
    }

    /// The best similarity near the one that some pairs suggest.
    fn similar(&mut self, members: &[usize]) -> Option<Solution> {
        let first = fit_similarity(self.list, members, &self.bounds)?;
        let first = self.collect(first, 1.0, 4);
        let second =
            fit_similarity(self.list, &first.members, &self.bounds).map(|again| self.collect(again, 1.0, 4));
        Some(second.filter(|second| second.weight >= first.weight).unwrap_or(first))
    }

    /// The best homography near a transform, if there are pairs enough and spread well.
    fn tilted(&mut self, wide: Solution) -> Option<Solution> {
        let mut best: Option<Solution> = None;
        let Solution { mut transform, mut members, .. } = wide;
        for factor in [MIDDLE, 1.0, 1.0] {
            if members.len() < HOMOGRAPHY_PAIRS {
                break;
            }
            let Some(next) = fit_homography(self.list, &members, &transform, &self.bounds) else {
                break;
            };
            let solution = self.collect(next, factor, 8);
            (transform, members) = (next, solution.members.clone());
            if factor <= 1.0 && best.as_ref().is_none_or(|best| solution.weight >= best.weight) {
                best = Some(solution);
            }
        }
        best
    }

    /// All pairs that a transform explains, one-to-one, heaviest first.
    fn collect(&mut self, transform: Transform, factor: f64, freedom: u32) -> Solution {
        let side = FRAME * transform.scale();
        let (mut members, mut weight, mut off2, mut equations) = (Vec::new(), 0.0, 0.0, 0.0);
        self.taken.clear();
        for (place, candidate) in self.list.iter().enumerate() {
            let Some(distance2) = explained(&transform, candidate, factor * self.tolerance * side, side)
            else {
                continue;
            };
            if self.taken.take(candidate) {
                members.push(place);
                weight += candidate.weight;
                off2 += candidate.weight * distance2;
                equations += 2.0;
            }
        }
        let spare = (equations - f64::from(freedom)).max(0.0);
        let variance = if spare > 0.0 { off2 / weight * (equations / spare) } else { f64::INFINITY };
        Solution { transform, members, weight, variance, spare }
    }
}

fn replace(best: &mut Option<Solution>, solution: Solution) {
    if best.as_ref().is_none_or(|best| solution.improves(best)) {
        *best = Some(solution);
    }
}

/// Squared distance from the predicted place, if the pair agrees with a transform.
fn explained(transform: &Transform, candidate: &Candidate, tolerance: f64, side: f64) -> Option<f64> {
    let (there, [[a, b], [c, d]]) = transform.near(candidate.record.0, candidate.record.1)?;
    let (right, down) = (candidate.query.0 - there.0, candidate.query.1 - there.1);
    let distance2 = right * right + down * down;
    let reach = tolerance + candidate.size.min(OWN_SIZE * side);
    // Area of the blob, and its direction, as the transform would have them.
    let det = a * d - b * c;
    let (cos, sin) = candidate.record_direction;
    let moved = (a * cos + b * sin, c * cos + d * sin);
    let along = moved.0 * candidate.query_direction.0 + moved.1 * candidate.query_direction.1;
    let agrees = distance2 <= reach * reach
        && candidate.scale2 <= SCALE2_RATIO * det
        && det <= SCALE2_RATIO * candidate.scale2
        && along > 0.0
        && along * along >= COS2_TURN * (moved.0 * moved.0 + moved.1 * moved.1);
    agrees.then_some(distance2)
}
