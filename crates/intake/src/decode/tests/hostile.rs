//! Images that lie about their size, end early or are damaged anywhere.

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::{encode, formats::png, jpeg::with_orientation, picture, read};
use crate::{Limits, Refusal, Reject, Unreadable, decode};

/// The first two chunks of a PNG and nothing else; the checksum is right.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    png(width, height, 16, 6, &[], &[])[..33].to_vec()
}

fn bmp_header(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend_from_slice(&width.to_le_bytes());
    bytes.extend_from_slice(&height.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 24, 0]);
    bytes.extend_from_slice(&[0; 24]);
    bytes
}

fn gif_header(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0, 0, 0, 0x2c]].concat()
}

fn tiff_header(width: u32, height: u32) -> Vec<u8> {
    let entry = |tag: u16, value: u32| {
        [&tag.to_le_bytes(), [4, 0, 1, 0, 0, 0].as_slice(), &value.to_le_bytes()].concat()
    };
    let entries =
        [(0x100, width), (0x101, height), (0x102, 8), (0x103, 1), (0x106, 1), (0x111, 8), (0x117, 8)];
    let mut bytes = [b"II\x2a\0\x08\0\0\0".as_slice(), &[7, 0]].concat();
    for (tag, value) in entries {
        bytes.extend_from_slice(&entry(tag, value));
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    [
        b"\xff\xd8\xff\xc0\0\x0b\x08".as_slice(),
        &sides,
        b"\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xd9",
    ]
    .concat()
}

fn webp_header(width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let frame = [0x2f, 0, 0, 0, 0, 0];
    let canvas = [vec![0; 4], side(width), side(height)].concat();
    let body = [b"WEBPVP8X\x0a\0\0\0".as_slice(), &canvas, b"VP8L\x06\0\0\0", &frame].concat();
    [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

#[test]
fn a_png_of_41_bytes_that_claims_250_pebibytes() {
    let bytes = [png_header(0x7fff_ffff, 0x7fff_ffff), b"\0\0\0\0IDAT".to_vec()].concat();
    assert_eq!(bytes.len(), 41);
    let refusal = Refusal::SideTooLong { width: 0x7fff_ffff, height: 0x7fff_ffff, allowed: 20_000 };
    assert_eq!(read(&bytes).unwrap_err(), refusal.into());
    // The memory for it is refused as well where sides and pixels are not limited.
    let limits = Limits { side: u32::MAX, pixels: u64::MAX, ..Limits::default() };
    assert_eq!(decode(&bytes, &limits).unwrap_err().code(), "too_much_memory");
}

#[test]
fn headers_of_50_000_x_50_000() {
    let side = 50_000_u16;
    let refusal = Refusal::SideTooLong { width: 50_000, height: 50_000, allowed: 20_000 };
    for (name, bytes) in [
        ("PNG", png_header(side.into(), side.into())),
        ("BMP", bmp_header(side.into(), side.into())),
        ("GIF", gif_header(side, side)),
        ("TIFF", tiff_header(side.into(), side.into())),
        ("WebP", webp_header(side.into(), side.into())),
        ("JPEG", jpeg_header(side, side)),
    ] {
        assert_eq!(read(&bytes).unwrap_err(), refusal.clone().into(), "{name}");
    }
}

#[test]
fn headers_of_too_many_pixels() {
    let refusal = Refusal::TooManyPixels { pixels: 10_001 * 10_000, allowed: 100_000_000 };
    for (name, bytes) in [
        ("PNG", png_header(10_001, 10_000)),
        ("BMP", bmp_header(10_001, -10_000)),
        ("GIF", gif_header(10_001, 10_000)),
        ("TIFF", tiff_header(10_001, 10_000)),
        ("WebP", webp_header(10_001, 10_000)),
        ("JPEG", jpeg_header(10_001, 10_000)),
    ] {
        assert_eq!(read(&bytes).unwrap_err(), refusal.clone().into(), "{name}");
    }
}

#[test]
fn memory_is_counted_before_it_is_taken() {
    let needed = |bytes: &[u8], allowed| {
        let limits = Limits { decode_bytes: allowed, ..Limits::default() };
        match decode(bytes, &limits) {
            Err(Reject::Refused(Refusal::TooMuchMemory { bytes, .. })) => Some(bytes),
            _ => None,
        }
    };
    // 100 MP with 8 bytes a pixel and luma.
    assert_eq!(needed(&png_header(10_000, 10_000), Limits::default().decode_bytes), Some(900_000_000));
    let image = DynamicImage::from(picture(32, 32));
    let pixels = 32 * 32;
    for (format, bytes_a_pixel) in [
        (ImageFormat::Png, 4),
        (ImageFormat::Bmp, 4),
        // The buffer of the decoder, a copy of it, luma.
        (ImageFormat::Tiff, 7),
        // RGBA inside, RGB, luma, transforms.
        (ImageFormat::WebP, 9),
        (ImageFormat::Gif, 5),
        // Luma, and room to turn it.
        (ImageFormat::Jpeg, 2),
    ] {
        let bytes = encode(&image, format);
        assert_eq!(needed(&bytes, pixels * bytes_a_pixel - 1), Some(pixels * bytes_a_pixel), "{format:?}");
    }
    // 2 bytes for each of the three coefficients, luma.
    let progressive = include_bytes!("../../../fixtures/progressive-444.jpg");
    assert_eq!(needed(progressive, 0), Some(48 * 40 * 6 + 45 * 37));
}

#[test]
fn a_gif_frame_larger_than_its_screen() {
    let mut bytes = gif_header(4, 4);
    bytes.extend_from_slice(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 2, 1, 0, 0, 0x3b]);
    assert_eq!(read(&bytes).unwrap_err().code(), "malformed");
}

#[test]
fn large_file_and_nothing_at_all() {
    assert_eq!(read(&[]).unwrap_err(), Unreadable::Empty.into());
    let limits = Limits { file_bytes: 3, ..Limits::default() };
    let refusal = Refusal::FileTooLarge { bytes: 4, allowed: 3 };
    assert_eq!(decode(b"1234", &limits).unwrap_err(), refusal.into());
}

#[test]
fn sides_of_zero() {
    for bytes in [png_header(0, 5), gif_header(0, 5), tiff_header(0, 5), jpeg_header(0, 5)] {
        let reject = read(&bytes).unwrap_err();
        assert_eq!(reject.outcome_word(), "unreadable", "{reject}");
    }
    assert!(read(&bmp_header(0, 5)).is_err());
}

/// A small file of every format, with and without metadata.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let rgb = DynamicImage::from(picture(19, 14));
    let clear = DynamicImage::from(rgb.to_rgba8());
    let wide = DynamicImage::from(rgb.to_rgb16());
    let jpeg = encode(&rgb, ImageFormat::Jpeg);
    vec![
        ("JPEG", with_orientation(&jpeg, 6)),
        ("progressive JPEG", include_bytes!("../../../fixtures/progressive-420.jpg").to_vec()),
        ("JPEG with restarts", include_bytes!("../../../fixtures/restarts-420.jpg").to_vec()),
        ("JPEG in scans", include_bytes!("../../../fixtures/scans-422.jpg").to_vec()),
        ("CMYK JPEG", include_bytes!("../../../fixtures/cmyk.jpg").to_vec()),
        ("YCCK JPEG", include_bytes!("../../../fixtures/ycck.jpg").to_vec()),
        ("JPEG 4:1:1", include_bytes!("../../../fixtures/baseline-411.jpg").to_vec()),
        ("PNG", encode(&rgb, ImageFormat::Png)),
        ("PNG 16", encode(&wide, ImageFormat::Png)),
        ("WebP", encode(&rgb, ImageFormat::WebP)),
        ("WebP alpha", encode(&clear, ImageFormat::WebP)),
        ("TIFF", encode(&rgb, ImageFormat::Tiff)),
        ("TIFF 16", encode(&wide, ImageFormat::Tiff)),
        ("BMP", encode(&rgb, ImageFormat::Bmp)),
        ("GIF", encode(&rgb, ImageFormat::Gif)),
    ]
}

#[test]
fn truncated_at_every_byte() {
    for (name, bytes) in samples() {
        for end in 0..bytes.len() {
            match read(&bytes[..end]) {
                // Some formats end with bytes that say nothing about the pixels.
                Ok(_) => assert!(end * 10 > bytes.len() * 9 && !name.contains("JPEG"), "{name} cut at {end}"),
                Err(reject) => {
                    assert_eq!(reject.outcome_word(), "unreadable", "{name} cut at {end}: {reject}");
                }
            }
        }
    }
}

/// Decoding within limits that are just enough for the samples, so that every damage that asks for more is seen.
fn tight() -> Limits {
    Limits { file_bytes: 1 << 20, side: 400, pixels: 100_000, decode_bytes: 1 << 20, ..Limits::default() }
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let limits = tight();
    match decode(bytes, &limits) {
        Ok(image) => {
            prop_assert!(image.width().max(image.height()) <= limits.side);
            prop_assert_eq!(
                image.pixels().len() as u64,
                u64::from(image.width()) * u64::from(image.height())
            );
        }
        Err(reject) => prop_assert!(!reject.code().is_empty() && !reject.to_string().is_empty()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_anywhere_is_an_answer_not_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        for (_, mut bytes) in samples() {
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            check(&bytes)?;
        }
    }

    #[test]
    fn damage_to_the_header_is_an_answer_not_a_panic(
        changes in prop::collection::vec((0_usize..64, any::<u8>()), 1..4),
    ) {
        for (_, mut bytes) in samples() {
            for (at, value) in &changes {
                if let Some(byte) = bytes.get_mut(*at) {
                    *byte = *value;
                }
            }
            check(&bytes)?;
        }
    }

    #[test]
    fn any_bytes_after_a_signature(
        start in prop::sample::select(vec![
            b"\xff\xd8\xff".as_slice(), b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8X", b"RIFF\x40\0\0\0WEBPVP8L",
            b"RIFF\x40\0\0\0WEBPVP8 ", b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", b"GIF89a", b"BM", b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        check(&[start, &rest].concat())?;
    }
}
