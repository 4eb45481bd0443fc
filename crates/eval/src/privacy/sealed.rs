//! (f) What do the files of an index look like to somebody without keys?

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use saltprint::{RebuildOptions, rebuild};
use saltprint_index::IndexDir;
use saltprint_keys::{IndexKey, RecordRef};

use super::findings::{Cell, Finding, Measurement, PrivacyTable};
use super::stats;
use crate::EvalError;
use crate::pipeline::Built;
use crate::progress::{PipelineProgress, Progress};
use crate::vault::Documents;

/// Bytes of a segment before its first sealed page, and of another sealed file before its sealed part (FORMAT.md).
const SEGMENT_HEADER: usize = 4096;
const BLOB_HEADER: usize = 56;
/// Bytes of a block of the cipher.
const BLOCK: usize = 16;

const METHOD: &str = "The shipped rebuild makes two indexes of one vault, with the same keys and profile. What is sealed in segments, census and \
    manifest (without headers, which are public by format) should be evenly spread bytes; no 16-byte block should stand \
    twice, in one index or across both; and the order of records in a segment should say nothing about the order in which \
    the vault lists them. The profile is one sealed file that both copy, and the catalog is a database of keyed digests: neither \
    is among these files.";

pub(super) fn measure(
    built: &Built,
    documents: &Documents,
    progress: &dyn Progress,
) -> Result<Measurement, EvalError> {
    let mut measured = Measurement::new('f', "Sealed files", METHOD);
    let mut again = built.config.clone();
    again.index = built.config.index.with_extension("again");
    rebuild(&again, RebuildOptions::default(), &PipelineProgress(progress))?;

    let mut blocks = Blocks::default();
    let (mut files, mut sealed) = (0, Vec::new());
    for (number, index) in [&built.config.index, &again.index].into_iter().enumerate() {
        for part in sealed_parts(index)? {
            files += 1;
            blocks.add(&part, number);
            sealed.extend(part);
        }
    }
    let (entropy, fit) = spread(&sealed);
    measured.findings.push(Finding::at_most(
        "frequencies of bytes against equal ones, chi-square",
        fit,
        stats::chi_square_bound(255.0, stats::CLAIM),
        "1 in a million (chi-square of 255 degrees)",
    ));
    measured.findings.push(Finding::at_most(
        "16-byte blocks that stand twice",
        blocks.twice as f64,
        0.0,
        "none may, but with a chance of about 2^-100",
    ));
    let order = order(built, documents)?;
    let correlation = stats::rank_correlation(&order);
    measured.findings.push(Finding::at_most(
        "rank correlation of the order in the file with the order of the list",
        correlation.abs(),
        stats::two_sided(stats::CLAIM) / (order.len().max(2) as f64 - 1.0).sqrt(),
        "1 in a million (normal law of Spearman's coefficient)",
    ));
    let mut table = PrivacyTable::new(
        "Both builds together",
        &[
            "records",
            "sealed files",
            "sealed bytes",
            "bits of entropy a byte",
            "blocks",
            "twice within one build",
            "across builds",
            "rank correlation",
        ],
    );
    table.rows.push(vec![
        Cell::count(order.len()),
        Cell::count(files),
        Cell::count(sealed.len()),
        Cell::Number(entropy, 6),
        Cell::count(blocks.seen.len()),
        Cell::count(blocks.within),
        Cell::count(blocks.twice - blocks.within),
        Cell::Number(correlation, 4),
    ]);
    measured.tables.push(table);
    Ok(measured)
}

/// What is sealed in each sealed file of an index folder.
fn sealed_parts(index: &Path) -> Result<Vec<Vec<u8>>, EvalError> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(index).map_err(EvalError::io("list", index))? {
        let path = entry.map_err(EvalError::io("list", index))?.path();
        let name = path.file_name().unwrap_or_default();
        let header = match path.extension().and_then(|extension| extension.to_str()) {
            Some("seg") => SEGMENT_HEADER,
            Some("cen") => BLOB_HEADER,
            None if name == "MANIFEST" => BLOB_HEADER,
            Some(_) | None => continue,
        };
        let bytes = fs::read(&path).map_err(EvalError::io("read", &path))?;
        parts.push(bytes.get(header..).unwrap_or_default().to_vec());
    }
    Ok(parts)
}

/// Blocks seen so far, with the index that each was first seen in.
#[derive(Default)]
struct Blocks {
    seen: HashMap<[u8; BLOCK], usize>,
    twice: usize,
    within: usize,
}

impl Blocks {
    fn add(&mut self, bytes: &[u8], index: usize) {
        for block in bytes.as_chunks::<BLOCK>().0 {
            if let Some(first) = self.seen.insert(*block, index) {
                self.twice += 1;
                self.within += usize::from(first == index);
            }
        }
    }
}

/// Entropy of single bytes in bits, and the chi-square of their frequencies against equal ones.
fn spread(bytes: &[u8]) -> (f64, f64) {
    let mut counts = [0_u64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = bytes.len().max(1) as f64;
    let expected = all / 256.0;
    counts.iter().fold((0.0, 0.0), |(entropy, fit), &count| {
        let share = count as f64 / all;
        let part = if count > 0 { -share * share.log2() } else { 0.0 };
        (entropy + part, fit + (count as f64 - expected).powi(2) / expected)
    })
}

/// For each record in the order of the segments, its rank in the vault's list.
fn order(built: &Built, documents: &Documents) -> Result<Vec<usize>, EvalError> {
    let index_key: IndexKey = built.config.load_key()?;
    let generation = IndexDir::new(&built.config.index)
        .open(&index_key, built.rebuilt.epoch)
        .map_err(saltprint::Error::from)?;
    let listed: HashMap<RecordRef, usize> = documents
        .kept
        .iter()
        .enumerate()
        .map(|(rank, holding)| (built.refs.record_ref(&holding.entry.record_id), rank))
        .collect();
    let mut ranks = Vec::new();
    for segment in generation.segments() {
        for row in 0..segment.len() {
            let record = segment.record_ref(row).map_err(saltprint::Error::from)?;
            ranks.extend(listed.get(&record));
        }
    }
    // What was not indexed leaves gaps: ranks among those that were.
    let held: HashSet<usize> = ranks.iter().copied().collect();
    let mut sorted: Vec<usize> = held.into_iter().collect();
    sorted.sort_unstable();
    Ok(ranks.iter().filter_map(|rank| sorted.binary_search(rank).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_repeat_are_counted_by_where() {
        let mut blocks = Blocks::default();
        blocks.add(&[1; 40], 0);
        blocks.add(&[1; 16], 1);
        blocks.add(&[2; 16], 1);
        assert_eq!((blocks.within, blocks.twice, blocks.seen.len()), (1, 2, 2));
    }

    #[test]
    fn even_bytes_have_eight_bits() {
        let even: Vec<u8> = (0..=255).cycle().take(2560).collect();
        let (entropy, fit) = spread(&even);
        assert!((entropy - 8.0).abs() < 1e-9 && fit < 1e-9);
        let (entropy, fit) = spread(&[7; 2560]);
        assert!(entropy < 1e-9 && fit > stats::chi_square_bound(255.0, stats::CLAIM));
    }
}
