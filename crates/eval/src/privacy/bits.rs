//! (a) Are code bits under random keys fair coins that know nothing of each other?

use saltprint_fingerprint::{GlobalCode, LocalCode};

use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::keyring::Under;
use super::stats;

/// Keys whose codes are looked at over images.
const EPOCHS: usize = 4;

const METHOD: &str = "Each of some images gets its code under many random keys. For a fixed image, a bit over the keys should be a \
    fair coin, and whether two bits agree as well. Every bit of every image is a test, and every pair of bits; bounds hold \
    for all of them together (Hoeffding's inequality and the union bound), whatever the dependence between images.";

pub(super) fn measure(keyring: &[Under]) -> Measurement {
    let mut measured = Measurement::new('a', "Bits under random keys", METHOD);
    let mut table = PrivacyTable::new(
        "Over keys: deviations from a fair coin",
        &[
            "bits",
            "images",
            "keys",
            "tests",
            "largest",
            "bound",
            "root mean square",
            "pairs",
            "largest",
            "bound",
            "root mean square",
        ],
    );
    let images = keyring.first().map_or(0, |under| under.parts.len());
    let whole = Coins::toss(keyring.len(), images, 256, |key, image, bit| {
        bit_of(&keyring[key].whole[image].words(), bit)
    });
    let parts = Coins::toss(keyring.len(), images, 128, |key, image, bit| {
        bit_of(&keyring[key].parts[image].words(), bit)
    });
    for (name, coins) in [("whole-image codes (256)", whole), ("local codes (128)", parts)] {
        coins.judge(name, &mut measured.findings);
        table.rows.push(coins.row(name, images, keyring.len()));
    }
    measured.tables.push(table);
    measured.tables.push(over_images(keyring));
    measured
}

fn bit_of(words: &[u64], bit: usize) -> bool {
    words[bit / 64] >> (bit % 64) & 1 == 1
}

/// How far counts of heads lie from half the tosses, in deviations of a fair coin.
#[derive(Default)]
struct Off {
    tests: u64,
    largest: f64,
    square: f64,
}

impl Off {
    fn add(&mut self, heads: u32, tosses: usize) -> f64 {
        let off = (2.0 * f64::from(heads) - tosses as f64) / (tosses.max(1) as f64).sqrt();
        self.tests += 1;
        self.largest = self.largest.max(off.abs());
        self.square += off * off;
        off * off
    }

    /// 1 for fair coins.
    fn root_mean_square(&self) -> f64 {
        (self.square / self.tests.max(1) as f64).sqrt()
    }
}

/// All tests on codes of one length.
#[derive(Default)]
struct Coins {
    bits: usize,
    images: usize,
    single: Off,
    pairs: Off,
    /// Largest sum of squares over the bits of one image: a chi-square.
    largest_sum: f64,
}

impl Coins {
    fn toss(keys: usize, images: usize, bits: usize, bit: impl Fn(usize, usize, usize) -> bool) -> Self {
        let mut coins = Self { bits, images, ..Self::default() };
        for image in 0..images {
            // Each bit over the keys, packed.
            let columns: Vec<Vec<u64>> = (0..bits)
                .map(|at| {
                    let mut column = vec![0_u64; keys.div_ceil(64)];
                    (0..keys)
                        .for_each(|key| column[key / 64] |= u64::from(bit(key, image, at)) << (key % 64));
                    column
                })
                .collect();
            let mut sum = 0.0;
            for (at, column) in columns.iter().enumerate() {
                sum += coins.single.add(column.iter().map(|word| word.count_ones()).sum(), keys);
                for other in &columns[..at] {
                    let differ: u32 = column.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum();
                    coins.pairs.add(differ, keys);
                }
            }
            coins.largest_sum = coins.largest_sum.max(sum);
        }
        coins
    }

    fn judge(&self, name: &str, findings: &mut Vec<Finding>) {
        let all = "1 in a million for all tests together (Hoeffding, union bound)";
        findings.push(Finding::at_most(
            format!("{name}: largest bias of a bit, deviations"),
            self.single.largest,
            stats::largest_of(self.single.tests),
            all,
        ));
        findings.push(Finding::at_most(
            format!("{name}: largest bias of an image's bits together, chi-square"),
            self.largest_sum,
            stats::chi_square_bound(self.bits as f64, stats::CLAIM / self.images.max(1) as f64),
            "1 in a million for all images together (chi-square, union bound)",
        ));
        findings.push(Finding::at_most(
            format!("{name}: largest correlation of two bits, deviations"),
            self.pairs.largest,
            stats::largest_of(self.pairs.tests),
            all,
        ));
    }

    fn row(&self, name: &str, images: usize, keys: usize) -> Vec<Cell> {
        let mut row = vec![Cell::text(name), Cell::count(images), Cell::count(keys)];
        for off in [&self.single, &self.pairs] {
            row.extend([
                Cell::Count(off.tests),
                Cell::Number(off.largest, 2),
                Cell::Number(stats::largest_of(off.tests), 2),
                Cell::Number(off.root_mean_square(), 3),
            ]);
        }
        row
    }
}

/// What no key can hide: within one epoch, codes of documents that are alike are alike.
fn over_images(keyring: &[Under]) -> PrivacyTable {
    let mut table = PrivacyTable::new(
        "Within one key, over images: no claim, since codes of like documents are meant to be alike",
        &[
            "key",
            "images",
            "mean bias of a bit",
            "largest",
            "mean correlation of two bits",
            "largest",
            "distance of strangers, mean",
            "deviation",
            "as many independent bits",
        ],
    );
    for (number, under) in keyring.iter().take(EPOCHS).enumerate() {
        let codes = &under.whole;
        let count = codes.len().max(1) as f64;
        let signs: Vec<Vec<f64>> = (0..256)
            .map(|bit| codes.iter().map(|code| if bit_of(&code.words(), bit) { 1.0 } else { -1.0 }).collect())
            .collect();
        let means: Vec<f64> = signs.iter().map(|bits| bits.iter().sum::<f64>() / count).collect();
        let (mut sum, mut largest, mut pairs) = (0.0, 0.0_f64, 0.0);
        for a in 0..256 {
            for b in 0..a {
                let both = signs[a].iter().zip(&signs[b]).map(|(x, y)| x * y).sum::<f64>() / count;
                let spread = ((1.0 - means[a] * means[a]) * (1.0 - means[b] * means[b])).sqrt().max(1e-9);
                let correlation = ((both - means[a] * means[b]) / spread).abs();
                sum += correlation;
                largest = largest.max(correlation);
                pairs += 1.0;
            }
        }
        // Neighbours in the list are strangers but for one pair in twelve or so.
        let distances: Vec<f64> =
            codes.windows(3).map(|three| f64::from(three[0].distance(&three[2]))).collect();
        let (mean, deviation) = stats::moments(&distances);
        let share = mean / 256.0;
        let biases = means.iter().map(|mean| (mean / 2.0).abs());
        table.rows.push(vec![
            Cell::count(number + 1),
            Cell::count(codes.len()),
            Cell::Number(biases.clone().sum::<f64>() / 256.0, 3),
            Cell::Number(biases.fold(0.0, f64::max), 3),
            Cell::Number(sum / pairs, 3),
            Cell::Number(largest, 3),
            Cell::Number(mean, 1),
            Cell::Number(deviation, 1),
            Cell::Number(share * (1.0 - share) * 256.0 * 256.0 / (deviation * deviation).max(1e-9), 0),
        ]);
    }
    table
}

const _: () = assert!(GlobalCode::BITS == 256 && LocalCode::BITS == 128);

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(seed: usize) -> bool {
        let mut z = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 63 == 1
    }

    fn leaks(coins: &Coins) -> Vec<bool> {
        let mut findings = Vec::new();
        coins.judge("", &mut findings);
        findings.iter().map(|finding| finding.verdict == super::super::PrivacyVerdict::Leaks).collect()
    }

    #[test]
    fn fair_coins_pass_and_others_do_not() {
        let number = |key: usize, image: usize, bit: usize| (key * 8 + image) * 16 + bit;
        let fair = Coins::toss(256, 8, 16, |key, image, bit| coin(number(key, image, bit)));
        assert_eq!(leaks(&fair), [false; 3]);
        assert_eq!((fair.single.tests, fair.pairs.tests), (128, 8 * 120));
        assert!((fair.pairs.root_mean_square() - 1.0).abs() < 0.1);
        // One bit of one image that is a one in three quarters of the keys.
        let biased = Coins::toss(256, 8, 16, |key, image, bit| {
            coin(number(key, image, bit)) || (image == 3 && bit == 5 && key % 2 == 0)
        });
        assert_eq!(leaks(&biased), [true, true, false]);
        // Two bits that always agree.
        let twins = Coins::toss(256, 8, 16, |key, image, bit| coin(number(key, image, bit.max(1))));
        assert_eq!(leaks(&twins), [false, false, true]);
    }
}
