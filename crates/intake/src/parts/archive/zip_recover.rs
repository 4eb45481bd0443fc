//! ZIP archives without a directory that can be read, most often because their end is missing: the entries one after
//! the other, by their own headers.

use std::{
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
};

use flate2::bufread::DeflateDecoder;
use rawzip::CompressionMethod;
use zeroize::Zeroizing;

use super::{
    CHUNK,
    entry::{Shape, Stop, begin, carry, end, hand_out, reject_of, skip, unpack},
    name::{Named, Places, look, zip_name},
    zip::decoder,
};
use crate::{
    Refusal, Reject, Unreadable,
    parts::{
        Container,
        walk::{Source, Walk},
    },
};

/// Bytes of an entry's own header, without its name.
const HEADER: usize = 30;
/// What such a header begins with.
const MAGIC: [u8; 4] = *b"PK\x03\x04";
/// What the sizes begin with that are told after the data.
const AFTER: [u8; 4] = *b"PK\x07\x08";
/// Flags: encrypted, sizes after the data, name in UTF-8.
const ENCRYPTED: u16 = 1;
const SIZES_AFTER: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

/// Hands out the entries that can be read, and then says that the rest is missing.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, mut source: Box<dyn Source>) -> ControlFlow<()> {
    let format = Container::Zip.name();
    if let Err(error) = source.seek(SeekFrom::Start(0)) {
        return walk.emit(place, Err(reject_of(format, &error)));
    }
    let mut source = BufReader::with_capacity(CHUNK, source);
    let mut places = Places::new(place);
    while let Some((local, name)) = Local::next(&mut source) {
        let name = zip_name(&name, local.flags & UTF8 != 0);
        let named = look(&name);
        let gives = match begin(walk, format, &named) {
            Ok(gives) => gives && !name.ends_with(b"/"),
            Err(stop) => return end(walk, &places.place(&name), stop),
        };
        let place = if gives { places.place(&name) } else { place.to_owned() };
        let mut sink = |walk: &mut Walk<'_>, outcome| match outcome {
            Ok(_) if !gives => ControlFlow::Continue(()),
            outcome => hand_out(walk, &place, outcome),
        };
        if !local.read(walk, named, &mut source, &mut sink)? {
            break;
        }
    }
    walk.emit(place, Err(Unreadable::Truncated { format }.into()))
}

type Outcome = Result<Result<Zeroizing<Vec<u8>>, Reject>, Stop>;

/// An entry's own header.
struct Local {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    unpacked: u32,
}

impl Local {
    /// Reads a header with its name, and passes over its extra fields.
    fn next(source: &mut impl Read) -> Option<(Self, Vec<u8>)> {
        let mut bytes = [0; HEADER];
        source.read_exact(&mut bytes).ok()?;
        let u16_at = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
        let u32_at = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        let local = Self {
            flags: u16_at(6)?,
            method: u16_at(8)?,
            crc: u32_at(14)?,
            packed: u32_at(18)?,
            unpacked: u32_at(22)?,
        };
        let mut name = vec![0; u16_at(26)?.into()];
        source.read_exact(&mut name).ok()?;
        let extra = u64::from(u16_at(28)?);
        let passed = io::copy(&mut source.take(extra), &mut io::sink()).ok()?;
        (passed == extra).then_some((local, name))
    }

    /// Reads the entry's data to their end. `false` where nothing can be read after it.
    fn read(
        &self,
        walk: &mut Walk<'_>,
        named: Named,
        source: &mut impl BufRead,
        sink: &mut dyn FnMut(&mut Walk<'_>, Outcome) -> ControlFlow<()>,
    ) -> ControlFlow<(), bool> {
        let format = Container::Zip.name();
        let method = CompressionMethod::from(self.method);
        let open_ended = self.flags & SIZES_AFTER != 0 && self.packed == 0;
        // Sizes of 4 GiB and more lie elsewhere; such an entry is too large in any case.
        if self.packed == u32::MAX || (open_ended && method != CompressionMethod::DEFLATE) {
            sink(walk, Ok(Err(Unreadable::Truncated { format }.into())))?;
            return ControlFlow::Continue(false);
        }
        let refusal = if let Named::Unsafe(how) = named {
            Some(Refusal::UnsafeEntry { how })
        } else {
            (self.flags & ENCRYPTED != 0).then_some(Refusal::Encrypted { format })
        };
        let shape = Shape { format, stated: self.unpacked.into() };
        if open_ended {
            let mut unpacked =
                Summed { inner: DeflateDecoder::new(&mut *source), crc: rawzip::Crc32::new(), read: 0 };
            let mut outcome = unpack(walk, shape, &mut unpacked);
            if outcome.is_ok() {
                match skip(walk, format, &mut unpacked) {
                    Ok(Ok(())) => {}
                    Ok(Err(reject)) => outcome = Ok(Err(reject)),
                    Err(stop) => outcome = Err(stop),
                }
            }
            let (crc, read) = (unpacked.crc.checksum(), unpacked.read);
            let packed = unpacked.inner.total_in();
            let whole = sizes_after(source, crc, packed, read);
            if !whole && matches!(outcome, Ok(Ok(_))) {
                outcome = Ok(Err(Unreadable::Truncated { format }.into()));
            }
            if let (Some(refusal), Ok(_)) = (refusal, &outcome) {
                outcome = Ok(Err(refusal.into()));
            }
            sink(walk, outcome)?;
            return ControlFlow::Continue(whole);
        }
        let mut packed = Exact { inner: &mut *source, left: self.packed.into() };
        let outcome = match refusal {
            Some(refusal) => Ok(Err(refusal.into())),
            None => match decoder(method, BufReader::with_capacity(CHUNK, &mut packed), walk.limits) {
                Err(refusal) => Ok(Err(refusal.into())),
                Ok(inner) => {
                    let mut unpacked = Summed { inner, crc: rawzip::Crc32::new(), read: 0 };
                    let outcome = unpack(walk, shape, &mut unpacked);
                    match outcome {
                        Ok(Ok(_)) if unpacked.crc.checksum() != self.crc => {
                            Ok(Err(Unreadable::malformed(format, "a checksum is wrong").into()))
                        }
                        outcome => outcome,
                    }
                }
            },
        };
        sink(walk, outcome)?;
        let left = packed.left;
        let rest = io::copy(&mut source.take(left), &mut io::sink());
        ControlFlow::Continue(rest.is_ok_and(|passed| passed == left))
    }
}

/// Reads the checksum and sizes after an entry's data, of 4 or 8 bytes, and compares them.
fn sizes_after(source: &mut impl Read, crc: u32, packed: u64, unpacked: u64) -> bool {
    let mut bytes = [0; 16];
    if source.read_exact(&mut bytes).is_err()
        || !bytes.starts_with(&AFTER)
        || bytes[4..8] != crc.to_le_bytes()
    {
        return false;
    }
    let (packed, unpacked) = (packed.to_le_bytes(), unpacked.to_le_bytes());
    if bytes[8..12] == packed[..4] && bytes[12..] == unpacked[..4] {
        return true;
    }
    let mut rest = [0; 8];
    bytes[8..] == packed && source.read_exact(&mut rest).is_ok() && rest == unpacked
}

/// A reader of exactly so many bytes: their end before that is an error.
struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = self.inner.read(buffer)?;
        if read == 0 {
            return Err(carry(Unreadable::Truncated { format: Container::Zip.name() }.into()));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// A reader that sums up what it reads.
struct Summed<R> {
    inner: R,
    crc: rawzip::Crc32,
    read: u64,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        self.read += read as u64;
        Ok(read)
    }
}
