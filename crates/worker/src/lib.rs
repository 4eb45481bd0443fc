//! Decoding in processes that can do nothing else.
//!
//! Images, PDFs and archives come from whoever made the leak. A [`Decoder`] decodes them either in this process, or in
//! *workers*: processes of the same program, started anew, that have no file system, no network, no other processes, no keys
//! and bounded memory and time. What a file does to a worker costs that file its outcome, and nothing else.
//!
//! ```
//! use saltprint_worker::Decoder;
//! use saltprint_intake::Limits;
//!
//! let decoder = Decoder::in_process();
//! assert_eq!(decoder.decode(b"no image", &Limits::default()).unwrap_err().code(), "not_an_image");
//! ```
//!
//! A program that wants workers hands itself over first thing in `main`, and then starts them:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use saltprint_worker::{Decoder, Settings};
//!
//! fn main() -> ExitCode {
//!     if let Some(exit) = saltprint_worker::serve_if_asked(std::env::args_os()) {
//!         return exit;
//!     }
//!     let decoder = Decoder::workers(Settings::default()).unwrap_or_default();
//!     # let _ = decoder;
//!     ExitCode::SUCCESS
//! }
//! ```
//!
//! # What crosses, and what is believed
//! A worker has one descriptor to speak through, a socket without a name, and one for the last words of its runtime. The parent
//! sends bytes of a file and limits; it reads files for the worker, so that the worker has no descriptor of any. Back come an
//! upright 8-bit luma image, whose sides are checked against the limits and whose length must be exactly theirs; the entries of
//! an archive; and what to draw of a document. Places are checked to continue the name of the file that was asked for, counts, bytes
//! and time of a walk are bounded, texts of rejects are cut and cleaned, and what tells repetitions is computed by the parent from
//! the bytes that it has: those of the file, or those that a worker says are in it. Pixels come back, and not a fingerprint only: the
//! matcher reads a picture again where a match would be, and keys must never enter the process that a leak can take over.
//!
//! # Limits of this
//! A worker that was taken over, rather than crashed, sees the files that it is given until it is replaced
//! ([`Settings::items`]; 1 gives each file a process of its own, but for what an archive holds) and may lie about them: other
//! pixels, fewer entries of an archive, other words. What it unpacks goes to other workers, which it may take over too. (With feature
//! `heif`, a HEIC or AVIF has a process of its own in any case: its decoder is C and C++.)
//! Where the system starts no worker, items are `io_error`s and [`Decoder::is_lost`] says so: what is concluded from outcomes
//! has to ask it.

#![forbid(unsafe_code)]

mod channel;
mod decoder;
mod document;
mod message;
mod pool;
mod process;
pub mod sandbox;
mod serve;
mod settings;
mod walk;

pub use decoder::Decoder;
pub use process::StartError;
pub use sandbox::{Layer, LayerKind};
pub use serve::{serve_if_asked, serve_watched};
pub use settings::{DEFAULT_ITEMS, DEFAULT_MEMORY, DEFAULT_SECONDS, Settings, WORKER_ARGUMENT};
