//! The graph sections of an open segment.

use zeroize::Zeroizing;

use crate::format::{GRAPH_HEAD_LEN, NO_NEIGHBOUR, SectionKind};
use crate::map::Pace;
use crate::segment::Section;
use crate::{IndexError, Segment};

/// Head and upper levels in memory; level 0 stays sealed and is read row by row.
#[derive(Debug)]
pub(crate) struct GraphIndex {
    pub(super) entry: u32,
    pub(super) top_level: u32,
    base: Section,
    /// `(level, node)` of each upper row, sorted; `upper_links` holds `neighbours` numbers a row.
    upper_keys: Vec<(u32, u32)>,
    upper_links: Vec<u32>,
    neighbours: usize,
    records: u32,
}

impl GraphIndex {
    /// `None` where the segment was written without a graph.
    pub(crate) fn read<B: AsRef<[u8]>>(segment: &Segment<B>) -> Result<Option<Self>, IndexError> {
        let wrong = |reason| IndexError::inconsistent("graph", reason);
        let Some(head) = segment.section(SectionKind::GraphHead)? else {
            return Ok(None);
        };
        let base = segment.section(SectionKind::GraphBase)?.ok_or(wrong("level 0 is missing"))?;
        let upper = segment.section(SectionKind::GraphUpper)?.ok_or(wrong("upper levels are missing"))?;
        let row = segment.read_row::<GRAPH_HEAD_LEN>(head, 0)?;
        let neighbours = usize::from(u16::from_le_bytes([row[0], row[1]]));
        let top_level = u32::from(u16::from_le_bytes([row[2], row[3]]));
        let entry = u32::from_le_bytes([row[4], row[5], row[6], row[7]]);
        if head.rows != 1
            || base.rows != u64::from(segment.len())
            || base.row_bytes() != 8 * neighbours
            || upper.row_bytes() != 4 * (2 + neighbours)
            || entry >= segment.len()
            || row[8..] != [0; 8]
        {
            return Err(wrong("head does not fit the sections"));
        }
        let bytes = segment.section_bytes(upper)?;
        let mut upper_keys = Vec::new();
        let mut upper_links = Vec::new();
        for row in bytes.chunks_exact(upper.row_bytes()) {
            let mut numbers = numbers(row);
            let key = numbers.next().zip(numbers.next()).ok_or(wrong("a short row"))?;
            if key.0 == 0 || key.0 > top_level || key.1 >= segment.len() {
                return Err(wrong("an upper row out of range"));
            }
            upper_keys.push(key);
            upper_links.extend(numbers);
        }
        if !upper_keys.is_sorted_by(|a, b| a < b) {
            return Err(wrong("upper rows are not sorted"));
        }
        Ok(Some(Self { entry, top_level, base, upper_keys, upper_links, neighbours, records: segment.len() }))
    }

    /// Exchanges `links` by what level 0 says of some nodes: [`GraphIndex::base_row_len`] bytes for each, of which
    /// [`GraphIndex::neighbours`] makes numbers.
    pub(super) fn base_links<B: AsRef<[u8]>>(
        &self,
        segment: &Segment<B>,
        nodes: &[u32],
        links: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), IndexError> {
        segment.rows_at(self.base, nodes, links)
    }

    pub(super) fn base_row_len(&self) -> usize {
        self.base.row_bytes()
    }

    /// Calls `visit` with each neighbour that a row of level 0 names.
    #[inline]
    pub(super) fn neighbours(&self, row: &[u8], visit: impl FnMut(u32)) -> Result<(), IndexError> {
        self.each(numbers(row), visit)
    }

    /// Calls `visit` with each neighbour of `node` on an upper level.
    pub(super) fn upper_neighbours(
        &self,
        (level, node): (u32, u32),
        visit: impl FnMut(u32),
    ) -> Result<(), IndexError> {
        let Ok(index) = self.upper_keys.binary_search(&(level, node)) else { return Ok(()) };
        let start = index * self.neighbours;
        self.each(self.upper_links[start..start + self.neighbours].iter().copied(), visit)
    }

    #[inline]
    fn each(&self, numbers: impl Iterator<Item = u32>, mut visit: impl FnMut(u32)) -> Result<(), IndexError> {
        for number in numbers {
            if number < self.records {
                visit(number);
            } else if number != NO_NEIGHBOUR {
                return Err(IndexError::inconsistent("graph", "a neighbour out of range"));
            }
        }
        Ok(())
    }

    /// Checks that every link stays within the segment and that upper links stay on their level.
    pub(crate) fn verify<B: AsRef<[u8]>>(
        &self,
        segment: &Segment<B>,
        pace: &mut Pace<'_>,
    ) -> Result<(), IndexError> {
        const AT_ONCE: u32 = 256;
        let (mut nodes, mut links) = (Vec::new(), Zeroizing::default());
        for first in (0..self.records).step_by(AT_ONCE as usize) {
            nodes.clear();
            nodes.extend(first..self.records.min(first.saturating_add(AT_ONCE)));
            self.base_links(segment, &nodes, &mut links)?;
            pace.read(links.len());
            for (node, row) in nodes.iter().zip(links.chunks_exact(self.base_row_len())) {
                let mut itself = false;
                self.neighbours(row, |neighbour| itself |= neighbour == *node)?;
                if itself {
                    return Err(IndexError::inconsistent("graph", "a link to itself"));
                }
            }
        }
        for (level, node) in &self.upper_keys {
            let mut stays = true;
            self.upper_neighbours((*level, *node), |neighbour| {
                stays &= self.upper_keys.binary_search(&(*level, neighbour)).is_ok();
            })?;
            if !stays {
                return Err(IndexError::inconsistent("graph", "a link that leaves its level"));
            }
        }
        Ok(())
    }
}

fn numbers(row: &[u8]) -> impl Iterator<Item = u32> {
    row.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}
