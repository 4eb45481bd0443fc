//! Bytes to luma: the format by content, the limits by the header, then the decoder.

#[cfg(feature = "heif")]
mod heif;
mod jpeg;
mod jpeg_header;
mod luma;
mod orient;
mod raster;
mod sniff;
mod tiff_header;
mod webp_header;

use saltprint_fingerprint::Luma;

use crate::{Limits, Reject};

#[cfg(feature = "heif")]
pub use heif::Heif;
pub(crate) use luma::to_luma;
pub(crate) use raster::decode_tiff_page;
pub use sniff::Format;
pub(crate) use tiff_header::Layout as TiffLayout;

use sniff::sniff;

/// Decodes an image to luma.
///
/// - The format is told by the content: JPEG, PNG, WebP, TIFF, BMP or GIF. Of several pages or frames the first is taken.
/// - The orientation that the metadata states is applied, so that the image is upright.
/// - Luma is BT.601 in integers, `(299 R + 587 G + 114 B) / 1000` rounded to nearest, or the Y plane of a JPEG that has
///   one. Samples of 16 bits and floating-point samples are brought to 8 bits after it, by rounding.
/// - Transparent pixels are laid over white: a scan whose background was removed still has white paper.
/// - Colour profiles are not applied.
/// - HEIC and AVIF need the feature `heif`, and a process that said by `Heif::allow` that it may decode them: libheif, which does
///   it, is C++. Their luma is made of 8-bit RGB, whatever their samples were.
///
/// The same bytes give the same pixels on every processor (HEIC and AVIF: with the same libheif). Buffers that this crate allocates for pixels are wiped;
/// those inside the decoders of other crates are not.
///
/// # Errors
/// A [`Reject`]: refused where a limit is broken or the format is known but not supported, unreadable where the content is
/// no image, cut off or damaged. A JPEG without its end marker counts as cut off.
///
/// ```
/// use saltprint_intake::{Limits, decode};
///
/// // A 2 x 1 bitmap: black, white.
/// let bitmap = [
///     b"BM".as_slice(), &[62, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0],
///     &[40, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0], &[0; 24],
///     &[0, 0, 0, 255, 255, 255, 0, 0],
/// ].concat();
/// let image = decode(&bitmap, &Limits::default())?;
/// assert_eq!((image.width(), image.height(), image.pixels()), (2, 1, [0, 255].as_slice()));
///
/// let reject = decode(b"%PDF-1.7 ...", &Limits::default()).unwrap_err();
/// assert_eq!((reject.outcome_word(), reject.code()), ("refused", "unsupported_format"));
/// # Ok::<(), saltprint_intake::Reject>(())
/// ```
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Luma, Reject> {
    limits.check_file(bytes.len() as u64)?;
    match sniff(bytes)? {
        Format::Jpeg => jpeg::decode(bytes, limits),
        format @ (Format::Png | Format::WebP | Format::Tiff | Format::Bmp | Format::Gif) => {
            raster::decode(bytes, format, limits)
        }
        #[cfg(feature = "heif")]
        format @ (Format::Heic | Format::Avif) => heif::decode(bytes, format, limits),
    }
}

#[cfg(test)]
mod tests;
