//! Argument types and commands of the `saltprint` program.
//!
//! Arguments are parsed into [`Arguments`], each command turns its part into the library's types and runs, and
//! [`run`] maps the result to an exit code. Data goes to stdout, progress and messages to stderr.

#![forbid(unsafe_code)]

/// Writes a line to stderr. Where nobody can be told anything any more, the work still goes on.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($words)*);
    }};
}

mod args;
mod commands;
mod exit;
mod progress;
mod prompt;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

pub use args::Arguments;
pub use exit::Exit;

/// Parses the process's arguments, runs the command, and reports an error once, with its chain, on stderr.
pub fn run() -> ExitCode {
    // A worker is this program as well, and does nothing else.
    if let Some(exit) = saltprint::worker::serve_if_asked(std::env::args_os()) {
        return exit;
    }
    // Before anything secret is near.
    if let Err(error) = saltprint_keys::hardening::disable_core_dumps() {
        say!("warning: {error}");
    }
    // clap exits with 2 on wrong usage and with 0 after help.
    let arguments = Arguments::parse();
    match commands::dispatch(&arguments) {
        Ok(exit) => exit.into(),
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            say!("error: {error}");
            let mut last = error.to_string();
            for cause in error.chain().skip(1) {
                let text = cause.to_string();
                // Some libraries repeat their source; say it once.
                if !last.contains(&text) {
                    say!("  because: {text}");
                }
                last = text;
            }
            Exit::Failed.into()
        }
    }
}

/// Whoever reads our output may stop reading; that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
