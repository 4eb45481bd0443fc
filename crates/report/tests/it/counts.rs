//! What the page says is what the summary says.

use saltprint::case::{Statement, Verdict};
use saltprint::{ItemReport, Outcome};
use serde_json::json;

use crate::data::{Case, Variant};
use crate::dom::{ALL, Element, page, parse, section};

fn words(elements: &[Element]) -> String {
    elements.first().map_or_else(String::new, |root| root.text.replace('\u{a0}', " "))
}

#[test]
fn totals_are_those_of_the_summary_and_add_up() {
    for variant in [Variant::Sample, Variant::Plain, Variant::Negative, Variant::Large] {
        let case = Case::new(variant, 1_500);
        let totals = &case.summary.totals;
        let elements = section(&page(&case), "totals");
        let cells: Vec<u64> = elements
            .iter()
            .filter(|e| e.is("td", "n") && !e.text.contains(['%', '–']))
            .map(|e| e.text.replace(',', "").parse().unwrap())
            .collect();
        let wanted = [
            totals.matches,
            totals.possible,
            totals.no_match,
            totals.too_plain,
            totals.unreadable,
            totals.refused,
            totals.duplicate,
            totals.inputs,
        ];
        assert_eq!(cells, wanted, "{variant:?}");
        assert_eq!(cells[..7].iter().sum::<u64>(), cells[7]);
    }
}

#[test]
fn every_item_has_its_row_with_all_its_records() {
    let case = Case::new(Variant::Sample, 300);
    let text = page(&case);
    let (elements, _) = parse(&text);
    let bodies: Vec<_> = elements.iter().filter(|e| e.name == "tbody" && e.get("class").is_some()).collect();
    assert_eq!(bodies.len(), case.items.len());
    for (body, item) in bodies.iter().zip(&case.items) {
        assert_eq!(body.get("class"), Some(serde_json::to_value(item.outcome).unwrap().as_str().unwrap()));
        assert!(body.text.contains(&item.input));
        for found in &item.matches {
            assert!(body.text.contains(&found.record_ref.to_string()));
            assert!(body.text.contains(found.source.as_deref().unwrap()));
            assert!(body.text.contains(&found.captured.unwrap().to_string()));
        }
        if let Some(reason) = &item.reason {
            assert!(body.text.contains(&reason.text.replace('`', "")), "quotation marks are set as code");
        }
    }
}

#[test]
fn documents_and_stored_versions_are_told_apart() {
    let found = |reference: &str, document: u32| {
        json!({
            "ref": reference, "epoch": "000102030405060708090a0b0c0d0e0f", "band": "strong", "tier": "local", "orientation": "upright", "source": null,
            "captured": null, "kind": null, "document": document, "copy": "part",
        })
    };
    let reference = |n: u8| saltprint_keys::RecordRef::from_bytes([n; 16]).to_string();
    let item: ItemReport = serde_json::from_value(json!({
        "input": "collage.jpg", "outcome": "match",
        "matches": [found(&reference(1), 1), found(&reference(2), 2), found(&reference(3), 1)],
    }))
    .unwrap();
    let mut case = Case::new(Variant::Plain, 0);
    case.items = vec![item];
    let text = words(&section(&page(&case), "items"));
    assert!(text.contains("document 1 of 2, nearest of 2 stored versions: strong"), "{text}");
    assert!(text.contains("document 2 of 2: strong"), "{text}");
    assert!(text.contains("document 1 of 2, another stored version: strong"), "{text}");
    assert!(text.contains("1 item, in the order"), "{text}");
}

#[test]
fn one_of_anything_is_singular() {
    let mut case = Case::new(Variant::Plain, 0);
    case.items = vec![
        serde_json::from_value(json!({ "input": "a.jpg", "outcome": "no_match", "matches": [] })).unwrap(),
    ];
    (case.summary.totals.inputs, case.summary.totals.no_match, case.summary.files) = (1, 1, 1);
    case.summary.verdict.compared = 1;
    case.summary.verdict.statement = Statement::NotOurs;
    let text = parse(&page(&case)).0[0].text.replace('\u{a0}', " ");
    for wrong in ["1 images", "1 files", "1 inputs", "1 items", "1 records", "1 matches"] {
        assert!(!text.contains(wrong), "{wrong}");
    }
    assert!(text.contains("1 file of") && text.contains("1 image was compared"));
}

#[test]
fn cases_without_this_or_that_still_read() {
    let text = |variant, items| parse(&page(&Case::new(variant, items))).0[0].text.replace('\u{a0}', " ");
    let empty = text(Variant::Empty, 0);
    assert!(empty.contains("Nothing compared") && empty.contains("There was nothing to look up."));
    assert!(empty.contains("There are no items to list.") && empty.contains("The rebuild saw no record."));
    let plain = text(Variant::Plain, 100);
    assert!(
        plain.contains("thresholds were assumed and not measured")
            && plain.contains("No evaluation was at hand")
    );
    assert!(
        plain.contains("belongs to the evidence") && plain.contains("evidence.csv: every file of the leak")
    );
    let negative = text(Variant::Negative, 100);
    assert!(negative.contains("Not ours") && negative.contains("nothing to attribute"));
    assert!(negative.contains("none is a match") && negative.contains("There is no match to compare"));
    assert!(negative.contains("Could be ours, at most") && negative.contains("No item shows a copy"));
    for variant in ALL {
        let text = text(variant, 60);
        for broken in ["NaN", "inf ", "None", "Some("] {
            assert!(!text.contains(broken), "{variant:?}: {broken}");
        }
    }
}

#[test]
fn each_verdict_says_so_in_words() {
    let mut case = Case::new(Variant::Sample, 50);
    for (statement, word) in [
        (Statement::Ours, "Verdict: Ours"),
        (Statement::PartlyOurs, "Verdict: Partly ours"),
        (Statement::CompatibleWithChance, "Verdict: Compatible with chance"),
        (Statement::NotOurs, "Verdict: Not ours"),
        (Statement::Undecided, "Verdict: Undecided"),
        (Statement::NothingCompared, "Verdict: Nothing compared"),
    ] {
        case.summary.verdict = Verdict { statement, ..case.summary.verdict.clone() };
        let (elements, _) = parse(&page(&case));
        assert_eq!(elements.iter().find(|e| e.name == "h2").unwrap().text, word);
    }
}

#[test]
fn totals_that_do_not_add_up_are_called_out() {
    let mut case = Case::new(Variant::Sample, 50);
    case.summary.totals.no_match += 1;
    assert!(words(&section(&page(&case), "totals")).contains("do not add up"));
    case.items.retain(|item| item.outcome != Outcome::Match);
    assert!(words(&section(&page(&case), "items")).contains("the case counted"));
}
