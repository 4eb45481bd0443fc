//! Limits: bombs, and entries that are too large.

use std::io::Write as _;

use super::*;

const SMALL: u64 = 100_000;

/// Limits on entries of 10,000 bytes (images) and 50,000 (what holds others).
fn small() -> Limits {
    Limits { file_bytes: 10_000, document_bytes: 50_000, ..Limits::default() }
}

/// A gzip stream of so many zeros, written in pieces.
fn zeros(megabytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = vec![0; 1024 * 1024];
    for _ in 0..megabytes {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn an_entry_that_is_too_large_is_refused_and_the_others_go_on() {
    let large = vec![b'x'; 10_001];
    let fits = vec![b'x'; 10_000];
    let inner = zip(&[stored("a", &fits), stored("b", &fits)]);
    let too_large = zip(&[stored("a", &vec![b'x'; 50_000])]);
    let of = |entries: [(&str, &[u8]); 5]| {
        let zip = zip(&entries.map(|(name, bytes)| deflated(name, bytes)));
        let tar = tar(&entries.map(|(name, bytes)| tar_entry(name, b'0', bytes)));
        [zip, gzip(&tar), tar]
    };
    let archives = of([
        ("large", &large),
        ("fits", &fits),
        ("in.zip", &inner),
        ("too large.zip", &too_large),
        ("last", b"L"),
    ]);
    let content = format!("={}", "x".repeat(10_000));
    for archive in archives {
        assert_eq!(
            parts_within(&archive, &small()),
            came([
                ("/large", "file_too_large"),
                ("/fits", &content),
                ("/in.zip/a", &content),
                ("/in.zip/b", &content),
                ("/too large.zip", "file_too_large"),
                ("/last", "=L"),
            ])
        );
    }
    assert_eq!(parts_within(&gzip(&large), &small()), came([("#content", "file_too_large")]));
}

#[test]
fn a_size_that_is_stated_is_not_trusted() {
    let liar = ZipEntry { unpacked: 3, ..deflated("liar", &vec![0; 1_000_000]) };
    assert_eq!(
        parts_within(&zip(&[liar, stored("b", b"B")]), &small()),
        came([("/liar", "malformed"), ("/b", "=B"),])
    );
    let boaster = ZipEntry { unpacked: u32::MAX - 1, ..deflated("boaster", b"short") };
    assert_eq!(parts(&zip(&[boaster])), came([("/boaster", "malformed")]));
}

#[test]
fn unpacked_bytes_end_the_walk() {
    let limits = Limits { unpacked_bytes: SMALL, ..Limits::default() };
    let half = vec![b'x'; 60_000];
    let entries = [deflated("a", &half), deflated("b", &half), stored("c", b"C")];
    let content = format!("={}", "x".repeat(60_000));
    assert_eq!(parts_within(&zip(&entries), &limits), came([("/a", &content), ("/b", "container_limit")]));
    let entries = [("a", &half), ("b", &half)].map(|(name, bytes)| tar_entry(name, b'0', bytes));
    for archive in [tar(&entries), gzip(&tar(&entries))] {
        assert_eq!(parts_within(&archive, &limits), came([("/a", &content), ("/b", "container_limit")]));
    }
    // What is refused and passed over counts as well.
    let entries = [tar_entry("../a", b'0', &half), tar_entry("._b", b'0', &half), tar_entry("c", b'0', b"C")];
    assert_eq!(parts_within(&tar(&entries), &limits).last().unwrap().1, "container_limit");
    // The archives in an archive share the allowance.
    let inner = zip(&[deflated("x", &half)]);
    let nested = zip(&[stored("1.zip", &inner), stored("2.zip", &inner), stored("3", b"3")]);
    assert_eq!(
        parts_within(&nested, &limits),
        came([("/1.zip/x", &content), ("/2.zip/x", "container_limit")])
    );
}

#[test]
fn entries_end_the_walk_folders_among_them() {
    let limits = Limits { entries: 3, ..Limits::default() };
    let entries =
        [stored("a", b"A"), stored("folder/", b""), stored("b", b"B"), stored("c", b"C"), stored("d", b"D")];
    let expected = came([("/a", "=A"), ("/b", "=B"), ("/c", "container_limit")]);
    assert_eq!(parts_within(&zip(&entries), &limits), expected);
    let entries = [
        tar_entry("a", b'0', b"A"),
        tar_entry("folder/", b'5', b""),
        tar_entry("b", b'0', b"B"),
        tar_entry("c", b'0', b"C"),
    ];
    assert_eq!(parts_within(&gzip(&tar(&entries)), &limits), expected);
}

#[test]
fn a_stream_that_unpacks_too_well_ends_the_walk() {
    // 300 MB from some 300 kB: more than 100 times as much, and more than the 256 MiB that are free.
    let limits = Limits { file_bytes: 10_000, ..Limits::default() };
    let header = tar_header(b"zeros", b'0', 300 * 1024 * 1024);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&header).unwrap();
    let piece = vec![0; 1024 * 1024];
    for _ in 0..300 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.write_all(&tar(&[tar_entry("after", b'0', b"A")])).unwrap();
    let bomb = encoder.finish().unwrap();
    let expected = came([("/zeros", "file_too_large"), ("", "container_limit")]);
    assert_eq!(parts_within(&bomb, &limits), expected);
    // As one file, it is refused as soon as it is too large.
    assert_eq!(parts_within(&zeros(300), &limits), came([("#content", "file_too_large")]));
}

#[test]
fn many_copies_of_one_bomb_in_another() {
    // As 42.zip: archives of archives, the innermost of which holds much. The depth allowed ends it, file by file.
    let mut bomb = zip(&[deflated("0", &vec![0; 5_000_000])]);
    for _ in 0..3 {
        let copies = (0..16).map(|number| deflated(format!("{number}.zip"), &bomb)).collect::<Vec<_>>();
        bomb = zip(&copies);
    }
    let came_of = parts(&bomb);
    assert_eq!(came_of.len(), 256);
    assert_eq!(came_of[17], ("/1.zip/1.zip".to_owned(), "container_limit".to_owned()));
    assert!(came_of.iter().all(|(_, came)| came == "container_limit"));
}

#[test]
fn a_dictionary_larger_than_the_memory_allowed_is_refused() {
    // A frame of Zstandard that asks for a window of 1 GiB (descriptor: exponent 20), then nothing.
    let frame = b"\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00";
    assert_eq!(parts(frame), came([("", "too_much_memory")]));
}
