//! Images of a file of the vault, for measuring: the file itself, or some of what it holds.

use std::ops::ControlFlow;

use saltprint_fingerprint::Luma;
use saltprint_intake::Location;

use crate::Config;

/// The images of a file that are `wanted` by their place in it (empty for the file itself) and whether they lie on a page, and can be decoded, at most
/// `most`, with their places, in the order of the file.
pub(crate) fn images(
    location: &Location,
    config: &Config,
    most: usize,
    wanted: &dyn Fn(&str, bool) -> bool,
) -> Vec<(String, Luma)> {
    let mut found = Vec::new();
    for_each_image(location, config, wanted, &mut |place, image| {
        found.push((place, image));
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found
}

/// The same images one after the other, until `each` breaks off: so that not all are in memory.
pub(crate) fn for_each_image(
    location: &Location,
    config: &Config,
    wanted: &dyn Fn(&str, bool) -> bool,
    each: &mut dyn FnMut(String, Luma) -> ControlFlow<()>,
) {
    let (decoder, limits) = (&config.decoder, &config.limits);
    let Ok(mut opened) = location.open() else {
        return;
    };
    if !decoder.holds_parts(&mut opened) {
        if wanted("", false) {
            let image = opened.read(limits).and_then(|file| decoder.decode(file.bytes(), limits));
            // Nothing follows that could be broken off.
            let _ = image.map(|image| each(String::new(), image));
        }
        return;
    }
    decoder.for_each_part(opened, limits, &mut |part| {
        // What is no image is not asked about.
        let Ok(content) = part.content else { return ControlFlow::Continue(()) };
        if !wanted(&part.place, part.role.page().is_some()) {
            return ControlFlow::Continue(());
        }
        match content.decode(limits) {
            Ok(image) => each(part.place, image),
            Err(_) => ControlFlow::Continue(()),
        }
    });
}
