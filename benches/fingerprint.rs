//! How long does it take from the bytes of an image to its codes, whole-image and local, on one core?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use image::imageops::FilterType;
use saltprint_fingerprint::{Coder, Keypoint, LocalFeature, Luma, Profile, Threads, View};
use saltprint_intake::{Limits, decode};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Document, Template};

/// An invented card as a JPEG of some megapixels.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let document = Document::new(Template::IdentityCard, 1);
    let scaled = image::imageops::resize(&document.image, width, height, FilterType::CatmullRom);
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode_image(&scaled)
        .expect("a sound image");
    bytes
}

/// The places of 512 features of an image, in itself.
fn views(coder: &Coder, image: &Luma) -> Vec<View> {
    let pool = coder.fingerprint(image).expect("not plain").local;
    let view = |feature: &LocalFeature| {
        let Keypoint { x, y, size, angle } = feature.place.keypoint();
        let (sin, cos) = (angle * std::f32::consts::TAU).sin_cos();
        View { x, y, along: (cos * size, sin * size), across: (-sin * size, cos * size) }
    };
    pool.features.iter().cycle().take(512).map(view).collect()
}

fn bench(criterion: &mut Criterion) {
    // One image is looked at on all threads of the pool: here there is this one.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("no pool yet");
    let coder = Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]));
    let limits = Limits::default();
    for (name, width, height) in [("2.6 MP", 2_016, 1_290), ("12 MP", 4_032, 3_024)] {
        let bytes = jpeg(width, height);
        let luma = decode(&bytes, &limits).expect("just encoded");
        let mut group = criterion.benchmark_group(format!("fingerprint/{name} jpeg"));
        group.sample_size(30);
        group.bench_function("decode to luma", |bencher| {
            bencher.iter(|| black_box(decode(&bytes, &limits).expect("just encoded")));
        });
        group.bench_function("record codes", |bencher| {
            bencher.iter(|| black_box(coder.fingerprint(&luma).expect("not plain")));
        });
        group.bench_function("query codes", |bencher| {
            bencher.iter(|| black_box(coder.query(&luma).expect("not plain")));
        });
        group.bench_function("finer query codes", |bencher| {
            bencher.iter(|| black_box(coder.fine(&luma, Threads::Own)));
        });
        // For each image that has a record to be read for: the scale space, and the places of eight records.
        let places = views(&coder, &luma);
        group.bench_function("reading 512 places", |bencher| {
            bencher.iter(|| {
                let mut reader = coder.reader(&luma);
                places.iter().filter_map(|view| reader.read(view)).count()
            });
        });
        group.bench_function("bytes to record codes", |bencher| {
            bencher.iter(|| {
                let luma = decode(&bytes, &limits).expect("just encoded");
                black_box(coder.fingerprint(&luma).expect("not plain"))
            });
        });
        group.bench_function("bytes to query codes", |bencher| {
            bencher.iter(|| {
                let luma = decode(&bytes, &limits).expect("just encoded");
                black_box(coder.query(&luma).expect("not plain"))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
