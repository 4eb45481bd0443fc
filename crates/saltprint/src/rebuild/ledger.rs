//! The books of one run: totals, live records, new rows, rejects.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use saltprint_index::{
    CatalogRow, CatalogUpdate, ContainerRow, Coverage, RecordFacts, SegmentRecord, Work, WorkPlace,
};
use saltprint_intake::{Refusal, Reject};
use saltprint_keys::{ContentDigest, RecordRef};

use super::VaultTotals;
use super::previous::{Place, Previous};
use super::records::Processed;
use crate::{Error, output};

pub(super) struct Ledger {
    rejects_path: PathBuf,
    totals: VaultTotals,
    unread: u64,
    contents: HashSet<ContentDigest>,
    kept: HashMap<RecordRef, Place>,
    /// The new rows, of which those with new fingerprints are `fresh`.
    rows: Vec<Row>,
    fresh: u64,
    resumed: u64,
    new_refs: HashSet<RecordRef>,
    /// Records with new fingerprints.
    fresh_refs: HashSet<RecordRef>,
    plain: HashSet<RecordRef>,
    /// The records of each file that holds several.
    parts: HashMap<RecordRef, Vec<RecordRef>>,
    catalog: Vec<(RecordRef, CatalogRow)>,
    container_rows: Vec<(RecordRef, ContainerRow)>,
    rejects: Vec<RejectRow>,
}

/// One line of the rejects file.
struct RejectRow {
    record: String,
    outcome: &'static str,
    code: &'static str,
    reason: String,
}

/// One row to write, wherever its fingerprint waits: some 50 bytes.
pub(super) struct Row {
    pub(super) record_ref: RecordRef,
    /// Where they are not those that lie with the fingerprint.
    facts: Option<Box<RecordFacts>>,
    origin: Origin,
}

/// Where the fingerprint of a row is.
#[derive(Clone, Copy)]
enum Origin {
    /// New, with its whole pool.
    Work(WorkPlace),
    /// In a row of the previous generation, with its selected local codes.
    Previous(Place),
}

impl Row {
    /// A row of the previous generation as it is.
    pub(super) fn of_previous(record_ref: RecordRef, place: Place) -> Self {
        Self { record_ref, facts: None, origin: Origin::Previous(place) }
    }

    /// Where its fingerprint waits, for one that is new.
    pub(super) fn work(&self) -> Option<WorkPlace> {
        match self.origin {
            Origin::Work(place) => Some(place),
            Origin::Previous(_) => None,
        }
    }

    /// Reads the record, as it was put down or as the previous generation has it.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn read(&self, work: &Work<'_>, previous: &Previous) -> Result<SegmentRecord, Error> {
        let mut record = match self.origin {
            Origin::Work(place) => work.read(place)?,
            Origin::Previous(place) => previous.record(place)?,
        };
        record.record_ref = self.record_ref;
        if let Some(facts) = &self.facts {
            record.facts.clone_from(facts);
        }
        Ok(record)
    }
}

/// How the records compare with the previous generation.
pub(super) struct Changes {
    pub(super) unchanged: u64,
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) removed: u64,
}

impl Ledger {
    pub(super) fn new(rejects_path: &Path) -> Self {
        Self {
            rejects_path: rejects_path.to_owned(),
            totals: VaultTotals::default(),
            unread: 0,
            contents: HashSet::new(),
            kept: HashMap::new(),
            rows: Vec::new(),
            fresh: 0,
            resumed: 0,
            new_refs: HashSet::new(),
            fresh_refs: HashSet::new(),
            plain: HashSet::new(),
            parts: HashMap::new(),
            catalog: Vec::new(),
            container_rows: Vec::new(),
            rejects: Vec::new(),
        }
    }

    /// Books what became of a file of the list: one record, or those that it holds and then the file.
    ///
    /// # Errors
    /// [`Error::Index`] where a fingerprint cannot be put down.
    pub(super) fn add_file(&mut self, processed: Vec<Processed>, work: &mut Work<'_>) -> Result<(), Error> {
        let mut parts = Vec::new();
        for one in processed {
            if let Processed::Container { container, .. } = &one {
                self.parts.insert(*container, std::mem::take(&mut parts));
            }
            // One that has the name of another record is not taken.
            parts.extend(one.held().filter(|part| !self.holds(*part)));
            self.add(one, work)?;
        }
        Ok(())
    }

    /// Books what became of a record; its fingerprint, if new, goes to `work`.
    ///
    /// # Errors
    /// [`Error::Index`] where a fingerprint cannot be put down.
    fn add(&mut self, processed: Processed, work: &mut Work<'_>) -> Result<(), Error> {
        if let Processed::Container { container, row } = processed {
            self.container_rows.extend(row.map(|row| (container, row)));
            return Ok(());
        }
        if matches!(processed, Processed::Erased) {
            self.totals.erased += 1;
            return Ok(());
        }
        self.totals.inputs += 1;
        if let Some(record_ref) = self.repeated(&processed) {
            let problem = "is that of another record as well: a part of a file and a file have the same name";
            let reject = Refusal::InvalidField { field: "record_id", problem };
            self.push_reject(record_ref.to_string(), &reject.into());
            return Ok(());
        }
        match processed {
            Processed::Kept { record_ref, place, content, row, read } => {
                self.count_content(content);
                self.unread += u64::from(!read);
                self.kept.insert(record_ref, place);
                self.catalog.extend(row.map(|row| (record_ref, row)));
            }
            Processed::Carried { record_ref, facts, place, row, read } => {
                self.unread += u64::from(!read);
                let content = facts.content;
                let new = Row { record_ref, facts: Some(facts), origin: Origin::Previous(place) };
                self.new_row(new, content, row);
            }
            Processed::Resumed { record_ref, facts, place, row } => {
                work.reuse(place);
                self.fresh += 1;
                self.resumed += 1;
                let content = facts.content;
                let new = Row { record_ref, facts: Some(facts), origin: Origin::Work(place) };
                self.new_row(new, content, row);
            }
            Processed::New { record, row } => {
                let (record_ref, content) = (record.record_ref, record.facts.content);
                let place = work.push(*record)?;
                self.fresh += 1;
                self.new_row(Row { record_ref, facts: None, origin: Origin::Work(place) }, content, row);
            }
            Processed::TooPlain { record_id, record_ref, row, read } => {
                self.totals.too_plain += 1;
                self.unread += u64::from(!read);
                self.plain.insert(record_ref);
                self.catalog.extend(row.map(|row| (record_ref, row)));
                self.rejects.push(RejectRow {
                    record: record_id,
                    outcome: "too_plain",
                    code: "too_plain",
                    reason: saltprint_fingerprint::TooPlain.to_string(),
                });
            }
            Processed::Rejected { record_id, reject } => self.push_reject(record_id, &reject),
            Processed::Erased | Processed::Container { .. } => {}
        }
        Ok(())
    }

    /// Books a row that is not in the previous generation as it is.
    fn new_row(&mut self, row: Row, content: ContentDigest, catalog: Option<CatalogRow>) {
        self.count_content(content);
        if row.work().is_some() {
            self.fresh_refs.insert(row.record_ref);
        }
        self.new_refs.insert(row.record_ref);
        self.catalog.extend(catalog.map(|catalog| (row.record_ref, catalog)));
        self.rows.push(row);
    }

    /// The ref of a record that has come already.
    fn repeated(&self, processed: &Processed) -> Option<RecordRef> {
        processed.held().filter(|record_ref| self.holds(*record_ref))
    }

    /// Books something that the listing met and that is no record.
    pub(super) fn reject(&mut self, what: String, reject: &Reject) {
        self.totals.inputs += 1;
        self.push_reject(what, reject);
    }

    fn push_reject(&mut self, record: String, reject: &Reject) {
        match reject {
            Reject::Unreadable(_) => self.totals.unreadable += 1,
            Reject::Refused(_) => self.totals.refused += 1,
        }
        let (outcome, code) = (reject.outcome_word(), reject.code());
        self.rejects.push(RejectRow { record, outcome, code, reason: reject.to_string() });
    }

    fn count_content(&mut self, content: ContentDigest) {
        if self.contents.insert(content) {
            self.totals.indexed += 1;
        } else {
            self.totals.duplicate += 1;
        }
    }

    pub(super) fn totals(&self) -> VaultTotals {
        self.totals
    }

    pub(super) fn coverage(&self) -> Coverage {
        self.totals.coverage()
    }

    pub(super) fn unread(&self) -> u64 {
        self.unread
    }

    /// Records that the new generation will hold.
    pub(super) fn live(&self) -> usize {
        self.kept.len() + self.new_refs.len()
    }

    /// Whether the new generation will hold a record.
    pub(super) fn holds(&self, record_ref: RecordRef) -> bool {
        self.keeps(record_ref) || self.new_refs.contains(&record_ref)
    }

    /// Whether a row of the previous generation goes on as it is.
    pub(super) fn keeps(&self, record_ref: RecordRef) -> bool {
        self.kept.contains_key(&record_ref)
    }

    /// Forgets which contents there are, when all files have been read.
    pub(super) fn forget_contents(&mut self) {
        self.contents = HashSet::new();
    }

    /// The new rows; the ledger has none after that.
    pub(super) fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// How many rows have new fingerprints.
    pub(super) fn fresh(&self) -> u64 {
        self.fresh
    }

    /// Records of new rows with fingerprints that the previous generation has.
    pub(super) fn carried(&self) -> impl Iterator<Item = RecordRef> + '_ {
        self.new_refs.difference(&self.fresh_refs).copied()
    }

    /// For how many records of the new generation something holds, of a file that is one or holds several.
    pub(super) fn count_records(&self, file: RecordRef, holds: impl Fn(RecordRef) -> bool) -> usize {
        let counts = |record: &RecordRef| self.holds(*record) && holds(*record);
        match self.parts.get(&file) {
            Some(parts) => parts.iter().filter(|part| counts(part)).count(),
            None => usize::from(counts(&file)),
        }
    }

    /// Whether a record's fingerprint was made in this run.
    pub(super) fn is_fresh(&self, record_ref: RecordRef) -> bool {
        self.fresh_refs.contains(&record_ref)
    }

    /// How many of these a killed run had made.
    pub(super) fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Whether the vault still lists a record that the catalog may remember.
    pub(super) fn was_seen(&self, record_ref: RecordRef) -> bool {
        self.holds(record_ref) || self.plain.contains(&record_ref) || self.parts.contains_key(&record_ref)
    }

    /// The rows for the catalog; the ledger has none after that.
    pub(super) fn take_catalog_update(&mut self) -> CatalogUpdate {
        CatalogUpdate {
            put: std::mem::take(&mut self.catalog),
            containers: std::mem::take(&mut self.container_rows),
        }
    }

    pub(super) fn changes(&self, previous: &Previous) -> Changes {
        let changed = self.new_refs.iter().filter(|new| previous.find(**new).is_some()).count() as u64;
        let unchanged = self.kept.len() as u64;
        Changes {
            unchanged,
            added: self.new_refs.len() as u64 - changed,
            changed,
            removed: previous.records() - unchanged - changed,
        }
    }

    /// Writes the rejects file, or removes an old one where nothing was rejected.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn write_rejects(&self) -> Result<Option<PathBuf>, Error> {
        let path = &self.rejects_path;
        if self.rejects.is_empty() {
            return match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::io("remove", path)(error))
                }
                Ok(()) | Err(_) => Ok(None),
            };
        }
        let mut table = csv::Writer::from_writer(Vec::new());
        let written = std::iter::once(["record", "outcome", "code", "reason"])
            .chain(
                self.rejects
                    .iter()
                    .map(|row| [row.record.as_str(), row.outcome, row.code, row.reason.as_str()]),
            )
            .try_for_each(|row| table.write_record(row));
        let bytes = written
            .map_err(std::io::Error::from)
            .and_then(|()| table.into_inner().map_err(csv::IntoInnerError::into_error))
            .map_err(Error::io("write", path))?;
        output::replace(path, &bytes)?;
        Ok(Some(path.clone()))
    }
}
