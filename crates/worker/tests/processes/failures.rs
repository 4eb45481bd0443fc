//! What a file does to a worker costs that file its outcome, and nothing else.

use std::io::Cursor;
use std::ops::ControlFlow;

use saltprint_intake::{Limits, Opened};
use saltprint_worker::{Decoder, StartError};

use crate::{files, workers};

/// Does to the worker what the first bytes of a file say.
pub(crate) fn misbehave(bytes: &[u8]) {
    match bytes.get(..6) {
        Some(b"abort!") => std::process::abort(),
        Some(b"panic!") => panic!("with the content of the file"),
        Some(b"endles") => loop {
            std::hint::black_box(bytes);
        },
        Some(b"memory") => {
            let hoard: Vec<Vec<u8>> =
                (0..64_usize).map(|at| vec![u8::try_from(at).unwrap(); 64 << 20]).collect();
            std::hint::black_box(hoard);
        }
        Some(b"recurs") => {
            std::hint::black_box(deeper(0));
        }
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "until the stack is at its end")]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + frame[7]
}

const FATES: [(&[u8], &str); 5] = [
    (b"abort!", "decoder_crashed"),
    (b"panic! this quotes nothing", "decoder_crashed"),
    (b"recursion", "decoder_crashed"),
    (b"memory", "decoder_memory"),
    (b"endless", "decoder_time"),
];

/// Workers that break soon at what `code` says, and late at everything else.
fn breaking(code: &str) -> Decoder {
    workers(|settings| {
        settings.memory = 256 << 20;
        settings.seconds = if code == "decoder_time" { 1 } else { 120 };
    })
}

pub(crate) fn one_item() {
    let (jpeg, limits) = (files::jpeg(), Limits::default());
    for (bytes, code) in FATES {
        let decoder = breaking(code);
        let reject = decoder.decode(bytes, &limits).unwrap_err();
        assert_eq!((reject.outcome_word(), reject.code()), ("refused", code));
        assert!(decoder.decode(&jpeg, &limits).is_ok());
    }
}

pub(crate) fn no_blame_for_others() {
    // One worker at a time, which has had an item before each of these; and one that is replaced after each.
    for items in [1000, 1] {
        let decoder = workers(|settings| (settings.idle, settings.items) = (1, items));
        let (jpeg, limits) = (files::jpeg(), Limits::default());
        for _ in 0..3 {
            assert!(decoder.decode(&jpeg, &limits).is_ok());
            assert_eq!(decoder.decode(b"abort!", &limits).unwrap_err().code(), "decoder_crashed");
            assert!(decoder.decode(&jpeg, &limits).is_ok());
        }
    }
}

pub(crate) fn parts_before_a_crash() {
    let (jpeg, limits) = (files::jpeg(), Limits::default());
    for (bytes, code) in FATES {
        let decoder = breaking(code);
        let archive = files::tar(&[("a.jpg", &jpeg), ("b.jpg", bytes), ("c.jpg", &jpeg)]);
        let size = archive.len() as u64;
        let opened = Opened::of_source(Box::new(Cursor::new(archive)), size);
        let mut parts = Vec::new();
        decoder.for_each_part(opened, &limits, &mut |part| {
            let code =
                part.content.and_then(|content| content.decode(&limits)).err().map(|reject| reject.code());
            parts.push((part.place, code));
            ControlFlow::Continue(())
        });
        assert_eq!(parts, [("/a.jpg".to_owned(), None), (String::new(), Some(code))]);
    }
}

pub(crate) fn no_worker() {
    let start = |program: &str| {
        let mut settings = saltprint_worker::Settings::default();
        settings.program = program.into();
        Decoder::workers(settings).map(|_| ())
    };
    assert!(matches!(start("/nowhere/at/all"), Err(StartError::System(_))));
    assert!(matches!(start("/bin/true"), Err(StartError::NoWorker)));
    assert!(matches!(start("/bin/echo"), Err(StartError::NoWorker)));
}
