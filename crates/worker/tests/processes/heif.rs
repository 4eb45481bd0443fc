//! HEIC and AVIF: in workers, and nowhere else. Their decoders would make threads and look at files if one let them.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::process::Command;

use image::RgbImage;
use saltprint_intake::{Limits, Opened};
use saltprint_worker::{Decoder, LayerKind};

use crate::{files, workers};

/// A picture of these sides as `heif-enc` writes it, or `None` with a note.
fn written(width: u32, height: u32, name: &str) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        image::Rgb([byte(x * 200 / width), byte(y * 200 / height), byte((x / 16 + y / 16) * 40)])
    });
    picture.save(folder.path().join("in.png")).unwrap();
    let ran = Command::new("heif-enc").args(["in.png", "-o", name]).current_dir(folder.path()).output();
    let made = ran.is_ok_and(|ran| ran.status.success());
    let bytes = made.then(|| std::fs::read(folder.path().join(name)).ok()).flatten();
    if bytes.is_none() {
        println!("skipped: no heif-enc here that makes {name}");
    }
    bytes
}

/// Workers that are closed in as well as it needs, or `None` with a note.
fn closed_in(memory: u64) -> Option<Decoder> {
    let decoder = workers(|settings| {
        settings.memory = memory;
        settings.seconds = 30;
    });
    let filtered = decoder.layers().iter().any(|layer| layer.kind == LayerKind::SystemCalls && layer.active);
    if !filtered {
        println!("skipped: no filter of system calls here");
    }
    filtered.then_some(decoder)
}

const MEMORY: u64 = 1 << 30;

pub(crate) fn in_workers_only() {
    let Some(decoder) = closed_in(MEMORY) else { return };
    let limits = Limits::default();
    for name in ["a.heic", "a.avif"] {
        // Large enough for a decoder with threads to use them.
        let Some(bytes) = written(1600, 1200, name) else { continue };
        for _ in 0..2 {
            let image = decoder.decode(&bytes, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((image.width(), image.height()), (1600, 1200));
        }
        let reject = Decoder::in_process().decode(&bytes, &limits).unwrap_err();
        assert_eq!((reject.outcome_word(), reject.code()), ("refused", "unsupported_format"));
        assert!(reject.to_string().contains("decoded only by workers"), "{reject}");

        let archive = files::tar(&[("one.jpg", &files::jpeg()), (name, &bytes), ("cut.heic", &bytes[..400])]);
        let mut codes = Vec::new();
        let size = archive.len() as u64;
        decoder.for_each_part(
            Opened::of_source(Box::new(Cursor::new(archive)), size),
            &limits,
            &mut |part| {
                let image = part.content.and_then(|content| content.decode(&limits));
                codes.push(image.map_or_else(|reject| reject.code(), |_| "image"));
                ControlFlow::Continue(())
            },
        );
        assert_eq!(codes, ["image", "image", "truncated"]);
    }
}

pub(crate) fn memory() {
    let Some(decoder) = closed_in(128 << 20) else { return };
    let limits = Limits::default();
    for name in ["large.heic", "large.avif"] {
        let Some(bytes) = written(5000, 3000, name) else { continue };
        // Within the limits of an image, and more than this worker has.
        let reject = decoder.decode(&bytes, &limits).unwrap_err();
        println!("{name}: {reject}");
        // Where the library notices, it says that it cannot make the colours.
        assert!(reject.to_string().contains("memory"), "{name}: {reject}");
        assert!(decoder.decode(&files::jpeg(), &limits).is_ok());
    }
}
