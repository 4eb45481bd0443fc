//! Segments as somebody with the key could write them: sealed by `crates/index/FORMAT.md`, written down here a second time.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use saltprint_index::format::{HEADER_LEN, MAX_SECTIONS, PAGE_LEN, TAG_LEN};
use saltprint_keys::{Context, IndexKey, Subkey};

use crate::patch;

const SALT_AT: usize = 16;
const PAGES_AT: usize = 88;
const SECTIONS_AT: usize = 104;
const SECTION_LEN: usize = 32;

/// A segment with its pages in clear.
pub(super) struct Plain {
    sealed: Vec<u8>,
    /// The header block, then the pages.
    plain: Vec<u8>,
}

impl Plain {
    /// Takes a sealed segment.
    pub(super) fn of(sealed: Vec<u8>, key: &IndexKey) -> Self {
        let pages = sealed.len().saturating_sub(HEADER_LEN + TAG_LEN) / (PAGE_LEN + TAG_LEN);
        let mut plain = sealed[..HEADER_LEN + pages * PAGE_LEN].to_vec();
        let (header, rest) = plain.split_at_mut(HEADER_LEN);
        let keys = Keys::of(header, key);
        (0..).zip(rest.chunks_mut(PAGE_LEN)).for_each(|(number, page)| keys.apply(number, page));
        Self { sealed, plain }
    }

    pub(super) fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// Applies a script to header and pages, and seals what comes out. Its length is rounded up to whole pages, and where that
    /// changed their number, the header says so.
    pub(super) fn changed(&self, script: &[u8], key: &IndexKey) -> Vec<u8> {
        let mut plain = self.plain.clone();
        patch::apply(&mut plain, script);
        let pages = plain.len().saturating_sub(HEADER_LEN).div_ceil(PAGE_LEN);
        plain.resize(HEADER_LEN + pages * PAGE_LEN, 0);
        if plain.len() != self.plain.len() {
            plain[PAGES_AT..PAGES_AT + 8].copy_from_slice(&(pages as u64).to_le_bytes());
        }
        let before = &self.plain;
        let same_header = plain[..HEADER_LEN] == before[..HEADER_LEN];
        let (header, rest) = plain.split_at_mut(HEADER_LEN);
        let keys = Keys::of(header, key);
        let stated = u64_at(header, PAGES_AT);
        let mut tags = Vec::with_capacity(pages * TAG_LEN);
        for (number, page) in (0..).zip(rest.chunks_mut(PAGE_LEN)) {
            let at = HEADER_LEN + tags.len() / TAG_LEN * PAGE_LEN;
            // Sealing takes most of the time, and most pages are as they were.
            if same_header && before.get(at..at + PAGE_LEN) == Some(&*page) {
                page.copy_from_slice(&self.sealed[at..at + PAGE_LEN]);
                let tag = HEADER_LEN + before.len() - HEADER_LEN + tags.len();
                tags.extend_from_slice(&self.sealed[tag..tag + TAG_LEN]);
                continue;
            }
            keys.apply(number, page);
            tags.extend_from_slice(&keys.tag(kind_of(header, number), number, stated, page));
        }
        let root = keys.root(header, &tags);
        [&plain[..], &tags, &root].concat()
    }
}

/// The number of the section that the header says a page belongs to.
fn kind_of(header: &[u8], page: u64) -> u32 {
    let entries = header[SECTIONS_AT..].chunks_exact(SECTION_LEN).take(MAX_SECTIONS);
    let mut kinds = entries.filter_map(|entry| {
        let first = u64_at(entry, 16);
        let within = page.checked_sub(first)? < u64_at(entry, 24);
        within.then(|| u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]))
    });
    kinds.next().unwrap_or_default()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

struct Keys {
    encryption: Subkey,
    tags: Subkey,
    salt: Vec<u8>,
}

impl Keys {
    fn of(header: &[u8], key: &IndexKey) -> Self {
        let salt = header[SALT_AT..SALT_AT + 32].to_vec();
        Self {
            encryption: key.derive(Context::SEGMENT_ENCRYPTION, &salt),
            tags: key.derive(Context::SEGMENT_MAC, &salt),
            salt,
        }
    }

    fn apply(&self, page: u64, bytes: &mut [u8]) {
        let mut cipher = Ctr128BE::<Aes256>::new(self.encryption.expose().into(), &[0; 16].into());
        cipher.seek(page * PAGE_LEN as u64);
        cipher.apply_keystream(bytes);
    }

    fn tag(&self, kind: u32, page: u64, pages: u64, ciphertext: &[u8]) -> [u8; TAG_LEN] {
        let mut hasher = blake3::Hasher::new_keyed(self.tags.expose());
        hasher.update(b"page").update(&self.salt).update(&kind.to_le_bytes());
        hasher.update(&page.to_le_bytes()).update(&pages.to_le_bytes()).update(ciphertext);
        *hasher.finalize().as_bytes()
    }

    fn root(&self, header: &[u8], tags: &[u8]) -> [u8; TAG_LEN] {
        let mut hasher = blake3::Hasher::new_keyed(self.tags.expose());
        hasher.update(b"root").update(&(header.len() as u64).to_le_bytes()).update(header).update(tags);
        *hasher.finalize().as_bytes()
    }
}
