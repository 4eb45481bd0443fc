//! Lines of a log, in bounded memory whatever the file holds.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::AuditError;
use crate::entry::{Entry, MAX_LINE};
use crate::header::{Header, HeaderFault, VERSION};

/// What ended a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// A line feed; it is not part of the line.
    Feed,
    /// A line feed, after more bytes than a line may have. What is left of the line is its beginning.
    TooLong,
    /// The end of the file, after some bytes without a line feed.
    Torn,
    /// The end of the file.
    End,
}

/// Reads the next line into `line`, of which it keeps [`MAX_LINE`] bytes at most, and returns its length in the file
/// with the line feed.
pub(crate) fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<(LineEnd, u64)> {
    line.clear();
    let mut length = 0_u64;
    loop {
        let chunk = match source.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok((if length == 0 { LineEnd::End } else { LineEnd::Torn }, length));
        }
        let feed = chunk.iter().position(|&byte| byte == b'\n');
        let piece = feed.unwrap_or(chunk.len());
        let kept = piece.min(MAX_LINE.saturating_sub(line.len()));
        line.extend_from_slice(chunk.get(..kept).unwrap_or_default());
        let used = piece + usize::from(feed.is_some());
        source.consume(used);
        length += used as u64;
        if feed.is_some() {
            let too_long = length > MAX_LINE as u64 + 1;
            return Ok((if too_long { LineEnd::TooLong } else { LineEnd::Feed }, length));
        }
    }
}

/// Reads the first line of a log.
pub(crate) fn read_header(source: &mut impl BufRead, path: &Path) -> Result<Header, AuditError> {
    let mut line = Vec::new();
    let (end, _) = next_line(source, &mut line).map_err(AuditError::io("read", path))?;
    let fault = match Header::parse(&line) {
        Ok(header) if end == LineEnd::Feed => return Ok(header),
        Ok(_) => HeaderFault::Damaged,
        Err(fault) => fault,
    };
    Err(header_error(fault, path))
}

pub(crate) fn header_error(fault: HeaderFault, path: &Path) -> AuditError {
    let path = path.to_path_buf();
    let malformed = |reason, path| AuditError::Malformed { path, what: "an audit log", reason };
    match fault {
        HeaderFault::Kind => malformed("it does not begin like one", path),
        HeaderFault::Damaged => malformed("its first line is damaged", path),
        HeaderFault::Newer(found) => AuditError::NewerVersion { path, found, supported: VERSION },
    }
}

/// The entries of a log from the first to the last, for people to read.
///
/// Nothing is checked but that lines are entries; [`verify`](crate::verify) tells whether they are genuine. A
/// last line that is being written, or was torn, is left out.
#[derive(Debug)]
pub struct Entries {
    header: Header,
    source: BufReader<File>,
    path: PathBuf,
    line: Vec<u8>,
    ended: bool,
}

impl Entries {
    pub(crate) fn open(path: PathBuf) -> Result<Self, AuditError> {
        let file = File::open(&path).map_err(AuditError::io("open", &path))?;
        let mut source = BufReader::new(file);
        let header = read_header(&mut source, &path)?;
        Ok(Self { header, source, path, line: Vec::new(), ended: false })
    }

    /// The first line of the log.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = match next_line(&mut self.source, &mut self.line) {
            Ok((LineEnd::End | LineEnd::Torn, _)) => None,
            Ok((LineEnd::Feed, _)) => Some(Entry::parse(&self.line).ok_or(AuditError::Malformed {
                path: self.path.clone(),
                what: "an audit log throughout",
                reason: "a line of it is no entry, which `saltprint audit verify` locates",
            })),
            Ok((LineEnd::TooLong, _)) => Some(Err(AuditError::Malformed {
                path: self.path.clone(),
                what: "an audit log throughout",
                reason: "a line of it is too long, which `saltprint audit verify` locates",
            })),
            Err(error) => Some(Err(AuditError::io("read", &self.path)(error))),
        };
        // A damaged line costs that line; a file that cannot be read would fail for ever.
        self.ended = matches!(item, None | Some(Err(AuditError::Io { .. })));
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let long = vec![b'x'; 3 * MAX_LINE];
        let file = [b"one\n\n".as_slice(), &long, b"\n", &long[..MAX_LINE], b"\ntorn"].concat();
        let (mut source, mut line) = (BufReader::with_capacity(7, file.as_slice()), Vec::new());
        let mut ends = Vec::new();
        loop {
            let (end, length) = next_line(&mut source, &mut line).unwrap();
            assert!(line.len() <= MAX_LINE);
            ends.push((end, length));
            if end == LineEnd::End {
                break;
            }
        }
        let long = MAX_LINE as u64;
        assert_eq!(
            ends,
            [
                (LineEnd::Feed, 4),
                (LineEnd::Feed, 1),
                (LineEnd::TooLong, 3 * long + 1),
                (LineEnd::Feed, long + 1),
                (LineEnd::Torn, 4),
                (LineEnd::End, 0)
            ]
        );
    }
}
