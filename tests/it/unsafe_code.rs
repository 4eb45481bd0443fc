//! `unsafe` stands in three modules, which say why it is sound.

use std::fs;
use std::path::{Path, PathBuf};

/// The module that maps files, the one that calls functions for instructions that not every machine has, and one with feature `heif`
/// only, which has a name that a library looks up; how often each says it.
const WHERE: [(&str, usize); 3] = [
    ("crates/index/src/map.rs", 2),
    ("crates/index/src/scan/kernel.rs", 7),
    ("crates/intake/src/decode/heif/one_thread.rs", 1),
];

/// Our own Rust files, relative to the repository.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<_> =
        ["crates", "tests", "benches", "fuzz"].iter().map(|name| root.join(name)).collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
            // What builds and fuzzers leave behind is not ours.
            if kind.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    sources
}

fn text(source: &Path) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(source)).unwrap()
}

/// Whether code says the word; comments, names such as `unsafe_code` and texts do not count.
fn says_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let outside_of_texts = code.split('"').step_by(2);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    outside_of_texts.flat_map(|code| code.split(|c| !is_word(c))).any(|word| word == "unsafe")
}

#[test]
fn only_three_modules_have_it() {
    let sources = sources();
    assert!(sources.len() > 300, "{} sources are not all of them", sources.len());
    let mut with: Vec<_> = sources.iter().filter(|source| text(source).lines().any(says_unsafe)).collect();
    with.sort();
    assert_eq!(with, WHERE.map(|(path, _)| Path::new(path)));
    for (path, times) in WHERE {
        let lines: Vec<_> = text(Path::new(path)).lines().map(str::trim).map(str::to_owned).collect();
        let places: Vec<_> = (0..lines.len()).filter(|at| says_unsafe(&lines[*at])).collect();
        assert_eq!(places.len(), times, "places of `unsafe` in {path}");
        for at in places {
            let proof = lines[..at].iter().rev().take_while(|line| line.starts_with("//")).last();
            let proven = proof.is_some_and(|line| line.starts_with("// SAFETY:"));
            assert!(proven, "no proof above line {} of {path}", at + 1);
        }
    }
}

#[test]
fn every_library_forbids_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut crates = 0;
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        let library = entry.unwrap().path().join("src/lib.rs");
        let expected = if library.ends_with("index/src/lib.rs") {
            "#![deny(unsafe_code)]"
        } else if library.ends_with("intake/src/lib.rs") {
            "#![cfg_attr(not(feature = \"heif\"), forbid(unsafe_code))]"
        } else {
            "#![forbid(unsafe_code)]"
        };
        let text = fs::read_to_string(&library).unwrap();
        assert!(text.lines().any(|line| line == expected), "{} lacks `{expected}`", library.display());
        crates += 1;
    }
    assert!(crates > 10);
}

#[test]
fn words_are_told_from_names_and_comments() {
    assert!(says_unsafe("let map = unsafe { map(file) };"));
    assert!(says_unsafe("unsafe impl Send for Map {}"));
    for line in
        ["// unsafe", "#![forbid(unsafe_code)]", "fail(\"unsafe entry\")", "let unsafe_entry = 1; // unsafe"]
    {
        assert!(!says_unsafe(line), "{line}");
    }
}
