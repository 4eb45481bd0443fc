//! The one image type that the rest of the crate sees.

use std::mem::MaybeUninit;

use zeroize::Zeroize;

/// An 8-bit luma image, row-major, top row first, already turned upright by its EXIF orientation.
///
/// Pixels are wiped when the image is dropped; `Debug` shows the size only.
pub struct Luma {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// The pixel buffer does not fit the stated size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {width} x {height} luma image needs {expected} bytes, not {actual}")]
pub struct LumaSizeError {
    width: u32,
    height: u32,
    expected: u64,
    actual: u64,
}

impl Luma {
    /// Wraps `pixels`, which must hold exactly `width * height` bytes with both sides at least 1.
    ///
    /// # Errors
    /// [`LumaSizeError`] where the buffer's length differs or a side is 0.
    pub fn new(width: u32, height: u32, mut pixels: Vec<u8>) -> Result<Self, LumaSizeError> {
        let expected = u64::from(width) * u64::from(height);
        let actual = pixels.len() as u64;
        if expected != actual || expected == 0 {
            pixels.zeroize();
            return Err(LumaSizeError { width, height, expected, actual });
        }
        Ok(Self { width, height, pixels })
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, `width * height` bytes, row-major.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl Drop for Luma {
    fn drop(&mut self) {
        // `zeroize` alone would write byte by byte, 1 ms for two megapixels.
        self.pixels.fill(0);
        self.pixels.spare_capacity_mut().fill(MaybeUninit::new(0));
        zeroize::optimization_barrier(self.pixels.as_slice());
    }
}

impl std::fmt::Debug for Luma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Luma({} x {})", self.width, self.height)
    }
}
