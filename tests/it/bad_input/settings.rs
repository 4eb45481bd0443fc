//! Configuration, keys and arguments.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::place::{Place, corpus};

fn ours() -> String {
    format!("vault/{}", corpus()[3].record_id)
}

#[test]
fn wrong_usage_exits_with_2() {
    let place = Place::new();
    for arguments in [
        &["rebuilt"][..],
        &["rebuild", "--fulll"],
        &["lookup"],
        &["triage"],
        &["calibrate", "--sample", "many"],
        &["demo", "--records", "3"],
    ] {
        let ran = place.run(arguments).expect(2).says(&["--help"]);
        assert!(ran.stdout.is_empty());
    }
    let help = place.run(&["--help"]).expect(0).stdout;
    assert!(help.contains("Exit codes:"), "{help}");
}

#[test]
fn a_wrong_configuration_is_refused_with_its_reason() {
    let place = Place::small();
    let good = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    for (text, words) in [
        ("[vault]\nroot = \"vault\"\nmanifst = \"x\"\n", &["unknown field `manifst`", "line 3"][..]),
        ("[vault]\nroot = \"vault\"\n[matchng]\n", &["unknown field `matchng`"]),
        ("[vault]\n", &["missing field `root`"]),
        ("", &["missing field `vault`"]),
        ("[vault\n", &["saltprint.toml", "line 1"]),
        ("[vault]\nroot = 5\n", &["invalid type", "string"]),
        (
            "[vault]\nroot = \"vault\"\n[matching]\nstrong_chance = 0.5\n",
            &["matching.strong_chance", "from 1e-12 to 0.01"],
        ),
        ("[vault]\nroot = \"vault\"\n[matching]\npossible_chance = 1e-9\n", &["matching.possible_chance"]),
        ("[vault]\nroot = \"vault\"\n[matching]\nstrong_chance = nan\n", &["matching.strong_chance"]),
        (
            "[vault]\nroot = \"vault\"\n[rebuild]\nsegment_records = 0\n",
            &["rebuild.segment_records", "from 1,000"],
        ),
        ("[vault]\nroot = \"vault\"\n[rebuild]\ngraph_recall_floor = -1\n", &["rebuild.graph_recall_floor"]),
        ("[vault]\nroot = \"vault\"\n[limits]\nside = -1\n", &["side"]),
    ] {
        place.write("saltprint.toml", text);
        for command in ["rebuild", "status"] {
            place.run(&[command]).expect(1).says(words).says(&["configuration `saltprint.toml`"]);
        }
    }
    place.write("saltprint.toml", [0xff, 0xfe, 0x00]);
    place.run(&["status"]).expect(1).says(&["saltprint.toml", "UTF-8"]);
    fs::remove_file(place.path("saltprint.toml")).unwrap();
    place.run(&["status"]).expect(1).says(&["saltprint.toml", "cannot be read", "No such file"]);
    place.run(&["status", "--config", "vault"]).expect(1).says(&["vault", "cannot be read"]);
    place.write("saltprint.toml", good);
    place.run(&["lookup", &ours()]).expect(0);
}

#[test]
fn inputs_that_are_not_there() {
    let place = Place::small();
    place.run(&["triage", "nowhere"]).expect(1).says(&["cannot open the folder", "nowhere"]);
    let ran = place.run(&["triage", "vault.csv"]).expect(3).says(&["vault.csv: unreadable"]);
    assert!(ran.stdout.starts_with("VERDICT: nothing could be compared"), "{}", ran.stdout);
    place
        .run(&["triage", "vault", "--json", "no/such/folder.jsonl"])
        .expect(1)
        .says(&["cannot write", "folder.jsonl"]);
    let reports = place.run(&["lookup", "--json", "nowhere.jpg", "vault"]).expect(3).json();
    assert_eq!(reports[0]["reason"]["code"], "not_found");
    assert_eq!(reports[1]["reason"]["code"], "not_a_regular_file");
    let place = Place::new();
    place.run(&["rebuild"]).expect(1).says(&["no profile at", "saltprint calibrate"]);
    place.run(&["lookup", "x.jpg"]).expect(1).says(&["no index in", "saltprint rebuild"]);
    fs::remove_dir(place.path("vault")).unwrap();
    place.run(&["calibrate"]).expect(1).says(&["cannot open the folder"]);
    assert!(!place.path("profile.salt").exists());
}

#[test]
fn keys_that_are_missing_open_to_others_or_wrong() {
    let place = Place::small();
    let key = place.path("keys/index.key");
    let good = fs::read(&key).unwrap();
    let lookup = ours();
    let fails = |words: &[&str]| {
        for arguments in [&["lookup", &lookup][..], &["rebuild"], &["rebuild", "--full"], &["status"]] {
            place.run(arguments).expect(1).says(words).says(&["index.key"]);
        }
    };
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    fails(&["mode 0644", "chmod 600"]);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    fs::write(&key, &good[..good.len() - 1]).unwrap();
    fails(&["right; restore it"]);
    fs::write(&key, [&good[..], b"x"].concat()).unwrap();
    fails(&["right; restore it"]);
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    fs::write(&key, &flipped).unwrap();
    fails(&["damaged"]);
    fs::write(&key, "-----BEGIN SOMETHING ELSE-----").unwrap();
    fails(&["not a Saltprint key file"]);
    let mut newer = good.clone();
    newer[8] = 3;
    fs::write(&key, &newer).unwrap();
    fails(&["format version 3", "newer"]);
    fs::copy(place.path("keys/ref.key"), &key).unwrap();
    fails(&["holds the ref key where the index key is needed"]);

    fs::remove_file(&key).unwrap();
    fails(&["no key file at", "saltprint keygen"]);
    place.write("elsewhere.key", &good);
    symlink(place.path("elsewhere.key"), &key).unwrap();
    fails(&["symbolic link"]);

    fs::remove_file(&key).unwrap();
    place.write("keys/index.key", &good);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    place.run(&["lookup", &lookup]).expect(0);
}

#[test]
fn lookups_need_no_ref_key() {
    let place = Place::small();
    fs::remove_file(place.path("keys/ref.key")).unwrap();
    fs::remove_file(place.path("keys/audit.key")).unwrap();
    place.run(&["lookup", &ours()]).expect(0);
    place.run(&["status"]).expect(0);
    place.run(&["verify"]).expect(0);
    place.run(&["ref", "a"]).expect(1).says(&["ref.key"]);
    place.run(&["rebuild"]).expect(1).says(&["ref.key"]);
}

#[test]
fn other_keys_open_nothing_and_spoil_nothing() {
    let place = Place::small();
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    let files = |place: &Place| {
        let mut files: Vec<_> = fs::read_dir(place.path("index"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (fs::read(&path).unwrap(), path))
            .collect();
        files.sort();
        files
    };
    let before = files(&place);
    place.run(&["keygen", "other"]).expect(0);
    place.write("saltprint.toml", format!("{config}[keys]\ndir = \"other\"\n"));
    place.run(&["lookup", &ours()]).expect(1).says(&["manifest", "does not authenticate", "check the keys"]);
    place.run(&["verify"]).expect(1).says(&["does not authenticate"]);
    place.run(&["rebuild"]).expect(1).says(&["cannot open the profile", "projection key"]);
    place.run(&["rebuild", "--full"]).expect(1).says(&["cannot open the profile"]);

    // One wrong key at a time.
    for (role, words) in [("index", "does not authenticate"), ("projection", "profile")] {
        fs::remove_dir_all(place.path("mixed")).ok();
        fs::create_dir(place.path("mixed")).unwrap();
        for name in ["projection", "index", "ref", "audit"] {
            let from = if name == role { "other" } else { "keys" };
            fs::copy(place.path(&format!("{from}/{name}.key")), place.path(&format!("mixed/{name}.key")))
                .unwrap();
        }
        place.write("saltprint.toml", format!("{config}[keys]\ndir = \"mixed\"\n"));
        place.run(&["lookup", &ours()]).expect(1).says(&[words]);
        place.run(&["rebuild"]).expect(1).says(&[words]);
    }
    assert!(files(&place) == before, "the index was changed under wrong keys");
    place.write("saltprint.toml", config);
    place.run(&["lookup", &ours()]).expect(0);
}
