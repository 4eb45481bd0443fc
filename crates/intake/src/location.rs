//! Where the bytes of an input are: a file, or an object of a store. Both are looked at, opened and read the same way.

use std::{
    borrow::Cow,
    fmt,
    io::{Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

#[cfg(feature = "object-store")]
use crate::store::Object;
use crate::{
    FileContent, Limits, Part, Reject, Stamp,
    parts::{Container, HEAD, Source, Walk, kind},
    read::{self, open_regular},
};

/// Where the bytes of an input are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// An object of a store.
    #[cfg(feature = "object-store")]
    Object(Object),
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl Location {
    /// The path of a file, or the key of an object in its store.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            #[cfg(feature = "object-store")]
            Self::Object(object) => Path::new(object.key()),
        }
    }

    /// Size and time of what is there, without opening it. For an object that a listing named, what the listing said.
    ///
    /// # Errors
    /// A [`Reject`] where there is nothing, where it may not be seen, or where it is no regular file.
    pub fn look(&self) -> Result<Found<'_>, Reject> {
        Ok(match self {
            Self::File(path) => Found { stamp: read::stamp(path)?, at: At::File(path) },
            #[cfg(feature = "object-store")]
            Self::Object(object) => {
                let object = object.look()?;
                Found { stamp: object.stamp(), at: At::Object(object) }
            }
        })
    }

    /// Looks at it and opens it.
    ///
    /// # Errors
    /// A [`Reject`].
    pub fn open(&self) -> Result<Opened, Reject> {
        match self {
            Self::File(path) => Opened::file(path),
            #[cfg(feature = "object-store")]
            Self::Object(_) => self.look()?.open(),
        }
    }
}

/// An input that was looked at.
#[derive(Debug)]
pub struct Found<'a> {
    stamp: Stamp,
    at: At<'a>,
}

#[derive(Debug)]
enum At<'a> {
    File(&'a Path),
    #[cfg(feature = "object-store")]
    Object(Cow<'a, Object>),
}

impl Found<'_> {
    /// Its size and the time of its last change.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Bytes that name the place, and the version where a store numbers those: with the same place and stamp it is
    /// taken to be the same content.
    #[must_use]
    pub fn place(&self) -> Cow<'_, [u8]> {
        match &self.at {
            At::File(path) => Cow::Borrowed(path.as_os_str().as_encoded_bytes()),
            #[cfg(feature = "object-store")]
            At::Object(object) => Cow::Owned(object.place()),
        }
    }

    /// Opens it. Of an object the version that was looked at is read, or none.
    ///
    /// # Errors
    /// A [`Reject`].
    pub fn open(&self) -> Result<Opened, Reject> {
        match &self.at {
            At::File(path) => Opened::file(path),
            #[cfg(feature = "object-store")]
            At::Object(object) => Ok(Opened { stamp: self.stamp, source: Box::new(object.reader()) }),
        }
    }
}

/// An input that is open. `Debug` shows no content.
pub struct Opened {
    stamp: Stamp,
    source: Box<dyn Source>,
}

impl Opened {
    fn file(path: &Path) -> Result<Self, Reject> {
        let (file, metadata) = open_regular(path)?;
        Ok(Self { stamp: Stamp::of(&metadata), source: Box::new(file) })
    }

    /// Its stamp before its first byte was read.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether it may hold other files, by its first bytes; `false` as well where it cannot be read.
    #[must_use]
    pub fn holds_parts(&mut self) -> bool {
        kind(&mut self.source).is_ok_and(|kind| kind.is_some())
    }

    /// Something else that is read, of so many bytes. Its errors may carry an [`Unreadable`](crate::Unreadable).
    #[must_use]
    pub fn of_source(source: Box<dyn Source>, size: u64) -> Self {
        Self { stamp: Stamp { size, mtime_ns: i64::MIN }, source }
    }

    /// Whether it could hold other files, by its first bytes alone: `true` as well for a program, which may be an archive that
    /// unpacks itself. For callers that leave it to another process to look closer.
    #[must_use]
    pub fn may_hold_parts(&mut self) -> bool {
        self.read_at(0, HEAD).is_ok_and(|head| Container::sniff(&head).is_some() || head.starts_with(b"MZ"))
    }

    /// Up to `most` bytes from `at` on; fewer at the end only.
    ///
    /// # Errors
    /// A [`Reject`] where it cannot be read.
    pub fn read_at(&mut self, at: u64, most: usize) -> Result<Zeroizing<Vec<u8>>, Reject> {
        let failed = |error| Reject::from(&error);
        self.source.seek(SeekFrom::Start(at)).map_err(failed)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(most));
        self.source.by_ref().take(most as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Reads all of it. The size is checked before the reading and again after it, for a file that grows meanwhile.
    ///
    /// # Errors
    /// A [`Reject`] where it is empty, larger than [`Limits::file_bytes`], or cannot be read.
    pub fn read(self, limits: &Limits) -> Result<FileContent, Reject> {
        let Self { stamp, mut source } = self;
        source.seek(SeekFrom::Start(0)).map_err(|error| Reject::from(&error))?;
        let bytes = read_at_most(source, stamp.size, limits.file_bytes)?;
        Ok(FileContent::new(bytes, stamp))
    }

    /// Hands out every part of it, as [`for_each_part`](crate::for_each_part) does.
    pub fn for_each_part(self, limits: &Limits, sink: &mut dyn FnMut(Part) -> ControlFlow<()>) {
        self.walk(&mut Walk::new(limits, sink));
    }

    pub(crate) fn walk(self, walk: &mut Walk<'_>) {
        walk.source(self.source, self.stamp.size);
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} bytes)", self.stamp.size)
    }
}

/// Reads a file that said it has `stated` bytes, and fails where it turns out to have more than `allowed`.
pub(crate) fn read_at_most(
    source: impl Read,
    stated: u64,
    allowed: u64,
) -> Result<Zeroizing<Vec<u8>>, Reject> {
    let limits = Limits { file_bytes: allowed, ..Limits::default() };
    limits.check_file(stated)?;
    // One byte more than stated: a file that keeps its size then ends without a second allocation.
    let capacity = usize::try_from(stated.saturating_add(1)).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    source.take(allowed.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| Reject::from(&error))?;
    limits.check_file(bytes.len() as u64)?;
    Ok(bytes)
}
