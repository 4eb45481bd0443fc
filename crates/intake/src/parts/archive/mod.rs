//! Archives: files in a file, streamed, one entry in memory at a time.
//!
//! # Places
//! An entry's place is `/` and its name with forward slashes, shown by [`escape_name`](super::escape_name); a leading
//! `./` is left out. A place that was there before in the same archive gets `#2`, `#3` and so on. The one file in a
//! gzip, Zstandard or xz file that is no tar has the place `#content`: the name that gzip may keep is not used, since
//! it tells nothing that the file's own name does not. Entries keep the order of the archive.
//!
//! # What becomes of an entry
//! Each file gives one part, with a hidden name (`.x`) or not. Folders and volume labels give none, nor does what macOS adds
//! to archives: `.DS_Store`, `.localized`, names that begin with `._`, and all in a folder `__MACOSX`. Names that are
//! absolute or contain `..` (with the backslash taken as a separator as well), links, devices and overlapping entries
//! are refused as unsafe; methods that are not supported by their name; entries with a password as encrypted.
//!
//! An image has [`Limits::file_bytes`](crate::Limits::file_bytes) unpacked at most, and an archive or document in the
//! archive, which is held in memory as well, [`Limits::document_bytes`](crate::Limits::document_bytes). One that is
//! larger is refused and the others go on. What an entry says of its size is never trusted.
//!
//! A limit of the walk (entries, unpacked bytes, seconds) ends it: the last part has the place of the entry that met
//! the limit, or of the archive between entries. An archive that is cut off or damaged gives the entries that can be
//! read, and then one part at the archive's own place that says so.

mod compressed;
mod entry;
mod name;
mod seven_zip;
mod tar;
mod tar_header;
#[cfg(test)]
mod tests;
mod zip;
mod zip_recover;

use std::{
    io::{BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
};

use super::{
    Container,
    walk::{Source, Walk},
};
use crate::Refusal;

/// Bytes that are read at once, and counted before they are kept.
const CHUNK: usize = 64 * 1024;

/// Hands the entries of an archive to the walk.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    place: &str,
    kind: Container,
    source: Box<dyn Source>,
) -> ControlFlow<()> {
    match kind {
        Container::Zip => zip::walk(walk, place, source),
        Container::Tar => tar::walk(walk, place, &mut BufReader::with_capacity(CHUNK, source)),
        Container::Gzip | Container::Zstd | Container::Xz => compressed::walk(walk, place, kind, source),
        Container::SevenZip => seven_zip::walk(walk, place, source),
        Container::Pdf | Container::Tiff => {
            walk.emit(place, Err(Refusal::unsupported(kind.name(), "").into()))
        }
    }
}

/// Whether a program (`MZ`) is a ZIP archive that unpacks itself. The source is read from its start again afterwards.
pub(super) fn unpacks_itself(head: &[u8], source: &mut (impl Read + Seek)) -> bool {
    head.starts_with(b"MZ") && zip::has_directory(source) && source.seek(SeekFrom::Start(0)).is_ok()
}
