//! The bytes of a segment -> records, one row at a time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use saltprint_fingerprint::{Fingerprint, GlobalCode, LocalFingerprint};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef, SubjectRef};
use zeroize::{Zeroize as _, Zeroizing};

use crate::format::{
    CODE_ROW_LEN, DICTIONARY_NONE, FACTS_CAPTURED, FACTS_CONTENT, FACTS_FLAGS, FACTS_HAS_SUBJECT, FACTS_KIND,
    FACTS_ROW_LEN, FACTS_SOURCE, FACTS_SUBJECT, HEADER_LEN, PAGE_LEN, REF_ROW_LEN, SectionKind, TAG_LEN,
};
use crate::graph::GraphIndex;
use crate::local::LocalSections;
use crate::map::Pace;
use crate::page::{BLOCK_LEN, PIECE_LEN, PageSeal, Tag, tags_equal};
use crate::segment::header::{Header, Section, file_len_for};
use crate::segment::{SegmentId, SegmentRecord};
use crate::{IndexError, MappedFile, Month, RecordFacts, codec};

/// Codes a page; a constant, because dividing by a section's own number takes as long as the rest of finding a code.
const CODES_A_PAGE: u64 = (PAGE_LEN / CODE_ROW_LEN) as u64;

/// An open segment over any bytes: a memory map, a `Vec`, a static array.
///
/// Opening checks the header, the length and the root (which covers header and page tags). A page's tag is
/// checked when the page is first touched, and the result remembered; [`Segment::verify`] checks all of them.
pub struct Segment<B> {
    bytes: B,
    seal: PageSeal,
    header: Header,
    root: Tag,
    refs: Section,
    facts: Section,
    codes: Section,
    names: Vec<String>,
    /// One bit a page: its tag was checked.
    checked: Vec<AtomicU64>,
    graph: OnceLock<Option<GraphIndex>>,
    /// Set by [`Segment::open`].
    local: Option<LocalSections>,
}

impl<B: AsRef<[u8]>> Segment<B> {
    /// Opens a segment of `epoch` under the index key.
    ///
    /// # Errors
    /// [`IndexError::NotASegment`], [`IndexError::SegmentVersion`], [`IndexError::WrongLength`],
    /// [`IndexError::NotAuthentic`] (wrong key or damaged), [`IndexError::WrongEpoch`],
    /// [`IndexError::DamagedPage`] (of the dictionary), [`IndexError::Inconsistent`].
    pub fn open(bytes: B, key: &IndexKey, epoch: EpochId) -> Result<Self, IndexError> {
        Self::open_where(bytes, key, |found| found == epoch)
    }

    /// Like [`Segment::open`] for a segment of whatever epoch: to look what it holds, since its codes compare with nothing.
    ///
    /// # Errors
    /// As [`Segment::open`], but for the epoch.
    pub fn open_any_epoch(bytes: B, key: &IndexKey) -> Result<Self, IndexError> {
        Self::open_where(bytes, key, |_| true)
    }

    fn open_where(
        bytes: B,
        key: &IndexKey,
        wanted: impl FnOnce(EpochId) -> bool,
    ) -> Result<Self, IndexError> {
        let data = bytes.as_ref();
        let file_len = data.len() as u64;
        let Some(block) = data.first_chunk::<HEADER_LEN>() else {
            return Err(if data.starts_with(&crate::format::SEGMENT_MAGIC) {
                IndexError::WrongLength { expected: file_len_for(0).unwrap_or(u64::MAX), actual: file_len }
            } else {
                IndexError::NotASegment
            });
        };
        let header = Header::parse(block, file_len)?;
        let seal = PageSeal::new(key, header.salt);
        let Some((before_root, root)) = data.split_last_chunk::<TAG_LEN>() else {
            return Err(IndexError::NotAuthentic);
        };
        let tags = before_root.get(tag_table_start(&header)..).ok_or(IndexError::NotAuthentic)?;
        if !tags_equal(&seal.root(block, tags), root) {
            return Err(IndexError::NotAuthentic);
        }
        if !wanted(header.epoch) {
            return Err(IndexError::WrongEpoch);
        }
        header.check_sections()?;
        let required = |kind: SectionKind, row_len: usize| {
            header
                .section(kind, Some(row_len))?
                .ok_or(IndexError::inconsistent(kind.name(), "section is missing"))
        };
        let refs = required(SectionKind::Refs, REF_ROW_LEN)?;
        let facts = required(SectionKind::Facts, FACTS_ROW_LEN)?;
        let codes = required(SectionKind::GlobalCodes, CODE_ROW_LEN)?;
        let dictionary = required(SectionKind::Dictionary, 1)?;
        if [refs, facts, codes].iter().any(|section| section.rows != header.records) {
            return Err(IndexError::inconsistent("header", "row counts differ from the record count"));
        }
        let root = *root;
        let words = header.pages.div_ceil(64);
        let checked = (0..words).map(|_| AtomicU64::new(0)).collect();
        let mut segment = Self {
            bytes,
            seal,
            header,
            root,
            refs,
            facts,
            codes,
            names: Vec::new(),
            checked,
            graph: OnceLock::new(),
            local: None,
        };
        segment.names = codec::decode("dictionary", &segment.section_bytes(dictionary)?)?;
        segment.local = Some(LocalSections::open(&segment)?);
        Ok(segment)
    }

    /// Number of records.
    pub fn len(&self) -> u32 {
        // `check_sections` bounds the count below `u32::MAX`.
        u32::try_from(self.header.records).unwrap_or(u32::MAX)
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.header.records == 0
    }

    /// The segment's id, from its header.
    pub fn id(&self) -> SegmentId {
        self.header.id
    }

    /// The root that authenticates header and page tags.
    pub fn root(&self) -> &Tag {
        &self.root
    }

    /// Length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }

    /// Ref of a record.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`]; [`IndexError::Inconsistent`] for a row that does not exist. The same holds
    /// for the other row readers.
    pub fn record_ref(&self, row: u32) -> Result<RecordRef, IndexError> {
        Ok(RecordRef::from_bytes(*self.read_row::<REF_ROW_LEN>(self.refs, row)?))
    }

    /// Code of a record.
    ///
    /// # Errors
    /// As [`Segment::record_ref`].
    pub fn code(&self, row: u32) -> Result<GlobalCode, IndexError> {
        Ok(GlobalCode::from_bytes(&*self.read_row::<CODE_ROW_LEN>(self.codes, row)?))
    }

    /// Exchanges `codes` by those of some records, one behind the other as they are stored: decrypted together, which takes a
    /// fraction of one by one.
    ///
    /// # Errors
    /// As [`Segment::record_ref`].
    pub(crate) fn codes_at(&self, rows: &[u32], codes: &mut Zeroizing<Vec<u8>>) -> Result<(), IndexError> {
        self.gather((self.codes, CODES_A_PAGE, CODE_ROW_LEN), rows, codes)
    }

    /// Like [`Segment::codes_at`] for rows of any section.
    pub(crate) fn rows_at(
        &self,
        section: Section,
        rows: &[u32],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), IndexError> {
        self.gather((section, section.rows_per_page() as u64, section.row_bytes()), rows, out)
    }

    /// Of the section, the number of its rows a page and the bytes of a row are told: where they are constants, a row is found and
    /// copied in a few instructions.
    #[expect(clippy::inline_always, reason = "what is constant has to become so in the loops")]
    #[inline(always)]
    fn gather(
        &self,
        (section, per_page, row_len): (Section, u64, usize),
        rows: &[u32],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), IndexError> {
        if rows.is_empty() {
            out.clear();
            return Ok(());
        }
        let needed = rows.len() * row_len;
        if needed > out.capacity() {
            // A vector that grows leaves its old contents behind.
            out.zeroize();
        }
        out.resize(needed, 0);
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            places.push(self.place_of(section, u64::from(*row), per_page)?);
        }
        // Copied in a loop of nothing else, so that the processor waits for all of these places at once.
        for ((page, offset), row) in places.iter().zip(out.chunks_exact_mut(row_len)) {
            row.copy_from_slice(&self.page_bytes(*page)?[*offset..*offset + row_len]);
        }
        if row_len.is_multiple_of(BLOCK_LEN) && row_len <= PIECE_LEN {
            self.seal.apply_scattered(&places, out);
        } else {
            for ((page, offset), row) in places.iter().zip(out.chunks_exact_mut(row_len)) {
                self.seal.apply(*page, *offset, row);
            }
        }
        Ok(())
    }

    /// Local codes of a record.
    ///
    /// # Errors
    /// As [`Segment::record_ref`].
    pub fn local(&self, row: u32) -> Result<LocalFingerprint, IndexError> {
        self.local_sections()?.fingerprint(self, row)
    }

    /// Facts of a record.
    ///
    /// # Errors
    /// As [`Segment::record_ref`].
    pub fn facts(&self, row: u32) -> Result<RecordFacts, IndexError> {
        let row = self.read_row::<FACTS_ROW_LEN>(self.facts, row)?;
        self.parse_facts(&row)
    }

    /// Row of a record, found by binary search over the sorted refs.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub fn find(&self, record_ref: RecordRef) -> Result<Option<u32>, IndexError> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.record_ref(middle)?.cmp(&record_ref) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(middle)),
            }
        }
        Ok(None)
    }

    /// A whole record, for carrying it into another segment.
    ///
    /// # Errors
    /// As [`Segment::record_ref`].
    pub fn record(&self, row: u32) -> Result<SegmentRecord, IndexError> {
        Ok(SegmentRecord {
            record_ref: self.record_ref(row)?,
            facts: self.facts(row)?,
            fingerprint: Fingerprint::new(self.code(row)?, self.local(row)?),
        })
    }

    /// Checks every page's tag, that every row parses and that refs are sorted.
    ///
    /// # Errors
    /// The first damage found.
    pub fn verify(&self) -> Result<(), IndexError> {
        self.verify_at(&mut Pace::new(&mut || {}))
    }

    pub(crate) fn verify_at(&self, pace: &mut Pace<'_>) -> Result<(), IndexError> {
        for section in &self.header.sections {
            for page in section.first_page..section.first_page + section.pages {
                self.check_tag(*section, page)?;
                pace.read(PAGE_LEN);
            }
        }
        let mut last = None;
        for row in 0..self.len() {
            let record = self.record(row)?;
            pace.read(self.a_record());
            if last.replace(record.record_ref).is_some_and(|last| last >= record.record_ref) {
                return Err(IndexError::inconsistent("refs", "not sorted"));
            }
        }
        self.local_sections()?.verify(self, pace)?;
        if let Some(graph) = self.graph()? {
            graph.verify(self, pace)?;
        }
        Ok(())
    }

    /// Bytes of the file that a record takes, about.
    pub(crate) fn a_record(&self) -> usize {
        self.bytes.as_ref().len() / self.len().max(1) as usize
    }

    pub(crate) fn local_sections(&self) -> Result<&LocalSections, IndexError> {
        self.local.as_ref().ok_or(IndexError::inconsistent("local head", "section is missing"))
    }

    /// The segment's graph, if it has one; its upper levels are read on first use.
    pub(crate) fn graph(&self) -> Result<Option<&GraphIndex>, IndexError> {
        if let Some(graph) = self.graph.get() {
            return Ok(graph.as_ref());
        }
        let graph = GraphIndex::read(self)?;
        Ok(self.graph.get_or_init(|| graph).as_ref())
    }

    /// Whether the segment has a graph section.
    pub fn has_graph(&self) -> bool {
        self.header.sections.iter().any(|section| section.kind == SectionKind::GraphHead)
    }

    pub(crate) fn section(&self, kind: SectionKind) -> Result<Option<Section>, IndexError> {
        self.header.section(kind, None)
    }

    pub(crate) fn codes_section(&self) -> Section {
        self.codes
    }

    /// Decrypts one row of a section, after its page was checked.
    pub(crate) fn read_row<const N: usize>(
        &self,
        section: Section,
        row: u32,
    ) -> Result<Zeroizing<[u8; N]>, IndexError> {
        let mut out = Zeroizing::new([0; N]);
        self.read_row_into(section, u64::from(row), &mut *out)?;
        Ok(out)
    }

    /// Like [`Segment::read_row`] for rows whose length is known at run time: `out` takes one row.
    pub(crate) fn read_row_into(&self, section: Section, row: u64, out: &mut [u8]) -> Result<(), IndexError> {
        if out.len() != section.row_bytes() {
            return Err(IndexError::inconsistent(
                section.kind.name(),
                "a row of another length was asked for",
            ));
        }
        let (page, offset) = self.place_of(section, row, section.rows_per_page() as u64)?;
        let sealed = &self.page_bytes(page)?[offset..offset + out.len()];
        self.seal.apply_between(page, offset, sealed, out);
        Ok(())
    }

    /// The page of a row, which is checked, and where in it the row begins. `per_page` is the section's number of rows a page.
    #[inline]
    fn place_of(&self, section: Section, row: u64, per_page: u64) -> Result<(u64, usize), IndexError> {
        if row >= section.rows {
            return Err(IndexError::inconsistent(
                section.kind.name(),
                "a row outside the section was asked for",
            ));
        }
        let page = section.first_page + row / per_page;
        self.check_page(section, page)?;
        // The remainder is below PAGE_LEN / row_len.
        Ok((page, usize::try_from(row % per_page).unwrap_or(0) * section.row_bytes()))
    }

    /// Exchanges `out` by `count` decrypted rows from `first` on; page by page. After an error it holds nothing of use.
    pub(crate) fn read_rows(
        &self,
        section: Section,
        first: u64,
        count: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), IndexError> {
        let end = first.checked_add(count as u64).filter(|end| *end <= section.rows);
        let Some(end) = end else {
            out.clear();
            return Err(IndexError::inconsistent(
                section.kind.name(),
                "rows outside the section were asked for",
            ));
        };
        let needed = count.saturating_mul(section.row_bytes());
        if needed > out.capacity() {
            // A vector that grows leaves its old contents behind.
            out.zeroize();
        }
        // The rows are in the file, so there is memory for them. What was there before is written over.
        out.reserve_exact(needed.saturating_sub(out.len()));
        out.resize(needed, 0);
        let mut rest = &mut out[..];
        let per_page = section.rows_per_page() as u64;
        let mut row = first;
        while row < end {
            let page = section.first_page + row / per_page;
            self.check_page(section, page)?;
            let within = row % per_page;
            let take = (per_page - within).min(end - row);
            // Both are below the number of rows of a page.
            let offset = usize::try_from(within).unwrap_or(0) * section.row_bytes();
            let len = usize::try_from(take).unwrap_or(0) * section.row_bytes();
            let (here, behind) = rest.split_at_mut(len);
            self.seal.apply_between(page, offset, &self.page_bytes(page)?[offset..offset + len], here);
            rest = behind;
            row += take;
        }
        Ok(())
    }

    /// Decrypts page `index` of a section into `scratch`, which takes [`PAGE_LEN`] bytes, after checking it.
    pub(crate) fn read_page(
        &self,
        section: Section,
        index: u64,
        scratch: &mut [u8],
    ) -> Result<(), IndexError> {
        let page = section.first_page + index;
        self.check_page(section, page)?;
        self.seal.apply_between(page, 0, self.page_bytes(page)?, scratch);
        Ok(())
    }

    /// All payload bytes of a section; for the small ones.
    pub(crate) fn section_bytes(&self, section: Section) -> Result<Zeroizing<Vec<u8>>, IndexError> {
        let mut scratch = Zeroizing::new(vec![0; PAGE_LEN]);
        let mut left = usize::try_from(section.rows)
            .ok()
            .and_then(|rows| rows.checked_mul(section.row_bytes()))
            .ok_or(IndexError::inconsistent(section.kind.name(), "too large"))?;
        // Not more than the file has, and never moved: a vector that grows leaves its old contents behind.
        let mut out = Zeroizing::new(Vec::with_capacity(left));
        let page_payload = section.rows_per_page() * section.row_bytes();
        for index in 0..section.pages {
            self.read_page(section, index, &mut scratch)?;
            let take = left.min(page_payload);
            out.extend_from_slice(&scratch[..take]);
            left -= take;
        }
        Ok(out)
    }

    fn parse_facts(&self, row: &[u8; FACTS_ROW_LEN]) -> Result<RecordFacts, IndexError> {
        let wrong = |reason| IndexError::inconsistent("facts", reason);
        let number = |offset: usize| u16::from_le_bytes([row[offset], row[offset + 1]]);
        let bytes = |offset: usize| {
            let mut out = [0; 16];
            out.copy_from_slice(&row[offset..offset + 16]);
            out
        };
        let name = |index: u16| match index {
            DICTIONARY_NONE => Ok(None),
            index => self
                .names
                .get(usize::from(index))
                .map(|name| Some(name.clone()))
                .ok_or(wrong("a name that is not in the dictionary")),
        };
        let subject = match number(FACTS_FLAGS) {
            0 => None,
            FACTS_HAS_SUBJECT => Some(SubjectRef::from_bytes(bytes(FACTS_SUBJECT))),
            _ => return Err(wrong("unknown flags")),
        };
        Ok(RecordFacts {
            source: name(number(FACTS_SOURCE))?,
            kind: name(number(FACTS_KIND))?,
            captured: match number(FACTS_CAPTURED) {
                0 => None,
                index => Some(Month::from_index(index).ok_or(wrong("month out of range"))?),
            },
            subject,
            content: ContentDigest::from_bytes(bytes(FACTS_CONTENT)),
        })
    }

    #[inline]
    fn page_bytes(&self, page: u64) -> Result<&[u8], IndexError> {
        let bytes = usize::try_from(page).ok().and_then(|page| {
            let start = HEADER_LEN + page * PAGE_LEN;
            self.bytes.as_ref().get(start..start + PAGE_LEN)
        });
        bytes.ok_or_else(|| IndexError::DamagedPage { page })
    }

    #[inline]
    fn check_page(&self, section: Section, page: u64) -> Result<(), IndexError> {
        let (word, bit) = (usize::try_from(page / 64).unwrap_or(usize::MAX), 1_u64 << (page % 64));
        let Some(word) = self.checked.get(word) else {
            return Err(IndexError::DamagedPage { page });
        };
        if word.load(Ordering::Relaxed) & bit == 0 {
            self.check_tag(section, page)?;
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    #[cold]
    fn check_tag(&self, section: Section, page: u64) -> Result<(), IndexError> {
        let expected = self.seal.tag(section.kind as u32, page, self.header.pages, self.page_bytes(page)?);
        let stored = usize::try_from(page)
            .ok()
            .map(|page| tag_table_start(&self.header) + page * TAG_LEN)
            .and_then(|start| self.bytes.as_ref().get(start..)?.first_chunk::<TAG_LEN>())
            .ok_or(IndexError::DamagedPage { page })?;
        if tags_equal(&expected, stored) { Ok(()) } else { Err(IndexError::DamagedPage { page }) }
    }
}

impl Segment<MappedFile> {
    /// Most of what opening reads of a file: its header and the tags of its pages, at its end. Cold, and read in the steps in which a
    /// map is touched, they are most of the time that opening takes.
    pub(crate) fn read_ahead_to_open(map: &MappedFile) {
        let len = map.as_ref().len();
        let pages = len.saturating_sub(HEADER_LEN + TAG_LEN) / (PAGE_LEN + TAG_LEN);
        map.read_ahead(0..HEADER_LEN.min(len));
        map.read_ahead(len.min(HEADER_LEN + pages * PAGE_LEN)..len);
    }

    /// Takes what was read of the file out of the memory of this process. Only time is lost where it is read again.
    pub fn let_go(&self) {
        self.bytes.let_go();
    }

    /// As [`Segment::verify`], with little of the file in this process's memory at a time and nothing afterwards.
    ///
    /// # Errors
    /// As [`Segment::verify`].
    pub(crate) fn verify_letting_go(&self) -> Result<(), IndexError> {
        let verified = self.verify_at(&mut Pace::new(&mut || self.let_go()));
        self.let_go();
        verified
    }

    /// What every scan reads.
    pub(crate) fn read_ahead_to_scan(&self) {
        let pages =
            |count: u64| usize::try_from(count).map_or(usize::MAX, |count| count.saturating_mul(PAGE_LEN));
        let first = pages(self.codes.first_page).saturating_add(HEADER_LEN);
        self.bytes.read_ahead(first..first.saturating_add(pages(self.codes.pages)));
    }
}

/// `Header::parse` has checked that the pages fit the file's length, so this fits as well.
fn tag_table_start(header: &Header) -> usize {
    usize::try_from(header.pages).map_or(usize::MAX, |pages| HEADER_LEN + pages * PAGE_LEN)
}

impl<B> std::fmt::Debug for Segment<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("id", &self.header.id)
            .field("records", &self.header.records)
            .finish_non_exhaustive()
    }
}
