//! Telling the caller how far a long job is.

/// Steps of the long jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Images are read and measured for the profile.
    Calibrating,
    /// The profile is computed.
    Solving,
    /// The vault is listed and changed records are fingerprinted.
    Fingerprinting,
    /// Local features are counted and selected.
    Selecting,
    /// Segments are written and checked.
    Writing,
    /// Records play strangers to each other.
    Measuring,
    /// The files of a leak are hashed.
    Hashing,
    /// A leak is looked up.
    Triage,
}

impl Phase {
    /// The phase as a word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calibrating => "calibrating",
            Self::Solving => "computing the profile",
            Self::Fingerprinting => "fingerprinting",
            Self::Selecting => "selecting features",
            Self::Writing => "writing and checking",
            Self::Measuring => "measuring strangers",
            Self::Hashing => "hashing the evidence",
            Self::Triage => "looking up",
        }
    }
}

/// Takes progress. Called from one thread at a time.
pub trait Progress: Sync {
    /// `done` of `total` units of `phase` are finished; `total` is `None` while it is not known.
    fn update(&self, phase: Phase, done: u64, total: Option<u64>);

    /// About how much of a leak's bytes is looked up, 0 to 1. A file may hold many images, so that the number of these is not
    /// known before.
    fn share(&self, _share: f64) {}
}

/// Takes progress and does nothing with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _phase: Phase, _done: u64, _total: Option<u64>) {}
}
