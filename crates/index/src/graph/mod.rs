//! A flat HNSW graph over a segment's global codes (Malkov & Yashunin 2018, arXiv:1603.09320).
//!
//! | file | holds |
//! |---|---|
//! | `build.rs` | building by `hnsw_rs`, walked out into flat rows |
//! | `index.rs` | the sealed sections, opened |
//! | `search.rs` | greedy descent and best-first search over sealed rows |
//! | `tests.rs` | recall against the exact scan, connectivity, validity |
//!
//! The graph is an accelerator that may say *yes*; only the exact scan may say *no*, since on near-uniform
//! codes a graph of any practical size misses true neighbours.

mod build;
mod index;
mod search;
#[cfg(test)]
mod tests;

pub use build::{FlatGraph, GraphParams};
pub(crate) use index::GraphIndex;
pub use search::GraphSearcher;
