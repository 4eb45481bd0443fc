//! (c) What does somebody find who asks with the wrong key?

use rayon::prelude::*;
use saltprint_fingerprint::{GlobalCode, Readout};
use saltprint_matching::{Band, DecisionRule};

use super::bar;
use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::keyring::Under;
use super::material::{Material, codes};
use super::stats;

const METHOD: &str = "The vault's codes are made under one key, the attackers' under others; each of their codes is a query, and its \
    nearest and second nearest record go through the shipped decision rule, with lines measured on the vault's own strangers. \
    Any match, in whatever band, is a hit.";

/// Bins of the chi-square test, about equally likely under the binomial law of 256 fair coins.
const BINS: usize = 10;

/// What came of the queries of one wrong key.
struct Asked {
    hits: u64,
    strong: u64,
    nearest: u32,
    sum: f64,
    square: f64,
}

pub(super) fn measure(material: &Material, keyring: &[Under]) -> Measurement {
    let mut measured = Measurement::new('c', "Asking with the wrong key", METHOD);
    let right = material.shared_coder(Readout::LINEAR, 0);
    let vault = codes(&material.vault, &right);
    let rule = bar::rule(&vault, &codes(&material.crowd[..material.crowd.len().min(2000)], &right));
    let asked: Vec<Asked> = keyring.par_iter().map(|under| ask(&under.whole, &vault, &rule)).collect();
    let queries = keyring.iter().map(|under| under.whole.len()).sum::<usize>();
    let (hits, strong) = asked.iter().fold((0, 0), |sum, one| (sum.0 + one.hits, sum.1 + one.strong));
    let distances = queries as f64 * vault.len() as f64;
    let nearest = asked.iter().map(|one| one.nearest).min().unwrap_or(256);
    measured.findings.push(Finding::at_most("hits in any band", hits as f64, 0.0, "none may be"));
    let least = stats::fewest_heads(256, distances);
    measured.findings.push(Finding::at_most(
        "bits by which the nearest of all is nearer than chance explains",
        f64::from(least.saturating_sub(nearest)),
        0.0,
        "1 in a million for all distances together (binomial law of 256 fair coins, union bound)",
    ));
    let singles: Vec<u32> = keyring
        .iter()
        .enumerate()
        .filter_map(|(key, under)| {
            Some(under.whole.get(key % under.whole.len().max(1))?.distance(vault.get(key % vault.len())?))
        })
        .collect();
    let (fit, freedom) = binomial_fit(&singles);
    measured.findings.push(Finding::at_most(
        "distances against the binomial law, one a key, chi-square",
        fit,
        stats::chi_square_bound(freedom, stats::CLAIM),
        "1 in a million (chi-square)",
    ));
    let mean = asked.iter().map(|one| one.sum).sum::<f64>() / distances;
    let square = asked.iter().map(|one| one.square).sum::<f64>() / distances;
    let mut table = PrivacyTable::new(
        "Queries with a wrong key",
        &[
            "queries",
            "wrong keys",
            "records",
            "hits",
            "strong",
            "distance, mean",
            "deviation",
            "nearest",
            "fair coins: mean",
            "deviation",
            "nearest, at least",
        ],
    );
    table.rows.push(vec![
        Cell::count(queries),
        Cell::count(keyring.len()),
        Cell::count(vault.len()),
        Cell::Count(hits),
        Cell::Count(strong),
        Cell::Number(mean, 3),
        Cell::Number((square - mean * mean).max(0.0).sqrt(), 3),
        Cell::Count(nearest.into()),
        Cell::Number(128.0, 0),
        Cell::Number(8.0, 0),
        Cell::Count(least.into()),
    ]);
    measured.tables.push(table);
    let upper = saltprint::Share::new(hits, queries as u64).high;
    measured.findings.push(Finding::stated(
        "upper bound on the chance of a hit a query",
        upper,
        "95 %, Clopper-Pearson, as if queries were independent; each asks one orientation",
    ));
    measured
}

fn ask(queries: &[GlobalCode], vault: &[GlobalCode], rule: &DecisionRule) -> Asked {
    let mut asked = Asked { hits: 0, strong: 0, nearest: 256, sum: 0.0, square: 0.0 };
    for query in queries {
        let (mut nearest, mut rival) = (256, 256);
        for record in vault {
            let distance = query.distance(record);
            asked.sum += f64::from(distance);
            asked.square += f64::from(distance * distance);
            if distance < nearest {
                (nearest, rival) = (distance, nearest);
            } else if distance < rival {
                rival = distance;
            }
        }
        asked.nearest = asked.nearest.min(nearest);
        let band = rule.decide(nearest, &[rival]).band;
        asked.hits += u64::from(band.is_some());
        asked.strong += u64::from(band == Some(Band::Strong));
    }
    asked
}

/// Chi-square of distances against the binomial law of 256 fair coins, and its degrees of freedom.
fn binomial_fit(distances: &[u32]) -> (f64, f64) {
    let count = distances.len() as f64;
    let (mut fit, mut from, mut below, mut bins) = (0.0, 0, 0.0, 0.0);
    for bin in 1..=BINS {
        let share = bin as f64 / BINS as f64;
        let to = if bin == BINS {
            256
        } else {
            (0..256).find(|bits| stats::fair_at_most(*bits, 256) >= share).unwrap_or(256)
        };
        let upto = if bin == BINS { 1.0 } else { stats::fair_at_most(to, 256) };
        let expected = (upto - below) * count;
        let seen = distances.iter().filter(|bits| (from..=to).contains(*bits)).count() as f64;
        if expected > 0.0 {
            fit += (seen - expected).powi(2) / expected;
            bins += 1.0;
        }
        (from, below) = (to + 1, upto);
    }
    (fit, bins - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_law_fits_itself_and_nothing_else() {
        // As many of each distance as the law says.
        let share = |bits: u32| {
            stats::fair_at_most(bits, 256)
                - bits.checked_sub(1).map_or(0.0, |less| stats::fair_at_most(less, 256))
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        let copies = |bits: u32| (share(bits) * 10_000.0).round() as usize;
        let law: Vec<u32> = (0..=256).flat_map(|bits| std::iter::repeat_n(bits, copies(bits))).collect();
        let (fit, freedom) = binomial_fit(&law);
        assert!(fit < 1.0 && (freedom - 9.0).abs() < 1e-9, "{fit} {freedom}");
        let moved: Vec<u32> = law.iter().map(|bits| bits - 2).collect();
        assert!(binomial_fit(&moved).0 > stats::chi_square_bound(9.0, stats::CLAIM));
    }
}
