//! A template that the calibration has not seen.

use saltprint_synth::{Corpus, CorpusItem, Template};

use crate::place::{Place, draw};

#[test]
fn a_new_template_that_crowds_asks_for_a_calibration() {
    // Of each kind enough to say something: half of them are for the calibration.
    let known = [Template::Passport, Template::DrivingLicence, Template::UtilityBill];
    let known = draw(&Corpus::new(170, 21).with_templates(&known));
    let mut new = draw(&Corpus::new(200, 22).with_templates(&[Template::IdentityCard]));
    for item in &mut new {
        item.record_id = format!("vendor-b/{}", item.record_id);
        item.subject = format!("b-{}", item.subject);
    }
    let quick = |place: &Place| {
        let text = std::fs::read_to_string(place.path("saltprint.toml")).unwrap();
        place.write("saltprint.toml", format!("{text}[rebuild]\nlocal_sample = 20\n"));
    };
    let place = Place::new();
    place.fill(&known);
    quick(&place);
    place.run(&["calibrate"]).expect(0);
    let before = place.run(&["rebuild"]).expect(0);
    assert!(!before.stderr.contains("come much nearer"), "{}", before.stderr);

    let all: Vec<CorpusItem> = known.into_iter().chain(new).collect();
    place.fill(&all);
    quick(&place);
    place.run(&["rebuild"]).expect(0).says(&["kind `identity-card`", "saltprint calibrate --force"]);

    place.run(&["calibrate", "--force"]).expect(0);
    let learned = place.run(&["rebuild"]).expect(0);
    assert!(!learned.stderr.contains("come much nearer"), "{}", learned.stderr);
}
