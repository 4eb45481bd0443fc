//! The same images under many random keys.

use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, LocalCode, Readout};

use super::material::Material;
use super::plan::Sizes;
use crate::progress::{Progress, Stage};

/// Keys are numbered from here on, so that none is that of another measurement.
const FIRST: usize = 1000;
/// Keys between two looks at the progress.
const BATCH: usize = 16;

/// The codes that one key gives.
pub(super) struct Under {
    /// Whole-image codes of the crowd's first documents.
    pub(super) whole: Vec<GlobalCode>,
    /// Codes of one keypoint of each of the first few.
    pub(super) parts: Vec<LocalCode>,
}

/// One entry a key; all have the same images in the same order.
pub(super) fn keyring(material: &Material, sizes: &Sizes, progress: &dyn Progress) -> Vec<Under> {
    let mut all = Vec::with_capacity(sizes.keys);
    let asked = &material.crowd[..sizes.asked.min(material.crowd.len())];
    for start in (0..sizes.keys).step_by(BATCH) {
        progress.update(
            Stage::Privacy("making codes under many keys"),
            start as u64,
            Some(sizes.keys as u64),
        );
        all.par_extend((start..sizes.keys.min(start + BATCH)).into_par_iter().map(|number| {
            let coder = material.coder(Readout::LINEAR, FIRST + number);
            let whole = asked.iter().map(|seen| seen.features.whole_code(&coder)).collect();
            let parts = asked.iter().take(sizes.images);
            let parts =
                parts.filter_map(|seen| seen.features.part_codes(&coder, 1).into_iter().next()).collect();
            Under { whole, parts }
        }));
    }
    all
}
