//! Resampling: one separable filter for scaling and blur, one inverse-map sampler for every warp.

use image::RgbImage;

use crate::bilinear::{bilinear, fixed, rounded};
use crate::canvas::{Canvas, Color, lerp, pack, unpack, weight};
use crate::plane::Homography;

/// The source pixels that one output pixel averages: first index and weights that add up to 1.
struct Taps {
    start: usize,
    weights: Vec<f32>,
}

fn taps(source: usize, target: usize, kernel: impl Fn(f32) -> f32, reach: f32) -> Vec<Taps> {
    let ratio = source as f32 / target as f32;
    (0..target)
        .map(|i| {
            let center = (i as f32 + 0.5) * ratio - 0.5;
            let first = (center - reach).ceil().max(0.0) as usize;
            let last = ((center + reach).floor().max(0.0) as usize).min(source - 1);
            let first = first.min(last);
            let mut weights: Vec<f32> = (first..=last).map(|j| kernel(j as f32 - center).max(1e-6)).collect();
            let sum: f32 = weights.iter().sum();
            for weight in &mut weights {
                *weight /= sum;
            }
            Taps { start: first, weights }
        })
        .collect()
}

fn separable(image: &RgbImage, across: &[Taps], down: &[Taps]) -> RgbImage {
    let (width, source) = (across.len(), image.width() as usize);
    let mut narrow = Vec::with_capacity(width * 3 * image.height() as usize);
    for row in image.as_raw().chunks_exact(source * 3) {
        for tap in across {
            let mut sum = [0.0_f32; 3];
            for (rgb, &w) in row[tap.start * 3..].chunks_exact(3).zip(&tap.weights) {
                sum[0] += w * f32::from(rgb[0]);
                sum[1] += w * f32::from(rgb[1]);
                sum[2] += w * f32::from(rgb[2]);
            }
            narrow.extend_from_slice(&sum);
        }
    }
    let stride = width * 3;
    let mut out = Vec::with_capacity(stride * down.len());
    let mut line = vec![0.0_f32; stride];
    for tap in down {
        line.fill(0.5);
        for (row, &w) in narrow[tap.start * stride..].chunks_exact(stride).zip(&tap.weights) {
            line.iter_mut().zip(row).for_each(|(sum, v)| *sum += w * v);
        }
        out.extend(line.iter().map(|&v| v.clamp(0.0, 255.0) as u8));
    }
    RgbImage::from_raw(width as u32, down.len() as u32, out).expect("the buffer was made for this size")
}

/// Resized to exactly these sides, antialiased (a triangle filter as wide as the reduction).
pub(super) fn resize(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    let axis = |source: u32, target: u32| {
        let support = (source as f32 / target as f32).max(1.0);
        taps(source as usize, target as usize, |d| 1.0 - d.abs() / support, support)
    };
    let (width, height) = (width.max(1), height.max(1));
    separable(image, &axis(image.width(), width), &axis(image.height(), height))
}

pub(super) fn scale(image: &RgbImage, factor: f32) -> RgbImage {
    let side = |s: u32| (s as f32 * factor).round().max(1.0) as u32;
    resize(image, side(image.width()), side(image.height()))
}

pub(super) fn blur(image: &RgbImage, sigma: f32) -> RgbImage {
    let axis = |n: u32| taps(n as usize, n as usize, |d| (-0.5 * d * d / (sigma * sigma)).exp(), 3.0 * sigma);
    separable(image, &axis(image.width()), &axis(image.height()))
}

/// Draws `image` into a `width` x `height` picture: `inverse` takes output to image coordinates, `around` gives
/// the colour beyond the border.
pub(super) fn warp(
    image: &RgbImage,
    (width, height): (u32, u32),
    inverse: &Homography,
    around: impl Fn(u32, u32) -> Color,
) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let center = inverse.map(width as f32 / 2.0, height as f32 / 2.0);
    let beside = inverse.map(width as f32 / 2.0 + 1.0, height as f32 / 2.0);
    // Where the picture shrinks, a first reduction keeps the bilinear samples from skipping pixels.
    let shrink = ((beside.0 - center.0).powi(2) + (beside.1 - center.1).powi(2)).sqrt();
    let reduced = (shrink > 1.3).then(|| scale(image, 1.0 / shrink));
    let source = reduced.as_ref().unwrap_or(image);
    let (sw, sh) = (source.width(), source.height());
    let (fx, fy) = (sw as f32 / w, sh as f32 / h);
    // One row and column more, so that each sample has four neighbours.
    let padded = Canvas {
        width: sw as usize + 1,
        height: sh as usize + 1,
        pixels: (0..=sh)
            .flat_map(|y| (0..=sw).map(move |x| (x.min(sw - 1), y.min(sh - 1))))
            .map(|(x, y)| pack(source.get_pixel(x, y).0))
            .collect(),
    };
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = inverse.map(x as f32 + 0.5, y as f32 + 0.5);
        let cover = (u.min(w - u).min(v).min(h - v) / shrink.max(0.2) + 0.5).clamp(0.0, 1.0);
        if cover <= 0.0 {
            return image::Rgb(around(x, y));
        }
        let su = (u * fx - 0.5).clamp(0.0, sw as f32 - 1.0);
        let sv = (v * fy - 0.5).clamp(0.0, sh as f32 - 1.0);
        let inside = rounded(bilinear(&padded, fixed(su), fixed(sv)));
        if cover >= 1.0 {
            return image::Rgb(unpack(inside));
        }
        image::Rgb(unpack(lerp(pack(around(x, y)), inside, weight(cover))))
    })
}

pub(super) fn to_canvas(image: &RgbImage) -> Canvas {
    Canvas {
        width: image.width() as usize,
        height: image.height() as usize,
        pixels: image.pixels().map(|p| pack(p.0)).collect(),
    }
}

pub(super) fn to_image(canvas: &Canvas) -> RgbImage {
    let raw = canvas.pixels.iter().flat_map(|&p| unpack(p)).collect();
    RgbImage::from_raw(canvas.width as u32, canvas.height as u32, raw)
        .expect("the buffer was made for this size")
}
