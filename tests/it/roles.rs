//! Each command gets along with the keys that it needs, and touches no other.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::place::{Place, corpus};

const ROLES: [&str; 4] = ["projection", "index", "ref", "audit"];

/// Commands, and the keys that they need: whoever may search cannot resolve refs, whoever makes refs cannot search.
const NEEDS: [(&[&str], &[&str]); 9] = [
    (&["lookup", "ours.jpg"], &["projection", "index"]),
    (&["triage", "ours.jpg"], &["projection", "index"]),
    (&["verify"], &["projection", "index"]),
    (&["status"], &["projection", "index"]),
    (&["ref", "some/record.jpg"], &["ref"]),
    (&["rebuild"], &["projection", "index", "ref"]),
    (&["erase", "--ref", "rec_00000000000000000000000000000001"], &["index", "ref"]),
    (&["calibrate", "--force"], &["projection", "ref"]),
    (&["completions", "bash"], &[]),
];

/// A small vault that is built, and a file of it to ask for.
fn place() -> Place {
    let place = Place::small();
    let ours = place.path("vault").join(&corpus()[3].record_id);
    fs::copy(ours, place.path("ours.jpg")).unwrap();
    place
}

#[test]
fn commands_work_without_the_keys_of_other_roles() {
    for (arguments, needed) in NEEDS {
        let place = place();
        for role in ROLES.iter().filter(|role| !needed.contains(role)) {
            fs::remove_file(place.path(&format!("keys/{role}.key"))).unwrap();
        }
        place.run(arguments).expect(0);
    }
}

#[test]
fn commands_miss_the_keys_that_they_need() {
    for (arguments, needed) in NEEDS {
        let place = place();
        for role in needed {
            let (key, hidden) = (place.path(&format!("keys/{role}.key")), place.path("hidden"));
            fs::rename(&key, &hidden).unwrap();
            place.run(arguments).expect(1).says(&["no key file at", &format!("{role}.key")]);
            fs::rename(&hidden, &key).unwrap();
        }
    }
}

/// The key files that a run opens, by the system calls of all its threads; `None` where calls cannot be traced.
fn opened(place: &Place, arguments: &[&str]) -> Option<BTreeSet<String>> {
    let log = place.path("trace");
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=open,openat,openat2", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_saltprint"))
        .args(arguments)
        .current_dir(place.path(""))
        .output()
        .ok()?;
    let log = fs::read_to_string(&log).ok()?;
    // Without the right to trace there is no call in the log.
    if !log.contains("open") {
        return None;
    }
    assert!(traced.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&traced.stderr));
    let names = log.lines().filter_map(|line| line.split('"').nth(1));
    // The next and the previous key of a role are keys of this role.
    let roles = names.filter_map(|name| name.strip_suffix(".key")?.rsplit('/').next()?.split('.').next());
    Some(roles.map(str::to_owned).collect())
}

#[test]
fn commands_open_no_key_file_of_another_role() {
    let place = place();
    for (arguments, needed) in NEEDS {
        let Some(opened) = opened(&place, arguments) else {
            println!("skipped: system calls cannot be traced here");
            return;
        };
        let needed: BTreeSet<String> = needed.iter().map(|role| (*role).to_owned()).collect();
        assert_eq!(opened, needed, "{arguments:?}");
    }
}
