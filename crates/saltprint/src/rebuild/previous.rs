//! What the published generation already holds, by ref and by content.

use std::collections::HashMap;

use saltprint_fingerprint::GlobalCode;
use saltprint_index::{
    Generation, IndexDir, IndexError, Manifest, MappedFile, RecordFacts, Segment, SegmentRecord,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};

use crate::Error;

/// Place of a record in the previous generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) row: u32,
}

/// The previous generation of the same epoch, if there is one.
pub(super) struct Previous {
    generation: Option<Generation>,
    by_ref: HashMap<RecordRef, (Place, ContentDigest)>,
    by_content: HashMap<ContentDigest, Place>,
}

impl Previous {
    /// Opens what was published. A generation of another epoch is of no use, and with `full` none is used.
    ///
    /// # Errors
    /// [`Error::Index`] where it is damaged.
    pub(super) fn open(
        dir: &IndexDir,
        published: Option<&Manifest>,
        key: &IndexKey,
        epoch: EpochId,
        full: bool,
    ) -> Result<Self, Error> {
        let mut previous = Self { generation: None, by_ref: HashMap::new(), by_content: HashMap::new() };
        if published.is_none_or(|published| published.epoch != epoch) || full {
            return Ok(previous);
        }
        let generation = dir.open(key, epoch)?;
        // What is carried over must be sound: a night later nobody could tell since when it was not.
        generation.verify(dir.path())?;
        for (number, segment) in (0..).zip(generation.segments()) {
            for row in 0..segment.len() {
                let place = Place { segment: number, row };
                let content = segment.facts(row)?.content;
                previous.by_ref.insert(segment.record_ref(row)?, (place, content));
                previous.by_content.insert(content, place);
            }
            segment.let_go();
        }
        previous.generation = Some(generation);
        Ok(previous)
    }

    /// Number of records.
    pub(super) fn records(&self) -> u64 {
        self.by_ref.len() as u64
    }

    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.generation.as_ref().map(Generation::manifest)
    }

    /// Where a record is, and the digest of the bytes that its fingerprint is of.
    pub(super) fn find(&self, record_ref: RecordRef) -> Option<(Place, ContentDigest)> {
        self.by_ref.get(&record_ref).copied()
    }

    /// Some record with these bytes.
    pub(super) fn find_content(&self, content: ContentDigest) -> Option<Place> {
        self.by_content.get(&content).copied()
    }

    /// The whole record at a place.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub(super) fn record(&self, place: Place) -> Result<SegmentRecord, IndexError> {
        self.segment(place)?.record(place.row)
    }

    /// The facts of the record at a place, which are a small part of it.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub(super) fn facts(&self, place: Place) -> Result<RecordFacts, IndexError> {
        self.segment(place)?.facts(place.row)
    }

    /// Its whole-image code.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`].
    pub(super) fn code(&self, place: Place) -> Result<GlobalCode, IndexError> {
        self.segment(place)?.code(place.row)
    }

    fn segment(&self, place: Place) -> Result<&Segment<MappedFile>, IndexError> {
        self.generation
            .as_ref()
            .and_then(|generation| generation.segments().get(place.segment as usize))
            .ok_or(IndexError::Inconsistent { section: "generation", reason: "no previous generation" })
    }

    /// Takes what was read of the segments out of the memory of this process.
    pub(super) fn let_go(&self) {
        self.generation.iter().flat_map(Generation::segments).for_each(Segment::let_go);
    }

    /// Forgets what finds records by their contents, when all files have been read.
    pub(super) fn forget_contents(&mut self) {
        self.by_content = HashMap::new();
    }

    /// Every ref and its place.
    pub(super) fn places(&self) -> impl Iterator<Item = (RecordRef, Place)> {
        self.by_ref.iter().map(|(record_ref, (place, _))| (*record_ref, *place))
    }
}
