//! Parts of a picture, straightened to whole images.
//!
//! Where a document lies in a picture is known once some of its details agree, even if they do not say whose it is. Sampled
//! through that outline it is a whole image again: frames, tilts, perspective and neighbours are undone. Its code is compared
//! with those of all records, so the document is found as well as a scaled copy. Records of its template that lie in another frame are
//! compared in theirs.

use rayon::prelude::*;
use saltprint_fingerprint::{Corners, GlobalCode};
use saltprint_index::{Generation, IndexError, IndexHit};
use zeroize::Zeroizing;

use crate::Cascade;
use crate::global::{Asked, GlobalStage, Scanned};
use crate::local::{Contest, Images, Sighting};

/// Contests of an image of which the part is straightened: enough for a sheet of three by three and some that are spurious.
const MOST: usize = 12;
/// Ratio of distances up to which a part is near to the record that it fits. Of strangers' parts one in twelve is.
const NEAR: f64 = 0.75;
/// Rivals that a part is straightened to fit as well.
const RIVALS: usize = 8;

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

/// What the exact scan found for the straightened parts, by image and contest, of records that are admitted for the image.
pub(crate) fn scan(
    stage: &GlobalStage<'_>,
    images: &dyn Images,
    found: &[Vec<Contest>],
    admit: &(dyn Fn(usize, &IndexHit) -> bool + Sync),
) -> Result<Vec<Vec<Option<Scanned>>>, IndexError> {
    let asked = ask(images, found);
    let is_part: Vec<Vec<bool>> =
        asked.iter().map(|parts| parts.iter().map(Option::is_some).collect()).collect();
    let mut scanned = stage.scan(asked.into_iter().flatten().flatten().collect())?.into_iter();
    let mut next = |is_part: bool| if is_part { scanned.next() } else { None };
    let mut scanned: Vec<Vec<Option<Scanned>>> =
        is_part.into_iter().map(|parts| parts.into_iter().map(&mut next).collect()).collect();
    scanned.par_iter_mut().zip(found).enumerate().try_for_each(|(number, (parts, contests))| {
        let straighten = |corners: &Corners| images.straightened(number, corners);
        parts.iter_mut().zip(contests).try_for_each(|(part, contest)| {
            let Some(part) = part else { return Ok(()) };
            // What is left out must not pass for a rival either.
            part.candidates.retain(|candidate| admit(number, &candidate.record));
            fit_rivals(stage.generation, &straighten, contest, part)
        })
    })?;
    Ok(scanned)
}

/// Where a part is near to a record, straightens it to fit each of that one's best rivals in the same place as well. Otherwise they would be as far as
/// records in another frame are, and any stranger's document of the template would seem to be the record's.
fn fit_rivals(
    generation: &Generation,
    straighten: &dyn Fn(&Corners) -> Option<GlobalCode>,
    contest: &Contest,
    part: &mut Scanned,
) -> Result<(), IndexError> {
    let Some(first) = part.candidates.first().map(|first| first.record.clone()) else { return Ok(()) };
    if part.rival_of(&first).is_some_and(|rival| f64::from(first.distance) > NEAR * f64::from(rival)) {
        return Ok(());
    }
    let is_rival = |other: &&Sighting| other.quad.is_some() && first.is_rival_of(&other.record);
    let mut rivals: Vec<&Sighting> = contest.sightings.iter().filter(is_rival).collect();
    // Stable, and those come by falling score. What agrees in most features lies where it is said to.
    rivals.sort_by_key(|rival| std::cmp::Reverse(rival.features));
    for rival in rivals.into_iter().take(RIVALS) {
        let record = generation.code(&rival.place)?;
        if let Some(code) = rival.quad.as_ref().and_then(straighten).map(Zeroizing::new) {
            let negative = generation.manifest().negative.nearest(std::slice::from_ref(&*code));
            part.negative = part.negative.into_iter().chain(negative).min();
            part.fits(rival, code.distance(&record));
        }
    }
    Ok(())
}

/// For each image and contest the records nearest to its straightened part, of those that are admitted for the image, nearest first; none where there is
/// no such part.
///
/// # Errors
/// [`IndexError`] where the index is damaged.
pub fn nearest_to_parts(
    generation: &Generation,
    images: &dyn Images,
    found: &[Vec<Contest>],
    admit: &(dyn Fn(usize, &IndexHit) -> bool + Sync),
) -> Result<Vec<Vec<Vec<IndexHit>>>, IndexError> {
    let stage = GlobalStage { generation, cascade: Cascade::default() };
    let records = |scanned: Scanned| {
        scanned.candidates.iter().map(|candidate| candidate.record.clone()).collect::<Vec<_>>()
    };
    let nearest = scan(&stage, images, found, admit)?
        .into_iter()
        .map(|parts| parts.into_iter().map(|scanned| scanned.map(records).unwrap_or_default()).collect());
    Ok(nearest.collect())
}
