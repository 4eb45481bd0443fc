//! The walk through a file and the files in it, with one allowance for all of them.

use std::{
    cell::Cell,
    io::{self, Cursor, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{Container, Content, Part, Role, archive, document, kind::HEAD};
use crate::{Limits, Location, Refusal, Reject, limits::FREE_UNPACKED_BYTES, location::read_at_most};

/// What a file is read from: anything that can be read and sought.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// One walk: where it is, and what it may still spend.
pub(crate) struct Walk<'a> {
    pub(crate) limits: &'a Limits,
    sink: &'a mut dyn FnMut(Part) -> ControlFlow<()>,
    /// How many archives lie around what is read now.
    depth: u32,
    entries: u64,
    unpacked: u64,
    /// Size of the outermost file, in bytes.
    packed: u64,
    started: Instant,
    /// Time spent in `sink`, which is not the file's fault.
    outside: Duration,
    parts: u64,
    /// Where the reading of the outermost file is, in bytes.
    position: Rc<Cell<u64>>,
}

/// A source that tells how far it was read.
struct Watched {
    source: Box<dyn Source>,
    position: Rc<Cell<u64>>,
}

impl Read for Watched {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(bytes)?;
        self.position.set(self.position.get().saturating_add(count as u64));
        Ok(count)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.source.seek(to)?;
        self.position.set(position);
        Ok(position)
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(limits: &'a Limits, sink: &'a mut dyn FnMut(Part) -> ControlFlow<()>) -> Self {
        Self {
            limits,
            sink,
            depth: 0,
            entries: 0,
            unpacked: 0,
            packed: 0,
            started: Instant::now(),
            outside: Duration::ZERO,
            parts: 0,
            position: Rc::default(),
        }
    }

    /// Walks the file at `path`.
    pub(crate) fn file(&mut self, path: &Path) {
        match Location::from(path).open() {
            Ok(opened) => opened.walk(self),
            Err(reject) => {
                let _ = self.emit("", Err(reject));
            }
        }
    }

    /// Walks what lies in `source`, which said that it has `size` bytes.
    pub(crate) fn source(&mut self, source: Box<dyn Source>, size: u64) {
        if let Err(reject) = self.open(source, size) {
            let _ = self.emit("", Err(reject));
        }
    }

    /// Walks a file in memory.
    pub(crate) fn bytes(&mut self, bytes: Zeroizing<Vec<u8>>) {
        self.packed = bytes.len() as u64;
        let _ = self.member("", bytes);
    }

    fn open(&mut self, mut source: Box<dyn Source>, size: u64) -> Result<(), Reject> {
        self.packed = size;
        let kind = kind(&mut source)?;
        let allowed = match kind {
            None => self.limits.file_bytes,
            Some(kind) if kind.is_document() => self.limits.document_bytes.max(self.limits.file_bytes),
            Some(_) => self.limits.container_bytes,
        };
        Limits { file_bytes: allowed, ..*self.limits }.check_file(self.packed)?;
        match kind {
            Some(kind) if !kind.is_document() => {
                let position = Rc::clone(&self.position);
                let _ = self.archive("", kind, Box::new(Watched { source, position }));
            }
            _ => {
                let bytes = read_at_most(source, self.packed, allowed)?;
                let _ = self.member("", bytes);
            }
        }
        Ok(())
    }

    /// Takes one file that lies in memory: an image, or something that holds others.
    pub(crate) fn member(&mut self, place: &str, bytes: Zeroizing<Vec<u8>>) -> ControlFlow<()> {
        let kind = Container::sniff(&bytes[..bytes.len().min(HEAD)]).or_else(|| {
            archive::unpacks_itself(&bytes, &mut Cursor::new(bytes.as_slice())).then_some(Container::Zip)
        });
        match kind {
            None => self.emit(place, Ok(Content(super::Kind::File(bytes)))),
            Some(kind) if kind.is_document() => document::walk(self, place, kind, bytes),
            Some(kind) => self.archive(place, kind, Box::new(Cursor::new(bytes))),
        }
    }

    /// Walks an archive, unless it lies too deep.
    fn archive(&mut self, place: &str, kind: Container, source: Box<dyn Source>) -> ControlFlow<()> {
        if self.depth >= crate::limits::MAX_DEPTH {
            let allowed = crate::limits::MAX_DEPTH.into();
            let refusal =
                Refusal::ContainerLimit { format: kind.name(), what: "levels of archives", allowed };
            return self.emit(place, Err(refusal.into()));
        }
        let before = self.parts;
        self.depth += 1;
        let flow = archive::walk(self, place, kind, source);
        self.depth -= 1;
        if flow.is_continue() && self.parts == before {
            return self.emit(place, Err(Refusal::EmptyContainer { format: kind.name() }.into()));
        }
        flow
    }

    /// Hands a file out, or what is wrong with it.
    pub(crate) fn emit(&mut self, place: &str, content: Result<Content, Reject>) -> ControlFlow<()> {
        self.emit_as(Role::File, place, content)
    }

    /// Hands a part out.
    pub(crate) fn emit_as(
        &mut self,
        role: Role,
        place: &str,
        content: Result<Content, Reject>,
    ) -> ControlFlow<()> {
        self.parts += 1;
        let before = Instant::now();
        let behind = (self.position.get() as f64 / self.packed.max(1) as f64).min(1.0);
        let flow = (self.sink)(Part { place: place.to_owned(), role, content, behind });
        self.outside += before.elapsed();
        flow
    }

    /// Counts an entry. What it returns as an error ends the whole walk.
    pub(crate) fn count_entry(&mut self, format: &'static str) -> Result<(), Reject> {
        self.entries += 1;
        Self::allow(format, "entries", self.entries, self.limits.entries)?;
        self.check_time(format)
    }

    /// Counts unpacked bytes, before they are kept. What it returns as an error ends the whole walk.
    pub(crate) fn count_unpacked(&mut self, format: &'static str, bytes: u64) -> Result<(), Reject> {
        self.unpacked = self.unpacked.saturating_add(bytes);
        Self::allow(format, "unpacked bytes", self.unpacked, self.limits.unpacked_bytes)?;
        let by_ratio = self.packed.saturating_mul(self.limits.ratio).max(FREE_UNPACKED_BYTES);
        Self::allow(format, "unpacked bytes", self.unpacked, by_ratio)
    }

    /// Checks the time that the walk has taken by itself.
    pub(crate) fn check_time(&self, format: &'static str) -> Result<(), Reject> {
        let spent = self.started.elapsed().saturating_sub(self.outside);
        Self::allow(format, "seconds of reading", spent.as_secs(), self.limits.seconds)
    }

    fn allow(format: &'static str, what: &'static str, found: u64, allowed: u64) -> Result<(), Reject> {
        if found > allowed { Err(Refusal::ContainerLimit { format, what, allowed }.into()) } else { Ok(()) }
    }
}

/// Which container lies in `source`, if any. The source is at its start afterwards.
pub(crate) fn kind(source: &mut (impl Read + Seek)) -> Result<Option<Container>, Reject> {
    let failed = |error: io::Error| Reject::from(&error);
    let mut head = Zeroizing::new(Vec::with_capacity(HEAD));
    source.seek(SeekFrom::Start(0)).map_err(failed)?;
    source.take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    let kind =
        Container::sniff(&head).or_else(|| archive::unpacks_itself(&head, source).then_some(Container::Zip));
    source.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(kind)
}
