//! What is left of something that was erased.

use std::collections::HashSet;

use saltprint_index::{Catalog, Erased, IndexError, MappedFile, Segment, SegmentId};
use saltprint_keys::RefKey;

use super::{EraseTarget, ErasureReceipt};
use crate::epochs::{self, Before, Keyring};
use crate::{Config, Error};

/// What a look into the index folder found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ErasureCheck {
    /// Things that were asked about.
    pub asked: u64,
    /// How many of them the list of erasures names: no query finds them.
    pub erased: u64,
    /// Rows that hold them in segments of the published generation, and of the epoch before while it answers.
    pub rows: u64,
    /// Rows in other segments of the folder, which a killed rebuild left or which an older generation had, and in work files.
    pub other_rows: u64,
    /// Segments and work files of the folder that these keys do not open, so that nobody knows what they hold.
    pub unreadable: u64,
    /// Whether the catalog has a row of one of them; `None` while a rebuild has it.
    pub in_catalog: Option<bool>,
    /// The published generation.
    pub generation: u64,
}

impl ErasureCheck {
    /// Whether no query finds any of them.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.erased == self.asked
    }

    /// Whether nothing is left of them in the folder either.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let rows = self.rows + self.other_rows + self.unreadable;
        self.is_hidden() && rows == 0 && self.in_catalog == Some(false)
    }
}

/// Looks for everything that the index folder holds of `targets`, row by row, whatever the list says. Loads the index key and
/// the ref key.
///
/// # Errors
/// [`Error::Keys`], [`Error::Index`].
pub fn check(config: &Config, targets: &[EraseTarget]) -> Result<ErasureCheck, Error> {
    let ref_key: RefKey = config.load_key()?;
    let asked: Vec<Erased> = targets.iter().map(|target| target.erased(&ref_key)).collect();
    look(config, &asked)
}

/// Like [`check`] for what a receipt names.
///
/// # Errors
/// As [`check`]; [`Error::ErasureReceipt`] where the receipt is none of ours.
pub fn check_receipt(config: &Config, json: &[u8]) -> Result<(ErasureReceipt, ErasureCheck), Error> {
    let ref_key: RefKey = config.load_key()?;
    let receipt = ErasureReceipt::read(&ref_key, json)?;
    let found = look(config, &receipt.erased()?)?;
    Ok((receipt, found))
}

fn look(config: &Config, asked: &[Erased]) -> Result<ErasureCheck, Error> {
    let mut ring = Keyring::index_only(config)?;
    let dir = config.index_dir();
    let open = ring.manifest(&dir)?.ok_or_else(|| IndexError::NoIndex { path: config.index.clone() })?;
    let (manifest, age) = open;
    let list = ring.erasures(&dir)?;
    dir.check_length(&list, &manifest)?;
    let mut named: Vec<SegmentId> = manifest.segments.iter().map(|entry| entry.id).collect();
    if let Before::Open { manifest, .. } = epochs::find_previous(&dir, &mut ring, &manifest, epochs::now())? {
        named.extend(manifest.segments.iter().map(|entry| entry.id));
    }
    let keys = ring.index_keys();
    let key = ring.index(age).ok_or_else(|| IndexError::NoIndex { path: config.index.clone() })?;
    let mut check = ErasureCheck {
        asked: asked.len() as u64,
        erased: asked.iter().filter(|what| list.in_force(**what).is_some()).count() as u64,
        rows: 0,
        other_rows: 0,
        unreadable: 0,
        in_catalog: None,
        generation: manifest.generation,
    };
    let wanted: HashSet<Erased> = asked.iter().copied().collect();
    for path in dir.segment_files()? {
        let open = |key| MappedFile::open(&path).and_then(|map| Segment::open_any_epoch(map, key));
        let mut opened = open(key);
        for other in &keys {
            if matches!(opened, Err(IndexError::NotAuthentic)) {
                opened = open(other);
            }
        }
        let rows = match &opened {
            Ok(segment) => segment.rows_of(&wanted)?.len() as u64,
            // A rebuild that ends removes segments.
            Err(IndexError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) => {
                check.unreadable += 1;
                continue;
            }
        };
        let published = opened.is_ok_and(|opened| named.contains(&opened.id()));
        *(if published { &mut check.rows } else { &mut check.other_rows }) += rows;
    }
    let mut left = 0;
    check.unreadable += dir.each_leftover(&keys, |record| {
        let subject = record.facts.subject.map(Erased::Subject);
        let held = wanted.contains(&Erased::Record(record.record_ref))
            || subject.is_some_and(|subject| wanted.contains(&subject));
        left += u64::from(held);
    })?;
    check.other_rows += left;
    match dir.lock() {
        Ok(lock) => {
            let mut found = false;
            if dir.catalog_path().exists() {
                let catalog = Catalog::open(&dir.catalog_path(), key, manifest.epoch)?;
                let reader = catalog.reader()?;
                for what in asked {
                    let Erased::Record(record_ref) = what else { continue };
                    found |= reader.row(*record_ref)?.is_some() || reader.container(*record_ref)?.is_some();
                }
                drop(reader);
                catalog.close()?;
            }
            drop(lock);
            check.in_catalog = Some(found);
        }
        Err(IndexError::Locked { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(check)
}
