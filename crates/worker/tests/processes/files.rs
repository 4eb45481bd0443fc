//! Files to decode.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

/// A picture with some structure.
pub(crate) fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        image::Rgb([byte(x * 3 + y), byte(y * 5), byte(x * y / 7)])
    })
}

pub(crate) fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture(97, 64)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg() -> Vec<u8> {
    encoded(ImageFormat::Jpeg)
}

/// A tape archive.
pub(crate) fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in entries {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// A PDF of pages with a line each, and a JPEG and a bare image on the first.
pub(crate) fn pdf(pages: usize) -> Vec<u8> {
    let jpeg = jpeg();
    let bare: Vec<u8> = picture(80, 70).into_raw();
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", 10 + 2 * page)).collect();
    let mut objects: Vec<(usize, Vec<u8>)> = vec![
        (1, b"<< /Type /Catalog /Pages 2 0 R >>".to_vec()),
        (2, format!("<< /Type /Pages /Count {pages} /Kids [{}] >>", kids.join(" ")).into_bytes()),
        (3, image_object("/Width 97 /Height 64 /Filter /DCTDecode", &jpeg)),
        (4, image_object("/Width 80 /Height 70", &bare)),
    ];
    for page in 0..pages {
        let images =
            if page == 0 { "/Resources << /XObject << /A 3 0 R /B 4 0 R >> >>" } else { "/Resources << >>" };
        let at = 10 + 2 * page;
        let dict = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 120] {images} /Contents {} 0 R >>",
            at + 1
        );
        let drawn =
            if page == 0 { "q 100 0 0 60 10 10 cm /A Do Q q 50 0 0 50 120 10 cm /B Do Q" } else { "" };
        let content = format!("{drawn} 4 w {} 5 m {} 110 l S", 10 + page, 190 - page);
        objects.push((at, dict.into_bytes()));
        objects.push((at + 1, stream("", content.as_bytes())));
    }
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in &objects {
        places.push((*number, file.len()));
        file.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let table = file.len();
    file.extend_from_slice(b"xref\n0 1\n0000000000 65535 f \n");
    for (number, place) in places {
        file.extend_from_slice(format!("{number} 1\n{place:010} 00000 n \n").as_bytes());
    }
    let size = 10 + 2 * pages;
    file.extend_from_slice(
        format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes(),
    );
    file
}

fn image_object(dict: &str, bytes: &[u8]) -> Vec<u8> {
    stream(
        &format!("/Type /XObject /Subtype /Image /ColorSpace /DeviceRGB /BitsPerComponent 8 {dict}"),
        bytes,
    )
}

fn stream(dict: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("<< {dict} /Length {} >>\nstream\n", bytes.len());
    [head.as_bytes(), bytes, b"\nendstream"].concat()
}
