//! Which keys a rebuild builds with, and what it does for them once it has published.

use std::time::Duration;

use saltprint_fingerprint::Profile;
use saltprint_index::{Erasures, IndexDir, IndexError, Manifest, PreviousEpoch, RebuildLock};
use saltprint_keys::{IndexKey, KeyAge, KeyError, ProjectionKey, Role, SealError, promote};

use super::previous::{self, Place};
use super::{Before, Keyring, find_previous, now};
use crate::{Config, Error, output};

/// Where a rebuild starts from.
pub(crate) struct Building {
    /// What is published; of another epoch where the keys change.
    pub(crate) published: Option<Manifest>,
    /// Whether there is a manifest that does not open.
    pub(crate) lost: bool,
    /// Ages of the keys to build with.
    projection: KeyAge,
    index: KeyAge,
    /// Whether this run takes next keys into use.
    pub(crate) switches: bool,
    /// Whether they have their names still to get.
    promotes: bool,
    warnings: Vec<String>,
}

impl Building {
    /// Looks what is published and which keys are there. With `full` a damaged manifest counts as lost: that is the way out of
    /// one, but not of one that a newer release wrote or that cannot be read today.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::OldEpoch`], [`Error::Keys`].
    pub(crate) fn find(
        dir: &IndexDir,
        _lock: &RebuildLock,
        ring: &mut Keyring,
        full: bool,
    ) -> Result<Self, Error> {
        let (published, lost) = match ring.manifest(dir) {
            Err(Error::OldEpoch { .. }) if full => (None, true),
            Err(Error::Index(IndexError::Manifest { source, .. }))
                if full && !matches!(source, SealError::NewerVersion { .. }) =>
            {
                (None, true)
            }
            result => (result?, false),
        };
        ring.fetch(KeyAge::Next)?;
        let rotating = ring.index(KeyAge::Next).is_some();
        let mut warnings = Vec::new();
        if !rotating && ring.projection(KeyAge::Next).is_some() {
            warnings.push(
                "a rotation of keys was cut short: run `saltprint keys rotate` again to complete it; until then \
                 everything stays as it is"
                    .to_owned(),
            );
        }
        // One that is gone was promoted already.
        let projection = match ring.projection(KeyAge::Next) {
            Some(_) if rotating => KeyAge::Next,
            Some(_) | None => KeyAge::Present,
        };
        let in_use = published.as_ref().is_some_and(|(_, age)| *age == KeyAge::Next);
        Ok(Self {
            published: published.map(|(manifest, _)| manifest),
            lost,
            projection,
            index: if rotating { KeyAge::Next } else { KeyAge::Present },
            switches: rotating && !in_use,
            promotes: rotating,
            warnings,
        })
    }

    /// The keys to build with.
    ///
    /// # Errors
    /// None that a ring which this was found with gives.
    pub(crate) fn keys<'a>(&self, ring: &'a Keyring) -> Result<(&'a ProjectionKey, &'a IndexKey), Error> {
        let missing = |role: Role| Error::Keys(KeyError::Missing { path: role.file_name().into() });
        Ok((
            ring.projection(self.projection).ok_or_else(|| missing(Role::Projection))?,
            ring.index(self.index).ok_or_else(|| missing(Role::Index))?,
        ))
    }

    /// The epoch that the new manifest names as the one before: that of the keys which go, or the one that was named and
    /// still answers.
    pub(crate) fn previous(&self, overlap_days: u32) -> Option<PreviousEpoch> {
        let published = self.published.as_ref()?;
        let now = now();
        let overlap = Duration::from_hours(24) * overlap_days;
        let previous = if self.switches {
            Some(PreviousEpoch {
                epoch: published.epoch,
                generation: published.generation,
                until: now.saturating_add(overlap.as_secs()),
            })
        } else {
            published.previous
        };
        previous.filter(|previous| previous.until > now && overlap_days > 0)
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

/// What is left to do when a generation is published.
pub(crate) struct Finish<'a> {
    pub(crate) config: &'a Config,
    pub(crate) dir: &'a IndexDir,
    pub(crate) lock: &'a RebuildLock,
    pub(crate) building: &'a Building,
    /// The published manifest.
    pub(crate) manifest: &'a Manifest,
    /// The profile that it was built with.
    pub(crate) profile: &'a Profile,
    /// Age of the key that the configured profile is sealed with.
    pub(crate) sealed_with: KeyAge,
    /// The list of erasures that the manifest was built without.
    pub(crate) erasures: &'a Erasures,
}

/// Gives keys that have come into use their names, and removes what nothing needs any more. What fails here is said, and left
/// to the next run: the generation is published.
pub(crate) fn finish(ring: &mut Keyring, finish: &Finish<'_>) -> Vec<String> {
    let Finish { config, dir, lock, building, manifest, profile, sealed_with, erasures } = *finish;
    let mut warnings = Vec::new();
    if let Err(error) = reseal_erasures(ring, dir, building) {
        warnings.push(format!(
            "the list of erasures could not be sealed with the new index key; keep the old one until a rebuild has done it: {}",
            chain(&error)
        ));
    } else if let Err(error) = take_names(ring, config, building, profile, sealed_with) {
        warnings.push(format!(
            "the new keys are in use but could not take the place of the old ones, which the next rebuild tries again: {}",
            chain(&error)
        ));
    }
    let mut live = vec![manifest];
    let before = if manifest.previous.is_some() {
        let found = find_previous(dir, ring, manifest, now());
        let place = Place { config, dir, lock };
        let mut before = found.and_then(|before| previous::without_erased(before, ring, &place, erasures));
        if let Ok(before) = &mut before
            && let Err(error) = previous::know_negatives(before, ring, &place)
        {
            warnings.push(format!(
                "the previous epoch does not know what changed in the folder of negative images: {}",
                chain(&error)
            ));
        }
        before
    } else {
        dir.drop_previous(lock).map(|_| Before::None).map_err(Error::from)
    };
    match &before {
        Ok(Before::Open { manifest, .. }) => live.push(manifest),
        Ok(Before::None) => {}
        Ok(Before::Closed(_)) => {
            warnings.push(
                "the keys of the previous epoch are not here: it cannot be told which files it needs, so that none is removed"
                    .to_owned(),
            );
            return warnings;
        }
        Err(error) => {
            warnings.push(format!(
                "the previous epoch cannot be opened, so that no file is removed: {}",
                chain(error)
            ));
            return warnings;
        }
    }
    if let Err(error) = dir.collect_garbage(lock, &live) {
        warnings.push(format!("files that are no longer needed could not be removed: {error}"));
    }
    if manifest.previous.is_none() && has_previous_keys(config) {
        warnings.push(
            "the previous epoch answers no more, and its keys are still here: destroy them with `saltprint keys shred --previous`"
                .to_owned(),
        );
    }
    warnings
}

/// Under the key that the published manifest is sealed with.
fn reseal_erasures(ring: &mut Keyring, dir: &IndexDir, building: &Building) -> Result<(), Error> {
    if dir.erasures_stamp()?.is_none() {
        return Ok(());
    }
    ring.erasures(dir)?;
    match ring.index(building.index) {
        Some(key) => Ok(dir.reseal_erasures(&ring.index_keys(), key)?),
        None => Ok(()),
    }
}

/// The profile first: when the old key is called previous, and may be destroyed, nothing may need it.
fn take_names(
    ring: &Keyring,
    config: &Config,
    building: &Building,
    profile: &Profile,
    sealed_with: KeyAge,
) -> Result<(), Error> {
    if sealed_with != building.projection
        && let Some(key) = ring.projection(building.projection)
    {
        reseal(config, profile, key)?;
    }
    if building.promotes {
        let source = config.key_access.source(&config.keys);
        // The index key last: while there is a next one, the next rebuild knows that something is left to do.
        for role in Role::ROTATED {
            promote(&source, role)?;
        }
    }
    Ok(())
}

/// Seals the configured profile with another key.
pub(super) fn reseal(config: &Config, profile: &Profile, key: &ProjectionKey) -> Result<(), Error> {
    let mut salt = [0; 32];
    saltprint_keys::system_random(&mut salt)?;
    output::replace(&config.profile, &profile.seal(key, salt))
}

pub(super) fn has_previous_keys(config: &Config) -> bool {
    let source = config.key_access.source(&config.keys);
    // Of the roles that are rotated only: no other key is looked at.
    Role::ROTATED.into_iter().any(|role| saltprint_keys::sibling_exists(&source, role, KeyAge::Previous))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
