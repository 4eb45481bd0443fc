//! A document in a picture, sampled as if it filled the frame: tilt, perspective, borders and neighbours undone.
//!
//! Local codes say where a document lies in a leaked picture. Sampled through that outline it is a whole image again, and the
//! whole-image code, which stands much more blur and noise than details do, can be asked about it.

use crate::{
    grid::{FULL, Grid},
    local::resize::Scratch,
    luma::Luma,
    wide::wide,
};

/// Most samples a side of a cell: enough for a document of 1,150 pixels to be read completely. Of larger ones as many pixels
/// are left out between samples.
const MOST_SAMPLES: f64 = 3.0;
/// Share of the document that may lie outside the picture; the border pixels stand for it.
const OUTSIDE: f64 = 0.04;

/// Where the four corners of a document lie in an image, clockwise from its own upper left corner, in shares of the image's
/// width and height; anticlockwise where the image is mirrored. Corners may lie outside.
pub type Corners = [(f64, f64); 4];

/// The plane's map from the unit square to a quadrilateral (Heckbert, "Fundamentals of Texture Mapping and Image Warping",
/// 1989, section 2.2.3): `(u, v)` becomes `((a u + b v + c) / w, (d u + e v + f) / w)` with `w = g u + h v + 1`.
struct Square {
    across: [f64; 3],
    down: [f64; 3],
    depth: [f64; 2],
}

impl Square {
    /// `None` for corners that make no quadrilateral.
    fn onto(corners: &Corners) -> Option<Self> {
        let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = *corners;
        let (right1, right2, right) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
        let (down1, down2, down) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
        let area = right1 * down2 - right2 * down1;
        let g = (right * down2 - right2 * down) / area;
        let h = (right1 * down - right * down1) / area;
        // The depth is linear, so that it is positive in the square if it is at the corners.
        let depths = [1.0 + g, 1.0 + h, 1.0 + g + h];
        let square = Self {
            across: [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
            down: [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
            depth: [g, h],
        };
        let sane = square.across.iter().chain(&square.down).all(|value| value.is_finite());
        (sane && depths.iter().all(|depth| *depth > 1e-3)).then_some(square)
    }
}

/// The grid of the document at `corners` in `image`; `None` where they make no document, much of it is outside, or the image is one pixel
/// wide or high. Places are rounded to 1/256 pixel.
pub(crate) fn straighten(image: &Luma, corners: &Corners) -> Option<Grid> {
    if image.width().min(image.height()) < 2 {
        return None;
    }
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let in_pixels = corners.map(|(x, y)| (x * width, y * height));
    let square = Square::onto(&in_pixels)?;
    let edge = |from: usize| {
        let (a, b) = (in_pixels[from], in_pixels[(from + 1) % 4]);
        ((a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)).sqrt()
    };
    let longest = (0..4).map(edge).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 3")]
    let samples = (longest / FULL as f64).ceil().clamp(1.0, MOST_SAMPLES) as usize;
    let mut line = Line::new(FULL * samples);
    let mut outside = 0;
    for row in 0..FULL {
        line.trace(&square, (row as f64 + 0.5) / FULL as f64, FULL);
        outside += count_outside(&line.x[..FULL], &line.y[..FULL], (width, height));
    }
    if f64::from(outside) > OUTSIDE * (FULL * FULL) as f64 {
        return None;
    }
    let mut cells = Vec::with_capacity(FULL * FULL);
    let mut sums = Scratch::<u32>::new(FULL);
    // A sample is in 1/65,536 of a level, a cell in 1/256.
    let unit = u32::try_from(256 * samples * samples).unwrap_or(u32::MAX);
    for row in 0..FULL {
        sums.0.fill(0);
        for down in 0..samples {
            let v = ((row * samples + down) as f64 + 0.5) / (FULL * samples) as f64;
            line.trace(&square, v, FULL * samples);
            line.add_samples(image, samples, &mut sums.0);
        }
        cells.extend(sums.0.iter().map(|sum| u16::try_from((sum + unit / 2) / unit).unwrap_or(u16::MAX)));
    }
    Some(Grid::from_cells(cells))
}

/// Samples of one line across a document.
struct Line {
    /// Where they are in the image, in pixels from its corner.
    x: Vec<f64>,
    y: Vec<f64>,
    /// The same from the first pixel's centre, within the image, in 1/256 pixel.
    right: Vec<u32>,
    down: Vec<u32>,
}

impl Line {
    fn new(longest: usize) -> Self {
        Self { x: vec![0.0; longest], y: vec![0.0; longest], right: vec![0; longest], down: vec![0; longest] }
    }

    /// Goes along the document's line at height `v` in `count` steps.
    fn trace(&mut self, square: &Square, v: f64, count: usize) {
        let Square { across, down, depth } = square;
        let x = (across[0], across[1] * v + across[2]);
        let y = (down[0], down[1] * v + down[2]);
        trace([x, y, (depth[0], depth[1] * v + 1.0)], &mut self.x[..count], &mut self.y[..count]);
    }

    /// Adds all samples of the line, `samples` of them to each sum, in 1/65,536 of a level. Beyond the image is what is at its border.
    /// The image has two pixels a side or more.
    fn add_samples(&mut self, image: &Luma, samples: usize, sums: &mut [u32]) {
        let count = sums.len() * samples;
        let (right, down) = (&mut self.right[..count], &mut self.down[..count]);
        into_parts(&self.x[..count], image.width(), right);
        into_parts(&self.y[..count], image.height(), down);
        let (pixels, stride) = (image.pixels(), image.width() as usize);
        for ((sum, right), down) in
            sums.iter_mut().zip(right.chunks_exact(samples)).zip(down.chunks_exact(samples))
        {
            for (&right, &down) in right.iter().zip(down) {
                let first = (down >> 8) as usize * stride + (right >> 8) as usize;
                let (upper, lower) = (&pixels[first..][..2], &pixels[first + stride..][..2]);
                let (right, down) = (right & 0xff, down & 0xff);
                let mix = |pair: &[u8]| u32::from(pair[0]) * (256 - right) + u32::from(pair[1]) * right;
                *sum += mix(upper) * (256 - down) + mix(lower) * down;
            }
        }
    }
}

wide! {
    /// `(a u + b) / w` for x and for y, where `w = g u + h`, in the middles of steps from 0 to 1; `rows` are those of x, y and w.
    fn trace(rows: [(f64, f64); 3], x: &mut [f64], y: &mut [f64]) {
        let [(a, b), (d, e), (g, h)] = rows;
        let count = x.len();
        let y = &mut y[..count];
        let step = 1.0 / count as f64;
        for i in 0..count {
            let u = (i as f64 + 0.5) * step;
            let depth = g * u + h;
            x[i] = (a * u + b) / depth;
            y[i] = (d * u + e) / depth;
        }
    }

    /// How many places are outside an image of a size.
    fn count_outside(x: &[f64], y: &[f64], size: (f64, f64)) -> u32 {
        let mut outside = 0;
        for (&x, &y) in x.iter().zip(y) {
            // Numbers, and no branches, so that it becomes vector code.
            let across = u32::from(x >= 0.0) & u32::from(x <= size.0);
            let down = u32::from(y >= 0.0) & u32::from(y <= size.1);
            outside += 1 - (across & down);
        }
        outside
    }

    /// Places along an axis of `side` pixels, 2 to 2^24, from the first one's centre, in 1/256 pixel; those beyond the last come just before it.
    fn into_parts(places: &[f64], side: u32, parts: &mut [u32]) {
        /// Added to a number below 2^32 it leaves that, rounded, in the lower half.
        const ROUNDING: f64 = 4_503_599_627_370_496.0;
        debug_assert!(side <= 1 << 24, "1/256 pixels are counted in 32 bits");
        let last = f64::from(side - 1) * 256.0 - 1.0;
        for (part, &place) in parts.iter_mut().zip(places) {
            let at = (place - 0.5) * 256.0;
            let at = if at > 0.0 { at } else { 0.0 };
            let at = if at < last { at } else { last };
            *part = ((at + ROUNDING).to_bits() & 0xffff_ffff) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];

    /// Soft blobs, different everywhere.
    fn picture(width: u32, height: u32) -> Luma {
        let level = |x: u32, y: u32| {
            let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            let wave = (u * 19.0 + v * 7.0).sin() + (v * 23.0 - u * u * 11.0).cos();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "28 to 228")]
            let level = (128.0 + 50.0 * wave) as u8;
            level
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| level(x, y))).collect();
        Luma::new(width, height, pixels).unwrap()
    }

    fn far(a: &Grid, b: &Grid) -> f64 {
        let off = a.cells().iter().zip(b.cells()).map(|(a, b)| f64::from(a.abs_diff(*b)) / 256.0);
        off.sum::<f64>() / a.cells().len() as f64
    }

    #[test]
    fn the_whole_image_is_its_own_grid() {
        let image = picture(960, 384);
        let straight = straighten(&image, &WHOLE).unwrap();
        assert!(far(&straight, &Grid::new(&image)) < 0.6);
    }

    #[test]
    fn a_document_in_a_larger_picture_is_found_again_also_mirrored() {
        let document = picture(400, 300);
        let (width, height) = (1000, 800);
        let place = |mirrored: bool| {
            let mut pixels = vec![20; (width * height) as usize];
            for y in 0..300_u32 {
                for x in 0..400_u32 {
                    let from = if mirrored { 399 - x } else { x };
                    pixels[((y + 450) * width + x + 550) as usize] =
                        document.pixels()[(y * 400 + from) as usize];
                }
            }
            Luma::new(width, height, pixels).unwrap()
        };
        let (left, right, top, bottom) = (0.55, 0.95, 450.0 / 800.0, 750.0 / 800.0);
        let upright = [(left, top), (right, top), (right, bottom), (left, bottom)];
        let own = Grid::new(&document);
        assert!(far(&straighten(&place(false), &upright).unwrap(), &own) < 1.0);
        let mirrored = [(right, top), (left, top), (left, bottom), (right, bottom)];
        assert!(far(&straighten(&place(true), &mirrored).unwrap(), &own) < 1.0);
        assert!(far(&straighten(&place(true), &upright).unwrap(), &own) > 20.0);
    }

    #[test]
    fn perspective_meets_the_corners() {
        let corners = [(0.1, 0.2), (0.8, 0.1), (0.9, 0.95), (0.05, 0.7)];
        let Square { across, down, depth } = Square::onto(&corners).unwrap();
        for ((u, v), corner) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].into_iter().zip(corners) {
            let at = |row: [f64; 3]| (row[0] * u + row[1] * v + row[2]) / (depth[0] * u + depth[1] * v + 1.0);
            let (x, y) = (at(across), at(down));
            assert!((x - corner.0).abs() < 1e-12 && (y - corner.1).abs() < 1e-12);
        }
    }

    /// Means of the same samples, from the definition.
    fn oracle(image: &Luma, corners: &Corners, samples: usize) -> Vec<f64> {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let Square { across, down, depth } =
            Square::onto(&corners.map(|(x, y)| (x * width, y * height))).unwrap();
        let sample = |u: f64, v: f64| {
            let at =
                |row: &[f64; 3]| (row[0] * u + row[1] * v + row[2]) / (depth[0] * u + depth[1] * v + 1.0);
            let (x, y) =
                ((at(&across) - 0.5).clamp(0.0, width - 1.0), (at(&down) - 0.5).clamp(0.0, height - 1.0));
            let (left, top) = (x.floor(), y.floor());
            let pixel = |x: f64, y: f64| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in the image")]
                let place =
                    y.min(height - 1.0) as usize * image.width() as usize + x.min(width - 1.0) as usize;
                f64::from(image.pixels()[place])
            };
            let mix = |y: f64| pixel(left, y) * (1.0 - x + left) + pixel(left + 1.0, y) * (x - left);
            mix(top) * (1.0 - y + top) + mix(top + 1.0) * (y - top)
        };
        let side = FULL * samples;
        let middle = |place: usize| (place as f64 + 0.5) / side as f64;
        let cell = |cell: usize| {
            let (row, column) = (cell / FULL * samples, cell % FULL * samples);
            let all = (0..samples * samples)
                .map(|at| sample(middle(column + at % samples), middle(row + at / samples)));
            all.sum::<f64>() / (samples * samples) as f64
        };
        (0..FULL * FULL).map(cell).collect()
    }

    #[test]
    fn cells_are_means_of_samples() {
        let image = picture(300, 340);
        for (corners, samples) in [
            (WHOLE, 2),
            ([(0.1, 0.2), (0.6, 0.15), (0.55, 0.6), (0.12, 0.58)], 1),
            ([(1.0, -0.01), (0.02, 0.0), (0.0, 1.01), (0.97, 1.0)], 2),
        ] {
            let straight = straighten(&image, &corners).unwrap();
            for (cell, mean) in straight.cells().iter().zip(oracle(&image, &corners, samples)) {
                // Neighbouring pixels differ by ten levels and less.
                assert!((f64::from(*cell) / 256.0 - mean).abs() < 0.06, "{cell} and {mean}");
            }
        }
    }

    #[test]
    fn the_smallest_images_are_no_documents() {
        for (width, height) in [(1, 1), (1, 50), (50, 1)] {
            let image = Luma::new(width, height, vec![9; (width * height) as usize]).unwrap();
            assert!(straighten(&image, &WHOLE).is_none());
        }
        let image = Luma::new(2, 2, vec![0, 255, 255, 0]).unwrap();
        assert!(straighten(&image, &WHOLE).is_some());
    }

    #[test]
    fn what_is_no_document_or_not_in_the_picture_is_refused() {
        let image = picture(300, 200);
        let nan = [(f64::NAN, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let flat = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)];
        let crossed = [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)];
        let half_outside = [(-0.5, 0.0), (0.5, 0.0), (0.5, 1.0), (-0.5, 1.0)];
        for corners in [nan, flat, crossed, half_outside] {
            assert!(straighten(&image, &corners).is_none());
        }
        assert!(straighten(&image, &[(-0.01, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]).is_some());
    }
}
