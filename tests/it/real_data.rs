//! Photographs and documents that were not drawn by us: the data folder is optional, and each test passes without it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use saltprint::{CalibrateOptions, ItemReport, NoProgress, Outcome, RebuildOptions, Saltprint};
use saltprint_keys::RefKey;

use crate::place::Place;

const PDQ: &str = "pdq-reference/pdq/data";
const SIDTD: &str = "sidtd-samples/SIDTD/utils/Test_Samples";

/// The photograph that most of the reference images are made from.
const BRIDGE: &str = "aaa-orig.jpg";

/// Pictures that the vault holds, besides the folders below.
const ORIGINALS: [&str; 16] = [
    "pdq-reference/pdq/data/bridge-mods/aaa-orig.jpg",
    "pdq-reference/pdq/data/reg-test-input/exif-rotn/exif-rotn-1.jpg",
    "pdq-reference/pdq/data/reg-test-input/exif-rotn/exif-rotn-3.jpg",
    "pdq-reference/pdq/data/reg-test-input/exif-rotn/exif-rotn-6.jpg",
    "pdq-reference/pdq/data/reg-test-input/exif-rotn/exif-rotn-8.jpg",
    "pdq-reference/pdq/data/reg-test-input/pen-and-coaster.png",
    "pdq-reference/pdq/data/misc-images/c.png",
    "pdq-reference/extra/pdq/wasm/images/bg.jpg",
    "azure-idsamples/curl/form-recognizer/DriverLicense.png",
    "azure-idsamples/curl/form-recognizer/Passport.png",
    "azure-idsamples/curl/form-recognizer/rest-api/identity_documents.png",
    "azure-idsamples/curl/form-recognizer/rest-api/insurance-card.png",
    "sidtd-samples/SIDTD/utils/Test_Samples/alb00.jpg",
    "sidtd-samples/SIDTD/utils/Test_Samples/alb01.jpg",
    "sidtd-samples/SIDTD/utils/Test_Samples/aze00.jpg",
    "sidtd-samples/SIDTD/utils/Test_Samples/aze01.jpg",
];

/// Folders of which every picture is held.
const FOLDERS: [&str; 2] = ["kodak/PhotoCD_PCD0992", "pdq-reference/pdq/data/reg-test-input/labelme-subset"];

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SALTPRINT_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if !folder.join(PDQ).is_dir() {
        println!("skipped: there is no test data in {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Pictures in a folder, sorted.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let picture = |path: &PathBuf| {
        path.extension().is_some_and(|kind| ["jpg", "jpeg", "png", "webp"].iter().any(|known| kind == *known))
    };
    paths.retain(picture);
    paths.sort();
    paths
}

/// An index over the originals, and the means to ask it.
struct Built {
    _place: Place,
    data: PathBuf,
    saltprint: Saltprint,
    names: BTreeMap<String, String>,
}

impl Built {
    fn new(data: PathBuf) -> Self {
        let mut held: Vec<PathBuf> = ORIGINALS.iter().map(|path| data.join(path)).collect();
        held.extend(FOLDERS.iter().flat_map(|folder| pictures(&data.join(folder))));
        Self::over(data, &held)
    }

    fn over(data: PathBuf, held: &[PathBuf]) -> Self {
        let place = Place::new();
        let mut manifest = String::from("record_id,path\n");
        for path in held {
            let id = path.strip_prefix(&data).unwrap().to_str().unwrap();
            manifest.push_str(&format!("{id},{id}\n"));
        }
        place.write("vault.csv", &manifest);
        let root = data.canonicalize().unwrap();
        place.write(
            "saltprint.toml",
            format!(
                "[vault]\nroot = '{}'\nmanifest = 'vault.csv'\n[matching]\nevidence = true\n",
                root.display()
            ),
        );
        let config = place.config();
        saltprint::calibrate(&config, CalibrateOptions::default(), &NoProgress).unwrap();
        let summary = saltprint::rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
        println!("{:?}", summary.rule);
        assert_eq!(summary.totals.indexed, held.len() as u64);
        let refs = RefKey::load_from_dir(&config.keys).unwrap();
        let names = manifest
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').unwrap().0.to_owned())
            .map(|id| (refs.record_ref(&id).to_string(), id))
            .collect();
        Self { saltprint: Saltprint::open(&config).unwrap(), _place: place, data, names }
    }

    fn ask(&self, path: &str) -> Answer {
        self.ask_bytes(path, &fs::read(self.data.join(path)).unwrap())
    }

    fn ask_bytes(&self, name: &str, bytes: &[u8]) -> Answer {
        let report = self.saltprint.lookup_with_evidence(name, bytes).unwrap();
        let answer = Answer::new(&report, &self.names);
        println!("{answer}");
        answer
    }

    fn ask_folder(&self, folder: &str) -> BTreeMap<String, Answer> {
        let paths = pictures(&self.data.join(folder));
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        paths.iter().map(|path| (name(path), self.ask(&format!("{folder}/{}", name(path))))).collect()
    }
}

/// A report with the ref resolved to the file's name.
struct Answer {
    input: String,
    outcome: Outcome,
    record: String,
    orientation: String,
    numbers: String,
}

impl Answer {
    fn new(report: &ItemReport, names: &BTreeMap<String, String>) -> Self {
        let best = report.matches.first();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        Self {
            input: name(&report.input),
            outcome: report.outcome,
            record: best.map_or_else(String::new, |found| name(&names[&found.record_ref.to_string()])),
            orientation: best.map_or_else(String::new, |found| found.orientation.name().to_owned()),
            numbers: best.map_or_else(String::new, |found| {
                let bits =
                    |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
                format!("{:>3} {:>4}", bits(found.distance), bits(found.runner_up))
            }),
        }
    }

    fn is(&self, record: &str) -> bool {
        self.outcome == Outcome::Match && self.record == record
    }

    /// Either the right record, or an honest "possible" or "no match": never another one in the strong band.
    fn is_not_wrong(&self, record: &str) -> bool {
        self.outcome != Outcome::Match || self.record == record
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { input, outcome, record, orientation, numbers } = self;
        write!(f, "{input:<28} {:<9} {record:<28} {orientation:<14} {numbers}", format!("{outcome:?}"))
    }
}

/// A JPEG file without its EXIF data: the pixels as they lie in the file.
fn without_exif(jpeg: &[u8]) -> Vec<u8> {
    let mut at = 2;
    while jpeg[at..at + 2] != [0xff, 0xe1] {
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    [&jpeg[..at], &jpeg[end..]].concat()
}

#[test]
fn photographs_and_documents() {
    let Some(data) = data() else { return };
    let built = Built::new(data);

    println!("\nevery record finds itself");
    for path in ORIGINALS {
        let answer = built.ask(path);
        assert!(answer.is(&answer.input) && answer.orientation == "upright", "{answer}");
    }

    println!("\nedits of one photograph");
    for answer in built.ask_folder(&format!("{PDQ}/bridge-mods")).values() {
        // Under the cautious thresholds of a small vault the strongest sharpening may be left to the eye.
        let for_the_eye = answer.input == "sharpen-a-lot.jpg" && answer.outcome == Outcome::Possible;
        assert!(answer.record == BRIDGE && (answer.is(BRIDGE) || for_the_eye), "{answer}");
    }

    // Their names turn against the clock, ours with it.
    println!("\neight orientations of one photograph");
    let found = built.ask_folder(&format!("{PDQ}/reg-test-input/dih"));
    let expected = [
        ("bridge-1-original.jpg", "upright"),
        ("bridge-2-rotate-90.jpg", "rot270"),
        ("bridge-3-rotate-180.jpg", "rot180"),
        ("bridge-4-rotate-270.jpg", "rot90"),
        ("bridge-5-flipx.jpg", "mirror_rot180"),
        ("bridge-6-flipy.jpg", "mirror"),
        ("bridge-7-flip-plus-1.jpg", "mirror_rot270"),
        ("bridge-8-flip-minus-1.jpg", "mirror_rot90"),
    ];
    assert_eq!(found.len(), expected.len());
    for (name, orientation) in expected {
        let answer = &found[name];
        assert!(answer.is(BRIDGE) && answer.orientation == orientation, "{answer}");
    }

    // Four photographs with the phone held in four ways: the file says which side is up, and its pixels alone are turned.
    println!("\nphotographs that EXIF turns, with it and without");
    for (number, turned) in [(1, "upright"), (3, "rot180"), (6, "rot270"), (8, "rot90")] {
        let name = format!("exif-rotn-{number}.jpg");
        let path = format!("{PDQ}/reg-test-input/exif-rotn/{name}");
        let answer = built.ask(&path);
        assert!(answer.is(&name) && answer.orientation == "upright", "{answer}");
        let bytes = fs::read(built.data.join(path)).unwrap();
        let answer = built.ask_bytes(&format!("pixels of {name}"), &without_exif(&bytes));
        assert!(answer.is(&name) && answer.orientation == turned, "{answer}");
    }

    println!("\none photograph in the colour modes of the formats");
    let found = built.ask_folder(&format!("{PDQ}/misc-images/modes"));
    assert_eq!(found.len(), 14);
    assert!(found.values().all(|answer| answer.is(BRIDGE) && answer.orientation == "upright"));

    println!("\na letterboxed photograph, and small ones of other things");
    let mut found =
        built.ask_folder("pdq-reference/extra/python-threatexchange/threatexchange/tests/hashing/resources");
    found.append(&mut built.ask_folder(&format!("{PDQ}/misc-images")));
    assert!(found["sample-b.jpg"].is(BRIDGE) && found["c.png"].is("c.png"));
    // A border moves the whole image: a miss, and an honest one.
    assert!(found["letterboxed_sample-b.jpg"].is_not_wrong(BRIDGE));
    for stranger in ["I16.png", "LA.png", "rgb.jpeg", "small.jpg", "wee.jpg"] {
        assert_ne!(found[stranger].outcome, Outcome::Match, "{}", found[stranger]);
    }

    // A forgery takes over most of its original; it may be found as that one, never as another person's.
    println!("\nforged documents made from genuine ones");
    for answer in built.ask_folder(SIDTD).values() {
        let genuine =
            answer.input.trim_start_matches("fake_").trim_start_matches("ir_").trim_start_matches("2_");
        assert!(answer.is_not_wrong(genuine), "{answer}");
        assert!(answer.is(genuine) || answer.input.starts_with("fake_"), "{answer}");
    }
}

#[test]
fn photographs_of_others_match_nobody() {
    let Some(data) = data() else { return };
    // Each half of the photographs plays the leak against an index of the other half.
    let photographs = pictures(&data.join(FOLDERS[0]));
    let (held, strangers) = photographs.split_at(photographs.len() / 2);
    let built = Built::over(data.clone(), held);
    for path in strangers {
        let answer = built.ask(path.strip_prefix(&data).unwrap().to_str().unwrap());
        assert_eq!(answer.outcome, Outcome::NoMatch, "{answer}");
    }
}
