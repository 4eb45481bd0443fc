//! Records in memory -> the bytes of a segment.

use std::io::Write;

use saltprint_keys::{EpochId, IndexKey};
use zeroize::Zeroizing;

use crate::format::{
    CODE_ROW_LEN, DICTIONARY_NONE, FACTS_CAPTURED, FACTS_CONTENT, FACTS_FLAGS, FACTS_HAS_SUBJECT, FACTS_KIND,
    FACTS_ROW_LEN, FACTS_SOURCE, FACTS_SUBJECT, GRAPH_HEAD_LEN, LOCAL_BUCKET_ROW_LEN, LOCAL_FEATURE_ROW_LEN,
    LOCAL_HEAD_LEN, LOCAL_RECORD_ROW_LEN, LOCAL_TABLE_ROW_LEN, PAGE_LEN, REF_ROW_LEN, SectionKind,
};
use crate::graph::FlatGraph;
use crate::local::{LocalTable, TableRow, write_feature};
use crate::page::{PageSeal, Tag};
use crate::segment::header::{Header, Section};
use crate::segment::{SegmentId, SegmentRecord};
use crate::{IndexError, RecordFacts, codec};

/// Writes one segment. Salt and id are passed in: the same input gives the same bytes.
#[derive(Debug)]
pub struct SegmentWriter {
    seal: PageSeal,
    salt: [u8; 32],
    epoch: EpochId,
    id: SegmentId,
}

impl SegmentWriter {
    /// `salt` must be fresh random bytes for every file: it makes the file's encryption key unique.
    pub fn new(key: &IndexKey, epoch: EpochId, id: SegmentId, salt: [u8; 32]) -> Self {
        Self { seal: PageSeal::new(key, salt), salt, epoch, id }
    }

    /// Writes `records`, which must be sorted by ref with each ref unique, and the graph over them if any.
    ///
    /// Returns the file's root, which authenticates all of it under the index key.
    ///
    /// # Errors
    /// [`IndexError::NotSorted`], [`IndexError::TooMany`] (more than 2^32 - 2 records, or more than 65,535
    /// different source and kind names), [`IndexError::Inconsistent`] where the graph is not over these
    /// records, [`IndexError::Write`].
    pub fn write(
        &self,
        records: &[SegmentRecord],
        graph: Option<&FlatGraph>,
        out: &mut impl Write,
    ) -> Result<Tag, IndexError> {
        check(records, graph)?;
        let local = LocalTable::build(records)?;
        self.write_with_table(records, graph, &local, local.rows(records), out)
    }

    /// Like [`SegmentWriter::write`] for checked records, a table that was built over them, and its rows.
    pub(crate) fn write_with_table(
        &self,
        records: &[SegmentRecord],
        graph: Option<&FlatGraph>,
        local: &LocalTable,
        rows: impl Iterator<Item = TableRow>,
        out: &mut impl Write,
    ) -> Result<Tag, IndexError> {
        let count = records.len() as u64;
        let dictionary = Dictionary::of(records)?;
        let names = Zeroizing::new(codec::encode("dictionary", &dictionary.names)?);
        let mut rows = Some(rows);

        let mut plan = Plan::default();
        plan.add(SectionKind::Refs, REF_ROW_LEN, count)?;
        plan.add(SectionKind::Facts, FACTS_ROW_LEN, count)?;
        plan.add(SectionKind::GlobalCodes, CODE_ROW_LEN, count)?;
        plan.add(SectionKind::Dictionary, 1, names.len() as u64)?;
        plan.add(SectionKind::LocalHead, LOCAL_HEAD_LEN, 1)?;
        plan.add(SectionKind::LocalRecords, LOCAL_RECORD_ROW_LEN, count)?;
        plan.add(SectionKind::LocalFeatures, LOCAL_FEATURE_ROW_LEN, local.len() as u64)?;
        plan.add(SectionKind::LocalBuckets, LOCAL_BUCKET_ROW_LEN, local.starts().len() as u64)?;
        plan.add(SectionKind::LocalTable, LOCAL_TABLE_ROW_LEN, local.len() as u64)?;
        if let Some(graph) = graph {
            plan.add(SectionKind::GraphHead, GRAPH_HEAD_LEN, 1)?;
            plan.add(SectionKind::GraphBase, graph.base_row_len(), count)?;
            plan.add(SectionKind::GraphUpper, graph.upper_row_len(), graph.upper_rows() as u64)?;
        }
        let header = Header {
            salt: self.salt,
            epoch: self.epoch,
            id: self.id,
            records: count,
            pages: plan.pages,
            sections: plan.sections,
        };
        let block = header.to_bytes();
        out.write_all(&block).map_err(IndexError::Write)?;
        let mut tags = Vec::new();
        for section in &header.sections {
            let mut pages = PageWriter::new(&self.seal, *section, header.pages, out, &mut tags);
            match section.kind {
                SectionKind::Refs => {
                    pages.rows(records, |record, row| row.copy_from_slice(record.record_ref.as_bytes()))
                }
                SectionKind::Facts => {
                    pages.rows(records, |record, row| dictionary.write_facts(&record.facts, row))
                }
                SectionKind::GlobalCodes => pages
                    .rows(records, |record, row| row.copy_from_slice(&record.fingerprint.global.to_bytes())),
                SectionKind::Dictionary => pages.rows(names.iter(), |byte, row| row.fill(*byte)),
                SectionKind::GraphHead => pages.rows(graph, FlatGraph::write_head),
                SectionKind::GraphBase => pages.rows((0..).take(records.len()), |node, row| {
                    if let Some(graph) = graph {
                        graph.write_base_row(node, row);
                    }
                }),
                SectionKind::GraphUpper => {
                    pages.rows(0..graph.map_or(0, FlatGraph::upper_rows), |index, row| {
                        if let Some(graph) = graph {
                            graph.write_upper_row(index, row);
                        }
                    })
                }
                SectionKind::LocalHead => pages.rows([()], |(), row| local.write_head(row)),
                SectionKind::LocalRecords => {
                    pages.rows(records.iter().enumerate(), |(number, record), row| {
                        local.write_record(number, &record.fingerprint.local, row);
                    })
                }
                SectionKind::LocalFeatures => {
                    let features = records.iter().flat_map(|record| &record.fingerprint.local.features);
                    pages.rows(features, write_feature)
                }
                SectionKind::LocalBuckets => {
                    pages.rows(local.starts(), |start, row| row.copy_from_slice(&start.to_le_bytes()))
                }
                SectionKind::LocalTable => {
                    pages.rows(rows.take().into_iter().flatten(), |table_row, row| table_row.write(row))
                }
            }?;
        }
        let root = self.seal.root(&block, &tags);
        out.write_all(&tags).map_err(IndexError::Write)?;
        out.write_all(&root).map_err(IndexError::Write)?;
        Ok(root)
    }
}

/// Refuses what the format cannot hold.
fn check(records: &[SegmentRecord], graph: Option<&FlatGraph>) -> Result<(), IndexError> {
    let count = records.len() as u64;
    if count >= u64::from(u32::MAX) {
        let limit = u64::from(u32::MAX) - 1;
        return Err(IndexError::TooMany { what: "records in a segment", count, limit });
    }
    if !records.is_sorted_by(|a, b| a.record_ref < b.record_ref) {
        return Err(IndexError::NotSorted);
    }
    if graph.is_some_and(|graph| graph.len() != records.len()) {
        return Err(IndexError::inconsistent("graph", "not built over these records"));
    }
    Ok(())
}

/// Sections laid out one behind the other.
#[derive(Default)]
struct Plan {
    sections: Vec<Section>,
    pages: u64,
}

impl Plan {
    fn add(&mut self, kind: SectionKind, row_len: usize, rows: u64) -> Result<(), IndexError> {
        let section = u32::try_from(row_len)
            .ok()
            .and_then(|row_len| Section::layout(kind, row_len, rows, self.pages))
            .ok_or(IndexError::inconsistent(kind.name(), "row length does not fit a page"))?;
        self.pages += section.pages;
        self.sections.push(section);
        Ok(())
    }
}

/// Fills pages row by row, seals each and writes it out.
struct PageWriter<'a, W> {
    seal: &'a PageSeal,
    section: Section,
    pages: u64,
    out: &'a mut W,
    tags: &'a mut Vec<u8>,
}

impl<'a, W: Write> PageWriter<'a, W> {
    fn new(seal: &'a PageSeal, section: Section, pages: u64, out: &'a mut W, tags: &'a mut Vec<u8>) -> Self {
        Self { seal, section, pages, out, tags }
    }

    fn rows<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        fill: impl Fn(T, &mut [u8]),
    ) -> Result<(), IndexError> {
        let mut page = Zeroizing::new(vec![0; PAGE_LEN]);
        let mut items = items.into_iter().peekable();
        for number in self.section.first_page.. {
            if items.peek().is_none() {
                break;
            }
            page.fill(0);
            for row in page.chunks_exact_mut(self.section.row_bytes()) {
                let Some(item) = items.next() else { break };
                fill(item, row);
            }
            self.seal.apply(number, 0, &mut page);
            self.tags.extend_from_slice(&self.seal.tag(self.section.kind as u32, number, self.pages, &page));
            self.out.write_all(&page).map_err(IndexError::Write)?;
        }
        Ok(())
    }
}

/// Source and kind names, each once, sorted, so that their order tells nothing.
struct Dictionary {
    names: Vec<String>,
}

impl Dictionary {
    fn of(records: &[SegmentRecord]) -> Result<Self, IndexError> {
        let mut names: Vec<String> = records
            .iter()
            .flat_map(|record| [&record.facts.source, &record.facts.kind])
            .flatten()
            .cloned()
            .collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > usize::from(DICTIONARY_NONE) {
            return Err(IndexError::TooMany {
                what: "different source and kind names in a segment",
                count: names.len() as u64,
                limit: u64::from(DICTIONARY_NONE),
            });
        }
        Ok(Self { names })
    }

    fn index_of(&self, name: Option<&String>) -> u16 {
        name.and_then(|name| self.names.binary_search(name).ok())
            .and_then(|index| u16::try_from(index).ok())
            .unwrap_or(DICTIONARY_NONE)
    }

    fn write_facts(&self, facts: &RecordFacts, row: &mut [u8]) {
        let mut put = |offset: usize, bytes: &[u8]| row[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(FACTS_SOURCE, &self.index_of(facts.source.as_ref()).to_le_bytes());
        put(FACTS_KIND, &self.index_of(facts.kind.as_ref()).to_le_bytes());
        put(FACTS_CAPTURED, &facts.captured.map_or(0, |month| month.index().get()).to_le_bytes());
        if let Some(subject) = facts.subject {
            put(FACTS_FLAGS, &FACTS_HAS_SUBJECT.to_le_bytes());
            put(FACTS_SUBJECT, subject.as_bytes());
        }
        put(FACTS_CONTENT, facts.content.as_bytes());
    }
}
