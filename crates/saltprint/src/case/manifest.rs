//! `manifest.json`: what the case consists of, and how to get it again.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::opening::{Folder, Opening};
use super::{CaseSummary, IndexFacts, MANIFEST, evidence};
use crate::{Error, output};

/// Version of `manifest.json`.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize)]
struct CaseManifest<'a> {
    format: u32,
    /// Version of the program.
    version: &'a str,
    case_id: &'a str,
    purpose: &'a str,
    /// Seconds since 1970: the one time that is stated.
    finished: u64,
    /// The command that does the same again.
    command: &'a str,
    /// The index that answered, with its thresholds.
    index: &'a IndexFacts,
    inputs: Inputs,
    evidence_role: bool,
    files: Vec<FileDigests>,
}

#[derive(Debug, Serialize)]
struct Inputs {
    files: u64,
    bytes: u64,
    hidden: u64,
    images: u64,
    /// Which file has their digests.
    listed_in: &'static str,
}

#[derive(Debug, Serialize)]
struct FileDigests {
    name: String,
    bytes: u64,
    sha256: String,
    blake3: String,
}

/// Writes the manifest; the case is finished with it.
pub(super) fn write(
    folder: &Folder,
    summary: &CaseSummary,
    opening: &Opening,
    command: &str,
    finished: SystemTime,
) -> Result<PathBuf, Error> {
    let mut files = Vec::new();
    for name in folder.files()? {
        let path = folder.file(&name);
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let (sha256, blake3) = evidence::hex_digests(&bytes);
        files.push(FileDigests { name, bytes: bytes.len() as u64, sha256, blake3 });
    }
    let manifest = CaseManifest {
        format: FORMAT,
        version: &summary.version,
        case_id: &summary.case_id,
        purpose: &summary.purpose,
        finished: finished.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        command,
        index: &summary.index,
        inputs: Inputs {
            files: summary.files,
            bytes: summary.bytes,
            hidden: summary.hidden,
            images: summary.totals.inputs,
            listed_in: "evidence.csv",
        },
        evidence_role: opening.evidence,
        files,
    };
    let path = folder.file(MANIFEST);
    let mut json =
        serde_json::to_vec_pretty(&manifest).map_err(|error| Error::io("write", &path)(error.into()))?;
    json.push(b'\n');
    output::replace(&path, &json)?;
    // So that the manifest's name is as durable as its bytes.
    std::fs::File::open(folder.path())
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("sync", folder.path()))?;
    Ok(path)
}
