//! One investigation: a leak, a folder of results, a verdict that stands up.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`Case`]: open or resume, run, finish |
//! | `opening.rs` | `case.json`: what was asked, of which index; a resumed case must ask the same |
//! | `evidence.rs` | `evidence.csv`: every file with its digests, before anything is looked up |
//! | `journal.rs` | `items.jsonl`: the items, appended batch by batch |
//! | `table.rs` | `items.csv` |
//! | `summary.rs` | the types of `summary.json` |
//! | `facts.rs`, `verdict.rs`, `attribution.rs`, `negative.rs` | how its parts are found |
//! | `manifest.rs` | `manifest.json`: digests of all files, the time, how to reproduce it; a case that has it is finished |
//!
//! All files but `manifest.json` (and what the caller adds with a time of its own) depend on the leak, the index, the
//! configuration and the options alone.

mod attribution;
mod evidence;
mod facts;
mod journal;
mod manifest;
mod negative;
mod opening;
mod summary;
mod table;
mod verdict;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use saltprint_keys::RecordRef;
use saltprint_matching::Band;

pub use summary::{
    Attribution, CaseSummary, Cell, CopyCounts, CoverageReport, EditBound, Explanation, FORMAT, IndexFacts,
    Margin, NegativeStatement, Place, Plot, Plots, PreviousFacts, SourceCoverage, Statement, Verdict,
};

use crate::epochs;
use crate::handle::Snapshot;
use crate::triage::{Run, Settled, Wanted};
use crate::{Error, ItemReport, Phase, Progress, Saltprint, TriageTotals, output};
use evidence::Evidence;
use journal::Journal;
use opening::{Folder, Opening};

/// Name of the manifest in a case folder.
pub const MANIFEST: &str = "manifest.json";

/// How a case is opened.
#[derive(Debug, Clone, Default)]
pub struct CaseOptions {
    /// Id of the case: 1 to 128 printable characters.
    pub case_id: String,
    /// Why the leak is looked up: 1 to 1,000 printable characters.
    pub purpose: String,
    /// Show distances, and plot them; only where the configuration allows it.
    pub evidence: bool,
    /// Keep thumbnails of leaked images that match or may match.
    pub thumbnails: bool,
    /// Begin anew where the folder holds a case already; its files are removed.
    pub restart: bool,
    /// The command that does the same again, for the manifest.
    pub command: String,
}

/// A case that is open. One process at a time has it.
pub struct Case<'a> {
    saltprint: &'a Saltprint,
    snapshot: Arc<Snapshot>,
    folder: Folder,
    opening: Opening,
    evidence: Evidence,
    journal: Journal,
    items: Vec<ItemReport>,
    resumed: u64,
    command: String,
}

/// The list of a leak's files with their digests, as a case holds it, without a case.
///
/// # Errors
/// [`Error::Listing`] where the leak cannot be listed.
pub fn evidence(leak: &Path, progress: &dyn Progress) -> Result<Vec<u8>, Error> {
    Evidence::take(leak, progress)?.table().map_err(|error| Error::io("list", leak)(error.into()))
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

impl<'a> Case<'a> {
    /// Opens a case on `leak`, a folder or one file, in `folder`, which is made if need be: hashes every file of the leak,
    /// and, where the folder holds the same case unfinished, takes over the items that are done.
    ///
    /// # Errors
    /// [`Error::Case`] where the folder holds something else, a finished case, or one that was opened with other options,
    /// another leak or another index, or where another process has it; [`Error::EvidenceOff`], [`Error::Listing`],
    /// [`Error::Io`].
    pub fn open(
        saltprint: &'a Saltprint,
        leak: &Path,
        folder: &Path,
        options: &CaseOptions,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        saltprint.check_evidence(options.evidence)?;
        saltprint.config().check_decoder()?;
        let snapshot = saltprint.snapshot_for_answers()?;
        opening::check_words(options).map_err(|reason| Error::Case { path: folder.to_owned(), reason })?;
        let folder = Folder::open(folder, leak)?;
        if !options.restart {
            folder.check_unfinished()?;
        }
        let evidence = Evidence::take(leak, progress)?;
        let table = evidence
            .table()
            .map_err(|error| Error::io("write", folder.file("evidence.csv"))(error.into()))?;
        let opening = Opening::new(saltprint.config(), &snapshot, options, &table);
        // Only now, when there is a leak that can be read, may an old case go.
        if options.restart {
            folder.clear()?;
        }
        folder.begin(&opening, &table)?;
        let (journal, items) = Journal::open(&folder.file("items.jsonl"))?;
        let resumed = items.len() as u64;
        let command = options.command.clone();
        Ok(Self { saltprint, snapshot, folder, opening, evidence, journal, items, resumed, command })
    }

    /// Items that an earlier run has done.
    #[must_use]
    pub fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Files of the leak.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.evidence.len()
    }

    /// The list of the leak's files with their digests: equal for the same leak.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn evidence(&self) -> Result<Vec<u8>, Error> {
        let path = self.folder.file("evidence.csv");
        fs::read(&path).map_err(Error::io("read", path))
    }

    /// The items so far, in the order of the leak.
    #[must_use]
    pub fn items(&self) -> &[ItemReport] {
        &self.items
    }

    /// The thumbnail of an item, counted from 0, as a JPEG, if one was kept.
    #[must_use]
    pub fn thumbnail(&self, item: usize) -> Option<Vec<u8>> {
        let wanted =
            self.opening.thumbnails && self.items.get(item).is_some_and(|item| !item.matches.is_empty());
        wanted.then(|| fs::read(self.folder.thumbnail(item)).ok()).flatten()
    }

    /// Looks up what is not done yet, and sums up. `on_item` sees each item that is new.
    ///
    /// # Errors
    /// [`Error::Index`] where the index is damaged; [`Error::Io`], on a full disk for one; [`Error::Evaluation`]. What was
    /// done stays done: open the case again to go on.
    pub fn run(
        &mut self,
        progress: &dyn Progress,
        on_item: &mut dyn FnMut(&ItemReport),
    ) -> Result<CaseSummary, Error> {
        let wanted = Wanted { evidence: self.opening.evidence, thumbnails: self.opening.thumbnails };
        let Self { saltprint, snapshot, folder, evidence, journal, items, .. } = self;
        let done = items.clone();
        let mut take = |settled: Vec<Settled>| -> Result<(), Error> {
            let mut reports = Vec::with_capacity(settled.len());
            for (number, one) in (items.len()..).zip(settled) {
                // Before the item, so that an item in the journal never lacks its picture.
                if let Some(bytes) = one.thumbnail {
                    output::replace(&folder.thumbnail(number), &bytes)?;
                }
                reports.push(one.report);
            }
            journal.append(&reports)?;
            reports.iter().for_each(&mut *on_item);
            items.extend(reports);
            progress.update(Phase::Triage, items.len() as u64, None);
            Ok(())
        };
        let mut run = Run::new(saltprint, Arc::clone(snapshot), wanted, &mut take).skipping(&done);
        let (mut before, all) = (0.0, evidence.bytes.max(1) as f64);
        for (input, seen) in evidence.inputs() {
            let bytes = seen.map_or(0.0, |seen| seen.version.size as f64);
            run.input(input, seen, &mut |share| progress.share((before + share * bytes) / all))?;
            before += bytes;
        }
        run.finish()?;
        self.snapshot = self.saltprint.without_erased(&self.snapshot)?;
        self.summarise()
    }

    fn summarise(&self) -> Result<CaseSummary, Error> {
        let config = self.saltprint.config();
        let mut totals = TriageTotals::default();
        for item in &self.items {
            totals.count(item.outcome);
        }
        let manifest = self.snapshot.generation.manifest();
        let before = self.snapshot.previous().map(|previous| &*previous.generation);
        let composition = epochs::composition(&self.snapshot.generation, before)?;
        let index = facts::index(&self.snapshot, config.matching.rule);
        let coverage = facts::coverage(&composition, manifest);
        let strong =
            self.items.iter().flat_map(|item| &item.matches).filter(|found| found.band == Band::Strong);
        let records: HashSet<RecordRef> = strong.map(|found| found.record_ref).collect();
        let ground = verdict::Ground {
            index: &index,
            totals: &totals,
            coverage: &coverage,
            matched_records: records.len() as u64,
            looks: self.opening.looks,
        };
        let verdict = verdict::judge(&ground);
        let mut attribution = attribution::attribute(&attribution::hits(&self.items), &composition);
        attribution.warnings.extend(attribution::ties(&self.items).warning());
        let negative = negative::state(config.evaluation.as_deref(), &totals, self.opening.looks)?;
        Ok(CaseSummary {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            case_id: self.opening.case_id.clone(),
            purpose: self.opening.purpose.clone(),
            index,
            looks: self.opening.looks,
            files: self.evidence.len(),
            bytes: self.evidence.bytes,
            hidden: self.evidence.hidden,
            totals,
            verdict,
            copies: verdict::copies(&self.items),
            coverage,
            attribution,
            negative,
            plots: self.opening.evidence.then(|| facts::plots(&self.snapshot, &self.items)),
        })
    }

    /// Writes the summary, the table of items, the caller's `extra` files and, last, the manifest. From then on the case is
    /// finished.
    ///
    /// # Errors
    /// [`Error::Io`]; the case is as unfinished as before then.
    pub fn finish(
        self,
        summary: &CaseSummary,
        extra: &[(&str, &[u8])],
        finished: SystemTime,
    ) -> Result<PathBuf, Error> {
        let path = self.folder.file("items.csv");
        let table = table::items(&self.items).map_err(|error| Error::io("write", &path)(error.into()))?;
        output::replace(&path, &table)?;
        let path = self.folder.file("summary.json");
        let mut json =
            serde_json::to_vec_pretty(summary).map_err(|error| Error::io("write", &path)(error.into()))?;
        json.push(b'\n');
        output::replace(&path, &json)?;
        for (name, bytes) in extra {
            output::replace(&self.folder.file(name), bytes)?;
        }
        manifest::write(&self.folder, summary, &self.opening, &self.command, finished)
    }
}
