//! The worker's side: closed in first, then one question after the other until the parent hangs up.

mod source;
mod wire;

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::process::ExitCode;

use blake3::Hash;
use saltprint_fingerprint::Luma;
use saltprint_intake::{Document, Form, Limits, Opened, Part, Reject, draw_on_this_thread};

use crate::message::{Reply, Request, VERSION, What};
use crate::sandbox::{self, Bounds};
use crate::settings::WORKER_ARGUMENT;

use source::Remote;

/// Serves as a worker, where the arguments of the program say so, and gives the exit code for `main` to return; `None` where they
/// do not. First thing in `main`: the process must not have read, opened or started anything.
#[must_use]
pub fn serve_if_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    serve_watched(arguments, &mut |_| ())
}

/// Like [`serve_if_asked`]. `watch` sees the bytes of every file, entry and document before anything is done with them: for
/// tests of what becomes of a worker that fails.
#[must_use]
pub fn serve_watched(
    arguments: impl IntoIterator<Item = OsString>,
    watch: &mut dyn FnMut(&[u8]),
) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(WORKER_ARGUMENT)) {
        return None;
    }
    let mut number = || arguments.next()?.to_str()?.parse().ok();
    let bounds = number().zip(number()).map(|(memory, cpu_seconds)| Bounds { memory, cpu_seconds });
    let Some(bounds) = bounds else { return Some(ExitCode::FAILURE) };
    // What a panic says may quote the file.
    std::panic::set_hook(Box::new(|_| ()));
    draw_on_this_thread();
    // Its decoders may be files, which are out of reach from now on.
    #[cfg(feature = "heif")]
    let heif = saltprint_intake::Heif::load();
    let layers = sandbox::enter(bounds);
    #[cfg(feature = "heif")]
    if sandbox::holds_native_code(&layers) {
        heif.allow();
    }
    let mut served = Served { document: None, watch };
    let ready = Reply::Ready { version: VERSION, layers };
    // The parent is gone, or ends us: nobody is left to tell an error to.
    let _ = wire::send(&ready, &[]).and_then(|()| served.serve());
    Some(ExitCode::SUCCESS)
}

struct Served<'w> {
    /// The document that was drawn last.
    document: Option<Document>,
    watch: &'w mut dyn FnMut(&[u8]),
}

impl Served<'_> {
    /// Answers until there are no more questions.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let Some((request, bytes)) = wire::receive()? else { return Ok(()) };
            match request {
                Request::Decode { limits } => {
                    (self.watch)(&bytes);
                    answer(saltprint_intake::decode(&bytes, &limits))?;
                }
                Request::Draw { limits, drawing, known } => {
                    if !known {
                        self.document = None;
                        self.document = Some(Document::new(bytes));
                    }
                    let document = self.document.as_ref().ok_or(io::ErrorKind::InvalidData)?;
                    (self.watch)(document.bytes());
                    let drawn = document.draw(&drawing, &limits);
                    answer(drawn)?;
                }
                Request::Walk { limits, size } => self.walk(&limits, size)?,
                Request::Bytes | Request::Failed { .. } | Request::Next | Request::Stop => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
    }

    fn walk(&mut self, limits: &Limits, size: u64) -> io::Result<()> {
        let source = Remote::new(size);
        let mut last = None;
        let mut failed = None;
        Opened::of_source(Box::new(source), size).for_each_part(limits, &mut |part| {
            self.hand_out(part, &mut last).unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            })
        });
        failed.map_or_else(|| wire::send(&Reply::End, &[]), Err)
    }

    /// Tells a part, after the document that it is the first one of, and waits for the word to go on.
    fn hand_out(
        &mut self,
        Part { place, role, content, behind }: Part,
        last: &mut Option<Hash>,
    ) -> io::Result<ControlFlow<()>> {
        let (what, bytes): (What, &[u8]) = match content.as_ref().map(|content| content.form()) {
            Ok(Form::File(bytes)) => {
                (self.watch)(bytes);
                (What::File, bytes)
            }
            Ok(Form::Drawing { document, digest, drawing }) => {
                if *last != Some(digest) {
                    (self.watch)(document);
                    wire::send(&Reply::Document, document)?;
                    *last = Some(digest);
                }
                (What::Drawing(drawing), &[])
            }
            Ok(Form::Elsewhere) => return Err(io::ErrorKind::Unsupported.into()),
            Err(reject) => (What::Rejected(reject.clone()), &[]),
        };
        wire::send(&Reply::Part { place, role, behind, what }, bytes)?;
        match wire::receive()? {
            Some((Request::Next, _)) => Ok(ControlFlow::Continue(())),
            Some((Request::Stop, _)) => Ok(ControlFlow::Break(())),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn answer(image: Result<Luma, Reject>) -> io::Result<()> {
    match image {
        Ok(image) => {
            let (width, height) = (image.width(), image.height());
            wire::send(&Reply::Image { width, height }, image.pixels())
        }
        Err(reject) => wire::send(&Reply::Rejected { reject }, &[]),
    }
}
