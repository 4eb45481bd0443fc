//! What leaks do to images, simulated in memory on a reduced copy of the document.

use image::{ExtendedColorType, ImageFormat, codecs::jpeg::JpegEncoder};
use zeroize::{Zeroize, Zeroizing};

use super::random::Random;
use crate::luma::Luma;

/// Long side of the copy that edits are made on, in pixels: well above the 192 cells that features are made of.
const WORK_SIDE: u32 = 512;
/// Long side of the smallest thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 64;

/// Calls `each` with one edited copy after the other; only one is in memory at a time.
pub(super) fn for_each_edit(image: &Luma, random: &mut Random, mut each: impl FnMut(&Luma)) {
    let work = reduce(image, WORK_SIDE);
    // Thumbnails take their size from the original: a small original gives a small one.
    let long = image.width().max(image.height());
    let thumbnail = |percent: u32| reduce(&work, (long / 100 * percent).clamp(THUMBNAIL_SIDE, WORK_SIDE));
    each(&jpeg(&work, 30));
    each(&jpeg(&work, 12));
    each(&jpeg(&thumbnail(40), 60));
    each(&jpeg(&thumbnail(20), 70));
    each(&blur(&work, random.between(0.8, 3.0)));
    each(&gamma(&work, random.between(0.55, 0.8)));
    each(&gamma(&work, random.between(1.25, 1.6)));
    each(&contrast(&work, random.between(0.5, 0.9), random.between(-30.0, 40.0)));
    each(&contrast(&work, random.between(1.1, 1.6), random.between(-30.0, 30.0)));
    each(&noise(&work, random));
    each(&crop(&work, random));
    each(&crop(&work, random));
    each(&tilt(&work, random.between(-1.2, 1.2)));
    each(&stamp(&work, random));
    each(&opaque_box(&work, random));
}

fn image_of(width: u32, height: u32, pixels: Vec<u8>) -> Luma {
    Luma::new(width, height, pixels).expect("edits make one pixel for each position")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of u8 first"
)]
fn level(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// A position or length in pixels; `value` is not negative and far below 2^32.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, callers clamp to the image"
)]
fn pixels(value: f64) -> u32 {
    value as u32
}

/// A smaller copy by area means; the same image where it is small already.
fn reduce(image: &Luma, long_side: u32) -> Luma {
    let long = image.width().max(image.height());
    let scaled = |side: u32| {
        let value = u64::from(side) * u64::from(long_side) / u64::from(long);
        u32::try_from(value).unwrap_or(u32::MAX).clamp(1, side)
    };
    if long <= long_side {
        return image_of(image.width(), image.height(), image.pixels().to_vec());
    }
    let (width, height) = (scaled(image.width()), scaled(image.height()));
    let row_length = image.width() as usize;
    let mut sums = Zeroizing::new(vec![0_u32; row_length]);
    let mut out = Vec::with_capacity(width as usize * height as usize);
    // Whole pixels only: each belongs to the cell that holds its centre, which is close enough for a simulation.
    let bounds = |i: u32, from: u32, to: u32| {
        let at =
            |i: u32| usize::try_from(u64::from(i) * u64::from(from) / u64::from(to)).unwrap_or(usize::MAX);
        at(i)..at(i + 1)
    };
    for j in 0..height {
        let rows = bounds(j, image.height(), height);
        sums.fill(0);
        for row in image.pixels().chunks_exact(row_length).skip(rows.start).take(rows.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, &luma)| *sum += u32::from(luma));
        }
        for i in 0..width {
            let columns = bounds(i, image.width(), width);
            let area = (rows.len() * columns.len()).max(1) as f32;
            out.push(level(sums[columns].iter().map(|&sum| sum as f32).sum::<f32>() / area));
        }
    }
    image_of(width, height, out)
}

/// Through a real encoder and decoder, at a quality of 1 to 100.
fn jpeg(image: &Luma, quality: u8) -> Luma {
    let (width, height) = (image.width(), image.height());
    let mut bytes = Zeroizing::new(Vec::new());
    let encoded = JpegEncoder::new_with_quality(&mut *bytes, quality).encode(
        image.pixels(),
        width,
        height,
        ExtendedColorType::L8,
    );
    let decoded = encoded.and_then(|()| image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg));
    match decoded {
        Ok(decoded) => image_of(width, height, decoded.into_luma8().into_raw()),
        // Not seen: the image is small and valid. An unedited copy adds no noise, which is harmless.
        Err(_) => image_of(width, height, image.pixels().to_vec()),
    }
}

/// Gaussian blur; `sigma` in pixels.
fn blur(image: &Luma, sigma: f64) -> Luma {
    let radius = pixels((3.0 * sigma).ceil()) as usize;
    let mut kernel: Vec<f32> = Vec::with_capacity(radius + 1);
    for d in 0..=radius {
        #[expect(clippy::cast_possible_truncation, reason = "a weight from 0 to 1")]
        kernel.push(libm::exp(-0.5 * (d as f64 / sigma) * (d as f64 / sigma)) as f32);
    }
    let total = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    for weight in &mut kernel {
        *weight /= total;
    }
    let (w, h) = (image.width() as usize, image.height() as usize);
    let source = image.pixels();
    let mut across = Zeroizing::new(vec![0.0_f32; w * h]);
    let mut padded = Zeroizing::new(vec![0.0_f32; w + 2 * radius]);
    for (row, out) in source.chunks_exact(w).zip(across.chunks_exact_mut(w)) {
        for (i, value) in padded.iter_mut().enumerate() {
            *value = f32::from(row[i.saturating_sub(radius).min(w - 1)]);
        }
        for (d, &weight) in kernel.iter().enumerate() {
            let sides = padded[radius - d..].iter().zip(&padded[radius + d..]);
            // The middle tap meets itself from both sides.
            let weight = if d == 0 { weight / 2.0 } else { weight };
            out.iter_mut().zip(sides).for_each(|(value, (a, b))| *value += weight * (a + b));
        }
    }
    let mut out = Vec::with_capacity(w * h);
    let mut sums = Zeroizing::new(vec![0.0_f32; w]);
    for y in 0..h {
        sums.fill(0.0);
        for (d, &weight) in kernel.iter().enumerate() {
            let weight = if d == 0 { weight / 2.0 } else { weight };
            for at in [y.saturating_sub(d), (y + d).min(h - 1)] {
                let row = &across[at * w..(at + 1) * w];
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        out.extend(sums.iter().map(|&sum| level(sum)));
    }
    image_of(image.width(), image.height(), out)
}

/// Replaces each level by a table's entry.
fn map_levels(image: &Luma, table: impl Fn(f64) -> f64) -> Luma {
    let mut levels = [0_u8; 256];
    for (i, entry) in levels.iter_mut().enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "a level; `level` clamps it")]
        let value = table(i as f64) as f32;
        *entry = level(value);
    }
    image_of(image.width(), image.height(), image.pixels().iter().map(|&p| levels[usize::from(p)]).collect())
}

fn gamma(image: &Luma, exponent: f64) -> Luma {
    map_levels(image, |value| 255.0 * libm::pow(value / 255.0, exponent))
}

/// Around middle grey; `shift` in levels.
fn contrast(image: &Luma, factor: f64, shift: f64) -> Luma {
    map_levels(image, |value| 128.0 + factor * (value - 128.0) + shift)
}

/// Sensor noise of 6 to 20 levels.
fn noise(image: &Luma, random: &mut Random) -> Luma {
    #[expect(clippy::cast_possible_truncation, reason = "a small number of levels")]
    let sigma = random.between(6.0, 20.0) as f32;
    let noisy = image.pixels().iter().map(|&p| level(f32::from(p) + sigma * random.normal())).collect();
    image_of(image.width(), image.height(), noisy)
}

/// 0 to 4 % off each side, each its own share: it moves and stretches what is left.
fn crop(image: &Luma, random: &mut Random) -> Luma {
    let mut cut = |side: u32| pixels(random.between(0.0, 0.04) * f64::from(side));
    let (left, right) = (cut(image.width()), cut(image.width()));
    let (top, bottom) = (cut(image.height()), cut(image.height()));
    let (width, height) = (image.width() - left - right, image.height() - top - bottom);
    let rows = image.pixels().chunks_exact(image.width() as usize).skip(top as usize).take(height as usize);
    let out = rows.flat_map(|row| &row[left as usize..(left + width) as usize]).copied().collect();
    image_of(width, height, out)
}

/// Turned about its centre within its own frame; edge pixels are repeated.
fn tilt(image: &Luma, degrees: f64) -> Luma {
    let (w, h) = (f64::from(image.width()), f64::from(image.height()));
    let (sin, cos) = (libm::sin(degrees.to_radians()), libm::cos(degrees.to_radians()));
    let at = |x: u32, y: u32| f64::from(image.pixels()[y as usize * image.width() as usize + x as usize]);
    let mut out = Vec::with_capacity(image.pixels().len());
    for y in 0..image.height() {
        for x in 0..image.width() {
            let (dx, dy) = (f64::from(x) - w / 2.0, f64::from(y) - h / 2.0);
            let sx = (w / 2.0 + cos * dx - sin * dy).clamp(0.0, w - 1.0);
            let sy = (h / 2.0 + sin * dx + cos * dy).clamp(0.0, h - 1.0);
            let (x0, y0) = (pixels(sx), pixels(sy));
            let (x1, y1) = ((x0 + 1).min(image.width() - 1), (y0 + 1).min(image.height() - 1));
            let (fx, fy) = (sx - f64::from(x0), sy - f64::from(y0));
            let top = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
            let bottom = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
            #[expect(clippy::cast_possible_truncation, reason = "a mean of levels")]
            out.push(level((top * (1.0 - fy) + bottom * fy) as f32));
        }
    }
    image_of(image.width(), image.height(), out)
}

/// A copy to draw on.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(image: &Luma) -> Self {
        Self { width: image.width(), height: image.height(), pixels: image.pixels().to_vec() }
    }

    /// A filled rectangle, cut at the borders.
    fn fill(&mut self, left: u32, top: u32, width: u32, height: u32, tone: u8) {
        let right = left.saturating_add(width).min(self.width) as usize;
        let left = (left as usize).min(right);
        let rows = self.pixels.chunks_exact_mut(self.width as usize).skip(top as usize).take(height as usize);
        rows.for_each(|row| row[left..right].fill(tone));
    }

    fn finish(mut self) -> Luma {
        image_of(self.width, self.height, std::mem::take(&mut self.pixels))
    }
}

/// Two lines of glyph-like marks across part of the image, such as "copy for ..." or a site's name.
fn stamp(image: &Luma, random: &mut Random) -> Luma {
    let mut canvas = Canvas::new(image);
    let (w, h) = (f64::from(canvas.width), f64::from(canvas.height));
    let tone = if random.below(2) == 0 { 20 } else { 235 };
    let glyph = random.between(0.04, 0.09) * h;
    let dot = (glyph / 5.0).max(1.0);
    let (left, top) = (random.between(0.0, 0.4) * w, random.between(0.05, 0.75) * h);
    for line in 0..2_u32 {
        for letter in 0..10_u32 {
            for cell in 0..15_u32 {
                if random.below(2) == 0 {
                    let x = left + f64::from(letter) * 4.0 * dot + f64::from(cell % 3) * dot;
                    let y = top + f64::from(line) * 7.0 * dot + f64::from(cell / 3) * dot;
                    canvas.fill(pixels(x), pixels(y), pixels(dot), pixels(dot), tone);
                }
            }
        }
    }
    canvas.finish()
}

/// An opaque rectangle of 8 to 25 % of each side.
fn opaque_box(image: &Luma, random: &mut Random) -> Luma {
    let mut canvas = Canvas::new(image);
    let (w, h) = (f64::from(canvas.width), f64::from(canvas.height));
    let (width, height) = (random.between(0.08, 0.25) * w, random.between(0.08, 0.25) * h);
    let (left, top) = (random.between(0.0, 1.0) * (w - width), random.between(0.0, 1.0) * (h - height));
    let tone = [0, 128, 255][random.below(3) as usize];
    canvas.fill(pixels(left), pixels(top), pixels(width), pixels(height), tone);
    canvas.finish()
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32) -> Luma {
        image_of(width, height, (0..width * height).map(|i| (i % 251) as u8).collect())
    }

    #[test]
    fn every_shape_survives_every_edit() {
        for (width, height) in [(1, 1), (1, 900), (900, 1), (3, 2), (700, 30), (640, 480)] {
            let mut count = 0;
            for_each_edit(&ramp(width, height), &mut Random::new(3), |copy| {
                count += 1;
                assert!(copy.width() <= WORK_SIDE && copy.height() <= WORK_SIDE);
            });
            assert_eq!(count, 15);
        }
    }

    #[test]
    fn flat_images_stay_flat_under_blur_tilt_and_reduction() {
        let flat = image_of(700, 300, vec![90; 210_000]);
        for copy in [blur(&flat, 2.2), tilt(&flat, 1.0), reduce(&flat, 100)] {
            assert!(copy.pixels().iter().all(|&p| p == 90));
        }
        assert_eq!(reduce(&flat, 100).width(), 100);
        assert_eq!(reduce(&flat, 100).height(), 42);
    }

    #[test]
    fn blur_keeps_the_mean() {
        let mut pixels = vec![0; 41 * 41];
        pixels[20 * 41 + 20] = 255;
        let blurred = blur(&image_of(41, 41, pixels), 1.0);
        let sum: u32 = blurred.pixels().iter().map(|&p| u32::from(p)).sum();
        assert!((240..=270).contains(&sum), "{sum}");
    }

    #[test]
    fn edits_follow_from_the_seed() {
        let image = ramp(300, 200);
        let run = |seed| {
            let mut all = Vec::new();
            for_each_edit(&image, &mut Random::new(seed), |copy| all.push(copy.pixels().to_vec()));
            all
        };
        assert!(run(1) == run(1));
        assert!(run(1) != run(2));
    }
}
