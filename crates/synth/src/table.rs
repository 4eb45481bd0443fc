//! What lies around a document: table tops and scanner lids.

use std::sync::OnceLock;

use crate::canvas::{Canvas, Color, Pixel, mix, pack, unpack};
use crate::noise::{Smooth, hash};

const SIDE: usize = 512;
const KINDS: usize = 6;

/// A tiled texture with its own offset, or a plain colour.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ground {
    Plain(Color),
    Table { kind: usize, dx: usize, dy: usize },
}

impl Ground {
    pub(crate) fn table(seed: u64) -> Self {
        Self::Table {
            kind: (seed % KINDS as u64) as usize,
            dx: (seed >> 8) as usize % SIDE,
            dy: (seed >> 24) as usize % SIDE,
        }
    }

    /// The packed colour at a pixel.
    pub(crate) fn at(self, x: usize, y: usize) -> Pixel {
        match self {
            Self::Plain(color) => pack(color),
            Self::Table { kind, dx, dy } => texture(kind).pixels[(y + dy) % SIDE * SIDE + (x + dx) % SIDE],
        }
    }

    pub(crate) fn color(self, x: usize, y: usize) -> Color {
        unpack(self.at(x, y))
    }
}

fn texture(kind: usize) -> &'static Canvas {
    static TOPS: [OnceLock<Canvas>; KINDS] = [const { OnceLock::new() }; KINDS];
    TOPS[kind % KINDS].get_or_init(|| paint(kind))
}

fn paint(kind: usize) -> Canvas {
    let noise = Smooth::get();
    let mut canvas = Canvas::new(SIDE, SIDE, [0; 3]);
    for (i, slot) in canvas.pixels.iter_mut().enumerate() {
        let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
        let white = hash(i as u32 % SIDE as u32, i as u32 / SIDE as u32, kind as u32) - 0.5;
        let color = match kind {
            // Wood with long grain, dark and light.
            0 | 1 => {
                let warp = noise.at(x / 90.0, y / 30.0) * 3.0;
                let grain = noise.at(x / 220.0 + 4.0, y / 5.0 + warp * 2.0);
                let plank = if (y as usize / 128).is_multiple_of(2) { 0.0 } else { 0.12 };
                let (a, b) = if kind == 0 {
                    ([92, 58, 34], [148, 100, 62])
                } else {
                    ([196, 158, 112], [228, 200, 160])
                };
                mix(a, b, (grain + plank + 0.1 * white).clamp(0.0, 1.0))
            }
            // Woven cloth.
            2 => {
                let weave = ((x * 0.9).sin() * (y * 0.9).sin()).abs();
                mix(
                    [52, 66, 92],
                    [96, 112, 140],
                    0.6 * weave + 0.3 * noise.at(x / 40.0, y / 40.0) + 0.1 * white,
                )
            }
            // Speckled stone.
            3 => {
                let fleck = noise.at(x / 2.5, y / 2.5);
                mix(
                    [120, 118, 116],
                    [210, 206, 200],
                    (fleck * 0.7 + 0.3 * noise.cloud(x / 60.0, y / 60.0)).clamp(0.0, 1.0),
                )
            }
            // Plain desk.
            4 => mix(
                [214, 212, 206],
                [236, 234, 230],
                0.5 + 0.3 * noise.at(x / 120.0, y / 120.0) + 0.3 * white,
            ),
            // Chequered oilcloth.
            _ => {
                let check = (x as usize / 32 + y as usize / 32) % 2;
                mix([170, 44, 48], [238, 232, 224], check as f32 * 0.9 + 0.1 * white.abs())
            }
        };
        *slot = pack(color);
    }
    canvas
}
