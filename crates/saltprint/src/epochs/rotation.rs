//! Beginning a rotation, and destroying the keys that it has replaced.

use std::time::SystemTime;

use saltprint_index::IndexDir;
use saltprint_keys::{
    GeneratedKey, IndexKey, Key, KeyAge, KeyError, KeyPlace, KeySource, ProjectionKey, Role, ShreddedKey,
    system_random,
};

use super::building::{has_previous_keys, reseal};
use super::{Keyring, now};
use crate::{Config, Error};

/// A rotation that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// The next keys: projection, then index.
    pub keys: Vec<GeneratedKey>,
    /// For how many days the epoch before will go on answering once the next one is built; 0 for not at all.
    pub overlap_days: u32,
}

/// Makes the next projection and the next index key beside the present ones, which stay in use until [`rebuild`](crate::rebuild)
/// has built an index with the next ones. Refs and the audit log keep their keys. A call that was cut short is completed by
/// another one. `now` dates the keys.
///
/// # Errors
/// [`Error::RotationUnderWay`] where both are there already; [`Error::OverlapLasts`] while the epoch before the present one
/// still answers; [`Error::CannotRotate`] for keys that do not come from files; [`Error::Index`], for one while a rebuild
/// runs; [`Error::Keys`], for one where previous keys were not destroyed yet.
pub fn rotate(config: &Config, now: SystemTime) -> Result<Rotation, Error> {
    let source = config.key_access.source(&config.keys);
    for role in Role::ROTATED {
        check_place(&source, role)?;
    }
    let dir = config.index_dir();
    let _lock = dir.lock()?;
    let mut ring = Keyring::load(config)?;
    ring.fetch(KeyAge::Next)?;
    if ring.index(KeyAge::Next).is_some() {
        return Err(Error::RotationUnderWay);
    }
    check_overlap(&dir, &mut ring)?;
    // The index key last: it says that the rotation is whole.
    let keys = vec![
        next::<ProjectionKey>(config, &source, ring.projection(KeyAge::Next).map(ProjectionKey::id), now)?,
        next::<IndexKey>(config, &source, None, now)?,
    ];
    Ok(Rotation { keys, overlap_days: config.overlap_days })
}

/// Destroys the previous projection and index key. They are of no use once the epoch before answers no more; before that,
/// `force` ends it here: its records are not found any more.
///
/// # Errors
/// [`Error::OverlapLasts`] without `force`; [`Error::RotationUnderWay`] where keys have their names still to get;
/// [`Error::Keys`], for one where there are none; otherwise as [`rotate`].
pub fn shred_previous(config: &Config, force: bool) -> Result<Vec<ShreddedKey>, Error> {
    let source = config.key_access.source(&config.keys);
    for role in Role::ROTATED {
        check_place(&source, role)?;
    }
    let dir = config.index_dir();
    let _lock = dir.lock()?;
    if has_previous_keys(config) {
        let mut ring = Keyring::load(config)?;
        ring.fetch(KeyAge::Next)?;
        if ring.index(KeyAge::Next).is_some() {
            return Err(Error::RotationUnderWay);
        }
        if !force {
            check_overlap(&dir, &mut ring)?;
        }
        // Nothing may need the old key afterwards.
        match ring.configured_profile(config) {
            Ok((_, KeyAge::Present)) | Err(Error::NoProfile { .. }) => {}
            Ok((profile, _)) => {
                if let Some(key) = ring.projection(KeyAge::Present) {
                    reseal(config, &profile, key)?;
                }
            }
            Err(error) => return Err(error),
        }
        if dir.erasures_stamp()?.is_some() {
            ring.erasures(&dir)?;
            if let Some(key) = ring.index(KeyAge::Present) {
                dir.reseal_erasures(&ring.index_keys(), key)?;
            }
        }
    }
    Ok(saltprint_keys::shred_previous(&source, &mut system_random)?)
}

fn check_overlap(dir: &IndexDir, ring: &mut Keyring) -> Result<(), Error> {
    let published = ring.manifest(dir)?;
    match published.and_then(|(manifest, _)| manifest.previous).filter(|previous| previous.until > now()) {
        Some(previous) => Err(Error::OverlapLasts { until: previous.until }),
        None => Ok(()),
    }
}

fn check_place(source: &KeySource, role: Role) -> Result<(), Error> {
    match source.place(role) {
        KeyPlace::File(_) => Ok(()),
        place @ (KeyPlace::Credential | KeyPlace::CredentialOf(_) | KeyPlace::Descriptor(_) | _) => {
            Err(Error::CannotRotate { role, place: place.to_string() })
        }
    }
}

/// Makes the next key of a role, unless it is there.
fn next<K: Key>(
    config: &Config,
    source: &KeySource,
    present: Option<saltprint_keys::KeyId>,
    now: SystemTime,
) -> Result<GeneratedKey, Error> {
    let place = source.place(K::ROLE);
    if let (Some(id), Some(KeyPlace::File(path))) = (present, place.sibling(KeyAge::Next)) {
        return Ok(GeneratedKey { role: K::ROLE, id, path });
    }
    config.key_access.with_passphrase(K::ROLE, &place, &mut |ask| -> Result<GeneratedKey, KeyError> {
        saltprint_keys::rotate(source, K::ROLE, ask, now, &mut system_random)
    })
}
