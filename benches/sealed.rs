//! A sealed segment in memory, for the benches that search one.

use saltprint_fingerprint::{Fingerprint, GlobalCode};
use saltprint_index::{FlatGraph, RecordFacts, Segment, SegmentId, SegmentRecord, SegmentWriter};
use saltprint_keys::{ContentDigest, EpochId, IndexKey, RecordRef};

/// A segment whose record `i` has the code `codes[i]`.
pub(crate) fn segment(codes: &[GlobalCode], graph: Option<&FlatGraph>) -> Segment<Vec<u8>> {
    let records: Vec<SegmentRecord> = (0_u32..)
        .zip(codes)
        .map(|(number, code)| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            SegmentRecord {
                record_ref: RecordRef::from_bytes(id),
                facts: RecordFacts::new(ContentDigest::from_bytes(id)),
                fingerprint: Fingerprint::from_global(*code),
            }
        })
        .collect();
    let key = IndexKey::from_secret(&[7; 32]);
    let epoch = EpochId::from_bytes([1; 16]);
    let mut bytes = Vec::new();
    SegmentWriter::new(&key, epoch, SegmentId::from_bytes([2; 16]), [3; 32])
        .write(&records, graph, &mut bytes)
        .expect("the records are sorted");
    Segment::open(bytes, &key, epoch).expect("just written")
}
