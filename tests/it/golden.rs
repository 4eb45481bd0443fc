//! The JSON that programs read, compared with files byte for byte: names, order and form of every key are a contract.
//!
//! `make golden` writes the files anew; review the diff. What differs between runs or platforms is redacted: times,
//! random ids, measured distances and what follows from them.

use std::fs;
use std::path::Path;

use saltprint_synth::Edit;

use crate::place::{Place, SMALL, corpus, with_comment};

/// Keys whose values are not part of the contract.
const REDACTED: [&str; 20] = [
    "covered",
    "created",
    "dims",
    "distance",
    "epoch",
    "extended",
    "features",
    "in_view",
    "margin",
    "median",
    "near",
    "nearest",
    "percent_1",
    "percent_10",
    "possible_lead",
    "runner_up",
    "score",
    "seconds",
    "strong_lead",
    "weak",
];

/// Keys whose values are not part of it where they are fractions: thresholds and seconds, and not counts.
const REDACTED_FRACTIONS: [&str; 5] = ["exact", "graph", "local", "possible", "strong"];

/// Keys of lists of measured coordinates.
const REDACTED_LISTS: [&str; 2] = ["outline", "region"];

#[test]
fn lookup() {
    let place = Place::small();
    let ours = &corpus()[3].record_id;
    place.write("stranger.jpg", stranger());
    image::GrayImage::from_pixel(300, 200, image::Luma([250])).save(place.path("blank.png")).unwrap();
    place.write("note.txt", "not an image");
    place.write("scan.pdf", "%PDF-1.7\n%\u{e2}\u{e3}\n");
    let ours = format!("vault/{ours}");
    let inputs = [&ours, "stranger.jpg", "blank.png", "note.txt", "scan.pdf", &ours, "missing.jpg"];
    let ran = place.run(&[&["lookup", "--json"], &inputs[..]].concat()).expect(3);
    same_as_golden("lookup.jsonl", &ran.stdout);
}

#[test]
fn lookup_of_an_image_that_two_subjects_share() {
    let place = Place::small();
    let (shared, alike) = (&corpus()[3], &corpus()[8]);
    place.write("vault/alike.jpg", with_comment(&alike.encoded, "the same image in other bytes"));
    let manifest = fs::read_to_string(place.path("vault.csv")).unwrap();
    let rows = format!(
        "twin,{},somebody,vendor-b,,\nalike,alike.jpg,somebody,vendor-b,2019-02,card\n",
        shared.record_id
    );
    place.write("vault.csv", manifest + &rows);
    place.run(&["rebuild"]).expect(0);
    // One file is not evidence against itself, nor is one image in two files.
    let ran = place.run(&["lookup", "--json", &format!("vault/{}", shared.record_id)]).expect(0);
    same_as_golden("lookup_shared.jsonl", &ran.stdout);
    let ran = place.run(&["lookup", "--json", &format!("vault/{}", alike.record_id)]).expect(0);
    same_as_golden("lookup_near_duplicate.jsonl", &ran.stdout);
}

/// In so small a vault details make a match possible, not strong.
#[test]
fn lookup_of_a_part() {
    let place = Place::small();
    let document = &corpus()[3].document;
    Edit::Crop { keep: 70 }.apply(&document.image, &document.layout, 5).save(place.path("part.png")).unwrap();
    let ran = place.run(&["lookup", "--json", "part.png"]).expect(0);
    same_as_golden("lookup_possible.jsonl", &ran.stdout);
}

#[test]
fn lookup_with_evidence() {
    let place = Place::small();
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[matching]\nevidence = true\n"));
    let image = image::imageops::rotate90(&corpus()[3].document.image);
    image.save(place.path("turned.png")).unwrap();
    let ran = place.run(&["lookup", "--json", "--evidence", "turned.png"]).expect(0);
    same_as_golden("lookup_evidence.jsonl", &ran.stdout);
}

#[test]
fn triage() {
    let place = Place::small();
    for (index, item) in corpus().iter().take(6).enumerate() {
        place.write(&format!("leak/{index}.jpg"), &item.encoded);
    }
    place.write("leak/again.jpg", &corpus()[0].encoded);
    place.write("leak/note.txt", "not an image");
    place.write("leak/stranger.jpg", stranger());
    place.write("leak/.DS_Store", "passed over");
    let ran = place.run(&["triage", "leak", "--json", "items.jsonl", "--summary", "-"]).expect(3);
    same_as_golden("triage_summary.json", &ran.stdout);
    same_as_golden("triage_items.jsonl", &fs::read_to_string(place.path("items.jsonl")).unwrap());
}

#[test]
fn calibrate_rebuild_and_status() {
    let place = Place::new();
    place.fill(&corpus()[..SMALL]);
    place.write("vault/note.jpg", "not an image");
    let manifest = fs::read_to_string(place.path("vault.csv")).unwrap();
    place.write("vault.csv", format!("{manifest}note,note.jpg,,,,\ntwin,{},,,,\n", corpus()[0].record_id));
    let ran = place.run(&["calibrate", "--json"]).expect(0);
    same_as_golden("calibrate.json", &ran.stdout);
    let ran = place.run(&["rebuild", "--json"]).expect(3);
    same_as_golden("rebuild.json", &ran.stdout);
    let ran = place.run(&["rebuild", "--json"]).expect(3);
    same_as_golden("rebuild_unchanged.json", &ran.stdout);
    let ran = place.run(&["status", "--json"]).expect(0);
    same_as_golden("status.json", &ran.stdout);
}

fn stranger() -> Vec<u8> {
    saltprint_synth::Document::new(saltprint_synth::Template::Selfie, 987_654).encode().unwrap()
}

/// Compares with `golden/<name>`, or writes it where the environment says `SALTPRINT_GOLDEN=write`.
#[track_caller]
fn same_as_golden(name: &str, printed: &str) {
    for line in printed.lines().filter(|line| line.starts_with('{') && line.ends_with('}')) {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let got = REDACTED.iter().fold(printed.to_owned(), |text, key| redact(&text, key, |_| true));
    let got = REDACTED_FRACTIONS.iter().fold(got, |text, key| redact(&text, key, is_fraction));
    let got = REDACTED_LISTS.iter().fold(got, |text, key| redact_list(&text, key));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var_os("SALTPRINT_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(path, got).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == expected,
        "`{name}` is not what was printed; if the change is meant, run `make golden`\n--- expected\n{expected}\n--- got\n{got}",
    );
}

/// Puts `"-"` for every value of `key` that is no object or list and of which `which` says so. Works on the text, since
/// parsing would lose the order of the keys.
fn redact(json: &str, key: &str, which: impl Fn(&str) -> bool) -> String {
    let name = format!("\"{key}\":");
    let mut parts = json.split(&name);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let start = part.len() - part.trim_start().len();
        // None of the redacted strings holds a bracket or a comma.
        let end = start + part[start..].find([',', '}', '\n']).unwrap_or(part.len() - start);
        let value = &part[start..end];
        let shown = if value.starts_with(['{', '[']) || !which(value) { value } else { "\"-\"" };
        text.extend([&name, &part[..start], shown, &part[end..]]);
    }
    text
}

/// Small numbers are printed with an exponent and without a point.
fn is_fraction(value: &str) -> bool {
    value.starts_with(|first: char| first.is_ascii_digit()) && value.contains(['.', 'e'])
}

/// Puts `["-"]` for every list of `key`, whatever lists are in it.
fn redact_list(json: &str, key: &str) -> String {
    let name = format!("\"{key}\":[");
    let mut parts = json.split(&name);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut depth = 1;
        let closes = |letter: char| {
            depth += i32::from(letter == '[') - i32::from(letter == ']');
            depth == 0
        };
        let end = part.find(closes).unwrap_or(part.len());
        text.extend([&name, "\"-\"", &part[end..]]);
    }
    text
}

#[test]
fn redaction_keeps_everything_else() {
    let json = r#"{"a":1.5,"b":{"a":null},"c":{"a":[1]},"d":2}"#;
    assert_eq!(redact(json, "a", |_| true), r#"{"a":"-","b":{"a":"-"},"c":{"a":[1]},"d":2}"#);
    let fractions = redact(json, "a", is_fraction);
    assert_eq!(fractions, r#"{"a":"-","b":{"a":null},"c":{"a":[1]},"d":2}"#);
    assert_eq!(["1e-7", "0.5", "12", "true", "null"].map(is_fraction), [true, true, false, false, false]);
    let lists = redact_list(r#"{"a":[[1,2],[3,4]],"b":[5],"a":[]}"#, "a");
    assert_eq!(lists, r#"{"a":["-"],"b":[5],"a":["-"]}"#);
    assert_eq!(redact("{\n  \"a\": 3,\n  \"b\": 4\n}", "a", |_| true), "{\n  \"a\": \"-\",\n  \"b\": 4\n}");
}
