//! The lookup table of a segment: every kept local feature, in buckets by the first bits of its code.

use std::sync::OnceLock;

use saltprint_fingerprint::{LocalCode, LocalFeature, LocalFingerprint, Place, QueryFeature, Sharing};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::format::{
    LOCAL_BUCKET_ROW_LEN, LOCAL_FEATURE_PLACE, LOCAL_FEATURE_RESERVED, LOCAL_FEATURE_ROW_LEN,
    LOCAL_FEATURE_SHARING, LOCAL_HEAD_BITS_END, LOCAL_HEAD_LEN, LOCAL_RECORD_COUNT, LOCAL_RECORD_HEIGHT,
    LOCAL_RECORD_RESERVED, LOCAL_RECORD_ROW_LEN, LOCAL_RECORD_WIDTH, LOCAL_TABLE_RECORD, LOCAL_TABLE_ROW_LEN,
    LOCAL_TABLE_SHARING, SectionKind,
};
use crate::map::Pace;
use crate::segment::{Section, Segment, SegmentRecord};
use crate::{IndexError, format};

/// Rows that a bucket holds on average at least, and less than twice as many (between the limits of the bits); few enough
/// to compare all, enough to be worth a read.
const BUCKET_ROWS: usize = 24;
/// Bits of a key: a query knows the margins of no more.
const MAX_BITS: u32 = 24;
const _: () = assert!(MAX_BITS as usize <= QueryFeature::MARGINS);
const MIN_BITS: u32 = 8;

/// One row of the table.
#[derive(Clone, Copy, Zeroize)]
pub(crate) struct TableRow {
    pub(crate) code: LocalCode,
    pub(crate) record: u32,
    pub(crate) sharing: Sharing,
}

impl TableRow {
    pub(crate) fn write(&self, row: &mut [u8]) {
        row[..LOCAL_TABLE_RECORD].copy_from_slice(&self.code.to_bytes());
        row[LOCAL_TABLE_RECORD..LOCAL_TABLE_SHARING].copy_from_slice(&self.record.to_le_bytes());
        row[LOCAL_TABLE_SHARING] = self.sharing.step();
    }

    pub(crate) fn read(row: &[u8; LOCAL_TABLE_ROW_LEN]) -> Self {
        let mut code = [0; LocalCode::BYTES];
        code.copy_from_slice(&row[..LOCAL_TABLE_RECORD]);
        Self {
            code: LocalCode::from_bytes(&code),
            record: format::read_u32(row, LOCAL_TABLE_RECORD),
            sharing: Sharing::from_step(row[LOCAL_TABLE_SHARING]),
        }
    }
}

/// The table as the writer needs it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct LocalTable {
    bits: u32,
    /// First row of each bucket, and the number of rows.
    starts: Vec<u32>,
    /// What each row is of, by bucket, within it by record. A third of the rows' own size: a segment that is written holds all its
    /// records already.
    spots: Vec<Spot>,
    /// First feature of each record, and the number of features.
    firsts: Vec<u32>,
}

/// A feature of a record, by their numbers.
#[derive(Clone, Copy, Default, Zeroize)]
struct Spot {
    record: u32,
    feature: u16,
}

impl LocalTable {
    /// Sorts the features of all records into buckets.
    ///
    /// # Errors
    /// [`IndexError::TooMany`] where there are more features than row numbers, or more than 65,535 in one record.
    pub(crate) fn build(records: &[SegmentRecord]) -> Result<Self, IndexError> {
        let features = |record: &SegmentRecord| record.fingerprint.local.features.len();
        if let Some(most) = records.iter().map(features).max().filter(|most| *most > usize::from(u16::MAX)) {
            let limit = u64::from(u16::MAX);
            return Err(IndexError::TooMany {
                what: "local features of a record",
                count: most as u64,
                limit,
            });
        }
        let total: usize = records.iter().map(features).sum();
        if u32::try_from(total).is_err() {
            let (count, limit) = (total as u64, u64::from(u32::MAX));
            return Err(IndexError::TooMany { what: "local features in a segment", count, limit });
        }
        let bits = (total / BUCKET_ROWS).max(1).ilog2().clamp(MIN_BITS, MAX_BITS);
        let mut table = Self {
            bits,
            starts: vec![0; (1 << bits) + 1],
            spots: vec![Spot::default(); total],
            firsts: Vec::with_capacity(records.len() + 1),
        };
        let mut first = 0;
        for record in records {
            table.firsts.push(first);
            for feature in &record.fingerprint.local.features {
                table.starts[bucket_of(feature.code, bits) as usize + 1] += 1;
                first += 1;
            }
        }
        table.firsts.push(first);
        let mut before = 0;
        for start in &mut table.starts {
            before += *start;
            *start = before;
        }
        let mut next = Zeroizing::new(table.starts.clone());
        for (number, record) in (0..).zip(records) {
            // Not the other way around: a range of 16 bits ends with the last feature that a record may have.
            for (of, feature) in record.fingerprint.local.features.iter().zip(0..) {
                let next = &mut next[bucket_of(of.code, bits) as usize];
                table.spots[*next as usize] = Spot { record: number, feature };
                *next += 1;
            }
        }
        Ok(table)
    }

    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.spots.len()
    }

    /// The rows by bucket, within it by record. `records` are those that the table was built over.
    pub(crate) fn rows(&self, records: &[SegmentRecord]) -> impl Iterator<Item = TableRow> {
        self.spots.iter().map(|spot| {
            let feature =
                &records[spot.record as usize].fingerprint.local.features[usize::from(spot.feature)];
            TableRow { code: feature.code, record: spot.record, sharing: feature.sharing }
        })
    }

    pub(crate) fn write_head(&self, row: &mut [u8]) {
        row[..LOCAL_HEAD_BITS_END].copy_from_slice(&self.bits.to_le_bytes());
    }

    /// Row of the local records section.
    pub(crate) fn write_record(&self, number: usize, local: &LocalFingerprint, row: &mut [u8]) {
        let mut put = |offset: usize, bytes: &[u8]| row[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(0, &self.firsts.get(number).copied().unwrap_or(0).to_le_bytes());
        // `build` has checked the number.
        put(LOCAL_RECORD_COUNT, &u16::try_from(local.features.len()).unwrap_or(u16::MAX).to_le_bytes());
        put(LOCAL_RECORD_WIDTH, &local.width.to_le_bytes());
        put(LOCAL_RECORD_HEIGHT, &local.height.to_le_bytes());
    }
}

/// Row of the local features section.
pub(crate) fn write_feature(feature: &LocalFeature, row: &mut [u8]) {
    let mut put = |offset: usize, bytes: &[u8]| row[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, &feature.code.to_bytes());
    put(LOCAL_FEATURE_PLACE, &feature.place.x.to_le_bytes());
    put(LOCAL_FEATURE_PLACE + 2, &feature.place.y.to_le_bytes());
    put(LOCAL_FEATURE_PLACE + 4, &[feature.place.size, feature.place.angle]);
    put(LOCAL_FEATURE_SHARING, &[feature.sharing.step()]);
}

/// What [`write_feature`] wrote; the reserved byte is not looked at.
pub(crate) fn read_feature(row: &[u8; LOCAL_FEATURE_ROW_LEN]) -> LocalFeature {
    let mut code = [0; LocalCode::BYTES];
    code.copy_from_slice(&row[..LOCAL_FEATURE_PLACE]);
    let number = |offset: usize| u16::from_le_bytes([row[offset], row[offset + 1]]);
    LocalFeature {
        code: LocalCode::from_bytes(&code),
        place: Place {
            x: number(LOCAL_FEATURE_PLACE),
            y: number(LOCAL_FEATURE_PLACE + 2),
            size: row[LOCAL_FEATURE_PLACE + 4],
            angle: row[LOCAL_FEATURE_PLACE + 5],
        },
        sharing: Sharing::from_step(row[LOCAL_FEATURE_SHARING]),
    }
}

/// The bucket of a code: its first bits. The secret projection has already made all bits alike.
pub(super) fn bucket_of(code: LocalCode, bits: u32) -> u32 {
    u32::try_from(code.words()[0] & (u64::MAX >> (64 - bits))).unwrap_or(0)
}

/// The local sections of an open segment.
pub(crate) struct LocalSections {
    records: Section,
    features: Section,
    buckets: Section,
    table: Section,
    bits: u32,
    /// First rows of the buckets, read on first use: 5 to 11 bytes a record.
    starts: OnceLock<Zeroizing<Vec<u32>>>,
}

impl LocalSections {
    /// Finds the sections of a segment and checks their sizes.
    ///
    /// # Errors
    /// [`IndexError::Inconsistent`], [`IndexError::DamagedPage`].
    pub(crate) fn open<B: AsRef<[u8]>>(segment: &Segment<B>) -> Result<Self, IndexError> {
        let required = |kind: SectionKind, row_len: usize| match segment.section(kind)? {
            Some(section) if section.row_bytes() == row_len => Ok(section),
            Some(_) => Err(IndexError::inconsistent(kind.name(), "unexpected row length")),
            None => Err(IndexError::inconsistent(kind.name(), "section is missing")),
        };
        let head = required(SectionKind::LocalHead, LOCAL_HEAD_LEN)?;
        let records = required(SectionKind::LocalRecords, LOCAL_RECORD_ROW_LEN)?;
        let features = required(SectionKind::LocalFeatures, LOCAL_FEATURE_ROW_LEN)?;
        let buckets = required(SectionKind::LocalBuckets, LOCAL_BUCKET_ROW_LEN)?;
        let table = required(SectionKind::LocalTable, LOCAL_TABLE_ROW_LEN)?;
        let row = segment.read_row::<LOCAL_HEAD_LEN>(head, 0)?;
        let bits = format::read_u32(&*row, 0);
        let wrong = |reason| Err(IndexError::inconsistent("local head", reason));
        if !(MIN_BITS..=MAX_BITS).contains(&bits) || buckets.rows != (1 << bits) + 1 {
            return wrong("number of buckets");
        }
        if head.rows != 1 || row[LOCAL_HEAD_BITS_END..].iter().any(|byte| *byte != 0) {
            return wrong("reserved bytes or rows");
        }
        if records.rows != u64::from(segment.len()) || features.rows != table.rows {
            return wrong("row counts differ");
        }
        if u32::try_from(table.rows).is_err() {
            return wrong("more features than row numbers");
        }
        Ok(Self { records, features, buckets, table, bits, starts: OnceLock::new() })
    }

    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    pub(super) fn table(&self) -> Section {
        self.table
    }

    /// First row of each bucket and, behind the last, the number of rows.
    pub(super) fn starts<B: AsRef<[u8]>>(&self, segment: &Segment<B>) -> Result<&[u32], IndexError> {
        if let Some(starts) = self.starts.get() {
            return Ok(starts);
        }
        let bytes = segment.section_bytes(self.buckets)?;
        let starts: Vec<u32> = bytes.chunks_exact(4).map(|le| format::read_u32(le, 0)).collect();
        let last = starts.last().map(|last| u64::from(*last));
        if !starts.is_sorted() || starts.first() != Some(&0) || last != Some(self.table.rows) {
            return Err(IndexError::inconsistent("local buckets", "buckets do not tile the table"));
        }
        Ok(self.starts.get_or_init(|| Zeroizing::new(starts)))
    }

    /// The local codes of a record.
    pub(crate) fn fingerprint<B: AsRef<[u8]>>(
        &self,
        segment: &Segment<B>,
        record: u32,
    ) -> Result<LocalFingerprint, IndexError> {
        let row = segment.read_row::<LOCAL_RECORD_ROW_LEN>(self.records, record)?;
        let number = |offset: usize| u16::from_le_bytes([row[offset], row[offset + 1]]);
        let wrong = |reason| IndexError::inconsistent("local records", reason);
        if row[LOCAL_RECORD_RESERVED..] != [0; 2] {
            return Err(wrong("reserved bytes"));
        }
        let first = u64::from(format::read_u32(&*row, 0));
        let mut bytes = Zeroizing::new(Vec::new());
        segment.read_rows(self.features, first, usize::from(number(LOCAL_RECORD_COUNT)), &mut bytes)?;
        let mut local = LocalFingerprint {
            width: number(LOCAL_RECORD_WIDTH),
            height: number(LOCAL_RECORD_HEIGHT),
            features: Vec::with_capacity(usize::from(number(LOCAL_RECORD_COUNT))),
        };
        for row in bytes.as_chunks::<LOCAL_FEATURE_ROW_LEN>().0 {
            if row[LOCAL_FEATURE_RESERVED] != 0 {
                return Err(wrong("reserved byte of a feature"));
            }
            local.features.push(read_feature(row));
        }
        Ok(local)
    }

    /// Checks that the table holds exactly the features of the records, each in its bucket.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`].
    pub(crate) fn verify<B: AsRef<[u8]>>(
        &self,
        segment: &Segment<B>,
        pace: &mut Pace<'_>,
    ) -> Result<(), IndexError> {
        let wrong = |reason| Err(IndexError::inconsistent("local table", reason));
        // Sums do not depend on the order, and an exchanged code or record changes them.
        let (mut listed, mut tabled) = (0_u64, 0_u64);
        let mut count = 0;
        for record in 0..segment.len() {
            let local = self.fingerprint(segment, record)?;
            pace.read(segment.a_record());
            count += local.features.len() as u64;
            for feature in &local.features {
                listed = listed.wrapping_add(mix(feature.code, record, feature.sharing));
            }
        }
        if count != self.table.rows {
            return wrong("records and table differ in number");
        }
        let starts = self.starts(segment)?;
        let mut bytes = Zeroizing::new(Vec::new());
        for (bucket, bounds) in (0..).zip(starts.windows(2)) {
            let rows = (bounds[1] - bounds[0]) as usize;
            segment.read_rows(self.table, u64::from(bounds[0]), rows, &mut bytes)?;
            pace.read(bytes.len());
            for row in bytes.as_chunks::<LOCAL_TABLE_ROW_LEN>().0 {
                let row = TableRow::read(row);
                if bucket_of(row.code, self.bits) != bucket || row.record >= segment.len() {
                    return wrong("a row in the wrong bucket, or of no record");
                }
                tabled = tabled.wrapping_add(mix(row.code, row.record, row.sharing));
            }
        }
        if listed == tabled { Ok(()) } else { wrong("records and table differ") }
    }
}

/// A number that is unlikely to be the same for two different rows. The pages are authentic: this finds mistakes of a
/// writer, not attacks.
fn mix(code: LocalCode, record: u32, sharing: Sharing) -> u64 {
    let [low, high] = code.words();
    let seed = low ^ high.rotate_left(31) ^ u64::from(record) << 8 ^ u64::from(sharing.step());
    let mixed = (seed ^ seed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed ^ mixed >> 32).wrapping_mul(0x94D0_49BB_1331_11EB)
}

#[cfg(test)]
mod tests;
