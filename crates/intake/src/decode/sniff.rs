//! What a file is, by its first bytes.

use crate::{Refusal, Reject, Unreadable};

/// The formats that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JPEG: baseline, extended sequential or progressive, Huffman-coded.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless.
    WebP,
    /// TIFF, with offsets of 32 or 64 bits.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// GIF.
    Gif,
    /// HEIC, and other HEIF that is not AVIF.
    #[cfg(feature = "heif")]
    Heic,
    /// AVIF.
    #[cfg(feature = "heif")]
    Avif,
}

impl Format {
    /// The format of `bytes` by its signature; the rest of the bytes may be anything.
    ///
    /// # Errors
    /// A [`Reject`] where the signature is that of a format which is not supported, or none that is known.
    pub fn sniff(bytes: &[u8]) -> Result<Self, Reject> {
        sniff(bytes)
    }

    /// Whether its decoder is native code that is not memory-safe. Its first bytes say so, and [`decode`](crate::decode) goes by the
    /// same.
    #[cfg(feature = "heif")]
    #[must_use]
    pub fn is_native(self) -> bool {
        matches!(self, Self::Heic | Self::Avif)
    }

    /// The name of the format, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            #[cfg(feature = "heif")]
            Self::Heic => "HEIC",
            #[cfg(feature = "heif")]
            Self::Avif => "AVIF",
        }
    }
}

/// Where the header of a PDF may start: readers tolerate leading bytes up to here.
const PDF_HEADER_WITHIN: usize = 1024;

/// Signatures at the start of archives, which are no image but hold some.
const ARCHIVES: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "ZIP archive"),
    (b"PK\x05\x06", "ZIP archive"),
    (b"PK\x07\x08", "ZIP archive"),
    (b"\x1f\x8b\x08", "gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"\xfd7zXZ\x00", "xz archive"),
    (b"\x28\xb5\x2f\xfd", "Zstandard archive"),
];

/// What is said of them beside their name.
const HOLDS_FILES: &str = "it holds files, which `for_each_part` hands out";

/// Signatures at the start of formats that are known and not supported.
const UNSUPPORTED: &[(&[u8], &str)] = &[
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"8BPS", "Photoshop document"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Microsoft Office document"),
    (b"AT&TFORM", "DjVu"),
    (b"%!PS", "PostScript"),
];

/// Sizes that the header of a bitmap may state for itself. `BM` alone is also how a sentence may begin.
const BMP_HEADER_SIZES: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];

pub(super) fn sniff(bytes: &[u8]) -> Result<Format, Reject> {
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Format::Png);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Ok(Format::WebP);
    }
    if [b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", b"MM\0\x2b"].iter().any(|magic| bytes.starts_with(*magic)) {
        return Ok(Format::Tiff);
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Ok(Format::Gif);
    }
    if bytes.starts_with(b"BM") && is_bmp(bytes) {
        return Ok(Format::Bmp);
    }
    if let Some((_, format)) = ARCHIVES.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Refusal::unsupported(format, HOLDS_FILES).into());
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Err(Refusal::unsupported("tar archive", HOLDS_FILES).into());
    }
    match unsupported(bytes) {
        Some(name @ ("HEIC" | "AVIF")) => phone_photo(name),
        Some(name) => Err(Refusal::unsupported(name, "").into()),
        None => Err(Unreadable::NotAnImage.into()),
    }
}

#[cfg(feature = "heif")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it is an error")]
fn phone_photo(name: &str) -> Result<Format, Reject> {
    Ok(if name == Format::Avif.name() { Format::Avif } else { Format::Heic })
}

/// There is no decoder of theirs in plain Rust.
#[cfg(not(feature = "heif"))]
fn phone_photo(name: &'static str) -> Result<Format, Reject> {
    Err(Refusal::unsupported(name, NOT_BUILT_IN).into())
}

/// What is said of formats of phones.
#[cfg(not(feature = "heif"))]
const NOT_BUILT_IN: &str = "support for it is not built in; convert it to JPEG or PNG first";

fn is_bmp(bytes: &[u8]) -> bool {
    let size = bytes.get(14..18).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    size.is_some_and(|size| BMP_HEADER_SIZES.contains(&size))
}

fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    if let Some((_, name)) = UNSUPPORTED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(iso_media(bytes));
    }
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    if head.windows(5).any(|window| window == b"%PDF-") {
        return Some("PDF");
    }
    let start = head.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let is_xml = start.starts_with(b"<?xml") || start.starts_with(b"<!--");
    if start.starts_with(b"<svg") || (is_xml && head.windows(4).any(|window| window == b"<svg")) {
        return Some("SVG");
    }
    None
}

/// The name of an ISO base media file by its brands, the major one first.
fn iso_media(bytes: &[u8]) -> &'static str {
    let size = bytes.get(..4).and_then(|size| size.try_into().ok()).map_or(0, u32::from_be_bytes);
    let end = usize::try_from(size).unwrap_or(usize::MAX).clamp(12, 256).min(bytes.len());
    let brands = bytes.get(8..end).unwrap_or_default().chunks_exact(4);
    for brand in brands {
        match brand {
            b"avif" | b"avis" => return "AVIF",
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => return "HEIC",
            _ => {}
        }
    }
    "MP4 video"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_not_supported_is_named() {
        for (bytes, name) in [
            (b"%PDF-1.7".as_slice(), "PDF"),
            (b"\n\n junk %PDF-1.4", "PDF"),
            (b"Rar!\x1a\x07\x01\x00", "RAR archive"),
            (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "MP4 video"),
            (b"\0\0\0\x18ftyp", "MP4 video"),
            (b"<?xml version='1.0'?><svg/>", "SVG"),
            (b"\xff\x0aJXL", "JPEG XL"),
        ] {
            assert_eq!(sniff(bytes), Err(Refusal::unsupported(name, "").into()));
        }
    }

    /// The first bytes of photos as phones write them.
    const PHONE_PHOTOS: [(&[u8], &str); 3] = [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
    ];

    #[cfg(not(feature = "heif"))]
    #[test]
    fn photos_of_phones_are_refused_by_name() {
        for (bytes, name) in PHONE_PHOTOS {
            let reject = sniff(bytes).unwrap_err();
            assert_eq!(reject, Refusal::unsupported(name, NOT_BUILT_IN).into());
            assert_eq!((reject.outcome_word(), reject.code()), ("refused", "unsupported_format"));
            assert!(reject.to_string().ends_with("convert it to JPEG or PNG first"), "{reject}");
        }
    }

    #[cfg(feature = "heif")]
    #[test]
    fn photos_of_phones_are_told_apart() {
        for (bytes, name) in PHONE_PHOTOS {
            assert_eq!(sniff(bytes).map(Format::name), Ok(name));
        }
    }

    #[test]
    fn archives_are_left_to_the_walk_of_parts() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, name) in [(b"PK\x03\x04rest".as_slice(), "ZIP archive"), (&tar, "tar archive")] {
            let reject = sniff(bytes).unwrap_err();
            let text = "is recognised but not supported: it holds files, which `for_each_part` hands out";
            assert_eq!(reject.to_string(), format!("{name} {text}"));
        }
    }

    #[test]
    fn everything_else_is_no_image() {
        for bytes in [
            b"".as_slice(),
            b"B",
            b"BMW drivers licence",
            b"BM",
            b"RIFF\0\0\0\0WAVE",
            b"<?xml version='1.0'?><html/>",
            b"hello",
            &[0; 64],
        ] {
            assert_eq!(sniff(bytes), Err(Unreadable::NotAnImage.into()));
        }
    }
}
