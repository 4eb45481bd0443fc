//! Template suppression over the whole build: count what records share, then keep of each what it does not share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use saltprint_index::{
    Census, IndexDir, Manifest, SegmentRecord, Selection, SelectionPolicy, Work, WorkPlace,
};
use saltprint_keys::IndexKey;

use super::ledger::Row;
use super::previous::Previous;
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
    /// Records with the fingerprint of an earlier run that were written anew, with what others share of them counted again.
    pub recounted: u64,
    /// Of these, records that this left few rare features, in this run: what they might have instead is only known when they are fingerprinted
    /// again.
    pub faded: u64,
}

/// Records that have faded from which on it is worth a full rebuild.
const FADED: u64 = 20;

/// Rows that are read at a time.
const BATCH: usize = 512;

/// Counts what new rows share and, as they are written, cuts their pools down.
pub(super) struct Selector<'a> {
    work: &'a Work<'a>,
    previous: &'a Previous,
    census: Census,
    policy: SelectionPolicy,
    extended: AtomicU64,
    weak: AtomicU64,
    recounted: AtomicU64,
    faded: AtomicU64,
}

impl<'a> Selector<'a> {
    /// Goes on with the census of the published generation, or begins one, and counts the pools of the new rows in it: each
    /// file's bytes once.
    ///
    /// # Errors
    /// [`Error::Index`] where the published census is damaged, or a fingerprint that was put down.
    pub(super) fn new(
        dir: &IndexDir,
        key: &IndexKey,
        published: Option<&Manifest>,
        work: &'a Work<'a>,
        rows: &[Row],
        previous: &'a Previous,
        policy: SelectionPolicy,
    ) -> Result<Self, Error> {
        let mut census = match published {
            Some(manifest) => dir.read_census(key, manifest)?,
            None => Census::new(work.features()),
        };
        census.make_room(work.features());
        let places: Vec<WorkPlace> = rows.iter().filter_map(Row::work).collect();
        let mut counted = HashSet::new();
        for batch in places.chunks(BATCH) {
            let records: Vec<SegmentRecord> =
                batch.par_iter().map(|place| work.read(*place)).collect::<Result<_, _>>()?;
            for record in records {
                if counted.insert(record.facts.content) {
                    census.add(&record.fingerprint.local.features);
                }
            }
        }
        let [extended, weak, recounted, faded] = Default::default();
        Ok(Self { work, previous, census, policy, extended, weak, recounted, faded })
    }

    /// The row as it goes into a segment.
    ///
    /// # Errors
    /// [`Error::Index`] where it is damaged.
    pub(super) fn read(&self, row: &Row) -> Result<SegmentRecord, Error> {
        let mut record = row.read(self.work, self.previous)?;
        if row.work().is_some() {
            let selection = Selection::new(&record.fingerprint.local, &self.census, self.policy);
            record.fingerprint.local = selection.fingerprint;
            self.extended.fetch_add(u64::from(selection.extended), Ordering::Relaxed);
            self.weak.fetch_add(u64::from(selection.weak), Ordering::Relaxed);
        } else {
            let is_weak = Selection::recount(&mut record.fingerprint.local, &self.census, self.policy);
            self.recounted.fetch_add(1, Ordering::Relaxed);
            self.faded.fetch_add(u64::from(is_weak), Ordering::Relaxed);
        }
        Ok(record)
    }

    /// Takes what was read of the previous generation out of the memory of this process.
    pub(super) fn let_go(&self) {
        self.previous.let_go();
    }

    /// The counts, for the next run to go on with.
    pub(super) fn census(&self) -> &Census {
        &self.census
    }

    /// What selection did to the rows that were read, of which `records` are new; the counts are no more needed.
    pub(super) fn finish(self, records: u64) -> Selected {
        let [extended, weak, recounted, faded] =
            [self.extended, self.weak, self.recounted, self.faded].map(AtomicU64::into_inner);
        let summary = SelectionSummary { records, extended, weak, recounted, faded };
        Selected { summary, counted: self.census.records() }
    }
}

/// What selection did.
pub(super) struct Selected {
    pub(super) summary: SelectionSummary,
    /// Records in the census.
    counted: u64,
}

impl Selected {
    /// Whether by this more than one in twenty of so many records are other than when the background was measured.
    pub(super) fn moves(&self, records: u64) -> bool {
        self.summary.recounted * 20 > records
    }

    /// What an operator should know about it.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Self { summary, counted } = self;
        let weak = (summary.weak * 20 > summary.records).then(|| {
            format!(
                "{} of {} new records have few local features of their own among the {counted} counted: crops and pictures of \
                 them may only be found by their whole-image code",
                summary.weak, summary.records,
            )
        });
        let faded = (summary.faded >= FADED && summary.faded * 20 > summary.recounted).then(|| {
            format!(
                "{} of {} records that were written anew have few local features of their own by now, since the vault holds many more \
                 documents of their templates than when these were selected: `rebuild --full` selects again, and until then crops and \
                 pictures of them may only be found by their whole-image code",
                summary.faded, summary.recounted,
            )
        });
        weak.into_iter().chain(faded).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_hears_of_records_that_are_hard_to_find() {
        let said = |weak, faded| {
            let summary = SelectionSummary { records: 100, extended: 50, weak, recounted: 400, faded };
            Selected { summary, counted: 500 }.warnings()
        };
        assert!(said(5, 20).is_empty());
        let [weak, faded] = &said(6, 21)[..] else { panic!("two warnings") };
        assert!(weak.contains("6 of 100 new") && weak.contains("500 counted"), "{weak}");
        assert!(faded.contains("21 of 400") && faded.contains("rebuild --full"), "{faded}");
        // A few are no reason to read the vault again.
        let few = SelectionSummary { recounted: 3, faded: 3, ..SelectionSummary::default() };
        assert!(Selected { summary: few, counted: 500 }.warnings().is_empty());
        let moves = |records| Selected { summary: few, counted: 500 }.moves(records);
        assert!(moves(59) && !moves(60));
    }
}
