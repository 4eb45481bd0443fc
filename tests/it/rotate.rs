//! New keys in the place of old ones: both epochs answer for a while, and it may be cut short anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use saltprint::{NoProgress, Outcome, RebuildOptions, Saltprint};
use saltprint_index::{IndexDir, PreviousEpoch};
use saltprint_keys::{IndexKey, KeyAge, ProjectionKey};

use crate::place::{Place, corpus};

/// A record that leaves the vault before the new epoch is built, and one that stays. New keys are random, so both are records that
/// no other one comes near under any.
const GONE: usize = 3;
const STAYS: usize = 6;

/// A small vault that is built, from which a record has gone since; images of both records lie beside it.
fn place() -> Place {
    let place = Place::small();
    for (number, name) in [(GONE, "gone.jpg"), (STAYS, "stays.jpg")] {
        fs::copy(place.path("vault").join(&corpus()[number].record_id), place.path(name)).unwrap();
    }
    let gone = &corpus()[GONE].record_id;
    fs::remove_file(place.path("vault").join(gone)).unwrap();
    let list = fs::read_to_string(place.path("vault.csv")).unwrap();
    let kept: Vec<&str> = list.lines().filter(|line| !line.starts_with(&format!("{gone},"))).collect();
    place.write("vault.csv", kept.join("\n") + "\n");
    place
}

/// The same with new keys in use.
fn rotated() -> Place {
    let place = place();
    place.run(&["keys", "rotate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    place
}

fn configure(place: &Place, keys: &str) {
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    let vault = text.split("[keys]").next().unwrap();
    place.write("saltprint.toml", format!("{vault}[keys]\n{keys}\n"));
}

fn epoch(place: &Place) -> String {
    let status = place.run(&["status", "--json"]).expect(0).json().remove(0);
    status["epoch"].as_str().unwrap().to_owned()
}

/// The first match of a lookup: its ref and epoch; `None` where there is no match.
fn lookup(place: &Place, image: &str) -> Option<(String, String)> {
    let ran = place.run(&["lookup", "--json", image]);
    if ran.code == 10 {
        return None;
    }
    let report = ran.expect(0).json().remove(0);
    // Keys are random, and with some of them a stranger is possible: so few records allow only assumed thresholds.
    if report["outcome"] != "match" {
        return None;
    }
    let found = report["matches"][0].clone();
    Some((found["ref"].as_str().unwrap().to_owned(), found["epoch"].as_str().unwrap().to_owned()))
}

/// The key files that are there.
fn key_files(place: &Place) -> BTreeSet<String> {
    let entries = fs::read_dir(place.path("keys")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const FOUR: [&str; 4] = ["audit.key", "index.key", "projection.key", "ref.key"];
const SIX: [&str; 6] =
    ["audit.key", "index.key", "index.previous.key", "projection.key", "projection.previous.key", "ref.key"];

#[test]
fn the_story_of_a_rotation() {
    let place = place();
    let gone = place.run(&["ref", &corpus()[GONE].record_id]).expect(0).stdout.trim().to_owned();
    let stays = place.run(&["ref", &corpus()[STAYS].record_id]).expect(0).stdout.trim().to_owned();
    let old = epoch(&place);

    // Nothing changes until the rebuild.
    let ran = place.run(&["keys", "rotate"]).expect(0).says(&[
        "saltprint rebuild",
        "keys backup --age next",
        "30 days",
    ]);
    assert_eq!(ran.stdout.matches("next: ").count(), 2, "{}", ran.stdout);
    place.run(&["keys", "rotate"]).expect(1).says(&["a rotation is under way"]);
    let status = place.run(&["keys", "status"]).expect(0);
    assert!(
        status.stdout.contains("saltprint rebuild") && status.stdout.lines().count() == 7,
        "{}",
        status.stdout
    );
    assert_eq!(lookup(&place, "gone.jpg"), Some((gone.clone(), old.clone())));
    let backup = ["keys", "backup", "--age", "next", "--needed", "2", "--total", "3", "shares"];
    assert_eq!(place.run(&backup).expect(0).stdout.lines().count(), 6);

    let ran = place.run(&["rebuild"]).expect(0);
    assert!(ran.stdout.contains("The next keys are in use"), "{}", ran.stdout);
    assert!(ran.stdout.contains("The previous epoch answers until"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("catalog"), "{}", ran.stderr);
    assert_eq!(key_files(&place), names(&SIX));
    let new = epoch(&place);
    assert_ne!(old, new);

    // Refs are the same in both epochs.
    assert_eq!(lookup(&place, "gone.jpg"), Some((gone.clone(), old.clone())));
    assert_eq!(lookup(&place, "stays.jpg"), Some((stays.clone(), new.clone())));
    let words = place.run(&["lookup", "gone.jpg"]).expect(0).stdout;
    assert!(words.contains("found under the keys before, which answer until"), "{words}");
    let words = place.run(&["lookup", "stays.jpg"]).expect(0).stdout;
    assert!(!words.contains("keys before"), "{words}");
    let status = place.run(&["status", "--json"]).expect(0).json().remove(0);
    assert_eq!((&status["generation"], &status["previous"]["generation"]), (&2.into(), &1.into()));
    assert_eq!(
        (&status["previous"]["epoch"], &status["previous"]["answers"]),
        (&old.clone().into(), &true.into())
    );
    place.run(&["keys", "rotate"]).expect(1).says(&["the previous epoch answers until"]);
    place
        .run(&["keys", "shred", "--previous", "--yes"])
        .expect(1)
        .says(&["the previous epoch answers until"]);
    place.run(&["verify"]).expect(0);

    // Nights go by.
    assert!(place.run(&["rebuild"]).expect(0).stdout.contains("Nothing changed"));
    place.write("vault/new.jpg", &corpus()[100].encoded);
    let list = fs::read_to_string(place.path("vault.csv")).unwrap();
    place.write("vault.csv", list + "new,new.jpg,s,vendor-b,2020-01,card\n");
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(
        ran.stdout.contains("Generation 3 published") && ran.stdout.contains("1 added"),
        "{}",
        ran.stdout
    );
    assert_eq!(lookup(&place, "gone.jpg"), Some((gone, old)));
    assert_eq!(lookup(&place, "stays.jpg"), Some((stays.clone(), new.clone())));

    // The overlap ends.
    configure(&place, "overlap_days = 0");
    let ran = place.run(&["rebuild"]).expect(0).says(&["keys shred --previous"]);
    assert!(ran.stdout.contains("Generation 4 published"), "{}", ran.stdout);
    assert_eq!(lookup(&place, "gone.jpg"), None);
    assert_eq!(lookup(&place, "stays.jpg"), Some((stays.clone(), new.clone())));
    assert!(!place.path("index/MANIFEST.previous").exists());
    let profiles = fs::read_dir(place.path("index")).unwrap();
    let profiles =
        profiles.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|is| is == "salt"));
    assert_eq!(profiles.count(), 1);
    place.run(&["keys", "rotate"]).expect(1).says(&["keys shred --previous"]);
    place.run(&["keys", "shred", "--previous"]).expect(1).says(&["--yes"]);
    let ran = place.run(&["keys", "shred", "--previous", "--yes"]).expect(0);
    assert_eq!(ran.stdout.matches("destroyed").count(), 2);
    assert_eq!(key_files(&place), names(&FOUR));
    place.run(&["keys", "shred", "--previous", "--yes"]).expect(1).says(&["no previous keys"]);
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(ran.stdout.contains("Nothing changed") && !ran.stderr.contains("shred"), "{}", ran.stderr);

    // And the next one, without an overlap.
    place.run(&["keys", "rotate"]).expect(0).says(&["the index of before is removed"]);
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(ran.stdout.contains("Generation 5 published"), "{}", ran.stdout);
    let (found, last) = lookup(&place, "stays.jpg").unwrap();
    assert!(found == stays && last == epoch(&place) && last != new);
    place.run(&["keys", "shred", "--previous", "--yes"]).expect(0);
    place.run(&["rebuild", "--full"]).expect(0);
    assert_eq!(lookup(&place, "stays.jpg"), Some((stays, last)));
}

#[test]
fn a_case_states_both_epochs() {
    let place = rotated();
    fs::create_dir(place.path("leak")).unwrap();
    for name in ["gone.jpg", "stays.jpg"] {
        fs::copy(place.path(name), place.path("leak").join(name)).unwrap();
    }
    let case = ["triage", "leak", "--case", "case", "--case-id", "c", "--purpose", "p"];
    place.run(&case).expect(0);
    let read = |name: &str| fs::read_to_string(place.path("case").join(name)).unwrap();
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(&read(name)).unwrap();
    let (opening, summary, manifest) = (json("case.json"), json("summary.json"), json("manifest.json"));
    let before = &opening["previous"];
    assert_eq!((&before["generation"], before["root"].as_str().unwrap().len()), (&1.into(), 64));
    let facts = &summary["index"]["previous"];
    assert_eq!((&facts["root"], &facts["epoch"]), (&before["root"], &before["epoch"]));
    assert_eq!(manifest["index"]["previous"], *facts);
    // Chances add up over both, records that both hold count once.
    assert_eq!(summary["index"]["strong_chance"], 2e-6);
    assert_eq!(summary["attribution"]["indexed"], 24);
    assert_eq!(summary["totals"]["match"], 2);
    let items = read("items.csv");
    let epochs: BTreeSet<&str> = items.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    let told = [&opening["epoch"], &before["epoch"]].map(|epoch| epoch.as_str().unwrap());
    assert_eq!(epochs, told.into());
    let report = read("report.html");
    assert!(report.contains("Under the keys before") && report.contains("; under the keys before"));

    // The same case under other ground is not gone on with.
    fs::remove_file(place.path("case/manifest.json")).unwrap();
    place.run(&case).expect(0);
    fs::remove_file(place.path("case/manifest.json")).unwrap();
    fs::rename(place.path("keys/index.previous.key"), place.path("hidden")).unwrap();
    place.run(&case).expect(1).says(&["a previous epoch that was asked as well and does not answer now"]);
}

/// Takes a key's promotion back: the present one is next again, and the previous one present.
fn unpromote(place: &Place, role: &str) {
    let file = |age: &str| place.path(&format!("keys/{role}{age}.key"));
    fs::rename(file(""), file(".next")).unwrap();
    fs::rename(file(".previous"), file("")).unwrap();
}

#[test]
fn a_rotation_that_is_cut_short_after_it_was_published_is_finished_by_a_rebuild() {
    let original = place();
    let old_profile = fs::read(original.path("profile.salt")).unwrap();
    original.run(&["keys", "rotate"]).expect(0);
    original.run(&["rebuild"]).expect(0);
    let (gone, stays) = (lookup(&original, "gone.jpg").unwrap(), lookup(&original, "stays.jpg").unwrap());
    for state in ["published", "projection promoted", "index named twice"] {
        let place = original.copy();
        unpromote(&place, "index");
        match state {
            "published" => {
                unpromote(&place, "projection");
                place.write("profile.salt", &old_profile);
            }
            "index named twice" => {
                fs::hard_link(place.path("keys/index.key"), place.path("keys/index.previous.key")).unwrap();
            }
            _ => {}
        }
        // Readers find their keys wherever they are.
        assert_eq!(lookup(&place, "gone.jpg"), Some(gone.clone()), "{state}");
        assert_eq!(lookup(&place, "stays.jpg"), Some(stays.clone()), "{state}");
        place.run(&["verify"]).expect(0);
        place.run(&["keys", "rotate"]).expect(1).says(&["saltprint rebuild"]);
        if state == "index named twice" {
            place.run(&["keys", "shred", "--previous", "--yes", "--force"]).expect(1).says(&["under way"]);
        }
        let ran = place.run(&["rebuild"]).expect(0);
        assert!(ran.stdout.contains("Nothing changed"), "{state}: {}", ran.stdout);
        assert_eq!(key_files(&place), names(&SIX), "{state}");
        assert_eq!(lookup(&place, "gone.jpg"), Some(gone.clone()), "{state}");
        assert_eq!(lookup(&place, "stays.jpg"), Some(stays.clone()), "{state}");
        // Nothing needs the old keys but the epoch before.
        place.run(&["keys", "shred", "--previous", "--yes", "--force"]).expect(0);
        place.run(&["rebuild"]).expect(0).says(&["keys of the previous epoch are not here"]);
        assert_eq!(lookup(&place, "stays.jpg"), Some(stays.clone()), "{state}");
    }
}

#[test]
fn a_rotation_that_is_cut_short_before_it_was_published_changes_nothing() {
    let place = place();
    let old = epoch(&place);
    place.run(&["keys", "rotate"]).expect(0);
    let made = fs::read(place.path("keys/projection.next.key")).unwrap();

    // Before the second key.
    fs::remove_file(place.path("keys/index.next.key")).unwrap();
    assert_eq!(lookup(&place, "gone.jpg").unwrap().1, old);
    place.run(&["rebuild"]).expect(0).says(&["was cut short", "keys rotate"]);
    assert_eq!(epoch(&place), old);
    assert!(place.run(&["keys", "status"]).expect(0).stdout.contains("cut short"));
    place.run(&["keys", "rotate"]).expect(0);
    assert_eq!(fs::read(place.path("keys/projection.next.key")).unwrap(), made);

    // Just before the rename.
    fs::copy(place.path("index/MANIFEST"), place.path("index/MANIFEST.previous")).unwrap();
    assert_eq!(lookup(&place, "stays.jpg").unwrap().1, old);
    assert_eq!(place.run(&["status", "--json"]).expect(0).json()[0]["previous"], serde_json::Value::Null);
    assert!(place.run(&["rebuild"]).expect(0).stdout.contains("The next keys are in use"));
    assert_ne!(lookup(&place, "stays.jpg").unwrap().1, old);
}

#[test]
fn previous_keys_that_are_missing_are_said() {
    let place = rotated();
    let stays = lookup(&place, "stays.jpg");
    for role in ["projection", "index"] {
        fs::remove_file(place.path(&format!("keys/{role}.previous.key"))).unwrap();
        place.run(&["lookup", "gone.jpg"]).expect(10).says(&["its keys are not here"]);
        assert_eq!(lookup(&place, "stays.jpg"), stays);
        assert!(place.run(&["status"]).expect(0).stdout.contains("but its keys are not here"));
        let status = place.run(&["status", "--json"]).expect(0).json().remove(0);
        assert_eq!(status["previous"]["answers"], false);
    }
    // What others may still ask is not removed.
    let files = || fs::read_dir(place.path("index")).unwrap().count();
    let before = files();
    place.run(&["rebuild"]).expect(0).says(&["none is removed"]);
    assert_eq!(files(), before);
}

#[test]
fn wrapped_keys_are_rotated_wrapped() {
    let place = place();
    let old = epoch(&place);
    place.write("passphrase", "correct horse battery staple\n");
    fs::set_permissions(place.path("passphrase"), fs::Permissions::from_mode(0o600)).unwrap();
    let cheap = ["--memory-mib", "64", "--passes", "3"];
    let wrap = [&["keys", "wrap", "--new-passphrase-file", "passphrase"], cheap.as_slice()].concat();
    place.run(&wrap).expect(0);
    place.run(&["keys", "rotate"]).expect(1).says(&["is wrapped with a passphrase"]);
    assert!(!place.path("keys/projection.next.key").exists());
    place.run(&["keys", "rotate", "--passphrase-file", "passphrase"]).expect(0);
    let status = place.run(&["keys", "status"]).expect(0).stdout;
    assert_eq!(status.matches("wrapped (64 MiB, 3 passes)").count(), 6, "{status}");

    configure(&place, "passphrase_file = \"passphrase\"");
    place.run(&["rebuild"]).expect(0);
    assert_eq!(lookup(&place, "gone.jpg").unwrap().1, old);
    assert_ne!(lookup(&place, "stays.jpg").unwrap().1, old);
    let status = place.run(&["keys", "status"]).expect(0).stdout;
    assert!(status.contains("`saltprint status` says until when"), "{status}");
}

#[test]
fn an_index_of_the_old_epoch_put_back_is_refused() {
    let place = rotated();
    fs::copy(place.path("index/MANIFEST.previous"), place.path("index/MANIFEST")).unwrap();
    place.run(&["lookup", "gone.jpg"]).expect(1).says(&["put back"]);
    place.run(&["rebuild"]).expect(1).says(&["put back", "rebuild --full"]);
    place.run(&["rebuild", "--full"]).expect(0);
    assert_eq!(lookup(&place, "gone.jpg"), None);
    assert!(lookup(&place, "stays.jpg").is_some());
}

#[test]
fn an_older_generation_of_the_epoch_before_put_in_its_place_is_refused() {
    let place = place();
    let older: Vec<_> =
        fs::read_dir(place.path("index")).unwrap().map(|entry| entry.unwrap().path()).collect();
    fs::create_dir(place.path("kept")).unwrap();
    for file in &older {
        fs::copy(file, place.path("kept").join(file.file_name().unwrap())).unwrap();
    }
    // The record that is gone leaves the old epoch before the keys change.
    place.run(&["rebuild"]).expect(0);
    place.run(&["keys", "rotate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    assert_eq!(lookup(&place, "gone.jpg"), None);

    let last = fs::read(place.path("index/MANIFEST.previous")).unwrap();
    for file in older.iter().filter(|file| !file.exists()) {
        fs::copy(place.path("kept").join(file.file_name().unwrap()), file).unwrap();
    }
    fs::copy(place.path("kept/MANIFEST"), place.path("index/MANIFEST.previous")).unwrap();
    place.run(&["lookup", "gone.jpg"]).expect(1).says(&["not the last one of the previous epoch"]);
    place.run(&["rebuild"]).expect(0).says(&["the previous epoch cannot be opened"]);
    fs::write(place.path("index/MANIFEST.previous"), last).unwrap();
    assert_eq!(lookup(&place, "gone.jpg"), None);
}

#[test]
fn a_reader_goes_over_to_new_keys_and_lets_go_of_an_epoch_whose_time_is_over() {
    let place = place();
    let config = place.config();
    let saltprint = Saltprint::open(&config).unwrap();
    let outcome = |name: &str| saltprint.lookup(name, &fs::read(place.path(name)).unwrap()).unwrap().outcome;
    saltprint::rotate(&config, std::time::UNIX_EPOCH).unwrap();
    let summary = saltprint::rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
    assert!(summary.rotated && summary.previous.is_some(), "{:?}", summary.previous);
    assert_eq!(saltprint.status().generation, 1);
    assert_eq!(outcome("gone.jpg"), Outcome::Match);

    assert!(saltprint.reload().unwrap());
    assert!(!saltprint.reload().unwrap());
    let status = saltprint.status();
    assert_eq!((status.generation, status.epoch), (2, summary.epoch));
    assert!(status.previous.is_some_and(|previous| previous.answers));
    assert_eq!((outcome("gone.jpg"), outcome("stays.jpg")), (Outcome::Match, Outcome::Match));

    // With keys from elsewhere.
    let load = |age: KeyAge| {
        let name = |role: &str| match age {
            KeyAge::Previous => place.path(&format!("keys/{role}.previous.key")),
            KeyAge::Next | KeyAge::Present => place.path(&format!("keys/{role}.key")),
        };
        (age, ProjectionKey::load(&name("projection")).unwrap(), IndexKey::load(&name("index")).unwrap())
    };
    let given =
        Saltprint::with_keys_of_ages(&config, [load(KeyAge::Present), load(KeyAge::Previous)]).unwrap();
    assert_eq!(given.status().previous, status.previous);
    let (_, projection, index) = load(KeyAge::Present);
    let given = Saltprint::with_keys(&config, projection, index).unwrap();
    assert!(given.status().previous.is_some_and(|previous| !previous.answers));

    // The same manifest as one that was published a month ago.
    let dir = IndexDir::new(&config.index);
    let (_, _, key) = load(KeyAge::Present);
    let manifest = dir.manifest(&key).unwrap().unwrap();
    let previous = manifest.previous.unwrap();
    let over = saltprint_index::Manifest {
        generation: manifest.generation + 1,
        previous: Some(PreviousEpoch { until: 1, ..previous }),
        ..manifest
    };
    dir.publish(&dir.lock().unwrap(), &key, &over).unwrap();
    assert!(saltprint.reload().unwrap());
    assert_eq!(saltprint.status().previous, None);
    assert_eq!((outcome("gone.jpg"), outcome("stays.jpg")), (Outcome::NoMatch, Outcome::Match));
    let summary = saltprint::rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
    assert!(summary.published && !summary.rotated && summary.previous.is_none());
    assert_eq!(summary.generation, 4);
    saltprint::shred_previous(&config, false).unwrap();
}

#[test]
fn keys_that_are_no_files_are_not_rotated_here() {
    let place = place();
    for (keys, named) in [("index = \"fd:0\"", "fd:0"), ("projection = \"credential\"", "credential")] {
        configure(&place, keys);
        place.run(&["keys", "rotate"]).expect(1).says(&[
            named,
            "saltprint keygen",
            "saltprint-index.next.key",
        ]);
    }
    assert_eq!(key_files(&place), names(&FOUR));
}

#[test]
fn a_rotation_is_written_down() {
    let place = place();
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", text + "[audit]\n");
    place.run(&["audit", "init"]).expect(0);
    place.run(&["keys", "rotate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    let entries = place.run(&["audit", "show", "--json"]).expect(0).json();
    let actions: Vec<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(&actions[..4], ["init", "rotate", "rebuild", "rotate"]);
}

/// Who may search needs no more than the keys of both epochs.
#[test]
fn searching_in_both_epochs_takes_no_key_of_another_role() {
    let place = rotated();
    let gone = lookup(&place, "gone.jpg");
    for role in ["ref", "audit"] {
        fs::remove_file(place.path(&format!("keys/{role}.key"))).unwrap();
    }
    assert_eq!(lookup(&place, "gone.jpg"), gone);
    place.run(&["triage", "gone.jpg"]).expect(0);
}
