//! How much the streams of a PDF unpack to, before a parser that keeps them whole is let loose on it.

use std::io::{self, Read};

use flate2::bufread::ZlibDecoder;

use super::NAME;
use crate::{Refusal, Reject, parts::walk::Walk};

/// Most bytes that one byte of a deflated stream can unpack to.
const MOST_RATIO: u64 = 1_032;

/// Checks that no deflated stream in the document unpacks to more than one decode may hold. Streams that could not,
/// by their length, are not unpacked. The file is searched for streams, so a table that hides one does not help it;
/// what is packed otherwise, packed twice or encrypted is not seen.
pub(super) fn check(bytes: &[u8], walk: &Walk<'_>) -> Result<(), Reject> {
    let allowed = walk.limits.decode_bytes;
    let mut rest = bytes;
    while let Some(at) = find(rest, b"stream") {
        rest = &rest[at + b"stream".len()..];
        let start = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.strip_prefix(b"\n"))
            .or_else(|| rest.strip_prefix(b"\r"));
        let Some(data) = start.filter(|data| is_zlib(data)) else { continue };
        let length = find(data, b"endstream").unwrap_or(data.len());
        if (length as u64).saturating_mul(MOST_RATIO) > allowed {
            walk.check_time(NAME)?;
            let unpacked = unpacked(&data[..length], allowed);
            if unpacked > allowed {
                return Err(Refusal::TooMuchMemory { bytes: unpacked, allowed }.into());
            }
        }
        rest = &data[length..];
    }
    Ok(())
}

/// Bytes that come out, up to one more than `allowed`. Damage ends the count: a decoder that goes on after it makes
/// little of it.
fn unpacked(data: &[u8], allowed: u64) -> u64 {
    let mut decoder = ZlibDecoder::new(data).take(allowed.saturating_add(1));
    io::copy(&mut decoder, &mut io::sink()).unwrap_or_else(|_| allowed.saturating_add(1) - decoder.limit())
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
