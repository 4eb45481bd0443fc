//! How a TIFF writes its numbers, and how many numbers a directory has: its decoder makes room for whole lists of them before
//! it knows any limit of ours.

use crate::{Limits, Refusal};

/// Bytes that the decoder takes for one number of a list: as it reads it, and as it uses it.
const NUMBER_BYTES: u64 = 40;

/// How numbers are written in the file.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    little: bool,
    /// Offsets of 64 bits.
    pub(crate) big: bool,
}

impl Layout {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let little = bytes.starts_with(b"II");
        let version = Self { little, big: false }.number(bytes, 2, 2)?;
        Some(Self { little, big: version == 43 })
    }

    /// Where the first directory begins.
    pub(crate) fn first(self, bytes: &[u8]) -> Option<u64> {
        if self.big { self.number(bytes, 8, 8) } else { self.number(bytes, 4, 4) }
    }

    /// A number of `size` bytes, at most 8.
    pub(crate) fn number(self, bytes: &[u8], at: u64, size: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) })
    }

    /// How many numbers the longest list of the directory at `directory` says it has. What lies outside of the file is for the
    /// decoder to find.
    fn longest_list(self, bytes: &[u8], directory: u64) -> Option<u64> {
        let (count_size, entry_size, list_size) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let entries = self.number(bytes, directory, count_size)?;
        let first = directory.checked_add(count_size as u64)?;
        // The file ends before a count that lies.
        let list = |entry: u64| {
            self.number(bytes, first.checked_add(entry.checked_mul(entry_size)?)?.checked_add(4)?, list_size)
        };
        (0..entries).map_while(list).max()
    }
}

/// Checks what the lists of numbers in a directory take, that at `directory` or the first.
pub(super) fn check_lists(bytes: &[u8], directory: Option<u64>, limits: &Limits) -> Result<(), Refusal> {
    let layout = Layout::read(bytes);
    let directory = directory.or_else(|| layout?.first(bytes));
    let longest = layout.zip(directory).and_then(|(layout, at)| layout.longest_list(bytes, at));
    limits.check_memory(longest.unwrap_or(0).saturating_mul(NUMBER_BYTES)).map(|_| ())
}
