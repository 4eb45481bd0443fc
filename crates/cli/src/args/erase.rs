//! `erase`.

use std::path::PathBuf;

use clap::Args;
use saltprint_keys::{RecordRef, SubjectRef};

pub(crate) const HELP: &str = "\
Examples:
  saltprint erase customers/4711/passport.jpg --receipt erasure-4711.json
  saltprint erase --subject customer-4711 --receipt erasure-4711.json
  saltprint erase --verify --receipt erasure-4711.json        (what is left of it?)
  saltprint erase --lift customers/4711/passport.jpg          (it was a mistake)

The vault is left alone: delete the documents there yourself. Until then the rebuild passes them over. Case folders and
backups of the index keep what they have; copies of old generations are unreadable once their index key is destroyed
(`saltprint keys shred --help`).

Exit codes:
  0   erased; with --verify: nothing is left in the index folder
  1   failed
  2   wrong usage
  3   with --verify: no query finds it, but the next rebuild has yet to remove it
  10  with --verify: it is not erased";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["record_ids", "refs", "subjects", "subject_refs", "receipt"]))]
pub(crate) struct EraseArgs {
    /// Record ids, exactly as the vault's list has them; of a file with parts (an archive, a PDF) all parts.
    #[arg(value_name = "RECORD_ID")]
    pub(crate) record_ids: Vec<String>,
    /// A record by its ref, as reports name it. May be repeated.
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) refs: Vec<RecordRef>,
    /// All records of a subject, also those that come later. May be repeated.
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub(crate) subjects: Vec<String>,
    /// The same by the subject's ref. May be repeated.
    #[arg(long = "subject-ref", value_name = "REF")]
    pub(crate) subject_refs: Vec<SubjectRef>,
    /// Write the receipt to this new file; with `--verify`, check what the receipt in it names.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Erase nothing: look what the index folder still holds.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Take an erasure back: the next rebuild reads the document again, if the vault still has it.
    #[arg(long, conflicts_with = "verify")]
    pub(crate) lift: bool,
    /// Print JSON on stdout instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}
