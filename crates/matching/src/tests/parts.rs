//! Panels of a sheet and straightened parts, with made-up codes.

use saltprint_fingerprint::{Corners, GlobalCode, LocalQuery, Orientation, Panel, QueryFeature};
use saltprint_index::IndexHit;

use super::local::{View, altered, bands, card, cards, ours};
use super::reading::Picture;
use super::{Index, code, index, near, query, rules};
use crate::{
    Band, Cascade, CascadeCounts, Contest, Fine, Found, Images, Judgement, Matcher, Read, Sighting, Tier,
    nearest_to_parts,
};

/// An image of which panels and the code of any straightened part are known.
#[derive(Default)]
struct Sheet {
    panels: Vec<Panel>,
    /// What is found in each panel, as an image of its own, and what can be read there.
    details: Option<(LocalQuery, Vec<QueryFeature>)>,
    straight: Option<GlobalCode>,
    /// The codes of other parts, by their corners.
    frames: Vec<(Corners, GlobalCode)>,
    /// What is found at the finer look.
    finer: LocalQuery,
}

impl Images for Sheet {
    fn fine(&self, _number: usize) -> Fine<'_> {
        Fine { query: self.finer.clone(), reader: None }
    }

    fn reader(&self, _number: usize) -> Option<Box<dyn Read + '_>> {
        None
    }

    fn straightened(&self, _number: usize, corners: &Corners) -> Option<GlobalCode> {
        let known = self.frames.iter().find(|(frame, _)| frame == corners);
        known.map_or(self.straight, |(_, code)| Some(*code))
    }

    fn panels(&self, _number: usize) -> Vec<Panel> {
        self.panels.clone()
    }

    fn panel_query(&self, _number: usize, _area: &[f64; 4]) -> LocalQuery {
        self.details.as_ref().map(|(found, _)| found.clone()).unwrap_or_default()
    }

    fn panel_reader(&self, _number: usize, _area: &[f64; 4]) -> Option<Box<dyn Read + '_>> {
        let (_, features) = self.details.clone()?;
        Some(Box::new(Picture { features, mirrored: None }))
    }
}

/// A panel that shows `then` turned by `orientation`.
fn panel(area: [f64; 4], then: GlobalCode, orientation: Orientation) -> Panel {
    let mut codes: [GlobalCode; 8] = std::array::from_fn(|at| code(220 + u8::try_from(at).unwrap()));
    codes[orientation.index()] = then;
    Panel { area, codes }
}

fn judge(local: LocalQuery, sheet: &Sheet) -> Judgement {
    let index = index(&cards());
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    matcher.judge(&[altered(local)], sheet, &mut CascadeCounts::default()).unwrap().remove(0)
}

/// A query that shows some features of card 17, too few to be sure.
fn few(count: usize) -> LocalQuery {
    let view = View::whole(0);
    let mut seen = view.see(&card(17), |_| true);
    seen.truncate(count);
    view.query(seen)
}

#[test]
fn each_panel_of_a_sheet_is_found_where_it_is() {
    let sheet = Sheet {
        panels: vec![
            panel([0.0, 0.1, 0.5, 0.9], near(code(3), 9), Orientation::Upright),
            panel([0.5, 0.1, 1.0, 0.9], near(code(8), 9), Orientation::MirrorRot90),
            panel([0.0, 0.9, 1.0, 1.0], code(240), Orientation::Upright),
        ],
        ..Sheet::default()
    };
    let judgement = judge(LocalQuery::default(), &sheet);
    assert_eq!(bands(&judgement), [ours(3, Band::Strong), ours(8, Band::Strong)]);
    let quad = |at: usize| judgement.matches[at].sighting.as_ref().unwrap().quad.unwrap();
    assert_eq!(quad(0), [(0.0, 0.1), (0.5, 0.1), (0.5, 0.9), (0.0, 0.9)]);
    // The record's upper left corner is the panel's lower right one.
    assert_eq!(quad(1), [(1.0, 0.9), (1.0, 0.1), (0.5, 0.1), (0.5, 0.9)]);
    assert_eq!(judgement.matches[1].orientation, Orientation::MirrorRot90);
    assert!(judgement.matches.iter().all(|found| found.tier == Tier::Global));
}

#[test]
fn details_of_a_panel_that_are_another_documents_speak_against_its_whole() {
    let view = View::whole(0);
    let all = view.see(&card(17), |_| true);
    let area = [0.5, 0.0, 1.0, 0.5];
    let judge = |shows: Vec<QueryFeature>| {
        let sheet = Sheet {
            panels: vec![panel(area, near(code(17), 9), Orientation::Upright)],
            details: Some((view.query(shows.clone()), shows)),
            ..Sheet::default()
        };
        judge(LocalQuery::default(), &sheet)
    };
    let own = judge(all.clone());
    assert_eq!(bands(&own), [ours(17, Band::Strong)]);
    let sighting = own.matches[0].sighting.as_ref().unwrap();
    assert!(sighting.unchanged && sighting.features > 50, "{} features", sighting.features);
    // Where it lies on the sheet, not in the panel.
    let quad = sighting.quad.unwrap();
    assert!((quad[0].0 - 0.5).abs() < 0.02 && (quad[2].1 - 0.5).abs() < 0.02, "{quad:?}");
    // Of a forged card the portrait is the record's and the data are not.
    let forged =
        judge(all.into_iter().enumerate().filter(|(at, _)| at % 3 > 0).map(|(_, seen)| seen).collect());
    assert_eq!(bands(&forged), [ours(17, Band::Possible)]);
}

#[test]
fn more_panels_need_nearer_records() {
    let rule = rules().whole;
    let farthest = |panels: usize| {
        let rule = rule.with_tries(8 * panels);
        (0..128).rev().find(|bits| rule.band(*bits, Some(100)) == Some(Band::Strong)).unwrap()
    };
    assert!(farthest(16) < farthest(1) && farthest(1) < 60);
}

#[test]
fn the_whole_of_a_straightened_part_decides_where_details_cannot() {
    let local = few(6);
    let alone = judge(local.clone(), &Sheet::default());
    assert_ne!(alone.band(), Some(Band::Strong));
    let sheet = |straight| Sheet { straight: Some(straight), ..Sheet::default() };
    let straightened = judge(local.clone(), &sheet(near(code(17), 6)));
    assert_eq!(bands(&straightened), [ours(17, Band::Strong)]);
    assert_eq!((straightened.matches[0].tier, straightened.matches[0].record.distance), (Tier::Both, 6));
    // A part that looks like nobody adds nothing.
    assert_eq!(bands(&judge(local, &sheet(code(240)))), bands(&alone));
}

#[test]
fn details_of_one_record_and_the_whole_of_another_are_neither() {
    let view = View::whole(0);
    let local = view.query(view.see(&card(17), |_| true));
    assert_eq!(bands(&judge(local.clone(), &Sheet::default())), [ours(17, Band::Strong)]);
    // The panel is where the details are, and shows another record.
    let panels = vec![panel([0.0, 0.0, 1.0, 1.0], near(code(30), 4), Orientation::Upright)];
    let both = judge(local, &Sheet { panels, ..Sheet::default() });
    assert_eq!(bands(&both), [ours(17, Band::Possible), ours(30, Band::Possible)]);
}

/// Where a document lies is told by what all of its template share, and only the finer look finds that.
#[test]
fn a_straightened_part_that_only_the_finer_look_finds_is_a_match() {
    let straight = Some(near(code(17), 9));
    let sheet = Sheet { straight, finer: few(8), ..Sheet::default() };
    assert_eq!(bands(&judge(LocalQuery::default(), &sheet)), [ours(17, Band::Strong)]);
    assert_eq!(bands(&judge(LocalQuery::default(), &Sheet { straight, ..Sheet::default() })), []);
}

fn frame(left: f64) -> Corners {
    [(left, 0.1), (0.9, 0.1), (0.9, 0.9), (left, 0.9)]
}

/// A card that lies in some frame, of which no details are known.
fn outlined(index: &Index, number: u8, quad: Corners) -> Sighting {
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let asked = [query(code(number), Orientation::Upright)];
    let judged = matcher.judge(&asked, &Sheet::default(), &mut CascadeCounts::default()).unwrap();
    let is_it = |found: &&Found| found.record.record_ref == ours(number, Band::Strong).0;
    Sighting::outlined(judged[0].matches.iter().find(is_it).unwrap(), quad)
}

#[test]
fn rivals_of_a_part_that_fits_a_record_are_compared_in_their_own_frames() {
    let index = index(&cards());
    let found = || {
        vec![vec![Contest {
            sightings: vec![outlined(&index, 17, frame(0.1)), outlined(&index, 30, frame(0.2))],
        }]]
    };
    // The records nearest to what the two frames show, and how near these are.
    let nearest = |first: GlobalCode, second: GlobalCode| {
        let sheet = Sheet { frames: vec![(frame(0.1), first), (frame(0.2), second)], ..Sheet::default() };
        let parts = nearest_to_parts(&index.generation, &sheet, &found(), &|_, _| true).unwrap();
        let hits = parts[0][0].iter().map(|hit| (hit.record_ref, hit.distance));
        hits.take(2).collect::<Vec<_>>()
    };
    let at = |number: u8, distance: u32| (ours(number, Band::Strong).0, distance);
    assert_eq!(nearest(near(code(17), 20), near(code(30), 30)), [at(17, 20), at(30, 30)]);
    assert_eq!(nearest(near(code(17), 40), near(code(30), 30)), [at(30, 30), at(17, 40)]);
    // One frame in which a record is nowhere near says nothing of others.
    let far = nearest(code(240), near(code(30), 30));
    assert!(far.iter().all(|hit| hit.1 > 60), "{far:?}");
}

/// A record that is left out, as the stranger's own is where strangers are measured, is no rival that keeps others from being compared in their frames.
#[test]
fn a_record_that_is_left_out_keeps_no_rival_from_being_fitted() {
    let mut records = cards();
    records.push(super::record(101, near(code(17), 2)));
    let index = index(&records);
    let sightings = vec![outlined(&index, 17, frame(0.1)), outlined(&index, 30, frame(0.2))];
    let found = vec![vec![Contest { sightings }]];
    let frames = vec![(frame(0.1), near(code(17), 30)), (frame(0.2), near(code(30), 25))];
    let sheet = Sheet { frames, ..Sheet::default() };
    let nearest = |admit: &(dyn Fn(usize, &IndexHit) -> bool + Sync)| {
        let parts = nearest_to_parts(&index.generation, &sheet, &found, admit).unwrap();
        let hits = parts[0][0].iter().map(|hit| (hit.record_ref, hit.distance));
        hits.take(2).collect::<Vec<_>>()
    };
    let at = |number: u8, distance: u32| (ours(number, Band::Strong).0, distance);
    assert_eq!(nearest(&|_, _| true), [at(101, 28), at(17, 30)]);
    assert_eq!(nearest(&|_, hit| hit.record_ref != at(101, 0).0), [at(30, 25), at(17, 30)]);
}
