//! Photos of phones, in the vault and in a leak, with feature `heif`.

use std::fs;
use std::process::Command;

use crate::case::containers::tool;
use crate::case::{outcomes, triage};
use crate::place::{Place, corpus};

/// Writes a document as HEIC or AVIF, by the end of its name; whether a tool here could.
fn photo(place: &Place, document: usize, name: &str) -> bool {
    let input = format!("in/{document}.jpg");
    place.write(&input, &corpus()[document].encoded);
    fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    let ran =
        Command::new("heif-enc").args([&input, "-q", "80", "-o", name]).current_dir(place.path(".")).output();
    let made = ran.is_ok_and(|ran| ran.status.success()) && place.path(name).exists();
    if !made {
        println!("skipped: no heif-enc here that makes {name}");
    }
    made
}

/// Whether workers here are closed in as well as these formats need.
fn closed_in(place: &Place) -> bool {
    let told = place.run(&["sandbox", "--json"]).expect(0).json().remove(0);
    let needed = |layer: &serde_json::Value| layer["active"] == true || layer["kind"] == "landlock";
    let closed = told["layers"].as_array().unwrap().iter().all(needed);
    if !closed {
        println!("skipped: no filter of system calls here");
    }
    closed
}

#[test]
fn photos_in_a_leak_are_found() {
    let place = Place::built();
    let photos: Vec<_> = [(0, "leak/0.heic"), (1, "leak/1.avif"), (2, "in/deep/2.heic")]
        .into_iter()
        .filter(|(document, name)| photo(&place, *document, name))
        .collect();
    if photos.len() < 3 || !closed_in(&place) || !tool(&place, "tar", &["-cf", "leak/batch.tar", "in/deep"]) {
        return;
    }
    let whole = fs::read(place.path("leak/0.heic")).unwrap();
    place.write("leak/cut.heic", &whole[..whole.len() / 2]);
    triage(&place, "leak", "case", &[]).expect(3);
    let found = outcomes(&place, "case");
    assert_eq!(found["0.heic"], "match", "{found:?}");
    assert_eq!(found["1.avif"], "match", "{found:?}");
    assert_eq!(found["batch.tar/in/deep/2.heic"], "match", "{found:?}");
    assert_eq!(found["cut.heic"], "unreadable truncated", "{found:?}");
    assert_eq!(found.len(), 4);
    let said = place.run(&["lookup", "--json", "leak/0.heic"]).expect(0).json().remove(0);
    assert_eq!(said["matches"][0]["copy"], "whole", "{said}");
}

#[test]
fn photos_in_a_vault_are_records() {
    let place = Place::new();
    for (index, item) in corpus().iter().enumerate().take(12).skip(1) {
        place.write(&format!("vault/app/{index:02}.jpg"), &item.encoded);
    }
    if !photo(&place, 0, "vault/phone/0.heic") || !closed_in(&place) {
        return;
    }
    place.run(&["calibrate"]).expect(0);
    let built = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!(built["totals"]["indexed"], 12, "{built}");
    let again = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!((&again["added"], &again["unread"]), (&0.into(), &12.into()), "{again}");
    let said = place.run(&["lookup", "--json", "in/0.jpg"]).json().remove(0);
    assert_eq!(said["matches"][0]["source"], "phone", "{said}");
}

#[test]
fn the_program_never_decodes_them_beside_its_keys() {
    let place = Place::small();
    if !photo(&place, 0, "leak/0.heic") {
        return;
    }
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{config}[decode]\nworker = \"off\"\n"));
    let said = place.run(&["lookup", "leak/0.heic"]).expect(3).stdout;
    assert!(said.contains("HEIC") && said.contains("decoded only by workers"), "{said}");
}
