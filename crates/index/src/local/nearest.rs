//! The rows of the tables that are nearest to one feature of a query.

use saltprint_fingerprint::Sharing;

/// Most records that a feature votes for, the nearest: most features of a picture are print that thousands have.
pub(super) const COMMON: usize = 64;
/// So many hits of a feature are held until the nearest are picked.
const MOST_UNSETTLED: usize = 4 * COMMON;
/// Bits of a record's number: more than there can be rows in a folder of segments.
const RECORD_BITS: u32 = 48;
const SHARING_BITS: u32 = 8;

/// A row of a table near one feature of a query, as one number that sorts by distance, then by record, then by how many
/// share the feature: `distance << 56 | record << 8 | sharing`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableHit(u64);

impl TableHit {
    /// `distance` in bits; `record` counts the rows of all segments through.
    pub(super) fn new(distance: u32, record: u64, sharing: Sharing) -> Self {
        debug_assert!(distance <= 0xFF && record >> RECORD_BITS == 0, "each part has its bits");
        Self(
            u64::from(distance) << (RECORD_BITS + SHARING_BITS)
                | record << SHARING_BITS
                | u64::from(sharing.step()),
        )
    }

    /// Less than every hit that is farther than `radius` bits, and more than all others.
    const fn behind(radius: u32) -> Self {
        Self((radius as u64 + 1) << (RECORD_BITS + SHARING_BITS))
    }

    pub(super) const fn distance(self) -> u32 {
        (self.0 >> (RECORD_BITS + SHARING_BITS)) as u32
    }

    pub(super) const fn record(self) -> u64 {
        self.0 >> SHARING_BITS & (u64::MAX >> (64 - RECORD_BITS))
    }

    pub(super) fn sharing(self) -> Sharing {
        Sharing::from_step(self.0.to_le_bytes()[0])
    }
}

/// Which hits of a feature still count: those before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound(TableHit);

impl Bound {
    /// Farther rows need not be looked at.
    pub(super) const fn radius(self) -> u32 {
        TableHit(self.0.0.saturating_sub(1)).distance()
    }

    pub(super) fn admits(self, hit: TableHit) -> bool {
        hit < self.0
    }
}

impl std::fmt::Debug for TableHit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TableHit")
    }
}

/// The rows nearest to one feature so far, one of each record: those that can have a vote, and one more, which tells that
/// there are more.
///
/// Once there are enough, only nearer ones count, of all rows that are looked at after them.
#[derive(Debug, Clone, Default)]
pub(super) struct NearestRows {
    /// Nearest first, but for what was pushed since.
    hits: Vec<TableHit>,
    /// So many were left by the last [`NearestRows::settle`].
    settled: usize,
}

impl NearestRows {
    /// Adds a hit; [`NearestRows::settle`] is owed.
    pub(super) fn push(&mut self, hit: TableHit) {
        if self.hits.len() >= MOST_UNSETTLED {
            self.settle();
        }
        self.hits.push(hit);
    }

    /// Leaves the nearest hit of each record, and no more than count.
    pub(super) fn settle(&mut self) {
        if self.hits.len() == self.settled {
            return;
        }
        self.hits.sort_unstable();
        // Hardly any record is there twice: a bit for each that may be tells most of them.
        let mut may_be = [0_u64; 8];
        let mut kept = 0;
        for number in 0..self.hits.len() {
            let hit = self.hits[number];
            let record = hit.record();
            let (word, bit) = ((record >> 6 & 7) as usize, 1 << (record & 63));
            if may_be[word] & bit != 0 && self.hits[..kept].iter().any(|other| other.record() == record) {
                continue;
            }
            may_be[word] |= bit;
            self.hits[kept] = hit;
            kept += 1;
            if kept > COMMON {
                break;
            }
        }
        self.hits.truncate(kept);
        self.settled = kept;
    }

    /// Gives memory back that more hits took than are left.
    pub(super) fn shrink(&mut self) {
        self.hits.shrink_to(COMMON + 1);
    }

    /// Which hits still count, within a radius.
    pub(super) fn bound(&self, radius: u32) -> Bound {
        Bound(self.hits.get(COMMON).copied().unwrap_or(TableHit::behind(radius)))
    }

    /// What is left, nearest first.
    pub(super) fn hits(&self) -> &[TableHit] {
        &self.hits
    }

    pub(super) fn len(&self) -> usize {
        self.hits.len()
    }

    /// Moves everything out, in no order.
    pub(super) fn drain(&mut self) -> std::vec::Drain<'_, TableHit> {
        self.settled = 0;
        self.hits.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However they come, what is left is the nearest of each of the nearest records.
        #[test]
        fn the_nearest_of_each_record_are_left(
            hits in prop::collection::vec((0_u32..40, 0_u64..150, 0_u8..4), 0..400),
            pieces in 1_usize..90,
        ) {
            let hit = |(distance, record, sharing)| TableHit::new(distance, record, Sharing::from_step(sharing));
            let mut nearest = NearestRows::default();
            for piece in hits.chunks(pieces) {
                let bound = nearest.bound(33);
                let near = piece.iter().copied().map(hit).filter(|hit| bound.admits(*hit));
                near.for_each(|hit| {
                    assert!(hit.distance() <= bound.radius() && bound.radius() <= 33);
                    nearest.push(hit);
                });
                nearest.settle();
            }
            let mut expected: Vec<(u32, u64, u8)> = hits.into_iter().filter(|(distance, ..)| *distance <= 33).collect();
            expected.sort_unstable();
            let mut seen = std::collections::HashSet::new();
            expected.retain(|(_, record, _)| seen.insert(*record));
            expected.truncate(COMMON + 1);
            let left: Vec<_> = nearest.hits().iter().map(|hit| (hit.distance(), hit.record(), hit.sharing().step())).collect();
            prop_assert_eq!(left, expected);
        }
    }

    #[test]
    fn a_hit_keeps_its_parts_to_the_last_bit() {
        let (most, sharing) = ((1 << RECORD_BITS) - 1, Sharing::from_step(u8::MAX));
        let hit = TableHit::new(128, most, sharing);
        assert_eq!((hit.distance(), hit.record(), hit.sharing()), (128, most, sharing));
        assert!(
            !NearestRows::default().bound(127).admits(hit) && NearestRows::default().bound(128).admits(hit)
        );
    }
}
