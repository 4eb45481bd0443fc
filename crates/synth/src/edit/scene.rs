//! Edits that cut, frame or photograph again.

use std::f32::consts::TAU;

use image::RgbImage;
use image::imageops;

use super::{raster, tone};
use crate::canvas::{Canvas, mix};
use crate::jpeg;
use crate::plane::{Homography, Quad, Rect, corners, turned};
use crate::rng::Rng;
use crate::table::Ground;
use crate::text::{self, Font, Style};

pub(super) fn crop(image: &RgbImage, keep: f32, rng: &mut Rng) -> RgbImage {
    let side = |s: u32| ((s as f32 * keep).round() as u32).clamp(1, s);
    let (w, h) = (side(image.width()), side(image.height()));
    let x = rng.below((image.width() - w) as usize + 1) as u32;
    let y = rng.below((image.height() - h) as usize + 1) as u32;
    imageops::crop_imm(image, x, y, w, h).to_image()
}

/// Cut to an area.
pub(super) fn cut(image: &RgbImage, area: Option<Rect>) -> RgbImage {
    let (w, h) = image.dimensions();
    let Some(area) = area.filter(|a| a.x < w && a.y < h) else { return image.clone() };
    let (cw, ch) = (area.width.min(w - area.x), area.height.min(h - area.y));
    imageops::crop_imm(image, area.x, area.y, cw, ch).to_image()
}

pub(super) fn border(image: &RgbImage, share: f32) -> RgbImage {
    let (w, h) = image.dimensions();
    let edge = (w.max(h) as f32 * share).round() as u32;
    let mut out = RgbImage::from_pixel(w + 2 * edge, h + 2 * edge, image::Rgb([255; 3]));
    imageops::replace(&mut out, image, i64::from(edge), i64::from(edge));
    out
}

/// A contact sheet of `cols` x `rows` cells, row by row; each image fits its cell whole. Missing images leave
/// cells empty, surplus ones are left out. A sheet is at most about 1,300 pixels wide.
///
/// # Panics
/// When `cols` or `rows` is 0, or a side of an image is 0.
#[must_use]
pub fn collage(images: &[&RgbImage], cols: usize, rows: usize) -> RgbImage {
    assert!(cols > 0 && rows > 0, "a collage has at least one column and row");
    let (cell_w, cell_h, gap) = ((1280 / cols as u32).max(64), (900 / rows as u32).max(64), 8);
    let width = cols as u32 * (cell_w + gap) + gap;
    let height = rows as u32 * (cell_h + gap) + gap;
    let mut out = RgbImage::from_pixel(width, height, image::Rgb([244; 3]));
    for (i, image) in images.iter().take(cols * rows).enumerate() {
        let fit = (cell_w as f32 / image.width() as f32).min(cell_h as f32 / image.height() as f32);
        let small = raster::scale(image, fit);
        let left = gap + (i % cols) as u32 * (cell_w + gap) + cell_w.saturating_sub(small.width()) / 2;
        let top = gap + (i / cols) as u32 * (cell_h + gap) + cell_h.saturating_sub(small.height()) / 2;
        imageops::replace(&mut out, &small, i64::from(left), i64::from(top));
    }
    out
}

/// A phone's picture viewer.
pub(super) fn screenshot(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let (w, h) = (720_i32, 1440_i32);
    let dark = rng.chance(0.6);
    let (ground, ink) = if dark { ([12, 12, 14], [236; 3]) } else { ([250; 3], [40; 3]) };
    let mut canvas = Canvas::new(w as usize, h as usize, ground);
    let small = Style::new(Font::Sans, 20, ink);
    let time = format!("{:02}:{:02}", rng.int(0, 23), rng.int(0, 59));
    text::draw(&mut canvas, small, (26.0, 32.0), &time);
    for bar in 0..4 {
        canvas.rect([560 + bar * 9, 32 - 5 * (bar + 1), 566 + bar * 9, 32], ink, 0.9);
    }
    canvas.rounded([640.0, 14.0, 688.0, 34.0], 4.0, ink, 0.9);
    canvas.rounded([642.0, 16.0, 642.0 + 44.0 * rng.range(0.1, 1.0), 32.0], 3.0, [70, 190, 90], 1.0);
    let bar = mix(ground, ink, 0.1);
    canvas.rect([0, 46, w, 130], bar, 1.0);
    canvas.stroke(&[(52.0, 74.0), (34.0, 90.0), (52.0, 106.0)], 3.0, ink, 1.0);
    let name = format!("IMG_{}_{}.jpg", rng.digits(4), rng.digits(4));
    text::draw(&mut canvas, Style::new(Font::Sans, 27, ink), (84.0, 98.0), &name);
    for dot in 0..3 {
        canvas.ellipse((684.0, 76.0 + dot as f32 * 13.0), (3.5, 3.5), ink, 1.0);
    }
    canvas.rect([0, h - 130, w, h], bar, 1.0);
    for (i, label) in ["Share", "Edit", "Info", "Delete"].iter().enumerate() {
        let x = 90.0 + i as f32 * 180.0;
        canvas.ellipse((x, h as f32 - 88.0), (17.0, 17.0), ink, 0.85);
        canvas.ellipse((x, h as f32 - 88.0), (13.0, 13.0), bar, 1.0);
        canvas.rect([x as i32 - 5, h - 93, x as i32 + 5, h - 83], ink, 0.8);
        text::draw_centered(&mut canvas, Style::new(Font::Sans, 18, ink), x, h as f32 - 44.0, label);
    }
    let (room_w, room_h) = (w as f32, (h - 270) as f32);
    let fit = (room_w / image.width() as f32).min(room_h / image.height() as f32);
    let small = raster::scale(image, fit);
    let mut out = raster::to_image(&canvas);
    let left = (w - small.width() as i32) / 2;
    let top = 135 + (h - 270 - small.height() as i32) / 2;
    imageops::replace(&mut out, &small, i64::from(left), i64::from(top));
    out
}

pub(super) fn tilt(image: &RgbImage, degrees: f32, rng: &mut Rng) -> RgbImage {
    let angle = degrees.to_radians() * if rng.chance(0.5) { 1.0 } else { -1.0 };
    let (w, h) = (image.width() as f32, image.height() as f32);
    let (s, c) = (angle.sin().abs(), angle.cos().abs());
    let size = ((w * c + h * s).ceil(), (w * s + h * c).ceil());
    let placed = corners(w, h).map(|(x, y)| (x + (size.0 - w) / 2.0, y + (size.1 - h) / 2.0));
    let quad = turned(placed, (size.0 / 2.0, size.1 / 2.0), angle);
    let fill = if rng.chance(0.5) { [255; 3] } else { [0; 3] };
    let inverse = Homography::between(quad, corners(w, h));
    raster::warp(image, (size.0 as u32, size.1 as u32), &inverse, |_, _| fill)
}

/// Corners of a document that lies in a picture, seen at an angle.
fn askew(size: (f32, f32), fill: f32, reach: f32, roll: f32, rng: &mut Rng) -> Quad {
    let (w, h) = size;
    let (mx, my) = (w * (1.0 - fill) / 2.0, h * (1.0 - fill) / 2.0);
    let base = corners(w * fill, h * fill).map(|(x, y)| (x + mx, y + my));
    let base = turned(base, (w / 2.0, h / 2.0), rng.range(-roll, roll));
    // A common lean, as from one point of view, and a little of each corner's own.
    let (lean_x, lean_y) = (rng.range(-reach, reach), rng.range(-reach, reach));
    base.map(|(x, y)| {
        let (u, v) = (x / w - 0.5, y / h - 0.5);
        let squeeze = 1.0 + 2.2 * (lean_x * u + lean_y * v);
        let jitter = 0.12 * reach;
        (
            w * (0.5 + u * squeeze + rng.range(-jitter, jitter)),
            h * (0.5 + v * squeeze + rng.range(-jitter, jitter)),
        )
    })
}

pub(super) fn perspective(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let (fill, reach) = (rng.range(0.7, 0.82), rng.range(0.08, 0.16));
    let quad = askew((w, h), fill, reach, 0.14, rng);
    let ground = Ground::table(rng.next_u64());
    let inverse = Homography::between(quad, corners(w, h));
    let seen = raster::warp(image, image.dimensions(), &inverse, |x, y| ground.color(x as usize, y as usize));
    let (gx, gy) = (rng.range(-0.25, 0.25), rng.range(-0.25, 0.25));
    let mut out = tone::noise(&raster::blur(&seen, 0.6), 3.0, rng.next_u64());
    light(&mut out, |u, v| [1.0 + gx * u + gy * v; 3]);
    jpeg::recompress(&out, 82)
}

/// A photograph of a table, 1600 x 1200 pixels: on it `others` at any place and, above them and whole, the document, whose longer
/// side takes `share` of the width, at most 45 %: a square that is turned and askew reaches over 1.53 of its side.
pub(super) fn on_table(image: &RgbImage, share: f32, others: &[RgbImage], rng: &mut Rng) -> RgbImage {
    const SIDES: (u32, u32) = (1600, 1200);
    let (w, h) = (SIDES.0 as f32, SIDES.1 as f32);
    let ground = Ground::table(rng.next_u64());
    let mut table =
        RgbImage::from_fn(SIDES.0, SIDES.1, |x, y| image::Rgb(ground.color(x as usize, y as usize)));
    for other in others {
        let center = (w * rng.unit(), h * rng.unit());
        let quad = tossed(other, w * share * rng.range(0.8, 1.4), TAU / 2.0, rng);
        lay(&mut table, other, quad.map(|(x, y)| (x + center.0, y + center.1)));
    }
    let quad = tossed(image, w * share, 0.5, rng);
    let [x, y] = [span(&quad, |corner| corner.0), span(&quad, |corner| corner.1)];
    // Anywhere, as long as all of it is in view.
    let (dx, dy) = (rng.range(-x.0, w - x.1), rng.range(-y.0, h - y.1));
    lay(&mut table, image, quad.map(|(x, y)| (x + dx, y + dy)));
    let (gx, gy) = (rng.range(-0.25, 0.25), rng.range(-0.25, 0.25));
    let mut out = tone::noise(&raster::blur(&table, 0.6), 3.0, rng.next_u64());
    light(&mut out, |u, v| [1.0 + gx * u + gy * v; 3]);
    jpeg::recompress(&out, 82)
}

/// Corners of a sheet about the origin: its longer side about `long` pixels, turned by up to `roll`, seen a little askew.
fn tossed(sheet: &RgbImage, long: f32, roll: f32, rng: &mut Rng) -> Quad {
    let scale = long / sheet.width().max(sheet.height()) as f32;
    let (w, h) = (sheet.width() as f32 * scale, sheet.height() as f32 * scale);
    askew((w, h), 1.0, rng.range(0.02, 0.06), roll, rng).map(|(x, y)| (x - w / 2.0, y - h / 2.0))
}

/// The least and the largest of a coordinate.
fn span(quad: &Quad, of: impl Fn(&(f32, f32)) -> f32) -> (f32, f32) {
    let values = quad.each_ref().map(of);
    (values.into_iter().fold(f32::INFINITY, f32::min), values.into_iter().fold(f32::NEG_INFINITY, f32::max))
}

/// Lays a sheet on a picture, as far as it is within.
fn lay(picture: &mut RgbImage, sheet: &RgbImage, quad: Quad) {
    let ends = |(low, high): (f32, f32), side: u32| {
        let inside = |value: f32| value.clamp(0.0, side as f32) as u32;
        (inside(low.floor()), inside(high.ceil()))
    };
    let (left, right) = ends(span(&quad, |corner| corner.0), picture.width());
    let (top, bottom) = ends(span(&quad, |corner| corner.1), picture.height());
    if left >= right || top >= bottom {
        return;
    }
    let part = quad.map(|(x, y)| (x - left as f32, y - top as f32));
    let inverse = Homography::between(part, corners(sheet.width() as f32, sheet.height() as f32));
    let seen = raster::warp(sheet, (right - left, bottom - top), &inverse, |x, y| {
        picture.get_pixel(x + left, y + top).0
    });
    imageops::replace(picture, &seen, i64::from(left), i64::from(top));
}

/// Multiplies each pixel by a gain that depends on its position, both axes -0.5..=0.5.
fn light(image: &mut RgbImage, gain: impl Fn(f32, f32) -> [f32; 3]) {
    let (w, h) = (image.width() as f32, image.height() as f32);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let gains = gain(x as f32 / w - 0.5, y as f32 / h - 0.5);
        for (value, gain) in pixel.0.iter_mut().zip(gains) {
            *value = (f32::from(*value) * gain + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}

pub(super) fn screen(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let quad = askew((w, h), rng.range(0.8, 0.92), rng.range(0.03, 0.09), 0.06, rng);
    let inverse = Homography::between(quad, corners(w, h));
    let bezel = [18, 19, 22];
    let seen = raster::warp(image, image.dimensions(), &inverse, |_, _| bezel);
    let mut out = raster::blur(&tone::gamma(&seen, rng.range(0.85, 1.25)), 0.8);
    // The grid of the screen against the grid of the sensor: slow beats, a little different for each colour.
    let (period, angle) = (rng.range(5.0, 16.0), rng.range(0.0, TAU));
    let (fx, fy) = (angle.cos() * TAU * w / period, angle.sin() * TAU * h / period);
    let (bend, depth) = (rng.range(3.0, 12.0), rng.range(0.03, 0.09));
    let fine = TAU * w / rng.range(2.2, 3.0);
    let glare = (rng.range(-0.4, 0.4), rng.range(-0.4, 0.4), rng.range(0.15, 0.5), rng.range(0.1, 0.22));
    let cold = rng.range(0.0, 0.08);
    light(&mut out, |u, v| {
        let (du, dv) = (u - glare.0, v - glare.1);
        let shine = 1.0 + glare.2 * (-(du * du + dv * dv) / (glare.3 * glare.3)).exp();
        let phase = fx * u + fy * v + bend * (u * u - v);
        let grid = 1.0 + 0.03 * (fine * u).sin();
        [0.0, 0.7, 1.4]
            .map(|shift| shine * grid * (1.0 + depth * (phase + shift).sin()))
            .map(|g| g * (1.0 - 0.12 * (u * u + v * v)))
            .into_iter()
            .zip([1.0 - cold, 1.0, 1.0 + cold])
            .fold(([0.0; 3], 0), |(mut gains, i), (gain, tint)| {
                gains[i] = gain * tint;
                (gains, i + 1)
            })
            .0
    });
    jpeg::recompress(&tone::noise(&out, 4.0, rng.next_u64()), 75)
}
