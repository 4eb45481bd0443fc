//! The state file: all that a writer needs, and nothing that opens the past.
//!
//! `FORMAT.md` defines the bytes; the offsets below stand in its order.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::header::{Header, LogId};
use crate::ratchet::{self, KEY_LEN, Ratchet};
use crate::time::Timestamp;
use crate::tree::{Frontier, Hash};

const MAGIC: [u8; 8] = *b"SALTAUD\n";
const VERSION: u16 = 1;

const MAGIC_AT: Range<usize> = 0..8;
const VERSION_AT: Range<usize> = MAGIC_AT.end..MAGIC_AT.end + 2;
const RESERVED_AT: Range<usize> = VERSION_AT.end..VERSION_AT.end + 2;
const LAST_LINE_AT: Range<usize> = RESERVED_AT.end..RESERVED_AT.end + 4;
const LOG_ID_AT: Range<usize> = LAST_LINE_AT.end..LAST_LINE_AT.end + 16;
const ENTRIES_AT: Range<usize> = LOG_ID_AT.end..LOG_ID_AT.end + 8;
const LOG_LEN_AT: Range<usize> = ENTRIES_AT.end..ENTRIES_AT.end + 8;
const LAST_TIME_AT: Range<usize> = LOG_LEN_AT.end..LOG_LEN_AT.end + 8;
const HEAD_AT: Range<usize> = LAST_TIME_AT.end..LAST_TIME_AT.end + 32;
const KEY_AT: Range<usize> = HEAD_AT.end..HEAD_AT.end + KEY_LEN;
const FRONTIER_AT: Range<usize> = KEY_AT.end..KEY_AT.end + 32 * Frontier::MOST;
const MAC_AT: Range<usize> = FRONTIER_AT.end..FRONTIER_AT.end + 32;
/// Length of the file in bytes: always the same, so that a new one tells nothing and an old one can be wiped.
pub(crate) const STATE_LEN: usize = MAC_AT.end;

/// Where a log stands. Its `Debug` shows no key.
#[derive(Debug)]
pub(crate) struct State {
    /// Which log it belongs to.
    pub(crate) log: LogId,
    /// Bytes of the log up to and with the line feed of the last entry that is finished.
    pub(crate) log_len: u64,
    /// Bytes of that entry's line without the line feed; of the header's before the first entry.
    pub(crate) last_line: u32,
    /// Time of that entry.
    pub(crate) last_time: Timestamp,
    /// Hash of that line.
    pub(crate) head: Hash,
    /// The tree over all entries; its size is the number of the next one.
    pub(crate) tree: Frontier,
    /// The key of the next entry.
    pub(crate) ratchet: Ratchet,
}

/// What is wrong with the bytes of a state file, before the path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateFault {
    Kind,
    Newer(u16),
    Damaged,
}

impl State {
    /// The state of a log that has its header and nothing else.
    pub(crate) fn begin(header: &Header, ratchet: Ratchet) -> Self {
        let line = header.line();
        Self {
            log: header.log,
            log_len: line.len() as u64 + 1,
            last_line: line_len(&line),
            last_time: header.begun,
            head: header.hash(),
            tree: Frontier::default(),
            ratchet,
        }
    }

    /// Number of the next entry.
    pub(crate) fn seq(&self) -> u64 {
        self.tree.size()
    }

    /// Goes past an entry; the key of its number is wiped.
    pub(crate) fn advance(&mut self, line: &[u8], time: Timestamp) {
        self.log_len += line.len() as u64 + 1;
        self.last_line = line_len(line);
        self.last_time = time;
        self.head = Hash::leaf(line);
        self.tree.push(self.head);
        self.ratchet.step();
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0; STATE_LEN]);
        bytes[MAGIC_AT].copy_from_slice(&MAGIC);
        bytes[VERSION_AT].copy_from_slice(&VERSION.to_le_bytes());
        bytes[LAST_LINE_AT].copy_from_slice(&self.last_line.to_le_bytes());
        bytes[LOG_ID_AT].copy_from_slice(self.log.as_bytes());
        bytes[ENTRIES_AT].copy_from_slice(&self.tree.size().to_le_bytes());
        bytes[LOG_LEN_AT].copy_from_slice(&self.log_len.to_le_bytes());
        bytes[LAST_TIME_AT].copy_from_slice(&self.last_time.millis().to_le_bytes());
        bytes[HEAD_AT].copy_from_slice(self.head.as_bytes());
        bytes[KEY_AT].copy_from_slice(self.ratchet.expose());
        for (slot, root) in bytes[FRONTIER_AT].chunks_exact_mut(32).zip(self.tree.roots()) {
            slot.copy_from_slice(root.as_bytes());
        }
        let mac = self.ratchet.state_mac(&bytes[..MAC_AT.start]);
        bytes[MAC_AT].copy_from_slice(mac.as_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateFault> {
        if bytes.get(MAGIC_AT) != Some(MAGIC.as_slice()) {
            return Err(StateFault::Kind);
        }
        match field(bytes, VERSION_AT).map(u16::from_le_bytes).ok_or(StateFault::Damaged)? {
            VERSION => {}
            0 => return Err(StateFault::Damaged),
            newer => return Err(StateFault::Newer(newer)),
        }
        Self::decode_fields(bytes).ok_or(StateFault::Damaged)
    }

    fn decode_fields(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != STATE_LEN {
            return None;
        }
        let key: Zeroizing<[u8; KEY_LEN]> = Zeroizing::new(field(bytes, KEY_AT)?);
        let ratchet = Ratchet::from_bytes(&key);
        let mac = ratchet.state_mac(bytes.get(..MAC_AT.start)?);
        if !ratchet::same(&mac, &Hash::from_bytes(field(bytes, MAC_AT)?)) {
            return None;
        }
        let size = u64::from_le_bytes(field(bytes, ENTRIES_AT)?);
        let (used, unused) = bytes.get(FRONTIER_AT)?.split_at_checked(32 * size.count_ones() as usize)?;
        let roots = used.chunks_exact(32).map(|root| Some(Hash::from_bytes(root.try_into().ok()?)));
        let state = Self {
            log: LogId::from_bytes(field(bytes, LOG_ID_AT)?),
            log_len: u64::from_le_bytes(field(bytes, LOG_LEN_AT)?),
            last_line: u32::from_le_bytes(field(bytes, LAST_LINE_AT)?),
            last_time: Timestamp::from_millis(i64::from_le_bytes(field(bytes, LAST_TIME_AT)?)),
            head: Hash::from_bytes(field(bytes, HEAD_AT)?),
            tree: Frontier::from_parts(size, roots.collect::<Option<_>>()?)?,
            ratchet,
        };
        let reserved = bytes.get(RESERVED_AT)?.iter().chain(unused).all(|&byte| byte == 0);
        // The last line lies inside the log: reading it back counts on that.
        (reserved && u64::from(state.last_line) < state.log_len).then_some(state)
    }
}

fn line_len(line: &[u8]) -> u32 {
    u32::try_from(line.len()).expect("lines are at most MAX_LINE bytes long")
}

fn field<const N: usize>(bytes: &[u8], at: Range<usize>) -> Option<[u8; N]> {
    bytes.get(at)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use saltprint_keys::{AuditKey, KeyId};

    use super::*;

    fn state(entries: u64) -> State {
        let log = LogId::from_bytes([9; 16]);
        let header = Header::new(log, KeyId::from_bytes([3; 16]), Timestamp::from_millis(5));
        let ratchet = Ratchet::start(&AuditKey::from_secret(&[7; 32]), log);
        let mut state = State::begin(&header, ratchet);
        (0..entries).for_each(|seq| state.advance(&seq.to_le_bytes(), Timestamp::from_millis(7)));
        state
    }

    #[test]
    fn the_offsets_are_those_of_the_format() {
        let offsets =
            [LAST_LINE_AT, LOG_ID_AT, ENTRIES_AT, LOG_LEN_AT, LAST_TIME_AT, HEAD_AT, KEY_AT, FRONTIER_AT];
        assert_eq!(offsets.map(|range| range.start), [12, 16, 32, 40, 48, 56, 88, 120]);
        assert_eq!((MAC_AT.start, STATE_LEN), (2168, 2200));
    }

    #[test]
    fn states_come_back() {
        for entries in [0, 1, 2, 7, 8, 255] {
            let state = state(entries);
            let again = State::decode(&state.encode()).unwrap();
            assert_eq!(*again.encode(), *state.encode());
            assert_eq!(
                (again.seq(), again.head, again.tree.root()),
                (entries, state.head, state.tree.root())
            );
        }
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let bytes = state(7).encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(State::decode(&changed).is_err(), "{at}");
            assert!(State::decode(&bytes[..at]).is_err(), "{at}");
        }
        assert!(matches!(State::decode(&[&**bytes, &[0]].concat()), Err(StateFault::Damaged)));
        let mut newer = bytes.clone();
        newer[8] = 2;
        assert!(matches!(State::decode(&newer), Err(StateFault::Newer(2))));
    }

    #[test]
    fn the_key_does_not_print() {
        let shown = format!("{:?}", state(1));
        assert!(shown.ends_with("ratchet: Ratchet }"), "{shown}");
    }
}
