//! `sandbox`: what closes in the processes that decode.

use std::io::Write as _;

use saltprint::{Config, WorkerMode};
use serde_json::json;

use crate::args::SandboxArgs;
use crate::exit::Exit;

pub(super) fn run(args: &SandboxArgs, mut config: Config) -> anyhow::Result<Exit> {
    for warning in config.start_workers()? {
        say!("warning: {warning}");
    }
    let (settings, layers) = (&config.decode.settings, config.decoder.layers());
    let mode = match config.decode.worker {
        WorkerMode::Auto => "auto",
        WorkerMode::Required => "required",
        WorkerMode::Off => "off",
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        let report = json!({
            "worker": mode,
            "apart": config.decoder.is_apart(),
            "memory": settings.memory,
            "seconds": settings.seconds,
            "items": settings.items,
            "layers": layers,
        });
        writeln!(out, "{report}")?;
        return Ok(Exit::Done);
    }
    if !config.decoder.is_apart() {
        writeln!(
            out,
            "Images, PDFs and archives are decoded in this process (`[decode] worker = \"{mode}\"`)."
        )?;
        return Ok(Exit::Done);
    }
    writeln!(
        out,
        "Images, PDFs and archives are decoded in processes of their own (`[decode] worker = \"{mode}\"`),\n\
         each with {} MiB of memory, {} s an item, and replaced after {} items.",
        settings.memory / (1024 * 1024),
        settings.seconds,
        settings.items
    )?;
    for layer in layers {
        let active = if layer.active { "yes" } else { "NO" };
        writeln!(out, "  {:<12} {active:<4} {}", layer.kind.name(), layer.detail)?;
    }
    Ok(Exit::Done)
}
