//! The keys of the two roles that make an epoch, of all ages.

use saltprint_fingerprint::{Profile, ProfileError};
use saltprint_index::{Erasures, IndexDir, IndexError, Manifest};
use saltprint_keys::{EpochId, IndexKey, Key, KeyAge, KeyError, KeySource, ProjectionKey, SealError};

use crate::{Config, Error, KeyAccess};

/// Present keys, and next and previous ones as far as something has needed them: most processes never do, and each that is
/// wrapped costs a guess of its passphrase.
pub(crate) struct Keyring {
    /// Where more come from; `None` where the caller has given all that there are.
    from: Option<(KeyAccess, KeySource)>,
    projection: Vec<(KeyAge, ProjectionKey)>,
    index: Vec<(KeyAge, IndexKey)>,
    /// Ages that were looked for.
    fetched: Vec<KeyAge>,
    roles: Roles,
}

/// Of which roles keys are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Roles {
    Both,
    Index,
}

impl Keyring {
    /// The present keys of a configuration.
    ///
    /// # Errors
    /// [`Error::Keys`], [`Error::Hardening`].
    pub(crate) fn load(config: &Config) -> Result<Self, Error> {
        let source = config.key_access.source(&config.keys);
        Ok(Self {
            projection: vec![(KeyAge::Present, config.load_key()?)],
            index: vec![(KeyAge::Present, config.load_key()?)],
            from: Some((config.key_access.clone(), source)),
            fetched: vec![KeyAge::Present],
            roles: Roles::Both,
        })
    }

    /// The present index key, for what has nothing to do with images.
    ///
    /// # Errors
    /// [`Error::Keys`], [`Error::Hardening`].
    pub(crate) fn index_only(config: &Config) -> Result<Self, Error> {
        let source = config.key_access.source(&config.keys);
        Ok(Self {
            projection: Vec::new(),
            index: vec![(KeyAge::Present, config.load_key()?)],
            from: Some((config.key_access.clone(), source)),
            fetched: vec![KeyAge::Present],
            roles: Roles::Index,
        })
    }

    /// Keys from elsewhere.
    pub(crate) fn given(keys: impl IntoIterator<Item = (KeyAge, ProjectionKey, IndexKey)>) -> Self {
        let (projection, index) = (Vec::new(), Vec::new());
        let mut ring =
            Self { from: None, projection, index, fetched: KeyAge::ALL.to_vec(), roles: Roles::Both };
        for (age, projection, index) in keys {
            ring.projection.push((age, projection));
            ring.index.push((age, index));
        }
        ring
    }

    /// Loads the keys of an age, as far as they are there. A key that is there and cannot be loaded is an error.
    ///
    /// # Errors
    /// [`Error::Keys`].
    pub(crate) fn fetch(&mut self, age: KeyAge) -> Result<(), Error> {
        if self.fetched.contains(&age) {
            return Ok(());
        }
        if let Some((access, source)) = &self.from {
            if self.roles == Roles::Both {
                self.projection.extend(load_aged(access, source, age)?.map(|key| (age, key)));
            }
            self.index.extend(load_aged(access, source, age)?.map(|key| (age, key)));
        }
        self.fetched.push(age);
        Ok(())
    }

    /// Forgets what was loaded and begins with the present keys again, which may be others by now.
    fn refresh(&mut self) -> Result<bool, Error> {
        let Some((access, source)) = self.from.clone() else { return Ok(false) };
        let mut projection = Vec::new();
        if self.roles == Roles::Both {
            projection.push((KeyAge::Present, access.load(&source)?));
        }
        let index = vec![(KeyAge::Present, access.load(&source)?)];
        let fetched = vec![KeyAge::Present];
        *self = Self { from: Some((access, source)), projection, index, fetched, roles: self.roles };
        Ok(true)
    }

    pub(crate) fn projection(&self, age: KeyAge) -> Option<&ProjectionKey> {
        of_age(&self.projection, age)
    }

    pub(crate) fn index(&self, age: KeyAge) -> Option<&IndexKey> {
        of_age(&self.index, age)
    }

    /// The published manifest, and the age of the key that opens it: present or next. `None` before the first publication.
    ///
    /// The previous key opens no manifest that was ever published beside newer keys: that one is an older epoch's, put back.
    ///
    /// # Errors
    /// [`Error::OldEpoch`]; [`Error::Index`] where it opens with no key, or is damaged.
    pub(crate) fn manifest(&mut self, dir: &IndexDir) -> Result<Option<(Manifest, KeyAge)>, Error> {
        let mut refused = match self.opened_manifest(dir, &[KeyAge::Present, KeyAge::Next])? {
            Ok(opened) => return Ok(opened),
            Err(refused) => refused,
        };
        // The next keys may have come into use, under their own name or, meanwhile, under that of the present ones.
        for again in [false, true] {
            if again && !self.refresh().unwrap_or(false) {
                break;
            }
            self.fetch(KeyAge::Next)?;
            match self.opened_manifest(dir, &[KeyAge::Present, KeyAge::Next])? {
                Ok(opened) => return Ok(opened),
                Err(error) => refused = error,
            }
        }
        self.fetch(KeyAge::Previous)?;
        // It is an old one by its generation as well, but its keys say more.
        match self.opened_manifest(dir, &[KeyAge::Previous]) {
            Ok(Ok(_)) | Err(Error::Index(IndexError::RolledBack { .. })) => {
                Err(Error::OldEpoch { path: dir.path().to_owned() })
            }
            Ok(Err(_)) => Err(refused.into()),
            Err(error) => Err(error),
        }
    }

    /// The inner error is that no key of these ages opens the manifest.
    fn opened_manifest(
        &self,
        dir: &IndexDir,
        ages: &[KeyAge],
    ) -> Result<Result<Option<(Manifest, KeyAge)>, IndexError>, Error> {
        let mut refused = None;
        for (age, key) in self.index.iter().filter(|(age, _)| ages.contains(age)) {
            match dir.manifest(key) {
                Ok(manifest) => return Ok(Ok(manifest.map(|manifest| (manifest, *age)))),
                Err(error) if is_other_key(&error) => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let path = dir.path().join("MANIFEST");
        Ok(Err(refused.unwrap_or(IndexError::Manifest { path, source: SealError::NotAuthentic })))
    }

    /// All index keys that were fetched.
    pub(crate) fn index_keys(&self) -> Vec<&IndexKey> {
        self.index.iter().map(|(_, key)| key).collect()
    }

    /// The list of erasures. After a rotation it may still be sealed with the previous key.
    ///
    /// # Errors
    /// [`Error::Index`] where no key opens it, or a longer one was seen; [`Error::Keys`].
    pub(crate) fn erasures(&mut self, dir: &IndexDir) -> Result<Erasures, Error> {
        match dir.erasures(&self.index_keys()) {
            Err(IndexError::Erasures { source: SealError::NotAuthentic, .. }) => {
                self.fetch(KeyAge::Next)?;
                self.fetch(KeyAge::Previous)?;
                Ok(dir.erasures(&self.index_keys())?)
            }
            result => Ok(result?),
        }
    }

    /// The manifest of the epoch before, and the key that opens it; the inner error is that none does.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Keys`].
    pub(crate) fn previous_manifest(
        &mut self,
        dir: &IndexDir,
    ) -> Result<Result<Option<(Manifest, KeyAge)>, IndexError>, Error> {
        self.fetch(KeyAge::Previous)?;
        let mut refused = None;
        // Before keys are promoted those of the epoch before are the present ones.
        for (age, key) in self.index.iter().rev() {
            match dir.previous_manifest(key) {
                Ok(manifest) => return Ok(Ok(manifest.map(|manifest| (manifest, *age)))),
                Err(error) if is_other_key(&error) => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let path = dir.path().to_owned();
        Ok(Err(refused.unwrap_or(IndexError::Manifest { path, source: SealError::NotAuthentic })))
    }

    /// The profile that lies with the index for an epoch, and the key that makes this epoch with it.
    ///
    /// # Errors
    /// [`Error::IndexProfile`] where no key opens it, [`Error::ForeignProfile`]; [`Error::Index`], [`Error::Keys`].
    pub(crate) fn profile_of(
        &mut self,
        dir: &IndexDir,
        epoch: EpochId,
    ) -> Result<(Profile, &ProjectionKey), Error> {
        let (profile, key, _) = self.keys_of(dir, epoch, KeyAge::Present)?;
        Ok((profile, key))
    }

    fn profile_and_age(&mut self, dir: &IndexDir, epoch: EpochId) -> Result<(Profile, KeyAge), Error> {
        let sealed = dir.read_profile(epoch)?;
        let path = dir.path().to_owned();
        let (profile, age) = self
            .unsealed(&sealed)
            .map_err(|error| or_error(error, |source| Error::IndexProfile { path, source }))?;
        let makes_epoch = |key: &ProjectionKey| EpochId::new(key.id(), &profile.digest()) == epoch;
        if self.projection(age).is_some_and(makes_epoch) {
            Ok((profile, age))
        } else {
            Err(Error::ForeignProfile { path: dir.path().to_owned() })
        }
    }

    /// Like [`Keyring::profile_of`], with the index key of an age, where there is one.
    ///
    /// # Errors
    /// As [`Keyring::profile_of`].
    pub(crate) fn keys_of(
        &mut self,
        dir: &IndexDir,
        epoch: EpochId,
        age: KeyAge,
    ) -> Result<(Profile, &ProjectionKey, Option<&IndexKey>), Error> {
        let (profile, projection_age) = self.profile_and_age(dir, epoch)?;
        let foreign = || Error::ForeignProfile { path: dir.path().to_owned() };
        Ok((profile, self.projection(projection_age).ok_or_else(foreign)?, self.index(age)))
    }

    /// The profile that the configuration names, and the age of the key that it is sealed with.
    ///
    /// # Errors
    /// [`Error::NoProfile`], [`Error::Profile`]; [`Error::Io`], [`Error::Keys`].
    pub(crate) fn configured_profile(&mut self, config: &Config) -> Result<(Profile, KeyAge), Error> {
        let path = &config.profile;
        let sealed = match std::fs::read(path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoProfile { path: path.clone() });
            }
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        self.unsealed(&sealed)
            .map_err(|error| or_error(error, |source| Error::Profile { path: path.clone(), source }))
    }

    /// A profile, by whichever key opens it. The outer error is about keys, the inner one about the profile.
    fn unsealed(&mut self, sealed: &[u8]) -> Result<(Profile, KeyAge), Result<ProfileError, Error>> {
        let mut refused = None;
        for age in [KeyAge::Present, KeyAge::Next, KeyAge::Previous] {
            self.fetch(age).map_err(Err)?;
            let Some(key) = self.projection(age) else { continue };
            match Profile::open(key, sealed) {
                Ok(profile) => return Ok((profile, age)),
                Err(error @ ProfileError::Seal(SealError::NotAuthentic)) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(Ok(error)),
            }
        }
        Err(Ok(refused.unwrap_or(ProfileError::Seal(SealError::NotAuthentic))))
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("fetched", &self.fetched).finish_non_exhaustive()
    }
}

fn or_error(error: Result<ProfileError, Error>, of_profile: impl FnOnce(ProfileError) -> Error) -> Error {
    match error {
        Ok(error) => of_profile(error),
        Err(error) => error,
    }
}

fn of_age<K>(keys: &[(KeyAge, K)], age: KeyAge) -> Option<&K> {
    keys.iter().find(|(other, _)| *other == age).map(|(_, key)| key)
}

/// Whether another key may open it.
fn is_other_key(error: &IndexError) -> bool {
    matches!(error, IndexError::Manifest { source: SealError::NotAuthentic, .. })
}

/// A key beside the present one; `None` where there is none.
fn load_aged<K: Key>(access: &KeyAccess, source: &KeySource, age: KeyAge) -> Result<Option<K>, Error> {
    let Some(place) = source.place(K::ROLE).sibling(age) else { return Ok(None) };
    match access.load(&source.clone().with(K::ROLE, place)) {
        Ok(key) => Ok(Some(key)),
        Err(Error::Keys(KeyError::Missing { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
