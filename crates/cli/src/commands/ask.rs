//! `lookup`, and `triage` without a case.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use saltprint::audit::{AskedFor, Auditor, query_of};
use saltprint::{Config, ItemReport, Looks, Outcome, Saltprint, Status, TriageInput, TriageTotals};
use saltprint_audit::{Action, QueryDigest};
use saltprint_intake::Location;

use super::case;
use crate::args::{LookupArgs, TriageArgs};
use crate::exit::Exit;
use crate::progress::Shown;
use crate::words;

/// What those who ask may do.
pub(super) const SEARCHER: &str = "searcher";

pub(super) fn lookup(args: &LookupArgs, config: &Config) -> anyhow::Result<Exit> {
    let auditor = Auditor::open(config, SEARCHER)?;
    let saltprint = Saltprint::open(&looking(config, args.quick))?;
    let status = saltprint.status();
    warn_of_silence(&status);
    if args.quick {
        say!("{}", words::QUICK);
    }
    let ground = words::Ground::new(&status, config.matching.rule.strong_chance);
    let say = |report: &ItemReport| -> anyhow::Result<()> {
        if args.json {
            write_json(&mut std::io::stdout().lock(), report)
        } else {
            Ok(words::say(&words::item(report, &ground))?)
        }
    };
    let totals = match auditor {
        None => {
            let inputs = args.files.iter().map(|path| TriageInput::file(shown_path(path), path));
            saltprint.triage(inputs, args.evidence, &saltprint::NoProgress, |report| say(&report))?.totals
        }
        Some(auditor) => {
            let asked = AskedFor::new(args.case_id.as_deref(), args.purpose.as_deref())?;
            let mut totals = TriageTotals::default();
            for path in &args.files {
                for report in written_down(&auditor, &saltprint, &asked, path, args.evidence)? {
                    totals.count(report.outcome);
                    say(&report)?;
                }
            }
            totals
        }
    };
    Ok(if totals.unreadable + totals.refused + totals.too_plain > 0 {
        Exit::DoneWithRejects
    } else if totals.matches + totals.possible == 0 {
        Exit::NoMatch
    } else {
        Exit::Done
    })
}

/// The configuration for a run that looks quickly, if it is said on the command line.
pub(super) fn looking(config: &Config, quick: bool) -> Config {
    let mut config = config.clone();
    if quick {
        config.matching.cascade.looks = Looks::Quick;
    }
    config
}

/// Says that an epoch which should answer does not.
pub(super) fn warn_of_silence(status: &Status) {
    if let Some(previous) = status.previous.filter(|previous| !previous.answers) {
        say!(
            "warning: the previous epoch should answer until {}, but its keys are not here: records that only it holds are not found",
            words::date(previous.until)
        );
    }
}

/// Looks up what a file holds, one question after the other, each in the log before anything of its answer is shown.
fn written_down(
    auditor: &Auditor,
    saltprint: &Saltprint,
    asked: &AskedFor,
    path: &Path,
    evidence: bool,
) -> anyhow::Result<Vec<ItemReport>> {
    let name = shown_path(path);
    // One image is read once: what is written down is what was looked up.
    let single = Location::from(path).open().ok().and_then(|mut opened| {
        let single = !saltprint.holds_parts(&mut opened);
        single.then(|| opened.read(&saltprint.limits())).and_then(Result::ok)
    });
    if let Some(image) = single {
        return Ok(vec![auditor.lookup(saltprint, asked, &name, image.bytes(), evidence)?]);
    }
    auditor.allow(asked)?;
    let query = File::open(path).and_then(query_of).ok();
    let mut reports = Vec::new();
    let input = [TriageInput::file(name, path)];
    let summary = saltprint.triage(input, evidence, &saltprint::NoProgress, |report| {
        reports.push(report);
        Ok::<(), saltprint::Error>(())
    })?;
    let _ = auditor.answer(saltprint, asked, Action::Lookup, query, &summary.totals)?;
    Ok(reports)
}

/// A path as a name: on one line whatever it holds.
fn shown_path(path: &Path) -> String {
    saltprint::escape_name(path.as_os_str().as_encoded_bytes())
}

pub(super) fn triage(args: &TriageArgs, config: &Config, config_path: &Path) -> anyhow::Result<Exit> {
    if let Some(folder) = &args.case {
        return case::run(args, folder, config, config_path);
    }
    let auditor = Auditor::open(config, SEARCHER)?;
    let saltprint = Saltprint::open(&looking(config, args.quick))?;
    warn_of_silence(&saltprint.status());
    let asked = AskedFor::new(args.case_id.as_deref(), args.purpose.as_deref())?;
    if let Some(auditor) = &auditor {
        auditor.allow(&asked)?;
        let query = QueryDigest::of(&saltprint::case::evidence(&args.leak, &saltprint::NoProgress)?);
        let _ = auditor.begin(&saltprint, &asked, Action::Triage, Some(query))?;
    }
    let mut items = args.json.as_deref().map(Output::create).transpose()?;
    let progress = Shown::new();
    let mut rejects: Vec<ItemReport> = Vec::new();
    let mut totals = TriageTotals::default();
    let summary = saltprint.triage_leak(&args.leak, args.evidence, &progress, |report| {
        if let Some(items) = &mut items {
            write_json(items, &report)?;
        }
        totals.count(report.outcome);
        progress.note(&words::counters(&totals));
        if is_reject(&report) {
            rejects.push(report);
        }
        anyhow::Ok(())
    })?;
    progress.finish();
    if let Some(auditor) = &auditor {
        let _ = auditor.end(&saltprint, &asked, Action::Triage, &summary.totals)?;
    }
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
        words::say(&words::triage(&summary))?;
    } else if args.quick {
        say!("{}", words::QUICK);
    }
    tell_rejects(&rejects, usize::MAX);
    Ok(if rejects.is_empty() { Exit::Done } else { Exit::DoneWithRejects })
}

/// Names at most so many inputs that could not be used on stderr.
pub(super) fn tell_rejects(rejects: &[ItemReport], most: usize) {
    for report in rejects.iter().take(most) {
        say!("{}", words::reject(report).trim_end());
    }
    if let Some(more) = rejects.len().checked_sub(most).filter(|more| *more > 0) {
        say!("and {more} more inputs that could not be used; items.csv names them all");
    }
}

pub(super) fn is_reject(report: &ItemReport) -> bool {
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
