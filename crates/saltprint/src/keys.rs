//! The one way in which commands come to role keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saltprint_keys::{Key, KeyError, KeyPlace, KeySource, Passphrase, PassphraseError, Role, hardening};

use crate::{Config, Error};

/// How often somebody may mistype the passphrase of a key.
const ATTEMPTS: u32 = 3;

/// How keys are loaded: section `[keys]`, but for the folder.
///
/// Clones share what is known of passphrases, so that nobody is asked twice.
#[derive(Clone, Debug, Default)]
pub struct KeyAccess {
    places: Vec<(Role, KeyPlace)>,
    passphrase: PassphraseFrom,
    strict: bool,
    prompt: Option<Prompt>,
    known: Arc<Mutex<Option<Passphrase>>>,
}

/// Where the passphrase of wrapped keys comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassphraseFrom {
    /// Whoever [`KeyAccess::prompt`] names is asked; without, wrapped keys are refused.
    #[default]
    Prompt,
    /// A file of mode 0600 or less.
    File(PathBuf),
    /// An open descriptor, read to its end once.
    Descriptor(u32),
}

/// Asks a person for the passphrase of a role's key; the number of the attempt starts from 1.
#[derive(Clone, Copy)]
struct Prompt(fn(Role, u32) -> Result<Passphrase, PassphraseError>);

/// Gives the passphrase of a role's key.
type Ask<'a> = dyn FnMut(Role) -> Result<Passphrase, PassphraseError> + 'a;

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompt")
    }
}

impl KeyAccess {
    /// The key of one role comes from somewhere else than the folder.
    #[must_use]
    pub fn place(mut self, role: Role, place: KeyPlace) -> Self {
        self.places.push((role, place));
        self
    }

    /// The passphrase of wrapped keys comes from here.
    #[must_use]
    pub fn passphrase(mut self, from: PassphraseFrom) -> Self {
        self.passphrase = from;
        self
    }

    /// Refuse to load keys unless memory can be locked and core dumps are off.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Ask a person, by this function, where the passphrase comes from nowhere else. It gets the role and the number of
    /// the attempt, from 1.
    #[must_use]
    pub fn prompt(mut self, ask: fn(Role, u32) -> Result<Passphrase, PassphraseError>) -> Self {
        self.prompt = Some(Prompt(ask));
        self
    }

    /// Where the keys come from, with those that have no place of their own in `dir`.
    pub fn source(&self, dir: &Path) -> KeySource {
        self.places
            .iter()
            .fold(KeySource::dir(dir), |source, (role, place)| source.with(*role, place.clone()))
    }

    /// Loads one key, asking for a passphrase only if it is wrapped and none that is known opens it.
    ///
    /// # Errors
    /// [`Error::Keys`]; [`Error::Hardening`] where strictness asks for more than the system grants.
    pub fn load<K: Key>(&self, source: &KeySource) -> Result<K, Error> {
        self.with_passphrase(K::ROLE, &source.place(K::ROLE), &mut |ask| K::load_from(source, ask))
    }

    /// Does something with the key of a role at `place` that may take its passphrase: with one that is known, or with one
    /// that is asked for, again where it was mistyped.
    pub(crate) fn with_passphrase<T>(
        &self,
        role: Role,
        place: &KeyPlace,
        work: &mut dyn FnMut(&mut Ask<'_>) -> Result<T, KeyError>,
    ) -> Result<T, Error> {
        self.harden()?;
        let attempts = self.attempts(place);
        let mut known = self.known();
        if let Some(passphrase) = known.clone() {
            match work(&mut |_| Ok(passphrase.clone())) {
                // Keys may have passphrases of their own.
                Err(KeyError::WrongPassphrase { .. }) if attempts > 1 => {}
                done => return Ok(done?),
            }
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut given = None;
            let done = work(&mut |_| {
                let passphrase = self.obtain(role, attempt)?;
                Ok(given.insert(passphrase).clone())
            });
            match done {
                Err(KeyError::WrongPassphrase { .. }) if attempt < attempts => {}
                Ok(done) => {
                    *known = given.or(known.take());
                    return Ok(done);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The passphrase of a role's key, for what does more with a key file than load it. Remembered, and asked for once.
    ///
    /// # Errors
    /// [`PassphraseError`], [`PassphraseError::NotGiven`] where there is nobody to ask.
    pub fn ask(&self, role: Role) -> Result<Passphrase, PassphraseError> {
        let mut known = self.known();
        if let Some(passphrase) = &*known {
            return Ok(passphrase.clone());
        }
        Ok(known.insert(self.obtain(role, 1)?).clone())
    }

    /// Applies what `strict` asks for.
    ///
    /// # Errors
    /// [`Error::Hardening`] where the system grants less.
    pub fn harden(&self) -> Result<(), Error> {
        hardening::harden(self.strict)?;
        Ok(())
    }

    fn obtain(&self, role: Role, attempt: u32) -> Result<Passphrase, PassphraseError> {
        match (&self.passphrase, self.prompt) {
            (PassphraseFrom::File(path), _) => Passphrase::from_file(path),
            (PassphraseFrom::Descriptor(descriptor), _) => Passphrase::from_descriptor(*descriptor),
            (PassphraseFrom::Prompt, Some(Prompt(ask))) => ask(role, attempt),
            (PassphraseFrom::Prompt, None) => Err(PassphraseError::NotGiven),
        }
    }

    /// More than one only where a person may mistype, and where the key can be read again.
    fn attempts(&self, place: &KeyPlace) -> u32 {
        let asks = self.passphrase == PassphraseFrom::Prompt && self.prompt.is_some();
        if asks && !matches!(place, KeyPlace::Descriptor(_)) { ATTEMPTS } else { 1 }
    }

    fn known(&self) -> MutexGuard<'_, Option<Passphrase>> {
        // A passphrase is whole or not there, whatever a holder of the lock died of.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Config {
    /// Loads the key of one role from where `[keys]` says, with the passphrase from where it says. Every command comes to its
    /// keys through here, each to those that it needs.
    ///
    /// # Errors
    /// [`Error::Keys`]; [`Error::Hardening`] with `strict = true`.
    pub fn load_key<K: Key>(&self) -> Result<K, Error> {
        self.key_access.load(&self.key_access.source(&self.keys))
    }

    /// Uses plain keys in a folder of one's own, whatever `[keys]` says; `strict` stays.
    pub fn use_own_keys(&mut self, dir: PathBuf) {
        self.keys = dir;
        self.key_access = KeyAccess::default().strict(self.key_access.strict);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::UNIX_EPOCH;

    use saltprint_keys::{IndexKey, KdfCost, ProjectionKey, RefKey, keygen, system_random, wrap};

    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.as_bytes()).unwrap()
    }

    /// Four keys, of which the projection and the index key are wrapped with one passphrase and the ref key with another.
    fn keys() -> (tempfile::TempDir, KeySource) {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("keys");
        keygen(&dir, UNIX_EPOCH, &mut system_random).unwrap();
        let source = KeySource::dir(dir);
        let cost = KdfCost::new(64, 3, 1).unwrap();
        for (role, text) in [
            (Role::Projection, "first passphrase"),
            (Role::Index, "first passphrase"),
            (Role::Ref, "second passphrase"),
        ] {
            let mut nobody = |_| Err(PassphraseError::NotGiven);
            wrap(&source, role, &mut nobody, &passphrase(text), cost, &mut system_random).unwrap();
        }
        (place, source)
    }

    #[test]
    fn a_person_is_asked_once_for_keys_of_one_passphrase_and_again_for_others() {
        static ASKED: AtomicU32 = AtomicU32::new(0);

        #[expect(clippy::unnecessary_wraps, reason = "the signature of a prompt")]
        /// Mistypes once, then gives the first passphrase, and the second where that does not help.
        fn ask(role: Role, attempt: u32) -> Result<Passphrase, PassphraseError> {
            ASKED.fetch_add(1, Ordering::Relaxed);
            Ok(passphrase(match (role, attempt) {
                (Role::Projection, 1) => "frist passphrase",
                (Role::Ref, _) => "second passphrase",
                _ => "first passphrase",
            }))
        }

        let (_place, source) = keys();
        let access = KeyAccess::default().prompt(ask);
        access.load::<ProjectionKey>(&source).unwrap();
        assert_eq!(ASKED.load(Ordering::Relaxed), 2);
        access.clone().load::<IndexKey>(&source).unwrap();
        assert_eq!(ASKED.load(Ordering::Relaxed), 2);
        access.load::<RefKey>(&source).unwrap();
        assert_eq!(ASKED.load(Ordering::Relaxed), 3);
        assert!(!format!("{access:?}").contains("passphrase\")"));
    }

    #[test]
    fn files_are_read_once_and_not_argued_with() {
        let (place, source) = keys();
        let path = place.path().join("passphrase");
        fs::write(&path, "first passphrase\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let access = KeyAccess::default().passphrase(PassphraseFrom::File(path.clone()));
        access.load::<ProjectionKey>(&source).unwrap();
        fs::remove_file(&path).unwrap();
        access.load::<IndexKey>(&source).unwrap();
        let refused = access.load::<RefKey>(&source).unwrap_err();
        assert!(matches!(refused, Error::Keys(KeyError::WrongPassphrase { .. })), "{refused}");
    }

    #[test]
    fn wrapped_keys_are_refused_where_nobody_can_be_asked() {
        let (_place, source) = keys();
        let refused = KeyAccess::default().load::<IndexKey>(&source).unwrap_err();
        assert!(matches!(refused, Error::Keys(KeyError::Passphrase { .. })), "{refused}");
    }
}
