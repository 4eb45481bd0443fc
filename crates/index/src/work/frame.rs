//! One fingerprint as a work file holds it.

use saltprint_fingerprint::{Fingerprint, GlobalCode, LocalFingerprint};
use saltprint_keys::{
    BlobFormat, ContentDigest, EpochId, IndexKey, RecordRef, Sealing, SubjectRef, system_random,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::format::{LOCAL_FEATURE_ROW_LEN, WORK_MAGIC, WORK_VERSION};
use crate::local::{read_feature, write_feature};
use crate::{IndexError, Month, RecordFacts, SegmentRecord, codec};

const FORMAT: BlobFormat = BlobFormat { magic: WORK_MAGIC, version: WORK_VERSION };

/// A record with its whole pool of local features, before it is sealed.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Frame {
    epoch: [u8; 16],
    record_ref: [u8; 16],
    content: [u8; 16],
    subject: Option<[u8; 16]>,
    captured: u16,
    source: Option<String>,
    kind: Option<String>,
    global: [u8; GlobalCode::BYTES],
    width: u16,
    height: u16,
    /// Rows as in the section of local features.
    features: Vec<u8>,
}

/// Seals a record of `epoch`.
///
/// # Errors
/// [`IndexError::Random`], [`IndexError::Inconsistent`] where it is too large to encode.
pub(super) fn seal(key: &IndexKey, epoch: EpochId, record: &SegmentRecord) -> Result<Vec<u8>, IndexError> {
    let SegmentRecord { record_ref, facts, fingerprint } = record;
    let mut features = vec![0; fingerprint.local.features.len() * LOCAL_FEATURE_ROW_LEN];
    for (feature, row) in
        fingerprint.local.features.iter().zip(features.chunks_exact_mut(LOCAL_FEATURE_ROW_LEN))
    {
        write_feature(feature, row);
    }
    let frame = Frame {
        epoch: *epoch.as_bytes(),
        record_ref: *record_ref.as_bytes(),
        content: *facts.content.as_bytes(),
        subject: facts.subject.map(|subject| *subject.as_bytes()),
        captured: facts.captured.map_or(0, |month| month.index().get()),
        source: facts.source.clone(),
        kind: facts.kind.clone(),
        global: fingerprint.global.to_bytes(),
        width: fingerprint.local.width,
        height: fingerprint.local.height,
        features,
    };
    let plain = Zeroizing::new(codec::encode("work", &frame)?);
    let mut salt = [0; 32];
    system_random(&mut salt).map_err(IndexError::Random)?;
    Ok(Sealing::WORK.seal(key, FORMAT, &[], &plain, salt))
}

/// Opens what [`seal`] made: the epoch and the record.
///
/// # Errors
/// [`IndexError::Work`] where it does not authenticate under the key, [`IndexError::Inconsistent`].
pub(super) fn open(key: &IndexKey, sealed: &[u8]) -> Result<(EpochId, SegmentRecord), IndexError> {
    let plain = Sealing::WORK.open(key, FORMAT, &[], sealed).map_err(IndexError::Work)?;
    let wrong = |reason| IndexError::inconsistent("work", reason);
    let frame: Frame = codec::decode("work", &plain)?;
    let (rows, rest) = frame.features.as_chunks::<LOCAL_FEATURE_ROW_LEN>();
    if !rest.is_empty() {
        return Err(wrong("a part of a feature"));
    }
    let mut facts = RecordFacts::new(ContentDigest::from_bytes(frame.content));
    facts.subject = frame.subject.map(SubjectRef::from_bytes);
    facts.source.clone_from(&frame.source);
    facts.kind.clone_from(&frame.kind);
    facts.captured = match frame.captured {
        0 => None,
        index => Some(Month::from_index(index).ok_or(wrong("month out of range"))?),
    };
    let local = LocalFingerprint {
        width: frame.width,
        height: frame.height,
        features: rows.iter().map(read_feature).collect(),
    };
    let record = SegmentRecord {
        record_ref: RecordRef::from_bytes(frame.record_ref),
        facts,
        fingerprint: Fingerprint::new(GlobalCode::from_bytes(&frame.global), local),
    };
    Ok((EpochId::from_bytes(frame.epoch), record))
}
