//! Was a part of the document changed?
//!
//! Where a copy agrees with its record in most places, and in one place in none, that place looks different: a portrait that was
//! exchanged, a field that was written over, a box, a stamp. A copy of bad quality misses features everywhere, so only a
//! place that misses *all* of them counts, and only where the rest mostly agrees.

use crate::geometry::Placed;

/// Share of the features in view that must agree before missing ones say anything.
const AGREES: f64 = 0.5;
/// Radius of a place, in frame units: a seventh of the document's longer side.
const REACH: f64 = 1200.0;
/// Features that a place must miss.
const MISSING: usize = 5;
/// Of those in the place, the share that must be missing.
const NEARLY_ALL: f64 = 0.9;

/// Whether a part in view differs. `own` are the places of the record's features, `in_view` and `agreed` numbers of them.
pub(super) fn is_altered(own: &[Placed], in_view: &[u32], agreed: &[u32]) -> bool {
    if (agreed.len() as f64) < AGREES * in_view.len() as f64 {
        return false;
    }
    let at = |number: &u32| own.get(*number as usize);
    let missing = |number: &&u32| !agreed.contains(number);
    in_view.iter().filter(missing).filter_map(at).any(|middle| {
        let near = |number: &&u32| {
            at(number).is_some_and(|place| {
                let (x, y) = (f64::from(place.x - middle.x), f64::from(place.y - middle.y));
                x * x + y * y <= REACH * REACH
            })
        };
        let around: Vec<&u32> = in_view.iter().filter(near).collect();
        let lost = around.iter().copied().filter(|number| missing(number)).count();
        lost >= MISSING && lost as f64 >= NEARLY_ALL * around.len() as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An 8 by 8 grid of features over the frame.
    fn grid() -> Vec<Placed> {
        let at = |step: u16| f32::from(step) * 1000.0 + 500.0;
        (0..64).map(|i| Placed { x: at(i % 8), y: at(i / 8), size: 20.0, angle: 0.0 }).collect()
    }

    #[test]
    fn a_hole_in_a_good_copy_is_an_alteration() {
        let hole = |number: &u32| !(2..5).contains(&(number % 8)) || !(2..5).contains(&(number / 8));
        let agreed: Vec<u32> = (0..64).filter(hole).collect();
        assert!(is_altered(&grid(), &(0..64).collect::<Vec<_>>(), &agreed));
        // Cut away, not changed.
        assert!(!is_altered(&grid(), &agreed, &agreed));
    }

    #[test]
    fn features_lost_here_and_there_are_none() {
        let all: Vec<u32> = (0..64).collect();
        assert!(!is_altered(&grid(), &all, &all));
        let agreed: Vec<u32> = (0..64).filter(|number| (number % 8 + number / 8) % 2 == 0).collect();
        assert!(!is_altered(&grid(), &all, &agreed));
        assert!(!is_altered(&grid(), &all, &agreed[..8]));
        assert!(!is_altered(&[], &[], &[]));
    }
}
