//! What of new records is print: their places read in images of others of their template.
//!
//! The census says what was found in several records. A record of a template of which the vault holds few keeps print all the same, because it
//! was found in none of the others: there it is a little more blurred, or lies on another grid. So images of new records are looked up once more,
//! and what they show of others' records is what these have in common with others; and the images of those others are read for what they
//! show of the new ones.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use saltprint_fingerprint::{Coder, Luma, QueryFingerprint};
use saltprint_index::{Generation, IndexHit, Manifest, Prints};
use saltprint_intake::Entry;
use saltprint_keys::{RecordRef, RefKey};
use saltprint_matching::{Images as _, LocalSearch, Sighting};

use super::ledger::Ledger;
use crate::images::images;
use crate::{Config, Error, Phase, Progress, sample, shown::Shown};

/// Images looked up at a time.
const BATCH: usize = 32;
/// Details of another record that an image shows, from which on the other's image is read for the new record.
const WORTH_READING: usize = 4;
/// The same from which on both are documents of one template. Among 400 invented cards of 150 designs an image shows as many of 77 % of the records of
/// its design that it was read for, and of 5 of 12,202 others, mostly by the letters of a title.
const OF_TEMPLATE: usize = 8;
/// Images of others that a new record is read in, beside those of new records.
const MATES: usize = 4;

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct PrintSummary {
    /// Images of new records that were looked up for what they show of others.
    pub looked_up: u64,
    /// Images of other records that were read for what they show of new ones.
    pub read: u64,
    /// New records whose images were not looked up, because there were more than `print_sample`.
    pub left_out: u64,
    /// Records of the index of which something is known to be print.
    pub known: u64,
}

/// Forgets what was known of records that are gone or have new fingerprints, and reads images of up to `config.rebuild.print_sample` new records, those
/// with the smallest refs, and of as many others. Files that cannot be used any more are left out.
///
/// # Errors
/// [`Error::Listing`], [`Error::Index`].
pub(super) fn update(
    manifest: &mut Manifest,
    config: &Config,
    refs: &RefKey,
    coder: &Coder,
    generation: &Generation,
    ledger: &Ledger,
    progress: &dyn Progress,
) -> Result<PrintSummary, Error> {
    let mut prints = std::mem::take(&mut manifest.local_background.prints);
    prints.retain(|record| ledger.holds(record) && !ledger.is_fresh(record));
    let search = LocalSearch::new(generation);
    let mut step = Step { config, refs, coder, generation, search, prints, mates: HashMap::new() };
    let mut summary = PrintSummary::default();
    let most = config.rebuild.print_sample;
    if ledger.fresh() > 0 && most > 0 {
        let wanted = |record| ledger.is_fresh(record);
        let mut to_read = ToRead::new();
        let mut looked_up = HashSet::new();
        step.read_files(most, &wanted, progress, &mut |step, batch| {
            looked_up.extend(batch.iter().map(|shown| shown.record.record_ref));
            step.look_up(batch, &mut to_read)
        })?;
        summary.looked_up = looked_up.len() as u64;
        summary.left_out = ledger.fresh().saturating_sub(summary.looked_up);
        // What they show of the new ones is known.
        to_read.retain(|record, _| !looked_up.contains(record));
        let wanted = |record| to_read.contains_key(&record);
        step.read_files(most, &wanted, progress, &mut |step, batch| {
            summary.read += batch.len() as u64;
            step.read_for(batch, &to_read)
        })?;
        step.add_mates(&looked_up)?;
    }
    summary.known = step.prints.len() as u64;
    manifest.local_background.prints = step.prints;
    Ok(summary)
}

/// A record with its image.
struct Shows {
    record: IndexHit,
    query: QueryFingerprint,
    image: Luma,
}

/// By the refs of others, the new records that their images are to be read for.
type ToRead = HashMap<RecordRef, Vec<IndexHit>>;

struct Step<'a> {
    config: &'a Config,
    refs: &'a RefKey,
    coder: &'a Coder,
    generation: &'a Generation,
    search: LocalSearch<'a>,
    prints: Prints,
    /// Who else has a document of a record's template, each by one of these.
    mates: HashMap<RecordRef, HashSet<RecordRef>>,
}

impl Step<'_> {
    /// Reads files of the vault that are `wanted`, or hold records that are, at most `most`.
    fn read_files(
        &mut self,
        most: usize,
        wanted: &(dyn Fn(RecordRef) -> bool + Sync),
        progress: &dyn Progress,
        each: &mut dyn FnMut(&mut Self, &[Shows]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let chosen = sample::choose(self.config, self.refs, most, wanted)?;
        let entries: Vec<&Entry> =
            chosen.entries.iter().filter(|(_, wanted)| *wanted).map(|(entry, _)| entry).collect();
        let (mut done, all) = (0, entries.len() as u64);
        for entries in entries.chunks(BATCH) {
            progress.update(Phase::Measuring, done, Some(all));
            let read = entries.par_iter().map(|entry| self.shows(entry, chosen.most_of_one, wanted));
            let batch: Vec<Vec<Shows>> = read.collect::<Result<_, Error>>()?;
            each(self, &batch.into_iter().flatten().collect::<Vec<_>>())?;
            done += entries.len() as u64;
        }
        Ok(())
    }

    /// The wanted records of a file that can still be read.
    fn shows(
        &self,
        entry: &Entry,
        most: usize,
        wanted: &(dyn Fn(RecordRef) -> bool + Sync),
    ) -> Result<Vec<Shows>, Error> {
        let record_ref = |place: &str| self.refs.record_ref(&format!("{}{place}", entry.record_id));
        let mut shows = Vec::new();
        for (place, image) in images(&entry.location, self.config, most, &|place| wanted(record_ref(place))) {
            let Some(record) = self.generation.find(record_ref(&place))? else { continue };
            shows.extend(self.coder.query(&image).ok().map(|query| Shows { record, query, image }));
        }
        Ok(shows)
    }

    /// Adds what images of new records show of others, and who these are.
    fn look_up(&mut self, batch: &[Shows], to_read: &mut ToRead) -> Result<(), Error> {
        let local: Vec<_> = batch.iter().map(|shows| shows.query.local()).collect();
        let shown = self.shown(batch);
        let admit = |number: usize, hit: &IndexHit| batch[number].record.is_rival_of(hit);
        let found = self.search.find(&local, false, &|number| shown.reader(number), admit)?;
        for (shows, sightings) in batch.iter().zip(found) {
            sightings.iter().try_for_each(|sighting| self.add(&shows.record, sighting))?;
            let worth = sightings.iter().filter(|other| other.alike.len() >= WORTH_READING).take(MATES);
            for other in worth {
                to_read.entry(other.record.record_ref).or_default().push(shows.record.clone());
            }
        }
        Ok(())
    }

    /// Adds what images of others show of the new records that they are to be read for.
    fn read_for(&mut self, batch: &[Shows], to_read: &ToRead) -> Result<(), Error> {
        let shown = self.shown(batch);
        let read = batch.par_iter().enumerate().map(|(number, shows)| {
            let of: &[IndexHit] = to_read.get(&shows.record.record_ref).map_or(&[], Vec::as_slice);
            let against = |new: &IndexHit| {
                let Some(place) = self.generation.place(new.record_ref)? else { return Ok(None) };
                let reader = || shown.reader(number);
                Ok(self.search.against(shows.query.local(), false, &reader, &place)?)
            };
            of.iter().map(against).collect::<Result<Vec<Option<Sighting>>, Error>>()
        });
        let read: Vec<Vec<Option<Sighting>>> = read.collect::<Result<_, Error>>()?;
        for (shows, sightings) in batch.iter().zip(&read) {
            sightings.iter().flatten().try_for_each(|sighting| self.add(&shows.record, sighting))?;
        }
        Ok(())
    }

    /// Adds what a record's image shows of another record.
    fn add(&mut self, shows: &IndexHit, sighting: &Sighting) -> Result<(), Error> {
        let local = self.generation.local(&sighting.place)?;
        self.prints.add(sighting.record.record_ref, &local, sighting.alike.iter().copied());
        if sighting.alike.len() >= OF_TEMPLATE {
            let mut add = |of: &IndexHit, mate: &IndexHit| {
                self.mates.entry(of.record_ref).or_default().insert(someone(mate));
            };
            add(shows, &sighting.record);
            add(&sighting.record, shows);
        }
        Ok(())
    }

    /// Adds how many others have documents of a record's template, and which records were looked up.
    fn add_mates(&mut self, looked_up: &HashSet<RecordRef>) -> Result<(), Error> {
        for record in self.mates.keys().chain(looked_up).copied().collect::<HashSet<_>>() {
            let Some(place) = self.generation.place(record)? else { continue };
            let mates = self.mates.get(&record).map_or(0, HashSet::len);
            let local = self.generation.local(&place)?;
            self.prints.add_mates(record, &local, mates, looked_up.contains(&record));
        }
        Ok(())
    }

    fn shown<'s>(&'s self, batch: &'s [Shows]) -> Shown<'s> {
        let images = batch.iter().map(|shows| Some((&shows.image).into())).collect();
        Shown { coder: self.coder, images }
    }
}

/// One name for all records of a subject: two of them show the template once.
fn someone(record: &IndexHit) -> RecordRef {
    record.facts.subject.map_or(record.record_ref, |subject| RecordRef::from_bytes(*subject.as_bytes()))
}
