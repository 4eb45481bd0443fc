//! The epoch before the present one, while it answers.

use rayon::prelude::*;
use saltprint_index::{Composition, Generation, IndexDir, Manifest, PreviousEpoch};
use saltprint_keys::KeyAge;

use super::Keyring;
use crate::Error;

/// How the epoch before stands.
#[derive(Debug)]
pub(crate) enum Before {
    /// There is none, or its time is over.
    None,
    /// It answers, but not here: its keys are not here.
    Closed(PreviousEpoch),
    /// It can be asked.
    Open {
        /// What it consists of.
        manifest: Box<Manifest>,
        /// Age of the index key that its files are sealed with.
        key: KeyAge,
        /// Until when, seconds since 1970.
        until: u64,
    },
}

/// Looks for the epoch that `published` names as the one before, as of `now`, in seconds since 1970.
///
/// # Errors
/// [`Error::PreviousEpoch`] where its manifest is gone or another's; [`Error::Index`] where it is damaged; [`Error::Keys`].
pub(crate) fn find(
    dir: &IndexDir,
    ring: &mut Keyring,
    published: &Manifest,
    now: u64,
) -> Result<Before, Error> {
    let Some(named) = published.previous.filter(|previous| previous.until > now) else {
        return Ok(Before::None);
    };
    match ring.previous_manifest(dir)? {
        Ok(Some((manifest, key))) if manifest.epoch == named.epoch => {
            Ok(Before::Open { manifest: Box::new(manifest), key, until: named.until })
        }
        Ok(_) => Err(Error::PreviousEpoch { path: dir.path().to_owned() }),
        // A previous key that does not open it says that it is damaged.
        Err(error) if ring.index(KeyAge::Previous).is_some() => Err(error.into()),
        Err(_) => Ok(Before::Closed(named)),
    }
}

/// How many records two generations hold together of each source, month and kind; those that both hold count once, as the
/// newer one has them.
///
/// # Errors
/// [`Error::Index`].
pub(crate) fn composition(newer: &Generation, older: Option<&Generation>) -> Result<Composition, Error> {
    let mut all = newer.composition()?;
    for segment in older.map_or(&[][..], Generation::segments) {
        let only_there: Vec<_> = (0..segment.len())
            .into_par_iter()
            .map(|row| {
                let known = newer.find(segment.record_ref(row)?)?.is_some();
                if known { Ok(None) } else { segment.facts(row).map(Some) }
            })
            .collect::<Result<_, _>>()?;
        for facts in only_there.into_iter().flatten() {
            *all.entry((facts.source, facts.captured, facts.kind)).or_default() += 1;
        }
    }
    Ok(all)
}
