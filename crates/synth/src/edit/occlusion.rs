//! Edits that cover parts.

use image::RgbImage;

use super::raster;
use crate::canvas::{Canvas, hsv, unpack};
use crate::document::Layout;
use crate::plane::Rect;
use crate::rng::Rng;
use crate::text::{self, Font, Style};

const WORDS: [&str; 7] = [
    "SAMPLE LEAK 2019",
    "PAY OR MORE FOLLOWS",
    "CONFIDENTIAL",
    "kyc-dump.example",
    "COPY",
    "@blackbird_leaks",
    "VOID 1 of 10000",
];

/// Text across the picture at a random slant: drawn level on a strip, then sampled through the turn.
pub(super) fn stamp(image: &RgbImage, rng: &mut Rng) -> RgbImage {
    let mut canvas = raster::to_canvas(image);
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    let words = *rng.pick(&WORDS);
    let letters = words.chars().count() as f32;
    let size = (0.85 * w / letters * 1.5).clamp(6.0, (h * 0.3).max(6.0)) as u16;
    let strip_w = text::width(Font::Bold, size, words) + 4.0;
    let mut strip = Canvas::new(strip_w as usize + 1, usize::from(size) * 3 / 2, [0; 3]);
    text::draw(&mut strip, Style::new(Font::Bold, size, [255; 3]), (2.0, f32::from(size) * 1.1), words);
    let (sin, cos) = rng.range(-0.6, 0.6).sin_cos();
    let center = (w * rng.range(0.4, 0.6), h * rng.range(0.35, 0.65));
    let color = [[214, 32, 38], [30, 60, 170], [250, 250, 250], [20, 20, 20]][rng.below(4)];
    let alpha = rng.range(0.4, 0.65);
    let (sw, sh) = (strip.width as f32, strip.height as f32);
    canvas.shade([0.0, 0.0, w, h], color, |x, y| {
        let (dx, dy) = (x - center.0, y - center.1);
        let (u, v) = (dx * cos + dy * sin + sw / 2.0, dy * cos - dx * sin + sh / 2.0);
        if u < 0.0 || v < 0.0 || u >= sw || v >= sh {
            return 0.0;
        }
        f32::from(unpack(strip.pixels[v as usize * strip.width + u as usize])[0]) / 255.0 * alpha
    });
    raster::to_image(&canvas)
}

/// An opaque box over this share of the area.
pub(super) fn cover(image: &RgbImage, share: f32, rng: &mut Rng) -> RgbImage {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let aspect = rng.range(0.6, 1.6);
    let (bw, bh) = ((w * (share * aspect).sqrt()).min(w), (h * (share / aspect).sqrt()).min(h));
    let (x, y) = (rng.unit() * (w - bw), rng.unit() * (h - bh));
    let color = if rng.chance(0.6) { [[0; 3], [255; 3]][rng.below(2)] } else { hsv(rng.unit(), 0.6, 0.8) };
    let area = Rect::clipped([x, y, x + bw, y + bh], image.width(), image.height());
    let mut out = image.clone();
    fill(&mut out, area, color);
    out
}

fn fill(image: &mut RgbImage, area: Option<Rect>, color: [u8; 3]) {
    let Some(area) = area else { return };
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            image.put_pixel(x, y, image::Rgb(color));
        }
    }
}

/// Nine blocks over the shorter side of an area.
pub(super) fn pixelate(image: &RgbImage, area: Option<Rect>) -> RgbImage {
    let mut out = image.clone();
    let Some(area) = area else { return out };
    let block = (area.width.min(area.height) / 9).max(2);
    let (right, bottom) =
        ((area.x + area.width).min(image.width()), (area.y + area.height).min(image.height()));
    for y0 in (area.y..bottom).step_by(block as usize) {
        for x0 in (area.x..right).step_by(block as usize) {
            let (x1, y1) = ((x0 + block).min(right), (y0 + block).min(bottom));
            let mut sum = [0_u32; 3];
            for y in y0..y1 {
                for x in x0..x1 {
                    let c = image.get_pixel(x, y).0;
                    (0..3).for_each(|i| sum[i] += u32::from(c[i]));
                }
            }
            let count = ((x1 - x0) * (y1 - y0)).max(1);
            let mean = sum.map(|s| (s / count) as u8);
            fill(&mut out, Some(Rect { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }), mean);
        }
    }
    out
}

pub(super) fn black_out(image: &RgbImage, layout: &Layout) -> RgbImage {
    let mut out = image.clone();
    for &field in &layout.fields {
        let area = [field.x, field.y, field.x + field.width, field.y + field.height].map(|v| v as f32);
        let grown = [area[0] - 3.0, area[1] - 2.0, area[2] + 3.0, area[3] + 2.0];
        fill(&mut out, Rect::clipped(grown, image.width(), image.height()), [0; 3]);
    }
    out
}

/// A black bar across the portrait at the height of the eyes.
pub(super) fn bar(image: &RgbImage, layout: &Layout) -> RgbImage {
    let mut out = image.clone();
    let Some(area) = layout.portrait else { return out };
    let top = area.y + area.height * 2 / 5;
    let bar = [area.x, top, area.x + area.width, top + area.height / 6].map(|v| v as f32);
    fill(&mut out, Rect::clipped(bar, image.width(), image.height()), [0; 3]);
    out
}
