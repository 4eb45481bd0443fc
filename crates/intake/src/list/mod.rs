//! Listing: which records a vault has, or which inputs a leak has, without opening any image.

mod lines;
mod manifest;
mod row;
mod walk;

use std::{
    fs,
    path::{Path, PathBuf},
};

#[cfg(feature = "object-store")]
use crate::store::{Objects, Store};
use crate::{Error, Facts, Location, Reject};

use manifest::{Root, Rows};
use walk::{FactsRule, Walk};

pub use lines::MAX_LINE_BYTES;

/// One image to read: a record of the vault or an input of a leak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The record id; at most [`MAX_RECORD_ID_BYTES`](crate::MAX_RECORD_ID_BYTES), printable.
    pub record_id: String,
    /// Where its bytes are.
    pub location: Location,
    /// What is known about it.
    pub facts: Facts,
}

/// Something that a listing met and that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListReject {
    /// What it is: the relative path in a folder, `line N` in a manifest.
    pub what: String,
    /// Why it is no record.
    pub reason: Reject,
}

/// Where a vault's records are listed.
///
/// ```
/// use saltprint_intake::Vault;
///
/// let folder = tempfile::tempdir()?;
/// std::fs::create_dir(folder.path().join("vendor-a"))?;
/// std::fs::write(folder.path().join("vendor-a/7.jpg"), b"...")?;
///
/// let listing = Vault::Folder { root: folder.path().into() }.list()?;
/// let entries: Vec<_> = listing.filter_map(Result::ok).collect();
/// assert_eq!(entries[0].record_id, "vendor-a/7.jpg");
/// assert_eq!(entries[0].facts.source.as_deref(), Some("vendor-a"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vault {
    /// Every file below a folder is a record; its id is its path below the folder, with `/` between the parts.
    /// A file in a subfolder has the first part as its source; other facts are unknown.
    Folder {
        /// The folder.
        root: PathBuf,
    },
    /// A table names the records: `record_id`, `path` and, as one likes, `subject`, `source`, `captured` and `kind`;
    /// CSV with a header line (`.csv`) or one JSON object a line (`.jsonl`, `.ndjson`), in UTF-8. No field may
    /// hold a line break. A path is relative to the root and must not leave it.
    Manifest {
        /// The folder that the paths are relative to.
        root: PathBuf,
        /// The table.
        manifest: PathBuf,
    },
    /// Every object below a place in an object store is a record, with the id and the source that a file of the same
    /// path below a folder would have; or a table names the records, as above, with paths relative to that place.
    #[cfg(feature = "object-store")]
    Store {
        /// The place.
        store: Store,
        /// The table, a file, if there is one.
        manifest: Option<PathBuf>,
    },
}

impl Vault {
    /// Starts listing the records.
    ///
    /// # Errors
    /// An [`Error`] where the folder or the manifest cannot be opened, or where the manifest's header is wrong.
    pub fn list(&self) -> Result<Listing, Error> {
        match self {
            Self::Folder { root } => {
                let walk = Walk::new(&open_folder(root)?, FactsRule::SourceFromFolder);
                Ok(Listing { state: State::Walk(walk), hidden: 0 })
            }
            Self::Manifest { root, manifest } => {
                let rows = Rows::open(Root::Folder(open_folder(root)?), manifest)?;
                Ok(Listing { state: State::Rows(Box::new(rows)), hidden: 0 })
            }
            #[cfg(feature = "object-store")]
            Self::Store { store, manifest: None } => {
                Ok(Listing { state: State::Objects(Objects::new(store)), hidden: 0 })
            }
            #[cfg(feature = "object-store")]
            Self::Store { store, manifest: Some(manifest) } => {
                let rows = Rows::open(Root::Store(store.clone()), manifest)?;
                Ok(Listing { state: State::Rows(Box::new(rows)), hidden: 0 })
            }
        }
    }

    /// That nothing is known which makes the list incomplete or records unreadable though nothing is wrong with them: an
    /// object store that did not answer. A job asks before it takes what it read for the whole vault. Always well for
    /// folders.
    ///
    /// # Errors
    /// [`Error::Store`].
    #[cfg_attr(
        not(feature = "object-store"),
        expect(clippy::unnecessary_wraps, reason = "only object stores have outages")
    )]
    pub fn check_outage(&self) -> Result<(), Error> {
        match self {
            Self::Folder { .. } | Self::Manifest { .. } => Ok(()),
            #[cfg(feature = "object-store")]
            Self::Store { store, .. } => store.outage(),
        }
    }

    /// Whether reading a record means to wait for a network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Folder { .. } | Self::Manifest { .. } => false,
            #[cfg(feature = "object-store")]
            Self::Store { .. } => true,
        }
    }

    /// What the [paths](Location::as_path) of all its records begin with: the folder without symbolic links in its path,
    /// or the start of the keys of a store.
    ///
    /// # Errors
    /// An [`Error`] where the folder cannot be opened.
    pub fn root(&self) -> Result<PathBuf, Error> {
        match self {
            Self::Folder { root } | Self::Manifest { root, .. } => open_folder(root),
            #[cfg(feature = "object-store")]
            Self::Store { store, .. } => Ok(store.prefix().into()),
        }
    }

    /// The same place with the records that `manifest` names.
    #[must_use]
    pub fn with_manifest(&self, manifest: PathBuf) -> Self {
        match self {
            Self::Folder { root } | Self::Manifest { root, .. } => {
                Self::Manifest { root: root.clone(), manifest }
            }
            #[cfg(feature = "object-store")]
            Self::Store { store, .. } => Self::Store { store: store.clone(), manifest: Some(manifest) },
        }
    }
}

/// Lists every file below `folder` as an input without facts: how a leak is listed. All are files. The `record_id` of an entry is its
/// path below the folder, escaped by [`escape_name`](crate::escape_name). Hidden files and folders are listed as well, since
/// they are evidence like any other; see [`Listing::hidden`] for the few that are not.
///
/// # Errors
/// An [`Error`] where the folder cannot be opened.
pub fn list_inputs(folder: &Path) -> Result<Listing, Error> {
    Ok(Listing { state: State::Walk(Walk::new(&open_folder(folder)?, FactsRule::None)), hidden: 0 })
}

/// The entries of a vault or a leak, one after the other, each time in the same order.
///
/// A folder is walked depth first, the names of each folder in byte order; memory grows with the largest folder.
/// A manifest is read row by row; memory grows by about 40 bytes a row, to find repeated record ids. A store is listed
/// as it names its objects.
/// An item that is no record is an [`Err`] and the listing goes on.
#[derive(Debug)]
pub struct Listing {
    state: State,
    hidden: u64,
}

#[derive(Debug)]
enum State {
    Walk(Walk),
    Rows(Box<Rows>),
    #[cfg(feature = "object-store")]
    Objects(Objects),
}

impl Listing {
    /// Files and folders passed over so far because their names start with a dot or, in a leak, because they are macOS's own
    /// (`._x`, `.DS_Store`, `.localized`, `__MACOSX`). What is inside such a folder is not counted.
    #[must_use]
    pub fn hidden(&self) -> u64 {
        self.hidden
    }
}

impl Iterator for Listing {
    type Item = Result<Entry, ListReject>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.state {
            State::Walk(walk) => walk.next(&mut self.hidden),
            State::Rows(rows) => rows.next(),
            #[cfg(feature = "object-store")]
            State::Objects(objects) => objects.next(&mut self.hidden),
        }
    }
}

/// The folder without symbolic links in its path, so that a link to the vault itself is fine.
fn open_folder(path: &Path) -> Result<PathBuf, Error> {
    let folder = |source| Error::Folder { path: path.to_path_buf(), source };
    let canonical = fs::canonicalize(path).map_err(folder)?;
    if !fs::metadata(&canonical).map_err(folder)?.is_dir() {
        return Err(Error::NotAFolder { path: path.to_path_buf() });
    }
    // A root that cannot be read is an error now, not an empty vault later.
    fs::read_dir(&canonical).map_err(folder)?;
    Ok(canonical)
}

#[cfg(test)]
mod tests;
