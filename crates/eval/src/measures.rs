//! How near right and wrong records come, for every way of measuring nearness: histograms and curves.

use saltprint::MatchReport;
use serde::Serialize;

use crate::baselines::{BASELINES, Baseline};

/// How near one image comes to the index, in the unit of one method.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Measure {
    /// Nearest right record, where one was seen.
    pub(crate) right: Option<f32>,
    /// Nearest record of anybody else, where one was seen.
    pub(crate) other: Option<f32>,
}

/// A number in the shipped report that says how near a match is. A new one is one more line of [`STATISTICS`].
#[derive(Clone, Copy)]
pub(crate) struct Statistic {
    name: &'static str,
    unit: &'static str,
    smaller_is_nearer: bool,
    /// Width of a bar in the histogram.
    bin: f32,
    /// The number of a match.
    of: fn(&MatchReport) -> Option<f32>,
    /// The number of the nearest record of another subject, as the match reports it.
    rival: fn(&MatchReport) -> Option<f32>,
}

/// Distances are at most 256, which `f32` holds exactly.
const STATISTICS: [Statistic; 2] = [
    Statistic {
        name: "whole-image distance",
        unit: "bits of 256",
        smaller_is_nearer: true,
        bin: 4.0,
        of: |found| found.distance.map(|bits| bits as f32),
        rival: |found| found.runner_up.map(|bits| bits as f32),
    },
    // Of the records that the report lists; how many details of a rival agree is not reported.
    Statistic {
        name: "agreeing details",
        unit: "features",
        smaller_is_nearer: false,
        bin: 4.0,
        of: |found| {
            found.agreement.as_ref().and_then(|agreement| agreement.features).map(|count| count as f32)
        },
        rival: |_| None,
    },
];

/// One way of measuring nearness: a number of the shipped report, or a baseline's distance.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) smaller_is_nearer: bool,
    pub(crate) bin: f32,
    /// The baseline that this is, where it is one.
    pub(crate) baseline: Option<Baseline>,
}

/// All methods: ours, then the baselines if they run.
pub(crate) fn methods(baselines: bool) -> Vec<Method> {
    let ours = STATISTICS.iter().map(|statistic| Method {
        name: statistic.name,
        unit: statistic.unit,
        smaller_is_nearer: statistic.smaller_is_nearer,
        bin: statistic.bin,
        baseline: None,
    });
    let theirs = BASELINES.iter().filter(|_| baselines).map(|baseline| Method {
        name: baseline.name,
        unit: if baseline.bits == 256 { "bits of 256" } else { "bits of 64" },
        smaller_is_nearer: true,
        // Hashes split at their median have as many ones as zeros, so that distances are even.
        bin: if baseline.bits == 256 { 4.0 } else { 2.0 },
        baseline: Some(*baseline),
    });
    ours.chain(theirs).collect()
}

/// How near the matches of one image come, by each of our statistics; `is_right` tells right records.
pub(crate) fn of_matches<'a>(
    matches: &'a [MatchReport],
    is_right: impl Fn(&MatchReport) -> bool + 'a,
) -> impl Iterator<Item = Measure> + 'a {
    STATISTICS.iter().map(move |statistic| {
        let nearer = |a: Option<f32>, b: Option<f32>| match (a, b) {
            (Some(a), Some(b)) => Some(if (a < b) == statistic.smaller_is_nearer { a } else { b }),
            (a, b) => a.or(b),
        };
        matches.iter().fold(Measure::default(), |measure, found| {
            let (own, rival) = ((statistic.of)(found), (statistic.rival)(found));
            if is_right(found) {
                Measure { right: nearer(measure.right, own), other: nearer(measure.other, rival) }
            } else {
                Measure { other: nearer(measure.other, own), ..measure }
            }
        })
    })
}

/// How a method judges one image at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepts {
    Right,
    Wrong,
    Nothing,
}

impl Method {
    /// Whether `value` is within `threshold`.
    fn within(&self, value: f32, threshold: f32) -> bool {
        if self.smaller_is_nearer { value <= threshold } else { value >= threshold }
    }

    /// The nearest record within the threshold: right or wrong. Of equally near ones the right one counts.
    pub(crate) fn judge(&self, measure: Measure, threshold: f32) -> Accepts {
        let right = measure.right.filter(|value| self.within(*value, threshold));
        let other = measure.other.filter(|value| self.within(*value, threshold));
        match (right, other) {
            (Some(right), Some(other)) if self.within(right, other) => Accepts::Right,
            (Some(_), None) => Accepts::Right,
            (_, Some(_)) => Accepts::Wrong,
            (None, None) => Accepts::Nothing,
        }
    }

    /// The widest whole threshold of a distance at which no measure leads to a wrong record; `None` where there is none.
    pub(crate) fn best(bits: u32, measures: impl Iterator<Item = Measure>) -> Option<f32> {
        let nearest_wrong = measures
            .filter(|measure| {
                measure.right.is_none_or(|right| measure.other.is_some_and(|other| other < right))
            })
            .filter_map(|measure| measure.other)
            .fold(bits as f32 + 1.0, f32::min);
        (nearest_wrong >= 1.0).then_some(nearest_wrong - 1.0)
    }
}

/// How often which nearness was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Left end of the first bar.
    pub start: f32,
    /// Width of each bar.
    pub width: f32,
    /// Records under edits: nearest right record.
    pub right: Vec<u64>,
    /// The same images: nearest record of anybody else, where it was seen.
    pub other: Vec<u64>,
    /// Strangers: nearest record.
    pub strangers: Vec<u64>,
}

impl Histogram {
    pub(crate) fn new(method: &Method, records: &[Measure], strangers: &[Measure]) -> Self {
        let right = || records.iter().filter_map(|measure| measure.right);
        let other = || records.iter().filter_map(|measure| measure.other);
        let foreign = || strangers.iter().filter_map(|measure| measure.other);
        let all = || right().chain(other()).chain(foreign());
        let bin = |value: f32| (value / method.bin).floor();
        let low = all().map(bin).fold(f32::INFINITY, f32::min);
        let high = all().map(bin).fold(f32::NEG_INFINITY, f32::max);
        if low > high {
            return Self { start: 0.0, width: method.bin, right: vec![], other: vec![], strangers: vec![] };
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bars between the lowest and the highest, a few hundred"
        )]
        let place = |value: f32| (bin(value) - low) as usize;
        let count = |values: &mut dyn Iterator<Item = f32>| {
            let mut counts = vec![0; place(high * method.bin) + 1];
            values.for_each(|value| counts[place(value)] += 1);
            counts
        };
        Self {
            start: low * method.bin,
            width: method.bin,
            right: count(&mut right()),
            other: count(&mut other()),
            strangers: count(&mut foreign()),
        }
    }
}

/// One point of a curve: what a threshold gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    /// The threshold.
    pub threshold: f32,
    /// Share of the strangers that are accepted, 0 to 1.
    pub strangers: f64,
    /// Share of the edited records that are accepted as themselves, 0 to 1.
    pub right: f64,
}

/// What each threshold would give, from the strictest on; each that changes something.
pub(crate) fn roc(method: &Method, records: &[Measure], strangers: &[Measure]) -> Vec<RocPoint> {
    let share = |count: usize, of: usize| if of == 0 { 0.0 } else { count as f64 / of as f64 };
    // (value, whether it is a stranger): an image is accepted from its value on.
    let mut steps: Vec<(f32, bool)> = records
        .iter()
        .filter(|measure| {
            measure.right.is_some_and(|right| measure.other.is_none_or(|other| method.within(right, other)))
        })
        .filter_map(|measure| measure.right.map(|value| (value, false)))
        .chain(strangers.iter().filter_map(|measure| measure.other.map(|value| (value, true))))
        .collect();
    steps.sort_by(|a, b| if method.smaller_is_nearer { a.0.total_cmp(&b.0) } else { b.0.total_cmp(&a.0) });
    let (mut right, mut foreign) = (0, 0);
    let mut points: Vec<RocPoint> = Vec::new();
    for chunk in steps.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        foreign += chunk.iter().filter(|step| step.1).count();
        right += chunk.iter().filter(|step| !step.1).count();
        points.push(RocPoint {
            threshold: chunk[0].0,
            strangers: share(foreign, strangers.len()),
            right: share(right, records.len()),
        });
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: Method =
        Method { name: "bits", unit: "bits", smaller_is_nearer: true, bin: 4.0, baseline: None };

    fn measure(right: impl Into<Option<f32>>, other: impl Into<Option<f32>>) -> Measure {
        Measure { right: right.into(), other: other.into() }
    }

    #[test]
    fn the_nearest_within_the_threshold_is_accepted() {
        for (nearness, threshold, expected) in [
            (measure(5.0, 9.0), 4.0, Accepts::Nothing),
            (measure(5.0, 9.0), 5.0, Accepts::Right),
            (measure(5.0, 9.0), 60.0, Accepts::Right),
            (measure(9.0, 5.0), 60.0, Accepts::Wrong),
            (measure(5.0, 5.0), 5.0, Accepts::Right),
            (measure(None, 5.0), 5.0, Accepts::Wrong),
            (measure(5.0, None), 5.0, Accepts::Right),
            (measure(None, None), 5.0, Accepts::Nothing),
        ] {
            assert_eq!(BITS.judge(nearness, threshold), expected, "{nearness:?} at {threshold}");
        }
        let score = Method { smaller_is_nearer: false, ..BITS };
        assert_eq!(score.judge(measure(9.0, 5.0), 7.0), Accepts::Right);
        assert_eq!(score.judge(measure(5.0, 9.0), 4.0), Accepts::Wrong);
        assert_eq!(score.judge(measure(5.0, 9.0), 10.0), Accepts::Nothing);
    }

    #[test]
    fn the_best_threshold_accepts_no_wrong_one_and_the_next_does() {
        let measures = [measure(3.0, 20.0), measure(30.0, 25.0), measure(None, 28.0)];
        let best = Method::best(256, measures.into_iter()).unwrap();
        assert!((best - 24.0).abs() < f32::EPSILON);
        let wrong = |threshold| measures.iter().any(|one| BITS.judge(*one, threshold) == Accepts::Wrong);
        assert!(!wrong(best) && wrong(best + 1.0));
        assert_eq!(Method::best(256, [measure(None, 0.0)].into_iter()), None);
        assert_eq!(Method::best(64, [measure(1.0, 2.0)].into_iter()), Some(64.0));
    }

    #[test]
    fn every_value_lands_in_one_bar() {
        let records = [measure(0.0, 61.0), measure(7.9, None), measure(None, 8.0)];
        let histogram = Histogram::new(&BITS, &records, &[measure(None, 40.0)]);
        assert!(histogram.start.abs() < f32::EPSILON);
        assert_eq!(histogram.right.iter().sum::<u64>(), 2);
        assert_eq!((histogram.right[0], histogram.right[1]), (1, 1));
        assert_eq!((histogram.other[2], histogram.other[15]), (1, 1));
        assert_eq!(histogram.strangers[10], 1);
        assert!(Histogram::new(&BITS, &[], &[]).right.is_empty());
    }

    #[test]
    fn curves_rise_from_the_strictest_threshold() {
        let records = [measure(3.0, 20.0), measure(10.0, 25.0), measure(30.0, 25.0), measure(None, 9.0)];
        let curve = roc(&BITS, &records, &[measure(None, 10.0), measure(None, 50.0)]);
        let got: Vec<_> = curve.iter().map(|p| (p.threshold, p.strangers, p.right)).collect();
        assert_eq!(got, [(3.0, 0.0, 0.25), (10.0, 0.5, 0.5), (50.0, 1.0, 0.5)]);
    }
}
