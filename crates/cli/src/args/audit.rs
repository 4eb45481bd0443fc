//! What can be typed after `saltprint audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const AUDIT_HELP: &str = "\
Examples:
  saltprint audit init                                    (once; needs the audit key, which may then go offline)
  saltprint audit checkpoint > /mnt/witness/2026-11-26    (every day, to somebody else)
  saltprint audit show --last 20
  saltprint audit verify --checkpoint /mnt/witness/2026-11-26

With `[audit]` in the configuration, every lookup, triage and ref is written to the log, and synced, before the answer leaves; without
a log that can be written to there is no answer.";

const VERIFY_HELP: &str = "\
Exit codes:
  0   the log is as it was written
  1   it was tampered with; what and where is said

With the audit key everything is checked. Without it (`--without-key`) only what a witness can check: the chain, and that the log
continues what the checkpoint covers.";

#[derive(Debug, Args)]
#[command(after_help = AUDIT_HELP)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Begin the log that the configuration names.
    Init(InitArgs),
    /// Find any entry that was changed, removed, inserted or moved.
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Print the entries, oldest first, without verifying them.
    Show(ShowArgs),
    /// Print a checkpoint over all entries so far, for a witness outside.
    Checkpoint,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Make the state file of a log that lost it anew, after a full verification.
    #[arg(long)]
    pub(crate) restore: bool,
    /// Latest checkpoint of the log, with `--restore`: without one nothing tells whether its end was lost.
    #[arg(long, value_name = "FILE", requires = "restore")]
    pub(crate) checkpoint: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Checkpoint that the log must continue.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// Check what can be checked without the audit key.
    #[arg(long)]
    pub(crate) without_key: bool,
    /// Tell which entries ask for this very file; needs the audit key.
    #[arg(long, value_name = "FILE", conflicts_with = "without_key")]
    pub(crate) asked: Option<PathBuf>,
    /// Print JSON on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Only the last N entries.
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<usize>,
    /// Print one JSON object an entry.
    #[arg(long)]
    pub(crate) json: bool,
}
