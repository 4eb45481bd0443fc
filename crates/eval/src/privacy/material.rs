//! The documents behind all measurements: what the vault holds, what attackers hold, and the profile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use image::{DynamicImage, GrayImage, RgbImage, imageops};
use rayon::prelude::*;
use saltprint::Config;
use saltprint_fingerprint::danger::RawFeatures;
use saltprint_fingerprint::{
    Calibration, CalibrationSample, Coder, GlobalCode, Luma, Profile, Readout, TooPlain,
};
use saltprint_keys::ProjectionKey;
use saltprint_synth::{Corpus, Document, Rect, Template};

use super::plan::Sizes;
use crate::progress::{Progress, Stage};
use crate::seeds::{self, Choice};
use crate::vault::Holding;
use crate::{EvalError, PrivacyPlan};

/// Documents handled between two looks at the progress.
const BATCH: usize = 128;
/// Cells a side of the pictures that codes are turned back into: four times as fine as what a whole-image code sees.
pub(super) const SIDE: usize = 96;
/// The attackers' documents are another corpus.
const CROWD: u64 = 0x6372_6f77;

/// One document.
pub(super) struct Seen {
    /// Its number in the list or corpus that it comes from; what is too plain leaves gaps.
    pub(super) number: usize,
    pub(super) features: RawFeatures,
    /// What it looks like; of invented documents only.
    pub(super) look: Option<Look>,
}

/// An invented document, small.
pub(super) struct Look {
    /// [`SIDE`] x [`SIDE`] levels, whatever the shape of the document.
    pub(super) cells: Vec<u8>,
    /// Columns and rows of the portrait among them: left, top, right, bottom.
    pub(super) portrait: Option<[usize; 4]>,
    pub(super) template: Template,
    /// Width over height of the image.
    pub(super) shape: f64,
}

/// All documents, and the profile learned from half of the vault.
pub(super) struct Material {
    pub(super) seed: u64,
    /// Coders that several measurements share, by half-spaces a bit and number of the key.
    coders: Mutex<HashMap<(u8, usize), Arc<Coder>>>,
    pub(super) profile: Profile,
    /// What the vault holds.
    pub(super) vault: Vec<Seen>,
    /// What attackers hold: none of it in the vault of an invented one; of an own one, what calibration did not see.
    pub(super) crowd: Vec<Seen>,
}

impl Material {
    /// Draws a vault of `records` documents and the attackers' crowd.
    pub(super) fn invented(
        records: usize,
        plan: &PrivacyPlan,
        sizes: &Sizes,
        progress: &dyn Progress,
    ) -> Result<Self, EvalError> {
        let (vault, crowd) = (Corpus::new(records, plan.seed), Corpus::new(sizes.crowd(), plan.seed ^ CROWD));
        let mut calibration = Calibration::new(plan.seed).of_records(records as u64);
        let mut held = Vec::with_capacity(records);
        let stage = Stage::Privacy("drawing the vault and calibrating");
        for start in (0..records).step_by(BATCH) {
            progress.update(stage, start as u64, Some(records as u64));
            let drawn: Vec<_> = (start..records.min(start + BATCH))
                .into_par_iter()
                .filter_map(|index| {
                    let document = draw(&vault, index)?;
                    let image = luma(&document.image)?;
                    let sample =
                        index.is_multiple_of(2).then(|| CalibrationSample::measure(&image, plan.seed));
                    Some((sample, seen(index, &image, &document, index < sizes.images)?))
                })
                .collect();
            for (sample, seen) in drawn {
                sample.into_iter().flatten().for_each(|sample| calibration.add(&sample));
                held.push(seen);
            }
        }
        let mut others = Vec::with_capacity(crowd.len());
        for start in (0..crowd.len()).step_by(BATCH) {
            progress.update(
                Stage::Privacy("drawing the attackers' documents"),
                start as u64,
                Some(crowd.len() as u64),
            );
            others.par_extend((start..crowd.len().min(start + BATCH)).into_par_iter().filter_map(|index| {
                let document = draw(&crowd, index)?;
                seen(index, &luma(&document.image)?, &document, index < sizes.images)
            }));
        }
        Ok(Self {
            seed: plan.seed,
            coders: Mutex::default(),
            profile: learned(calibration)?,
            vault: held,
            crowd: others,
        })
    }

    /// Reads the documents of an own vault. Attackers hold the half that calibration does not learn from.
    pub(super) fn own(
        holdings: &[Holding],
        config: &Config,
        plan: &PrivacyPlan,
        sizes: &Sizes,
        progress: &dyn Progress,
    ) -> Result<Self, EvalError> {
        let mut calibration = Calibration::new(plan.seed).of_records(holdings.len() as u64);
        let (mut vault, mut crowd) = (Vec::new(), Vec::new());
        let whole = |index: usize| index < 4 * sizes.images;
        for (batch, of) in holdings.chunks(BATCH).enumerate() {
            let start = batch * BATCH;
            progress.update(
                Stage::Privacy("reading the vault and calibrating"),
                start as u64,
                Some(holdings.len() as u64),
            );
            let read: Vec<_> = of
                .par_iter()
                .enumerate()
                .map(|(at, holding)| {
                    let index = start + at;
                    let content =
                        holding.entry.location.open().and_then(|opened| opened.read(&config.limits)).ok()?;
                    let image = config.decoder.decode(content.bytes(), &config.limits).ok()?;
                    let sample =
                        index.is_multiple_of(2).then(|| CalibrationSample::measure(&image, plan.seed));
                    let features =
                        || if whole(index) { RawFeatures::of(&image) } else { RawFeatures::of_whole(&image) };
                    let as_other = (!index.is_multiple_of(2)).then(features).and_then(Result::ok);
                    Some((index, sample, features().ok()?, as_other))
                })
                .collect();
            for (number, sample, features, as_other) in read.into_iter().flatten() {
                sample.into_iter().flatten().for_each(|sample| calibration.add(&sample));
                vault.push(Seen { number, features, look: None });
                crowd.extend(as_other.map(|features| Seen { number, features, look: None }));
            }
        }
        Ok(Self { seed: plan.seed, coders: Mutex::default(), profile: learned(calibration)?, vault, crowd })
    }

    /// As [`Material::coder`], kept for the next measurement that asks for it.
    pub(super) fn shared_coder(&self, readout: Readout, number: usize) -> Arc<Coder> {
        let mut coders = self.coders.lock().unwrap_or_else(PoisonError::into_inner);
        let coder = coders.entry((readout.half_spaces(), number));
        Arc::clone(coder.or_insert_with(|| Arc::new(self.coder(readout, number))))
    }

    /// The coder of key number `number` with a read-out. Keys follow from the seed and stay in memory.
    pub(super) fn coder(&self, readout: Readout, number: usize) -> Coder {
        let secret = seeds::secret(Choice::Projections, self.seed, &[&number.to_le_bytes()]);
        Coder::new(&self.profile.clone().with_readout(readout), &ProjectionKey::from_secret(&secret))
    }
}

/// The whole-image codes of documents.
pub(super) fn codes(of: &[Seen], coder: &Coder) -> Vec<GlobalCode> {
    of.par_iter().map(|seen| seen.features.whole_code(coder)).collect()
}

fn learned(calibration: Calibration) -> Result<Profile, EvalError> {
    calibration.finish().map_err(|error| EvalError::plan(error.to_string()))
}

/// A document of a corpus, without encoding it.
fn draw(corpus: &Corpus, index: usize) -> Option<Document> {
    let entry = corpus.entry(index)?;
    Some(Document::new_take(entry.template, entry.person_seed, entry.capture_seed))
}

fn seen(number: usize, image: &Luma, document: &Document, parts: bool) -> Option<Seen> {
    let features: Result<RawFeatures, TooPlain> =
        if parts { RawFeatures::of(image) } else { RawFeatures::of_whole(image) };
    Some(Seen { number, features: features.ok()?, look: Some(look(image, document)?) })
}

/// An image's luma as the pipeline would decode it, but for the compression.
pub(super) fn luma(image: &RgbImage) -> Option<Luma> {
    let grey = DynamicImage::ImageRgb8(image.clone()).into_luma8();
    Luma::new(grey.width(), grey.height(), grey.into_raw()).ok()
}

fn look(image: &Luma, document: &Document) -> Option<Look> {
    let side = u32::try_from(SIDE).unwrap_or(u32::MAX);
    let grey = GrayImage::from_raw(image.width(), image.height(), image.pixels().to_vec())?;
    let small = imageops::thumbnail(&grey, side, side);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let portrait = document.layout.portrait.map(|Rect { x, y, width: across, height: down }| {
        let (left, top) = (x as usize * SIDE / width, y as usize * SIDE / height);
        let (right, bottom) = ((x + across) as usize * SIDE / width, (y + down) as usize * SIDE / height);
        [left, top, right.min(SIDE), bottom.min(SIDE)]
    });
    Some(Look {
        cells: small.into_raw(),
        portrait,
        template: document.template,
        shape: width as f64 / height as f64,
    })
}
