//! A memory outside of the index folder: an older generation, put in the place of a newer one, is noticed by it.
//!
//! Everything in the index folder is authentic, but so is an old copy of it. The pin remembers the highest generation, and
//! the longest list of erasures, that a program on this machine has seen. It is a file of lines that are only appended, each
//! in one write, so that readers and a rebuild need no lock; a line that was torn does not count. It holds two numbers and
//! no secret, and protects against a restored backup and against whoever can write the index folder alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::IndexError;

/// What was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Highest number of a generation.
    pub generation: u64,
    /// Most entries of the list of erasures.
    pub erasures: u64,
}

/// The file.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    path: PathBuf,
}

impl Pin {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What was seen; nothing where there is no file yet.
    pub(super) fn seen(&self) -> Result<Seen, IndexError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(read(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Seen::default()),
            Err(error) => Err(IndexError::io("read the pin", &self.path)(error)),
        }
    }

    /// Remembers more, where it is more.
    pub(super) fn raise(&self, present: Seen) -> Result<(), IndexError> {
        let seen = self.seen()?;
        if present.generation <= seen.generation && present.erasures <= seen.erasures {
            return Ok(());
        }
        self.append("seen", present)
    }

    /// Forgets what was seen before, because somebody said so.
    pub(super) fn reset(&self, present: Seen) -> Result<(), IndexError> {
        self.append("reset", present)
    }

    fn append(&self, word: &str, Seen { generation, erasures }: Seen) -> Result<(), IndexError> {
        // The leading newline ends what a kill may have torn.
        let line = format!("\n{word} generation {generation} erasures {erasures} .\n");
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync_all()
            })
            .map_err(IndexError::io("write the pin", &self.path))
    }
}

fn read(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((word, line)) = std::str::from_utf8(line).ok().and_then(parse) else { continue };
        if word == "reset" {
            seen = line;
        }
        seen.generation = seen.generation.max(line.generation);
        seen.erasures = seen.erasures.max(line.erasures);
    }
    seen
}

fn parse(line: &str) -> Option<(&str, Seen)> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [word @ ("seen" | "reset"), "generation", generation, "erasures", erasures, "."] => {
            Some((word, Seen { generation: generation.parse().ok()?, erasures: erasures.parse().ok()? }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(generation: u64, erasures: u64) -> Seen {
        Seen { generation, erasures }
    }

    #[test]
    fn it_remembers_the_most_until_it_is_told_to_forget() {
        let folder = tempfile::tempdir().unwrap();
        let pin = Pin::new(folder.path().join("index.pin"));
        assert_eq!(pin.seen().unwrap(), Seen::default());
        pin.raise(seen(3, 1)).unwrap();
        pin.raise(seen(2, 2)).unwrap();
        assert_eq!(pin.seen().unwrap(), seen(3, 2));
        let length = fs::metadata(pin.path()).unwrap().len();
        pin.raise(seen(3, 2)).unwrap();
        pin.raise(seen(1, 0)).unwrap();
        assert_eq!(fs::metadata(pin.path()).unwrap().len(), length, "nothing new, nothing written");
        pin.reset(seen(1, 0)).unwrap();
        assert_eq!(pin.seen().unwrap(), seen(1, 0));
        pin.raise(seen(4, 0)).unwrap();
        assert_eq!(pin.seen().unwrap(), seen(4, 0));
    }

    #[test]
    fn a_torn_line_does_not_count_and_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let pin = Pin::new(folder.path().join("index.pin"));
        pin.raise(seen(12, 1)).unwrap();
        let whole = fs::read(pin.path()).unwrap();
        for length in 0..whole.len() - 1 {
            fs::write(pin.path(), &whole[..length]).unwrap();
            assert_eq!(pin.seen().unwrap(), Seen::default(), "{length} bytes");
            pin.raise(seen(7, 0)).unwrap();
            assert_eq!(pin.seen().unwrap(), seen(7, 0), "{length} bytes");
        }
    }
}
