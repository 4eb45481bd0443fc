//! Wrapping the key files of a source with a passphrase, changing it, and taking it off.

use crate::{
    error::{KeyError, RandomError},
    file::{self, Material, wrapped, writing},
    ids::KeyId,
    kdf::{KdfCost, KdfLimits},
    passphrase::{Passphrase, PassphraseError},
    roles::Role,
    source::{KeyPlace, KeySource},
};

/// Wraps the key file of `role` with the passphrase `new`, which may replace another one.
///
/// `current` is asked only if the file is wrapped already. The new file is written beside the old one, synced, read back and
/// opened, and then takes its name: at every moment there is one whole file, and a crash leaves the old or the new one.
/// Then the old bytes are overwritten, unless the file had a second name; what [`shred`](crate::shred) says about that
/// holds here too. `random` fills a buffer with random bytes, usually [`system_random`](crate::system_random).
///
/// # Errors
///
/// [`KeyError::Passphrase`] for a new passphrase under [`Passphrase::MIN_NEW_LEN`]; [`KeyError::NotOurFile`] for a key that
/// does not come from a file; otherwise as [`Key::load_from`](crate::Key::load_from), [`KeyError::Random`], and
/// [`KeyError::Io`]. If it is the overwriting that fails, at the very end, the change has been made all the same.
///
/// ```
/// use std::time::SystemTime;
///
/// use saltprint_keys::{IndexKey, KdfCost, Key as _, KeySource, Passphrase, Role, keygen, system_random, wrap};
///
/// # let place = tempfile::tempdir()?;
/// # let dir = place.path().join("keys");
/// keygen(&dir, SystemTime::now(), &mut system_random)?;
/// let source = KeySource::dir(&dir);
/// let passphrase = Passphrase::new(b"staple horse battery correct")?;
/// # let cost = KdfCost::new(64, 3, 1)?;
/// # if false {
/// let cost = KdfCost::DEFAULT;
/// # }
/// let mut ask = |_role| Ok(passphrase.clone());
/// wrap(&source, Role::Index, &mut ask, &passphrase, cost, &mut system_random)?;
///
/// assert!(IndexKey::load_from_dir(&dir).is_err());
/// IndexKey::load_from(&source, &mut ask)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wrap(
    source: &KeySource,
    role: Role,
    current: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    new: &Passphrase,
    cost: KdfCost,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<KeyId, KeyError> {
    wrap_within(source, role, current, new, cost, random, &KdfLimits::ENFORCED)
}

fn wrap_within(
    source: &KeySource,
    role: Role,
    current: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    new: &Passphrase,
    cost: KdfCost,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    limits: &KdfLimits,
) -> Result<KeyId, KeyError> {
    let path = own_file(source, role)?;
    new.check_new().map_err(|source| KeyError::Passphrase { path: path.clone(), source })?;
    let material = file::load_within(&KeyPlace::File(path.clone()), role, current, limits)?;
    let bytes = encode_wrapped(&path, &material, new, cost, random)?;
    writing::replace(&path, &bytes, random, |written| {
        let written = KeyPlace::File(written.into());
        check_same(&written, &material, &mut |_| Ok(new.clone()), limits)
    })?;
    Ok(material.key.id())
}

/// Takes the passphrase off the key file of `role`. A file that is plain stays as it is.
///
/// The change is made as [`wrap`] makes it; the plain secret is on the disk afterwards.
///
/// # Errors
///
/// As for [`wrap`].
pub fn unwrap(
    source: &KeySource,
    role: Role,
    current: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<KeyId, KeyError> {
    unwrap_within(source, role, current, random, &KdfLimits::ENFORCED)
}

fn unwrap_within(
    source: &KeySource,
    role: Role,
    current: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
    limits: &KdfLimits,
) -> Result<KeyId, KeyError> {
    let path = own_file(source, role)?;
    let mut was_wrapped = false;
    let mut noting = |role| {
        was_wrapped = true;
        current(role)
    };
    let material = file::load_within(&KeyPlace::File(path.clone()), role, &mut noting, limits)?;
    if was_wrapped {
        let bytes = file::encode(role, &material.key, material.created);
        writing::replace(&path, bytes.as_slice(), random, |written| {
            let written = KeyPlace::File(written.into());
            check_same(&written, &material, &mut file::no_passphrase, limits)
        })?;
    }
    Ok(material.key.id())
}

/// The bytes of a wrapped file for `path`.
pub(crate) fn encode_wrapped(
    path: &std::path::Path,
    material: &Material,
    passphrase: &Passphrase,
    cost: KdfCost,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<[u8; wrapped::WRAPPED_LEN], KeyError> {
    wrapped::encode(material, passphrase, cost, random)?
        .ok_or(KeyError::OutOfMemory { path: path.into(), mib: cost.memory_kib() / 1024 })
}

/// Opens what was written, as its readers will.
pub(crate) fn check_same(
    written: &KeyPlace,
    material: &Material,
    ask: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    limits: &KdfLimits,
) -> Result<(), KeyError> {
    let read = file::load_within(written, material.role, ask, limits)?;
    if read.key.id() == material.key.id() && read.created == material.created {
        Ok(())
    } else {
        Err(KeyError::Damaged { path: written.to_string().into() })
    }
}

/// The file of a key that comes from one.
pub(crate) fn own_file(source: &KeySource, role: Role) -> Result<std::path::PathBuf, KeyError> {
    match source.place(role) {
        KeyPlace::File(path) => Ok(path),
        place @ (KeyPlace::Credential | KeyPlace::CredentialOf(_) | KeyPlace::Descriptor(_)) => {
            Err(KeyError::NotOurFile { role, place: place.to_string() })
        }
    }
}

#[cfg(test)]
mod tests;
