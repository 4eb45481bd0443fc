//! Codes laid out for the kernels.

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroize;

/// Codes of a block: what is asked for at once whether anything in it is near enough.
pub(super) const BLOCK: usize = 64;
/// Words of a code.
pub(super) const WORDS: usize = 4;

/// 64 codes, 2 KiB, word by word: `words[w][row]` is word `w` of code `row`. Where there are fewer, the rest are codes of zeros,
/// whose rows are never offered.
#[derive(Clone, Copy, Zeroize)]
#[repr(align(64))]
pub(super) struct Block {
    words: [[u64; BLOCK]; WORDS],
}

impl Block {
    const EMPTY: Self = Self { words: [[0; BLOCK]; WORDS] };

    /// Whether one of the codes differs from `query` in fewer than `limit` bits of its first `COMPARED` words, 2 or 4 of them.
    ///
    /// This and [`Block::distances`] are plain loops over columns: the kernels compile them for the instructions that they may
    /// use, and the compiler makes vectors of them. One loop, not one over groups of as many codes as a vector holds: there
    /// the compiler takes one code of each group into a vector, and gathers them.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it has to become a part of the kernels, with their instructions"
    )]
    pub(super) fn is_near<const COMPARED: usize>(&self, query: &[u64; WORDS], limit: u64) -> bool {
        let mut nearer = 0;
        for row in 0..BLOCK {
            // The highest bit is set where the difference is below zero.
            nearer |= self.distance::<COMPARED>(query, row).wrapping_sub(limit);
        }
        nearer >> 63 == 1
    }

    /// The distance of each of the 64 codes.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it has to become a part of the kernels, with their instructions"
    )]
    pub(super) fn distances(&self, query: &[u64; WORDS]) -> [u64; BLOCK] {
        let mut all = [0; BLOCK];
        for (row, distance) in all.iter_mut().enumerate() {
            *distance = self.distance::<WORDS>(query, row);
        }
        all
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it has to become a part of the kernels, with their instructions"
    )]
    fn distance<const COMPARED: usize>(&self, query: &[u64; WORDS], row: usize) -> u64 {
        let bits = |word: usize| u64::from((self.words[word][row] ^ query[word]).count_ones());
        // Written out, since a loop over words within one over rows is taken apart into shuffles.
        match COMPARED {
            2 => bits(0) + bits(1),
            _ => bits(0) + bits(1) + bits(2) + bits(3),
        }
    }
}

/// Some codes as blocks; wiped when they are dropped.
pub(super) struct Blocks {
    blocks: Vec<Block>,
    len: usize,
}

impl Blocks {
    /// Room for `codes` codes.
    pub(super) fn with_capacity(codes: usize) -> Self {
        Self { blocks: Vec::with_capacity(codes.div_ceil(BLOCK)), len: 0 }
    }

    /// Holds these codes instead of those before.
    pub(super) fn fill(&mut self, codes: impl ExactSizeIterator<Item = [u64; WORDS]>) {
        self.len = codes.len();
        make_room(&mut self.blocks, self.len.div_ceil(BLOCK), Block::EMPTY);
        for (row, code) in codes.enumerate() {
            let (block, row) = (row / BLOCK, row % BLOCK);
            for (words, word) in self.blocks[block].words.iter_mut().zip(code) {
                words[row] = word;
            }
        }
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks[..self.len.div_ceil(BLOCK)]
    }

    /// Number of codes.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.blocks.iter_mut().zeroize();
    }
}

/// Sees to it that there are `needed` parts of a page at least, of which the last one is empty: those before it are about to be filled.
pub(super) fn make_room<T: Copy + Zeroize>(parts: &mut Vec<T>, needed: usize, empty: T) {
    if needed > parts.len() {
        // A vector that grows leaves its old contents behind, and so does one that shrinks: this one never does.
        parts.iter_mut().zeroize();
        parts.resize(needed, empty);
    } else if let Some(last) = needed.checked_sub(1) {
        parts[last] = empty;
    }
}

/// The words of a code as a segment stores it.
pub(super) fn words(bytes: &[u8; GlobalCode::BYTES]) -> [u64; WORDS] {
    GlobalCode::from_bytes(bytes).words()
}
