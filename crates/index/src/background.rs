//! How near other people's records come: the measured background of impostors.

use saltprint_fingerprint::GlobalCode;

use crate::Prints;

/// Counts of numbers from 0 to 256: distances in bits, or ratios in steps of 1/256.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; Self::BINS] }
    }
}

impl Histogram {
    /// Bins: 0 to 256.
    pub const BINS: usize = GlobalCode::BITS as usize + 1;

    /// Counts one number; beyond 256 counts as 256.
    pub fn add(&mut self, value: u32) {
        let bin = (value as usize).min(Self::BINS - 1);
        self.counts[bin] += 1;
    }

    /// Takes `count` of one number back.
    pub fn remove(&mut self, value: u32, count: u64) {
        if let Some(bin) = self.counts.get_mut(value as usize) {
            *bin = bin.saturating_sub(count);
        }
    }

    /// How many numbers were counted. Counts that were read may be any, so the sum stops at the largest number.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    /// `(number, count)` of the bins that hold something, ascending.
    pub fn bins(&self) -> impl Iterator<Item = (u32, u64)> {
        (0_u32..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Smallest number that at least the share `q` (0 to 1) of the counts does not exceed; `None` if empty.
    pub fn quantile(&self, q: f64) -> Option<u32> {
        let total = self.total();
        let mut below = 0_u64;
        self.bins().find_map(|(value, count)| {
            below = below.saturating_add(count);
            (below as f64 >= q * total as f64).then_some(value)
        })
    }

    /// Whether the number of bins is right; for values that were read from a file.
    pub(crate) fn is_valid(&self) -> bool {
        self.counts.len() == Self::BINS
    }
}

/// The background of the global tier, measured at rebuild: each sampled record plays the stranger to all
/// records of other subjects.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Background {
    /// Records of the index when it was measured.
    pub records: u64,
    /// Records that played the stranger: all, or a sample evenly spread over the refs.
    pub sampled: u64,
    /// Distance from a sampled record to its nearest record of another subject, in bits.
    pub nearest: Histogram,
    /// How much farther that one's runner-up was, in bits.
    pub gap: Histogram,
    /// Its own distance over that of its runner-up, in steps of 1/256.
    pub ratio: Histogram,
}

impl Background {
    /// Counts one sampled record, whose nearest record of another subject is at `nearest` bits and that one's nearest
    /// rival at `runner_up`, where there is one.
    pub fn add(&mut self, nearest: u32, runner_up: Option<u32>) {
        self.sampled += 1;
        self.nearest.add(nearest);
        if let Some(runner_up) = runner_up {
            self.gap.add(runner_up.saturating_sub(nearest));
            // Nothing over nothing: they do not differ.
            self.ratio.add((nearest * 256).checked_div(runner_up).unwrap_or(256));
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        [&self.nearest, &self.gap, &self.ratio].into_iter().all(Histogram::is_valid)
    }
}

/// The background of the local tier, measured at rebuild: images of sampled records are looked up as a leak would be,
/// and what their own records and those of their subjects score is left out.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct LocalBackground {
    /// Records of the index when it was measured.
    pub records: u64,
    /// What each sampled image came to, in no order that tells anything.
    pub impostors: Vec<Impostor>,
    /// How near others' records came to the sampled images where these were straightened to fit one of them.
    pub straightened: Background,
    /// The kinds of records that are said to have no template, by name, and what was measured of them.
    pub kinds: Vec<KindCompany>,
    /// What of the records is print, as far as images of others were read.
    pub prints: Prints,
}

/// How many records of a kind that is said to have no template have company: another subject's record shows in them, as far as two of
/// one template do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KindCompany {
    /// The kind, as the vault's list states it.
    pub kind: String,
    /// Records that were asked.
    pub asked: u32,
    /// Those that have company.
    pub in_company: u32,
}

impl KindCompany {
    /// Fewest records that say that a kind has no templates.
    pub const FEWEST: u32 = 60;
    /// Share of the records that may have company where there is no template, by chance or as two selfies before one curtain; of
    /// documents six in ten have and more.
    pub const MOST: f64 = 0.1;

    /// Whether what was measured agrees with what was said: hardly any record of the kind has company, of enough that were asked.
    pub fn is_without_template(&self) -> bool {
        self.asked >= Self::FEWEST && f64::from(self.in_company) <= Self::MOST * f64::from(self.asked)
    }
}

/// The best that others' records scored for one stranger's image.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, serde::Serialize, serde::Deserialize)]
pub struct Impostor {
    /// Score of the best record.
    pub best: f32,
    /// The same, less what counts of its lead over its best rival.
    pub rival: f32,
    /// What counts of the largest lead in score where the image was read beside its places as well.
    pub nudged: f32,
    /// How much more likely what was read is in a copy of a record than in its rivals', in nats, as far as it counts; the most of all.
    pub likelihood: f32,
    /// The smallest ratio of distances among its straightened parts, as the two distances in bits: that of the nearest record and
    /// that of its nearest rival. `None` where no part was straightened.
    pub straightened: Option<(u16, u16)>,
    /// The largest lead in score, and that in likelihood in nats, by what is left of the image where bars cover most of what its record has of its own.
    /// `None` where it was not asked so.
    pub uncovered: Option<(f32, f32)>,
}

impl LocalBackground {
    /// The kinds of records that are said to have no template and share one all the same, of enough that were asked.
    pub fn kinds_with_templates(&self) -> impl Iterator<Item = &KindCompany> {
        self.kinds.iter().filter(|kind| kind.asked >= KindCompany::FEWEST && !kind.is_without_template())
    }

    /// The kinds of records that are said to have no template and do not seem to have one, by name.
    pub fn kinds_without_template(&self) -> Vec<String> {
        let without = self.kinds.iter().filter(|kind| kind.is_without_template());
        without.map(|kind| kind.kind.clone()).collect()
    }

    pub(crate) fn is_valid(&self) -> bool {
        let valid = |score: f32| score.is_finite() && score >= 0.0;
        let scores = |one: &Impostor| [one.best, one.rival, one.nudged, one.likelihood];
        let uncovered =
            |one: &Impostor| one.uncovered.is_none_or(|(lead, likelihood)| valid(lead) && valid(likelihood));
        self.impostors.iter().all(|impostor| scores(impostor).into_iter().all(valid) && uncovered(impostor))
            && self.straightened.is_valid()
            && self.prints.is_valid()
            && self.kinds.iter().all(|kind| kind.in_company <= kind.asked)
            && self.kinds.is_sorted_by(|a, b| a.kind < b.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_without_template_where_hardly_any_of_enough_has_company() {
        let of = |asked, in_company| KindCompany { kind: "selfie".to_owned(), asked, in_company };
        assert!(of(60, 6).is_without_template() && of(1000, 100).is_without_template());
        assert!(!of(59, 0).is_without_template() && !of(60, 7).is_without_template());
        assert!(!of(1000, 101).is_without_template());
        let background = |kinds| LocalBackground { kinds, ..LocalBackground::default() };
        let sorted = background(vec![KindCompany { kind: "liveness".to_owned(), ..of(70, 9) }, of(60, 0)]);
        assert!(sorted.is_valid());
        assert_eq!(sorted.kinds_without_template(), ["selfie"]);
        assert_eq!(sorted.kinds_with_templates().map(|kind| &*kind.kind).collect::<Vec<_>>(), ["liveness"]);
        // Read from a file, they may be anything.
        assert!(!background(vec![of(60, 0), of(60, 0)]).is_valid() && !background(vec![of(3, 4)]).is_valid());
    }

    #[test]
    fn quantiles_walk_the_counts() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for distance in [10, 20, 20, 30, 999] {
            histogram.add(distance);
        }
        assert_eq!(histogram.total(), 5);
        assert_eq!([0.0, 0.2, 0.5, 0.8, 1.0].map(|q| histogram.quantile(q)), [10, 10, 20, 30, 256].map(Some));
    }

    #[test]
    fn ratios_are_counted_in_steps() {
        let mut background = Background::default();
        background.add(30, Some(60));
        background.add(0, Some(0));
        background.add(5, None);
        assert_eq!(background.sampled, 3);
        assert_eq!(background.ratio.bins().collect::<Vec<_>>(), [(128, 1), (256, 1)]);
        assert_eq!(background.gap.bins().collect::<Vec<_>>(), [(0, 1), (30, 1)]);
    }
}
