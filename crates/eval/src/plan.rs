//! What is to be evaluated.

use std::path::{Path, PathBuf};

use saltprint::Config;
use saltprint_fingerprint::Readout;
use saltprint_synth::Template;

use crate::EvalError;
use crate::treatment::Treatment;

/// Share of an own vault that is held out where no number is given.
pub const DEFAULT_HOLD_OUT: f64 = 0.25;

/// Records asked under each edit where no number is given.
pub const DEFAULT_QUERIES: usize = 50;

/// Where the documents come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Synthetic { records: usize, templates: Vec<Template> },
    Vault(Box<Config>),
}

/// What is to be evaluated: a vault, how much of it is held out, which edits, and how many images of each.
///
/// ```
/// use saltprint_eval::{EvalPlan, Treatment};
///
/// let plan = EvalPlan::synthetic(400)
///     .strangers(100)
///     .queries(20)
///     .treatments(vec![Treatment::by_name("crop-80").ok_or("an edit")?])
///     .seed(7);
/// # let _ = plan;
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Debug, Clone)]
pub struct EvalPlan {
    pub(crate) source: Source,
    pub(crate) strangers: Option<usize>,
    pub(crate) queries: usize,
    pub(crate) treatments: Vec<Treatment>,
    pub(crate) seed: u64,
    pub(crate) baselines: bool,
    pub(crate) full_strangers: bool,
    pub(crate) near_duplicates: usize,
    pub(crate) nights: u32,
    pub(crate) grow_to: Option<u64>,
    pub(crate) readout: Readout,
    pub(crate) quick: bool,
    pub(crate) work: Option<PathBuf>,
}

impl EvalPlan {
    /// A vault of `records` invented documents, besides the strangers. By default a quarter as many strangers, all
    /// templates, [`DEFAULT_QUERIES`] records an edit, the standard treatments, seed 1 and both baselines.
    #[must_use]
    pub fn synthetic(records: usize) -> Self {
        Self::new(Source::Synthetic { records, templates: Vec::new() })
    }

    /// The vault that `config` names, under its limits and its matching rule, but with keys, profile and index of its
    /// own: those of the configuration are neither read nor written. By default [`DEFAULT_HOLD_OUT`] of it are
    /// strangers.
    #[must_use]
    pub fn vault(config: Config) -> Self {
        Self::new(Source::Vault(Box::new(config)))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            strangers: None,
            queries: DEFAULT_QUERIES,
            treatments: Treatment::standard(),
            seed: 1,
            baselines: true,
            full_strangers: false,
            near_duplicates: 0,
            nights: 1,
            grow_to: None,
            readout: Readout::LINEAR,
            quick: false,
            work: None,
        }
    }

    /// Limits an invented vault to these templates; an empty list means all. Without effect on an own vault.
    #[must_use]
    pub fn templates(mut self, chosen: &[Template]) -> Self {
        if let Source::Synthetic { templates, .. } = &mut self.source {
            *templates = chosen.to_vec();
        }
        self
    }

    /// Stores the images of so many records of an invented vault again, in other bytes and each under another subject, as of people who
    /// registered twice. A match with either is right. The records that are doubled are a kind of their own in the report; the second files are not
    /// asked after. Without effect on an own vault.
    #[must_use]
    pub fn near_duplicates(mut self, count: usize) -> Self {
        self.near_duplicates = count;
        self
    }

    /// Number of documents that are held out. Subjects stay together, so that an own vault may give one more.
    #[must_use]
    pub fn strangers(mut self, strangers: usize) -> Self {
        self.strangers = Some(strangers);
        self
    }

    /// Records that are asked under each edit, at least 1; all where the vault has fewer.
    #[must_use]
    pub fn queries(mut self, queries: usize) -> Self {
        self.queries = queries;
        self
    }

    /// What is done to the images; at least one treatment, none twice.
    #[must_use]
    pub fn treatments(mut self, treatments: Vec<Treatment>) -> Self {
        self.treatments = treatments;
        self
    }

    /// Seed of everything that is drawn. For an invented vault the same plan gives the same numbers; for an own one
    /// the same images are asked, while the keys are fresh each time.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether PDQ and pHash run on the same images.
    #[must_use]
    pub fn baselines(mut self, on: bool) -> Self {
        self.baselines = on;
        self
    }

    /// Asks every stranger under every edit, instead of unedited and under one edit each.
    #[must_use]
    pub fn full_strangers(mut self, on: bool) -> Self {
        self.full_strangers = on;
        self
    }

    /// Lets the vault grow over so many rebuilds, at least 1: each finds twice as many records as the one before, the first of the list, and the last all of them. What
    /// earlier ones could not know then shows: of which templates there would be more, and how many records there would be to count.
    #[must_use]
    pub fn nights(mut self, nights: u32) -> Self {
        self.nights = nights;
        self
    }

    /// Fills the index up with invented records to so many, as [`grow`](crate::grow) says: how many copies are still found
    /// where the vault is that large.
    #[must_use]
    pub fn grow_to(mut self, records: u64) -> Self {
        self.grow_to = Some(records);
        self
    }

    /// How the profile that is learned reads bits of whole-image codes.
    #[must_use]
    pub fn readout(mut self, readout: Readout) -> Self {
        self.readout = readout;
        self
    }

    /// Looks as `triage --quick` does; otherwise as the configuration of an own vault says, and thoroughly at an invented one.
    #[must_use]
    pub fn quick(mut self, on: bool) -> Self {
        self.quick = on;
        self
    }

    /// Works in this folder, which stays, instead of in a temporary one. An invented vault that an earlier run left
    /// there is used again where it is the same.
    #[must_use]
    pub fn work(mut self, dir: &Path) -> Self {
        self.work = Some(dir.to_owned());
        self
    }

    pub(crate) fn check(&self) -> Result<(), EvalError> {
        if self.queries == 0 {
            return Err(EvalError::plan("an evaluation needs at least one query an edit"));
        }
        if self.nights == 0 {
            return Err(EvalError::plan("an index is made in at least one night"));
        }
        if self.treatments.is_empty() {
            return Err(EvalError::plan("an evaluation needs at least one edit"));
        }
        if let Some((at, twice)) =
            self.treatments.iter().enumerate().find(|(at, one)| self.treatments[..*at].contains(one))
        {
            return Err(EvalError::plan(format!("edit {} of the list repeats `{twice}`", at + 1)));
        }
        match &self.source {
            Source::Synthetic { records: 0, .. } => {
                Err(EvalError::plan("an invented vault needs at least one record"))
            }
            Source::Synthetic { .. } | Source::Vault(_) => Ok(()),
        }
    }
}
