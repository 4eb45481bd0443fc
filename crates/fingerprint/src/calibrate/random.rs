//! The random numbers of simulated edits: fast and reproducible, not secret.

/// `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[low, high)`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Uniform from 0 to `limit - 1`; `limit` is at least 1. The bias is far too small to matter here.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let product = u128::from(self.next()) * u128::from(limit);
        u32::try_from(product >> 64).unwrap_or(0)
    }

    /// About normal with deviation 1: the sum of four uniform numbers.
    pub(super) fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u32 =
            [0, 16, 32, 48].iter().map(|shift| u32::try_from(bits >> shift & 0xFFFF).unwrap_or(0)).sum();
        // Four uniform 16-bit numbers: mean 4 * 32767.5, variance 4 * 65536^2 / 12.
        (sum as f32 - 131_070.0) / 37_837.2
    }
}
