//! Every command once, as a user meets it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use saltprint::{Outcome, RebuildOptions, Saltprint};
use saltprint_keys::RefKey;
use serde_json::Value;

use crate::place::{DOCUMENTS, Place, corpus};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keygen_writes_four_private_keys_once() {
    let place = Place::new();
    let ran = place.run(&["keygen", "fresh"]).expect(0);
    assert_eq!(ran.stdout.lines().count(), 4);
    assert_eq!(mode(&place.path("fresh")), 0o700);
    for role in ["projection", "index", "ref", "audit"] {
        assert_eq!(mode(&place.path(&format!("fresh/{role}.key"))), 0o600);
        assert!(ran.stdout.contains(role));
    }
    let before = fs::read(place.path("fresh/index.key")).unwrap();
    place.run(&["keygen", "fresh"]).expect(1).says(&["exists"]);
    assert_eq!(fs::read(place.path("fresh/index.key")).unwrap(), before);
}

#[test]
fn ref_prints_what_the_index_says() {
    let place = Place::built();
    let item = &corpus()[3];
    let path = place.path("vault").join(&item.record_id);
    let printed = place.run(&["ref", &item.record_id, "another"]).expect(0).stdout;
    let reports = place.run(&["lookup", "--json", path.to_str().unwrap()]).expect(0).json();
    let refs: Vec<&str> = printed.lines().collect();
    assert_eq!(refs.len(), 2);
    assert_eq!(reports[0]["matches"][0]["ref"], refs[0]);
    assert_ne!(refs[0], refs[1]);
}

/// Who is learned from plays no stranger. A vault that has shrunk to what its profile was learned from has none left, and one of its size learns nothing.
#[test]
fn calibration_leaves_enough_strangers() {
    const LEFT: usize = 50;
    let place = Place::built();
    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    let list = fs::read_to_string(place.path("vault.csv")).unwrap();
    let (header, records) = list.split_once('\n').unwrap();
    let is_learned_from =
        |line: &&str| refs.record_ref(line.split(',').next().unwrap()).as_bytes()[15] & 1 == 0;
    let (learned, left): (Vec<&str>, Vec<&str>) = records.lines().partition(is_learned_from);
    assert!(learned.len() >= 64 && left.len() > LEFT, "{} {}", learned.len(), left.len());
    let kept: Vec<&str> = std::iter::once(header).chain(learned).chain(left.into_iter().take(LEFT)).collect();
    place.write("vault.csv", kept.join("\n"));
    let warned = |rebuilt: &Value| rebuilt["warnings"].to_string().contains("details call nothing strong");
    let rebuilt = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!(rebuilt["totals"]["indexed"], kept.len() - 1);
    assert!(warned(&rebuilt), "{rebuilt}");
    let calibrated = place.run(&["calibrate", "--force"]).expect(0);
    assert!(calibrated.stdout.contains("too few to learn from and to measure strangers on"));
    let rebuilt = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert!(!warned(&rebuilt), "{rebuilt}");
    assert_eq!(place.run(&["status", "--json"]).expect(0).json()[0]["local_rule"]["basis"], "measured");
}

#[test]
fn calibrate_keeps_a_profile_unless_forced() {
    let place = Place::built();
    let before = fs::read(place.path("profile.salt")).unwrap();
    place.run(&["calibrate"]).expect(1).says(&["exists", "--force"]);
    assert_eq!(fs::read(place.path("profile.salt")).unwrap(), before);
    let summary = place.run(&["calibrate", "--force", "--json", "--seed", "2"]).expect(0).json().remove(0);
    assert_eq!(summary["records"], DOCUMENTS);
    assert_eq!(summary["builtin"], false);
    // The index that is in use does not notice; the next rebuild takes the new profile up.
    let path = place.path("vault").join(&corpus()[3].record_id);
    place.run(&["lookup", path.to_str().unwrap()]).expect(0);
    let rebuilt = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!(rebuilt["epoch"], summary["epoch"]);
    assert_eq!(rebuilt["added"], DOCUMENTS);
    place.run(&["lookup", path.to_str().unwrap()]).expect(0);
}

#[test]
fn a_small_vault_gets_the_builtin_profile_and_works() {
    let place = Place::new();
    place.fill(&corpus()[..6]);
    let ran = place.run(&["calibrate"]).expect(0);
    assert!(ran.stdout.contains("built-in"), "{}", ran.stdout);
    place.run(&["rebuild"]).expect(0).says(&["too few to measure"]);
    let path = place.path("vault").join(&corpus()[3].record_id);
    place.run(&["lookup", path.to_str().unwrap()]).expect(0);
}

#[test]
fn rebuild_reports_what_it_did_and_then_has_nothing_to_do() {
    let place = Place::new();
    place.fill(&corpus()[..8]);
    place.run(&["calibrate"]).expect(0);
    let first = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!(first["generation"], 1);
    assert_eq!(first["totals"]["indexed"], 8);
    assert_eq!((&first["added"], &first["unread"]), (&8.into(), &0.into()));
    let second = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!((&second["generation"], &second["published"]), (&1.into(), &false.into()));
    assert_eq!((&second["unchanged"], &second["unread"]), (&8.into(), &8.into()));
    for name in ["MANIFEST", "catalog.redb", "lock"] {
        assert_eq!(mode(&place.path("index").join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&place.path("index")), 0o700);
}

#[test]
fn status_and_verify_tell_about_the_index() {
    let place = Place::built();
    let status = place.run(&["status", "--json"]).expect(0).json().remove(0);
    assert_eq!(status["records"], DOCUMENTS);
    assert_eq!(status["builtin_profile"], false);
    assert!(place.run(&["status"]).expect(0).stdout.contains("calibrated on the vault"));
    let verified = place.run(&["verify"]).expect(0).stdout;
    let all = format!("Generation 1: every page of 1 segment with {DOCUMENTS} records is authentic");
    assert!(verified.starts_with(&all), "{verified}");
}

#[test]
fn lookup_exit_codes() {
    let place = Place::small();
    let ours = place.path("vault").join(&corpus()[3].record_id);
    let ours = ours.to_str().unwrap();
    let stranger = saltprint_synth::Document::new(saltprint_synth::Template::Selfie, 987_654);
    place.write("stranger.jpg", stranger.encode().unwrap());
    place.write("note.txt", "not an image");
    place.run(&["lookup", ours]).expect(0);
    place.run(&["lookup", "stranger.jpg"]).expect(10);
    place.run(&["lookup", "--quick", "stranger.jpg"]).expect(10).says(&["This was a quick look"]);
    place.run(&["lookup", ours, "stranger.jpg"]).expect(0);
    place.run(&["lookup", ours, "note.txt"]).expect(3);
    place.run(&["lookup"]).expect(2);
    let text = place.run(&["lookup", ours, "stranger.jpg"]).stdout;
    assert!(text.contains("strong") && text.contains("stranger.jpg: no match"), "{text}");
}

#[test]
fn evidence_is_for_those_who_are_allowed() {
    let place = Place::built();
    let ours = place.path("vault").join(&corpus()[3].record_id);
    let ours = ours.to_str().unwrap();
    place.run(&["lookup", "--evidence", ours]).expect(1).says(&["evidence = true"]);
    place.run(&["triage", "--evidence", "vault"]).expect(1).says(&["evidence = true"]);
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[matching]\nevidence = true\n"));
    let report = place.run(&["lookup", "--evidence", "--json", ours]).expect(0).json().remove(0);
    assert_eq!(report["matches"][0]["distance"], 0);
    // Allowed, but not asked for.
    let report = place.run(&["lookup", "--json", ours]).expect(0).json().remove(0);
    assert!(report["matches"][0].get("distance").is_none());
}

#[test]
fn triage_counts_each_image_once_and_adds_up() {
    let place = Place::small();
    for (index, item) in corpus().iter().take(12).enumerate() {
        place.write(&format!("leak/{index:02}.jpg"), &item.encoded);
    }
    place.write("leak/again.jpg", &corpus()[0].encoded);
    place.write("leak/note.txt", "not an image");
    let blank = image::GrayImage::from_pixel(300, 200, image::Luma([250]));
    blank.save(place.path("leak/blank.png")).unwrap();
    let ran = place.run(&["triage", "leak", "--json", "items.jsonl", "--summary", "summary.json"]).expect(3);
    assert!(ran.stdout.starts_with("VERDICT: these are ours"), "{}", ran.stdout);
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("summary.json")).unwrap()).unwrap();
    let totals = summary["totals"].as_object().unwrap();
    let sum: u64 =
        totals.iter().filter(|(name, _)| *name != "inputs").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(sum, totals["inputs"].as_u64().unwrap());
    assert_eq!((&totals["inputs"], &totals["match"]), (&15.into(), &12.into()));
    assert_eq!((&totals["duplicate"], &totals["unreadable"]), (&1.into(), &1.into()));
    assert_eq!(totals["too_plain"], 1);
    let hits: u64 =
        summary["hits"].as_array().unwrap().iter().map(|cell| cell["images"].as_u64().unwrap()).sum();
    assert_eq!(hits, 12);
    let items = fs::read_to_string(place.path("items.jsonl")).unwrap();
    assert_eq!(items.lines().count(), 15);
}

#[test]
fn the_eight_orientations_are_found_and_named() {
    let place = Place::built();
    let image = &corpus()[3].document.image;
    let turned = [
        ("upright", image.clone()),
        ("rot90", image::imageops::rotate90(image)),
        ("rot180", image::imageops::rotate180(image)),
        ("rot270", image::imageops::rotate270(image)),
        ("mirror", image::imageops::flip_horizontal(image)),
        ("mirror_rot90", image::imageops::rotate90(&image::imageops::flip_horizontal(image))),
        ("mirror_rot180", image::imageops::flip_vertical(image)),
        ("mirror_rot270", image::imageops::rotate270(&image::imageops::flip_horizontal(image))),
    ];
    for (name, image) in turned {
        image.save(place.path(&format!("{name}.png"))).unwrap();
        let report = place.run(&["lookup", "--json", &format!("{name}.png")]).expect(0).json().remove(0);
        assert_eq!(report["matches"][0]["orientation"], name);
    }
}

#[test]
fn a_reader_switches_generations_only_when_asked() {
    let place = Place::small();
    let saltprint = Saltprint::open(&place.config()).unwrap();
    let extra = saltprint_synth::Document::new(saltprint_synth::Template::Passport, 4_242).encode().unwrap();
    assert_eq!(saltprint.lookup("x", &extra).unwrap().outcome, Outcome::NoMatch);
    place.write("vault/extra.jpg", &extra);
    let manifest = fs::read_to_string(place.path("vault.csv")).unwrap();
    place.write("vault.csv", format!("{manifest}extra,extra.jpg,,,,\n"));
    let summary =
        saltprint::rebuild(&place.config(), RebuildOptions::default(), &saltprint::NoProgress).unwrap();
    assert_eq!((summary.generation, summary.added), (2, 1));
    assert_eq!(saltprint.lookup("x", &extra).unwrap().outcome, Outcome::NoMatch);
    assert!(saltprint.reload().unwrap());
    assert!(!saltprint.reload().unwrap());
    let report = saltprint.lookup("x", &extra).unwrap();
    assert_eq!(report.outcome, Outcome::Match);
    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    assert_eq!(report.matches[0].record_ref, refs.record_ref("extra"));
}

#[test]
fn one_handle_serves_many_threads() {
    fn shareable<T: Send + Sync>(value: T) -> T {
        value
    }
    let place = Place::small();
    let saltprint = shareable(Saltprint::open(&place.config()).unwrap());
    std::thread::scope(|scope| {
        for item in &corpus()[..4] {
            let saltprint = &saltprint;
            scope.spawn(move || {
                assert_eq!(saltprint.lookup("x", &item.encoded).unwrap().outcome, Outcome::Match);
            });
        }
    });
}

#[test]
fn the_demo_comes_to_a_verdict() {
    let place = Place::new();
    let ran = place.run(&["demo", "--dir", "demo", "--records", "150", "--items", "20"]).expect(0);
    assert!(ran.stdout.contains("VERDICT  This leak is partly ours"), "{}", ran.stdout);
    let strangers =
        ran.stdout.lines().find(|line| line.starts_with("strangers on the same templates")).unwrap();
    let numbers: Vec<&str> = strangers.split_whitespace().skip(5).collect();
    // images, matched, possible, wrong, no match, repeats
    assert_eq!(numbers.len(), 6);
    assert_eq!(numbers[3], "0", "a stranger was accused: {strangers}");
    // None may use a folder of somebody else.
    place.run(&["demo", "--dir", "keys"]).expect(1).says(&["not made by a demo"]);
    assert!(place.path("keys/index.key").exists());
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let place = Place::new();
    let help = place.run(&["--help"]).expect(0).stdout;
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    // A command's name stands two columns in, what goes on with its description farther.
    let named = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: Vec<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10 && commands.contains(&"triage"), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).expect(0).stdout;
        for command in &commands {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
    place.run(&["completions", "cmd"]).expect(2).says(&["bash"]);
    let pages = place.path("share/man1");
    place.run(&["man", pages.to_str().unwrap()]).expect(0);
    assert!(fs::read_to_string(pages.join("saltprint.1")).unwrap().contains("Exit codes"));
    for command in commands.iter().filter(|command| **command != "help") {
        let page = fs::read_to_string(pages.join(format!("saltprint-{command}.1"))).unwrap();
        assert!(page.starts_with(".ie") && page.contains(command), "{command}");
    }
    place.write("file", "");
    place
        .run(&["man", place.path("file").to_str().unwrap()])
        .expect(1)
        .says(&["could not create the folder"]);
}
