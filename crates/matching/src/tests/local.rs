//! The local tier and the joint decision, with made-up local codes.

use std::sync::atomic::{AtomicUsize, Ordering};

use saltprint_fingerprint::{
    Fingerprint, Keypoint, LocalCode, LocalFeature, LocalFingerprint, LocalQuery, Orientation, Place,
    QueryFeature, QueryFingerprint, Sharing,
};
use saltprint_index::{IndexHit, SegmentRecord};
use saltprint_keys::RecordRef;

use super::{Codes, Index, code, id, index, local_rule, near, query, record, rule, rules};
use crate::{
    Band, Cascade, CascadeCounts, Contest, Found, Judgement, Lead, LocalSearch, Looks, Matcher, Tier,
};

/// Sides of every record's image, in frame units.
pub(super) const WIDTH: f32 = 8192.0;
pub(super) const HEIGHT: f32 = 5120.0;
const FEATURES: u64 = 64;

/// Four words that look random.
pub(super) fn words(label: u64, number: u64) -> [u64; 4] {
    let mut state = (label << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::array::from_fn(|_| {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// A share of 1 from a word.
fn share(word: u64) -> f32 {
    f32::from(u16::try_from(word >> 48).unwrap()) / 65_536.0
}

/// Features that all records share: print of their template.
pub(super) const PRINT: u64 = 8;

/// Features at random places of a record's image; but for the template's print all their own.
pub(super) fn features(label: u64) -> LocalFingerprint {
    let feature = |number| {
        let [low, high, at, look] = words(if number < PRINT { 77_777 } else { label }, number);
        let keypoint = Keypoint {
            x: share(at) * WIDTH,
            y: share(at << 16) * HEIGHT,
            size: 24.0 + 40.0 * share(look),
            angle: share(look << 16),
        };
        LocalFeature {
            code: LocalCode::from_words([low, high]),
            place: Place::of(&keypoint),
            sharing: Sharing::default(),
        }
    };
    LocalFingerprint { width: 8192, height: 5120, features: (0..FEATURES).map(feature).collect() }
}

/// A record with local features of its own.
pub(super) fn card(number: u8) -> SegmentRecord {
    let global = code(number);
    SegmentRecord { fingerprint: Fingerprint::new(global, features(number.into())), ..record(number, global) }
}

pub(super) fn cards() -> Vec<SegmentRecord> {
    (0..100).map(card).collect()
}

/// A leaked picture that shows records: scaled, turned by quarters, and moved.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) scale: f32,
    pub(super) quarters: u8,
    pub(super) shift: (f32, f32),
    /// Sides of the picture.
    pub(super) sides: (f32, f32),
}

impl View {
    /// The record's image as it is, or turned by quarters.
    pub(super) fn whole(quarters: u8) -> Self {
        let (shift, sides) = match quarters {
            0 => ((0.0, 0.0), (WIDTH, HEIGHT)),
            1 => ((HEIGHT, 0.0), (HEIGHT, WIDTH)),
            2 => ((WIDTH, HEIGHT), (WIDTH, HEIGHT)),
            _ => ((0.0, WIDTH), (HEIGHT, WIDTH)),
        };
        Self { scale: 1.0, quarters, shift, sides }
    }

    /// The part of the view from a corner on that has 0.58 of each side: a third of the area, enlarged to the frame.
    pub(super) fn cropped(self) -> Self {
        let enlarge = 1.0 / 0.58;
        let moved = |shift: f32, side: f32| (shift - 0.2 * side) * enlarge;
        let shift = (moved(self.shift.0, self.sides.0), moved(self.shift.1, self.sides.1));
        Self { scale: self.scale * enlarge, shift, ..self }
    }

    /// Where a point of the record lies in the picture.
    pub(super) fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x * self.scale, y * self.scale);
        let (x, y) = match self.quarters {
            0 => (x, y),
            1 => (-y, x),
            2 => (-x, -y),
            _ => (y, -x),
        };
        (x + self.shift.0, y + self.shift.1)
    }

    /// What is seen of the record's features, each with some bits flipped.
    pub(super) fn see(&self, record: &SegmentRecord, shows: impl Fn(&Keypoint) -> bool) -> Vec<QueryFeature> {
        let own = record.fingerprint.local.features.iter().filter(|own| shows(&own.place.keypoint()));
        let seen = own.map(|own| {
            let there = own.place.keypoint();
            let (x, y) = self.at(there.x, there.y);
            let angle = there.angle + f32::from(self.quarters) / 4.0;
            copy(own, Keypoint { x, y, size: there.size * self.scale, angle: angle - angle.floor() })
        });
        let inside = |x: f32, y: f32| (0.0..self.sides.0).contains(&x) && (0.0..self.sides.1).contains(&y);
        seen.filter(|seen| inside(seen.keypoint.x, seen.keypoint.y)).collect()
    }

    pub(super) fn query(&self, upright: Vec<QueryFeature>) -> LocalQuery {
        let mirrored = other_side(&upright, self.sides.0);
        LocalQuery { width: self.sides.0, height: self.sides.1, upright, mirrored }
    }

    /// The record's corners in shares of the picture.
    fn corners(&self) -> [(f64, f64); 4] {
        [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)].map(|(x, y)| {
            let (x, y) = self.at(x, y);
            (f64::from(x / self.sides.0), f64::from(y / self.sides.1))
        })
    }
}

/// A feature with four bits flipped; those that a table may look at are known to be shaky.
fn copy(own: &LocalFeature, keypoint: Keypoint) -> QueryFeature {
    let mut bits = own.code.words();
    let mut margins = [100; QueryFeature::MARGINS];
    for word in words(bits[0] >> 40, bits[1] >> 40) {
        let bit = usize::try_from(word % 128).unwrap();
        bits[bit / 64] ^= 1 << (bit % 64);
        if let Some(margin) = margins.get_mut(bit) {
            *margin = 1;
        }
    }
    QueryFeature { code: LocalCode::from_words(bits), margins, keypoint }
}

/// What the mirror image of a picture shows instead: other codes in mirrored places.
fn other_side(features: &[QueryFeature], width: f32) -> Vec<QueryFeature> {
    let mirror = |feature: &QueryFeature| {
        let [low, high] = feature.code.words();
        let [a, b, ..] = words(low >> 40, high >> 40);
        let Keypoint { x, y, size, angle } = feature.keypoint;
        let angle = 0.5 - angle;
        QueryFeature {
            code: LocalCode::from_words([low ^ a, high ^ b]),
            margins: feature.margins,
            keypoint: Keypoint { x: width - x, y, size, angle: angle - angle.floor() },
        }
    };
    features.iter().map(mirror).collect()
}

/// A query whose whole-image codes are near nothing.
pub(super) fn altered(local: LocalQuery) -> QueryFingerprint {
    let far = query(code(150), Orientation::Upright);
    QueryFingerprint::new(*far.codes(), local)
}

/// Judges by coarse codes; the finer look is the same once more. Counts how many images it is asked for.
pub(super) fn judge_all(index: &Index, queries: &[QueryFingerprint]) -> (Vec<Judgement>, usize) {
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let asked = AtomicUsize::new(0);
    let fine = Codes(|number: usize| {
        asked.fetch_add(1, Ordering::Relaxed);
        queries[number].local().clone()
    });
    let judgements = matcher.judge(queries, &fine, &mut CascadeCounts::default()).unwrap();
    (judgements, asked.into_inner())
}

pub(super) fn judge(index: &Index, local: LocalQuery) -> Judgement {
    judge_all(index, &[altered(local)]).0.remove(0)
}

pub(super) fn bands(judgement: &Judgement) -> Vec<(RecordRef, Band)> {
    judgement.matches.iter().map(|found| (found.record.record_ref, found.band)).collect()
}

pub(super) fn ours(number: u8, band: Band) -> (RecordRef, Band) {
    (RecordRef::from_bytes(id(number)), band)
}

#[track_caller]
fn assert_outline(found: &Found, expected: [(f64, f64); 4]) {
    let outline = found.sighting.as_ref().unwrap().quad.unwrap();
    for ((x, y), (right, down)) in outline.iter().zip(expected) {
        assert!((x - right).abs() < 0.02 && (y - down).abs() < 0.02, "{outline:?} is not {expected:?}");
    }
}

#[test]
fn a_crop_is_strong_with_its_place_and_orientation() {
    let index = index(&cards());
    for quarters in 0..4 {
        let view = View::whole(quarters).cropped();
        let local = view.query(view.see(&card(17), |_| true));
        assert!((12..32).contains(&local.upright.len()), "{}", local.upright.len());
        let found = judge(&index, local.clone());
        assert_eq!(bands(&found), [ours(17, Band::Strong)]);
        let first = &found.matches[0];
        assert_eq!((first.tier, first.orientation), (Tier::Local, Orientation::ALL[usize::from(quarters)]));
        assert_outline(first, view.corners());
        let sighting = first.sighting.as_ref().unwrap();
        assert!(!sighting.altered && sighting.features > 10 && sighting.in_view >= sighting.features);
        assert!(sighting.covered < 0.5 && sighting.region[0] > 0.0 && sighting.region[2] < 1.0);

        // The mirror image of that picture: what was upright is now what its mirror image shows.
        let mirrored = LocalQuery {
            width: local.width,
            height: local.height,
            upright: local.mirrored.clone(),
            mirrored: local.upright.clone(),
        };
        let found = judge(&index, mirrored);
        assert_eq!(bands(&found), [ours(17, Band::Strong)]);
        let orientation = Orientation::ALL[4 + usize::from((4 - quarters) % 4)];
        assert_eq!(found.matches[0].orientation, orientation);
        assert_outline(&found.matches[0], view.corners().map(|(x, y)| (1.0 - x, y)));
    }
}

/// A record in each half of one picture.
fn pair(left: &SegmentRecord, right: &SegmentRecord) -> (LocalQuery, [View; 2]) {
    let half = View { scale: 0.5, quarters: 0, shift: (0.0, 0.0), sides: (WIDTH, HEIGHT / 2.0) };
    let views = [half, View { shift: (WIDTH / 2.0, 0.0), ..half }];
    let mut seen = views[0].see(left, |_| true);
    seen.extend(views[1].see(right, |_| true));
    (half.query(seen), views)
}

#[test]
fn every_record_in_a_picture_is_strong_in_its_own_place() {
    let (local, views) = pair(&card(17), &card(58));
    let found = judge(&index(&cards()), local);
    let mut seen = bands(&found);
    seen.sort_unstable();
    assert_eq!(seen, [ours(17, Band::Strong), ours(58, Band::Strong)]);
    for match_ in &found.matches {
        let view = views[usize::from(match_.record.record_ref == RecordRef::from_bytes(id(58)))];
        assert_outline(match_, view.corners());
    }
}

#[test]
fn a_part_that_looks_different_is_noticed() {
    let index = index(&cards());
    let outside = |there: &Keypoint| {
        let (x, y) = (there.x - 0.3 * WIDTH, there.y - 0.5 * HEIGHT);
        (x * x + y * y).sqrt() > 1900.0
    };
    let altered = |local| {
        let found = judge(&index, local);
        assert_eq!(bands(&found), [ours(17, Band::Strong)]);
        found.matches[0].sighting.as_ref().unwrap().altered
    };
    let view = View::whole(0);
    assert!(altered(view.query(view.see(&card(17), outside))));
    assert!(!altered(view.query(view.see(&card(17), |_| true))));
    // Cut away is not changed.
    let view = view.cropped();
    assert!(!altered(view.query(view.see(&card(17), |_| true))));
}

/// Also where whole-image codes know the record: what looks different is said.
#[test]
fn a_whole_image_match_is_inspected() {
    let index = index(&cards());
    let view = View::whole(0);
    let whole = query(near(code(17), 3), Orientation::Upright);
    let seen = view.see(&card(17), |there| there.x > 0.45 * WIDTH);
    for (seen, tier, altered) in
        [(view.see(&card(17), |_| true), Tier::Global, false), (seen, Tier::Local, true)]
    {
        let asked = QueryFingerprint::new(*whole.codes(), view.query(seen));
        let found = judge_all(&index, &[asked]).0.remove(0);
        assert_eq!(bands(&found), [ours(17, Band::Strong)]);
        assert_eq!(found.matches[0].tier, tier);
        assert_eq!(found.matches[0].sighting.as_ref().unwrap().altered, altered);
    }
}

#[test]
fn a_stranger_and_an_empty_query_match_nothing() {
    let index = index(&cards());
    let view = View::whole(0);
    let stranger = card(200);
    for seen in [view.see(&stranger, |_| true), Vec::new()] {
        assert!(judge(&index, view.query(seen)).matches.is_empty());
    }
    // Our features, each somewhere else: they look alike and do not make one picture.
    let mut scattered = view.see(&card(17), |_| true);
    let places = view.see(&stranger, |_| true);
    for (feature, place) in scattered.iter_mut().zip(places) {
        feature.keypoint = place.keypoint;
    }
    assert_eq!(judge(&index, view.query(scattered)).band(), None);
}

#[test]
fn a_batch_gives_what_each_image_alone_gives() {
    let index = index(&cards());
    let crop = View::whole(1).cropped();
    let mut batch = vec![
        altered(crop.query(crop.see(&card(17), |_| true))),
        query(near(code(3), 5), Orientation::Mirror),
        altered(pair(&card(4), &card(58)).0),
        altered(crop.query(crop.see(&card(200), |_| true))),
        altered(LocalQuery::default()),
    ];
    // So many that both sides are looked up together: crops, of which some are mirrored and some are nobody's.
    // And more than are open at once.
    let more = 36_u8;
    batch.extend((0..more).map(|number| {
        let shown = if number % 4 == 3 { 201 + number } else { 20 + number };
        let mut local = crop.query(crop.see(&card(shown), |_| true));
        if number % 3 == 1 {
            std::mem::swap(&mut local.upright, &mut local.mirrored);
        }
        altered(local)
    }));
    let (together, _) = judge_all(&index, &batch);
    let matches: Vec<usize> = together.iter().map(|one| one.matches.len()).collect();
    assert_eq!(matches[..5], [1, 1, 2, 0, 0]);
    assert!(
        (0..usize::from(more)).all(|number| matches[5 + number] == usize::from(number % 4 != 3)),
        "{matches:?}"
    );
    let mirrored = together.iter().filter(|one| {
        one.matches.first().is_some_and(|found| found.orientation.index() >= Orientation::Mirror.index())
    });
    assert!(mirrored.count() > 4);
    let told = |judgement: &Judgement| {
        let tell = |found: &Found| {
            let sighting = found.sighting.as_ref().map(|seen| (seen.score.to_bits(), seen.quad));
            (found.record.record_ref, found.band, found.tier, found.orientation, sighting)
        };
        judgement.matches.iter().map(tell).collect::<Vec<_>>()
    };
    for (query, among) in batch.iter().zip(&together) {
        assert_eq!(told(&judge_all(&index, std::slice::from_ref(query)).0[0]), told(among));
    }
}

#[test]
fn the_search_ends_where_strong_matches_fill_the_image() {
    let index = index(&cards());
    let view = View::whole(0);
    let whole = altered(view.query(view.see(&card(17), |_| true)));
    let (filled, _) = pair(&card(17), &card(58));
    let by_code = query(near(code(3), 5), Orientation::Upright);
    let (judgements, asked) = judge_all(&index, &[whole.clone(), altered(filled), by_code]);
    assert_eq!((asked, judgements.iter().map(|one| one.matches.len()).sum::<usize>()), (0, 4));

    let quarter = View { scale: 0.5, ..view };
    let part = altered(quarter.query(quarter.see(&card(17), |_| true)));
    let stranger = altered(quarter.query(quarter.see(&card(200), |_| true)));
    let (judgements, asked) = judge_all(&index, &[part, whole, stranger]);
    assert_eq!((asked, judgements[0].band(), judgements[2].band()), (2, Some(Band::Strong), None));
}

#[test]
fn the_search_ends_where_documents_of_known_templates_fill_the_image() {
    let index = index(&cards());
    let view = View::whole(1);
    let print = usize::try_from(PRINT).unwrap();
    // Its own details come after the print.
    let stranger =
        |view: &View, missing: usize| altered(view.query(view.see(&card(200), |_| true).split_off(missing)));
    let small = View { scale: 0.85, ..view };
    let all = [
        stranger(&view, 0),
        stranger(&view, 1),
        stranger(&view, print),
        stranger(&small, 0),
        altered(view.query(Vec::new())),
    ];
    // Of one that shows less print than there may be by chance, or that leaves room beside it, there are other looks.
    for (image, looks) in all.iter().zip([0, 1, 1, 1, 1]) {
        let (judgements, asked) = judge_all(&index, std::slice::from_ref(image));
        assert_eq!((asked, judgements[0].band()), (looks, None));
    }
    // In a batch, some of which wait for their mirror images.
    let batch: Vec<QueryFingerprint> = all.iter().cycle().take(15).cloned().collect();
    let (judgements, asked) = judge_all(&index, &batch);
    assert_eq!((asked, judgements.iter().filter(|one| one.band().is_some()).count()), (12, 0));

    // What lies mirrored on one is not looked for, what lies on one that leaves room is.
    let mirrored = |image: &QueryFingerprint| {
        let mut both = view.query(view.see(&card(17), |_| true));
        both.mirrored = std::mem::take(&mut both.upright);
        both.upright.clone_from(&image.local().upright);
        altered(both)
    };
    let both = [mirrored(&all[0]), mirrored(&all[3])];
    let batch: Vec<QueryFingerprint> = both.iter().cycle().take(12).cloned().collect();
    for images in [&both[..], &batch] {
        let found: Vec<Option<Band>> = judge_all(&index, images).0.iter().map(Judgement::band).collect();
        assert_eq!(found, [None, Some(Band::Strong)].repeat(images.len() / 2));
    }

    // Each record shows in the same one of two of its template, and a little of its own hints at a record.
    let (together, _) = pair(&card(200), &card(201));
    let own = view.see(&card(17), |_| true);
    let (shown, hidden) = own.split_at(print + 3);
    assert!(!hidden.is_empty());
    let hinted = altered(view.query(shown.to_vec()));
    for (image, looks) in [(altered(together), 1), (hinted, 1)] {
        assert_eq!(judge_all(&index, &[image]).1, looks);
    }
}

#[test]
fn what_only_the_finer_look_shows_is_found() {
    let index = index(&cards());
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let view = View::whole(3).cropped();
    let fine = Codes(|_| view.query(view.see(&card(17), |_| true)));
    let coarse = [altered(view.query(Vec::new()))];
    let found = matcher.judge(&coarse, &fine, &mut CascadeCounts::default()).unwrap().remove(0);
    assert_eq!(bands(&found), [ours(17, Band::Strong)]);
    assert_outline(&found.matches[0], view.corners());
}

/// One image has its looks in another order of work than a batch: its finer details are made beside the look at its mirror image.
#[test]
fn an_image_alone_is_judged_as_in_a_batch() {
    let index = index(&cards());
    let matcher = Matcher::new(&index.generation, &rules(), Cascade::default());
    let view = View::whole(3).cropped();
    let shown = |number: u8| view.query(view.see(&card(number), |_| true));
    let swapped = |mut query: LocalQuery| {
        std::mem::swap(&mut query.upright, &mut query.mirrored);
        query
    };
    // Settled by the first look, by that at the mirror image, by each of the finer two, and by none.
    let coarse = [shown(17), swapped(shown(18)), view.query(vec![]), view.query(vec![]), shown(200)];
    let fine = [view.query(vec![]), view.query(vec![]), shown(19), swapped(shown(20)), shown(200)];
    let all: Vec<QueryFingerprint> = coarse.iter().cycle().take(15).cloned().map(altered).collect();
    let images = Codes(|number: usize| fine[number % fine.len()].clone());
    let mut counts = CascadeCounts::default();
    let together = matcher.judge(&all, &images, &mut counts).unwrap();
    // Enough for a batch at both resolutions.
    assert_eq!(counts.finer, 9);
    for (number, (query, expected)) in all.iter().zip(&together).enumerate() {
        let images = Codes(|_: usize| fine[number % fine.len()].clone());
        let mut counts = CascadeCounts::default();
        let alone = matcher.judge(std::slice::from_ref(query), &images, &mut counts).unwrap().remove(0);
        assert_eq!(format!("{alone:?}"), format!("{expected:?}"), "image {number}");
        assert_eq!(counts.finer, u64::from(number % fine.len() > 1));
    }
    let strong: Vec<_> = together.iter().map(bands).take(5).collect();
    let one = |number| vec![ours(number, Band::Strong)];
    assert_eq!(strong, [one(17), one(18), one(19), one(20), vec![]]);
}

#[test]
fn a_quick_look_is_fine_only_where_there_is_a_hint() {
    let index = index(&cards());
    let view = View::whole(3).cropped();
    let all = view.see(&card(17), |_| true);
    let own = || all.iter().skip(usize::try_from(PRINT).unwrap()).cloned();
    let look = |coarse: &[QueryFingerprint], looks: Looks| {
        let matcher = Matcher::new(&index.generation, &rules(), Cascade { looks, ..Cascade::default() });
        let mut counts = CascadeCounts::default();
        let found = matcher.judge(coarse, &Codes(|_| view.query(all.clone())), &mut counts).unwrap();
        assert_eq!(counts.local, coarse.len() as u64);
        (found.iter().map(bands).collect::<Vec<_>>(), counts.finer)
    };
    // Nothing, then too little to be matched.
    let hint = altered(view.query(own().take(4).collect()));
    assert_ne!(judge(&index, hint.local().clone()).band(), Some(Band::Strong));
    let coarse = [altered(view.query(Vec::new())), hint];
    let strong = vec![ours(17, Band::Strong)];
    assert_eq!(look(&coarse, Looks::Thorough), (vec![strong.clone(), strong.clone()], 2));
    assert_eq!(look(&coarse, Looks::Quick), (vec![Vec::new(), strong], 1));
}

#[test]
fn two_tiers_together_are_sure_where_neither_is_alone() {
    let index = index(&cards());
    let (rule, local_rule) = (rule(), local_rule());
    let view = View::whole(0);
    let lead = |local: &LocalQuery| {
        let admit = |_: usize, _: &IndexHit| true;
        let looked = LocalSearch::new(&index.generation).look(
            &[local],
            &Codes(|_| LocalQuery::default()),
            None,
            &mut |_, _| true,
            &admit,
            false,
        );
        looked.unwrap()[0].first().map_or(Lead::default(), Contest::lead)
    };
    let some = |kept: usize| {
        // Features of its own: so many of the template's that the rest is missing would speak against the record.
        let own = view.see(&card(17), |_| true).into_iter().skip(usize::try_from(PRINT).unwrap());
        view.query(own.take(kept).collect())
    };
    let middling = |local: &LocalQuery| local_rule.band(lead(local), 0.0) == Some(Band::Possible);
    let local = (3..64).map(some).find(middling).unwrap();
    // Far enough for a whole-image code not to be sure, near enough to add what is missing.
    let rival = query(code(17), Orientation::Upright)
        .codes()
        .iter()
        .flat_map(|asked| (0..100).filter(|other| *other != 17).map(|other| code(other).distance(asked)))
        .min();
    let together = |bits: &u32| {
        rule.band(*bits, rival) != Some(Band::Strong)
            && local_rule.band(Lead::default(), rule.surprise(*bits, rival)) != Some(Band::Strong)
            && local_rule.band(lead(&local), rule.surprise(*bits, rival)) == Some(Band::Strong)
    };
    let bits = (0..64).find(together).unwrap();
    let whole = query(near(code(17), bits), Orientation::Upright);

    let one = |asked: QueryFingerprint| judge_all(&index, &[asked]).0.remove(0);
    let both = one(QueryFingerprint::new(*whole.codes(), local.clone()));
    assert_eq!(bands(&both), [ours(17, Band::Strong)]);
    assert_eq!((both.matches[0].tier, both.matches[0].record.distance), (Tier::Both, bits));
    assert_ne!(one(whole).band(), Some(Band::Strong));
    assert_ne!(one(altered(local)).band(), Some(Band::Strong));
}
