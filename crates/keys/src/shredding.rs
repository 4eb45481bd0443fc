//! Destroying an old set of keys.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    error::{KeyError, RandomError},
    file::{
        MAGIC, MAGIC_AT,
        reading::{Policy, open, read_up_to},
        writing::{successor_path, wipe_and_remove},
    },
    roles::Role,
    source::KeyAge,
};

/// A key file that [`shred`] destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShreddedKey {
    /// What the key was for.
    pub role: Role,
    /// Where its file was.
    pub path: PathBuf,
}

/// Overwrites every key file in `dir`, next and previous ones too, with random bytes, syncs it, and removes it. What [`keygen`](crate::keygen) did not
/// write is left alone.
///
/// All files are looked at before the first is touched: a link, a file with a second name, or one that is no key file
/// stops everything. What a crash left of a change of passphrase goes too.
///
/// **This destroys keys, and with them what they open. It does not promise that no copy remains.** Overwriting in place
/// reaches the old bytes on a hard disk with a file system that writes in place. Solid-state drives write elsewhere and
/// keep the old block until they erase it; file systems that copy on write (Btrfs, ZFS, APFS, bcachefs), journals of
/// data, snapshots and backups keep old bytes as well. Where that matters, keep keys wrapped with a passphrase from the
/// first day, or on an encrypted volume whose own key can be destroyed.
///
/// # Errors
///
/// [`KeyError::Missing`] where `dir` holds no key file; [`KeyError::NotAKeyFile`], [`KeyError::HardLinked`],
/// [`KeyError::Symlink`], [`KeyError::NotAFile`], [`KeyError::Permissions`], with nothing changed; [`KeyError::Random`]
/// and [`KeyError::Io`], when the files before the one named are gone.
pub fn shred(
    dir: &Path,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<ShreddedKey>, KeyError> {
    let mut files: Vec<(Role, PathBuf)> = Vec::new();
    for role in Role::ALL {
        let present = dir.join(role.file_name());
        let ages = [KeyAge::Present, KeyAge::Next, KeyAge::Previous];
        files.extend(ages.map(|age| (role, age.path_beside(&present))));
    }
    shred_files(files, random)
}

/// The same for the files named, as far as they are there.
pub(crate) fn shred_files(
    files: Vec<(Role, PathBuf)>,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<ShreddedKey>, KeyError> {
    let first = files.first().map(|(_, path)| path.clone()).unwrap_or_default();
    let mut found = Vec::new();
    let mut leftovers = Vec::new();
    for (role, path) in files {
        let leftover = successor_path(&path);
        if exists(&leftover)? {
            leftovers.push(leftover);
        }
        if exists(&path)? {
            check(&path)?;
            found.push(ShreddedKey { role, path });
        }
    }
    if found.is_empty() && leftovers.is_empty() {
        return Err(KeyError::Missing { path: first });
    }
    for path in leftovers.iter().chain(found.iter().map(|key| &key.path)) {
        wipe_and_remove(path, random)?;
    }
    Ok(found)
}

fn exists(path: &Path) -> Result<bool, KeyError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(KeyError::Io { action: "inspect", path: path.into(), source }),
    }
}

/// Whether it is a key file of ours that has one name only.
fn check(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::MetadataExt as _;

    let (mut file, metadata) = open(path, Policy::File).map_err(|fault| fault.of_key(path))?;
    let mut magic = [0; MAGIC_AT.end];
    read_up_to(&mut file, &mut magic).map_err(|source| KeyError::Io {
        action: "read",
        path: path.into(),
        source,
    })?;
    if magic != MAGIC {
        return Err(KeyError::NotAKeyFile { path: path.into() });
    }
    match metadata.nlink() {
        0 | 1 => Ok(()),
        links => Err(KeyError::HardLinked { path: path.into(), links }),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, time::UNIX_EPOCH};

    use super::*;
    use crate::{keygen, system_random};

    fn keys() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("keys");
        keygen(&dir, UNIX_EPOCH, &mut system_random).unwrap();
        (place, dir)
    }

    #[test]
    fn key_files_go_and_other_files_stay() {
        let (_place, dir) = keys();
        fs::write(dir.join("README"), "keys of 2026").unwrap();
        fs::write(dir.join(".ref.key.new"), "left by a crash").unwrap();
        let before = fs::read(dir.join("index.key")).unwrap();
        let mut open = fs::File::open(dir.join("index.key")).unwrap();
        let gone = shred(&dir, &mut system_random).unwrap();
        assert_eq!(gone.iter().map(|key| key.role).collect::<Vec<_>>(), Role::ALL);
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["README"]);
        let mut after = Vec::new();
        open.read_to_end(&mut after).unwrap();
        assert_eq!(after.len(), before.len());
        assert!(after.iter().zip(&before).filter(|(a, b)| a == b).count() < 20, "not overwritten");
    }

    #[test]
    fn an_oddity_stops_everything() {
        let (_place, dir) = keys();
        fs::write(dir.join("ref.key"), "somebody else's").unwrap();
        assert!(matches!(shred(&dir, &mut system_random), Err(KeyError::NotAKeyFile { .. })));
        fs::remove_file(dir.join("ref.key")).unwrap();
        fs::hard_link(dir.join("audit.key"), dir.join("copy")).unwrap();
        assert!(matches!(shred(&dir, &mut system_random), Err(KeyError::HardLinked { .. })));
        fs::remove_file(dir.join("copy")).unwrap();
        std::os::unix::fs::symlink(dir.join("index.key"), dir.join("ref.key")).unwrap();
        assert!(matches!(shred(&dir, &mut system_random), Err(KeyError::Symlink { .. })));
        assert!(crate::IndexKey::load_from_dir(&dir).is_ok());
    }

    #[test]
    fn a_folder_without_keys_is_refused() {
        let place = tempfile::tempdir().unwrap();
        assert!(matches!(shred(place.path(), &mut system_random), Err(KeyError::Missing { .. })));
    }
}
