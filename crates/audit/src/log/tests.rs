use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use saltprint_keys::system_random;

use super::*;
use crate::text::{ActorRole, ToolVersion};
use crate::verify;

/// Tells a child process of this test where the log is.
const CHILD: &str = "SALTPRINT_AUDIT_TEST_CHILD";

fn key() -> AuditKey {
    AuditKey::from_secret(&[7; 32])
}

fn who() -> Who {
    Who {
        actor: Actor::new("alice").unwrap(),
        role: ActorRole::new("searcher").unwrap(),
        tool: ToolVersion::new("0.1.0").unwrap(),
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn lookup() -> Draft {
    Draft::new(&who(), Action::Lookup, at(1))
}

fn new_log(dir: &Path) -> AuditLog {
    AuditLog::init(dir, &key(), &who(), at(0), &mut system_random).unwrap()
}

#[test]
fn files_are_private_and_the_key_is_not_among_them() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let _ = log.append(lookup()).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut names: Vec<_> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["lock", "log.jsonl", "state"]);
    for name in names {
        assert_eq!(mode(&dir.join(&name)), 0o600, "{name}");
        assert!(!fs::read(dir.join(&name)).unwrap().windows(32).any(|window| window == [7; 32]), "{name}");
    }
}

#[test]
fn a_log_is_never_begun_twice() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    new_log(&dir);
    let again = || AuditLog::init(&dir, &key(), &who(), at(0), &mut system_random).unwrap_err();
    assert!(matches!(again(), AuditError::Exists { .. }));
    fs::remove_file(dir.join("log.jsonl")).unwrap();
    assert!(matches!(again(), AuditError::Exists { .. }));
    let missing = AuditLog::open(&place.path().join("other")).unwrap_err();
    assert!(matches!(missing, AuditError::Missing { .. }));
    assert!(matches!(AuditLog::open(place.path()).unwrap_err(), AuditError::Missing { .. }));
}

#[test]
fn an_open_or_damaged_state_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let state = dir.join("state");
    let bytes = fs::read(&state).unwrap();

    fs::set_permissions(&state, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(log.append(lookup()).unwrap_err(), AuditError::Permissions { mode: 0o640, .. }));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o600)).unwrap();

    for damage in [bytes[..100].to_vec(), [bytes.as_slice(), b"x"].concat(), vec![0; bytes.len()]] {
        fs::write(&state, damage).unwrap();
        assert!(matches!(log.append(lookup()).unwrap_err(), AuditError::Malformed { .. }));
    }
    fs::rename(&state, dir.join("elsewhere")).unwrap();
    fs::write(dir.join("elsewhere"), &bytes).unwrap();
    std::os::unix::fs::symlink(dir.join("elsewhere"), &state).unwrap();
    assert!(matches!(log.append(lookup()).unwrap_err(), AuditError::NotAFile { .. }));
}

#[test]
fn a_lost_state_is_restored_with_the_key_and_told() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let _ = log.append(lookup()).unwrap();
    let checkpoint = log.checkpoint(&who(), at(2)).unwrap();
    let restore = |checkpoint| AuditLog::restore(&dir, &key(), checkpoint, &who(), at(3));
    assert!(matches!(restore(None).unwrap_err(), AuditError::Exists { .. }));

    fs::remove_file(dir.join("state")).unwrap();
    assert!(matches!(log.append(lookup()).unwrap_err(), AuditError::NoState { .. }));
    let content = fs::read(dir.join("log.jsonl")).unwrap();
    let first_two: usize = content.split_inclusive(|&byte| byte == b'\n').take(2).map(<[u8]>::len).sum();
    fs::write(dir.join("log.jsonl"), &content[..first_two]).unwrap();
    assert!(matches!(restore(Some(&checkpoint)).unwrap_err(), AuditError::NotVerified { .. }));

    fs::write(dir.join("log.jsonl"), [content.as_slice(), b"torn"].concat()).unwrap();
    let _ = restore(Some(&checkpoint)).unwrap().append(lookup()).unwrap();
    let told = log.entries().unwrap().nth(3).unwrap().unwrap();
    let recovered = told.recovered.unwrap();
    assert_eq!((recovered.restored, recovered.dropped), (true, 4));
    let verification = verify(&dir, &key(), Some(&checkpoint)).unwrap();
    assert!(verification.is_sound(), "{:?}", verification.findings);
}

#[test]
fn threads_share_a_log() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir).with_patience(Duration::from_mins(1));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let _ = log.append(lookup()).unwrap();
                }
            });
        }
        // An auditor may look at any time.
        for _ in 0..20 {
            let verification = verify(&dir, &key(), None).unwrap();
            assert!(!verification.is_tampered(), "{:?}", verification.findings);
        }
    });
    let verification = verify(&dir, &key(), None).unwrap();
    assert!(verification.is_sound());
    assert_eq!(verification.entries, 41);
}

/// Does nothing unless [`processes_share_a_log`] runs it in a process of its own.
#[test]
fn child_process() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let log = AuditLog::open(dir.as_ref()).unwrap().with_patience(Duration::from_mins(1));
    for _ in 0..10 {
        let _ = log.append(lookup()).unwrap();
    }
}

#[test]
fn processes_share_a_log() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    new_log(&dir);
    let spawn = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "log::tests::child_process"])
            .env(CHILD, &dir)
            .spawn()
            .unwrap()
    };
    let children = [(); 3].map(|()| spawn());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let verification = verify(&dir, &key(), None).unwrap();
    assert!(verification.is_sound(), "{:?}", verification.findings);
    assert_eq!(verification.entries, 31);
}

#[test]
fn who_waits_too_long_is_told() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir).with_patience(Duration::from_millis(20));
    let lock = Lock::take(&dir, Duration::ZERO).unwrap();
    assert!(matches!(log.append(lookup()).unwrap_err(), AuditError::Busy { waited_ms: 20.., .. }));
    drop(lock);
    assert_eq!(log.append(lookup()).unwrap().seq(), 1);
}

#[test]
fn a_batch_is_bounded_and_may_be_empty() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    assert_eq!(log.append_all(Vec::new()).unwrap(), []);
    let many = vec![lookup(); MOST_AT_ONCE + 1];
    assert!(matches!(log.append_all(many).unwrap_err(), AuditError::TooMany { .. }));
    let receipts = log.append_all(vec![lookup(); MOST_AT_ONCE]).unwrap();
    assert_eq!(receipts.last().map(Receipt::seq), Some(MOST_AT_ONCE as u64));
}

#[test]
fn proofs_convince_who_has_checkpoints_only() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let receipts = log.append_all(vec![lookup(); 5]).unwrap();
    let older = log.checkpoint(&who(), at(2)).unwrap();
    let _ = log.append_all(vec![lookup(); 6]).unwrap();
    let newer = log.checkpoint(&who(), at(3)).unwrap();

    let proof = prove_growth(&dir, &older, &newer).unwrap();
    assert!(newer.follows(&older, &proof));
    assert!(!older.follows(&newer, &proof));
    assert!(!newer.follows(&older, &Proof::default()));

    let (leaf, proof) = prove_inclusion(&dir, 3, &newer).unwrap();
    assert_eq!(leaf, receipts[2].hash());
    assert!(newer.includes(leaf, 3, &proof));
    assert!(!newer.includes(leaf, 4, &proof));
    assert!(!older.includes(leaf, 3, &proof));
    let line = fs::read_to_string(dir.join("log.jsonl")).unwrap().lines().nth(4).unwrap().to_owned();
    assert_eq!(Hash::leaf(line.as_bytes()), leaf);

    assert!(matches!(prove_growth(&dir, &newer, &older).unwrap_err(), AuditError::OutOfRange { .. }));
    assert!(matches!(prove_inclusion(&dir, 99, &newer).unwrap_err(), AuditError::OutOfRange { .. }));
}

/// The same input gives the same bytes: those of version 1, which another implementation has verified from `FORMAT.md`.
#[test]
fn golden_log() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1");
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let mut random = |buffer: &mut [u8]| {
        buffer.fill(9);
        Ok(())
    };
    let log = AuditLog::init(&dir, &key(), &who(), at(0), &mut random).unwrap();
    let question = Draft::new(&who(), Action::Lookup, at(100))
        .case(CaseId::new("2026-17").unwrap())
        .purpose(crate::Purpose::new("mail of \"3 November\" \\ Größe").unwrap())
        .generation(7, [8; 32])
        .thresholds(crate::Thresholds::new("whole 58").unwrap())
        .query(crate::QueryDigest::of(b"image"))
        .results(crate::Results::of(1, 0, 12));
    let _ = log.append(question.clone()).unwrap();
    let checkpoint = log.checkpoint(&who(), at(200)).unwrap();
    let _ = log.append(question.refuse(crate::Reason::Climbing)).unwrap();
    let path = dir.join("log.jsonl");
    fs::write(&path, [fs::read(&path).unwrap().as_slice(), b"torn"].concat()).unwrap();
    let _ = log.append(lookup()).unwrap();

    let files = [
        ("log.jsonl", fs::read(&path).unwrap()),
        ("state", fs::read(dir.join("state")).unwrap()),
        ("checkpoint.txt", checkpoint.to_string().into_bytes()),
    ];
    for (name, content) in files {
        if std::env::var_os("SALTPRINT_GOLDEN").is_some_and(|value| value == "write") {
            fs::create_dir_all(&golden).unwrap();
            fs::write(golden.join(name), &content).unwrap();
        }
        assert!(fs::read(golden.join(name)).unwrap() == content, "`{name}` is not what version 1 is");
    }
}

#[test]
fn nothing_secret_is_printed_or_written() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let image = b"the bytes of an image";
    let draft = lookup().query(crate::QueryDigest::of(image));
    let shown = format!("{draft:?} {log:?}");
    let _ = log.append(draft).unwrap();
    let content = fs::read_to_string(dir.join("log.jsonl")).unwrap();
    for digest in
        [blake3::hash(image).to_string(), crate::hex::encode(crate::QueryDigest::of(image).expose())]
    {
        assert!(!shown.contains(&digest) && !content.contains(&digest));
    }
    assert!(shown.contains("QueryDigest"));
}
