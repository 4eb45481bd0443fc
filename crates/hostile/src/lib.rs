//! What every parser owes to hostile bytes: one property a parser, for the fuzzer and for ordinary tests.
//!
//! A [`Target`] takes any bytes and panics if a promise is broken. The libFuzzer programs under `fuzz/` are one line each around
//! it, and `tests/replay.rs` gives it seeds, the inputs that once broke something, and mutations of both, on a stable compiler.
//! Promises go beyond "no panic":
//!
//! - What an input makes us allocate is bounded ([`Target::memory`]), whatever sizes it states. This crate counts
//!   allocations, so whoever links it gets a counting allocator; no program of ours does.
//! - The same bytes give the same result twice.
//! - What is read and written again is what was read, wherever a format has one spelling.
//! - A sealed file with one changed byte is an error. And since a fuzzer cannot guess a MAC, targets also seal what the input
//!   says under the right key: readers of sealed files are met by authentic nonsense.
//!
//! ```
//! use saltprint_hostile::Target;
//!
//! let target = Target::named("config");
//! target.check(b"[vault]\nroot = \"no end of string");
//! for seed in target.seeds() {
//!     target.check(&seed);
//! }
//! ```

#![forbid(unsafe_code)]
#![expect(clippy::format_push_string, reason = "seeds are made once, and small")]

mod archive;
mod audit;
mod catalog;
mod config;
mod corpus;
mod document;
mod erasures;
mod image;
mod key;
mod manifest;
mod mutate;
mod parts;
mod patch;
mod profile;
mod scratch;
mod segment;
mod target;

pub use corpus::{regressions, stored_seeds};
pub use mutate::Mutator;
pub use target::Target;
