//! Images of a file of the vault, for measuring: the file itself, or some of what it holds.

use std::ops::ControlFlow;

use saltprint_fingerprint::Luma;
use saltprint_intake::Location;

use crate::Config;

/// The images of a file that are `wanted` by their place in it (empty for the file itself) and can be decoded, at most
/// `most`, with their places, in the order of the file. Of a page with images on it the page.
pub(crate) fn images(
    location: &Location,
    config: &Config,
    most: usize,
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<(String, Luma)> {
    let (decoder, limits) = (&config.decoder, &config.limits);
    let mut found = Vec::new();
    let Ok(mut opened) = location.open() else {
        return found;
    };
    if !decoder.holds_parts(&mut opened) {
        if wanted("") {
            let image = opened.read(limits).and_then(|file| decoder.decode(file.bytes(), limits));
            found.extend(image.ok().map(|image| (String::new(), image)));
        }
        return found;
    }
    decoder.for_each_part(opened, limits, &mut |part| {
        if part.role.page().is_none() && wanted(&part.place) {
            let image = part.content.and_then(|content| content.decode(limits));
            found.extend(image.ok().map(|image| (part.place, image)));
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found
}
