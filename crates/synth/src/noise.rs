//! Hashed and smooth noise for textures, and a table of normal deviates for the sensor.

use std::sync::OnceLock;

use crate::rng::Rng;

const SIDE: usize = 256;

/// White noise in 0..1 for a lattice point.
pub(crate) fn hash(x: u32, y: u32, seed: u32) -> f32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) >> 8) as f32 / 16_777_216.0
}

fn lattice() -> &'static [f32] {
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rng = Rng::new(7, 1);
        (0..SIDE * SIDE).map(|_| rng.unit()).collect()
    })
}

/// A borrowed lattice, so that hot loops do not check the cell each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smooth(&'static [f32]);

impl Smooth {
    pub(crate) fn get() -> Self {
        Self(lattice())
    }

    /// Value noise in 0..1, one bump a unit; coordinates above -4096.
    #[inline]
    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        // A positive offset makes truncation a floor, which without SSE 4 is a function call.
        let (x, y) = (x + 4096.0, y + 4096.0);
        let (nx, ny) = (x as i32, y as i32);
        let (tx, ty) = (x - nx as f32, y - ny as f32);
        let (tx, ty) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
        let (ix, iy) = ((nx & 255) as usize, (ny & 255) as usize);
        let (jx, jy) = ((ix + 1) & 255, (iy + 1) & 255);
        let top = self.0[iy * SIDE + ix] * (1.0 - tx) + self.0[iy * SIDE + jx] * tx;
        let low = self.0[jy * SIDE + ix] * (1.0 - tx) + self.0[jy * SIDE + jx] * tx;
        top * (1.0 - ty) + low * ty
    }

    /// Three octaves of [`Smooth::at`], in 0..1.
    pub(crate) fn cloud(self, x: f32, y: f32) -> f32 {
        self.at(x, y) * 0.57
            + self.at(x * 2.1 + 17.0, y * 2.1) * 0.29
            + self.at(x * 4.3, y * 4.3 + 31.0) * 0.14
    }
}

/// Number of starting points in [`deviates`]; a power of two.
pub(crate) const DEVIATES: usize = 1 << 16;

/// The longest run that may be read from any starting point.
pub(crate) const RUN: usize = 1 << 13;

/// Normal deviates scaled by 32.
pub(crate) fn deviates() -> &'static [i16] {
    static TABLE: OnceLock<Vec<i16>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rng = Rng::new(11, 2);
        (0..DEVIATES + RUN).map(|_| (rng.normal() * 32.0) as i16).collect()
    })
}
