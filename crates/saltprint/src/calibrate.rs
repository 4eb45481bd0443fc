//! Learning a profile from a sample of the vault.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use saltprint_fingerprint::{CalibrateError, Calibration, CalibrationSample, Coder, Profile, Readout};
use saltprint_intake::Entry;
use saltprint_keys::{EpochId, ProjectionKey, RecordRef, RefKey, system_random};

use crate::images::images;
use crate::{Config, Error, Phase, Progress, output, sample};

/// Images that calibration must leave to play strangers, if it takes all others there are: the rule needs
/// [`LocalRule::MIN_SAMPLE`](saltprint_matching::LocalRule::MIN_SAMPLE) of them, and some are alone with their template or too plain. Of 180 copies of a vault of 140 invented
/// records none was a strong match by its details where the profile was learned from 83 of them, and 164 with the built-in one; of 200 records, which leave 90, the
/// learned one is better (168 against 165).
pub(crate) const FEWEST_LEFT: u64 = 72;

/// Documents measured at a time; bounds memory, since a sample holds some 50 kB and an image more.
const BATCH: usize = 64;

/// How to calibrate.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CalibrateOptions {
    /// Most records in the sample, at most [`Calibration::MAX_SAMPLE`].
    pub sample: usize,
    /// Seed of the simulated edits; the same seed and vault give the same profile.
    pub seed: u64,
    /// Replace a profile that exists.
    pub force: bool,
    /// How bits of whole-image codes are read.
    pub readout: Readout,
}

impl Default for CalibrateOptions {
    fn default() -> Self {
        Self { sample: Calibration::MAX_SAMPLE, seed: 1, force: false, readout: Readout::LINEAR }
    }
}

/// What calibration did.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct CalibrateSummary {
    /// Records in the vault's list.
    pub records: u64,
    /// Documents that the profile was learned from; 0 for the built-in profile.
    pub sample: usize,
    /// Sampled records that could not be used: rejected, or too plain.
    pub unusable: usize,
    /// Axes of the profile.
    pub dims: usize,
    /// Whether the vault was too small, so that the built-in profile was taken.
    pub builtin: bool,
    /// Half-spaces that a bit of a whole-image code is read from.
    pub half_spaces: u8,
    /// The epoch that the profile and the projection key make.
    pub epoch: EpochId,
}

/// Whether a record may take part in calibration: half of them, by a bit of the ref.
///
/// The other half is what the background of impostors is measured on: a profile spreads the records that it was learned
/// from farther apart than it will spread strangers.
pub(crate) fn is_calibration_half(record_ref: RecordRef) -> bool {
    record_ref.as_bytes()[15] & 1 == 0
}

/// Learns a profile from half of the vault (at most `options.sample` records) and writes it, sealed, to
/// `config.profile`. A vault of which that half has fewer than [`Calibration::MIN_SAMPLE`] usable records, or the other one fewer than 72, gets the
/// built-in profile: without a background of strangers details would call nothing strong.
///
/// The index that is in use stays as it is: the next rebuild takes the new profile up.
///
/// # Errors
/// [`Error::ProfileExists`] without `force`; [`Error::Keys`], [`Error::Listing`], [`Error::Calibrate`], [`Error::Io`].
pub fn calibrate(
    config: &Config,
    options: CalibrateOptions,
    progress: &dyn Progress,
) -> Result<CalibrateSummary, Error> {
    config.check_decoder()?;
    if config.profile.exists() && !options.force {
        return Err(Error::ProfileExists { path: config.profile.clone() });
    }
    let key: ProjectionKey = config.load_key()?;
    let refs: RefKey = config.load_key()?;
    let most = options.sample.min(Calibration::MAX_SAMPLE);
    let chosen = sample::choose(config, &refs, most, is_calibration_half)?;
    let records = chosen.files;

    let mut calibration = Calibration::new(options.seed).of_records(records);
    let mut unusable = 0;
    let left = AtomicU64::new(0);
    for (batch, entries) in chosen.entries.chunks(BATCH).enumerate() {
        progress.update(Phase::Calibrating, (batch * BATCH) as u64, Some(chosen.entries.len() as u64));
        let samples: Vec<Vec<Option<CalibrationSample>>> = entries
            .par_iter()
            .map(|(entry, eligible)| {
                let samples = measure(entry, config, &refs, chosen.most_of_one, options.seed, &left);
                // A file that is eligible and gives nothing is worth a word; of others nothing was expected.
                if samples.is_empty() && *eligible { vec![None] } else { samples }
            })
            .collect();
        for sample in samples.into_iter().flatten() {
            match sample {
                Some(sample) if calibration.documents() < most => calibration.add(&sample),
                Some(_) => {}
                None => unusable += 1,
            }
        }
    }
    config.vault.check_outage()?;
    config.check_decoder()?;
    progress.update(Phase::Solving, 0, None);
    let documents = calibration.documents();
    let too_few_left = documents < most && left.into_inner() < FEWEST_LEFT;
    let (profile, sample) = match calibration.finish() {
        Ok(_) if too_few_left => (Profile::builtin(), 0),
        Ok(profile) => (profile, documents),
        Err(CalibrateError::TooFew { .. }) => (Profile::builtin(), 0),
        Err(error) => return Err(error.into()),
    };
    let profile = profile.with_readout(options.readout);
    let mut salt = [0; 32];
    system_random(&mut salt)?;
    output::replace(&config.profile, &profile.seal(&key, salt))?;
    Ok(CalibrateSummary {
        records,
        sample,
        unusable,
        dims: profile.dims(),
        builtin: profile.is_builtin(),
        half_spaces: profile.readout().half_spaces(),
        epoch: Coder::new(&profile, &key).epoch(),
    })
}

/// The images of a file that are of the half: each is a record of its own. `None` for one that is too plain. Those of the other half are added to `left`.
fn measure(
    entry: &Entry,
    config: &Config,
    refs: &RefKey,
    most: usize,
    seed: u64,
    left: &AtomicU64,
) -> Vec<Option<CalibrationSample>> {
    // Of a page with images on it the page.
    let wanted = |place: &str, is_on_page: bool| {
        let is_of_half = is_calibration_half(refs.record_ref(&format!("{}{place}", entry.record_id)));
        left.fetch_add(u64::from(!is_on_page && !is_of_half), Ordering::Relaxed);
        !is_on_page && is_of_half
    };
    images(&entry.location, config, most, &wanted)
        .into_iter()
        .map(|(_, image)| CalibrationSample::measure(&image, seed).ok())
        .collect()
}
