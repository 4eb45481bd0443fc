//! Records that are mixed of real ones.

use saltprint_fingerprint::{Fingerprint, GlobalCode, LocalCode, LocalFeature, LocalFingerprint, Place};
use saltprint_index::{RecordFacts, SegmentRecord};
use saltprint_keys::{ContentDigest, RecordRef, SubjectRef};

/// Real records that others are made of, at most.
const DONORS: usize = 20_000;
/// Of so many features the one nearest to a first is mixed with it.
pub(super) const NEIGHBOURS: usize = 64;

/// What a donor gives.
struct Donor {
    facts: RecordFacts,
    global: GlobalCode,
    width: u16,
    height: u16,
    features: usize,
}

/// What invented records are made of.
pub(super) struct Donors {
    records: Vec<Donor>,
    features: Vec<LocalFeature>,
}

impl Donors {
    /// The first of some records; `None` where they have no features.
    pub(super) fn of(records: &[SegmentRecord]) -> Option<Self> {
        let records = &records[..records.len().min(DONORS)];
        let features: Vec<LocalFeature> =
            records.iter().flat_map(|record| record.fingerprint.local.features.iter().copied()).collect();
        let donor = |record: &SegmentRecord| Donor {
            facts: record.facts.clone(),
            global: record.fingerprint.global,
            width: record.fingerprint.local.width,
            height: record.fingerprint.local.height,
            features: record.fingerprint.local.features.len(),
        };
        let records = records.iter().map(donor).collect();
        (!features.is_empty()).then_some(Self { records, features })
    }

    /// Record `number`, which is the same whenever it is asked for.
    pub(super) fn invent(&self, seed: u64, number: u64) -> SegmentRecord {
        let mut words = Words(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number);
        // Seeds that follow each other begin alike.
        words = Words(words.next());
        let model = words.pick(&self.records);
        let mut facts = RecordFacts::new(ContentDigest::from_bytes(words.bytes()));
        facts.source.clone_from(&model.facts.source);
        facts.kind.clone_from(&model.facts.kind);
        facts.captured = model.facts.captured;
        facts.subject = Some(SubjectRef::from_bytes(words.bytes()));
        let features = (0..model.features).map(|_| self.feature(model, &mut words)).collect();
        let local = LocalFingerprint { width: model.width, height: model.height, features };
        let record_ref = RecordRef::from_bytes(words.bytes());
        SegmentRecord { record_ref, facts, fingerprint: Fingerprint::new(self.global(&mut words), local) }
    }

    /// Each bit is that of one of three records. Different ones: others would be copies of a real record, or near to it.
    fn global(&self, words: &mut Words) -> GlobalCode {
        let code = |donor: &Donor| donor.global.words();
        let a = code(words.pick(&self.records));
        let b = code(words.another(&self.records, |donor| code(donor) != a));
        let c = code(words.another(&self.records, |donor| ![a, b].contains(&code(donor))));
        GlobalCode::from_words(std::array::from_fn(|at| {
            let (first, second) = (words.sparse(5), words.sparse(7));
            let others = (b[at] & second) | (c[at] & !second);
            (a[at] & first) | (others & !first)
        }))
    }

    /// Each bit is that of one of two features that are not far from each other.
    fn feature(&self, model: &Donor, words: &mut Words) -> LocalFeature {
        let first = words.pick(&self.features);
        // The same feature again would make a copy.
        let others =
            (0..NEIGHBOURS).map(|_| words.pick(&self.features).code).filter(|code| *code != first.code);
        let second = others.min_by_key(|code| first.code.distance(code)).unwrap_or(first.code);
        let (a, b) = (first.code.words(), second.words());
        let mixed = [0, 1].map(|at| {
            let mask = words.next();
            (a[at] & mask) | (b[at] & !mask)
        });
        let mut coordinate = |side: u16| u16::try_from(words.below(side.into())).unwrap_or(0);
        let place = Place {
            x: coordinate(model.width),
            y: coordinate(model.height),
            size: first.place.size,
            angle: words.next().to_le_bytes()[0],
        };
        LocalFeature { code: LocalCode::from_words(mixed), place, sharing: first.sharing }
    }
}

/// Words that look random: `SplitMix64` (Steele, Lea, Flood 2014).
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let scaled = (u128::from(self.next()) * limit as u128) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }

    /// There must be one.
    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of some kind, if a few tries find it.
    fn another<'a, T>(&mut self, items: &'a [T], wanted: impl Fn(&T) -> bool) -> &'a T {
        let mut tries = (0..NEIGHBOURS).map(|_| self.pick(items));
        tries.find(|item| wanted(item)).unwrap_or(&items[0])
    }

    /// A word whose bits are set in so many of sixteen cases.
    fn sparse(&mut self, sixteenths: u32) -> u64 {
        (0..4).fold(0, |bits, digit| {
            let word = self.next();
            if sixteenths >> digit & 1 == 1 { bits | word } else { bits & word }
        })
    }

    fn bytes(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_word_has_its_share_of_bits() {
        let mut words = Words(1);
        for sixteenths in [1, 5, 7, 12] {
            let ones: u32 = (0..1000).map(|_| words.sparse(sixteenths).count_ones()).sum();
            let expected = 4000 * sixteenths;
            assert!(ones.abs_diff(expected) < 1000, "{sixteenths}: {ones} of {expected}");
        }
    }
}
