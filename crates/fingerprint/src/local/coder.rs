//! From descriptors to local codes: whitening and secret rotation in one integer matrix.

use saltprint_keys::{Context, ProjectionKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    DESCRIPTOR_SIZE, FRAME, Keypoint, LocalCode, LocalFeature, LocalFeatures, LocalFingerprint, LocalProfile,
    LocalQuery, Place, QueryFeature, Settings, Sharing, mirrored,
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

// A product of a row and a descriptor is below 2^11 * 2^8 * 2^7 = 2^26, and 2^8 times that below 2^34.
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
    /// [`BITS`] rows of [`DESCRIPTOR_SIZE`] entries within +-[`ENTRY_MAX`].
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
        let mut row = zeroize::Zeroizing::new(vec![0.0_f64; DESCRIPTOR_SIZE]);
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
            coder.entries.extend_from_slice(&entries);
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
    pub(crate) fn query(&self, features: &LocalFeatures) -> LocalQuery {
        let pairs = features.keypoints.iter().zip(&features.descriptors);
        let upright = pairs.clone().map(|(keypoint, descriptor)| self.query_feature(*keypoint, descriptor));
        let turned = pairs.map(|(keypoint, descriptor)| {
            let mut descriptor = mirrored(descriptor);
            let angle = 0.5 - keypoint.angle;
            let keypoint =
                Keypoint { x: features.width - keypoint.x, angle: angle - angle.floor(), ..*keypoint };
            let feature = self.query_feature(keypoint, &descriptor);
            descriptor.zeroize();
            feature
        });
        LocalQuery {
            width: features.width,
            height: features.height,
            upright: upright.collect(),
            mirrored: turned.collect(),
        }
    }

    fn query_feature(&self, keypoint: Keypoint, descriptor: &[u8; DESCRIPTOR_SIZE]) -> QueryFeature {
        let mut margins = [0; QueryFeature::MARGINS];
        let code = self.code(descriptor, &mut margins);
        QueryFeature { code, margins, keypoint }
    }

    /// The code of a descriptor.
    pub(crate) fn plain_code(&self, descriptor: &[u8; DESCRIPTOR_SIZE]) -> LocalCode {
        self.code(descriptor, &mut [0; QueryFeature::MARGINS])
    }

    fn code(
        &self,
        descriptor: &[u8; DESCRIPTOR_SIZE],
        margins: &mut [u8; QueryFeature::MARGINS],
    ) -> LocalCode {
        let mut words = [0_u64; 2];
        let mut sums = [0; BITS];
        products(&self.entries, descriptor, &mut sums);
        for (bit, (&sum, &threshold)) in sums.iter().zip(&self.thresholds).enumerate() {
            let above = i64::from(sum) * MEAN_STEPS - threshold;
            words[bit / 64] |= u64::from(above > 0) << (bit % 64);
            if let Some(margin) = margins.get_mut(bit) {
                *margin = level(above.unsigned_abs() as f32 * self.units[bit]);
            }
        }
        sums.zeroize();
        LocalCode::from_words(words)
    }
}

wide! {
    /// Products of the rows of a matrix and a descriptor.
    fn products(entries: &[i16], descriptor: &[u8; DESCRIPTOR_SIZE], sums: &mut [i32; BITS]) {
        let mut wide = [0_i16; DESCRIPTOR_SIZE];
        for (wide, &value) in wide.iter_mut().zip(descriptor) {
            *wide = i16::from(value);
        }
        for (row, sum) in entries.as_chunks::<DESCRIPTOR_SIZE>().0.iter().zip(sums) {
            *sum = 0;
            for (&a, &b) in row.iter().zip(&wide) {
                *sum += i32::from(a) * i32::from(b);
            }
        }
        wide.zeroize();
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
