//! How much the streams of a PDF unpack to, before a parser that keeps them whole is let loose on it.
//!
//! The parser holds every object stream and the content of every page that it has unpacked until the document is dropped, so
//! that what counts is their sum. Images are unpacked one at a time and dropped; a scan of a hundred pages may hold
//! many times what a decode may, and for them each alone counts.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use flate2::bufread::{DeflateDecoder, ZlibDecoder};
use hayro::hayro_syntax::{
    Pdf,
    object::{Array, Stream, dict::keys},
};

use super::NAME;
use crate::{Refusal, Reject, parts::walk::Walk};

/// Most bytes that one byte of a deflated stream can unpack to.
const MOST_RATIO: u64 = 1_032;

/// How far before its stream a dictionary is looked for, in bytes. Those of object streams and images have some hundred.
const DICTIONARY: usize = 4096;

/// Checks that the deflated streams of the document, those of images left out, unpack to no more than one decode may hold
/// together, and counts them for the walk; and that no image does so alone. Gives the bytes that the parser may come to keep.
///
/// The file is searched for streams, so a table that hides one does not help it. A stream that says it is an image is
/// taken for one, unless it says as well that it holds objects. What is packed otherwise, packed twice or encrypted is not
/// seen.
pub(super) fn check(bytes: &[u8], walk: &mut Walk<'_>) -> Result<u64, Reject> {
    let limits = *walk.limits;
    let allowed = limits.decode_bytes;
    let mut kept = 0_u64;
    let mut rest = bytes;
    while let Some(at) = find(rest, b"stream") {
        let (before, found) = rest.split_at(at);
        rest = &found[b"stream".len()..];
        let start = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.strip_prefix(b"\n"))
            .or_else(|| rest.strip_prefix(b"\r"));
        let Some(data) = start.filter(|_| !before.ends_with(b"end")) else { continue };
        let dictionary = dictionary(before);
        let Some(packing) = Packing::of(data, dictionary) else { continue };
        let length = find(data, b"endstream").unwrap_or(data.len());
        let alone = is_image(dictionary);
        if !alone || (length as u64).saturating_mul(MOST_RATIO) > allowed {
            walk.check_time(NAME)?;
            let unpacked = packing.unpacked(data, allowed);
            let together = if alone { unpacked } else { kept.saturating_add(unpacked) };
            if together > allowed {
                return Err(Refusal::TooMuchMemory { bytes: together, allowed }.into());
            }
            if !alone {
                walk.count_unpacked(NAME, unpacked)?;
                kept = together;
            }
        }
        rest = &data[length..];
    }
    Ok(kept)
}

/// Checks what the parser comes to keep of the content of the first `pages` pages: each page has its own copy, of streams
/// that others share and that it names itself more than once.
pub(super) fn check_contents(pdf: &Pdf, pages: u64, allowed: u64) -> Result<(), Refusal> {
    let mut sizes = HashMap::new();
    let mut bytes = 0_u64;
    let most = usize::try_from(pages).unwrap_or(usize::MAX);
    for page in pdf.pages().iter().take(most) {
        let contents = page.raw().get::<Array<'_>>(keys::CONTENTS);
        let streams = contents.iter().flat_map(Array::iter::<Stream<'_>>);
        for stream in streams.chain(page.raw().get::<Stream<'_>>(keys::CONTENTS)) {
            let size = *sizes
                .entry(stream.obj_id())
                .or_insert_with(|| stream.decoded_data().map_or(0, |data| data.len() as u64));
            bytes = bytes.saturating_add(size);
            if bytes > allowed {
                return Err(Refusal::TooMuchMemory { bytes, allowed });
            }
        }
    }
    Ok(())
}

/// How a deflated stream begins.
#[derive(Clone, Copy)]
enum Packing {
    Zlib,
    /// Without the header that belongs there; the parser takes it as well.
    Bare,
}

impl Packing {
    fn of(data: &[u8], dictionary: &[u8]) -> Option<Self> {
        if is_zlib(data) {
            return Some(Self::Zlib);
        }
        // Short for `/FlateDecode`, and how that begins.
        find(dictionary, b"/Fl").is_some().then_some(Self::Bare)
    }

    /// Bytes that come out, up to one more than `allowed`. Where the stream ends is up to itself, since the mark of its end may
    /// lie in it. Damage ends the count: a decoder that goes on after it makes little of it.
    fn unpacked(self, data: &[u8], allowed: u64) -> u64 {
        let most = allowed.saturating_add(1);
        match self {
            Self::Zlib => count(ZlibDecoder::new(data), most),
            Self::Bare => count(DeflateDecoder::new(data), most),
        }
    }
}

fn count(decoder: impl Read, most: u64) -> u64 {
    let mut decoder = decoder.take(most);
    io::copy(&mut decoder, &mut io::sink()).unwrap_or_else(|_| most - decoder.limit())
}

/// The dictionary that ends `before`: what follows the last `obj`, at most [`DICTIONARY`] bytes.
fn dictionary(before: &[u8]) -> &[u8] {
    let near = &before[before.len().saturating_sub(DICTIONARY)..];
    let start = near.windows(4).rposition(|bytes| bytes[0].is_ascii_whitespace() && &bytes[1..] == b"obj");
    near.get(start.map_or(0, |start| start + 4)..).unwrap_or_default()
}

/// Whether the dictionary is that of an image, in plain words, and says nothing of objects in the stream.
fn is_image(dictionary: &[u8]) -> bool {
    let says = |name: &[u8]| {
        let mut rest = dictionary;
        while let Some(at) = find(rest, name) {
            rest = &rest[at + name.len()..];
            if !rest.first().is_some_and(u8::is_ascii_alphanumeric) {
                return true;
            }
        }
        false
    };
    says(b"/Image")
        && says(b"/Width")
        && says(b"/Height")
        && ![b"/ObjStm".as_slice(), b"/XRef", b"/First", b"/W"].iter().any(|name| says(name))
}

/// Whether the two bytes of a zlib header are there (RFC 1950, 2.2).
fn is_zlib(data: &[u8]) -> bool {
    matches!(data, &[first, second, ..] if first & 15 == 8 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|&byte| byte == first) {
        from += at;
        if bytes[from..].starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::{Limits, parts::document::tests::deflate};

    const MEGABYTE: u64 = 1024 * 1024;

    fn checked(bytes: &[u8], limits: &Limits) -> Result<u64, Reject> {
        check(bytes, &mut Walk::new(limits, &mut |_| ControlFlow::Continue(())))
    }

    /// Streams of one megabyte each with these dictionaries.
    fn streams(dictionaries: &[&str]) -> Vec<u8> {
        let packed = deflate(&vec![0; 1024 * 1024]);
        let mut bytes = b"%PDF-1.7\n".to_vec();
        for (number, dictionary) in dictionaries.iter().enumerate() {
            bytes.extend(format!("{number} 0 obj\n<< {dictionary} >>\nstream\n").bytes());
            bytes.extend(&packed);
            bytes.extend(b"\nendstream\nendobj\n");
        }
        bytes
    }

    const OBJECTS: &str = "/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode";
    const IMAGE: &str = "/Type/XObject/Subtype/Image/Width 1024/Height 1024/Filter/FlateDecode";

    #[test]
    fn what_is_kept_is_summed_and_images_are_not() {
        let limits = Limits { decode_bytes: 10 * MEGABYTE, ..Limits::default() };
        assert_eq!(checked(&streams(&[OBJECTS; 10]), &limits), Ok(10 * MEGABYTE));
        let refused = checked(&streams(&[OBJECTS; 11]), &limits).unwrap_err();
        assert_eq!(refused.code(), "too_much_memory");
        assert_eq!(checked(&streams(&[IMAGE; 40]), &limits), Ok(0));
        assert_eq!(checked(&streams(&[IMAGE, OBJECTS, ""]), &limits), Ok(2 * MEGABYTE));
        // Each alone still counts.
        let narrow = Limits { decode_bytes: MEGABYTE - 1, ..Limits::default() };
        assert_eq!(checked(&streams(&[IMAGE]), &narrow).unwrap_err().code(), "too_much_memory");
    }

    #[test]
    fn what_only_says_that_it_is_an_image_is_summed() {
        let limits = Limits { decode_bytes: 2 * MEGABYTE, ..Limits::default() };
        for said in ["/Type /ObjStm", "/Type /XRef /W [1 2 1]", "/First 4"] {
            let liar = format!("{IMAGE} {said}");
            assert_eq!(
                checked(&streams(&[liar.as_str(); 3]), &limits).unwrap_err().code(),
                "too_much_memory"
            );
        }
        let long = format!("/Subtype /Imagery /Width 9 /Height 9 /Note ({})", "x".repeat(2 * DICTIONARY));
        assert_eq!(checked(&streams(&[long.as_str(); 3]), &limits).unwrap_err().code(), "too_much_memory");
    }

    #[test]
    fn bytes_are_counted_for_the_walk() {
        let limits = Limits { unpacked_bytes: 3 * MEGABYTE, ..Limits::default() };
        assert_eq!(checked(&streams(&[OBJECTS; 4]), &limits).unwrap_err().code(), "container_limit");
        assert_eq!(checked(&streams(&[OBJECTS; 3]), &limits), Ok(3 * MEGABYTE));
    }

    #[test]
    fn the_end_of_a_stream_is_not_where_it_says_and_its_header_may_be_missing() {
        let limits = Limits { decode_bytes: MEGABYTE - 1, ..Limits::default() };
        // A stored block that quotes the mark of the end, then the rest.
        let mut packed = vec![0x78, 0x01, 0, 9, 0, 0xf6, 0xff];
        packed.extend(b"endstream");
        packed.extend(&deflate(&vec![0; 1024 * 1024])[2..]);
        let file = |data: &[u8]| {
            [b"1 0 obj\n<< /Filter /FlateDecode >>\nstream\n".as_slice(), data, b"\nendstream"].concat()
        };
        assert_eq!(checked(&file(&packed), &limits).unwrap_err().code(), "too_much_memory");
        let bare = &deflate(&vec![0; 1024 * 1024])[2..];
        assert_eq!(checked(&file(bare), &limits).unwrap_err().code(), "too_much_memory");
    }
}
