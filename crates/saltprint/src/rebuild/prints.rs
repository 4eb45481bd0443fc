//! What of records is print: their places read in images of others of their template.
//!
//! The census says what was found in several records. A record of a template of which the vault holds few keeps print all the same, because it
//! was found in none of the others: there it is a little more blurred, or lies on another grid. So the image of each record is looked up once.
//! What it shows of other records is what these have in common with others; where it shows much, both are documents of one template. Of a record that comes later that is
//! not all: images that were looked up before are read for it. What the images of one subject show of one record counts once.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use rayon::prelude::*;
use saltprint_fingerprint::{LocalFingerprint, Luma};
use saltprint_index::{Generation, IndexHit, Manifest, Prints, RecordFacts};
use saltprint_intake::Entry;
use saltprint_keys::RecordRef;
use saltprint_matching::{Images as _, LocalSearch, Sighting};

use super::ledger::Ledger;
use super::strangers::{Again, Stranger, shown};
use crate::images::for_each_image;
use crate::{Error, Phase, Progress, sample};

/// Images looked up at a time.
const BATCH: usize = 32;
/// Details of another record that an image shows, from which on the other's image is worth reading.
const WORTH_READING: usize = 4;
/// The same from which on both are documents of one template. Among 400 invented cards of 150 designs an image shows as many of 77 % of the records of
/// its design that it was read for, and of 5 of 12,202 others, mostly by the letters of a title.
const OF_TEMPLATE: usize = 8;
/// The same from which on the other's record counts as company: of rare templates hardly more have so much by chance than there are.
const A_LITTLE: usize = 2;
/// Records that an image shows most of, whose images are looked up as well, or read for it.
const MATES: usize = 4;

/// What was read to know what of records is print.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct PrintSummary {
    /// Records whose images were looked up in this run for what they show of others.
    pub looked_up: u64,
    /// Images that an earlier run looked up and this one read for new records.
    pub read: u64,
    /// Records of the index whose images nobody has looked up yet: runs that publish go on with them, `print_sample` at a time.
    pub left: u64,
    /// So much is known that the manifest takes no more: nothing further is looked up.
    pub full: bool,
}

impl PrintSummary {
    /// Where nothing was read.
    pub(super) fn of_published(manifest: &Manifest) -> Self {
        let prints = &manifest.local_background.prints;
        let left = manifest.records().saturating_sub(prints.looked_up() as u64);
        Self { left, full: prints.is_full(), ..Self::default() }
    }
}

/// Forgets what was known of records that are gone or have new fingerprints; looks the images of up to `config.rebuild.print_sample` others up that
/// were not, those with the smallest refs, then of as many that these show much of; and reads as many that earlier runs have for the new ones. Files that cannot be used any more are left out.
///
/// # Errors
/// [`Error::Listing`], [`Error::Index`].
pub(super) fn update(
    manifest: &mut Manifest,
    again: &Again<'_>,
    ledger: &Ledger,
    progress: &dyn Progress,
) -> Result<PrintSummary, Error> {
    let Again { config, generation, .. } = *again;
    let mut prints = std::mem::take(&mut manifest.local_background.prints);
    prints.retain(|record| ledger.holds(record) && !ledger.is_fresh(record));
    for record in ledger.carried() {
        // It may have another picture's details now.
        if let Some(place) = generation.place(record)?
            && !prints.is_of(record, &generation.local(&place)?)
        {
            prints.remove(record);
        }
    }
    let alive = everyone(generation)?;
    prints.forget(|tag| alive.contains(&tag));
    // By what is known already, some would hardly show.
    let nothing = Prints::default();
    let search = LocalSearch::new(generation).with_prints(&nothing);
    let mut step = Step { again: *again, ledger, search, prints, shown: Vec::new() };
    let mut summary = PrintSummary::default();
    let most = config.rebuild.print_sample;
    if most > 0 && !step.prints.is_full() {
        let was: HashSet<RecordRef> = step.prints.all_looked_up().collect();
        step.read_files(most, &|record| !was.contains(&record), progress, &mut Step::look_up)?;
        let now: HashSet<RecordRef> = step.shown.iter().map(|shown| shown.image).collect();
        let mut mates = step.mates();
        mates.retain(|record, _| !was.contains(record) && !now.contains(record));
        if !mates.is_empty() {
            step.read_files(most, &|record| mates.contains_key(&record), progress, &mut Step::look_up)?;
        }
        // All that one record leads to has room.
        let most = most.max(MATES);
        let earlier = step.earlier(&was, most);
        summary.looked_up = step.shown.iter().filter(|shown| shown.looked_up).count() as u64;
        if !earlier.is_empty() {
            step.read_files(most, &|record| earlier.contains_key(&record), progress, &mut |step, batch| {
                summary.read += batch.len() as u64;
                step.read_for(batch, &earlier)
            })?;
        }
        step.count()?;
    }
    manifest.local_background.prints = step.prints;
    let PrintSummary { looked_up, read, .. } = summary;
    Ok(PrintSummary { looked_up, read, ..PrintSummary::of_published(manifest) })
}

/// By the refs of records, the new ones that their images are to be read for.
type ToRead = HashMap<RecordRef, Vec<RecordRef>>;

/// What is done with images that were read.
type Each<'e, Step> = dyn FnMut(&mut Step, &[Stranger]) -> Result<(), Error> + 'e;

/// What one image showed of others.
struct Showed {
    image: RecordRef,
    /// Whose it is.
    whose: Whose,
    /// Whether it was looked up, and not only read, and all that has to be read for it is.
    looked_up: bool,
    /// What of others, those of most first: of up to 48, some 75 bytes each.
    of: Vec<Seen>,
}

/// What one image showed of one other record.
struct Seen {
    record: RecordRef,
    whose: Whose,
    /// Whether it is another document: not most of the same image, nor of a subject that holds that.
    is_other: bool,
    /// Numbers of its details.
    details: Box<[u16]>,
}

impl Showed {
    /// Of how many others it showed a little.
    fn company(&self) -> usize {
        let a_little = self.of.iter().filter(|other| other.is_other && other.details.len() >= A_LITTLE);
        a_little.map(|other| other.whose).collect::<HashSet<_>>().len()
    }

    /// The records that it shows most of, whose images are to say what of its own record is print; none where that need not be known, since its template is common.
    fn mates(&self) -> impl Iterator<Item = RecordRef> + '_ {
        let most = if Prints::is_common(self.company()) { 0 } else { MATES };
        let worth = self.of.iter().filter(|other| other.details.len() >= WORTH_READING);
        worth.take(most).map(|other| other.record)
    }
}

struct Step<'a> {
    again: Again<'a>,
    ledger: &'a Ledger,
    search: LocalSearch<'a>,
    prints: Prints,
    shown: Vec<Showed>,
}

impl Step<'_> {
    /// Reads records of the vault that are `wanted`, at most `most`: of files with the smallest refs one each, and of those that hold several what is left.
    fn read_files(
        &mut self,
        most: usize,
        wanted: &(dyn Fn(RecordRef) -> bool + Sync),
        progress: &dyn Progress,
        each: &mut Each<'_, Self>,
    ) -> Result<(), Error> {
        let again = self.again;
        let count = |file| self.ledger.count_records(file, wanted);
        let chosen = sample::choose(again.config, again.refs, most, |file| count(file) > 0)?;
        let counted = chosen.entries.into_iter().map(|(entry, _)| {
            let count = count(again.record_ref(&entry, ""));
            (entry, count)
        });
        let mut files: Vec<(Entry, usize)> = counted.filter(|(_, count)| *count > 0).collect();
        // Stable: refs ascend among equals.
        files.sort_by_key(|(_, count)| *count);
        share_out(most, &mut files);
        let (mut done, all) = (0, files.iter().map(|(_, quota)| *quota as u64).sum());
        let mut rest = &files[..];
        while let [(_, first), ..] = rest {
            progress.update(Phase::Measuring, done, Some(all));
            let mut images = 0;
            let fits = |(_, quota): &&(Entry, usize)| {
                images += quota;
                images <= BATCH
            };
            let (now, behind) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            match now {
                [(large, quota)] if *first > 1 => self.read_parts(large, *quota, wanted, each)?,
                few => self.read_few(few, wanted, each)?,
            }
            done += now.iter().map(|(_, quota)| *quota as u64).sum::<u64>();
            rest = behind;
        }
        Ok(())
    }

    /// Reads some files at once, of each up to so many records.
    fn read_few(
        &mut self,
        files: &[(Entry, usize)],
        wanted: &(dyn Fn(RecordRef) -> bool + Sync),
        each: &mut Each<'_, Self>,
    ) -> Result<(), Error> {
        let again = self.again;
        let read = files
            .par_iter()
            .map(|(entry, quota)| again.strangers(entry, *quota, &again.wanted(entry, wanted)));
        let read: Vec<Vec<Stranger>> = read.collect::<Result<_, Error>>()?;
        each(self, &read.into_iter().flatten().collect::<Vec<_>>())
    }

    /// Reads up to `most` records of a file that holds several, a few at a time.
    fn read_parts(
        &mut self,
        container: &Entry,
        most: usize,
        wanted: &(dyn Fn(RecordRef) -> bool + Sync),
        each: &mut Each<'_, Self>,
    ) -> Result<(), Error> {
        let again = self.again;
        let mut add = |step: &mut Self, images: &mut Vec<(String, Luma)>| {
            let read = std::mem::take(images).into_par_iter();
            let read = read.map(|(place, image)| again.stranger(container, &place, image));
            let batch: Vec<Option<Stranger>> = read.collect::<Result<_, Error>>()?;
            each(step, &batch.into_iter().flatten().collect::<Vec<_>>())
        };
        let (mut images, mut taken, mut added) = (Vec::new(), 0, Ok(()));
        let wanted = again.wanted(container, wanted);
        for_each_image(&container.location, again.config, &wanted, &mut |place, image| {
            images.push((place, image));
            taken += 1;
            if images.len() == BATCH {
                added = add(self, &mut images);
            }
            if taken < most && added.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        added?;
        add(self, &mut images)
    }

    /// Looks images up, and adds what they show.
    fn look_up(&mut self, batch: &[Stranger]) -> Result<(), Error> {
        let local: Vec<_> = batch.iter().map(|shows| shows.query.local()).collect();
        let shown = shown(self.again.coder, batch);
        let admit = |number: usize, hit: &IndexHit| batch[number].record.is_rival_of(hit);
        let found = self.search.find(&local, false, &|number| shown.reader(number), admit)?;
        batch.iter().zip(found).for_each(|(shows, seen)| self.keep(&shows.record, &seen, true));
        Ok(())
    }

    /// Reads images for some records, and adds what they show.
    fn read_for(&mut self, batch: &[Stranger], to_read: &ToRead) -> Result<(), Error> {
        let shown = shown(self.again.coder, batch);
        let read = batch.par_iter().enumerate().map(|(number, shows)| {
            let of: &[RecordRef] = to_read.get(&shows.record.record_ref).map_or(&[], Vec::as_slice);
            let against = |new: &RecordRef| {
                let Some(place) = self.again.generation.place(*new)? else { return Ok(None) };
                let reader = || shown.reader(number);
                Ok(self.search.against(shows.query.local(), false, &reader, &place)?)
            };
            of.iter().map(against).collect::<Result<Vec<Option<Sighting>>, Error>>()
        });
        let read: Vec<Vec<Option<Sighting>>> = read.collect::<Result<_, Error>>()?;
        for (shows, seen) in batch.iter().zip(read) {
            self.keep(&shows.record, &seen.into_iter().flatten().collect::<Vec<_>>(), false);
        }
        Ok(())
    }

    /// Keeps what a record's image shows of other records. Of one that it shows unchanged nothing, as both hold one image, which does not tell what of it is print. Where
    /// some of it differs it may be a form that shows little of its own, and so all else counts as print, but not as another document.
    fn keep(&mut self, shows: &IndexHit, sightings: &[Sighting], looked_up: bool) {
        let same: Vec<&IndexHit> =
            sightings.iter().filter(|seen| seen.undisputed).map(|seen| &seen.record).collect();
        let shown =
            sightings.iter().filter(|seen| !(seen.alike.is_empty() || seen.undisputed && seen.unchanged));
        let seen = |sighting: &Sighting| Seen {
            record: sighting.record.record_ref,
            whose: whose(&sighting.record),
            is_other: same.iter().all(|same| same.is_rival_of(&sighting.record)),
            // A record has no more than its segment can number.
            details: sighting.alike.iter().filter_map(|number| u16::try_from(*number).ok()).collect(),
        };
        let mut of: Vec<Seen> = shown.map(seen).collect();
        of.sort_by_key(|other| std::cmp::Reverse(other.details.len()));
        self.shown.push(Showed { image: shows.record_ref, whose: whose(shows), looked_up, of });
    }

    /// By the refs of the records that the images looked up show most of, those that show them.
    fn mates(&self) -> ToRead {
        let mut mates = ToRead::new();
        for shown in &self.shown {
            for other in shown.mates() {
                mates.entry(other).or_default().push(shown.image);
            }
        }
        mates
    }

    /// Those of [`Step::mates`] that earlier runs looked up, at most `most`. A record for which there is no room is not looked up yet, and has its turn again.
    fn earlier(&mut self, was: &HashSet<RecordRef>, most: usize) -> ToRead {
        let mut earlier = ToRead::new();
        for shown in &mut self.shown {
            let mates: Vec<RecordRef> = shown.mates().filter(|mate| was.contains(mate)).collect();
            let new = mates.iter().filter(|mate| !earlier.contains_key(mate)).count();
            if earlier.len() + new > most {
                shown.looked_up = false;
                continue;
            }
            for mate in mates {
                earlier.entry(mate).or_default().push(shown.image);
            }
        }
        earlier
    }

    /// Adds what was shown. Where one record's image shows much of another record, each is a mate of the other.
    ///
    /// A record that was not looked up yet is remembered only where an image of a rare template shows a little of it: an image of a common one shows some of
    /// dozens, of which nothing need be known, and which would soon fill the manifest. What is forgotten so is read when the turn of a record comes that is of a rare template after all.
    fn count(&mut self) -> Result<(), Error> {
        let shown = std::mem::take(&mut self.shown);
        let now: HashSet<RecordRef> =
            shown.iter().filter(|shown| shown.looked_up).map(|shown| shown.image).collect();
        for shown in &shown {
            let company = shown.company();
            let mut mates = HashSet::new();
            for Seen { record, whose, is_other, details } in &shown.of {
                let counts = now.contains(record)
                    || self.prints.is_looked_up(*record)
                    || (details.len() >= A_LITTLE && !Prints::is_common(company));
                let is_mate = *is_other && details.len() >= OF_TEMPLATE;
                mates.extend(is_mate.then_some(*whose));
                if !counts {
                    continue;
                }
                let Some(local) = self.local_of(*record)? else { continue };
                self.prints.add(
                    *record,
                    &local,
                    shown.whose,
                    details.iter().map(|one| (*one).into()),
                    is_mate,
                );
            }
            if shown.looked_up
                && let Some(local) = self.local_of(shown.image)?
            {
                self.prints.set_looked_up(shown.image, &local, company);
                for mate in mates {
                    self.prints.add(shown.image, &local, mate, [], true);
                }
            }
        }
        Ok(())
    }

    /// The local codes of a record, if the generation has it.
    fn local_of(&self, record: RecordRef) -> Result<Option<LocalFingerprint>, Error> {
        let place = self.again.generation.place(record)?;
        Ok(place.map(|place| self.again.generation.local(&place)).transpose()?)
    }
}

/// Turns the numbers of records of files, ascending, into how many of each are read, so that all are `most` at most: each has a turn, and what some do not need is the others'.
fn share_out<F>(most: usize, files: &mut [(F, usize)]) {
    let (mut left, mut rest) = (most, files.len());
    for (_, count) in files {
        *count = left.div_ceil(rest).min(*count);
        left -= *count;
        rest -= 1;
    }
}

/// One name for all records of a subject, or of a file that is stored twice: two pictures of one card do not show apart what is print.
type Whose = [u8; 16];

fn whose(record: &IndexHit) -> Whose {
    of_facts(&record.facts)
}

fn of_facts(facts: &RecordFacts) -> Whose {
    facts.subject.map_or(*facts.content.as_bytes(), |subject| *subject.as_bytes())
}

/// Those who have a record in a generation, as [`Prints`] remembers them.
fn everyone(generation: &Generation) -> Result<HashSet<u32>, Error> {
    let mut everyone = HashSet::new();
    for segment in generation.segments() {
        for row in 0..segment.len() {
            everyone.insert(Prints::tag(of_facts(&segment.facts(row)?)));
        }
    }
    Ok(everyone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_as_much_as_it_may_and_no_more() {
        let shared = |most, counts: &[usize]| {
            let mut files: Vec<(usize, usize)> = counts.iter().copied().enumerate().collect();
            share_out(most, &mut files);
            files.into_iter().map(|(_, quota)| quota).collect::<Vec<_>>()
        };
        assert_eq!(shared(10, &[2; 7]), [2, 2, 2, 1, 1, 1, 1]);
        assert_eq!(shared(2000, &[1, 1_000_000]), [1, 1999]);
        assert_eq!(shared(3, &[1, 1, 9]), [1; 3]);
        assert_eq!(shared(100, &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(shared(0, &[]), [0; 0]);
        for files in 1..200 {
            for count in 1..9 {
                let quotas = shared(100, &vec![count; files]);
                assert_eq!(quotas.iter().sum::<usize>(), 100.min(files * count));
            }
        }
    }
}
