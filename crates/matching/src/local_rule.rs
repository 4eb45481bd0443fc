//! The decision rule of the local tier, and of both tiers together.

use saltprint_index::{Impostor, LocalBackground};

use crate::{Band, Basis, DecisionRule, Evidence, Lead, RuleSettings};

/// Quantiles above which the tail is fitted; the one that makes it heavier counts. The second needs a larger sample.
const TAILS: [(f64, usize); 2] = [(0.75, LocalRule::MIN_SAMPLE), (0.9, 300)];
/// How much the tail's fall is widened for what the sample did not show: by this over the root of the number of
/// values that it rests on, about one standard error of a mean excess.
const ERROR: f64 = 1.0;
/// So many values are taken to have been seen beside few that were, of the mean that is assumed beyond a tail's start.
const FEW: f64 = 4.0;
/// What is assumed of strangers where too few could be measured, on the cautious side of all vaults measured.
const ASSUMED: Tail = Tail { from: 0.8, share: 0.25, fall: 0.5 };
/// The same for likelihoods, in nats.
const ASSUMED_LIKELIHOOD: Tail = Tail { from: 3.0, share: 0.25, fall: 1.5 };
/// Where the tail of both tiers' sums begins, in nats: no tail of leads begins before its upper quarter, so that the surprise that it begins with is
/// `ln 4` at least. Less are leads that their likelihood bounds, and parts that are near by a little.
const BEGUN: f64 = 2.0 * std::f64::consts::LN_2;
/// Mean excess of the sums of surprises that few strangers are taken to have, in nats: that of a model's own surprises.
const SURPRISE: f64 = 1.0;
/// Records that one place of an image is read for. Further looks see the same again.
const COMPARED: f64 = 8.0;
/// How much more a lead in score may say than the likelihood of what is seen, which errs to the stranger's side.
const CREDIT: f64 = 2.5;
/// Largest surprise that is told apart: chances below `exp(-60)` mean nothing.
const MOST: f64 = 60.0;

/// How unlikely it is that a stranger scores like this.
///
/// # What is compared
/// The *lead* of a record: its score ([`Sighting::score`](crate::Sighting::score)) less that of its best rival in the same
/// place of the picture. What all documents of a template share lifts both and falls out.
///
/// # Model
/// In the rebuild images of sampled records are looked up, without their own subjects and whoever holds the same image, through all steps that a leaked image
/// goes through. Beyond its upper quartile (and, if that is heavier, its upper tenth) the strangers' lead is modelled as
/// exponential with the measured mean excess, widened by one standard error. Where fewer lead at all, the mean is that of those that do: one
/// over many that lead by nothing and a few that do is the fall of neither. A score is a sum over agreeing features, of
/// which each further one is about as unlikely as the one before, so its tail falls by a factor a step; on invented
/// documents the largest of 600 strangers is where the model expects it. It is an extrapolation all the same: the manifest
/// keeps the measured scores.
///
/// The lead in score of an image that was read beside its places as well ([`Sighting::nudged`](crate::Sighting::nudged)), as close calls are, is a measure of
/// its own with a tail of its own: a poor copy gains by it, and of a good one of which little is left only rivals do.
///
/// A further measure of the same features is the lead in *likelihood* ([`Sighting::likelihood`](crate::Sighting::likelihood)), which
/// knows covered parts: what is left of a document with blacked fields agrees exactly. Its tail is measured likewise. One
/// record reaches a likelihood ratio of r by chance at most once in r cases, so it never counts for more than that, less what
/// the number of records that are compared costs. Where one record leads by the one measure and another by the other,
/// neither does.
///
/// # Covered parts
/// Details that something black lies on ([`Sighting::uncovered`](crate::Sighting::uncovered)) speak neither for nor against a record. What speaks against strangers is often just
/// that, so what is left has a background of its own: the sampled images once more, with bars over most of their own details. A record has to lead in score *and* in likelihood by
/// it. Of 1,000 invented records (`eval --seed 106`) 84 of 100 copies with blacked fields are strong matches without this measure; with the tails of images that are not covered two of 784 strangers
/// with blacked fields were as well.
///
/// # Lead and likelihood
/// The likelihood does not depend on rivals but for a few nats (in a poor image others of the template say how near these come), and so it bounds what a lead in score is worth: among 20,000 invented records a
/// stranger's bill led by far because it lay on the same chequered cloth as one record's, of which no rival had anything. The
/// likelihood of that was 3 nats; that of altered copies that lead as far is 6 and more.
///
/// # Both tiers
/// Chances that the tiers give for one record multiply to a number that, by Fisher's method (Fisher, "Statistical Methods
/// for Research Workers", 1925, section 21.1), has the chance `p (1 - ln p)` under independence. That is not all: what makes a
/// stranger lead by its details (a document that lies in the picture as the record's does, on the same ground) brings its
/// straightened part nearer as well, and each of the two chances is an extrapolation of its own. So the sum of both surprises
/// has a background too: that of the sampled strangers, each with its largest lead and its nearest straightened part, modelled
/// like the others, but from `ln 4` on: that of a lead begins where its tail does, and from nothing on the mean excess would be mostly that of this gap. The larger of the two chances counts, and a straightened part alone has to pass it as well: the normal tail
/// of its ratios is fitted to some hundred parts, and two of 6,666 strangers among 5,000 invented records were strong by it
/// though their details led by nothing, because they lay in the picture as one record did.
///
/// # Lonely templates
/// The tail holds for templates of which the vault has several records. A record that is alone with its template, or with one other, is strong
/// only where nearly all that is seen of it looks the same, or where its kind has no templates, and other such samples are left out of the tail. Where
/// few others are, a lead counts in part, in the tail as well (in which a record's own template has one record less), but not for what is possible: see
/// [`LocalSearch::known_print`](crate::LocalSearch::known_print). That holds for whole-image codes as well, but for
/// those that are very near: see [`DecisionRule::band_alone`].
///
/// # Small vaults
/// Where fewer than 60 strangers could be measured, local codes make a match possible, never strong.
///
/// Each of nine ways to be found (whole image, panel, straightened part, local by either lead in score, by likelihood, and by what is not covered, these but the last together with the
/// code of the whole image or of a straightened part) gets a ninth of the chance that the bands stand for.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LocalRule {
    #[serde(skip)]
    tail: Tail,
    /// Of leads where the image was read beside its places as well.
    #[serde(skip)]
    nudged: Tail,
    #[serde(skip)]
    likelihood: Tail,
    /// Of leads in score and in likelihood by what is not covered, where enough covered strangers were measured.
    #[serde(skip)]
    uncovered: Option<[Tail; 2]>,
    /// Of the sum of both tiers' surprises.
    #[serde(skip)]
    both: Option<Tail>,
    strong_lead: f64,
    possible_lead: f64,
    basis: Basis,
    #[serde(skip)]
    settings: RuleSettings,
}

/// An exponential upper tail.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tail {
    /// Where it starts.
    from: f64,
    /// Chance to be beyond that.
    share: f64,
    /// Mean excess.
    fall: f64,
}

impl Tail {
    /// Minus the natural logarithm of the chance of at least `value`; 0 below the tail's start.
    fn surprise(self, value: f64) -> f64 {
        if value <= self.from {
            return 0.0;
        }
        ((value - self.from) / self.fall - self.share.ln()).min(MOST)
    }

    /// Inverse of [`Tail::surprise`] in the tail.
    fn value(self, surprise: f64) -> f64 {
        self.from + self.fall * (surprise + self.share.ln()).max(0.0)
    }
}

/// Ways in which one image may be found; they share the chance of a false match.
pub(crate) const WAYS: f64 = 9.0;

impl LocalRule {
    /// Sampled images below which the background is assumed instead of measured.
    pub const MIN_SAMPLE: usize = 60;

    /// Derives the rule from a measured background.
    pub fn new(background: &LocalBackground, settings: RuleSettings) -> Self {
        let impostors = || background.impostors.iter();
        // The heavier of two: the one that puts the strong threshold farther out.
        let far = |tail: &Tail| tail.value(-(settings.strong_chance / WAYS).ln());
        let heaviest = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let seen = TAILS.iter().filter(|(_, needed)| values.len() >= *needed);
            seen.map(|(quantile, _)| fit(&values, *quantile)).max_by(|a, b| far(a).total_cmp(&far(b)))
        };
        let or_of_few = |values: Vec<f64>, from: f64, fall: f64| {
            let of_few = fit_few(&values, from, fall);
            [heaviest(values), of_few].into_iter().flatten().max_by(|a, b| far(a).total_cmp(&far(b)))
        };
        let leads = impostors().map(|one| f64::from(one.best) - f64::from(one.rival)).collect();
        let measured = or_of_few(leads, 0.0, ASSUMED.fall);
        let likelihood = heaviest(impostors().map(|one| f64::from(one.likelihood)).collect());
        let tail = measured.unwrap_or(ASSUMED);
        let covered = |one: fn((f32, f32)) -> f32, fall: f64| {
            or_of_few(
                impostors().filter_map(|impostor| Some(f64::from(one(impostor.uncovered?)))).collect(),
                0.0,
                fall,
            )
        };
        let uncovered = covered(|(lead, _)| lead, ASSUMED.fall)
            .zip(covered(|(_, likelihood)| likelihood, ASSUMED_LIKELIHOOD.fall));
        let nudged = or_of_few(impostors().map(|one| f64::from(one.nudged)).collect(), 0.0, ASSUMED.fall);
        let nudged = nudged.unwrap_or(ASSUMED);
        let rule = Self {
            tail,
            nudged,
            likelihood: likelihood.unwrap_or(ASSUMED_LIKELIHOOD),
            uncovered: uncovered.map(|(lead, likelihood)| [lead, likelihood]),
            both: None,
            strong_lead: far(&tail),
            possible_lead: tail.value(-(settings.possible_chance / WAYS).ln()),
            basis: if measured.is_some() { Basis::Measured } else { Basis::Assumed },
            settings,
        };
        let straightened = DecisionRule::new(&background.straightened, settings).with_tries(1);
        let both = |one: &Impostor| {
            let lead = Lead {
                score: f64::from(one.best) - f64::from(one.rival),
                nudged: one.nudged.into(),
                likelihood: f64::from(one.likelihood),
                ..Lead::default()
            };
            let part = one.straightened.map_or(0.0, |(nearest, runner_up)| {
                straightened.surprise(nearest.into(), Some(runner_up.into()))
            });
            rule.surprise_of_all(lead) + part
        };
        Self { both: or_of_few(impostors().map(both).collect(), BEGUN, SURPRISE), ..rule }
    }

    /// Minus the natural logarithm of the chance that a stranger's image leads as clearly in any way.
    pub fn surprise(&self, lead: Lead) -> f64 {
        let Evidence { score, likelihood } = lead.uncovered;
        let uncovered = self.uncovered.map_or(0.0, |[of_score, of_likelihood]| {
            of_score.surprise(score).min(of_likelihood.surprise(likelihood)).min(bound(likelihood))
        });
        self.surprise_of_all(lead).max(uncovered)
    }

    /// The same where what is covered speaks against the record.
    fn surprise_of_all(&self, lead: Lead) -> f64 {
        let likelihood = self.likelihood.surprise(lead.likelihood).min(bound(lead.likelihood));
        let score = self.tail.surprise(lead.score).max(self.nudged.surprise(lead.nudged));
        score.min(CREDIT * lead.likelihood).max(likelihood)
    }

    /// Band of a record that leads its place and whose whole-image code is as surprising as `global` (0 for no evidence).
    pub fn band(&self, lead: Lead, global: f64) -> Option<Band> {
        let local = self.surprise_of_all(lead);
        let both = self.both.map_or(MOST, |tail| tail.surprise(local + global));
        let best = self.surprise(lead).max(both.min(-joint_chance(local, global).ln()));
        let within = |chance: f64| best >= -(chance / WAYS).ln();
        // Nobody is accused on an assumption: in a vault too small to measure, a template that only one record has makes
        // every stranger of that template agree in all its print.
        if within(self.settings.strong_chance) && self.basis == Basis::Measured {
            Some(Band::Strong)
        } else {
            within(self.settings.possible_chance).then_some(Band::Possible)
        }
    }

    /// Whether a record whose straightened part is as surprising as `part` may be called strong by that alone.
    pub(crate) fn confirms(&self, part: f64) -> bool {
        let needed = -(self.settings.strong_chance / WAYS).ln();
        self.both.is_none_or(|tail| tail.surprise(part) >= needed)
    }

    /// Lead from which a match is strong by local codes alone.
    pub fn strong_lead(&self) -> f64 {
        self.strong_lead
    }

    /// Lead from which a match is possible by local codes alone.
    pub fn possible_lead(&self) -> f64 {
        self.possible_lead
    }

    /// What the rule rests on.
    pub fn basis(&self) -> Basis {
        self.basis
    }
}

/// The most that a likelihood says, in nats: a ratio of r has at most the chance 1/r a record, whatever the sample shows.
fn bound(likelihood: f64) -> f64 {
    (likelihood - COMPARED.ln()).max(0.0)
}

/// Chance that two independent surprises add up to this much, by Fisher's method.
fn joint_chance(a: f64, b: f64) -> f64 {
    let sum = a + b;
    (1.0 + sum) * (-sum).exp()
}

/// The mean excess over a quantile of sorted leads.
fn fit(leads: &[f64], quantile: f64) -> Tail {
    let beyond = ((1.0 - quantile) * leads.len() as f64).floor().max(1.0);
    let first = leads.len().saturating_sub(1 + to_count(beyond));
    let from = leads.get(first).copied().unwrap_or(0.0).max(0.0);
    let excess: f64 = leads.iter().skip(first + 1).map(|lead| (lead - from).max(0.0)).sum::<f64>() / beyond;
    // Strangers that never score leave no tail to measure; a hundredth of a feature is less than any means.
    Tail { from, share: 1.0 - quantile, fall: (excess * (1.0 + ERROR / beyond.sqrt())).max(0.01) }
}

/// The tail from `from` on of values of which fewer are above that than the first of [`TAILS`] needs; [`FEW`] of the mean excess `fall` are added to
/// those that were seen, which may be none. `None` where more are, or the sample is too small.
fn fit_few(values: &[f64], from: f64, fall: f64) -> Option<Tail> {
    if values.len() < LocalRule::MIN_SAMPLE {
        return None;
    }
    let excess: Vec<f64> = values.iter().map(|value| value - from).filter(|excess| *excess > 0.0).collect();
    let few = excess.len() as f64 + FEW;
    let share = few / (values.len() as f64 + FEW);
    (share < 1.0 - TAILS[0].0).then(|| {
        let mean = (excess.iter().sum::<f64>() + FEW * fall) / few;
        Tail { from, share, fall: mean * (1.0 + ERROR / few.sqrt()) }
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of values at hand")]
fn to_count(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use saltprint_index::Impostor;

    use super::*;

    /// Strangers whose leads are exponential with the mean `fall`, by quantiles.
    fn background(count: u32, fall: f32) -> LocalBackground {
        let lead = |index: u32| -fall * ((index as f32 + 0.5) / count as f32).ln();
        let impostors = (0..count)
            .map(|index| Impostor {
                best: 3.0 + lead(index),
                rival: 3.0,
                nudged: lead(index),
                ..Impostor::default()
            })
            .collect();
        LocalBackground { records: 1000, impostors, ..LocalBackground::default() }
    }

    /// A lead in score that is likely enough not to be bounded, and not likely enough to be a match by that.
    fn by(score: f64) -> Lead {
        Lead { score, likelihood: 7.0, ..Lead::default() }
    }

    fn rule(background: &LocalBackground) -> LocalRule {
        LocalRule::new(background, RuleSettings::default())
    }

    #[test]
    fn the_threshold_follows_the_exponential_tail() {
        let rule = rule(&background(2000, 0.3));
        assert_eq!(rule.basis(), Basis::Measured);
        // ln 8e6 is 15.9; the fall is widened by 4 to 7 %.
        assert!((4.7..5.3).contains(&rule.strong_lead()), "{}", rule.strong_lead());
        assert!(rule.possible_lead() < rule.strong_lead() * 0.6);
        assert_eq!(rule.band(by(5.4), 0.0), Some(Band::Strong));
        assert_eq!(rule.band(by(3.5), 0.0), Some(Band::Possible));
        assert_eq!(rule.band(by(1.0), 0.0), None);
    }

    /// Where few strangers lead at all the tail is that of those that do, however many do not.
    #[test]
    fn a_few_that_lead_are_not_watered_down() {
        let leads = |leading: u8, of: usize| -> Vec<f32> {
            let led = (0..leading).map(|number| 0.6 + f32::from(number) / f32::from(leading));
            led.chain(std::iter::repeat(0.0)).take(of).collect()
        };
        let with = |leading: u8, of: usize| {
            let impostors =
                leads(leading, of).into_iter().map(|best| Impostor { best, ..Impostor::default() });
            let background = LocalBackground {
                records: 300,
                impostors: impostors.collect(),
                ..LocalBackground::default()
            };
            rule(&background).strong_lead()
        };
        let fit_few = |leading: u8, of: usize| {
            let leads: Vec<f64> = leads(leading, of).into_iter().map(f64::from).collect();
            super::fit_few(&leads, 0.0, 0.5)
        };
        assert!(with(12, 280) > 10.0 && with(12, 2800) > 7.0, "{} {}", with(12, 280), with(12, 2800));
        // Nobody leads: not nothing, but what a few would have.
        assert!(with(0, 280) > 5.0, "{}", with(0, 280));
        // Where a quarter does, quantiles tell; where few were asked, nothing does.
        assert!(fit_few(5, 60).is_some() && fit_few(20, 60).is_none());
        assert!(fit_few(5, 59).is_none());
    }

    #[test]
    fn two_half_certain_tiers_are_certain_together() {
        let rule = rule(&background(2000, 0.3));
        assert_eq!(rule.band(by(3.2), 11.5), Some(Band::Strong));
        assert_eq!(rule.band(by(3.2), 0.0), Some(Band::Possible));
        assert_eq!(rule.band(by(0.0), 11.5), Some(Band::Possible));
    }

    /// What lifts a stranger's details brings its straightened part nearer: then the two are not as good as independent.
    #[test]
    fn tiers_that_err_together_count_for_less() {
        let independent = background(600, 0.3);
        let mut together = independent.clone();
        for (number, one) in together.impostors.iter_mut().enumerate() {
            // A ratio that falls with the lead.
            let lead = one.best - one.rival;
            let nearest = u16::try_from(to_count(f64::from(80.0 - 14.0 * lead).max(8.0))).unwrap();
            one.straightened = Some((nearest, 100));
            together.straightened.add(70 + u32::try_from(number).unwrap() % 30, Some(100));
        }
        let sure = |background: &LocalBackground| rule(background).band(by(2.5), 11.5);
        assert_eq!(sure(&independent), Some(Band::Strong));
        assert_eq!(sure(&together), Some(Band::Possible));
        let alone = |background: &LocalBackground| rule(background).band(by(5.4), 0.0);
        assert_eq!(alone(&together), alone(&independent), "one tier by itself says what it said");
    }

    /// Sums of surprises are nothing or what a tail begins with, and more. The gap is not a part of how they fall.
    #[test]
    fn sums_of_surprises_fall_as_they_do_beyond_the_gap() {
        let sums = |count: u8, fall: f64| -> Vec<f64> {
            let excess = |number: u8| -fall * ((f64::from(number) + 0.5) / f64::from(count)).ln();
            let any = (0..count).map(|number| BEGUN + excess(number));
            any.chain(std::iter::repeat(0.0)).take(500).collect()
        };
        let fit = |values: &[f64]| fit_few(values, BEGUN, SURPRISE).unwrap();
        let tail = fit(&sums(25, 2.0));
        assert!((2.0..2.4).contains(&tail.fall), "{tail:?}");
        // Sums that fall faster are more of a surprise, and so are the same of fewer.
        assert!(fit(&sums(25, 1.0)).surprise(20.0) > 1.5 * tail.surprise(20.0));
        assert!(fit(&sums(12, 1.0)).fall > fit(&sums(100, 1.0)).fall);
        // Where there are none a few are assumed, whatever their limit says.
        let none = fit(&[0.5; 500]);
        assert!((1.4..1.6).contains(&none.fall) && none.surprise(10.0) > 8.0, "{none:?}");
    }

    #[test]
    fn a_heavier_tail_moves_the_threshold() {
        let light = background(2000, 0.3);
        let mut heavy = light.clone();
        heavy.impostors.extend((0..60).map(|index| Impostor {
            best: 4.0 + index as f32 / 30.0,
            rival: 1.0,
            ..Impostor::default()
        }));
        assert!(rule(&heavy).strong_lead() > rule(&light).strong_lead() * 1.3);
    }

    #[test]
    fn a_likelihood_counts_for_no_more_than_it_says_and_no_more_than_strangers_let_it() {
        let by = |likelihood| Lead { likelihood, ..Lead::default() };
        // Strangers show none: what counts is the ratio itself. ln 8e6 is 15.9, and ln 8 is 2.1.
        let light = rule(&background(2000, 0.3));
        assert_eq!(light.band(by(17.9), 0.0), Some(Band::Possible));
        assert_eq!(light.band(by(18.1), 0.0), Some(Band::Strong));
        let mut heavy = background(2000, 0.3);
        for one in heavy.impostors.iter_mut().step_by(5) {
            one.likelihood = 12.0;
        }
        assert_eq!(rule(&heavy).band(by(18.1), 0.0), None);
    }

    #[test]
    fn a_lead_that_is_not_likely_is_none() {
        let rule = rule(&background(2000, 0.3));
        let lead = |likelihood| Lead { score: 50.0, likelihood, ..Lead::default() };
        assert_eq!(rule.band(lead(7.0), 0.0), Some(Band::Strong));
        assert_eq!(rule.band(lead(5.0), 0.0), Some(Band::Possible));
        assert_eq!(rule.band(lead(3.0), 0.0), None);
    }

    /// Neither a lead in score nor one in likelihood is enough where parts are covered, and both are only beside what covered strangers lead by.
    #[test]
    fn what_is_not_covered_has_to_lead_in_both() {
        let by = |score, likelihood| Lead { uncovered: Evidence { score, likelihood }, ..Lead::default() };
        let plain = background(2000, 0.3);
        assert_eq!(rule(&plain).band(by(50.0, 50.0), 0.0), None, "nothing was measured");
        let covered = |times: f32| {
            let mut background = plain.clone();
            background
                .impostors
                .iter_mut()
                .for_each(|one| one.uncovered = Some((one.nudged * times, one.nudged)));
            rule(&background)
        };
        let rule = covered(1.0);
        assert_eq!(rule.band(by(50.0, 50.0), 0.0), Some(Band::Strong));
        // A ratio says no more than it does, whatever strangers show.
        assert_eq!(rule.band(by(50.0, 15.0), 0.0), Some(Band::Possible));
        assert_eq!(rule.band(by(50.0, 5.0), 0.0), None);
        assert_eq!(rule.band(by(0.3, 50.0), 0.0), None);
        assert_eq!(rule.band(by(5.4, 50.0), 0.0), Some(Band::Strong));
        assert_eq!(covered(3.0).band(by(5.4, 50.0), 0.0), None);
        // It does not add to what the whole image says: no stranger was measured so.
        assert_eq!(
            rule.band(by(2.0, 50.0), 12.0),
            rule.band(Lead::default(), 12.0).max(rule.band(by(2.0, 50.0), 0.0))
        );
    }

    /// To what is read beside its places strangers come nearer: such a lead has to be larger, and takes nothing from the other.
    #[test]
    fn leads_of_what_is_read_beside_have_a_tail_of_their_own() {
        let plain = background(2000, 0.3);
        let mut nearer = plain.clone();
        nearer.impostors.iter_mut().for_each(|one| one.nudged *= 2.0);
        let rule = rule(&nearer);
        let beside = |nudged| Lead { nudged, likelihood: 7.0, ..Lead::default() };
        assert_eq!(rule.band(beside(6.0), 0.0), Some(Band::Possible));
        assert_eq!(rule.band(beside(10.8), 0.0), Some(Band::Strong));
        assert_eq!(
            super::LocalRule::new(&plain, RuleSettings::default()).band(beside(5.4), 0.0),
            Some(Band::Strong)
        );
        assert_eq!(rule.band(by(5.4), 0.0), Some(Band::Strong));
        // It is worth no more than it is likely either.
        assert_eq!(rule.band(Lead { likelihood: 3.0, ..beside(50.0) }, 0.0), None);
    }

    #[test]
    fn a_small_sample_is_trusted_less_and_a_tiny_one_not_at_all() {
        assert!(rule(&background(120, 0.3)).strong_lead() > rule(&background(2000, 0.3)).strong_lead());
        let tiny = rule(&background(59, 0.1));
        assert_eq!(tiny.band(by(50.0), 30.0), Some(Band::Possible));
        assert_eq!(
            (tiny.basis(), tiny.strong_lead()),
            (Basis::Assumed, rule(&LocalBackground::default()).strong_lead())
        );
    }

    #[test]
    fn strangers_that_score_nothing_are_no_trouble() {
        let silent = LocalBackground {
            records: 9,
            impostors: vec![Impostor::default(); 500],
            ..LocalBackground::default()
        };
        let rule = rule(&silent);
        assert!(rule.strong_lead() > 0.0 && rule.band(by(0.0), 0.0).is_none());
    }

    proptest::proptest! {
        #[test]
        fn more_evidence_is_never_worse(lead in 0.0_f64..20.0, more in 0.0_f64..5.0, global in 0.0_f64..40.0) {
            let rule = rule(&background(400, 0.4));
            proptest::prop_assert!(rule.band(by(lead + more), global) >= rule.band(by(lead), global));
            proptest::prop_assert!(rule.band(by(lead), global + more) >= rule.band(by(lead), global));
        }
    }
}
