//! Folders and manifests on a real file system.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;
use crate::{Limits, Month, read_bounded};

/// A folder with these files, each holding its own name.
fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    folder
}

/// Record ids, rejects as (what, code), and hidden names.
type Listed = (Vec<String>, Vec<(String, &'static str)>, u64);

fn listed(mut listing: Listing) -> Listed {
    let (mut ids, mut rejects) = (Vec::new(), Vec::new());
    for item in &mut listing {
        match item {
            Ok(entry) => ids.push(entry.record_id),
            Err(reject) => rejects.push((reject.what, reject.reason.code())),
        }
    }
    (ids, rejects, listing.hidden())
}

fn walk(root: &Path) -> Listing {
    Vault::Folder { root: root.to_path_buf() }.list().unwrap()
}

fn manifest(root: &Path, name: &str, text: &str) -> Result<Listing, Error> {
    let manifest = root.join(name);
    fs::write(&manifest, text).unwrap();
    Vault::Manifest { root: root.to_path_buf(), manifest }.list()
}

#[test]
fn a_folder_in_a_fixed_order_with_its_sources() {
    let folder =
        folder(&["b.jpg", "a/2.jpg", "a/1.jpg", "a/x/9.jpg", "c/1", ".hidden", ".git/config", "a/.DS_Store"]);
    let (ids, rejects, hidden) = listed(walk(folder.path()));
    assert_eq!(ids, ["a/1.jpg", "a/2.jpg", "a/x/9.jpg", "b.jpg", "c/1"]);
    assert_eq!(rejects, []);
    assert_eq!(hidden, 3);
    for entry in walk(folder.path()).map(Result::unwrap) {
        let source = entry.record_id.split_once('/').map(|(first, _)| first.to_owned());
        assert_eq!(entry.facts, Facts { source, ..Facts::default() });
        let file = read_bounded(entry.location.as_path(), &Limits::default()).unwrap();
        assert_eq!(file.bytes(), entry.record_id.as_bytes());
    }
    for entry in list_inputs(folder.path()).unwrap() {
        assert_eq!(entry.unwrap().facts, Facts::default());
    }
}

#[test]
fn names_that_look_like_places_are_escaped_in_a_leak_and_kept_in_a_vault() {
    let folder = folder(&["a.pdf", "a.pdf#page=1", "b & c #1.jpg", "scan&image=1"]);
    let (ids, _, _) = listed(walk(folder.path()));
    assert_eq!(ids, ["a.pdf", "a.pdf#page=1", "b & c #1.jpg", "scan&image=1"]);
    let (ids, _, _) = listed(list_inputs(folder.path()).unwrap());
    assert_eq!(ids, ["a.pdf", "a.pdf\\u{23}page=1", "b & c #1.jpg", "scan\\u{26}image=1"]);
}

#[test]
fn a_leak_hides_nothing_but_what_is_of_the_system() {
    let folder = folder(&[
        ".cache/kyc/1.jpg",
        ".hidden",
        "._fork/2.jpg",
        "__MACOSX/._a.jpg",
        "a/._a.jpg",
        "a/.DS_Store",
        "a/.localized",
        "a/__MACOSX.jpg",
        "a/Thumbs.db",
    ]);
    let (ids, rejects, hidden) = listed(list_inputs(folder.path()).unwrap());
    assert_eq!(ids, ["._fork/2.jpg", ".cache/kyc/1.jpg", ".hidden", "a/Thumbs.db", "a/__MACOSX.jpg"]);
    assert_eq!((rejects, hidden), (vec![], 4));
}

#[test]
fn a_hidden_root_and_an_empty_one() {
    let folder = folder(&[".vault/1.jpg"]);
    assert_eq!(listed(walk(&folder.path().join(".vault"))).0, ["1.jpg"]);
    assert_eq!(listed(walk(folder.path())), (Vec::new(), Vec::new(), 1));
}

#[test]
fn roots_that_are_none() {
    let folder = folder(&["file"]);
    let open = |name: &str| Vault::Folder { root: folder.path().join(name) }.list().unwrap_err();
    assert!(matches!(open("missing"), Error::Folder { .. }));
    assert!(matches!(open("file"), Error::NotAFolder { .. }));
    assert!(open("missing").to_string().starts_with("cannot open the folder"));
}

#[test]
fn names_that_cannot_be_facts() {
    let long = "s".repeat(65);
    let files = [format!("{long}/1.jpg"), "ok/1.jpg".to_owned(), "ok/a\nb".to_owned()];
    let folder = folder(&files.each_ref().map(String::as_str));
    let (ids, rejects, _) = listed(walk(folder.path()));
    assert_eq!(ids, ["ok/1.jpg"]);
    assert_eq!(
        rejects,
        [("ok/a\\u{a}b".to_owned(), "invalid_field"), (format!("{long}/1.jpg"), "invalid_field")]
    );
    // In a leak no name does any harm: what could is escaped.
    let names = ["ok/1.jpg", "ok/a\\u{a}b", &format!("{long}/1.jpg")];
    assert_eq!(listed(list_inputs(folder.path()).unwrap()), (names.map(str::to_owned).into(), Vec::new(), 0));
}

#[cfg(unix)]
#[test]
fn links_are_named_and_not_followed() {
    use std::os::unix::fs::symlink;

    let outside = folder(&["secret/1.jpg"]);
    let vault = folder(&["a/1.jpg"]);
    symlink(outside.path().join("secret"), vault.path().join("escape")).unwrap();
    symlink(outside.path().join("secret/1.jpg"), vault.path().join("a/2.jpg")).unwrap();
    symlink(vault.path(), vault.path().join("a/loop")).unwrap();
    symlink("nowhere", vault.path().join("dangling")).unwrap();
    let (ids, rejects, _) = listed(walk(vault.path()));
    assert_eq!(ids, ["a/1.jpg"]);
    let link = |what: &str| (what.to_owned(), "symbolic_link");
    assert_eq!(rejects, [link("a/2.jpg"), link("a/loop"), link("dangling"), link("escape")]);
    // The vault itself may be reached through one.
    let through = outside.path().join("vault");
    symlink(vault.path(), &through).unwrap();
    assert_eq!(listed(walk(&through)).0, ["a/1.jpg"]);
}

#[cfg(unix)]
#[test]
fn special_files_and_odd_names() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let vault = folder(&["1.jpg"]);
    let _socket = std::os::unix::net::UnixListener::bind(vault.path().join("socket")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(vault.path().join("pipe")).status();
    fs::write(vault.path().join(OsStr::from_bytes(b"\xff.jpg")), b"x").unwrap();
    let (ids, mut rejects, _) = listed(walk(vault.path()));
    assert_eq!(ids, ["1.jpg"]);
    assert_eq!(rejects.pop(), Some(("\\xff.jpg".to_owned(), "name_not_utf8")));
    let inputs = listed(list_inputs(vault.path()).unwrap()).0;
    assert_eq!(inputs, ["1.jpg", "\\xff.jpg"]);
    assert_eq!(rejects.pop(), Some(("socket".to_owned(), "not_a_regular_file")));
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(rejects, [("pipe".to_owned(), "not_a_regular_file")]);
    }
}

/// A folder that cannot be read is named and the walk goes on. Permissions do not bind root, so this is shown with a folder
/// that vanishes, which takes the same way, and with permissions where they bind.
#[cfg(unix)]
#[test]
fn folders_that_cannot_be_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let vault = folder(&["a/1.jpg", "b/1.jpg", "b/x/1.jpg", "c/1.jpg"]);
    let mut listing = walk(vault.path());
    assert_eq!(listing.next().unwrap().unwrap().record_id, "a/1.jpg");
    assert_eq!(listing.next().unwrap().unwrap().record_id, "b/1.jpg");
    fs::remove_dir_all(vault.path().join("b/x")).unwrap();
    let (ids, rejects, _) = listed(listing);
    assert_eq!((ids, rejects), (vec!["c/1.jpg".to_owned()], vec![("b/x".to_owned(), "not_found")]));

    let closed = vault.path().join("b");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let (ids, rejects, _) = listed(walk(vault.path()));
    if fs::read_dir(&closed).is_ok() {
        println!("skipped: permissions do not bind this user");
    } else {
        assert_eq!(ids, ["a/1.jpg", "c/1.jpg"]);
        assert_eq!(rejects, [("b".to_owned(), "permission_denied")]);
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_csv_manifest_with_everything() {
    let vault = folder(&["in/1.jpg", "in/2, b.jpg"]);
    let text = "\u{feff}record_id,path,kind,captured,source,subject\r\n\
                7,in/1.jpg,passport,2019-07-31,vendor-a,customer 1\r\n\
                \r\n\
                8,\"./in/2, b.jpg\",,,,\r\n";
    let entries: Vec<Entry> = manifest(vault.path(), "list.CSV", text).unwrap().map(Result::unwrap).collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].record_id, "7");
    assert_eq!(
        entries[0].facts,
        Facts {
            subject: Some("customer 1".to_owned()),
            source: Some("vendor-a".to_owned()),
            captured: Month::new(2019, 7).ok(),
            kind: Some("passport".to_owned()),
        }
    );
    assert_eq!(entries[1].facts, Facts::default());
    let limits = Limits::default();
    assert_eq!(read_bounded(entries[1].location.as_path(), &limits).unwrap().bytes(), b"in/2, b.jpg");
}

#[test]
fn a_json_lines_manifest() {
    let vault = folder(&["1.jpg"]);
    let text = "{\"record_id\":\"7\",\"path\":\"1.jpg\",\"captured\":\"2019-07-31T23:59:59Z\"}\n\
                {\"record_id\":\"8\",\"path\":\"1.jpg\",\"kind\":null}\n\
                {\"record_id\":\"9\"}\n\
                {\"record_id\":9,\"path\":\"1.jpg\"}\n\
                {\"record_id\":\"9\",\"path\":\"1.jpg\",\"colour\":\"red\"}\n\
                nonsense\n\
                {\"record_id\":\"10\",\"path\":\"1.jpg\"}\n";
    for name in ["list.jsonl", "list.ndjson"] {
        let (ids, rejects, _) = listed(manifest(vault.path(), name, text).unwrap());
        assert_eq!(ids, ["7", "8", "10"]);
        let row = |line: u64| (format!("line {line}"), "invalid_row");
        assert_eq!(rejects, [row(3), row(4), row(5), row(6)]);
    }
    assert_eq!(listed(manifest(vault.path(), "list.jsonl", "").unwrap()).0.len(), 0);
}

#[test]
fn manifests_that_cannot_start() {
    let vault = folder(&[]);
    let error = |name, text| manifest(vault.path(), name, text).unwrap_err();
    assert!(matches!(error("list.txt", ""), Error::ManifestType { .. }));
    assert!(matches!(error("list.csv", ""), Error::Header { .. }));
    assert!(matches!(error("list.csv", "id,path\n"), Error::MissingColumn { missing: "record_id", .. }));
    assert!(matches!(error("list.csv", "record_id,path,extra\n"), Error::UnknownColumns { .. }));
    assert!(matches!(error("list.csv", "record_id,path,path\n"), Error::RepeatedColumn { .. }));
    let missing = Vault::Manifest { root: vault.path().into(), manifest: vault.path().join("no.csv") };
    assert!(matches!(missing.list().unwrap_err(), Error::Manifest { .. }));
    let not_a_file = Vault::Manifest { root: vault.path().into(), manifest: PathBuf::from("/dev/null.csv") };
    assert!(not_a_file.list().is_err());
}

#[test]
fn bad_rows_are_named_by_line_and_the_rest_is_listed() {
    let vault = folder(&["1.jpg"]);
    let text = "record_id,path,captured\n\
                1,1.jpg,2019-07\n\
                2,1.jpg\n\
                ,1.jpg,\n\
                3,,\n\
                4,1.jpg,July\n\
                5,\"1.jpg,\n\
                1,1.jpg,\n\
                6,missing.jpg,\n\
                2,1.jpg,\n";
    let mut listing = manifest(vault.path(), "list.csv", text).unwrap();
    let rejects: Vec<ListReject> = listing.by_ref().filter_map(Result::err).collect();
    let texts: Vec<String> =
        rejects.iter().map(|reject| format!("{}: {}", reject.what, reject.reason)).collect();
    assert_eq!(
        texts,
        [
            "line 3: the row cannot be read: it has 2 fields, the header has 3",
            "line 4: the record_id is empty",
            "line 5: the path is empty",
            "line 6: the captured is not a month (YYYY-MM), date or RFC 3339 time of the years 1900 to 2199",
            "line 7: the row cannot be read: a quote is not closed on the same line",
            "line 8: line 8 repeats the record_id of line 2; the row on line 2 is kept",
        ]
    );
    // A row that was refused does not take its id, and a missing file is told when it is read.
    let (ids, _, _) = listed(manifest(vault.path(), "list.csv", text).unwrap());
    assert_eq!(ids, ["1", "6", "2"]);
}

#[cfg(unix)]
#[test]
fn no_path_leaves_the_root() {
    use std::os::unix::fs::symlink;

    let outside = folder(&["secret.jpg"]);
    let vault = folder(&["in/1.jpg", "sub/vault/1.jpg"]);
    let root = vault.path().join("sub/vault");
    symlink(outside.path().join("secret.jpg"), root.join("link.jpg")).unwrap();
    symlink(outside.path(), root.join("folder")).unwrap();
    symlink("1.jpg", root.join("inside.jpg")).unwrap();
    symlink(outside.path().join("later.jpg"), root.join("dangling.jpg")).unwrap();
    let secret = outside.path().join("secret.jpg");
    let paths = [
        secret.to_str().unwrap(),
        "../1.jpg",
        "folder/../../../in/1.jpg",
        "a/../1.jpg",
        "link.jpg",
        "folder/secret.jpg",
        "folder/missing.jpg",
        "dangling.jpg",
    ];
    let mut text = "record_id,path\n".to_owned();
    for (id, path) in paths.iter().enumerate() {
        text.extend([&id.to_string(), ",", path, "\n"]);
    }
    text.push_str("ok,inside.jpg\n");
    let (ids, rejects, _) = listed(manifest(&root, "list.csv", &text).unwrap());
    assert_eq!(ids, ["ok"]);
    let expected: Vec<_> = (2..10).map(|line| (format!("line {line}"), "outside_root")).collect();
    assert_eq!(rejects, expected);
    // What is handed out has no links, so that none can be turned around afterwards.
    let entry = manifest(&root, "list.csv", &text).unwrap().find_map(Result::ok).unwrap();
    assert_eq!(entry.location.as_path(), fs::canonicalize(root.join("1.jpg")).unwrap());
}
