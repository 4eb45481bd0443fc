//! The program decodes in workers of itself, which can do nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::place::{Place, corpus};

/// A small vault that is built, with files to ask for.
fn place() -> Place {
    let place = Place::small();
    let ours = place.path("vault").join(&corpus()[3].record_id);
    fs::copy(ours, place.path("ours.jpg")).unwrap();
    place.write("note.txt", "not an image");
    place.write("cut.jpg", &corpus()[4].encoded[..2000]);
    place.write("broken.pdf", "%PDF-1.7\nnothing of a PDF");
    place.write("empty.jpg", "");
    place
}

const INPUTS: [&str; 5] = ["ours.jpg", "note.txt", "cut.jpg", "broken.pdf", "empty.jpg"];

fn decode(place: &Place, section: &str) {
    let config = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    let before = config.split("\n[decode]").next().unwrap().to_owned();
    place.write("saltprint.toml", format!("{before}\n[decode]\n{section}\n"));
}

/// What the layers are here, by their names.
fn layers(place: &Place) -> BTreeMap<String, bool> {
    let told = place.run(&["sandbox", "--json"]).expect(0).json().remove(0);
    let layers = told["layers"].as_array().unwrap();
    let layer = |layer: &serde_json::Value| {
        (layer["kind"].as_str().unwrap().to_owned(), layer["active"].as_bool().unwrap())
    };
    layers.iter().map(layer).collect()
}

#[test]
fn workers_give_what_the_program_gives() {
    let place = place();
    let arguments = [&["lookup", "--json"], &INPUTS[..]].concat();
    let apart = place.run(&arguments).expect(3);
    decode(&place, "worker = \"off\"");
    let here = place.run(&arguments).expect(3);
    assert_eq!(apart.stdout, here.stdout);
    assert!(layers(&place).is_empty());
    decode(&place, "items = 1");
    assert_eq!(place.run(&arguments).expect(3).stdout, here.stdout);
}

#[test]
fn layers_are_told_and_can_be_required() {
    let place = place();
    let layers = layers(&place);
    assert!(cfg!(not(target_os = "linux")) || layers["memory"]);
    decode(&place, "worker = \"required\"");
    if layers.values().all(|active| *active) {
        place.run(&["lookup", "ours.jpg"]).expect(0);
        place.run(&["sandbox"]).expect(0);
    } else {
        place.run(&["lookup", "ours.jpg"]).expect(1).says(&["cannot be met"]);
    }
}

#[test]
fn an_image_that_wants_too_much_memory_costs_itself() {
    let place = place();
    if !layers(&place)["memory"] {
        println!("skipped: memory cannot be bounded here");
        return;
    }
    // 100 megapixels: within the limits of images, not within the memory of these workers.
    image::GrayImage::new(10_000, 10_000).save(place.path("huge.png")).unwrap();
    decode(&place, "memory = 100000000");
    let ran = place.run(&["lookup", "--json", "ours.jpg", "huge.png", "ours.jpg"]).expect(3);
    let reports = ran.json();
    let outcomes: Vec<&str> = reports.iter().map(|report| report["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["match", "refused", "duplicate"]);
    assert_eq!(reports[1]["reason"]["code"], "decoder_memory");
}

/// From the filter on, a worker asks for no file, no socket and no process: nothing that it was kept from was even tried.
#[test]
fn workers_ask_for_nothing_once_they_are_closed_in() {
    let place = place();
    if !layers(&place)["system_calls"] {
        println!("skipped: no filter of system calls here");
        return;
    }
    let log = place.path("trace");
    let calls = "open,openat,openat2,creat,stat,newfstatat,statx,access,faccessat,readlink,socket,connect,bind,\
        sendto,sendmsg,clone,clone3,fork,vfork,execve,execveat,ptrace,kill,memfd_create,io_uring_setup,seccomp";
    let traced = Command::new("strace")
        .args(["-f", "-e", &format!("trace=?{}", calls.replace(',', ",?")), "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_saltprint"))
        .args([&["lookup"], &INPUTS[..]].concat())
        .current_dir(place.path(""))
        .output();
    let log = fs::read_to_string(&log).unwrap_or_default();
    if traced.is_err() || !log.contains("execve") {
        println!("skipped: system calls cannot be traced here");
        return;
    }
    let mut workers = 0;
    let of_worker = |pid: &str| {
        log.lines().filter(move |line| line.split_whitespace().next() == Some(pid)).collect::<Vec<_>>()
    };
    for line in log.lines().filter(|line| line.contains("\"decode-worker\"")) {
        let calls = of_worker(line.split_whitespace().next().unwrap());
        let closed = calls.iter().rposition(|call| call.contains("seccomp(")).unwrap();
        let after: Vec<_> = calls[closed + 1..].iter().filter(|call| call.contains('(')).collect();
        assert!(after.is_empty(), "{after:?}");
        workers += 1;
    }
    assert!(workers > 0, "{log}");
}
