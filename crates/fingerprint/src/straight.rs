//! A document in a picture, sampled as if it filled the frame: tilt, perspective, borders and neighbours undone.
//!
//! Local codes say where a document lies in a leaked picture. Sampled through that outline it is a whole image again, and the
//! whole-image code, which stands much more blur and noise than details do, can be asked about it.

use crate::{
    grid::{FULL, Grid},
    luma::Luma,
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

    fn at(&self, u: f64, v: f64) -> (f64, f64) {
        let by = |row: &[f64; 3]| row[0] * u + row[1] * v + row[2];
        let depth = self.depth[0] * u + self.depth[1] * v + 1.0;
        (by(&self.across) / depth, by(&self.down) / depth)
    }
}

/// The grid of the document at `corners` in `image`; `None` where they make no document, or much of it is outside.
pub(crate) fn straighten(image: &Luma, corners: &Corners) -> Option<Grid> {
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
    let is_outside = |cell: usize| {
        let middle = |place: usize| (place as f64 + 0.5) / FULL as f64;
        let (x, y) = square.at(middle(cell % FULL), middle(cell / FULL));
        !((0.0..=width).contains(&x) && (0.0..=height).contains(&y))
    };
    let outside = (0..FULL * FULL).filter(|cell| is_outside(*cell)).count();
    if outside as f64 > OUTSIDE * (FULL * FULL) as f64 {
        return None;
    }
    let step = 1.0 / (FULL * samples) as f64;
    let mut cells = Vec::with_capacity(FULL * FULL);
    for row in 0..FULL {
        for column in 0..FULL {
            let mut sum = 0.0;
            for down in 0..samples {
                let v = ((row * samples + down) as f64 + 0.5) * step;
                for across in 0..samples {
                    let u = ((column * samples + across) as f64 + 0.5) * step;
                    let (x, y) = square.at(u, v);
                    sum += sample(image, x - 0.5, y - 0.5);
                }
            }
            let mean = sum * 256.0 / (samples * samples) as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 65,280")]
            cells.push((mean + 0.5) as u16);
        }
    }
    Some(Grid::from_cells(cells))
}

/// Luma between pixel centres, 0 to 255; beyond the border that of the border.
fn sample(image: &Luma, x: f64, y: f64) -> f64 {
    let (x, y) = (x.clamp(0.0, f64::from(image.width() - 1)), y.clamp(0.0, f64::from(image.height() - 1)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the image")]
    let (left, top) = (x as usize, y as usize);
    let (over, under) = (x - left as f64, y - top as f64);
    let stride = image.width() as usize;
    let pixels = image.pixels();
    let at = |column: usize, row: usize| {
        let (column, row) = (column.min(stride - 1), row.min(image.height() as usize - 1));
        pixels.get(row * stride + column).copied().map_or(0.0, f64::from)
    };
    let upper = at(left, top) * (1.0 - over) + at(left + 1, top) * over;
    let lower = at(left, top + 1) * (1.0 - over) + at(left + 1, top + 1) * over;
    upper * (1.0 - under) + lower * under
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
        let square = Square::onto(&corners).unwrap();
        for ((u, v), corner) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].into_iter().zip(corners) {
            let (x, y) = square.at(u, v);
            assert!((x - corner.0).abs() < 1e-12 && (y - corner.1).abs() < 1e-12);
        }
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
