use proptest::prelude::*;
use saltprint_keys::AuditKey;

use super::*;
use crate::header::LogId;

fn ratchet() -> Ratchet {
    Ratchet::start(&AuditKey::from_secret(&[7; 32]), LogId::from_bytes([9; 16]))
}

fn who() -> Who {
    Who {
        actor: Actor::new("alice").unwrap(),
        role: ActorRole::new("searcher").unwrap(),
        tool: ToolVersion::new("0.1.0").unwrap(),
    }
}

fn draft() -> Draft {
    Draft::new(&who(), Action::Lookup, SystemTime::UNIX_EPOCH)
        .case(CaseId::new("2026-17").unwrap())
        .purpose(Purpose::new("blackmail of November").unwrap())
        .generation(7, [8; 32])
        .thresholds(Thresholds::new("whole 58 of 256").unwrap())
        .results(Results::of(1, 0, 12))
}

#[test]
fn golden_line() {
    let mut entry = draft().entry;
    let line = String::from_utf8(entry.seal(&ratchet())).unwrap();
    let body = concat!(
        r#"{"seq":0,"time":"1970-01-01T00:00:00.000Z","actor":"alice","role":"searcher","action":"lookup","#,
        r#""case":"2026-17","purpose":"blackmail of November","generation":{"number":7,"root":"0808080808"#,
        r#"080808080808080808080808080808080808080808080808080808"},"tool":"0.1.0","thresholds":"whole 58 of"#,
        r#" 256","results":{"strong":"1","possible":"0","none":"10-99"},"prev":"00000000000000000000000000"#,
        r#"00000000000000000000000000000000000000""#
    );
    assert_eq!(line, format!("{body},\"mac\":\"{}\"}}", ratchet().entry_mac(body.as_bytes())));
    assert_eq!(Entry::parse(line.as_bytes()), Some(entry.clone()));
    assert_eq!(split(line.as_bytes()), Some((body.as_bytes(), entry.mac)));
}

#[test]
fn the_longest_entry_fits() {
    let long = |len: usize| "\"".repeat(len);
    let who = Who {
        actor: Actor::new(&long(Actor::LIMIT)).unwrap(),
        role: ActorRole::new(&long(ActorRole::LIMIT)).unwrap(),
        tool: ToolVersion::new(&long(ToolVersion::LIMIT)).unwrap(),
    };
    let mut entry = Draft::new(&who, Action::Checkpoint, SystemTime::UNIX_EPOCH)
        .case(CaseId::new(&long(CaseId::LIMIT)).unwrap())
        .purpose(Purpose::new(&long(Purpose::LIMIT)).unwrap())
        .generation(u64::MAX, [8; 32])
        .thresholds(Thresholds::new(&long(Thresholds::LIMIT)).unwrap())
        .results(Results::of(100, 100, 100))
        .refuse(Reason::ActorHour)
        .entry;
    entry.seq = u64::MAX;
    entry.clock_back_ms = u64::MAX;
    entry.results = Some(Results::of(100, 100, 100));
    entry.query = Some(Hash::ZERO);
    entry.tree = Some(Hash::ZERO);
    entry.recovered = Some(Recovered { adopted: u64::MAX, dropped: u64::MAX, restored: true });
    let line = entry.seal(&ratchet());
    assert!(line.len() <= MAX_LINE, "{}", line.len());
    assert_eq!(Entry::parse(&line), Some(entry));
}

#[test]
fn a_refusal_keeps_the_question_and_has_no_result() {
    let entry = draft().refuse(Reason::Climbing).entry;
    assert_eq!((entry.action, entry.results), (Action::Refused, None));
    assert_eq!(entry.refused, Some(Refused { of: Action::Lookup, why: Reason::Climbing }));
    let shown = entry.to_string();
    assert!(shown.contains("refused lookup: climbing, case 2026-17"), "{shown}");
}

#[test]
fn texts_from_a_file_are_checked_like_others() {
    let mut entry = draft().entry;
    let line = String::from_utf8(entry.seal(&ratchet())).unwrap();
    assert!(Entry::parse(line.replace("alice", r"a\u001b[2J").as_bytes()).is_none());
    assert!(Entry::parse(line.replace("alice", "a\u{202e}b").as_bytes()).is_none());
    assert!(Entry::parse(line.replace("lookup", "upload").as_bytes()).is_none());
    assert!(Entry::parse(line.replace(",\"case", ", \"case").as_bytes()).is_none());
    assert!(Entry::parse(line.replace("alice", r"\u0061lice").as_bytes()).is_none());
    assert!(Entry::parse(line.replace("{\"seq\":0,", "{\"distance\":3,\"seq\":0,").as_bytes()).is_none());
}

proptest! {
    #[test]
    fn no_line_panics(line: Vec<u8>, cut in 0..600_usize) {
        let _ = Entry::parse(&line);
        let _ = split(&line);
        let sealed = draft().entry.seal(&ratchet());
        let cut = cut.min(sealed.len());
        let _ = split(&sealed[..cut]);
        let _ = split(&sealed[cut..]);
    }
}
