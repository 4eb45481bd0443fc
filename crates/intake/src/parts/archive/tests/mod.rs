//! Archives made by hand, and by the programs that people use.

mod damage;
mod limits;
mod tars;
mod tools;
mod zips;

use std::{io::Write as _, ops::ControlFlow};

use crate::{Limits, for_each_part_of_bytes};

/// What a part came to: its bytes as text, or its code.
pub(super) type Came = (String, String);

/// Every part of an archive in memory.
pub(super) fn parts_within(bytes: &[u8], limits: &Limits) -> Vec<Came> {
    let mut parts = Vec::new();
    for_each_part_of_bytes(bytes.to_vec(), limits, &mut |part| {
        let came = match part.content {
            Ok(content) => format!("={}", content.identity().escape_ascii()),
            Err(reject) => reject.code().to_owned(),
        };
        parts.push((part.place, came));
        ControlFlow::Continue(())
    });
    parts
}

pub(super) fn parts(bytes: &[u8]) -> Vec<Came> {
    parts_within(bytes, &Limits::default())
}

/// The parts that are expected, as places and what they came to: a code, or `=` and the content.
pub(super) fn came<const N: usize>(parts: [(&str, &str); N]) -> Vec<Came> {
    parts.map(|(place, came)| (place.to_owned(), came.to_owned())).to_vec()
}

/// The messages of the parts that were not read.
pub(super) fn messages(bytes: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    for_each_part_of_bytes(bytes.to_vec(), &Limits::default(), &mut |part| {
        messages.extend(part.content.err().map(|reject| reject.to_string()));
        ControlFlow::Continue(())
    });
    messages
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of a ZIP archive made by hand. The default is a stored file of a Unix program.
#[derive(Clone)]
pub(super) struct ZipEntry {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) packed: Vec<u8>,
    pub(super) unpacked: u32,
    pub(super) crc: u32,
    pub(super) mode: u32,
    /// Extra field of the entry's own header.
    pub(super) extra: Vec<u8>,
    /// What the directory says of where the entry lies, instead of where it does.
    pub(super) offset: Option<u32>,
}

pub(super) fn stored(name: impl AsRef<[u8]>, content: &[u8]) -> ZipEntry {
    ZipEntry {
        name: name.as_ref().to_vec(),
        flags: 0,
        method: 0,
        packed: content.to_vec(),
        unpacked: u32::try_from(content.len()).unwrap(),
        crc: rawzip::crc32(content),
        mode: 0o100_644,
        extra: Vec::new(),
        offset: None,
    }
}

pub(super) fn deflated(name: impl AsRef<[u8]>, content: &[u8]) -> ZipEntry {
    ZipEntry { method: 8, packed: deflate(content), ..stored(name, content) }
}

/// A ZIP archive of these entries.
pub(super) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
    for entry in entries {
        let at = u32::try_from(bytes.len()).unwrap();
        let packed = u32::try_from(entry.packed.len()).unwrap();
        let shared = [
            &20_u16.to_le_bytes()[..],
            &entry.flags.to_le_bytes(),
            &entry.method.to_le_bytes(),
            &[0; 4],
            &entry.crc.to_le_bytes(),
            &packed.to_le_bytes(),
            &entry.unpacked.to_le_bytes(),
            &length(&entry.name),
        ]
        .concat();
        bytes.extend([b"PK\x03\x04", &shared[..], &length(&entry.extra), &entry.name, &entry.extra].concat());
        bytes.extend(&entry.packed);
        directory.extend([b"PK\x01\x02\x14\x03", &shared[..], &[0; 8]].concat());
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(entry.offset.unwrap_or(at).to_le_bytes());
        directory.extend(&entry.name);
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[0; 2]].concat());
    bytes
}

/// A tape archive's header, its checksum included.
pub(super) fn tar_header(name: &[u8], kind: u8, size: usize) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum = block.iter().copied().map(u32::from).sum::<u32>();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

/// An entry of a tape archive, padded to a block.
pub(super) fn tar_entry(name: impl AsRef<[u8]>, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = [&tar_header(name.as_ref(), kind, content.len()), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A tape archive of these entries, with its end mark.
pub(super) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
