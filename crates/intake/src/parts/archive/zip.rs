//! ZIP archives, by their directory.
//!
//! The directory is the truth, as it is for most programs; where there is none, or its first record is wrong, the
//! entries are read one after the other instead ([`zip_recover`]).

use std::{
    borrow::Cow,
    cell::RefCell,
    io::{self, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
};

use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipArchive, ZipFileHeaderRecord,
    ZipLocator,
};
use zeroize::Zeroizing;

use super::{
    CHUNK, compressed,
    entry::{Shape, Stop, begin, end, hand_out, unpack},
    name::{Named, Places, look, zip_name},
    zip_recover,
};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    parts::{
        Container,
        walk::{Source, Walk},
    },
};

/// Bits of a Unix mode that tell what an entry is, and their values.
const FILE_TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
/// Info-ZIP says so of what came from its standard input.
const PIPE: u32 = 0o010_000;

/// A source that is read at a place.
struct At<R>(RefCell<R>);

impl<R: Read + Seek> ReaderAt for At<R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut source = self.0.borrow_mut();
        source.seek(SeekFrom::Start(offset))?;
        source.read(buffer)
    }
}

/// Finds the directory, or gives the source back. The length of the source comes with it.
fn locate<R: Read + Seek>(mut source: R, buffer: &mut [u8]) -> Result<(ZipArchive<At<R>>, u64), R> {
    let Ok(length) = source.seek(SeekFrom::End(0)) else { return Err(source) };
    match ZipLocator::new().locate_in_reader(At(RefCell::new(source)), buffer, length) {
        Ok(archive) => Ok((archive, length)),
        Err((At(source), _)) => Err(source.into_inner()),
    }
}

/// Whether there is a directory with an entry in it.
pub(super) fn has_directory(source: &mut (impl Read + Seek)) -> bool {
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    locate(source, &mut buffer)
        .is_ok_and(|(archive, _)| matches!(archive.entries(&mut buffer).next_entry(), Ok(Some(_))))
}

/// Hands out the entries in the order of the directory.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, source: Box<dyn Source>) -> ControlFlow<()> {
    let format = Container::Zip.name();
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let (archive, length) = match locate(source, &mut buffer) {
        Ok(located) => located,
        Err(source) => return zip_recover::walk(walk, place, source),
    };
    let Some(overlapping) = overlaps(&archive, &mut buffer, walk.limits.entries) else {
        return zip_recover::walk(walk, place, archive.into_inner().0.into_inner());
    };
    let mut zip = Zip { archive: &archive, length, places: Places::new(place) };
    let mut records = archive.entries(&mut buffer);
    for (found, overlaps) in (0_u64..).zip(overlapping.into_iter().chain(std::iter::repeat(false))) {
        match records.next_entry() {
            Ok(Some(record)) => zip.entry(walk, &record, overlaps)?,
            Ok(None) if found < archive.entries_hint() => {
                let reject = Unreadable::malformed(format, "its directory has fewer entries than it says");
                return walk.emit(place, Err(reject.into()));
            }
            Ok(None) => break,
            Err(_) => {
                let reject = Unreadable::malformed(format, "its directory is damaged");
                return walk.emit(place, Err(reject.into()));
            }
        }
    }
    ControlFlow::Continue(())
}

/// Which entries share bytes with another, or with the directory; for `most` of them and one. `None` where the first
/// record cannot be read.
fn overlaps<R: ReaderAt>(archive: &ZipArchive<R>, buffer: &mut [u8], most: u64) -> Option<Vec<bool>> {
    let most = usize::try_from(most.saturating_add(1)).unwrap_or(usize::MAX);
    let mut records = archive.entries(buffer);
    let mut ranges = Vec::new();
    while ranges.len() < most {
        match records.next_entry() {
            Ok(Some(record)) => {
                // A record that points at no entry takes none of the bytes of another.
                let entry = archive.get_entry(record.wayfinder()).ok();
                ranges
                    .push(entry.map(|entry| (record.local_header_offset(), entry.compressed_data_range().1)));
            }
            Err(_) if ranges.is_empty() => return None,
            Ok(None) | Err(_) => break,
        }
    }
    Some(overlapping(&ranges, archive.directory_offset()))
}

/// Which of the ranges overlap another, or go beyond `bound`.
fn overlapping(ranges: &[Option<(u64, u64)>], bound: u64) -> Vec<bool> {
    let beyond = |range: &(u64, u64)| range.1 > bound;
    let mut marked = ranges.iter().map(|range| range.as_ref().is_some_and(beyond)).collect::<Vec<_>>();
    let mut order =
        ranges.iter().enumerate().filter_map(|(at, range)| Some((at, (*range)?))).collect::<Vec<_>>();
    order.sort_unstable_by_key(|(at, range)| (*range, *at));
    let mut farthest: Option<(usize, u64)> = None;
    for (at, (start, end)) in order {
        if let Some((holder, until)) = farthest
            && start < until
        {
            for at in [holder, at] {
                if let Some(mark) = marked.get_mut(at) {
                    *mark = true;
                }
            }
        }
        if farthest.is_none_or(|(_, until)| end > until) {
            farthest = Some((at, end));
        }
    }
    marked
}

struct Zip<'a, R> {
    archive: &'a ZipArchive<R>,
    length: u64,
    places: Places<'a>,
}

impl<R: ReaderAt> Zip<'_, R> {
    fn entry(
        &mut self,
        walk: &mut Walk<'_>,
        record: &ZipFileHeaderRecord<'_>,
        overlaps: bool,
    ) -> ControlFlow<()> {
        let name = zip_name(record.file_path().as_bytes(), record.flags().is_utf8());
        let named = look(&name);
        let gives = match begin(walk, Container::Zip.name(), &named) {
            Ok(gives) => gives,
            Err(stop) => return end(walk, &self.places.place(&name), stop),
        };
        if !gives || is_folder(record, &name) {
            return ControlFlow::Continue(());
        }
        let place = self.places.place(&name);
        let outcome = match check(record, named, overlaps) {
            Err(refusal) => Ok(Err(refusal.into())),
            Ok(()) => self.read(walk, record),
        };
        hand_out(walk, &place, outcome)
    }

    fn read(
        &self,
        walk: &mut Walk<'_>,
        record: &ZipFileHeaderRecord<'_>,
    ) -> Result<Result<Zeroizing<Vec<u8>>, Reject>, Stop> {
        let format = Container::Zip.name();
        let Ok(entry) = self.archive.get_entry(record.wayfinder()) else {
            let reject = Unreadable::malformed(format, "there is no entry where its directory says");
            return Ok(Err(reject.into()));
        };
        if entry.compressed_data_range().1 > self.length {
            return Ok(Err(Unreadable::Truncated { format }.into()));
        }
        let packed = BufReader::with_capacity(CHUNK, entry.reader());
        match decoder(record.compression_method(), packed, walk.limits) {
            Err(refusal) => Ok(Err(refusal.into())),
            Ok(decoder) => {
                let shape = Shape { format, stated: record.uncompressed_size_hint() };
                unpack(walk, shape, &mut entry.verifying_reader(decoder))
            }
        }
    }
}

fn is_folder(record: &ZipFileHeaderRecord<'_>, name: &[u8]) -> bool {
    let slash = name.ends_with(b"/") || (name.ends_with(b"\\") && record.uncompressed_size_hint() == 0);
    slash || record.mode().value() & FILE_TYPE == FOLDER
}

/// Refuses what the directory alone tells of.
fn check(record: &ZipFileHeaderRecord<'_>, named: Named, overlaps: bool) -> Result<(), Refusal> {
    if let Named::Unsafe(how) = named {
        return Err(Refusal::UnsafeEntry { how });
    }
    match record.mode().value() & FILE_TYPE {
        0 | REGULAR | PIPE => {}
        LINK => {
            return Err(Refusal::UnsafeEntry { how: "it is a symbolic link; links are not followed" });
        }
        _ => return Err(Refusal::UnsafeEntry { how: "it is a device" }),
    }
    if overlaps {
        return Err(Refusal::UnsafeEntry { how: "it overlaps another entry, or the directory" });
    }
    let flags = record.flags();
    if flags.is_encrypted()
        || flags.has_strong_encryption()
        || record.compression_method() == CompressionMethod::AES
    {
        return Err(Refusal::Encrypted { format: Container::Zip.name() });
    }
    Ok(())
}

/// A decoder of the method, or the method's name.
pub(super) fn decoder<'a>(
    method: CompressionMethod,
    packed: impl io::BufRead + 'a,
    limits: &Limits,
) -> Result<Box<dyn Read + 'a>, Refusal> {
    let inner: Box<dyn Read + 'a> = match method {
        CompressionMethod::STORE => return Ok(Box::new(packed)),
        CompressionMethod::DEFLATE => return Ok(Box::new(DeflateDecoder::new(packed))),
        CompressionMethod::ZSTD => Box::new(compressed::zstd(packed, limits)),
        CompressionMethod::XZ => Box::new(compressed::xz(packed, limits)),
        other => {
            let name = other.name().map_or_else(|| Cow::Owned(other.as_u16().to_string()), Cow::Borrowed);
            return Err(Refusal::unsupported(
                Container::Zip.name(),
                &format!("an entry packed by the method {name}"),
            ));
        }
    };
    let format = Container::Zip.name();
    Ok(Box::new(compressed::Checked { inner, format, limits: *limits, failed: None }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn overlapping_ranges_as_found_by_comparing_all(
            ranges in prop::collection::vec((0_u64..60, 1_u64..12), 0..12),
        ) {
            let ranges = ranges.into_iter().map(|(start, length)| (start, start + length)).collect::<Vec<_>>();
            let slow = (0..ranges.len())
                .map(|a| {
                    let other = |b: usize| a != b && ranges[a].0 < ranges[b].1 && ranges[b].0 < ranges[a].1;
                    ranges[a].1 > 50 || (0..ranges.len()).any(other)
                })
                .collect::<Vec<_>>();
            let ranges = ranges.into_iter().map(Some).collect::<Vec<_>>();
            prop_assert_eq!(overlapping(&ranges, 50), slow);
        }
    }
}
