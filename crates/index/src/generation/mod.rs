//! Generations: the set of segments that one manifest names, published by one rename.
//!
//! | file | holds |
//! |---|---|
//! | `manifest.rs` | what a generation is made of, sealed |
//! | `dir.rs` | the index folder: lock, write, publish, collect garbage |
//! | `erase.rs` | the list of erasures in the index folder |
//! | `pin.rs` | a memory outside of it, against older copies |
//! | `build.rs` | writing one segment, with its graph, and checking it before it gets its name |
//! | `snapshot.rs` | an open generation: search over all its segments |
//! | `composition.rs` | how many records there are of each source, month and kind |
//! | `measure.rs` | background of impostors |
//!
//! Crash safety: segments are written under a temporary name, checked, synced, renamed; then the manifest is
//! replaced by one rename; then what no manifest names is removed. A crash before that rename leaves the old
//! generation and some unnamed files, a crash after it the new one; the next rebuild removes the rest.

mod build;
mod composition;
mod dir;
mod erase;
mod manifest;
mod measure;
mod pin;
mod snapshot;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use build::measure_graph;
pub use build::{GraphPolicy, WrittenSegment};
pub use composition::{Composition, FactsKey};
pub use dir::{IndexDir, RebuildLock};
pub use erase::Stamp;
pub use manifest::{CensusId, Coverage, GraphQuality, Manifest, PreviousEpoch, SegmentEntry};
pub use measure::MeasuredBackground;
pub use pin::Seen;
pub use snapshot::{Generation, IndexHit};
