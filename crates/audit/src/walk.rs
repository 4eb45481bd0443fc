//! One pass over the entries, with the ratchet at every step.
//!
//! The key of a number depends on nothing that stands in the log. So a line that does not authenticate ends nothing: the
//! walk waits at that number, and the next line that authenticates, under this or a later key, tells whether the ones
//! between were altered, inserted, or are missing.

use std::io::{self, BufRead};

use saltprint_keys::AuditKey;
use subtle::ConstantTimeEq as _;

use crate::action::Action;
use crate::checkpoint::Checkpoint;
use crate::entry::{self, Entry, MAX_LINE};
use crate::finding::{Finding, MOST_ASKED, MOST_FINDINGS, Verification};
use crate::header::Header;
use crate::query::QueryDigest;
use crate::ratchet::{self, Ratchet};
use crate::read::{LineEnd, next_line};
use crate::state::State;
use crate::tree::Frontier;

/// Steps of the ratchet that numbers in lines may cause altogether, beside one for each genuine line: numbers in a forged log may
/// be any, and this is a second of work.
const STEP_BUDGET: u64 = 1 << 20;

pub(crate) struct Walk<'a> {
    key: Option<&'a AuditKey>,
    /// Where the walk is: the next number, its key, the tree and the head so far. Without a key the ratchet runs idle.
    at: State,
    /// Lines at this number that do not authenticate.
    waiting: u64,
    /// Number of the line, from 1.
    line: u64,
    /// Whether `at.head` is the line before the next entry, and whether `at.tree` is over all that should be in it.
    linked: bool,
    whole: bool,
    budget: u64,
    /// Bytes read.
    offset: u64,
    state: Option<State>,
    state_seen: bool,
    checkpoints: Vec<(Checkpoint, bool)>,
    query: Option<QueryDigest>,
    verification: Verification,
}

impl<'a> Walk<'a> {
    /// A walk that is behind the header.
    pub(crate) fn new(
        header: &Header,
        key: Option<&'a AuditKey>,
        state: Option<State>,
        checkpoints: Vec<Checkpoint>,
        query: Option<QueryDigest>,
    ) -> Self {
        let ratchet = match key {
            Some(key) => Ratchet::start(key, header.log),
            None => Ratchet::from_bytes(&[0; 32]),
        };
        let at = State::begin(header, ratchet);
        let verification = Verification {
            header: header.clone(),
            entries: 0,
            root: at.tree.root(),
            last_time: header.begun,
            clock_jumps: 0,
            with_key: key.is_some(),
            with_state: state.is_some(),
            checkpoints: checkpoints.len() as u64,
            asked: Vec::new(),
            findings: Vec::new(),
            more: false,
        };
        Self {
            key,
            offset: at.log_len,
            at,
            waiting: 0,
            line: 1,
            linked: true,
            whole: true,
            budget: STEP_BUDGET,
            state,
            state_seen: false,
            checkpoints: checkpoints.into_iter().map(|checkpoint| (checkpoint, false)).collect(),
            query,
            verification,
        }
    }

    /// Takes all lines behind the header.
    pub(crate) fn run(&mut self, mut source: impl BufRead) -> io::Result<()> {
        let mut line = Vec::with_capacity(MAX_LINE);
        self.compare();
        loop {
            let (end, length) = next_line(&mut source, &mut line)?;
            self.line += 1;
            let waited = self.waiting;
            match end {
                LineEnd::End => break,
                LineEnd::Torn => {
                    self.tail(length);
                    break;
                }
                LineEnd::TooLong => self.waiting += 1,
                LineEnd::Feed => self.take(&line),
            }
            // Behind what the state knows nothing is finished: what does not authenticate there may be a crash's.
            let unfinished = self.state.as_ref().is_some_and(|state| self.offset >= state.log_len);
            if waited == 0 && self.waiting == 1 && unfinished {
                let rest = io::copy(&mut source, &mut io::sink())?;
                self.waiting = 0;
                self.tail(length + rest);
                break;
            }
            self.offset += length;
            if self.verification.more || (self.key.is_none() && !self.verification.findings.is_empty()) {
                // Without a key nothing tells where a broken chain goes on.
                self.verification.more = true;
                break;
            }
        }
        if self.waiting > 0 {
            let first = self.at.seq();
            self.found(Finding::Altered { first, last: first + self.waiting - 1 });
        }
        Ok(())
    }

    /// The result, and the state of the log where there was nothing to find or only a tail.
    pub(crate) fn finish(mut self) -> (Verification, Option<State>) {
        let entries = self.at.seq();
        let known = self.state.as_ref().map(State::seq).filter(|_| !self.state_seen);
        let sizes =
            self.checkpoints.iter().filter(|(_, seen)| !seen).map(|(checkpoint, _)| checkpoint.size());
        let unseen: Vec<_> = sizes.map(|size| (size, Finding::CheckpointDiffers { size })).collect();
        for (size, finding) in
            known.map(|size| (size, Finding::StateDiffers { size })).into_iter().chain(unseen)
        {
            let truncated = Finding::Truncated { entries, expected: size };
            self.found(if size > entries { truncated } else { finding });
        }
        self.verification.entries = entries;
        self.verification.root = self.at.tree.root();
        self.verification.last_time = self.at.last_time;
        (self.verification, self.key.map(|_| self.at))
    }

    fn take(&mut self, line: &[u8]) {
        let entry = Entry::parse(line);
        if self.is_authentic(line, entry.as_ref(), &self.at.ratchet, self.at.seq()) {
            match entry {
                Some(entry) => self.accept(line, &entry),
                None => self.accept_unread(line),
            }
            return;
        }
        let Some(entry) = entry else {
            self.waiting += 1;
            return;
        };
        let next = self.at.seq();
        if entry.seq > next {
            if let Some(ratchet) = self.ahead(line, &entry, next) {
                self.skip(next, entry.seq, ratchet);
                self.accept(line, &entry);
                return;
            }
        } else if entry.seq < next && self.is_earlier(line, &entry) {
            let finding = Finding::OutOfPlace { seq: entry.seq, line: self.line };
            self.found(finding);
            return;
        }
        self.waiting += 1;
    }

    /// Whether a line is the entry of a number. Without a key, whether it says so and follows on the line before.
    fn is_authentic(&self, line: &[u8], entry: Option<&Entry>, ratchet: &Ratchet, seq: u64) -> bool {
        if self.key.is_none() {
            return entry.is_some_and(|entry| entry.seq == seq);
        }
        entry.is_none_or(|entry| entry.seq == seq)
            && entry::split(line).is_some_and(|(body, mac)| ratchet::same(&ratchet.entry_mac(body), &mac))
    }

    /// The ratchet at a later number, if the line is that entry.
    fn ahead(&mut self, line: &[u8], entry: &Entry, next: u64) -> Option<Ratchet> {
        let steps = entry.seq - next;
        if self.key.is_none() {
            return Some(self.at.ratchet.fork());
        }
        self.budget = self.budget.checked_sub(steps)?;
        let mut ratchet = self.at.ratchet.fork();
        (0..steps).for_each(|_| ratchet.step());
        self.is_authentic(line, Some(entry), &ratchet, entry.seq).then_some(ratchet)
    }

    /// Whether the line is the entry of an earlier number.
    fn is_earlier(&mut self, line: &[u8], entry: &Entry) -> bool {
        let Some(key) = self.key else { return true };
        let Some(left) = self.budget.checked_sub(entry.seq) else { return false };
        self.budget = left;
        let mut ratchet = Ratchet::start(key, self.at.log);
        (0..entry.seq).for_each(|_| ratchet.step());
        self.is_authentic(line, Some(entry), &ratchet, entry.seq)
    }

    /// Goes to a later number; the lines that waited stand for the first of those between.
    fn skip(&mut self, next: u64, seq: u64, ratchet: Ratchet) {
        let altered = self.waiting.min(seq - next);
        self.settle_waiting(altered);
        if next + altered < seq {
            self.found(Finding::Missing { first: next + altered, last: seq - 1 });
        }
        // The tree has no leaves for them: sizes in it stay those of the numbers, roots will differ.
        self.at.tree = Frontier::unknown(seq);
        self.at.ratchet = ratchet;
        (self.linked, self.whole) = (false, false);
    }

    /// Tells what the waiting lines are: so many altered entries, and inserted lines.
    fn settle_waiting(&mut self, altered: u64) {
        let (first, inserted) = (self.at.seq(), self.waiting - altered);
        self.waiting = 0;
        if altered > 0 {
            self.found(Finding::Altered { first, last: first + altered - 1 });
        }
        if inserted > 0 {
            self.found(Finding::Inserted { lines: inserted, before: first + altered });
        }
    }

    fn accept(&mut self, line: &[u8], entry: &Entry) {
        self.settle_waiting(0);
        if self.linked && entry.prev != self.at.head {
            self.found(Finding::Unlinked { seq: entry.seq });
        }
        if entry.action == Action::Checkpoint && self.whole && entry.tree != Some(self.at.tree.root()) {
            self.found(Finding::WrongTree { seq: entry.seq });
        }
        if let Some(query) = &self.query
            && self.key.is_some()
            && entry.query.is_some_and(|tag| ratchet::same(&tag, &self.at.ratchet.commitment(query)))
            && self.verification.asked.len() < MOST_ASKED
        {
            self.verification.asked.push(entry.seq);
        }
        self.verification.clock_jumps += u64::from(entry.clock_back_ms > 0);
        self.at.advance(line, entry.time);
        self.budget += 1;
        self.linked = true;
        self.compare();
    }

    /// A genuine line that is no entry to this release.
    fn accept_unread(&mut self, line: &[u8]) {
        self.settle_waiting(0);
        self.found(Finding::NotUnderstood { seq: self.at.seq() });
        self.at.advance(line, self.at.last_time);
        self.budget += 1;
        self.linked = true;
        self.compare();
    }

    /// Compares with the state and the checkpoints that know the log up to here.
    fn compare(&mut self) {
        let size = self.at.seq();
        let awaited = self.state.as_ref().is_some_and(|state| state.seq() == size)
            || self.checkpoints.iter().any(|(checkpoint, _)| checkpoint.size() == size);
        if !awaited {
            // A root costs as many hashes as the size has bits.
            return;
        }
        let root = self.at.tree.root();
        if let Some(state) = &self.state
            && state.seq() == size
        {
            let same_key = self.at.ratchet.expose().ct_eq(state.ratchet.expose());
            let key_fits = self.key.is_none() || bool::from(same_key);
            let fits = (state.log, state.head, state.tree.root()) == (self.at.log, self.at.head, root);
            self.state_seen = true;
            if !(fits && key_fits) {
                self.found(Finding::StateDiffers { size });
            }
        }
        let mut findings = Vec::new();
        for (checkpoint, seen) in self.checkpoints.iter_mut().filter(|(it, _)| it.size() == size) {
            *seen = true;
            if checkpoint.log() != self.at.log {
                findings.push(Finding::OtherLog);
                continue;
            }
            if checkpoint.root() != root {
                findings.push(Finding::CheckpointDiffers { size });
            }
            if self.key.is_some() && !checkpoint.is_authentic(&self.at.ratchet) {
                findings.push(Finding::CheckpointForged { size });
            }
        }
        for finding in findings {
            self.found(finding);
        }
    }

    fn tail(&mut self, bytes: u64) {
        let confirmed = self.state.as_ref().is_some_and(|state| self.offset >= state.log_len);
        self.found(Finding::Tail { bytes, confirmed });
    }

    fn found(&mut self, finding: Finding) {
        if self.verification.findings.len() < MOST_FINDINGS {
            self.verification.findings.push(finding);
        } else {
            self.verification.more = true;
        }
    }
}
