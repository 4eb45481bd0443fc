//! The graph sections of an open segment.

use crate::format::{GRAPH_HEAD_LEN, NO_NEIGHBOUR, SectionKind};
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

    /// Calls `visit` with each neighbour of `node` on `level`.
    pub(super) fn neighbours<B: AsRef<[u8]>>(
        &self,
        segment: &Segment<B>,
        level: u32,
        node: u32,
        row: &mut Vec<u8>,
        mut visit: impl FnMut(u32) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut offer = |number: u32| match number {
            NO_NEIGHBOUR => Ok(()),
            number if number < self.records => visit(number),
            _ => Err(IndexError::inconsistent("graph", "a neighbour out of range")),
        };
        if level == 0 {
            row.resize(self.base.row_bytes(), 0);
            segment.read_row_into(self.base, u64::from(node), row)?;
            numbers(row).try_for_each(offer)
        } else if let Ok(index) = self.upper_keys.binary_search(&(level, node)) {
            let start = index * self.neighbours;
            self.upper_links[start..start + self.neighbours].iter().try_for_each(|number| offer(*number))
        } else {
            Ok(())
        }
    }

    /// Checks that every link stays within the segment and that upper links stay on their level.
    pub(crate) fn verify<B: AsRef<[u8]>>(&self, segment: &Segment<B>) -> Result<(), IndexError> {
        let mut row = Vec::new();
        for node in 0..self.records {
            self.neighbours(segment, 0, node, &mut row, |neighbour| {
                if neighbour == node {
                    Err(IndexError::inconsistent("graph", "a link to itself"))
                } else {
                    Ok(())
                }
            })?;
        }
        for (level, node) in &self.upper_keys {
            self.neighbours(segment, *level, *node, &mut row, |neighbour| {
                match self.upper_keys.binary_search(&(*level, neighbour)) {
                    Ok(_) => Ok(()),
                    Err(_) => Err(IndexError::inconsistent("graph", "a link that leaves its level")),
                }
            })?;
        }
        Ok(())
    }
}

fn numbers(row: &[u8]) -> impl Iterator<Item = u32> {
    row.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}
