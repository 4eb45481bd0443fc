//! Altered copies from end to end: cut, framed, tilted, collected, and with a portrait exchanged.
//!
//! Documents with much of their own are chosen; how often which edit is found is measured elsewhere.

use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};
use saltprint_keys::RefKey;
use saltprint_synth::{Corpus, CorpusItem, Document, Edit, Rect, Template};
use serde_json::Value;

use crate::place::{Place, SMALL, corpus, draw, jpeg};

const TEMPLATES: [Template; 3] = [Template::IdentityCard, Template::Passport, Template::Selfie];

/// One document of the vault a template.
fn chosen() -> impl Iterator<Item = &'static CorpusItem> {
    let items = &corpus()[..SMALL];
    TEMPLATES.into_iter().filter_map(|template| items.iter().find(|item| item.document.template == template))
}

/// Looks pictures up; one report each.
fn lookup(place: &Place, pictures: Vec<(String, RgbImage)>) -> Vec<Value> {
    let mut arguments = vec!["lookup".to_owned(), "--json".to_owned()];
    for (name, picture) in pictures {
        place.write(&format!("leak/{name}.jpg"), jpeg(picture, 90));
        arguments.push(format!("leak/{name}.jpg"));
    }
    place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).json()
}

fn refs(place: &Place) -> RefKey {
    RefKey::load_from_dir(&place.path("keys")).unwrap()
}

/// The corners that a match reports.
fn outline(found: &Value) -> Vec<(f64, f64)> {
    let corners = found["agreement"]["outline"].as_array().unwrap();
    corners.iter().map(|corner| (corner[0].as_f64().unwrap(), corner[1].as_f64().unwrap())).collect()
}

/// Area of an outline in shares of the picture; above 0 where its corners run clockwise.
fn area(outline: &[(f64, f64)]) -> f64 {
    let next = outline.iter().cycle().skip(1);
    outline.iter().zip(next).map(|((x, y), (right, down))| x * down - right * y).sum::<f64>() / 2.0
}

#[test]
fn cut_framed_tilted_and_collected_copies_are_matched() {
    /// Edits with the share of the picture that the record takes, from and to.
    const EDITS: [(Edit, f64, f64); 5] = [
        (Edit::Crop { keep: 70 }, 1.9, 2.2),
        (Edit::Border { percent: 10 }, 0.6, 0.75),
        (Edit::Tilt { degrees: 7 }, 0.7, 0.95),
        (Edit::Screenshot, 0.1, 0.8),
        (Edit::Collage { side: 2 }, 0.1, 0.27),
    ];
    let place = Place::built();
    let refs = refs(&place);
    for (edit, least, most) in EDITS {
        let picture = |item: &CorpusItem| {
            let edited = edit.apply(&item.document.image, &item.document.layout, 5);
            (format!("{edit}-{:?}", item.document.template), edited)
        };
        for (report, item) in lookup(&place, chosen().map(picture).collect()).iter().zip(chosen()) {
            // Half of the document under cautious thresholds may leave it to the eye.
            let for_the_eye = matches!(edit, Edit::Crop { .. }) && report["outcome"] == "possible";
            assert!(report["outcome"] == "match" || for_the_eye, "{report}");
            let found = &report["matches"][0];
            assert_eq!(found["ref"], refs.record_ref(&item.record_id).to_string(), "{report}");
            assert!(found["tier"] == "local" || found["tier"] == "both", "{report}");
            assert_ne!(found["copy"], "whole", "{report}");
            let outline = outline(found);
            let area = area(&outline);
            assert!((least..most).contains(&area), "{area} of the picture: {report}");
            if let Edit::Border { .. } = edit {
                let (width, height) = item.document.image.dimensions();
                let edge = f64::from(width.max(height)) / 10.0;
                let (across, down) =
                    (edge / (f64::from(width) + 2.0 * edge), edge / (f64::from(height) + 2.0 * edge));
                let corners =
                    [(across, down), (1.0 - across, down), (1.0 - across, 1.0 - down), (across, 1.0 - down)];
                for ((x, y), (right, below)) in outline.iter().zip(corners) {
                    assert!((x - right).abs() < 0.02 && (y - below).abs() < 0.02, "{corners:?}: {report}");
                }
            }
        }
    }
}

/// A single image is looked at in another order of work than those of a leak, and what it was prepared to is kept. The answers are the
/// same.
#[test]
fn an_image_alone_is_answered_as_in_a_leak() {
    let place = Place::built();
    let edits =
        [Edit::Crop { keep: 70 }, Edit::Border { percent: 10 }, Edit::Tilt { degrees: 7 }, Edit::Mirror];
    let strangers = TEMPLATES.map(|template| Document::new(template, 700_000));
    let documents = corpus()[..SMALL].iter().step_by(2).map(|item| &item.document).chain(&strangers);
    let pictures = documents.zip(edits.iter().cycle()).enumerate().map(|(number, (document, edit))| {
        (format!("{number:02}"), edit.apply(&document.image, &document.layout, 5))
    });
    let pictures: Vec<(String, RgbImage)> = pictures.collect();
    let alone: Vec<Value> =
        pictures.iter().flat_map(|picture| lookup(&place, vec![picture.clone()])).collect();
    let together = place.run(&["triage", "leak", "--json", "-"]).json();
    assert_eq!((alone.len(), together.len()), (15, 15));
    let local = |report: &&Value| report["matches"][0]["tier"] == "local";
    let unknown = |report: &&Value| report["outcome"] == "no_match";
    // More than are looked at as few.
    let (local, unknown) = (together.iter().filter(local).count(), together.iter().filter(unknown).count());
    assert!(local >= 6 && unknown >= 2 && local + unknown >= 8, "{local} and {unknown}");
    for (alone, together) in alone.iter().zip(&together) {
        assert_eq!(alone["outcome"], together["outcome"]);
        assert_eq!(alone["matches"], together["matches"]);
    }
    // The same of a program that uses the library.
    let saltprint = saltprint::Saltprint::open(&place.config()).unwrap();
    for ((name, picture), together) in pictures.into_iter().zip(&together) {
        let report = saltprint.lookup(&name, &jpeg(picture, 90)).unwrap();
        let report = serde_json::to_value(report).unwrap();
        assert_eq!((&report["outcome"], &report["matches"]), (&together["outcome"], &together["matches"]));
    }
}

/// The document with the portrait of a stranger's document of the same template.
fn exchanged(document: &Document, stranger: &Document) -> Option<RgbImage> {
    let (Rect { x, y, width, height }, theirs) = (document.layout.portrait?, stranger.layout.portrait?);
    let portrait = imageops::crop_imm(&stranger.image, theirs.x, theirs.y, theirs.width, theirs.height);
    let portrait = imageops::resize(&portrait.to_image(), width, height, FilterType::CatmullRom);
    let mut forged = document.image.clone();
    imageops::replace(&mut forged, &portrait, x.into(), y.into());
    Some(forged)
}

#[test]
fn an_exchanged_portrait_is_an_altered_copy_and_never_a_whole_one() {
    let place = Place::built();
    let refs = refs(&place);
    let cards = || corpus()[..SMALL].iter().filter(|item| item.document.template == Template::IdentityCard);
    let forged = cards().filter_map(|item| {
        let stranger = Document::new(Template::IdentityCard, 444_444);
        Some((format!("forged-{}", item.subject), exchanged(&item.document, &stranger)?))
    });
    let forged: Vec<_> = forged.collect();
    for (report, item) in lookup(&place, forged).iter().zip(cards()) {
        let found = &report["matches"][0];
        assert_eq!(found["ref"], refs.record_ref(&item.record_id).to_string(), "{report}");
        assert_eq!(found["copy"], "altered", "{report}");
    }
}

#[test]
fn a_crop_of_a_stranger_is_no_match() {
    let place = Place::built();
    let strangers = TEMPLATES.into_iter().flat_map(|template| {
        [70, 85].map(|keep| {
            let document = Document::new(template, 700_000 + u64::from(keep));
            let cropped = Edit::Crop { keep }.apply(&document.image, &document.layout, 5);
            (format!("{template:?}-{keep}"), cropped)
        })
    });
    for report in lookup(&place, strangers.collect()) {
        assert_eq!(report["outcome"], "no_match", "{report}");
    }
}

/// Nobody knows what of the only passport of a vault is print. Every other passport shows as much of it, unedited and whole.
#[test]
fn strangers_of_a_template_that_one_record_has_are_not_accused() {
    let place = Place::new();
    let others = [Template::CitizenCard, Template::DrivingLicence, Template::UtilityBill, Template::Selfie];
    let mut vault = draw(&Corpus::new(160, 11).with_templates(&others));
    let mut only = draw(&Corpus::new(1, 12).with_templates(&[Template::Passport])).remove(0);
    only.record_id = "only.jpg".to_owned();
    only.subject = "only".to_owned();
    vault.push(only);
    // Stored without its margin, so that strangers' documents in larger pictures have surroundings that it has not.
    let mut tight = draw(&Corpus::new(1, 12).with_templates(&[Template::ResidencePermit])).remove(0);
    tight.record_id = "tight.jpg".to_owned();
    tight.subject = "tight".to_owned();
    let cut = Edit::Crop { keep: 95 }.apply(&tight.document.image, &tight.document.layout, 3);
    tight.encoded = jpeg(cut, 90);
    vault.push(tight);
    place.fill(&vault);
    place.run(&["calibrate"]).expect(0);
    place.run(&["rebuild"]).expect(0);

    let passports = (0..24).map(|number| Document::new(Template::Passport, 700_000 + number).image);
    let permits = (0..24).map(|number| {
        let Document { image, layout, .. } = Document::new(Template::ResidencePermit, 700_000 + number);
        if number % 2 == 0 { image } else { Edit::Border { percent: 10 }.apply(&image, &layout, number) }
    });
    let strangers = passports.chain(permits).enumerate();
    let pictures = strangers.map(|(number, image)| (format!("stranger-{number}"), image));
    let reports = lookup(&place, pictures.collect());
    assert_eq!(reports.len(), 48);
    for report in reports {
        assert_ne!(report["outcome"], "match", "{report}");
    }
    // Its own copies are found all the same, as a whole and cut.
    let own = |keep| Edit::Crop { keep }.apply(&vault[160].document.image, &vault[160].document.layout, 1);
    let copies = [95, 85].map(|keep| (format!("copy-{keep}"), own(keep)));
    for report in lookup(&place, copies.to_vec()) {
        assert_eq!(report["outcome"], "match", "{report}");
        assert_eq!(report["matches"][0]["ref"], refs(&place).record_ref("only.jpg").to_string());
    }
}

/// Four documents on a ground of stripes and grain, which no plain line divides.
fn on_a_table(items: &[&CorpusItem; 4]) -> RgbImage {
    let mut table = RgbImage::from_fn(2000, 1800, |x, y| {
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7 & 31;
        let level = 90 + (x / 37 + y / 53) % 2 * 60 + grain;
        image::Rgb([u8::try_from(level).unwrap_or(u8::MAX); 3])
    });
    for (number, item) in items.iter().enumerate() {
        let picture = DynamicImage::from(item.document.image.clone()).resize(800, 760, FilterType::Triangle);
        let (x, y) = (130 + i64::from(number % 2 == 1) * 970, 90 + i64::from(number > 1) * 860);
        imageops::replace(&mut table, &picture.to_rgb8(), x, y);
    }
    table
}

/// No selfie has a template, and who lists them as selfies need not see them whole to know them again. Strangers' selfies stay unknown,
/// and so do strangers' documents of the only template of another kind.
#[test]
fn selfies_with_covered_eyes_are_found() {
    let place = Place::new();
    let mut vault = draw(&Corpus::new(170, 13).with_templates(&[Template::CitizenCard, Template::Selfie]));
    let mut only = draw(&Corpus::new(1, 12).with_templates(&[Template::Passport])).remove(0);
    (only.record_id, only.subject) = ("only.jpg".to_owned(), "only".to_owned());
    vault.push(only);
    let selfies: Vec<&CorpusItem> =
        vault.iter().filter(|item| item.document.template == Template::Selfie).collect();
    assert!(selfies.len() >= 70, "{}", selfies.len());
    place.fill(&vault);
    place.run(&["calibrate"]).expect(0);
    let rebuilt = place.run(&["rebuild"]).expect(0);
    assert!(
        rebuilt.stdout.contains("kinds without a template: selfie\n"),
        "{}{}",
        rebuilt.stdout,
        rebuilt.stderr
    );

    let cover = |document: &Document| Edit::EyeBar.apply(&document.image, &document.layout, 3);
    let copies = selfies.iter().take(12);
    let pictures = copies.clone().map(|item| (item.subject.clone(), cover(&item.document)));
    for (report, item) in lookup(&place, pictures.collect()).iter().zip(copies.clone()) {
        assert_eq!(report["outcome"], "match", "{report}");
        assert_eq!(report["matches"][0]["ref"], refs(&place).record_ref(&item.record_id).to_string());
    }
    // Each of several documents in a picture has its own place, and takes nothing from the others. How sure that is depends on how much
    // print so small a picture shows.
    let card = |item: &&CorpusItem| item.document.template == Template::CitizenCard;
    let (card, other) = (vault.iter().find(card).unwrap(), vault.iter().rfind(card).unwrap());
    let four = [selfies[0], selfies[1], card, other];
    let report = lookup(&place, vec![("table".to_owned(), on_a_table(&four))]).remove(0);
    for item in four {
        let record_ref = refs(&place).record_ref(&item.record_id).to_string();
        assert!(
            report["matches"].as_array().unwrap().iter().any(|found| found["ref"] == record_ref),
            "{report}"
        );
    }

    let strangers = |template| (0..16).map(move |number| Document::new(template, 700_000 + number));
    let covered = strangers(Template::Selfie).map(|document| cover(&document));
    let pictures = covered.chain(strangers(Template::Passport).map(|document| document.image));
    let pictures = pictures.enumerate().map(|(number, image)| (format!("stranger-{number}"), image));
    for report in lookup(&place, pictures.collect()) {
        assert_ne!(report["outcome"], "match", "{report}");
    }

    // What is said of kinds is a question of its own: a vault that is as it was is measured again.
    let config = std::fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write(
        "saltprint.toml",
        format!("{config}[rebuild]\nkinds_without_template = [\"identity-card\"]\n"),
    );
    let measured =
        place.run(&["rebuild"]).expect(0).says(&["names `identity-card`, but", "share print with others"]);
    assert!(!measured.stdout.contains("kinds without"), "cards share a template: {}", measured.stdout);
    let pictures = copies.map(|item| (item.subject.clone(), cover(&item.document)));
    let reports = lookup(&place, pictures.collect());
    assert!(reports.iter().any(|report| report["outcome"] == "possible"), "{reports:?}");
}
