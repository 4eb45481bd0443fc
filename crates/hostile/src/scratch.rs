//! Folders for parsers that read files.

use std::path::Path;

use tempfile::TempDir;

/// A private folder, in memory where the system has such a place.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder")
}
