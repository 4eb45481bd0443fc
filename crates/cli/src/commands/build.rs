//! `calibrate` and `rebuild`.

use std::io::Write as _;

use saltprint::audit::Auditor;
use saltprint::{CalibrateOptions, CalibrateSummary, Config, RebuildOptions};

use saltprint_audit::Action;

use crate::args::{CalibrateArgs, RebuildArgs};
use crate::exit::Exit;
use crate::progress::Shown;
use crate::words;

/// What those who build the index may do.
const BUILDER: &str = "builder";

pub(super) fn calibrate(args: &CalibrateArgs, config: &Config) -> anyhow::Result<Exit> {
    let mut options = CalibrateOptions::default();
    options.sample = args.sample as usize;
    options.seed = args.seed;
    options.force = args.force;
    options.readout = args.readout;
    let progress = Shown::new();
    let auditor = Auditor::open(config, BUILDER)?;
    let summary = saltprint::calibrate(config, options, &progress)?;
    progress.finish();
    if let Some(auditor) = auditor {
        let _ = auditor.note(Action::Calibrate, None)?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        writeln!(out, "{}", calibrated(&summary, config))?;
    }
    Ok(Exit::Done)
}

pub(super) fn calibrated(summary: &CalibrateSummary, config: &Config) -> String {
    if summary.builtin {
        format!(
            "The vault's {} records are too few to learn from and to measure strangers on; the built-in profile was written to {}.",
            summary.records,
            config.profile.display()
        )
    } else {
        format!(
            "Learned a profile of {} axes from {} of {} records; written to {}.",
            summary.dims,
            summary.sample,
            summary.records,
            config.profile.display()
        )
    }
}

pub(super) fn rebuild(args: &RebuildArgs, config: &Config) -> anyhow::Result<Exit> {
    let progress = Shown::new();
    let mut options = RebuildOptions::default();
    options.full = args.full;
    options.allow_empty = args.allow_empty;
    options.accept_rollback = args.accept_rollback;
    options.count_first = progress.wants_total();
    let auditor = Auditor::open(config, BUILDER)?;
    let summary = saltprint::rebuild(config, options, &progress)?;
    progress.finish();
    if let Some(auditor) = auditor {
        let generation = Some((summary.generation, summary.root));
        let _ = auditor.note(Action::Rebuild, generation)?;
        if summary.rotated {
            let _ = auditor.note(Action::Rotate, generation)?;
        }
    }
    for warning in &summary.warnings {
        say!("warning: {warning}");
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        write!(out, "{}", words::rebuild(&summary))?;
    }
    Ok(if summary.has_rejects() { Exit::DoneWithRejects } else { Exit::Done })
}
