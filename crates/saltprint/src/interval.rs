//! Shares with the exact 95 % interval of Clopper and Pearson.

use statrs::distribution::{Beta, ContinuousCDF as _};

/// Confidence that an interval stands for.
pub const CONFIDENCE: f64 = 0.95;

/// A share of images with its interval. With no image at all the share is absent and the interval is 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Share {
    /// Images that count.
    pub count: u64,
    /// Images in all.
    pub of: u64,
    /// The share, `count / of`, 0 to 1; `None` for no images.
    pub value: Option<f64>,
    /// Lower end of the interval, 0 to 1.
    pub low: f64,
    /// Upper end of the interval, 0 to 1.
    pub high: f64,
}

impl Share {
    /// The share of `count` in `of`; `count` beyond `of` is taken as `of`.
    ///
    /// The interval is exact: it holds the true share with a probability of at least [`CONFIDENCE`], whatever that share
    /// is. For 0 in `n` the upper end is about `3.7 / n`.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Self {
        let count = count.min(of);
        if of == 0 {
            return Self { count, of, value: None, low: 0.0, high: 1.0 };
        }
        let tail = (1.0 - CONFIDENCE) / 2.0;
        let (hits, misses) = (count as f64, (of - count) as f64);
        let low = if count == 0 { 0.0 } else { quantile(hits, misses + 1.0, tail) };
        let high = if count == of { 1.0 } else { quantile(hits + 1.0, misses, 1.0 - tail) };
        Self { count, of, value: Some(hits / of as f64), low, high }
    }
}

/// Quantile of a beta distribution. Both shapes are at least 1 here, which `Beta` accepts.
fn quantile(a: f64, b: f64, probability: f64) -> f64 {
    Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: u64, of: u64, low: f64, high: f64) {
        let share = Share::new(count, of);
        assert!((share.low - low).abs() < 5e-5, "{share:?}");
        assert!((share.high - high).abs() < 5e-5, "{share:?}");
    }

    /// Values as R's `binom.test` gives them.
    #[test]
    fn known_intervals() {
        check(5, 10, 0.1871, 0.8129);
        check(1, 20, 0.0013, 0.2487);
        check(0, 10, 0.0, 0.3085);
        check(10, 10, 0.6915, 1.0);
        check(95, 100, 0.8872, 0.9836);
        check(0, 2000, 0.0, 0.001_843);
    }

    #[test]
    fn closed_forms_at_the_ends() {
        for of in [1_u64, 7, 1_000, 72_000] {
            // 0 of n: the upper end solves (1 - p)^n = 0.025.
            let expected = 1.0 - 0.025_f64.powf(1.0 / of as f64);
            let share = Share::new(0, of);
            assert!((share.high - expected).abs() < expected * 1e-6, "{of}: {share:?}");
            assert!((Share::new(of, of).low - (1.0 - expected)).abs() < 1e-9);
        }
    }

    #[test]
    fn mirrored_counts_give_mirrored_intervals_that_hold_the_share() {
        for of in 1..60_u64 {
            for count in 0..=of {
                let (here, there) = (Share::new(count, of), Share::new(of - count, of));
                assert!((here.low - (1.0 - there.high)).abs() < 1e-9);
                let share = here.value.unwrap();
                assert!(here.low <= share && share <= here.high, "{here:?}");
            }
        }
    }

    #[test]
    fn no_images_say_nothing() {
        assert_eq!(Share::new(0, 0), Share { count: 0, of: 0, value: None, low: 0.0, high: 1.0 });
        assert_eq!(Share::new(9, 3), Share::new(3, 3));
    }
}
