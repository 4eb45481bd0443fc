//! What a JPEG needs before it is decoded: sides, sampling, scans.
//!
//! Read here, apart from the decoder, since the decoder would tell neither the sampling of its components nor the
//! memory that it is about to take.

use crate::{Refusal, Reject, Unreadable};

/// The name used in messages.
pub(super) const NAME: &str = "JPEG";

/// Most components that a supported JPEG has (CMYK).
const MAX_COMPONENTS: usize = 4;

/// The frame header and the first scan header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u16,
    pub(super) height: u16,
    /// All coefficients are kept until the last scan.
    progressive: bool,
    /// Horizontal and vertical sampling factor of each component, 1 to 4.
    sampling: Vec<(u8, u8)>,
    /// Components in the first scan.
    scan_components: u8,
    /// Where the entropy-coded data begins.
    pub(super) data_start: usize,
}

impl Header {
    /// Reads up to the first scan.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Reject> {
        let mut at = 2;
        let mut frame: Option<Self> = None;
        loop {
            let (marker, body) = next_segment(bytes, at)?;
            let end = body + segment_length(bytes, body)?;
            let segment = bytes.get(body + 2..end).ok_or(Unreadable::Truncated { format: NAME })?;
            match marker {
                0xc0..=0xc2 => {
                    if frame.is_some() {
                        return Err(Unreadable::malformed(NAME, "two frame headers").into());
                    }
                    frame = Some(Self::frame(marker == 0xc2, segment)?);
                }
                0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    return Err(
                        Refusal::unsupported(NAME, "lossless, hierarchical or arithmetic coding").into()
                    );
                }
                0xda => {
                    let mut header = frame.ok_or_else(|| Unreadable::malformed(NAME, "no frame header"))?;
                    header.scan_components = segment.first().copied().unwrap_or(0);
                    header.data_start = end;
                    return Ok(header);
                }
                _ => {}
            }
            at = end;
        }
    }

    fn frame(progressive: bool, segment: &[u8]) -> Result<Self, Reject> {
        let malformed = |detail| Reject::from(Unreadable::malformed(NAME, detail));
        let &[precision, h1, h0, w1, w0, count, ref components @ ..] = segment else {
            return Err(malformed("the frame header is too short"));
        };
        if precision != 8 {
            return Err(Refusal::unsupported(NAME, &format!("{precision} bits a sample")).into());
        }
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        if width == 0 || height == 0 {
            return Err(malformed("a side is 0"));
        }
        if usize::from(count) > MAX_COMPONENTS {
            return Err(Refusal::unsupported(NAME, &format!("{count} components")).into());
        }
        let components = components.as_chunks::<3>().0;
        if count == 0 || components.len() != usize::from(count) {
            return Err(malformed("the frame header states the wrong number of components"));
        }
        let sampling: Vec<(u8, u8)> = components.iter().map(|[_, hv, _]| (hv >> 4, hv & 15)).collect();
        if sampling.iter().any(|&(h, v)| !(1..=4).contains(&h) || !(1..=4).contains(&v)) {
            return Err(malformed("a sampling factor is not 1 to 4"));
        }
        Ok(Self { width, height, progressive, sampling, scan_components: 0, data_start: 0 })
    }

    /// Refuses the layouts that zune-jpeg 0.5 decodes to wrong pixels (or, for the first one, panics on). They are rare, and
    /// a wrong image must not pass for a right one.
    pub(super) fn check_layout(&self) -> Result<(), Refusal> {
        let (h_max, v_max) = self.largest_factors();
        if self.sampling.len() > 1 && v_max > 1 && self.keeps_coefficients() && !self.progressive {
            return Err(Refusal::unsupported(
                NAME,
                "sequential coding in several scans with subsampled rows",
            ));
        }
        if self.sampling.first() != Some(&(h_max, v_max)) {
            return Err(Refusal::unsupported(NAME, "a component is finer than the first one"));
        }
        Ok(())
    }

    /// Whether the first component can be decoded alone: it has the full resolution, and the decoder gets it right.
    pub(super) fn first_plane_is_usable(&self) -> bool {
        match self.sampling.as_slice() {
            [_] => true,
            // Not rows alone: in progressive files zune-jpeg then repeats them.
            [(1, 1) | (2, 1 | 2), rest @ ..] => rest.iter().all(|component| *component == (1, 1)),
            _ => false,
        }
    }

    /// Number of components, 1 to 4.
    pub(super) fn components(&self) -> usize {
        self.sampling.len()
    }

    /// The largest horizontal and vertical sampling factor.
    pub(super) fn largest_factors(&self) -> (u8, u8) {
        let h = self.sampling.iter().map(|factors| factors.0).max().unwrap_or(1);
        let v = self.sampling.iter().map(|factors| factors.1).max().unwrap_or(1);
        (h, v)
    }

    /// Whether the decoder keeps the coefficients of all components for later scans.
    fn keeps_coefficients(&self) -> bool {
        self.progressive || usize::from(self.scan_components) != self.sampling.len()
    }

    /// Bytes that the decoder takes beside its output: the coefficients of all components where they must be kept for
    /// later scans, otherwise a few rows, which are not counted.
    pub(super) fn decoder_bytes(&self) -> u64 {
        if !self.keeps_coefficients() {
            return 0;
        }
        let (h_max, v_max) = self.largest_factors();
        let (h_max, v_max) = (u64::from(h_max), u64::from(v_max));
        let columns = u64::from(self.width).div_ceil(8 * h_max);
        let rows = u64::from(self.height).div_ceil(8 * v_max);
        let blocks: u64 = self.sampling.iter().map(|&(h, v)| u64::from(h) * u64::from(v)).sum();
        // Two bytes a coefficient. zune-jpeg takes twice the rows where only the height is subsampled.
        let twice = if v_max > h_max { 2 } else { 1 };
        columns * rows * blocks * 64 * 2 * twice
    }
}

/// The next marker that has a segment, and where its length begins.
fn next_segment(bytes: &[u8], mut at: usize) -> Result<(u8, usize), Unreadable> {
    let cut_off = || Unreadable::Truncated { format: NAME };
    loop {
        // Bytes between segments are skipped, as every decoder does.
        at += bytes
            .get(at..)
            .and_then(|rest| rest.iter().position(|&byte| byte == 0xff))
            .ok_or_else(cut_off)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xff).ok_or_else(cut_off)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            // No marker.
            0x00 => {}
            0x01 | 0xd0..=0xd8 => return Err(Unreadable::malformed(NAME, "a marker is out of place")),
            0xd9 => return Err(cut_off()),
            _ => return Ok((marker, at)),
        }
    }
}

/// Length of a segment with its two length bytes.
fn segment_length(bytes: &[u8], at: usize) -> Result<usize, Unreadable> {
    let length = bytes.get(at..at + 2).ok_or(Unreadable::Truncated { format: NAME })?;
    match usize::from(length[0]) << 8 | usize::from(length[1]) {
        0 | 1 => Err(Unreadable::malformed(NAME, "a segment states an impossible length")),
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(marker: u8, width: u16, height: u16, sampling: &[u8], scan: u8) -> Vec<u8> {
        let count = u8::try_from(sampling.len()).unwrap();
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xff, marker, 0, 8 + 3 * count, 8];
        bytes.extend_from_slice(&height.to_be_bytes());
        bytes.extend_from_slice(&width.to_be_bytes());
        bytes.push(count);
        for (id, &hv) in (1..).zip(sampling) {
            bytes.extend_from_slice(&[id, hv, 0]);
        }
        bytes.extend_from_slice(&[0xff, 0xda, 0, 3, scan]);
        bytes
    }

    #[test]
    fn memory_of_the_decoder() {
        let bytes = |marker, sampling: &[u8], scan| {
            Header::read(&header(marker, 10_000, 10_000, sampling, scan)).unwrap().decoder_bytes()
        };
        assert_eq!(bytes(0xc0, &[0x11; 3], 3), 0);
        assert_eq!(bytes(0xc0, &[0x11; 3], 1), 600_000_000);
        assert_eq!(bytes(0xc2, &[0x11; 3], 3), 600_000_000);
        assert_eq!(bytes(0xc2, &[0x22, 0x11, 0x11], 3), 300_000_000);
        assert_eq!(bytes(0xc2, &[0x12, 0x11, 0x11], 3), 800_000_000);
        assert_eq!(bytes(0xc2, &[0x11], 1), 200_000_000);
    }

    #[test]
    fn planes_that_can_be_taken_alone() {
        let whole =
            |sampling: &[u8]| Header::read(&header(0xc0, 8, 8, sampling, 1)).unwrap().first_plane_is_usable();
        assert!(
            whole(&[0x11]) && whole(&[0x11; 3]) && whole(&[0x22, 0x11, 0x11]) && whole(&[0x21, 0x11, 0x11])
        );
        assert!(
            !whole(&[0x12, 0x11, 0x11])
                && !whole(&[0x11, 0x22, 0x22])
                && !whole(&[0x41, 0x11, 0x11])
                && !whole(&[0x22, 0x21, 0x11])
        );
    }

    #[test]
    fn headers_that_are_wrong() {
        let code = |bytes: &[u8]| Header::read(bytes).unwrap_err().code();
        assert_eq!(code(b"\xff\xd8"), "truncated");
        assert_eq!(code(b"\xff\xd8\xff"), "truncated");
        assert_eq!(code(b"\xff\xd8\xff\xc0\x00"), "truncated");
        assert_eq!(code(b"\xff\xd8\xff\xd9"), "truncated");
        assert_eq!(code(b"\xff\xd8\xff\xe0\x00\x01"), "malformed");
        assert_eq!(code(b"\xff\xd8\xff\xda\x00\x03\x01"), "malformed");
        assert_eq!(code(&header(0xc3, 8, 8, &[0x11], 1)), "unsupported_format");
        assert_eq!(code(&header(0xc9, 8, 8, &[0x11], 1)), "unsupported_format");
        assert_eq!(code(&header(0xc0, 0, 8, &[0x11], 1)), "malformed");
        assert_eq!(code(&header(0xc0, 8, 0, &[0x11], 1)), "malformed");
        assert_eq!(code(&header(0xc0, 8, 8, &[0x10], 1)), "malformed");
        assert_eq!(code(&header(0xc0, 8, 8, &[0x11; 5], 1)), "unsupported_format");
    }
}
