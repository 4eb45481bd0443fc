//! Tape archives, read as a stream.
//!
//! Written here rather than taken from a crate: the headers for long names and pax records come from outside as well,
//! and are bounded and counted like everything else.

use std::{
    io::{self, Read},
    ops::ControlFlow,
};

use zeroize::Zeroizing;

use super::{
    entry::{Shape, Stop, begin, carry, end, hand_out, reject_of, skip, unpack},
    name::{Named, Places, look},
    tar_header::{BLOCK, Extended, Header},
};
use crate::{
    Refusal, Reject, Unreadable,
    parts::{Container, walk::Walk},
};

/// Longest header of pax records or long name that is read, in bytes.
const MAX_EXTENDED: u64 = 1024 * 1024;

/// What reading gives: the outer error ends the walk, the inner one the archive.
type Taken<T> = Result<Result<T, Reject>, Stop>;

/// What an entry is, by the letter in its header.
enum Entry {
    File,
    /// Nothing that gives a part.
    Passed,
    Refused(Refusal),
}

/// Walks a tape archive.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, source: &mut dyn Read) -> ControlFlow<()> {
    match entries(walk, place, source)? {
        Ok(()) => ControlFlow::Continue(()),
        Err(reject) => walk.emit(place, Err(reject)),
    }
}

/// Hands out the entries of a tape archive, to its end mark; gives what is wrong with the archive itself.
///
/// The end mark is one block of zeros; what follows it is not looked at, as GNU tar does. After damage, the next block
/// that is a header with a right checksum is where it goes on.
pub(super) fn entries(
    walk: &mut Walk<'_>,
    place: &str,
    source: &mut dyn Read,
) -> ControlFlow<(), Result<(), Reject>> {
    let mut tar = Tar { source, places: Places::new(place), damaged: false };
    loop {
        match tar.next(walk) {
            Ok(Ok(Some(flow))) => flow?,
            Ok(Ok(None)) if tar.damaged => {
                let format = Container::Tar.name();
                return ControlFlow::Continue(Err(Unreadable::malformed(format, "a header is wrong").into()));
            }
            Ok(Ok(None)) => return ControlFlow::Continue(Ok(())),
            Ok(Err(reject)) => return ControlFlow::Continue(Err(reject)),
            Err(stop) => {
                end(walk, place, stop)?;
            }
        }
    }
}

struct Tar<'a> {
    source: &'a mut dyn Read,
    places: Places<'a>,
    /// Some block was no header where one belongs.
    damaged: bool,
}

impl Tar<'_> {
    /// Takes the next entry with the headers before it; `None` at the end mark.
    fn next(&mut self, walk: &mut Walk<'_>) -> Taken<Option<ControlFlow<()>>> {
        let format = Container::Tar.name();
        let mut extended = Extended::default();
        loop {
            walk.check_time(format).map_err(Stop)?;
            walk.count_unpacked(format, BLOCK as u64).map_err(Stop)?;
            let mut block = Zeroizing::new([0; BLOCK]);
            if let Err(error) = self.source.read_exact(&mut *block) {
                let at_end = error.kind() == io::ErrorKind::UnexpectedEof;
                return Ok(if self.damaged && at_end { Ok(None) } else { Err(reject_of(format, &error)) });
            }
            let Some(header) = Header::of(&block) else {
                if block.iter().all(|byte| *byte == 0) && !self.damaged {
                    return Ok(Ok(None));
                }
                self.damaged = true;
                extended = Extended::default();
                continue;
            };
            let Some(size) = header.size() else {
                self.damaged = true;
                extended = Extended::default();
                continue;
            };
            if !matches!(header.kind(), b'L' | b'K' | b'x' | b'X' | b'g') {
                let flow = self.entry(walk, header, extended, size)?;
                return Ok(flow.map(Some));
            }
            match self.records(walk, size)? {
                Err(reject) => return Ok(Err(reject)),
                Ok(None) => extended.broken = true,
                Ok(Some(records)) => match header.kind() {
                    b'L' => extended.gnu_name(&records),
                    b'x' | b'X' => extended.pax(&records),
                    // Targets of links, and comments for the whole archive.
                    _ => {}
                },
            }
        }
    }

    /// The content of a header that only tells of the next one; `None` where it is too long.
    fn records(&mut self, walk: &mut Walk<'_>, size: u64) -> Taken<Option<Zeroizing<Vec<u8>>>> {
        let mut content = Content { source: self.source, left: size };
        if size > MAX_EXTENDED {
            return Ok(content.leave(walk)?.map(|()| None));
        }
        walk.count_unpacked(Container::Tar.name(), size).map_err(Stop)?;
        let mut records = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0)));
        if let Err(error) = (&mut content).take(size).read_to_end(&mut records) {
            return Ok(Err(reject_of(Container::Tar.name(), &error)));
        }
        content.pad(walk, size).map(|padded| padded.map(|()| Some(records)))
    }

    fn entry(
        &mut self,
        walk: &mut Walk<'_>,
        header: Header<'_>,
        extended: Extended,
        stated: u64,
    ) -> Taken<ControlFlow<()>> {
        let format = Container::Tar.name();
        // A hard link has no content of its own, whatever its header says.
        let size = if header.kind() == b'1' { 0 } else { extended.size.unwrap_or(stated) };
        let name = extended.path.or(extended.long_name).unwrap_or_else(|| header.name());
        let named = look(&name);
        let entry = match kind(header.kind(), &name, extended.sparse) {
            Entry::File if extended.broken => {
                Err(Unreadable::malformed(format, "the header of an entry is wrong").into())
            }
            Entry::File => Ok(true),
            Entry::Passed => Ok(false),
            Entry::Refused(refusal) => Err(refusal.into()),
        };
        let gives = begin(walk, format, &named);
        let mut content = Content { source: self.source, left: size };
        let outcome = match (gives, named, entry) {
            (Ok(_), _, Ok(false)) | (Ok(false), _, _) => {
                let left = content.leave_padded(walk, size)?;
                return Ok(left.map(|()| ControlFlow::Continue(())));
            }
            (Err(stop), _, _) => Err(stop),
            (Ok(true), Named::Unsafe(how), _) => Ok(Err(Refusal::UnsafeEntry { how }.into())),
            (Ok(true), _, Err(reject)) => Ok(Err(reject)),
            (Ok(true), _, Ok(true)) => unpack(walk, Shape { format, stated: size }, &mut content),
        };
        let place = self.places.place(&name);
        if outcome.is_err() {
            return Ok(Ok(hand_out(walk, &place, outcome)));
        }
        let flow = hand_out(walk, &place, outcome);
        if flow.is_break() {
            return Ok(Ok(flow));
        }
        Ok(content.leave_padded(walk, size)?.map(|()| flow))
    }
}

fn kind(letter: u8, name: &[u8], sparse: bool) -> Entry {
    let unsupported = |detail| Entry::Refused(Refusal::unsupported(Container::Tar.name(), detail));
    let refused = |how| Entry::Refused(Refusal::UnsafeEntry { how });
    match letter {
        b'0' | 0 | b'7' if name.ends_with(b"/") => Entry::Passed,
        b'0' | 0 | b'7' if sparse => unsupported("an entry stored with holes"),
        b'0' | 0 | b'7' => Entry::File,
        b'5' | b'D' | b'V' => Entry::Passed,
        b'1' => refused("it is a hard link; links are not followed"),
        b'2' => refused("it is a symbolic link; links are not followed"),
        b'3' | b'4' | b'6' => refused("it is a device or a pipe"),
        b'S' => unsupported("an entry stored with holes"),
        b'M' => unsupported("an entry continued from another volume"),
        _ => unsupported("an entry of an unknown kind"),
    }
}

/// The content of one entry. Its end before its time is an error.
struct Content<'a> {
    source: &'a mut dyn Read,
    left: u64,
}

impl Content<'_> {
    /// Reads what is left of the content.
    fn leave(&mut self, walk: &mut Walk<'_>) -> Taken<()> {
        let size = self.left;
        self.leave_padded(walk, size)
    }

    /// Reads what is left of the content of `size` bytes, and the rest of its last block.
    fn leave_padded(&mut self, walk: &mut Walk<'_>, size: u64) -> Taken<()> {
        if self.left > 0
            && let Err(reject) = skip(walk, Container::Tar.name(), self)?
        {
            return Ok(Err(reject));
        }
        self.pad(walk, size)
    }

    fn pad(&mut self, walk: &mut Walk<'_>, size: u64) -> Taken<()> {
        self.left = size.wrapping_neg() % BLOCK as u64;
        if self.left == 0 { Ok(Ok(())) } else { skip(walk, Container::Tar.name(), self) }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = self.source.read(buffer)?;
        if read == 0 {
            return Err(carry(Unreadable::Truncated { format: Container::Tar.name() }.into()));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
