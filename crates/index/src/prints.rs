//! What of records is print: seen in other subjects' documents.

use std::collections::BTreeMap;

use saltprint_fingerprint::{LocalFingerprint, Sharing};
use saltprint_keys::RecordRef;

/// For how many records' worth of sharing a detail counts that was seen in another subject's document: an eighth of one that nobody shares.
///
/// It need not be in all documents of the template, and of those that agree in one place a few agree by chance.
const SHARED_BY: f64 = 63.0;

/// Others that a record's image shows a little of, from which on its template is a common one.
const COMMON: u8 = 20;

/// Others that are remembered of a record. What further ones show is left out: so many show what there is.
const MOST: usize = 64;

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
    /// Who showed some of it, and whether so much that it is of the same template; at most [`MOST`], by a part of a pseudonym.
    by: Vec<(u32, bool)>,
    /// Other subjects of whose records its own image showed a little, as far as a byte counts; `None` where it was not looked up, and `mates` may lack
    /// those that nobody looked for.
    company: Option<u8>,
}

impl Print {
    fn new(local: &LocalFingerprint) -> Self {
        let none = || vec![0; local.features.len().div_ceil(8)];
        Self { details: check(local), seen: none(), again: none(), by: Vec::new(), company: None }
    }

    /// Whether the census knows what of it is print. There nothing is marked: among 1,000 invented records of nine templates no stranger's document was a match
    /// without it either, and of copies with blacked fields fewer are where much of what is left of them counts less.
    fn is_of_common_template(&self) -> bool {
        self.company.is_some_and(|company| company >= COMMON)
    }
}

impl Prints {
    /// Adds what images of another subject, `whose` they are, show of a record: the numbers of its details, and whether that says that it is of the same
    /// template. What a subject's images show counts once, however often it is added.
    pub fn add(
        &mut self,
        record: RecordRef,
        local: &LocalFingerprint,
        whose: [u8; 16],
        seen: impl IntoIterator<Item = u32>,
        is_mate: bool,
    ) {
        let whose = Self::tag(whose);
        let print = self.of(record, local);
        let known = print.by.iter().position(|(by, _)| *by == whose);
        if let Some((_, mate)) = known.and_then(|place| print.by.get_mut(place)) {
            *mate |= is_mate;
        } else if print.by.len() < MOST {
            print.by.push((whose, is_mate));
        } else {
            return;
        }
        let mut bits = vec![0_u8; print.seen.len()];
        for number in seen.into_iter().map(|number| number as usize) {
            if let Some(byte) = bits.get_mut(number / 8) {
                *byte |= 1 << (number % 8);
            }
        }
        for ((seen, again), new) in print.seen.iter_mut().zip(&mut print.again).zip(bits) {
            if known.is_none() {
                *again |= *seen & new;
            }
            *seen |= new;
        }
    }

    /// Forgets who showed something, of all that `lives` does not name by [`Prints::tag`]: what is print stays so.
    pub fn forget(&mut self, lives: impl Fn(u32) -> bool) {
        for print in self.records.values_mut() {
            print.by.retain(|(by, _)| lives(*by));
        }
    }

    /// What is kept of a pseudonym.
    pub fn tag(whose: [u8; 16]) -> u32 {
        let [a, b, c, d, ..] = whose;
        u32::from_le_bytes([a, b, c, d])
    }

    /// Says that the image of a record was looked up, and of how many others' records it showed a little.
    pub fn set_looked_up(&mut self, record: RecordRef, local: &LocalFingerprint, company: usize) {
        self.of(record, local).company = Some(count(company));
    }

    /// The entry of a record with these details; of others nothing is kept.
    fn of(&mut self, record: RecordRef, local: &LocalFingerprint) -> &mut Print {
        let print = self.records.entry(record).or_insert_with(|| Print::new(local));
        if print.details != check(local) {
            *print = Print::new(local);
        }
        print
    }

    /// Other subjects, up to 64, whose documents are known to be of the same template as a record; `None` where nobody looked.
    pub fn mates(&self, record: RecordRef) -> Option<usize> {
        let print = self.records.get(&record).filter(|print| print.company.is_some())?;
        Some(print.by.iter().filter(|(_, is_mate)| *is_mate).count())
    }

    /// Whether nothing is known of a record but what was seen of these details.
    pub fn is_of(&self, record: RecordRef, local: &LocalFingerprint) -> bool {
        self.records.get(&record).is_none_or(|print| print.details == check(local))
    }

    /// Records whose images were looked up.
    pub fn all_looked_up(&self) -> impl Iterator<Item = RecordRef> + '_ {
        let looked_up = self.records.iter().filter(|(_, print)| print.company.is_some());
        looked_up.map(|(record, _)| *record)
    }

    /// Number of records whose images were looked up.
    pub fn looked_up(&self) -> usize {
        self.all_looked_up().count()
    }

    /// Lets the details of a record count as shared that are known to be print, where its template is not a common one. Where they are not those that the
    /// entry was made of, nothing is known.
    pub fn mark(&self, record: RecordRef, local: &mut LocalFingerprint) {
        let is_of = |print: &&Print| print.details == check(local) && !print.is_of_common_template();
        let Some(print) = self.records.get(&record).filter(is_of) else { return };
        let shared = Sharing::of(SHARED_BY);
        for (number, feature) in local.features.iter_mut().enumerate() {
            if print.seen.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1) {
                feature.sharing = feature.sharing.max(shared);
            }
        }
    }

    /// What is known without any one of the images: what two of them showed, and one document less.
    ///
    /// A record that plays the stranger must not be judged by what its own image told, and which details each subject showed is not kept.
    #[must_use]
    pub fn without_one(&self) -> Self {
        let less = |print: &Print| {
            let mut by = print.by.clone();
            let mate = by.iter().position(|(_, is_mate)| *is_mate);
            mate.map(|place| by.remove(place));
            Print { seen: print.again.clone(), by, ..print.clone() }
        };
        Self { records: self.records.iter().map(|(record, print)| (*record, less(print))).collect() }
    }

    pub(crate) fn is_valid(&self) -> bool {
        let within = |(again, seen): (&u8, &u8)| again & !seen == 0;
        self.records.values().all(|print| {
            print.seen.len() == print.again.len() && print.again.iter().zip(&print.seen).all(within)
        })
    }

    /// Forgets what is known of a record.
    pub fn remove(&mut self, record: RecordRef) {
        self.records.remove(&record);
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

fn count(subjects: usize) -> u8 {
    u8::try_from(subjects).unwrap_or(u8::MAX)
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
        prints.add(one, &record(0), [1; 16], [1, 2, 9], false);
        prints.add(one, &record(0), [2; 16], [19, 9, 9], false);
        // Details that there are not.
        prints.add(one, &record(0), [2; 16], [400], false);
        assert_eq!(marked(&prints, one, record(0)), [1, 9, 19]);
        assert_eq!(marked(&prints, other, record(0)), [0; 0]);
        // Nine was seen of two subjects.
        assert_eq!(marked(&prints.without_one(), one, record(0)), [9]);
        // What one shows again says nothing new, though it may show more.
        prints.add(one, &record(0), [2; 16], [19, 3], false);
        prints.add(one, &record(0), [1; 16], [1], false);
        assert_eq!(marked(&prints, one, record(0)), [1, 3, 9, 19]);
        assert_eq!(marked(&prints.without_one(), one, record(0)), [9]);
        assert!(prints.is_valid());
        prints.retain(|record| record != one);
        assert!(prints.records.is_empty());
    }

    #[test]
    fn mates_are_counted_where_a_record_was_looked_up() {
        let one = RecordRef::from_bytes([1; 16]);
        let mut prints = Prints::default();
        let all = |prints: &Prints| (prints.mates(one), prints.without_one().mates(one));
        prints.add(one, &record(0), [1; 16], [1], false);
        prints.add(one, &record(0), [2; 16], [2], true);
        assert_eq!((all(&prints), prints.looked_up()), ((None, None), 0));
        prints.set_looked_up(one, &record(0), 0);
        assert_eq!((all(&prints), prints.looked_up()), ((Some(1), Some(0)), 1));
        prints.add(one, &record(0), [1; 16], [], true);
        prints.add(one, &record(0), [2; 16], [], true);
        assert_eq!(all(&prints), (Some(2), Some(1)));
        // Who is gone is no company any more, and what is print is print.
        prints.forget(|tag| tag == Prints::tag([1; 16]));
        assert_eq!(all(&prints), (Some(1), Some(0)));
        assert_eq!(marked(&prints, one, record(0)), [1]);
        for number in 0..100 {
            prints.add(one, &record(0), [number; 16], [], true);
        }
        assert_eq!(prints.mates(one), Some(MOST));
        prints.set_looked_up(one, &record(7), 3);
        assert_eq!(all(&prints), (Some(0), Some(0)));
        prints.remove(one);
        assert_eq!(all(&prints), (None, None));
    }

    #[test]
    fn nothing_is_marked_of_common_templates() {
        let one = RecordRef::from_bytes([1; 16]);
        let mut prints = Prints::default();
        prints.add(one, &record(0), [1; 16], [1, 9], true);
        prints.add(one, &record(0), [2; 16], [1], true);
        prints.set_looked_up(one, &record(0), 19);
        assert_eq!(marked(&prints, one, record(0)), [1, 9]);
        assert_eq!(marked(&prints.without_one(), one, record(0)), [1]);
        prints.set_looked_up(one, &record(0), 20);
        assert_eq!(marked(&prints, one, record(0)), [0; 0]);
        assert_eq!(marked(&prints.without_one(), one, record(0)), [0; 0]);
    }

    #[test]
    fn other_details_of_the_same_record_are_not_marked() {
        let one = RecordRef::from_bytes([1; 16]);
        let mut prints = Prints::default();
        prints.add(one, &record(0), [1; 16], [1, 2, 9], true);
        assert_eq!(marked(&prints, one, record(7)), [0; 0]);
        let mut turned = record(0);
        turned.features.swap(3, 4);
        assert_eq!(marked(&prints, one, turned), [0; 0]);
        assert!(prints.is_of(one, &record(0)) && !prints.is_of(one, &record(7)));
        assert!(prints.is_of(RecordRef::from_bytes([2; 16]), &record(7)), "nothing is known of it");
        // And what is then seen of the new ones is all there is.
        prints.add(one, &record(7), [1; 16], [4], true);
        assert_eq!(marked(&prints, one, record(7)), [4]);
        assert_eq!(marked(&prints.without_one(), one, record(7)), [0; 0]);
    }
}
