//! The secret projection: from features to codes.

use saltprint_keys::{Context, EpochId, ProjectionKey, Subkey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::wide::wide;
use crate::{
    code::{Fingerprint, GlobalCode, QueryFingerprint},
    features::{FEATURE_MAX, FEATURES, Features},
    grid::{Grid, Grids},
    local::{LocalCoder, LocalFeatures, LocalQuery, Reader, ScaleSpace, Scales, Settings, Threads},
    luma::Luma,
    orientation::Orientation,
    panels::{Panel, Part, panels},
    plain::{self, TooPlain},
    profile::{MEAN_STEPS, Profile, quantise_row},
    readout::{Readout, Tables},
    straight::{Corners, straighten},
};

/// Bits of a code, and rows of the projection.
const BITS: usize = GlobalCode::BITS as usize;
/// Largest matrix entry: 11 bits and a sign.
const ENTRY_MAX: i16 = 2047;
/// Products that are added in 32 bits before they are added in 64.
const CHUNK: usize = 32;

// A chunk cannot overflow, so its sum is the same however the compiler vectorises it. The sum of all chunks is below
// 2^37, and 256 times that is still far from the limit of i64.
const _: () = assert!(FEATURES.is_multiple_of(CHUNK));
const _: () = assert!((CHUNK as u64 * ENTRY_MAX as u64) * FEATURE_MAX as u64 <= i32::MAX as u64);

/// Makes the codes of one epoch: a [`Profile`] fused with the secret projection of a [`ProjectionKey`].
///
/// It takes a tenth of a second to make and holds 750 kB, which are wiped on drop; with a [`Readout`] of several
/// half-spaces a bit, that many times as much. Share one between threads by reference.
pub struct Coder {
    epoch: EpochId,
    matrix: Matrix,
    local: LocalCoder,
}

/// The fused projection.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Matrix {
    /// Rows of [`FEATURES`] entries within +-[`ENTRY_MAX`], one a half-space; those of a bit stand together.
    entries: Vec<i16>,
    /// What [`MEAN_STEPS`] times a row's product must exceed for a one.
    thresholds: Vec<i64>,
    /// Half-spaces a bit.
    #[zeroize(skip)]
    readout: Readout,
    tables: Tables,
}

impl Coder {
    /// Expands the key into 256 random directions over the axes of the profile.
    ///
    /// The directions are mutually orthogonal, as far as 256 of them can be in fewer dimensions: the columns of the
    /// projection are orthonormal. They depend on the key *and* the profile, so no two epochs share a direction.
    #[must_use]
    pub fn new(profile: &Profile, key: &ProjectionKey) -> Self {
        let digest = profile.digest();
        let matrix = Matrix::new(profile, key, &digest);
        let local = LocalCoder::new(profile.local(), key, &digest);
        Self { epoch: EpochId::new(key.id(), &digest), matrix, local }
    }

    /// The epoch whose codes this makes. Codes of two epochs never compare.
    pub fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The record side: the code of the upright image, and the local codes of its whole pool of keypoints, from which the
    /// index selects.
    ///
    /// # Errors
    /// [`TooPlain`] where the image has too little structure to be told apart.
    pub fn fingerprint(&self, image: &Luma) -> Result<Fingerprint, TooPlain> {
        let grids = Grid::new(image).reduce();
        plain::check(&grids)?;
        let features = LocalFeatures::extract(image, &Settings::RECORD);
        let small = LocalFeatures::extract(image, &Settings::SMALL_COPY);
        Ok(Fingerprint { global: self.code(&grids), local: self.local.fingerprint(&features, &small) })
    }

    /// The query side: the codes with each of the eight orientations undone, and the local codes.
    ///
    /// # Errors
    /// [`TooPlain`] exactly where [`Coder::fingerprint`] gives it.
    pub fn query(&self, image: &Luma) -> Result<QueryFingerprint, TooPlain> {
        let codes = self.codes(image)?;
        let features = LocalFeatures::extract(image, &Settings::QUERY);
        Ok(QueryFingerprint::new(codes, self.local.query(&features, Threads::Own)))
    }

    /// The same of an image that is asked alone: by all threads of the current rayon pool, and with the image prepared for being read,
    /// as [`Coder::reader`] would prepare it once more.
    ///
    /// # Errors
    /// As [`Coder::query`].
    pub fn query_and_scales(&self, image: &Luma) -> Result<(QueryFingerprint, Scales), TooPlain> {
        let codes = self.codes(image)?;
        let (features, scales) = scales(image, &Settings::QUERY, Threads::Pool);
        Ok((QueryFingerprint::new(codes, self.local.query(&features, Threads::Pool)), scales))
    }

    /// The local codes of an image at a higher resolution, for parts that are small in it: the pages of a collage, a
    /// document on a table; and the image prepared for being read at that resolution. About three times the work of the query's own.
    #[must_use]
    pub fn fine(&self, image: &Luma, threads: Threads) -> (LocalQuery, Reader<'_>) {
        let (features, scales) = scales(image, &Settings::FINE_QUERY, threads);
        (self.local.query(&features, threads), Reader::new(&self.local, scales))
    }

    /// The whole-image code of the document that lies at `corners` in an image, as if it filled the frame; `None` where the
    /// corners make no document, more than a twenty-fifth of it lies outside, it is too plain, or the image is one pixel wide or high.
    #[must_use]
    pub fn straightened(&self, image: &Luma, corners: &Corners) -> Option<GlobalCode> {
        let grids = straighten(image, corners)?.reduce();
        plain::check(&grids).ok()?;
        Some(self.code(&grids))
    }

    /// The pictures that an image is made of, if it is laid out on a plain ground: a collage, a screenshot, a picture with a
    /// border. The largest first, 16 at most; those that are too plain are left out.
    #[must_use]
    pub fn panels(&self, image: &Luma) -> Vec<Panel> {
        let parts = panels(image).into_iter();
        let panel = |part: Part| {
            let codes = self.codes(&part.crop(image)?).ok()?;
            Some(Panel { area: part.in_shares(image), codes })
        };
        parts.filter_map(panel).collect()
    }

    /// The local codes of a panel as an image of its own, in which details are larger than on the whole sheet. `area` is that of
    /// [`Panel::area`]; where it holds no pixel there are no codes.
    #[must_use]
    pub fn panel_query(&self, image: &Luma, area: &[f64; 4]) -> LocalQuery {
        let panel = Part::of_shares(area, image).crop(image);
        panel.map_or_else(LocalQuery::default, |panel| {
            self.local.query(&LocalFeatures::extract(&panel, &Settings::QUERY), Threads::Own)
        })
    }

    /// Prepares a panel for being read at chosen places, as an image of its own; `None` where it holds no pixel.
    #[must_use]
    pub fn panel_reader(&self, image: &Luma, area: &[f64; 4]) -> Option<Reader<'_>> {
        Some(self.reader(&Part::of_shares(area, image).crop(image)?))
    }

    /// Prepares an image for being read at chosen places, at the resolution of [`Coder::query`].
    #[must_use]
    pub fn reader(&self, image: &Luma) -> Reader<'_> {
        self.reader_of(Scales::new(ScaleSpace::new(image, Settings::QUERY.long_side, None)))
    }

    /// The same for an image that was prepared before.
    #[must_use]
    pub fn reader_of(&self, image: Scales) -> Reader<'_> {
        Reader::new(&self.local, image)
    }

    pub(crate) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    pub(crate) fn local(&self) -> &LocalCoder {
        &self.local
    }

    /// The whole-image codes with each orientation undone.
    fn codes(&self, image: &Luma) -> Result<[GlobalCode; 8], TooPlain> {
        let grids = Grid::new(image).reduce();
        plain::check(&grids)?;
        Ok(Orientation::ALL.map(|orientation| self.code(&grids.undo(orientation))))
    }

    fn code(&self, grids: &Grids) -> GlobalCode {
        self.matrix.code(&Features::new(grids))
    }
}

/// The local features of an image, and what they were found in.
fn scales(image: &Luma, settings: &Settings, threads: Threads) -> (LocalFeatures, Scales) {
    let (features, space) = LocalFeatures::with_scale_space(image, settings, threads);
    let space = space.unwrap_or_else(|| ScaleSpace::new(image, settings.long_side, None));
    (features, Scales::new(space))
}

impl Matrix {
    fn new(profile: &Profile, key: &ProjectionKey, digest: &[u8; 32]) -> Self {
        let readout = profile.readout();
        let rows = BITS * usize::from(readout.half_spaces());
        let mut matrix = Self {
            entries: Vec::with_capacity(rows * FEATURES),
            thresholds: Vec::with_capacity(rows),
            readout,
            tables: if readout.is_linear() {
                Tables::none()
            } else {
                Tables::draw(readout, BITS, &key.derive(Context::GLOBAL_READOUT, digest))
            },
        };
        // A frame of directions for each input of the tables; the first is salted as the linear read-out's only one.
        let frames: Vec<Zeroizing<Vec<f64>>> = (0..readout.half_spaces())
            .map(|frame| {
                let mut salt = digest.to_vec();
                salt.extend(Some(frame).filter(|frame| *frame > 0));
                orthonormal_columns(profile.dims(), BITS, &key.derive(Context::GLOBAL_PROJECTION, &salt))
            })
            .collect();
        let mut row = Zeroizing::new(vec![0.0_f64; FEATURES]);
        for (bit, columns) in (0..BITS).flat_map(|bit| frames.iter().map(move |columns| (bit, columns))) {
            row.fill(0.0);
            for (column, (scale, axis)) in columns.chunks_exact(BITS).zip(profile.axes()) {
                let weight = column[bit] * f64::from(scale);
                add_scaled(&mut row, axis, weight);
            }
            let (_, mut entries) = quantise_row(&row, ENTRY_MAX);
            let products = entries.iter().zip(profile.mean());
            // Each product is below 2^11 * 2^23: no overflow in 1,376 of them.
            matrix.thresholds.push(products.map(|(&entry, &mean)| i64::from(entry) * i64::from(mean)).sum());
            matrix.entries.extend_from_slice(&entries);
            entries.zeroize();
        }
        matrix
    }

    pub(crate) fn code(&self, features: &Features) -> GlobalCode {
        let mut words = [0_u64; 4];
        let inputs = usize::from(self.readout.half_spaces());
        let mut sums = Zeroizing::new(vec![0; self.thresholds.len()]);
        products(&self.entries, features.values(), &mut sums);
        let bits = sums.chunks_exact(inputs).zip(self.thresholds.chunks_exact(inputs));
        for (bit, (sums, thresholds)) in bits.enumerate() {
            let mut address = 0;
            for (input, (sum, &threshold)) in sums.iter().zip(thresholds).enumerate() {
                address |= usize::from(sum * MEAN_STEPS > threshold) << input;
            }
            words[bit / 64] |= u64::from(self.tables.read(bit, address)) << (bit % 64);
        }
        GlobalCode::from_words(words)
    }

    /// The half-spaces of a bit: normals, and the product of normal and features at the border.
    pub(crate) fn half_spaces(&self, bit: usize) -> impl Iterator<Item = (&[i16], f64)> {
        let inputs = usize::from(self.readout.half_spaces());
        let rows = self.entries.chunks_exact(FEATURES).zip(&self.thresholds);
        rows.skip(bit * inputs)
            .take(inputs)
            .map(|(row, &threshold)| (row, threshold as f64 / MEAN_STEPS as f64))
    }
}

impl std::fmt::Debug for Coder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coder").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

wide! {
    /// Exact products of matrix rows and a feature vector.
    fn products(entries: &[i16], features: &[i16], products: &mut [i64]) {
        let features = features.as_chunks::<CHUNK>().0;
        for (row, product) in entries.chunks_exact(FEATURES).zip(products) {
            *product = 0;
            for (a, b) in row.as_chunks::<CHUNK>().0.iter().zip(features) {
                let mut sum = 0;
                for (&a, &b) in a.iter().zip(b) {
                    sum += i32::from(a) * i32::from(b);
                }
                *product += i64::from(sum);
            }
        }
    }

    /// Adds `weight` times an axis to a row.
    pub(crate) fn add_scaled(row: &mut [f64], axis: &[i16], weight: f64) {
        for (sum, &entry) in row.iter_mut().zip(axis) {
            *sum += weight * f64::from(entry);
        }
    }
}

/// `dims` columns of `bits` values, one after another: a uniformly random orthonormal frame, expanded from the key.
pub(crate) fn orthonormal_columns(dims: usize, bits: usize, subkey: &Subkey) -> Zeroizing<Vec<f64>> {
    let mut stream = Gaussians::new(subkey.expose());
    let mut columns = Zeroizing::new(vec![0.0; dims * bits]);
    for value in columns.iter_mut() {
        *value = stream.next();
    }
    for d in 0..dims {
        let (done, rest) = columns.split_at_mut(d * bits);
        let column = &mut rest[..bits];
        // Gram-Schmidt, twice: the second round removes the rounding error of the first.
        for _ in 0..2 {
            for earlier in done.chunks_exact(bits) {
                let along: f64 = earlier.iter().zip(column.iter()).map(|(a, b)| a * b).sum();
                column.iter_mut().zip(earlier).for_each(|(value, a)| *value -= along * a);
            }
        }
        let length = column.iter().map(|value| value * value).sum::<f64>().sqrt();
        for value in column {
            *value /= length;
        }
    }
    columns
}

/// Normal deviates from the BLAKE3 output of a key, by the Box-Muller transform with `libm`'s functions, which (unlike
/// the platform's) give the same bits everywhere.
struct Gaussians {
    output: Zeroizing<blake3::OutputReader>,
}

impl Gaussians {
    fn new(key: &[u8; 32]) -> Self {
        let hasher = Zeroizing::new(blake3::Hasher::new_keyed(key));
        Self { output: Zeroizing::new(hasher.finalize_xof()) }
    }

    /// A multiple of 2^-53 in (0, 1].
    fn uniform(&mut self) -> f64 {
        let mut bytes = [0; 8];
        self.output.fill(&mut bytes);
        let value = ((u64::from_le_bytes(bytes) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        bytes.zeroize();
        value
    }

    fn next(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(2.0 * std::f64::consts::PI * angle)
    }
}

#[cfg(test)]
mod tests;
