//! What was asked, of which index: written first, and the same again when a case is resumed.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use saltprint_keys::EpochId;
use saltprint_matching::Looks;
use serde::{Deserialize, Serialize};

use super::{CaseOptions, MANIFEST, evidence, facts};
use crate::handle::Snapshot;
use crate::{Config, Error, output};

/// Version of `case.json`.
const FORMAT: u32 = 1;

const OPENING: &str = "case.json";
const EVIDENCE: &str = "evidence.csv";
const LOCK: &str = "lock";
const THUMBNAILS: &str = "thumbnails";

/// Files of a case, those that a caller adds included; what else lies in the folder is not ours.
const OURS: [&str; 7] =
    [OPENING, EVIDENCE, "items.jsonl", "items.csv", "summary.json", "report.html", MANIFEST];

/// `case.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    format: u32,
    version: String,
    pub(super) case_id: String,
    pub(super) purpose: String,
    pub(super) evidence: bool,
    pub(super) thumbnails: bool,
    generation: u64,
    epoch: EpochId,
    /// Root of the generation.
    root: String,
    /// The generation of the epoch before, where it answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    previous: Option<Before>,
    strong_chance: f64,
    possible_chance: f64,
    graph_from: u64,
    #[serde(default)]
    pub(super) looks: Looks,
    limits: serde_json::Value,
    /// BLAKE3 of `evidence.csv`.
    inputs: String,
}

/// A generation of the epoch before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    generation: u64,
    epoch: EpochId,
    root: String,
}

impl Opening {
    pub(super) fn new(config: &Config, snapshot: &Snapshot, options: &CaseOptions, evidence: &[u8]) -> Self {
        let manifest = snapshot.generation.manifest();
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            case_id: options.case_id.clone(),
            purpose: options.purpose.clone(),
            evidence: options.evidence,
            thumbnails: options.thumbnails,
            generation: manifest.generation,
            epoch: manifest.epoch,
            root: facts::root(manifest),
            previous: snapshot.previous().map(|previous| {
                let manifest = previous.generation.manifest();
                let (generation, epoch) = (manifest.generation, manifest.epoch);
                Before { generation, epoch, root: facts::root(manifest) }
            }),
            strong_chance: config.matching.rule.strong_chance,
            possible_chance: config.matching.rule.possible_chance,
            graph_from: config.matching.cascade.graph_from,
            looks: config.matching.cascade.looks,
            limits: serde_json::to_value(config.limits).unwrap_or_default(),
            inputs: evidence::hex_digests(evidence).1,
        }
    }

    /// What is not the same as in the case that the folder holds, in words.
    fn difference(&self, there: &Self) -> Option<&'static str> {
        [
            (self.format == there.format && self.version == there.version, "another version of the program"),
            (self.case_id == there.case_id, "another case id"),
            (self.purpose == there.purpose, "another purpose"),
            (self.evidence == there.evidence, "another choice of `--evidence`"),
            (self.thumbnails == there.thumbnails, "another choice of `--thumbnails`"),
            (self.looks == there.looks, "another choice of `--quick`"),
            (self.inputs == there.inputs, "a leak that was another one, or has changed since"),
            (
                self.root == there.root && self.epoch == there.epoch && self.generation == there.generation,
                "an index that was rebuilt since",
            ),
            (
                self.previous == there.previous,
                "a previous epoch that was asked as well and does not answer now, or the other way round",
            ),
            (self == there, "another configuration (thresholds or limits)"),
        ]
        .into_iter()
        .find_map(|(same, what)| (!same).then_some(what))
    }
}

/// Checks what a person typed.
pub(super) fn check_words(options: &CaseOptions) -> Result<(), String> {
    for (text, what, most) in [(&options.case_id, "case id", 128), (&options.purpose, "purpose", 1_000)] {
        let length = text.chars().count();
        if text.trim().is_empty() || length > most || text.chars().any(char::is_control) {
            return Err(format!("the {what} must have 1 to {most} printable characters on one line"));
        }
    }
    Ok(())
}

/// The folder of a case, locked.
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the case is open.
    _lock: File,
}

impl Folder {
    /// Makes or takes the folder. Nothing is made in the leak.
    pub(super) fn open(path: &Path, leak: &Path) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::Case { path: path.to_owned(), reason: reason.to_owned() };
        let real_leak = fs::canonicalize(leak)
            .map_err(|source| saltprint_intake::Error::Folder { path: leak.to_owned(), source })?;
        if overlap(path, &real_leak) {
            return Err(refuse("it lies in the leak, or the leak in it; give the case a folder of its own"));
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(Error::io("make the folder", path))?;
        let has_case = path.join(OPENING).exists();
        let is_foreign = fs::read_dir(path)
            .map_err(Error::io("list", path))?
            .flatten()
            .any(|entry| !(is_ours(&entry.file_name()) || has_case));
        if is_foreign {
            return Err(refuse("it holds files that are no case; give an empty or a new folder"));
        }
        let lock = path.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock)
            .map_err(Error::io("open", &lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(refuse("another process works on this case")),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &lock)(error)),
        }
        Ok(Self { path: path.to_owned(), _lock: file })
    }

    /// Refuses a case that is finished, and files that no case in the folder accounts for: items of another one may be among
    /// them.
    pub(super) fn check_unfinished(&self) -> Result<(), Error> {
        let refuse = |reason: &str| Err(Error::Case { path: self.path.clone(), reason: reason.to_owned() });
        if self.file(MANIFEST).exists() {
            return refuse(
                "this case is finished; give another folder, or say `--restart` to remove it and begin anew",
            );
        }
        // The evidence comes before the opening.
        let left = OURS.iter().filter(|name| ![OPENING, EVIDENCE].contains(name)).chain([&THUMBNAILS]);
        if !self.file(OPENING).exists() && left.into_iter().any(|name| self.file(name).exists()) {
            return refuse(
                "it holds files of a case but no case.json; give another folder, or say `--restart` to remove them and begin anew",
            );
        }
        Ok(())
    }

    /// Writes `case.json` and `evidence.csv`, or compares them with those of a case to go on with.
    pub(super) fn begin(&self, opening: &Opening, evidence: &[u8]) -> Result<(), Error> {
        let path = self.file(OPENING);
        match fs::read(&path) {
            Ok(bytes) => {
                let refuse = |reason: String| Error::Case { path: self.path.clone(), reason };
                let there: Opening = serde_json::from_slice(&bytes).map_err(|_| {
                    refuse("its case.json cannot be read; say `--restart` to begin anew".to_owned())
                })?;
                if let Some(what) = opening.difference(&there) {
                    return Err(refuse(format!(
                        "it holds an unfinished case with {what}; give another folder, or say `--restart` to remove it and begin anew"
                    )));
                }
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                output::replace(&self.file(EVIDENCE), evidence)?;
                let mut json = serde_json::to_vec_pretty(opening)
                    .map_err(|error| Error::io("write", &path)(error.into()))?;
                json.push(b'\n');
                output::replace(&path, &json)
            }
            Err(error) => Err(Error::io("read", &path)(error)),
        }?;
        let thumbnails = self.file(THUMBNAILS);
        if opening.thumbnails && !thumbnails.exists() {
            DirBuilder::new()
                .mode(0o700)
                .create(&thumbnails)
                .map_err(Error::io("make the folder", &thumbnails))?;
        }
        Ok(())
    }

    /// Removes the files of a case.
    pub(super) fn clear(&self) -> Result<(), Error> {
        // The manifest first: a case without it is unfinished, never wrong. The opening last: what is left without it is
        // never gone on with.
        for name in OURS.iter().rev() {
            let path = self.file(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &path)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let thumbnails = self.file(THUMBNAILS);
        if thumbnails.exists() {
            fs::remove_dir_all(&thumbnails).map_err(Error::io("remove", &thumbnails))?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where the thumbnail of an item lies, counted from 0; its name counts from 1, as lines do.
    pub(super) fn thumbnail(&self, item: usize) -> PathBuf {
        self.path.join(THUMBNAILS).join(format!("{:07}.jpg", item + 1))
    }

    /// All files of the case but the manifest and the lock, by name relative to the folder, sorted.
    pub(super) fn files(&self) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = OURS
            .iter()
            .filter(|name| **name != MANIFEST && self.file(name).exists())
            .map(|name| (*name).to_owned())
            .collect();
        let thumbnails = self.file(THUMBNAILS);
        if thumbnails.exists() {
            let entries = fs::read_dir(&thumbnails).map_err(Error::io("list", &thumbnails))?;
            names.extend(
                entries
                    .flatten()
                    .map(|entry| format!("{THUMBNAILS}/{}", entry.file_name().to_string_lossy())),
            );
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Whether a case folder, which may not be there yet, lies in the leak or the leak in it.
fn overlap(case: &Path, leak: &Path) -> bool {
    let absolute = std::path::absolute(case).unwrap_or_else(|_| case.to_owned());
    let real = absolute.ancestors().find_map(|there| {
        let rest = absolute.strip_prefix(there).ok()?;
        Some(fs::canonicalize(there).ok()?.join(rest))
    });
    real.is_none_or(|case| case.starts_with(leak) || leak.starts_with(&case))
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let whole = name.strip_suffix(".tmp").unwrap_or(name);
    OURS.contains(&whole) || [LOCK, THUMBNAILS].contains(&whole)
}
