//! The answer in words: what the numbers support, why, and what would change it.

use std::collections::HashSet;

use saltprint_matching::{Band, Basis, Looks};
use statrs::function::gamma::gamma_lr;

use super::{CopyCounts, CoverageReport, IndexFacts, Statement, Verdict};
use crate::{CopyExtent, ItemReport, Outcome, Share, TriageTotals};

/// Share of matches among the compared images from which a leak as a whole is called ours. A vault's own export, with what
/// cropping and redaction hide from us, lies above; a leak mixed with others' documents below.
const MOST_OF_IT: f64 = 0.8;

/// Chance of as many matches below which chance is no explanation.
const BEYOND_CHANCE: f64 = 1e-3;

/// Chance of as many certain matches up to which they are not put down to chance either.
const HARDLY_CHANCE: f64 = 0.05;

/// What the verdict rests on.
pub(super) struct Ground<'a> {
    pub(super) index: &'a IndexFacts,
    pub(super) totals: &'a TriageTotals,
    pub(super) coverage: &'a CoverageReport,
    pub(super) matched_records: u64,
    pub(super) looks: Looks,
}

/// `3 images`, `1 image`.
pub(super) fn number(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with separators of thousands.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn small(value: f64) -> String {
    if value == 0.0 || value >= 0.01 { format!("{value:.2}") } else { format!("{value:.1e}") }
}

/// Probability of at least `count` events where `mean` are expected, by the Poisson distribution: an upper bound in all but
/// name for many images with a small chance each.
fn at_least(count: u64, mean: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    if mean <= 0.0 {
        return 0.0;
    }
    gamma_lr(count as f64, mean).clamp(0.0, 1.0)
}

/// Judges.
pub(super) fn judge(ground: &Ground<'_>) -> Verdict {
    let Ground { index, totals, .. } = *ground;
    let compared = totals.compared();
    let measured = index.basis == Basis::Measured;
    let expected = |chance: f64| measured.then_some(compared as f64 * chance);
    let (strong, either) = (expected(index.strong_chance), expected(index.possible_chance));
    let found = totals.matches + totals.possible;
    let chance = strong.map(|mean| at_least(totals.matches, mean));
    let chance_either = either.map(|mean| at_least(found, mean));
    let share = Share::new(totals.matches, compared);
    // An assumed threshold gives no chance: then what is found is not explained away.
    let by_chance = |chance: Option<f64>| chance.is_some_and(|chance| chance > BEYOND_CHANCE);
    let statement = if compared == 0 {
        Statement::NothingCompared
    } else if found == 0 {
        Statement::NotOurs
    } else if totals.matches > 0 && !by_chance(chance) {
        // What could not be compared may be anybody's.
        if share.value.is_some_and(|share| share >= MOST_OF_IT) && not_compared(totals) <= compared {
            Statement::Ours
        } else {
            Statement::PartlyOurs
        }
    } else if totals.matches > 0 && chance.is_some_and(|chance| chance <= HARDLY_CHANCE) {
        Statement::Undecided
    } else if by_chance(chance_either) {
        Statement::CompatibleWithChance
    } else {
        Statement::Undecided
    };
    Verdict {
        statement,
        headline: headline(statement, ground, chance),
        reasons: reasons(statement, ground, strong, either),
        would_change: would_change(statement, ground),
        compared,
        share,
        matched_records: ground.matched_records,
        expected_by_chance: strong,
        chance_of_as_many: chance,
        expected_possible_by_chance: either,
        chance_of_as_many_possible: chance_either,
    }
}

/// Inputs that could not be compared though they were no repetitions.
fn not_compared(totals: &TriageTotals) -> u64 {
    totals.unreadable + totals.refused + totals.too_plain
}

fn headline(statement: Statement, ground: &Ground<'_>, chance: Option<f64>) -> String {
    let totals = ground.totals;
    let compared = totals.compared();
    let images = number(compared, "compared image", "compared images");
    let records = number(ground.matched_records, "of our records", "of our records");
    let matching = |count: u64| if count == 1 { "matches" } else { "match" };
    let share = if compared == 0 { 0.0 } else { totals.matches as f64 * 100.0 / compared as f64 };
    let unknown = not_compared(totals);
    let unknown = if unknown > compared {
        format!(" {} not be compared.", number(unknown, "input could", "inputs could"))
    } else {
        String::new()
    };
    match statement {
        Statement::Ours => format!(
            "This leak is ours: {} of {images} ({share:.1} %) {} {records}.",
            grouped(totals.matches),
            matching(totals.matches)
        ),
        Statement::PartlyOurs => format!(
            "This leak is partly ours: {} of {images} ({share:.1} %) {} {records}.{unknown}",
            grouped(totals.matches),
            matching(totals.matches)
        ),
        Statement::CompatibleWithChance if totals.matches > 0 => format!(
            "No sign that this leak is ours: {} and {} among {images} are no more than chance gives.",
            number(totals.matches, "match", "matches"),
            number(totals.possible, "possible one", "possible ones"),
        ),
        Statement::CompatibleWithChance => format!(
            "No sign that this leak is ours: what was found among {images} is no more than chance gives.{unknown}"
        ),
        Statement::NotOurs => {
            format!("No sign that this leak is ours: none of {images} matches a record.{unknown}")
        }
        Statement::Undecided if totals.matches > 0 => format!(
            "Open: {} of {images} {} {records}, which chance alone gives in {} of 100 such leaks; somebody has to look.",
            grouped(totals.matches),
            matching(totals.matches),
            small(chance.unwrap_or(1.0) * 100.0),
        ),
        Statement::Undecided => format!(
            "Open: no certain match, but {} of {images} may be ours; somebody has to look.",
            grouped(totals.possible)
        ),
        Statement::NothingCompared => "Nothing could be compared: no answer.".to_owned(),
    }
}

fn reasons(
    statement: Statement,
    ground: &Ground<'_>,
    strong: Option<f64>,
    either: Option<f64>,
) -> Vec<String> {
    let Ground { index, totals, .. } = *ground;
    let compared = number(totals.compared(), "image", "images");
    let mut reasons = Vec::new();
    if let (Some(strong), Some(either)) = (strong, either) {
        reasons.push(format!(
            "Of {compared}, chance alone would be expected to call at most {} a match and {} possible, at {:.0e} and {:.0e} a stranger's image; this rests on how near strangers come in this index, and on the tail that was fitted to it.",
            small(strong), small(either), index.strong_chance, index.possible_chance,
        ));
    } else {
        reasons.push(
            "The index is too small to measure how near strangers come: thresholds are assumed, and no chance can be stated."
                .to_owned(),
        );
    }
    match statement {
        Statement::Ours | Statement::PartlyOurs => {
            if totals.no_match > 0 {
                reasons.push(format!(
                    "{} no record: documents that the index does not hold, or copies altered beyond recognition.",
                    number(totals.no_match, "image matches", "images match")
                ));
            }
            if totals.possible > 0 {
                reasons.push(format!(
                    "{} possible: alike, but not beyond doubt; they are not counted as ours.",
                    number(totals.possible, "image is", "images are")
                ));
            }
        }
        Statement::CompatibleWithChance => reasons.push(format!(
            "{} found as a match and {} as possible; that is within what strangers' images give.",
            number(totals.matches, "image was", "images were"), grouped(totals.possible)
        )),
        Statement::NotOurs => reasons.push(format!(
            "The index holds {}; none is as near to any of these images as a copy would be.",
            number(index.records, "record", "records")
        )),
        Statement::Undecided if totals.matches > 0 => reasons.push(
            "So few certain matches among so many images are hardly chance, and yet too likely by chance to be proof by their number; each of them is an image that can be looked at."
                .to_owned(),
        ),
        Statement::Undecided if strong.is_none() => reasons.push(
            "Something was found, but how often strangers' images look as near is not known for this index.".to_owned(),
        ),
        Statement::Undecided => reasons.push(
            "Possible matches are more than chance gives, so that some are likely to be ours, but none of them is beyond doubt by itself."
                .to_owned(),
        ),
        Statement::NothingCompared => {}
    }
    if let Some(previous) = &index.previous {
        reasons.push(format!(
            "Keys were changed lately, and the index under the keys before ({} in generation {}) was asked as well; the chances stated are those of both together.",
            number(previous.records, "record", "records"), previous.generation
        ));
    }
    let unusable = not_compared(totals);
    if unusable > 0 {
        reasons.push(format!(
            "{} not be compared (unreadable, refused or too plain); the items say why, one by one.",
            number(unusable, "input could", "inputs could")
        ));
    }
    reasons
}

fn would_change(statement: Statement, ground: &Ground<'_>) -> Vec<String> {
    let Ground { totals, coverage, looks, .. } = *ground;
    let mut would = Vec::new();
    match statement {
        Statement::Ours => would.push(
            "It would change if the index held documents that others hold as well, such as public specimens: blank templates and specimens belong into the negative folder."
                .to_owned(),
        ),
        Statement::PartlyOurs => would.push(
            "It would become \"ours\" if the images without a match turned out to be records that the index does not hold; the coverage below says what it held."
                .to_owned(),
        ),
        Statement::CompatibleWithChance | Statement::NotOurs => would.push(
            "It would change if documents are missing from the index, or if the leak holds only copies of a kind that is often missed; coverage and the table of miss rates below say how far that goes."
                .to_owned(),
        ),
        Statement::Undecided if totals.matches > 0 => {}
        Statement::Undecided => would.push(
            "A person who may see the records compares the possible matches by eye: one that is the same picture makes it \"partly ours\"."
                .to_owned(),
        ),
        Statement::NothingCompared => would.push("Usable images: the items say what was wrong with each input.".to_owned()),
    }
    if looks == Looks::Quick && totals.no_match > 0 {
        would.push(format!(
            "{} may match after all in a case without `--quick`.",
            number(totals.no_match, "image without a match", "images without a match")
        ));
    }
    let by_eye = [Statement::Undecided, Statement::CompatibleWithChance].contains(&statement);
    if totals.matches > 0 && by_eye {
        would.push(format!(
            "{} to be compared by eye with the records they point to: one that is the same picture makes it \"partly ours\".",
            number(totals.matches, "match has", "matches have")
        ));
    }
    if totals.possible > 0 && (statement != Statement::Undecided || totals.matches > 0) {
        would.push(format!(
            "{} to be compared by eye with the records they point to; each that is confirmed adds to the matches.",
            number(totals.possible, "possible match has", "possible matches have")
        ));
    }
    let rejected = coverage.vault.too_plain + coverage.vault.unreadable + coverage.vault.refused;
    if rejected > 0 && statement != Statement::NothingCompared {
        would.push(format!(
            "{} of the vault could not be indexed, so that copies of them cannot be found.",
            number(rejected, "input", "inputs")
        ));
    }
    if totals.unreadable + totals.refused > 0 {
        would.push("Inputs that could not be read may be sent again in a readable form.".to_owned());
    }
    would
}

/// What was done to the images that match.
pub(super) fn copies(items: &[ItemReport]) -> CopyCounts {
    let mut counts = CopyCounts::default();
    for item in items.iter().filter(|item| item.outcome == Outcome::Match) {
        let strong: Vec<_> = item.matches.iter().filter(|found| found.band == Band::Strong).collect();
        let Some(best) = strong.first() else { continue };
        counts.matches += 1;
        *match best.copy {
            CopyExtent::Whole => &mut counts.whole,
            CopyExtent::Part => &mut counts.part,
            CopyExtent::Altered => &mut counts.altered,
            CopyExtent::Unclear => &mut counts.unclear,
        } += 1;
        counts.mirrored += u64::from(best.orientation.is_mirrored());
        counts.turned += u64::from(best.orientation.index() > 0 && !best.orientation.is_mirrored());
        let documents: HashSet<u32> = strong.iter().map(|found| found.document).collect();
        counts.several += u64::from(documents.len() > 1);
        let versions = documents
            .iter()
            .any(|document| item.matches.iter().filter(|found| found.document == *document).count() > 1);
        counts.versions += u64::from(versions);
    }
    counts
}

#[cfg(test)]
mod tests {
    use saltprint_keys::EpochId;

    use super::*;

    fn index(basis: Basis) -> IndexFacts {
        IndexFacts {
            generation: 1,
            epoch: EpochId::from_bytes([1; 16]),
            root: "0".repeat(64),
            built: 0,
            records: 1_000,
            previous: None,
            basis,
            strong_chance: 1e-6,
            possible_chance: 1e-3,
            strong_lead: 2.0,
            possible_lead: 1.0,
            strong_ratio: Some(0.4),
            possible_ratio: Some(0.6),
        }
    }

    fn verdict(basis: Basis, matches: u64, possible: u64, no_match: u64) -> Verdict {
        let inputs = matches + possible + no_match + 1;
        let totals =
            TriageTotals { inputs, matches, possible, no_match, refused: 1, ..TriageTotals::default() };
        let coverage = CoverageReport::default();
        let index = index(basis);
        let looks = Looks::Thorough;
        judge(&Ground {
            index: &index,
            totals: &totals,
            coverage: &coverage,
            matched_records: matches,
            looks,
        })
    }

    #[test]
    fn statements_follow_the_numbers() {
        let told =
            |matches, possible, no_match| verdict(Basis::Measured, matches, possible, no_match).statement;
        assert_eq!(told(0, 0, 0), Statement::NothingCompared);
        assert_eq!(told(0, 0, 500), Statement::NotOurs);
        assert_eq!(told(90, 5, 5), Statement::Ours);
        assert_eq!(told(300, 5, 700), Statement::PartlyOurs);
        assert_eq!(told(1, 0, 9), Statement::PartlyOurs);
        // 10,000 strangers give ten possible matches on average, and one strong match in a hundred such leaks.
        assert_eq!(told(0, 12, 9_988), Statement::CompatibleWithChance);
        assert_eq!(told(1, 10, 9_989), Statement::Undecided);
        assert_eq!(told(1, 100, 99_899), Statement::CompatibleWithChance);
        assert_eq!(told(0, 40, 9_960), Statement::Undecided);
        assert_eq!(verdict(Basis::Assumed, 0, 1, 5_000).statement, Statement::Undecided);
    }

    #[test]
    fn a_certain_match_is_never_passed_over_in_silence() {
        for (matches, possible, no_match) in
            [(1, 0, 1_999), (1, 10, 9_989), (1, 100, 99_899), (2, 900, 999_098)]
        {
            let told = verdict(Basis::Measured, matches, possible, no_match);
            assert!(told.headline.contains("match"), "{}", told.headline);
            assert!(!told.headline.contains("no certain match") && !told.headline.contains("none of"));
            let look = told.would_change.iter().any(|would| would.contains("to be compared by eye"));
            assert!(look, "{:?}", told.would_change);
        }
    }

    #[test]
    fn what_could_not_be_compared_is_not_called_ours() {
        let totals = TriageTotals { inputs: 10, matches: 1, refused: 9, ..TriageTotals::default() };
        let (coverage, index) = (CoverageReport::default(), index(Basis::Measured));
        let looks = Looks::Quick;
        let ground =
            Ground { index: &index, totals: &totals, coverage: &coverage, matched_records: 1, looks };
        let told = judge(&ground);
        assert_eq!(told.statement, Statement::PartlyOurs);
        let quick = |told: &Verdict| told.would_change.iter().any(|would| would.contains("--quick"));
        assert!(!quick(&told), "nothing is without a match");
        let totals = TriageTotals { inputs: 11, no_match: 1, ..totals };
        assert!(quick(&judge(&Ground { totals: &totals, ..ground })));
        assert!(told.headline.ends_with("9 inputs could not be compared."), "{}", told.headline);
    }

    #[test]
    fn assumed_thresholds_say_nothing_of_chance() {
        let told = verdict(Basis::Assumed, 0, 1, 5_000);
        assert!(!told.reasons.iter().any(|reason| reason.contains("more than chance")), "{:?}", told.reasons);
    }

    #[test]
    fn the_numbers_of_chance_are_those_of_poisson() {
        let told = verdict(Basis::Measured, 2, 1, 999_997);
        assert_eq!((told.expected_by_chance, told.compared), (Some(1.0), 1_000_000));
        // 1 - 2/e.
        assert!((told.chance_of_as_many.unwrap() - (1.0 - 2.0 / std::f64::consts::E)).abs() < 1e-12);
        let assumed = verdict(Basis::Assumed, 0, 3, 10);
        assert_eq!((assumed.expected_by_chance, assumed.chance_of_as_many), (None, None));
        assert!(assumed.reasons[0].contains("assumed"));
    }

    #[test]
    fn words_agree_in_number() {
        let told = verdict(Basis::Measured, 1, 1, 1);
        assert_eq!(
            told.headline,
            "This leak is partly ours: 1 of 3 compared images (33.3 %) matches 1 of our records."
        );
        assert!(told.reasons.iter().any(|reason| reason.starts_with("1 image matches no record")));
        assert_eq!(number(1_234_567, "image", "images"), "1,234,567 images");
    }
}
