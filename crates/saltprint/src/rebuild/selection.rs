//! Template suppression over the whole build: count what records share, then keep of each what it does not share.

use std::collections::HashSet;

use rayon::prelude::*;
use saltprint_index::{Census, IndexDir, Manifest, SegmentRecord, Selection, SelectionPolicy};
use saltprint_keys::IndexKey;

use crate::Error;

/// What selection did in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SelectionSummary {
    /// Records whose local features were selected: those fingerprinted in this run.
    pub records: u64,
    /// Of these, records that keep more features than usual because few of them are rare.
    pub extended: u64,
    /// Of these, records with few rare features even so: altered copies of them may not be found.
    pub weak: u64,
}

/// The census that the build goes on with.
///
/// # Errors
/// [`Error::Index`] where the published one is damaged.
pub(super) fn census(
    dir: &IndexDir,
    key: &IndexKey,
    published: Option<&Manifest>,
    fresh: &[SegmentRecord],
) -> Result<Census, Error> {
    match published {
        Some(manifest) => Ok(dir.read_census(key, manifest)?),
        None => {
            Ok(Census::new(fresh.iter().map(|record| record.fingerprint.local.features.len() as u64).sum()))
        }
    }
}

/// Counts the pools of new records, each file's bytes once, and cuts the pools down to selections.
pub(super) fn select(
    census: &mut Census,
    fresh: &mut [SegmentRecord],
    policy: SelectionPolicy,
) -> SelectionSummary {
    let mut counted = HashSet::new();
    for record in &*fresh {
        if counted.insert(record.facts.content) {
            census.add(&record.fingerprint.local.features);
        }
    }
    let census = &*census;
    let mut summary = SelectionSummary { records: fresh.len() as u64, ..SelectionSummary::default() };
    let results: Vec<(bool, bool)> = fresh
        .par_iter_mut()
        .map(|record| {
            let selection = Selection::new(&record.fingerprint.local, census, policy);
            record.fingerprint.local = selection.fingerprint;
            (selection.extended, selection.weak)
        })
        .collect();
    for (extended, weak) in results {
        summary.extended += u64::from(extended);
        summary.weak += u64::from(weak);
    }
    summary
}

/// What an operator should know about it.
pub(super) fn warnings(summary: &SelectionSummary, census: &Census) -> Option<String> {
    (summary.weak * 20 > summary.records).then(|| {
        format!(
            "{} of {} new records have few local features of their own among the {} counted: crops and pictures of \
             them may only be found by their whole-image code",
            summary.weak,
            summary.records,
            census.records(),
        )
    })
}
