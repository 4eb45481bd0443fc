//! What is handed out about an erasure.

use saltprint_audit::Receipt;
use saltprint_index::{Erased, Erasure, Manifest};
use saltprint_keys::{Context, EpochId, RefKey};

/// The format that a receipt names.
const FORMAT: &str = "saltprint-erasure-receipt-v1";

/// Says what was erased, when, and from which index. It names refs only, and carries a MAC under the ref key, so that
/// [`check_receipt`](super::check_receipt) knows its own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ErasureReceipt {
    /// `saltprint-erasure-receipt-v1`.
    pub format: String,
    /// Whether erasures were taken back.
    pub lifted: bool,
    /// Refs of the records, as `rec_...`, and of the subjects, as `sub_...`.
    pub refs: Vec<String>,
    /// When it came into force, seconds since 1970.
    pub at: u64,
    /// Number of entries of the list of erasures with these.
    pub entries: u64,
    /// Rows of the published index that hold what is named: hidden from then on, gone at the next rebuild.
    pub rows: u64,
    /// Whether parts of files that are named were known and are among the refs. If not, a rebuild was running: repeat the
    /// erasure after it where a file with parts is named.
    pub parts_known: bool,
    /// The generation that was published then.
    pub generation: u64,
    /// Its root, in hex.
    pub root: String,
    /// Its epoch.
    pub epoch: EpochId,
    /// The entry of the audit log, where one is kept.
    pub audit: Option<LoggedAs>,
    /// Keyed BLAKE3 over all of the above, in hex.
    pub mac: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedAs {
    /// Its number.
    pub sequence: u64,
    /// Its hash, in hex.
    pub hash: String,
}

impl LoggedAs {
    pub(super) fn of(receipt: &Receipt) -> Self {
        Self { sequence: receipt.seq(), hash: receipt.hash().to_string() }
    }
}

/// Why a receipt cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasureReceiptError {
    /// It is no receipt of an erasure.
    #[error("not a receipt of an erasure: {0}")]
    Json(#[from] serde_json::Error),
    /// Another release wrote it.
    #[error("the format of the receipt is not {FORMAT}; check it with the release that wrote it")]
    Format,
    /// It was changed, or another ref key made it.
    #[error("the receipt does not authenticate: it was changed, or made with another ref key")]
    NotAuthentic,
    /// A ref in it is none.
    #[error("the receipt names something that is neither a record ref nor a subject ref")]
    Ref,
}

impl ErasureReceipt {
    pub(super) fn new(
        key: &RefKey,
        changes: &[Erasure],
        entries: u64,
        rows: u64,
        manifest: &Manifest,
        audit: Option<LoggedAs>,
        parts_known: bool,
    ) -> Self {
        let name = |entry: &Erasure| match entry.what {
            Erased::Record(record) => record.to_string(),
            Erased::Subject(subject) => subject.to_string(),
        };
        let mut receipt = Self {
            format: FORMAT.to_owned(),
            lifted: changes.first().is_some_and(|entry| entry.lifted),
            refs: changes.iter().map(name).collect(),
            at: changes.first().map_or(0, |entry| entry.at),
            entries,
            rows,
            parts_known,
            generation: manifest.generation,
            root: blake3::Hash::from_bytes(manifest.root()).to_string(),
            epoch: manifest.epoch,
            audit,
            mac: String::new(),
        };
        receipt.mac = receipt.expected_mac(key).to_string();
        receipt
    }

    /// Reads a receipt and checks its MAC.
    ///
    /// # Errors
    /// [`ErasureReceiptError`].
    pub(super) fn read(key: &RefKey, json: &[u8]) -> Result<Self, ErasureReceiptError> {
        let receipt: Self = serde_json::from_slice(json)?;
        if receipt.format != FORMAT {
            return Err(ErasureReceiptError::Format);
        }
        // Compared as hashes, which takes the same time whatever the bytes are.
        let found = blake3::Hash::from_hex(&receipt.mac).map_err(|_| ErasureReceiptError::NotAuthentic)?;
        if receipt.expected_mac(key) != found {
            return Err(ErasureReceiptError::NotAuthentic);
        }
        Ok(receipt)
    }

    /// What it names.
    pub(super) fn erased(&self) -> Result<Vec<Erased>, ErasureReceiptError> {
        let parse = |name: &String| {
            let record = name.parse().map(Erased::Record).ok();
            record.or_else(|| name.parse().map(Erased::Subject).ok()).ok_or(ErasureReceiptError::Ref)
        };
        self.refs.iter().map(parse).collect()
    }

    fn expected_mac(&self, key: &RefKey) -> blake3::Hash {
        let subkey = key.derive(Context::ERASURE_RECEIPT_MAC, b"");
        let mut hasher = blake3::Hasher::new_keyed(subkey.expose());
        // Each field with its length, so that no two receipts give the same bytes.
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        };
        put(self.format.as_bytes());
        put(&[u8::from(self.lifted), u8::from(self.parts_known)]);
        for number in [self.refs.len() as u64, self.at, self.entries, self.rows, self.generation] {
            put(&number.to_le_bytes());
        }
        self.refs.iter().for_each(|name| put(name.as_bytes()));
        put(self.root.as_bytes());
        put(self.epoch.as_bytes());
        if let Some(LoggedAs { sequence, hash }) = &self.audit {
            put(&sequence.to_le_bytes());
            put(hash.as_bytes());
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use saltprint_keys::{RecordRef, SubjectRef};

    use super::*;

    fn receipt(key: &RefKey) -> ErasureReceipt {
        let manifest = Manifest {
            generation: 7,
            epoch: EpochId::from_bytes([1; 16]),
            created: 0,
            segments: Vec::new(),
            background: saltprint_index::Background::default(),
            local_background: saltprint_index::LocalBackground::default(),
            negative: saltprint_index::NegativeBank::default(),
            census: saltprint_index::CensusId::default(),
            coverage: saltprint_index::Coverage::default(),
            erasures: 0,
            previous: None,
        };
        let entry = |what| Erasure { what, of: None, lifted: false, at: 99 };
        let changes = [
            entry(Erased::Record(RecordRef::from_bytes([2; 16]))),
            entry(Erased::Subject(SubjectRef::from_bytes([3; 16]))),
        ];
        let audit = Some(LoggedAs { sequence: 4, hash: "ab".repeat(32) });
        ErasureReceipt::new(key, &changes, 2, 5, &manifest, audit, true)
    }

    #[test]
    fn a_receipt_is_known_again_and_any_change_shows() {
        let key = RefKey::from_secret(&[9; 32]);
        let receipt = receipt(&key);
        let json = serde_json::to_value(&receipt).unwrap();
        let read = |json: &serde_json::Value| ErasureReceipt::read(&key, json.to_string().as_bytes());
        assert_eq!(read(&json).unwrap(), receipt);
        assert_eq!(receipt.erased().unwrap().len(), 2);
        let changes = [
            ("lifted", true.into()),
            ("refs", vec!["rec_00000000000000000000000000000000"].into()),
            ("at", 98.into()),
            ("entries", 1.into()),
            ("rows", 0.into()),
            ("parts_known", false.into()),
            ("generation", 8.into()),
            ("root", "00".repeat(32).into()),
            ("epoch", "00".repeat(16).into()),
            ("audit", serde_json::Value::Null),
            ("mac", "00".repeat(32).into()),
            ("mac", "".into()),
        ];
        for (field, value) in changes {
            let mut changed = json.clone();
            changed[field] = value;
            assert!(matches!(read(&changed), Err(ErasureReceiptError::NotAuthentic)), "{field}");
        }
        let other = RefKey::from_secret(&[8; 32]);
        let error = ErasureReceipt::read(&other, json.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, ErasureReceiptError::NotAuthentic));
        assert!(matches!(ErasureReceipt::read(&key, b"{}"), Err(ErasureReceiptError::Json(_))));
    }
}
