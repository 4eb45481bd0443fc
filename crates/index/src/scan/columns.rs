//! Codes laid out for processors that can look up 32 table entries at once, but not count the bits of a word.
//!
//! Four bits of a code differ from four bits of a query in so many bits as a table of 16 entries says, and AVX2 looks up an entry for
//! each of 32 codes in one instruction (as in André, Kermarrec, Le Scouarnec, "Cache locality is not enough", VLDB 2015, where the
//! tables are those of product quantisation). So 64 lookups and as many additions of bytes make the distances of 32 codes, half of what counting
//! the bits of words takes there. Laying codes out costs as much as some ten queries.

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroize as _;

/// Codes of a tile.
pub(super) const CODES: usize = 256;
/// Columns of a tile: one for each four bits of a code.
pub(super) const COLUMNS: usize = 2 * GlobalCode::BYTES;
/// From so many queries on codes are laid out like this.
pub(super) const QUERIES: usize = 16;

/// 256 codes, 16 KiB, four bits after four: `columns[c][row]` are bits `4 * c` and the next three of code `row`, 0 to 15. Where there are fewer, the rest
/// are codes of zeros, whose rows are never offered.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile {
    pub(super) columns: [[u8; CODES]; COLUMNS],
}

impl Tile {
    const EMPTY: Self = Self { columns: [[0; CODES]; COLUMNS] };

    /// The distance of a code, of which `sums` tells all but whether 255 are 256.
    pub(super) fn distance(&self, place: usize, sums: &[u8; CODES], query: &Digits) -> u32 {
        match sums[place] {
            u8::MAX => self
                .columns
                .iter()
                .zip(query)
                .map(|(column, digit)| (column[place] ^ digit).count_ones())
                .sum(),
            sum => sum.into(),
        }
    }
}

/// The bits of a query, as a tile holds those of a code.
pub(super) type Digits = [u8; COLUMNS];

/// How far the codes of a tile are from a query.
pub(super) struct Distances {
    /// In bits; 255 stands for 256 as well.
    pub(super) bits: [u8; CODES],
    /// Whether they are within the bound: bit `r` of word `w` is that of code `32 * w + r`.
    pub(super) within: [u32; CODES / 32],
}

/// Tables of 16 entries, none of which lies in two lines of the cache.
#[repr(align(64))]
pub(super) struct Tables([[u8; 16]; 16]);

impl Tables {
    /// The table of a digit.
    #[inline]
    pub(super) fn of(&self, digit: u8) -> &[u8; 16] {
        &self.0[usize::from(digit & 15)]
    }
}

/// In how many bits a digit differs from each other one.
pub(super) static DIFFERENCES: Tables = Tables({
    let mut all = [[0; 16]; 16];
    let mut pair = 0_u8;
    loop {
        let (query, code) = (pair / 16, pair % 16);
        let differ = query ^ code;
        all[query as usize][code as usize] =
            (differ & 1) + (differ >> 1 & 1) + (differ >> 2 & 1) + (differ >> 3);
        match pair.checked_add(1) {
            Some(next) => pair = next,
            None => break all,
        }
    }
});

/// Some codes as tiles; wiped when they are dropped.
pub(super) struct Columns {
    tiles: Vec<Tile>,
    len: usize,
}

impl Columns {
    /// Room for `codes` codes.
    pub(super) fn with_capacity(codes: usize) -> Self {
        Self { tiles: Vec::with_capacity(codes.div_ceil(CODES)), len: 0 }
    }

    /// Holds these codes instead of those before.
    pub(super) fn fill(&mut self, codes: &[[u8; GlobalCode::BYTES]]) {
        self.len = codes.len();
        let needed = self.len.div_ceil(CODES);
        if needed > self.tiles.len() {
            // A vector that grows leaves its old contents behind, and so does one that shrinks: this one never does.
            self.wipe();
            self.tiles.resize(needed, Tile::EMPTY);
        } else if let Some(last) = needed.checked_sub(1) {
            self.tiles[last] = Tile::EMPTY;
        }
        for (tile, codes) in self.tiles.iter_mut().zip(codes.chunks(CODES)) {
            for (place, [low, high]) in tile.columns.as_chunks_mut().0.iter_mut().enumerate() {
                for ((code, low), high) in codes.iter().zip(low).zip(high) {
                    [*low, *high] = halves(code[place]);
                }
            }
        }
    }

    pub(super) fn tiles(&self) -> &[Tile] {
        &self.tiles[..self.len.div_ceil(CODES)]
    }

    /// Number of codes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn wipe(&mut self) {
        for tile in &mut self.tiles {
            tile.columns.zeroize();
        }
    }
}

impl Drop for Columns {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The digits of a code.
pub(super) fn digits(code: GlobalCode) -> Digits {
    let mut digits = [0; COLUMNS];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(code.to_bytes()) {
        *pair = halves(byte);
    }
    digits
}

fn halves(byte: u8) -> [u8; 2] {
    [byte & 15, byte >> 4]
}
