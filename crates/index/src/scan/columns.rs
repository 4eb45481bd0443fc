//! Codes laid out for processors that can look up 32 table entries at once, but not count the bits of a word.
//!
//! Four bits of a code differ from four bits of a query in so many bits as a table of 16 entries says, and AVX2 looks up an entry for
//! each of 32 codes in one instruction (as in André, Kermarrec, Le Scouarnec, "Cache locality is not enough", VLDB 2015, where the
//! tables are those of product quantisation). An entry is a byte and a difference at most four, so that a table serves two queries, one
//! in each half of its entries: 64 lookups tell of 32 codes which may be near enough to either. Few are, and their bits are counted. Laying codes out costs
//! as much as some ten queries.

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroize;

use super::block::{self, WORDS};

/// Codes of a tile, 8 KiB, which stay in the first-level cache while the tables of all queries, half a kilobyte each, pass over them.
pub(super) const CODES: usize = 128;
/// Columns of a tile: one for each four bits of a code.
pub(super) const COLUMNS: usize = 2 * GlobalCode::BYTES;
/// From so many queries on codes are laid out like this.
pub(super) const QUERIES: usize = 16;
/// Columns whose differences are added up in half a byte.
pub(super) const ADDED: usize = 4;

/// 128 codes, 8 KiB, four bits after four: `columns[c][row]` are bits `4 * c` and the next three of code `row`, 0 to 15. Where there are fewer, the rest
/// are codes of zeros, whose rows are never offered.
#[derive(Clone, Copy, Zeroize)]
#[repr(align(64))]
pub(super) struct Tile {
    pub(super) columns: [[u8; CODES]; COLUMNS],
}

impl Tile {
    const EMPTY: Self = Self { columns: [[0; CODES]; COLUMNS] };
}

/// Codes of a tile that may be near enough: bit `r` of word `w` is that of code `32 * w + r`.
pub(super) type Near = [u32; CODES / 32];

/// Two queries, which are asked together; wiped when they are dropped.
pub(super) struct Pair {
    queries: [GlobalCode; 2],
    pub(super) tables: Tables,
}

/// For each column in how many bits a digit differs from those of two queries, of the first in the low half of an entry. Of each fourth column it
/// is three instead of four: the sum of four columns then fits in half a byte, and a distance comes out up to 16 bits, on average one bit, too small.
#[repr(align(64))]
pub(super) struct Tables(pub(super) [[u8; 16]; COLUMNS]);

impl Pair {
    fn new(queries: [GlobalCode; 2]) -> Self {
        let [first, second] = queries.map(digits);
        let mut tables = Tables([[0; 16]; COLUMNS]);
        for (column, (table, (first, second))) in
            tables.0.iter_mut().zip(first.iter().zip(&second)).enumerate()
        {
            let most = if column % ADDED == ADDED - 1 { 3 } else { 4 };
            let of = |query: &u8| DIFFERENCES[usize::from(query & 15)].map(|bits| bits.min(most));
            for (entry, (first, second)) in table.iter_mut().zip(of(first).into_iter().zip(of(second))) {
                *entry = first | second << 4;
            }
        }
        Self { queries, tables }
    }

    /// Both queries by words.
    pub(super) fn words(&self) -> [[u64; WORDS]; 2] {
        self.queries.map(|query| query.words())
    }

    /// All queries; where their number is odd the last one stands twice.
    pub(super) fn all(queries: &[GlobalCode]) -> Vec<Self> {
        // Room from the start: a vector that grows leaves its old contents behind.
        let mut pairs = Vec::with_capacity(queries.len().div_ceil(2));
        for pair in queries.chunks(2) {
            if let (Some(first), Some(last)) = (pair.first(), pair.last()) {
                pairs.push(Self::new([*first, *last]));
            }
        }
        pairs
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.queries.zeroize();
        self.tables.0.zeroize();
    }
}

/// In how many bits a digit differs from each other one.
static DIFFERENCES: [[u8; 16]; 16] = {
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
};

/// Some codes as tiles; wiped when they are dropped.
pub(super) struct Columns {
    tiles: Vec<Tile>,
    words: Vec<[u64; WORDS]>,
}

impl Columns {
    /// Room for `codes` codes.
    pub(super) fn with_capacity(codes: usize) -> Self {
        Self { tiles: Vec::with_capacity(codes.div_ceil(CODES)), words: Vec::with_capacity(codes) }
    }

    /// Holds these codes instead of those before.
    pub(super) fn fill(&mut self, codes: &[[u8; GlobalCode::BYTES]]) {
        // As in `make_room`: a vector that grows has nothing to leave behind then.
        if codes.len() > self.words.capacity() {
            self.words.zeroize();
        }
        self.words.clear();
        self.words.extend(codes.iter().map(block::words));
        block::make_room(&mut self.tiles, codes.len().div_ceil(CODES), Tile::EMPTY);
        for (tile, codes) in self.tiles.iter_mut().zip(codes.chunks(CODES)) {
            for (place, [low, high]) in tile.columns.as_chunks_mut().0.iter_mut().enumerate() {
                for ((code, low), high) in codes.iter().zip(low).zip(high) {
                    [*low, *high] = halves(code[place]);
                }
            }
        }
    }

    /// Tiles, and their codes by words.
    pub(super) fn tiles(&self) -> impl Iterator<Item = (&Tile, &[[u64; WORDS]])> {
        self.tiles.iter().zip(self.words.chunks(CODES))
    }
}

impl Drop for Columns {
    fn drop(&mut self) {
        self.tiles.iter_mut().zeroize();
        self.words.zeroize();
    }
}

fn digits(code: GlobalCode) -> [u8; COLUMNS] {
    let mut digits = [0; COLUMNS];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(code.to_bytes()) {
        *pair = halves(byte);
    }
    digits
}

fn halves(byte: u8) -> [u8; 2] {
    [byte & 15, byte >> 4]
}
