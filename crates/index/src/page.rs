//! Sealing of pages: AES-256 in counter mode and a keyed BLAKE3 tag a page.
//!
//! Encryption and tag keys are derived from the index key and the file's random salt, so a counter block never
//! repeats under one key: the counter is the byte position within the file's pages. A page's tag covers salt,
//! section kind, page number, page count and ciphertext, so pages cannot be swapped, within a file or between
//! files, or dropped. This is encrypt-then-MAC with independent keys.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
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
        let mut stream = KeyStream::at(page, offset);
        let mut rest = bytes;
        while !rest.is_empty() {
            let key = stream.next(&self.cipher, rest.len());
            let (here, behind) = rest.split_at_mut(key.len());
            here.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            rest = behind;
        }
    }

    /// Like [`PageSeal::apply`] from one place to another: of two slices of one length.
    pub(crate) fn apply_between(&self, page: u64, offset: usize, from: &[u8], to: &mut [u8]) {
        let mut stream = KeyStream::at(page, offset);
        let (mut from, mut rest) = (from, to);
        while !rest.is_empty() {
            let key = stream.next(&self.cipher, rest.len());
            let (sealed, from_behind) = from.split_at(key.len());
            let (here, behind) = rest.split_at_mut(key.len());
            here.iter_mut().zip(sealed).zip(key).for_each(|((byte, sealed), key)| *byte = sealed ^ key);
            (from, rest) = (from_behind, behind);
        }
    }

    /// Like [`PageSeal::apply`] for pieces of one length that are brought together in `bytes`, in the order of their `places`, which
    /// are pages and offsets. Lengths and offsets are whole numbers of blocks, and a length is at most [`PIECE_LEN`].
    pub(crate) fn apply_scattered(&self, places: &[(u64, usize)], bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        let a_piece = bytes.len() / BLOCK_LEN / places.len().max(1);
        debug_assert!(
            bytes.len() == places.len() * a_piece * BLOCK_LEN
                && bytes.len() <= places.len() * PIECE_LEN
                && places.iter().all(|(_, offset)| offset.is_multiple_of(BLOCK_LEN)),
            "pieces are whole blocks, and fit one batch"
        );
        let together = BLOCKS / a_piece;
        let mut key = KeyBlocks::new();
        for (places, bytes) in places.chunks(together).zip(bytes.chunks_mut(together * a_piece * BLOCK_LEN)) {
            for ((page, offset), blocks) in places.iter().zip(key.blocks.chunks_exact_mut(a_piece)) {
                number(blocks, block_at(*page, *offset));
            }
            let key = key.encrypt(&self.cipher, places.len() * a_piece);
            bytes.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        }
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

/// Blocks that are encrypted at a time, at most: as many as `aes` works on at once where there is AVX-512.
const BLOCKS: usize = 64;
/// More blocks than this are made as a whole [`batch`], though not all of it is needed; with AVX-512 that takes about as long as
/// this many one by one.
const ONE_BY_ONE: usize = 2;
pub(crate) const BLOCK_LEN: usize = 16;
/// Longest piece of [`PageSeal::apply_scattered`].
pub(crate) const PIECE_LEN: usize = BLOCKS * BLOCK_LEN;

/// As many blocks `aes` encrypts at once; what is left after such batches it encrypts one by one, which takes as long for each
/// block as for a batch. Were this wrong, it would cost time alone.
fn batch() -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("vaes") {
        return if is_x86_feature_detected!("avx512f") { BLOCKS } else { 30 };
    }
    8
}

/// Number of the block that holds the byte at `offset` of a page.
fn block_at(page: u64, offset: usize) -> u64 {
    // Up to 2^52 pages, which are 2^68 bytes.
    page.wrapping_mul((PAGE_LEN / BLOCK_LEN) as u64).wrapping_add((offset / BLOCK_LEN) as u64)
}

/// Numbers blocks from `first` on.
#[inline]
fn number(blocks: &mut [aes::Block], first: u64) {
    blocks
        .iter_mut()
        .zip(first..)
        .for_each(|(block, number)| *block = u128::from(number).to_be_bytes().into());
}

/// What counter mode combines the bytes with (NIST SP 800-38A, section 6.5): the encrypted numbers of the blocks.
///
/// A lookup decrypts many runs of rows of a few hundred bytes, and the crate `ctr` would copy the expanded key for each.
struct KeyBlocks {
    blocks: [aes::Block; BLOCKS],
    /// Blocks that were made at most, to be wiped.
    made: usize,
}

impl KeyBlocks {
    fn new() -> Self {
        Self { blocks: [aes::Block::default(); BLOCKS], made: 0 }
    }

    /// Those of `needed` numbers from `first` on, at most [`BLOCKS`].
    fn make(&mut self, cipher: &Aes256, needed: usize, first: u64) -> &[u8] {
        number(&mut self.blocks[..needed], first);
        self.encrypt(cipher, needed)
    }

    /// Those of the numbers in the first `needed` blocks.
    fn encrypt(&mut self, cipher: &Aes256, needed: usize) -> &[u8] {
        let count = if needed > ONE_BY_ONE { needed.next_multiple_of(batch()).min(BLOCKS) } else { needed };
        self.made = self.made.max(count);
        cipher.encrypt_blocks(&mut self.blocks[..count]);
        aes::Block::slice_as_flattened(&self.blocks[..needed])
    }
}

impl Drop for KeyBlocks {
    fn drop(&mut self) {
        self.blocks[..self.made].fill(aes::Block::default());
        // `zeroize` would write byte by byte, which takes longer than making the key stream of a run of rows. This as well is a
        // write that the compiler may not leave out, as far as it keeps what `black_box` asks of it.
        std::hint::black_box(&mut self.blocks);
    }
}

/// The key of a run of bytes.
struct KeyStream {
    key: KeyBlocks,
    /// Number of the first block that comes next.
    counter: u64,
    /// Bytes of that block that are not asked for.
    skip: usize,
}

impl KeyStream {
    fn at(page: u64, offset: usize) -> Self {
        Self { key: KeyBlocks::new(), counter: block_at(page, offset), skip: offset % BLOCK_LEN }
    }

    /// The next bytes, at most `wanted`.
    fn next(&mut self, cipher: &Aes256, wanted: usize) -> &[u8] {
        let needed = (self.skip + wanted).div_ceil(BLOCK_LEN).min(BLOCKS);
        let first = self.counter;
        self.counter = self.counter.wrapping_add(needed as u64);
        let skip = std::mem::take(&mut self.skip);
        let bytes = self.key.make(cipher, needed, first);
        &bytes[skip..bytes.len().min(skip + wanted)]
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

#[cfg(test)]
mod tests {
    use ctr::Ctr128BE;
    use ctr::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The same bytes as an implementation of counter mode that is not ours.
        #[test]
        fn pages_are_encrypted_in_counter_mode(page in 0_u64..1 << 40, offset in 0_usize..PAGE_LEN, len in 0_usize..5_000, byte: u8) {
            let key = IndexKey::from_secret(&[3; 32]);
            let seal = PageSeal::new(&key, [4; 32]);
            let plain = vec![byte; len];
            let mut expected = plain.clone();
            let secret = key.derive(Context::SEGMENT_ENCRYPTION, &[4; 32]);
            let mut cipher = Ctr128BE::<Aes256>::new(secret.expose().into(), &[0; 16].into());
            cipher.seek(u128::from(page) * PAGE_LEN as u128 + offset as u128);
            cipher.apply_keystream(&mut expected);
            let (mut within, mut between) = (plain.clone(), vec![byte ^ 1; len]);
            seal.apply(page, offset, &mut within);
            seal.apply_between(page, offset, &plain, &mut between);
            prop_assert_eq!(&within, &expected);
            prop_assert_eq!(&between, &expected);
        }

        /// Pieces that lie anywhere, as each alone.
        #[test]
        fn scattered_pieces_are_decrypted_as_each_alone(
            places in prop::collection::vec((0_u64..1 << 40, 0_usize..PAGE_LEN / 32), 0..80),
            blocks in 1_usize..5,
            byte: u8,
        ) {
            let seal = PageSeal::new(&IndexKey::from_secret(&[3; 32]), [4; 32]);
            let places: Vec<(u64, usize)> = places.into_iter().map(|(page, row)| (page, row * 32)).collect();
            let mut together = vec![byte; places.len() * blocks * BLOCK_LEN];
            let mut alone = together.clone();
            seal.apply_scattered(&places, &mut together);
            for ((page, offset), piece) in places.iter().zip(alone.chunks_mut(blocks * BLOCK_LEN)) {
                seal.apply(*page, *offset, piece);
            }
            prop_assert_eq!(together, alone);
        }
    }
}
