//! Learning a profile: which directions tell documents of this vault apart, relative to what leak edits disturb.

mod edits;
mod random;
mod sample;
mod scatter;
mod solver;

pub use self::sample::CalibrationSample;
pub(crate) use self::solver::jacobi as eigen;

use self::scatter::Scatter;
use crate::{
    features::FEATURES,
    local::DescriptorSums,
    profile::{Profile, ProfileOrigin},
};

/// Learns a [`Profile`] from a sample of the vault, one image a document.
///
/// The axes maximise the variance between documents over the variance that simulated edits cause (a linear
/// discriminant analysis with every document a class of its own). What all documents of a template share varies
/// little, what an edit changes varies much, so both fall away and what is left is what is personal.
///
/// [`CalibrationSample::measure`] does the work and may run on any number of threads; [`Calibration::add`] takes the
/// results in an order of your choice. Sums are exact integers, so neither threads nor order change the profile.
///
/// Memory: 30 MB whatever the sample, 100 MB while [`Calibration::finish`] runs; images and features are not kept.
///
/// ```
/// use saltprint_fingerprint::{CalibrateError, Calibration, CalibrationSample, Luma, Profile};
///
/// let mut calibration = Calibration::new(1);
/// let image = Luma::new(64, 48, (0..64 * 48).map(|i| (i * i / 7 % 251) as u8).collect())?;
/// calibration.add(&CalibrationSample::measure(&image, calibration.seed())?);
/// let profile = match calibration.finish() {
///     Err(CalibrateError::TooFew { .. }) => Profile::builtin(),
///     other => other?,
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Calibration {
    seed: u64,
    /// Of the vault; 0 where it is not known.
    records: u32,
    documents: Scatter,
    noise: Scatter,
    /// Sum of each feature over the documents, in steps.
    sums: zeroize::Zeroizing<Vec<i64>>,
    descriptors: DescriptorSums,
}

/// No profile could be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// The sample is too small.
    #[error(
        "calibration got {got} documents and needs {need}; for a smaller vault the built-in profile will do"
    )]
    TooFew {
        /// Documents added.
        got: usize,
        /// Documents needed, [`Calibration::MIN_SAMPLE`].
        need: usize,
    },
    /// The documents are all alike.
    #[error(
        "the sample's documents do not differ; calibrate on different documents or use the built-in profile"
    )]
    NoVariation,
}

impl Calibration {
    /// Fewest documents that make a profile.
    pub const MIN_SAMPLE: usize = 64;
    /// Most documents that are taken; more would not change the profile noticeably.
    pub const MAX_SAMPLE: usize = 5_000;
    /// Axes of a profile learned from at least twice as many documents; fewer give half their number.
    ///
    /// Measured on a vault of 2,000 invented documents on nine templates, with thresholds from its own background:
    /// going from 192 to 256 axes moves the nearest stranger from 28 to 38 bits, and 400 copies saved as JPEG of
    /// quality 30 from 385 to 397 found, at a fifth of their size from 381 to 394; bank statements, all alike but for small
    /// print, gain most. What it costs: codes nearer to uniform, on which a search graph of millions of records has less
    /// to follow; the exact scan does not mind.
    pub const DIMS: usize = 256;

    /// Share of the mean edit variance that is added to every direction: no direction counts as undisturbed, and edits
    /// that were not simulated disturb less. Measured from 0.03 to 3; the choice matters little between 0.3 and 3.
    const RIDGE: f64 = 1.0;

    /// Starts with nothing. `seed` is recorded in the profile and chooses the edits' strengths.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            records: 0,
            documents: Scatter::new(),
            noise: Scatter::new(),
            sums: zeroize::Zeroizing::new(vec![0; FEATURES]),
            descriptors: DescriptorSums::new(),
        }
    }

    /// The seed to measure samples with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Notes of how many records the vault consists of that the sample was drawn from, so that its growth can be told.
    #[must_use]
    pub fn of_records(mut self, records: u64) -> Self {
        self.records = u32::try_from(records).unwrap_or(u32::MAX);
        self
    }

    /// Documents added so far.
    pub fn documents(&self) -> usize {
        self.documents.count()
    }

    /// Whether [`Calibration::MAX_SAMPLE`] documents were added; further ones are ignored.
    pub fn is_full(&self) -> bool {
        self.documents() >= Self::MAX_SAMPLE
    }

    /// Takes a document into account, a few milliseconds of work. Ignored once [`Calibration::is_full`].
    pub fn add(&mut self, sample: &CalibrationSample) {
        if self.is_full() {
            return;
        }
        for (sum, &value) in self.sums.iter_mut().zip(sample.features()) {
            *sum += i64::from(value);
        }
        self.documents.add(sample.features());
        sample.noise().for_each(|noise| self.noise.add(noise));
        sample.descriptors().iter().for_each(|descriptor| self.descriptors.add(descriptor));
    }

    /// Solves for the axes; a few seconds.
    ///
    /// # Errors
    /// [`CalibrateError::TooFew`] below [`Calibration::MIN_SAMPLE`] documents; [`CalibrateError::NoVariation`] where the
    /// documents are copies of each other.
    pub fn finish(self) -> Result<Profile, CalibrateError> {
        let got = self.documents();
        if got < Self::MIN_SAMPLE {
            return Err(CalibrateError::TooFew { got, need: Self::MIN_SAMPLE });
        }
        let mean: Vec<f64> = self.sums.iter().map(|&sum| sum as f64 / got as f64).collect();
        let total = self.documents.covariance(&mean);
        // Documents whose features differ by less than a rounding step each are copies of one another.
        if trace(&total) < FEATURES as f64 {
            return Err(CalibrateError::NoVariation);
        }
        let mut within = self.noise.covariance(&[0.0; FEATURES]);
        // The floor of a hundredth of a step keeps the matrix regular even where no edit changed anything.
        let ridge = (trace(&within) / FEATURES as f64 * Self::RIDGE).max(1e-4);
        for i in 0..FEATURES {
            within[i * FEATURES + i] += ridge;
        }
        let dims = Self::DIMS.min(got / 2);
        let axes = solver::discriminants(total, within, FEATURES, dims);
        if axes.is_empty() {
            return Err(CalibrateError::NoVariation);
        }
        let sample = u32::try_from(got).unwrap_or(u32::MAX);
        Ok(Profile::from_rows(
            ProfileOrigin::Calibrated { sample, records: self.records, seed: self.seed },
            &mean,
            &axes,
            self.descriptors.learn(),
        ))
    }
}

impl std::fmt::Debug for Calibration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calibration")
            .field("seed", &self.seed)
            .field("documents", &self.documents())
            .finish_non_exhaustive()
    }
}

/// Sum of the diagonal of a [`FEATURES`] x [`FEATURES`] matrix.
fn trace(matrix: &[f64]) -> f64 {
    matrix.iter().step_by(FEATURES + 1).sum()
}

#[cfg(test)]
mod tests;
