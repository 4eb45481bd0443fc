//! How much more likely what is read of a record's features is in a copy than in a stranger's document.
//!
//! A copy of which a part is covered, blacked or cut away agrees in few features, as a stranger of the same template may. But what
//! is left of it agrees *exactly*, which a stranger's features hardly ever do. Adding up weights cannot tell the two, a
//! likelihood ratio can.
//!
//! How near a stranger's features come depends on the image: in a blurred one all lines of small print look alike, and the copy of a page in a
//! photograph of a screen is as far from its record as strangers are in a sharp scan, but nearer than any other record in that photograph.
//! So where the copy would be poor, it is compared with how near other records of its template come in the image itself.

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
/// good and fair copies distances fall off from 0.
const GOOD: [(f64, f64); 3] = [(1.5, 1.0), (4.0, 1.0), (8.0, 1.0)];
/// The same of poor ones (photographs of screens, a fifth of the size), in whose distances a typical one is some way off 0: quartiles of
/// measured copies are 7, 10 and 15 bits to 14, 18 and 26. What is nearer than the typical counts as that.
const POOR: [(f64, f64); 3] = [(10.0, 2.5), (14.0, 3.0), (19.0, 4.0)];
/// Shares of the features in view that are there.
const SHARES: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9];
/// Most that one feature may say, in nats: what strangers' documents have by chance in one of four hundred places they may have for
/// a reason.
const MOST: f64 = 6.0;
/// Fewest features that agree.
const FEWEST: usize = 3;
/// What [`STRANGERS`] weigh beside the features of others that are seen in an image: as so many of them.
const KNOWN: f64 = 32.0;
/// Near features from which on another record that was read is of the image's template, as all but a few others of a template are in poor
/// images. Others say nothing of how near the template's come.
const NEAR_OF_TEMPLATE: usize = 12;
/// The same as a share of its features.
const SHARE_OF_TEMPLATE: f64 = 0.15;
/// Records of others of the template that must be seen.
const OTHERS: usize = 2;
/// Most by which what is seen of others may raise a ratio, in nats. Of 230 photographs of screens 172 reach what is strong by the likelihood
/// alone, 176 without this limit and 162 by what is known.
const GAIN: f64 = 5.0;
/// Share of what is known of strangers below which nothing that is seen brings it.
const FLOOR: f64 = 0.5;
/// Least that a feature of another counts in its density, however little it tells: so much as it is worth as evidence, since what a
/// template's records share comes near in all of them.
const LITTLE: f64 = 0.05;
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

/// How near the features of strangers' documents come in an image: the share of them at each distance.
#[derive(Debug, Clone)]
pub(super) struct Strangers {
    /// As it is seen in the image, for poor copies; `None` where it is what is known.
    seen: Option<[f64; DISTANCES]>,
}

impl Strangers {
    /// What is known where no others of the template were read in the image.
    pub(super) fn known() -> Self {
        Self { seen: None }
    }

    /// As other subjects' records were read in the place where a record is, each with its own features.
    pub(super) fn seen<'s>(others: impl Iterator<Item = &'s [Seen]>) -> Self {
        let is_of_template = |other: &&[Seen]| {
            let near = other.iter().filter(|one| one.distance <= RADIUS).count();
            near >= NEAR_OF_TEMPLATE && near as f64 >= SHARE_OF_TEMPLATE * other.len() as f64
        };
        let others: Vec<&[Seen]> = others.filter(is_of_template).collect();
        Self { seen: (others.len() >= OTHERS).then(|| blended(&others)) }
    }
}

/// What is known of strangers, and what is seen of others.
fn blended(others: &[&[Seen]]) -> [f64; DISTANCES] {
    let mut density = known().map(|share| share * KNOWN);
    let mut total = KNOWN;
    for one in others.iter().copied().flatten() {
        let counts = one.weight.max(LITTLE);
        let from = one.distance as usize;
        for (moved, share) in SMOOTHING.iter().enumerate() {
            // What would be moved beyond either end stays there.
            let to = (from + moved).saturating_sub(SMOOTHING.len() / 2).min(DISTANCES - 1);
            density[to] += share * counts;
        }
        total += counts;
    }
    std::array::from_fn(|distance| (density[distance] / total).max(FLOOR * known()[distance]))
}

/// [`STRANGERS`] as shares at each distance.
fn known() -> &'static [f64; DISTANCES] {
    static DENSITY: OnceLock<[f64; DISTANCES]> = OnceLock::new();
    DENSITY.get_or_init(|| {
        let mut density = [0.0; DISTANCES];
        let (mut from, mut below) = (0, 0.0);
        for (to, up_to) in STRANGERS {
            let share = (up_to - below) / (to + 1 - from) as f64;
            density[from..=to].fill(share);
            (from, below) = (to + 1, up_to);
        }
        density
    })
}

/// Logarithm of the ratio of the likelihoods of what is seen, in a copy and in a stranger's document of the template; in nats,
/// at least 0.
///
/// In a copy each feature is there with a probability that is the same for all, and then as near as the quality of the copy
/// has it; otherwise it is a stranger's. Neither is known, so the ratio is the mean over all of [`GOOD`], [`POOR`] and [`SHARES`]: a
/// mixture, of which a stranger reaches r at most once in r cases (Wald, "Sequential Analysis", 1947, section 4.1.3), as far as
/// features are independent and strangers are as they are taken to be. They are not quite, so what speaks for the record counts by its
/// weight and less in a crowd, while what speaks against it counts in full; what others in the image say against strangers counts
/// [`GAIN`] at most; and the tail of strangers is measured all the same.
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
    // One logarithm a distance: many features share theirs.
    let mut at_distances: Vec<(usize, f64, f64)> = Vec::with_capacity(seen.len());
    for (one, weight) in seen.iter().zip(&weights) {
        let distance = (one.distance as usize).min(DISTANCES - 1);
        match at_distances.last_mut() {
            Some((last, total, count)) if *last == distance => {
                *total += weight;
                *count += 1.0;
            }
            _ => at_distances.push((distance, *weight, 1.0)),
        }
    }
    let known_ratio = mixed(&at_distances, known());
    match &strangers.seen {
        Some(seen) => mixed(&at_distances, seen).min(known_ratio + GAIN),
        None => known_ratio,
    }
}

/// The mean over all qualities and shares; of the features at each distance their weights together and their number. `poor` is how near
/// strangers come where a copy is poor.
fn mixed(at_distances: &[(usize, f64, f64)], poor: &[f64; DISTANCES]) -> f64 {
    let most_of_one = libm::exp(MOST);
    let mut ratios = Vec::with_capacity(qualities().len() * SHARES.len());
    for (quality, there) in qualities().iter().enumerate() {
        let density = if quality < GOOD.len() { known() } else { poor };
        for share in SHARES {
            let terms = at_distances.iter().map(|(distance, weights, count)| {
                let found = (there[*distance] / density[*distance]).min(most_of_one);
                let ratio = libm::log(1.0 - share + share * found);
                ratio * if ratio > 0.0 { *weights } else { *count }
            });
            ratios.push(terms.sum::<f64>());
        }
    }
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = ratios.iter().map(|ratio| libm::exp(ratio - most)).sum::<f64>() / ratios.len() as f64;
    (most + libm::log(mean)).max(0.0)
}

/// Share of a copy's features at each distance, for each quality, [`GOOD`] ones first. Nearer is never less likely: that one feature of a
/// poor copy is exact does not speak against it.
fn qualities() -> &'static [[f64; DISTANCES]] {
    static TABLES: OnceLock<Vec<[f64; DISTANCES]>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let table = |(mean, shape): (f64, f64)| {
            let mut falls: [f64; DISTANCES] = std::array::from_fn(|distance| {
                let distance = distance as f64 + 0.5;
                libm::pow(distance, shape - 1.0) * libm::exp(-distance * shape / mean)
            });
            for distance in (1..DISTANCES).rev() {
                falls[distance - 1] = falls[distance - 1].max(falls[distance]);
            }
            let total: f64 = falls.iter().sum();
            falls.map(|share| share / total)
        };
        GOOD.into_iter().chain(POOR).map(table).collect()
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
        assert!(is_one(known()));
        assert!(qualities().iter().all(is_one));
        assert_eq!(qualities().len(), GOOD.len() + POOR.len());
        // Others so far away that the floor does not lift what is seen of them.
        let blended = blended(&[&seen(|row| row * 2), &seen(|_| 128)]);
        assert!((1.0..1.5).contains(&blended.iter().sum::<f64>()), "{blended:?}");
        let nearest = (0..DISTANCES).find(|distance| blended[*distance] < FLOOR * known()[*distance]);
        assert_eq!(nearest, None);
    }

    /// A poor copy in an image in which others of its template are farther away than usual, or as near as it is.
    #[test]
    fn how_near_is_near_is_seen_in_the_image() {
        let poor = || seen(|row| 10 + row % 16);
        let against =
            |others: &[Vec<Seen>]| super::ratio(poor(), &Strangers::seen(others.iter().map(Vec::as_slice)));
        // A fifth of the features comes near, the others do not.
        let farther = || seen(|row| if row % 5 == 0 { 20 + row % 8 } else { 40 + row % 32 });
        let as_near = || seen(|row| 12 + row % 16);
        let usual = ratio(poor());
        let (clear, none) = (against(&[farther(), farther()]), against(&[as_near(), as_near()]));
        assert!(clear > usual + 0.9 * GAIN && none < 0.1 * usual, "{none} {usual} {clear}");
        // One alone is too few, and those of another template say nothing at all.
        let (one, other) = (against(&[as_near()]), against(&[seen(|_| 60), seen(|_| 50), seen(|_| 70)]));
        assert!((one - usual).abs() < 1e-9 && (other - usual).abs() < 1e-9, "{one} {other} {usual}");
    }

    /// However far others are, a stranger that comes as near as strangers do gains little.
    #[test]
    fn nothing_that_is_seen_makes_much_of_a_stranger() {
        let stranger = || seen(|row| 6 + row % 50);
        let farther = seen(|row| if row % 5 == 0 { 28 } else { 90 });
        let others = [farther.as_slice(); 7];
        let (usual, most) =
            (ratio(stranger()), super::ratio(stranger(), &Strangers::seen(others.into_iter())));
        assert!(usual < 5.0 && most < 10.0, "{usual} {most}");
        let common = |strangers: &Strangers| {
            let weak = stranger().into_iter().map(|one| Seen { weight: 0.3, ..one }).collect();
            super::ratio(weak, strangers)
        };
        assert!(common(&Strangers::seen(others.into_iter())) < 0.5);
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
