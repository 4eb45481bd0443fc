//! Archives made by the programs that people use, where they are installed.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::*;

/// Runs a program in a folder. `None`, with a line that says so, where it is not installed.
pub(super) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env("LC_ALL", "C.UTF-8")
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            Some(())
        }
        Err(error) => {
            println!("skipped: {program} does not run here ({error})");
            None
        }
    }
}

/// A folder with a few files, among them a link, a folder and a hidden file.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    fs::create_dir_all(folder.path().join("in/sub")).unwrap();
    put("in/a.jpg", b"AAAA AAAA AAAA AAAA AAAA");
    put("in/sub/Größe 身分証.jpg", b"G");
    put("in/.DS_Store", b"hidden");
    put("in/empty", b"");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("in/link")).unwrap();
    folder
}

/// The parts in the order of their places, since programs differ in their order.
fn sorted(folder: &Path, name: &str) -> Vec<Came> {
    let mut parts = parts(&fs::read(folder.join(name)).unwrap());
    parts.sort_unstable();
    parts
}

fn expected() -> Vec<Came> {
    came([
        ("/in/a.jpg", "=AAAA AAAA AAAA AAAA AAAA"),
        ("/in/empty", "empty_file"),
        ("/in/link", "unsafe_entry"),
        ("/in/sub/Größe 身分証.jpg", "=G"),
    ])
}

#[test]
fn info_zip() {
    let folder = files();
    if run(folder.path(), "zip", &["-qry", "x.zip", "in"]).is_none() {
        return;
    }
    assert_eq!(sorted(folder.path(), "x.zip"), expected());
    run(folder.path(), "zip", &["-qr", "-0", "-P", "secret", "e.zip", "in/a.jpg"]).unwrap();
    assert_eq!(sorted(folder.path(), "e.zip"), came([("/in/a.jpg", "encrypted")]));
    // Written to a pipe: sizes after the data, and zip64.
    run(folder.path(), "sh", &["-c", "zip -qr - in -x in/link | cat > s.zip"]).unwrap();
    let mut without_link = expected();
    without_link.remove(2);
    assert_eq!(sorted(folder.path(), "s.zip"), without_link);
    run(folder.path(), "sh", &["-c", "cat in/a.jpg | zip -q -fz p.zip -"]).unwrap();
    assert_eq!(sorted(folder.path(), "p.zip"), came([("/-", "=AAAA AAAA AAAA AAAA AAAA")]));
    // With something before it, declared and not.
    run(folder.path(), "sh", &["-c", "(printf 'MZ program'; cat x.zip) > f.exe && cp f.exe g.exe"]).unwrap();
    assert_eq!(sorted(folder.path(), "f.exe"), expected());
    run(folder.path(), "zip", &["-q", "-A", "g.exe"]).unwrap();
    assert_eq!(sorted(folder.path(), "g.exe"), expected());
}

#[test]
fn gnu_tar_with_every_format_and_packer() {
    let folder = files();
    for format in ["gnu", "pax", "ustar"] {
        let archive = format!("{format}.tar");
        if run(folder.path(), "tar", &["--format", format, "-cf", &archive, "./in"]).is_none() {
            return;
        }
        assert_eq!(sorted(folder.path(), &archive), expected());
        for (packer, ending) in [("gzip", "gz"), ("zstd", "zst"), ("xz", "xz")] {
            let options: &[&str] = if packer == "zstd" { &["-q", "-k"] } else { &["-k"] };
            if run(folder.path(), packer, &[options, &[&archive]].concat()).is_some() {
                assert_eq!(sorted(folder.path(), &format!("{archive}.{ending}")), expected());
            }
        }
    }
    fs::hard_link(folder.path().join("in/a.jpg"), folder.path().join("in/b.jpg")).unwrap();
    run(folder.path(), "tar", &["-cf", "hard.tar", "in/a.jpg", "in/b.jpg"]).unwrap();
    let content = "=AAAA AAAA AAAA AAAA AAAA";
    assert_eq!(
        sorted(folder.path(), "hard.tar"),
        came([("/in/a.jpg", content), ("/in/b.jpg", "unsafe_entry")])
    );
    run(folder.path(), "truncate", &["-s", "1000000", "holes"]).unwrap();
    for format in ["gnu", "pax"] {
        run(folder.path(), "tar", &["--format", format, "-Scf", "s.tar", "holes", "in/a.jpg"]).unwrap();
        let came_of = sorted(folder.path(), "s.tar");
        assert_eq!(came_of.iter().filter(|(_, came)| came == "unsupported_format").count(), 1, "{came_of:?}");
        assert!(came_of.contains(&("/in/a.jpg".to_owned(), content.to_owned())));
    }
    let long = format!("in/{}", "long name ".repeat(20));
    fs::write(folder.path().join(&long), b"L").unwrap();
    for format in ["gnu", "pax"] {
        run(folder.path(), "tar", &["--format", format, "-cf", "l.tar", &long]).unwrap();
        assert_eq!(sorted(folder.path(), "l.tar"), came([(&format!("/{long}"), "=L")]));
    }
}

#[test]
fn one_packed_file() {
    let folder = files();
    for (packer, ending) in [("gzip", "gz"), ("zstd", "zst"), ("xz", "xz")] {
        let options: &[&str] = if packer == "zstd" { &["-q", "-k"] } else { &["-k"] };
        if run(folder.path(), packer, &[options, &["in/a.jpg"]].concat()).is_some() {
            let expected = came([("#content", "=AAAA AAAA AAAA AAAA AAAA")]);
            let name = format!("in/a.jpg.{ending}");
            assert_eq!(sorted(folder.path(), &name), expected);
            // Two of them are one.
            let one = fs::read(folder.path().join(&name)).unwrap();
            let twice = "=AAAA AAAA AAAA AAAA AAAAAAAA AAAA AAAA AAAA AAAA";
            assert_eq!(parts(&[one.clone(), one].concat()), came([("#content", twice)]));
        }
    }
}

#[test]
fn seven_zip() {
    let folder = files();
    if run(folder.path(), "7z", &["a", "-snl", "x.7z", "in"]).is_none() {
        return;
    }
    assert_eq!(sorted(folder.path(), "x.7z"), expected());
    for (options, name) in [
        (["-ms=off"].as_slice(), "loose.7z"),
        (&["-m0=LZMA"], "lzma.7z"),
        (&["-m0=Copy"], "copy.7z"),
        (
            &["-m0=BCJ2", "-m1=LZMA:d1m", "-m2=LZMA:d19", "-m3=LZMA:d19", "-mb0:1", "-mb0s1:2", "-mb0s2:3"],
            "bcj2.7z",
        ),
        (&["-mhc=off"], "plain header.7z"),
    ] {
        run(folder.path(), "7z", &[["a", "-snl"].as_slice(), options, &[name, "in"]].concat()).unwrap();
        assert_eq!(sorted(folder.path(), name), expected(), "{name}");
    }
    run(folder.path(), "7z", &["a", "-psecret", "e.7z", "in/a.jpg"]).unwrap();
    assert_eq!(sorted(folder.path(), "e.7z"), came([("/in/a.jpg", "encrypted")]));
    run(folder.path(), "7z", &["a", "-psecret", "-mhe=on", "h.7z", "in/a.jpg"]).unwrap();
    assert_eq!(sorted(folder.path(), "h.7z"), came([("", "encrypted")]));
    run(folder.path(), "7z", &["a", "-m0=PPMd", "p.7z", "in/a.jpg"]).unwrap();
    assert_eq!(sorted(folder.path(), "p.7z"), came([("/in/a.jpg", "unsupported_format")]));
    assert!(
        messages(&fs::read(folder.path().join("p.7z")).unwrap())[0].ends_with("packed by the method PPMD")
    );
    // A dictionary that takes more memory than is allowed, and an entry that is too large in the middle of a block.
    let limits = Limits { decode_bytes: 1 << 20, ..Limits::default() };
    fs::write(folder.path().join("zeros"), vec![0; 3_000_000]).unwrap();
    run(folder.path(), "7z", &["a", "-m0=LZMA2:d64m", "d.7z", "zeros"]).unwrap();
    let archive = fs::read(folder.path().join("d.7z")).unwrap();
    assert_eq!(parts_within(&archive, &limits), came([("/zeros", "too_much_memory")]));
    fs::write(folder.path().join("1"), vec![b'x'; 20_000]).unwrap();
    fs::write(folder.path().join("2"), b"2").unwrap();
    run(folder.path(), "7z", &["a", "t.7z", "1", "2"]).unwrap();
    let archive = fs::read(folder.path().join("t.7z")).unwrap();
    let limits = Limits { file_bytes: 10_000, document_bytes: 10_000, ..Limits::default() };
    assert_eq!(parts_within(&archive, &limits), came([("/1", "file_too_large"), ("/2", "=2")]));
    let limits = Limits { unpacked_bytes: 10_000, ..Limits::default() };
    assert_eq!(parts_within(&archive, &limits), came([("/1", "container_limit")]));
    let limits = Limits { entries: 1, ..Limits::default() };
    assert_eq!(parts_within(&archive, &limits)[1..], came([("/2", "container_limit")]));
}

#[test]
fn zips_of_7_zip() {
    let folder = files();
    fs::write(folder.path().join("in/a.jpg"), b"packs well ".repeat(100)).unwrap();
    for (method, name, code) in [
        ("-mm=Deflate64", "deflate64.zip", "unsupported_format"),
        ("-mm=LZMA", "lzma.zip", "unsupported_format"),
        ("-mm=BZip2", "bzip2.zip", "unsupported_format"),
        ("-mem=AES256", "aes.zip", "encrypted"),
    ] {
        let password = if name == "aes.zip" { "-psecret" } else { "-y" };
        if run(folder.path(), "7z", &["a", "-tzip", method, password, name, "in/a.jpg"]).is_none() {
            return;
        }
        assert_eq!(sorted(folder.path(), name), came([("/in/a.jpg", code)]), "{name}");
    }
}

#[test]
fn zips_of_python() {
    let folder = files();
    let script = r"
import zipfile, warnings
warnings.simplefilter('ignore')
with zipfile.ZipFile('x.zip', 'w') as archive:
    with archive.open('large.jpg', 'w', force_zip64=True) as entry: entry.write(b'Z')
    archive.writestr('same', b'1')
    archive.writestr('same', b'2')
    archive.writestr('../out', b'3')
    archive.writestr('new\nline', b'4', zipfile.ZIP_DEFLATED)
    archive.writestr('Gr\u00f6\u00dfe', b'5')
    archive.comment = b'a comment' * 100
";
    if run(folder.path(), "python3", &["-c", script]).is_none() {
        return;
    }
    assert_eq!(
        parts(&fs::read(folder.path().join("x.zip")).unwrap()),
        came([
            ("/large.jpg", "=Z"),
            ("/same", "=1"),
            ("/same#2", "=2"),
            ("/../out", "unsafe_entry"),
            ("/new\\u{a}line", "=4"),
            ("/Größe", "=5"),
        ])
    );
}
