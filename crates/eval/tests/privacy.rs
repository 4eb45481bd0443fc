//! The privacy measurements from end to end, as small as they get.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use saltprint::{Config, NoProgress};
use saltprint_eval::{
    EvalError, Finding, PRIVACY_FORMAT, PrivacyPlan, PrivacyReport, PrivacyVerdict, measure_privacy,
};
use saltprint_synth::{Corpus, write_corpus};

fn findings(report: &PrivacyReport, letter: char) -> Vec<&Finding> {
    let of = report.measurements.iter().filter(|measured| measured.letter == letter);
    of.flat_map(|measured| &measured.findings).collect()
}

/// What has to hold in any version, whatever the vault: keys hide codes from those who have none.
fn check_claims(report: &PrivacyReport) {
    let two_keys = findings(report, 'b').into_iter().take(2);
    let claims: Vec<&Finding> =
        ['a', 'c', 'f'].into_iter().flat_map(|letter| findings(report, letter)).chain(two_keys).collect();
    assert_eq!(claims.len(), 6 + 4 + 3 + 2);
    for claim in claims {
        assert_ne!(claim.verdict, PrivacyVerdict::Leaks, "{claim:?}");
    }
    for measured in &report.measurements {
        for table in &measured.tables {
            assert!(!table.rows.is_empty(), "{}", table.title);
            assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
        }
        for finding in &measured.findings {
            assert!(finding.value.is_finite(), "{finding:?}");
            assert_eq!(finding.bound.is_none(), finding.verdict == PrivacyVerdict::Stated, "{finding:?}");
        }
    }
}

/// The files say what the report says; the page asks for nothing from anywhere.
fn check_files(report: &PrivacyReport, dir: &Path, pictures: usize) {
    report.write_to(dir).unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.join("privacy.json")).unwrap()).unwrap();
    assert_eq!(json["format"], PRIVACY_FORMAT);
    assert_eq!(json["measurements"].as_array().unwrap().len(), report.measurements.len());
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_path(dir.join("privacy.csv")).unwrap().records().map(Result::unwrap).collect();
    let all = report.measurements.iter().flat_map(|measured| &measured.findings);
    assert_eq!(rows.iter().filter(|row| &row[0] == "finding").count(), all.clone().count());
    let page = fs::read_to_string(dir.join("privacy.html")).unwrap();
    for finding in all {
        assert!(page.contains(&finding.what), "{finding:?}");
    }
    assert_eq!(page.matches("<img ").count(), pictures);
    assert_eq!(page.matches("src=").count(), page.matches("src=\"data:image/png;base64,").count());
    // What the pictures' letters spell is chance.
    let words: String =
        page.split("data:image").map(|part| part.split_once("\"><").map_or(part, |(_, rest)| rest)).collect();
    for outside in ["http:", "https:", "href=", "url(", "@import", "<script", "<link", "NaN"] {
        assert!(!words.contains(outside), "`{outside}` in the page");
    }
    for tag in ["table", "section", "figure", "tr", "td", "div"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "<{tag}>");
    }
}

#[test]
fn an_invented_vault() {
    let place = tempfile::tempdir().unwrap();
    let report = measure_privacy(&PrivacyPlan::synthetic(128).seed(3).quick(true), &NoProgress).unwrap();
    println!("{}", report.to_text());
    let letters: String = report.measurements.iter().map(|measured| measured.letter).collect();
    assert_eq!(letters, "abcdefgr");
    check_claims(&report);
    check_files(&report, place.path(), 18);

    // What is known to leak is said, not hidden: plain codes can be linked, learned and turned back.
    let leaks: Vec<&str> =
        report.with_verdict(PrivacyVerdict::Leaks).map(|finding| finding.what.as_str()).collect();
    assert!(leaks.iter().any(|what| what.starts_with("linear: codes linked")), "{leaks:?}");
    assert!(leaks.iter().any(|what| what.starts_with("linear: share of bits predicted")), "{leaks:?}");
}

#[test]
fn an_own_vault_gives_numbers_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let vault = place.path().join("vault");
    write_corpus(&vault, &Corpus::new(130, 9), |_| ()).unwrap();
    let file = place.path().join("saltprint.toml");
    fs::write(&file, "[vault]\nroot = \"vault\"\nmanifest = \"vault/vault.csv\"\n").unwrap();
    let config = Config::load(&file).unwrap();
    let report =
        measure_privacy(&PrivacyPlan::vault(config.clone()).seed(3).quick(true), &NoProgress).unwrap();
    let letters: String = report.measurements.iter().map(|measured| measured.letter).collect();
    assert_eq!((letters.as_str(), report.setup.vault, report.setup.records), ("abcdf", "own", 130));
    check_claims(&report);
    // Neither keys nor an index of the customer were made or needed.
    assert!(!config.keys.exists() && !config.index.exists() && !config.profile.exists());
    let out = place.path().join("out");
    check_files(&report, &out, 0);
    for written in fs::read_dir(&out).unwrap() {
        let text = fs::read_to_string(written.unwrap().path()).unwrap();
        for word in ["cust-", "onboarding", "vendor", "passport", ".jpg", "rec_", "2019-"] {
            assert!(!text.contains(word), "`{word}` left the measurements");
        }
    }
}

#[test]
fn a_vault_too_small_is_refused() {
    let tiny = PrivacyPlan::synthetic(127).quick(true);
    assert!(matches!(measure_privacy(&tiny, &NoProgress), Err(EvalError::Plan { .. })));
}
