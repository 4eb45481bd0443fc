//! The chunks of a WebP file, looked through before its decoder sees them: the decoder believes their sizes.

use crate::Unreadable;

/// The name used in messages.
const NAME: &str = "WebP";

/// Bytes of a chunk's header: its name and its size.
const CHUNK_HEADER: usize = 8;

/// Bytes of an animation frame before its own chunks.
const FRAME_HEADER: usize = 16;

/// What the chunks state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Longest width of the canvas and the bitstreams, in pixels.
    pub(super) width: u32,
    /// Longest height of the canvas and the bitstreams, in pixels.
    pub(super) height: u32,
    pub(super) animated: bool,
    pub(super) lossy: bool,
}

impl Header {
    /// Looks through all chunks; each must lie within the file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let cut_off = Unreadable::Truncated { format: NAME };
        let size = le_bytes(bytes, 4, 4).and_then(|size| usize::try_from(size).ok());
        let end = size.and_then(|size| size.checked_add(CHUNK_HEADER)).ok_or_else(|| cut_off.clone())?;
        let chunks = bytes.get(12..end).ok_or(cut_off)?;
        let mut header = Self::default();
        header.look_through(chunks, true)?;
        Ok(header)
    }

    fn look_through(&mut self, mut chunks: &[u8], top: bool) -> Result<(), Unreadable> {
        while chunks.len() >= CHUNK_HEADER {
            let size = le_bytes(chunks, 4, 4).and_then(|size| usize::try_from(size).ok());
            let end = size.and_then(|size| size.checked_add(CHUNK_HEADER));
            let body = end.and_then(|end| chunks.get(CHUNK_HEADER..end));
            let body = body.ok_or(Unreadable::Truncated { format: NAME })?;
            match &chunks[..4] {
                b"VP8X" if top => self.grow(le_bytes(body, 4, 3), le_bytes(body, 7, 3), 1),
                b"VP8 " => {
                    self.lossy = true;
                    self.grow(side(body, 6, 0), side(body, 8, 0), 0);
                }
                b"VP8L" => self.grow(side(body, 1, 0), side(body, 1, 14), 1),
                b"ANMF" if top => {
                    self.animated = true;
                    self.grow(le_bytes(body, 6, 3), le_bytes(body, 9, 3), 1);
                    self.look_through(body.get(FRAME_HEADER..).unwrap_or_default(), false)?;
                }
                _ => {}
            }
            // Chunks have an even size in the file; the last one may lack its padding.
            chunks = chunks.get(CHUNK_HEADER + body.len().next_multiple_of(2)..).unwrap_or_default();
        }
        Ok(())
    }

    fn grow(&mut self, width: Option<u32>, height: Option<u32>, more: u32) {
        self.width = self.width.max(width.unwrap_or(0) + more);
        self.height = self.height.max(height.unwrap_or(0) + more);
    }
}

/// A number of `count` bytes, at most 4, lowest first.
fn le_bytes(bytes: &[u8], start: usize, count: usize) -> Option<u32> {
    let bytes = bytes.get(start..start + count)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}

/// The 14 bits of a side, `shift` bits after `start`.
fn side(body: &[u8], start: usize, shift: u32) -> Option<u32> {
    let number = le_bytes(body, start, if shift == 0 { 2 } else { 4 })?;
    Some(number >> shift & 0x3fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (name, chunk) in chunks {
            body.extend_from_slice(*name);
            body.extend_from_slice(&u32::try_from(chunk.len()).unwrap().to_le_bytes());
            body.extend_from_slice(chunk);
            if chunk.len() % 2 == 1 {
                body.push(0);
            }
        }
        let mut file = b"RIFF".to_vec();
        file.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        file.extend_from_slice(&body);
        file
    }

    #[test]
    fn a_bitstream_larger_than_its_canvas_counts() {
        let canvas = [0, 0, 0, 0, 9, 0, 0, 19, 0, 0];
        let lossy = [0, 0, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 5, 0];
        let header = Header::read(&file(&[(b"VP8X", &canvas), (b"VP8 ", &lossy)])).unwrap();
        assert_eq!(header, Header { width: 16_383, height: 20, animated: false, lossy: true });
        let mut frame = vec![0; 16];
        frame.extend_from_slice(b"VP8L\x05\0\0\0\x2f\xff\xff\xff\x0f");
        let header = Header::read(&file(&[(b"VP8X", &canvas), (b"ANMF", &frame)])).unwrap();
        assert_eq!(header, Header { width: 16_384, height: 16_384, animated: true, lossy: false });
    }

    #[test]
    fn chunks_that_leave_the_file() {
        let mut bytes = file(&[(b"EXIF", &[0; 6])]);
        assert!(Header::read(&bytes).is_ok());
        bytes[16] = 7;
        assert_eq!(Header::read(&bytes).unwrap_err().code(), "truncated");
        bytes[4..8].fill(0xff);
        assert_eq!(Header::read(&bytes).unwrap_err().code(), "truncated");
        assert_eq!(Header::read(b"RIFF").unwrap_err().code(), "truncated");
    }
}
