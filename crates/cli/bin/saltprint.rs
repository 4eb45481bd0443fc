//! The `saltprint` program: see `saltprint_cli` for its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    saltprint_cli::run()
}
