//! The read-outs that are compared, and what each costs: copies found at the shipped bar.

use rayon::prelude::*;
use saltprint_fingerprint::danger::RawFeatures;
use saltprint_fingerprint::{GlobalCode, Readout};
use saltprint_matching::Band;
use saltprint_synth::{Corpus, Document, Edit};

use super::bar::{self, nearest_two};
use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::material::{self, Material, codes};
use super::plan::Sizes;
use super::stats;
use crate::PrivacyPlan;
use crate::progress::{Progress, Stage};

/// Edits that whole-image codes are to find; the rest is the business of local codes.
const EDITS: [Edit; 12] = [
    Edit::Jpeg { quality: 30 },
    Edit::Resize { percent: 20 },
    Edit::Blur { tenths: 25 },
    Edit::Noise { sigma: 18 },
    Edit::Gamma { hundredths: 55 },
    Edit::Contrast { hundredths: 60 },
    Edit::Stamp,
    Edit::PixelatedPortrait,
    Edit::BlackedFields,
    Edit::Box { percent: 25 },
    Edit::Crop { keep: 95 },
    Edit::Tilt { degrees: 2 },
];

/// Chances of a false match a comparison that distances are compared at.
const CHANCES: [f64; 3] = [1e-4, 1e-5, 1e-6];

const METHOD: &str = "Documents of the vault are edited, and their codes looked for among the vault's, upright: the whole-image tier \
    alone. The bar is the shipped rule's: lines measured on strangers, one false match in a million images. Then the same at equal \
    chances of a false match a comparison, from the distances of a million pairs of strangers; where those are too few, \
    by a normal law fitted to their near tail.";

/// A read-out in words.
pub(super) fn name(readout: Readout) -> String {
    if readout.is_linear() { "linear".to_owned() } else { format!("tables of {}", readout.half_spaces()) }
}

/// Copies of one document: the features under each of [`EDITS`] that applies to it.
struct Copies {
    /// Number of the record.
    record: usize,
    edited: Vec<Option<RawFeatures>>,
}

/// What a read-out finds.
struct Found {
    strong: Vec<u64>,
    distances: Vec<f64>,
    at_chance: Vec<u64>,
    lines: Vec<f64>,
    strangers: (f64, f64),
    of: Vec<u64>,
}

/// Recall of the whole-image tier by read-out; of invented vaults, whose documents can be drawn again.
pub(super) fn measure(
    material: &Material,
    records: usize,
    plan: &PrivacyPlan,
    sizes: &Sizes,
    readouts: &[Readout],
    progress: &dyn Progress,
) -> Measurement {
    let mut measured = Measurement::new('r', "Read-outs: what they cost", METHOD);
    let copies = copies(records, plan, sizes, progress);
    let found: Vec<Found> = readouts.iter().map(|readout| find(material, &copies, *readout)).collect();
    let names: Vec<String> = readouts.iter().map(|readout| name(*readout)).collect();
    let columns: Vec<&str> = ["edit", "copies"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut recall = PrivacyTable::new("Copies found in the strong band of the shipped rule", &columns);
    let mut distance = PrivacyTable::new("Mean distance of a copy to its record, in bits", &columns);
    for (place, edit) in EDITS.iter().enumerate() {
        let of = found.first().map_or(0, |found| found.of[place]);
        let start = || vec![Cell::text(edit.name()), Cell::Count(of)];
        let share = |found: &Found| Cell::Share(found.strong[place] as f64 / of.max(1) as f64);
        recall.rows.push(start().into_iter().chain(found.iter().map(share)).collect());
        let mean = |found: &Found| Cell::Number(found.distances[place] / of.max(1) as f64, 1);
        distance.rows.push(start().into_iter().chain(found.iter().map(mean)).collect());
    }
    let all: u64 = found.first().map_or(0, |found| found.of.iter().sum());
    let total = |found: &Found| found.strong.iter().sum::<u64>();
    let sum = found.iter().map(|found| Cell::Share(total(found) as f64 / all.max(1) as f64));
    recall.rows.push([Cell::text("all edits"), Cell::Count(all)].into_iter().chain(sum).collect());
    let mut equal = PrivacyTable::new(
        "Copies found at equal chances of a false match a comparison",
        &[
            "read-out",
            "strangers, mean",
            "deviation",
            "line at 1e-4",
            "found",
            "line at 1e-5",
            "found",
            "line at 1e-6",
            "found",
        ],
    );
    for (name, found) in names.iter().zip(&found) {
        let mut row =
            vec![Cell::text(name), Cell::Number(found.strangers.0, 1), Cell::Number(found.strangers.1, 1)];
        for (line, count) in found.lines.iter().zip(&found.at_chance) {
            row.extend([Cell::Number(*line, 1), Cell::Share(*count as f64 / all.max(1) as f64)]);
        }
        equal.rows.push(row);
    }
    if let Some((linear, others)) = found.split_first() {
        for (name, other) in names.iter().skip(1).zip(others) {
            // Found by the linear read-out and not by this one, less the other way round.
            let lost = total(linear) as f64 - total(other) as f64;
            measured.findings.push(Finding::at_most(
                format!("{name}: copies lost at the shipped bar against the linear read-out, of {all}"),
                lost,
                stats::two_sided(2.0 * stats::ATTACK) * (all as f64 * 0.02).sqrt(),
                "1 % if as many were won as lost (normal law, one copy in 50 decided differently)",
            ));
        }
    }
    measured.tables.extend([recall, distance, equal]);
    measured
}

fn copies(records: usize, plan: &PrivacyPlan, sizes: &Sizes, progress: &dyn Progress) -> Vec<Copies> {
    let corpus = Corpus::new(records, plan.seed);
    // Those that calibration has not seen.
    let chosen: Vec<usize> = (1..records).step_by(2).take(sizes.copied).collect();
    let mut copies = Vec::with_capacity(chosen.len());
    for batch in chosen.chunks(32) {
        progress.update(Stage::Privacy("editing copies"), copies.len() as u64, Some(chosen.len() as u64));
        copies.par_extend(batch.par_iter().filter_map(|record| {
            let entry = corpus.entry(*record)?;
            let document = Document::new_take(entry.template, entry.person_seed, entry.capture_seed);
            let edited = EDITS.iter().map(|edit| {
                if !edit.applies_to(&document.layout) {
                    return None;
                }
                let copy = edit.apply(&document.image, &document.layout, entry.capture_seed);
                RawFeatures::of_whole(&material::luma(&copy)?).ok()
            });
            Some(Copies { record: *record, edited: edited.collect() })
        }));
    }
    copies
}

fn find(material: &Material, copies: &[Copies], readout: Readout) -> Found {
    let coder = material.shared_coder(readout, 0);
    let vault = codes(&material.vault, &coder);
    let strangers = codes(&material.crowd[..material.crowd.len().min(2000)], &coder);
    let rule = bar::rule(&vault, &strangers);
    let (lines, moments) = lines(&vault, &strangers);
    let none = || vec![0; EDITS.len()];
    let mut found = Found {
        strong: none(),
        distances: vec![0.0; EDITS.len()],
        at_chance: vec![0; CHANCES.len()],
        lines,
        strangers: moments,
        of: none(),
    };
    let seen: Vec<(usize, u32, bool)> = copies
        .par_iter()
        .flat_map_iter(|copies| {
            let record = material.vault.binary_search_by_key(&copies.record, |seen| seen.number);
            let (coder, vault, rule) = (&coder, &vault, &rule);
            copies.edited.iter().enumerate().filter_map(move |(edit, features)| {
                let record = record.ok()?;
                let code = features.as_ref()?.whole_code(coder);
                let distance = code.distance(vault.get(record)?);
                let [rival, _] = nearest_two(&code, vault, Some(record));
                let strong = distance < rival && rule.decide(distance, &[rival]).band == Some(Band::Strong);
                Some((edit, distance, strong))
            })
        })
        .collect();
    for (edit, distance, strong) in seen {
        found.of[edit] += 1;
        found.strong[edit] += u64::from(strong);
        found.distances[edit] += f64::from(distance);
        for (count, line) in found.at_chance.iter_mut().zip(&found.lines) {
            *count += u64::from(f64::from(distance) <= *line);
        }
    }
    found
}

/// The distance within which a stranger's code lies with each of [`CHANCES`], and mean and deviation of all distances.
fn lines(vault: &[GlobalCode], strangers: &[GlobalCode]) -> (Vec<f64>, (f64, f64)) {
    let counts = strangers
        .par_iter()
        .fold(
            || vec![0_u64; 257],
            |mut counts, stranger| {
                for code in vault {
                    counts[stranger.distance(code) as usize] += 1;
                }
                counts
            },
        )
        .reduce(|| vec![0; 257], |a, b| a.iter().zip(b).map(|(a, b)| a + b).collect());
    let all = counts.iter().sum::<u64>().max(1) as f64;
    let at = |share: f64| {
        let mut below = 0.0;
        for (bits, count) in counts.iter().enumerate() {
            let upto = below + *count as f64 / all;
            if upto >= share {
                // Within the step.
                return bits as f64 - 1.0 + (share - below) / (upto - below).max(f64::MIN_POSITIVE);
            }
            below = upto;
        }
        256.0
    };
    // Ten of them at least, or the normal law through the quantiles at a thousandth and a ten-thousandth.
    let z = |share: f64| -stats::two_sided(2.0 * share);
    let (near, nearer) = (at(1e-3), at(1e-4));
    let slope = (near - nearer) / (z(1e-3) - z(1e-4));
    let line =
        |chance: f64| if chance * all >= 10.0 { at(chance) } else { nearer + slope * (z(chance) - z(1e-4)) };
    let mean = counts.iter().enumerate().map(|(bits, count)| bits as f64 * *count as f64).sum::<f64>() / all;
    let square = counts
        .iter()
        .enumerate()
        .map(|(bits, count)| (bits as f64 - mean).powi(2) * *count as f64)
        .sum::<f64>()
        / all;
    (CHANCES.map(line).to_vec(), (mean, square.sqrt()))
}
