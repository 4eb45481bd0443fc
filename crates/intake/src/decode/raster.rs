//! The formats that `image` decodes: PNG, WebP, TIFF, BMP, GIF.

use std::{
    error::Error as _,
    io,
    io::{BufRead, Cursor, Read, Seek, SeekFrom},
};

use image::{
    ColorType, ExtendedColorType, ImageDecoder, ImageError,
    codecs::{bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder},
    metadata::Orientation,
};
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use super::{
    luma::to_luma,
    orient::{Plane, upright},
    sniff::Format,
    tiff_header::check_lists,
    webp_header,
};
use crate::{Limits, Refusal, Reject, Unreadable};

/// Tells what `image` wants in the words of this crate.
struct Context<'a> {
    format: Format,
    limits: &'a Limits,
}

pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<Luma, Reject> {
    let context = Context { format, limits };
    let input = Cursor::new(bytes);
    match format {
        Format::Png => {
            let left = limits.check_memory(png_output(bytes, limits)?)?;
            context.run(PngDecoder::with_limits(input, allowance(left)), |_, _| 0)
        }
        Format::WebP => {
            let header = webp_header::Header::read(bytes)?;
            limits.check_sides(header.width, header.height)?;
            context.run(WebPDecoder::new(input), |decoder, pixels| webp_memory(decoder, header, pixels))
        }
        Format::Tiff => {
            check_lists(bytes, None, limits)?;
            context.run(TiffDecoder::new(input), tiff_memory)
        }
        Format::Gif => {
            check_gif_screen(bytes, limits)?;
            // A frame that is not as large as the screen takes a buffer, within the decoder's own limits.
            context.run(GifDecoder::new(input), |_, _| 0)
        }
        Format::Bmp => context.run(BmpDecoder::new(input), |_, _| 0),
        Format::Jpeg => Err(Unreadable::NotAnImage.into()),
        #[cfg(feature = "heif")]
        Format::Heic | Format::Avif => Err(Unreadable::NotAnImage.into()),
    }
}

/// Decodes one page of a TIFF by the rules of [`decode`](super::decode): that of the directory at `directory`.
pub(crate) fn decode_tiff_page(bytes: &[u8], directory: u64, limits: &Limits) -> Result<Luma, Reject> {
    let input = Redirected::new(bytes, directory)
        .ok_or_else(|| Unreadable::malformed(Format::Tiff.name(), "a page lies where no offset can point"))?;
    check_lists(bytes, Some(directory), limits)?;
    Context { format: Format::Tiff, limits }.run(TiffDecoder::new(input), tiff_memory)
}

/// A TIFF of which the header points to another directory: `image` decodes the first one only. The file is not copied.
struct Redirected<'a> {
    header: Vec<u8>,
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Redirected<'a> {
    fn new(bytes: &'a [u8], directory: u64) -> Option<Self> {
        let little = bytes.starts_with(b"II");
        let big = bytes.get(2..4).is_some_and(|version| version.contains(&43));
        let offset = if big {
            if little { directory.to_le_bytes() } else { directory.to_be_bytes() }.to_vec()
        } else {
            let directory = u32::try_from(directory).ok()?;
            if little { directory.to_le_bytes() } else { directory.to_be_bytes() }.to_vec()
        };
        let before = if big { 8 } else { 4 };
        let mut header = bytes.get(..before)?.to_vec();
        header.extend_from_slice(&offset);
        (header.len() <= bytes.len()).then_some(Self { header, bytes, at: 0 })
    }
}

impl Read for Redirected<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Redirected<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        Ok(match self.header.get(at..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => self.bytes.get(at..).unwrap_or_default(),
        })
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count as u64);
    }
}

impl Seek for Redirected<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.bytes.len() as u64, by),
            SeekFrom::Current(by) => (self.at, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The image as the rest of the program takes it.
pub(super) fn finish(format: &'static str, mut plane: Plane) -> Result<Luma, Reject> {
    let pixels = std::mem::take(&mut *plane.pixels);
    Luma::new(plane.width, plane.height, pixels)
        .map_err(|error| Unreadable::malformed(format, &error.to_string()).into())
}

impl Context<'_> {
    /// Checks the limits against the header that `decoder` has read, then decodes. `beside` gives the bytes that the
    /// decoder holds beside its output, from the number of pixels.
    fn run<D: ImageDecoder>(
        &self,
        decoder: Result<D, ImageError>,
        beside: impl FnOnce(&D, u64) -> u64,
    ) -> Result<Luma, Reject> {
        let name = self.format.name();
        let mut decoder = decoder.map_err(|error| self.reject(&error))?;
        let (width, height) = decoder.dimensions();
        let pixels = self.limits.check_sides(width, height)?;
        if pixels == 0 {
            return Err(Unreadable::malformed(name, "a side is 0").into());
        }
        let layout = decoder.color_type();
        let output = decoder.total_bytes();
        let luma = if layout == ColorType::L8 { 0 } else { pixels };
        // Turning takes a second luma image, when the output is gone already unless it is luma itself.
        let needed = output
            .saturating_add(luma)
            .saturating_add(beside(&decoder, pixels))
            .max(pixels.saturating_mul(2));
        self.limits.check_memory(needed)?;
        // What the decoder may take beside its output; its own estimate may be finer than ours.
        let left = self.limits.check_memory(output.saturating_add(luma))?;
        decoder.set_limits(allowance(left)).map_err(|error| self.reject(&error))?;
        // A broken orientation does not make an image unreadable.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let size = usize::try_from(output).map_err(|_| self.limits.memory_refusal())?;
        let mut samples = Zeroizing::new(vec![0; size]);
        decoder.read_image(&mut samples).map_err(|error| self.reject(&error))?;
        let pixels =
            to_luma(samples, layout).ok_or_else(|| Refusal::unsupported(name, "its layout of colours"))?;
        finish(name, upright(Plane { width, height, pixels: Zeroizing::new(pixels) }, orientation))
    }

    fn reject(&self, error: &ImageError) -> Reject {
        let name = self.format.name();
        match error {
            ImageError::Limits(_) => self.limits.memory_refusal().into(),
            ImageError::Unsupported(variant) => Refusal::unsupported(name, &variant.to_string()).into(),
            _ if ends_early(error) => Unreadable::Truncated { format: name }.into(),
            ImageError::Decoding(_)
            | ImageError::Encoding(_)
            | ImageError::Parameter(_)
            | ImageError::IoError(_) => Unreadable::malformed(name, &error.to_string()).into(),
        }
    }
}

/// Whether the bytes ran out, as far as the decoder tells.
fn ends_early(error: &ImageError) -> bool {
    let ran_out = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    if let ImageError::IoError(error) = error {
        return ran_out(error);
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let gif_ran_out = matches!(error.downcast_ref(), Some(gif::DecodingError::UnexpectedEof));
        if gif_ran_out || error.downcast_ref().is_some_and(ran_out) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn allowance(bytes: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// Bytes of the decoded samples and of the luma image of a PNG, at least. Its decoder tells the sides only after it has
/// read all that is before the pixels, so the first chunk is looked at here.
fn png_output(bytes: &[u8], limits: &Limits) -> Result<u64, Reject> {
    let number = |start: usize| {
        let bytes = bytes.get(start..start + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let (Some(width), Some(height), Some(&depth), Some(&colours)) =
        (number(16), number(20), bytes.get(24), bytes.get(25))
    else {
        return Err(Unreadable::Truncated { format: Format::Png.name() }.into());
    };
    let pixels = limits.check_sides(width, height)?;
    // A later chunk may add transparency; `run` counts again when all is known.
    let channels = match colours {
        0 => 1,
        4 => 2,
        2 | 3 => 3,
        _ => 4,
    };
    let samples = channels * if depth == 16 { 2 } else { 1 };
    Ok(pixels.saturating_mul(samples + u64::from(samples > 1)))
}

/// Checks the sides of a GIF, whose decoder tells them only after it has read up to the first frame.
fn check_gif_screen(bytes: &[u8], limits: &Limits) -> Result<(), Reject> {
    let Some(&[w0, w1, h0, h1]) = bytes.get(6..10) else {
        return Err(Unreadable::Truncated { format: Format::Gif.name() }.into());
    };
    limits.check_sides(u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([h0, h1]).into())?;
    Ok(())
}

/// Planes, canvas and frame that the WebP decoder holds beside its output.
fn webp_memory<D: ImageDecoder>(decoder: &D, header: webp_header::Header, pixels: u64) -> u64 {
    let alpha = decoder.color_type() == ColorType::Rgba8;
    let padded = u64::from(header.width).next_multiple_of(16) * u64::from(header.height).next_multiple_of(16);
    // Y and subsampled U and V; transparency is coded apart, as a lossless image and then one byte a pixel.
    let planes = if header.lossy { padded + padded / 2 + if alpha { padded * 5 } else { 0 } } else { 0 };
    // Four bytes a pixel of a lossless image which is then copied, and about one of transforms.
    let lossless = if header.lossy { 0 } else { padded * if alpha { 1 } else { 5 } };
    let animation = if header.animated { pixels * 4 + padded * 4 } else { 0 };
    planes + lossless + animation
}

/// The TIFF decoder fills a buffer of its own and copies it to the output.
fn tiff_memory<D: ImageDecoder>(decoder: &D, pixels: u64) -> u64 {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all but CMYK are copied as they are")]
    match decoder.original_color_type() {
        ExtendedColorType::Cmyk8 => pixels.saturating_mul(4),
        ExtendedColorType::Cmyk16 => pixels.saturating_mul(8),
        _ => decoder.total_bytes(),
    }
}
