//! Archives that are cut off or damaged: never a panic, always a part.

use proptest::prelude::*;

use super::*;

fn small_zip() -> Vec<u8> {
    zip(&[stored("a", b"some content"), deflated("b", &[b'b'; 600]), stored("c", b"C")])
}

fn small_tar() -> Vec<u8> {
    tar(&[
        tar_entry("a", b'0', b"some content"),
        tar_entry("b", b'0', &[b'b'; 600]),
        tar_entry("c", b'0', b"C"),
    ])
}

/// A 7z of three files, where there is a program that makes one.
fn small_7z() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("a", b"some content".as_slice()), ("b", &[b'b'; 600]), ("c", b"C")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    super::tools::run(folder.path(), "7z", &["a", "x.7z", "a", "b", "c"])?;
    Some(std::fs::read(folder.path().join("x.7z")).unwrap())
}

fn whole() -> Vec<Came> {
    let b = format!("={}", "b".repeat(600));
    came([("/a", "=some content"), ("/b", &b), ("/c", "=C")])
}

#[test]
fn an_archive_that_is_cut_off_gives_what_is_left_and_says_so() {
    for archive in [small_zip(), small_tar(), gzip(&small_tar())] {
        assert_eq!(parts(&archive), whole());
        for eighth in 1..8 {
            let cut = &archive[..archive.len() * eighth / 8];
            let came = parts(cut);
            let last = came.last().unwrap();
            assert_eq!((last.0.as_str(), last.1.as_str()), ("", "truncated"), "{eighth}: {came:?}");
            for part in &came[..came.len() - 1] {
                assert!(whole().contains(part) || part.1 == "truncated", "{eighth}: {part:?}");
            }
        }
    }
    // The content is all there, but not the end mark.
    let archive = small_tar();
    let mut expected = whole();
    expected.push((String::new(), "truncated".to_owned()));
    assert_eq!(parts(&archive[..archive.len() - 1024]), expected);
    // The entries are all there, but not the directory.
    let archive = small_zip();
    let directory = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    assert_eq!(parts(&archive[..directory]), expected);
}

#[test]
fn entries_with_their_sizes_behind_them_are_found_without_a_directory() {
    let content = b"a picture, a picture, a picture".as_slice();
    let packed = deflate(content);
    let crc = rawzip::crc32(content).to_le_bytes();
    let sizes = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let one = |name: u8| {
        let header = [
            b"PK\x03\x04\x14\0\x08\0\x08\0\0\0\0\0".as_slice(),
            &[0; 12],
            &[1, 0, 0, 0, name],
            &packed,
            b"PK\x07\x08",
            &crc,
            &sizes(packed.len()),
            &sizes(content.len()),
        ];
        header.concat()
    };
    let text = "=a picture, a picture, a picture";
    let mut bytes = [one(b'a'), one(b'b')].concat();
    assert_eq!(parts(&bytes), came([("/a", text), ("/b", text), ("", "truncated")]));
    bytes.truncate(bytes.len() - 20);
    assert_eq!(parts(&bytes), came([("/a", text), ("/b", "truncated"), ("", "truncated")]));
}

#[test]
fn a_7z_that_is_cut_off_is_one_part() {
    let Some(archive) = small_7z() else { return };
    assert_eq!(parts(&archive), whole());
    for eighth in 1..8 {
        let came = parts(&archive[..archive.len() * eighth / 8]);
        assert_eq!(came.len(), 1, "{came:?}");
        assert_eq!(came[0].0, "");
        assert!(["truncated", "malformed"].contains(&came[0].1.as_str()), "{came:?}");
    }
}

#[test]
fn damage_of_a_gzip_stream_is_told_once_the_entries_before_it_are_given() {
    let mut bytes = gzip(&small_tar());
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    let mut expected = whole();
    expected.push((String::new(), "malformed".to_owned()));
    assert_eq!(parts(&bytes), expected);
}

/// What may come of any bytes: a part at least, none of them twice.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let limits =
        Limits { decode_bytes: 16 << 20, unpacked_bytes: 4 << 20, entries: 1000, ..Limits::default() };
    let mut places = parts_within(bytes, &limits).into_iter().map(|(place, _)| place).collect::<Vec<_>>();
    prop_assert!(!places.is_empty());
    for place in &places {
        prop_assert!(!place.chars().any(char::is_control));
    }
    let count = places.len();
    places.retain(|place| !place.is_empty());
    places.sort_unstable();
    places.dedup();
    prop_assert!(places.len() + 2 >= count);
    Ok(())
}

fn damaged(mut bytes: Vec<u8>, flips: &[(prop::sample::Index, u8)], keep: prop::sample::Index) -> Vec<u8> {
    for (at, with) in flips {
        let at = at.index(bytes.len());
        bytes[at] ^= with;
    }
    let keep = keep.index(bytes.len() * 2);
    bytes.truncate(keep.max(8));
    bytes
}

type Flips = Vec<(prop::sample::Index, u8)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_zip(flips: Flips, keep: prop::sample::Index) {
        check(&damaged(small_zip(), &flips[..flips.len().min(6)], keep))?;
    }

    #[test]
    fn damaged_tar(flips: Flips, keep: prop::sample::Index) {
        check(&damaged(small_tar(), &flips[..flips.len().min(6)], keep))?;
        check(&damaged(gzip(&small_tar()), &flips[..flips.len().min(6)], keep))?;
    }
}

#[test]
fn damaged_7z_zstd_and_xz() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.tar"), small_tar()).unwrap();
    let mut archives = small_7z().into_iter().collect::<Vec<_>>();
    for (program, options, name) in
        [("zstd", ["-q", "-k", "--check"].as_slice(), "x.tar.zst"), ("xz", &["-k"], "x.tar.xz")]
    {
        if super::tools::run(folder.path(), program, &[options, &["x.tar"]].concat()).is_some() {
            archives.push(std::fs::read(folder.path().join(name)).unwrap());
        }
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(512));
    for archive in archives {
        let damage = (any::<Flips>(), any::<prop::sample::Index>());
        runner
            .run(&damage, |(flips, keep)| {
                check(&damaged(archive.clone(), &flips[..flips.len().min(6)], keep))
            })
            .unwrap();
        // Every byte, one after the other.
        for at in 0..archive.len() {
            let mut bytes = archive.clone();
            bytes[at] ^= 0x55;
            check(&bytes).unwrap();
        }
    }
}
