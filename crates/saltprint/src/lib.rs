//! Saltprint: are these leaked images ours, whose, from which system and from when - and how sure are we?
//!
//! A company keeps identity documents in a vault. [`calibrate`] learns how its documents differ, [`rebuild`] turns them
//! into secret-keyed fingerprints in a sealed index, and a [`Saltprint`] answers for single images ([`Saltprint::lookup`])
//! and for whole leaks ([`Saltprint::triage`]) - without the documents.
//!
//! # Example
//! ```
//! use std::fs;
//! use saltprint::{CalibrateOptions, Config, NoProgress, Outcome, RebuildOptions, Saltprint, calibrate, rebuild};
//! use saltprint_keys::{keygen, system_random};
//! use saltprint_synth::Corpus;
//!
//! # let folder = tempfile::tempdir()?;
//! # let home = folder.path();
//! // A vault, keys, and a configuration that names both; paths are relative to the file.
//! let corpus = Corpus::new(8, 1);
//! fs::create_dir(home.join("vault"))?;
//! for index in 0..8 {
//!     let document = corpus.document(index).ok_or("a corpus of 8")?;
//!     fs::write(home.join(format!("vault/{index}.jpg")), &document.encoded)?;
//! }
//! keygen(&home.join("keys"), std::time::SystemTime::now(), &mut system_random)?;
//! fs::write(home.join("saltprint.toml"), "[vault]\nroot = \"vault\"\n")?;
//! let config = Config::load(&home.join("saltprint.toml"))?;
//!
//! // Once, then every night.
//! calibrate(&config, CalibrateOptions::default(), &NoProgress)?;
//! let summary = rebuild(&config, RebuildOptions::default(), &NoProgress)?;
//! assert_eq!(summary.totals.indexed, 8);
//!
//! // Whenever somebody asks. A `Saltprint` is `Send + Sync`: share one between threads.
//! let saltprint = Saltprint::open(&config)?;
//! let report = saltprint.lookup("from-the-leak.jpg", &fs::read(home.join("vault/3.jpg"))?)?;
//! assert_eq!(report.outcome, Outcome::Match);
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Memory
//! An open index is memory-mapped and stays encrypted there; of a large one about half a gigabyte stays mapped between
//! searches. A triage holds one batch of fingerprints and of decoded images, some 256 million pixels. A rebuild holds
//! some 400 bytes a record that it writes, 150 a record that stays, besides one batch of images.
//!
//! # Quirks
//! A lookup sees one index generation, the one that was current when the handle was opened or last reloaded. A rebuild must
//! not run while another one does (a lock refuses it); readers may come and go. What recognition misses, and how often, is
//! measured by `saltprint eval`; the README states it.

#![forbid(unsafe_code)]

pub mod audit;
mod calibrate;
pub mod case;
mod config;
mod date;
mod decoding;
mod epochs;
pub mod erase;
mod error;
mod handle;
mod images;
mod interval;
mod keys;
mod output;
mod progress;
mod rebuild;
mod report;
mod sample;
mod shown;
mod thumbnail;
mod triage;

pub use calibrate::{CalibrateOptions, CalibrateSummary, calibrate};
pub use config::{Config, Limits, MatchingConfig, RebuildConfig};
pub use date::date;
pub use decoding::{DecodeConfig, WorkerMode};
pub use epochs::{Rotation, rotate, shred_previous};
pub use error::Error;
pub use handle::{CoverageStatus, PreviousStatus, Saltprint, Status, StrangerStatus};
pub use interval::{CONFIDENCE, Share};
pub use keys::{KeyAccess, PassphraseFrom};
pub use progress::{NoProgress, Phase, Progress};
pub use rebuild::rebuild;
pub use rebuild::{
    PrintSummary, RebuildOptions, RebuildSummary, SegmentSummary, SelectionSummary, VaultTotals,
};
pub use report::{AgreementReport, CopyExtent, ItemReport, MatchReport, Outcome, RejectReason};
pub use saltprint_fingerprint::Readout;
pub use saltprint_intake::escape_name;
pub use saltprint_matching::Looks;
pub use saltprint_worker as worker;
pub use triage::{CellCount, TriageInput, TriageSummary, TriageTotals};
