//! Images with too little structure to be told apart.

use crate::grid::{COARSE, COARSE_LEVEL, FINE, FINE_LEVEL, Grids};

/// The image has almost no structure: blank paper, one colour, a smooth gradient.
///
/// Its code would be noise, so none is made. The image is counted as "too plain", neither as a match nor as unknown.
///
/// Decided on two grids, 64 x 64 and 24 x 24 cells of area means: a cell counts as *busy* where it differs from the
/// mean of its four neighbours by at least 3 luma levels. The image is too plain when fewer than 1 % of the inner cells
/// of both grids are busy. Brightness, smooth shading and sensor noise leave cells quiet, since neither a constant slope
/// nor noise averaged over a cell moves one away from its neighbours; a single line of text does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the image is too plain to be told apart from other plain images")]
pub struct TooPlain;

/// Least difference of a busy cell from the mean of its neighbours, in luma levels.
const BUSY_LEVELS: f32 = 3.0;
/// Least share of busy cells.
const BUSY_SHARE: f32 = 0.01;

/// # Errors
/// [`TooPlain`] as documented there.
pub(crate) fn check(grids: &Grids) -> Result<(), TooPlain> {
    let fine = busy_share(&grids.fine, FINE, FINE_LEVEL);
    let coarse = busy_share(&grids.coarse, COARSE, COARSE_LEVEL);
    if fine.max(coarse) < BUSY_SHARE { Err(TooPlain) } else { Ok(()) }
}

/// Share of the inner cells that stand out of their neighbourhood; `level` is one luma level in the grid's unit.
fn busy_share(cells: &[u32], side: usize, level: f32) -> f32 {
    let mut busy = 0_u16;
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let at = y * side + x;
            let around = cells[at - 1] as f32
                + cells[at + 1] as f32
                + cells[at - side] as f32
                + cells[at + side] as f32;
            if (cells[at] as f32 - around / 4.0).abs() >= BUSY_LEVELS * level {
                busy += 1;
            }
        }
    }
    f32::from(busy) / ((side - 2) * (side - 2)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grid::Grid, luma::Luma};

    fn is_plain(width: u32, height: u32, level: impl Fn(u32, u32) -> f64) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of u8"
        )]
        let pixel = |i: u32| level(i % width, i / width).round().clamp(0.0, 255.0) as u8;
        let image = Luma::new(width, height, (0..width * height).map(pixel).collect()).unwrap();
        check(&Grid::new(&image).reduce()).is_err()
    }

    /// About normal, with deviation 1, from the position alone.
    fn noise(x: u32, y: u32) -> f64 {
        let mut state = u64::from(x) << 32 | u64::from(y);
        let mut sum = -6.0;
        for _ in 0..12 {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            sum += (z >> 11) as f64 / (1_u64 << 53) as f64;
        }
        sum
    }

    #[test]
    fn blank_pages_and_gradients_are_plain() {
        assert!(is_plain(1, 1, |_, _| 9.0));
        assert!(is_plain(640, 400, |_, _| 255.0));
        assert!(is_plain(600, 800, |x, y| 236.0 + 6.0 * noise(x, y)), "a scan of blank paper");
        assert!(is_plain(300, 200, |x, _| f64::from(x) * 0.85), "a gradient across");
        assert!(is_plain(400, 400, |x, y| f64::from(x + y) / 4.0 + 4.0 * noise(x, y)), "a noisy gradient");
        let vignette =
            |x: u32, y: u32| 250.0 - (f64::from(x) - 200.0).hypot(f64::from(y) - 200.0).powi(2) / 500.0;
        assert!(is_plain(400, 400, vignette), "a vignette");
    }

    #[test]
    fn a_few_lines_of_text_are_not_plain() {
        // Words of strokes 3 px wide on a page of 600 x 800; a line is 14 px high and fills 60 % of the width.
        let page = |lines: u32| {
            move |x: u32, y: u32| {
                let (line, within) = (y / 40, y % 40);
                let ink = line < lines
                    && within < 14
                    && (60..420).contains(&x)
                    && x % 60 < 48
                    && (x / 3).is_multiple_of(2);
                if ink { 40.0 } else { 245.0 + 2.0 * noise(x, y) }
            }
        };
        assert!(!is_plain(600, 800, page(2)));
        assert!(!is_plain(600, 800, page(12)));
        // The same page as a blurred thumbnail, so that text is a grey band.
        assert!(!is_plain(75, 100, |x, y| if y % 10 < 3 && y < 60 && (7..52).contains(&x) {
            190.0
        } else {
            245.0
        }));
    }

    #[test]
    fn a_blurred_portrait_is_not_plain() {
        let blob = |x: u32, y: u32| {
            let distance = (f64::from(x) - 150.0).hypot(f64::from(y) - 180.0);
            60.0 + 150.0 / (1.0 + libm::exp((distance - 90.0) / 12.0))
        };
        assert!(!is_plain(300, 400, blob));
    }
}
