//! The summary of an invented case, counted from its items as the library would.

use std::collections::BTreeMap;

use saltprint::case::{
    Attribution, CaseSummary, Cell, CopyCounts, CoverageReport, EditBound, Explanation, FORMAT, IndexFacts,
    Margin, NegativeStatement, Place, Plot, Plots, SourceCoverage, Statement, Verdict,
};
use saltprint::{CopyExtent, ItemReport, Looks, Outcome, Share, TriageTotals};
use saltprint_index::Month;
use saltprint_matching::{Band, Basis};

use super::{KINDS, Source, Variant, month};

fn totals(items: &[ItemReport]) -> TriageTotals {
    let mut totals = TriageTotals::default();
    for item in items {
        totals.inputs += 1;
        *match item.outcome {
            Outcome::Match => &mut totals.matches,
            Outcome::Possible => &mut totals.possible,
            Outcome::NoMatch => &mut totals.no_match,
            Outcome::TooPlain => &mut totals.too_plain,
            Outcome::Unreadable => &mut totals.unreadable,
            Outcome::Refused => &mut totals.refused,
            Outcome::Duplicate => &mut totals.duplicate,
        } += 1;
    }
    totals
}

pub(super) fn summary(variant: Variant, sources: &[Source], items: &[ItemReport]) -> CaseSummary {
    let totals = totals(items);
    let attribution = attribution(sources, items);
    let measured = variant != Variant::Plain;
    let indexed = attribution.indexed;
    CaseSummary {
        format: FORMAT,
        version: "0.1.0".to_owned(),
        case_id: "2026-0117".to_owned(),
        purpose: "Photos offered for sale on a forum; asked by the data protection officer".to_owned(),
        index: IndexFacts {
            generation: 412,
            epoch: saltprint_keys::EpochId::from_bytes([7; 16]),
            root: "5f3a".repeat(16),
            built: 1_795_500_000,
            records: indexed,
            previous: None,
            basis: if measured { Basis::Measured } else { Basis::Assumed },
            strong_chance: 1e-6,
            possible_chance: 1e-3,
            strong_lead: 14.2,
            possible_lead: 8.9,
            strong_ratio: measured.then_some(0.61),
            possible_ratio: Some(0.74),
        },
        looks: Looks::Thorough,
        files: totals.inputs,
        bytes: totals.inputs * 812_345,
        hidden: u64::from(totals.inputs > 0),
        verdict: verdict(&totals, &attribution, measured),
        copies: copies(items),
        coverage: coverage(sources, indexed),
        negative: negative(variant),
        plots: matches!(variant, Variant::Sample | Variant::Large | Variant::Negative).then(|| plots(items)),
        totals,
        attribution,
    }
}

fn verdict(totals: &TriageTotals, attribution: &Attribution, measured: bool) -> Verdict {
    let compared = totals.matches + totals.possible + totals.no_match;
    let (statement, headline) = match (compared, totals.matches) {
        (0, _) => (Statement::NothingCompared, "Nothing could be compared.".to_owned()),
        (_, 0) => (Statement::NotOurs, format!("No match among {compared} images.")),
        _ => (
            Statement::PartlyOurs,
            format!(
                "{} of {compared} images come from `vendor-a`, captured 2018-11 to 2019-02.",
                totals.matches
            ),
        ),
    };
    Verdict {
        statement,
        headline,
        reasons: vec![
            format!("{} of {compared} compared images are strong matches.", totals.matches),
            "No template or specimen is among them.".to_owned(),
        ],
        would_change: vec!["A measurement of the thresholds on more records of other subjects.".to_owned()],
        compared,
        share: Share::new(totals.matches, compared),
        matched_records: attribution.hits,
        expected_by_chance: measured.then_some(compared as f64 * 1e-6),
        chance_of_as_many: measured.then_some(if totals.matches == 0 { 1.0 } else { 1e-90 }),
        expected_possible_by_chance: measured.then_some(compared as f64 * 1e-3),
        chance_of_as_many_possible: measured.then_some(if totals.matches == 0 { 1.0 } else { 1e-80 }),
    }
}

fn copies(items: &[ItemReport]) -> CopyCounts {
    let mut copies = CopyCounts::default();
    for item in items.iter().filter(|item| item.outcome == Outcome::Match) {
        let best = &item.matches[0];
        copies.matches += 1;
        *match best.copy {
            CopyExtent::Whole => &mut copies.whole,
            CopyExtent::Part => &mut copies.part,
            CopyExtent::Altered => &mut copies.altered,
            CopyExtent::Unclear => &mut copies.unclear,
            _ => continue,
        } += 1;
        copies.turned += u64::from(best.orientation.name().contains("rot"));
        copies.mirrored += u64::from(best.orientation.name().contains("mirror"));
        copies.several += u64::from(item.matches.iter().any(|found| found.document > 1));
        copies.versions += u64::from(item.matches.iter().filter(|found| found.document == 1).count() > 1);
    }
    copies
}

fn attribution(sources: &[Source], items: &[ItemReport]) -> Attribution {
    type Key = (Option<String>, Option<Month>, Option<String>);
    let mut records: BTreeMap<String, Key> = BTreeMap::new();
    for found in items.iter().flat_map(|item| &item.matches).filter(|found| found.band == Band::Strong) {
        let place = (found.source.clone(), found.captured, found.kind.clone());
        records.entry(found.record_ref.to_string()).or_insert(place);
    }
    let mut hits: BTreeMap<Key, u64> = BTreeMap::new();
    for place in records.values() {
        *hits.entry(place.clone()).or_default() += 1;
    }
    let hit = |is: &dyn Fn(&Key) -> bool| {
        hits.iter().filter(|(key, _)| is(key)).map(|(_, count)| count).sum::<u64>()
    };
    let mut months = Vec::new();
    for source in sources {
        for at in 0..u64::from(source.2) {
            let captured: Option<Month> = month(source, at).parse().ok();
            let name = Some(source.0.clone());
            let hits = hit(&|key| key.0 == name && key.1 == captured);
            months.push(Cell { source: name, captured, kind: None, hits, indexed: source.3.max(hits) });
        }
    }
    let margin = |name: String, hits, indexed| Margin { name: Some(name), hits, indexed };
    let of = |name: &str| {
        let cells = months.iter().filter(|cell| cell.source.as_deref() == Some(name));
        cells.fold((0, 0), |sum, cell| (sum.0 + cell.hits, sum.1 + cell.indexed))
    };
    let mut margins: Vec<Margin> = sources
        .iter()
        .map(|s| {
            let (h, i) = of(&s.0);
            margin(s.0.clone(), h, i)
        })
        .collect();
    margins.sort_by_key(|margin| std::cmp::Reverse(margin.hits));
    let total: u64 = records.len() as u64;
    let indexed: u64 = months.iter().map(|cell| cell.indexed).sum();
    let mut cells: Vec<Cell> = hits
        .iter()
        .map(|((source, captured, kind), hits)| Cell {
            source: source.clone(),
            captured: *captured,
            kind: kind.clone(),
            hits: *hits,
            indexed: 43.max(*hits),
        })
        .collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.hits));
    let place = |name: &str, first: Option<&str>, last: Option<&str>, ratio: f64| {
        let parse = |text: Option<&str>| text.and_then(|text| text.parse::<Month>().ok());
        let (first, last) = (parse(first), parse(last));
        let inside = months.iter().filter(|cell| {
            cell.source.as_deref() == Some("vendor-a")
                && first.is_none_or(|first| cell.captured >= Some(first))
                && last.is_none_or(|last| cell.captured <= Some(last))
        });
        let (hits, indexed) = inside.fold((0, 0), |sum, cell| (sum.0 + cell.hits, sum.1 + cell.indexed));
        Place {
            name: name.to_owned(),
            one_source: true,
            source: Some("vendor-a".to_owned()),
            first,
            last,
            hits,
            indexed,
            log_likelihood_ratio: ratio,
        }
    };
    let explanation = (total > 0).then(|| Explanation {
        place: place("`vendor-a`, 2018-11 to 2019-02", Some("2018-11"), Some("2019-02"), 480.3),
        tried: 1_832,
        chance: 1e-40,
        alternatives: vec![
            place("`vendor-a`, 2018-10 to 2019-02", Some("2018-10"), Some("2019-02"), 471.0),
            place("`vendor-a`, always", None, None, 301.7),
        ],
    });
    let warnings = if total > 0 {
        vec!["Records of `vendor-a` were moved from `branch-upload` in 2018: older ones may be listed under either.".to_owned()]
    } else {
        Vec::new()
    };
    Attribution {
        hits: total,
        indexed,
        cells,
        sources: margins,
        kinds: KINDS
            .iter()
            .map(|kind| margin((*kind).to_owned(), hit(&|key| key.2.as_deref() == Some(*kind)), indexed / 4))
            .collect(),
        months,
        explanation,
        warnings,
    }
}

fn coverage(sources: &[Source], indexed: u64) -> CoverageReport {
    let ends = |source: &Source| {
        (month(source, 0).parse().ok(), month(source, u64::from(source.2) - 1).parse().ok())
    };
    let all: Vec<SourceCoverage> = sources
        .iter()
        .map(|source| {
            let (first, last) = ends(source);
            SourceCoverage {
                source: Some(source.0.clone()),
                records: u64::from(source.2) * source.3,
                first,
                last,
            }
        })
        .collect();
    let mut vault = saltprint::CoverageStatus::default();
    if indexed > 0 {
        (vault.indexed, vault.duplicate) = (indexed - 12, 12);
        (vault.too_plain, vault.unreadable, vault.refused) = (31, 4, 1);
    }
    CoverageReport {
        first: all.iter().filter_map(|source| source.first).min(),
        last: all.iter().filter_map(|source| source.last).max(),
        undated: u64::from(indexed > 0),
        sources: all,
        vault,
    }
}

fn negative(variant: Variant) -> NegativeStatement {
    if matches!(variant, Variant::Plain | Variant::Empty) {
        return NegativeStatement::default();
    }
    let edits = [
        ("recompressed", 400, 400),
        ("resized", 400, 400),
        ("cropped-half", 396, 400),
        ("photo-of-screen", 371, 400),
        ("blacked-page", 120, 400),
        ("redrawn", 0, 0),
    ];
    NegativeStatement {
        evaluation: Some("`saltprint eval` on this vault, 2026-11-20, 400 copies an edit.".to_owned()),
        edits: edits
            .into_iter()
            .map(|(edit, found, of)| EditBound {
                edit: edit.to_owned(),
                found: Share::new(found, of),
                could_be_ours: (variant == Variant::Negative).then(|| {
                    if found == 0 {
                        1.0
                    } else {
                        0.012 * 400.0 / f64::from(u32::try_from(found).unwrap_or(1))
                    }
                }),
            })
            .collect(),
        sentences: vec![
            "Copies with all fields blacked out are found in under half of the cases.".to_owned(),
        ],
    }
}

fn plots(items: &[ItemReport]) -> Plots {
    let bins = |band: Band, value: &dyn Fn(&saltprint::MatchReport) -> Option<u32>| {
        let mut bins: BTreeMap<u32, u64> = BTreeMap::new();
        for found in items.iter().filter_map(|item| item.matches.first()).filter(|found| found.band == band) {
            if let Some(bin) = value(found) {
                *bins.entry(bin).or_default() += 1;
            }
        }
        bins.into_iter().collect::<Vec<_>>()
    };
    let distance = |found: &saltprint::MatchReport| found.distance;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "invented weights are small")]
    let score = |found: &saltprint::MatchReport| found.agreement.as_ref()?.score.map(|score| score as u32);
    let bell = |middle: f64, spread: f64, bins: std::ops::Range<u32>| {
        bins.filter_map(|bin| {
            let z = (f64::from(bin) - middle) / spread;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a bell")]
            let value = (2_000.0 * (-z * z / 2.0).exp()) as u64;
            (value > 0).then_some((bin, value))
        })
        .collect::<Vec<_>>()
    };
    Plots {
        distance: Plot {
            strangers: bell(84.0, 6.0, 50..120),
            matches: bins(Band::Strong, &distance),
            possible: bins(Band::Possible, &distance),
            strong_line: Some(44.0),
        },
        score: Plot {
            strangers: bell(3.0, 3.2, 0..20),
            matches: bins(Band::Strong, &score),
            possible: bins(Band::Possible, &score),
            strong_line: Some(14.2),
        },
    }
}
