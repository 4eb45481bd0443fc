//! What stands behind the sitter: studio walls and furnished rooms.

use super::easel::{Tone, tone};
use super::{Backdrop, Sitting};
use crate::canvas::{Canvas, hsv, pack};
use crate::rng::Rng;

pub(super) fn backdrop(canvas: &mut Canvas, sitting: &Sitting) {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    let mut rng = Rng::new(u64::from(sitting.seed), 3);
    match sitting.backdrop {
        Backdrop::Studio(wall) => {
            let (gx, gy) = (rng.range(-0.14, 0.14), rng.range(-0.12, 0.08));
            let wall = tone(wall);
            let peak = sitting.exposure.min(1.06);
            light_wall(canvas, wall, |x, y| peak * (1.0 + gx * x + gy * y - 0.12 * (x * x + y * y)));
        }
        Backdrop::Room => {
            let hue = rng.unit();
            let wall = tone(hsv(hue, rng.range(0.04, 0.35), rng.range(0.45, 0.9)));
            let gx = rng.range(-0.5, 0.5);
            light_wall(canvas, wall, |x, y| sitting.exposure * (0.9 + gx * x - 0.2 * y));
            furnish(canvas, &mut rng, (w, h));
        }
    }
}

/// Fills the canvas with one colour at the brightness that `level` gives for positions in -0.5..=0.5. It changes so
/// slowly that four pixels of a row share a value.
fn light_wall(canvas: &mut Canvas, wall: Tone, level: impl Fn(f32, f32) -> f32) {
    let (w, h) = (canvas.width as f32, canvas.height as f32);
    for (row, line) in canvas.pixels.chunks_exact_mut(canvas.width).enumerate() {
        let y = row as f32 / h - 0.5;
        for (i, slots) in line.chunks_mut(4).enumerate() {
            let level = level((i * 4) as f32 / w - 0.5, y);
            slots.fill(pack(wall.map(|c| (c * level).clamp(0.0, 255.0) as u8)));
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
    for _ in 0..2 {
        canvas.soften(0.9);
    }
}
