//! The key file: its bytes, and loading it.
//!
//! `FORMAT.md` defines the bytes; the offsets below stand in its order.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    ops::Range,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    contexts::Context,
    error::KeyError,
    roles::{Role, RoleKey},
    secret::SECRET_LEN,
};

const MAGIC: [u8; 8] = *b"SALTKEY\n";
const VERSION: u16 = 1;

const MAGIC_AT: Range<usize> = 0..8;
const VERSION_AT: Range<usize> = MAGIC_AT.end..MAGIC_AT.end + 2;
const ROLE_AT: usize = VERSION_AT.end;
const RESERVED_AT: Range<usize> = ROLE_AT + 1..ROLE_AT + 6;
const KEY_ID_AT: Range<usize> = RESERVED_AT.end..RESERVED_AT.end + 16;
const CREATED_AT: Range<usize> = KEY_ID_AT.end..KEY_ID_AT.end + 8;
const SECRET_AT: Range<usize> = CREATED_AT.end..CREATED_AT.end + SECRET_LEN;
const MAC_AT: Range<usize> = SECRET_AT.end..SECRET_AT.end + 32;
pub(crate) const FILE_LEN: usize = MAC_AT.end;

/// The permission bits that a key file must not have: any for group and others.
const FOREIGN_BITS: u32 = 0o077;
/// The permission bits of a mode, without the type of file.
pub(crate) const MODE_BITS: u32 = 0o7777;

/// The bytes of a key file. `created` is in seconds since 1970.
pub(crate) fn encode(role: Role, key: &RoleKey, created: u64) -> Zeroizing<[u8; FILE_LEN]> {
    let mut bytes = Zeroizing::new([0; FILE_LEN]);
    bytes[MAGIC_AT].copy_from_slice(&MAGIC);
    bytes[VERSION_AT].copy_from_slice(&VERSION.to_le_bytes());
    bytes[ROLE_AT] = role.byte();
    bytes[KEY_ID_AT].copy_from_slice(key.id().as_bytes());
    bytes[CREATED_AT].copy_from_slice(&created.to_le_bytes());
    bytes[SECRET_AT].copy_from_slice(key.expose());
    let mac: [u8; 32] = key.derive(Context::KEY_FILE_MAC, &[]).mac(&[&bytes[..MAC_AT.start]]);
    bytes[MAC_AT].copy_from_slice(&mac);
    bytes
}

/// Loads the key file at `path`, which must hold a key of the role `wanted`.
pub(crate) fn load(path: &Path, wanted: Role) -> Result<RoleKey, KeyError> {
    let mut file = open(path)?;
    let metadata =
        file.metadata().map_err(|source| KeyError::Io { action: "inspect", path: path.into(), source })?;
    if !metadata.is_file() {
        return Err(KeyError::NotAFile { path: path.into() });
    }
    if metadata.mode() & FOREIGN_BITS != 0 {
        return Err(KeyError::Permissions { path: path.into(), mode: metadata.mode() & MODE_BITS });
    }

    // One byte more than a key file has, so that an extended one shows. A fixed buffer, because one that grows would
    // leave copies of the secret behind.
    let mut bytes = Zeroizing::new([0; FILE_LEN + 1]);
    let read = read_up_to(&mut file, bytes.as_mut_slice()).map_err(|source| KeyError::Io {
        action: "read",
        path: path.into(),
        source,
    })?;
    decode(&bytes[..read], wanted).map_err(|fault| fault.at(path, metadata.len()))
}

/// Opens the file for reading, but never through a symbolic link at its last component.
fn open(path: &Path) -> Result<File, KeyError> {
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        // Platforms disagree on the error of O_NOFOLLOW, hence the second look; it only chooses the message.
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => KeyError::Symlink { path: path.into() },
            Ok(metadata) if !metadata.is_file() => KeyError::NotAFile { path: path.into() },
            _ if source.kind() == io::ErrorKind::NotFound => KeyError::Missing { path: path.into() },
            _ => KeyError::Io { action: "open", path: path.into(), source },
        }
    })
}

/// Fills `buffer` from the front and returns the number of bytes read: less than its length only at the end of file.
fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What is wrong with the bytes of a key file, before the path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Magic,
    Version(u16),
    Length,
    Damaged,
    Role { found: Role, wanted: Role },
}

impl Fault {
    fn at(self, path: &Path, file_len: u64) -> KeyError {
        let path = path.into();
        match self {
            Self::Magic => KeyError::NotAKeyFile { path },
            Self::Version(found) => KeyError::NewerVersion { path, found, supported: VERSION },
            Self::Length => KeyError::WrongLength { path, found: file_len, expected: FILE_LEN as u64 },
            Self::Damaged => KeyError::Damaged { path },
            Self::Role { found, wanted } => KeyError::WrongRole { path, found, wanted },
        }
    }
}

fn decode(bytes: &[u8], wanted: Role) -> Result<RoleKey, Fault> {
    // Kind and version come before the length: a file of a later version may well have another one.
    let magic = bytes.get(MAGIC_AT).ok_or(Fault::Length)?;
    if magic != MAGIC {
        return Err(Fault::Magic);
    }
    let version = bytes.get(VERSION_AT).and_then(|field| field.try_into().ok()).ok_or(Fault::Length)?;
    match u16::from_le_bytes(version) {
        0 => return Err(Fault::Damaged),
        VERSION => {}
        newer => return Err(Fault::Version(newer)),
    }
    // From here on the length is known, which makes every range below lie inside.
    let bytes: &[u8; FILE_LEN] = bytes.try_into().map_err(|_| Fault::Length)?;

    let found = Role::from_byte(bytes[ROLE_AT]).ok_or(Fault::Damaged)?;
    let key = RoleKey::init(found, |secret| {
        secret.copy_from_slice(&bytes[SECRET_AT]);
        Ok(())
    })?;
    let mac = bytes.last_chunk::<32>().ok_or(Fault::Length)?;
    let authentic = key.derive(Context::KEY_FILE_MAC, &[]).verify(&[&bytes[..MAC_AT.start]], mac);
    let named = bool::from(key.id().as_bytes().as_slice().ct_eq(&bytes[KEY_ID_AT]));
    let reserved = bytes[RESERVED_AT].iter().all(|&byte| byte == 0);
    if !(authentic && named && reserved) {
        return Err(Fault::Damaged);
    }
    // Last, so that a flipped role byte is reported as the damage that it is.
    if found != wanted {
        return Err(Fault::Role { found, wanted });
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
