//! How fast is the exact scan over a sealed segment, for one query and for a batch?

mod sealed;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use saltprint_fingerprint::GlobalCode;
use saltprint_index::{Nearest, scan_codes};

const RECORDS: u32 = 100_000;

/// A code that looks random, the same in every run.
fn code(number: u32) -> GlobalCode {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    GlobalCode::from_words(std::array::from_fn(|_| {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }))
}

fn bench(criterion: &mut Criterion) {
    let segment = sealed::segment(&(0..RECORDS).map(code).collect::<Vec<_>>(), None);
    let mut group = criterion.benchmark_group("scan/sealed 100k");
    // Without a limit lists fill up, and what is nearer than their last counts: some 99 of 256 bits here. A limit is known from the start, and at
    // 45 bits half of a code tells of nearly all codes that they are farther.
    for (name, batch, limit) in [
        ("1", 1_u32, GlobalCode::BITS),
        ("8", 8, GlobalCode::BITS),
        ("512", 512, GlobalCode::BITS),
        ("512 within 90 bits", 512, 90),
        ("512 within 45 bits", 512, 45),
    ] {
        let queries: Vec<GlobalCode> = (0..batch).map(|number| code(1_000_000 + number)).collect();
        group.throughput(Throughput::Elements(u64::from(batch) * u64::from(RECORDS)));
        group.bench_with_input(BenchmarkId::from_parameter(name), &queries, |bencher, queries| {
            bencher.iter(|| {
                let mut nearest = vec![Nearest::new(16, limit); queries.len()];
                segment.scan(0, queries, &mut nearest).expect("an intact segment");
                black_box(nearest)
            });
        });
    }
    group.finish();

    let codes: Vec<GlobalCode> = (0..2_048).map(code).collect();
    let queries: Vec<GlobalCode> = (0..512).map(|number| code(1_000_000 + number)).collect();
    let mut group = criterion.benchmark_group("scan/kernel");
    group.throughput(Throughput::Elements(2_048 * 512));
    group.bench_function("one page, 512 queries", |bencher| {
        bencher.iter(|| {
            let mut nearest = vec![Nearest::new(16, GlobalCode::BITS); queries.len()];
            scan_codes(&codes, 0, 0, &queries, &mut nearest);
            black_box(nearest)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
