//! Drawings: right places, right counts.

use saltprint::ItemReport;
use saltprint::case::Cell;
use saltprint_report::{CaseReport, html};
use serde_json::json;

use crate::data::{Case, Variant};
use crate::dom::{page, parse, section};

fn altered() -> Case {
    let item: ItemReport = serde_json::from_value(json!({
        "input": "altered.jpg", "outcome": "match", "matches": [{
            "ref": saltprint_keys::RecordRef::from_bytes([1; 16]).to_string(), "epoch": "000102030405060708090a0b0c0d0e0f", "band": "strong", "tier": "local",
            "orientation": "upright", "source": "a", "captured": "2019-01", "kind": "id-card", "document": 1,
            "copy": "altered", "agreement": { "region": [0.0, 0.0, 0.5, 1.0], "covered": 0.5,
                "outline": [[0.25, 0.1], [0.75, 0.1], [0.75, 0.9], [0.25, 0.9]] },
        }],
    }))
    .unwrap();
    let mut case = Case::new(Variant::Plain, 0);
    case.items = vec![item];
    case
}

#[test]
fn the_outline_lies_where_the_report_says() {
    let case = altered();
    let polygons = |page: &str| -> Vec<(String, String)> {
        let named = |e: crate::dom::Element| {
            (e.get("class").unwrap().to_owned(), e.get("points").unwrap().to_owned())
        };
        section(page, "altered").into_iter().filter(|e| e.name == "polygon").map(named).collect()
    };
    // Without a thumbnail: on a frame of 400 x 300.
    let lines = polygons(&page(&case));
    let of = |lines: &[(String, String)], class: &str| {
        lines.iter().find(|(name, _)| name == class).map(|(_, points)| points.clone()).unwrap()
    };
    assert_eq!(of(&lines, "outline"), "100,30 300,30 300,270 100,270");
    assert_eq!(of(&lines, "agrees"), "100,30 200,30 200,270 100,270");

    // With one: in its own pixels, 160 x 110.
    let jpeg = Case::new(Variant::Sample, 1).thumbnail(0).unwrap();
    let text = html(&CaseReport {
        summary: &case.summary,
        items: &case.items,
        thumbnail: &|item| (item == 0).then(|| jpeg.clone()),
        made: None,
    });
    assert_eq!(of(&polygons(&text), "outline"), "40,11 120,11 120,99 40,99");
    let image = section(&text, "altered").into_iter().find(|e| e.name == "image").unwrap();
    assert_eq!((image.get("width"), image.get("height")), (Some("160"), Some("110")));
}

#[test]
fn bytes_that_are_no_jpeg_are_not_embedded() {
    let case = altered();
    let text = html(&CaseReport {
        summary: &case.summary,
        items: &case.items,
        thumbnail: &|_| Some(b"<svg onload=alert(1)>".to_vec()),
        made: None,
    });
    assert!(!text.contains("data:image"));
    assert!(section(&text, "altered").iter().any(|e| e.is("rect", "sheet")));
}

#[test]
fn many_months_become_years_and_small_sources_are_folded() {
    let mut case = Case::new(Variant::Large, 500);
    let text = page(&case);
    let heat = section(&text, "attribution");
    let heads = heat.iter().filter(|e| e.get("scope").is_some_and(|scope| scope.starts_with("col"))).count();
    assert!(heads < 60, "{heads}");
    assert!(heat.iter().any(|e| e.name == "th" && e.text == "26 others"));
    // Its sums are those of the cells.
    let table = heat.iter().find(|e| e.is("table", "heat")).unwrap();
    assert!(table.text.contains("all sources"));

    // One more source than there are rows is shown by its name.
    case.summary.attribution.months = (0..15)
        .map(|n| Cell {
            source: Some(format!("s{n:02}")),
            captured: "2019-01".parse().ok(),
            kind: None,
            hits: 1,
            indexed: 10,
        })
        .collect();
    let heat = section(&page(&case), "attribution");
    assert!(!heat.iter().any(|e| e.name == "th" && e.text.ends_with(" others")));
    assert!(heat.iter().any(|e| e.name == "th" && e.text == "s14"));
    let cells: Vec<_> =
        heat.iter().filter(|e| e.name == "td" && e.get("title") == Some("150 of 150 (100\u{a0}%)")).collect();
    assert!(cells.is_empty());
    assert!(heat.iter().any(|e| e.get("title") == Some("15 of 150 (10\u{a0}%)")));
}

#[test]
fn charts_draw_every_hit() {
    let case = Case::new(Variant::Sample, 400);
    let text = page(&case);
    let hits: u64 = case.summary.attribution.months.iter().map(|cell| cell.hits).sum();
    let drawn: u64 = section(&text, "timeline")
        .iter()
        .filter(|e| e.is("rect", "f-match"))
        .map(|e| e.text.split([' ', ':']).nth(2).unwrap().replace(',', "").parse::<u64>().unwrap())
        .sum();
    assert_eq!(drawn, hits);
    let background = section(&text, "background");
    let bars: u64 = background
        .iter()
        .filter(|e| e.is("rect", "f-match"))
        .map(|e| e.text.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    let plots = case.summary.plots.as_ref().unwrap();
    let wanted: u64 = plots.distance.matches.iter().chain(&plots.score.matches).map(|bin| bin.1).sum();
    assert_eq!(bars, wanted);
    assert!(background.iter().any(|e| e.name == "text" && e.text == "strong up to here"));
    assert!(parse(&text).0.iter().any(|e| e.name == "figcaption" && e.text.contains("your hits lie here")));
}

/// An index of few records is not measured: there are hits, but nothing to compare them with.
#[test]
fn hits_without_strangers_are_compared_with_nothing() {
    let mut case = Case::new(Variant::Sample, 400);
    let plots = case.summary.plots.as_mut().unwrap();
    assert!(!plots.score.matches.is_empty() && !plots.distance.strangers.is_empty());
    plots.score.strangers.clear();
    let text = page(&case);
    let captions: Vec<String> = (parse(&text).0.iter())
        .filter(|e| e.name == "figcaption")
        .map(|e| e.text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let whole = captions.iter().find(|text| text.starts_with("Whole images.")).unwrap();
    assert!(whole.contains("come this near, your hits lie here"), "{whole}");
    let details = captions.iter().find(|text| text.starts_with("Details.")).unwrap();
    assert!(details.contains("No strangers were measured by this to compare with."), "{details}");
    assert!(!details.contains("your hits lie here") && !details.contains("of all strangers"), "{details}");
}

#[test]
fn records_without_a_month_have_a_column_and_a_word() {
    let mut case = Case::new(Variant::Sample, 100);
    let cell = |source: Option<&str>, hits| Cell {
        source: source.map(str::to_owned),
        captured: None,
        kind: None,
        hits,
        indexed: 9,
    };
    case.summary.attribution.months.extend([cell(Some("vendor-a"), 1), cell(None, 0)]);
    let text = page(&case);
    let heat = section(&text, "attribution");
    assert!(heat.iter().any(|e| e.name == "th" && e.text == "no month"));
    assert!(heat.iter().any(|e| e.name == "th" && e.text == "no source stated"));
    assert!(section(&text, "timeline")[0].text.contains("states no month and is not in this chart"));

    case.summary.attribution.months.retain(|cell| cell.captured.is_none());
    let text = page(&case);
    assert!(section(&text, "timeline")[0].text.contains("no timeline"));
    assert!(section(&text, "attribution")[0].text.contains("no map of source and month"));
}

#[test]
fn the_place_that_explains_is_marked_where_it_lies() {
    let text = page(&Case::new(Variant::Sample, 400));
    let heat = section(&text, "attribution");
    // vendor-a, 2018-11 to 2019-02: four months, and the key.
    assert_eq!(heat.iter().filter(|e| e.is("td", "place")).count(), 4);
    assert_eq!(heat.iter().filter(|e| e.is("b", "place")).count(), 1);
}
