//! The one way to decode: here, or in workers.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use saltprint_fingerprint::Luma;
use saltprint_intake::{Content, Limits, Opened, Part, Reject, Role};

use crate::pool::Pool;
use crate::process::StartError;
use crate::sandbox::Layer;
use crate::settings::Settings;
use crate::walk;

/// Decodes images and opens archives and documents, in this process or in workers. Clones share the workers.
///
/// Both ways give the same images, the same parts and the same rejects; workers have three more of these, for files that broke one:
/// `decoder_crashed`, `decoder_time` and `decoder_memory`.
#[derive(Debug, Clone, Default)]
pub struct Decoder(Option<Arc<Pool>>);

impl Decoder {
    /// Decodes in this process, on the thread that asks.
    #[must_use]
    pub fn in_process() -> Self {
        Self(None)
    }

    /// Decodes in workers. The first is started now, to know what closes it in.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn workers(settings: Settings) -> Result<Self, StartError> {
        Pool::start(settings).map(|pool| Self(Some(Arc::new(pool))))
    }

    /// Whether it decodes in workers.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.0.is_some()
    }

    /// Whether some item was not decoded because the system started no worker, or none as closed in as the first. Its outcome is
    /// [`Unreadable::Io`](saltprint_intake::Unreadable::Io), and says nothing about it: whoever concludes from outcomes, or
    /// publishes what they give, has to ask.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.as_ref().is_some_and(|pool| pool.is_lost())
    }

    /// What closes workers in; empty where it decodes in this process.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        self.0.as_ref().map_or(&[], |pool| pool.layers())
    }

    /// Decodes an image, as [`saltprint_intake::decode`] does.
    ///
    /// # Errors
    /// A [`Reject`].
    pub fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Luma, Reject> {
        match &self.0 {
            None => saltprint_intake::decode(bytes, limits),
            Some(pool) => pool.decode(bytes, limits),
        }
    }

    /// Whether a file may hold others. Workers are left to look closer: then the answer rests on its first bytes alone, and it
    /// may turn out to hold none.
    #[must_use]
    pub fn holds_parts(&self, opened: &mut Opened) -> bool {
        if self.is_apart() { opened.may_hold_parts() } else { opened.holds_parts() }
    }

    /// Hands every part of a file to `sink`, as [`Opened::for_each_part`] does. The contents are decoded the same way as
    /// [`Decoder::decode`] decodes.
    pub fn for_each_part(
        &self,
        opened: Opened,
        limits: &Limits,
        sink: &mut dyn FnMut(Part) -> ControlFlow<()>,
    ) {
        match &self.0 {
            None => opened.for_each_part(limits, sink),
            Some(pool) => walk::walk(pool, opened, limits, sink),
        }
    }

    /// Like [`Decoder::for_each_part`] for a file in memory.
    pub fn for_each_part_of_bytes(
        &self,
        bytes: Vec<u8>,
        limits: &Limits,
        sink: &mut dyn FnMut(Part) -> ControlFlow<()>,
    ) {
        let Some(pool) = &self.0 else {
            return saltprint_intake::for_each_part_of_bytes(bytes, limits, sink);
        };
        let size = bytes.len() as u64;
        let mut opened = Opened::of_source(Box::new(Cursor::new(bytes)), size);
        if opened.may_hold_parts() {
            return walk::walk(pool, opened, limits, sink);
        }
        let content = opened.read(limits).map(|file| {
            let bytes = zeroize::Zeroizing::new(file.bytes().to_vec());
            let held = bytes.len();
            Content::lazy(crate::document::Entry { pool: Arc::clone(pool), bytes }, held)
        });
        let _ = sink(Part { place: String::new(), role: Role::File, content, behind: 1.0 });
    }
}
