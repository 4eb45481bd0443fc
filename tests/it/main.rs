//! End-to-end tests: programs and stories that cross crates. One module a theme.

mod bad_input;
mod commands;
mod crash;
mod golden;
mod incremental;
mod place;
mod real_data;
mod recall;
