//! What does it cost to look images up by local codes among 100,000 records?
//!
//! Also prints what local codes take of the index, in bytes a record.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use saltprint_fingerprint::{
    Fingerprint, GlobalCode, Keypoint, LocalCode, LocalFeature, LocalFingerprint, LocalQuery, Place,
    QueryFeature, Sharing,
};
use saltprint_index::{
    Background, CensusId, Coverage, Generation, GraphPolicy, IndexDir, LocalBackground, LocalLookup,
    Manifest, NegativeBank, RecordFacts, SegmentRecord,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};
use saltprint_matching::LocalSearch;

const RECORDS: u32 = 100_000;
/// Features of a record.
const FEATURES: u64 = 64;
/// Features of a query: a record's, and what else is in the picture.
const OTHERS: u64 = 400;
const BATCH: u32 = 64;
const EPOCH: EpochId = EpochId::from_bytes([1; 16]);

/// Words that look random, the same in every run.
fn words(label: u64, number: u64) -> [u64; 4] {
    let mut state = (label << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::array::from_fn(|_| {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

fn feature(label: u64, number: u64) -> LocalFeature {
    let [low, high, at, _] = words(label, number);
    let [x0, x1, y0, y1, size, angle, ..] = at.to_le_bytes();
    let (x, y) = (u16::from_le_bytes([x0, x1]) % 8192, u16::from_le_bytes([y0, y1]) % 5120);
    LocalFeature {
        code: LocalCode::from_words([low, high]),
        place: Place { x, y, size: 70 + size % 20, angle },
        sharing: Sharing::default(),
    }
}

fn record(number: u32, features: u64) -> SegmentRecord {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let label = u64::from(number);
    let features = (0..features).map(|own| feature(label, own)).collect();
    let local = LocalFingerprint { width: 8192, height: 5120, features };
    SegmentRecord {
        record_ref: RecordRef::from_bytes(id),
        facts: RecordFacts::new(ContentDigest::from_bytes(id)),
        fingerprint: Fingerprint::new(GlobalCode::from_words(words(label, 1 << 20)), local),
    }
}

/// A query that shows record `number` where the record has it, each code with one of its first bits flipped.
fn query(number: u32) -> LocalQuery {
    let label = u64::from(number);
    let own = (0..FEATURES).map(|own| feature(label, own));
    let others = (0..OTHERS).map(|other| feature(1 << 24 | label, other));
    let asked = own.chain(others).zip(0_u32..).map(|(feature, number)| {
        let [low, high] = feature.code.words();
        let mut margins = [100; QueryFeature::MARGINS];
        margins[number as usize % QueryFeature::MARGINS] = 1;
        let Keypoint { x, y, size, angle } = feature.place.keypoint();
        QueryFeature {
            code: LocalCode::from_words([low ^ 1 << (number % 24), high]),
            margins,
            keypoint: Keypoint { x, y, size, angle },
        }
    });
    let upright: Vec<QueryFeature> = asked.collect();
    LocalQuery { width: 8192.0, height: 5120.0, mirrored: upright.clone(), upright }
}

fn generation(folder: &tempfile::TempDir, features: u64) -> Generation {
    let dir = IndexDir::new(folder.path());
    let key = IndexKey::from_secret(&[7; 32]);
    let lock = dir.lock().expect("an own folder");
    let records: Vec<SegmentRecord> = (0..RECORDS).map(|number| record(number, features)).collect();
    let policy = GraphPolicy { min_records: usize::MAX, ..GraphPolicy::default() };
    let written = dir.write_segment(&lock, &key, EPOCH, &records, &policy).expect("room on the disk");
    let manifest = Manifest {
        generation: 1,
        epoch: EPOCH,
        created: 1,
        segments: vec![written.entry],
        background: Background::default(),
        local_background: LocalBackground::default(),
        census: CensusId::default(),
        negative: NegativeBank::default(),
        coverage: Coverage::default(),
        erasures: 0,
        previous: None,
    };
    dir.publish(&lock, &key, &manifest).expect("room on the disk");
    dir.open(&key, EPOCH).expect("just written")
}

#[expect(clippy::print_stderr, reason = "one number that no timing shows")]
fn bench(criterion: &mut Criterion) {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let without = generation(&folders[0], 0).file_len();
    let generation = generation(&folders[1], FEATURES);
    let local = (generation.file_len() - without) as f64 / f64::from(RECORDS);
    eprintln!("local codes: {local:.0} bytes a record of {FEATURES} features");

    let search = LocalSearch::new(&generation);
    let mut group = criterion.benchmark_group("local/sealed 100k");
    group.sample_size(20);
    for batch in [1, BATCH] {
        let queries: Vec<LocalQuery> = (0..batch).map(|number| query(number * 1_000)).collect();
        let features: Vec<&[QueryFeature]> = queries.iter().map(|query| &query.upright[..]).collect();
        group.throughput(Throughput::Elements(u64::from(batch)));
        group.bench_with_input(BenchmarkId::new("candidates", batch), &features, |bencher, features| {
            let lookup = LocalLookup::default();
            bencher
                .iter(|| black_box(generation.local_candidates(features, &lookup).expect("an intact index")));
        });
        group.bench_with_input(BenchmarkId::new("sightings", batch), &queries, |bencher, queries| {
            let queries: Vec<&LocalQuery> = queries.iter().collect();
            bencher.iter(|| {
                let found = search.find(&queries, false, &|_| None, |_, _| true).expect("an intact index");
                assert!(found.iter().all(|one| !one.is_empty()), "the record is in the picture");
                black_box(found)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
