//! Names come from a stranger.

use saltprint::ItemReport;
use serde_json::json;

use crate::data::{Case, Variant};
use crate::dom::{page, parse};

const NAMES: [&str; 9] = [
    "<script>alert(1)</script>.jpg",
    "\"><img src=x onerror=alert(1)>.jpg",
    "' onmouseover='alert(1)",
    "</title></style></script></table><svg/onload=alert(1)>",
    "photo\u{202e}gpj.exe",
    "a\u{0}b\u{7}c\u{1b}[31m\u{85}\r\n.jpg",
    "<!-- -->&lt;&#x3c;&amp;]]>`code`",
    "\u{2066}x\u{2069}\u{feff}\u{200b}\u{fffe}\u{e0061}.jpg",
    "שלום عربي 写真.jpg",
];

fn hostile() -> Case {
    let mut case = Case::new(Variant::Sample, 40);
    for (at, name) in NAMES.into_iter().enumerate() {
        let item: ItemReport = serde_json::from_value(json!({
            "input": name, "outcome": if at % 2 == 0 { "match" } else { "unreadable" },
            "matches": if at % 2 == 0 { json!([{
                "ref": saltprint_keys::RecordRef::from_bytes([1; 16]).to_string(), "epoch": "000102030405060708090a0b0c0d0e0f", "band": "strong", "tier": "local",
                "orientation": "upright", "source": name, "captured": "2019-01", "kind": name, "document": 1,
                "copy": "altered", "agreement": { "region": [0.1, 0.1, 0.9, 0.9], "covered": 0.5,
                    "outline": [[-1e300, 0.0], [1e300, 0.0], [1.0, 1.0], [0.0, 1.0]] },
            }]) } else { json!([]) },
            "reason": if at % 2 == 0 { json!(null) } else { json!({ "code": name, "text": name }) },
        }))
        .unwrap();
        case.items.push(item);
        let summary = &mut case.summary;
        summary.case_id = NAMES.join(" ");
        summary.purpose = name.to_owned();
        summary.version = name.to_owned();
        summary.index.root = name.to_owned();
        summary.verdict.headline = NAMES.join("`");
        summary.verdict.reasons.push(name.to_owned());
        summary.verdict.would_change.push(name.to_owned());
        summary.attribution.warnings.push(name.to_owned());
        summary.negative.sentences.push(name.to_owned());
        summary.negative.evaluation = Some(name.to_owned());
        summary.negative.edits[0].edit = name.to_owned();
        summary.attribution.cells[at].source = Some(name.to_owned());
        summary.attribution.cells[at].kind = Some(name.to_owned());
        summary.attribution.months[at].source = Some(name.to_owned());
        summary.attribution.months[at].hits = 3;
        summary.attribution.sources[0].name = Some(name.to_owned());
        summary.attribution.kinds[0].name = Some(name.to_owned());
        summary.coverage.sources[0].source = Some(name.to_owned());
        if let Some(explanation) = &mut summary.attribution.explanation {
            explanation.place.name = name.to_owned();
            explanation.alternatives[0].name = name.to_owned();
        }
    }
    case
}

#[test]
fn names_add_no_markup() {
    let text = page(&hostile());
    let (elements, errors) = parse(&text);
    assert!(errors.is_empty(), "{errors:?}");
    let count = |name: &str| elements.iter().filter(|element| element.name == name).count();
    assert_eq!((count("script"), count("style"), count("img"), count("title") > 0), (1, 1, 0, true));
    assert!(elements.iter().all(|e| e.attributes.keys().all(|name| !name.starts_with("on"))));
    assert!(elements[0].text.contains(NAMES[0]), "and is still shown");
}

#[test]
fn characters_that_hide_or_reorder_are_written_out() {
    let text = page(&hostile());
    let bad = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(|c| bad(*c)), None);
    assert!(text.contains("photo\\u{202e}gpj.exe") && text.contains("a\\u{0}b\\u{7}c\\u{1b}[31m"));
    assert!(text.contains("שלום عربي 写真.jpg"), "scripts of the world are left as they are");
}
