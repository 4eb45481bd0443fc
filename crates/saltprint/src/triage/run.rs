//! One run through a leak: files are opened in order, images judged in batches.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, Luma, Orientation};
use saltprint_intake::{Part, Unreadable};
use saltprint_keys::ContentDigest;
use saltprint_matching::CascadeCounts;

use super::TriageInput;
use super::unit::{Prepared, Source, Unit};
use crate::epochs::Answer;
use crate::handle::Snapshot;
use crate::{Error, ItemReport, Outcome, Saltprint, shown::Image, thumbnail};

/// Images of one batch, for all of which the index is decrypted once: a walk through the tables of local codes for 64 images reads nearly
/// all of them, so that for twice as many it hardly takes longer. What is near the details of an image takes 2 MB while it is looked up.
/// Their details as they are and mirrored, 800 each, are as many as `saltprint_index` looks up in one walk.
const BATCH: usize = 120;

/// Images that are decoded before it is asked how much memory those take that wait to be judged.
const DECODED_AT_ONCE: usize = 24;

/// Pixels, a byte each, that wait to be judged at most, but for those of [`DECODED_AT_ONCE`] images: 120 photos of two megapixels.
const BATCH_PIXELS: u64 = 256 * 1024 * 1024;

/// Bytes of packed images that a batch holds before it is judged though not full.
const BATCH_BYTES: usize = 256 * 1024 * 1024;

/// Bits by which an image may differ from its page and still be the same picture, drawn once by us and once by whoever made
/// the document. Two scans of one document differ by more: 20 to 50 of 256 bits are usual.
pub(crate) const SAME_PICTURE: u32 = 12;

/// What a file was when the evidence was taken down: it must still be that when it is looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) digest: blake3::Hash,
    pub(crate) version: Version,
}

/// Which state of which file is there: size, file number, and the times of the last change of its bytes and of its entry.
/// Unlike the first of these times, the second cannot be set at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) size: u64,
    file: (u64, u64),
    changed: [(i64, i64); 2],
}

impl Version {
    /// `None` where there is nothing, or nothing that may be seen.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            size: found.len(),
            file: (found.dev(), found.ino()),
            changed: [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())],
        })
    }
}

/// BLAKE3 of a file; `None` where it cannot be read.
fn blake3_of(path: &Path) -> Option<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).ok()?).ok()?;
    Some(hasher.finalize())
}

/// What reports should hold beside the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) evidence: bool,
    pub(crate) thumbnails: bool,
}

/// A report, with a thumbnail of the image where one is wanted and something was found.
pub(crate) struct Settled {
    pub(crate) report: ItemReport,
    pub(crate) thumbnail: Option<Vec<u8>>,
}

/// What an earlier run has settled.
struct Done {
    name: String,
    /// Whether it was an image, which later ones may repeat.
    compared: bool,
}

impl Done {
    fn of(item: &ItemReport) -> Self {
        let compared = match item.outcome {
            Outcome::Match
            | Outcome::Possible
            | Outcome::NoMatch
            | Outcome::TooPlain
            | Outcome::Duplicate => true,
            Outcome::Unreadable | Outcome::Refused => false,
        };
        Self { name: item.input.clone(), compared }
    }
}

/// What is left of a unit when its content is gone.
struct Name {
    name: String,
    /// The name of the page that it is an image on.
    on_page: Option<String>,
}

/// One run. `take` gets the reports of each batch.
pub(crate) struct Run<'a, E> {
    saltprint: &'a Saltprint,
    snapshot: Arc<Snapshot>,
    wanted: Wanted,
    take: &'a mut dyn FnMut(Vec<Settled>) -> Result<(), E>,
    pending: Vec<Unit>,
    held: usize,
    seen: HashMap<ContentDigest, String>,
    /// The page whose images may follow.
    page: Option<(String, GlobalCode)>,
    /// What an earlier run has settled, in order.
    done: std::vec::IntoIter<Done>,
    /// How much of it was met again.
    met: u64,
    stages: CascadeCounts,
}

impl<'a, E: From<Error>> Run<'a, E> {
    pub(crate) fn new(
        saltprint: &'a Saltprint,
        snapshot: Arc<Snapshot>,
        wanted: Wanted,
        take: &'a mut dyn FnMut(Vec<Settled>) -> Result<(), E>,
    ) -> Self {
        Self {
            saltprint,
            snapshot,
            wanted,
            take,
            pending: Vec::new(),
            held: 0,
            seen: HashMap::new(),
            page: None,
            done: Vec::new().into_iter(),
            met: 0,
            stages: CascadeCounts::default(),
        }
    }

    /// Passes over what `items` report on, but for noting the bytes of images, since later ones may repeat them. The run
    /// fails where it meets something else than they name: a leak may read differently the second time.
    pub(crate) fn skipping(self, items: &[ItemReport]) -> Self {
        let done: Vec<Done> = items.iter().map(Done::of).collect();
        Self { done: done.into_iter(), ..self }
    }

    /// Takes one file. Where it was seen before, a file that is another one meanwhile is rejected.
    /// `at` is told how much of the file is behind, 0 to 1.
    pub(crate) fn input(
        &mut self,
        input: TriageInput,
        seen: Option<Seen>,
        at: &mut dyn FnMut(f64),
    ) -> Result<(), E> {
        self.one(input, seen, at)?;
        at(1.0);
        Ok(())
    }

    fn one(&mut self, input: TriageInput, seen: Option<Seen>, at: &mut dyn FnMut(f64)) -> Result<(), E> {
        match input {
            TriageInput::File { name, path } => {
                if self.saltprint.config().holds_parts(&path) {
                    self.container(&name, &path, seen, at)
                } else {
                    self.push(Unit { name, source: Source::File { path, seen } })
                }
            }
            TriageInput::Bytes { name, bytes } => {
                let mut failed = None;
                let config = self.saltprint.config();
                config.decoder.for_each_part_of_bytes(bytes, &config.limits, &mut |part| {
                    self.part(&name, part, &mut failed)
                });
                failed.map_or(Ok(()), Err)
            }
            TriageInput::Rejected { name, reject } => {
                self.push(Unit { name, source: Source::Rejected(reject) })
            }
        }
    }

    /// Judges what is left, and gives the counters of the search.
    pub(crate) fn finish(mut self) -> Result<CascadeCounts, E> {
        if self.done.next().is_some() {
            return Err(Error::Resume { item: self.met + 1 }.into());
        }
        self.flush()?;
        Ok(self.stages)
    }

    fn container(
        &mut self,
        name: &str,
        path: &Path,
        seen: Option<Seen>,
        at: &mut dyn FnMut(f64),
    ) -> Result<(), E> {
        let mut failed = None;
        // Its bytes are those of the evidence when the walk begins, and nobody has written to it when it ends.
        let before = Version::of(path);
        let same =
            seen.is_none_or(|seen| before == Some(seen.version) && blake3_of(path) == Some(seen.digest));
        if same {
            self.saltprint.config().for_each_part(path, &mut |part| {
                at(part.behind);
                self.part(name, part, &mut failed)
            });
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if same && Version::of(path) == before {
            return Ok(());
        }
        self.push(Unit { name: name.to_owned(), source: Source::Rejected(Unreadable::Changed.into()) })
    }

    fn part(&mut self, file: &str, part: Part, failed: &mut Option<E>) -> ControlFlow<()> {
        let Part { place, role, content, .. } = part;
        let on_page = role.page().map(|page| format!("{file}{page}"));
        let source = match content {
            Ok(content) => Source::Part { content, on_page },
            Err(reject) => Source::Rejected(reject),
        };
        match self.push(Unit { name: format!("{file}{place}"), source }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                *failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn push(&mut self, unit: Unit) -> Result<(), E> {
        if let Some(done) = self.done.next() {
            self.met += 1;
            if done.name != unit.name {
                return Err(Error::Resume { item: self.met }.into());
            }
            if let Some(digest) = done.compared.then(|| unit.digest(self.saltprint)).flatten() {
                self.seen.entry(digest).or_insert(unit.name);
            }
            return Ok(());
        }
        self.held += unit.held();
        self.pending.push(unit);
        if self.pending.len() >= BATCH || self.held >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Judges the batch, in several goes where its images are large.
    fn flush(&mut self) -> Result<(), E> {
        let units = std::mem::take(&mut self.pending);
        self.held = 0;
        let (mut names, mut waiting, mut pixels) = (Vec::new(), Vec::new(), 0);
        let mut units = units.into_iter();
        loop {
            let units: Vec<Unit> = units.by_ref().take(DECODED_AT_ONCE).collect();
            if units.is_empty() {
                break;
            }
            names.extend(
                units
                    .iter()
                    .map(|unit| Name { name: unit.name.clone(), on_page: unit.page().map(str::to_owned) }),
            );
            let alone = names.len() == 1;
            let prepared = units.into_par_iter();
            let prepared: Vec<Prepared> =
                prepared.map(|unit| unit.prepare(self.saltprint, &self.snapshot, alone)).collect();
            pixels += prepared.iter().map(Prepared::pixels).sum::<u64>();
            waiting.extend(prepared);
            if pixels >= BATCH_PIXELS {
                self.settle(&std::mem::take(&mut names), std::mem::take(&mut waiting))?;
                pixels = 0;
            }
        }
        if names.is_empty() { Ok(()) } else { self.settle(&names, waiting) }
    }

    /// Judges what was prepared, and hands it over.
    fn settle(&mut self, names: &[Name], prepared: Vec<Prepared>) -> Result<(), E> {
        // Nothing is concluded from images that nobody looked at.
        self.saltprint.config().check_decoder()?;
        // What was erased while the batch was read is not found any more.
        self.snapshot = self.saltprint.without_erased(&self.snapshot)?;
        let settled = self.judge(names, prepared)?;
        (self.take)(settled)
    }

    /// Sorts out repetitions, asks the matcher once for the rest, and puts the reports back in order.
    fn judge(&mut self, units: &[Name], prepared: Vec<Prepared>) -> Result<Vec<Settled>, Error> {
        let mut reports: Vec<Option<ItemReport>> = Vec::with_capacity(units.len());
        let mut queries = Vec::new();
        let (mut images, mut scales) = (Vec::new(), Vec::new());
        for (unit, prepared) in units.iter().zip(prepared) {
            let (digest, report, asked) = match prepared {
                Prepared::Query(digest, asked) => (Some(digest), None, Some(asked)),
                Prepared::Settled(digest, report) => (digest, Some(report), None),
            };
            let code = asked.as_ref().map(|asked| *asked.query.code(Orientation::Upright));
            let repeated = self
                .repetition(unit, digest)
                .or_else(|| self.page_with_same_picture(unit, code.as_ref()))
                .or(report);
            if let (None, Some(asked)) = (&repeated, asked) {
                queries.push(asked.query);
                images.push(asked.image);
                scales.push(asked.scales);
            }
            reports.push(repeated);
        }
        let shown: Vec<Image<'_>> = images
            .iter()
            .zip(&scales)
            .map(|(luma, scales)| Image { luma, scales: scales.as_ref() })
            .collect();
        let answers = self.saltprint.judge(&self.snapshot, &queries, &shown, &mut self.stages)?;
        let mut judged = answers.into_iter().zip(&images);
        let settled: Vec<(ItemReport, Option<&Luma>)> = units
            .iter()
            .zip(reports)
            .map(|(unit, report)| {
                report.map_or_else(
                    || {
                        let (answer, image) = judged.next().unzip();
                        let answer: Answer = answer.unwrap_or_default();
                        let found = answer.band().is_some();
                        let report = ItemReport::judged(unit.name.clone(), answer, self.wanted.evidence);
                        (report, image.filter(|_| found && self.wanted.thumbnails))
                    },
                    |report| (report, None),
                )
            })
            .collect();
        Ok(settled
            .into_par_iter()
            .map(|(report, image)| Settled { report, thumbnail: image.and_then(thumbnail::jpeg) })
            .collect())
    }

    /// The report on an image whose bytes came before.
    fn repetition(&mut self, unit: &Name, digest: Option<ContentDigest>) -> Option<ItemReport> {
        match self.seen.entry(digest?) {
            Entry::Occupied(first) => Some(ItemReport::duplicate(unit.name.clone(), first.get())),
            Entry::Vacant(slot) => {
                slot.insert(unit.name.clone());
                None
            }
        }
    }

    /// The report on an image that shows what its page shows: a scan that fills the page. Notes pages.
    fn page_with_same_picture(&mut self, unit: &Name, code: Option<&GlobalCode>) -> Option<ItemReport> {
        let Some(on_page) = &unit.on_page else {
            self.page = code.map(|code| (unit.name.clone(), *code));
            return None;
        };
        let (page, shown) = self.page.as_ref()?;
        (on_page == page && shown.distance(code?) <= SAME_PICTURE)
            .then(|| ItemReport::same_picture(unit.name.clone(), page))
    }
}
