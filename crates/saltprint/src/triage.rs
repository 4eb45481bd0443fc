//! A whole leak at once: batches of images, one report each, one summary.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use rayon::prelude::*;
use saltprint_fingerprint::{Luma, QueryFingerprint};
use saltprint_index::Month;
use saltprint_intake::{ListReject, Reject, list_inputs, read_bounded};
use saltprint_keys::{ContentDigest, RecordRef};
use saltprint_matching::{Band, Basis, CascadeCounts};

use crate::{Error, ItemReport, Outcome, Phase, Progress, Saltprint};
use crate::{handle::Snapshot, shown::Shown};

/// Images of one batch: enough to amortise the decryption of the index over 512 codes, few enough to keep results
/// flowing.
const BATCH: usize = 64;

/// One image of a leak.
#[derive(Debug)]
#[non_exhaustive]
pub enum TriageInput {
    /// A file to read; limits apply before it is.
    File {
        /// Name for the report.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// Bytes at hand.
    Bytes {
        /// Name for the report.
        name: String,
        /// The file's bytes.
        bytes: Vec<u8>,
    },
    /// Something that is known to be unusable, so that the totals add up.
    Rejected {
        /// Name for the report.
        name: String,
        /// Why.
        reject: Reject,
    },
}

/// An input on its way to a report.
pub(crate) enum Prepared {
    Query(ContentDigest, Box<Asked>),
    Settled(Option<ContentDigest>, ItemReport),
}

/// A query and its image, from which a finer one can be made. The image is wiped when it is dropped.
pub(crate) struct Asked {
    pub(crate) query: QueryFingerprint,
    pub(crate) image: Luma,
}

/// How many inputs ended how; the parts add up to `inputs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct TriageTotals {
    /// All inputs.
    pub inputs: u64,
    /// Ours, in the strong band.
    #[serde(rename = "match")]
    pub matches: u64,
    /// Possibly ours.
    pub possible: u64,
    /// Not found.
    pub no_match: u64,
    /// Too little structure.
    pub too_plain: u64,
    /// Did not decode.
    pub unreadable: u64,
    /// Broke a limit or is not supported.
    pub refused: u64,
    /// The same bytes as an earlier input.
    pub duplicate: u64,
}

/// Hits of one source and month.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CellCount {
    /// Source of the matched records; `None` where the vault does not state it.
    pub source: Option<String>,
    /// Month in which they were captured.
    pub captured: Option<Month>,
    /// Matching images, each counted once, by its best match.
    pub images: u64,
}

/// What a leak comes to.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct TriageSummary {
    /// Generation that answered.
    pub generation: u64,
    /// Records that it holds.
    pub records: u64,
    /// How many inputs ended how.
    pub totals: TriageTotals,
    /// Share of matches among the images that could be compared, 0 to 1; `None` where there were none.
    pub share_of_match: Option<f64>,
    /// Different records that strong matches point to.
    pub matched_records: u64,
    /// What the thresholds rest on, measured where those of both tiers are; where they are assumed, so is the chance below.
    pub basis: Basis,
    /// Strong matches that chance alone would be expected to give, at most: images compared times the chance behind the
    /// strong band.
    pub expected_chance_matches: f64,
    /// Strong matches by source and month, most first.
    pub hits: Vec<CellCount>,
    /// How many images each stage of the search settled.
    pub stages: CascadeCounts,
}

impl Saltprint {
    /// Looks up every file below `folder`, in the order of the listing. See [`Saltprint::triage`].
    ///
    /// # Errors
    /// [`Error::Listing`] where the folder cannot be read; otherwise as [`Saltprint::triage`].
    pub fn triage_folder<E: From<Error>>(
        &self,
        folder: &std::path::Path,
        evidence: bool,
        progress: &dyn Progress,
        on_item: impl FnMut(ItemReport) -> Result<(), E>,
    ) -> Result<TriageSummary, E> {
        let inputs = list_inputs(folder).map_err(Error::from)?.map(|entry| match entry {
            Ok(entry) => TriageInput::file(entry.record_id, entry.path),
            Err(ListReject { what, reason }) => TriageInput::Rejected { name: what, reject: reason },
        });
        self.triage(inputs, evidence, progress, on_item)
    }

    /// Looks up many images, reading and decoding on all threads of the current rayon pool, and hands one report an
    /// input to `on_item`, in the order of the inputs. Inputs with the same bytes are counted once.
    ///
    /// All are answered from one generation, the one that is current at the start.
    ///
    /// # Errors
    /// [`Error::EvidenceOff`]; [`Error::Index`] where the index is damaged; what `on_item` returns.
    pub fn triage<E: From<Error>>(
        &self,
        inputs: impl IntoIterator<Item = TriageInput>,
        evidence: bool,
        progress: &dyn Progress,
        mut on_item: impl FnMut(ItemReport) -> Result<(), E>,
    ) -> Result<TriageSummary, E> {
        self.check_evidence(evidence)?;
        let snapshot = self.snapshot();
        let mut inputs = inputs.into_iter();
        let mut seen: HashMap<ContentDigest, String> = HashMap::new();
        let mut tally = Tally::default();
        loop {
            let batch: Vec<TriageInput> = inputs.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            progress.update(Phase::Triage, tally.totals.inputs, None);
            let names: Vec<String> = batch.iter().map(|input| input.name().to_owned()).collect();
            let prepared: Vec<Prepared> =
                batch.into_par_iter().map(|input| self.prepare_input(&snapshot, input)).collect();
            for report in
                self.judge_batch(&snapshot, names, prepared, &mut seen, evidence, &mut tally.stages)?
            {
                tally.add(&report);
                on_item(report)?;
            }
        }
        progress.update(Phase::Triage, tally.totals.inputs, Some(tally.totals.inputs));
        Ok(tally.finish(&snapshot, self.config().matching.rule.strong_chance))
    }

    fn prepare_input(&self, snapshot: &Snapshot, input: TriageInput) -> Prepared {
        match input {
            TriageInput::File { name, path } => match read_bounded(&path, &self.config().limits) {
                Ok(content) => self.prepare(snapshot, &name, content.bytes()),
                Err(reject) => Prepared::Settled(None, ItemReport::rejected(name, &reject)),
            },
            TriageInput::Bytes { name, bytes } => self.prepare(snapshot, &name, &bytes),
            TriageInput::Rejected { name, reject } => {
                Prepared::Settled(None, ItemReport::rejected(name, &reject))
            }
        }
    }

    /// Sorts out duplicates, asks the matcher once for the rest, and puts the reports back in order.
    fn judge_batch(
        &self,
        snapshot: &Snapshot,
        names: Vec<String>,
        prepared: Vec<Prepared>,
        seen: &mut HashMap<ContentDigest, String>,
        evidence: bool,
        counts: &mut CascadeCounts,
    ) -> Result<Vec<ItemReport>, Error> {
        let mut reports: Vec<Option<ItemReport>> = Vec::with_capacity(names.len());
        let mut queries = Vec::new();
        let mut images = Vec::new();
        for (name, prepared) in names.iter().zip(prepared) {
            let (digest, report) = match prepared {
                Prepared::Query(digest, asked) => {
                    if !seen.contains_key(&digest) {
                        queries.push(asked.query);
                        images.push(asked.image);
                    }
                    (Some(digest), None)
                }
                Prepared::Settled(digest, report) => (digest, Some(report)),
            };
            let first = digest.and_then(|digest| match seen.entry(digest) {
                std::collections::hash_map::Entry::Occupied(first) => Some(first.get().clone()),
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(name.clone());
                    None
                }
            });
            reports.push(first.map(|first| ItemReport::duplicate(name.clone(), &first)).or(report));
        }
        let images = Shown { coder: &snapshot.coder, images: images.iter().map(Some).collect() };
        let mut judgements = self.matcher(snapshot).judge(&queries, &images, counts)?.into_iter();
        Ok(names
            .into_iter()
            .zip(reports)
            .map(|(name, report)| {
                report.unwrap_or_else(|| {
                    ItemReport::judged(name, judgements.next().unwrap_or_default(), evidence)
                })
            })
            .collect())
    }
}

impl TriageInput {
    /// A file to read; `name` is for the report.
    pub fn file(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::File { name: name.into(), path: path.into() }
    }

    /// Bytes at hand; `name` is for the report.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes { name: name.into(), bytes: bytes.into() }
    }

    fn name(&self) -> &str {
        match self {
            Self::File { name, .. } | Self::Bytes { name, .. } | Self::Rejected { name, .. } => name,
        }
    }
}

#[derive(Default)]
struct Tally {
    totals: TriageTotals,
    stages: CascadeCounts,
    records: HashSet<RecordRef>,
    cells: BTreeMap<(Option<String>, Option<Month>), u64>,
}

impl Tally {
    fn add(&mut self, report: &ItemReport) {
        let totals = &mut self.totals;
        totals.inputs += 1;
        *match report.outcome {
            Outcome::Match => &mut totals.matches,
            Outcome::Possible => &mut totals.possible,
            Outcome::NoMatch => &mut totals.no_match,
            Outcome::TooPlain => &mut totals.too_plain,
            Outcome::Unreadable => &mut totals.unreadable,
            Outcome::Refused => &mut totals.refused,
            Outcome::Duplicate => &mut totals.duplicate,
        } += 1;
        let strong = report.matches.iter().filter(|found| found.band == Band::Strong);
        self.records.extend(strong.clone().map(|found| found.record_ref));
        if let Some(best) = strong.into_iter().next() {
            *self.cells.entry((best.source.clone(), best.captured)).or_default() += 1;
        }
    }

    fn finish(self, snapshot: &Snapshot, strong_chance: f64) -> TriageSummary {
        let totals = self.totals;
        let compared = totals.matches + totals.possible + totals.no_match;
        let mut hits: Vec<CellCount> = self
            .cells
            .into_iter()
            .map(|((source, captured), images)| CellCount { source, captured, images })
            .collect();
        // Stable: equal counts stay in the order of source and month.
        hits.sort_by_key(|cell| std::cmp::Reverse(cell.images));
        let measured = [snapshot.rules.whole.basis(), snapshot.rules.local.basis()] == [Basis::Measured; 2];
        TriageSummary {
            generation: snapshot.generation.manifest().generation,
            records: snapshot.generation.manifest().records(),
            totals,
            share_of_match: (compared > 0).then(|| totals.matches as f64 / compared as f64),
            matched_records: self.records.len() as u64,
            basis: if measured { Basis::Measured } else { Basis::Assumed },
            expected_chance_matches: compared as f64 * strong_chance,
            hits,
            stages: self.stages,
        }
    }
}
