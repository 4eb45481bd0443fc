//! What local features cost, stage by stage, after decoding.
//!
//! `cargo run --release -p saltprint-fingerprint --example local_cost -- [ROUNDS]`
//!
//! Medians over invented documents, each enlarged to a 1800 pixel wide scan. On a busy machine the best is the better
//! measure of the last line: a run is longer than a slice of processor time.

#![expect(clippy::print_stdout, reason = "the program's output")]

use std::time::Instant;

use image::{DynamicImage, imageops};
use saltprint_fingerprint::Luma;
use saltprint_synth::{Document, Template};

// The stages are private to the crate; the program is built from their sources.
#[path = "../src/local/descriptor.rs"]
#[allow(dead_code, reason = "only the stages are run")]
mod descriptor;
#[path = "../src/local/features.rs"]
#[allow(dead_code, reason = "only the stages are run")]
mod features;
#[path = "../src/local/keypoint.rs"]
#[allow(unreachable_pub, reason = "public in the crate")]
mod keypoint;
#[path = "../src/local/resize.rs"]
mod resize;
#[path = "../src/local/scale_space.rs"]
mod scale_space;
mod luma {
    pub(crate) use saltprint_fingerprint::Luma;
}

use features::{LocalFeatures, Settings, rank};

const STAGES: [&str; 6] =
    ["resample", "scale space", "detect", "rank", "orient and describe", "all, in one call"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(40), |text| text.parse())?;
    let settings = Settings::default();
    let mut times: [Vec<f64>; STAGES.len()] = Default::default();
    let (mut blobs_found, mut kept, mut pixels, mut images) = (0, 0, 0, 0);
    for (template, seed) in
        [(Template::IdentityCard, 1), (Template::Passport, 2), (Template::DrivingLicence, 3)]
    {
        let document = DynamicImage::ImageRgb8(Document::new(template, seed).image).into_luma8();
        let height = document.height() * 1800 / document.width();
        let scan = imageops::resize(&document, 1800, height, imageops::FilterType::Triangle);
        let scan = Luma::new(scan.width(), scan.height(), scan.into_raw())?;
        pixels += scan.pixels().len();
        images += 1;
        for _ in 0..rounds {
            let mut clock = Instant::now();
            let mut stage = 0;
            let mut lap = |clock: &mut Instant| {
                times[stage].push(clock.elapsed().as_secs_f64() * 1e3);
                stage += 1;
                *clock = Instant::now();
            };
            let plane = resize::resample(&scan, settings.long_side);
            lap(&mut clock);
            let (mut blobs, mut detecting) = (Vec::new(), 0.0);
            let mut find = |octave, levels: [&resize::Plane; scale_space::LEVELS]| {
                let clock = Instant::now();
                keypoint::find_blobs(octave, levels, settings.contrast, settings.edge_ratio, &mut blobs);
                detecting += clock.elapsed().as_secs_f64() * 1e3;
            };
            let octaves = scale_space::build(&plane, Some(&mut find));
            lap(&mut clock);
            lap(&mut clock);
            blobs_found += blobs.len();
            let ranked = rank(blobs, 640.0);
            lap(&mut clock);
            let mut features = LocalFeatures::default();
            features.describe(&ranked.0, &octaves, (12.8, 12.8), settings.keep);
            lap(&mut clock);
            kept += features.keypoints.len();
            drop((features, octaves, plane, ranked));
            clock = Instant::now();
            std::hint::black_box(LocalFeatures::extract(&scan, &settings));
            lap(&mut clock);
            if let (Some(building), Some(detection)) = (times[1].pop(), times[2].pop()) {
                times[1].push(building - detecting);
                times[2].push(detection + detecting);
            }
        }
    }
    let runs = rounds * images;
    println!(
        "{:.2} megapixels, {} blobs, {} features kept",
        pixels as f64 / images as f64 * 1e-6,
        blobs_found / runs,
        kept / runs
    );
    for (name, times) in STAGES.iter().zip(&mut times) {
        times.sort_unstable_by(f64::total_cmp);
        println!("{name:20} median {:6.2} ms, best {:6.2} ms", times[times.len() / 2], times[0]);
    }
    Ok(())
}
