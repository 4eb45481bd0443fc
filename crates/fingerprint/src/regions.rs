//! Region codes: what each part of a document looks like from some way off.
//!
//! Local codes see strokes, which the raster of a screen takes away, and are where strokes are. What remains of a portrait or of a page
//! is coarser, and tells documents of one template apart just as well, part by part, once it is known where the document lies. So
//! a record keeps, for each of 8 x 8 cells of its frame, the signs of 16 secret combinations of what is in it.
//!
//! A cell is 8 x 8 means, sampled from the scale space at a blur that stands for their area. Of their discrete cosine transform the
//! coefficients of low frequency count, but for the first, the brightness. Each weighs by a power of its frequency: amplitudes in
//! pictures fall with the frequency (Field, "Relations between the statistics of natural images and the response properties of
//! cortical cells", 1987), and what a template's documents have in common falls faster. Signs do not change with contrast.

mod read;

use saltprint_keys::{Context, ProjectionKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::coder::{add_scaled, orthonormal_columns};
use crate::profile::quantise_row;

pub(crate) use read::patches;

/// Cells a side.
pub(crate) const SIDE: usize = 8;
/// Means a side of a cell.
pub(crate) const MEANS: usize = 8;
/// All means of a cell.
const PATCH: usize = MEANS * MEANS;
/// The same as a factor.
const COUNT: i64 = 64;
/// Bits of a cell's code.
const BITS: usize = RegionCodes::BITS as usize;
/// Coefficients that count, of lowest frequency.
const COEFFICIENTS: usize = 56;
/// Power of the frequency by which a coefficient weighs. Of 0.6, 1 and 1.5 and of 16 to 100 coefficients, 4 to 12 cells a side and 8 to 64
/// bits this told copies and others of a template apart best.
const POWER: f64 = 1.5;
/// Largest matrix entry: 11 bits and a sign.
const ENTRY_MAX: i16 = 2047;

const _: () = assert!(PATCH == 64);
const _: () = assert!(COEFFICIENTS < PATCH && RegionCodes::COUNT == SIDE * SIDE);

/// The code of a plain cell, whose signs would be those of noise. One in 65,536 others has it as well, and counts as plain.
const PLAIN: u16 = 0;
/// Deviation of the means of a cell below which it is plain: 1.5 luma levels, in the unit of the scale space.
const PLAIN_DEVIATION: i64 = 192;

/// The means of one cell, row by row, in 1/128 luma level.
pub(crate) type Patch = [u16; PATCH];

/// The codes of the cells of a record, row by row.
///
/// Codes are secret: `Debug` shows the type name only, and there is no `Display` and no serde.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct RegionCodes([u16; RegionCodes::COUNT]);

impl RegionCodes {
    /// Cells of a record: eight a side.
    pub const COUNT: usize = 64;
    /// Bits of the code of a cell.
    pub const BITS: u32 = 16;
    /// Length in bytes of [`RegionCodes::to_bytes`].
    pub const BYTES: usize = Self::COUNT * 2;

    /// The code of each cell; 0 for a plain one.
    pub const fn from_words(words: [u16; Self::COUNT]) -> Self {
        Self(words)
    }

    /// Inverse of [`RegionCodes::from_words`].
    pub const fn words(&self) -> &[u16; Self::COUNT] {
        &self.0
    }

    /// The codes of an image of which every cell is seen.
    pub(crate) fn all_of(seen: &SeenRegions) -> Option<Self> {
        let mut words = [0; Self::COUNT];
        for (word, seen) in words.iter_mut().zip(seen.0) {
            *word = seen?;
        }
        Some(Self(words))
    }

    /// The words, each little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (bytes, word) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(&self.0) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// Inverse of [`RegionCodes::to_bytes`]; every 128 bytes are codes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut words = [0; Self::COUNT];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *word = u16::from_le_bytes(*bytes);
        }
        Self(words)
    }

    /// The cell at a place of an image of these sides, in any unit; the last one for places beyond.
    #[must_use]
    pub fn cell_at(place: (u16, u16), sides: (u16, u16)) -> usize {
        let along = |at: u16, side: u16| (usize::from(at) * SIDE / usize::from(side.max(1))).min(SIDE - 1);
        along(place.1, sides.1) * SIDE + along(place.0, sides.0)
    }

    /// Number of differing bits of each cell that is seen, 0 to 16; none for cells that are plain in the record or in what is seen. Only
    /// codes of one epoch compare.
    #[must_use]
    pub fn distances(&self, seen: &SeenRegions) -> [Option<u32>; Self::COUNT] {
        std::array::from_fn(|cell| {
            let (own, seen) = (self.0[cell], seen.0[cell].filter(|code| *code != PLAIN)?);
            (own != PLAIN).then(|| (own ^ seen).count_ones())
        })
    }
}

impl std::fmt::Debug for RegionCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RegionCodes")
    }
}

/// The codes of those cells of a record that a leaked image shows whole.
///
/// `Debug` shows the type name only.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct SeenRegions([Option<u16>; RegionCodes::COUNT]);

impl SeenRegions {
    /// The code of each cell that is seen.
    pub const fn from_cells(cells: [Option<u16>; RegionCodes::COUNT]) -> Self {
        Self(cells)
    }
}

impl std::fmt::Debug for SeenRegions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeenRegions")
    }
}

/// The projection of one epoch: the transform and its weights, and a secret rotation. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RegionCoder {
    /// [`BITS`] rows of [`PATCH`] entries within +-[`ENTRY_MAX`].
    entries: Vec<i16>,
}

impl RegionCoder {
    /// `digest` is the profile's.
    pub(crate) fn new(key: &ProjectionKey, digest: &[u8; 32]) -> Self {
        // Rows of a rotation of all coefficients: a frame of more directions than bits, of which the first ones are the code's.
        let columns =
            orthonormal_columns(COEFFICIENTS, COEFFICIENTS, &key.derive(Context::REGION_PROJECTION, digest));
        let waves = waves();
        let mut entries = Vec::with_capacity(BITS * PATCH);
        let mut row = Zeroizing::new(vec![0.0_f64; PATCH]);
        for bit in 0..BITS {
            row.fill(0.0);
            for (column, (weight, wave)) in columns.chunks_exact(COEFFICIENTS).zip(&waves) {
                add_scaled(&mut row, wave, column[bit] * weight);
            }
            let (_, mut quantised) = quantise_row(&row, ENTRY_MAX);
            entries.extend_from_slice(&quantised);
            quantised.zeroize();
        }
        Self { entries }
    }

    /// The code of a cell.
    pub(crate) fn code(&self, patch: &Patch) -> u16 {
        // Without the mean, so that brightness does not count, however entries were rounded. All in integers below 2^41.
        let total: i64 = patch.iter().map(|value| i64::from(*value)).sum();
        let mut centred = patch.map(|value| i64::from(value) * COUNT - total);
        let square: i64 = centred.iter().map(|value| value * value).sum();
        if square < COUNT.pow(3) * PLAIN_DEVIATION * PLAIN_DEVIATION {
            centred.zeroize();
            return PLAIN;
        }
        let sum = |row: &[i16]| row.iter().zip(&centred).map(|(a, b)| i64::from(*a) * b).sum::<i64>();
        let rows = (0..).zip(self.entries.chunks_exact(PATCH));
        let code = rows.fold(0, |code, (bit, row)| code | u16::from(sum(row) > 0) << bit);
        centred.zeroize();
        code
    }
}

/// The waves of the transform that count, by rising frequency, with the weight of each: rows of [`PATCH`] entries of +-8191 at most.
fn waves() -> Vec<(f64, Vec<i16>)> {
    let mut frequencies: Vec<(usize, usize)> =
        (0..MEANS).flat_map(|down| (0..MEANS).map(move |across| (across, down))).skip(1).collect();
    // Stable: of one frequency the flattest first.
    frequencies.sort_by_key(|(across, down)| across * across + down * down);
    let cosine = |frequency: usize, place: usize| {
        // Rows of the transform have the same length but for frequency 0.
        let scale = if frequency == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        scale * libm::cos(std::f64::consts::PI / MEANS as f64 * (place as f64 + 0.5) * frequency as f64)
    };
    let wave = |(across, down): (usize, usize)| {
        let at = |place: usize| cosine(across, place % MEANS) * cosine(down, place / MEANS);
        #[expect(clippy::cast_possible_truncation, reason = "within +-8191")]
        let entries = (0..PATCH).map(|place| (at(place) * 8191.0).round() as i16).collect();
        (libm::pow((across * across + down * down) as f64, POWER / 2.0), entries)
    };
    frequencies.into_iter().take(COEFFICIENTS).map(wave).collect()
}

#[cfg(test)]
mod tests;
