//! How many edited copies of a demo's vault are found? The numbers in the README come from here.
//!
//! `cargo run --release -p saltprint --example recall -- target/demo 2`: every second record of that demo's vault, each with
//! the edits below, saved as JPEG of quality 90, against the demo's index; and as many strangers.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;
use saltprint::{Config, NoProgress, Outcome, Saltprint, TriageInput};
use saltprint_keys::RefKey;
use saltprint_synth::{Corpus, Document, Edit, Template};

const EDITS: [&str; 12] = [
    "jpeg-50",
    "jpeg-30",
    "resize-40",
    "resize-20",
    "blur-1.5",
    "blur-2.5",
    "gamma-0.55",
    "gamma-1.60",
    "noise-18",
    "contrast-0.65",
    "grey",
    "mirror",
];

/// Matches with the right record, possible ones, matches with a wrong record, and the rest.
type Counts = [u64; 4];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("name the folder of a demo")?;
    let step: usize = arguments.next().map_or(Ok(10), |step| step.parse())?;
    let dir = Path::new(&dir);
    let config = Config::load(&dir.join("saltprint.toml"))?;
    let saltprint = Saltprint::open(&config)?;
    let refs = RefKey::load_from_dir(&config.keys)?;
    let edits: Vec<Edit> = EDITS.into_iter().filter_map(Edit::by_name).collect();
    // None of the edits looks at where portrait and fields lie.
    let layout = Document::new(Template::Passport, 1).layout;

    let table = fs::read_to_string(dir.join("vault/vault.csv"))?;
    let records: Vec<&str> =
        table.lines().skip(1).step_by(step).filter_map(|line| line.split(',').next()).collect();
    let mut results: BTreeMap<String, Counts> = BTreeMap::new();
    for batch in records.chunks(16) {
        let copies: Result<Vec<_>, String> = batch
            .par_iter()
            .flat_map_iter(|record| edits.iter().map(move |edit| (*record, *edit)))
            .map(|(record, edit)| {
                let bytes = fs::read(dir.join("vault").join(record)).map_err(|error| error.to_string())?;
                let image = image::load_from_memory(&bytes).map_err(|error| error.to_string())?.to_rgb8();
                let mut copy = Vec::new();
                JpegEncoder::new_with_quality(&mut copy, 90)
                    .encode_image(&edit.apply(&image, &layout, 7))
                    .map_err(|error| error.to_string())?;
                Ok((record, edit.name(), copy))
            })
            .collect();
        let copies = copies?;
        let mut truths = copies
            .iter()
            .map(|(record, edit, _)| (refs.record_ref(record), edit.clone()))
            .collect::<Vec<_>>()
            .into_iter();
        let inputs = copies.into_iter().map(|(record, _, copy)| TriageInput::bytes(record, copy));
        saltprint.triage(inputs, false, &NoProgress, |report| {
            let (own, edit) = truths.next().ok_or("more reports than inputs")?;
            let kind = match report.outcome {
                // A copy that comes out the same for two edits is counted with the first.
                Outcome::Duplicate => return Ok(()),
                Outcome::Match if report.matches.first().is_some_and(|found| found.record_ref == own) => 0,
                Outcome::Possible => 1,
                Outcome::Match => 2,
                Outcome::NoMatch | Outcome::TooPlain | Outcome::Unreadable | Outcome::Refused => 3,
            };
            results.entry(edit).or_default()[kind] += 1;
            Ok::<_, Box<dyn Error>>(())
        })?;
    }
    println!("{:<16} {:>6} {:>9} {:>6} {:>9}", "edit", "match", "possible", "wrong", "no match");
    for (edit, [right, possible, wrong, missed]) in results {
        println!("{edit:<16} {right:>6} {possible:>9} {wrong:>6} {missed:>9}");
    }

    let strangers = Corpus::new(records.len(), 0x5742_4e47);
    let images: Vec<Vec<u8>> = (0..strangers.len())
        .into_par_iter()
        .filter_map(|index| Some(strangers.document(index)?.encoded))
        .collect();
    let inputs = images.into_iter().map(|bytes| TriageInput::bytes("stranger", bytes));
    let totals = saltprint.triage(inputs, false, &NoProgress, |_| Ok::<_, saltprint::Error>(()))?.totals;
    println!("{} strangers: {} match, {} possible", totals.inputs, totals.matches, totals.possible);
    Ok(())
}
