//! The profile made by formula.

use std::f64::consts::PI;

use super::{Profile, ProfileOrigin};
use crate::features::{CELLS, CONTRAST, DIRECTIONS, FEATURES};
use crate::grid::COARSE;
use crate::local::LocalProfile;

// The three numbers below were chosen among a dozen settings by how well copies stand apart from strangers on one
// template (`examples/separation.rs`): coarser waves see the template only, finer ones are disturbed by resizing.

/// Waves over the contrast patch.
const CONTRAST_WAVES: usize = 128;
/// Waves over the cells of each direction.
const DIRECTION_WAVES: usize = 16;
/// Variance of the histogram features against that of the contrast features, which add up to 1.
const DIRECTION_VARIANCE: f64 = 0.5625;
/// Deviation of the Gaussian that contrast is measured against, in waves: the transfer of a blur by 6 of 24 cells at
/// `f` half-waves across the patch is `exp(-(f * BLUR)^2 / 2)`.
const BLUR: f64 = PI * 6.0 / COARSE as f64;

pub(super) fn profile() -> Profile {
    let mut rows = Vec::with_capacity(CONTRAST_WAVES + DIRECTIONS * DIRECTION_WAVES);
    let contrast = waves(COARSE, |f| (1.0 - libm::exp(-0.5 * (f * BLUR) * (f * BLUR))) / f);
    let total: f64 = contrast.iter().map(|wave| wave.deviation * wave.deviation).sum();
    for wave in contrast.iter().take(CONTRAST_WAVES) {
        let mut row = vec![0.0; FEATURES];
        wave.write(COARSE, libm::sqrt(1.0 / total), &mut row[..CONTRAST]);
        rows.push(row);
    }
    let cells = waves(CELLS, |f| 1.0 / f);
    let total: f64 = cells.iter().map(|wave| wave.deviation * wave.deviation).sum();
    let unit = libm::sqrt(DIRECTION_VARIANCE / DIRECTIONS as f64 / total);
    for direction in 0..DIRECTIONS {
        let start = CONTRAST + direction * CELLS * CELLS;
        for wave in cells.iter().take(DIRECTION_WAVES) {
            let mut row = vec![0.0; FEATURES];
            wave.write(CELLS, unit, &mut row[start..start + CELLS * CELLS]);
            rows.push(row);
        }
    }
    // Every wave but the constant one has mean 0 over features that do not vary with place, so the mean is 0 as well.
    Profile::from_rows(ProfileOrigin::BuiltIn, &[0.0; FEATURES], &rows, LocalProfile::builtin())
}

/// A product of cosines with `u` half-waves across and `v` down, and its predicted deviation in a common unit.
struct Wave {
    u: usize,
    v: usize,
    deviation: f64,
}

/// All waves of a `side` x `side` patch but the constant one, lowest frequency first.
fn waves(side: usize, deviation: impl Fn(f64) -> f64) -> Vec<Wave> {
    let mut all: Vec<Wave> = (1..side * side)
        .map(|i| {
            let (u, v) = (i % side, i / side);
            Wave { u, v, deviation: deviation(libm::sqrt((u * u + v * v) as f64)) }
        })
        .collect();
    all.sort_by_key(|wave| (wave.u * wave.u + wave.v * wave.v, wave.u));
    all
}

impl Wave {
    /// Writes the wave, of length 1, over its deviation; `unit` is the deviation's unit.
    fn write(&self, side: usize, unit: f64, patch: &mut [f64]) {
        let cosine = |waves: usize, at: usize| {
            let norm = if waves == 0 { 1.0 } else { 2.0 } / side as f64;
            libm::sqrt(norm) * libm::cos(PI * waves as f64 * (at as f64 + 0.5) / side as f64)
        };
        for (y, row) in patch.chunks_exact_mut(side).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                *value = cosine(self.u, x) * cosine(self.v, y) / (self.deviation * unit);
            }
        }
    }
}
