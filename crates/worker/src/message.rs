//! What parent and worker say to each other.
//!
//! A message is a header in JSON and bytes behind it: the length of the header (u32) and that of the bytes (u64), both
//! little-endian, then the two. The parent asks and the worker answers; during a walk the worker asks in between for bytes of
//! the file, and waits after each part.

use saltprint_intake::{Drawing, Limits, MAX_PLACE_BYTES, Reject, Role};
use serde::{Deserialize, Serialize};

use crate::sandbox::Layer;

/// Version of these messages. Both ends are the same program; another version means that they are not.
pub(crate) const VERSION: u32 = 1;

/// Bytes of the two lengths in front.
pub(crate) const PREFIX: usize = 12;

/// Longest header, in bytes: three places, each with every character escaped.
pub(crate) const MAX_HEADER: usize = 6 * MAX_PLACE_BYTES + 64 * 1024;

/// Most bytes of a file that a worker asks for at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// What the parent says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Decode the bytes behind it.
    Decode { limits: Limits },
    /// Walk through a file of so many bytes; [`Reply::Read`] gets at them.
    Walk { limits: Limits, size: u64 },
    /// Draw something of a document: the one behind it, or where `known`, the one before.
    Draw { limits: Limits, drawing: Drawing, known: bool },
    /// The bytes that were asked for; fewer at the end of the file only.
    Bytes,
    /// The file cannot be read.
    Failed { reject: Reject },
    /// Go on to the next part.
    Next,
    /// No more parts.
    Stop,
}

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// It is closed in, and waits.
    Ready { version: u32, layers: Vec<Layer> },
    /// The image behind it, one byte a pixel.
    Image { width: u32, height: u32 },
    /// There is no image.
    Rejected { reject: Reject },
    /// Bytes of the file, please.
    Read { at: u64, most: usize },
    /// The bytes of the document that the drawings after it are of.
    Document,
    /// A part.
    Part { place: String, role: Role, behind: f64, what: What },
    /// There are no more parts.
    End,
}

/// What a part is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum What {
    /// The file behind it.
    File,
    /// Something of the document that came last.
    Drawing(Drawing),
    /// Nothing.
    Rejected(Reject),
}

/// The lengths and the header of a message with `bytes` behind it.
pub(crate) fn head(message: &impl Serialize, bytes: usize) -> Vec<u8> {
    let mut head = vec![0; PREFIX];
    serde_json::to_writer(&mut head, message).expect("messages have no maps and no failing writers");
    let header = u32::try_from(head.len() - PREFIX).unwrap_or(u32::MAX);
    head[..4].copy_from_slice(&header.to_le_bytes());
    head[4..PREFIX].copy_from_slice(&(bytes as u64).to_le_bytes());
    head
}

/// The two lengths; `None` where the header is longer than one can be.
pub(crate) fn lengths(prefix: [u8; PREFIX]) -> Option<(usize, u64)> {
    let [a, b, c, d, bytes @ ..] = prefix;
    let header = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    (header <= MAX_HEADER).then_some((header, u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_how_long_they_are() {
        let head = head(&Reply::Image { width: 3, height: 2 }, 6);
        let prefix: [u8; PREFIX] = head[..PREFIX].try_into().unwrap();
        assert_eq!(lengths(prefix), Some((head.len() - PREFIX, 6)));
        assert!(matches!(serde_json::from_slice(&head[PREFIX..]), Ok(Reply::Image { width: 3, height: 2 })));
        assert_eq!(lengths([0xff; PREFIX]), None);
    }
}
