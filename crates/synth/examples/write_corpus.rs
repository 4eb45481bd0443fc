//! Writes a vault of invented documents and says how fast:
//! `cargo run --release -p saltprint-synth --example write_corpus -- FOLDER SIZE [SEED [TEMPLATE...]]`.

#![expect(clippy::print_stdout, reason = "an example that reports what it wrote")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use saltprint_synth::{Corpus, Template, write_corpus};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("state a folder to write to")?);
    let size = args.next().ok_or("state the number of documents")?.parse()?;
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let names: Vec<String> = args.collect();
    let templates: Vec<Template> =
        Template::ALL.into_iter().filter(|t| names.iter().any(|name| name == t.name())).collect();
    let start = Instant::now();
    let written = write_corpus(&folder, &Corpus::new(size, seed).with_templates(&templates), |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(written.files)?) / seconds;
    println!("{} files, {} MB, {seconds:.1} s, {rate:.0} a second", written.files, written.bytes / 1_000_000);
    Ok(())
}
