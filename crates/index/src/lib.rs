//! The sealed index of Saltprint: fingerprints at rest, and the ways to search them.
//!
//! A vault's fingerprints live in immutable [segments](Segment): files whose pages are encrypted and
//! authenticated one by one, so that they can be memory-mapped, scanned page by page through a small scratch
//! buffer, and read at random without the plain index ever lying in memory. A [manifest](Manifest) names the
//! segments of one *generation*; publishing a generation is one atomic rename, and a reader keeps the
//! generation that it opened. A [`Census`] counts how many records share a local feature, so that each record keeps
//! those that tell it apart. [`Catalog`] is the nightly job's memory of what it has already seen.
//!
//! `FORMAT.md` in this crate draws every byte; it is included [below](crate::format).
//!
//! # Example
//! Write a segment to memory, open it, and find a record by its code:
//! ```
//! use saltprint_fingerprint::{Fingerprint, GlobalCode};
//! use saltprint_index::{Nearest, RecordFacts, Segment, SegmentId, SegmentRecord, SegmentWriter};
//! use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};
//!
//! let key = IndexKey::from_secret(&[7; 32]);
//! let epoch = EpochId::from_bytes([1; 16]);
//! let record = SegmentRecord {
//!     record_ref: RecordRef::from_bytes([9; 16]),
//!     facts: RecordFacts::new(ContentDigest::from_bytes([3; 16])),
//!     fingerprint: Fingerprint::from_global(GlobalCode::from_bytes(&[0x5a; 32])),
//! };
//! let mut file = Vec::new();
//! SegmentWriter::new(&key, epoch, SegmentId::from_bytes([2; 16]), [4; 32]).write(&[record], None, &mut file)?;
//!
//! let segment = Segment::open(file, &key, epoch)?;
//! segment.verify()?;
//! let mut nearest = [Nearest::new(4, 60)];
//! segment.scan(0, &[GlobalCode::from_bytes(&[0x5a; 32])], &mut nearest)?;
//! assert_eq!(nearest[0].hits()[0].distance, 0);
//! # Ok::<(), saltprint_index::IndexError>(())
//! ```
//!
//! # Memory
//! An open segment holds its header, one bit and one 32-byte tag a page, and its dictionary of source names;
//! everything else is paged in by the operating system on touch, and counts as memory of the process until the system takes it back or
//! [`Segment::let_go`] does; lookups of local codes do by themselves ([`Generation::keeping`]), and so does [`Generation::verify`]. The first local lookup reads where the buckets of the
//! lookup table start, and keeps that: 5 to 11 bytes a record of 64 local codes. A scan uses one 64 KiB scratch page a
//! thread, wiped after use.
//!
//! # Quirks
//! Mapped files must not be changed in place by anyone (see [`MappedFile::open`]); Saltprint itself only ever
//! replaces files by rename. Unix only.

#![deny(unsafe_code)]

mod background;
mod catalog;
mod codec;
mod erasures;
mod error;
mod facts;
pub mod format;
mod generation;
mod graph;
mod local;
mod map;
mod month;
mod negative;
mod page;
mod prints;
mod scan;
mod segment;
mod work;

pub use background::{Background, Histogram, Impostor, KindCompany, LocalBackground};
pub use catalog::{Catalog, CatalogReader, CatalogRow, CatalogUpdate, ContainerRow, SeenOutcome};
pub use erasures::{Erased, Erasure, Erasures};
pub use error::IndexError;
pub use facts::RecordFacts;
pub use generation::{
    CensusId, Composition, Coverage, FactsKey, Generation, GraphPolicy, GraphQuality, IndexDir, IndexHit,
    Manifest, MeasuredBackground, PreviousEpoch, RebuildLock, Seen, SegmentEntry, Stamp, WrittenSegment,
};
pub use graph::{FlatGraph, GraphParams, GraphSearcher};
pub use local::{Candidate, Census, LocalLookup, Selection, SelectionPolicy};
pub use map::MappedFile;
pub use month::{Month, MonthError};
pub use negative::NegativeBank;
pub use prints::Prints;
pub use scan::{Hit, Nearest, kernel_name, scan_codes};
pub use segment::{Segment, SegmentId, SegmentRecord, SegmentWriter};
pub use work::{Leftovers, Work, WorkPlace};
