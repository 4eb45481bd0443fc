//! New keys in the place of old ones: a key has room beside it for the next and for the previous one.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use subtle::ConstantTimeEq as _;

use crate::{
    error::{KeyError, RandomError},
    file::{
        self, Material,
        writing::{create, parent, sync_directory},
    },
    kdf::{KdfCost, KdfLimits},
    keygen::GeneratedKey,
    passphrase::{Passphrase, PassphraseError},
    protection::{check_same, encode_wrapped, own_file},
    roles::{Role, RoleKey},
    shredding::{ShreddedKey, shred_files},
    source::{KeyAge, KeyPlace, KeySource},
    status::{Protection, look},
};

/// Makes the next key of `role` beside the present one: `index.next.key` beside `index.key`. The present key stays in use
/// until [`promote`] is called.
///
/// The file gets mode 0600 and is synced with its folder; a crash leaves the whole file or none. Where the present key is
/// wrapped, the next one is wrapped with the same passphrase at the same cost. `passphrase` is asked only then, `now` dates
/// the key, and `random` fills a buffer with random bytes, usually [`system_random`](crate::system_random).
///
/// # Errors
///
/// [`KeyError::Exists`] where there is a next key already; [`KeyError::PreviousKey`] while the previous one is there;
/// [`KeyError::NotOurFile`] for a key that does not come from a file; [`KeyError::Clock`]; otherwise as
/// [`wrap`](crate::wrap).
///
/// ```
/// use std::time::SystemTime;
///
/// use saltprint_keys::{IndexKey, KeyAge, KeySource, PassphraseError, Role, keygen, promote, rotate, system_random};
///
/// # let place = tempfile::tempdir()?;
/// # let dir = place.path().join("keys");
/// keygen(&dir, SystemTime::now(), &mut system_random)?;
/// let source = KeySource::dir(&dir);
/// let old = IndexKey::load_from_dir(&dir)?.id();
/// let mut nobody = |_role| Err(PassphraseError::NotGiven);
/// let next = rotate(&source, Role::Index, &mut nobody, SystemTime::now(), &mut system_random)?;
/// assert_eq!(IndexKey::load_from_dir(&dir)?.id(), old);
///
/// promote(&source, Role::Index)?;
/// assert_eq!(IndexKey::load_from_dir(&dir)?.id(), next.id);
/// assert_eq!(IndexKey::load(&dir.join("index.previous.key"))?.id(), old);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rotate(
    source: &KeySource,
    role: Role,
    passphrase: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    now: SystemTime,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<GeneratedKey, KeyError> {
    rotate_within(source, role, passphrase, now, random, &KdfLimits::ENFORCED)
}

fn rotate_within(
    source: &KeySource,
    role: Role,
    passphrase: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    now: SystemTime,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    limits: &KdfLimits,
) -> Result<GeneratedKey, KeyError> {
    let created = now.duration_since(UNIX_EPOCH).map_err(|_| KeyError::Clock)?.as_secs();
    let present = own_file(source, role)?;
    let next = KeyAge::Next.path_beside(&present);
    let previous = KeyAge::Previous.path_beside(&present);
    if exists(&previous)? {
        return Err(KeyError::PreviousKey { path: previous });
    }
    if exists(&next)? {
        return Err(KeyError::Exists { path: next });
    }
    let place = KeyPlace::File(present.clone());
    let mut given = None;
    let mut noting = |role| {
        let passphrase = passphrase(role)?;
        Ok(given.insert(passphrase).clone())
    };
    let old = file::load_within(&place, role, &mut noting, limits)?;
    let wrapping: Option<(Passphrase, KdfCost)> = match (given, look(&place, role)?.protection) {
        (Some(passphrase), Protection::Wrapped(cost)) => Some((passphrase, cost)),
        (None, Protection::Plain) => None,
        // Replaced between the two looks.
        (Some(_), Protection::Plain) | (None, Protection::Wrapped(_)) => {
            return Err(KeyError::Damaged { path: present });
        }
    };
    let key = RoleKey::init(role, |secret| random(secret))?;
    if old.key.expose().ct_eq(key.expose()).into() {
        return Err(KeyError::RepeatedRandom);
    }
    let material = Material { role, key, created };
    let bytes = match &wrapping {
        Some((passphrase, cost)) => {
            zeroize::Zeroizing::new(encode_wrapped(&next, &material, passphrase, *cost, random)?.to_vec())
        }
        None => zeroize::Zeroizing::new(file::encode(role, &material.key, created).as_slice().to_vec()),
    };
    create(&next, &bytes, random, |written| {
        let mut ask = |role| match &wrapping {
            Some((passphrase, _)) => Ok(passphrase.clone()),
            None => file::no_passphrase(role),
        };
        check_same(&KeyPlace::File(written.into()), &material, &mut ask, limits)
    })?;
    Ok(GeneratedKey { role, id: material.key.id(), path: next })
}

/// Puts the next key of `role` in the place of the present one, which becomes the previous one; whether there was a next one.
///
/// At no moment is there no present key: the old one gets its second name first, and then the new one takes its first
/// name by one rename. A crash in between is made good by calling it again.
///
/// # Errors
///
/// [`KeyError::PreviousKey`] where another previous key is there; [`KeyError::NotOurFile`] for a key that does not come
/// from a file; [`KeyError::Io`].
pub fn promote(source: &KeySource, role: Role) -> Result<bool, KeyError> {
    let present = own_file(source, role)?;
    let next = KeyAge::Next.path_beside(&present);
    let previous = KeyAge::Previous.path_beside(&present);
    let failed = |action, path: &Path| {
        let path = path.to_path_buf();
        move |source| KeyError::Io { action, path, source }
    };
    if !exists(&next)? {
        return Ok(false);
    }
    match fs::hard_link(&present, &previous) {
        Ok(()) => sync_directory(parent(&present))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let identity = |path: &Path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
            let same = identity(&present)
                .and_then(|present| Ok(present == identity(&previous)?))
                .map_err(failed("inspect", &previous))?;
            if !same {
                return Err(KeyError::PreviousKey { path: previous });
            }
        }
        Err(source) => return Err(failed("keep, under another name,", &present)(source)),
    }
    fs::rename(&next, &present).map_err(failed("put the next key in the place of", &present))?;
    sync_directory(parent(&present))?;
    Ok(true)
}

/// Destroys the previous keys of both roles that rotate, as [`shred`](crate::shred) destroys a folder of keys; what it says
/// of copies holds here too.
///
/// # Errors
///
/// As [`shred`](crate::shred); [`KeyError::Missing`] where there is no previous key.
pub fn shred_previous(
    source: &KeySource,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Vec<ShreddedKey>, KeyError> {
    let mut files: Vec<(Role, PathBuf)> = Vec::new();
    for role in Role::ROTATED {
        // A key that does not come from a file has no previous file either.
        if let KeyPlace::File(path) = source.place(role) {
            files.push((role, KeyAge::Previous.path_beside(&path)));
        }
    }
    shred_files(files, random)
}

fn exists(path: &Path) -> Result<bool, KeyError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(KeyError::Io { action: "inspect", path: path.into(), source }),
    }
}

#[cfg(test)]
mod tests;
