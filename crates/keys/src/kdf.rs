//! From a passphrase to a wrapping key: argon2id, and what it must cost.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{contexts::Context, memory::Slot, passphrase::Passphrase, sealing::BlobKeys, secret::Subkey};

/// Length of the salt in bytes, as RFC 9106 section 3.1 recommends.
pub(crate) const KDF_SALT_LEN: usize = 16;

const KIB_PER_MIB: u32 = 1024;

/// What one guess of a passphrase costs: memory, passes over it, and lanes, as argon2id (RFC 9106) takes them.
///
/// Every value is within these limits, both where a key is wrapped and where a wrapped one is read:
///
/// - At least [64 MiB](Self::MIN_MEMORY_MIB) and [3 passes](Self::MIN_PASSES): memory and passes of the second option that
///   RFC 9106 section 4 recommends, and above the minima of OWASP's Password Storage Cheat Sheet (19 MiB and 2 passes).
///   A file that asks for less was made to be guessed, so it is refused.
/// - At most [2 GiB](Self::MAX_MEMORY_MIB), [16 lanes](Self::MAX_LANES) and [8 GiB](Self::MAX_WORK_MIB) written in all
///   passes together, some 10 seconds on one core: whoever can change a file must not be able to stop the reader by it.
///
/// Lanes may be computed side by side, here they are not, so more than one helps a guesser only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A cost outside the limits of [`KdfCost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KdfCostError {
    /// Guessing would be too cheap.
    #[error(
        "{memory_kib} KiB and {passes} passes make guessing too cheap; take at least 65536 KiB (64 MiB) and 3 passes"
    )]
    Weak {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        passes: u32,
    },

    /// Reading would take too much memory or time.
    #[error(
        "{memory_kib} KiB, {passes} passes and {lanes} lanes cost too much; take at most 2097152 KiB (2 GiB), 16 lanes, \
         and 8 GiB in all passes together"
    )]
    Excessive {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

impl KdfCost {
    /// Least memory in MiB.
    pub const MIN_MEMORY_MIB: u32 = 64;
    /// Most memory in MiB.
    pub const MAX_MEMORY_MIB: u32 = 2048;
    /// Fewest passes.
    pub const MIN_PASSES: u32 = 3;
    /// Most lanes.
    pub const MAX_LANES: u32 = 16;
    /// Most memory times passes, in MiB.
    pub const MAX_WORK_MIB: u32 = 8192;

    /// What keys are wrapped at unless something else is asked for: 128 MiB, 3 passes, 1 lane; a few tenths of a second a key.
    pub const DEFAULT: Self = Self { memory_kib: 128 * KIB_PER_MIB, passes: 3, lanes: 1 };

    /// Takes memory in MiB, passes and lanes.
    ///
    /// # Errors
    ///
    /// [`KdfCostError`] outside the limits above.
    pub fn new(memory_mib: u32, passes: u32, lanes: u32) -> Result<Self, KdfCostError> {
        Self::from_fields(memory_mib.saturating_mul(KIB_PER_MIB), passes, lanes).check(&KdfLimits::ENFORCED)
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// What a file states, not checked yet.
    pub(crate) const fn from_fields(memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self { memory_kib, passes, lanes }
    }

    pub(crate) fn check(self, limits: &KdfLimits) -> Result<Self, KdfCostError> {
        let Self { memory_kib, passes, lanes } = self;
        if memory_kib < limits.min_memory_kib || passes < limits.min_passes {
            return Err(KdfCostError::Weak { memory_kib, passes });
        }
        let work_kib = u64::from(memory_kib) * u64::from(passes);
        if memory_kib > Self::MAX_MEMORY_MIB * KIB_PER_MIB
            || work_kib > u64::from(Self::MAX_WORK_MIB * KIB_PER_MIB)
            // argon2 has no lane without eight blocks of its own; the limits leave more than that.
            || !(1..=Self::MAX_LANES).contains(&lanes)
        {
            return Err(KdfCostError::Excessive { memory_kib, passes, lanes });
        }
        Ok(self)
    }

    /// The wrapping key of a passphrase. It costs what `self` says; `None` where there is not that much memory.
    pub(crate) fn derive(self, passphrase: &Passphrase, salt: &[u8; KDF_SALT_LEN]) -> Option<WrappingKey> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None).ok()?;
        // By hand, because what the library takes for itself is neither wiped nor asked for politely.
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(params.block_count()).ok()?;
        memory.resize(params.block_count(), Block::new());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut derived = Ok(());
        let slot = Slot::init_with(|key| {
            let memory = memory.as_mut_slice();
            derived = argon2.hash_password_into_with_memory(passphrase.expose(), salt, key, memory);
        });
        derived.ok().map(|()| WrappingKey(slot))
    }
}

impl Default for KdfCost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The lower limits of [`KdfCost`], so that this crate's tests can wrap keys without waiting.
pub(crate) struct KdfLimits {
    min_memory_kib: u32,
    min_passes: u32,
}

impl KdfLimits {
    pub(crate) const ENFORCED: Self =
        Self { min_memory_kib: KdfCost::MIN_MEMORY_MIB * KIB_PER_MIB, min_passes: KdfCost::MIN_PASSES };

    #[cfg(test)]
    pub(crate) const NONE: Self = Self { min_memory_kib: 8, min_passes: 1 };
}

/// What seals a wrapped key.
pub(crate) struct WrappingKey(Slot);

impl WrappingKey {
    pub(crate) fn blob_keys(&self, salt: &[u8; 32]) -> BlobKeys {
        let derive = |context| Subkey::derive(self.0.expose(), context, salt);
        BlobKeys::new(derive(Context::KEY_WRAP_ENCRYPTION), derive(Context::KEY_WRAP_MAC))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_documented() {
        for (memory, passes, lanes) in [(64, 3, 1), (128, 3, 4), (2048, 4, 16), (64, 128, 1)] {
            let cost = KdfCost::new(memory, passes, lanes).unwrap();
            assert_eq!((cost.memory_kib(), cost.passes(), cost.lanes()), (memory * 1024, passes, lanes));
        }
        for (memory, passes) in [(63, 3), (64, 2), (0, 0), (2048, 1)] {
            assert!(matches!(KdfCost::new(memory, passes, 1), Err(KdfCostError::Weak { .. })), "{memory}");
        }
        for (memory, passes, lanes) in
            [(2049, 3, 1), (2048, 5, 1), (64, 129, 1), (64, 3, 0), (64, 3, 17), (u32::MAX, u32::MAX, 1)]
        {
            let refused = KdfCost::new(memory, passes, lanes);
            assert!(matches!(refused, Err(KdfCostError::Excessive { .. })), "{memory} {passes} {lanes}");
        }
        assert!(KdfCost::DEFAULT.check(&KdfLimits::ENFORCED).is_ok());
    }

    #[test]
    fn refusals_say_what_to_take() {
        let weak = KdfCost::new(32, 3, 1).unwrap_err().to_string();
        assert!(weak.contains("32768 KiB and 3 passes") && weak.contains("at least 65536 KiB"), "{weak}");
        let excessive = KdfCost::new(4096, 3, 1).unwrap_err().to_string();
        assert!(excessive.contains("at most 2097152 KiB"), "{excessive}");
    }

    /// Computed by another implementation: argon2id, version 0x13.
    #[test]
    fn golden_key() {
        let cost = KdfCost::from_fields(32, 3, 4);
        let passphrase = Passphrase::new(b"correct horse").unwrap();
        let key = cost.derive(&passphrase, &[1; KDF_SALT_LEN]).unwrap();
        let halves = key.0.expose().as_chunks::<16>().0;
        let hex = halves.iter().map(|&half| crate::KeyId::from_bytes(half).to_string());
        assert_eq!(
            hex.collect::<Vec<_>>(),
            ["4efe8ca2fff6a0a18d09a1d5ef9036dc", "7efc84430d6b0c624d3caa7f475dbfdd"]
        );
    }

    #[test]
    fn every_parameter_enters_the_key() {
        let key = |cost: KdfCost, word: &str, salt: u8| {
            let passphrase = Passphrase::new(word.as_bytes()).unwrap();
            *cost.derive(&passphrase, &[salt; KDF_SALT_LEN]).unwrap().0.expose()
        };
        let base = KdfCost::from_fields(64, 2, 1);
        let expected = key(base, "correct horse", 1);
        assert_eq!(key(base, "correct horse", 1), expected);
        for other in [
            key(KdfCost::from_fields(72, 2, 1), "correct horse", 1),
            key(KdfCost::from_fields(64, 3, 1), "correct horse", 1),
            key(KdfCost::from_fields(64, 2, 2), "correct horse", 1),
            key(base, "correct horsf", 1),
            key(base, "correct horse", 2),
        ] {
            assert_ne!(other, expected);
        }
    }
}
