//! Records that hold one image, or much of one, with made-up local codes.

use saltprint_fingerprint::{
    Fingerprint, Keypoint, LocalFeature, Orientation, Place, QueryFingerprint, Sharing,
};
use saltprint_keys::SubjectRef;

use super::local::{
    HEIGHT, PRINT, View, WIDTH, altered, bands, card, cards, features, judge, judge_all, ours,
};
use super::{code, index, near, query};
use crate::{Band, Tier};

/// Records that hold one image do not speak against each other, whosever they are.
#[test]
fn the_same_features_under_two_subjects_are_strong_for_both() {
    let mut records = cards();
    records[18].fingerprint.local = records[17].fingerprint.local.clone();
    for subject in [None, Some(SubjectRef::from_bytes([9; 16]))] {
        for number in [17, 18] {
            records[number].facts.subject = subject;
        }
        // Of what a small part shows both could have it for another reason, unless they are of one subject.
        let of_part = if subject.is_some() { Band::Strong } else { Band::Possible };
        for (view, band) in [(View::whole(0).cropped(), of_part), (View::whole(2), Band::Strong)] {
            let local = view.query(view.see(&records[17], |_| true));
            let mut seen = bands(&judge(&index(&records), local));
            seen.sort_unstable();
            assert_eq!(seen, [ours(17, band), ours(18, band)]);
        }
    }
}

/// Of a form that shows little more than its print two records pass for one image. They are no match of a third one.
#[test]
fn forms_that_hardly_differ_are_possible_for_a_third() {
    let form = |number: u8, own: usize| {
        let mut form = card(number);
        let print = features(17).features.clone();
        form.fingerprint.local.features.truncate(own);
        form.fingerprint.local.features.extend_from_slice(&print[own..]);
        form
    };
    let mut records = cards();
    // Beside the print of the template, of which the first eight are.
    (records[17], records[18]) = (form(17, 18), form(18, 18));
    for number in [17, 18] {
        let local = records[number].fingerprint.local.clone();
        records[number].fingerprint =
            Fingerprint::new(near(code(17), if number == 18 { 2 } else { 0 }), local);
    }
    let index = index(&records);
    let view = View::whole(0);
    let third = view.query(view.see(&form(120, 18), |_| true));
    let mut seen = bands(&judge(&index, third.clone()));
    seen.sort_unstable();
    assert_eq!(seen, [ours(17, Band::Possible), ours(18, Band::Possible)]);
    // Nor where its whole image is as near to both.
    let whole = query(near(code(17), 3), Orientation::Upright);
    let found = judge_all(&index, &[QueryFingerprint::new(*whole.codes(), third)]).0.remove(0);
    let mut seen = bands(&found);
    seen.sort_unstable();
    assert_eq!(seen, [ours(17, Band::Possible), ours(18, Band::Possible)]);
    // Of the first one it is; the other shows too much else.
    let own = judge(&index, view.query(view.see(&records[17], |_| true)));
    assert_eq!(bands(&own)[0], ours(17, Band::Strong));
    assert!(bands(&own)[1..].iter().all(|other| *other == ours(18, Band::Possible)), "{:?}", bands(&own));
}

/// What two records have alike, and that is too little of each to make one image of them.
#[test]
fn what_two_records_share_is_possible_for_both() {
    const SHARED: usize = 19;
    // The crop shows what they share, and nothing else of them.
    let placed = |feature: &LocalFeature, shared: bool| {
        let there = feature.place.keypoint();
        let x = if shared { 0.25 * WIDTH + 0.5 * there.x } else { 0.18 * there.x };
        let y = if shared { 0.25 * HEIGHT + 0.5 * there.y } else { there.y };
        LocalFeature { place: Place::of(&Keypoint { x, y, ..there }), ..*feature }
    };
    let print = usize::try_from(PRINT).unwrap();
    let mut records = cards();
    for number in [17_u8, 18] {
        let shared = features(17).features[print..print + SHARED].to_vec();
        let own = [features(400 + u64::from(number)), features(500 + u64::from(number))];
        let own = own.iter().flat_map(|own| own.features[print..].to_vec());
        let all = shared.iter().map(|feature| placed(feature, true));
        let all = all.chain(own.take(81).map(|feature| placed(&feature, false)));
        records[usize::from(number)].fingerprint.local.features = all.collect();
    }
    let view = View::whole(0).cropped();
    let local = view.query(view.see(&records[17], |_| true));
    assert!((12..=SHARED).contains(&local.upright.len()), "{}", local.upright.len());
    let mut seen = bands(&judge(&index(&records), local));
    seen.sort_unstable();
    assert_eq!(seen, [ours(17, Band::Possible), ours(18, Band::Possible)]);
}

/// The census of an older build knew the features of one record alone; that is no evidence against the newer one.
#[test]
fn when_a_record_was_enrolled_does_not_decide_between_equals() {
    let mut records = cards();
    records[18].fingerprint.local = records[17].fingerprint.local.clone();
    for feature in &mut records[18].fingerprint.local.features {
        feature.sharing = Sharing::of(1.0);
    }
    let view = View::whole(0).cropped();
    for (view, band) in [(view, Band::Possible), (View::whole(0), Band::Strong)] {
        let found = judge(&index(&records), view.query(view.see(&records[17], |_| true)));
        let mut seen = bands(&found);
        seen.sort_unstable();
        assert_eq!(seen, [ours(17, band), ours(18, band)]);
    }
}

/// Two whole-image codes that are equal speak for nobody, unless the details say that both are of one image.
#[test]
fn an_image_that_two_subjects_share_is_strong_for_both() {
    let mut records = cards();
    records[18].fingerprint = records[17].fingerprint.clone();
    let view = View::whole(0);
    for bits in [0, 3] {
        let whole = query(near(code(17), bits), Orientation::Upright);
        let asked = QueryFingerprint::new(*whole.codes(), view.query(view.see(&records[17], |_| true)));
        let found = judge_all(&index(&records), &[asked]).0.remove(0);
        let mut seen = bands(&found);
        seen.sort_unstable();
        assert_eq!(seen, [ours(17, Band::Strong), ours(18, Band::Strong)]);
        assert_eq!(found.matches[0].tier, Tier::Global, "by the whole image alone");
    }
}

/// A forged card that was made of the image of a genuine one: a leaked image is of the one or of the other.
#[test]
fn of_records_of_one_image_those_that_look_different_are_possible() {
    let mut records = cards();
    records[18].fingerprint = records[17].fingerprint.clone();
    // Another portrait.
    let place = |feature: &LocalFeature| feature.place.keypoint();
    let portrait = |there: &Keypoint| there.x < 0.35 * WIDTH && there.y < 0.7 * HEIGHT;
    let others = features(300).features.clone();
    for (feature, other) in records[18].fingerprint.local.features.iter_mut().zip(others) {
        if portrait(&place(feature)) {
            feature.code = other.code;
        }
    }
    let index = index(&records);
    let view = View::whole(0);
    for (shown, other) in [(17, 18), (18, 17)] {
        let whole = query(near(code(17), 3), Orientation::Upright);
        let local = view.query(view.see(&records[usize::from(shown)], |_| true));
        for asked in [QueryFingerprint::new(*whole.codes(), local.clone()), altered(local)] {
            let found = judge_all(&index, &[asked]).0.remove(0);
            assert!(bands(&found).contains(&ours(shown, Band::Strong)), "{:?}", bands(&found));
            assert!(!bands(&found).contains(&ours(other, Band::Strong)), "{:?}", bands(&found));
        }
    }
}
