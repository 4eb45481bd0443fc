//! Writing one segment: graph, bytes, check by re-opening, and only then its name.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use saltprint_fingerprint::GlobalCode;
use saltprint_keys::{EpochId, IndexKey, system_random};
use zeroize::{Zeroize as _, Zeroizing};

use crate::generation::dir::{IndexDir, RebuildLock};
use crate::generation::manifest::{GraphQuality, SegmentEntry};
use crate::map::Pace;
use crate::{
    FlatGraph, GraphParams, GraphSearcher, IndexError, MappedFile, Nearest, Segment, SegmentId,
    SegmentRecord, SegmentWriter,
};

/// Queries planted to measure a graph.
const PLANTED_QUERIES: u32 = 256;
/// Bits flipped in each: a tenth, what an altered copy typically shows.
const PLANTED_FLIPS: usize = 26;

/// When a segment gets a graph.
#[derive(Debug, Clone, Copy)]
pub struct GraphPolicy {
    /// Fewer records than this have none: the exact scan is faster.
    pub min_records: usize,
    /// Recall against the exact scan below which the graph is left out, 0 to 1.
    pub floor: f64,
    /// Candidates kept while searching.
    pub ef: usize,
    /// How to build.
    pub params: GraphParams,
}

impl Default for GraphPolicy {
    fn default() -> Self {
        Self { min_records: 1_000_000, floor: 0.9, ef: 64, params: GraphParams::default() }
    }
}

/// A segment on disk that no manifest names yet.
#[derive(Debug, Clone)]
pub struct WrittenSegment {
    /// For the manifest.
    pub entry: SegmentEntry,
    /// Quality of a graph that was built but left out for being under the floor.
    pub rejected_graph: Option<GraphQuality>,
}

impl IndexDir {
    /// Writes `records` (sorted by ref) as a new segment: builds the graph that `policy` asks for, writes under a
    /// temporary name, re-opens and verifies every page and row, compares each row with what was to be written,
    /// measures the graph, and then gives the file its name. How many records were counted to select what is in them is for the caller to say.
    ///
    /// # Errors
    /// Those of [`SegmentWriter::write`] and [`Segment::verify`]; [`IndexError::Io`]; [`IndexError::Random`].
    pub fn write_segment(
        &self,
        _lock: &RebuildLock,
        key: &IndexKey,
        epoch: EpochId,
        records: &[SegmentRecord],
        policy: &GraphPolicy,
    ) -> Result<WrittenSegment, IndexError> {
        let mut graph = None;
        if records.len() >= policy.min_records.max(2) {
            let mut codes: Vec<GlobalCode> = records.iter().map(|record| record.fingerprint.global).collect();
            graph = FlatGraph::build(&codes, policy.params)?;
            codes.zeroize();
        }
        let written = self.write_checked(key, epoch, records, graph.as_ref(), policy)?;
        match written.entry.graph {
            Some(quality) if quality.recall() < policy.floor => {
                let plain = self.write_checked(key, epoch, records, None, policy)?;
                // The file with the graph has a name but is in no manifest: garbage of this rebuild.
                Ok(WrittenSegment { rejected_graph: Some(quality), ..plain })
            }
            Some(_) | None => Ok(written),
        }
    }

    fn write_checked(
        &self,
        key: &IndexKey,
        epoch: EpochId,
        records: &[SegmentRecord],
        graph: Option<&FlatGraph>,
        policy: &GraphPolicy,
    ) -> Result<WrittenSegment, IndexError> {
        let mut random = [0; 48];
        system_random(&mut random).map_err(IndexError::Random)?;
        let (mut id, mut salt) = ([0; 16], [0; 32]);
        id.copy_from_slice(&random[..16]);
        salt.copy_from_slice(&random[16..]);
        let id = SegmentId::from_bytes(id);

        let (path, file) = self.create_temporary(&id.file_name())?;
        let mut out = BufWriter::new(file);
        let root = SegmentWriter::new(key, epoch, id, salt).write(records, graph, &mut out)?;
        out.flush().map_err(IndexError::Write)?;
        out.get_ref().sync_all().map_err(IndexError::io("sync", &path))?;
        drop(out);

        let quality = check(&path, key, epoch, records, policy.ef)?;
        self.give_name(&path, &id.file_name())?;
        let records = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let entry = SegmentEntry { id, root, records, counted: 0, graph: quality };
        Ok(WrittenSegment { entry, rejected_graph: None })
    }
}

/// Re-opens a written segment, verifies it, and finds each record in it by its ref, with its facts and fingerprint.
fn check(
    path: &Path,
    key: &IndexKey,
    epoch: EpochId,
    records: &[SegmentRecord],
    ef: usize,
) -> Result<Option<GraphQuality>, IndexError> {
    let segment = Segment::open(MappedFile::open(path)?, key, epoch)?;
    segment.verify_letting_go()?;
    let lost = IndexError::inconsistent("segment", "a record does not come back as it was written");
    if segment.len() as usize != records.len() {
        return Err(lost);
    }
    let mut let_go = || segment.let_go();
    let mut pace = Pace::new(&mut let_go);
    for (row, record) in (0_u32..).zip(records) {
        pace.read(segment.a_record());
        if segment.find(record.record_ref)? != Some(row) {
            return Err(lost);
        }
        let stored = segment.record(row)?;
        if stored.record_ref != record.record_ref
            || stored.fingerprint != record.fingerprint
            || stored.facts != record.facts
        {
            return Err(lost);
        }
    }
    if segment.has_graph() { measure_graph(&segment, ef).map(Some) } else { Ok(None) }
}

/// Recall on planted queries: codes of evenly spread records with bits flipped at fixed pseudo-random places.
pub(crate) fn measure_graph<B: AsRef<[u8]>>(
    segment: &Segment<B>,
    ef: usize,
) -> Result<GraphQuality, IndexError> {
    let Some(mut searcher) = GraphSearcher::new(segment, 0, ef)? else {
        return Ok(GraphQuality { queries: 0, found: 0 });
    };
    let count = PLANTED_QUERIES.min(segment.len());
    let mut queries = Zeroizing::new(Vec::with_capacity(PLANTED_QUERIES as usize));
    for index in 0..count {
        let row = u64::from(index) * u64::from(segment.len()) / u64::from(count);
        queries.push(plant(segment.code(u32::try_from(row).unwrap_or(0))?, index));
    }
    let mut exact = vec![Nearest::new(1, GlobalCode::BITS); queries.len()];
    segment.scan(0, &queries, &mut exact)?;
    let mut approximate = vec![Nearest::new(1, GlobalCode::BITS); queries.len()];
    searcher.search(&queries, &mut approximate)?;
    let distance = |nearest: &Nearest| nearest.hits().first().map(|hit| hit.distance);
    let agree = approximate.iter().zip(&exact).map(|(a, b)| u32::from(distance(a) == distance(b)));
    let found = agree.sum();
    Ok(GraphQuality { queries: count, found })
}

/// Flips [`PLANTED_FLIPS`] distinct bits chosen by a public generator.
fn plant(code: GlobalCode, seed: u32) -> GlobalCode {
    let mut bits = blake3::Hasher::new().update(b"planted").update(&seed.to_le_bytes()).finalize_xof();
    let mut flips = [0_u8; 32];
    let mut flipped = 0;
    while flipped < PLANTED_FLIPS {
        let mut place = [0];
        bits.fill(&mut place);
        let (byte, bit) = (usize::from(place[0] / 8), 1 << (place[0] % 8));
        flipped += usize::from(flips[byte] & bit == 0);
        flips[byte] |= bit;
    }
    let mut bytes = code.to_bytes();
    bytes.iter_mut().zip(flips).for_each(|(byte, flip)| *byte ^= flip);
    let planted = GlobalCode::from_bytes(&bytes);
    bytes.zeroize();
    planted
}
