//! Blank templates and specimens are never evidence.

use std::fs;

use crate::place::{Place, corpus};

#[test]
fn what_matches_a_negative_image_is_no_evidence() {
    let place = Place::small();
    let (specimen, other) = (&corpus()[3], &corpus()[4]);
    let leaked = format!("vault/{}", specimen.record_id);
    let innocent = format!("vault/{}", other.record_id);
    place.run(&["lookup", &leaked]).expect(0);

    // It turns out to be a specimen that is all over the net. Nothing in the vault changed, but the index must.
    place.write("blank/specimen.jpg", &specimen.encoded);
    place.write("blank/readme.txt", "not an image");
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[negative]\nroot = \"blank\"\n"));
    let rebuilt = place.run(&["rebuild"]).expect(0);
    assert!(rebuilt.stderr.contains("1 files of the folder of negative images"), "{}", rebuilt.stderr);
    place.run(&["lookup", &leaked]).expect(10);
    place.run(&["lookup", &innocent]).expect(0);

    place.write("saltprint.toml", text);
    place.run(&["rebuild"]).expect(0);
    place.run(&["lookup", &leaked]).expect(0);
}

#[test]
fn an_epoch_that_goes_knows_the_negative_images_that_come() {
    let place = Place::small();
    let specimen = &corpus()[3];
    let leaked = format!("vault/{}", specimen.record_id);
    place.run(&["keys", "rotate"]).expect(0);
    place.run(&["rebuild"]).expect(0);
    place.run(&["lookup", &leaked]).expect(0);

    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("blank/specimen.jpg", &specimen.encoded);
    place.write("saltprint.toml", format!("{text}[negative]\nroot = \"blank\"\n"));
    place.run(&["rebuild"]).expect(0);
    place.run(&["lookup", &leaked]).expect(10);
    place.write("saltprint.toml", text);
    place.run(&["rebuild"]).expect(0);
    place.run(&["lookup", &leaked]).expect(0);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let place = Place::small();
    let text = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[negative]\nroot = \"no-such-folder\"\n"));
    let failed = place.run(&["rebuild"]).expect(1);
    assert!(failed.stderr.contains("no-such-folder"), "{}", failed.stderr);
}
