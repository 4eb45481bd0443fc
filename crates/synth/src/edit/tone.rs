//! Edits that leave every pixel in its place.

use image::RgbImage;

use crate::noise::{self, DEVIATES};
use crate::rng;

pub(super) fn levels(image: &RgbImage, curve: impl Fn(f32) -> f32) -> RgbImage {
    let table: Vec<u8> =
        (0..256).map(|i| (curve(i as f32 / 255.0) * 255.0 + 0.5).clamp(0.0, 255.0) as u8).collect();
    let mut out = image.clone();
    out.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
    out
}

pub(super) fn gamma(image: &RgbImage, exponent: f32) -> RgbImage {
    levels(image, |v| v.powf(exponent))
}

pub(super) fn contrast(image: &RgbImage, factor: f32) -> RgbImage {
    levels(image, |v| 0.5 + (v - 0.5) * factor)
}

pub(super) fn grey(image: &RgbImage) -> RgbImage {
    let mut out = image.clone();
    for pixel in out.pixels_mut() {
        let [r, g, b] = pixel.0.map(u32::from);
        pixel.0 = [((r * 77 + g * 150 + b * 29) >> 8) as u8; 3];
    }
    out
}

pub(super) fn noise(image: &RgbImage, sigma: f32, seed: u64) -> RgbImage {
    let table = noise::deviates();
    let mut out = image.clone();
    let width = (image.width() as usize * 3).max(1);
    for (y, row) in out.chunks_exact_mut(width).enumerate() {
        let start = rng::mix(seed ^ rng::mix(y as u64)) as usize;
        for (x, v) in row.iter_mut().enumerate() {
            let deviate = f32::from(table[(start + x) & (DEVIATES - 1)]) / 32.0;
            *v = (f32::from(*v) + deviate * sigma + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
    out
}
