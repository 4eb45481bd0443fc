//! Publishing, locking, garbage, readers that keep their generation.

use std::fs;

use saltprint_fingerprint::{Fingerprint, GlobalCode};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef, SubjectRef};

use super::{Generation, GraphPolicy, IndexDir, Manifest, RebuildLock, Seen};
use crate::format::HEADER_LEN;
use crate::map::Pace;
use crate::{
    Background, Census, CensusId, Coverage, Erased, Erasure, Erasures, IndexError, LocalBackground,
    MappedFile, RecordFacts, Segment, SegmentRecord,
};

const EPOCH: EpochId = EpochId::from_bytes([5; 16]);

fn key() -> IndexKey {
    IndexKey::from_secret(&[7; 32])
}

fn record(number: u32, code: [u8; 32]) -> SegmentRecord {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    SegmentRecord {
        record_ref: RecordRef::from_bytes(id),
        facts: RecordFacts::new(ContentDigest::from_bytes(id)),
        fingerprint: Fingerprint::from_global(GlobalCode::from_bytes(&code)),
    }
}

fn random_records(numbers: std::ops::Range<u32>) -> Vec<SegmentRecord> {
    numbers.map(|number| record(number, *blake3::hash(&number.to_le_bytes()).as_bytes())).collect()
}

fn publish(dir: &IndexDir, lock: &RebuildLock, generation: u64, parts: &[&[SegmentRecord]]) -> Manifest {
    let policy = GraphPolicy { min_records: 50, floor: 0.0, ..GraphPolicy::default() };
    let segments = parts
        .iter()
        .map(|records| dir.write_segment(lock, &key(), EPOCH, records, &policy).unwrap().entry)
        .collect();
    let manifest = Manifest {
        generation,
        epoch: EPOCH,
        created: 1,
        segments,
        background: Background::default(),
        local_background: LocalBackground::default(),
        negative: crate::NegativeBank::default(),
        census: CensusId::default(),
        coverage: Coverage::default(),
        erasures: 0,
        previous: None,
    };
    dir.publish(lock, &key(), &manifest).unwrap();
    manifest
}

#[test]
fn a_reader_keeps_its_generation_while_a_new_one_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path().join("index"));
    assert!(matches!(dir.open(&key(), EPOCH), Err(IndexError::NoIndex { .. })));
    let lock = dir.lock().unwrap();
    let old = random_records(0..100);
    publish(&dir, &lock, 1, &[&old]);
    let reader = dir.open(&key(), EPOCH).unwrap();

    let new = random_records(100..160);
    let manifest = publish(&dir, &lock, 2, &[&new]);
    assert_eq!(dir.collect_garbage(&lock, &[&manifest]).unwrap(), 1);

    let found = reader.scan(&[old[17].fingerprint.global], 1, 0).unwrap();
    assert_eq!(reader.resolve(&found[0].hits()[0]).unwrap().record_ref, old[17].record_ref);
    reader.verify(dir.path()).unwrap();

    let reopened = dir.open(&key(), EPOCH).unwrap();
    assert_eq!(reopened.manifest().generation, 2);
    assert!(reopened.scan(&[old[17].fingerprint.global], 1, 0).unwrap()[0].hits().is_empty());
    assert!(matches!(dir.open(&key(), EpochId::from_bytes([6; 16])), Err(IndexError::WrongEpoch)));
}

/// As a large segment is, after every 32 MB.
#[test]
fn a_map_is_verified_while_it_is_let_go_of() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let records = random_records(0..300);
    let manifest = publish(&dir, &lock, 1, &[&records]);
    let generation = dir.open(&key(), EPOCH).unwrap();
    let segment = &generation.segments()[0];
    assert!(segment.has_graph());
    let mut acted = 0;
    let mut act = || {
        acted += 1;
        segment.let_go();
    };
    segment.verify_at(&mut Pace::of(1, &mut act)).unwrap();
    // Each page, each record twice, and what of the graph is read together.
    assert!(acted > 2 * records.len(), "{acted}");

    let path = dir.path().join(manifest.segments[0].id.file_name());
    let mut bytes = fs::read(&path).unwrap();
    // The refs, which are not read when a segment is opened.
    bytes[HEADER_LEN + 5] ^= 1;
    fs::write(dir.path().join("damaged"), bytes).unwrap();
    let damaged =
        Segment::open(MappedFile::open(&dir.path().join("damaged")).unwrap(), &key(), EPOCH).unwrap();
    let result = damaged.verify_at(&mut Pace::of(1, &mut || damaged.let_go()));
    assert!(matches!(result, Err(IndexError::DamagedPage { .. })), "{result:?}");
}

#[test]
fn segments_are_searched_together() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let records = random_records(0..300);
    publish(&dir, &lock, 1, &[&records[..100], &records[100..300]]);
    let generation = dir.open(&key(), EPOCH).unwrap();
    let queries: Vec<GlobalCode> = records.iter().map(|record| record.fingerprint.global).collect();
    let found = generation.scan(&queries, 2, 256).unwrap();
    for (record, nearest) in records.iter().zip(&found) {
        assert_eq!(generation.resolve(&nearest.hits()[0]).unwrap().record_ref, record.record_ref);
        let graph = generation.graph_search(&[record.fingerprint.global], 64, 1, 0).unwrap().unwrap();
        assert_eq!(graph[0].hits()[0], nearest.hits()[0]);
    }
}

#[test]
fn a_second_rebuild_is_refused_while_the_first_runs() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    assert!(matches!(dir.lock(), Err(IndexError::Locked { .. })));
    drop(lock);
    dir.lock().unwrap();
}

#[test]
fn what_a_killed_rebuild_left_is_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let manifest = publish(&dir, &lock, 1, &[&random_records(0..5)]);
    fs::write(folder.path().join("MANIFEST.tmp"), b"half").unwrap();
    fs::write(folder.path().join("00.seg.tmp"), b"half").unwrap();
    dir.write_segment(&lock, &key(), EPOCH, &random_records(5..9), &GraphPolicy::default()).unwrap();
    assert_eq!(dir.open(&key(), EPOCH).unwrap().manifest().records(), 5);
    assert_eq!(dir.collect_garbage(&lock, &[&manifest]).unwrap(), 3);
    assert_eq!(dir.open(&key(), EPOCH).unwrap().manifest(), &manifest);
}

#[test]
fn a_segment_swapped_for_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let first = publish(&dir, &lock, 1, &[&random_records(0..5)]);
    let second = publish(&dir, &lock, 2, &[&random_records(0..5)]);
    let path = |manifest: &Manifest| folder.path().join(manifest.segments[0].id.file_name());
    fs::copy(path(&first), path(&second)).unwrap();
    assert!(matches!(dir.open(&key(), EPOCH), Err(IndexError::ForeignSegment { .. })));
    fs::remove_file(path(&second)).unwrap();
    assert!(matches!(dir.open(&key(), EPOCH), Err(IndexError::Segment { .. })));
}

#[test]
fn a_manifest_that_is_damaged_foreign_or_newer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    publish(&dir, &lock, 1, &[&random_records(0..5)]);
    let path = folder.path().join("MANIFEST");
    let good = fs::read(&path).unwrap();
    assert!(matches!(dir.manifest(&IndexKey::from_secret(&[8; 32])), Err(IndexError::Manifest { .. })));
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(matches!(dir.manifest(&key()), Err(IndexError::Manifest { .. })), "byte {at}");
    }
    let mut newer = good.clone();
    let version = crate::format::MANIFEST_VERSION + 1;
    newer[8..10].copy_from_slice(&version.to_le_bytes());
    fs::write(&path, &newer).unwrap();
    let error = dir.manifest(&key()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains(&format!("version is {version}")), "{source}");
}

/// Publishes `census` with the next generation, and returns its manifest.
fn publish_census(dir: &IndexDir, lock: &RebuildLock, manifest: &Manifest, census: &Census) -> Manifest {
    let id = dir.write_census(lock, &key(), EPOCH, census).unwrap();
    let next = Manifest { generation: manifest.generation + 1, census: id, ..manifest.clone() };
    dir.publish(lock, &key(), &next).unwrap();
    next
}

#[test]
fn a_census_is_found_by_its_manifest_and_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let first = publish(&dir, &lock, 1, &[&random_records(0..5)]);
    let censuses = || {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.contains(".cen"));
        names
    };
    let (mut old, mut new) = (Census::new(10), Census::new(1 << 15));
    old.add(&[]);
    (0..3).for_each(|_| new.add(&[]));
    let second = publish_census(&dir, &lock, &first, &old);
    assert!(dir.read_census(&key(), &second).unwrap() == old);
    let third = publish_census(&dir, &lock, &second, &new);
    assert_eq!(censuses().len(), 2);
    assert_eq!(dir.collect_garbage(&lock, &[&third]).unwrap(), 1);
    assert_eq!(censuses(), [third.census.file_name()]);
    assert_eq!(third.census.file_name().len(), 32 + 4);
    assert!(dir.read_census(&key(), &dir.manifest(&key()).unwrap().unwrap()).unwrap() == new);
}

#[test]
fn a_census_that_is_missing_or_damaged_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let manifest = publish(&dir, &lock, 1, &[&random_records(0..5)]);
    let missing = dir.read_census(&key(), &manifest).unwrap_err();
    assert!(matches!(missing, IndexError::MissingCensus { .. }));
    let manifest = publish_census(&dir, &lock, &manifest, &Census::new(10));
    let path = folder.path().join(manifest.census.file_name());
    let good = fs::read(&path).unwrap();
    let damaged = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = dir.read_census(&key(), &manifest).unwrap_err();
        assert!(matches!(error, IndexError::Census(_)), "{error}");
        error
    };
    for at in [0, 8, 20, 50, 100, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        damaged(&bytes);
    }
    damaged(&good[..good.len() - 1]);
    for error in [missing, damaged(&[])] {
        assert!(
            error.to_string().contains("census") && error.to_string().contains("saltprint rebuild --full"),
            "{error}"
        );
    }
    fs::write(&path, &good).unwrap();
    assert!(matches!(
        dir.read_census(&IndexKey::from_secret(&[8; 32]), &manifest),
        Err(IndexError::Census(_))
    ));
    let other = Manifest { epoch: EpochId::from_bytes([6; 16]), ..manifest.clone() };
    assert!(matches!(dir.read_census(&key(), &other), Err(IndexError::Census(_))));
    assert!(dir.read_census(&key(), &manifest).is_ok());
    // Searching needs no census.
    fs::remove_file(&path).unwrap();
    dir.open(&key(), EPOCH).unwrap().verify(dir.path()).unwrap();
}

#[test]
fn the_graph_is_left_out_under_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let policy = GraphPolicy { min_records: 10, floor: 1.1, ..GraphPolicy::default() };
    let written = dir.write_segment(&lock, &key(), EPOCH, &random_records(0..60), &policy).unwrap();
    assert!(written.rejected_graph.is_some() && written.entry.graph.is_none());
}

/// Three records of one subject, one copy of a file under another name, and two strangers.
#[test]
fn the_background_leaves_out_the_same_subject_and_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let code = |bits: u8| {
        let mut code = [0; 32];
        code[..usize::from(bits / 8)].fill(0xff);
        code
    };
    let mut records = vec![
        record(1, code(0)),
        record(2, code(8)),
        record(3, code(16)),
        record(4, code(0)),
        record(5, code(80)),
        record(6, code(96)),
    ];
    for record in &mut records[..3] {
        record.facts.subject = Some(SubjectRef::from_bytes([9; 16]));
    }
    records[3].facts.content = records[0].facts.content;
    publish(&dir, &lock, 1, &[&records]);
    let background = dir
        .open(&key(), EPOCH)
        .unwrap()
        .measure_background(100, |_| true, |_, _| Ok(false), |_, _| (), |_, _| ())
        .unwrap()
        .background;
    assert_eq!((background.records, background.sampled), (6, 6));
    // 1 -> 5 at 80; 2 -> 4 at 8; 3 -> 4 at 16; 4 -> 2 at 8; 5 -> 6 at 16; 6 -> 5 at 16.
    assert_eq!(background.nearest.bins().collect::<Vec<_>>(), [(8, 2), (16, 3), (80, 1)]);
    // 1 -> 6 at 96; 2 -> 5 at 72; 3 -> 5 at 64; 4 -> 5 at 80; 5 -> 3 at 64; 6 -> 3 at 80.
    assert_eq!(background.gap.bins().collect::<Vec<_>>(), [(16, 1), (48, 2), (64, 2), (72, 1)]);
    assert_eq!(background.ratio.total(), 6);

    // Where all that may hold one image do, these are left out, with whoever is of their subject.
    let generation = dir.open(&key(), EPOCH).unwrap();
    let measured =
        generation.measure_background(100, |_| true, |_, _| Ok(true), |_, _| (), |_, _| ()).unwrap();
    // 1 holds the same file as 4, and nobody else is near; 2 -> 4, 3 -> 4, 4 -> 2, 5 -> 6, 6 -> 5.
    assert_eq!(measured.near_duplicates, 5);
    // 1 -> 5 at 80; 2 -> 5 at 72; 3 -> 5 at 64; 4 -> 5 at 80; 5 -> 3 at 64; 6 -> 3 at 80.
    assert_eq!(measured.background.nearest.bins().collect::<Vec<_>>(), [(64, 2), (72, 1), (80, 3)]);
    // 1, 2, 3, 4 -> 6, 16 bits farther; 5 -> 4 at 80; 6 -> 4 at 96.
    assert_eq!(measured.background.gap.bins().collect::<Vec<_>>(), [(16, 6)]);
}

/// As of a placeholder: who else comes near says nothing of strangers.
#[test]
fn of_an_image_that_very_many_hold_nothing_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let code = |bits: usize| {
        let mut code = [0; 32];
        code[..bits].fill(0xff);
        code
    };
    let measured = |held_by: u32| {
        let mut records: Vec<_> = (0..held_by).map(|number| record(number, code(0))).collect();
        records.push(record(100, code(10)));
        records.push(record(101, code(20)));
        publish(&dir, &lock, 1, &[&records]);
        let same = |one: &crate::Hit, other: &crate::Hit| Ok(one.distance == 0 && other.distance == 0);
        let generation = dir.open(&key(), EPOCH).unwrap();
        let measured = generation.measure_background(100, |_| true, same, |_, _| (), |_, _| ()).unwrap();
        (measured.near_duplicates, measured.background.sampled)
    };
    // The record itself and sixteen others.
    assert_eq!(measured(17), (17, 19));
    assert_eq!(measured(18), (18, 2));
}

#[test]
fn the_composition_counts_every_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path().join("index"));
    let lock = dir.lock().unwrap();
    let month = |month| crate::Month::new(2020, month).unwrap();
    let with = |number: u32, source: Option<&str>, captured, kind: Option<&str>| {
        let mut record = record(number, [0; 32]);
        record.facts.source = source.map(str::to_owned);
        record.facts.kind = kind.map(str::to_owned);
        record.facts.captured = captured;
        record
    };
    let first: Vec<_> = (0..9_000).map(|number| with(number, Some("a"), Some(month(1)), None)).collect();
    let second = [
        with(9_000, Some("a"), Some(month(1)), None),
        with(9_001, Some("a"), Some(month(2)), Some("card")),
        with(9_002, None, None, None),
    ];
    let manifest = publish(&dir, &lock, 1, &[&first, &second]);
    let composition = dir.open(&key(), EPOCH).unwrap().composition().unwrap();
    let key = |source: Option<&str>, captured, kind: Option<&str>| {
        (source.map(str::to_owned), captured, kind.map(str::to_owned))
    };
    let expected = [
        (key(None, None, None), 1),
        (key(Some("a"), Some(month(1)), None), 9_001),
        (key(Some("a"), Some(month(2)), Some("card")), 1),
    ];
    assert_eq!(composition.into_iter().collect::<Vec<_>>(), expected);
    let mut turned = manifest.clone();
    turned.segments.reverse();
    assert_ne!(turned.root(), manifest.root());
    turned.segments.reverse();
    turned.generation += 1;
    assert_eq!(turned.root(), manifest.root());
}

#[test]
fn what_is_erased_is_found_in_no_way_and_leaves_room_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path().join("index"));
    let lock = dir.lock().unwrap();
    let records = random_records(0..200);
    publish(&dir, &lock, 1, &[&records[..120], &records[120..]]);
    let generation = dir.open(&key(), EPOCH).unwrap();
    let (gone, kept) = (records[150].record_ref, records[10].record_ref);
    let code = records[150].fingerprint.global;
    let nearest = |generation: &Generation| {
        let found = generation.scan(&[code], 1, 256).unwrap();
        generation.resolve(&found[0].hits()[0]).unwrap().record_ref
    };
    assert_eq!(nearest(&generation), gone);

    let entry = Erasure { what: Erased::Record(gone), of: None, lifted: false, at: 1 };
    let (changed, list) = dir.change_erasures(&[&key()], &key(), |list| list.push(entry)).unwrap();
    assert!(changed);
    assert_eq!(dir.erasures(&[&key()]).unwrap(), list);
    let hidden = generation.hide(&list).unwrap();
    assert_eq!((generation.hidden(), hidden.hidden()), (0, 1));
    // The place of what is hidden goes to the next, also where only one hit is asked for.
    assert_ne!(nearest(&hidden), gone);
    assert_eq!(hidden.scan(&[code], 500, 256).unwrap()[0].hits().len(), 199);
    assert!(hidden.find(gone).unwrap().is_none());
    assert!(hidden.find(kept).unwrap().is_some());
    assert_eq!(hidden.composition().unwrap().values().sum::<u64>(), 199);
    // A generation that was written without the entry looks for nothing.
    let manifest = Manifest { erasures: 1, ..generation.manifest().clone() };
    let applied = dir.open_unpublished(&lock, manifest, &key(), EPOCH).unwrap();
    assert_eq!(applied.hide(&list).unwrap().hidden(), 0);
}

#[test]
fn a_subject_is_hidden_with_all_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path().join("index"));
    let lock = dir.lock().unwrap();
    let mut records = random_records(0..90);
    let subject = SubjectRef::from_bytes([5; 16]);
    for record in records.iter_mut().step_by(9) {
        record.facts.subject = Some(subject);
    }
    publish(&dir, &lock, 1, &[&records[..40], &records[40..]]);
    let mut list = Erasures::default();
    list.push(Erasure { what: Erased::Subject(subject), of: None, lifted: false, at: 1 });
    let hidden = dir.open(&key(), EPOCH).unwrap().hide(&list).unwrap();
    assert_eq!(hidden.hidden(), 10);
    for (number, record) in records.iter().enumerate() {
        assert_eq!(hidden.find(record.record_ref).unwrap().is_none(), number % 9 == 0, "{number}");
    }
}

#[test]
fn an_older_generation_and_a_shorter_list_of_erasures_are_refused_until_somebody_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path().join("index")).pinned_at(folder.path().join("index.pin"));
    let lock = dir.lock().unwrap();
    let records = random_records(0..20);
    publish(&dir, &lock, 1, &[&records]);
    let old = fs::read(folder.path().join("index/MANIFEST")).unwrap();
    publish(&dir, &lock, 2, &[&records]);
    let new = fs::read(folder.path().join("index/MANIFEST")).unwrap();
    assert_eq!(dir.seen().unwrap(), Seen { generation: 2, erasures: 0 });

    fs::write(folder.path().join("index/MANIFEST"), &old).unwrap();
    let error = dir.open(&key(), EPOCH).unwrap_err();
    assert!(matches!(error, IndexError::RolledBack { found: 1, seen: 2, .. }), "{error}");
    assert!(error.to_string().contains("--accept-rollback"), "{error}");
    // Without the memory nobody can tell: that is what it is for.
    assert!(IndexDir::new(dir.path()).open(&key(), EPOCH).is_ok());
    dir.accept_rollback(&lock, Seen { generation: 1, erasures: 0 }).unwrap();
    assert!(dir.open(&key(), EPOCH).is_ok());
    fs::write(folder.path().join("index/MANIFEST"), &new).unwrap();
    assert!(dir.open(&key(), EPOCH).is_ok());

    let entry = Erasure { what: Erased::Record(records[0].record_ref), of: None, lifted: false, at: 1 };
    dir.change_erasures(&[&key()], &key(), |list| list.push(entry)).unwrap();
    fs::remove_file(folder.path().join("index/ERASURES")).unwrap();
    assert!(matches!(dir.erasures(&[&key()]), Err(IndexError::RolledBack { found: 0, seen: 1, .. })));
    let manifest = Manifest { erasures: 1, ..dir.manifest(&key()).unwrap().unwrap() };
    dir.accept_rollback(&lock, Seen { generation: 2, erasures: 0 }).unwrap();
    assert!(matches!(
        dir.erasures_for(&[&key()], &manifest),
        Err(IndexError::MissingErasures { found: 0, applied: 1, .. })
    ));
}

#[test]
fn cleaning_up_leaves_an_erasure_alone_that_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path().join("index"));
    let lock = dir.lock().unwrap();
    let manifest = publish(&dir, &lock, 1, &[&random_records(0..5)]);
    fs::write(folder.path().join("index/ERASURES.tmp"), b"half").unwrap();
    fs::write(folder.path().join("index/MANIFEST.tmp"), b"half").unwrap();
    assert_eq!(dir.collect_garbage(&lock, &[&manifest]).unwrap(), 1);
    assert!(folder.path().join("index/ERASURES.tmp").exists());
    // What a kill left there is in nobody's way.
    let entry =
        Erasure { what: Erased::Record(RecordRef::from_bytes([1; 16])), of: None, lifted: false, at: 1 };
    dir.change_erasures(&[&key()], &key(), |list| list.push(entry)).unwrap();
    assert_eq!(dir.erasures(&[&key()]).unwrap().len(), 1);
}

#[test]
fn the_epoch_before_is_kept_as_long_as_its_manifest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let old = publish(&dir, &lock, 1, &[&random_records(0..5)]);
    assert_eq!(dir.previous_manifest(&key()).unwrap(), None);
    dir.keep_previous(&lock).unwrap();
    let new = publish(&dir, &lock, 2, &[&random_records(0..6)]);
    assert_eq!(dir.collect_garbage(&lock, &[&new, &old]).unwrap(), 0);

    let kept = dir.previous_manifest(&key()).unwrap().unwrap();
    assert_eq!(kept, old);
    assert!(matches!(
        dir.previous_manifest(&IndexKey::from_secret(&[8; 32])),
        Err(IndexError::Manifest { .. })
    ));
    assert_eq!(dir.open_previous(kept, &key()).unwrap().manifest().records(), 5);
    assert_eq!(dir.open(&key(), EPOCH).unwrap().manifest().records(), 6);

    assert!(dir.drop_previous(&lock).unwrap());
    assert!(!dir.drop_previous(&lock).unwrap());
    assert_eq!(dir.previous_manifest(&key()).unwrap(), None);
    assert_eq!(dir.collect_garbage(&lock, &[&new]).unwrap(), 1);
}
