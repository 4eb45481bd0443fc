//! The index folder.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use saltprint_keys::{EpochId, IndexKey, system_random};

use crate::generation::erase::ERASURES_NAME;
use crate::generation::pin::{Pin, Seen};
use crate::generation::snapshot::Generation;
use crate::work::WORK_SUFFIX;
use crate::{Census, CensusId, IndexError, Manifest};

const MANIFEST_NAME: &str = "MANIFEST";
/// The manifest of the epoch before, while that answers.
const PREVIOUS_MANIFEST_NAME: &str = "MANIFEST.previous";
const LOCK_NAME: &str = "lock";
const CATALOG_NAME: &str = "catalog.redb";
pub(super) const TEMPORARY_SUFFIX: &str = ".tmp";
const SEGMENT_SUFFIX: &str = ".seg";

/// How often opening starts over when a rebuild publishes and cleans up between reading the manifest and opening
/// the segments that it names. Each round means a whole rebuild has passed, so a few are plenty.
const OPEN_ATTEMPTS: usize = 5;

pub(super) const CENSUS_SUFFIX: &str = ".cen";
const PROFILE_PREFIX: &str = "profile-";
const PROFILE_SUFFIX: &str = ".salt";

/// A folder that holds one index. Making the value touches nothing.
#[derive(Debug, Clone)]
pub struct IndexDir {
    path: PathBuf,
    pub(super) pin: Option<Pin>,
}

/// Proof that this process is the only one that rebuilds; the lock goes when it is dropped, or with the process.
#[derive(Debug)]
pub struct RebuildLock {
    _file: File,
}

impl IndexDir {
    /// The index at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), pin: None }
    }

    /// Remembers at `path`, outside of the folder, what was seen in it, and refuses what is older.
    #[must_use]
    pub fn pinned_at(self, path: impl Into<PathBuf>) -> Self {
        Self { pin: Some(Pin::new(path.into())), ..self }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the catalog lies.
    pub fn catalog_path(&self) -> PathBuf {
        self.path.join(CATALOG_NAME)
    }

    /// Creates the folder (mode 0700) where it is missing and locks it for rebuilding.
    ///
    /// # Errors
    /// [`IndexError::Locked`] while another process holds the lock; [`IndexError::Io`].
    pub fn lock(&self) -> Result<RebuildLock, IndexError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(IndexError::io("create the index folder", &self.path))?;
        let path = self.path.join(LOCK_NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(IndexError::io("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(RebuildLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(IndexError::Locked { path }),
            Err(TryLockError::Error(error)) => Err(IndexError::io("lock", path)(error)),
        }
    }

    /// The published manifest; `None` before the first publication.
    ///
    /// # Errors
    /// [`IndexError::Manifest`] where it does not open under the key; [`IndexError::Inconsistent`];
    /// [`IndexError::RolledBack`] where a newer one was seen.
    pub fn manifest(&self, key: &IndexKey) -> Result<Option<Manifest>, IndexError> {
        let manifest = self.open_manifest(MANIFEST_NAME, key)?;
        if let Some(manifest) = &manifest {
            self.check_rollback("generation", manifest.generation, |seen| seen.generation)?;
        }
        Ok(manifest)
    }

    /// The manifest that was published last under the keys before these; `None` where there is none. It counts only while the
    /// published one names its epoch as [previous](Manifest::previous).
    ///
    /// # Errors
    /// As [`IndexDir::manifest`].
    pub fn previous_manifest(&self, key: &IndexKey) -> Result<Option<Manifest>, IndexError> {
        self.open_manifest(PREVIOUS_MANIFEST_NAME, key)
    }

    fn open_manifest(&self, name: &str, key: &IndexKey) -> Result<Option<Manifest>, IndexError> {
        let path = self.path.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IndexError::io("read the manifest", path)(error)),
        };
        Manifest::open(key, &bytes).map_err(|source| IndexError::Manifest { path, source })?.map(Some)
    }

    /// What was seen in the folder so far; nothing where nothing is remembered.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn seen(&self) -> Result<Seen, IndexError> {
        self.pin.as_ref().map_or(Ok(Seen::default()), Pin::seen)
    }

    /// Takes `present`, which lies in the folder, for the newest, whatever was seen before: after a backup was restored on
    /// purpose.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn accept_rollback(&self, _lock: &RebuildLock, present: Seen) -> Result<(), IndexError> {
        self.pin.as_ref().map_or(Ok(()), |pin| pin.reset(present))
    }

    pub(super) fn check_rollback(
        &self,
        what: &'static str,
        found: u64,
        seen: impl Fn(&Seen) -> u64,
    ) -> Result<(), IndexError> {
        let Some(pin) = &self.pin else { return Ok(()) };
        let seen = seen(&pin.seen()?);
        if found < seen {
            let (path, pin) = (self.path.clone(), pin.path().to_owned());
            return Err(IndexError::RolledBack { path, what, found, seen, pin });
        }
        Ok(())
    }

    /// Remembers what was seen. Whoever may read the index but not write the pin only checks it.
    pub(super) fn remember(&self, seen: Seen) -> Result<(), IndexError> {
        match self.pin.as_ref().map_or(Ok(()), |pin| pin.raise(seen)) {
            Err(IndexError::Io { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Ok(())
            }
            result => result,
        }
    }

    /// Opens the published generation.
    ///
    /// # Errors
    /// [`IndexError::NoIndex`], [`IndexError::Manifest`], [`IndexError::WrongEpoch`], [`IndexError::Segment`],
    /// [`IndexError::ForeignSegment`].
    pub fn open(&self, key: &IndexKey, epoch: EpochId) -> Result<Generation, IndexError> {
        let mut attempt = 1;
        loop {
            let manifest =
                self.manifest(key)?.ok_or_else(|| IndexError::NoIndex { path: self.path.clone() })?;
            let generation = manifest.generation;
            match Generation::open(&self.path, manifest, key, epoch) {
                Err(error) if attempt < OPEN_ATTEMPTS && is_missing(&error) => {
                    attempt += 1;
                    if self.manifest(key)?.is_some_and(|now| now.generation == generation) {
                        return Err(error);
                    }
                }
                Ok(opened) => {
                    self.remember(Seen { generation, erasures: 0 })?;
                    return Ok(opened);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens the generation that a manifest of the epoch before names.
    ///
    /// # Errors
    /// As [`IndexDir::open`].
    pub fn open_previous(&self, manifest: Manifest, key: &IndexKey) -> Result<Generation, IndexError> {
        let epoch = manifest.epoch;
        Generation::open(&self.path, manifest, key, epoch)
    }

    /// Opens a generation that is not published yet, to measure it.
    ///
    /// # Errors
    /// As [`IndexDir::open`].
    pub fn open_unpublished(
        &self,
        _lock: &RebuildLock,
        manifest: Manifest,
        key: &IndexKey,
        epoch: EpochId,
    ) -> Result<Generation, IndexError> {
        Generation::open(&self.path, manifest, key, epoch)
    }

    /// Stores the sealed profile of an epoch beside the segments that were made with it, so that an index stays
    /// readable while the next profile is being calibrated.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn write_profile(
        &self,
        _lock: &RebuildLock,
        epoch: EpochId,
        sealed: &[u8],
    ) -> Result<(), IndexError> {
        let name = profile_name(epoch);
        if fs::read(self.path.join(&name)).is_ok_and(|present| present == sealed) {
            return Ok(());
        }
        self.write_new(&name, |file| file.write_all(sealed)).map(|_| ())
    }

    /// The sealed profile of an epoch.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn read_profile(&self, epoch: EpochId) -> Result<Vec<u8>, IndexError> {
        let path = self.path.join(profile_name(epoch));
        fs::read(&path).map_err(IndexError::io("read the profile", path))
    }

    /// Stores a census under a name of its own, for the manifest to name.
    ///
    /// # Errors
    /// [`IndexError::Io`], [`IndexError::Random`].
    pub fn write_census(
        &self,
        _lock: &RebuildLock,
        key: &IndexKey,
        epoch: EpochId,
        census: &Census,
    ) -> Result<CensusId, IndexError> {
        let mut random = [0; 48];
        system_random(&mut random).map_err(IndexError::Random)?;
        let (mut id, mut salt) = ([0; 16], [0; 32]);
        id.copy_from_slice(&random[..16]);
        salt.copy_from_slice(&random[16..]);
        let id = CensusId::from_bytes(id);
        let sealed = census.seal(key, epoch, salt);
        self.write_new(&id.file_name(), |file| file.write_all(&sealed))?;
        Ok(id)
    }

    /// The census that a manifest names.
    ///
    /// # Errors
    /// [`IndexError::MissingCensus`], [`IndexError::Io`], [`IndexError::Census`], [`IndexError::Inconsistent`].
    pub fn read_census(&self, key: &IndexKey, manifest: &Manifest) -> Result<Census, IndexError> {
        let path = self.path.join(manifest.census.file_name());
        let sealed = match fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(IndexError::MissingCensus { path });
            }
            Err(error) => return Err(IndexError::io("read the census", path)(error)),
        };
        Census::open(key, manifest.epoch, sealed)
    }

    /// Makes `manifest` the published one: temporary file, sync, rename, sync of the folder.
    ///
    /// # Errors
    /// [`IndexError::Io`]; the old generation stays published then.
    pub fn publish(
        &self,
        _lock: &RebuildLock,
        key: &IndexKey,
        manifest: &Manifest,
    ) -> Result<(), IndexError> {
        let mut salt = [0; 32];
        system_random(&mut salt).map_err(IndexError::Random)?;
        let bytes = manifest.seal(key, salt)?;
        self.write_new(MANIFEST_NAME, |file| file.write_all(&bytes))?;
        self.remember(Seen { generation: manifest.generation, erasures: 0 })
    }

    /// All segment files of the folder, also those that no manifest names.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn segment_files(&self) -> Result<Vec<PathBuf>, IndexError> {
        self.files(|name| {
            name.ends_with(SEGMENT_SUFFIX) || name.ends_with(&format!("{SEGMENT_SUFFIX}{TEMPORARY_SUFFIX}"))
        })
    }

    /// The files of the folder whose names are wanted, in the order of their names.
    pub(crate) fn files(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, IndexError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(IndexError::io("list", &self.path))? {
            let path = entry.map_err(IndexError::io("list", &self.path))?.path();
            if wanted(&path.file_name().unwrap_or_default().to_string_lossy()) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Replaces the manifest of the epoch before, by one rename.
    ///
    /// # Errors
    /// [`IndexError::Io`]; the old one stays then.
    pub fn replace_previous(
        &self,
        _lock: &RebuildLock,
        key: &IndexKey,
        manifest: &Manifest,
    ) -> Result<(), IndexError> {
        let mut salt = [0; 32];
        system_random(&mut salt).map_err(IndexError::Random)?;
        let bytes = manifest.seal(key, salt)?;
        self.write_new(PREVIOUS_MANIFEST_NAME, |file| file.write_all(&bytes)).map(|_| ())
    }

    /// Keeps the published manifest as that of the epoch before, under the key that it is sealed with. It counts for nothing
    /// until another one is published that names its epoch.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn keep_previous(&self, _lock: &RebuildLock) -> Result<(), IndexError> {
        let path = self.path.join(MANIFEST_NAME);
        let sealed = fs::read(&path).map_err(IndexError::io("read the manifest", path))?;
        self.write_new(PREVIOUS_MANIFEST_NAME, |file| file.write_all(&sealed)).map(|_| ())
    }

    /// Removes the manifest of the epoch before, if there is one; whether there was.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn drop_previous(&self, _lock: &RebuildLock) -> Result<bool, IndexError> {
        let path = self.path.join(PREVIOUS_MANIFEST_NAME);
        match fs::remove_file(&path) {
            Ok(()) => self.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(IndexError::io("remove", path)(error)),
        }
    }

    /// Removes segments, censuses and profiles that none of `manifests` names, work files, and temporary files; returns how many. These are the
    /// published manifest and, while it answers, that of the epoch before. A reader that has a removed segment open keeps
    /// it: the system frees the file with its last mapping.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn collect_garbage(&self, _lock: &RebuildLock, manifests: &[&Manifest]) -> Result<usize, IndexError> {
        let mut live: Vec<String> = Vec::new();
        for manifest in manifests {
            live.extend(manifest.segments.iter().map(|segment| segment.id.file_name()));
            live.push(profile_name(manifest.epoch));
            live.push(manifest.census.file_name());
        }
        let mut removed = 0;
        for entry in fs::read_dir(&self.path).map_err(IndexError::io("list", &self.path))? {
            let entry = entry.map_err(IndexError::io("list", &self.path))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let ours = name.ends_with(SEGMENT_SUFFIX)
                || name.ends_with(CENSUS_SUFFIX)
                || name.ends_with(WORK_SUFFIX)
                || (name.starts_with(PROFILE_PREFIX) && name.ends_with(PROFILE_SUFFIX));
            // An erasure does not wait for a rebuild.
            let temporary = name.ends_with(TEMPORARY_SUFFIX) && !name.starts_with(ERASURES_NAME);
            let dead = temporary || (ours && !live.iter().any(|live| live == name));
            if dead {
                fs::remove_file(entry.path()).map_err(IndexError::io("remove", entry.path()))?;
                removed += 1;
            }
        }
        if removed > 0 {
            self.sync()?;
        }
        Ok(removed)
    }

    /// Writes a file under a temporary name, syncs it, gives it `name`, and syncs the folder.
    pub(super) fn write_new(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<PathBuf, IndexError> {
        let (path, mut file) = self.create_temporary(name)?;
        fill(&mut file).and_then(|()| file.sync_all()).map_err(IndexError::io("write", &path))?;
        self.give_name(&path, name)
    }

    /// A new file `name.tmp`, mode 0600; one that a crash left behind is replaced.
    pub(super) fn create_temporary(&self, name: &str) -> Result<(PathBuf, File), IndexError> {
        let path = self.path.join(format!("{name}{TEMPORARY_SUFFIX}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(IndexError::io("remove", path)(error));
            }
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(IndexError::io("create", &path))?;
        Ok((path, file))
    }

    /// Renames a finished temporary file and syncs the folder, so that the name survives a crash.
    pub(super) fn give_name(&self, temporary: &Path, name: &str) -> Result<PathBuf, IndexError> {
        let path = self.path.join(name);
        fs::rename(temporary, &path).map_err(IndexError::io("rename", temporary))?;
        self.sync()?;
        Ok(path)
    }

    fn sync(&self) -> Result<(), IndexError> {
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(IndexError::io("sync the index folder", &self.path))
    }
}

fn profile_name(epoch: EpochId) -> String {
    format!("{PROFILE_PREFIX}{epoch}{PROFILE_SUFFIX}")
}

/// Whether the cause at the bottom is a file that is not there.
fn is_missing(error: &IndexError) -> bool {
    if let IndexError::Segment { source, .. } = error {
        return is_missing(source);
    }
    matches!(error, IndexError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}
