//! A leak with files that kill whoever decodes them. This program is its own worker, one that dies of what a file says, so it has
//! no standard harness.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a harness and its tests")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use saltprint::worker::{Decoder, Settings, serve_watched};
use saltprint::{
    CalibrateOptions, Config, Error, ItemReport, NoProgress, Outcome, RebuildOptions, Saltprint,
    TriageSummary, calibrate, rebuild,
};

/// What kills a worker.
const KILLER: &[u8] = b"a file that takes its reader down";

fn main() -> ExitCode {
    let die = &mut |bytes: &[u8]| {
        if bytes == KILLER {
            std::process::abort();
        }
    };
    if let Some(exit) = serve_watched(std::env::args_os(), die) {
        return exit;
    }
    let mut failed = 0;
    for (name, test) in [
        ("a_leak_that_kills_workers_is_looked_up_all_the_same", a_deadly_leak as fn()),
        ("a_vault_that_kills_workers_is_indexed_all_the_same", a_deadly_vault),
    ] {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    failed.into()
}

/// A vault of eight documents, with keys and a profile, whose inputs are decoded by this program's workers.
fn place(home: &Path) -> (Config, Vec<Vec<u8>>) {
    let corpus = saltprint_synth::Corpus::new(8, 1);
    let documents: Vec<Vec<u8>> = (0..8).map(|index| corpus.document(index).unwrap().encoded).collect();
    fs::create_dir(home.join("vault")).unwrap();
    for (index, document) in documents.iter().enumerate() {
        fs::write(home.join(format!("vault/{index}.jpg")), document).unwrap();
    }
    let mut counter = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        counter += 1;
        bytes.fill(counter);
        Ok(())
    };
    saltprint_keys::keygen(&home.join("keys"), UNIX_EPOCH, &mut random).unwrap();
    fs::write(home.join("saltprint.toml"), "[vault]\nroot = \"vault\"\n").unwrap();
    let mut config = Config::load(&home.join("saltprint.toml")).unwrap();
    config.decoder = Decoder::workers(Settings::default()).unwrap();
    calibrate(&config, CalibrateOptions::default(), &NoProgress).unwrap();
    (config, documents)
}

fn triage(saltprint: &Saltprint, leak: &Path) -> (TriageSummary, Vec<ItemReport>) {
    let mut reports = Vec::new();
    let summary = saltprint
        .triage_leak(leak, false, &NoProgress, |report| {
            reports.push(report);
            Ok::<(), Error>(())
        })
        .unwrap();
    (summary, reports)
}

fn a_deadly_leak() {
    let home = tempfile::tempdir().unwrap();
    let (config, documents) = place(home.path());
    rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
    let leak = home.path().join("leak");
    fs::create_dir(&leak).unwrap();
    fs::write(leak.join("1.jpg"), &documents[1]).unwrap();
    fs::write(leak.join("2-killer.jpg"), KILLER).unwrap();
    let archive =
        tar(&[("3.jpg", &documents[3]), ("4-killer.jpg", KILLER), ("5-not-reached.jpg", &documents[5])]);
    fs::write(leak.join("3.tar"), archive).unwrap();
    fs::write(leak.join("6.jpg"), &documents[6]).unwrap();

    let saltprint = Saltprint::open(&config).unwrap();
    let (summary, reports) = triage(&saltprint, &leak);
    let told: Vec<(&str, Outcome, Option<&str>)> = reports
        .iter()
        .map(|report| {
            (report.input.as_str(), report.outcome, report.reason.as_ref().map(|reason| reason.code.as_ref()))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("1.jpg", Outcome::Match, None),
            ("2-killer.jpg", Outcome::Refused, Some("decoder_crashed")),
            ("3.tar/3.jpg", Outcome::Match, None),
            ("3.tar", Outcome::Refused, Some("decoder_crashed")),
            ("6.jpg", Outcome::Match, None),
        ]
    );
    let totals = summary.totals;
    assert_eq!((totals.inputs, totals.matches, totals.refused), (5, 3, 2));
}

fn a_deadly_vault() {
    let home = tempfile::tempdir().unwrap();
    let (config, documents) = place(home.path());
    fs::write(home.path().join("vault/killer.jpg"), KILLER).unwrap();
    fs::write(home.path().join("vault/killer.tar"), tar(&[("a.jpg", &documents[0]), ("b.jpg", KILLER)]))
        .unwrap();
    for _ in 0..2 {
        let summary = rebuild(&config, RebuildOptions::default(), &NoProgress).unwrap();
        // The entry before the killer has the bytes of another record.
        assert_eq!((summary.totals.indexed, summary.totals.refused, summary.totals.duplicate), (8, 2, 1));
    }
}

/// A tape archive.
fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in entries {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}
