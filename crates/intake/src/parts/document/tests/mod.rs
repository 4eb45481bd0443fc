//! Documents that are written here, and by other tools where they are installed.

mod hostile;
mod pdf;
mod tiff;
mod write;

pub(super) use write::deflate;

use std::ops::ControlFlow;

use image::{GrayImage, Rgb, RgbImage};
use saltprint_fingerprint::Luma;

use crate::{Limits, Part, Reject, for_each_part_of_bytes};

fn parts_within(bytes: &[u8], limits: &Limits) -> Vec<Part> {
    let mut parts = Vec::new();
    for_each_part_of_bytes(bytes.to_vec(), limits, &mut |part| {
        parts.push(part);
        ControlFlow::Continue(())
    });
    parts
}

fn parts(bytes: &[u8]) -> Vec<Part> {
    parts_within(bytes, &Limits::default())
}

/// The places of the parts, with the code of what went wrong.
fn outline(parts: &[Part]) -> Vec<String> {
    let line = |part: &Part| match &part.content {
        Ok(_) => part.place.clone(),
        Err(reject) => format!("{} {}", part.place, reject.code()),
    };
    parts.iter().map(line).collect()
}

fn decoded(part: &Part) -> Result<Luma, Reject> {
    part.content.as_ref().map_err(Clone::clone)?.decode(&Limits::default())
}

/// A picture whose corners all differ: dark at the top left, light at the bottom right.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let across = u8::try_from(x * 120 / width).unwrap();
        let down = u8::try_from(y * 100 / height).unwrap();
        if x < width / 4 && y < height / 3 {
            Rgb([20, 10, 30])
        } else {
            Rgb([60 + across, 80 + down, 90 + down])
        }
    })
}

/// Luma of a picture, by the decoder of plain files.
fn luma_of(picture: &RgbImage) -> GrayImage {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let luma = crate::decode(&bytes.into_inner(), &Limits::default()).unwrap();
    GrayImage::from_raw(luma.width(), luma.height(), luma.pixels().to_vec()).unwrap()
}

/// Mean absolute difference of two images over a grid of 32 x 32 cells; their sizes may differ.
fn difference(a: &Luma, b: &Luma) -> f64 {
    let (a, b) = (cells(a), cells(b));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
}

fn cells(image: &Luma) -> Vec<f64> {
    const GRID: usize = 32;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut cells = Vec::new();
    for row in 0..GRID {
        for column in 0..GRID {
            let (top, left) = (row * height / GRID, column * width / GRID);
            let (bottom, right) =
                (((row + 1) * height / GRID).max(top + 1), ((column + 1) * width / GRID).max(left + 1));
            let mut sum = 0.0;
            for y in top..bottom {
                for x in left..right {
                    sum += f64::from(image.pixels()[y * width + x]);
                }
            }
            cells.push(sum / ((bottom - top) * (right - left)) as f64);
        }
    }
    cells
}

fn as_luma(image: &GrayImage) -> Luma {
    Luma::new(image.width(), image.height(), image.as_raw().clone()).unwrap()
}
