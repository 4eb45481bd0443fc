//! Searching a sealed graph: greedy descent through the upper levels, best-first on level 0 (algorithms 2 and
//! 5 of Malkov & Yashunin 2018).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use saltprint_fingerprint::GlobalCode;

use crate::graph::GraphIndex;
use crate::{Hit, IndexError, Nearest, Segment};

/// Searches one segment's graph.
///
/// Each hop decrypts the rows it reads, so plain codes never lie in memory beyond the one being compared.
#[derive(Debug)]
pub struct GraphSearcher<'a, B> {
    segment: &'a Segment<B>,
    graph: &'a GraphIndex,
    number: u32,
    ef: usize,
}

/// Rows seen in one search: one bit each, allocated once a search.
struct Visited(Vec<u64>);

impl Visited {
    fn new(rows: u32) -> Self {
        Self(vec![0; (rows as usize).div_ceil(64)])
    }

    /// Marks a row; whether it was new.
    fn insert(&mut self, row: u32) -> bool {
        let (word, bit) = (&mut self.0[row as usize / 64], 1 << (row % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

impl<'a, B: AsRef<[u8]>> GraphSearcher<'a, B> {
    /// A searcher over `segment`, or `None` where it has no graph. `number` is the segment number that hits
    /// carry; `ef` (at least 1) is the number of candidates kept on level 0: more finds more and takes longer.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`] and [`IndexError::Inconsistent`] of the graph sections.
    pub fn new(segment: &'a Segment<B>, number: u32, ef: usize) -> Result<Option<Self>, IndexError> {
        Ok(segment.graph()?.map(|graph| Self { segment, graph, number, ef: ef.max(1) }))
    }

    /// Offers what the graph finds near `query` to `nearest`.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`].
    pub fn search(&self, query: &GlobalCode, nearest: &mut Nearest) -> Result<(), IndexError> {
        let mut row = Vec::new();
        let mut best = (self.distance(query, self.graph.entry)?, self.graph.entry);
        for level in (1..=self.graph.top_level).rev() {
            loop {
                let before = best;
                self.graph.neighbours(self.segment, level, before.1, &mut row, |node| {
                    best = best.min((self.distance(query, node)?, node));
                    Ok(())
                })?;
                if best == before {
                    break;
                }
            }
        }
        for (distance, row) in self.search_base(query, best, &mut row)? {
            nearest.offer(Hit { distance, segment: self.number, row });
        }
        Ok(())
    }

    /// The `ef` best rows that a best-first walk over level 0 reaches from `start`.
    fn search_base(
        &self,
        query: &GlobalCode,
        start: (u32, u32),
        row: &mut Vec<u8>,
    ) -> Result<BinaryHeap<(u32, u32)>, IndexError> {
        let mut visited = Visited::new(self.segment.len());
        visited.insert(start.1);
        let mut open = BinaryHeap::from([Reverse(start)]);
        let mut found = BinaryHeap::from([start]);
        while let Some(Reverse(nearest)) = open.pop() {
            if found.len() >= self.ef && found.peek().is_some_and(|worst| nearest > *worst) {
                break;
            }
            self.graph.neighbours(self.segment, 0, nearest.1, row, |node| {
                if !visited.insert(node) {
                    return Ok(());
                }
                let candidate = (self.distance(query, node)?, node);
                if found.len() < self.ef || found.peek().is_some_and(|worst| candidate < *worst) {
                    open.push(Reverse(candidate));
                    found.push(candidate);
                    if found.len() > self.ef {
                        found.pop();
                    }
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn distance(&self, query: &GlobalCode, row: u32) -> Result<u32, IndexError> {
        Ok(query.distance(&self.segment.code(row)?))
    }
}
