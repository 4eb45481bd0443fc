//! Every BLAKE3 key-derivation context of Saltprint, side by side.
//!
//! Two derivations with the same context and key give the same bytes, so a context names exactly one use.
//! A context that has been released is never edited: a new meaning gets a new line, because changing a string
//! here makes every file written with the old one unreadable.

/// The label of one use of a role key, for [`ProjectionKey::derive`](crate::ProjectionKey::derive) and its
/// siblings.
///
/// The field is private: the constants below are the only contexts that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(&'static str);

impl Context {
    /// The label as it enters BLAKE3's `derive_key` mode. It is public knowledge.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Declares the constants together with the list of them all, so that neither can miss a line of the other.
macro_rules! contexts {
    ($($(#[$doc:meta])+ $vis:vis $name:ident = $label:literal;)+) => {
        impl Context {
            $($(#[$doc])+ $vis const $name: Self = Self($label);)+
        }

        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Context)] = &[$((stringify!($name), Context::$name)),+];
    };
}

contexts! {
    /// Authenticates a key file under the secret that the file itself holds.
    pub(crate) KEY_FILE_MAC = "saltprint 2026-11 v1 any key file mac";
    /// The public id of a key; salted with the role's byte.
    pub(crate) KEY_ID = "saltprint 2026-11 v1 any key id";
    /// Encrypts the secret of a wrapped key file under a passphrase; salted per file.
    pub(crate) KEY_WRAP_ENCRYPTION = "saltprint 2026-11 v1 any key wrap encryption";
    /// Authenticates a wrapped key file under a passphrase; salted per file.
    pub(crate) KEY_WRAP_MAC = "saltprint 2026-11 v1 any key wrap mac";
    /// Checksum of a wrapped key file, over public bytes: tells damage from a wrong passphrase.
    pub(crate) KEY_WRAP_CHECKSUM = "saltprint 2026-11 v1 any key wrap checksum";
    /// Authenticates a share of a key under the secret that the shares restore.
    pub(crate) KEY_SHARE_MAC = "saltprint 2026-11 v1 any key share mac";
    /// Checksum of a share of a key, which finds slips of the pen.
    pub(crate) KEY_SHARE_CHECKSUM = "saltprint 2026-11 v1 any key share checksum";
    /// Pseudonyms of records, keyed by the ref key.
    pub(crate) RECORD_REF = "saltprint 2026-11 v1 ref record ref";
    /// Pseudonyms of subjects, keyed by the ref key.
    pub(crate) SUBJECT_REF = "saltprint 2026-11 v1 ref subject ref";
    /// Digest of a document's bytes, by which the nightly job recognises a changed record.
    pub(crate) CONTENT_DIGEST = "saltprint 2026-11 v1 index content digest";
    /// Digest of a document's size and modification time, by which it is left unread.
    pub(crate) CATALOG_STAMP = "saltprint 2026-11 v1 index catalog stamp";
    /// Digest of where a record's file lies, as the catalog holds it.
    pub(crate) CATALOG_PLACE = "saltprint 2026-11 v1 index catalog place digest";
    /// Authenticates one row of the catalog.
    pub CATALOG_ROW_TAG = "saltprint 2026-11 v1 index catalog row tag";
    /// Seed of the secret orthonormal projection behind global codes; the salt is up to the fingerprint crate.
    pub GLOBAL_PROJECTION = "saltprint 2026-11 v1 projection global projection";
    /// Seed of the secret truth tables that global codes are read through where a profile asks for them.
    pub GLOBAL_READOUT = "saltprint 2026-11 v1 projection global readout";
    /// Seed of the secret orthonormal projection behind local codes; the salt is up to the fingerprint crate.
    pub LOCAL_PROJECTION = "saltprint 2026-11 v1 projection local projection";
    /// Encrypts a sealed profile; salted per blob.
    pub(crate) PROFILE_ENCRYPTION = "saltprint 2026-11 v1 projection profile encryption";
    /// Authenticates a sealed profile; salted per blob.
    pub(crate) PROFILE_MAC = "saltprint 2026-11 v1 projection profile mac";
    /// Encrypts the pages of a segment; salted per segment.
    pub SEGMENT_ENCRYPTION = "saltprint 2026-11 v1 index segment encryption";
    /// Authenticates the pages and the root of a segment; salted per segment.
    pub SEGMENT_MAC = "saltprint 2026-11 v1 index segment mac";
    /// Encrypts a manifest; salted per blob.
    pub(crate) MANIFEST_ENCRYPTION = "saltprint 2026-11 v1 index manifest encryption";
    /// Authenticates a manifest; salted per blob.
    pub(crate) MANIFEST_MAC = "saltprint 2026-11 v1 index manifest mac";
    /// Encrypts the census of local features; salted per blob.
    pub(crate) CENSUS_ENCRYPTION = "saltprint 2026-11 v1 index census encryption";
    /// Authenticates the census of local features; salted per blob.
    pub(crate) CENSUS_MAC = "saltprint 2026-11 v1 index census mac";
    /// Encrypts a fingerprint that waits for a segment; salted per blob.
    pub(crate) WORK_ENCRYPTION = "saltprint 2026-11 v1 index work encryption";
    /// Authenticates a fingerprint that waits for a segment; salted per blob.
    pub(crate) WORK_MAC = "saltprint 2026-11 v1 index work mac";
    /// Encrypts the list of erasures; salted per blob.
    pub(crate) ERASURES_ENCRYPTION = "saltprint 2026-11 v1 index erasures encryption";
    /// Authenticates the list of erasures; salted per blob.
    pub(crate) ERASURES_MAC = "saltprint 2026-11 v1 index erasures mac";
    /// Authenticates the receipt of an erasure.
    pub ERASURE_RECEIPT_MAC = "saltprint 2026-11 v1 ref erasure receipt mac";
    /// The public id of an epoch, over the id of its projection key and the digest of its profile.
    pub(crate) EPOCH_ID = "saltprint 2026-11 v1 projection epoch id";
    /// First key of an audit log's ratchet; the salt is the log's id.
    pub AUDIT_RATCHET_START = "saltprint 2026-11 v1 audit ratchet start";
    /// The next key of the ratchet from the one before, which is wiped.
    pub AUDIT_RATCHET_STEP = "saltprint 2026-11 v1 audit ratchet step";
    /// Authenticates one entry, under the ratchet's key of its number.
    pub AUDIT_ENTRY_MAC = "saltprint 2026-11 v1 audit entry mac";
    /// Commits to what was asked, under the ratchet's key of the entry's number.
    pub AUDIT_QUERY_COMMITMENT = "saltprint 2026-11 v1 audit query commitment";
    /// Digest of what was asked as it stays in memory: without a key, but unlike the plain hash of any file.
    pub AUDIT_QUERY_DIGEST = "saltprint 2026-11 v1 audit query digest";
    /// Authenticates a checkpoint, under the ratchet's key that comes after its last entry.
    pub AUDIT_CHECKPOINT_MAC = "saltprint 2026-11 v1 audit checkpoint mac";
    /// Authenticates the state file under the ratchet's key in it.
    pub AUDIT_STATE_MAC = "saltprint 2026-11 v1 audit state mac";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ALL;

    #[test]
    fn every_context_is_unique() {
        let labels: HashSet<_> = ALL.iter().map(|(_, context)| context.as_str()).collect();
        assert_eq!(labels.len(), ALL.len());
    }

    #[test]
    fn every_context_follows_the_pattern() {
        let roles = ["any", "projection", "index", "ref", "audit"];
        for (name, context) in ALL {
            let rest = context.as_str().strip_prefix("saltprint 2026-11 v1 ");
            let (role, purpose) = rest.and_then(|rest| rest.split_once(' ')).expect(name);
            assert!(roles.contains(&role), "{name}: unknown role {role}");
            assert!(!purpose.trim().is_empty(), "{name}: no purpose");
            assert!(context.as_str().is_ascii(), "{name}: not ASCII");
        }
    }
}
