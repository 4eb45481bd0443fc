//! How much more likely what is read of a record's features is in a copy than in a stranger's document.
//!
//! A copy of which a part is covered, blacked or cut away agrees in few features, as a stranger of the same template may. But what
//! is left of it agrees *exactly*, which a stranger's features hardly ever do. Adding up weights cannot tell the two, a
//! likelihood ratio can.
//!
//! How near a stranger's features come hangs on the image: in a blurred one all lines of small print look alike, and a good copy of a
//! photographed screen is as far from its record as strangers are in a sharp scan. So it is seen in the image itself: there the records
//! of other subjects that look most like it are read at their places as well.

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
/// How near features are that are there in a copy, as gamma distributions of the distance: mean, in bits, and shape. Of untouched,
/// good and fair copies distances fall off from 0; of poor ones (photographs of screens, a fifth of the size) a typical one is
/// some way off: quartiles of 7, 10 and 15 bits to 14, 18 and 26.
const QUALITIES: [(f64, f64); 6] =
    [(1.5, 1.0), (4.0, 1.0), (8.0, 1.0), (10.0, 2.5), (14.0, 3.0), (19.0, 4.0)];
/// Shares of the features in view that are there.
const SHARES: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9];
/// Most that one feature may say, in nats: what strangers' documents have by chance in one of four hundred places they may have for
/// a reason.
const MOST: f64 = 6.0;
/// Fewest features that agree.
const FEWEST: usize = 3;
/// What [`STRANGERS`] weigh beside the features of others that are seen in an image: as so many of them.
const KNOWN: f64 = 32.0;
/// Others that are most like an image, of which their template may be.
const LIKEST: usize = 2;
/// By what a number of features at a distance is spread over the distances around it.
const SMOOTHING: [f64; 7] = [0.0625, 0.125, 0.1875, 0.25, 0.1875, 0.125, 0.0625];

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

/// How near the features of strangers' documents come in an image.
#[derive(Debug, Clone)]
pub(super) struct Strangers {
    /// Share of their features at each distance.
    density: [f64; DISTANCES],
}

impl Strangers {
    /// What is known where no other record was read in the image.
    pub(super) fn known() -> Self {
        let mut density = [0.0; DISTANCES];
        let (mut from, mut below) = (0, 0.0);
        for (to, up_to) in STRANGERS {
            let share = (up_to - below) / (to + 1 - from) as f64;
            density[from..=to].fill(share);
            (from, below) = (to + 1, up_to);
        }
        Self { density }
    }

    /// As other subjects' records were read in the image, each with its own features.
    ///
    /// Not all of them are of the template that the image is of, and those that are not are far from it. So the two that are
    /// nearest count by themselves as well, and the greater share holds.
    pub(super) fn seen<'s>(others: impl Iterator<Item = &'s [Seen]>) -> Self {
        let mut others: Vec<&[Seen]> = others.collect();
        // Stable, and the others come in a fixed order.
        others.sort_by_cached_key(|other| {
            std::cmp::Reverse(other.iter().filter(|one| one.distance <= RADIUS).count())
        });
        let all = Self::blended(&others);
        let likest = Self::blended(&others[..others.len().min(LIKEST)]);
        Self { density: std::array::from_fn(|distance| all[distance].max(likest[distance])) }
    }

    fn blended(others: &[&[Seen]]) -> [f64; DISTANCES] {
        let mut density = Self::known().density.map(|share| share * KNOWN);
        let mut total = KNOWN;
        for one in others.iter().copied().flatten() {
            let from = one.distance as usize;
            for (moved, share) in SMOOTHING.iter().enumerate() {
                // What would be moved beyond either end stays there.
                let to = (from + moved).saturating_sub(SMOOTHING.len() / 2).min(DISTANCES - 1);
                density[to] += share;
            }
            total += 1.0;
        }
        density.map(|share| share / total)
    }
}

/// Logarithm of the ratio of the likelihoods of what is seen, in a copy and in a stranger's document of the template; in nats,
/// at least 0.
///
/// In a copy each feature is there with a probability that is the same for all, and then as near as the quality of the copy
/// has it; otherwise it is a stranger's. Neither is known, so the ratio is the mean over all of [`QUALITIES`] and [`SHARES`]: a
/// mixture, of which a stranger reaches r at most once in r cases (Wald, "Sequential Analysis", 1947, section 4.1.3), as far as
/// features are independent. They are not, so what speaks for the record counts by its weight and less in a crowd, while
/// what speaks against it counts in full; and the tail of strangers is measured all the same.
pub(super) fn ratio(mut seen: Vec<Seen>, strangers: &Strangers) -> f64 {
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
    let most_of_one = libm::exp(MOST);
    let mut ratios = Vec::with_capacity(QUALITIES.len() * SHARES.len());
    for there in qualities() {
        let found: Vec<f64> = seen
            .iter()
            .map(|one| {
                let distance = (one.distance as usize).min(DISTANCES - 1);
                (there[distance] / strangers.density[distance]).min(most_of_one)
            })
            .collect();
        for share in SHARES {
            let terms = found.iter().zip(&weights).map(|(found, weight)| {
                let ratio = libm::log(1.0 - share + share * found);
                if ratio > 0.0 { ratio * weight } else { ratio }
            });
            ratios.push(terms.sum::<f64>());
        }
    }
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = ratios.iter().map(|ratio| libm::exp(ratio - most)).sum::<f64>() / ratios.len() as f64;
    (most + libm::log(mean)).max(0.0)
}

/// Share of a copy's features at each distance, for each quality.
fn qualities() -> &'static [[f64; DISTANCES]] {
    static TABLES: OnceLock<Vec<[f64; DISTANCES]>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let table = |(mean, shape): (f64, f64)| {
            let falls: [f64; DISTANCES] = std::array::from_fn(|distance| {
                let distance = distance as f64 + 0.5;
                libm::pow(distance, shape - 1.0) * libm::exp(-distance * shape / mean)
            });
            let total: f64 = falls.iter().sum();
            falls.map(|share| share / total)
        };
        QUALITIES.map(table).to_vec()
    })
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

    fn ratio(seen: Vec<Seen>) -> f64 {
        super::ratio(seen, &Strangers::known())
    }

    fn is_one(density: &[f64; DISTANCES]) -> bool {
        (density.iter().sum::<f64>() - 1.0).abs() < 1e-12 && density.iter().all(|share| *share > 0.0)
    }

    #[test]
    fn densities_are_one() {
        assert!(is_one(&Strangers::known().density));
        assert!(qualities().iter().all(|density| is_one(density)));
        let other = seen(|row| row * 2);
        assert!(is_one(&Strangers::blended(&[])) && is_one(&Strangers::blended(&[&other, &seen(|_| 128)])));
    }

    /// A copy as poor as strangers of the usual image are, in an image in which these are farther away; and none where others are as near.
    #[test]
    fn how_near_is_near_is_seen_in_the_image() {
        let poor = || seen(|row| 10 + row % 16);
        let against =
            |others: &[Vec<Seen>]| super::ratio(poor(), &Strangers::seen(others.iter().map(Vec::as_slice)));
        let far = || seen(|row| 40 + row % 32);
        let (usual, clear) = (ratio(poor()), against(&[far(), far(), far()]));
        assert!(clear > usual + 20.0, "{usual} {clear}");
        // One of its template among others that are not: it holds nearly as if it were alone.
        let likeness = || seen(|row| 12 + row % 16);
        let (among, alone) = (against(&[far(), likeness(), far(), far(), far()]), against(&[likeness()]));
        assert!(alone < 1.0 && among < 0.3 * clear, "{alone} {among} {clear}");
        assert!((against(&[]) - usual).abs() < 1e-9);
    }

    #[test]
    fn few_exact_features_say_more_than_many_similar_ones() {
        let portrait_left = ratio(seen(|row| if row % 6 == 0 { row % 3 } else { 45 }));
        // By the quantiles of what is known of strangers.
        let density = Strangers::known().density;
        let below = |distance: usize| density[..distance].iter().sum::<f64>();
        let quantile = |row: u32| {
            let share = (f64::from(row) + 0.5) / 64.0;
            (0..DISTANCES).find(|distance| below(distance + 1) >= share).unwrap()
        };
        let stranger = ratio(seen(|row| u32::try_from(quantile(row)).unwrap()));
        assert!(portrait_left > 20.0, "{portrait_left}");
        assert!(stranger < 0.5, "{stranger}");
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
