//! Searching a sealed graph: greedy descent through the upper levels, best-first on level 0 (algorithms 2 and
//! 5 of Malkov & Yashunin 2018).

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroizing;

use crate::format::CODE_ROW_LEN;
use crate::graph::GraphIndex;
use crate::{Hit, IndexError, Nearest, Segment};

/// Queries that are searched side by side. A hop waits for a row of links, and then for a dozen codes that lie anywhere; so many
/// walks wait together, and decrypt together what they have waited for.
const SIDE_BY_SIDE: usize = 16;

/// Searches one segment's graph.
///
/// Plain codes lie in memory as far as the walks that go side by side have met them in one hop, and are wiped with the searcher.
pub struct GraphSearcher<'a, B> {
    segment: &'a Segment<B>,
    graph: &'a GraphIndex,
    number: u32,
    ef: usize,
    hop: Hop,
    /// Walks that are over, for the next queries: their memory is used again.
    idle: Vec<Walk>,
}

/// Distance, row, and whether the walk has been there, as one number, the nearest first: `distance << 33 | row << 1 | been`.
type Candidate = u64;

/// Of a candidate: its neighbours have been met.
const BEEN: Candidate = 1;

fn candidate(distance: u32, row: u32) -> Candidate {
    u64::from(distance) << 33 | u64::from(row) << 1
}

/// The distance and the row.
const fn parts(candidate: Candidate) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "a distance has 9 bits, and a row is a u32")]
    let parts = ((candidate >> 33) as u32, (candidate >> 1) as u32);
    parts
}

/// The best candidates of a walk, the nearest first.
///
/// One sorted list instead of the two heaps of algorithm 2: who falls out of the best `ef` is farther than all that are left, and to
/// meet it next would end the walk.
#[derive(Default)]
struct Found {
    best: Vec<Candidate>,
    /// The walk has been at all before this one.
    next: usize,
}

impl Found {
    fn clear(&mut self) {
        self.best.clear();
        self.next = 0;
    }

    #[inline]
    fn offer(&mut self, candidate: Candidate, ef: usize) {
        let full = self.best.len() >= ef;
        if full && self.best.last().is_some_and(|worst| candidate > *worst) {
            return;
        }
        self.take(candidate, full);
    }

    /// Takes a candidate in, in the place of the worst where the list is full.
    fn take(&mut self, candidate: Candidate, full: bool) {
        if full {
            self.best.pop();
        }
        let at = self.best.partition_point(|other| *other < candidate);
        self.best.insert(at, candidate);
        self.next = self.next.min(at);
    }

    /// The nearest one where the walk has not been, which it goes to.
    fn visit(&mut self) -> Option<u32> {
        let ahead = self.best.get_mut(self.next..)?;
        let at = ahead.iter().position(|candidate| candidate & BEEN == 0)?;
        ahead[at] |= BEEN;
        self.next += at + 1;
        Some(parts(ahead[at]).1)
    }
}

/// The way of one query through the graph.
struct Walk {
    /// Above 0 the walk descends; `found` and `visited` are of level 0.
    level: u32,
    /// The nearest point while it descends.
    best: Candidate,
    found: Found,
    visited: Visited,
}

impl Walk {
    fn new(rows: u32) -> Self {
        Self { level: 0, best: 0, found: Found::default(), visited: Visited::new(rows) }
    }

    fn start(&mut self, level: u32, entry: Candidate, ef: usize) {
        (self.level, self.best) = (level, entry);
        self.found.clear();
        self.visited.clear();
        if level == 0 {
            self.begin_base(ef);
        }
    }

    fn begin_base(&mut self, ef: usize) {
        self.visited.insert(parts(self.best).1);
        self.found.offer(self.best, ef);
    }

    /// The point whose neighbours are to be seen next; `None` where the walk is over, and `found` is what it has found.
    fn next(&mut self) -> Option<u32> {
        if self.level > 0 { Some(parts(self.best).1) } else { self.found.visit() }
    }

    /// Goes on with the neighbours that were wanted.
    fn meet(&mut self, neighbours: impl Iterator<Item = Candidate>, ef: usize) {
        if self.level > 0 {
            let next = neighbours.fold(self.best, Candidate::min);
            if next == self.best {
                self.level -= 1;
                if self.level == 0 {
                    self.begin_base(ef);
                }
            }
            self.best = next;
            return;
        }
        neighbours.for_each(|candidate| self.found.offer(candidate, ef));
    }
}

/// Rows seen in one search: one bit each.
struct Visited {
    words: Vec<u64>,
    rows: Vec<u32>,
}

impl Visited {
    fn new(rows: u32) -> Self {
        Self { words: vec![0; (rows as usize).div_ceil(64)], rows: Vec::new() }
    }

    fn insert(&mut self, row: u32) {
        self.mark(row);
        self.rows.push(row);
    }

    /// Adds those neighbours to `nodes` that are new. Half of them are, as chance has it: a branch would be guessed wrong as often.
    /// After an error it cannot be cleared, and ends with its walk.
    fn insert_all(&mut self, graph: &GraphIndex, row: &[u8], nodes: &mut Vec<u32>) -> Result<(), IndexError> {
        let first = nodes.len();
        let mut end = first;
        nodes.resize(first + row.len() / size_of::<u32>(), 0);
        graph.neighbours(row, |neighbour| {
            nodes[end] = neighbour;
            end += usize::from(self.mark(neighbour));
        })?;
        nodes.truncate(end);
        self.rows.extend_from_slice(&nodes[first..]);
        Ok(())
    }

    /// Marks a row, which the caller adds to those that are marked; whether it was new.
    #[inline]
    fn mark(&mut self, row: u32) -> bool {
        let (word, bit) = (&mut self.words[row as usize / 64], 1 << (row % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// A search sees some thousand rows of perhaps a million.
    fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.words[row as usize / 64] = 0;
        }
    }
}

/// A step of all walks, from a point each to its neighbours. What it holds is room that one step leaves to the next.
#[derive(Default)]
struct Hop {
    /// Level and point of each walk.
    from: Vec<(u32, u32)>,
    /// Points of those on level 0, and their rows.
    base: Vec<u32>,
    links: Zeroizing<Vec<u8>>,
    /// Neighbours that are wanted, of one walk after the other; where those of each end.
    nodes: Vec<u32>,
    ends: Vec<usize>,
    codes: Zeroizing<Vec<u8>>,
}

/// A query on its way.
struct Asked<'q> {
    query: &'q GlobalCode,
    nearest: &'q mut Nearest,
    walk: Walk,
}

impl Hop {
    /// Takes each walk one step, from the points in `from`.
    fn step<B: AsRef<[u8]>>(
        &mut self,
        segment: &Segment<B>,
        graph: &GraphIndex,
        asked: &mut [Asked<'_>],
        ef: usize,
    ) -> Result<(), IndexError> {
        self.base.clear();
        self.base.extend(self.from.iter().filter(|(level, _)| *level == 0).map(|(_, node)| *node));
        graph.base_links(segment, &self.base, &mut self.links)?;
        self.nodes.clear();
        self.ends.clear();
        let mut rows = self.links.chunks_exact(graph.base_row_len());
        for (place, asked) in self.from.iter().zip(asked.iter_mut()) {
            if place.0 == 0 {
                let row = rows.next().unwrap_or_default();
                asked.walk.visited.insert_all(graph, row, &mut self.nodes)?;
            } else {
                graph.upper_neighbours(*place, |neighbour| self.nodes.push(neighbour))?;
            }
            self.ends.push(self.nodes.len());
        }
        segment.codes_at(&self.nodes, &mut self.codes)?;
        let codes = self.codes.as_chunks::<CODE_ROW_LEN>().0;
        let mut first = 0;
        for (asked, end) in asked.iter_mut().zip(&self.ends) {
            let distances =
                codes[first..*end].iter().map(|code| asked.query.distance(&GlobalCode::from_bytes(code)));
            let neighbours = distances.zip(&self.nodes[first..*end]);
            asked.walk.meet(neighbours.map(|(distance, node)| candidate(distance, *node)), ef);
            first = *end;
        }
        Ok(())
    }
}

impl<'a, B: AsRef<[u8]>> GraphSearcher<'a, B> {
    /// A searcher over `segment`, or `None` where it has no graph. `number` is the segment number that hits
    /// carry; `ef` (at least 1) is the number of candidates kept on level 0: more finds more and takes longer.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`] and [`IndexError::Inconsistent`] of the graph sections.
    pub fn new(segment: &'a Segment<B>, number: u32, ef: usize) -> Result<Option<Self>, IndexError> {
        let searcher =
            |graph| Self { segment, graph, number, ef: ef.max(1), hop: Hop::default(), idle: Vec::new() };
        Ok(segment.graph()?.map(searcher))
    }

    /// Offers what the graph finds near each query to its own list; `nearest` runs parallel to `queries`. What is found for a query
    /// does not depend on the others, but many in one call take less time each than one does.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`].
    pub fn search(&mut self, queries: &[GlobalCode], nearest: &mut [Nearest]) -> Result<(), IndexError> {
        debug_assert_eq!(queries.len(), nearest.len(), "a list for each query");
        if queries.is_empty() {
            return Ok(());
        }
        let entry = self.graph.entry;
        let entry_code = Zeroizing::new(self.segment.code(entry)?);
        let mut waiting = queries.iter().zip(nearest);
        let rows = self.segment.len();
        let mut asked: Vec<Asked<'_>> = (waiting.by_ref().take(SIDE_BY_SIDE))
            .map(|(query, nearest)| {
                let walk = self.idle.pop().unwrap_or_else(|| Walk::new(rows));
                Asked { query, nearest, walk }
            })
            .collect();
        let (top, ef) = (self.graph.top_level, self.ef);
        let begin = |asked: &mut Asked<'_>| {
            asked.walk.start(top, candidate(asked.query.distance(&entry_code), entry), ef);
        };
        asked.iter_mut().for_each(begin);
        while !asked.is_empty() {
            self.hop.from.clear();
            while let Some(next) = asked.get_mut(self.hop.from.len()) {
                let level = next.walk.level;
                if let Some(node) = next.walk.next() {
                    self.hop.from.push((level, node));
                    continue;
                }
                for (distance, row) in next.walk.found.best.drain(..).map(parts) {
                    next.nearest.offer(Hit { distance, segment: self.number, row });
                }
                if let Some((query, nearest)) = waiting.next() {
                    (next.query, next.nearest) = (query, nearest);
                    begin(next);
                } else {
                    let done = asked.swap_remove(self.hop.from.len());
                    self.idle.push(done.walk);
                }
            }
            self.hop.step(self.segment, self.graph, &mut asked, ef)?;
        }
        Ok(())
    }
}

impl<B> std::fmt::Debug for GraphSearcher<'_, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphSearcher").field("ef", &self.ef).finish_non_exhaustive()
    }
}
