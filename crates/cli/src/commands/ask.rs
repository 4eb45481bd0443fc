//! `lookup` and `triage`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use saltprint::{Config, ItemReport, Outcome, Saltprint, TriageInput};

use crate::args::{LookupArgs, TriageArgs};
use crate::exit::Exit;
use crate::progress::Shown;
use crate::words;

pub(super) fn lookup(args: &LookupArgs, config: &Config) -> anyhow::Result<Exit> {
    let saltprint = Saltprint::open(config)?;
    let inputs = args.files.iter().map(|path| TriageInput::file(path.display().to_string(), path));
    let mut out = std::io::stdout().lock();
    let summary = saltprint.triage(inputs, args.evidence, &saltprint::NoProgress, |report| {
        if args.json {
            write_json(&mut out, &report)
        } else {
            Ok(out.write_all(words::item(&report).as_bytes())?)
        }
    })?;
    let totals = summary.totals;
    Ok(if totals.unreadable + totals.refused + totals.too_plain > 0 {
        Exit::DoneWithRejects
    } else if totals.matches + totals.possible == 0 {
        Exit::NoMatch
    } else {
        Exit::Done
    })
}

pub(super) fn triage(args: &TriageArgs, config: &Config) -> anyhow::Result<Exit> {
    let saltprint = Saltprint::open(config)?;
    let mut items = args.json.as_deref().map(Output::create).transpose()?;
    let progress = Shown::new();
    let mut rejects: Vec<ItemReport> = Vec::new();
    let summary = saltprint.triage_leak(&args.dir, args.evidence, &progress, |report| {
        if let Some(items) = &mut items {
            write_json(items, &report)?;
        }
        if is_reject(&report) {
            rejects.push(report);
        }
        anyhow::Ok(())
    })?;
    progress.finish();
    if let Some(mut items) = items {
        items.flush()?;
    }
    if let Some(path) = &args.summary {
        let mut out = Output::create(path)?;
        serde_json::to_writer_pretty(&mut out, &summary)?;
        writeln!(out)?;
        out.flush()?;
    }
    // What is already on stdout as JSON is not said again in words.
    let on_stdout = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if !on_stdout(&args.json) && !on_stdout(&args.summary) {
        std::io::stdout().lock().write_all(words::triage(&summary).as_bytes())?;
    }
    for report in &rejects {
        eprint!("{}", words::item(report));
    }
    Ok(if rejects.is_empty() { Exit::Done } else { Exit::DoneWithRejects })
}

fn is_reject(report: &ItemReport) -> bool {
    match report.outcome {
        Outcome::TooPlain | Outcome::Unreadable | Outcome::Refused => true,
        Outcome::Match | Outcome::Possible | Outcome::NoMatch | Outcome::Duplicate => false,
    }
}

fn write_json(out: &mut impl Write, report: &ItemReport) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    Ok(writeln!(out)?)
}

/// A result file that is not there yet, or stdout for `-`.
enum Output {
    File(BufWriter<File>),
    Stdout(std::io::Stdout),
}

impl Output {
    fn create(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(std::io::stdout()));
        }
        // It pairs names of leaked files with refs: for its owner only.
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Self::File(BufWriter::new(file)))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}
