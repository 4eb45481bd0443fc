//! Why a whole listing cannot start.

use std::{io, path::PathBuf};

/// A vault, a folder or a manifest that cannot be listed at all.
///
/// What is wrong with a single file or row is a [`Reject`](crate::Reject) and does not stop a listing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder cannot be opened.
    #[error("cannot open the folder {}", path.display())]
    Folder {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path of a vault is no folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The path as it was given.
        path: PathBuf,
    },
    /// An object store cannot be used, or does not answer.
    #[error("the object store {url} cannot be used: {problem}")]
    Store {
        /// Its URL, without secrets.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The manifest cannot be read.
    #[error("cannot read the manifest {}", path.display())]
    Manifest {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest's file name does not tell its type.
    #[error("the type of the manifest {} is unknown; name it .csv, .jsonl or .ndjson", path.display())]
    ManifestType {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The manifest has no header line, or one that is no row of text.
    #[error("the manifest's header cannot be read: {problem}")]
    Header {
        /// What is wrong with it.
        problem: String,
    },
    /// The manifest lacks a column.
    #[error("the manifest has no column {missing}; its columns are: {}", found.join(", "))]
    MissingColumn {
        /// The first column that is missing.
        missing: &'static str,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// The manifest has columns that are not known. A misspelt `subject` must not go unnoticed.
    #[error("the manifest has unknown columns: {}; known are: {}", unknown.join(", "), known.join(", "))]
    UnknownColumns {
        /// The columns that are not known.
        unknown: Vec<String>,
        /// The columns that a manifest may have.
        known: &'static [&'static str],
    },
    /// The manifest has a column twice.
    #[error("the manifest has the column {column} more than once")]
    RepeatedColumn {
        /// Its name.
        column: String,
    },
}
