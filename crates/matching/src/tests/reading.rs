//! Images that are read again where a record says that its features should be, with made-up local codes.

use saltprint_fingerprint::{
    Corners, Fingerprint, GlobalCode, Keypoint, LocalCode, LocalQuery, Orientation, Panel, QueryFeature,
    View as Place,
};

use super::local::{HEIGHT, View, WIDTH, altered, bands, card, cards, judge_all, ours, words};
use super::{Index, index, rules};
use crate::{Band, Cascade, CascadeCounts, Fine, Images, Judgement, LocalSearch, Matcher, Read, Sighting};

/// What a picture shows, found or not; and its mirror image.
pub(super) struct Picture {
    pub(super) features: Vec<QueryFeature>,
    /// Width, where it is the mirror image that shows the features.
    pub(super) mirrored: Option<f32>,
}

impl Read for Picture {
    fn read(&mut self, view: &Place) -> Option<LocalCode> {
        let (x, along, across) = match self.mirrored {
            None => (view.x, view.along, view.across),
            Some(width) => (width - view.x, (-view.along.0, view.along.1), (-view.across.0, view.across.1)),
        };
        let angle = along.1.atan2(along.0) / std::f32::consts::TAU;
        // Whoever asks with the wrong hand sees nothing that he knows.
        let upright = along.0 * across.1 - along.1 * across.0 > 0.0;
        let shown = self.features.iter().find(|shown| {
            let (right, down) = (shown.keypoint.x - x, shown.keypoint.y - view.y);
            let turn = shown.keypoint.angle - angle;
            upright && right.hypot(down) < 40.0 && (turn - turn.round()).abs() < 0.02
        });
        let [low, high, ..] = words(x.to_bits().into(), view.y.to_bits().into());
        Some(shown.map_or(LocalCode::from_words([low, high]), |shown| shown.code))
    }

    fn is_covered(&self, _view: &Place) -> bool {
        false
    }
}

/// An image of which some details are found, and that is read as what the second opens.
struct Pictures<'a, F>(&'a LocalQuery, F);

impl<F: Fn() -> Box<dyn Read> + Sync> Images for Pictures<'_, F> {
    fn fine(&self, _number: usize) -> Fine<'_> {
        Fine { query: self.0.clone(), reader: self.reader(0) }
    }

    fn reader(&self, _number: usize) -> Option<Box<dyn Read + '_>> {
        Some(self.1())
    }

    fn straightened(&self, _number: usize, _corners: &Corners) -> Option<GlobalCode> {
        None
    }

    fn panels(&self, _number: usize) -> Vec<Panel> {
        Vec::new()
    }

    fn panel_query(&self, _number: usize, _area: &[f64; 4]) -> LocalQuery {
        LocalQuery::default()
    }

    fn panel_reader(&self, _number: usize, _area: &[f64; 4]) -> Option<Box<dyn Read + '_>> {
        None
    }
}

/// Judges a picture in which `found` of the features that it shows were found.
fn judge(found: &LocalQuery, shown: &[QueryFeature], mirrored: Option<f32>) -> Judgement {
    judge_in(&index(&cards()), found, shown, mirrored)
}

fn judge_in(index: &Index, found: &LocalQuery, shown: &[QueryFeature], mirrored: Option<f32>) -> Judgement {
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let images =
        Pictures(found, || -> Box<dyn Read> { Box::new(Picture { features: shown.to_vec(), mirrored }) });
    matcher.judge(&[altered(found.clone())], &images, &mut CascadeCounts::default()).unwrap().remove(0)
}

/// The features with these numbers modulo 8.
fn every_eighth(shown: &[QueryFeature]) -> Vec<QueryFeature> {
    shown.iter().step_by(8).cloned().collect()
}

#[test]
fn what_is_not_found_is_read() {
    for quarters in 0..4 {
        let view = View::whole(quarters);
        let shown = view.see(&card(17), |_| true);
        let found = view.query(every_eighth(&shown));
        // What was found is too little.
        let by_codes = judge_all(&index(&cards()), &[altered(found.clone())]).0.remove(0);
        assert_ne!(by_codes.band(), Some(Band::Strong));
        let read = judge(&found, &shown, None);
        assert_eq!(bands(&read), [ours(17, Band::Strong)]);
        let sighting = read.matches[0].sighting.as_ref().unwrap();
        assert!(sighting.features >= 50 && !sighting.altered, "{} features", sighting.features);

        let other =
            LocalQuery { upright: found.mirrored.clone(), mirrored: found.upright.clone(), ..found.clone() };
        let read = judge(&other, &shown, Some(found.width));
        assert_eq!(bands(&read), [ours(17, Band::Strong)]);
        assert!(read.matches[0].orientation.index() >= Orientation::Mirror.index());
        // Read the wrong way round there is nothing.
        assert_ne!(judge(&other, &shown, None).band(), Some(Band::Strong));
    }
}

/// Details that reach over the border of one image and not of the other describe in part what one of them has not: a crop where the record goes
/// on, a larger picture where the record ends. Whatever they look like, it says nothing.
#[test]
fn what_one_image_has_no_surroundings_of_says_nothing() {
    let inside = |at: f32, size: f32, side: f32| (6.0 * size..=side - 6.0 * size).contains(&at);
    let has = |own: &Keypoint| inside(own.x, own.size, WIDTH) && inside(own.y, own.size, HEIGHT);
    let larger = View { scale: 0.8, quarters: 0, shift: (800.0, 500.0), sides: (WIDTH, HEIGHT) };
    let crop = View { scale: 1.25, shift: (-0.125 * WIDTH, -0.125 * HEIGHT), ..larger };
    for view in [larger, crop] {
        let shows = |own: &Keypoint| {
            let ((x, y), size) = (view.at(own.x, own.y), own.size * view.scale);
            inside(x, size, view.sides.0) && inside(y, size, view.sides.1)
        };
        let alike = |own: &Keypoint| has(own) == shows(own);
        let (shown, all) = (view.see(&card(17), alike), view.see(&card(17), |_| true));
        assert!(all.len() >= shown.len() + 4, "{} of {}", shown.len(), all.len());
        let found = view.query(shown.iter().step_by(2).cloned().collect());
        let mirror =
            LocalQuery { upright: found.mirrored.clone(), mirrored: found.upright.clone(), ..found.clone() };
        let mut without = cards();
        without[17].fingerprint.local.features.retain(|own| alike(&own.place.keypoint()));
        let (with, without) = (index(&cards()), index(&without));
        for (found, mirrored) in [(&found, None), (&mirror, Some(found.width))] {
            let sighted = |index: &Index, shown: &[QueryFeature]| {
                let judged = judge_in(index, found, shown, mirrored);
                assert_eq!(bands(&judged)[0].0, ours(17, Band::Strong).0);
                judged.matches[0].sighting.clone().unwrap()
            };
            let same = |one: &Sighting, other: &Sighting| {
                (one.score - other.score).abs() < 1e-9 && (one.likelihood - other.likelihood).abs() < 1e-9
            };
            let (differ, agree) = (sighted(&with, &shown), sighted(&with, &all));
            assert!(differ.unchanged && differ.undisputed && !differ.altered && !differ.disputed);
            assert!(same(&differ, &agree) && agree.features > differ.features);
            // Nor do they make what agrees a smaller share of what is seen, where that is little.
            let is_one_of_few = |number: usize| number.is_multiple_of(2) || number % 10 == 1;
            let few: Vec<QueryFeature> = (0..)
                .zip(&shown)
                .filter(|(number, _)| is_one_of_few(*number))
                .map(|(_, one)| one.clone())
                .collect();
            assert!(same(&sighted(&with, &few), &sighted(&without, &few)));
        }
    }
    // As few others in the middle say that it is another document.
    let strip = |own: &Keypoint| !has(own) || !(0.3..0.5).contains(&(own.y / HEIGHT));
    let shown = larger.see(&card(17), strip);
    let judged = judge(&larger.query(every_eighth(&larger.see(&card(17), has))), &shown, None);
    let differs = judged.matches[0].sighting.as_ref().unwrap();
    assert!(!differs.unchanged && !differs.undisputed);
}

/// A picture the lower part of which is black, from a share of its height on.
struct Barred {
    picture: Picture,
    from: f32,
}

impl Read for Barred {
    fn read(&mut self, view: &Place) -> Option<LocalCode> {
        self.picture.read(view)
    }

    fn is_covered(&self, view: &Place) -> bool {
        view.y >= self.from
    }
}

/// What a bar lies on says nothing in a measure of its own, and is a change in all others.
#[test]
fn what_is_covered_is_left_out_of_a_measure_of_its_own() {
    let view = View::whole(0);
    let from = 0.4 * HEIGHT;
    let is_left = |own: &Keypoint| own.y < from;
    let shown = view.see(&card(17), is_left);
    let found = view.query(shown.iter().step_by(2).cloned().collect());
    let sighted = |index: &Index, from: f32| {
        let open = || -> Box<dyn Read> {
            Box::new(Barred { picture: Picture { features: shown.clone(), mirrored: None }, from })
        };
        let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
        let images = Pictures(&found, open);
        let judged = matcher
            .judge(&[altered(found.clone())], &images, &mut CascadeCounts::default())
            .unwrap()
            .remove(0);
        assert_eq!(bands(&judged)[0].0, ours(17, Band::Strong).0);
        judged.matches[0].sighting.clone().unwrap()
    };
    let mut without = cards();
    without[17].fingerprint.local.features.retain(|own| is_left(&own.place.keypoint()));
    let (with, without) = (index(&cards()), index(&without));
    let (barred, plain) = (sighted(&with, from), sighted(&with, f32::INFINITY));
    // Against the record in all but its own measure, whatever lies there.
    assert!((barred.score - plain.score).abs() < 1e-9 && (barred.likelihood - plain.likelihood).abs() < 1e-9);
    assert_eq!((barred.altered, barred.unchanged, barred.disputed), (plain.altered, false, plain.disputed));
    assert_eq!(plain.uncovered, None);
    // As if the record had nothing else.
    let (uncovered, left) = (barred.uncovered.unwrap(), sighted(&without, f32::INFINITY));
    assert!((uncovered.score - left.score).abs() < 1e-9, "{uncovered:?} {}", left.score);
    assert!((uncovered.likelihood - left.likelihood).abs() < 1e-9, "{uncovered:?} {}", left.likelihood);
    assert!(uncovered.score > barred.score + 1.0 && uncovered.likelihood > barred.likelihood + 5.0);
    // What agrees counts, whatever is said to lie there.
    assert_eq!(sighted(&without, 0.0).uncovered, None);
}

#[test]
fn a_picture_that_shows_something_else_stays_as_weak_as_what_was_found() {
    let view = View::whole(0);
    let shown = every_eighth(&view.see(&card(17), |_| true));
    let found = view.query(shown.clone());
    let by_codes = judge_all(&index(&cards()), &[altered(found.clone())]).0.remove(0);
    assert_eq!(judge(&found, &shown, None).band(), by_codes.band());
}

/// A picture in which each feature lies beside its place, by a share of its size along its direction: nearer than half of that it looks like
/// itself but for some bits, and farther off like anything.
struct Bent(Picture, f32);

/// Bits by which a code read a little beside its place is another one.
const BESIDE: u32 = 22;

impl Read for Bent {
    fn read(&mut self, view: &Place) -> Option<LocalCode> {
        let size = view.along.0.hypot(view.along.1);
        let beside = |shown: &QueryFeature| {
            let by = |along: f32| self.1 * along;
            let right = shown.keypoint.x + by(view.along.0) - view.x;
            let down = shown.keypoint.y + by(view.along.1) - view.y;
            right.hypot(down) / size
        };
        let shown = self.0.features.iter().find(|shown| beside(shown) < 0.5);
        let [low, high, ..] = words(view.x.to_bits().into(), view.y.to_bits().into());
        Some(shown.map_or(LocalCode::from_words([low, high]), |shown| {
            let [low, high] = shown.code.words();
            let other = if beside(shown) < 0.25 { 0 } else { (1 << BESIDE) - 1 };
            LocalCode::from_words([low, high ^ other])
        }))
    }

    fn is_covered(&self, _view: &Place) -> bool {
        false
    }
}

/// The picture of a card whose features lie beside their places, and what is found of one in eight.
fn bent(by: f32) -> (LocalQuery, impl Fn() -> Box<dyn Read> + Sync) {
    let view = View::whole(0);
    let shown = view.see(&card(17), |_| true);
    let found = view.query(every_eighth(&shown));
    (found, move || Box::new(Bent(Picture { features: shown.clone(), mirrored: None }, by)))
}

fn judge_bent(index: &Index, by: f32) -> Judgement {
    let (found, open) = bent(by);
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let asked = [altered(found.clone())];
    matcher.judge(&asked, &Pictures(&found, open), &mut CascadeCounts::default()).unwrap().remove(0)
}

fn sighted(judgement: &Judgement) -> &Sighting {
    judgement.matches[0].sighting.as_ref().unwrap()
}

#[test]
fn a_close_call_is_read_beside_its_places_as_well() {
    let index = index(&cards());
    assert_eq!(bands(&judge_bent(&index, 0.0)), [ours(17, Band::Strong)]);
    let beside = judge_bent(&index, 0.4);
    assert_eq!(bands(&beside), [ours(17, Band::Strong)]);
    let (score, nudged) = (sighted(&beside).score, sighted(&beside).nudged);
    assert!(score < 2.0 && nudged > 20.0, "{score} {nudged}");
    assert_eq!(bands(&judge_bent(&index, 1.2)), []);
}

/// What has changed and what is the same is told by the places themselves, and so it is where no score decides, of a record by itself.
#[test]
fn only_a_score_rests_on_what_is_read_beside() {
    let index = index(&cards());
    let beside = judge_bent(&index, 0.4);
    let (found, open) = bent(0.4);
    let place = index.generation.place(ours(17, Band::Strong).0).unwrap().unwrap();
    let images = Pictures(&found, open);
    let search = LocalSearch::new(&index.generation);
    let alone = search.against(&found, false, &|| images.reader(0), &place).unwrap().unwrap();
    assert!(alone.score > 0.5 && (alone.nudged - alone.score).abs() < 1e-9, "{}", alone.nudged);
    let told = |seen: &Sighting| {
        let bools = [seen.altered, seen.unchanged, seen.undisputed, seen.disputed];
        (seen.alike.clone(), seen.features, seen.in_view, bools)
    };
    assert_eq!(told(sighted(&beside)), told(&alone));
    assert!(alone.alike.len() < 16, "{}", alone.alike.len());
}

/// What is read beside a place is no evidence where a negative image has it, though what is read in the place is.
#[test]
fn what_a_negative_image_has_is_no_evidence_beside_its_place_either() {
    let mut blank = card(17).fingerprint.local;
    let mut number = 0;
    blank.features.retain_mut(|feature| {
        // Near to the record's, and to what is read in its place no more than is the record's.
        let [low, high] = feature.code.words();
        feature.code = LocalCode::from_words([low ^ 0x3ff, high]);
        number += 1;
        number % 8 != 1
    });
    let blank = Fingerprint::new(super::code(180), blank);
    let judged = judge_bent(&index(&cards()).published(|manifest| manifest.negative.add(&blank)), 0.4);
    assert_eq!(bands(&judged), [ours(17, Band::Possible)]);
    let (score, nudged) = (sighted(&judged).score, sighted(&judged).nudged);
    assert!((nudged - score).abs() < 1e-9, "{score} {nudged}");
}
