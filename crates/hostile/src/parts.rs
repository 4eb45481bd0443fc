//! Files in files: one walk, with everything that it hands out looked at.

use std::collections::HashSet;
use std::ops::ControlFlow;

use saltprint_fingerprint::Luma;
use saltprint_intake::{Limits, Refusal, Reject, Role, for_each_part_of_bytes};

use crate::image;

/// Parts that no file of these targets may give: they allow 64 entries and 3 pages.
const MOST_PARTS: usize = 4_000;

/// Bytes that all entries may unpack to.
const UNPACKED_BYTES: u64 = 4 << 20;

fn limits() -> Limits {
    Limits {
        file_bytes: 1 << 20,
        // A page has 1,800 pixels on its longer side: only narrow ones are drawn, so that it goes fast.
        side: 2048,
        pixels: 1 << 20,
        decode_bytes: 32 << 20,
        container_bytes: 1 << 20,
        document_bytes: 1 << 20,
        entries: 64,
        unpacked_bytes: UNPACKED_BYTES,
        pages: 3,
        seconds: 2,
        ..Limits::default()
    }
}

/// One part as it was met.
struct Seen {
    place: String,
    role: Role,
    content: Result<Vec<u8>, Reject>,
    image: Option<Result<Luma, Reject>>,
}

/// Walks `bytes` twice. Files are decoded, pages and images in documents only where `draw` says so: that takes long.
pub(crate) fn check(bytes: &[u8], draw: bool) {
    let first = walk(bytes, draw);
    assert!(!first.is_empty(), "a file without any outcome");
    let again = walk(bytes, draw);
    if [&first, &again].into_iter().flatten().any(ran_out_of_time) {
        return;
    }
    assert_eq!(first.len(), again.len(), "the same bytes gave more parts and fewer");
    for (a, b) in first.iter().zip(&again) {
        assert_eq!((&a.place, &a.role, &a.content), (&b.place, &b.role, &b.content));
        let same = a.image.as_ref().zip(b.image.as_ref()).is_none_or(|(a, b)| image::same(a, b));
        assert!(same, "{} decoded to two results", a.place);
    }
}

/// A walk that took too long ends elsewhere the next time.
fn ran_out_of_time(seen: &Seen) -> bool {
    let reject = seen.content.as_ref().err().or_else(|| seen.image.as_ref()?.as_ref().err());
    matches!(reject, Some(Reject::Refused(Refusal::ContainerLimit { what, .. })) if what.contains("seconds"))
}

fn walk(bytes: &[u8], draw: bool) -> Vec<Seen> {
    let limits = limits();
    let (mut seen, mut places, mut unpacked) = (Vec::new(), HashSet::new(), 0_u64);
    for_each_part_of_bytes(bytes.to_vec(), &limits, &mut |part| {
        assert!((0.0..=1.0).contains(&part.behind), "{} of the file was read", part.behind);
        assert!(!part.place.chars().any(char::is_control), "{:?}", part.place);
        let mut image = None;
        let content = part.content.map(|content| {
            assert!(places.insert(part.place.clone()), "two parts at {}", part.place);
            let is_file = part.role == Role::File;
            if is_file {
                unpacked += content.held() as u64;
            }
            if is_file || draw {
                let result = content.decode(&limits);
                // What a document draws has limits of its own; a page is as large as its paper says.
                if is_file {
                    image::check_result(&result, &limits);
                } else if let Err(reject) = &result {
                    image::check_reject(reject);
                }
                image = Some(result);
            }
            blake3::hash(&content.identity()).as_bytes().to_vec()
        });
        if let Err(reject) = &content {
            image::check_reject(reject);
        }
        seen.push(Seen { place: part.place, role: part.role, content, image });
        assert!(seen.len() <= MOST_PARTS, "parts without end");
        ControlFlow::Continue(())
    });
    let allowed = UNPACKED_BYTES + bytes.len() as u64;
    assert!(unpacked <= allowed, "{unpacked} bytes out of {}", bytes.len());
    seen
}

/// How many images a file gives.
#[cfg(test)]
pub(crate) fn images(bytes: &[u8], draw: bool) -> usize {
    walk(bytes, draw).iter().filter(|seen| matches!(seen.image, Some(Ok(_)))).count()
}
