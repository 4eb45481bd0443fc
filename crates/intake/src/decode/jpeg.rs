//! JPEG, asked for its luma plane alone wherever it has one.

use image::{ColorType, metadata::Orientation};
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, SampleRatios, errors::DecodeErrors};

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
    header.check_layout()?;
    // Compressed data never holds these two bytes, and a decoder fills up what is missing with grey.
    if !bytes[header.data_start..].windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(Unreadable::Truncated { format: NAME }.into());
    }
    let (mut decoder, colours) = open(bytes, &header)?;
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms);
    let alone = header.first_plane_is_usable() && matches!(colours, ColorSpace::Luma | ColorSpace::YCbCr);
    // Luma and, unless it comes alone, the three colours that it is made of; a turned image takes luma twice.
    let output = pixels.saturating_mul(if alone { 1 } else { 4 });
    limits.check_memory(header.decoder_bytes().saturating_add(output).max(2 * pixels))?;

    let samples = if alone {
        read(&mut decoder, ColorSpace::Luma, pixels)?
    } else {
        let rgb = read(&mut decoder, ColorSpace::RGB, pixels * 3)?;
        let luma = to_luma(rgb, ColorType::Rgb8)
            .ok_or_else(|| Refusal::unsupported(NAME, "its layout of colours"))?;
        Zeroizing::new(luma)
    };
    finish(NAME, upright(Plane { width, height, pixels: samples }, orientation))
}

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

/// A decoder that has read the headers, and the colours that they state.
fn open<'a>(bytes: &'a [u8], header: &Header) -> Result<(Decoder<'a>, ColorSpace), Reject> {
    // Odd bytes between headers are forgiven, as by every viewer; those in the data later are not.
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| reject(&error))?;
    // What was checked before must be what is decoded now, so both readings of the header have to agree.
    let (h, v) = header.largest_factors();
    let largest = (usize::from(h), usize::from(v));
    let agrees = decoder.info().is_some_and(|info| {
        (info.width, info.height) == (header.width, header.height)
            && usize::from(info.components) == header.components()
            && factors(info.sample_ratio) == largest
    });
    if !agrees {
        return Err(Unreadable::malformed(NAME, "its header can be read in two ways").into());
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

/// The largest sampling factors, as the decoder read them.
fn factors(ratio: SampleRatios) -> (usize, usize) {
    match ratio {
        SampleRatios::None => (1, 1),
        SampleRatios::H => (2, 1),
        SampleRatios::V => (1, 2),
        SampleRatios::HV => (2, 2),
        SampleRatios::Generic(h, v) => (h, v),
    }
}

/// Decodes strictly: data that ends early or has a wrong code is an error, not a grey area.
fn read(decoder: &mut Decoder<'_>, colours: ColorSpace, size: u64) -> Result<Zeroizing<Vec<u8>>, Reject> {
    let options = decoder.options().jpeg_set_out_colorspace(colours).set_strict_mode(true);
    decoder.set_options(options);
    let size =
        usize::try_from(size).map_err(|_| Unreadable::malformed(NAME, "it does not fit into memory"))?;
    let mut samples = Zeroizing::new(vec![0; size]);
    decoder.decode_into(&mut samples).map_err(|error| reject(&error))?;
    Ok(samples)
}

fn reject(error: &DecodeErrors) -> Reject {
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
