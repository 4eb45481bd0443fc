//! Invented KYC documents and leak edits, for the demo, tests and evaluation.
//!
//! No person, country or company here exists. A [`Document`] is a [`Person`] printed onto a [`Template`] and
//! taken by a scanner or a camera; all documents of a template share their background, as real ones do. An
//! [`Edit`] is what happens to images before they are leaked. A [`Corpus`] is a whole vault.
//!
//! Everything follows from seeds: the same seed gives the same bytes on one platform. (Other platforms may
//! differ in the last bit of a sine, hence in single pixels.)
//!
//! ```
//! use saltprint_synth::{Document, Edit, Template};
//!
//! let document = Document::new(Template::IdentityCard, 1);
//! let leaked = Edit::Crop { keep: 80 }.apply(&document.image, &document.layout, 5);
//! assert!(leaked.width() < document.image.width());
//! ```
//!
//! Text is set in the `DejaVu` fonts, whose licence (Bitstream Vera terms) allows embedding.

#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic on images of a few thousand pixels a side; values are clamped before they narrow"
)]
#![expect(clippy::many_single_char_names, reason = "x, y, u, v, r, g, b, w, h are the names of the trade")]

mod bilinear;
mod canvas;
mod capture;
mod corpus;
mod document;
mod edit;
mod error;
mod face;
mod jpeg;
mod mrz;
mod names;
mod noise;
mod person;
mod plane;
mod rng;
mod table;
mod template;
mod text;

pub use capture::Medium;
pub use corpus::{Corpus, CorpusEntry, CorpusItem, Written, write_corpus};
pub use document::{Document, Layout};
pub use edit::{Edit, Family, collage};
pub use error::Error;
pub use face::Face;
pub use mrz::check_digit;
pub use person::{Country, Date, Person, Sex};
pub use plane::Rect;
pub use template::Template;

#[cfg(test)]
mod tests;
