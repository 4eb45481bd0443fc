//! What the catalog remembers of files that hold others: an archive whose size and time are as they were need not be
//! opened to know its parts.

use redb::{ReadOnlyTable, TableDefinition};
use saltprint_keys::{ContentDigest, EpochId, RecordRef, Subkey};

use super::{Catalog, CatalogReader};
use crate::IndexError;

pub(super) const CONTAINERS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("containers-v2");

/// As it is opened for reading.
pub(super) type Table = ReadOnlyTable<[u8; 16], &'static [u8]>;

const STAMP: usize = 0;
const PLACE: usize = STAMP + 16;
const FACTS: usize = PLACE + 16;
const PLAIN: usize = FACTS + 16;
const TAG: usize = PLAIN + 4;
const PARTS: usize = TAG + 16;
const PART_LEN: usize = 32;

/// What the catalog remembers of a file that holds others, all of whose parts could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRow {
    /// Keyed digest of size and modification time.
    pub stamp: [u8; 16],
    /// Keyed digest of where the file lies.
    pub place: [u8; 16],
    /// Keyed digest of what the vault said of it: its parts have their facts from that.
    pub facts: [u8; 16],
    /// Parts too plain for a fingerprint.
    pub plain: u32,
    /// The other parts, each with the keyed digest of its content.
    pub parts: Vec<(RecordRef, ContentDigest)>,
}

impl ContainerRow {
    pub(super) fn encode(&self, tags: &Subkey, epoch: EpochId, container: RecordRef) -> Vec<u8> {
        let mut bytes = vec![0; PARTS];
        bytes[STAMP..PLACE].copy_from_slice(&self.stamp);
        bytes[PLACE..FACTS].copy_from_slice(&self.place);
        bytes[FACTS..PLAIN].copy_from_slice(&self.facts);
        bytes[PLAIN..TAG].copy_from_slice(&self.plain.to_le_bytes());
        for (part, content) in &self.parts {
            bytes.extend_from_slice(part.as_bytes());
            bytes.extend_from_slice(content.as_bytes());
        }
        let tag = tag(tags, epoch, container, &bytes);
        bytes[TAG..PARTS].copy_from_slice(&tag);
        bytes
    }

    pub(super) fn decode(tags: &Subkey, epoch: EpochId, container: RecordRef, bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(PARTS)?;
        let (parts, []) = rest.as_chunks::<PART_LEN>() else {
            return None;
        };
        if head.get(TAG..PARTS)? != tag(tags, epoch, container, bytes) {
            return None;
        }
        let field = |start: usize| head.get(start..start + 16)?.try_into().ok();
        Some(Self {
            stamp: field(STAMP)?,
            place: field(PLACE)?,
            facts: field(FACTS)?,
            plain: u32::from_le_bytes(head.get(PLAIN..TAG)?.try_into().ok()?),
            parts: parts
                .iter()
                .map(|part| {
                    let (mut part_ref, mut content) = ([0; 16], [0; 16]);
                    part_ref.copy_from_slice(&part[..16]);
                    content.copy_from_slice(&part[16..]);
                    (RecordRef::from_bytes(part_ref), ContentDigest::from_bytes(content))
                })
                .collect(),
        })
    }
}

/// Over everything but the place of the tag itself.
fn tag(tags: &Subkey, epoch: EpochId, container: RecordRef, bytes: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(tags.expose());
    hasher.update(b"container").update(epoch.as_bytes()).update(container.as_bytes());
    hasher.update(&bytes[..TAG]).update(&bytes[PARTS..]);
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

impl CatalogReader<'_> {
    /// The row of a file that holds others; `None` as with [`CatalogReader::row`].
    ///
    /// # Errors
    /// [`IndexError::Catalog`].
    pub fn container(&self, container: RecordRef) -> Result<Option<ContainerRow>, IndexError> {
        let Catalog { tags, epoch, .. } = self.catalog;
        let row = self.containers.get(container.as_bytes()).map_err(|error| self.catalog.fail(error))?;
        Ok(row.and_then(|row| ContainerRow::decode(tags, *epoch, container, row.value())))
    }
}

#[cfg(test)]
mod tests {
    use saltprint_keys::IndexKey;

    use super::super::CatalogUpdate;
    use super::*;

    fn row(parts: u8) -> ContainerRow {
        let part =
            |byte: u8| (RecordRef::from_bytes([byte; 16]), ContentDigest::from_bytes([byte + 100; 16]));
        let parts = (0..parts).map(part).collect();
        ContainerRow { stamp: [1; 16], place: [2; 16], facts: [3; 16], plain: 7, parts }
    }

    #[test]
    fn rows_come_back_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.redb");
        let (a, b) = (RecordRef::from_bytes([1; 16]), RecordRef::from_bytes([2; 16]));
        let open = |epoch| {
            Catalog::open(&path, &IndexKey::from_secret(&[7; 32]), EpochId::from_bytes([epoch; 16])).unwrap()
        };
        let catalog = open(1);
        let update = CatalogUpdate { containers: vec![(a, row(3)), (b, row(0))], ..CatalogUpdate::default() };
        catalog.apply(&update, |_| true).unwrap();
        assert_eq!(catalog.reader().unwrap().container(a).unwrap(), Some(row(3)));
        assert_eq!(catalog.reader().unwrap().container(b).unwrap(), Some(row(0)));
        catalog.apply(&CatalogUpdate::default(), |key| key == a).unwrap();
        assert_eq!(catalog.reader().unwrap().container(b).unwrap(), None);
        drop(catalog);
        assert_eq!(open(2).reader().unwrap().container(a).unwrap(), None, "another epoch");
    }

    #[test]
    fn rows_that_were_changed_or_moved_count_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let epoch = EpochId::from_bytes([1; 16]);
        let catalog =
            Catalog::open(&dir.path().join("c.redb"), &IndexKey::from_secret(&[7; 32]), epoch).unwrap();
        let (a, b) = (RecordRef::from_bytes([1; 16]), RecordRef::from_bytes([2; 16]));
        let good = row(2).encode(&catalog.tags, epoch, a);
        assert_eq!(ContainerRow::decode(&catalog.tags, epoch, a, &good), Some(row(2)));
        assert_eq!(ContainerRow::decode(&catalog.tags, epoch, b, &good), None);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(ContainerRow::decode(&catalog.tags, epoch, a, &bad), None, "byte {at}");
            assert_eq!(ContainerRow::decode(&catalog.tags, epoch, a, &good[..at]), None);
        }
    }
}
