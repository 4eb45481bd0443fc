//! The shipped decision rule, with lines measured as a rebuild measures them.

use rayon::prelude::*;
use saltprint_fingerprint::GlobalCode;
use saltprint_index::Background;
use saltprint_matching::{DecisionRule, RuleSettings};

/// The rule for an index of `vault`, with `strangers` as its background: nobody of whom it holds.
pub(super) fn rule(vault: &[GlobalCode], strangers: &[GlobalCode]) -> DecisionRule {
    let mut background = Background { records: vault.len() as u64, ..Background::default() };
    let two: Vec<[u32; 2]> =
        strangers.par_iter().map(|stranger| nearest_two(stranger, vault, None)).collect();
    for [nearest, rival] in two {
        background.add(nearest, Some(rival));
    }
    DecisionRule::new(&background, RuleSettings::default())
}

/// Distances of the two nearest of `codes`, `but` one; 256 where there are none.
pub(super) fn nearest_two(query: &GlobalCode, codes: &[GlobalCode], but: Option<usize>) -> [u32; 2] {
    let mut two = [256, 256];
    for (_, code) in codes.iter().enumerate().filter(|(place, _)| Some(*place) != but) {
        let distance = query.distance(code);
        if distance < two[0] {
            two = [distance, two[0]];
        } else if distance < two[1] {
            two[1] = distance;
        }
    }
    two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_nearest_are_found() {
        let code = |ones: u64| GlobalCode::from_words([ones, 0, 0, 0]);
        let codes = [code(0b1111), code(0b1), code(0b111)];
        assert_eq!(nearest_two(&code(0), &codes, None), [1, 3]);
        assert_eq!(nearest_two(&code(0), &codes, Some(1)), [3, 4]);
        assert_eq!(nearest_two(&code(0), &[], None), [256, 256]);
    }
}
