//! `demo`: the whole job on an invented vault and an invented leak, then a comparison with the truth, which here is known.

mod leak;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, bail};
use saltprint::case::CaseOptions;
use saltprint::{CalibrateOptions, Config, Outcome, RebuildOptions, Saltprint};
use saltprint_keys::{RefKey, system_random};
use saltprint_synth::{Corpus, write_corpus};

use super::case;
use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::progress::Shown;
use crate::words;
use leak::{Leak, Truth};

/// Marks a folder that a demo made, and may make again.
const MARKER: &str = "made-by-saltprint-demo";

const CONFIG: &str = "\
# Written by `saltprint demo`. Paths are relative to this file.
[vault]
root = \"vault\"
manifest = \"vault/vault.csv\"
";

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    prepare(&args.dir)?;
    let steps = Steps { started: Instant::now() };
    let dir = &args.dir;
    let progress = Shown::new();

    let corpus = Corpus::new(args.records as usize, args.seed);
    steps.say(&format!(
        "Inventing a vault of {} documents in {}",
        args.records,
        dir.join("vault").display()
    ))?;
    write_corpus(&dir.join("vault"), &corpus, |_| ())?;
    let config_path = dir.join("saltprint.toml");
    fs::write(&config_path, CONFIG).with_context(|| format!("cannot write `{}`", config_path.display()))?;
    let mut config = Config::load(&config_path)?;
    for warning in config.start_workers()? {
        say!("warning: {warning}");
    }

    steps.say(&format!("$ saltprint keygen {}", config.keys.display()))?;
    saltprint_keys::keygen(&config.keys, SystemTime::now(), &mut system_random)?;

    steps.say(&format!("$ saltprint calibrate --config {}", config_path.display()))?;
    let calibrated = saltprint::calibrate(&config, CalibrateOptions::default(), &progress)?;
    progress.finish();
    say(&super::build::calibrated(&calibrated, &config))?;

    steps.say(&format!("$ saltprint rebuild --config {}", config_path.display()))?;
    let rebuilt = saltprint::rebuild(&config, RebuildOptions::default(), &progress)?;
    progress.finish();
    say(words::rebuild(&rebuilt).trim_end())?;
    for warning in &rebuilt.warnings {
        say!("warning: {warning}");
    }

    let leak_dir = dir.join("leak");
    steps.say(&format!("Inventing a leak of {} images in {}", args.items, leak_dir.display()))?;
    let leak = Leak::write(&leak_dir, &corpus, args.items as usize, args.seed)?;

    let case_dir = dir.join("case");
    let (case_id, purpose) = ("demo", "to show what a case looks like");
    let command = format!(
        "saltprint triage {} --case {} --case-id {case_id} --purpose '{purpose}' --thumbnails --config {}",
        leak_dir.display(),
        case_dir.display(),
        config_path.display()
    );
    steps.say(&format!("$ {command}"))?;
    let saltprint = Saltprint::open(&config)?;
    let options = CaseOptions {
        case_id: case_id.to_owned(),
        purpose: purpose.to_owned(),
        thumbnails: true,
        command,
        ..CaseOptions::default()
    };
    let (summary, reports) = case::triage(&saltprint, &leak_dir, &case_dir, &options, None, &progress)?;
    words::say(&words::case(&summary))?;
    say(&format!("\nReport: {}", case_dir.join("report.html").display()))?;

    steps.say("What only a demo can know: was that right?")?;
    let refs: RefKey = config.load_key()?;
    let mut score = Score::default();
    for report in &reports {
        let truth = leak.truth(&report.input).context("a file appeared in the leak folder")?;
        score.add(truth, report, &refs);
    }
    say(&score.table())?;
    say(&format!(
        "Try it yourself: saltprint lookup --config {} {}/*",
        config_path.display(),
        leak_dir.display()
    ))?;
    Ok(Exit::Done)
}

/// Makes the folder, or empties one that a demo made.
fn prepare(dir: &Path) -> anyhow::Result<()> {
    if dir.join(MARKER).exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty `{}`", dir.display()))?;
    } else if dir.exists() {
        bail!("`{}` exists and was not made by a demo; name another folder with `--dir`", dir.display());
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    fs::write(dir.join(MARKER), "").with_context(|| format!("cannot write into `{}`", dir.display()))
}

struct Steps {
    started: Instant,
}

impl Steps {
    fn say(&self, text: &str) -> anyhow::Result<()> {
        say(&format!("\n[{:5.1} s] {text}", self.started.elapsed().as_secs_f64()))
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Outcomes by what was done to the images.
#[derive(Default)]
struct Score {
    rows: BTreeMap<String, Row>,
}

#[derive(Default)]
struct Row {
    images: u64,
    right: u64,
    possible: u64,
    wrong: u64,
    missed: u64,
    /// Images that repeat another one of the leak, which are not compared.
    repeats: u64,
}

impl Score {
    fn add(&mut self, truth: &Truth, report: &saltprint::ItemReport, refs: &RefKey) {
        let row = self.rows.entry(truth.label.clone()).or_default();
        row.images += 1;
        let own = truth.record_id.as_deref().map(|id| refs.record_ref(id));
        let strong = report.matches.first().filter(|_| report.outcome == Outcome::Match);
        match (strong, report.outcome) {
            (Some(found), _) if Some(found.record_ref) == own => row.right += 1,
            (Some(_), _) => row.wrong += 1,
            (None, Outcome::Possible) => row.possible += 1,
            (None, Outcome::Duplicate) => row.repeats += 1,
            (None, _) => row.missed += 1,
        }
    }

    fn table(&self) -> String {
        use std::fmt::Write as _;

        let mut text = format!(
            "{:<38} {:>7} {:>8} {:>9} {:>7} {:>9} {:>8}",
            "what was done to the image", "images", "matched", "possible", "wrong", "no match", "repeats"
        );
        for (label, row) in &self.rows {
            let _ = write!(
                text,
                "\n{label:<38} {:>7} {:>8} {:>9} {:>7} {:>9} {:>8}",
                row.images, row.right, row.possible, row.wrong, row.missed, row.repeats
            );
        }
        text
    }
}
