use std::path::Path;
use std::time::SystemTime;

use saltprint_keys::{AuditKey, system_random};

use super::*;
use crate::action::Action;
use crate::entry::{Draft, Who};
use crate::{ActorRole, Admission, AuditLog, ToolVersion, verify};

const START: u64 = 1_000_000;

fn key() -> AuditKey {
    AuditKey::from_secret(&[7; 32])
}

fn who(actor: &str) -> Who {
    Who {
        actor: Actor::new(actor).unwrap(),
        role: ActorRole::new("searcher").unwrap(),
        tool: ToolVersion::new("0.1.0").unwrap(),
    }
}

fn case(id: &str) -> CaseId {
    CaseId::new(id).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(START + seconds)
}

fn new_log(dir: &Path) -> AuditLog {
    AuditLog::init(dir, &key(), &who("root"), at(0), &mut system_random).unwrap()
}

fn rates(hour: u32, day: u32) -> Rates {
    Rates { hour: Some(hour), day: Some(day) }
}

fn per_actor(hour: u32, day: u32) -> Limits {
    Limits { actor: rates(hour, day), case: Rates::default() }
}

/// Asks as `actor` and tells whether it was granted, or why not.
fn ask(log: &AuditLog, limiter: &mut Limiter, actor: &str, id: &str, seconds: u64) -> Result<(), Refusal> {
    let draft = Draft::new(&who(actor), Action::Lookup, at(seconds)).case(case(id));
    match log.admit(limiter, draft).unwrap() {
        Admission::Granted(_) => Ok(()),
        Admission::Refused { refusal, .. } => Err(refusal),
    }
}

#[test]
fn an_hour_lets_through_so_many_and_slides() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let mut limiter = Limiter::new(per_actor(3, 100));
    for seconds in [0, 600, 1200] {
        assert_eq!(ask(&log, &mut limiter, "alice", "1", seconds), Ok(()));
    }
    let refusal = ask(&log, &mut limiter, "alice", "1", 1800).unwrap_err();
    assert_eq!(refusal, Refusal { reason: Reason::ActorHour, retry_after: Duration::from_mins(30) });
    assert_eq!(refusal.to_string(), "the limit `actor-hour` is reached; try again in 30 min");
    assert_eq!(ask(&log, &mut limiter, "bob", "1", 1800), Ok(()), "others are not touched");
    assert!(ask(&log, &mut limiter, "alice", "1", 3599).is_err());
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 3600), Ok(()));
    assert!(ask(&log, &mut limiter, "alice", "1", 3601).is_err());
}

#[test]
fn a_day_counts_too_and_cases_count_all_actors() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let mut limiter = Limiter::new(Limits { actor: rates(10, 3), case: rates(2, 100) });
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 0), Ok(()));
    assert_eq!(ask(&log, &mut limiter, "bob", "1", 0), Ok(()));
    assert_eq!(ask(&log, &mut limiter, "carol", "1", 0).unwrap_err().reason, Reason::CaseHour);
    assert_eq!(ask(&log, &mut limiter, "alice", "2", 4000), Ok(()));
    assert_eq!(ask(&log, &mut limiter, "alice", "3", 8000), Ok(()));
    let refusal = ask(&log, &mut limiter, "alice", "4", 12_000).unwrap_err();
    assert_eq!((refusal.reason, refusal.retry_after.as_secs()), (Reason::ActorDay, 86_400 - 12_000));
    assert_eq!(ask(&log, &mut limiter, "alice", "4", 86_400), Ok(()));
}

#[test]
fn refusals_are_entries_and_count_nothing() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let mut limiter = Limiter::new(per_actor(1, 9));
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 0), Ok(()));
    for seconds in 1..5 {
        assert!(ask(&log, &mut limiter, "alice", "1", seconds).is_err());
    }
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 3600), Ok(()));
    let refused: Vec<_> = log.entries().unwrap().filter_map(|entry| entry.unwrap().refused).collect();
    assert_eq!(refused, [crate::Refused { of: Action::Lookup, why: Reason::ActorHour }; 4]);
    assert!(verify(&dir, &key(), None).unwrap().is_sound());
}

#[test]
fn a_restart_and_a_second_process_reset_nothing() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let (mut first, mut second) = (Limiter::new(per_actor(4, 9)), Limiter::new(per_actor(4, 9)));
    assert_eq!(ask(&log, &mut first, "alice", "1", 0), Ok(()));
    assert_eq!(ask(&log, &mut second, "alice", "1", 1), Ok(()));
    assert_eq!(ask(&log, &mut first, "alice", "1", 2), Ok(()));
    assert_eq!(ask(&log, &mut second, "alice", "1", 3), Ok(()));
    assert!(ask(&log, &mut first, "alice", "1", 4).is_err());
    assert!(ask(&log, &mut second, "alice", "1", 5).is_err());
    assert!(ask(&log, &mut Limiter::new(per_actor(4, 9)), "alice", "1", 6).is_err());
}

#[test]
fn a_look_before_the_work_reserves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let mut limiter = Limiter::new(per_actor(1, 9));
    for _ in 0..3 {
        assert_eq!(log.check(&mut limiter, &who("alice"), None, at(0)).unwrap(), None);
    }
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 0), Ok(()));
    assert!(log.check(&mut limiter, &who("alice"), None, at(0)).unwrap().is_some());
    assert_eq!(log.entries().unwrap().count(), 2);
}

#[test]
fn a_limit_of_none_is_none_and_of_zero_forbids() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let mut free = Limiter::new(Limits::default());
    let mut closed = Limiter::new(per_actor(0, 9));
    assert_eq!(ask(&log, &mut free, "alice", "1", 0), Ok(()));
    assert!(ask(&log, &mut closed, "alice", "1", 0).is_err());
    assert!(ask(&log, &mut closed, "alice", "1", 100_000).is_err());
    let other = Draft::new(&who("alice"), Action::Erase, at(100_000));
    assert!(matches!(log.admit(&mut closed, other).unwrap(), Admission::Granted(_)), "no question");
}

#[test]
fn a_clock_that_jumps_locks_nobody_out() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let mut limiter = Limiter::new(per_actor(2, 9));
    let years = 50 * 365 * 86_400;
    assert_eq!(ask(&log, &mut limiter, "alice", "1", years), Ok(()));
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 100), Ok(()));
    assert!(ask(&log, &mut limiter, "alice", "1", 200).is_err(), "the step back counts as no time");
    assert!(ask(&log, &mut Limiter::new(per_actor(2, 9)), "alice", "1", 200).is_err());
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 3800), Ok(()), "and an hour later there is room again");
}

#[test]
fn old_questions_are_forgotten() {
    let place = tempfile::tempdir().unwrap();
    let log = new_log(&place.path().join("audit"));
    let mut limiter = Limiter::new(per_actor(2, 9));
    for number in 0..10 {
        assert_eq!(ask(&log, &mut limiter, &format!("actor {number}"), "1", number * 40_000), Ok(()));
    }
    assert!(log.check(&mut limiter, &who("x"), None, at(400_000)).unwrap().is_none());
    assert!(limiter.questions.len() <= 3 && limiter.actors.len() <= 3 && limiter.cases.len() == 1);
    // Starting anew reads a day back and no further.
    let mut fresh = Limiter::new(per_actor(2, 9));
    assert!(log.check(&mut fresh, &who("x"), None, at(400_000)).unwrap().is_none());
    assert_eq!(fresh.questions.len(), 2);
    let mut hourly =
        Limiter::new(Limits { actor: Rates { hour: Some(2), day: None }, case: Rates::default() });
    assert!(log.check(&mut hourly, &who("x"), None, at(361_000)).unwrap().is_none());
    assert_eq!(hourly.questions.len(), 1);
    let mut free = Limiter::new(Limits::default());
    assert!(log.check(&mut free, &who("x"), None, at(361_000)).unwrap().is_none());
    assert_eq!(free.questions.len(), 0);
}

#[test]
fn recent_entries_that_were_changed_are_found() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("audit");
    let log = new_log(&dir);
    let mut limiter = Limiter::new(per_actor(2, 9));
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 0), Ok(()));
    assert_eq!(ask(&log, &mut limiter, "alice", "1", 1), Ok(()));
    let _ = log.append(Draft::new(&who("bob"), Action::Show, at(2))).unwrap();
    let path = dir.join("log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"alice\"", "\"malice\"")).unwrap();
    let error = log.check(&mut Limiter::new(per_actor(2, 9)), &who("alice"), None, at(3)).unwrap_err();
    assert!(matches!(error, AuditError::Tampered { .. }), "{error}");
}

#[test]
fn a_log_that_was_put_back_is_read_anew() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    let (first, second) = (new_log(&a), new_log(&b));
    let mut limiter = Limiter::new(per_actor(1, 9));
    assert_eq!(ask(&first, &mut limiter, "alice", "1", 0), Ok(()));
    assert!(ask(&first, &mut limiter, "alice", "1", 1).is_err());
    assert_eq!(ask(&second, &mut limiter, "alice", "1", 2), Ok(()));
    assert!(ask(&first, &mut limiter, "alice", "1", 3).is_err());
}
