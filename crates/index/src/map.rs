//! Memory-mapped files. Besides the instructions of `scan/kernel.rs`, the one place of this crate with `unsafe`.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
#[cfg(unix)]
use memmap2::{Advice, UncheckedAdvice};

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

    /// Tells the system that a part of the file will be read soon, so that it may begin to. A hint: nothing depends on it.
    pub(crate) fn read_ahead(&self, part: Range<usize>) {
        #[cfg(unix)]
        if part.start < part.end && part.end <= self.map.len() {
            // What it says is about speed alone.
            let _ = self.map.advise_range(Advice::WillNeed, part.start, part.end - part.start);
        }
        #[cfg(not(unix))]
        let _ = part;
    }

    /// Takes the file's pages out of the memory of this process; the system keeps them as long as it has room. What is read
    /// afterwards is mapped again, and not authenticated again. A hint: nothing depends on it.
    #[cfg_attr(unix, expect(unsafe_code, reason = "memory mapping is what this module is for"))]
    pub(crate) fn let_go(&self) {
        #[cfg(unix)]
        if !self.map.is_empty() {
            let (all, advice) = (self.map.len(), UncheckedAdvice::DontNeed);
            // SAFETY: the advice is unchecked because pages of anonymous memory, and private ones that were written to, lose what they
            // hold. This map is of a file and was never writable: a page that is touched again is filled from the file (madvise(2),
            // MADV_DONTNEED), which is immutable, as `open` says. So it has the bytes that it had, also for whoever borrows it now.
            let advised = unsafe { self.map.unchecked_advise_range(advice, 0, all) };
            // What it says is about memory alone.
            let _ = advised;
        }
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

/// Acts after every so many bytes that were read, so that what is read once does not pile up in the memory of the process.
pub(crate) struct Pace<'f> {
    step: usize,
    left: usize,
    act: &'f mut dyn FnMut(),
}

impl<'f> Pace<'f> {
    /// Few system calls, and little beside what a rebuild holds.
    pub(crate) const BYTES: usize = 32 << 20;

    pub(crate) fn new(act: &'f mut dyn FnMut()) -> Self {
        Self::of(Self::BYTES, act)
    }

    /// Acts after `step` bytes.
    pub(crate) fn of(step: usize, act: &'f mut dyn FnMut()) -> Self {
        Self { step, left: step, act }
    }

    /// So many bytes more were read.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0 {
            self.left = self.step;
            (self.act)();
        }
    }
}

#[cfg(test)]
mod tests {
    //! Miri cannot map files, so this module is tried out on real ones. The fuzz target `segment` reads damaged segments over maps
    //! as well, under the address sanitizer.

    use std::fs;

    use super::*;

    #[test]
    fn a_map_has_the_bytes_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, 4095, 4096, 4097, 200_000] {
            let bytes: Vec<u8> =
                (0_u32..length).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
            fs::write(&path, &bytes).unwrap();
            let map = MappedFile::open(&path).unwrap();
            assert!(map.as_ref() == bytes, "{length} bytes");
            // Also for those that read it meanwhile.
            let borrowed = map.as_ref();
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| (0..20).all(|_| borrowed == bytes));
                (0..20).for_each(|_| map.let_go());
                assert!(reader.join().unwrap() && borrowed == bytes, "{length} bytes");
            });
        }
    }

    #[test]
    fn a_pace_acts_once_for_so_many_bytes() {
        let mut acted = 0;
        let mut act = || acted += 1;
        let mut pace = Pace::new(&mut act);
        (0..30).for_each(|_| pace.read(Pace::BYTES / 10 + 1));
        pace.read(2 * Pace::BYTES);
        assert_eq!(acted, 4);
    }

    #[test]
    fn a_map_stays_whole_when_its_file_is_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (folder.path().join("file"), folder.path().join("new"));
        fs::write(&path, [1; 10_000]).unwrap();
        let map = MappedFile::open(&path).unwrap();
        fs::write(&new, [2; 10]).unwrap();
        fs::rename(&new, &path).unwrap();
        let second = MappedFile::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!((map.as_ref(), second.as_ref()), ([1; 10_000].as_slice(), [2; 10].as_slice()));
        // Other threads read the same pages.
        std::thread::scope(|scope| {
            let sums =
                [0, 1].map(|_| scope.spawn(|| map.as_ref().iter().map(|&byte| u32::from(byte)).sum::<u32>()));
            assert!(sums.into_iter().all(|sum| sum.join().unwrap() == 10_000));
        });
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("missing"), folder.path().to_owned()] {
            assert!(matches!(MappedFile::open(&path), Err(IndexError::Io { .. })), "{}", path.display());
        }
    }
}
