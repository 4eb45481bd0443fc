//! A whole leak at once: batches of images, one report each, one summary.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | what can be asked, and the public types |
//! | `run.rs` | one run: units in batches, duplicates, the matcher |
//! | `unit.rs` | one image on its way to a report |
//! | `tally.rs` | totals and the summary |

mod run;
mod tally;
mod unit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use saltprint_index::Month;
use saltprint_intake::{ListReject, Reject, list_inputs};
use saltprint_matching::{Basis, CascadeCounts, Looks};

use crate::{Error, ItemReport, Outcome, Phase, PreviousStatus, Progress, Saltprint};

pub(crate) use run::{Run, SAME_PICTURE, Seen, Settled, Version, Wanted};
use tally::Tally;
pub(crate) use unit::Prepared;

/// One file of a leak. A file that holds others (an archive, a PDF, a TIFF of several pages) gives a report for each of
/// them, under the name of the file with the [place](saltprint_intake::Part::place) in it.
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

/// How many inputs ended how; the parts add up to `inputs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct TriageTotals {
    /// All inputs; a page, or an entry of an archive, is one.
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
    /// The same bytes as an earlier input, or the same picture as the page that it lies on.
    pub duplicate: u64,
}

impl TriageTotals {
    /// Counts one outcome.
    pub fn count(&mut self, outcome: Outcome) {
        self.inputs += 1;
        *match outcome {
            Outcome::Match => &mut self.matches,
            Outcome::Possible => &mut self.possible,
            Outcome::NoMatch => &mut self.no_match,
            Outcome::TooPlain => &mut self.too_plain,
            Outcome::Unreadable => &mut self.unreadable,
            Outcome::Refused => &mut self.refused,
            Outcome::Duplicate => &mut self.duplicate,
        } += 1;
    }

    /// Inputs that were compared with the index.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.matches + self.possible + self.no_match
    }
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
    /// Which images got the finer look.
    pub looks: Looks,
    /// The epoch before, which was asked as well where it answers.
    pub previous: Option<PreviousStatus>,
    /// How many inputs ended how.
    pub totals: TriageTotals,
    /// Share of matches among the images that could be compared, 0 to 1; `None` where there were none.
    pub share_of_match: Option<f64>,
    /// Different records that strong matches point to.
    pub matched_records: u64,
    /// What the thresholds rest on, measured where those of both tiers are; where they are assumed, so is the chance below.
    pub basis: Basis,
    /// Strong matches that chance alone would be expected to give, at most: images compared times the chance behind the
    /// strong band, in each epoch that was asked.
    pub expected_chance_matches: f64,
    /// Strong matches by source and month, most first.
    pub hits: Vec<CellCount>,
    /// How many images each stage of the search settled.
    pub stages: CascadeCounts,
}

impl Saltprint {
    /// Looks up a leak: every file below a folder, in the order of the listing, or one file. See [`Saltprint::triage`].
    ///
    /// # Errors
    /// [`Error::Listing`] where the folder cannot be read; otherwise as [`Saltprint::triage`].
    pub fn triage_leak<E: From<Error>>(
        &self,
        leak: &Path,
        evidence: bool,
        progress: &dyn Progress,
        on_item: impl FnMut(ItemReport) -> Result<(), E>,
    ) -> Result<TriageSummary, E> {
        if leak.is_file() {
            return self.triage([TriageInput::file(name_of(leak), leak)], evidence, progress, on_item);
        }
        let inputs = list_inputs(leak).map_err(Error::from)?.map(|entry| match entry {
            Ok(entry) => TriageInput::file(entry.record_id, entry.location.as_path()),
            Err(ListReject { what, reason }) => TriageInput::Rejected { name: what, reject: reason },
        });
        self.triage(inputs, evidence, progress, on_item)
    }

    /// Looks up many files, decoding on all threads of the current rayon pool, and hands the reports to `on_item`, in the
    /// order of the inputs and of what they hold. Images with the same bytes are counted once.
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
        self.config().check_decoder()?;
        let snapshot = self.snapshot_for_answers()?;
        let mut tally = Tally::default();
        let wanted = Wanted { evidence, thumbnails: false };
        let mut take = |reports: Vec<Settled>| -> Result<(), E> {
            for settled in reports {
                tally.add(&settled.report);
                on_item(settled.report)?;
            }
            progress.update(Phase::Triage, tally.totals.inputs, None);
            Ok(())
        };
        let mut run = Run::new(self, Arc::clone(&snapshot), wanted, &mut take);
        for input in inputs {
            run.input(input, None, &mut |_| ())?;
        }
        let stages = run.finish()?;
        progress.update(Phase::Triage, tally.totals.inputs, Some(tally.totals.inputs));
        Ok(tally.finish(&snapshot, &self.config().matching, stages))
    }
}

/// The name of a file for a report.
pub(crate) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    saltprint_intake::escape_name(name.as_encoded_bytes())
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
}
