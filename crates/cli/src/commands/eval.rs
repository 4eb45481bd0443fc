//! `eval`: how well altered copies are recognised, and with `--privacy` what codes and sealed files give away.

use std::io::Write as _;

use saltprint::{Config, Error};
use saltprint_eval::{EvalPlan, PrivacyPlan};
use saltprint_synth::Template;

use crate::args::EvalArgs;
use crate::exit::Exit;
use crate::progress::Shown;

/// `config` is read only where no vault is to be invented.
pub(super) fn run(args: &EvalArgs, config: impl FnOnce() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    if args.privacy {
        return privacy(args, config);
    }
    let mut plan = match args.synthetic {
        Some(records) => {
            let drawn = (0..args.drawn_templates.unwrap_or(0)).map(Template::Drawn);
            let templates: Vec<Template> = args.templates.iter().copied().chain(drawn).collect();
            EvalPlan::synthetic(records as usize).templates(&templates)
        }
        None => EvalPlan::vault(config()?),
    }
    .queries(args.queries as usize)
    .seed(args.seed)
    .baselines(args.baselines)
    .readout(args.readout)
    .quick(args.quick)
    .near_duplicates(args.near_duplicates as usize)
    .nights(args.nights)
    .full_strangers(args.full_strangers);
    if let Some(strangers) = args.strangers {
        plan = plan.strangers(strangers as usize);
    }
    if let Some(records) = args.grow_to {
        plan = plan.grow_to(records);
    }
    if !args.edits.is_empty() {
        plan = plan.treatments(args.edits.clone());
    }
    if let Some(work) = &args.work {
        plan = plan.work(work);
    }

    let progress = Shown::new();
    let report = saltprint_eval::run(&plan, &progress)?;
    progress.finish();
    for warning in &report.warnings {
        say!("warning: {warning}");
    }
    // The files first: whoever closes stdout early has them all the same.
    if let Some(out) = &args.out {
        report.write_to(out)?;
        say!("The report is in {}.", out.display());
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        out.write_all(report.to_text().as_bytes())?;
    }
    Ok(if report.setup.unusable > 0 { Exit::DoneWithRejects } else { Exit::Done })
}

fn privacy(args: &EvalArgs, config: impl FnOnce() -> Result<Config, Error>) -> anyhow::Result<Exit> {
    let mut plan = match args.synthetic {
        Some(records) => PrivacyPlan::synthetic(records as usize),
        None => PrivacyPlan::vault(config()?),
    }
    .seed(args.seed)
    .quick(args.quick);
    if let Some(work) = &args.work {
        plan = plan.work(work);
    }
    let progress = Shown::new();
    let report = saltprint_eval::measure_privacy(&plan, &progress)?;
    progress.finish();
    if let Some(out) = &args.out {
        report.write_to(out)?;
        say!("The report is in {}.", out.display());
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        out.write_all(report.to_text().as_bytes())?;
    }
    Ok(Exit::Done)
}
