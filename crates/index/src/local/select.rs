//! Template suppression: of a record's pool, what others do not have.

use saltprint_fingerprint::{LocalFeature, LocalFingerprint, Sharing};

use crate::Census;

/// Features whose sharing differs by less count as equally rare, and strength decides: half a doubling.
const SHARING_CLASS: u8 = 4;

/// How many features a record keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectionPolicy {
    /// Features of an ordinary record, 8 to `most`.
    pub keep: usize,
    /// Features of a record with too few rare ones, up to 1,024.
    pub most: usize,
}

impl Default for SelectionPolicy {
    /// 64, and 128 where rare ones are few.
    fn default() -> Self {
        Self { keep: 64, most: 128 }
    }
}

impl SelectionPolicy {
    /// Rare features that a record should have: below, it gets more features, and below a half it is weak.
    const fn wanted(self) -> usize {
        self.keep / 2
    }
}

/// What came of one selection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Selection {
    /// The features to keep, most useful first: rare, early in the pool, and away from those before them.
    pub fingerprint: LocalFingerprint,
    /// Whether it needed more than the ordinary number.
    pub extended: bool,
    /// Whether it has few rare features even so: altered copies of the record may not be found.
    pub weak: bool,
}

impl Selection {
    /// Selects from a pool that the census has counted.
    ///
    /// Rare is what at most one in a hundred records has, and at most three where the build is small.
    #[must_use]
    pub fn new(pool: &LocalFingerprint, census: &Census, policy: SelectionPolicy) -> Self {
        let rare_up_to = Sharing::of((census.records() as f64 / 100.0).max(3.0));
        let mut features: Vec<LocalFeature> = pool
            .features
            .iter()
            .map(|feature| {
                let mut feature = *feature;
                feature.sharing = census.sharing(feature.code);
                feature
            })
            .collect();
        // Stable: the pool's order, strongest first, stays among equals.
        features.sort_by_key(|feature| feature.sharing.step() / SHARING_CLASS);
        let rare = features.iter().filter(|feature| feature.sharing <= rare_up_to).count();
        let extended = rare < policy.wanted();
        let features = spread(features, if extended { policy.most } else { policy.keep });
        let fingerprint = LocalFingerprint { width: pool.width, height: pool.height, features };
        Self { fingerprint, extended, weak: rare < policy.wanted() / 2 }
    }
}

/// Features closer together than this share their evidence, in frame units; as matching counts it.
const NEIGHBOURHOOD: f64 = 600.0;
/// What the last feature of a pool is worth, of the first.
const LAST: f64 = 0.4;

/// Picks features one by one: the rarer, the earlier in the order and the farther from those picked already the better,
/// so that whatever part of the document a leak shows, some are in it.
fn spread(features: Vec<LocalFeature>, keep: usize) -> Vec<LocalFeature> {
    let count = features.len();
    let mut open: Vec<(f64, f64, LocalFeature)> = features
        .into_iter()
        .enumerate()
        .map(|(rank, feature)| {
            let rarity = 1.0 / (1.0 + feature.sharing.records()).sqrt();
            (rarity * (1.0 - (1.0 - LAST) * rank as f64 / count as f64), 1.0, feature)
        })
        .collect();
    let mut picked: Vec<LocalFeature> = Vec::with_capacity(keep.min(count));
    while picked.len() < keep && !open.is_empty() {
        let mut best = 0;
        for (number, (worth, crowd, _)) in open.iter().enumerate() {
            if worth / crowd > open[best].0 / open[best].1 {
                best = number;
            }
        }
        let (_, _, feature) = open.remove(best);
        for (_, crowd, other) in &mut open {
            let x = f64::from(other.place.x) - f64::from(feature.place.x);
            let y = f64::from(other.place.y) - f64::from(feature.place.y);
            *crowd += (1.0 - (x * x + y * y).sqrt() / NEIGHBOURHOOD).max(0.0);
        }
        picked.push(feature);
    }
    picked
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::{LocalCode, LocalFeature, Place};

    use super::*;

    fn feature(seed: u64) -> LocalFeature {
        let hash = blake3::hash(&seed.to_le_bytes());
        let word = |at: usize| u64::from_le_bytes(hash.as_bytes()[at..at + 8].try_into().unwrap());
        let [x, y] = [word(16) % 8192, word(24) % 5000].map(|at| u16::try_from(at).unwrap());
        let place = Place { x, y, size: 32, angle: 0 };
        LocalFeature { code: LocalCode::from_words([word(0), word(8)]), place, sharing: Sharing::default() }
    }

    /// A record of a template: 100 features that all have, stronger than `own` ones of its own.
    fn pool(record: u64, own: u64) -> LocalFingerprint {
        let features = (0..100).chain((0..own).map(|i| 1_000_000 + record * 1000 + i)).map(feature).collect();
        LocalFingerprint { width: 8192, height: 5000, features }
    }

    #[test]
    fn own_features_come_before_shared_ones() {
        let mut census = Census::new(200 * 200);
        (0..200).for_each(|record| census.add(&pool(record, 80).features));
        let chosen = Selection::new(&pool(7, 80), &census, SelectionPolicy::default());
        assert_eq!(chosen.fingerprint.features.len(), 64);
        assert!(!chosen.extended && !chosen.weak);
        let own: Vec<LocalCode> = pool(7, 80).features[100..].iter().map(|feature| feature.code).collect();
        assert!(chosen.fingerprint.features.iter().all(|kept| own.contains(&kept.code)));
    }

    #[test]
    fn kept_features_are_spread_over_the_document() {
        // Sixty in one place, and behind them in the order four that stand alone.
        let mut pool =
            LocalFingerprint { width: 8192, height: 5000, features: (0..64).map(feature).collect() };
        for (number, feature) in (0_u16..).zip(&mut pool.features) {
            (feature.place.x, feature.place.y) =
                if number < 60 { (300, 300) } else { ((number - 60) * 2000, 4000) };
        }
        let mut census = Census::new(64);
        census.add(&pool.features);
        let chosen = Selection::new(&pool, &census, SelectionPolicy { keep: 8, most: 8 });
        assert_eq!(chosen.fingerprint.features.iter().filter(|feature| feature.place.y == 4000).count(), 4);
    }

    #[test]
    fn a_record_with_few_own_features_keeps_more_and_is_reported() {
        let mut census = Census::new(200 * 120);
        (0..200).for_each(|record| census.add(&pool(record, 20).features));
        let chosen = Selection::new(&pool(7, 20), &census, SelectionPolicy::default());
        assert!(chosen.extended && !chosen.weak);
        assert_eq!(chosen.fingerprint.features.len(), 120);
        let mut census = Census::new(200 * 120);
        (0..200).for_each(|record| census.add(&pool(record, 3).features));
        assert!(Selection::new(&pool(7, 3), &census, SelectionPolicy::default()).weak);
    }
}
