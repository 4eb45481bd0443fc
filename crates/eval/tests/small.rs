//! A small evaluation from end to end, and one of a folder of files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use saltprint::{Config, Looks, NoProgress};
use saltprint_eval::{EvalError, EvalPlan, EvalReport, RecordCounts, StrangerCounts, Treatment, run};
use saltprint_synth::{Corpus, write_corpus};

const EDITS: [&str; 6] = ["none", "jpeg-30", "crop-90", "grey", "collage-2x2", "blacked-fields"];

fn treatments(names: &[&str]) -> Vec<Treatment> {
    names.iter().map(|name| Treatment::by_name(name).unwrap()).collect()
}

fn plan() -> EvalPlan {
    EvalPlan::synthetic(120).strangers(40).queries(20).treatments(treatments(&EDITS)).seed(3)
}

fn parts(counts: &RecordCounts) -> u64 {
    let RecordCounts {
        strong, possible, same_subject, wrong_strong, wrong_possible, missed, rejected, ..
    } = *counts;
    strong + possible + same_subject + wrong_strong + wrong_possible + missed + rejected
}

fn stranger_parts(counts: &StrangerCounts) -> u64 {
    counts.strong + counts.possible + counts.no_match + counts.rejected
}

fn check_sums(report: &EvalReport) {
    let rows = [std::slice::from_ref(&report.total), &report.edits, &report.kinds, &report.cells];
    for row in rows.into_iter().flatten() {
        assert_eq!(parts(&row.counts), row.counts.images, "{row:?}");
        assert_eq!((row.recall.count, row.recall.of), (row.counts.strong, row.counts.images));
        for cell in &row.hashes {
            assert!(cell.right + cell.wrong <= row.counts.images, "{row:?}");
        }
    }
    let images = |rows: &[saltprint_eval::Row]| rows.iter().map(|row| row.counts.images).sum::<u64>();
    assert_eq!(images(&report.edits), report.total.counts.images);
    assert_eq!(images(&report.kinds), report.total.counts.images);
    assert_eq!(images(&report.cells), report.total.counts.images);

    let [all, unedited, edited] = report.strangers.as_slice() else { panic!("three rows of strangers") };
    for row in report.strangers.iter().chain(&report.stranger_edits).chain(&report.stranger_kinds) {
        assert_eq!(stranger_parts(&row.counts), row.counts.images, "{row:?}");
        assert!(row.hashes.iter().all(|cell| cell.right == 0));
    }
    assert_eq!(all.counts.images, unedited.counts.images + edited.counts.images);
    let by_kind: u64 = report.stranger_kinds.iter().map(|row| row.counts.images).sum();
    assert_eq!(all.counts.images, by_kind);

    for method in &report.methods {
        let histogram = &method.histogram;
        assert!(histogram.right.iter().sum::<u64>() <= report.total.counts.images);
        assert!(histogram.strangers.iter().sum::<u64>() <= all.counts.images);
        for pair in method.roc.windows(2) {
            assert!(pair[0].right <= pair[1].right && pair[0].strangers <= pair[1].strangers, "{pair:?}");
        }
    }
}

/// `edits.csv` and `items.csv` say what the report says.
fn check_tables(report: &EvalReport, dir: &Path) {
    let mut counted: HashMap<(String, String, String), u64> = HashMap::new();
    for row in csv::Reader::from_path(dir.join("items.csv")).unwrap().records() {
        let row = row.unwrap();
        for kind in [&row[3], "all"] {
            *counted
                .entry((row[2].to_owned(), kind.to_owned(), format!("{} {}", &row[1], &row[4])))
                .or_default() += 1;
        }
    }
    let count = |edit: &str, kind: &str, outcome: &str| {
        counted.get(&(edit.to_owned(), kind.to_owned(), outcome.to_owned())).copied().unwrap_or(0)
    };
    for row in report.edits.iter().chain(&report.cells) {
        assert_eq!(count(&row.edit, &row.kind, "record strong"), row.counts.strong, "{row:?}");
        assert_eq!(count(&row.edit, &row.kind, "record missed"), row.counts.missed, "{row:?}");
        assert_eq!(count(&row.edit, &row.kind, "record wrong_strong"), row.counts.wrong_strong, "{row:?}");
    }
    for row in &report.stranger_edits {
        assert_eq!(count(&row.images, "all", "stranger missed"), row.counts.no_match, "{row:?}");
    }

    let mut edits = csv::Reader::from_path(dir.join("edits.csv")).unwrap();
    let header = edits.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|have| have == name).unwrap();
    let rows: Vec<csv::StringRecord> = edits.records().map(Result::unwrap).collect();
    for row in &report.edits {
        let found: Vec<_> = rows
            .iter()
            .filter(|cells| cells[1] == row.edit && &cells[3] == "all" && &cells[0] == "record")
            .collect();
        assert_eq!(found.len(), 1, "{}", row.edit);
        assert_eq!(found[0][column("strong")], row.counts.strong.to_string());
        assert_eq!(found[0][column("images")], row.counts.images.to_string());
    }
}

/// One page that asks for nothing from anywhere and names every edit.
fn check_page(report: &EvalReport, page: &str) {
    for row in &report.edits {
        assert!(page.contains(&format!(">{}<", row.edit)), "{} is missing", row.edit);
    }
    for outside in
        ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link", "NaN", "inf"]
    {
        assert!(!page.contains(outside), "`{outside}` in the page");
    }
    for tag in ["table", "svg", "section", "figure", "tr", "td", "div", "dl", "ul"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "<{tag}>");
    }
}

fn without_times(report: &EvalReport) -> serde_json::Value {
    let mut value = serde_json::to_value(report).unwrap();
    value.as_object_mut().unwrap().remove("stages");
    value
}

#[test]
fn an_invented_vault() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let report = run(&plan(), &NoProgress).unwrap();
    println!("{}", report.to_text());
    assert_eq!((report.setup.records, report.setup.strangers), (120, 40));
    assert_eq!(report.total.counts.images, 20 * EDITS.len() as u64);
    assert_eq!(report.strangers[0].counts.images, 80);
    check_sums(&report);

    // What any version of the pipeline must do.
    let exact = &report.edits[0];
    assert_eq!((exact.edit.as_str(), exact.found.count), ("none", 20), "{exact:?}");
    assert_eq!(report.total.counts.wrong_strong, 0);
    assert_eq!(report.strangers[0].counts.strong, 0);
    // And what PDQ does: byte-identical copies are found.
    assert_eq!(exact.hashes[0].right, 20);
    for threshold in report.methods.iter().flat_map(|method| &method.thresholds) {
        if threshold.name == "best" {
            assert_eq!(threshold.wrong.count + threshold.strangers.count, 0, "{threshold:?}");
        }
    }

    report.write_to(&out).unwrap();
    check_tables(&report, &out);
    check_page(&report, &fs::read_to_string(out.join("report.html")).unwrap());
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(json["format"], saltprint_eval::FORMAT);
    assert_eq!(json["edits"].as_array().unwrap().len(), EDITS.len());
}

/// How well altered copies are found and strangers told apart, on a vault that is large enough to measure local codes and too
/// small for whole-image ones. Floors are what was measured, less a little.
#[test]
fn altered_copies_are_found_and_nobody_is_accused() {
    const FLOORS: [(&str, f64); 12] = [
        ("none", 1.0),
        ("jpeg-30", 0.95),
        ("resize-40", 0.95),
        ("mirror", 0.95),
        ("stamp", 0.85),
        // Some seventeen records a template: what others show of the print that is left counts little.
        ("blacked-fields", 0.75),
        ("crop-80", 0.95),
        ("border-10", 0.95),
        ("screenshot", 0.95),
        ("collage-2x2", 0.95),
        ("tilt-7", 0.95),
        ("perspective", 0.85),
    ];
    let plan = EvalPlan::synthetic(150).strangers(60).queries(20).baselines(false).seed(5);
    let report = run(&plan.treatments(treatments(&FLOORS.map(|(edit, _)| edit))), &NoProgress).unwrap();
    println!("{}", report.to_text());
    let counts = &report.total.counts;
    assert_eq!((counts.wrong_strong, report.strangers[0].counts.strong), (0, 0), "{counts:?}");
    let strong = |counts: &RecordCounts| counts.strong as f64 / counts.images as f64;
    assert!(strong(counts) >= 0.96, "{counts:?}");
    for (row, (edit, floor)) in report.edits.iter().zip(FLOORS) {
        assert_eq!(row.edit, edit);
        assert!(strong(&row.counts) >= floor, "{row:?}");
    }
}

#[test]
fn copies_are_found_in_an_index_that_was_filled_up() {
    let plan = EvalPlan::synthetic(60).strangers(8).queries(10).baselines(false).seed(6);
    let plan = plan.treatments(treatments(&["none", "jpeg-30", "crop-80"]));
    let small = run(&plan, &NoProgress).unwrap();
    let grown = run(&plan.clone().grow_to(3000), &NoProgress).unwrap();
    assert_eq!((small.setup.invented, grown.setup.invented), (0, 3000 - grown.pipeline.indexed));
    let said = serde_json::to_value(&small.setup).unwrap();
    assert!(said.get("invented").is_none(), "readers of earlier versions see no difference");
    assert!(grown.to_text().contains("among 2940 invented ones"), "{}", grown.to_text());
    assert!(grown.notes.iter().any(|note| note.contains("filled up to 3000")));
    for (grown, small) in grown.edits.iter().zip(&small.edits) {
        assert_eq!(grown.counts.wrong_strong, 0);
        let found = |row: &saltprint_eval::Row| row.counts.strong + row.counts.possible;
        assert!(found(grown) + 1 >= found(small) && found(small) >= 9, "{grown:?}\n{small:?}");
    }
    assert_eq!(grown.strangers[0].counts.strong, 0);

    let Err(EvalError::Plan { reason }) = run(&plan.grow_to(20), &NoProgress) else { panic!("shrunk") };
    assert!(reason.contains("60 records, more than 20"), "{reason}");
}

#[test]
fn the_same_plan_gives_the_same_numbers_from_a_vault_that_is_there() {
    let place = tempfile::tempdir().unwrap();
    let plan =
        EvalPlan::synthetic(30).strangers(9).queries(8).treatments(treatments(&["tilt-2", "collage-3x3"]));
    let plan = plan.seed(4).work(place.path());
    let first = run(&plan, &NoProgress).unwrap();
    let marker = place.path().join("vault/.layouts.json");
    let written = fs::metadata(&marker).unwrap().modified().unwrap();
    let again = run(&plan, &NoProgress).unwrap();
    assert_eq!(without_times(&again), without_times(&first));
    assert_eq!(fs::metadata(&marker).unwrap().modified().unwrap(), written);

    // The same images, looked at quickly, and told so.
    let quick = run(&plan.quick(true), &NoProgress).unwrap();
    assert_eq!((first.setup.looks, quick.setup.looks), (Looks::Thorough, Looks::Quick));
    assert_eq!(quick.total.counts.images, first.total.counts.images);
    assert!(quick.to_text().contains("; quick looks.") && !first.to_text().contains("quick"));
}

#[test]
fn an_own_vault_gives_numbers_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let vault = place.path().join("vault");
    write_corpus(&vault, &Corpus::new(48, 9), |_| ()).unwrap();
    fs::write(vault.join("onboarding/notes.txt"), "no image").unwrap();
    let manifest = fs::read_to_string(vault.join("vault.csv")).unwrap();
    let mut rows = manifest.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    // One item that is no image, and one whose bytes another subject's record has too.
    let first = rows.next().unwrap();
    let more = format!(
        "{manifest}secret-note,onboarding/notes.txt,cust-secret,,,\nsecret-copy,{},cust-other,,,passport\n",
        first[1]
    );
    fs::write(vault.join("vault.csv"), more).unwrap();
    let file = place.path().join("saltprint.toml");
    fs::write(&file, "[vault]\nroot = \"vault\"\nmanifest = \"vault/vault.csv\"\n").unwrap();
    let config = Config::load(&file).unwrap();

    let names = ["none", "recoded", "portrait-only", "turn-90"];
    let plan = EvalPlan::vault(config.clone()).queries(12).treatments(treatments(&names)).baselines(false);
    let report = run(&plan, &NoProgress).unwrap();
    println!("{}", report.to_text());
    check_sums(&report);
    let setup = &report.setup;
    assert_eq!((setup.vault, setup.unusable), ("own", 1));
    assert_eq!(setup.records + setup.strangers + setup.same_bytes, 49);
    assert!((8..=13).contains(&(setup.strangers + setup.same_bytes)), "{setup:?}");
    assert_eq!(report.edits[0].found.count, 12);
    assert!(report.notes.iter().any(|note| note.contains("neutral place")));
    // Neither keys nor an index of the customer were made or needed.
    assert!(!config.keys.exists() && !config.index.exists() && !config.profile.exists());

    let out = place.path().join("out");
    report.write_to(&out).unwrap();
    for written in fs::read_dir(&out).unwrap() {
        let text = fs::read_to_string(written.unwrap().path()).unwrap();
        for word in ["cust-", "secret", "onboarding", "vendor", "passport", ".jpg", "rec_", "2019-"] {
            assert!(!text.contains(word), "`{word}` left the evaluation");
        }
    }
    check_page(&report, &fs::read_to_string(out.join("report.html")).unwrap());
}

#[test]
fn a_vault_may_grow_over_several_nights() {
    let place = tempfile::tempdir().unwrap();
    let plan = EvalPlan::synthetic(20).strangers(6).queries(8).treatments(treatments(&["none", "jpeg-30"]));
    let plan = plan.baselines(false).seed(8).work(place.path());
    let grown = run(&plan.clone().nights(4), &NoProgress).unwrap();
    assert_eq!((grown.setup.nights, grown.pipeline.indexed), (4, 20));
    assert!(grown.notes.iter().any(|note| note.contains("grew over 4 rebuilds")), "{:?}", grown.notes);
    assert_eq!(grown.total.found.count, 16);
    // 2, 5, 10 and 20 records: each time a generation.
    let pin = fs::read_to_string(place.path().join("run/index.pin")).unwrap();
    assert!(pin.contains("seen generation 4 ") && !pin.contains("seen generation 5 "), "{pin}");

    // More nights than there are doublings: those in which there is nothing yet are passed over.
    let long = run(&plan.clone().nights(20), &NoProgress).unwrap();
    assert_eq!((long.setup.nights, long.pipeline.indexed), (5, 20));
    let at_once = run(&plan, &NoProgress).unwrap();
    let said = serde_json::to_value(&at_once.setup).unwrap();
    assert!(said.get("nights").is_none(), "readers of earlier versions see no difference");
    assert!(!at_once.notes.iter().any(|note| note.contains("grew over")));
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let none = EvalPlan::synthetic(0);
    let nothing = EvalPlan::synthetic(10).treatments(Vec::new());
    let nobody = EvalPlan::synthetic(10).queries(0);
    let twice = EvalPlan::synthetic(10).treatments(treatments(&["grey", "grey"]));
    let never = EvalPlan::synthetic(10).nights(0);
    for plan in [none, nothing, nobody, twice, never] {
        assert!(matches!(run(&plan, &NoProgress), Err(EvalError::Plan { .. })));
    }
}

/// Both subjects of one image count as right, and neither is lost to the other.
#[test]
fn records_that_are_stored_again() {
    // The second run finds the vault of the first.
    let place = tempfile::tempdir().unwrap();
    let plan = EvalPlan::synthetic(100)
        .strangers(20)
        .queries(100)
        .treatments(treatments(&["jpeg-30", "crop-80"]))
        .baselines(false)
        .seed(4)
        .work(place.path());
    let without = run(&plan, &NoProgress).unwrap();
    let report = run(&plan.near_duplicates(10), &NoProgress).unwrap();
    println!("{}\n{}", without.to_text(), report.to_text());
    check_sums(&report);
    assert_eq!((without.setup.near_duplicates, report.setup.near_duplicates), (0, 10));
    assert_eq!((without.setup.records, report.setup.records), (100, 110));
    assert_eq!(report.total.counts.images, without.total.counts.images);
    assert_eq!((report.total.counts.wrong_strong, report.strangers[0].counts.strong), (0, 0));
    // One pair that passes for two documents would make everybody need a larger lead: 22 were lost by that.
    assert!(report.total.found.count + 6 >= without.total.found.count);

    let [.., doubled] = &report.kinds[..] else { panic!("rows of kinds") };
    assert_eq!((doubled.kind.as_str(), doubled.counts.images), ("stored twice", 20));
    assert_eq!(doubled.found.count + doubled.counts.same_subject, 20, "{doubled:?}");
}
