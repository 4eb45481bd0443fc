//! What of records is print: seen in other subjects' documents.

use std::collections::BTreeMap;

use saltprint_fingerprint::{LocalFingerprint, Sharing};
use saltprint_keys::RecordRef;

/// For how many records' worth of sharing a detail counts that was seen in another subject's document: an eighth of one that nobody shares.
///
/// It need not be in all documents of the template, and of those that agree in one place a few agree by chance.
const SHARED_BY: f64 = 63.0;

/// Others that a record's image shows a little of, from which on its template is a common one.
const COMMON: usize = 20;

/// Others that are remembered of a record. What further ones show is left out: so many show what there is.
const MOST: usize = 64;

/// Bytes of a record ref.
const REF: usize = 16;

/// Documents of a template beside a record's own from which on more make no difference to how far its print is known.
const ENOUGH: usize = 12;

/// Bytes of a manifest that this may take, half of what can be read: four million records of common templates, or some hundred thousand of others.
const FULL: usize = 128 << 20;

/// Of records, those details that other subjects' images show at the same places.
///
/// The census counts what was *found* in other records. Of the print of a template much is found in some documents and not in others, as fine
/// lines come and go with scale and sharpness, and where few records of a template are held it is taken for a record's own. Read at
/// its place in another document, it is there.
///
/// A record's entry holds for the details that it was made of, and for no others: see [`Prints::mark`]. Of a record of a common template, where the census knows
/// what is print, no more is kept than that it is one, once twelve others of the template are known: 28 bytes.
#[derive(Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(try_from = "Vec<Entry>")]
pub struct Prints {
    records: BTreeMap<RecordRef, Print>,
}

/// A record's ref and its entry, as they are encoded. The number has the bytes of the ref: as text it would be half of the entry, and as bytes most of
/// the time that an entry takes to read.
type Entry = (u128, Print);

fn number_of(record: &RecordRef) -> u128 {
    u128::from_le_bytes(*record.as_bytes())
}

fn of_number(number: u128) -> RecordRef {
    RecordRef::from_bytes(number.to_le_bytes())
}

/// What was seen of one record.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Print {
    /// [`check`] of its details.
    details: u64,
    known: Known,
}

#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Known {
    /// It is of a common template, of which twelve others are known. What is known to be print stays so, whoever is gone.
    Enough,
    Details(Box<Details>),
}

/// Which details of a record others showed.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Details {
    /// A bit for each of them that an image showed, the first the lowest of the first byte.
    seen: Vec<u8>,
    /// The same of those that another image showed as well.
    again: Vec<u8>,
    /// Who showed some of it, and whether so much that it is of the same template; at most [`MOST`], by a part of a pseudonym.
    by: Vec<(u32, bool)>,
    own: Own,
}

/// What a record's own image said.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Own {
    /// It was not looked up: of those that it shows much of, nobody may have looked for it.
    NotLookedUp,
    OfRareTemplate,
    /// It showed a little of [`COMMON`] others and more. Nothing is marked there: among 1,000 invented records of nine templates no stranger's document
    /// was a match without it either, and of copies with blacked fields fewer are where much of what is left of them counts less.
    OfCommonTemplate,
}

impl Print {
    fn new(local: &LocalFingerprint) -> Self {
        let none = || vec![0; local.features.len().div_ceil(8)];
        let details = Details { seen: none(), again: none(), by: Vec::new(), own: Own::NotLookedUp };
        Self { details: check(local), known: Known::Details(Box::new(details)) }
    }

    fn is_looked_up(&self) -> bool {
        match &self.known {
            Known::Enough => true,
            Known::Details(details) => details.own != Own::NotLookedUp,
        }
    }

    fn mates(&self) -> usize {
        match &self.known {
            Known::Enough => ENOUGH,
            Known::Details(details) => details.mates(),
        }
    }

    /// Leaves what makes a difference.
    fn shrink(&mut self) {
        if let Known::Details(details) = &self.known
            && details.own == Own::OfCommonTemplate
            && details.mates() >= ENOUGH
        {
            self.known = Known::Enough;
        }
    }

    /// Bytes in the manifest.
    fn encoded_len(&self) -> usize {
        let of = match &self.known {
            Known::Enough => 0,
            Known::Details(details) => 2 * (8 + details.seen.len()) + 8 + 5 * details.by.len() + 4,
        };
        REF + 8 + 4 + of
    }

    fn is_valid(&self) -> bool {
        match &self.known {
            Known::Enough => true,
            Known::Details(details) => details.is_valid(),
        }
    }
}

impl Details {
    /// Adds what a subject's images show.
    fn add(&mut self, whose: u32, seen: impl IntoIterator<Item = u32>, is_mate: bool) {
        let known = self.by.iter().position(|(by, _)| *by == whose);
        if let Some((_, mate)) = known.and_then(|place| self.by.get_mut(place)) {
            *mate |= is_mate;
        } else if self.by.len() < MOST {
            self.by.push((whose, is_mate));
        } else {
            return;
        }
        let mut bits = vec![0_u8; self.seen.len()];
        for number in seen.into_iter().map(|number| number as usize) {
            if let Some(byte) = bits.get_mut(number / 8) {
                *byte |= 1 << (number % 8);
            }
        }
        for ((seen, again), new) in self.seen.iter_mut().zip(&mut self.again).zip(bits) {
            if known.is_none() {
                *again |= *seen & new;
            }
            *seen |= new;
        }
    }

    fn mates(&self) -> usize {
        self.by.iter().filter(|(_, is_mate)| *is_mate).count()
    }

    fn is_valid(&self) -> bool {
        let within = |(again, seen): (&u8, &u8)| again & !seen == 0;
        let mut subjects: Vec<u32> = self.by.iter().map(|(by, _)| *by).collect();
        subjects.sort_unstable();
        subjects.dedup();
        self.seen.len() == self.again.len()
            && self.again.iter().zip(&self.seen).all(within)
            && self.by.len() <= MOST
            && subjects.len() == self.by.len()
    }
}

impl serde::Serialize for Prints {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.records.iter().map(|(record, print)| (number_of(record), print)))
    }
}

impl TryFrom<Vec<Entry>> for Prints {
    type Error = &'static str;

    fn try_from(entries: Vec<Entry>) -> Result<Self, Self::Error> {
        if !entries.is_sorted_by(|(a, _), (b, _)| of_number(*a) < of_number(*b)) {
            return Err("records out of order");
        }
        let records = entries.into_iter().map(|(record, print)| (of_number(record), print));
        Ok(Self { records: records.collect() })
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
        let print = self.of(record, local);
        if let Known::Details(details) = &mut print.known {
            details.add(Self::tag(whose), seen, is_mate);
        }
        print.shrink();
    }

    /// Forgets who showed something, of all that `lives` does not name by [`Prints::tag`]: what is print stays so.
    pub fn forget(&mut self, lives: impl Fn(u32) -> bool) {
        for print in self.records.values_mut() {
            if let Known::Details(details) = &mut print.known {
                details.by.retain(|(by, _)| lives(*by));
            }
        }
    }

    /// What is kept of a pseudonym.
    pub fn tag(whose: [u8; 16]) -> u32 {
        let [a, b, c, d, ..] = whose;
        u32::from_le_bytes([a, b, c, d])
    }

    /// Says that the image of a record was looked up, and of how many others' records it showed a little: from 20 on its template is a common one.
    pub fn set_looked_up(&mut self, record: RecordRef, local: &LocalFingerprint, company: usize) {
        let print = self.of(record, local);
        if let Known::Details(details) = &mut print.known {
            details.own = if Self::is_common(company) { Own::OfCommonTemplate } else { Own::OfRareTemplate };
        }
        print.shrink();
    }

    /// Whether so many others were shown that a template is a common one.
    pub const fn is_common(company: usize) -> bool {
        company >= COMMON
    }

    /// The entry of a record with these details; of others nothing is kept.
    fn of(&mut self, record: RecordRef, local: &LocalFingerprint) -> &mut Print {
        let print = self.records.entry(record).or_insert_with(|| Print::new(local));
        if print.details != check(local) {
            *print = Print::new(local);
        }
        print
    }

    /// Whether the image of a record was looked up.
    pub fn is_looked_up(&self, record: RecordRef) -> bool {
        self.records.get(&record).is_some_and(Print::is_looked_up)
    }

    /// Other subjects, up to 64, and 12 of a common template, whose documents are known to be of the same template as a record; `None` where nobody looked.
    pub fn mates(&self, record: RecordRef) -> Option<usize> {
        self.records.get(&record).filter(|print| print.is_looked_up()).map(Print::mates)
    }

    /// Whether nothing is known of a record but what was seen of these details.
    pub fn is_of(&self, record: RecordRef, local: &LocalFingerprint) -> bool {
        self.records.get(&record).is_none_or(|print| print.details == check(local))
    }

    /// Records whose images were looked up.
    pub fn all_looked_up(&self) -> impl Iterator<Item = RecordRef> + '_ {
        self.records.iter().filter(|(_, print)| print.is_looked_up()).map(|(record, _)| *record)
    }

    /// Number of records whose images were looked up.
    pub fn looked_up(&self) -> usize {
        self.all_looked_up().count()
    }

    /// Whether so much is known that no more should be added: a manifest is read whole, and 128 MiB of it take half a second.
    pub fn is_full(&self) -> bool {
        self.records.values().map(Print::encoded_len).sum::<usize>() >= FULL
    }

    /// Lets the details of a record count as shared that are known to be print, where its template is not a common one. Where they are not those that the
    /// entry was made of, nothing is known.
    pub fn mark(&self, record: RecordRef, local: &mut LocalFingerprint) {
        let Some(print) = self.records.get(&record) else { return };
        let Known::Details(details) = &print.known else { return };
        if details.own == Own::OfCommonTemplate || print.details != check(local) {
            return;
        }
        let shared = Sharing::of(SHARED_BY);
        for (number, feature) in local.features.iter_mut().enumerate() {
            if details.seen.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1) {
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
            let known = match &print.known {
                // One fewer than twelve or more makes no difference.
                Known::Enough => Known::Enough,
                Known::Details(details) => {
                    let mut less = Details { seen: details.again.clone(), ..Details::clone(details) };
                    let mate = less.by.iter().position(|(_, is_mate)| *is_mate);
                    mate.map(|place| less.by.remove(place));
                    Known::Details(Box::new(less))
                }
            };
            Print { known, ..*print }
        };
        Self { records: self.records.iter().map(|(record, print)| (*record, less(print))).collect() }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.records.values().all(Print::is_valid)
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
        // Its mates count all the same, and from twelve on no more than that is kept, whoever goes.
        let mates = |prints: &Prints| prints.mates(one);
        assert_eq!((mates(&prints), mates(&prints.without_one())), (Some(2), Some(1)));
        (3..20).for_each(|number| prints.add(one, &record(0), [number; 16], [4], true));
        prints.forget(|_| false);
        assert_eq!((mates(&prints), mates(&prints.without_one())), (Some(12), Some(12)));
        assert_eq!((marked(&prints, one, record(0)), prints.looked_up()), (Vec::new(), 1));
        // Other details are another picture's.
        prints.add(one, &record(7), [3; 16], [4], true);
        assert_eq!((mates(&prints), marked(&prints, one, record(7))), (None, vec![4]));
    }

    fn encoded(prints: &Prints) -> Vec<u8> {
        crate::codec::encode("prints", prints).unwrap()
    }

    #[test]
    fn entries_have_the_stated_sizes_and_are_read_as_they_were_written() {
        let mut prints = Prints::default();
        let mut expected = encoded(&prints).len();
        for number in 0..40_u8 {
            let one = RecordRef::from_bytes([number; 16]);
            (0..number).for_each(|other| prints.add(one, &record(0), [other; 16], [1], other % 2 == 0));
            prints.set_looked_up(one, &record(0), usize::from(number));
            let print = &prints.records[&one];
            expected += print.encoded_len();
            assert_eq!(encoded(&prints).len(), expected);
            // Half of the others are mates.
            assert_eq!(print.encoded_len() == 28, number >= 23);
        }
        assert_eq!(crate::codec::decode::<Prints>("prints", &encoded(&prints)).unwrap(), prints);
        assert!(prints.is_valid());
        let mut one = Prints::default();
        let bytes: [u8; REF] = std::array::from_fn(|place| u8::try_from(place * 9).unwrap());
        one.add(RecordRef::from_bytes(bytes), &record(0), [1; 16], [1], true);
        assert_eq!(encoded(&one)[8..8 + REF], bytes);
    }

    #[test]
    fn nothing_is_read_twice_or_out_of_order() {
        let entry = |number| (number_of(&RecordRef::from_bytes([number; REF])), Print::new(&record(0)));
        let read = |entries: Vec<Entry>| {
            crate::codec::decode::<Prints>("prints", &crate::codec::encode("prints", &entries).unwrap())
        };
        assert_eq!(read(vec![entry(1), entry(2)]).unwrap().records.len(), 2);
        assert!(read(vec![entry(2), entry(1)]).is_err() && read(vec![entry(1), entry(1)]).is_err());
        let mut twice = Prints::default();
        twice.add(RecordRef::from_bytes([1; 16]), &record(0), [1; 16], [1], true);
        assert!(twice.is_valid());
        for print in twice.records.values_mut() {
            let Known::Details(details) = &mut print.known else { unreachable!("just added") };
            details.by.extend(details.by.clone());
        }
        assert!(!twice.is_valid());
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
