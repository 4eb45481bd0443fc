//! Totals, and the summary of a triage without a case.

use std::collections::{BTreeMap, HashSet};

use saltprint_index::Month;
use saltprint_keys::RecordRef;
use saltprint_matching::{Band, CascadeCounts};

use super::{CellCount, TriageSummary, TriageTotals};
use crate::handle::Snapshot;
use crate::{ItemReport, MatchingConfig};

#[derive(Default)]
pub(super) struct Tally {
    pub(super) totals: TriageTotals,
    records: HashSet<RecordRef>,
    cells: BTreeMap<(Option<String>, Option<Month>), u64>,
}

impl Tally {
    pub(super) fn add(&mut self, report: &ItemReport) {
        self.totals.count(report.outcome);
        let strong = report.matches.iter().filter(|found| found.band == Band::Strong);
        self.records.extend(strong.clone().map(|found| found.record_ref));
        if let Some(best) = strong.into_iter().next() {
            *self.cells.entry((best.source.clone(), best.captured)).or_default() += 1;
        }
    }

    pub(super) fn finish(
        self,
        snapshot: &Snapshot,
        matching: &MatchingConfig,
        stages: CascadeCounts,
    ) -> TriageSummary {
        let totals = self.totals;
        let compared = totals.compared();
        let mut hits: Vec<CellCount> = self
            .cells
            .into_iter()
            .map(|((source, captured), images)| CellCount { source, captured, images })
            .collect();
        // Stable: equal counts stay in the order of source and month.
        hits.sort_by_key(|cell| std::cmp::Reverse(cell.images));
        TriageSummary {
            generation: snapshot.generation.manifest().generation,
            records: snapshot.generation.manifest().records(),
            looks: matching.cascade.looks,
            totals,
            share_of_match: (compared > 0).then(|| totals.matches as f64 / compared as f64),
            matched_records: self.records.len() as u64,
            basis: snapshot.basis(),
            previous: snapshot.previous_status(),
            expected_chance_matches: compared as f64
                * matching.rule.strong_chance
                * f64::from(snapshot.epochs()),
            hits,
            stages,
        }
    }
}
