//! The decision rule: one place that turns distances into bands.

use saltprint_index::{Background, Surroundings};

/// How sure a match is. Outside the evidence role nobody sees more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Near enough to look at, not to rely on.
    Possible,
    /// Below the stated chance of a false match, and clearly nearer than any other subject.
    Strong,
}

/// What the thresholds rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
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
const MIN_SAMPLE: u64 = 50;
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
    TailQuantile { share: 0.25, needed: MIN_SAMPLE, widening: 1.5 },
    TailQuantile { share: 0.10, needed: 200, widening: 1.25 },
    TailQuantile { share: 0.05, needed: 400, widening: 1.1 },
    TailQuantile { share: 0.01, needed: 900, widening: 1.0 },
];
/// A strong match must stand out from the runner-up more than this share of strangers do.
const MARGIN_SHARE: f64 = 0.95;
/// A level below that of this share of strangers counts as theirs.
const FLOOR_SHARE: f64 = 0.05;

/// What the rule takes from the background.
#[derive(Debug, Clone, Copy)]
struct Measures {
    basis: Basis,
    /// Median and spread of strangers' relative distances.
    median: f64,
    spread: f64,
    /// Bits.
    level_floor: u32,
    margin: u32,
}

/// The assumption for vaults that are too small to measure, taken on the cautious side of what was measured on invented
/// documents of one template with the built-in profile.
const ASSUMED: Measures =
    Measures { basis: Basis::Assumed, median: 0.85, spread: 0.14, level_floor: 45, margin: 20 };

/// Thresholds, derived from the background of impostors.
///
/// # What is compared
/// How near strangers come depends on where one looks: two bank statements are nearer to each other than two
/// selfies. So not the distance itself is judged but the *relative* distance: that to the nearest record over the
/// median of those to its eight nearest rivals (the *level*, see [`Surroundings`]). A stranger has a relative distance somewhat below
/// 1; a copy of the record, however crowded the place, is far below. Rivals are records of other subjects with
/// other bytes: two records of one subject, or one file stored twice, do not speak against each other.
///
/// # Model
/// In the rebuild each sampled record plays a stranger and is judged against all records of other subjects; with a
/// calibrated profile only records take part that the calibration has not seen. The lower tail of strangers' relative
/// distances is modelled as normal around the measured median, with the largest spread that the 25, 10, 5 and 1 %
/// quantiles imply, as far as the sample carries them, so that a tail heavier than a normal one widens it. The strong
/// threshold is the relative distance whose modelled probability, summed over the eight orientations of a query, is
/// [`RuleSettings::strong_chance`]. It is an extrapolation beyond what was observed; the manifest keeps the
/// histograms for whoever wants to check it.
///
/// # Margin
/// A strong match must also be nearer than the runner-up by more bits than for 95 % of strangers. Where one image is stored
/// under several subjects, none of them is strong: somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct DecisionRule {
    strong: Option<f64>,
    possible: Option<f64>,
    level_floor: u32,
    margin: u32,
    basis: Basis,
}

impl DecisionRule {
    /// Derives thresholds from a measured background.
    pub fn new(background: &Background, settings: RuleSettings) -> Self {
        let Measures { basis, median, spread, level_floor, margin } = measure(background).unwrap_or(ASSUMED);
        let threshold = |chance: f64| {
            let z = normal_quantile((chance / ORIENTATIONS).clamp(1e-15, 0.5));
            Some(median + z * spread).filter(|threshold| *threshold >= 0.0)
        };
        Self {
            strong: threshold(settings.strong_chance),
            possible: threshold(settings.possible_chance.max(settings.strong_chance)),
            level_floor,
            margin,
            basis,
        }
    }

    /// Band of a record at `distance` bits in its surroundings; no band is no match.
    pub fn band(&self, distance: u32, surroundings: Surroundings) -> Option<Band> {
        let level = surroundings.level.map_or(self.level_floor, |level| level.max(self.level_floor));
        let within = |threshold: Option<f64>| {
            threshold.is_some_and(|threshold| f64::from(distance) <= threshold * f64::from(level))
        };
        let stands_out =
            surroundings.runner_up.is_none_or(|runner_up| runner_up >= distance.saturating_add(self.margin));
        if within(self.strong) && stands_out {
            Some(Band::Strong)
        } else {
            (within(self.possible) || within(self.strong)).then_some(Band::Possible)
        }
    }

    /// Largest relative distance of the strong band; `None` where strangers come so near that none is safe.
    pub fn strong_threshold(&self) -> Option<f64> {
        self.strong
    }

    /// Largest relative distance of the possible band.
    pub fn possible_threshold(&self) -> Option<f64> {
        self.possible
    }

    /// Least distance in bits between a strong match and its nearest rival.
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
    let relative = &background.relative;
    if relative.total() < MIN_SAMPLE {
        return None;
    }
    let quantile = |share: f64| Some(f64::from(relative.quantile(share)?) / 256.0);
    let median = quantile(0.5)?;
    let seen = TAIL.iter().filter(|tail| relative.total() >= tail.needed);
    let widest = seen
        .clone()
        .filter_map(|tail| Some((median - quantile(tail.share)?) / -normal_quantile(tail.share)))
        // The resolution of the histogram keeps a degenerate one from putting the threshold at the median.
        .fold(1.0 / 256.0, f64::max);
    Some(Measures {
        basis: Basis::Measured,
        median,
        spread: widest * seen.last()?.widening,
        level_floor: background.level.quantile(FLOOR_SHARE)?,
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

    const LEVEL: u32 = 128;

    /// Relative distances with a given median and normal spread, by quantiles, so without randomness; level 128.
    fn background(count: u32, median: f64, spread: f64) -> Background {
        let mut background = Background { records: u64::from(count), ..Background::default() };
        for index in 0..count {
            let p = (f64::from(index) + 0.5) / f64::from(count);
            let relative = (median + spread * normal_quantile(p)).clamp(0.0, 1.0);
            let nearest = (1..=LEVEL).take_while(|n| f64::from(*n) <= relative * f64::from(LEVEL)).count();
            stranger(&mut background, u32::try_from(nearest).unwrap(), index % 8);
        }
        background
    }

    fn stranger(background: &mut Background, nearest: u32, gap: u32) {
        let surroundings = Surroundings { runner_up: Some(nearest + gap), level: Some(LEVEL) };
        background.add(nearest, surroundings);
    }

    fn rule(background: &Background) -> DecisionRule {
        DecisionRule::new(background, RuleSettings::default())
    }

    fn near(runner_up: u32) -> Surroundings {
        Surroundings { runner_up: Some(runner_up), level: Some(LEVEL) }
    }

    #[test]
    fn thresholds_follow_the_normal_tail() {
        let rule = rule(&background(4_000, 0.85, 0.08));
        assert_eq!(rule.basis(), Basis::Measured);
        // 1e-6 / 8 is 5.16 standard deviations out, 1e-3 / 8 is 3.66.
        let (strong, possible) = (rule.strong_threshold().unwrap(), rule.possible_threshold().unwrap());
        assert!((strong - 0.437).abs() < 0.03, "{strong}");
        assert!((possible - 0.557).abs() < 0.03, "{possible}");
        assert_eq!(rule.margin(), 7);
        assert_eq!(rule.band(20, near(100)), Some(Band::Strong));
        assert_eq!(rule.band(65, near(100)), Some(Band::Possible));
        assert_eq!(rule.band(90, near(100)), None);
    }

    #[test]
    fn a_heavier_lower_tail_lowers_the_threshold() {
        let light = background(4_000, 0.85, 0.08);
        let mut heavy = light.clone();
        (0..120).for_each(|index| stranger(&mut heavy, 50 + index % 10, 3));
        assert!(rule(&heavy).strong_threshold() < rule(&light).strong_threshold());
    }

    #[test]
    fn a_small_sample_is_trusted_less() {
        let threshold = |count| rule(&background(count, 0.85, 0.08)).strong_threshold().unwrap();
        assert!(threshold(60) < threshold(300) && threshold(300) < threshold(2_000));
    }

    #[test]
    fn an_image_stored_under_two_subjects_is_never_strong_and_moves_no_threshold() {
        let clean = background(4_000, 0.85, 0.08);
        let mut twins = clean.clone();
        (0..20).for_each(|_| stranger(&mut twins, 2, 90));
        let moved = rule(&clean).strong_threshold().unwrap() - rule(&twins).strong_threshold().unwrap();
        assert!(moved.abs() < 0.02, "{moved}");
        assert_eq!(rule(&twins).band(1, near(3)), Some(Band::Possible));
        // Even where all eight rivals are twins, so that the level is nothing.
        let crowd = Surroundings { runner_up: Some(2), level: Some(3) };
        assert_eq!(rule(&twins).band(2, crowd), Some(Band::Possible));
    }

    #[test]
    fn crowded_strangers_leave_no_safe_distance() {
        let rule = rule(&background(4_000, 0.6, 0.2));
        assert_eq!(rule.strong_threshold(), None);
        assert_eq!(rule.band(0, near(100)), None);
    }

    #[test]
    fn a_small_vault_rests_on_the_assumption() {
        let rule = rule(&background(49, 0.9, 0.01));
        assert_eq!(rule.basis(), Basis::Assumed);
        assert_eq!(rule.band(0, Surroundings::default()), Some(Band::Strong));
        assert_eq!(rule.band(10, Surroundings::default()), Some(Band::Possible));
        assert_eq!(rule.band(20, Surroundings::default()), None);
    }

    proptest::proptest! {
        #[test]
        fn nearer_is_never_worse(
            median in 0.6_f64..0.95,
            spread in 0.0_f64..0.12,
            distance in 0_u32..256,
            runner_up in 0_u32..256,
            level in 0_u32..256,
        ) {
            let rule = rule(&background(400, median, spread));
            proptest::prop_assert!(rule.strong_threshold() <= rule.possible_threshold());
            let at = |distance, runner_up, level| {
                rule.band(distance, Surroundings { runner_up: Some(runner_up), level: Some(level) })
            };
            let band = at(distance, runner_up, level);
            proptest::prop_assert!(at(distance.saturating_sub(1), runner_up, level) >= band);
            proptest::prop_assert!(at(distance, runner_up + 1, level) >= band);
            proptest::prop_assert!(at(distance, runner_up, level + 1) >= band);
        }
    }
}
