//! 7-Zip archives: blocks of entries that are packed together.
//!
//! A block is unpacked as a stream, entry after entry, so that damage in one entry ends its block; the entries after it
//! in the block say so, and the next block goes on. Files without content come last.

use std::{
    io::{self, Read},
    ops::ControlFlow,
};

use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, EncoderMethod, Error, Password};

use super::{
    entry::{Shape, begin, end, hand_out, reject_of, skip, unpack},
    name::{Named, Places, look},
};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    parts::{
        Container,
        walk::{Source, Walk},
    },
};

/// Largest header, in bytes: one that is packed well becomes some 50 times as large once it is read.
const MAX_HEADER: u64 = 8 * 1024 * 1024;

/// Windows attribute: what follows in the upper half is a Unix mode. And that of a link of Windows' own.
const HAS_UNIX_MODE: u32 = 0x8000;
const REPARSE_POINT: u32 = 0x400;
/// Bits of a Unix mode that tell what an entry is, and their values.
const FILE_TYPE: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const REGULAR: u32 = 0o100_000;

/// Hands out the entries block by block.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, mut source: Box<dyn Source>) -> ControlFlow<()> {
    let password = Password::empty();
    let header = kilobytes(MAX_HEADER.min(walk.limits.decode_bytes));
    let archive = match Archive::read_with_memory_limit(&mut source, &password, header) {
        Ok(archive) => archive,
        Err(error) => return walk.emit(place, Err(of_archive(error, walk.limits))),
    };
    let mut places = Places::new(place);
    for (index, block) in archive.blocks.iter().enumerate() {
        let memory = kilobytes(walk.limits.decode_bytes);
        let decoder = BlockDecoder::new_with_memory_limit(1, memory, index, &archive, &password, &mut source);
        let first = archive.stream_map.block_first_file_index.get(index).copied().unwrap_or(usize::MAX);
        let entries = archive.files.iter().skip(first).take(decoder.entry_count());
        let mut done = 0;
        let mut flow = ControlFlow::Continue(());
        let mut failed = unsupported(block);
        if failed.is_none() {
            let outcome = decoder.for_each_entries(&mut |entry, reader| {
                done += 1;
                flow = one(walk, &mut places, entry, reader);
                Ok(flow.is_continue())
            });
            flow?;
            failed = outcome.err().map(|error| of_archive(error, walk.limits));
        }
        // Every entry has its outcome, also where its block ended early.
        let Some(reject) = failed else { continue };
        for entry in entries.skip(done) {
            refuse(walk, &mut places, entry, &reject)?;
        }
    }
    let outside = archive.files.iter().zip(&archive.stream_map.file_block_index);
    for (entry, _) in outside.filter(|(_, owner)| owner.is_none()) {
        one(walk, &mut places, entry, &mut io::empty())?;
    }
    ControlFlow::Continue(())
}

fn kilobytes(bytes: u64) -> usize {
    usize::try_from(bytes / 1024).unwrap_or(usize::MAX)
}

fn one(
    walk: &mut Walk<'_>,
    places: &mut Places<'_>,
    entry: &ArchiveEntry,
    reader: &mut dyn Read,
) -> ControlFlow<()> {
    let format = Container::SevenZip.name();
    let name = entry.name().as_bytes();
    let named = look(name);
    let gives = begin(walk, format, &named).map(|gives| gives && !passed(entry));
    let outcome = match gives {
        Err(stop) => return end(walk, &places.place(name), stop),
        Ok(false) => None,
        Ok(true) => match check(entry, named) {
            Err(refusal) => Some(Ok(Err(refusal.into()))),
            Ok(()) => Some(unpack(walk, Shape { format, stated: entry.size() }, reader)),
        },
    };
    let place = if let Some(outcome) = outcome {
        let place = places.place(name);
        hand_out(walk, &place, outcome)?;
        place
    } else {
        String::new()
    };
    // The rest belongs to this entry, and is counted here: the block would read it uncounted.
    match skip(walk, format, reader) {
        Ok(_) => ControlFlow::Continue(()),
        Err(stop) => end(walk, &place, stop),
    }
}

/// An entry whose block cannot be read.
fn refuse(
    walk: &mut Walk<'_>,
    places: &mut Places<'_>,
    entry: &ArchiveEntry,
    reject: &Reject,
) -> ControlFlow<()> {
    let name = entry.name().as_bytes();
    let named = look(name);
    match begin(walk, Container::SevenZip.name(), &named) {
        Err(stop) => end(walk, &places.place(name), stop),
        Ok(gives) if !gives || passed(entry) => ControlFlow::Continue(()),
        Ok(_) => {
            let reject = check(entry, named).map_or_else(Into::into, |()| reject.clone());
            walk.emit(&places.place(name), Err(reject))
        }
    }
}

/// Whether an entry gives no part: a folder, or a mark that a file is to be deleted.
fn passed(entry: &ArchiveEntry) -> bool {
    entry.is_directory() || entry.is_anti_item()
}

fn check(entry: &ArchiveEntry, named: Named) -> Result<(), Refusal> {
    if let Named::Unsafe(how) = named {
        return Err(Refusal::UnsafeEntry { how });
    }
    if !entry.has_windows_attributes {
        return Ok(());
    }
    let attributes = entry.windows_attributes();
    let mode = if attributes & HAS_UNIX_MODE == 0 { 0 } else { (attributes >> 16) & FILE_TYPE };
    if mode == LINK || attributes & REPARSE_POINT != 0 {
        return Err(Refusal::UnsafeEntry { how: "it is a symbolic link; links are not followed" });
    }
    if mode != 0 && mode != REGULAR {
        return Err(Refusal::UnsafeEntry { how: "it is a device or a pipe" });
    }
    Ok(())
}

/// Why a block cannot be read, by the methods that it names.
fn unsupported(block: &Block) -> Option<Reject> {
    let format = Container::SevenZip.name();
    let known = [
        EncoderMethod::ID_COPY,
        EncoderMethod::ID_LZMA,
        EncoderMethod::ID_LZMA2,
        EncoderMethod::ID_DELTA,
        EncoderMethod::ID_BCJ_X86,
        EncoderMethod::ID_BCJ2,
        EncoderMethod::ID_BCJ_PPC,
        EncoderMethod::ID_BCJ_IA64,
        EncoderMethod::ID_BCJ_ARM,
        EncoderMethod::ID_BCJ_ARM64,
        EncoderMethod::ID_BCJ_ARM_THUMB,
        EncoderMethod::ID_BCJ_SPARC,
        EncoderMethod::ID_BCJ_RISCV,
    ];
    let ids = || block.coders.iter().map(sevenz_rust2::Coder::encoder_method_id);
    if ids().any(|id| id == EncoderMethod::ID_AES256_SHA256) {
        return Some(Refusal::Encrypted { format }.into());
    }
    let id = ids().find(|id| !known.contains(id))?;
    let name = EncoderMethod::by_id(id).map_or("of an unknown number", |method| method.name());
    Some(Refusal::unsupported(format, &format!("entries packed by the method {name}")).into())
}

/// What an error of the crate means. Its texts are not passed on.
fn of_archive(error: Error, limits: &Limits) -> Reject {
    let format = Container::SevenZip.name();
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are damage, of a kind that nobody acts on"
    )]
    match error {
        Error::Io(error, _) | Error::MaybeBadPassword(error) => reject_of(format, &error),
        Error::UnsupportedCompressionMethod(name) if name.starts_with("AES") => {
            Refusal::Encrypted { format }.into()
        }
        Error::PasswordRequired => Refusal::Encrypted { format }.into(),
        Error::UnsupportedCompressionMethod(_) => {
            Refusal::unsupported(format, "its header is packed by an unknown method").into()
        }
        Error::Unsupported(_) | Error::ExternalUnsupported | Error::UnsupportedVersion { .. } => {
            Refusal::unsupported(format, "a rare variant").into()
        }
        Error::MaxMemLimited { max_kb, actaul_kb } => {
            let bytes = |kb: usize| (kb as u64).saturating_mul(1024);
            Refusal::TooMuchMemory {
                bytes: bytes(actaul_kb),
                allowed: bytes(max_kb).min(limits.decode_bytes),
            }
            .into()
        }
        _ => Unreadable::malformed(format, "its header or data do not decode").into(),
    }
}
