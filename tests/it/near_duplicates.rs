//! One image under several subjects: a person who registered twice, or whose picture others use.

use std::fs;

use image::imageops::{self, FilterType};
use saltprint_keys::RefKey;
use saltprint_synth::{CorpusItem, Edit, Template};
use serde_json::Value;

use crate::place::{Place, corpus, jpeg};

/// Smaller, and compressed again.
fn again(item: &CorpusItem) -> Vec<u8> {
    let image = &item.document.image;
    let (width, height) = (image.width() * 17 / 20, image.height() * 17 / 20);
    jpeg(imageops::resize(image, width, height, FilterType::Triangle), 60)
}

/// The number of a rebuild's or a status's JSON at a path.
fn number(json: &Value, path: &str) -> f64 {
    json.pointer(path).and_then(Value::as_f64).unwrap()
}

/// Where such records passed for strangers, no copy of anything was a match by its details any more.
#[test]
fn who_holds_the_same_image_is_no_stranger_and_no_rival() {
    const TWICE: usize = 12;
    let place = Place::built();
    let before = place.run(&["status", "--json"]).expect(0).json().remove(0);
    let has_much_of_its_own =
        |item: &&CorpusItem| matches!(item.document.template, Template::IdentityCard | Template::Passport);
    let twice: Vec<&CorpusItem> = corpus().iter().filter(has_much_of_its_own).take(TWICE).collect();
    assert_eq!(twice.len(), TWICE);
    let mut list = fs::read_to_string(place.path("vault.csv")).unwrap();
    for (number, item) in twice.iter().enumerate() {
        let name = format!("again/{number:02}.jpg");
        place.write(&format!("vault/{name}"), again(item));
        list += &format!("again-{number},{name},again-{number},again,2021-01,\n");
    }
    place.write("vault.csv", list);
    let rebuilt = place.run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!(rebuilt["added"], TWICE);
    // Half of the records have shown the calibration what strangers are, and are not asked.
    assert!((4..=2 * TWICE as u64).contains(&rebuilt["near_duplicates"].as_u64().unwrap()), "{rebuilt}");
    // A threshold that moves by more than a few strangers more or less would move it.
    let (was, is) = (number(&before, "/local_rule/strong_lead"), number(&rebuilt, "/local_rule/strong_lead"));
    assert!(is < 1.5 * was, "{was} {is}");
    let (was, is) = (number(&before, "/rule/strong"), number(&rebuilt, "/rule/strong"));
    assert!(is > 0.75 * was, "{was} {is}");
    let words = place.run(&["rebuild", "--full"]).expect(0).stdout;
    assert!(
        words.contains("sampled records of which another subject's record holds the image as well"),
        "{words}"
    );

    // Both records are told of what was made of one, as one document. One that differs a little from the leaked image is no more than possible.
    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    let edit = Edit::Crop { keep: 90 };
    let pictures = twice.iter().map(|item| edit.apply(&item.document.image, &item.document.layout, 5));
    let mut arguments = vec!["lookup".to_owned(), "--json".to_owned()];
    for (number, picture) in pictures.enumerate() {
        place.write(&format!("leak/{number}.jpg"), jpeg(picture, 80));
        arguments.push(format!("leak/{number}.jpg"));
    }
    let reports = place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).json();
    assert_eq!(reports.len(), TWICE);
    let (mut matched, mut together, mut both) = (0, 0, 0);
    for (number, (report, item)) in reports.iter().zip(&twice).enumerate() {
        let ours =
            [item.record_id.clone(), format!("again-{number}")].map(|id| refs.record_ref(&id).to_string());
        let found = report["matches"].as_array().unwrap();
        assert!(!found.is_empty(), "{report}");
        assert!(found.iter().all(|found| ours.iter().any(|ours| found["ref"] == **ours)), "{report}");
        matched += u32::from(report["outcome"] == "match");
        if let [first, second] = &found[..] {
            assert_eq!(second["equal"] == true, first["document"] == second["document"], "{report}");
            together += u32::from(second["equal"] == true);
            both += u32::from(second["equal"] == true && second["band"] == "strong");
        }
    }
    let told = format!("of {TWICE} {matched} match, {together} with both records, {both} of them strong");
    assert!(matched >= 8 && together >= 8 && both >= 5, "{told}");
}
