//! The one place that knows `bincode`: small structures, little-endian, fixed width, with a size limit.
//!
//! `bincode` is unmaintained (RUSTSEC-2025-0141) and pinned to 2.0.1; nothing else depends on it, so that it
//! can be replaced here alone.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::IndexError;

/// Largest encoded structure; guards every allocation that a length field could ask for.
const LIMIT: usize = 256 << 20;

fn config() -> Configuration<LittleEndian, Fixint, Limit<LIMIT>> {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>()
}

pub(crate) fn encode<T: Serialize>(section: &'static str, value: &T) -> Result<Vec<u8>, IndexError> {
    let encoded = bincode::serde::encode_to_vec(value, config()).ok();
    // The limit holds for decoding only.
    let encoded = encoded.filter(|bytes| bytes.len() <= LIMIT);
    encoded.ok_or_else(|| IndexError::inconsistent(section, "too large to encode"))
}

/// Decodes a whole buffer: bytes left over are an error.
pub(crate) fn decode<T: DeserializeOwned>(section: &'static str, bytes: &[u8]) -> Result<T, IndexError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, config())
        .map_err(|_| IndexError::inconsistent(section, "does not decode"))?;
    if used != bytes.len() {
        return Err(IndexError::inconsistent(section, "bytes left over"));
    }
    Ok(value)
}
