//! Exact area resampling of an image to a fixed square grid.
//!
//! Everything is integer arithmetic on exact overlaps, so flips and quarter turns of the image are flips and
//! quarter turns of the grid, bit for bit. The aspect ratio is given up: a grid cell is `width/192` x `height/192` pixels.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    local::resize::{ROWS_A_SUM, add_row},
    luma::Luma,
    orientation::Orientation,
    wide::wide,
};

/// Cells a side of the full grid: 8 x 24 and 3 x 64, so that both coarse grids are exact box means of it.
pub(crate) const FULL: usize = 192;
/// Cells a side of the contrast patch.
pub(crate) const COARSE: usize = 24;
/// Cells a side of the gradient field.
pub(crate) const FINE: usize = 64;

/// One luma level in the sums of [`Grids::coarse`].
pub(crate) const COARSE_LEVEL: f32 = 256.0 * 64.0;
/// One luma level in the sums of [`Grids::fine`].
pub(crate) const FINE_LEVEL: f32 = 256.0 * 9.0;

/// The image as `192 * 192` area means, in 1/256 luma level, 0 to 65,280, row-major. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Grid(Vec<u16>);

/// How one image pixel is shared between grid cells along an axis of `size` pixels: with the axis `192 * size` units
/// long, pixel `x` covers `[192x, 192x + 192)` and cell `i` covers `[i * size, (i + 1) * size)`.
struct Cells {
    size: u64,
}

impl Cells {
    /// First pixel that touches cell `i`, and one past the last.
    fn span(&self, i: u64) -> (u64, u64) {
        (i * self.size / FULL as u64, ((i + 1) * self.size).div_ceil(FULL as u64))
    }

    /// Overlap of cell `i` with pixel `x`, in units; the overlaps of a cell add up to `size`.
    fn overlap(&self, i: u64, x: u64) -> u64 {
        let (start, end) = (i * self.size, (i + 1) * self.size);
        let unit = FULL as u64;
        end.min((x + 1) * unit).saturating_sub(start.max(x * unit))
    }
}

impl Grid {
    /// One pass over the pixels, about one addition each.
    pub(crate) fn new(image: &Luma) -> Self {
        let (width, height) = (u64::from(image.width()), u64::from(image.height()));
        let (across, down) = (Cells { size: width }, Cells { size: height });
        let row_length = image.width() as usize;
        let area = width * height;
        let mut columns = vec![0_u64; row_length];
        let mut whole = vec![0_u16; row_length];
        let mut grid = Vec::with_capacity(FULL * FULL);
        for j in 0..FULL as u64 {
            // Down first. Rows inside a cell weigh the same: they are added up as they are, in 16 bits, and weighed together.
            columns.fill(0);
            let (top, bottom) = down.span(j);
            let rows = image.pixels().chunks_exact(row_length).skip(to_usize(top));
            let mut added = 0;
            for (y, row) in (top..bottom).zip(rows) {
                let weight = down.overlap(j, y);
                if weight < FULL as u64 {
                    weigh_row(&mut columns, row, weight);
                    continue;
                }
                add_row(&mut whole, row);
                added += 1;
                if added == ROWS_A_SUM {
                    weigh_sums(&mut columns, &mut whole);
                    added = 0;
                }
            }
            if added > 0 {
                weigh_sums(&mut columns, &mut whole);
            }
            for i in 0..FULL as u64 {
                let (left, right) = across.span(i);
                let first = to_usize(left);
                let sums = columns.get(first..to_usize(right)).unwrap_or_default();
                // The pixels inside a cell weigh 192, only the two at its ends less.
                let mut sum = 0_u64;
                if let [head, inner @ .., tail] = sums {
                    sum += across.overlap(i, left) * head + across.overlap(i, right - 1) * tail;
                    sum += FULL as u64 * inner.iter().sum::<u64>();
                } else if let [only] = sums {
                    sum = across.overlap(i, left) * only;
                }
                // The weights of a cell add up to `area`, so `sum` is at most 255 * area: no overflow for any
                // image under 2^47 pixels, which no memory holds.
                let mean = (sum * 512 + area) / (2 * area);
                grid.push(u16::try_from(mean).unwrap_or(u16::MAX));
            }
        }
        columns.zeroize();
        whole.zeroize();
        Self(grid)
    }

    /// A grid of means that were made elsewhere, `192 * 192` of them, row-major.
    pub(crate) fn from_cells(cells: Vec<u16>) -> Self {
        debug_assert_eq!(cells.len(), FULL * FULL);
        Self(cells)
    }

    /// The cells, row-major.
    #[cfg(test)]
    pub(crate) fn cells(&self) -> &[u16] {
        &self.0
    }

    /// Both coarse grids.
    pub(crate) fn reduce(&self) -> Grids {
        Grids { coarse: self.box_sums(COARSE), fine: self.box_sums(FINE) }
    }

    fn box_sums(&self, side: usize) -> Vec<u32> {
        let step = FULL / side;
        let mut sums = vec![0_u32; side * side];
        for (y, row) in self.0.chunks_exact(FULL).enumerate() {
            let out = sums.chunks_exact_mut(side).nth(y / step).unwrap_or_default();
            for (sum, cells) in out.iter_mut().zip(row.chunks_exact(step)) {
                *sum += cells.iter().map(|&cell| u32::from(cell)).sum::<u32>();
            }
        }
        sums
    }
}

wide! {
    /// Adds a row of pixels with its weight.
    fn weigh_row(columns: &mut [u64], row: &[u8], weight: u64) {
        for (sum, &luma) in columns.iter_mut().zip(row) {
            *sum += weight * u64::from(luma);
        }
    }

    /// Adds sums of rows that lie inside a cell, and clears them.
    fn weigh_sums(columns: &mut [u64], whole: &mut [u16]) {
        for (sum, rows) in columns.iter_mut().zip(whole) {
            *sum += FULL as u64 * u64::from(*rows);
            *rows = 0;
        }
    }
}

/// A cell or pixel number as an index; both come from sizes of buffers in memory.
fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// The two grids that features are made of, as exact sums of the full grid's cells. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Grids {
    /// `24 * 24` sums of 8 x 8 cells; see [`COARSE_LEVEL`].
    pub(crate) coarse: Vec<u32>,
    /// `64 * 64` sums of 3 x 3 cells; see [`FINE_LEVEL`].
    pub(crate) fine: Vec<u32>,
}

impl Grids {
    /// The grids of the record in case this is a leak of it, made by `orientation`.
    pub(crate) fn undo(&self, orientation: Orientation) -> Self {
        let mut record = Self { coarse: vec![0; COARSE * COARSE], fine: vec![0; FINE * FINE] };
        orientation.undo(&self.coarse, &mut record.coarse, COARSE);
        orientation.undo(&self.fine, &mut record.fine, FINE);
        record
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image() -> impl Strategy<Value = Luma> {
        (1_u32..420, 1_u32..420, any::<u64>()).prop_map(|(width, height, seed)| {
            let mut state = seed | 1;
            let pixels = (0..width * height)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state.to_be_bytes()[0]
                })
                .collect();
            Luma::new(width, height, pixels).unwrap()
        })
    }

    /// The definition, with 192 x 192 sub-pixels a pixel collapsed to overlaps.
    fn naive(image: &Luma, i: u64, j: u64) -> u16 {
        let (w, h) = (u64::from(image.width()), u64::from(image.height()));
        let mut sum = 0;
        for y in 0..h {
            let oy = ((j + 1) * h).min((y + 1) * 192).saturating_sub((j * h).max(y * 192));
            if oy == 0 {
                continue;
            }
            for x in 0..w {
                let ox = ((i + 1) * w).min((x + 1) * 192).saturating_sub((i * w).max(x * 192));
                sum += ox * oy * u64::from(image.pixels()[usize::try_from(y * w + x).unwrap()]);
            }
        }
        u16::try_from((sum * 256 + w * h / 2) / (w * h)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn equivariant_under_all_orientations(image in image()) {
            let grid = Grid::new(&image);
            for o in Orientation::ALL {
                let turned = Grid::new(&o.apply(&image).unwrap());
                let mut undone = vec![0; FULL * FULL];
                o.undo(turned.cells(), &mut undone, FULL);
                prop_assert!(undone == grid.cells(), "grid of {o}");
                let (a, b) = (turned.reduce().undo(o), grid.reduce());
                prop_assert!(a.coarse == b.coarse && a.fine == b.fine, "box sums of {o}");
            }
        }

        #[test]
        fn cells_are_area_means(image in image(), i in 0_u64..192, j in 0_u64..192) {
            let index = usize::try_from(j * 192 + i).unwrap();
            prop_assert_eq!(Grid::new(&image).cells()[index], naive(&image, i, j));
        }
    }

    /// A sum of 16 bits holds 257 white rows: as many in a cell as there are, one fewer, one more, and twice as many.
    #[test]
    fn white_columns_of_any_height_are_white() {
        for height in [192 * 256, 192 * 257, 192 * 258, 192 * 259 + 1, 100_000] {
            let image = Luma::new(1, height, vec![255; height as usize]).unwrap();
            assert!(Grid::new(&image).cells().iter().all(|&cell| cell == 255 * 256), "{height}");
        }
    }

    #[test]
    fn flat_images_of_any_size_give_flat_grids() {
        for (width, height) in [(1, 1), (1, 500), (191, 193), (192, 192), (1000, 3)] {
            let image = Luma::new(width, height, vec![201; (width * height) as usize]).unwrap();
            assert!(Grid::new(&image).cells().iter().all(|&cell| cell == 201 * 256), "{width} x {height}");
        }
    }
}
