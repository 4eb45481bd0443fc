//! A case from the leak to the report.

pub(crate) mod containers;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::place::{Place, Ran, corpus};

/// A leak of 12 of our records, two of them as the same bytes, with strangers and things that are no images.
fn leak(place: &Place) {
    for (index, item) in corpus().iter().take(12).enumerate() {
        place.write(&format!("leak/{index:02}.jpg"), &item.encoded);
    }
    place.write("leak/again.jpg", &corpus()[0].encoded);
    for seed in 0..4 {
        let stranger = saltprint_synth::Document::new(saltprint_synth::Template::Passport, 700_000 + seed);
        place.write(&format!("leak/x{seed}.jpg"), stranger.encode().unwrap());
    }
    place.write("leak/note.txt", "not an image");
    image::imageops::rotate90(&corpus()[13].document.image).save(place.path("leak/turned.png")).unwrap();
}

pub(crate) fn triage(place: &Place, leak: &str, case: &str, more: &[&str]) -> Ran {
    let arguments = ["triage", leak, "--case", case, "--case-id", "2026-117", "--purpose", "a story"];
    place.run(&[&arguments[..], more].concat())
}

/// All files of a case by their names.
fn files(place: &Place, case: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![place.path(case)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(place.path(case)).unwrap().display().to_string();
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

fn json(place: &Place, file: &str) -> serde_json::Value {
    serde_json::from_slice(&fs::read(place.path(file)).unwrap()).unwrap()
}

/// The outcome of each item, by its name.
pub(crate) fn outcomes(place: &Place, case: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(place.path(case).join("items.jsonl")).unwrap();
    let item = |line: &str| -> (String, String) {
        let item: serde_json::Value = serde_json::from_str(line).unwrap();
        let reason = item["reason"]["code"].as_str().map_or_else(String::new, |code| format!(" {code}"));
        (item["input"].as_str().unwrap().to_owned(), item["outcome"].as_str().unwrap().to_owned() + &reason)
    };
    text.lines().map(item).collect()
}

#[test]
fn a_quick_look_says_that_it_was_one() {
    let place = Place::built();
    leak(&place);
    // The strangers' documents fill their images, and their templates are known; here is no document at all.
    let tiles = |x: u32, y: u32| image::Luma([u8::try_from((x / 24 * 83 + y / 24 * 149) % 251).unwrap()]);
    image::GrayImage::from_fn(720, 480, tiles).save(place.path("leak/tiles.png")).unwrap();
    let looked = |more: &[&str]| {
        let ran = place.run(&[&["triage", "leak", "--summary", "summary.json"], more].concat()).expect(3);
        let summary = json(&place, "summary.json");
        (ran.stdout, summary["totals"].clone(), summary["looks"].clone(), summary["stages"]["finer"].clone())
    };
    let (words, thorough, looks, all) = looked(&[]);
    assert_eq!(
        (looks, all),
        ("thorough".into(), 1.into()),
        "the tiles: all else matches all over, or is filled"
    );
    assert!(!words.contains("quick"));
    let (words, quick, looks, hinted) = looked(&["--quick"]);
    assert_eq!((quick, looks), (thorough, "quick".into()));
    assert_eq!(hinted, 0);
    assert!(words.contains("quick look") && words.contains("without --quick"));

    let ran = triage(&place, "leak", "case", &["--quick"]).expect(3);
    assert!(ran.stdout.contains("This was a quick look"), "{}", ran.stdout);
    assert_eq!(json(&place, "case/summary.json")["looks"], "quick");
    assert!(json(&place, "case/manifest.json")["command"].as_str().unwrap().contains(" --quick leak"));
    let report = fs::read_to_string(place.path("case/report.html")).unwrap();
    assert!(report.contains("This was a quick look") && report.contains("<dt>Looks</dt>"));
}

#[test]
fn a_leak_becomes_a_case() {
    let place = Place::built();
    leak(&place);
    let ran = triage(&place, "leak", "case", &["--thumbnails"]).expect(3).says(&["note.txt: unreadable"]);
    assert!(ran.stdout.starts_with("VERDICT  This leak is partly ours: "), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\x1b'), "colours in a pipe");
    let summary = json(&place, "case/summary.json");
    let totals = summary["totals"].as_object().unwrap();
    let number = |name: &str| totals[name].as_u64().unwrap();
    assert_eq!((number("inputs"), number("match")), (19, 13));
    assert_eq!((number("duplicate"), number("unreadable")), (1, 1));
    let sum: u64 =
        totals.iter().filter(|(name, _)| *name != "inputs").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(sum, 19);
    assert_eq!(summary["verdict"]["statement"], "partly_ours");
    assert_eq!(summary["verdict"]["matched_records"], 13);
    assert_eq!(summary["attribution"]["hits"], 13);
    assert_eq!(summary["coverage"]["vault"]["indexed"], 160);
    let indexed: u64 = summary["attribution"]["months"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell["indexed"].as_u64().unwrap())
        .sum();
    assert_eq!(indexed, 160);
    assert!(summary["plots"].is_null(), "distances without the role for them");
    assert_eq!(summary["copies"]["turned"], 1);

    let files = files(&place, "case");
    let report = std::str::from_utf8(&files["report.html"]).unwrap();
    assert!(report.contains("This leak is partly ours") && report.contains("note.txt"));
    assert!(files["items.csv"].starts_with(b"input,outcome,"));
    assert_eq!(files["evidence.csv"].split(|byte| *byte == b'\n').count(), 19 + 2);
    // A thumbnail for what matches or may match, and for nothing else.
    let thumbnails = files.keys().filter(|name| name.starts_with("thumbnails/")).count() as u64;
    assert_eq!(thumbnails, number("match") + number("possible"));
    // The manifest names every file with its digest.
    let manifest = json(&place, "case/manifest.json");
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), files.len() - 2, "all but itself and the lock");
    for file in listed {
        let bytes = &files[file["name"].as_str().unwrap()];
        assert_eq!(file["bytes"], bytes.len());
    }
    assert_eq!(manifest["index"]["root"].as_str().unwrap().len(), 64);
    assert_eq!(
        manifest["command"],
        "saltprint triage --case CASE_FOLDER --case-id 2026-117 --purpose 'a story' --thumbnails leak"
    );
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("case"), 0o700);
    for name in files.keys() {
        assert_eq!(mode(&format!("case/{name}")), 0o600, "{name}");
    }
}

#[test]
fn the_same_leak_gives_the_same_files() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "one", &["--thumbnails"]).expect(3);
    triage(&place, "leak", "two", &["--thumbnails"]).expect(3);
    let (one, two) = (files(&place, "one"), files(&place, "two"));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        // These two state when they were made.
        if !["manifest.json", "report.html"].contains(&name.as_str()) {
            assert!(*bytes == two[name], "{name} differs");
        }
    }
}

#[test]
fn a_case_that_was_killed_goes_on() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "whole", &[]).expect(3);
    let whole = files(&place, "whole");
    let lines: Vec<&[u8]> = whole["items.jsonl"].split_inclusive(|byte| *byte == b'\n').collect();
    for done in [0, 1, 7, lines.len()] {
        // What a kill leaves: the opening, some items, half of a line.
        let case = format!("killed-{done}");
        for name in ["case.json", "evidence.csv"] {
            place.write(&format!("{case}/{name}"), &whole[name]);
        }
        let mut journal = lines[..done].concat();
        journal.extend_from_slice(b"{\"input\": \"ha");
        place.write(&format!("{case}/items.jsonl"), journal);
        let ran = triage(&place, "leak", &case, &[]).expect(3);
        assert_eq!(ran.stderr.contains("going on with a case"), done > 0, "{}", ran.stderr);
        for name in ["items.jsonl", "items.csv", "summary.json"] {
            assert!(files(&place, &case)[name] == whole[name], "{name} after {done}");
        }
    }
}

#[test]
fn evidence_is_plotted_for_those_who_may_see_it() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "case", &["--evidence"]).expect(1).says(&["evidence = true"]);
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[matching]\nevidence = true\n"));
    triage(&place, "leak", "case", &["--evidence"]).expect(3);
    let plots = &json(&place, "case/summary.json")["plots"];
    let sum = |list: &serde_json::Value| -> u64 {
        list.as_array().unwrap().iter().map(|bin| bin[1].as_u64().unwrap()).sum()
    };
    assert_eq!(sum(&plots["distance"]["matches"]), 13);
    assert!(sum(&plots["distance"]["strangers"]) > 0);
}

#[test]
fn a_leak_of_strangers_is_a_valued_answer() {
    let place = Place::built();
    for seed in 0..6 {
        let stranger = saltprint_synth::Document::new(saltprint_synth::Template::Selfie, 900_000 + seed);
        place.write(&format!("leak/{seed}.jpg"), stranger.encode().unwrap());
    }
    let row = serde_json::json!({"edit": "crop-60", "found": {"count": 80, "of": 100, "value": 0.8, "low": 0.7, "high": 0.9}});
    let report = serde_json::json!({
        "format": 1, "version": "0.1.0", "setup": {"vault": "own", "records": 160, "invented": 840, "nights": 3}, "edits": [row],
    });
    place.write("eval/report.json", report.to_string());
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[case]\nevaluation = \"eval/report.json\"\n"));
    let ran = triage(&place, "leak", "case", &[]).expect(0);
    assert!(ran.stdout.starts_with("VERDICT  No sign that this leak is ours"), "{}", ran.stdout);
    assert!(ran.stdout.contains("What could hide"), "{}", ran.stdout);
    let summary = json(&place, "case/summary.json");
    assert_eq!(summary["verdict"]["statement"], "not_ours");
    let evaluation = summary["negative"]["evaluation"].as_str().unwrap();
    assert_eq!(
        evaluation,
        "this vault of 160 records among 840 invented ones that came over 3 rebuilds, by version 0.1.0 of the program"
    );
    let bound = summary["negative"]["edits"][0]["could_be_ours"].as_f64().unwrap();
    // Six images: 1 - 0.025^(1/6) is 0.459; by 0.7 it is 0.656.
    assert!((bound - 0.656).abs() < 0.001, "{bound}");
}

#[test]
fn colours_where_they_are_wanted() {
    let place = Place::small();
    place.write("leak/0.jpg", &corpus()[0].encoded);
    let run = |variable: &str| {
        let mut command = place.command();
        command.args(["triage", "leak"]).env_remove("NO_COLOR").env(variable, "1");
        Ran::from(command.output().unwrap()).expect(0).stdout
    };
    assert!(run("CLICOLOR_FORCE").contains('\x1b'));
    assert!(!run("NO_COLOR").contains('\x1b'));
}
