//! A walk through an archive or document, made by a worker and watched by the parent.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use saltprint_intake::{Content, Limits, Opened, Part, Reject, Role, is_place};
use zeroize::Zeroizing;

use crate::channel::Broken;
use crate::document::{Drawn, Entry, Shared};
use crate::message::{CHUNK, Reply, Request, What};
use crate::pool::Pool;
use crate::process::Worker;

/// Hands every part of a file to `sink`, as [`Opened::for_each_part`] does. Where the worker breaks, the parts before stay,
/// and the last one says why.
///
/// The worker is a fresh one: what was handed out cannot be asked for once more.
pub(crate) fn walk(
    pool: &Arc<Pool>,
    mut opened: Opened,
    limits: &Limits,
    sink: &mut dyn FnMut(Part) -> ControlFlow<()>,
) {
    let mut last = |reject: Reject, behind: f64| {
        let _ = sink(Part { place: String::new(), role: Role::File, content: Err(reject), behind });
    };
    let mut worker = match pool.fresh() {
        Ok(worker) => worker,
        Err(reject) => return last(reject, 0.0),
    };
    worker.items += 1;
    let mut walk = Walk { pool, limits, document: None, behind: 0.0 };
    let end = walk.run(&mut worker, &mut opened, sink);
    match end {
        Ok(()) => pool.give_back(worker),
        Err(broken) => {
            let reject = worker.fate(&broken, pool.settings());
            let _ = sink(Part {
                place: String::new(),
                role: Role::File,
                content: Err(reject),
                behind: walk.behind,
            });
        }
    }
}

/// Parts that a page may give on average: itself and images on it.
const PARTS_A_PAGE: u64 = 1_000;
/// Bytes that a place may have on average, where there are many.
const PLACE: u64 = 256;
/// Bytes that all places together may have in any case.
const LEAST_PLACES: u64 = 64 << 20;

struct Walk<'a> {
    pool: &'a Arc<Pool>,
    limits: &'a Limits,
    /// The document whose parts come.
    document: Option<Arc<Shared>>,
    /// How far the last part said that it was.
    behind: f64,
}

impl Walk<'_> {
    fn run(
        &mut self,
        worker: &mut Worker,
        opened: &mut Opened,
        sink: &mut dyn FnMut(Part) -> ControlFlow<()>,
    ) -> Result<(), Broken> {
        let seconds = self.pool.settings().seconds;
        let size = opened.stamp().size;
        worker.tell(&Request::Walk { limits: *self.limits, size }, &[], seconds)?;
        let largest = self.limits.document_bytes.max(self.limits.file_bytes);
        let allowed = |reply: &Reply| match reply {
            Reply::Document | Reply::Part { what: What::File, .. } => largest,
            Reply::Part { what: What::Drawing(_) | What::Rejected(_), .. }
            | Reply::Ready { .. }
            | Reply::Image { .. }
            | Reply::Rejected { .. }
            | Reply::Read { .. }
            | Reply::End => 0,
        };
        // The worker counts time, parts and bytes itself; this is for one that does not.
        let patience = worker.busy + Duration::from_secs(self.limits.seconds.saturating_add(seconds));
        let mut given = Given::default();
        loop {
            if worker.busy > patience {
                return Err(Broken::Late);
            }
            let (reply, bytes) = worker.hear(allowed, seconds)?;
            given.add(&reply, bytes.len(), self.limits)?;
            match reply {
                Reply::Read { at, most } if most <= CHUNK => match opened.read_at(at, most) {
                    Ok(bytes) => worker.tell(&Request::Bytes, &bytes, seconds)?,
                    Err(reject) => worker.tell(&Request::Failed { reject }, &[], seconds)?,
                },
                Reply::Document => self.document = Some(Arc::new(Shared::new(take(bytes)))),
                Reply::Part { place, role, behind, what } => {
                    let part = self.part(place, role, behind, what, bytes)?;
                    if sink(part).is_break() {
                        worker.tell(&Request::Stop, &[], seconds)?;
                        to_the_end(worker, seconds);
                        return Ok(());
                    }
                    worker.tell(&Request::Next, &[], seconds)?;
                }
                // Even a file that holds nothing is a part, or a reject.
                Reply::End if given.parts == 0 => return Err(Broken::Nonsense),
                Reply::End => return Ok(()),
                Reply::Read { .. } | Reply::Ready { .. } | Reply::Image { .. } | Reply::Rejected { .. } => {
                    return Err(Broken::Nonsense);
                }
            }
        }
    }

    /// A part that was told, where it is one that can be.
    fn part(
        &mut self,
        place: String,
        role: Role,
        behind: f64,
        what: What,
        bytes: Zeroizing<Vec<u8>>,
    ) -> Result<Part, Broken> {
        let (document, page) = (role.document().unwrap_or_default(), role.page().unwrap_or_default());
        let names_itself = place.is_empty() && role != Role::File;
        if names_itself || !is_place(&place) || !place.starts_with(document) || !place.starts_with(page) {
            return Err(Broken::Nonsense);
        }
        let pool = Arc::clone(self.pool);
        let content = match what {
            What::Rejected(reject) => Err(reject),
            What::File => {
                let held = bytes.len();
                Ok(Content::lazy(Entry { pool, bytes }, held))
            }
            What::Drawing(drawing) => {
                let shared = self.document.as_ref().ok_or(Broken::Nonsense)?;
                // The document is counted with the first part that holds it.
                let held = if Arc::strong_count(shared) == 1 { shared.held() } else { 0 };
                Ok(Content::lazy(Drawn { pool, shared: Arc::clone(shared), drawing }, held))
            }
        };
        self.behind = if behind.is_finite() { behind.clamp(0.0, 1.0) } else { self.behind };
        Ok(Part { place, role, content, behind: self.behind })
    }
}

/// What a walk has given so far, against what any walk within the limits may give.
#[derive(Default)]
struct Given {
    parts: u64,
    bytes: u64,
    places: u64,
}

impl Given {
    fn add(&mut self, reply: &Reply, bytes: usize, limits: &Limits) -> Result<(), Broken> {
        if let Reply::Part { place, .. } = reply {
            self.parts += 1;
            self.places += place.len() as u64;
        }
        self.bytes += bytes as u64;
        // Each entry may be a document, with images on its pages; the walk itself bounds those by their bytes. What it unpacks is
        // bounded, or it is the file itself.
        let parts =
            limits.entries.saturating_add(limits.pages.saturating_mul(PARTS_A_PAGE)).saturating_add(2);
        let largest = limits.unpacked_bytes.max(limits.document_bytes).max(limits.file_bytes);
        let places = LEAST_PLACES.max(parts.saturating_mul(PLACE));
        if self.parts > parts || self.bytes > largest.saturating_mul(2) || self.places > places {
            return Err(Broken::Nonsense);
        }
        Ok(())
    }
}

/// Waits until a worker that was told to stop has stopped. Nobody wants parts any more, so a worker that does anything else
/// breaks nothing; it is not used again.
fn to_the_end(worker: &mut Worker, seconds: u64) {
    if !matches!(worker.hear(|_| 0, seconds), Ok((Reply::End, _))) {
        worker.items = u64::MAX;
    }
}

fn take(mut bytes: Zeroizing<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *bytes)
}
