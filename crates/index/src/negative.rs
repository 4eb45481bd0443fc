//! What is never evidence: blank templates, specimens, and whatever else many leaks may show without being anybody's.

use saltprint_fingerprint::{Fingerprint, GlobalCode, LocalCode, QueryFeature};

/// Distance in bits up to which a feature of a query is one of a negative image; as far as pairs count as agreeing at all.
const RADIUS: u32 = 20;

/// The fingerprints of negative images, kept in the sealed manifest: 32 bytes and up to 720 times 16 each.
///
/// Local features of a query that a negative image has are left out of the search, and a negative image that is near to a
/// query as a whole counts as a rival of every record.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NegativeBank {
    codes: Vec<[u8; GlobalCode::BYTES]>,
    features: Vec<[u8; LocalCode::BYTES]>,
}

impl NegativeBank {
    /// Adds an image by its fingerprint, straight from the image: with its whole pool of local features.
    pub fn add(&mut self, fingerprint: &Fingerprint) {
        self.codes.push(fingerprint.global.to_bytes());
        self.features.extend(fingerprint.local.features.iter().map(|feature| feature.code.to_bytes()));
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Smallest distance of a negative image to any of the codes of a query, in bits.
    pub fn nearest(&self, query: &[GlobalCode]) -> Option<u32> {
        let codes = self.codes.iter().map(GlobalCode::from_bytes);
        codes.filter_map(|code| query.iter().map(|asked| asked.distance(&code)).min()).min()
    }

    /// Which of a query's features are evidence: those that no negative image has. Takes about a millisecond for each
    /// image in the bank and 500 features.
    pub fn admits(&self, features: &[QueryFeature]) -> Vec<bool> {
        let bank: Vec<LocalCode> = self.features.iter().map(LocalCode::from_bytes).collect();
        features.iter().map(|feature| bank.iter().all(|code| feature.code.distance(code) > RADIUS)).collect()
    }
}

/// Codes are secret.
impl std::fmt::Debug for NegativeBank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NegativeBank").field("images", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::{Keypoint, LocalFeature, LocalFingerprint, Place, Sharing};

    use super::*;

    #[test]
    fn features_and_codes_of_negative_images_are_known_again() {
        let place = Place { x: 0, y: 0, size: 0, angle: 0 };
        let known = LocalFeature { code: LocalCode::from_words([5, 9]), place, sharing: Sharing::default() };
        let local = LocalFingerprint { width: 10, height: 10, features: vec![known] };
        let mut bank = NegativeBank::default();
        assert!(bank.is_empty());
        bank.add(&Fingerprint::new(GlobalCode::from_words([1, 2, 3, 4]), local));
        let query = |words| QueryFeature {
            code: LocalCode::from_words(words),
            margins: [0; QueryFeature::MARGINS],
            keypoint: Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 },
        };
        assert_eq!(bank.admits(&[query([5 ^ 0xFFFF, 9]), query([5 ^ u64::MAX, 9])]), [false, true]);
        let codes = [GlobalCode::from_words([1, 2, 3, 7]); 8];
        assert_eq!(bank.nearest(&codes), Some(2));
        assert_eq!(format!("{bank:?}"), "NegativeBank { images: 1, .. }");
    }
}
