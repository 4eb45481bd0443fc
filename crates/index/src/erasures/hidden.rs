//! Which rows of a generation the list of erasures hides.

use std::collections::HashSet;

use rayon::prelude::*;

use super::{Erased, Erasures};
use crate::{IndexError, MappedFile, Segment};

/// Rows that one task looks at where a subject was erased.
const ROWS_A_TASK: u32 = 8192;

/// Hidden rows, sorted, for each segment of a generation.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    segments: Vec<Vec<u32>>,
}

impl Hidden {
    /// The rows of segments written without the first `applied` entries that later ones name.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub(crate) fn find(
        segments: &[Segment<MappedFile>],
        erasures: &Erasures,
        applied: u64,
    ) -> Result<Self, IndexError> {
        let erased = erasures.since(applied);
        let segments: Result<Vec<_>, _> = segments.iter().map(|segment| segment.rows_of(&erased)).collect();
        Ok(Self { segments: segments? })
    }

    /// Whether a row is hidden.
    pub(crate) fn contains(&self, segment: u32, row: u32) -> bool {
        self.segments.get(segment as usize).is_some_and(|rows| rows.binary_search(&row).is_ok())
    }

    /// How many rows are hidden.
    pub(crate) fn len(&self) -> u64 {
        self.segments.iter().map(|rows| rows.len() as u64).sum()
    }
}

impl<B: AsRef<[u8]> + Sync> Segment<B> {
    /// The rows of records that are among `erased`, themselves or by their subject, in order. Records are found by their refs,
    /// which are sorted; only a subject makes every row be looked at.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub fn rows_of(&self, erased: &HashSet<Erased>) -> Result<Vec<u32>, IndexError> {
        let mut rows = Vec::new();
        for what in erased {
            if let Erased::Record(record_ref) = what {
                rows.extend(self.find(*record_ref)?);
            }
        }
        if erased.iter().any(|what| matches!(what, Erased::Subject(_))) {
            let of_subject = |row: &u32| -> Result<bool, IndexError> {
                let subject = self.facts(*row)?.subject;
                Ok(subject.is_some_and(|subject| erased.contains(&Erased::Subject(subject))))
            };
            let starts: Vec<u32> = (0..self.len()).step_by(ROWS_A_TASK as usize).collect();
            let found: Result<Vec<Vec<u32>>, IndexError> = starts
                .into_par_iter()
                .map(|start| {
                    let rows = start..self.len().min(start.saturating_add(ROWS_A_TASK));
                    rows.filter_map(|row| of_subject(&row).map(|of| of.then_some(row)).transpose()).collect()
                })
                .collect();
            rows.extend(found?.into_iter().flatten());
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }
}
