//! Security printing: washes, guilloches, rosettes, emblems, chips - the part that all documents of a
//! template share.

use std::f32::consts::TAU;

use crate::canvas::{Canvas, Color, mix, pack};
use crate::noise::Smooth;
use crate::rng::Rng;
use crate::text::{self, Font, Style};

/// Fills the canvas with a soft mixture of three pale colours.
pub(super) fn wash(canvas: &mut Canvas, colors: [Color; 3], seed: u64) {
    let noise = Smooth::get();
    let drift = (seed % 89) as f32;
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    let width = canvas.width;
    for (i, slot) in canvas.pixels.iter_mut().enumerate() {
        let (x, y) = ((i % width) as f32 / w, (i / width) as f32 / h);
        let cloud = noise.cloud(x * 2.5 + drift, y * 2.0 + drift);
        let t = (0.75 * x + 0.35 * y + 0.3 * (cloud - 0.5)).clamp(0.0, 1.0);
        let color = if t < 0.5 {
            mix(colors[0], colors[1], t * 2.0)
        } else {
            mix(colors[1], colors[2], t * 2.0 - 1.0)
        };
        *slot = pack(color);
    }
}

/// One family of parallel wavy lines over the whole canvas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waves {
    pub(super) color: Color,
    pub(super) alpha: f32,
    pub(super) spacing: f32,
    pub(super) thick: f32,
    pub(super) amplitude: f32,
    pub(super) vertical: bool,
}

pub(super) fn waves(canvas: &mut Canvas, style: Waves, seed: u64) {
    let mut rng = Rng::new(seed, 0x7761_7665);
    let long = if style.vertical { canvas.height } else { canvas.width } as f32;
    let wide = if style.vertical { canvas.width } else { canvas.height } as f32;
    let terms: Vec<(f32, f32, f32, f32)> = (0..4)
        .map(|i| {
            let frequency = rng.range(0.6, 2.2) * (i + 1) as f32;
            (
                style.amplitude / (i + 1) as f32,
                TAU * frequency / long,
                rng.range(0.0, TAU),
                rng.range(-0.02, 0.02),
            )
        })
        .collect();
    let count = ((wide + 4.0 * style.amplitude) / style.spacing) as usize;
    let mut points = Vec::new();
    for line in 0..count {
        let base = line as f32 * style.spacing - 2.0 * style.amplitude;
        points.clear();
        let mut at = -4.0;
        while at < long + 8.0 {
            let offset: f32 =
                terms.iter().map(|&(a, f, p, d)| a * (at * f + p + d * line as f32 * 3.0).sin()).sum();
            points.push(if style.vertical { (base + offset, at) } else { (at, base + offset) });
            at += 6.0;
        }
        canvas.stroke(&points, style.thick, style.color, style.alpha);
    }
}

/// Concentric petal curves around a centre.
pub(super) fn rosette(
    canvas: &mut Canvas,
    center: (f32, f32),
    radius: f32,
    petals: f32,
    color: Color,
    alpha: f32,
) {
    let mut points = Vec::new();
    for ring in 0..14 {
        let r = radius * (0.28 + 0.72 * ring as f32 / 14.0);
        let phase = ring as f32 * 0.21;
        points.clear();
        for step in 0..=360 {
            let a = TAU * step as f32 / 360.0;
            let wave = r * (1.0 + 0.2 * (petals * a + phase).sin() + 0.06 * (2.0 * petals * a - phase).cos());
            points.push((center.0 + wave * a.cos(), center.1 + wave * a.sin()));
        }
        canvas.stroke(&points, 1.0, color, alpha);
    }
}

/// A line of microtext.
pub(super) fn microtext(canvas: &mut Canvas, words: &str, y: f32, color: Color, alpha: f32) {
    let style = Style::new(Font::Condensed, 7, color).faint(alpha);
    let step = text::width(Font::Condensed, 7, words).max(8.0) + 6.0;
    let mut x = 4.0;
    while x < canvas.width as f32 {
        text::draw(canvas, style, (x, y), words);
        x += step;
    }
}

/// State emblems and company marks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Emblem {
    Star,
    Shield,
    Sun,
    Peaks,
    Wheel,
    Drop,
    Columns,
}

pub(super) fn emblem(
    canvas: &mut Canvas,
    kind: Emblem,
    center: (f32, f32),
    r: f32,
    color: Color,
    alpha: f32,
) {
    let (cx, cy) = center;
    let star = |spikes: usize, inner: f32, scale: f32| -> Vec<(f32, f32)> {
        (0..spikes * 2)
            .map(|i| {
                let radius = r * scale * if i % 2 == 0 { 1.0 } else { inner };
                let a = TAU * i as f32 / (spikes * 2) as f32 - TAU / 4.0;
                (cx + radius * a.cos(), cy + radius * a.sin())
            })
            .collect()
    };
    let ring = |canvas: &mut Canvas, radius: f32, thick: f32| {
        let points: Vec<_> = (0..=90)
            .map(|i| (TAU * i as f32 / 90.0).sin_cos())
            .map(|(s, c)| (cx + radius * c, cy + radius * s))
            .collect();
        canvas.stroke(&points, thick, color, alpha);
    };
    let local = |points: &[(f32, f32)]| -> Vec<(f32, f32)> {
        points.iter().map(|&(x, y)| (cx + x * r, cy + y * r)).collect()
    };
    match kind {
        Emblem::Star => {
            canvas.polygon(&star(8, 0.45, 0.8), color, alpha);
            ring(canvas, r * 0.95, r * 0.06);
        }
        Emblem::Shield => {
            let outline = [
                (-0.75, -0.9),
                (0.75, -0.9),
                (0.75, 0.1),
                (0.45, 0.65),
                (0.0, 1.0),
                (-0.45, 0.65),
                (-0.75, 0.1),
            ];
            canvas.polygon(&local(&outline), color, alpha);
            canvas.polygon(
                &local(&[
                    (-0.55, -0.05),
                    (0.0, -0.6),
                    (0.55, -0.05),
                    (0.3, -0.05),
                    (0.0, -0.35),
                    (-0.3, -0.05),
                ]),
                [250; 3],
                alpha,
            );
            canvas.ellipse((cx, cy + 0.3 * r), (0.2 * r, 0.2 * r), [250; 3], alpha);
        }
        Emblem::Sun => {
            canvas.polygon(&star(16, 0.7, 1.0), color, alpha);
            canvas.ellipse(center, (r * 0.5, r * 0.5), [250, 244, 226], alpha);
            canvas.polygon(&star(5, 0.4, 0.42), color, alpha);
        }
        Emblem::Peaks => {
            ring(canvas, r * 0.96, r * 0.07);
            canvas.polygon(
                &local(&[(-0.85, 0.4), (-0.35, -0.5), (0.0, 0.1), (0.3, -0.3), (0.85, 0.4)]),
                color,
                alpha,
            );
            canvas.polygon(
                &local(&[(-0.47, -0.28), (-0.35, -0.5), (-0.22, -0.28), (-0.35, -0.2)]),
                [250; 3],
                alpha,
            );
            canvas.rect(
                [(cx - 0.6 * r) as i32, (cy + 0.5 * r) as i32, (cx + 0.6 * r) as i32, (cy + 0.58 * r) as i32],
                color,
                alpha,
            );
        }
        Emblem::Wheel => {
            ring(canvas, r * 0.92, r * 0.14);
            ring(canvas, r * 0.3, r * 0.12);
            for i in 0..8 {
                let (s, c) = (TAU * i as f32 / 8.0).sin_cos();
                let spoke = [(cx + 0.3 * r * c, cy + 0.3 * r * s), (cx + 0.9 * r * c, cy + 0.9 * r * s)];
                canvas.stroke(&spoke, r * 0.09, color, alpha);
            }
        }
        Emblem::Drop => {
            let points: Vec<_> = (0..60)
                .map(|i| {
                    let a = TAU * i as f32 / 60.0;
                    (cx + r * 0.75 * a.sin() * (a / 2.0).sin().powi(2), cy - r * a.cos())
                })
                .collect();
            canvas.polygon(&points, color, alpha);
        }
        Emblem::Columns => {
            canvas.polygon(&local(&[(-0.95, -0.35), (0.0, -0.95), (0.95, -0.35)]), color, alpha);
            for i in 0..4 {
                let x = cx + r * (-0.75 + 0.43 * i as f32);
                canvas.rect(
                    [x as i32, (cy - 0.25 * r) as i32, (x + 0.22 * r) as i32, (cy + 0.6 * r) as i32],
                    color,
                    alpha,
                );
            }
            canvas.rect(
                [
                    (cx - 0.9 * r) as i32,
                    (cy + 0.66 * r) as i32,
                    (cx + 0.9 * r) as i32,
                    (cy + 0.85 * r) as i32,
                ],
                color,
                alpha,
            );
        }
    }
}

/// A contact chip.
pub(super) fn chip(canvas: &mut Canvas, x: f32, y: f32) {
    let (w, h) = (92.0, 74.0);
    canvas.rounded([x, y, x + w, y + h], 12.0, [206, 176, 106], 1.0);
    canvas.rounded([x + 3.0, y + 3.0, x + w - 3.0, y + h - 3.0], 10.0, [222, 196, 132], 1.0);
    let ink = [120, 96, 48];
    for part in [0.33, 0.66] {
        canvas.stroke(&[(x, y + h * part), (x + w * 0.34, y + h * part)], 2.0, ink, 0.9);
        canvas.stroke(&[(x + w * 0.66, y + h * part), (x + w, y + h * part)], 2.0, ink, 0.9);
    }
    canvas.rounded([x + w * 0.34, y + h * 0.2, x + w * 0.66, y + h * 0.8], 6.0, ink, 0.9);
    canvas.rounded([x + w * 0.36, y + h * 0.23, x + w * 0.64, y + h * 0.77], 5.0, [222, 196, 132], 1.0);
    canvas.stroke(&[(x + w * 0.5, y), (x + w * 0.5, y + h * 0.2)], 2.0, ink, 0.9);
    canvas.stroke(&[(x + w * 0.5, y + h * 0.8), (x + w * 0.5, y + h)], 2.0, ink, 0.9);
}

/// A flag of three bands.
pub(super) fn flag(canvas: &mut Canvas, area: [f32; 4], colors: [Color; 3], upright: bool) {
    let [x0, y0, x1, y1] = area;
    for (i, color) in colors.into_iter().enumerate() {
        let (a, b) = (i as f32 / 3.0, (i + 1) as f32 / 3.0);
        let band = if upright {
            [x0 + (x1 - x0) * a, y0, x0 + (x1 - x0) * b, y1]
        } else {
            [x0, y0 + (y1 - y0) * a, x1, y0 + (y1 - y0) * b]
        };
        canvas.rect(band.map(|v| v as i32), color, 1.0);
    }
    canvas.frame([x0 as i32, y0 as i32, x1 as i32, y1 as i32], 1, [90; 3], 0.6);
}
