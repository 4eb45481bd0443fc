//! Fingerprints that wait for their segment.
//!
//! Which local features a record keeps is known when all new records are counted, so a rebuild holds every new fingerprint
//! with its whole pool, about 17 kB, until it writes segments. In memory that would be 17 GB for the first rebuild of a
//! million records, and a run that is killed would lose hours. So a rebuild of more than some new records puts them down in
//! a *work file* as it goes, each sealed by itself, and reads them back, in any order, when it writes.
//!
//! Work files are no part of any generation. What a killed run left is found again by the digest of the file that a
//! fingerprint is of: the next run still reads that file, which takes a twentieth of decoding and fingerprinting it. Work
//! files are not synced: what a failing machine tears does not open, and is fingerprinted again.

mod frame;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use saltprint_keys::{ContentDigest, EpochId, IndexKey, system_random};

use crate::{IndexDir, IndexError, RebuildLock, SegmentId, SegmentRecord};

pub(crate) const WORK_SUFFIX: &str = ".work";

/// Longest frame: 1,024 features and names as long as they may be are far below.
const MAX_FRAME: u32 = 1 << 20;

/// Where a waiting fingerprint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkPlace(At);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In memory, one of the first.
    Held(u32),
    /// In the file of this run.
    Own { offset: u64, len: u32 },
    /// In the file of a run before, with so many local features.
    Left { file: u32, offset: u64, len: u32, features: u32 },
}

/// What killed rebuilds left.
#[derive(Debug, Default)]
pub struct Leftovers {
    files: Vec<(PathBuf, File)>,
    by_content: HashMap<ContentDigest, WorkPlace>,
}

/// The new fingerprints of one rebuild.
pub struct Work<'a> {
    dir: &'a IndexDir,
    key: &'a IndexKey,
    epoch: EpochId,
    leftovers: &'a Leftovers,
    /// The first fingerprints stay here too, so that a small rebuild writes no work file.
    held: Vec<SegmentRecord>,
    most_held: usize,
    file: Option<(PathBuf, File, u64)>,
    features: u64,
}

impl IndexDir {
    /// Reads what killed rebuilds of `epoch` left. Files of other keys or epochs are passed over, and damaged ones count up to
    /// the damage.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn leftovers(
        &self,
        _lock: &RebuildLock,
        key: &IndexKey,
        epoch: EpochId,
    ) -> Result<Leftovers, IndexError> {
        let mut left = Leftovers::default();
        for path in self.work_files()? {
            let file = File::open(&path).map_err(IndexError::io("open", &path))?;
            let number = u32::try_from(left.files.len()).unwrap_or(u32::MAX);
            let mut found = false;
            each_frame(&file, key, |offset, len, of, record| {
                if of == epoch {
                    found = true;
                    // A frame holds far fewer.
                    let features = u32::try_from(record.fingerprint.local.features.len()).unwrap_or(u32::MAX);
                    let place = WorkPlace(At::Left { file: number, offset, len, features });
                    left.by_content.insert(record.facts.content, place);
                }
            })
            .map_err(IndexError::io("read", &path))?;
            if found {
                left.files.push((path, file));
            }
        }
        Ok(left)
    }

    /// Calls `visit` with every record that lies in a work file, under whichever of `keys` it opens: what else the folder holds
    /// of somebody. Returns the number of files that none of them opens.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn each_leftover(
        &self,
        keys: &[&IndexKey],
        mut visit: impl FnMut(&SegmentRecord),
    ) -> Result<u64, IndexError> {
        let mut closed = 0;
        for path in self.work_files()? {
            let file = match File::open(&path) {
                Ok(file) => file,
                // A rebuild that ends removes them.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(IndexError::io("open", path)(error)),
            };
            let mut found = 0;
            for key in keys {
                each_frame(&file, key, |_, _, _, record| {
                    found += 1;
                    visit(&record);
                })
                .map_err(IndexError::io("read", &path))?;
            }
            let empty = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
            closed += u64::from(found == 0 && !empty);
        }
        Ok(closed)
    }

    fn work_files(&self) -> Result<Vec<PathBuf>, IndexError> {
        self.files(|name| name.ends_with(WORK_SUFFIX))
    }
}

impl Leftovers {
    /// Number of fingerprints.
    pub fn len(&self) -> usize {
        self.by_content.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_content.is_empty()
    }

    /// The fingerprint of a file with these bytes.
    pub fn find(&self, content: ContentDigest) -> Option<WorkPlace> {
        self.by_content.get(&content).copied()
    }

    /// The record that a run put down here; its ref and facts are those of then.
    ///
    /// # Errors
    /// [`IndexError::Io`], [`IndexError::Work`], [`IndexError::Inconsistent`].
    pub fn read(&self, key: &IndexKey, place: WorkPlace) -> Result<SegmentRecord, IndexError> {
        let At::Left { file, offset, len, .. } = place.0 else {
            return Err(IndexError::inconsistent("work", "not left by a run before"));
        };
        let file = self.files.get(file as usize);
        let (path, file) = file.ok_or(IndexError::inconsistent("work", "an unknown file"))?;
        read_frame(path, file, key, offset, len)
    }
}

impl<'a> Work<'a> {
    /// No fingerprints yet. A file is begun with more than `most_held` of them.
    pub fn new(
        dir: &'a IndexDir,
        _lock: &RebuildLock,
        key: &'a IndexKey,
        epoch: EpochId,
        leftovers: &'a Leftovers,
        most_held: usize,
    ) -> Self {
        Self { dir, key, epoch, leftovers, held: Vec::new(), most_held, file: None, features: 0 }
    }

    /// Takes a new record with its whole pool.
    ///
    /// # Errors
    /// [`IndexError::Io`] where it cannot be written: the disk may be full. What was written stays for the next run.
    pub fn push(&mut self, record: SegmentRecord) -> Result<WorkPlace, IndexError> {
        self.features += record.fingerprint.local.features.len() as u64;
        if self.file.is_none() && self.held.len() < self.most_held {
            self.held.push(record);
            // There are no more than the configuration asks for.
            return Ok(WorkPlace(At::Held(u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX))));
        }
        if self.file.is_none() {
            self.file = Some(self.create()?);
            for number in 0..self.held.len() {
                let sealed = frame::seal(self.key, self.epoch, &self.held[number])?;
                self.append(&sealed)?;
            }
        }
        let sealed = frame::seal(self.key, self.epoch, &record)?;
        self.append(&sealed)
    }

    /// Takes a fingerprint that a run before left.
    pub fn reuse(&mut self, place: WorkPlace) {
        if let At::Left { features, .. } = place.0 {
            self.features += u64::from(features);
        }
    }

    /// Local features of all that was taken.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// A record as it was taken. May be called from several threads.
    ///
    /// # Errors
    /// [`IndexError::Io`], [`IndexError::Work`], [`IndexError::Inconsistent`].
    pub fn read(&self, place: WorkPlace) -> Result<SegmentRecord, IndexError> {
        let unknown = IndexError::inconsistent("work", "an unknown place");
        match place.0 {
            At::Held(number) => self.held.get(number as usize).cloned().ok_or(unknown),
            At::Own { offset, len } => {
                let (path, file, _) = self.file.as_ref().ok_or(unknown)?;
                read_frame(path, file, self.key, offset, len)
            }
            At::Left { .. } => self.leftovers.read(self.key, place),
        }
    }

    fn create(&self) -> Result<(PathBuf, File, u64), IndexError> {
        let mut id = [0; 16];
        system_random(&mut id).map_err(IndexError::Random)?;
        let path = self.dir.path().join(format!("{}{WORK_SUFFIX}", SegmentId::from_bytes(id)));
        let file = OpenOptions::new().create_new(true).read(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(IndexError::io("create", &path))?;
        Ok((path, file, 0))
    }

    /// Adds a frame: its length, then its bytes.
    fn append(&mut self, sealed: &[u8]) -> Result<WorkPlace, IndexError> {
        let len = u32::try_from(sealed.len()).ok().filter(|len| *len <= MAX_FRAME);
        let len = len.ok_or(IndexError::inconsistent("work", "a record is too long"))?;
        let (path, file, end) =
            self.file.as_mut().ok_or(IndexError::inconsistent("work", "no file was begun"))?;
        let mut frame = Vec::with_capacity(4 + sealed.len());
        frame.extend_from_slice(&len.to_le_bytes());
        frame.extend_from_slice(sealed);
        file.write_all(&frame).map_err(IndexError::io("write", &*path))?;
        let offset = *end + 4;
        *end += frame.len() as u64;
        Ok(WorkPlace(At::Own { offset, len }))
    }
}

fn read_frame(
    path: &Path,
    file: &File,
    key: &IndexKey,
    offset: u64,
    len: u32,
) -> Result<SegmentRecord, IndexError> {
    let mut sealed = vec![0; len as usize];
    file.read_exact_at(&mut sealed, offset).map_err(IndexError::io("read", path))?;
    Ok(frame::open(key, &sealed)?.1)
}

/// Calls `visit` with offset, length, epoch and record of each frame, up to the end or to the first that does not open.
fn each_frame(
    file: &File,
    key: &IndexKey,
    mut visit: impl FnMut(u64, u32, EpochId, SegmentRecord),
) -> io::Result<()> {
    let size = file.metadata()?.len();
    let mut at = 0;
    let mut sealed = Vec::new();
    while at + 4 <= size {
        let mut len = [0; 4];
        file.read_exact_at(&mut len, at)?;
        let (len, offset) = (u32::from_le_bytes(len), at + 4);
        if len > MAX_FRAME || offset + u64::from(len) > size {
            break;
        }
        sealed.resize(len as usize, 0);
        file.read_exact_at(&mut sealed, offset)?;
        let Ok((epoch, record)) = frame::open(key, &sealed) else { break };
        visit(offset, len, epoch, record);
        at = offset + u64::from(len);
    }
    Ok(())
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
