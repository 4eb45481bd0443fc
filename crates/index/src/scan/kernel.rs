//! Which instructions the scan uses.
//!
//! There is one source for all kernels, in `block.rs`; each kernel is that source, compiled for more instructions than every
//! machine of its kind has. So a kernel cannot differ from another in what it computes but by an error of the compiler, which
//! the tests look for with every kernel that the machine has. `AVX2` counts bits by looking up halves of bytes (Muła,
//! Kurz, Lemire, "Faster population counts using AVX2 instructions", 2018), `AVX-512 VPOPCNTDQ` and NEON have instructions for it;
//! all of that is what the compiler makes of `count_ones`.

use std::sync::LazyLock;

use super::block::{BLOCK, Block, WORDS};

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
