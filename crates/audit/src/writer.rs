//! Writing: what was left behind is settled, entries are added in memory, and one commit makes them durable.
//!
//! The order of a commit is the whole of crash safety:
//!
//! 1. the lines are written behind the last finished entry, and synced;
//! 2. the state that comes after them is written beside the old one and synced, takes its name, and the folder is
//!    synced;
//! 3. the old state, whose key would forge these lines, is overwritten and synced.
//!
//! A crash before the end of 1 leaves a tail that may be torn, and one before the end of 2 leaves whole lines that the
//! state does not know. The next writer holds the key of the first such line: it keeps lines as long as they
//! authenticate and removes the rest, which nobody was told was written. Nothing is appended before that.

use std::fmt;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::AuditError;
use crate::action::Action;
use crate::entry::{self, Draft, Entry, MAX_LINE, Recovered};
use crate::header::Header;
use crate::ratchet::{self, Ratchet};
use crate::read::{LineEnd, next_line};
use crate::state::{STATE_LEN, State, StateFault};
use crate::storage::{Bytes, Handle, Name, Storage, read_exact_at};
use crate::tree::Hash;

/// Proof that an entry is durable: an answer may leave with it.
///
/// Only an append makes one, so a function that asks for a receipt cannot be called before the log was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the answer may leave now"]
pub struct Receipt {
    seq: u64,
    hash: Hash,
}

impl Receipt {
    /// Number of the entry.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Hash of its line: the leaf of the tree.
    pub fn hash(&self) -> Hash {
        self.hash
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}, {}", self.seq, self.hash)
    }
}

/// A log that is being written to. The caller holds the lock.
pub(crate) struct Writer<'a> {
    storage: &'a dyn Storage,
    log: Box<dyn Handle>,
    /// Where the log stands with all that is pending.
    state: State,
    /// End of the last entry that is finished, and its hash: what a reader may rely on.
    base: (u64, Hash),
    /// What is to stand from there on.
    pending: Vec<u8>,
    /// Length of the file as it was found.
    file_len: u64,
    /// What a crash left, until an entry says so.
    found: Option<Recovered>,
}

impl<'a> Writer<'a> {
    /// Opens the log for writing. What a crash left is settled on disk first, in the name of who writes now.
    pub(crate) fn open(storage: &'a dyn Storage, draft: &Draft) -> Result<Self, AuditError> {
        let writer = Self::open_unsettled(storage)?;
        if writer.found.is_none() {
            return Ok(writer);
        }
        writer.settle(draft)?;
        Self::open_unsettled(storage)
    }

    /// Writes what was found as an entry.
    pub(crate) fn settle(mut self, draft: &Draft) -> Result<(), AuditError> {
        let mut recovered = draft.sibling(Action::Recovered);
        recovered.entry.recovered = self.found.take();
        let _ = self.add(recovered);
        self.commit()
    }

    fn open_unsettled(storage: &'a dyn Storage) -> Result<Self, AuditError> {
        let state = read_state(storage)?;
        let path = storage.path(Name::Log);
        let log = storage.open(Name::Log).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return AuditError::Tampered { path: path.clone(), reason: "the log is gone" };
            }
            if error.kind() == io::ErrorKind::InvalidInput {
                return AuditError::NotAFile { path: path.clone() };
            }
            AuditError::io("open", &path)(error)
        })?;
        let file_len = log.len().map_err(AuditError::io("inspect", &path))?;
        check_last(&*log, &state, file_len, storage)?;
        let base = (state.log_len, state.head);
        let mut writer = Self { storage, log, state, base, pending: Vec::new(), file_len, found: None };
        writer.adopt(&path)?;
        Ok(writer)
    }

    /// Begins with a state that was made anew from the log, which verifies up to there.
    pub(crate) fn restored(storage: &'a dyn Storage, state: State) -> Result<Self, AuditError> {
        let path = storage.path(Name::Log);
        let log = storage.open(Name::Log).map_err(AuditError::io("open", &path))?;
        let file_len = log.len().map_err(AuditError::io("inspect", path))?;
        let dropped = file_len.saturating_sub(state.log_len);
        let found = Some(Recovered { adopted: 0, dropped, restored: true });
        let base = (state.log_len, state.head);
        Ok(Self { storage, log, state, base, pending: Vec::new(), file_len, found })
    }

    /// Keeps the whole entries behind the last finished one. They are written once more on commit: a sync that failed may
    /// have left them in memory only, and they look the same there.
    fn adopt(&mut self, path: &Path) -> Result<(), AuditError> {
        if self.file_len == self.base.0 {
            return Ok(());
        }
        let mut adopted = 0;
        let mut line = Vec::with_capacity(MAX_LINE);
        let mut source = BufReader::new(Bytes::from(&*self.log, self.base.0));
        while next_line(&mut source, &mut line).map_err(AuditError::io("read", path))?.0 == LineEnd::Feed {
            let authentic = entry::split(&line)
                .is_some_and(|(body, mac)| ratchet::same(&self.state.ratchet.entry_mac(body), &mac));
            if !authentic {
                break;
            }
            let fits = |entry: &Entry| entry.seq == self.state.seq() && entry.prev == self.state.head;
            let Some(entry) = Entry::parse(&line).filter(fits) else {
                // Genuine, so it must not be removed.
                return Err(AuditError::Malformed {
                    path: path.into(),
                    what: "a log that this release can go on with",
                    reason: "its last entry is genuine and of an unknown kind, so a newer Saltprint wrote it",
                });
            };
            self.state.advance(&line, entry.time);
            self.pending.extend_from_slice(&line);
            self.pending.push(b'\n');
            adopted += 1;
        }
        let dropped = self.file_len.saturating_sub(self.state.log_len);
        self.found = Some(Recovered { adopted, dropped, restored: false });
        Ok(())
    }

    /// Where the log stands with all that was added.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The open log, and up to where and with which last hash it is finished.
    pub(crate) fn finished(&self) -> (&dyn Handle, u64, Hash) {
        (&*self.log, self.base.0, self.base.1)
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.storage.path(Name::Log)
    }

    /// Adds an entry in memory.
    pub(crate) fn add(&mut self, draft: Draft) -> Receipt {
        let Draft { mut entry, query } = draft;
        let state = &mut self.state;
        entry.seq = state.seq();
        entry.prev = state.head;
        entry.clock_back_ms =
            u64::try_from(state.last_time.since(entry.time).as_millis()).unwrap_or(u64::MAX);
        entry.query = query.map(|query| state.ratchet.commitment(&query));
        let line = entry.seal(&state.ratchet);
        state.advance(&line, entry.time);
        self.pending.extend_from_slice(&line);
        self.pending.push(b'\n');
        Receipt { seq: entry.seq, hash: state.head }
    }

    /// Makes all that was added durable. After an error it may be durable or not; the next writer finds out.
    pub(crate) fn commit(self) -> Result<(), AuditError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let path = self.storage.path(Name::Log);
        let end = self.state.log_len;
        self.log.write_at(self.base.0, &self.pending).map_err(AuditError::io("write", &path))?;
        // After writing: a crash in between leaves the rest of a torn line behind whole ones, which the next writer
        // finds and tells, where the other order would forget that anything was torn.
        if self.file_len > end {
            self.log.set_len(end).map_err(AuditError::io("shorten", &path))?;
        }
        self.log.sync().map_err(AuditError::io("sync", path))?;
        write_state(self.storage, &self.state)
    }
}

/// Begins a log: the first line, its first entry, and then the state.
///
/// A crash in between leaves a log without a state, which the holder of the audit key can restore.
pub(crate) fn begin(
    storage: &dyn Storage,
    header: &Header,
    ratchet: Ratchet,
    draft: Draft,
) -> Result<Receipt, AuditError> {
    let path = storage.path(Name::NewLog);
    let log = storage.create(Name::NewLog).map_err(AuditError::io("create", &path))?;
    let state = State::begin(header, ratchet);
    let (base, file_len) = ((state.log_len, state.head), state.log_len);
    let line = [header.line().as_slice(), b"\n"].concat();
    log.write_at(0, &line).map_err(AuditError::io("write", &path))?;
    let mut writer = Writer { storage, log, state, base, pending: Vec::new(), file_len, found: None };
    let receipt = writer.add(draft);
    writer.log.write_at(base.0, &writer.pending).map_err(AuditError::io("write", &path))?;
    writer.log.sync().map_err(AuditError::io("sync", &path))?;
    storage.rename(Name::NewLog, Name::Log).map_err(AuditError::io("rename", &path))?;
    storage.sync_folder().map_err(AuditError::io("sync the folder of", &path))?;
    write_state(storage, &writer.state)?;
    Ok(receipt)
}

/// Reads the state file.
pub(crate) fn read_state(storage: &dyn Storage) -> Result<State, AuditError> {
    let path = storage.path(Name::State);
    let file = match storage.open(Name::State) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().map_or(path.clone(), Into::into);
            return Err(match storage.open(Name::Log) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => AuditError::Missing { path: folder },
                Ok(_) | Err(_) => AuditError::NoState { path: folder },
            });
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(AuditError::NotAFile { path });
        }
        Err(error) => return Err(AuditError::io("open", path)(error)),
    };
    let mode = file.foreign_mode().map_err(AuditError::io("inspect", &path))?;
    if mode != 0 {
        return Err(AuditError::Permissions { path, mode: 0o600 | mode });
    }
    // A fixed buffer, because one that grows would leave copies of the key behind.
    let mut bytes = zeroize::Zeroizing::new([0; STATE_LEN]);
    let malformed = |reason, path| AuditError::Malformed { path, what: "the state of an audit log", reason };
    if file.len().map_err(AuditError::io("inspect", &path))? != STATE_LEN as u64 {
        return Err(malformed("its length is wrong", path));
    }
    read_exact_at(&*file, 0, bytes.as_mut_slice()).map_err(AuditError::io("read", &path))?;
    State::decode(bytes.as_slice()).map_err(|fault| match fault {
        StateFault::Kind => malformed("it does not begin like one", path),
        StateFault::Damaged => malformed("it is damaged", path),
        StateFault::Newer(found) => AuditError::NewerVersion { path, found, supported: 1 },
    })
}

/// Replaces the state file and wipes the one before.
pub(crate) fn write_state(storage: &dyn Storage, state: &State) -> Result<(), AuditError> {
    let old = match storage.open(Name::State) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(AuditError::io("open", storage.path(Name::State))(error)),
    };
    let path = storage.path(Name::NewState);
    if let Ok(left) = storage.open(Name::NewState) {
        // A crash left it, with a key that the log may have passed.
        left.write_at(0, &[0; STATE_LEN])
            .and_then(|()| left.sync())
            .map_err(AuditError::io("wipe", &path))?;
    }
    let new = storage.create(Name::NewState).map_err(AuditError::io("create", &path))?;
    new.write_at(0, &state.encode()).map_err(AuditError::io("write", &path))?;
    new.sync().map_err(AuditError::io("sync", &path))?;
    storage.rename(Name::NewState, Name::State).map_err(AuditError::io("rename", &path))?;
    storage.sync_folder().map_err(AuditError::io("sync the folder of", &path))?;
    if let Some(old) = old {
        // It has no name any more, but its blocks would keep the key of entries that are written.
        let wiped = old.write_at(0, &[0; STATE_LEN]).and_then(|()| old.sync());
        wiped.map_err(AuditError::io("wipe the state before", path))?;
    }
    Ok(())
}

/// Whether the log still ends as the state remembers. All that is before is for `verify`.
fn check_last(
    log: &dyn Handle,
    state: &State,
    file_len: u64,
    storage: &dyn Storage,
) -> Result<(), AuditError> {
    let path = storage.path(Name::Log);
    let tampered = |reason| AuditError::Tampered { path: path.clone(), reason };
    if file_len < state.log_len {
        return Err(tampered("entries are missing at its end"));
    }
    // No further than a line may be: the number comes from a file.
    let length = state.last_line as usize;
    if length > MAX_LINE {
        return Err(tampered("the state tells of a line that is too long"));
    }
    let mut line = vec![0; length + 1];
    let at = state.log_len - line.len() as u64;
    read_exact_at(log, at, &mut line).map_err(AuditError::io("read", &path))?;
    match line.split_last() {
        Some((b'\n', line)) if Hash::leaf(line) == state.head => Ok(()),
        _ => Err(tampered("its last entry is not the one that was written")),
    }
}

#[cfg(test)]
mod tests;
