//! The background of the local tier: how well do images match records that they do not come from?
//!
//! Images of sampled records are looked up as a leak would be, and their own records, those of their subjects, copies of their
//! files and other records of the same image are left out of the answer.

use std::collections::BTreeSet;

use rayon::prelude::*;
use saltprint_fingerprint::{Coder, Luma, QueryFingerprint};
use saltprint_index::{Generation, Impostor, IndexHit, LocalBackground, Manifest, Prints};
use saltprint_intake::Entry;
use saltprint_keys::{RecordRef, RefKey};
use saltprint_matching::{Contest, Evidence, LocalRule, LocalSearch, nearest_to_parts};

use super::bars;
use crate::images::images;
use crate::{Config, Error, Phase, Progress, sample, shown::Shown};

/// Images looked up at a time.
const BATCH: usize = 32;
/// How often one is looked up to find who holds the same, of whom a look finds eight and more.
const LOOKS: usize = 4;

/// Measures the background of the local tier, where the vault has changed by a twentieth since it was, records `moved` as others came to share what
/// they have, or the kinds without a template
/// are others; these are asked each time, as the list may state other kinds of records that are as they were. Where there is no background, as in an index that
/// was too small for it, it is always tried.
///
/// # Errors
/// [`Error::Listing`], [`Error::Index`].
pub(super) fn update(
    manifest: &mut Manifest,
    again: &Again<'_>,
    moved: bool,
    eligible: impl Fn(RecordRef) -> bool + Sync,
    progress: &dyn Progress,
) -> Result<(), Error> {
    progress.update(Phase::Measuring, 0, None);
    let Again { config, generation, .. } = *again;
    let nothing = Prints::default();
    let search = LocalSearch::new(generation).with_prints(&nothing);
    let kinds = search.kinds_in_company(&config.rebuild.kinds_without_template)?;
    let (then, now) = (manifest.local_background.records, manifest.records());
    let known = manifest.local_background.kinds_without_template();
    manifest.local_background.kinds = kinds;
    let changed =
        moved || then.abs_diff(now) * 20 > now || manifest.local_background.kinds_without_template() != known;
    if changed || manifest.local_background.impostors.is_empty() {
        let LocalBackground { kinds, prints, .. } = std::mem::take(&mut manifest.local_background);
        let known = prints.without_one();
        let search = LocalSearch::new(generation).with_kinds(&kinds).with_prints(&known);
        let measured = measure(again, search, eligible, progress)?;
        manifest.local_background = LocalBackground { kinds, prints, ..measured };
    }
    Ok(())
}

/// Whether the kinds that are said to have no template are those that were measured.
pub(super) fn knows_kinds(manifest: &Manifest, config: &Config) -> bool {
    let said: BTreeSet<&str> = config.rebuild.kinds_without_template.iter().map(String::as_str).collect();
    manifest.local_background.kinds.iter().map(|kind| kind.kind.as_str()).eq(said)
}

/// Reads up to `config.rebuild.local_sample` eligible records again, those with the smallest refs: a random choice that
/// stays the same from one night to the next. Files that cannot be used any more are left out. Where there can only be fewer than the
/// rule needs, thresholds are assumed whatever they would show, and none is read.
///
/// # Errors
/// [`Error::Listing`], [`Error::Index`].
fn measure(
    again: &Again<'_>,
    search: LocalSearch<'_>,
    eligible: impl Fn(RecordRef) -> bool + Sync,
    progress: &dyn Progress,
) -> Result<LocalBackground, Error> {
    let Again { config, refs, generation, .. } = *again;
    let most = config.rebuild.local_sample;
    let records = generation.manifest().records();
    let mut background = LocalBackground { records, ..LocalBackground::default() };
    background.straightened.records = records;
    if most.min(usize::try_from(records).unwrap_or(usize::MAX)) < LocalRule::MIN_SAMPLE {
        return Ok(background);
    }
    let chosen = sample::choose(config, refs, most, &eligible)?;
    let (mut taken, mut open) = (0, Vec::new());
    for (batch, sampled) in (0_u64..).zip(chosen.entries.chunks(BATCH)) {
        progress.update(Phase::Measuring, batch * BATCH as u64, Some(chosen.entries.len() as u64));
        let queries: Vec<Vec<Stranger>> = sampled
            .par_iter()
            .map(|(entry, _)| {
                // Of a page with images on it the page.
                let wanted =
                    |place: &str, is_on_page: bool| !is_on_page && eligible(again.record_ref(entry, place));
                again.strangers(entry, chosen.most_of_one, &wanted)
            })
            .collect::<Result<_, Error>>()?;
        let queries: Vec<Stranger> = queries.into_iter().flatten().take(most - taken).collect();
        taken += queries.len();
        open.extend(queries);
        add(&mut background, again, &search, &mut open)?;
    }
    while !open.is_empty() {
        add(&mut background, again, &search, &mut open)?;
    }
    background.impostors.sort_by(|a, b| a.best.total_cmp(&b.best).then(a.rival.total_cmp(&b.rival)));
    Ok(background)
}

/// Looks strangers up, without those who hold the image of one as well, and adds what they come to. Who holds it is found by looking, so whoever has some stays in `open`, to be
/// looked up again without them. Of an image that very many hold, as of a placeholder, nothing is measured.
///
/// # Errors
/// [`Error::Index`].
fn add(
    background: &mut LocalBackground,
    again: &Again<'_>,
    search: &LocalSearch<'_>,
    open: &mut Vec<Stranger>,
) -> Result<(), Error> {
    let Again { coder, generation, .. } = *again;
    let local: Vec<_> = open.iter().map(|stranger| stranger.query.local()).collect();
    let admit = |number: usize, hit: &IndexHit| open[number].is_stranger_to(hit);
    // Nothing settles it: strangers go through all looks, and the largest lead of any place in the picture counts that
    // could be called strong. Whoever looks quickly sees less of them than this.
    let looked = search.look(&local, &shown(coder, open), None, &mut |_, _| true, &admit, false)?;
    let (mut strangers, mut found) = (Vec::new(), Vec::new());
    for (mut stranger, contests) in std::mem::take(open).into_iter().zip(looked) {
        let sightings = contests.iter().flat_map(|contest| &contest.sightings);
        let same = sightings.filter(|sighting| sighting.undisputed).map(|sighting| sighting.record.clone());
        let before = stranger.near_duplicates.len();
        stranger.near_duplicates.extend(same);
        stranger.looks += 1;
        if stranger.near_duplicates.len() == before {
            strangers.push(stranger);
            found.push(contests);
        } else if stranger.looks < LOOKS {
            open.push(stranger);
        }
    }
    let admit = |number: usize, hit: &IndexHit| strangers[number].is_stranger_to(hit);
    let parts = nearest_to_parts(generation, &shown(coder, &strangers), &found, &admit)?;
    let parts: Vec<Option<(u32, u32)>> = parts.into_iter().map(straightened).collect();
    for (nearest, runner_up) in parts.iter().flatten() {
        background.straightened.add(*nearest, Some(*runner_up));
    }
    let judged = found.par_iter().enumerate();
    let impostors: Result<Vec<Option<Impostor>>, Error> =
        judged.map(|(number, contests)| impostor(search, contests, &|hit| admit(number, hit))).collect();
    let uncovered = uncovered(again, search, &strangers)?;
    let bits = |distance: u32| u16::try_from(distance).unwrap_or(u16::MAX);
    let measured = impostors?.into_iter().zip(&parts).zip(uncovered);
    background.impostors.extend(measured.filter_map(|((impostor, part), uncovered)| {
        let straightened = part.map(|(nearest, runner_up)| (bits(nearest), bits(runner_up)));
        Some(Impostor { straightened, uncovered, ..impostor? })
    }));
    Ok(())
}

/// The largest leads in score and in likelihood by what is left of each image where its record's own details are covered.
///
/// # Errors
/// [`Error::Index`].
fn uncovered(
    again: &Again<'_>,
    search: &LocalSearch<'_>,
    strangers: &[Stranger],
) -> Result<Vec<Option<(f32, f32)>>, Error> {
    let covered: Vec<Option<(QueryFingerprint, Luma)>> =
        strangers.par_iter().map(|stranger| again.covered(stranger)).collect::<Result<_, Error>>()?;
    let (of, covered): (Vec<&Stranger>, Vec<(QueryFingerprint, Luma)>) =
        strangers.iter().zip(covered).filter_map(|(stranger, covered)| Some((stranger, covered?))).unzip();
    let local: Vec<_> = covered.iter().map(|(query, _)| query.local()).collect();
    let images =
        Shown { coder: again.coder, images: covered.iter().map(|(_, image)| Some(image.into())).collect() };
    let admit = |number: usize, hit: &IndexHit| of[number].is_stranger_to(hit);
    let found = search.look(&local, &images, None, &mut |_, _| true, &admit, false)?;
    let leads: Vec<(f32, f32)> = (found.par_iter().enumerate())
        .map(|(number, contests)| uncovered_lead(search, contests, &|hit| admit(number, hit)))
        .collect::<Result<_, Error>>()?;
    // What could not be covered was not asked.
    let mut leads = of.iter().map(|stranger| stranger.record.record_ref).zip(leads).peekable();
    let mut next = |stranger: &Stranger| leads.next_if(|(of, _)| *of == stranger.record.record_ref);
    Ok(strangers.iter().map(|stranger| next(stranger).map(|(_, lead)| lead)).collect())
}

fn uncovered_lead(
    search: &LocalSearch<'_>,
    contests: &[Contest],
    admit: &(dyn Fn(&IndexHit) -> bool + Sync),
) -> Result<(f32, f32), Error> {
    let mut most = (0.0_f32, 0.0_f32);
    for contest in contests {
        let lead = contest.lead();
        if lead.uncovered.score <= 0.0 && lead.uncovered.likelihood <= 0.0 {
            continue;
        }
        let Evidence { score: of_score, likelihood } =
            lead.counted(search.known_print(contest.best(), contest, admit)?).uncovered;
        most = (most.0.max(score(of_score)), most.1.max(score(likelihood)));
    }
    Ok(most)
}

/// The images of strangers, to be looked at.
pub(super) fn shown<'s>(coder: &'s Coder, strangers: &'s [Stranger]) -> Shown<'s> {
    Shown { coder, images: strangers.iter().map(|stranger| Some((&stranger.image).into())).collect() }
}

/// A lead below this is as good as none: a tenth of a feature that nobody else has.
const NONE: f64 = 0.1;

/// The largest leads that could be called strong; `None` where there are leads, but none could be.
fn impostor(
    search: &LocalSearch<'_>,
    contests: &[Contest],
    admit: &(dyn Fn(&IndexHit) -> bool + Sync),
) -> Result<Option<Impostor>, Error> {
    let mut impostor = Impostor::default();
    let (mut withheld, mut lead, mut nudged) = (false, NONE, NONE);
    for contest in contests {
        let here = contest.lead();
        if here.score < lead && here.nudged < nudged && score(here.likelihood) <= impostor.likelihood {
            continue;
        }
        let known = search.known_print(contest.best(), contest, admit)?;
        if known <= 0.0 {
            withheld = true;
            continue;
        }
        let here = here.counted(known);
        impostor.likelihood = impostor.likelihood.max(score(here.likelihood));
        if here.nudged >= nudged {
            nudged = here.nudged;
            impostor.nudged = score(nudged);
        }
        if here.score >= lead {
            lead = here.score;
            let best = contest.best().score;
            (impostor.best, impostor.rival) = (score(best), score(best - lead));
        }
    }
    Ok((!withheld || impostor != Impostor::default()).then_some(impostor))
}

/// The smallest ratio of the distances of the nearest record of others to a straightened part and of its nearest rival; as these
/// distances, in bits. `None` where no part could be straightened.
///
/// Unlike leads, those of parts that could not be called strong count as well: which record may be called so is a
/// question about the one that is nearest, and leaving out too much would make the tail too light.
fn straightened(parts: Vec<Vec<IndexHit>>) -> Option<(u32, u32)> {
    let near = |part: Vec<IndexHit>| {
        let mut others = part.into_iter();
        let nearest = others.next()?;
        let rival = others.find(|other| nearest.is_rival_of(other))?;
        Some((nearest.distance, rival.distance))
    };
    // By their ratios, without division.
    parts.into_iter().filter_map(near).min_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)))
}

#[expect(clippy::cast_possible_truncation, reason = "scores are small and rounding them does not matter")]
fn score(value: f64) -> f32 {
    value as f32
}

/// A record that plays the stranger, with its image.
pub(super) struct Stranger {
    pub(super) record: IndexHit,
    pub(super) query: QueryFingerprint,
    pub(super) image: Luma,
    /// Records of other subjects that are known to hold the same image.
    near_duplicates: Vec<IndexHit>,
    /// How often it was looked up.
    looks: usize,
}

impl Stranger {
    /// Whether a record is of another subject and another image. Records of one subject with somebody who holds the same image are out as well: they may
    /// be other pictures of the same document.
    pub(super) fn is_stranger_to(&self, record: &IndexHit) -> bool {
        let mut same = std::iter::once(&self.record).chain(&self.near_duplicates);
        same.all(|same| same.is_rival_of(record))
    }
}

/// What it takes to read records of the vault again.
#[derive(Clone, Copy)]
pub(super) struct Again<'a> {
    pub(super) config: &'a Config,
    pub(super) refs: &'a RefKey,
    pub(super) coder: &'a Coder,
    pub(super) generation: &'a Generation,
}

impl Again<'_> {
    /// The record of an image, by its place in a file, if it is in the index.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn stranger(
        &self,
        entry: &Entry,
        place: &str,
        image: Luma,
    ) -> Result<Option<Stranger>, Error> {
        let record = self.generation.find(self.record_ref(entry, place))?;
        let Some(record) = record else { return Ok(None) };
        Ok(self.coder.query(&image).ok().map(|query| Stranger {
            record,
            query,
            image,
            near_duplicates: Vec::new(),
            looks: 0,
        }))
    }

    /// The image of a stranger with bars over most of what its record keeps; `None` where that leaves nothing to look up.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn covered(&self, stranger: &Stranger) -> Result<Option<(QueryFingerprint, Luma)>, Error> {
        let Some(place) = self.generation.place(stranger.record.record_ref)? else { return Ok(None) };
        let details = self.generation.local(&place)?;
        let image = bars::cover(&stranger.image, &details);
        Ok(image.and_then(|image| Some((self.coder.query(&image).ok()?, image))))
    }

    /// The records of a sampled file: those that are in the index, wanted, and can still be read.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn strangers(
        &self,
        entry: &Entry,
        most: usize,
        wanted: &dyn Fn(&str, bool) -> bool,
    ) -> Result<Vec<Stranger>, Error> {
        let images = images(&entry.location, self.config, most, wanted).into_iter();
        images.filter_map(|(place, image)| self.stranger(entry, &place, image).transpose()).collect()
    }

    /// Whether the part of a file at some place is a record that is wanted, wherever it lies.
    pub(super) fn wanted<'w>(
        &'w self,
        entry: &'w Entry,
        wanted: &'w (dyn Fn(RecordRef) -> bool + Sync),
    ) -> impl Fn(&str, bool) -> bool + 'w {
        move |place, _| wanted(self.record_ref(entry, place))
    }

    pub(super) fn record_ref(&self, entry: &Entry, place: &str) -> RecordRef {
        self.refs.record_ref(&format!("{}{place}", entry.record_id))
    }
}
