//! How much more likely what the parts of a document look like from some way off is in a copy than in a stranger's document.
//!
//! Details say where a record lies in an image. Then each of its 64 cells can be compared with what the image shows in its place
//! ([`RegionCodes`]). A cell with print looks like the record's in all documents of a template, one with a portrait only in a copy. Which is
//! which is seen from the other records of the template that lie in the same place: how near these come to the image there, and
//! whether any of them looks like the record.

use std::sync::OnceLock;

use saltprint_fingerprint::RegionCodes;

/// Distances that occur: 0 to 16 bits.
const DISTANCES: usize = RegionCodes::BITS as usize + 1;
/// Bits that differ between an exact, a good and a poor copy, as shares. Of photographs of screens 40 to 50 % of the cells are equal and
/// 95 % within 4 bits, of crops 65 to 75 and 99 %.
const COPIES: [f64; 3] = [0.008, 0.05, 0.12];
/// How much cells vary about a share of bits: a beta-binomial distribution of this concentration. That of strangers' cells, about the mean of
/// seven others, has it within a factor of two down to chances of 1 in 100, whatever the mean.
const CONCENTRATION: f64 = 14.0;
/// Steps of a mean in a bit.
const STEPS: usize = 8;
/// Least mean, in bits: that of an exact copy, which what all of a template have in common is no better than.
const LEAST: f64 = COPIES[0] * RegionCodes::BITS as f64;
/// Bits by which others that look like the record differ from a copy of it.
const ALIKE: f64 = 1.0;
/// Distance at which half an other is taken to look like the record, and how far from that none or all of it is.
const LIKE: (f64, f64) = (3.0, 1.6);
/// Fewest others of the template.
const OTHERS: usize = 4;
/// An other is of the image's template if it comes within this many bits,
const OF_TEMPLATE: u32 = 4;
/// in this share of the cells. Of cells that have nothing to do with each other 4 % do.
const SHARE_OF_TEMPLATE: f64 = 0.3;
/// Fewest such cells.
const FEWEST: usize = 3;
/// How many others look like the record in a cell is known from those in all cells of about as much in common as well: as so many of them.
const POOLED: f64 = 1.0;
/// Bits of a mean between classes of cells of about as much in common, and number of these classes.
const CLASSES: (f64, usize) = (2.0, 4);
/// Most that one cell may say, in nats.
const MOST: f64 = 6.0;
/// Shares of the cells in view that are there.
const SHARES: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9];
/// What speaks for a record counts at most this much of what it says, since cells beside each other do not speak independently, and
const WEIGHT: f64 = 0.8;
/// half of that where there are so few others. Of 2,520 strangers on templates of copies, each among twenty others, one in a thousand
/// reaches 3 nats, and they fall by a factor e a nat from there.
const FEW: f64 = 2.0;
/// How far each cell of a record is from what an image shows in its place; `None` for one that it does not show.
pub(super) type Cells = [Option<u32>; RegionCodes::COUNT];

/// Another subject's record in the same place of the image.
pub(super) struct Other<'o> {
    /// How far it is from what is shown there.
    pub(super) cells: &'o Cells,
    /// Its own codes.
    pub(super) codes: &'o RegionCodes,
}

/// Logarithm of the ratio of the likelihoods of `cells` in a copy of the record and in a stranger's document of the template; in nats, at
/// least 0, and 0 where too few others of the template are seen: then it is not known what is print.
///
/// As for details, each cell is there with a probability that is the same for all, and then as near as the quality of the copy
/// has it; neither is known, so the ratio is the mean over all.
pub(super) fn ratio<'o>(cells: &Cells, codes: &RegionCodes, others: impl Iterator<Item = Other<'o>>) -> f64 {
    let others: Vec<Other<'o>> = others.filter(|other| is_of_template(other.cells)).collect();
    let densities = densities();
    if others.len() < OTHERS {
        return 0.0;
    }
    let count = others.len() as f64;
    let weight = WEIGHT * count / (count + FEW);
    let mut seen: Vec<Seen> = Vec::with_capacity(cells.len());
    for (cell, distance) in cells.iter().enumerate() {
        let Some(distance) = distance.map(|distance| (distance as usize).min(DISTANCES - 1)) else {
            continue;
        };
        let Some(mean) = mean(&others, cell).filter(|_| seen_by(&others, cell) >= OTHERS) else { continue };
        let word = codes.words()[cell];
        let like = others.iter().map(|other| {
            let apart = f64::from((other.codes.words()[cell] ^ word).count_ones());
            ((LIKE.0 + LIKE.1 - apart) / (2.0 * LIKE.1)).clamp(0.0, 1.0)
        });
        seen.push(Seen { distance, mean, alike: like.sum() });
    }
    let mut classes = [(0.5, 1.0); CLASSES.1];
    for one in &seen {
        let class = &mut classes[class_of(one.mean)];
        *class = (class.0 + one.alike, class.1 + count);
    }
    // Of each cell its distance, and how likely that is in a stranger's document.
    let seen: Vec<(usize, f64)> = seen
        .into_iter()
        .map(|Seen { distance, mean, alike }| {
            let (of_class, in_class) = classes[class_of(mean)];
            let alike = (alike + POOLED * of_class / in_class) / (count + POOLED);
            let [otherwise, like] = [mean, ALIKE.min(mean)].map(|mean| densities.about(mean)[distance]);
            (distance, (1.0 - alike) * otherwise + alike * like)
        })
        .collect();
    mixed(&seen, weight)
}

/// The mean over all qualities and shares, of the distances of cells and how likely these are in a stranger's document.
fn mixed(seen: &[(usize, f64)], weight: f64) -> f64 {
    let most_of_one = libm::exp(MOST);
    let mut ratios = Vec::with_capacity(COPIES.len() * SHARES.len());
    for copy in &densities().copies {
        for share in SHARES {
            let terms = seen.iter().map(|(distance, stranger)| {
                let found = (copy[*distance] / stranger).min(most_of_one);
                let ratio = libm::log(1.0 - share + share * found);
                if ratio > 0.0 { ratio * weight } else { ratio }
            });
            ratios.push(terms.sum::<f64>());
        }
    }
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = ratios.iter().map(|ratio| libm::exp(ratio - most)).sum::<f64>() / ratios.len() as f64;
    (most + libm::log(mean)).max(0.0)
}

/// Mean distance of a cell of others, as if there were one more, which is exact; `None` where none shows it.
fn mean(others: &[Other<'_>], cell: usize) -> Option<f64> {
    let near = others.iter().filter_map(|other| other.cells[cell]);
    let count = near.clone().count();
    (count > 0).then(|| near.map(f64::from).sum::<f64>() / (count + 1) as f64)
}

fn seen_by(others: &[Other<'_>], cell: usize) -> usize {
    others.iter().filter(|other| other.cells[cell].is_some()).count()
}

/// A cell that is seen.
struct Seen {
    distance: usize,
    /// Mean distance of others.
    mean: f64,
    /// How many others look like the record.
    alike: f64,
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 16 bits")]
fn class_of(mean: f64) -> usize {
    ((mean / CLASSES.0) as usize).min(CLASSES.1 - 1)
}

fn is_of_template(cells: &Cells) -> bool {
    let seen = cells.iter().flatten().count();
    let near = cells.iter().flatten().filter(|distance| **distance <= OF_TEMPLATE).count();
    near >= FEWEST && near as f64 >= SHARE_OF_TEMPLATE * seen as f64
}

/// How cells of copies and of strangers are distributed.
struct Densities {
    copies: [[f64; DISTANCES]; COPIES.len()],
    /// Of strangers, by the mean in steps.
    strangers: Vec<[f64; DISTANCES]>,
}

impl Densities {
    fn about(&self, mean: f64) -> &[f64; DISTANCES] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 16 bits in steps")]
        let step = (mean * STEPS as f64).round() as usize;
        &self.strangers[step.min(self.strangers.len() - 1)]
    }
}

fn densities() -> &'static Densities {
    static TABLES: OnceLock<Densities> = OnceLock::new();
    TABLES.get_or_init(|| Densities {
        copies: COPIES.map(|share| {
            let mut density = beta_binomial(share);
            // Nearer is never less likely: that one cell of a poor copy is exact does not speak against it.
            for distance in (1..DISTANCES).rev() {
                density[distance - 1] = density[distance - 1].max(density[distance]);
            }
            let total: f64 = density.iter().sum();
            density.map(|share| share / total)
        }),
        strangers: (0..=RegionCodes::BITS as usize * STEPS / 2)
            .map(|step| {
                let mean = (step as f64 / STEPS as f64).max(LEAST);
                beta_binomial(mean / f64::from(RegionCodes::BITS))
            })
            .collect(),
    })
}

/// How many of 16 bits differ where each does with a probability that varies as a beta distribution about `share`.
fn beta_binomial(share: f64) -> [f64; DISTANCES] {
    let (alpha, beta) = (share * CONCENTRATION, (1.0 - share) * CONCENTRATION);
    let ln_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let bits = f64::from(RegionCodes::BITS);
    std::array::from_fn(|distance| {
        let distance = distance as f64;
        let choices =
            libm::lgamma(bits + 1.0) - libm::lgamma(distance + 1.0) - libm::lgamma(bits - distance + 1.0);
        libm::exp(choices + ln_beta(distance + alpha, bits - distance + beta) - ln_beta(alpha, beta))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of a record: print, the same for all, in the first cells, and its own in the others.
    fn record(number: u64, print: usize) -> RegionCodes {
        RegionCodes::from_words(std::array::from_fn(|cell| {
            let owner = if cell < print { 0 } else { number };
            let mixed = (owner * 64 + cell as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            u16::try_from(mixed >> 48).unwrap()
        }))
    }

    /// The distances of a record from an image of `shown` in which each cell has these bits changed.
    fn cells(record: &RegionCodes, shown: &RegionCodes, changed: impl Fn(usize) -> u16) -> Cells {
        std::array::from_fn(|cell| {
            Some((record.words()[cell] ^ shown.words()[cell] ^ changed(cell)).count_ones())
        })
    }

    /// The ratio of record `own` in an image of `shown`, among `others` records of the template.
    fn against(own: u64, shown: u64, others: u64, print: usize, changed: impl Fn(usize) -> u16) -> f64 {
        let shown = record(shown, print);
        let known: Vec<(Cells, RegionCodes)> = (100..100 + others)
            .map(|number| record(number, print))
            .map(|codes| (cells(&codes, &shown, &changed), codes))
            .collect();
        let own = record(own, print);
        let others = known.iter().map(|(cells, codes)| Other { cells, codes });
        ratio(&cells(&own, &shown, &changed), &own, others)
    }

    #[test]
    fn densities_are_one_and_have_their_means() {
        let densities = densities();
        for density in densities.copies.iter().chain(&densities.strangers) {
            assert!((density.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(density.iter().all(|share| *share > 0.0));
        }
        let mean =
            |density: &[f64; DISTANCES]| (0..).zip(density).map(|(d, p)| f64::from(d) * p).sum::<f64>();
        for bits in [1.0, 2.5, 6.0, 8.0] {
            assert!((mean(densities.about(bits)) - bits).abs() < 1e-9);
        }
        assert!((mean(densities.about(0.0)) - LEAST).abs() < 1e-9);
        assert!((mean(densities.about(99.0)) - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_copy_is_told_from_others_by_what_is_its_own() {
        let exact = against(1, 1, 7, 40, |_| 0);
        let poor = against(1, 1, 7, 40, |cell| [0, 1, 0x0110, 0][cell % 4]);
        let stranger = against(1, 2, 7, 40, |_| 0);
        assert!(exact > 20.0 && poor > 10.0 && poor < exact, "{exact} {poor}");
        assert!(stranger < 0.5, "{stranger}");
        // All print, no picture.
        assert!(against(1, 1, 7, 64, |_| 0) < 3.0);
    }

    /// Eight cells of 24 that are the record's own are left.
    #[test]
    fn what_is_covered_hardly_speaks_against_a_copy() {
        let covered = |cell: usize| if (40..56).contains(&cell) { 0x5A5A } else { 0 };
        let left = against(1, 1, 7, 40, covered);
        assert!(left > 5.0, "{left}");
    }

    #[test]
    fn few_others_say_little_and_fewer_nothing() {
        let by = |others| against(1, 1, others, 40, |_| 0);
        assert_eq!(by(3).to_bits(), 0.0_f64.to_bits());
        assert!(by(4) > 3.0 && by(4) < by(7) && by(7) < by(15), "{} {} {}", by(4), by(7), by(15));
        // Nothing in common with the image: not of its template.
        assert_eq!(against(1, 1, 7, 0, |_| 0).to_bits(), 0.0_f64.to_bits());
    }

    /// A stranger that was taken as the record was, so that the ground looks the same, while the other records were not.
    #[test]
    fn what_others_that_look_like_the_record_share_is_no_evidence() {
        let shown = record(2, 24);
        // The ground is in cells 24 to 48 of the record, and of the image.
        let with_ground = |number: u64| {
            let (own, ground) = (record(number, 24), record(77, 24));
            let of =
                |cell: usize| if (24..48).contains(&cell) { ground.words()[cell] } else { own.words()[cell] };
            RegionCodes::from_words(std::array::from_fn(of))
        };
        let image = with_ground(2);
        let evidence = |like: u64| {
            let others: Vec<(Cells, RegionCodes)> = (100..107)
                .map(|number| if number < 100 + like { with_ground(number) } else { record(number, 24) })
                .map(|codes| (cells(&codes, &image, |_| 0), codes))
                .collect();
            let own = with_ground(1);
            ratio(
                &cells(&own, &image, |_| 0),
                &own,
                others.iter().map(|(cells, codes)| Other { cells, codes }),
                &[false; 64],
            )
        };
        assert_ne!(shown, image);
        assert!(evidence(4) < 2.0 && evidence(4) < evidence(0), "{} {}", evidence(4), evidence(0));
    }
}
