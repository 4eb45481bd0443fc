//! HEIC and AVIF, by the system's libheif.
//!
//! libheif and the decoders below it are C and C++, so a process has to say that it may run them ([`Heif`]). They never make a
//! thread here: tiles are decoded one after the other, and see `one_thread.rs`.

mod one_thread;

use std::fmt;
use std::sync::OnceLock;

use image::ColorType;
use libheif_rs::{
    ColorSpace, HeifContext, HeifError, HeifErrorCode, HeifErrorSubCode, Image, ImageHandle, LibHeif,
    RgbChroma,
};
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use super::{luma::to_luma, orient::Plane, raster::finish, sniff::Format};
use crate::{Limits, Refusal, Reject, Unreadable};

/// The library, where this process may use it.
static LIBRARY: OnceLock<LibHeif> = OnceLock::new();

/// Why a process that may not use it does not.
const NOT_HERE: &str =
    "it is decoded only by workers that are closed in; see `saltprint sandbox`, or convert it to JPEG or PNG";

/// Why colours are not made.
const COLOURS: &str = "its layout of colours, or it takes more memory than a worker has";

/// Bytes that are held for a pixel at the peak where samples have 8 bits: the picture as it is coded, as it is turned or put together
/// from tiles, its colours, and luma. Measured: 7 to 10.6.
const PIXEL_BYTES: u64 = 11;

/// The same where they have more. Measured: 14.6 to 17.6.
const DEEP_PIXEL_BYTES: u64 = 18;

/// And more of it with transparency. Measured: 1 to 3.
const ALPHA_BYTES: u64 = 3;

/// libheif and its decoders, loaded, and not yet to be used.
pub struct Heif(LibHeif);

impl Heif {
    /// Loads the decoders, which may be files of their own.
    #[must_use]
    pub fn load() -> Self {
        Self(LibHeif::new())
    }

    /// From now on [`decode`](crate::decode) uses them. They are not memory-safe: the caller promises that whoever takes this
    /// process over by a hostile picture finds nothing and gets nowhere, since it has no keys, no files and no network.
    pub fn allow(self) {
        let _ = LIBRARY.set(self.0);
    }
}

impl fmt::Debug for Heif {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heif")
    }
}

/// Decodes the primary picture.
pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<Luma, Reject> {
    let name = format.name();
    let library = LIBRARY.get().ok_or_else(|| Refusal::unsupported(name, NOT_HERE))?;
    let reject = |error: HeifError| reject(name, limits, &error);
    let mut context = HeifContext::read_from_bytes(bytes).map_err(reject)?;
    context.set_max_decoding_threads(0);
    let primary = context.primary_image_handle().map_err(reject)?;
    check(&primary, name, limits)?;
    let (chroma, layout) = if primary.has_alpha_channel() {
        (RgbChroma::Rgba, ColorType::Rgba8)
    } else {
        (RgbChroma::Rgb, ColorType::Rgb8)
    };
    // Turned, mirrored and cropped as the file says. What EXIF says of it has no effect, by the standard. Options are not given: this
    // version of the bindings frees them before they are used.
    let decoded = library.decode(&primary, ColorSpace::Rgb(chroma), None).map_err(reject)?;
    let plane = luma_of(&decoded, layout, limits)?
        .ok_or_else(|| Unreadable::malformed(name, "its pixels are not as many as it says"))?;
    finish(name, plane)
}

/// Checks the sides that the file states, and what decoding them will hold.
fn check(primary: &ImageHandle, name: &'static str, limits: &Limits) -> Result<(), Reject> {
    // As it is coded, and as it is shown.
    let side = |side: i32| u32::try_from(side).unwrap_or(u32::MAX);
    let coded = limits.check_sides(side(primary.ispe_width()), side(primary.ispe_height()))?;
    let shown = limits.check_sides(primary.width(), primary.height())?;
    if shown == 0 {
        return Err(Unreadable::malformed(name, "a side is 0").into());
    }
    let colours = if primary.luma_bits_per_pixel() > 8 { DEEP_PIXEL_BYTES } else { PIXEL_BYTES };
    let alpha = if primary.has_alpha_channel() { ALPHA_BYTES } else { 0 };
    limits.check_memory(coded.max(shown).saturating_mul(colours + alpha))?;
    Ok(())
}

/// Luma of the decoded picture, row by row; `None` where it contradicts itself.
fn luma_of(decoded: &Image, layout: ColorType, limits: &Limits) -> Result<Option<Plane>, Refusal> {
    let Some(plane) = decoded.planes().interleaved else { return Ok(None) };
    // The coded data have sides of their own, which need not be those that the file states.
    limits.check_sides(plane.width, plane.height)?;
    let (width, height) = (plane.width as usize, plane.height as usize);
    let row_bytes = width * usize::from(layout.bytes_per_pixel());
    let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
    for row in plane.data.chunks(plane.stride.max(1)).take(height) {
        let luma = row.get(..row_bytes).and_then(|row| to_luma(Zeroizing::new(row.to_vec()), layout));
        let Some(luma) = luma else { return Ok(None) };
        pixels.extend_from_slice(&Zeroizing::new(luma));
    }
    Ok((pixels.len() == width * height).then_some(Plane { width: plane.width, height: plane.height, pixels }))
}

fn reject(name: &'static str, limits: &Limits, error: &HeifError) -> Reject {
    use {HeifErrorCode as Code, HeifErrorSubCode as Sub};
    match (error.code, error.sub_code) {
        (_, Sub::EndOfData) => Unreadable::Truncated { format: name }.into(),
        // Its own limits, which a damaged file breaks with any number in it.
        (Code::MemoryAllocationError, Sub::SecurityLimitExceeded) => {
            Unreadable::malformed(name, &error.message).into()
        }
        (Code::MemoryAllocationError, _) => limits.memory_refusal().into(),
        // What it also says where there is no room for the colours.
        (_, Sub::UnsupportedColorConversion) => Refusal::unsupported(name, COLOURS).into(),
        (Code::UnsupportedFileType | Code::UnsupportedFeature, _) => {
            Refusal::unsupported(name, &error.message).into()
        }
        _ => Unreadable::malformed(name, &error.message).into(),
    }
}
