//! How well are altered copies recognised, and is nobody accused? Measured on the shipped pipeline, so that nobody has
//! to believe us.
//!
//! An [`EvalPlan`] names a vault - an invented one, or a customer's own - and [`run`] holds part of it out as strangers,
//! calibrates on the rest and indexes it with keys of its own, alters copies of it in every way that leaks are altered,
//! and asks the index for each. Beside it two public hashes, PDQ and pHash, judge the same images. The [`EvalReport`]
//! holds counts, shares with exact 95 % intervals, histograms and curves, and writes itself as CSV, JSON and HTML.
//!
//! ```no_run
//! use std::path::Path;
//! use saltprint::NoProgress;
//! use saltprint_eval::{EvalPlan, run};
//!
//! let report = run(&EvalPlan::synthetic(400).strangers(100).queries(20), &NoProgress)?;
//! println!("{}", report.to_text());
//! report.write_html(Path::new("report.html"))?;
//! # Ok::<(), saltprint_eval::EvalError>(())
//! ```
//!
//! What codes and sealed files give away is another question: a [`PrivacyPlan`] and [`measure_privacy`] play the
//! attackers, and a [`PrivacyReport`] holds numbers against bounds.
//!
//! # What leaves the evaluation
//! Numbers only. Reports name edits, the templates of an invented vault and numbered kinds of an own one; no record id,
//! ref, file name, image or word of a customer's list. The work folder holds copies of nothing but the list of records,
//! the sealed index and its throw-away keys; a temporary one is removed at the end.
//!
//! # Memory
//! One batch of encoded images, one image and its edited copy a thread, some 300 bytes a record and 150 a query. The
//! privacy measurements hold features and small pictures of all their documents: 12 kB each, and 1 GB at the peak.

#![forbid(unsafe_code)]

mod baselines;
mod error;
mod grow;
mod layouts;
mod measures;
mod near_duplicates;
mod pipeline;
mod plan;
mod privacy;
mod progress;
mod queries;
mod report;
mod run;
mod score;
mod seeds;
mod treatment;
mod vault;

pub use error::EvalError;
pub use grow::{Grown, Growth, grow};
pub use plan::{DEFAULT_HOLD_OUT, DEFAULT_QUERIES, EvalPlan};
pub use privacy::{
    Cell, Finding, Measurement, PRIVACY_FORMAT, PrivacyPlan, PrivacyReport, PrivacySetup, PrivacyTable,
    PrivacyVerdict, measure_privacy,
};
pub use progress::{Progress, Stage};
pub use report::{
    EvalReport, FORMAT, HashCell, Histogram, KindSize, MethodReport, PipelineFacts, RocPoint, Row, Setup,
    StageTime, StrangerRow, ThresholdReport,
};
pub use run::run;
pub use saltprint::{CONFIDENCE, Share};
pub use score::{RecordCounts, StrangerCounts};
pub use treatment::Treatment;
