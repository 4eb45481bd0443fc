//! The list of erasures in the index folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

use saltprint_keys::{IndexKey, SealError, system_random};

use crate::erasures::Erasures;
use crate::generation::pin::Seen;
use crate::{IndexDir, IndexError, Manifest};

pub(super) const ERASURES_NAME: &str = "ERASURES";
const LOCK_NAME: &str = "erasures.lock";

/// Tells whether the list of erasures is still the one that was read, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    /// Each list is longer than the one before, so that this alone would do.
    len: u64,
    changed: (i64, i64),
}

impl IndexDir {
    /// The list of erasures, under the first of `keys` that opens it: while keys change there are several. An empty one before
    /// the first erasure.
    ///
    /// # Errors
    /// [`IndexError::Erasures`] where it opens under none of the keys; [`IndexError::RolledBack`] where a longer one was seen;
    /// [`IndexError::Io`].
    pub fn erasures(&self, keys: &[&IndexKey]) -> Result<Erasures, IndexError> {
        let erasures = self.read_erasures(keys)?;
        self.check_rollback("list of erasures with the number", erasures.len(), |seen| seen.erasures)?;
        self.remember(Seen { generation: 0, erasures: erasures.len() })?;
        Ok(erasures)
    }

    /// The list for a generation, which has to be as long as the generation's manifest says.
    ///
    /// # Errors
    /// As [`IndexDir::erasures`], and [`IndexError::MissingErasures`].
    pub fn erasures_for(&self, keys: &[&IndexKey], manifest: &Manifest) -> Result<Erasures, IndexError> {
        let erasures = self.erasures(keys)?;
        self.check_length(&erasures, manifest)?;
        Ok(erasures)
    }

    /// Whether a list is as long as the manifest of a generation says.
    ///
    /// # Errors
    /// [`IndexError::MissingErasures`].
    pub fn check_length(&self, erasures: &Erasures, manifest: &Manifest) -> Result<(), IndexError> {
        if erasures.len() < manifest.erasures {
            let (path, found) = (self.path().join(ERASURES_NAME), erasures.len());
            return Err(IndexError::MissingErasures { path, found, applied: manifest.erasures });
        }
        Ok(())
    }

    /// By which a changed list is told; `None` where there is none.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn erasures_stamp(&self) -> Result<Option<Stamp>, IndexError> {
        let path = self.path().join(ERASURES_NAME);
        match fs::metadata(&path) {
            Ok(found) => Ok(Some(Stamp {
                device: found.dev(),
                inode: found.ino(),
                len: found.len(),
                changed: (found.ctime(), found.ctime_nsec()),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(IndexError::io("look at the list of erasures", path)(error)),
        }
    }

    /// Changes the list: read under one of `keys`, changed, written anew under `seal_with`, synced and put in place by one rename,
    /// while no other process does the same. A rebuild that runs is not waited for.
    ///
    /// # Errors
    /// As [`IndexDir::erasures`]; the list stays as it was then. [`IndexError::NoIndex`] where the folder is missing.
    pub fn change_erasures<T>(
        &self,
        keys: &[&IndexKey],
        seal_with: &IndexKey,
        change: impl FnOnce(&mut Erasures) -> T,
    ) -> Result<(T, Erasures), IndexError> {
        let _lock = self.lock_erasures()?;
        let mut erasures = self.erasures(keys)?;
        let before = erasures.len();
        let result = change(&mut erasures);
        if erasures.len() > before {
            self.write_erasures(seal_with, &erasures)?;
        }
        Ok((result, erasures))
    }

    /// Seals the list under `seal_with` where another of `keys` does now, so that the other one is needed no more.
    ///
    /// # Errors
    /// As [`IndexDir::change_erasures`].
    pub fn reseal_erasures(&self, keys: &[&IndexKey], seal_with: &IndexKey) -> Result<(), IndexError> {
        let _lock = self.lock_erasures()?;
        match self.read_erasures(&[seal_with]) {
            Ok(_) => Ok(()),
            Err(_) => self.write_erasures(seal_with, &self.erasures(keys)?),
        }
    }

    fn lock_erasures(&self) -> Result<File, IndexError> {
        let path = self.path().join(LOCK_NAME);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = match lock {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(IndexError::NoIndex { path: self.path().to_owned() });
            }
            result => result.map_err(IndexError::io("open the lock file", &path))?,
        };
        lock.lock().map_err(IndexError::io("lock", &path))?;
        Ok(lock)
    }

    fn read_erasures(&self, keys: &[&IndexKey]) -> Result<Erasures, IndexError> {
        let path = self.path().join(ERASURES_NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Erasures::default()),
            Err(error) => return Err(IndexError::io("read the list of erasures", path)(error)),
        };
        let mut refused = SealError::NotAuthentic;
        for key in keys {
            match Erasures::open(key, &bytes) {
                Ok(erasures) => return erasures,
                Err(error) => refused = error,
            }
        }
        Err(IndexError::Erasures { path, source: refused })
    }

    fn write_erasures(&self, key: &IndexKey, erasures: &Erasures) -> Result<(), IndexError> {
        let mut salt = [0; 32];
        system_random(&mut salt).map_err(IndexError::Random)?;
        let sealed = erasures.seal(key, salt)?;
        self.write_new(ERASURES_NAME, |file| file.write_all(&sealed))?;
        self.remember(Seen { generation: 0, erasures: erasures.len() })
    }
}
