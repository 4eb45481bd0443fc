//! Keys from descriptors and credentials, in processes that were started with them.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails here is a failed test")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::UNIX_EPOCH,
};

use saltprint_keys::{IndexKey, Key as _, KeyError, KeyPlace, KeySource, PassphraseError, Role, keygen};

/// Says to this binary, started again, what to load.
const PLACE_VARIABLE: &str = "SALTPRINT_TEST_PLACE";

fn keys() -> (tempfile::TempDir, PathBuf, String) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("keys");
    let mut next = 0;
    let keys = keygen(&dir, UNIX_EPOCH, &mut |buffer| {
        next += 1;
        buffer.fill(next);
        Ok(())
    })
    .unwrap();
    (place, dir, keys[1].id.to_string())
}

fn load(place: KeyPlace) -> Result<IndexKey, KeyError> {
    let source = KeySource::dir("no/such/directory").with(Role::Index, place);
    IndexKey::load_from(&source, &mut |_| Err(PassphraseError::NotGiven))
}

/// Not a test of its own: the process that the tests below start.
#[test]
fn child() {
    let Ok(place) = std::env::var(PLACE_VARIABLE) else { return };
    match load(place.parse().unwrap()) {
        Ok(key) => println!("loaded {}", key.id()),
        Err(error) => println!("refused: {error}"),
    }
}

fn start(place: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(PLACE_VARIABLE, place);
    command
}

fn output(mut command: Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_key_comes_through_a_descriptor() {
    let (_place, dir, id) = keys();
    let path = dir.join("index.key");
    let mut command = start("fd:0");
    command.stdin(fs::File::open(&path).unwrap());
    assert!(output(command).contains(&format!("loaded {id}")));

    // Through a pipe, as a shell's process substitution makes it; and no permissions matter here.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut writer = Command::new("cat").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = start("fd:0");
    command.stdin(writer.stdout.take().unwrap());
    let said = output(command);
    writer.wait().unwrap();
    assert!(said.contains(&format!("loaded {id}")), "{said}");

    let mut command = start("fd:0");
    command.stdin(fs::File::open(dir.join("ref.key")).unwrap());
    let said = output(command);
    assert!(said.contains("holds the ref key where the index key is needed"), "{said}");

    let said = output(start("fd:77"));
    assert!(said.contains("no key file at `/dev/fd/77`"), "{said}");
}

fn credentials(dir: &Path, mode: u32) -> PathBuf {
    let credentials = dir.with_file_name("credentials");
    fs::create_dir_all(&credentials).unwrap();
    let path = credentials.join("saltprint-index.key");
    let _ = fs::remove_file(&path);
    fs::copy(dir.join("index.key"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    credentials
}

#[test]
fn a_key_comes_as_a_credential() {
    let (_place, dir, id) = keys();
    // The group's bit is the mask of an access list, where the service manager uses one.
    for (mode, taken) in [(0o400, true), (0o440, true), (0o444, false), (0o460, false)] {
        let mut command = start("credential");
        command.env("CREDENTIALS_DIRECTORY", credentials(&dir, mode));
        let said = output(command);
        assert_eq!(said.contains(&format!("loaded {id}")), taken, "{mode:o}: {said}");
        assert_eq!(said.contains("open to other users"), !taken, "{mode:o}: {said}");
    }
    let mut command = start("credential");
    command.env_remove("CREDENTIALS_DIRECTORY");
    let said = output(command);
    assert!(said.contains("`$CREDENTIALS_DIRECTORY` is not set"), "{said}");
}
