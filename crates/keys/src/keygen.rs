//! Making a directory of new keys.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use subtle::ConstantTimeEq as _;

use crate::{
    error::{KeyError, RandomError},
    file::{
        encode,
        reading::MODE_BITS,
        writing::{sync_directory, write_new},
    },
    ids::KeyId,
    roles::{Role, RoleKey},
};

const DIRECTORY_MODE: u32 = 0o700;

/// A key that [`keygen`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedKey {
    /// What the key is for.
    pub role: Role,
    /// Its public id.
    pub id: KeyId,
    /// Its file.
    pub path: PathBuf,
}

/// Makes one key a role and writes each to its file in `dir`, in the order of [`Role::ALL`].
///
/// The directory is made with mode 0700; one that exists must have this mode. Its parent must exist. Files
/// get mode 0600 and are synced to disk with their directory. `now` dates the keys; `random` fills a buffer
/// with random bytes, usually [`system_random`].
///
/// Existing keys are never touched: if any of the four files exists, nothing is written. When a later step fails,
/// the files and the directory that this call made are removed again.
///
/// # Errors
///
/// [`KeyError::Exists`], [`KeyError::NotADirectory`], [`KeyError::DirectoryPermissions`], [`KeyError::Clock`],
/// [`KeyError::Random`], [`KeyError::RepeatedRandom`], or [`KeyError::Io`] with the path that was refused.
///
/// ```
/// use std::time::SystemTime;
///
/// use saltprint_keys::{IndexKey, keygen, system_random};
///
/// # let place = tempfile::tempdir()?;
/// let dir = place.path().join("keys");
/// let keys = keygen(&dir, SystemTime::now(), &mut system_random)?;
/// assert_eq!(keys.len(), 4);
/// assert_eq!(IndexKey::load_from_dir(&dir)?.id(), keys[1].id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn keygen(
    dir: &Path,
    now: SystemTime,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<GeneratedKey>, KeyError> {
    let created = now.duration_since(UNIX_EPOCH).map_err(|_| KeyError::Clock)?.as_secs();
    let mut undo = Undo::default();
    prepare_directory(dir, &mut undo)?;
    for role in Role::ALL {
        let path = dir.join(role.file_name());
        match fs::symlink_metadata(&path) {
            Ok(_) => return Err(KeyError::Exists { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(KeyError::Io { action: "inspect", path, source }),
        }
    }

    let keys = draw(random)?;
    let mut generated = Vec::with_capacity(keys.len());
    for (role, key) in &keys {
        let path = dir.join(role.file_name());
        write_new(&path, encode(*role, key, created).as_slice(), || undo.files.push(path.clone()))?;
        generated.push(GeneratedKey { role: *role, id: key.id(), path });
    }
    sync_directory(dir)?;
    undo.cancel();
    Ok(generated)
}

/// Fills `buffer` from the operating system's random generator.
///
/// # Errors
///
/// When the operating system has no generator or it fails.
pub fn system_random(buffer: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(buffer).map_err(RandomError::new)
}

/// One key a role; no two share a secret.
fn draw(
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<(Role, RoleKey)>, KeyError> {
    let mut keys: Vec<(Role, RoleKey)> = Vec::with_capacity(Role::ALL.len());
    for role in Role::ALL {
        let key = RoleKey::init(role, |secret| random(secret))?;
        if keys.iter().any(|(_, other)| other.expose().ct_eq(key.expose()).into()) {
            return Err(KeyError::RepeatedRandom);
        }
        keys.push((role, key));
    }
    Ok(keys)
}

pub(crate) fn prepare_directory(dir: &Path, undo: &mut Undo) -> Result<(), KeyError> {
    let failed = |action, source| KeyError::Io { action, path: dir.into(), source };
    match DirBuilder::new().mode(DIRECTORY_MODE).create(dir) {
        Ok(()) => {
            undo.directory = Some(dir.into());
            let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
            return sync_directory(parent.unwrap_or(Path::new(".")));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(failed("create directory", source)),
    }
    let metadata = fs::symlink_metadata(dir).map_err(|source| failed("inspect", source))?;
    if !metadata.is_dir() {
        return Err(KeyError::NotADirectory { path: dir.into() });
    }
    // The set-group bit is left out of the comparison: some systems hand it down from the parent.
    if metadata.mode() & 0o777 != DIRECTORY_MODE {
        return Err(KeyError::DirectoryPermissions { path: dir.into(), mode: metadata.mode() & MODE_BITS });
    }
    Ok(())
}

/// Removes what this call made, unless it is told that all went well.
#[derive(Default)]
pub(crate) struct Undo {
    directory: Option<PathBuf>,
    pub(crate) files: Vec<PathBuf>,
}

impl Undo {
    pub(crate) fn cancel(&mut self) {
        self.directory = None;
        self.files.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        // An error is on its way to the caller already; it says more than a failure to tidy up.
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests;
