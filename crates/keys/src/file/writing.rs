//! Writing files of secrets so that a crash leaves the old one or the new one, never less.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::error::{KeyError, RandomError};

const FILE_MODE: u32 = 0o600;

/// Writes a file that must not exist yet, and syncs it. `made` is called as soon as there is something to undo.
pub(crate) fn write_new(path: &Path, bytes: &[u8], made: impl FnOnce()) -> Result<(), KeyError> {
    let failed = |action, source| KeyError::Io { action, path: path.into(), source };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyError::Exists { path: path.into() });
        }
        Err(source) => return Err(failed("create", source)),
    };
    made();
    file.write_all(bytes).map_err(|source| failed("write", source))?;
    file.sync_all().map_err(|source| failed("sync", source))
}

pub(crate) fn sync_directory(dir: &Path) -> Result<(), KeyError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|source| KeyError::Io {
        action: "sync directory",
        path: dir.into(),
        source,
    })
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name under which the successor of a key file is written. One a file: what a crash left under it is replaced.
pub(crate) fn successor_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// Writes a file under a name that is free, after `check` has read and approved what was written. A crash leaves the whole
/// file under the name, or none.
pub(crate) fn create(
    path: &Path,
    bytes: &[u8],
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    check: impl FnOnce(&Path) -> Result<(), KeyError>,
) -> Result<(), KeyError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(KeyError::Exists { path: path.into() });
    }
    write_checked(path, bytes, random, check, "put a new file at")?;
    sync_directory(parent(path))
}

/// Writes and checks the successor of `path` and renames it, which is `action`; what failed is wiped.
fn write_checked(
    path: &Path,
    bytes: &[u8],
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    check: impl FnOnce(&Path) -> Result<(), KeyError>,
    action: &'static str,
) -> Result<(), KeyError> {
    let new = successor_path(path);
    match wipe_and_remove(&new, random) {
        Ok(()) | Err(KeyError::Missing { .. }) => {}
        Err(error) => return Err(error),
    }
    let written = write_new(&new, bytes, || ()).and_then(|()| check(&new)).and_then(|()| {
        fs::rename(&new, path).map_err(|source| KeyError::Io { action, path: path.into(), source })
    });
    if written.is_err() {
        // The error on its way says more than a failure to tidy up.
        let _ = wipe_and_remove(&new, random);
    }
    written
}

/// Puts `bytes` in the place of the file at `path`, after `check` has read and approved what was written.
///
/// At every moment `path` is a whole file, the old one or the new one. When anything fails before the change, the old
/// one stays and the new one is wiped.
pub(crate) fn replace(
    path: &Path,
    bytes: &[u8],
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    check: impl FnOnce(&Path) -> Result<(), KeyError>,
) -> Result<(), KeyError> {
    let failed = |action, source| KeyError::Io { action, path: path.into(), source };
    // Held open, so that the old bytes can be wiped once they have no name.
    let old = open_to_wipe(path)?;
    write_checked(path, bytes, random, check, "put the new file in the place of")?;
    sync_directory(parent(path))?;
    // Only now: had the rename not reached the disk, a crash would have brought the old name back, to wiped bytes.
    let links = old.metadata().map_err(|source| failed("inspect", source))?.nlink();
    // A file that has another name still is somebody's backup.
    if links == 0 {
        wipe(&old, random).map_err(|error| error.at(path))?;
    }
    Ok(())
}

/// Overwrites a file and removes its name. Refuses one with a second name.
pub(crate) fn wipe_and_remove(
    path: &Path,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<(), KeyError> {
    let failed = |action, source| KeyError::Io { action, path: path.into(), source };
    let file = open_to_wipe(path)?;
    let links = file.metadata().map_err(|source| failed("inspect", source))?.nlink();
    if links > 1 {
        return Err(KeyError::HardLinked { path: path.into(), links });
    }
    wipe(&file, random).map_err(|error| error.at(path))?;
    fs::remove_file(path).map_err(|source| failed("remove", source))?;
    sync_directory(parent(path))
}

fn open_to_wipe(path: &Path) -> Result<File, KeyError> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path).map_err(|source| {
        let path = path.to_path_buf();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => KeyError::Symlink { path },
            Ok(metadata) if !metadata.is_file() => KeyError::NotAFile { path },
            _ if source.kind() == io::ErrorKind::NotFound => KeyError::Missing { path },
            _ => KeyError::Io { action: "open for writing", path, source },
        }
    })?;
    let metadata =
        file.metadata().map_err(|source| KeyError::Io { action: "inspect", path: path.into(), source })?;
    if metadata.is_file() { Ok(file) } else { Err(KeyError::NotAFile { path: path.into() }) }
}

enum WipeError {
    Random(RandomError),
    Io(io::Error),
}

impl WipeError {
    fn at(self, path: &Path) -> KeyError {
        match self {
            Self::Random(error) => KeyError::Random(error),
            Self::Io(source) => KeyError::Io { action: "overwrite", path: path.into(), source },
        }
    }
}

/// Overwrites the whole file with random bytes, in place, and syncs it. Random, because a file system or a drive may store
/// zeros without touching the old block.
fn wipe(file: &File, random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>) -> Result<(), WipeError> {
    use std::os::unix::fs::FileExt as _;

    let mut left = file.metadata().map_err(WipeError::Io)?.len();
    let mut at = 0;
    let mut noise = Zeroizing::new([0; 4096]);
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(noise.len());
        random(&mut noise[..count]).map_err(WipeError::Random)?;
        file.write_all_at(&noise[..count], at).map_err(WipeError::Io)?;
        at += count as u64;
        left -= count as u64;
    }
    file.sync_all().map_err(WipeError::Io)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// What wiping leaves in these tests.
    fn noise() -> impl FnMut(&mut [u8]) -> Result<(), RandomError> {
        |buffer| {
            buffer.fill(0xee);
            Ok(())
        }
    }

    fn place(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.key");
        fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replacing_leaves_one_private_file_and_wipes_the_old_bytes() {
        let (dir, path) = place(b"old");
        let old = File::open(&path).unwrap();
        replace(&path, b"new bytes", &mut noise(), |_| Ok(())).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new bytes");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()), ["index.key"]);
        assert_eq!(io::read_to_string(old).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_refused_successor_leaves_the_old_file_and_nothing_else() {
        let (dir, path) = place(b"old");
        let mut seen = None;
        let error = replace(&path, b"new", &mut noise(), |new| {
            seen = Some(fs::read(new).unwrap());
            Err(KeyError::Damaged { path: new.into() })
        });
        assert!(matches!(error, Err(KeyError::Damaged { .. })));
        assert_eq!(seen.unwrap(), b"new");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["index.key"]);
    }

    #[test]
    fn what_a_crash_left_is_replaced() {
        let (dir, path) = place(b"old");
        fs::write(successor_path(&path), "half of a n").unwrap();
        assert_eq!(names(dir.path()), [".index.key.new", "index.key"]);
        replace(&path, b"new", &mut noise(), |_| Ok(())).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["index.key"]);
    }

    #[test]
    fn a_second_name_keeps_the_old_bytes() {
        let (dir, path) = place(b"old");
        let backup = dir.path().join("backup");
        fs::hard_link(&path, &backup).unwrap();
        assert!(matches!(wipe_and_remove(&path, &mut noise()), Err(KeyError::HardLinked { links: 2, .. })));
        replace(&path, b"new", &mut noise(), |_| Ok(())).unwrap();
        assert_eq!(fs::read(&backup).unwrap(), b"old");
    }

    #[test]
    fn wiping_covers_the_whole_file_and_takes_its_name() {
        let (dir, path) = place(&[7; 10_000]);
        let mut open = File::open(&path).unwrap();
        wipe_and_remove(&path, &mut noise()).unwrap();
        assert!(names(dir.path()).is_empty());
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut open, &mut bytes).unwrap();
        assert_eq!(bytes, [0xee; 10_000]);
        assert!(matches!(wipe_and_remove(&path, &mut noise()), Err(KeyError::Missing { .. })));
    }

    #[test]
    fn links_and_folders_are_not_wiped() {
        let (dir, path) = place(b"old");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(wipe_and_remove(&link, &mut noise()), Err(KeyError::Symlink { .. })));
        assert!(matches!(wipe_and_remove(dir.path(), &mut noise()), Err(KeyError::NotAFile { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
