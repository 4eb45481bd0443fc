//! `verify` and `status`.

use std::io::Write as _;

use saltprint::{Config, Saltprint};

use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::words;

pub(super) fn verify(config: &Config) -> anyhow::Result<Exit> {
    let saltprint = Saltprint::open(config)?;
    saltprint.verify()?;
    let status = saltprint.status();
    writeln!(
        std::io::stdout().lock(),
        "Generation {}: every page of {} with {} is authentic and consistent.",
        status.generation,
        words::several(status.segments as u64, "segment"),
        words::several(status.records, "record")
    )?;
    Ok(Exit::Done)
}

pub(super) fn status(args: &StatusArgs, config: &Config) -> anyhow::Result<Exit> {
    let status = Saltprint::open(config)?.status();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&status)?)?;
    } else {
        out.write_all(words::status(&status).as_bytes())?;
    }
    Ok(Exit::Done)
}
