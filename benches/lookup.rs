//! How long does a whole lookup take among 100,000 records, from the bytes of an image to its report?
//!
//! A small invented vault is built by the shipped rebuild. The rest of the records are fingerprints made from its own:
//! each detail is either nearly that of a record of the vault, as print of one template is, or nobody's.
//!
//! Keys and documents are the same in every run, and each case is several documents in turn: whether one is settled by the first look is a
//! matter of its details and the keys, and worth a factor of two.

mod words;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use saltprint::{
    CalibrateOptions, Config, Looks, NoProgress, Outcome, RebuildOptions, Saltprint, calibrate, rebuild,
};
use saltprint_fingerprint::{Fingerprint, GlobalCode, LocalCode, LocalFingerprint};
use saltprint_index::{GraphPolicy, Hit, IndexDir, RecordFacts, SegmentRecord};
use saltprint_keys::{ContentDigest, IndexKey, RecordRef, keygen};
use saltprint_synth::{Corpus, CorpusItem, Edit};
use words::Words;

const RECORDS: usize = 100_000;
const DRAWN: usize = 600;
/// Documents of a case.
const ASKED: usize = 8;

/// A record of which half the details are nearly those of `like`.
fn record(number: usize, like: &LocalFingerprint) -> SegmentRecord {
    let mut words = Words(number as u64);
    let mut local = like.clone();
    for feature in &mut local.features {
        let [low, high] = feature.code.words();
        feature.code = if words.next() & 1 == 0 {
            // One bit in sixteen is another one.
            let flips = words.next() & words.next() & words.next() & words.next();
            LocalCode::from_words([low ^ flips, high ^ flips.rotate_left(17)])
        } else {
            LocalCode::from_words([words.next(), words.next()])
        };
    }
    let mut id = [0xff; 16];
    id[8..].copy_from_slice(&(number as u64).to_be_bytes());
    SegmentRecord {
        record_ref: RecordRef::from_bytes(id),
        facts: RecordFacts::new(ContentDigest::from_bytes(id)),
        fingerprint: Fingerprint::new(GlobalCode::from_words(std::array::from_fn(|_| words.next())), local),
    }
}

/// A vault of [`DRAWN`] documents, rebuilt, and filled up to [`RECORDS`].
fn build(home: &Path, corpus: &Corpus) -> Config {
    std::fs::create_dir(home.join("vault")).expect("an own folder");
    for (number, item) in corpus.iter().enumerate().take(DRAWN) {
        std::fs::write(home.join(format!("vault/{number}.jpg")), &item.encoded).expect("room on the disk");
    }
    let mut words = Words(RECORDS as u64);
    let mut fixed = |secret: &mut [u8]| {
        secret.fill_with(|| words.next().to_le_bytes()[0]);
        Ok(())
    };
    keygen(&home.join("keys"), std::time::SystemTime::now(), &mut fixed).expect("an own folder");
    std::fs::write(home.join("saltprint.toml"), "[vault]\nroot = \"vault\"\n").expect("room on the disk");
    let config = Config::load(&home.join("saltprint.toml")).expect("just written");
    calibrate(&config, CalibrateOptions::default(), &NoProgress).expect("a sound vault");
    rebuild(&config, RebuildOptions::default(), &NoProgress).expect("a sound vault");

    let key = IndexKey::load_from_dir(&home.join("keys")).expect("just made");
    let dir = IndexDir::new(home.join("index"));
    let mut manifest = dir.manifest(&key).expect("just built").expect("just built");
    let generation = dir.open(&key, manifest.epoch).expect("just built");
    let row = |row: usize| u32::try_from(row).expect("few rows");
    let drawn: Vec<LocalFingerprint> = (0..DRAWN)
        .map(|number| Hit { distance: 0, segment: 0, row: row(number) })
        .map(|hit| generation.local(&hit).expect("an intact index"))
        .collect();
    let records: Vec<SegmentRecord> =
        (DRAWN..RECORDS).map(|number| record(number, &drawn[number % DRAWN])).collect();
    let lock = dir.lock().expect("an own folder");
    // As a rebuild makes it: of so few records there is no graph.
    let policy = GraphPolicy::default();
    let written =
        dir.write_segment(&lock, &key, manifest.epoch, &records, &policy).expect("room on the disk");
    manifest.generation += 1;
    manifest.segments.push(written.entry);
    dir.publish(&lock, &key, &manifest).expect("room on the disk");
    config
}

fn bench(criterion: &mut Criterion) {
    let home = tempfile::tempdir().expect("a temporary folder");
    // The documents after those of the vault are strangers on the same templates.
    let corpus = Corpus::new(DRAWN + ASKED, 11);
    let mut config = build(home.path(), &corpus);
    let document = |number: usize| corpus.document(number).expect("within the corpus");
    let edited = |item: &CorpusItem, edit: &str| {
        let edit = Edit::by_name(edit).expect("an edit of the list");
        let image = edit.apply(&item.document.image, &item.document.layout, 1);
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
            .encode_image(&image)
            .expect("a sound image");
        bytes
    };
    let ours: Vec<CorpusItem> = (0..ASKED).map(document).collect();
    let copies = |edit| ours.iter().map(|item| edited(item, edit)).collect::<Vec<_>>();
    let cases = [
        ("exact copy", ours.iter().map(|item| item.encoded.clone()).collect(), true),
        ("size 40 %", copies("resize-40"), true),
        ("crop to 80 %", copies("crop-80"), true),
        ("stranger", (0..ASKED).map(|number| document(DRAWN + number).encoded).collect(), false),
    ];
    let mut group = criterion.benchmark_group("lookup/sealed 100k");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    for looks in [Looks::Thorough, Looks::Quick] {
        config.matching.cascade.looks = looks;
        let saltprint = Saltprint::open(&config).expect("just built");
        assert_eq!(saltprint.status().records, RECORDS as u64);
        for (name, images, is_ours) in &cases {
            let lookup = |bytes: &Vec<u8>| saltprint.lookup("bench.jpg", bytes).expect("an intact index");
            let matches = images.iter().filter(|bytes| lookup(bytes).outcome == Outcome::Match).count();
            // Of what is made of one document in a hundred others here, some is only possible.
            assert!(if *is_ours { matches >= ASKED - 2 } else { matches == 0 }, "{name}: {matches} match");
            let name = if looks == Looks::Quick { format!("{name}, quick") } else { (*name).to_owned() };
            // Each time all of them, so that every sample is of the same documents; the time is that of one.
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    let began = Instant::now();
                    for bytes in (0..times).flat_map(|_| images) {
                        black_box(lookup(bytes));
                    }
                    began.elapsed() / u32::try_from(ASKED).expect("few")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
