//! Draws a sitting: layers of implicit shapes with soft edges, lit from one side.

use super::backdrop::backdrop;
use super::easel::{Easel, Relief, Tone, scaled, smooth, tone, toward};
use super::features::{brows, eyes, glasses, mouth, nose};
use super::hair::Shape;
use super::{Beard, Cut, Face, Sitting};
use crate::canvas::Canvas;
use crate::noise::Smooth;

/// Draws `face` as photographed in `sitting`.
pub(crate) fn render(face: &Face, sitting: &Sitting, width: usize, height: usize) -> Canvas {
    let mut canvas = Canvas::new(width, height, [128; 3]);
    let noise = Smooth::get();
    backdrop(&mut canvas, sitting);
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
    hair.behind(&mut easel, &relief);
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

    fn behind(&self, easel: &mut Easel<'_>, relief: &Relief) {
        if self.face.cut != Cut::Bald {
            easel.layer(self.area(), 1.0, |x, y| {
                if y > -0.9 && x.abs() < 0.9 * relief.half(y) {
                    // The head will cover this.
                    return (self.color, -1.0);
                }
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
        if matches!(
            self.face.cut,
            Cut::Bald
                | Cut::Buzz
                | Cut::Receding
                | Cut::SidePart
                | Cut::Swept
                | Cut::Fringe
                | Cut::Bun
                | Cut::Crest
        ) {
            area[3] = area[3].min(0.2);
        }
        easel.layer(area, opacity, |x, y| {
            // Below the jaw the neck keeps the curtains apart.
            let half = relief.half(y).max(self.face.neck * 0.75);
            let front = Shape::front(self.face, self.noise, half, x, y);
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
        let depth = half - x.abs();
        if depth < -0.02 {
            return (skin, depth);
        }
        let level = 0.72 + 0.25 * x / half * light[0] - 0.32 * smooth(1.3, 0.85, y);
        (flesh(skin, level), depth)
    });
    let cloth = tone(sitting.cloth);
    let collar = sitting.collar;
    let dark = scaled(cloth, 0.55);
    easel.layer([-2.6, 1.0, 2.6, 3.2], 1.0, |x, y| {
        let a = x.abs();
        let top = 1.3
            + 0.32 * smooth(face.neck, face.shoulders, a) * (a / face.shoulders)
            + 1.4 * (a - face.shoulders * 0.9).max(0.0).powi(2);
        let neck = match collar {
            0 => 1.33 + 0.25 * (1.0 - (a / 0.6).powi(2)).max(0.0),
            1 => 1.25 + 1.1 * (0.5 - a).max(0.0),
            2 => 1.22,
            3 => 1.3 + 0.7 * (0.42 - a).max(0.0),
            _ => 1.36 + 0.4 * (0.7 - a).max(0.0),
        };
        let depth = (y - top).min(y - neck);
        if depth < -0.02 {
            return (cloth, depth);
        }
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
        let (cx, cy) = (side * (relief.half(0.08) - 0.02), 0.12);
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
    let drift = face.phase;
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
        let far = ((x.abs() - 0.42) * 5.0).powi(2) + ((y - 0.3) * 6.2).powi(2);
        let blush = if far < 5.0 { 0.1 * (-far).exp() } else { 0.0 };
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
    let forehead =
        if y < -0.3 && y > -0.62 && a < 0.42 { ((y + 0.03 * a) * 62.0).sin().max(0.55) - 0.55 } else { 0.0 };
    let bag = crease(y - face.eye_y - 0.15 + 2.2 * (a - face.eye_x).powi(2), 0.03)
        * smooth(0.2, 0.1, (a - face.eye_x).abs());
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
        let under_nose = smooth(face.nose_y + 0.05, face.nose_y + 0.1, y)
            * smooth(0.34, 0.26, a + 0.6 * (y - lip).max(0.0));
        let cheek = smooth(0.0, 0.1, y - (face.nose_y + 0.12 - 0.5 * (a - 0.3)).max(0.12));
        let lips = smooth(
            0.0,
            0.05,
            ((a / (face.mouth_width * 1.1)).powi(2)
                + ((y - face.mouth_y) / (face.lips * 1.5 + 0.03)).powi(2))
            .sqrt()
                - 1.0,
        );
        let chin = smooth(0.34, 0.24, a) * smooth(face.mouth_y + 0.02, face.mouth_y + 0.1, y);
        let jaw = if face.beard == Beard::Long {
            let length = 1.02 + 0.42 * (1.0 - (a / 0.6).powi(2)).max(0.0);
            let hanging = face.width * face.jaw * (0.82 - 0.25 * (y - 0.7));
            if y > 0.7 { (hanging - x.abs()).min(length - y) } else { half + 0.02 - x.abs() }
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
