//! The folder of what is never evidence.

use std::ops::ControlFlow;
use std::path::Path;

use rayon::prelude::*;
use saltprint_fingerprint::{Coder, Fingerprint};
use saltprint_index::NegativeBank;
use saltprint_intake::list_inputs;

use crate::{Config, Error};

/// The bank, and how many files of the folder are not in it.
pub(crate) struct Negative {
    pub(crate) bank: NegativeBank,
    unusable: usize,
}

/// Reads the folder anew in each run; it holds few images.
///
/// # Errors
/// [`Error::Listing`] where the folder that the configuration names cannot be listed; [`Error::Decoding`] where an image was not
/// decoded for want of a worker: without it, what matches it would be evidence.
pub(crate) fn read(config: &Config, coder: &Coder) -> Result<Negative, Error> {
    let mut negative = Negative { bank: NegativeBank::default(), unusable: 0 };
    let Some(folder) = &config.negative else {
        return Ok(negative);
    };
    let mut entries = Vec::new();
    for entry in list_inputs(folder)? {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(_) => negative.unusable += 1,
        }
    }
    // The order of the listing is that of the names, so the same folder gives the same bank.
    let fingerprints: Vec<Vec<Option<Fingerprint>>> =
        entries.par_iter().map(|entry| fingerprints(entry.location.as_path(), config, coder)).collect();
    config.check_decoder()?;
    for fingerprint in fingerprints.into_iter().flatten() {
        match fingerprint {
            Some(fingerprint) => negative.bank.add(&fingerprint),
            None => negative.unusable += 1,
        }
    }
    Ok(negative)
}

/// Of a file every part; `None` for one that cannot be used.
fn fingerprints(path: &Path, config: &Config, coder: &Coder) -> Vec<Option<Fingerprint>> {
    let mut found = Vec::new();
    config.for_each_part(path, &mut |part| {
        let image = part.content.and_then(|content| content.decode(&config.limits)).ok();
        found.push(image.and_then(|image| coder.fingerprint(&image).ok()));
        ControlFlow::Continue(())
    });
    found
}

impl Negative {
    /// What an operator should know.
    pub(super) fn warning(&self) -> Option<String> {
        (self.unusable > 0).then(|| {
            format!(
                "{} files of the folder of negative images could not be used (not an image, over a limit, or too plain): \
                 what matches them counts as evidence",
                self.unusable
            )
        })
    }
}
