//! What is known of the keys without their secrets.

use crate::{
    error::KeyError,
    file::{
        Fault, MOST_BYTES, Parsed, PlainHeader,
        reading::{Contents, MODE_BITS, Policy, open, read_up_to},
    },
    ids::KeyId,
    kdf::{KdfCost, KdfLimits},
    roles::Role,
    source::{KeyAge, KeyPlace, KeySource},
};

/// One role's key, as [`key_status`] found it.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyStatus {
    /// What the key is for.
    pub role: Role,
    /// Which of the role's keys.
    pub age: KeyAge,
    /// Where it comes from.
    pub place: KeyPlace,
    /// What is there, or why it cannot be used. `Ok(None)` for a descriptor, which can be read only once.
    pub found: Result<Option<KeyInfo>, KeyError>,
}

/// What a key file says of itself. The mode, the owner's alone, was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The public id of the key.
    pub id: KeyId,
    /// When the key was made, in seconds since 1970.
    pub created: u64,
    /// How the secret is kept.
    pub protection: Protection,
    /// Permission bits of the file.
    pub mode: u32,
}

/// How a key file keeps its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// In clear: the file's mode is all there is.
    Plain,
    /// Under a passphrase, at this cost a guess.
    Wrapped(KdfCost),
}

/// Looks at the key of every role, in the order of [`Role::ALL`], then at next and previous keys where there are any, and
/// reads no secret.
///
/// Of a plain key file only what stands before the secret is read, so damage behind it does not show here; loading the
/// key finds it. Of a wrapped one all is read and the checksum verified, since nothing in it is secret without the
/// passphrase.
///
/// ```
/// use std::path::Path;
///
/// use saltprint_keys::{KeyError, KeySource, key_status};
///
/// let status = key_status(&KeySource::dir("no/such/directory"));
/// assert_eq!(status.len(), 4);
/// assert!(matches!(status[0].found, Err(KeyError::Missing { .. })));
/// ```
pub fn key_status(source: &KeySource) -> Vec<KeyStatus> {
    let status = |role, age, place: KeyPlace| {
        let found = match place {
            KeyPlace::Descriptor(_) => Ok(None),
            KeyPlace::File(_) | KeyPlace::Credential | KeyPlace::CredentialOf(_) => {
                look(&place, role).map(Some)
            }
        };
        KeyStatus { role, age, place, found }
    };
    let mut all: Vec<KeyStatus> =
        Role::ALL.into_iter().map(|role| status(role, KeyAge::Present, source.place(role))).collect();
    for age in [KeyAge::Next, KeyAge::Previous] {
        let siblings = Role::ROTATED
            .into_iter()
            .filter_map(|role| Some(status(role, age, source.place(role).sibling(age)?)));
        all.extend(siblings.filter(|status| {
            !matches!(status.found, Err(KeyError::Missing { .. } | KeyError::NoCredentials { .. }))
        }));
    }
    all
}

/// Whether a key of another age lies beside that of a role. Only the header of its file is read.
#[must_use]
pub fn sibling_exists(source: &KeySource, role: Role, age: KeyAge) -> bool {
    let missing = |found| matches!(found, Err(KeyError::Missing { .. } | KeyError::NoCredentials { .. }));
    source.place(role).sibling(age).is_some_and(|place| !missing(look(&place, role)))
}

pub(crate) fn look(place: &KeyPlace, role: Role) -> Result<KeyInfo, KeyError> {
    let (path, policy) = place.resolve(role)?;
    let (header, file_len, mode) = read_header(&path, policy)?;
    let failed = |fault: Fault| fault.at(&path, file_len);
    let (found, info) = match PlainHeader::parse(&header).map_err(failed)? {
        Some(_) if file_len != crate::file::FILE_LEN as u64 => {
            return Err(failed(Fault::Length(crate::file::FILE_LEN)));
        }
        Some(PlainHeader { role, id, created }) => {
            (role, KeyInfo { id, created, protection: Protection::Plain, mode })
        }
        None => {
            let contents = Contents::read(&path, policy, MOST_BYTES).map_err(|fault| fault.of_key(&path))?;
            let parsed = crate::file::parse(contents.bytes(), &KdfLimits::ENFORCED).map_err(failed)?;
            let Parsed::Wrapped(wrapped) = parsed else {
                // Replaced by a plain one between the two looks; the next status will tell.
                return Err(KeyError::Damaged { path });
            };
            let protection = Protection::Wrapped(wrapped.cost);
            (wrapped.role, KeyInfo { id: wrapped.id, created: wrapped.created, protection, mode })
        }
    };
    if found == role { Ok(info) } else { Err(failed(Fault::Role { found, wanted: role })) }
}

/// The bytes before the secret, the length of the whole file, and its permission bits.
fn read_header(path: &std::path::Path, policy: Policy) -> Result<(Vec<u8>, u64, u32), KeyError> {
    use std::os::unix::fs::MetadataExt as _;

    let (mut file, metadata) = open(path, policy).map_err(|fault| fault.of_key(path))?;
    let mut header = vec![0; PlainHeader::LEN];
    let len = read_up_to(&mut file, &mut header).map_err(|source| KeyError::Io {
        action: "read",
        path: path.into(),
        source,
    })?;
    header.truncate(len);
    Ok((header, metadata.len(), metadata.mode() & MODE_BITS))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::PermissionsExt as _,
        path::{Path, PathBuf},
        time::{Duration, UNIX_EPOCH},
    };

    use super::*;
    use crate::{Passphrase, PassphraseError, keygen, wrap};

    fn keys() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("keys");
        let mut next = 0;
        keygen(&dir, UNIX_EPOCH + Duration::from_secs(1_795_000_000), &mut |buffer| {
            next += 1;
            buffer.fill(next);
            Ok(())
        })
        .unwrap();
        (place, dir)
    }

    fn found(dir: &Path, role: Role) -> Result<Option<KeyInfo>, KeyError> {
        let all = key_status(&KeySource::dir(dir));
        all.into_iter().find(|status| status.role == role).unwrap().found
    }

    #[test]
    fn plain_keys_are_listed_by_role() {
        let (_place, dir) = keys();
        let all = key_status(&KeySource::dir(&dir));
        assert_eq!(all.iter().map(|status| status.role).collect::<Vec<_>>(), Role::ALL);
        for (status, secret) in all.iter().zip(1..) {
            let info = status.found.as_ref().unwrap().unwrap();
            let id = crate::roles::RoleKey::from_secret(status.role, &[secret; 32]).id();
            assert_eq!((info.id, info.created, info.mode), (id, 1_795_000_000, 0o600));
            assert_eq!(info.protection, Protection::Plain);
            assert_eq!(status.place, KeyPlace::File(dir.join(status.role.file_name())));
        }
    }

    #[test]
    fn wrapped_keys_state_their_cost() {
        let (_place, dir) = keys();
        let cost = KdfCost::new(64, 3, 1).unwrap();
        let passphrase = Passphrase::new(b"first passphrase").unwrap();
        let before = found(&dir, Role::Ref).unwrap().unwrap();
        let mut nobody = |_| Err(PassphraseError::NotGiven);
        let source = KeySource::dir(&dir);
        wrap(&source, Role::Ref, &mut nobody, &passphrase, cost, &mut crate::system_random).unwrap();
        let after = found(&dir, Role::Ref).unwrap().unwrap();
        assert_eq!(after, KeyInfo { protection: Protection::Wrapped(cost), ..before });
        let path = dir.join("ref.key");
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(found(&dir, Role::Ref), Err(KeyError::Damaged { .. })));
    }

    #[test]
    fn what_is_wrong_is_said_per_role() {
        let (_place, dir) = keys();
        fs::remove_file(dir.join("projection.key")).unwrap();
        fs::set_permissions(dir.join("index.key"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::copy(dir.join("audit.key"), dir.join("ref.key")).unwrap();
        fs::write(dir.join("audit.key"), "short").unwrap();
        assert!(matches!(found(&dir, Role::Projection), Err(KeyError::Missing { .. })));
        assert!(matches!(found(&dir, Role::Index), Err(KeyError::Permissions { mode: 0o640, .. })));
        assert!(matches!(found(&dir, Role::Ref), Err(KeyError::WrongRole { found: Role::Audit, .. })));
        assert!(matches!(found(&dir, Role::Audit), Err(KeyError::WrongLength { found: 5, .. })));
    }

    /// The secret is replaced by a pattern that no good file has: status does not notice, because it does not look.
    #[test]
    fn the_secret_of_a_plain_file_is_not_read() {
        let (_place, dir) = keys();
        let path = dir.join("index.key");
        let mut bytes = fs::read(&path).unwrap();
        bytes[40..72].fill(0xff);
        fs::write(&path, &bytes).unwrap();
        assert!(found(&dir, Role::Index).is_ok());
        bytes.push(0);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(found(&dir, Role::Index), Err(KeyError::WrongLength { found: 105, .. })));
    }

    #[test]
    fn descriptors_are_left_alone() {
        let (_place, dir) = keys();
        let source = KeySource::dir(dir).with(Role::Index, KeyPlace::Descriptor(9_999));
        let all = key_status(&source);
        assert!(matches!(all[1].found, Ok(None)));
    }
}
