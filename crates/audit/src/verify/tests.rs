//! Hostile logs: every change is found and named, and none ends in a panic.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use saltprint_keys::system_random;

use super::*;
use crate::finding::MOST_FINDINGS;
use crate::{Action, Actor, ActorRole, AuditLog, Draft, Results, ToolVersion, Who};

const ENTRIES: usize = 12;
const CHECKPOINT: u64 = 8;

fn key() -> AuditKey {
    AuditKey::from_secret(&[7; 32])
}

fn who() -> Who {
    Who {
        actor: Actor::new("alice").unwrap(),
        role: ActorRole::new("searcher").unwrap(),
        tool: ToolVersion::new("0.1.0").unwrap(),
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn lookup(number: u64) -> Draft {
    let query = QueryDigest::of(&(number % 5).to_le_bytes());
    Draft::new(&who(), Action::Lookup, at(number)).query(query).results(Results::of(number, 0, 1))
}

/// A log of 12 entries; number 8 is the checkpoint over those before.
struct Sample {
    log: Vec<u8>,
    state: Vec<u8>,
    checkpoint: Checkpoint,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = AuditLog::init(&dir, &key(), &who(), at(0), &mut system_random).unwrap();
    let _ = log.append_all((1..CHECKPOINT).map(lookup).collect()).unwrap();
    let checkpoint = log.checkpoint(&who(), at(CHECKPOINT)).unwrap();
    let _ = log.append_all((CHECKPOINT + 1..ENTRIES as u64).map(lookup).collect()).unwrap();
    let read = |name: Name| std::fs::read(dir.join(name.file())).unwrap();
    Sample { log: read(Name::Log), state: read(Name::State), checkpoint }
});

/// The lines with their line feeds; the first is the header.
fn sample_lines() -> Vec<Vec<u8>> {
    SAMPLE.log.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Key,
    State,
    Checkpoint,
    CheckpointAlone,
}

/// `None` where not even the first line can be read, which is as good as a finding.
fn check(log: &[u8], with: With) -> Option<Verification> {
    let mut source = log;
    let header = read_header(&mut source, "log".as_ref()).ok()?;
    let (key, state) = (key(), State::decode(&SAMPLE.state).unwrap());
    let key = (with != With::CheckpointAlone).then_some(&key);
    if key.is_some_and(|key| key.id() != header.key) {
        return None;
    }
    let state = (with == With::State).then_some(state);
    let checkpoints = match with {
        With::Checkpoint | With::CheckpointAlone => vec![SAMPLE.checkpoint.clone()],
        With::Key | With::State => Vec::new(),
    };
    let mut walk = Walk::new(&header, key, state, checkpoints, None);
    walk.run(source).unwrap();
    Some(walk.finish().0)
}

fn findings(lines: &[Vec<u8>], with: With) -> Vec<Finding> {
    check(&lines.concat(), with).unwrap().findings
}

fn is_found(log: &[u8], with: With) -> bool {
    check(log, with).is_none_or(|verification| !verification.is_sound())
}

#[test]
fn the_sample_is_sound_whatever_it_is_checked_against() {
    for with in [With::Key, With::State, With::Checkpoint, With::CheckpointAlone] {
        let verification = check(&SAMPLE.log, with).unwrap();
        assert_eq!(verification.findings, []);
        assert_eq!(verification.entries, ENTRIES as u64);
    }
}

#[test]
fn every_changed_byte_is_found() {
    for at in 0..SAMPLE.log.len() {
        for (flip, with) in [(0x01, With::Key), (0x20, With::State)] {
            let mut log = SAMPLE.log.clone();
            log[at] ^= flip;
            assert!(is_found(&log, with), "byte {at} ^ {flip}");
        }
    }
}

/// A witness sees every change in what its checkpoint covers.
#[test]
fn every_changed_byte_under_a_checkpoint_is_found_without_a_key() {
    let covered: usize =
        sample_lines().iter().take(1 + usize::try_from(CHECKPOINT).unwrap()).map(Vec::len).sum();
    for at in 0..covered {
        let mut log = SAMPLE.log.clone();
        log[at] ^= 1;
        assert!(is_found(&log, With::CheckpointAlone), "byte {at}");
    }
}

#[test]
fn every_cut_is_found_against_the_state() {
    for length in 0..SAMPLE.log.len() {
        assert!(is_found(&SAMPLE.log[..length], With::State), "cut to {length}");
    }
    let (mut lines, entries) = (sample_lines(), ENTRIES as u64);
    lines.pop();
    let truncated = Finding::Truncated { entries: entries - 1, expected: entries };
    assert_eq!(findings(&lines, With::State), [truncated]);
    assert_eq!(findings(&lines, With::Key), [], "the key alone cannot tell");
}

#[test]
fn every_cut_into_a_checkpoint_is_found_against_it() {
    let lines = sample_lines();
    for kept in 1..=ENTRIES {
        let entries = kept as u64 - 1;
        let expected = if entries < CHECKPOINT {
            vec![Finding::Truncated { entries, expected: CHECKPOINT }]
        } else {
            Vec::new()
        };
        assert_eq!(findings(&lines[..kept], With::Checkpoint), expected);
        assert_eq!(findings(&lines[..kept], With::CheckpointAlone), expected);
    }
}

#[test]
fn an_edit_is_named() {
    for seq in 0..ENTRIES {
        let mut lines = sample_lines();
        let text = String::from_utf8(lines[seq + 1].clone()).unwrap();
        lines[seq + 1] = text.replace("alice", "mallory").into_bytes();
        let seq = seq as u64;
        assert_eq!(findings(&lines, With::Key), [Finding::Altered { first: seq, last: seq }]);
    }
}

#[test]
fn a_deletion_is_named() {
    for first in 0..ENTRIES {
        for last in first..ENTRIES {
            let mut lines = sample_lines();
            lines.drain(first + 1..=last + 1);
            let found = findings(&lines, With::State);
            let (first, last, entries) = (first as u64, last as u64, ENTRIES as u64);
            let expected = if last + 1 == entries {
                Finding::Truncated { entries: first, expected: entries }
            } else {
                Finding::Missing { first, last }
            };
            assert_eq!(found.first(), Some(&expected));
        }
    }
}

#[test]
fn an_insertion_is_named() {
    let forged = |seq: usize| {
        let text = String::from_utf8(sample_lines()[seq + 1].clone()).unwrap();
        text.replace("alice", "mallory").into_bytes()
    };
    for seq in 0..ENTRIES {
        for count in 1..4 {
            let mut lines = sample_lines();
            let after = lines.split_off(seq + 1);
            lines.extend(std::iter::repeat_n(forged(seq), count).chain(after));
            let inserted = Finding::Inserted { lines: count as u64, before: seq as u64 };
            let expected = [inserted];
            assert_eq!(findings(&lines, With::State), expected);
            lines[seq + 1] = b"whatever\n".to_vec();
            assert_eq!(findings(&lines, With::State), expected);
        }
    }
}

#[test]
fn an_exchange_is_named() {
    for first in 0..ENTRIES {
        for second in first + 1..ENTRIES {
            let mut lines = sample_lines();
            lines.swap(first + 1, second + 1);
            let found = findings(&lines, With::State);
            let (first, second, line) = (first as u64, second as u64, second as u64 + 2);
            assert_eq!(found[0], Finding::Missing { first, last: second - 1 });
            assert!(found.contains(&Finding::OutOfPlace { seq: first, line }), "{found:?}");
        }
    }
}

#[test]
fn a_repetition_is_named() {
    for seq in 0..ENTRIES {
        for place in seq + 1..=ENTRIES {
            let mut lines = sample_lines();
            lines.insert(place + 1, lines[seq + 1].clone());
            let again = Finding::OutOfPlace { seq: seq as u64, line: place as u64 + 2 };
            let expected = [again];
            assert_eq!(findings(&lines, With::State), expected);
            assert_eq!(findings(&lines, With::Key), expected);
        }
    }
}

#[test]
fn edits_far_apart_are_all_named() {
    let mut lines = sample_lines();
    for seq in [2, 3, 7] {
        lines[seq + 1] = b"gone\n".to_vec();
    }
    lines.remove(11);
    let expected = [
        Finding::Altered { first: 2, last: 3 },
        Finding::Altered { first: 7, last: 7 },
        Finding::Missing { first: 10, last: 10 },
    ];
    assert_eq!(findings(&lines, With::Key), expected);
}

#[test]
fn a_changed_first_line_is_named() {
    let mut lines = sample_lines();
    let text = String::from_utf8(lines[0].clone()).unwrap();
    lines[0] = text.replace("1970-01-01", "1970-01-02").into_bytes();
    assert_eq!(findings(&lines, With::Key), [Finding::Unlinked { seq: 0 }]);
}

#[test]
fn a_last_line_that_is_changed_is_not_taken_for_a_crash() {
    let mut lines = sample_lines();
    lines[ENTRIES] = b"changed\n".to_vec();
    lines.push(sample_lines()[3].clone());
    let verification = check(&lines.concat(), With::State).unwrap();
    let last = ENTRIES as u64 - 1;
    assert!(verification.is_tampered());
    assert!(verification.findings.contains(&Finding::Altered { first: last, last }), "{verification:?}");
}

#[test]
fn findings_are_bounded() {
    let mut lines = sample_lines();
    for _ in 0..200 {
        lines.push(lines[3].clone());
    }
    let verification = check(&lines.concat(), With::Key).unwrap();
    assert_eq!((verification.findings.len(), verification.more), (MOST_FINDINGS, true));
}

/// Who steals the state can write on, but not past a checkpoint that was made after the theft; and who puts state and log of
/// an earlier day back is found by any later checkpoint.
#[test]
fn a_second_history_does_not_fit_the_checkpoint_of_the_first() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = AuditLog::init(&dir, &key(), &who(), at(0), &mut system_random).unwrap();
    let files = [Name::Log, Name::State].map(|name| dir.join(name.file()));
    let stolen = files.each_ref().map(|path| std::fs::read(path).unwrap());
    let _ = log.append(lookup(1)).unwrap();
    let checkpoint = log.checkpoint(&who(), at(2)).unwrap();

    for (path, content) in files.iter().zip(&stolen) {
        std::fs::write(path, content).unwrap();
    }
    let rolled_back = verify(&dir, &key(), Some(&checkpoint)).unwrap();
    assert_eq!(rolled_back.findings, [Finding::Truncated { entries: 1, expected: 2 }]);
    let _ = log.append(lookup(2)).unwrap();
    let _ = log.append(lookup(3)).unwrap();
    assert!(verify(&dir, &key(), None).unwrap().is_sound(), "the key alone cannot tell");
    let forked = verify(&dir, &key(), Some(&checkpoint)).unwrap();
    assert_eq!(forked.findings, [Finding::CheckpointDiffers { size: 2 }]);
    let witness = Verifier::new().checkpoint(&checkpoint).run(&dir).unwrap();
    assert_eq!(witness.findings, [Finding::CheckpointDiffers { size: 2 }]);
}

#[test]
fn foreign_keys_logs_and_checkpoints_are_named() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    let first = AuditLog::init(&a, &key(), &who(), at(0), &mut system_random).unwrap();
    AuditLog::init(&b, &key(), &who(), at(0), &mut system_random).unwrap();
    let checkpoint = first.checkpoint(&who(), at(1)).unwrap();
    assert_eq!(verify(&b, &key(), Some(&checkpoint)).unwrap().findings, [Finding::OtherLog]);

    let other = AuditKey::from_secret(&[8; 32]);
    assert!(matches!(verify(&a, &other, None), Err(AuditError::WrongKey { .. })));
    assert!(matches!(verify(place.path(), &other, None), Err(AuditError::Missing { .. })));

    let forged = checkpoint.to_string().replace("00:00:01", "00:00:02").parse().unwrap();
    assert_eq!(verify(&a, &key(), Some(&forged)).unwrap().findings, [Finding::CheckpointForged { size: 1 }]);

    // The state of another log.
    std::fs::copy(b.join(Name::State.file()), a.join(Name::State.file())).unwrap();
    assert_eq!(verify(&a, &key(), None).unwrap().findings, [Finding::StateDiffers { size: 1 }]);
}

#[test]
fn the_auditor_finds_who_asked_for_an_image() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = AuditLog::init(&dir, &key(), &who(), at(0), &mut system_random).unwrap();
    let _ = log.append_all((1..12).map(lookup).collect()).unwrap();
    let key = key();
    let found =
        Verifier::new().key(&key).looking_for(QueryDigest::of(&3_u64.to_le_bytes())).run(&dir).unwrap();
    assert_eq!(found.asked, [3, 8]);
    let log = std::fs::read(dir.join(Name::Log.file())).unwrap();
    assert_eq!(Verifier::new().key(&key).run_on(log.as_slice()).unwrap().entries, 12);
    assert!(Verifier::new().run_on(&b"{}"[..]).is_err());
    let found = Verifier::new().looking_for(QueryDigest::of(&3_u64.to_le_bytes())).run(&dir).unwrap();
    assert_eq!(found.asked, [] as [u64; 0], "nobody else does");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_log_panics(changes in prop::collection::vec((0..7_u8, any::<u16>(), any::<u16>(), any::<u8>()), 1..6)) {
        let mut log = SAMPLE.log.clone();
        for (kind, a, b, byte) in changes {
            let (a, b) = (usize::from(a) % (log.len() + 1), usize::from(b) % (log.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            match kind {
                0 => if let Some(at) = log.get_mut(a) { *at = byte },
                1 => drop(log.drain(a..b.min(a + 700))),
                2 => log.insert(a, byte),
                3 => { let piece = log[a..b.min(a + 700)].to_vec(); log.splice(b..b, piece); },
                4 => log.truncate(b.max(200)),
                5 => { log.splice(a..a, vec![byte; usize::from(byte) * 50]); },
                _ => log.insert(a, b'\n'),
            }
        }
        for with in [With::Key, With::State, With::Checkpoint, With::CheckpointAlone] {
            let found = is_found(&log, with);
            // Only a state tells of a cut between two entries.
            prop_assert!(found || log == SAMPLE.log || (with != With::State && SAMPLE.log.starts_with(&log))
                || with == With::CheckpointAlone);
        }
    }

    #[test]
    fn no_bytes_panic(log: Vec<u8>) {
        let _ = check(&log, With::State);
        let _ = check(&[&sample_lines()[0], log.as_slice()].concat(), With::State);
        let _ = check(&[&SAMPLE.log, log.as_slice()].concat(), With::State);
    }

    #[test]
    fn no_state_panics(changes in prop::collection::vec((0..2200_usize, any::<u8>()), 0..4), cut in 0..2300_usize) {
        let mut state = SAMPLE.state.clone();
        for (at, byte) in changes {
            state[at] = byte;
        }
        let _ = State::decode(&state);
        let _ = State::decode(&state[..cut.min(state.len())]);
    }
}
