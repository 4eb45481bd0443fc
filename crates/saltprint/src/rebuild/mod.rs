//! The nightly job: vault -> sealed index, doing only what changed.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the order of things, options and summary |
//! | `advice.rs` | what the operator should know, and when to calibrate again |
//! | `previous.rs` | what the published generation already holds |
//! | `records.rs` | one record: unchanged, carried over, or fingerprinted anew |
//! | `container.rs` | a file that holds others: each part is a record |
//! | `ledger.rs` | the totals, the live records, the new rows and the rejects of one run |
//! | `selection.rs` | which local features of a record are kept |
//! | `strangers.rs` | the background of the local tier |
//! | `prints.rs` | what of records is print |
//! | `negative.rs` | the folder of what is never evidence |
//! | `segments.rs` | which segments stay, which are rewritten, and writing them |
//!
//! What the index holds is decided by the vault's list and the published segments alone; the catalog only saves reading
//! files. So a run that was killed at any point needs no repair: the next one starts from the published generation.

mod advice;
mod bars;
mod container;
mod ledger;
pub(crate) mod negative;
mod previous;
mod prints;
mod records;
mod segments;
mod selection;
mod strangers;

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use saltprint_fingerprint::{Coder, Profile};
use saltprint_index::{
    Background, Catalog, Coverage, IndexDir, IndexError, Manifest, PreviousEpoch, RebuildLock, Seen,
    SegmentEntry, Work,
};
use saltprint_intake::{Entry, ListReject};
use saltprint_keys::{EpochId, IndexKey, ProjectionKey, RefKey};
use saltprint_matching::{DecisionRule, LocalRule, Rules, are_near_duplicates};

use crate::calibrate::is_calibration_half;
use crate::epochs::{self, Building, Finish, Keyring};
use crate::{Config, Error, Phase, Progress};

pub use prints::PrintSummary;
pub(crate) use segments::graph_policy;
pub use selection::SelectionSummary;
use strangers::Again;

use advice::Crowding;
use ledger::Ledger;
use previous::Previous;
use records::{Held, PassedOver, Worker};
use selection::{Selected, Selector};

/// Records handled between two looks at the progress.
const BATCH: usize = 128;

/// Threads for each core where reading a record means to wait for a network: to fetch and decode a photo takes about as
/// long as tens of milliseconds of waiting, and far away stores make one wait for longer.
const REMOTE_THREADS: usize = 4;

/// How to rebuild.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named where it is set")]
pub struct RebuildOptions {
    /// Ignore the published generation and the catalog: read and fingerprint everything again. The way out of a damaged
    /// index. What a run that was killed just before had fingerprinted counts all the same: it is authenticated one by one.
    pub full: bool,
    /// Publish an empty index where the vault lists no record but the index has some.
    pub allow_empty: bool,
    /// List the vault once before, so that progress has a total.
    pub count_first: bool,
    /// Take what lies in the index folder for the newest, though newer was seen: after a backup was restored on purpose.
    pub accept_rollback: bool,
}

/// Totals of the vault's inputs; the parts add up to `inputs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct VaultTotals {
    /// All inputs.
    pub inputs: u64,
    /// Records with a fingerprint of their own bytes.
    pub indexed: u64,
    /// Records whose bytes equal another record's: searchable under their own ref, with the same fingerprint.
    pub duplicate: u64,
    /// Images without enough structure.
    pub too_plain: u64,
    /// Inputs that did not decode or could not be read.
    pub unreadable: u64,
    /// Inputs over a limit or outside the rules.
    pub refused: u64,
    /// Inputs that were erased and are still in the vault: not looked at, and no part of `inputs`.
    pub erased: u64,
}

/// One segment of the generation.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct SegmentSummary {
    /// Its records.
    pub records: u32,
    /// Whether this run wrote it.
    pub new: bool,
    /// Whether it has a graph.
    pub graph: bool,
    /// Recall of its graph on planted queries, of one that was left out as well; `None` where none was built.
    pub graph_recall: Option<f64>,
}

/// What a rebuild did.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct RebuildSummary {
    /// Number of the generation that is published now.
    pub generation: u64,
    /// Its root, which two indexes share only if they hold the same.
    #[serde(skip)]
    pub root: [u8; 32],
    /// Whether this run published it; an unchanged vault publishes nothing.
    pub published: bool,
    /// Epoch of its codes.
    pub epoch: EpochId,
    /// Whether this run took next keys into use.
    pub rotated: bool,
    /// The epoch before, while it answers.
    pub previous: Option<PreviousEpoch>,
    /// Totals of the vault's inputs.
    pub totals: VaultTotals,
    /// Inputs whose file was not read, because size and time were those of the last run.
    pub unread: u64,
    /// Records whose fingerprint a killed run had made already.
    pub resumed: u64,
    /// Records that are as they were in the previous generation.
    pub unchanged: u64,
    /// Records that were not in it.
    pub added: u64,
    /// Records whose content or facts changed.
    pub changed: u64,
    /// Records of it that are gone.
    pub removed: u64,
    /// Files and folders passed over because their names start with a dot.
    pub hidden: u64,
    /// The segments.
    pub segments: Vec<SegmentSummary>,
    /// Negative images in force: what matches them is never evidence.
    pub negative: u64,
    /// How the local features of new records were selected.
    pub selection: SelectionSummary,
    /// What was read to know what of records is print.
    pub print: PrintSummary,
    /// Records that played the stranger when the background was measured.
    pub background_sampled: u64,
    /// Of the records that were asked for this in this run, those whose image a record of another subject holds as well, in other bytes. They are no strangers to
    /// each other, and a leaked image may be a match of both.
    pub near_duplicates: u64,
    /// The decision rule that follows from the background.
    pub rule: DecisionRule,
    /// The decision rule of straightened parts.
    pub straightened_rule: DecisionRule,
    /// Images that were looked up as strangers when the background of the local tier was measured; 0 where there are too few records for that.
    pub local_sampled: u64,
    /// The decision rule of local codes, and of both tiers together.
    pub local_rule: LocalRule,
    /// Kinds of records that are said to have no template, and of which enough were asked and hardly any shares one with another: copies
    /// of them with parts covered may be strong matches.
    pub kinds_without_template: Vec<String>,
    /// Where rejected inputs are named.
    pub rejects_file: Option<PathBuf>,
    /// What an operator should look at.
    pub warnings: Vec<String>,
    /// Seconds that the run took.
    pub seconds: f64,
}

impl RebuildSummary {
    /// Whether inputs were rejected: the run is done, but somebody should look at the rejects file.
    pub fn has_rejects(&self) -> bool {
        self.totals.unreadable + self.totals.refused + self.totals.too_plain > 0
    }
}

/// Brings the index up to date with the vault and publishes it.
///
/// # Errors
/// [`Error::Keys`], [`Error::NoProfile`], [`Error::Profile`]; [`Error::Index`], for one where another rebuild runs or the
/// published generation is damaged (then `full` helps); [`Error::Listing`], [`Error::EmptyVault`], [`Error::Io`]. The
/// published generation stays as it was then. A record that cannot be used is not an error but counted and named.
pub fn rebuild(
    config: &Config,
    options: RebuildOptions,
    progress: &dyn Progress,
) -> Result<RebuildSummary, Error> {
    config.check_decoder()?;
    let started = Instant::now();
    let mut ring = Keyring::load(config)?;
    let ref_key: RefKey = config.load_key()?;
    let (profile, sealed_with) = ring.configured_profile(config)?;

    let dir = config.index_dir();
    let lock = dir.lock()?;
    let seen = dir.seen()?;
    if options.accept_rollback {
        let unpinned = IndexDir::new(&config.index);
        let generation = ring.manifest(&unpinned)?.map_or(0, |(manifest, _)| manifest.generation);
        let erasures = ring.erasures(&unpinned)?.len();
        dir.accept_rollback(&lock, Seen { generation, erasures })?;
    }
    let mut building = Building::find(&dir, &lock, &mut ring, options.full)?;
    let (published, lost) = (building.published.clone(), building.lost);
    // What is erased while this runs is hidden when the index is asked, and left out by the next rebuild.
    let erasures = ring.erasures(&dir)?;
    if let Some(published) = published.as_ref().filter(|_| !options.accept_rollback) {
        dir.check_length(&erasures, published)?;
    }
    let applied = published.as_ref().map_or(0, |published| published.erasures);
    let (projection_key, index_key) = building.keys(&ring)?;
    let coder = Coder::new(&profile, projection_key);
    let epoch = coder.epoch();
    let mut previous = Previous::open(&dir, published.as_ref(), index_key, epoch, options.full)?;
    // The catalog is sealed with the index key.
    let catalog = open_catalog(&dir, index_key, epoch, options.full || building.switches)?;

    let left = dir.leftovers(&lock, index_key, epoch)?;
    let most_held = config.rebuild.checkpoint_records;
    let mut work = Work::new(&dir, &lock, index_key, epoch, &left, most_held);
    let mut ledger = Ledger::new(&config.rebuild.rejects);
    let worker = Worker::new(
        config,
        &ref_key,
        &coder,
        Held { previous: &previous, left: &left, key: index_key },
        catalog.reader()?,
        PassedOver::new(&erasures, applied),
    );
    let hidden = read_vault(config, options, &worker, &mut ledger, &mut work, progress)?;
    drop(worker);
    previous.forget_contents();
    ledger.forget_contents();
    let rejects_file = ledger.write_rejects()?;
    let present = published.as_ref().map_or(0, Manifest::records);
    if ledger.live() == 0 && (present > 0 || lost) && ledger.totals().erased == 0 && !options.allow_empty {
        return Err(Error::EmptyVault { records: present });
    }

    progress.update(Phase::Selecting, 0, None);
    let carried_from = published.as_ref().filter(|_| previous.manifest().is_some());
    let negative = negative::read(config, &coder)?;
    let plan = segments::plan(&previous, &mut ledger, config.rebuild.segment_records);
    let policy = config.rebuild.selection;
    let selector = Selector::new(&dir, index_key, carried_from, &work, plan.rows(), &previous, policy)?;
    let mut warnings: Vec<String> = building.take_warnings();
    warnings.extend(negative.warning());
    let previous_epoch = building.previous(config.overlap_days);
    // Without its profile a generation cannot be asked anything, so one that is lost or damaged is a change.
    let readable = dir.read_profile(epoch).is_ok_and(|sealed| Profile::open(projection_key, &sealed).is_ok());
    let unchanged = readable
        && !options.accept_rollback
        && plan.is_unchanged()
        && published.as_ref().is_some_and(|published| {
            published.epoch == epoch
                && published.previous == previous_epoch
                && published.coverage == ledger.coverage()
                && published.erasures == erasures.len()
                && published.negative == negative.bank
                && strangers::knows_kinds(published, config)
        });
    let mut crowding = Crowding::default();
    let (manifest, summaries, print, near_duplicates, selection) = if let Some(published) =
        published.as_ref().filter(|_| unchanged)
    {
        let summaries = published.segments.iter().map(|entry| summary_of(entry, false)).collect();
        let selection = selector.finish(ledger.fresh());
        (published.clone(), summaries, PrintSummary::of_published(published), 0, selection)
    } else {
        progress.update(Phase::Writing, 0, None);
        dir.write_profile(&lock, epoch, &seal_profile(&profile, projection_key)?)?;
        let build = Build {
            config,
            dir: &dir,
            lock: &lock,
            key: index_key,
            refs: &ref_key,
            coder: &coder,
            keeps: building.switches && previous_epoch.is_some(),
        };
        let written = plan.write(&selector, &build, epoch, progress)?;
        warnings.extend(segments::warnings(&written, config));
        let mut summaries: Vec<SegmentSummary> = plan.kept().map(|entry| summary_of(entry, false)).collect();
        summaries.extend(written.iter().map(|segment| {
            let mut summary = summary_of(&segment.entry, true);
            summary.graph_recall =
                segment.rejected_graph.map(saltprint_index::GraphQuality::recall).or(summary.graph_recall);
            summary
        }));
        let manifest = Manifest {
            generation: published.as_ref().map_or(0, |published| published.generation).max(seen.generation)
                + 1,
            epoch,
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            segments: plan.kept().cloned().chain(written.into_iter().map(|segment| segment.entry)).collect(),
            background: Background::default(),
            local_background: carried_from
                .map(|manifest| manifest.local_background.clone())
                .unwrap_or_default(),
            negative: negative.bank,
            census: match carried_from {
                Some(manifest) if ledger.fresh() == 0 => manifest.census,
                _ => dir.write_census(&lock, index_key, epoch, selector.census())?,
            },
            coverage: ledger.coverage(),
            erasures: erasures.len(),
            previous: previous_epoch,
        };
        // The census takes as much memory as all that follows.
        let selection = selector.finish(ledger.fresh());
        let (manifest, print, near_duplicates) =
            build.publish(manifest, &selection, &profile, &ledger, &mut crowding, progress)?;
        (manifest, summaries, print, near_duplicates, selection)
    };
    warnings.extend(selection.warnings());
    let selection = selection.summary;
    if catalog.was_discarded() {
        warnings.push(
            "the catalog was damaged, or left behind by a run that was killed; it was begun anew, and every file read"
                .to_owned(),
        );
    }
    // The generation is published: what fails from here on costs the next run some work and is no failure of this one.
    let finish = Finish {
        config,
        dir: &dir,
        lock: &lock,
        building: &building,
        manifest: &manifest,
        profile: &profile,
        sealed_with,
        erasures: &erasures,
    };
    warnings.extend(epochs::finish(&mut ring, &finish));
    let update = ledger.take_catalog_update();
    let update = catalog.apply(&update, |record_ref| ledger.was_seen(record_ref));
    let update = match update {
        Ok(()) if erasures.len() > applied => catalog.rewrite(),
        update => update.map(|()| catalog),
    };
    if let Err(error) = update.and_then(Catalog::close) {
        warnings.push(format!("the catalog could not be updated, so that the next run reads more: {error}"));
    }

    let rules = Rules::new(&manifest, config.matching.rule);
    warnings.extend(advice::of_rule(&manifest, &rules, &profile));
    warnings.extend(advice::of_kinds(&manifest));
    if !unchanged {
        warnings.extend(advice::of_prints(&print, manifest.records(), config.rebuild.print_sample));
    }
    warnings.extend(crowding.advice(profile.origin(), manifest.records()));
    let changes = ledger.changes(&previous);
    Ok(RebuildSummary {
        generation: manifest.generation,
        root: manifest.root(),
        published: !unchanged,
        epoch,
        rotated: building.switches,
        previous: manifest.previous,
        totals: ledger.totals(),
        unread: ledger.unread(),
        resumed: ledger.resumed(),
        unchanged: changes.unchanged,
        added: changes.added,
        changed: changes.changed,
        removed: changes.removed,
        hidden,
        segments: summaries,
        negative: manifest.negative.len() as u64,
        selection,
        print,
        background_sampled: manifest.background.sampled,
        near_duplicates,
        rule: rules.whole,
        straightened_rule: rules.straightened,
        local_sampled: manifest.local_background.impostors.len() as u64,
        local_rule: rules.local,
        kinds_without_template: manifest.local_background.kinds_without_template(),
        rejects_file,
        warnings,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Lists the vault and works through it, batch by batch. Returns how many hidden files were passed over.
fn read_vault(
    config: &Config,
    options: RebuildOptions,
    worker: &Worker<'_>,
    ledger: &mut Ledger,
    work: &mut Work<'_>,
    progress: &dyn Progress,
) -> Result<u64, Error> {
    let total = if options.count_first { Some(config.vault.list()?.count() as u64) } else { None };
    let mut listing = config.vault.list()?;
    let mut done = 0;
    // Threads that wait for a network do not compute.
    let threads = rayon::ThreadPoolBuilder::new().num_threads(rayon::current_num_threads() * REMOTE_THREADS);
    let pool = config.vault.is_remote().then(|| threads.build()).transpose();
    let pool = pool.map_err(|error| Error::Threads(Box::new(error)))?;
    loop {
        progress.update(Phase::Fingerprinting, done, total);
        let batch: Vec<Result<Entry, ListReject>> = listing.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            config.vault.check_outage()?;
            return Ok(listing.hidden());
        }
        done += batch.len() as u64;
        let process = || -> Vec<_> {
            batch.into_par_iter().map(|entry| entry.map(|entry| worker.process(&entry))).collect()
        };
        let results = match &pool {
            Some(pool) => pool.install(process),
            None => process(),
        };
        // What could not be read because of an outage is not gone: no index may be published without it.
        config.vault.check_outage()?;
        config.check_decoder()?;
        for result in results {
            match result {
                Ok(processed) => ledger.add_file(processed?, work)?,
                Err(ListReject { what, reason }) => ledger.reject(what, &reason),
            }
        }
    }
}

/// What the last steps of a run work with.
struct Build<'a> {
    config: &'a Config,
    dir: &'a IndexDir,
    lock: &'a RebuildLock,
    key: &'a IndexKey,
    refs: &'a RefKey,
    coder: &'a Coder,
    /// Whether the published manifest stays beside the new one, for the epoch before.
    keeps: bool,
}

impl Build<'_> {
    /// Measures the backgrounds of a generation and publishes it; what comes near to what is added to `crowding`. Returns how many near-duplicates it met as well.
    fn publish(
        &self,
        mut manifest: Manifest,
        selection: &Selected,
        profile: &Profile,
        ledger: &Ledger,
        crowding: &mut Crowding,
        progress: &dyn Progress,
    ) -> Result<(Manifest, PrintSummary, u64), Error> {
        // Strangers are looked up in some fifty walks, and beside them is all that this run holds.
        let generation =
            self.dir.open_unpublished(self.lock, manifest.clone(), self.key, manifest.epoch)?.keeping(0);
        let builtin = profile.is_builtin();
        let eligible = |record_ref| builtin || !is_calibration_half(record_ref);
        let measured = generation.measure_background(
            self.config.rebuild.background_sample,
            eligible,
            |one, other| are_near_duplicates(&generation, one, other),
            |record, nearest| crowding.add(&record.facts, nearest),
            |done, total| progress.update(Phase::Measuring, done, Some(total)),
        )?;
        manifest.background = measured.background;
        let again =
            Again { config: self.config, refs: self.refs, coder: self.coder, generation: &generation };
        let print = prints::update(&mut manifest, &again, ledger, progress)?;
        let moved = selection.moves(manifest.records());
        strangers::update(&mut manifest, &again, moved, eligible, progress)?;
        if self.keeps {
            self.dir.keep_previous(self.lock)?;
        }
        self.dir.publish(self.lock, self.key, &manifest)?;
        Ok((manifest, print, measured.near_duplicates))
    }
}

fn summary_of(entry: &SegmentEntry, new: bool) -> SegmentSummary {
    SegmentSummary {
        records: entry.records,
        new,
        graph: entry.graph.is_some(),
        graph_recall: entry.graph.map(saltprint_index::GraphQuality::recall),
    }
}

fn seal_profile(profile: &Profile, key: &ProjectionKey) -> Result<Vec<u8>, Error> {
    let mut salt = [0; 32];
    saltprint_keys::system_random(&mut salt)?;
    Ok(profile.seal(key, salt))
}

fn open_catalog(dir: &IndexDir, key: &IndexKey, epoch: EpochId, full: bool) -> Result<Catalog, Error> {
    let path = dir.catalog_path();
    if full {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(IndexError::Io { action: "remove", path, source: error }.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(Catalog::open(&path, key, epoch)?)
}

impl VaultTotals {
    fn coverage(self) -> Coverage {
        let Self { indexed, duplicate, too_plain, unreadable, refused, erased, .. } = self;
        Coverage { indexed, duplicate, too_plain, unreadable, refused, erased }
    }
}
