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
        Self { count: 0, sums: vec![0; DESCRIPTOR_SIZE], products: vec![0; DESCRIPTOR_SIZE * DESCRIPTOR_SIZE] }
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
