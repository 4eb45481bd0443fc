//! Real photographs, where the checkout has them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::mean;
use saltprint_fingerprint::Luma;

use crate::{Limits, decode, read_bounded};

/// A folder of the shared test data, or `None` with a note.
fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SALTPRINT_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join(folder);
    if !path.is_dir() {
        println!("skipped: no test data; set SALTPRINT_TEST_DATA to its folder");
        return None;
    }
    Some(path)
}

fn images(folder: &Path) -> Vec<(String, Luma)> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let limits = Limits::default();
    names
        .into_iter()
        .map(|name| name.into_string().unwrap())
        .filter(|name| name != "README.md")
        .map(|name| {
            let file = read_bounded(&folder.join(&name), &limits).unwrap();
            let image = decode(file.bytes(), &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, image)
        })
        .collect()
}

/// Means over a grid of 16 x 16 cells.
fn thumbnail(image: &Luma) -> Vec<f64> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut cells = Vec::new();
    for row in 0..16 {
        for column in 0..16 {
            let pixels: Vec<u8> = (row * height / 16..(row + 1) * height / 16)
                .flat_map(|y| &image.pixels()[y * width..][column * width / 16..(column + 1) * width / 16])
                .copied()
                .collect();
            cells.push(mean(&pixels));
        }
    }
    cells
}

#[test]
fn one_photo_in_fourteen_modes() {
    let Some(folder) = data("pdq-reference/pdq/data/misc-images/modes") else { return };
    let images = images(&folder);
    assert_eq!(images.len(), 14);
    let (_, original) = images.iter().find(|(name, _)| name == "original.jpg").unwrap();
    let reference = thumbnail(original);
    for (name, image) in &images {
        assert_eq!((image.width(), image.height()), (1600, 1004), "{name}");
        let cells = thumbnail(image);
        let (reference_mean, cells_mean) = (
            reference.iter().sum::<f64>() / reference.len() as f64,
            cells.iter().sum::<f64>() / cells.len() as f64,
        );
        let worst = cells.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{name}: mean {cells_mean:.1} (original {reference_mean:.1}), worst cell {worst:.1}");
        assert!((cells_mean - reference_mean).abs() < 4.0, "{name}");
        assert!(worst < 14.0, "{name}: {worst}");
    }
}

#[test]
fn photos_turned_by_their_orientation() {
    let Some(folder) = data("pdq-reference/pdq/data/reg-test-input/exif-rotn") else { return };
    for (name, image) in images(&folder) {
        // The camera was held each way and notes it; upright, 6 and 8 are portraits.
        let portrait = name.contains('6') || name.contains('8');
        let sides = if portrait { (3024, 4032) } else { (4032, 3024) };
        assert_eq!((image.width(), image.height()), sides, "{name}");
    }
}
