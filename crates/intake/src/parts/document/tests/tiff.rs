//! TIFFs of several pages, written here.

use super::{decoded, outline, parts, parts_within};
use crate::Limits;

/// A directory: entries of (tag, type, value), and the samples that it points to by tag 273.
#[derive(Clone)]
struct Page {
    shade: u8,
    kind: u32,
    orientation: u16,
}

const PLAIN: Page = Page { shade: 0, kind: 0, orientation: 1 };

/// A TIFF of grey pages of 3 x 2 pixels, whose first pixel is 0. Gives where each directory begins, too.
fn write(pages: &[Page], big_endian: bool, big: bool) -> (Vec<u8>, Vec<usize>) {
    let number = |value: u64, size: usize| -> Vec<u8> {
        let bytes = value.to_be_bytes()[8 - size..].to_vec();
        if big_endian { bytes } else { bytes.into_iter().rev().collect() }
    };
    let offset_size = if big { 8 } else { 4 };
    let mut file = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    file.extend(number(if big { 43 } else { 42 }, 2));
    if big {
        file.extend(number(8, 2));
        file.extend(number(0, 2));
    }
    let mut link = file.len();
    file.extend(number(0, offset_size));
    let mut starts = Vec::new();
    for page in pages {
        let samples = file.len() as u64;
        file.extend([0, page.shade, page.shade, page.shade, page.shade, page.shade]);
        let start = file.len();
        starts.push(start);
        file[link..link + offset_size].copy_from_slice(&number(start as u64, offset_size));
        let entries: [(u64, usize, u64); 9] = [
            (254, 4, page.kind.into()),
            (256, 2, 3),
            (257, 2, 2),
            (258, 2, 8),
            (262, 2, 1),
            (273, 4, samples),
            (274, 2, page.orientation.into()),
            (278, 2, 2),
            (279, 4, 6),
        ];
        file.extend(number(entries.len() as u64, if big { 8 } else { 2 }));
        for (tag, size, value) in entries {
            file.extend(number(tag, 2));
            file.extend(number(if size == 2 { 3 } else { 4 }, 2));
            file.extend(number(1, offset_size));
            let mut field = number(value, size);
            field.resize(offset_size, 0);
            file.extend(field);
        }
        link = file.len();
        file.extend(number(0, offset_size));
    }
    (file, starts)
}

fn of_shades(shades: &[u8]) -> Vec<Page> {
    shades.iter().map(|&shade| Page { shade, ..PLAIN }).collect()
}

#[test]
fn every_page_of_every_layout() {
    for (big_endian, big) in [(false, false), (true, false), (false, true), (true, true)] {
        let (file, _) = write(&of_shades(&[10, 20, 30]), big_endian, big);
        let parts = parts(&file);
        assert_eq!(outline(&parts), ["#page=1", "#page=2", "#page=3"], "{big_endian} {big}");
        for (part, shade) in parts.iter().zip([10, 20, 30]) {
            assert_eq!(decoded(part).unwrap().pixels(), [0, shade, shade, shade, shade, shade]);
        }
        let held: Vec<usize> = parts.iter().map(|part| part.content.as_ref().unwrap().held()).collect();
        assert_eq!(held, [file.len(), 0, 0]);
        let identities: Vec<_> = parts.iter().map(|part| part.content.as_ref().unwrap().identity()).collect();
        assert!(identities[0] != identities[1] && identities[1] != identities[2]);
        assert_eq!(identities[2], super::parts(&file)[2].content.as_ref().unwrap().identity());
    }
}

#[test]
fn one_page_is_the_file_itself() {
    let (file, _) = write(&of_shades(&[10]), false, false);
    let parts = parts(&file);
    assert_eq!(outline(&parts), [""]);
    assert_eq!(&*parts[0].content.as_ref().unwrap().identity(), file.as_slice());
    let plain = crate::decode(&file, &Limits::default()).unwrap();
    assert_eq!(decoded(&parts[0]).unwrap().pixels(), plain.pixels());
}

#[test]
fn thumbnails_and_masks_are_no_pages() {
    let kinds = |kinds: &[u32]| -> Vec<Page> {
        (1..).zip(kinds).map(|(shade, &kind)| Page { shade: shade * 10, kind, ..PLAIN }).collect()
    };
    let (file, _) = write(&kinds(&[0, 1, 2, 4, 2]), true, false);
    let several = parts(&file);
    assert_eq!(outline(&several), ["#page=1", "#page=2", "#page=3"]);
    let shades: Vec<u8> = several.iter().map(|part| decoded(part).unwrap().pixels()[1]).collect();
    assert_eq!(shades, [10, 30, 50]);

    // The thumbnail comes first: the one page is not what a decoder of single images would take.
    let (file, _) = write(&kinds(&[1, 0]), false, false);
    let alone = parts(&file);
    assert_eq!(outline(&alone), [""]);
    assert_eq!(decoded(&alone[0]).unwrap().pixels()[1], 20);

    // Nothing but thumbnails is better than nothing.
    let (file, _) = write(&kinds(&[1, 1]), false, false);
    let thumbnails = parts(&file);
    assert_eq!(outline(&thumbnails), [""]);
    assert_eq!(decoded(&thumbnails[0]).unwrap().pixels()[1], 10);
}

#[test]
fn pages_are_upright() {
    let (file, _) = write(&[PLAIN, Page { shade: 9, orientation: 6, ..PLAIN }], false, false);
    let page = decoded(&parts(&file)[1]).unwrap();
    assert_eq!((page.width(), page.height(), page.pixels()), (2, 3, [9, 0, 9, 9, 9, 9].as_slice()));
}

#[test]
fn damage_does_not_take_earlier_pages_along() {
    let (file, starts) = write(&of_shades(&[10, 20, 30]), false, false);
    // Cut in the third directory, and in the second.
    assert_eq!(outline(&parts(&file[..starts[2] + 20])), ["#page=1", "#page=2", "#page=3 truncated"]);
    let cut = parts(&file[..starts[1] + 20]);
    assert_eq!(outline(&cut), ["#page=1", "#page=2 truncated"]);
    assert!(decoded(&cut[0]).is_ok());

    // The second page points to itself: its directory ends 4 bytes before the samples of the third.
    let mut looped = file.clone();
    let link = starts[2] - 6 - 4;
    looped[link..link + 4].copy_from_slice(&u32::try_from(starts[1]).unwrap().to_le_bytes());
    assert_eq!(outline(&parts(&looped)), ["#page=1", "#page=2", "#page=3 malformed"]);

    // The samples of the second page lie outside of the file.
    let mut outside = file.clone();
    let value = starts[1] + 2 + 5 * 12 + 8;
    outside[value..value + 4].copy_from_slice(&0x00ff_0000_u32.to_le_bytes());
    let outside = parts(&outside);
    assert_eq!(outline(&outside), ["#page=1", "#page=2", "#page=3"]);
    assert_eq!(decoded(&outside[1]).unwrap_err().code(), "truncated");
    assert!(decoded(&outside[0]).is_ok() && decoded(&outside[2]).is_ok());
}

#[test]
fn limits() {
    let (file, _) = write(&of_shades(&[10, 20, 30]), false, false);
    let limits = Limits { pages: 2, ..Limits::default() };
    assert_eq!(outline(&parts_within(&file, &limits)), ["#page=1", "#page=2", " container_limit"]);
    let thumbnails = vec![Page { kind: 1, ..PLAIN }; 20];
    let (file, _) = write(&[vec![PLAIN; 2], thumbnails].concat(), false, false);
    assert_eq!(outline(&parts_within(&file, &limits)), ["#page=1", "#page=2", " container_limit"]);
    let part = parts(&file).swap_remove(1);
    let narrow = Limits { side: 2, ..Limits::default() };
    assert_eq!(part.content.unwrap().decode(&narrow).unwrap_err().code(), "side_too_long");
}

proptest::proptest! {
    #[test]
    fn any_damage_gives_parts_that_can_be_asked(
        at: proptest::sample::Index,
        byte: u8,
        cut: proptest::sample::Index,
        big: bool,
    ) {
        let (mut file, _) = write(&of_shades(&[10, 20, 30]), false, big);
        let at = at.index(file.len());
        file[at] = byte;
        file.truncate(file.len() - cut.index(file.len() / 2));
        let parts = parts(&file);
        proptest::prop_assert!(!parts.is_empty());
        for part in &parts {
            let _ = decoded(part);
        }
    }
}
