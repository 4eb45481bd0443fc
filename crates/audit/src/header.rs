//! The first line of a log: which log it is, and under which key.

use saltprint_keys::KeyId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hex;
use crate::time::Timestamp;
use crate::tree::Hash;

/// Format version that this release writes and reads.
pub(crate) const VERSION: u16 = 1;
/// How every log begins, up to the version's digits.
const MAGIC: &[u8] = br#"{"saltprint_audit":"#;

/// Random id of a log: 32 hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId([u8; 16]);

hex::hex_text!(LogId, 16);

/// What the first line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Header {
    /// Format version.
    pub saltprint_audit: u16,
    /// The log's id; it enters the first key, so that no two logs of one audit key share one.
    pub log: LogId,
    /// Public id of the audit key, so that a wrong one is told from a forged log.
    pub key: KeyId,
    /// When the log was begun.
    pub begun: Timestamp,
}

/// A first line that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum HeaderFault {
    #[error("it does not begin like one")]
    Kind,
    #[error("its first line is damaged")]
    Damaged,
    #[error("it has a newer version")]
    Newer(u16),
}

impl Header {
    pub(crate) fn new(log: LogId, key: KeyId, begun: Timestamp) -> Self {
        Self { saltprint_audit: VERSION, log, key, begun }
    }

    /// The line, without its line feed.
    pub(crate) fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and hexadecimal digits are JSON")
    }

    pub(crate) fn parse(line: &[u8]) -> Result<Self, HeaderFault> {
        let rest = line.strip_prefix(MAGIC).ok_or(HeaderFault::Kind)?;
        // Version first: a later one may have other fields.
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let version = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
        match version.ok_or(HeaderFault::Damaged)? {
            VERSION => {}
            0 => return Err(HeaderFault::Damaged),
            newer => return Err(HeaderFault::Newer(newer)),
        }
        let header: Self = serde_json::from_slice(line).map_err(|_| HeaderFault::Damaged)?;
        // Blanks, order and escapes are as this crate writes them, or somebody else wrote them.
        if header.line() == line { Ok(header) } else { Err(HeaderFault::Damaged) }
    }

    /// What the first entry calls the line before it.
    pub(crate) fn hash(&self) -> Hash {
        Hash::leaf(&self.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::new(LogId::from_bytes([1; 16]), KeyId::from_bytes([2; 16]), Timestamp::from_millis(0))
    }

    #[test]
    fn golden_line() {
        let line = concat!(
            r#"{"saltprint_audit":1,"log":"01010101010101010101010101010101","#,
            r#""key":"02020202020202020202020202020202","begun":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(header().line(), line.as_bytes());
        assert_eq!(Header::parse(line.as_bytes()), Ok(header()));
    }

    #[test]
    fn later_versions_are_named() {
        assert_eq!(Header::parse(br#"{"saltprint_audit":2,"other":1}"#), Err(HeaderFault::Newer(2)));
        assert_eq!(Header::parse(br#"{"saltprint_audit":0}"#), Err(HeaderFault::Damaged));
        assert_eq!(Header::parse(br#"{"saltprint_audit":99999}"#), Err(HeaderFault::Damaged));
        assert_eq!(Header::parse(b"{}"), Err(HeaderFault::Kind));
    }

    #[test]
    fn one_spelling_only() {
        let spaced = String::from_utf8(header().line()).unwrap().replace(",\"key", ", \"key");
        assert_eq!(Header::parse(spaced.as_bytes()), Err(HeaderFault::Damaged));
    }
}
