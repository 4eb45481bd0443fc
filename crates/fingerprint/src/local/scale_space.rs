//! Octaves of ever more blurred images, in fixed point.
//!
//! A blur is two passes of a symmetric kernel; a tap costs one 16-bit addition and one multiplication that keeps the
//! upper half, both of which processors do for eight or 16 samples at once. What the multiplications cut off is on average
//! half a unit a tap; it is added back, so that a blur does not darken. The error that remains is about 1/50 luma level.

use super::{
    keypoint::FRAME,
    resize::{Plane, Scratch, resample},
};
use crate::{luma::Luma, wide::wide};

/// Scales an octave at which blobs are looked for.
pub(crate) const INTERVALS: usize = 3;
/// Blurred images an octave: one below and two above, because differences of neighbours are compared with their own.
pub(crate) const LEVELS: usize = INTERVALS + 3;
/// Blur of an octave's first image, in its pixels. The taps of the kernels follow from it and from [`INTERVALS`].
pub(crate) const BASE_SIGMA: f64 = 1.6;
/// Octaves end when a side is shorter than this, in pixels.
const SHORTEST_SIDE: usize = 12;

/// Blur of level 0, 1, 2, ... of an octave, in the octave's pixels: `BASE_SIGMA * 2^(level / 3)`.
pub(crate) fn sigma(level: f64) -> f64 {
    BASE_SIGMA * libm::exp2(level / INTERVALS as f64)
}

/// The sharper images of an octave, levels 0 to 3. The other two are needed only while blobs are looked for.
pub(crate) struct Octave {
    pub(crate) levels: [Plane; INTERVALS + 1],
}

/// An image in its octaves.
pub(crate) struct ScaleSpace {
    pub(crate) octaves: Vec<Octave>,
    /// Width and height of the finest image, in samples.
    pub(crate) samples: (f32, f32),
    /// Width and height in frame units: the longer side is [`FRAME`].
    pub(crate) size: (f32, f32),
}

impl ScaleSpace {
    /// Resamples an image so that its longer side has `long_side` samples, as [`resample`] does, and [`build`]s its octaves.
    pub(crate) fn new(image: &Luma, long_side: u32, visit: Option<&mut Visit<'_>>) -> Self {
        let plane = resample(image, long_side);
        let samples = (plane.width() as f32, plane.height() as f32);
        Self { octaves: build(&plane, visit), samples, size: frame_size(image) }
    }
}

/// Width and height of an image in frame units.
pub(crate) fn frame_size(image: &Luma) -> (f32, f32) {
    let (width, height) = (image.width(), image.height());
    let unit = FRAME / width.max(height) as f32;
    (width as f32 * unit, height as f32 * unit)
}

/// Sees the six levels of an octave, by its number.
pub(crate) type Visit<'a> = dyn FnMut(usize, [&Plane; LEVELS]) + 'a;

/// Calls `visit`, if there is one, with the number of each octave and its six levels, finest first, and returns the
/// octaves.
pub(crate) fn build(image: &Plane, mut visit: Option<&mut Visit<'_>>) -> Vec<Octave> {
    let (mut width, mut height) = (image.width(), image.height());
    let mut octaves: Vec<Octave> = Vec::new();
    let mut scratch = Ring::default();
    let mut coarser = [Plane::new(width, height), Plane::new(width, height)];
    while width.min(height) >= SHORTEST_SIDE {
        let mut levels: [Plane; INTERVALS + 1] = std::array::from_fn(|_| Plane::new(width, height));
        let [zero, one, two, three] = &mut levels;
        match octaves.last() {
            // Level 3 has twice the blur of level 0: every second sample of it is the next octave's first image.
            Some(Octave { levels: [.., source] }) => halve(source, zero),
            None => blur::<5, First>(image, zero, &mut scratch),
        }
        blur::<4, One>(zero, one, &mut scratch);
        blur::<5, Two>(one, two, &mut scratch);
        blur::<6, Three>(two, three, &mut scratch);
        if let Some(visit) = &mut visit {
            let [four, five] = &mut coarser;
            // Those of the finest octave have their size.
            if !octaves.is_empty() {
                four.reshape(width, height);
                five.reshape(width, height);
            }
            blur::<7, Four>(three, four, &mut scratch);
            blur::<9, Five>(four, five, &mut scratch);
            visit(octaves.len(), [zero, one, two, three, four, five]);
        }
        octaves.push(Octave { levels });
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
    }
    octaves
}

/// A Gaussian of `2 * R + 1` taps, in 1/65536, which add up to 1 and reach three sigma.
///
/// The taps are constants, though they follow from [`sigma`] (a test computes them), because LLVM multiplies 16 samples at once by a
/// constant only: by a value that it does not know it makes four instructions of each multiplication in wide vectors.
trait Kernel<const R: usize> {
    /// The taps at distance 1, 2, ...
    const SIDES: [u16; R];
    /// The tap at distance 0: what the others leave.
    const CENTRE: u16 = {
        let (mut both, mut i) = (0_u16, 0);
        while i < R {
            both = both.wrapping_add(Self::SIDES[i].wrapping_mul(2));
            i += 1;
        }
        both.wrapping_neg()
    };
    /// What the multiplications of a blur in one direction cut off on average: half a unit for each of the R + 1.
    #[expect(clippy::cast_possible_truncation, reason = "radii are below 10")]
    const LOST: u16 = (R as u16).div_ceil(2);
}

/// From the resampled image, which is taken to have a blur of 0.5 of its pixels, to level 0.
struct First;
/// From level 0 to level 1, and so on.
struct One;
struct Two;
struct Three;
struct Four;
struct Five;

impl Kernel<5> for First {
    const SIDES: [u16; 5] = [13_857, 7_239, 2_453, 539, 77];
}

impl Kernel<4> for One {
    const SIDES: [u16; 4] = [15_292, 5_640, 1_070, 104];
}

impl Kernel<5> for Two {
    const SIDES: [u16; 5] = [13_728, 7_323, 2_570, 593, 90];
}

impl Kernel<6> for Three {
    const SIDES: [u16; 6] = [11_780, 7_929, 4_099, 1_628, 496, 116];
}

impl Kernel<7> for Four {
    const SIDES: [u16; 7] = [9_830, 7_661, 5_056, 2_825, 1_337, 536, 182];
}

impl Kernel<9> for Five {
    const SIDES: [u16; 9] = [8_046, 6_876, 5_292, 3_668, 2_290, 1_287, 652, 297, 122];
}

/// Blurs `from` into `to`, which has the same size; outside the image its border pixels continue.
fn blur<const R: usize, K: Kernel<R>>(from: &Plane, to: &mut Plane, ring: &mut Ring) {
    let (width, height) = (from.width(), from.height());
    ring.prepare(width, 2 * R + 1);
    for y in 0..height + R {
        if y < height {
            let (padded, out) = ring.pad_and_row(from.row(y), R, y % (2 * R + 1));
            let before = std::array::from_fn(|i| &padded[R - 1 - i..][..width]);
            let after = std::array::from_fn(|i| &padded[R + 1 + i..][..width]);
            convolve::<R, K>(before, &padded[R..][..width], after, out);
        }
        if let Some(y) = y.checked_sub(R) {
            let row = |y: usize| ring.row(y.min(height - 1) % (2 * R + 1));
            let before = std::array::from_fn(|i| row(y.saturating_sub(i + 1)));
            let after = std::array::from_fn(|i| row(y + i + 1));
            convolve::<R, K>(before, row(y), after, to.row_mut(y));
        }
    }
}

wide! {
    /// `out[x]` = the weighted sum of all rows at `x`.
    fn convolve<const R: usize, K: Kernel<R>>(
        mut before: [&[u16]; R],
        centre: &[u16],
        mut after: [&[u16]; R],
        out: &mut [u16],
    ) {
        // Equal lengths, known to the compiler: no bounds checks in the loop, which it turns into vector code.
        let length = out.len();
        for i in 0..R {
            (before[i], after[i]) = (&before[i][..length], &after[i][..length]);
        }
        let centre = &centre[..length];
        for x in 0..length {
            let mut sum = K::LOST.wrapping_add(upper_half(centre[x], K::CENTRE));
            for i in 0..R {
                // Samples are below 32,768 and the taps add up to 1: nothing wraps.
                let pair = before[i][x].wrapping_add(after[i][x]);
                sum = sum.wrapping_add(upper_half(pair, K::SIDES[i]));
            }
            out[x] = sum;
        }
    }
}

fn upper_half(a: u16, b: u16) -> u16 {
    ((u32::from(a) * u32::from(b)) >> 16) as u16
}

/// The horizontally blurred rows that the vertical pass still needs, so that they stay in the cache.
struct Ring {
    width: usize,
    rows: Scratch<u16>,
    padded: Scratch<u16>,
}

impl Default for Ring {
    fn default() -> Self {
        Self { width: 0, rows: Scratch::new(0), padded: Scratch::new(0) }
    }
}

impl Ring {
    fn prepare(&mut self, width: usize, rows: usize) {
        self.width = width;
        // Old samples need no wiping here: they are overwritten before use, and wiped when the ring goes.
        if self.rows.0.len() < width * rows {
            self.rows = Scratch::new(width * rows);
        }
        if self.padded.0.len() < width + rows {
            self.padded = Scratch::new(width + rows);
        }
    }

    fn row(&self, slot: usize) -> &[u16] {
        &self.rows.0[slot * self.width..][..self.width]
    }

    /// `row` with its ends repeated `radius` times on both sides, and the slot to write the blurred row to.
    fn pad_and_row(&mut self, row: &[u16], radius: usize, slot: usize) -> (&[u16], &mut [u16]) {
        let width = self.width;
        self.padded.0[..radius].fill(row[0]);
        self.padded.0[radius..][..width].copy_from_slice(row);
        self.padded.0[radius + width..][..radius].fill(row[width - 1]);
        (&self.padded.0, &mut self.rows.0[slot * width..][..width])
    }
}

/// Every second sample of every second row, beginning with the first.
fn halve(from: &Plane, to: &mut Plane) {
    for y in 0..to.height() {
        let source = from.row(2 * y);
        for (sample, pair) in to.row_mut(y).iter_mut().zip(source.chunks(2)) {
            *sample = pair[0];
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "known numbers")]
mod tests {
    use super::*;
    use crate::local::resize::LEVEL;

    /// Blur that the resampled image is taken to have.
    const INPUT_SIGMA: f64 = 0.5;

    #[test]
    fn kernels_are_gaussians_that_end_at_three_sigma() {
        fn check<const R: usize, K: Kernel<R>>(from: f64, to: f64) {
            let sigma = libm::sqrt(to * to - from * from);
            let tap = |distance: usize| libm::exp(-((distance * distance) as f64) / (2.0 * sigma * sigma));
            let sum = 1.0 + 2.0 * (1..=R).map(tap).sum::<f64>();
            let sides: [u16; R] = std::array::from_fn(|i| libm::round(tap(i + 1) / sum * 65_536.0) as u16);
            assert_eq!(K::SIDES, sides, "radius {R} for {sigma}");
            let all = sides.iter().fold(u32::from(K::CENTRE), |sum, &tap| sum + 2 * u32::from(tap));
            assert_eq!(all, 65_536);
            assert!((R as f64 / sigma - 3.0).abs() < 0.35, "radius {R} for {sigma}");
            assert!(K::CENTRE > K::SIDES[0]);
        }
        check::<5, First>(INPUT_SIGMA, BASE_SIGMA);
        check::<4, One>(sigma(0.0), sigma(1.0));
        check::<5, Two>(sigma(1.0), sigma(2.0));
        check::<6, Three>(sigma(2.0), sigma(3.0));
        check::<7, Four>(sigma(3.0), sigma(4.0));
        check::<9, Five>(sigma(4.0), sigma(5.0));
    }

    #[test]
    fn blurs_are_the_sums_of_their_taps() {
        fn check<const R: usize, K: Kernel<R>>(image: &Plane, ring: &mut Ring) {
            let (width, height) = (image.width(), image.height());
            let taps: Vec<u32> = (0..=2 * R)
                .map(|i| match i.abs_diff(R) {
                    0 => u32::from(K::CENTRE),
                    distance => u32::from(K::SIDES[distance - 1]),
                })
                .collect();
            // Both samples of a pair are multiplied at once, and what a product has below 1 is cut off.
            let along = |at: &dyn Fn(usize) -> u32| {
                let pairs = (0..R).map(|i| ((at(i) + at(2 * R - i)) * taps[i]) >> 16);
                pairs.sum::<u32>() + ((at(R) * taps[R]) >> 16) + (R as u32).div_ceil(2)
            };
            let place = |x: usize, i: usize, side: usize| (x + i).saturating_sub(R).min(side - 1);
            let mut across = vec![0; width * height];
            for y in 0..height {
                for x in 0..width {
                    across[y * width + x] = along(&|i| u32::from(image.row(y)[place(x, i, width)]));
                }
            }
            let mut blurred = Plane::new(width, height);
            blur::<R, K>(image, &mut blurred, ring);
            for y in 0..height {
                for x in 0..width {
                    let want = along(&|i| across[place(y, i, height) * width + x]);
                    assert_eq!(u32::from(blurred.row(y)[x]), want, "radius {R} at {x}, {y} of {width}");
                }
            }
        }
        let mut ring = Ring::default();
        for width in [12, 15, 16, 17, 31, 32, 33, 50] {
            let mut image = Plane::new(width, 14);
            for y in 0..14 {
                for (x, sample) in image.row_mut(y).iter_mut().enumerate() {
                    *sample = ((x * 7919 + y * 30_011) % 32_641) as u16;
                }
            }
            check::<5, First>(&image, &mut ring);
            check::<4, One>(&image, &mut ring);
            check::<5, Two>(&image, &mut ring);
            check::<6, Three>(&image, &mut ring);
            check::<7, Four>(&image, &mut ring);
            check::<9, Five>(&image, &mut ring);
        }
    }

    #[test]
    fn plain_images_stay_plain() {
        let mut image = Plane::new(70, 40);
        for luma in [0, 1, 90, 255] {
            (0..40).for_each(|y| image.row_mut(y).fill(luma * LEVEL));
            let mut octaves = 0;
            let mut check = |_, levels: [&Plane; LEVELS]| {
                octaves += 1;
                for level in levels {
                    // A fortieth of a luma level a blur at worst, all in one direction.
                    assert!(level.samples().iter().all(|&sample| sample.abs_diff(luma * LEVEL) <= 70));
                }
            };
            let kept = build(&image, Some(&mut check));
            assert_eq!(kept.len(), octaves);
        }
    }

    #[test]
    fn a_point_becomes_a_gaussian() {
        let mut image = Plane::new(61, 61);
        image.row_mut(30)[30] = 32_640;
        let octaves = build(&image, None);
        for (i, level) in octaves[0].levels.iter().enumerate() {
            let variance = sigma(i as f64) * sigma(i as f64) - INPUT_SIGMA * INPUT_SIGMA;
            for (x, y) in [(30, 30), (31, 30), (30, 33), (28, 27), (35, 31)] {
                let square = f64::from((x - 30) * (x - 30) + (y - 30) * (y - 30));
                let want =
                    32_640.0 * libm::exp(-square / (2.0 * variance)) / (std::f64::consts::TAU * variance);
                let is = f64::from(level.row(y as usize)[x as usize]);
                assert!((is - want).abs() < 25.0, "level {i} at {x}, {y}: {is}, not {want}");
            }
        }
    }

    #[test]
    fn octaves_end_at_twelve_pixels() {
        let sizes = |width, height| {
            let octaves = build(&Plane::new(width, height), None);
            octaves.iter().map(|octave| octave.levels[3].width()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(97, 80), [97, 49, 25]);
        assert_eq!(sizes(12, 12), [12]);
        assert_eq!(sizes(11, 500), [0_usize; 0]);
    }
}
