//! An open index that answers.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use saltprint_fingerprint::{Coder, Luma, Orientation};
use saltprint_index::{
    Background, Coverage, Erasures, Generation, IndexDir, IndexError, Manifest, PreviousEpoch, Stamp,
};
use saltprint_intake::{Opened, Reject};
use saltprint_keys::{DigestKey, EpochId, IndexKey, KeyAge, ProjectionKey};
use saltprint_matching::{Basis, CascadeCounts, DecisionRule, LocalRule, Matcher, Rules};

use zeroize::Zeroizing;

use crate::epochs::{self, Before, Keyring};
use crate::triage::Prepared;
use crate::{Config, Error, ItemReport};

/// A published generation, opened for questions.
///
/// `Send + Sync`: share one between threads. Each question is answered from one generation, the one that was current
/// when it started; [`Saltprint::reload`] switches to a newer one without disturbing questions that run.
pub struct Saltprint {
    config: Config,
    keys: Mutex<Keyring>,
    digests: DigestKey,
    current: RwLock<Arc<Snapshot>>,
}

/// Sees the codes of a query in all orientations, and may refuse it.
pub(crate) type Watch<'a> = dyn FnMut(&[[u64; 4]]) -> Result<(), Error> + 'a;

/// Everything that belongs to one generation, and to that of the epoch before while it answers.
pub(crate) struct Snapshot {
    /// Without what was erased up to `erasures`.
    pub(crate) generation: Arc<Generation>,
    pub(crate) coder: Arc<Coder>,
    pub(crate) rules: Rules,
    builtin_profile: bool,
    previous: Previous,
    /// The list of erasures that the generations hide.
    erasures: Option<Stamp>,
}

/// The epoch before.
enum Previous {
    None,
    /// Its keys are not here.
    Closed(PreviousEpoch),
    Open {
        snapshot: Arc<Snapshot>,
        /// Until when it answers, seconds since 1970.
        until: u64,
    },
}

/// What an index is made of, for people.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Number of the generation.
    pub generation: u64,
    /// Its epoch.
    pub epoch: EpochId,
    /// The epoch before, while it answers.
    pub previous: Option<PreviousStatus>,
    /// When it was built, seconds since 1970.
    pub created: u64,
    /// Number of records.
    pub records: u64,
    /// Number of segments, and how many of them have a graph.
    pub segments: usize,
    /// Segments with a graph.
    pub graphs: usize,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Whether the built-in profile is in use.
    pub builtin_profile: bool,
    /// What the rebuild saw.
    pub coverage: CoverageStatus,
    /// How near strangers come.
    pub strangers: StrangerStatus,
    /// How matches are decided.
    pub rule: DecisionRule,
    /// The decision rule of straightened parts.
    pub straightened_rule: DecisionRule,
    /// The decision rule of local codes, and of both tiers together.
    pub local_rule: LocalRule,
    /// Kinds of records that are said to have no template and of which hardly any shares one with another: see
    /// [`LocalSearch::known_print`](saltprint_matching::LocalSearch::known_print).
    pub kinds_without_template: Vec<String>,
}

/// The epoch before the present one, which answers beside it for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct PreviousStatus {
    /// Its name.
    pub epoch: EpochId,
    /// Until when it answers, seconds since 1970.
    pub until: u64,
    /// Whether it answers here; not where its keys are missing. Records that only it holds are not found then.
    pub answers: bool,
    /// Number of its last generation; `None` where it does not answer.
    pub generation: Option<u64>,
    /// Number of its records; `None` where it does not answer.
    pub records: Option<u64>,
}

/// Quantiles of the background: distances in bits from a record that plays the stranger to the nearest record of
/// another subject. `None` where nothing was measured.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct StrangerStatus {
    /// Records that played the stranger.
    pub sampled: u64,
    /// The nearest of all.
    pub nearest: Option<u32>,
    /// 1 % come at least as near as this.
    pub percent_1: Option<u32>,
    /// 10 %.
    pub percent_10: Option<u32>,
    /// Half.
    pub median: Option<u32>,
}

impl From<&Background> for StrangerStatus {
    fn from(background: &Background) -> Self {
        let quantile = |q| background.nearest.quantile(q);
        Self {
            sampled: background.sampled,
            nearest: quantile(0.0),
            percent_1: quantile(0.01),
            percent_10: quantile(0.1),
            median: quantile(0.5),
        }
    }
}

/// Totals of the vault's inputs at the rebuild.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct CoverageStatus {
    /// Records with a fingerprint of their own bytes.
    pub indexed: u64,
    /// Records whose bytes equal another record's.
    pub duplicate: u64,
    /// Images without enough structure.
    pub too_plain: u64,
    /// Inputs that did not decode.
    pub unreadable: u64,
    /// Inputs over a limit or outside the rules.
    pub refused: u64,
    /// Inputs that were erased and are still in the vault: not looked at, and no part of the others' total.
    #[serde(default)]
    pub erased: u64,
}

impl From<Coverage> for CoverageStatus {
    fn from(coverage: Coverage) -> Self {
        let Coverage { indexed, duplicate, too_plain, unreadable, refused, erased } = coverage;
        Self { indexed, duplicate, too_plain, unreadable, refused, erased }
    }
}

impl Saltprint {
    /// Opens the published generation. Loads the projection and the index key, not the ref key.
    ///
    /// # Errors
    /// [`Error::Keys`]; [`Error::Index`], for one where nothing was published yet or the key is another one;
    /// [`Error::IndexProfile`], [`Error::ForeignProfile`].
    pub fn open(config: &Config) -> Result<Self, Error> {
        Self::with_ring(config, Keyring::load(config)?)
    }

    /// Like [`Saltprint::open`] with keys from a key store of your own.
    ///
    /// # Errors
    /// As [`Saltprint::open`].
    pub fn with_keys(
        config: &Config,
        projection_key: ProjectionKey,
        index_key: IndexKey,
    ) -> Result<Self, Error> {
        Self::with_keys_of_ages(config, [(KeyAge::Present, projection_key, index_key)])
    }

    /// Like [`Saltprint::with_keys`] with next and previous keys too, for the time of a rotation.
    ///
    /// # Errors
    /// As [`Saltprint::open`].
    pub fn with_keys_of_ages(
        config: &Config,
        keys: impl IntoIterator<Item = (KeyAge, ProjectionKey, IndexKey)>,
    ) -> Result<Self, Error> {
        Self::with_ring(config, Keyring::given(keys))
    }

    fn with_ring(config: &Config, mut keys: Keyring) -> Result<Self, Error> {
        let dir = IndexDir::new(&config.index);
        let (snapshot, age) = Snapshot::open(config, &mut keys)?;
        // Any index key serves: digests tell repetitions within a leak, and never leave the process.
        let digests = keys.index(age).map(IndexKey::digest_key);
        let digests = digests.ok_or(IndexError::NoIndex { path: dir.path().to_owned() })?;
        Ok(Self {
            config: config.clone(),
            keys: Mutex::new(keys),
            digests,
            current: RwLock::new(Arc::new(snapshot)),
        })
    }

    /// Looks one image up. `input` is the name that the report will carry. Of what an archive or a PDF holds there may be many
    /// reports: ask [`Saltprint::triage`] with [`TriageInput::bytes`](crate::TriageInput::bytes).
    ///
    /// # Errors
    /// [`Error::Index`] where the index is damaged. An image that cannot be used is an outcome of the report.
    pub fn lookup(&self, input: &str, bytes: &[u8]) -> Result<ItemReport, Error> {
        self.lookup_as(input, bytes, false)
    }

    /// Like [`Saltprint::lookup`], with distances, for the evidence role.
    ///
    /// # Errors
    /// [`Error::EvidenceOff`] unless the configuration allows it; otherwise as [`Saltprint::lookup`].
    pub fn lookup_with_evidence(&self, input: &str, bytes: &[u8]) -> Result<ItemReport, Error> {
        self.check_evidence(true)?;
        self.lookup_as(input, bytes, true)
    }

    fn lookup_as(&self, input: &str, bytes: &[u8], evidence: bool) -> Result<ItemReport, Error> {
        self.lookup_watched(input, bytes, evidence, &mut |_| Ok(()))
    }

    /// Looks one image up unless `watch`, which sees its codes in all orientations, says no.
    pub(crate) fn lookup_watched(
        &self,
        input: &str,
        bytes: &[u8],
        evidence: bool,
        watch: &mut Watch<'_>,
    ) -> Result<ItemReport, Error> {
        let snapshot = self.snapshot_for_answers()?;
        self.config.check_decoder()?;
        let image = self.decode(bytes);
        let prepared = self.prepare(&snapshot, input, bytes, image, true);
        self.config.check_decoder()?;
        match prepared {
            Prepared::Query(_, asked) => {
                let words = |orientation| {
                    let bytes = asked.query.code(orientation).to_bytes();
                    let (words, _) = bytes.as_chunks::<8>();
                    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
                };
                let codes: Zeroizing<Vec<[u64; 4]>> = Zeroizing::new(Orientation::ALL.map(words).to_vec());
                watch(&codes)?;
                let mut counts = CascadeCounts::default();
                // As when it was prepared, no step goes from this thread to the pool and back; what was prepared ends in the pool as well,
                // whose threads use its buffers again.
                let mut answers = rayon::scope(|_| {
                    let asked = asked;
                    let queries = std::slice::from_ref(&asked.query);
                    self.judge(&snapshot, queries, &[asked.shown()], &mut counts)
                })?;
                Ok(ItemReport::judged(input.to_owned(), answers.pop().unwrap_or_default(), evidence))
            }
            Prepared::Settled(_, report) => Ok(report),
        }
    }

    /// Number and root of the generation that answers now.
    pub fn generation(&self) -> (u64, [u8; 32]) {
        let snapshot = self.snapshot();
        let manifest = snapshot.generation.manifest();
        (manifest.generation, manifest.root())
    }

    /// Switches to the newest published generation; whether there was a newer one.
    ///
    /// # Errors
    /// As [`Saltprint::open`]; the generation in use stays then.
    pub fn reload(&self) -> Result<bool, Error> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.snapshot();
        let published = keys.manifest(&self.config.index_dir())?;
        if published.is_some_and(|(published, _)| published == *present.generation.manifest()) {
            return Ok(false);
        }
        let (snapshot, _) = Snapshot::open(&self.config, &mut keys)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(true)
    }

    /// What the open generation is made of.
    pub fn status(&self) -> Status {
        let snapshot = self.snapshot();
        let manifest = snapshot.generation.manifest();
        Status {
            generation: manifest.generation,
            epoch: manifest.epoch,
            previous: snapshot.previous_status(),
            created: manifest.created,
            records: manifest.records(),
            segments: manifest.segments.len(),
            graphs: manifest.segments.iter().filter(|segment| segment.graph.is_some()).count(),
            bytes: snapshot.generation.file_len(),
            builtin_profile: snapshot.builtin_profile,
            coverage: manifest.coverage.into(),
            strangers: (&manifest.background).into(),
            rule: snapshot.rules.whole,
            straightened_rule: snapshot.rules.straightened,
            local_rule: snapshot.rules.local,
            kinds_without_template: manifest.local_background.kinds_without_template(),
        }
    }

    /// Checks every page and row of the open generation, and of that of the epoch before where it answers.
    ///
    /// # Errors
    /// [`Error::Index`] with the first damage found.
    pub fn verify(&self) -> Result<(), Error> {
        let snapshot = self.snapshot();
        snapshot.generation.verify(&self.config.index)?;
        if let Some(previous) = snapshot.previous() {
            previous.generation.verify(&self.config.index)?;
        }
        Ok(())
    }

    /// Whether a file may hold others, each of which is a question of its own: see [`Saltprint::triage`].
    pub fn holds_parts(&self, opened: &mut Opened) -> bool {
        self.config.decoder.holds_parts(opened)
    }

    /// Limits of every input.
    pub fn limits(&self) -> crate::Limits {
        self.config.limits
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Luma, Reject> {
        self.config.decoder.decode(bytes, &self.config.limits)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn check_evidence(&self, wanted: bool) -> Result<(), Error> {
        if wanted && !self.config.matching.evidence { Err(Error::EvidenceOff) } else { Ok(()) }
    }

    /// The open generation, without what was erased before this call.
    ///
    /// # Errors
    /// [`Error::Index`]: where the list of erasures cannot be read, nothing is answered.
    pub(crate) fn snapshot_for_answers(&self) -> Result<Arc<Snapshot>, Error> {
        let snapshot = self.snapshot();
        let fresh = self.without_erased(&snapshot)?;
        if !Arc::ptr_eq(&snapshot, &fresh) {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            // Unless another thread has done the same, or switched to another generation.
            if Arc::ptr_eq(&current, &snapshot) {
                *current = Arc::clone(&fresh);
            }
        }
        Ok(fresh)
    }

    /// The same snapshot, or one of the same generation without what was erased since.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(crate) fn without_erased(&self, snapshot: &Arc<Snapshot>) -> Result<Arc<Snapshot>, Error> {
        let dir = self.config.index_dir();
        // Looked at before it is read, so that a change in between is seen the next time.
        let erasures = dir.erasures_stamp()?;
        if erasures == snapshot.erasures {
            return Ok(Arc::clone(snapshot));
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let list = keys.erasures(&dir)?;
        Ok(Arc::new(snapshot.hiding(&dir, &list, erasures)?))
    }

    /// What answers now. An epoch before whose time is over is dropped here, so that no question is asked of it.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        let snapshot = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        if !snapshot.previous.is_over(epochs::now()) {
            return snapshot;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.previous.is_over(epochs::now()) {
            *current = Arc::new(current.alone());
        }
        Arc::clone(&current)
    }

    pub(crate) fn matcher<'a>(&self, snapshot: &'a Snapshot) -> Matcher<'a> {
        let cascade = self.config.matching.cascade;
        Matcher::new(&snapshot.generation, &snapshot.rules, cascade)
    }

    pub(crate) fn digests(&self) -> &DigestKey {
        &self.digests
    }
}

impl std::fmt::Debug for Saltprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saltprint").field("index", &self.config.index).finish_non_exhaustive()
    }
}

impl Previous {
    fn is_over(&self, now: u64) -> bool {
        match self {
            Self::None => false,
            Self::Closed(PreviousEpoch { until, .. }) | Self::Open { until, .. } => *until <= now,
        }
    }
}

impl Snapshot {
    /// What the thresholds rest on: measured where those of both tiers are, in every epoch that answers.
    pub(crate) fn basis(&self) -> Basis {
        let measured = [self.rules.whole.basis(), self.rules.local.basis()] == [Basis::Measured; 2];
        let before = self.previous().map_or(Basis::Measured, Self::basis);
        if measured && before == Basis::Measured { Basis::Measured } else { Basis::Assumed }
    }

    /// The generation of the epoch before, where it answers.
    pub(crate) fn previous(&self) -> Option<&Self> {
        match &self.previous {
            Previous::Open { snapshot, .. } => Some(snapshot),
            Previous::None | Previous::Closed(_) => None,
        }
    }

    /// The epoch before, for people.
    pub(crate) fn previous_status(&self) -> Option<PreviousStatus> {
        match &self.previous {
            Previous::None => None,
            Previous::Closed(PreviousEpoch { epoch, until, .. }) => Some(PreviousStatus {
                epoch: *epoch,
                until: *until,
                answers: false,
                generation: None,
                records: None,
            }),
            Previous::Open { snapshot, until } => {
                let manifest = snapshot.generation.manifest();
                Some(PreviousStatus {
                    epoch: manifest.epoch,
                    until: *until,
                    answers: true,
                    generation: Some(manifest.generation),
                    records: Some(manifest.records()),
                })
            }
        }
    }

    /// Of how many generations an image is asked: chances of a false match add up over them.
    pub(crate) fn epochs(&self) -> u32 {
        1 + u32::from(self.previous().is_some())
    }

    /// The same generation without the epoch before.
    fn alone(&self) -> Self {
        Self {
            generation: Arc::clone(&self.generation),
            coder: Arc::clone(&self.coder),
            rules: self.rules,
            builtin_profile: self.builtin_profile,
            previous: Previous::None,
            erasures: self.erasures,
        }
    }

    /// Opens the published generation, and the age of the index key that it is sealed with. Starts over where a rebuild
    /// publishes in between.
    fn open(config: &Config, keys: &mut Keyring) -> Result<(Self, KeyAge), Error> {
        let dir = config.index_dir();
        let no_index = || IndexError::NoIndex { path: config.index.clone() };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (manifest, age) = keys.manifest(&dir)?.ok_or_else(no_index)?;
            let erasures = dir.erasures_stamp()?;
            let opened = Self::open_both(&dir, config, &manifest, age, keys)
                .and_then(|opened| opened.hiding(&dir, &keys.erasures(&dir)?, erasures));
            match opened {
                Err(_) if attempts < 3 && keys.manifest(&dir)?.is_some_and(|(now, _)| now != manifest) => {}
                result => return Ok((result?, age)),
            }
        }
    }

    /// Opens a generation and, where the epoch before answers, its last one.
    fn open_both(
        dir: &IndexDir,
        config: &Config,
        manifest: &Manifest,
        age: KeyAge,
        keys: &mut Keyring,
    ) -> Result<Self, Error> {
        let mut snapshot =
            Self::open_epoch(dir, config, keys, manifest.epoch, &|key| dir.open(key, manifest.epoch), age)?;
        // As the generation that was opened names it, which may be a newer one by now.
        let opened = Arc::clone(&snapshot.generation);
        snapshot.previous = match epochs::find_previous(dir, keys, opened.manifest(), epochs::now())? {
            Before::None => Previous::None,
            Before::Closed(named) => Previous::Closed(named),
            Before::Open { manifest: before, key, until } => {
                let (epoch, generation) = (before.epoch, before.generation);
                let opened = Self::open_epoch(
                    dir,
                    config,
                    keys,
                    epoch,
                    &|key| dir.open_previous((*before).clone(), key),
                    key,
                );
                match opened {
                    Ok(before) => Previous::Open { snapshot: Arc::new(before), until },
                    // One of its keys is here and the other is not.
                    Err(Error::IndexProfile { .. }) if keys.projection(KeyAge::Previous).is_none() => {
                        Previous::Closed(PreviousEpoch { epoch, generation, until })
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(snapshot)
    }

    /// Opens one generation together with the profile that it was built with.
    fn open_epoch(
        dir: &IndexDir,
        config: &Config,
        keys: &mut Keyring,
        epoch: EpochId,
        open: &(dyn Fn(&IndexKey) -> Result<Generation, IndexError> + Sync),
        age: KeyAge,
    ) -> Result<Self, Error> {
        let (profile, projection_key, key) = keys.keys_of(dir, epoch, age)?;
        let key = key.ok_or_else(|| IndexError::NoIndex { path: config.index.clone() })?;
        // One computes while the other waits for the disk.
        let (coder, generation) = std::thread::scope(|scope| {
            // A thread of its own: `reload` holds the keys meanwhile, for which the threads of the pool may be waiting.
            let coder = scope.spawn(|| Coder::new(&profile, projection_key));
            let generation = open(key);
            (coder.join(), generation)
        });
        let coder = coder.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let generation = generation?;
        let rules = Rules::new(generation.manifest(), config.matching.rule);
        Ok(Self {
            generation: Arc::new(generation),
            coder: Arc::new(coder),
            rules,
            builtin_profile: profile.is_builtin(),
            previous: Previous::None,
            erasures: None,
        })
    }

    /// The same generations without what a list erases.
    fn hiding(&self, dir: &IndexDir, list: &Erasures, stamp: Option<Stamp>) -> Result<Self, Error> {
        dir.check_length(list, self.generation.manifest())?;
        let previous = match &self.previous {
            Previous::None => Previous::None,
            Previous::Closed(named) => Previous::Closed(*named),
            Previous::Open { snapshot, until } => {
                Previous::Open { snapshot: Arc::new(snapshot.hiding(dir, list, stamp)?), until: *until }
            }
        };
        Ok(Self {
            generation: Arc::new(self.generation.hide(list)?),
            coder: Arc::clone(&self.coder),
            rules: self.rules,
            builtin_profile: self.builtin_profile,
            previous,
            erasures: stamp,
        })
    }
}
