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
        // The worker counts its time itself; this is for one that does not.
        let patience = worker.busy + Duration::from_secs(self.limits.seconds.saturating_add(seconds));
        loop {
            if worker.busy > patience {
                return Err(Broken::Late);
            }
            let (reply, bytes) = worker.hear(allowed, seconds)?;
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
        if !is_place(&place) || !place.starts_with(document) || !place.starts_with(page) {
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
