//! Segments, over bytes in memory and over a map of a file, alone and as a generation.

mod forge;

use std::fs;
use std::sync::LazyLock;

use saltprint_fingerprint::{
    Fingerprint, GlobalCode, Keypoint, LocalCode, LocalFeature, LocalFingerprint, Place, QueryFeature,
    Sharing,
};
use saltprint_index::{
    FlatGraph, GraphParams, GraphSearcher, IndexDir, IndexError, LocalLookup, Manifest, MappedFile, Month,
    Nearest, RecordFacts, Segment, SegmentEntry, SegmentId, SegmentRecord, SegmentWriter,
};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef, SubjectRef};

use crate::{patch, scratch};
use forge::Plain;

const EPOCH: EpochId = EpochId::from_bytes([5; 16]);
const SALT: [u8; 32] = [4; 32];
/// Rows of an opened segment that are looked at one by one.
const ROWS: u32 = 80;

static KEY: LazyLock<IndexKey> = LazyLock::new(|| IndexKey::from_secret(&[7; 32]));

/// Good segments, and what is in them.
static BASES: LazyLock<Vec<Plain>> = LazyLock::new(|| {
    [0, 3, 40].map(|count| Plain::of(write(&records(count), count > 3), &KEY)).into_iter().collect()
});

fn id() -> SegmentId {
    SegmentId::from_bytes([2; 16])
}

fn write(records: &[SegmentRecord], with_graph: bool) -> Vec<u8> {
    let codes: Vec<_> = records.iter().map(|record| record.fingerprint.global).collect();
    let params = GraphParams { neighbours: 4, ef_construction: 16 };
    let graph = if with_graph { FlatGraph::build(&codes, params).expect("a graph") } else { None };
    let mut bytes = Vec::new();
    SegmentWriter::new(&KEY, EPOCH, id(), SALT)
        .write(records, graph.as_ref(), &mut bytes)
        .expect("memory takes a segment");
    bytes
}

fn word(seed: u64) -> [u8; 32] {
    *blake3::hash(&seed.to_le_bytes()).as_bytes()
}

fn half(seed: u64) -> [u8; 16] {
    word(seed).first_chunk().copied().unwrap_or_default()
}

fn records(count: u8) -> Vec<SegmentRecord> {
    let feature = |seed: u64| LocalFeature {
        code: LocalCode::from_bytes(&half(seed)),
        place: Place { x: 900, y: 700, size: 40, angle: 3 },
        sharing: Sharing::default(),
    };
    let record = |number: u8| {
        let seed = u64::from(number);
        let mut facts = RecordFacts::new(ContentDigest::from_bytes(half(seed)));
        facts.source = (!number.is_multiple_of(3)).then(|| format!("source {}", number % 3));
        facts.captured = Month::from_index(1 + u16::from(number));
        facts.subject = (!number.is_multiple_of(2)).then(|| SubjectRef::from_bytes(half(seed + 1)));
        let features = (0..seed % 5).map(|i| feature(1000 * seed + i)).collect();
        let local = LocalFingerprint { width: 1024, height: 700, features };
        let fingerprint = Fingerprint::new(GlobalCode::from_bytes(&word(seed)), local);
        SegmentRecord { record_ref: RecordRef::from_bytes([number; 16]), facts, fingerprint }
    };
    (0..count).map(record).collect()
}

/// The first byte says what the rest is: a file as it is (0), changes to a sealed segment (1 to 3), or changes to what one
/// holds, sealed again (4 and up; from 10 on it is opened as a generation as well).
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let mode = mode % 16;
    let base = &BASES[usize::from(mode) % BASES.len()];
    match mode {
        0 => drop(Segment::open(rest, &KEY, EPOCH)),
        1..=3 => {
            let mut changed = base.sealed().to_vec();
            patch::apply(&mut changed, rest);
            let whole = changed == base.sealed();
            let over_memory = Segment::open(&changed[..], &KEY, EPOCH).and_then(|segment| segment.verify());
            assert_eq!(over_memory.is_ok(), whole, "a changed byte of a sealed segment");
            let over_map = mapped(&changed).map(|segment| segment.verify());
            assert_eq!(over_map.is_ok_and(|verified| verified.is_ok()), whole, "the same over a map");
        }
        _ => {
            let forged = base.changed(rest, &KEY);
            let first = tour(&forged);
            assert_eq!(first, tour(&forged), "one segment, two answers");
            if mode >= 10 {
                as_generation(&forged);
            }
        }
    }
}

fn mapped(bytes: &[u8]) -> Result<Segment<MappedFile>, IndexError> {
    let folder = scratch::folder();
    let path = folder.path().join("segment");
    fs::write(&path, bytes).expect("a scratch file");
    // The map outlives the file's name.
    Segment::open(MappedFile::open(&path)?, &KEY, EPOCH)
}

/// Everything that reads a segment; what it says is the same each time. Whatever verifies is written again as it was read.
fn tour(bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    let segment = match Segment::open(bytes, &KEY, EPOCH) {
        Ok(segment) => segment,
        Err(error) => return vec![error.to_string()],
    };
    let verified = segment.verify();
    said.push(format!("{verified:?}"));
    let mut nearest = [Nearest::new(4, 256), Nearest::new(1, 90)];
    let queries = [GlobalCode::from_bytes(&word(1)), GlobalCode::from_bytes(&[0; 32])];
    said.push(format!("{:?} {nearest:?}", segment.scan(0, &queries, &mut nearest)));
    let graph = GraphSearcher::new(&segment, 0, 20).and_then(|searcher| {
        // More than are searched side by side, and once more with what the first time left.
        let queries = queries.repeat(12);
        let mut nearest = vec![Nearest::new(4, 256); queries.len()];
        let Some(mut searcher) = searcher else { return Ok(nearest) };
        searcher.search(&queries, &mut nearest)?;
        searcher.search(&queries, &mut nearest)?;
        Ok(nearest)
    });
    said.push(format!("{graph:?}"));
    let mut read = Vec::new();
    for row in (0..segment.len()).take(ROWS as usize) {
        let record = segment.record(row);
        said.push(format!("{:?}", record.as_ref().map(|record| (record.record_ref, &record.facts))));
        read.extend(record.ok());
    }
    said.push(format!("{:?}", segment.find(RecordRef::from_bytes([9; 16]))));
    // Rows that do not exist are errors.
    assert!(segment.record_ref(segment.len()).is_err() && segment.record(u32::MAX).is_err());
    if verified.is_ok() && segment.len() <= ROWS {
        assert_eq!(read.len(), segment.len() as usize, "a row of a verified segment is not read");
        let again = write(&read, false);
        let again = Segment::open(&again[..], &KEY, EPOCH).expect("what was written opens");
        for (row, record) in (0..).zip(&read) {
            let written = again.record(row).expect("what was written is read");
            let same = written.record_ref == record.record_ref
                && written.facts == record.facts
                && written.fingerprint == record.fingerprint;
            assert!(same, "row {row} is written otherwise than it was read");
        }
    }
    said
}

/// The segment under a manifest that names it, with the searches that only a generation has.
fn as_generation(bytes: &[u8]) {
    let folder = scratch::folder();
    let dir = IndexDir::new(folder.path());
    fs::write(folder.path().join(id().file_name()), bytes).expect("a scratch file");
    let root = bytes.last_chunk().copied().unwrap_or_default();
    let records = bytes.get(80..84).and_then(|count| count.try_into().ok()).map_or(0, u32::from_le_bytes);
    let entry = SegmentEntry { id: id(), root, records, counted: 1, graph: None };
    let lock = dir.lock().expect("nobody else has this folder");
    let manifest = Manifest {
        generation: 1,
        epoch: EPOCH,
        created: 0,
        segments: vec![entry],
        background: saltprint_index::Background::default(),
        local_background: saltprint_index::LocalBackground::default(),
        negative: saltprint_index::NegativeBank::default(),
        census: saltprint_index::CensusId::default(),
        coverage: saltprint_index::Coverage::default(),
        erasures: 0,
        previous: None,
    };
    let Ok(generation) = dir.open_unpublished(&lock, manifest, &KEY, EPOCH) else { return };
    let keypoint = Keypoint { x: 1.0, y: 2.0, size: 3.0, angle: 0.5 };
    let feature = |seed| QueryFeature {
        code: LocalCode::from_bytes(&half(seed)),
        margins: [9; QueryFeature::MARGINS],
        keypoint,
    };
    let features: Vec<_> = (0..4).map(|i| feature(2000 + i)).collect();
    let found = generation.local_candidates(&[&features], &LocalLookup::default());
    for candidate in found.into_iter().flatten().flatten() {
        assert!(candidate.row < records && candidate.votes.is_finite(), "{candidate:?} of {records} rows");
    }
    let _ = generation.graph_search(&[GlobalCode::from_bytes(&word(1))], 20, 4, 256);
    let _ = generation.composition();
    let _ = generation.find(RecordRef::from_bytes([1; 16]));
    let _ = generation.verify(folder.path());
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mode = |mode: u8, script: &[u8]| [&[mode], script].concat();
    let mut seeds: Vec<_> = (0..16).map(|number| mode(number, &[])).collect();
    // Each field of the header, and the first row of each page.
    for at in [0, 8, 10, 12, 16, 48, 64, 80, 88, 96, 100, 104, 108, 112, 120, 128, 136] {
        seeds.push(mode(5, &patch::write(at, &[0xff; 2])));
        seeds.push(mode(1, &patch::flip(at, 0x10)));
    }
    for page in 0..12 {
        seeds.push(mode(12, &patch::write(4096 + page * 65_536, &[0xff; 4])));
        seeds.push(mode(8, &patch::write(4096 + page * 65_536, &[1; 8])));
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealing_by_the_document_is_sealing_by_the_program() {
        for base in &*BASES {
            assert!(base.changed(&[], &KEY) == base.sealed());
            assert_eq!(tour(base.sealed())[0], "Ok(())");
            // A salt of our own: every page is sealed anew.
            let moved = base.changed(&patch::write(16, &[8; 32]), &KEY);
            assert!(moved != base.sealed());
            assert_eq!(tour(&moved), tour(base.sealed()));
        }
    }
}
