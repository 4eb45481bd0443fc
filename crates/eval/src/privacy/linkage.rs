//! (b) The strong attack: two sets of codes of the same images, under two keys, linked through some known pairs.
//!
//! Codes keep distances whatever the key, so that a code is known by its distances to anchors: the pairs that the attacker
//! knows in both sets. Links that he is sure of become anchors too, and once there are enough of them a linear map from
//! one set to the other can be learned.

use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, Readout};

use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::linear::{Matrix, Regression, product};
use super::material::{Material, codes};
use super::plan::Sizes;
use super::readouts::name;
use super::stats;
use crate::seeds::{self, Choice};

/// Rounds in which links become anchors.
const ROUNDS: usize = 8;
/// Pairs from which on a map of all 256 bits is worth learning.
const FOR_A_MAP: usize = 300;
/// Weight of the ridge of that map, in mean squares of a bit.
const RIDGE: f64 = 0.03;

/// Links right by each attack.
struct Linked {
    map: usize,
    anchors: usize,
    grown: usize,
    unknown: usize,
}

/// Adds the attack to what was measured of two keys.
pub(super) fn add(measured: &mut Measurement, material: &Material, sizes: &Sizes, readouts: &[Readout]) {
    let mut table = PrivacyTable::new(
        "Linking the codes of two keys, shuffled, with known pairs",
        &[
            "read-out",
            "codes a key",
            "known pairs",
            "to link",
            "linear map",
            "distances to anchors",
            "anchors that grow",
            "chance",
        ],
    );
    let count = sizes.linked.min(material.vault.len());
    let anchors = sizes.anchors.min(count / 2);
    for &readout in readouts {
        let [a, b] = [1, 2].map(|number| {
            let coder = material.shared_coder(readout, number);
            codes(&material.vault[..count], &coder)
        });
        let linked = attack(&a, &b, anchors, material.seed);
        let share = |right: usize| Cell::Share(right as f64 / linked.unknown.max(1) as f64);
        table.rows.push(vec![
            Cell::text(name(readout)),
            Cell::count(count),
            Cell::count(anchors),
            Cell::count(linked.unknown),
            share(linked.map),
            share(linked.anchors),
            share(linked.grown),
            share(1),
        ]);
        let best = linked.map.max(linked.anchors).max(linked.grown);
        let chance = stats::most_successes(linked.unknown as u64, 1.0 / linked.unknown.max(1) as f64);
        measured.findings.push(Finding::at_most(
            format!("{}: codes linked across keys by the best attack", name(readout)),
            best as f64,
            chance as f64,
            "1 % if links were guessed (binomial law)",
        ));
    }
    measured.tables.push(table);
}

/// `a[i]` and `b[i]` are of one image; the attacker is told so of `anchors` of them.
fn attack(a: &[GlobalCode], b: &[GlobalCode], anchors: usize, seed: u64) -> Linked {
    let order = seeds::shuffled(Choice::Attack, seed, "anchors", a.len());
    let (known, unknown) = order.split_at(anchors.min(order.len()));
    // What the attacker gets of the second set, in an order that says nothing.
    let places = seeds::shuffled(Choice::Attack, seed, "second set", unknown.len());
    let shuffled: Vec<usize> = places.iter().map(|place| unknown[*place]).collect();
    let rows = |codes: &[GlobalCode], which: &[usize]| {
        Matrix::from_fn(which.len(), 256, |row, bit| {
            if codes[which[row]].words()[bit / 64] >> (bit % 64) & 1 == 1 { 1.0 } else { -1.0 }
        })
    };
    let sets =
        Sets { known: [rows(a, known), rows(b, known)], unknown: [rows(a, unknown), rows(b, &shuffled)] };
    let right = |links: &[Link]| {
        links.iter().enumerate().filter(|(row, link)| shuffled[link.to] == unknown[*row]).count()
    };
    Linked {
        map: right(&links(&sets.by_map(&[]))),
        anchors: right(&links(&sets.by_anchors(&[]))),
        grown: right(&sets.grow()),
        unknown: unknown.len(),
    }
}

/// What the attacker holds: codes as rows of 1 and -1, of both keys.
struct Sets {
    known: [Matrix; 2],
    unknown: [Matrix; 2],
}

/// Where a code of the first set is thought to be in the second.
#[derive(Clone, Copy)]
struct Link {
    to: usize,
    /// How much better it fits than the next.
    lead: f64,
    /// Whether it is also the best of the code that it leads to.
    mutual: bool,
}

impl Sets {
    /// Anchors of one key: the known codes and those of the links taken for true.
    fn anchors(&self, key: usize, taken: &[(usize, usize)]) -> Matrix {
        let (known, unknown) = (&self.known[key], &self.unknown[key]);
        let row = |(a, b): &(usize, usize)| if key == 0 { *a } else { *b };
        Matrix::from_fn(known.nrows() + taken.len(), 256, |at, bit| match at.checked_sub(known.nrows()) {
            None => known[(at, bit)],
            Some(at) => unknown[(row(&taken[at]), bit)],
        })
    }

    /// How alike the distances of two codes to the anchors are: a correlation, once what all codes share is taken away.
    fn by_anchors(&self, taken: &[(usize, usize)]) -> Matrix {
        let [a, b] =
            [0, 1].map(|key| normed(product(&self.unknown[key], &self.anchors(key, taken).transpose())));
        product(&a, &b.transpose())
    }

    /// How alike a code of the second set and the prediction from one of the first are.
    fn by_map(&self, taken: &[(usize, usize)]) -> Matrix {
        let regression = Regression::new(self.anchors(0, taken), self.unknown[0].clone());
        let predicted = regression.ridge(&self.anchors(1, taken), RIDGE);
        let predicted = predicted.unwrap_or_else(|| self.unknown[0].clone());
        product(&normed(predicted), &normed(self.unknown[1].clone()).transpose())
    }

    /// Links after some rounds, each of which takes the surest as anchors of the next.
    fn grow(&self) -> Vec<Link> {
        let mut found = links(&self.by_anchors(&[]));
        for round in 1..=ROUNDS {
            let mut sure: Vec<(usize, &Link)> =
                found.iter().enumerate().filter(|(_, link)| link.mutual).collect();
            sure.sort_by(|(_, a), (_, b)| b.lead.total_cmp(&a.lead));
            let taken: Vec<(usize, usize)> =
                sure.iter().take(sure.len() * round / ROUNDS).map(|(row, link)| (*row, link.to)).collect();
            let mut fit = self.by_anchors(&taken);
            if taken.len() + self.known[0].nrows() >= FOR_A_MAP {
                fit += self.by_map(&taken);
            }
            found = links(&fit);
        }
        found
    }
}

/// Columns without their mean and with deviation 1, then rows of length 1.
fn normed(mut matrix: Matrix) -> Matrix {
    let mut nothing = Matrix::zeros(0, matrix.ncols());
    super::linear::standardise(&mut matrix, &mut nothing);
    for mut row in matrix.row_iter_mut() {
        let length = row.norm();
        if length > 0.0 {
            row /= length;
        }
    }
    matrix
}

/// The best column of each row.
fn links(fit: &Matrix) -> Vec<Link> {
    let best_rows: Vec<usize> =
        (0..fit.ncols()).into_par_iter().map(|column| fit.column(column).imax()).collect();
    (0..fit.nrows())
        .into_par_iter()
        .map(|row| {
            let (mut to, mut best, mut next) = (0, f64::NEG_INFINITY, f64::NEG_INFINITY);
            for (column, value) in fit.row(row).iter().enumerate() {
                if *value > best {
                    (to, best, next) = (column, *value, best);
                } else if *value > next {
                    next = *value;
                }
            }
            Link { to, lead: best - next, mutual: best_rows.get(to) == Some(&row) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(seed: u64) -> u64 {
        let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
    }

    fn random(seed: u64) -> GlobalCode {
        GlobalCode::from_words([0, 1, 2, 3].map(|part| word(seed * 4 + part)))
    }

    #[test]
    fn codes_that_keep_distances_are_linked() {
        // Under the second key every bit stands elsewhere and some are inverted: distances stay.
        let ours: Vec<GlobalCode> = (0..120).map(random).collect();
        let theirs: Vec<GlobalCode> = ours
            .iter()
            .map(|code| {
                let [w, x, y, z] = code.words();
                GlobalCode::from_words([!z.rotate_left(7), w ^ 0xF0F0, x.reverse_bits(), y])
            })
            .collect();
        let linked = attack(&ours, &theirs, 40, 1);
        assert_eq!(linked.unknown, 80);
        assert!(linked.anchors >= 76 && linked.grown >= 76, "{} {}", linked.anchors, linked.grown);
    }

    #[test]
    fn codes_that_have_nothing_to_do_with_each_other_are_not() {
        let [a, b] = [0, 1000].map(|from| (from..from + 120).map(random).collect::<Vec<_>>());
        let linked = attack(&a, &b, 40, 1);
        let most = usize::try_from(stats::most_successes(80, 1.0 / 80.0)).unwrap() + 2;
        assert!(linked.map.max(linked.anchors).max(linked.grown) <= most);
    }
}
