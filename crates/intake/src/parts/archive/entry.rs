//! Reading one entry, within its limit and the walk's allowance.

use std::{
    error::Error,
    fmt,
    io::{self, Read},
    mem,
    ops::ControlFlow,
};

use zeroize::Zeroizing;

use super::{CHUNK, name::Named};
use crate::{
    Refusal, Reject, Unreadable,
    parts::{Container, kind::HEAD, walk::Walk},
};

/// A limit that ends the whole walk.
#[derive(Debug)]
pub(super) struct Stop(pub(super) Reject);

/// A reject on its way through a reader.
#[derive(Debug)]
struct Carried(Reject);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Carried {}

/// Wraps a reject for a reader that can only fail with an error of the system.
pub(super) fn carry(reject: Reject) -> io::Error {
    io::Error::other(Carried(reject))
}

/// What an error means while a part of `format` was read: what it carries, else what the system said, else damage.
pub(super) fn reject_of(format: &'static str, error: &io::Error) -> Reject {
    if let Some(Carried(reject)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return reject.clone();
    }
    // The system, or a source of ours, has said what is wrong.
    if error.raw_os_error().is_some()
        || error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Unreadable>)
    {
        return Reject::from(error);
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is a decoder's word for damage")]
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Unreadable::Truncated { format }.into(),
        _ => Unreadable::malformed(format, "the packed data do not decode").into(),
    }
}

/// The format that an entry's damage is told under, and its size as stated, which only says how much room to begin with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) format: &'static str,
    pub(super) stated: u64,
}

/// Reads an entry to its end. The outer error ends the walk.
///
/// Where the entry is too large, reading stops; a stream then goes on with [`skip`].
pub(super) fn unpack(
    walk: &mut Walk<'_>,
    shape: Shape,
    reader: &mut (impl Read + ?Sized),
) -> Result<Result<Zeroizing<Vec<u8>>, Reject>, Stop> {
    let format = shape.format;
    let first = shape.stated.saturating_add(1).clamp(HEAD as u64, 1024 * 1024);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(first).unwrap_or(CHUNK)));
    let mut chunk = Zeroizing::new(vec![0; CHUNK.min(bytes.capacity())]);
    let mut allowed = walk.limits.file_bytes.max(walk.limits.document_bytes);
    let mut known = false;
    loop {
        walk.check_time(format).map_err(Stop)?;
        let read = match reader.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(reject_of(format, &error))),
        };
        walk.count_unpacked(format, read as u64).map_err(Stop)?;
        let whole = read == 0;
        keep(&mut bytes, chunk.get(..read).unwrap_or_default());
        if !known && (whole || bytes.len() >= HEAD) {
            allowed = allowed_for(walk, &bytes);
            known = true;
        }
        let found = bytes.len() as u64;
        if found > allowed {
            return Ok(Err(Refusal::FileTooLarge { bytes: found, allowed }.into()));
        }
        if whole {
            return Ok(if bytes.is_empty() { Err(Unreadable::Empty.into()) } else { Ok(bytes) });
        }
    }
}

/// How large an entry may be, by its first bytes.
fn allowed_for(walk: &Walk<'_>, bytes: &[u8]) -> u64 {
    match Container::sniff(bytes.get(..HEAD).unwrap_or(bytes)) {
        None => walk.limits.file_bytes,
        Some(_) => walk.limits.document_bytes.max(walk.limits.file_bytes),
    }
}

/// Appends, and wipes what is left behind where the bytes have to move.
fn keep(bytes: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let needed = bytes.len() + more.len();
    if needed > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(bytes.capacity() * 2)));
        larger.extend_from_slice(bytes);
        drop(mem::replace(bytes, larger));
    }
    bytes.extend_from_slice(more);
}

/// Reads what is left of an entry and forgets it, counted as if it were kept. The outer error ends the walk.
pub(super) fn skip(
    walk: &mut Walk<'_>,
    format: &'static str,
    reader: &mut (impl Read + ?Sized),
) -> Result<Result<(), Reject>, Stop> {
    let mut chunk = Zeroizing::new(vec![0; CHUNK]);
    loop {
        walk.check_time(format).map_err(Stop)?;
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(Ok(())),
            Ok(read) => walk.count_unpacked(format, read as u64).map_err(Stop)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(reject_of(format, &error))),
        }
    }
}

/// Counts an entry, folders too. `false` where it gives no part.
pub(super) fn begin(walk: &mut Walk<'_>, format: &'static str, named: &Named) -> Result<bool, Stop> {
    walk.count_entry(format).map_err(Stop)?;
    Ok(!matches!(named, Named::System))
}

/// Hands out what came of an entry.
pub(super) fn hand_out(
    walk: &mut Walk<'_>,
    place: &str,
    outcome: Result<Result<Zeroizing<Vec<u8>>, Reject>, Stop>,
) -> ControlFlow<()> {
    match outcome {
        Ok(Ok(bytes)) => walk.member(place, bytes),
        Ok(Err(reject)) => walk.emit(place, Err(reject)),
        Err(stop) => end(walk, place, stop),
    }
}

/// Ends the walk with a last part.
pub(super) fn end(walk: &mut Walk<'_>, place: &str, Stop(reject): Stop) -> ControlFlow<()> {
    let _ = walk.emit(place, Err(reject));
    ControlFlow::Break(())
}
