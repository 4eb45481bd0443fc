//! The key file: its bytes, and loading it.
//!
//! `FORMAT.md` defines the bytes; the offsets below stand in its order. Version 1 holds the secret in clear, version 2
//! under a passphrase ([`wrapped`]); both begin alike.

pub(crate) mod reading;
pub(crate) mod wrapped;
pub(crate) mod writing;

use std::{ops::Range, path::Path};

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use self::{
    reading::Contents,
    wrapped::{WRAPPED_LEN, Wrapped},
};
use crate::{
    contexts::Context,
    error::KeyError,
    hardening,
    ids::KeyId,
    kdf::{KdfCostError, KdfLimits},
    passphrase::{Passphrase, PassphraseError},
    roles::{Role, RoleKey},
    secret::SECRET_LEN,
    source::KeyPlace,
};

pub(crate) const MAGIC: [u8; 8] = *b"SALTKEY\n";
const VERSION: u16 = 1;
const NEWEST_VERSION: u16 = wrapped::VERSION;

pub(crate) const MAGIC_AT: Range<usize> = 0..8;
const VERSION_AT: Range<usize> = MAGIC_AT.end..MAGIC_AT.end + 2;
const ROLE_AT: usize = VERSION_AT.end;
const RESERVED_AT: Range<usize> = ROLE_AT + 1..ROLE_AT + 6;
const KEY_ID_AT: Range<usize> = RESERVED_AT.end..RESERVED_AT.end + 16;
const CREATED_AT: Range<usize> = KEY_ID_AT.end..KEY_ID_AT.end + 8;
const SECRET_AT: Range<usize> = CREATED_AT.end..CREATED_AT.end + SECRET_LEN;
const MAC_AT: Range<usize> = SECRET_AT.end..SECRET_AT.end + 32;
pub(crate) const FILE_LEN: usize = MAC_AT.end;

/// Bytes to read of any key file: one more than the longest has, so that an extended one shows.
pub(crate) const MOST_BYTES: usize = WRAPPED_LEN + 1;

/// What a key file says: a key, and when it was made, in seconds since 1970.
pub(crate) struct Material {
    pub(crate) role: Role,
    pub(crate) key: RoleKey,
    pub(crate) created: u64,
}

/// The bytes of a plain key file. `created` is in seconds since 1970.
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

/// Loads the key at `place`, which must be one of the role `wanted`. Asks for a passphrase where the key is wrapped.
pub(crate) fn load(
    place: &KeyPlace,
    wanted: Role,
    ask: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
) -> Result<Material, KeyError> {
    load_within(place, wanted, ask, &KdfLimits::ENFORCED)
}

/// Like [`load`], with limits of the caller's: only tests have others than the enforced ones.
pub(crate) fn load_within(
    place: &KeyPlace,
    wanted: Role,
    ask: &mut dyn FnMut(Role) -> Result<Passphrase, PassphraseError>,
    limits: &KdfLimits,
) -> Result<Material, KeyError> {
    let (path, policy) = place.resolve(wanted)?;
    let contents = Contents::read(&path, policy, MOST_BYTES).map_err(|fault| fault.of_key(&path))?;
    let failed = |fault: Fault| fault.at(&path, contents.file_len);
    let material = match parse(contents.bytes(), limits).map_err(failed)? {
        Parsed::Plain(material) => material,
        Parsed::Wrapped(wrapped) => {
            // Nobody should be asked for the passphrase of a key that is of no use here.
            check_role(wrapped.role, wanted).map_err(failed)?;
            let passphrase =
                ask(wanted).map_err(|source| KeyError::Passphrase { path: path.clone(), source })?;
            wrapped.open(&passphrase).map_err(failed)?
        }
    };
    // Last, so that a flipped role byte is reported as the damage that it is.
    check_role(material.role, wanted).map_err(failed)?;
    if hardening::is_strict() && !material.key.is_locked() {
        return Err(KeyError::Unlocked { role: wanted });
    }
    Ok(material)
}

fn check_role(found: Role, wanted: Role) -> Result<(), Fault> {
    if found == wanted { Ok(()) } else { Err(Fault::Role { found, wanted }) }
}

/// The answer where nobody can be asked.
pub(crate) fn no_passphrase(_role: Role) -> Result<Passphrase, PassphraseError> {
    Err(PassphraseError::NotGiven)
}

/// What is wrong with the bytes of a key file, before the path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Magic,
    Version(u16),
    /// With the length that is right.
    Length(usize),
    Damaged,
    Role {
        found: Role,
        wanted: Role,
    },
    Cost(KdfCostError),
    WrongPassphrase,
    OutOfMemory {
        mib: u32,
    },
}

impl Fault {
    pub(crate) fn at(self, path: &Path, file_len: u64) -> KeyError {
        let path = path.into();
        match self {
            Self::Magic => KeyError::NotAKeyFile { path },
            Self::Version(found) => KeyError::NewerVersion { path, found, supported: NEWEST_VERSION },
            Self::Length(expected) => {
                KeyError::WrongLength { path, found: file_len, expected: expected as u64 }
            }
            Self::Damaged => KeyError::Damaged { path },
            Self::Role { found, wanted } => KeyError::WrongRole { path, found, wanted },
            Self::Cost(source) => KeyError::Cost { path, source },
            Self::WrongPassphrase => KeyError::WrongPassphrase { path },
            Self::OutOfMemory { mib } => KeyError::OutOfMemory { path, mib },
        }
    }
}

/// A key file, as far as its bytes alone tell.
pub(crate) enum Parsed<'a> {
    Plain(Material),
    Wrapped(Wrapped<'a>),
}

pub(crate) fn parse<'a>(bytes: &'a [u8], limits: &KdfLimits) -> Result<Parsed<'a>, Fault> {
    match version(bytes)? {
        VERSION => parse_plain(bytes).map(Parsed::Plain),
        _ => Wrapped::parse(bytes, limits).map(Parsed::Wrapped),
    }
}

/// The version, if it is one that is read. Kind and version come before the length: a file of a later version may well
/// have another one.
fn version(bytes: &[u8]) -> Result<u16, Fault> {
    let magic = bytes.get(MAGIC_AT).ok_or(Fault::Length(FILE_LEN))?;
    if magic != MAGIC {
        return Err(Fault::Magic);
    }
    let version = bytes.get(VERSION_AT).and_then(|field| field.try_into().ok());
    match u16::from_le_bytes(version.ok_or(Fault::Length(FILE_LEN))?) {
        0 => Err(Fault::Damaged),
        known @ VERSION..=NEWEST_VERSION => Ok(known),
        newer => Err(Fault::Version(newer)),
    }
}

fn parse_plain(bytes: &[u8]) -> Result<Material, Fault> {
    // From here on the length is known, which makes every range below lie inside.
    let bytes: &[u8; FILE_LEN] = bytes.try_into().map_err(|_| Fault::Length(FILE_LEN))?;

    let role = Role::from_byte(bytes[ROLE_AT]).ok_or(Fault::Damaged)?;
    let key = RoleKey::init(role, |secret| {
        secret.copy_from_slice(&bytes[SECRET_AT]);
        Ok(())
    })?;
    let mac = bytes.last_chunk::<32>().ok_or(Fault::Damaged)?;
    let created = bytes[CREATED_AT].try_into().map_err(|_| Fault::Damaged)?;
    let authentic = key.derive(Context::KEY_FILE_MAC, &[]).verify(&[&bytes[..MAC_AT.start]], mac);
    let named = bool::from(key.id().as_bytes().as_slice().ct_eq(&bytes[KEY_ID_AT]));
    let reserved = bytes[RESERVED_AT].iter().all(|&byte| byte == 0);
    if !(authentic && named && reserved) {
        return Err(Fault::Damaged);
    }
    Ok(Material { role, key, created: u64::from_le_bytes(created) })
}

/// What a plain key file says of itself before its secret.
pub(crate) struct PlainHeader {
    pub(crate) role: Role,
    pub(crate) id: KeyId,
    pub(crate) created: u64,
}

impl PlainHeader {
    /// Bytes of it.
    pub(crate) const LEN: usize = SECRET_AT.start;

    /// `None` where the file is of another version. What it says is not checked: the MAC would take the secret.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        if version(bytes)? != VERSION {
            return Ok(None);
        }
        let bytes: &[u8; Self::LEN] = bytes.first_chunk().ok_or(Fault::Length(FILE_LEN))?;
        if bytes[RESERVED_AT].iter().any(|&byte| byte != 0) {
            return Err(Fault::Damaged);
        }
        Ok(Some(Self {
            role: Role::from_byte(bytes[ROLE_AT]).ok_or(Fault::Damaged)?,
            id: KeyId::from_bytes(bytes[KEY_ID_AT].try_into().map_err(|_| Fault::Damaged)?),
            created: u64::from_le_bytes(bytes[CREATED_AT].try_into().map_err(|_| Fault::Damaged)?),
        }))
    }
}

#[cfg(test)]
mod tests;
