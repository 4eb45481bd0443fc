//! Images of 16-bit samples, and the resampling that makes the first one.
//!
//! Samples are fixed point because whole numbers are the same on every machine, half as large as floats and, in the
//! instructions that every 64-bit processor has, handled eight at a time.

use std::cell::RefCell;

use crate::luma::Luma;
use crate::wide::wide;

/// Samples a luma level: 255 becomes 32,640, so that the sum of two samples still fits into 16 bits.
pub(crate) const LEVEL: u16 = 128;

/// Parts that a source pixel is cut into where it is shared between two target pixels.
const PARTS: u64 = 128;
/// Adding this to a float below 2^16 leaves its value, rounded to a whole number, in the low bits of the sum.
const ROUNDING: f32 = 8_388_608.0;
/// Most rows whose sum of 8-bit pixels fits into 16 bits.
pub(crate) const ROWS_A_SUM: usize = 257;
/// Longest side of a resampled image: positions in it must fit into 15 bits.
pub(crate) const LONGEST_SIDE: u32 = 8192;

/// An image of 16-bit samples, 0 to about 32,640, row-major. Wiped on drop.
pub(crate) struct Plane {
    width: usize,
    height: usize,
    /// At least `width * height`; those behind are zeros.
    samples: Vec<u16>,
}

/// Samples that a thread keeps room for between images, 32 MiB: an image in its finest scale space takes half of that.
const MOST_KEPT: usize = 1 << 24;
/// How much larger than asked for a kept buffer may be.
const SPARE: usize = 2;

thread_local! {
    /// Buffers of images that are gone, all zeros. A scale space takes a dozen of them, and memory that is new to a process costs
    /// as much as a blur: without this a sixth of the time of a look at an image went into page faults.
    static KEPT: RefCell<Vec<Vec<u16>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of at least `length` zeros.
fn take_buffer(length: usize) -> Vec<u16> {
    let kept = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        let fits = |buffer: &&Vec<u16>| (length..=length.saturating_mul(SPARE)).contains(&buffer.len());
        let smallest = kept.iter().filter(fits).map(Vec::len).min()?;
        let at = kept.iter().position(|buffer| buffer.len() == smallest)?;
        Some(kept.swap_remove(at))
    });
    kept.ok().flatten().unwrap_or_else(|| vec![0; length])
}

/// Keeps a buffer that was wiped; the ones that were kept for longest go where there are too many.
fn keep_buffer(buffer: Vec<u16>) {
    // Where the thread ends there is nothing to keep it for.
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        kept.push(buffer);
        let mut all: usize = kept.iter().map(Vec::len).sum();
        let too_many = kept.iter().take_while(|oldest| {
            let over = all > MOST_KEPT;
            all -= oldest.len();
            over
        });
        let too_many = too_many.count();
        kept.drain(..too_many);
    });
}

impl Plane {
    /// A black image; both sides are at least 1.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, samples: take_buffer(width * height) }
    }

    /// Width in samples, at least 1.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Height in samples, at least 1.
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// All samples, `width * height`.
    pub(crate) fn samples(&self) -> &[u16] {
        &self.samples[..self.width * self.height]
    }

    /// Row `y`; `y` must be below the height.
    pub(crate) fn row(&self, y: usize) -> &[u16] {
        &self.samples[y * self.width..][..self.width]
    }

    /// Row `y` to write to; `y` must be below the height.
    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [u16] {
        &mut self.samples[y * self.width..][..self.width]
    }

    /// Makes the image black and another size, keeping its buffer where that is large enough.
    pub(crate) fn reshape(&mut self, width: usize, height: usize) {
        self.wipe();
        if self.samples.len() < width * height {
            self.samples = take_buffer(width * height);
        }
        (self.width, self.height) = (width, height);
    }

    fn wipe(&mut self) {
        wipe(&mut self.samples[..self.width * self.height]);
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.wipe();
        keep_buffer(std::mem::take(&mut self.samples));
    }
}

/// Overwrites scratch values on drop, so that rows of an image do not stay behind.
pub(crate) struct Scratch<T: Copy + Default>(pub(crate) Vec<T>);

impl<T: Copy + Default> Scratch<T> {
    /// `length` zeros.
    pub(crate) fn new(length: usize) -> Self {
        Self(vec![T::default(); length])
    }
}

impl<T: Copy + Default> Drop for Scratch<T> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites values with memory-speed stores; `zeroize` writes them one by one.
pub(crate) fn wipe<T: Copy + Default>(values: &mut [T]) {
    values.fill(T::default());
    zeroize::optimization_barrier(values);
}

/// The image with a longer side of `long_side` pixels: area means when it shrinks, bilinear when it grows, and it
/// grows to twice its size at most. `long_side` counts as 1 to 8192.
pub(crate) fn resample(image: &Luma, long_side: u32) -> Plane {
    let (width, height) = (image.width(), image.height());
    let long = width.max(height);
    let target = long_side.clamp(1, LONGEST_SIDE).min(long.saturating_mul(2));
    let scaled = |side: u32| {
        let (side, target, long) = (u64::from(side), u64::from(target), u64::from(long));
        to_usize((side * target * 2 + long) / (2 * long)).max(1)
    };
    let mut out = Plane::new(scaled(width), scaled(height));
    if target <= long {
        shrink(image, &mut out);
    } else {
        enlarge(image, &mut out);
    }
    out
}

/// The source pixels of one target pixel along an axis: the first with weight `head`, then whole ones, then one with
/// weight `tail`; weights are parts of [`PARTS`].
#[derive(Clone, Copy)]
struct Span {
    first: usize,
    whole: usize,
    head: u16,
    tail: u16,
}

impl Span {
    /// Span of target pixel `i` where `size` source pixels make `target` of them, `target <= size`.
    fn new(i: usize, target: usize, size: usize) -> Self {
        // At least PARTS apart because `target <= size`, so a span always ends at or beyond the end of its first pixel.
        let edge = |i: usize| (i as u64 * size as u64 * PARTS + target as u64 / 2) / target as u64;
        let (start, end) = (edge(i), edge(i + 1));
        let (first, last) = (start / PARTS, end / PARTS);
        let parts = |value: u64| u16::try_from(value).unwrap_or(0);
        Self {
            first: to_usize(first),
            whole: to_usize(last.saturating_sub(first + 1)),
            head: parts((first + 1) * PARTS - start),
            tail: parts(end - last * PARTS),
        }
    }

    /// Sum of the weights, in parts.
    fn weight(self) -> f32 {
        f32::from(self.head) + f32::from(self.tail) + self.whole as f32 * PARTS as f32
    }
}

/// Rows of the result that are made at once: as many as there are floats in a wide vector.
const TOGETHER: usize = 8;

/// Area means with shares in 1/128 pixel; the mean of equal pixels is their value.
///
/// Spans along a row begin anywhere, so one row gives vector instructions nothing to hold on to. Of eight rows, whose means stand
/// side by side, each step is one such instruction.
fn shrink(image: &Luma, out: &mut Plane) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let spans: Vec<Weighted> =
        (0..out.width()).map(|x| Weighted::new(Span::new(x, out.width(), width))).collect();
    let black = Scratch::<u8>::new(width);
    let mut whole = Scratch::<u16>::new(width);
    // One more than there are pixels, and never written: a span that ends with the image has a tail of weight 0 there.
    let padded = width + 1;
    let mut rows = Scratch::<f32>::new(padded * TOGETHER);
    let mut columns = Scratch::<[f32; TOGETHER]>::new(padded);
    let mut means = Scratch::<[u16; TOGETHER]>::new(out.width());
    for top in (0..out.height()).step_by(TOGETHER) {
        let together = TOGETHER.min(out.height() - top);
        for (y, row) in (top..).zip(rows.0.chunks_exact_mut(padded).take(together)) {
            let span = Span::new(y, out.height(), height);
            means_down(image, span, &black.0, &mut whole.0, row);
        }
        stand_up(&rows.0, &mut columns.0);
        means_along(&columns.0, &spans, &mut means.0);
        for (lane, y) in (top..).take(together).enumerate() {
            for (sample, lanes) in out.row_mut(y).iter_mut().zip(&means.0) {
                *sample = lanes[lane];
            }
        }
    }
}

/// The mean of the rows of a span, pixel by pixel, of which `means` has room for a row or more; `black` is a row of zeros, and `whole`
/// room for a sum.
fn means_down(image: &Luma, span: Span, black: &[u8], whole: &mut [u16], means: &mut [f32]) {
    let width = image.width() as usize;
    let mut rows = image.pixels().chunks_exact(width).skip(span.first);
    let head = rows.next().unwrap_or(black);
    // Rows that count in full are added up as they are; only the first and the last are multiplied.
    // Only images more than 257 times as high as the result have more of them than a sum holds: fewer do as well.
    let left = span.whole.min(ROWS_A_SUM);
    rows.by_ref().take(span.whole - left).for_each(drop);
    whole.fill(0);
    for row in rows.by_ref().take(left) {
        add_row(whole, row);
    }
    let tail = rows.next().unwrap_or(black);
    let gain = 1.0 / (f32::from(span.head) + f32::from(span.tail) + left as f32 * PARTS as f32);
    mean_of_rows(&mut means[..width], whole, (head, span.head), (tail, span.tail), gain);
}

/// A span of a row, ready to be multiplied; the pixels between the first and the last count in full.
#[derive(Clone, Copy)]
struct Weighted {
    first: usize,
    /// Behind the last pixel of the row where the tail is 0.
    last: usize,
    /// Weight of the first pixel and of the last, in parts.
    head: f32,
    tail: f32,
    /// [`LEVEL`] over the sum of the weights.
    gain: f32,
}

impl Weighted {
    fn new(span: Span) -> Self {
        Self {
            first: span.first,
            last: span.first + span.whole + 1,
            head: f32::from(span.head),
            tail: f32::from(span.tail),
            gain: f32::from(LEVEL) / span.weight(),
        }
    }
}

wide! {
    /// Adds a row of pixels to a sum of rows.
    pub(crate) fn add_row(sums: &mut [u16], row: &[u8]) {
        for (sum, &luma) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(u16::from(luma));
        }
    }

    /// Means of whole rows, the row above them and the one below, those two with their weights; `gain` is one over all weights.
    fn mean_of_rows(means: &mut [f32], whole: &[u16], head: (&[u8], u16), tail: (&[u8], u16), gain: f32) {
        for (((mean, &sum), &first), &last) in means.iter_mut().zip(whole).zip(head.0).zip(tail.0) {
            let ends = u16::from(first).wrapping_mul(head.1).wrapping_add(u16::from(last).wrapping_mul(tail.1));
            // At most 2 * 128 * 255 and 257 * 255: neither wraps.
            *mean = (f32::from(ends) + f32::from(sum) * PARTS as f32) * gain;
        }
    }

    /// Puts rows that lie one behind the other side by side.
    fn stand_up(rows: &[f32], columns: &mut [[f32; TOGETHER]]) {
        let padded = columns.len();
        let mut lanes = [&rows[..padded]; TOGETHER];
        for (number, lane) in lanes.iter_mut().enumerate() {
            *lane = &rows[number * padded..][..padded];
        }
        for x in 0..padded {
            for lane in 0..TOGETHER {
                columns[x][lane] = lanes[lane][x];
            }
        }
    }

    /// Means of spans of eight rows.
    fn means_along(columns: &[[f32; TOGETHER]], spans: &[Weighted], out: &mut [[u16; TOGETHER]]) {
        for (means, span) in out.iter_mut().zip(spans) {
            let mut sums = [0.0; TOGETHER];
            for column in &columns[span.first + 1..span.last] {
                for lane in 0..TOGETHER {
                    sums[lane] += column[lane];
                }
            }
            let (first, last) = (&columns[span.first], &columns[span.last]);
            for lane in 0..TOGETHER {
                let ends = span.head * first[lane] + span.tail * last[lane];
                means[lane] = round((ends + sums[lane] * PARTS as f32) * span.gain);
            }
        }
    }
}

/// Bilinear interpolation between pixel centres; outside them the border pixels continue.
fn enlarge(image: &Luma, out: &mut Plane) {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let columns: Vec<(usize, usize, f32)> =
        (0..out.width()).map(|x| neighbours(x, out.width(), width)).collect();
    let mut row = Scratch::<f32>::new(width);
    for y in 0..out.height() {
        let (above, below, share) = neighbours(y, out.height(), height);
        let line = |y: usize| &image.pixels()[y * width..][..width];
        for ((mix, &a), &b) in row.0.iter_mut().zip(line(above)).zip(line(below)) {
            *mix = f32::from(a) + (f32::from(b) - f32::from(a)) * share;
        }
        for (sample, &(left, right, share)) in out.row_mut(y).iter_mut().zip(&columns) {
            let (a, b) = (row.0[left], row.0[right]);
            *sample = round((a + (b - a) * share) * f32::from(LEVEL));
        }
    }
}

/// The two source pixels around target pixel `i` and the share of the second, 0 to 1.
fn neighbours(i: usize, target: usize, size: usize) -> (usize, usize, f32) {
    // Centre of target pixel i in source pixels, in parts: (i + 1/2) * size / target - 1/2.
    let centre = ((2 * i as u64 + 1) * size as u64 * PARTS / target as u64).saturating_sub(PARTS) / 2;
    let first = to_usize(centre / PARTS).min(size - 1);
    (first, (first + 1).min(size - 1), (centre % PARTS) as f32 / PARTS as f32)
}

/// Nearest whole number; `value` must be 0 to 65,535.
fn round(value: f32) -> u16 {
    ((value + ROUNDING).to_bits() & 0xffff) as u16
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "known numbers")]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, at: impl Fn(u32, u32) -> u8) -> Luma {
        let pixels = (0..width * height).map(|i| at(i % width, i / width)).collect();
        Luma::new(width, height, pixels).unwrap()
    }

    /// Area mean in `f64`, straight from the definition.
    fn oracle(image: &Luma, out: &Plane, x: usize, y: usize) -> f64 {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let share = |i: usize, target: usize, size: usize, pixel: usize| {
            let (start, end) =
                (i as f64 * size as f64 / target as f64, (i + 1) as f64 * size as f64 / target as f64);
            (end.min(pixel as f64 + 1.0) - start.max(pixel as f64)).max(0.0)
        };
        let (mut sum, mut area) = (0.0, 0.0);
        for v in 0..height {
            let down = share(y, out.height(), height, v);
            for u in (0..width).filter(|_| down > 0.0) {
                let weight = down * share(x, out.width(), width, u);
                sum += weight * f64::from(image.pixels()[v * width + u]);
                area += weight;
            }
        }
        sum / area
    }

    #[test]
    fn area_means_are_right() {
        for (width, height, long) in [(61, 47, 20), (47, 61, 60), (300, 11, 40), (64, 64, 64), (5, 900, 3)] {
            let image = picture(width, height, |x, y| ((x * 37 % 256) ^ (y * 91 % 256)) as u8);
            let out = resample(&image, long);
            for y in 0..out.height() {
                for x in 0..out.width() {
                    let (is, want) = (f64::from(out.row(y)[x]) / 128.0, oracle(&image, &out, x, y));
                    assert!((is - want).abs() < 1.1, "{width} x {height} at {x}, {y}: {is}, not {want}");
                }
            }
        }
    }

    /// One mean after the other, with the sums in the order that the module has.
    fn one_by_one(image: &Luma, out: &mut Plane) {
        let (width, height) = (image.width() as usize, image.height() as usize);
        for y in 0..out.height() {
            let down = Span::new(y, out.height(), height);
            let at = |x: usize, y: usize| image.pixels().get(y * width + x).copied().unwrap_or(0);
            // Of more rows than a sum holds the last ones count.
            let left = down.whole.min(257);
            let weight = f32::from(down.head) + f32::from(down.tail) + left as f32 * 128.0;
            let column = |x: usize| {
                let sum: u32 =
                    (down.whole - left + 1..=down.whole).map(|i| u32::from(at(x, down.first + i))).sum();
                let ends = u32::from(at(x, down.first)) * u32::from(down.head)
                    + u32::from(at(x, down.first + down.whole + 1)) * u32::from(down.tail);
                (ends as f32 + sum as f32 * 128.0) * (1.0 / weight)
            };
            for x in 0..out.width() {
                let span = Span::new(x, out.width(), width);
                let sum = (1..=span.whole).fold(0.0, |sum, i| sum + column(span.first + i));
                let last = span.first + span.whole + 1;
                let last = if last < width { column(last) } else { 0.0 };
                let ends = f32::from(span.head) * column(span.first) + f32::from(span.tail) * last;
                out.row_mut(y)[x] = round((ends + sum * 128.0) * (f32::from(LEVEL) / span.weight()));
            }
        }
    }

    #[test]
    fn eight_rows_at_once_are_what_each_is_alone() {
        for width in [1, 2, 7, 8, 31, 97] {
            for (height, long) in
                [(1, 9), (8, 8), (20, 17), (70, 61), (97, 30), (300, 44), (200, 3), (900, 3)]
            {
                let image = picture(width, height, |x, y| ((x * 7919 + y * 131) % 256) as u8);
                let out = resample(&image, long.min(width.max(height)));
                let mut alone = Plane::new(out.width(), out.height());
                one_by_one(&image, &mut alone);
                assert_eq!(out.samples(), alone.samples(), "{width} x {height} to {long}");
            }
        }
    }

    #[test]
    fn buffers_are_used_again_and_hold_nothing() {
        let mut first = Plane::new(100, 90);
        first.row_mut(89).fill(7);
        let place = first.samples().as_ptr();
        drop(first);
        let mut second = Plane::new(95, 90);
        assert_eq!(second.samples().as_ptr(), place);
        assert_eq!(second.samples(), vec![0; 95 * 90]);
        second.row_mut(0).fill(9);
        second.reshape(10, 10);
        assert_eq!(second.samples(), [0; 100]);
        drop(second);
        // One that is much too large, or too small, is left alone.
        assert_ne!(Plane::new(10, 10).samples().as_ptr(), place);
        assert_eq!(Plane::new(100, 91).samples(), vec![0; 9_100]);
        let all = || KEPT.with_borrow(|kept| kept.iter().map(Vec::len).sum::<usize>());
        for _ in 0..3 {
            drop([Plane::new(3_000, 2_000), Plane::new(3_000, 2_000), Plane::new(3_000, 2_000)]);
            assert!(all() <= MOST_KEPT, "{}", all());
        }
        assert!(KEPT.with_borrow(|kept| kept.iter().flatten().all(|sample| *sample == 0)));
    }

    #[test]
    fn equal_pixels_stay_equal() {
        for (width, height, long) in [(61, 47, 20), (47, 61, 80), (1, 3000, 2), (3000, 1, 640), (9, 9, 100)] {
            let out = resample(&picture(width, height, |_, _| 201), long);
            assert!(out.samples().iter().all(|&sample| sample == 201 * LEVEL), "{width} x {height}");
        }
    }

    #[test]
    fn sizes_are_as_documented() {
        let size = |width, height, long| {
            let out = resample(&picture(width, height, |_, _| 0), long);
            (out.width(), out.height())
        };
        assert_eq!(size(1800, 1200, 640), (640, 427));
        assert_eq!(size(300, 400, 640), (480, 640));
        assert_eq!(size(100, 50, 640), (200, 100));
        assert_eq!(size(2000, 1, 640), (640, 1));
        assert_eq!(size(1, 1, 0), (1, 1));
    }

    #[test]
    fn enlarging_keeps_a_ramp() {
        let out = resample(&picture(100, 20, |x, _| (2 * x) as u8), 200);
        for (x, &sample) in out.row(17).iter().enumerate().skip(1).take(197) {
            let want = x as f64 - 0.5;
            assert!((f64::from(sample) / 128.0 - want).abs() < 0.02, "at {x}: {sample}");
        }
    }
}
