//! One image of a record's file, for measuring: the file itself, or the first part that can be decoded.

use std::ops::ControlFlow;
use std::path::Path;

use saltprint_fingerprint::Luma;
use saltprint_intake::{Limits, decode, for_each_part, holds_parts, read_bounded};

/// The place of the image in the file (empty for the file itself), and the image; `None` where there is none.
pub(crate) fn first_image(path: &Path, limits: &Limits) -> Option<(String, Luma)> {
    if !holds_parts(path) {
        let file = read_bounded(path, limits).ok()?;
        return Some((String::new(), decode(file.bytes(), limits).ok()?));
    }
    let mut first = None;
    for_each_part(path, limits, &mut |part| {
        first = part.content.and_then(|content| content.decode(limits)).ok().map(|image| (part.place, image));
        if first.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    first
}
