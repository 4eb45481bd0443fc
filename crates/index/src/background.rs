//! How near other people's records come: the measured background of impostors.

use saltprint_fingerprint::GlobalCode;

/// Counts of Hamming distances, one bin a bit.
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
    /// Bins: distances 0 to 256.
    pub const BINS: usize = GlobalCode::BITS as usize + 1;

    /// Counts one distance; beyond 256 counts as 256.
    pub fn add(&mut self, distance: u32) {
        let bin = (distance as usize).min(Self::BINS - 1);
        self.counts[bin] += 1;
    }

    /// How many distances were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// `(distance, count)` of the bins that hold something, ascending.
    pub fn bins(&self) -> impl Iterator<Item = (u32, u64)> {
        (0_u32..).zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Smallest distance that at least the share `q` (0 to 1) of the counts does not exceed; `None` if empty.
    pub fn quantile(&self, q: f64) -> Option<u32> {
        let total = self.total();
        let mut below = 0;
        self.bins().find_map(|(distance, count)| {
            below += count;
            (below as f64 >= q * total as f64).then_some(distance)
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
    /// Distance from a sampled record to its nearest record of another subject.
    pub nearest: Histogram,
    /// How much farther the second nearest record of yet another subject was.
    pub gap: Histogram,
}

/// What one sampled record saw.
#[derive(Debug, Clone, Copy)]
pub struct BackgroundSample {
    /// Distance to the nearest record of another subject.
    pub nearest: u32,
    /// Distance to the nearest record of a third subject, where there is one.
    pub second: Option<u32>,
}

impl Background {
    /// Counts one sampled record.
    pub fn add(&mut self, sample: BackgroundSample) {
        self.sampled += 1;
        self.nearest.add(sample.nearest);
        if let Some(second) = sample.second {
            self.gap.add(second.saturating_sub(sample.nearest));
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.nearest.is_valid() && self.gap.is_valid()
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
}
