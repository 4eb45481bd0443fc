//! From grids to a vector of 1,376 integers: local contrast, then gradient orientations.
//!
//! Only `+ - * /`, `sqrt` and integers are used, in a fixed order, because these give the same bits on every CPU.

use std::sync::OnceLock;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::grid::{COARSE, COARSE_LEVEL, FINE, FINE_LEVEL, Grids};

/// Luma values of the contrast patch.
pub(crate) const CONTRAST: usize = COARSE * COARSE;
/// Gradient directions, 45 degrees apart, the first pointing right.
pub(crate) const DIRECTIONS: usize = 8;
/// Histogram cells a side.
pub(crate) const CELLS: usize = 10;
/// All features.
pub(crate) const FEATURES: usize = CONTRAST + DIRECTIONS * CELLS * CELLS;

/// A feature of 1.0 as an integer. Contrast features lie within +-0.125, histogram features within 0 to 1.
pub(crate) const SCALE: f32 = FEATURE_MAX as f32;
/// Largest magnitude of a feature in steps; -32,768 does not occur.
pub(crate) const FEATURE_MAX: i16 = i16::MAX;

/// Radius of the neighbourhood that contrast is measured against, in cells of the 24 x 24 patch.
const BLUR_SIGMA: f64 = 6.0;
/// Added to the patch's deviation, in luma levels: faint patches are not amplified without bound.
const CONTRAST_FLOOR: f32 = 4.0;
/// Contrast is cut at this many deviations.
const CONTRAST_CUT: f32 = 3.0;

/// The features of one image: 576 contrast values row by row, then 8 directions x 10 x 10 cells. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Features(Vec<i16>);

impl Features {
    pub(crate) fn new(grids: &Grids) -> Self {
        let mut values = Vec::with_capacity(FEATURES);
        contrast(&grids.coarse, &mut values);
        directions(&grids.fine, &mut values);
        debug_assert_eq!(values.len(), FEATURES);
        Self(values)
    }

    /// Exactly [`FEATURES`] values, in units of 1/[`SCALE`].
    pub(crate) fn values(&self) -> &[i16] {
        &self.0
    }
}

/// Nearest integer, halves away from zero; `value` is within +-1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to the range of i16 first, and `as` maps NaN to 0"
)]
fn quantise(value: f32) -> i16 {
    (value * SCALE).round().clamp(-SCALE, SCALE) as i16
}

/// The patch minus its blurred self, over its deviation: what a change of brightness, contrast or gamma leaves alone.
fn contrast(coarse: &[u32], out: &mut Vec<i16>) {
    let mut patch: Vec<f32> = coarse.iter().map(|&sum| sum as f32 / COARSE_LEVEL).collect();
    let mut across = vec![0.0; CONTRAST];
    let mut blurred = vec![0.0; CONTRAST];
    let kernel = blur_matrix();
    // The blur of a reflected patch is a product with one fixed matrix along each axis.
    for (from, to) in patch.chunks_exact(COARSE).zip(across.chunks_exact_mut(COARSE)) {
        for (value, weights) in to.iter_mut().zip(kernel.chunks_exact(COARSE)) {
            *value = from.iter().zip(weights).map(|(a, b)| a * b).sum::<f32>();
        }
    }
    for (to, weights) in blurred.chunks_exact_mut(COARSE).zip(kernel.chunks_exact(COARSE)) {
        for (from, &weight) in across.chunks_exact(COARSE).zip(weights) {
            for (value, &source) in to.iter_mut().zip(from) {
                *value += source * weight;
            }
        }
    }
    for (value, &around) in patch.iter_mut().zip(&blurred) {
        *value -= around;
    }
    let mean = patch.iter().sum::<f32>() / CONTRAST as f32;
    let variance = patch.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / CONTRAST as f32;
    let unit = variance.sqrt() + CONTRAST_FLOOR;
    out.extend(
        patch.iter().map(|value| quantise((value / unit).clamp(-CONTRAST_CUT, CONTRAST_CUT) / COARSE as f32)),
    );
    patch.zeroize();
    across.zeroize();
    blurred.zeroize();
}

/// `24 * 24` weights: row `i` holds what each cell adds to the blurred cell `i`, the patch being reflected at its
/// border cells' centres. Rows add up to 1.
fn blur_matrix() -> &'static [f32] {
    static MATRIX: OnceLock<Vec<f32>> = OnceLock::new();
    MATRIX.get_or_init(|| {
        let period = 2 * (COARSE - 1);
        let reach = 24;
        let weight = |distance: usize| {
            let d = distance as f64 / BLUR_SIGMA;
            libm::exp(-0.5 * d * d)
        };
        let total = weight(0) + 2.0 * (1..=reach).map(weight).sum::<f64>();
        let mut matrix = vec![0.0_f64; CONTRAST];
        for i in 0..COARSE {
            for step in 0..=2 * reach {
                // Position i + step - reach, folded back into the patch; `period` keeps it from going negative.
                let folded = (i + step + 2 * period - reach) % period;
                let source = folded.min(period - folded);
                matrix[i * COARSE + source] += weight(step.abs_diff(reach)) / total;
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "weights below 1, rounded to the nearest f32")]
        matrix.into_iter().map(|value| value as f32).collect()
    })
}

/// Where each row or column of the 64 x 64 field goes in the 10 x 10 cells: cell and weight, twice. A pixel is 10
/// units long and a cell 64, so that all overlaps are integers.
fn cell_weights(position: usize) -> [(usize, f32); 2] {
    let (start, end) = (position * CELLS, (position + 1) * CELLS);
    let first = start / FINE;
    let border = (first + 1) * FINE;
    let second = (first + 1).min(CELLS - 1);
    let inside = end.min(border) - start;
    [(first, inside as f32), (second, (CELLS - inside) as f32)]
}

/// Histograms of gradient directions in 10 x 10 cells, each gradient shared by its two nearest directions and weighted
/// by the root of its length; then the root of each share of the total (Hellinger distance becomes Euclidean).
fn directions(fine: &[u32], out: &mut Vec<i16>) {
    let reflect = |position: usize, forward: bool| match (position, forward) {
        (0, false) => 1,
        (p, false) => p - 1,
        (p, true) if p == FINE - 1 => FINE - 2,
        (p, true) => p + 1,
    };
    let mut histogram = vec![0.0_f32; DIRECTIONS * CELLS * CELLS];
    let mut field: Vec<f32> = fine.iter().map(|&sum| sum as f32 / FINE_LEVEL).collect();
    for y in 0..FINE {
        let (up, down) = (reflect(y, false) * FINE, reflect(y, true) * FINE);
        let row = y * FINE;
        for x in 0..FINE {
            let (left, right) = (reflect(x, false), reflect(x, true));
            let gx = (field[up + right] - field[up + left])
                + 2.0 * (field[row + right] - field[row + left])
                + (field[down + right] - field[down + left]);
            let gy = (field[down + left] - field[up + left])
                + 2.0 * (field[down + x] - field[up + x])
                + (field[down + right] - field[up + right]);
            let (low, share) = direction(gx, gy);
            let magnitude = (gx * gx + gy * gy).sqrt().sqrt();
            for (cell_y, weight_y) in cell_weights(y) {
                for (cell_x, weight_x) in cell_weights(x) {
                    let cell = cell_y * CELLS + cell_x;
                    let amount = magnitude * (weight_x * weight_y);
                    histogram[low * CELLS * CELLS + cell] += amount * (1.0 - share);
                    histogram[(low + 1) % DIRECTIONS * CELLS * CELLS + cell] += amount * share;
                }
            }
        }
    }
    let total = histogram.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    out.extend(histogram.iter().map(|value| quantise((value / total).sqrt())));
    histogram.zeroize();
    field.zeroize();
}

/// The direction at or before `(gx, gy)` and how far it is on the way to the next, 0 to 1.
///
/// Directions lie on the octant borders, so folding into one octant leaves a ratio `t` from 0 to 1, and
/// `atan(t) * 4 / pi` is within 0.005 of `t + 0.3476 t (1 - t)`: no arc tangent is needed.
fn direction(gx: f32, gy: f32) -> (usize, f32) {
    let (ax, ay) = (gx.abs(), gy.abs());
    let (small, large) = if ax < ay { (ax, ay) } else { (ay, ax) };
    if large <= 0.0 {
        return (0, 0.0);
    }
    let t = small / large;
    let share = t + 0.3476 * t * (1.0 - t);
    // Counting octants by angle from +x towards +y; in odd octants the angle grows while the ratio falls.
    match (gx >= 0.0, gy >= 0.0, ax >= ay) {
        (true, true, true) => (0, share),
        (true, true, false) => (1, 1.0 - share),
        (false, true, false) => (2, share),
        (false, true, true) => (3, 1.0 - share),
        (false, false, true) => (4, share),
        (false, false, false) => (5, 1.0 - share),
        (true, false, false) => (6, share),
        (true, false, true) => (7, 1.0 - share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_follows_the_arc_tangent() {
        for step in 0..3600 {
            let angle = f64::from(step) / 10.0;
            // Scaled up so that rounding to whole numbers does not matter.
            let scaled = |value: f64| (value * 1e6).round().to_string().parse::<f32>().unwrap();
            let (sin, cos) = angle.to_radians().sin_cos();
            let (low, share) = direction(scaled(cos), scaled(sin));
            let got = (low as f64 + f64::from(share)) * 45.0;
            let error = (got - angle).rem_euclid(360.0);
            assert!(error.min(360.0 - error) < 0.3, "{angle} became {got}");
        }
        assert_eq!(direction(0.0, 0.0), (0, 0.0));
    }

    #[test]
    fn blur_rows_add_up_to_one() {
        for row in blur_matrix().chunks_exact(COARSE) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(row.iter().all(|&weight| weight > 0.0));
        }
    }

    #[test]
    fn cell_weights_cover_every_cell_equally() {
        let mut totals = [0.0; CELLS];
        for position in 0..FINE {
            for (cell, weight) in cell_weights(position) {
                totals[cell] += weight;
            }
        }
        assert!(totals.iter().all(|&total| (total - FINE as f32).abs() < 1e-6), "{totals:?}");
    }

    #[test]
    fn features_stay_in_their_ranges() {
        let mut state = 1_u32;
        let mut noise = |levels: u32, unit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % levels * unit
        };
        for levels in [1, 2, 40, 256] {
            let grids = Grids {
                coarse: (0..CONTRAST).map(|_| noise(levels, 256 * 64)).collect(),
                fine: (0..FINE * FINE).map(|_| noise(levels, 256 * 9)).collect(),
            };
            let features = Features::new(&grids);
            let (contrast, histogram) = features.values().split_at(CONTRAST);
            assert_eq!(histogram.len(), DIRECTIONS * CELLS * CELLS);
            assert!(contrast.iter().all(|value| value.abs() <= 4096));
            assert!(histogram.iter().all(|&value| value >= 0));
            let energy: f64 = histogram.iter().map(|&v| (f64::from(v) / f64::from(SCALE)).powi(2)).sum();
            assert!(levels == 1 || (energy - 1.0).abs() < 0.01, "{energy}");
        }
    }
}
