//! Building: `hnsw_rs` inserts, we walk its points out into rows of fixed length.
//!
//! Points are inserted in row order on one thread; `hnsw_rs` draws levels from a generator with a fixed seed,
//! so the same codes give the same graph. Its dump files are never written or read, and its own integer Hamming
//! distance (which counts unequal words, not bits) is replaced by [`BitDistance`].

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;
use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroizing;

use crate::IndexError;
use crate::format::{GRAPH_HEAD_LEN, NO_NEIGHBOUR};

/// Highest level; with 16 neighbours a level holds 1/16 of the one below, so 8 levels serve 4 billion points.
const MAX_LEVELS: usize = 8;

/// How a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphParams {
    /// Neighbours of a point on the levels above 0, 4 to 64; twice as many on level 0.
    pub neighbours: u16,
    /// Candidates kept while inserting, 16 to 2,000.
    pub ef_construction: u16,
}

impl Default for GraphParams {
    /// 16 neighbours, 200 candidates: the middle of what the paper (section 4.1) recommends.
    fn default() -> Self {
        Self { neighbours: 16, ef_construction: 200 }
    }
}

/// Counts differing bits.
struct BitDistance;

impl Distance<u64> for BitDistance {
    fn eval(&self, a: &[u64], b: &[u64]) -> f32 {
        let bits: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
        // At most 256, which `f32` holds exactly.
        bits as f32
    }
}

/// A graph in memory, ready to be written into a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatGraph {
    neighbours: u16,
    entry: u32,
    top_level: u16,
    /// `2 * neighbours` row numbers a record, filled up with `NO_NEIGHBOUR`.
    base: Vec<u32>,
    /// Rows of the levels above 0, sorted by level, then node.
    upper: Vec<UpperRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct UpperRow {
    level: u32,
    node: u32,
    neighbours: Vec<u32>,
}

impl FlatGraph {
    /// Builds the graph over `codes`; code `i` is row `i`. `None` for fewer than 2 codes.
    ///
    /// # Errors
    /// [`IndexError::Inconsistent`] for parameters outside their ranges, and where `hnsw_rs` hands out a point
    /// that was not put in.
    pub fn build(codes: &[GlobalCode], params: GraphParams) -> Result<Option<Self>, IndexError> {
        if !(4..=64).contains(&params.neighbours) || !(16..=2000).contains(&params.ef_construction) {
            return Err(IndexError::inconsistent("graph", "parameters out of range"));
        }
        if codes.len() < 2 {
            return Ok(None);
        }
        let hnsw = Hnsw::<u64, BitDistance>::new(
            usize::from(params.neighbours),
            codes.len(),
            MAX_LEVELS,
            usize::from(params.ef_construction),
            BitDistance,
        );
        for (row, code) in codes.iter().enumerate() {
            let words = Zeroizing::new(code.words());
            hnsw.insert_slice((words.as_slice(), row));
        }
        walk_out(&hnsw, codes.len(), params.neighbours).map(Some)
    }

    pub(crate) fn len(&self) -> usize {
        self.base.len() / self.base_degree()
    }

    pub(crate) fn base_degree(&self) -> usize {
        2 * usize::from(self.neighbours)
    }

    pub(crate) fn base_row_len(&self) -> usize {
        4 * self.base_degree()
    }

    pub(crate) fn upper_row_len(&self) -> usize {
        4 * (2 + usize::from(self.neighbours))
    }

    pub(crate) fn upper_rows(&self) -> usize {
        self.upper.len()
    }

    pub(crate) fn write_head(&self, row: &mut [u8]) {
        let mut head = [0; GRAPH_HEAD_LEN];
        head[0..2].copy_from_slice(&self.neighbours.to_le_bytes());
        head[2..4].copy_from_slice(&self.top_level.to_le_bytes());
        head[4..8].copy_from_slice(&self.entry.to_le_bytes());
        row.copy_from_slice(&head);
    }

    pub(crate) fn write_base_row(&self, node: u32, row: &mut [u8]) {
        let start = node as usize * self.base_degree();
        put_numbers(&self.base[start..start + self.base_degree()], row);
    }

    pub(crate) fn write_upper_row(&self, index: usize, row: &mut [u8]) {
        let upper = &self.upper[index];
        put_numbers(&[upper.level, upper.node], &mut row[..8]);
        put_numbers(&upper.neighbours, &mut row[8..]);
    }
}

fn put_numbers(numbers: &[u32], row: &mut [u8]) {
    for (slot, number) in row.chunks_exact_mut(4).zip(numbers) {
        slot.copy_from_slice(&number.to_le_bytes());
    }
}

fn walk_out(
    hnsw: &Hnsw<'_, u64, BitDistance>,
    count: usize,
    neighbours: u16,
) -> Result<FlatGraph, IndexError> {
    let wrong = |reason| IndexError::inconsistent("graph", reason);
    let row_number = |id: usize| {
        u32::try_from(id).ok().filter(|_| id < count).ok_or(wrong("a point that was not inserted"))
    };
    let degree = 2 * usize::from(neighbours);
    let mut base = vec![NO_NEIGHBOUR; count * degree];
    let mut upper = Vec::new();
    let mut entry = (0, 0);
    let mut seen = 0;
    for point in hnsw.get_point_indexation() {
        let node = row_number(point.get_origin_id())?;
        let own_level = usize::from(point.get_point_id().0);
        seen += 1;
        // The first point of the highest level, by row, so that the entry does not depend on iteration order.
        entry = if seen == 1 { (own_level, node) } else { higher(entry, (own_level, node)) };
        // hnsw_rs also links a point upwards, above its own level; those links serve its insertion only.
        for (level, found) in (0_u32..).zip(point.get_neighborhood_id().iter().take(own_level + 1)) {
            let mut rows = found
                .iter()
                .map(|neighbour| row_number(neighbour.d_id))
                .filter(|row| !matches!(row, Ok(row) if *row == node))
                .collect::<Result<Vec<u32>, _>>()?;
            if level == 0 {
                let start = node as usize * degree;
                for (slot, row) in base[start..start + degree].iter_mut().zip(rows) {
                    *slot = row;
                }
            } else {
                rows.resize(usize::from(neighbours), NO_NEIGHBOUR);
                upper.push(UpperRow { level, node, neighbours: rows });
            }
        }
    }
    if seen != count {
        return Err(wrong("points are missing"));
    }
    upper.sort_unstable();
    keep_links_on_their_level(&mut upper);
    let top_level = u16::try_from(entry.0).map_err(|_| wrong("too many levels"))?;
    Ok(FlatGraph { neighbours, entry: entry.1, top_level, base, upper })
}

/// `hnsw_rs` links a point that opens a new level to the entry point below it, which is not on that level. Such a
/// link is a dead end for the descent.
fn keep_links_on_their_level(upper: &mut [UpperRow]) {
    let keys: Vec<(u32, u32)> = upper.iter().map(|row| (row.level, row.node)).collect();
    for row in upper {
        let level = row.level;
        let degree = row.neighbours.len();
        row.neighbours.retain(|node| keys.binary_search(&(level, *node)).is_ok());
        row.neighbours.resize(degree, NO_NEIGHBOUR);
    }
}

fn higher(a: (usize, u32), b: (usize, u32)) -> (usize, u32) {
    if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a }
}
