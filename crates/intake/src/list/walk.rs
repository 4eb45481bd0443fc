//! Walking a folder tree, in a fixed order, without following links.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    vec,
};

use super::{Entry, ListReject};
use crate::{
    Facts, Refusal, Reject,
    facts::folder_facts,
    parts::escape_name,
    read::check_regular,
    system_names::{is_file_of_system, is_folder_of_system},
};

/// Which facts the place of a file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FactsRule {
    /// None: the folder is a leak. Its names are for people, so that they are escaped rather than refused, and hidden ones
    /// are names like any other: whoever made the leak may have hidden what is ours.
    None,
    /// The first folder below the root is the source.
    SourceFromFolder,
}

/// A depth-first walk with its open folders on a stack.
#[derive(Debug)]
pub(super) struct Walk {
    rule: FactsRule,
    open: Vec<Folder>,
    /// A folder that was met but not read yet, so that its failure is its own item.
    pending: Option<Folder>,
}

/// A folder whose names are being handed out.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// Path below the root, with `/` between the parts; empty for the root.
    relative: String,
    names: vec::IntoIter<OsString>,
}

impl Walk {
    pub(super) fn new(root: &Path, rule: FactsRule) -> Self {
        let folder =
            Folder { path: root.to_path_buf(), relative: String::new(), names: Vec::new().into_iter() };
        Self { rule, open: Vec::new(), pending: Some(folder) }
    }

    /// The next file or reject; counts hidden names into `hidden`.
    pub(super) fn next(&mut self, hidden: &mut u64) -> Option<Result<Entry, ListReject>> {
        loop {
            if let Some(mut folder) = self.pending.take() {
                match sorted_names(&folder.path) {
                    Ok(names) => {
                        folder.names = names.into_iter();
                        self.open.push(folder);
                    }
                    Err(error) => {
                        let what = if folder.relative.is_empty() { ".".to_owned() } else { folder.relative };
                        return Some(Err(ListReject { what, reason: Reject::from(&error) }));
                    }
                }
            }
            let folder = self.open.last_mut()?;
            let Some(name) = folder.names.next() else {
                self.open.pop();
                continue;
            };
            let bytes = name.as_encoded_bytes();
            if self.rule == FactsRule::SourceFromFolder && bytes.starts_with(b".") {
                *hidden += 1;
                continue;
            }
            let path = folder.path.join(&name);
            let escaped = escape_name(bytes);
            let known = match self.rule {
                FactsRule::None => Some(escaped.as_str()),
                FactsRule::SourceFromFolder => name.to_str(),
            };
            let what = join(&folder.relative, known.unwrap_or(&escaped));
            let look = Self::look(&path, known.is_some());
            let of_system = match look {
                Ok(true) => is_folder_of_system(bytes),
                Ok(false) => is_file_of_system(bytes),
                Err(_) => false,
            };
            if of_system && self.rule == FactsRule::None {
                *hidden += 1;
                continue;
            }
            match look {
                Ok(true) => {
                    self.pending = Some(Folder { path, relative: what, names: Vec::new().into_iter() });
                }
                Ok(false) => return Some(self.entry(what, path)),
                Err(reason) => return Some(Err(self.reject(what, reason))),
            }
        }
    }

    /// A reject, its name escaped unless it is already.
    fn reject(&self, what: String, reason: Reject) -> ListReject {
        let what = match self.rule {
            FactsRule::SourceFromFolder if reason != Refusal::NameNotUtf8.into() => {
                escape_name(what.as_bytes())
            }
            FactsRule::SourceFromFolder | FactsRule::None => what,
        };
        ListReject { what, reason }
    }

    /// Whether the path is a folder (`true`) or a regular file (`false`).
    fn look(path: &Path, has_name: bool) -> Result<bool, Reject> {
        let kind = fs::symlink_metadata(path).map_err(|error| Reject::from(&error))?.file_type();
        if kind.is_symlink() {
            return Err(Refusal::SymbolicLink.into());
        }
        if !has_name {
            return Err(Refusal::NameNotUtf8.into());
        }
        if kind.is_dir() {
            return Ok(true);
        }
        check_regular(kind)?;
        Ok(false)
    }

    fn entry(&self, record_id: String, path: PathBuf) -> Result<Entry, ListReject> {
        if self.rule == FactsRule::None {
            return Ok(Entry { record_id, location: path.into(), facts: Facts::default() });
        }
        match folder_facts(&record_id) {
            Ok(facts) => Ok(Entry { record_id, location: path.into(), facts }),
            Err(refusal) => Err(self.reject(record_id, refusal.into())),
        }
    }
}

fn sorted_names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
