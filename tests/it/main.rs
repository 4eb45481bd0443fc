//! End-to-end tests: programs and stories that cross crates. One module a theme.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_push_string,
    reason = "helpers of tests: what fails here is a failed test, and speed does not matter"
)]

mod audit;
mod bad_input;
mod case;
mod commands;
mod crash;
mod erase;
mod faults;
mod golden;
#[cfg(feature = "heif")]
mod heif;
mod incremental;
mod keys;
mod local;
mod near_duplicates;
mod negative;
mod place;
mod prints;
mod real_data;
mod recalibrate;
mod recall;
mod roles;
mod rotate;
mod stores;
mod unsafe_code;
mod vault_parts;
mod worker;
