//! How much more likely what is read of a record's features is in a copy than in a stranger's document.
//!
//! A copy of which a part is covered, blacked or cut away agrees in few features, as a stranger of the same template may. But what
//! is left of it agrees *exactly*, which a stranger's features hardly ever do. Adding up weights cannot tell the two, a
//! likelihood ratio can.

use std::sync::OnceLock;

use saltprint_fingerprint::LocalCode;

use super::score::{RADIUS, crowding};

/// Distances that occur: 0 to 128 bits.
const DISTANCES: usize = LocalCode::BITS as usize + 1;
/// Up to each distance, the share of a record's features in strangers' documents of its template, read at their places. Measured
/// on 300 invented strangers and the eight records that each of them resembles most. Between these the shares grow evenly.
const STRANGERS: [(usize, f64); 13] = [
    (0, 0.0001),
    (1, 0.0007),
    (2, 0.0022),
    (4, 0.0088),
    (6, 0.0219),
    (8, 0.0412),
    (12, 0.0906),
    (16, 0.1501),
    (20, 0.2163),
    (24, 0.2888),
    (28, 0.3651),
    (64, 0.99),
    (128, 1.0),
];
/// Mean distances of features that are there in a copy: untouched, good, fair and poor copies. Distances fall off geometrically.
const QUALITIES: [f64; 4] = [1.5, 4.0, 8.0, 14.0];
/// Shares of the features in view that are there.
const SHARES: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9];
/// Most that one feature may say, in nats: what strangers' documents have by chance in one of four hundred places they may have for
/// a reason.
const MOST: f64 = 6.0;
/// Fewest features that agree.
const FEWEST: usize = 3;

/// A feature of a record that was read at its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Its place in the record.
    pub(super) at: (f64, f64),
    /// How far it looks from the record's, in bits.
    pub(super) distance: u32,
    /// What an agreement tells, 0 to 1.
    pub(super) weight: f64,
}

/// Logarithm of the ratio of the likelihoods of what is seen, in a copy and in a stranger's document of the template; in nats,
/// at least 0.
///
/// In a copy each feature is there with a probability that is the same for all, and then as near as the quality of the copy
/// has it; otherwise it is a stranger's. Neither is known, so the ratio is the mean over all of [`QUALITIES`] and [`SHARES`]: a
/// mixture, of which a stranger reaches r at most once in r cases (Wald, "Sequential Analysis", 1947, section 4.1.3), as far as
/// features are independent. They are not, so what speaks for the record counts by its weight and less in a crowd, while
/// what speaks against it counts in full; and the tail of strangers is measured all the same.
pub(super) fn ratio(mut seen: Vec<Seen>) -> f64 {
    if seen.iter().filter(|one| one.distance <= RADIUS).count() < FEWEST {
        return 0.0;
    }
    // Stable: the nearest first, so that of a crowd the nearest counts in full.
    seen.sort_by_key(|one| one.distance);
    let weights: Vec<f64> = (0..seen.len())
        .map(|number| {
            let near = seen[..number].iter().filter(|other| other.distance <= RADIUS);
            seen[number].weight / crowding(seen[number].at, near.map(|other| other.at))
        })
        .collect();
    let total = |ratios: &[f64; DISTANCES]| {
        let terms = seen.iter().zip(&weights).map(|(one, weight)| {
            let ratio = ratios.get(one.distance as usize).copied().unwrap_or(0.0);
            if ratio > 0.0 { ratio * weight } else { ratio }
        });
        terms.sum::<f64>()
    };
    let ratios: Vec<f64> = tables().iter().map(total).collect();
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = ratios.iter().map(|ratio| libm::exp(ratio - most)).sum::<f64>() / ratios.len() as f64;
    (most + libm::log(mean)).max(0.0)
}

/// What a feature at each distance says, for each quality and share.
fn tables() -> &'static [[f64; DISTANCES]] {
    static TABLES: OnceLock<Vec<[f64; DISTANCES]>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let strangers = density();
        let mut tables = Vec::with_capacity(QUALITIES.len() * SHARES.len());
        for quality in QUALITIES {
            let step = libm::exp(-1.0 / quality);
            let total: f64 = (0..DISTANCES).map(|distance| libm::pow(step, distance as f64)).sum();
            for share in SHARES {
                tables.push(std::array::from_fn(|distance| {
                    let there = libm::pow(step, distance as f64) / total;
                    let ratio = (there / strangers[distance]).min(libm::exp(MOST));
                    libm::log(1.0 - share + share * ratio)
                }));
            }
        }
        tables
    })
}

/// Share of strangers' features at each distance.
fn density() -> [f64; DISTANCES] {
    let mut density = [0.0; DISTANCES];
    let (mut from, mut below) = (0, 0.0);
    for (to, up_to) in STRANGERS {
        let share = (up_to - below) / (to + 1 - from) as f64;
        density[from..=to].fill(share);
        (from, below) = (to + 1, up_to);
    }
    density
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 features, far apart, at these distances.
    fn seen(distance: impl Fn(u32) -> u32) -> Vec<Seen> {
        (0..64)
            .map(|row| Seen {
                at: (f64::from(row % 8) * 1000.0, f64::from(row / 8) * 1000.0),
                distance: distance(row),
                weight: 1.0,
            })
            .collect()
    }

    #[test]
    fn the_density_is_one() {
        assert!((density().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(density().iter().all(|share| *share > 0.0));
    }

    #[test]
    fn few_exact_features_say_more_than_many_similar_ones() {
        let portrait_left = ratio(seen(|row| if row % 6 == 0 { row % 3 } else { 45 }));
        let stranger = ratio(seen(|row| 6 + row % 50));
        assert!(portrait_left > 20.0, "{portrait_left}");
        assert!(stranger < 5.0, "{stranger}");
        // A poor copy that shows everything.
        assert!(ratio(seen(|row| row % 28)) > 15.0);
        assert!(ratio(seen(|_| 60)) < 1e-9 && ratio(Vec::new()) < 1e-9);
    }

    #[test]
    fn crowds_and_common_features_say_less() {
        let apart = ratio(seen(|row| if row < 8 { 1 } else { 50 }));
        let mut together = seen(|row| if row < 8 { 1 } else { 50 });
        for one in together.iter_mut().take(8) {
            one.at = (0.0, 0.0);
        }
        let mut common = seen(|row| if row < 8 { 1 } else { 50 });
        for one in &mut common {
            one.weight = 0.25;
        }
        assert!(ratio(together) < apart * 0.4 && ratio(common) < apart * 0.4);
    }

    proptest::proptest! {
        #[test]
        fn an_exact_feature_instead_of_none_never_says_less(
            distances in proptest::collection::vec(0_u32..=128, 64), which in 0_usize..64,
        ) {
            let as_far = |distances: &[u32]| ratio(seen(|row| distances[row as usize]));
            let mut nearer = distances.clone();
            nearer[which] = 0;
            proptest::prop_assert!(as_far(&nearer) >= as_far(&distances) - 1e-9);
        }

        #[test]
        fn order_does_not_matter(distances in proptest::collection::vec(0_u32..=128, 64), step in 1.0_f64..400.0) {
            // Crowded, and each distance once, so that the nearest first is one order.
            let mut forwards = seen(|row| distances[row as usize]);
            for (number, one) in forwards.iter_mut().enumerate() {
                one.at = (one.at.0 / 1000.0 * step, one.at.1 / 1000.0 * step);
                one.distance = u32::try_from(number).unwrap() / 2 + one.distance % 2 * 40;
                one.weight = f64::from(one.distance % 7 + 1) / 7.0;
            }
            forwards.sort_by_key(|one| one.distance);
            forwards.dedup_by_key(|one| one.distance);
            let mut backwards = forwards.clone();
            backwards.reverse();
            proptest::prop_assert!((ratio(forwards) - ratio(backwards)).abs() < 1e-9);
        }
    }
}
