//! Lines of a log from its end backwards.

use std::io;

use crate::entry::MAX_LINE;
use crate::storage::{Handle, read_exact_at};

/// Bytes that are read at once.
const CHUNK: u64 = 32 * 1024;

/// Reads lines backwards from a place that is the end of one, in bounded memory.
pub(crate) struct BackwardLines<'a> {
    file: &'a dyn Handle,
    /// Where the buffer begins in the file.
    start: u64,
    /// What is read and not yet returned.
    buffer: Vec<u8>,
}

impl<'a> BackwardLines<'a> {
    pub(crate) fn new(file: &'a dyn Handle, end: u64) -> Self {
        Self { file, start: end, buffer: Vec::new() }
    }

    /// Where the line that was returned last begins; at first, where reading began.
    pub(crate) fn position(&self) -> u64 {
        self.start + self.buffer.len() as u64
    }

    /// The line before, without its line feed; `None` at the beginning of the file.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            // The buffer ends with the line feed of the line that is looked for; the one before it is where that begins.
            let searched = self.buffer.len().saturating_sub(1);
            let feed = self.buffer.iter().take(searched).rposition(|&byte| byte == b'\n');
            if let Some(feed) = feed {
                let mut line = self.buffer.split_off(feed + 1);
                line.pop();
                return Ok(Some(line));
            }
            if self.start == 0 {
                let mut line = std::mem::take(&mut self.buffer);
                return Ok(line.pop().map(|_| line));
            }
            if searched > MAX_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let chunk = CHUNK.min(self.start);
            self.start -= chunk;
            let mut bytes = vec![0; usize::try_from(chunk).map_err(|_| io::ErrorKind::InvalidData)?];
            read_exact_at(self.file, self.start, &mut bytes)?;
            bytes.append(&mut self.buffer);
            self.buffer = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(content: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn lines_come_in_reverse() {
        let lines: Vec<String> = (0..3000).map(|number| "x".repeat(number % 97)).collect();
        let content = lines.join("\n") + "\n";
        let file = file(content.as_bytes());
        let mut backward = BackwardLines::new(&file, content.len() as u64);
        for line in lines.iter().rev() {
            assert_eq!(backward.next_line().unwrap().unwrap(), line.as_bytes());
            assert!(
                content[..usize::try_from(backward.position()).unwrap()].ends_with('\n')
                    || backward.position() == 0
            );
        }
        assert_eq!(backward.next_line().unwrap(), None);
        assert_eq!(backward.next_line().unwrap(), None);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let file = file(&vec![b'x'; 200_000]);
        assert!(BackwardLines::new(&file, 200_000).next_line().is_err());
        assert!(BackwardLines::new(&file, 300_000).next_line().is_err());
    }
}
