//! `triage --case`: a case folder with a report.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use saltprint::audit::{AskedFor, Auditor};
use saltprint::case::{Case, CaseOptions, CaseSummary};
use saltprint::{Config, ItemReport, Saltprint, TriageTotals, escape_name};

use saltprint_audit::{Action, QueryDigest};
use saltprint_report::{CaseReport, html};

use super::ask;
use crate::args::{DEFAULT_CONFIG, TriageArgs};
use crate::exit::Exit;
use crate::progress::Shown;
use crate::words;

/// Rejects that are named on the terminal; the files of the case have all.
const MOST_REJECTS: usize = 20;

pub(super) fn run(
    args: &TriageArgs,
    folder: &Path,
    config: &Config,
    config_path: &Path,
) -> anyhow::Result<Exit> {
    let options = CaseOptions {
        case_id: args.case_id.clone().context("say whose case it is: --case-id ID")?,
        purpose: args.purpose.clone().context("say why the leak is looked up: --purpose TEXT")?,
        evidence: args.evidence,
        thumbnails: args.thumbnails,
        restart: args.restart,
        command: command(args, config_path),
    };
    let auditor = Auditor::open(config, ask::SEARCHER)?;
    let saltprint = Saltprint::open(&ask::looking(config, args.quick))?;
    let progress = Shown::new();
    let (summary, items) = triage(&saltprint, &args.leak, folder, &options, auditor.as_ref(), &progress)?;
    words::say(&words::case(&summary))?;
    words::say(&format!("\nReport: {}\n", folder.join("report.html").display()))?;
    let rejects: Vec<ItemReport> = items.into_iter().filter(ask::is_reject).collect();
    ask::tell_rejects(&rejects, MOST_REJECTS);
    Ok(if rejects.is_empty() { Exit::Done } else { Exit::DoneWithRejects })
}

/// Runs a case to its end.
pub(super) fn triage(
    saltprint: &Saltprint,
    leak: &Path,
    folder: &Path,
    options: &CaseOptions,
    auditor: Option<&Auditor>,
    progress: &Shown,
) -> anyhow::Result<(CaseSummary, Vec<ItemReport>)> {
    let asked = AskedFor::new(Some(&options.case_id), Some(&options.purpose));
    let auditor = auditor.map(|auditor| asked.map(|asked| (auditor, asked))).transpose()?;
    if let Some((auditor, asked)) = &auditor {
        auditor.allow(asked)?;
    }
    let mut case = Case::open(saltprint, leak, folder, options, progress)?;
    progress.finish();
    if let Some((auditor, asked)) = &auditor {
        let _ = auditor.begin(saltprint, asked, Action::Triage, Some(QueryDigest::of(&case.evidence()?)))?;
    }
    let mut totals = TriageTotals::default();
    for item in case.items() {
        totals.count(item.outcome);
    }
    if case.resumed() > 0 {
        say!("going on with a case that was begun: {} images are done", case.resumed());
    }
    let summary = case.run(progress, &mut |item| {
        totals.count(item.outcome);
        progress.note(&words::counters(&totals));
    });
    progress.finish();
    let summary = summary.with_context(|| {
        format!(
            "the case is not finished; the same command goes on with it where it was ({} images are done)",
            totals.inputs
        )
    })?;
    if let Some((auditor, asked)) = &auditor {
        let _ = auditor.end(saltprint, asked, Action::Triage, &summary.totals)?;
    }
    let now = SystemTime::now();
    let made = words::date(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
    let page = html(&CaseReport {
        summary: &summary,
        items: case.items(),
        thumbnail: &|item| case.thumbnail(item),
        made: Some(&made),
    });
    let items = case.items().to_vec();
    case.finish(&summary, &[("report.html", page.as_bytes())], now)?;
    Ok((summary, items))
}

/// The command that does the same again, into a folder of another name.
fn command(args: &TriageArgs, config: &Path) -> String {
    let path = |path: &Path| quoted(path.as_os_str().as_encoded_bytes());
    let mut words = vec!["saltprint".to_owned()];
    if config != Path::new(DEFAULT_CONFIG) {
        words.push(format!("--config {}", path(config)));
    }
    words.push("triage --case CASE_FOLDER".to_owned());
    for (option, value) in [("--case-id", &args.case_id), ("--purpose", &args.purpose)] {
        words.extend(value.as_deref().map(|value| format!("{option} {}", quoted(value.as_bytes()))));
    }
    let options = [(args.evidence, "--evidence"), (args.quick, "--quick"), (args.thumbnails, "--thumbnails")];
    for (given, option) in options {
        words.extend(given.then(|| option.to_owned()));
    }
    words.extend(args.leak.as_os_str().as_encoded_bytes().starts_with(b"-").then(|| "--".to_owned()));
    words.push(path(&args.leak));
    words.join(" ")
}

/// A word as a shell takes it, in printable characters: what is none is written as bash, ksh and zsh read it between `$'` and
/// `'` (POSIX 2024, 2.2.4).
fn quoted(word: &[u8]) -> String {
    use std::fmt::Write as _;

    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@".contains(byte);
    let text = std::str::from_utf8(word).ok();
    let printable =
        |c: char| !c.is_control() && escape_name(c.encode_utf8(&mut [0; 4]).as_bytes()).chars().eq([c]);
    match text {
        Some(text) if !word.is_empty() && word.iter().all(plain) => text.to_owned(),
        Some(text) if text.chars().all(printable) => format!("'{}'", text.replace('\'', "'\\''")),
        Some(_) | None => {
            let mut quoted = String::from("$'");
            for byte in word {
                match byte {
                    b' '..=b'~' if !b"'\\".contains(byte) => quoted.push(char::from(*byte)),
                    _ => {
                        let _ = write!(quoted, "\\x{byte:02x}");
                    }
                }
            }
            quoted + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted(b"/evidence/leak-1.zip"), "/evidence/leak-1.zip");
        assert_eq!(quoted(b"it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(b""), "''");
        assert_eq!(quoted("Pässe".as_bytes()), "'Pässe'");
        assert_eq!(quoted(b"a\nb'\xff"), "$'a\\x0ab\\x27\\xff'");
        assert_eq!(quoted("gpj.\u{202e}x".as_bytes()), "$'gpj.\\xe2\\x80\\xaex'");
    }
}
