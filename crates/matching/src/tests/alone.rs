//! Records of a template that few others have, or none, with made-up local codes.

use saltprint_fingerprint::{Fingerprint, Keypoint, Orientation, QueryFeature, QueryFingerprint};
use saltprint_index::{KindCompany, SegmentRecord};

use super::local::{HEIGHT, PRINT, View, WIDTH, bands, card, cards, features, judge, ours};
use super::{Codes, Index, code, index, near, query, rules};
use crate::{Band, Cascade, CascadeCounts, LocalSearch, Matcher};

/// A record of a template that no other record has.
fn lonely(number: u8) -> SegmentRecord {
    let mut record = card(number);
    let own = features(1000 + u64::from(number)).features.split_off(usize::try_from(PRINT).unwrap());
    record.fingerprint.local.features = own;
    record
}

/// What one other record of a template does not show may be print all the same, and what few do not show counts in part.
#[test]
fn what_few_others_of_a_template_do_not_show_counts_in_part() {
    let view = View::whole(0);
    let with = |others: u8| {
        let mut records = cards();
        records.push(lonely(120));
        let print = records[100].fingerprint.local.features.clone();
        for number in 0..others {
            let mut mate = lonely(130 + number);
            mate.fingerprint.local.features.splice(0..8, print.iter().take(8).copied());
            records.push(mate);
        }
        (index(&records), records)
    };
    let [none, one, two, many] = [0, 1, 2, 9].map(with);
    // So much of the record, from above.
    let strong = |(index, records): &(Index, Vec<SegmentRecord>), share: f32| {
        let seen = bands(&judge(index, view.query(view.see(&records[100], |own| own.y < share * HEIGHT))));
        seen == [ours(120, Band::Strong)]
    };
    let shares = || (2_u8..26).map(|share| f32::from(share) / 40.0);
    let count = |index| shares().filter(|share| strong(index, *share)).count();
    assert_eq!((count(&none), count(&one)), (0, 0), "{} {}", count(&two), count(&many));
    assert!(0 < count(&two) && count(&two) < count(&many), "{} {}", count(&two), count(&many));
}

#[test]
fn another_document_of_a_template_held_once_is_never_strong() {
    let mut records = cards();
    records.push(lonely(120));
    let index = index(&records);
    let view = View::whole(0);
    // The print above, and below it the fields of another person: two thirds agree.
    let print = view.query(view.see(&records[100], |own| own.y < 0.65 * HEIGHT));
    assert_eq!(bands(&judge(&index, print)), [ours(120, Band::Possible)]);
    // As much of a record in company is strong: what the vault has of its template is known.
    let part = view.query(view.see(&records[17], |own| own.y < 0.65 * HEIGHT));
    assert_eq!(bands(&judge(&index, part)), [ours(17, Band::Strong)]);
    // The record itself, and a good part of it that looks the same.
    let whole = view.query(view.see(&records[100], |_| true));
    assert_eq!(bands(&judge(&index, whole)), [ours(120, Band::Strong)]);
    let cropped = View { scale: 1.3, shift: (-0.15 * WIDTH, -0.15 * HEIGHT), ..view };
    let crop = cropped.query(cropped.see(&records[100], |_| true));
    assert_eq!(bands(&judge(&index, crop)), [ours(120, Band::Strong)]);
}

/// Another document of a template that lies in the same frame is nearer to the only record of it than to all else, as a whole.
#[test]
fn nor_by_its_whole_image_code_unless_that_is_nearer_than_others_of_a_template() {
    let mut records = cards();
    records.push(lonely(120));
    let index = index(&records);
    let view = View::whole(0);
    let judged = |number: u8, bits: u32, seen: Vec<QueryFeature>, graph_from: u64| {
        let whole = query(near(code(number), bits), Orientation::Upright);
        let asked = QueryFingerprint::new(*whole.codes(), view.query(seen));
        let cascade = Cascade { graph_from, ..Cascade::default() };
        let matcher = Matcher::new(&index.generation, &rules(), cascade);
        let mut counts = CascadeCounts::default();
        let fine = Codes(|_| asked.local().clone());
        let judgements = matcher.judge(std::slice::from_ref(&asked), &fine, &mut counts).unwrap();
        (bands(&judgements[0]), (counts.graph, counts.exact, counts.local))
    };
    let print = |there: &Keypoint| there.y < 0.65 * HEIGHT;
    // Rivals are some 100 bits away; one of the template would be 70 away or nearer.
    for (graph_from, by_whole) in [(u64::MAX, (0, 1, 0)), (0, (1, 0, 0))] {
        let alone = |bits, seen| judged(120, bits, seen, graph_from);
        let possible = (vec![ours(120, Band::Possible)], (0, 0, 1));
        let strong = (vec![ours(120, Band::Strong)], by_whole);
        assert_eq!(alone(34, view.see(&records[100], print)), possible);
        assert_eq!(alone(34, Vec::new()), possible, "too blurred to tell");
        assert_eq!(alone(34, view.see(&records[100], |_| true)), strong);
        assert_eq!(alone(9, Vec::new()), strong, "a small copy");
        // A flat scan may be as near, of which half shows that it is another document.
        let half = |there: &Keypoint| there.y < 0.5 * HEIGHT;
        assert_eq!(alone(9, view.see(&records[100], half)), possible);
        // Nor is it the record where it has many details, and none of the record's.
        let other = SegmentRecord { fingerprint: Fingerprint::new(code(120), features(4_000)), ..card(120) };
        let unlike: Vec<QueryFeature> = view.see(&other, |_| true).split_off(usize::try_from(PRINT).unwrap());
        assert_eq!(alone(9, unlike), possible);
        // What is print is known of records in company.
        assert_eq!(judged(17, 34, Vec::new(), graph_from), (vec![ours(17, Band::Strong)], by_whole));
    }
}

/// What is on the blank of a template is no evidence, and tells better than anything that there is a template.
#[test]
fn a_blank_in_the_negative_bank_leaves_records_in_company() {
    let mut blank = features(0);
    blank.features.truncate(usize::try_from(PRINT).unwrap());
    let index =
        index(&cards()).published(|manifest| manifest.negative.add(&Fingerprint::new(code(180), blank)));
    let view = View::whole(0);
    let part = view.query(view.see(&card(17), |own| own.y < 0.65 * HEIGHT));
    assert_eq!(bands(&judge(&index, part)), [ours(17, Band::Strong)]);
}

/// Records of a kind of which none shares a template are their own print: nothing of them is known from elsewhere.
#[test]
fn a_covered_record_of_a_kind_without_templates_is_strong() {
    let of_kind = |record: SegmentRecord, kind: &str| {
        let mut facts = record.facts.clone();
        facts.kind = Some(kind.to_owned());
        SegmentRecord { facts, ..record }
    };
    let mut records: Vec<SegmentRecord> = cards().into_iter().map(|record| of_kind(record, "card")).collect();
    records.extend((100..140).chain(160..190).map(|number| of_kind(lonely(number), "selfie")));
    // Too few of a kind to believe it.
    records.push(of_kind(lonely(220), "passport"));
    let index = index(&records);
    let search = LocalSearch::new(&index.generation);
    let said = ["selfie", "card", "passport"].map(str::to_owned);
    let kinds = search.kinds_in_company(&said).unwrap();
    let company = |kind: &KindCompany| (kind.kind.clone(), kind.asked, kind.in_company);
    assert_eq!(
        kinds.iter().map(company).collect::<Vec<_>>(),
        [("card".to_owned(), 100, 100), ("passport".to_owned(), 1, 0), ("selfie".to_owned(), 70, 0)]
    );

    let view = View::whole(0);
    let part = |number: usize| view.query(view.see(&records[number], |own| own.y < 0.65 * HEIGHT));
    assert_eq!(bands(&judge(&index, part(100))), [ours(100, Band::Possible)], "nothing is known of kinds");
    let index = index.knowing(kinds);
    assert_eq!(bands(&judge(&index, part(100))), [ours(100, Band::Strong)]);
    assert_eq!(bands(&judge(&index, part(17))), [ours(17, Band::Strong)]);
    assert_eq!(bands(&judge(&index, part(170))), [ours(220, Band::Possible)]);
}
