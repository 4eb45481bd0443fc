//! Whole documents, edits and vaults; the parts have their tests beside them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use proptest::prelude::*;

use super::*;

fn inside(rect: Rect, image: &RgbImage) -> bool {
    rect.width > 0
        && rect.height > 0
        && rect.x + rect.width <= image.width()
        && rect.y + rect.height <= image.height()
}

/// Mean absolute difference of two images of one size, in levels.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for template in Template::ALL {
        let (a, b) = (Document::new(template, 5), Document::new(template, 5));
        assert!(a.image == b.image, "{}", template.name());
        assert_eq!(a.layout, b.layout);
        assert_eq!(a.encode().unwrap(), b.encode().unwrap());
    }
}

#[test]
fn documents_are_large_enough_and_their_parts_lie_inside() {
    for template in Template::ALL.into_iter().chain((0..12).map(Template::Drawn)) {
        for seed in 0..3 {
            let document = Document::new(template, seed);
            let image = &document.image;
            let name = template.name();
            assert!(image.width() * image.height() >= 500_000, "{name}: {:?}", image.dimensions());
            assert!(inside(document.layout.document, image));
            assert_eq!(document.layout.portrait.is_some(), template.has_portrait());
            assert!(document.layout.portrait.is_none_or(|r| inside(r, image)));
            assert!(document.layout.fields.iter().all(|&r| inside(r, image)));
            assert_eq!(document.layout.fields.is_empty(), template == Template::Selfie);
            assert!((75..=95).contains(&document.quality));
        }
    }
}

#[test]
fn drawn_templates_differ_from_each_other_and_numbers_from_all() {
    // As printed: each photograph has another frame.
    let print = |template: u16, person: u64| {
        Template::Drawn(template).print(&crate::person::Person::invent(person)).canvas.pixels
    };
    let apart = |a: &[[u8; 4]], b: &[[u8; 4]]| {
        let far = a.iter().zip(b).filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 8));
        far.count() as f64 / a.len() as f64
    };
    // Photographs depend on these numbers.
    let numbers: Vec<u64> = Template::ALL.iter().map(|template| template.number()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!([0, u16::MAX].map(|number| Template::Drawn(number).number()), [0x1_0000, 0x1_ffff]);
    for number in 0..8 {
        let one = print(number, 1);
        assert!(one == print(number, 1));
        let persons = apart(&one, &print(number, 2));
        assert!((0.02..0.35).contains(&persons), "{number}: {persons}");
        for another in number + 1..8 {
            let templates = apart(&one, &print(another, 1));
            assert!(templates > 0.6, "{number} and {another}: {templates}");
        }
    }
}

#[test]
fn people_differ_in_face_and_facts() {
    let documents: Vec<Document> = (0..8).map(|seed| Document::new(Template::IdentityCard, seed)).collect();
    let faces: Vec<RgbImage> = documents
        .iter()
        .map(|d| Edit::PortraitOnly.apply(&d.image, &d.layout, 0))
        .map(|face| image::imageops::thumbnail(&face, 32, 32))
        .collect();
    for a in 0..documents.len() {
        for b in 0..a {
            assert_ne!(documents[a].person.document_number, documents[b].person.document_number);
            assert!(difference(&faces[a], &faces[b]) > 6.0, "people {a} and {b} look alike");
        }
    }
    let numbers: HashSet<String> = (0..5000).map(|s| Person::invent(s).document_number).collect();
    assert!(numbers.len() > 4990);
}

#[test]
fn another_take_shows_the_same_document_differently() {
    let a = Document::new_take(Template::Passport, 3, 1);
    let b = Document::new_take(Template::Passport, 3, 2);
    let stranger = Document::new_take(Template::Passport, 4, 1);
    assert_eq!(a.person, b.person);
    assert_ne!(a.person, stranger.person);
    assert!(a.image != b.image);
}

#[test]
fn both_media_occur() {
    let cameras = (0..40)
        .filter(|&seed| Document::new(Template::IdentityCardBack, seed).medium == Medium::Camera)
        .count();
    assert!((4..20).contains(&cameras), "{cameras} of 40");
}

#[test]
fn every_edit_runs_changes_the_image_and_repeats() {
    let document = Document::new(Template::ResidencePermit, 9);
    for edit in Edit::ALL {
        let edited = edit.apply(&document.image, &document.layout, 3);
        assert!(edited.width() >= 64 && edited.height() >= 64, "{edit}: {:?}", edited.dimensions());
        assert!(edited.width() <= 2000 && edited.height() <= 2000, "{edit}: {:?}", edited.dimensions());
        let applies = edit.applies_to(&document.layout);
        assert_eq!(edited != document.image, applies, "{edit}");
        if !matches!(edit, Edit::Collage { .. }) {
            assert!(edited == edit.apply(&document.image, &document.layout, 3), "{edit} is not repeatable");
        }
    }
}

#[test]
fn edits_change_what_they_apply_to_and_nothing_else() {
    let mut applied = 0;
    for template in [Template::IdentityCard, Template::UtilityBill, Template::Selfie] {
        let document = Document::new(template, 2);
        for edit in Edit::ALL.into_iter().filter(|edit| edit.family() != Family::Frame) {
            let edited = edit.apply(&document.image, &document.layout, 1);
            let applies = edit.applies_to(&document.layout);
            assert_eq!(applies, edited != document.image, "{edit} on {}", template.name());
            applied += usize::from(applies);
        }
        let is_card = template == Template::IdentityCard;
        let meant = Edit::BlackedFields.applies_to(&document.layout);
        assert_eq!(meant, is_card);
    }
    assert!(applied > 80, "{applied}");
}

#[test]
fn edits_survive_images_of_a_few_pixels() {
    let document = Rect { x: 0, y: 0, width: 1, height: 1 };
    let layout = Layout { document, portrait: None, fields: Vec::new() };
    for (width, height) in [(1, 1), (1, 90), (90, 1), (3, 2)] {
        let image = RgbImage::from_pixel(width, height, image::Rgb([90, 120, 30]));
        for edit in Edit::ALL.into_iter().filter(|e| !matches!(e, Edit::Collage { .. })) {
            let edited = edit.apply(&image, &layout, 1);
            assert!(edited.width() > 0 && edited.height() > 0, "{edit} on {width} x {height}");
        }
    }
}

#[test]
fn edit_names_are_unique_and_lead_back() {
    let names: HashSet<String> = Edit::ALL.iter().map(|e| e.name()).collect();
    assert_eq!(names.len(), Edit::ALL.len());
    for edit in Edit::ALL {
        assert_eq!(Edit::by_name(&edit.name()), Some(edit));
        assert!(Family::ALL.contains(&edit.family()));
    }
    assert_eq!(Edit::by_name("jpeg-31"), None);
    assert_eq!(Edit::Jpeg { quality: 30 }.name(), "jpeg-30");
    assert_eq!(Edit::Blur { tenths: 15 }.name(), "blur-1.5");
    assert_eq!(Edit::Gamma { hundredths: 55 }.name(), "gamma-0.55");
    assert_eq!(Edit::OnTable { percent: 20 }.name(), "on-table-20");
}

#[test]
fn sizes_follow_from_the_edit() {
    let document = Document::new(Template::DrivingLicence, 1);
    let (w, h) = document.image.dimensions();
    let size = |edit: Edit| edit.apply(&document.image, &document.layout, 8).dimensions();
    let near = |side: u32, of: u32, percent: u8| {
        (f64::from(side) - f64::from(of) * f64::from(percent) / 100.0).abs() <= 1.0
    };
    for percent in [95, 60] {
        let (cw, ch) = size(Edit::Crop { keep: percent });
        assert!(near(cw, w, percent) && near(ch, h, percent));
    }
    assert_eq!(size(Edit::Turn { quarters: 1 }), (h, w));
    assert_eq!(size(Edit::Mirror), (w, h));
    assert!(size(Edit::Border { percent: 10 }).0 > w + w / 6);
    assert!(size(Edit::Tilt { degrees: 7 }).0 > w);
}

#[test]
fn a_document_on_a_table_takes_its_share_and_lies_whole_in_view() {
    let document = Document::new(Template::DrivingLicence, 1);
    for ((width, height), percent) in [((600, 400), 20), ((600, 600), 45), ((420, 600), 20), ((420, 600), 45)]
    {
        let green = RgbImage::from_pixel(width, height, image::Rgb([0, 255, 0]));
        for seed in 0..3 {
            let table = Edit::OnTable { percent }.apply(&green, &document.layout, seed);
            assert_eq!(table.dimensions(), (1600, 1200));
            let seen = |x: u32, y: u32| {
                let [red, green, blue] = table.get_pixel(x, y).0.map(i32::from);
                green > 120 && green > red + 80 && green > blue + 80
            };
            let area = table.enumerate_pixels().filter(|(x, y, _)| seen(*x, *y)).count() as f64;
            let scale = 16.0 * f64::from(percent) / 600.0;
            let share = area / (f64::from(width * height) * scale * scale);
            assert!((0.8..1.25).contains(&share), "{percent} %: {share} of its area");
            let edge = (0..1600).any(|x| seen(x, 0) || seen(x, 1199))
                || (0..1200).any(|y| seen(0, y) || seen(1599, y));
            assert!(!edge, "{percent} %: cut by the frame");
        }
    }
}

#[test]
fn a_collage_leaves_missing_cells_empty() {
    let image = RgbImage::from_pixel(40, 30, image::Rgb([10, 200, 10]));
    let sheet = collage(&[&image], 2, 2);
    let green = |x: u32, y: u32| sheet.get_pixel(x, y).0 == [10, 200, 10];
    let (w, h) = sheet.dimensions();
    assert!(green(w / 4, h / 4) && !green(w * 3 / 4, h / 4) && !green(w / 4, h * 3 / 4));
    assert_eq!(collage(&[], 2, 2).dimensions(), (w, h));
}

#[test]
fn a_corpus_is_repeatable_and_its_facts_hold_together() {
    let corpus = Corpus::new(600, 7);
    let entries: Vec<CorpusEntry> = (0..600).filter_map(|i| corpus.entry(i)).collect();
    assert_eq!(entries.len(), 600);
    assert_eq!(corpus.entry(600), None);
    let ids: HashSet<&str> = entries.iter().map(|e| e.record_id.as_str()).collect();
    let subjects: HashSet<&str> = entries.iter().map(|e| e.subject.as_str()).collect();
    assert_eq!((ids.len(), subjects.len()), (600, 500));
    for template in Template::ALL {
        assert!(entries.iter().filter(|e| e.template == template).count() > 30, "{}", template.name());
    }
    for e in &entries {
        assert_eq!(e.record_id, format!("{}/{}/{:06}.jpg", e.source, e.captured, e.index));
        assert_eq!(e.kind, e.template.kind());
        // One subject is one person, and has no two records of one design.
        for other in entries.iter().filter(|o| o.subject == e.subject && o.index != e.index) {
            assert_eq!(e.person_seed, other.person_seed);
            assert_ne!(e.template, other.template);
        }
    }
    let (a, b) = (corpus.document(3).unwrap(), corpus.document(3).unwrap());
    assert_eq!(a.encoded, b.encoded);
    assert!(a.encoded != Corpus::new(600, 8).document(3).unwrap().encoded);
    let decoded = image::load_from_memory(&a.encoded).unwrap();
    assert_eq!((decoded.width(), decoded.height()), a.document.image.dimensions());
}

#[test]
fn a_written_corpus_has_a_manifest_and_readable_files() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = Corpus::new(7, 1).with_templates(&[Template::IdentityCardBack]);
    let last = AtomicUsize::new(0);
    let written = write_corpus(dir.path(), &corpus, |n| {
        last.fetch_max(n, Ordering::Relaxed);
    })
    .unwrap();
    assert_eq!((written.files, last.into_inner()), (7, 7));
    let manifest = std::fs::read_to_string(dir.path().join("vault.csv")).unwrap();
    let mut lines = manifest.lines();
    assert_eq!(lines.next(), Some("record_id,path,subject,source,captured,kind"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 7);
    let mut bytes = 0;
    for (row, item) in rows.iter().zip(corpus.iter()) {
        assert_eq!(row[0], item.record_id);
        assert_eq!(row[2..], [&item.subject, item.source, &item.captured, item.kind]);
        let stored = std::fs::read(dir.path().join(row[1])).unwrap();
        assert_eq!(stored, item.encoded);
        bytes += stored.len() as u64;
    }
    assert_eq!(bytes, written.bytes);
}

#[test]
fn a_corpus_that_cannot_be_written_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, b"not a folder").unwrap();
    let error = write_corpus(&blocked, &Corpus::new(1, 1), |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Write { path, .. } if path.starts_with(&blocked)));
    assert!(error.to_string().starts_with("cannot write "));
}

#[test]
fn an_empty_corpus_writes_an_empty_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let written = write_corpus(dir.path(), &Corpus::new(0, 1), |_| {}).unwrap();
    assert_eq!((written.files, written.bytes), (0, 0));
    assert_eq!(std::fs::read_to_string(dir.path().join("vault.csv")).unwrap().lines().count(), 1);
}

proptest! {
    #[test]
    fn a_check_digit_catches_every_single_wrong_digit(
        field in "[0-9]{6,14}",
        place in 0_usize..14,
        by in 1_u32..10,
    ) {
        let place = place % field.len();
        let wrong: String = field
            .chars()
            .enumerate()
            .map(|(i, c)| {
                let digit = c.to_digit(10).unwrap();
                char::from_digit(if i == place { (digit + by) % 10 } else { digit }, 10).unwrap()
            })
            .collect();
        prop_assert_ne!(check_digit(&field), check_digit(&wrong));
    }

    #[test]
    fn invented_people_are_plausible(seed: u64) {
        let person = Person::invent(seed);
        prop_assert!(!person.given.is_empty() && !person.surname.is_empty());
        prop_assert!(person.birth < person.issued && person.issued < person.expires);
        prop_assert_eq!(person.document_number.len(), 9);
        prop_assert_eq!(&person, &Person::invent(seed));
    }
}
