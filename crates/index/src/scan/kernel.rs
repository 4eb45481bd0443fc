//! Which instructions the scan uses.
//!
//! For codes by words there is one source for all kernels, in `block.rs`; each kernel is that source, compiled for more instructions than every
//! machine of its kind has. So there a kernel cannot differ from another in what it computes but by an error of the compiler, which
//! the tests look for with every kernel that the machine has. `AVX2` counts bits by looking up halves of bytes (Muła,
//! Kurz, Lemire, "Faster population counts using AVX2 instructions", 2018), `AVX-512 VPOPCNTDQ` and NEON have instructions for it;
//! all of that is what the compiler makes of `count_ones`.
//!
//! For batches AVX2 has a source of its own, for codes as `columns.rs` lays them out, since no compiler makes table lookups in registers of a loop.
//! That is arithmetic written by hand, which only the tests hold to the other kernels.

use std::sync::LazyLock;

use super::block::{BLOCK, Block, WORDS};
#[cfg(target_arch = "x86_64")]
use super::columns::{ADDED, CODES, COLUMNS, Near, Tables, Tile};

/// Blocks of a tile, 8: 16 KiB, which stay in the first-level cache while all queries pass over them.
pub(super) const TILE: usize = 8;

/// The instructions to scan with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// What every machine of this kind has; on 64-bit ARM that includes NEON.
    Portable,
    /// AVX2 of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with VPOPCNTDQ of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

static BEST: LazyLock<Kernel> =
    LazyLock::new(|| Kernel::all_here().into_iter().next_back().unwrap_or(Kernel::Portable));

impl Kernel {
    /// The fastest one that this machine has.
    pub(super) fn best() -> Self {
        *BEST
    }

    /// Those that this machine has, the fastest last.
    pub(super) fn all_here() -> Vec<Self> {
        let mut here = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                here.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vpopcntdq")
            {
                here.push(Self::Avx512);
            }
        }
        here
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "aarch64")]
            Self::Portable => "NEON",
            #[cfg(not(target_arch = "aarch64"))]
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512 VPOPCNTDQ",
        }
    }

    /// The codes of a tile that may be at most so many bits from two queries, where 255 stands for 256 as well; no other code is. `None` is none.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "a function for instructions that not every machine has")]
    pub(super) fn near_pair(self, tile: &Tile, tables: &Tables, bounds: [u8; 2]) -> Option<[Near; 2]> {
        match self {
            // Without such instructions nothing is known.
            Self::Portable => Some([[u32::MAX; GROUPS]; 2]),
            // SAFETY: as in `near`; a machine that has AVX-512 has AVX2.
            Self::Avx2 | Self::Avx512 => unsafe { near_pair_avx2(tile, tables, bounds) },
        }
    }

    /// One bit a block of a tile: whether it holds a code whose first `COMPARED` words differ from the query's in fewer than
    /// `limit` bits.
    #[expect(unsafe_code, reason = "functions for instructions that not every machine has")]
    pub(super) fn near<const COMPARED: usize>(self, tile: &[Block], query: &[u64; WORDS], limit: u64) -> u32 {
        match self {
            Self::Portable => near::<COMPARED>(tile, query, limit),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a kernel other than the portable one comes from `all_here` alone, which has asked the processor for every
            // feature that these functions are compiled for. They are safe otherwise: they take slices and have no pointers.
            Self::Avx2 => unsafe { near_avx2::<COMPARED>(tile, query, limit) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Self::Avx512 => unsafe { near_avx512::<COMPARED>(tile, query, limit) },
        }
    }

    /// The distances of all codes of a block.
    #[expect(unsafe_code, reason = "functions for instructions that not every machine has")]
    pub(super) fn distances(self, block: &Block, query: &[u64; WORDS]) -> [u64; BLOCK] {
        match self {
            Self::Portable => block.distances(query),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `near`.
            Self::Avx2 => unsafe { distances_avx2(block, query) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `near`.
            Self::Avx512 => unsafe { distances_avx512(block, query) },
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it has to become a part of the kernels, with their instructions")]
fn near<const COMPARED: usize>(tile: &[Block], query: &[u64; WORDS], limit: u64) -> u32 {
    // A loop, since a chain of adapters may stay a function of its own, which has not the kernel's instructions.
    let mut near = 0;
    for (number, block) in tile.iter().enumerate() {
        near |= u32::from(block.is_near::<COMPARED>(query, limit)) << (number % TILE);
    }
    near
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn near_avx2<const COMPARED: usize>(tile: &[Block], query: &[u64; WORDS], limit: u64) -> u32 {
    near::<COMPARED>(tile, query, limit)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
fn near_avx512<const COMPARED: usize>(tile: &[Block], query: &[u64; WORDS], limit: u64) -> u32 {
    near::<COMPARED>(tile, query, limit)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn distances_avx2(block: &Block, query: &[u64; WORDS]) -> [u64; BLOCK] {
    block.distances(query)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
fn distances_avx512(block: &Block, query: &[u64; WORDS]) -> [u64; BLOCK] {
    block.distances(query)
}

/// Columns after which it is asked whether any code is still near enough: a code is no nearer than a part of it.
#[cfg(target_arch = "x86_64")]
const ASKED_AFTER: [usize; 3] = [32, 48, COLUMNS];

/// Vectors of 32 codes in a tile.
#[cfg(target_arch = "x86_64")]
const GROUPS: usize = CODES / 32;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn near_pair_avx2(tile: &Tile, tables: &Tables, bounds: [u8; 2]) -> Option<[Near; 2]> {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_min_epu8, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_srli_epi16,
    };
    let low = _mm256_set1_epi8(15);
    let bounds = bounds.map(|bound| _mm256_set1_epi8(bound.cast_signed()));
    let any = |sums: &[__m256i; GROUPS], bound| {
        // A loop, as in `near`.
        let mut nearest = sums[0];
        for sums in sums {
            nearest = _mm256_min_epu8(nearest, *sums);
        }
        within(nearest, bound) != 0
    };
    // No sum is over 240.
    let mut sums = [[_mm256_setzero_si256(); GROUPS]; 2];
    let mut done = 0;
    for until in ASKED_AFTER {
        let columns = tile.columns[done..until].as_chunks::<ADDED>().0;
        for (columns, tables) in columns.iter().zip(tables.0[done..until].as_chunks::<ADDED>().0) {
            let mut both = [_mm256_setzero_si256(); GROUPS];
            for (column, table) in columns.iter().zip(tables) {
                let table = twice(table);
                for (both, codes) in both.iter_mut().zip(column.as_chunks().0) {
                    *both = _mm256_add_epi8(*both, _mm256_shuffle_epi8(table, vector(codes)));
                }
            }
            let [first, second] = &mut sums;
            for ((first, second), both) in first.iter_mut().zip(second).zip(both) {
                *first = _mm256_add_epi8(*first, _mm256_and_si256(both, low));
                *second = _mm256_add_epi8(*second, _mm256_and_si256(_mm256_srli_epi16::<4>(both), low));
            }
        }
        done = until;
        if !(any(&sums[0], bounds[0]) | any(&sums[1], bounds[1])) {
            return None;
        }
    }
    let mut near = [[0; GROUPS]; 2];
    for ((near, sums), bound) in near.iter_mut().zip(&sums).zip(bounds) {
        for (near, sums) in near.iter_mut().zip(sums) {
            *near = within(*sums, bound);
        }
    }
    Some(near)
}

/// One bit a byte: whether it is at most the bound's.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn within(sums: std::arch::x86_64::__m256i, bound: std::arch::x86_64::__m256i) -> u32 {
    use std::arch::x86_64::{_mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8};
    // Bytes have no comparison of their own without a sign.
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(sums, bound), sums)).cast_unsigned()
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "vectors are loaded through pointers")]
fn vector(bytes: &[u8; 32]) -> std::arch::x86_64::__m256i {
    // SAFETY: 32 bytes can be read there, and need not be aligned.
    unsafe { std::arch::x86_64::_mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// The entries of a table in both halves of a vector.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "vectors are loaded through pointers")]
fn twice(table: &[u8; 16]) -> std::arch::x86_64::__m256i {
    // SAFETY: 16 bytes can be read there, and need not be aligned.
    let table = unsafe { std::arch::x86_64::_mm_loadu_si128(table.as_ptr().cast()) };
    std::arch::x86_64::_mm256_broadcastsi128_si256(table)
}
