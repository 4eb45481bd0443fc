//! A leak of large photos out of one of small ones: `enlarge FROM TO PIXELS`, JPEGs of quality 90.
//!
//! What a photo costs to decode and to fingerprint goes by its pixels, and invented documents have half a million. Files that are
//! no images are copied as they are, names stay.

#![expect(clippy::print_stderr, reason = "says what it is at")]

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image::DynamicImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use rayon::prelude::*;

const USAGE: &str = "usage: enlarge FROM TO PIXELS";
const QUALITY: u8 = 90;

/// Of the same shape, as many pixels as asked for to within a row or column; never smaller.
fn enlarged(image: &DynamicImage, pixels: u32) -> DynamicImage {
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let scale = (f64::from(pixels) / (width * height)).sqrt().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sides of a picture of that many pixels"
    )]
    let side = |side: f64| (side * scale).round() as u32;
    image.resize_exact(side(width), side(height), FilterType::CatmullRom)
}

fn write(from: &Path, to: &Path, pixels: u32) -> Result<(), Box<dyn Error>> {
    let files =
        fs::read_dir(from)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    fs::create_dir_all(to)?;
    files
        .par_iter()
        .try_for_each(|file| {
            let bytes = fs::read(file)?;
            let place = to.join(file.file_name().unwrap_or_default());
            let Ok(image) = image::load_from_memory(&bytes) else {
                fs::write(place, bytes)?;
                return Ok(());
            };
            let photo = enlarged(&image, pixels).into_rgb8();
            let mut out = BufWriter::new(fs::File::create(place)?);
            photo.write_with_encoder(JpegEncoder::new_with_quality(&mut out, QUALITY))?;
            Ok::<_, Box<dyn Error + Send + Sync>>(out.flush()?)
        })
        .map_err(|error| -> Box<dyn Error> { error })?;
    Ok(())
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match &given[..] {
        [from, to, pixels] => {
            pixels.parse().ok().map(|pixels| (PathBuf::from(from), PathBuf::from(to), pixels))
        }
        _ => None,
    };
    let Some((from, to, pixels)) = wanted else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match write(&from, &to, pixels) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
