//! What never leaves a shipped program: the features behind codes, and the half-spaces that codes are read from.
//!
//! For evaluations that play the attacker, and for nothing else. Somebody who holds images, profile and key can compute
//! all of it from this source anyway; a program that serves others must not hand any of it out. Everything here wipes
//! itself and prints its name only.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    code::GlobalCode,
    coder::Coder,
    features::{FEATURES, Features},
    grid::Grid,
    local::{DESCRIPTOR_SIZE, LocalCode, LocalFeatures, Settings},
    luma::Luma,
    plain::{self, TooPlain},
};

/// What the codes of one image are made from, whatever the key: many keys' codes from one look at the pixels.
pub struct RawFeatures {
    whole: Features,
    parts: LocalFeatures,
}

impl RawFeatures {
    /// Values of [`RawFeatures::whole`].
    pub const WHOLE: usize = FEATURES;
    /// Values of one of [`RawFeatures::parts`].
    pub const PART: usize = DESCRIPTOR_SIZE;

    /// Those of the whole image alone.
    ///
    /// # Errors
    /// [`TooPlain`] exactly where [`Coder::fingerprint`] gives it.
    pub fn of_whole(image: &Luma) -> Result<Self, TooPlain> {
        let grids = Grid::new(image).reduce();
        plain::check(&grids)?;
        Ok(Self { whole: Features::new(&grids), parts: LocalFeatures::default() })
    }

    /// Those of the whole image and of the keypoints that a record's pool is made of, strongest first.
    ///
    /// # Errors
    /// [`TooPlain`] exactly where [`Coder::fingerprint`] gives it.
    pub fn of(image: &Luma) -> Result<Self, TooPlain> {
        let mut features = Self::of_whole(image)?;
        features.parts = LocalFeatures::extract(image, &Settings::RECORD);
        Ok(features)
    }

    /// [`RawFeatures::WHOLE`] values, within +-32,767.
    pub fn whole(&self) -> &[i16] {
        self.whole.values()
    }

    /// The descriptors of keypoints, 0 to 255 each.
    pub fn parts(&self) -> &[[u8; DESCRIPTOR_SIZE]] {
        &self.parts.descriptors
    }

    /// The whole-image code that `coder` gives the image.
    pub fn whole_code(&self, coder: &Coder) -> GlobalCode {
        coder.matrix().code(&self.whole)
    }

    /// The codes of the first `most` keypoints.
    pub fn part_codes(&self, coder: &Coder, most: usize) -> Vec<LocalCode> {
        self.parts.descriptors.iter().take(most).map(|part| coder.local().plain_code(part)).collect()
    }
}

impl std::fmt::Debug for RawFeatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawFeatures")
    }
}

/// One secret direction of an epoch: an image lies within where the product of `normal` and its features exceeds `border`.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub struct HalfSpace {
    /// [`RawFeatures::WHOLE`] values.
    pub normal: Vec<i16>,
    /// In the unit of the product.
    pub border: f64,
}

impl HalfSpace {
    /// Those of one bit of a global code, 0 to 255, in the order of the truth table's inputs: one for the linear
    /// [`Readout`](crate::Readout). None for a bit that does not exist.
    #[must_use]
    pub fn of_bit(coder: &Coder, bit: usize) -> Vec<Self> {
        coder
            .matrix()
            .half_spaces(bit)
            .map(|(normal, border)| Self { normal: normal.to_vec(), border })
            .collect()
    }
}

impl std::fmt::Debug for HalfSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HalfSpace")
    }
}

#[cfg(test)]
mod tests {
    use saltprint_keys::ProjectionKey;

    use super::*;
    use crate::{Profile, Readout};

    fn image() -> Luma {
        let pixels =
            (0..320_u32 * 200).map(|i| u8::try_from((i % 320 / 40 * 31) ^ (i / 320 / 25 * 17)).unwrap());
        Luma::new(320, 200, pixels.collect()).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_coder_and_half_spaces_say_the_same() {
        let key = ProjectionKey::from_secret(&[7; 32]);
        let coder = Coder::new(&Profile::builtin(), &key);
        let features = RawFeatures::of(&image()).unwrap();
        let record = coder.fingerprint(&image()).unwrap();
        let code = features.whole_code(&coder);
        assert_eq!(code, record.global);
        let mut parts = features.part_codes(&coder, usize::MAX);
        let mut pool: Vec<LocalCode> = record.local.features.iter().map(|feature| feature.code).collect();
        assert!(!parts.is_empty());
        parts.sort_unstable_by_key(LocalCode::words);
        pool.sort_unstable_by_key(LocalCode::words);
        assert_eq!(parts, pool);
        for bit in 0..256 {
            let [half_space] = <[HalfSpace; 1]>::try_from(HalfSpace::of_bit(&coder, bit)).unwrap();
            let pairs = half_space.normal.iter().zip(features.whole());
            let product: i64 = pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
            let inside = product as f64 > half_space.border;
            assert_eq!(inside, code.words()[bit / 64] >> (bit % 64) & 1 == 1, "bit {bit}");
        }
        assert!(HalfSpace::of_bit(&coder, 256).is_empty());
        let tables = Profile::builtin().with_readout(Readout::of(6).unwrap());
        assert_eq!(HalfSpace::of_bit(&Coder::new(&tables, &key), 255).len(), 6);
    }

    #[test]
    fn debug_shows_nothing() {
        let coder = Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]));
        let features = RawFeatures::of_whole(&image()).unwrap();
        assert_eq!(format!("{features:?} {:?}", HalfSpace::of_bit(&coder, 0)), "RawFeatures [HalfSpace]");
    }
}
