//! How many records an index holds of each source, month and kind.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::{Generation, IndexError, Month};

/// Rows that one task counts.
const ROWS_A_TASK: u32 = 8192;

/// Source, month of capture and kind of a record, each `None` where the vault does not state it.
pub type FactsKey = (Option<String>, Option<Month>, Option<String>);

/// Numbers of records by source, month and kind.
pub type Composition = BTreeMap<FactsKey, u64>;

impl Generation {
    /// Counts all records but hidden ones, on all threads of the current rayon pool.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub fn composition(&self) -> Result<Composition, IndexError> {
        let tasks: Vec<_> = self
            .segments()
            .iter()
            .zip(0..)
            .flat_map(|(segment, number)| {
                let starts = (0..segment.len()).step_by(ROWS_A_TASK as usize);
                starts.map(move |start| {
                    (segment, number, start..segment.len().min(start.saturating_add(ROWS_A_TASK)))
                })
            })
            .collect();
        tasks
            .into_par_iter()
            .map(|(segment, number, rows)| {
                let mut counts = Composition::new();
                for row in rows.filter(|row| !self.is_hidden(number, *row)) {
                    let facts = segment.facts(row)?;
                    *counts.entry((facts.source, facts.captured, facts.kind)).or_default() += 1;
                }
                Ok(counts)
            })
            .try_reduce(Composition::new, |mut all, counts| {
                for (key, count) in counts {
                    *all.entry(key).or_default() += count;
                }
                Ok(all)
            })
    }
}
