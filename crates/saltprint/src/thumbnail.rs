//! Small pictures of leaked images, for reports that ask for them.

use image::{ExtendedColorType, ImageEncoder as _, codecs::jpeg::JpegEncoder, imageops};
use saltprint_fingerprint::Luma;

/// Longer side of a thumbnail, in pixels: a face and a heading can be recognised, small print cannot be read.
const SIDE: u32 = 240;

/// Quality of its JPEG.
const QUALITY: u8 = 70;

/// The image as a small grey JPEG; `None` where it cannot be encoded.
pub(crate) fn jpeg(image: &Luma) -> Option<Vec<u8>> {
    let view: image::ImageBuffer<image::Luma<u8>, &[u8]> =
        image::ImageBuffer::from_raw(image.width(), image.height(), image.pixels())?;
    let scale = f64::from(SIDE) / f64::from(image.width().max(image.height()));
    // At most `SIDE`, so that it fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 240")]
    let side = |side: u32| ((f64::from(side) * scale.min(1.0)).round() as u32).max(1);
    let small = imageops::thumbnail(&view, side(image.width()), side(image.height()));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(small.as_raw(), small.width(), small.height(), ExtendedColorType::L8)
        .ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_keep_the_shape() {
        let image = Luma::new(960, 480, vec![200; 960 * 480]).unwrap();
        let small = image::load_from_memory(&jpeg(&image).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (240, 120));
        let tiny = Luma::new(4000, 2, vec![9; 8000]).unwrap();
        assert_eq!(image::load_from_memory(&jpeg(&tiny).unwrap()).unwrap().height(), 1);
    }
}
