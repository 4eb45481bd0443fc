//! Every lossless format and mode, and lossy ones within their loss.

use image::{
    DynamicImage, Frame, GrayAlphaImage, GrayImage, ImageFormat, LumaA, Rgba, Rgba32FImage, RgbaImage,
    codecs::gif::GifEncoder,
};

use super::{encode, expected, largest_difference, picture, read};

const SIDES: (u32, u32) = (37, 23);

fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in name.iter().chain(data) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    [&u32::try_from(data.len()).unwrap().to_be_bytes(), name.as_slice(), data, &(!crc).to_be_bytes()].concat()
}

/// A PNG from packed rows, without compression, with `extra` chunks before the pixels.
pub(super) fn png(
    width: u32,
    height: u32,
    depth: u8,
    colours: u8,
    rows: &[u8],
    extra: &[Vec<u8>],
) -> Vec<u8> {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in rows {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let length = u16::try_from(rows.len()).unwrap();
    let stored = [
        &[0x78, 1, 1],
        length.to_le_bytes().as_slice(),
        &(!length).to_le_bytes(),
        rows,
        &(high << 16 | low).to_be_bytes(),
    ]
    .concat();
    let header = [&width.to_be_bytes(), height.to_be_bytes().as_slice(), &[depth, colours, 0, 0, 0]].concat();
    let mut bytes = [b"\x89PNG\r\n\x1a\n".as_slice(), &chunk(*b"IHDR", &header), &extra.concat()].concat();
    bytes.extend_from_slice(&chunk(*b"IDAT", &stored));
    bytes.extend_from_slice(&chunk(*b"IEND", &[]));
    bytes
}

#[test]
fn lossless_formats_are_exact() {
    let rgb = picture(SIDES.0, SIDES.1);
    let luma = expected(&rgb);
    let rgb8 = DynamicImage::from(rgb);
    let wide = DynamicImage::from(rgb8.to_rgb16());
    let opaque = DynamicImage::from(rgb8.to_rgba8());
    let opaque_wide = DynamicImage::from(rgb8.to_rgba16());
    let float = DynamicImage::from(rgb8.to_rgb32f());
    let cases = [
        ("PNG", &rgb8, ImageFormat::Png),
        ("PNG 16", &wide, ImageFormat::Png),
        ("PNG alpha", &opaque, ImageFormat::Png),
        ("PNG 16 alpha", &opaque_wide, ImageFormat::Png),
        ("WebP", &rgb8, ImageFormat::WebP),
        ("WebP alpha", &opaque, ImageFormat::WebP),
        ("TIFF", &rgb8, ImageFormat::Tiff),
        ("TIFF 16", &wide, ImageFormat::Tiff),
        ("TIFF alpha", &opaque, ImageFormat::Tiff),
        ("TIFF 16 alpha", &opaque_wide, ImageFormat::Tiff),
        ("TIFF float", &float, ImageFormat::Tiff),
        ("BMP", &rgb8, ImageFormat::Bmp),
        ("BMP alpha", &opaque, ImageFormat::Bmp),
    ];
    for (name, image, format) in cases {
        let decoded = read(&encode(image, format)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((decoded.width(), decoded.height()), SIDES, "{name}");
        // 16 bits and floats round once more on their way to 8.
        assert!(largest_difference(decoded.pixels(), &luma) <= 1, "{name}");
        if matches!(image.color(), image::ColorType::Rgb8 | image::ColorType::Rgba8) {
            assert_eq!(decoded.pixels(), luma, "{name}");
        }
    }
}

#[test]
fn grey_is_untouched() {
    let grey = GrayImage::from_fn(SIDES.0, SIDES.1, |x, y| image::Luma([u8::try_from(x * 5 + y).unwrap()]));
    let image = DynamicImage::from(grey.clone());
    let wide = DynamicImage::from(image.to_luma16());
    let alpha = DynamicImage::from(image.to_luma_alpha8());
    let alpha_wide = DynamicImage::from(image.to_luma_alpha16());
    for (image, format) in [
        (&image, ImageFormat::Png),
        (&wide, ImageFormat::Png),
        (&alpha, ImageFormat::Png),
        (&alpha_wide, ImageFormat::Png),
        (&image, ImageFormat::Tiff),
        (&wide, ImageFormat::Tiff),
        (&image, ImageFormat::Bmp),
    ] {
        assert_eq!(
            read(&encode(image, format)).unwrap().pixels(),
            grey.as_raw(),
            "{:?} {format:?}",
            image.color()
        );
    }
}

#[test]
fn transparent_is_white_paper() {
    let clear = RgbaImage::from_pixel(4, 3, Rgba([10, 20, 30, 0]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif]
    {
        let decoded = read(&encode(&DynamicImage::from(clear.clone()), format)).unwrap();
        assert_eq!(decoded.pixels(), [255; 12], "{format:?}");
    }
    let half = GrayAlphaImage::from_pixel(2, 1, LumaA([0, 128]));
    assert_eq!(read(&encode(&DynamicImage::from(half), ImageFormat::Png)).unwrap().pixels(), [127, 127]);
    let float = Rgba32FImage::from_pixel(2, 1, Rgba([0.0, 0.0, 0.0, 0.0]));
    assert_eq!(read(&encode(&DynamicImage::from(float), ImageFormat::Tiff)).unwrap().pixels(), [255, 255]);
}

#[test]
fn png_of_one_two_and_four_bits_and_palettes() {
    // Two rows of two pixels, each row with filter 0.
    let two = |depth, colours, rows: &[u8], extra: &[Vec<u8>]| {
        read(&png(2, 2, depth, colours, rows, extra)).unwrap().pixels().to_vec()
    };
    assert_eq!(two(1, 0, &[0, 0b0100_0000, 0, 0b1000_0000], &[]), [0, 255, 255, 0]);
    assert_eq!(two(2, 0, &[0, 0b0001_0000, 0, 0b1011_0000], &[]), [0, 85, 170, 255]);
    assert_eq!(two(4, 0, &[0, 0x01, 0, 0x8f], &[]), [0, 17, 136, 255]);
    assert_eq!(two(8, 0, &[0, 1, 2, 0, 3, 4], &[]), [1, 2, 3, 4]);
    assert_eq!(two(16, 0, &[0, 0, 128, 0, 129, 0, 255, 255, 1, 1], &[]), [0, 1, 255, 1]);
    let palette = chunk(*b"PLTE", &[255, 0, 0, 0, 255, 0, 0, 0, 255]);
    let rows = [0, 0b0001_0000, 0, 0b1000_0000];
    assert_eq!(two(2, 3, &rows, std::slice::from_ref(&palette)), [76, 150, 29, 76]);
    // The first colour is clear.
    assert_eq!(two(2, 3, &rows, &[palette, chunk(*b"tRNS", &[0])]), [255, 150, 29, 255]);
    // One grey is clear.
    assert_eq!(two(8, 0, &[0, 1, 2, 0, 3, 1], &[chunk(*b"tRNS", &[0, 1])]), [255, 2, 3, 255]);
}

#[test]
fn png_and_tiff_with_an_orientation() {
    let rows = [0, 1, 2, 3, 0, 4, 5, 6];
    // A TIFF header with one entry: tag 0x112, a short, once, 6.
    let exif = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0".as_slice(), &[0; 4]].concat();
    let turned = read(&png(3, 2, 8, 0, &rows, &[chunk(*b"eXIf", &exif)])).unwrap();
    assert_eq!((turned.width(), turned.height(), turned.pixels()), (2, 3, [4, 1, 5, 2, 6, 3].as_slice()));

    // A broken chunk of metadata costs the orientation only.
    let plain = read(&png(3, 2, 8, 0, &rows, &[chunk(*b"eXIf", b"MM\0\x2a\xff\xff\xff\xff")])).unwrap();
    assert_eq!(plain.pixels(), [1, 2, 3, 4, 5, 6]);

    let entry = |tag: u8, value: u8| [tag, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0];
    let mut tiff = b"II\x2a\0\x08\0\0\0\x08\0".to_vec();
    for (tag, value) in [(0, 3), (1, 2), (2, 8), (3, 1), (6, 1), (0x11, 110), (0x12, 6), (0x17, 6)] {
        tiff.extend_from_slice(&entry(tag, value));
    }
    tiff.extend_from_slice(&[0; 4]);
    tiff.extend_from_slice(&[1, 2, 3, 4, 5, 6]);
    let turned = read(&tiff).unwrap();
    assert_eq!((turned.width(), turned.height(), turned.pixels()), (2, 3, [4, 1, 5, 2, 6, 3].as_slice()));
}

#[test]
fn the_first_frame_of_an_animation() {
    let mut bytes = Vec::new();
    {
        let mut encoder = GifEncoder::new(&mut bytes);
        for grey in [40, 200] {
            let frame = RgbaImage::from_pixel(5, 4, Rgba([grey, grey, grey, 255]));
            encoder.encode_frame(Frame::new(frame)).unwrap();
        }
    }
    assert_eq!(read(&bytes).unwrap().pixels(), [40; 20]);
}

#[test]
fn the_name_of_a_file_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, encode(&DynamicImage::from(picture(8, 8)), ImageFormat::Png)).unwrap();
    let file = crate::read_bounded(&path, &crate::Limits::default()).unwrap();
    assert_eq!(read(file.bytes()).unwrap().width(), 8);
}
