//! Leaks in archives and documents that other tools made.

use std::process::Command;

use super::{files, json, outcomes, triage};
use crate::place::{Place, corpus};

/// Runs a tool of others in the place; `false` where it is not installed.
pub(crate) fn tool(place: &Place, program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program).args(arguments).current_dir(place.path(".")).output();
    let Ok(output) = ran else {
        println!("skipped: no {program} here");
        return false;
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

fn three(place: &Place) {
    for (index, item) in corpus().iter().take(3).enumerate() {
        place.write(&format!("in/deep/{index}.jpg"), &item.encoded);
    }
    place.write("in/note.txt", "not an image");
}

#[test]
fn archives_of_other_tools() {
    let place = Place::built();
    three(&place);
    let made = [
        ("zip", vec!["-qr", "leak.zip", "in"], "leak.zip"),
        ("tar", vec!["-cf", "leak.tar", "in"], "leak.tar"),
        ("tar", vec!["-czf", "leak.tar.gz", "in"], "leak.tar.gz"),
        ("zstd", vec!["-q", "leak.tar", "-o", "leak.tar.zst"], "leak.tar.zst"),
        ("xz", vec!["-k", "leak.tar"], "leak.tar.xz"),
        ("7z", vec!["a", "-bso0", "-bsp0", "leak.7z", "in"], "leak.7z"),
    ];
    let mut tried = 0;
    for (program, arguments, leak) in made {
        if !tool(&place, program, &arguments) {
            continue;
        }
        tried += 1;
        let case = format!("case-{leak}");
        triage(&place, leak, &case, &[]).expect(3);
        let found = outcomes(&place, &case);
        for index in 0..3 {
            assert_eq!(found[&format!("{leak}/in/deep/{index}.jpg")], "match", "{leak}: {found:?}");
        }
        assert_eq!(found[&format!("{leak}/in/note.txt")], "unreadable not_an_image");
        assert_eq!(found.len(), 4);
        let summary = json(&place, &format!("{case}/summary.json"));
        assert_eq!((&summary["files"], &summary["totals"]["inputs"]), (&1.into(), &4.into()));
    }
    println!("{tried} kinds of archives tried");
}

#[cfg(not(feature = "heif"))]
#[test]
fn photos_of_phones_are_refused_by_name_and_never_passed_over() {
    let place = Place::small();
    three(&place);
    std::fs::create_dir_all(place.path("leak")).unwrap();
    let mut made = Vec::new();
    for (options, name, format) in [(vec![], "photo.heic", "HEIC"), (vec!["-A"], "photo.avif", "AVIF")] {
        let output = format!("leak/{name}");
        let arguments = [&options[..], &["in/deep/0.jpg", "-o", &output]].concat();
        // An encoder may be built without one of the two.
        let ran = Command::new("heif-enc").args(&arguments).current_dir(place.path(".")).output();
        if ran.is_ok_and(|ran| ran.status.success()) && place.path(&output).exists() {
            made.push((name, format));
        } else {
            println!("skipped: no heif-enc here that makes {format}");
        }
    }
    if made.is_empty() {
        return;
    }
    triage(&place, "leak", "case", &[]).expect(3);
    let found = outcomes(&place, "case");
    assert_eq!(found.len(), made.len());
    for (name, format) in made {
        assert_eq!(found[name], "refused unsupported_format");
        let said = place.run(&["lookup", &format!("leak/{name}")]).expect(3).stdout;
        assert!(said.contains(format) && said.contains("convert it to JPEG or PNG first"), "{said}");
    }
}

#[test]
fn an_archive_in_an_archive_in_a_folder() {
    let place = Place::built();
    three(&place);
    if !(tool(&place, "tar", &["-czf", "inner.tar.gz", "in"])
        && tool(&place, "zip", &["-q0", "outer.zip", "inner.tar.gz"]))
    {
        return;
    }
    place.write("leak/loose.jpg", &corpus()[0].encoded);
    std::fs::rename(place.path("outer.zip"), place.path("leak/outer.zip")).unwrap();
    triage(&place, "leak", "case", &[]).expect(3);
    let found = outcomes(&place, "case");
    // The same bytes came before, as a file of their own.
    assert_eq!(found["outer.zip/inner.tar.gz/in/deep/0.jpg"], "duplicate same_bytes");
    assert_eq!(found["outer.zip/inner.tar.gz/in/deep/1.jpg"], "match");
    assert_eq!(found.len(), 5);
}

#[test]
fn a_pdf_of_scans() {
    let place = Place::built();
    three(&place);
    // It puts the JPEGs into the document as they are, as scanners do.
    let arguments = ["in/deep/0.jpg", "in/deep/1.jpg", "-o", "leak.pdf"];
    if !tool(&place, "img2pdf", &arguments) {
        return;
    }
    triage(&place, "leak.pdf", "case", &[]).expect(0);
    let found = outcomes(&place, "case");
    for page in 1..=2 {
        assert_eq!(found[&format!("leak.pdf#page={page}")], "match", "{found:?}");
        // It fills its page, and is counted once.
        assert_eq!(found[&format!("leak.pdf#page={page}&image=1")], "duplicate same_picture", "{found:?}");
    }
    let lookup = place.run(&["lookup", "leak.pdf"]).expect(0).stdout;
    assert!(lookup.contains("leak.pdf#page=1: match"), "{lookup}");
}

/// Wherever a run is killed: within a page and its images, within an archive, between repetitions.
#[test]
fn a_case_of_containers_that_was_killed_gives_the_same_files() {
    let place = Place::built();
    three(&place);
    place.write("leak/0.jpg", &corpus()[1].encoded);
    place.write("leak/broken.jpg", "\u{ff}");
    if !(tool(&place, "img2pdf", &["in/deep/0.jpg", "in/deep/1.jpg", "-o", "leak/a.pdf"])
        && tool(&place, "zip", &["-qr", "leak/b.zip", "in", "leak/a.pdf", "leak/broken.jpg"]))
    {
        return;
    }
    let more = ["--thumbnails"];
    triage(&place, "leak", "whole", &more).expect(3);
    let whole = files(&place, "whole");
    let items = String::from_utf8(whole["items.jsonl"].clone()).unwrap();
    let lines: Vec<&str> = items.split_inclusive('\n').collect();
    assert!(lines.len() > 12, "{items}");
    for kept in (0..lines.len()).step_by(2) {
        let case = format!("case-{kept}");
        triage(&place, "leak", &case, &more).expect(3);
        std::fs::remove_file(place.path(&case).join("manifest.json")).unwrap();
        place.write(&format!("{case}/items.jsonl"), lines[..kept].concat());
        triage(&place, "leak", &case, &more).expect(3);
        let mut again = files(&place, &case);
        for name in ["items.jsonl", "items.csv", "summary.json", "evidence.csv", "case.json"] {
            assert!(again.remove(name).as_ref() == whole.get(name), "{name}, killed after {kept} items");
        }
        assert!(again.keys().all(|name| whole.contains_key(name)), "{:?}", again.keys());
    }
}

#[test]
fn a_tiff_of_several_pages() {
    let place = Place::built();
    three(&place);
    let arguments = ["in/deep/0.jpg", "in/deep/1.jpg", "-compress", "lzw", "leak.tif"];
    if !tool(&place, "convert", &arguments) {
        return;
    }
    triage(&place, "leak.tif", "case", &[]).expect(0);
    let found = outcomes(&place, "case");
    assert_eq!(found["leak.tif#page=1"], "match");
    assert_eq!(found["leak.tif#page=2"], "match");
    assert_eq!(found.len(), 2);
}

#[test]
fn what_is_encrypted_says_so() {
    let place = Place::built();
    three(&place);
    if tool(&place, "zip", &["-qr", "-P", "secret", "locked.zip", "in"]) {
        triage(&place, "locked.zip", "case", &[]).expect(3);
        let found = outcomes(&place, "case");
        assert_eq!(found["locked.zip/in/deep/0.jpg"], "refused encrypted", "{found:?}");
        let summary = json(&place, "case/summary.json");
        assert_eq!(summary["verdict"]["statement"], "nothing_compared");
    }
}
