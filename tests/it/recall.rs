//! Recognition as a test: how many edited documents are found under calibrated keys, and that nobody is accused.
//!
//! The floors are what was measured, less a little; a change that costs recall must say so here.

use std::collections::BTreeMap;

use rayon::prelude::*;
use saltprint::{
    CalibrateOptions, Config, ItemReport, NoProgress, Outcome, RebuildOptions, Saltprint, TriageInput,
};
use saltprint_keys::RefKey;
use saltprint_synth::{Corpus, Edit, Family};

use crate::place::{Place, draw, jpeg};

/// Records of the vault. Half of them calibrate, the other half measure how near strangers come: more than the 200 below
/// which the rule trusts its sample so little that the strong band is narrow or empty.
const RECORDS: usize = 480;
/// Each how manyeth of them is edited and looked up.
const EVERY: usize = 9;
const STRANGERS: usize = 80;

/// Edits, and the least share of documents that must be found: in the strong band, and in any.
const FLOORS: [(Edit, f64, f64); 18] = [
    (Edit::Jpeg { quality: 50 }, 0.88, 0.97),
    (Edit::Jpeg { quality: 30 }, 0.86, 0.97),
    (Edit::Resize { percent: 40 }, 0.9, 0.97),
    (Edit::Blur { tenths: 15 }, 0.88, 0.97),
    (Edit::Blur { tenths: 25 }, 0.82, 0.97),
    (Edit::Gamma { hundredths: 55 }, 0.82, 0.97),
    (Edit::Gamma { hundredths: 160 }, 0.82, 0.97),
    (Edit::Grey, 0.96, 0.98),
    (Edit::Turn { quarters: 1 }, 0.96, 0.98),
    (Edit::Turn { quarters: 2 }, 0.96, 0.98),
    (Edit::Turn { quarters: 3 }, 0.96, 0.98),
    (Edit::Mirror, 0.96, 0.98),
    (Edit::Box { percent: 10 }, 0.85, 0.92),
    (Edit::Crop { keep: 80 }, 0.85, 0.92),
    (Edit::Crop { keep: 60 }, 0.7, 0.8),
    (Edit::Tilt { degrees: 7 }, 0.9, 0.96),
    (Edit::Perspective, 0.85, 0.92),
    (Edit::Collage { side: 2 }, 0.7, 0.8),
];
/// Of what is edited, each how manyeth is cut, covered, framed and tilted: these take four looks.
const SOME: usize = 3;

#[derive(Default)]
struct Score {
    images: u32,
    strong: u32,
    possible: u32,
    wrong: u32,
}

impl Score {
    fn share(&self, found: u32) -> f64 {
        f64::from(found) / f64::from(self.images)
    }
}

fn ask(saltprint: &Saltprint, inputs: Vec<(String, Vec<u8>)>) -> Vec<ItemReport> {
    let inputs = inputs.into_iter().map(|(name, bytes)| TriageInput::Bytes { name, bytes });
    let mut reports = Vec::new();
    saltprint
        .triage(inputs, false, &NoProgress, |report| {
            reports.push(report);
            Ok::<(), saltprint::Error>(())
        })
        .unwrap();
    reports
}

fn build(config: &Config) -> Saltprint {
    let calibrated = saltprint::calibrate(config, CalibrateOptions::default(), &NoProgress).unwrap();
    assert!(!calibrated.builtin);
    let built = saltprint::rebuild(config, RebuildOptions::default(), &NoProgress).unwrap();
    assert_eq!(built.totals.indexed, RECORDS as u64);
    println!("{} axes, {} sampled, {:?}", calibrated.dims, built.background_sampled, built.rule);
    Saltprint::open(config).unwrap()
}

#[test]
fn edited_documents_are_found_and_nobody_is_accused() {
    let items = draw(&Corpus::new(RECORDS, 11));
    let place = Place::new();
    place.fill(&items);
    let config = place.config();
    let saltprint = build(&config);
    let refs = RefKey::load_from_dir(&config.keys).unwrap();

    let chosen: Vec<_> = items.iter().step_by(EVERY).collect();
    let mut scores: BTreeMap<usize, Score> = BTreeMap::new();
    for (number, (edit, ..)) in FLOORS.iter().enumerate() {
        let each = if matches!(edit.family(), Family::Tone | Family::Orientation) { 1 } else { SOME };
        let inputs: Vec<_> = (0_u64..)
            .zip(&chosen)
            .step_by(each)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|(seed, item)| {
                let edited = edit.apply(&item.document.image, &item.document.layout, seed);
                (item.record_id.clone(), jpeg(edited, 90))
            })
            .collect();
        let score = scores.entry(number).or_default();
        for report in ask(&saltprint, inputs) {
            let own = refs.record_ref(&report.input);
            let right = report.matches.iter().any(|found| found.record_ref == own);
            score.images += 1;
            match report.outcome {
                Outcome::Match if report.matches[0].record_ref == own => score.strong += 1,
                Outcome::Match => score.wrong += 1,
                Outcome::Possible => score.possible += u32::from(right),
                Outcome::NoMatch => {}
                Outcome::TooPlain | Outcome::Unreadable | Outcome::Refused | Outcome::Duplicate => {
                    panic!("{edit} of a document ended as {:?}", report.outcome)
                }
            }
        }
    }
    println!("{:<12} {:>6} {:>8} {:>9} {:>6}", "edit", "images", "strong", "possible", "wrong");
    for (number, score) in &scores {
        println!(
            "{:<12} {:>6} {:>8.3} {:>9.3} {:>6}",
            FLOORS[*number].0.name(),
            score.images,
            score.share(score.strong),
            score.share(score.possible),
            score.wrong
        );
    }

    let strangers = draw(&Corpus::new(STRANGERS, 12));
    let inputs = strangers.into_iter().map(|item| (item.record_id, item.encoded)).collect();
    let reports = ask(&saltprint, inputs);
    let count = |outcome| reports.iter().filter(|report| report.outcome == outcome).count();
    println!(
        "strangers: {} match, {} possible, of {STRANGERS}",
        count(Outcome::Match),
        count(Outcome::Possible)
    );

    for (number, score) in &scores {
        let (edit, strong, any) = FLOORS[*number];
        assert_eq!(score.wrong, 0, "{edit}: a wrong record in the strong band");
        let found = score.share(score.strong);
        assert!(found >= strong, "{edit}: {found:.3} in the strong band, the floor is {strong}");
        let found = score.share(score.strong + score.possible);
        assert!(found >= any, "{edit}: {found:.3} found at all, the floor is {any}");
    }
    assert_eq!(count(Outcome::Match), 0, "a stranger was accused");
}
