//! The bounds that verdicts rest on.

use statrs::distribution::{Binomial, ChiSquared, ContinuousCDF as _, DiscreteCDF as _, Normal};

/// The chance of a false alarm that the bound of an attack stands for: what is slightly better than chance is to be said.
pub(crate) const ATTACK: f64 = 0.01;

/// The chance of a false alarm that the bound of a claim stands for. Claims are what has to hold of any index, whatever the
/// vault, and some of their measurements rest on fresh random numbers: at the customary 1 % one report in ten would accuse a
/// sound index, while keys that do not hide what they should miss these bounds by far.
pub(crate) const CLAIM: f64 = 1e-6;

/// Mean and deviation (of the sample) of some numbers; zeros for none.
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (mean, (square / (count - 1.0).max(1.0)).sqrt())
}

/// How many deviations a mean of many numbers with expectation 0 lies from it; 0 where there is no variation.
pub(crate) fn deviations(values: &[f64]) -> f64 {
    let (mean, deviation) = moments(values);
    if deviation > 0.0 { mean / deviation * (values.len() as f64).sqrt() } else { 0.0 }
}

/// What the largest of `cells` normed sums of fair coin tosses stays below with a chance of 1 - [`CLAIM`], by Hoeffding's
/// inequality and the union bound: no assumption about their dependence, none about their number.
pub(crate) fn largest_of(cells: u64) -> f64 {
    (2.0 * (2.0 * cells.max(1) as f64 / CLAIM).ln()).sqrt()
}

/// Both tails of the normal distribution beyond this together hold `alpha`.
pub(crate) fn two_sided(alpha: f64) -> f64 {
    Normal::standard().inverse_cdf(1.0 - alpha / 2.0)
}

/// What a chi-square of `freedom` degrees stays below with a chance of `1 - alpha`.
pub(crate) fn chi_square_bound(freedom: f64, alpha: f64) -> f64 {
    ChiSquared::new(freedom.max(1.0)).map_or(f64::INFINITY, |law| law.inverse_cdf(1.0 - alpha))
}

/// The largest difference of the distributions of two samples (Kolmogorov and Smirnov).
pub(crate) fn ks_distance(a: &[u32], b: &[u32]) -> f64 {
    let most = a.iter().chain(b).copied().max().unwrap_or(0) as usize;
    let (mut ours, mut theirs) = (vec![0_u32; most + 1], vec![0_u32; most + 1]);
    for (sample, counts) in [(a, &mut ours), (b, &mut theirs)] {
        for value in sample {
            counts[*value as usize] += 1;
        }
    }
    let (mut below_a, mut below_b, mut largest) = (0.0, 0.0, 0.0_f64);
    for (in_a, in_b) in ours.into_iter().zip(theirs) {
        below_a += f64::from(in_a) / a.len().max(1) as f64;
        below_b += f64::from(in_b) / b.len().max(1) as f64;
        largest = largest.max((below_a - below_b).abs());
    }
    largest
}

/// What [`ks_distance`] of two samples of one law stays below with a chance of about 1 - [`CLAIM`]; for whole numbers the
/// chance is larger.
pub(crate) fn ks_bound(a: usize, b: usize) -> f64 {
    let (a, b) = (a.max(1) as f64, b.max(1) as f64);
    (-(CLAIM / 2.0).ln() / 2.0 * (a + b) / (a * b)).sqrt()
}

/// Chance that a fair coin, tossed `tosses` times, shows heads at most `heads` times.
pub(crate) fn fair_at_most(heads: u32, tosses: u32) -> f64 {
    Binomial::new(0.5, u64::from(tosses)).map_or(1.0, |law| law.cdf(u64::from(heads)))
}

/// The fewest heads in `tosses` of a fair coin that are seen anywhere in `trials` trials with a chance of at least
/// [`CLAIM`]: fewer are a surprise, however the trials hang together.
pub(crate) fn fewest_heads(tosses: u32, trials: f64) -> u32 {
    (0..=tosses).find(|heads| fair_at_most(*heads, tosses) * trials > CLAIM).unwrap_or(tosses)
}

/// What a count of successes in `trials`, each of chance `chance`, stays at or below with a chance of 1 - [`ATTACK`].
pub(crate) fn most_successes(trials: u64, chance: f64) -> u64 {
    Binomial::new(chance.clamp(0.0, 1.0), trials).map_or(trials, |law| law.inverse_cdf(1.0 - ATTACK))
}

/// Rank correlation of an order: `order[i]` is the rank, 0 to n - 1, of what stands at place `i`.
pub(crate) fn rank_correlation(order: &[usize]) -> f64 {
    let count = order.len() as f64;
    if order.len() < 2 {
        return 0.0;
    }
    let square: f64 = order.iter().enumerate().map(|(at, rank)| (at as f64 - *rank as f64).powi(2)).sum();
    1.0 - 6.0 * square / (count * (count * count - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} instead of {expected}");
    }

    #[test]
    fn moments_and_deviations() {
        let (mean, deviation) = moments(&[1.0, 2.0, 3.0, 4.0]);
        near(mean, 2.5, 1e-12);
        near(deviation, 1.290_994, 1e-6);
        near(deviations(&[1.0, 2.0, 3.0, 4.0]), 3.872_983, 1e-6);
        near(deviations(&[0.0; 9]), 0.0, 0.0);
    }

    #[test]
    fn bounds_are_those_of_tables() {
        near(two_sided(0.05), 1.959_964, 1e-5);
        near(chi_square_bound(10.0, 0.05), 18.307, 1e-3);
        // Of two samples of equal size: sqrt(ln(2 / alpha) / n).
        near(ks_bound(200, 200), 0.2693, 1e-4);
        near(largest_of(1), 5.387, 1e-3);
        near(fair_at_most(4, 8), 0.636_719, 1e-6);
        // 2^-20 is less than one in a million, 21 * 2^-20 is more.
        assert_eq!((fewest_heads(20, 1.0), fewest_heads(19, 1.0)), (1, 0));
        assert_eq!(most_successes(100, 0.0), 0);
        assert_eq!(most_successes(10, 0.5), 9);
    }

    #[test]
    fn distributions_differ_or_not() {
        let a: Vec<u32> = (0..100).collect();
        let b: Vec<u32> = (50..150).collect();
        near(ks_distance(&a, &b), 0.5, 1e-9);
        near(ks_distance(&a, &a), 0.0, 1e-9);
    }

    #[test]
    fn ranks_correlate() {
        near(rank_correlation(&[0, 1, 2, 3]), 1.0, 1e-12);
        near(rank_correlation(&[3, 2, 1, 0]), -1.0, 1e-12);
        near(rank_correlation(&[1, 3, 0, 2]), 0.0, 1e-12);
    }
}
