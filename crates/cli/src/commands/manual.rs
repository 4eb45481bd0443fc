//! `completions` and `man`: what the arguments say, for shells and for `man`.

use std::fs;
use std::io::Write as _;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::{Arguments, CompletionsArgs, ManArgs};
use crate::exit::Exit;

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    // The generator panics where its writer fails, as stdout does when its reader goes.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "saltprint", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}

/// Writes a manual page for the program and one for each command.
pub(super) fn pages(args: &ManArgs) -> anyhow::Result<Exit> {
    fs::create_dir_all(&args.dir)
        .with_context(|| format!("could not create the folder `{}`", args.dir.display()))?;
    clap_mangen::generate_to(Arguments::command(), &args.dir)
        .with_context(|| format!("could not write manual pages into `{}`", args.dir.display()))?;
    Ok(Exit::Done)
}
