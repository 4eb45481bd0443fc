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

/// Limits of one input. The default is the four constants of this crate.
///
/// Every limit has its own [`Refusal`], which tells the measured and the allowed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes ([`MAX_FILE_BYTES`]).
    pub file_bytes: u64,
    /// Longest side, in pixels ([`MAX_SIDE`]).
    pub side: u32,
    /// Most pixels ([`MAX_PIXELS`]).
    pub pixels: u64,
    /// Most memory while decoding, in bytes ([`MAX_DECODE_BYTES`]). It covers the decoded samples, the luma
    /// image and what the format's decoder holds beside them; not the file's own bytes.
    pub decode_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: MAX_FILE_BYTES,
            side: MAX_SIDE,
            pixels: MAX_PIXELS,
            decode_bytes: MAX_DECODE_BYTES,
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
    pub(crate) fn check_sides(&self, width: u32, height: u32) -> Result<u64, Refusal> {
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
        let limits = Limits { file_bytes: 10, side: 20, pixels: 30, decode_bytes: 40 };
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
