//! Workers give what decoding in process gives.

use std::io::Cursor;
use std::ops::ControlFlow;

use image::ImageFormat;
use saltprint_fingerprint::Luma;
use saltprint_intake::{Limits, Location, Opened, Reject, Role};
use saltprint_worker::Decoder;

use crate::{files, workers};

/// A result with what can be compared of it.
fn shown(image: Result<Luma, Reject>) -> Result<(u32, u32, Vec<u8>), Reject> {
    image.map(|image| (image.width(), image.height(), image.pixels().to_vec()))
}

#[expect(clippy::type_complexity, reason = "the one place that compares all of a part")]
fn parts_of(
    decoder: &Decoder,
    opened: Opened,
) -> Vec<(String, Role, Option<Vec<u8>>, Result<(u32, u32, Vec<u8>), Reject>)> {
    let limits = Limits::default();
    let mut parts = Vec::new();
    decoder.for_each_part(opened, &limits, &mut |part| {
        assert!((0.0..=1.0).contains(&part.behind));
        let identity = part.content.as_ref().ok().map(|content| content.identity().into_owned());
        let image = part.content.and_then(|content| content.decode(&limits));
        parts.push((part.place, part.role, identity, shown(image)));
        ControlFlow::Continue(())
    });
    parts
}

pub(crate) fn images() {
    let decoder = workers(|_| ());
    let limits = Limits::default();
    let document = saltprint_synth::Corpus::new(1, 1).document(0).unwrap().encoded;
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ];
    for bytes in formats.map(files::encoded).into_iter().chain([document]) {
        let apart = shown(decoder.decode(&bytes, &limits));
        assert!(apart.is_ok());
        assert_eq!(apart, shown(Decoder::in_process().decode(&bytes, &limits)));
    }
}

pub(crate) fn rejects() {
    let decoder = workers(|_| ());
    let jpeg = files::jpeg();
    let small = Limits { pixels: 100, ..Limits::default() };
    let usual = Limits::default();
    let cases: &[(&[u8], &Limits)] = &[
        (b"", &usual),
        (b"no image", &usual),
        (b"%PDF-1.7", &usual),
        #[cfg(not(feature = "heif"))]
        (b"\0\0\0\x18ftypheic\0\0\0\0", &usual),
        (&jpeg[..jpeg.len() / 2], &usual),
        (&jpeg, &small),
        (&jpeg, &Limits { decode_bytes: 100, ..usual }),
    ];
    for (bytes, limits) in cases {
        let apart = decoder.decode(bytes, limits).unwrap_err();
        assert_eq!(apart, saltprint_intake::decode(bytes, limits).unwrap_err());
    }
}

pub(crate) fn parts() {
    let decoder = workers(|_| ());
    let (jpeg, pdf, damaged) = (files::jpeg(), files::pdf(5), &files::pdf(2)[..300]);
    let inner = files::tar(&[("deep.jpg", &jpeg), ("deep.pdf", &pdf)]);
    let archive = files::tar(&[
        ("a.jpg", &jpeg),
        ("note.txt", b"no image"),
        ("../b.jpg", &jpeg),
        ("c.pdf", &pdf),
        ("d.tar", &inner),
        ("e.pdf", damaged),
        ("f.tif", &files::encoded(ImageFormat::Tiff)),
        ("g.jpg", &jpeg),
    ]);
    let folder = tempfile::tempdir().unwrap();
    for (bytes, least) in [
        (archive.as_slice(), 20),
        (&pdf, 7),
        (damaged, 1),
        (&jpeg, 1),
        (&archive[..2000], 1),
        (b"MZ, and no archive", 1),
        (b"", 1),
    ] {
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let opened = || Location::from(path.as_path()).open().unwrap();
        let apart = parts_of(&decoder, opened());
        assert!(apart.len() >= least, "{}", apart.len());
        assert_eq!(apart, parts_of(&Decoder::in_process(), opened()));
        // The same in memory.
        let mut places = Vec::new();
        decoder.for_each_part_of_bytes(bytes.to_vec(), &Limits::default(), &mut |part| {
            places.push(part.place);
            ControlFlow::Continue(())
        });
        assert_eq!(places, apart.into_iter().map(|(place, ..)| place).collect::<Vec<_>>());
    }
}

pub(crate) fn a_walk_can_be_left() {
    let decoder = workers(|_| ());
    let jpeg = files::jpeg();
    let archive = files::tar(&[("a.jpg", &jpeg), ("b.jpg", &jpeg), ("c.jpg", &jpeg)]);
    let limits = Limits::default();
    for _ in 0..3 {
        let size = archive.len() as u64;
        let opened = Opened::of_source(Box::new(Cursor::new(archive.clone())), size);
        let mut kept = Vec::new();
        decoder.for_each_part(opened, &limits, &mut |part| {
            kept.push(part.content.unwrap());
            if kept.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        // Contents outlive the walk.
        assert!(kept.len() == 2 && kept.iter().all(|content| content.decode(&limits).is_ok()));
    }
}
