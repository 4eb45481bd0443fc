//! The list of erasures, and the pin that remembers how long it was.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use saltprint_index::format::{ERASURES_MAGIC, ERASURES_VERSION};
use saltprint_index::{Erased, Erasure, Erasures, IndexDir, IndexError, Seen};
use saltprint_keys::{BlobFormat, IndexKey, RecordRef, Sealing, SubjectRef};

use crate::{patch, scratch};

const FORMAT: BlobFormat = BlobFormat { magic: ERASURES_MAGIC, version: ERASURES_VERSION };
const SALT: [u8; 32] = [4; 32];
const NAME: &str = "ERASURES";

pub(crate) const WORDS: &[&[u8]] = &[
    b"\nseen generation ",
    b"\nreset generation ",
    b" erasures ",
    b" .\n",
    b"18446744073709551615",
    b"18446744073709551616",
];

static KEY: LazyLock<IndexKey> = LazyLock::new(|| IndexKey::from_secret(&[7; 32]));
static OTHER: LazyLock<IndexKey> = LazyLock::new(|| IndexKey::from_secret(&[8; 32]));

/// A good list before sealing: a record, a subject, a file with a part, and one of them taken back.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = scratch::folder();
    let record = |byte| RecordRef::from_bytes([byte; 16]);
    let entry = |what, of, lifted| Erasure { what, of, lifted, at: 1_795_000_000 };
    let entries = [
        entry(Erased::Record(record(1)), None, false),
        entry(Erased::Subject(SubjectRef::from_bytes([2; 16])), None, false),
        entry(Erased::Record(record(3)), None, false),
        entry(Erased::Record(record(4)), Some(record(3)), false),
        entry(Erased::Record(record(1)), None, true),
    ];
    let pushed = IndexDir::new(folder.path())
        .change_erasures(&[&KEY], &KEY, |list| entries.into_iter().all(|entry| list.push(entry)))
        .expect("a scratch folder");
    assert!(pushed.0, "each changes something");
    plain_in(folder.path(), &KEY)
});

fn plain_in(folder: &Path, key: &IndexKey) -> Vec<u8> {
    let sealed = fs::read(folder.join(NAME)).expect("it was written");
    Sealing::ERASURES.open(key, FORMAT, b"", sealed).expect("sealed just now").to_vec()
}

/// The first byte says what the rest is: a list as it is, one to be sealed, changes to a plain or a sealed one, or a pin.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    match mode % 5 {
        0 => drop(open(rest)),
        1 => check_plain(rest),
        2 => {
            let mut plain = GOOD.clone();
            patch::apply(&mut plain, rest);
            check_plain(&plain);
        }
        3 => {
            let good = Sealing::ERASURES.seal(&KEY, FORMAT, b"", &GOOD, SALT);
            let mut changed = good.clone();
            patch::apply(&mut changed, rest);
            assert_eq!(open(&changed).is_some(), changed == good, "a changed byte of a sealed list");
        }
        _ => check_pin(rest),
    }
}

fn open(bytes: &[u8]) -> Option<Erasures> {
    let folder = scratch::folder();
    fs::write(folder.path().join(NAME), bytes).expect("a scratch folder");
    let read = || {
        let list = IndexDir::new(folder.path()).erasures(&[&KEY]);
        list.inspect_err(|error| assert!(!error.to_string().is_empty())).ok()
    };
    let list = read();
    assert!(list == read(), "two readings of one list");
    list
}

fn check_plain(plain: &[u8]) {
    let Some(list) = open(&Sealing::ERASURES.seal(&KEY, FORMAT, b"", plain, SALT)) else { return };
    check_list(&list);
    // Written again, under the next key, it is what was read.
    let folder = scratch::folder();
    let sealed = Sealing::ERASURES.seal(&KEY, FORMAT, b"", plain, SALT);
    fs::write(folder.path().join(NAME), &sealed).expect("a scratch folder");
    let dir = IndexDir::new(folder.path());
    dir.reseal_erasures(&[&OTHER, &KEY], &OTHER).expect("it opened before");
    assert_eq!(plain_in(folder.path(), &OTHER), plain, "a list that was read is written otherwise");
    assert!(dir.erasures(&[&KEY]).is_err() && dir.erasures(&[&OTHER]).is_ok_and(|again| again == list));
}

/// The answers of a list against the plainest reading of its entries.
fn check_list(list: &Erasures) {
    let entries = list.entries();
    assert_eq!((list.len(), list.is_empty()), (entries.len() as u64, entries.is_empty()));
    let last = |what| entries.iter().rev().find(|entry| entry.what == what).expect("one of the entries");
    let now: HashSet<Erased> =
        entries.iter().map(|entry| entry.what).filter(|what| !last(*what).lifted).collect();
    assert_eq!(list.now(), now);
    for first in [0, 1, list.len() / 2, list.len()] {
        let since = list.since(first);
        assert!(since.is_subset(&now), "what is erased since then is erased");
    }
    // Each answer reads the list: some are enough.
    for (number, entry) in entries.iter().enumerate().take(64) {
        let in_force = list.in_force(entry.what);
        assert_eq!(in_force.is_some(), now.contains(&entry.what));
        assert!(in_force.is_none_or(|found| found >= number as u64), "the last entry is in force");
        if let Some(file) = entry.of {
            let parts = list.parts_of(file);
            assert!(parts.iter().all(|part| now.contains(part) && last(*part).of == Some(file)));
        }
    }
}

/// A pin of any bytes: what it says is refused or kept to, and it is never made to forget without being told.
fn check_pin(bytes: &[u8]) {
    let folder = scratch::folder();
    let (pin, index) = (folder.path().join("index.pin"), folder.path().join("index"));
    fs::create_dir(&index).expect("a scratch folder");
    fs::write(index.join(NAME), Sealing::ERASURES.seal(&KEY, FORMAT, b"", &GOOD, SALT))
        .expect("a scratch folder");
    fs::write(&pin, bytes).expect("a scratch folder");
    let dir = IndexDir::new(&index).pinned_at(&pin);
    let before = dir.seen().expect("a pin has no bad lines, only lines that do not count");
    match dir.erasures(&[&KEY]) {
        Ok(list) => {
            assert!(list.len() >= before.erasures, "a list shorter than one that was seen");
            let after = dir.seen().expect("as before");
            assert_eq!(after, Seen { erasures: list.len(), ..before }, "what was seen is remembered");
        }
        Err(error) => {
            assert!(matches!(error, IndexError::RolledBack { .. }), "{error}");
            assert_eq!(dir.seen().ok(), Some(before), "a refusal changes nothing");
            let lock = dir.lock().expect("nobody else has this folder");
            dir.accept_rollback(&lock, Seen { generation: 1, erasures: 5 }).expect("a scratch folder");
            assert!(dir.erasures(&[&KEY]).is_ok(), "it was told to forget");
        }
    }
    assert!(fs::read(&pin).is_ok_and(|now| now.starts_with(bytes)), "a pin is only appended to");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mode = |mode: u8, rest: &[u8]| [&[mode], rest].concat();
    let mut seeds: Vec<_> = (0..5).map(|number| mode(number, &[])).collect();
    seeds.push(mode(0, &Sealing::ERASURES.seal(&KEY, FORMAT, b"", &GOOD, SALT)));
    seeds.push(mode(1, &GOOD));
    // The count, the kind of an entry, whether it is a part, whether it was taken back.
    for at in [0, 1, 8, 9, 12, 25, 26, 27, 34, 35, GOOD.len() - 1, GOOD.len() - 9] {
        seeds.push(mode(2, &patch::write(at, &[0xff])));
        seeds.push(mode(2, &patch::write(at, &[1])));
        seeds.push(mode(3, &patch::flip(at, 0x80)));
    }
    seeds.extend(
        [
            "\nseen generation 3 erasures 5 .\n",
            "\nseen generation 3 erasures 6 .\n",
            "\nseen generation 9 erasures 9 .\n\nreset generation 1 erasures 1 .\n\nseen generation 2 erasures 2 .",
            "\nseen generation 9 erasures 9\n",
            "\nseen generation 18446744073709551616 erasures 1 .\n",
        ]
        .map(|pin| mode(4, pin.as_bytes())),
    );
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_is_good_before() {
        let list = open(&Sealing::ERASURES.seal(&KEY, FORMAT, b"", &GOOD, SALT)).unwrap();
        assert_eq!((list.len(), list.now().len()), (5, 3));
        check_list(&list);
    }
}
