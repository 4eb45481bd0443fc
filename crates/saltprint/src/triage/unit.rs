//! One image on its way to a report.

use std::path::PathBuf;

use saltprint_fingerprint::{Coder, Luma, QueryFingerprint, Scales, TooPlain};
use saltprint_intake::{Content, Reject, Unreadable, read_bounded};
use saltprint_keys::ContentDigest;

use super::Seen;
use crate::handle::Snapshot;
use crate::{ItemReport, Saltprint, shown::Image};

/// One image: a file, or a part of one.
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) source: Source,
}

pub(super) enum Source {
    /// A file to be read; where it was seen before, it must not have changed since.
    File { path: PathBuf, seen: Option<Seen> },
    /// A part of a file; where it is an image on a page, the name of that page, whose part came before.
    Part { content: Content, on_page: Option<String> },
    /// Nothing to look at.
    Rejected(Reject),
}

/// A unit that was read.
pub(crate) enum Prepared {
    /// An image to look up.
    Query(ContentDigest, Box<Asked>),
    /// It has its report already.
    Settled(Option<ContentDigest>, ItemReport),
}

impl Prepared {
    /// Pixels of its image, which it holds.
    pub(super) fn pixels(&self) -> u64 {
        match self {
            Self::Query(_, asked) => u64::from(asked.image.width()) * u64::from(asked.image.height()),
            Self::Settled(..) => 0,
        }
    }
}

/// A query and its image, from which a finer one can be made. The image is wiped when it is dropped.
pub(crate) struct Asked {
    pub(crate) query: QueryFingerprint,
    pub(crate) image: Luma,
    /// The image prepared for being read, if it is kept.
    pub(crate) scales: Option<Scales>,
}

impl Asked {
    pub(crate) fn shown(&self) -> Image<'_> {
        Image { luma: &self.image, scales: self.scales.as_ref() }
    }
}

impl Unit {
    /// Reads and decodes it.
    pub(super) fn prepare(self, saltprint: &Saltprint, snapshot: &Snapshot, alone: bool) -> Prepared {
        match &self.source {
            Source::File { path, seen } => match read_bounded(path, &saltprint.config().limits) {
                Ok(file) if seen.is_some_and(|seen| seen.digest != blake3::hash(file.bytes())) => {
                    self.rejected(&Unreadable::Changed.into())
                }
                Ok(file) => {
                    let image = saltprint.decode(file.bytes());
                    saltprint.prepare(snapshot, &self.name, file.bytes(), image, alone)
                }
                Err(reject) => self.rejected(&reject),
            },
            Source::Part { content, .. } => saltprint.prepare(
                snapshot,
                &self.name,
                &content.identity(),
                content.decode(&saltprint.config().limits),
                alone,
            ),
            Source::Rejected(reject) => self.rejected(reject),
        }
    }

    /// The digest that tells repetitions, without decoding; `None` for what has no bytes.
    pub(super) fn digest(&self, saltprint: &Saltprint) -> Option<ContentDigest> {
        match &self.source {
            Source::File { path, .. } => {
                let file = read_bounded(path, &saltprint.config().limits).ok()?;
                Some(saltprint.digest(file.bytes()))
            }
            Source::Part { content, .. } => Some(saltprint.digest(&content.identity())),
            Source::Rejected(_) => None,
        }
    }

    /// Bytes that it holds in memory while it waits.
    pub(super) fn held(&self) -> usize {
        match &self.source {
            Source::Part { content, .. } => content.held(),
            Source::File { .. } | Source::Rejected(_) => 0,
        }
    }

    /// The name of the page that it is an image on.
    pub(super) fn page(&self) -> Option<&str> {
        match &self.source {
            Source::Part { on_page, .. } => on_page.as_deref(),
            Source::File { .. } | Source::Rejected(_) => None,
        }
    }

    fn rejected(&self, reject: &Reject) -> Prepared {
        Prepared::Settled(None, ItemReport::rejected(self.name.clone(), reject))
    }
}

fn query(coder: &Coder, image: &Luma, alone: bool) -> Result<(QueryFingerprint, Option<Scales>), TooPlain> {
    if alone {
        // Of the pool as a whole, so that no step goes from this thread to those of the pool and back.
        rayon::scope(|_| coder.query_and_scales(image)).map(|(query, scales)| (query, Some(scales)))
    } else {
        coder.query(image).map(|query| (query, None))
    }
}

impl Saltprint {
    pub(crate) fn digest(&self, bytes: &[u8]) -> ContentDigest {
        self.digests().digest(bytes)
    }

    /// An image, or why there is none, to a query, or to the report where there is nothing to ask. Where it is asked `alone`, all
    /// threads work on it, and what its details were found in is kept, to be read again.
    pub(crate) fn prepare(
        &self,
        snapshot: &Snapshot,
        input: &str,
        identity: &[u8],
        image: Result<Luma, Reject>,
        alone: bool,
    ) -> Prepared {
        let digest = self.digest(identity);
        match image {
            // What is no image is told anew each time: a resumed run could not know it again without decoding.
            Err(reject) => Prepared::Settled(None, ItemReport::rejected(input.to_owned(), &reject)),
            Ok(image) => match query(&snapshot.coder, &image, alone) {
                Ok((query, scales)) => Prepared::Query(digest, Box::new(Asked { query, image, scales })),
                Err(TooPlain) => Prepared::Settled(Some(digest), ItemReport::too_plain(input.to_owned())),
            },
        }
    }
}
