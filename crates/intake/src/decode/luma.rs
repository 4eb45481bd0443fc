//! Decoded samples to 8-bit luma, in integers.

use image::ColorType;
use zeroize::Zeroizing;

/// Weights of red, green and blue in thousandths (BT.601).
const WEIGHTS: [u32; 3] = [299, 587, 114];

/// White of 16-bit samples.
const WHITE16: u32 = 65_535;

/// Luma of `samples`, which are in the order and the layout that `image` gives them; `None` for a layout that is not
/// known here. Transparent pixels are laid over white.
pub(crate) fn to_luma(mut samples: Zeroizing<Vec<u8>>, layout: ColorType) -> Option<Vec<u8>> {
    let luma = match layout {
        ColorType::L8 => return Some(std::mem::take(&mut *samples)),
        ColorType::La8 => map::<2>(&samples, |[y, a]| over_white8(u32::from(y) * 1000, a)),
        ColorType::Rgb8 => map::<3>(&samples, |rgb| byte((weigh(rgb.map(u32::from)) + 500) / 1000)),
        ColorType::Rgba8 => {
            map::<4>(&samples, |[r, g, b, a]| over_white8(weigh([r, g, b].map(u32::from)), a))
        }
        ColorType::L16 => map::<2>(&samples, |y| to_8_bits(word(y))),
        ColorType::La16 => {
            map::<4>(&samples, |[y0, y1, a0, a1]| to_8_bits(over_white16(word([y0, y1]), word([a0, a1]))))
        }
        ColorType::Rgb16 => map::<6>(&samples, |rgb| {
            let [rgb @ .., _] = words(rgb);
            to_8_bits(luma16(rgb))
        }),
        ColorType::Rgba16 => map::<8>(&samples, |rgba| {
            let [rgb @ .., a] = words(rgba);
            to_8_bits(over_white16(luma16(rgb), a))
        }),
        ColorType::Rgb32F => map::<12>(&samples, |rgb| {
            let [rgb @ .., _] = floats(rgb);
            to_8_bits(luma16(rgb))
        }),
        ColorType::Rgba32F => map::<16>(&samples, |rgba| {
            let [rgb @ .., a] = floats(rgba);
            to_8_bits(over_white16(luma16(rgb), a))
        }),
        _ => return None,
    };
    Some(luma)
}

fn map<const BYTES: usize>(samples: &[u8], luma: impl Fn([u8; BYTES]) -> u8) -> Vec<u8> {
    samples.as_chunks::<BYTES>().0.iter().map(|&pixel| luma(pixel)).collect()
}

/// Luma in thousandths: at most 65,535,000 for 16-bit samples.
fn weigh(rgb: [u32; 3]) -> u32 {
    rgb[0] * WEIGHTS[0] + rgb[1] * WEIGHTS[1] + rgb[2] * WEIGHTS[2]
}

fn luma16(rgb: [u32; 3]) -> u32 {
    (weigh(rgb) + 500) / 1000
}

/// Luma in thousandths of 8-bit samples with this opacity, over white. Rounded once.
fn over_white8(thousandths: u32, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    byte((thousandths * alpha + 255_000 * (255 - alpha) + 127_500) / 255_000)
}

fn over_white16(luma: u32, alpha: u32) -> u32 {
    // 65,535 x 65,535 fits 32 bits; the sum of the two products is at most that.
    let sum = luma * alpha + WHITE16 * (WHITE16 - alpha);
    sum / WHITE16 + u32::from(sum % WHITE16 > WHITE16 / 2)
}

fn to_8_bits(sample: u32) -> u8 {
    byte((sample * 255 + WHITE16 / 2) / WHITE16)
}

/// A weighted mean of values up to 255.
fn byte(value: u32) -> u8 {
    value.min(255) as u8
}

#[expect(clippy::host_endian_bytes, reason = "image gives samples of more than 8 bits in the host's order")]
fn word(bytes: [u8; 2]) -> u32 {
    u32::from(u16::from_ne_bytes(bytes))
}

/// Up to four 16-bit samples; what is not there is 0.
fn words<const BYTES: usize>(pixel: [u8; BYTES]) -> [u32; 4] {
    let mut found = [0; 4];
    for (sample, bytes) in found.iter_mut().zip(pixel.as_chunks::<2>().0) {
        *sample = word(*bytes);
    }
    found
}

/// Up to four floating-point samples, 0.0 to 1.0, as 16-bit samples. What is no number is 0.
#[expect(clippy::host_endian_bytes, reason = "image gives samples of more than 8 bits in the host's order")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 65,535 before")]
fn floats<const BYTES: usize>(pixel: [u8; BYTES]) -> [u32; 4] {
    let mut found = [0; 4];
    for (sample, bytes) in found.iter_mut().zip(pixel.as_chunks::<4>().0) {
        let value = f32::from_ne_bytes(*bytes);
        *sample = (value.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u32;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn luma(layout: ColorType, samples: &[u8]) -> Vec<u8> {
        to_luma(Zeroizing::new(samples.to_vec()), layout).unwrap()
    }

    fn bytes16(samples: &[u16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect()
    }

    fn bytes32(samples: &[f32]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect()
    }

    #[test]
    fn eight_bits() {
        assert_eq!(luma(ColorType::L8, &[0, 7, 255]), [0, 7, 255]);
        assert_eq!(
            luma(ColorType::Rgb8, &[255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]),
            [76, 150, 29, 255]
        );
        assert_eq!(luma(ColorType::La8, &[0, 255, 0, 0, 0, 128, 100, 51]), [0, 255, 127, 224]);
        assert_eq!(luma(ColorType::Rgba8, &[255, 0, 0, 255, 255, 0, 0, 0]), [76, 255]);
    }

    #[test]
    fn sixteen_bits_keep_the_upper_half() {
        assert_eq!(
            luma(ColorType::L16, &bytes16(&[0, 128, 129, 257, 0x1234, 0xffff])),
            [0, 0, 1, 1, 18, 255]
        );
        assert_eq!(luma(ColorType::La16, &bytes16(&[0, 0, 0, 0xffff, 0xffff, 3])), [255, 0, 255]);
        assert_eq!(luma(ColorType::Rgb16, &bytes16(&[0xffff, 0, 0])), [76]);
        assert_eq!(luma(ColorType::Rgba16, &bytes16(&[0xffff, 0, 0, 0xffff, 0, 0, 0, 0])), [76, 255]);
    }

    #[test]
    fn floats_are_clamped_and_never_a_nan() {
        let rgb = [
            f32::NAN,
            f32::NAN,
            f32::NAN,
            2.0,
            f32::INFINITY,
            1.0,
            -1.0,
            -0.0,
            f32::NEG_INFINITY,
            1.0,
            0.0,
            0.0,
        ];
        assert_eq!(luma(ColorType::Rgb32F, &bytes32(&rgb)), [0, 255, 0, 76]);
        assert_eq!(luma(ColorType::Rgba32F, &bytes32(&[0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 1.0])), [255, 128]);
    }

    proptest! {
        #[test]
        fn grey_stays_grey(value: u8, alpha: u8) {
            prop_assert_eq!(luma(ColorType::Rgb8, &[value; 3]), [value]);
            prop_assert_eq!(luma(ColorType::Rgba8, &[value, value, value, 255]), [value]);
            prop_assert_eq!(luma(ColorType::La8, &[value, alpha]), luma(ColorType::Rgba8, &[value, value, value, alpha]));
            let wide = u16::from(value) * 257;
            prop_assert_eq!(luma(ColorType::Rgb16, &bytes16(&[wide; 3])), [value]);
        }

        #[test]
        fn eight_and_sixteen_bits_agree(rgba: [u8; 4]) {
            let narrow = i32::from(luma(ColorType::Rgba8, &rgba)[0]);
            let wide = i32::from(luma(ColorType::Rgba16, &bytes16(&rgba.map(|s| u16::from(s) * 257)))[0]);
            prop_assert!((narrow - wide).abs() <= 1);
        }

        #[test]
        fn no_sample_overflows(rgba: [u16; 4], floats: [f32; 4]) {
            luma(ColorType::Rgba16, &bytes16(&rgba));
            luma(ColorType::Rgba32F, &bytes32(&floats));
        }
    }
}
