//! Sums of outer products.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::features::FEATURES;

/// Vectors that are added in one pass over the matrix.
const BATCH: usize = 4;

/// Sum of `x * x^T` over feature vectors, upper triangle.
///
/// Entries are integers: a product is below 2^30 and 2^23 of them add up below 2^53, so floating point is exact here
/// and neither order nor vector width matters. Calibration adds fewer than 2^17.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Scatter {
    sums: Vec<f64>,
    pending: Vec<f64>,
    count: usize,
}

impl Scatter {
    pub(super) fn new() -> Self {
        Self { sums: vec![0.0; FEATURES * FEATURES], pending: Vec::with_capacity(BATCH * FEATURES), count: 0 }
    }

    /// Number of vectors added.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn add(&mut self, vector: &[i16]) {
        self.pending.extend(vector.iter().map(|&value| f64::from(value)));
        self.count += 1;
        if self.pending.len() == BATCH * FEATURES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.pending.resize(BATCH * FEATURES, 0.0);
        let (a, rest) = self.pending.split_at(FEATURES);
        let (b, rest) = rest.split_at(FEATURES);
        let (c, d) = rest.split_at(FEATURES);
        for (i, row) in self.sums.chunks_exact_mut(FEATURES).enumerate() {
            let (ai, bi, ci, di) = (a[i], b[i], c[i], d[i]);
            let others = a[i..].iter().zip(&b[i..]).zip(c[i..].iter().zip(&d[i..]));
            for (sum, ((&a, &b), (&c, &d))) in row[i..].iter_mut().zip(others) {
                *sum += ai * a + bi * b + (ci * c + di * d);
            }
        }
        self.pending.zeroize();
    }

    /// The mean of `(x - mean)(x - mean)^T`, where `mean` is that of the vectors or zero, as a full symmetric matrix.
    pub(super) fn covariance(mut self, mean: &[f64]) -> Zeroizing<Vec<f64>> {
        self.flush();
        let count = self.count.max(1) as f64;
        let mut matrix = Zeroizing::new(std::mem::take(&mut self.sums));
        for i in 0..FEATURES {
            for j in i..FEATURES {
                let value = matrix[i * FEATURES + j] / count - mean[i] * mean[j];
                matrix[i * FEATURES + j] = value;
                matrix[j * FEATURES + i] = value;
            }
        }
        matrix
    }
}
