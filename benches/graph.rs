//! What does a search of the sealed graph cost beside the exact scan?

mod sealed;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use saltprint_fingerprint::GlobalCode;
use saltprint_index::{FlatGraph, GraphParams, GraphSearcher, Nearest};

const RECORDS: u32 = 20_000;
const TOGETHER: u32 = 256;

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
    let codes: Vec<GlobalCode> = (0..RECORDS).map(code).collect();
    let graph = FlatGraph::build(&codes, GraphParams::default()).expect("valid parameters");
    let segment = sealed::segment(&codes, graph.as_ref());
    let mut searcher =
        GraphSearcher::new(&segment, 0, 64).expect("an intact segment").expect("it has a graph");

    let mut group = criterion.benchmark_group("one query over 20k records");
    let query = code(RECORDS + 1);
    group.bench_function("graph, ef 64", |bencher| {
        bencher.iter(|| {
            let mut nearest = [Nearest::new(16, GlobalCode::BITS)];
            searcher.search(&[query], &mut nearest).expect("an intact segment");
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

    let queries: Vec<GlobalCode> = (1..=TOGETHER).map(|number| code(RECORDS + number)).collect();
    let mut group = criterion.benchmark_group("many queries together");
    group.throughput(Throughput::Elements(TOGETHER.into()));
    group.bench_function("graph, ef 64", |bencher| {
        bencher.iter(|| {
            let mut nearest = vec![Nearest::new(16, GlobalCode::BITS); queries.len()];
            searcher.search(&queries, &mut nearest).expect("an intact segment");
            black_box(nearest)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
