//! How often an actor may ask, counted from the log itself, so that a restart or a second process resets nothing.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::time::Duration;

use crate::AuditError;
use crate::action::Reason;
use crate::backward::BackwardLines;
use crate::entry::Entry;
use crate::storage::Handle;
use crate::text::{Actor, CaseId};
use crate::time::Timestamp;
use crate::tree::Hash;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The most questions in any hour and in any day; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// In any 60 minutes.
    pub hour: Option<u32>,
    /// In any 24 hours.
    pub day: Option<u32>,
}

/// The limits in force. All must hold.
///
/// Answered lookups and triages count as one question each ([`Action::is_limited`](crate::Action::is_limited)). A refusal counts nothing: who tries too soon is not made
/// to wait longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// For each actor, over all his cases.
    pub actor: Rates,
    /// For each case, over all its actors.
    pub case: Rates,
}

impl Limits {
    /// The longest window that has a limit.
    fn reach(&self) -> Option<Duration> {
        let any = |limits: [Option<u32>; 2], window| limits.iter().any(Option::is_some).then_some(window);
        any([self.actor.day, self.case.day], DAY).or_else(|| any([self.actor.hour, self.case.hour], HOUR))
    }
}

/// A question that comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which limit is reached.
    pub reason: Reason,
    /// How long until the same question would be let through, if no other is asked.
    pub retry_after: Duration,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.retry_after.as_secs().div_ceil(60);
        write!(f, "the limit `{}` is reached; try again in {minutes} min", self.reason)
    }
}

/// Sliding windows of an hour and a day over a log's entries.
///
/// It reads the log backwards from its end, as far as the longest window reaches, and later only what is new. Each line
/// must hash to what the line after it names, up to the head in the state file; so nobody makes room for himself by
/// editing the log.
///
/// Time is the time that passed from entry to entry, and steps back count as nothing. A clock that jumps back makes
/// the limits stricter for that long; one that jumps forward lets through one more window's worth, and neither locks
/// anybody out when it is set right.
pub struct Limiter {
    limits: Limits,
    /// Up to where the log was read: offset and hash of the last line.
    at: Option<(u64, Hash)>,
    /// Time of the last entry, and how much passed up to it.
    last: Option<(Timestamp, Duration)>,
    /// All questions that the longest window reaches, oldest first.
    questions: VecDeque<Question>,
    actors: HashMap<Actor, VecDeque<Duration>>,
    cases: HashMap<CaseId, VecDeque<Duration>>,
}

struct Question {
    at: Duration,
    actor: Actor,
    case: Option<CaseId>,
}

/// What an entry contributes.
struct Seen {
    time: Timestamp,
    question: Option<(Actor, Option<CaseId>)>,
}

impl Limiter {
    /// Limits over the log that it is used with first.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            at: None,
            last: None,
            questions: VecDeque::new(),
            actors: HashMap::new(),
            cases: HashMap::new(),
        }
    }

    /// Reads what was written since. `end` is where the log is finished, with the hash of the last line.
    pub(crate) fn catch_up(
        &mut self,
        log: &dyn Handle,
        end: (u64, Hash),
        now: Timestamp,
    ) -> Result<(), CatchUpError> {
        let Some(reach) = self.limits.reach() else { return Ok(()) };
        // Another log, or one that was put back: what is known does not lead there.
        if self.at.is_some_and(|(offset, _)| offset > end.0) {
            *self = Self::new(self.limits);
        }
        let seen = match read_back(log, end, self.at, now, reach) {
            Err(CatchUpError::Chain) if self.at.is_some() => {
                *self = Self::new(self.limits);
                read_back(log, end, None, now, reach)?
            }
            result => result?,
        };
        for seen in seen.into_iter().rev() {
            self.note(seen, reach);
        }
        self.at = Some(end);
        Ok(())
    }

    /// Whether a question would come too soon. The caller caught up first.
    pub(crate) fn check(&self, actor: &Actor, case: Option<&CaseId>, now: Timestamp) -> Option<Refusal> {
        let (last, passed) = self.last?;
        let now = passed + now.since(last);
        let over = |asked: Option<&VecDeque<Duration>>, rates: Rates, reasons: [Reason; 2]| {
            let windows = [(rates.hour, HOUR, reasons[0]), (rates.day, DAY, reasons[1])];
            windows.into_iter().find_map(|(limit, window, reason)| {
                let (limit, asked) = (usize::try_from(limit?).ok()?, asked);
                let within =
                    asked.map_or(0, |asked| asked.len() - asked.partition_point(|&at| at + window <= now));
                if within < limit {
                    return None;
                }
                // There is room again when as many have left the window as there are too many.
                let blocking = asked.and_then(|asked| asked.get(asked.len() - limit.max(1)));
                let retry_after = blocking.map_or(window, |&at| (at + window).saturating_sub(now));
                Some(Refusal { reason, retry_after })
            })
        };
        let actor = over(self.actors.get(actor), self.limits.actor, [Reason::ActorHour, Reason::ActorDay]);
        let by_case = || {
            let asked = self.cases.get(case?);
            over(asked, self.limits.case, [Reason::CaseHour, Reason::CaseDay])
        };
        actor.or_else(by_case)
    }

    /// Counts an entry, and forgets what the longest window no longer reaches.
    fn note(&mut self, seen: Seen, reach: Duration) {
        let passed = self.last.map_or(Duration::ZERO, |(last, passed)| passed + seen.time.since(last));
        self.last = Some((seen.time, passed));
        if let Some((actor, case)) = seen.question {
            self.actors.entry(actor.clone()).or_default().push_back(passed);
            if let Some(case) = &case {
                self.cases.entry(case.clone()).or_default().push_back(passed);
            }
            self.questions.push_back(Question { at: passed, actor, case });
        }
        while self.questions.front().is_some_and(|question| question.at + reach <= passed) {
            if let Some(Question { actor, case, .. }) = self.questions.pop_front() {
                forget_first(&mut self.actors, actor);
                if let Some(case) = case {
                    forget_first(&mut self.cases, case);
                }
            }
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("limits", &self.limits).finish_non_exhaustive()
    }
}

fn forget_first<K: std::hash::Hash + Eq>(asked: &mut HashMap<K, VecDeque<Duration>>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut entry) = asked.entry(key) {
        entry.get_mut().pop_front();
        if entry.get().is_empty() {
            entry.remove();
        }
    }
}

/// Why the log could not be read back.
#[derive(Debug)]
pub(crate) enum CatchUpError {
    Io(io::Error),
    /// A line is not the one that the line after it names.
    Chain,
    /// A line is the right one, and no entry to this release.
    Unknown,
}

impl CatchUpError {
    pub(crate) fn at(self, path: std::path::PathBuf) -> AuditError {
        match self {
            Self::Io(source) => AuditError::io("read", path)(source),
            Self::Chain => AuditError::Tampered { path, reason: "recent entries were changed" },
            Self::Unknown => AuditError::Malformed {
                path,
                what: "a log that this release can count",
                reason: "a recent entry is of an unknown kind, so a newer Saltprint wrote it",
            },
        }
    }
}

/// The entries from `end` back to `known` or, without it, as far as the longest window reaches; newest first.
fn read_back(
    log: &dyn Handle,
    end: (u64, Hash),
    known: Option<(u64, Hash)>,
    now: Timestamp,
    reach: Duration,
) -> Result<Vec<Seen>, CatchUpError> {
    let (mut seen, mut expected, mut newer, mut passed) = (Vec::new(), end.1, now, Duration::ZERO);
    let mut lines = BackwardLines::new(log, end.0);
    loop {
        if let Some((offset, hash)) = known
            && lines.position() <= offset
        {
            let meets = lines.position() == offset && expected == hash;
            return if meets { Ok(seen) } else { Err(CatchUpError::Chain) };
        }
        let Some(line) = lines.next_line().map_err(CatchUpError::Io)? else { return Ok(seen) };
        if Hash::leaf(&line) != expected {
            return Err(CatchUpError::Chain);
        }
        // The first line of the log is no entry; nothing stands before it.
        let Some(entry) = Entry::parse(&line) else {
            return if lines.position() == 0 { Ok(seen) } else { Err(CatchUpError::Unknown) };
        };
        passed += newer.since(entry.time);
        if known.is_none() && passed > reach {
            return Ok(seen);
        }
        (newer, expected) = (entry.time, entry.prev);
        seen.push(entry.into());
    }
}

impl From<Entry> for Seen {
    fn from(entry: Entry) -> Self {
        let counts = entry.action.is_limited();
        Self { time: entry.time, question: counts.then_some((entry.actor, entry.case)) }
    }
}

#[cfg(test)]
mod tests;
