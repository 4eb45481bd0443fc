//! Writes contact sheets of all templates, faces and edits, for the eye:
//! `cargo run --release -p saltprint-synth --example contact_sheet -- FOLDER [FIRST_SEED]`.

use std::error::Error;
use std::path::PathBuf;

use image::RgbImage;
use image::imageops::{self, FilterType};
use saltprint_synth::{Document, Edit, Template};

fn sheet(images: &[RgbImage], columns: usize, cell: (u32, u32)) -> RgbImage {
    let rows = images.len().div_ceil(columns);
    let (columns, rows) = (u32::try_from(columns).unwrap_or(1), u32::try_from(rows).unwrap_or(1));
    let mut out = RgbImage::from_pixel(columns * (cell.0 + 6), rows * (cell.1 + 6), image::Rgb([90; 3]));
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    for (image, (column, row)) in images.iter().zip(places) {
        let fit =
            (f64::from(cell.0) / f64::from(image.width())).min(f64::from(cell.1) / f64::from(image.height()));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cell of a few hundred pixels"
        )]
        let side = |s: u32| (f64::from(s) * fit) as u32;
        let small = imageops::resize(image, side(image.width()), side(image.height()), FilterType::Triangle);
        imageops::replace(&mut out, &small, i64::from(column * (cell.0 + 6)), i64::from(row * (cell.1 + 6)));
    }
    out
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("state a folder to write to")?);
    let first: u64 = args.next().map_or(Ok(1), |seed| seed.parse())?;
    std::fs::create_dir_all(&folder)?;
    let save = |name: &str, image: &RgbImage| image.save(folder.join(format!("{name}.png")));

    let mut people = Vec::new();
    for template in Template::ALL {
        for seed in first..first + 5 {
            people.push(Document::new(template, seed).image);
        }
        save(template.name(), &Document::new(template, first).image)?;
    }
    save("templates", &sheet(&people, 5, (400, 300)))?;

    let faces: Vec<RgbImage> = (first..first + 40)
        .map(|seed| Document::new(Template::IdentityCard, seed))
        .map(|d| Edit::PortraitOnly.apply(&d.image, &d.layout, 0))
        .collect();
    save("faces", &sheet(&faces, 10, (200, 260)))?;

    let document = Document::new(Template::Passport, first);
    let edited: Vec<RgbImage> =
        Edit::ALL.iter().map(|edit| edit.apply(&document.image, &document.layout, first)).collect();
    save("edits", &sheet(&edited, 6, (330, 330)))?;

    Ok(())
}
