//! The audit log beside the commands.

use std::fs;

use crate::place::{Place, Ran, corpus};

/// A small built vault whose configuration keeps an audit log.
fn place(more: &str) -> Place {
    let place = Place::small();
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{config}[audit]\ndir = \"log\"\n{more}"));
    for index in 0..3 {
        place.write(&format!("leak/{index}.jpg"), &corpus()[index].encoded);
    }
    place
}

fn entries(place: &Place) -> Vec<serde_json::Value> {
    place.run(&["audit", "show", "--json"]).expect(0).json()
}

#[test]
fn what_is_asked_is_in_the_log_before_the_answer() {
    let place = place("");
    // No log, no answer.
    for command in [&["lookup", "leak/0.jpg"][..], &["triage", "leak"], &["ref", "x"], &["rebuild"]] {
        let ran = place.run(command).expect(1).says(&["audit init"]);
        assert_eq!(ran.stdout, "", "{command:?}");
    }
    place.run(&["audit", "init"]).expect(0);
    place.run(&["audit", "init"]).expect(1).says(&["log"]);
    // From here on the audit key is not needed.
    fs::rename(place.path("keys/audit.key"), place.path("offline.key")).unwrap();
    place.run(&["lookup", "leak/0.jpg", "--case-id", "2026-17", "--purpose", "mail of 3 May"]).expect(0);
    place.run(&["triage", "leak", "--json", "-"]).expect(0);
    place
        .run(&["triage", "leak", "--case", "case", "--case-id", "2026-18", "--purpose", "another"])
        .expect(0);
    place.run(&["ref", "some/record"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    let found = entries(&place);
    let actions: Vec<&str> = found.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["init", "lookup", "triage", "triage", "triage", "triage", "ref", "rebuild", "show"],
        "a triage is written down when it begins, and with its results when it ends"
    );
    assert_eq!((&found[1]["case"], &found[1]["purpose"]), (&"2026-17".into(), &"mail of 3 May".into()));
    assert!(found[1]["query"].is_string() && found[1]["generation"].is_object(), "{}", found[1]);
    assert!(found[4]["query"].is_string());
    assert_ne!(found[2]["query"], found[4]["query"], "a commitment does not tell that two are the same");
    let log = fs::read_to_string(place.path("log/log.jsonl")).unwrap();
    let hash = blake3_hex(&corpus()[0].encoded);
    for secret in ["0.jpg", "some/record", "rec_", hash.as_str()] {
        assert!(!log.contains(secret), "{secret}");
    }
    let words = place.run(&["audit", "show", "--last", "3"]).expect(0).stdout;
    assert_eq!(words.lines().count(), 3);
    assert!(words.contains("rebuild"), "{words}");

    // The auditor, with the key, and one who only has the file that was asked about.
    fs::rename(place.path("offline.key"), place.path("keys/audit.key")).unwrap();
    let verified = place.run(&["audit", "verify", "--asked", "leak/0.jpg"]).expect(0).stdout;
    assert!(
        verified.contains("entries that ask for this file: 1\n") && verified.contains("sound"),
        "{verified}"
    );
}

fn blake3_hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn tampering_is_found_against_key_state_and_checkpoint() {
    let place = place("");
    place.run(&["audit", "init"]).expect(0);
    for _ in 0..3 {
        place.run(&["lookup", "leak/1.jpg"]).expect(0);
    }
    let checkpoint = place.run(&["audit", "checkpoint"]).expect(0).stdout;
    place.write("witness", checkpoint);
    place.run(&["lookup", "leak/2.jpg"]).expect(0);
    let verify = |more: &[&str]| place.run(&[&["audit", "verify", "--checkpoint", "witness"], more].concat());
    verify(&[]).expect(0);
    verify(&["--without-key"]).expect(0);
    let path = place.path("log/log.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let told = |ran: Ran| assert!(ran.expect(1).stdout.contains("FOUND"), "nothing is named");
    // Cut off: the state file tells, and so does the witness where the state is gone too.
    fs::write(&path, lines[..3].concat()).unwrap();
    told(verify(&[]));
    told(verify(&["--without-key"]));
    // Changed, removed, swapped.
    let changed = whole.replacen("\"lookup\"", "\"triage\"", 1);
    let removed = [&lines[..2], &lines[3..]].concat().concat();
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    for bad in [changed, removed, swapped.concat()] {
        assert_ne!(bad, whole);
        fs::write(&path, bad).unwrap();
        told(verify(&[]));
    }
    // A log that is not as it was left answers nothing.
    fs::write(&path, lines[..3].concat()).unwrap();
    assert_eq!(place.run(&["lookup", "leak/1.jpg"]).expect(1).stdout, "");
    fs::write(&path, &whole).unwrap();
    verify(&[]).expect(0);
    place.run(&["lookup", "leak/1.jpg"]).expect(0);
}

#[test]
fn limits_hold_over_processes_and_a_case_may_be_required() {
    let place = place("require_case = true\nactor_hour = 3\n");
    place.run(&["audit", "init"]).expect(0);
    place.run(&["lookup", "leak/0.jpg"]).expect(1).says(&["--case-id", "require_case"]);
    let asked = ["--case-id", "7", "--purpose", "x"];
    let ask = |files: &[&str]| place.run(&[&["lookup"], files, &asked].concat());
    // Two of these three are let through, then one more, and the rest has to wait.
    ask(&["leak/0.jpg", "leak/1.jpg"]).expect(0);
    let ran = ask(&["leak/0.jpg", "leak/1.jpg"]).expect(1).says(&["refused", "try again in"]);
    assert!(ran.stdout.contains("match"), "the third is answered");
    let ran = ask(&["leak/2.jpg"]).expect(1).says(&["refused"]);
    assert_eq!(ran.stdout, "");
    let refused = entries(&place).iter().filter(|entry| entry["action"] == "refused").count();
    assert_eq!(refused, 2);
    place.run(&["audit", "verify"]).expect(0);
}
