//! (d) How much of a code can somebody predict who knows some images with their codes?

use rayon::prelude::*;
use saltprint_fingerprint::danger::RawFeatures;
use saltprint_fingerprint::{Coder, GlobalCode, LocalCode, Readout};
use saltprint_matching::DecisionRule;

use super::bar::{self, nearest_two};
use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::linear::{Matrix, Regression, standardise};
use super::material::{Material, Seen, codes};
use super::plan::Sizes;
use super::readouts::name;
use super::stats;
use crate::progress::{Progress, Stage};

/// Weights of the ridge that the attacker tries; what serves him best on the held-out images counts.
const RIDGES: [f64; 4] = [0.003, 0.03, 0.3, 3.0];

const METHOD: &str = "The attacker has images with their codes, knows the program and computes their features, but has neither key nor \
    profile. He takes the code of the most similar known image, or learns each bit by ridge and by logistic regression, and predicts the codes of images that he has no code of. \
    He may choose the strength of the ridge in hindsight, so that numbers err in his favour. A forged code matches where the \
    decision rule takes it for the record in the strong band, in an index of the held-out images.";

const ATTACKS: [&str; 3] = ["code of the nearest known image", "ridge", "logistic"];

/// What one attack came to on one read-out.
#[derive(Clone, Copy, Default)]
struct Forged {
    bits: f64,
    matched: f64,
}

pub(super) fn measure(
    material: &Material,
    sizes: &Sizes,
    readouts: &[Readout],
    progress: &dyn Progress,
) -> Measurement {
    let mut measured = Measurement::new('d', "Known images with their codes", METHOD);
    let held_out = sizes.held_out.min(material.crowd.len() / 3);
    let (tested, known) = material.crowd.split_at(held_out);
    let truths: Vec<Truth> =
        readouts.iter().map(|readout| Truth::new(material, *readout, known, tested)).collect();
    let mut columns = vec!["read-out", "attack"];
    let counts: Vec<usize> = sizes.pairs.iter().copied().filter(|pairs| *pairs <= known.len()).collect();
    let headings: Vec<String> = counts.iter().map(|pairs| format!("{pairs} pairs")).collect();
    columns.extend(headings.iter().map(String::as_str));
    let mut bits =
        PrivacyTable::new("Bits predicted on held-out images; half are right by guessing", &columns);
    let mut forged = PrivacyTable::new("Forged codes that match their record, strong band", &columns);
    let results: Vec<Vec<[Forged; ATTACKS.len()]>> = counts
        .iter()
        .enumerate()
        .map(|(at, pairs)| {
            progress.update(
                Stage::Privacy("learning codes from known pairs"),
                at as u64,
                Some(counts.len() as u64),
            );
            attack(&known[..*pairs], tested, &truths)
        })
        .collect();
    for (number, &readout) in readouts.iter().enumerate() {
        for (attack, attack_name) in ATTACKS.iter().enumerate() {
            let start = || vec![Cell::text(name(readout)), Cell::text(*attack_name)];
            let cells = |value: fn(&Forged) -> f64| {
                results.iter().map(move |result| Cell::Share(value(&result[number][attack])))
            };
            bits.rows.push(start().into_iter().chain(cells(|forged| forged.bits)).collect());
            forged.rows.push(start().into_iter().chain(cells(|forged| forged.matched)).collect());
        }
        for (pairs, result) in counts.iter().zip(&results) {
            let best = result[number].iter().map(|forged| forged.bits).fold(0.0, f64::max);
            let tosses = (held_out * 256) as f64;
            measured.findings.push(Finding::at_most(
                format!("{}: share of bits predicted from {pairs} pairs", name(readout)),
                best,
                // As if the bits of one image were as one, which is the most that they can hang together.
                0.5 + stats::two_sided(2.0 * stats::ATTACK) * 0.5 / (tosses / 256.0).sqrt(),
                "1 % if bits were guessed (normal law, all bits of an image taken for one)",
            ));
        }
    }
    measured.tables.extend([bits, forged]);
    measured.tables.push(parts(material, sizes));
    measured
}

/// The same for local codes, whose keypoints an attacker can pair by place: from how few images the secret rotation is learned.
fn parts(material: &Material, sizes: &Sizes) -> PrivacyTable {
    let mut table = PrivacyTable::new(
        "Bits of local codes predicted on held-out images; half are right by guessing",
        &["known images", "known pairs of keypoint and code", "ridge", "logistic"],
    );
    let coder = material.shared_coder(Readout::LINEAR, 3);
    let images = &material.crowd[..sizes.images.min(material.crowd.len())];
    // The second half is predicted; of the first, more and more is known.
    let (known, tested) = images.split_at(images.len() / 2);
    let (questions, answers) = (descriptors(tested), part_signs(tested, &coder));
    let counts: Vec<usize> =
        sizes.part_images.iter().copied().filter(|count| *count <= known.len()).collect();
    for count in counts {
        let known = &known[..count];
        let (mut examples, mut questions) = (descriptors(known), questions.clone());
        let pairs = examples.nrows();
        standardise(&mut examples, &mut questions);
        let targets = part_signs(known, &coder);
        let regression = Regression::new(examples, questions);
        let share = |predicted: Option<Matrix>| {
            predicted.map_or(0.0, |predicted| {
                let pairs = predicted.iter().zip(answers.iter());
                pairs.filter(|(a, b)| (**a > 0.0) == (**b > 0.0)).count() as f64 / answers.len().max(1) as f64
            })
        };
        let best = |attack: fn(&Regression, &Matrix, f64) -> Option<Matrix>| {
            RIDGES.iter().map(|ridge| share(attack(&regression, &targets, *ridge))).fold(0.0, f64::max)
        };
        table.rows.push(vec![
            Cell::count(count),
            Cell::count(pairs),
            Cell::Share(best(Regression::ridge)),
            Cell::Share(best(Regression::logistic)),
        ]);
    }
    table
}

fn descriptors(of: &[Seen]) -> Matrix {
    let parts: Vec<&[u8; RawFeatures::PART]> = of.iter().flat_map(|seen| seen.features.parts()).collect();
    Matrix::from_fn(parts.len(), RawFeatures::PART, |row, column| f64::from(parts[row][column]))
}

fn part_signs(of: &[Seen], coder: &Coder) -> Matrix {
    let codes: Vec<LocalCode> =
        of.iter().flat_map(|seen| seen.features.part_codes(coder, usize::MAX)).collect();
    Matrix::from_fn(codes.len(), 128, |row, bit| sign(&codes[row].words(), bit))
}

/// 1 where the bit is set, else -1.
fn sign(words: &[u64], bit: usize) -> f64 {
    if words[bit / 64] >> (bit % 64) & 1 == 1 { 1.0 } else { -1.0 }
}

/// Codes of the attacker's images and of the held-out ones under one read-out.
struct Truth {
    /// 1 and -1, one row an image.
    known: Matrix,
    tested: Vec<GlobalCode>,
    rule: DecisionRule,
}

impl Truth {
    fn new(material: &Material, readout: Readout, known: &[Seen], tested: &[Seen]) -> Self {
        let coder = material.shared_coder(readout, 3);
        let (known, tested) = (codes(known, &coder), codes(tested, &coder));
        let rule = bar::rule(&tested, &known[..known.len().min(2000)]);
        Self { known: signs(&known), tested, rule }
    }

    /// Bits and matches of predicted codes.
    fn judge(&self, predicted: &Matrix, first: usize) -> Forged {
        let results: Vec<(u32, bool)> = (0..predicted.nrows())
            .into_par_iter()
            .map(|row| {
                let mut words = [0_u64; 4];
                for bit in 0..256 {
                    words[bit / 64] |= u64::from(predicted[(row, first + bit)] > 0.0) << (bit % 64);
                }
                let code = GlobalCode::from_words(words);
                let wrong = code.distance(&self.tested[row]);
                let [rival, _] = nearest_two(&code, &self.tested, Some(row));
                (
                    wrong,
                    wrong < rival
                        && self.rule.decide(wrong, &[rival]).band == Some(saltprint_matching::Band::Strong),
                )
            })
            .collect();
        let count = results.len().max(1) as f64;
        let wrong: u32 = results.iter().map(|(wrong, _)| wrong).sum();
        Forged {
            bits: 1.0 - f64::from(wrong) / 256.0 / count,
            matched: results.iter().filter(|(_, matched)| *matched).count() as f64 / count,
        }
    }
}

/// One entry a read-out, with one for each of [`ATTACKS`].
fn attack(known: &[Seen], tested: &[Seen], truths: &[Truth]) -> Vec<[Forged; ATTACKS.len()]> {
    let (mut examples, mut questions) = (features(known), features(tested));
    standardise(&mut examples, &mut questions);
    let regression = Regression::new(examples, questions);
    let targets = Matrix::from_fn(known.len(), 256 * truths.len(), |row, column| {
        truths[column / 256].known[(row, column % 256)]
    });
    let mut best = vec![[Forged::default(); ATTACKS.len()]; truths.len()];
    let mut judge = |attack: usize, predicted: &Matrix| {
        for (number, truth) in truths.iter().enumerate() {
            let forged = truth.judge(predicted, 256 * number);
            let best = &mut best[number][attack];
            best.bits = best.bits.max(forged.bits);
            best.matched = best.matched.max(forged.matched);
        }
    };
    judge(0, &regression.nearest(&targets));
    for ridge in RIDGES {
        let attacks = [regression.ridge(&targets, ridge), regression.logistic(&targets, ridge)];
        for (attack, predicted) in attacks.iter().enumerate() {
            if let Some(predicted) = predicted {
                judge(attack + 1, predicted);
            }
        }
    }
    best
}

fn features(of: &[Seen]) -> Matrix {
    Matrix::from_row_iterator(
        of.len(),
        RawFeatures::WHOLE,
        of.iter().flat_map(|seen| seen.features.whole()).map(|&value| f64::from(value)),
    )
}

pub(super) fn signs(codes: &[GlobalCode]) -> Matrix {
    Matrix::from_fn(codes.len(), 256, |row, bit| sign(&codes[row].words(), bit))
}
