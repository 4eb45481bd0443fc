//! How many records share a feature: a count sketch over all records of the build.
//!
//! A template's printed lines give nearly the same code in every document, a portrait gives codes that nobody else
//! has. To tell them apart each record adds the features of its whole pool, kept or not, to [`TABLES`] arrays of
//! counters; a feature's counter in table `t` is chosen by its own selection of the code's bits, so that near codes often
//! meet in the same counter. This is locality-sensitive hashing by bit sampling (Indyk and Motwani, "Approximate Nearest
//! Neighbors", 1998, section 4.2) over counters as in a count-min sketch; the median over the tables stands against a
//! counter that many unrelated features happen to share. Memory depends on the number of counters alone.

use saltprint_fingerprint::{LocalCode, LocalFeature, Sharing};
use saltprint_keys::{BlobFormat, EpochId, IndexKey, Sealing};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::IndexError;
use crate::format::{CENSUS_MAGIC, CENSUS_VERSION};

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
/// Header of the plaintext: bits (u32), zero (u32), records (u64), features (u64).
const HEADER_LEN: usize = 24;

/// The counters of one epoch.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Census {
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
        let bits = (u64::BITS - features.leading_zeros() + ROOM).clamp(MIN_BITS, MAX_BITS);
        Self { bits, records: 0, features: 0, counters: vec![0; TABLES << bits] }
    }

    /// Records counted, also those that have left the vault since.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether a new census with more counters would serve `features` features better.
    pub fn is_outgrown_by(&self, features: u64) -> bool {
        self.bits < MAX_BITS && features >> self.bits >= 1
    }

    /// Counts one record: each of its features once, wherever two of them meet.
    pub fn add(&mut self, pool: &[LocalFeature]) {
        self.records += 1;
        self.features += pool.len() as u64;
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

    /// In about how many *other* records something like the feature of a record that was counted appears.
    pub fn sharing(&self, code: LocalCode) -> Sharing {
        let mut counts = [0.0; TABLES];
        for (table, count) in counts.iter_mut().enumerate() {
            *count = f64::from(self.counters.get(self.place(table, code)).copied().unwrap_or(0));
        }
        counts.sort_unstable_by(f64::total_cmp);
        let middle = f64::midpoint(counts[TABLES / 2 - 1], counts[TABLES / 2]);
        // The record itself, and what unrelated features add to every counter.
        let by_chance = self.features as f64 / f64::from(1_u32 << self.bits);
        let meetings = (middle - 1.0 - by_chance).max(0.0);
        // A product in a fixed order: `powi` may round differently on another platform.
        let survive: f64 = (0..self.bits).map(|_| BIT_SURVIVES).product();
        Sharing::of((meetings / survive).min(self.records as f64))
    }

    fn place(&self, table: usize, code: LocalCode) -> usize {
        let [low, high] = code.words();
        let code = u128::from(low) | u128::from(high) << 64;
        let turned = code.rotate_right(u32::try_from(table).unwrap_or(0) * TABLE_STEP);
        let mask = (1_usize << self.bits) - 1;
        (table << self.bits) + (usize::try_from(turned & u128::from(u64::MAX)).unwrap_or(0) & mask)
    }

    /// Encrypts and authenticates the census of an epoch. `salt` must be random and new for every call.
    #[must_use]
    pub fn seal(&self, key: &IndexKey, epoch: EpochId, salt: [u8; 32]) -> Vec<u8> {
        let mut header = Zeroizing::new(Vec::with_capacity(HEADER_LEN));
        header.extend_from_slice(&self.bits.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&self.records.to_le_bytes());
        header.extend_from_slice(&self.features.to_le_bytes());
        Sealing::CENSUS.seal_parts(key, FORMAT, epoch.as_bytes(), &[&header, &self.counters], salt)
    }

    /// Reads what [`Census::seal`] wrote. Bytes that are given as a `Vec` are not copied.
    ///
    /// # Errors
    /// [`IndexError::Census`] where it is damaged or of another key or epoch; [`IndexError::Inconsistent`].
    pub fn open(key: &IndexKey, epoch: EpochId, bytes: impl Into<Vec<u8>>) -> Result<Self, IndexError> {
        let mut plain =
            Sealing::CENSUS.open(key, FORMAT, epoch.as_bytes(), bytes).map_err(IndexError::Census)?;
        let wrong = IndexError::inconsistent("census", "sizes out of range");
        let Some((header, counters)) = plain.split_first_chunk::<HEADER_LEN>() else {
            return Err(wrong);
        };
        let number = |at: usize| {
            let mut le = [0; 8];
            le.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(le)
        };
        let bits = number(0);
        if !(u64::from(MIN_BITS)..=u64::from(MAX_BITS)).contains(&bits) || counters.len() != TABLES << bits {
            return Err(wrong);
        }
        let bits = u32::try_from(bits).unwrap_or(MIN_BITS);
        let (records, features) = (number(8), number(16));
        plain.drain(..HEADER_LEN);
        Ok(Self { bits, records, features, counters: std::mem::take(&mut *plain) })
    }
}

impl std::fmt::Debug for Census {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Census").field("records", &self.records).finish_non_exhaustive()
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

    #[test]
    fn seals_and_opens() {
        let (key, epoch) = (IndexKey::from_secret(&[1; 32]), EpochId::from_bytes([2; 16]));
        let census = census(40, 3);
        let sealed = census.seal(&key, epoch, [3; 32]);
        assert!(Census::open(&key, epoch, sealed.as_slice()).unwrap() == census);
        assert!(Census::open(&key, EpochId::from_bytes([9; 16]), sealed.as_slice()).is_err());
        let mut damaged = sealed.clone();
        damaged[sealed.len() / 2] ^= 1;
        assert!(matches!(Census::open(&key, epoch, damaged.as_slice()), Err(IndexError::Census(_))));
    }
}
