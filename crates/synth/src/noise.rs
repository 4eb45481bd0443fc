//! Hashed and smooth noise for textures, and a table of normal deviates for the sensor.

use std::sync::OnceLock;

use crate::rng::Rng;

const SIDE: usize = 128;

/// The nearest whole number, in two's complement of at least 22 bits: adding 1.5 * 2^23 leaves it in the low bits of
/// the mantissa. A cast would cost more than the noise that is looked up with it, because it has to saturate.
#[inline]
pub(crate) fn whole(value: f32) -> u32 {
    (value + 12_582_912.0).to_bits()
}

/// White noise in 0..1 for a lattice point.
pub(crate) fn hash(x: u32, y: u32, seed: u32) -> f32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) >> 8) as f32 / 16_777_216.0
}

/// One cell of the lattice: the values at its upper left, lower left, upper right and lower right, lowest byte
/// first, so that a lookup loads one word and mixes two columns in one multiplication.
type Cell = u32;

fn lattice() -> &'static [Cell; SIDE * SIDE] {
    static TABLE: OnceLock<Box<[Cell; SIDE * SIDE]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rng = Rng::new(7, 1);
        let values: Vec<u8> = (0..SIDE * SIDE).map(|_| rng.below(256) as u8).collect();
        let value = |x: usize, y: usize| values[y % SIDE * SIDE + x % SIDE];
        let cells: Box<[Cell]> = (0..SIDE * SIDE)
            .map(|i| {
                let (x, y) = (i % SIDE, i / SIDE);
                Cell::from_le_bytes([value(x, y), value(x, y + 1), value(x + 1, y), value(x + 1, y + 1)])
            })
            .collect();
        cells.try_into().expect("one cell for each point")
    })
}

/// Smoothstep of a fraction in 256ths, 0..=256.
static EASE: [u16; 256] = {
    let mut table = [0; 256];
    let mut t = 0;
    while t < 256 {
        table[t] = (t * t * (768 - 2 * t) / 65536) as u16;
        t += 1;
    }
    table
};

/// A borrowed lattice, so that hot loops do not check the cell each time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smooth(&'static [Cell; SIDE * SIDE]);

impl Smooth {
    pub(crate) fn get() -> Self {
        Self(lattice())
    }

    /// Value noise in 0..=1, one bump a unit, repeated every 128 units; coordinates within 16,000 of 0.
    #[inline(always)]
    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        const ODD: u32 = 0x00ff_00ff;
        let (x, y) = (whole(x * 256.0) as usize, whole(y * 256.0) as usize);
        let cell = self.0[(y >> 8) % SIDE * SIDE + (x >> 8) % SIDE];
        let (tx, ty) = (u32::from(EASE[x % 256]), u32::from(EASE[y % 256]));
        let columns = (cell & ODD).wrapping_mul(256 - ty).wrapping_add((cell >> 8 & ODD).wrapping_mul(ty));
        let value = (columns & 0xffff).wrapping_mul(256 - tx).wrapping_add((columns >> 16).wrapping_mul(tx));
        value as i32 as f32 * (1.0 / (255.0 * 65536.0))
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
