//! What was erased: a list that only grows, and which rows of a generation it hides.
//!
//! An erasure is in force from the moment the list is replaced: an open generation hides the rows that its entries name
//! ([`Generation::hide`](crate::Generation::hide)), and every later rebuild leaves them out. The manifest says how many
//! entries its segments were written without, so that only the later ones have to be looked for when the index is asked.

mod hidden;

use std::collections::HashSet;

use saltprint_keys::{BlobFormat, IndexKey, RecordRef, SealError, Sealing, SubjectRef};

use crate::format::{ERASURES_MAGIC, ERASURES_VERSION};
use crate::{IndexError, codec};

pub(crate) use hidden::Hidden;

const FORMAT: BlobFormat = BlobFormat { magic: ERASURES_MAGIC, version: ERASURES_VERSION };

/// Whom or what an entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Erased {
    /// A record, or a file with all its parts.
    Record(RecordRef),
    /// All records of a subject, also those that come later.
    Subject(SubjectRef),
}

/// One entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Erasure {
    /// What it names.
    pub what: Erased,
    /// The file that it is a part of, where it was erased with that.
    pub of: Option<RecordRef>,
    /// Whether it takes an earlier erasure back.
    pub lifted: bool,
    /// When it was made, seconds since 1970.
    pub at: u64,
}

/// The list of erasures of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasures {
    entries: Vec<Erasure>,
}

impl Erasures {
    /// All entries, the oldest first.
    pub fn entries(&self) -> &[Erasure] {
        &self.entries
    }

    /// Number of entries; it only ever grows.
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Whether nothing was ever erased.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry unless it would change nothing; whether it did.
    pub fn push(&mut self, entry: Erasure) -> bool {
        let changes = self.in_force(entry.what).is_some() == entry.lifted;
        if changes {
            self.entries.push(entry);
        }
        changes
    }

    /// The number of the entry, counted from 0, by which something is erased now.
    pub fn in_force(&self, what: Erased) -> Option<u64> {
        let last = self.entries.iter().rposition(|entry| entry.what == what)?;
        (!self.entries[last].lifted).then_some(last as u64)
    }

    /// The parts that are erased now because their file was.
    pub fn parts_of(&self, file: RecordRef) -> Vec<Erased> {
        let parts = self.entries.iter().filter(|entry| entry.of == Some(file) && !entry.lifted);
        let mut parts: Vec<Erased> = parts.map(|entry| entry.what).collect();
        parts.sort_unstable();
        parts.dedup();
        // The last entry tells why: it may have been erased by itself since.
        parts.retain(|part| {
            let last =
                self.in_force(*part).and_then(|number| self.entries.get(usize::try_from(number).ok()?));
            last.is_some_and(|entry| entry.of == Some(file))
        });
        parts
    }

    /// What is erased now.
    pub fn now(&self) -> HashSet<Erased> {
        self.since(0)
    }

    /// What is erased now by entries from number `first` on.
    pub fn since(&self, first: u64) -> HashSet<Erased> {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let mut erased = HashSet::new();
        for entry in self.entries.get(first..).unwrap_or_default() {
            if entry.lifted {
                erased.remove(&entry.what);
            } else {
                erased.insert(entry.what);
            }
        }
        erased
    }

    pub(crate) fn seal(&self, key: &IndexKey, salt: [u8; 32]) -> Result<Vec<u8>, IndexError> {
        Ok(Sealing::ERASURES.seal(key, FORMAT, b"", &codec::encode("erasures", &self.entries)?, salt))
    }

    /// The outer result is about the sealing, the inner about the contents.
    pub(crate) fn open(key: &IndexKey, bytes: &[u8]) -> Result<Result<Self, IndexError>, SealError> {
        let plain = Sealing::ERASURES.open(key, FORMAT, b"", bytes)?;
        Ok(codec::decode("erasures", &plain).map(|entries| Self { entries }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(byte: u8) -> Erased {
        Erased::Record(RecordRef::from_bytes([byte; 16]))
    }

    fn entry(what: Erased, lifted: bool) -> Erasure {
        Erasure { what, of: None, lifted, at: 9 }
    }

    #[test]
    fn the_last_word_on_something_counts() {
        let mut erasures = Erasures::default();
        let subject = Erased::Subject(SubjectRef::from_bytes([1; 16]));
        assert!(!erasures.push(entry(record(1), true)), "nothing to take back");
        assert!(erasures.push(entry(record(1), false)));
        assert!(!erasures.push(entry(record(1), false)), "it is erased already");
        assert!(erasures.push(entry(subject, false)), "a subject is no record of the same bytes");
        assert_eq!((erasures.in_force(record(1)), erasures.in_force(subject)), (Some(0), Some(1)));
        assert!(erasures.push(entry(record(1), true)));
        assert_eq!(erasures.in_force(record(1)), None);
        assert!(erasures.push(entry(record(1), false)));
        assert_eq!(erasures.in_force(record(1)), Some(3));
        assert_eq!(erasures.now(), HashSet::from([record(1), subject]));
        assert_eq!(erasures.since(2), HashSet::from([record(1)]));
        assert_eq!(erasures.since(4), HashSet::new());
        assert_eq!(erasures.since(u64::MAX), HashSet::new());
    }

    #[test]
    fn what_was_erased_before_and_taken_back_since_is_not_looked_for() {
        let mut erasures = Erasures::default();
        erasures.push(entry(record(1), false));
        erasures.push(entry(record(1), true));
        assert_eq!(erasures.since(1), HashSet::new());
        assert_eq!(erasures.now(), HashSet::new());
    }

    #[test]
    fn parts_are_known_by_the_file_that_they_were_erased_with() {
        let (file, other) = (RecordRef::from_bytes([8; 16]), RecordRef::from_bytes([9; 16]));
        let mut erasures = Erasures::default();
        let part = |byte, lifted| Erasure { of: Some(file), ..entry(record(byte), lifted) };
        erasures.push(entry(record(1), false));
        for byte in 1..4 {
            erasures.push(part(byte, false));
        }
        assert_eq!(erasures.parts_of(file), [record(2), record(3)], "the first was erased by itself before");
        assert_eq!(erasures.parts_of(other), []);
        erasures.push(entry(record(2), true));
        erasures.push(entry(record(2), false));
        assert_eq!(erasures.parts_of(file), [record(3)]);
        erasures.push(part(3, true));
        assert_eq!(erasures.parts_of(file), []);
    }

    #[test]
    fn the_sealed_list_comes_back_under_its_key_alone() {
        let key = IndexKey::from_secret(&[7; 32]);
        let mut erasures = Erasures::default();
        erasures.push(entry(record(1), false));
        let sealed = erasures.seal(&key, [3; 32]).unwrap();
        assert_eq!(Erasures::open(&key, &sealed).unwrap().unwrap(), erasures);
        assert!(Erasures::open(&IndexKey::from_secret(&[8; 32]), &sealed).is_err());
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            assert!(Erasures::open(&key, &changed).is_err(), "byte {byte}");
        }
    }
}
