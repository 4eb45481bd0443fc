//! JPEG, asked for its luma plane alone wherever it has one.

use image::{ColorType, metadata::Orientation};
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::{
    jpeg_header::{Header, NAME},
    luma::to_luma,
    orient::{Plane, upright},
    raster::finish,
};
use crate::{Limits, Refusal, Reject, Unreadable};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Luma, Reject> {
    let header = Header::read(bytes)?;
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    let pixels = limits.check_sides(width, height)?;
    // Compressed data never holds these two bytes, and a decoder fills up what is missing with grey.
    if !bytes[header.data_start..].windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(Unreadable::Truncated { format: NAME }.into());
    }
    let (mut decoder, colours) = open(bytes, &header, DecoderOptions::new_fast())?;
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms);
    let alone = header.first_plane_is_whole() && matches!(colours, ColorSpace::Luma | ColorSpace::YCbCr);
    // Luma and, unless it comes alone, the three colours that it is made of; a turned image takes luma twice.
    let output = pixels.saturating_mul(if alone { 1 } else { 4 });
    limits.check_memory(header.decoder_bytes().saturating_add(output).max(2 * pixels))?;

    let samples = if alone {
        read(&mut decoder, ColorSpace::Luma, pixels)?
    } else {
        // Conversion of colours rounds differently in vector instructions, so it is done without them.
        let (mut decoder, _) = open(bytes, &header, DecoderOptions::new_safe())?;
        let rgb = read(&mut decoder, ColorSpace::RGB, pixels * 3)?;
        let luma = to_luma(rgb, ColorType::Rgb8)
            .ok_or_else(|| Refusal::unsupported(NAME, "its layout of colours"))?;
        Zeroizing::new(luma)
    };
    finish(NAME, upright(Plane { width, height, pixels: samples }, orientation))
}

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

/// A decoder that has read the headers, and the colours that they state.
fn open<'a>(
    bytes: &'a [u8],
    header: &Header,
    options: DecoderOptions,
) -> Result<(Decoder<'a>, ColorSpace), Reject> {
    // Odd bytes between headers are forgiven, as by every viewer; those in the data later are not.
    let options = options.set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(reject)?;
    if decoder.dimensions() != Some((header.width.into(), header.height.into())) {
        return Err(Unreadable::malformed(NAME, "its sides are stated twice").into());
    }
    match decoder.input_colorspace() {
        Some(
            colours @ (ColorSpace::Luma
            | ColorSpace::YCbCr
            | ColorSpace::RGB
            | ColorSpace::CMYK
            | ColorSpace::YCCK),
        ) => Ok((decoder, colours)),
        _ => Err(Refusal::unsupported(NAME, "its colours are not grey, YCbCr, RGB, CMYK or YCCK").into()),
    }
}

/// Decodes strictly: data that ends early or has a wrong code is an error, not a grey area.
fn read(decoder: &mut Decoder<'_>, colours: ColorSpace, size: u64) -> Result<Zeroizing<Vec<u8>>, Reject> {
    let options = decoder.options().jpeg_set_out_colorspace(colours).set_strict_mode(true);
    decoder.set_options(options);
    let size =
        usize::try_from(size).map_err(|_| Unreadable::malformed(NAME, "it does not fit into memory"))?;
    let mut samples = Zeroizing::new(vec![0; size]);
    decoder.decode_into(&mut samples).map_err(reject)?;
    Ok(samples)
}

fn reject(error: DecodeErrors) -> Reject {
    match error {
        DecodeErrors::Unsupported(scheme) => Refusal::unsupported(NAME, &format!("{scheme:?}")).into(),
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => {
            Unreadable::Truncated { format: NAME }.into()
        }
        DecodeErrors::Format(_)
        | DecodeErrors::FormatStatic(_)
        | DecodeErrors::IllegalMagicBytes(_)
        | DecodeErrors::HuffmanDecode(_)
        | DecodeErrors::ZeroError
        | DecodeErrors::DqtError(_)
        | DecodeErrors::SosError(_)
        | DecodeErrors::SofError(_)
        | DecodeErrors::MCUError(_)
        | DecodeErrors::LargeDimensions(_)
        | DecodeErrors::TooSmallOutput(..) => Unreadable::malformed(NAME, &error.to_string()).into(),
    }
}
