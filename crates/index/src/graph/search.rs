//! Searching a sealed graph: greedy descent through the upper levels, best-first on level 0 (algorithms 2 and
//! 5 of Malkov & Yashunin 2018).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroizing;

use crate::format::CODE_ROW_LEN;
use crate::graph::GraphIndex;
use crate::{Hit, IndexError, Nearest, Segment};

/// Searches one segment's graph.
///
/// Each hop decrypts the codes of a point's neighbours together, so plain codes never lie in memory beyond those of one hop.
pub struct GraphSearcher<'a, B> {
    graph: &'a GraphIndex,
    number: u32,
    ef: usize,
    hop: Hop<'a, B>,
    visited: Visited,
    open: BinaryHeap<Reverse<Candidate>>,
    found: BinaryHeap<Candidate>,
}

/// Distance and row as one number, the nearest first: `distance << 32 | row`.
type Candidate = u64;

fn candidate(distance: u32, row: u32) -> Candidate {
    u64::from(distance) << 32 | u64::from(row)
}

/// The distance and the row.
const fn parts(candidate: Candidate) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "each half is a u32")]
    let parts = ((candidate >> 32) as u32, candidate as u32);
    parts
}

/// From a point to its neighbours. What it holds is room that one hop leaves to the next.
struct Hop<'a, B> {
    segment: &'a Segment<B>,
    row: Vec<u8>,
    nodes: Vec<u32>,
    codes: Zeroizing<Vec<u8>>,
}

impl<B: AsRef<[u8]>> Hop<'_, B> {
    /// The neighbours of `node` on `level` that are `wanted`, with their distances from `query`.
    fn candidates(
        &mut self,
        graph: &GraphIndex,
        (level, node): (u32, u32),
        query: &GlobalCode,
        mut wanted: impl FnMut(u32) -> bool,
    ) -> Result<impl Iterator<Item = Candidate>, IndexError> {
        self.nodes.clear();
        let nodes = &mut self.nodes;
        graph.neighbours(self.segment, level, node, &mut self.row, |neighbour| {
            if wanted(neighbour) {
                nodes.push(neighbour);
            }
            Ok(())
        })?;
        self.segment.codes_at(&self.nodes, &mut self.codes)?;
        let codes = self.codes.as_chunks::<CODE_ROW_LEN>().0;
        let distances = codes.iter().map(|code| query.distance(&GlobalCode::from_bytes(code)));
        Ok(distances.zip(&self.nodes).map(|(distance, node)| candidate(distance, *node)))
    }
}

/// Rows seen in one search: one bit each, all zero between searches.
struct Visited {
    words: Vec<u64>,
    rows: Vec<u32>,
}

impl Visited {
    fn new(rows: u32) -> Self {
        Self { words: vec![0; (rows as usize).div_ceil(64)], rows: Vec::new() }
    }

    /// Marks a row; whether it was new.
    fn insert(&mut self, row: u32) -> bool {
        let (word, bit) = (&mut self.words[row as usize / 64], 1 << (row % 64));
        let new = *word & bit == 0;
        if new {
            *word |= bit;
            self.rows.push(row);
        }
        new
    }

    /// A search sees some thousand rows of perhaps a million.
    fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.words[row as usize / 64] = 0;
        }
    }
}

impl<'a, B: AsRef<[u8]>> GraphSearcher<'a, B> {
    /// A searcher over `segment`, or `None` where it has no graph. `number` is the segment number that hits
    /// carry; `ef` (at least 1) is the number of candidates kept on level 0: more finds more and takes longer.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`] and [`IndexError::Inconsistent`] of the graph sections.
    pub fn new(segment: &'a Segment<B>, number: u32, ef: usize) -> Result<Option<Self>, IndexError> {
        let searcher = |graph| Self {
            graph,
            number,
            ef: ef.max(1),
            hop: Hop { segment, row: Vec::new(), nodes: Vec::new(), codes: Zeroizing::default() },
            visited: Visited::new(segment.len()),
            open: BinaryHeap::new(),
            found: BinaryHeap::new(),
        };
        Ok(segment.graph()?.map(searcher))
    }

    /// Offers what the graph finds near `query` to `nearest`. For several queries one searcher is faster than one for each.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`].
    pub fn search(&mut self, query: &GlobalCode, nearest: &mut Nearest) -> Result<(), IndexError> {
        let entry = self.graph.entry;
        let mut best = candidate(query.distance(&self.hop.segment.code(entry)?), entry);
        for level in (1..=self.graph.top_level).rev() {
            loop {
                let around = self.hop.candidates(self.graph, (level, parts(best).1), query, |_| true)?;
                let next = around.fold(best, Candidate::min);
                if next == best {
                    break;
                }
                best = next;
            }
        }
        let walked = self.search_base(query, best);
        self.visited.clear();
        walked?;
        for (distance, row) in self.found.drain().map(parts) {
            nearest.offer(Hit { distance, segment: self.number, row });
        }
        Ok(())
    }

    /// Leaves in `found` the `ef` best rows that a best-first walk over level 0 reaches from `start`.
    fn search_base(&mut self, query: &GlobalCode, start: Candidate) -> Result<(), IndexError> {
        let (open, found, visited) = (&mut self.open, &mut self.found, &mut self.visited);
        open.clear();
        found.clear();
        visited.insert(parts(start).1);
        open.push(Reverse(start));
        found.push(start);
        while let Some(Reverse(nearest)) = open.pop() {
            if found.len() >= self.ef && found.peek().is_some_and(|worst| nearest > *worst) {
                break;
            }
            let around =
                self.hop.candidates(self.graph, (0, parts(nearest).1), query, |node| visited.insert(node))?;
            for candidate in around {
                if found.len() < self.ef || found.peek().is_some_and(|worst| candidate < *worst) {
                    open.push(Reverse(candidate));
                    found.push(candidate);
                    if found.len() > self.ef {
                        found.pop();
                    }
                }
            }
        }
        Ok(())
    }
}

impl<B> std::fmt::Debug for GraphSearcher<'_, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphSearcher").field("ef", &self.ef).finish_non_exhaustive()
    }
}
