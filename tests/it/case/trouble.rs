//! What can go wrong with a case, and that nothing is lost by it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use super::containers::tool;
use super::{files, json, leak, outcomes, triage};
use crate::place::{Place, Ran, corpus};

#[test]
fn folders_that_are_no_case_or_another_one() {
    let place = Place::built();
    leak(&place);
    let refused = |case: &str, more: &[&str], words: &[&str]| {
        triage(&place, "leak", case, more).expect(1).says(words);
    };
    place.write("mine/holiday.jpg", "mine");
    refused("mine", &[], &["holds files that are no case"]);
    refused("mine", &["--restart"], &["holds files that are no case"]);
    assert!(place.path("mine/holiday.jpg").exists());
    refused("leak/case", &[], &["in the leak"]);
    place
        .run(&["triage", "leak", "--case", "case", "--case-id", "a\nb", "--purpose", "x"])
        .expect(1)
        .says(&["case id"]);
    place.run(&["triage", "leak", "--case", "case"]).expect(2).says(&["--case-id"]);
    place.run(&["triage", "leak", "--thumbnails"]).expect(2).says(&["--case"]);

    triage(&place, "leak", "case", &[]).expect(3);
    refused("case", &[], &["finished", "--restart"]);
    let before = files(&place, "case");
    triage(&place, "leak", "case", &["--restart"]).expect(3);
    assert!(files(&place, "case")["items.jsonl"] == before["items.jsonl"]);

    // Unfinished, and not the same.
    let unfinish = || fs::remove_file(place.path("case/manifest.json")).unwrap();
    unfinish();
    refused("case", &["--thumbnails"], &["another choice of `--thumbnails`"]);
    refused("case", &["--quick"], &["another choice of `--quick`"]);
    place
        .run(&["triage", "leak", "--case", "case", "--case-id", "other", "--purpose", "a story"])
        .expect(1)
        .says(&["another case id"]);
    place.write("leak/new.jpg", &corpus()[20].encoded);
    refused("case", &[], &["leak that was another one"]);
    fs::remove_file(place.path("leak/new.jpg")).unwrap();
    fs::remove_file(place.path("vault").join(&corpus()[100].record_id)).unwrap();
    place.run(&["rebuild"]).expect(3);
    refused("case", &[], &["rebuilt since"]);
    triage(&place, "leak", "case", &["--restart"]).expect(3);
    unfinish();
    place.write("case/items.jsonl", "nonsense\n");
    refused("case", &[], &["line 1 is no item", "--restart"]);
}

#[test]
fn items_of_something_else_are_never_taken_over() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "case", &[]).expect(3);
    let items = fs::read_to_string(place.path("case/items.jsonl")).unwrap();
    // What `triage --json` wrote lies where a case is to begin.
    place.write("other/items.jsonl", &items);
    triage(&place, "leak", "other", &[]).expect(1).says(&["no case.json", "--restart"]);
    triage(&place, "leak", "other", &["--restart"]).expect(3);
    assert_eq!(fs::read_to_string(place.path("other/items.jsonl")).unwrap(), items);

    // A leak that gives something else than the journal names is not gone on with.
    fs::remove_file(place.path("case/manifest.json")).unwrap();
    let (first, rest) = items.split_once('\n').unwrap();
    place.write("case/items.jsonl", rest);
    triage(&place, "leak", "case", &[]).expect(1).says(&["item 1 of the case", "--restart"]);
    place.write("case/items.jsonl", format!("{items}{first}\n"));
    triage(&place, "leak", "case", &[]).expect(1).says(&["item 20 of the case", "--restart"]);
}

#[test]
fn a_finished_case_outlives_a_restart_that_cannot_begin() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "case", &[]).expect(3);
    let before = files(&place, "case");
    triage(&place, "laek", "case", &["--restart"]).expect(1).says(&["laek"]);
    assert!(files(&place, "case") == before);
    // Nothing is made in the leak, not even to find out that it must not be.
    triage(&place, "leak", "leak/new/case", &[]).expect(1).says(&["in the leak"]);
    assert!(!place.path("leak/new").exists());
}

#[test]
fn names_that_deceive_are_escaped_everywhere() {
    let place = Place::built();
    let names: [&[u8]; 5] =
        [b"a\nb.jpg", b"\x1b[2Jclear.jpg", b"bad\xff.jpg", "gpj.\u{202e}exe.jpg".as_bytes(), b"=1+1.jpg"];
    fs::create_dir(place.path("leak")).unwrap();
    for (name, item) in names.iter().zip(corpus()) {
        fs::write(place.path("leak").join(OsStr::from_bytes(name)), &item.encoded).unwrap();
    }
    fs::write(place.path("leak").join(OsStr::from_bytes(b"<script>alert(1)<\\script>\xfe")), "no image")
        .unwrap();
    let ran = triage(&place, "leak", "case", &[]).expect(3);
    let found = outcomes(&place, "case");
    for name in ["a\\u{a}b.jpg", "\\u{1b}[2Jclear.jpg", "bad\\xff.jpg", "gpj.\\u{202e}exe.jpg", "=1+1.jpg"] {
        assert_eq!(found[name], "match", "{name}");
    }
    for (name, bytes) in files(&place, "case") {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(['\x1b', '\u{202e}', '\u{fffd}']), "{name}");
        assert!(name != "report.html" || !text.contains("<script>alert"), "{name}");
    }
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
    let table = fs::read_to_string(place.path("case/items.csv")).unwrap();
    assert!(table.contains("\n'=1+1.jpg,match"), "{table}");
}

/// A file system that takes no more: the limit on the size of files stands for it.
#[test]
fn a_full_disk_loses_nothing() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "whole", &[]).expect(3);
    let program = env!("CARGO_BIN_EXE_saltprint");
    for blocks in [1, 2, 4, 16] {
        let case = format!("case-{blocks}");
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {program} triage leak --case {case} --case-id 2026-117 --purpose 'a story'"
        );
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(place.path("."));
        Ran::from(command.output().unwrap()).expect(1).says(&["cannot write", &case]);
        assert!(!place.path(&case).join("manifest.json").exists());
        // With room again the same command goes on.
        triage(&place, "leak", &case, &[]).expect(3);
        assert!(files(&place, &case)["summary.json"] == files(&place, "whole")["summary.json"]);
    }
}

#[test]
fn a_leak_that_changes_is_told() {
    let place = Place::built();
    leak(&place);
    triage(&place, "leak", "case", &[]).expect(3);
    let whole = files(&place, "case");
    // As if the files had changed between the hashing and the reading: the evidence is older than they are.
    let saltprint = saltprint::Saltprint::open(&place.config()).unwrap();
    let options = saltprint::case::CaseOptions {
        case_id: "2026-118".to_owned(),
        purpose: "a story".to_owned(),
        ..saltprint::case::CaseOptions::default()
    };
    let mut case = saltprint::case::Case::open(
        &saltprint,
        &place.path("leak"),
        &place.path("second"),
        &options,
        &saltprint::NoProgress,
    )
    .unwrap();
    place.write("leak/03.jpg", &corpus()[4].encoded);
    fs::remove_file(place.path("leak/05.jpg")).unwrap();
    place.write("leak/late.jpg", &corpus()[50].encoded);
    let summary = case.run(&saltprint::NoProgress, &mut |_| ()).unwrap();
    let of = |name: &str| {
        let item = case.items().iter().find(|item| item.input == name).unwrap();
        item.reason.as_ref().map(|reason| reason.code.to_string())
    };
    assert_eq!(of("03.jpg").as_deref(), Some("changed_while_read"));
    assert_eq!(of("05.jpg").as_deref(), Some("not_found"));
    assert_eq!(summary.files, 19, "what came late is no evidence");
    assert_eq!(summary.totals.inputs, 19);
    assert_eq!(String::from_utf8_lossy(&whole["items.jsonl"]).lines().count(), 19);
    // A second process has to wait for its turn.
    triage(&place, "leak", "second", &[]).expect(1).says(&["another process"]);
}

/// Size and time as they were: only the bytes tell.
#[test]
fn an_archive_that_is_replaced_after_the_evidence_is_not_looked_up() {
    let place = Place::built();
    for (name, item) in ["one.jpg", "two.jpg"].iter().zip(corpus()) {
        place.write(name, &item.encoded);
    }
    let archive =
        |of: &str| tool(&place, "tar", &["-cf", "new.tar", "--mtime=@0", "--transform=s/.*/x.jpg/", of]);
    if !archive("one.jpg") {
        return;
    }
    let pad = |bytes: &mut Vec<u8>| bytes.resize(4 << 20, 0);
    let (mut one, mut two) = (fs::read(place.path("new.tar")).unwrap(), Vec::new());
    assert!(archive("two.jpg"));
    two.extend(fs::read(place.path("new.tar")).unwrap());
    pad(&mut one);
    pad(&mut two);
    place.write("leak.tar", &one);
    let path = place.path("leak.tar");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let saltprint = saltprint::Saltprint::open(&place.config()).unwrap();
    let options = saltprint::case::CaseOptions {
        case_id: "2026-120".to_owned(),
        purpose: "a story".to_owned(),
        ..saltprint::case::CaseOptions::default()
    };
    let case = place.path("case");
    let mut case =
        saltprint::case::Case::open(&saltprint, &path, &case, &options, &saltprint::NoProgress).unwrap();
    place.write("leak.tar", &two);
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    case.run(&saltprint::NoProgress, &mut |_| ()).unwrap();
    let found: Vec<_> = case
        .items()
        .iter()
        .map(|item| (item.input.as_str(), item.reason.as_ref().map(|r| &*r.code)))
        .collect();
    assert_eq!(found, [("leak.tar", Some("changed_while_read"))]);
}

#[test]
fn an_index_that_is_rebuilt_meanwhile_changes_nothing() {
    let place = Place::built();
    leak(&place);
    let saltprint = saltprint::Saltprint::open(&place.config()).unwrap();
    let options = saltprint::case::CaseOptions {
        case_id: "2026-119".to_owned(),
        purpose: "a story".to_owned(),
        ..saltprint::case::CaseOptions::default()
    };
    let leak = place.path("leak");
    let mut case =
        saltprint::case::Case::open(&saltprint, &leak, &place.path("case"), &options, &saltprint::NoProgress)
            .unwrap();
    let ours = &corpus()[3].record_id;
    let manifest = fs::read_to_string(place.path("vault.csv")).unwrap();
    let rows: Vec<&str> = manifest.lines().filter(|line| !line.starts_with(ours)).collect();
    place.write("vault.csv", rows.join("\n") + "\n");
    place.run(&["rebuild"]).expect(0);
    saltprint.reload().unwrap();
    let summary = case.run(&saltprint::NoProgress, &mut |_| ()).unwrap();
    assert_eq!((summary.index.generation, summary.index.records), (1, 160));
    assert_eq!(summary.totals.matches, 13);
    case.finish(&summary, &[], std::time::UNIX_EPOCH).unwrap();
    assert_eq!(json(&place, "case/manifest.json")["index"]["generation"], 1);
}
