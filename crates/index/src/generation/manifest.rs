//! The manifest: what a generation is made of.

use std::fmt;

use saltprint_keys::{BlobFormat, EpochId, IndexKey, SealError, Sealing};

use crate::format::{MANIFEST_MAGIC, MANIFEST_VERSION};
use crate::generation::dir::CENSUS_SUFFIX;
use crate::{Background, IndexError, LocalBackground, NegativeBank, SegmentId, codec};

const FORMAT: BlobFormat = BlobFormat { magic: MANIFEST_MAGIC, version: MANIFEST_VERSION };

/// Names a generation's segments and holds what was measured when it was built.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// Counts up with each publication, from 1.
    pub generation: u64,
    /// Epoch of all codes.
    pub epoch: EpochId,
    /// When it was built, seconds since 1970.
    pub created: u64,
    /// The segments, in the order that gives them their numbers.
    pub segments: Vec<SegmentEntry>,
    /// Background of impostors.
    pub background: Background,
    /// Background of the local tier.
    pub local_background: LocalBackground,
    /// What is never evidence.
    pub negative: NegativeBank,
    /// Names the census of local features that the segments were selected by.
    pub census: CensusId,
    /// What the rebuild saw.
    pub coverage: Coverage,
    /// How many entries of the list of erasures were applied: what they name is in no segment. Later entries are applied
    /// when the index is asked.
    pub erasures: u64,
    /// The epoch before this one, while it still answers.
    pub previous: Option<PreviousEpoch>,
}

/// The epoch before, which answers beside the present one for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PreviousEpoch {
    /// Its name.
    pub epoch: EpochId,
    /// Number of its last generation: an older one of the same epoch, put in its place, is not taken for it.
    pub generation: u64,
    /// Until when it answers, seconds since 1970.
    pub until: u64,
}

/// Random name of a census file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CensusId([u8; 16]);

impl CensusId {
    /// Wraps 16 random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Name of the file within the index folder.
    pub fn file_name(&self) -> String {
        format!("{self}{CENSUS_SUFFIX}")
    }
}

impl fmt::Display for CensusId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One segment of a generation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SegmentEntry {
    /// Names the file.
    pub id: SegmentId,
    /// Root of the file; binds the manifest to exactly these bytes.
    pub root: [u8; 32],
    /// Number of records.
    pub records: u32,
    /// Records that had been fingerprinted when the segment was written: as of then it is known how many share a feature.
    pub counted: u64,
    /// How well the graph does, where the segment has one.
    pub graph: Option<GraphQuality>,
}

/// Recall of a segment's graph against the exact scan, on planted queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GraphQuality {
    /// Planted queries: codes of records with a tenth of their bits flipped.
    pub queries: u32,
    /// Of these, how many times the graph found a record as near as the nearest.
    pub found: u32,
}

impl GraphQuality {
    /// Share found, 0 to 1.
    pub fn recall(self) -> f64 {
        if self.queries == 0 { 0.0 } else { f64::from(self.found) / f64::from(self.queries) }
    }
}

/// Totals of the inputs of the rebuild: what a "not ours" rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Coverage {
    /// Records with a fingerprint of their own bytes.
    pub indexed: u64,
    /// Records whose bytes equal another record's; they have a row of their own, with the same code.
    pub duplicate: u64,
    /// Images without enough structure.
    pub too_plain: u64,
    /// Inputs that did not decode or could not be read.
    pub unreadable: u64,
    /// Inputs over a limit or outside the rules.
    pub refused: u64,
    /// Inputs that were erased and are still in the vault. No outcome of an input: nothing was looked at.
    pub erased: u64,
}

impl Coverage {
    /// All inputs but the erased ones. Counts that were read may be any, so sums stop at the largest number.
    pub fn total(&self) -> u64 {
        self.rejected().saturating_add(self.indexed).saturating_add(self.duplicate)
    }

    /// Inputs that are not in the index.
    pub fn rejected(&self) -> u64 {
        self.too_plain.saturating_add(self.unreadable).saturating_add(self.refused)
    }
}

impl Manifest {
    /// Number of records.
    pub fn records(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.records)).sum()
    }

    /// Digest over ids and roots of the segments, and the epoch: two indexes have the same one only if they hold the same
    /// bytes in the same order.
    pub fn root(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("saltprint 2026-11-25 root of a generation");
        hasher.update(self.epoch.as_bytes());
        for segment in &self.segments {
            hasher.update(segment.id.as_bytes()).update(&segment.root);
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn seal(&self, key: &IndexKey, salt: [u8; 32]) -> Result<Vec<u8>, IndexError> {
        Ok(Sealing::MANIFEST.seal(key, FORMAT, b"", &codec::encode("manifest", self)?, salt))
    }

    /// The outer result is about the sealing, the inner about the contents.
    pub(crate) fn open(key: &IndexKey, bytes: &[u8]) -> Result<Result<Self, IndexError>, SealError> {
        let plain = Sealing::MANIFEST.open(key, FORMAT, b"", bytes)?;
        Ok(codec::decode::<Self>("manifest", &plain).and_then(|manifest| {
            if manifest.background.is_valid() && manifest.local_background.is_valid() {
                Ok(manifest)
            } else {
                Err(IndexError::inconsistent("manifest", "a background that no rebuild measures"))
            }
        }))
    }
}
