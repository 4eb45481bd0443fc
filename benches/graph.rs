//! What does a search of the sealed graph cost beside the exact scan?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use saltprint_fingerprint::{Fingerprint, GlobalCode};
use saltprint_index::{
    FlatGraph, GraphParams, GraphSearcher, Nearest, RecordFacts, Segment, SegmentId, SegmentRecord,
    SegmentWriter,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};

const RECORDS: u32 = 20_000;

/// Codes with 64 effective dimensions: signs of sums of three of 64 random ones.
fn code(number: u32) -> GlobalCode {
    let signs = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(number) << 40);
    let bit = |at: u32| signs.rotate_left(at % 64) & 1;
    GlobalCode::from_words(std::array::from_fn(|word| {
        (0..64_u32).fold(0, |bits, at| {
            let place = 64 * u32::try_from(word).unwrap_or(0) + at;
            let sum = bit(place) + bit(place * 7 + 3) + bit(place * 11 + 5);
            bits | u64::from(sum >= 2) << at
        })
    }))
}

fn bench(criterion: &mut Criterion) {
    let records: Vec<SegmentRecord> = (0..RECORDS)
        .map(|number| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            SegmentRecord {
                record_ref: RecordRef::from_bytes(id),
                facts: RecordFacts::new(ContentDigest::from_bytes(id)),
                fingerprint: Fingerprint::from_global(code(number)),
            }
        })
        .collect();
    let codes: Vec<GlobalCode> = records.iter().map(|record| record.fingerprint.global).collect();
    let graph = FlatGraph::build(&codes, GraphParams::default()).expect("valid parameters");
    let key = IndexKey::from_secret(&[7; 32]);
    let epoch = EpochId::from_bytes([1; 16]);
    let mut bytes = Vec::new();
    SegmentWriter::new(&key, epoch, SegmentId::from_bytes([2; 16]), [3; 32])
        .write(&records, graph.as_ref(), &mut bytes)
        .expect("the records are sorted");
    let segment = Segment::open(bytes, &key, epoch).expect("just written");
    let searcher = GraphSearcher::new(&segment, 0, 64).expect("an intact segment").expect("it has a graph");

    let mut group = criterion.benchmark_group("one query over 20k records");
    let query = code(RECORDS + 1);
    group.bench_function("graph, ef 64", |bencher| {
        bencher.iter(|| {
            let mut nearest = Nearest::new(16, GlobalCode::BITS);
            searcher.search(&query, &mut nearest).expect("an intact segment");
            black_box(nearest)
        });
    });
    group.bench_function("exact scan", |bencher| {
        bencher.iter(|| {
            let mut nearest = [Nearest::new(16, GlobalCode::BITS)];
            segment.scan(0, &[query], &mut nearest).expect("an intact segment");
            black_box(nearest)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
