//! The header block: fixed offsets, every number range-checked before it is used.

use saltprint_keys::EpochId;

use crate::IndexError;
use crate::format::{
    HEADER_LEN, MAX_SECTIONS, OFFSET_EPOCH, OFFSET_MAGIC, OFFSET_PAGE_LEN, OFFSET_PAGES, OFFSET_RECORDS,
    OFFSET_RESERVED_0, OFFSET_RESERVED_1, OFFSET_SALT, OFFSET_SECTION_TABLE, OFFSET_SECTIONS,
    OFFSET_SEGMENT_ID, OFFSET_VERSION, PAGE_LEN, SECTION_ENTRY_LEN, SECTION_FIRST_PAGE, SECTION_KIND,
    SECTION_PAGES, SECTION_ROW_LEN, SECTION_ROWS, SEGMENT_MAGIC, SEGMENT_VERSION, SectionKind, TAG_LEN,
};
use crate::segment::SegmentId;

/// The page length as its header field has it.
#[expect(clippy::cast_possible_truncation, reason = "a constant of 65,536")]
const PAGE_LEN_ON_DISK: u32 = PAGE_LEN as u32;

/// Place and shape of one section. Rows never straddle a page: a page holds `PAGE_LEN / row_len` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) kind: SectionKind,
    pub(crate) row_len: u32,
    pub(crate) rows: u64,
    pub(crate) first_page: u64,
    pub(crate) pages: u64,
}

impl Section {
    /// Lays out a section of `rows` rows behind the pages that are already taken.
    pub(crate) fn layout(kind: SectionKind, row_len: u32, rows: u64, first_page: u64) -> Option<Self> {
        let per_page = rows_per_page(row_len)?;
        Some(Self { kind, row_len, rows, first_page, pages: rows.div_ceil(per_page as u64) })
    }

    /// Rows in one page, at least 1 (checked by [`Section::layout`] and [`Header::parse`]).
    pub(crate) fn rows_per_page(&self) -> usize {
        rows_per_page(self.row_len).unwrap_or(1)
    }

    /// Length of a row in bytes.
    pub(crate) fn row_bytes(&self) -> usize {
        self.row_len as usize
    }
}

fn rows_per_page(row_len: u32) -> Option<usize> {
    match row_len as usize {
        0 => None,
        len if len > PAGE_LEN => None,
        len => Some(PAGE_LEN / len),
    }
}

/// The parsed header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) salt: [u8; 32],
    pub(crate) epoch: EpochId,
    pub(crate) id: SegmentId,
    pub(crate) records: u64,
    pub(crate) pages: u64,
    pub(crate) sections: Vec<Section>,
}

impl Header {
    pub(crate) fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut block = [0; HEADER_LEN];
        let mut put =
            |offset: usize, bytes: &[u8]| block[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(OFFSET_MAGIC, &SEGMENT_MAGIC);
        put(OFFSET_VERSION, &SEGMENT_VERSION.to_le_bytes());
        put(OFFSET_PAGE_LEN, &PAGE_LEN_ON_DISK.to_le_bytes());
        put(OFFSET_SALT, &self.salt);
        put(OFFSET_EPOCH, self.epoch.as_bytes());
        put(OFFSET_SEGMENT_ID, self.id.as_bytes());
        put(OFFSET_RECORDS, &self.records.to_le_bytes());
        put(OFFSET_PAGES, &self.pages.to_le_bytes());
        debug_assert!(self.sections.len() <= MAX_SECTIONS, "the writer has a fixed list of sections");
        let count = u32::try_from(self.sections.len()).unwrap_or(u32::MAX);
        put(OFFSET_SECTIONS, &count.to_le_bytes());
        for (index, section) in self.sections.iter().enumerate().take(MAX_SECTIONS) {
            let entry = OFFSET_SECTION_TABLE + index * SECTION_ENTRY_LEN;
            put(entry + SECTION_KIND, &(section.kind as u32).to_le_bytes());
            put(entry + SECTION_ROW_LEN, &section.row_len.to_le_bytes());
            put(entry + SECTION_ROWS, &section.rows.to_le_bytes());
            put(entry + SECTION_FIRST_PAGE, &section.first_page.to_le_bytes());
            put(entry + SECTION_PAGES, &section.pages.to_le_bytes());
        }
        block
    }

    /// Parses the header block of a file of `file_len` bytes.
    ///
    /// Checks magic, version and, before any of them is used in arithmetic, that the page count fits the
    /// file's length. Whether the numbers are *authentic* is the caller's next check (the root); whether the
    /// sections are consistent is checked after it by [`Header::check_sections`], so that a flipped bit is
    /// reported as damage rather than as a bug of the writer.
    pub(crate) fn parse(block: &[u8; HEADER_LEN], file_len: u64) -> Result<Self, IndexError> {
        if block[OFFSET_MAGIC..OFFSET_MAGIC + 8] != SEGMENT_MAGIC {
            return Err(IndexError::NotASegment);
        }
        let version = read_u16(block, OFFSET_VERSION);
        if version != SEGMENT_VERSION {
            return Err(IndexError::SegmentVersion { found: version, supported: SEGMENT_VERSION });
        }
        let pages = read_u64(block, OFFSET_PAGES);
        let expected = file_len_for(pages).unwrap_or(u64::MAX);
        if expected != file_len {
            return Err(IndexError::WrongLength { expected, actual: file_len });
        }
        let count = read_u32(block, OFFSET_SECTIONS) as usize;
        if count > MAX_SECTIONS {
            return Err(IndexError::NotAuthentic);
        }
        let reserved_is_zero = block[OFFSET_RESERVED_0..OFFSET_PAGE_LEN]
            .iter()
            .chain(&block[OFFSET_RESERVED_1..OFFSET_SECTION_TABLE])
            .chain(&block[OFFSET_SECTION_TABLE + count * SECTION_ENTRY_LEN..])
            .all(|byte| *byte == 0);
        let page_len = read_u32(block, OFFSET_PAGE_LEN);
        if !reserved_is_zero || page_len != PAGE_LEN_ON_DISK {
            return Err(IndexError::NotAuthentic);
        }
        let mut sections = Vec::with_capacity(count);
        for index in 0..count {
            let entry = OFFSET_SECTION_TABLE + index * SECTION_ENTRY_LEN;
            sections.push(Section {
                kind: SectionKind::from_number(read_u32(block, entry + SECTION_KIND))
                    .ok_or(IndexError::NotAuthentic)?,
                row_len: read_u32(block, entry + SECTION_ROW_LEN),
                rows: read_u64(block, entry + SECTION_ROWS),
                first_page: read_u64(block, entry + SECTION_FIRST_PAGE),
                pages: read_u64(block, entry + SECTION_PAGES),
            });
        }
        Ok(Self {
            salt: read_array(block, OFFSET_SALT),
            epoch: EpochId::from_bytes(read_array(block, OFFSET_EPOCH)),
            id: SegmentId::from_bytes(read_array(block, OFFSET_SEGMENT_ID)),
            records: read_u64(block, OFFSET_RECORDS),
            pages,
            sections,
        })
    }

    /// Checks that sections tile the pages without gap or overlap and hold what the records need; protects
    /// every later row and page computation.
    pub(crate) fn check_sections(&self) -> Result<(), IndexError> {
        let wrong = |reason| Err(IndexError::inconsistent("header", reason));
        if self.records >= u64::from(u32::MAX) {
            return wrong("more records than row numbers");
        }
        let mut next_page = 0;
        for section in &self.sections {
            match Section::layout(section.kind, section.row_len, section.rows, next_page) {
                Some(expected) if expected == *section => {}
                Some(_) | None => return wrong("sections do not tile the pages"),
            }
            if self.sections.iter().filter(|other| other.kind == section.kind).count() != 1 {
                return wrong("a section stands twice");
            }
            // `layout` took pages from rows, and both were compared with the file's length through `pages`.
            next_page = match next_page.checked_add(section.pages) {
                Some(next) if next <= self.pages => next,
                Some(_) | None => return wrong("sections do not tile the pages"),
            };
        }
        if next_page != self.pages {
            return wrong("pages that belong to no section");
        }
        Ok(())
    }

    /// The section of a kind, with the row length that this build expects for it.
    pub(crate) fn section(
        &self,
        kind: SectionKind,
        row_len: Option<usize>,
    ) -> Result<Option<Section>, IndexError> {
        let Some(section) = self.sections.iter().find(|section| section.kind == kind) else {
            return Ok(None);
        };
        if row_len.is_some_and(|len| len != section.row_bytes()) {
            return Err(IndexError::inconsistent(kind.name(), "unexpected row length"));
        }
        Ok(Some(*section))
    }
}

/// Length of a segment file with `pages` pages; `None` where it overflows.
pub(crate) fn file_len_for(pages: u64) -> Option<u64> {
    pages
        .checked_mul((PAGE_LEN + TAG_LEN) as u64)
        .and_then(|len| len.checked_add((HEADER_LEN + TAG_LEN) as u64))
}

fn read_array<const N: usize>(block: &[u8; HEADER_LEN], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&block[offset..offset + N]);
    out
}

fn read_u16(block: &[u8; HEADER_LEN], offset: usize) -> u16 {
    u16::from_le_bytes(read_array(block, offset))
}

fn read_u32(block: &[u8; HEADER_LEN], offset: usize) -> u32 {
    u32::from_le_bytes(read_array(block, offset))
}

fn read_u64(block: &[u8; HEADER_LEN], offset: usize) -> u64 {
    u64::from_le_bytes(read_array(block, offset))
}
