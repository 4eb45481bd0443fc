//! Erasure: what somebody may no longer hold is found no more from the next query on, and is physically gone after the next
//! rebuild.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | erasing, and taking it back |
//! | `receipt.rs` | what is handed out about it |
//! | `check.rs` | what is left of something that was erased |
//!
//! A record is named by its id, which says nothing without the ref key. The vault is left alone: its owner deletes the
//! document there. Until then the rebuild passes it over.

mod check;
mod receipt;

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use saltprint_audit::Action;
use saltprint_index::{Catalog, Erased, Erasure, Generation, IndexDir, IndexError};
use saltprint_keys::{EpochId, IndexKey, RecordRef, RefKey, SubjectRef};

use crate::audit::Auditor;
use crate::epochs::{self, Before, Keyring};
use crate::{Config, Error};

pub use check::{ErasureCheck, check, check_receipt};
pub use receipt::{ErasureReceipt, ErasureReceiptError, LoggedAs};

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EraseTarget {
    /// A record, by the id that the vault gives it; a file with all its parts.
    Record(String),
    /// A record by its ref, as reports name it.
    Ref(RecordRef),
    /// All records of a subject, also those that come later.
    Subject(String),
    /// The same by the subject's ref.
    SubjectRef(SubjectRef),
}

impl EraseTarget {
    fn erased(&self, refs: &RefKey) -> Erased {
        match self {
            Self::Record(id) => Erased::Record(refs.record_ref(id)),
            Self::Ref(record_ref) => Erased::Record(*record_ref),
            Self::Subject(id) => Erased::Subject(refs.subject_ref(id)),
            Self::SubjectRef(subject) => Erased::Subject(*subject),
        }
    }
}

/// Erases, and hands out a receipt. It is in force when this returns: every query that begins later, in this process or
/// another, answers without what was erased. A rebuild that runs is not waited for.
///
/// Loads the index key and the ref key.
///
/// # Errors
/// [`Error::Keys`]; [`Error::Audit`], before anything is erased; [`Error::Index`]; [`Error::NothingErased`] where all of it is
/// erased already.
pub fn erase(config: &Config, targets: &[EraseTarget]) -> Result<ErasureReceipt, Error> {
    change(config, targets, false)
}

/// Takes erasures back, which were a mistake: the next rebuild reads the documents again, if the vault still has them.
///
/// # Errors
/// As [`erase`].
pub fn lift(config: &Config, targets: &[EraseTarget]) -> Result<ErasureReceipt, Error> {
    change(config, targets, true)
}

fn change(config: &Config, targets: &[EraseTarget], lifted: bool) -> Result<ErasureReceipt, Error> {
    let mut ring = Keyring::index_only(config)?;
    let ref_key: RefKey = config.load_key()?;
    let dir = config.index_dir();
    let open = ring.manifest(&dir)?.ok_or_else(|| IndexError::NoIndex { path: config.index.clone() })?;
    let (manifest, age) = open;
    let before = match epochs::find_previous(&dir, &mut ring, &manifest, epochs::now())? {
        Before::Open { manifest, key, .. } => ring.index(key).map(|key| dir.open_previous(*manifest, key)),
        Before::None | Before::Closed(_) => None,
    };
    let before = before.transpose()?;
    // So that the list can be read, whichever key it is sealed with.
    ring.erasures(&dir)?;
    let index_key = ring.index(age).ok_or_else(|| IndexError::NoIndex { path: config.index.clone() })?;
    let generation = dir.open(index_key, manifest.epoch)?;
    let manifest = generation.manifest();
    let named: Vec<Erased> = targets.iter().map(|target| target.erased(&ref_key)).collect();
    // A file is taken back with the parts that were erased with it, which the list knows.
    let parts = if lifted { Some(Vec::new()) } else { parts_of(&dir, index_key, manifest.epoch, &named)? };
    let whole = parts.is_some();

    // The log comes first: an erasure that nobody wrote down would be worse than one that is written down and then fails.
    let logged = match Auditor::open(config, "eraser")? {
        Some(auditor) => {
            Some(LoggedAs::of(&auditor.note(Action::Erase, Some((manifest.generation, manifest.root())))?))
        }
        None => None,
    };
    let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (entries, list) = dir.change_erasures(&ring.index_keys(), index_key, |list| {
        let mut changes: Vec<Change> = named.iter().map(|what| (*what, None)).collect();
        for what in &named {
            if let Erased::Record(file) = what
                && lifted
            {
                changes.extend(list.parts_of(*file).into_iter().map(|part| (part, Some(*file))));
            }
        }
        changes.extend(parts.into_iter().flatten());
        let mut entries = Vec::new();
        for (what, of) in changes {
            let entry = Erasure { what, of, lifted, at };
            if list.push(entry) {
                entries.push(entry);
            }
        }
        entries
    })?;
    if entries.is_empty() {
        return Err(if lifted { Error::NothingLifted } else { Error::NothingErased });
    }
    let mut rows = rows_of(&generation, &entries)?;
    if let Some(before) = &before {
        rows += rows_of(before, &entries)?;
    }
    let count = list.len();
    Ok(ErasureReceipt::new(&ref_key, &entries, count, rows, manifest, logged, whole))
}

/// What is erased or taken back, with the file whose part it is.
type Change = (Erased, Option<RecordRef>);

/// How many rows of a generation some entries name.
fn rows_of(generation: &Generation, entries: &[Erasure]) -> Result<u64, Error> {
    let named: HashSet<Erased> = entries.iter().map(|entry| entry.what).collect();
    let mut rows = 0;
    for segment in generation.segments() {
        rows += segment.rows_of(&named)?.len() as u64;
    }
    Ok(rows)
}

/// The parts of files that are named, with their files, as the catalog remembers them; `None` where a rebuild has the catalog.
fn parts_of(
    dir: &IndexDir,
    key: &IndexKey,
    epoch: EpochId,
    named: &[Erased],
) -> Result<Option<Vec<Change>>, Error> {
    // Its lock is that of the catalog.
    let lock = match dir.lock() {
        Ok(lock) => lock,
        Err(IndexError::Locked { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut parts = Vec::new();
    if dir.catalog_path().exists() {
        let catalog = Catalog::open(&dir.catalog_path(), key, epoch)?;
        let reader = catalog.reader()?;
        for what in named {
            let Erased::Record(container) = what else { continue };
            if let Some(row) = reader.container(*container)? {
                parts.extend(row.parts.iter().map(|(part, _)| (Erased::Record(*part), Some(*container))));
            }
        }
        drop(reader);
        catalog.close()?;
    }
    drop(lock);
    Ok(Some(parts))
}
