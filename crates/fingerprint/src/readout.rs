//! How a bit of a global code is read from the secret half-spaces: one each, or several through a secret truth table.

use saltprint_keys::Subkey;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Most half-spaces that a bit may be read from.
const MOST: u8 = 8;

/// How many secret half-spaces decide one bit of a global code.
///
/// With one, a bit tells on which side of it an image lies: [`Readout::LINEAR`], the default. With 4, 6 or 8, a secret
/// balanced truth table of as many inputs, one a bit, turns their sides into the bit. That hides the directions from
/// somebody who knows images and their codes, and levels the distances between strangers; it costs that many times the
/// work, and bits of near copies flip more often. `saltprint eval --privacy` measures both. Local codes are always read
/// one half-space a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readout(u8);

impl Readout {
    /// One half-space a bit.
    pub const LINEAR: Self = Self(1);

    /// `half_spaces` of them a bit: 1, 4, 6 or 8; `None` for any other number.
    #[must_use]
    pub const fn of(half_spaces: u8) -> Option<Self> {
        match half_spaces {
            1 | 4 | 6 | MOST => Some(Self(half_spaces)),
            _ => None,
        }
    }

    /// Half-spaces a bit: 1, 4, 6 or 8.
    pub const fn half_spaces(self) -> u8 {
        self.0
    }

    /// Whether each bit is one half-space.
    pub const fn is_linear(self) -> bool {
        self.0 == 1
    }
}

impl Default for Readout {
    fn default() -> Self {
        Self::LINEAR
    }
}

/// The truth tables of an epoch, one a bit; none for the linear read-out. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Tables(Vec<[u64; 4]>);

impl Tables {
    /// For codes whose bits are the half-spaces themselves.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Draws `bits` balanced tables of as many inputs as `readout` has half-spaces, from the BLAKE3 output of `subkey`.
    pub(crate) fn draw(readout: Readout, bits: usize, subkey: &Subkey) -> Self {
        let hasher = Zeroizing::new(blake3::Hasher::new_keyed(subkey.expose()));
        let mut output = Zeroizing::new(hasher.finalize_xof());
        let size = 1_usize << readout.half_spaces();
        let mut tables = Vec::with_capacity(bits);
        for _ in 0..bits {
            // The first half are ones; then every order of them is equally likely (Fisher and Yates).
            let mut entries = Zeroizing::new([false; 1 << MOST]);
            entries[..size / 2].fill(true);
            for place in (1..size).rev() {
                let mut bytes = [0; 8];
                output.fill(&mut bytes);
                // Below `place + 1`; the bias of 2^-56 is beyond notice.
                let product = u128::from(u64::from_le_bytes(bytes)) * (place as u128 + 1);
                entries.swap(place, usize::try_from(product >> 64).unwrap_or(0));
                bytes.zeroize();
            }
            let mut table = [0_u64; 4];
            for (place, _) in entries.iter().enumerate().filter(|(_, one)| **one) {
                table[place / 64] |= 1 << (place % 64);
            }
            tables.push(table);
            table.zeroize();
        }
        Self(tables)
    }

    /// What the table of `bit` says about the sides that `address` lists, one a bit of it. Without tables, the side.
    pub(crate) fn read(&self, bit: usize, address: usize) -> bool {
        match self.0.get(bit) {
            Some(table) => table[address / 64 % 4] >> (address % 64) & 1 == 1,
            None => address & 1 == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use saltprint_keys::{Context, ProjectionKey};

    use super::*;

    fn tables(readout: Readout, key: u8) -> Tables {
        let key = ProjectionKey::from_secret(&[key; 32]);
        Tables::draw(readout, 256, &key.derive(Context::GLOBAL_READOUT, &[0; 32]))
    }

    #[test]
    fn only_some_numbers_of_half_spaces_are_a_read_out() {
        let known: Vec<u8> = (0..=255).filter(|k| Readout::of(*k).is_some()).collect();
        assert_eq!(known, [1, 4, 6, 8]);
        assert!(Readout::default().is_linear());
    }

    #[test]
    fn tables_are_balanced_different_and_the_keys() {
        for half_spaces in [4, 6, 8] {
            let readout = Readout::of(half_spaces).unwrap();
            let drawn = tables(readout, 1);
            let size = 1_u32 << half_spaces;
            for table in &drawn.0 {
                assert_eq!(table.iter().map(|word| word.count_ones()).sum::<u32>(), size / 2);
            }
            // Nothing beyond the table's size.
            assert!((size as usize..256).all(|address| !drawn.read(0, address)));
            assert!(drawn.0[0] != drawn.0[1] || drawn.0[1] != drawn.0[2]);
            assert!(drawn.0 == tables(readout, 1).0 && drawn.0 != tables(readout, 2).0);
            // Each entry is a one in about half of the tables: 256 tables, six deviations.
            for address in 0..size as usize {
                let ones = (0..256).filter(|bit| drawn.read(*bit, address)).count();
                assert!((80..=176).contains(&ones), "{half_spaces} {address} {ones}");
            }
        }
    }

    #[test]
    fn without_tables_a_bit_is_its_side() {
        let none = Tables::none();
        assert!(none.read(3, 1) && !none.read(3, 0));
    }
}
