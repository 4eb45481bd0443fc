//! The report: what was run, and what came of it. Numbers only.

mod assemble;
mod csv;
mod html;
mod plots;
mod style;
mod text;

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::EvalError;
pub use crate::measures::{Histogram, RocPoint};
use crate::score::{Item, RecordCounts, StrangerCounts};
use saltprint::{Looks, Share};

pub(crate) use assemble::{Findings, assemble};
pub(crate) use style::STYLE;

/// Version of the JSON form of [`EvalReport`]. It rises with every change that a reader could notice.
pub const FORMAT: u32 = 1;

/// What a row is about when it is about everything.
pub(crate) const ALL: &str = "all";

/// Everything that an evaluation found out.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct EvalReport {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of this crate, which is the program's.
    pub version: &'static str,
    /// What was run.
    pub setup: Setup,
    /// What calibration and rebuild said.
    pub pipeline: PipelineFacts,
    /// Edited records over all edits and kinds.
    pub total: Row,
    /// Edited records by edit, in the order of the plan.
    pub edits: Vec<Row>,
    /// Edited records by kind of document.
    pub kinds: Vec<Row>,
    /// Edited records by edit and kind.
    pub cells: Vec<Row>,
    /// Strangers: all, unedited, edited.
    pub strangers: Vec<StrangerRow>,
    /// Strangers by edit, for those edits that any were asked under.
    pub stranger_edits: Vec<StrangerRow>,
    /// Strangers by kind of document.
    pub stranger_kinds: Vec<StrangerRow>,
    /// Nearness by each method: thresholds, histogram, curve. Ours first, then the baselines.
    pub methods: Vec<MethodReport>,
    /// Where the time went.
    pub stages: Vec<StageTime>,
    /// What a reader should know, in sentences.
    pub notes: Vec<String>,
    /// Warnings of the rebuild. They may name folders, so that they are for the terminal and stand in no file.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// Every image, for `items.csv`.
    #[serde(skip)]
    pub(crate) items: Vec<Item>,
    /// Names of the kinds that `items` number.
    #[serde(skip)]
    pub(crate) kind_names: Vec<String>,
}

/// What was run.
#[derive(Debug, Clone, Serialize)]
pub struct Setup {
    /// `invented` or `own`.
    pub vault: &'static str,
    /// The seed.
    pub seed: u64,
    /// Records of the index.
    pub records: u64,
    /// How many of the records hold the image of another one, in other bytes; left out where none does.
    #[serde(skip_serializing_if = "is_zero")]
    pub near_duplicates: u64,
    /// Rebuilds that the vault grew over; left out where there was one.
    #[serde(skip_serializing_if = "is_one")]
    pub nights: u32,
    /// Records that were invented besides, to fill the index up; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub invented: u64,
    /// Documents held out.
    pub strangers: u64,
    /// Records asked under each edit, at most.
    pub queries_per_edit: u64,
    /// Which images got the finer look.
    pub looks: Looks,
    /// Whether each stranger was asked under every edit.
    pub full_strangers: bool,
    /// Kinds of documents that there are.
    pub kinds: Vec<KindSize>,
    /// Items of the list that no image could be read from; not evaluated.
    pub unusable: u64,
    /// Held-out documents dropped because a record has the same bytes.
    pub same_bytes: u64,
    /// Images that could not be edited and were left out.
    pub uneditable: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

impl Setup {
    /// The vault in words.
    pub(crate) fn vault_words(&self) -> &'static str {
        if self.vault == "own" { "the given vault" } else { "an invented vault" }
    }
}

/// How many documents of one kind there are.
#[derive(Debug, Clone, Serialize)]
pub struct KindSize {
    /// The template of an invented vault; a number in an own one, the most frequent kind first.
    pub kind: String,
    /// Records of the index.
    pub records: u64,
    /// Documents held out.
    pub strangers: u64,
}

/// What calibration and rebuild said.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineFacts {
    /// Documents that the profile was learned from; 0 for the built-in profile.
    pub calibrated_on: u64,
    /// Whether the vault was too small, so that the built-in profile was taken.
    pub builtin_profile: bool,
    /// Axes of the profile.
    pub axes: u64,
    /// Records in the index.
    pub indexed: u64,
    /// Of the list of records: too plain to be indexed.
    pub too_plain: u64,
    /// Chance of a false match behind the strong band, a leaked image.
    pub strong_chance: f64,
    /// Chance of a false match behind the possible band, a leaked image.
    pub possible_chance: f64,
    /// The decision rule as the pipeline states it.
    pub rule: serde_json::Value,
}

/// Edited records of one edit, one kind, or both.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The edit, or `all`.
    pub edit: String,
    /// Family of the edit, or `all`.
    pub family: &'static str,
    /// Kind of document, or `all`.
    pub kind: String,
    /// Outcomes.
    pub counts: RecordCounts,
    /// The right record in the strong band.
    pub recall: Share,
    /// The right record in any band.
    pub found: Share,
    /// Somebody else in the strong band.
    pub wrong: Share,
    /// The baselines on the same images.
    pub hashes: Vec<HashCell>,
}

/// Strangers of one sort.
#[derive(Debug, Clone, Serialize)]
pub struct StrangerRow {
    /// `all`, `unedited`, `edited`, or the name of an edit.
    pub images: String,
    /// Kind of document, or `all`.
    pub kind: String,
    /// Outcomes.
    pub counts: StrangerCounts,
    /// False matches in the strong band.
    pub strong: Share,
    /// False matches in the possible band only.
    pub possible: Share,
    /// The baselines on the same images: `right` is always 0.
    pub hashes: Vec<HashCell>,
}

/// What a baseline says about the images of a row at one threshold.
#[derive(Debug, Clone, Serialize)]
pub struct HashCell {
    /// Name of the baseline.
    pub method: &'static str,
    /// `customary` or `best`.
    pub threshold: &'static str,
    /// Images whose nearest record is within the threshold and right: the record, or another of the same subject.
    pub right: u64,
    /// Images whose nearest record is within the threshold and anybody else's.
    pub wrong: u64,
}

/// Nearness by one method.
#[derive(Debug, Clone, Serialize)]
pub struct MethodReport {
    /// Its name.
    pub name: &'static str,
    /// Unit of its numbers.
    pub unit: &'static str,
    /// Whether smaller numbers are nearer.
    pub smaller_is_nearer: bool,
    /// What its thresholds give; of baselines only.
    pub thresholds: Vec<ThresholdReport>,
    /// How often which number was seen. Ours are seen for reported matches only.
    pub histogram: Histogram,
    /// What each threshold would give, from the strictest on.
    pub roc: Vec<RocPoint>,
}

/// What one threshold of a baseline gives over all edits.
#[derive(Debug, Clone, Serialize)]
pub struct ThresholdReport {
    /// `customary`, or `best`: the widest at which no stranger and no wrong record of this evaluation is accepted.
    pub name: &'static str,
    /// Largest distance that is accepted; `None` where even 0 accepts somebody wrong.
    pub bits: Option<u32>,
    /// Edited records accepted as themselves.
    pub right: Share,
    /// Edited records accepted as somebody else.
    pub wrong: Share,
    /// Strangers accepted.
    pub strangers: Share,
}

/// Time of one stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageTime {
    /// The stage.
    pub stage: &'static str,
    /// Images, or documents.
    pub units: u64,
    /// Seconds that it took; summed over threads where `summed` says so.
    pub seconds: f64,
    /// Whether the seconds are summed over threads.
    pub summed: bool,
}

impl StageTime {
    /// Milliseconds a unit; 0 for no units.
    #[must_use]
    pub fn milliseconds(&self) -> f64 {
        if self.units == 0 { 0.0 } else { self.seconds * 1e3 / self.units as f64 }
    }
}

impl EvalReport {
    /// Writes `report.html`, `report.json`, `edits.csv` and `items.csv` into `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`EvalError::Io`] where a file cannot be written.
    pub fn write_to(&self, dir: &Path) -> Result<(), EvalError> {
        fs::create_dir_all(dir).map_err(EvalError::io("create", dir))?;
        self.write_html(&dir.join("report.html"))?;
        self.write_json(&dir.join("report.json"))?;
        self.write_csv(dir)
    }

    /// Writes the report as one JSON object.
    ///
    /// # Errors
    /// [`EvalError::Io`] where the file cannot be written.
    pub fn write_json(&self, path: &Path) -> Result<(), EvalError> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| EvalError::Report(error.into()))?;
        text.push(b'\n');
        write(path, &text)
    }

    /// Writes `edits.csv`, one row for each edit and kind, and `items.csv`, one for each image, into the folder `dir`.
    ///
    /// # Errors
    /// [`EvalError::Io`] where a file cannot be written.
    pub fn write_csv(&self, dir: &Path) -> Result<(), EvalError> {
        write(&dir.join("edits.csv"), &csv::edits(self)?)?;
        write(&dir.join("items.csv"), &csv::items(self)?)
    }

    /// Writes the report as one page that needs nothing but itself: no script, no font, no image from elsewhere.
    ///
    /// # Errors
    /// [`EvalError::Io`] where the file cannot be written.
    pub fn write_html(&self, path: &Path) -> Result<(), EvalError> {
        write(path, html::page(self).as_bytes())
    }

    /// The report as a table for a terminal of 120 columns.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::table(self)
    }

    /// Names of the baselines with their thresholds, in the order of every row's `hashes`.
    pub(crate) fn hash_columns(&self) -> impl Iterator<Item = (&'static str, &ThresholdReport)> {
        self.methods
            .iter()
            .flat_map(|method| method.thresholds.iter().map(|threshold| (method.name, threshold)))
    }
}

fn write(path: &Path, text: &[u8]) -> Result<(), EvalError> {
    fs::write(path, text).map_err(EvalError::io("write", path))
}
