//! Do two records hold one image?
//!
//! In a real vault some images are stored under several subjects: a person who registered twice, a picture that several
//! accounts were opened with. Such records are no strangers to each other. Where they passed for some, two in a hundred made the lead that a
//! match needs 27 times as large, and what one shows of the other was taken for the print of a template.

use saltprint_index::{Hit, IndexError};

use super::company::as_query;
use super::search::{LocalSearch, Sighting};

/// Details that two records must have alike to hold one image.
///
/// The index keeps of each record what it shares least with others, so documents of one template have hardly any of it in common: of records
/// of 600 invented documents of nine templates, within 45 bits of each other by their whole image, one detail at most is alike, and nine of all pairs of 400 cards of
/// 150 designs. Two pictures of one image have 18 to 33: as it was, and at 85 % or 45 % of its size, compressed again.
const ALIKE: usize = 12;
/// The same as a share of those that should be in view.
const SHARE: f64 = 0.2;

/// Whether a record that was found with the details that the index keeps of another one, and without reading an image, holds the same image.
pub(super) fn holds_same(shown: &Sighting) -> bool {
    shown.alike.len() >= ALIKE && shown.alike.len() as f64 >= SHARE * f64::from(shown.in_view)
}

impl LocalSearch<'_> {
    /// Whether two records hold one image, as far as the details that the index keeps of them say; no image is read. Records of different
    /// photographs of one document, or of which one is much smaller or more blurred than the other, may pass as different.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn are_near_duplicates(&self, one: &Hit, other: &Hit) -> Result<bool, IndexError> {
        let query = as_query(&self.generation.local(one)?);
        Ok(self.against(&query, false, &|| None, other)?.as_ref().is_some_and(holds_same))
    }
}
