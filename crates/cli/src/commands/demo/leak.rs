//! An invented leak: some images of the vault as they are, some edited, and strangers on the same templates.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;
use saltprint_synth::{Corpus, Edit, Family};

/// Of six images of the leak one is ours as it is, one ours and edited, and four are strangers.
const PATTERN: [Kind; 6] =
    [Kind::Stranger, Kind::Edited, Kind::Stranger, Kind::Copied, Kind::Stranger, Kind::Stranger];

#[derive(Clone, Copy)]
enum Kind {
    Stranger,
    Copied,
    Edited,
}

/// What is true of one image of the leak.
pub(super) struct Truth {
    /// Record that it comes from; `None` for a stranger.
    pub(super) record_id: Option<String>,
    /// What was done to it, for the table.
    pub(super) label: String,
}

/// The leak on disk and the truth about it.
pub(super) struct Leak {
    truths: HashMap<String, Truth>,
}

impl Leak {
    /// Writes `items` images under `dir`.
    pub(super) fn write(dir: &Path, vault: &Corpus, items: usize, seed: u64) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let strangers = Corpus::new(items, seed ^ 0x5eed_0f57_4a9e);
        let edits: Vec<Edit> = Edit::ALL
            .into_iter()
            .filter(|edit| {
                !matches!(edit, Edit::PortraitOnly | Edit::TextOnly | Edit::PixelatedText | Edit::BlackedPage)
            })
            .collect();
        let truths: anyhow::Result<HashMap<String, Truth>> = (0..items)
            .into_par_iter()
            .map(|item| {
                let name = format!("photo-{item:05}.jpg");
                let (bytes, truth) = match PATTERN[item % PATTERN.len()] {
                    Kind::Stranger => stranger(&strangers, item)?,
                    Kind::Copied => ours(vault, item, &[])?,
                    Kind::Edited => ours(vault, item, &edits)?,
                };
                let path = dir.join(&name);
                fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
                Ok((name, truth))
            })
            .collect();
        Ok(Self { truths: truths? })
    }

    pub(super) fn truth(&self, input: &str) -> Option<&Truth> {
        self.truths.get(input)
    }
}

fn stranger(strangers: &Corpus, item: usize) -> anyhow::Result<(Vec<u8>, Truth)> {
    let document = strangers.document(item).context("the corpus of strangers is too small")?;
    Ok((document.encoded, Truth { record_id: None, label: "strangers on the same templates".to_owned() }))
}

/// A record as it is, or under one of `edits` in turn that it has something for.
fn ours(vault: &Corpus, item: usize, edits: &[Edit]) -> anyhow::Result<(Vec<u8>, Truth)> {
    // A stride that is coprime to most sizes spreads the leak over the vault.
    let record = vault.document(item * 7_919 % vault.len()).context("the vault is empty")?;
    let layout = &record.document.layout;
    let mut turn = edits.iter().cycle().skip(item * 11).take(edits.len());
    let (bytes, label) = match turn.find(|edit| edit.applies_to(layout)) {
        None => (record.encoded, "copied as it is".to_owned()),
        Some(edit) => {
            let edited = edit.apply(&record.document.image, layout, item as u64);
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(&edited)?;
            (bytes, label(*edit))
        }
    };
    Ok((bytes, Truth { record_id: Some(record.record_id), label }))
}

fn label(edit: Edit) -> String {
    let what = match edit.family() {
        Family::Tone => "recompressed, resized, retouched",
        Family::Occlusion => "stamped, covered, pixelated",
        Family::Crop => "cropped",
        Family::Frame => "border, screenshot, collage, table",
        Family::Orientation => "turned, mirrored",
        Family::Warp => "tilted, photographed",
        _ => "otherwise edited",
    };
    format!("ours, {what}")
}
