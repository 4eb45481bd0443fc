#![doc = include_str!("../FORMAT.md")]
//!
//! The constants below stand in the order of the document; every offset is computed from the one before it.

/// First bytes of a segment file.
pub const SEGMENT_MAGIC: [u8; 8] = *b"SALTSEG\0";
/// Version of the segment format that this build writes, and the only one that it reads.
pub const SEGMENT_VERSION: u16 = 2;
/// First bytes of a sealed manifest.
pub const MANIFEST_MAGIC: [u8; 8] = *b"SALTMAN\0";
/// Version of the manifest that this build writes, and the only one that it reads.
pub const MANIFEST_VERSION: u16 = 12;
/// First bytes of a fingerprint in a work file.
pub const WORK_MAGIC: [u8; 8] = *b"SALTWRK\0";
/// Version of work files that this build writes, and the only one that it reads.
pub const WORK_VERSION: u16 = 1;
/// First bytes of a sealed census of local features.
pub const CENSUS_MAGIC: [u8; 8] = *b"SALTCEN\0";
/// Version of the census that this build writes, and the only one that it reads.
pub const CENSUS_VERSION: u16 = 2;
/// First bytes of a sealed list of erasures.
pub const ERASURES_MAGIC: [u8; 8] = *b"SALTERA\0";
/// Version of the list of erasures that this build writes, and the only one that it reads.
pub const ERASURES_VERSION: u16 = 1;

/// Bytes of the header block; pages start right after it, so they are aligned for the memory map.
pub const HEADER_LEN: usize = 4096;
/// Bytes of one sealed page.
pub const PAGE_LEN: usize = 64 * 1024;
/// Bytes of one page tag, and of the root.
pub const TAG_LEN: usize = 32;
/// Entries of the section table, used or not.
pub const MAX_SECTIONS: usize = 16;

pub(crate) const OFFSET_MAGIC: usize = 0;
pub(crate) const OFFSET_VERSION: usize = OFFSET_MAGIC + 8;
pub(crate) const OFFSET_RESERVED_0: usize = OFFSET_VERSION + 2;
pub(crate) const OFFSET_PAGE_LEN: usize = OFFSET_RESERVED_0 + 2;
pub(crate) const OFFSET_SALT: usize = OFFSET_PAGE_LEN + 4;
pub(crate) const OFFSET_EPOCH: usize = OFFSET_SALT + 32;
pub(crate) const OFFSET_SEGMENT_ID: usize = OFFSET_EPOCH + 16;
pub(crate) const OFFSET_RECORDS: usize = OFFSET_SEGMENT_ID + 16;
pub(crate) const OFFSET_PAGES: usize = OFFSET_RECORDS + 8;
pub(crate) const OFFSET_SECTIONS: usize = OFFSET_PAGES + 8;
pub(crate) const OFFSET_RESERVED_1: usize = OFFSET_SECTIONS + 4;
pub(crate) const OFFSET_SECTION_TABLE: usize = OFFSET_RESERVED_1 + 4;

pub(crate) const SECTION_KIND: usize = 0;
pub(crate) const SECTION_ROW_LEN: usize = SECTION_KIND + 4;
pub(crate) const SECTION_ROWS: usize = SECTION_ROW_LEN + 4;
pub(crate) const SECTION_FIRST_PAGE: usize = SECTION_ROWS + 8;
pub(crate) const SECTION_PAGES: usize = SECTION_FIRST_PAGE + 8;
pub(crate) const SECTION_ENTRY_LEN: usize = SECTION_PAGES + 8;
pub(crate) const OFFSET_HEADER_REST: usize = OFFSET_SECTION_TABLE + MAX_SECTIONS * SECTION_ENTRY_LEN;

const _: () = assert!(OFFSET_HEADER_REST <= HEADER_LEN);

/// Bytes of one row of the refs section: a record ref.
pub const REF_ROW_LEN: usize = 16;
/// Bytes of one row of the facts section.
pub const FACTS_ROW_LEN: usize = FACTS_CONTENT + 16;
/// Bytes of one row of the global codes section.
pub const CODE_ROW_LEN: usize = 32;

pub(crate) const FACTS_SOURCE: usize = 0;
pub(crate) const FACTS_KIND: usize = FACTS_SOURCE + 2;
pub(crate) const FACTS_CAPTURED: usize = FACTS_KIND + 2;
pub(crate) const FACTS_FLAGS: usize = FACTS_CAPTURED + 2;
pub(crate) const FACTS_SUBJECT: usize = FACTS_FLAGS + 2;
pub(crate) const FACTS_CONTENT: usize = FACTS_SUBJECT + 16;
/// Flag of a facts row: the record has a subject.
pub(crate) const FACTS_HAS_SUBJECT: u16 = 1;
/// Dictionary index that stands for "not stated".
pub(crate) const DICTIONARY_NONE: u16 = u16::MAX;

/// Bytes of the graph head row.
pub const GRAPH_HEAD_LEN: usize = 16;
/// Bytes of the local head row.
pub const LOCAL_HEAD_LEN: usize = LOCAL_HEAD_BITS_END + 12;
pub(crate) const LOCAL_HEAD_BITS_END: usize = 4;
/// Bytes of one row of the local records section.
pub const LOCAL_RECORD_ROW_LEN: usize = LOCAL_RECORD_RESERVED + 2;
pub(crate) const LOCAL_RECORD_COUNT: usize = 4;
pub(crate) const LOCAL_RECORD_WIDTH: usize = LOCAL_RECORD_COUNT + 2;
pub(crate) const LOCAL_RECORD_HEIGHT: usize = LOCAL_RECORD_WIDTH + 2;
pub(crate) const LOCAL_RECORD_RESERVED: usize = LOCAL_RECORD_HEIGHT + 2;
/// Bytes of one row of the local features section.
pub const LOCAL_FEATURE_ROW_LEN: usize = LOCAL_FEATURE_RESERVED + 1;
pub(crate) const LOCAL_FEATURE_PLACE: usize = 16;
pub(crate) const LOCAL_FEATURE_SHARING: usize = LOCAL_FEATURE_PLACE + 6;
pub(crate) const LOCAL_FEATURE_RESERVED: usize = LOCAL_FEATURE_SHARING + 1;
/// Bytes of one row of the local buckets section.
pub const LOCAL_BUCKET_ROW_LEN: usize = 4;
/// Bytes of one row of the local table section.
pub const LOCAL_TABLE_ROW_LEN: usize = LOCAL_TABLE_SHARING + 1;
pub(crate) const LOCAL_TABLE_RECORD: usize = 16;
pub(crate) const LOCAL_TABLE_SHARING: usize = LOCAL_TABLE_RECORD + 4;

/// The number at an offset that lies within `bytes`.
pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |le| u32::from_le_bytes(*le))
}

/// "No neighbour" in a graph row.
pub(crate) const NO_NEIGHBOUR: u32 = u32::MAX;

/// What a section of a segment holds. Numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum SectionKind {
    /// Record refs, sorted ascending: row `i` names record `i`.
    Refs = 1,
    /// Facts of each record.
    Facts = 2,
    /// Global codes.
    GlobalCodes = 3,
    /// Source and kind names that facts refer to by index.
    Dictionary = 4,
    /// Graph parameters and entry point.
    GraphHead = 5,
    /// Neighbours of every record on level 0.
    GraphBase = 6,
    /// Neighbours on the levels above 0.
    GraphUpper = 7,
    /// Parameters of the local table.
    LocalHead = 8,
    /// Frame and features of each record.
    LocalRecords = 9,
    /// Local codes with their places, record by record.
    LocalFeatures = 10,
    /// Where each bucket of the local table starts.
    LocalBuckets = 11,
    /// Local codes again, bucket by bucket, with their records.
    LocalTable = 12,
}

impl SectionKind {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [
            Self::Refs,
            Self::Facts,
            Self::GlobalCodes,
            Self::Dictionary,
            Self::GraphHead,
            Self::GraphBase,
            Self::GraphUpper,
            Self::LocalHead,
            Self::LocalRecords,
            Self::LocalFeatures,
            Self::LocalBuckets,
            Self::LocalTable,
        ]
        .into_iter()
        .find(|kind| *kind as u32 == number)
    }

    /// The word for this section in error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refs => "refs",
            Self::Facts => "facts",
            Self::GlobalCodes => "global codes",
            Self::Dictionary => "dictionary",
            Self::GraphHead => "graph head",
            Self::GraphBase => "graph base",
            Self::GraphUpper => "graph upper levels",
            Self::LocalHead => "local head",
            Self::LocalRecords => "local records",
            Self::LocalFeatures => "local features",
            Self::LocalBuckets => "local buckets",
            Self::LocalTable => "local table",
        }
    }
}
