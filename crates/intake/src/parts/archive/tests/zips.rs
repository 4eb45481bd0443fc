//! ZIP archives made by hand.

use super::*;
use crate::{MAX_DEPTH, for_each_part};

#[test]
fn entries_in_the_order_of_the_directory() {
    let bytes = zip(&[
        stored("b.jpg", b"B"),
        stored("a/", b""),
        deflated("a/a.jpg", b"AAAAAAAAAAAA"),
        stored("e", b""),
    ]);
    assert_eq!(parts(&bytes), came([("/b.jpg", "=B"), ("/a/a.jpg", "=AAAAAAAAAAAA"), ("/e", "empty_file")]));
    assert_eq!(parts(&zip(&[])), came([("", "empty_container")]));
    assert_eq!(parts(&zip(&[stored("a/", b"")])), came([("", "empty_container")]));
}

#[test]
fn a_sink_that_breaks_ends_the_walk() {
    let bytes = zip(&[stored("a", b"A"), stored("b", b"B")]);
    let mut seen = 0;
    for_each_part_of_bytes(bytes, &Limits::default(), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!(seen, 1);
}

#[test]
fn unsafe_names_links_and_devices_are_refused_and_the_others_go_on() {
    let entries = [
        stored("../a", b"x"),
        stored("/etc/passwd", b"x"),
        stored("C:\\a", b"x"),
        stored("a\\..\\..\\b", b"x"),
        stored("", b"x"),
        ZipEntry { mode: 0o120_777, ..stored("link", b"/etc/passwd") },
        ZipEntry { mode: 0o020_644, ..stored("device", b"") },
        ZipEntry { mode: 0o040_755, ..stored("folder without a slash", b"") },
        stored("a\\b.jpg", b"B"),
        stored("good", b"G"),
    ];
    assert_eq!(
        parts(&zip(&entries)),
        came([
            ("/../a", "unsafe_entry"),
            ("//etc/passwd", "unsafe_entry"),
            ("/C:\\\\a", "unsafe_entry"),
            ("/a\\\\..\\\\..\\\\b", "unsafe_entry"),
            ("/", "unsafe_entry"),
            ("/link", "unsafe_entry"),
            ("/device", "unsafe_entry"),
            ("/a\\\\b.jpg", "=B"),
            ("/good", "=G"),
        ])
    );
}

#[test]
fn hidden_names_are_names_and_only_those_of_the_system_are_passed_over() {
    let entries =
        ["__MACOSX/._a.jpg", "._a.jpg", "x/.DS_Store", ".cache/kyc/1.jpg", ".a.jpg", "Thumbs.db", "a.jpg"];
    let expected =
        came([("/.cache/kyc/1.jpg", "=A"), ("/.a.jpg", "=A"), ("/Thumbs.db", "=A"), ("/a.jpg", "=A")]);
    let of_zip = zip(&entries.map(|name| stored(name, b"A")));
    assert_eq!(parts(&of_zip), expected);
    assert_eq!(parts(&gzip(&tar(&entries.map(|name| tar_entry(name, b'0', b"A"))))), expected);
    // Without its directory.
    let directory = of_zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let recovered = parts(&of_zip[..directory]);
    assert_eq!(recovered[..4], expected);
    assert_eq!(recovered[4..], came([("", "truncated")]));
}

#[test]
fn names_stay_apart_and_on_one_line() {
    let entries = [
        stored("a\nb", b"1"),
        stored("a\u{202e}gpj", b"2"),
        stored(b"\x94.jpg", b"3"),
        ZipEntry { flags: 1 << 11, ..stored(b"\x94.jpg", b"4") },
        ZipEntry { flags: 1 << 11, ..stored(b"\x95.jpg", b"5") },
        stored("ö.jpg", b"6"),
        stored("same", b"7"),
        stored("same", b"8"),
        stored("same#2", b"9"),
        stored("./same", b"0"),
        stored(b"nul\0.jpg", b"n"),
    ];
    assert_eq!(
        parts(&zip(&entries)),
        came([
            ("/a\\u{a}b", "=1"),
            ("/a\\u{202e}gpj", "=2"),
            ("/ö.jpg", "=3"),
            ("/\\x94.jpg", "=4"),
            ("/\\x95.jpg", "=5"),
            ("/ö.jpg#2", "=6"),
            ("/same", "=7"),
            ("/same#2", "=8"),
            ("/same#2#2", "=9"),
            ("/same#3", "=0"),
            ("/nul\\u{0}.jpg", "=n"),
        ])
    );
}

#[test]
fn no_entry_passes_for_a_page_or_an_image_of_one() {
    let entries = ["scan", "scan&image=1.jpg", "a.pdf", "a.pdf#page=1", "b.gz#content"];
    let mut found = Vec::new();
    for_each_part_of_bytes(zip(&entries.map(|name| stored(name, b"A"))), &Limits::default(), &mut |part| {
        assert_eq!(part.role, crate::Role::File);
        found.push(part.place);
        ControlFlow::Continue(())
    });
    assert_eq!(
        found,
        ["/scan", "/scan\\u{26}image=1.jpg", "/a.pdf", "/a.pdf\\u{23}page=1", "/b.gz\\u{23}content"]
    );
}

#[test]
fn methods_and_passwords_are_told() {
    let entries = [
        ZipEntry { method: 9, ..stored("a", b"x") },
        ZipEntry { method: 4242, ..stored("b", b"x") },
        ZipEntry { flags: 1, ..stored("c", b"x") },
        ZipEntry { method: 99, ..stored("d", b"x") },
        stored("e", b"E"),
    ];
    let bytes = zip(&entries);
    let (unsupported, encrypted) = ("unsupported_format", "encrypted");
    assert_eq!(
        parts(&bytes),
        came([("/a", unsupported), ("/b", unsupported), ("/c", encrypted), ("/d", encrypted), ("/e", "=E")])
    );
    let messages = messages(&bytes);
    assert!(messages[0].ends_with("an entry packed by the method DEFLATE64"), "{}", messages[0]);
    assert!(messages[1].ends_with("an entry packed by the method 4242"), "{}", messages[1]);
}

#[test]
fn entries_that_overlap_are_refused() {
    // Each entry's data begin with the header of the next, down to one kernel (Fifield, "A better zip bomb", 2019).
    let kernel = zip(&[stored("kernel", b"KKKK")]);
    let header = 30 + "kernel".len();
    let inner = [&kernel[..header], b"KKKK"].concat();
    let entries = [
        stored("apart", b"A"),
        stored("quotes", &inner),
        ZipEntry { offset: Some(30 + 5 + 1 + 30 + 6), ..stored("kernel", b"KKKK") },
        stored("good", b"G"),
    ];
    let expected =
        came([("/apart", "=A"), ("/quotes", "unsafe_entry"), ("/kernel", "unsafe_entry"), ("/good", "=G")]);
    assert_eq!(parts(&zip(&entries)), expected);
    // One entry that is listed twice.
    let twice = [stored("a", b"A"), ZipEntry { offset: Some(0), ..stored("b", b"A") }];
    assert_eq!(parts(&zip(&twice)), came([("/a", "unsafe_entry"), ("/b", "unsafe_entry")]));
    // Headers that leap over others with their extra fields.
    let leap = stored("b", b"KKKK");
    let leap = [ZipEntry { extra: vec![0; 30 + 1], ..stored("a", b"KKKK") }, leap];
    let mut bytes = zip(&leap);
    // The first header's data are those of the second: the first's own data are cut out.
    bytes.drain(30 + 1 + 31..30 + 1 + 31 + 4);
    let came_of = parts(&bytes);
    assert!(came_of.iter().all(|(_, came)| came != "=KKKK"), "{came_of:?}");
}

#[test]
fn damage_in_one_entry_leaves_the_others() {
    let long = b"a picture, a picture, a picture, another picture".as_slice();
    let entries = [
        ZipEntry { crc: 1, ..stored("crc", b"x") },
        ZipEntry { unpacked: 5, ..deflated("size", long) },
        ZipEntry { packed: b"\xff\xff\xff".to_vec(), ..deflated("deflate", long) },
        ZipEntry { packed: deflate(long)[..9].to_vec(), ..deflated("short", long) },
        ZipEntry { offset: Some(3), ..stored("nowhere", b"x") },
        stored("good", b"G"),
    ];
    assert_eq!(
        parts(&zip(&entries)),
        came([
            ("/crc", "malformed"),
            ("/size", "malformed"),
            ("/deflate", "malformed"),
            ("/short", "truncated"),
            ("/nowhere", "malformed"),
            ("/good", "=G"),
        ])
    );
}

#[test]
fn a_directory_that_lists_too_few_is_told() {
    let mut bytes = zip(&[stored("a", b"A")]);
    let count = bytes.len() - 12;
    bytes[count] = 9;
    assert_eq!(parts(&bytes), came([("/a", "=A"), ("", "malformed")]));
}

#[test]
fn archives_in_archives_to_the_depth_allowed() {
    let mut bytes = zip(&[stored("a.jpg", b"A")]);
    let mut expected = came([("/a.jpg", "=A")]);
    for depth in 1..=MAX_DEPTH {
        assert_eq!(parts(&bytes), expected);
        bytes = zip(&[deflated("in.zip", &bytes), stored("b", b"B")]);
        expected[0].0.insert_str(0, "/in.zip");
        expected.push(("/in.zip".repeat(usize::try_from(depth - 1).unwrap()) + "/b", "=B".to_owned()));
        expected[1..].sort_by_key(|(place, _)| std::cmp::Reverse(place.len()));
    }
    let deep = expected[0].0.strip_suffix("/a.jpg").unwrap();
    let came_of = parts(&bytes);
    assert_eq!(came_of[0], (deep.to_owned(), "container_limit".to_owned()));
    assert_eq!(came_of.last().unwrap(), &("/b".to_owned(), "=B".to_owned()));
}

#[test]
fn an_archive_that_unpacks_itself() {
    let bytes = [b"MZ a program".as_slice(), &zip(&[stored("a.jpg", b"A")])].concat();
    assert_eq!(parts(&bytes), came([("/a.jpg", "=A")]));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let mut places = Vec::new();
    for_each_part(file.path(), &Limits::default(), &mut |part| {
        places.push(part.place);
        ControlFlow::Continue(())
    });
    assert_eq!(places, ["/a.jpg"]);
    assert_eq!(parts(b"MZ a program"), came([("", "=MZ a program")]));
}

#[test]
fn parts_of_a_file_on_disk_are_those_of_its_bytes() {
    let bytes =
        gzip(&tar(&[tar_entry("a.zip", b'0', &zip(&[deflated("b", b"BBBB")])), tar_entry("c", b'0', b"C")]));
    let expected = came([("/a.zip/b", "=BBBB"), ("/c", "=C")]);
    assert_eq!(parts(&bytes), expected);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let mut places = Vec::new();
    for_each_part(file.path(), &Limits::default(), &mut |part| {
        places.push((part.place, format!("={}", part.content.unwrap().identity().escape_ascii())));
        ControlFlow::Continue(())
    });
    assert_eq!(places, expected);
}
