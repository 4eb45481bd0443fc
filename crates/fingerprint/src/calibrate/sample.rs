//! What calibration needs of one document.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{edits, random::Random};
use crate::{
    features::Features,
    grid::{Grid, Grids},
    local::{DESCRIPTOR_SIZE, LocalFeatures, Settings},
    luma::Luma,
    plain::{self, TooPlain},
};

/// The features of one document and what simulated edits do to them: some 100 kB, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CalibrationSample {
    features: Features,
    /// Features of each edited copy minus those of the document.
    noise: Vec<Vec<i16>>,
    /// Descriptors of its keypoints; they wipe themselves.
    #[zeroize(skip)]
    local: LocalFeatures,
}

impl CalibrationSample {
    /// Measures one document: some 50 ms, most of them for making the edited copies.
    ///
    /// A pure function: the edits' strengths follow from `seed` ([`Calibration::seed`](super::Calibration::seed)) and the
    /// image alone.
    ///
    /// # Errors
    /// [`TooPlain`] where the image has no fingerprint either; leave it out of the sample.
    pub fn measure(image: &Luma, seed: u64) -> Result<Self, TooPlain> {
        let grids = Grid::new(image).reduce();
        plain::check(&grids)?;
        let features = Features::new(&grids);
        let mut random = Random::new(seed ^ fold(&grids));
        let mut noise = Vec::new();
        edits::for_each_edit(image, &mut random, |copy| {
            let edited = Features::new(&Grid::new(copy).reduce());
            // Contrast features are within +-4096 and histogram features within 0 to 32767: no saturation.
            let pairs = edited.values().iter().zip(features.values());
            noise.push(pairs.map(|(&a, &b)| a.saturating_sub(b)).collect());
        });
        let local = LocalFeatures::extract(image, &Settings::RECORD);
        Ok(Self { features, noise, local })
    }

    pub(super) fn features(&self) -> &[i16] {
        self.features.values()
    }

    pub(super) fn descriptors(&self) -> &[[u8; DESCRIPTOR_SIZE]] {
        &self.local.descriptors
    }

    pub(super) fn noise(&self) -> impl Iterator<Item = &[i16]> {
        self.noise.iter().map(Vec::as_slice)
    }
}

impl std::fmt::Debug for CalibrationSample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CalibrationSample")
    }
}

/// A number that differs between images, so that each document gets edits of its own.
fn fold(grids: &Grids) -> u64 {
    grids
        .coarse
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, &sum| (hash ^ u64::from(sum)).wrapping_mul(0x0100_0000_01B3))
}
