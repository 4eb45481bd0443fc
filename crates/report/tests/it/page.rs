//! What holds for any page.

use std::collections::BTreeSet;

use base64::Engine as _;
use sha2::Digest as _;

use crate::data::{Case, Variant};
use crate::dom::{ALL, page, parse};

#[test]
fn pages_are_valid_and_the_same_every_time() {
    for variant in ALL {
        let text = page(&Case::new(variant, 120));
        let (_, errors) = parse(&text);
        assert!(errors.is_empty(), "{variant:?}: {errors:?}");
        assert_eq!(text, page(&Case::new(variant, 120)), "{variant:?}");
    }
}

#[test]
fn nothing_outside_the_page_is_referred_to() {
    const BESIDE: [&str; 5] = ["summary.json", "items.csv", "items.jsonl", "manifest.json", "evidence.csv"];
    for variant in ALL {
        let text = page(&Case::new(variant, 120));
        for element in parse(&text).0 {
            assert!(!["link", "iframe", "object", "embed", "base", "form"].contains(&element.name.as_str()));
            for (name, value) in &element.attributes {
                assert!(!name.starts_with("on") && name != "style", "{element:?}");
                if ["src", "href", "action", "srcset", "data", "poster"].contains(&name.as_str()) {
                    let fine = value.starts_with('#')
                        || value.starts_with("data:image/jpeg;base64,")
                        || BESIDE.contains(&value.as_str());
                    assert!(fine, "{variant:?}: {name}={value}");
                }
            }
        }
        for word in ["http://", "https://", "@import", "url("] {
            assert!(!text.contains(word), "{variant:?}: {word}");
        }
    }
}

#[test]
fn the_policy_allows_this_style_and_script_and_no_other() {
    let (elements, _) = parse(&page(&Case::new(Variant::Sample, 5)));
    let policy = elements.iter().find_map(|e| e.get("http-equiv").and_then(|_| e.get("content"))).unwrap();
    for name in ["style", "script"] {
        let all: Vec<_> = elements.iter().filter(|element| element.name == name).collect();
        assert_eq!(all.len(), 1, "{name}");
        let hash = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(all[0].text.as_bytes()));
        assert!(policy.contains(&format!("{name}-src 'sha256-{hash}'")), "{name}: {policy}");
    }
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    // The policy must come before what it governs.
    let at = |name: &str| elements.iter().position(|element| element.name == name).unwrap();
    assert!(elements.iter().position(|e| e.get("http-equiv").is_some()).unwrap() < at("style"));
}

#[test]
fn anchors_are_unique_and_links_within_the_page_lead_somewhere() {
    for variant in ALL {
        let (elements, _) = parse(&page(&Case::new(variant, 300)));
        let mut ids = BTreeSet::new();
        for id in elements.iter().filter_map(|element| element.get("id")) {
            assert!(ids.insert(id), "{variant:?}: {id} twice");
        }
        for element in &elements {
            if let Some(target) = element.get("href").and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(target), "{variant:?}: #{target}");
            }
            for attribute in ["aria-labelledby", "for"] {
                for id in element.get(attribute).into_iter().flat_map(str::split_whitespace) {
                    assert!(ids.contains(id), "{variant:?}: {attribute} {id}");
                }
            }
        }
    }
}

#[test]
fn it_can_be_read_by_ear() {
    for variant in ALL {
        let text = page(&Case::new(variant, 300));
        let (elements, _) = parse(&text);
        let count = |name: &str| elements.iter().filter(|element| element.name == name).count();
        assert_eq!(elements.iter().find(|e| e.name == "html").unwrap().get("lang"), Some("en"));
        for landmark in ["header", "nav", "main", "footer", "h1"] {
            assert_eq!(count(landmark), 1, "{variant:?}: {landmark}");
        }
        assert_eq!(count("caption"), count("table"), "{variant:?}: every table has a caption");
        let mut level = 0;
        for element in &elements {
            match element.name.as_str() {
                "h1" | "h2" | "h3" | "h4" => {
                    let next = element.name[1..].parse::<u32>().unwrap();
                    assert!(next <= level + 1, "{variant:?}: {} after h{level}", element.text);
                    level = next;
                }
                "th" => assert!(element.get("scope").is_some(), "{variant:?}: {element:?}"),
                "svg" if element.get("aria-hidden").is_none() => {
                    assert_eq!(element.get("role"), Some("img"), "{variant:?}: {element:?}");
                    assert!(element.get("aria-labelledby").is_some(), "{variant:?}");
                }
                "section" => assert!(element.get("aria-labelledby").is_some(), "{variant:?}"),
                _ => {}
            }
        }
        let order: Vec<_> = elements.iter().filter(|e| e.name == "h2").map(|e| e.text.as_str()).collect();
        assert!(order[0].starts_with("Verdict") && order.len() == 13, "{order:?}");
    }
}

#[test]
fn ten_thousand_items_stay_a_small_file() {
    let case = Case::new(Variant::Plain, 10_000);
    let size = page(&case).len();
    assert!(size < 3_000_000, "{size} bytes");
}

#[test]
fn the_time_is_stated_only_where_it_is_given() {
    let case = Case::new(Variant::Plain, 3);
    assert!(!page(&case).contains("Made 20"));
    let report = saltprint_report::CaseReport {
        summary: &case.summary,
        items: &case.items,
        thumbnail: &|_| None,
        made: Some("2026-11-25 02:10 UTC"),
    };
    assert!(saltprint_report::html(&report).contains("Made 2026-11-25 02:10 UTC."));
    assert!(!format!("{report:?}").contains("IMG"), "names stay out of logs");
}

/// Relative luminance contrast of the pairs that carry text, in both themes.
#[test]
fn text_is_legible_in_both_themes() {
    let text = page(&Case::new(Variant::Empty, 0));
    let dark_at = text.find("prefers-color-scheme: dark").unwrap();
    let value = |block: &str, name: &str| {
        let start = block.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("{name}")) + name.len() + 5;
        u32::from_str_radix(&block[start..start + 6], 16).unwrap()
    };
    let luminance = |color: u32| {
        let channel = |shift: u32| {
            let value = f64::from(color >> shift & 0xff) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    };
    for block in [&text[..dark_at], &text[dark_at..]] {
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(value(block, a)), luminance(value(block, b)));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for ink in ["ink", "soft", "link", "mark"] {
            for ground in ["paper", "panel"] {
                assert!(contrast(ink, ground) >= 4.5, "{ink} on {ground}: {}", contrast(ink, ground));
            }
        }
        for (ink, ground) in
            [("on-pale", "h1"), ("on-pale", "h2"), ("on-pale", "h3"), ("on-deep", "h4"), ("on-deep", "h5")]
        {
            assert!(contrast(ink, ground) >= 4.5, "{ink} on {ground}: {}", contrast(ink, ground));
        }
        for mark in [
            "match",
            "possible",
            "no_match",
            "too_plain",
            "unreadable",
            "refused",
            "duplicate",
            "stranger",
            "focus",
        ] {
            assert!(contrast(mark, "paper") >= 3.0, "{mark}: {}", contrast(mark, "paper"));
        }
    }
}
