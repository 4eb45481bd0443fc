//! Memory-mapped files: the one place of this crate with `unsafe`.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::IndexError;

/// A read-only memory map of a whole file.
#[derive(Debug)]
pub struct MappedFile {
    map: Mmap,
}

impl MappedFile {
    /// Maps `path`.
    ///
    /// The file must not be changed or truncated while it is mapped. Saltprint keeps that promise for the
    /// files of its index folder: they are written once under a temporary name, renamed, and later only
    /// unlinked, which leaves the mapping whole. Whoever else can write to the folder can crash this process
    /// (`SIGBUS` on truncation), and, since a page is authenticated when it is first touched and not again, can spoil
    /// answers of a process that already runs by changing pages in place; a newly opened index notices.
    ///
    /// # Errors
    /// [`IndexError::Io`] where the file cannot be opened or mapped.
    #[expect(unsafe_code, reason = "memory mapping is what this module is for")]
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let file = File::open(path).map_err(IndexError::io("open", path))?;
        // SAFETY: `Mmap::map` requires that the file is not modified while mapped. The index folder's files
        // are immutable after the rename that publishes them (`generation::publish` and
        // `IndexDir::write_segment` are the only writers, both create new files), as the doc comment says.
        let map = unsafe { Mmap::map(&file) }.map_err(IndexError::io("map", path))?;
        Ok(Self { map })
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}
