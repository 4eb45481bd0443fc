//! JPEG in all its samplings, colours and orientations.

use image::{DynamicImage, ImageFormat, RgbImage};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use super::{encode, expected, largest_difference, mean, picture, read};
use crate::decode::orient::{Plane, upright};

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../fixtures/", $name, ".jpg")).as_slice())),*]
    };
}

const VARIANTS: [(&str, &[u8]); 21] = fixtures![
    "baseline-444",
    "baseline-422",
    "baseline-440",
    "baseline-420",
    "baseline-411",
    "baseline-410",
    "progressive-444",
    "progressive-422",
    "progressive-440",
    "progressive-420",
    "progressive-411",
    "progressive-410",
    "progressive-2x2-1x2",
    "restarts-420",
    "scans-444",
    "scans-422",
    "grey-2x2",
    "progressive-grey",
    "cmyk",
    "ycck",
    "ycck-420",
];

const REFUSED: [(&str, &[u8]); 5] =
    fixtures!["scans-440", "scans-420", "fine-chroma", "fine-black", "arithmetic"];

/// FNV-1a of the pixels of each fixture.
const GOLDEN: [(&str, u64); 21] = [
    ("baseline-444", 0x9bfd_86b5_95b0_06a6),
    ("baseline-422", 0x9bfd_86b5_95b0_06a6),
    ("baseline-440", 0x9bfd_86b5_95b0_06a6),
    ("baseline-420", 0x9bfd_86b5_95b0_06a6),
    ("baseline-411", 0x9bfd_86b5_95b0_06a6),
    ("baseline-410", 0x9bfd_86b5_95b0_06a6),
    ("progressive-444", 0x9bfd_86b5_95b0_06a6),
    ("progressive-422", 0x9bfd_86b5_95b0_06a6),
    ("progressive-440", 0x9bfd_86b5_95b0_06a6),
    ("progressive-420", 0x9bfd_86b5_95b0_06a6),
    ("progressive-411", 0x9bfd_86b5_95b0_06a6),
    ("progressive-410", 0x9bfd_86b5_95b0_06a6),
    ("progressive-2x2-1x2", 0x9bfd_86b5_95b0_06a6),
    ("restarts-420", 0x9bfd_86b5_95b0_06a6),
    ("scans-444", 0x9bfd_86b5_95b0_06a6),
    ("scans-422", 0x9bfd_86b5_95b0_06a6),
    ("grey-2x2", 0x9bfd_86b5_95b0_06a6),
    ("progressive-grey", 0x9bfd_86b5_95b0_06a6),
    ("cmyk", 0xa369_f8f8_ecba_6f52),
    ("ycck", 0x3fbb_1ec9_8e35_1da5),
    ("ycck-420", 0x3fbb_1ec9_8e35_1da5),
];

/// The drawing of the fixtures.
fn drawing() -> RgbImage {
    RgbImage::from_fn(45, 37, |x, y| {
        let byte = |value: u32| u8::try_from(value).unwrap();
        if x + y > 66 {
            image::Rgb([40, 70, 180])
        } else if (12..24).contains(&x) && (8..20).contains(&y) {
            image::Rgb([200, 60, 60])
        } else {
            image::Rgb([byte(60 + x * 2), byte(190 - y * 3), byte(90 + x * y / 20)])
        }
    })
}

/// A JPEG with an EXIF segment that states the orientation.
pub(super) fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let exif = [
        b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
        &[orientation, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

#[test]
fn every_variant_shows_the_drawing() {
    let drawing = drawing();
    let luma = expected(&drawing);
    for (name, bytes) in VARIANTS {
        let decoded = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((decoded.width(), decoded.height()), (45, 37), "{name}");
        let differences: Vec<u8> = decoded.pixels().iter().zip(&luma).map(|(a, b)| a.abs_diff(*b)).collect();
        let (largest, mean) = (differences.iter().max().unwrap(), mean(&differences));
        println!("{name}: largest {largest}, mean {mean:.2}");
        assert!(mean < 1.0, "{name}: mean difference {mean}");
        assert!(*largest < 20, "{name}: largest difference {largest}");
    }
}

/// The luma plane alone is what all three colours give, whatever the sampling.
#[test]
fn the_plane_alone_is_the_luma_of_the_colours() {
    for (name, bytes) in VARIANTS {
        if name.contains("cmyk") || name.contains("ycck") {
            continue;
        }
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
        let rgb = JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().unwrap();
        let luma = expected(&RgbImage::from_raw(45, 37, rgb).unwrap());
        let difference = largest_difference(read(bytes).unwrap().pixels(), &luma);
        // Chroma is rounded on its way to RGB and back, and some colours are clipped there.
        assert!(difference <= 8, "{name}: {difference}");
    }
}

/// zune-jpeg picks vector instructions by the processor, and cannot be told not to: these checksums must be the same on all.
#[test]
fn pixels_do_not_depend_on_the_processor() {
    let checksum = |pixels: &[u8]| {
        pixels.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &pixel| {
            (hash ^ u64::from(pixel)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let found: Vec<(&str, u64)> =
        VARIANTS.iter().map(|(name, bytes)| (*name, checksum(read(bytes).unwrap().pixels()))).collect();
    assert_eq!(found, GOLDEN, "{found:#018x?}");
}

#[test]
fn all_eight_orientations() {
    let jpeg = encode(&DynamicImage::from(picture(50, 34)), ImageFormat::Jpeg);
    let plain = read(&jpeg).unwrap();
    for exif in 1..=8 {
        let orientation = image::metadata::Orientation::from_exif(exif).unwrap();
        let mut shown = DynamicImage::from(
            image::GrayImage::from_raw(plain.width(), plain.height(), plain.pixels().to_vec()).unwrap(),
        );
        shown.apply_orientation(orientation);
        let decoded = read(&with_orientation(&jpeg, exif)).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (shown.width(), shown.height()), "EXIF {exif}");
        assert_eq!(decoded.pixels(), shown.as_bytes(), "EXIF {exif}");
    }
    // 0 and 9 mean nothing.
    for exif in [0, 9] {
        assert_eq!(read(&with_orientation(&jpeg, exif)).unwrap().pixels(), plain.pixels());
    }
}

/// What a camera does: the scene is stored turned, and the tag says how to turn it back.
#[test]
fn a_turned_photo_comes_out_like_the_upright_one() {
    let scene = DynamicImage::from(picture(64, 48));
    let upright_luma = expected(&scene.to_rgb8());
    for (exif, stored) in [
        (1, scene.clone()),
        (2, scene.fliph()),
        (3, scene.rotate180()),
        (4, scene.flipv()),
        (5, scene.rotate90().fliph()),
        (6, scene.rotate270()),
        (7, scene.rotate270().fliph()),
        (8, scene.rotate90()),
    ] {
        let decoded = read(&with_orientation(&encode(&stored, ImageFormat::Jpeg), exif)).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (64, 48), "EXIF {exif}");
        let differences: Vec<u8> =
            decoded.pixels().iter().zip(&upright_luma).map(|(a, b)| a.abs_diff(*b)).collect();
        assert!(mean(&differences) < 3.0, "EXIF {exif}: {}", mean(&differences));
    }
}

#[test]
fn every_cut_is_noticed() {
    for (name, bytes) in VARIANTS {
        for end in 3..bytes.len() {
            let reject = read(&bytes[..end]).expect_err(name);
            assert_eq!(reject.outcome_word(), "unreadable", "{name} cut at {end}: {reject}");
            assert_eq!(reject.code(), "truncated", "{name} cut at {end}: {reject}");
        }
        // Bytes after the end, as some cameras write them, do no harm.
        assert!(read(&[bytes, &[0; 40]].concat()).is_ok(), "{name}");
    }
}

#[test]
fn layouts_that_the_decoder_gets_wrong_are_refused() {
    for (name, bytes) in REFUSED {
        assert_eq!(read(bytes).expect_err(name).code(), "unsupported_format", "{name}");
    }
}

#[test]
fn turning_does_not_copy_what_is_upright() {
    let plane = Plane { width: 2, height: 1, pixels: zeroize::Zeroizing::new(vec![1, 2]) };
    let before = plane.pixels.as_ptr();
    let after = upright(plane, image::metadata::Orientation::NoTransforms);
    assert_eq!(before, after.pixels.as_ptr());
}
