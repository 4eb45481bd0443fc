//! A vault of invented documents, item by item or written to a folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::document::Document;
use crate::error::Error;
use crate::rng::{self, Rng};
use crate::template::Template;

/// Where documents of a vault came in; the last ones are rarer.
const SOURCES: [&str; 6] =
    ["onboarding", "onboarding", "onboarding", "vendor-a", "vendor-b", "support-uploads"];

/// A seeded vault: item `i` of the same corpus is always the same document.
///
/// ```
/// use saltprint_synth::Corpus;
///
/// let corpus = Corpus::new(100, 42);
/// let item = corpus.document(17).unwrap();
/// assert!(item.record_id.ends_with("/000017.jpg"));
/// assert_eq!(item.encoded[..2], [0xff, 0xd8]);
/// ```
#[derive(Clone, Debug)]
pub struct Corpus {
    size: usize,
    seed: u64,
    templates: Vec<Template>,
}

/// The facts of one record, without its image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorpusEntry {
    /// Number within the corpus.
    pub index: usize,
    /// Unique, also the path within a written corpus: `onboarding/2019-03/000123.jpg`.
    pub record_id: String,
    /// The system or vendor that held it.
    pub source: &'static str,
    /// Month of capture, `2019-03`.
    pub captured: String,
    /// Kind of document, see [`Template::kind`].
    pub kind: &'static str,
    /// The customer; one in five has two records.
    pub subject: String,
    /// The design.
    pub template: Template,
    /// Seed of the person, for [`Document::new_take`].
    pub person_seed: u64,
    /// Seed of the exposure, for [`Document::new_take`].
    pub capture_seed: u64,
}

/// One record of a vault.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CorpusItem {
    /// See [`CorpusEntry::record_id`].
    pub record_id: String,
    /// See [`CorpusEntry::source`].
    pub source: &'static str,
    /// See [`CorpusEntry::captured`].
    pub captured: String,
    /// See [`CorpusEntry::kind`].
    pub kind: &'static str,
    /// See [`CorpusEntry::subject`].
    pub subject: String,
    /// The document with its image as it was before compression.
    pub document: Document,
    /// The JPEG file.
    pub encoded: Vec<u8>,
}

/// What [`write_corpus`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Image files written.
    pub files: usize,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

impl Corpus {
    /// A vault of `size` records over all templates.
    #[must_use]
    pub fn new(size: usize, seed: u64) -> Self {
        Self { size, seed, templates: Template::ALL.to_vec() }
    }

    /// The same vault limited to some templates; an empty list means all.
    #[must_use]
    pub fn with_templates(mut self, templates: &[Template]) -> Self {
        self.templates = if templates.is_empty() { Template::ALL.to_vec() } else { templates.to_vec() };
        self
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.size
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The facts of record `index`, or `None` beyond the end. Costs nothing: no image is drawn.
    pub fn entry(&self, index: usize) -> Option<CorpusEntry> {
        if index >= self.size {
            return None;
        }
        // In each run of six records the last belongs to the customer of the first: a second document of
        // the same person, five customers for six records.
        let (group, place) = (index / 6, index % 6);
        let customer = group * 5 + place % 5;
        let mut rng = Rng::new(self.seed ^ rng::mix(index as u64), 0x636f_7270);
        let first = rng::mix(self.seed ^ rng::mix((group * 6) as u64)) as usize % self.templates.len();
        let template = if place == 0 {
            self.templates[first]
        } else if place == 5 {
            self.templates[(first + 1 + rng.below(self.templates.len().max(2) - 1)) % self.templates.len()]
        } else {
            *rng.pick(&self.templates)
        };
        let source = *rng.pick(&SOURCES);
        let (year, month) = (rng.int(2017, 2019), rng.int(1, 12));
        let captured = format!("{year}-{month:02}");
        Some(CorpusEntry {
            index,
            record_id: format!("{source}/{captured}/{index:06}.jpg"),
            source,
            captured,
            kind: template.kind(),
            subject: format!("cust-{customer:06}"),
            template,
            person_seed: rng::mix(rng::mix(self.seed).wrapping_add(customer as u64)),
            capture_seed: rng.next_u64(),
        })
    }

    /// Draws record `index`, or `None` beyond the end.
    ///
    /// # Panics
    /// Never: documents have sides that JPEG can hold.
    pub fn document(&self, index: usize) -> Option<CorpusItem> {
        let entry = self.entry(index)?;
        let document = Document::new_take(entry.template, entry.person_seed, entry.capture_seed);
        let encoded = document.encode().expect("documents have sides that JPEG can hold");
        Some(CorpusItem {
            record_id: entry.record_id,
            source: entry.source,
            captured: entry.captured,
            kind: entry.kind,
            subject: entry.subject,
            document,
            encoded,
        })
    }

    /// All records in order, drawn as they are asked for.
    pub fn iter(&self) -> impl Iterator<Item = CorpusItem> + '_ {
        (0..self.size).filter_map(|index| self.document(index))
    }
}

/// Writes the corpus under `dir` on all cores, with a manifest `vault.csv` of the columns
/// `record_id,path,subject,source,captured,kind`; paths are relative to `dir`. `progress` receives the number
/// of files written so far, from any thread.
///
/// # Errors
/// [`Error::Write`] with the first file that failed; files already written stay.
pub fn write_corpus(dir: &Path, corpus: &Corpus, progress: impl Fn(usize) + Sync) -> Result<Written, Error> {
    let refused = |path: PathBuf| move |source| Error::Write { path, source };
    let entries: Vec<CorpusEntry> = (0..corpus.len()).filter_map(|i| corpus.entry(i)).collect();
    let mut manifest = String::from("record_id,path,subject,source,captured,kind\n");
    let mut folders: Vec<String> = Vec::new();
    for e in &entries {
        // No value that we make up needs quoting.
        let _ = writeln!(
            manifest,
            "{},{},{},{},{},{}",
            e.record_id, e.record_id, e.subject, e.source, e.captured, e.kind
        );
        folders.push(format!("{}/{}", e.source, e.captured));
    }
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        let path = dir.join(folder);
        fs::create_dir_all(&path).map_err(refused(path))?;
    }
    fs::create_dir_all(dir).map_err(refused(dir.to_owned()))?;
    let done = AtomicUsize::new(0);
    let bytes = entries
        .par_iter()
        .map(|entry| {
            let path = dir.join(&entry.record_id);
            let document = Document::new_take(entry.template, entry.person_seed, entry.capture_seed);
            let encoded = document.encode()?;
            fs::write(&path, &encoded).map_err(refused(path))?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(encoded.len() as u64)
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    let path = dir.join("vault.csv");
    fs::write(&path, manifest).map_err(refused(path))?;
    Ok(Written { files: entries.len(), bytes })
}
