//! The generalised symmetric eigenproblem of calibration, for its leading eigenvectors.
//!
//! Written out rather than taken from a linear algebra crate because the profile shall be the same bits on every
//! machine: those crates choose their kernels, and with them the order of sums, by CPU and by thread count. Only the
//! leading tenth of the eigenvectors is wanted, for which a block power iteration needs little code and a few seconds.

use zeroize::{Zeroize, Zeroizing};

/// Vectors iterated beyond those wanted; they speed up the convergence of the last wanted ones.
const SPARE: usize = 16;
/// Rounds of the power iteration. Error in an eigenvector shrinks by the ratio of eigenvalues each round; directions
/// whose eigenvalues are close are mixed, which does not matter as they are equally useful.
const ROUNDS: usize = 24;
/// Sweeps of the small dense eigenproblem; it converges quadratically, in 6 to 8 sweeps.
const SWEEPS: usize = 16;

/// Vectors `v` that maximise `v' total v / v' within v`, best first, each divided by the deviation `sqrt(v' total v)`.
///
/// Both matrices are symmetric, `n * n`; `within` is positive definite. At most `dims` vectors, fewer where `total` has a
/// lower rank, none where a matrix is degenerate.
pub(super) fn discriminants(
    mut total: Zeroizing<Vec<f64>>,
    mut within: Zeroizing<Vec<f64>>,
    n: usize,
    dims: usize,
) -> Vec<Vec<f64>> {
    if !factorise(&mut within, n) {
        return Vec::new();
    }
    // With within = U'U the problem becomes ordinary: A = U'^-1 total U^-1, and v = U^-1 q for its eigenvectors q.
    solve_rows(&within, &mut total, n);
    transpose(&mut total, n);
    solve_rows(&within, &mut total, n);
    let width = (dims + SPARE).min(n);
    let mut block = start_block(width, n);
    for _ in 0..ROUNDS {
        orthonormalise(&mut block, n);
        block = multiply(&total, &block, n);
    }
    orthonormalise(&mut block, n);
    let image = multiply(&total, &block, n);
    let mut small: Vec<f64> =
        block.chunks_exact(n).flat_map(|a| image.chunks_exact(n).map(move |b| dot(a, b))).collect();
    let rotation = jacobi(&mut small, width);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&a, &b| small[b * width + b].total_cmp(&small[a * width + a]));
    let largest = order.first().map_or(0.0, |&first| small[first * width + first]);
    let mut axes = Vec::with_capacity(dims);
    for &k in order.iter().take(dims) {
        let eigenvalue = small[k * width + k];
        // Also where it is no number.
        if !eigenvalue.is_normal() || eigenvalue <= largest * 1e-9 {
            break;
        }
        let mut axis = vec![0.0; n];
        for (vector, turn) in block.chunks_exact(n).zip(rotation.chunks_exact(width)) {
            axis.iter_mut().zip(vector).for_each(|(value, x)| *value += turn[k] * x);
        }
        solve_back(&within, &mut axis, n);
        // v' total v = q' A q, the eigenvalue itself.
        let deviation = eigenvalue.sqrt();
        scale(&mut axis, 1.0 / deviation);
        axes.push(axis);
    }
    small.zeroize();
    axes
}

/// Replaces the upper triangle of a positive definite matrix by `U` with `U'U` equal to it; false if it is not
/// positive definite.
fn factorise(matrix: &mut [f64], n: usize) -> bool {
    for i in 0..n {
        let (done, rest) = matrix.split_at_mut(i * n);
        let row = &mut rest[i..n];
        for earlier in done.chunks_exact(n) {
            subtract(row, earlier[i], &earlier[i..]);
        }
        let root = row[0].sqrt();
        if !root.is_normal() {
            return false;
        }
        scale(row, 1.0 / root);
    }
    true
}

/// Replaces each row `x` of `rows` by `U'^-1 x`. Rows go in blocks, so that a row of `U` serves many while in cache.
fn solve_rows(upper: &[f64], rows: &mut [f64], n: usize) {
    for block in rows.chunks_mut(16 * n) {
        for (j, factor) in upper.chunks_exact(n).enumerate() {
            for row in block.chunks_exact_mut(n) {
                row[j] /= factor[j];
                let value = row[j];
                subtract(&mut row[j + 1..], value, &factor[j + 1..]);
            }
        }
    }
}

/// Replaces `x` by `U^-1 x`.
fn solve_back(upper: &[f64], x: &mut [f64], n: usize) {
    for (i, row) in upper.chunks_exact(n).enumerate().rev() {
        let known = dot(&row[i + 1..], &x[i + 1..]);
        x[i] = (x[i] - known) / row[i];
    }
}

fn transpose(matrix: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..i {
            matrix.swap(i * n + j, j * n + i);
        }
    }
}

fn scale(vector: &mut [f64], factor: f64) {
    for value in vector {
        *value *= factor;
    }
}

/// `target -= factor * source`.
fn subtract(target: &mut [f64], factor: f64, source: &[f64]) {
    target.iter_mut().zip(source).for_each(|(value, x)| *value -= factor * x);
}

/// Scalar product with eight running sums: a fixed order that still allows vector instructions.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (chunks_a, rest_a) = a.as_chunks::<8>();
    let (chunks_b, rest_b) = b.as_chunks::<8>();
    for (a, b) in chunks_a.iter().zip(chunks_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f64>()
}

/// Every vector of `block` times the symmetric matrix.
fn multiply(matrix: &[f64], block: &[f64], n: usize) -> Zeroizing<Vec<f64>> {
    let mut out = Zeroizing::new(vec![0.0; block.len()]);
    // Four matrix rows at a time: the result is loaded and stored once for four multiplications.
    for (group, rows) in matrix.chunks(4 * n).enumerate() {
        let base = group * 4;
        for (from, to) in block.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
            let mut rows = rows.chunks_exact(n);
            if let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next())
            {
                let (fa, fb, fc, fd) = (from[base], from[base + 1], from[base + 2], from[base + 3]);
                let sources = a.iter().zip(b).zip(c.iter().zip(d));
                for (value, ((a, b), (c, d))) in to.iter_mut().zip(sources) {
                    *value += fa * a + fb * b + (fc * c + fd * d);
                }
            } else {
                for (row, &factor) in matrix.chunks_exact(n).skip(base).zip(&from[base..]) {
                    subtract(to, -factor, row);
                }
            }
        }
    }
    out
}

/// Gram-Schmidt, twice; a vector that vanishes becomes zero.
fn orthonormalise(block: &mut [f64], n: usize) {
    for k in 0..block.len() / n {
        let (done, rest) = block.split_at_mut(k * n);
        let vector = &mut rest[..n];
        let before = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for earlier in done.chunks_exact(n) {
                let along = dot(earlier, vector);
                subtract(vector, along, earlier);
            }
        }
        let length = dot(vector, vector).sqrt();
        scale(vector, if length > before * 1e-12 { 1.0 / length } else { 0.0 });
    }
}

/// Fixed pseudo-random start: no direction is favoured, and none is orthogonal to what is sought.
fn start_block(width: usize, n: usize) -> Zeroizing<Vec<f64>> {
    let mut random = super::random::Random::new(1);
    Zeroizing::new((0..width * n).map(|_| random.between(-1.0, 1.0)).collect())
}

/// Cyclic Jacobi rotations: makes a symmetric matrix diagonal in place and returns the rotation, whose columns are the
/// eigenvectors.
pub(crate) fn jacobi(matrix: &mut [f64], n: usize) -> Vec<f64> {
    let mut turns = vec![0.0; n * n];
    (0..n).for_each(|i| turns[i * n + i] = 1.0);
    for _ in 0..SWEEPS {
        let mut off = 0.0;
        let mut diagonal = 0.0;
        for i in 0..n {
            diagonal += matrix[i * n + i] * matrix[i * n + i];
            off += (0..i).map(|j| matrix[i * n + j] * matrix[i * n + j]).sum::<f64>();
        }
        if off <= diagonal * 1e-24 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let apq = matrix[p * n + q];
                if apq == 0.0 {
                    continue;
                }
                let theta = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    rotate(matrix, k * n + p, k * n + q, c, s);
                    rotate(&mut turns, k * n + p, k * n + q, c, s);
                }
                for k in 0..n {
                    rotate(matrix, p * n + k, q * n + k, c, s);
                }
            }
        }
    }
    turns
}

fn rotate(values: &mut [f64], at_p: usize, at_q: usize, c: f64, s: f64) {
    let (p, q) = (values[at_p], values[at_q]);
    values[at_p] = c * p - s * q;
    values[at_q] = s * p + c * q;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Symmetric, with the given eigenvalues in a random orthonormal frame.
    fn matrix_with(eigenvalues: &[f64], seed: u64) -> (Vec<f64>, Vec<f64>) {
        let n = eigenvalues.len();
        let mut random = super::super::random::Random::new(seed);
        let mut frame: Vec<f64> = (0..n * n).map(|_| random.between(-1.0, 1.0)).collect();
        orthonormalise(&mut frame, n);
        let mut matrix = vec![0.0; n * n];
        for (vector, value) in frame.chunks_exact(n).zip(eigenvalues) {
            for i in 0..n {
                for j in 0..n {
                    matrix[i * n + j] += value * vector[i] * vector[j];
                }
            }
        }
        (matrix, frame)
    }

    #[test]
    fn jacobi_finds_all_eigenvalues() {
        let eigenvalues: Vec<f64> = (0..30).map(|k| 100.0 / (1.0 + f64::from(k))).collect();
        let (mut matrix, _) = matrix_with(&eigenvalues, 3);
        jacobi(&mut matrix, 30);
        let mut found: Vec<f64> = (0..30).map(|i| matrix[i * 30 + i]).collect();
        found.sort_by(|a, b| b.total_cmp(a));
        assert!(found.iter().zip(&eigenvalues).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn leading_discriminants_are_found() {
        let n = 90;
        let eigenvalues: Vec<f64> = (0..n).map(|k| 1000.0 / f64::from(k * k + 1)).collect();
        let n = eigenvalues.len();
        let (total, _) = matrix_with(&eigenvalues, 4);
        let (within, _) = matrix_with(&(0..n).map(|k| 1.0 + (k % 7) as f64).collect::<Vec<_>>(), 5);
        let axes = discriminants(Zeroizing::new(total.clone()), Zeroizing::new(within.clone()), n, 10);
        assert_eq!(axes.len(), 10);
        let quadratic = |m: &[f64], a: &[f64], b: &[f64]| -> f64 {
            m.chunks_exact(n).zip(a).map(|(row, x)| x * dot(row, b)).sum()
        };
        for (i, a) in axes.iter().enumerate() {
            for (j, b) in axes.iter().enumerate() {
                let expected = f64::from(u8::from(i == j));
                assert!((quadratic(&total, a, b) - expected).abs() < 1e-8, "axes {i} and {j} are not white");
            }
            // total a = ratio * within a, up to convergence.
            let ratio = 1.0 / quadratic(&within, a, a);
            let left: Vec<f64> = total.chunks_exact(n).map(|row| dot(row, a)).collect();
            let right: Vec<f64> = within.chunks_exact(n).map(|row| ratio * dot(row, a)).collect();
            let error: f64 = left.iter().zip(&right).map(|(x, y)| (x - y) * (x - y)).sum();
            assert!(error.sqrt() < 1e-6 * dot(&left, &left).sqrt(), "axis {i}: {error}");
        }
    }

    #[test]
    fn rank_limits_the_axes() {
        let eigenvalues: Vec<f64> = (0..40).map(|k| if k < 5 { 9.0 } else { 0.0 }).collect();
        let (total, _) = matrix_with(&eigenvalues, 6);
        let (within, _) = matrix_with(&[2.0; 40], 7);
        assert_eq!(discriminants(Zeroizing::new(total), Zeroizing::new(within.clone()), 40, 12).len(), 5);
        let none = Zeroizing::new(vec![0.0; 1600]);
        assert!(discriminants(none.clone(), Zeroizing::new(within), 40, 12).is_empty());
        assert!(discriminants(none.clone(), none, 40, 12).is_empty());
    }
}
