//! The epoch before the present one, while it answers.

use rayon::prelude::*;
use saltprint_fingerprint::Coder;
use saltprint_index::{
    Composition, Erasures, Generation, IndexDir, Manifest, PreviousEpoch, RebuildLock, SegmentEntry,
    SegmentRecord,
};
use saltprint_keys::KeyAge;

use super::Keyring;
use crate::rebuild::{graph_policy, negative};
use crate::{Config, Error};

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
        Ok(Some((manifest, key)))
            if (manifest.epoch, manifest.generation) == (named.epoch, named.generation) =>
        {
            Ok(Before::Open { manifest: Box::new(manifest), key, until: named.until })
        }
        Ok(_) => Err(Error::PreviousEpoch { path: dir.path().to_owned() }),
        // A previous key that does not open it says that it is damaged.
        Err(error) if ring.index(KeyAge::Previous).is_some() => Err(error.into()),
        Err(_) => Ok(Before::Closed(named)),
    }
}

/// Where the files of the epoch before lie.
pub(super) struct Place<'a> {
    pub(super) config: &'a Config,
    pub(super) dir: &'a IndexDir,
    pub(super) lock: &'a RebuildLock,
}

/// The epoch before with segments that hold nothing of what was erased: those that do are written anew, and `MANIFEST.previous` is
/// replaced by one rename.
///
/// # Errors
/// [`Error::Index`]; the epoch before stays as it was then, and hides what was erased when it is asked.
pub(super) fn without_erased(
    before: Before,
    ring: &Keyring,
    place: &Place<'_>,
    erasures: &Erasures,
) -> Result<Before, Error> {
    let Before::Open { mut manifest, key: age, until } = before else { return Ok(before) };
    let (erased, key) = (erasures.since(manifest.erasures), ring.index(age));
    let Some(key) = key.filter(|_| manifest.erasures < erasures.len()) else {
        return Ok(Before::Open { manifest, key: age, until });
    };
    let Place { config, dir, lock } = *place;
    let generation = dir.open_previous((*manifest).clone(), key)?;
    let policy = graph_policy(config);
    for (entry, segment) in manifest.segments.iter_mut().zip(generation.segments()) {
        let gone = segment.rows_of(&erased)?;
        if gone.is_empty() {
            segment.let_go();
            continue;
        }
        let rows = (0..segment.len()).filter(|row| gone.binary_search(row).is_err());
        let rows: Vec<SegmentRecord> = rows.map(|row| segment.record(row)).collect::<Result<_, _>>()?;
        segment.let_go();
        let written = dir.write_segment(lock, key, manifest.epoch, &rows, &policy)?.entry;
        *entry = SegmentEntry { counted: entry.counted, ..written };
    }
    manifest.erasures = erasures.len();
    dir.replace_previous(lock, key, &manifest)?;
    Ok(Before::Open { manifest, key: age, until })
}

/// Brings the images that are never evidence up to date in the epoch before: they are read anew with its own profile and keys.
///
/// # Errors
/// [`Error::Index`], [`Error::Keys`]; [`Error::Listing`] where the folder of negative images cannot be listed. The epoch before
/// keeps those that it knew.
pub(super) fn know_negatives(
    before: &mut Before,
    ring: &mut Keyring,
    place: &Place<'_>,
) -> Result<(), Error> {
    let Before::Open { manifest, key: age, .. } = before else { return Ok(()) };
    let Place { config, dir, lock } = *place;
    if config.negative.is_none() && manifest.negative.is_empty() {
        return Ok(());
    }
    let (profile, projection) = ring.profile_of(dir, manifest.epoch)?;
    let bank = negative::read(config, &Coder::new(&profile, projection))?.bank;
    if bank == manifest.negative {
        return Ok(());
    }
    let Some(key) = ring.index(*age) else { return Ok(()) };
    let known = Manifest { negative: bank, ..(**manifest).clone() };
    dir.replace_previous(lock, key, &known)?;
    **manifest = known;
    Ok(())
}

/// How many records two generations hold together of each source, month and kind; those that both hold count once, as the
/// newer one has them.
///
/// # Errors
/// [`Error::Index`].
pub(crate) fn composition(newer: &Generation, older: Option<&Generation>) -> Result<Composition, Error> {
    let mut all = newer.composition()?;
    let Some(older) = older else { return Ok(all) };
    for (number, segment) in (0..).zip(older.segments()) {
        let only_there: Vec<_> = (0..segment.len())
            .into_par_iter()
            .filter(|row| !older.is_hidden(number, *row))
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
