//! Documents: PDFs and TIFFs of several pages, with every page and image drawn.

use image::ImageFormat;

use crate::{archive, image as images, parts};

pub(crate) const WORDS: &[&[u8]] = &[
    b" 0 obj",
    b"endobj",
    b"stream\n",
    b"endstream",
    b"xref",
    b"trailer",
    b"startxref",
    b"%%EOF",
    b"/Type",
    b"/Page",
    b"/Pages",
    b"/Kids",
    b"/Count",
    b"/Parent",
    b"/MediaBox",
    b"/Resources",
    b"/Contents",
    b"/XObject",
    b"/Subtype",
    b"/Image",
    b"/Form",
    b"/Width",
    b"/Height",
    b"/BitsPerComponent",
    b"/ColorSpace",
    b"/DeviceRGB",
    b"/DeviceGray",
    b"/Indexed",
    b"/ICCBased",
    b"/Filter",
    b"/FlateDecode",
    b"/DCTDecode",
    b"/LZWDecode",
    b"/CCITTFaxDecode",
    b"/JBIG2Decode",
    b"/JPXDecode",
    b"/RunLengthDecode",
    b"/ASCIIHexDecode",
    b"/ASCII85Decode",
    b"/DecodeParms",
    b"/Predictor 15",
    b"/Length",
    b"/SMask",
    b"/ImageMask true",
    b"/Pattern",
    b"/Shading",
    b"/Encrypt",
    b"/ObjStm",
    b"/XRef",
    b"/Rotate 90",
    b"/UserUnit 100",
    b"<<",
    b">>",
    b" 0 R",
    b" Do\n",
    b" cm\n",
    b"q ",
    b"Q ",
    b"BT ",
    b"ET ",
    b"/F1 9 Tf",
    b"(text) Tj",
    b"BI /W 2 /H 2 /BPC 8 /CS /G ID abcd EI",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
];

pub(crate) fn check(bytes: &[u8]) {
    parts::check(bytes, true);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    // Smaller ones are taken for decoration and passed over.
    let jpeg = images::encode(&images::picture(64, 64), ImageFormat::Jpeg);
    let bits = "A5".repeat(64 * 8) + ">";
    let scan = pdf(&[
        object(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 30] /Resources << /XObject << /I 4 0 R >> >> /Contents 5 0 R >>",
        ),
        stream(
            "/Type /XObject /Subtype /Image /Width 64 /Height 64 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode",
            &jpeg,
        ),
        stream("", b"q 300 0 0 30 0 0 cm /I Do Q"),
    ]);
    let drawn = pdf(&[
        object(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 30 300] /Contents 6 0 R /Resources << /Font << /F1 4 0 R >> /XObject << /X 5 0 R /I 7 0 R >> >> >>",
        ),
        object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"),
        stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", b"1 0 0 RG 2 w 1 1 m 8 8 l S"),
        stream("", b"BT /F1 9 Tf 5 20 Td (Saltprint) Tj ET q 3 0 0 3 1 1 cm /X Do Q 0.5 g 5 5 9 9 re f q 9 0 0 9 30 30 cm /I Do Q"),
        stream(
            "/Type /XObject /Subtype /Image /Width 64 /Height 64 /ColorSpace [/Indexed /DeviceRGB 1 <000000FFFFFF>] /BitsPerComponent 1 /Filter /ASCIIHexDecode",
            bits.as_bytes(),
        ),
    ]);
    let pages = [tiff(*b"II", 2), tiff(*b"MM", 3)];
    let archive = archive::zip(&[("scan.pdf", &scan, true), ("pages.tif", &pages[0], true)]);
    vec![scan, drawn, pages[0].clone(), pages[1].clone(), archive]
}

fn object(body: &str) -> Vec<u8> {
    body.as_bytes().to_vec()
}

fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<< {entries} /Length {} >>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

/// A PDF of one page, which is object 3, the first of `objects`.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    let fixed = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>"];
    let all: Vec<_> = fixed.into_iter().map(object).chain(objects.iter().cloned()).collect();
    for (number, body) in (1..).zip(&all) {
        table += &format!("{:010} 00000 n \n", file.len());
        file.extend(format!("{number} 0 obj\n").as_bytes());
        file.extend(body);
        file.extend(b"\nendobj\n");
    }
    let (start, count) = (file.len(), all.len() + 1);
    let end = format!(
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.extend(end.as_bytes());
    file
}

/// A TIFF of pages of 8 x 2 gray pixels, in the order of bytes that `order` names.
fn tiff(order: [u8; 2], pages: u32) -> Vec<u8> {
    let little = order == *b"II";
    let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    // The samples of all pages lie behind the header.
    let mut file =
        [order.as_slice(), &short(42), &long(24), &[0, 60, 90, 120, 150, 180, 210, 240].repeat(2)].concat();
    for page in 1..=pages {
        let entries =
            [(256, 8), (257, 2), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 2), (279, 16)];
        file.extend(short(9));
        for (tag, value) in entries {
            file.extend([short(tag), short(4)].concat());
            file.extend([long(1), long(value)].concat());
        }
        let next = u32::try_from(file.len() + 4).unwrap_or_default();
        file.extend(long(if page == pages { 0 } else { next }));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_hold_pages_and_images() {
        let counts: Vec<_> = seeds().iter().map(|seed| parts::images(seed, true)).collect();
        // The pages, the two images on them, and all of it again in an archive.
        assert_eq!(counts, [2, 2, 2, 3, 4]);
    }
}
