//! Images that are read again where a record says that its features should be, with made-up local codes.

use saltprint_fingerprint::{
    Corners, GlobalCode, LocalCode, LocalQuery, Orientation, Panel, QueryFeature, RegionCodes, SeenRegions,
    View as Place,
};

use super::local::{View, altered, bands, card, cards, judge_all, ours, words};
use super::{index, rules};
use crate::{Band, Cascade, CascadeCounts, Fine, Images, Judgement, LocalSearch, Matcher, Read, Sighting};

/// What a picture shows, found or not; and its mirror image.
pub(super) struct Picture {
    pub(super) features: Vec<QueryFeature>,
    /// Width, where it is the mirror image that shows the features.
    pub(super) mirrored: Option<f32>,
    /// Where a document lies in it, and what its regions look like.
    pub(super) regions: Option<(Corners, SeenRegions)>,
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

    fn regions(&self, corners: &Corners) -> Option<SeenRegions> {
        let (there, seen) = self.regions.as_ref()?;
        let is_there =
            there.iter().zip(corners).all(|(a, b)| (a.0 - b.0).abs().max((a.1 - b.1).abs()) < 0.02);
        Some(if is_there { *seen } else { SeenRegions::from_cells([None; RegionCodes::COUNT]) })
    }
}

struct Pictures<'a>(&'a LocalQuery, &'a [QueryFeature], Option<f32>);

impl Images for Pictures<'_> {
    fn fine(&self, _number: usize) -> Fine<'_> {
        Fine { query: self.0.clone(), reader: self.reader(0) }
    }

    fn reader(&self, _number: usize) -> Option<Box<dyn Read + '_>> {
        Some(Box::new(Picture { features: self.1.to_vec(), mirrored: self.2, regions: None }))
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
    let index = index(&cards());
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let images = Pictures(found, shown, mirrored);
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

/// What a search finds of card 17, of which every fourth detail is left, in a picture whose regions are those of `shown`.
fn sighted(shown: u8, corners: Corners, mirrored: bool) -> Sighting {
    let view = View::whole(0);
    let features: Vec<QueryFeature> = view.see(&card(17), |_| true).into_iter().step_by(4).collect();
    let found = view.query(features.clone());
    let found = if mirrored {
        LocalQuery { upright: found.mirrored.clone(), mirrored: found.upright.clone(), ..found }
    } else {
        found
    };
    let regions = card(shown).fingerprint.local.regions.unwrap();
    let seen = SeenRegions::from_cells(regions.words().map(Some));
    let width = mirrored.then_some(found.width);
    let index = index(&cards());
    let image = |_: usize| {
        let picture = Picture { features: features.clone(), mirrored: width, regions: Some((corners, seen)) };
        Some(Box::new(picture) as Box<dyn Read>)
    };
    let search = LocalSearch::new(&index.generation);
    search.find(&[&found], mirrored, &image, |_, _| true).unwrap().remove(0).remove(0)
}

/// Regions are looked at where details say that the record lies, mirrored or not, and count as far as these do.
#[test]
fn regions_count_with_details() {
    let upright = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let [a, b, c, d] = upright;
    let mirrored = [b, a, d, c];
    for (corners, is_mirrored) in [(upright, false), (mirrored, true)] {
        let own = sighted(17, corners, is_mirrored);
        assert!((1.0..40.0).contains(&own.likelihood), "{}", own.likelihood);
        assert!(own.regions > 3.0 && own.regions <= 1.25 * own.likelihood + 1e-9, "{}", own.regions);
        let other = sighted(18, corners, is_mirrored);
        assert!((other.likelihood - own.likelihood).abs() < 1e-9 && other.regions < 0.1, "{}", other.regions);
    }
    // Nothing is seen where the record would be with the wrong hand.
    assert!(sighted(17, mirrored, false).regions < 1e-9);
}

#[test]
fn a_picture_that_shows_something_else_stays_as_weak_as_what_was_found() {
    let view = View::whole(0);
    let shown = every_eighth(&view.see(&card(17), |_| true));
    let found = view.query(shown.clone());
    let by_codes = judge_all(&index(&cards()), &[altered(found.clone())]).0.remove(0);
    assert_eq!(judge(&found, &shown, None).band(), by_codes.band());
}
