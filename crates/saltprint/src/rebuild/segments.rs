//! Which segments stay, which are rewritten, and writing them.
//!
//! Policy: a segment whose rows all go on as they are stays. One with a row that changed or is gone is rewritten, so that
//! a removed record is physically gone after the rebuild that sees its removal. New and rewritten rows go into new
//! segments, sorted by ref. Where there would be more than [`MAX_SEGMENTS`] segments, the smallest are merged. A segment that was written when
//! half as many records had been fingerprinted is rewritten, as what its records had alone then may be what many have now.

use rayon::prelude::*;
use saltprint_index::{GraphPolicy, SegmentEntry, WrittenSegment};
use saltprint_keys::{EpochId, RecordRef};

use super::Build;
use super::ledger::{Ledger, Row};
use super::previous::{Place, Previous};
use super::selection::Selector;
use crate::{Config, Error, Phase, Progress};

/// Segments above which the smallest are merged: each adds a graph search and some page overhead to a lookup.
const MAX_SEGMENTS: usize = 8;

/// By how much the records fingerprinted may grow before those of a segment are counted again. Each segment is rewritten once a doubling: in
/// one night, but little beside what fingerprinting as many new records has taken in all nights since.
const RECOUNTED_AFTER: u64 = 2;

/// Rows that are read before old segments are let go of. They lie in the same order there, 2 kB each; but those of files that have other
/// names now may lie anywhere, and map 64 kB in each of five places.
const READ_AT_ONCE: usize = 1_024;

/// When a segment gets a graph.
pub(crate) fn graph_policy(config: &Config) -> GraphPolicy {
    GraphPolicy {
        min_records: config.rebuild.graph_min_records,
        floor: config.rebuild.graph_recall_floor,
        ..GraphPolicy::default()
    }
}

/// What the new generation is made of.
pub(super) struct Plan {
    kept: Vec<SegmentEntry>,
    dropped: usize,
    /// Sorted by ref.
    rows: Vec<Row>,
    segment_records: usize,
    /// Records fingerprinted so far; those of segments that are gone may be missing.
    counted: u64,
}

/// Decides on every segment of the previous generation and collects the rows to write.
pub(super) fn plan(previous: &Previous, ledger: &mut Ledger, segment_records: usize) -> Plan {
    let mut rows = ledger.take_rows();
    let segments = previous.manifest().map_or(&[][..], |manifest| &manifest.segments[..]);
    let mut live: Vec<Vec<(RecordRef, Place)>> = vec![Vec::new(); segments.len()];
    for (record_ref, place) in previous.places() {
        if let Some(live) = live.get_mut(place.segment as usize).filter(|_| ledger.keeps(record_ref)) {
            live.push((record_ref, place));
        }
    }
    let mut order: Vec<usize> = (0..segments.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(segments[*index].records));
    let before = segments.iter().map(|segment| segment.counted).max().unwrap_or(0);
    let counted = before.saturating_add(ledger.fresh());
    let mut kept = Vec::new();
    let mut rewritten = Vec::new();
    for index in order {
        let whole = live[index].len() == segments[index].records as usize && segments[index].records > 0;
        let is_of_now = counted < segments[index].counted.saturating_mul(RECOUNTED_AFTER);
        if whole && (is_of_now || ledger.fresh() == 0) { kept.push(index) } else { rewritten.push(index) }
    }
    loop {
        let to_write = rows.len() + rewritten.iter().map(|index| live[*index].len()).sum::<usize>();
        if kept.len() + to_write.div_ceil(segment_records) <= MAX_SEGMENTS {
            break;
        }
        // The smallest; none is left to merge where the vault needs more segments than that.
        match kept.last() {
            Some(index) if (segments[*index].records as usize) < segment_records => {
                rewritten.extend(kept.pop());
            }
            Some(_) | None => break,
        }
    }
    for index in &rewritten {
        rows.extend(live[*index].iter().map(|(record_ref, place)| Row::of_previous(*record_ref, *place)));
    }
    rows.sort_unstable_by_key(|row| row.record_ref);
    kept.sort_unstable();
    Plan {
        kept: kept.into_iter().map(|index| segments[index].clone()).collect(),
        dropped: rewritten.len(),
        rows,
        segment_records,
        counted,
    }
}

impl Plan {
    /// Whether the previous segments stay exactly as they are.
    pub(super) fn is_unchanged(&self) -> bool {
        self.dropped == 0 && self.rows.is_empty()
    }

    /// The segments that stay.
    pub(super) fn kept(&self) -> impl Iterator<Item = &SegmentEntry> {
        self.kept.iter()
    }

    /// The rows to write, for counting what they share.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Writes the new segments, of equal size. One after the other, so that the rows of one are in memory; several at a time
    /// where they get graphs, since each graph is built on one thread and that takes far longer than all else.
    ///
    /// # Errors
    /// [`Error::Index`]; what was written so far is in no manifest and is removed by the next rebuild.
    pub(super) fn write(
        &self,
        selector: &Selector<'_>,
        build: &Build<'_>,
        epoch: EpochId,
        progress: &dyn Progress,
    ) -> Result<Vec<WrittenSegment>, Error> {
        let policy = graph_policy(build.config);
        let parts = self.rows.len().div_ceil(self.segment_records).max(1);
        let size = self.rows.len().div_ceil(parts).max(1);
        let write = |rows: &[Row]| -> Result<WrittenSegment, Error> {
            let mut records = Vec::with_capacity(rows.len());
            for rows in rows.chunks(READ_AT_ONCE) {
                let read: Vec<_> =
                    rows.par_iter().map(|row| selector.read(row)).collect::<Result<_, Error>>()?;
                records.extend(read);
                selector.let_go();
            }
            let mut written = build.dir.write_segment(build.lock, build.key, epoch, &records, &policy)?;
            written.entry.counted = self.counted;
            Ok(written)
        };
        // One needs no pool; and then every write of a rebuild is made by the thread that runs it.
        if size >= policy.min_records && self.rows.len() > size {
            return self.rows.par_chunks(size).map(write).collect();
        }
        let mut written = Vec::new();
        for rows in self.rows.chunks(size) {
            written.push(write(rows)?);
            let done = (written.len() * size).min(self.rows.len()) as u64;
            progress.update(Phase::Writing, done, Some(self.rows.len() as u64));
        }
        Ok(written)
    }
}

/// A warning for each graph that was left out.
pub(super) fn warnings(written: &[WrittenSegment], config: &Config) -> Vec<String> {
    written
        .iter()
        .filter_map(|segment| {
            let recall = segment.rejected_graph?.recall();
            Some(format!(
                "the graph over {} records finds {:.1} % of planted queries, under the floor of {:.1} %, and was left \
                 out; lookups use the exact scan",
                segment.entry.records,
                recall * 100.0,
                config.rebuild.graph_recall_floor * 100.0
            ))
        })
        .collect()
}
