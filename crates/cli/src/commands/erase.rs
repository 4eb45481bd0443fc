//! `erase`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::Context as _;
use saltprint::Config;
use saltprint::erase::{EraseTarget, ErasureCheck, check, check_receipt, erase, lift};

use crate::args::erase::EraseArgs;
use crate::exit::Exit;
use crate::words;

pub(super) fn run(args: &EraseArgs, config: &Config) -> anyhow::Result<Exit> {
    let targets = targets(args);
    if args.verify {
        return verify(args, &targets, config);
    }
    anyhow::ensure!(!targets.is_empty(), "name what to erase; `--receipt` alone is for `--verify`");
    // Before anything is erased, so that a receipt that cannot be written stops it.
    let file = args.receipt.as_ref().map(|path| {
        let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        made.with_context(|| format!("cannot make the receipt `{}`", path.display())).map(|file| (path, file))
    });
    let file = file.transpose()?;
    let receipt = match if args.lift { lift(config, &targets) } else { erase(config, &targets) } {
        Ok(receipt) => receipt,
        Err(error) => {
            if let Some((path, _)) = file {
                let _ = std::fs::remove_file(path);
            }
            return Err(error.into());
        }
    };
    let json = serde_json::to_string_pretty(&receipt)? + "\n";
    // On stdout too where the file fails: the erasure has happened, and its receipt must not be lost.
    let mut out = std::io::stdout().lock();
    let text = if args.json { json.clone() } else { words::erase::receipt(&receipt) };
    out.write_all(text.as_bytes())?;
    if let Some((path, mut file)) = file {
        let written = file.write_all(json.as_bytes()).and_then(|()| file.sync_all());
        if written.is_err() && !args.json {
            out.write_all(json.as_bytes())?;
        }
        written.with_context(|| format!("erased, but cannot write the receipt `{}`", path.display()))?;
    }
    Ok(Exit::Done)
}

fn targets(args: &EraseArgs) -> Vec<EraseTarget> {
    let records = args.record_ids.iter().cloned().map(EraseTarget::Record);
    let refs = args.refs.iter().copied().map(EraseTarget::Ref);
    let subjects = args.subjects.iter().cloned().map(EraseTarget::Subject);
    let subject_refs = args.subject_refs.iter().copied().map(EraseTarget::SubjectRef);
    records.chain(refs).chain(subjects).chain(subject_refs).collect()
}

fn verify(args: &EraseArgs, targets: &[EraseTarget], config: &Config) -> anyhow::Result<Exit> {
    let mut checks = Vec::new();
    if !targets.is_empty() {
        checks.push(check(config, targets)?);
    }
    if let Some(path) = &args.receipt {
        let json = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let (receipt, found) = check_receipt(config, &json)
            .with_context(|| format!("cannot check the receipt `{}`", path.display()))?;
        anyhow::ensure!(
            !receipt.lifted,
            "the receipt says that an erasure was taken back; name the records to check them"
        );
        checks.push(found);
    }
    let mut out = std::io::stdout().lock();
    for found in &checks {
        if args.json {
            writeln!(out, "{}", serde_json::to_string(found)?)?;
        } else {
            out.write_all(words::erase::check(found).as_bytes())?;
        }
    }
    Ok(if checks.iter().all(ErasureCheck::is_gone) {
        Exit::Done
    } else if checks.iter().all(ErasureCheck::is_hidden) {
        Exit::DoneWithRejects
    } else {
        Exit::NoMatch
    })
}
