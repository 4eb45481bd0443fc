//! The decision rule: one place that turns distances into bands.

use saltprint_index::Background;

use crate::local_rule::WAYS;

/// How sure a match is. Outside the evidence role nobody sees more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Near enough to look at, not to rely on.
    Possible,
    /// Below the stated chance of a false match, and clearly nearer than any other subject.
    Strong,
}

/// What the thresholds rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Impostor distances measured on this vault.
    Measured,
    /// A cautious assumption, because the vault has too few records of different subjects to measure.
    Assumed,
}

/// Chances of a false match that the bands stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleSettings {
    /// Chance that a stranger's image is in the strong band of anybody's record, a leaked image: 1e-12 to 0.01.
    pub strong_chance: f64,
    /// The same for the possible band, at least `strong_chance`, at most 0.1.
    pub possible_chance: f64,
}

impl Default for RuleSettings {
    /// One in a million and one in a thousand.
    fn default() -> Self {
        Self { strong_chance: 1e-6, possible_chance: 1e-3 }
    }
}

/// Orientations in which a query is compared: each is one more chance to come near by accident.
const ORIENTATIONS: f64 = 8.0;
/// Sampled records below which the background is assumed instead of measured.
const MIN_SAMPLE: u64 = 200;
/// A quantile of the lower tail: its share, the sample that it takes to rest on some 20 records, and the factor by which
/// the spread is widened when no rarer quantile can be had, because the tail beyond it was not seen.
struct TailQuantile {
    share: f64,
    needed: u64,
    widening: f64,
}

/// Nothing below 1 % is used: the lowest values of a real vault are often one image stored under two subjects, which
/// says nothing about strangers.
const TAIL: [TailQuantile; 4] = [
    TailQuantile { share: 0.25, needed: MIN_SAMPLE, widening: 1.25 },
    TailQuantile { share: 0.10, needed: MIN_SAMPLE, widening: 1.25 },
    TailQuantile { share: 0.05, needed: 400, widening: 1.1 },
    TailQuantile { share: 0.01, needed: 900, widening: 1.0 },
];
/// A strong match must be nearer than the runner-up by more bits than for this share of strangers.
const MARGIN_SHARE: f64 = 0.95;
/// Where there is no rival at all, one is assumed at the distance within which this share of strangers' nearest records
/// lies.
const NEAR_SHARE: f64 = 0.05;
/// Records of different subjects that may stand out together.
const MAX_GROUP: usize = 8;

/// What the rule takes from the background.
#[derive(Debug, Clone, Copy)]
struct Measures {
    basis: Basis,
    /// Median and spread of strangers' distance ratios.
    median: f64,
    spread: f64,
    /// Bits.
    near: u32,
    margin: u32,
}

/// The assumption for vaults that are too small to measure, on the cautious side of what was measured on invented
/// documents with the built-in profile.
const ASSUMED: Measures =
    Measures { basis: Basis::Assumed, median: 0.92, spread: 0.14, near: 45, margin: 16 };

/// Thresholds, derived from the background of impostors.
///
/// # What is compared
/// How near strangers come depends on where one looks: two bank statements are nearer to each other than two
/// selfies. So not the distance itself is judged but the *ratio* of the distance to the nearest record and that to the
/// runner-up, its nearest rival (the ratio test of Lowe, "Distinctive Image Features from Scale-Invariant
/// Keypoints", 2004, section 7.1). A stranger is about as near to one record as to the next, so that its
/// ratio is a little below 1; a copy of a record, however crowded the place, is far nearer to that record than to any
/// other. Rivals are records of other subjects with other images: two records of one subject, or one image stored
/// twice, do not speak against each other.
///
/// # Model
/// In the rebuild each sampled record plays a stranger and is judged against all records of other subjects; with a
/// calibrated profile only records take part that the calibration has not seen. The lower tail of strangers' ratios is
/// modelled as normal around the measured median, with the largest spread that the 25, 10, 5 and 1 % quantiles imply, as
/// far as the sample carries them, so that a tail heavier than a normal one widens it. The strong threshold is
/// the ratio whose modelled probability, summed over the eight orientations of a query, is an eighth of
/// [`RuleSettings::strong_chance`] (the other ways to be found have their shares, see [`LocalRule`](crate::LocalRule)). It is an
/// extrapolation beyond what was observed; the manifest keeps the histograms for whoever wants to check it.
///
/// # Parts
/// Panels of a sheet are whole images, and each is eight more tries. Parts that were straightened to fit a record are nearer to
/// that one than to others for that reason alone. So up to eight rivals in the same place are compared with the part that fits each of them, where the first
/// is near, and parts have a background of their own, measured the same way; see [`DecisionRule::with_tries`].
///
/// # Lonely templates
/// A stranger's document in the same frame is nearer to the only record of its template than to all else: one of 150 strangers'
/// passports was 34 bits from the only passport among 17,753 records, and 90 from the next. What would be its rival is not in the index.
/// So where it is not known what of a record is print, and its details do not say that nearly all is the same, a rival is assumed as
/// near as the nearest record is to one in twenty strangers; and two thirds of the details in view must agree, since a flat scan of another person's document was
/// 12 bits from the record with half of them. See [`DecisionRule::band_alone`] and
/// [`LocalSearch::known_print`](crate::LocalSearch::known_print).
///
/// # Margin and groups
/// A strong match must also be nearer than the runner-up by more bits than for 95 % of strangers, since a ratio of two
/// small numbers says little. Where records of several subjects stand out from all others together, but not one of them from the rest, all are
/// possible and none is strong; unless their details say that they hold one image ([`are_near_duplicates`](crate::are_near_duplicates)). Then they are no rivals, and each is
/// strong of which half or more is seen and nearly all of that looks the same.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct DecisionRule {
    strong: Option<f64>,
    possible: Option<f64>,
    margin: u32,
    near: u32,
    basis: Basis,
    #[serde(skip)]
    median: f64,
    #[serde(skip)]
    spread: f64,
    #[serde(skip)]
    tries: f64,
    #[serde(skip)]
    settings: RuleSettings,
}

/// What the rule says about the record that is nearest to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Its band; no band is no match.
    pub band: Option<Band>,
    /// How many of its nearest rivals belong to a group that stands out together with it.
    pub rivals: usize,
}

impl DecisionRule {
    /// Derives thresholds from a measured background.
    pub fn new(background: &Background, settings: RuleSettings) -> Self {
        let Measures { basis, median, spread, near, margin } = measure(background).unwrap_or(ASSUMED);
        let rule = Self {
            strong: None,
            possible: None,
            margin,
            near,
            basis,
            median,
            spread,
            tries: ORIENTATIONS,
            settings,
        };
        rule.set()
    }

    /// The same rule for a question with another number of tries: of the codes that an image is asked with, each is one
    /// more chance to come near by accident. A whole image has eight, one an orientation.
    #[must_use]
    pub fn with_tries(self, tries: usize) -> Self {
        Self { tries: tries.max(1) as f64, ..self }.set()
    }

    /// Sets the thresholds.
    fn set(self) -> Self {
        let threshold = |chance: f64| {
            let z = normal_quantile((chance / WAYS / self.tries).clamp(1e-15, 0.5));
            Some(self.median + z * self.spread).filter(|threshold| *threshold >= 0.0)
        };
        let RuleSettings { strong_chance, possible_chance } = self.settings;
        Self {
            strong: threshold(strong_chance),
            possible: threshold(possible_chance.max(strong_chance)),
            ..self
        }
    }

    /// Minus the natural logarithm of the modelled chance that a stranger's image comes as near to a record, at `distance`
    /// with the nearest rival at `runner_up`, in any try; 0 where that says nothing.
    pub fn surprise(&self, distance: u32, runner_up: Option<u32>) -> f64 {
        use statrs::distribution::{ContinuousCDF as _, Normal};
        let runner_up = runner_up.unwrap_or(self.near);
        if runner_up.saturating_sub(distance) < self.margin {
            // A small ratio of two small numbers, as of an image that two subjects share, speaks for neither.
            return 0.0;
        }
        let z = (f64::from(distance) / f64::from(runner_up.max(1)) - self.median) / self.spread;
        // Beyond 1e-20 the tail of a model says nothing any more.
        let chance = (Normal::standard().cdf(z) * self.tries).clamp(1e-20, 1.0);
        -chance.ln()
    }

    /// Judges the nearest record, `nearest` bits away, by the distances of its nearest rivals, ascending. Nine of them say all
    /// that there is to say; fewer than two only where the index holds no more.
    pub fn decide(&self, nearest: u32, rivals: &[u32]) -> Decision {
        let single = self.band(nearest, rivals.first().copied());
        if single == Some(Band::Strong) {
            return Decision { band: single, rivals: 0 };
        }
        let group = (1..=rivals.len().min(MAX_GROUP))
            .find(|size| self.band(rivals[size - 1], rivals.get(*size).copied()) == Some(Band::Strong));
        match (single, group) {
            (_, Some(rivals)) => Decision { band: Some(Band::Possible), rivals },
            (band, None) => Decision { band, rivals: 0 },
        }
    }

    /// Band of a record at `distance` whose nearest rival is at `runner_up`; `None` for either is "no match" or "no rival".
    pub fn band(&self, distance: u32, runner_up: Option<u32>) -> Option<Band> {
        let runner_up = runner_up.unwrap_or(self.near);
        let within = |threshold: Option<f64>| {
            threshold.is_some_and(|threshold| {
                runner_up > distance && f64::from(distance) <= threshold * f64::from(runner_up)
            })
        };
        if within(self.strong) && runner_up - distance >= self.margin {
            Some(Band::Strong)
        } else {
            (within(self.possible) || within(self.strong)).then_some(Band::Possible)
        }
    }

    /// The same of a record that is alone with its template: a rival of the template is assumed, if none is nearer.
    ///
    /// Assumed thresholds need none. They are for small vaults, in which most records are alone, and stop 15 bits from a record where all others
    /// are 100 away; blurred copies are up to 10 bits off, and of 8,879 strangers' documents among 17,753 records none came nearer than 26.
    pub fn band_alone(&self, distance: u32, runner_up: Option<u32>) -> Option<Band> {
        match self.basis {
            Basis::Measured => {
                self.band(distance, Some(runner_up.map_or(self.near, |rival| rival.min(self.near))))
            }
            Basis::Assumed => self.band(distance, runner_up),
        }
    }

    /// Largest distance ratio of the strong band, 0 to 1; `None` where strangers come so near that none is safe.
    pub fn strong_threshold(&self) -> Option<f64> {
        self.strong
    }

    /// Largest distance ratio of the possible band.
    pub fn possible_threshold(&self) -> Option<f64> {
        self.possible
    }

    /// Least distance in bits between a strong match and its runner-up.
    pub fn margin(&self) -> u32 {
        self.margin
    }

    /// What the thresholds rest on.
    pub fn basis(&self) -> Basis {
        self.basis
    }
}

/// `None` where the sample is too small.
fn measure(background: &Background) -> Option<Measures> {
    let ratio = &background.ratio;
    if ratio.total() < MIN_SAMPLE {
        return None;
    }
    let quantile = |share: f64| Some(f64::from(ratio.quantile(share)?) / 256.0);
    let median = quantile(0.5)?;
    let mut seen = TAIL.iter().filter(|tail| ratio.total() >= tail.needed);
    let widest = seen
        .clone()
        .filter_map(|tail| Some((median - quantile(tail.share)?) / -normal_quantile(tail.share)))
        // The resolution of the histogram keeps a degenerate one from putting the threshold at the median.
        .fold(1.0 / 256.0, f64::max);
    Some(Measures {
        basis: Basis::Measured,
        median,
        spread: widest * seen.next_back()?.widening,
        near: background.nearest.quantile(NEAR_SHARE)?,
        margin: background.gap.quantile(MARGIN_SHARE)?.max(1),
    })
}

fn normal_quantile(p: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF as _, Normal};
    Normal::standard().inverse_cdf(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNER_UP: u32 = 128;

    /// Ratios with a given median and normal spread, by quantiles, so without randomness; runners-up at 128 bits.
    fn background(count: u32, median: f64, spread: f64) -> Background {
        let mut background = Background { records: u64::from(count), ..Background::default() };
        for index in 0..count {
            let p = (f64::from(index) + 0.5) / f64::from(count);
            let ratio = (median + spread * normal_quantile(p)).clamp(0.0, 1.0);
            let nearest =
                (1..=RUNNER_UP).take_while(|n| f64::from(*n) <= ratio * f64::from(RUNNER_UP)).count();
            background.add(u32::try_from(nearest).unwrap(), Some(RUNNER_UP));
        }
        background
    }

    fn rule(background: &Background) -> DecisionRule {
        DecisionRule::new(background, RuleSettings::default())
    }

    fn band(rule: &DecisionRule, nearest: u32, rivals: &[u32]) -> Option<Band> {
        rule.decide(nearest, rivals).band
    }

    #[test]
    fn thresholds_follow_the_normal_tail() {
        let rule = rule(&background(4_000, 0.85, 0.08));
        assert_eq!(rule.basis(), Basis::Measured);
        // 1e-6 / 64 is 5.53 standard deviations out, 1e-3 / 64 is 4.16.
        let (strong, possible) = (rule.strong_threshold().unwrap(), rule.possible_threshold().unwrap());
        assert!((strong - 0.409).abs() < 0.03, "{strong}");
        assert!((possible - 0.520).abs() < 0.03, "{possible}");
        assert_eq!(band(&rule, 20, &[100, 110]), Some(Band::Strong));
        assert_eq!(band(&rule, 50, &[100, 110]), Some(Band::Possible));
        assert_eq!(band(&rule, 90, &[100, 110]), None);
    }

    #[test]
    fn a_heavier_lower_tail_lowers_the_threshold() {
        let light = background(4_000, 0.85, 0.08);
        let mut heavy = light.clone();
        (0..120).for_each(|index| heavy.add(50 + index % 10, Some(RUNNER_UP)));
        assert!(rule(&heavy).strong_threshold() < rule(&light).strong_threshold());
    }

    #[test]
    fn a_small_sample_is_trusted_less() {
        let threshold = |count| rule(&background(count, 0.85, 0.08)).strong_threshold().unwrap();
        assert!(threshold(250) < threshold(500) && threshold(500) < threshold(2_000));
    }

    #[test]
    fn an_image_stored_under_several_subjects_is_possible_for_all_and_strong_for_none() {
        let clean = background(4_000, 0.85, 0.08);
        let mut twins = clean.clone();
        (0..20).for_each(|_| twins.add(2, Some(90)));
        let moved = rule(&clean).strong_threshold().unwrap() - rule(&twins).strong_threshold().unwrap();
        assert!(moved.abs() < 0.05, "{moved}");
        let rule = rule(&twins);
        assert_eq!(rule.decide(1, &[3, 90, 95]), Decision { band: Some(Band::Possible), rivals: 1 });
        assert_eq!(rule.decide(0, &[0, 0, 2, 90]), Decision { band: Some(Band::Possible), rivals: 3 });
        assert_eq!(rule.decide(60, &[61, 90, 95]), Decision { band: None, rivals: 0 });
        // More than eight that are all alike: a blank form. Nothing can be said about anyone.
        assert_eq!(rule.decide(3, &[4; 12]), Decision { band: None, rivals: 0 });
    }

    #[test]
    fn a_record_alone_has_a_rival_as_near_as_strangers_come() {
        let measured = rule(&background(4_000, 0.85, 0.08));
        // Of one stranger in twenty the nearest record is within 92 bits, and the strong ratio is 0.41.
        assert_eq!(measured.band(45, Some(200)), Some(Band::Strong));
        assert_eq!(measured.band_alone(45, Some(200)), Some(Band::Possible));
        assert_eq!(measured.band_alone(30, Some(200)), Some(Band::Strong));
        assert_eq!(measured.band_alone(30, None), Some(Band::Strong));
        // A rival that is there and nearer counts as it is.
        assert_eq!(measured.band_alone(30, Some(50)), measured.band(30, Some(50)));
        let assumed = rule(&Background::default());
        for (distance, rival) in [(10, Some(100)), (20, Some(100)), (5, None)] {
            assert_eq!(assumed.band_alone(distance, rival), assumed.band(distance, rival));
        }
        assert_eq!(assumed.band_alone(10, Some(100)), Some(Band::Strong));
        assert_eq!(assumed.band_alone(33, Some(100)), Some(Band::Possible));
    }

    #[test]
    fn a_small_ratio_of_small_numbers_is_not_strong() {
        let mut background = background(4_000, 0.85, 0.08);
        (0..4_000).for_each(|index| background.gap.add(index % 20));
        let rule = rule(&background);
        assert_eq!(band(&rule, 2, &[8]), Some(Band::Possible));
        assert_eq!(band(&rule, 2, &[80]), Some(Band::Strong));
    }

    #[test]
    fn crowded_strangers_leave_no_safe_distance() {
        let rule = rule(&background(4_000, 0.6, 0.2));
        assert_eq!(rule.strong_threshold(), None);
        assert_eq!(band(&rule, 0, &[100]), None);
    }

    #[test]
    fn a_small_vault_rests_on_the_assumption() {
        let rule = rule(&background(199, 0.9, 0.01));
        assert_eq!(rule.basis(), Basis::Assumed);
        assert_eq!(band(&rule, 0, &[]), Some(Band::Strong));
        assert_eq!(band(&rule, 14, &[]), Some(Band::Possible));
        assert_eq!(band(&rule, 40, &[]), None);
    }

    proptest::proptest! {
        #[test]
        fn nearer_is_never_worse_and_a_farther_rival_never_either(
            median in 0.6_f64..0.95,
            spread in 0.0_f64..0.12,
            distance in 0_u32..256,
            runner_up in 0_u32..256,
        ) {
            let rule = rule(&background(400, median, spread));
            proptest::prop_assert!(rule.strong_threshold() <= rule.possible_threshold());
            let band = rule.band(distance, Some(runner_up));
            proptest::prop_assert!(rule.band(distance.saturating_sub(1), Some(runner_up)) >= band);
            proptest::prop_assert!(rule.band(distance, Some(runner_up + 1)) >= band);
        }
    }
}
