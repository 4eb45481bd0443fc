//! Archives: ZIP, tar, gzip, Zstandard, xz and 7-Zip.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder, write::GzEncoder};
use image::ImageFormat;

use crate::{image as images, parts};

pub(crate) const WORDS: &[&[u8]] = &[
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"PK\x07\x08",
    b"\x01\0\x1c\0",
    b"../",
    b"/",
    b"ustar\0\x0000",
    b"ustar  \0",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"%PDF-",
    b"0000644\0",
    b"00000000000\0",
    b"LongLink",
    b"path=",
    b"size=",
    b"__MACOSX/",
];

pub(crate) fn check(bytes: &[u8]) {
    parts::check(bytes, false);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let png = images::encode(&images::picture(6, 5), ImageFormat::Png);
    let stored = zip(&[("a.png", &png, false), ("folder/b.txt", b"no image", false)]);
    let deflated = zip(&[("a.png", &png, true), ("a.png", &png, true), ("zeros", &[0; 4096], true)]);
    let tape = tar(&[("a.png", &png), ("folder/b.png", &png)]);
    let nested = zip(&[("inner.zip", &stored, true), ("inner.tar", &tape, true)]);
    vec![gzip(&tape), gzip(&png), stored, deflated, tape, nested, zip(&[])]
}

/// A ZIP archive; the flag of an entry says whether it is deflated.
pub(crate) fn zip(entries: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content, deflate) in entries {
        let data = if *deflate { deflated(content) } else { content.to_vec() };
        let mut crc = Crc::new();
        crc.update(content);
        let mut fields = vec![20, 0, 0, 0, u8::from(*deflate) * 8, 0, 0, 0, 0x21, 0];
        fields.extend(crc.sum().to_le_bytes());
        fields.extend(small(data.len()).to_le_bytes());
        fields.extend(small(content.len()).to_le_bytes());
        fields.extend(&small(name.len()).to_le_bytes()[..2]);
        fields.extend([0, 0]);
        let offset = small(file.len());
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&fields);
        file.extend(name.as_bytes());
        file.extend(data);
    }
    let (start, count) = (small(file.len()), small(entries.len()).to_le_bytes());
    let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
    end.extend([count[0], count[1], count[0], count[1]]);
    end.extend(small(directory.len()).to_le_bytes());
    end.extend(start.to_le_bytes());
    end.extend([0, 0]);
    [file, directory, end].concat()
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("seeds are small")
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory takes it")
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory takes it")
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, content) in entries {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        file.extend(header);
        file.extend_from_slice(content);
        file.resize(file.len().next_multiple_of(512), 0);
    }
    file.resize(file.len() + 1024, 0);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_hold_images() {
        let counts: Vec<_> = seeds().iter().map(|seed| parts::images(seed, false)).collect();
        assert_eq!(counts, [2, 1, 1, 2, 2, 3, 0]);
    }
}
