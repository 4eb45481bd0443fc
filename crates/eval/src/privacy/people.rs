//! (g) Does somebody's document match because another photo of the same person is in the vault?

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use saltprint::{ItemReport, Outcome};
use saltprint_fingerprint::danger::RawFeatures;
use saltprint_fingerprint::{GlobalCode, Readout};
use saltprint_synth::{Document, Template};
use statrs::distribution::{DiscreteCDF as _, Hypergeometric};

use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::material::{Material, luma};
use super::stats;
use crate::pipeline::Built;
use crate::progress::{Progress, Stage};
use crate::seeds::{self, Choice};
use crate::{EvalError, vault};

const METHOD: &str = "The vault holds a selfie and an identity card of each of some people. The shipped pipeline is asked for another selfie of \
    theirs (the same face; other room, light, pose, clothes) and for their passport (another design, another photo, the \
    same name and dates); then for selfies and passports of as many strangers. A match is a hit in any band.";

/// Templates of the document that the vault holds and of the one that is asked, beside selfies.
const HELD: Template = Template::IdentityCard;
const ASKED: Template = Template::Passport;

/// One person's pictures: two selfies, the card of the vault, the document that is asked.
struct Sitter {
    person: u64,
    takes: [u64; 4],
}

impl Sitter {
    fn new(seed: u64, number: usize) -> Self {
        let draw = |what: &str| seeds::draw(Choice::People, seed, &[what.as_bytes(), &number.to_le_bytes()]);
        Self { person: draw("person"), takes: ["selfie", "other selfie", "card", "passport"].map(draw) }
    }

    fn held_selfie(&self) -> Document {
        Document::new_selfie(self.person, self.takes[0], self.takes[0])
    }

    fn other_selfie(&self) -> Document {
        Document::new_selfie(self.person, self.takes[1], self.takes[1])
    }

    fn held_card(&self) -> Document {
        Document::new_take(HELD, self.person, self.takes[2])
    }

    fn passport(&self) -> Document {
        Document::new_take(ASKED, self.person, self.takes[3])
    }
}

/// What is asked of a person.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Selfie,
    Passport,
}

impl Asked {
    const fn name(self) -> &'static str {
        match self {
            Self::Selfie => "another selfie",
            Self::Passport => "passport",
        }
    }

    fn draw(self, sitter: &Sitter) -> Document {
        match self {
            Self::Selfie => sitter.other_selfie(),
            Self::Passport => sitter.passport(),
        }
    }
}

/// Draws the vault of the first `people` into `dir`.
pub(super) fn draw(dir: &Path, seed: u64, people: usize) -> Result<vault::Documents, EvalError> {
    let drawn: Result<Vec<_>, EvalError> = (0..people)
        .into_par_iter()
        .flat_map_iter(|number| {
            let sitter = Sitter::new(seed, number);
            [("selfies", sitter.held_selfie()), ("cards", sitter.held_card())].map(|(folder, document)| {
                let name = format!("{folder}/{number:06}.jpg");
                let path = dir.join(&name);
                let parent = dir.join(folder);
                fs::create_dir_all(&parent).map_err(EvalError::io("create", parent))?;
                fs::write(&path, document.encode()?).map_err(EvalError::io("write", path))?;
                Ok((name, format!("person-{number:06}")))
            })
        })
        .collect();
    Ok(vault::Documents::in_folder(dir, drawn?))
}

pub(super) fn measure(
    material: &Material,
    built: &Built,
    people: usize,
    progress: &dyn Progress,
) -> Result<Measurement, EvalError> {
    let mut measured = Measurement::new('g', "The same person on another photo", METHOD);
    let mut table = PrivacyTable::new(
        "Matches in any band",
        &["asked", "of whom", "images", "strong", "possible", "share matched", "at most (95 %)"],
    );
    for asked in [Asked::Selfie, Asked::Passport] {
        let what = asked.name();
        let mut hits = Vec::new();
        for (whose, from) in [("people in the vault", 0), ("strangers", people)] {
            progress.update(Stage::Privacy("looking up other photos of the same people"), 0, None);
            let reports: Result<Vec<ItemReport>, EvalError> = (from..from + people)
                .into_par_iter()
                .map(|number| {
                    let bytes = asked.draw(&Sitter::new(material.seed, number)).encode()?;
                    Ok(built.saltprint.lookup("", &bytes)?)
                })
                .collect();
            let count = |outcome: &[Outcome], reports: &[ItemReport]| {
                reports.iter().filter(|report| outcome.contains(&report.outcome)).count()
            };
            let reports = reports?;
            let strong = count(&[Outcome::Match], &reports);
            let possible = count(&[Outcome::Possible], &reports);
            let share = saltprint::Share::new((strong + possible) as u64, people as u64);
            hits.push(share.count);
            table.rows.push(vec![
                Cell::text(what),
                Cell::text(whose),
                Cell::count(people),
                Cell::count(strong),
                Cell::count(possible),
                Cell::Share(share.value.unwrap_or(0.0)),
                Cell::Share(share.high),
            ]);
        }
        measured.findings.push(Finding::at_most(
            format!("{what}: people of the vault that match"),
            hits[0] as f64,
            most_if_equal(hits[0] + hits[1], people as u64) as f64,
            "1 % if strangers match as often (Fisher's exact test, one-sided)",
        ));
    }
    measured.tables.push(table);
    let (finding, distances) = distances(material, people);
    measured.findings.push(finding);
    measured.tables.push(distances);
    Ok(measured)
}

/// Of `hits` among twice `people`, what falls on one half stays at or below this with a chance of 1 - ATTACK.
fn most_if_equal(hits: u64, people: u64) -> u64 {
    Hypergeometric::new(2 * people, hits, people)
        .map_or(0, |law| (0..=hits).find(|count| law.cdf(*count) >= 1.0 - stats::ATTACK).unwrap_or(hits))
}

/// Whole-image distances between two selfies: of one person and of two.
fn distances(material: &Material, people: usize) -> (Finding, PrivacyTable) {
    let coder = material.shared_coder(Readout::LINEAR, 0);
    let code = |document: Document| -> Option<GlobalCode> {
        Some(RawFeatures::of_whole(&luma(&document.image)?).ok()?.whole_code(&coder))
    };
    let codes: Vec<(GlobalCode, GlobalCode)> = (0..people)
        .into_par_iter()
        .filter_map(|number| {
            let sitter = Sitter::new(material.seed, number);
            Some((code(sitter.held_selfie())?, code(sitter.other_selfie())?))
        })
        .collect();
    let own: Vec<f64> = codes.iter().map(|(a, b)| f64::from(a.distance(b))).collect();
    let strange: Vec<f64> = codes
        .iter()
        .zip(codes.iter().cycle().skip(1))
        .map(|((a, _), (_, b))| f64::from(a.distance(b)))
        .collect();
    let nearer: Vec<f64> = strange.iter().zip(&own).map(|(strange, own)| strange - own).collect();
    let mut table = PrivacyTable::new(
        "Whole-image distances of two selfies, in bits",
        &["selfies", "pairs", "mean", "deviation", "least"],
    );
    for (name, values) in [("of one person", &own), ("of two people", &strange)] {
        let (mean, deviation) = stats::moments(values);
        let least = values.iter().copied().fold(256.0, f64::min);
        table.rows.push(vec![
            Cell::text(name),
            Cell::count(values.len()),
            Cell::Number(mean, 1),
            Cell::Number(deviation, 1),
            Cell::Number(least, 0),
        ]);
    }
    let finding = Finding::at_most(
        "selfies of one person are nearer than those of two, deviations of the mean",
        stats::deviations(&nearer),
        stats::two_sided(2.0 * stats::ATTACK),
        "1 % (normal law, one-sided)",
    );
    (finding, table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rates_and_unequal_ones() {
        assert_eq!(most_if_equal(0, 100), 0);
        // Ten hits in 200: more than eight on one half are a surprise.
        assert_eq!(most_if_equal(10, 100), 8);
    }

    #[test]
    fn sitters_are_the_same_people_on_other_photos() {
        let sitter = Sitter::new(1, 3);
        let [selfie, other, card, passport] =
            [sitter.held_selfie(), sitter.other_selfie(), sitter.held_card(), sitter.passport()];
        for document in [&other, &card, &passport] {
            assert_eq!(document.person, selfie.person);
        }
        assert_ne!(selfie.image, other.image);
        assert_ne!(Sitter::new(1, 4).person, sitter.person);
    }
}
