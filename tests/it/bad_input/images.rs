//! Files and manifest rows that are no usable image.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use image::{GrayImage, ImageFormat, Luma, RgbImage};

use crate::place::{Place, corpus};

/// Record id, and what the rejects file should say of it: outcome and code.
type Expected = BTreeMap<String, (String, String)>;

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The start of a PNG file that claims to be `width` x `height`: signature, IHDR and the head of an IDAT, 41 bytes.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 0, 0, 0, 0]);
    let crc = !chunk.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    });
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &chunk[..], &crc.to_be_bytes(), &1_000_u32.to_be_bytes(), b"IDAT"]
        .concat()
}

fn bmp_claiming(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    bytes.extend([0; 8]);
    bytes.extend(54_u32.to_le_bytes());
    bytes.extend(40_u32.to_le_bytes());
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.resize(54, 0);
    bytes
}

fn gif_claiming(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a", &size[..], &[0x80, 0, 0, 0, 0, 0, 255, 255, 255], b",\0\0\0\0", &size, &[0, 2, 1, 0, 0, b';']]
        .concat()
}

/// Puts one of every bad file into `folder` and says what should become of each.
fn bad_files(place: &Place, folder: &str) -> Expected {
    let mut expected = Expected::new();
    let mut expect = |name: &str, outcome: &str, code: &str| {
        expected.insert(name.to_owned(), (outcome.to_owned(), code.to_owned()));
    };
    let item = &corpus()[0];
    let png = encoded(&item.document.image, ImageFormat::Png);
    let blank = GrayImage::from_pixel(300, 200, Luma([250]));
    // The first bytes of a photo, and nothing after them.
    let phone =
        if cfg!(feature = "heif") { ("unreadable", "malformed") } else { ("refused", "unsupported_format") };
    let files: [(&str, Vec<u8>, &str, &str); 19] = [
        ("cut.jpg", item.encoded[..item.encoded.len() / 2].to_vec(), "unreadable", "truncated"),
        ("head-only.jpg", item.encoded[..200].to_vec(), "unreadable", "truncated"),
        ("cut.png", png[..png.len() / 2].to_vec(), "unreadable", "truncated"),
        ("text.jpg", b"this is a note, not an image".to_vec(), "unreadable", "not_an_image"),
        (
            "noise.png",
            (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
            "unreadable",
            "not_an_image",
        ),
        ("empty.jpg", Vec::new(), "unreadable", "empty_file"),
        ("one-byte.jpg", vec![0xff], "unreadable", "not_an_image"),
        ("giant.png", png_claiming(0x7fff_ffff, 0x7fff_ffff), "refused", "side_too_long"),
        ("large.png", png_claiming(50_000, 50_000), "refused", "side_too_long"),
        ("many-pixels.png", png_claiming(15_000, 15_000), "refused", "too_many_pixels"),
        ("large.bmp", bmp_claiming(50_000, 50_000), "refused", "side_too_long"),
        ("upside-down.bmp", bmp_claiming(50_000, -50_000), "refused", "side_too_long"),
        ("large.gif", gif_claiming(50_000, 50_000), "refused", "side_too_long"),
        ("document.pdf", b"%PDF-1.7\n1 0 obj\n".to_vec(), "unreadable", "malformed"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), phone.0, phone.1),
        ("flipped.png", flipped(&png), "unreadable", "malformed"),
        ("zero-sided.png", png_claiming(0, 0), "unreadable", "malformed"),
        (
            "blank.jpg",
            encoded(&image::DynamicImage::from(blank).to_rgb8(), ImageFormat::Jpeg),
            "too_plain",
            "too_plain",
        ),
        ("one-pixel.png", encoded(&RgbImage::new(1, 1), ImageFormat::Png), "too_plain", "too_plain"),
    ];
    for (name, bytes, outcome, code) in files {
        place.write(&format!("{folder}/{name}"), bytes);
        expect(name, outcome, code);
    }
    // Sparse: costs no disk.
    let large = File::create(place.path(&format!("{folder}/large.jpg"))).unwrap();
    large.set_len(33 * 1024 * 1024).unwrap();
    expect("large.jpg", "refused", "file_too_large");

    symlink("/etc/hostname", place.path(&format!("{folder}/link.jpg"))).unwrap();
    expect("link.jpg", "refused", "symbolic_link");
    symlink("/etc", place.path(&format!("{folder}/linked-folder"))).unwrap();
    expect("linked-folder", "refused", "symbolic_link");
    UnixListener::bind(place.path(&format!("{folder}/socket"))).unwrap();
    expect("socket", "refused", "not_a_regular_file");
    assert!(
        Command::new("mkfifo").arg(place.path(&format!("{folder}/pipe.jpg"))).status().unwrap().success()
    );
    expect("pipe.jpg", "refused", "not_a_regular_file");

    let locked = place.path(&format!("{folder}/locked"));
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    // Root reads everything.
    if fs::read_dir(&locked).is_err() {
        expect("locked", "unreadable", "permission_denied");
    }
    // Passed over and counted apart in a vault; evidence in a leak.
    place.write(&format!("{folder}/.hidden.jpg"), "no image");
    if folder == "leak" {
        expect(".hidden.jpg", "unreadable", "not_an_image");
    }
    expected
}

/// A bit in the middle of the compressed pixels is wrong.
fn flipped(png: &[u8]) -> Vec<u8> {
    let mut bytes = png.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    bytes
}

/// Rows of the rejects file as the program wrote it: record, outcome, code; the reason must not be empty.
fn rejects(place: &Place) -> Expected {
    let text = fs::read_to_string(place.path("rejects.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("record,outcome,code,reason"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.splitn(4, ',').collect()).collect();
    let found: Expected = rows
        .iter()
        .map(|row| {
            assert!(row[3].len() > 10, "{row:?}");
            (row[0].to_owned(), (row[1].to_owned(), row[2].to_owned()))
        })
        .collect();
    assert_eq!(found.len(), rows.len(), "a record stands twice");
    found
}

/// The parts must add up to the inputs.
fn inputs(totals: &serde_json::Value) -> u64 {
    let totals = totals.as_object().unwrap();
    let sum: u64 =
        totals.iter().filter(|(name, _)| *name != "inputs").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(sum, totals["inputs"].as_u64().unwrap(), "{totals:?}");
    sum
}

#[test]
fn every_bad_file_of_a_vault_is_named_and_the_good_ones_are_indexed() {
    let place = Place::new();
    for (index, item) in corpus()[..4].iter().enumerate() {
        place.write(&format!("vault/source/{index}.jpg"), &item.encoded);
    }
    // A wrong extension does no harm.
    place.write("vault/png-inside.jpg", encoded(&corpus()[4].document.image, ImageFormat::Png));
    let expected = bad_files(&place, "vault");
    place.run(&["calibrate"]).expect(0);
    let ran = place.run(&["rebuild", "--json"]).expect(3).says(&[]);
    let summary = ran.json().remove(0);
    assert_eq!(rejects(&place), expected);
    assert_eq!(inputs(&summary["totals"]), 5 + expected.len() as u64);
    assert_eq!((&summary["totals"]["indexed"], &summary["hidden"]), (&5.into(), &1.into()));
    place.run(&["lookup", "vault/source/0.jpg"]).expect(0);
    place.run(&["lookup", "vault/png-inside.jpg"]).expect(0);
    // Nothing of this is lost or counted twice in the next night.
    let again = place.run(&["rebuild", "--json"]).expect(3).json().remove(0);
    assert_eq!((&again["published"], &again["totals"]), (&false.into(), &summary["totals"]));
    assert_eq!(rejects(&place), expected);
    // All repaired: the rejects file goes.
    fs::remove_dir_all(place.path("vault")).unwrap();
    place.write("vault/source/0.jpg", &corpus()[0].encoded);
    place.run(&["rebuild"]).expect(0);
    assert!(!place.path("rejects.csv").exists());
}

#[test]
fn every_bad_file_of_a_leak_ends_in_one_outcome() {
    let place = Place::small();
    place.write("leak/ours.jpg", &corpus()[0].encoded);
    let expected = bad_files(&place, "leak");
    let ran = place
        .run(&["triage", "leak", "--json", "items.jsonl", "--summary", "summary.json"])
        .expect(3)
        .says(&[]);
    assert!(ran.stdout.contains("VERDICT"));
    let items = fs::read_to_string(place.path("items.jsonl")).unwrap();
    let mut outcomes = BTreeMap::new();
    for line in items.lines() {
        let item: serde_json::Value = serde_json::from_str(line).unwrap();
        outcomes.insert(item["input"].as_str().unwrap().to_owned(), item);
    }
    assert_eq!(outcomes.len(), expected.len() + 1);
    assert_eq!(outcomes["ours.jpg"]["outcome"], "match");
    for (name, (outcome, code)) in &expected {
        assert_eq!(outcomes[name]["outcome"], **outcome, "{name}");
        if outcome != "too_plain" {
            assert_eq!(outcomes[name]["reason"]["code"], **code, "{name}");
        }
        // It is named on stderr as well.
        assert!(ran.stderr.contains(name.as_str()), "{name}");
    }
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("summary.json")).unwrap()).unwrap();
    assert_eq!(inputs(&summary["totals"]), expected.len() as u64 + 1);
}

#[test]
fn limits_are_those_of_the_configuration() {
    let place = Place::new();
    place.write("vault/a.jpg", &corpus()[0].encoded);
    for (limit, code) in [
        ("file_bytes = 1000", "file_too_large"),
        ("side = 100", "side_too_long"),
        ("pixels = 1000", "too_many_pixels"),
        ("decode_bytes = 1000", "too_much_memory"),
    ] {
        place.write("saltprint.toml", format!("[vault]\nroot = \"vault\"\n[limits]\n{limit}\n"));
        place.run(&["calibrate", "--force"]).expect(0);
        place.run(&["rebuild", "--full"]).expect(3);
        assert_eq!(rejects(&place)["a.jpg"], ("refused".to_owned(), code.to_owned()));
    }
}

#[test]
fn bad_rows_of_a_manifest_are_named_by_line_and_the_others_are_indexed() {
    let place = Place::new();
    for index in 0..4 {
        place.write(&format!("vault/{index}.jpg"), &corpus()[index].encoded);
    }
    place.write("outside.jpg", &corpus()[5].encoded);
    symlink("../outside.jpg", place.path("vault/out.jpg")).unwrap();
    place.write("saltprint.toml", "[vault]\nroot = \"vault\"\nmanifest = \"vault.csv\"\n");
    let absolute = place.path("outside.jpg").display().to_string();
    let rows = [
        ("a,0.jpg,anna,web,2019-04,card".to_owned(), None),
        ("b,1.jpg,,,,".to_owned(), None),
        ("a,2.jpg,,,,".to_owned(), Some("duplicate_record_id")),
        ("c,../outside.jpg,,,,".to_owned(), Some("outside_root")),
        (format!("d,{absolute},,,,"), Some("outside_root")),
        ("e,out.jpg,,,,".to_owned(), Some("outside_root")),
        ("f,3.jpg,,,yesterday,".to_owned(), Some("invalid_field")),
        ("g,3.jpg".to_owned(), Some("invalid_row")),
        ("h,\"3.jpg,,,,".to_owned(), Some("invalid_row")),
        (",3.jpg,,,,".to_owned(), Some("invalid_field")),
        ("i,,,,,".to_owned(), Some("invalid_field")),
        (format!("j,3.jpg,,{},,", "x".repeat(65)), Some("invalid_field")),
        ("k,3.jpg,\u{202e}gpj,,,".to_owned(), Some("invalid_field")),
        ("l,3.jpg,,,,".to_owned(), None),
    ];
    let mut text = String::from("record_id,path,subject,source,captured,kind\n");
    let mut expected = Expected::new();
    for (line, (row, code)) in (2..).zip(&rows) {
        text.push_str(&format!("{row}\n"));
        if let Some(code) = code {
            expected.insert(format!("line {line}"), ("refused".to_owned(), (*code).to_owned()));
        }
    }
    text.push_str("m,gone.jpg,,,,\n");
    expected.insert("m".to_owned(), ("unreadable".to_owned(), "not_found".to_owned()));
    place.write("vault.csv", &text);
    place.run(&["calibrate"]).expect(0);
    let summary = place.run(&["rebuild", "--json"]).expect(3).says(&[]).json().remove(0);
    assert_eq!(rejects(&place), expected);
    assert_eq!(inputs(&summary["totals"]), rows.len() as u64 + 1);
    assert_eq!(summary["totals"]["indexed"], 3);
    let reasons = fs::read_to_string(place.path("rejects.csv")).unwrap();
    assert!(reasons.contains("line 4 repeats the record_id of line 2"), "{reasons}");
    // Nothing outside the vault was read: its image is a stranger.
    place.run(&["lookup", "outside.jpg"]).expect(10);
}

#[test]
fn a_manifest_that_cannot_be_a_manifest_stops_the_rebuild_and_keeps_the_index() {
    let place = Place::small();
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    let good = fs::read(place.path("vault.csv")).unwrap();
    let ours = format!("vault/{}", corpus()[3].record_id);
    for (manifest, words) in [
        ("path,subject\n", &["no column record_id", "path, subject"][..]),
        ("record_id,subject\n", &["no column path"]),
        ("record_id,path,sujet\n", &["unknown columns: sujet", "known are: record_id, path, subject"]),
        ("record_id,path,path\n", &["column path more than once"]),
        ("record_id,\"path\n", &["quote is not closed"]),
        ("", &["the file is empty"]),
    ] {
        place.write("vault.csv", manifest);
        place.run(&["rebuild"]).expect(1).says(words).says(&["cannot list the inputs"]);
        place.run(&["lookup", &ours]).expect(0);
    }
    fs::remove_file(place.path("vault.csv")).unwrap();
    place.run(&["rebuild"]).expect(1).says(&["cannot read the manifest", "vault.csv"]);
    fs::create_dir(place.path("vault.csv")).unwrap();
    place.run(&["rebuild"]).expect(1).says(&["vault.csv", "not a regular file"]);
    place.write("list.txt", "record_id,path\n");
    place.write("saltprint.toml", config.replace("vault.csv", "list.txt"));
    place.run(&["rebuild"]).expect(1).says(&["list.txt", "name it .csv, .jsonl or .ndjson"]);
    fs::remove_dir(place.path("vault.csv")).unwrap();
    place.write("vault.csv", good);
    place.write("saltprint.toml", config);
    let ran = place.run(&["rebuild"]).expect(0);
    assert!(ran.stdout.contains("Nothing changed"), "{}", ran.stdout);
}

#[test]
fn a_vault_that_is_not_mounted_is_no_empty_vault() {
    let place = Place::small();
    let ours = place.path("ours.jpg");
    place.write("ours.jpg", &corpus()[3].encoded);
    let lookup = ["lookup", ours.to_str().unwrap()];
    fs::rename(place.path("vault"), place.path("away")).unwrap();
    place.run(&["rebuild"]).expect(1).says(&["cannot open the folder", "vault"]);
    fs::create_dir(place.path("vault")).unwrap();
    place.run(&["rebuild"]).expect(1).says(&["holds 24", "not mounted", "--allow-empty"]);
    place.run(&["rebuild", "--full"]).expect(1).says(&["--allow-empty"]);
    place.run(&lookup).expect(0);
    // The same without a manifest, where the list itself is empty.
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", "[vault]\nroot = \"vault\"\n");
    place.run(&["rebuild"]).expect(1).says(&["--allow-empty"]);
    place.run(&lookup).expect(0);
    let ran = place.run(&["rebuild", "--allow-empty"]).expect(0);
    assert!(ran.stdout.contains("24 removed"), "{}", ran.stdout);
    place.run(&lookup).expect(10);
    place.run(&["verify"]).expect(0);
    // And back.
    fs::remove_dir(place.path("vault")).unwrap();
    fs::rename(place.path("away"), place.path("vault")).unwrap();
    place.write("saltprint.toml", config);
    place.run(&["rebuild"]).expect(0);
    place.run(&lookup).expect(0);
}
