//! Power cuts and failing operations at every step.

use std::time::{Duration, SystemTime};

use saltprint_keys::AuditKey;

use super::*;
use crate::action::Action;
use crate::entry::Who;
use crate::finding::{Finding, Verification};
use crate::header::LogId;
use crate::query::QueryDigest;
use crate::read::read_header;
use crate::storage::fake::{Failure, Fake, Unsynced};
use crate::text::{Actor, ActorRole, ToolVersion};
use crate::walk::Walk;

fn key() -> AuditKey {
    AuditKey::from_secret(&[7; 32])
}

fn draft(action: Action, seconds: u64) -> Draft {
    let who = Who {
        actor: Actor::new("alice").unwrap(),
        role: ActorRole::new("searcher").unwrap(),
        tool: ToolVersion::new("0.1.0").unwrap(),
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    Draft::new(&who, action, now).query(QueryDigest::of(&seconds.to_le_bytes()))
}

fn header() -> Header {
    Header::new(LogId::from_bytes([9; 16]), key().id(), crate::Timestamp::from_millis(0))
}

fn begin_log(disk: &Fake) -> Result<Receipt, AuditError> {
    let header = header();
    begin(disk, &header, Ratchet::start(&key(), header.log), draft(Action::Init, 0))
}

fn append(disk: &Fake, actions: &[Action]) -> Result<Vec<Receipt>, AuditError> {
    let mut writer = Writer::open(disk, &draft(Action::Recovered, 1))?;
    let receipts = actions.iter().map(|&action| writer.add(draft(action, 2))).collect();
    writer.commit()?;
    Ok(receipts)
}

/// What a process does until something fails; returns the receipts that it was given.
fn story(disk: &Fake, keep_going: bool) -> Vec<Receipt> {
    let mut receipts: Vec<Receipt> = begin_log(disk).into_iter().collect();
    for actions in [&[Action::Lookup][..], &[Action::Triage], &[Action::Ref, Action::Erase, Action::Config]] {
        match append(disk, actions) {
            Ok(more) => receipts.extend(more),
            Err(_) if keep_going => {}
            Err(_) => break,
        }
    }
    receipts
}

fn lines(disk: &Fake) -> Vec<Vec<u8>> {
    let log = disk.content(Name::Log).unwrap();
    log.split(|&byte| byte == b'\n').skip(1).filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn verify(disk: &Fake, with_state: bool) -> (Verification, Option<State>) {
    let log = disk.content(Name::Log).unwrap();
    let mut source = log.as_slice();
    let header = read_header(&mut source, "log".as_ref()).unwrap();
    let state = with_state.then(|| read_state(disk).unwrap());
    let key = key();
    let mut walk = Walk::new(&header, Some(&key), state, Vec::new(), None);
    walk.run(source).unwrap();
    walk.finish()
}

/// The entries that stand whole on a disk, finished or not.
fn whole(disk: &Fake) -> Vec<Receipt> {
    let Some(log) = disk.content(Name::Log) else { return Vec::new() };
    let mut ratchet = Ratchet::start(&key(), header().log);
    let mut receipts = Vec::new();
    for line in log.split_inclusive(|&byte| byte == b'\n').skip(1) {
        let Some((line, (body, mac))) =
            line.strip_suffix(b"\n").and_then(|line| Some((line, entry::split(line)?)))
        else {
            break;
        };
        if ratchet.entry_mac(body) != mac {
            break;
        }
        receipts.push(Receipt { seq: receipts.len() as u64, hash: Hash::leaf(line) });
        ratchet.step();
    }
    receipts
}

/// The next process must be able to write, no whole entry and nothing that was acknowledged may be gone, and all must verify.
fn goes_on(disk: &Fake, receipts: &[Receipt], context: &str) {
    let whole = whole(disk);
    match append(disk, &[Action::Lookup]) {
        Ok(_) => {}
        Err(AuditError::Missing { .. }) => {
            assert!(receipts.is_empty(), "{context}: the log is gone");
            let _ = begin_log(disk).unwrap();
        }
        Err(AuditError::NoState { .. }) => {
            assert!(receipts.is_empty(), "{context}: the state is gone");
            let (verification, state) = verify(disk, false);
            assert!(verification.is_sound(), "{context}: {:?}", verification.findings);
            let draft = draft(Action::Recovered, 1);
            Writer::restored(disk, state.unwrap()).unwrap().settle(&draft).unwrap();
        }
        Err(error) => panic!("{context}: {error}"),
    }
    let (verification, _) = verify(disk, true);
    assert!(verification.is_sound(), "{context}: {:?}", verification.findings);
    let lines = lines(disk);
    for receipt in receipts.iter().chain(&whole) {
        let line = &lines[usize::try_from(receipt.seq()).unwrap()];
        assert_eq!(Hash::leaf(line), receipt.hash(), "{context}: entry {} changed", receipt.seq());
    }
}

fn operations() -> usize {
    let disk = Fake::default();
    assert_eq!(story(&disk, false).len(), 6);
    disk.operations()
}

#[test]
fn a_kill_at_every_step_loses_nothing() {
    for at in 0..operations() {
        for unsynced in Unsynced::ALL {
            for names_kept in [false, true] {
                let disk = Fake::default();
                disk.fail(at, Failure::Kill);
                let receipts = story(&disk, false);
                let context = format!("killed at {at}, {unsynced:?}, names kept: {names_kept}");
                goes_on(&disk.crash(unsynced, names_kept), &receipts, &context);
            }
        }
    }
}

#[test]
fn a_kill_during_repair_loses_nothing() {
    for at in 0..operations() {
        for unsynced in Unsynced::ALL {
            let disk = Fake::default();
            disk.fail(at, Failure::Kill);
            let mut receipts = story(&disk, false);
            if receipts.is_empty() {
                continue;
            }
            // Eight operations write an entry, and repair is one more.
            for again in 0..20 {
                let crashed = disk.crash(unsynced, false);
                crashed.fail(again, Failure::Kill);
                let written = append(&crashed, &[Action::Show]);
                let acknowledged = receipts.len();
                receipts.extend(whole(&disk.crash(unsynced, false)));
                receipts.extend(written.unwrap_or_default());
                for then in Unsynced::ALL {
                    let context = format!("killed at {at}, {unsynced:?}, and again at {again}, {then:?}");
                    goes_on(&crashed.crash(then, false), &receipts, &context);
                }
                receipts.truncate(acknowledged);
            }
        }
    }
}

#[test]
fn an_error_at_every_step_costs_that_entry_only() {
    for at in 0..operations() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
            let disk = Fake::default();
            disk.fail(at, Failure::Once(kind));
            let receipts = story(&disk, true);
            let context = format!("{kind:?} at {at}");
            if receipts.first().is_some_and(|receipt| receipt.seq() == 0) {
                // At most one of the four appends failed.
                assert!(receipts.len() >= 3, "{context}");
            }
            for unsynced in Unsynced::ALL {
                goes_on(&disk.crash(unsynced, false), &receipts, &format!("{context}, {unsynced:?}"));
            }
            goes_on(&disk, &receipts, &context);
        }
    }
}

#[test]
fn a_torn_entry_is_removed_and_told() {
    let disk = Fake::default();
    assert_eq!(story(&disk, false).len(), 6);
    let mut log = disk.content(Name::Log).unwrap();
    log.extend_from_slice(br#"{"seq":6,"time"#);
    disk.replace(Name::Log, &log);
    let (verification, _) = verify(&disk, true);
    assert_eq!(verification.findings, [Finding::Tail { bytes: 14, confirmed: true }]);
    assert!(!verification.is_tampered());
    assert!(verify(&disk, false).0.is_tampered());

    append(&disk, &[Action::Lookup]).unwrap();
    let told = Entry::parse(&lines(&disk)[6]).unwrap();
    assert_eq!((told.action, told.actor.as_str()), (Action::Recovered, "alice"));
    assert_eq!(told.recovered, Some(Recovered { adopted: 0, dropped: 14, restored: false }));
    assert!(verify(&disk, true).0.is_sound());
}

#[test]
fn whole_entries_that_the_state_does_not_know_are_kept_and_told() {
    let disk = Fake::default();
    assert_eq!(story(&disk, false).len(), 6);
    let state = disk.content(Name::State).unwrap();
    append(&disk, &[Action::Lookup, Action::Ref]).unwrap();
    let mut log = disk.content(Name::Log).unwrap();
    log.extend_from_slice(b"{}\n");
    disk.replace(Name::Log, &log);
    disk.replace(Name::State, &state);

    append(&disk, &[Action::Lookup]).unwrap();
    let entries: Vec<_> = lines(&disk).iter().map(|line| Entry::parse(line).unwrap()).collect();
    assert_eq!(entries.len(), 10);
    assert_eq!(entries[8].recovered, Some(Recovered { adopted: 2, dropped: 3, restored: false }));
    assert!(verify(&disk, true).0.is_sound());
}

#[test]
fn a_log_that_lost_entries_is_not_continued() {
    let disk = Fake::default();
    assert_eq!(story(&disk, false).len(), 6);
    let log = disk.content(Name::Log).unwrap();
    let whole = lines(&disk);
    let shorter = &log[..log.len() - whole[5].len() - 1];
    let mut changed = log.clone();
    let last = changed.len() - 20;
    changed[last] ^= 1;
    for content in [shorter, &changed, b""] {
        disk.replace(Name::Log, content);
        let error = append(&disk, &[Action::Lookup]).unwrap_err();
        assert!(matches!(error, AuditError::Tampered { .. }), "{error}");
        assert_eq!(disk.content(Name::Log).as_deref(), Some(content), "nothing was written");
    }
}

#[test]
fn no_file_keeps_a_key_that_was_passed() {
    let disk = Fake::default();
    story(&disk, false);
    // A state that a crash left half-way is passed as well.
    let mut next = read_state(&disk).unwrap();
    next.advance(b"line", crate::Timestamp::from_millis(0));
    let left = disk.create(Name::NewState).unwrap();
    left.write_at(0, &next.encode()).unwrap();
    append(&disk, &[Action::Lookup]).unwrap();
    append(&disk, &[Action::Lookup]).unwrap();

    let mut ratchet = Ratchet::start(&key(), header().log);
    for seq in 0..8 {
        assert!(!disk.holds(ratchet.expose()), "key {seq} is still there");
        ratchet.step();
    }
    assert!(disk.holds(ratchet.expose()), "the next key is in the state file");
}

#[test]
fn a_clock_that_jumps_back_is_recorded() {
    let disk = Fake::default();
    let _ = begin_log(&disk).unwrap();
    for seconds in [100, 40, 40, 41] {
        let mut writer = Writer::open(&disk, &draft(Action::Recovered, 0)).unwrap();
        let _ = writer.add(draft(Action::Lookup, seconds));
        writer.commit().unwrap();
    }
    let back: Vec<_> = lines(&disk)
        .iter()
        .map(|line| Entry::parse(line).unwrap())
        .map(|it| (it.seq, it.clock_back_ms))
        .collect();
    assert_eq!(back, [(0, 0), (1, 0), (2, 60_000), (3, 0), (4, 0)]);
    let (verification, _) = verify(&disk, true);
    assert!(verification.is_sound());
    assert_eq!(verification.clock_jumps, 1);
}
