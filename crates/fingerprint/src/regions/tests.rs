//! What the regions of copies and of other documents look like.

use image::{DynamicImage, GrayImage, imageops};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Document, Edit, Template};

use super::*;
use crate::straight::WHOLE;
use crate::{Coder, Corners, Luma, Profile, Readout};

fn coder() -> Coder {
    Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]))
}

fn luma(image: &GrayImage) -> Luma {
    Luma::new(image.width(), image.height(), image.as_raw().clone()).unwrap()
}

fn record(image: &GrayImage) -> RegionCodes {
    coder().fingerprint(&luma(image)).unwrap().local.regions.unwrap()
}

/// The distances of all cells between a record and what lies at `corners` of a copy.
fn distances(record: &RegionCodes, copy: &GrayImage, corners: &Corners) -> [Option<u32>; 64] {
    record.distances(&coder().reader(&luma(copy)).regions(corners).unwrap())
}

/// Cells seen, and the share of them within 3 bits.
fn near(distances: &[Option<u32>; 64]) -> (usize, f64) {
    let seen: Vec<u32> = distances.iter().copied().flatten().collect();
    (seen.len(), seen.iter().filter(|distance| **distance <= 3).count() as f64 / seen.len().max(1) as f64)
}

#[test]
fn copies_look_the_same_however_they_lie_and_others_of_the_template_do_not() {
    let document = Document::new(Template::Passport, 3);
    let image = DynamicImage::ImageRgb8(document.image.clone()).into_luma8();
    let regions = record(&image);
    let (all, same) = near(&distances(&regions, &image, &WHOLE));
    assert!(all == 64 && same > 0.95, "{all} {same}");
    let [a, b, c, d] = WHOLE;
    let (all, turned) = near(&distances(&regions, &imageops::rotate90(&image), &[b, c, d, a]));
    assert!(all == 64 && turned > 0.9, "{all} {turned}");
    let (all, flipped) = near(&distances(&regions, &imageops::flip_horizontal(&image), &[b, a, d, c]));
    assert!(all == 64 && flipped > 0.9, "{all} {flipped}");
    let small =
        imageops::resize(&image, image.width() / 3, image.height() / 3, imageops::FilterType::Triangle);
    let (_, small) = near(&distances(&regions, &small, &WHOLE));
    assert!(small > 0.8, "{small}");
    // Darker, and half the contrast.
    let faint = GrayImage::from_raw(image.width(), image.height(), image.iter().map(|v| v / 2).collect());
    let (_, faint) = near(&distances(&regions, &faint.unwrap(), &WHOLE));
    assert!(faint > 0.85, "{faint}");
    let other = DynamicImage::ImageRgb8(Document::new(Template::Passport, 4).image).into_luma8();
    let (_, other) = near(&distances(&regions, &other, &WHOLE));
    assert!(other < 0.5, "{other}");
}

/// What is covered looks different, and what is beside it does not.
#[test]
fn what_is_not_covered_looks_the_same_and_what_is_cut_off_is_not_seen() {
    let document = Document::new(Template::IdentityCard, 5);
    let grey = |image: image::RgbImage| DynamicImage::ImageRgb8(image).into_luma8();
    let image = grey(document.image.clone());
    let regions = record(&image);
    let blacked = grey(Edit::BlackedFields.apply(&document.image, &document.layout, 1));
    let (all, same) = near(&distances(&regions, &blacked, &WHOLE));
    assert!(all > 40 && same > 0.3 && same < 0.9, "{all} {same}");
    // The right half and the lower half of the height: 16 of 64 cells.
    let (width, height) = (image.width(), image.height());
    let quarter =
        imageops::crop_imm(&image, width / 2, height / 2, width - width / 2, height - height / 2).to_image();
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
    let seen = distances(&regions, &quarter, &corners);
    let (all, same) = near(&seen);
    assert!(all == 16 && same > 0.9, "{all} {same}");
    assert!(seen[63].is_some() && seen[0].is_none() && seen[59].is_none());
    // So small that nothing is left of a cell.
    let far = [(0.0, 0.0), (0.05, 0.0), (0.05, 0.05), (0.0, 0.05)];
    assert_eq!(near(&distances(&regions, &image, &far)).0, 0);
    assert!(coder().reader(&luma(&image)).regions(&[(0.5, 0.5); 4]).is_none());
}

#[test]
fn codes_are_the_keys_and_profiles_with_truth_tables_have_none() {
    let image = DynamicImage::ImageRgb8(Document::new(Template::Passport, 3).image).into_luma8();
    let other = Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[8; 32]));
    let other = other.fingerprint(&luma(&image)).unwrap().local.regions.unwrap();
    let apart: u32 =
        record(&image).words().iter().zip(other.words()).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert!((400..624).contains(&apart), "{apart} of 1024");
    let tables = Profile::builtin().with_readout(Readout::of(4).unwrap());
    let coder = Coder::new(&tables, &ProjectionKey::from_secret(&[7; 32]));
    assert!(coder.fingerprint(&luma(&image)).unwrap().local.regions.is_none());
    assert!(coder.reader(&luma(&image)).regions(&WHOLE).is_none());
}

#[test]
fn bytes_round_trip_and_debug_shows_nothing() {
    let codes = RegionCodes::from_words(std::array::from_fn(|cell| u16::try_from(cell * 1021).unwrap()));
    assert_eq!(RegionCodes::from_bytes(&codes.to_bytes()), codes);
    assert_eq!(codes.to_bytes()[2..4], [253, 3]);
    let seen =
        SeenRegions::from_cells(std::array::from_fn(|cell| (cell != 2).then_some([1, 1, 1, 0][cell % 4])));
    let distances = codes.distances(&seen);
    // Plain in the record, there, not seen, plain in the image.
    assert_eq!(distances[..4], [None, Some((1021_u16 ^ 1).count_ones()), None, None]);
    assert_eq!(format!("{codes:?} {seen:?}"), "RegionCodes SeenRegions");
}

/// Blank paper and black bars say nothing, whatever the noise on them.
#[test]
fn plain_cells_are_not_compared() {
    let noise = |x: u32, y: u32| u8::try_from((x * 7919 + y * 104_729) % 89 % 3).unwrap();
    let image = GrayImage::from_fn(640, 400, |x, y| {
        // The left half is paper, the right half a pattern.
        image::Luma([if x < 320 {
            240 + noise(x, y)
        } else {
            u8::try_from((x / 16 * 53 ^ y / 16 * 91) % 256).unwrap()
        }])
    });
    let regions = record(&image);
    let seen = distances(&regions, &image, &WHOLE);
    // The blur of the border reaches one cell into the paper.
    assert!((0..64).all(|cell| cell % 8 == 3 || seen[cell].is_some() == (cell % 8 > 3)), "{seen:?}");
}

/// Waves are orthogonal to each other and to what is the same everywhere, up to rounding.
#[test]
fn waves_are_a_basis_of_rising_frequency() {
    let waves = waves();
    assert_eq!(waves.len(), COEFFICIENTS);
    assert!(waves.is_sorted_by(|a, b| a.0 <= b.0));
    let product = |a: &[i16], b: &[i16]| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() / 8191.0 / 8191.0
    };
    let flat = [8191; PATCH];
    for (number, (_, wave)) in waves.iter().enumerate() {
        assert!((product(wave, wave) - 16.0).abs() < 0.01 && product(wave, &flat).abs() < 0.05);
        assert!(waves[..number].iter().all(|(_, other)| product(wave, other).abs() < 0.05));
    }
}
