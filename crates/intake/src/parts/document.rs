//! Documents: pages and the images on them.

use std::ops::ControlFlow;

use zeroize::Zeroizing;

use super::{Container, Content, Kind, walk::Walk};
use crate::Refusal;

/// Hands the pages and images of a document to the walk.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    place: &str,
    kind: Container,
    bytes: Zeroizing<Vec<u8>>,
) -> ControlFlow<()> {
    if kind == Container::Tiff {
        walk.emit(place, Ok(Content(Kind::File(bytes))))
    } else {
        walk.emit(place, Err(Refusal::unsupported(kind.name(), "").into()))
    }
}
