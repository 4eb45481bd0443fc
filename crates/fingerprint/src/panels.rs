//! The pictures that a sheet is made of: collages, contact sheets, screenshots, images with a border.
//!
//! Where pictures are laid out on one plain ground, cutting along straight lines of that ground finds them again without knowing
//! anything about them (the recursive X-Y cut of Nagy and Seth, "Hierarchical Representation of Optically Scanned Documents",
//! ICPR 1984). A panel is a whole image once more, so that its whole-image code finds it however small it is.

use zeroize::Zeroize as _;

use crate::{code::GlobalCode, luma::Luma};

/// A picture on a sheet, with its whole-image codes.
#[derive(Clone, PartialEq)]
pub struct Panel {
    /// Left, top, right and bottom in shares of the sheet's width and height.
    pub area: [f64; 4],
    /// With each of the eight orientations undone, in the order of [`Orientation::ALL`](crate::Orientation::ALL).
    pub codes: [GlobalCode; 8],
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.codes.zeroize();
    }
}

/// Codes and places are secret.
impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Panel")
    }
}

/// Levels by which a pixel may differ from the ground: more than JPEG does to a plain area, less than white paper from
/// a light grey.
const TOLERANCE: u8 = 6;
/// Pixels in a thousand of a line of ground that may differ by more: ringing beside a sharp edge.
const STRAY_PER_MILLE: usize = 20;
/// Thickness of a gutter, in thousandths of the image's longer side, and at least in pixels.
const GUTTER_PER_MILLE: usize = 4;
const GUTTER_PIXELS: usize = 3;
/// Shorter side of a panel, in pixels: below, there is nothing to compare.
const SMALLEST: usize = 64;
/// Longest panel, by the ratio of its sides: beyond, it is a line of text or a bar of buttons.
const LONGEST: usize = 3;
/// Least area of a panel, as a share of the image, in percent.
const LEAST_PERCENT: usize = 1;
/// Largest, in percent: what is larger is the image itself.
const MOST_PERCENT: usize = 97;
/// Most panels of an image, the largest ones.
const MOST: usize = 16;
/// Levels of cutting: rows, columns, and once more for what is nested.
const DEPTH: usize = 5;

/// A rectangle of pixels: left, top, and one past right and bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

impl Part {
    /// Left, top, right and bottom in shares of an image's sides.
    pub(crate) fn in_shares(self, image: &Luma) -> [f64; 4] {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let Self { left, top, right, bottom } = self;
        [left as f64 / width, top as f64 / height, right as f64 / width, bottom as f64 / height]
    }

    /// Inverse of [`Part::in_shares`], within the image.
    pub(crate) fn of_shares(area: &[f64; 4], image: &Luma) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the image")]
        let pixels =
            |share: f64, side: u32| (share * f64::from(side)).round().clamp(0.0, side.into()) as usize;
        let [left, top, right, bottom] = *area;
        let (width, height) = (image.width(), image.height());
        let (left, top) = (pixels(left, width), pixels(top, height));
        Self { left, top, right: pixels(right, width).max(left), bottom: pixels(bottom, height).max(top) }
    }

    fn width(self) -> usize {
        self.right - self.left
    }

    fn height(self) -> usize {
        self.bottom - self.top
    }

    fn area(self) -> usize {
        self.width() * self.height()
    }

    /// The pixels of this part as an image of its own.
    pub(crate) fn crop(self, image: &Luma) -> Option<Luma> {
        let stride = image.width() as usize;
        let rows = image.pixels().chunks_exact(stride).take(self.bottom).skip(self.top);
        let mut pixels = Vec::with_capacity(self.area());
        for row in rows {
            pixels.extend_from_slice(row.get(self.left..self.right)?);
        }
        Luma::new(u32::try_from(self.width()).ok()?, u32::try_from(self.height()).ok()?, pixels).ok()
    }
}

/// The panels of an image, largest first; none where it is not laid out on a plain ground.
pub(crate) fn panels(image: &Luma) -> Vec<Part> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let whole = Part { left: 0, top: 0, right: width, bottom: height };
    let sheet = Sheet {
        image,
        ground: ground(image),
        gutter: (width.max(height) * GUTTER_PER_MILLE / 1000).max(GUTTER_PIXELS),
    };
    let mut found = Vec::new();
    if let Some(root) = sheet.trim(whole) {
        sheet.cut(root, DEPTH, &mut found);
        if root != whole {
            found.push(root);
        }
    }
    let is_panel = |panel: &Part| {
        let (short, long) = (panel.width().min(panel.height()), panel.width().max(panel.height()));
        short >= SMALLEST
            && long <= LONGEST * short
            && panel.area() * 100 >= LEAST_PERCENT * whole.area()
            && panel.area() * 100 <= MOST_PERCENT * whole.area()
    };
    found.retain(is_panel);
    found.sort_by_key(|panel| (std::cmp::Reverse(panel.area()), panel.top, panel.left));
    found.dedup();
    found.truncate(MOST);
    found
}

/// The level that most of the image's border has.
fn ground(image: &Luma) -> u8 {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut counts = [0_u32; 256];
    for (y, row) in image.pixels().chunks_exact(width).enumerate() {
        if y == 0 || y == height - 1 {
            for level in row {
                counts[usize::from(*level)] += 1;
            }
        } else if let [first, .., last] = row {
            counts[usize::from(*first)] += 1;
            counts[usize::from(*last)] += 1;
        }
    }
    // The middle of a run of levels, since compression spreads one level over its neighbours.
    let around = |level: usize| counts[level.saturating_sub(2)..=(level + 2).min(255)].iter().sum::<u32>();
    let best = (0..=255_u8).max_by_key(|level| (around(usize::from(*level)), counts[usize::from(*level)]));
    best.unwrap_or(0)
}

struct Sheet<'a> {
    image: &'a Luma,
    ground: u8,
    gutter: usize,
}

impl Sheet<'_> {
    fn is_ground<'p>(&self, pixels: impl Iterator<Item = &'p u8>, length: usize) -> bool {
        let mut left = length * STRAY_PER_MILLE / 1000;
        for level in pixels {
            if level.abs_diff(self.ground) > TOLERANCE {
                if left == 0 {
                    return false;
                }
                left -= 1;
            }
        }
        true
    }

    /// Whether row `y` of a part is ground.
    fn is_row(&self, part: Part, y: usize) -> bool {
        let stride = self.image.width() as usize;
        let row = self.image.pixels().get(y * stride + part.left..y * stride + part.right);
        row.is_some_and(|row| self.is_ground(row.iter(), row.len()))
    }

    /// Whether column `x` of a part is ground.
    fn is_column(&self, part: Part, x: usize) -> bool {
        let stride = self.image.width() as usize;
        let pixels = self.image.pixels().get(part.top * stride + x..).unwrap_or_default();
        self.is_ground(pixels.iter().step_by(stride).take(part.height()), part.height())
    }

    /// The part without the ground around it; `None` where it is all ground.
    fn trim(&self, part: Part) -> Option<Part> {
        let top = (part.top..part.bottom).find(|y| !self.is_row(part, *y))?;
        let bottom = (top..part.bottom).rev().find(|y| !self.is_row(part, *y))? + 1;
        let part = Part { top, bottom, ..part };
        let left = (part.left..part.right).find(|x| !self.is_column(part, *x))?;
        let right = (left..part.right).rev().find(|x| !self.is_column(part, *x))? + 1;
        Some(Part { left, right, ..part })
    }

    /// Adds the parts that gutters divide a trimmed part into.
    fn cut(&self, part: Part, depth: usize, found: &mut Vec<Part>) {
        let rows = self.runs(part.top..part.bottom, |y| self.is_row(part, y));
        let pieces: Vec<Part> = if rows.len() > 1 {
            rows.into_iter().map(|(top, bottom)| Part { top, bottom, ..part }).collect()
        } else {
            let columns = self.runs(part.left..part.right, |x| self.is_column(part, x));
            columns.into_iter().map(|(left, right)| Part { left, right, ..part }).collect()
        };
        if pieces.len() < 2 || depth == 0 {
            found.push(part);
            return;
        }
        for piece in pieces.into_iter().filter_map(|piece| self.trim(piece)) {
            if piece.width().min(piece.height()) >= SMALLEST {
                self.cut(piece, depth - 1, found);
            }
        }
    }

    /// Runs of lines between gutters.
    fn runs(&self, lines: std::ops::Range<usize>, is_ground: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let (mut start, mut plain) = (lines.start, 0);
        for line in lines.clone() {
            if is_ground(line) {
                plain += 1;
                continue;
            }
            if plain >= self.gutter {
                runs.push((start, line - plain));
                start = line;
            }
            plain = 0;
        }
        runs.push((start, lines.end - plain));
        runs.retain(|(start, end)| end > start);
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sheet of a level with busy pictures at places, `(left, top, width, height)`.
    fn sheet((width, height): (usize, usize), level: u8, pictures: &[(usize, usize, usize, usize)]) -> Luma {
        let mut pixels = vec![level; width * height];
        for (number, &(left, top, across, down)) in pictures.iter().enumerate() {
            for y in top..top + down {
                for x in left..left + across {
                    let wave = (x * 7 + number * 31) % 97 + (y * 5) % 83;
                    pixels[y * width + x] = u8::try_from(30 + wave).unwrap();
                }
            }
        }
        Luma::new(u32::try_from(width).unwrap(), u32::try_from(height).unwrap(), pixels).unwrap()
    }

    fn places(image: &Luma) -> Vec<(usize, usize, usize, usize)> {
        let mut found: Vec<_> = panels(image)
            .into_iter()
            .map(|panel| (panel.left, panel.top, panel.width(), panel.height()))
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn a_contact_sheet_falls_into_its_pictures() {
        let cells: Vec<(usize, usize, usize, usize)> = (0..3)
            .flat_map(|column| (0..3).map(move |row| (8 + column * 208, 8 + row * 158, 200, 150)))
            .collect();
        let image = sheet((632, 482), 244, &cells);
        let mut expected = cells.clone();
        // All of them together are the sheet without its border.
        expected.push((8, 8, 616, 466));
        expected.sort_unstable();
        assert_eq!(places(&image), expected);
    }

    #[test]
    fn a_border_is_taken_off_and_uneven_cells_are_found() {
        assert_eq!(places(&sheet((500, 400), 255, &[(50, 60, 380, 290)])), [(50, 60, 380, 290)]);
        let uneven = [(10, 10, 200, 120), (10, 140, 200, 250), (230, 10, 260, 380)];
        let found = places(&sheet((500, 400), 12, &uneven));
        assert!(uneven.iter().all(|cell| found.contains(cell)), "{found:?}");
    }

    #[test]
    fn noise_of_compression_does_not_hide_gutters() {
        let mut image = sheet((640, 480), 240, &[(10, 10, 300, 460), (330, 10, 300, 460)]);
        let pixels: Vec<u8> = (image.pixels().iter().enumerate())
            .map(|(at, level)| level.saturating_add(u8::try_from(at * 7919 % 9).unwrap()).saturating_sub(4))
            .collect();
        image = Luma::new(640, 480, pixels).unwrap();
        assert!(places(&image).len() >= 2);
    }

    #[test]
    fn what_fills_the_frame_and_what_is_empty_has_no_panels() {
        assert_eq!(places(&sheet((500, 400), 0, &[(0, 0, 500, 400)])), []);
        assert_eq!(places(&sheet((500, 400), 90, &[])), []);
        assert_eq!(places(&sheet((1, 1), 90, &[])), []);
        // Small things and lines of text are none.
        for thing in [(100, 100, 700, 30), (100, 300, 40, 40)] {
            assert_eq!(places(&sheet((900, 700), 250, &[thing])), []);
        }
    }

    proptest::proptest! {
        #[test]
        fn panels_lie_in_any_image(width in 1_usize..200, height in 1_usize..200, seed: u64, levels in 1_u64..9) {
            let mut state = seed | 1;
            let pixels = (0..width * height).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from((state >> 40) % levels * 9).unwrap()
            });
            let image = Luma::new(
                u32::try_from(width).unwrap(), u32::try_from(height).unwrap(), pixels.collect(),
            ).unwrap();
            for panel in panels(&image) {
                proptest::prop_assert!(panel.right <= width && panel.bottom <= height);
                proptest::prop_assert_eq!(Part::of_shares(&panel.in_shares(&image), &image), panel);
                let cropped = panel.crop(&image).unwrap();
                proptest::prop_assert_eq!(cropped.pixels().len(), panel.area());
            }
        }
    }
}
