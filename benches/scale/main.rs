//! A large published index out of a small real one: `scale CONFIG RECORDS [--segment N] [--seed N] [--graph]`.
//!
//! What it costs to open and to ask an index of millions of records cannot be timed without one, and nobody has as many
//! pictures. This tool takes the index that the configuration names, calibrated and rebuilt by the shipped program, keeps its
//! segments as they are, adds segments of invented records until there are `RECORDS`, and publishes that as the next
//! generation. The shipped program then opens it, checks it and is asked for the real ones. Never run it on an index that
//! anybody needs: no rebuild takes the invented records for anything but removed ones.
//!
//! # What is invented
//! An invented record has a random ref, a subject and bytes of its own, and source, month and kind of some real record. Codes
//! that were all chance would be no nearer than chance to any other, so that a search of theirs had nothing to do; so each
//! is mixed of real ones, bit by bit: a whole-image code of three, a local code of one and its nearest among
//! [`NEIGHBOURS`] others. About as many of them come near to a real code as would of as many real records. Sizes and
//! the numbers that share a feature are those of the first; places and angles are random.
//!
//! # What is not
//! The backgrounds of both tiers are carried over as they were measured in the small index, and so are profile, census and
//! negative images: rules, and so answers for what is no copy, are not those of a vault of that size. A rebuild of
//! such a vault would choose rarer features as well, so that fewer come near. Measure time and memory with it, not recognition.
//!
//! Memory: one segment, 3.5 kB a record. Records are the same for the same seed and index; names of segments, salts
//! and therefore bytes are not.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "says what it is at")]

#[path = "../words.rs"]
mod words;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use saltprint::Config;
use saltprint_fingerprint::{Fingerprint, GlobalCode, LocalCode, LocalFeature, LocalFingerprint, Place};
use saltprint_index::{Generation, GraphPolicy, IndexDir, RecordFacts, SegmentRecord};
use saltprint_keys::{ContentDigest, IndexKey, RecordRef, SubjectRef};
use words::Words;

/// Real records that others are made of, at most.
const DONORS: u32 = 20_000;
/// Of so many features the one nearest to a first is mixed with it.
const NEIGHBOURS: usize = 64;

const USAGE: &str = "usage: scale CONFIG RECORDS [--segment N] [--seed N] [--graph]";

/// What was asked for.
struct Arguments {
    config: PathBuf,
    records: u64,
    /// Most records of a segment; what the configuration says for a rebuild unless told.
    segment: Option<usize>,
    seed: u64,
    graph: bool,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Option<Self> {
        let (mut segment, mut seed, mut graph) = (None, 1, false);
        let mut plain = Vec::new();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--segment" => segment = Some(given.next()?.parse().ok().filter(|records| *records > 0)?),
                "--seed" => seed = given.next()?.parse().ok()?,
                "--graph" => graph = true,
                option if option.starts_with("--") => return None,
                _ => plain.push(argument),
            }
        }
        let [config, records] = &plain[..] else { return None };
        Some(Self { config: config.into(), records: records.parse().ok()?, segment, seed, graph })
    }
}

/// What invented records are made of.
struct Donors {
    records: Vec<SegmentRecord>,
    features: Vec<LocalFeature>,
}

impl Donors {
    /// The first records of the index; where it was made larger before, its real ones come first.
    fn read(generation: &Generation) -> Result<Self, Box<dyn Error>> {
        let first = generation.segments().first().ok_or("the index is empty")?;
        let rows = 0..first.len().min(DONORS);
        let records = rows.map(|row| first.record(row)).collect::<Result<Vec<_>, _>>()?;
        let locals = records.iter().map(|record| &record.fingerprint.local);
        let features: Vec<LocalFeature> = locals.flat_map(|local| local.features.iter().copied()).collect();
        if features.is_empty() {
            return Err("the index holds no record with local features".into());
        }
        Ok(Self { records, features })
    }

    /// Record `number`, which is the same whenever it is asked for.
    fn invent(&self, seed: u64, number: u64) -> SegmentRecord {
        let mut words = Words(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number);
        // Seeds that follow each other begin alike.
        words = Words(words.next());
        let model = pick(&self.records, &mut words);
        let mut facts = RecordFacts::new(ContentDigest::from_bytes(bytes(&mut words)));
        facts.source.clone_from(&model.facts.source);
        facts.kind.clone_from(&model.facts.kind);
        facts.captured = model.facts.captured;
        facts.subject = Some(SubjectRef::from_bytes(bytes(&mut words)));
        let shape = &model.fingerprint.local;
        let features = shape.features.iter().map(|_| self.feature(shape, &mut words)).collect();
        let local = LocalFingerprint { width: shape.width, height: shape.height, features };
        let record_ref = RecordRef::from_bytes(bytes(&mut words));
        SegmentRecord { record_ref, facts, fingerprint: Fingerprint::new(self.global(&mut words), local) }
    }

    /// Each bit is that of one of three records. Different ones: others would be copies of a real record, or near to it.
    fn global(&self, words: &mut Words) -> GlobalCode {
        let code = |record: &SegmentRecord| record.fingerprint.global.words();
        let a = code(pick(&self.records, words));
        let b = code(another(&self.records, |record| code(record) != a, words));
        let c = code(another(&self.records, |record| ![a, b].contains(&code(record)), words));
        GlobalCode::from_words(std::array::from_fn(|at| {
            let (first, second) = (sparse(5, words), sparse(7, words));
            let others = (b[at] & second) | (c[at] & !second);
            (a[at] & first) | (others & !first)
        }))
    }

    /// Each bit is that of one of two features that are not far from each other.
    fn feature(&self, shape: &LocalFingerprint, words: &mut Words) -> LocalFeature {
        let first = pick(&self.features, words);
        // The same feature again would make a copy.
        let others =
            (0..NEIGHBOURS).map(|_| pick(&self.features, words).code).filter(|code| *code != first.code);
        let second = others.min_by_key(|code| first.code.distance(code)).unwrap_or(first.code);
        let (a, b) = (first.code.words(), second.words());
        let mixed = [0, 1].map(|at| {
            let mask = words.next();
            (a[at] & mask) | (b[at] & !mask)
        });
        let mut coordinate = |side: u16| u16::try_from(below(side.into(), words)).unwrap_or(0);
        let place = Place {
            x: coordinate(shape.width),
            y: coordinate(shape.height),
            size: first.place.size,
            angle: words.next().to_le_bytes()[0],
        };
        LocalFeature { code: LocalCode::from_words(mixed), place, sharing: first.sharing }
    }
}

fn pick<'a, T>(items: &'a [T], words: &mut Words) -> &'a T {
    &items[below(items.len(), words)]
}

/// One of some kind, if a few tries find it.
fn another<'a, T>(items: &'a [T], wanted: impl Fn(&T) -> bool, words: &mut Words) -> &'a T {
    let mut tries = (0..NEIGHBOURS).map(|_| pick(items, words));
    tries.find(|item| wanted(item)).unwrap_or(&items[0])
}

fn below(limit: usize, words: &mut Words) -> usize {
    let scaled = (u128::from(words.next()) * limit as u128) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}

/// A word whose bits are set in so many of sixteen cases.
fn sparse(sixteenths: u32, words: &mut Words) -> u64 {
    (0..4).fold(0, |bits, digit| {
        let word = words.next();
        if sixteenths >> digit & 1 == 1 { bits | word } else { bits & word }
    })
}

fn bytes(words: &mut Words) -> [u8; 16] {
    (u128::from(words.next()) << 64 | u128::from(words.next())).to_le_bytes()
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let config = Config::load(&arguments.config)?;
    let key: IndexKey = config.load_key()?;
    let dir = IndexDir::new(&config.index).pinned_at(config.pin());
    let lock = dir.lock()?;
    let mut manifest = dir.manifest(&key)?.ok_or("nothing was published yet: rebuild first")?;
    if manifest.previous.is_some() {
        return Err("the epoch before still answers: take an index that was not rotated".into());
    }
    let present = manifest.records();
    let missing = arguments.records.checked_sub(present).ok_or("the index has more records already")?;
    let donors = Donors::read(&dir.open(&key, manifest.epoch)?)?;
    let policy = GraphPolicy {
        min_records: if arguments.graph { config.rebuild.graph_min_records } else { usize::MAX },
        floor: config.rebuild.graph_recall_floor,
        ..GraphPolicy::default()
    };

    // Of equal size, as a rebuild makes them.
    let most = arguments.segment.unwrap_or(config.rebuild.segment_records) as u64;
    let parts = missing.div_ceil(most);
    for part in 0..parts {
        let numbers = present + missing * part / parts..present + missing * (part + 1) / parts;
        let begun = Instant::now();
        let mut records: Vec<SegmentRecord> =
            numbers.clone().into_par_iter().map(|number| donors.invent(arguments.seed, number)).collect();
        records.par_sort_unstable_by_key(|record| record.record_ref);
        let invented = begun.elapsed().as_secs_f64();
        let written = dir.write_segment(&lock, &key, manifest.epoch, &records, &policy)?;
        if let Some(rejected) = written.rejected_graph {
            eprintln!("a graph of recall {:.3} was left out", rejected.recall());
        }
        manifest.segments.push(written.entry);
        eprintln!(
            "segment {} of {parts}: {} records, invented in {invented:.1} s, written and verified in {:.1} s",
            part + 1,
            records.len(),
            begun.elapsed().as_secs_f64() - invented,
        );
    }
    if missing > 0 {
        manifest.generation += 1;
        manifest.created = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        manifest.coverage.indexed += missing;
        let generation = dir.open_unpublished(&lock, manifest.clone(), &key, manifest.epoch)?;
        dir.publish(&lock, &key, generation.manifest())?;
        // What a run that was killed has left.
        dir.collect_garbage(&lock, &[&manifest])?;
    }
    let length = dir.open(&key, manifest.epoch)?.file_len();
    println!(
        "{} records in {} segments, {missing} of them new: {:.1} s, {length} bytes, {:.0} bytes a record",
        manifest.records(),
        manifest.segments.len(),
        started.elapsed().as_secs_f64(),
        length as f64 / manifest.records().max(1) as f64,
    );
    Ok(())
}

fn main() -> ExitCode {
    let given = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(arguments) = Arguments::parse(given) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
