//! From judged images to rows, thresholds and curves.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::{
    ALL, EvalReport, FORMAT, HashCell, KindSize, MethodReport, PipelineFacts, Row, Setup, StageTime,
    StrangerRow, ThresholdReport,
};
use crate::measures::{self, Accepts, Histogram, Measure, Method};
use crate::pipeline::Built;
use crate::plan::{EvalPlan, Source};
use crate::progress::{Clock, Work};
use crate::score::{Item, RecordCounts, Role, StrangerCounts};
use crate::treatment::Treatment;
use crate::vault::Documents;
use saltprint::Share;

/// Everything that the report is made of.
pub(crate) struct Findings<'a> {
    pub(crate) plan: &'a EvalPlan,
    pub(crate) documents: &'a Documents,
    pub(crate) built: &'a Built,
    pub(crate) clock: &'a Clock,
    pub(crate) items: Vec<Item>,
    pub(crate) uneditable: u64,
    pub(crate) invented_neighbours: bool,
}

/// Makes the report.
pub(crate) fn assemble(findings: Findings<'_>) -> EvalReport {
    let Findings { plan, documents, built, clock, .. } = findings;
    let methods = measures::methods(plan.baselines);
    let table = Table::new(&findings, &methods);
    let edits = 0..plan.treatments.len();
    let kinds = 0..documents.kinds.len();
    let stored = plan.treatments.iter().position(|treatment| *treatment == Treatment::Stored);
    let is_stored = |treatment: Option<usize>| treatment.is_none() || treatment == stored;

    let row_is_used = |row: &Row| row.counts.images > 0;
    let stranger_row_is_used = |row: &StrangerRow| row.counts.images > 0;
    EvalReport {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        setup: setup(&findings),
        pipeline: PipelineFacts {
            calibrated_on: built.calibrated.sample as u64,
            builtin_profile: built.calibrated.builtin,
            axes: built.calibrated.dims as u64,
            indexed: built.rebuilt.totals.indexed + built.rebuilt.totals.duplicate,
            too_plain: built.rebuilt.totals.too_plain,
            strong_chance: built.config.matching.rule.strong_chance,
            possible_chance: built.config.matching.rule.possible_chance,
            rule: serde_json::to_value(built.rebuilt.rule).unwrap_or_default(),
        },
        total: table.row(None, None),
        edits: edits.clone().map(|edit| table.row(Some(edit), None)).collect(),
        kinds: kinds.clone().map(|kind| table.row(None, Some(kind))).filter(row_is_used).collect(),
        cells: edits
            .clone()
            .flat_map(|edit| kinds.clone().map(move |kind| (edit, kind)))
            .map(|(edit, kind)| table.row(Some(edit), Some(kind)))
            .filter(row_is_used)
            .collect(),
        strangers: vec![
            table.stranger_row(ALL, None, |_| true),
            table.stranger_row("unedited", None, is_stored),
            table.stranger_row("edited", None, |treatment| !is_stored(treatment)),
        ],
        stranger_edits: edits
            .map(|edit| {
                table.stranger_row(&plan.treatments[edit].to_string(), None, |of| {
                    of == Some(edit) || stored == Some(edit) && of.is_none()
                })
            })
            .filter(stranger_row_is_used)
            .collect(),
        stranger_kinds: kinds
            .map(|kind| table.stranger_row(ALL, Some(kind), |_| true))
            .filter(stranger_row_is_used)
            .collect(),
        methods: table.method_reports(),
        stages: stages(clock),
        notes: notes(&findings),
        warnings: built.rebuilt.warnings.clone(),
        items: findings.items,
        kind_names: documents.kinds.clone(),
    }
}

/// A baseline at one threshold.
struct Column {
    /// Index into the methods.
    method: usize,
    name: &'static str,
    bits: Option<f32>,
}

/// Sums over the images of one row.
#[derive(Clone, Default)]
struct Sums {
    records: RecordCounts,
    strangers: StrangerCounts,
    /// Right and wrong ones, for each column.
    hashes: Vec<[u64; 2]>,
}

impl AddAssign<&Self> for Sums {
    fn add_assign(&mut self, other: &Self) {
        self.records += other.records;
        self.strangers += other.strangers;
        for (mine, theirs) in self.hashes.iter_mut().zip(&other.hashes) {
            mine[0] += theirs[0];
            mine[1] += theirs[1];
        }
    }
}

/// All images by treatment and kind.
struct Table<'a> {
    plan: &'a EvalPlan,
    documents: &'a Documents,
    methods: &'a [Method],
    columns: Vec<Column>,
    records: BTreeMap<(Option<usize>, usize), Sums>,
    strangers: BTreeMap<(Option<usize>, usize), Sums>,
    /// For each method, the measures of all edited records and of all strangers.
    nearness: Vec<[Vec<Measure>; 2]>,
}

impl<'a> Table<'a> {
    fn new(findings: &Findings<'a>, methods: &'a [Method]) -> Self {
        let items = &findings.items;
        let measures = |method: usize, role: Role| -> Vec<Measure> {
            items.iter().filter(|item| item.role == role).map(|item| item.measures[method]).collect()
        };
        let nearness: Vec<[Vec<Measure>; 2]> = (0..methods.len())
            .map(|method| [measures(method, Role::Record), measures(method, Role::Stranger)])
            .collect();
        let mut columns = Vec::new();
        for (number, method) in methods.iter().enumerate() {
            let Some(baseline) = method.baseline else { continue };
            let best = Method::best(baseline.bits, nearness[number].iter().flatten().copied());
            columns.push(Column { method: number, name: "customary", bits: Some(baseline.customary as f32) });
            columns.push(Column { method: number, name: "best", bits: best });
        }
        let empty = Sums { hashes: vec![[0; 2]; columns.len()], ..Sums::default() };
        let (mut records, mut strangers) = (BTreeMap::new(), BTreeMap::new());
        for item in items {
            let key = (item.treatment, item.kind);
            let of = if item.role == Role::Record { &mut records } else { &mut strangers };
            let sums: &mut Sums = of.entry(key).or_insert_with(|| empty.clone());
            match item.role {
                Role::Record => sums.records.add(item.verdict),
                Role::Stranger => sums.strangers.add(item.verdict),
            }
            for (column, counts) in columns.iter().zip(&mut sums.hashes) {
                let Some(bits) = column.bits else { continue };
                match methods[column.method].judge(item.measures[column.method], bits) {
                    Accepts::Right => counts[0] += 1,
                    Accepts::Wrong => counts[1] += 1,
                    Accepts::Nothing => {}
                }
            }
        }
        let (plan, documents) = (findings.plan, findings.documents);
        Self { plan, documents, methods, columns, records, strangers, nearness }
    }

    fn sum(
        &self,
        of: &BTreeMap<(Option<usize>, usize), Sums>,
        wanted: impl Fn(Option<usize>, usize) -> bool,
    ) -> Sums {
        let mut sums = Sums { hashes: vec![[0; 2]; self.columns.len()], ..Sums::default() };
        of.iter()
            .filter(|((treatment, kind), _)| wanted(*treatment, *kind))
            .for_each(|(_, part)| sums += part);
        sums
    }

    fn cells(&self, sums: &Sums) -> Vec<HashCell> {
        self.columns
            .iter()
            .zip(&sums.hashes)
            .map(|(column, [right, wrong])| HashCell {
                method: self.methods[column.method].name,
                threshold: column.name,
                right: *right,
                wrong: *wrong,
            })
            .collect()
    }

    fn kind(&self, kind: Option<usize>) -> String {
        kind.map_or_else(|| ALL.to_owned(), |kind| self.documents.kinds[kind].clone())
    }

    /// Edited records of one edit and kind; `None` is all of them.
    fn row(&self, edit: Option<usize>, kind: Option<usize>) -> Row {
        let sums = self.sum(&self.records, |of_edit, of_kind| {
            edit.is_none_or(|edit| of_edit == Some(edit)) && kind.is_none_or(|kind| of_kind == kind)
        });
        let treatment = edit.map(|edit| self.plan.treatments[edit]);
        let counts = sums.records;
        Row {
            edit: treatment.map_or_else(|| ALL.to_owned(), |treatment| treatment.to_string()),
            family: treatment.map_or(ALL, Treatment::family),
            kind: self.kind(kind),
            counts,
            recall: Share::new(counts.strong, counts.images),
            found: Share::new(counts.strong + counts.possible, counts.images),
            wrong: Share::new(counts.wrong_strong, counts.images),
            hashes: self.cells(&sums),
        }
    }

    fn stranger_row(
        &self,
        images: &str,
        kind: Option<usize>,
        wanted: impl Fn(Option<usize>) -> bool,
    ) -> StrangerRow {
        let sums = self.sum(&self.strangers, |of_edit, of_kind| {
            wanted(of_edit) && kind.is_none_or(|kind| of_kind == kind)
        });
        let counts = sums.strangers;
        StrangerRow {
            images: images.to_owned(),
            kind: self.kind(kind),
            counts,
            strong: Share::new(counts.strong, counts.images),
            possible: Share::new(counts.possible, counts.images),
            hashes: self.cells(&sums),
        }
    }

    fn method_reports(&self) -> Vec<MethodReport> {
        let records = self.sum(&self.records, |_, _| true);
        let strangers = self.sum(&self.strangers, |_, _| true);
        let threshold = |at: usize| {
            let ([right, wrong], [_, foreign]) = (records.hashes[at], strangers.hashes[at]);
            ThresholdReport {
                name: self.columns[at].name,
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number of bits, 0 to 256"
                )]
                bits: self.columns[at].bits.map(|bits| bits as u32),
                right: Share::new(right, records.records.images),
                wrong: Share::new(wrong, records.records.images),
                strangers: Share::new(foreign, strangers.strangers.images),
            }
        };
        self.methods
            .iter()
            .zip(&self.nearness)
            .enumerate()
            .map(|(number, (method, [records, strangers]))| MethodReport {
                name: method.name,
                unit: method.unit,
                smaller_is_nearer: method.smaller_is_nearer,
                thresholds: (0..self.columns.len())
                    .filter(|at| self.columns[*at].method == number)
                    .map(threshold)
                    .collect(),
                histogram: Histogram::new(method, records, strangers),
                roc: measures::roc(method, records, strangers),
            })
            .collect()
    }
}

fn setup(findings: &Findings<'_>) -> Setup {
    let Findings { plan, documents, .. } = findings;
    let count =
        |of: &[crate::vault::Holding], kind| of.iter().filter(|holding| holding.kind == kind).count() as u64;
    Setup {
        vault: match plan.source {
            Source::Synthetic { .. } => "invented",
            Source::Vault(_) => "own",
        },
        seed: plan.seed,
        records: documents.kept.len() as u64,
        near_duplicates: documents.stored_again as u64,
        nights: findings.built.nights,
        invented: findings.built.grown.map_or(0, |grown| grown.invented),
        strangers: documents.strangers.len() as u64,
        queries_per_edit: plan.queries as u64,
        looks: findings.built.config.matching.cascade.looks,
        full_strangers: plan.full_strangers,
        kinds: documents
            .kinds
            .iter()
            .enumerate()
            .map(|(number, kind)| KindSize {
                kind: kind.clone(),
                records: count(&documents.kept, number),
                strangers: count(&documents.strangers, number),
            })
            .filter(|size| size.records + size.strangers > 0)
            .collect(),
        unusable: documents.unusable,
        same_bytes: documents.same_bytes,
        uneditable: findings.uneditable,
    }
}

fn stages(clock: &Clock) -> Vec<StageTime> {
    Work::ALL
        .into_iter()
        .filter_map(|work| {
            let ((time, units), (stage, summed)) = (clock.spent(work), work.describe());
            (units > 0).then_some(StageTime { stage, units, seconds: time.as_secs_f64(), summed })
        })
        .collect()
}

/// What a reader should know to judge the numbers.
fn notes(findings: &Findings<'_>) -> Vec<String> {
    let Findings { plan, documents, built, .. } = findings;
    let own = matches!(plan.source, Source::Vault(_));
    let has = |wanted: &dyn Fn(Treatment) -> bool| plan.treatments.iter().copied().any(wanted);
    let collage =
        |treatment: Treatment| matches!(treatment.edit(), Some(saltprint_synth::Edit::Collage { .. }));
    let mut notes = Vec::new();
    if own && has(&Treatment::needs_layout) {
        notes.push(
            "Where portrait and fields of these documents lie is not known. Edits of the portrait or the fields take a \
             neutral place: the portrait in the left third, four lines of text to its right."
                .to_owned(),
        );
    }
    if own {
        notes.push(
            "Keys were drawn for this run only, so that another run on the same images differs a little."
                .to_owned(),
        );
        if documents.kept.iter().all(|record| record.entry.facts.subject.is_none()) {
            notes.push(
                "The list names no subjects: two documents of one person count as two people, and a match between \
                 them as a wrong one."
                    .to_owned(),
            );
        }
    }
    if findings.invented_neighbours && has(&collage) {
        notes.push(
            "Too few strangers to fill collages with: their other cells are invented documents.".to_owned(),
        );
    }
    if plan.queries > documents.asked().len() {
        notes.push(
            "The vault has fewer records than were to be asked under each edit: all were asked.".to_owned(),
        );
    }
    if built.calibrated.builtin {
        notes.push("The vault was too small to calibrate on: the built-in profile was used.".to_owned());
    }
    if documents.strangers.is_empty() {
        notes.push("No strangers were held out: nothing is known about false matches.".to_owned());
    }
    if documents.stored_again > 0 {
        notes.push(format!(
            "The images of {} records are stored again, in other bytes and under other subjects. A match with either is right.",
            documents.stored_again
        ));
    }
    if built.nights > 1 {
        notes.push(format!(
            "The vault grew over {} rebuilds, each of which found twice as many records as the one before; the profile was learned on \
             all of them.",
            built.nights
        ));
    }
    if let Some(grown) = built.grown {
        notes.push(format!(
            "The index was filled up to {} records with invented ones, whose features are as near to others as those of \
             these documents and agree in no place. That shows which copies are lost in a vault of that size; how many \
             strangers are accused there it does not.",
            grown.records
        ));
    }
    if plan.baselines {
        notes.push(
            "Baselines accept the nearest record of the upright image; another record of the same subject counts as \
             right, and so does the right one where two are equally near. Their best threshold is chosen on these very \
             images, which favours them."
                .to_owned(),
        );
    }
    notes
}
