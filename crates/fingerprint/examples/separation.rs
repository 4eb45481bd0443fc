//! How far copies are from their record, and strangers on the same template from each other.
//!
//! `cargo run --release -p saltprint-fingerprint --example separation -- [CALIBRATION_SIZE] [TEST_SIZE]`
//!
//! Documents and edits come from `saltprint-synth`; the calibration sample and the tested documents share no person.

#![expect(clippy::print_stdout, reason = "the program's output")]

use std::time::Instant;

use image::{DynamicImage, RgbImage};
use rayon::prelude::*;
use saltprint_fingerprint::{Calibration, CalibrationSample, Coder, GlobalCode, Luma, Profile, TooPlain};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Corpus, Document, Edit};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Distance of an edited copy that has no code.
const PLAIN: u32 = 999;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let calibration_size = arguments.next().map_or(Ok(500), |text| text.parse())?;
    let test_size = arguments.next().map_or(Ok(500), |text| text.parse())?;

    let builtin = Profile::builtin();
    let calibrated = calibrate(&Corpus::new(calibration_size, 1))?;
    println!("calibrated on {calibration_size} documents: {calibrated:?}");
    let key = ProjectionKey::from_secret(&[7; 32]);
    let coders = [("built-in", Coder::new(&builtin, &key)), ("calibrated", Coder::new(&calibrated, &key))];

    let corpus = Corpus::new(test_size, 2);
    let documents: Vec<Document> = (0..corpus.len())
        .into_par_iter()
        .filter_map(|i| corpus.document(i))
        .map(|item| item.document)
        .collect();
    speed(&documents, &coders[1].1)?;
    for (name, coder) in &coders {
        report(name, coder, &documents)?;
    }
    Ok(())
}

fn calibrate(corpus: &Corpus) -> Result<Profile, Failure> {
    let mut calibration = Calibration::new(1);
    let (mut measuring, mut adding) = (0.0, 0.0);
    for start in (0..corpus.len()).step_by(64) {
        let range = start..(start + 64).min(corpus.len());
        let images: Vec<Luma> = range
            .into_par_iter()
            .filter_map(|i| corpus.document(i))
            .map(|item| luma(&item.document.image))
            .collect::<Result<_, _>>()?;
        let clock = Instant::now();
        let samples: Vec<Result<CalibrationSample, TooPlain>> =
            images.par_iter().map(|image| CalibrationSample::measure(image, calibration.seed())).collect();
        measuring += clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        samples.iter().flatten().for_each(|sample| calibration.add(sample));
        adding += clock.elapsed().as_secs_f64();
    }
    let clock = Instant::now();
    let profile = calibration.finish()?;
    let solving = clock.elapsed().as_secs_f64();
    println!("calibration: measuring {measuring:.1} s, adding {adding:.1} s, solving {solving:.1} s");
    Ok(profile)
}

fn luma(image: &RgbImage) -> Result<Luma, Failure> {
    let grey = DynamicImage::ImageRgb8(image.clone()).into_luma8();
    Ok(Luma::new(grey.width(), grey.height(), grey.into_raw())?)
}

/// Milliseconds for a scan of 2.6 megapixels, made by repeating a document.
fn speed(documents: &[Document], coder: &Coder) -> Result<(), Failure> {
    let Some(document) = documents.first() else { return Ok(()) };
    let small = luma(&document.image)?;
    let (width, height) = (1_950_u32, 1_333_u32);
    let at = |i: u32| (i / width % small.height() * small.width() + i % width % small.width()) as usize;
    let large = Luma::new(width, height, (0..width * height).map(|i| small.pixels()[at(i)]).collect())?;
    let time = |work: &dyn Fn() -> bool| {
        let mut best = f64::INFINITY;
        for _ in 0..30 {
            let clock = Instant::now();
            std::hint::black_box(work());
            best = best.min(clock.elapsed().as_secs_f64() * 1e3);
        }
        best
    };
    let record = time(&|| coder.fingerprint(&large).is_ok());
    let query = time(&|| coder.query(&large).is_ok());
    println!("2.6 megapixels, after decoding: fingerprint {record:.2} ms, query {query:.2} ms");
    Ok(())
}

fn report(name: &str, coder: &Coder, documents: &[Document]) -> Result<(), Failure> {
    let records: Vec<GlobalCode> = documents
        .par_iter()
        .map(|document| Ok(coder.fingerprint(&luma(&document.image)?)?.global))
        .collect::<Result<_, Failure>>()?;
    // Two records of one person are no strangers; the test leaves those pairs out.
    let strangers = |i: usize, j: usize| i != j && documents[i].person.seed != documents[j].person.seed;
    let (mut pairs, mut nearest) = (Vec::new(), Vec::new());
    for (i, a) in records.iter().enumerate() {
        let others = records.iter().enumerate().filter(|(j, _)| strangers(i, *j));
        nearest.extend(others.map(|(_, b)| a.distance(b)).min());
        let same = |j: &usize| *j < i && strangers(i, *j) && documents[i].template == documents[*j].template;
        pairs.extend((0..i).filter(same).map(|j| a.distance(&records[j])));
    }
    println!("\n{name} profile, {} records", records.len());
    println!("strangers on one template, all pairs:    {}", Spread::of(&mut pairs));
    println!("nearest stranger of each record:         {}", Spread::of(&mut nearest));
    let line = nearest.first().copied().unwrap_or(0) * 4 / 5;
    println!(
        "edit                  median   95 %    max   found at {line} bits (0.8 of the nearest two strangers)"
    );
    for edit in Edit::ALL {
        let mut distances: Vec<u32> = documents
            .par_iter()
            .zip(&records)
            .enumerate()
            .map(|(i, (document, record))| {
                let copy = edit.apply(&document.image, &document.layout, i as u64);
                Ok(coder.query(&luma(&copy)?).map_or(PLAIN, |query| query.nearest(record).0))
            })
            .collect::<Result<_, Failure>>()?;
        let found = distances.iter().filter(|&&distance| distance <= line).count();
        let share = 100.0 * found as f64 / distances.len().max(1) as f64;
        let spread = Spread::of(&mut distances);
        println!("{:20} {:7} {:6} {:6}   {share:6.2} %", edit.name(), spread.median, spread.high, spread.max);
    }
    Ok(())
}

/// Order statistics of distances, in bits.
struct Spread {
    min: u32,
    low: u32,
    median: u32,
    high: u32,
    max: u32,
}

impl Spread {
    /// Sorts the distances.
    fn of(distances: &mut [u32]) -> Self {
        distances.sort_unstable();
        let at = |percent: usize| {
            let last = distances.len().saturating_sub(1);
            distances.get(last * percent / 100).copied().unwrap_or(0)
        };
        Self { min: at(0), low: at(1), median: at(50), high: at(95), max: at(100) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "min {}, 1 % {}, median {}", self.min, self.low, self.median)
    }
}
