//! Inputs that lie as files beside the fuzzer: seeds that we have no writer for, and those that once broke something.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// Inputs under `fuzz/seeds`: small files that programs of others wrote.
pub fn stored_seeds(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    files("seeds", target.name)
}

/// Inputs under `fuzz/regressions`, each of which broke a promise once. `fuzz/README.md` says which.
pub fn regressions(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    files("regressions", target.name)
}

/// The files of a folder, by name; none where there is no folder.
fn files(kind: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind).join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| fs::read(&path).ok().map(|bytes| (path, bytes));
    paths.into_iter().filter_map(read).collect()
}
