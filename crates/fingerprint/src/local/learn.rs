//! Learning the local half of a profile from the descriptors of a sample.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{DESCRIPTOR_SIZE, LocalProfile};
use crate::calibrate::eigen;

/// Share of the mean variance that is added to every direction before whitening (the study behind the plan used 0.3).
const RIDGE: f64 = 0.3;
/// Descriptors below which there is nothing to learn from.
const MIN_DESCRIPTORS: u64 = 2_000;

/// Exact sums over descriptors: neither order nor threads matter.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct DescriptorSums {
    count: u64,
    sums: Vec<u64>,
    /// Upper triangle of the sum of outer products.
    products: Vec<u64>,
}

impl DescriptorSums {
    pub(crate) fn new() -> Self {
        Self {
            count: 0,
            sums: vec![0; DESCRIPTOR_SIZE],
            products: vec![0; DESCRIPTOR_SIZE * DESCRIPTOR_SIZE],
        }
    }

    /// 5,000 documents of 256 descriptors stay below 2^37.
    pub(crate) fn add(&mut self, descriptor: &[u8; DESCRIPTOR_SIZE]) {
        self.count += 1;
        for (i, &a) in descriptor.iter().enumerate() {
            self.sums[i] += u64::from(a);
            let row = &mut self.products[i * DESCRIPTOR_SIZE..(i + 1) * DESCRIPTOR_SIZE];
            for (sum, &b) in row[i..].iter_mut().zip(&descriptor[i..]) {
                *sum += u64::from(u32::from(a) * u32::from(b));
            }
        }
    }

    /// Half whitening: the inverse fourth root of the covariance. Full whitening would blow up directions that are
    /// mostly noise; none lets a few directions decide most bits.
    pub(crate) fn learn(&self) -> LocalProfile {
        if self.count < MIN_DESCRIPTORS {
            return LocalProfile::builtin();
        }
        let count = self.count as f64;
        let mean: Vec<f64> = self.sums.iter().map(|&sum| sum as f64 / count).collect();
        let mut covariance = Zeroizing::new(vec![0.0; DESCRIPTOR_SIZE * DESCRIPTOR_SIZE]);
        for i in 0..DESCRIPTOR_SIZE {
            for j in i..DESCRIPTOR_SIZE {
                let value = self.products[i * DESCRIPTOR_SIZE + j] as f64 / count - mean[i] * mean[j];
                covariance[i * DESCRIPTOR_SIZE + j] = value;
                covariance[j * DESCRIPTOR_SIZE + i] = value;
            }
        }
        let trace: f64 = covariance.iter().step_by(DESCRIPTOR_SIZE + 1).sum();
        // A hundredth of a step keeps the root finite where all descriptors are one.
        let ridge = (trace / DESCRIPTOR_SIZE as f64 * RIDGE).max(0.01);
        let vectors = Zeroizing::new(eigen(&mut covariance, DESCRIPTOR_SIZE));
        let weights: Vec<f64> = (0..DESCRIPTOR_SIZE)
            .map(|k| 1.0 / (covariance[k * DESCRIPTOR_SIZE + k].max(0.0) + ridge).sqrt().sqrt())
            .collect();
        let rows: Vec<Vec<f64>> = (0..DESCRIPTOR_SIZE)
            .map(|i| {
                let row = &vectors[i * DESCRIPTOR_SIZE..(i + 1) * DESCRIPTOR_SIZE];
                (0..DESCRIPTOR_SIZE)
                    .map(|j| {
                        let other = &vectors[j * DESCRIPTOR_SIZE..(j + 1) * DESCRIPTOR_SIZE];
                        row.iter().zip(other).zip(&weights).map(|((a, b), weight)| a * b * weight).sum()
                    })
                    .collect()
            })
            .collect();
        LocalProfile::from_rows(&mean, &rows)
    }
}

#[cfg(test)]
mod tests {
    use saltprint_keys::ProjectionKey;

    use super::*;
    use crate::local::{Keypoint, LocalCode, LocalCoder, LocalFeatures, Threads};

    /// Descriptors whose values move together: six factors in common, some noise, and another mean for each value.
    fn correlated(count: u64) -> Vec<[u8; DESCRIPTOR_SIZE]> {
        // Eight bytes each: their sum is roughly normal, with a deviation of 209.
        let normal = |bytes: &[u8]| bytes.iter().map(|&byte| f64::from(byte)).sum::<f64>() - 1020.0;
        let normals = |label: &[u8], seed: u64, count: usize| -> Vec<f64> {
            let mut bytes = vec![0; 8 * count];
            blake3::Hasher::new().update(label).update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
            bytes.chunks_exact(8).map(normal).collect()
        };
        let weights: Vec<Vec<f64>> = (0..DESCRIPTOR_SIZE as u64).map(|i| normals(b"weights", i, 6)).collect();
        let descriptor = |seed: u64| {
            let (factors, noise) = (normals(b"factors", seed, 6), normals(b"noise", seed, DESCRIPTOR_SIZE));
            std::array::from_fn(|i| {
                let common: f64 = weights[i].iter().zip(&factors).map(|(a, b)| a * b).sum();
                let value = 60.0 + (i % 9) as f64 * 10.0 + common / 8_000.0 + noise[i] / 40.0;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
                let value = value.round().clamp(0.0, 255.0) as u8;
                value
            })
        };
        (0..count).map(descriptor).collect()
    }

    /// Least and most descriptors, in percent, that have a bit set.
    fn balance(profile: &LocalProfile, descriptors: &[[u8; DESCRIPTOR_SIZE]]) -> (usize, usize) {
        let coder = LocalCoder::new(profile, &ProjectionKey::from_secret(&[3; 32]), &[0; 32]);
        let mut features = LocalFeatures::default();
        features.keypoints = vec![Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 }; descriptors.len()];
        features.descriptors = descriptors.to_vec();
        let query = coder.query(&features, Threads::Own);
        let set = |bit: usize| {
            let is_set = |code: &LocalCode| code.words()[bit / 64] >> (bit % 64) & 1 == 1;
            query.upright.iter().filter(|feature| is_set(&feature.code)).count() * 100 / descriptors.len()
        };
        let set: Vec<usize> = (0..128).map(set).collect();
        (*set.iter().min().unwrap(), *set.iter().max().unwrap())
    }

    #[test]
    fn learning_balances_the_bits() {
        let descriptors = correlated(3_000);
        let mut sums = DescriptorSums::new();
        for descriptor in &descriptors {
            sums.add(descriptor);
        }
        let (least, most) = balance(&sums.learn(), &descriptors);
        assert!(least >= 30 && most <= 70, "{least} to {most} %");
        let (least, most) = balance(&LocalProfile::builtin(), &descriptors);
        assert!(least < 30 && most > 70, "{least} to {most} % without learning: the test shows nothing");
    }

    #[test]
    fn few_or_equal_descriptors_teach_nothing_harmful() {
        let mut sums = DescriptorSums::new();
        for _ in 1..MIN_DESCRIPTORS {
            sums.add(&[40; DESCRIPTOR_SIZE]);
        }
        assert!(sums.learn() == LocalProfile::builtin());
        sums.add(&[40; DESCRIPTOR_SIZE]);
        let profile = sums.learn();
        assert!(profile.mean.iter().all(|&mean| mean == 40 * 256));
        assert!(profile.axes().all(|(scale, _)| scale.is_normal() && scale > 0.0));
    }
}
