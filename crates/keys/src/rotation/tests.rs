use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use super::*;
use crate::{IndexKey, Key as _, ProjectionKey, keygen, shred, system_random, wrap};

fn keys() -> (tempfile::TempDir, PathBuf, KeySource) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    keygen(&dir, UNIX_EPOCH, &mut system_random).unwrap();
    let source = KeySource::dir(&dir);
    (place, dir, source)
}

fn begin(source: &KeySource, role: Role) -> Result<GeneratedKey, KeyError> {
    let now = UNIX_EPOCH + Duration::from_secs(7);
    rotate(source, role, &mut file::no_passphrase, now, &mut system_random)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_next_key_lies_beside_the_present_one_until_it_is_promoted() {
    let (_place, dir, source) = keys();
    let old = IndexKey::load_from_dir(&dir).unwrap().id();
    let made = begin(&source, Role::Index).unwrap();
    assert_eq!(made.path, dir.join("index.next.key"));
    assert_eq!(fs::metadata(&made.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(IndexKey::load_from_dir(&dir).unwrap().id(), old);
    assert!(matches!(begin(&source, Role::Index), Err(KeyError::Exists { .. })));

    assert!(promote(&source, Role::Index).unwrap());
    assert!(!promote(&source, Role::Index).unwrap());
    assert_eq!(IndexKey::load_from_dir(&dir).unwrap().id(), made.id);
    assert_eq!(IndexKey::load(&dir.join("index.previous.key")).unwrap().id(), old);
    assert!(matches!(begin(&source, Role::Index), Err(KeyError::PreviousKey { .. })));
    assert_eq!(
        names(&dir),
        ["audit.key", "index.key", "index.previous.key", "projection.key", "ref.key"],
        "nothing else is left"
    );
}

#[test]
fn a_crash_between_the_two_names_is_made_good() {
    let (_place, dir, source) = keys();
    let old = ProjectionKey::load_from_dir(&dir).unwrap().id();
    let made = begin(&source, Role::Projection).unwrap();
    fs::hard_link(dir.join("projection.key"), dir.join("projection.previous.key")).unwrap();
    assert_eq!(ProjectionKey::load_from_dir(&dir).unwrap().id(), old);
    assert!(promote(&source, Role::Projection).unwrap());
    assert_eq!(ProjectionKey::load_from_dir(&dir).unwrap().id(), made.id);
    assert_eq!(ProjectionKey::load(&dir.join("projection.previous.key")).unwrap().id(), old);
}

#[test]
fn a_crash_while_the_next_key_is_written_leaves_no_half_of_one() {
    let (_place, dir, source) = keys();
    fs::write(dir.join(".index.next.key.new"), "half of a k").unwrap();
    begin(&source, Role::Index).unwrap();
    assert!(!names(&dir).iter().any(|name| name.starts_with('.')));
}

#[test]
fn another_previous_key_is_not_overwritten() {
    let (_place, dir, source) = keys();
    begin(&source, Role::Index).unwrap();
    fs::copy(dir.join("index.key"), dir.join("index.previous.key")).unwrap();
    let present = IndexKey::load_from_dir(&dir).unwrap().id();
    assert!(matches!(promote(&source, Role::Index), Err(KeyError::PreviousKey { .. })));
    assert_eq!(IndexKey::load_from_dir(&dir).unwrap().id(), present);
}

#[test]
fn the_next_key_of_a_wrapped_one_is_wrapped_alike() {
    let (_place, dir, source) = keys();
    let passphrase = Passphrase::new(b"staple horse battery correct").unwrap();
    let cost = KdfCost::new(64, 3, 1).unwrap();
    wrap(&source, Role::Index, &mut file::no_passphrase, &passphrase, cost, &mut system_random).unwrap();
    assert!(matches!(begin(&source, Role::Index), Err(KeyError::Passphrase { .. })));
    let mut wrong = |_| Passphrase::new(b"another passphrase");
    let refused = rotate(&source, Role::Index, &mut wrong, UNIX_EPOCH, &mut system_random);
    assert!(matches!(refused, Err(KeyError::WrongPassphrase { .. })));

    let mut ask = |_| Ok(passphrase.clone());
    let made = rotate(&source, Role::Index, &mut ask, UNIX_EPOCH, &mut system_random).unwrap();
    let next = source.clone().with(Role::Index, KeyPlace::File(made.path));
    let info = look(&next.place(Role::Index), Role::Index).unwrap();
    assert_eq!((info.id, info.protection), (made.id, Protection::Wrapped(cost)));
    assert_eq!(IndexKey::load_from(&next, &mut ask).unwrap().id(), made.id);
    assert!(IndexKey::load(&dir.join("index.next.key")).is_err());
}

#[test]
fn keys_from_elsewhere_and_bad_randomness_are_refused() {
    let (_place, dir, source) = keys();
    for place in [KeyPlace::Descriptor(3), KeyPlace::Credential] {
        let source = source.clone().with(Role::Index, place);
        assert!(matches!(begin(&source, Role::Index), Err(KeyError::NotOurFile { .. })));
        assert!(matches!(promote(&source, Role::Index), Err(KeyError::NotOurFile { .. })));
    }
    let key = RoleKey::from_secret(Role::Index, &[0; 32]);
    fs::write(dir.join("index.key"), file::encode(Role::Index, &key, 0).as_slice()).unwrap();
    let mut same = |buffer: &mut [u8]| {
        buffer.fill(0);
        Ok(())
    };
    let refused = rotate(&source, Role::Index, &mut file::no_passphrase, UNIX_EPOCH, &mut same);
    assert!(matches!(refused, Err(KeyError::RepeatedRandom)));
    assert!(!dir.join("index.next.key").exists());
}

#[test]
fn previous_keys_are_destroyed_and_no_others() {
    let (_place, dir, source) = keys();
    assert!(matches!(shred_previous(&source, &mut system_random), Err(KeyError::Missing { .. })));
    for role in Role::ROTATED {
        begin(&source, role).unwrap();
        promote(&source, role).unwrap();
    }
    let gone = shred_previous(&source, &mut system_random).unwrap();
    assert_eq!(gone.iter().map(|key| key.role).collect::<Vec<_>>(), Role::ROTATED);
    assert_eq!(names(&dir), ["audit.key", "index.key", "projection.key", "ref.key"]);
}

#[test]
fn a_folder_is_destroyed_with_all_ages() {
    let (_place, dir, source) = keys();
    begin(&source, Role::Projection).unwrap();
    begin(&source, Role::Index).unwrap();
    promote(&source, Role::Index).unwrap();
    assert_eq!(shred(&dir, &mut system_random).unwrap().len(), 6);
    assert_eq!(names(&dir), [""; 0]);
}
