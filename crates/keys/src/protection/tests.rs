use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::*;
use crate::{IndexKey, Key as _, keygen};

const CHEAP: KdfCost = KdfCost::from_fields(8, 1, 1);

/// A source that counts, so that no two fills are equal.
fn counting() -> impl FnMut(&mut [u8]) -> Result<(), RandomError> {
    let mut count = 0;
    move |buffer| {
        count += 1;
        buffer.fill(count);
        Ok(())
    }
}

fn keys() -> (TempDir, PathBuf, KeySource) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    keygen(&dir, UNIX_EPOCH + Duration::from_secs(1_795_000_000), &mut counting()).unwrap();
    let source = KeySource::dir(&dir);
    (place, dir, source)
}

fn words(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes()).unwrap()
}

fn answer(text: &str) -> impl FnMut(Role) -> Result<Passphrase, PassphraseError> {
    let passphrase = words(text);
    move |_| Ok(passphrase.clone())
}

fn wrap_cheaply(source: &KeySource, current: &str, new: &str) -> Result<KeyId, KeyError> {
    wrap_within(
        source,
        Role::Index,
        &mut answer(current),
        &words(new),
        CHEAP,
        &mut counting(),
        &KdfLimits::NONE,
    )
}

fn load_cheaply(source: &KeySource, text: &str) -> Result<KeyId, KeyError> {
    let place = source.place(Role::Index);
    file::load_within(&place, Role::Index, &mut answer(text), &KdfLimits::NONE)
        .map(|material| material.key.id())
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn wrapping_changing_and_unwrapping_keep_the_key() {
    let (_place, dir, source) = keys();
    let path = dir.join("index.key");
    let plain = fs::read(&path).unwrap();
    let id = IndexKey::load_from_dir(&dir).unwrap().id();

    assert_eq!(wrap_cheaply(&source, "not asked for", "first passphrase").unwrap(), id);
    let first = fs::read(&path).unwrap();
    assert_eq!(first.len(), wrapped::WRAPPED_LEN);
    assert_eq!(load_cheaply(&source, "first passphrase").unwrap(), id);

    assert_eq!(wrap_cheaply(&source, "first passphrase", "second passphrase").unwrap(), id);
    assert!(matches!(load_cheaply(&source, "first passphrase"), Err(KeyError::WrongPassphrase { .. })));
    assert_eq!(load_cheaply(&source, "second passphrase").unwrap(), id);

    let limits = &KdfLimits::NONE;
    let mut ask = answer("second passphrase");
    assert_eq!(unwrap_within(&source, Role::Index, &mut ask, &mut counting(), limits).unwrap(), id);
    assert_eq!(fs::read(&path).unwrap(), plain);
    assert_eq!(names(&dir), ["audit.key", "index.key", "projection.key", "ref.key"]);
}

#[test]
fn nothing_changes_without_the_current_passphrase() {
    let (_place, dir, source) = keys();
    wrap_cheaply(&source, "not asked for", "first passphrase").unwrap();
    let before = fs::read(dir.join("index.key")).unwrap();
    let error = wrap_cheaply(&source, "wrong passphrase", "second passphrase").unwrap_err();
    assert!(matches!(error, KeyError::WrongPassphrase { .. }), "{error}");
    let limits = &KdfLimits::NONE;
    let error =
        unwrap_within(&source, Role::Index, &mut file::no_passphrase, &mut counting(), limits).unwrap_err();
    assert!(matches!(error, KeyError::Passphrase { source: PassphraseError::NotGiven, .. }), "{error}");
    assert_eq!(fs::read(dir.join("index.key")).unwrap(), before);
    assert_eq!(names(&dir), ["audit.key", "index.key", "projection.key", "ref.key"]);
}

#[test]
fn short_passphrases_are_refused_before_anything_is_read() {
    let (_place, dir, source) = keys();
    fs::remove_file(dir.join("index.key")).unwrap();
    let error = wrap_cheaply(&source, "not asked for", "eleven byte").unwrap_err();
    assert!(matches!(error, KeyError::Passphrase { source: PassphraseError::TooShort, .. }), "{error}");
}

#[test]
fn unwrapping_a_plain_file_leaves_it_alone() {
    let (_place, dir, source) = keys();
    let before = fs::metadata(dir.join("index.key")).unwrap().modified().unwrap();
    unwrap(&source, Role::Index, &mut file::no_passphrase, &mut counting()).unwrap();
    assert_eq!(fs::metadata(dir.join("index.key")).unwrap().modified().unwrap(), before);
}

#[test]
fn only_files_can_be_changed() {
    for place in [KeyPlace::Descriptor(3), KeyPlace::Credential] {
        let source = KeySource::dir("keys").with(Role::Index, place);
        let error = wrap_cheaply(&source, "not asked for", "first passphrase").unwrap_err();
        assert!(matches!(error, KeyError::NotOurFile { role: Role::Index, .. }), "{error}");
    }
}

/// The whole way at the lowest cost that is accepted, through the public functions alone.
#[test]
fn wrapped_keys_load_through_the_public_interface() {
    let (_place, dir, source) = keys();
    let id = IndexKey::load_from_dir(&dir).unwrap().id();
    let cost = KdfCost::new(64, 3, 1).unwrap();
    let new = words("first passphrase");
    wrap(&source, Role::Index, &mut file::no_passphrase, &new, cost, &mut counting()).unwrap();
    assert_eq!(IndexKey::load_from(&source, &mut answer("first passphrase")).unwrap().id(), id);
    let error = IndexKey::load_from_dir(&dir).unwrap_err();
    assert!(matches!(error, KeyError::Passphrase { source: PassphraseError::NotGiven, .. }), "{error}");
    // A cheaper wrapping is refused before anybody is asked.
    wrap_cheaply(&source, "first passphrase", "second passphrase").unwrap();
    let error = IndexKey::load_from(&source, &mut |_| panic!("asked")).unwrap_err();
    assert!(matches!(error, KeyError::Cost { .. }), "{error}");
}

/// At every step at which the machine may stop, the file under the key's name opens.
#[test]
fn a_crash_at_any_step_leaves_a_key() {
    let (_place, dir, source) = keys();
    let id = IndexKey::load_from_dir(&dir).unwrap().id();
    let path = dir.join("index.key");
    // The draws of randomness are: two salts, then the wiping of the old bytes. A source that fails stands for the crash.
    for draws in 0..4 {
        let mut left: i32 = draws;
        let mut failing = |buffer: &mut [u8]| {
            buffer.fill(0x55);
            left -= 1;
            if left < 0 { Err(RandomError::new("crash")) } else { Ok(()) }
        };
        let result = wrap_within(
            &source,
            Role::Index,
            &mut answer("first passphrase"),
            &words("first passphrase"),
            CHEAP,
            &mut failing,
            &KdfLimits::NONE,
        );
        assert_eq!(result.is_ok(), draws == 3, "{draws}");
        assert_eq!(load_cheaply(&source, "first passphrase").unwrap(), id, "{draws}");
        assert!(path.exists());
        if draws >= 2 {
            unwrap_within(
                &source,
                Role::Index,
                &mut answer("first passphrase"),
                &mut counting(),
                &KdfLimits::NONE,
            )
            .unwrap();
        }
    }
}
