//! (e) What can somebody see of a document who stole the key and the codes?
//!
//! Codes of his own documents under the stolen key teach him, template by template, how cells of a picture follow from
//! bits of a code: the best linear estimate. (Among linear estimates nothing is gained by going through the features, on
//! which the cells depend as well.)

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat};
use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, Readout};
use saltprint_synth::Template;

use super::findings::{Cell, Finding, Measurement, Picture, PrivacyTable};
use super::known_plaintext::signs;
use super::linear::{Matrix, Regression};
use super::material::{Look, Material, SIDE, Seen, codes};
use super::plan::Sizes;
use super::readouts::name;
use super::ssim;
use super::stats;
use crate::EvalError;

/// Weights of the ridge that the attacker tries; the one that serves him best counts.
const RIDGES: [f64; 3] = [0.1, 0.5, 2.5];
/// Neighbours among his own codes by whose majority the attacker tells the template.
const NEIGHBOURS: usize = 5;
/// Documents that are shown.
const SHOWN: usize = 6;
/// Width of a picture in pixels.
const WIDTH: u32 = 240;

const METHOD: &str = "The thief holds key, profile and whole-image codes. Under the stolen key he makes codes of thousands of documents of \
    his own on the same templates, and learns how a picture of 96 x 96 cells follows from a code, by ridge regression about \
    the mean of each template; he tells the template by the nearest of his own codes. In the portrait region, the structural similarity (SSIM) of the \
    restored picture to the original is compared with that of the template's mean, and with that of the picture restored from \
    somebody else's code. Local codes, which a stolen index also holds, are not turned back here.";

/// One restored document.
struct Restored {
    picture: Vec<f64>,
    /// That of somebody else's code on the same template, where there is one.
    other: Option<Vec<f64>>,
    guessed: bool,
}

/// What the thief knows of one template.
struct Group {
    template: Template,
    mean: Vec<f64>,
}

pub(super) fn measure(
    material: &Material,
    sizes: &Sizes,
    readouts: &[Readout],
) -> Result<Measurement, EvalError> {
    let mut measured = Measurement::new('e', "Restoring pictures with key and codes stolen", METHOD);
    let held_out = sizes.held_out.min(material.crowd.len() / 3);
    let (tested, known) = material.crowd.split_at(held_out);
    let tested: Vec<(&Seen, &Look)> = tested
        .iter()
        .filter_map(|seen| seen.look.as_ref().filter(|look| look.portrait.is_some()).map(|look| (seen, look)))
        .take(sizes.restored)
        .collect();
    let looks: Vec<&Look> = known.iter().filter_map(|seen| seen.look.as_ref()).collect();
    let groups: Vec<Group> =
        Template::ALL.into_iter().filter_map(|template| Group::new(template, &looks)).collect();
    let mut table = PrivacyTable::new(
        "Portrait region: similarity to the original, and what is explained of the difference from the template's mean",
        &[
            "read-out",
            "documents",
            "template told",
            "SSIM of the template's mean",
            "SSIM restored",
            "gain",
            "gain from another's code",
            "variance explained",
            "explained by another's",
            "recognised among those on its template",
            "chance",
        ],
    );
    for &readout in readouts {
        let coder = material.shared_coder(readout, 3);
        let own: Vec<GlobalCode> = codes(known, &coder);
        let stolen: Vec<GlobalCode> =
            tested.par_iter().map(|(seen, _)| seen.features.whole_code(&coder)).collect();
        let tries = RIDGES.map(|ridge| restore(&looks, &own, &tested, &stolen, &groups, ridge));
        let judged: Vec<(Judged, &Vec<Restored>)> =
            tries.iter().map(|tried| (judge(&tested, tried, &groups), tried)).collect();
        let Some((best, restored)) = judged.into_iter().max_by(|a, b| a.0.gain().total_cmp(&b.0.gain()))
        else {
            continue;
        };
        table.rows.push(best.row(&name(readout)));
        let (mean, deviation) = stats::moments(&best.gains);
        let count = best.gains.len().max(1) as f64;
        measured.findings.push(Finding::at_most(
            format!("{}: gain in SSIM of the portrait region over the template's mean", name(readout)),
            mean,
            stats::two_sided(2.0 * stats::ATTACK) * deviation / count.sqrt(),
            "1 % if codes said nothing about portraits (normal law, one-sided)",
        ));
        if readout.is_linear() {
            measured.pictures = shown(&tested, restored, &groups)?;
        }
    }
    measured.tables.push(table);
    Ok(measured)
}

impl Group {
    fn new(template: Template, looks: &[&Look]) -> Option<Self> {
        let members: Vec<&&Look> = looks.iter().filter(|look| look.template == template).collect();
        let mut mean = vec![0.0; SIDE * SIDE];
        for look in &members {
            mean.iter_mut().zip(&look.cells).for_each(|(sum, &cell)| *sum += f64::from(cell));
        }
        for sum in &mut mean {
            *sum /= members.len().max(1) as f64;
        }
        (members.len() > NEIGHBOURS).then_some(Self { template, mean })
    }
}

/// Pictures of the stolen codes, in their order.
fn restore(
    looks: &[&Look],
    own: &[GlobalCode],
    tested: &[(&Seen, &Look)],
    stolen: &[GlobalCode],
    groups: &[Group],
    ridge: f64,
) -> Vec<Restored> {
    let told: Vec<Option<Template>> = stolen.par_iter().map(|code| tell(code, own, looks)).collect();
    let mut restored: Vec<Option<Restored>> = tested.iter().map(|_| None).collect();
    for group in groups {
        let members: Vec<usize> =
            (0..looks.len()).filter(|at| looks[*at].template == group.template).collect();
        let asked: Vec<usize> = (0..stolen.len()).filter(|at| told[*at] == Some(group.template)).collect();
        if asked.is_empty() {
            continue;
        }
        let mut examples = signs(&members.iter().map(|at| own[*at]).collect::<Vec<_>>());
        let mut questions = signs(&asked.iter().map(|at| stolen[*at]).collect::<Vec<_>>());
        centre(&mut examples, &mut questions);
        let targets = Matrix::from_fn(members.len(), SIDE * SIDE, |row, cell| {
            f64::from(looks[members[row]].cells[cell]) - group.mean[cell]
        });
        let Some(predicted) = Regression::new(examples, questions).ridge(&targets, ridge) else { continue };
        let picture = |row: usize| -> Vec<f64> {
            let cells = predicted.row(row);
            cells.iter().zip(&group.mean).map(|(off, mean)| (off + mean).clamp(0.0, 255.0)).collect()
        };
        for (row, at) in asked.iter().enumerate() {
            let other = (asked.len() > 1).then(|| picture((row + 1) % asked.len()));
            restored[*at] = Some(Restored {
                picture: picture(row),
                other,
                guessed: tested[*at].1.template == group.template,
            });
        }
    }
    let nothing = || Restored { picture: vec![128.0; SIDE * SIDE], other: None, guessed: false };
    restored.into_iter().map(|one| one.unwrap_or_else(nothing)).collect()
}

/// Takes the mean of each bit away.
fn centre(examples: &mut Matrix, questions: &mut Matrix) {
    for column in 0..examples.ncols() {
        let mean = examples.column(column).mean();
        examples.column_mut(column).add_scalar_mut(-mean);
        questions.column_mut(column).add_scalar_mut(-mean);
    }
}

fn tell(code: &GlobalCode, own: &[GlobalCode], looks: &[&Look]) -> Option<Template> {
    let mut nearest: Vec<(u32, usize)> =
        own.iter().enumerate().map(|(at, other)| (code.distance(other), at)).collect();
    let (near, _, _) = nearest.select_nth_unstable(NEIGHBOURS.min(own.len().checked_sub(1)?));
    let votes = |template: Template| near.iter().filter(|(_, at)| looks[*at].template == template).count();
    Template::ALL.into_iter().max_by_key(|template| votes(*template))
}

/// How well pictures were restored, one entry a document where nothing else is said.
struct Judged {
    base: Vec<f64>,
    gains: Vec<f64>,
    other_gains: Vec<f64>,
    /// Sums over the portraits: of squares of the difference from the mean, and of what is left of them.
    square: f64,
    left: f64,
    other_square: f64,
    other_left: f64,
    told: usize,
    recognised: usize,
    chance: f64,
}

impl Judged {
    fn gain(&self) -> f64 {
        stats::moments(&self.gains).0
    }

    fn row(&self, name: &str) -> Vec<Cell> {
        let count = self.gains.len();
        let mean = |values: &[f64]| stats::moments(values).0;
        vec![
            Cell::text(name),
            Cell::count(count),
            Cell::Share(self.told as f64 / count.max(1) as f64),
            Cell::Number(mean(&self.base), 3),
            Cell::Number(mean(&self.base) + self.gain(), 3),
            Cell::Number(self.gain(), 3),
            Cell::Number(mean(&self.other_gains), 3),
            Cell::Share(1.0 - self.left / self.square.max(1e-9)),
            Cell::Share(1.0 - self.other_left / self.other_square.max(1e-9)),
            Cell::Share(self.recognised as f64 / count.max(1) as f64),
            Cell::Share(self.chance / count.max(1) as f64),
        ]
    }
}

fn judge(tested: &[(&Seen, &Look)], restored: &[Restored], groups: &[Group]) -> Judged {
    let mut judged = Judged {
        base: Vec::new(),
        gains: Vec::new(),
        other_gains: Vec::new(),
        square: 0.0,
        left: 0.0,
        other_square: 0.0,
        other_left: 0.0,
        told: 0,
        recognised: 0,
        chance: 0.0,
    };
    for ((_, look), restored) in tested.iter().zip(restored) {
        let (Some(area), Some(group)) =
            (look.portrait, groups.iter().find(|group| group.template == look.template))
        else {
            continue;
        };
        let original: Vec<f64> = look.cells.iter().map(|&cell| f64::from(cell)).collect();
        let base = ssim::of_area(&original, &group.mean, SIDE, area);
        judged.base.push(base);
        judged.gains.push(ssim::of_area(&original, &restored.picture, SIDE, area) - base);
        let (square, left) = squares(&original, &group.mean, &restored.picture, area);
        judged.square += square;
        judged.left += left;
        if let Some(other) = &restored.other {
            judged.other_gains.push(ssim::of_area(&original, other, SIDE, area) - base);
            let (square, left) = squares(&original, &group.mean, other, area);
            judged.other_square += square;
            judged.other_left += left;
        }
        judged.told += usize::from(restored.guessed);
        let rivals: Vec<&Look> =
            tested.iter().map(|(_, look)| *look).filter(|rival| rival.template == look.template).collect();
        let likeness = |of: &[u8]| correlation(of, &restored.picture, &group.mean, area);
        let own = likeness(&look.cells);
        let better = rivals
            .iter()
            .filter(|rival| !std::ptr::eq(**rival, *look) && likeness(&rival.cells) >= own)
            .count();
        judged.recognised += usize::from(better == 0 && restored.guessed);
        judged.chance += 1.0 / rivals.len().max(1) as f64;
    }
    judged
}

fn cells([left, top, right, bottom]: [usize; 4]) -> impl Iterator<Item = usize> {
    (top..bottom).flat_map(move |row| (left..right).map(move |column| row * SIDE + column))
}

/// Sums of squares of the original about the mean, and about the restored picture.
fn squares(original: &[f64], mean: &[f64], restored: &[f64], area: [usize; 4]) -> (f64, f64) {
    cells(area).fold((0.0, 0.0), |(square, left), at| {
        (square + (original[at] - mean[at]).powi(2), left + (original[at] - restored[at]).powi(2))
    })
}

/// Correlation of what two pictures add to the mean.
fn correlation(original: &[u8], restored: &[f64], mean: &[f64], area: [usize; 4]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        cells(area).map(|at| (f64::from(original[at]) - mean[at], restored[at] - mean[at])).collect();
    let count = pairs.len().max(1) as f64;
    let (a, b) = pairs.iter().fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a / count, sum.1 + b / count));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        both += (x - a) * (y - b);
        first += (x - a).powi(2);
        second += (y - b).powi(2);
    }
    both / (first * second).sqrt().max(1e-9)
}

/// Original, restored picture and mean of a few documents, each of another template where there are enough.
fn shown(
    tested: &[(&Seen, &Look)],
    restored: &[Restored],
    groups: &[Group],
) -> Result<Vec<Vec<Picture>>, EvalError> {
    let mut rows = Vec::new();
    for group in groups {
        let Some(at) = tested.iter().position(|(_, look)| look.template == group.template) else { continue };
        let look = tested[at].1;
        let original: Vec<f64> = look.cells.iter().map(|&cell| f64::from(cell)).collect();
        let mut row = Vec::new();
        for (caption, cells) in [
            ("original", &original),
            ("restored from the code", &restored[at].picture),
            ("mean of the template", &group.mean),
        ] {
            row.push(Picture {
                caption: format!("{}: {caption}", group.template.name()),
                png: png(cells, look.shape)?,
            });
        }
        rows.push(row);
        if rows.len() == SHOWN {
            break;
        }
    }
    Ok(rows)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range first, and `as` maps NaN to 0"
)]
fn png(cells: &[f64], shape: f64) -> Result<Vec<u8>, EvalError> {
    let side = SIDE as u32;
    let pixels = cells.iter().map(|cell| cell.round().clamp(0.0, 255.0) as u8).collect();
    let small = GrayImage::from_raw(side, side, pixels).unwrap_or_else(|| GrayImage::new(side, side));
    let height = (f64::from(WIDTH) / shape).round().clamp(1.0, 1000.0) as u32;
    let large = imageops::resize(&small, WIDTH, height, FilterType::CatmullRom);
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(large)
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| EvalError::Report(error.into()))?;
    Ok(bytes.into_inner())
}
