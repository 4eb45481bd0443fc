//! Bytes to luma: [`decode`].

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Luma as Gray, Rgb, Rgba};
use saltprint_fingerprint::Luma;
use saltprint_intake::{Limits, Reject, decode};

/// Memory while decoding that the limits below allow, in bytes.
const DECODE_BYTES: u64 = 8 << 20;

/// What is not counted by [`Limits::decode_bytes`]: the first of two results, tables of the decoders, and one partition of a
/// lossy WebP: `image-webp` makes room for the 24-bit size that the file states before it reads the partition.
pub(crate) const MEMORY: usize = (8 << 20) + (4 << 20) + (16 << 20);

pub(crate) const WORDS: &[&[u8]] = &[
    b"\x89PNG\r\n\x1a\n",
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"IDAT",
    b"IEND",
    b"acTL",
    b"fcTL",
    b"fdAT",
    b"iCCP",
    b"eXIf",
    b"zTXt",
    b"\xff\xd8",
    b"\xff\xc0",
    b"\xff\xc2",
    b"\xff\xc4",
    b"\xff\xda",
    b"\xff\xdb",
    b"\xff\xdd",
    b"\xff\xe0",
    b"\xff\xe1",
    b"\xff\xee",
    b"\xff\xd9",
    b"JFIF\0",
    b"Exif\0\0",
    b"Adobe\0",
    b"RIFF",
    b"WEBP",
    b"VP8 ",
    b"VP8L",
    b"VP8X",
    b"ALPH",
    b"ANIM",
    b"ANMF",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"\x12\x01\x03\0",
    b"GIF89a",
    b"NETSCAPE2.0",
    b"\x21\xf9\x04",
    b"\x2c",
    b"BM",
    b"\x28\0\0\0",
];

pub(crate) fn limits() -> Limits {
    Limits {
        file_bytes: 1 << 20,
        side: 2048,
        pixels: 1 << 19,
        decode_bytes: DECODE_BYTES,
        ..Limits::default()
    }
}

pub(crate) fn check(bytes: &[u8]) {
    let limits = limits();
    let first = decode(bytes, &limits);
    check_result(&first, &limits);
    assert!(same(&first, &decode(bytes, &limits)), "the same bytes gave two results");
}

/// Whether two results are one, pixels and words included.
pub(crate) fn same(a: &Result<Luma, Reject>, b: &Result<Luma, Reject>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => (a.width(), a.height(), a.pixels()) == (b.width(), b.height(), b.pixels()),
        (Err(a), Err(b)) => a == b,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// What holds for every result: an image within the limits, or a reject fit for one line of a log.
pub(crate) fn check_result(result: &Result<Luma, Reject>, limits: &Limits) {
    match result {
        Ok(luma) => {
            let pixels = u64::from(luma.width()) * u64::from(luma.height());
            assert!(pixels == luma.pixels().len() as u64 && pixels <= limits.pixels, "{pixels} pixels");
            assert!(luma.width().max(luma.height()) <= limits.side, "{} x {}", luma.width(), luma.height());
        }
        Err(reject) => check_reject(reject),
    }
}

pub(crate) fn check_reject(reject: &Reject) {
    let text = reject.to_string();
    assert!(!text.chars().any(char::is_control) && text.chars().count() < 400, "{text:?}");
    assert!(reject.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
}

/// A small picture with something in it.
pub(crate) fn picture(width: u32, height: u32) -> DynamicImage {
    let shade = |x: u32, y: u32| u8::try_from((x * 37 + y * 11 + x * y) % 256).unwrap_or_default();
    DynamicImage::ImageRgb8(image::ImageBuffer::from_fn(width, height, |x, y| {
        Rgb([shade(x, y), shade(y, x), shade(x + 3, y)])
    }))
}

pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("this format takes this picture");
    bytes.into_inner()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let colour = picture(24, 17);
    let clear = DynamicImage::ImageRgba8(image::ImageBuffer::from_fn(9, 12, |x, y| {
        Rgba([x, y, x + y, 25 * x].map(|value| u8::try_from(value).unwrap_or(u8::MAX)))
    }));
    let deep = DynamicImage::ImageLuma16(image::ImageBuffer::from_fn(7, 5, |x, y| {
        Gray([u16::try_from(9000 * x + y).unwrap_or(u16::MAX)])
    }));
    let gray = DynamicImage::ImageLuma8(colour.to_luma8());
    let mut seeds = Vec::new();
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ] {
        seeds.push(encode(&colour, format));
    }
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Bmp] {
        seeds.push(encode(&gray, format));
    }
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif] {
        seeds.push(encode(&clear, format));
    }
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        seeds.push(encode(&deep, format));
    }
    seeds.push(turned(&encode(&colour, ImageFormat::Jpeg)));
    seeds
}

/// A JPEG whose EXIF data say that it lies on its side.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    [&jpeg[..2], exif, &jpeg[2..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_images() {
        assert!(seeds().iter().all(|seed| decode(seed, &limits()).is_ok()));
    }
}
