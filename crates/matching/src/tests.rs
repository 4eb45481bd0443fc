//! The matcher over real index folders with made-up codes.

mod alone;
mod local;
mod near_duplicates;
mod parts;
mod reading;

use saltprint_fingerprint::{
    Corners, Fingerprint, GlobalCode, LocalQuery, Orientation, Panel, QueryFingerprint,
};
use saltprint_index::{
    Background, CensusId, Coverage, Generation, GraphPolicy, Impostor, IndexDir, KindCompany,
    LocalBackground, Manifest, RecordFacts, SegmentRecord,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef, SubjectRef};

use crate::{
    Band, Cascade, CascadeCounts, DecisionRule, Fine, Images, Judgement, LocalRule, Matcher, Read,
    RuleSettings, Rules,
};

const EPOCH: EpochId = EpochId::from_bytes([5; 16]);

fn id(number: u8) -> [u8; 16] {
    [number; 16]
}

/// A code far from those of all other numbers.
fn code(number: u8) -> GlobalCode {
    let mut state = u64::from(number) + 1;
    GlobalCode::from_words(std::array::from_fn(|_| {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }))
}

/// The code with its first `bits` bits flipped.
fn near(code: GlobalCode, bits: u32) -> GlobalCode {
    let mut words = code.words();
    words[0] ^= (1 << bits) - 1;
    GlobalCode::from_words(words)
}

fn record(number: u8, code: GlobalCode) -> SegmentRecord {
    SegmentRecord {
        record_ref: RecordRef::from_bytes(id(number)),
        facts: RecordFacts::new(ContentDigest::from_bytes(id(number))),
        fingerprint: Fingerprint::from_global(code),
    }
}

/// 120 records with codes of their own.
fn strangers() -> Vec<SegmentRecord> {
    (0..120).map(|number| record(number, code(number))).collect()
}

struct Index {
    folder: tempfile::TempDir,
    generation: Generation,
}

impl Index {
    /// The same index published once more, with what is known of the kinds of its records.
    fn knowing(self, kinds: Vec<KindCompany>) -> Self {
        self.published(|manifest| manifest.local_background.kinds = kinds)
    }

    /// The same index published once more, with other things in its manifest.
    fn published(self, change: impl FnOnce(&mut Manifest)) -> Self {
        let key = IndexKey::from_secret(&[7; 32]);
        let dir = IndexDir::new(self.folder.path());
        let mut manifest = self.generation.manifest().clone();
        manifest.generation += 1;
        change(&mut manifest);
        dir.publish(&dir.lock().unwrap(), &key, &manifest).unwrap();
        Self { generation: dir.open(&key, EPOCH).unwrap(), ..self }
    }
}

fn index(records: &[SegmentRecord]) -> Index {
    let folder = tempfile::tempdir().unwrap();
    let key = IndexKey::from_secret(&[7; 32]);
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().unwrap();
    let policy = GraphPolicy { min_records: 2, floor: 0.0, ..GraphPolicy::default() };
    let written = dir.write_segment(&lock, &key, EPOCH, records, &policy).unwrap();
    let manifest = Manifest {
        generation: 1,
        epoch: EPOCH,
        created: 1,
        segments: vec![written.entry],
        background: Background::default(),
        local_background: LocalBackground::default(),
        negative: saltprint_index::NegativeBank::default(),
        census: CensusId::default(),
        coverage: Coverage::default(),
        erasures: 0,
        previous: None,
    };
    dir.publish(&lock, &key, &manifest).unwrap();
    let generation = dir.open(&key, EPOCH).unwrap();
    Index { folder, generation }
}

/// Strong up to about 0.4 of the runner-up's distance.
fn rule() -> DecisionRule {
    let mut background = Background::default();
    (0..2_000_u32).for_each(|number| background.add(70 + number % 21, Some(92 + number % 3)));
    DecisionRule::new(&background, RuleSettings::default())
}

fn rules() -> Rules {
    Rules { whole: rule(), straightened: rule(), local: local_rule() }
}

/// Strangers' leads fall by a factor of e every 0.3.
fn local_rule() -> LocalRule {
    let lead = |number: u16| -0.3 * ((f32::from(number) + 0.5) / 2_000.0).ln();
    let impostors = (0..2_000)
        .map(|number| Impostor {
            best: 1.0 + lead(number),
            rival: 1.0,
            nudged: lead(number),
            ..Impostor::default()
        })
        .collect();
    let background = LocalBackground { records: 2_000, impostors, ..LocalBackground::default() };
    LocalRule::new(&background, RuleSettings::default())
}

/// A query whose code is `code` when `orientation` is undone, and far from everything otherwise.
fn query(code_then: GlobalCode, orientation: Orientation) -> QueryFingerprint {
    let mut codes: [GlobalCode; 8] = std::array::from_fn(|index| code(200 + u8::try_from(index).unwrap()));
    codes[orientation.index()] = code_then;
    QueryFingerprint::from_codes(codes)
}

/// Images of which there are only codes: fine ones, and nothing to read.
struct Codes<F>(F);

impl<F: Fn(usize) -> LocalQuery + Sync> Images for Codes<F> {
    fn fine(&self, number: usize) -> Fine<'_> {
        Fine { query: self.0(number), reader: None }
    }

    fn reader(&self, _number: usize) -> Option<Box<dyn Read + '_>> {
        None
    }

    fn straightened(&self, _number: usize, _corners: &Corners) -> Option<GlobalCode> {
        None
    }

    fn panels(&self, _number: usize) -> Vec<Panel> {
        Vec::new()
    }

    fn panel_query(&self, _number: usize, _area: &[f64; 4]) -> LocalQuery {
        LocalQuery::default()
    }

    fn panel_reader(&self, _number: usize, _area: &[f64; 4]) -> Option<Box<dyn Read + '_>> {
        None
    }
}

fn judge(index: &Index, query: QueryFingerprint, graph_from: u64) -> (Judgement, CascadeCounts) {
    let matcher = Matcher::new(&index.generation, &rules(), Cascade { graph_from, ..Cascade::default() });
    let mut counts = CascadeCounts::default();
    let mut judgements = matcher.judge(&[query], &Codes(|_| LocalQuery::default()), &mut counts).unwrap();
    assert_eq!(judgements.len(), 1);
    (judgements.remove(0), counts)
}

#[test]
fn a_copy_is_strong_in_its_orientation_and_a_stranger_is_nothing() {
    let index = index(&strangers());
    for orientation in Orientation::ALL {
        let (found, _) = judge(&index, query(near(code(17), 9), orientation), u64::MAX);
        assert_eq!(found.matches.len(), 1);
        let first = &found.matches[0];
        assert_eq!(first.record.record_ref, RecordRef::from_bytes(id(17)));
        assert_eq!((first.record.distance, first.orientation, first.band), (9, orientation, Band::Strong));
        assert!(first.runner_up.unwrap() > 60);
    }
    let (nothing, _) = judge(&index, query(code(150), Orientation::Upright), u64::MAX);
    assert_eq!(nothing.band(), None);
}

#[test]
fn the_graph_gives_the_answer_of_the_exact_scan_or_leaves_it_to_that() {
    let index = index(&strangers());
    let ours = query(near(code(17), 9), Orientation::Mirror);
    let (by_scan, counts) = judge(&index, ours.clone(), u64::MAX);
    assert_eq!((counts.graph, counts.exact, counts.local), (0, 1, 0));
    let (by_graph, counts) = judge(&index, ours, 0);
    assert_eq!((counts.graph, counts.exact, counts.local), (1, 0, 0));
    let refs =
        |found: &Judgement| found.matches.iter().map(|found| found.record.record_ref).collect::<Vec<_>>();
    assert_eq!(refs(&by_scan), refs(&by_graph));
    // The graph's no is not believed, nor that of whole-image codes.
    let (nothing, counts) = judge(&index, query(code(150), Orientation::Upright), 0);
    assert_eq!((nothing.band(), counts.graph, counts.exact, counts.local), (None, 0, 0, 1));
}

#[test]
fn other_records_of_the_subject_are_reported_with_it() {
    let mut records = strangers();
    for number in [17, 18] {
        records[number].facts.subject = Some(SubjectRef::from_bytes([9; 16]));
    }
    records[18].fingerprint = Fingerprint::from_global(near(code(17), 4));
    let (found, _) = judge(&index(&records), query(code(17), Orientation::Upright), u64::MAX);
    assert_eq!(found.band(), Some(Band::Strong));
    assert_eq!(found.matches.len(), 2);
    assert!(found.matches.iter().all(|found| found.band == Band::Strong));
}

#[test]
fn one_file_under_two_names_is_reported_under_both() {
    let mut records = strangers();
    records[18].fingerprint = records[17].fingerprint.clone();
    records[18].facts.content = records[17].facts.content;
    let (found, _) = judge(&index(&records), query(near(code(17), 3), Orientation::Upright), u64::MAX);
    assert_eq!(found.matches.iter().map(|found| found.band).collect::<Vec<_>>(), [Band::Strong; 2]);
}

#[test]
fn an_image_of_two_subjects_is_possible_for_both() {
    let mut records = strangers();
    records[18].fingerprint = Fingerprint::from_global(near(code(17), 4));
    let (found, _) = judge(&index(&records), query(near(code(17), 1), Orientation::Upright), u64::MAX);
    assert_eq!(found.matches.iter().map(|found| found.band).collect::<Vec<_>>(), [Band::Possible; 2]);
}

/// More records of one subject than are fetched at first must not hide the rivals behind them.
#[test]
fn rivals_behind_a_crowd_of_the_same_subject_are_found() {
    let mut records = strangers();
    for record in &mut records[20..60] {
        record.facts.subject = Some(SubjectRef::from_bytes([9; 16]));
        record.fingerprint = Fingerprint::from_global(near(code(20), 2));
    }
    records[70].fingerprint = Fingerprint::from_global(near(code(20), 5));
    let index = index(&records);
    for graph_from in [u64::MAX, 0] {
        let (found, counts) = judge(&index, query(code(20), Orientation::Upright), graph_from);
        assert_eq!((counts.graph, found.band()), (0, Some(Band::Possible)));
        assert_eq!(found.matches.len(), 41);
    }
}

#[test]
fn an_empty_index_and_one_record_answer() {
    let (nothing, _) = judge(&index(&[]), query(code(1), Orientation::Upright), u64::MAX);
    assert!(nothing.matches.is_empty());
    let (found, _) = judge(&index(&[record(1, code(1))]), query(near(code(1), 2), Orientation::Upright), 0);
    assert_eq!(found.band(), Some(Band::Strong));
}
