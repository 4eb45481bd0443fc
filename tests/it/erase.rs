//! What was erased is found by no query from then on, is gone after the next rebuild, and stays gone.

use std::fs;

use saltprint::erase::{EraseTarget, erase};
use saltprint::{NoProgress, Outcome, RebuildOptions, Saltprint, rebuild};
use saltprint_keys::RefKey;
use saltprint_synth::CorpusItem;

use crate::case::containers::tool;
use crate::place::{Place, SMALL, corpus, with_comment};

/// The outcome of a lookup of a document under other bytes.
fn asked(place: &Place, item: &CorpusItem) -> String {
    place.write("asked.jpg", with_comment(&item.encoded, "leaked"));
    let found = place.run(&["lookup", "--json", "asked.jpg"]).json().remove(0);
    found["outcome"].as_str().unwrap().to_owned()
}

fn verified(place: &Place, arguments: &[&str], code: i32) -> serde_json::Value {
    place.run(&[&["erase", "--verify", "--json"], arguments].concat()).expect(code).json().remove(0)
}

#[test]
fn a_record_is_hidden_at_once_and_gone_after_the_next_rebuild() {
    let place = Place::small();
    let (item, other) = (&corpus()[3], &corpus()[4]);
    let id = item.record_id.as_str();
    assert_eq!(asked(&place, item), "match");
    let found = verified(&place, &[id], 10);
    assert_eq!((&found["erased"], &found["rows"]), (&0.into(), &1.into()));

    let said = place.run(&["erase", id, "--receipt", "receipt.json"]).expect(0);
    assert!(said.stdout.contains("1 row of it") && !said.stdout.contains(id), "{}", said.stdout);
    assert_eq!(asked(&place, item), "no_match");
    assert_eq!(asked(&place, other), "match");
    let found = verified(&place, &[id], 3);
    assert_eq!(
        (&found["erased"], &found["rows"], &found["in_catalog"]),
        (&1.into(), &1.into(), &true.into())
    );
    verified(&place, &["--receipt", "receipt.json"], 3);
    place.run(&["erase", id]).expect(1).says(&["erased already"]);

    // The document is still in the vault: it is passed over, now and later.
    for published in [true, false] {
        let summary = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
        assert_eq!(summary["published"], published);
        assert_eq!(summary["totals"]["erased"], 1);
        assert_eq!(summary["totals"]["inputs"], SMALL as u64 - 1);
        let found = verified(&place, &["--receipt", "receipt.json"], 0);
        assert_eq!(
            (&found["rows"], &found["other_rows"], &found["in_catalog"]),
            (&0.into(), &0.into(), &false.into())
        );
        assert_eq!(asked(&place, item), "no_match");
    }
    assert!(place.run(&["erase", "--verify", id]).expect(0).stdout.starts_with("Gone: "));
    place.run(&["rebuild", "--full"]).expect(0);
    assert_eq!(asked(&place, item), "no_match");
    assert_eq!(asked(&place, other), "match");

    // It was a mistake.
    place.run(&["erase", "--lift", id]).expect(0);
    place.run(&["erase", "--lift", id]).expect(1).says(&["none of it is erased"]);
    assert_eq!(asked(&place, item), "no_match");
    place.run(&["rebuild"]).expect(0);
    assert_eq!(asked(&place, item), "match");
}

#[test]
fn nothing_of_a_record_is_left_in_any_file_of_the_index_folder() {
    let place = Place::small();
    let id = &corpus()[3].record_id;
    let record_ref = RefKey::load_from_dir(&place.path("keys")).unwrap().record_ref(id);
    let in_clear = || {
        let files = fs::read_dir(place.path("index")).unwrap();
        let holds = |bytes: Vec<u8>| bytes.windows(16).any(|bytes| bytes == record_ref.as_bytes());
        files.filter(|file| holds(fs::read(file.as_ref().unwrap().path()).unwrap())).count()
    };
    // The catalog's rows stand under their refs; everything else is encrypted.
    assert_eq!(in_clear(), 1);
    place.run(&["erase", id]).expect(0);
    place.run(&["rebuild"]).expect(0);
    assert_eq!(in_clear(), 0);
}

#[test]
fn a_subject_goes_with_all_records_and_those_that_come_later() {
    let place = Place::small();
    let (item, later) = (&corpus()[5], &corpus()[SMALL]);
    place.run(&["erase", "--subject", &item.subject]).expect(0);
    // Others may look a little like it.
    assert_ne!(asked(&place, item), "match");
    // Another document of the same subject arrives.
    place.write(&format!("vault/{}", later.record_id), &later.encoded);
    let list = fs::read_to_string(place.path("vault.csv")).unwrap();
    let CorpusItem { record_id, source, captured, kind, .. } = later;
    place.write(
        "vault.csv",
        format!("{list}{record_id},{record_id},{},{source},{captured},{kind}\n", item.subject),
    );
    let summary = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert!(summary["totals"]["erased"].as_u64().unwrap() >= 2, "{summary}");
    assert_ne!(asked(&place, item), "match");
    assert_ne!(asked(&place, later), "match");
    let found = verified(&place, &["--subject", &item.subject], 0);
    assert_eq!((&found["asked"], &found["erased"]), (&1.into(), &1.into()));
}

#[test]
fn an_open_handle_and_a_held_generation_obey_at_once() {
    let place = Place::small();
    let config = place.config();
    let item = &corpus()[3];
    let leaked = with_comment(&item.encoded, "leaked");
    let old = Saltprint::open(&config).unwrap();
    // Generations pass, and this handle keeps its own.
    for revision in 0..3 {
        let touched = &corpus()[7];
        let bytes = with_comment(&touched.encoded, &format!("revision {revision}"));
        place.write(&format!("vault/{}", touched.record_id), bytes);
        rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
        assert_eq!(old.lookup("x", &leaked).unwrap().outcome, Outcome::Match);
    }
    let receipt = erase(&config, &[EraseTarget::Record(item.record_id.clone())]).unwrap();
    assert_eq!((receipt.rows, receipt.generation), (1, 4));
    assert_eq!(old.status().generation, 1);
    assert_eq!(old.lookup("x", &leaked).unwrap().outcome, Outcome::NoMatch);
    rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
    assert_eq!(old.lookup("x", &leaked).unwrap().outcome, Outcome::NoMatch);
    assert!(old.reload().unwrap());
    assert_eq!(old.lookup("x", &leaked).unwrap().outcome, Outcome::NoMatch);
}

#[test]
fn a_file_goes_with_its_parts_and_a_part_alone() {
    let place = Place::new();
    for (index, item) in corpus().iter().take(9).enumerate() {
        let folder = if index < 6 { "vault/app" } else { "in" };
        place.write(&format!("{folder}/{index:02}.jpg"), &item.encoded);
    }
    if !tool(&place, "zip", &["-qrj", "vault/batch.zip", "in"]) {
        return;
    }
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    assert_eq!(asked(&place, &corpus()[7]), "match");

    place.run(&["erase", "batch.zip/07.jpg"]).expect(0);
    assert_eq!(asked(&place, &corpus()[7]), "no_match");
    assert_eq!(asked(&place, &corpus()[8]), "match");
    for unread in [6, 8] {
        // The first time the archive is opened, so that the catalog forgets the part; then it is left alone again.
        let summary = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
        assert_eq!(summary["unread"], unread);
        assert_eq!(asked(&place, &corpus()[7]), "no_match");
    }
    verified(&place, &["batch.zip/07.jpg"], 0);

    let said = place.run(&["erase", "--json", "batch.zip"]).expect(0);
    let receipt: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&receipt["rows"], &receipt["parts_known"]), (&2.into(), &true.into()));
    assert_eq!(receipt["refs"].as_array().unwrap().len(), 3);
    assert_eq!(asked(&place, &corpus()[8]), "no_match");
    assert_eq!(asked(&place, &corpus()[2]), "match");
    place.run(&["rebuild"]).expect(0);
    verified(&place, &["batch.zip", "batch.zip/06.jpg"], 0);

    // A file is taken back with the parts that were erased with it; the erasure of the one alone stands.
    place.run(&["erase", "--lift", "batch.zip"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    assert_eq!(asked(&place, &corpus()[8]), "match");
    assert_eq!(asked(&place, &corpus()[7]), "no_match");
    place.run(&["erase", "--lift", "batch.zip/07.jpg"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    assert_eq!(asked(&place, &corpus()[7]), "match");
}

#[test]
fn the_epoch_before_forgets_as_well() {
    let place = Place::small();
    let item = &corpus()[3];
    place.write("asked.jpg", with_comment(&item.encoded, "leaked"));
    place.run(&["erase", &corpus()[4].record_id]).expect(0);
    place.run(&["keys", "rotate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    // The list is sealed anew with the keys, and goes on; the present epoch and the one before hold a row each.
    place.run(&["erase", &corpus()[4].record_id]).expect(1).says(&["erased already"]);
    let said = place.run(&["erase", "--json", &item.record_id]).expect(0);
    let receipt: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(receipt["rows"], 2);
    for gone in [false, true] {
        for erased in [3, 4] {
            let erased = &corpus()[erased];
            let printed = place.run(&["ref", &erased.record_id]).expect(0).stdout;
            let own = printed.split_whitespace().next().unwrap();
            place.write("asked.jpg", with_comment(&erased.encoded, "leaked"));
            let found = place.run(&["lookup", "--json", "asked.jpg"]).json().remove(0);
            // Under keys that are drawn anew in each run, another record of the template may be possible by chance.
            assert_ne!(found["outcome"], "match");
            let others = found["matches"].as_array().unwrap();
            assert!(others.iter().all(|other| other["ref"] != own), "{found}");
        }
        assert_eq!(asked(&place, &corpus()[6]), "match");
        let found = verified(&place, &[&item.record_id], if gone { 0 } else { 3 });
        assert_eq!(found["rows"], if gone { 0 } else { 2 }, "{found}");
        place.run(&["rebuild"]).expect(0);
    }
    let previous = &place.run(&["status", "--json"]).expect(0).json()[0]["previous"];
    assert_eq!((&previous["answers"], &previous["records"]), (&true.into(), &(SMALL as u64 - 2).into()));
    place.run(&["verify"]).expect(0);
}

#[test]
fn the_last_record_may_be_erased_but_an_empty_vault_is_still_refused() {
    let place = Place::new();
    place.fill(&corpus()[..1]);
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    place.run(&["erase", &corpus()[0].record_id]).expect(0);
    place.run(&["rebuild"]).expect(0);
    verified(&place, &[&corpus()[0].record_id], 0);
    assert_eq!(asked(&place, &corpus()[0]), "no_match");
}

#[test]
fn the_log_has_the_erasure_and_without_a_log_nothing_is_erased() {
    let place = Place::small();
    let id = corpus()[3].record_id.as_str();
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", config + "[audit]\n");
    place.run(&["erase", id]).expect(1).says(&["audit"]);
    verified(&place, &[id], 10);
    place.run(&["audit", "init"]).expect(0);
    let said = place.run(&["erase", "--json", id]).expect(0);
    let receipt: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let shown = place.run(&["audit", "show"]).expect(0).stdout;
    assert!(shown.contains("erase") && !shown.contains(id), "{shown}");
    assert_eq!(receipt["audit"]["sequence"], 1);
}

#[test]
fn an_older_index_or_a_shorter_list_is_refused() {
    let place = Place::small();
    let item = &corpus()[3];
    let before = place.copy();
    place.run(&["erase", &item.record_id]).expect(0);
    place.run(&["rebuild"]).expect(0);
    // The list alone is lost.
    let list = place.path("index/ERASURES");
    fs::rename(&list, place.path("kept")).unwrap();
    let refusals: [&[&str]; 4] =
        [&["lookup", "asked.jpg"], &["rebuild"], &["rebuild", "--full"], &["erase", "another"]];
    place.write("asked.jpg", &item.encoded);
    for arguments in refusals {
        place.run(arguments).expect(1).says(&["rolled back", "list of erasures"]);
    }
    fs::rename(place.path("kept"), &list).unwrap();
    place.run(&["verify"]).expect(0);

    // The whole folder is an older one, as after restoring a backup.
    fs::rename(place.path("index"), place.path("newer")).unwrap();
    fs::rename(before.path("index"), place.path("index")).unwrap();
    for arguments in refusals {
        place.run(arguments).expect(1).says(&["rolled back", "--accept-rollback"]);
    }
    let summary = place.run(&["rebuild", "--accept-rollback", "--json"]).expect(0).json().remove(0);
    // Numbers go on, so that nobody takes the older one for the newer.
    assert_eq!(summary["generation"], 3);
    assert_eq!(asked(&place, item), "match");
    fs::rename(place.path("index"), place.path("older")).unwrap();
    fs::rename(place.path("newer"), place.path("index")).unwrap();
    place.run(&["lookup", "asked.jpg"]).expect(1).says(&["generation 2 is older than 3"]);
}

#[test]
fn wrong_words_and_receipts_are_told() {
    let place = Place::small();
    place.run(&["erase"]).expect(2);
    place.run(&["erase", "--ref", "rec_1"]).expect(2).says(&["not a record ref"]);
    place.run(&["erase", "--receipt", "new.json"]).expect(1).says(&["name what to erase"]);
    let id = corpus()[3].record_id.as_str();
    place.write("there.json", "{}");
    place.run(&["erase", id, "--receipt", "there.json"]).expect(1).says(&["there.json"]);
    verified(&place, &[id], 10);
    place.run(&["erase", "--verify", "--receipt", "there.json"]).expect(1).says(&["not a receipt"]);
    place.run(&["erase", id, "--receipt", "receipt.json"]).expect(0);
    let receipt = fs::read_to_string(place.path("receipt.json")).unwrap();
    place.write("receipt.json", receipt.replace("\"rows\": 1", "\"rows\": 2"));
    place.run(&["erase", "--verify", "--receipt", "receipt.json"]).expect(1).says(&["was changed"]);
}
