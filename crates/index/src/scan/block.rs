//! Codes laid out for the kernels.

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroize;

/// Codes that one instruction looks at, at most: eight words of 64 bits fill the widest registers there are.
const LANES: usize = 8;
/// Groups of a block.
const GROUPS: usize = 8;
/// Codes of a block, 64: what is asked for at once whether anything in it is near enough.
pub(super) const BLOCK: usize = LANES * GROUPS;
/// Words of a code.
pub(super) const WORDS: usize = 4;

/// Eight codes, word by word: `words[w][lane]` is word `w` of code `lane`.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Group {
    words: [[u64; LANES]; WORDS],
}

/// 64 codes, 2 KiB. Where there are fewer, the rest are codes of zeros, whose rows are never offered.
#[derive(Clone, Copy)]
pub(super) struct Block {
    groups: [Group; GROUPS],
}

impl Block {
    const EMPTY: Self = Self { groups: [Group { words: [[0; LANES]; WORDS] }; GROUPS] };

    /// Whether one of the codes differs from `query` in fewer than `limit` bits of its first `COMPARED` words, 2 or 4 of them.
    ///
    /// This and [`Block::distances`] are plain loops over arrays: the kernels compile them for the instructions that they may
    /// use, and the compiler makes vectors of them.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it has to become a part of the kernels, with their instructions"
    )]
    pub(super) fn is_near<const COMPARED: usize>(&self, query: &[u64; WORDS], limit: u64) -> bool {
        let mut nearer = [0_u64; LANES];
        for group in &self.groups {
            let distances = group.distances::<COMPARED>(query);
            // The highest bit is set where the difference is below zero.
            for (nearer, distance) in nearer.iter_mut().zip(distances) {
                *nearer |= distance.wrapping_sub(limit);
            }
        }
        let mut any = 0;
        for lane in nearer {
            any |= lane;
        }
        any >> 63 == 1
    }

    /// The distance of each of the 64 codes.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it has to become a part of the kernels, with their instructions"
    )]
    pub(super) fn distances(&self, query: &[u64; WORDS]) -> [[u64; LANES]; GROUPS] {
        let mut all = [[0; LANES]; GROUPS];
        for (distances, group) in all.iter_mut().zip(&self.groups) {
            *distances = group.distances::<WORDS>(query);
        }
        all
    }
}

impl Group {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "it has to become a part of the kernels, with their instructions"
    )]
    fn distances<const COMPARED: usize>(&self, query: &[u64; WORDS]) -> [u64; LANES] {
        let bits = |word: usize, lane: usize| u64::from((self.words[word][lane] ^ query[word]).count_ones());
        let mut distances = [0; LANES];
        for (lane, distance) in distances.iter_mut().enumerate() {
            // Written out, since a loop over words within one over lanes is taken apart into shuffles.
            *distance = match COMPARED {
                2 => bits(0, lane) + bits(1, lane),
                _ => bits(0, lane) + bits(1, lane) + bits(2, lane) + bits(3, lane),
            };
        }
        distances
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
        let needed = self.len.div_ceil(BLOCK);
        if needed > self.blocks.len() {
            // A vector that grows leaves its old contents behind, and so does one that shrinks: this one never does.
            self.wipe();
            self.blocks.resize(needed, Block::EMPTY);
        } else if let Some(last) = needed.checked_sub(1) {
            self.blocks[last] = Block::EMPTY;
        }
        for (row, code) in codes.enumerate() {
            let (block, row) = (row / BLOCK, row % BLOCK);
            let group = &mut self.blocks[block].groups[row / LANES];
            for (words, word) in group.words.iter_mut().zip(code) {
                words[row % LANES] = word;
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

    fn wipe(&mut self) {
        for group in self.blocks.iter_mut().flat_map(|block| &mut block.groups) {
            group.words.zeroize();
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The words of a code as a segment stores it.
pub(super) fn words(bytes: &[u8; GlobalCode::BYTES]) -> [u64; WORDS] {
    GlobalCode::from_bytes(bytes).words()
}
