//! Tape archives made by hand.

use super::*;

#[test]
fn kinds_of_entries() {
    let entries = [
        tar_entry("folder/", b'5', b""),
        tar_entry("old folder/", 0, b""),
        tar_entry("label", b'V', b""),
        tar_entry("./a", b'0', b"A"),
        tar_entry("old", 0, b"O"),
        tar_entry("contiguous", b'7', b"C"),
        tar_entry("hard", b'1', b""),
        tar_entry("link", b'2', b""),
        tar_entry("char", b'3', b""),
        tar_entry("block", b'4', b""),
        tar_entry("pipe", b'6', b""),
        tar_entry("holes", b'S', b"x"),
        tar_entry("part", b'M', b"x"),
        tar_entry("strange", b'Z', b"x"),
        tar_entry("../out", b'0', b"x"),
        tar_entry("/root", b'0', b"x"),
        tar_entry(".DS_Store", b'0', b"x"),
        tar_entry(".hidden", b'0', b"H"),
        tar_entry("empty", b'0', b""),
        tar_entry("a", b'0', b"B"),
    ];
    let (refused, unsupported) = ("unsafe_entry", "unsupported_format");
    let expected = came([
        ("/a", "=A"),
        ("/old", "=O"),
        ("/contiguous", "=C"),
        ("/hard", refused),
        ("/link", refused),
        ("/char", refused),
        ("/block", refused),
        ("/pipe", refused),
        ("/holes", unsupported),
        ("/part", unsupported),
        ("/strange", unsupported),
        ("/../out", refused),
        ("//root", refused),
        ("/.hidden", "=H"),
        ("/empty", "empty_file"),
        ("/a#2", "=B"),
    ]);
    assert_eq!(parts(&tar(&entries)), expected);
    assert_eq!(parts(&gzip(&tar(&entries))), expected);
}

#[test]
fn a_hard_link_has_no_content_whatever_its_size_says() {
    let entries = [tar_header(b"hard", b'1', 512).to_vec(), tar_entry("a", b'0', b"A")];
    assert_eq!(parts(&tar(&entries)), came([("/hard", "unsafe_entry"), ("/a", "=A")]));
}

#[test]
fn long_names_of_both_kinds() {
    let long = "x/".repeat(90) + "a\nb.jpg";
    let record = |text: &str| {
        let mut length = text.len() + 3;
        while length.to_string().len() + 1 + text.len() + 1 != length {
            length += 1;
        }
        format!("{length} {text}\n")
    };
    let pax = record(&format!("path={long}"));
    let entries = [
        tar_entry("././@LongLink", b'L', &[long.as_bytes(), b"\0"].concat()),
        tar_entry("short", b'0', b"1"),
        tar_entry("x", b'x', pax.as_bytes()),
        tar_entry("short", b'0', b"2"),
        tar_entry("x", b'x', (record("path=pax") + &record("mtime=1.5")).as_bytes()),
        tar_entry("././@LongLink", b'L', b"gnu\0"),
        tar_entry("short", b'0', b"3"),
        tar_entry("g", b'g', record("comment=all of them").as_bytes()),
        tar_entry("x", b'x', record("path=../out").as_bytes()),
        tar_entry("short", b'0', b"4"),
        tar_entry("x", b'x', b"garbage"),
        tar_entry("broken", b'0', b"5"),
        tar_entry("x", b'x', record("GNU.sparse.major=1").as_bytes()),
        tar_entry("sparse", b'0', b"6"),
        tar_entry("after", b'0', b"7"),
    ];
    let shown = format!("/{}", long.replace('\n', "\\u{a}"));
    assert_eq!(
        parts(&tar(&entries)),
        came([
            (&shown, "=1"),
            (&format!("{shown}#2"), "=2"),
            ("/pax", "=3"),
            ("/../out", "unsafe_entry"),
            ("/broken", "malformed"),
            ("/sparse", "unsupported_format"),
            ("/after", "=7"),
        ])
    );
}

#[test]
fn a_size_by_pax_is_for_the_entry_alone() {
    // A reader that takes it for the long name in between finds other entries than everybody else.
    let entries = [
        tar_entry("x", b'x', b"12 size=513\n"),
        tar_entry("././@LongLink", b'L', b"name\0"),
        tar_header(b"short", b'0', 1).to_vec(),
        [vec![b'a'; 513], vec![0; 511]].concat(),
        tar_entry("next", b'0', b"N"),
    ];
    let parts = parts(&tar(&entries));
    assert_eq!(parts[0], ("/name".to_owned(), format!("={}", "a".repeat(513))));
    assert_eq!(parts[1..], came([("/next", "=N")]));
}

#[test]
fn a_header_longer_than_allowed_leaves_its_entry_out() {
    let entries = [
        tar_entry("././@LongLink", b'L', &vec![b'a'; 1024 * 1024 + 1]),
        tar_entry("short", b'0', b"S"),
        tar_entry("next", b'0', b"N"),
    ];
    assert_eq!(parts(&tar(&entries)), came([("/short", "malformed"), ("/next", "=N")]));
    // One that says it is endless is not made room for.
    let mut header = tar_header(b"././@LongLink", b'L', 0);
    header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    header[148..156].copy_from_slice(b"        ");
    let sum = header.iter().copied().map(u32::from).sum::<u32>();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    assert_eq!(parts(&[&header, [b'a'; 4096].as_slice()].concat()), came([("", "truncated")]));
}

#[test]
fn names_with_a_prefix_and_names_that_are_no_text() {
    let mut prefixed = tar_header(b"b.jpg", b'0', 0);
    prefixed[345..348].copy_from_slice(b"a/x");
    prefixed[148..156].copy_from_slice(b"        ");
    let sum = prefixed.iter().copied().map(u32::from).sum::<u32>();
    prefixed[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let entries =
        [prefixed.to_vec(), tar_entry(b"\xff\xfe.jpg", b'0', b"F"), tar_entry(b"\xfe\xff.jpg", b'0', b"G")];
    assert_eq!(
        parts(&tar(&entries)),
        came([("/a/x/b.jpg", "empty_file"), ("/\\xff\\xfe.jpg", "=F"), ("/\\xfe\\xff.jpg", "=G")])
    );
}

#[test]
fn after_damage_the_next_header_is_found() {
    let mut bytes =
        tar(&[tar_entry("a", b'0', b"A"), tar_entry("b", b'0', &[b'b'; 700]), tar_entry("c", b'0', b"C")]);
    bytes[1024] = b'B';
    assert_eq!(parts(&bytes), came([("/a", "=A"), ("/c", "=C"), ("", "malformed")]));
    assert_eq!(parts(&gzip(&bytes)), came([("/a", "=A"), ("/c", "=C"), ("", "malformed")]));
}

#[test]
fn what_lies_after_the_end_mark_is_not_looked_at() {
    let bytes = [tar(&[tar_entry("a", b'0', b"A")]), tar_entry("b", b'0', b"B")].concat();
    assert_eq!(parts(&bytes), came([("/a", "=A")]));
}

#[test]
fn compressed_files_that_are_no_tar() {
    assert_eq!(parts(&gzip(b"a picture")), came([("#content", "=a picture")]));
    assert_eq!(parts(&gzip(b"")), came([("#content", "empty_file")]));
    assert_eq!(parts(&gzip(&zip(&[stored("a", b"A")]))), came([("#content/a", "=A")]));
    assert_eq!(parts(&gzip(&gzip(b"A"))), came([("#content#content", "=A")]));
    assert_eq!(parts(&gzip(&gzip(&gzip(b"A")))), came([("#content#content", "container_limit")]));
    // Members one after the other are one file, and what is no member is passed over.
    assert_eq!(parts(&[gzip(b"A"), gzip(b"B")].concat()), came([("#content", "=AB")]));
    assert_eq!(parts(&[gzip(b"A"), vec![0; 100]].concat()), came([("#content", "=A")]));
}

#[test]
fn a_hundred_thousand_small_files() {
    let mut bytes = Vec::new();
    for number in 0..100_000 {
        bytes.extend(tar_entry(format!("folder/{number}.jpg"), b'0', b"x"));
    }
    bytes.resize(bytes.len() + 1024, 0);
    let mut seen = 0_u32;
    for_each_part_of_bytes(bytes, &Limits::default(), &mut |part| {
        assert_eq!(part.place, format!("/folder/{seen}.jpg"));
        assert_eq!(part.content.unwrap().identity().as_ref(), b"x");
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(seen, 100_000);
}
