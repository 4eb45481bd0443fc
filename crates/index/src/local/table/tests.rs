//! Tables as they should be, tables that are wrong, and reading rows.

use saltprint_fingerprint::Keypoint;

use super::*;
use crate::SegmentId;
use crate::SegmentWriter;
use crate::local::nearest::NearestRows;
use crate::local::probe::{Order, Probes};
use crate::local::tests::{EPOCH, key, record};
use crate::local::walk::Walk;

fn records() -> Vec<SegmentRecord> {
    // 0, 1, 64 and 128 features, and all between in the others.
    [0, 1, 64, 128].into_iter().chain(0..100).zip(0..).map(|(count, number)| record(number, count)).collect()
}

/// A lookup table with its rows, to be spoilt.
struct Whole {
    table: LocalTable,
    rows: Vec<TableRow>,
}

impl Whole {
    fn of(records: &[SegmentRecord]) -> Self {
        let table = LocalTable::build(records).unwrap();
        let rows = table.rows(records).collect();
        Self { table, rows }
    }

    /// The bytes of a segment of `records` with this lookup table.
    fn write(&self, records: &[SegmentRecord]) -> Vec<u8> {
        let mut bytes = Vec::new();
        SegmentWriter::new(&key(), EPOCH, SegmentId::from_bytes([2; 16]), [4; 32])
            .write_with_table(records, None, &self.table, self.rows.iter().copied(), &mut bytes)
            .unwrap();
        bytes
    }

    fn segment(&self, records: &[SegmentRecord]) -> Segment<Vec<u8>> {
        Segment::open(self.write(records), &key(), EPOCH).unwrap()
    }
}

#[test]
fn every_feature_lies_in_its_bucket_once() {
    let records = records();
    let Whole { table, rows: all } = Whole::of(&records);
    assert_eq!(table.starts.len(), (1 << table.bits) + 1);
    assert!(table.starts.is_sorted());
    let features: usize = records.iter().map(|record| record.fingerprint.local.features.len()).sum();
    assert_eq!((table.starts[0], *table.starts.last().unwrap() as usize), (0, features));
    for (bucket, bounds) in (0_u32..).zip(table.starts.windows(2)) {
        let rows = &all[bounds[0] as usize..bounds[1] as usize];
        assert!(rows.iter().all(|row| bucket_of(row.code, table.bits) == bucket));
        assert!(rows.is_sorted_by_key(|row| row.record));
        for row in rows {
            let own = &records[row.record as usize].fingerprint.local.features;
            assert!(own.iter().any(|feature| feature.code == row.code && feature.sharing == row.sharing));
        }
    }
}

#[test]
fn the_number_of_buckets_grows_with_the_features() {
    let bits = |count: u32| {
        let records: Vec<SegmentRecord> = (0..count).map(|number| record(number, 64)).collect();
        LocalTable::build(&records).unwrap().bits
    };
    // 24 rows a bucket at least: 191 x 64 are below 2^9 x 24, 192 x 64 are as many.
    assert_eq!([0, 1, 191, 192].map(bits), [MIN_BITS, MIN_BITS, 8, 9]);
}

#[test]
fn a_record_with_more_features_than_numbers_is_refused() {
    let mut records = vec![record(1, 1)];
    let feature = records[0].fingerprint.local.features[0];
    records[0].fingerprint.local.features = vec![feature; 65_536];
    assert!(matches!(LocalTable::build(&records), Err(IndexError::TooMany { count: 65_536, .. })));
    records[0].fingerprint.local.features.pop();
    let segment = Whole::of(&records).segment(&records);
    segment.verify().unwrap();
    assert!(segment.local(0).unwrap() == records[0].fingerprint.local);
}

#[test]
fn verify_finds_a_wrong_table() {
    let records = records();
    Whole::of(&records).segment(&records).verify().unwrap();
    let refused = |what: &str, spoil: &dyn Fn(&mut LocalTable, &mut [TableRow])| {
        let mut whole = Whole::of(&records);
        spoil(&mut whole.table, &mut whole.rows);
        let error = whole.segment(&records).verify().expect_err(what);
        assert!(
            matches!(error, IndexError::Inconsistent { section: "local table" | "local buckets", .. }),
            "{what}: {error}"
        );
    };
    // Two rows of one bucket and of different records.
    let Whole { table, rows } = Whole::of(&records);
    let bucket = |row: &TableRow| bucket_of(row.code, table.bits);
    let first = rows
        .windows(2)
        .position(|two| bucket(&two[0]) == bucket(&two[1]) && two[0].record != two[1].record)
        .unwrap();
    let (second, record) = (first + 1, rows[first].record);
    refused("exchanged codes", &|_, rows| {
        (rows[first].code, rows[second].code) = (rows[second].code, rows[first].code);
    });
    refused("exchanged records", &|_, rows| {
        (rows[first].record, rows[second].record) = (rows[second].record, rows[first].record);
    });
    refused("one feature twice and another not at all", &|_, rows| rows[first] = rows[second]);
    refused("another record", &|_, rows| rows[first].record = record + 1);
    refused("no record", &|_, rows| rows[first].record = u32::MAX);
    refused("another sharing", &|_, rows| {
        rows[first].sharing = Sharing::from_step(rows[first].sharing.step() ^ 1);
    });
    refused("a bit of a code", &|_, rows| {
        let [low, high] = rows[first].code.words();
        rows[first].code = LocalCode::from_words([low, high ^ 1 << 63]);
    });
    refused("rows in the wrong buckets", &|_, rows| rows.swap(0, rows.len() - 1));
    refused("a border between buckets", &|table, _| {
        let filled = table.starts.windows(2).position(|bounds| bounds[0] < bounds[1]).unwrap();
        table.starts[filled + 1] -= 1;
    });
    refused("a bucket that ends behind the table", &|table, _| table.starts[9] = u32::MAX);
    refused("buckets that go back", &|table, _| table.starts[9] = table.starts[10] + 1);
    refused("a first bucket that starts late", &|table, _| table.starts[0] = 1);
    refused("a last bucket that ends early", &|table, _| *table.starts.last_mut().unwrap() -= 1);
}

#[test]
fn verify_finds_records_that_share_features() {
    let records = records();
    let mut whole = Whole::of(&records);
    whole.table.firsts[2] -= 1;
    assert!(whole.segment(&records).verify().is_err());
    // The last records would end behind the last feature.
    let mut whole = Whole::of(&records);
    whole.table.firsts.iter_mut().for_each(|first| *first += 1);
    let segment = whole.segment(&records);
    let last = segment.len() - 1;
    assert!(matches!(segment.local(last), Err(IndexError::Inconsistent { section: "local features", .. })));
}

#[test]
fn an_unknown_number_of_buckets_is_refused_on_opening() {
    let records = records();
    for bits in [0, MIN_BITS - 1, MIN_BITS + 1, MAX_BITS + 1, u32::MAX] {
        let mut whole = Whole::of(&records);
        whole.table.bits = bits;
        let opened = Segment::open(whole.write(&records), &key(), EPOCH);
        assert!(matches!(opened, Err(IndexError::Inconsistent { section: "local head", .. })), "{bits}");
    }
}

#[test]
fn rows_are_read_alike_one_by_one_and_together() {
    // 8,192 features: four pages of 2,730 and three of 3,120 rows.
    let records: Vec<SegmentRecord> = (0..128).map(|number| record(number, 64)).collect();
    let segment = Whole::of(&records).segment(&records);
    let local = segment.local_sections().unwrap();
    let mut together = vec![9; 50];
    for section in [local.features, local.table] {
        let (per_page, len) = (section.rows_per_page() as u64, section.row_bytes());
        assert!(section.pages >= 3);
        let borders = (0..=section.pages).map(|page| (page * per_page).min(section.rows));
        let windows = borders.flat_map(|border| {
            [(3, 0), (3, 3), (3, 6), (0, 1), (0, 0), (1, 2), (100, per_page + 200)]
                .map(|(before, count)| (border.saturating_sub(before), count))
        });
        for (first, count) in windows.chain([(0, section.rows)]) {
            let end = first + count;
            let result = segment.read_rows(section, first, usize::try_from(count).unwrap(), &mut together);
            if end > section.rows {
                assert!(matches!(result, Err(IndexError::Inconsistent { .. })), "{first} {count}");
                continue;
            }
            result.unwrap();
            let mut single = vec![0; len];
            let mut expected = Vec::new();
            for row in first..end {
                segment.read_row_into(section, row, &mut single).unwrap();
                expected.extend_from_slice(&single);
            }
            assert!(together == expected, "{count} rows from {first}");
            // Of any length, whole blocks or not.
            let rows: Vec<u32> = (first..end).map(|row| u32::try_from(row).unwrap()).collect();
            let mut scattered = Zeroizing::default();
            segment.rows_at(section, &rows, &mut scattered).unwrap();
            assert!(*scattered == expected, "{count} rows from {first}");
        }
        assert!(segment.read_rows(section, u64::MAX, 2, &mut together).is_err());
    }
}

#[test]
fn a_row_of_no_record_is_an_error_and_no_record_of_the_next_segment() {
    let records = records();
    let mut whole = Whole::of(&records);
    let row = whole.rows[0];
    let keypoint = Keypoint { x: 0.0, y: 0.0, size: 1.0, angle: 0.0 };
    let feature = QueryFeature { code: row.code, margins: [9; QueryFeature::MARGINS], keypoint };
    let ask = |whole: &Whole| {
        let segment = whole.segment(&records);
        let mut nearest = vec![NearestRows::default()];
        let walk = Walk {
            segment: &segment,
            first: 7,
            codes: &[feature.code],
            orders: &[Order::of(&feature)],
            probes: &Probes::new(4),
            radius: 20,
            shown: &|_| true,
        };
        walk.add(&mut nearest).map(|()| nearest[0].hits()[0].record())
    };
    assert_eq!(ask(&whole).unwrap(), 7 + u64::from(row.record));
    whole.rows[0].record = u32::try_from(records.len()).unwrap();
    assert!(matches!(ask(&whole), Err(IndexError::Inconsistent { section: "local table", .. })));
}
