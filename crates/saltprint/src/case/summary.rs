//! What a case came to: the contract of `summary.json`.
//!
//! It names sources, months and kinds, never a file, a record or a subject; those are in the items.

use saltprint_index::Month;
use saltprint_keys::EpochId;
use saltprint_matching::{Basis, Looks};
use serde::{Deserialize, Serialize};

use crate::{CoverageStatus, Share, TriageTotals};

/// Version of [`CaseSummary`]. It rises with every change that a reader could notice.
pub const FORMAT: u32 = 1;

/// Everything that a case says about its leak as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseSummary {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// Id of the case, as the investigator gave it.
    pub case_id: String,
    /// Why the leak was looked up, as the investigator gave it.
    pub purpose: String,
    /// The index that answered.
    pub index: IndexFacts,
    /// Which images got the finer look.
    #[serde(default)]
    pub looks: Looks,
    /// Files of the leak; containers count once.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Names of files and folders that are the system's own (`.DS_Store`, `__MACOSX`), which were passed over.
    pub hidden: u64,
    /// How many images ended how.
    pub totals: TriageTotals,
    /// What that means.
    pub verdict: Verdict,
    /// What was done to the images that match.
    pub copies: CopyCounts,
    /// What the index could know.
    pub coverage: CoverageReport,
    /// Where the matches come from.
    pub attribution: Attribution,
    /// What could be ours and not be found.
    pub negative: NegativeStatement,
    /// How far matches are from chance; with evidence only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plots: Option<Plots>,
}

/// The index that answered, and its thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexFacts {
    /// Number of the generation.
    pub generation: u64,
    /// Its epoch.
    pub epoch: EpochId,
    /// Digest over the roots of its segments, 64 hexadecimal digits: no other index has it.
    pub root: String,
    /// When it was built, seconds since 1970.
    pub built: u64,
    /// Records that it holds.
    pub records: u64,
    /// The generation of the epoch before, which was asked as well; `None` where there was none, or it did not answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<PreviousFacts>,
    /// Whether thresholds were measured on this vault.
    pub basis: Basis,
    /// Chance that a stranger's image is called a match, a leaked image; with the epoch before the sum of both.
    pub strong_chance: f64,
    /// The same for a possible match.
    pub possible_chance: f64,
    /// Least lead by details of a strong match, in units of [`Sighting::score`](saltprint_matching::Sighting::score).
    pub strong_lead: f64,
    /// The same of a possible match.
    pub possible_lead: f64,
    /// Largest ratio of a strong match's distance to that of its nearest rival; `None` where no ratio is small enough.
    pub strong_ratio: Option<f64>,
    /// The same of a possible match.
    pub possible_ratio: Option<f64>,
}

/// The last generation of the epoch before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousFacts {
    /// Number of the generation.
    pub generation: u64,
    /// The epoch.
    pub epoch: EpochId,
    /// Digest over the roots of its segments, 64 hexadecimal digits.
    pub root: String,
    /// When it was built, seconds since 1970.
    pub built: u64,
    /// Records that it holds.
    pub records: u64,
}

/// Which of the possible answers the numbers support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// The leak comes from these records.
    Ours,
    /// A part of it does.
    PartlyOurs,
    /// There are matches, but no more than chance gives.
    CompatibleWithChance,
    /// Nothing of it matches.
    NotOurs,
    /// No certain match, but more possible ones than chance gives: somebody has to look.
    Undecided,
    /// Nothing could be compared.
    NothingCompared,
}

/// The answer, in words and numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which answer the numbers support.
    pub statement: Statement,
    /// It in one sentence.
    pub headline: String,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
    /// What would change it, a sentence each.
    pub would_change: Vec<String>,
    /// Images that could be compared.
    pub compared: u64,
    /// Share of matches among them.
    pub share: Share,
    /// Different records that strong matches point to.
    pub matched_records: u64,
    /// Most strong matches that chance alone would be expected to give; `None` where thresholds are assumed.
    pub expected_by_chance: Option<f64>,
    /// Probability that chance alone gives as many or more; `None` where thresholds are assumed.
    pub chance_of_as_many: Option<f64>,
    /// The same two numbers for matches of either band.
    pub expected_possible_by_chance: Option<f64>,
    /// The same two numbers for matches of either band.
    pub chance_of_as_many_possible: Option<f64>,
}

/// What was done to the images that match, strong band only. One image may count under several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyCounts {
    /// Matches.
    pub matches: u64,
    /// Show the whole record, unchanged as far as can be told.
    pub whole: u64,
    /// Show a part of it, or it lies in a larger picture.
    pub part: u64,
    /// A part in view looks different.
    pub altered: u64,
    /// It cannot be told.
    pub unclear: u64,
    /// Turned by a quarter or a half.
    pub turned: u64,
    /// Mirrored.
    pub mirrored: u64,
    /// Images that show several documents of ours.
    pub several: u64,
    /// Matches for which the vault holds other stored versions of the same document.
    pub versions: u64,
}

/// What the index held: "not ours" is only as good as that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CoverageReport {
    /// First month of capture, of records that state one.
    pub first: Option<Month>,
    /// Last month.
    pub last: Option<Month>,
    /// Records that state none.
    pub undated: u64,
    /// By source, most records first.
    pub sources: Vec<SourceCoverage>,
    /// What the rebuild saw, with what it had to leave out.
    pub vault: CoverageStatus,
}

/// Records of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceCoverage {
    /// Its name; `None` where records state none.
    pub source: Option<String>,
    /// Records.
    pub records: u64,
    /// First month of capture.
    pub first: Option<Month>,
    /// Last month.
    pub last: Option<Month>,
}

/// Records that were hit, beside what the index holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// Different records in the strong band.
    pub hits: u64,
    /// Records of the index.
    pub indexed: u64,
    /// By source, month and kind: those with hits, most hits first.
    pub cells: Vec<Cell>,
    /// By source: all of them, most hits first.
    pub sources: Vec<Margin>,
    /// By kind: all of them, most hits first.
    pub kinds: Vec<Margin>,
    /// By source and month: all that hold records, by source, then month; for the heat map.
    pub months: Vec<Cell>,
    /// The smallest place that explains the hits; `None` without hits, or where nothing stands out.
    pub explanation: Option<Explanation>,
    /// What a reader must know before relying on it.
    pub warnings: Vec<String>,
}

/// Records of one source, month and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Source; `None` where records state none.
    pub source: Option<String>,
    /// Month of capture; `None` where records state none.
    pub captured: Option<Month>,
    /// Kind; `None` where records state none, and where the cell is of all kinds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// Different records hit.
    pub hits: u64,
    /// Records of the index.
    pub indexed: u64,
}

/// Records of one source or kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margin {
    /// Its name; `None` where records state none.
    pub name: Option<String>,
    /// Different records hit.
    pub hits: u64,
    /// Records of the index.
    pub indexed: u64,
}

/// A place in the vault: a source or all, a period or always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// In words, such as "`vendor-a`, 2018-11 to 2019-02".
    pub name: String,
    /// Whether it is one source only.
    pub one_source: bool,
    /// That source; `None` for all, and for records that state none.
    pub source: Option<String>,
    /// First month; `None` for always.
    pub first: Option<Month>,
    /// Last month; `None` for always.
    pub last: Option<Month>,
    /// Different records hit in it.
    pub hits: u64,
    /// Records of the index in it.
    pub indexed: u64,
    /// How many times more likely the hits are if records of this place leaked at their own rate than if all of the index
    /// leaked alike, as a natural logarithm; 0 or more.
    pub log_likelihood_ratio: f64,
}

/// The smallest place that explains the hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The place.
    pub place: Place,
    /// Places that were compared.
    pub tried: u64,
    /// Bound on the probability that the best of all places would stand out as much if records had leaked alike
    /// everywhere, 0 to 1.
    pub chance: f64,
    /// Other places for comparison, the best first: how much less they explain.
    pub alternatives: Vec<Place>,
}

/// What could be ours and not be found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NegativeStatement {
    /// What was evaluated, in words; `None` where no evaluation is at hand.
    pub evaluation: Option<String>,
    /// By edit, in the order of the evaluation.
    pub edits: Vec<EditBound>,
    /// What that means for this leak, a sentence each.
    pub sentences: Vec<String>,
}

/// How often copies with one edit are missed, and how many of them could hide here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditBound {
    /// Name of the edit.
    pub edit: String,
    /// Share of copies that the evaluation found, strong or possible.
    pub found: Share,
    /// Where this leak has no match at all: the largest share of it that could be ours with this edit, with 95 %
    /// confidence; 1 where the edit hides a copy from us.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub could_be_ours: Option<f64>,
}

/// Strangers and matches on the same scales.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plots {
    /// Distance of whole-image codes in bits, 0 to 256.
    pub distance: Plot,
    /// Weight of the details that agree, in units; the last bin takes all that is larger.
    pub score: Plot,
}

/// Two histograms on one scale: `(bin, count)`, ascending, empty bins left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plot {
    /// Strangers, as measured when the index was built.
    pub strangers: Vec<(u32, u64)>,
    /// Strong matches of this leak.
    pub matches: Vec<(u32, u64)>,
    /// Possible matches of this leak.
    pub possible: Vec<(u32, u64)>,
    /// Where the strong band begins, if one line says so.
    pub strong_line: Option<f64>,
}
