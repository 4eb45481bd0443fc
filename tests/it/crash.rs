//! A rebuild that is killed, refused or watched: there is always one whole generation, the old one or the new one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use saltprint::{NoProgress, Outcome, RebuildOptions, Saltprint};
use saltprint_index::{IndexDir, SegmentRecord};
use saltprint_keys::{IndexKey, RefKey};

use crate::incremental::{contents, records_of};
use crate::place::{Place, SMALL, corpus, with_comment};

/// How often a rebuild is killed, at moments spread over twice the time that it takes.
const KILLS: u32 = 15;

/// Writes revision `revision` of some documents; which ones changes with it. Each costs a decode where it is new.
fn change(place: &Place, revision: u32) {
    for item in corpus()[..SMALL].iter().skip(revision as usize % 3).step_by(3) {
        let path = format!("vault/{}", item.record_id);
        place.write(&path, with_comment(&item.encoded, &format!("revision {revision}")));
    }
}

/// What the index should hold of each record: the digest of its file.
fn digests(place: &Place) -> BTreeMap<String, String> {
    let config = place.config();
    let refs = RefKey::load_from_dir(&config.keys).unwrap();
    let key = IndexKey::load_from_dir(&config.keys).unwrap().digest_key();
    corpus()[..SMALL]
        .iter()
        .map(|item| {
            let bytes = fs::read(place.path("vault").join(&item.record_id)).unwrap();
            let digest = format!("{:02x?}", key.digest(&bytes).as_bytes());
            (refs.record_ref(&item.record_id).to_string(), digest)
        })
        .collect()
}

/// Asserts that the index holds exactly the files of one state.
fn holds(place: &Place, state: &BTreeMap<String, String>) -> bool {
    let contents = contents(&place.config());
    assert_eq!(contents.len(), state.len());
    state.iter().all(|(record, digest)| contents[record].contains(digest))
}

/// Files of the index folder that no generation needs.
fn leftovers(place: &Place) -> Vec<String> {
    let config = place.config();
    let key = IndexKey::load_from_dir(&config.keys).unwrap();
    let manifest = IndexDir::new(&config.index).manifest(&key).unwrap().unwrap();
    let mut needed: Vec<String> = manifest.segments.iter().map(|segment| segment.id.file_name()).collect();
    needed.push(format!("profile-{}.salt", manifest.epoch));
    needed.push(manifest.census.file_name());
    needed.extend(
        ["MANIFEST", "catalog.digest", "catalog.redb", "lock", "ERASURES", "erasures.lock"]
            .map(str::to_owned),
    );
    let entries = fs::read_dir(&config.index).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !needed.contains(name))
        .collect()
}

/// Starts a rebuild and kills it after `delay`; whether it had ended by itself.
fn kill_after(place: &Place, delay: Duration) -> bool {
    let mut command = place.command();
    let mut child = command.arg("rebuild").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap().success()
}

#[test]
fn a_killed_rebuild_leaves_the_old_generation_or_the_new_one() {
    let place = Place::small();
    change(&place, 0);
    let started = Instant::now();
    place.run(&["rebuild"]).expect(0);
    let whole = started.elapsed();

    let mut old = digests(&place);
    let (mut kept, mut published) = (0, 0);
    for kill in 1..=KILLS {
        change(&place, kill);
        let new = digests(&place);
        let ended = kill_after(&place, Duration::from_millis(5) + 2 * whole * (kill - 1) / (KILLS - 1));
        let verified = place.run(&["verify"]).expect(0);
        assert!(verified.stdout.contains("authentic"), "kill {kill}");
        if holds(&place, &new) {
            published += 1;
            old = new;
        } else {
            assert!(holds(&place, &old), "kill {kill}: half of the changes are in the index");
            assert!(!ended, "kill {kill}: a rebuild that ended by itself published nothing");
            kept += 1;
        }
    }
    // Not an assertion: it depends on the machine.
    println!(
        "killed {KILLS} times within {whole:?}: {kept} times the old generation, {published} times the new"
    );

    change(&place, KILLS + 1);
    place.run(&["rebuild"]).expect(0);
    assert!(holds(&place, &digests(&place)));
    assert_eq!(leftovers(&place), [""; 0]);
    place.run(&["verify"]).expect(0);
    place.run(&["lookup", &format!("vault/{}", corpus()[3].record_id)]).expect(0);
}

#[test]
fn a_killed_first_rebuild_leaves_nothing_or_everything() {
    let place = Place::new();
    place.fill(&corpus()[..SMALL]);
    place.run(&["calibrate"]).expect(0);
    for delay in [5, 40, 80, 120, 160] {
        if kill_after(&place, Duration::from_millis(delay)) {
            break;
        }
        let ran = place.run(&["verify"]);
        if ran.code != 0 {
            ran.expect(1).says(&["no index in", "saltprint rebuild"]);
        }
    }
    place.run(&["rebuild"]).expect(0);
    assert!(holds(&place, &digests(&place)));
    assert_eq!(leftovers(&place), [""; 0]);
}

/// Has a place put every new fingerprint down on disk.
fn with_checkpoints(place: &Place) {
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", config + "[rebuild]\ncheckpoint_records = 0\n");
}

/// Every record of the index in the order of refs, with all that it is found by.
fn records(place: &Place) -> Vec<SegmentRecord> {
    let mut records = records_of(&place.config());
    records.sort_unstable_by_key(|record| record.record_ref);
    records
}

fn assert_same(found: &[SegmentRecord], wanted: &[SegmentRecord]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!((found.record_ref, &found.facts), (wanted.record_ref, &wanted.facts));
        assert!(found.fingerprint == wanted.fingerprint, "a fingerprint differs");
    }
}

/// Files in which new fingerprints wait, and their bytes.
fn work_files(place: &Place) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(place.path("index")) else { return Vec::new() };
    entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".work"))
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .collect()
}

/// Bytes of several whole fingerprints: a kill may tear the last one.
const SEVERAL: u64 = 80_000;

/// Kills a rebuild once it has put fingerprints down; `false` where it was faster.
fn kill_at_work(place: &Place) -> bool {
    let before = work_files(place).len();
    let mut child =
        place.command().arg("rebuild").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        let files = work_files(place);
        if files.len() > before && files.iter().all(|bytes| *bytes > SEVERAL) {
            child.kill().unwrap();
            return !child.wait().unwrap().success();
        }
        sleep(Duration::from_micros(200));
    }
    false
}

#[test]
fn a_killed_rebuild_goes_on_from_what_it_fingerprinted() {
    let place = Place::small();
    let whole = records(&place);
    with_checkpoints(&place);
    // Through the disk or through memory: the same.
    place.run(&["rebuild", "--full"]).expect(0);
    assert_same(&records(&place), &whole);

    for round in 0..2 {
        fs::remove_dir_all(place.path("index")).unwrap();
        let killed = (0..20).any(|_| {
            let killed = kill_at_work(&place);
            if !killed {
                fs::remove_dir_all(place.path("index")).unwrap();
            }
            killed
        });
        assert!(killed, "round {round}: no rebuild was slow enough to be killed");
        // Killed again: what both left counts.
        if round == 1 {
            kill_at_work(&place);
        }
        let ran = place.run(&["rebuild"]).expect(0);
        let said = ran.stdout.lines().find(|line| line.contains("by a run that did not end"));
        if round == 0 {
            let count = said.and_then(|line| line.split_whitespace().next()).map(str::parse::<usize>);
            assert!(count.is_some_and(|count| count.is_ok_and(|count| count > 0)), "{}", ran.stdout);
        }
        assert_same(&records(&place), &whole);
        assert_eq!(leftovers(&place), [""; 0]);
        place.run(&["verify"]).expect(0);
    }
}

#[test]
fn what_a_killed_rebuild_fingerprinted_takes_the_facts_of_now() {
    let place = Place::small();
    with_checkpoints(&place);
    fs::remove_dir_all(place.path("index")).unwrap();
    while !kill_at_work(&place) {
        fs::remove_dir_all(place.path("index")).unwrap();
    }
    // Another source for all, and one file is not in the vault any more.
    let manifest = fs::read_to_string(place.path("vault.csv")).unwrap();
    let source = &corpus()[0].source;
    let gone = &corpus()[2].record_id;
    let lines = manifest.lines().filter(|line| !line.starts_with(gone.as_str()));
    let changed: String =
        lines.map(|line| line.replace(&format!(",{source},"), ",another source,") + "\n").collect();
    place.write("vault.csv", changed);
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(ran.stdout.contains("by a run that did not end"), "{}", ran.stdout);
    let resumed = records(&place);
    assert_eq!(resumed.len(), SMALL - 1);
    place.run(&["rebuild", "--full"]).expect(0);
    assert_same(&resumed, &records(&place));
    assert!(resumed.iter().any(|record| record.facts.source.as_deref() == Some("another source")));
}

#[test]
fn what_a_crash_left_behind_is_removed_and_never_used() {
    let place = Place::small();
    let segment = fs::read_dir(place.path("index"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .unwrap();
    let stray = "00112233445566778899aabbccddeeff.seg";
    fs::copy(&segment, place.path("index").join(stray)).unwrap();
    place.write("index/MANIFEST.tmp", "half a manifest");
    place.write("index/0f.seg.tmp", "half a segment");
    place.write("index/profile-00.salt", "the profile of another time");
    place.run(&["verify"]).expect(0);
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(ran.stdout.contains("Nothing changed"), "{}", ran.stdout);
    assert_eq!(leftovers(&place), [""; 0]);
    place.run(&["verify"]).expect(0);
}

#[test]
fn a_second_rebuild_is_refused_while_one_runs() {
    let place = Place::small();
    let dir = IndexDir::new(place.path("index"));
    let lock = dir.lock().unwrap();
    place.run(&["rebuild"]).expect(1).says(&["another rebuild is running", "index/lock"]);
    place.run(&["rebuild", "--full"]).expect(1).says(&["another rebuild is running"]);
    // Questions need no lock.
    place.run(&["lookup", &format!("vault/{}", corpus()[3].record_id)]).expect(0);
    place.run(&["status"]).expect(0);
    drop(lock);
    place.run(&["rebuild"]).expect(0);
}

#[test]
fn readers_keep_answering_while_rebuilds_come_and_go() {
    let place = Place::small();
    let saltprint = Saltprint::open(&place.config()).unwrap();
    let item = &corpus()[3];
    std::thread::scope(|scope| {
        let rebuilds = scope.spawn(|| {
            for revision in 1..4 {
                change(&place, revision);
                let mut options = RebuildOptions::default();
                options.full = revision == 3;
                saltprint::rebuild(&place.config(), options, &NoProgress).unwrap();
            }
        });
        while !rebuilds.is_finished() {
            assert_eq!(saltprint.lookup("x", &item.encoded).unwrap().outcome, Outcome::Match);
            // One that is opened in the middle finds a whole generation.
            Saltprint::open(&place.config()).unwrap().verify().unwrap();
        }
    });
    // The files of the first generation are gone from the folder and still answer.
    assert_eq!(saltprint.status().generation, 1);
    saltprint.verify().unwrap();
    assert_eq!(saltprint.lookup("x", &item.encoded).unwrap().outcome, Outcome::Match);
    assert!(saltprint.reload().unwrap());
    assert_eq!(saltprint.status().generation, 4);
    saltprint.verify().unwrap();
}
