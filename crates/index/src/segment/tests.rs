//! Round trip, corruption of every byte, wrong keys.

use proptest::prelude::*;
use saltprint_fingerprint::{
    Fingerprint, GlobalCode, LocalCode, LocalFeature, LocalFingerprint, Place, Sharing,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef, SubjectRef};

use crate::format::{HEADER_LEN, OFFSET_PAGES, OFFSET_VERSION, PAGE_LEN, TAG_LEN};
use crate::graph::{FlatGraph, GraphParams};
use crate::{Hit, IndexError, Month, Nearest, RecordFacts, Segment, SegmentId, SegmentRecord, SegmentWriter};

const EPOCH: EpochId = EpochId::from_bytes([5; 16]);

fn key() -> IndexKey {
    IndexKey::from_secret(&[7; 32])
}

fn write(records: &[SegmentRecord], graph: Option<&FlatGraph>) -> Vec<u8> {
    let mut bytes = Vec::new();
    SegmentWriter::new(&key(), EPOCH, SegmentId::from_bytes([2; 16]), [4; 32])
        .write(records, graph, &mut bytes)
        .unwrap();
    bytes
}

fn name() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-c]{1,3}")
}

prop_compose! {
    fn feature()(
        words: [u64; 2], x: u16, y: u16, size: u8, angle: u8, sharing: u8,
    ) -> LocalFeature {
        let place = Place { x, y, size, angle };
        LocalFeature { code: LocalCode::from_words(words), place, sharing: Sharing::from_step(sharing) }
    }
}

/// Local features of a record: none, one, what a record ordinarily has, or twice that.
fn local() -> impl Strategy<Value = LocalFingerprint> {
    let count = prop_oneof![Just(0_usize), Just(1), Just(64), Just(128)];
    let features = (count, proptest::collection::vec(feature(), 128)).prop_map(|(count, mut features)| {
        features.truncate(count);
        features
    });
    (any::<u16>(), any::<u16>(), features).prop_map(|(width, height, features)| LocalFingerprint {
        width,
        height,
        features,
    })
}

prop_compose! {
    fn record()(
        id in any::<[u8; 16]>(),
        content in any::<[u8; 16]>(),
        code in any::<[u8; 32]>(),
        local in local(),
        subject in proptest::option::of(any::<[u8; 16]>()),
        source in name(),
        kind in name(),
        captured in proptest::option::of((1900_u16..2200, 1_u8..13)),
    ) -> SegmentRecord {
        let mut facts = RecordFacts::new(ContentDigest::from_bytes(content));
        facts.subject = subject.map(SubjectRef::from_bytes);
        facts.source = source;
        facts.kind = kind;
        facts.captured = captured.map(|(year, month)| Month::new(year, month).unwrap());
        let fingerprint = Fingerprint::new(GlobalCode::from_bytes(&code), local);
        SegmentRecord { record_ref: RecordRef::from_bytes(id), facts, fingerprint }
    }
}

fn records(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<SegmentRecord>> {
    proptest::collection::vec(record(), count).prop_map(|mut records| {
        records.sort_by_key(|record| record.record_ref);
        records.dedup_by_key(|record| record.record_ref);
        records
    })
}

/// As [`many`], with 0 to 6 local features each.
fn many_local(count: u32) -> Vec<SegmentRecord> {
    let mut records = many(count);
    for (number, record) in (0_u64..).zip(&mut records) {
        record.fingerprint.local = LocalFingerprint {
            width: 8192,
            height: 5120,
            features: (0..number * 2 % 7)
                .map(|index| LocalFeature {
                    code: LocalCode::from_words([number << 32 | index, !index]),
                    place: Place { x: 5, y: 6, size: 7, angle: 8 },
                    sharing: Sharing::from_step(9),
                })
                .collect(),
        };
    }
    records
}

/// Records without randomness, for tests that need many.
fn many(count: u32) -> Vec<SegmentRecord> {
    (0..count)
        .map(|index| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&index.to_be_bytes());
            let code = *blake3::hash(&index.to_le_bytes()).as_bytes();
            SegmentRecord {
                record_ref: RecordRef::from_bytes(id),
                facts: RecordFacts::new(ContentDigest::from_bytes(id)),
                fingerprint: Fingerprint::from_global(GlobalCode::from_bytes(&code)),
            }
        })
        .collect()
}

proptest! {
    #[test]
    fn what_was_written_comes_back(records in records(0..40), with_graph: bool) {
        let codes: Vec<GlobalCode> = records.iter().map(|record| record.fingerprint.global).collect();
        let graph = if with_graph { FlatGraph::build(&codes, GraphParams::default()).unwrap() } else { None };
        let segment = Segment::open(write(&records, graph.as_ref()), &key(), EPOCH).unwrap();
        segment.verify().unwrap();
        prop_assert_eq!(segment.len() as usize, records.len());
        prop_assert_eq!(segment.has_graph(), graph.is_some());
        for (row, record) in (0..).zip(&records) {
            let stored = segment.record(row).unwrap();
            prop_assert_eq!(stored.record_ref, record.record_ref);
            prop_assert_eq!(&stored.facts, &record.facts);
            prop_assert!(stored.fingerprint == record.fingerprint);
            prop_assert_eq!(segment.find(record.record_ref).unwrap(), Some(row));
        }
        prop_assert_eq!(segment.find(RecordRef::from_bytes([0xa5; 16])).unwrap(), None);
    }

    #[test]
    fn a_damaged_file_never_answers(records in records(1..6), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = write(&records, None);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(open_and_read_all(bytes).is_err(), "byte {at}");
    }

    #[test]
    fn a_truncated_or_extended_file_is_refused(records in records(1..4), cut in any::<prop::sample::Index>(), more in 1_usize..70_000) {
        let bytes = write(&records, None);
        prop_assert!(open_and_read_all(bytes[..cut.index(bytes.len())].to_vec()).is_err());
        let mut longer = bytes;
        longer.resize(longer.len() + more, 0);
        prop_assert!(open_and_read_all(longer).is_err());
    }
}

fn open_and_read_all(bytes: Vec<u8>) -> Result<(), IndexError> {
    Segment::open(bytes, &key(), EPOCH)?.verify()
}

/// Flipping any byte outside the pages is found on opening, any byte within them on first touch. Every byte of
/// header, tags and root is tried, and of the pages every 127th (a prime, so that all fields are met), since each
/// page byte costs a pass over 64 KiB; `a_damaged_file_never_answers` draws from all of them.
#[test]
fn every_byte_matters() {
    let bytes = write(&many_local(3), None);
    // One page a section: refs, facts, codes, dictionary and five local ones.
    let pages_end = bytes.len() - TAG_LEN - 9 * TAG_LEN;
    assert_eq!(pages_end, HEADER_LEN + 9 * PAGE_LEN);
    for at in (0..bytes.len()).filter(|at| !(HEADER_LEN..pages_end).contains(at) || at % 127 == 0) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let error = open_and_read_all(damaged).expect_err("damage was not noticed");
        match at {
            0..8 => assert!(matches!(error, IndexError::NotASegment), "{at}: {error}"),
            8..10 => assert!(matches!(error, IndexError::SegmentVersion { .. }), "{at}: {error}"),
            at if (OFFSET_PAGES..OFFSET_PAGES + 8).contains(&at) => {
                assert!(matches!(error, IndexError::WrongLength { .. }), "{at}: {error}");
            }
            at if (HEADER_LEN..pages_end).contains(&at) => {
                assert!(matches!(error, IndexError::DamagedPage { .. }), "{at}: {error}");
            }
            at => assert!(matches!(error, IndexError::NotAuthentic), "{at}: {error}"),
        }
    }
}

#[test]
fn a_damaged_page_is_refused_by_every_way_of_reading() {
    let records = many(5_000);
    let mut bytes = write(&records, None);
    // Second page of the codes: behind two pages of refs and four of facts.
    let codes_page = 2 + 4;
    bytes[HEADER_LEN + (codes_page + 1) * PAGE_LEN + 77] ^= 1;
    let segment = Segment::open(bytes, &key(), EPOCH).unwrap();
    assert!(segment.code(0).is_ok() && segment.code(2047).is_ok());
    assert!(matches!(segment.code(2048), Err(IndexError::DamagedPage { page: 7 })));
    let mut nearest = [Nearest::new(1, 256)];
    assert!(matches!(
        segment.scan(0, &[records[0].fingerprint.global], &mut nearest),
        Err(IndexError::DamagedPage { page: 7 })
    ));
    assert!(segment.verify().is_err());
}

#[test]
fn pages_cannot_be_swapped() {
    let bytes = write(&many(9_000), None);
    // The first two pages are both refs.
    let mut swapped = bytes.clone();
    swapped[HEADER_LEN..HEADER_LEN + PAGE_LEN]
        .copy_from_slice(&bytes[HEADER_LEN + PAGE_LEN..HEADER_LEN + 2 * PAGE_LEN]);
    swapped[HEADER_LEN + PAGE_LEN..HEADER_LEN + 2 * PAGE_LEN]
        .copy_from_slice(&bytes[HEADER_LEN..HEADER_LEN + PAGE_LEN]);
    assert!(matches!(open_and_read_all(swapped), Err(IndexError::DamagedPage { page: 0 })));
}

#[test]
fn the_wrong_key_or_epoch_is_refused() {
    let bytes = write(&many(10), None);
    let wrong = IndexKey::from_secret(&[8; 32]);
    assert!(matches!(Segment::open(bytes.clone(), &wrong, EPOCH), Err(IndexError::NotAuthentic)));
    let epoch = EpochId::from_bytes([6; 16]);
    assert!(matches!(Segment::open(bytes, &key(), epoch), Err(IndexError::WrongEpoch)));
}

#[test]
fn another_version_names_both_versions_and_what_to_do() {
    let refused = |version: u8| {
        let mut bytes = write(&many(1), None);
        bytes[OFFSET_VERSION] = version;
        Segment::open(bytes, &key(), EPOCH).unwrap_err().to_string()
    };
    let (newer, older) = (refused(9), refused(1));
    assert!(newer.contains("version 9") && newer.contains("reads 2") && newer.contains("upgrade"), "{newer}");
    assert!(older.contains("version 1") && older.contains("rebuild --full"), "{older}");
}

#[test]
fn unsorted_or_repeated_refs_are_refused() {
    let mut records = many(3);
    records.swap(0, 1);
    let writer = SegmentWriter::new(&key(), EPOCH, SegmentId::from_bytes([2; 16]), [4; 32]);
    assert!(matches!(writer.write(&records, None, &mut Vec::new()), Err(IndexError::NotSorted)));
    let twice = vec![records[0].clone(), records[0].clone()];
    assert!(matches!(writer.write(&twice, None, &mut Vec::new()), Err(IndexError::NotSorted)));
}

#[test]
fn a_scan_over_several_pages_equals_the_oracle() {
    let records = many(5_000);
    let segment = Segment::open(write(&records, None), &key(), EPOCH).unwrap();
    let rows = [0_usize, 2_047, 2_048, 4_999].into_iter().chain((0..13).map(|number| 7 + 300 * number));
    let queries: Vec<GlobalCode> = rows.map(|row| records[row].fingerprint.global).collect();
    // Few, and so many that codes may be laid out otherwise.
    for queries in [&queries[..4], &queries] {
        let mut nearest = vec![Nearest::new(5, 256); queries.len()];
        segment.scan(3, queries, &mut nearest).unwrap();
        for (query, nearest) in queries.iter().zip(&nearest) {
            let mut expected: Vec<Hit> = (0..)
                .zip(&records)
                .map(|(row, record)| Hit {
                    distance: query.distance(&record.fingerprint.global),
                    segment: 3,
                    row,
                })
                .collect();
            expected.sort();
            assert_eq!(nearest.hits(), &expected[..5]);
        }
    }
}

/// Nothing of the plain rows may show in the file, and two files of the same records share no 16-byte block.
#[test]
fn the_file_shows_nothing_of_its_rows() {
    let records = many_local(200);
    let first = write(&records, None);
    let mut second = Vec::new();
    SegmentWriter::new(&key(), EPOCH, SegmentId::from_bytes([2; 16]), [9; 32])
        .write(&records, None, &mut second)
        .unwrap();
    let blocks = |bytes: &[u8]| -> std::collections::HashSet<[u8; 16]> {
        bytes[HEADER_LEN..].as_chunks::<16>().0.iter().copied().collect()
    };
    let (first, second) = (blocks(&first), blocks(&second));
    assert!(first.is_disjoint(&second));
    for record in &records {
        assert!(!first.contains(record.record_ref.as_bytes()));
        assert!(!first.contains(&record.fingerprint.global.to_bytes()[..16]));
        for feature in &record.fingerprint.local.features {
            assert!(!first.contains(&feature.code.to_bytes()));
        }
    }
}
