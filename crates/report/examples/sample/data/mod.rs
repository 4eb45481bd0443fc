//! Invented cases of any size, the same for the same size. Tests share them.

mod summary;

use image::{ImageEncoder as _, Luma};
use saltprint::ItemReport;
use saltprint::case::CaseSummary;
use serde_json::{Value, json};

use summary::summary;

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
        "ref": record(random.below(4_000)), "epoch": "000102030405060708090a0b0c0d0e0f", "band": band, "tier": tier,
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
