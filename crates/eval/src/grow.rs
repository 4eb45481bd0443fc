//! A large index out of a small real one, without as many pictures.
//!
//! What an index of millions of records costs to ask, and how well it recognises, cannot be measured without one, and nobody
//! draws or borrows a million documents for that. [`grow`] takes a published index, calibrated and rebuilt by the shipped
//! pipeline, spreads its records over segments that are filled up with invented ones, and publishes that as the next generation.
//! Never grow an index that anybody needs: no rebuild takes the invented records for anything but removed ones.
//!
//! # What is invented
//! An invented record has a random ref, a subject and bytes of its own, and source, month and kind of some real record. Codes
//! that were all chance would be no nearer than chance to any other, so that a search of theirs had nothing to do; so each
//! is mixed of real ones, bit by bit: a whole-image code of three, a local code of one and its nearest among
//! [`NEIGHBOURS`] others. About as many of them come near to a real code as would of as many real records. Sizes and
//! the numbers that share a feature are those of the first; places and angles are random.
//!
//! # What is not
//! The backgrounds of both tiers are carried over as they were measured in the small index, and so are profile, census and
//! negative images; the decision rule extrapolates them to the number of records. Features of invented records agree in no
//! place, so that hardly one is ever taken for a match: what grows is the crowd that a copy's own record must be found in,
//! by as many tables of the size that a rebuild makes. So it measures time, memory and which copies are lost, and not how
//! many strangers are accused. A rebuild of such a vault would also choose rarer features.
//!
//! Memory: the real records and one segment, 3.5 kB a record. Records are the same for the same seed and index; names of
//! segments, salts and therefore bytes are not.

mod donors;

use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use saltprint::{Config, Error};
use saltprint_index::{GraphPolicy, IndexDir, IndexError, SegmentEntry, SegmentRecord};
use saltprint_keys::IndexKey;

use crate::EvalError;
use donors::Donors;

/// What an index is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Records, with those that there are.
    pub records: u64,
    /// Most records of a segment; `None` for what the configuration says of a rebuild.
    pub segment: Option<usize>,
    /// Seed of the invented records.
    pub seed: u64,
    /// Whether segments get graphs where a rebuild would build them; they take most of the time.
    pub graph: bool,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Grown {
    /// Records of the new generation.
    pub records: u64,
    /// How many of them are invented.
    pub invented: u64,
    /// Segments.
    pub segments: usize,
    /// Length of the index's files in bytes.
    pub bytes: u64,
}

/// Makes the index that `config` names as large as `growth` says. `told` hears of each segment, done of all records.
///
/// # Errors
/// [`EvalError::Plan`] where the index is not one that can grow: it holds nothing, more records than asked for, a previous
/// epoch, or erasures. [`EvalError::Pipeline`], [`EvalError::Keys`] where it cannot be read or written.
pub fn grow(config: &Config, growth: &Growth, told: &mut dyn FnMut(u64)) -> Result<Grown, EvalError> {
    let key: IndexKey = config.load_key()?;
    let dir = IndexDir::new(&config.index).pinned_at(config.pin());
    let lock = dir.lock().map_err(index)?;
    let published = dir.manifest(&key).map_err(index)?;
    let mut manifest =
        published.ok_or_else(|| EvalError::plan("nothing was published yet: rebuild first"))?;
    if manifest.previous.is_some() {
        return Err(EvalError::plan("the epoch before still answers: take an index that was not rotated"));
    }
    if manifest.erasures > 0 {
        return Err(EvalError::plan("records were erased from this index: take one of which none were"));
    }
    let present = manifest.records();
    let missing = growth.records.checked_sub(present).ok_or_else(|| {
        EvalError::plan(format!("the index has {present} records, more than {}", growth.records))
    })?;

    let small = dir.open(&key, manifest.epoch).map_err(index)?;
    let rows =
        small.segments().iter().flat_map(|segment| (0..segment.len()).map(move |row| segment.record(row)));
    let mut real = rows.collect::<Result<Vec<SegmentRecord>, IndexError>>().map_err(index)?;
    drop(small);
    let donors =
        Donors::of(&real).ok_or_else(|| EvalError::plan("the index holds no record with local features"))?;
    let policy = GraphPolicy {
        min_records: if growth.graph { config.rebuild.graph_min_records } else { usize::MAX },
        floor: config.rebuild.graph_recall_floor,
        ..GraphPolicy::default()
    };

    // Of equal size, as a rebuild makes them, and each with its share of the real ones.
    let most = growth.segment.unwrap_or(config.rebuild.segment_records).max(1) as u64;
    let parts = growth.records.div_ceil(most);
    let counted = manifest.segments.iter().map(|segment| segment.counted).max().unwrap_or(0);
    manifest.segments.clear();
    for part in 0..parts {
        let share = |of: u64| of * (part + 1) / parts - of * part / parts;
        let numbers = present + missing * part / parts..present + missing * (part + 1) / parts;
        let mut records: Vec<SegmentRecord> =
            numbers.into_par_iter().map(|number| donors.invent(growth.seed, number)).collect();
        let left = real.len() - usize::try_from(share(present)).unwrap_or(usize::MAX).min(real.len());
        records.extend(real.drain(left..));
        records.par_sort_unstable_by_key(|record| record.record_ref);
        let written = dir.write_segment(&lock, &key, manifest.epoch, &records, &policy).map_err(index)?;
        manifest.segments.push(SegmentEntry { counted, ..written.entry });
        told(manifest.records());
    }
    manifest.generation += 1;
    manifest.created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    manifest.coverage.indexed += missing;
    let grown = dir.open_unpublished(&lock, manifest.clone(), &key, manifest.epoch).map_err(index)?;
    dir.publish(&lock, &key, grown.manifest()).map_err(index)?;
    // The small segments, and what a run that was killed has left.
    dir.collect_garbage(&lock, &[&manifest]).map_err(index)?;
    Ok(Grown {
        records: manifest.records(),
        invented: missing,
        segments: manifest.segments.len(),
        bytes: grown.file_len(),
    })
}

fn index(error: IndexError) -> EvalError {
    EvalError::Pipeline(Error::Index(error))
}
