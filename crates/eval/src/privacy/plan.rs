//! What is to be measured, and on how much.

use std::path::{Path, PathBuf};

use saltprint::Config;
use saltprint_fingerprint::{Calibration, Readout};

use crate::EvalError;
use crate::plan::Source;

/// What is to be measured: a vault, and how thoroughly.
///
/// ```
/// use saltprint_eval::PrivacyPlan;
///
/// let plan = PrivacyPlan::synthetic(2000).seed(7);
/// let small = PrivacyPlan::synthetic(200).quick(true);
/// # let _ = (plan, small);
/// ```
#[derive(Debug, Clone)]
pub struct PrivacyPlan {
    pub(super) source: Source,
    pub(super) seed: u64,
    pub(super) quick: bool,
    pub(super) work: Option<PathBuf>,
}

impl PrivacyPlan {
    /// An invented vault of `records` documents, and others for the attackers. Seed 1, the full measurement.
    #[must_use]
    pub fn synthetic(records: usize) -> Self {
        Self::new(Source::Synthetic { records, templates: Vec::new() })
    }

    /// The vault that `config` names, under its limits. Its keys, profile and index are neither read nor written: codes are
    /// made under keys of the measurement's own and stay in memory, or in a sealed index that is removed. What needs
    /// people photographed twice and pictures is measured on invented vaults only.
    #[must_use]
    pub fn vault(config: Config) -> Self {
        Self::new(Source::Vault(Box::new(config)))
    }

    fn new(source: Source) -> Self {
        Self { source, seed: 1, quick: false, work: None }
    }

    /// Seed of everything that is drawn.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fewer keys, pairs and documents: seconds instead of minutes, and bounds as much wider.
    #[must_use]
    pub fn quick(mut self, quick: bool) -> Self {
        self.quick = quick;
        self
    }

    /// Works in this folder, which stays, instead of in a temporary one.
    #[must_use]
    pub fn work(mut self, dir: &Path) -> Self {
        self.work = Some(dir.to_owned());
        self
    }

    pub(super) fn sizes(&self) -> Result<Sizes, EvalError> {
        let sizes = Sizes::of(self.quick);
        match &self.source {
            Source::Synthetic { records, .. } if *records < FEWEST => {
                Err(EvalError::plan(format!("privacy is measured on at least {FEWEST} records")))
            }
            Source::Synthetic { .. } | Source::Vault(_) => Ok(sizes),
        }
    }
}

/// Fewest documents that a vault is measured with.
pub(super) const FEWEST: usize = 2 * Calibration::MIN_SAMPLE;

/// How much of everything.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    /// Half-spaces a bit of the read-outs that are compared.
    pub(super) readouts: &'static [u8],
    /// Random keys.
    pub(super) keys: usize,
    /// Images whose single bits are looked at.
    pub(super) images: usize,
    /// Images asked under each wrong key.
    pub(super) asked: usize,
    /// Codes of each of two sets to be linked, and how many pairs are known.
    pub(super) linked: usize,
    pub(super) anchors: usize,
    /// Known pairs of image and code, and images whose code is then predicted.
    pub(super) pairs: &'static [usize],
    pub(super) held_out: usize,
    /// Images whose local codes are known.
    pub(super) part_images: &'static [usize],
    /// Documents that are restored from their codes.
    pub(super) restored: usize,
    /// Records of the index that is built twice.
    pub(super) sealed: usize,
    /// Persons who are photographed twice.
    pub(super) people: usize,
    /// Documents that are copied under each edit.
    pub(super) copied: usize,
}

impl Sizes {
    const fn of(quick: bool) -> Self {
        if quick {
            Self {
                readouts: &[1, 4],
                keys: 16,
                images: 8,
                asked: 100,
                linked: 200,
                anchors: 40,
                pairs: &[60, 200],
                held_out: 60,
                part_images: &[1, 3],
                restored: 20,
                sealed: 24,
                people: 6,
                copied: 6,
            }
        } else {
            Self {
                readouts: &[1, 4, 6, 8],
                keys: 512,
                images: 64,
                asked: 2000,
                linked: 2000,
                anchors: 100,
                pairs: &[100, 300, 1000, 3000, 10_000],
                held_out: 1000,
                part_images: &[1, 3, 10, 30],
                restored: 200,
                sealed: 300,
                people: 150,
                copied: 250,
            }
        }
    }

    /// The read-outs that are compared.
    pub(super) fn readouts(&self) -> Vec<Readout> {
        self.readouts.iter().filter_map(|half_spaces| Readout::of(*half_spaces)).collect()
    }

    /// Documents that the attackers hold.
    pub(super) fn crowd(&self) -> usize {
        self.pairs.last().copied().unwrap_or(0) + self.held_out
    }
}
