//! Where the matches come from: hits beside what the index holds, and the place that explains them.
//!
//! A place is one source or all of them, over a run of months or always. For each the hits in it are compared with what it
//! would get if the records that leaked were drawn from the index at random: Kulldorff's spatial scan statistic with the
//! Poisson likelihood ("A spatial scan statistic", Communications in Statistics 26, 1997), in one dimension a source. With
//! `C` hits in all, `c` of them in a place that holds the share `p` of the index, the logarithm of the likelihood ratio is
//! `c ln(c / Cp) + (C - c) ln((C - c) / C(1 - p))` where `c > Cp`, and 0 elsewhere.
//!
//! By Hoeffding ("Probability inequalities for sums of bounded random variables", JASA 58, 1963, theorem 1 and section 6)
//! the chance that a random draw without replacement gives a place a ratio of at least `e^l` is at most `e^-l`, so that over
//! all `k` places that were tried it is at most `k e^-l`. No simulation is needed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use saltprint_index::{Composition, FactsKey, Month};
use saltprint_keys::RecordRef;
use saltprint_matching::Band;

use super::{Attribution, Cell, Explanation, Margin, Place};
use crate::{ItemReport, MatchReport};

/// Chance above which no place is said to stand out.
const MOST_CHANCE: f64 = 0.05;

/// Hits below which a reader is warned.
const FEW_HITS: u64 = 10;

/// Chance above which a reader is warned.
const WEAK_CHANCE: f64 = 1e-3;

/// Share of hits without a source or month above which a reader is warned.
const UNNAMED: f64 = 0.1;

/// The records that strong matches point to, by their facts: of the stored versions of one document the one that the leak
/// resembles most.
pub(super) fn hits(items: &[ItemReport]) -> Composition {
    let mut records: HashSet<RecordRef> = HashSet::new();
    let mut hits = Composition::new();
    for item in items {
        let mut documents: HashSet<u32> = HashSet::new();
        for found in item.matches.iter().filter(|found| found.band == Band::Strong) {
            if documents.insert(found.document) && records.insert(found.record_ref) {
                let key: FactsKey = (found.source.clone(), found.captured, found.kind.clone());
                *hits.entry(key).or_default() += 1;
            }
        }
    }
    hits
}

/// Hits whose image is stored in another source or month as well, and the sources of all of these.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ties {
    hits: u64,
    sources: BTreeSet<String>,
}

/// The ties among the strong matches.
pub(super) fn ties(items: &[ItemReport]) -> Ties {
    let mut records: HashSet<RecordRef> = HashSet::new();
    let mut ties = Ties::default();
    for item in items {
        let mut documents: HashSet<u32> = HashSet::new();
        for first in item.matches.iter().filter(|found| found.band == Band::Strong) {
            if !documents.insert(first.document) || !records.insert(first.record_ref) {
                continue;
            }
            let elsewhere = |found: &&MatchReport| {
                found.document == first.document
                    && found.equal
                    && (&found.source, found.captured) != (&first.source, first.captured)
            };
            let mut others = item.matches.iter().filter(elsewhere).peekable();
            if others.peek().is_some() {
                ties.hits += 1;
                ties.sources.extend(others.chain([first]).filter_map(|found| found.source.clone()));
            }
        }
    }
    ties
}

impl Ties {
    /// What a reader should know of them.
    pub(super) fn warning(&self) -> Option<String> {
        let sources: Vec<&str> = self.sources.iter().map(String::as_str).collect();
        (self.hits > 0).then(|| {
            format!(
                "{} of the records hit {} stored with the same image in another source or month as well{}{}: the image does not tell \
                 which of them it comes from, and each is counted at one.",
                self.hits,
                if self.hits == 1 { "is" } else { "are" },
                if sources.is_empty() { "" } else { ", in " },
                sources.join(", "),
            )
        })
    }
}

/// Compares hits with what the index holds.
pub(super) fn attribute(hits: &Composition, index: &Composition) -> Attribution {
    let total = |counts: &Composition| counts.values().sum::<u64>();
    let margin = |pick: fn(&FactsKey) -> Option<String>| {
        let mut names: BTreeMap<Option<String>, (u64, u64)> = BTreeMap::new();
        for (key, count) in index {
            names.entry(pick(key)).or_default().1 += count;
        }
        for (key, count) in hits {
            names.entry(pick(key)).or_default().0 += count;
        }
        let mut margins: Vec<Margin> =
            names.into_iter().map(|(name, (hits, indexed))| Margin { name, hits, indexed }).collect();
        margins.sort_by_key(|margin| std::cmp::Reverse((margin.hits, margin.indexed)));
        margins
    };
    let mut cells: Vec<Cell> = hits
        .iter()
        .map(|(key, count)| Cell {
            source: key.0.clone(),
            captured: key.1,
            kind: key.2.clone(),
            hits: *count,
            indexed: index.get(key).copied().unwrap_or(0),
        })
        .collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.hits));
    let mut months: BTreeMap<(Option<String>, Option<Month>), (u64, u64)> = BTreeMap::new();
    for (key, count) in index {
        months.entry((key.0.clone(), key.1)).or_default().1 += count;
    }
    for (key, count) in hits {
        months.entry((key.0.clone(), key.1)).or_default().0 += count;
    }
    let months: Vec<Cell> = months
        .into_iter()
        .map(|((source, captured), (hits, indexed))| Cell { source, captured, kind: None, hits, indexed })
        .collect();
    let explanation = explain(&months);
    let (hit, indexed) = (total(hits), total(index));
    let warnings = warnings(hit, &months, explanation.as_ref());
    Attribution {
        hits: hit,
        indexed,
        cells,
        sources: margin(|key| key.0.clone()),
        kinds: margin(|key| key.2.clone()),
        months,
        explanation,
        warnings,
    }
}

fn warnings(hits: u64, months: &[Cell], explanation: Option<&Explanation>) -> Vec<String> {
    let mut warnings = Vec::new();
    if hits == 0 {
        return warnings;
    }
    if hits < FEW_HITS {
        let (records, are) = if hits == 1 { ("record", "is") } else { ("records", "are") };
        warnings.push(format!("Only {hits} {records} {are} hit: too few to say where they come from."));
    }
    let unnamed = |is: fn(&Cell) -> bool| {
        months.iter().filter(|cell| is(cell)).map(|cell| cell.hits).sum::<u64>() as f64 / hits as f64
    };
    for (share, what) in [
        (unnamed(|cell| cell.source.is_none()), "source"),
        (unnamed(|cell| cell.captured.is_none()), "month of capture"),
    ] {
        if share > UNNAMED {
            warnings.push(format!(
                "{:.0} % of the records hit have no {what} in the index, so that it cannot tell them apart by it.",
                share * 100.0
            ));
        }
    }
    let sources: BTreeSet<&Option<String>> = months.iter().map(|cell| &cell.source).collect();
    if sources.len() == 1 {
        warnings.push("The index knows one source only, so that sources cannot be told apart.".to_owned());
    }
    if let Some(explanation) = explanation.filter(|explanation| explanation.chance > WEAK_CHANCE) {
        warnings.push(format!(
            "That a place stands out as much by accident has a chance of up to {:.1} %: take it as a hint.",
            explanation.chance * 100.0
        ));
    }
    warnings
}

/// Which records a series is of.
#[derive(Clone, PartialEq)]
enum Scope {
    /// Those of all sources.
    All,
    /// Those of one source, or of none.
    One(Option<String>),
}

/// Records of one source by month, with sums from the first month on.
struct Series {
    scope: Scope,
    months: Vec<Month>,
    /// Hits and records before each month, one entry more than there are months.
    before: Vec<(u64, u64)>,
    /// Hits and records with those that have no month.
    all: (u64, u64),
}

impl Series {
    fn new<'a>(scope: Scope, cells: impl Iterator<Item = &'a Cell>) -> Self {
        let mut by_month: BTreeMap<Month, (u64, u64)> = BTreeMap::new();
        let mut all = (0, 0);
        for cell in cells {
            all = (all.0 + cell.hits, all.1 + cell.indexed);
            if let Some(month) = cell.captured {
                let entry = by_month.entry(month).or_default();
                *entry = (entry.0 + cell.hits, entry.1 + cell.indexed);
            }
        }
        let mut before = vec![(0, 0)];
        let mut sum = (0, 0);
        for (hits, indexed) in by_month.values() {
            sum = (sum.0 + hits, sum.1 + indexed);
            before.push(sum);
        }
        Self { scope, months: by_month.into_keys().collect(), before, all }
    }

    fn is_one(&self) -> bool {
        self.scope != Scope::All
    }

    /// Every run of months that begins and ends with a hit, and always. Others are never better than these.
    fn windows(&self) -> impl Iterator<Item = (Option<(usize, usize)>, u64, u64)> {
        let hit: Vec<usize> =
            (0..self.months.len()).filter(|at| self.before[at + 1].0 > self.before[*at].0).collect();
        let runs = hit.clone().into_iter().flat_map(move |first| {
            let ends: Vec<usize> = hit.iter().copied().filter(|last| *last >= first).collect();
            ends.into_iter().map(move |last| (first, last))
        });
        let runs = runs.map(|(first, last)| {
            let (from, to) = (self.before[first], self.before[last + 1]);
            (Some((first, last)), to.0 - from.0, to.1 - from.1)
        });
        std::iter::once((None, self.all.0, self.all.1)).chain(runs)
    }

    /// All places that could have been tried: every run of months, and always.
    fn tried(&self) -> u64 {
        let months = self.months.len() as u64;
        months * (months + 1) / 2 + 1
    }

    fn place(&self, window: Option<(usize, usize)>, hits: u64, indexed: u64, ratio: f64) -> Place {
        let (first, last) =
            window.map_or((None, None), |(first, last)| (Some(self.months[first]), Some(self.months[last])));
        let (source, name) = match &self.scope {
            Scope::All => (None, "all sources".to_owned()),
            Scope::One(None) => (None, "records without a source".to_owned()),
            Scope::One(Some(name)) => (Some(name.clone()), format!("`{name}`")),
        };
        let period = match (first, last) {
            (Some(first), Some(last)) if first == last => format!(", {first}"),
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            (None, _) | (_, None) => String::new(),
        };
        Place {
            name: name + &period,
            one_source: self.is_one(),
            source,
            first,
            last,
            hits,
            indexed,
            log_likelihood_ratio: ratio,
        }
    }

    /// The best place of the series; of equals the one with fewer records.
    fn best(&self, hits: u64, indexed: u64) -> Option<Place> {
        self.windows()
            .map(|(window, inside, records)| {
                (log_ratio(inside, records, hits, indexed), records, window, inside)
            })
            .filter(|(ratio, ..)| *ratio > 0.0)
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
            .map(|(ratio, records, window, inside)| self.place(window, inside, records, ratio))
    }

    /// The whole series, or the part of it from `first` to `last`.
    fn part(&self, period: Option<(Month, Month)>, hits: u64, indexed: u64) -> Place {
        let window = period.and_then(|(first, last)| {
            let from = self.months.iter().position(|month| *month >= first)?;
            let to = self.months.iter().rposition(|month| *month <= last)?;
            (from <= to).then_some((from, to))
        });
        let (inside, records) = window.map_or(self.all, |(from, to)| {
            let (a, b) = (self.before[from], self.before[to + 1]);
            (b.0 - a.0, b.1 - a.1)
        });
        self.place(window, inside, records, log_ratio(inside, records, hits, indexed))
    }
}

/// The place whose hits stand out most, with others beside it.
fn explain(months: &[Cell]) -> Option<Explanation> {
    let sum = |pick: fn(&Cell) -> u64| months.iter().map(pick).sum::<u64>();
    let (hits, indexed) = (sum(|cell| cell.hits), sum(|cell| cell.indexed));
    let sources: BTreeSet<&Option<String>> = months.iter().map(|cell| &cell.source).collect();
    let everything = Series::new(Scope::All, months.iter());
    let single: Vec<Series> = sources
        .into_iter()
        .map(|source| {
            Series::new(Scope::One(source.clone()), months.iter().filter(|cell| cell.source == *source))
        })
        .collect();
    let tried = everything.tried() + single.iter().map(Series::tried).sum::<u64>();
    let mut best: Vec<(Option<&Series>, Place)> = std::iter::once(&everything)
        .chain(&single)
        .filter_map(|series| Some((series.is_one().then_some(series), series.best(hits, indexed)?)))
        .collect();
    best.sort_by(|(_, a), (_, b)| {
        b.log_likelihood_ratio.total_cmp(&a.log_likelihood_ratio).then(a.indexed.cmp(&b.indexed))
    });
    let (series, place) = best.first().cloned()?;
    let chance = (tried as f64 * (-place.log_likelihood_ratio).exp()).min(1.0);
    if chance > MOST_CHANCE {
        return None;
    }
    let period = place.first.zip(place.last);
    let mut alternatives = Vec::new();
    if let Some(series) = series {
        alternatives.extend(period.map(|_| series.part(None, hits, indexed)));
        alternatives.extend(period.map(|period| everything.part(Some(period), hits, indexed)));
    }
    let rest = best.iter().skip(1).filter(|(other, _)| other.is_some() || series.is_some());
    alternatives.extend(rest.map(|(_, place)| place.clone()).take(3));
    alternatives.sort_by(|a, b| b.log_likelihood_ratio.total_cmp(&a.log_likelihood_ratio));
    alternatives.dedup_by(|a, b| a.name == b.name);
    Some(Explanation { place, tried, chance, alternatives })
}

/// See the module.
fn log_ratio(inside: u64, records: u64, hits: u64, indexed: u64) -> f64 {
    let (c, all) = (inside as f64, hits as f64);
    let expected = all * records as f64 / (indexed.max(1)) as f64;
    if c <= expected || expected <= 0.0 {
        return 0.0;
    }
    let outside = all - c;
    let rest = if outside > 0.0 { outside * (outside / (all - expected)).ln() } else { 0.0 };
    (c * (c / expected).ln() + rest).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn month(index: u16) -> Month {
        Month::from_index(1_400 + index).unwrap()
    }

    /// An index of three sources over 24 months with 50 records each.
    fn index() -> Composition {
        let mut index = Composition::new();
        for source in ["app", "desk", "vendor"] {
            for at in 0..24 {
                index.insert((Some(source.to_owned()), Some(month(at)), Some("card".to_owned())), 50);
            }
        }
        index
    }

    fn key(source: &str, at: u16) -> FactsKey {
        (Some(source.to_owned()), Some(month(at)), Some("card".to_owned()))
    }

    #[test]
    fn a_leaked_quarter_of_one_source_is_named() {
        let mut hits: Composition = (6..9).map(|at| (key("vendor", at), 40)).collect();
        hits.insert(key("app", 20), 2);
        let told = attribute(&hits, &index());
        assert_eq!((told.hits, told.indexed), (122, 3_600));
        let explanation = told.explanation.unwrap();
        assert_eq!(explanation.place.name, format!("`vendor`, {} to {}", month(6), month(8)));
        assert_eq!((explanation.place.hits, explanation.place.indexed), (120, 150));
        assert!(explanation.chance < 1e-100, "{}", explanation.chance);
        let names: Vec<&str> = explanation.alternatives.iter().map(|place| place.name.as_str()).collect();
        assert!(
            names.contains(&"`vendor`") && names.iter().any(|name| name.starts_with("all sources, ")),
            "{names:?}"
        );
        let best = explanation.place.log_likelihood_ratio;
        assert!(explanation.alternatives.iter().all(|place| place.log_likelihood_ratio < best));
        assert!(told.warnings.is_empty(), "{:?}", told.warnings);
        assert_eq!(told.sources[0], Margin { name: Some("vendor".to_owned()), hits: 120, indexed: 1_200 });
        assert_eq!(told.cells.len(), 4);
        assert_eq!(told.months.len(), 72);
    }

    #[test]
    fn hits_spread_like_the_index_are_explained_by_nothing() {
        let hits: Composition = index().into_keys().map(|key| (key, 3)).collect();
        let told = attribute(&hits, &index());
        assert_eq!((told.explanation, told.warnings), (None, Vec::new()));
    }

    #[test]
    fn hits_that_are_stored_twice_in_the_same_bytes_are_told() {
        let found = |number: u8, source: &str, document: u32, equal: bool| {
            serde_json::json!({
                "ref": RecordRef::from_bytes([number; 16]), "epoch": "000102030405060708090a0b0c0d0e0f", "band": "strong", "tier": "global",
                "orientation": "upright", "source": source, "captured": null, "kind": null,
                "document": document, "equal": equal, "copy": "whole",
            })
        };
        let items = [
            // The same bytes in two sources; the same bytes twice in one; another version in another source.
            vec![found(1, "app", 1, false), found(2, "vendor", 1, true)],
            vec![found(3, "app", 1, false), found(4, "app", 1, true), found(5, "vendor", 1, false)],
            vec![found(6, "app", 1, false), found(7, "vendor", 2, false)],
        ];
        let items = items.map(|matches| {
            serde_json::from_value(serde_json::json!({"input": "x", "outcome": "match", "matches": matches}))
                .unwrap()
        });
        let ties = ties(&items);
        assert_eq!((ties.hits, ties.sources.len()), (1, 2));
        let warning = ties.warning().unwrap();
        assert!(
            warning.starts_with("1 of the records hit is stored") && warning.contains("app, vendor"),
            "{warning}"
        );
        assert_eq!(Ties::default().warning(), None);
    }

    #[test]
    fn few_hits_come_with_a_warning_and_none_say_nothing() {
        let told = attribute(&[(key("app", 3), 2)].into(), &index());
        assert!(told.warnings[0].starts_with("Only 2 records are hit"), "{:?}", told.warnings);
        let told = attribute(&Composition::new(), &index());
        assert_eq!((told.explanation, told.warnings, told.hits), (None, Vec::new(), 0));
    }

    #[test]
    fn a_whole_index_that_leaked_stands_out_nowhere() {
        assert_eq!(attribute(&index(), &index()).explanation, None);
    }

    /// Draws without replacement: the bound must hold for them, over all places at once.
    #[test]
    fn random_draws_stand_out_no_more_often_than_the_bound_says() {
        let index = index();
        let pool: Vec<FactsKey> =
            index.iter().flat_map(|(key, count)| (0..*count).map(|_| key.clone())).collect();
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut named = 0;
        for _ in 0..300 {
            let mut deck = pool.clone();
            let mut hits = Composition::new();
            for at in 0..60 {
                let other = at + random(deck.len() - at);
                deck.swap(at, other);
                *hits.entry(deck[at].clone()).or_default() += 1;
            }
            named += u32::from(attribute(&hits, &index).explanation.is_some());
        }
        assert!(named <= 15, "{named} of 300 named a place; the bound says 5 %");
    }

    proptest! {
        /// Against every place, tried one by one.
        #[test]
        fn no_place_is_better_than_the_one_named(counts in proptest::collection::vec((0_u64..9, 1_u64..30), 2..14)) {
            let cells: Vec<Cell> = counts
                .iter()
                .enumerate()
                .map(|(at, (hits, more))| Cell {
                    source: Some(["a", "b"][at % 2].to_owned()),
                    captured: Some(month(u16::try_from(at / 2).unwrap())),
                    kind: None,
                    hits: *hits,
                    indexed: hits + more,
                })
                .collect();
            let total = |pick: fn(&Cell) -> u64| cells.iter().map(pick).sum::<u64>();
            let mut most: f64 = 0.0;
            for source in [None, Some("a"), Some("b")] {
                for first in 0..7_u16 {
                    for last in first..7 {
                        let inside = |pick: fn(&Cell) -> u64| cells.iter().filter(|cell| {
                            source.is_none_or(|source| cell.source.as_deref() == Some(source))
                                && (Some(month(first))..=Some(month(last))).contains(&cell.captured)
                        }).map(pick).sum::<u64>();
                        let ratio = log_ratio(
                            inside(|cell| cell.hits), inside(|cell| cell.indexed), total(|cell| cell.hits), total(|cell| cell.indexed),
                        );
                        most = most.max(ratio);
                    }
                }
            }
            if let Some(explanation) = explain(&cells) {
                prop_assert!((explanation.place.log_likelihood_ratio - most).abs() < 1e-9);
            }
        }
    }
}
