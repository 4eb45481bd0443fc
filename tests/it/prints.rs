//! What of records is print: their images are looked up, each once, and read again for new records.

use std::collections::BTreeMap;

use saltprint_fingerprint::LocalFingerprint;
use saltprint_synth::{Corpus, CorpusItem, Template};
use serde_json::Value;

use crate::case::containers::tool;
use crate::incremental::records_of;
use crate::place::{Place, draw};

/// Cards of two designs, none of them twice of one subject.
fn cards() -> Vec<CorpusItem> {
    let mut cards = draw(&Corpus::new(26, 31).with_templates(&[Template::Drawn(3), Template::Drawn(8)]));
    for (number, card) in cards.iter_mut().enumerate() {
        card.subject = format!("person-{number}");
    }
    cards
}

fn print_sample(place: &Place, most: usize) {
    let text = std::fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", format!("{text}[rebuild]\nprint_sample = {most}\n"));
}

/// What a rebuild looked up, read, and left; and what it said.
fn rebuild(place: &Place) -> ([u64; 3], String) {
    let ran = place.run(&["rebuild", "--json"]).expect(0);
    let print = &ran.json()[0]["print"];
    (["looked_up", "read", "left"].map(|key| print[key].as_u64().unwrap()), ran.stderr)
}

#[test]
fn each_image_is_looked_up_once_and_read_for_new_records() {
    let cards = cards();
    let place = Place::new();
    place.fill(&cards[..18]);
    place.run(&["calibrate"]).expect(0);
    let ([looked_up, read, left], said) = rebuild(&place);
    assert_eq!((looked_up, read, left), (18, 0, 0));
    assert!(!said.contains("print_sample"), "{said}");

    place.fill(&cards);
    let ([looked_up, read, left], _) = rebuild(&place);
    assert_eq!((looked_up, left), (8, 0));
    // Those of the same designs that the new ones show most of, or that show most of them.
    assert!((2..=18).contains(&read), "{read}");

    assert_eq!(rebuild(&place).0, [0, 0, 0]);

    // A record that has another one's picture now is looked up anew, and those that it shows are read for it.
    let mut changed = cards;
    changed[0].encoded = changed[1].encoded.clone();
    place.fill(&changed);
    let ([looked_up, read, left], _) = rebuild(&place);
    assert_eq!((looked_up, left), (1, 0));
    assert!((1..=4).contains(&read), "{read}");
    // And one that is someone else's is not.
    changed[3].subject = "person-99".to_owned();
    place.fill(&changed);
    assert_eq!(rebuild(&place).0, [0, 0, 0]);
}

#[test]
fn a_run_that_cannot_look_all_up_says_so_and_the_next_goes_on() {
    let cards = cards();
    let place = Place::new();
    place.fill(&cards[..20]);
    place.run(&["calibrate"]).expect(0);
    print_sample(&place, 5);
    let ([first, read, left], said) = rebuild(&place);
    // Five, and up to five that these show much of.
    assert!((6..=10).contains(&first) && left == 20 - first && read == 0, "{first} {read} {left}");
    assert!(
        said.contains("rebuild.print_sample") && said.contains(&format!("of {left} of 20 records")),
        "{said}"
    );

    // Nothing is published, so nothing is read.
    assert_eq!(rebuild(&place).0, [0, 0, left]);

    place.fill(&cards[..21]);
    print_sample(&place, 100);
    let ([second, read, left], said) = rebuild(&place);
    assert_eq!((first + second, left), (21, 0));
    assert!(read <= first && !said.contains("print_sample"), "{read} {said}");

    // None is none. What is not filled in stays in the vault's folder, and is no record.
    place.fill(&cards[..20]);
    print_sample(&place, 0);
    let summary: Value = place.run(&["rebuild", "--full", "--json"]).expect(0).json()[0].clone();
    assert_eq!(summary["print"], serde_json::json!({ "looked_up": 0, "read": 0, "left": 20, "full": false }));
}

/// An archive in the vault of these cards; `None` where there is no `zip`.
fn archive(place: &Place, cards: &[CorpusItem]) -> Option<()> {
    for (number, card) in cards.iter().enumerate() {
        place.write(&format!("in/{number:02}.jpg"), &card.encoded);
    }
    std::fs::create_dir_all(place.path("vault")).unwrap();
    tool(place, "zip", &["-qrj", "vault/cards.zip", "in"]).then_some(())
}

#[test]
fn parts_of_an_archive_are_looked_up_over_several_runs() {
    let cards = cards();
    let place = Place::new();
    let Some(()) = archive(&place, &cards[..14]) else { return };
    place.run(&["calibrate"]).expect(0);
    print_sample(&place, 5);
    let ([mut done, _, mut left], _) = rebuild(&place);
    assert!((5..=10).contains(&done) && left == 14 - done, "{done} {left}");
    // Each run has something to publish, and goes on with the archive that is as it was.
    for (run, card) in cards[14..].iter().enumerate() {
        if left == 0 {
            break;
        }
        place.write(&format!("vault/{run}.jpg"), &card.encoded);
        let ([looked_up, _, now_left], _) = rebuild(&place);
        assert!((1..=10).contains(&looked_up), "{looked_up}");
        done += looked_up;
        assert_eq!(now_left, 14 + run as u64 + 1 - done);
        left = now_left;
    }
    assert_eq!(left, 0);
    assert_eq!(rebuild(&place).0, [0, 0, 0]);
}

/// A PDF of one page with two cards on it.
fn two_on_a_page(cards: &[CorpusItem; 2]) -> Vec<u8> {
    let image = |card: &CorpusItem| {
        let size = card.document.image.dimensions();
        let head = format!(
            "<< /Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceRGB /BitsPerComponent 8 \
             /Filter /DCTDecode /Length {} >>\nstream\n",
            size.0,
            size.1,
            card.encoded.len()
        );
        [head.as_bytes(), &card.encoded, b"\nendstream"].concat()
    };
    let drawn = "q 430 0 0 270 20 310 cm /A Do Q q 430 0 0 270 20 20 cm /B Do Q";
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 470 600] /Contents 6 0 R \
                /Resources << /XObject << /A 4 0 R /B 5 0 R >> >> >>";
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_vec(),
        page.into(),
        image(&cards[0]),
        image(&cards[1]),
        format!("<< /Length {} >>\nstream\n{drawn}\nendstream", drawn.len()).into_bytes(),
    ];
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend([format!("{number} 0 obj\n").as_bytes(), object, b"\nendobj\n"].concat());
    }
    let start = file.len();
    let trailer =
        format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.extend([table.as_bytes(), trailer.as_bytes()].concat());
    file
}

/// More of one file than are held at a time, and images on a page.
#[test]
fn all_parts_of_files_are_looked_up_at_once_where_there_is_room() {
    let [first, second, cards @ ..] = &cards()[..] else { unreachable!("there are 26") };
    let mut more = cards.to_vec();
    more.extend(draw(&Corpus::new(12, 32).with_templates(&[Template::Drawn(3)])));
    let place = Place::new();
    let Some(()) = archive(&place, &more) else { return };
    place.write("vault/both.pdf", two_on_a_page(&[first.clone(), second.clone()]));
    place.run(&["calibrate"]).expect(0);
    print_sample(&place, 100);
    // The page and the two images on it are records.
    assert_eq!(rebuild(&place).0, [36 + 3, 0, 0]);
    place.write("vault/one.jpg", &first.encoded);
    let ([looked_up, _, left], _) = rebuild(&place);
    assert_eq!((looked_up, left), (1, 0));
}

/// By how many others the details that records keep are shared, on average, as the index has it.
fn sharing(place: &Place) -> BTreeMap<String, f64> {
    let mean = |local: &LocalFingerprint| {
        let shared = local.features.iter().map(|feature| feature.sharing.records());
        shared.sum::<f64>() / local.features.len() as f64
    };
    let records = records_of(&place.config());
    records.iter().map(|record| (record.record_ref.to_string(), mean(&record.fingerprint.local))).collect()
}

/// Of the first few of a design nobody can tell what is print. Once the vault holds many, it can be told.
#[test]
fn what_early_records_had_alone_is_counted_anew_once_many_have_it() {
    let mut cards = draw(&Corpus::new(40, 31).with_templates(&[Template::Drawn(3)]));
    for (number, card) in cards.iter_mut().enumerate() {
        card.subject = format!("person-{number}");
    }
    let place = Place::new();
    place.fill(&cards[..4]);
    place.run(&["calibrate"]).expect(0);
    let rebuild =
        |options: &[&str]| place.run(&[&["rebuild", "--json"], options].concat()).expect(0).json()[0].clone();
    let first = rebuild(&[]);
    assert_eq!((&first["selection"]["recounted"], &first["selection"]["faded"]), (&0.into(), &0.into()));
    let early = sharing(&place);
    assert_eq!(early.len(), 4);

    // Less than twice as many: what is there stays as it is.
    place.fill(&cards[..7]);
    let second = rebuild(&[]);
    assert_eq!(second["selection"]["recounted"], 0);
    assert_eq!(second["segments"].as_array().unwrap().len(), 2);
    let meanwhile = sharing(&place);
    assert!(early.iter().all(|(record, shared)| meanwhile[record].to_bits() == shared.to_bits()));

    place.fill(&cards);
    let third = rebuild(&[]);
    assert_eq!(third["selection"]["recounted"], 7);
    assert_eq!(third["segments"].as_array().unwrap().len(), 1);
    let late = sharing(&place);
    for (record, early) in &early {
        assert!(late[record] > 3.0 * early && late[record] > 4.0, "{early} {}", late[record]);
    }
    assert_eq!(rebuild(&[])["published"], false, "once counted they are as they should be");

    // Fingerprinted now they would keep other details, which fewer share.
    let full = rebuild(&["--full"]);
    assert_eq!(full["selection"]["recounted"], 0);
    let full = sharing(&place);
    let sum = |of: &BTreeMap<String, f64>| early.keys().map(|record| of[record]).sum::<f64>();
    assert!(sum(&full) < sum(&late), "{} {}", sum(&full), sum(&late));
}
