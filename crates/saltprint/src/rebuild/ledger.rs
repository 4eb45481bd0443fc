//! The books of one run: totals, live records, new rows, rejects.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use saltprint_index::{CatalogRow, CatalogUpdate, ContainerRow, Coverage, SegmentRecord};
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
    /// Rows whose local codes were selected in an earlier run.
    carried: Vec<SegmentRecord>,
    /// Rows with their whole pools of local codes.
    fresh: Vec<SegmentRecord>,
    new_refs: HashSet<RecordRef>,
    plain: HashSet<RecordRef>,
    containers: HashSet<RecordRef>,
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
            carried: Vec::new(),
            fresh: Vec::new(),
            new_refs: HashSet::new(),
            plain: HashSet::new(),
            containers: HashSet::new(),
            catalog: Vec::new(),
            container_rows: Vec::new(),
            rejects: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, processed: Processed) {
        if let Processed::Container { container, row } = processed {
            self.containers.insert(container);
            self.container_rows.extend(row.map(|row| (container, row)));
            return;
        }
        if matches!(processed, Processed::Erased) {
            self.totals.erased += 1;
            return;
        }
        self.totals.inputs += 1;
        if let Some(record_ref) = self.repeated(&processed) {
            let problem = "is that of another record as well: a part of a file and a file have the same name";
            let reject = Refusal::InvalidField { field: "record_id", problem };
            self.push_reject(record_ref.to_string(), &reject.into());
            return;
        }
        match processed {
            Processed::Kept { record_ref, place, content, row, read } => {
                self.count_content(content);
                self.unread += u64::from(!read);
                self.kept.insert(record_ref, place);
                self.catalog.extend(row.map(|row| (record_ref, row)));
            }
            Processed::New { record, row, read, fresh } => {
                self.count_content(record.facts.content);
                self.unread += u64::from(!read);
                self.new_refs.insert(record.record_ref);
                self.catalog.extend(row.map(|row| (record.record_ref, row)));
                if fresh { self.fresh.push(*record) } else { self.carried.push(*record) }
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
    }

    /// The ref of a record that has come already.
    fn repeated(&self, processed: &Processed) -> Option<RecordRef> {
        let record_ref = match processed {
            Processed::Kept { record_ref, .. } => *record_ref,
            Processed::New { record, .. } => record.record_ref,
            Processed::TooPlain { .. }
            | Processed::Rejected { .. }
            | Processed::Erased
            | Processed::Container { .. } => {
                return None;
            }
        };
        (self.keeps(record_ref) || self.new_refs.contains(&record_ref)).then_some(record_ref)
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

    /// Whether a row of the previous generation goes on as it is.
    pub(super) fn keeps(&self, record_ref: RecordRef) -> bool {
        self.kept.contains_key(&record_ref)
    }

    /// The new rows that need no selection; the ledger has none after that.
    pub(super) fn take_carried(&mut self) -> Vec<SegmentRecord> {
        std::mem::take(&mut self.carried)
    }

    /// The new rows with their pools; the ledger has none after that.
    pub(super) fn take_fresh(&mut self) -> Vec<SegmentRecord> {
        std::mem::take(&mut self.fresh)
    }

    /// Whether the vault still lists a record that the catalog may remember.
    pub(super) fn was_seen(&self, record_ref: RecordRef) -> bool {
        self.keeps(record_ref)
            || self.new_refs.contains(&record_ref)
            || self.plain.contains(&record_ref)
            || self.containers.contains(&record_ref)
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
