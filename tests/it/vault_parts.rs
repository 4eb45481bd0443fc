//! Vaults whose records lie in archives and documents.

use std::fs;

use saltprint_keys::RefKey;

use crate::case::containers::tool;
use crate::place::{Place, corpus};

/// A vault of eight images, an archive of three and a PDF of two pages; `None` where a tool is missing.
fn vault() -> Option<Place> {
    let place = Place::new();
    for (index, item) in corpus().iter().take(13).enumerate() {
        let folder = match index {
            0..8 => "vault/app",
            8..11 => "in",
            _ => "scans",
        };
        place.write(&format!("{folder}/{index:02}.jpg"), &item.encoded);
    }
    fs::create_dir_all(place.path("vault/vendor")).unwrap();
    let made = tool(&place, "zip", &["-qrj", "vault/vendor/batch.zip", "in"])
        && tool(&place, "img2pdf", &["scans/11.jpg", "scans/12.jpg", "-o", "vault/vendor/scan.pdf"]);
    made.then_some(place)
}

fn rebuilt(place: &Place) -> serde_json::Value {
    place.run(&["rebuild", "--json"]).expect(0).json().remove(0)
}

#[test]
fn each_part_is_a_record_and_unchanged_files_are_not_opened() {
    let Some(place) = vault() else { return };
    place.run(&["calibrate"]).expect(0);
    let first = rebuilt(&place);
    // An image that fills its page is no record of its own.
    assert_eq!((&first["totals"]["inputs"], &first["totals"]["indexed"]), (&13.into(), &13.into()));
    assert_eq!((&first["added"], &first["unread"]), (&13.into(), &0.into()));
    let again = rebuilt(&place);
    assert_eq!(
        (&again["unchanged"], &again["unread"], &again["published"]),
        (&13.into(), &13.into(), &false.into())
    );

    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    for (file, record_id) in [
        ("in/09.jpg", "vendor/batch.zip/09.jpg"),
        ("scans/12.jpg", "vendor/scan.pdf#page=2"),
        ("vault/app/03.jpg", "app/03.jpg"),
    ] {
        let found = place.run(&["lookup", "--json", file]).expect(0).json().remove(0);
        let best = &found["matches"][0];
        assert_eq!(best["ref"], refs.record_ref(record_id).to_string(), "{record_id}");
        assert_eq!(best["source"], record_id.split('/').next().unwrap());
    }

    // What changes in an archive, and only that, is new.
    place.write("in/20.jpg", &corpus()[20].encoded);
    fs::remove_file(place.path("in/08.jpg")).unwrap();
    fs::remove_file(place.path("vault/vendor/batch.zip")).unwrap();
    assert!(tool(&place, "zip", &["-qrj", "vault/vendor/batch.zip", "in"]));
    let changed = rebuilt(&place);
    let numbers = ["unchanged", "added", "removed", "changed"].map(|name| changed[name].as_u64().unwrap());
    assert_eq!(numbers, [12, 1, 1, 0]);
    assert_eq!(changed["unread"], 10);

    fs::remove_file(place.path("vault/vendor/scan.pdf")).unwrap();
    assert_eq!(rebuilt(&place)["removed"], 2);
    place.run(&["lookup", "scans/12.jpg"]).expect(10);
}

/// The facts of parts are those of their file: they follow the vault's list though the file is not opened again.
#[test]
fn facts_of_parts_follow_the_list() {
    let Some(place) = vault() else { return };
    let list = |subject: &str, kind: &str| {
        let mut list = format!(
            "record_id,path,subject,kind\nscan,vendor/scan.pdf,{subject},{kind}\nbatch,vendor/batch.zip,,\n"
        );
        for index in 0..8 {
            list += &format!("{index},app/{index:02}.jpg,,\n");
        }
        place.write("list.csv", list);
    };
    let config = std::fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", config.replace("[vault]\n", "[vault]\nmanifest = \"list.csv\"\n"));
    list("anna", "passport");
    place.run(&["calibrate"]).expect(0);
    rebuilt(&place);
    let unread = rebuilt(&place)["unread"].clone();
    assert_eq!(unread, 13);
    // Taken back: the parts have to lose it.
    list("", "passport");
    let changed = rebuilt(&place);
    assert_eq!((&changed["changed"], &changed["unread"]), (&2.into(), &11.into()), "{changed}");
    list("", "card");
    assert_eq!(rebuilt(&place)["changed"], 2);
    let found = place.run(&["lookup", "--json", "scans/12.jpg"]).expect(0).json().remove(0);
    assert_eq!(found["matches"][0]["kind"], "card");
}

#[test]
fn a_part_that_cannot_be_used_is_named_every_night() {
    let Some(place) = vault() else { return };
    place.write("in/note.txt", "not an image");
    fs::remove_file(place.path("vault/vendor/batch.zip")).unwrap();
    assert!(tool(&place, "zip", &["-qrj", "vault/vendor/batch.zip", "in"]));
    place.run(&["calibrate"]).expect(0);
    for _ in 0..2 {
        let summary = place.run(&["rebuild", "--json"]).expect(3).json().remove(0);
        assert_eq!(
            (&summary["totals"]["indexed"], &summary["totals"]["unreadable"]),
            (&13.into(), &1.into())
        );
        let rejects = fs::read_to_string(place.path("rejects.csv")).unwrap();
        assert!(rejects.contains("vendor/batch.zip/note.txt,unreadable,not_an_image"), "{rejects}");
    }
}

#[test]
fn pages_of_one_document_are_no_rivals() {
    let Some(place) = vault() else { return };
    // The same scan twice in one document: either page is the customer's.
    assert!(tool(&place, "img2pdf", &["scans/11.jpg", "in/09.jpg", "-o", "vault/vendor/scan.pdf"]));
    fs::remove_file(place.path("vault/vendor/batch.zip")).unwrap();
    place.run(&["calibrate"]).expect(0);
    rebuilt(&place);
    let found = place.run(&["lookup", "--json", "scans/11.jpg"]).expect(0).json().remove(0);
    assert_eq!((&found["outcome"], &found["matches"][0]["document"]), (&"match".into(), &1.into()));
}

/// Where there are fewer files than are sampled, each gives several of its images as strangers; a sample too small to say anything is not read.
#[test]
fn strangers_are_taken_from_archives() {
    let place = Place::new();
    for (index, item) in corpus().iter().take(62).enumerate() {
        place.write(&format!("in{}/{index:02}.jpg", index % 3), &item.encoded);
    }
    if !(0..3).all(|part| tool(&place, "zip", &["-qrj", &format!("vault/{part}.zip"), &format!("in{part}")]))
    {
        return;
    }
    let settings = fs::read_to_string(place.path("saltprint.toml")).unwrap();
    let local_sample =
        |most: usize| place.write("saltprint.toml", format!("{settings}[rebuild]\nlocal_sample = {most}\n"));
    place.run(&["calibrate"]).expect(0);
    local_sample(59);
    let none = rebuilt(&place);
    assert_eq!((&none["totals"]["indexed"], &none["local_sampled"]), (&62.into(), &0.into()));

    // The next run that publishes measures what this one did not: of four files, by several images of each.
    local_sample(60);
    place.write("vault/one.jpg", &corpus()[62].encoded);
    let measured = rebuilt(&place);
    assert_eq!(measured["added"], 1);
    let sampled = measured["local_sampled"].as_u64().unwrap();
    // Less those whose leads do not count, since nobody else has their template.
    assert!((31..=60).contains(&sampled), "{sampled}");
}
