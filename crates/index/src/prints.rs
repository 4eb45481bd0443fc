//! What of records is print: seen in other subjects' documents.

use std::collections::BTreeMap;

use saltprint_fingerprint::{LocalFingerprint, Sharing};
use saltprint_keys::RecordRef;

/// For how many records' worth of sharing a detail counts that was seen in another subject's document: an eighth of one that nobody shares.
///
/// It need not be in all documents of the template, and of those that agree in one place a few agree by chance.
const SHARED_BY: f64 = 63.0;

/// Others of a record's template from which on the census knows what is print. There nothing is marked: among 1,000 invented records of nine templates no
/// stranger's document was a match without it either, and of copies with blacked fields fewer are where much of what is left of them counts less.
const COMMON: u8 = 8;

/// Of records, those details that other subjects' images show at the same places.
///
/// The census counts what was *found* in other records. Of the print of a template much is found in some documents and not in others, as fine
/// lines come and go with scale and sharpness, and where few records of a template are held it is taken for a record's own. Read at
/// its place in another document, it is there.
///
/// A record's entry holds for the details that it was made of, and for no others: see [`Prints::mark`].
#[derive(Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Prints {
    records: BTreeMap<RecordRef, Print>,
}

/// What was seen of one record.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Print {
    /// [`check`] of its details.
    details: u64,
    /// A bit for each of them that an image showed, the first the lowest of the first byte.
    seen: Vec<u8>,
    /// The same of those that another image showed as well.
    again: Vec<u8>,
    /// Other subjects of whom a document of the template was seen, as far as a byte counts.
    mates: u8,
    /// Whether its own image was looked up, so that `mates` says something where there are none.
    looked_up: bool,
}

impl Print {
    fn new(local: &LocalFingerprint) -> Self {
        let none = || vec![0; local.features.len().div_ceil(8)];
        Self { details: check(local), seen: none(), again: none(), mates: 0, looked_up: false }
    }
}

impl Prints {
    /// Adds what an image of another subject shows, once for each image: `seen` are the numbers of details, each once.
    pub fn add(&mut self, record: RecordRef, local: &LocalFingerprint, seen: impl IntoIterator<Item = u32>) {
        let mut seen = seen.into_iter().map(|number| number as usize).peekable();
        if seen.peek().is_none() {
            return;
        }
        let print = self.of(record, local);
        for number in seen {
            if let (Some(seen), Some(again)) =
                (print.seen.get_mut(number / 8), print.again.get_mut(number / 8))
            {
                let bit = 1 << (number % 8);
                *again |= *seen & bit;
                *seen |= bit;
            }
        }
    }

    /// Adds others of whom a document of a record's template was seen, and says that its own image was looked up, if it was.
    pub fn add_mates(&mut self, record: RecordRef, local: &LocalFingerprint, mates: usize, looked_up: bool) {
        let print = self.of(record, local);
        print.mates = print.mates.saturating_add(u8::try_from(mates).unwrap_or(u8::MAX));
        print.looked_up |= looked_up;
    }

    /// The entry of a record with these details; of others nothing is kept.
    fn of(&mut self, record: RecordRef, local: &LocalFingerprint) -> &mut Print {
        let print = self.records.entry(record).or_insert_with(|| Print::new(local));
        if print.details != check(local) {
            *print = Print::new(local);
        }
        print
    }

    /// Other subjects, up to 255, whose documents are known to be of the same template as a record; `None` where nobody looked.
    pub fn mates(&self, record: RecordRef) -> Option<usize> {
        let print = self.records.get(&record).filter(|print| print.looked_up)?;
        Some(print.mates.into())
    }

    /// Whether nothing is known of a record but what was seen of these details.
    pub fn is_of(&self, record: RecordRef, local: &LocalFingerprint) -> bool {
        self.records.get(&record).is_none_or(|print| print.details == check(local))
    }

    /// Number of records whose images were looked up.
    pub fn looked_up(&self) -> usize {
        self.records.values().filter(|print| print.looked_up).count()
    }

    /// Lets the details of a record count as shared that are known to be print, where its template is not a common one. Where they are not those that the
    /// entry was made of, nothing is known.
    pub fn mark(&self, record: RecordRef, local: &mut LocalFingerprint) {
        let is_of = |print: &&Print| print.details == check(local) && print.mates < COMMON;
        let Some(print) = self.records.get(&record).filter(is_of) else { return };
        let is_in = |bits: &[u8], number: usize| {
            bits.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1)
        };
        let shared = Sharing::of(SHARED_BY);
        for (number, feature) in local.features.iter_mut().enumerate() {
            if is_in(&print.seen, number) {
                feature.sharing = feature.sharing.max(shared);
            }
        }
    }

    /// What is known without any one of the images: what two of them showed, and one document less.
    ///
    /// A record that plays the stranger must not be judged by what its own image told, and which of the images did is not kept.
    #[must_use]
    pub fn without_one(&self) -> Self {
        let less = |print: &Print| Print {
            // Where nothing is marked, nothing is with one document less.
            seen: if print.mates < COMMON { print.again.clone() } else { Vec::new() },
            mates: print.mates.saturating_sub(1),
            ..print.clone()
        };
        Self { records: self.records.iter().map(|(record, print)| (*record, less(print))).collect() }
    }

    /// Keeps only what is known of some records.
    pub fn retain(&mut self, mut wanted: impl FnMut(RecordRef) -> bool) {
        self.records.retain(|record, _| wanted(*record));
    }
}

impl std::fmt::Debug for Prints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prints").field("records", &self.records.len()).finish_non_exhaustive()
    }
}

/// Tells one set of details from another: not for those who want to deceive, who would need the key of the index.
fn check(local: &LocalFingerprint) -> u64 {
    local.features.iter().fold(0, |sum: u64, feature| {
        let [low, high] = feature.code.words();
        (sum ^ low).rotate_left(7).wrapping_add(high)
    })
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::{LocalCode, LocalFeature, Place};

    use super::*;

    fn record(first: u64) -> LocalFingerprint {
        let feature = |number| LocalFeature {
            code: LocalCode::from_words([number, number * 3]),
            place: Place { x: 0, y: 0, size: 0, angle: 0 },
            sharing: Sharing::of(if number % 2 == 0 { 1000.0 } else { 0.0 }),
        };
        LocalFingerprint { width: 8192, height: 8192, features: (first..first + 20).map(feature).collect() }
    }

    fn marked(prints: &Prints, one: RecordRef, mut local: LocalFingerprint) -> Vec<u32> {
        let before = local.clone();
        prints.mark(one, &mut local);
        let all = (0..).zip(local.features.iter().zip(&before.features));
        all.filter(|(_, (now, then))| now.sharing != then.sharing).map(|(number, _)| number).collect()
    }

    #[test]
    fn what_others_show_counts_as_shared_and_what_many_share_stays_so() {
        let (one, other) = (RecordRef::from_bytes([1; 16]), RecordRef::from_bytes([2; 16]));
        let mut prints = Prints::default();
        prints.add(one, &record(0), [1, 2, 9]);
        prints.add(one, &record(0), [19, 9]);
        // Details that there are not, and nothing at all.
        prints.add(one, &record(0), [400]);
        prints.add(other, &record(5), []);
        assert_eq!(prints.records.len(), 1);
        assert_eq!(marked(&prints, one, record(0)), [1, 9, 19]);
        assert_eq!(marked(&prints, other, record(0)), [0; 0]);
        // Nine was seen in two images.
        assert_eq!(marked(&prints.without_one(), one, record(0)), [9]);
        prints.retain(|record| record != one);
        assert!(prints.records.is_empty());
    }

    #[test]
    fn mates_are_counted_where_a_record_was_looked_up() {
        let one = RecordRef::from_bytes([1; 16]);
        let mut prints = Prints::default();
        prints.add(one, &record(0), [1]);
        prints.add_mates(one, &record(0), 2, false);
        assert_eq!((prints.mates(one), prints.looked_up()), (None, 0));
        prints.add_mates(one, &record(0), 1, true);
        prints.add_mates(one, &record(0), 0, false);
        assert_eq!((prints.mates(one), prints.without_one().mates(one)), (Some(3), Some(2)));
        prints.add_mates(one, &record(0), 1000, true);
        assert_eq!((prints.mates(one), prints.looked_up()), (Some(255), 1));
        prints.add_mates(one, &record(7), 0, true);
        assert_eq!((prints.mates(one), prints.without_one().mates(one)), (Some(0), Some(0)));
    }

    #[test]
    fn nothing_is_marked_of_common_templates() {
        let one = RecordRef::from_bytes([1; 16]);
        let mut prints = Prints::default();
        prints.add(one, &record(0), [1, 9]);
        prints.add(one, &record(0), [1]);
        prints.add_mates(one, &record(0), 7, true);
        assert_eq!(marked(&prints, one, record(0)), [1, 9]);
        assert_eq!(marked(&prints.without_one(), one, record(0)), [1]);
        prints.add_mates(one, &record(0), 1, false);
        assert_eq!(marked(&prints, one, record(0)), [0; 0]);
        assert_eq!(marked(&prints.without_one(), one, record(0)), [0; 0]);
        assert_eq!(prints.without_one().mates(one), Some(7));
    }

    #[test]
    fn other_details_of_the_same_record_are_not_marked() {
        let one = RecordRef::from_bytes([1; 16]);
        let mut prints = Prints::default();
        prints.add(one, &record(0), [1, 2, 9]);
        assert_eq!(marked(&prints, one, record(7)), [0; 0]);
        let mut turned = record(0);
        turned.features.swap(3, 4);
        assert_eq!(marked(&prints, one, turned), [0; 0]);
        assert!(prints.is_of(one, &record(0)) && !prints.is_of(one, &record(7)));
        assert!(prints.is_of(RecordRef::from_bytes([2; 16]), &record(7)), "nothing is known of it");
        // And what is then seen of the new ones is all there is.
        prints.add(one, &record(7), [4]);
        assert_eq!(marked(&prints, one, record(7)), [4]);
        assert_eq!(marked(&prints.without_one(), one, record(7)), [0; 0]);
    }
}
