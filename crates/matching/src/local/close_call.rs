//! Where an image is worth reading beside the places of a record's features as well.

use super::place::{by_place, is_one_place};

/// Leads in score between which it is. Of strangers' images one in five leads by more than 0.1; no stranger has led by as much as the upper one by
/// details that count.
const CLOSE_CALL: std::ops::Range<f64> = 0.25..6.0;

/// How a record shows in an image.
pub(super) struct Shows {
    /// Which records of one subject share.
    pub(super) group: u32,
    pub(super) score: f64,
    /// Its corners in shares of the image.
    pub(super) quad: Option<[(f64, f64); 4]>,
}

/// The numbers of the records in places where the best one is ahead of the best one of another subject, but not far. Places are as contests are: what
/// shows elsewhere in the image makes no call closer, as it makes no lead smaller.
pub(super) fn close_calls(shown: &[Shows]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shown.len()).collect();
    // Stable, and the records come in a fixed order.
    order.sort_by(|a, b| shown[*b].score.total_cmp(&shown[*a].score));
    let places =
        by_place(order, |best, other| is_one_place(shown[*best].quad.as_ref(), shown[*other].quad.as_ref()));
    let is_close = |place: &Vec<usize>| {
        let mut here = place.iter().map(|number| &shown[*number]);
        here.next().is_some_and(|best| {
            let rival = here.find(|other| other.group != best.group).map_or(0.0, |rival| rival.score);
            CLOSE_CALL.contains(&(best.score - rival))
        })
    };
    places.into_iter().filter(is_close).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(group: u32, score: f64, left: f64) -> Shows {
        Shows { group, score, quad: Some([(left, 0.1), (left + 0.3, 0.1), (left + 0.3, 0.9), (left, 0.9)]) }
    }

    #[test]
    fn what_leads_a_little_in_its_place_is_close() {
        let calls = |shown: &[Shows]| {
            let mut calls = close_calls(shown);
            calls.sort_unstable();
            calls
        };
        assert_eq!(calls(&[shows(1, 2.0, 0.1), shows(2, 1.0, 0.15)]), [0, 1]);
        assert_eq!(calls(&[shows(1, 1.1, 0.1), shows(2, 1.0, 0.15)]), [0; 0]);
        assert_eq!(calls(&[shows(1, 9.0, 0.1), shows(2, 1.0, 0.15)]), [0; 0]);
        // Another record of its subject is no rival, and comes with it.
        assert_eq!(calls(&[shows(1, 2.0, 0.1), shows(1, 1.9, 0.1), shows(2, 1.0, 0.15)]), [0, 1, 2]);
        // One that nobody rivals leads by all that it has.
        assert_eq!(calls(&[shows(1, 0.3, 0.1)]), [0]);
    }

    /// A stranger's document beside one of ours is no closer to a record than it is by itself, and does not hide that ours is close.
    #[test]
    fn each_place_is_judged_by_itself() {
        let ours = [shows(1, 5.0, 0.1), shows(2, 4.0, 0.12)];
        let strangers = [shows(3, 3.0, 0.6), shows(4, 2.9, 0.62)];
        let mut calls = close_calls(&ours.into_iter().chain(strangers).collect::<Vec<_>>());
        calls.sort_unstable();
        assert_eq!(calls, [0, 1]);
        assert_eq!(close_calls(&[shows(1, 9.0, 0.1), shows(3, 3.0, 0.6), shows(4, 2.0, 0.62)]), [1, 2]);
        // Where it cannot be told where something is, it is everywhere.
        let nowhere = Shows { quad: None, ..shows(5, 8.9, 0.0) };
        assert_eq!(close_calls(&[shows(1, 9.0, 0.1), nowhere, shows(3, 3.0, 0.6)]), [2]);
    }
}
