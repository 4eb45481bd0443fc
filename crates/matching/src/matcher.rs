//! The cascade: graph, exact scan, local codes; then judge.

use std::time::Instant;

use rayon::prelude::*;
use saltprint_fingerprint::{Corners, GlobalCode, LocalQuery, Orientation, Panel, QueryFingerprint};
use saltprint_index::{Generation, Hit, IndexError, IndexHit, Manifest};

use crate::decide::{self, Case};
use crate::global::{Asked, GlobalStage, Scanned};
use crate::local::{Contest, Fine, Images, LocalSearch, Read, Sighting, documents_fill};
use crate::panels::{self, PanelAnswer};
use crate::straight;
use crate::{Band, DecisionRule, LocalRule, RuleSettings};

/// Details of an image below which it is too small to tell by them that it shows another document.
const FEW_DETAILS: usize = 12;
/// Score of a sighting from which on it is a hint. Of 1,720 edited copies of `eval` nine lose their match where images without a hint get
/// no finer look, on tables and in perspective; nine of ten strangers give none.
const HINT: f64 = 0.5;
/// Share of a leaked image that strong matches must cover for the search to end: below, more documents may be in it.
const ALL_SEEN: f64 = 0.6;

/// Which tier of recognition a match rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The whole-image code.
    Global,
    /// Local codes: parts of the record's image agree.
    Local,
    /// Neither alone is sure, both together are.
    Both,
}

/// Which images get the finer look, at twice the resolution, which takes as long as all else. Images that match all over get it in
/// no case, nor do those that documents of known templates fill and in which nothing hints at a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Looks {
    /// All others.
    #[default]
    Thorough,
    /// Those in which the other stages saw a hint of a record. Many a document that is small in a picture gives none.
    Quick,
}

/// Which stages are asked when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cascade {
    /// Records from which on the graph is asked before the exact scan; that of fewer is quick and needs no help.
    pub graph_from: u64,
    /// Which images get the finer look.
    pub looks: Looks,
}

impl Default for Cascade {
    fn default() -> Self {
        Self { graph_from: 100_000, looks: Looks::default() }
    }
}

/// How many images each stage settled, and the time that the stages took.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct CascadeCounts {
    /// Strong matches that the graph found.
    pub graph: u64,
    /// Strong matches that the exact scan of whole-image codes found.
    pub exact: u64,
    /// Everything else, which local codes looked at: matches of altered copies, and images that are not ours.
    pub local: u64,
    /// Those of these that got the finer look.
    pub finer: u64,
    /// Seconds spent, on the clock.
    pub seconds: StageSeconds,
}

/// Time of each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct StageSeconds {
    /// Of the graph.
    pub graph: f64,
    /// Of the exact scan.
    pub exact: f64,
    /// Of local codes, with making finer ones.
    pub local: f64,
}

/// A record that an image matches.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record and the distance of its whole-image code.
    pub record: IndexHit,
    /// Where the index holds it.
    pub place: Hit,
    /// What was done to the record's image; by the nearest quarter turn.
    pub orientation: Orientation,
    /// How sure.
    pub band: Band,
    /// What it rests on.
    pub tier: Tier,
    /// Distance of the nearest rival, if there is one; for the evidence role.
    pub runner_up: Option<u32>,
    /// How its local codes agree, where they do.
    pub sighting: Option<Sighting>,
}

/// The matches of one image, best first; empty is "no match".
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Matches, by falling band; a picture of several documents has several strong ones.
    pub matches: Vec<Found>,
}

impl Judgement {
    /// Band of the best match.
    pub fn band(&self) -> Option<Band> {
        self.matches.first().map(|found| found.band)
    }

    /// Whether strong matches fill the image, so that no other document can be in it. Records of one document are in one
    /// place.
    pub fn fills_image(&self) -> bool {
        let mut documents: Vec<&Found> = Vec::new();
        for found in self.matches.iter().filter(|found| found.band == Band::Strong) {
            if documents.iter().all(|other| found.record.is_rival_of(&other.record)) {
                documents.push(found);
            }
        }
        let area = |found: &&Found| match (&found.sighting, found.tier) {
            (Some(sighting), _) if sighting.quad.is_some() => sighting.area(),
            // A whole-image code is about all of the image.
            (_, Tier::Global) => 1.0,
            (_, Tier::Local | Tier::Both) => 0.0,
        };
        documents.iter().map(area).sum::<f64>() >= ALL_SEEN
    }
}

/// Searches one generation under one pair of rules.
#[derive(Debug)]
pub struct Matcher<'a> {
    global: GlobalStage<'a>,
    search: LocalSearch<'a>,
    rules: Rules,
}

/// The rules of one generation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Of whole-image codes.
    pub whole: DecisionRule,
    /// Of whole-image codes of straightened parts.
    pub straightened: DecisionRule,
    /// Of local codes, and of both tiers together.
    pub local: LocalRule,
}

impl Rules {
    /// Derives all rules from the backgrounds that were measured when a generation was built.
    pub fn new(manifest: &Manifest, settings: RuleSettings) -> Self {
        Self {
            whole: DecisionRule::new(&manifest.background, settings),
            straightened: DecisionRule::new(&manifest.local_background.straightened, settings),
            local: LocalRule::new(&manifest.local_background, settings),
        }
    }
}

/// The images that the whole-image stages have not settled.
struct Unsettled<'a> {
    images: &'a dyn Images,
    unsettled: &'a [usize],
}

impl Images for Unsettled<'_> {
    fn fine(&self, number: usize) -> Fine<'_> {
        self.images.fine(self.unsettled[number])
    }

    fn reader(&self, number: usize) -> Option<Box<dyn Read + '_>> {
        self.images.reader(self.unsettled[number])
    }

    fn straightened(&self, number: usize, corners: &Corners) -> Option<GlobalCode> {
        self.images.straightened(self.unsettled[number], corners)
    }

    fn panels(&self, number: usize) -> Vec<Panel> {
        self.images.panels(self.unsettled[number])
    }

    fn panel_query(&self, number: usize, area: &[f64; 4]) -> LocalQuery {
        self.images.panel_query(self.unsettled[number], area)
    }

    fn panel_reader(&self, number: usize, area: &[f64; 4]) -> Option<Box<dyn Read + '_>> {
        self.images.panel_reader(self.unsettled[number], area)
    }
}

impl<'a> Matcher<'a> {
    /// A matcher over an open generation.
    pub fn new(generation: &'a Generation, rules: &Rules, cascade: Cascade) -> Self {
        Self {
            global: GlobalStage { generation, cascade },
            search: LocalSearch::new(generation),
            rules: *rules,
        }
    }

    /// Judges a batch of images; the sealed pages are decrypted once for all of them.
    ///
    /// `images` are those of `queries`, by their numbers; they are asked for, on several threads, where the stages before
    /// have not settled an image.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged: there is no answer from part of it.
    pub fn judge(
        &self,
        queries: &[QueryFingerprint],
        images: &dyn Images,
        counts: &mut CascadeCounts,
    ) -> Result<Vec<Judgement>, IndexError> {
        let started = Instant::now();
        let asked = queries.par_iter().map(|query| self.global.ask_graph(query, &self.rules.whole));
        let mut judgements: Vec<Option<Judgement>> = asked.collect::<Result<_, _>>()?;
        let by_graph: Vec<bool> = judgements.iter().map(Option::is_some).collect();
        counts.seconds.graph += started.elapsed().as_secs_f64();

        let started = Instant::now();
        let open: Vec<usize> = (0..queries.len()).filter(|index| judgements[*index].is_none()).collect();
        let asked: Vec<Asked> = open.iter().map(|index| Asked::whole(queries[*index].codes())).collect();
        let mut scans: Vec<Option<Scanned>> = queries.iter().map(|_| None).collect();
        let mut unsettled: Vec<usize> = Vec::new();
        for (index, scanned) in open.into_iter().zip(self.global.scan(asked)?) {
            let judgement = scanned.judge(&self.rules.whole);
            if judgement.band() != Some(Band::Strong) {
                unsettled.push(index);
            }
            judgements[index] = Some(judgement);
            scans[index] = Some(scanned);
        }
        counts.seconds.exact += started.elapsed().as_secs_f64();

        let started = Instant::now();
        let is_strong = |judgement: &Judgement| judgement.band() == Some(Band::Strong);
        let strong_by_whole: Vec<bool> =
            judgements.iter().map(|judgement| judgement.as_ref().is_some_and(is_strong)).collect();
        let inspected = queries.par_iter().zip(&mut judgements).enumerate();
        inspected.filter(|(number, _)| strong_by_whole[*number]).try_for_each(
            |(number, (query, judgement))| {
                let image = || images.reader(number);
                match judgement {
                    Some(judgement) => {
                        self.inspect(query.local(), &image, &self.rules.whole, &mut judgement.matches)
                    }
                    None => Ok(()),
                }
            },
        )?;
        for (index, judgement) in judgements.iter().enumerate().filter(|(index, _)| strong_by_whole[*index]) {
            let Some(judgement) = judgement else { continue };
            if is_strong(judgement) {
                *(if by_graph[index] { &mut counts.graph } else { &mut counts.exact }) += 1;
            } else {
                unsettled.push(index);
            }
        }
        // Of what the graph found and details do not confirm there was no exact scan yet.
        let unscanned: Vec<usize> =
            unsettled.iter().copied().filter(|index| scans[*index].is_none()).collect();
        let asked = unscanned.iter().map(|index| Asked::whole(queries[*index].codes())).collect();
        for (index, scanned) in unscanned.into_iter().zip(self.global.scan(asked)?) {
            scans[index] = Some(scanned);
        }
        counts.local += unsettled.len() as u64;
        let shown = Unsettled { images, unsettled: &unsettled };
        let panels = self.look_at_panels(&shown)?;
        let asked: Vec<&LocalQuery> = unsettled.iter().map(|index| queries[*index].local()).collect();
        let hinted = |number: usize, contests: &[Contest]| {
            let whole = judgements[unsettled[number]].as_ref();
            let may_be = |contest: &Contest| self.rules.local.band(contest.lead(), 0.0).is_some();
            contests.iter().any(|contest| contest.best().score >= HINT || may_be(contest))
                || !panels[number].is_empty()
                || whole.is_some_and(|whole| whole.band().is_some())
        };
        let settled = |number: usize, contests: &[Contest]| {
            let scanned = scans[unsettled[number]].as_ref();
            scanned.is_some_and(|scanned| self.settles(scanned, &panels[number], contests))
                || documents_fill(contests) && !hinted(number, contests)
        };
        let mut finely = |number: usize, contests: &[Contest]| {
            let finely = self.global.cascade.looks == Looks::Thorough || hinted(number, contests);
            counts.finer += u64::from(finely);
            finely
        };
        let ahead = self.global.cascade.looks == Looks::Thorough;
        let found = self.search.look(&asked, &shown, Some(&settled), &mut finely, &|_, _| true, ahead)?;
        let straightened = straight::scan(&self.global, &shown, &found, &|_, _| true)?;
        let decided = unsettled.par_iter().enumerate().map(|(number, index)| {
            let (Some(scanned), Some(judgement)) = (&scans[*index], &judgements[*index]) else {
                return Ok(None);
            };
            let case = Case {
                rules: &self.rules,
                search: &self.search,
                generation: self.global.generation,
                query: queries[*index].local(),
                image: &|| shown.reader(number),
                scanned,
                panels: &panels[number],
            };
            case.decide(&found[number], &straightened[number], judgement).map(Some)
        });
        let decided: Vec<Option<Judgement>> = decided.collect::<Result<_, IndexError>>()?;
        for (index, decided) in unsettled.iter().zip(decided) {
            if decided.is_some() {
                judgements[*index] = decided;
            }
        }
        counts.seconds.local += started.elapsed().as_secs_f64();
        Ok(judgements.into_iter().flatten().collect())
    }

    /// Adds to matches by whole-image codes how their local codes agree. One of which a part looks different rests on the
    /// parts that do not, and all are possible where the details contradict the best. One that may be alone with its template, and of which
    /// it is not seen that nearly all is the same, has to be as near as if others of the template were there.
    fn inspect<'r>(
        &self,
        query: &LocalQuery,
        image: &dyn Fn() -> Option<Box<dyn Read + 'r>>,
        rule: &DecisionRule,
        matches: &mut [Found],
    ) -> Result<(), IndexError> {
        for found in &mut *matches {
            let mirrored = found.orientation.index() >= Orientation::Mirror.index();
            let sighting = self.search.against(query, mirrored, image, &found.place)?;
            found.sighting = sighting.map(|sighting| sighting.knowing(&found.record));
            if found.sighting.as_ref().is_some_and(|sighting| sighting.altered) {
                found.tier = Tier::Local;
            }
        }
        let contradicted = is_contradicted(matches);
        for found in matches.iter_mut().filter(|found| found.band == Band::Strong) {
            let alone = rule.band_alone(found.record.distance, found.runner_up);
            let sighting = found.sighting.as_ref();
            let undisputed = sighting.is_some_and(|sighting| sighting.undisputed);
            // A small copy has no details to agree.
            let agrees = query.upright.len() < FEW_DETAILS
                || sighting.is_some_and(|seen| 3 * u64::from(seen.features) >= 2 * u64::from(seen.in_view));
            let mistakable =
                found.record.near_duplicate_of.is_some() && !sighting.is_some_and(Sighting::is_unmistakable);
            if contradicted
                || mistakable
                || ((alone != Some(Band::Strong) || !agrees)
                    && !undisputed
                    && self.search.known_print_of(&found.record, found.place, &|_| true)? <= 0.0)
            {
                found.band = Band::Possible;
            }
        }
        doubt_altered(matches);
        // Stable: nearer ones first.
        matches.sort_by_key(|found| std::cmp::Reverse(found.band));
        Ok(())
    }

    /// The panels of images that match something, inspected: each as an image of its own, in which details can be told that
    /// are too small on the sheet.
    fn look_at_panels(&self, shown: &Unsettled<'_>) -> Result<Vec<Vec<PanelAnswer>>, IndexError> {
        let mut panels = panels::look(&self.global, &self.rules.whole, shown, shown.unsettled.len())?;
        panels.par_iter_mut().enumerate().try_for_each(|(number, panels)| {
            panels.iter_mut().try_for_each(|panel| {
                let mut matches = std::mem::take(&mut panel.judgement.matches);
                let area = panel.area();
                let query = shown.panel_query(number, &area);
                self.inspect(&query, &|| shown.panel_reader(number, &area), &panel.rule, &mut matches)?;
                for found in &mut matches {
                    let there = found.sighting.take().map(|sighting| panel.on_sheet(sighting));
                    let outline = || Sighting::outlined(found, panel.outline(found.orientation));
                    let there = there.filter(|sighting| panel.is_place_of(sighting)).unwrap_or_else(outline);
                    found.tier = if there.altered { Tier::Local } else { Tier::Global };
                    found.sighting = Some(there);
                }
                panel.judgement.matches = matches;
                Ok::<_, IndexError>(())
            })
        })?;
        Ok(panels)
    }

    /// Whether strong matches fill the image, so that finer looks can add nothing.
    fn settles(&self, scanned: &Scanned, panels: &[PanelAnswer], contests: &[Contest]) -> bool {
        let strong: Vec<&PanelAnswer> =
            panels.iter().filter(|panel| panel.judgement.band() == Some(Band::Strong)).collect();
        let is_strong = |contest: &&Contest| {
            let best = contest.best();
            let surprise =
                decide::surprise(&self.rules.whole, scanned, contest, best, self.global.generation)?;
            let band =
                decide::band(&self.rules.local, &self.search, contest, best, (contest.lead(), surprise))?;
            Ok::<_, IndexError>(band == Some(Band::Strong))
        };
        // What is damaged shows when the decision is made.
        let by_details = contests
            .iter()
            .filter(|contest| !strong.iter().any(|panel| panel.is_place_of(contest.best())))
            .filter(|contest| is_strong(contest).unwrap_or(false));
        let seen = by_details.map(|contest| contest.best().area()).sum::<f64>();
        seen + strong.iter().map(|panel| panel.share).sum::<f64>() >= ALL_SEEN
    }
}

/// Of records of several subjects that hold one image, those of which the leaked image shows that a part is another are no more than possible where it does not
/// show that of the best: a forged card may have been made of the image of a genuine one.
pub(crate) fn doubt_altered(matches: &mut [Found]) {
    let Some((best, others)) = matches.split_first_mut() else { return };
    let differs = |found: &Found| found.sighting.as_ref().is_some_and(Sighting::differs);
    if differs(best) {
        return;
    }
    let subject = best.record.facts.subject;
    for other in others.iter_mut().filter(|other| differs(other)) {
        if subject.is_none() || other.record.facts.subject != subject {
            other.band = Band::Possible;
        }
    }
}

/// Whether the details of a strong match say that much of it is another document: whole-image codes of documents of one
/// template are mostly about the portrait, and a forged card may have that of one record and the rest of another.
fn is_contradicted(matches: &[Found]) -> bool {
    let best = matches.first().filter(|found| found.band == Band::Strong);
    best.and_then(|found| found.sighting.as_ref()).is_some_and(|sighting| sighting.disputed)
}
