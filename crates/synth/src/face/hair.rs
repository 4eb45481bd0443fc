//! Where hair lies and how its strands are lit.

use super::{Cut, Face};
use crate::noise::Smooth;

/// The outline of a cut, in head coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    side: f32,
    top: f32,
    /// How far down the hair falls at the sides.
    length: f32,
    flare: f32,
    /// Amplitude and pitch of the outline's irregularity.
    ragged: (f32, f32),
    curly: bool,
}

impl Shape {
    pub(super) fn of(face: &Face) -> Self {
        let v = face.volume;
        let (side, top, length, flare, ragged, curly) = match face.cut {
            Cut::Bald => (-1.0, -1.0, -1.0, 0.0, (0.0, 1.0), false),
            Cut::Buzz => (0.01, 0.03, 0.02, -0.12, (0.01, 30.0), true),
            Cut::Receding => (0.03 * v, 0.05 * v, 0.08, -0.12, (0.01, 18.0), false),
            Cut::SidePart => (0.05 * v, 0.12 * v, 0.06, -0.12, (0.02, 10.0), false),
            Cut::Swept => (0.06 * v, 0.2 * v, 0.12, -0.1, (0.04, 7.0), false),
            Cut::Fringe => (0.08 * v, 0.12 * v, 0.2, -0.05, (0.03, 9.0), false),
            Cut::Bob => (0.14 * v, 0.13 * v, 0.75, 0.06, (0.02, 8.0), false),
            Cut::Long => (0.1 * v, 0.1 * v, 2.1, 0.06, (0.02, 6.0), false),
            Cut::Wavy => (0.16 * v, 0.16 * v, 1.3 + 0.4 * v, 0.08, (0.06, 5.0), false),
            Cut::Curly => (0.2 * v, 0.26 * v, 0.25 + 0.3 * v, 0.02, (0.1, 9.0), true),
            Cut::Bun => (0.03, 0.08, 0.1, -0.1, (0.01, 8.0), false),
            Cut::Crest => (0.0, 0.16 * v, 0.0, -0.14, (0.05, 12.0), false),
            Cut::Scarf => (0.13, 0.1, 2.2, 0.3, (0.0, 1.0), false),
        };
        Self { side, top, length, flare, ragged, curly }
    }

    /// Lowest point, for bounding boxes.
    pub(super) fn bottom(&self) -> f32 {
        self.length + 0.2
    }

    /// Half width that bounds the whole outline.
    pub(super) fn reach(&self, face: &Face) -> f32 {
        face.width + self.side + self.flare.max(0.0) * self.length.max(0.0) + self.ragged.0 + 0.1
    }

    pub(super) fn upper(&self) -> f32 {
        -1.0 - self.top - self.ragged.0 - 0.45
    }

    /// Signed depth inside the outline (negative outside), roughly in head units.
    pub(super) fn depth(&self, face: &Face, noise: Smooth, x: f32, y: f32) -> f32 {
        if self.top < -0.5 {
            return -1.0;
        }
        let half = face.width + self.side;
        let mut depth = if y < -0.1 {
            let (u, v) = (x / half, (y + 0.1) / (0.9 + self.top));
            (1.0 - (u * u + v * v).sqrt()) * half
        } else {
            let narrow = half + self.flare * (y + 0.1);
            (narrow - x.abs()).min(self.length - y + 0.12 * (x * 2.3).cos())
        };
        if face.cut == Cut::Bun {
            let (dx, dy) = (x - face.parting * 0.1, y + 1.12);
            depth = depth.max(0.27 * face.volume.min(1.2) - (dx * dx + dy * dy).sqrt());
        }
        let (amp, pitch) = self.ragged;
        if depth.abs() > amp + 0.06 {
            return depth;
        }
        depth + (noise.at(x * pitch + face.phase, y * pitch * 0.6) - 0.5) * 2.0 * amp
    }

    /// Signed depth of the hair that lies before the face (negative where skin shows).
    pub(super) fn front(face: &Face, noise: Smooth, half: f32, x: f32, y: f32) -> f32 {
        let side = x - face.parting * face.width;
        let jag = noise.at(x * 16.0 + face.phase, 3.0) - 0.5;
        let line = match face.cut {
            Cut::Bald => -2.0,
            Cut::Buzz => face.hairline - 0.02 + 0.9 * (x.abs() - 0.45).max(0.0) + 0.02 * jag,
            Cut::Receding => {
                -0.8 + 1.1 * (x.abs() - 0.5).max(0.0) - 0.35 * (0.32 - (x.abs() - 0.36).abs()).max(0.0)
            }
            Cut::SidePart => {
                face.hairline - 0.1 + if side > 0.0 { 0.25 * side } else { -0.05 * side } + 0.05 * jag
            }
            Cut::Swept => face.hairline - 0.12 - 0.18 * side * face.parting.signum() + 0.06 * jag,
            Cut::Fringe => -0.34 + 0.1 * jag + 0.05 * (x * 5.0).cos(),
            Cut::Bob => -0.36 + 0.06 * jag + 0.25 * x * x,
            Cut::Long | Cut::Wavy => face.hairline - 0.16 + 0.8 * side.abs() * side.abs().sqrt(),
            Cut::Curly => face.hairline + 0.14 * jag + 0.4 * x * x,
            Cut::Bun => face.hairline - 0.06 + 0.35 * x * x,
            Cut::Crest => face.hairline - 1.6 * (x.abs() - 0.28).max(0.0),
            Cut::Scarf => -0.58 + 0.62 * x * x,
        };
        let over = line - y;
        let curtain = match face.cut {
            Cut::Bob | Cut::Long | Cut::Wavy | Cut::Curly => x.abs() - half * (0.93 - 0.04 * face.volume),
            // Closed under the chin.
            Cut::Scarf if y > 0.92 => 0.1,
            Cut::Scarf => x.abs() - half * (0.9 - 0.2 * (y - 0.4).max(0.0)),
            Cut::Bald | Cut::Crest => -1.0,
            Cut::Buzz | Cut::Receding | Cut::SidePart | Cut::Swept | Cut::Fringe | Cut::Bun => {
                // Sideburns: a narrow strip before the ear.
                if y < 0.12 { x.abs() - half * 0.94 } else { -1.0 }
            }
        };
        over.max(curtain)
    }

    /// Brightness of the strand at a point, about 1.
    pub(super) fn sheen(&self, face: &Face, noise: Smooth, light: [f32; 3], x: f32, y: f32) -> f32 {
        let (u, v) = if self.curly {
            (x * 17.0, y * 17.0)
        } else if face.cut == Cut::Scarf {
            (x * 3.0 + y * 2.0, y * 1.5)
        } else if face.cut == Cut::Wavy {
            ((x + 0.05 * (y * 9.0).sin()) * 26.0, y * 1.6)
        } else {
            ((x - face.parting * 0.3 * (1.0 - y)) * 30.0 / (1.3 + y.abs()), y * 1.8)
        };
        let strand = noise.at(u + 7.0, v) * 0.6 + noise.at(u * 2.3, v * 1.7 + 5.0) * 0.4 - 0.5;
        let (gx, gy) = (x - light[0] * 0.4, y + 0.62);
        let far = gx * gx * 2.2 + gy * gy * 10.0;
        let gloss = if far < 5.0 { 0.55 * (-far).exp() } else { 0.0 };
        let side = 0.16 * x * light[0] - 0.1 * y;
        let depth = if face.cut == Cut::Scarf { 0.25 } else { 0.75 };
        (0.85 + strand * depth + gloss + side).max(0.15)
    }
}
