//! Bilinear samples in 16-bit arithmetic: the inner loop of cameras, scanners and warps.

use crate::canvas::{Canvas, Pixel};

/// A pixel with eight fraction bits, as the sum of what its left and right neighbours give.
pub(crate) type Level = [[u16; 4]; 2];

#[inline]
pub(crate) fn exact(pixel: Pixel) -> Level {
    [pixel.map(|v| u16::from(v) << 8), [0; 4]]
}

/// A sum of neighbours as a pixel again.
#[inline]
pub(crate) fn rounded([left, right]: Level) -> Pixel {
    // The weights add up to 256, hence no sum exceeds 255 * 256.
    [0, 1, 2, 3].map(|k| ((left[k] + right[k] + 128) >> 8) as u8)
}

/// A coordinate with 16 fraction bits, ready for [`bilinear`] to cut to four.
#[inline]
pub(crate) fn fixed(coordinate: f32) -> i64 {
    (coordinate * 65536.0) as i64 + (1 << 11)
}

/// The weights of the four pixels around a sample, a channel each, for fractions in sixteenths: upper left, upper
/// right, lower left, lower right. They add up to 256.
static WEIGHTS: [[[u16; 16]; 16]; 16] = {
    let mut table = [[[0; 16]; 16]; 16];
    let mut i = 0;
    while i < 16 * 16 * 16 {
        let (y, x, k) = (i / 256, i / 16 % 16, i % 16);
        let across = if k / 4 % 2 == 0 { 16 - x } else { x };
        let down = if k / 8 == 0 { 16 - y } else { y };
        table[y][x][k] = (across * down) as u16;
        i += 1;
    }
    table
};

/// Samples along a line that lies inside the sheet; a function of its own, so that it has the registers to itself.
#[inline(never)]
pub(crate) fn run(sheet: &Canvas, line: &mut [Level], (mut u, mut v): (i64, i64), (du, dv): (i64, i64)) {
    for slot in line {
        *slot = bilinear(sheet, u, v);
        (u, v) = (u + du, v + dv);
    }
}

/// Samples at fixed-point coordinates that lie inside the sheet.
#[expect(clippy::inline_always, reason = "the inner loop of every picture")]
#[inline(always)]
pub(crate) fn bilinear(sheet: &Canvas, u: i64, v: i64) -> Level {
    let start = (v >> 16) as usize * sheet.width + (u >> 16) as usize;
    let weights = &WEIGHTS[(v >> 12 & 15) as usize][(u >> 12 & 15) as usize];
    let top = sheet.pixels[start..start + 2].as_flattened();
    let low = sheet.pixels[start + sheet.width..start + sheet.width + 2].as_flattened();
    let mut sums = [[0_u16; 4]; 2];
    for (k, sum) in sums.as_flattened_mut().iter_mut().enumerate() {
        // Wrapping, so that debug builds vectorise too.
        let (top, low) = (u16::from(top[k]), u16::from(low[k]));
        *sum = top.wrapping_mul(weights[k]).wrapping_add(low.wrapping_mul(weights[k + 8]));
    }
    sums
}
