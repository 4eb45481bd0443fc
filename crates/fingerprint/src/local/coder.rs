//! From descriptors to local codes: whitening and secret rotation in one integer matrix.

use rayon::prelude::*;
use saltprint_keys::{Context, ProjectionKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    DESCRIPTOR_SIZE, FRAME, Keypoint, LocalCode, LocalFeature, LocalFeatures, LocalFingerprint, LocalProfile,
    LocalQuery, Place, QueryFeature, Settings, Sharing, Threads, mirror_of, resize::wipe,
};
use crate::coder::{add_scaled, orthonormal_columns};
use crate::profile::{MEAN_STEPS, quantise_row};
use crate::wide::wide;

/// Bits of a code, and rows of the projection.
const BITS: usize = LocalCode::BITS as usize;
/// Largest matrix entry: 11 bits and a sign.
const ENTRY_MAX: i16 = 2047;
/// Scales margins so that their usual spread fills the range of a byte.
const MARGIN_UNIT: f32 = 2.5;
/// Bits within which a feature of the small copy is the same.
const SURVIVES: u32 = 20;

/// Values of the upper half of a descriptor. Those of the lower half are their mirror images.
const HALF: usize = DESCRIPTOR_SIZE / 2;
/// Features that are coded by one task.
const FEATURES_A_TASK: usize = 64;

// A product of a row and a descriptor is below 2^11 * 2^8 * 2^7 = 2^26, a folded one twice that, and 2^8 times the first below 2^34.
const _: () = assert!(DESCRIPTOR_SIZE == 128 && BITS == DESCRIPTOR_SIZE);

impl Settings {
    /// Of a record: its whole pool.
    pub(crate) const RECORD: Self =
        Self { long_side: 896, keep: 720, contrast: 0.02, edge_ratio: 10.0, cells: 1 };
    /// Of a record's small copy, which tells what survives.
    pub(crate) const SMALL_COPY: Self = Self { long_side: 512, ..Self::RECORD };
    /// Of a leaked image.
    pub(crate) const QUERY: Self = Self { long_side: 896, keep: 800, ..Self::RECORD };
    /// Of a leaked image that may show several documents, or a small one on something with much stronger structure: of 60 documents
    /// on 40 % of a table 46 were matched without cells, and 59 with 8 or 12; the 13 lay on a chequered cloth.
    pub(crate) const FINE_QUERY: Self = Self { long_side: 1536, keep: 1800, cells: 8, ..Self::RECORD };
}

/// The fused local projection of one epoch.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct LocalCoder {
    /// [`BITS`] rows, each [`fold`]ed.
    entries: Vec<i16>,
    /// What [`MEAN_STEPS`] times a row's product must exceed for a one.
    thresholds: Vec<i64>,
    /// One over the length of each row, for margins.
    units: Vec<f32>,
}

impl LocalCoder {
    pub(crate) fn new(profile: &LocalProfile, key: &ProjectionKey, digest: &[u8; 32]) -> Self {
        let subkey = key.derive(Context::LOCAL_PROJECTION, digest);
        let columns = orthonormal_columns(DESCRIPTOR_SIZE, BITS, &subkey);
        let mut coder = Self {
            entries: Vec::with_capacity(BITS * DESCRIPTOR_SIZE),
            thresholds: Vec::with_capacity(BITS),
            units: Vec::with_capacity(BITS),
        };
        let mut row = Zeroizing::new(vec![0.0_f64; DESCRIPTOR_SIZE]);
        let mut folded = Zeroizing::new([0; DESCRIPTOR_SIZE]);
        for bit in 0..BITS {
            row.fill(0.0);
            for (column, (scale, axis)) in columns.chunks_exact(BITS).zip(profile.axes()) {
                let weight = column[bit] * f64::from(scale);
                add_scaled(&mut row, axis, weight);
            }
            let (_, mut entries) = quantise_row(&row, ENTRY_MAX);
            let products = entries.iter().zip(&profile.mean);
            coder.thresholds.push(products.map(|(&entry, &mean)| i64::from(entry) * i64::from(mean)).sum());
            let square: i64 = entries.iter().map(|&entry| i64::from(entry) * i64::from(entry)).sum();
            coder.units.push(MARGIN_UNIT / (square.max(1) as f32).sqrt() / MEAN_STEPS as f32);
            for row in entries.as_chunks::<DESCRIPTOR_SIZE>().0 {
                fold(row, &mut folded);
                coder.entries.extend_from_slice(&*folded);
            }
            entries.zeroize();
        }
        coder
    }

    /// The pool of a record: every feature, shared by nobody so far. Those that a small copy of the image shows as well
    /// come first, of equals the strongest.
    pub(crate) fn fingerprint(&self, features: &LocalFeatures, small: &LocalFeatures) -> LocalFingerprint {
        let copies: Vec<(Keypoint, LocalCode)> = (small.keypoints.iter().copied())
            .zip(small.descriptors.iter().map(|descriptor| self.plain_code(descriptor)))
            .collect();
        let pairs = features.keypoints.iter().zip(&features.descriptors);
        let mut ranked: Vec<(bool, LocalFeature)> = pairs
            .map(|(keypoint, descriptor)| {
                let code = self.plain_code(descriptor);
                let survives = copies
                    .iter()
                    .any(|(copy, other)| is_near(keypoint, copy) && code.distance(other) <= SURVIVES);
                let feature = LocalFeature { code, place: Place::of(keypoint), sharing: Sharing::default() };
                (survives, feature)
            })
            .collect();
        // Stable: strongest first among each.
        ranked.sort_by_key(|(survives, _)| !survives);
        LocalFingerprint {
            width: frame_units(features.width),
            height: frame_units(features.height),
            features: ranked.into_iter().map(|(_, feature)| feature).collect(),
        }
    }

    /// The query of a leaked image.
    pub(crate) fn query(&self, features: &LocalFeatures, threads: Threads) -> LocalQuery {
        let pairs = features.keypoints.par_iter().zip(&features.descriptors);
        let both = pairs.with_min_len(threads.a_task(FEATURES_A_TASK)).map(|(keypoint, descriptor)| {
            let angle: f32 = 0.5 - keypoint.angle;
            let turned =
                Keypoint { x: features.width - keypoint.x, angle: angle - angle.floor(), ..*keypoint };
            self.with_sums(descriptor, |[upright, mirrored]| {
                (self.query_feature(*keypoint, upright), self.query_feature(turned, mirrored))
            })
        });
        let (upright, mirrored) = both.unzip();
        LocalQuery { width: features.width, height: features.height, upright, mirrored }
    }

    fn query_feature(&self, keypoint: Keypoint, sums: &[i32; BITS]) -> QueryFeature {
        let mut margins = [0; QueryFeature::MARGINS];
        let code = self.code(sums, &mut margins);
        QueryFeature { code, margins, keypoint }
    }

    /// The code of a descriptor.
    pub(crate) fn plain_code(&self, descriptor: &[u8; DESCRIPTOR_SIZE]) -> LocalCode {
        self.with_sums(descriptor, |[upright, _]| self.code(upright, &mut [0; QueryFeature::MARGINS]))
    }

    /// Shows products of the rows with a descriptor and with that of its mirror image, which are wiped then.
    fn with_sums<T>(
        &self,
        descriptor: &[u8; DESCRIPTOR_SIZE],
        see: impl FnOnce(&[[i32; BITS]; 2]) -> T,
    ) -> T {
        let (mut wide, mut folded) = ([0; DESCRIPTOR_SIZE], [0; DESCRIPTOR_SIZE]);
        let mut sums = [[0; BITS]; 2];
        wide.iter_mut().zip(descriptor).for_each(|(wide, value)| *wide = i16::from(*value));
        fold(&wide, &mut folded);
        let [upright, mirrored] = &mut sums;
        products(&self.entries, &folded, upright, mirrored);
        let seen = see(&sums);
        wipe(&mut wide);
        wipe(&mut folded);
        wipe(sums.as_flattened_mut());
        seen
    }

    fn code(&self, sums: &[i32; BITS], margins: &mut [u8; QueryFeature::MARGINS]) -> LocalCode {
        let mut words = [0_u64; 2];
        for (bit, (&sum, &threshold)) in sums.iter().zip(&self.thresholds).enumerate() {
            let above = i64::from(sum) * MEAN_STEPS - threshold;
            words[bit / 64] |= u64::from(above > 0) << (bit % 64);
            if let Some(margin) = margins.get_mut(bit) {
                *margin = level(above.unsigned_abs() as f32 * self.units[bit]);
            }
        }
        LocalCode::from_words(words)
    }
}

/// Of the first half of a descriptor's values, or of a row's entries: the sums with those that are their mirror images, and then the
/// differences from them.
///
/// The product of two folded vectors is twice that of the vectors, and with the differences negated twice that with the mirror
/// image: so one pass over a matrix gives both.
fn fold(values: &[i16; DESCRIPTOR_SIZE], folded: &mut [i16; DESCRIPTOR_SIZE]) {
    let (sums, differences) = folded.split_at_mut(HALF);
    for (i, (sum, difference)) in sums.iter_mut().zip(differences).enumerate() {
        let (value, mirror) = (values[i], values[mirror_of(i)]);
        (*sum, *difference) = (value + mirror, value - mirror);
    }
}

wide! {
    /// Products of the rows of a matrix and a descriptor, and that of its mirror image; all but the products folded.
    fn products(
        entries: &[i16],
        descriptor: &[i16; DESCRIPTOR_SIZE],
        upright: &mut [i32; BITS],
        mirrored: &mut [i32; BITS],
    ) {
        let (even, odd) = descriptor.split_at(HALF);
        let sums = upright.iter_mut().zip(mirrored);
        for (row, (upright, mirrored)) in entries.as_chunks::<DESCRIPTOR_SIZE>().0.iter().zip(sums) {
            let (row_even, row_odd) = row.split_at(HALF);
            // Checks of overflows, which cannot happen here, would keep debug builds from vector code: a seventh of the time of end-to-end tests.
            let (mut of_sums, mut of_differences) = (0_i32, 0_i32);
            for (&a, &b) in row_even.iter().zip(even) {
                of_sums = of_sums.wrapping_add(i32::from(a).wrapping_mul(b.into()));
            }
            for (&a, &b) in row_odd.iter().zip(odd) {
                of_differences = of_differences.wrapping_add(i32::from(a).wrapping_mul(b.into()));
            }
            // Both are twice a whole number.
            (*upright, *mirrored) = ((of_sums + of_differences) >> 1, (of_sums - of_differences) >> 1);
        }
    }
}

/// Whether two keypoints of one image at two resolutions may be the same.
fn is_near(a: &Keypoint, b: &Keypoint) -> bool {
    let (x, y) = (a.x - b.x, a.y - b.y);
    let reach = 40.0 + 0.5 * a.size;
    let turn = a.angle - b.angle;
    let turn = turn - turn.round();
    let ratio = a.size / b.size;
    x * x + y * y <= reach * reach && turn.abs() <= 0.06 && (0.75..=1.33).contains(&ratio)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first; `as` maps NaN to 0"
)]
fn level(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first; `as` maps NaN to 0"
)]
fn frame_units(value: f32) -> u16 {
    value.round().clamp(0.0, FRAME) as u16
}

#[cfg(test)]
mod tests;
