//! A vault of many small files: `tiny_vault FOLDER RECORDS`, JPEGs of 192 x 128 pixels, a thousand a subfolder.
//!
//! What a rebuild costs beside decoding shows only where that is cheap. The files are not documents; nothing is learned of
//! recognition here. Files that are there stay as they are, so a larger number adds to a vault.

#![expect(clippy::print_stderr, reason = "says what it is at")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image::{ImageFormat, Rgb, RgbImage};
use rayon::prelude::*;

const USAGE: &str = "usage: tiny_vault FOLDER RECORDS";
const SIDES: (u32, u32) = (192, 128);
const BOXES: usize = 40;
const IN_A_FOLDER: usize = 1_000;

/// Boxes of chance places, sizes and colours: corners enough for local features, and no two alike.
fn draw(number: usize) -> RgbImage {
    let mut bytes = [0; BOXES * 7];
    blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let mut image = RgbImage::from_pixel(SIDES.0, SIDES.1, Rgb([235, 235, 228]));
    for part in bytes.as_chunks::<7>().0 {
        let [left, top, width, height, colour @ ..] = *part;
        let (left, top) = (u32::from(left) * SIDES.0 / 256, u32::from(top) * SIDES.1 / 256);
        let right = (left + 4 + u32::from(width) / 5).min(SIDES.0);
        let bottom = (top + 4 + u32::from(height) / 6).min(SIDES.1);
        for y in top..bottom {
            for x in left..right {
                image.put_pixel(x, y, Rgb(colour));
            }
        }
    }
    image
}

fn write(folder: &Path, records: usize) -> Result<(), Box<dyn Error>> {
    let parts: Vec<usize> = (0..records.div_ceil(IN_A_FOLDER)).collect();
    for part in &parts {
        std::fs::create_dir_all(folder.join(format!("{part:04}")))?;
    }
    (0..records)
        .into_par_iter()
        .try_for_each(|number| {
            let path = folder.join(format!("{:04}/{number:07}.jpg", number / IN_A_FOLDER));
            if path.exists() {
                return Ok(());
            }
            // Under another name at first: a run that is cut short leaves no half of a file that looks done.
            let unfinished = path.with_extension("part");
            draw(number).save_with_format(&unfinished, ImageFormat::Jpeg)?;
            Ok::<_, Box<dyn Error + Send + Sync>>(std::fs::rename(&unfinished, path)?)
        })
        .map_err(|error| -> Box<dyn Error> { error })?;
    Ok(())
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wanted = match &given[..] {
        [folder, records] => records.parse().ok().map(|records| (PathBuf::from(folder), records)),
        _ => None,
    };
    let Some((folder, records)) = wanted else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match write(&folder, records) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
