//! Blobs in scale space: where they are, how large, and which way the gradient around them points.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    features::Threads,
    resize::{LEVEL, Plane, Scratch},
    scale_space::{INTERVALS, LEVELS, sigma},
};
use crate::wide::wide;

/// Longer side of every image in frame units.
pub const FRAME: f32 = 8192.0;

/// Where a local feature lies.
///
/// In frame units: the image's longer side has [`FRAME`] of them, whatever its size in pixels; the origin is the
/// image's top left corner, x points right and y down. `Debug` shows the type name only.
#[derive(Clone, Copy, PartialEq)]
pub struct Keypoint {
    /// Centre, 0 to [`FRAME`].
    pub x: f32,
    /// Centre, 0 to [`FRAME`].
    pub y: f32,
    /// Blur (standard deviation) at which the feature stands out most, in frame units, above 0.
    pub size: f32,
    /// Direction of the prevailing gradient, from dark to light, in turns from +x towards +y, 0 to below 1.
    pub angle: f32,
}

impl std::fmt::Debug for Keypoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keypoint")
    }
}

/// Samples at an image's border where no blob is looked for: there most of the blur is of repeated border pixels.
const BORDER: usize = 5;
/// Most times that the search for the exact place may move to a neighbouring sample.
const MOVES: usize = 3;
/// Offset from which the search moves on. More than half, or it would swing between two samples for ever.
const CLEARLY: f32 = 0.6;
/// Offset from the last sample, in samples or levels, at which an extremum is given up. Those a little beyond the next
/// sample are true ones on ridges, and without them a sixth fewer are found again in a shifted copy.
const FAR: f32 = 1.5;
/// One as a sample: luma 255.
const WHITE: f32 = 255.0 * LEVEL as f32;

/// A blob of one octave.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Blob {
    pub(crate) octave: usize,
    /// The kept image of the octave whose blur is nearest, 1 to 3.
    pub(crate) level: usize,
    /// Centre in the octave's samples; 0 is the centre of the first.
    pub(crate) x: f32,
    /// Centre in the octave's samples; 0 is the centre of the first.
    pub(crate) y: f32,
    /// Blur in the octave's samples.
    pub(crate) sigma: f32,
    /// Difference of Gaussians at the centre, for luma 0 to 1; its magnitude.
    pub(crate) response: f32,
}

/// Finds the extrema of the differences between neighbouring `levels`, those of each scale by themselves.
///
/// `contrast` is the least difference times [`INTERVALS`], for luma 0 to 1; `edge_ratio` the largest ratio of the two
/// curvatures.
pub(crate) fn find_blobs(
    octave: usize,
    levels: [&Plane; LEVELS],
    contrast: f32,
    edge_ratio: f32,
    threads: Threads,
) -> Vec<Scratch<Blob>> {
    let (width, height) = (levels[0].width(), levels[0].height());
    if width.min(height) <= 2 * BORDER {
        return Vec::new();
    }
    let stack = Stack { levels, width, height };
    let scales = (1..INTERVALS + 1).into_par_iter().with_min_len(threads.a_task(1));
    scales.map(|scale| stack.blobs(octave, scale, contrast, edge_ratio)).collect()
}

wide! {
    /// Marks the samples of the middle row that are further from zero than `floor` and than their eight neighbours.
    fn mark_peaks([above, row, below]: [&[i16]; 3], floor: i16, marks: &mut [u8]) {
        let length = row.len() - 2;
        let (above, row, below) = (&above[..length + 2], &row[..length + 2], &below[..length + 2]);
        let marks = &mut marks[1..][..length];
        for x in 0..length {
            let value = row[x + 1];
            // Of equal neighbours the last counts, so that a plateau is found once.
            let earlier = [above[x], above[x + 1], above[x + 2], row[x]];
            let later = [row[x + 2], below[x], below[x + 1], below[x + 2]];
            let (mut high, mut low) = (value > floor, value < -floor);
            for other in earlier {
                high &= value >= other;
                low &= value <= other;
            }
            for other in later {
                high &= value > other;
                low &= value < other;
            }
            marks[x] = u8::from(high | low);
        }
    }

    /// What is left of `blurred` without `sharp`.
    fn subtract(blurred: &[u16], sharp: &[u16], out: &mut [i16]) {
        for ((difference, &a), &b) in out.iter_mut().zip(blurred).zip(sharp) {
            *difference = a.wrapping_sub(b).cast_signed();
        }
    }
}

/// The six blurred images of an octave, seen as the five differences between neighbours.
struct Stack<'a> {
    levels: [&'a Plane; LEVELS],
    width: usize,
    height: usize,
}

impl Stack<'_> {
    /// The blobs of one scale.
    fn blobs(&self, octave: usize, scale: usize, contrast: f32, edge_ratio: f32) -> Scratch<Blob> {
        let (width, height) = (self.width, self.height);
        // Interpolation raises an extremum a little, so the samples themselves need only half of it.
        let floor = 0.5 * contrast / INTERVALS as f32 * WHITE;
        #[expect(clippy::cast_possible_truncation, reason = "`as` between floats and integers saturates")]
        let floor = floor as i16;
        let mut rows = [Scratch::<i16>::new(width), Scratch::new(width), Scratch::new(width)];
        let mut marks = Scratch::<u8>::new(width.next_multiple_of(8));
        let mut blobs = Scratch(Vec::new());
        self.difference_row(scale, BORDER - 1, &mut rows[1].0);
        self.difference_row(scale, BORDER, &mut rows[2].0);
        for y in BORDER..height - BORDER {
            rows.rotate_left(1);
            self.difference_row(scale, y + 1, &mut rows[2].0);
            mark_peaks([&rows[0].0, &rows[1].0, &rows[2].0], floor, &mut marks.0);
            for (start, group) in marks.0.as_chunks::<8>().0.iter().enumerate() {
                // Eight marks at a time: most groups have none.
                if u64::from_le_bytes(*group) == 0 {
                    continue;
                }
                for x in (8 * start..8 * start + 8).filter(|&x| group[x % 8] != 0) {
                    let inside = (BORDER..width - BORDER).contains(&x);
                    if inside && self.is_extremum(scale, x, y) {
                        blobs.0.extend(self.refine(octave, (scale, x, y), contrast, edge_ratio));
                    }
                }
            }
        }
        blobs
    }

    /// Row `y` of difference `scale`, in samples.
    fn difference_row(&self, scale: usize, y: usize, out: &mut [i16]) {
        subtract(self.levels[scale + 1].row(y), self.levels[scale].row(y), out);
    }

    /// Difference `scale` at `x`, `y`, in samples.
    #[inline]
    fn at(&self, scale: usize, x: usize, y: usize) -> i32 {
        let index = y * self.width + x;
        i32::from(self.levels[scale + 1].samples()[index]) - i32::from(self.levels[scale].samples()[index])
    }

    /// Whether a sample that is further from zero than its neighbours in its own image is further than those in the two others as well.
    /// `x` and `y` must not lie on the border.
    fn is_extremum(&self, scale: usize, x: usize, y: usize) -> bool {
        let centre = self.at(scale, x, y);
        let sign = centre.signum();
        let value = centre * sign;
        // Of equal neighbours the last in the order scale, row, column counts, as in `mark_peaks`. Most that are no extremum are less
        // than what is right above or below them.
        let rows = [y, y - 1, y + 1];
        let most = |scale: usize, y: usize| {
            let row = |level: usize| &self.levels[level].row(y)[x - 1..][..3];
            let differences = row(scale + 1).iter().zip(row(scale));
            let differences = differences.map(|(a, b)| (i32::from(*a) - i32::from(*b)) * sign);
            differences.fold(i32::MIN, i32::max)
        };
        rows.iter().all(|y| value >= most(scale - 1, *y) && value > most(scale + 1, *y))
    }

    /// Fits a paraboloid to the extremum; `None` where it runs away, is too weak or lies on an edge.
    fn refine(
        &self,
        octave: usize,
        (mut scale, mut x, mut y): (usize, usize, usize),
        contrast: f32,
        edge_ratio: f32,
    ) -> Option<Blob> {
        let mut fit = Fit::new(self, scale, x, y);
        let mut offset = fit.offset()?;
        for _ in 0..MOVES {
            let [dx, dy, ds] = offset;
            let to = (
                step(scale, ds, 1..INTERVALS + 1),
                step(x, dx, BORDER..self.width - BORDER),
                step(y, dy, BORDER..self.height - BORDER),
            );
            if to == (scale, x, y) {
                break;
            }
            (scale, x, y) = to;
            fit = Fit::new(self, scale, x, y);
            offset = fit.offset()?;
        }
        let [dx, dy, ds] = offset;
        let near = [dx, dy, ds].iter().all(|by| by.abs() < FAR);
        let response = fit.value(offset).abs();
        if !near || response * (INTERVALS as f32) < contrast || fit.is_edge(edge_ratio) {
            return None;
        }
        let position = scale as f32 + ds;
        #[expect(clippy::cast_possible_truncation, reason = "single precision is all that is needed")]
        let sigma = sigma(f64::from(position)) as f32;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "above -0.5, as FAR is 1.5"
        )]
        let level = ((position + 0.5) as usize).clamp(1, INTERVALS);
        Some(Blob { octave, level, x: x as f32 + dx, y: y as f32 + dy, sigma, response })
    }
}

/// `from`, or its neighbour within `range` if `by` lies clearly nearer to that.
fn step(from: usize, by: f32, range: Range<usize>) -> usize {
    if by > CLEARLY && from + 1 < range.end {
        from + 1
    } else if by < -CLEARLY && from > range.start {
        from - 1
    } else {
        from
    }
}

/// Derivatives of the differences by x, y and scale, for luma 0 to 1.
struct Fit {
    value: f32,
    gradient: [f32; 3],
    /// xx, yy, ss, xy, xs, ys
    hessian: [f32; 6],
}

impl Fit {
    fn new(stack: &Stack<'_>, s: usize, x: usize, y: usize) -> Self {
        let at = |ds: usize, dx: usize, dy: usize| stack.at(s + ds - 1, x + dx - 1, y + dy - 1);
        // Whole numbers below 2^19, so these sums are exact.
        let unit = |value: i32| value as f32 / WHITE;
        let centre = at(1, 1, 1);
        Self {
            value: unit(centre),
            gradient: [
                unit(at(1, 2, 1) - at(1, 0, 1)) * 0.5,
                unit(at(1, 1, 2) - at(1, 1, 0)) * 0.5,
                unit(at(2, 1, 1) - at(0, 1, 1)) * 0.5,
            ],
            hessian: [
                unit(at(1, 2, 1) + at(1, 0, 1) - 2 * centre),
                unit(at(1, 1, 2) + at(1, 1, 0) - 2 * centre),
                unit(at(2, 1, 1) + at(0, 1, 1) - 2 * centre),
                unit(at(1, 2, 2) - at(1, 0, 2) - at(1, 2, 0) + at(1, 0, 0)) * 0.25,
                unit(at(2, 2, 1) - at(2, 0, 1) - at(0, 2, 1) + at(0, 0, 1)) * 0.25,
                unit(at(2, 1, 2) - at(2, 1, 0) - at(0, 1, 2) + at(0, 1, 0)) * 0.25,
            ],
        }
    }

    /// Where the paraboloid has its extremum, in samples and levels from the sample; by Cramer's rule.
    fn offset(&self) -> Option<[f32; 3]> {
        let [gx, gy, gs] = self.gradient;
        let [xx, yy, ss, xy, xs, ys] = self.hessian;
        let (ax, ay, az) = (yy * ss - ys * ys, xs * ys - xy * ss, xy * ys - yy * xs);
        let determinant = xx * ax + xy * ay + xs * az;
        if determinant == 0.0 {
            return None;
        }
        let (by, bs, cs) = (xx * ss - xs * xs, xy * xs - xx * ys, xx * yy - xy * xy);
        let solve = |a: f32, b: f32, c: f32| -(a * gx + b * gy + c * gs) / determinant;
        Some([solve(ax, ay, az), solve(ay, by, bs), solve(az, bs, cs)])
    }

    /// The extremum's value.
    fn value(&self, [dx, dy, ds]: [f32; 3]) -> f32 {
        let [gx, gy, gs] = self.gradient;
        self.value + 0.5 * (gx * dx + gy * dy + gs * ds)
    }

    /// Whether one of the two curvatures is more than `ratio` times the other: along an edge the place is arbitrary.
    fn is_edge(&self, ratio: f32) -> bool {
        let [xx, yy, _, xy, ..] = self.hessian;
        let (trace, determinant) = (xx + yy, xx * yy - xy * xy);
        determinant <= 0.0 || trace * trace * ratio >= (ratio + 1.0) * (ratio + 1.0) * determinant
    }
}

/// Bins of the histogram of directions.
const BINS: usize = 36;
/// A further direction counts from this share of the strongest.
const SECOND: f32 = 0.8;
/// Blur of the window in which directions are counted, in sigma of the blob.
const WINDOW: f32 = 1.5;
/// Widest window: three times 1.5 times the largest sigma of an octave, which is below 3.7.
const REACH: usize = 17;
/// Most samples of a window, rounded up to a multiple of eight.
const WINDOW_SAMPLES: usize = (2 * REACH + 1) * (2 * REACH + 1) / 8 * 8 + 8;

/// Finds the prevailing directions around blobs. Holds the samples of one window, wiped on drop.
pub(crate) struct Compass {
    right: Scratch<f32>,
    down: Scratch<f32>,
    weight: Scratch<f32>,
    bins: Scratch<f32>,
}

impl Compass {
    pub(crate) fn new() -> Self {
        let scratch = || Scratch::new(WINDOW_SAMPLES);
        Self { right: scratch(), down: scratch(), weight: scratch(), bins: scratch() }
    }

    /// The strongest direction and, where there is one of nearly its strength, a second, in turns; `level` is the
    /// image whose blur is nearest the blob's.
    pub(crate) fn directions(&mut self, blob: &Blob, level: &Plane) -> [Option<f32>; 2] {
        let count = self.gather(blob, level);
        let (right, down) = (&mut self.right.0[..count], &self.down.0[..count]);
        let (weight, bins) = (&self.weight.0[..count], &mut self.bins.0[..count]);
        count_turns(right, down, weight, bins);
        let mut counts = [0.0_f32; BINS];
        for (bin, &strength) in bins.iter().zip(right.iter()) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 36")]
            let bin = (bin + 0.5) as usize;
            counts[if bin >= BINS { 0 } else { bin }] += strength;
        }
        peaks(&smooth(&counts))
    }

    /// Fills gradients and weights of the window around the blob and says how many there are.
    fn gather(&mut self, blob: &Blob, level: &Plane) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "positions in an image, and radii up to 17")]
        let (x, y, radius) = (
            libm::roundf(blob.x) as isize,
            libm::roundf(blob.y) as isize,
            (libm::roundf(3.0 * WINDOW * blob.sigma) as isize).min(REACH.cast_signed()),
        );
        let spread = WINDOW * blob.sigma;
        // By the distance from the centre, which is in the middle.
        let mut fall = [0.0_f32; 2 * REACH + 1];
        for i in 0..=radius.unsigned_abs() {
            let weight = libm::expf(-((i * i) as f32) / (2.0 * spread * spread));
            (fall[REACH - i], fall[REACH + i]) = (weight, weight);
        }
        let (width, height) = (level.width().cast_signed(), level.height().cast_signed());
        let mut count = 0;
        for dy in -radius..=radius {
            let v = y + dy;
            if v < 1 || v + 1 >= height {
                continue;
            }
            // The corners of the square count next to nothing.
            let reach = half_chord(radius, dy);
            let (start, end) = ((x - reach).max(1), (x + reach + 1).min(width - 1));
            let length = (end - start).max(0).cast_unsigned();
            if length == 0 {
                continue;
            }
            let fall_right = &fall[(REACH.cast_signed() + start - x).unsigned_abs()..][..length];
            let (start, v) = (start.cast_unsigned(), v.cast_unsigned());
            let row = &level.row(v)[start - 1..][..length + 2];
            let (above, below) = (&level.row(v - 1)[start..][..length], &level.row(v + 1)[start..][..length]);
            let right = &mut self.right.0[count..][..length];
            let down = &mut self.down.0[count..][..length];
            let weight = &mut self.weight.0[count..][..length];
            let fall_down = fall[REACH + dy.unsigned_abs()];
            for i in 0..length {
                right[i] = f32::from(row[i + 2]) - f32::from(row[i]);
                down[i] = f32::from(below[i]) - f32::from(above[i]);
                weight[i] = fall_down * fall_right[i];
            }
            count += length;
        }
        count
    }
}

wide! {
    /// Directions of gradients, in `bins`, and their weighted lengths, which replace `right`.
    fn count_turns(right: &mut [f32], down: &[f32], weight: &[f32], bins: &mut [f32]) {
        let length = right.len();
        let (down, weight, bins) = (&down[..length], &weight[..length], &mut bins[..length]);
        for i in 0..length {
            bins[i] = turns(right[i], down[i]) * BINS as f32;
            right[i] = (right[i] * right[i] + down[i] * down[i]).sqrt() * weight[i];
        }
    }
}

/// Half the length of the chord at height `dy` of a circle, rounded down.
fn half_chord(radius: isize, dy: isize) -> isize {
    (radius * radius - dy * dy).max(0).isqrt()
}

/// Blurs the circle of bins by 1 4 6 4 1.
fn smooth(counts: &[f32; BINS]) -> [f32; BINS] {
    let at = |i: usize| counts[i % BINS];
    std::array::from_fn(|i| {
        let i = i + BINS;
        (at(i - 2) + at(i + 2)) * 0.0625 + (at(i - 1) + at(i + 1)) * 0.25 + at(i) * 0.375
    })
}

/// The highest peak of the circle of bins and the next if it is nearly as high, in turns, interpolated.
fn peaks(counts: &[f32; BINS]) -> [Option<f32>; 2] {
    let top = counts.iter().fold(0.0_f32, |top, &count| if count > top { count } else { top });
    let (mut first, mut second) = (None::<(f32, f32)>, None);
    for (i, &count) in counts.iter().enumerate() {
        let (before, after) = (counts[(i + BINS - 1) % BINS], counts[(i + 1) % BINS]);
        if !(count > before && count >= after && count >= SECOND * top) {
            continue;
        }
        let offset = 0.5 * (before - after) / (before - 2.0 * count + after);
        let bin = i as f32 + offset;
        let turns = if bin < 0.0 { bin + BINS as f32 } else { bin } / BINS as f32;
        let peak = Some((count, if turns < 1.0 { turns } else { 0.0 }));
        if first.is_none_or(|(highest, _)| count > highest) {
            second = first;
            first = peak;
        } else if second.is_none_or(|(lower, _)| count > lower) {
            second = peak;
        }
    }
    [first.map(|(_, turns)| turns), second.map(|(_, turns)| turns)]
}

/// Direction of (`x`, `y`) in turns from +x towards +y, 0 to 1, to 0.00002; 0 for the zero vector.
#[inline]
fn turns(x: f32, y: f32) -> f32 {
    let (width, height) = (x.abs(), y.abs());
    let (long, short) = if width > height { (width, height) } else { (height, width) };
    let ratio = short / if long > 0.0 { long } else { 1.0 };
    let square = ratio * ratio;
    // Least greatest error on 0 to 1 of an odd polynomial for atan in turns.
    let eighth = ratio
        * (0.159_029_82 + square * (-0.051_116_584 + square * (0.023_278_712 + square * -0.006_204_895)));
    let quarter = if height > width { 0.25 - eighth } else { eighth };
    let half = if x < 0.0 { 0.5 - quarter } else { quarter };
    if y < 0.0 { 1.0 - half } else { half }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "known numbers"
)]
mod tests {
    use super::*;

    #[test]
    fn turns_agree_with_libm() {
        for i in 0..4000 {
            let angle = f64::from(i) / 4000.0 * std::f64::consts::TAU;
            let (x, y) = ((libm::cos(angle) * 1e4) as f32, (libm::sin(angle) * 1e4) as f32);
            let want = libm::atan2(f64::from(y), f64::from(x)) / std::f64::consts::TAU;
            let error = (f64::from(turns(x, y)) - want).rem_euclid(1.0);
            assert!(error.min(1.0 - error) < 2e-5, "at {angle}");
        }
        assert_eq!(turns(0.0, 0.0), 0.0);
        assert_eq!(turns(0.0, 3.0), 0.25);
        assert_eq!(turns(-2.0, 0.0), 0.5);
        assert_eq!(turns(0.0, -1.0), 0.75);
    }

    #[test]
    fn peaks_are_found_on_the_seam_and_beside_each_other() {
        let mut counts = [0.0; BINS];
        (counts[35], counts[0], counts[1]) = (2.0, 4.0, 1.0);
        assert_eq!(peaks(&counts), [Some((36.0 - 0.1) / 36.0), None]);
        counts[17] = 3.9;
        assert_eq!(peaks(&counts)[1], Some(17.0 / 36.0));
        counts[18] = 8.0;
        assert_eq!(peaks(&counts)[1], None);
        assert_eq!(peaks(&[0.0; BINS]), [None, None]);
        assert_eq!(peaks(&[1.0; BINS]), [None, None]);
    }

    #[test]
    fn a_blob_is_found_where_it_is() {
        // A Gaussian spot of sigma 3 answers most to a blur of about its own size.
        let mut image = Plane::new(80, 70);
        let (cx, cy, spot) = (37.3, 32.8, 3.0);
        for y in 0..70 {
            for (x, sample) in image.row_mut(y).iter_mut().enumerate() {
                let (dx, dy) = (x as f64 - cx, y as f64 - cy);
                *sample = (20_000.0 * libm::exp(-(dx * dx + dy * dy) / (2.0 * spot * spot))) as u16;
            }
        }
        let mut blobs = Vec::new();
        // The dark ring around the spot has a third of its contrast.
        let mut find = |octave, levels: [&Plane; LEVELS]| {
            blobs.extend(
                find_blobs(octave, levels, 0.1, 10.0, Threads::Own).iter().flat_map(|found| found.0.clone()),
            );
        };
        super::super::scale_space::build(&image, Some(&mut find));
        let [blob] = blobs[..] else { panic!("{} blobs", blobs.len()) };
        let unit = f64::from(1 << blob.octave);
        assert!((f64::from(blob.x) * unit - cx).abs() < 0.1 && (f64::from(blob.y) * unit - cy).abs() < 0.1);
        let size = f64::from(blob.sigma) * unit;
        assert!((2.4..3.3).contains(&size), "{size}");
    }
}
