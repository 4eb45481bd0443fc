//! Does the index hold others of a record's template, so that one knows what of it is only print?

use std::collections::{BTreeMap, BTreeSet};

use saltprint_fingerprint::{LocalFeature, LocalFingerprint, LocalQuery, QueryFeature};
use saltprint_index::{Hit, IndexError, IndexHit, KindCompany};

use super::compare::groups;
use super::near_duplicate::{holds_same, is_unmistakable};
use super::place::Contest;
use super::search::{LocalSearch, Sighting, WHOLE};

/// Records that are looked at for some of a kind: of a large vault a kind has to be a third of a percent to be found often enough. Their
/// order in the index follows keyed digests, so the first are a random choice.
const LOOKED_AT: u64 = 20_000;
/// Of each kind, so many are asked for company, unless it is clear before that the kind has templates.
const ASKED: usize = 1_000;
/// Share of a record that the features of a shared template span, where they lie in the same place of both.
///
/// Among 1,000 and 20,000 invented records no selfie has company in place, and 0 to 4 % have some elsewhere: two faces
/// agree in their eyes, wherever these are. Of every other kind 64 % (licences among 20,000) to 100 % have company.
const PRINT: f64 = 0.1;
/// The same where they lie elsewhere, and how many there are at least.
const PRINT_ELSEWHERE: f64 = 0.15;
const FEATURES_ELSEWHERE: usize = 6;
/// How far corners that are in the same place may lie apart, in shares of the sides.
const IN_PLACE: f64 = 0.1;
/// Features in the same places of both from which on two records may be of one template.
///
/// What a record alone with its template has in common with others is chance. Among 20,000 invented records 1 to 4 % of cards and
/// passports have so much with one of other templates, and 97 to 100 % with one of their own. Where the corners need not be the same and
/// features may lie in one spot it is 7 to 21 %, more in a larger vault.
const COMPANY: usize = 4;
/// Share of a record that they span.
const COMPANY_SPANS: f64 = 0.01;
/// Share of the print that is not yet known which a further record of the template leaves that the record itself shows.
const LEFT_BY_OWN: f64 = 0.5;
/// The same of one that only the image shows.
const LEFT_BY_SHOWN: f64 = 2.0 / 3.0;
/// Features within 12 bits that another record of the template has in an image that shows one.
const CLOSE_ONES: u32 = 2;
/// Score of a record that is as good as alike, by what was found and not read: what two records of one template share that no third has
/// is rare. Of the selfies among those records none has company that scores more than 0.2.
const ALIKE: f64 = 0.3;
/// Other records that may hold one image.
const MOST_SAME: usize = 2;
/// Records asked in one walk through the tables.
const AT_ONCE: usize = 250;

/// A record and where the index holds it.
struct Held {
    record: IndexHit,
    place: Hit,
}

impl LocalSearch<'_> {
    /// How much of what a sighting rests on is known to be more than print, 0 to 1: so much of its lead counts where it would be called
    /// strong, and where it is 0 it is not.
    ///
    /// What records of one template have in common is known where the vault holds several. There one or the other of them
    /// shows a little in the record itself. Where none does, nobody knows what of the
    /// record is only print: a stranger's document of the template shows the same print, and differs in portrait and
    /// fields. So there a record is no more than possible, unless four fifths of what is seen of it look the same. Where few do, print
    /// that none of them happens to show as the record does (one is blurred, another lies askew, a field reaches into it) still
    /// passes for the record's own (`known_by`).
    ///
    /// Unless it is of a kind that has no templates: each selfie is a picture of its own and has no print that a stranger's may
    /// share. The configuration names such kinds, the list of the vault says what kind a record is of, and the rebuild asks whether
    /// records of a kind have company ([`LocalSearch::kinds_in_company`]): where they have, the kind is like any other. Strangers'
    /// leads over records of such kinds are measured like all others.
    ///
    /// The record's own features are asked first: of some hundred records that are compared with an image, a
    /// few always agree with it in four places by chance, and some of those fill the frame. For that reason, half of the strangers'
    /// passports were strong matches of the only passport in a vault of 700 documents. But the index keeps what is rarest of each, and where
    /// a record has enough of its own it keeps no print. The image has all of it. So rivals of the `contest` count as well that lie in it as the
    /// record does and agree as print does (`shows_template`).
    ///
    /// Where the rebuild has looked a record up for others of its template ([`Prints`](saltprint_index::Prints)), their number is known better than either of these tell: four
    /// details in the same places are also the title that two designs have in common. Of 150 invented designs one that a single record has had such company, and four of 600
    /// strangers' cards were strong matches of it.
    ///
    /// What several subjects' records hold (`near_duplicate.rs`) may also be a form that shows hardly more than its print. These are not rivals, so half of one
    /// has to be seen, and nearly all of that to look the same.
    ///
    /// `admit` says which other records count, as in [`LocalSearch::find`].
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn known_print(
        &self,
        sighting: &Sighting,
        contest: &Contest,
        admit: &(dyn Fn(&IndexHit) -> bool + Sync),
    ) -> Result<f64, IndexError> {
        if !is_unmistakable(sighting) {
            return Ok(0.0);
        }
        if sighting.undisputed {
            return Ok(1.0);
        }
        let rivals = contest.sightings.iter().filter(|other| sighting.record.is_rival_of(&other.record));
        let shown: Vec<IndexHit> = rivals
            .filter(|other| shows_template(other, sighting))
            .map(|other| other.record.clone())
            .collect();
        self.known_beside(&sighting.record, sighting.place, &shown, admit)
    }

    /// The same of a record, whatever of it is seen.
    pub(crate) fn known_print_of(
        &self,
        record: &IndexHit,
        place: Hit,
        admit: &(dyn Fn(&IndexHit) -> bool + Sync),
    ) -> Result<f64, IndexError> {
        self.known_beside(record, place, &[], admit)
    }

    /// The same where the image shows others of the template.
    fn known_beside(
        &self,
        record: &IndexHit,
        place: Hit,
        shown: &[IndexHit],
        admit: &(dyn Fn(&IndexHit) -> bool + Sync),
    ) -> Result<f64, IndexError> {
        if self.is_without_template(record) {
            return Ok(1.0);
        }
        if let Some(mates) = self.prints.mates(record.record_ref) {
            let shown = groups(shown.iter()).into_iter().collect::<BTreeSet<_>>().len();
            return Ok(known_by(mates, 0).max(known_by(0, shown)));
        }
        let held = Held { record: record.clone(), place };
        let others = self.others(&[held], admit)?;
        let others = others.iter().flatten().filter(|other| !holds_same(other));
        let of_template = others.filter(|other| may_share_template(other));
        // Two records of one subject may be two pictures of one card, which do not show apart what is print.
        let subjects = groups(of_template.clone().map(|other| &other.record).chain(shown));
        let subjects_of = |groups: &[u32]| groups.iter().collect::<BTreeSet<_>>().len();
        let own = subjects_of(subjects.get(..of_template.count()).unwrap_or_default());
        Ok(known_by(own, subjects_of(&subjects) - own))
    }

    fn is_without_template(&self, record: &IndexHit) -> bool {
        let kind = record.facts.kind.as_deref();
        self.kinds.iter().any(|known| Some(&*known.kind) == kind && known.is_without_template())
    }

    /// How many records of some kinds have company, of up to 1,000 of each that are asked, by name.
    ///
    /// # Errors
    /// [`IndexError`] where the index is damaged.
    pub fn kinds_in_company(&self, kinds: &[String]) -> Result<Vec<KindCompany>, IndexError> {
        let mut found = Vec::new();
        for (kind, held) in self.records_of(kinds)? {
            let mut company = KindCompany { kind: kind.to_owned(), asked: 0, in_company: 0 };
            for held in held.chunks(AT_ONCE) {
                let others = self.others(held, &|_| true)?;
                company.asked += u32::try_from(others.len()).unwrap_or(u32::MAX);
                let in_company = others.iter().filter(|others| is_in_company(others));
                company.in_company += u32::try_from(in_company.count()).unwrap_or(u32::MAX);
                if f64::from(company.in_company) > KindCompany::MOST * ASKED as f64 {
                    break;
                }
            }
            found.push(company);
        }
        Ok(found)
    }

    /// Some records of each of these kinds.
    fn records_of<'k>(&self, kinds: &'k [String]) -> Result<BTreeMap<&'k str, Vec<Held>>, IndexError> {
        let mut found: BTreeMap<&str, Vec<Held>> =
            kinds.iter().map(|kind| (kind.as_str(), Vec::new())).collect();
        if found.is_empty() {
            return Ok(found);
        }
        let all: u64 = self.generation.segments().iter().map(|segment| u64::from(segment.len())).sum();
        for (number, segment) in (0..).zip(self.generation.segments()) {
            let share = u64::from(segment.len()) * LOOKED_AT.min(all) / all.max(1);
            let rows = 0..u32::try_from(share).unwrap_or(u32::MAX);
            for row in rows.filter(|row| !self.generation.is_hidden(number, *row)) {
                let facts = segment.facts(row)?;
                if let Some(held) = facts.kind.as_deref().and_then(|kind| found.get_mut(kind)) {
                    let place = Hit { distance: 0, segment: number, row };
                    let record_ref = segment.record_ref(row)?;
                    let record = IndexHit { record_ref, distance: 0, facts, near_duplicate_of: None };
                    held.push(Held { record, place });
                }
            }
        }
        // Of all segments alike: what is newest may be another kind of picture.
        for held in found.values_mut() {
            held.sort_by_key(|one| one.record.record_ref);
            held.truncate(ASKED);
        }
        Ok(found)
    }

    /// Others that show in each of some records, asked with their own features.
    fn others(
        &self,
        held: &[Held],
        admit: &(dyn Fn(&IndexHit) -> bool + Sync),
    ) -> Result<Vec<Vec<Sighting>>, IndexError> {
        let locals = held.iter().map(|one| self.generation.local(&one.place));
        let queries: Vec<LocalQuery> =
            locals.map(|local| local.map(|local| as_query(&local))).collect::<Result<_, _>>()?;
        let others = |number: usize, hit: &IndexHit| held[number].record.is_rival_of(hit) && admit(hit);
        // The blank of a template says more clearly than anything that it is one.
        self.without_negative().find(&queries.iter().collect::<Vec<_>>(), false, &|_| None, others)
    }
}

/// How much of a template's print other subjects' records of it show to be print, 0 to 1: `own` of them in the record itself, `shown` others only in the
/// image. The first shows nothing, since it may be there by chance; each further one leaves half of what is not known yet, or two thirds. The image alone
/// never shows more than half: what several templates have alike, such as the lines that machines read, puts records of others in the same place.
///
/// Measured on nine vaults of 260 to 280 invented records of fifty and sixty templates, of each of which the vault holds two to eight. Of 2,000 strangers'
/// documents of the same templates, half of them photographed, those lead by up to 9.4 where one other is seen, with likelihoods to 31 nats; by
/// up to 3.0 and 17 nats where the record itself shows two or three, and 4.4 and 24 nats where only the image does. Copies lead by 10 to 60, with 30 to 200 nats.
fn known_by(own: usize, shown: usize) -> f64 {
    let times = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let left = match (own, shown) {
        (0, 0) => 1.0,
        (0, shown) => LEFT_BY_SHOWN.powi(times(shown - 1)).max(LEFT_BY_OWN),
        (own, shown) => LEFT_BY_OWN.powi(times(own - 1)) * LEFT_BY_SHOWN.powi(times(shown)),
    };
    1.0 - left
}

/// Whether a record shares print with one of those that show in it. One image that a few subjects hold is none; where more do, it may be a form that shows
/// next to nothing of its own.
fn is_in_company(others: &[Sighting]) -> bool {
    let (same, others): (Vec<&Sighting>, Vec<&Sighting>) = others.iter().partition(|other| holds_same(other));
    same.len() > MOST_SAME || others.into_iter().any(shares_print)
}

/// Whether two records may be of one template.
fn may_share_template(other: &Sighting) -> bool {
    let spans = is_in_place(other) && other.covered >= COMPANY_SPANS;
    other.spots.len() >= COMPANY && (spans || shares_print(other))
}

/// Whether an image that shows `best` shows another record's template in the same place.
///
/// In strangers' images of templates that one record has, up to seven features of others agree in the same place, none or one of them within 12 bits; in copies of records of
/// templates that 75 have, one to five others agree in two such features and more.
fn shows_template(other: &Sighting, best: &Sighting) -> bool {
    other.spots.len() >= COMPANY
        && other.covered >= COMPANY_SPANS
        && other.close >= CLOSE_ONES
        && best.quad.as_ref().is_some_and(|quad| lies_as(other, quad))
}

/// Whether what two records have in common may be the print of a template; stricter than [`may_share_template`], but for how few they may be.
fn shares_print(other: &Sighting) -> bool {
    let (span, fewest) = if is_in_place(other) { (PRINT, 0) } else { (PRINT_ELSEWHERE, FEATURES_ELSEWHERE) };
    other.score >= ALIKE || (other.covered >= span && other.spots.len() >= fewest)
}

/// Whether a record shows in another one as if both were of one frame.
fn is_in_place(other: &Sighting) -> bool {
    lies_as(other, &WHOLE)
}

/// Whether the corners of a record are near to these, in shares of how far these reach.
fn lies_as(other: &Sighting, corners: &[(f64, f64); 4]) -> bool {
    let reach = |along: fn(&(f64, f64)) -> f64| {
        let most = corners.iter().map(along).fold(f64::NEG_INFINITY, f64::max);
        most - corners.iter().map(along).fold(f64::INFINITY, f64::min)
    };
    let (across, down) = (IN_PLACE * reach(|at| at.0), IN_PLACE * reach(|at| at.1));
    let is_near = |(at, corner): (&(f64, f64), &(f64, f64))| {
        (at.0 - corner.0).abs() < across && (at.1 - corner.1).abs() < down
    };
    other.quad.is_some_and(|quad| quad.iter().zip(corners).all(is_near))
}

/// A record's features as those of an image that shows it.
fn as_query(record: &LocalFingerprint) -> LocalQuery {
    let ask = |feature: &LocalFeature| QueryFeature {
        code: feature.code,
        margins: [0; QueryFeature::MARGINS],
        keypoint: feature.place.keypoint(),
    };
    LocalQuery {
        width: record.width.into(),
        height: record.height.into(),
        upright: record.features.iter().map(ask).collect(),
        mirrored: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::Orientation;
    use saltprint_index::RecordFacts;
    use saltprint_keys::{ContentDigest, RecordRef};

    use super::*;
    use crate::{Band, Found, Tier};

    /// A record that shows in another one with so many features over so much of it, moved right by a share of its width.
    fn shows(features: u32, covered: f64, moved: f64) -> Sighting {
        let place = Hit { distance: 0, segment: 0, row: 0 };
        let facts = RecordFacts::new(ContentDigest::from_bytes([1; 16]));
        let record_ref = RecordRef::from_bytes([1; 16]);
        let record = IndexHit { record_ref, distance: 0, facts, near_duplicate_of: None };
        let found = Found {
            record,
            place,
            orientation: Orientation::Upright,
            band: Band::Possible,
            tier: Tier::Local,
            runner_up: None,
            sighting: None,
        };
        let outlined = Sighting::outlined(&found, WHOLE.map(|(x, y)| (x + moved, y)));
        Sighting { covered, spots: (0..features).collect(), ..outlined }
    }

    #[test]
    fn a_little_in_the_same_place_is_company_and_much_is_print() {
        let judged = |other: Sighting| (may_share_template(&other), shares_print(&other));
        assert_eq!(judged(shows(4, 0.05, 0.02)), (true, false));
        assert_eq!(judged(shows(4, 0.12, 0.02)), (true, true));
        // Few, or in one spot, or elsewhere: chance.
        assert_eq!(judged(shows(3, 0.05, 0.02)), (false, false));
        assert!(!may_share_template(&shows(3, 0.12, 0.02)));
        assert_eq!(judged(shows(9, 0.005, 0.02)), (false, false));
        assert_eq!(judged(shows(5, 0.3, 0.15)), (false, false));
        // Documents that lie elsewhere in their photographs share more than that.
        assert_eq!(judged(shows(6, 0.2, 0.4)), (true, true));
        // Nobody knows where it is.
        assert_eq!(judged(Sighting { quad: None, ..shows(4, 0.05, 0.0) }), (false, false));
        assert_eq!(judged(Sighting { score: 0.4, ..shows(4, 0.0, 0.4) }), (true, true));
    }

    #[test]
    fn each_other_makes_more_of_the_print_known() {
        assert_eq!(
            [known_by(0, 0), known_by(1, 0), known_by(0, 1)].map(f64::to_bits),
            [0.0_f64.to_bits(); 3]
        );
        assert!((known_by(2, 0) - 0.5).abs() < 1e-9 && (known_by(0, 2) - 1.0 / 3.0).abs() < 1e-9);
        for (own, shown) in (1..9).flat_map(|own| (0..9).map(move |shown| (own, shown))) {
            let known = known_by(own, shown);
            assert!(known_by(own + 1, shown) > known && known_by(own, shown + 1) > known);
            // What the record itself shows says more than what only the image does.
            assert!(known_by(own, shown) >= known_by(own - 1, shown + 1) && known < 1.0);
        }
        assert!((known_by(0, 90) - 0.5).abs() < 1e-9);
        assert!((known_by(usize::MAX, usize::MAX) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_image_shows_a_template_where_others_lie_as_the_best_does() {
        let other = |features, close, moved| Sighting { close, ..shows(features, 0.05, moved) };
        let best = shows(30, 0.5, 0.3);
        let shown = |other: Sighting| shows_template(&other, &best);
        assert!(shown(other(4, 2, 0.33)));
        // Too few, too far, elsewhere, nowhere.
        assert!(!shown(other(3, 3, 0.33)) && !shown(other(9, 1, 0.33)) && !shown(other(9, 5, 0.45)));
        assert!(!shown(Sighting { quad: None, ..other(9, 5, 0.3) }));
        assert!(!shown(Sighting { covered: 0.005, ..other(9, 5, 0.3) }), "in one spot");
        // A tenth of a small document is less than a tenth of the image.
        let half = |quad: [(f64, f64); 4]| quad.map(|(x, y)| (x / 2.0, y / 2.0));
        let small = Sighting { quad: Some(half(WHOLE)), ..best.clone() };
        let beside =
            |by: f64| Sighting { quad: Some(half(WHOLE).map(|(x, y)| (x + by, y))), ..other(9, 5, 0.0) };
        assert!(shows_template(&beside(0.04), &small) && !shows_template(&beside(0.06), &small));
    }
}
