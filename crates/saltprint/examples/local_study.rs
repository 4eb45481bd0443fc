//! Scores of the local tier: true records against strangers, edit by edit. For choosing its settings.
//!
//! `cargo run --release -p saltprint --example local_study -- FOLDER RECORDS STRANGERS QUERIES [EDITS]`

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;
use saltprint::{CalibrateOptions, Config, NoProgress, RebuildOptions, calibrate, rebuild};
use saltprint_fingerprint::{Coder, Profile, QueryFingerprint};
use saltprint_index::IndexDir;
use saltprint_intake::{Limits, decode};
use saltprint_keys::{IndexKey, ProjectionKey, RefKey};
use saltprint_matching::{LocalSearch, contests};
use saltprint_synth::{Corpus, Document, Edit};

struct Row {
    best: f64,
    rival: f64,
    features: u32,
    right: bool,
    found: bool,
    covered: f64,
    dump: Vec<(bool, f64, f64, Vec<(u32, u8, f32, f64, f64)>)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let dir = Path::new(&arguments[0]);
    let (records, strangers, queries): (usize, usize, usize) =
        (arguments[1].parse()?, arguments[2].parse()?, arguments[3].parse()?);
    let edits: Vec<Edit> = match arguments.get(4) {
        Some(names) => names.split(',').filter_map(Edit::by_name).collect(),
        None => Edit::ALL.to_vec(),
    };
    let corpus = Corpus::new(records, 77);
    let others = Corpus::new(strangers, 78);
    if !dir.join("vault").exists() {
        saltprint_synth::write_corpus(&dir.join("vault"), &corpus, |_| ())?;
        fs::write(dir.join("saltprint.toml"), "[vault]\nroot = \"vault\"\nmanifest = \"vault/vault.csv\"\n")?;
        saltprint_keys::keygen(&dir.join("keys"), std::time::SystemTime::now(), &mut saltprint_keys::system_random)?;
    }
    let config = Config::load(&dir.join("saltprint.toml"))?;
    let mut options = CalibrateOptions::default();
    options.force = true;
    options.sample = 300;
    let started = std::time::Instant::now();
    if std::env::var_os("KEEP").is_none() {
        calibrate(&config, options, &NoProgress)?;
        println!("calibrated {:.1} s", started.elapsed().as_secs_f64());
        let summary = rebuild(&config, RebuildOptions::default(), &NoProgress)?;
        println!("rebuilt {:.1} s, {:?}, warnings {:?}", summary.seconds, summary.selection, summary.warnings);
    }
    let (projection, index_key) = (ProjectionKey::load_from_dir(&config.keys)?, IndexKey::load_from_dir(&config.keys)?);
    let refs = RefKey::load_from_dir(&config.keys)?;
    let profile = Profile::open(&projection, &fs::read(&config.profile)?)?;
    let coder = Coder::new(&profile, &projection);
    let generation = IndexDir::new(&config.index).open(&index_key, coder.epoch())?;
    println!("{} records, {} bytes", generation.manifest().records(), generation.file_len());
    let mut background: Vec<f32> =
        generation.manifest().local_background.impostors.iter().map(|impostor| impostor.best).collect();
    background.sort_by(f32::total_cmp);
    let q = |values: &[f32], share: f64| values.get((share * (values.len() - 1) as f64) as usize).copied().unwrap_or(0.0);
    println!(
        "background {}: median {:.2} 90% {:.2} 99% {:.2} max {:.2}",
        background.len(), q(&background, 0.5), q(&background, 0.9), q(&background, 0.99), q(&background, 1.0)
    );
    let search = LocalSearch::new(&generation);
    let fine = std::env::var_os("FINE").is_some();
    let ask = |corpus: &Corpus, items: Vec<(usize, Edit)>, mirrored: bool| -> Vec<(usize, Row)> {
        let mut rows = Vec::new();
        for batch in items.chunks(32) {
            let made: Vec<(usize, QueryFingerprint)> = batch
                .par_iter()
                .filter_map(|(index, edit)| {
                    let entry = corpus.entry(*index)?;
                    let document = Document::new_take(entry.template, entry.person_seed, entry.capture_seed);
                    let copy = edit.apply(&document.image, &document.layout, *index as u64 * 31 + 5);
                    let mut bytes = Vec::new();
                    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&copy).ok()?;
                    let image = decode(&bytes, &Limits::default()).ok()?;
                    let query = coder.query(&image).ok()?;
                    Some((*index, if fine { QueryFingerprint::new(*query.codes(), coder.fine_query(&image)) } else { query }))
                })
                .collect();
            let local: Vec<_> = made.iter().map(|(_, query)| query.local()).collect();
            let found = search.find(&local, mirrored, |_, _| true).unwrap_or_default();
            for ((index, _), sightings) in made.iter().zip(found) {
                let own = corpus.entry(*index).map(|entry| refs.record_ref(&entry.record_id));
                let subject = own.and_then(|own| generation.find(own).ok().flatten());
                let is_own = |hit: &saltprint_index::IndexHit| subject.as_ref().is_some_and(|own| !own.is_rival_of(hit));
                let groups = contests(sightings);
                // The contest that holds the right record best, or else the first.
                let place = groups.iter().position(|contest| is_own(&contest.best().record)).unwrap_or(0);
                rows.push((*index, match groups.get(place) {
                    None => Row { best: 0.0, rival: 0.0, features: 0, right: false, found: false, covered: 0.0, dump: vec![] },
                    Some(contest) => Row {
                        best: contest.best().score,
                        rival: contest.rivals().next().map_or(0.0, |rival| rival.score),
                        features: contest.best().features,
                        right: is_own(&contest.best().record),
                        found: contest.sightings.iter().any(|sighting| is_own(&sighting.record)),
                        covered: contest.best().covered,
                        dump: std::iter::once(contest.best()).chain(contest.rivals().take(1)).map(|s| (is_own(&s.record), s.visible, s.covered, s.debug.clone())).collect(),
                    },
                }));
            }
        }
        rows
    };
    let quantile = |mut values: Vec<f64>, share: f64| {
        values.sort_by(f64::total_cmp);
        values.get((share * (values.len().max(1) - 1) as f64) as usize).copied().unwrap_or(0.0)
    };
    let none = Edit::by_name("jpeg-50").ok_or("edit")?;
    let rows = ask(&others, (0..strangers).map(|index| (index, none)).collect(), false);
    use std::io::Write as _;
    let mut dump = std::env::var_os("DUMP").map(|path| fs::File::create(path).unwrap());
    let mut write = |name: &str, rows: &[(usize, Row)], corpus: &Corpus| if let Some(file) = &mut dump { for (index, row) in rows { writeln!(file, "{name}|{index}|{:?}|{:?}", corpus.entry(*index).unwrap().template, row.dump).unwrap(); } };
    write("stranger", &rows, &others);
    let best: Vec<f64> = rows.iter().map(|(_, row)| row.best).collect();
    let gap: Vec<f64> = rows.iter().map(|(_, row)| row.best - row.rival).collect();
    for (name, values) in [("best", &best), ("gap", &gap)] {
        println!("strangers {name}: {:?}", [0.5, 0.9, 0.95, 0.99, 1.0].map(|share| (quantile(values.clone(), share) * 100.0).round() / 100.0));
    }
    println!("stranger features {:?}", [0.5, 0.9, 0.99, 1.0].map(|share| quantile(rows.iter().map(|(_, row)| f64::from(row.features)).collect(), share)));
    let mut worst: Vec<_> = rows.iter().collect();
    worst.sort_by(|a, b| b.1.best.total_cmp(&a.1.best));
    for (index, row) in worst.iter().take(5) {
        let kind = others.entry(*index).map(|entry| entry.template);
        println!("  stranger {index} {kind:?}: best {:.2} rival {:.2} features {} covered {:.2}", row.best, row.rival, row.features, row.covered);
    }
    let line = 1.25 * quantile(best, 1.0);
    let line_gap = 1.25 * quantile(gap, 1.0);
    println!("line {line:.2} gap line {line_gap:.2}");
    for edit in edits {
        let mirrored = edit.to_string() == "mirror";
        let rows = ask(&corpus, (0..queries).map(|i| (i * records / queries, edit)).collect(), mirrored);
        write(&edit.to_string(), &rows, &corpus);
        let share = |test: &dyn Fn(&Row) -> bool| rows.iter().filter(|(_, row)| test(row)).count() as f64 / rows.len() as f64 * 100.0;
        let mut misses = std::collections::BTreeMap::new();
        for (index, row) in &rows {
            if !(row.right && row.best - row.rival > line_gap) {
                *misses.entry(format!("{:?}", corpus.entry(*index).map(|entry| entry.template))).or_insert(0) += 1;
            }
        }
        println!(
            "{:20} right {:5.1} listed {:5.1} line {:5.1} gap {:5.1} score 5%/25%/50% {:.1} {:.1} {:.1} features 5%/50% {} {} misses {misses:?}",
            edit.to_string(), share(&|row| row.right), share(&|row| row.found), share(&|row| row.right && row.best > line),
            share(&|row| row.right && row.best - row.rival > line_gap),
            quantile(rows.iter().map(|(_, row)| row.best).collect(), 0.05),
            quantile(rows.iter().map(|(_, row)| row.best).collect(), 0.25),
            quantile(rows.iter().map(|(_, row)| row.best).collect(), 0.5),
            quantile(rows.iter().map(|(_, row)| f64::from(row.features)).collect(), 0.05),
            quantile(rows.iter().map(|(_, row)| f64::from(row.features)).collect(), 0.5),
        );
    }
    Ok(())
}
