//! What a rebuild tells the operator about how well this vault can be matched.

use std::collections::BTreeMap;

use saltprint_fingerprint::{Calibration, Profile, ProfileOrigin};
use saltprint_index::{Histogram, Manifest, RecordFacts};
use saltprint_matching::{Basis, Rules};

use super::PrintSummary;
use crate::calibrate::FEWEST_LEFT;

/// Sampled records of a kind, a source or a year from which on their distances say something.
const FEWEST: u64 = 20;
/// Median distance to the nearest other subject, as a share of that among all other records, below which records crowd.
///
/// Measured on invented records of seven kinds: 0.53 for 301 cards of 900 records that the calibration has not seen, 0.71 for 119
/// passports, 0.73 for 200 cards of 370, 0.78 for 70 cards of 260. Of kinds that it has seen 0.80 (statements, pages of the same
/// print) to 1.2 among 900, and 0.70 to 1.3 among 20,000; these are not new, and so not named.
const CROWDED: f64 = 0.8;
/// How much larger than what came after the calibration a kind may be and still be new: how many there are is taken from a
/// sample.
const LEEWAY: f64 = 1.2;

/// What the background says about this vault that an operator should know.
pub(super) fn of_rule(manifest: &Manifest, rules: &Rules, profile: &Profile) -> Vec<String> {
    let Rules { whole: rule, local, .. } = rules;
    let mut warnings = Vec::new();
    if manifest.records() == 0 {
        return warnings;
    }
    if rule.possible_threshold().is_none() {
        warnings.push(
            "the documents of this vault come so near to each other that none can be told by its whole image, only by \
             its details; calibrate on this vault (`saltprint calibrate --force`), then rebuild"
                .to_owned(),
        );
    } else if rule.strong_threshold().is_none() {
        warnings.push(
            "the documents of this vault come so near to each other that no match of a whole image can be called \
             strong by itself, only by its details; if the vault has changed since it was calibrated, run \
             `saltprint calibrate --force`, then rebuild"
                .to_owned(),
        );
    }
    if rule.basis() == Basis::Assumed {
        warnings.push(format!(
            "only {} records could play the stranger: too few to measure how near strangers come, so cautious \
             assumed thresholds are in force",
            manifest.background.sampled
        ));
    }
    let few_play =
        !manifest.local_background.impostors.is_empty() && manifest.background.sampled < FEWEST_LEFT;
    if !profile.is_builtin() && local.basis() == Basis::Assumed && few_play {
        warnings.push(
            "the profile was learned from so much of this small vault that details call nothing strong; run \
             `saltprint calibrate --force`, which takes the built-in one, then rebuild"
                .to_owned(),
        );
    }
    if profile.is_builtin() && manifest.records() >= 4 * Calibration::MIN_SAMPLE as u64 {
        warnings.push(
            "the built-in profile is in use though the vault is large enough to calibrate; \
             run `saltprint calibrate --force`, then rebuild"
                .to_owned(),
        );
    }
    warnings
}

/// What the kinds that are said to have no template look like.
pub(super) fn of_kinds(manifest: &Manifest) -> impl Iterator<Item = String> {
    manifest.local_background.kinds_with_templates().map(|kind| {
        format!(
            "`rebuild.kinds_without_template` names `{}`, but {} of {} records of that kind share print with others: it is \
             taken for a kind with templates",
            kind.kind, kind.in_company, kind.asked
        )
    })
}

/// What is not known yet of what records share, where a run could not look all of them up.
pub(super) fn of_prints(print: &PrintSummary, records: u64, most: usize) -> Option<String> {
    let many = most > 0 && print.left * 20 > records;
    if print.full && many {
        return Some(format!(
            "of {} of {records} records nobody looks what they have in common with others, since what is known of the rest takes as much of the \
             manifest as it may (128 MiB): where the vault holds few records of their template, its print can pass for their own; \
             two indexes of half of the vault each have room",
            print.left
        ));
    }
    (print.looked_up > 0 && many).then(|| {
        format!(
            "of {} of {records} records nobody has looked yet what they have in common with others: where the vault holds few \
             records of a template, its print can pass for a record's own; each rebuild that publishes goes on with {most} of \
             them (`rebuild.print_sample`)",
            print.left
        )
    })
}

/// How near records come to those of other subjects, by what is known about them.
///
/// Documents of one template differ little from each other where the calibration has not seen that template: it has not
/// learned which differences are personal there.
#[derive(Debug, Default)]
pub(super) struct Crowding {
    all: Histogram,
    /// Distances by fact and value.
    by: BTreeMap<(Fact, String), Histogram>,
}

/// What tells templates apart, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Kind,
    Source,
    Year,
}

impl Crowding {
    /// Counts a record whose nearest one of another subject is `nearest` bits away.
    pub(super) fn add(&mut self, facts: &RecordFacts, nearest: u32) {
        self.all.add(nearest);
        let year = facts.captured.map(|month| month.year().to_string());
        let values =
            [(Fact::Kind, facts.kind.clone()), (Fact::Source, facts.source.clone()), (Fact::Year, year)];
        for (fact, value) in values {
            self.by.entry((fact, value.unwrap_or_default())).or_default().add(nearest);
        }
    }

    /// When to calibrate again. Says it of the kinds, or else the sources, or else the years that crowd and that may all have come
    /// since the calibration: the vault of now `records` has grown by as many.
    pub(super) fn advice(&self, profile: ProfileOrigin, records: u64) -> Option<String> {
        let ProfileOrigin::Calibrated { records: before, .. } = profile else { return None };
        let grown = records.saturating_sub(before.into());
        let is_new = |own: &Histogram| {
            let share = own.total() as f64 / self.all.total().max(1) as f64;
            share * records as f64 <= LEEWAY * grown as f64
        };
        let crowded = |fact: Fact| {
            let cells =
                self.by.iter().filter(|((of, value), own)| *of == fact && !value.is_empty() && is_new(own));
            let named = cells.filter_map(|((_, value), own)| {
                let share = self.nearness(own)?;
                (share < CROWDED).then(|| format!("`{value}` ({:.0} % nearer)", 100.0 * (1.0 - share)))
            });
            let named: Vec<String> = named.collect();
            let what = match fact {
                Fact::Kind => "kind",
                Fact::Source => "source",
                Fact::Year => "year",
            };
            (!named.is_empty()).then(|| format!("{what} {}", named.join(", ")))
        };
        let which = [Fact::Kind, Fact::Source, Fact::Year].into_iter().find_map(crowded)?;
        Some(format!(
            "records of {which} come much nearer to each other than the rest of the vault, as those of a template do that \
             the calibration has not seen, and fewer altered copies of them are found; the vault has grown by {grown} \
             records since: run `saltprint calibrate --force`, then rebuild"
        ))
    }

    /// Median distance of some records as a share of that of all others; `None` where either are too few.
    fn nearness(&self, own: &Histogram) -> Option<f64> {
        let mut others = self.all.clone();
        own.bins().for_each(|(value, count)| others.remove(value, count));
        if own.total().min(others.total()) < FEWEST {
            return None;
        }
        Some(f64::from(own.quantile(0.5)?) / f64::from(others.quantile(0.5)?.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use saltprint_keys::ContentDigest;

    use super::*;

    fn add(crowding: &mut Crowding, kind: Option<&str>, source: &str, distances: std::ops::Range<u32>) {
        for distance in distances {
            let mut facts = RecordFacts::new(ContentDigest::from_bytes([0; 16]));
            facts.kind = kind.map(str::to_owned);
            facts.source = Some(source.to_owned());
            crowding.add(&facts, distance);
        }
    }

    const CALIBRATED: ProfileOrigin = ProfileOrigin::Calibrated { sample: 64, records: 200, seed: 1 };

    #[test]
    fn what_nobody_has_looked_up_yet_is_told_where_it_is_much() {
        let told = |print: PrintSummary, most| of_prints(&print, 1000, most).unwrap_or_default();
        let one = PrintSummary { looked_up: 50, left: 51, ..PrintSummary::default() };
        assert!(told(one, 50).contains("of 51 of 1000 records") && told(one, 50).contains("print_sample"));
        // A twentieth is not much, and whoever wants none wants none.
        assert!(told(PrintSummary { left: 50, ..one }, 50).is_empty() && told(one, 0).is_empty());
        // What was not published was not looked up.
        assert!(told(PrintSummary { looked_up: 0, ..one }, 50).is_empty());
        let full = PrintSummary { looked_up: 0, full: true, ..one };
        assert!(
            told(full, 50).contains("takes as much of the manifest as it may") && told(full, 0).is_empty()
        );
        assert!(told(PrintSummary { left: 50, ..full }, 50).is_empty());
    }

    #[test]
    fn a_kind_that_crowds_is_named() {
        let mut crowding = Crowding::default();
        add(&mut crowding, Some("passport"), "a", 60..100);
        add(&mut crowding, Some("statement"), "a", 50..90);
        assert_eq!(crowding.advice(CALIBRATED, 300), None);
        add(&mut crowding, Some("new"), "a", 25..44);
        // Too few to tell.
        assert_eq!(crowding.advice(CALIBRATED, 300), None);
        add(&mut crowding, Some("new"), "b", 44..55);
        let advice = crowding.advice(CALIBRATED, 300).unwrap();
        assert!(advice.contains("kind `new` (47 % nearer)") && advice.contains("grown by 100"), "{advice}");
        assert!(!advice.contains("passport") && !advice.contains("source"), "{advice}");
        // It was there, or the profile knows no documents: calibrating would change nothing, or is advised anyway.
        assert_eq!(crowding.advice(CALIBRATED, 250), None);
        assert_eq!(crowding.advice(ProfileOrigin::BuiltIn, 300), None);
    }

    #[test]
    fn where_kinds_are_not_stated_sources_are_named() {
        let mut crowding = Crowding::default();
        add(&mut crowding, None, "old", 60..100);
        add(&mut crowding, None, "old", 60..100);
        add(&mut crowding, None, "vendor", 20..60);
        let advice = crowding.advice(CALIBRATED, 400).unwrap();
        assert!(advice.contains("source `vendor`"), "{advice}");
        // All of one template, and nothing to compare it with.
        let mut alone = Crowding::default();
        add(&mut alone, Some("card"), "a", 10..60);
        assert_eq!(alone.advice(CALIBRATED, 400), None);
    }
}
