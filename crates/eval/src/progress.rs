//! Telling the caller how far an evaluation is, and how long its stages took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use saltprint::Phase;

/// Steps of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The invented vault is drawn, or the given one listed and read.
    Vault,
    /// A step of the shipped calibration and rebuild.
    Pipeline(Phase),
    /// The index is filled up with invented records.
    Growth,
    /// The records are hashed by the baselines.
    Baselines,
    /// Edited records are looked up.
    Records,
    /// Strangers are looked up.
    Strangers,
    /// A privacy measurement, in words.
    Privacy(&'static str),
}

impl Stage {
    /// The stage as a word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vault => "preparing the vault",
            Self::Pipeline(phase) => phase.name(),
            Self::Growth => "inventing records",
            Self::Baselines => "hashing for baselines",
            Self::Records => "looking up edited records",
            Self::Strangers => "looking up strangers",
            Self::Privacy(words) => words,
        }
    }
}

/// Takes progress. May be called from any thread.
pub trait Progress: Sync {
    /// `done` of `total` units of `stage` are finished; `total` is `None` while it is not known.
    fn update(&self, stage: Stage, done: u64, total: Option<u64>);
}

impl Progress for saltprint::NoProgress {
    fn update(&self, _stage: Stage, _done: u64, _total: Option<u64>) {}
}

/// Hands the pipeline's progress on.
pub(crate) struct PipelineProgress<'a>(pub(crate) &'a dyn Progress);

impl saltprint::Progress for PipelineProgress<'_> {
    fn update(&self, phase: Phase, done: u64, total: Option<u64>) {
        self.0.update(Stage::Pipeline(phase), done, total);
    }
}

/// What time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Vault,
    Calibrate,
    Rebuild,
    Growth,
    Survey,
    Decode,
    Edit,
    Encode,
    Baselines,
    Lookup,
}

impl Work {
    pub(crate) const ALL: [Self; 10] = [
        Self::Vault,
        Self::Calibrate,
        Self::Rebuild,
        Self::Growth,
        Self::Survey,
        Self::Decode,
        Self::Edit,
        Self::Encode,
        Self::Baselines,
        Self::Lookup,
    ];

    /// What it is, and whether its time is summed over threads.
    pub(crate) fn describe(self) -> (&'static str, bool) {
        match self {
            Self::Vault => ("preparing the vault", false),
            Self::Calibrate => ("calibrate", false),
            Self::Rebuild => ("rebuild", false),
            Self::Growth => ("inventing records", false),
            Self::Survey => ("reading the records for baselines and digests", false),
            Self::Decode => ("queries: read and decode", true),
            Self::Edit => ("queries: edit", true),
            Self::Encode => ("queries: encode", true),
            Self::Baselines => ("queries: baseline hashes", true),
            Self::Lookup => ("queries: look up", false),
        }
    }
}

/// Adds time up, from all threads.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    nanoseconds: [AtomicU64; Work::ALL.len()],
    units: [AtomicU64; Work::ALL.len()],
}

impl Clock {
    /// Runs `what` and counts its time as `units` units of `work`.
    pub(crate) fn time<T>(&self, work: Work, units: usize, what: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = what();
        let spent = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[work as usize].fetch_add(spent, Ordering::Relaxed);
        self.units[work as usize].fetch_add(units as u64, Ordering::Relaxed);
        result
    }

    /// Counts units whose number is known only once their time was.
    pub(crate) fn count(&self, work: Work, units: usize) {
        self.units[work as usize].fetch_add(units as u64, Ordering::Relaxed);
    }

    /// Time and units of `work` so far.
    pub(crate) fn spent(&self, work: Work) -> (Duration, u64) {
        let load = |counters: &[AtomicU64]| counters[work as usize].load(Ordering::Relaxed);
        (Duration::from_nanos(load(&self.nanoseconds)), load(&self.units))
    }
}
