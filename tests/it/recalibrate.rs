//! A template that the calibration has not seen.

use saltprint_synth::{Corpus, CorpusItem};

use crate::place::{Place, draw};

#[test]
fn a_new_template_that_crowds_asks_for_a_calibration() {
    let items = draw(&Corpus::new(250, 21));
    let (cards, others): (Vec<CorpusItem>, Vec<CorpusItem>) =
        items.into_iter().partition(|item| item.kind == "identity-card");
    assert!(cards.len() > 60 && others.len() > 150, "{} and {}", cards.len(), others.len());
    let quick = |place: &Place| {
        let text = std::fs::read_to_string(place.path("saltprint.toml")).unwrap();
        place.write("saltprint.toml", format!("{text}[rebuild]\nlocal_sample = 20\n"));
    };
    let place = Place::new();
    place.fill(&others);
    quick(&place);
    place.run(&["calibrate"]).expect(0);
    let known = place.run(&["rebuild"]).expect(0);
    assert!(!known.stderr.contains("come much nearer"), "{}", known.stderr);

    let all: Vec<CorpusItem> = others.into_iter().chain(cards).collect();
    place.fill(&all);
    quick(&place);
    place.run(&["rebuild"]).expect(0).says(&["kind `identity-card`", "saltprint calibrate --force"]);

    place.run(&["calibrate", "--force"]).expect(0);
    let learned = place.run(&["rebuild"]).expect(0);
    assert!(!learned.stderr.contains("come much nearer"), "{}", learned.stderr);
}
