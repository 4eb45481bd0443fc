//! What can be typed.

pub(crate) mod audit;
pub(crate) mod erase;
pub(crate) mod keys;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use saltprint_eval::Treatment;
use saltprint_fingerprint::Readout;
use saltprint_synth::Template;

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   failed; nothing that was good is lost
  2   wrong usage
  3   done, but some inputs could not be used (they are named with reasons)
  10  lookup found no match";

const LOOKUP_HELP: &str = "\
Examples:
  saltprint lookup leaked.jpg scan.pdf
  saltprint lookup --json leak/*.jpg | jq -r 'select(.outcome == \"match\") | .input'

Exit codes:
  0   every image was compared, and at least one was found
  1   failed
  2   wrong usage
  3   some inputs could not be used (they are named with reasons)
  10  every image was compared, and none was found";

const TRIAGE_HELP: &str = "\
Examples:
  saltprint triage /evidence/leak.zip --case /cases/2026-117 --case-id 2026-117 --purpose \"ransom note of 3 May\"
  saltprint triage /evidence/leak --case /cases/2026-118 --case-id 2026-118 --purpose \"press inquiry\" --thumbnails
  saltprint triage /evidence/leak --json items.jsonl --summary summary.json    (without a case)
  saltprint triage /evidence/leak --quick                                      (a first answer, in less time)

A case folder holds report.html (begin there), items.jsonl, items.csv, summary.json, evidence.csv (digests of every
file of the leak) and manifest.json, which comes last: a folder without it is a case that is not finished, and the
same command goes on with it.

Exit codes:
  0   done, whatever the verdict
  1   failed; a case keeps what was done
  2   wrong usage
  3   done, but some inputs could not be used (they are named with reasons)";

const REBUILD_HELP: &str = "\
Examples:
  saltprint rebuild --config /srv/saltprint/saltprint.toml --json    (every night)
  saltprint rebuild --full                                           (after damage)
  saltprint rebuild --accept-rollback                                (after a backup was restored on purpose)";

const COMPLETIONS_HELP: &str = "\
Examples:
  saltprint completions bash > /etc/bash_completion.d/saltprint
  saltprint completions zsh > ~/.zfunc/_saltprint
  saltprint completions fish > ~/.config/fish/completions/saltprint.fish";

const MAN_HELP: &str = "\
Examples:
  saltprint man /usr/local/share/man/man1 && man saltprint-triage";

const EVAL_EXIT_CODES: &str = "\
Examples:
  saltprint eval --synthetic 1000 --strangers 300 --out report
  saltprint eval --config saltprint.toml --out report

Exit codes:
  0   done, whatever the numbers say
  1   failed
  2   wrong usage
  3   done, but some items of the vault could not be used and were left out";

/// The configuration where no other is named.
pub(crate) const DEFAULT_CONFIG: &str = "saltprint.toml";

/// Are these leaked images ours, whose, from which system and from when - without keeping a single document.
#[derive(Debug, Parser)]
#[command(name = "saltprint", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    /// Configuration file; paths in it are relative to its folder.
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a folder with four fresh keys: projection, index, ref, audit.
    Keygen(KeygenArgs),
    /// Look after the keys: status, passphrases, backup in shares, destruction.
    Keys(keys::KeysArgs),
    /// The audit log: begin it, verify it, read it, and make checkpoints for a witness.
    Audit(audit::AuditArgs),
    /// Learn from a sample of the vault how its documents differ; once, before the first rebuild.
    Calibrate(CalibrateArgs),
    /// Bring the index up to date with the vault; the nightly job.
    #[command(after_help = REBUILD_HELP)]
    Rebuild(RebuildArgs),
    /// Erase records or subjects: in force from the next query on, physically gone after the next rebuild.
    #[command(after_help = erase::HELP)]
    Erase(erase::EraseArgs),
    /// Look single images up.
    #[command(after_help = LOOKUP_HELP)]
    Lookup(LookupArgs),
    /// Look up a leak (a folder, an archive, a PDF) and sum up: is it ours, from where, since when.
    #[command(after_help = TRIAGE_HELP)]
    Triage(TriageArgs),
    /// Print the refs (pseudonyms) of record ids.
    Ref(RefArgs),
    /// Check every byte of the published index against its keys.
    Verify,
    /// Show what the index holds.
    Status(StatusArgs),
    /// Show what closes in the processes that decode images, PDFs and archives.
    Sandbox(SandboxArgs),
    /// Show the whole job on an invented vault and an invented leak.
    Demo(DemoArgs),
    /// Measure how well altered copies are recognised and strangers told apart, beside public hashes.
    ///
    /// Holds part of the vault out as strangers, indexes the rest under keys of its own, alters copies and looks them up.
    /// The configured keys and index are neither read nor changed, and nothing but numbers comes out.
    #[command(after_help = EVAL_EXIT_CODES)]
    Eval(EvalArgs),
    /// Print the completions of a shell on stdout.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Write the manual pages, one a command, into a folder.
    #[command(after_help = MAN_HELP)]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages; created if need be. Pages of the same names are replaced.
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Folder for the keys; created with mode 0700. Keys are never overwritten.
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Most records to learn from (they are drawn from one half of the vault).
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=5000))]
    pub(crate) sample: u32,
    /// Seed of the simulated edits; the same seed and vault give the same profile.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Half-spaces that a bit of a whole-image code is read from: 1, or 4, 6 or 8 through a secret truth table. Above
    /// 1 for experiments only: strangers were matched with it; PRIVACY.md says what it buys and costs.
    #[arg(long, value_name = "K", default_value = "1", value_parser = readout)]
    pub(crate) readout: Readout,
    /// Replace a profile that exists: the next rebuild then fingerprints every record again.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print a JSON summary on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct RebuildArgs {
    /// Read and fingerprint everything again; the way out of a damaged index. Replaces an index that the keys do not open.
    #[arg(long)]
    pub(crate) full: bool,
    /// Publish an empty index although the vault lists nothing while the index holds records.
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Go on from what lies in the index folder although a newer generation, or a longer list of erasures, was seen in it.
    #[arg(long)]
    pub(crate) accept_rollback: bool,
    /// Print a JSON summary on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LookupArgs {
    /// Images, PDFs or archives; each page and each entry gets an answer.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Print one JSON object an input instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show distances; only where the configuration says `[matching] evidence = true`.
    #[arg(long)]
    pub(crate) evidence: bool,
    /// Spare images in which nothing hints at a record the finer look; documents that are small in a picture are missed.
    #[arg(long)]
    pub(crate) quick: bool,
    /// For which case it is looked up, for the audit log.
    #[arg(long, value_name = "ID")]
    pub(crate) case_id: Option<String>,
    /// Why it is looked up, for the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct TriageArgs {
    /// The leak: a folder, or a file such as a ZIP archive, a PDF or an image.
    pub(crate) leak: PathBuf,
    /// Make a case: items, summary, report and manifest in this folder. A case that was killed goes on where it was.
    #[arg(long, value_name = "DIR", requires = "case_id", requires = "purpose", conflicts_with_all = ["json", "summary"])]
    pub(crate) case: Option<PathBuf>,
    /// Id of the case, for the report and the audit log.
    #[arg(long, value_name = "ID")]
    pub(crate) case_id: Option<String>,
    /// Why the leak is looked up, for the report and the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
    /// Spare images in which nothing hints at a record the finer look, for a first answer: up to half of the time is saved,
    /// the least where the leak is of others' documents. Documents that are small in a picture are missed.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Keep small pictures of leaked images that match or may match, and show them in the report.
    #[arg(long, requires = "case")]
    pub(crate) thumbnails: bool,
    /// Remove what the case folder holds of an earlier case, and begin anew.
    #[arg(long, requires = "case")]
    pub(crate) restart: bool,
    /// Write one JSON object an image to this file; `-` is stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the summary as JSON to this file; `-` is stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Show distances, and how far they are from chance; only where the configuration says `[matching] evidence = true`.
    #[arg(long)]
    pub(crate) evidence: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RefArgs {
    /// Record ids, exactly as the vault's list has them.
    #[arg(required = true, value_name = "RECORD_ID")]
    pub(crate) record_ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Print JSON on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print JSON on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the demo; must not exist, or be one that an earlier demo made.
    #[arg(long, default_value = "saltprint-demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Documents of the invented vault.
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    pub(crate) records: u32,
    /// Images of the invented leak.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) items: u32,
    /// Seed of everything that is invented.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct EvalArgs {
    /// Invent a vault of N documents, instead of using the one of the configuration.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) synthetic: Option<u32>,
    /// Templates of the invented vault, by name; all by default.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "synthetic", value_parser = template)]
    pub(crate) templates: Vec<Template>,
    /// Take N designs of cards that are drawn by number instead. With a tenth as many as records or more there are few documents of each
    /// template, and strangers are hardest to tell.
    #[arg(
        long,
        value_name = "N",
        requires = "synthetic",
        conflicts_with = "templates",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(crate) drawn_templates: Option<u16>,
    /// Documents that are held out; by default a quarter as many as there are records, or a quarter of the vault.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) strangers: Option<u32>,
    /// Records that are asked under each edit.
    #[arg(long, value_name = "K", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) queries: u32,
    /// Edits by name, such as `crop-80`, at any strength; `none` is an exact copy. All of the standard set by default.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = treatment)]
    pub(crate) edits: Vec<Treatment>,
    /// Seed of everything that is drawn.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write report.html, report.json, edits.csv and items.csv into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Let PDQ and pHash judge the same images.
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = on_or_off, action = clap::ArgAction::Set)]
    pub(crate) baselines: bool,
    /// Work in this folder, which stays and saves drawing the same invented vault again; temporary by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// Ask every stranger under every edit, instead of unedited and under one edit in turn.
    #[arg(long)]
    pub(crate) full_strangers: bool,
    /// Store the images of N records of the invented vault again, in other bytes and under other subjects, as of people who registered
    /// twice: a match with either is right, and doubled records are a row of their own.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "synthetic", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) near_duplicates: u32,
    /// Let the vault grow over N rebuilds, each of which finds twice as many records as the one before, the first of the list.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) nights: u32,
    /// Fill the index up with invented records to N: which copies are still found where the vault is that large. 3 kB of disk a
    /// record.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) grow_to: Option<u64>,
    /// Read-out of the profile that is learned, as in `calibrate`.
    #[arg(long, value_name = "K", default_value = "1", value_parser = readout)]
    pub(crate) readout: Readout,
    /// Measure instead what codes and sealed files give away: privacy.html, privacy.json and privacy.csv in the folder of `--out`.
    #[arg(
        long,
        conflicts_with_all = ["strangers", "queries", "edits", "baselines", "full_strangers", "templates", "drawn_templates", "readout", "near_duplicates", "nights", "grow_to"]
    )]
    pub(crate) privacy: bool,
    /// Look as `triage --quick` does. With `--privacy`: fewer keys, pairs and documents; seconds instead of minutes, and wider
    /// bounds.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print the report as JSON on stdout instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

fn template(name: &str) -> Result<Template, String> {
    Template::ALL.into_iter().find(|template| template.name() == name).ok_or_else(|| {
        let names = Template::ALL.map(Template::name).join(", ");
        format!("no such template; there are {names}")
    })
}

fn treatment(name: &str) -> Result<Treatment, String> {
    Treatment::by_name(name).ok_or_else(|| {
        let names: Vec<String> = Treatment::standard().iter().map(ToString::to_string).collect();
        format!("no such edit; the standard set is {}", names.join(", "))
    })
}

fn readout(number: &str) -> Result<Readout, String> {
    let known = number.parse().ok().and_then(Readout::of);
    known.ok_or_else(|| "say 1, 4, 6 or 8".to_owned())
}

fn on_or_off(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("say `on` or `off`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn edits_and_templates_are_lists_of_names() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        let good = parse(
            "saltprint eval --synthetic 9 --edits none,crop-85 --templates passport,selfie --baselines off",
        );
        let Ok(Arguments { command: Command::Eval(args), .. }) = good else { panic!("{good:?}") };
        assert_eq!((args.edits.len(), args.templates.len(), args.baselines), (2, 2, false));
        let good = parse("saltprint eval --synthetic 9 --drawn-templates 60");
        let Ok(Arguments { command: Command::Eval(args), .. }) = good else { panic!("{good:?}") };
        assert_eq!((args.drawn_templates, args.templates.len()), (Some(60), 0));
        for bad in [
            "saltprint eval --edits melt",
            "saltprint eval --synthetic 9 --templates visa",
            "saltprint eval --templates passport",
            "saltprint eval --drawn-templates 60",
            "saltprint eval --near-duplicates 5",
            "saltprint eval --privacy --synthetic 9 --near-duplicates 5",
            "saltprint eval --synthetic 9 --drawn-templates 0",
            "saltprint eval --synthetic 9 --drawn-templates 60 --templates passport",
            "saltprint eval --queries 0",
            "saltprint eval --baselines maybe",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
