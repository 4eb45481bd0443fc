//! Writes the seeds and the dictionary of every target for libFuzzer: `cargo run --example seeds -- fuzz`.

use std::{env, fs, io, path::Path};

use saltprint_hostile::{Target, regressions, stored_seeds};

fn main() -> io::Result<()> {
    let Some(fuzz) = env::args_os().nth(1) else {
        return Err(io::Error::other("give the folder of the fuzzer"));
    };
    let fuzz = Path::new(&fuzz);
    for target in Target::ALL {
        let folder = fuzz.join("corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        let stored = stored_seeds(target).into_iter().chain(regressions(target)).map(|(_, bytes)| bytes);
        for (number, seed) in target.seeds().into_iter().chain(stored).enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        fs::create_dir_all(fuzz.join("dictionaries"))?;
        let words = target.words.iter().map(|word| format!("\"{}\"\n", escaped(word)));
        // libFuzzer refuses an empty file.
        let text = format!("# Words of the format.\n{}", words.collect::<String>());
        fs::write(fuzz.join("dictionaries").join(target.name), text)?;
    }
    Ok(())
}

/// As libFuzzer reads it: everything but letters and digits as hexadecimal.
fn escaped(word: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(*byte).to_string(),
        other => format!("\\x{other:02X}"),
    };
    word.iter().map(escape).collect()
}
