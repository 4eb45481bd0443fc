//! The attackers' mathematics: ridge and logistic regression of many targets at once.
//!
//! Matrices are `nalgebra`'s; what is multiplied often goes in blocks of columns, one a thread.

use nalgebra::{Cholesky, DMatrix, Dyn};
use rayon::prelude::*;

/// Columns that a thread takes at a time.
const BLOCK: usize = 64;
/// Steps of the logistic regression; the bound on the curvature that it uses makes each of them safe, and ten are near
/// the end.
const STEPS: usize = 12;

/// A matrix of one row an example.
pub(crate) type Matrix = DMatrix<f64>;

/// `a * b`, on all threads.
pub(crate) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    by_columns(b, |block| a * block)
}

/// Applies `work` to blocks of the columns of `matrix` and puts the results side by side.
fn by_columns(matrix: &Matrix, work: impl Fn(Matrix) -> Matrix + Sync) -> Matrix {
    let starts: Vec<usize> = (0..matrix.ncols()).step_by(BLOCK).collect();
    let blocks: Vec<Matrix> = starts
        .par_iter()
        .map(|start| work(matrix.columns(*start, BLOCK.min(matrix.ncols() - start)).into_owned()))
        .collect();
    let rows = blocks.first().map_or(0, DMatrix::nrows);
    let values: Vec<f64> = blocks.iter().flat_map(|block| block.as_slice().iter().copied()).collect();
    Matrix::from_vec(rows, matrix.ncols(), values)
}

/// Takes the mean of each column of `known` away from both and divides by its deviation; columns that do not vary go to 0.
pub(crate) fn standardise(known: &mut Matrix, held_out: &mut Matrix) {
    for column in 0..known.ncols() {
        let values: Vec<f64> = known.column(column).iter().copied().collect();
        let (mean, deviation) = super::stats::moments(&values);
        let unit = if deviation > 1e-9 { 1.0 / deviation } else { 0.0 };
        for matrix in [&mut *known, &mut *held_out] {
            matrix.column_mut(column).iter_mut().for_each(|value| *value = (*value - mean) * unit);
        }
    }
}

/// Examples of which something is known, ready to learn any number of targets from.
pub(crate) struct Regression {
    known: Matrix,
    held_out: Matrix,
    gram: Matrix,
}

impl Regression {
    /// `known` are the examples to learn from, `held_out` those to predict; both one a row, with the same columns.
    ///
    /// Where there are fewer examples than columns, both are first turned into as many coordinates as there are examples:
    /// ridge and logistic regression never look outside the space that these span.
    pub(crate) fn new(known: Matrix, held_out: Matrix) -> Self {
        let (known, held_out) =
            if known.nrows() < known.ncols() { spanned(known, held_out) } else { (known, held_out) };
        let gram = product(&known.transpose(), &known);
        Self { known, held_out, gram }
    }

    /// The targets of the known example that is nearest to each held-out one, by angle.
    pub(crate) fn nearest(&self, targets: &Matrix) -> Matrix {
        let mut fit = product(&self.held_out, &self.known.transpose());
        for (row, example) in self.known.row_iter().enumerate() {
            let length = example.norm().max(f64::MIN_POSITIVE);
            fit.column_mut(row).scale_mut(1.0 / length);
        }
        let nearest: Vec<usize> = fit.row_iter().map(|row| row.transpose().imax()).collect();
        Matrix::from_fn(nearest.len(), targets.ncols(), |row, column| targets[(nearest[row], column)])
    }

    /// The factor of `gram + ridge * n`.
    fn factor(&self, ridge: f64) -> Option<Cholesky<f64, Dyn>> {
        let mut matrix = self.gram.clone();
        let amount = ridge * self.known.nrows() as f64;
        for place in 0..matrix.nrows() {
            matrix[(place, place)] += amount;
        }
        Cholesky::new(matrix)
    }

    /// Predictions of `targets` (one row a known example) for the held-out examples by ridge regression; `ridge` is in
    /// mean squares of a column. `None` where the matrix is singular.
    pub(crate) fn ridge(&self, targets: &Matrix, ridge: f64) -> Option<Matrix> {
        let factor = self.factor(ridge)?;
        let known = self.known.transpose();
        Some(by_columns(targets, |block| &self.held_out * factor.solve(&(&known * block))))
    }

    /// The same by logistic regression of targets that are 1 or -1: predictions are above 0 for 1. Newton's method with
    /// the bound on the curvature of Boehning and Lindsay (1988), whose factor is the ridge regression's.
    pub(crate) fn logistic(&self, targets: &Matrix, ridge: f64) -> Option<Matrix> {
        let factor = self.factor(ridge)?;
        let known = self.known.transpose();
        let weight = ridge * self.known.nrows() as f64 / 4.0;
        Some(by_columns(targets, |block| {
            let mut weights = Matrix::zeros(known.nrows(), block.ncols());
            for _ in 0..STEPS {
                let mut residuals = &self.known * &weights;
                residuals.zip_apply(&block, |sum, target| {
                    *sum = f64::midpoint(target, 1.0) - 1.0 / (1.0 + (-*sum).exp());
                });
                let slope = &known * residuals - &weights * weight;
                // The curvature is at most a quarter of the Gram matrix.
                weights += factor.solve(&slope) * 4.0;
            }
            &self.held_out * weights
        }))
    }
}

/// Both in an orthonormal frame of the known examples' span: `known` becomes the factor `L` of `K K' = L L'`.
fn spanned(known: Matrix, held_out: Matrix) -> (Matrix, Matrix) {
    let mut inner = product(&known, &known.transpose());
    // Examples may repeat each other: a millionth of the mean square keeps the factor regular.
    let floor = inner.trace() / inner.nrows().max(1) as f64 * 1e-6 + f64::MIN_POSITIVE;
    for place in 0..inner.nrows() {
        inner[(place, place)] += floor;
    }
    let Some(factor) = Cholesky::new(inner) else { return (known, held_out) };
    let lower = factor.l();
    let across = product(&held_out, &known.transpose());
    match lower.solve_lower_triangular(&across.transpose()) {
        Some(turned) => (lower, turned.transpose()),
        None => (known, held_out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, within +-1.
    fn noise(rows: usize, columns: usize, mut state: u64) -> Matrix {
        Matrix::from_fn(rows, columns, |_, _| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
    }

    fn share_of_signs(predicted: &Matrix, truth: &Matrix) -> f64 {
        let pairs = predicted.iter().zip(truth.iter());
        pairs.filter(|(a, b)| (**a > 0.0) == (**b > 0.0)).count() as f64 / truth.len() as f64
    }

    #[test]
    fn a_product_in_blocks_is_a_product() {
        let (a, b) = (noise(7, 5, 1), noise(5, 150, 2));
        assert!((product(&a, &b) - a * b).norm() < 1e-12);
    }

    #[test]
    fn half_spaces_are_learned_from_many_examples_and_from_few() {
        let (columns, bits) = (20, 70);
        let normals = noise(columns, bits, 3);
        let held_out = noise(400, columns, 4);
        let truth = (&held_out * &normals).map(f64::signum);
        for (examples, least) in [(1500, 0.95), (15, 0.6)] {
            let known = noise(examples, columns, 5);
            let targets = (&known * &normals).map(f64::signum);
            let regression = Regression::new(known, held_out.clone());
            for predicted in [regression.ridge(&targets, 1e-4), regression.logistic(&targets, 1e-3)] {
                let share = share_of_signs(&predicted.unwrap(), &truth);
                assert!(share >= least, "{examples} examples: {share}");
            }
        }
    }

    #[test]
    fn the_nearest_example_answers_for_all_that_is_like_it() {
        let known = Matrix::from_row_slice(2, 2, &[1.0, 0.0, 0.0, 5.0]);
        let regression = Regression::new(known, Matrix::from_row_slice(2, 2, &[1.0, 0.9, 0.1, 1.0]));
        let targets = Matrix::from_row_slice(2, 1, &[1.0, -1.0]);
        assert_eq!(regression.nearest(&targets).as_slice(), [1.0, -1.0]);
    }

    #[test]
    fn columns_are_standardised_by_what_is_known() {
        let mut known = Matrix::from_row_slice(3, 2, &[1.0, 5.0, 2.0, 5.0, 3.0, 5.0]);
        let mut held_out = Matrix::from_row_slice(1, 2, &[4.0, 6.0]);
        standardise(&mut known, &mut held_out);
        assert_eq!(known.as_slice(), [-1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(held_out.as_slice(), [2.0, 0.0]);
    }
}
