//! Draws a sitting: layers of implicit shapes with soft edges, lit from one side.

use super::hair::Shape;
use super::{Backdrop, Beard, Cut, Face, Sitting};
use crate::canvas::{Canvas, hsv, lerp, pack};
use crate::noise::Smooth;
use crate::rng::Rng;

type Tone = [f32; 3];

/// Resolution of the lookup tables over head coordinates, entries a unit.
const FINE: f32 = 160.0;
const SPAN: f32 = 1.5;
const BUMPS: usize = 12;

fn smooth(edge0: f32, edge1: f32, x: f32) -> f32 {
    let t = ((x - edge0) / (edge1 - edge0)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn tone(color: [u8; 3]) -> Tone {
    color.map(f32::from)
}

fn scaled(color: Tone, by: f32) -> Tone {
    color.map(|c| c * by)
}

fn toward(a: Tone, b: Tone, t: f32) -> Tone {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// The drawing in progress: canvas and the map from pixels to head coordinates.
struct Easel<'a> {
    canvas: &'a mut Canvas,
    center: (f32, f32),
    /// Pixels a head unit.
    scale: f32,
    cos: f32,
    sin: f32,
    gain: Tone,
    noise: Smooth,
}

impl Easel<'_> {
    /// Paints `shape` - colour and signed depth in head units - over a box in head coordinates.
    fn layer(&mut self, area: [f32; 4], opacity: f32, shape: impl Fn(f32, f32) -> (Tone, f32)) {
        self.blend(area, |x, y, scale| {
            let (color, depth) = shape(x, y);
            (color, (depth * scale + 0.5).clamp(0.0, 1.0) * opacity)
        });
    }

    /// Paints `shape` - colour and alpha - over a box in head coordinates.
    fn blend(&mut self, area: [f32; 4], shape: impl Fn(f32, f32, f32) -> (Tone, f32)) {
        let [x0, y0, x1, y1] = area;
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for (x, y) in [(x0, y0), (x1, y0), (x0, y1), (x1, y1)] {
            let px = self.center.0 + (x * self.cos - y * self.sin) * self.scale;
            let py = self.center.1 + (x * self.sin + y * self.cos) * self.scale;
            low = (low.0.min(px), low.1.min(py));
            high = (high.0.max(px), high.1.max(py));
        }
        let columns = (low.0.max(0.0) as usize)..((high.0 + 2.0).clamp(0.0, self.canvas.width as f32) as usize);
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
                        let lit = [0, 1, 2].map(|i| (color[i] * self.gain[i]).clamp(0.0, 255.0) as u8);
                        *slot = lerp(*slot, pack(lit), (alpha.min(1.0) * 256.0) as u32);
                    }
                }
                x += dx;
                y += dy;
            }
        }
    }
}

/// Precomputed relief of one face: separable bumps and the outline of the head.
struct Relief {
    across: Vec<[f32; BUMPS]>,
    down: Vec<[f32; BUMPS]>,
    half: Vec<f32>,
}

fn slot(v: f32) -> usize {
    (((v + SPAN) * FINE) as usize).min((2.0 * SPAN * FINE) as usize - 1)
}

impl Relief {
    fn new(face: &Face, sitting: &Sitting) -> Self {
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

    fn half(&self, y: f32) -> f32 {
        self.half[slot(y)]
    }

    fn bumps(&self, x: f32, y: f32) -> f32 {
        let (a, d) = (&self.across[slot(x)], &self.down[slot(y)]);
        a.iter().zip(d).map(|(a, d)| a * d).sum()
    }
}

/// Draws `face` as photographed in `sitting`.
pub(crate) fn render(face: &Face, sitting: &Sitting, width: usize, height: usize) -> Canvas {
    let mut canvas = Canvas::new(width, height, [128; 3]);
    let noise = Smooth::get();
    backdrop(&mut canvas, sitting, noise);
    let relief = Relief::new(face, sitting);
    let warm = sitting.warmth;
    let exposure = sitting.exposure;
    let mut easel = Easel {
        center: (sitting.center.0 * width as f32, sitting.center.1 * height as f32),
        scale: sitting.size * height as f32,
        cos: sitting.roll.cos(),
        sin: sitting.roll.sin(),
        gain: [exposure * (1.0 + warm), exposure, exposure * (1.0 - warm)],
        noise,
        canvas: &mut canvas,
    };
    let shape = Shape::of(face);
    let hair = Hair::new(face, &shape, sitting, noise);
    hair.behind(&mut easel);
    body(&mut easel, face, sitting);
    ears(&mut easel, face, sitting, &relief);
    head(&mut easel, face, sitting, &relief);
    beard(&mut easel, face, sitting, &relief);
    mouth(&mut easel, face, sitting);
    nose(&mut easel, face, sitting);
    eyes(&mut easel, face, sitting);
    hair.before(&mut easel, &relief);
    brows(&mut easel, face, sitting);
    glasses(&mut easel, face, sitting, &relief);
    canvas
}

fn backdrop(canvas: &mut Canvas, sitting: &Sitting, noise: Smooth) {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    let mut rng = Rng::new(u64::from(sitting.seed), 3);
    match sitting.backdrop {
        Backdrop::Studio(wall) => {
            let (gx, gy) = (rng.range(-0.14, 0.14), rng.range(-0.12, 0.08));
            let wall = tone(wall);
            let width = canvas.width;
            for (i, slot) in canvas.pixels.iter_mut().enumerate() {
                let (x, y) = ((i % width) as f32 / w - 0.5, (i / width) as f32 / h - 0.5);
                let level = 1.0 + gx * x + gy * y - 0.12 * (x * x + y * y);
                *slot = pack(wall.map(|c| (c * level * sitting.exposure.min(1.06)).min(255.0) as u8));
            }
        }
        Backdrop::Room => {
            let hue = rng.unit();
            let wall = tone(hsv(hue, rng.range(0.04, 0.35), rng.range(0.45, 0.9)));
            let gx = rng.range(-0.5, 0.5);
            let width = canvas.width;
            for (i, slot) in canvas.pixels.iter_mut().enumerate() {
                let (x, y) = ((i % width) as f32 / w - 0.5, (i / width) as f32 / h - 0.5);
                let level = 0.9 + gx * x - 0.2 * y + 0.05 * noise.at(x * 60.0, y * 60.0);
                *slot = pack(wall.map(|c| (c * level * sitting.exposure).min(255.0) as u8));
            }
            furnish(canvas, &mut rng, (w, h));
        }
    }
}

/// Things in a room: windows, doors, shelves with books, pictures, plants.
fn furnish(canvas: &mut Canvas, rng: &mut Rng, (w, h): (f32, f32)) {
    for _ in 0..rng.int(2, 5) {
        let (x, y) = (rng.range(-0.1, 0.9) * w, rng.range(-0.1, 0.7) * h);
        let (dx, dy) = (rng.range(0.15, 0.45) * w, rng.range(0.15, 0.55) * h);
        let tint = hsv(rng.unit(), rng.range(0.1, 0.5), rng.range(0.2, 0.8));
        match rng.below(4) {
            0 => {
                canvas.rounded([x, y, x + dx, y + dy], 2.0, [246, 248, 250], 0.95);
                canvas.rounded([x + dx * 0.48, y, x + dx * 0.52, y + dy], 1.0, [120, 110, 100], 1.0);
                canvas.rounded([x, y + dy * 0.45, x + dx, y + dy * 0.48], 1.0, [120, 110, 100], 1.0);
            }
            1 => {
                let mut at = x;
                canvas.rounded([x, y, x + dx, y + dy * 0.5], 1.0, [60, 46, 36], 0.9);
                while at < x + dx - 8.0 {
                    let thick = rng.range(0.012, 0.035) * w;
                    let top = y + dy * rng.range(0.02, 0.16);
                    let spine = hsv(rng.unit(), rng.range(0.2, 0.7), rng.range(0.25, 0.85));
                    canvas.rounded([at, top, at + thick, y + dy * 0.48], 1.0, spine, 1.0);
                    at += thick + 1.0;
                }
            }
            2 => {
                canvas.rounded([x, y, x + dx * 0.7, y + dy * 0.5], 1.0, [40, 34, 30], 1.0);
                let m = 0.02 * w;
                canvas.rounded([x + m, y + m, x + dx * 0.7 - m, y + dy * 0.5 - m], 1.0, tint, 1.0);
                let at = (x + dx * 0.35, y + dy * 0.28);
                canvas.ellipse(at, (dx * 0.2, dy * 0.12), hsv(rng.unit(), 0.5, 0.8), 0.9);
            }
            _ => {
                for _ in 0..14 {
                    let at = (x + rng.range(0.0, 0.5) * dx, y + rng.range(0.0, 0.8) * dy);
                    let leaf = hsv(rng.range(0.22, 0.38), 0.6, rng.range(0.2, 0.55));
                    canvas.ellipse(at, (rng.range(0.01, 0.05) * w, rng.range(0.01, 0.05) * w), leaf, 0.9);
                }
            }
        }
    }
    for _ in 0..3 {
        canvas.soften(0.9);
    }
}

struct Hair<'a> {
    face: &'a Face,
    shape: &'a Shape,
    light: [f32; 3],
    color: Tone,
    noise: Smooth,
}

impl<'a> Hair<'a> {
    fn new(face: &'a Face, shape: &'a Shape, sitting: &Sitting, noise: Smooth) -> Self {
        let color = if face.cut == Cut::Scarf { tone(sitting.cloth) } else { tone(face.hair) };
        Self { face, shape, light: sitting.light, color, noise }
    }

    fn area(&self) -> [f32; 4] {
        let reach = self.shape.reach(self.face);
        [-reach, self.shape.upper(), reach, self.shape.bottom()]
    }

    fn behind(&self, easel: &mut Easel<'_>) {
        if self.face.cut != Cut::Bald {
            easel.layer(self.area(), 1.0, |x, y| {
                let depth = self.shape.depth(self.face, self.noise, x, y);
                if depth < -0.05 {
                    return (self.color, depth);
                }
                let sheen = self.shape.sheen(self.face, self.noise, self.light, x, y);
                (scaled(self.color, sheen * 0.62), depth)
            });
        }
    }

    fn before(&self, easel: &mut Easel<'_>, relief: &Relief) {
        if self.face.cut == Cut::Bald {
            return;
        }
        let opacity = if self.face.cut == Cut::Buzz { 0.72 } else { 1.0 };
        let mut area = self.area();
        if matches!(self.face.cut, Cut::Bald | Cut::Buzz | Cut::Receding | Cut::SidePart | Cut::Swept | Cut::Fringe | Cut::Bun | Cut::Crest) {
            area[3] = area[3].min(0.2);
        }
        easel.layer(area, opacity, |x, y| {
            let front = self.shape.front(self.face, self.noise, relief.half(y).max(0.02), x, y);
            if front < -0.04 {
                return (self.color, -1.0);
            }
            let depth = self.shape.depth(self.face, self.noise, x, y).min(front);
            if depth < -0.04 {
                return (self.color, depth);
            }
            let edge = 0.75 + 0.25 * smooth(0.0, 0.08, front);
            (scaled(self.color, self.shape.sheen(self.face, self.noise, self.light, x, y) * edge), depth)
        });
    }
}

/// Skin at a brightness: shadows lose blue first, as living skin does.
fn flesh(skin: Tone, level: f32) -> Tone {
    let l = level.max(0.05);
    [skin[0] * l, skin[1] * l * (0.86 + 0.14 * l.min(1.1)), skin[2] * l * (0.78 + 0.22 * l.min(1.1))]
}

fn body(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let (noise, light) = (easel.noise, sitting.light);
    let skin = tone(face.skin);
    easel.layer([-0.9, 0.4, 0.9, 1.9], 1.0, |x, y| {
        let half = face.neck + 0.32 * smooth(1.1, 1.6, y);
        let level = 0.72 + 0.25 * x / half * light[0] - 0.32 * smooth(1.3, 0.85, y);
        (flesh(skin, level), half - x.abs())
    });
    let cloth = tone(sitting.cloth);
    let collar = sitting.collar;
    let dark = scaled(cloth, 0.55);
    easel.layer([-2.6, 1.0, 2.6, 3.2], 1.0, |x, y| {
        let a = x.abs();
        let top = 1.3 + 0.32 * smooth(face.neck, face.shoulders, a) * (a / face.shoulders)
            + 1.4 * (a - face.shoulders * 0.9).max(0.0).powi(2);
        let neck = match collar {
            0 => 1.33 + 0.25 * (1.0 - (a / 0.6).powi(2)).max(0.0),
            1 => 1.25 + 1.1 * (0.5 - a).max(0.0),
            2 => 1.22,
            3 => 1.3 + 0.7 * (0.42 - a).max(0.0),
            _ => 1.36 + 0.4 * (0.7 - a).max(0.0),
        };
        let fold = noise.at(x * 2.6 + y, y * 1.4 + 9.0) - 0.5;
        let weave = noise.at(x * 70.0, y * 70.0) - 0.5;
        let level = 0.82 + 0.28 * x * light[0] / 2.0 + 0.3 * fold + 0.1 * weave - 0.12 * (y - 1.4);
        let mut color = scaled(cloth, level);
        if collar == 3 {
            // Shirt under a jacket: light triangle, a tie, lapels.
            let opening = 0.62 - 0.34 * (y - 1.2);
            if a < opening {
                color = scaled([236.0, 238.0, 240.0], level);
                if a < 0.1 + 0.05 * (y - 1.3) {
                    let stripe = if ((x + y) * 14.0).sin() > 0.3 { 1.25 } else { 0.9 };
                    color = scaled([dark[2] + 40.0, dark[0] * 0.6, dark[1] * 0.8], level * stripe);
                }
            } else if a < opening + 0.035 {
                color = scaled(color, 0.55);
            }
        } else if collar == 4 && (y * 9.0 + x).sin() > 0.25 {
            color = toward(color, [235.0, 235.0, 230.0], 0.65);
        }
        let depth = (y - top).min(y - neck);
        if depth < 0.035 {
            color = toward(color, dark, 0.6);
        }
        (color, depth)
    });
}

fn ears(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting, relief: &Relief) {
    let skin = tone(face.skin);
    for side in [-1.0_f32, 1.0] {
        let visible = 1.0 - side * sitting.turn * 2.5;
        let (cx, cy) = (side * (relief.half(0.08) - 0.02) , 0.12);
        let (rx, ry) = (0.1 * face.ear * visible.clamp(0.3, 1.4), 0.2 * face.ear);
        easel.layer([cx - rx, cy - ry, cx + rx, cy + ry], 1.0, |x, y| {
            let (u, v) = ((x - cx) / rx, (y - cy) / ry);
            let r = (u * u + v * v).sqrt();
            let level = 0.8 + 0.15 * side * sitting.light[0] - 0.3 * smooth(0.75, 0.3, r);
            let warm = flesh(skin, level);
            ([warm[0], warm[1] * 0.92, warm[2] * 0.9], (1.0 - r) * rx)
        });
    }
}

fn head(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting, relief: &Relief) {
    let noise = easel.noise;
    let skin = tone(face.skin);
    let light = sitting.light;
    let drift = face.seed as f32 % 61.0;
    let w = face.width;
    easel.layer([-w - 0.02, -1.01, w + 0.02, 1.02], 1.0, |x, y| {
        let half = relief.half(y);
        let depth = half - x.abs();
        if depth < -0.03 {
            return (skin, depth);
        }
        let u = (x / half.max(0.05)).clamp(-1.0, 1.0);
        let v = y * 0.75;
        let nz = (1.0 - u * u * 0.8 - v * v * 0.5).max(0.04).sqrt();
        let lambert = u * 0.8 * light[0] + v * light[1] * 0.7 + nz * light[2];
        let pores = noise.at(x * 55.0 + drift, y * 55.0) - 0.5;
        let blotch = noise.at(x * 7.0 + drift, y * 7.0) - 0.5;
        let mut level = 0.5 + 0.58 * lambert.max(0.0) + relief.bumps(x, y) + 0.035 * pores + 0.04 * blotch;
        if face.age > 0.2 {
            level += wrinkles(face, sitting.turn, x, y);
        }
        let mut color = flesh(skin, level);
        let blush = 0.1 * (-(((x.abs() - 0.42) / 0.2).powi(2) + ((y - 0.3) / 0.16).powi(2))).exp();
        color = [color[0] * (1.0 + 0.3 * blush), color[1] * (1.0 - blush), color[2] * (1.0 - 0.8 * blush)];
        if face.freckles > 0.0 && y > -0.2 && y < 0.5 {
            let spot = noise.at(x * 38.0 + drift * 2.0, y * 38.0);
            let fade = smooth(0.55, 0.2, (y - 0.14).abs() * 1.6);
            color = scaled(color, 1.0 - 0.35 * face.freckles * fade * smooth(0.7, 0.85, spot));
        }
        for &(mx, my) in &face.moles {
            let d = ((x - mx) * (x - mx) + (y - my) * (y - my)).sqrt();
            if d < 0.04 {
                color = toward([70.0, 44.0, 34.0], color, smooth(0.012, 0.028, d));
            }
        }
        (color, depth)
    });
}

fn wrinkles(face: &Face, turn: f32, x: f32, y: f32) -> f32 {
    let a = (x - turn).abs();
    let crease = |distance: f32, thick: f32| (1.0 - distance.abs() / thick).max(0.0);
    let fold = a - (face.nose_width + 0.04 + 0.42 * (y - face.nose_y + 0.04));
    let nasolabial = if y > face.nose_y - 0.05 && y < face.mouth_y + 0.1 { crease(fold, 0.035) } else { 0.0 };
    let forehead = if y < -0.3 && y > -0.62 && a < 0.42 { ((y + 0.03 * a) * 62.0).sin().max(0.55) - 0.55 } else { 0.0 };
    let bag = crease(y - face.eye_y - 0.15 + 2.2 * (a - face.eye_x).powi(2), 0.03) * smooth(0.2, 0.1, (a - face.eye_x).abs());
    -face.age * (0.2 * nasolabial + 0.22 * forehead + 0.2 * bag)
}

fn beard(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting, relief: &Relief) {
    if face.beard == Beard::None {
        return;
    }
    let (noise, hair) = (easel.noise, tone(face.hair));
    let turn = sitting.turn;
    let lip = face.mouth_y - face.lips * 0.6;
    let bottom = if face.beard == Beard::Long { 1.5 } else { 1.06 };
    easel.blend([-0.95, 0.0, 0.95, bottom], |x, y, scale| {
        let (a, half) = ((x - turn).abs(), relief.half(y));
        let under_nose = smooth(face.nose_y + 0.05, face.nose_y + 0.1, y) * smooth(0.34, 0.26, a + 0.6 * (y - lip).max(0.0));
        let cheek = smooth(0.0, 0.1, y - (face.nose_y + 0.12 - 0.5 * (a - 0.3)).max(0.12));
        let lips = smooth(0.0, 0.05, ((a / (face.mouth_width * 1.1)).powi(2) + ((y - face.mouth_y) / (face.lips * 1.5 + 0.03)).powi(2)).sqrt() - 1.0);
        let chin = smooth(0.34, 0.24, a) * smooth(face.mouth_y + 0.02, face.mouth_y + 0.1, y);
        let jaw = if face.beard == Beard::Long {
            let length = 1.02 + 0.42 * (1.0 - (a / 0.6).powi(2)).max(0.0);
            if y > 0.6 { (face.width * face.jaw * 1.02 - x.abs()).min(length - y) } else { half + 0.02 - x.abs() }
        } else {
            half + 0.015 - x.abs()
        };
        let inside = (jaw * scale * 0.6 + 0.5).clamp(0.0, 1.0);
        let cover = match face.beard {
            Beard::None => 0.0,
            Beard::Stubble => 0.32 * cheek.max(under_nose) * lips,
            Beard::Moustache => 0.92 * under_nose * smooth(lip + 0.05, lip, y),
            Beard::Goatee => 0.9 * under_nose.max(chin) * lips,
            Beard::Full | Beard::Long => 0.94 * cheek.max(under_nose) * lips,
        };
        let strand = noise.at(x * 42.0, y * 20.0 + 3.0) - 0.5;
        let level = 0.8 + 0.7 * strand + 0.2 * x * sitting.light[0];
        (scaled(hair, level), cover * inside * (0.85 + 0.4 * strand))
    });
}

fn mouth(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let (cx, cy, half) = (sitting.turn * 1.1, face.mouth_y, face.mouth_width);
    let lip = tone(face.lip_color);
    let noise = easel.noise;
    let (upper, lower) = (face.lips * 0.8, face.lips * 1.15);
    let area = [cx - half - 0.05, cy - upper - 0.12, cx + half + 0.05, cy + lower + 0.12];
    easel.layer(area, 0.92, |x, y| {
        let u = (x - cx) / half;
        let line = cy - face.smile * (u * u - 0.3) + 0.008 * (u * 9.0).cos();
        let d = y - line;
        let room = (1.0 - u * u).max(0.0);
        let bow = 1.0 - 0.28 * (-(u * u) * 40.0).exp();
        let crease = 0.1 * (noise.at(x * 60.0, 1.0) - 0.5);
        let (depth, level) = if d < 0.0 {
            (upper * room.sqrt() * bow + d, 0.78 + crease - 1.5 * d)
        } else {
            let gloss = 0.3 * (-((u - sitting.light[0] * 0.3) * 3.0).powi(2) - ((d / lower - 0.4) * 3.0).powi(2)).exp();
            (lower * room.powf(0.7) - d, 0.98 + crease + gloss)
        };
        let seam = smooth(0.016, 0.004, d.abs());
        (toward(scaled(lip, level), [58.0, 26.0, 26.0], 0.8 * seam), depth.max(if u.abs() < 1.0 { 0.008 - d.abs() } else { -1.0 }))
    });
}

fn nose(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let skin = tone(face.skin);
    let cx = sitting.turn * 1.35;
    for side in [-1.0_f32, 1.0] {
        let (nx, ny) = (cx + side * face.nose_width * 0.45, face.nose_y + 0.03);
        let (rx, ry) = (face.nose_width * 0.26, 0.024);
        easel.blend([nx - 0.1, ny - 0.1, nx + 0.1, ny + 0.1], |x, y, _| {
            let (u, v) = ((x - nx) / rx, (y - ny + 0.012 * side * (x - nx) / rx) / ry);
            (scaled(skin, 0.24), 0.85 * smooth(1.3, 0.7, (u * u + v * v).sqrt()))
        });
        // The wing of the nose: a curved crease.
        let wx = cx + side * face.nose_width * 0.78;
        easel.blend([wx - 0.12, ny - 0.16, wx + 0.12, ny + 0.06], |x, y, _| {
            let (u, v) = ((x - wx + side * 0.05) / 0.07, (y - ny + 0.04) / 0.075);
            let ring = ((u * u + v * v).sqrt() - 1.0).abs();
            let outer = smooth(-0.2, 0.5, u * side);
            (scaled(skin, 0.48), 0.55 * outer * smooth(0.28, 0.05, ring))
        });
    }
}

fn eyes(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let (skin, iris) = (tone(face.skin), tone(face.iris));
    let noise = easel.noise;
    let gaze = sitting.turn * 0.25;
    for side in [-1.0_f32, 1.0] {
        let (cx, cy) = (sitting.turn + side * face.eye_x, face.eye_y);
        let (half, open) = (face.eye_width * (1.0 - 0.3 * side * sitting.turn), face.eye_width * face.eye_open);
        let area = [cx - half * 1.5, cy - open - 0.14, cx + half * 1.5, cy + open + 0.12];
        let local = |x: f32, y: f32| {
            let u = (x - cx) / half;
            let v = y - cy + face.eye_tilt * side * (x - cx) * 0.8;
            (u, v)
        };
        easel.layer(area, 1.0, |x, y| {
            let (u, v) = local(x, y);
            let room = (1.0 - u * u).max(0.0);
            let (lid, low) = (open * room.powf(0.75), open * 0.62 * room.powf(0.6));
            let depth = (v + lid).min(low - v);
            let radius = open * 0.92 + 0.012;
            let (ix, iy) = (u * half - gaze, v + open * 0.14);
            let r = (ix * ix + iy * iy).sqrt() / radius;
            let shadow = 0.72 + 0.28 * smooth(0.0, open * 0.7, v + lid);
            let white = scaled([228.0, 222.0, 216.0], shadow * (1.0 - 0.25 * u * u));
            let fibre = 0.75 + 0.5 * noise.at(ix * 90.0, iy * 90.0);
            let ring = scaled(iris, fibre * (1.25 - 0.75 * smooth(0.6, 1.0, r)) * shadow);
            let mut color = toward(ring, white, smooth(0.92, 1.06, r));
            color = toward([14.0, 12.0, 14.0], color, smooth(0.38, 0.5, r));
            let (gx, gy) = (ix - sitting.light[0] * radius * 0.4, iy + radius * 0.35);
            let glint = smooth(0.3, 0.18, (gx * gx + gy * gy).sqrt() / radius);
            (toward(color, [250.0; 3], glint), depth)
        });
        // Upper lashes, the fold of the lid, the lower rim.
        easel.blend(area, |x, y, _| {
            let (u, v) = local(x, y);
            let room = (1.0 - u * u).max(0.0);
            let lid = -open * room.powf(0.75);
            let reach = smooth(1.18, 0.98, u.abs());
            let lash = reach * smooth(0.026, 0.008, (v - lid + 0.004).abs());
            let fold = 0.5 * smooth(1.25, 0.9, u.abs()) * smooth(0.02, 0.004, (v - lid * 0.9 + 0.055).abs());
            let rim = 0.4 * smooth(1.05, 0.9, u.abs()) * smooth(0.016, 0.004, (v - open * 0.62 * room.powf(0.6)).abs());
            if lash >= fold.max(rim) {
                ([26.0, 18.0, 18.0], lash)
            } else {
                (scaled(skin, 0.45), fold.max(rim))
            }
        });
    }
}

fn brows(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let noise = easel.noise;
    let color = toward(scaled(tone(face.hair), 0.75), [50.0, 38.0, 32.0], 0.35);
    for side in [-1.0_f32, 1.0] {
        let (cx, cy) = (sitting.turn + side * face.eye_x * 1.03, face.eye_y - face.brow_gap);
        let half = face.eye_width * 1.45;
        easel.blend([cx - half, cy - 0.22, cx + half, cy + 0.2], |x, y, scale| {
            let u = (x - cx) / half * side;
            let curve = cy - face.brow_arch * (1.0 - (u - 0.2) * (u - 0.2)) + face.brow_tilt * u * 0.25;
            let thick = face.brow_thick * (1.0 - 0.55 * (u + 0.3).max(0.0)) * (1.0 - u.abs().powi(6)).max(0.0);
            let strand = noise.at(x * 70.0 + y * 60.0 * side, y * 18.0);
            let depth = thick - (y - curve).abs();
            let soft = (depth * scale * 0.5 + 0.5).clamp(0.0, 1.0);
            (scaled(color, 0.8 + 0.4 * strand), soft * (0.55 + 0.5 * strand))
        });
    }
}

fn glasses(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting, relief: &Relief) {
    let Some(frame) = face.glasses else { return };
    let rim = tone(frame.color);
    let (w, h) = (frame.half_width, frame.half_height);
    let radius = w.min(h) * (0.25 + 0.75 * frame.roundness);
    let cy = face.eye_y + 0.03;
    for side in [-1.0_f32, 1.0] {
        let cx = sitting.turn + side * face.eye_x * 1.02;
        easel.blend([cx - w - 0.06, cy - h - 0.06, cx + w + 0.06, cy + h + 0.06], |x, y, scale| {
            let (dx, dy) = (((x - cx).abs() - w + radius).max(0.0), ((y - cy).abs() - h + radius).max(0.0));
            let d = (dx * dx + dy * dy).sqrt() - radius;
            let line = ((frame.thick / 2.0 - d.abs()) * scale + 0.5).clamp(0.0, 1.0);
            let glare = (1.0 - ((x - cx) * 1.2 + (y - cy) - 0.04).abs() * 12.0).max(0.0) * 0.32;
            if line > 0.05 {
                (scaled(rim, 1.0 + 0.8 * (cy - y)), line)
            } else if d < 0.0 {
                ([240.0, 246.0, 250.0], 0.06 + glare)
            } else {
                (rim, 0.0)
            }
        });
        let (inner, outer) = (cx + side * w, side * relief.half(face.eye_y));
        let (x0, x1) = (inner.min(outer), inner.max(outer));
        easel.layer([x0, cy - 0.1, x1, cy + 0.06], 0.9, |_, y| (rim, frame.thick * 0.5 - (y - cy + h * 0.3).abs()));
    }
    let gap = (face.eye_x * 1.02 - w).max(0.0);
    easel.layer([sitting.turn - gap, cy - 0.12, sitting.turn + gap, cy + 0.1], 1.0, |x, y| {
        let arch = cy - 0.03 - 0.6 * (gap * gap - (x - sitting.turn).powi(2)).max(0.0);
        (rim, frame.thick * 0.55 - (y - arch).abs())
    });
}
