//! The means of drawing: soft shapes in head coordinates, and the relief of a head.

use super::{Face, Sitting};
use crate::canvas::{Canvas, lerp, pack};
use crate::noise::{Smooth, whole};

/// A colour before rounding, 0 to 255 a channel.
pub(super) type Tone = [f32; 3];

/// Resolution of the lookup tables over head coordinates, entries a unit.
const FINE: f32 = 160.0;
const SPAN: f32 = 1.5;
const BUMPS: usize = 12;

pub(super) fn smooth(edge0: f32, edge1: f32, x: f32) -> f32 {
    let t = ((x - edge0) / (edge1 - edge0)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub(super) fn tone(color: [u8; 3]) -> Tone {
    color.map(f32::from)
}

pub(super) fn scaled(color: Tone, by: f32) -> Tone {
    color.map(|c| c * by)
}

pub(super) fn toward(a: Tone, b: Tone, t: f32) -> Tone {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// The drawing in progress: canvas and the map from pixels to head coordinates.
pub(super) struct Easel<'a> {
    pub(super) canvas: &'a mut Canvas,
    pub(super) center: (f32, f32),
    /// Pixels a head unit.
    pub(super) scale: f32,
    pub(super) cos: f32,
    pub(super) sin: f32,
    pub(super) gain: Tone,
    pub(super) noise: Smooth,
}

impl Easel<'_> {
    /// Paints `shape` - colour and signed depth in head units - over a box in head coordinates.
    pub(super) fn layer(&mut self, area: [f32; 4], opacity: f32, shape: impl Fn(f32, f32) -> (Tone, f32)) {
        self.blend(area, |x, y, scale| {
            let (color, depth) = shape(x, y);
            (color, (depth * scale + 0.5).clamp(0.0, 1.0) * opacity)
        });
    }

    /// Paints `shape` - colour and alpha - over a box in head coordinates.
    pub(super) fn blend(&mut self, area: [f32; 4], shape: impl Fn(f32, f32, f32) -> (Tone, f32)) {
        let [x0, y0, x1, y1] = area;
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for (x, y) in [(x0, y0), (x1, y0), (x0, y1), (x1, y1)] {
            let px = self.center.0 + (x * self.cos - y * self.sin) * self.scale;
            let py = self.center.1 + (x * self.sin + y * self.cos) * self.scale;
            low = (low.0.min(px), low.1.min(py));
            high = (high.0.max(px), high.1.max(py));
        }
        let columns =
            (low.0.max(0.0) as usize)..((high.0 + 2.0).clamp(0.0, self.canvas.width as f32) as usize);
        let rows = (low.1.max(0.0) as usize)..((high.1 + 2.0).clamp(0.0, self.canvas.height as f32) as usize);
        let (dx, dy) = (self.cos / self.scale, -self.sin / self.scale);
        for row in rows {
            let (ox, oy) = (columns.start as f32 - self.center.0, row as f32 - self.center.1);
            let mut x = (ox * self.cos + oy * self.sin) / self.scale;
            let mut y = (-ox * self.sin + oy * self.cos) / self.scale;
            let start = row * self.canvas.width;
            if columns.start >= columns.end {
                return;
            }
            for slot in &mut self.canvas.pixels[start + columns.start..start + columns.end] {
                if x >= x0 && x <= x1 && y >= y0 && y <= y1 {
                    let (color, alpha) = shape(x, y, self.scale);
                    if alpha > 0.003 {
                        let lit = |i: usize| whole((color[i] * self.gain[i]).clamp(0.0, 255.0)) as u8;
                        let weight = whole(alpha.min(1.0) * 256.0) & 511;
                        *slot = lerp(*slot, pack([lit(0), lit(1), lit(2)]), weight);
                    }
                }
                x += dx;
                y += dy;
            }
        }
    }
}

/// Precomputed relief of one face: separable bumps and the outline of the head.
pub(super) struct Relief {
    across: Vec<[f32; BUMPS]>,
    down: Vec<[f32; BUMPS]>,
    half: Vec<f32>,
}

fn slot(v: f32) -> usize {
    (whole(((v + SPAN) * FINE).clamp(0.0, 2.0 * SPAN * FINE - 1.0)) & 0xffff) as usize
}

impl Relief {
    pub(super) fn new(face: &Face, sitting: &Sitting) -> Self {
        let shade = -sitting.light[0].signum();
        let (turn, age) = (sitting.turn, face.age);
        let bumps: [(f32, f32, f32, f32, f32); BUMPS] = [
            (turn - face.eye_x, face.eye_y - 0.02, 0.17, 0.11, -0.17 - 0.06 * age),
            (turn + face.eye_x, face.eye_y - 0.02, 0.17, 0.11, -0.17 - 0.06 * age),
            (turn * 0.7 - 0.42, 0.27, 0.17, 0.17, 0.09),
            (turn * 0.7 + 0.42, 0.27, 0.17, 0.17, 0.09),
            (turn * 1.3, f32::midpoint(face.eye_y, face.nose_y), 0.045, 0.24, 0.11 * face.ridge),
            (turn * 1.2 + shade * 0.11, face.nose_y - 0.14, 0.055, 0.2, -0.16 * face.ridge),
            (turn * 1.4, face.nose_y - 0.03, face.nose_width * 0.5, 0.06, 0.14),
            (turn * 1.3 + shade * 0.03, face.nose_y + 0.07, face.nose_width, 0.04, -0.24),
            (turn, face.mouth_y + face.lips + 0.06, 0.17, 0.045, -0.14),
            (turn, 0.86, 0.17, 0.1, 0.07),
            (turn * 0.6 - sitting.light[0] * -0.2, -0.45, 0.36, 0.2, 0.09),
            (shade * face.width, 0.2, 0.26, 0.7, -0.22),
        ];
        let steps = (2.0 * SPAN * FINE) as usize;
        let at = |i: usize| i as f32 / FINE - SPAN;
        let bell = |d: f32, s: f32| (-0.5 * (d / s) * (d / s)).exp();
        let half = |y: f32| {
            if y < -0.05 {
                let v = ((y + 0.05) / 0.95).abs();
                if v >= 1.0 { -0.2 * (v - 1.0) } else { face.width * (1.0 - v.powf(2.3)).sqrt() }
            } else {
                let v = (y + 0.05) / 1.05;
                if v >= 1.0 {
                    return -0.2 * (v - 1.0);
                }
                let taper = 1.0 - (1.0 - face.jaw) * smooth(0.1, 0.95, v);
                face.width * taper * (1.0 - v.powf(face.squareness)).sqrt()
            }
        };
        Self {
            across: (0..steps).map(|i| bumps.map(|b| b.4 * bell(at(i) - b.0, b.2))).collect(),
            down: (0..steps).map(|i| bumps.map(|b| bell(at(i) - b.1, b.3))).collect(),
            half: (0..steps).map(|i| half(at(i))).collect(),
        }
    }

    pub(super) fn half(&self, y: f32) -> f32 {
        self.half[slot(y)]
    }

    pub(super) fn bumps(&self, x: f32, y: f32) -> f32 {
        let (a, d) = (&self.across[slot(x)], &self.down[slot(y)]);
        // Four sums side by side, which the compiler can keep in one register.
        let mut sums = [0.0_f32; 4];
        for (i, (a, d)) in a.iter().zip(d).enumerate() {
            sums[i % 4] += a * d;
        }
        sums.iter().sum()
    }
}
