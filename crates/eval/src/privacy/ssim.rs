//! Structural similarity of two grey pictures (Wang et al. 2004), in square windows of equal weights.

/// Cells a side of a window.
const WINDOW: usize = 7;
/// The usual constants, (0.01 * 255)^2 and (0.03 * 255)^2.
const STEADY: [f64; 2] = [6.5025, 58.5225];

/// The mean over all windows that lie within `area` (left, top, right, bottom) of two pictures of `side` columns, -1 to 1;
/// for an area smaller than a window, over what there is of one.
pub(super) fn of_area(a: &[f64], b: &[f64], side: usize, [left, top, right, bottom]: [usize; 4]) -> f64 {
    let last = |from: usize, to: usize| to.saturating_sub(WINDOW).max(from);
    let (mut sum, mut count) = (0.0, 0.0);
    for row in top..=last(top, bottom) {
        for column in left..=last(left, right) {
            let cells = (row..bottom.min(row + WINDOW))
                .flat_map(|row| (column..right.min(column + WINDOW)).map(move |column| row * side + column));
            sum += window(cells.filter_map(|at| Some((*a.get(at)?, *b.get(at)?))));
            count += 1.0;
        }
    }
    sum / count
}

fn window(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut count, mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in pairs {
        count += 1.0;
        a += x;
        b += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    let count = if count > 0.0 { count } else { 1.0 };
    let (a, b) = (a / count, b / count);
    let (var_a, var_b, both) = (aa / count - a * a, bb / count - b * b, ab / count - a * b);
    let light = (2.0 * a * b + STEADY[0]) / (a * a + b * b + STEADY[0]);
    light * (2.0 * both + STEADY[1]) / (var_a + var_b + STEADY[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_like_itself_and_not_like_its_negative() {
        let picture: Vec<f64> = (0..400).map(|at| f64::from(at * 37 % 256)).collect();
        let negative: Vec<f64> = picture.iter().map(|level| 255.0 - level).collect();
        let flat = vec![128.0; 400];
        let area = [2, 3, 18, 20];
        assert!((of_area(&picture, &picture, 20, area) - 1.0).abs() < 1e-12);
        assert!(of_area(&picture, &negative, 20, area) < -0.8);
        assert!(of_area(&picture, &flat, 20, area).abs() < 0.05);
        // Smaller than a window, and outside.
        assert!((of_area(&picture, &picture, 20, [0, 0, 3, 2]) - 1.0).abs() < 1e-12);
        assert!(of_area(&picture, &picture, 20, [40, 40, 40, 40]).is_finite());
    }
}
