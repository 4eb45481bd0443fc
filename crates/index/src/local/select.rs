//! Template suppression: of a record's pool, what others do not have.

use saltprint_fingerprint::{LocalFeature, LocalFingerprint, Sharing};

use crate::Census;

/// Features whose sharing differs by less count as equally rare, and strength decides: half a doubling.
const SHARING_CLASS: u8 = 4;

/// Largest size of a kept feature, in frame units. Larger ones see a third of the document and more: a crop, a border or a
/// covered field changes them, while strangers' documents of the template are not told apart by them. Measured: of those
/// above 180 units, 16 to 39 % agree in altered copies (82 % of those of 40), and 9 to 14 % in strangers' (14 %).
const COARSEST: f32 = 150.0;

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
    /// Selects from the better half of a pool that the census has counted whole.
    ///
    /// A pool ends somewhere. What one record has near the end, the others of its template may have just behind theirs, not
    /// counted: it would look rare. So the census counts pools that are twice as long as what is selected from; that alone
    /// finds a fifth more of the copies that are hard to find.
    #[must_use]
    pub fn new(pool: &LocalFingerprint, census: &Census, policy: SelectionPolicy) -> Self {
        let rare_up_to = rare_up_to(census);
        let better = (pool.features.len() / 2).max(policy.most);
        let mut features: Vec<LocalFeature> = pool
            .features
            .iter()
            .take(better)
            .filter(|feature| feature.place.keypoint().size <= COARSEST)
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

    /// Lets the features of a record that was selected earlier count as shared by as many as share them now, and says whether that has made the
    /// record weak. What was shared stays so: documents of records that have left the vault show up in leaks as well.
    pub fn recount(local: &mut LocalFingerprint, census: &Census, policy: SelectionPolicy) -> bool {
        // In a large vault one in a hundred is more than a census can tell.
        let rare_up_to = rare_up_to(census).min(Sharing::of(census.most_told() / 4.0));
        let is_weak = |local: &LocalFingerprint| {
            let rare = local.features.iter().filter(|feature| feature.sharing <= rare_up_to).count();
            rare < policy.wanted() / 2
        };
        let was_weak = is_weak(local);
        for feature in &mut local.features {
            feature.sharing = feature.sharing.max(census.sharing_at_least(feature.code));
        }
        !was_weak && is_weak(local)
    }
}

/// What is rare: what at most one in a hundred records has, and at most three where the build is small.
fn rare_up_to(census: &Census) -> Sharing {
    Sharing::of((census.records() as f64 / 100.0).max(3.0))
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
        let mut census = Census::new(200 * 500);
        (0..200).for_each(|record| census.add(&pool(record, 400).features));
        let chosen = Selection::new(&pool(7, 400), &census, SelectionPolicy::default());
        assert_eq!(chosen.fingerprint.features.len(), 64);
        assert!(!chosen.extended && !chosen.weak);
        // The template's hundred and the better half of the pool.
        let own: Vec<LocalCode> =
            pool(7, 400).features[100..250].iter().map(|feature| feature.code).collect();
        assert!(chosen.fingerprint.features.iter().all(|kept| own.contains(&kept.code)));
    }

    #[test]
    fn kept_features_are_spread_over_the_document() {
        // Twenty-eight in one place, and behind them in the order four that stand alone.
        let mut pool =
            LocalFingerprint { width: 8192, height: 5000, features: (0..64).map(feature).collect() };
        for (number, feature) in (0_u16..).zip(&mut pool.features) {
            let alone = (28..32).contains(&number);
            (feature.place.x, feature.place.y) =
                if alone { ((number - 28) * 2000, 4000) } else { (300, 300) };
        }
        let mut census = Census::new(64);
        census.add(&pool.features);
        let chosen = Selection::new(&pool, &census, SelectionPolicy { keep: 8, most: 8 });
        assert_eq!(chosen.fingerprint.features.iter().filter(|feature| feature.place.y == 4000).count(), 4);
    }

    #[test]
    fn coarse_features_and_the_end_of_the_pool_are_not_kept() {
        let mut pool = pool(7, 400);
        // 2^(120/16) is 181 frame units.
        pool.features.iter_mut().step_by(2).for_each(|feature| feature.place.size = 120);
        let mut census = Census::new(500);
        census.add(&pool.features);
        let chosen = Selection::new(&pool, &census, SelectionPolicy { keep: 500, most: 128 });
        let better: Vec<LocalCode> =
            pool.features[..250].iter().skip(1).step_by(2).map(|feature| feature.code).collect();
        assert_eq!(chosen.fingerprint.features.len(), 125);
        assert!(chosen.fingerprint.features.iter().all(|kept| better.contains(&kept.code)));
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

    /// Chosen when nobody had them, print of thirty others later.
    #[test]
    fn what_others_have_come_to_share_counts_as_shared() {
        let policy = SelectionPolicy::default();
        let mut census = Census::new(60 * 500);
        census.add(&pool(0, 100).features);
        let mut early = Selection::new(&pool(0, 100), &census, policy).fingerprint;
        let print = |local: &LocalFingerprint| {
            let of_template: Vec<LocalCode> = (0..100).map(|seed| feature(seed).code).collect();
            let (print, own): (Vec<LocalFeature>, Vec<LocalFeature>) =
                local.features.iter().copied().partition(|kept| of_template.contains(&kept.code));
            let mean = |of: Vec<LocalFeature>| {
                of.iter().map(|kept| kept.sharing.records()).sum::<f64>() / of.len().max(1) as f64
            };
            (print.len(), mean(print), mean(own))
        };
        let (count, shared, own) = print(&early);
        assert!(count > 30 && shared == 0.0 && own == 0.0, "{count} {shared} {own}");
        assert!(!Selection::recount(&mut early, &census, policy), "nothing is new");
        assert_eq!(print(&early), (count, 0.0, 0.0));

        (1..31).for_each(|record| census.add(&pool(record, 100).features));
        let is_weak = Selection::recount(&mut early, &census, policy);
        let (_, shared, own) = print(&early);
        assert!((10.0..40.0).contains(&shared) && own < 1.0, "{shared} {own}");
        assert_eq!(is_weak, 64 - count < 16, "{count}");
        // Once it is, it does not become so.
        let again = early.clone();
        assert!(!Selection::recount(&mut early, &census, policy));
        assert!(early == again);
    }
}
