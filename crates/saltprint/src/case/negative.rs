//! What could be ours and not be found: the miss rates of the last evaluation, and what they mean for this leak.

use std::fmt::Write as _;
use std::path::Path;

use saltprint_matching::Looks;
use serde::Deserialize;

use super::verdict::number;
use super::{EditBound, NegativeStatement};
use crate::{CONFIDENCE, Error, Share, TriageTotals};

/// The form of the evaluation's report that is understood.
const FORMAT: u32 = 1;

/// The part of an evaluation's `report.json` that is needed here.
#[derive(Debug, Deserialize)]
struct Evaluation {
    format: u32,
    version: String,
    setup: Setup,
    edits: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Setup {
    vault: String,
    records: u64,
    /// Invented ones that the index was filled up with.
    #[serde(default)]
    invented: u64,
    /// Rebuilds that the vault grew over; 0 where nothing is said.
    #[serde(default)]
    nights: u32,
    #[serde(default)]
    looks: Looks,
}

/// What a case that looked quickly says first.
const QUICK: &str = "This was a quick look: images in which nothing hinted at a record got no finer look. Documents that take up little of a \
    picture are missed that way; the same command without `--quick`, into another folder, finds more of them.";

#[derive(Debug, Deserialize)]
struct Row {
    edit: String,
    found: Share,
}

/// The statement for a leak with these totals, at which was looked as `looks` says; `evaluation` is the evaluation's `report.json`,
/// where there is one.
///
/// # Errors
/// [`Error::Evaluation`] where the file is none.
pub(super) fn state(
    evaluation: Option<&Path>,
    totals: &TriageTotals,
    looks: Looks,
) -> Result<NegativeStatement, Error> {
    let mut sentences: Vec<String> = Vec::new();
    if looks == Looks::Quick {
        sentences.push(QUICK.to_owned());
    }
    let Some(path) = evaluation else {
        sentences.push(
            "No evaluation is at hand, so that nothing can be said about what is missed: run `saltprint eval --out DIR` on this vault and name its report.json as `[case] evaluation`."
                .to_owned(),
        );
        return Ok(NegativeStatement { evaluation: None, edits: Vec::new(), sentences });
    };
    let wrong = |reason: String| Error::Evaluation { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let evaluation: Evaluation = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("it is no report of an evaluation: {error}")))?;
    if evaluation.format != FORMAT {
        return Err(wrong(format!("its format is {}, this program reads {FORMAT}", evaluation.format)));
    }
    let compared = totals.compared();
    let nothing_found = compared > 0 && totals.matches + totals.possible == 0;
    // What was measured of thorough looks bounds nothing where this one was quick.
    let comparable = looks == Looks::Thorough || evaluation.setup.looks == Looks::Quick;
    let bounded = nothing_found && comparable;
    let edits: Vec<EditBound> = evaluation
        .edits
        .into_iter()
        .map(|row| EditBound {
            could_be_ours: bounded.then(|| most_hidden(compared, row.found.low)),
            edit: row.edit,
            found: row.found,
        })
        .collect();
    let vault = if evaluation.setup.vault == "own" { "this vault" } else { "an invented vault" };
    let mut filled = match evaluation.setup.invented {
        0 => String::new(),
        invented => format!(" among {}", number(invented, "invented one", "invented ones")),
    };
    if evaluation.setup.nights > 1 {
        let _ = write!(filled, " that came over {} rebuilds", evaluation.setup.nights);
    }
    if !comparable {
        sentences.push(
            "The evaluation looked thoroughly: its rates are those of a look without `--quick`, and bound nothing here."
                .to_owned(),
        );
    }
    sentences.extend(rates(&edits, compared, bounded));
    let others = totals.unreadable + totals.refused + totals.too_plain;
    if nothing_found && others > 0 {
        sentences.push(format!(
            "This says nothing of {} that could not be compared.",
            number(others, "input", "inputs")
        ));
    }
    Ok(NegativeStatement {
        evaluation: Some(format!(
            "{vault} of {}{filled}, by version {} of the program",
            number(evaluation.setup.records, "record", "records"),
            evaluation.version
        )),
        edits,
        sentences,
    })
}

/// The largest share of `compared` images that can be ours if each copy is found with a chance of at least `found` and
/// none was: the share `s` at which `(1 - s found)^n` falls to half of 5 %, and 1 at most. The other half is the chance that
/// copies are found less often than `found`, the lower end of a 95 % interval: together both hold with 95 % (Bonferroni).
fn most_hidden(compared: u64, found: f64) -> f64 {
    if found <= 0.0 {
        return 1.0;
    }
    let missed = f64::midpoint(0.0, 1.0 - CONFIDENCE).powf(1.0 / compared as f64);
    ((1.0 - missed) / found).min(1.0)
}

fn rates(edits: &[EditBound], compared: u64, bounded: bool) -> Vec<String> {
    let mut sentences = Vec::new();
    if edits.is_empty() {
        return sentences;
    }
    let value = |edit: &EditBound| edit.found.value.unwrap_or(0.0);
    let often =
        edits.iter().filter(|edit| value(edit) < 0.5).map(|edit| edit.edit.as_str()).collect::<Vec<_>>();
    let nearly_always = edits.iter().filter(|edit| value(edit) >= 0.95).count();
    sentences.push(format!(
        "Copies with {nearly_always} of {} edits are found at least 95 times in 100.",
        edits.len()
    ));
    if !often.is_empty() {
        sentences.push(format!(
            "Copies that are edited like this are missed more often than found: {}.",
            often.join(", ")
        ));
    }
    if bounded {
        let worst = edits
            .iter()
            .filter(|edit| edit.found.low >= 0.5)
            .filter_map(|edit| edit.could_be_ours)
            .fold(0.0, f64::max);
        sentences.push(format!(
            "None of {} was found. With 95 % confidence no more than {:.2} % of them can be copies of ours with an edit that is found at least every second time.",
            number(compared, "compared image", "compared images"), worst * 100.0
        ));
    }
    sentences.push("What the index does not hold cannot be found at all; see its coverage.".to_owned());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(no_match: u64, possible: u64) -> TriageTotals {
        TriageTotals { inputs: no_match + possible, no_match, possible, ..TriageTotals::default() }
    }

    fn report(folder: &tempfile::TempDir, format: u32) -> std::path::PathBuf {
        report_of(folder, format, &serde_json::json!({"vault": "own", "records": 1000, "seed": 1}))
    }

    fn report_of(folder: &tempfile::TempDir, format: u32, setup: &serde_json::Value) -> std::path::PathBuf {
        let path = folder.path().join("report.json");
        let row =
            |edit, found| serde_json::json!({"edit": edit, "found": Share::new(found, 100), "kind": "all"});
        let value = serde_json::json!({
            "format": format, "version": "0.1.0", "setup": setup,
            "edits": [row("jpeg-30", 100), row("crop-40", 20), row("black-page", 0)],
        });
        std::fs::write(&path, value.to_string()).unwrap();
        path
    }

    #[test]
    fn bounds_per_edit_where_nothing_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let told = state(Some(&report(&folder, 1)), &totals(1_000, 0), Looks::Thorough).unwrap();
        assert_eq!(
            told.evaluation.as_deref(),
            Some("this vault of 1,000 records, by version 0.1.0 of the program")
        );
        let bounds: Vec<f64> = told.edits.iter().map(|edit| edit.could_be_ours.unwrap()).collect();
        // 1 - 0.025^(1/1000), divided by the lower end of the share that is found.
        assert!((bounds[0] - 0.003_682 / Share::new(100, 100).low).abs() < 1e-5, "{bounds:?}");
        assert!(bounds[1] > 0.02 && bounds[1] < 0.03, "{bounds:?}");
        let unread = TriageTotals { refused: 7, ..totals(1_000, 0) };
        let told = state(Some(&report(&folder, 1)), &unread, Looks::Thorough).unwrap();
        assert!(told.sentences.iter().any(|sentence| sentence.contains("nothing of 7 inputs")));
        assert!(bounds[2] >= 1.0, "{bounds:?}");
        assert!(
            told.sentences.iter().any(|sentence| sentence.contains("crop-40, black-page")),
            "{:?}",
            told.sentences
        );
    }

    #[test]
    fn no_bounds_where_something_was_found_or_no_evaluation_is_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let told = state(Some(&report(&folder, 1)), &totals(1_000, 1), Looks::Thorough).unwrap();
        assert!(told.edits.iter().all(|edit| edit.could_be_ours.is_none()));
        let none = state(None, &totals(1, 0), Looks::Thorough).unwrap();
        assert!(none.evaluation.is_none() && none.sentences[0].contains("saltprint eval"));
    }

    #[test]
    fn a_quick_look_is_bounded_by_an_evaluation_that_looked_quickly() {
        let folder = tempfile::tempdir().unwrap();
        let told = |report: &Path, looks| state(Some(report), &totals(1_000, 0), looks).unwrap();
        let bounded =
            |told: &NegativeStatement| told.edits.iter().filter(|edit| edit.could_be_ours.is_some()).count();
        let says =
            |told: &NegativeStatement, words: &str| told.sentences.iter().any(|one| one.contains(words));
        let thorough = report(&folder, 1);
        let quick = told(&thorough, Looks::Quick);
        assert!(says(&quick, "quick look") && says(&quick, "bound nothing here"), "{:?}", quick.sentences);
        assert!(bounded(&quick) == 0 && !says(&quick, "confidence"), "{:?}", quick.sentences);
        assert!(bounded(&told(&thorough, Looks::Thorough)) == 3);
        let setup = serde_json::json!({"vault": "own", "records": 1000, "looks": "quick"});
        let evaluated = report_of(&folder, 1, &setup);
        let quick = told(&evaluated, Looks::Quick);
        assert!(says(&quick, "quick look") && says(&quick, "confidence"), "{:?}", quick.sentences);
        assert_eq!((bounded(&quick), bounded(&told(&evaluated, Looks::Thorough))), (3, 3));
    }

    #[test]
    fn a_wrong_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let newer = state(Some(&report(&folder, 2)), &totals(1, 0), Looks::Thorough).unwrap_err().to_string();
        assert!(newer.contains("format is 2"), "{newer}");
        std::fs::write(folder.path().join("x.json"), "{}").unwrap();
        assert!(state(Some(&folder.path().join("x.json")), &totals(1, 0), Looks::Thorough).is_err());
        assert!(state(Some(&folder.path().join("none.json")), &totals(1, 0), Looks::Thorough).is_err());
    }
}
