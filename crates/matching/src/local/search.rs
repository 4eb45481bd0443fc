//! From the local codes of images to the records that show in them.

use std::borrow::Cow;

use rayon::prelude::*;
use saltprint_fingerprint::{LocalQuery, Orientation, QueryFeature};
use saltprint_index::{
    Candidate as TableCandidate, Generation, Hit, IndexError, IndexHit, KindCompany, LocalLookup,
    NegativeBank, Prints,
};

use super::compare::{Candidate, Look};
use super::near_duplicate::is_unmistakable;
use super::place::{Contest, contests};
use super::reading::{Fine, Images, Open, Opened, Read};
use crate::Found;
use crate::geometry::{VerifySettings, area, overlap};

/// The outline of a whole image.
pub(super) const WHOLE: [(f64, f64); 4] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];

/// How much speaks for a record.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// As [`Sighting::score`].
    pub score: f64,
    /// As [`Sighting::likelihood`], in nats.
    pub likelihood: f64,
}

/// A record that shows in an image.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
#[non_exhaustive]
pub struct Sighting {
    /// The record; its distance is that of no code and stands at 0.
    pub record: IndexHit,
    /// Where the index holds it; the distance stands at 0.
    pub place: Hit,
    /// Evidence: the sum over agreeing features of how near, how rare and how unambiguous each is, less where many that
    /// should be seen do not agree.
    pub score: f64,
    /// The same where the image was read beside the places of its features as well, as it is where the call is close; never less than the score.
    pub nudged: f64,
    /// How much more likely what is read at the places of its features is in a copy of the record than in a stranger's document
    /// of its template, as a logarithm in nats; where nothing was read, by what was found.
    pub likelihood: f64,
    /// The same of what is left without the features that something black covers, as on fields that were blacked out; `None` where none is. These are no
    /// evidence against the record, but changes all the same.
    pub uncovered: Option<Evidence>,
    /// Number of features that agree: found in the leaked image, or read at their places.
    pub features: u32,
    /// Number of the record's features that the leaked image should show, by the place that the agreeing ones give it.
    pub in_view: u32,
    /// Whether a part of the record that should be in view looks different, while the rest agrees: covered, replaced, or
    /// written over.
    pub altered: bool,
    /// Whether nearly all features that are whole in view, and in the record's image, look the same, as far as the image is good enough to tell.
    pub unchanged: bool,
    /// Whether three tenths of the record's features or more are whole in both images, and at least four fifths of that look the same.
    pub undisputed: bool,
    /// Whether half of the record's features or more are whole in both images.
    pub(super) half_shown: bool,
    /// Whether more than a fifth of what is shown looks different, in an image that is good enough to tell.
    pub disputed: bool,
    /// Whether the image shows the record's mirror image.
    pub mirrored: bool,
    /// Corners of the record's image in the leaked one, clockwise from its upper left as the record has it, in shares of
    /// the leaked image's width and height; they may lie outside. `None` where the features are too close together to tell.
    pub quad: Option<[(f64, f64); 4]>,
    /// Box around the agreeing features within the record's image, in shares of its width and height: left, top,
    /// right, bottom.
    pub region: [f64; 4],
    /// Share of the record's image that the agreeing features span, 0 to 1.
    pub covered: f64,
    /// Quarter turns clockwise from the record to the leaked image, after mirroring, 0 to 3.
    pub quarters: u8,
    /// Which look found it: features of two looks have different numbers.
    pub(super) look: u8,
    /// Of the features that agree, those that are as near as print is.
    pub(super) close: u32,
    /// The features of the query that agree, ascending.
    pub(super) spots: Vec<u32>,
    /// The record's features that look in the image as they do in the record, ascending: found or read, and near enough to be the same print.
    pub alike: Vec<u32>,
}

impl Sighting {
    /// A record that fills a known part of the image, of whose details nothing is known.
    pub(crate) fn outlined(found: &Found, quad: [(f64, f64); 4]) -> Self {
        let orientation = found.orientation.index();
        let (quarters, mirrored) = (orientation % 4, orientation >= Orientation::Mirror.index());
        let quarters = if mirrored { (4 - quarters) % 4 } else { quarters };
        Self {
            record: found.record.clone(),
            place: found.place,
            score: 0.0,
            nudged: 0.0,
            likelihood: 0.0,
            uncovered: None,
            features: 0,
            in_view: 0,
            altered: false,
            unchanged: false,
            undisputed: false,
            half_shown: false,
            disputed: false,
            mirrored,
            quad: Some(quad),
            region: [0.0; 4],
            covered: 0.0,
            quarters: u8::try_from(quarters).unwrap_or(0),
            look: 0,
            close: 0,
            spots: Vec::new(),
            alike: Vec::new(),
        }
    }

    /// The same sighting of a record of which it is known by its whole image who else holds that.
    #[must_use]
    pub(crate) fn knowing(mut self, record: &IndexHit) -> Self {
        self.record.near_duplicate_of = self.record.near_duplicate_of.or(record.near_duplicate_of);
        self
    }

    /// Whether a part of the record, or more than a fifth of what is shown of it, looks different.
    pub fn differs(&self) -> bool {
        self.altered || self.disputed
    }

    /// Whether it is seen that it is of this record, or of one that holds the same image.
    pub(crate) fn is_unmistakable(&self) -> bool {
        is_unmistakable(self)
    }

    /// What was done to the record's image, by the nearest quarter turn.
    pub fn orientation(&self) -> Orientation {
        let place = if self.mirrored { 4 + (4 - self.quarters) % 4 } else { self.quarters };
        Orientation::ALL.into_iter().nth(usize::from(place)).unwrap_or(Orientation::Upright)
    }

    /// Share of the leaked image that the record's outline covers, 0 to 1; 0 where there is no outline.
    pub fn area(&self) -> f64 {
        // The overlap is in shares of the smaller outline, at most the whole image.
        self.quad.as_ref().map_or(0.0, |quad| (overlap(quad, &WHOLE) * area(quad).abs().min(1.0)).min(1.0))
    }
}

/// Whether what was found in an image, by its number, needs no other look.
type Settles<'s> = dyn Fn(usize, &[Contest]) -> bool + Sync + 's;

/// A query as it is, or as its mirror image.
#[derive(Clone, Copy)]
struct Side<'q> {
    query: &'q LocalQuery,
    mirrored: bool,
}

impl<'q> Side<'q> {
    fn features(&self) -> &'q [QueryFeature] {
        if self.mirrored { &self.query.mirrored } else { &self.query.upright }
    }
}

/// An image while it is looked at.
#[derive(Default)]
struct LookedAt<'i> {
    number: usize,
    opened: Opened<'i>,
    contests: Vec<Contest>,
    settled: bool,
    /// The finer details, where they were made before they were needed.
    fine: Option<Fine<'i>>,
}

/// How images are looked at.
#[derive(Clone, Copy)]
struct How<'i> {
    fine: bool,
    /// Whether finer details are made beside the look at the mirror image.
    ahead: bool,
    lookup: LocalLookup,
    images: &'i dyn Images,
    settled: Option<&'i Settles<'i>>,
    admit: &'i (dyn Fn(usize, &IndexHit) -> bool + Sync),
}

/// What a look may compare: the features that count, and the candidates of the tables.
struct LookedUp<'q> {
    side: Side<'q>,
    features: Cow<'q, [QueryFeature]>,
    candidates: Vec<TableCandidate>,
}

/// From so many images on each is work for one thread; fewer share all processors.
const TOGETHER: usize = 8;

/// Buckets that each detail asks at the finer look. There are twice as many details as at the ordinary one, among them most of those
/// again, so not each need find its record. Of 480 hard copies among 400,000 records, a sixth of them small on a table, as many are found
/// with 12 and 8 buckets at the two looks as with 24 and 16.
const FINE_PROBES: usize = 8;
/// So many images are open to be read at once, but for what waits in other tasks: up to 9 MB each at the ordinary look, up to 26 MB at
/// the finer one. At the finer look they are looked up in one walk through the tables as well.
const OPEN_AT_ONCE: usize = 24;

/// Searches a generation by local codes.
#[derive(Debug, Clone, Copy)]
pub struct LocalSearch<'a> {
    pub(super) generation: &'a Generation,
    /// What is known of the kinds of its records.
    pub(super) kinds: &'a [KindCompany],
    /// What is no evidence, if the index has such images.
    negative: Option<&'a NegativeBank>,
    /// What of its records is known to be print.
    pub(super) prints: &'a Prints,
    lookup: LocalLookup,
    verify: VerifySettings,
}

impl<'a> LocalSearch<'a> {
    /// A search with the settings that backgrounds are measured with.
    pub fn new(generation: &'a Generation) -> Self {
        let negative = &generation.manifest().negative;
        Self {
            generation,
            kinds: &generation.manifest().local_background.kinds,
            negative: (!negative.is_empty()).then_some(negative),
            prints: &generation.manifest().local_background.prints,
            lookup: LocalLookup::default(),
            verify: VerifySettings::default(),
        }
    }

    /// The same search where other things are known of the kinds of records than the manifest says.
    #[must_use]
    pub fn with_kinds(self, kinds: &'a [KindCompany]) -> Self {
        Self { kinds, ..self }
    }

    /// The same search where other things are known to be print than the manifest says.
    #[must_use]
    pub fn with_prints(self, prints: &'a Prints) -> Self {
        Self { prints, ..self }
    }

    /// The same search where negative images are evidence as well.
    pub(super) fn without_negative(self) -> Self {
        Self { negative: None, ..self }
    }

    /// Looks at each image up to four times, as it is and mirrored, coarsely and finely, until `settled`, if anything is, says that its
    /// contests are enough, or that other looks are not worth it, or `finely` that they are not worth the finer look. Of several sightings of a record the one with the
    /// highest score counts.
    ///
    /// `images` are those of the queries, by their numbers. `admit` is that of [`LocalSearch::find`]. `ahead` says that `finely` will
    /// want all images that are not settled: then the finer details of a few are made while their mirror images are looked at, since
    /// one image does not keep all processors at work. A mirror image that is settled waits for them in vain.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn look(
        &self,
        queries: &[&LocalQuery],
        images: &dyn Images,
        settled: Option<&Settles<'_>>,
        finely: &mut dyn FnMut(usize, &[Contest]) -> bool,
        admit: &(dyn Fn(usize, &IndexHit) -> bool + Sync),
        ahead: bool,
    ) -> Result<Vec<Vec<Contest>>, IndexError> {
        let mut looked_at: Vec<LookedAt<'_>> =
            (0..queries.len()).map(|number| LookedAt { number, ..LookedAt::default() }).collect();
        let coarsely = How { fine: false, ahead, lookup: self.lookup, images, settled, admit };
        let fewer_probes = LocalLookup { probes: FINE_PROBES, ..self.lookup };
        let at_the_finer = How { fine: true, ahead: false, lookup: fewer_probes, ..coarsely };
        let mut open: Vec<&mut LookedAt<'_>> = looked_at.iter_mut().collect();
        self.look_both_ways(&coarsely, queries, &mut open)?;
        let mut open: Vec<&mut LookedAt<'_>> = looked_at
            .iter_mut()
            .filter(|image| !image.settled && finely(image.number, &image.contests))
            .collect();
        // Of one size, about: few images are looked up twice.
        let chunks = open.len().div_ceil(OPEN_AT_ONCE).max(1);
        let at_once = open.len().div_ceil(chunks).max(1);
        for open in open.chunks_mut(at_once) {
            let queries: Vec<LocalQuery> = open
                .par_iter_mut()
                .map(|image| {
                    let made = image.fine.take().unwrap_or_else(|| images.fine(image.number));
                    let Fine { query, reader } = made;
                    image.opened = Opened::Open(reader);
                    query
                })
                .collect();
            self.look_both_ways(&at_the_finer, &queries.iter().collect::<Vec<_>>(), open)?;
        }
        Ok(looked_at.into_iter().map(|image| image.contests).collect())
    }

    /// Two looks at each image, as it is and, where that has not settled it, mirrored. `queries` are those of the images.
    fn look_both_ways<'i>(
        &self,
        how: &How<'i>,
        queries: &[&LocalQuery],
        images: &mut [&mut LookedAt<'i>],
    ) -> Result<(), IndexError> {
        let sides = |mirrored| queries.iter().map(move |query| Side { query, mirrored });
        if images.len() < TOGETHER {
            let upright = self.look_up(&how.lookup, sides(false).collect())?;
            return self.look_at_few(how, queries, images, &upright);
        }
        if how.fine || how.settled.is_none() {
            // Few or none are settled by the first of these looks, and both read much of the tables, which is then done once.
            let mut upright = self.look_up(&how.lookup, sides(false).chain(sides(true)).collect())?;
            let looks = upright.split_off(images.len());
            let looks = upright.into_iter().zip(looks).map(|(upright, mirrored)| [upright, mirrored]);
            return self.add_looks(how, images.iter_mut().map(|image| &mut **image).zip(looks).collect());
        }
        let looks = self.look_up(&how.lookup, sides(false).collect())?.into_iter().map(|look| [look]);
        self.add_looks(how, images.iter_mut().map(|image| &mut **image).zip(looks).collect())?;
        let (open, mirrored): (Vec<&mut LookedAt<'i>>, Vec<Side<'_>>) = images
            .iter_mut()
            .map(|image| &mut **image)
            .zip(sides(true))
            .filter(|(image, _)| !image.settled)
            .unzip();
        let looks = self.look_up(&how.lookup, mirrored)?.into_iter().map(|look| [look]);
        self.add_looks(how, open.into_iter().zip(looks).collect())
    }

    /// Adds to each image what its looks find, in their order, until one settles it.
    fn add_looks<'i, const N: usize>(
        &self,
        how: &How<'i>,
        mut images: Vec<(&mut LookedAt<'i>, [LookedUp<'_>; N])>,
    ) -> Result<(), IndexError> {
        for open in images.chunks_mut(OPEN_AT_ONCE) {
            open.par_iter_mut().try_for_each(|(image, looks)| {
                for looked_up in looks {
                    if !image.settled {
                        self.add_sightings(how, looked_up, image)?;
                    }
                }
                image.opened = Opened::NotYet;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The two looks at images that are so few that they do not keep all processors at work one by one; `upright` was looked up.
    fn look_at_few<'i>(
        &self,
        how: &How<'i>,
        queries: &[&LocalQuery],
        images: &mut [&mut LookedAt<'i>],
        upright: &[LookedUp<'_>],
    ) -> Result<(), IndexError> {
        let mirrored = |query| Side { query, mirrored: true };
        let mut add_upright = || {
            let each = images.par_iter_mut().zip(upright);
            each.try_for_each(|(image, upright)| self.add_sightings(how, upright, image))
        };
        if how.fine {
            // An image that was not settled before hardly ever is by the first finer look, so the second one need not wait for it.
            let look_up = || self.look_up(&how.lookup, queries.iter().copied().map(mirrored).collect());
            let (added, mirrored) = rayon::join(add_upright, look_up);
            added?;
            let each = images.par_iter_mut().zip(mirrored?).filter(|(image, _)| !image.settled);
            each.try_for_each(|(image, mirrored)| self.add_sightings(how, &mirrored, image))?;
        } else {
            add_upright()?;
            let mut open: Vec<(&mut LookedAt<'i>, &LocalQuery)> =
                images.iter_mut().map(|image| &mut **image).zip(queries.iter().copied()).collect();
            open.retain(|(image, _)| !image.settled);
            let numbers = open.iter().map(|(image, _)| image.number);
            let ahead: Vec<usize> = numbers.filter(|_| how.ahead).collect();
            let look = || {
                let sides = open.iter().map(|(_, query)| mirrored(query)).collect();
                let looked_up = self.look_up(&how.lookup, sides)?;
                let each = open.par_iter_mut().zip(&looked_up);
                each.try_for_each(|((image, _), mirrored)| self.add_sightings(how, mirrored, image))
            };
            let make = || ahead.par_iter().map(|number| how.images.fine(*number)).collect::<Vec<_>>();
            let (looked, made) = rayon::join(look, make);
            looked?;
            for ((image, _), fine) in open.iter_mut().zip(made) {
                image.fine = Some(fine).filter(|_| !image.settled);
            }
        }
        for image in images {
            image.opened = Opened::NotYet;
        }
        Ok(())
    }

    /// Adds what a look finds to the contests of its image.
    fn add_sightings<'i>(
        &self,
        how: &How<'i>,
        looked_up: &LookedUp<'_>,
        image: &mut LookedAt<'i>,
    ) -> Result<(), IndexError> {
        let number = image.number;
        debug_assert!(!how.fine || !matches!(image.opened, Opened::NotYet), "the finer details came with it");
        let open = || if how.fine { None } else { how.images.reader(number) };
        let new =
            self.sightings(looked_up, &mut image.opened, &open, true, |hit| (how.admit)(number, hit))?;
        let known = std::mem::take(&mut image.contests).into_iter().flat_map(|contest| contest.sightings);
        let mut all: Vec<Sighting> = known.collect();
        for mut sighting in new {
            sighting.look = u8::from(how.fine) * 2 + u8::from(looked_up.side.mirrored);
            match all.iter_mut().find(|known| known.place.is_same_record(&sighting.place)) {
                Some(known) => {
                    let nudged = known.nudged.max(sighting.nudged);
                    let more = |a: &Evidence, b: &Evidence| a.score.total_cmp(&b.score);
                    let uncovered = [known.uncovered, sighting.uncovered].into_iter().flatten().max_by(more);
                    if known.score < sighting.score {
                        *known = sighting;
                    }
                    known.nudged = nudged;
                    known.uncovered = uncovered;
                }
                None => all.push(sighting),
            }
        }
        // Stable, and both parts came in a fixed order.
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        image.contests = contests(all);
        image.settled = how.settled.is_some_and(|settled| settled(number, &image.contests));
        Ok(())
    }

    /// Records that show in each image, by falling score. By the number of the query, `image` is the image to read again, if
    /// there is one, and `admit` says whether a record may be one.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn find<'r>(
        &self,
        queries: &[&LocalQuery],
        mirrored: bool,
        image: &(dyn Fn(usize) -> Option<Box<dyn Read + 'r>> + Sync),
        admit: impl Fn(usize, &IndexHit) -> bool + Sync,
    ) -> Result<Vec<Vec<Sighting>>, IndexError> {
        let looked_up =
            self.look_up(&self.lookup, queries.iter().map(|query| Side { query, mirrored }).collect())?;
        let sightings = looked_up.par_iter().enumerate().map(|(number, looked_up)| {
            let open = || image(number);
            self.sightings(looked_up, &mut Opened::default(), &open, false, |hit| admit(number, hit))
        });
        sightings.collect()
    }

    /// Which records are worth a closer look, for all sides together.
    fn look_up<'q>(
        &self,
        lookup: &LocalLookup,
        sides: Vec<Side<'q>>,
    ) -> Result<Vec<LookedUp<'q>>, IndexError> {
        let cleaned = |side: &Side<'q>| {
            let features = side.features();
            let Some(negative) = self.negative else { return Cow::Borrowed(features) };
            // What a negative image has is left out before anything is looked up.
            let kept = features.iter().zip(negative.admits(features)).filter(|(_, admitted)| *admitted);
            Cow::Owned(kept.map(|(feature, _)| feature.clone()).collect())
        };
        let features: Vec<Cow<'q, [QueryFeature]>> = sides.par_iter().map(cleaned).collect();
        let asked: Vec<&[QueryFeature]> = features.iter().map(AsRef::as_ref).collect();
        let candidates = self.generation.local_candidates(&asked, lookup)?;
        let all = sides.into_iter().zip(features).zip(candidates);
        Ok(all.map(|((side, features), candidates)| LookedUp { side, features, candidates }).collect())
    }

    /// The sightings of a side. Where scores decide, close calls are read with nudges.
    fn sightings<'r>(
        &self,
        looked_up: &LookedUp<'_>,
        opened: &mut Opened<'r>,
        open: &Open<'_, 'r>,
        nudges: bool,
        admit: impl Fn(&IndexHit) -> bool,
    ) -> Result<Vec<Sighting>, IndexError> {
        let look = Look { nudges, ..self.look_at(&looked_up.side, &looked_up.features) };
        let places = looked_up.candidates.iter().map(|candidate| Hit {
            distance: 0,
            segment: candidate.segment,
            row: candidate.row,
        });
        Ok(look.compare(self.candidates(places, admit)?, opened, open))
    }

    /// How a query agrees with one record, whatever else the index holds; `None` where nothing agrees.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn against<'r>(
        &self,
        query: &LocalQuery,
        mirrored: bool,
        image: &dyn Fn() -> Option<Box<dyn Read + 'r>>,
        hit: &Hit,
    ) -> Result<Option<Sighting>, IndexError> {
        let side = Side { query, mirrored };
        let look = self.look_at(&side, side.features());
        let candidates = self.candidates(std::iter::once(*hit), |_| true)?;
        Ok(look.compare(candidates, &mut Opened::default(), image).into_iter().next())
    }

    fn look_at<'q>(&'q self, side: &Side<'q>, features: &'q [QueryFeature]) -> Look<'q> {
        Look {
            query: side.query,
            features,
            mirrored: side.mirrored,
            negative: self.negative,
            settings: self.verify,
            nudges: false,
        }
    }

    /// The records at some places that may be ones.
    fn candidates(
        &self,
        places: impl Iterator<Item = Hit>,
        admit: impl Fn(&IndexHit) -> bool,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for place in places {
            let record = self.generation.resolve(&place)?;
            if admit(&record) {
                let mut local = self.generation.local(&place)?;
                self.prints.mark(record.record_ref, &mut local);
                candidates.push(Candidate { place, record, local });
            }
        }
        Ok(candidates)
    }
}
