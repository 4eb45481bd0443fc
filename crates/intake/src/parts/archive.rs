//! Archives: files in a file.

use std::ops::ControlFlow;

use super::{
    Container,
    walk::{Source, Walk},
};
use crate::Refusal;

/// Hands the entries of an archive to the walk.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    place: &str,
    kind: Container,
    _source: Box<dyn Source>,
) -> ControlFlow<()> {
    walk.emit(place, Err(Refusal::unsupported(kind.name(), "").into()))
}
