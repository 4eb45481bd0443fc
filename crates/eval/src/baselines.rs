//! Public perceptual hashes that judge the same images: PDQ and a DCT pHash, both as they are commonly used.
//!
//! Each takes the upright image's hash, looks for the nearest record by Hamming distance and accepts it up to a
//! threshold. Nobody tries turned or mirrored copies with them, so neither do we. Where the right record and another
//! one are equally near, the right one counts.

use std::sync::OnceLock;

use image::{GrayImage, imageops};
use image_hasher::{HashAlg, Hasher, HasherConfig};
use pdqhash::image as old_image;
use saltprint_fingerprint::Luma;

use crate::measures::Measure;

/// PDQ hashes of images below this quality, 0 to 1, are not used: the customary line.
const PDQ_LEAST_QUALITY: f32 = 0.5;
/// Smallest side that PDQ takes.
const PDQ_LEAST_SIDE: u32 = 5;
/// Images of at least four times as many pixels are averaged down before PDQ.
const PDQ_PIXELS: u64 = 320_000;
/// Longer side that images are reduced to before pHash, which goes on to 16 x 16.
const PHASH_SIDE: u32 = 512;

/// What is fixed about a baseline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Baseline {
    pub(crate) name: &'static str,
    /// Length of the hash.
    pub(crate) bits: u32,
    /// Largest distance that its makers accept.
    pub(crate) customary: u32,
}

/// The baselines, in the order of [`Hashes::measure`].
pub(crate) const BASELINES: [Baseline; 2] =
    [Baseline { name: "PDQ", bits: 256, customary: 31 }, Baseline { name: "pHash", bits: 64, customary: 10 }];

/// The hashes of one image; absent where the image gives none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hashes {
    pdq: Option<[u64; 4]>,
    phash: Option<u64>,
}

impl Hashes {
    pub(crate) fn of(image: &Luma) -> Self {
        Self {
            phash: phash(image),
            pdq: pdq(reduced(image))
                .filter(|(_, quality)| *quality >= PDQ_LEAST_QUALITY)
                .map(|(bits, _)| bits),
        }
    }

    /// Distances to the nearest right record of `gallery` and the nearest other one, for each baseline.
    pub(crate) fn measure(
        &self,
        gallery: &[Self],
        is_right: impl Fn(usize) -> bool,
    ) -> [Measure; BASELINES.len()] {
        let mut measures = [Measure::default(); BASELINES.len()];
        for (index, record) in gallery.iter().enumerate() {
            let pdq = self.pdq.zip(record.pdq).map(|(a, b)| distance(&a, &b));
            let phash = self.phash.zip(record.phash).map(|(a, b)| distance(&[a], &[b]));
            for (measure, distance) in measures.iter_mut().zip([pdq, phash]) {
                let Some(distance) = distance else { continue };
                let nearest = if is_right(index) { &mut measure.right } else { &mut measure.other };
                if nearest.is_none_or(|nearest| distance < nearest) {
                    *nearest = Some(distance);
                }
            }
        }
        measures
    }
}

fn distance(a: &[u64], b: &[u64]) -> f32 {
    // At most 256, which f32 holds exactly.
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() as f32
}

/// The image averaged down by a whole factor where it has several times [`PDQ_PIXELS`]. PDQ goes on to 64 x 64 anyway, and
/// everybody who hashes many photos reduces them first; so does the reference, to 512 x 512.
fn reduced(image: &Luma) -> (u32, u32, Vec<u8>) {
    let pixels = u64::from(image.width()) * u64::from(image.height());
    average(image, usize::try_from((pixels / PDQ_PIXELS).isqrt()).unwrap_or(1))
}

/// The PDQ hash and its quality, 0 to 1; `None` for images under 5 pixels a side.
fn pdq((width, height, pixels): (u32, u32, Vec<u8>)) -> Option<([u64; 4], f32)> {
    if width.min(height) < PDQ_LEAST_SIDE {
        return None;
    }
    let buffer = old_image::GrayImage::from_raw(width, height, pixels)?;
    let (bytes, quality) = pdqhash::generate_pdq_full_size(&old_image::DynamicImage::ImageLuma8(buffer));
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    Some((words, quality))
}

/// Width, height and pixels of the image with `factor` x `factor` pixels averaged to one; a rest at the edge is left out.
fn average(image: &Luma, factor: usize) -> (u32, u32, Vec<u8>) {
    if factor <= 1 {
        return (image.width(), image.height(), image.pixels().to_vec());
    }
    let step = u32::try_from(factor).unwrap_or(u32::MAX);
    let (width, height) = (image.width() / step, image.height() / step);
    let area = step * step;
    let stride = image.width() as usize;
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    let mut sums = vec![0_u32; width as usize];
    for rows in image.pixels().chunks_exact(stride * factor) {
        sums.fill(0);
        for row in rows.chunks_exact(stride) {
            for (sum, block) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                *sum += block.iter().copied().map(u32::from).sum::<u32>();
            }
        }
        pixels.extend(sums.iter().map(|sum| u8::try_from((sum + area / 2) / area).unwrap_or(u8::MAX)));
    }
    (width, height, pixels)
}

/// The 64-bit hash of the signs of low frequencies about their median.
fn phash(image: &Luma) -> Option<u64> {
    static HASHER: OnceLock<Hasher<[u8; 8]>> = OnceLock::new();
    let hasher = HASHER.get_or_init(|| {
        HasherConfig::with_bytes_type::<[u8; 8]>()
            .hash_size(8, 8)
            .hash_alg(HashAlg::Median)
            .preproc_dct()
            .to_hasher()
    });
    let buffer = GrayImage::from_raw(image.width(), image.height(), image.pixels().to_vec())?;
    let longer = buffer.width().max(buffer.height());
    let buffer = if longer > PHASH_SIDE {
        let side = |side: u32| {
            let side = u64::from(side) * u64::from(PHASH_SIDE) / u64::from(longer);
            u32::try_from(side.max(1)).unwrap_or(PHASH_SIDE)
        };
        imageops::thumbnail(&buffer, side(buffer.width()), side(buffer.height()))
    } else {
        buffer
    };
    let bytes: [u8; 8] = hasher.hash_image(&buffer).as_bytes().try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests;
