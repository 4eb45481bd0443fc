//! Fitting a homography.

use super::FRAME;
use super::similarity::Candidate;
use super::transform::{Bounds, Moments, Transform};

/// Strength of the prior "no perspective", in pairs of average weight.
const PRIOR_FLAT: f64 = 0.05;
/// A homography needs pairs that spread at least this much in every direction (standard deviation, in frames).
const WELL_SPREAD: f64 = 0.06;
/// Perspective that changes the depth by more than this factor between the middle of the agreeing keypoints and
/// one of them is no photograph of a document.
const DEPTH_RATIO: f64 = 3.0;

/// Best homography near one that is known: normalised direct linear transform, its equations divided by the
/// depths of the known one, which makes the algebraic error nearly that of the places in the query. `None` where
/// the pairs spread too little, or for a perspective that no document has.
pub(super) fn fit_homography(
    list: &[Candidate],
    members: &[usize],
    known: &Transform,
    bounds: &Bounds,
) -> Option<Transform> {
    let moments = Moments::new(list, members)?;
    if moments.least_spread2() < WELL_SPREAD * WELL_SPREAD * FRAME * FRAME {
        return None;
    }
    let spread = ((moments.scatter[0] + moments.scatter[2]) / moments.weight).sqrt();
    let spread_there = spread * known.scale();
    let (middle, middle_there) = (moments.record, moments.query);
    let known_depth = known.depth(middle);

    // Unknowns a to h of (a u + b v + c) / (g u + h v + 1) and (d u + e v + f) / (g u + h v + 1).
    let mut plane = [[0.0; 3]; 3];
    let mut mixed = [[[0.0; 3]; 3]; 2];
    let mut tilt = [[0.0; 3]; 3];
    for candidate in members.iter().map(|&place| &list[place]) {
        let depth = known.depth(candidate.record) / known_depth;
        if depth * DEPTH_RATIO < 1.0 {
            return None;
        }
        let weight = candidate.weight / (moments.weight * depth * depth);
        let here = [(candidate.record.0 - middle.0) / spread, (candidate.record.1 - middle.1) / spread, 1.0];
        let there = [
            (candidate.query.0 - middle_there.0) / spread_there,
            (candidate.query.1 - middle_there.1) / spread_there,
        ];
        let both = there[0] * there[0] + there[1] * there[1];
        for row in 0..3 {
            for column in 0..3 {
                let product = weight * here[row] * here[column];
                plane[row][column] += product;
                mixed[0][row][column] += product * there[0];
                mixed[1][row][column] += product * there[1];
                tilt[row][column] += product * both;
            }
        }
    }
    let flat = PRIOR_FLAT / (1_u32..).zip(members).last().map_or(1.0, |(count, _)| f64::from(count));
    let mut system = [[0.0; 9]; 8];
    for row in 0..3 {
        for column in 0..3 {
            system[row][column] = plane[row][column];
            system[3 + row][3 + column] = plane[row][column];
        }
        for (axis, mixed) in mixed.iter().enumerate() {
            for column in 0..2 {
                system[3 * axis + row][6 + column] = -mixed[row][column];
                system[6 + column][3 * axis + row] = -mixed[row][column];
            }
            system[3 * axis + row][8] = mixed[row][2];
        }
    }
    for row in 0..2 {
        for column in 0..2 {
            system[6 + row][6 + column] = tilt[row][column];
        }
        system[6 + row][6 + row] += flat;
        system[6 + row][8] = -tilt[row][2];
    }
    let solution = solve(system)?;

    // Back to frame units: first of the record, then of the query.
    let unscaled = |across: f64, along: f64, constant: f64| {
        let (across, along) = (across / spread, along / spread);
        [across, along, constant - (across * middle.0 + along * middle.1)]
    };
    let first = unscaled(solution[0], solution[1], solution[2]);
    let second = unscaled(solution[3], solution[4], solution[5]);
    let third = unscaled(solution[6], solution[7], 1.0);
    let moved = |row: [f64; 3], shift: f64| {
        std::array::from_fn(|column| spread_there * row[column] + shift * third[column])
    };
    let rows = [moved(first, middle_there.0), moved(second, middle_there.1), third];
    let transform = Transform::new(rows, middle, bounds)?;
    let mild = members.iter().all(|&place| {
        let depth = transform.depth(list[place].record);
        depth * DEPTH_RATIO >= 1.0 && depth <= DEPTH_RATIO
    });
    mild.then_some(transform)
}

/// Gaussian elimination. The equations are the normal ones of a least squares problem, symmetric and positive, so
/// that it needs no exchange of rows; `None` where they determine nothing.
fn solve(mut system: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let leading = system[column];
        // The system is normalised: its entries are around 1.
        if leading[column] < 1e-9 {
            return None;
        }
        for below in &mut system[column + 1..] {
            let factor = below[column] / leading[column];
            for (value, above) in below.iter_mut().zip(&leading).skip(column) {
                *value -= factor * above;
            }
        }
    }
    let mut solution = [0.0; 8];
    for row in (0..8).rev() {
        let mut value = system[row][8];
        for column in row + 1..8 {
            value -= system[row][column] * solution[column];
        }
        solution[row] = value / system[row][row];
    }
    Some(solution)
}
