//! HEIC and AVIF that another program made (`heif-enc` of libheif), whole, turned, damaged and lying.

use std::{fs, process::Command};

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use super::{encode, expected, largest_difference, picture, read};
use crate::{Heif, Limits, Refusal, Reject, decode};

const SIDES: (u32, u32) = (320, 240);

/// `image` as `heif-enc` writes it, or `None` with a note.
fn written(image: &DynamicImage, name: &str, options: &[&str]) -> Option<Vec<u8>> {
    Heif::load().allow();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.png"), encode(image, ImageFormat::Png)).unwrap();
    let ran = Command::new("heif-enc")
        .args(options)
        .args(["in.png", "-o", name])
        .current_dir(folder.path())
        .output();
    let made = ran.is_ok_and(|ran| ran.status.success());
    let bytes = made.then(|| fs::read(folder.path().join(name)).ok()).flatten();
    if bytes.is_none() {
        println!("skipped: no heif-enc here that makes {name} with {options:?}");
    }
    bytes
}

/// The picture of these tests in both formats.
fn both() -> Vec<Vec<u8>> {
    let image = DynamicImage::from(picture(SIDES.0, SIDES.1));
    ["a.heic", "a.avif"].iter().filter_map(|name| written(&image, name, &["-q", "90"])).collect()
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

/// Where the box with this name begins.
fn find(bytes: &[u8], name: [u8; 4]) -> usize {
    bytes.windows(4).position(|window| *window == name).unwrap() - 4
}

/// The file with another property instead of the one that tells its depths, which is the last that it has.
fn with_property(bytes: &[u8], name: [u8; 4], value: u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = find(bytes, *b"pixi");
    changed[at + 4..at + 8].copy_from_slice(&name);
    changed[at + 8] = value;
    changed
}

/// The file with other sides in its header; the coded data keep theirs.
fn with_sides(bytes: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = find(bytes, *b"ispe") + 12;
    changed[at..at + 8].copy_from_slice(&[width.to_be_bytes(), height.to_be_bytes()].concat());
    changed
}

#[test]
fn they_show_what_the_png_shows() {
    let rgb = DynamicImage::from(picture(SIDES.0, SIDES.1));
    let odd = DynamicImage::from(picture(321, 241));
    let grey = DynamicImage::from(rgb.to_luma8());
    let wide = DynamicImage::from(rgb.to_rgb16());
    let half =
        RgbaImage::from_fn(SIDES.0, SIDES.1, |x, _| Rgba([40, 90, 160, if x < 160 { 0 } else { 128 }]));
    let half = DynamicImage::from(half);
    for (what, image, options) in [
        ("colour", &rgb, ["-q", "90"].as_slice()),
        ("odd sides", &odd, &["-q", "90"]),
        ("grey", &grey, &["-q", "90"]),
        ("10 bits", &wide, &["-q", "90", "-b", "10"]),
        ("transparent", &half, &["-q", "90"]),
        ("limited range", &rgb, &["-q", "90", "--full_range_flag=0"]),
        ("other weights", &rgb, &["-q", "90", "--matrix_coefficients=1"]),
        ("all colours", &rgb, &["-q", "90", "-p", "chroma=444"]),
        ("lossless", &rgb, &["-L", "-p", "chroma=444", "--matrix_coefficients=0"]),
    ] {
        for name in ["a.heic", "a.avif"] {
            let Some(bytes) = written(image, name, options) else { continue };
            let decoded = read(&bytes).unwrap_or_else(|error| panic!("{what}, {name}: {error}"));
            let wanted = read(&encode(image, ImageFormat::Png)).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (wanted.width(), wanted.height()), "{what}");
            let (mean, largest) = (
                mean_difference(decoded.pixels(), wanted.pixels()),
                largest_difference(decoded.pixels(), wanted.pixels()),
            );
            println!("{what}, {name}: {mean:.2} on average, {largest} at most");
            assert!(mean < 1.5, "{what}, {name}");
            assert!(what != "lossless" || largest <= 1, "{name}");
        }
    }
}

#[test]
fn they_are_turned_and_mirrored_as_they_say() {
    let upright = DynamicImage::from(picture(SIDES.0, SIDES.1));
    for bytes in both() {
        // `irot` turns against the clock; an axis of 0 is the upright one in the library's reading of `imir`.
        for (name, value, wanted) in [
            (*b"irot", 0, upright.clone()),
            (*b"irot", 1, upright.rotate270()),
            (*b"irot", 2, upright.rotate180()),
            (*b"irot", 3, upright.rotate90()),
            (*b"imir", 0, upright.flipv()),
            (*b"imir", 1, upright.fliph()),
        ] {
            let decoded = read(&with_property(&bytes, name, value)).unwrap();
            let wanted = wanted.to_rgb8();
            assert_eq!((decoded.width(), decoded.height()), wanted.dimensions());
            let mean = mean_difference(decoded.pixels(), &expected(&wanted));
            assert!(mean < 1.5, "{} {value}: {mean}", name.escape_ascii());
        }
    }
}

#[test]
fn a_size_that_is_claimed_is_refused_before_decoding() {
    for bytes in both() {
        let code = |width, height, limits: &Limits| {
            let reject = decode(&with_sides(&bytes, width, height), limits).unwrap_err();
            (reject.outcome_word(), reject.code())
        };
        let usual = Limits::default();
        assert_eq!(code(20_001, 1, &usual), ("refused", "side_too_long"));
        // The library has limits of its own, and looks first.
        assert_eq!(code(u32::MAX, u32::MAX, &usual), ("unreadable", "malformed"));
        assert_eq!(code(20_000, 20_000, &usual), ("refused", "too_many_pixels"));
        assert_eq!(code(10_000, 9_000, &usual), ("refused", "too_much_memory"));
        assert_eq!(code(0, 10, &usual), ("unreadable", "malformed"));
        let few = Limits { pixels: 100, ..usual };
        let pixels = u64::from(SIDES.0 * SIDES.1);
        let reject = decode(&bytes, &few).unwrap_err();
        assert_eq!(reject, Refusal::TooManyPixels { pixels, allowed: 100 }.into());
        // Turned on its side it is as large as before; what it is coded as counts too.
        let side = Limits { side: 300, ..usual };
        assert_eq!(decode(&with_property(&bytes, *b"irot", 1), &side).unwrap_err().code(), "side_too_long");
    }
}

#[test]
fn coded_data_that_are_larger_than_their_header_says() {
    for bytes in both() {
        // What it is called is libheif's choice; pixels beyond the limits are not.
        let limits = Limits { pixels: 10_000, ..Limits::default() };
        let small = with_sides(&bytes, 64, 64);
        match decode(&small, &limits) {
            Ok(image) => assert!(image.pixels().len() <= 10_000),
            Err(reject) => println!("{reject}"),
        }
    }
}

#[test]
fn what_is_cut_off_is_told() {
    for bytes in both() {
        let media = find(&bytes, *b"mdat");
        for length in [bytes.len() - 1, bytes.len() / 2, media + 8, media - 20, 40, 12] {
            let reject = decode(&bytes[..length], &Limits::default()).unwrap_err();
            println!("{length}: {reject}");
            assert_eq!(reject.outcome_word(), "unreadable", "{length}: {reject}");
            assert!(length < media || reject.code() == "truncated", "{length}: {reject}");
        }
    }
}

#[test]
fn damage_is_a_reject_or_a_picture_and_never_more() {
    for bytes in both() {
        let mut state = 7_u32;
        let mut pictures = 0;
        for round in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..=round % 4 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Every other time in the header, which is where sizes are.
                let within = if round % 2 == 0 { find(&bytes, *b"mdat") } else { bytes.len() };
                let at = 12 + (state >> 8) as usize % (within - 12);
                damaged[at] ^= (state >> 3).to_le_bytes()[0] | 1;
            }
            match decode(&damaged, &Limits { pixels: 1_000_000, ..Limits::default() }) {
                Ok(image) => {
                    assert!(image.pixels().len() <= 1_000_000);
                    pictures += 1;
                }
                Err(Reject::Unreadable(_) | Reject::Refused(_)) => {}
            }
        }
        println!("{pictures} of 300 damaged files still show something");
    }
}

/// A box of the format.
fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [size.to_be_bytes().as_slice(), &name, content].concat()
}

/// The box with this name, as the file has it.
fn property(bytes: &[u8], name: [u8; 4]) -> &[u8] {
    let at = find(bytes, name);
    let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    &bytes[at..][..size as usize]
}

/// Four times the picture of a HEIC as the tiles of one, which is how phones write large ones.
fn tiled(tile: &[u8], width: u16, height: u16) -> Vec<u8> {
    let data = &property(tile, *b"mdat")[8..];
    let sides = [u32::from(width).to_be_bytes(), u32::from(height).to_be_bytes()].concat();
    let properties = [
        property(tile, *b"hvcC"),
        property(tile, *b"ispe"),
        &boxed(*b"ispe", &[&[0; 4], sides.as_slice()].concat()),
    ];
    let item = |id: u8, kind: &[u8; 4]| {
        boxed(*b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], kind.as_slice(), &[0]].concat())
    };
    let grid = [&[0, 0, 1, 1], width.to_be_bytes().as_slice(), &height.to_be_bytes()].concat();
    let file = |media_at: u32| {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        // Item 1 lies in the media data, item 2 in the box `idat`.
        let places = [
            &[1, 0, 0, 0, 0x44, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1],
            media_at.to_be_bytes().as_slice(),
            &length,
            &[0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8],
        ]
        .concat();
        let tiles = boxed(*b"dimg", &[0, 2, 0, 4, 0, 1, 0, 1, 0, 1, 0, 1]);
        let owners = [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 2, 0x81, 2, 0, 2, 1, 3];
        let meta = [
            vec![0; 4],
            property(tile, *b"hdlr").to_vec(),
            boxed(*b"pitm", &[0, 0, 0, 0, 0, 2]),
            boxed(*b"iloc", &places),
            boxed(*b"iinf", &[&[0, 0, 0, 0, 0, 2], item(1, b"hvc1").as_slice(), &item(2, b"grid")].concat()),
            boxed(*b"iref", &[[0; 4].as_slice(), &tiles].concat()),
            boxed(*b"iprp", &[boxed(*b"ipco", &properties.concat()), boxed(*b"ipma", &owners)].concat()),
            boxed(*b"idat", &grid),
        ]
        .concat();
        [property(tile, *b"ftyp"), &boxed(*b"meta", &meta), &boxed(*b"mdat", data)].concat()
    };
    let media = find(&file(0), *b"mdat") + 8;
    file(u32::try_from(media).unwrap())
}

#[test]
fn tiles_are_put_together() {
    let image = DynamicImage::from(picture(256, 192));
    let Some(tile) = written(&image, "a.heic", &["-q", "90"]) else { return };
    let whole = read(&tiled(&tile, 512, 384)).unwrap();
    let tile = read(&tile).unwrap();
    assert_eq!((whole.width(), whole.height()), (512, 384));
    for (at, row) in whole.pixels().chunks(512).enumerate() {
        let wanted = &tile.pixels()[at % 192 * 256..][..256];
        assert!(row[..256] == *wanted && row[256..] == *wanted, "row {at}");
    }
}

#[test]
fn tiles_that_are_not_there_and_sides_that_none_have() {
    let image = DynamicImage::from(picture(256, 192));
    let Some(tile) = written(&image, "a.heic", &["-q", "90"]) else { return };
    for (width, height) in [(u16::MAX, u16::MAX), (512, 20_001)] {
        let reject = decode(&tiled(&tile, width, height), &Limits::default()).unwrap_err();
        println!("{width} x {height}: {reject}");
    }
    let mut fewer = tiled(&tile, 512, 384);
    let at = find(&fewer, *b"dimg");
    fewer[at + 19] = 9;
    let reject = decode(&fewer, &Limits::default()).unwrap_err();
    assert_eq!(reject.outcome_word(), "unreadable", "{reject}");
}
