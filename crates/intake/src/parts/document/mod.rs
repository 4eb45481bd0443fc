//! Documents: pages and the images on them.
//!
//! A PDF gives each of its pages, drawn, and each image on it; a TIFF of several pages each of them. The walk looks at
//! the structure only; pages are drawn where their content is decoded.

mod drawing;
mod guard;
mod pdf;
mod tiff;

use std::ops::ControlFlow;

use zeroize::Zeroizing;

use super::{Container, walk::Walk};
use crate::{Limits, Refusal};

pub use drawing::{Document, Drawing};
pub use guard::draw_on_this_thread;

/// Hands the pages and images of a document to the walk.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    place: &str,
    kind: Container,
    bytes: Zeroizing<Vec<u8>>,
) -> ControlFlow<()> {
    let allowed = walk.limits.document_bytes.max(walk.limits.file_bytes);
    if let Err(reject) = (Limits { file_bytes: allowed, ..*walk.limits }).check_file(bytes.len() as u64) {
        return walk.emit(place, Err(reject));
    }
    match kind {
        Container::Pdf => pdf::walk(walk, place, bytes),
        Container::Tiff => tiff::walk(walk, place, bytes),
        Container::Zip
        | Container::Tar
        | Container::Gzip
        | Container::Zstd
        | Container::Xz
        | Container::SevenZip => {
            walk.emit(place, Err(Refusal::unsupported(kind.name(), "it holds no pages").into()))
        }
    }
}

/// The place of a page, counted from 1.
fn page_place(place: &str, number: usize) -> String {
    format!("{place}#page={number}")
}

#[cfg(test)]
mod tests;
