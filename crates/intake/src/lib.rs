//! Where images come from: folders, manifests, limits, and bytes to luma.
//!
//! Three steps, each on its own: [`Vault::list`] or [`list_inputs`] name the inputs, [`Location::open`] opens one,
//! [`decode`] makes a [`Luma`](saltprint_fingerprint::Luma) of its bytes. Nothing is written to disk. Whatever goes
//! wrong with one input is a [`Reject`] with a stable [`code`](Reject::code), so that every input has one outcome.
//!
//! ```
//! use saltprint_intake::{Limits, decode, list_inputs};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("note.txt"), "no image")?;
//!
//! let limits = Limits::default();
//! for listed in list_inputs(folder.path())? {
//!     let Ok(entry) = listed else { continue };
//!     let image = entry.location.open().and_then(|opened| opened.read(&limits)).and_then(|file| decode(file.bytes(), &limits));
//!     assert_eq!(image.unwrap_err().code(), "not_an_image");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(feature = "heif"), forbid(unsafe_code))]
#![cfg_attr(feature = "heif", deny(unsafe_code))]

mod decode;
mod error;
mod facts;
mod limits;
mod list;
mod location;
mod parts;
mod read;
mod reject;
#[cfg(feature = "object-store")]
mod store;
mod system_names;
mod words;

#[cfg(feature = "heif")]
pub use decode::Heif;
pub use decode::{Format, decode};
pub use error::Error;
pub use facts::{Facts, MAX_FACT_BYTES, MAX_RECORD_ID_BYTES, MAX_SUBJECT_BYTES};
pub use limits::{
    FREE_UNPACKED_BYTES, Limits, MAX_CONTAINER_BYTES, MAX_DECODE_BYTES, MAX_DEPTH, MAX_DOCUMENT_BYTES,
    MAX_ENTRIES, MAX_FILE_BYTES, MAX_PAGES, MAX_PIXELS, MAX_RATIO, MAX_SECONDS, MAX_SIDE, MAX_UNPACKED_BYTES,
};
pub use list::{Entry, ListReject, Listing, MAX_LINE_BYTES, Vault, list_inputs};
pub use location::{Found, Location, Opened};
pub use parts::{
    Container, Content, Document, Drawing, Form, Lazy, MAX_PLACE_BYTES, Part, Role, Source,
    draw_on_this_thread, escape_name, for_each_part, for_each_part_of_bytes, holds_parts, is_place,
};
pub use read::{FileContent, Stamp, read_bounded, stamp};
pub use reject::{Refusal, Reject, Unreadable};
pub use saltprint_index::{Month, MonthError};
#[cfg(feature = "object-store")]
pub use store::{Object, Store};
