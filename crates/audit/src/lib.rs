//! Audit log of Saltprint: what was asked, by whom and why, written and synced before an answer leaves.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use saltprint_audit::{
//!     Action, Actor, ActorRole, AuditLog, CaseId, Draft, Purpose, QueryDigest, Results, ToolVersion, Who, verify,
//! };
//! use saltprint_keys::{AuditKey, system_random};
//!
//! # let place = tempfile::tempdir()?;
//! # let dir = place.path().join("audit");
//! # let key = AuditKey::from_secret(&[7; 32]);
//! let who = Who {
//!     actor: Actor::new("alice")?,
//!     role: ActorRole::new("searcher")?,
//!     tool: ToolVersion::new(env!("CARGO_PKG_VERSION"))?,
//! };
//!
//! // Once, with the audit key. It may live offline afterwards.
//! AuditLog::init(&dir, &key, &who, SystemTime::now(), &mut system_random)?;
//!
//! // Every program that answers. No key is needed: the log's state file is enough.
//! let log = AuditLog::open(&dir)?;
//! let draft = Draft::new(&who, Action::Lookup, SystemTime::now())
//!     .case(CaseId::new("2026-17")?)
//!     .purpose(Purpose::new("extortion mail of 3 November")?)
//!     .query(QueryDigest::of(b"the bytes of the image"))
//!     .results(Results::of(1, 0, 0));
//! let receipt = log.append(draft)?; // the answer may leave now
//! assert_eq!(receipt.seq(), 1);
//!
//! // From time to time: a checkpoint for a witness outside.
//! let checkpoint = log.checkpoint(&who, SystemTime::now())?;
//! println!("{checkpoint}");
//!
//! // The auditor, with the audit key.
//! let verification = verify(&dir, &key, Some(&checkpoint))?;
//! assert!(verification.is_sound());
//! assert_eq!(verification.entries, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A question that limits apply to:
//!
//! ```
//! # use std::time::SystemTime;
//! # use saltprint_audit::{
//! #     Action, Actor, ActorRole, AuditLog, CaseId, Draft, Purpose, QueryDigest, Results, ToolVersion, Who,
//! # };
//! use saltprint_audit::{Admission, Climb, ClimbGuard, ClimbRule, Limiter, Limits, Rates, Reason};
//!
//! # let place = tempfile::tempdir()?;
//! # let dir = place.path().join("audit");
//! # let key = saltprint_keys::AuditKey::from_secret(&[7; 32]);
//! # let who = Who {
//! #     actor: Actor::new("alice")?,
//! #     role: ActorRole::new("searcher")?,
//! #     tool: ToolVersion::new("0.1.0")?,
//! # };
//! # let random = &mut saltprint_keys::system_random;
//! # let log = AuditLog::init(&dir, &key, &who, SystemTime::now(), random)?;
//! # let (image, code) = (b"the bytes of the image", [1, 2, 3, 4]);
//! // Once in a process, and once in a service for all its threads.
//! let actor = Rates { hour: Some(100), day: Some(500) };
//! let mut limiter = Limiter::new(Limits { actor, case: Rates::default() });
//! let mut guard = ClimbGuard::new(ClimbRule::default());
//!
//! // For each question: the code is known before the search, the results after it.
//! let draft = Draft::new(&who, Action::Lookup, SystemTime::now()).query(QueryDigest::of(image));
//! if let Climb::Alarm { .. } = guard.observe(&who.actor, &[code]) {
//!     log.append(draft.refuse(Reason::Climbing))?;
//!     return Ok(()); // and no answer
//! }
//! match log.admit(&mut limiter, draft.results(Results::of(1, 0, 0)))? {
//!     Admission::Granted(receipt) => println!("the answer, with {receipt}"),
//!     Admission::Refused { refusal, .. } => println!("{refusal}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it holds, and what it never holds
//!
//! Numbers, times, names, cases, purposes, versions, thresholds, a commitment to each query, and results in coarse
//! [`Band`]s. Never pixels, codes, distances, names of files or plain hashes of files: there is no field for them. A commitment
//! is made under a key that is wiped with the entry, so that a thief of the machine cannot try images against the log; the
//! holder of the audit key can ([`Verifier::looking_for`]).
//!
//! # Who can do what
//!
//! | who | can | cannot |
//! |---|---|---|
//! | reader of the log file | read what it holds; see damage | change it unseen; test a query against it |
//! | writer of the log file, without the state | destroy it | change, remove, insert or reorder an entry unseen |
//! | thief of the state file | forge entries from then on, until a checkpoint or the log itself is compared | change what was written before; open a commitment |
//! | whoever can put back state *and* log of an earlier day | hide what came after, unless a later checkpoint is kept elsewhere | |
//! | holder of the audit key | verify, open commitments, write a whole new log | make it fit a checkpoint that a witness has |
//!
//! Hence the advice: the audit key offline, checkpoints to somebody else, every day.
//!
//! # What it costs
//!
//! An append syncs four times: the lines, the new state, the folder, and the old state, which is overwritten. What a file
//! system keeps of overwritten blocks (copies on write, snapshots, worn cells of flash, backups) is beyond this crate; where
//! that matters, put the folder on a file system that overwrites in place. [`AuditLog::append_all`] writes a thousand
//! entries for the price of one.
//!
//! # Rate limits and climbing
//!
//! [`Limiter`] counts questions from the log, over all processes and restarts; [`AuditLog::admit`] counts and writes
//! in one step. [`ClimbGuard`] sees queries that feel their way towards a code; its memory is of codes, so it lives in the
//! process and is never written.
//!
//! Unix only, like `saltprint-keys`: the state file rests on permission bits.
//!
#![doc = include_str!("../FORMAT.md")]
#![forbid(unsafe_code)]

mod action;
mod backward;
mod band;
mod checkpoint;
mod climb;
mod entry;
mod error;
mod finding;
mod header;
mod hex;
mod limit;
mod lock;
mod log;
mod proof;
mod query;
mod ratchet;
mod read;
mod state;
mod storage;
mod text;
mod time;
mod tree;
mod verify;
mod walk;
mod writer;

pub use crate::{
    action::{Action, Reason},
    band::{Band, Results},
    checkpoint::{Checkpoint, ParseCheckpointError},
    climb::{CODE_BITS, Climb, ClimbGuard, ClimbRule},
    entry::{Draft, Entry, Generation, Recovered, Refused, Who},
    error::AuditError,
    finding::{Finding, Verification},
    header::{Header, LogId},
    hex::ParseHexError,
    limit::{Limiter, Limits, Rates, Refusal},
    log::{Admission, AuditLog, MOST_AT_ONCE, entries, prove_growth, prove_inclusion},
    proof::Proof,
    query::{QueryDigest, QueryHasher},
    read::Entries,
    text::{Actor, ActorRole, CaseId, Purpose, TextError, Thresholds, ToolVersion},
    time::{ParseTimeError, Timestamp},
    tree::Hash,
    verify::{Verifier, verify},
    writer::Receipt,
};
