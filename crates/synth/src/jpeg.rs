//! JPEG in memory.

use image::{ImageFormat, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::error::Error;

/// Encodes with 4:2:0 chroma, as cameras and scanners do.
///
/// # Errors
/// [`Error::Encode`] for sides of 0 and over 65,535 pixels.
pub(crate) fn encode(image: &RgbImage, quality: u8) -> Result<Vec<u8>, Error> {
    let (width, height) = image.dimensions();
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::Encode { width, height, source };
    let (w, h) = (u16::try_from(width), u16::try_from(height));
    let (w, h) = (w.map_err(|e| refused(e.into()))?, h.map_err(|e| refused(e.into()))?);
    let mut bytes = Vec::with_capacity(image.as_raw().len() / 8);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(image.as_raw(), w, h, ColorType::Rgb).map_err(|e| refused(e.into()))?;
    Ok(bytes)
}

/// Encodes and decodes again; an image that JPEG cannot hold comes back as it is.
pub(crate) fn recompress(image: &RgbImage, quality: u8) -> RgbImage {
    encode(image, quality)
        .ok()
        .and_then(|bytes| image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).ok())
        .map_or_else(|| image.clone(), image::DynamicImage::into_rgb8)
}
