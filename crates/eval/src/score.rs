//! What a report on one image means, knowing whose it is.

use std::collections::HashMap;
use std::ops::AddAssign;

use saltprint::{ItemReport, MatchReport, Outcome};
use saltprint_keys::{RecordRef, RefKey};
use saltprint_matching::Band;
use serde::Serialize;

use crate::measures::Measure;
use crate::vault::Holding;

/// Whether an image comes from the index or from a document that was held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Record,
    Stranger,
}

/// How the answer on one image is to be judged. For a stranger every match is a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Strong,
    Possible,
    SameSubject,
    WrongStrong,
    WrongPossible,
    Missed,
    Rejected,
}

impl Verdict {
    /// A word for machines.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Possible => "possible",
            Self::SameSubject => "same_subject",
            Self::WrongStrong => "wrong_strong",
            Self::WrongPossible => "wrong_possible",
            Self::Missed => "missed",
            Self::Rejected => "rejected",
        }
    }
}

/// One image that was looked up.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) role: Role,
    /// Index into the plan's treatments; `None` for an unedited stranger where the plan does not have `none`.
    pub(crate) treatment: Option<usize>,
    pub(crate) kind: usize,
    pub(crate) verdict: Verdict,
    /// One for each method.
    pub(crate) measures: Vec<Measure>,
}

/// Outcomes of images that come from the index; the parts add up to `images`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RecordCounts {
    /// All images.
    pub images: u64,
    /// The right record in the strong band, and nobody else there. Another record of the same subject may stand first,
    /// as the shipped report lists them.
    pub strong: u64,
    /// The right record in the possible band, and nobody else in the strong band.
    pub possible: u64,
    /// Another record of the right subject in the strong band, and not the right one.
    pub same_subject: u64,
    /// Anybody else in the strong band: an accusation.
    pub wrong_strong: u64,
    /// Only others, in the possible band.
    pub wrong_possible: u64,
    /// No match.
    pub missed: u64,
    /// Not compared: too plain, or not decoded.
    pub rejected: u64,
}

/// Outcomes of strangers; the parts add up to `images`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StrangerCounts {
    /// All images.
    pub images: u64,
    /// A match in the strong band: an accusation.
    pub strong: u64,
    /// A match in the possible band only.
    pub possible: u64,
    /// No match, as it should be.
    pub no_match: u64,
    /// Not compared: too plain, or not decoded.
    pub rejected: u64,
}

impl RecordCounts {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.images += 1;
        *match verdict {
            Verdict::Strong => &mut self.strong,
            Verdict::Possible => &mut self.possible,
            Verdict::SameSubject => &mut self.same_subject,
            Verdict::WrongStrong => &mut self.wrong_strong,
            Verdict::WrongPossible => &mut self.wrong_possible,
            Verdict::Missed => &mut self.missed,
            Verdict::Rejected => &mut self.rejected,
        } += 1;
    }
}

impl StrangerCounts {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.images += 1;
        *match verdict {
            Verdict::Strong | Verdict::SameSubject | Verdict::WrongStrong => &mut self.strong,
            Verdict::Possible | Verdict::WrongPossible => &mut self.possible,
            Verdict::Missed => &mut self.no_match,
            Verdict::Rejected => &mut self.rejected,
        } += 1;
    }
}

impl AddAssign for RecordCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { images, strong, possible, same_subject, wrong_strong, wrong_possible, missed, rejected } =
            other;
        self.images += images;
        self.strong += strong;
        self.possible += possible;
        self.same_subject += same_subject;
        self.wrong_strong += wrong_strong;
        self.wrong_possible += wrong_possible;
        self.missed += missed;
        self.rejected += rejected;
    }
}

impl AddAssign for StrangerCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { images, strong, possible, no_match, rejected } = other;
        self.images += images;
        self.strong += strong;
        self.possible += possible;
        self.no_match += no_match;
        self.rejected += rejected;
    }
}

/// Knows the records of the index.
pub(crate) struct Truth<'a> {
    kept: &'a [Holding],
    by_ref: HashMap<RecordRef, usize>,
}

impl<'a> Truth<'a> {
    pub(crate) fn new(kept: &'a [Holding], refs: &RefKey) -> Self {
        let by_ref =
            (0..).zip(kept).map(|(index, holding)| (refs.record_ref(&holding.entry.record_id), index));
        Self { kept, by_ref: by_ref.collect() }
    }

    /// Whether record `index` is `own`, or holds the same bytes, which nothing could tell apart.
    fn is_record(&self, index: usize, own: usize) -> bool {
        let digest = self.kept[own].digest;
        index == own || digest.is_some() && self.kept[index].digest == digest
    }

    /// Whether record `index` is one of `own`'s subject.
    pub(crate) fn is_subject(&self, index: usize, own: usize) -> bool {
        self.kept[index].subject == self.kept[own].subject || self.is_record(index, own)
    }

    /// Whether a match names a record of `own`'s subject.
    pub(crate) fn is_right(&self, found: &MatchReport, own: Option<usize>) -> bool {
        self.names(found, own, Self::is_subject)
    }

    fn names(
        &self,
        found: &MatchReport,
        own: Option<usize>,
        same: impl Fn(&Self, usize, usize) -> bool,
    ) -> bool {
        match (self.by_ref.get(&found.record_ref), own) {
            (Some(index), Some(own)) => same(self, *index, own),
            (None, _) | (_, None) => false,
        }
    }

    /// Judges the report on an image of record `own`, or of a stranger.
    pub(crate) fn judge(&self, report: &ItemReport, own: Option<usize>) -> Verdict {
        match report.outcome {
            Outcome::TooPlain | Outcome::Unreadable | Outcome::Refused => return Verdict::Rejected,
            Outcome::Match | Outcome::Possible | Outcome::NoMatch | Outcome::Duplicate => {}
        }
        let strong = || report.matches.iter().filter(|found| found.band == Band::Strong);
        let is_record = |found: &MatchReport| self.names(found, own, Self::is_record);
        if strong().any(|found| !self.is_right(found, own)) {
            Verdict::WrongStrong
        } else if strong().any(is_record) {
            Verdict::Strong
        } else if strong().next().is_some() {
            Verdict::SameSubject
        } else if report.matches.iter().any(is_record) {
            Verdict::Possible
        } else if report.matches.is_empty() {
            Verdict::Missed
        } else {
            Verdict::WrongPossible
        }
    }
}
