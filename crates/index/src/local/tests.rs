//! The lookup against brute force, and hostile bytes.

use proptest::prelude::*;
use saltprint_fingerprint::{
    Fingerprint, GlobalCode, Keypoint, LocalCode, LocalFeature, LocalFingerprint, Place, QueryFeature,
    Sharing,
};
use saltprint_keys::{BlobFormat, ContentDigest, EpochId, IndexKey, RecordRef, Sealing};

use super::{Candidate, Census, LocalLookup};
use crate::format::{CENSUS_MAGIC, CENSUS_VERSION};
use crate::{
    Background, CensusId, Coverage, Erasures, Generation, GraphPolicy, IndexDir, IndexError, LocalBackground,
    Manifest, RecordFacts, Segment, SegmentRecord,
};

pub(super) const EPOCH: EpochId = EpochId::from_bytes([5; 16]);

pub(super) fn key() -> IndexKey {
    IndexKey::from_secret(&[7; 32])
}

/// Arbitrary numbers that follow from two.
fn arbitrary(label: u64, number: u64) -> [u64; 4] {
    let hash = blake3::Hasher::new().update(&label.to_le_bytes()).update(&number.to_le_bytes()).finalize();
    let words = hash.as_bytes().as_chunks::<8>().0;
    std::array::from_fn(|word| u64::from_le_bytes(words[word]))
}

/// Record `number` with `count` local features of its own.
pub(super) fn record(number: u32, count: u16) -> SegmentRecord {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let features = (0..count).map(|index| {
        let [low, high, place, sharing] = arbitrary(number.into(), index.into());
        let [x0, x1, y0, y1, size, angle, ..] = place.to_le_bytes();
        LocalFeature {
            code: LocalCode::from_words([low, high]),
            place: Place { x: u16::from_le_bytes([x0, x1]), y: u16::from_le_bytes([y0, y1]), size, angle },
            sharing: Sharing::from_step(sharing.to_le_bytes()[0] / 4),
        }
    });
    let local = LocalFingerprint { width: 8192, height: 5000, features: features.collect() };
    let global = GlobalCode::from_words(arbitrary(number.into(), 1 << 40));
    SegmentRecord {
        record_ref: RecordRef::from_bytes(id),
        facts: RecordFacts::new(ContentDigest::from_bytes(id)),
        fingerprint: Fingerprint::new(global, local),
    }
}

/// 300 records of 64 features in two segments of 256 buckets each.
fn vault() -> Vec<SegmentRecord> {
    (0..300).map(|number| record(number, 64)).collect()
}

const SPLIT: usize = 130;

/// Segment and row of a record of [`vault`].
fn place_of(number: usize) -> (u32, u32) {
    let (segment, row) = if number < SPLIT { (0, number) } else { (1, number - SPLIT) };
    (segment, u32::try_from(row).unwrap())
}

fn generation(dir: &IndexDir, parts: &[&[SegmentRecord]]) -> Generation {
    let lock = dir.lock().unwrap();
    let policy = GraphPolicy { min_records: usize::MAX, ..GraphPolicy::default() };
    let write =
        |part: &&[SegmentRecord]| dir.write_segment(&lock, &key(), EPOCH, part, &policy).unwrap().entry;
    let manifest = Manifest {
        generation: 1,
        epoch: EPOCH,
        created: 1,
        segments: parts.iter().map(write).collect(),
        background: Background::default(),
        local_background: LocalBackground::default(),
        negative: crate::NegativeBank::default(),
        census: CensusId::default(),
        coverage: Coverage::default(),
        erasures: 0,
        previous: None,
    };
    dir.publish(&lock, &key(), &manifest).unwrap();
    dir.open(&key(), EPOCH).unwrap()
}

/// A copy of a feature with 6 to 10 bits flipped, which have small margins.
fn copy(feature: &LocalFeature, seed: u64) -> QueryFeature {
    let flips = 6 + usize::try_from(arbitrary(1 << 50, seed)[0] % 5).unwrap();
    let mut margins = [0; QueryFeature::MARGINS];
    for (margin, number) in margins.iter_mut().zip(0..) {
        *margin = 100 + u8::try_from(arbitrary(seed, 1 << 51 | number)[0] % 100).unwrap();
    }
    let mut words = feature.code.words();
    let mut flipped = Vec::new();
    for draw in 0.. {
        let bit = usize::try_from(arbitrary(seed, 1 << 52 | draw)[0] % 128).unwrap();
        if flipped.len() == flips {
            break;
        }
        if !flipped.contains(&bit) {
            flipped.push(bit);
            words[bit / 64] ^= 1 << (bit % 64);
            if let Some(margin) = margins.get_mut(bit) {
                *margin = u8::try_from(flipped.len() * 2).unwrap();
            }
        }
    }
    let keypoint = Keypoint { x: 1.0, y: 2.0, size: 30.0, angle: 0.5 };
    QueryFeature { code: LocalCode::from_words(words), margins, keypoint }
}

fn query(record: &SegmentRecord, seed: u64) -> Vec<QueryFeature> {
    (seed << 8..).zip(&record.fingerprint.local.features).map(|(seed, feature)| copy(feature, seed)).collect()
}

#[test]
fn the_true_record_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let records = vault();
    let generation = generation(&IndexDir::new(folder.path()), &[&records[..SPLIT], &records[SPLIT..]]);
    let queries: Vec<Vec<QueryFeature>> =
        (0..).zip(&records).map(|(seed, record)| query(record, seed)).collect();
    let asked: Vec<&[QueryFeature]> = queries.iter().map(Vec::as_slice).collect();
    let lookup = LocalLookup::default();
    let found = generation.local_candidates(&asked, &lookup).unwrap();
    assert_eq!(found.len(), 300);
    for (number, candidates) in found.iter().enumerate() {
        let [first, rest @ ..] = &candidates[..] else { panic!("nothing found for record {number}") };
        assert_eq!((first.segment, first.row), place_of(number));
        assert!(candidates.len() <= lookup.candidates && candidates.is_sorted_by(|a, b| a.votes >= b.votes));
        // Flipped bits are the least certain ones, so all but a few features are met.
        assert!(rest.iter().all(|other| other.votes * 5.0 < first.votes), "record {number}");
    }
}

/// All rows compared with all features. Buckets have 8 bits here, and at most 4 of them flip in a probe.
fn brute_force(parts: &[&[SegmentRecord]], query: &[QueryFeature], radius: u32) -> Vec<Candidate> {
    let mut votes = std::collections::BTreeMap::<(u32, u32), f64>::new();
    for feature in query {
        let mut rows = Vec::new();
        for (segment, part) in (0..).zip(parts) {
            for (row, record) in (0..).zip(*part) {
                for other in &record.fingerprint.local.features {
                    let bucket = (feature.code.words()[0] ^ other.code.words()[0]) & 0xFF;
                    let distance = feature.code.distance(&other.code);
                    if bucket.count_ones() <= 4 && distance <= radius {
                        rows.push((distance, (segment, row), other.sharing));
                    }
                }
            }
        }
        rows.sort_unstable();
        let mut nearest = std::collections::BTreeMap::new();
        for (distance, record, sharing) in rows {
            nearest.entry(record).or_insert((distance, sharing));
        }
        // Of more than 64 the nearest vote; those as near as the 65th hardly.
        let mut order: Vec<(u32, (u32, u32))> =
            nearest.iter().map(|(record, one)| (one.0, *record)).collect();
        order.sort_unstable();
        let crowded = order.get(64).map_or(u32::MAX, |one| one.0);
        for (_, record) in order.iter().skip(64) {
            nearest.remove(record);
        }
        for (record, (distance, sharing)) in &nearest {
            let as_near = nearest.values().filter(|other| other.0 <= *distance).count();
            let as_near = if *distance < crowded { as_near } else { 4096 };
            let spreads = f64::from(*distance) / 15.0;
            *votes.entry(*record).or_default() +=
                libm::exp(-0.5 * spreads * spreads) / as_near as f64 / (1.0 + sharing.records()).sqrt();
        }
    }
    let mut found: Vec<Candidate> =
        votes.into_iter().map(|((segment, row), votes)| Candidate { segment, row, votes }).collect();
    found.sort_by(|a, b| b.votes.total_cmp(&a.votes));
    found
}

/// Every probe there is, and a radius at which strangers are met as well.
const ALL: LocalLookup = LocalLookup { probes: 386, radius: 50, candidates: usize::MAX };

#[test]
fn votes_equal_brute_force() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = vault();
    // A record twice, one without features, one with the same feature many times: what many share counts less.
    records[200].fingerprint = records[3].fingerprint.clone();
    records[4].fingerprint.local = LocalFingerprint::default();
    let twin = records[5].fingerprint.local.features[0];
    records[6].fingerprint.local.features.fill(twin);
    // More than can vote have it.
    records[150..230].iter_mut().for_each(|record| record.fingerprint.local.features[1] = twin);
    let parts = [&records[..SPLIT], &records[SPLIT..]];
    let generation = generation(&IndexDir::new(folder.path()), &parts);
    let queries: Vec<Vec<QueryFeature>> =
        [3, 5, 6, 140, 299].map(|number| query(&records[number], number as u64)).to_vec();
    let expected: Vec<Vec<Candidate>> =
        queries.iter().map(|query| brute_force(&parts, query, ALL.radius)).collect();
    assert!(expected.iter().map(Vec::len).sum::<usize>() > 500, "strangers are met");
    for (query, expected) in queries.iter().zip(expected) {
        assert_eq!(generation.local_candidates(&[query], &ALL).unwrap(), [expected]);
    }
}

#[test]
fn neither_threads_nor_company_change_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let records = vault();
    let generation = generation(&IndexDir::new(folder.path()), &[&records[..SPLIT], &records[SPLIT..]]);
    let queries: Vec<Vec<QueryFeature>> =
        (0..).zip(&records[..40]).map(|(seed, record)| query(record, seed)).collect();
    // One of them twice, and empty ones at the start, within and at the end.
    let mut asked: Vec<&[QueryFeature]> = queries.iter().map(Vec::as_slice).collect();
    asked.insert(0, &[]);
    asked.insert(20, &[]);
    asked.push(&queries[7]);
    asked.push(&[]);
    let lookup = LocalLookup { radius: 46, ..LocalLookup::default() };
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| generation.local_candidates(&asked, &lookup).unwrap())
    };
    let found = in_pool(1);
    assert_eq!(found, in_pool(4));
    assert_eq!(found.len(), asked.len());
    for (query, found) in asked.iter().zip(&found) {
        assert_eq!(found.is_empty(), query.is_empty());
        assert_eq!(&generation.local_candidates(&[query], &lookup).unwrap()[0], found);
    }
    assert_eq!(found[8], found[42], "the query that stands twice");
}

#[test]
fn letting_go_of_segments_changes_nothing_for_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let records = vault();
    let parts: [&[SegmentRecord]; 3] = [&records[..SPLIT], &records[SPLIT..200], &records[200..]];
    let generation = generation(&IndexDir::new(folder.path()), &parts);
    let queries: Vec<Vec<QueryFeature>> =
        (0..).zip(&records).map(|(seed, record)| query(record, seed)).collect();
    let asked: Vec<&[QueryFeature]> = queries.iter().map(Vec::as_slice).collect();
    let lookup = LocalLookup::default();
    // The same maps, for whoever keeps much and little of them.
    let nothing = Erasures::default();
    let found = |kept| {
        let generation = generation.hide(&nothing).unwrap().keeping(kept).hide(&nothing).unwrap();
        assert_eq!(generation.kept(), kept);
        generation.local_candidates(&asked, &lookup).unwrap()
    };
    let expected = found(u64::MAX);
    assert!(expected.iter().all(|found| !found.is_empty()));
    // All, the last, and in several threads at once.
    let all = generation.segments().iter().map(Segment::file_len).sum::<u64>();
    for kept in [0, all - 1] {
        assert_eq!(found(kept), expected);
    }
    std::thread::scope(|scope| {
        let found = &found;
        let threads = [0, 0, u64::MAX].map(|kept| scope.spawn(move || found(kept)));
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == expected));
    });
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let plain: Vec<SegmentRecord> = (0..20).map(|number| record(number, 0)).collect();
    let query = query(&record(3, 64), 3);
    let lookup = LocalLookup::default();
    let generation = generation(&IndexDir::new(folder.path()), &[&plain, &[]]);
    assert_eq!(generation.local_candidates(&[&query, &[]], &lookup).unwrap(), [vec![], vec![]]);
    assert!(generation.local_candidates(&[], &lookup).unwrap().is_empty());
}

#[test]
fn no_answer_is_given_from_a_damaged_table() {
    let folder = tempfile::tempdir().unwrap();
    let records = vault();
    let opened = generation(&IndexDir::new(folder.path()), &[&records]);
    let path = folder.path().join(opened.manifest().segments[0].id.file_name());
    drop(opened);
    let mut bytes = std::fs::read(&path).unwrap();
    // The table is the last section, of seven pages; the tags of all pages and the root follow it.
    let pages = (bytes.len() - crate::format::HEADER_LEN) / (crate::format::PAGE_LEN + 32);
    let within = crate::format::HEADER_LEN + (pages - 3) * crate::format::PAGE_LEN + 99;
    bytes[within] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let generation = IndexDir::new(folder.path()).open(&key(), EPOCH).unwrap();
    let query: Vec<QueryFeature> = (0..8).flat_map(|number| query(&records[number], number as u64)).collect();
    let result = generation.local_candidates(&[&query], &LocalLookup::default());
    assert!(matches!(result, Err(IndexError::DamagedPage { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_no_census(bytes in prop::collection::vec(any::<u8>(), 0..300), magic: bool) {
        let mut bytes = bytes;
        if magic && bytes.len() >= 10 {
            bytes[..8].copy_from_slice(&CENSUS_MAGIC);
            bytes[8..10].copy_from_slice(&CENSUS_VERSION.to_le_bytes());
        }
        prop_assert!(matches!(Census::open(&key(), EPOCH, bytes.as_slice()), Err(IndexError::Census(_))));
    }

    /// Sealed with the right key, but by somebody who writes other contents.
    #[test]
    fn any_sealed_bytes_open_or_not(
        layers in prop::collection::vec(prop_oneof![8 => 13_u64..17, 1 => 0_u64..70], 0..4), missing in 0_usize..2, records: u64,
        features in prop_oneof![Just(0), any::<u64>()], extra in 0_usize..3, reserved in prop_oneof![3 => Just(0_u64), 1 => Just(1 << 32)],
    ) {
        let mut plain = ((layers.len() + missing) as u64 | reserved).to_le_bytes().to_vec();
        for bits in &layers {
            plain.extend([*bits, records, features].map(u64::to_le_bytes).concat());
            plain.resize(plain.len() + (4 << bits.min(&17)), 0xFF);
        }
        plain.resize(plain.len() - 1 + extra, 0xFF);
        let format = BlobFormat { magic: CENSUS_MAGIC, version: CENSUS_VERSION };
        let sealed = Sealing::CENSUS.seal(&key(), format, EPOCH.as_bytes(), &plain, [1; 32]);
        let ascend = layers.is_sorted_by(|lower, upper| lower < upper);
        let in_range = layers.first().is_some_and(|bits| *bits >= 14) && layers.iter().all(|bits| *bits <= 17);
        let is_good = extra == 1 && missing == 0 && reserved == 0 && ascend && in_range;
        match Census::open(&key(), EPOCH, sealed.as_slice()) {
            Ok(mut census) => {
                prop_assert!(is_good);
                let all = (0..layers.len()).fold(0, |sum: u64, _| sum.saturating_add(records));
                prop_assert_eq!(census.records(), all);
                let code = LocalCode::from_words([records, features]);
                let _ = (census.sharing(code), census.sharing_at_least(code));
                census.make_room(0);
                prop_assert!(features > 0 || census.seal(&key(), EPOCH, [1; 32]) == sealed);
            }
            Err(error) => {
                prop_assert!(!is_good);
                prop_assert!(matches!(error, IndexError::Inconsistent { .. }), "{}", error);
            }
        }
    }

    #[test]
    fn any_bytes_are_no_segment(bytes in prop::collection::vec(any::<u8>(), 0..9000), magic: bool, pages in 0_u64..3) {
        let mut bytes = bytes;
        if magic {
            // As far as a file gets without the key: magic, version, page length and a length that fits.
            bytes.resize(4096 + usize::try_from(pages).unwrap() * (65_536 + 32) + 32, 7);
            bytes[..8].copy_from_slice(b"SALTSEG\0");
            bytes[8..16].copy_from_slice(&[2, 0, 0, 0, 0, 0, 1, 0]);
            bytes[88..96].copy_from_slice(&pages.to_le_bytes());
            bytes[96..104].copy_from_slice(&[0; 8]);
            bytes[104..4096].fill(0);
        }
        prop_assert!(Segment::open(bytes, &key(), EPOCH).is_err());
    }
}
