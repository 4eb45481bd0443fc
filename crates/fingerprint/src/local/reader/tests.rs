//! What a record's places show in copies and in other documents.

use image::{DynamicImage, GrayImage, imageops};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Document, Template};

use super::*;
use crate::{Coder, Keypoint, LocalFingerprint, Luma, Place, Profile, Threads};

fn coder() -> Coder {
    Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]))
}

fn document(seed: u64) -> GrayImage {
    DynamicImage::ImageRgb8(Document::new(Template::Passport, seed).image).into_luma8()
}

fn luma(image: &GrayImage) -> Luma {
    Luma::new(image.width(), image.height(), image.as_raw().clone()).unwrap()
}

/// The view of a place in an image where `moved` is applied to every point.
fn view(place: Place, moved: impl Fn(f32, f32) -> (f32, f32)) -> View {
    let keypoint = place.keypoint();
    let (sin, cos) = libm::sincosf(keypoint.angle * std::f32::consts::TAU);
    let (x, y) = moved(keypoint.x, keypoint.y);
    let to = |right: f32, down: f32| {
        let (to_x, to_y) = moved(keypoint.x + right * keypoint.size, keypoint.y + down * keypoint.size);
        (to_x - x, to_y - y)
    };
    View { x, y, along: to(cos, sin), across: to(-sin, cos) }
}

/// Share of a record's hundred best places that show much the same (20 bits) in `copy`.
fn same(
    record: &LocalFingerprint,
    copy: &GrayImage,
    fine: bool,
    moved: impl Fn(f32, f32) -> (f32, f32),
) -> f64 {
    let coder = coder();
    let image = luma(copy);
    let mut reader = if fine { coder.fine(&image, Threads::Own).1 } else { coder.reader(&image) };
    let near = record.features[..100].iter().filter(|feature| {
        let code = reader.read(&view(feature.place, &moved));
        code.is_some_and(|code| code.distance(&feature.code) <= 20)
    });
    near.count() as f64 / 100.0
}

#[test]
fn copies_show_a_record_at_its_places_however_they_are_turned() {
    let image = document(3);
    let record = coder().fingerprint(&luma(&image)).unwrap().local;
    let (width, height) = (f32::from(record.width), f32::from(record.height));
    assert!(same(&record, &image, false, |x, y| (x, y)) > 0.95);
    assert!(same(&record, &image, true, |x, y| (x, y)) > 0.9);
    assert!(same(&record, &imageops::flip_horizontal(&image), false, |x, y| (width - x, y)) > 0.9);
    assert!(same(&record, &imageops::rotate90(&image), false, |x, y| (height - y, x)) > 0.9);
    // Stretched to a quarter more: what no turn and no size can explain.
    let stretched =
        imageops::resize(&image, image.width(), image.height() * 5 / 4, imageops::FilterType::Triangle);
    let unit = if image.height() * 5 / 4 > image.width() {
        image.width() as f32 / (image.height() as f32 * 1.25)
    } else {
        1.0
    };
    assert!(same(&record, &stretched, false, |x, y| (x * unit, y * 1.25 * unit)) > 0.85);
    let blurred = imageops::blur(&image, 2.0);
    assert!(same(&record, &blurred, false, |x, y| (x, y)) > 0.8);
}

#[test]
fn another_document_shows_something_else() {
    let record = coder().fingerprint(&luma(&document(3))).unwrap().local;
    // The best hundred of a pool are mostly what the template prints, but not all.
    let other = same(&record, &document(4), false, |x, y| (x, y));
    let shifted = same(&record, &document(3), false, |x, y| (x * 0.9 + 300.0, y * 0.9 + 300.0));
    assert!(other < 0.8 && shifted < 0.2, "{other} {shifted}");
}

#[test]
fn what_an_image_cannot_show_is_not_read() {
    let coder = coder();
    let mut reader = coder.reader(&luma(&document(3)));
    let view = View { x: 4000.0, y: 2500.0, along: (40.0, 0.0), across: (0.0, 40.0) };
    assert!(reader.read(&view).is_some());
    let sized = |size: f32| View { along: (size, 0.0), across: (0.0, size), ..view };
    for size in [0.0, 5.0, 8000.0, f32::NAN, f32::INFINITY] {
        assert!(reader.read(&sized(size)).is_none(), "{size}");
    }
    for (x, y) in [(-1.0, 9.0), (9.0, -1.0), (8193.0, 9.0), (9.0, 8000.0), (f32::NAN, 9.0)] {
        assert!(reader.read(&View { x, y, ..view }).is_none(), "{x} {y}");
    }
    // Degenerate views have no area.
    assert!(reader.read(&View { across: (40.0, 0.0), ..view }).is_none());
    assert_eq!(format!("{view:?} {reader:?}"), "View Reader");
}

#[test]
fn an_image_that_was_prepared_once_reads_the_same_for_any_number_of_readers() {
    let coder = coder();
    let image = luma(&document(3));
    let (query, scales) = coder.query_and_scales(&image).unwrap();
    let mut fresh = coder.reader(&image);
    for _ in 0..2 {
        let mut reader = coder.reader_of(scales.clone());
        for feature in &query.local().upright {
            let Keypoint { x, y, size, angle } = feature.keypoint;
            let (sin, cos) = (angle * std::f32::consts::TAU).sin_cos();
            let view = View { x, y, along: (cos * size, sin * size), across: (-sin * size, cos * size) };
            let (read, expected) = (reader.read(&view), fresh.read(&view));
            assert!(read.is_some() && read == expected);
        }
    }
}

#[test]
fn black_bars_cover_what_they_lie_on() {
    let image = document(3);
    let record = coder().fingerprint(&luma(&image)).unwrap().local;
    let unit = image.width() as f32 / f32::from(record.width);
    // Over the right half of the page, from a third to two thirds of its height.
    let (left, top) = (image.width() / 2, image.height() / 3);
    let bar = |level: u8, step: u8| {
        let mut barred = image.clone();
        for (x, y, pixel) in barred.enumerate_pixels_mut() {
            if x >= left && (top..2 * top).contains(&y) {
                pixel.0 = [level + if (x / 9 + y / 9) % 2 == 0 { step } else { 0 }];
            }
        }
        barred
    };
    let covered = |image: &GrayImage| -> Vec<(f32, bool)> {
        let coder = coder();
        let image = luma(image);
        let reader = coder.reader(&image);
        let asked = record.features.iter().map(|feature| {
            let keypoint = feature.place.keypoint();
            // How far it reaches into the bar, in terms of its size.
            let into = |at: f32, from: f32, to: f32| (at * unit - from).min(to - at * unit);
            let across = into(keypoint.x, left as f32, image.width() as f32 * 2.0);
            let down = into(keypoint.y, top as f32, 2.0 * top as f32);
            let view = view(feature.place, |x, y| (x, y));
            (across.min(down) / (keypoint.size * unit), reader.is_covered(&view))
        });
        asked.collect()
    };
    let usual = covered(&image);
    let black_hair = usual.iter().filter(|(_, covered)| *covered).count();
    assert!(black_hair * 10 <= usual.len(), "{black_hair} of {}", usual.len());
    // As black as it gets, and as a photograph shows it.
    for level in [0, 40] {
        let asked = covered(&bar(level, 0)).into_iter().zip(&usual).filter(|(_, (_, before))| !before);
        let (within, away): (Vec<_>, Vec<_>) = asked
            .map(|(now, _)| now)
            .filter(|(into, _)| *into > 0.0 || *into < -9.0)
            .partition(|(into, _)| *into > 0.0);
        assert!(within.len() > 20 && within.iter().all(|(_, covered)| *covered), "{}", within.len());
        assert!(away.len() > 100 && !away.iter().any(|(_, covered)| *covered), "{}", away.len());
    }
    // Neither what is no black, nor what is not even.
    for other in [bar(120, 0), bar(255, 0), bar(0, 60)] {
        let count = covered(&other).iter().filter(|(_, covered)| *covered).count();
        assert!(count <= black_hair, "{count} {black_hair}");
    }
}
