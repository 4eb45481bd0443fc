//! Pieces of work of which the instructions are counted.
//!
//! Preparing takes as many instructions however often the work is done, so that the difference of two runs is the work alone.

use std::hint::black_box;

use saltprint_fingerprint::{Coder, GlobalCode, Profile};
use saltprint_index::{Nearest, scan_codes};
use saltprint_intake::{Limits, decode};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Document, Template};

use crate::sealed;
use crate::words::Words;

fn codes(count: usize, seed: u64) -> Vec<GlobalCode> {
    let mut words = Words(seed);
    (0..count).map(|_| GlobalCode::from_words(std::array::from_fn(|_| words.next()))).collect()
}

/// The kernel: 4,096 open codes for 64 queries.
fn scan(times: u32) {
    let (codes, queries) = (codes(4_096, 1), codes(64, 2));
    for _ in 0..times {
        let mut nearest = vec![Nearest::new(16, GlobalCode::BITS); queries.len()];
        scan_codes(black_box(&codes), 0, 0, &queries, &mut nearest);
        black_box(nearest);
    }
}

/// One question with its eight codes to 10,000 sealed records. The first also authenticates the pages.
fn lookup(times: u32) {
    let (segment, queries) = (sealed::segment(&codes(10_000, 1), None), codes(8, 2));
    for _ in 0..times {
        let mut nearest = vec![Nearest::new(16, GlobalCode::BITS); queries.len()];
        segment.scan(0, black_box(&queries), &mut nearest).unwrap();
        black_box(nearest);
    }
}

/// Decoding a drawn card as a JPEG and fingerprinting it, both tiers.
fn fingerprint(times: u32) {
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90)
        .encode_image(&Document::new(Template::IdentityCard, 1).image)
        .unwrap();
    let coder = Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]));
    for _ in 0..times {
        let image = decode(black_box(&jpeg), &Limits::default()).unwrap();
        black_box(coder.fingerprint(&image).unwrap());
    }
}

/// Does `work` so often.
pub(crate) fn run(work: &str, times: u32) {
    match work {
        "scan" => scan(times),
        "lookup" => lookup(times),
        "fingerprint" => fingerprint(times),
        other => unreachable!("no such work: {other}"),
    }
}
