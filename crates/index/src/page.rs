//! Sealing of pages: AES-256 in counter mode and a keyed BLAKE3 tag a page.
//!
//! Encryption and tag keys are derived from the index key and the file's random salt, so a counter block never
//! repeats under one key: the counter is the byte position within the file's pages. A page's tag covers salt,
//! section kind, page number, page count and ciphertext, so pages cannot be swapped, within a file or between
//! files, or dropped. This is encrypt-then-MAC with independent keys.

use aes::Aes256;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherSeek};
use ctr::{Ctr128BE, CtrCore, flavors};
use saltprint_keys::{Context, IndexKey, Subkey};

use crate::format::{PAGE_LEN, TAG_LEN};

/// Keys of one file.
pub(crate) struct PageSeal {
    /// The expanded key; each use starts a counter of its own from it.
    cipher: Aes256,
    tags: Subkey,
    salt: [u8; 32],
}

/// A tag or root: public bytes in the file, compared in constant time.
pub(crate) type Tag = [u8; TAG_LEN];

impl PageSeal {
    pub(crate) fn new(key: &IndexKey, salt: [u8; 32]) -> Self {
        let encryption = key.derive(Context::SEGMENT_ENCRYPTION, &salt);
        Self {
            cipher: Aes256::new(encryption.expose().into()),
            tags: key.derive(Context::SEGMENT_MAC, &salt),
            salt,
        }
    }

    /// Encrypts or decrypts `bytes` that stand at `offset` within page `page`, in place.
    pub(crate) fn apply(&self, page: u64, offset: usize, bytes: &mut [u8]) {
        // By reference: a lookup decrypts many short runs of rows, and a copy of the expanded key takes longer than those.
        let core = CtrCore::<&Aes256, flavors::Ctr128BE>::inner_iv_init(&self.cipher, &[0; 16].into());
        let mut cipher = Ctr128BE::from_core(core);
        cipher.seek(u128::from(page) * PAGE_LEN as u128 + offset as u128);
        cipher.apply_keystream(bytes);
    }

    /// Tag of a page's ciphertext.
    pub(crate) fn tag(&self, section: u32, page: u64, pages: u64, ciphertext: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(self.tags.expose());
        hasher.update(b"page");
        hasher.update(&self.salt);
        hasher.update(&section.to_le_bytes());
        hasher.update(&page.to_le_bytes());
        hasher.update(&pages.to_le_bytes());
        hasher.update(ciphertext);
        *hasher.finalize().as_bytes()
    }

    /// Root over the header block and all page tags.
    pub(crate) fn root(&self, header: &[u8], tags: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(self.tags.expose());
        hasher.update(b"root");
        hasher.update(&(header.len() as u64).to_le_bytes());
        hasher.update(header);
        hasher.update(tags);
        *hasher.finalize().as_bytes()
    }
}

/// Compares two tags without a data-dependent branch.
pub(crate) fn tags_equal(a: &Tag, b: &Tag) -> bool {
    blake3::Hash::from_bytes(*a) == blake3::Hash::from_bytes(*b)
}

impl std::fmt::Debug for PageSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageSeal")
    }
}
