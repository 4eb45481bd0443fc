//! Files in files: what an archive, a PDF or a TIFF of several pages holds, one part at a time.
//!
//! [`for_each_part`] walks a file on disk, [`for_each_part_of_bytes`] one in memory. Archives are streamed: one entry
//! is in memory at a time, and nothing is written to disk. Pages and images of documents are decoded where
//! [`Content::decode`] is called, so that the walk itself is cheap and the decoding can be spread over threads.
//!
//! Each part has a *place*, which continues the name of the file: `/folder/a.jpg` for an entry of an archive, `#page=2`
//! for a page, `#page=2&image=1` for an image on it, `#content` for the one file that a gzip, Zstandard or xz file is if
//! it is no tar, and one after the other where files lie in files. A place that an archive has twice gets `#2`. Names that
//! hold such words themselves are escaped ([`escape_name`]), and a part's [`Role`] says the same without words.
//!
//! Folders give no part, nor do the files that macOS adds to archives (`__MACOSX/`, `._x`, `.DS_Store`, `.localized`). Other
//! hidden names are names like any other.

mod archive;
mod document;
mod escape;
mod kind;
mod walk;

use std::{borrow::Cow, fmt, ops::ControlFlow, path::Path};

use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use crate::{Limits, Location, Reject, decode};

pub use document::{Document, Drawing, draw_on_this_thread};
pub(crate) use escape::is_deceptive;
pub use escape::{MAX_PLACE_BYTES, escape_name, is_place};
pub use kind::Container;
pub(crate) use kind::HEAD;
pub use walk::Source;
pub(crate) use walk::{Walk, kind};

/// What a part is to the file that it lies in. A place is for people; whatever is decided is decided by this, since names come
/// from outside. It has all kinds of parts that there are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// A file: the one that was walked, or an entry of an archive. Also what a walk says last where it had to stop early.
    File,
    /// A page.
    Page {
        /// The place of its document.
        document: String,
    },
    /// An image on a page, whose part came before.
    Image {
        /// The place of its document.
        document: String,
        /// The place of the page.
        page: String,
    },
}

impl Role {
    /// The place of the document that it is a page or an image of.
    #[must_use]
    pub fn document(&self) -> Option<&str> {
        match self {
            Self::File => None,
            Self::Page { document } | Self::Image { document, .. } => Some(document),
        }
    }

    /// The place of the page that it is an image on.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        match self {
            Self::File | Self::Page { .. } => None,
            Self::Image { page, .. } => Some(page),
        }
    }
}

/// One part of a file: an entry, a page, an image of a page, or the file itself where it holds no others.
#[derive(Debug)]
pub struct Part {
    /// Where it lies in the file, as a continuation of the file's name; empty for the file itself. Bytes that are no
    /// UTF-8, and control characters, are escaped ([`escape_name`]).
    pub place: String,
    /// What it is to its file.
    pub role: Role,
    /// Its content, or why there is none. A walk that has to stop early says why in its last part.
    pub content: Result<Content, Reject>,
    /// About how much of the file was read when it came, 0 to 1, for progress.
    pub behind: f64,
}

/// The content of a [`Part`], not decoded yet. `Send`, so that another thread may decode it. `Debug` shows no content.
pub struct Content(Kind);

enum Kind {
    /// The bytes of an image file, or of something that no decoder takes.
    File(Zeroizing<Vec<u8>>),
    /// A page, or an image in a document, with the bytes that are held for it.
    Lazy(Box<dyn Lazy>, usize),
}

/// Something that is drawn when it is asked for.
pub trait Lazy: Send {
    /// Bytes that are the same for the same content and differ for other content.
    fn identity(&self) -> Cow<'_, [u8]>;

    /// Draws it, within `limits`.
    ///
    /// # Errors
    /// A [`Reject`].
    fn decode(&self, limits: &Limits) -> Result<Luma, Reject>;

    /// What another process needs to draw it.
    fn form(&self) -> Form<'_> {
        Form::Elsewhere
    }
}

/// What another process needs to decode a [`Content`].
#[derive(Debug)]
pub enum Form<'c> {
    /// The bytes of an image file, or of something that no decoder takes.
    File(&'c [u8]),
    /// A part of a document.
    Drawing {
        /// The bytes of the document.
        document: &'c [u8],
        /// Their digest.
        digest: blake3::Hash,
        /// What to draw of it ([`Document::draw`]).
        drawing: Drawing,
    },
    /// It is decoded in another process already.
    Elsewhere,
}

impl Content {
    /// The content of a file as it is.
    #[must_use]
    pub fn of_file(bytes: Vec<u8>) -> Self {
        Self(Kind::File(Zeroizing::new(bytes)))
    }

    /// Bytes that it holds in memory. All parts of a document hold it together; the first one that is drawn says so for them,
    /// so that the sum over the parts that wait is short of one document at most.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.0 {
            Kind::File(bytes) => bytes.len(),
            Kind::Lazy(_, held) => *held,
        }
    }

    /// Something to be drawn, which says that `held` bytes are held for it.
    #[must_use]
    pub fn lazy(lazy: impl Lazy + 'static, held: usize) -> Self {
        Self(Kind::Lazy(Box::new(lazy), held))
    }

    /// Bytes that stand for the content: equal bytes are the same image. Those of the file where it is one.
    #[must_use]
    pub fn identity(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Kind::File(bytes) => Cow::Borrowed(bytes),
            Kind::Lazy(lazy, _) => lazy.identity(),
        }
    }

    /// What another process needs to decode it.
    #[must_use]
    pub fn form(&self) -> Form<'_> {
        match &self.0 {
            Kind::File(bytes) => Form::File(bytes),
            Kind::Lazy(lazy, _) => lazy.form(),
        }
    }

    /// The image, as [`decode`] gives it.
    ///
    /// # Errors
    /// A [`Reject`].
    pub fn decode(&self, limits: &Limits) -> Result<Luma, Reject> {
        match &self.0 {
            Kind::File(bytes) => decode(bytes, limits),
            Kind::Lazy(lazy, _) => lazy.decode(limits),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::File(_) => "Content(file)",
            Kind::Lazy(..) => "Content(drawn)",
        })
    }
}

/// Whether the file at `path` may hold others, by its first bytes; `false` as well where it cannot be read.
#[must_use]
pub fn holds_parts(path: &Path) -> bool {
    Location::from(path).open().is_ok_and(|mut opened| opened.holds_parts())
}

/// Hands every part of the file at `path` to `sink`, in the order of the file, until it breaks. A file that holds no
/// others is one part with an empty place.
///
/// Whatever is wrong is the outcome of a part, so that every file gives one part at least; entries before damage or a
/// limit are not lost.
pub fn for_each_part(path: &Path, limits: &Limits, sink: &mut dyn FnMut(Part) -> ControlFlow<()>) {
    Walk::new(limits, sink).file(path);
}

/// Like [`for_each_part`] for a file in memory.
pub fn for_each_part_of_bytes(
    bytes: Vec<u8>,
    limits: &Limits,
    sink: &mut dyn FnMut(Part) -> ControlFlow<()>,
) {
    Walk::new(limits, sink).bytes(Zeroizing::new(bytes));
}
