//! Recall against the exact scan, connectivity, validity.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use saltprint_fingerprint::{Fingerprint, GlobalCode};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};
use zeroize::Zeroizing;

use super::{FlatGraph, GraphParams, GraphSearcher};
use crate::{IndexError, Nearest, RecordFacts, Segment, SegmentId, SegmentRecord, SegmentWriter};

/// Codes with about 64 effective dimensions: each is 64 random signs, mixed to 256 by fixed sums of three.
fn codes(count: u32, seed: &[u8]) -> Vec<GlobalCode> {
    (0..count)
        .map(|index| {
            let hash = blake3::Hasher::new().update(seed).update(&index.to_le_bytes()).finalize();
            let bit = |at: usize| hash.as_bytes()[at / 8] >> (at % 8) & 1;
            let mut bytes = [0_u8; 32];
            for at in 0..256 {
                let sum = bit(at % 64) + bit((at * 7 + 3) % 64) + bit((at * 11 + 5) % 64);
                bytes[at / 8] |= u8::from(sum >= 2) << (at % 8);
            }
            GlobalCode::from_bytes(&bytes)
        })
        .collect()
}

fn segment(codes: &[GlobalCode], graph: &FlatGraph) -> Segment<Vec<u8>> {
    let records: Vec<SegmentRecord> = (0_u32..)
        .zip(codes)
        .map(|(index, code)| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&index.to_be_bytes());
            SegmentRecord {
                record_ref: RecordRef::from_bytes(id),
                facts: RecordFacts::new(ContentDigest::from_bytes(id)),
                fingerprint: Fingerprint::from_global(*code),
            }
        })
        .collect();
    let key = IndexKey::from_secret(&[7; 32]);
    let epoch = EpochId::from_bytes([5; 16]);
    let mut bytes = Vec::new();
    SegmentWriter::new(&key, epoch, SegmentId::from_bytes([2; 16]), [4; 32])
        .write(&records, Some(graph), &mut bytes)
        .unwrap();
    Segment::open(bytes, &key, epoch).unwrap()
}

#[test]
fn the_same_codes_give_the_same_graph() {
    let codes = codes(500, b"same");
    let build = || FlatGraph::build(&codes, GraphParams::default()).unwrap();
    assert_eq!(build(), build());
}

#[test]
fn recall_against_the_exact_scan() {
    let codes = codes(3_000, b"recall");
    let graph = FlatGraph::build(&codes, GraphParams::default()).unwrap().unwrap();
    let segment = segment(&codes, &graph);
    segment.verify().unwrap();
    let quality = crate::generation::measure_graph(&segment, 64).unwrap();
    assert_eq!(quality.queries, 256);
    assert!(quality.recall() >= 0.97, "recall {}", quality.recall());
}

/// Algorithms 2 and 5 of the paper to the letter, with two heaps: distances and rows of the `ef` best, nearest first.
fn by_the_paper(
    segment: &Segment<Vec<u8>>,
    codes: &[GlobalCode],
    query: &GlobalCode,
    ef: usize,
) -> Vec<(u32, u32)> {
    let graph = segment.graph().unwrap().unwrap();
    let at = |row: u32| (query.distance(&codes[row as usize]), row);
    let around = |level: u32, node: u32| {
        let mut rows = Vec::new();
        if level == 0 {
            let mut links = Zeroizing::default();
            graph.base_links(segment, &[node], &mut links).unwrap();
            graph.neighbours(&links, |row| rows.push(row)).unwrap();
        } else {
            graph.upper_neighbours((level, node), |row| rows.push(row)).unwrap();
        }
        rows
    };
    let mut best = at(graph.entry);
    for level in (1..=graph.top_level).rev() {
        while let Some(next) =
            around(level, best.1).into_iter().map(at).min().filter(|nearest| *nearest < best)
        {
            best = next;
        }
    }
    let mut visited = HashSet::from([best.1]);
    let (mut open, mut found) = (BinaryHeap::from([Reverse(best)]), BinaryHeap::from([best]));
    while let Some(Reverse(nearest)) = open.pop() {
        if found.len() >= ef && nearest > *found.peek().unwrap() {
            break;
        }
        for row in around(0, nearest.1) {
            if visited.insert(row) && (found.len() < ef || at(row) < *found.peek().unwrap()) {
                open.push(Reverse(at(row)));
                found.push(at(row));
                if found.len() > ef {
                    found.pop();
                }
            }
        }
    }
    found.into_sorted_vec()
}

#[test]
fn a_walk_finds_what_the_paper_says() {
    let codes = codes(2_000, b"paper");
    let graph = FlatGraph::build(&codes, GraphParams { neighbours: 5, ..GraphParams::default() });
    let segment = segment(&codes, &graph.unwrap().unwrap());
    let queries: Vec<GlobalCode> =
        self::codes(40, b"asked").into_iter().chain(codes[..10].to_vec()).collect();
    for ef in [1, 2, 16, 100] {
        let mut nearest = vec![Nearest::new(ef, 256); queries.len()];
        GraphSearcher::new(&segment, 0, ef).unwrap().unwrap().search(&queries, &mut nearest).unwrap();
        for (query, nearest) in queries.iter().zip(&nearest) {
            let found: Vec<(u32, u32)> = nearest.hits().iter().map(|hit| (hit.distance, hit.row)).collect();
            assert_eq!(found, by_the_paper(&segment, &codes, query, ef));
        }
    }
}

/// More queries than are searched side by side, so that some begin where others have ended.
#[test]
fn what_is_found_for_a_query_does_not_depend_on_the_others() {
    let codes = codes(2_000, b"together");
    let graph = FlatGraph::build(&codes, GraphParams::default()).unwrap().unwrap();
    let segment = segment(&codes, &graph);
    let queries: Vec<GlobalCode> = codes.iter().step_by(37).copied().collect();
    let mut searcher = GraphSearcher::new(&segment, 3, 20).unwrap().unwrap();
    let mut together = vec![Nearest::new(20, 256); queries.len()];
    searcher.search(&queries, &mut together).unwrap();
    for (query, together) in queries.iter().zip(&together) {
        let mut alone = [Nearest::new(20, 256)];
        searcher.search(&[*query], &mut alone).unwrap();
        assert_eq!(alone[0].hits(), together.hits());
        assert_eq!((together.hits()[0].distance, together.hits()[0].segment), (0, 3));
        assert_eq!(together.hits().len(), 20);
    }
    searcher.search(&[], &mut []).unwrap();
}

/// A wide enough search meets every record, so each is reachable from the entry.
#[test]
fn every_record_is_reachable() {
    let codes = codes(1_000, b"reach");
    let graph = FlatGraph::build(&codes, GraphParams::default()).unwrap().unwrap();
    let segment = segment(&codes, &graph);
    let mut searcher = GraphSearcher::new(&segment, 0, codes.len()).unwrap().unwrap();
    let mut nearest = [Nearest::new(codes.len(), 256)];
    searcher.search(&codes[..1], &mut nearest).unwrap();
    let rows: HashSet<u32> = nearest[0].hits().iter().map(|hit| hit.row).collect();
    assert_eq!(rows.len(), codes.len());
}

#[test]
fn tiny_and_degenerate_sets() {
    let code = GlobalCode::from_bytes(&[1; 32]);
    assert_eq!(FlatGraph::build(&[], GraphParams::default()).unwrap(), None);
    assert_eq!(FlatGraph::build(&[code], GraphParams::default()).unwrap(), None);
    // All equal: every row is as near as the nearest.
    let equal = vec![code; 40];
    let graph = FlatGraph::build(&equal, GraphParams::default()).unwrap().unwrap();
    let segment = segment(&equal, &graph);
    segment.verify().unwrap();
    let mut searcher = GraphSearcher::new(&segment, 0, 8).unwrap().unwrap();
    let mut nearest = [Nearest::new(1, 256)];
    searcher.search(&[code], &mut nearest).unwrap();
    assert_eq!(nearest[0].hits()[0].distance, 0);
}

#[test]
fn parameters_out_of_range_are_refused() {
    let codes = codes(3, b"range");
    for params in [
        GraphParams { neighbours: 3, ..GraphParams::default() },
        GraphParams { neighbours: 65, ..GraphParams::default() },
        GraphParams { ef_construction: 15, ..GraphParams::default() },
    ] {
        assert!(matches!(FlatGraph::build(&codes, params), Err(IndexError::Inconsistent { .. })));
    }
}
