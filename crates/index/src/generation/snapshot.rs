//! An open generation: search over all its segments.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, LocalFingerprint};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};

use crate::erasures::{Erasures, Hidden};
use crate::{GraphSearcher, Hit, IndexError, Manifest, MappedFile, Nearest, RecordFacts, Segment};

/// Code pages that one task scans: 16 pages are 32,768 records, enough to amortise a task, few enough to share
/// the work of a small index.
const PAGES_A_TASK: u64 = 16;

/// At most so many bytes of an index, the first ones, stay in this process's memory between walks; segments behind are let go of once their
/// tables were walked. The system maps 64 kB where a page is read, so that one image maps most of a table of 16 million rows, and twenty
/// records a table as well. Among a million records, 3 GB, a triage has more than a gigabyte less in its memory for it, and takes a fiftieth
/// longer; a lookup takes up to a sixth longer. To let go after every 256 or 4,096 features spares a third of that, or nothing.
const KEPT_BYTES: u64 = 512 << 20;

/// A published generation, opened for reading. It stays whole while newer ones are published.
#[derive(Debug)]
pub struct Generation {
    manifest: Manifest,
    segments: Arc<Vec<Segment<MappedFile>>>,
    /// Rows that were erased after the segments were written; `None` where there are none.
    hidden: Option<Arc<Hidden>>,
    /// As [`Generation::keeping`].
    kept: u64,
}

/// A record near a query, with what the index knows about it.
#[derive(Debug, Clone)]
pub struct IndexHit {
    /// Pseudonym of the record.
    pub record_ref: RecordRef,
    /// Hamming distance in bits.
    pub distance: u32,
    /// Facts of the record.
    pub facts: RecordFacts,
    /// Where records of other subjects are known to hold the same image in other bytes: the digest that stands for all of these.
    pub near_duplicate_of: Option<ContentDigest>,
}

impl Generation {
    pub(super) fn open(
        dir: &Path,
        manifest: Manifest,
        key: &IndexKey,
        epoch: EpochId,
    ) -> Result<Self, IndexError> {
        if manifest.epoch != epoch {
            return Err(IndexError::WrongEpoch);
        }
        let failed =
            |path: &Path, error| IndexError::Segment { path: path.to_owned(), source: Box::new(error) };
        let mut maps = Vec::with_capacity(manifest.segments.len());
        for entry in &manifest.segments {
            let path = dir.join(entry.id.file_name());
            let map = MappedFile::open(&path).map_err(|error| failed(&path, error))?;
            // All at once: a disk answers many questions in the time of one.
            Segment::read_ahead_to_open(&map);
            maps.push((path, map));
        }
        let mut segments = Vec::with_capacity(manifest.segments.len());
        for (entry, (path, map)) in manifest.segments.iter().zip(maps) {
            let segment = Segment::open(map, key, epoch).map_err(|error| failed(&path, error))?;
            if *segment.root() != entry.root || segment.id() != entry.id || segment.len() != entry.records {
                return Err(IndexError::ForeignSegment { path });
            }
            // Every lookup begins with these, and who opens an index mostly looks something up.
            segment.read_ahead_to_scan();
            segments.push(segment);
        }
        Ok(Self { manifest, segments: Arc::new(segments), hidden: None, kept: KEPT_BYTES })
    }

    /// The same generation, of which at most so many bytes stay in this process's memory between lookups of local codes; half a gigabyte
    /// by default. Segments behind are let go of once their tables were walked, which takes some time and spares memory.
    #[must_use]
    pub fn keeping(self, bytes: u64) -> Self {
        Self { kept: bytes, ..self }
    }

    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// The same generation without what the list names and its segments still hold: no search finds it, and nothing is told of
    /// it. The segments are shared, and nothing is read but what has to be looked for.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub fn hide(&self, erasures: &Erasures) -> Result<Self, IndexError> {
        let hidden = Hidden::find(&self.segments, erasures, self.manifest.erasures)?;
        let hidden = (hidden.len() > 0).then(|| Arc::new(hidden));
        let manifest = self.manifest.clone();
        Ok(Self { manifest, segments: Arc::clone(&self.segments), hidden, kept: self.kept })
    }

    /// Records that are hidden.
    pub fn hidden(&self) -> u64 {
        self.hidden.as_ref().map_or(0, |hidden| hidden.len())
    }

    /// Whether a row is hidden.
    pub fn is_hidden(&self, segment: u32, row: u32) -> bool {
        self.hidden.as_ref().is_some_and(|hidden| hidden.contains(segment, row))
    }

    fn nearest(&self, capacity: usize, limit: u32) -> Nearest {
        Nearest::new(capacity, limit).without(self.hidden.clone())
    }

    /// What the generation is made of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The segments, in manifest order: a [`Hit`]'s segment number counts in it.
    pub fn segments(&self) -> &[Segment<MappedFile>] {
        &self.segments
    }

    /// Exact nearest records of each query, at most `capacity` each and no farther than `limit` bits.
    ///
    /// Pages are spread over the current rayon pool; each is decrypted once for the whole batch. The result does
    /// not depend on the number of threads.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`]: no answer is given from a damaged index.
    pub fn scan(
        &self,
        queries: &[GlobalCode],
        capacity: usize,
        limit: u32,
    ) -> Result<Vec<Nearest>, IndexError> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let empty = || vec![self.nearest(capacity, limit); queries.len()];
        let tasks: Vec<(u32, &Segment<MappedFile>, u64)> = (0..)
            .zip(self.segments.iter())
            .flat_map(|(number, segment)| {
                (0..segment.code_pages().div_ceil(PAGES_A_TASK)).map(move |task| (number, segment, task))
            })
            .collect();
        tasks
            .into_par_iter()
            .try_fold(empty, |mut nearest, (number, segment, task)| {
                let pages = task * PAGES_A_TASK..(task + 1) * PAGES_A_TASK;
                segment.scan_pages(number, pages, queries, &mut nearest)?;
                Ok(nearest)
            })
            .try_reduce(empty, |mut a, b| {
                a.iter_mut().zip(&b).for_each(|(a, b)| a.merge(b));
                Ok(a)
            })
    }

    /// What the graphs find near each query; `None` unless every segment that holds records has a graph, since
    /// an answer over part of the records could not even say yes with a true margin.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`], [`IndexError::Inconsistent`].
    pub fn graph_search(
        &self,
        queries: &[GlobalCode],
        ef: usize,
        capacity: usize,
        limit: u32,
    ) -> Result<Option<Vec<Nearest>>, IndexError> {
        let mut nearest = vec![self.nearest(capacity, limit); queries.len()];
        for (number, segment) in (0..).zip(self.segments.iter()) {
            if segment.is_empty() {
                continue;
            }
            match GraphSearcher::new(segment, number, ef)? {
                Some(mut searcher) => searcher.search(queries, &mut nearest)?,
                None => return Ok(None),
            }
        }
        Ok(Some(nearest))
    }

    /// Ref and facts of a hit.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`]; [`IndexError::Inconsistent`] for a hit of another generation.
    pub fn resolve(&self, hit: &Hit) -> Result<IndexHit, IndexError> {
        let segment = self
            .segments
            .get(hit.segment as usize)
            .ok_or(IndexError::inconsistent("generation", "a segment that does not exist was asked for"))?;
        Ok(IndexHit {
            record_ref: segment.record_ref(hit.row)?,
            distance: hit.distance,
            facts: segment.facts(hit.row)?,
            near_duplicate_of: None,
        })
    }

    /// The record of a ref, if the generation holds it; its distance stands at 0.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub fn find(&self, record_ref: RecordRef) -> Result<Option<IndexHit>, IndexError> {
        self.place(record_ref)?.map(|place| self.resolve(&place)).transpose()
    }

    /// Where the generation holds the record of a ref; the distance stands at 0.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub fn place(&self, record_ref: RecordRef) -> Result<Option<Hit>, IndexError> {
        for (number, segment) in (0..).zip(self.segments.iter()) {
            if let Some(row) = segment.find(record_ref)?.filter(|row| !self.is_hidden(number, *row)) {
                return Ok(Some(Hit { distance: 0, segment: number, row }));
            }
        }
        Ok(None)
    }

    /// Whole-image code of a hit's record.
    ///
    /// # Errors
    /// As [`Generation::resolve`].
    pub fn code(&self, hit: &Hit) -> Result<GlobalCode, IndexError> {
        self.segments
            .get(hit.segment as usize)
            .ok_or(IndexError::inconsistent("generation", "a segment that does not exist was asked for"))?
            .code(hit.row)
    }

    /// Local codes of a hit's record.
    ///
    /// # Errors
    /// As [`Generation::resolve`].
    pub fn local(&self, hit: &Hit) -> Result<LocalFingerprint, IndexError> {
        self.segments
            .get(hit.segment as usize)
            .ok_or(IndexError::inconsistent("generation", "a segment that does not exist was asked for"))?
            .local(hit.row)
    }

    /// Checks every page and row of every segment. What was read is not left in this process's memory.
    ///
    /// # Errors
    /// The first damage found, with its segment.
    pub fn verify(&self, dir: &Path) -> Result<(), IndexError> {
        self.segments.iter().try_for_each(|segment| {
            segment.verify_letting_go().map_err(|error| IndexError::Segment {
                path: dir.join(segment.id().file_name()),
                source: Box::new(error),
            })
        })
    }

    /// Bytes on disk.
    pub fn file_len(&self) -> u64 {
        self.segments.iter().map(Segment::file_len).sum()
    }
}
