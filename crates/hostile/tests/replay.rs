//! Every target on a stable compiler: its seeds, the inputs that broke something once, and mutations of both.
//!
//! `SALTPRINT_EFFORT` multiplies the number of mutations, and `SALTPRINT_SEED` is what they are made from.

#![expect(clippy::print_stdout, reason = "says which input broke a promise")]

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{env, panic};

use saltprint_hostile::{Mutator, Target, regressions, stored_seeds};

/// Memory is measured for the whole process, so there is one input at a time.
static ONE: Mutex<()> = Mutex::new(());

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Mutations of a target, by what one costs.
fn mutations(target: &Target) -> u64 {
    let usual = match target.name {
        "document" | "segment" | "profile" => 150,
        "catalog" => 200,
        "archive" | "manifest" | "audit" => 600,
        _ => 1_500,
    };
    usual * number("SALTPRINT_EFFORT", 1)
}

fn replay(name: &str) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Target::named(name);
    let mut inputs = target.seeds();
    for (number, seed) in inputs.iter().enumerate() {
        check(target, seed, &format!("seed {number}"));
    }
    for (path, bytes) in stored_seeds(target).into_iter().chain(regressions(target)) {
        check(target, &bytes, &shown(&path));
        inputs.push(bytes);
    }
    assert!(!inputs.is_empty(), "no seeds");
    let mut mutator = Mutator::new(number("SALTPRINT_SEED", 1));
    for number in 0..mutations(target) {
        let input = mutator.mutation(&inputs, target.words);
        check(target, &input, &format!("mutation {number}"));
    }
}

/// Checks one input. Where it breaks a promise, it is written down first: `fuzz/README.md` says what to do with it.
fn check(target: &Target, input: &[u8], what: &str) {
    let Err(broken) = panic::catch_unwind(|| target.check(input)) else { return };
    let place = env::var_os("CARGO_TARGET_TMPDIR").map_or_else(env::temp_dir, PathBuf::from);
    let path = place.join(format!("{}-broken", target.name));
    std::fs::write(&path, input).expect("the folder of temporary files");
    println!("{what} of {} broke a promise; it lies in {}", target.name, path.display());
    panic::resume_unwind(broken);
}

fn shown(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[test]
fn image() {
    replay("image");
}

#[test]
fn archive() {
    replay("archive");
}

#[test]
fn document() {
    replay("document");
}

#[test]
fn erasures() {
    replay("erasures");
}

#[test]
fn segment() {
    replay("segment");
}

#[test]
fn manifest() {
    replay("manifest");
}

#[test]
fn catalog() {
    replay("catalog");
}

#[test]
fn key() {
    replay("key");
}

#[test]
fn profile() {
    replay("profile");
}

#[test]
fn config() {
    replay("config");
}

#[test]
fn audit() {
    replay("audit");
}
