//! gzip, Zstandard and xz: one stream, which is a tape archive or one file.

use std::{
    error::Error,
    io::{self, BufRead, BufReader, Read},
    ops::ControlFlow,
};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};
use zeroize::Zeroizing;

use super::{
    CHUNK,
    entry::{Shape, Stop, carry, end, hand_out, reject_of, skip, unpack},
    tar,
};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    parts::{
        Container,
        kind::HEAD,
        walk::{Source, Walk},
    },
};

/// Hands out the entries of the tape archive in the stream, or the one file that it is.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    place: &str,
    kind: Container,
    source: Box<dyn Source>,
) -> ControlFlow<()> {
    let format = kind.name();
    let mut reader = open(kind, BufReader::with_capacity(CHUNK, source), walk.limits);
    let mut head = Zeroizing::new(Vec::with_capacity(HEAD));
    if let Err(error) = (&mut reader).take(HEAD as u64).read_to_end(&mut head) {
        return walk.emit(place, Err(reject_of(format, &error)));
    }
    let is_tar = Container::sniff(&head) == Some(Container::Tar);
    let mut reader = head.chain(reader);
    if !is_tar {
        let place = format!("{place}#content");
        let outcome = walk
            .count_entry(format)
            .map_err(Stop)
            .and_then(|()| unpack(walk, Shape { format, stated: 0 }, &mut reader));
        return hand_out(walk, &place, outcome);
    }
    if let Err(reject) = tar::entries(walk, place, &mut reader)? {
        return walk.emit(place, Err(reject));
    }
    // To its end, where the checksum is.
    match skip(walk, format, &mut reader) {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(reject)) => walk.emit(place, Err(reject)),
        Err(stop) => end(walk, place, stop),
    }
}

/// A reader of the unpacked stream. Its errors carry a [`Reject`], and stay.
fn open(kind: Container, source: BufReader<Box<dyn Source>>, limits: &Limits) -> Checked<Box<dyn Read>> {
    let inner: Box<dyn Read> = if kind == Container::Zstd {
        Box::new(zstd(source, limits))
    } else if kind == Container::Xz {
        Box::new(xz(source, limits))
    } else {
        Box::new(Members { member: Some(GzDecoder::new(source)) })
    };
    Checked { inner, format: kind.name(), limits: *limits, failed: None }
}

/// A decoder of the frames of Zstandard that holds no more than the limits allow.
pub(super) fn zstd<R: BufRead>(source: R, limits: &Limits) -> impl Read + use<R> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(limits.decode_bytes);
    Frames { source, decoder, within: false }
}

/// A decoder of xz that holds no more than the limits allow.
pub(super) fn xz<R: Read>(source: R, limits: &Limits) -> XzReader<R> {
    XzReader::new_mem_limit(source, true, u32::try_from(limits.decode_bytes / 1024).unwrap_or(u32::MAX))
}

/// Gives errors their meaning, and the same one again to whoever reads on.
pub(super) struct Checked<R> {
    pub(super) inner: R,
    pub(super) format: &'static str,
    pub(super) limits: Limits,
    pub(super) failed: Option<Reject>,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(reject) = &self.failed {
            return Err(carry(reject.clone()));
        }
        self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let reject = if error.kind() == io::ErrorKind::OutOfMemory {
                self.limits.memory_refusal().into()
            } else {
                reject_of(self.format, &error)
            };
            self.failed = Some(reject.clone());
            carry(reject)
        })
    }
}

/// The members of a gzip file, one after the other. Bytes after them that begin no member are passed over, as gzip
/// itself does.
struct Members<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut source) = self.member.take().map(GzDecoder::into_inner) else { break };
            if source.fill_buf()?.first() == Some(&0x1f) {
                self.member = Some(GzDecoder::new(source));
            }
        }
        Ok(0)
    }
}

/// The frames of a Zstandard file, one after the other, with their checksums.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Frames<R> {
    /// Goes to the next frame that has content; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(of_frames(&error)),
            }
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within {
                if !self.next()? {
                    return Ok(0);
                }
                self.within = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| of_frames(&error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let stated = self.decoder.get_checksum_from_data();
            if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.within = false;
        }
    }
}

/// What an error of the decoder means.
fn of_frames(error: &FrameDecoderError) -> io::Error {
    let format = Container::Zstd.name();
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are damage, of a kind that nobody acts on"
    )]
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => {
            return carry(Refusal::TooMuchMemory { bytes: *requested, allowed: *max }.into());
        }
        FrameDecoderError::DictNotProvided { .. } => {
            return carry(Refusal::unsupported(format, "it needs a dictionary").into());
        }
        _ => {}
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(system) = error.downcast_ref::<io::Error>() {
            return carry(reject_of(format, system));
        }
        cause = error.source();
    }
    carry(Unreadable::malformed(format, "the packed data do not decode").into())
}
