//! Local codes of records and queries.

use image::DynamicImage;
use saltprint_synth::{Document, Template};

use super::*;
use crate::{coder::Coder, luma::Luma, orientation::Orientation, profile::Profile};

fn coder() -> Coder {
    Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]))
}

fn document(template: Template, seed: u64) -> Luma {
    let image = DynamicImage::ImageRgb8(Document::new(template, seed).image).into_luma8();
    Luma::new(image.width(), image.height(), image.into_raw()).unwrap()
}

/// Squares of two sizes and arbitrary luma, by formula.
fn texture(width: u32, height: u32) -> Luma {
    let square = |x: u32, y: u32, side: u32| {
        let mixed = (x / side).wrapping_mul(0x9e37_79b9) ^ (y / side).wrapping_mul(0x85eb_ca6b) ^ side;
        let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x2c1b_3c6d);
        (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39) >> 24
    };
    let at = |i: u32| {
        let (x, y) = (i % width, i / width);
        u8::try_from((3 * square(x, y, 31) + square(x, y, 11)) / 4).unwrap()
    };
    Luma::new(width, height, (0..width * height).map(at).collect()).unwrap()
}

fn absorb(digest: &mut blake3::Hasher, code: LocalCode, place: Place) {
    digest.update(&code.to_bytes());
    digest.update(&place.x.to_le_bytes());
    digest.update(&place.y.to_le_bytes());
    digest.update(&[place.size, place.angle]);
}

/// The promise that local codes are the same on every platform. Settings are fixed here, so that this changes with
/// keypoints, descriptors, profile or projection only: for everybody a new epoch.
#[test]
fn golden_local_codes() {
    let settings = Settings { long_side: 640, keep: 320, contrast: 0.02, edge_ratio: 10.0, cells: 1 };
    let query = coder().local().query(&LocalFeatures::extract(&texture(900, 700), &settings), Threads::Own);
    assert_eq!((query.upright.len(), query.mirrored.len()), (320, 320));
    let mut digest = blake3::Hasher::new();
    for feature in query.upright.iter().chain(&query.mirrored) {
        absorb(&mut digest, feature.code, Place::of(&feature.keypoint));
        digest.update(&feature.margins);
    }
    assert_eq!(
        digest.finalize().to_hex().as_str(),
        "8186e837e2823eb76d93d86bcdc1a47d0e8e683cddb27239399ad56f54224862"
    );
}

/// What a record keeps to be selected from, the same on every platform: a change finds fewer features of old indexes.
#[test]
fn golden_pool() {
    let record = coder().fingerprint(&texture(900, 700)).unwrap().local;
    assert_eq!((record.width, record.height, record.features.len()), (8192, 6372, 720));
    let mut digest = blake3::Hasher::new();
    record.features.iter().for_each(|feature| absorb(&mut digest, feature.code, feature.place));
    assert_eq!(
        digest.finalize().to_hex().as_str(),
        "d9d2904799ce61207ae72f7f7ba106302b0dd777af5ab597153bd47e89c89d83"
    );
}

#[test]
fn the_same_keypoint_has_the_same_code_in_record_and_query() {
    let coder = coder();
    for image in [document(Template::Passport, 3), texture(700, 500)] {
        let (record, query) = (coder.fingerprint(&image).unwrap().local, coder.query(&image).unwrap());
        let query = query.local();
        assert_eq!((record.width, record.height), (frame_units(query.width), frame_units(query.height)));
        // Either may keep fewer, but what both have is the same.
        let mut both = 0;
        for feature in &record.features {
            let here = query.upright.iter().filter(|other| Place::of(&other.keypoint) == feature.place);
            let codes: Vec<LocalCode> = here.map(|other| other.code).collect();
            both += usize::from(!codes.is_empty());
            assert!(codes.is_empty() || codes.contains(&feature.code));
        }
        let fewer = record.features.len().min(query.upright.len());
        assert!(fewer >= 100 && both * 10 >= fewer * 9, "{both} of {fewer}");
    }
}

#[test]
fn mirrored_codes_find_the_record_of_a_mirror_image() {
    let coder = coder();
    for template in [Template::Passport, Template::DrivingLicence] {
        let image = document(template, 5);
        let record = coder.fingerprint(&image).unwrap().local;
        let leak = coder.query(&Orientation::Mirror.apply(&image).unwrap()).unwrap();
        let found = |features: &[QueryFeature]| {
            let seen = |feature: &&LocalFeature| {
                features.iter().any(|other| {
                    let (x, y) = (
                        other.keypoint.x - f32::from(feature.place.x),
                        other.keypoint.y - f32::from(feature.place.y),
                    );
                    // 40 of 8192 are 3 pixels of 640.
                    other.code.distance(&feature.code) <= 20 && x * x + y * y < 40.0 * 40.0
                })
            };
            record.features.iter().filter(seen).count()
        };
        let (mirrored, upright) = (found(&leak.local().mirrored), found(&leak.local().upright));
        let all = record.features.len();
        println!("{template:?}: {mirrored} mirrored and {upright} upright of {all}");
        assert!(mirrored * 10 >= all * 7, "{template:?}: {mirrored} of {all}");
        assert!(upright * 20 < all, "{template:?}: {upright} of {all} as if it were no mirror image");
    }
}

fn folded(row: &[i16; DESCRIPTOR_SIZE]) -> [i16; DESCRIPTOR_SIZE] {
    let mut folded = [0; DESCRIPTOR_SIZE];
    fold(row, &mut folded);
    folded
}

fn with_margins(
    coder: &LocalCoder,
    descriptor: &[u8; DESCRIPTOR_SIZE],
    margins: &mut [u8; QueryFeature::MARGINS],
) -> LocalCode {
    coder.with_sums(descriptor, |[upright, _]| coder.code(upright, margins))
}

/// A coder that looks at one descriptor value a bit: bit `i` is set where value `i` is above `mean[i]`. Rows differ in
/// length, which margins must not show.
fn axis_coder(mean: impl Fn(usize) -> i64) -> LocalCoder {
    let mut coder = LocalCoder { entries: vec![], thresholds: vec![], units: vec![] };
    for bit in 0..BITS {
        let entry = 500 + 10 * i16::try_from(bit).unwrap();
        let mut row = [0; DESCRIPTOR_SIZE];
        row[bit] = entry;
        coder.entries.extend(folded(&row));
        coder.thresholds.push(i64::from(entry) * mean(bit) * MEAN_STEPS);
        coder.units.push(MARGIN_UNIT / f32::from(entry) / MEAN_STEPS as f32);
    }
    coder
}

#[test]
fn the_bit_with_the_smallest_margin_flips_first() {
    // Bit `i` is `distance(i)` above its threshold, all different and in no order.
    let distance = |bit: usize| 1 + bit * 37 % 101;
    let coder = axis_coder(|_| 60);
    let value = |bit: usize| 60 + u8::try_from(distance(bit)).unwrap();
    let mut margins = [0; QueryFeature::MARGINS];
    let code = with_margins(&coder, &std::array::from_fn(value), &mut margins);
    assert!(code == LocalCode::from_words([u64::MAX; 2]));
    let mut by_margin: Vec<usize> = (0..QueryFeature::MARGINS).collect();
    by_margin.sort_by_key(|&bit| margins[bit]);
    let mut flipped = Vec::new();
    for darker in 0..=101 {
        let code = coder.plain_code(&std::array::from_fn(|bit| value(bit).saturating_sub(darker)));
        let down = by_margin.iter().filter(|&&bit| code.words()[0] >> bit & 1 == 0);
        let new: Vec<usize> = down.filter(|bit| !flipped.contains(*bit)).copied().collect();
        flipped.extend(new);
    }
    assert_eq!(flipped, by_margin);
    assert_eq!(flipped.len(), QueryFeature::MARGINS);
}

#[test]
fn margins_are_distances_on_both_sides_and_stop_at_the_end_of_a_byte() {
    let coder = axis_coder(|bit| if bit % 2 == 0 { 20 } else { 100 });
    let mut margins = [0; QueryFeature::MARGINS];
    let code = with_margins(&coder, &[60; DESCRIPTOR_SIZE], &mut margins);
    assert!(code == LocalCode::from_words([0x5555_5555_5555_5555; 2]));
    assert_eq!(margins, [100; QueryFeature::MARGINS], "40 steps of 2.5 whatever the length of the row");
    with_margins(&coder, &[255; DESCRIPTOR_SIZE], &mut margins);
    assert_eq!(margins, [255; QueryFeature::MARGINS]);
}

#[test]
fn another_key_or_profile_gives_other_codes() {
    let descriptor: [u8; DESCRIPTOR_SIZE] = std::array::from_fn(|i| u8::try_from(i * i % 97).unwrap());
    let code = |key: u8, digest: u8| {
        let key = ProjectionKey::from_secret(&[key; 32]);
        let coder = LocalCoder::new(&LocalProfile::builtin(), &key, &[digest; 32]);
        coder.plain_code(&descriptor)
    };
    assert!(code(1, 1) == code(1, 1));
    for other in [code(2, 1), code(1, 2)] {
        let distance = code(1, 1).distance(&other);
        assert!((36..=92).contains(&distance), "{distance} bits apart");
    }
}

/// Against the definition: rows times the descriptor, and times what it is in the mirror image.
#[test]
fn folded_products_are_those_of_the_descriptor_and_of_its_mirror_image() {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 40
    };
    // Random ones, and the largest there are.
    for extreme in [false, true] {
        let drawn = |drawn: u64| i16::try_from(drawn % 4_095).unwrap() - ENTRY_MAX;
        let largest = |drawn: u64| if drawn & 1 == 0 { ENTRY_MAX } else { -ENTRY_MAX };
        let entry = if extreme { largest } else { drawn };
        let rows: Vec<[i16; DESCRIPTOR_SIZE]> =
            (0..BITS).map(|_| std::array::from_fn(|_| entry(next()))).collect();
        let descriptor: [u8; DESCRIPTOR_SIZE] =
            std::array::from_fn(|_| if extreme { 255 } else { u8::try_from(next() % 256).unwrap() });
        let coder = LocalCoder {
            entries: rows.iter().flat_map(folded).collect(),
            thresholds: vec![0; BITS],
            units: vec![1.0; BITS],
        };
        let [upright, mirrored] = coder.with_sums(&descriptor, |sums| *sums);
        for (bit, row) in rows.iter().enumerate() {
            let product = |value: &dyn Fn(usize) -> u8| -> i32 {
                (0..DESCRIPTOR_SIZE).map(|i| i32::from(row[i]) * i32::from(value(i))).sum()
            };
            assert_eq!(upright[bit], product(&|i| descriptor[i]));
            assert_eq!(mirrored[bit], product(&|i| descriptor[mirror_of(i)]));
        }
    }
}

/// On one thread or on several, and prepared for being read or not.
#[test]
fn the_threads_change_nothing() {
    let coder = coder();
    let image = document(Template::Passport, 3);
    let digest = |query: &LocalQuery| {
        let mut digest = blake3::Hasher::new();
        for feature in query.upright.iter().chain(&query.mirrored) {
            digest.update(format!("{:?}", (feature.code.words(), feature.margins)).as_bytes());
            let Keypoint { x, y, size, angle } = feature.keypoint;
            for value in [x, y, size, angle] {
                digest.update(&value.to_le_bytes());
            }
        }
        (query.upright.len(), query.mirrored.len(), digest.finalize())
    };
    let own = (digest(coder.query(&image).unwrap().local()), digest(&coder.fine(&image, Threads::Own).0));
    assert!(own.0.0 > 300 && own.1.0 > own.0.0);
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let of_pool = pool.install(|| {
            let (query, _) = coder.query_and_scales(&image).unwrap();
            (digest(query.local()), digest(&coder.fine(&image, Threads::Pool).0))
        });
        assert_eq!(of_pool, own, "{threads} threads");
    }
}
