use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::{AuditKey, IndexKey, ProjectionKey, RefKey};

const NOW: Duration = Duration::from_secs(1_795_000_000);

/// A source that counts: 1, 1, 1, ... for the first secret, 2, 2, 2, ... for the second.
fn counting() -> impl FnMut(&mut [u8]) -> Result<(), RandomError> {
    let mut count = 0;
    move |buffer| {
        count += 1;
        buffer.fill(count);
        Ok(())
    }
}

fn generate(dir: &Path) -> Result<Vec<GeneratedKey>, KeyError> {
    keygen(dir, UNIX_EPOCH + NOW, &mut counting())
}

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    (place, dir)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & MODE_BITS
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn make_dir(dir: &Path, mode: u32) {
    fs::create_dir(dir).unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn four_keys_load_with_the_reported_ids() {
    let (_place, dir) = place();
    let keys = generate(&dir).unwrap();
    assert_eq!(keys.iter().map(|key| key.role).collect::<Vec<_>>(), Role::ALL);
    let loaded = [
        ProjectionKey::load_from_dir(&dir).unwrap().id(),
        IndexKey::load_from_dir(&dir).unwrap().id(),
        RefKey::load_from_dir(&dir).unwrap().id(),
        AuditKey::load_from_dir(&dir).unwrap().id(),
    ];
    for (key, id) in keys.iter().zip(loaded) {
        assert_eq!(key.id, id);
        assert_eq!(key.path, dir.join(key.role.file_name()));
    }
    assert_eq!(loaded[0], ProjectionKey::from_secret(&[1; 32]).id());
    assert_eq!(loaded[3], AuditKey::from_secret(&[4; 32]).id());
}

#[test]
fn modes_are_tight() {
    let (_place, dir) = place();
    let keys = generate(&dir).unwrap();
    assert_eq!(mode(&dir), 0o700);
    for key in keys {
        assert_eq!(mode(&key.path), 0o600, "{}", key.role);
    }
}

#[test]
fn same_clock_and_randomness_give_the_same_bytes() {
    let ((_one, first), (_two, second)) = (place(), place());
    generate(&first).unwrap();
    generate(&second).unwrap();
    for role in Role::ALL {
        let file = |dir: &Path| fs::read(dir.join(role.file_name())).unwrap();
        assert_eq!(file(&first), file(&second));
        assert_eq!(file(&first)[32..40], NOW.as_secs().to_le_bytes());
    }
}

#[test]
fn an_existing_private_directory_is_accepted() {
    let (_place, dir) = place();
    make_dir(&dir, 0o700);
    fs::write(dir.join("README"), "keys of the test").unwrap();
    generate(&dir).unwrap();
    assert_eq!(entries(&dir), ["README", "audit.key", "index.key", "projection.key", "ref.key"]);
}

#[test]
fn a_directory_open_to_others_is_refused() {
    for mode in [0o755, 0o750, 0o701] {
        let (_place, dir) = place();
        make_dir(&dir, mode);
        let error = generate(&dir).unwrap_err();
        assert!(matches!(error, KeyError::DirectoryPermissions { mode: found, .. } if found == mode));
        assert!(error.to_string().contains("`chmod 700`"), "{error}");
        assert!(entries(&dir).is_empty());
    }
}

#[test]
fn something_else_in_place_of_the_directory_is_refused() {
    let (place, dir) = place();
    fs::write(&dir, "").unwrap();
    assert!(matches!(generate(&dir), Err(KeyError::NotADirectory { .. })));
    let link = place.path().join("link");
    symlink(place.path(), &link).unwrap();
    assert!(matches!(generate(&link), Err(KeyError::NotADirectory { .. })));
}

#[test]
fn a_missing_parent_is_an_io_error() {
    let (_place, dir) = place();
    let error = generate(&dir.join("deeper")).unwrap_err();
    assert!(matches!(error, KeyError::Io { action: "create directory", .. }), "{error}");
}

#[test]
fn any_existing_key_file_stops_everything() {
    for role in Role::ALL {
        let (_place, dir) = place();
        make_dir(&dir, 0o700);
        fs::write(dir.join(role.file_name()), "precious").unwrap();
        let error = generate(&dir).unwrap_err();
        assert!(matches!(&error, KeyError::Exists { path } if path.ends_with(role.file_name())), "{error}");
        assert_eq!(entries(&dir), [role.file_name()]);
        assert_eq!(fs::read(dir.join(role.file_name())).unwrap(), b"precious");
    }
}

#[test]
fn a_dangling_link_in_place_of_a_key_file_stops_everything() {
    let (place, dir) = place();
    make_dir(&dir, 0o700);
    symlink(place.path().join("elsewhere"), dir.join("ref.key")).unwrap();
    assert!(matches!(generate(&dir), Err(KeyError::Exists { .. })));
    assert!(!place.path().join("elsewhere").exists());
}

#[test]
fn keys_made_once_are_not_made_again() {
    let (_place, dir) = place();
    let before = generate(&dir).unwrap();
    assert!(matches!(generate(&dir), Err(KeyError::Exists { .. })));
    assert_eq!(IndexKey::load_from_dir(&dir).unwrap().id(), before[1].id);
}

#[test]
fn failing_randomness_leaves_nothing() {
    let (place, dir) = place();
    let mut draws = 0;
    let mut failing = |buffer: &mut [u8]| {
        draws += 1;
        buffer.fill(draws);
        if draws < 3 { Ok(()) } else { Err(RandomError::new("no entropy")) }
    };
    let error = keygen(&dir, UNIX_EPOCH + NOW, &mut failing).unwrap_err();
    assert!(matches!(error, KeyError::Random(_)));
    assert!(entries(place.path()).is_empty());
}

#[test]
fn repeating_randomness_is_refused() {
    let (place, dir) = place();
    let mut stuck = |buffer: &mut [u8]| {
        buffer.fill(0);
        Ok(())
    };
    assert!(matches!(keygen(&dir, UNIX_EPOCH + NOW, &mut stuck), Err(KeyError::RepeatedRandom)));
    assert!(entries(place.path()).is_empty());
}

/// Somebody else's `ref.key` appears between the check and the writing: ours go again, his stays.
#[test]
fn a_failure_midway_removes_what_was_written() {
    let (_place, dir) = place();
    let mut random = counting();
    let theirs = dir.join("ref.key");
    let mut racing = |buffer: &mut [u8]| {
        fs::write(&theirs, "theirs").unwrap();
        random(buffer)
    };
    let error = keygen(&dir, UNIX_EPOCH + NOW, &mut racing).unwrap_err();
    assert!(matches!(&error, KeyError::Exists { path } if *path == theirs), "{error}");
    assert_eq!(entries(&dir), ["ref.key"]);
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
}

#[test]
fn a_clock_before_1970_is_refused() {
    let (place, dir) = place();
    let error = keygen(&dir, UNIX_EPOCH - Duration::from_secs(1), &mut counting()).unwrap_err();
    assert!(matches!(error, KeyError::Clock));
    assert!(entries(place.path()).is_empty());
}

#[test]
fn the_system_generator_fills_the_buffer() {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    system_random(&mut first).unwrap();
    system_random(&mut second).unwrap();
    assert_ne!(first, second);
}
