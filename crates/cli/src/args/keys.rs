//! What can be typed after `saltprint keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use saltprint_keys::{KeyAge, Role};

const KEYS_HELP: &str = "\
Examples:
  saltprint keys status
  saltprint keys wrap                                     (asks for a new passphrase, twice)
  saltprint keys backup --needed 3 --total 5 shares       (any 3 of 5 restore a key)
  saltprint keys restore --to restored shares/index-share-1-of-5.txt shares/index-share-4-of-5.txt ...
  saltprint keys rotate                                   (next keys; `saltprint rebuild` takes them into use)
  saltprint keys shred --previous --yes                   (the keys before, when nothing needs them any more)
  saltprint keys shred old-keys --yes

A passphrase is never an argument or the value of an environment variable, which others can read: it is typed, or read
from a file of mode 0600 or from an open descriptor.";

const STATUS_HELP: &str = "\
Exit codes:
  0   every key that is there can be used; a key that is not there is none that this machine should have
  1   failed
  3   a key is there but cannot be used; why is said";

const WRAP_HELP: &str = "\
Examples:
  saltprint keys wrap
  saltprint keys wrap --role ref --new-passphrase-file /run/keys/passphrase
  saltprint keys wrap --dir keys --memory-mib 512 --passes 4      (each guess costs more, and so does each command)

Commands then ask for the passphrase in a terminal, or take it from where `[keys] passphrase_file` or `passphrase_fd` says.
There is no way around a forgotten passphrase but a backup.";

const BACKUP_HELP: &str = "\
Examples:
  saltprint keys backup --needed 2 --total 3 /media/usb/shares
  saltprint keys backup --role projection --needed 3 --total 5 shares
  saltprint keys backup --age next --needed 2 --total 3 shares    (those that `keys rotate` has made)

Print the shares or move each to its keeper, then destroy the files. The shares of a wrapped key are not wrapped:
whoever has enough of them has the key. Try a restore before you rely on it.";

const RESTORE_HELP: &str = "\
Examples:
  saltprint keys restore --to restored 1.txt 4.txt 5.txt
  saltprint keys restore --to restored --wrap 1.txt 4.txt 5.txt

Give the shares of one key. With more of them than are needed a wrong one can be named. A share may be typed from paper;
case and spacing do not matter, and a slip is found by line.";

const ROTATE_HELP: &str = "\
Makes a new projection and a new index key beside the present ones, which stay in use until a rebuild has fingerprinted every
record with the new ones. From then on the index of before answers as well for `[keys] overlap_days` (30 by default), and
each hit names its epoch. Refs and the audit log keep their keys, so that case files go on meaning the same.

Examples:
  saltprint keys rotate
  saltprint keys backup --age next --needed 2 --total 3 shares
  saltprint rebuild                       (reads and fingerprints every record; then the new keys are the present ones)
  saltprint keys shred --previous --yes   (when the overlap is over and a rebuild has removed the index of before)

Keys that were stolen: set `[keys] overlap_days = 0` before the rebuild, so that nothing of the old epoch stays, and destroy
the old keys at once.

It may be cut short at any point: run it again, or the rebuild.";

const SHRED_HELP: &str = "\
Overwrites and removes the key files of a folder, or with `--previous` those that a rotation has replaced. What was sealed
with them opens nowhere any more.

Examples:
  saltprint keys shred old-keys --yes
  saltprint keys shred --previous --yes
  saltprint keys shred --previous --yes --force    (though the previous epoch still answers: it ends here)

Overwriting reaches the old bytes on a hard disk whose file system writes in place. Solid-state drives, file systems that
copy on write, snapshots and backups keep copies: there only a passphrase from the first day, or an encrypted volume
whose key is destroyed, is of help.";

#[derive(Debug, Args)]
#[command(after_help = KEYS_HELP)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show every role's key without reading its secret: where, which id, since when, wrapped or plain, usable or not.
    #[command(after_help = STATUS_HELP)]
    Status(KeysStatusArgs),
    /// Wrap key files with a passphrase, or change it.
    #[command(after_help = WRAP_HELP)]
    Wrap(WrapArgs),
    /// Take the passphrase off key files.
    Unwrap(UnwrapArgs),
    /// Split keys into shares for offline backup, some of which restore a key.
    #[command(after_help = BACKUP_HELP)]
    Backup(BackupArgs),
    /// Restore a key from its shares.
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Make new projection and index keys; the next rebuild takes them into use.
    #[command(after_help = ROTATE_HELP)]
    Rotate(RotateArgs),
    /// Destroy an old set of keys.
    #[command(after_help = SHRED_HELP)]
    Shred(ShredArgs),
}

/// Which keys are meant.
#[derive(Debug, Args)]
pub(crate) struct KeysFrom {
    /// Folder of the keys; by default what the configuration says.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Which of the keys, while they are being changed: present, next or previous.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "present")]
    pub(crate) age: KeyAge,
    #[command(flatten)]
    pub(crate) passphrase: PresentPassphrase,
}

/// Where the passphrase comes from that keys are wrapped with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PresentPassphrase {
    /// File of mode 0600 with the present passphrase; asked for by default, or as the configuration says.
    #[arg(
        id = "passphrase_file",
        long = "passphrase-file",
        value_name = "FILE",
        conflicts_with = "passphrase_fd"
    )]
    pub(crate) file: Option<PathBuf>,
    /// Open descriptor with the present passphrase.
    #[arg(id = "passphrase_fd", long = "passphrase-fd", value_name = "N")]
    pub(crate) descriptor: Option<u32>,
}

/// A new passphrase and what a guess of it costs.
#[derive(Debug, Args)]
pub(crate) struct NewPassphrase {
    /// File of mode 0600 with the new passphrase, of at least 12 bytes; asked for twice by default.
    #[arg(
        id = "new_passphrase_file",
        long = "new-passphrase-file",
        value_name = "FILE",
        conflicts_with = "new_passphrase_fd"
    )]
    pub(crate) file: Option<PathBuf>,
    /// Open descriptor with the new passphrase.
    #[arg(id = "new_passphrase_fd", long = "new-passphrase-fd", value_name = "N")]
    pub(crate) descriptor: Option<u32>,
    /// Memory in MiB that a guess takes (argon2id).
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) memory_mib: u32,
    /// Passes over that memory (argon2id).
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) passes: u32,
}

#[derive(Debug, Args)]
pub(crate) struct KeysStatusArgs {
    /// Folder of the keys; by default what the configuration says.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Print one JSON object a role on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WrapArgs {
    #[command(flatten)]
    pub(crate) from: KeysFrom,
    /// Only the key of this role; may be repeated. All that are there by default.
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    pub(crate) roles: Vec<Role>,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Debug, Args)]
pub(crate) struct UnwrapArgs {
    #[command(flatten)]
    pub(crate) from: KeysFrom,
    /// Only the key of this role; may be repeated. All that are there by default.
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    pub(crate) roles: Vec<Role>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Folder for the shares; created with mode 0700. Files are never overwritten.
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) from: KeysFrom,
    /// Only the key of this role; may be repeated. All that are there by default.
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    pub(crate) roles: Vec<Role>,
    /// How many shares restore a key.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(2..=16))]
    pub(crate) needed: u8,
    /// How many shares to make.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=16))]
    pub(crate) total: u8,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// Files with shares of one key.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) shares: Vec<PathBuf>,
    /// Folder for the key; created with mode 0700. A key is never overwritten.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Wrap the key with a passphrase.
    #[arg(long)]
    pub(crate) wrap: bool,
    #[command(flatten)]
    pub(crate) new: NewPassphrase,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) passphrase: PresentPassphrase,
    /// Print the new keys as one JSON object each on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShredArgs {
    /// Folder of the keys to destroy; not the one that the configuration names.
    #[arg(required_unless_present = "previous", conflicts_with = "previous")]
    pub(crate) dir: Option<PathBuf>,
    /// Destroy the keys that the last rotation has replaced.
    #[arg(long)]
    pub(crate) previous: bool,
    /// Destroy previous keys though their epoch still answers: records that only it holds are not found any more.
    #[arg(long, requires = "previous")]
    pub(crate) force: bool,
    /// Destroy them; without it they are only listed.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) passphrase: PresentPassphrase,
}

fn age(name: &str) -> Result<KeyAge, String> {
    KeyAge::ALL
        .into_iter()
        .find(|age| age.to_string() == name)
        .ok_or_else(|| "no such keys; there are present, next and previous ones".to_owned())
}

fn role(name: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.to_string() == name).ok_or_else(|| {
        let names = Role::ALL.map(|role| role.to_string()).join(", ");
        format!("no such role; there are {names}")
    })
}
