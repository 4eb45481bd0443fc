//! However a vault changes, an incremental rebuild gives what a full one would give, and reads only what changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use image::{GrayImage, Luma};
use proptest::prelude::*;
use saltprint::{CalibrateOptions, Config, NoProgress, RebuildOptions, RebuildSummary, Saltprint};
use saltprint_index::{IndexDir, SegmentRecord};
use saltprint_keys::IndexKey;

use crate::place::Place;

/// Every record that an index holds, segment by segment.
pub(crate) fn records_of(config: &Config) -> Vec<SegmentRecord> {
    let key = IndexKey::load_from_dir(&config.keys).unwrap();
    let dir = IndexDir::new(&config.index);
    let epoch = dir.manifest(&key).unwrap().unwrap().epoch;
    let generation = dir.open(&key, epoch).unwrap();
    let mut records = Vec::new();
    for segment in generation.segments() {
        segment.verify().unwrap();
        records.extend((0..segment.len()).map(|row| segment.record(row).unwrap()));
    }
    records
}

/// Everything that an index holds, by record: facts, content digest and fingerprint, as text.
pub(crate) fn contents(config: &Config) -> BTreeMap<String, String> {
    let mut records = BTreeMap::new();
    for record in records_of(config) {
        let text = format!(
            "{:?} {:02x?} {:02x?} {:02x?}",
            record.facts,
            record.facts.subject.map(|subject| *subject.as_bytes()),
            record.facts.content.as_bytes(),
            record.fingerprint.global.to_bytes()
        );
        assert!(records.insert(record.record_ref.to_string(), text).is_none(), "a record stands twice");
    }
    records
}

/// One step in the life of a vault. Numbers choose among what is there.
#[derive(Debug, Clone)]
enum Step {
    Add(u32),
    Remove(usize),
    /// Other content under the same name.
    Change(usize, u32),
    /// A newer modification time, the same bytes.
    Touch(usize),
    /// Another path, the same record.
    Move(usize),
    /// Another record id, the same file.
    Rename(usize),
    Facts(usize, u8),
    /// A new record with the bytes of another.
    Duplicate(usize),
    /// Two records exchange their files.
    Swap(usize, usize),
    AddPlain,
    AddBad,
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<usize>;
    prop_oneof![
        3 => any::<u32>().prop_map(Step::Add),
        2 => which().prop_map(Step::Remove),
        2 => (which(), any::<u32>()).prop_map(|(which, seed)| Step::Change(which, seed)),
        1 => which().prop_map(Step::Touch),
        1 => which().prop_map(Step::Move),
        1 => which().prop_map(Step::Rename),
        2 => (which(), 0..3_u8).prop_map(|(which, fact)| Step::Facts(which, fact)),
        1 => which().prop_map(Step::Duplicate),
        1 => (which(), which()).prop_map(|(a, b)| Step::Swap(a, b)),
        1 => Just(Step::AddPlain),
        1 => Just(Step::AddBad),
        1 => Just(Step::Nothing),
    ]
}

/// One record of the model.
#[derive(Debug, Clone)]
struct Record {
    path: String,
    content: Content,
    /// Seconds since 1970; set by hand, since a test is quicker than the clock of some file systems.
    modified: u64,
    fact: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Content {
    Drawing(u32),
    Plain,
    Bad,
}

/// A vault and what it should look like.
struct Model {
    place: Place,
    records: BTreeMap<String, Record>,
    next: u64,
}

impl Model {
    fn new() -> Self {
        static CALIBRATED: OnceLock<Place> = OnceLock::new();
        let calibrated = CALIBRATED.get_or_init(|| {
            let place = Place::new();
            place.write("vault.csv", "record_id,path,subject,source,captured,kind\n");
            place.write("saltprint.toml", "[vault]\nroot = \"vault\"\nmanifest = \"vault.csv\"\n");
            saltprint::calibrate(&place.config(), CalibrateOptions::default(), &NoProgress).unwrap();
            place
        });
        let mut model = Self { place: calibrated.copy(), records: BTreeMap::new(), next: 0 };
        (0..4).for_each(|seed| model.add(Content::Drawing(seed)));
        model
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn add(&mut self, content: Content) {
        let number = self.number();
        let path = format!("{number}.png");
        let record = Record { path, content, modified: number, fact: 0 };
        self.store(&record);
        self.records.insert(format!("record-{number}"), record);
    }

    fn store(&self, record: &Record) {
        let path = self.place.path("vault").join(&record.path);
        match record.content {
            Content::Drawing(seed) => draw(seed).save(&path).unwrap(),
            Content::Plain => GrayImage::from_pixel(160, 120, Luma([200])).save(&path).unwrap(),
            Content::Bad => fs::write(&path, "not an image").unwrap(),
        }
        self.set_time(record);
    }

    fn set_time(&self, record: &Record) {
        let file = File::options().write(true).open(self.place.path("vault").join(&record.path)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_600_000_000 + record.modified)).unwrap();
    }

    /// The id and a copy of some record.
    fn pick(&self, which: usize) -> Option<(String, Record)> {
        let at = which.checked_rem(self.records.len())?;
        self.records.iter().nth(at).map(|(id, record)| (id.clone(), record.clone()))
    }

    fn apply(&mut self, step: &Step) {
        let which = match *step {
            Step::Add(seed) => return self.add(Content::Drawing(seed)),
            Step::AddPlain => return self.add(Content::Plain),
            Step::AddBad => return self.add(Content::Bad),
            Step::Nothing => return,
            Step::Remove(which)
            | Step::Change(which, _)
            | Step::Touch(which)
            | Step::Move(which)
            | Step::Rename(which)
            | Step::Facts(which, _)
            | Step::Duplicate(which)
            | Step::Swap(which, _) => which,
        };
        let Some((id, mut record)) = self.pick(which) else { return };
        let number = self.number();
        let path = |record: &Record| self.place.path("vault").join(&record.path);
        match *step {
            Step::Remove(_) => {
                self.records.remove(&id);
                return fs::remove_file(path(&record)).unwrap();
            }
            Step::Change(_, seed) => {
                record.content = Content::Drawing(seed);
                record.modified = number;
                self.store(&record);
            }
            Step::Touch(_) => {
                record.modified = number;
                self.set_time(&record);
            }
            Step::Move(_) => {
                let old = path(&record);
                record.path = format!("moved-{number}.png");
                fs::copy(old, path(&record)).unwrap();
                self.set_time(&record);
            }
            Step::Rename(_) => {
                self.records.remove(&id);
                self.records.insert(format!("renamed-{number}"), record);
                return;
            }
            Step::Facts(_, fact) => record.fact = fact,
            Step::Duplicate(_) => {
                let from = path(&record);
                record.path = format!("copy-{number}.png");
                record.modified = number;
                fs::copy(from, path(&record)).unwrap();
                self.set_time(&record);
                self.records.insert(format!("copy-{number}"), record);
                return;
            }
            Step::Swap(_, other) => {
                let Some((other_id, mut other)) = self.pick(other) else { return };
                std::mem::swap(&mut record.path, &mut other.path);
                std::mem::swap(&mut record.content, &mut other.content);
                std::mem::swap(&mut record.modified, &mut other.modified);
                self.records.insert(other_id, other);
            }
            Step::Add(_) | Step::AddPlain | Step::AddBad | Step::Nothing => {}
        }
        self.records.insert(id, record);
    }

    fn write_manifest(&self) {
        let mut manifest = String::from("record_id,path,subject,source,captured,kind\n");
        for (id, Record { path, fact, .. }) in &self.records {
            let facts = match fact {
                0 => ",,,",
                1 => "anna,vendor-a,2019-04,card",
                _ => "boris,vendor-b,2019-05,card",
            };
            manifest.push_str(&format!("{id},{path},{facts}\n"));
        }
        self.place.write("vault.csv", manifest);
    }

    fn count(&self, matches: impl Fn(Content) -> bool) -> u64 {
        self.records.values().filter(|record| matches(record.content)).count() as u64
    }
}

fn rebuild(config: &Config) -> RebuildSummary {
    let mut options = RebuildOptions::default();
    options.allow_empty = true;
    saltprint::rebuild(config, options, &NoProgress).unwrap()
}

/// A drawing of rectangles and ellipses.
fn draw(seed: u32) -> GrayImage {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u32::try_from(state % u64::from(below)).unwrap()
    };
    let mut image = GrayImage::from_pixel(160, 120, Luma([230]));
    for _ in 0..12 {
        let (left, top, width, height) = (next(140), next(100), 6 + next(60), 6 + next(50));
        let (level, round) = (Luma([u8::try_from(next(256)).unwrap()]), next(2) == 0);
        // From -1 at one side of the shape to 1 at the other.
        let within = |at: u32, start: u32, length: u32| f64::from(at - start) / f64::from(length) * 2.0 - 1.0;
        for y in top..(top + height).min(120) {
            for x in left..(left + width).min(160) {
                if !round || within(x, left, width).hypot(within(y, top, height)) <= 1.0 {
                    image.put_pixel(x, y, level);
                }
            }
        }
    }
    image
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_full(steps in prop::collection::vec(step(), 1..9)) {
        let mut model = Model::new();
        let config = model.place.config();
        model.write_manifest();
        rebuild(&config);
        let mut before = model.records.clone();
        for step in &steps {
            model.apply(step);
            model.write_manifest();
            let summary = rebuild(&config);

            let mut fresh = config.clone();
            fresh.index = model.place.path("fresh");
            let full = rebuild(&fresh);
            prop_assert_eq!(contents(&config), contents(&fresh), "after {:?}", step);
            prop_assert_eq!(summary.totals, full.totals, "after {:?}", step);
            fs::remove_dir_all(&fresh.index).unwrap();

            // The books agree with the model.
            let totals = summary.totals;
            prop_assert_eq!(totals.inputs, model.records.len() as u64);
            prop_assert_eq!(totals.unreadable, model.count(|content| content == Content::Bad));
            prop_assert_eq!(totals.too_plain, model.count(|content| content == Content::Plain));
            let images = model.count(|content| matches!(content, Content::Drawing(_)));
            prop_assert_eq!(totals.indexed + totals.duplicate, images);
            prop_assert_eq!(summary.unchanged + summary.added + summary.changed, images);

            // Files that did not change are not read again.
            let same = |(id, record): (&String, &Record)| {
                record.content != Content::Bad
                    && before.get(id).is_some_and(|old| {
                        (old.modified, &old.path, old.fact) == (record.modified, &record.path, record.fact)
                    })
            };
            let untouched = model.records.iter().filter(|&record| same(record)).count() as u64;
            prop_assert!(summary.unread >= untouched, "read {:?} again after {:?}", summary, step);
            before.clone_from(&model.records);
        }
        Saltprint::open(&config).unwrap().verify().unwrap();
    }
}

#[test]
fn nothing_to_do_publishes_nothing_and_reads_nothing() {
    let mut model = Model::new();
    model.add(Content::Plain);
    let config = model.place.config();
    model.write_manifest();
    let first = rebuild(&config);
    let second = rebuild(&config);
    assert_eq!((first.generation, first.published, first.unread), (1, true, 0));
    assert_eq!((second.generation, second.published, second.unread), (1, false, 5));
}

#[test]
fn two_records_that_exchange_files_of_one_size_and_time_are_told_apart() {
    let mut model = Model::new();
    model.records.clear();
    // Bitmaps of one size, unpacked in the same second.
    for seed in [1, 2] {
        let path = format!("{seed}.bmp");
        draw(seed).save(model.place.path("vault").join(&path)).unwrap();
        let record = Record { path, content: Content::Drawing(seed), modified: 7, fact: 0 };
        model.set_time(&record);
        model.records.insert(format!("record-{seed}"), record);
    }
    let config = model.place.config();
    model.write_manifest();
    rebuild(&config);
    let before = contents(&config);
    model.apply(&Step::Swap(0, 1));
    model.write_manifest();
    rebuild(&config);
    let after = contents(&config);
    assert_eq!(before.len(), 2);
    assert!(
        before.iter().all(|(record, text)| after[record] != *text),
        "the index still holds the old files"
    );
}

#[test]
fn a_removed_record_is_gone_from_the_files() {
    let mut model = Model::new();
    let config = model.place.config();
    model.write_manifest();
    rebuild(&config);
    let before = contents(&config);
    let names = |config: &Config| -> Vec<String> {
        let entries = fs::read_dir(&config.index).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.split_once('.').is_some_and(|(_, extension)| extension == "seg"));
        names
    };
    let old_segments = names(&config);
    model.apply(&Step::Remove(0));
    model.write_manifest();
    let summary = rebuild(&config);
    assert_eq!(summary.removed, 1);
    assert_eq!(contents(&config).len(), before.len() - 1);
    // The record was in every copy of its segment, so none of the old files may be left.
    assert!(names(&config).iter().all(|name| !old_segments.contains(name)));
}

#[test]
fn a_catalog_that_lags_behind_after_a_crash_hides_no_change() {
    let mut model = Model::new();
    let config = model.place.config();
    let catalog = config.index.join("catalog.redb");
    model.write_manifest();
    rebuild(&config);
    let (before, old_catalog) = (contents(&config), fs::read(&catalog).unwrap());
    // Published, and killed before the catalog was updated; then the vault goes back to what the catalog remembers.
    let old_records = model.records.clone();
    model.apply(&Step::Facts(1, 2));
    model.apply(&Step::Change(2, 77));
    model.write_manifest();
    rebuild(&config);
    assert_ne!(contents(&config), before);
    fs::write(&catalog, old_catalog).unwrap();
    model.records = old_records;
    model.records.values().for_each(|record| model.store(record));
    model.write_manifest();
    rebuild(&config);
    assert_eq!(contents(&config), before);
}

#[test]
fn a_lost_catalog_costs_reading_and_changes_nothing() {
    let mut model = Model::new();
    model.apply(&Step::Facts(1, 2));
    let config = model.place.config();
    model.write_manifest();
    rebuild(&config);
    let before = contents(&config);
    fs::remove_file(config.index.join("catalog.redb")).unwrap();
    let summary = rebuild(&config);
    assert_eq!((summary.published, summary.unchanged, summary.unread), (false, 4, 0));
    assert_eq!(contents(&config), before);
    assert_eq!(rebuild(&config).unread, 4);
}
