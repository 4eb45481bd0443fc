//! `audit`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use saltprint::Config;
use saltprint::audit::{query_of, who};
use saltprint_audit::{Action, AuditLog, Checkpoint, Draft, Entry, Verification, Verifier, entries};
use saltprint_keys::{AuditKey, system_random};

use crate::args::audit::{AuditArgs, AuditCommand, InitArgs, ShowArgs, VerifyArgs};
use crate::exit::Exit;

/// Who looks after the log.
const ROLE: &str = "auditor";

pub(super) fn run(args: &AuditArgs, config: &Config) -> anyhow::Result<Exit> {
    let Some(audit) = &config.audit else {
        bail!("the configuration names no audit log; add a section `[audit]`");
    };
    match &args.command {
        AuditCommand::Init(args) => init(args, config, &audit.dir),
        AuditCommand::Verify(args) => verify(args, config, &audit.dir),
        AuditCommand::Show(args) => show(args, &audit.dir),
        AuditCommand::Checkpoint => {
            let made = AuditLog::open(&audit.dir)?.checkpoint(&who(ROLE)?, SystemTime::now())?;
            write!(std::io::stdout().lock(), "{made}")?;
            Ok(Exit::Done)
        }
    }
}

fn init(args: &InitArgs, config: &Config, dir: &Path) -> anyhow::Result<Exit> {
    let key: AuditKey = config.load_key()?;
    let (who, now) = (who(ROLE)?, SystemTime::now());
    let log = if args.restore {
        let checkpoint = args.checkpoint.as_deref().map(read_checkpoint).transpose()?;
        AuditLog::restore(dir, &key, checkpoint.as_ref(), &who, now)?
    } else {
        AuditLog::init(dir, &key, &who, now, &mut system_random)?
    };
    writeln!(std::io::stdout().lock(), "The audit log in {} is ready.", log.dir().display())?;
    say!(
        "The audit key is needed again only to verify the log: move it to where nobody can change both. Give checkpoints \
         (`saltprint audit checkpoint`) to somebody else, every day."
    );
    Ok(Exit::Done)
}

fn verify(args: &VerifyArgs, config: &Config, dir: &Path) -> anyhow::Result<Exit> {
    let key: Option<AuditKey> = if args.without_key { None } else { Some(config.load_key()?) };
    let mut verifier = Verifier::new().state();
    if let Some(key) = &key {
        verifier = verifier.key(key);
    }
    let checkpoints =
        args.checkpoint.iter().map(|path| read_checkpoint(path)).collect::<Result<Vec<_>, _>>()?;
    for checkpoint in &checkpoints {
        verifier = verifier.checkpoint(checkpoint);
    }
    if let Some(path) = &args.asked {
        let failed = || format!("could not read `{}`", path.display());
        verifier =
            verifier.looking_for(query_of(File::open(path).with_context(failed)?).with_context(failed)?);
    }
    let found = verifier.run(dir)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&found)?)?;
    } else {
        write!(out, "{}", words(&found, args.asked.is_some()))?;
    }
    if !found.is_tampered() {
        return Ok(Exit::Done);
    }
    bail!("the audit log in {} is not as it was written", dir.display())
}

fn words(found: &Verification, asked: bool) -> String {
    let mut lines = vec![format!("{} entries, the last of {}", found.entries, found.last_time)];
    lines.push(format!(
        "checked: the chain{}{}{}",
        if found.with_key { ", every entry under the audit key" } else { "" },
        if found.with_state { ", the state file" } else { "" },
        match found.checkpoints {
            0 => String::new(),
            1 => ", 1 checkpoint".to_owned(),
            more => format!(", {more} checkpoints"),
        }
    ));
    if found.clock_jumps > 0 {
        lines.push(format!("the clock had jumped back at {} entries", found.clock_jumps));
    }
    if asked {
        let numbers: Vec<String> = found.asked.iter().map(ToString::to_string).collect();
        let numbers = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
        lines.push(format!("entries that ask for this file: {numbers}"));
    }
    lines.extend(found.findings.iter().map(|finding| format!("FOUND: {finding}")));
    if found.more {
        lines.push("FOUND: more than is listed".to_owned());
    }
    if found.is_sound() {
        lines.push("sound".to_owned());
    }
    lines.join("\n") + "\n"
}

fn show(args: &ShowArgs, dir: &Path) -> anyhow::Result<Exit> {
    // Who reads the log is in it as well, and sees himself last.
    let _ = AuditLog::open(dir)?.append(Draft::new(&who(ROLE)?, Action::Show, SystemTime::now()))?;
    let mut out = std::io::stdout().lock();
    let mut print = |entry: &Entry| -> anyhow::Result<()> {
        if args.json {
            writeln!(out, "{}", serde_json::to_string(entry)?)?;
        } else {
            writeln!(out, "{entry}")?;
        }
        Ok(())
    };
    let mut last: VecDeque<Entry> = VecDeque::new();
    for entry in entries(dir)? {
        let entry = entry?;
        match args.last {
            None => print(&entry)?,
            Some(count) => {
                last.push_back(entry);
                if last.len() > count {
                    last.pop_front();
                }
            }
        }
    }
    last.iter().try_for_each(print)?;
    Ok(Exit::Done)
}

fn read_checkpoint(path: &Path) -> anyhow::Result<Checkpoint> {
    let failed = || format!("could not read the checkpoint `{}`", path.display());
    std::fs::read_to_string(path).with_context(failed)?.parse().with_context(failed)
}
