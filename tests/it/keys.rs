//! The life of keys: status, passphrases, backup, destruction.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::place::{Place, Ran, corpus};

/// The lowest cost that is accepted, so that the tests do not wait.
const CHEAP: [&str; 4] = ["--memory-mib", "64", "--passes", "3"];

fn private(place: &Place, name: &str, contents: &str) {
    place.write(name, contents);
    fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o600)).unwrap();
}

fn configure(place: &Place, keys: &str) {
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    let vault = text.split("[keys]").next().unwrap();
    place.write("saltprint.toml", format!("{vault}[keys]\n{keys}\n"));
}

fn states(ran: Ran) -> Vec<String> {
    ran.json().iter().map(|line| format!("{} {}", line["role"], line["state"]).replace('"', "")).collect()
}

#[test]
fn status_tells_what_is_there() {
    let place = Place::new();
    let ran = place.run(&["keys", "status"]).expect(0);
    assert_eq!(ran.stdout.lines().count(), 4);
    assert!(
        ran.stdout.contains("made 1970-01-01 00:00 UTC  mode 0600  plain  keys/ref.key"),
        "{}",
        ran.stdout
    );
    let key_id = place.run(&["keys", "status", "--json"]).expect(0).json()[1]["key_id"].clone();
    assert!(ran.stdout.contains(key_id.as_str().unwrap()));

    fs::remove_file(place.path("keys/ref.key")).unwrap();
    fs::set_permissions(place.path("keys/index.key"), fs::Permissions::from_mode(0o644)).unwrap();
    place.run(&["keys", "status"]).expect(3);
    let found = states(place.run(&["keys", "status", "--json", "--dir", "keys"]).expect(3));
    assert_eq!(found, ["projection present", "index unusable", "ref missing", "audit present"]);

    configure(&place, "index = \"fd:9\"\nref = \"credential\"");
    let mut command = place.command();
    command.args(["keys", "status", "--json"]).env_remove("CREDENTIALS_DIRECTORY");
    let found = states(Ran::from(command.output().unwrap()).expect(3));
    assert_eq!(found, ["projection present", "index not_looked_at", "ref unusable", "audit present"]);
}

#[test]
fn wrapped_keys_serve_every_command() {
    let place = Place::small();
    let ours = place.path("vault").join(&corpus()[3].record_id);
    let ours = ours.to_str().unwrap();
    let reference = place.run(&["ref", "record"]).expect(0).stdout;
    private(&place, "passphrase", "correct horse battery staple\n");
    let wrap = [&["keys", "wrap", "--new-passphrase-file", "passphrase"], CHEAP.as_slice()].concat();
    let ran = place.run(&wrap).expect(0).says(&["backup"]);
    assert_eq!(ran.stdout.matches("wrapped").count(), 4);
    assert!(place.run(&["keys", "status"]).expect(0).stdout.contains("wrapped (64 MiB, 3 passes)"));

    // Nobody is asked, and nobody waits, where there is no terminal.
    place.run(&["lookup", ours]).expect(1).says(&["is wrapped with a passphrase", "no passphrase was given"]);

    configure(&place, "passphrase_file = \"passphrase\"");
    place.run(&["lookup", ours]).expect(0);
    place.run(&["triage", ours]).expect(0);
    place.run(&["rebuild"]).expect(0);
    assert_eq!(place.run(&["ref", "record"]).expect(0).stdout, reference);

    // The same through a descriptor, which can be read once and serves two keys.
    configure(&place, "passphrase_fd = 0");
    let mut command = place.command();
    command.args(["lookup", ours]).stdin(fs::File::open(place.path("passphrase")).unwrap());
    Ran::from(command.output().unwrap()).expect(0);

    private(&place, "wrong", "incorrect horse");
    configure(&place, "passphrase_file = \"wrong\"");
    place.run(&["lookup", ours]).expect(1).says(&["does not open key file", "not damaged"]);
    fs::set_permissions(place.path("wrong"), fs::Permissions::from_mode(0o640)).unwrap();
    place.run(&["lookup", ours]).expect(1).says(&["has mode 0640", "chmod 600"]);
}

#[test]
fn passphrases_are_changed_and_taken_off() {
    let place = Place::new();
    let before = fs::read(place.path("keys/ref.key")).unwrap();
    private(&place, "first", "correct horse battery staple");
    private(&place, "second", "staple battery horse correct");
    private(&place, "short", "short");
    let wrap = |present: &str, new: &str| {
        let line =
            ["keys", "wrap", "--role", "ref", "--passphrase-file", present, "--new-passphrase-file", new];
        place.run(&[line.as_slice(), &CHEAP].concat())
    };
    wrap("first", "short").expect(1).says(&["shorter than 12 bytes"]);
    assert_eq!(fs::read(place.path("keys/ref.key")).unwrap(), before);
    wrap("first", "first").expect(0);
    wrap("second", "second").expect(1).says(&["does not open key file"]);
    wrap("first", "second").expect(0);
    // The other keys stayed plain.
    assert_eq!(place.run(&["keys", "status"]).expect(0).stdout.matches(" plain ").count(), 3);
    place.run(&["keys", "unwrap", "--passphrase-file", "second"]).expect(0);
    assert_eq!(fs::read(place.path("keys/ref.key")).unwrap(), before);

    place
        .run(&["keys", "wrap", "--new-passphrase-file", "first", "--memory-mib", "8"])
        .expect(1)
        .says(&["make guessing too cheap"]);
    place.run(&["keys", "wrap", "--role", "master"]).expect(2).says(&["projection, index, ref, audit"]);
}

#[test]
fn shares_restore_keys_and_wrong_ones_are_named() {
    let place = Place::new();
    let ran = place.run(&["keys", "backup", "--needed", "2", "--total", "3", "shares"]).expect(0);
    assert_eq!(ran.stdout.lines().count(), 12);
    assert_eq!(
        fs::metadata(place.path("shares/index-share-1-of-3.txt")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    place
        .run(&["keys", "backup", "--needed", "2", "--total", "3", "shares"])
        .expect(1)
        .says(&["File exists"]);
    place.run(&["keys", "backup", "--needed", "3", "--total", "2", "other"]).expect(1).says(&["2 to 16"]);
    place.run(&["keys", "backup", "--needed", "1", "--total", "2", "other"]).expect(2);

    let share = |role: &str, number: u8| format!("shares/{role}-share-{number}-of-3.txt");
    let restore = |to: &str, shares: &[String]| {
        let shares = shares.iter().map(String::as_str);
        place.run(&["keys", "restore", "--to", to].into_iter().chain(shares).collect::<Vec<_>>())
    };
    restore("restored", &[share("index", 3), share("index", 1)]).expect(0);
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert_eq!(read("restored/index.key"), read("keys/index.key"));
    restore("restored", &[share("index", 3), share("index", 1)]).expect(1).says(&["never overwritten"]);
    restore("x", &[share("index", 3)]).expect(1).says(&["find 1 more"]);
    restore("x", &[share("index", 1), share("ref", 2), share("index", 3)])
        .expect(1)
        .says(&["`shares/ref-share-2-of-3.txt`", "another key or another backup"]);
    restore("x", &[share("index", 1), share("index", 1)]).expect(1).says(&["given twice"]);

    let text = fs::read_to_string(place.path(&share("ref", 1))).unwrap();
    let line = text.lines().find(|line| line.starts_with("data")).unwrap();
    let digit = if line.as_bytes()[9] == b'0' { "1" } else { "0" };
    place.write("slip.txt", text.replacen(&line[..10], &format!("{}{digit}", &line[..9]), 1));
    restore("x", &["slip.txt".to_owned(), share("ref", 2)])
        .expect(1)
        .says(&["`slip.txt`", "line 9 has a slip in it"]);
    place.run(&["keys", "restore", "--to", "x", "saltprint.toml"]).expect(1).says(&["not a share"]);
    assert!(!place.path("x").exists());
}

#[test]
fn old_keys_are_shredded_and_present_ones_are_not() {
    let place = Place::new();
    place.run(&["keys", "shred", "keys", "--yes"]).expect(1).says(&["the configuration uses the keys"]);
    place.run(&["keys", "shred", "./vault/../keys", "--yes"]).expect(1).says(&["the configuration uses"]);
    place.run(&["keygen", "old"]).expect(0);
    let listed = place.run(&["keys", "shred", "old"]).expect(1).says(&["nothing was destroyed", "--yes"]);
    assert_eq!(listed.stdout.lines().count(), 4);
    assert!(place.path("old/ref.key").exists());
    let gone = place.run(&["keys", "shred", "old", "--yes"]).expect(0).says(&["Copies may remain"]);
    assert_eq!(gone.stdout.matches("destroyed").count(), 4);
    assert_eq!(fs::read_dir(place.path("old")).unwrap().count(), 0);
    place.run(&["keys", "shred", "old", "--yes"]).expect(1).says(&["no key file"]);
}

#[test]
fn keys_come_through_descriptors() {
    let place = Place::new();
    let reference = place.run(&["ref", "record"]).expect(0).stdout;
    configure(&place, "dir = \"nowhere\"\nref = \"fd:0\"");
    let mut command = place.command();
    command.args(["ref", "record"]).stdin(fs::File::open(place.path("keys/ref.key")).unwrap());
    assert_eq!(Ran::from(command.output().unwrap()).expect(0).stdout, reference);
    let mut command = place.command();
    command.args(["ref", "record"]).stdin(Stdio::null());
    Ran::from(command.output().unwrap()).expect(1).says(&["has 0 bytes where 104 are right"]);
}

/// The system grants what `strict` asks for, or no key is loaded.
#[test]
fn strictness_is_granted_or_refused() {
    let place = Place::new();
    configure(&place, "strict = true");
    let ran = place.run(&["ref", "record"]);
    if ran.code == 0 {
        assert!(ran.stdout.starts_with("rec_"));
    } else {
        ran.expect(1).says(&["strict = true", "LimitMEMLOCK"]);
    }
}
