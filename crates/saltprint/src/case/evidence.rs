//! The evidence: every file of the leak with its digests, taken down before anything is looked up.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use saltprint_intake::{Reject, Unreadable, list_inputs, stamp};
use sha2::{Digest as _, Sha256};

use crate::triage::{Seen, TriageInput, Version, name_of};
use crate::{Error, Phase, Progress};

/// Files that are hashed between two looks at the progress.
const BATCH: usize = 64;

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// The files of a leak, in the order in which they are looked up.
pub(super) struct Evidence {
    files: Vec<EvidenceFile>,
    /// Names passed over because they begin with a dot.
    pub(super) hidden: u64,
    /// Bytes of all files that could be read.
    pub(super) bytes: u64,
}

struct EvidenceFile {
    name: String,
    path: PathBuf,
    found: Result<Digests, Reject>,
}

struct Digests {
    bytes: u64,
    sha256: [u8; 32],
    seen: Seen,
}

impl Evidence {
    /// Lists and hashes the leak, a folder or one file.
    ///
    /// # Errors
    /// [`Error::Listing`] where a folder cannot be listed, or where there is nothing at all.
    pub(super) fn take(leak: &Path, progress: &dyn Progress) -> Result<Self, Error> {
        let mut listed: Vec<(String, PathBuf, Result<(), Reject>)> = Vec::new();
        let mut hidden = 0;
        if leak.is_file() {
            listed.push((name_of(leak), leak.to_owned(), Ok(())));
        } else {
            let mut listing = list_inputs(leak)?;
            listed.extend(listing.by_ref().map(|entry| match entry {
                Ok(entry) => (entry.record_id, entry.location.as_path().to_owned(), Ok(())),
                Err(reject) => (reject.what, PathBuf::new(), Err(reject.reason)),
            }));
            hidden = listing.hidden();
        }
        let total = listed.len() as u64;
        let mut files = Vec::with_capacity(listed.len());
        let mut listed = listed.into_iter();
        loop {
            let batch: Vec<_> = listed.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            files.par_extend(batch.into_par_iter().map(|(name, path, listed)| {
                let found = listed.and_then(|()| digests(&path));
                EvidenceFile { name, path, found }
            }));
            progress.update(Phase::Hashing, files.len() as u64, Some(total));
        }
        let bytes = files.iter().filter_map(|file| file.found.as_ref().ok()).map(|found| found.bytes).sum();
        Ok(Self { files, hidden, bytes })
    }

    pub(super) fn len(&self) -> u64 {
        self.files.len() as u64
    }

    /// What to look up: each file with what it must still be.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (TriageInput, Option<Seen>)> {
        self.files.iter().map(|file| match &file.found {
            Ok(found) => (TriageInput::file(file.name.clone(), file.path.clone()), Some(found.seen)),
            Err(reject) => (TriageInput::Rejected { name: file.name.clone(), reject: reject.clone() }, None),
        })
    }

    /// `evidence.csv`: a line a file.
    pub(super) fn table(&self) -> Result<Vec<u8>, csv::Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["input", "bytes", "sha256", "blake3", "problem"])?;
        for file in &self.files {
            let name = super::table::cell(&file.name);
            match &file.found {
                Ok(found) => table.write_record([
                    &*name,
                    &found.bytes.to_string(),
                    &hex(&found.sha256),
                    found.seen.digest.to_hex().as_str(),
                    "",
                ])?,
                Err(reject) => table.write_record([&*name, "", "", "", reject.code()])?,
            }
        }
        table.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Both digests of a file in memory, as hexadecimal digits: SHA-256, then BLAKE3.
pub(super) fn hex_digests(bytes: &[u8]) -> (String, String) {
    (hex(&Sha256::digest(bytes)), blake3::hash(bytes).to_hex().to_string())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digests(path: &Path) -> Result<Digests, Reject> {
    stamp(path)?;
    let version = Version::of(path).ok_or(Unreadable::NotFound)?;
    let mut file = File::open(path).map_err(|error| Reject::from(&error))?;
    let (mut sha256, mut blake3) = (Sha256::new(), blake3::Hasher::new());
    let mut block = vec![0; BLOCK.min(usize::try_from(version.size).unwrap_or(BLOCK).max(1))];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut block).map_err(|error| Reject::from(&error))?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        sha256.update(&block[..count]);
        blake3.update(&block[..count]);
    }
    let seen = Seen { digest: blake3.finalize(), version };
    Ok(Digests { bytes, sha256: sha256.finalize().into(), seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoProgress;

    #[test]
    fn digests_are_those_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "abc").unwrap();
        std::fs::write(folder.path().join("=b"), "").unwrap();
        std::fs::write(folder.path().join(".c"), "").unwrap();
        std::os::unix::fs::symlink("a.txt", folder.path().join("link")).unwrap();
        let evidence = Evidence::take(folder.path(), &NoProgress).unwrap();
        assert_eq!((evidence.len(), evidence.hidden, evidence.bytes), (3, 1, 3));
        let table = String::from_utf8(evidence.table().unwrap()).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].starts_with("'=b,0,e3b0c44298fc1c149afbf4c8996fb924"), "{table}");
        // FIPS 180-2, appendix B.1, and the reference of BLAKE3.
        assert_eq!(
            lines[2],
            "a.txt,3,ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,\
             6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85,"
        );
        assert_eq!(lines[3], "link,,,,symbolic_link");
        let one = Evidence::take(&folder.path().join("a.txt"), &NoProgress).unwrap();
        assert_eq!(one.len(), 1);
        assert!(Evidence::take(&folder.path().join("missing"), &NoProgress).is_err());
    }
}
