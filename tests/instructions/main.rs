//! How many instructions the hot paths take, counted by callgrind and compared with what `counts.txt` says.
//!
//! Counts, unlike times, are the same in every run and on every machine that valgrind shows as the same processor (it hides
//! AVX-512). They depend on the compiler, so with another version they are printed and not compared. `make counts` writes the
//! file anew.

#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

#[path = "../../benches/sealed.rs"]
mod sealed;
#[path = "../../benches/words.rs"]
mod words;
mod work;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WORK: [&str; 3] = ["scan", "lookup", "fingerprint"];

/// More than this above what is written down is a regression: the allocator and the order of `HashMap`s move counts by less.
const TOLERANCE: f64 = 0.05;

fn counts_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/instructions/counts.txt")
}

/// What `program` says of its version; `None` where it does not run.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Set for a run of this program that is counted: what to do, and how often.
const ASKED: &str = "SALTPRINT_WORK";

/// What is counted: does what the environment asks for, and nothing else.
#[test]
fn work() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let (work, times) = asked.split_once(' ').unwrap();
    work::run(work, times.parse().unwrap());
}

/// Instructions of one run, of all its threads.
fn instructions(work: &str, times: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "work", "--test-threads=1"])
        .env(ASKED, format!("{work} {times}"))
        // One thread more would spin while it waits.
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap();
    collected.1.trim().parse().unwrap()
}

#[test]
fn hot_paths_take_no_more_instructions_than_written_down() {
    if cfg!(not(target_arch = "x86_64")) {
        println!("skipped: the counts are those of x86-64");
        return;
    }
    let Some(valgrind) = version("valgrind") else {
        println!("skipped: valgrind is not here");
        return;
    };
    let compiler =
        version(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())).unwrap_or_default();
    let counted: BTreeMap<&str, u64> =
        WORK.iter().map(|work| (*work, instructions(work, 3) - instructions(work, 1))).collect();

    if std::env::var("SALTPRINT_COUNTS").is_ok_and(|what| what == "write") {
        let mut text = format!("# Instructions of two repetitions; written by `make counts`.\n{compiler}\n");
        for (work, count) in counted {
            writeln!(text, "{work} {count}").unwrap();
        }
        fs::write(counts_file(), text).unwrap();
        return;
    }
    let written = fs::read_to_string(counts_file()).unwrap();
    let mut lines = written.lines().filter(|line| !line.starts_with('#'));
    let same_compiler = lines.next() == Some(&compiler);
    let expected: BTreeMap<&str, u64> = lines
        .filter_map(|line| line.split_once(' '))
        .map(|(work, count)| (work, count.parse().unwrap()))
        .collect();
    assert_eq!(expected.keys().collect::<Vec<_>>(), counted.keys().collect::<Vec<_>>());
    let mut regressions = Vec::new();
    for (work, count) in counted {
        let ratio = count as f64 / expected[work] as f64;
        println!("{work}: {count} instructions, {ratio:.3} of what is written down ({compiler}, {valgrind})");
        if ratio > 1.0 + TOLERANCE {
            regressions.push(format!("{work} {ratio:.3}"));
        }
    }
    if !same_compiler {
        println!("not compared: the counts were written with another compiler");
        return;
    }
    assert!(
        regressions.is_empty(),
        "more instructions than before: {}; if that is meant, run `make counts`",
        regressions.join(", ")
    );
}
