//! How near other people's records come: the measured background of impostors.

use saltprint_fingerprint::GlobalCode;

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

    /// How many numbers were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// `(number, count)` of the bins that hold something, ascending.
    pub fn bins(&self) -> impl Iterator<Item = (u32, u64)> {
        (0_u32..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Smallest number that at least the share `q` (0 to 1) of the counts does not exceed; `None` if empty.
    pub fn quantile(&self, q: f64) -> Option<u32> {
        let total = self.total();
        let mut below = 0;
        self.bins().find_map(|(value, count)| {
            below += count;
            (below as f64 >= q * total as f64).then_some(value)
        })
    }

    /// Whether the number of bins is right; for values that were read from a file.
    pub(crate) fn is_valid(&self) -> bool {
        self.counts.len() == Self::BINS
    }
}

/// What lies around the nearest record of a query: how near records of *other* subjects come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Distance of the nearest rival of the nearest record, in bits.
    pub runner_up: Option<u32>,
    /// Median distance of the [`Surroundings::RIVALS`] nearest rivals (of as many as there are), in bits: how near
    /// strangers are in this corner of the index, whatever the query.
    pub level: Option<u32>,
}

impl Surroundings {
    /// Rivals that the level is the median of.
    pub const RIVALS: usize = 8;

    /// From the distances of the nearest rivals, ascending.
    pub fn new(rivals: &[u32]) -> Self {
        let nearest = &rivals[..rivals.len().min(Self::RIVALS)];
        Self { runner_up: nearest.first().copied(), level: nearest.get(nearest.len() / 2).copied() }
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
    /// Its level, in bits.
    pub level: Histogram,
    /// Nearest distance over level, in steps of 1/256.
    pub relative: Histogram,
}

impl Background {
    /// Counts one sampled record, whose nearest record of another subject is at `nearest` bits.
    pub fn add(&mut self, nearest: u32, surroundings: Surroundings) {
        self.sampled += 1;
        self.nearest.add(nearest);
        if let Some(runner_up) = surroundings.runner_up {
            self.gap.add(runner_up.saturating_sub(nearest));
        }
        if let Some(level) = surroundings.level {
            self.level.add(level);
            self.relative.add((nearest * 256).checked_div(level).unwrap_or(256));
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        [&self.nearest, &self.gap, &self.level, &self.relative].into_iter().all(Histogram::is_valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_level_is_the_median_of_the_nearest_rivals() {
        assert_eq!(Surroundings::new(&[]), Surroundings::default());
        assert_eq!(Surroundings::new(&[7]), Surroundings { runner_up: Some(7), level: Some(7) });
        let many: Vec<u32> = (1..=40).collect();
        assert_eq!(Surroundings::new(&many), Surroundings { runner_up: Some(1), level: Some(5) });
    }

    #[test]
    fn ratios_are_counted_in_steps() {
        let mut background = Background::default();
        background.add(30, Surroundings::new(&[50, 60]));
        background.add(0, Surroundings::new(&[0]));
        assert_eq!(background.relative.bins().collect::<Vec<_>>(), [(128, 1), (256, 1)]);
        assert_eq!(background.gap.bins().collect::<Vec<_>>(), [(0, 1), (20, 1)]);
    }
}
