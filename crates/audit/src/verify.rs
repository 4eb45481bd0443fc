//! Whether a log is what was written: in one pass, in constant memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use saltprint_keys::AuditKey;

use crate::AuditError;
use crate::checkpoint::Checkpoint;
use crate::finding::{Finding, Verification};
use crate::header::Header;
use crate::query::QueryDigest;
use crate::read::read_header;
use crate::state::State;
use crate::storage::{Folder, Name, Storage as _};
use crate::walk::Walk;
use crate::writer;

/// How often the state is read again when a writer replaced it in the meantime.
const STATE_ATTEMPTS: u32 = 10;

/// Verifies the log in `dir` with the audit key, against the state file where there is one and, if given, against a
/// checkpoint that was kept elsewhere.
///
/// A short form of [`Verifier`].
///
/// # Errors
/// As [`Verifier::run`]. What is wrong with the entries is not an error but a [`Finding`].
pub fn verify(
    dir: &Path,
    key: &AuditKey,
    checkpoint: Option<&Checkpoint>,
) -> Result<Verification, AuditError> {
    let verifier = Verifier::new().key(key).state();
    checkpoint.into_iter().fold(verifier, Verifier::checkpoint).run(dir)
}

/// Checks a log against all that the caller has.
///
/// | with | finds |
/// |---|---|
/// | nothing | damage, and edits that forgot the chain; a witness has no more than that, and checkpoints |
/// | the audit key | every edit, deletion, insertion and change of order among the entries |
/// | the state file, or a checkpoint | missing entries at the end as well |
/// | a checkpoint | a log that was replaced as a whole, or rewritten by a thief of the state |
///
/// Checkpoints are the only of these that do not lie with the log. Writers may go on meanwhile.
#[derive(Debug, Default)]
#[must_use = "a verifier does nothing until it runs"]
pub struct Verifier<'a> {
    key: Option<&'a AuditKey>,
    state: bool,
    checkpoints: Vec<Checkpoint>,
    query: Option<QueryDigest>,
}

impl<'a> Verifier<'a> {
    /// A verifier that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the MACs under the audit key.
    pub fn key(mut self, key: &'a AuditKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Checks against the state file, if there is one.
    pub fn state(mut self) -> Self {
        self.state = true;
        self
    }

    /// Checks against a checkpoint. Each one that is given is checked.
    pub fn checkpoint(mut self, checkpoint: &Checkpoint) -> Self {
        self.checkpoints.push(checkpoint.clone());
        self
    }

    /// Looks for entries that commit to this query. It needs the key.
    pub fn looking_for(mut self, query: QueryDigest) -> Self {
        self.query = Some(query);
        self
    }

    /// Reads the log in `dir` once.
    ///
    /// # Errors
    /// Only for what cannot be read at all: [`AuditError::Missing`], [`AuditError::Malformed`] and
    /// [`AuditError::NewerVersion`] for the first line or the state file, [`AuditError::WrongKey`],
    /// [`AuditError::Permissions`], [`AuditError::Io`].
    pub fn run(self, dir: &Path) -> Result<Verification, AuditError> {
        // The state before the log: what it knows is in the log by then, whoever goes on writing.
        let state = if self.state { read_state(dir)? } else { None };
        self.walk(OpenLog::open(dir)?, state)
    }

    /// Reads a log from elsewhere once, such as a pipe that unpacks an archived one. There is no state file to it.
    ///
    /// # Errors
    /// As [`run`](Self::run), with `-` for the path.
    pub fn run_on(self, source: impl BufRead + 'a) -> Result<Verification, AuditError> {
        self.walk(OpenLog::read("-".into(), source)?, None)
    }

    fn walk(self, log: OpenLog<'_>, state: Option<State>) -> Result<Verification, AuditError> {
        log.check_key(self.key)?;
        let mut walk = Walk::new(&log.header, self.key, state, self.checkpoints, self.query);
        walk.run(log.source).map_err(AuditError::io("read", log.path))?;
        Ok(walk.finish().0)
    }
}

/// Reads a log that lost its state, and makes the state anew. Only a torn end is forgiven.
pub(crate) fn restore(
    dir: &Path,
    key: &AuditKey,
    checkpoint: Option<&Checkpoint>,
) -> Result<State, AuditError> {
    let log = OpenLog::open(dir)?;
    log.check_key(Some(key))?;
    let mut walk = Walk::new(&log.header, Some(key), None, checkpoint.into_iter().cloned().collect(), None);
    walk.run(log.source).map_err(AuditError::io("read", log.path))?;
    let (verification, state) = walk.finish();
    let bad = verification.findings.iter().find(|finding| !matches!(finding, Finding::Tail { .. }));
    match (bad, state) {
        (None, Some(state)) => Ok(state),
        (Some(finding), _) => Err(AuditError::NotVerified { finding: finding.to_string() }),
        (None, None) => Err(AuditError::NotVerified { finding: "it holds no entry".to_owned() }),
    }
}

struct OpenLog<'a> {
    path: PathBuf,
    header: Header,
    source: Box<dyn BufRead + 'a>,
}

impl<'a> OpenLog<'a> {
    fn open(dir: &Path) -> Result<Self, AuditError> {
        let path = dir.join(Name::Log.file());
        let file = File::open(&path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return AuditError::Missing { path: dir.into() };
            }
            AuditError::io("open", &path)(error)
        })?;
        // Up to its length as of now, so that a busy writer cannot keep this from ending.
        let length = file.metadata().map_err(AuditError::io("inspect", &path))?.len();
        Self::read(path, BufReader::with_capacity(1 << 16, file).take(length))
    }

    fn read(path: PathBuf, mut source: impl BufRead + 'a) -> Result<Self, AuditError> {
        let header = read_header(&mut source, &path)?;
        Ok(Self { path, header, source: Box::new(source) })
    }

    fn check_key(&self, key: Option<&AuditKey>) -> Result<(), AuditError> {
        match key {
            Some(key) if key.id() != self.header.key => {
                Err(AuditError::WrongKey { wanted: self.header.key, given: key.id() })
            }
            _ => Ok(()),
        }
    }
}

/// The state; `None` where there is none, as in a copy of the log elsewhere.
fn read_state(dir: &Path) -> Result<Option<State>, AuditError> {
    let folder = Folder::read_only(dir);
    if matches!(folder.open(Name::State), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let mut attempt = 1;
    loop {
        match writer::read_state(&folder) {
            // A writer wipes the state that it replaced, maybe while it is being read here.
            Err(_) if attempt < STATE_ATTEMPTS => {
                thread::sleep(Duration::from_millis(3));
                attempt += 1;
            }
            result => return result.map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
