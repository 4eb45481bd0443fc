//! The documents of an evaluation: drawn or listed, and split into records and strangers.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use saltprint::Config;
use saltprint_intake::{Entry, Facts, Location, Month, Vault};
use saltprint_synth::{Corpus, Layout, Template};
use serde::Serialize;

use crate::progress::{Progress, Stage};
use crate::seeds::{self, Choice};
use crate::{EvalError, layouts};

/// Documents handled between two looks at the progress.
const BATCH: usize = 256;

/// One document.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) entry: Entry,
    /// Index into [`Documents::kinds`].
    pub(crate) kind: usize,
    /// Whose it is; equal numbers are one subject, whatever the list says of a record that is stored again.
    pub(crate) subject: usize,
    /// Digest of the file, to know byte-identical copies; of own vaults only, where there may be some.
    pub(crate) digest: Option<[u8; 32]>,
    /// Where portrait and fields lie; of invented documents only.
    pub(crate) layout: Option<Layout>,
}

/// All documents of an evaluation.
#[derive(Debug)]
pub(crate) struct Documents {
    /// Where they are.
    pub(crate) vault: Vault,
    /// What the paths of all of them begin with.
    pub(crate) root: PathBuf,
    /// What the index will hold, in the order of the list.
    pub(crate) kept: Vec<Holding>,
    /// What it will not hold, in the order of being held out.
    pub(crate) strangers: Vec<Holding>,
    /// Names of the kinds: templates of an invented vault; numbers in an own one, whose words stay inside.
    pub(crate) kinds: Vec<String>,
    /// Items of the list that no image can be read from.
    pub(crate) unusable: u64,
    /// Held-out documents that were dropped because the index holds the same bytes.
    pub(crate) same_bytes: u64,
    /// How many of the kept ones, the last, hold the image of another one and are not asked.
    pub(crate) stored_again: usize,
}

/// Draws an invented vault below `dir` and holds `strangers` of its documents out.
pub(crate) fn synthetic(
    dir: &Path,
    records: usize,
    strangers: usize,
    templates: &[Template],
    seed: u64,
    progress: &dyn Progress,
) -> Result<Documents, EvalError> {
    let corpus = Corpus::new(records + strangers, seed).with_templates(templates);
    let entries: Vec<_> = (0..corpus.len()).filter_map(|index| corpus.entry(index)).collect();
    let layouts = match layouts::load(dir, &corpus, templates, seed) {
        Some(layouts) => layouts,
        None => draw(dir, &corpus, templates, seed, progress)?,
    };
    let mut subjects = Numbers::default();
    // All drawn templates are one row: there are few documents of each.
    let mut kinds = Template::ALL.map(|template| template.name().to_owned()).to_vec();
    let drawn = templates.iter().filter(|template| matches!(template, Template::Drawn(_)));
    let designs = drawn.count();
    kinds.extend((designs > 0).then(|| format!("drawn-card of {designs} designs")));
    let holdings = entries
        .into_iter()
        .zip(layouts)
        .map(|(entry, layout)| Holding {
            // The drawn ones come last.
            kind: entry.template.place(),
            subject: subjects.number(&entry.subject),
            digest: None,
            layout: Some(layout),
            entry: Entry {
                location: dir.join(&entry.record_id).into(),
                facts: Facts {
                    subject: Some(entry.subject),
                    source: Some(entry.source.to_owned()),
                    captured: Month::from_date(&entry.captured).ok(),
                    kind: Some(entry.kind.to_owned()),
                },
                record_id: entry.record_id,
            },
        })
        .collect();
    let (kept, strangers) = hold_out(holdings, strangers, seed);
    Ok(Documents {
        vault: Vault::Folder { root: dir.to_owned() },
        root: dir.to_owned(),
        kept,
        strangers,
        kinds,
        unusable: 0,
        same_bytes: 0,
        stored_again: 0,
    })
}

/// Draws all documents of a corpus on all cores, and gives their layouts.
fn draw(
    dir: &Path,
    corpus: &Corpus,
    templates: &[Template],
    seed: u64,
    progress: &dyn Progress,
) -> Result<Vec<Layout>, EvalError> {
    let mut layouts = Vec::with_capacity(corpus.len());
    while layouts.len() < corpus.len() {
        progress.update(Stage::Vault, layouts.len() as u64, Some(corpus.len() as u64));
        let batch = layouts.len()..corpus.len().min(layouts.len() + BATCH);
        let drawn: Result<Vec<Option<Layout>>, EvalError> = batch
            .into_par_iter()
            .map(|index| {
                let Some(item) = corpus.document(index) else { return Ok(None) };
                let path = dir.join(&item.record_id);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(EvalError::io("create", folder))?;
                }
                fs::write(&path, &item.encoded).map_err(EvalError::io("write", &path))?;
                Ok(Some(item.document.layout))
            })
            .collect();
        layouts.extend(drawn?.into_iter().flatten());
    }
    layouts::save(dir, corpus, templates, seed, &layouts)?;
    Ok(layouts)
}

/// Lists an own vault, reads all of it once, and holds out `strangers` documents, or `share` of them.
pub(crate) fn listed(
    config: &Config,
    strangers: Option<usize>,
    share: f64,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Documents, EvalError> {
    config.check_decoder()?;
    let Config { vault, limits, decoder, .. } = config;
    let root = vault.root()?;
    let mut unusable = 0;
    let mut entries = Vec::new();
    for listed in vault.list()? {
        match listed {
            // The manifest of the evaluation holds paths as text.
            Ok(entry) if relative(&entry.location, &root).is_some() => entries.push(entry),
            Ok(_) | Err(_) => unusable += 1,
        }
    }
    vault.check_outage()?;
    let total = entries.len() as u64;
    let mut read = Vec::with_capacity(entries.len());
    for batch in entries.chunks(BATCH) {
        progress.update(Stage::Vault, read.len() as u64, Some(total));
        read.par_extend(batch.par_iter().map(|entry| {
            let content = entry.location.open().and_then(|opened| opened.read(limits)).ok()?;
            decoder.decode(content.bytes(), limits).ok()?;
            Some(*blake3::hash(content.bytes()).as_bytes())
        }));
    }

    vault.check_outage()?;
    config.check_decoder()?;
    let kinds = kinds_by_size(&entries);
    let mut subjects = Numbers::default();
    let mut holdings = Vec::with_capacity(entries.len());
    for (entry, digest) in entries.into_iter().zip(read) {
        if digest.is_none() {
            unusable += 1;
            continue;
        }
        // Without a subject each record is its own; the prefixes keep the two name spaces apart.
        let subject = match &entry.facts.subject {
            Some(subject) => subjects.number(&format!("s{subject}")),
            None => subjects.number(&format!("r{}", entry.record_id)),
        };
        let kind = kinds.get(&entry.facts.kind).copied().unwrap_or(0);
        holdings.push(Holding { entry, kind, subject, digest, layout: None });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count that is in memory"
    )]
    let strangers = strangers.unwrap_or((holdings.len() as f64 * share).ceil() as usize);
    let (kept, mut strangers) = hold_out(holdings, strangers, seed);
    let held: std::collections::HashSet<_> = kept.iter().filter_map(|holding| holding.digest).collect();
    let before = strangers.len();
    strangers.retain(|stranger| stranger.digest.is_none_or(|digest| !held.contains(&digest)));
    Ok(Documents {
        vault: vault.clone(),
        root,
        same_bytes: (before - strangers.len()) as u64,
        kept,
        strangers,
        kinds: (1..=kinds.len().max(1)).map(|number| format!("kind-{number}")).collect(),
        unusable,
        stored_again: 0,
    })
}

/// Numbers the kinds of a vault, the most frequent first; equal ones by name, so that the order is always the same.
fn kinds_by_size(entries: &[Entry]) -> HashMap<Option<String>, usize> {
    let mut sizes: HashMap<&Option<String>, usize> = HashMap::new();
    for entry in entries {
        *sizes.entry(&entry.facts.kind).or_default() += 1;
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    sizes.into_iter().enumerate().map(|(number, (kind, _))| (kind.clone(), number)).collect()
}

/// Splits documents into records and strangers, whole subjects at a time, in an order that follows from the seed.
///
/// A subject that would give more strangers than wanted is passed over, so that the number is met wherever single
/// records allow it.
fn hold_out(holdings: Vec<Holding>, wanted: usize, seed: u64) -> (Vec<Holding>, Vec<Holding>) {
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, holding) in holdings.iter().enumerate() {
        members.entry(holding.subject).or_default().push(index);
    }
    let mut order: Vec<(u64, usize)> = members
        .iter()
        .map(|(subject, of)| {
            let first = &holdings[of[0]].entry;
            let name = first.facts.subject.as_deref().unwrap_or(&first.record_id);
            (seeds::draw(Choice::HoldOut, seed, &[name.as_bytes()]), *subject)
        })
        .collect();
    order.sort_unstable();
    let mut rank: Vec<Option<usize>> = vec![None; holdings.len()];
    let mut held = 0;
    for (_, subject) in order {
        let of = &members[&subject];
        if held + of.len() <= wanted {
            for index in of {
                rank[*index] = Some(held);
                held += 1;
            }
        }
    }
    let (mut kept, mut strangers) = (Vec::new(), Vec::new());
    for (holding, rank) in holdings.into_iter().zip(rank) {
        match rank {
            None => kept.push(holding),
            Some(rank) => strangers.push((rank, holding)),
        }
    }
    strangers.sort_by_key(|(rank, _)| *rank);
    (kept, strangers.into_iter().map(|(_, holding)| holding).collect())
}

/// One line of the list that the evaluation's index is built from.
#[derive(Serialize)]
struct Line<'a> {
    record_id: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

/// The path of an input below the root, as a manifest names it.
fn relative<'a>(location: &'a Location, root: &Path) -> Option<&'a str> {
    location.as_path().strip_prefix(root).ok().and_then(Path::to_str)
}

impl Documents {
    /// Invented documents that were drawn into `root`: paths below it, which are their ids, and whose each is.
    pub(crate) fn in_folder(root: &Path, documents: Vec<(String, String)>) -> Self {
        let mut subjects = Numbers::default();
        let kept = documents
            .into_iter()
            .map(|(record_id, subject)| Holding {
                kind: 0,
                subject: subjects.number(&subject),
                digest: None,
                layout: None,
                entry: Entry {
                    location: root.join(&record_id).into(),
                    facts: Facts { subject: Some(subject), source: None, captured: None, kind: None },
                    record_id,
                },
            })
            .collect();
        Self {
            vault: Vault::Folder { root: root.to_owned() },
            root: root.to_owned(),
            kept,
            strangers: Vec::new(),
            kinds: vec!["kind-1".to_owned()],
            unusable: 0,
            same_bytes: 0,
            stored_again: 0,
        }
    }

    /// The kept records that are asked after.
    pub(crate) fn asked(&self) -> &[Holding] {
        &self.kept[..self.kept.len() - self.stored_again]
    }

    /// Writes the list of the first kept records, so many, to `path`.
    pub(crate) fn write_manifest(&self, path: &Path, records: usize) -> Result<(), EvalError> {
        let mut text = Vec::new();
        for Holding { entry, .. } in self.kept.iter().take(records) {
            let facts = &entry.facts;
            let relative = relative(&entry.location, &self.root);
            let line = Line {
                record_id: &entry.record_id,
                path: relative.unwrap_or_default(),
                subject: facts.subject.as_deref(),
                source: facts.source.as_deref(),
                captured: facts.captured.map(|month| month.to_string()),
                kind: facts.kind.as_deref(),
            };
            serde_json::to_writer(&mut text, &line).map_err(|error| EvalError::Report(error.into()))?;
            text.push(b'\n');
        }
        let write = || fs::File::create(path)?.write_all(&text);
        write().map_err(EvalError::io("write", path))
    }
}

/// Numbers names in the order in which they come.
#[derive(Default)]
struct Numbers(HashMap<String, usize>);

impl Numbers {
    fn number(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}
