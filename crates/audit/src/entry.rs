//! What the log says about one question, and how a line holds it.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Reason};
use crate::band::Results;
use crate::query::QueryDigest;
use crate::ratchet::Ratchet;
use crate::text::{Actor, ActorRole, CaseId, Purpose, Thresholds, ToolVersion};
use crate::time::Timestamp;
use crate::tree::Hash;

/// The most bytes of a line without its line feed. The longest texts in their longest spelling stay well below.
pub(crate) const MAX_LINE: usize = 8192;

/// Between the part of a line that its MAC covers and the MAC's digits.
const MAC_PREFIX: &[u8] = br#","mac":""#;
const MAC_SUFFIX: &[u8] = br#""}"#;
/// Bytes of a line behind what its MAC covers.
const MAC_PART: usize = MAC_PREFIX.len() + 64 + MAC_SUFFIX.len();

/// One entry, as a line of the log holds it.
///
/// Reading one says nothing about whether it is genuine: that is what [`verify`](crate::verify) is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// Its number, from 0 without gaps.
    pub seq: u64,
    /// When it was written, by the clock of the machine.
    pub time: Timestamp,
    /// By how many milliseconds the clock stood behind the entry before. Usually 0, and then it is left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clock_back_ms: u64,
    /// Who asked.
    pub actor: Actor,
    /// In which role.
    pub role: ActorRole,
    /// What for.
    pub action: Action,
    /// What was refused, for [`Action::Refused`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// For which case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Which generation of the index answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// Version of the program.
    pub tool: ToolVersion,
    /// The thresholds in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Keyed commitment to what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Hash>,
    /// How the answer came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Results>,
    /// Root of the tree over all entries before this one, for [`Action::Checkpoint`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<Hash>,
    /// What was repaired, for [`Action::Recovered`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
    /// Hash of the line before.
    pub prev: Hash,
    /// MAC of the line up to here.
    pub mac: Hash,
}

/// A question that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What was asked for.
    pub of: Action,
    /// Why it was refused.
    pub why: Reason,
}

/// A generation of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// Its root.
    pub root: Hash,
}

/// What a writer found behind the last entry that was finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovered {
    /// Whole entries that were kept. Their answers may never have left.
    pub adopted: u64,
    /// Bytes of torn entries that were removed. Their answers never left.
    pub dropped: u64,
    /// Whether the state file was made anew with the audit key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Entry {
    /// Reads a line without its line feed. The MAC is not looked at.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        // Blanks, order and escapes are as this crate writes them: a line has one spelling.
        let entry: Self = serde_json::from_slice(line).ok()?;
        (entry.to_json() == line).then_some(entry)
    }

    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and hexadecimal digits are JSON")
    }

    /// Sets the MAC and returns the line, without its line feed.
    pub(crate) fn seal(&mut self, ratchet: &Ratchet) -> Vec<u8> {
        let mut line = self.to_json();
        line.truncate(line.len() - MAC_PART);
        self.mac = ratchet.entry_mac(&line);
        line.extend_from_slice(MAC_PREFIX);
        line.extend_from_slice(self.mac.to_string().as_bytes());
        line.extend_from_slice(MAC_SUFFIX);
        line
    }
}

/// The bytes of a line that its MAC covers, and the MAC; `None` where the line does not end like an entry.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let (body, end) = line.split_at_checked(line.len().checked_sub(MAC_PART)?)?;
    let digits = end.strip_prefix(MAC_PREFIX)?.strip_suffix(MAC_SUFFIX)?;
    Some((body, std::str::from_utf8(digits).ok()?.parse().ok()?))
}

/// One line for people: every text is printable, so that a terminal can take it.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ({}) {}", self.seq, self.time, self.actor, self.role, self.action)?;
        if let Some(Refused { of, why }) = self.refused {
            write!(f, " {of}: {why}")?;
        }
        if let Some(case) = &self.case {
            write!(f, ", case {case}")?;
        }
        if let Some(purpose) = &self.purpose {
            write!(f, ", for {purpose}")?;
        }
        if let Some(Generation { number, .. }) = self.generation {
            write!(f, ", generation {number}")?;
        }
        if let Some(Results { strong, possible, none }) = self.results {
            let (strong, possible, none) = (strong.as_str(), possible.as_str(), none.as_str());
            write!(f, ", strong {strong}, possible {possible}, none {none}")?;
        }
        if let Some(Recovered { adopted, dropped, restored }) = self.recovered {
            write!(f, ", {adopted} entries kept, {dropped} bytes removed")?;
            f.write_str(if restored { ", state restored" } else { "" })?;
        }
        if self.clock_back_ms > 0 {
            write!(f, ", clock back by {} ms", self.clock_back_ms)?;
        }
        Ok(())
    }
}

/// Who writes: the same for all entries of a process, or of a session in a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The actor.
    pub actor: Actor,
    /// His role.
    pub role: ActorRole,
    /// Version of the program.
    pub tool: ToolVersion,
}

/// An entry to be written: what the caller knows. Number, chain, commitment and MAC are added on writing.
///
/// ```
/// use std::time::SystemTime;
///
/// use saltprint_audit::{Action, Actor, ActorRole, CaseId, Draft, QueryDigest, Results, ToolVersion, Who};
///
/// let who = Who {
///     actor: Actor::new("alice")?,
///     role: ActorRole::new("searcher")?,
///     tool: ToolVersion::new("0.1.0")?,
/// };
/// let draft = Draft::new(&who, Action::Lookup, SystemTime::now())
///     .case(CaseId::new("2026-17")?)
///     .query(QueryDigest::of(b"the bytes of the image"))
///     .results(Results::of(1, 0, 0));
/// # Ok::<(), saltprint_audit::TextError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a draft is not in the log before it was appended"]
pub struct Draft {
    pub(crate) entry: Entry,
    pub(crate) query: Option<QueryDigest>,
}

impl Draft {
    /// An entry of which no more is known. `now` is the caller's clock; whatever it says is recorded.
    pub fn new(who: &Who, action: Action, now: SystemTime) -> Self {
        let entry = Entry {
            seq: 0,
            time: now.into(),
            clock_back_ms: 0,
            actor: who.actor.clone(),
            role: who.role.clone(),
            action,
            refused: None,
            case: None,
            purpose: None,
            generation: None,
            tool: who.tool.clone(),
            thresholds: None,
            query: None,
            results: None,
            tree: None,
            recovered: None,
            prev: Hash::ZERO,
            mac: Hash::ZERO,
        };
        Self { entry, query: None }
    }

    /// The case that it belongs to.
    pub fn case(mut self, case: CaseId) -> Self {
        self.entry.case = Some(case);
        self
    }

    /// Why it was asked.
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.entry.purpose = Some(purpose);
        self
    }

    /// The generation that answers: its number and root.
    pub fn generation(mut self, number: u64, root: [u8; 32]) -> Self {
        self.entry.generation = Some(Generation { number, root: Hash::from_bytes(root) });
        self
    }

    /// The thresholds in force.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.entry.thresholds = Some(thresholds);
        self
    }

    /// What was asked; the entry commits to it and does not tell it.
    pub fn query(mut self, query: QueryDigest) -> Self {
        self.query = Some(query);
        self
    }

    /// How the answer came out.
    pub fn results(mut self, results: Results) -> Self {
        self.entry.results = Some(results);
        self
    }

    /// The same question, refused: the action becomes [`Action::Refused`], and there is no result.
    pub fn refuse(mut self, why: Reason) -> Self {
        self.entry.refused = Some(Refused { of: self.entry.action, why });
        self.entry.action = Action::Refused;
        self.entry.results = None;
        self
    }

    /// An entry of the same writer and time about something else.
    pub(crate) fn sibling(&self, action: Action) -> Self {
        let Entry { actor, role, tool, time, .. } = &self.entry;
        let who = Who { actor: actor.clone(), role: role.clone(), tool: tool.clone() };
        let mut sibling = Self::new(&who, action, SystemTime::UNIX_EPOCH);
        sibling.entry.time = *time;
        sibling
    }
}

#[cfg(test)]
mod tests;
