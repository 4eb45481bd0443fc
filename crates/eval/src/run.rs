//! The order of an evaluation.

use rayon::prelude::*;
use saltprint::{Config, ItemReport, NoProgress, Outcome, Saltprint, TriageInput, WorkerMode};

use crate::EvalError;
use crate::baselines::Hashes;
use crate::measures::{self, Measure};
use crate::near_duplicates;
use crate::pipeline::{self, Built, Recipe, WorkFolder};
use crate::plan::{DEFAULT_HOLD_OUT, EvalPlan, Source};
use crate::progress::{Clock, Progress, Stage, Work};
use crate::queries::Workshop;
use crate::report::{self, EvalReport};
use crate::score::{Item, Role, Truth, Verdict};
use crate::seeds::{self, Choice};
use crate::treatment::Treatment;
use crate::vault::{self, Documents, Holding};

/// Images that are made before they are looked up together. Their encoded bytes are in memory at a time.
const BATCH: usize = 128;

/// Carries a plan out. Works on all threads of the current rayon pool.
///
/// # Errors
/// [`EvalError::Plan`] where the plan asks for nothing or for more than the vault has; [`EvalError::Listing`] and
/// [`EvalError::VaultChanged`] for an own vault; [`EvalError::Pipeline`] where the shipped pipeline fails;
/// [`EvalError::Io`] where the work folder cannot be used.
pub fn run(plan: &EvalPlan, progress: &dyn Progress) -> Result<EvalReport, EvalError> {
    plan.check()?;
    let clock = Clock::default();
    let work = WorkFolder::new(plan.work.as_deref())?;
    let (documents, own) = match &plan.source {
        Source::Synthetic { records, templates } => {
            let strangers = plan.strangers.unwrap_or(records.div_ceil(4));
            let dir = work.vault()?;
            let all = records + strangers;
            let documents = clock.time(Work::Vault, all, || {
                let mut documents =
                    vault::synthetic(&dir, *records, strangers, templates, plan.seed, progress)?;
                near_duplicates::store_again(&mut documents, plan.near_duplicates, plan.seed)?;
                Ok::<_, EvalError>(documents)
            })?;
            (documents, None)
        }
        Source::Vault(config) => {
            if config.decode.worker == WorkerMode::Required {
                return Err(EvalError::plan(
                    "copies are made in colour, and pictures are decoded for that in this process: `[decode] worker = \"required\"` \
                     forbids it; say \"auto\" in a configuration for evaluations",
                ));
            }
            let documents = clock.time(Work::Vault, 0, || {
                vault::listed(config, plan.strangers, DEFAULT_HOLD_OUT, plan.seed, progress)
            })?;
            clock.count(Work::Vault, documents.kept.len() + documents.strangers.len());
            (documents, Some(config.as_ref()))
        }
    };
    if documents.kept.is_empty() {
        return Err(EvalError::plan("no usable record is left once the strangers are held out"));
    }
    let EvalPlan { seed, readout, nights, grow_to, quick, .. } = *plan;
    let recipe = Recipe { seed, readout, nights, grow_to, quick };
    let built = pipeline::build(&work, &documents, own, &recipe, &clock, progress)?;
    let asking = Asking {
        plan,
        documents: &documents,
        built: &built,
        truth: Truth::new(&documents.kept, &built.refs),
        gallery: gallery(plan, &documents, &built.config, &clock, progress)?,
        workshop: Workshop::new(&documents, built.config.limits, plan.seed, &clock),
        clock: &clock,
    };
    let (mut items, mut uneditable) = asking.ask(Stage::Records, &asking.records(), progress)?;
    let (strangers, uneditable_strangers) = asking.ask(Stage::Strangers, &asking.strangers(), progress)?;
    items.extend(strangers);
    uneditable += uneditable_strangers;
    let invented_neighbours = !asking.workshop.has_neighbours();
    Ok(report::assemble(report::Findings {
        plan,
        documents: &documents,
        built: &built,
        clock: &clock,
        items,
        uneditable,
        invented_neighbours,
    }))
}

/// Hashes of all kept records, or none where no baseline runs. A record that cannot be read has no hash.
fn gallery(
    plan: &EvalPlan,
    documents: &Documents,
    config: &Config,
    clock: &Clock,
    progress: &dyn Progress,
) -> Result<Vec<Hashes>, EvalError> {
    if !plan.baselines {
        return Ok(Vec::new());
    }
    let workshop = Workshop::plain(config.limits, clock);
    let mut gallery = Vec::with_capacity(documents.kept.len());
    clock.time(Work::Survey, documents.kept.len(), || {
        for batch in documents.kept.chunks(BATCH) {
            progress.update(Stage::Baselines, gallery.len() as u64, Some(documents.kept.len() as u64));
            let hashes: Result<Vec<Hashes>, EvalError> = batch
                .par_iter()
                .map(|record| {
                    let content = workshop.read(&record.entry.location)?;
                    Ok(config
                        .decoder
                        .decode(content.bytes(), &config.limits)
                        .map_or_else(|_| Hashes::default(), |image| Hashes::of(&image)))
                })
                .collect();
            gallery.extend(hashes?);
        }
        Ok(gallery)
    })
}

/// One image to ask.
#[derive(Debug, Clone, Copy)]
struct Job {
    role: Role,
    /// Index into the kept records or the strangers.
    holding: usize,
    /// Index into the plan's treatments; `None` is the stored bytes.
    treatment: Option<usize>,
}

/// Everything that is needed to ask.
struct Asking<'a> {
    plan: &'a EvalPlan,
    documents: &'a Documents,
    built: &'a Built,
    truth: Truth<'a>,
    gallery: Vec<Hashes>,
    workshop: Workshop<'a>,
    clock: &'a Clock,
}

/// An image that was made, with what the baselines say about it.
struct Made {
    job: Job,
    bytes: Vec<u8>,
    baselines: Vec<Measure>,
}

impl Asking<'_> {
    /// Each treatment with its own sample of the records that it applies to.
    fn records(&self) -> Vec<Job> {
        let asked = self.documents.asked();
        let mut jobs = Vec::new();
        for (number, treatment) in self.plan.treatments.iter().enumerate() {
            let name = treatment.to_string();
            let mut order: Vec<(u64, usize)> = asked
                .iter()
                .enumerate()
                .filter(|(_, record)| treatment.applies_to(record.layout.as_ref()))
                .map(|(index, record)| {
                    let parts = [name.as_bytes(), record.entry.record_id.as_bytes()];
                    (seeds::draw(Choice::Sample, self.plan.seed, &parts), index)
                })
                .collect();
            order.sort_unstable();
            jobs.extend(order.into_iter().take(self.plan.queries).map(|(_, holding)| Job {
                role: Role::Record,
                holding,
                treatment: Some(number),
            }));
        }
        jobs
    }

    /// Each stranger as it is, and under one edit in turn, or under all.
    fn strangers(&self) -> Vec<Job> {
        let stored = self.plan.treatments.iter().position(|treatment| *treatment == Treatment::Stored);
        let edits: Vec<usize> =
            (0..self.plan.treatments.len()).filter(|number| Some(*number) != stored).collect();
        let job = |holding, treatment| Job { role: Role::Stranger, holding, treatment };
        let mut jobs = Vec::new();
        for (holding, stranger) in self.documents.strangers.iter().enumerate() {
            jobs.push(job(holding, stored));
            let applies = |edit: &&usize| self.plan.treatments[**edit].applies_to(stranger.layout.as_ref());
            // Each its own edit in turn, or the next that it has something for.
            let turn = edits.iter().cycle().skip(holding).take(edits.len()).filter(applies);
            let wanted = if self.plan.full_strangers { edits.len() } else { 1 };
            jobs.extend(turn.take(wanted).map(|edit| job(holding, Some(*edit))));
        }
        jobs
    }

    /// Makes and asks all images, batch by batch. Gives the items in the order of the jobs, and how many images could
    /// not be made.
    fn ask(
        &self,
        stage: Stage,
        jobs: &[Job],
        progress: &dyn Progress,
    ) -> Result<(Vec<Item>, u64), EvalError> {
        let mut items = Vec::with_capacity(jobs.len());
        let mut uneditable = 0;
        for (number, batch) in jobs.chunks(BATCH).enumerate() {
            progress.update(stage, (number * BATCH) as u64, Some(jobs.len() as u64));
            let made: Result<Vec<Option<Made>>, EvalError> =
                batch.par_iter().map(|job| self.make(*job)).collect();
            let made = made?;
            uneditable += made.iter().filter(|made| made.is_none()).count() as u64;
            let made: Vec<Made> = made.into_iter().flatten().collect();
            let reports = self.clock.time(Work::Lookup, made.len(), || self.look_up(&made))?;
            items.extend(made.into_iter().zip(reports).map(|(made, report)| self.item(made, &report)));
        }
        progress.update(stage, jobs.len() as u64, Some(jobs.len() as u64));
        Ok((items, uneditable))
    }

    fn holding(&self, job: Job) -> &Holding {
        match job.role {
            Role::Record => &self.documents.kept[job.holding],
            Role::Stranger => &self.documents.strangers[job.holding],
        }
    }

    fn own(job: Job) -> Option<usize> {
        (job.role == Role::Record).then_some(job.holding)
    }

    fn make(&self, job: Job) -> Result<Option<Made>, EvalError> {
        let treatment = job.treatment.map_or(Treatment::Stored, |number| self.plan.treatments[number]);
        let Some(bytes) = self.workshop.make(self.holding(job), treatment)? else { return Ok(None) };
        let baselines = if self.plan.baselines {
            self.clock.time(Work::Baselines, 1, || self.measure_baselines(job, &bytes))
        } else {
            Vec::new()
        };
        Ok(Some(Made { job, bytes, baselines }))
    }

    fn measure_baselines(&self, job: Job, bytes: &[u8]) -> Vec<Measure> {
        let config = &self.built.config;
        let hashes = config
            .decoder
            .decode(bytes, &config.limits)
            .map_or_else(|_| Hashes::default(), |image| Hashes::of(&image));
        let own = Self::own(job);
        let is_right = |index| own.is_some_and(|own| self.truth.is_subject(index, own));
        hashes.measure(&self.gallery, is_right).to_vec()
    }

    /// Asks for one batch.
    fn look_up(&self, made: &[Made]) -> Result<Vec<ItemReport>, EvalError> {
        let saltprint: &Saltprint = &self.built.saltprint;
        let mut reports = Vec::with_capacity(made.len());
        let inputs = made.iter().map(|made| TriageInput::bytes("query", made.bytes.clone()));
        saltprint.triage(inputs, true, &NoProgress, |report| {
            reports.push(report);
            Ok::<_, saltprint::Error>(())
        })?;
        // The same bytes twice in a batch count once in a leak, but here each image is a question of its own.
        for (report, made) in reports.iter_mut().zip(made) {
            if report.outcome == Outcome::Duplicate {
                *report = saltprint.lookup_with_evidence("query", &made.bytes)?;
            }
        }
        Ok(reports)
    }

    fn item(&self, made: Made, report: &ItemReport) -> Item {
        let Made { job, baselines, .. } = made;
        let own = Self::own(job);
        let verdict: Verdict = self.truth.judge(report, own);
        let ours = measures::of_matches(&report.matches, |found| self.truth.is_right(found, own));
        let measures = ours.chain(baselines).collect();
        Item { role: job.role, treatment: job.treatment, kind: self.holding(job).kind, verdict, measures }
    }
}
