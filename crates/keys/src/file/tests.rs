use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::PathBuf,
    process::Command,
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{IndexKey, ProjectionKey};

fn index_key() -> RoleKey {
    RoleKey::from_secret(Role::Index, &[7; 32])
}

fn good_bytes() -> Vec<u8> {
    encode(Role::Index, &index_key(), 1_795_000_000).to_vec()
}

/// A key file with these bytes and mode, in a directory that lasts as long as the first value.
fn write(bytes: &[u8], mode: u32) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.key");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (dir, path)
}

fn refusal(bytes: &[u8]) -> KeyError {
    let (_dir, path) = write(bytes, 0o600);
    IndexKey::load(&path).unwrap_err()
}

/// The message with the path taken out.
fn message(error: &KeyError, path: &Path) -> String {
    error.to_string().replace(&path.display().to_string(), "PATH")
}

#[test]
fn layout_is_the_documented_one() {
    let bytes = good_bytes();
    assert_eq!(bytes.len(), 104);
    assert_eq!(&bytes[0..8], b"SALTKEY\n");
    assert_eq!(&bytes[8..16], [1, 0, 2, 0, 0, 0, 0, 0]);
    assert_eq!(&bytes[16..32], index_key().id().as_bytes());
    assert_eq!(&bytes[32..40], 1_795_000_000_u64.to_le_bytes());
    assert_eq!(&bytes[40..72], [7; 32]);
    let mac_key = blake3::derive_key(Context::KEY_FILE_MAC.as_str(), &[7; 32]);
    assert_eq!(&bytes[72..104], blake3::keyed_hash(&mac_key, &bytes[..72]).as_bytes());
}

#[test]
fn a_good_file_loads() {
    for mode in [0o600, 0o400] {
        let (dir, path) = write(&good_bytes(), mode);
        assert_eq!(IndexKey::load(&path).unwrap().id(), index_key().id());
        assert_eq!(IndexKey::load_from_dir(dir.path()).unwrap().id(), index_key().id());
    }
}

#[test]
fn a_missing_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.key");
    let error = IndexKey::load(&path).unwrap_err();
    assert!(matches!(error, KeyError::Missing { .. }));
    assert_eq!(
        message(&error, &path),
        "no key file at `PATH`; make keys with `saltprint keygen`, or correct the path"
    );
}

#[test]
fn each_permission_of_group_and_others_is_refused() {
    for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
        let (_dir, path) = write(&good_bytes(), 0o600 | bit);
        let error = IndexKey::load(&path).unwrap_err();
        assert!(matches!(error, KeyError::Permissions { mode, .. } if mode == 0o600 | bit));
        let text = message(&error, &path);
        assert!(text.contains(&format!("{:04o}", 0o600 | bit)) && text.contains("`chmod 600`"), "{text}");
    }
}

#[test]
fn a_symbolic_link_is_refused_even_to_a_good_file() {
    let (dir, path) = write(&good_bytes(), 0o600);
    for target in [path, dir.path().join("nowhere")] {
        let link = dir.path().join("link.key");
        symlink(target, &link).unwrap();
        assert!(matches!(IndexKey::load(&link), Err(KeyError::Symlink { .. })));
        fs::remove_file(link).unwrap();
    }
}

#[test]
fn directories_sockets_and_pipes_are_refused_without_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [dir.path(), &socket, &pipe] {
        let error = IndexKey::load(path).unwrap_err();
        assert!(matches!(error, KeyError::NotAFile { .. }), "{error}");
    }
}

#[test]
fn a_path_through_a_file_is_an_io_error() {
    let (_dir, path) = write(&good_bytes(), 0o600);
    assert!(matches!(IndexKey::load(&path.join("index.key")), Err(KeyError::Io { action: "open", .. })));
}

#[test]
fn a_wrong_role_names_both() {
    let (_dir, path) = write(&good_bytes(), 0o600);
    let error = ProjectionKey::load(&path).unwrap_err();
    assert!(matches!(error, KeyError::WrongRole { found: Role::Index, wanted: Role::Projection, .. }));
    assert_eq!(
        message(&error, &path),
        "key file `PATH` holds the index key where the projection key is needed; give the path of \
         `projection.key`"
    );
}

#[test]
fn every_truncation_is_refused() {
    let bytes = good_bytes();
    for length in 0..bytes.len() {
        let error = refusal(&bytes[..length]);
        assert!(
            matches!(error, KeyError::WrongLength { found, expected: 104, .. } if found == length as u64),
            "{length}: {error}"
        );
    }
}

#[test]
fn extensions_are_refused() {
    for extra in [1, 2, 1000] {
        let mut bytes = good_bytes();
        bytes.resize(bytes.len() + extra, 0);
        let length = bytes.len() as u64;
        let error = refusal(&bytes);
        assert!(matches!(error, KeyError::WrongLength { found, .. } if found == length), "{error}");
    }
}

#[test]
fn another_kind_of_file_is_refused() {
    assert!(matches!(refusal(&[b'x'; 104]), KeyError::NotAKeyFile { .. }));
    assert!(matches!(refusal(b"-----BEGIN PRIVATE KEY-----"), KeyError::NotAKeyFile { .. }));
}

#[test]
fn a_newer_version_tells_both_whatever_its_length() {
    let mut bytes = good_bytes();
    bytes[VERSION_AT].copy_from_slice(&3_u16.to_le_bytes());
    for length in [10, 104] {
        let error = refusal(&bytes[..length]);
        assert!(matches!(error, KeyError::NewerVersion { found: 3, supported: 2, .. }));
        assert!(error.to_string().contains("format version 3 and this program reads up to 2"), "{error}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let good = good_bytes();
    for position in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[position] ^= 1 << bit;
            let Err(fault) = parse(&bytes, &KdfLimits::ENFORCED) else {
                panic!("byte {position} bit {bit} passed")
            };
            match position {
                0..8 => assert_eq!(fault, Fault::Magic),
                8..10 => assert!(matches!(fault, Fault::Version(_) | Fault::Damaged)),
                _ => assert_eq!(fault, Fault::Damaged),
            }
        }
    }
    let mut bytes = good;
    bytes[50] ^= 1;
    assert!(matches!(refusal(&bytes), KeyError::Damaged { .. }));
}

/// Fields that a forger may set freely, since the key of the MAC is in the file, are still checked.
#[test]
fn a_valid_mac_does_not_excuse_a_wrong_field() {
    for position in [ROLE_AT, RESERVED_AT.start, KEY_ID_AT.start] {
        let mut bytes = good_bytes();
        bytes[position] ^= 0x80;
        let mac: [u8; 32] = index_key().derive(Context::KEY_FILE_MAC, &[]).mac(&[&bytes[..MAC_AT.start]]);
        bytes[MAC_AT].copy_from_slice(&mac);
        assert!(matches!(parse(&bytes, &KdfLimits::ENFORCED), Err(Fault::Damaged)), "byte {position}");
    }
}

#[test]
fn errors_show_no_secret() {
    let secret_text = "7, 7, 7";
    let mut bytes = good_bytes();
    bytes[MAC_AT.start] ^= 1;
    let error = refusal(&bytes);
    assert!(!format!("{error:?}").contains(secret_text));
}

proptest! {
    #[test]
    fn any_key_round_trips(secret: [u8; 32], created: u64, role in 0_usize..4) {
        let role = Role::ALL[role];
        let key = RoleKey::from_secret(role, &secret);
        let bytes = encode(role, &key, created);
        let Ok(Parsed::Plain(read)) = parse(bytes.as_slice(), &KdfLimits::ENFORCED) else {
            return Err(TestCaseError::fail("refused"));
        };
        prop_assert_eq!(read.key.expose(), &secret);
        prop_assert_eq!((read.key.id(), read.role, read.created), (key.id(), role, created));
    }

    #[test]
    fn arbitrary_bytes_never_pass(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse(&bytes, &KdfLimits::ENFORCED).is_err());
        let tail = [&good_bytes()[..10], bytes.as_slice()].concat();
        prop_assert!(parse(&tail, &KdfLimits::ENFORCED).is_err());
    }
}
