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
