//! Do two records hold one image?
//!
//! In a real vault some images are stored under several subjects: a person who registered twice, a picture that several
//! accounts were opened with. Such records are no strangers to each other. Where they passed for some, two in a hundred made the lead that a
//! match needs 27 times as large. Nor do they speak against each other as the origin of a leaked image: no more than one file that is stored twice.

use std::collections::HashMap;

use saltprint_fingerprint::LocalFingerprint;
use saltprint_index::{Generation, Hit, IndexError, IndexHit};
use saltprint_keys::ContentDigest;

use super::compare::{Candidate, place};
use super::score::Near;
use super::search::Sighting;
use crate::geometry::{Pair, Placed, VerifySettings, verify};

/// Distance in bits up to which a detail of one record and one of another look alike.
const NEAR: u32 = 16;
/// Details that two records must have alike to hold one image.
///
/// The index keeps of each record what it shares least with others, so documents of one template have hardly any of it in common: of records
/// of 600 invented documents of nine templates, within 45 bits of each other by their whole image, one detail at most is alike, and nine of all pairs of 400 cards of
/// 150 designs. Two pictures of one image have 18 to 33: as it was, and at 85 % or 45 % of its size, compressed again.
const ALIKE: usize = 12;
/// The same as a share of those that should be in view.
const SHARE: f64 = 0.25;
/// Records of which one image has most near details that are compared with each other.
const COMPARED: usize = 8;
/// Fewest details of a record that are near to some of the image.
const FEWEST: usize = 6;

/// Whether a record that was found with the details that the index keeps of another one, and without reading an image, holds the same image.
pub(super) fn holds_same(shown: &Sighting) -> bool {
    are_enough(shown.alike.len(), f64::from(shown.in_view))
}

/// Whether so many details that are alike, of so many that could be, say that two records hold one image.
fn are_enough(alike: usize, of: f64) -> bool {
    alike >= ALIKE && alike as f64 >= SHARE * of
}

/// Whether a sighting is more than one of print, if other subjects' records hold the same image: two forms of one template that show hardly more than
/// its print pass for one image as well, and a part of a third one may show nothing else.
pub(super) fn is_unmistakable(sighting: &Sighting) -> bool {
    sighting.record.near_duplicate_of.is_none() || (sighting.unchanged && sighting.half_shown)
}

/// Lets candidates that hold one image count as one file stored twice. `near` are the pairs of the image and each candidate.
pub(super) fn unite(candidates: &mut [Candidate], near: &[Vec<Near>], settings: &VerifySettings) {
    let mut most: Vec<(usize, usize)> = near
        .iter()
        .map(|pairs| pairs.iter().filter(|pair| pair.distance <= NEAR).count())
        .enumerate()
        .filter(|(_, count)| *count >= FEWEST)
        .collect();
    // Stable: of equals the first.
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    most.truncate(COMPARED);
    let mut same = Same::default();
    for (rank, (one, _)) in most.iter().enumerate() {
        for (other, _) in &most[..rank] {
            let (one, other) = (&candidates[*one], &candidates[*other]);
            if one.record.is_rival_of(&other.record) && are_same(&one.local, &other.local, settings) {
                same.add(&one.record, &other.record);
            }
        }
    }
    same.apply(candidates.iter_mut().map(|candidate| &mut candidate.record));
}

/// Whether the details of two records say that they hold one image.
fn are_same(one: &LocalFingerprint, other: &LocalFingerprint, settings: &VerifySettings) -> bool {
    let mut pairs = Vec::new();
    for (query, a) in (0..).zip(&one.features) {
        for (record, b) in (0..).zip(&other.features) {
            let distance = a.code.distance(&b.code);
            if distance <= NEAR {
                pairs.push(Pair { query, record, weight: 1.0 });
            }
        }
    }
    if pairs.len() < ALIKE {
        return false;
    }
    let placed = |local: &LocalFingerprint| -> Vec<Placed> {
        local.features.iter().map(|feature| place(&feature.place.keypoint())).collect()
    };
    let agreed = verify(&placed(one), &placed(other), &pairs, settings);
    let alike = agreed.map_or(0, |agreed| agreed.pairs.len());
    are_enough(alike, one.features.len().min(other.features.len()) as f64)
}

/// Files that hold one image, by their digests.
#[derive(Default)]
pub(crate) struct Same {
    /// The digest that stands for those of one image.
    of: HashMap<ContentDigest, ContentDigest>,
}

impl Same {
    /// Those of some records of a generation.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub(crate) fn among<'r>(
        generation: &Generation,
        records: impl ExactSizeIterator<Item = (&'r IndexHit, &'r Hit)>,
    ) -> Result<Self, IndexError> {
        let mut same = Self::default();
        if records.len() < 2 {
            return Ok(same);
        }
        let mut seen: Vec<(&IndexHit, LocalFingerprint)> = Vec::with_capacity(records.len());
        for (record, place) in records {
            let local = generation.local(place)?;
            for (other, other_local) in &seen {
                if record.is_rival_of(other) && are_same(&local, other_local, &VerifySettings::default()) {
                    same.add(record, other);
                }
            }
            seen.push((record, local));
        }
        Ok(same)
    }

    /// Says that two records hold one image.
    fn add(&mut self, one: &IndexHit, other: &IndexHit) {
        let known = |content| self.of.get(&content).copied().unwrap_or(content);
        let (one, other) = (known(one.facts.content), known(other.facts.content));
        let (first, last) = if one.as_bytes() <= other.as_bytes() { (one, other) } else { (other, one) };
        for stands in self.of.values_mut().filter(|stands| **stands == last) {
            *stands = first;
        }
        self.of.extend([(first, first), (last, first)]);
    }

    /// Lets records of one image count as one file stored twice.
    pub(crate) fn apply<'r>(&self, records: impl Iterator<Item = &'r mut IndexHit>) {
        if self.of.is_empty() {
            return;
        }
        for record in records {
            if let Some(stands) = self.of.get(&record.facts.content) {
                // Not the digest of a file: a record of which nobody has seen that it is one of these stays their rival.
                record.near_duplicate_of =
                    Some(ContentDigest::from_bytes(stands.as_bytes().map(|byte| !byte)));
            }
        }
    }
}

/// Whether two records hold one image, as far as the details that the index keeps of them say; no image is read. Records of different
/// photographs of one document, or of which one is much smaller or more blurred than the other, may pass as different.
///
/// # Errors
/// [`IndexError`] where the index is damaged.
pub fn are_near_duplicates(generation: &Generation, one: &Hit, other: &Hit) -> Result<bool, IndexError> {
    let (one, other) = (generation.local(one)?, generation.local(other)?);
    Ok(are_same(&one, &other, &VerifySettings::default()))
}
