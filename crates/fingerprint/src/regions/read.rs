//! Reading the cells of a document in a picture.

use super::{MEANS, PATCH, Patch, RegionCodes, SIDE};
use crate::local::{
    resize::Plane,
    scale_space::{BASE_SIGMA, INTERVALS, Octave},
};
use crate::straight::{Corners, Square};

/// Blur that stands for the area of a mean, as a share of its side. (A box has the deviation of 0.29 of its side.)
const AREA_BLUR: f64 = 0.35;
/// Least side of a mean, in samples of the finest image.
const SMALLEST_MEAN: f64 = 1.0;
/// How far a cell may lie outside of the image, in its own sides: outlines are a little off.
const OUTSIDE: f64 = 0.05;
/// How much longer than by its area an edge of a cell may be: others are seen nearly from the side.
const SLANT: f64 = 3.0;

/// The cells of the document at `corners` of an image, `None` for those that are not whole in it or too small; and as a whole where
/// the corners make no document. `samples` are the sides of the finest image.
pub(crate) fn patches(
    octaves: &[Octave],
    samples: (f64, f64),
    corners: &Corners,
) -> Option<[Option<Patch>; RegionCodes::COUNT]> {
    let square = Square::onto(&corners.map(|(x, y)| (x * samples.0, y * samples.1)))?;
    Some(std::array::from_fn(|cell| patch(octaves, samples, &square, cell)))
}

fn patch(octaves: &[Octave], samples: (f64, f64), square: &Square, cell: usize) -> Option<Patch> {
    let unit = 1.0 / SIDE as f64;
    let (left, top) = ((cell % SIDE) as f64 * unit, (cell / SIDE) as f64 * unit);
    let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
        .map(|(u, v)| square.at(left + u * unit, top + v * unit));
    let turns = (0..4).map(|at| {
        let (a, b) = (corners[at], corners[(at + 1) % 4]);
        a.0 * b.1 - a.1 * b.0
    });
    let side = (turns.sum::<f64>().abs() / 2.0).sqrt();
    let mean = side / MEANS as f64;
    let beyond = OUTSIDE * side;
    let inside = |(x, y): (f64, f64)| {
        (-beyond..=samples.0 + beyond).contains(&x) && (-beyond..=samples.1 + beyond).contains(&y)
    };
    let longest = (0..4).map(|at| {
        let (a, b) = (corners[at], corners[(at + 1) % 4]);
        libm::hypot(a.0 - b.0, a.1 - b.1)
    });
    let slanted = longest.fold(0.0, f64::max) > SLANT * side;
    if !(mean >= SMALLEST_MEAN && !slanted && corners.into_iter().all(inside)) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below 60: a logarithm, at least 0"
    )]
    let steps = (libm::log2(mean * AREA_BLUR / BASE_SIGMA) * INTERVALS as f64).round().max(0.0) as usize;
    let octave = (steps / INTERVALS).min(octaves.len().checked_sub(1)?);
    let plane = &octaves.get(octave)?.levels[(steps - octave * INTERVALS).min(INTERVALS)];
    let shrink = 1.0 / (1_u64 << octave.min(31)) as f64;
    let mut patch: Patch = [0; PATCH];
    let step = unit / MEANS as f64;
    for (number, to) in patch.iter_mut().enumerate() {
        let (across, down) = ((number % MEANS) as f64, (number / MEANS) as f64);
        let (x, y) = square.at(left + (across + 0.5) * step, top + (down + 0.5) * step);
        // Sample 0 has its centre half a pixel from the image's corner. Sample k of an octave is sample k * 2^octave of the finest.
        *to = sample(plane, ((x - 0.5) * shrink, (y - 0.5) * shrink));
    }
    Some(patch)
}

/// Between the four samples around a place; beyond the image, what is at its border.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the image's sides first, and `as` maps NaN to 0"
)]
fn sample(plane: &Plane, (x, y): (f64, f64)) -> u16 {
    let (last_x, last_y) = (plane.width() - 1, plane.height() - 1);
    let (x, y) = (x.clamp(0.0, last_x as f64), y.clamp(0.0, last_y as f64));
    let (left, top) = (x as usize, y as usize);
    let (right, down) = (x - left as f64, y - top as f64);
    let along =
        |row: &[u16]| f64::from(row[left]) * (1.0 - right) + f64::from(row[(left + 1).min(last_x)]) * right;
    (along(plane.row(top)) * (1.0 - down) + along(plane.row((top + 1).min(last_y))) * down).round() as u16
}
