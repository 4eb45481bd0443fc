//! The log as programs use it.

use std::fs::DirBuilder;
use std::io::{self, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use saltprint_keys::{AuditKey, RandomError};

use crate::AuditError;
use crate::action::Action;
use crate::checkpoint::Checkpoint;
use crate::entry::{Draft, Who};
use crate::header::{Header, LogId};
use crate::limit::{Limiter, Refusal};
use crate::lock::Lock;
use crate::proof::{Proof, Prover};
use crate::ratchet::Ratchet;
use crate::read::{Entries, LineEnd, next_line, read_header};
use crate::storage::{Folder, Name, Storage as _};
use crate::text::{Actor, CaseId};
use crate::tree::Hash;
use crate::verify;
use crate::writer::{self, Receipt, Writer};

/// Entries that one append takes.
pub const MOST_AT_ONCE: usize = 1024;

/// How long an append waits for other writers, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// An audit log in a folder of its own.
///
/// The value holds no key and no position: every append takes the folder's lock, reads the state, writes, and replaces
/// the state. So any number of processes and threads may write to one log, and a clone of the value, or another one made
/// by [`open`](Self::open), is as good as this one.
#[derive(Clone, Debug)]
pub struct AuditLog {
    dir: PathBuf,
    patience: Duration,
}

/// What became of a question that rate limits apply to. Either way it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an answer may leave only if it was granted"]
pub enum Admission {
    /// The answer may leave.
    Granted(Receipt),
    /// No answer may leave.
    Refused {
        /// Why, and for how long.
        refusal: Refusal,
        /// The entry that says so.
        receipt: Receipt,
    },
}

impl AuditLog {
    /// Begins a log in `dir`, which is made with mode 0700 if it is missing (its parent must exist).
    ///
    /// This is the only step that needs the audit key apart from verifying; from here on it may be kept offline. The
    /// first entry, [`Action::Init`], is by `who` at `now`. `random` fills a buffer with random bytes, usually
    /// [`system_random`](saltprint_keys::system_random).
    ///
    /// # Errors
    /// [`AuditError::Exists`] if the folder has a log, finished or not; [`AuditError::Random`], [`AuditError::Busy`],
    /// [`AuditError::Io`].
    pub fn init(
        dir: &Path,
        key: &AuditKey,
        who: &Who,
        now: SystemTime,
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    ) -> Result<Self, AuditError> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(AuditError::io("create the folder", dir)(error));
            }
            Ok(()) | Err(_) => {}
        }
        let log = Self::at(dir);
        let _lock = log.lock()?;
        for name in [Name::Log, Name::State] {
            let path = dir.join(name.file());
            match path.symlink_metadata() {
                Ok(_) => return Err(AuditError::Exists { path: dir.into() }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(AuditError::io("inspect", path)(error)),
            }
        }
        let mut id = [0; 16];
        random(&mut id)?;
        let header = Header::new(LogId::from_bytes(id), key.id(), now.into());
        let ratchet = Ratchet::start(key, header.log);
        let _ = writer::begin(&log.folder(), &header, ratchet, Draft::new(who, Action::Init, now))?;
        Ok(log)
    }

    /// The log in `dir`, which must have one.
    ///
    /// # Errors
    /// [`AuditError::Missing`], [`AuditError::NoState`], and what else is wrong with the state file.
    pub fn open(dir: &Path) -> Result<Self, AuditError> {
        let log = Self::at(dir);
        if !dir.is_dir() {
            return Err(AuditError::Missing { path: dir.into() });
        }
        let _lock = log.lock()?;
        writer::read_state(&log.folder())?;
        Ok(log)
    }

    /// Makes the state file anew for a log that lost it, which needs the audit key. The whole log is verified first, and
    /// against `checkpoint` if one is given: without one nothing tells whether entries at its end were lost.
    ///
    /// # Errors
    /// [`AuditError::Exists`] if there is a state file; [`AuditError::NotVerified`], and as
    /// [`Verifier::run`](crate::Verifier::run) and [`append`](Self::append).
    pub fn restore(
        dir: &Path,
        key: &AuditKey,
        checkpoint: Option<&Checkpoint>,
        who: &Who,
        now: SystemTime,
    ) -> Result<Self, AuditError> {
        let log = Self::at(dir);
        let _lock = log.lock()?;
        let folder = log.folder();
        match folder.open(Name::State) {
            Ok(_) => return Err(AuditError::Exists { path: dir.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(AuditError::io("open", folder.path(Name::State))(error)),
        }
        let state = verify::restore(dir, key, checkpoint)?;
        Writer::restored(&folder, state)?.settle(&Draft::new(who, Action::Recovered, now))?;
        Ok(log)
    }

    /// The same log, with another time to wait for other writers.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes an entry and syncs it. The answer may leave when this has returned, and not before.
    ///
    /// # Errors
    /// [`AuditError::Busy`]; [`AuditError::Tampered`] if the log does not end as it was left; [`AuditError::Io`], after
    /// which the entry may or may not be in the log, and the next append settles that.
    pub fn append(&self, draft: Draft) -> Result<Receipt, AuditError> {
        self.write(&draft.sibling(Action::Recovered), |writer| Ok(writer.add(draft)))
    }

    /// Writes several entries with one sync: the cost of one for all. None or all of them count as written.
    ///
    /// # Errors
    /// [`AuditError::TooMany`] above [`MOST_AT_ONCE`]; as [`append`](Self::append).
    pub fn append_all(&self, drafts: Vec<Draft>) -> Result<Vec<Receipt>, AuditError> {
        if drafts.len() > MOST_AT_ONCE {
            return Err(AuditError::TooMany { found: drafts.len(), limit: MOST_AT_ONCE });
        }
        let Some(first) = drafts.first() else { return Ok(Vec::new()) };
        self.write(&first.sibling(Action::Recovered), |writer| {
            Ok(drafts.into_iter().map(|draft| writer.add(draft)).collect())
        })
    }

    /// Writes an entry if the limits allow it, and otherwise one that says that it was refused.
    ///
    /// Actions that no limit applies to are let through. Counting and writing are one step under the lock, so that two processes cannot both take the last place.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn admit(&self, limiter: &mut Limiter, draft: Draft) -> Result<Admission, AuditError> {
        let now = draft.entry.time;
        self.write(&draft.sibling(Action::Recovered), |writer| {
            if !draft.entry.action.is_limited() {
                return Ok(Admission::Granted(writer.add(draft)));
            }
            catch_up(writer, limiter, now)?;
            Ok(match limiter.check(&draft.entry.actor, draft.entry.case.as_ref(), now) {
                None => Admission::Granted(writer.add(draft)),
                Some(refusal) => {
                    Admission::Refused { refusal, receipt: writer.add(draft.refuse(refusal.reason)) }
                }
            })
        })
    }

    /// Whether a question would be refused now: a look before the work, which reserves nothing and writes nothing but what
    /// a crash left to settle.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn check(
        &self,
        limiter: &mut Limiter,
        who: &Who,
        case: Option<&CaseId>,
        now: SystemTime,
    ) -> Result<Option<Refusal>, AuditError> {
        let actor: &Actor = &who.actor;
        self.write(&Draft::new(who, Action::Recovered, now), |writer| {
            catch_up(writer, limiter, now.into())?;
            Ok(limiter.check(actor, case, now.into()))
        })
    }

    /// Makes a checkpoint over all entries so far; an entry records it.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn checkpoint(&self, who: &Who, now: SystemTime) -> Result<Checkpoint, AuditError> {
        let mut draft = Draft::new(who, Action::Checkpoint, now);
        self.write(&draft.sibling(Action::Recovered), |writer| {
            let state = writer.state();
            let (size, root) = (state.seq(), state.tree.root());
            let checkpoint = Checkpoint::new(state.log, size, root, draft.entry.time, &state.ratchet);
            draft.entry.tree = Some(root);
            let _ = writer.add(draft);
            Ok(checkpoint)
        })
    }

    /// The entries from the first to the last, unverified, for people to read. See also [`entries`].
    ///
    /// # Errors
    /// As [`entries`].
    pub fn entries(&self) -> Result<Entries, AuditError> {
        entries(&self.dir)
    }

    /// Opens for writing under the lock, lets `add` add entries, and makes them durable.
    fn write<T>(
        &self,
        recovered: &Draft,
        add: impl FnOnce(&mut Writer<'_>) -> Result<T, AuditError>,
    ) -> Result<T, AuditError> {
        let _lock = self.lock()?;
        let folder = self.folder();
        let mut writer = Writer::open(&folder, recovered)?;
        let result = add(&mut writer)?;
        writer.commit()?;
        Ok(result)
    }

    fn at(dir: &Path) -> Self {
        Self { dir: dir.into(), patience: PATIENCE }
    }

    fn lock(&self) -> Result<Lock, AuditError> {
        Lock::take(&self.dir, self.patience)
    }

    fn folder(&self) -> Folder {
        Folder::new(&self.dir)
    }
}

fn catch_up(writer: &Writer<'_>, limiter: &mut Limiter, now: crate::Timestamp) -> Result<(), AuditError> {
    let (log, offset, head) = writer.finished();
    limiter.catch_up(log, (offset, head), now).map_err(|error| error.at(writer.log_path()))
}

/// The entries of the log in `dir` from the first to the last, unverified. Only the log file itself is needed, without state
/// and lock: a copy elsewhere will do.
///
/// # Errors
/// [`AuditError::Malformed`] or [`AuditError::NewerVersion`] for the first line; [`AuditError::Io`].
pub fn entries(dir: &Path) -> Result<Entries, AuditError> {
    Entries::open(dir.join(Name::Log.file()))
}

/// Proves to the holder of `checkpoint`, who has no log, that entry `seq` is one of those that it covers. Returns the
/// hash of the entry's line as well: the prover shows the line, the witness hashes it ([`Hash::leaf`]).
///
/// # Errors
/// [`AuditError::OutOfRange`] if the checkpoint does not cover the entry or the log is shorter;
/// as [`entries`].
pub fn prove_inclusion(dir: &Path, seq: u64, checkpoint: &Checkpoint) -> Result<(Hash, Proof), AuditError> {
    let size = checkpoint.size();
    if seq >= size {
        return Err(AuditError::OutOfRange { asked: seq, entries: size });
    }
    let mut prover = Prover::inclusion(seq, size);
    let mut leaf = Hash::ZERO;
    each_leaf(dir, size, |index, hash| {
        prover.push(index, hash);
        if index == seq {
            leaf = hash;
        }
    })?;
    Ok((leaf, prover.finish()))
}

/// Proves to the holder of two checkpoints, who has no log, that the entries of the older one are the first of those of the
/// newer one.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the older one is the larger or the log is shorter; as [`entries`].
pub fn prove_growth(dir: &Path, older: &Checkpoint, newer: &Checkpoint) -> Result<Proof, AuditError> {
    let (asked, entries) = (older.size(), newer.size());
    if asked > entries {
        return Err(AuditError::OutOfRange { asked, entries });
    }
    let mut prover = Prover::consistency(asked, entries);
    each_leaf(dir, entries, |index, hash| prover.push(index, hash))?;
    Ok(prover.finish())
}

/// Hashes the lines of the first `size` entries.
fn each_leaf(dir: &Path, size: u64, mut leaf: impl FnMut(u64, Hash)) -> Result<(), AuditError> {
    let path = dir.join(Name::Log.file());
    let mut source = BufReader::new(std::fs::File::open(&path).map_err(AuditError::io("open", &path))?);
    read_header(&mut source, &path)?;
    let mut line = Vec::new();
    for index in 0..size {
        match next_line(&mut source, &mut line).map_err(AuditError::io("read", &path))?.0 {
            LineEnd::Feed => leaf(index, Hash::leaf(&line)),
            LineEnd::TooLong | LineEnd::Torn | LineEnd::End => {
                return Err(AuditError::OutOfRange { asked: size, entries: index });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
