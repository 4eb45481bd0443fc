//! Damaged files of ours: segments, manifest, catalog, profiles.

use std::fs;
use std::path::PathBuf;

use crate::place::{Place, SMALL, corpus};

fn ours() -> String {
    format!("vault/{}", corpus()[3].record_id)
}

/// The only file of the index with this extension.
fn index_file(place: &Place, extension: &str) -> PathBuf {
    let mut found = fs::read_dir(place.path("index"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|has| has == extension));
    let path = found.next().unwrap();
    assert!(found.next().is_none());
    path
}

/// Everything works, with all records.
#[track_caller]
fn works(place: &Place) {
    place.run(&["verify"]).expect(0);
    place.run(&["lookup", &ours()]).expect(0);
    let status = place.run(&["status", "--json"]).expect(0).json().remove(0);
    assert_eq!(status["records"], SMALL);
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 0x20;
}

#[test]
fn a_damaged_segment_is_named_and_a_full_rebuild_repairs() {
    /// What is done to the bytes, and what the message says; where only a page is damaged, the index opens.
    type Damage = (&'static str, fn(&mut Vec<u8>), &'static [&'static str]);
    let damages: [Damage; 8] = [
        ("truncated", |bytes| bytes.truncate(bytes.len() - 1), &["truncated or extended"]),
        ("nearly nothing left", |bytes| bytes.truncate(10), &[]),
        ("extended", |bytes| bytes.push(0), &["truncated or extended"]),
        ("emptied", Vec::clear, &[]),
        ("another kind", |bytes| flip(bytes, 0), &["not a Saltprint segment"]),
        ("newer version", |bytes| bytes[8] += 1, &["version", "upgrade"]),
        ("header", |bytes| flip(bytes, 81), &[]),
        (
            "root",
            |bytes| {
                let last = bytes.len() - 1;
                flip(bytes, last);
            },
            &["does not authenticate"],
        ),
    ];
    let place = Place::small();
    let path = index_file(&place, "seg");
    let file = path.file_name().unwrap().to_str().unwrap();
    let good = fs::read(&path).unwrap();
    for (name, damage, words) in damages {
        let mut bytes = good.clone();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        for arguments in
            [&["lookup", &ours()][..], &["triage", "vault"], &["verify"], &["status"], &["rebuild"]]
        {
            let ran = place.run(arguments);
            assert!(ran.stdout.is_empty(), "{name}: {}", ran.stdout);
            ran.expect(1).says(words).says(&[file]);
        }
    }
    // Put back, it is as it was: nothing else was touched.
    fs::write(&path, &good).unwrap();
    works(&place);
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    place.run(&["rebuild", "--full"]).expect(0);
    works(&place);
    let path = index_file(&place, "seg");
    fs::remove_file(&path).unwrap();
    place
        .run(&["lookup", &ours()])
        .expect(1)
        .says(&[path.file_name().unwrap().to_str().unwrap(), "No such file"]);
    place.run(&["rebuild"]).expect(1);
    place.run(&["rebuild", "--full"]).expect(0);
    works(&place);
}

#[test]
fn a_damaged_page_gives_no_answer_and_a_full_rebuild_repairs() {
    let place = Place::small();
    let path = index_file(&place, "seg");
    let good = fs::read(&path).unwrap();
    let pages = (good.len() - 4_096 - 32) / (65_536 + 32);
    assert!(pages > 5);
    for page in 0..pages {
        let mut bytes = good.clone();
        flip(&mut bytes, 4_096 + page * 65_536 + 70);
        fs::write(&path, &bytes).unwrap();
        place.run(&["verify"]).expect(1).says(&["damaged", path.file_name().unwrap().to_str().unwrap()]);
        // A lookup that needs the page fails; one that does not need it may answer.
        let ran = place.run(&["lookup", &ours()]);
        assert!([0, 1].contains(&ran.code) && !ran.stderr.contains("panicked"), "{}", ran.stderr);
        if ran.code == 1 {
            ran.says(&["damaged", "rebuild"]);
        }
        place.run(&["rebuild"]).expect(1).says(&["damaged", "rebuild --full"]);
        fs::write(&path, &good).unwrap();
    }
    works(&place);
    let mut bytes = good;
    flip(&mut bytes, 4_096 + 70);
    fs::write(&path, &bytes).unwrap();
    place.run(&["rebuild", "--full"]).expect(0);
    works(&place);
}

#[test]
fn a_segment_of_another_generation_is_refused() {
    let place = Place::small();
    let path = index_file(&place, "seg");
    let other = Place::small();
    other.run(&["rebuild", "--full"]).expect(0);
    // Authentic under the same keys, but not what the manifest names.
    fs::copy(index_file(&other, "seg"), &path).unwrap();
    place.run(&["lookup", &ours()]).expect(1).says(&["not the one that the manifest names"]);
    place.run(&["rebuild", "--full"]).expect(0);
    works(&place);
}

#[test]
fn a_damaged_manifest_is_named_and_a_full_rebuild_repairs() {
    let place = Place::small();
    let path = place.path("index/MANIFEST");
    let good = fs::read(&path).unwrap();
    let older = {
        let mut bytes = good.clone();
        bytes[8] -= 1;
        bytes
    };
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        (
            "bit flip",
            {
                let mut bytes = good.clone();
                flip(&mut bytes, good.len() / 2);
                bytes
            },
            &["does not authenticate"],
        ),
        (
            "header flip",
            {
                let mut bytes = good.clone();
                flip(&mut bytes, 20);
                bytes
            },
            &["does not authenticate"],
        ),
        ("truncated", good[..good.len() - 1].to_vec(), &["truncated or extended"]),
        ("emptied", Vec::new(), &["MANIFEST"]),
        (
            "newer version",
            {
                let mut bytes = good.clone();
                bytes[8] += 1;
                bytes
            },
            &["format version is", "newer Saltprint"],
        ),
        (
            "older version",
            older.clone(),
            &["format version is", "earlier release", "saltprint rebuild --full"],
        ),
        (
            "another kind",
            b"%PDF-1.7 and so on, long enough to be something".to_vec(),
            &["another kind of file"],
        ),
    ];
    for (name, bytes, words) in cases {
        fs::write(&path, bytes).unwrap();
        for arguments in [&["lookup", &ours()][..], &["verify"], &["status"], &["rebuild"]] {
            let ran = place.run(arguments);
            assert_eq!(ran.code, 1, "{name}");
            ran.says(words).says(&["manifest", "index/MANIFEST"]);
        }
        // Put back, it is as it was: nothing was touched.
        fs::write(&path, &good).unwrap();
        works(&place);
    }
    for bytes in [b"damaged".to_vec(), older] {
        fs::write(&path, bytes).unwrap();
        place.run(&["rebuild", "--full"]).expect(0);
        works(&place);
    }
}

#[test]
fn a_damaged_catalog_is_begun_anew() {
    let place = Place::small();
    let path = place.path("index/catalog.redb");
    let good = fs::read(&path).unwrap();
    let step = good.len() / 12;
    let flips = (0..12).map(|n| {
        let mut bytes = good.clone();
        flip(&mut bytes, n * step + 77);
        bytes
    });
    let holes = (0..6).map(|n| {
        let mut bytes = good.clone();
        bytes[n * 2 * step..][..4_096].fill(0xa5);
        bytes
    });
    let cuts = [0, 100, good.len() / 2, good.len() - 1].map(|length| good[..length].to_vec());
    for bytes in flips.chain(holes).chain(cuts).chain([b"this is no database".to_vec()]) {
        fs::write(&path, bytes).unwrap();
        // Answers do not need it.
        place.run(&["lookup", &ours()]).expect(0);
        let ran = place.run(&["rebuild"]).expect(0).says(&["catalog was damaged"]);
        assert!(ran.stdout.contains("24 unchanged"), "{}", ran.stdout);
    }
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(!ran.stderr.contains("catalog"), "{}", ran.stderr);
    place.run(&["verify"]).expect(0);
    works(&place);
}

#[test]
fn a_profile_that_is_missing_damaged_or_of_another_key() {
    let place = Place::small();
    let path = place.path("profile.salt");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flip(&mut flipped, good.len() / 2);
    let other = Place::small();
    fs::remove_dir_all(other.path("keys")).unwrap();
    other.run(&["keygen", "keys"]).expect(0);
    other.run(&["calibrate", "--force"]).expect(0);
    let foreign = fs::read(other.path("profile.salt")).unwrap();
    for bytes in [flipped, foreign, good[..50].to_vec(), Vec::new()] {
        fs::write(&path, bytes).unwrap();
        place.run(&["rebuild"]).expect(1).says(&["cannot open the profile", "profile.salt"]);
        // The index has its own copy.
        works(&place);
    }
    fs::remove_file(&path).unwrap();
    place.run(&["rebuild"]).expect(1).says(&["no profile at", "saltprint calibrate"]);
    works(&place);
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    works(&place);
}

#[test]
fn the_profile_beside_the_index_is_checked_and_comes_back() {
    let place = Place::small();
    let path = index_file(&place, "salt");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flip(&mut flipped, good.len() / 2);
    fs::write(&path, flipped).unwrap();
    place.run(&["lookup", &ours()]).expect(1).says(&["profile", "index"]);
    place.run(&["rebuild"]).expect(0);
    works(&place);
    fs::remove_file(index_file(&place, "salt")).unwrap();
    place.run(&["lookup", &ours()]).expect(1).says(&["profile"]);
    place.run(&["rebuild"]).expect(0);
    works(&place);
}

#[test]
fn questions_write_nothing() {
    let place = Place::small();
    let seen = || {
        let mut files: Vec<_> = ["index", "keys", "."]
            .iter()
            .flat_map(|folder| fs::read_dir(place.path(folder)).unwrap())
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = seen();
    place.run(&["lookup", &ours()]).expect(0);
    place.run(&["triage", "vault"]).expect(0);
    place.run(&["status"]).expect(0);
    place.run(&["verify"]).expect(0);
    place.run(&["ref", "a"]).expect(0);
    assert_eq!(seen(), before);
}
