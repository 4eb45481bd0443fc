//! How much one input may cost, checked before anything is allocated for it.

use crate::{Refusal, Unreadable, reject::Reject};

/// Largest file that is read, in bytes: 32 MiB.
pub const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Longest side of an image, in pixels.
pub const MAX_SIDE: u32 = 20_000;

/// Most pixels of an image: 100 megapixels.
pub const MAX_PIXELS: u64 = 100_000_000;

/// Most memory that one decode may hold at its peak, in bytes, the file itself not counted: 512 MiB.
pub const MAX_DECODE_BYTES: u64 = 512 * 1024 * 1024;

/// Largest archive or document that holds other files, in bytes: 64 GiB. Archives are streamed.
pub const MAX_CONTAINER_BYTES: u64 = 64 * 1024 * 1024 * 1024;

/// Largest document (PDF, TIFF of several pages) in bytes: 256 MiB. It is held in memory.
pub const MAX_DOCUMENT_BYTES: u64 = 256 * 1024 * 1024;

/// Most entries of an archive, those of the archives in it counted too.
pub const MAX_ENTRIES: u64 = 1_000_000;

/// Most bytes that all entries of an archive may have once unpacked: 256 GiB.
pub const MAX_UNPACKED_BYTES: u64 = 256 * 1024 * 1024 * 1024;

/// How many times larger than the archive its entries may be, all together, once they are more than
/// [`FREE_UNPACKED_BYTES`].
pub const MAX_RATIO: u64 = 100;

/// Unpacked bytes below which [`Limits::ratio`] is not looked at: a few blank pages pack very well.
pub const FREE_UNPACKED_BYTES: u64 = 256 * 1024 * 1024;

/// Most pages of one document.
pub const MAX_PAGES: u64 = 2_000;

/// Most seconds that the reading of one archive or document may take, the use of what it holds not counted; and again as many
/// that the drawing of all pages and images of one PDF may take, on all threads together.
pub const MAX_SECONDS: u64 = 3_600;

/// How deep archives may lie in each other: the archive that is given is 1 deep, one in it 2.
pub const MAX_DEPTH: u32 = 2;

/// Limits of one input. The default is the constants of this crate.
///
/// Every limit has its own [`Refusal`], which tells the measured and the allowed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Largest file, in bytes ([`MAX_FILE_BYTES`]).
    pub file_bytes: u64,
    /// Longest side, in pixels ([`MAX_SIDE`]).
    pub side: u32,
    /// Most pixels ([`MAX_PIXELS`]). All images that a PDF page draws may have four times as many together.
    pub pixels: u64,
    /// Most memory while decoding, in bytes ([`MAX_DECODE_BYTES`]). It covers the decoded samples, the luma
    /// image and what the format's decoder holds beside them; not the file's own bytes.
    pub decode_bytes: u64,
    /// Largest archive, in bytes ([`MAX_CONTAINER_BYTES`]).
    pub container_bytes: u64,
    /// Largest PDF or TIFF of several pages, in bytes ([`MAX_DOCUMENT_BYTES`]); in an archive, also the largest
    /// archive, which is held in memory there.
    pub document_bytes: u64,
    /// Most entries of an archive and the archives in it ([`MAX_ENTRIES`]).
    pub entries: u64,
    /// Most unpacked bytes of an archive and the archives in it ([`MAX_UNPACKED_BYTES`]).
    pub unpacked_bytes: u64,
    /// Most unpacked bytes for a byte of the archive ([`MAX_RATIO`]), beyond [`FREE_UNPACKED_BYTES`].
    pub ratio: u64,
    /// Most pages of a document ([`MAX_PAGES`]).
    pub pages: u64,
    /// Most seconds of reading one archive or document, and of drawing what one PDF holds ([`MAX_SECONDS`]).
    pub seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: MAX_FILE_BYTES,
            side: MAX_SIDE,
            pixels: MAX_PIXELS,
            decode_bytes: MAX_DECODE_BYTES,
            container_bytes: MAX_CONTAINER_BYTES,
            document_bytes: MAX_DOCUMENT_BYTES,
            entries: MAX_ENTRIES,
            unpacked_bytes: MAX_UNPACKED_BYTES,
            ratio: MAX_RATIO,
            pages: MAX_PAGES,
            seconds: MAX_SECONDS,
        }
    }
}

impl Limits {
    /// Checks the size of a file, in bytes.
    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), Reject> {
        if bytes == 0 {
            return Err(Unreadable::Empty.into());
        }
        if bytes > self.file_bytes {
            return Err(Refusal::FileTooLarge { bytes, allowed: self.file_bytes }.into());
        }
        Ok(())
    }

    /// Checks the sides that a header states, and gives the number of pixels.
    ///
    /// # Errors
    /// [`Refusal::SideTooLong`], [`Refusal::TooManyPixels`].
    pub fn check_sides(&self, width: u32, height: u32) -> Result<u64, Refusal> {
        if width.max(height) > self.side {
            return Err(Refusal::SideTooLong { width, height, allowed: self.side });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.pixels {
            return Err(Refusal::TooManyPixels { pixels, allowed: self.pixels });
        }
        Ok(pixels)
    }

    /// Checks the memory that a decode needs at its peak, in bytes, and gives what is left of the allowance.
    pub(crate) fn check_memory(&self, bytes: u64) -> Result<u64, Refusal> {
        self.decode_bytes
            .checked_sub(bytes)
            .ok_or(Refusal::TooMuchMemory { bytes, allowed: self.decode_bytes })
    }

    /// The refusal of a decoder that would not tell how much more than allowed it wanted.
    pub(crate) fn memory_refusal(&self) -> Refusal {
        Refusal::TooMuchMemory { bytes: self.decode_bytes.saturating_add(1), allowed: self.decode_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_own_refusal_with_both_numbers() {
        let limits = Limits { file_bytes: 10, side: 20, pixels: 30, decode_bytes: 40, ..Limits::default() };
        assert_eq!(limits.check_file(0), Err(Reject::Unreadable(Unreadable::Empty)));
        assert_eq!(limits.check_file(10), Ok(()));
        assert_eq!(limits.check_file(11), Err(Refusal::FileTooLarge { bytes: 11, allowed: 10 }.into()));
        assert_eq!(limits.check_sides(20, 1), Ok(20));
        assert_eq!(
            limits.check_sides(1, 21),
            Err(Refusal::SideTooLong { width: 1, height: 21, allowed: 20 })
        );
        assert_eq!(limits.check_sides(6, 6), Err(Refusal::TooManyPixels { pixels: 36, allowed: 30 }));
        assert_eq!(limits.check_memory(30), Ok(10));
        assert_eq!(limits.check_memory(41), Err(Refusal::TooMuchMemory { bytes: 41, allowed: 40 }));
    }

    #[test]
    fn the_largest_stated_sides_do_not_overflow() {
        let limits = Limits { side: u32::MAX, ..Limits::default() };
        let pixels = u64::from(u32::MAX) * u64::from(u32::MAX);
        assert_eq!(
            limits.check_sides(u32::MAX, u32::MAX),
            Err(Refusal::TooManyPixels { pixels, allowed: MAX_PIXELS })
        );
    }
}
