//! Images that are written here, in every format and mode, then decoded.

mod formats;
#[cfg(feature = "heif")]
mod heif;
mod hostile;
mod jpeg;
mod real;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::decode;
use saltprint_fingerprint::Luma;

use crate::{Limits, Reject};

fn read(bytes: &[u8]) -> Result<Luma, Reject> {
    decode(bytes, &Limits::default())
}

/// A picture whose corners all differ, without clipped colours.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let across = u8::try_from(x * 120 / width).unwrap();
        let down = u8::try_from(y * 100 / height).unwrap();
        if x < width / 4 && y < height / 3 {
            Rgb([220, 40, 60])
        } else {
            Rgb([60 + across, 180 - down, 90 + down])
        }
    })
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Luma by the stated formula, written down once more.
fn expected(image: &RgbImage) -> Vec<u8> {
    image
        .pixels()
        .map(|Rgb([r, g, b])| {
            let sum = 299 * u32::from(*r) + 587 * u32::from(*g) + 114 * u32::from(*b);
            u8::try_from((sum + 500) / 1000).unwrap()
        })
        .collect()
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

fn mean(pixels: &[u8]) -> f64 {
    pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64
}
