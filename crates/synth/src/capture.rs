//! Scanners and cameras: how a printed sheet becomes the image that a vault keeps.

use image::RgbImage;

use crate::bilinear::{Level, bilinear, exact, fixed, rounded, run};
use crate::canvas::{Canvas, Pixel, lerp};
use crate::noise::{self, DEVIATES, RUN};
use crate::plane::{Homography, Quad, corners, turned};
use crate::rng::{self, Rng};
use crate::table::Ground;

/// How a document was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Medium {
    /// A flatbed scan: the document fills the frame but for a thin margin, turned by at most a degree.
    Scan,
    /// A camera: mild perspective, a table around the document, uneven light.
    Camera,
}

/// The settings of one exposure.
#[derive(Clone, Debug)]
pub(crate) struct Exposure {
    pub(crate) medium: Medium,
    pub(crate) size: (usize, usize),
    /// Where the corners of the sheet come to lie.
    quad: Quad,
    ground: Ground,
    gains: [f32; 3],
    lift: i32,
    /// Brightness slope over the width and height, and fall-off to the corners.
    slope: (f32, f32, f32),
    blur: f32,
    grain: f32,
    /// JPEG quality of the stored file.
    pub(crate) quality: u8,
    seed: u64,
}

impl Exposure {
    /// Draws the settings for a sheet of this size, enlarged by about `zoom`; `bleed` for pictures without a
    /// border.
    pub(crate) fn draw((width, height): (usize, usize), zoom: f32, bleed: bool, seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0x6361_7074);
        let camera = rng.chance(0.25);
        let zoom = zoom * rng.range(0.95, 1.05);
        let size = ((width as f32 * zoom).round() as usize, (height as f32 * zoom).round() as usize);
        let (w, h) = (size.0 as f32, size.1 as f32);
        let medium = if camera { Medium::Camera } else { Medium::Scan };
        let (quad, ground) = if bleed {
            let mut cut = || rng.range(0.0, 0.025);
            let (l, t, r, b) = (cut() * w, cut() * h, cut() * w, cut() * h);
            ([(-l, -t), (w + r, -t), (w + r, h + b), (-l, h + b)], Ground::Plain([0; 3]))
        } else if camera {
            let fill = rng.range(0.84, 0.92);
            let (mx, my) = (w * (1.0 - fill) / 2.0, h * (1.0 - fill) / 2.0);
            let base = corners(w * fill, h * fill).map(|(x, y)| (x + mx, y + my));
            let base = turned(base, (w / 2.0, h / 2.0), rng.normal() * 0.022);
            let reach = 0.022;
            let quad =
                base.map(|(x, y)| (x + rng.range(-reach, reach) * w, y + rng.range(-reach, reach) * h));
            (quad, Ground::table(rng.next_u64()))
        } else {
            let margin = rng.range(0.004, 0.02) * w;
            let base = corners(w - 2.0 * margin, h - 2.0 * margin).map(|(x, y)| (x + margin, y + margin));
            let shift = (rng.range(-0.5, 0.5) * margin, rng.range(-0.5, 0.5) * margin);
            let base = base.map(|(x, y)| (x + shift.0, y + shift.1));
            let lid = if rng.chance(0.7) { rng.int(232, 252) } else { rng.int(24, 70) } as u8;
            let quad = turned(base, (w / 2.0, h / 2.0), rng.range(-0.0175, 0.0175));
            (quad, Ground::Plain([lid, lid, lid.saturating_sub(2)]))
        };
        let level = rng.range(0.9, 1.06);
        let spread = if camera { 0.06 } else { 0.03 };
        let uneven = if camera { 0.22 } else { 0.06 };
        Self {
            medium,
            size,
            quad,
            ground,
            gains: [0; 3].map(|_| level * (1.0 + rng.range(-spread, spread))),
            lift: rng.int(-8, 10),
            slope: (
                rng.range(-uneven, uneven),
                rng.range(-uneven, uneven),
                if camera { rng.range(0.0, 0.3) } else { 0.0 },
            ),
            blur: rng.range(0.0, 0.8),
            grain: if camera { rng.range(1.2, 3.6) } else { rng.range(0.3, 1.8) },
            quality: rng.int(75, 95) as u8,
            seed: rng.next_u64(),
        }
    }

    /// The map from sheet to image coordinates.
    pub(crate) fn forward(&self, sheet: &Canvas) -> Homography {
        Homography::between(corners(sheet.width as f32, sheet.height as f32), self.quad)
    }

    /// Takes the picture.
    pub(crate) fn take(&self, mut sheet: Canvas, corner: f32) -> RgbImage {
        if self.blur > 0.25 {
            sheet.soften(self.blur);
        }
        let inverse = Homography::between(self.quad, corners(sheet.width as f32, sheet.height as f32));
        let (width, height) = self.size;
        let mut out = vec![0_u8; width * height * 3];
        let mut line = vec![[[0; 4]; 2]; width];
        for (y, row) in out.chunks_exact_mut(width * 3).enumerate() {
            self.sample(&sheet, &inverse, corner, y, &mut line);
            self.develop(y, &line, row);
        }
        RgbImage::from_raw(width as u32, height as u32, out).expect("the buffer was made for this size")
    }

    /// One row of the scene. Perspective is exact every 32 pixels and linear between.
    fn sample(&self, sheet: &Canvas, inverse: &Homography, corner: f32, y: usize, line: &mut [Level]) {
        const SPAN: usize = 32;
        let (sw, sh) = (sheet.width as f32, sheet.height as f32);
        let inside = |(u, v): (f32, f32)| {
            let margin = 2.0 + corner * 0.3;
            u > margin && v > margin && u < sw - margin && v < sh - margin
        };
        let at = |x: usize| {
            let (u, v) = inverse.map(x as f32 + 0.5, y as f32 + 0.5);
            (u - 0.5, v - 0.5)
        };
        let mut from = at(0);
        for (i, part) in line.chunks_mut(SPAN).enumerate() {
            let to = at((i + 1) * SPAN);
            let step = ((to.0 - from.0) / SPAN as f32, (to.1 - from.1) / SPAN as f32);
            if inside(from) && inside(to) {
                let fraction = |v: f32| (v * 65536.0) as i64;
                run(sheet, part, (fixed(from.0), fixed(from.1)), (fraction(step.0), fraction(step.1)));
            } else {
                for (k, slot) in part.iter_mut().enumerate() {
                    let (u, v) = (from.0 + step.0 * k as f32, from.1 + step.1 * k as f32);
                    let (ax, ay) =
                        ((u + 0.5 - sw / 2.0).abs() - sw / 2.0, (v + 0.5 - sh / 2.0).abs() - sh / 2.0);
                    if ax.max(ay) > SHADOW {
                        *slot = exact(self.ground.at(i * SPAN + k, y));
                    } else if ax.max(ay) < -1.0 && ax.min(ay) < -corner {
                        run(sheet, std::slice::from_mut(slot), (fixed(u), fixed(v)), (0, 0));
                    } else {
                        *slot = edge(sheet, corner, (u, v), self.ground.at(i * SPAN + k, y));
                    }
                }
            }
            from = to;
        }
    }

    /// Light, sensor and rounding for one row, in 16-bit arithmetic that the compiler can vectorise: levels
    /// are multiplied by gains of 12 fraction bits and meet the noise with four fraction bits left.
    fn develop(&self, y: usize, line: &[Level], row: &mut [u8]) {
        const SPAN: usize = 16;
        let (w, h) = (self.size.0 as f32, self.size.1 as f32);
        let grain = (self.grain * 8.0) as i16;
        let lift = self.lift as i16 * 16 + 8;
        let start = rng::mix(self.seed ^ y as u64) as usize & (DEVIATES - 1);
        let noise = noise::deviates()[start..start + RUN].as_chunks::<{ 4 * SPAN }>().0;
        let v = y as f32 / h - 0.5;
        // Rows longer than a run repeat it; nobody sees that 2,000 pixels away.
        for ((i, part), noise) in line.chunks(SPAN).enumerate().zip(noise.iter().cycle()) {
            // 16 pixels share a gain: it moves by less than one level.
            let u = (i * SPAN + SPAN / 2) as f32 / w - 0.5;
            let light = 1.0 + self.slope.0 * u + self.slope.1 * v - self.slope.2 * (u * u + v * v);
            let gain = self.gains.map(|g| (g * light * 4096.0) as u16);
            let (mut levels, mut gains) = ([0_u16; 4 * SPAN], [0_u16; 4 * SPAN]);
            for (slots, [left, right]) in levels.as_chunks_mut::<4>().0.iter_mut().zip(part) {
                for k in 0..4 {
                    slots[k] = left[k].wrapping_add(right[k]);
                }
            }
            for slots in gains.as_chunks_mut::<4>().0 {
                *slots = [gain[0], gain[1], gain[2], 0];
            }
            let mut bytes = [0_u8; 4 * SPAN];
            for k in 0..4 * SPAN {
                // Wrapping, so that debug builds vectorise too; no operand comes near its limits.
                let lit = (u32::from(levels[k]).wrapping_mul(u32::from(gains[k])) >> 16) as i16;
                let level = lit.wrapping_add(lift).wrapping_add(noise[k].wrapping_mul(grain) >> 4) >> 4;
                bytes[k] = level.clamp(0, 255) as u8;
            }
            // Each pixel's spare byte is overwritten by the next pixel.
            let mut packed = [0_u8; 3 * SPAN + 1];
            for (k, pixel) in bytes.as_chunks::<4>().0.iter().enumerate() {
                packed[3 * k..3 * k + 4].copy_from_slice(pixel);
            }
            row[3 * SPAN * i..][..3 * part.len()].copy_from_slice(&packed[..3 * part.len()]);
        }
    }
}

/// How far the shadow of a sheet reaches over the ground, in pixels of the sheet.
const SHADOW: f32 = 14.0;

/// A sample near the border: rounded corners, a soft edge, a shadow on the ground.
fn edge(sheet: &Canvas, corner: f32, (u, v): (f32, f32), ground: Pixel) -> Level {
    let (w, h) = (sheet.width as f32, sheet.height as f32);
    let (hx, hy) = (w / 2.0 - corner, h / 2.0 - corner);
    let (ax, ay) = ((u + 0.5 - w / 2.0).abs() - hx, (v + 0.5 - h / 2.0).abs() - hy);
    let (dx, dy) = (ax.max(0.0), ay.max(0.0));
    let distance = (dx * dx + dy * dy).sqrt() + ax.max(ay).min(0.0) - corner;
    let cover = ((0.5 - distance).clamp(0.0, 1.0) * 256.0) as u32;
    let shadow = lerp(ground, [0; 4], (70.0 * (1.0 - distance / SHADOW).clamp(0.0, 1.0)) as u32);
    if cover == 0 {
        return exact(shadow);
    }
    let paper = rounded(bilinear(sheet, fixed(u.clamp(0.0, w - 1.1)), fixed(v.clamp(0.0, h - 1.1))));
    exact(lerp(shadow, paper, cover))
}
