//! The key that forgets: one a number, each derived from the one before, which is wiped.
//!
//! Bellare and Yee ("Forward integrity for secure audit logs", 1997) and Schneier and Kelsey ("Secure audit logs to
//! support computer forensics", 1999) describe the idea: who takes over the machine learns the key of the *next* entry,
//! and no way leads back to the keys of those that are written.

use std::fmt;

use blake3::Hasher;
use saltprint_keys::{AuditKey, Context};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::header::LogId;
use crate::query::QueryDigest;
use crate::tree::Hash;

/// Length of a key in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// The ratchet at one number: entry `n` is authenticated and its query committed to under key `n`.
///
/// The key is boxed, wiped on drop and on every step, and does not print.
pub(crate) struct Ratchet(Box<Zeroizing<[u8; KEY_LEN]>>);

impl Ratchet {
    /// Key 0 of a log: `derive(start, audit key || log id)`.
    pub(crate) fn start(key: &AuditKey, log: LogId) -> Self {
        let start = key.derive(Context::AUDIT_RATCHET_START, log.as_bytes());
        Self::from_bytes(start.expose())
    }

    /// The key as the state file holds it.
    pub(crate) fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        let mut key = Self(Box::new(Zeroizing::new([0; KEY_LEN])));
        key.0.copy_from_slice(bytes);
        key
    }

    /// The key, for the state file only.
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Goes on to the next number and wipes this one.
    pub(crate) fn step(&mut self) {
        // The old key is overwritten in its box by the new one.
        let next = self.derive(Context::AUDIT_RATCHET_STEP);
        self.0.copy_from_slice(next.as_slice());
    }

    /// A second copy, for a verifier that looks ahead. A writer never needs one.
    pub(crate) fn fork(&self) -> Self {
        Self::from_bytes(self.expose())
    }

    /// MAC of an entry's body.
    pub(crate) fn entry_mac(&self, body: &[u8]) -> Hash {
        self.mac(Context::AUDIT_ENTRY_MAC, body)
    }

    /// MAC of a checkpoint over all entries before this number.
    pub(crate) fn checkpoint_mac(&self, body: &[u8]) -> Hash {
        self.mac(Context::AUDIT_CHECKPOINT_MAC, body)
    }

    /// MAC of a state file that holds this key.
    pub(crate) fn state_mac(&self, body: &[u8]) -> Hash {
        self.mac(Context::AUDIT_STATE_MAC, body)
    }

    /// What this number's entry says about its query. Another number says something else about the same query, and
    /// once the key is wiped nobody but the holder of the audit key can try images against it.
    pub(crate) fn commitment(&self, query: &QueryDigest) -> Hash {
        self.mac(Context::AUDIT_QUERY_COMMITMENT, query.expose())
    }

    fn mac(&self, context: Context, message: &[u8]) -> Hash {
        let key = self.derive(context);
        let mut hasher = Zeroizing::new(Hasher::new_keyed(&key));
        hasher.update(message);
        Hash::from_bytes(hasher.finalize().into())
    }

    fn derive(&self, context: Context) -> Zeroizing<[u8; KEY_LEN]> {
        let mut hasher = Zeroizing::new(Hasher::new_derive_key(context.as_str()));
        hasher.update(self.expose());
        let mut output = hasher.finalize_xof();
        let mut key = Zeroizing::new([0; KEY_LEN]);
        output.fill(key.as_mut_slice());
        output.zeroize();
        key
    }
}

impl fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ratchet")
    }
}

/// Whether two tags are the same, in time that does not tell where they differ.
pub(crate) fn same(a: &Hash, b: &Hash) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratchet() -> Ratchet {
        Ratchet::start(&AuditKey::from_secret(&[7; 32]), LogId::from_bytes([9; 16]))
    }

    #[test]
    fn steps_are_derive_key_of_the_key_before() {
        let mut ratchet = ratchet();
        let before = *ratchet.expose();
        ratchet.step();
        assert_eq!(ratchet.expose(), &blake3::derive_key(Context::AUDIT_RATCHET_STEP.as_str(), &before));
        assert_ne!(ratchet.expose(), &before);
    }

    #[test]
    fn every_use_has_a_key_of_its_own() {
        let ratchet = ratchet();
        let query = QueryDigest::of(b"query");
        let tags = [
            ratchet.entry_mac(query.expose()),
            ratchet.checkpoint_mac(query.expose()),
            ratchet.state_mac(query.expose()),
            ratchet.commitment(&query),
        ];
        for (at, tag) in tags.iter().enumerate() {
            assert!(tags[..at].iter().all(|other| other != tag));
        }
    }

    #[test]
    fn logs_of_one_key_share_nothing() {
        let other = Ratchet::start(&AuditKey::from_secret(&[7; 32]), LogId::from_bytes([8; 16]));
        assert_ne!(ratchet().expose(), other.expose());
    }

    #[test]
    fn a_query_is_committed_to_anew_each_time() {
        let (query, mut ratchet) = (QueryDigest::of(b"query"), ratchet());
        let first = ratchet.commitment(&query);
        assert_eq!(first, ratchet.commitment(&QueryDigest::of(b"query")));
        ratchet.step();
        assert_ne!(first, ratchet.commitment(&query));
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", ratchet()), "Ratchet");
    }
}
