//! Was a part of the document changed?
//!
//! A copy shows every feature of its record about as well: a good one within a bit or two, a poor one within twenty. So the
//! better quarter of an image's own distances says how far the others may be, and what is clearly farther looks different. One
//! such feature means little; a place in which nearly all look different was changed: a portrait that was exchanged,
//! a field that was written over, a box, a stamp.
//!
//! Measured on 55 copies an edit of 600 invented documents: 94 % of boxes over a quarter of the document are seen as changes,
//! and half of the blacked fields, against 0 to 2 % of copies that were blurred, scaled to 20 %, tilted, cropped, photographed
//! or collected; of the four forged cards of the SIDTD samples two are, and none counts as unchanged.

use super::score::RADIUS;
use crate::geometry::Placed;

/// Fewest features that say anything.
const FEWEST: usize = 12;
/// Distance, in bits, beyond which a feature looks different...
const DIFFERENT: u32 = 12;
/// ...and what is added for each bit of the better quarter's distance...
const GROWTH: u32 = 4;
/// ...up to which an image is good enough to tell.
const POOR: u32 = 44;
/// Share of the features that must look the same before others say anything.
const SAME: f64 = 0.35;
/// Radius of a place, in frame units: a ninth of the document's longer side.
const REACH: f64 = 900.0;
/// Features of a place that must look different.
const CHANGED: usize = 4;
/// Of those in the place, the share that must look different.
const NEARLY_ALL: f64 = 0.9;
/// Share of the features that may look different in an unchanged copy.
const STRAY: f64 = 0.03;
/// Share of the features that must look the same in a copy of a document nothing else of which is known.
const MOSTLY: f64 = 0.8;

/// A feature that should be seen whole and is whole in the record's image, and how far it looks from that, in bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) row: u32,
    pub(super) distance: u32,
}

/// What an image shows of a record's features.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
pub(super) struct Changes {
    /// A place looks different while the rest agrees.
    pub(super) altered: bool,
    /// All but a few features look the same.
    pub(super) unchanged: bool,
    /// Most features look the same; of another document of the template a quarter and more do not.
    pub(super) mostly_same: bool,
    /// More than a fifth looks different.
    pub(super) disputed: bool,
}

/// Compares what is `shown` of a record whose features lie at `own`.
pub(super) fn changes(own: &[Placed], shown: &[Shown]) -> Changes {
    let mut distances: Vec<u32> = shown.iter().map(|one| one.distance).collect();
    distances.sort_unstable();
    let better = distances.get(distances.len() / 4).copied().unwrap_or(POOR);
    let limit = DIFFERENT + GROWTH * better.min(POOR);
    if shown.len() < FEWEST || limit > POOR {
        return Changes::default();
    }
    let differs = |one: &&Shown| one.distance >= limit;
    let different = shown.iter().filter(differs).count();
    let altered = || {
        shown.iter().filter(differs).any(|middle| {
            let around: Vec<&Shown> = shown.iter().filter(|one| is_near(own, *middle, **one)).collect();
            let changed = around.iter().copied().filter(differs).count();
            changed >= CHANGED && changed as f64 >= NEARLY_ALL * around.len() as f64
        })
    };
    let share = different as f64 / shown.len() as f64;
    let altered = share <= 1.0 - SAME && altered();
    // However poor the image: what is no pair does not look the same.
    let clearly = |one: &&Shown| one.distance >= limit.min(RADIUS);
    let clearly_different = shown.iter().filter(clearly).count() as f64 / shown.len() as f64;
    let mostly_same = clearly_different <= 1.0 - MOSTLY;
    Changes { altered, unchanged: share <= STRAY, mostly_same, disputed: share > 1.0 - MOSTLY }
}

fn is_near(own: &[Placed], a: Shown, b: Shown) -> bool {
    let (Some(a), Some(b)) = (own.get(a.row as usize), own.get(b.row as usize)) else {
        return false;
    };
    let (x, y) = (f64::from(a.x - b.x), f64::from(a.y - b.y));
    x * x + y * y <= REACH * REACH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An 8 by 8 grid of features over the frame.
    fn grid() -> Vec<Placed> {
        let at = |step: u16| f32::from(step) * 700.0 + 500.0;
        (0..64).map(|i| Placed { x: at(i % 8), y: at(i / 8), size: 20.0, angle: 0.0 }).collect()
    }

    fn shown(distance: impl Fn(u32) -> u32) -> Vec<Shown> {
        (0..64).map(|row| Shown { row, distance: distance(row) }).collect()
    }

    /// Whether a feature is in the three by three in the middle.
    fn middle(row: u32) -> bool {
        (3..6).contains(&(row % 8)) && (3..6).contains(&(row / 8))
    }

    #[test]
    fn a_hole_in_a_good_copy_is_an_alteration() {
        let good = changes(&grid(), &shown(|row| if middle(row) { 50 } else { row % 4 }));
        assert_eq!(good, Changes { altered: true, mostly_same: true, ..Changes::default() });
        // Rewritten a little in a copy that is exact elsewhere, not in a poor one.
        assert!(changes(&grid(), &shown(|row| if middle(row) { 18 } else { 0 })).altered);
        assert!(!changes(&grid(), &shown(|row| if middle(row) { 18 } else { 2 + row % 8 })).altered);
        // Cut away, not changed.
        let rest: Vec<Shown> = shown(|_| 0).into_iter().filter(|one| !middle(one.row)).collect();
        assert_eq!(
            changes(&grid(), &rest),
            Changes { unchanged: true, mostly_same: true, ..Changes::default() }
        );
    }

    #[test]
    fn features_lost_here_and_there_are_none() {
        let none = |distance: &dyn Fn(u32) -> u32| changes(&grid(), &shown(distance));
        let unchanged = Changes { unchanged: true, mostly_same: true, ..Changes::default() };
        assert_eq!(none(&|_| 0), unchanged);
        assert_eq!(none(&|row| if row == 27 { 60 } else { 3 }), unchanged);
        let disputed = Changes { disputed: true, ..Changes::default() };
        assert_eq!(none(&|row| if row % 3 == 0 { 40 } else { 1 }), disputed);
        // So poor that nothing can be said, and too few.
        assert_eq!(none(&|row| if middle(row) { 64 } else { 12 }), Changes::default());
        assert_eq!(changes(&grid(), &shown(|_| 0)[..11]), Changes::default());
        assert_eq!(changes(&[], &[]), Changes::default());
    }
}
