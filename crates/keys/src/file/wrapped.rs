//! Version 2 of the key file: the secret sealed under a passphrase.
//!
//! `FORMAT.md` defines the bytes; the offsets below stand in its order.

use std::ops::Range;

use subtle::ConstantTimeEq as _;

use super::{CREATED_AT, Fault, KEY_ID_AT, MAGIC, MAGIC_AT, Material, ROLE_AT, VERSION_AT};
use crate::{
    contexts::Context,
    error::RandomError,
    ids::KeyId,
    kdf::{KDF_SALT_LEN, KdfCost, KdfLimits},
    passphrase::Passphrase,
    roles::{Role, RoleKey},
    sealing::{self, BlobFormat, SEALING_OVERHEAD},
    secret::SECRET_LEN,
};

pub(super) const VERSION: u16 = 2;

const KDF_AT: usize = ROLE_AT + 1;
const RESERVED_1_AT: Range<usize> = KDF_AT + 1..KEY_ID_AT.start;
const MEMORY_AT: Range<usize> = CREATED_AT.end..CREATED_AT.end + 4;
const PASSES_AT: Range<usize> = MEMORY_AT.end..MEMORY_AT.end + 4;
const LANES_AT: Range<usize> = PASSES_AT.end..PASSES_AT.end + 4;
const RESERVED_2_AT: Range<usize> = LANES_AT.end..LANES_AT.end + 4;
const KDF_SALT_AT: Range<usize> = RESERVED_2_AT.end..RESERVED_2_AT.end + KDF_SALT_LEN;
const BLOB_AT: Range<usize> = KDF_SALT_AT.end..KDF_SALT_AT.end + SEALING_OVERHEAD + SECRET_LEN;
const CHECKSUM_AT: Range<usize> = BLOB_AT.end..BLOB_AT.end + 32;
pub(crate) const WRAPPED_LEN: usize = CHECKSUM_AT.end;

/// Argon2id, version 0x13.
const KDF_ARGON2ID: u8 = 1;

const BLOB: BlobFormat = BlobFormat { magic: *b"SALTWRAP", version: 1 };

/// A wrapped key file whose checksum and cost were found good. Without the passphrase no more can be said.
pub(crate) struct Wrapped<'a> {
    bytes: &'a [u8; WRAPPED_LEN],
    pub(crate) role: Role,
    pub(crate) id: KeyId,
    pub(crate) created: u64,
    pub(crate) cost: KdfCost,
}

impl<'a> Wrapped<'a> {
    pub(super) fn parse(bytes: &'a [u8], limits: &KdfLimits) -> Result<Self, Fault> {
        // From here on the length is known, which makes every range below lie inside.
        let bytes: &[u8; WRAPPED_LEN] = bytes.try_into().map_err(|_| Fault::Length(WRAPPED_LEN))?;
        // The checksum comes first: from here on an oddity is no accident.
        if bytes[CHECKSUM_AT] != checksum(&bytes[..CHECKSUM_AT.start]) {
            return Err(Fault::Damaged);
        }
        let reserved = [&bytes[RESERVED_1_AT], &bytes[RESERVED_2_AT]];
        if bytes[KDF_AT] != KDF_ARGON2ID || reserved.concat().iter().any(|&byte| byte != 0) {
            return Err(Fault::Damaged);
        }
        let role = Role::from_byte(bytes[ROLE_AT]).ok_or(Fault::Damaged)?;
        let number = |at| Ok(u32::from_le_bytes(field(bytes, at)?));
        let cost = KdfCost::from_fields(number(MEMORY_AT)?, number(PASSES_AT)?, number(LANES_AT)?);
        // Before anybody spends what the file asks for.
        let cost = cost.check(limits).map_err(Fault::Cost)?;
        Ok(Self {
            bytes,
            role,
            id: KeyId::from_bytes(field(bytes, KEY_ID_AT)?),
            created: u64::from_le_bytes(field(bytes, CREATED_AT)?),
            cost,
        })
    }

    /// Opens it, at the cost that it states.
    pub(crate) fn open(&self, passphrase: &Passphrase) -> Result<Material, Fault> {
        let out_of_memory = Fault::OutOfMemory { mib: self.cost.memory_kib() / 1024 };
        let wrapping = self.cost.derive(passphrase, &field(self.bytes, KDF_SALT_AT)?).ok_or(out_of_memory)?;
        let header = &self.bytes[..BLOB_AT.start];
        let secret =
            sealing::open(|salt| wrapping.blob_keys(salt), BLOB, header, self.bytes[BLOB_AT].to_vec())
                // The checksum holds, so it is the key of the MAC that is wrong, or somebody made this file.
                .map_err(|_| Fault::WrongPassphrase)?;
        let secret: &[u8; SECRET_LEN] = secret.as_slice().try_into().map_err(|_| Fault::Damaged)?;
        let key = RoleKey::from_secret(self.role, secret);
        if !bool::from(key.id().as_bytes().ct_eq(self.id.as_bytes())) {
            return Err(Fault::Damaged);
        }
        Ok(Material { role: self.role, key, created: self.created })
    }
}

/// The bytes of a wrapped key file; they are public but for whoever knows the passphrase. `None` where there is not as
/// much memory as `cost` says.
pub(crate) fn encode(
    material: &Material,
    passphrase: &Passphrase,
    cost: KdfCost,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), RandomError>,
) -> Result<Option<[u8; WRAPPED_LEN]>, RandomError> {
    let (mut kdf_salt, mut blob_salt) = ([0; KDF_SALT_LEN], [0; 32]);
    random(&mut kdf_salt)?;
    random(&mut blob_salt)?;
    let Some(wrapping) = cost.derive(passphrase, &kdf_salt) else { return Ok(None) };

    let mut bytes = [0; WRAPPED_LEN];
    bytes[MAGIC_AT].copy_from_slice(&MAGIC);
    bytes[VERSION_AT].copy_from_slice(&VERSION.to_le_bytes());
    bytes[ROLE_AT] = material.role.byte();
    bytes[KDF_AT] = KDF_ARGON2ID;
    bytes[KEY_ID_AT].copy_from_slice(material.key.id().as_bytes());
    bytes[CREATED_AT].copy_from_slice(&material.created.to_le_bytes());
    bytes[MEMORY_AT].copy_from_slice(&cost.memory_kib().to_le_bytes());
    bytes[PASSES_AT].copy_from_slice(&cost.passes().to_le_bytes());
    bytes[LANES_AT].copy_from_slice(&cost.lanes().to_le_bytes());
    bytes[KDF_SALT_AT].copy_from_slice(&kdf_salt);
    let keys = wrapping.blob_keys(&blob_salt);
    let blob = sealing::seal(&keys, BLOB, &bytes[..BLOB_AT.start], &[material.key.expose()], blob_salt);
    bytes[BLOB_AT].copy_from_slice(&blob);
    let sum = checksum(&bytes[..CHECKSUM_AT.start]);
    bytes[CHECKSUM_AT].copy_from_slice(&sum);
    Ok(Some(bytes))
}

fn checksum(bytes: &[u8]) -> [u8; 32] {
    blake3::derive_key(Context::KEY_WRAP_CHECKSUM.as_str(), bytes)
}

fn field<const N: usize>(bytes: &[u8], at: Range<usize>) -> Result<[u8; N], Fault> {
    bytes.get(at).and_then(|field| field.try_into().ok()).ok_or(Fault::Damaged)
}

#[cfg(test)]
mod tests;
