//! The program is killed, or told of a full or failing disk, at each call by which it changes a file: nothing is lost, nothing
//! half-published, and no answer is wrong.
//!
//! The calls are those of the real program, counted and tampered with by `strace`, so that no layer of ours stands between the
//! test and the system; without `strace` the tests say so and pass. All calls of a command take too long for every day: some
//! are tried, spread over the run, and all of them with `SALTPRINT_FAULTS=all` (`make faults`).

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use saltprint::{Outcome, Saltprint};
use saltprint_keys::RefKey;

use crate::incremental::contents;
use crate::place::{Place, Ran, corpus, with_comment};

/// Calls that change files.
const CALLS: &str = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,fallocate,mkdir,mkdirat";

/// Documents of the vault: as few as show every kind of change.
const DOCUMENTS: usize = 5;

/// Faults that are tried on a usual day, for each command and kind of fault.
const SOME: usize = 6;

/// What happens at a call.
const FAULTS: [&str; 3] = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"];

fn traced(place: &Place, more: &[&str], arguments: &[&str]) -> Option<Ran> {
    let mut command = Command::new("strace");
    command.current_dir(place.path("")).args(["-o", "trace", "-e"]).arg(format!("trace={CALLS}"));
    command.args(more).arg(env!("CARGO_BIN_EXE_saltprint")).args(arguments);
    let output = command.output().ok()?;
    Some(Ran::from(output))
}

/// The calls of an undisturbed run in order, each with its number among those of its name, which is how `strace` counts;
/// `None` where nothing can be traced.
fn calls(place: &Place, arguments: &[&str]) -> Option<Vec<(String, usize)>> {
    let Some(ran) = traced(place, &[], arguments).filter(|ran| !ran.stderr.contains("strace: ")) else {
        println!("skipped: strace is not here, or may not trace");
        return None;
    };
    ran.expect(0);
    let mut counts = BTreeMap::<String, usize>::new();
    let trace = fs::read_to_string(place.path("trace")).unwrap();
    let names = trace.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name.to_owned());
    let numbered = names.map(|name| {
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        (name, *count)
    });
    Some(numbered.collect())
}

/// The calls to tamper with: all of them, or some, the first and the last among them.
fn chosen(calls: usize) -> Vec<usize> {
    if std::env::var("SALTPRINT_FAULTS").is_ok_and(|which| which == "all") {
        return (0..calls).collect();
    }
    let mut chosen: Vec<usize> = (0..SOME).map(|step| step * (calls - 1) / (SOME - 1)).collect();
    chosen.dedup();
    chosen
}

/// Runs a command in copies of a place, with each fault at each chosen call, and hands each copy to `check` with what is told
/// where it fails and whether the command said that it was done.
fn each_fault(place: &Place, arguments: &[&str], check: impl Fn(&Place, &str, bool)) {
    let Some(calls) = calls(&place.copy(), arguments) else { return };
    assert!(calls.len() > 5, "{calls:?}");
    for fault in FAULTS {
        for number in chosen(calls.len()) {
            let place = place.copy();
            let (name, count) = &calls[number];
            let inject = format!("inject={name}:{fault}:when={count}");
            let ran = traced(&place, &["-e", &inject], arguments).unwrap();
            assert!(!ran.stderr.contains("panicked"), "{inject}: {}", ran.stderr);
            check(
                &place,
                &format!("{fault} at {name} {count}, call {number} of {}", calls.len()),
                ran.code == 0,
            );
        }
    }
}

/// A vault with an index, whose documents then change in every way: one is new, one is gone, one is other, two stay.
fn changed() -> (Place, BTreeMap<String, String>, BTreeMap<String, String>) {
    let place = Place::new();
    place.fill(&corpus()[..DOCUMENTS - 1]);
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    let before = contents(&place.config());
    place.fill(&corpus()[1..DOCUMENTS]);
    let other = &corpus()[1];
    place.write(&format!("vault/{}", other.record_id), with_comment(&other.encoded, "changed"));
    let after = place.copy();
    after.run(&["rebuild"]).expect(0);
    let after = contents(&after.config());
    assert_ne!(before, after);
    (place, before, after)
}

#[test]
fn a_rebuild_publishes_the_old_or_the_new_and_the_next_one_needs_no_repair() {
    let (place, before, after) = changed();
    let stays = with_comment(&corpus()[2].encoded, "leaked");
    each_fault(&place, &["rebuild"], |place, fault, done| {
        let config = place.config();
        let present = contents(&config);
        assert!(present == before || present == after, "{fault}: neither the old nor the new");
        assert!(!done || present == after, "{fault}: said to be done, and is not");
        let saltprint = Saltprint::open(&config).unwrap();
        saltprint.verify().unwrap();
        assert_eq!(saltprint.lookup("x", &stays).unwrap().outcome, Outcome::Match, "{fault}");
        place.run(&["rebuild"]).expect(0);
        assert_eq!(contents(&config), after, "{fault}: the next rebuild");
        let leftovers = fs::read_dir(&config.index).unwrap();
        let names = leftovers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|name| name.contains(".tmp")).count(), 0, "{fault}");
    });
}

#[test]
fn a_first_rebuild_that_fails_leaves_nothing_or_all() {
    let place = Place::new();
    place.fill(&corpus()[..2]);
    place.run(&["calibrate"]).expect(0);
    each_fault(&place, &["rebuild"], |place, fault, done| {
        let answers = Saltprint::open(&place.config()).map(|saltprint| saltprint.status().records);
        assert!(!done || answers.is_ok(), "{fault}");
        assert!(answers.is_err() || answers.is_ok_and(|records| records == 2), "{fault}");
        place.run(&["rebuild"]).expect(0);
        assert_eq!(contents(&place.config()).len(), 2, "{fault}");
    });
}

#[test]
fn an_erasure_is_in_force_or_not_and_whoever_was_told_that_it_is_can_rely_on_it() {
    let place = Place::new();
    place.fill(&corpus()[..2]);
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    let item = &corpus()[0];
    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    let erased = refs.record_ref(&item.record_id).to_string();
    let leaked = with_comment(&item.encoded, "leaked");
    each_fault(&place, &["erase", &item.record_id, "--receipt", "receipt.json"], |place, fault, done| {
        let config = place.config();
        let names = |report: saltprint::ItemReport| {
            report.matches.iter().any(|found| found.record_ref.to_string() == erased)
        };
        let found = names(Saltprint::open(&config).unwrap().lookup("x", &leaked).unwrap());
        assert!(!done || !found, "{fault}: erased, and found");
        if !done {
            let again = place.run(&["erase", &item.record_id]);
            assert!(again.code == 0 || again.stderr.contains("erased already"), "{fault}: {}", again.stderr);
        }
        assert!(!names(Saltprint::open(&config).unwrap().lookup("x", &leaked).unwrap()), "{fault}");
        place.run(&["rebuild"]).expect(0);
        place.run(&["erase", "--verify", &item.record_id]).expect(0);
    });
}

#[test]
fn a_rotation_that_is_cut_short_is_completed_by_the_same_commands() {
    let place = Place::new();
    place.fill(&corpus()[..2]);
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    let leaked = with_comment(&corpus()[0].encoded, "leaked");
    let finds = |place: &Place, fault: &str| {
        let saltprint = Saltprint::open(&place.config()).unwrap();
        assert_eq!(saltprint.lookup("x", &leaked).unwrap().outcome, Outcome::Match, "{fault}");
        saltprint.status()
    };
    let epoch = |place: &Place| finds(place, "").epoch;
    let old = epoch(&place);
    let completed = |place: &Place, fault: &str| {
        place.run(&["rebuild"]).expect(0);
        assert_ne!(epoch(place), old, "{fault}");
        let status = finds(place, fault);
        assert!(status.previous.is_some_and(|previous| previous.epoch == old && previous.answers), "{fault}");
        let names = fs::read_dir(place.path("keys")).unwrap();
        let mut names: Vec<_> = names.map(|key| key.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert!(
            names.iter().all(|name| !name.contains("next") && !name.contains("tmp")),
            "{fault}: {names:?}"
        );
    };
    each_fault(&place, &["keys", "rotate"], |place, fault, done| {
        finds(place, fault);
        if !done {
            let again = place.run(&["keys", "rotate"]);
            let whole = again.stderr.contains("a rotation is under way");
            assert!(again.code == 0 || whole, "{fault}: {}", again.stderr);
        }
        completed(place, fault);
    });
    place.run(&["keys", "rotate"]).expect(0);
    each_fault(&place, &["rebuild"], |place, fault, _| {
        finds(place, fault);
        completed(place, fault);
    });
}

#[test]
fn interrupted_reads_change_nothing() {
    let (place, _, after) = changed();
    if calls(&place.copy(), &["rebuild"]).is_none() {
        return;
    }
    // Not the first ones, which are those of the loader.
    let inject = "inject=read,pread64:error=EINTR:when=15+3";
    traced(&place, &["-f", "-e", "trace=read,pread64", "-e", inject], &["rebuild"]).unwrap().expect(0);
    assert_eq!(contents(&place.config()), after);
}
