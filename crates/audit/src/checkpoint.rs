//! What a witness outside keeps: how many entries there are, and the root over them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::header::LogId;
use crate::proof::Proof;
use crate::ratchet::{self, Ratchet};
use crate::time::Timestamp;
use crate::tree::Hash;

const TITLE: &str = "saltprint audit checkpoint 1";
/// Bytes of the longest checkpoint, with a size of 20 digits.
const MAX_LEN: usize = 512;

/// A commitment to the first entries of a log, to be kept where nobody who can change the log can reach.
///
/// Its text form has six short lines, to be mailed, printed or read out:
///
/// ```text
/// saltprint audit checkpoint 1
/// log 5f0c…
/// size 1284
/// root 9d41…
/// time 2026-11-05T12:34:56.789Z
/// mac 07be…
/// ```
///
/// A witness needs no key: log, size and root are what he compares. The MAC is for the holder of the audit key, who
/// can tell with it that the checkpoint was made by the log's writer at that size, and not later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    log: LogId,
    size: u64,
    root: Hash,
    time: Timestamp,
    mac: Hash,
}

/// A text that is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "not a checkpoint; give the six lines as they were exported, from `saltprint audit checkpoint 1` to `mac`"
)]
pub struct ParseCheckpointError;

impl Checkpoint {
    /// `ratchet` is at number `size`: its key is wiped with the next entry, and with it the means to make a checkpoint of
    /// this size.
    pub(crate) fn new(log: LogId, size: u64, root: Hash, time: Timestamp, ratchet: &Ratchet) -> Self {
        let mut checkpoint = Self { log, size, root, time, mac: Hash::ZERO };
        checkpoint.mac = ratchet.checkpoint_mac(checkpoint.body().as_bytes());
        checkpoint
    }

    /// Which log it is about.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// How many entries it covers.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree over these.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// When it was made, by the clock of the machine.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether `proof` shows that the log of `older` only grew since: the same log, and all its entries among these.
    #[must_use]
    pub fn follows(&self, older: &Self, proof: &Proof) -> bool {
        self.log == older.log && proof.shows_consistency(older.size, older.root, self.size, self.root)
    }

    /// Whether `proof` shows that entry number `seq` is the one whose line hashes to `leaf`.
    #[must_use]
    pub fn includes(&self, leaf: Hash, seq: u64, proof: &Proof) -> bool {
        proof.shows_inclusion(leaf, seq, self.size, self.root)
    }

    /// Whether the writer made it; `ratchet` is at number [`size`](Self::size).
    pub(crate) fn is_authentic(&self, ratchet: &Ratchet) -> bool {
        ratchet::same(&ratchet.checkpoint_mac(self.body().as_bytes()), &self.mac)
    }

    fn body(&self) -> String {
        let Self { log, size, root, time, .. } = self;
        format!("{TITLE}\nlog {log}\nsize {size}\nroot {root}\ntime {time}\n")
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}mac {}", self.body(), self.mac)
    }
}

impl FromStr for Checkpoint {
    type Err = ParseCheckpointError;

    fn from_str(text: &str) -> Result<Self, ParseCheckpointError> {
        if text.len() > MAX_LEN {
            return Err(ParseCheckpointError);
        }
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let mut parse = || {
            field("saltprint")?;
            Some(Self {
                log: field("log")?.parse().ok()?,
                size: field("size")?.parse().ok()?,
                root: field("root")?.parse().ok()?,
                time: field("time")?.parse().ok()?,
                mac: field("mac")?.parse().ok()?,
            })
        };
        let checkpoint = parse().ok_or(ParseCheckpointError)?;
        // Only the one right spelling comes back as it was; mail may change the ends of lines.
        let same = checkpoint.to_string().lines().eq(text.trim_end().lines());
        if same { Ok(checkpoint) } else { Err(ParseCheckpointError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use saltprint_keys::AuditKey;

    use super::*;

    fn ratchet() -> Ratchet {
        Ratchet::start(&AuditKey::from_secret(&[7; 32]), LogId::from_bytes([9; 16]))
    }

    fn checkpoint() -> Checkpoint {
        let (log, root) = (LogId::from_bytes([9; 16]), Hash::from_bytes([1; 32]));
        Checkpoint::new(log, 1284, root, Timestamp::from_millis(0), &ratchet())
    }

    #[test]
    fn texts_come_back() {
        let text = checkpoint().to_string();
        assert_eq!(text.parse(), Ok(checkpoint()));
        assert_eq!(text.trim_end().parse(), Ok(checkpoint()));
        assert_eq!(text.replace('\n', "\r\n").parse(), Ok(checkpoint()));
        assert!(text.len() < 300 && text.lines().count() == 6);
    }

    #[test]
    fn only_the_key_of_its_size_makes_it() {
        assert!(checkpoint().is_authentic(&ratchet()));
        let mut later = ratchet();
        later.step();
        assert!(!checkpoint().is_authentic(&later));
        let mut changed = checkpoint();
        changed.size += 1;
        assert!(!changed.is_authentic(&ratchet()));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = checkpoint().to_string();
        for changed in [
            text.replace("1284", "01284"),
            text.replace("1284", "+1284"),
            text.replace("checkpoint 1", "checkpoint 2"),
            text.replace("mac ", "mac  "),
            format!("{text}more\n"),
            format!("\n{text}"),
            String::new(),
        ] {
            assert_eq!(changed.parse::<Checkpoint>(), Err(ParseCheckpointError), "{changed}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, at in 0..200_usize, byte in 0_u8..128) {
            let _ = text.parse::<Checkpoint>();
            let mut bytes = checkpoint().to_string().into_bytes();
            let changed = std::mem::replace(&mut bytes[at], byte) != byte;
            let parsed = String::from_utf8(bytes).unwrap().parse::<Checkpoint>();
            // What still parses does not authenticate.
            prop_assert!(!changed || parsed.is_err() || !parsed.is_ok_and(|it| it.is_authentic(&ratchet())));
        }
    }
}
