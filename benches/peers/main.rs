//! Our side of the comparison with other libraries: `make bench-peers` runs it, then `peers.py` on the same data.
//!
//! Writes codes, queries and pictures to a folder, and what we take for them to `ours.json` there. All searches are on one
//! thread, timed as the median of several runs. Arguments: the folder, and how many records (100,000 unless told).

#![expect(clippy::print_stderr, reason = "says what it is at")]

#[path = "../sealed.rs"]
mod sealed;
#[path = "../words.rs"]
mod words;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;
use image::imageops::FilterType;
use saltprint_fingerprint::{Coder, GlobalCode, Profile};
use saltprint_index::{FlatGraph, GraphParams, GraphSearcher, Nearest, Segment, kernel_name};
use saltprint_intake::{Limits, decode};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Document, Template};
use serde_json::{Value, json};
use words::Words;

/// Neighbours asked for.
const NEIGHBOURS: usize = 10;
/// Queries: the first half are records with one bit in ten changed, the second half are nobody's.
const QUERIES: usize = 1_024;
/// Candidates that graph searches keep.
const EFS: [usize; 4] = [16, 64, 256, 1_024];
/// Dimensions behind the codes that graphs are compared on; codes that are all chance suit no graph.
const DIMENSIONS: usize = 64;

/// Nearly normal: a sum of bits.
fn normal(words: &mut Words) -> f32 {
    words.next().count_ones() as f32 - 32.0
}

/// Codes of points in [`DIMENSIONS`] dimensions: the signs of 256 fixed projections of each.
struct Signs(Vec<[f32; DIMENSIONS]>);

impl Signs {
    fn new() -> Self {
        let mut words = Words(7);
        Self((0..256).map(|_| std::array::from_fn(|_| normal(&mut words))).collect())
    }

    fn code(&self, number: u64) -> GlobalCode {
        let mut words = Words(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let point: [f32; DIMENSIONS] = std::array::from_fn(|_| normal(&mut words));
        let mut code = [0_u64; 4];
        for (bit, axis) in self.0.iter().enumerate() {
            let sum: f32 = axis.iter().zip(point).map(|(axis, x)| axis * x).sum();
            code[bit / 64] |= u64::from(sum > 0.0) << (bit % 64);
        }
        GlobalCode::from_words(code)
    }
}

/// One bit in about ten is another one.
fn edited(code: &GlobalCode, number: u64) -> GlobalCode {
    let mut words = Words(number ^ 0xe417);
    GlobalCode::from_words(
        code.words().map(|word| {
            (0..64).fold(word, |word, bit| word ^ u64::from(words.next().is_multiple_of(10)) << bit)
        }),
    )
}

struct BitDistance;

impl Distance<u64> for BitDistance {
    fn eval(&self, a: &[u64], b: &[u64]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>() as f32
    }
}

/// A distance that is a whole number.
fn bits(distance: f32) -> u32 {
    (0..=GlobalCode::BITS).find(|bits| *bits as f32 >= distance).unwrap_or(GlobalCode::BITS)
}

/// Median of the seconds of some runs.
fn median(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[runs / 2]
}

/// Share of the true neighbours that were found, as distances: ties count as found.
fn recall(truth: &[Nearest], found: &[Vec<u32>]) -> f64 {
    let mut hits = 0;
    for (truth, found) in truth.iter().zip(found) {
        let farthest = truth.hits().last().map_or(0, |hit| hit.distance);
        hits += found.iter().filter(|distance| **distance <= farthest).count().min(NEIGHBOURS);
    }
    hits as f64 / (truth.len() * NEIGHBOURS) as f64
}

fn write_codes(path: &Path, codes: &[GlobalCode]) {
    let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_bytes()).collect();
    fs::write(path, bytes).expect("room on the disk");
}

fn scan(segment: &Segment<Vec<u8>>, queries: &[GlobalCode], limit: u32) -> Vec<Nearest> {
    let mut nearest = vec![Nearest::new(NEIGHBOURS, limit); queries.len()];
    segment.scan(0, queries, &mut nearest).expect("an intact segment");
    nearest
}

fn entry(name: &str, what: &str, seconds: f64, queries: usize, recall: f64, bytes: f64) -> Value {
    json!({
        "name": name, "what": what, "us_per_query": seconds * 1e6 / queries as f64, "recall": recall,
        "bytes_per_record": bytes,
    })
}

fn codes(folder: &Path, records: usize) -> Vec<Value> {
    let signs = Signs::new();
    let all: Vec<GlobalCode> = (0..records as u64).map(|number| signs.code(number)).collect();
    let queries: Vec<GlobalCode> = (0..QUERIES)
        .map(|number| {
            if number < QUERIES / 2 {
                edited(&all[number * (records / QUERIES)], number as u64)
            } else {
                signs.code((records + number) as u64)
            }
        })
        .collect();
    write_codes(&folder.join("records.bin"), &all);
    write_codes(&folder.join("queries.bin"), &queries);

    let mut entries = Vec::new();
    let plain = sealed::segment(&all, None);
    let bytes = 32.0 + 32.0 / 2_048.0;
    let truth = scan(&plain, &queries, GlobalCode::BITS);
    let kernel = kernel_name();
    for (what, limit) in [("exact, batch", GlobalCode::BITS), ("exact within 45 bits, batch", 45)] {
        let seconds = median(5, || drop(black_box(scan(&plain, &queries, limit))));
        entries.push(entry(&format!("Saltprint, sealed ({kernel})"), what, seconds, QUERIES, 1.0, bytes));
    }
    let few = &queries[..32];
    let seconds = median(5, || few.iter().for_each(|query| drop(black_box(scan(&plain, &[*query], 256)))));
    entries.push(entry(
        &format!("Saltprint, sealed ({kernel})"),
        "exact, one",
        seconds,
        few.len(),
        1.0,
        bytes,
    ));

    eprintln!("graphs of {records} codes");
    let params = GraphParams::default();
    let (neighbours, candidates) = (usize::from(params.neighbours), usize::from(params.ef_construction));
    let started = Instant::now();
    let hnsw = Hnsw::<u64, BitDistance>::new(neighbours, records, 8, candidates, BitDistance);
    for (row, code) in all.iter().enumerate() {
        hnsw.insert_slice((code.words().as_slice(), row));
    }
    let build = started.elapsed().as_secs_f64();
    for ef in EFS {
        let mut found = Vec::new();
        let seconds = median(3, || {
            found.clear();
            for query in &queries {
                let hits = hnsw.search(&query.words(), NEIGHBOURS, ef);
                found.push(hits.iter().map(|hit| bits(hit.distance)).collect());
            }
        });
        let mut entry = entry("hnsw_rs", "graph", seconds, QUERIES, recall(&truth, &found), f64::NAN);
        entry["ef"] = json!(ef);
        entry["build_us_per_record"] = json!(build * 1e6 / records as f64);
        entries.push(entry);
    }
    drop(hnsw);
    let started = Instant::now();
    let graph = FlatGraph::build(&all, params).expect("valid parameters");
    let build = started.elapsed().as_secs_f64();
    let segment = sealed::segment(&all, graph.as_ref());
    let bytes =
        segment.file_len() as f64 / records as f64 - (plain.file_len() as f64 / records as f64 - bytes);
    for ef in EFS {
        let mut searcher = GraphSearcher::new(&segment, 0, ef).expect("an intact segment").expect("a graph");
        let mut found = Vec::new();
        let seconds = median(3, || {
            let mut nearest = vec![Nearest::new(NEIGHBOURS, GlobalCode::BITS); queries.len()];
            searcher.search(&queries, &mut nearest).expect("an intact segment");
            found = nearest.iter().map(|one| one.hits().iter().map(|hit| hit.distance).collect()).collect();
        });
        let alone = median(3, || {
            for query in queries.chunks(1) {
                let mut nearest = [Nearest::new(NEIGHBOURS, GlobalCode::BITS)];
                searcher.search(query, &mut nearest).expect("an intact segment");
                black_box(nearest);
            }
        });
        for (name, seconds) in [("Saltprint, sealed", seconds), ("Saltprint, sealed, one by one", alone)] {
            let mut entry = entry(name, "graph", seconds, QUERIES, recall(&truth, &found), bytes);
            entry["ef"] = json!(ef);
            entry["build_us_per_record"] = json!(build * 1e6 / records as f64);
            entries.push(entry);
        }
    }
    entries
}

/// Pictures of a document, and what both tiers take for each with decoding.
fn pictures(folder: &Path) -> Vec<Value> {
    let coder = Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]));
    let limits = Limits::default();
    let document = Document::new(Template::IdentityCard, 1);
    [("2.6 MP", 2_016, 1_290), ("12 MP", 4_032, 3_024)]
        .into_iter()
        .map(|(name, width, height)| {
            let scaled = image::imageops::resize(&document.image, width, height, FilterType::CatmullRom);
            let mut bytes = Vec::new();
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
                .encode_image(&scaled)
                .expect("a sound image");
            fs::write(folder.join(format!("{name}.jpg")), &bytes).expect("room on the disk");
            let decoding = median(15, || drop(black_box(decode(&bytes, &limits).expect("just encoded"))));
            let all = median(15, || {
                let luma = decode(&bytes, &limits).expect("just encoded");
                drop(black_box(coder.fingerprint(&luma).expect("not plain")));
            });
            json!({"picture": name, "name": "Saltprint, both tiers", "ms": all * 1e3, "decoding_ms": decoding * 1e3})
        })
        .collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = PathBuf::from(arguments.next().expect("a folder to write to"));
    let records = arguments.next().map_or(100_000, |records| records.parse().expect("a number of records"));
    fs::create_dir_all(&folder).expect("a folder that can be made");
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("no pool before");
    let report = json!({
        "records": records, "queries": QUERIES, "neighbours": NEIGHBOURS, "kernel": kernel_name(),
        "pictures": pictures(&folder), "codes": codes(&folder, records),
    });
    let text = serde_json::to_string_pretty(&report).expect("numbers and texts");
    fs::write(folder.join("ours.json"), text).expect("room on the disk");
}
