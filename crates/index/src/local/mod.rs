//! Local codes in the index: which of a record's features are kept, and how a query finds them.
//!
//! | file | holds |
//! |---|---|
//! | `census.rs` | how many records of the build share a feature |
//! | `select.rs` | template suppression: the features of a record that others do not have |
//! | `table.rs` | the lookup table of a segment: features in buckets, by some bits of their codes |
//! | `probe.rs` | which buckets a query feature may be in |
//! | `lookup.rs` | a batch of queries against the tables |
//! | `walk.rs` | one walk through one table for all of them |
//! | `nearest.rs` | the rows nearest to one feature |
//! | `votes.rs` | which records what was near in the tables speaks for |

mod census;
mod lookup;
mod nearest;
mod probe;
mod select;
mod table;
mod votes;
mod walk;

pub use census::Census;
pub use lookup::{Candidate, LocalLookup};
pub use select::{Selection, SelectionPolicy};

pub(crate) use table::{LocalSections, LocalTable, TableRow, read_feature, write_feature};

#[cfg(test)]
mod tests;
