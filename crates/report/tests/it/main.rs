//! The page, parsed as a browser would.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::assigning_clones,
    reason = "helpers of tests: what fails here is a failed test, and speed does not matter"
)]

mod browser;
mod charts;
mod counts;
#[path = "../../examples/sample/data/mod.rs"]
mod data;
mod dom;
mod hostile;
mod page;
