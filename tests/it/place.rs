//! A temporary folder with a vault, keys and a configuration, and the program to run in it.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, RgbImage};
use saltprint::Config;
use saltprint_keys::keygen;
use saltprint_synth::{Corpus, CorpusItem};
use tempfile::TempDir;

/// Documents of the shared vault: enough to calibrate on one half of them.
pub(crate) const DOCUMENTS: usize = 160;

/// Documents of the small vault: too few to calibrate or to measure.
pub(crate) const SMALL: usize = 24;

/// The invented vault that most tests share, drawn once.
pub(crate) fn corpus() -> &'static [CorpusItem] {
    static ITEMS: OnceLock<Vec<CorpusItem>> = OnceLock::new();
    ITEMS.get_or_init(|| draw(&Corpus::new(DOCUMENTS, 7)))
}

/// Draws a corpus on all cores.
pub(crate) fn draw(corpus: &Corpus) -> Vec<CorpusItem> {
    use rayon::prelude::*;
    (0..corpus.len()).into_par_iter().filter_map(|index| corpus.document(index)).collect()
}

/// A JPEG file with a comment: other bytes, the same image.
pub(crate) fn with_comment(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xfe], &length, comment.as_bytes(), &jpeg[2..]].concat()
}

pub(crate) struct Place {
    folder: TempDir,
}

/// What a run of the program gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// An empty vault with a manifest-less configuration and keys whose secrets are fixed, so that refs are the same in
    /// every run.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        fs::create_dir(place.path("vault")).unwrap();
        place.write("saltprint.toml", "[vault]\nroot = \"vault\"\n");
        let mut next = 0_u8;
        keygen(&place.path("keys"), UNIX_EPOCH + Duration::from_secs(1), &mut |bytes| {
            next += 1;
            bytes.fill(next);
            Ok(())
        })
        .unwrap();
        place
    }

    /// The shared vault with its manifest, calibrated and built once; every caller gets a copy.
    pub(crate) fn built() -> Self {
        static BUILT: OnceLock<Place> = OnceLock::new();
        let original = BUILT.get_or_init(|| {
            let place = Self::new();
            place.fill(corpus());
            place.run(&["calibrate"]).expect(0);
            place.run(&["rebuild"]).expect(0);
            place
        });
        original.copy()
    }

    /// A vault of the first [`SMALL`] documents under the built-in profile: quick to build, and its thresholds are the
    /// assumed ones, so that they do not move with what is drawn. Built once; every caller gets a copy.
    pub(crate) fn small() -> Self {
        static SMALL_PLACE: OnceLock<Place> = OnceLock::new();
        SMALL_PLACE
            .get_or_init(|| {
                let place = Self::new();
                place.fill(&corpus()[..SMALL]);
                place.run(&["calibrate"]).expect(0);
                place.run(&["rebuild"]).expect(0);
                place
            })
            .copy()
    }

    /// The same files in another folder, with permissions and modification times.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        copy_tree(self.folder.path(), copy.folder.path());
        copy
    }

    /// Writes documents below the vault and a manifest that names them.
    pub(crate) fn fill(&self, items: &[CorpusItem]) {
        let mut manifest = String::from("record_id,path,subject,source,captured,kind\n");
        for item in items {
            let path = self.path("vault").join(&item.record_id);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &item.encoded).unwrap();
            let CorpusItem { record_id, subject, source, captured, kind, .. } = item;
            manifest.push_str(&format!("{record_id},{record_id},{subject},{source},{captured},{kind}\n"));
        }
        self.write("vault.csv", &manifest);
        self.write("saltprint.toml", "[vault]\nroot = \"vault\"\nmanifest = \"vault.csv\"\n");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(&self.path("saltprint.toml")).unwrap()
    }

    /// The program, to be run with the place as current folder, so that its messages hold relative paths.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_saltprint"));
        command.current_dir(self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command().args(arguments).output().unwrap())
    }
}

impl Ran {
    /// Asserts the exit code, showing everything that was printed where it differs.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr holds all of `words`.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// The JSON objects on stdout, one a line.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Copies a folder with permissions and modification times.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            fs::File::options().write(true).open(&target).unwrap().set_modified(modified).unwrap();
        }
    }
}

/// An image as a JPEG file.
pub(crate) fn jpeg(image: RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).unwrap();
    bytes.into_inner()
}
