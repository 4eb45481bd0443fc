//! Invented cases of any size, the same for the same size. Tests share them.

use std::collections::BTreeMap;

use image::{ImageEncoder as _, Luma};
use saltprint::case::{
    Attribution, CaseSummary, Cell, CopyCounts, CoverageReport, EditBound, Explanation, FORMAT, IndexFacts,
    Margin, NegativeStatement, Place, Plot, Plots, SourceCoverage, Statement, Verdict,
};
use saltprint::{CopyExtent, ItemReport, Outcome, Share, TriageTotals};
use saltprint_index::Month;
use saltprint_matching::{Band, Basis};
use serde_json::{Value, json};

/// Which case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Hits, evidence, thumbnails.
    Sample,
    /// Hits, no evidence, no thumbnails, thresholds assumed, no evaluation.
    Plain,
    /// No input at all.
    Empty,
    /// No match.
    Negative,
    /// Hits in forty sources over twenty years.
    Large,
}

/// A case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its summary, in accordance with the items.
    pub(crate) summary: CaseSummary,
    /// Its items.
    pub(crate) items: Vec<ItemReport>,
    variant: Variant,
}

/// A source with the months that it holds: first year, months, records a month.
type Source = (String, u16, u16, u64);

impl Case {
    /// A case of `items` items.
    pub(crate) fn new(variant: Variant, items: usize) -> Self {
        let items = if variant == Variant::Empty { 0 } else { items };
        let sources = sources(variant);
        let mut random = Random(7);
        let items: Vec<ItemReport> = (0..items).map(|at| item(variant, &sources, at, &mut random)).collect();
        Self { summary: summary(variant, &sources, &items), items, variant }
    }

    /// A grey picture of a card for an item, where the case has thumbnails.
    pub(crate) fn thumbnail(&self, item: usize) -> Option<Vec<u8>> {
        if !matches!(self.variant, Variant::Sample | Variant::Large) {
            return None;
        }
        let shade = u8::try_from(item % 7 * 12).unwrap_or(0);
        let picture = image::GrayImage::from_fn(160, 110, |x, y| {
            let line = y > 30 && y % 12 < 3 && (60..140).contains(&x);
            let face = (18..50).contains(&x) && (28..80).contains(&y);
            Luma([if line {
                60
            } else if face {
                120 - shade
            } else {
                205 - shade + u8::try_from(x / 8).unwrap_or(0)
            }])
        });
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 70)
            .write_image(picture.as_raw(), 160, 110, image::ExtendedColorType::L8)
            .ok()?;
        Some(bytes)
    }
}

/// A small generator of numbers (`SplitMix64`), so that a case is the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these.
    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices[at]
    }
}

fn sources(variant: Variant) -> Vec<Source> {
    let few = || {
        vec![
            ("vendor-a".to_owned(), 2018, 24, 170),
            ("branch-upload".to_owned(), 2017, 40, 310),
            ("mobile-app".to_owned(), 2019, 22, 520),
        ]
    };
    match variant {
        Variant::Empty => Vec::new(),
        Variant::Large => {
            let mut all = few();
            all.extend(
                (1..=37).map(|n| (format!("partner-{n:02}"), 2001 + n % 9, 60 + n * 3, 20 + u64::from(n))),
            );
            all
        }
        Variant::Sample | Variant::Plain | Variant::Negative => few(),
    }
}

const KINDS: [&str; 4] = ["id-card", "passport", "driving-licence", "utility-bill"];

fn month(source: &Source, at: u64) -> String {
    let months = u64::from(source.1) * 12 + at % u64::from(source.2);
    format!("{}-{:02}", months / 12, months % 12 + 1)
}

fn record(number: u64) -> String {
    let bytes = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
    saltprint_keys::RecordRef::from_bytes(bytes).to_string()
}

/// One match: of the first source and its months 10 to 13 mostly.
fn found(
    variant: Variant,
    sources: &[Source],
    document: u32,
    band: &str,
    at: usize,
    random: &mut Random,
) -> Value {
    let stray = random.below(12) == 0;
    let any: Vec<&Source> = sources.iter().collect();
    let source = if stray { random.of(&any) } else { any[0] };
    let when = if stray { random.below(60) } else { 10 + random.below(4) };
    let orientation =
        ["upright", "upright", "upright", "upright", "rot90", "rot180", "mirror", "mirror_rot270"];
    let copy = random.of(&["whole", "whole", "part", "whole", "altered", "part", "unclear"]);
    let tier = if copy == "whole" { "global" } else { random.of(&["local", "both"]) };
    let mut value = json!({
        "ref": record(random.below(4_000)), "band": band, "tier": tier,
        "orientation": random.of(&orientation),
        "source": source.0, "captured": month(source, when), "kind": random.of(&KINDS),
        "document": document, "copy": copy,
    });
    let evidence = matches!(variant, Variant::Sample | Variant::Large);
    if evidence {
        value["distance"] =
            json!(if band == "strong" { 4 + random.below(30) } else { 38 + random.below(15) });
        value["runner_up"] = json!(66 + random.below(25));
    }
    if tier != "global" {
        let tilt = f64::from(u32::try_from(at % 9).unwrap_or(0)) / 100.0;
        value["agreement"] = json!({ "region": [0.06, 0.1, 0.94, 0.62], "covered": 0.57 });
        if at % 5 != 4 {
            value["agreement"]["outline"] =
                json!([[0.1 - tilt, 0.08], [0.92, 0.05 + tilt], [0.95 + tilt, 0.9], [0.06, 0.96]]);
        }
        if evidence {
            value["agreement"]["features"] = json!(20 + random.below(90));
            value["agreement"]["in_view"] = json!(120);
            value["agreement"]["score"] = json!(24.5 + random.below(60) as f64);
        }
    }
    value
}

fn item(variant: Variant, sources: &[Source], at: usize, random: &mut Random) -> ItemReport {
    let name = format!("dump/{:02}/IMG_{:05}.jpg", at / 500, 2 * at + 1);
    let draw = random.below(100);
    let hits = !matches!(variant, Variant::Negative);
    let reject = |outcome: &str, code: &str, text: &str| {
        json!({
            "input": name, "outcome": outcome, "matches": [], "reason": { "code": code, "text": text },
        })
    };
    let value = match draw {
        0..62 if hits => {
            let mut matches = vec![found(variant, sources, 1, "strong", at, random)];
            if at % 11 == 3 {
                matches.push(found(variant, sources, 1, "strong", at, random));
            }
            if at % 23 == 5 {
                matches.push(found(variant, sources, 2, "strong", at, random));
            }
            json!({ "input": name, "outcome": "match", "matches": matches })
        }
        62..68 if hits => {
            json!({ "input": name, "outcome": "possible", "matches": [found(variant, sources, 1, "possible", at, random)] })
        }
        90..93 => json!({ "input": name, "outcome": "too_plain", "matches": [] }),
        93..95 => reject("unreadable", "truncated", "the file ends within the picture"),
        95..97 => reject("refused", "pixels", "more than 100 million pixels"),
        97..100 => reject("duplicate", "same_bytes", "the same bytes as `dump/00/IMG_00001.jpg`"),
        _ => json!({ "input": name, "outcome": "no_match", "matches": [] }),
    };
    serde_json::from_value(value).expect("an item as the library writes it")
}

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

fn summary(variant: Variant, sources: &[Source], items: &[ItemReport]) -> CaseSummary {
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
            basis: if measured { Basis::Measured } else { Basis::Assumed },
            strong_chance: 1e-6,
            possible_chance: 1e-3,
            strong_lead: 14.2,
            possible_lead: 8.9,
            strong_ratio: measured.then_some(0.61),
            possible_ratio: Some(0.74),
        },
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
