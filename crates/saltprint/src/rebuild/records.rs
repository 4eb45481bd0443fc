//! One record of the vault: unchanged, carried over, or fingerprinted anew.

use std::collections::HashSet;

use saltprint_fingerprint::Coder;
use saltprint_index::{
    CatalogReader, CatalogRow, ContainerRow, Erased, Erasures, Leftovers, RecordFacts, SeenOutcome,
    SegmentRecord, WorkPlace,
};
use saltprint_intake::{Entry, Facts, Limits, Opened, Reject, Stamp};
use saltprint_keys::{ContentDigest, DigestKey, IndexKey, RecordRef, RefKey};
use saltprint_worker::Decoder;

use super::previous::{Place, Previous};
use crate::{Config, Error};

/// What became of one record.
pub(super) enum Processed {
    /// Bytes and facts are those of the row at `place`.
    Kept { record_ref: RecordRef, place: Place, content: ContentDigest, row: Option<CatalogRow>, read: bool },
    /// A new row with the fingerprint of the row at `place`: new facts, or a new name for known bytes.
    Carried {
        record_ref: RecordRef,
        facts: Box<RecordFacts>,
        place: Place,
        row: Option<CatalogRow>,
        read: bool,
    },
    /// A new row with a fingerprint that a killed run left.
    Resumed { record_ref: RecordRef, facts: Box<RecordFacts>, place: WorkPlace, row: Option<CatalogRow> },
    /// A new row, fingerprinted now: its local codes are the whole pool.
    New { record: Box<SegmentRecord>, row: Option<CatalogRow> },
    /// Too plain for a fingerprint.
    TooPlain { record_id: String, record_ref: RecordRef, row: Option<CatalogRow>, read: bool },
    /// A file that holds others, whose parts come before it. It is no record itself.
    Container { container: RecordRef, row: Option<ContainerRow> },
    /// It was erased: nothing is looked at, and nothing remembered.
    Erased,
    /// Not usable. It is tried again the next time, so the catalog has no row for it.
    Rejected { record_id: String, reject: Reject },
}

impl Processed {
    /// The record that the new generation holds, if it does.
    pub(super) fn held(&self) -> Option<RecordRef> {
        match self {
            Self::Kept { record_ref, .. }
            | Self::Carried { record_ref, .. }
            | Self::Resumed { record_ref, .. } => Some(*record_ref),
            Self::New { record, .. } => Some(record.record_ref),
            Self::TooPlain { .. } | Self::Container { .. } | Self::Erased | Self::Rejected { .. } => None,
        }
    }
}

/// What is passed over because it was erased.
pub(super) struct PassedOver {
    erased: HashSet<Erased>,
    /// Whether files that hold others are opened though they are as they were: the catalog lacks parts whose erasure was taken
    /// back since the published generation, and does not know the subjects of those that it has.
    reopen: bool,
}

impl PassedOver {
    /// Of a list of which the published generation knew the first `applied` entries.
    pub(super) fn new(erasures: &Erasures, applied: u64) -> Self {
        let since = erasures.entries().iter().skip(usize::try_from(applied).unwrap_or(usize::MAX));
        let reopen = since.into_iter().any(|entry| entry.lifted || matches!(entry.what, Erased::Subject(_)));
        Self { erased: erasures.now(), reopen }
    }
}

/// Everything that handling a record needs; shared by all threads.
pub(super) struct Worker<'a> {
    config: &'a Config,
    refs: &'a RefKey,
    digests: DigestKey,
    coder: &'a Coder,
    held: Held<'a>,
    catalog: CatalogReader<'a>,
    passed_over: PassedOver,
}

/// Fingerprints that need not be made again.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    /// Those of the published generation.
    pub(super) previous: &'a Previous,
    /// Those that a killed run left, which nobody has looked for yet.
    pub(super) left: &'a Leftovers,
    /// The key that those are sealed under.
    pub(super) key: &'a IndexKey,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        config: &'a Config,
        refs: &'a RefKey,
        coder: &'a Coder,
        held: Held<'a>,
        catalog: CatalogReader<'a>,
        passed_over: PassedOver,
    ) -> Self {
        Self { config, refs, digests: held.key.digest_key(), coder, held, catalog, passed_over }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    pub(super) fn reopens(&self) -> bool {
        self.passed_over.reopen
    }

    /// Whether a record was erased, itself or with its subject.
    pub(super) fn is_erased(&self, record_ref: RecordRef, subject: Option<&str>) -> bool {
        let erased = &self.passed_over.erased;
        if erased.is_empty() {
            return false;
        }
        let subject = subject.map(|subject| Erased::Subject(self.refs.subject_ref(subject)));
        erased.contains(&Erased::Record(record_ref))
            || subject.is_some_and(|subject| erased.contains(&subject))
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.config.decoder
    }

    pub(super) fn refs(&self) -> &RefKey {
        self.refs
    }

    pub(super) fn coder(&self) -> &Coder {
        self.coder
    }

    pub(super) fn held(&self) -> Held<'a> {
        self.held
    }

    pub(super) fn digest(&self, bytes: &[u8]) -> ContentDigest {
        self.digests.digest(bytes)
    }

    /// Keyed digest of what the vault says of a file.
    pub(super) fn facts_digest(&self, facts: &Facts) -> [u8; 16] {
        // None of the fields can hold a zero byte, and no place begins so.
        let captured = facts.captured.map(|month| month.to_string());
        let mut text = String::from("facts");
        for field in [&facts.subject, &facts.source, &captured, &facts.kind] {
            text.push('\0');
            text.extend(field.iter().flat_map(|field| ["=", field]));
        }
        self.digests.place(text.as_bytes())
    }

    pub(super) fn stamp_digest(&self, stamp: Stamp) -> [u8; 16] {
        self.digests.stamp(stamp.size, stamp.mtime_ns.into())
    }

    /// Handles one entry of the list: a record, or a file that holds several.
    ///
    /// # Errors
    /// Those of catalog and index; what is wrong with the record itself is in the result.
    pub(super) fn process(&self, entry: &Entry) -> Result<Vec<Processed>, Error> {
        let record_ref = self.refs.record_ref(&entry.record_id);
        if self.is_erased(record_ref, entry.facts.subject.as_deref()) {
            return Ok(vec![Processed::Erased]);
        }
        let known = self.catalog.row(record_ref)?;
        let rejected = |reject| Ok(vec![Processed::Rejected { record_id: entry.record_id.clone(), reject }]);
        let found = match entry.location.look() {
            Ok(found) => found,
            Err(reject) => return rejected(reject),
        };
        let (stamped, place_digest) = (self.stamp_digest(found.stamp()), self.digests.place(&found.place()));
        if let Some(row) = known.filter(|row| row.stamp == stamped && row.place == place_digest)
            && let Some(processed) = self.unread(entry, record_ref, row)?
        {
            return Ok(vec![processed]);
        }
        let container = self.catalog.container(record_ref)?;
        if let Some(row) = container.filter(|row| row.stamp == stamped && row.place == place_digest)
            && let Some(processed) = self.unread_container(entry, record_ref, row)
        {
            return Ok(processed);
        }
        let mut opened = match found.open() {
            Ok(opened) => opened,
            Err(reject) => return rejected(reject),
        };
        if self.decoder().holds_parts(&mut opened) {
            return self.container(entry, opened, record_ref, stamped, place_digest);
        }
        self.plain(entry, opened, record_ref, place_digest).map(|processed| vec![processed])
    }

    /// Reads a file that is one image.
    fn plain(
        &self,
        entry: &Entry,
        opened: Opened,
        record_ref: RecordRef,
        place_digest: [u8; 16],
    ) -> Result<Processed, Error> {
        let record_id = || entry.record_id.clone();
        let content = match opened.read(&self.config.limits) {
            Ok(content) => content,
            Err(reject) => return Ok(Processed::Rejected { record_id: record_id(), reject }),
        };
        let digest = self.digests.digest(content.bytes());
        let mut row = CatalogRow {
            stamp: self.stamp_digest(content.stamp()),
            content: digest,
            place: place_digest,
            outcome: SeenOutcome::Indexed,
        };
        if let Some(processed) = self.carry_over(entry, record_ref, row, true)? {
            return Ok(processed);
        }
        if let Some(place) = self.held.previous.find_content(digest) {
            return Ok(self.with_fingerprint_of(place, &entry.facts, record_ref, row, true));
        }
        if let Some(place) = self.held.left.find(digest) {
            let facts = Box::new(self.facts(&entry.facts, digest));
            return Ok(Processed::Resumed { record_ref, facts, place, row: Some(row) });
        }
        let image = match self.decoder().decode(content.bytes(), &self.config.limits) {
            Ok(image) => image,
            Err(reject) => return Ok(Processed::Rejected { record_id: record_id(), reject }),
        };
        drop(content);
        let Ok(fingerprint) = self.coder.fingerprint(&image) else {
            row.outcome = SeenOutcome::TooPlain;
            return Ok(Processed::TooPlain {
                record_id: record_id(),
                record_ref,
                row: Some(row),
                read: true,
            });
        };
        let record = SegmentRecord { record_ref, facts: self.facts(&entry.facts, digest), fingerprint };
        Ok(Processed::New { record: Box::new(record), row: Some(row) })
    }

    /// What the catalog alone can tell about a file whose size and time are as they were; `None` where the file must be
    /// read all the same, because the published generation does not hold what the catalog remembers.
    fn unread(
        &self,
        entry: &Entry,
        record_ref: RecordRef,
        row: CatalogRow,
    ) -> Result<Option<Processed>, Error> {
        if row.outcome == SeenOutcome::TooPlain {
            let record_id = entry.record_id.clone();
            return Ok(Some(Processed::TooPlain { record_id, record_ref, row: None, read: false }));
        }
        self.carry_over(entry, record_ref, row, false)
    }

    /// The record as the previous generation has it, with new facts where they changed; `None` where its fingerprint there
    /// is not of these bytes. The published row decides, not the catalog: that one may be lost, or lag behind after a crash.
    fn carry_over(
        &self,
        entry: &Entry,
        record_ref: RecordRef,
        row: CatalogRow,
        read: bool,
    ) -> Result<Option<Processed>, Error> {
        let Some(place) = self.place_of(record_ref, row.content) else {
            return Ok(None);
        };
        if self.held.previous.facts(place)? == self.facts(&entry.facts, row.content) {
            // A file that was not read is one that the catalog knows.
            let (content, row) = (row.content, read.then_some(row));
            return Ok(Some(Processed::Kept { record_ref, place, content, row, read }));
        }
        Ok(Some(self.with_fingerprint_of(place, &entry.facts, record_ref, row, read)))
    }

    /// The record's row in the previous generation, if its fingerprint is of these bytes.
    pub(super) fn place_of(&self, record_ref: RecordRef, content: ContentDigest) -> Option<Place> {
        self.held.previous.find(record_ref).filter(|(_, present)| *present == content).map(|(place, _)| place)
    }

    fn with_fingerprint_of(
        &self,
        place: Place,
        facts: &Facts,
        record_ref: RecordRef,
        row: CatalogRow,
        read: bool,
    ) -> Processed {
        let facts = Box::new(self.facts(facts, row.content));
        Processed::Carried { record_ref, facts, place, row: Some(row), read }
    }

    pub(super) fn facts(&self, facts: &Facts, content: ContentDigest) -> RecordFacts {
        let mut known = RecordFacts::new(content);
        known.source.clone_from(&facts.source);
        known.kind.clone_from(&facts.kind);
        known.captured = facts.captured;
        known.subject = facts.subject.as_deref().map(|subject| self.refs.subject_ref(subject));
        known
    }
}
