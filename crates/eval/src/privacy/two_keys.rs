//! (b) Do the codes of one image under two keys look like those of two images?

use saltprint_fingerprint::GlobalCode;

use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::keyring::Under;
use super::stats;

const METHOD: &str = "Keys go in pairs that share none. Under each pair, the distances between the two codes of one image are \
    compared with those between the codes of two images. Then the strong attack: sets of codes of the same images under two \
    keys, in shuffled order, with some pairs known, are to be linked code by code.";

/// The distance test; the linkage attack adds its own.
pub(super) fn measure(keyring: &[Under]) -> Measurement {
    let mut measured = Measurement::new('b', "The same images under two keys", METHOD);
    let (mut own, mut strange) = (Vec::new(), Vec::new());
    let (mut all_own, mut all_strange) = (Vec::new(), Vec::new());
    let mut differences = Vec::new();
    for (number, pair) in keyring.chunks_exact(2).enumerate() {
        let (a, b) = (&pair[0].whole, &pair[1].whole);
        if a.len() < 3 {
            continue;
        }
        // One distance a pair of keys: independent tries.
        let at = number % a.len();
        own.push(a[at].distance(&b[at]));
        strange.push(a[(at + 1) % a.len()].distance(&b[(at + 2) % a.len()]));
        let same: Vec<u32> = a.iter().zip(b).map(|(a, b)| a.distance(b)).collect();
        let other: Vec<u32> = a.iter().zip(shifted(b)).map(|(a, b)| a.distance(b)).collect();
        differences.push(mean(&same) - mean(&other));
        all_own.extend(same);
        all_strange.extend(other);
    }
    measured.findings.push(Finding::at_most(
        "difference of the distributions, one distance a pair of keys (Kolmogorov-Smirnov)",
        stats::ks_distance(&own, &strange),
        stats::ks_bound(own.len(), strange.len()),
        "1 in a million for two samples of one law",
    ));
    measured.findings.push(Finding::at_most(
        "difference of the mean distances over the pairs of keys, deviations",
        stats::deviations(&differences).abs(),
        stats::two_sided(stats::CLAIM),
        "1 in a million (normal law, two-sided; pairs of keys are independent)",
    ));
    let mut table = PrivacyTable::new(
        "Distances in bits, all images under all pairs of keys",
        &["images", "pairs of keys", "distances", "mean", "deviation", "least", "most"],
    );
    for (name, distances) in [("one image", &all_own), ("two images", &all_strange)] {
        let values: Vec<f64> = distances.iter().map(|&bits| f64::from(bits)).collect();
        let (mean, deviation) = stats::moments(&values);
        table.rows.push(vec![
            Cell::text(name),
            Cell::count(differences.len()),
            Cell::count(values.len()),
            Cell::Number(mean, 3),
            Cell::Number(deviation, 3),
            Cell::Count(distances.iter().min().copied().unwrap_or(0).into()),
            Cell::Count(distances.iter().max().copied().unwrap_or(0).into()),
        ]);
    }
    measured.tables.push(table);
    measured
}

/// The codes from the second on, then the first: everybody meets somebody else.
fn shifted(codes: &[GlobalCode]) -> impl Iterator<Item = &GlobalCode> {
    codes.iter().cycle().skip(1)
}

fn mean(distances: &[u32]) -> f64 {
    distances.iter().map(|&bits| f64::from(bits)).sum::<f64>() / distances.len().max(1) as f64
}
