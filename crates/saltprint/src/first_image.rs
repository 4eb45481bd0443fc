//! One image of a record's file, for measuring: the file itself, or the first part that can be decoded.

use std::ops::ControlFlow;

use saltprint_fingerprint::Luma;
use saltprint_intake::{Limits, Location, decode};

/// The place of the image in the file (empty for the file itself), and the image; `None` where there is none.
pub(crate) fn first_image(location: &Location, limits: &Limits) -> Option<(String, Luma)> {
    let mut opened = location.open().ok()?;
    if !opened.holds_parts() {
        let file = opened.read(limits).ok()?;
        return Some((String::new(), decode(file.bytes(), limits).ok()?));
    }
    let mut first = None;
    opened.for_each_part(limits, &mut |part| {
        first = part.content.and_then(|content| content.decode(limits)).ok().map(|image| (part.place, image));
        if first.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    first
}
