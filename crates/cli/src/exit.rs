//! Exit codes: part of the contract with schedulers and scripts.

use std::process::ExitCode;

/// How a command ended. Wrong usage exits with 2 before a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// The command failed; stderr says why. Nothing that was good is lost.
    Failed = 1,
    /// Done, but some inputs could not be used; they are named with reasons.
    DoneWithRejects = 3,
    /// `lookup` compared all inputs and found none of them.
    NoMatch = 10,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
