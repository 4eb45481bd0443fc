//! Parts of a picture, straightened to whole images.
//!
//! Where a document lies in a picture is known once some of its details agree, even if they do not say whose it is. Sampled
//! through that outline it is a whole image again: frames, tilts, perspective and neighbours are undone. Its code is compared
//! with those of all records, so the document is found as well as a scaled copy.

use rayon::prelude::*;
use saltprint_index::{Generation, IndexError, IndexHit};

use crate::Cascade;
use crate::global::{Asked, GlobalStage, Scanned};
use crate::local::{Contest, Images};

/// Contests of an image of which the part is straightened: enough for a sheet of three by three and some that are spurious.
const MOST: usize = 12;

/// The codes of the parts that the contests of each image point to; `None` where there is no such part.
fn ask(images: &dyn Images, found: &[Vec<Contest>]) -> Vec<Vec<Option<Asked>>> {
    let ask = |(number, contests): (usize, &Vec<Contest>)| {
        let part = |contest: &Contest| {
            let best = contest.best();
            let code = images.straightened(number, best.quad.as_ref()?)?;
            Some(Asked::part(best.orientation(), code))
        };
        contests.iter().take(MOST).map(part).collect()
    };
    found.par_iter().enumerate().map(ask).collect()
}

/// What the exact scan found for the straightened parts, by image and contest.
pub(crate) fn scan(
    stage: &GlobalStage<'_>,
    images: &dyn Images,
    found: &[Vec<Contest>],
) -> Result<Vec<Vec<Option<Scanned>>>, IndexError> {
    let asked = ask(images, found);
    let is_part: Vec<Vec<bool>> =
        asked.iter().map(|parts| parts.iter().map(Option::is_some).collect()).collect();
    let mut scanned = stage.scan(asked.into_iter().flatten().flatten().collect())?.into_iter();
    let mut next = |is_part: bool| if is_part { scanned.next() } else { None };
    Ok(is_part.into_iter().map(|parts| parts.into_iter().map(&mut next).collect()).collect())
}

/// For each image and contest the records nearest to its straightened part, nearest first; none where there is no such part.
///
/// # Errors
/// [`IndexError`] where the index is damaged.
pub fn nearest_to_parts(
    generation: &Generation,
    images: &dyn Images,
    found: &[Vec<Contest>],
) -> Result<Vec<Vec<Vec<IndexHit>>>, IndexError> {
    let stage = GlobalStage { generation, cascade: Cascade::default() };
    let records = |scanned: Scanned| {
        scanned.candidates.iter().map(|candidate| candidate.record.clone()).collect::<Vec<_>>()
    };
    let nearest = scan(&stage, images, found)?
        .into_iter()
        .map(|parts| parts.into_iter().map(|scanned| scanned.map(records).unwrap_or_default()).collect());
    Ok(nearest.collect())
}
