//! A file of the vault that holds others: each of its parts is a record.
//!
//! The id of a part is the id of its file with the part's [place](saltprint_intake::Part::place) behind it. Parts have the
//! facts of their file. Pages and images of one document are no rivals of each other: where the vault names no subject,
//! the document is theirs.

use std::ops::ControlFlow;

use rayon::prelude::*;
use saltprint_fingerprint::GlobalCode;
use saltprint_index::{ContainerRow, SegmentRecord};
use saltprint_intake::{
    Content, Entry, Facts, Location, MAX_RECORD_ID_BYTES, Opened, Part, Refusal, Reject, Role, Unreadable,
};
use saltprint_keys::RecordRef;

use super::records::{Processed, Worker};
use crate::Error;
use crate::triage::SAME_PICTURE;

/// Parts that are fingerprinted at a time.
const BATCH: usize = 32;

/// Bytes of packed parts that are held at a time though there are fewer.
const BATCH_BYTES: usize = 128 * 1024 * 1024;

/// One part on its way to a record.
struct Piece {
    record_id: String,
    role: Role,
    content: Result<Content, Reject>,
}

/// A part with the code of its image.
struct Done {
    processed: Processed,
    code: Option<GlobalCode>,
    record_id: String,
    role: Role,
}

impl Worker<'_> {
    /// The parts of a file whose size, time and place are as the catalog has them; `None` where the file must be read all the
    /// same.
    pub(super) fn unread_container(
        &self,
        entry: &Entry,
        container: RecordRef,
        row: ContainerRow,
    ) -> Option<Vec<Processed>> {
        let mut processed = Vec::with_capacity(row.parts.len() + row.plain as usize + 1);
        if row.facts != self.facts_digest(&entry.facts) || self.reopens() {
            return None;
        }
        for (record_ref, content) in row.parts {
            // The file is opened, so that the catalog's next row says nothing of the part.
            if self.is_erased(record_ref, None) {
                return None;
            }
            let place = self.place_of(record_ref, content)?;
            processed.push(Processed::Kept { record_ref, place, content, row: None, read: false });
        }
        for _ in 0..row.plain {
            let record_id = entry.record_id.clone();
            processed.push(Processed::TooPlain { record_id, record_ref: container, row: None, read: false });
        }
        processed.push(Processed::Container { container, row: None });
        Some(processed)
    }

    /// Reads a file that holds others.
    ///
    /// # Errors
    /// Those of the index; what is wrong with a part is in the result.
    pub(super) fn container(
        &self,
        entry: &Entry,
        opened: Opened,
        container: RecordRef,
        stamped: [u8; 16],
        place: [u8; 16],
    ) -> Result<Vec<Processed>, Error> {
        let mut batch: Vec<Piece> = Vec::new();
        let mut held = 0;
        let mut all: Vec<Processed> = Vec::new();
        let mut page: Option<(String, GlobalCode)> = None;
        let mut failed = None;
        self.decoder().for_each_part(opened, self.limits(), &mut |Part { place, role, content, .. }| {
            held += content.as_ref().map_or(0, Content::held);
            batch.push(Piece { record_id: entry.record_id.clone() + &place, role, content });
            if batch.len() < BATCH && held < BATCH_BYTES {
                return ControlFlow::Continue(());
            }
            held = 0;
            match self.batch(entry, std::mem::take(&mut batch), &mut page, &mut all) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        self.batch(entry, batch, &mut page, &mut all)?;
        if self.stamped(&entry.location) != Some(stamped) {
            let reject = Unreadable::Changed.into();
            return Ok(vec![Processed::Rejected { record_id: entry.record_id.clone(), reject }]);
        }
        let row = row(&all, stamped, place, self.facts_digest(&entry.facts));
        all.push(Processed::Container { container, row });
        Ok(all)
    }

    /// Fingerprints parts, and drops images that show what their page shows.
    fn batch(
        &self,
        entry: &Entry,
        batch: Vec<Piece>,
        page: &mut Option<(String, GlobalCode)>,
        all: &mut Vec<Processed>,
    ) -> Result<(), Error> {
        let done: Vec<Done> =
            batch.into_par_iter().map(|piece| self.piece(entry, piece)).collect::<Result<_, Error>>()?;
        for Done { processed, code, record_id, role } in done {
            let Some(on) = role.page().map(|page| entry.record_id.clone() + page) else {
                *page = code.map(|code| (record_id, code));
                all.push(processed);
                continue;
            };
            let is_page = page
                .as_ref()
                .zip(code)
                .is_some_and(|((name, shown), code)| *name == on && shown.distance(&code) <= SAME_PICTURE);
            if !is_page {
                all.push(processed);
            }
        }
        Ok(())
    }

    fn piece(&self, entry: &Entry, Piece { record_id, role, content }: Piece) -> Result<Done, Error> {
        let (processed, code) = self.part(entry, &record_id, &role, content)?;
        Ok(Done { processed, code, record_id, role })
    }

    fn part(
        &self,
        entry: &Entry,
        record_id: &str,
        role: &Role,
        content: Result<Content, Reject>,
    ) -> Result<(Processed, Option<GlobalCode>), Error> {
        let rejected =
            |reject: Reject| Ok((Processed::Rejected { record_id: record_id.to_owned(), reject }, None));
        let content = match content {
            Ok(content) => content,
            Err(reject) => return rejected(reject),
        };
        if record_id.len() > MAX_RECORD_ID_BYTES {
            let problem = "with the place in its file is too long; shorten the names in the archive";
            return rejected(Refusal::InvalidField { field: "record_id", problem }.into());
        }
        let record_ref = self.refs().record_ref(record_id);
        let subject = entry
            .facts
            .subject
            .clone()
            .or_else(|| role.document().map(|document| entry.record_id.clone() + document));
        if self.is_erased(record_ref, subject.as_deref()) {
            return Ok((Processed::Erased, None));
        }
        let digest = self.digest(&content.identity());
        let facts = self.facts(&Facts { subject, ..entry.facts.clone() }, digest);
        if let Some(place) = self.place_of(record_ref, digest)
            && self.held().previous.facts(place)? == facts
        {
            let kept = Processed::Kept { record_ref, place, content: digest, row: None, read: true };
            return Ok((kept, Some(self.held().previous.code(place)?)));
        }
        if let Some(place) = self.held().previous.find_content(digest) {
            let code = self.held().previous.code(place)?;
            let facts = Box::new(facts);
            return Ok((Processed::Carried { record_ref, facts, place, row: None, read: true }, Some(code)));
        }
        if let Some(place) = self.held().left.find(digest) {
            let code = self.held().left.read(self.held().key, place)?.fingerprint.global;
            let facts = Box::new(facts);
            return Ok((Processed::Resumed { record_ref, facts, place, row: None }, Some(code)));
        }
        let image = match content.decode(self.limits()) {
            Ok(image) => image,
            Err(reject) => return rejected(reject),
        };
        drop(content);
        let Ok(fingerprint) = self.coder().fingerprint(&image) else {
            let record_id = record_id.to_owned();
            return Ok((Processed::TooPlain { record_id, record_ref, row: None, read: true }, None));
        };
        let code = fingerprint.global;
        let record = Box::new(SegmentRecord { record_ref, facts, fingerprint });
        Ok((Processed::New { record, row: None }, Some(code)))
    }

    /// Keyed digest of the size and time of a file; `None` where it cannot be seen.
    fn stamped(&self, location: &Location) -> Option<[u8; 16]> {
        location.look().ok().map(|found| self.stamp_digest(found.stamp()))
    }
}

/// What the catalog should remember; `None` where a part was rejected, or there was none, so that the file is tried again the next
/// time.
fn row(all: &[Processed], stamp: [u8; 16], place: [u8; 16], facts: [u8; 16]) -> Option<ContainerRow> {
    if all.is_empty() {
        return None;
    }
    let mut row = ContainerRow { stamp, place, facts, plain: 0, parts: Vec::with_capacity(all.len()) };
    for processed in all {
        match processed {
            Processed::Kept { record_ref, content, .. } => row.parts.push((*record_ref, *content)),
            Processed::Carried { record_ref, facts, .. } | Processed::Resumed { record_ref, facts, .. } => {
                row.parts.push((*record_ref, facts.content));
            }
            Processed::New { record, .. } => row.parts.push((record.record_ref, record.facts.content)),
            Processed::TooPlain { .. } => row.plain += 1,
            Processed::Rejected { .. } => return None,
            Processed::Erased | Processed::Container { .. } => {}
        }
    }
    Some(row)
}
