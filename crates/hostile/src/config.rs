//! `saltprint.toml`.

use std::path::Path;

use saltprint::Config;

pub(crate) const WORDS: &[&[u8]] = &[
    b"[vault]\n",
    b"root = \"v\"\n",
    b"manifest = \"m.csv\"\n",
    b"[vault.options]\n",
    b"[keys]\n",
    b"projection = \"fd:3\"\n",
    b"index = \"credential\"\n",
    b"passphrase_file = \"p\"\n",
    b"passphrase_fd = 3\n",
    b"strict = true\n",
    b"[index]\n",
    b"[limits]\n",
    b"side = ",
    b"pixels = ",
    b"seconds = ",
    b"[negative]\n",
    b"[case]\n",
    b"[audit]\n",
    b"case_day = 1\n",
    b"[matching]\n",
    b"strong_chance = ",
    b"possible_chance = ",
    b"graph_from = ",
    b"[rebuild]\n",
    b"local_features = ",
    b"local_features_most = ",
    b"graph_recall_floor = ",
    b"segment_records = ",
    b"nan",
    b"inf",
    b"-0.0",
    b"1e-9",
    b"0x7fffffffffffffff",
    b"\"\"\"",
    b"'''",
    b"[[",
    b"{ ",
    b"s3://b/p",
    b"file:///",
    b"# ",
];

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let base = Path::new("/base");
    let first = Config::parse(text, base);
    match (&first, Config::parse(text, base)) {
        (Ok(a), Ok(b)) => assert_eq!(format!("{a:?}"), format!("{b:?}")),
        (Err(a), Err(b)) => assert_eq!(*a, b),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => unreachable!("one text gave two answers"),
    }
    match first {
        Ok(config) => check_ranges(&config),
        Err(reason) => assert!(!reason.trim().is_empty(), "an error without words"),
    }
}

/// What the rest of the program counts on.
fn check_ranges(config: &Config) {
    let rule = &config.matching.rule;
    assert!((1e-12..=0.01).contains(&rule.strong_chance));
    assert!((rule.strong_chance..=0.1).contains(&rule.possible_chance));
    let rebuild = &config.rebuild;
    assert!((0.0..=1.0).contains(&rebuild.graph_recall_floor));
    assert!((1_000..=10_000_000).contains(&rebuild.segment_records));
    assert!(rebuild.background_sample >= 1 && rebuild.local_sample >= 1);
    assert!((8..=rebuild.selection.most).contains(&rebuild.selection.keep) && rebuild.selection.most <= 320);
    for path in [&config.keys, &config.index, &config.profile, &rebuild.rejects] {
        assert!(path.is_absolute(), "a path of the configuration does not start at its folder");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let all = r#"[vault]
root = "/vault"
manifest = "list.csv"
[keys]
dir = "k"
projection = "fd:3"
index = "credential"
ref = "elsewhere/ref.key"
passphrase_file = "pass"
strict = true
[index]
dir = "i"
profile = "p"
[negative]
root = "blank"
[case]
evaluation = "e.json"
[audit]
dir = "a"
require_case = true
actor_hour = 12
case_day = 15
[limits]
file_bytes = 1
side = 2
pages = 10
seconds = 11
[matching]
evidence = true
strong_chance = 1e-9
possible_chance = 1e-4
graph_from = 5
[rebuild]
rejects = "r.csv"
local_features = 10
local_features_most = 20
graph_recall_floor = 0.5
segment_records = 8000
"#;
    let store = "[vault]\nroot = \"s3://bucket/place\"\n[vault.options]\nregion = \"eu-west-1\"\n";
    let minimal = "[vault]\nroot = \"docs\"\n";
    let inline = "vault = { root = \"v\" }\nmatching.graph_from = 0x10\nrebuild = { local_sample = 1_000 }\n";
    [all, store, minimal, inline].map(|text| text.as_bytes().to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_configurations() {
        let good =
            |seed: &Vec<u8>| Config::parse(std::str::from_utf8(seed).unwrap(), Path::new("/base")).is_ok();
        // The second one needs the feature `object-store`.
        assert!(seeds().iter().take(1).chain(seeds().iter().skip(2)).all(good));
    }
}
