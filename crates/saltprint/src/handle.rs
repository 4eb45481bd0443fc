//! An open index that answers.

use std::sync::{Arc, PoisonError, RwLock};

use saltprint_fingerprint::{Coder, Orientation, Profile};
use saltprint_index::{Background, Coverage, Generation, IndexDir, IndexError, Stamp};
use saltprint_intake::decode;
use saltprint_keys::{DigestKey, EpochId, IndexKey, ProjectionKey};
use saltprint_matching::{Basis, CascadeCounts, DecisionRule, LocalRule, Matcher, Rules};

use zeroize::Zeroizing;

use crate::triage::{Asked, Prepared};
use crate::{Config, Error, ItemReport, shown::Shown};

/// A published generation, opened for questions.
///
/// `Send + Sync`: share one between threads. Each question is answered from one generation, the one that was current
/// when it started; [`Saltprint::reload`] switches to a newer one without disturbing questions that run.
pub struct Saltprint {
    config: Config,
    projection_key: ProjectionKey,
    index_key: IndexKey,
    digests: DigestKey,
    current: RwLock<Arc<Snapshot>>,
}

/// Sees the codes of a query in all orientations, and may refuse it.
pub(crate) type Watch<'a> = dyn FnMut(&[[u64; 4]]) -> Result<(), Error> + 'a;

/// Everything that belongs to one generation.
pub(crate) struct Snapshot {
    /// Without what was erased up to `erasures`.
    pub(crate) generation: Generation,
    pub(crate) coder: Arc<Coder>,
    pub(crate) rules: Rules,
    builtin_profile: bool,
    /// The list of erasures that the generation hides.
    erasures: Option<Stamp>,
}

/// What an index is made of, for people.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Number of the generation.
    pub generation: u64,
    /// Its epoch.
    pub epoch: EpochId,
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
        let projection_key: ProjectionKey = config.load_key()?;
        let index_key: IndexKey = config.load_key()?;
        Self::with_keys(config, projection_key, index_key)
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
        let snapshot = Snapshot::open(config, &projection_key, &index_key)?;
        Ok(Self {
            config: config.clone(),
            projection_key,
            digests: index_key.digest_key(),
            index_key,
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
        match self.prepare(&snapshot, input, bytes, decode(bytes, &self.config.limits)) {
            Prepared::Query(_, asked) => {
                let words = |orientation| {
                    let bytes = asked.query.code(orientation).to_bytes();
                    let (words, _) = bytes.as_chunks::<8>();
                    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
                };
                let codes: Zeroizing<Vec<[u64; 4]>> = Zeroizing::new(Orientation::ALL.map(words).to_vec());
                watch(&codes)?;
                let mut counts = CascadeCounts::default();
                let Asked { query, image } = *asked;
                let images = Shown { coder: &snapshot.coder, images: vec![Some(&image)] };
                let mut judgements =
                    self.matcher(&snapshot).judge(std::slice::from_ref(&query), &images, &mut counts)?;
                Ok(ItemReport::judged(input.to_owned(), judgements.pop().unwrap_or_default(), evidence))
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
        let present = self.snapshot().generation.manifest().clone();
        let published = self.config.index_dir().manifest(&self.index_key)?;
        if published.is_some_and(|published| published == present) {
            return Ok(false);
        }
        let snapshot = Snapshot::open(&self.config, &self.projection_key, &self.index_key)?;
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
        }
    }

    /// Checks every page and row of the open generation.
    ///
    /// # Errors
    /// [`Error::Index`] with the first damage found.
    pub fn verify(&self) -> Result<(), Error> {
        Ok(self.snapshot().generation.verify(&self.config.index)?)
    }

    /// Limits of every input.
    pub fn limits(&self) -> crate::Limits {
        self.config.limits
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
        let fresh = snapshot.without_erased(&self.config, &self.index_key)?;
        Ok(fresh.map_or_else(|| Arc::clone(snapshot), Arc::new))
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
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

impl Snapshot {
    /// What the thresholds rest on: measured where those of both tiers are.
    pub(crate) fn basis(&self) -> Basis {
        let measured = [self.rules.whole.basis(), self.rules.local.basis()] == [Basis::Measured; 2];
        if measured { Basis::Measured } else { Basis::Assumed }
    }

    /// Opens the published generation together with the profile that it was built with. Starts over where a rebuild
    /// publishes another epoch in between.
    fn open(config: &Config, projection_key: &ProjectionKey, index_key: &IndexKey) -> Result<Self, Error> {
        let dir = config.index_dir();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let manifest =
                dir.manifest(index_key)?.ok_or(IndexError::NoIndex { path: config.index.clone() })?;
            match Self::open_epoch(&dir, config, manifest.epoch, projection_key, index_key) {
                Err(_)
                    if attempts < 3
                        && dir.manifest(index_key)?.is_some_and(|now| now.epoch != manifest.epoch) => {}
                result => return result,
            }
        }
    }

    fn open_epoch(
        dir: &IndexDir,
        config: &Config,
        epoch: EpochId,
        projection_key: &ProjectionKey,
        index_key: &IndexKey,
    ) -> Result<Self, Error> {
        let profile = Profile::open(projection_key, &dir.read_profile(epoch)?)
            .map_err(|source| Error::IndexProfile { path: config.index.clone(), source })?;
        let coder = Coder::new(&profile, projection_key);
        if coder.epoch() != epoch {
            return Err(Error::ForeignProfile { path: config.index.clone() });
        }
        // Looked at before it is read, so that a change in between is seen the next time.
        let erasures = dir.erasures_stamp()?;
        let generation = dir.open(index_key, epoch)?;
        let generation = generation.hide(&dir.erasures_for(index_key, generation.manifest())?)?;
        let rules = Rules::new(generation.manifest(), config.matching.rule);
        let builtin_profile = profile.is_builtin();
        Ok(Self { generation, coder: Arc::new(coder), rules, builtin_profile, erasures })
    }

    /// The same generation, without what was erased meanwhile; `None` where nothing was.
    fn without_erased(&self, config: &Config, index_key: &IndexKey) -> Result<Option<Self>, Error> {
        let dir = config.index_dir();
        let erasures = dir.erasures_stamp()?;
        if erasures == self.erasures {
            return Ok(None);
        }
        let list = dir.erasures_for(index_key, self.generation.manifest())?;
        Ok(Some(Self {
            generation: self.generation.hide(&list)?,
            coder: Arc::clone(&self.coder),
            rules: self.rules,
            builtin_profile: self.builtin_profile,
            erasures,
        }))
    }
}
