//! The audit log: its lines, its state file, checkpoints and proofs.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use saltprint_audit::{
    Action, Actor, ActorRole, AuditLog, CaseId, Checkpoint, Draft, Hash, Proof, Purpose, QueryDigest, Reason,
    Results, Thresholds, ToolVersion, Verification, Verifier, Who, entries, verify,
};
use saltprint_keys::{AuditKey, Context};

use crate::{patch, scratch};

pub(crate) const WORDS: &[&[u8]] = &[
    b"{\"saltprint_audit\":1,\"log\":\"",
    b"\"key\":\"",
    b"\"begun\":\"",
    b"{\"seq\":",
    b"\"time\":\"1970-01-01T00:00:00.000Z\"",
    b"\"clock_back_ms\":",
    b"\"actor\":\"",
    b"\"role\":\"",
    b"\"action\":\"lookup\"",
    b"\"refused\":{\"of\":\"lookup\",\"why\":\"role\"}",
    b"\"case\":\"",
    b"\"purpose\":\"",
    b"\"generation\":{\"number\":1,\"root\":\"",
    b"\"tool\":\"",
    b"\"thresholds\":\"",
    b"\"query\":\"",
    b"\"results\":",
    b"\"tree\":\"",
    b"\"recovered\":{\"adopted\":0,\"dropped\":1}",
    b"\"prev\":\"",
    b"\",\"mac\":\"",
    b"\"}\n",
    b"18446744073709551615",
    b"saltprint audit checkpoint 1\n",
    b"log ",
    b"size ",
    b"root ",
    b"time ",
    b"mac ",
    b"\xe2\x80\xae",
    b"\\u0000",
];

const STATE_LEN: usize = 2200;
/// Where the key of the next entry stands in the state file, and where the MAC.
const STATE_KEY: usize = 88;
const STATE_MAC: usize = STATE_LEN - 32;

static KEY: LazyLock<AuditKey> = LazyLock::new(|| AuditKey::from_secret(&[7; 32]));

struct Good {
    log: Vec<u8>,
    state: Vec<u8>,
    /// Over all entries of the log.
    checkpoint: Checkpoint,
    /// The log as it goes on: with the entry of that checkpoint.
    later: Vec<u8>,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let folder = scratch::folder();
    let dir = folder.path().join("audit");
    let mut random = |buffer: &mut [u8]| {
        buffer.fill(9);
        Ok(())
    };
    let log = AuditLog::init(&dir, &KEY, &who(), time(0), &mut random).expect("a scratch folder");
    for number in 1..4_u8 {
        let _ = log.append(draft(number)).expect("a scratch folder");
    }
    let _ = log.append(draft(4).refuse(Reason::Role)).expect("a scratch folder");
    let (lines, state) = (file(&dir, "log.jsonl"), file(&dir, "state"));
    let checkpoint = log.checkpoint(&who(), time(9)).expect("a scratch folder");
    Good { log: lines, state, checkpoint, later: file(&dir, "log.jsonl") }
});

fn who() -> Who {
    Who {
        actor: Actor::new("alice").expect("printable"),
        role: ActorRole::new("searcher").expect("printable"),
        tool: ToolVersion::new("0.1.0").expect("printable"),
    }
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

fn draft(number: u8) -> Draft {
    let text = "strong 1e-9";
    Draft::new(&who(), Action::Lookup, time(u64::from(10 - number)))
        .case(CaseId::new("2026-17").expect("printable"))
        .purpose(Purpose::new("extortion mail").expect("printable"))
        .generation(u64::from(number), [number; 32])
        .thresholds(Thresholds::new(text).expect("printable"))
        .query(QueryDigest::of(&[number]))
        .results(Results::of(u64::from(number), 0, 0))
}

fn file(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).expect("a file of the log")
}

/// The first byte says what the rest is.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    match mode % 7 {
        0 => check_lines(rest),
        1 => {
            let mut changed = GOOD.log.clone();
            patch::apply(&mut changed, rest);
            check_changed(&changed);
        }
        2 => check_lines(&authentic(rest)),
        3 => check_state(rest, false),
        4 => check_state(rest, true),
        5 => check_checkpoint(rest),
        _ => check_proof(rest),
    }
}

/// Reads lines with and without the key, and as people read them.
fn check_lines(bytes: &[u8]) {
    let public = Verifier::new().run_on(bytes).ok();
    let with_key = Verifier::new().key(&KEY).run_on(bytes).ok();
    for verification in [&public, &with_key].into_iter().flatten() {
        check_words(verification);
    }
    assert_eq!(with_key, Verifier::new().key(&KEY).run_on(bytes).ok(), "one log, two findings");
    let folder = scratch::folder();
    fs::write(folder.path().join("log.jsonl"), bytes).expect("a scratch folder");
    let Ok(lines) = entries(folder.path()) else { return };
    for entry in lines.flatten() {
        for text in
            [Some(entry.actor.as_str()), entry.purpose.as_ref().map(Purpose::as_str)].into_iter().flatten()
        {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
}

fn check_words(verification: &Verification) {
    assert!(verification.findings.len() <= 10_000, "findings without end");
    assert!(verification.findings.iter().all(|finding| !finding.to_string().is_empty()));
    assert!(!verification.is_tampered() || !verification.is_sound());
}

/// With the key and a checkpoint over all of it, only the log itself is sound.
fn check_changed(changed: &[u8]) {
    let verifier = Verifier::new().key(&KEY).checkpoint(&GOOD.checkpoint);
    let sound = verifier.run_on(changed).is_ok_and(|verification| verification.is_sound());
    assert_eq!(sound, changed == GOOD.log, "a changed byte of a log");
    // Without the checkpoint the end may be missing, but nothing else.
    let sound = Verifier::new().key(&KEY).run_on(changed).is_ok_and(|verification| verification.is_sound());
    let beginning = GOOD.later.starts_with(changed) && changed.ends_with(b"\n");
    assert_eq!(sound, beginning, "a changed byte of a log, without a checkpoint");
}

/// The good header, and behind it the lines of the input as somebody with the key would write them: each gets the MAC of its
/// number.
fn authentic(bodies: &[u8]) -> Vec<u8> {
    let header = GOOD.log.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut log = header.to_vec();
    let mut key = *KEY.derive(Context::AUDIT_RATCHET_START, &[9; 16]).expose();
    for body in bodies.split(|&byte| byte == b'\n') {
        let mac = blake3::keyed_hash(&blake3::derive_key(Context::AUDIT_ENTRY_MAC.as_str(), &key), body);
        log.extend_from_slice(body);
        log.extend_from_slice(format!(",\"mac\":\"{}\"}}\n", mac.to_hex()).as_bytes());
        key = blake3::derive_key(Context::AUDIT_RATCHET_STEP.as_str(), &key);
    }
    log
}

/// A state file that was changed, with a MAC that fits where `sealed` says so. What is written with it can be verified, or is
/// an error.
fn check_state(script: &[u8], sealed: bool) {
    let mut state = GOOD.state.clone();
    patch::apply(&mut state, script);
    if let Some(key) = state.get(STATE_KEY..STATE_KEY + 32).filter(|_| sealed && state.len() == STATE_LEN) {
        let key = blake3::derive_key(Context::AUDIT_STATE_MAC.as_str(), key);
        let mac = blake3::keyed_hash(&key, &state[..STATE_MAC]);
        state[STATE_MAC..].copy_from_slice(mac.as_bytes());
    }
    let whole = state == GOOD.state;
    let folder = scratch::folder();
    let dir = folder.path();
    for (name, bytes) in [("log.jsonl", &GOOD.log), ("state", &state)] {
        fs::write(dir.join(name), bytes).expect("a scratch folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(dir.join(name), mode).expect("a file of ours");
    }
    let log = AuditLog::open(dir);
    assert!(log.is_ok() || !whole);
    assert!(log.is_err() || sealed || whole, "a changed byte of a state file");
    let verification = verify(dir, &KEY, None);
    assert!(verification.is_err() || !whole || verification.is_ok_and(|found| found.is_sound()));
    let Ok(log) = log else { return };
    let appended = log.append(draft(5));
    assert!(appended.is_ok() || !whole);
    if let Ok(found) = verify(dir, &KEY, Some(&GOOD.checkpoint)) {
        check_words(&found);
        assert!(found.is_sound() || !whole);
    }
}

fn check_checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(checkpoint) = text.parse::<Checkpoint>() else { return };
    let written = checkpoint.to_string();
    assert_eq!(written.parse().as_ref(), Ok(&checkpoint), "a checkpoint that was read is written otherwise");
    assert!(written.lines().eq(text.trim_end().lines()));
    let found = Verifier::new().key(&KEY).checkpoint(&checkpoint).run_on(&*GOOD.log).expect("a good log");
    check_words(&found);
    let beginning = checkpoint == GOOD.checkpoint;
    assert_eq!(found.is_sound(), beginning, "a checkpoint that the log's writer did not make");
}

/// Numbers, and then the lines of a proof: nothing that the input can say is shown.
fn check_proof(bytes: &[u8]) {
    let Some((numbers, rest)) = bytes.split_first_chunk::<16>() else { return };
    let (index, size) = numbers.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let (index, size) = (number(index), number(size));
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let Ok(proof) = text.parse::<Proof>() else { return };
    assert_eq!(proof.to_string().parse(), Ok(proof.clone()), "a proof that was read is written otherwise");
    let (leaf, root) = (Hash::from_bytes([1; 32]), GOOD.checkpoint.root());
    assert!(!proof.shows_inclusion(leaf, index, size, root), "a leaf that is in no tree");
    let same = index == size && text.is_empty();
    assert!(!proof.shows_consistency(index, leaf, size, root) || same, "a root that never was");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mode = |mode: u8, rest: &[u8]| [&[mode], rest].concat();
    let good = &*GOOD;
    let bodies: Vec<&[u8]> = good.later.split(|&byte| byte == b'\n').skip(1).collect();
    let cut = |line: &&[u8]| line.len().checked_sub(74).map(|end| line[..end].to_vec());
    let bodies = bodies.iter().filter_map(cut).collect::<Vec<_>>().join(&b'\n');
    let mut seeds = vec![mode(0, &good.log), mode(0, &good.later), mode(2, &bodies), mode(1, &[])];
    seeds.extend((0..good.log.len()).step_by(97).map(|at| mode(1, &patch::flip(at, 1))));
    let line = good.log.iter().position(|&byte| byte == b'\n').unwrap_or_default() + 1;
    seeds.push(mode(1, &[&[0x80][..], &line.to_le_bytes()[..3]].concat()));
    for at in [0, 8, 10, 12, 16, 32, 36, 40, 44, 48, 52, 56, 88, 120, 152, 200, STATE_MAC] {
        seeds.push(mode(3, &patch::flip(at, 1)));
        seeds.push(mode(4, &patch::write(at, &[0xff; 4])));
    }
    seeds.push(mode(4, &[]));
    seeds.push(mode(5, good.checkpoint.to_string().as_bytes()));
    let hashes = format!("{}\n{}\n", Hash::from_bytes([1; 32]), Hash::from_bytes([2; 32]));
    for (index, size) in [(0, 1), (1, 2), (3, 7), (u64::MAX - 1, u64::MAX), (u64::MAX, u64::MAX)] {
        let numbers = [index, size].map(u64::to_le_bytes).concat();
        seeds.push(mode(6, &[numbers.as_slice(), hashes.as_bytes()].concat()));
        seeds.push(mode(6, &numbers));
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_sealed_here_are_authentic() {
        let bodies: Vec<&[u8]> = GOOD.log.split(|&byte| byte == b'\n').skip(1).collect();
        let bodies: Vec<&[u8]> =
            bodies.iter().filter_map(|line| Some(&line[..line.len().checked_sub(74)?])).collect();
        assert!(authentic(&bodies.join(&b'\n')) == GOOD.log);
    }
}
