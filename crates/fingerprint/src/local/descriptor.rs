//! Descriptors of neighbourhoods: histograms of gradient directions, as root shares.
//!
//! The neighbourhood is sampled once on a grid that is turned and scaled with the keypoint, so that the weights of all
//! samples are the same for every keypoint, and gradients are differences between grid points. A gradient is written
//! as a sum of the two nearest of eight directions, which shares it between them without any angle; turning the signs
//! around turns the bins around, exactly.

use zeroize::Zeroize as _;

use super::{
    keypoint::Blob,
    resize::{Plane, Scratch, wipe},
};
use crate::wide::wide;

/// Values of a descriptor: 4 rows of 4 cells of 8 directions.
pub(crate) const DESCRIPTOR_SIZE: usize = CELLS * CELLS * BINS;

/// Cells a side. Rows follow the direction a quarter turn from the keypoint's, columns its own.
const CELLS: usize = 4;
/// Directions, an eighth of a turn apart, beginning with the keypoint's own.
const BINS: usize = 8;
/// Side of a cell, in sigma of the blob.
const CELL: f32 = 3.0;
/// Grid points a cell side.
const POINTS: usize = 4;
/// Gradients a side: a cell's window reaches half a cell beyond it.
const SIDE: usize = (CELLS + 1) * POINTS;
/// Grid points a side: differences need one more all round.
const GRID: usize = SIDE + 2;
/// Grid points of a row and some more, so that they are so many times what a processor handles at once.
const LANES: usize = GRID.next_multiple_of(8);
/// Middle of the grid.
const MIDDLE: f32 = (GRID - 1) as f32 / 2.0;
/// Distance of grid points, in sigma of the blob.
const STEP: f32 = CELL / POINTS as f32;
/// Blur of the whole window, in cells: half its side.
const SPREAD: f64 = CELLS as f64 / 2.0;
/// No value may have more than this share of the descriptor's length, so that one glint or edge cannot rule it.
const CLIP: f32 = 0.2;
/// A share of 1 would become this; a quarter of all, and more, is 255.
const ROOT_UNIT: f32 = 512.0;

/// Describes neighbourhoods. Holds the samples of one, wiped on drop.
pub(crate) struct Describer {
    /// Share of each grid column (or row) in each cell column (or row), Gaussian window included.
    weights: [[f32; SIDE]; CELLS],
    patch: Scratch<f32>,
    pooled: Scratch<f32>,
}

impl Describer {
    pub(crate) fn new() -> Self {
        let weight = |cell: usize, i: usize| {
            // Positions in cells from the centre.
            let position = (i as f64 + 0.5) / POINTS as f64 - (CELLS + 1) as f64 / 2.0;
            let centre = cell as f64 - (CELLS - 1) as f64 / 2.0;
            let share = 1.0 - (position - centre).abs();
            let window = libm::exp(-position * position / (2.0 * SPREAD * SPREAD));
            #[expect(clippy::cast_possible_truncation, reason = "single precision is all that is needed")]
            if share > 0.0 { (share * window) as f32 } else { 0.0 }
        };
        Self {
            weights: std::array::from_fn(|cell| std::array::from_fn(|i| weight(cell, i))),
            patch: Scratch::new(GRID * GRID),
            pooled: Scratch::new(CELLS * BINS * SIDE),
        }
    }

    /// The descriptor around `blob` with direction `angle` in turns; `level` is the image whose blur is nearest.
    pub(crate) fn describe(&mut self, blob: &Blob, angle: f32, level: &Plane) -> [u8; DESCRIPTOR_SIZE] {
        let (sin, cos) = libm::sincosf(angle * std::f32::consts::TAU);
        let step = STEP * blob.sigma;
        let along = (fixed(cos * step), fixed(sin * step));
        let start =
            (fixed(blob.x - (cos - sin) * step * MIDDLE), fixed(blob.y - (sin + cos) * step * MIDDLE));
        sample_grid(level, start, (along, (-along.1, along.0)), &mut self.patch.0);
        pool_rows(&self.patch.0, &self.weights, &mut self.pooled.0);
        finish(self.pool_columns())
    }

    /// The descriptor around `centre`, whose grid may be turned, stretched, slanted and mirrored: `along` and `across`
    /// are what one sigma is along the keypoint's direction and a quarter turn from it. All in samples of `level`, at
    /// most some ten times its side.
    pub(crate) fn describe_view(
        &mut self,
        centre: (f32, f32),
        along: (f32, f32),
        across: (f32, f32),
        level: &Plane,
    ) -> [u8; DESCRIPTOR_SIZE] {
        let start = |centre: f32, along: f32, across: f32| fixed(centre - (along + across) * STEP * MIDDLE);
        let step = |(x, y): (f32, f32)| (fixed(x * STEP), fixed(y * STEP));
        let start = (start(centre.0, along.0, across.0), start(centre.1, along.1, across.1));
        sample_grid(level, start, (step(along), step(across)), &mut self.patch.0);
        pool_rows(&self.patch.0, &self.weights, &mut self.pooled.0);
        finish(self.pool_columns())
    }

    /// Adds the pooled rows up into cells.
    fn pool_columns(&self) -> [f32; DESCRIPTOR_SIZE] {
        let mut cells = [0.0; DESCRIPTOR_SIZE];
        for (row, pooled) in self.pooled.0.chunks_exact(BINS * SIDE).enumerate() {
            for (bin, line) in pooled.chunks_exact(SIDE).enumerate() {
                for (column, weights) in self.weights.iter().enumerate() {
                    // The cell's window: two cells of grid points. Elsewhere the weight is 0.
                    let window = column * POINTS..(column + 2) * POINTS;
                    let terms = line[window.clone()].iter().zip(&weights[window]);
                    let sum = terms.fold(0.0, |sum, (share, weight)| sum + share * weight);
                    cells[(row * CELLS + column) * BINS + bin] = sum;
                }
            }
        }
        cells
    }
}

wide! {
    /// Reads the grid: bilinear between samples, border samples continued outside. `steps` are those from a point to the next and from
    /// a row to the next; all in 1/65536 sample.
    fn sample_grid(level: &Plane, start: (i32, i32), steps: ((i32, i32), (i32, i32)), patch: &mut [f32]) {
        let (samples, width) = (level.samples(), level.width());
        let (last_x, last_y) = (before_last(width), before_last(level.height()));
        let ((right, down), (row_right, row_down)) = steps;
        // Two samples each, the left one in the lower half.
        let (mut upper, mut lower) = ([0_u32; LANES], [0_u32; LANES]);
        let mut values = [0.0; LANES];
        for (row, line) in (0_i32..).zip(patch.chunks_exact_mut(GRID)) {
            let start_x = start.0.wrapping_add(row.wrapping_mul(row_right));
            let start_y = start.1.wrapping_add(row.wrapping_mul(row_down));
            // In three loops, of which the processor does the first and the last for eight points at once.
            let (mut x, mut y) = ([0_u32; LANES], [0_u32; LANES]);
            for (point, (x, y)) in (0_i32..).zip(x.iter_mut().zip(&mut y)) {
                *x = start_x.wrapping_add(point.wrapping_mul(right)).clamp(0, last_x).cast_unsigned();
                *y = start_y.wrapping_add(point.wrapping_mul(down)).clamp(0, last_y).cast_unsigned();
            }
            for (((x, y), upper), lower) in x.iter().zip(&y).zip(&mut upper).zip(&mut lower).take(GRID) {
                let first = (y >> 16) as usize * width + (x >> 16) as usize;
                let (above, below) = (&samples[first..][..2], &samples[first + width..][..2]);
                *upper = u32::from(above[0]) | u32::from(above[1]) << 16;
                *lower = u32::from(below[0]) | u32::from(below[1]) << 16;
            }
            for i in 0..LANES {
                // 8 bits of the share are enough: the products stay below 2^31.
                let (right, down) = ((x[i] >> 8) & 0xff, (y[i] >> 8) & 0xff);
                let above = (upper[i] & 0xffff) * (256 - right) + (upper[i] >> 16) * right;
                let below = (lower[i] & 0xffff) * (256 - right) + (lower[i] >> 16) * right;
                values[i] = ((above * (256 - down) + below * down) >> 8).cast_signed() as f32;
            }
            line.copy_from_slice(&values[..GRID]);
        }
        upper.zeroize();
        lower.zeroize();
        values.zeroize();
    }

    /// Gradients of the grid, shared between directions and added up into the four rows of cells.
    fn pool_rows(patch: &[f32], weights: &[[f32; SIDE]; CELLS], pooled: &mut [f32]) {
        pooled.fill(0.0);
        for j in 0..SIDE {
            let above = &patch[j * GRID + 1..][..SIDE];
            let row = &patch[(j + 1) * GRID..][..GRID];
            let below = &patch[(j + 2) * GRID + 1..][..SIDE];
            let mut shares = [[0.0_f32; SIDE]; BINS];
            for i in 0..SIDE {
                let (right, down) = (row[i + 2] - row[i], below[i] - above[i]);
                let (left, up) = (-right, -down);
                let diagonal = least(right.abs(), down.abs());
                shares[0][i] = positive(right - diagonal);
                shares[1][i] = positive(least(right, down)) * std::f32::consts::SQRT_2;
                shares[2][i] = positive(down - diagonal);
                shares[3][i] = positive(least(left, down)) * std::f32::consts::SQRT_2;
                shares[4][i] = positive(left - diagonal);
                shares[5][i] = positive(least(left, up)) * std::f32::consts::SQRT_2;
                shares[6][i] = positive(up - diagonal);
                shares[7][i] = positive(least(right, up)) * std::f32::consts::SQRT_2;
            }
            for (pooled, weights) in pooled.chunks_exact_mut(BINS * SIDE).zip(weights) {
                let weight = weights[j];
                if weight > 0.0 {
                    for (sum, share) in pooled.iter_mut().zip(shares.as_flattened()) {
                        *sum += weight * share;
                    }
                }
            }
        }
    }
}

/// The last place along a side that has a sample behind it, in 1/65536 sample.
fn before_last(side: usize) -> i32 {
    (i32::try_from(side).unwrap_or(i32::MAX >> 16) - 1) * 65_536 - 1
}

/// Positions are whole numbers of 1/65536 sample: sums of them are exact.
#[expect(clippy::cast_possible_truncation, reason = "an image's side is below 2^15 samples")]
fn fixed(value: f32) -> i32 {
    libm::roundf(value * 65_536.0) as i32
}

/// Clips, turns sums into shares, takes roots.
fn finish(mut cells: [f32; DESCRIPTOR_SIZE]) -> [u8; DESCRIPTOR_SIZE] {
    let limit = CLIP * sum(&cells.map(|value| value * value)).sqrt();
    for value in &mut cells {
        *value = least(*value, limit);
    }
    let total = sum(&cells);
    let gain = if total > 0.0 { ROOT_UNIT * ROOT_UNIT / total } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
    let out = cells.map(|value| least((value * gain).sqrt() + 0.5, 255.0) as u8);
    wipe(&mut cells);
    out
}

/// Sum in four lanes, so that the order is fixed and still fast.
fn sum(values: &[f32; DESCRIPTOR_SIZE]) -> f32 {
    let mut lanes = [0.0_f32; 4];
    for group in values.as_chunks::<4>().0 {
        for (lane, value) in lanes.iter_mut().zip(group) {
            *lane += value;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// The lesser; unlike `f32::min` one instruction, as none of them is NaN.
#[inline]
fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline]
fn positive(value: f32) -> f32 {
    if value > 0.0 { value } else { 0.0 }
}

/// Which value of a descriptor is value `i` in the descriptor that the left-right mirrored image has at the mirrored keypoint.
///
/// Seen along the keypoint's direction, left and right change places: rows of cells are reversed, directions negated. So the values
/// of the first half are mirror images of those of the second.
pub(crate) const fn mirror_of(i: usize) -> usize {
    let (row, column, bin) = (i / BINS / CELLS, i / BINS % CELLS, i % BINS);
    ((CELLS - 1 - row) * CELLS + column) * BINS + (BINS - bin) % BINS
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "known numbers")]
mod tests {
    use super::*;

    fn plane(at: impl Fn(f64, f64) -> f64) -> Plane {
        let mut plane = Plane::new(101, 101);
        for y in 0..101 {
            for (x, sample) in plane.row_mut(y).iter_mut().enumerate() {
                *sample = at(x as f64 - 50.0, y as f64 - 50.0) as u16;
            }
        }
        plane
    }

    const MIDDLE: Blob = Blob { octave: 0, level: 2, x: 50.0, y: 50.0, sigma: 2.5, response: 1.0 };

    #[test]
    fn a_ramp_fills_the_bin_of_its_direction() {
        let mut describer = Describer::new();
        for turns in 0..8_u8 {
            let (sin, cos) = libm::sincos(f64::from(turns) * std::f64::consts::TAU / 8.0);
            let ramp = plane(|x, y| 16_000.0 + 100.0 * (x * cos + y * sin));
            let descriptor = describer.describe(&MIDDLE, 0.0, &ramp);
            for cell in descriptor.chunks_exact(BINS) {
                let others = cell.iter().enumerate().filter(|(bin, _)| *bin != usize::from(turns));
                assert!(
                    cell[usize::from(turns)] > 80 && others.clone().all(|(_, &value)| value < 15),
                    "{cell:?}"
                );
            }
            let along = describer.describe(&MIDDLE, f32::from(turns) / 8.0, &ramp);
            assert!(along.chunks_exact(BINS).all(|cell| cell[0] > 80), "turn {turns}");
        }
    }

    #[test]
    fn mirroring_is_exact_on_a_symmetric_grid() {
        let texture =
            |x: f64, y: f64| 16_000.0 + 5_000.0 * libm::sin(0.2 * x + 0.002 * y * y) + 90.0 * y + x * y;
        let mut describer = Describer::new();
        // Along x: the mirror image about the line through the centre.
        let descriptor = describer.describe(&MIDDLE, 0.0, &plane(texture));
        let flipped = describer.describe(&MIDDLE, 0.0, &plane(|x, y| texture(x, -y)));
        let worst = (0..128).map(|i| descriptor[mirror_of(i)].abs_diff(flipped[i])).max();
        assert!(worst <= Some(2), "{worst:?}");
        assert_ne!(descriptor, flipped);
        assert!((0..128).all(|i| mirror_of(mirror_of(i)) == i && (i < 64) == (mirror_of(i) >= 64)));
    }

    #[test]
    fn contrast_and_brightness_do_not_matter() {
        let texture = |x: f64, y: f64| 4_000.0 * libm::sin(0.2 * x + 0.002 * y * y) + 40.0 * y + x * y;
        let mut describer = Describer::new();
        let one = describer.describe(&MIDDLE, 0.2, &plane(|x, y| 16_000.0 + texture(x, y)));
        let other = describer.describe(&MIDDLE, 0.2, &plane(|x, y| 9_000.0 + 0.5 * texture(x, y)));
        assert!((0..128).all(|i| one[i].abs_diff(other[i]) <= 2));
    }

    #[test]
    fn a_plain_neighbourhood_is_all_zero() {
        assert_eq!(Describer::new().describe(&MIDDLE, 0.3, &plane(|_, _| 777.0)), [0; 128]);
    }
}
