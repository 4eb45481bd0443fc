//! Workers that are there, and those that are started when there are none.
//!
//! Nobody waits for a worker: a thread that walks through an archive holds one while others decode what it gave, and may
//! start a walk of its own meanwhile. There are as many as there are calls at a time; only those kept idle are bounded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use blake3::Hash;
use saltprint_fingerprint::Luma;
use saltprint_intake::{Document, Drawing, Limits, Reject, Unreadable};

use crate::channel::Broken;
use crate::message::Request;
use crate::process::{StartError, Worker};
use crate::sandbox::Layer;
use crate::settings::Settings;

/// Pauses before a worker that did not start is tried again: a system that is short of processes or memory for a moment.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

#[derive(Debug)]
pub(crate) struct Pool {
    settings: Settings,
    layers: Vec<Layer>,
    idle: Mutex<Vec<Worker>>,
    /// Whether a worker was needed and none started, or none as closed in as the first.
    is_lost: AtomicBool,
}

impl Pool {
    /// Starts the first worker, which tells what closes it in.
    pub(crate) fn start(settings: Settings) -> Result<Self, StartError> {
        let first = Worker::start(&settings)?;
        Ok(Self {
            layers: first.layers().to_vec(),
            idle: Mutex::new(vec![first]),
            settings,
            is_lost: AtomicBool::new(false),
        })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Decodes the bytes of an image file.
    pub(crate) fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Luma, Reject> {
        let request = Request::Decode { limits: *limits };
        #[cfg(feature = "heif")]
        if saltprint_intake::Format::sniff(bytes).is_ok_and(saltprint_intake::Format::is_native) {
            return self.alone(&request, bytes, limits);
        }
        self.with(None, |worker| worker.image(&request, bytes, limits, self.settings.seconds))
    }

    /// Lets a worker decode that has seen nothing before, and will see nothing after: what takes it over gains nothing but the answer
    /// to its own file.
    #[cfg(feature = "heif")]
    fn alone(&self, request: &Request, bytes: &[u8], limits: &Limits) -> Result<Luma, Reject> {
        let mut worker = self.fresh()?;
        match worker.image(request, bytes, limits, self.settings.seconds) {
            Ok(decoded) => decoded,
            Err(broken) => Err(worker.fate(&broken, &self.settings)),
        }
    }

    /// Draws something of a document, by a worker that holds it already where there is one.
    pub(crate) fn draw(
        &self,
        document: &Document,
        drawing: &Drawing,
        limits: &Limits,
    ) -> Result<Luma, Reject> {
        let digest = document.digest();
        self.with(Some(digest), |worker| {
            let known = worker.document == Some(digest);
            let bytes = if known { &[] } else { document.bytes() };
            worker.document = Some(digest);
            let request = Request::Draw { limits: *limits, drawing: drawing.clone(), known };
            worker.image(&request, bytes, limits, self.settings.seconds)
        })
    }

    /// Lets a worker do something. Where one that has done other things before breaks, a fresh one tries once more: an item is
    /// blamed only by a worker that has seen nothing else.
    fn with<T>(
        &self,
        document: Option<Hash>,
        mut work: impl FnMut(&mut Worker) -> Result<Result<T, Reject>, Broken>,
    ) -> Result<T, Reject> {
        let mut worker = self.take(document).map_or_else(|| self.fresh(), Ok)?;
        loop {
            let used = worker.items > 0;
            match work(&mut worker) {
                Ok(done) => {
                    self.give_back(worker);
                    return done;
                }
                Err(broken) => {
                    let reject = worker.fate(&broken, &self.settings);
                    if !used {
                        return Err(reject);
                    }
                    worker = self.fresh()?;
                }
            }
        }
    }

    /// Whether some item was not decoded because there was no worker for it, which is no fault of the item.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// A worker that has seen nothing yet, and is closed in as well as the first was.
    pub(crate) fn fresh(&self) -> Result<Worker, Reject> {
        let as_closed = |worker: &Worker| {
            let holds = |wanted: &Layer| {
                let same = worker.layers().iter().find(|layer| layer.kind == wanted.kind);
                same.is_some_and(|layer| layer.active)
            };
            self.layers.iter().filter(|layer| layer.active).all(holds)
        };
        let mut pauses = PAUSES.into_iter();
        loop {
            match Worker::start(&self.settings) {
                Ok(worker) if as_closed(&worker) => return Ok(worker),
                Ok(_) | Err(_) => {}
            }
            let Some(pause) = pauses.next() else { break };
            thread::sleep(pause);
        }
        self.is_lost.store(true, Ordering::Relaxed);
        let detail = "the system starts no process to decode it in".to_owned();
        Err(Unreadable::Io { detail }.into())
    }

    /// An idle worker that lives, if possible one that holds the document.
    fn take(&self, document: Option<Hash>) -> Option<Worker> {
        loop {
            let mut idle = self.idle();
            let holds = |worker: &Worker| document.is_some() && worker.document == document;
            let mut worker = match idle.iter().position(holds) {
                Some(at) => idle.swap_remove(at),
                None => idle.pop()?,
            };
            drop(idle);
            if worker.is_alive() {
                return Some(worker);
            }
        }
    }

    /// Keeps a worker for later, unless there are enough or it has done enough.
    pub(crate) fn give_back(&self, worker: Worker) {
        let old = worker.items >= self.settings.items
            || worker.busy >= Duration::from_secs(self.settings.cpu_seconds / 2);
        let mut idle = self.idle();
        if !old && idle.len() < self.settings.idle {
            idle.push(worker);
            return;
        }
        // Its end is waited for, by this thread alone.
        drop(idle);
        drop(worker);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
