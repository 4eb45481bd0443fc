//! A large published index out of a small real one: `scale CONFIG RECORDS [--segment N] [--seed N] [--graph]`.
//!
//! The shipped program then opens it, checks it and is asked for the real ones, which [`growth.py`](growth.py) times. Never run
//! it on an index that anybody needs. [`saltprint_eval::grow`] says what is invented; `saltprint eval --grow-to` measures
//! recognition in such an index.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "says what it is at")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use saltprint::Config;
use saltprint_eval::{Growth, grow};

const USAGE: &str = "usage: scale CONFIG RECORDS [--segment N] [--seed N] [--graph]";

fn parse(mut given: impl Iterator<Item = String>) -> Option<(PathBuf, Growth)> {
    let mut growth = Growth { records: 0, segment: None, seed: 1, graph: false };
    let mut plain = Vec::new();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--segment" => growth.segment = Some(given.next()?.parse().ok().filter(|records| *records > 0)?),
            "--seed" => growth.seed = given.next()?.parse().ok()?,
            "--graph" => growth.graph = true,
            option if option.starts_with("--") => return None,
            _ => plain.push(argument),
        }
    }
    let [config, records] = &plain[..] else { return None };
    growth.records = records.parse().ok()?;
    Some((config.into(), growth))
}

fn run(config: &std::path::Path, growth: &Growth) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let config = Config::load(config)?;
    let grown = grow(&config, growth, &mut |records| {
        eprintln!("{records} of {} records: {:.1} s", growth.records, started.elapsed().as_secs_f64());
    })?;
    println!(
        "{} records in {} segments, {} of them invented: {:.1} s, {} bytes, {:.0} bytes a record",
        grown.records,
        grown.segments,
        grown.invented,
        started.elapsed().as_secs_f64(),
        grown.bytes,
        grown.bytes as f64 / grown.records.max(1) as f64,
    );
    Ok(())
}

fn main() -> ExitCode {
    let given = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some((config, growth)) = parse(given) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&config, &growth) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
