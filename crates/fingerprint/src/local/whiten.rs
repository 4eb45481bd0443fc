//! The linear map of descriptors: which differences between local neighbourhoods count.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::DESCRIPTOR_SIZE;
use crate::profile::{MEAN_STEPS, quantise_row};

/// Largest stored entry of the map.
const ENTRY_MAX: i16 = i16::MAX;

/// Mean and map of descriptors, the local half of a [`Profile`](crate::Profile).
///
/// The map is symmetric or not, as calibration finds best; codes are signs of a secret rotation of
/// `map * (descriptor - mean)`.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct LocalProfile {
    /// Mean of each descriptor value, in 1/[`MEAN_STEPS`] of its step.
    pub(crate) mean: Vec<i32>,
    /// What one step of a row's entries is worth; positive, one a row.
    pub(crate) scales: Vec<f32>,
    /// [`DESCRIPTOR_SIZE`] rows of as many entries.
    pub(crate) rows: Vec<i16>,
}

impl LocalProfile {
    /// For vaults too small to calibrate: no whitening, only the average of each descriptor is taken out of it, which
    /// all descriptors share.
    pub(crate) fn builtin() -> Self {
        let share = 1.0 / DESCRIPTOR_SIZE as f64;
        let row = |i: usize| (0..DESCRIPTOR_SIZE).map(|j| f64::from(u8::from(i == j)) - share).collect();
        Self::from_rows(&[0.0; DESCRIPTOR_SIZE], &(0..DESCRIPTOR_SIZE).map(row).collect::<Vec<_>>())
    }

    pub(crate) fn from_rows(mean: &[f64], rows: &[Vec<f64>]) -> Self {
        debug_assert!(mean.len() == DESCRIPTOR_SIZE && rows.len() == DESCRIPTOR_SIZE);
        let mut profile = Self {
            mean: mean.iter().map(|&value| round_mean(value)).collect(),
            scales: Vec::with_capacity(DESCRIPTOR_SIZE),
            rows: Vec::with_capacity(DESCRIPTOR_SIZE * DESCRIPTOR_SIZE),
        };
        for row in rows {
            let (scale, entries) = quantise_row(row, ENTRY_MAX);
            profile.scales.push(scale);
            profile.rows.extend(entries);
        }
        profile
    }

    /// Each row as its scale and entries.
    pub(crate) fn axes(&self) -> impl Iterator<Item = (f32, &[i16])> {
        self.scales.iter().copied().zip(self.rows.chunks_exact(DESCRIPTOR_SIZE))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to 255 first, and `as` maps NaN to 0")]
fn round_mean(value: f64) -> i32 {
    (value.clamp(0.0, 255.0) * MEAN_STEPS as f64).round() as i32
}
