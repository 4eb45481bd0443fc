//! Turning an image upright.

use image::metadata::Orientation;
use zeroize::Zeroizing;

/// Side of the tiles in which a quarter turn is done, so that both images stay in the cache.
const TILE: usize = 32;

/// An 8-bit image of `width` x `height` pixels, row by row.
pub(super) struct Plane {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: Zeroizing<Vec<u8>>,
}

/// The plane as it is to be shown. `pixels` must hold `width * height` bytes.
pub(super) fn upright(plane: Plane, orientation: Orientation) -> Plane {
    let (width, height) = (plane.width as usize, plane.height as usize);
    // A pixel of the result lies at `first + x * right + y * down` of the source.
    let (last_column, last_row) = (width - 1, width * (height - 1));
    let (one, row) = (1_isize, width.cast_signed());
    let (swap, first, right, down) = match orientation {
        Orientation::NoTransforms => return plane,
        Orientation::FlipHorizontal => (false, last_column, -one, row),
        Orientation::Rotate180 => (false, last_row + last_column, -one, -row),
        Orientation::FlipVertical => (false, last_row, one, -row),
        Orientation::Rotate90FlipH => (true, 0, row, one),
        Orientation::Rotate90 => (true, last_row, -row, one),
        Orientation::Rotate270FlipH => (true, last_row + last_column, -row, -one),
        Orientation::Rotate270 => (true, last_column, row, -one),
    };
    let (out_width, out_height) = if swap { (height, width) } else { (width, height) };
    let mut pixels = Zeroizing::new(vec![0; plane.pixels.len()]);
    for top in (0..out_height).step_by(TILE) {
        for left in (0..out_width).step_by(TILE) {
            for y in top..out_height.min(top + TILE) {
                let offset = y.cast_signed() * down + left.cast_signed() * right;
                let mut from = first.wrapping_add_signed(offset);
                for pixel in &mut pixels[y * out_width..][left..out_width.min(left + TILE)] {
                    *pixel = plane.pixels[from];
                    from = from.wrapping_add_signed(right);
                }
            }
        }
    }
    let (width, height) = if swap { (plane.height, plane.width) } else { (plane.width, plane.height) };
    Plane { width, height, pixels }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage};

    use super::*;

    #[test]
    fn all_eight_are_what_image_does() {
        for (width, height) in [(1_u32, 1_u32), (3, 1), (1, 3), (2, 3), (70, 41)] {
            let pixels: Vec<u8> = (0..width * height)
                .map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap())
                .collect();
            for exif in 1..=8 {
                let orientation = Orientation::from_exif(exif).unwrap();
                let mut expected =
                    DynamicImage::from(GrayImage::from_raw(width, height, pixels.clone()).unwrap());
                expected.apply_orientation(orientation);
                let turned =
                    upright(Plane { width, height, pixels: Zeroizing::new(pixels.clone()) }, orientation);
                assert_eq!((turned.width, turned.height), (expected.width(), expected.height()));
                assert_eq!(&*turned.pixels, expected.as_bytes(), "EXIF {exif}, {width} x {height}");
            }
        }
    }
}
