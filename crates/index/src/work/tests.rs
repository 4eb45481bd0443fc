use std::fs;

use saltprint_fingerprint::{
    Fingerprint, GlobalCode, LocalCode, LocalFeature, LocalFingerprint, Place, Sharing,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef, SubjectRef};

use super::{Leftovers, Work};
use crate::{IndexDir, Month, RecordFacts, SegmentRecord};

const EPOCH: EpochId = EpochId::from_bytes([2; 16]);

fn record(number: u8) -> SegmentRecord {
    let mut facts = RecordFacts::new(ContentDigest::from_bytes([number; 16]));
    if number.is_multiple_of(2) {
        facts.source = Some(format!("source {number}"));
        facts.captured = Some(Month::new(2026, 1 + number % 12).unwrap());
        facts.subject = Some(SubjectRef::from_bytes([number; 16]));
    }
    let features = (0..u16::from(number) * 7)
        .map(|index| LocalFeature {
            code: LocalCode::from_words([u64::from(index), u64::from(number)]),
            place: Place { x: index, y: 9, size: 3, angle: number },
            sharing: Sharing::default(),
        })
        .collect();
    let local = LocalFingerprint { width: 1000, height: 700, features };
    let global = GlobalCode::from_bytes(&[number; 32]);
    SegmentRecord {
        record_ref: RecordRef::from_bytes([number; 16]),
        facts,
        fingerprint: Fingerprint::new(global, local),
    }
}

fn same(a: &SegmentRecord, b: &SegmentRecord) -> bool {
    a.record_ref == b.record_ref && a.facts == b.facts && a.fingerprint == b.fingerprint
}

/// Puts down records 0 to 9, with a file from the fifth on, and is killed.
fn killed(dir: &IndexDir, key: &IndexKey) {
    let lock = dir.lock().unwrap();
    let none = Leftovers::default();
    let mut work = Work::new(dir, &lock, key, EPOCH, &none, 4);
    let places: Vec<_> = (0..10).map(|number| work.push(record(number)).unwrap()).collect();
    for (number, place) in (0..).zip(places) {
        assert!(same(&work.read(place).unwrap(), &record(number)), "{number}");
    }
    assert_eq!(work.features(), 45 * 7);
}

#[test]
fn few_records_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, key) = (IndexDir::new(folder.path()), IndexKey::from_secret(&[1; 32]));
    let lock = dir.lock().unwrap();
    let none = Leftovers::default();
    let mut work = Work::new(&dir, &lock, &key, EPOCH, &none, 4);
    let places: Vec<_> = (0..4).map(|number| work.push(record(number)).unwrap()).collect();
    assert!(same(&work.read(places[3]).unwrap(), &record(3)));
    assert!(dir.work_files().unwrap().is_empty());
}

#[test]
fn what_a_killed_run_left_is_found_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, key) = (IndexDir::new(folder.path()), IndexKey::from_secret(&[1; 32]));
    killed(&dir, &key);
    let lock = dir.lock().unwrap();
    let left = dir.leftovers(&lock, &key, EPOCH).unwrap();
    assert_eq!(left.len(), 10);
    let mut work = Work::new(&dir, &lock, &key, EPOCH, &left, 4);
    for number in 0..10 {
        let place = left.find(ContentDigest::from_bytes([number; 16])).unwrap();
        work.reuse(place);
        assert!(same(&left.read(&key, place).unwrap(), &record(number)), "{number}");
        assert!(same(&work.read(place).unwrap(), &record(number)), "{number}");
    }
    assert_eq!(work.features(), 45 * 7);
    assert!(left.find(ContentDigest::from_bytes([10; 16])).is_none());

    let other = IndexKey::from_secret(&[9; 32]);
    assert!(dir.leftovers(&lock, &other, EPOCH).unwrap().is_empty());
    assert!(dir.leftovers(&lock, &key, EpochId::from_bytes([3; 16])).unwrap().is_empty());
    let mut seen = 0;
    assert_eq!(dir.each_leftover(&[&other, &key], |_| seen += 1).unwrap(), 0);
    assert_eq!(seen, 10);
    assert_eq!(dir.each_leftover(&[&other], |_| panic!("opened under another key")).unwrap(), 1);
}

#[test]
fn a_torn_or_damaged_file_counts_up_to_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, key) = (IndexDir::new(folder.path()), IndexKey::from_secret(&[1; 32]));
    killed(&dir, &key);
    let path = dir.work_files().unwrap().remove(0);
    let whole = fs::read(&path).unwrap();
    let lock = dir.lock().unwrap();
    let mut last = 10;
    for len in (0..whole.len()).rev().step_by(97) {
        fs::write(&path, &whole[..len]).unwrap();
        let found = dir.leftovers(&lock, &key, EPOCH).unwrap().len();
        assert!(found <= last, "a longer file holds less");
        last = found;
    }
    assert_eq!(last, 0);
    for at in (0..whole.len()).step_by(211) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let left = dir.leftovers(&lock, &key, EPOCH).unwrap();
        assert!(left.len() < 10, "a changed byte at {at} was not seen");
        for number in 0..10 {
            if let Some(place) = left.find(ContentDigest::from_bytes([number; 16])) {
                assert!(same(&left.read(&key, place).unwrap(), &record(number)));
            }
        }
    }
}

#[test]
fn nothing_readable_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, key) = (IndexDir::new(folder.path()), IndexKey::from_secret(&[1; 32]));
    killed(&dir, &key);
    let bytes = fs::read(dir.work_files().unwrap().remove(0)).unwrap();
    for needle in [&b"source"[..], &[8; 16], &[0; 32]] {
        assert!(!bytes.windows(needle.len()).any(|window| window == needle));
    }
}
