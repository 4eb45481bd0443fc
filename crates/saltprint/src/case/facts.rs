//! What the index is and held, and how far matches are from chance.

use std::collections::BTreeMap;

use saltprint_index::{Composition, Manifest};
use saltprint_matching::{Band, RuleSettings};

use super::{CoverageReport, IndexFacts, Plot, Plots, PreviousFacts, SourceCoverage};
use crate::handle::Snapshot;
use crate::{ItemReport, Outcome};

/// Weight from which on all scores share a bin.
const MOST_SCORE: u32 = 60;

pub(super) fn index(snapshot: &Snapshot, settings: RuleSettings) -> IndexFacts {
    let manifest = snapshot.generation.manifest();
    let rules = &snapshot.rules;
    let epochs = f64::from(snapshot.epochs());
    IndexFacts {
        generation: manifest.generation,
        epoch: manifest.epoch,
        root: root(manifest),
        built: manifest.created,
        records: manifest.records(),
        basis: snapshot.basis(),
        previous: snapshot.previous().map(|previous| {
            let manifest = previous.generation.manifest();
            PreviousFacts {
                generation: manifest.generation,
                epoch: manifest.epoch,
                root: root(manifest),
                built: manifest.created,
                records: manifest.records(),
            }
        }),
        strong_chance: settings.strong_chance * epochs,
        possible_chance: settings.possible_chance * epochs,
        strong_lead: rules.local.strong_lead(),
        possible_lead: rules.local.possible_lead(),
        strong_ratio: rules.whole.strong_threshold(),
        possible_ratio: rules.whole.possible_threshold(),
    }
}

/// The generation's root in hexadecimal digits.
pub(super) fn root(manifest: &Manifest) -> String {
    blake3::Hash::from_bytes(manifest.root()).to_hex().to_string()
}

pub(super) fn coverage(composition: &Composition, manifest: &Manifest) -> CoverageReport {
    let mut sources: BTreeMap<Option<String>, SourceCoverage> = BTreeMap::new();
    let mut report = CoverageReport { vault: manifest.coverage.into(), ..CoverageReport::default() };
    for ((source, captured, _), count) in composition {
        let entry = sources.entry(source.clone()).or_insert_with(|| SourceCoverage {
            source: source.clone(),
            records: 0,
            first: None,
            last: None,
        });
        entry.records += count;
        let Some(month) = *captured else {
            report.undated += count;
            continue;
        };
        for (first, last) in [(&mut entry.first, &mut entry.last), (&mut report.first, &mut report.last)] {
            *first = Some(first.map_or(month, |first| first.min(month)));
            *last = Some(last.map_or(month, |last| last.max(month)));
        }
    }
    report.sources = sources.into_values().collect();
    report.sources.sort_by_key(|source| std::cmp::Reverse(source.records));
    report
}

/// Histograms of strangers and of what was found; the items have to hold evidence.
pub(super) fn plots(snapshot: &Snapshot, items: &[ItemReport]) -> Plots {
    let manifest = snapshot.generation.manifest();
    let mut plots = Plots::default();
    plots.distance.strangers = manifest.background.nearest.bins().collect();
    let impostors = manifest.local_background.impostors.iter();
    plots.score.strangers = histogram(impostors.map(|impostor| bin(f64::from(impostor.best))));
    plots.score.strong_line = Some(snapshot.rules.local.strong_lead());
    let found = |outcome: Outcome, band: Band| {
        let items = items.iter().filter(move |item| item.outcome == outcome);
        items.filter_map(move |item| item.matches.iter().find(|found| found.band == band))
    };
    let distances = |outcome, band| histogram(found(outcome, band).filter_map(|found| found.distance));
    let scores = |outcome, band| {
        histogram(found(outcome, band).filter_map(|found| Some(bin(found.agreement.as_ref()?.score?))))
    };
    for (plot, count) in [
        (&mut plots.distance, &distances as &dyn Fn(Outcome, Band) -> Vec<(u32, u64)>),
        (&mut plots.score, &scores),
    ] {
        let Plot { matches, possible, .. } = plot;
        *matches = count(Outcome::Match, Band::Strong);
        *possible = count(Outcome::Possible, Band::Possible);
    }
    plots
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within the bins")]
fn bin(score: f64) -> u32 {
    score.max(0.0).min(f64::from(MOST_SCORE)) as u32
}

fn histogram(bins: impl Iterator<Item = u32>) -> Vec<(u32, u64)> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for bin in bins {
        *counts.entry(bin).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use saltprint_index::Month;

    use super::*;

    #[test]
    fn coverage_spans_all_months_and_counts_all_records() {
        let month = |year| Some(Month::new(year, 5).unwrap());
        let key = |source: Option<&str>, captured| (source.map(str::to_owned), captured, None);
        let composition: Composition =
            [(key(Some("a"), month(2019)), 3), (key(Some("a"), None), 1), (key(None, month(2021)), 9)].into();
        let manifest = Manifest {
            generation: 1,
            epoch: saltprint_keys::EpochId::from_bytes([1; 16]),
            created: 0,
            segments: Vec::new(),
            background: saltprint_index::Background::default(),
            local_background: saltprint_index::LocalBackground::default(),
            negative: saltprint_index::NegativeBank::default(),
            census: saltprint_index::CensusId::default(),
            coverage: saltprint_index::Coverage { refused: 2, ..saltprint_index::Coverage::default() },
            erasures: 0,
            previous: None,
        };
        let report = coverage(&composition, &manifest);
        assert_eq!((report.first, report.last, report.undated), (month(2019), month(2021), 1));
        let sources: Vec<_> =
            report.sources.iter().map(|one| (one.source.as_deref(), one.records, one.first)).collect();
        assert_eq!(sources, [(None, 9, month(2021)), (Some("a"), 4, month(2019))]);
        assert_eq!(report.vault.refused, 2);
        assert_eq!(root(&manifest).len(), 64);
    }

    #[test]
    fn scores_beyond_the_last_bin_stay_in_it() {
        assert_eq!(histogram([0.2, 0.9, 59.9, 61.0, 1e9].into_iter().map(bin)), [(0, 2), (59, 1), (60, 2)]);
    }
}
