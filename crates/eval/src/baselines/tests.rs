use std::path::{Path, PathBuf};

use super::*;

/// Fewest of the reference images that must be there and agree, so that the test cannot pass by reading nothing.
const FEWEST: usize = 30;

fn reference() -> Option<PathBuf> {
    let data = std::env::var_os("SALTPRINT_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = data.join("pdq-reference");
    if !folder.join("reference-hashes.csv").is_file() {
        println!("skipped: there are no reference hashes in {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Luma as PDQ defines it, of the pixels as they lie in the file: the reference ignores EXIF and alpha.
fn luma(path: &Path) -> Luma {
    let image = image::load_from_memory(&std::fs::read(path).unwrap()).unwrap().into_rgb8();
    let pixels = image
        .pixels()
        .map(|pixel| {
            let [r, g, b] = pixel.0.map(u32::from);
            u8::try_from((299 * r + 587 * g + 114 * b + 500) / 1000).unwrap()
        })
        .collect();
    Luma::new(image.width(), image.height(), pixels).unwrap()
}

fn words(hex: &str) -> [u64; 4] {
    [0, 16, 32, 48].map(|at| u64::from_str_radix(&hex[at..at + 16], 16).unwrap())
}

#[test]
fn pdq_agrees_with_the_reference() {
    let Some(folder) = reference() else { return };
    let mut agreed = 0;
    for row in csv::Reader::from_path(folder.join("reference-hashes.csv")).unwrap().records() {
        let row = row.unwrap();
        let (file, expected, quality) = (&row[0], words(&row[4]), row[5].parse::<u32>().unwrap());
        if quality < 80 {
            continue;
        }
        let (hash, own_quality) = pdq(reduced(&luma(&folder.join("pdq/data").join(file)))).unwrap();
        let apart = distance(&hash, &expected);
        println!("{file:<45} {apart:>3} bits apart, quality {quality} and {:.0}", own_quality * 100.0);
        assert!(apart <= 10.0, "{file}: {apart} bits from the reference");
        assert!(own_quality >= PDQ_LEAST_QUALITY, "{file}");
        agreed += 1;
    }
    assert!(agreed >= FEWEST, "only {agreed} reference images");
}

/// A picture with structure at several scales.
fn picture(seed: u32) -> Luma {
    let pixels = (0..240_u32 * 160)
        .map(|at| {
            let (x, y) = (at % 240, at / 240);
            let coarse = (x / 30 * 7 + y / 20 * 11 + seed * 3) * (seed + 5) % 17 * 13;
            u8::try_from((coarse + x / 4 + y / 3) % 256).unwrap()
        })
        .collect();
    Luma::new(240, 160, pixels).unwrap()
}

fn brighter(image: &Luma) -> Luma {
    let pixels = image.pixels().iter().map(|pixel| pixel.saturating_add(6)).collect();
    Luma::new(image.width(), image.height(), pixels).unwrap()
}

#[test]
fn both_hashes_stay_near_under_a_slight_change_and_tell_pictures_apart() {
    let gallery: Vec<Hashes> = (0..5).map(|seed| Hashes::of(&picture(seed))).collect();
    for seed in 0..5 {
        let own = usize::try_from(seed).unwrap();
        let measures = Hashes::of(&brighter(&picture(seed))).measure(&gallery, |index| index == own);
        for (measure, baseline) in measures.iter().zip(BASELINES) {
            let (right, other) = (measure.right.unwrap(), measure.other.unwrap());
            assert!(right <= baseline.customary as f32, "{}: {measure:?}", baseline.name);
            assert!(right < other, "{}: {measure:?}", baseline.name);
        }
    }
}

#[test]
fn images_without_structure_give_no_pdq_hash() {
    let plain = Hashes::of(&Luma::new(64, 64, vec![200; 64 * 64]).unwrap());
    assert!(plain.pdq.is_none());
    let measures = plain.measure(&[Hashes::of(&picture(1))], |_| true);
    assert_eq!(measures[0], Measure::default());
}
