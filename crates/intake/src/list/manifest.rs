//! Records named by a table, and the rule that no path leaves the vault's root.

use std::{
    collections::HashMap,
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io::{self, BufReader},
    path::{Component, Path, PathBuf},
};

use super::{
    Entry, ListReject,
    lines::{Line, Lines},
    row::{Header, Row},
};
#[cfg(feature = "object-store")]
use crate::Store;
use crate::{Error, Location, Refusal, Reject};

/// What the paths of a manifest are relative to.
#[derive(Debug)]
pub(super) enum Root {
    /// A folder, without symbolic links.
    Folder(PathBuf),
    /// A place in a store.
    #[cfg(feature = "object-store")]
    Store(Store),
}

/// The rows of a manifest, one after the other.
#[derive(Debug)]
pub(super) struct Rows {
    root: Root,
    lines: Lines<BufReader<File>>,
    form: Form,
    seen: SeenIds,
    failed: bool,
}

#[derive(Debug)]
enum Form {
    Csv(Header),
    JsonLines,
}

impl Rows {
    pub(super) fn open(root: Root, manifest: &Path) -> Result<Self, Error> {
        let path = || manifest.to_path_buf();
        let is = |extension| manifest.extension().is_some_and(|have| have.eq_ignore_ascii_case(extension));
        let csv = is("csv");
        if !csv && !is("jsonl") && !is("ndjson") {
            return Err(Error::ManifestType { path: path() });
        }
        // Opening a pipe would wait for a writer, so look first.
        let failed = |source| Error::Manifest { path: path(), source };
        if !fs::metadata(manifest).map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        let mut lines = Lines::new(BufReader::new(File::open(manifest).map_err(failed)?));
        let form = if csv {
            let header = match lines.next().map_err(failed)? {
                Some(Line::Text(line)) => Header::parse(&line)?,
                Some(Line::Bad(problem)) => return Err(Error::Header { problem: problem.to_owned() }),
                None => return Err(Error::Header { problem: "the file is empty".to_owned() }),
            };
            Form::Csv(header)
        } else {
            Form::JsonLines
        };
        Ok(Self { root, lines, form, seen: SeenIds::default(), failed: false })
    }

    pub(super) fn next(&mut self) -> Option<Result<Entry, ListReject>> {
        if self.failed {
            return None;
        }
        let result = match self.lines.next() {
            Ok(None) => return None,
            Ok(Some(Line::Text(line))) => self.entry(&line).map_err(Reject::from),
            Ok(Some(Line::Bad(problem))) => Err(Refusal::InvalidRow { problem: problem.to_owned() }.into()),
            Err(error) => {
                // The rest of the file cannot be read either: say so once.
                self.failed = true;
                let what = format!("line {} and all after it", self.lines.number() + 1);
                return Some(Err(ListReject { what, reason: Reject::from(&error) }));
            }
        };
        Some(result.map_err(|reason| ListReject { what: format!("line {}", self.lines.number()), reason }))
    }

    fn entry(&mut self, line: &str) -> Result<Entry, Refusal> {
        let row = match &self.form {
            Form::Csv(header) => header.row(line)?,
            Form::JsonLines => Row::from_json(line)?,
        };
        let (record_id, path, facts) = row.check()?;
        let location = match &self.root {
            Root::Folder(root) => Location::File(resolve(root, Path::new(&path))?),
            #[cfg(feature = "object-store")]
            Root::Store(store) => store.object(&path)?,
        };
        // Last, so that a row which is refused for another reason does not take the id.
        self.seen.insert(&record_id, self.lines.number())?;
        Ok(Entry { record_id, location, facts })
    }
}

/// The path below `root`, which must have no symbolic links itself.
///
/// Links on the way are resolved here, once, and what comes out has none: so nothing can lead out later by a link that
/// was there now. A path that leads to nothing is kept, for the reading to name.
fn resolve(root: &Path, path: &Path) -> Result<PathBuf, Refusal> {
    for component in path.components() {
        let how = match component {
            Component::Normal(_) | Component::CurDir => continue,
            Component::Prefix(_) | Component::RootDir => {
                "it is absolute; make it relative to the vault's root"
            }
            Component::ParentDir => "it has a .. in it",
        };
        return Err(Refusal::OutsideRoot { how });
    }
    let joined = root.join(path);
    match fs::canonicalize(&joined) {
        Ok(resolved) if resolved.starts_with(root) => Ok(resolved),
        Ok(_) => Err(Refusal::OutsideRoot { how: "a symbolic link leads out of the root" }),
        Err(_) if leads_through_link(root, path) => {
            Err(Refusal::OutsideRoot { how: "a symbolic link on the way cannot be resolved" })
        }
        Err(_) => Ok(joined),
    }
}

/// Whether a part of `path` below `root` is a symbolic link.
fn leads_through_link(root: &Path, path: &Path) -> bool {
    let mut at = root.to_path_buf();
    path.components().any(|component| {
        at.push(component);
        fs::symlink_metadata(&at).is_ok_and(|metadata| metadata.is_symlink())
    })
}

/// The record ids seen so far, as keyed 128-bit hashes: an id may have 4096 bytes, and there may be millions.
#[derive(Debug, Default)]
struct SeenIds {
    keys: [RandomState; 2],
    lines: HashMap<[u64; 2], u64>,
}

impl SeenIds {
    fn insert(&mut self, record_id: &str, line: u64) -> Result<(), Refusal> {
        let hash = [self.keys[0].hash_one(record_id), self.keys[1].hash_one(record_id)];
        match *self.lines.entry(hash).or_insert(line) {
            first_line if first_line == line => Ok(()),
            first_line => Err(Refusal::DuplicateRecordId { first_line, line }),
        }
    }
}
