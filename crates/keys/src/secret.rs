//! Secret bytes: in locked memory, wiped on drop, never printed.

use std::fmt;

use blake3::Hasher;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{contexts::Context, memory::Slot};

/// Length of every secret in bytes: role keys and the subkeys derived from them.
pub(crate) const SECRET_LEN: usize = 32;

/// 32 secret bytes derived from a role key for one [`Context`].
///
/// They lie in locked memory, where the system allows, that is wiped on drop. The type has neither `Clone` nor `Serialize`, and its `Debug` prints
/// the type name only.
///
/// ```
/// use saltprint_keys::{Context, IndexKey};
///
/// let subkey = IndexKey::from_secret(&[7; 32]).derive(Context::SEGMENT_MAC, b"salt");
/// assert_eq!(format!("{subkey:?}"), "Subkey");
/// ```
pub struct Subkey(Slot);

impl Subkey {
    /// `derive_key(context, secret || salt)`, written straight into its place.
    ///
    /// The secret has a fixed length, so the join is unambiguous.
    pub(crate) fn derive(secret: &[u8; SECRET_LEN], context: Context, salt: &[u8]) -> Self {
        let mut hasher = Zeroizing::new(Hasher::new_derive_key(context.as_str()));
        hasher.update(secret).update(salt);
        Self(Slot::init_with(|bytes| {
            let mut output = hasher.finalize_xof();
            output.fill(bytes);
            output.zeroize();
        }))
    }

    /// The bytes, for the primitive that needs them. Do not copy them out.
    pub fn expose(&self) -> &[u8; SECRET_LEN] {
        self.0.expose()
    }

    /// Keyed BLAKE3 over the parts, joined as they are: the caller sees to it that the join is unambiguous.
    pub(crate) fn mac<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        let mut hasher = Zeroizing::new(Hasher::new_keyed(self.expose()));
        for part in parts {
            hasher.update(part);
        }
        let mut mac = [0; N];
        let mut output = hasher.finalize_xof();
        output.fill(&mut mac);
        output.zeroize();
        mac
    }

    /// Whether `tag` is the [`mac`](Self::mac) over the parts, in time that does not depend on where they differ.
    pub(crate) fn verify<const N: usize>(&self, parts: &[&[u8]], tag: &[u8; N]) -> bool {
        self.mac::<N>(parts).ct_eq(tag).into()
    }
}

impl fmt::Debug for Subkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subkey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_type_name_only() {
        let subkey = Subkey::derive(&[1; 32], Context::SEGMENT_MAC, &[]);
        assert_eq!(format!("{subkey:?}"), "Subkey");
        assert_eq!(format!("{subkey:#?}"), "Subkey");
    }

    #[test]
    fn derivation_is_blake3_derive_key_over_secret_and_salt() {
        let mut joined = vec![1; 32];
        joined.extend_from_slice(b"salt");
        let expected = blake3::derive_key(Context::SEGMENT_MAC.as_str(), &joined);
        assert_eq!(Subkey::derive(&[1; 32], Context::SEGMENT_MAC, b"salt").expose(), &expected);
    }

    #[test]
    fn every_input_of_a_derivation_matters() {
        let base = Subkey::derive(&[1; 32], Context::SEGMENT_MAC, b"salt");
        for other in [
            Subkey::derive(&[2; 32], Context::SEGMENT_MAC, b"salt"),
            Subkey::derive(&[1; 32], Context::SEGMENT_ENCRYPTION, b"salt"),
            Subkey::derive(&[1; 32], Context::SEGMENT_MAC, b"pepper"),
        ] {
            assert_ne!(base.expose(), other.expose());
        }
    }

    #[test]
    fn verify_accepts_only_its_own_tag() {
        let subkey = Subkey::derive(&[1; 32], Context::SEGMENT_MAC, &[]);
        let mut tag: [u8; 32] = subkey.mac(&[b"page"]);
        assert!(subkey.verify(&[b"page"], &tag));
        assert!(!subkey.verify(&[b"pages"], &tag));
        tag[31] ^= 1;
        assert!(!subkey.verify(&[b"page"], &tag));
    }
}
