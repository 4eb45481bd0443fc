//! How many records share a feature: a count sketch over all records of the build.
//!
//! A template's printed lines give nearly the same code in every document, a portrait gives codes that nobody else
//! has. To tell them apart each record adds the features of its whole pool, kept or not, to [`TABLES`] arrays of
//! counters; a feature's counter in table `t` is chosen by its own selection of the code's bits, so that near codes often
//! meet in the same counter. This is locality-sensitive hashing by bit sampling (Indyk and Motwani, "Approximate Nearest
//! Neighbors", 1998, section 4.2) over counters as in a count-min sketch; the median over the tables stands against a
//! counter that many unrelated features happen to share. Memory depends on the number of counters alone.

use std::mem::MaybeUninit;

use saltprint_fingerprint::{LocalCode, LocalFeature, Sharing};
use saltprint_keys::{BlobFormat, EpochId, IndexKey, Sealing};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::IndexError;
use crate::format::{CENSUS_MAGIC, CENSUS_VERSION, read_u32};

const FORMAT: BlobFormat = BlobFormat { magic: CENSUS_MAGIC, version: CENSUS_VERSION };
/// Arrays of counters.
const TABLES: usize = 4;
/// Places between the first bits of two tables: no bit chooses in two of them.
const TABLE_STEP: u32 = 32;
/// Bits that choose a counter.
const MIN_BITS: u32 = 14;
const MAX_BITS: u32 = 25;
/// Counters for each feature, as a power of two. With one for each, unrelated features that meet hide what a handful of
/// records share, and just that is what strangers then match.
const ROOM: u32 = 2;
/// Share of the bits of one feature that stay in the next document of its template, measured on flat scans and
/// photographs of invented documents; turns the counters' meetings into a number of records.
const BIT_SURVIVES: f64 = 0.95;
/// By the bits of a counter, for how many records of a template one meeting stands. Products in a fixed order: `powi` may round differently on
/// another platform.
const ONE: [f64; MAX_BITS as usize + 1] = {
    let mut of_bits = [1.0; MAX_BITS as usize + 1];
    let (mut bits, mut survive) = (0, 1.0);
    while bits < of_bits.len() {
        of_bits[bits] = 1.0 / survive;
        survive *= BIT_SURVIVES;
        bits += 1;
    }
    of_bits
};
/// Header of the plaintext: number of layers (u32), zero (u32).
const HEADER_LEN: usize = 8;
/// Header of a layer: bits (u32), zero (u32), records (u64), features (u64).
const LAYER_HEADER_LEN: usize = 24;
/// By how many bits a layer is larger than the one below it, at least, but for the largest.
const GROWTH: u32 = 3;
/// Layers that there may be.
const MOST_LAYERS: usize = (MAX_BITS - MIN_BITS).div_ceil(GROWTH) as usize + 1;
/// How many standard deviations of chance meetings, of a counter, are left out where a feature is counted again and again: of the middle of four
/// counters these are nearly three.
const SCATTER: f64 = 1.5;

/// The counters of one epoch.
///
/// A vault grows, and counters that were enough for its first records would at last be met by chance by everything: then nothing can be told from
/// print. Counters cannot be divided afterwards, and pools are not kept. So a census that is full is left as it is, and further records are
/// counted in a larger one above it, of eight times the counters or more. The largest there is, of 134 MB, takes all further records: from some
/// 25,000 on more and more meets there by chance as well, and what is told from it gets coarser, as in a vault that begins so large. With it the
/// smaller layers are at most 77 MB.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Census {
    /// The last one counts; there is always one.
    layers: Vec<Layer>,
}

#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
struct Layer {
    bits: u32,
    records: u64,
    features: u64,
    /// [`TABLES`] arrays of `2^bits` counters, which stop at their largest value.
    counters: Vec<u8>,
}

impl Census {
    /// An empty census that is large enough for about `features` features, as far as 134 MB allow.
    #[must_use]
    pub fn new(features: u64) -> Self {
        Self { layers: vec![Layer::new(bits_for(features))] }
    }

    /// Records counted, also those that have left the vault since.
    pub fn records(&self) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.records))
    }

    /// Makes room for `features` more features: where the last layer is full with them, they will be counted in a new one.
    pub fn make_room(&mut self, features: u64) {
        let bits =
            bits_for(self.layers.iter().fold(features, |sum, layer| sum.saturating_add(layer.features)));
        let Some(last) = self.layers.last().filter(|last| bits > last.bits) else { return };
        if last.records == 0 && last.features == 0 {
            self.layers.pop();
            self.layers.push(Layer::new(bits));
        } else if last.is_full_with(features) {
            let bits = bits.max(last.bits + GROWTH).min(MAX_BITS);
            self.layers.push(Layer::new(bits));
        }
    }

    /// Counts one record: each of its features once, wherever two of them meet.
    pub fn add(&mut self, pool: &[LocalFeature]) {
        if let Some(last) = self.layers.last_mut() {
            last.add(pool);
        }
    }

    /// In about how many *other* records something like a feature appears; of a record that was itself counted since the last
    /// [`Census::make_room`].
    pub fn sharing(&self, code: LocalCode) -> Sharing {
        let meetings = self.layers.iter().map(|layer| layer.meetings(code)).sum::<f64>();
        // The record itself.
        let own = self.layers.last().map_or(0.0, Layer::one);
        self.sharing_of(meetings - own)
    }

    /// In at least how many other records something like a feature appears, of a record that was counted at any time.
    ///
    /// In which layer is not known, so it is taken to be that in which one record says most. And what chance may be is left out: a number that
    /// only grows, as records are counted again and again, would gather it.
    pub fn sharing_at_least(&self, code: LocalCode) -> Sharing {
        let (mut meetings, mut own, mut scatter) = (0.0, 0.0_f64, 0.0);
        for layer in &self.layers {
            let count = layer.count(code);
            meetings += layer.records_of(count);
            scatter += layer.scatter();
            if count >= 1.0 {
                own = own.max(layer.one());
            }
        }
        self.sharing_of(meetings - own - SCATTER * scatter.sqrt())
    }

    /// The most that can be told: counters stop.
    pub fn most_told(&self) -> f64 {
        self.layers.iter().map(|layer| f64::from(u8::MAX) * layer.one()).sum()
    }

    fn sharing_of(&self, records: f64) -> Sharing {
        Sharing::of(records.max(0.0).min(self.records() as f64))
    }

    /// Encrypts and authenticates the census of an epoch. `salt` must be random and new for every call.
    #[must_use]
    pub fn seal(&self, key: &IndexKey, epoch: EpochId, salt: [u8; 32]) -> Vec<u8> {
        let mut header = Zeroizing::new(Vec::with_capacity(HEADER_LEN));
        let layers = u32::try_from(self.layers.len()).unwrap_or(u32::MAX);
        header.extend_from_slice(&layers.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        let headers: Vec<_> = self.layers.iter().map(Layer::header).collect();
        let mut parts: Vec<&[u8]> = vec![&header];
        for (header, layer) in headers.iter().zip(&self.layers) {
            parts.extend([header.as_slice(), layer.counters.as_slice()]);
        }
        Sealing::CENSUS.seal_parts(key, FORMAT, epoch.as_bytes(), &parts, salt)
    }

    /// Reads what [`Census::seal`] wrote.
    ///
    /// # Errors
    /// [`IndexError::Census`] where it is damaged or of another key or epoch; [`IndexError::Inconsistent`].
    pub fn open(key: &IndexKey, epoch: EpochId, bytes: impl Into<Vec<u8>>) -> Result<Self, IndexError> {
        let mut plain =
            Sealing::CENSUS.open(key, FORMAT, epoch.as_bytes(), bytes).map_err(IndexError::Census)?;
        let wrong = || IndexError::inconsistent("census", "sizes out of range");
        let head = plain.first_chunk::<HEADER_LEN>().ok_or_else(wrong)?;
        let count = read_u32(head, 0) as usize;
        if !(1..=MOST_LAYERS).contains(&count) || head[4..] != [0; 4] {
            return Err(wrong());
        }
        let mut layers: Vec<Layer> = Vec::with_capacity(count);
        let mut at = HEADER_LEN;
        while layers.len() < count {
            let head = plain.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(wrong)?;
            let mut layer = Layer::with_header(head).ok_or_else(wrong)?;
            let (from, to) = (at + LAYER_HEADER_LEN, at + LAYER_HEADER_LEN + (TABLES << layer.bits));
            if to > plain.len() || (layers.len() + 1 == count) != (to == plain.len()) {
                return Err(wrong());
            }
            if to == plain.len() {
                // The largest, which is not copied. What moves to the front leaves its bytes behind.
                plain.drain(..from);
                plain.spare_capacity_mut().fill(MaybeUninit::new(0));
                plain.shrink_to_fit();
                layer.counters = std::mem::take(&mut *plain);
            } else {
                layer.counters = plain[from..to].to_vec();
            }
            layers.push(layer);
            at = to;
        }
        if !layers.is_sorted_by(|lower, upper| lower.bits < upper.bits) {
            return Err(wrong());
        }
        Ok(Self { layers })
    }
}

/// Bits of counters that are enough for so many features.
fn bits_for(features: u64) -> u32 {
    (u64::BITS - features.leading_zeros() + ROOM).clamp(MIN_BITS, MAX_BITS)
}

impl Layer {
    fn new(bits: u32) -> Self {
        Self { bits, records: 0, features: 0, counters: vec![0; TABLES << bits] }
    }

    /// Whether `features` more would leave less than two counters for each feature: from there on more and more meet by chance.
    fn is_full_with(&self, features: u64) -> bool {
        self.features.saturating_add(features) >= 1 << (self.bits - 1)
    }

    fn add(&mut self, pool: &[LocalFeature]) {
        self.records = self.records.saturating_add(1);
        self.features = self.features.saturating_add(pool.len() as u64);
        let mut places = Zeroizing::new(Vec::with_capacity(pool.len()));
        for table in 0..TABLES {
            places.clear();
            places.extend(pool.iter().map(|feature| self.place(table, feature.code)));
            places.sort_unstable();
            places.dedup();
            for &place in places.iter() {
                if let Some(counter) = self.counters.get_mut(place) {
                    *counter = counter.saturating_add(1);
                }
            }
        }
    }

    /// What the counters of a code say.
    fn count(&self, code: LocalCode) -> f64 {
        let mut counts = [0.0; TABLES];
        for (table, count) in counts.iter_mut().enumerate() {
            *count = f64::from(self.counters.get(self.place(table, code)).copied().unwrap_or(0));
        }
        counts.sort_unstable_by(f64::total_cmp);
        f64::midpoint(counts[TABLES / 2 - 1], counts[TABLES / 2])
    }

    /// In about how many records of the layer something like a feature appears; below 0 where less meets it than does by chance.
    fn meetings(&self, code: LocalCode) -> f64 {
        self.records_of(self.count(code))
    }

    /// For how many records of the layer such a count stands.
    fn records_of(&self, count: f64) -> f64 {
        (count - self.by_chance()) * self.one()
    }

    /// What unrelated features add to a counter, on average.
    fn by_chance(&self) -> f64 {
        self.features as f64 / f64::from(1_u32 << self.bits)
    }

    /// Variance of that, in records.
    fn scatter(&self) -> f64 {
        self.one() * self.one() * self.by_chance()
    }

    /// For how many records of a template one meeting stands.
    fn one(&self) -> f64 {
        ONE.get(self.bits as usize).copied().unwrap_or(1.0)
    }

    fn place(&self, table: usize, code: LocalCode) -> usize {
        let [low, high] = code.words();
        let code = u128::from(low) | u128::from(high) << 64;
        let turned = code.rotate_right(u32::try_from(table).unwrap_or(0) * TABLE_STEP);
        let mask = (1_usize << self.bits) - 1;
        (table << self.bits) + (usize::try_from(turned & u128::from(u64::MAX)).unwrap_or(0) & mask)
    }

    fn header(&self) -> Zeroizing<Vec<u8>> {
        let mut header = Zeroizing::new(Vec::with_capacity(LAYER_HEADER_LEN));
        header.extend_from_slice(&self.bits.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&self.records.to_le_bytes());
        header.extend_from_slice(&self.features.to_le_bytes());
        header
    }

    /// A layer with this header and no counters; `None` where it is none.
    fn with_header(head: &[u8; LAYER_HEADER_LEN]) -> Option<Self> {
        let (bits, zero) = (read_u32(head, 0), read_u32(head, 4));
        let number = |at: usize| u64::from(read_u32(head, at)) | u64::from(read_u32(head, at + 4)) << 32;
        let is_one = (MIN_BITS..=MAX_BITS).contains(&bits) && zero == 0;
        is_one.then(|| Self { bits, records: number(8), features: number(16), counters: Vec::new() })
    }
}

impl std::fmt::Debug for Census {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Census").field("records", &self.records()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::Place;

    use super::*;

    fn feature(words: [u64; 2]) -> LocalFeature {
        let place = Place { x: 0, y: 0, size: 0, angle: 0 };
        LocalFeature { code: LocalCode::from_words(words), place, sharing: Sharing::default() }
    }

    /// Pseudo-random words from a counter.
    fn words(seed: u64) -> [u64; 2] {
        let hash = blake3::hash(&seed.to_le_bytes());
        let word = |at: usize| u64::from_le_bytes(hash.as_bytes()[at..at + 8].try_into().unwrap());
        [word(0), word(8)]
    }

    /// `code` with about one bit in sixteen flipped.
    fn noisy(code: [u64; 2], seed: u64) -> [u64; 2] {
        let half = [words(seed), words(seed ^ 1 << 40)].map(|[low, high]| low & high);
        let [third, fourth] = [words(seed ^ 1 << 41), words(seed ^ 1 << 42)];
        [code[0] ^ (half[0] & third[0] & fourth[0]), code[1] ^ (half[1] & third[1] & fourth[1])]
    }

    /// A template feature of `common` records, one of `some`, and many that are all different.
    fn census(common: u64, some: u64) -> Census {
        let mut census = Census::new(common * 50);
        for record in 0..common {
            let mut pool: Vec<_> = (0..48).map(|i| feature(words(1000 + record * 64 + i))).collect();
            pool.push(feature(noisy(words(1), record * 2 + 500_000_000)));
            if record < some {
                pool.push(feature(noisy(words(2), record * 2 + 700_000_000)));
            }
            census.add(&pool);
        }
        census
    }

    #[test]
    fn shared_features_stand_out_from_own_ones() {
        let census = census(1000, 60);
        let own = census.sharing(LocalCode::from_words(words(1000 + 5 * 64))).records();
        let some = census.sharing(LocalCode::from_words(words(2))).records();
        let common = census.sharing(LocalCode::from_words(words(1))).records();
        assert!(own < 8.0 && (15.0..200.0).contains(&some) && common > 300.0, "{own} {some} {common}");
    }

    #[test]
    fn a_record_counts_once() {
        let mut census = Census::new(0);
        census.add(&[feature(words(7)); 50]);
        assert_eq!(census.sharing(LocalCode::from_words(words(7))).step(), 0);
    }

    /// A vault that grows a thousandfold from a few records: of what is counted last is told what of it is print, and what was print
    /// before is print now.
    #[test]
    fn a_census_grows_with_its_vault() {
        let mut census = Census::new(0);
        let (mut counted, mut night) = (0, 40);
        while counted < 40_000 {
            census.make_room(night * 52);
            for record in counted..counted + night {
                let mut pool: Vec<_> = (0..48).map(|i| feature(words(1000 + record * 64 + i))).collect();
                pool.push(feature(noisy(words(1), record * 2 + 500_000_000)));
                if record < 40 {
                    pool.push(feature(noisy(words(2), record * 2 + 700_000_000)));
                } else if record % 100 == 0 {
                    pool.push(feature(noisy(words(3), record * 2 + 900_000_000)));
                }
                census.add(&pool);
            }
            counted += night;
            night = counted;
        }
        assert_eq!(census.records(), counted);
        assert!((3..=5).contains(&census.layers.len()), "{:?}", census.layers.len());
        assert!(census.layers.is_sorted_by(|lower, upper| 8 * lower.counters.len() <= upper.counters.len()));
        let sharing = |code| census.sharing_at_least(LocalCode::from_words(code)).records();
        // Of all, of the first forty only, and of one in a hundred.
        assert!(sharing(words(1)) > 400.0, "{}", sharing(words(1)));
        assert!((10.0..120.0).contains(&sharing(words(2))), "{}", sharing(words(2)));
        assert!(sharing(words(3)) > 100.0, "{}", sharing(words(3)));
        // What one record has alone, early or late: a code in twenty may meet something by chance.
        for first in [0, counted - 50] {
            let own = (first..first + 50).map(|record| words(1000 + record * 64 + 7));
            let few = own.clone().filter(|own| sharing(*own) < 8.0).count();
            assert!(few >= 47, "{few} of 50 from record {first} on");
        }
        let last = LocalCode::from_words(words(1000 + (counted - 1) * 64));
        assert!(census.sharing(last).records() < 8.0);
        assert!(census.sharing(LocalCode::from_words(words(1))).records() > 400.0);
    }

    /// Beyond the largest layer everything meets something: that must not pass for being shared, however often it is asked.
    #[test]
    fn what_meets_by_chance_is_not_at_least_shared() {
        // As if there were no larger layer: ten features a counter.
        let mut census = Census::new(0);
        for record in 0..3_400 {
            let mut pool: Vec<_> = (0..48).map(|i| feature(words(1000 + record * 64 + i))).collect();
            pool.extend((record % 34 == 0).then(|| feature(noisy(words(1), record * 2 + 500_000_000))));
            census.add(&pool);
        }
        assert!(census.layers[0].by_chance() > 9.0);
        let own = (0..1000).map(|record| LocalCode::from_words(words(1000 + record * 64 + 7)));
        let shared = |sharing: &dyn Fn(LocalCode) -> Sharing| {
            own.clone().filter(|code| sharing(*code).records() >= 3.0).count()
        };
        let (told, at_least) =
            (shared(&|code| census.sharing(code)), shared(&|code| census.sharing_at_least(code)));
        assert!(at_least <= 10 && told > 10 * at_least, "{told} {at_least}");
        let hundred = census.sharing_at_least(LocalCode::from_words(words(1))).records();
        assert!((40.0..200.0).contains(&hundred), "{hundred}");
    }

    #[test]
    fn a_census_that_nothing_was_counted_in_becomes_larger() {
        let mut census = Census::new(0);
        census.make_room(1 << 20);
        assert!(census == Census::new(1 << 20));
        census.make_room(1 << 10);
        assert!(census == Census::new(1 << 20), "and never smaller");
    }

    #[test]
    fn seals_and_opens() {
        let (key, epoch) = (IndexKey::from_secret(&[1; 32]), EpochId::from_bytes([2; 16]));
        let mut census = census(40, 3);
        census.make_room(1 << 15);
        census.add(&[feature(words(9))]);
        assert_eq!(census.layers.len(), 2);
        let sealed = census.seal(&key, epoch, [3; 32]);
        assert!(Census::open(&key, epoch, sealed.as_slice()).unwrap() == census);
        assert!(Census::open(&key, EpochId::from_bytes([9; 16]), sealed.as_slice()).is_err());
        let mut damaged = sealed.clone();
        damaged[sealed.len() / 2] ^= 1;
        assert!(matches!(Census::open(&key, epoch, damaged.as_slice()), Err(IndexError::Census(_))));
    }
}
