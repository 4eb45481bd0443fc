//! Which differences between images count: the learned (or built-in) axes of an epoch.

mod builtin;
mod codec;

use saltprint_keys::{ProjectionKey, SealError};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::features::{FEATURES, SCALE};
use crate::local::LocalProfile;
use crate::readout::Readout;

/// Most axes that a profile may have: a code has 256 bits, and its projection keeps axes orthogonal.
pub const MAX_DIMS: usize = 256;

/// Number of the algorithm from pixels to features. It goes up with every change that gives an image other codes, so that
/// codes of two releases never count as one epoch.
const ALGORITHM: u32 = 3;

/// Steps of the stored mean in one step of a feature.
pub(crate) const MEAN_STEPS: i64 = 256;

/// Where a profile comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileOrigin {
    /// [`Profile::builtin`]: made by formula, the same for everybody.
    BuiltIn,
    /// Learned by a [`Calibration`](crate::Calibration).
    Calibrated {
        /// Number of documents in the sample.
        sample: u32,
        /// Records of the vault that it was drawn from; 0 where that is not known.
        records: u32,
        /// The seed of the simulated edits.
        seed: u64,
    },
}

/// The axes along which images are compared, each scaled so that the documents it was made for vary by about 1.
///
/// A profile and a [`ProjectionKey`] make an epoch: codes made with another profile or another key do not compare.
/// A calibrated profile holds averages over the sample, a blurred picture of its documents, so it is kept sealed
/// ([`Profile::seal`]), is wiped on drop and prints its metadata only.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub struct Profile {
    #[zeroize(skip)]
    origin: ProfileOrigin,
    #[zeroize(skip)]
    readout: Readout,
    /// Mean of each feature, in 1/[`MEAN_STEPS`] of its step.
    mean: Vec<i32>,
    /// What one step of a row's entries is worth; positive, one a row.
    scales: Vec<f32>,
    /// `dims` rows of [`FEATURES`] entries.
    rows: Vec<i16>,
    /// The map of local descriptors.
    local: LocalProfile,
}

impl Profile {
    /// The profile for vaults too small to calibrate: smooth waves over the image, no data in it.
    ///
    /// Rows are two-dimensional cosines over the luma patch and over each gradient direction's cells, lowest
    /// frequencies first, without the constant ones, each divided by the deviation that a 1/f spectrum (that of
    /// photographs and scans alike) predicts. It tells photographs apart well, but people on one template of
    /// identity card less well than a calibrated profile does: for them the larger part of what it sees is the template.
    #[must_use]
    pub fn builtin() -> Self {
        builtin::profile()
    }

    /// Number of axes, 1 to [`MAX_DIMS`].
    pub fn dims(&self) -> usize {
        self.scales.len()
    }

    /// Where it comes from.
    pub fn origin(&self) -> ProfileOrigin {
        self.origin
    }

    /// Whether its axes are those of [`Profile::builtin`].
    pub fn is_builtin(&self) -> bool {
        self.origin == ProfileOrigin::BuiltIn
    }

    /// How bits of global codes are read.
    pub fn readout(&self) -> Readout {
        self.readout
    }

    /// The same axes with another read-out: another epoch.
    #[must_use]
    pub fn with_readout(mut self, readout: Readout) -> Self {
        self.readout = readout;
        self
    }

    /// BLAKE3 of the profile's content and the number of the algorithm, for [`EpochId::new`](saltprint_keys::EpochId::new).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&codec::encode(self));
        hasher.update(&ALGORITHM.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Encrypts and authenticates the profile under the projection key; about 2.8 kB an axis and 39 kB.
    ///
    /// `salt` must be random and new for every call.
    #[must_use]
    pub fn seal(&self, key: &ProjectionKey, salt: [u8; 32]) -> Vec<u8> {
        codec::seal(self, key, salt)
    }

    /// Reads what [`Profile::seal`] wrote.
    ///
    /// # Errors
    /// [`ProfileError::Seal`] where the bytes were sealed with another key, are damaged or are no profile;
    /// [`ProfileError::Layout`] where they are authentic but not a profile that this release can use.
    pub fn open(key: &ProjectionKey, bytes: &[u8]) -> Result<Self, ProfileError> {
        codec::open(key, bytes)
    }

    /// Rounds a mean in feature steps and rows in any common unit.
    pub(crate) fn from_rows(
        origin: ProfileOrigin,
        mean: &[f64],
        rows: &[Vec<f64>],
        local: LocalProfile,
    ) -> Self {
        debug_assert!(mean.len() == FEATURES && (1..=MAX_DIMS).contains(&rows.len()));
        let mut profile = Self {
            origin,
            readout: Readout::LINEAR,
            mean: mean.iter().map(|&value| round_mean(value)).collect(),
            scales: Vec::with_capacity(rows.len()),
            rows: Vec::with_capacity(rows.len() * FEATURES),
            local,
        };
        for row in rows {
            let (scale, entries) = quantise_row(row, i16::MAX);
            profile.scales.push(scale);
            profile.rows.extend(entries);
        }
        profile
    }

    pub(crate) fn local(&self) -> &LocalProfile {
        &self.local
    }

    pub(crate) fn mean(&self) -> &[i32] {
        &self.mean
    }

    /// Each axis as its scale and entries.
    pub(crate) fn axes(&self) -> impl Iterator<Item = (f32, &[i16])> {
        self.scales.iter().copied().zip(self.rows.chunks_exact(FEATURES))
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("origin", &self.origin)
            .field("dims", &self.dims())
            .finish_non_exhaustive()
    }
}

/// A sealed profile that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The seal did not open.
    #[error(
        "the profile does not open; use the projection key that it was calibrated with, or calibrate again"
    )]
    Seal(#[source] SealError),
    /// The content is authentic but out of bounds.
    #[error("the profile's {what} is out of range; calibrate again with this release")]
    Layout {
        /// The first field that was refused.
        what: &'static str,
    },
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to the feature range first, and `as` maps NaN to 0"
)]
fn round_mean(value: f64) -> i32 {
    (value.clamp(-f64::from(SCALE), f64::from(SCALE)) * MEAN_STEPS as f64).round() as i32
}

/// The row in steps of the returned scale, so that its largest entry becomes `limit`. A zero or non-finite row becomes
/// zeros with scale 1.
#[expect(clippy::cast_possible_truncation, reason = "clamped to `limit` first, and `as` maps NaN to 0")]
pub(crate) fn quantise_row(row: &[f64], limit: i16) -> (f32, Vec<i16>) {
    let limit = f64::from(limit);
    let largest = row.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let scale = (largest / limit) as f32;
    if !(scale.is_normal()) {
        return (1.0, vec![0; row.len()]);
    }
    let entries = row.iter().map(|value| (value / f64::from(scale)).round().clamp(-limit, limit) as i16);
    (scale, entries.collect())
}

#[cfg(test)]
mod tests;
