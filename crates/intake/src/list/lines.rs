//! A manifest's lines, each of bounded length.

use std::io::{self, BufRead};

/// Longest line of a manifest, in bytes, without its line end.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Reads lines one by one. A line never takes more memory than [`MAX_LINE_BYTES`], whatever the file holds.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    number: u64,
}

/// One line: its text, or what keeps it from being text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    Bad(&'static str),
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank, without its line end and without a leading byte order mark; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let Some(too_long) = self.read_line(&mut bytes)? else {
                return Ok(None);
            };
            self.number += 1;
            if too_long {
                return Ok(Some(Line::Bad("the line is too long")));
            }
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            let Ok(text) = String::from_utf8(bytes) else {
                return Ok(Some(Line::Bad("the line is not valid UTF-8")));
            };
            if !text.trim().is_empty() {
                return Ok(Some(Line::Text(text)));
            }
        }
    }

    /// Reads up to and past the next line feed. Gives whether the line was too long, or `None` at the end.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
        let (mut any, mut too_long) = (false, false);
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(any.then_some(too_long));
            }
            any = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            too_long = too_long || line.len() + part.len() > MAX_LINE_BYTES;
            if !too_long {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(too_long));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<(u64, Line)> {
        // A tiny buffer, so that lines span several.
        let mut lines = Lines::new(io::BufReader::with_capacity(3, input));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((lines.number(), line));
        }
        found
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn line_ends_blank_lines_and_byte_order_mark() {
        assert_eq!(all(b""), []);
        assert_eq!(all(b"\n\r\n  \n"), []);
        assert_eq!(
            all(b"\xef\xbb\xbfone\r\n\ntwo\nthree"),
            [(1, text("one")), (3, text("two")), (4, text("three"))]
        );
    }

    #[test]
    fn bad_lines_do_not_take_their_neighbours_along() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 1];
        input.extend_from_slice(b"\nok\n\xff\xfe\nok");
        let found = all(&input);
        assert_eq!(
            found,
            [
                (1, Line::Bad("the line is too long")),
                (2, text("ok")),
                (3, Line::Bad("the line is not valid UTF-8")),
                (4, text("ok")),
            ]
        );
        assert_eq!(all(&vec![b'x'; MAX_LINE_BYTES]).len(), 1);
    }
}
