//! Parts that wait in the parent until they are decoded by a worker.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use saltprint_fingerprint::Luma;
use saltprint_intake::{Document, Drawing, Lazy, Limits, Refusal, Reject};
use zeroize::Zeroizing;

use crate::pool::Pool;

/// An entry of an archive.
pub(crate) struct Entry {
    pub(crate) pool: Arc<Pool>,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Lazy for Entry {
    fn identity(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn decode(&self, limits: &Limits) -> Result<Luma, Reject> {
        self.pool.decode(&self.bytes, limits)
    }
}

/// A document, and how long the drawing of its parts took so far.
pub(crate) struct Shared {
    document: Document,
    microseconds: AtomicU64,
}

impl Shared {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { document: Document::new(bytes), microseconds: AtomicU64::new(0) }
    }

    pub(crate) fn held(&self) -> usize {
        self.document.bytes().len()
    }
}

/// A page or an image of a document. Any worker draws it, so that a document is drawn on as many processors as there are.
pub(crate) struct Drawn {
    pub(crate) pool: Arc<Pool>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) drawing: Drawing,
}

impl Lazy for Drawn {
    fn identity(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.drawing.identity(&self.shared.document.digest()))
    }

    fn decode(&self, limits: &Limits) -> Result<Luma, Reject> {
        let spent = &self.shared.microseconds;
        if Duration::from_micros(spent.load(Ordering::Relaxed)) >= Duration::from_secs(limits.seconds) {
            let (format, what, allowed) = (self.drawing.format(), "seconds of drawing", limits.seconds);
            return Err(Refusal::ContainerLimit { format, what, allowed }.into());
        }
        let started = Instant::now();
        let drawn = self.pool.draw(&self.shared.document, &self.drawing, limits);
        spent.fetch_add(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        drawn
    }
}
