//! The nightly job's memory: which bytes of which record it has already seen.
//!
//! An embedded `redb` database. A row is keyed by the record ref and holds keyed digests only: of size and
//! modification time, of the content, of the place. No record id, path or subject stands in it, and a tag under
//! the index key makes a row that was changed, or moved to another ref or epoch, count as absent.
//!
//! The catalog is a cache: what the index holds is decided by the segments. A lost or stale catalog costs time,
//! never correctness, so it needs no transaction together with the manifest.

mod containers;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable as _, TableDefinition};
use saltprint_keys::{ContentDigest, Context, EpochId, IndexKey, RecordRef, Subkey};

use crate::IndexError;

use containers::CONTAINERS;
pub use containers::ContainerRow;

const ROWS: TableDefinition<'_, [u8; 16], [u8; ROW_LEN]> = TableDefinition::new("records-v1");

const ROW_STAMP: usize = 0;
const ROW_CONTENT: usize = ROW_STAMP + 16;
const ROW_PLACE: usize = ROW_CONTENT + 16;
const ROW_OUTCOME: usize = ROW_PLACE + 16;
const ROW_TAG: usize = ROW_OUTCOME + 1;
const ROW_LEN: usize = ROW_TAG + 16;

/// What became of a record when it was last decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SeenOutcome {
    /// It has a fingerprint.
    Indexed = 1,
    /// Its image is too plain for one.
    TooPlain = 2,
}

/// What the catalog remembers of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogRow {
    /// Keyed digest of size and modification time.
    pub stamp: [u8; 16],
    /// Keyed digest of the file's bytes.
    pub content: ContentDigest,
    /// Keyed digest of where the file lies: a record may be given another file of the same size and time.
    pub place: [u8; 16],
    /// What became of it.
    pub outcome: SeenOutcome,
}

/// Changes to apply in one transaction.
#[derive(Debug, Default)]
pub struct CatalogUpdate {
    /// Rows to insert or replace.
    pub put: Vec<(RecordRef, CatalogRow)>,
    /// Rows of files that hold others, to insert or replace.
    pub containers: Vec<(RecordRef, ContainerRow)>,
}

/// The open database.
///
/// `redb` trusts its own file, down to panics on pages that make no sense. So the file is opened only where its keyed digest
/// is the one that was stored beside it when it was last closed; anything else - damage, or a run that was killed - makes it
/// be thrown away and begun anew.
pub struct Catalog {
    /// `None` only while closing.
    database: Option<Database>,
    path: PathBuf,
    tags: Subkey,
    whole: Subkey,
    epoch: EpochId,
    discarded: bool,
}

impl Catalog {
    /// Opens or creates the database at `path` for one epoch; rows of other epochs count as absent.
    ///
    /// # Errors
    /// [`IndexError::Io`]; [`IndexError::Catalog`] where the database cannot be made.
    pub fn open(path: &Path, key: &IndexKey, epoch: EpochId) -> Result<Self, IndexError> {
        let whole = key.derive(Context::CATALOG_ROW_TAG, b"whole file");
        let present = path.exists();
        let discarded = present && !is_as_closed(path, &whole);
        if discarded {
            fs::remove_file(path).map_err(IndexError::io("remove the damaged catalog", path))?;
        }
        let database = create(path)?;
        let tags = key.derive(Context::CATALOG_ROW_TAG, &[]);
        let catalog = Self { database: Some(database), path: path.to_owned(), tags, whole, epoch, discarded };
        // So that a reader finds the tables in a new database.
        catalog.write(|_, _| Ok(()))?;
        Ok(catalog)
    }

    /// Whether a file was there that was damaged or not closed, so that everything has to be read again.
    pub fn was_discarded(&self) -> bool {
        self.discarded
    }

    /// Closes the database and stores its digest beside it. Dropping does the same, but keeps failures to itself; the cost
    /// of one is a catalog that is thrown away the next time.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn close(mut self) -> Result<(), IndexError> {
        self.seal()
    }

    fn seal(&mut self) -> Result<(), IndexError> {
        if self.database.take().is_none() {
            return Ok(());
        }
        let digest = digest_of(&self.path, &self.whole).map_err(IndexError::io("read", &self.path))?;
        let path = digest_path(&self.path);
        let _ = fs::remove_file(&path);
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(&digest))
            .map_err(IndexError::io("write", path))
    }

    fn database(&self) -> Result<&Database, IndexError> {
        self.database.as_ref().ok_or(IndexError::inconsistent("catalog", "used while closing"))
    }

    /// A consistent view for many look-ups.
    ///
    /// # Errors
    /// [`IndexError::Catalog`].
    pub fn reader(&self) -> Result<CatalogReader<'_>, IndexError> {
        let view = self.database()?.begin_read().map_err(|error| self.fail(error))?;
        let table = view.open_table(ROWS).map_err(|error| self.fail(error))?;
        let containers = view.open_table(CONTAINERS).map_err(|error| self.fail(error))?;
        Ok(CatalogReader { catalog: self, table, containers })
    }

    /// Applies changes and drops every row for which `keep` says no.
    ///
    /// # Errors
    /// [`IndexError::Catalog`]; nothing is changed then.
    pub fn apply(&self, update: &CatalogUpdate, keep: impl Fn(RecordRef) -> bool) -> Result<(), IndexError> {
        self.write(|table, containers| {
            for (record_ref, row) in &update.put {
                table.insert(record_ref.as_bytes(), self.encode(*record_ref, row))?;
            }
            for (container, row) in &update.containers {
                let bytes = row.encode(&self.tags, self.epoch, *container);
                containers.insert(container.as_bytes(), bytes.as_slice())?;
            }
            table.retain(|key, _| keep(RecordRef::from_bytes(key)))?;
            containers.retain(|key, _| keep(RecordRef::from_bytes(key)))?;
            Ok(())
        })
    }

    /// Writes the database anew, so that nothing of rows that are gone is left in its file.
    ///
    /// # Errors
    /// [`IndexError::Io`], [`IndexError::Catalog`]; the old file is gone then, and the next run begins anew.
    pub fn rewrite(mut self) -> Result<Self, IndexError> {
        let (mut rows, mut containers) = (Vec::new(), Vec::new());
        let mut read = || -> Result<(), redb::Error> {
            let view = self.database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
            for row in view.open_table(ROWS)?.iter()? {
                let (key, value) = row?;
                rows.push((key.value(), value.value()));
            }
            for row in view.open_table(CONTAINERS)?.iter()? {
                let (key, value) = row?;
                containers.push((key.value(), value.value().to_vec()));
            }
            Ok(())
        };
        read().map_err(|error| self.fail(error))?;
        self.database = None;
        fs::remove_file(&self.path).map_err(IndexError::io("remove the catalog", &self.path))?;
        self.database = Some(create(&self.path)?);
        self.write(|table, parts| {
            for (key, row) in &rows {
                table.insert(key, row)?;
            }
            for (key, row) in &containers {
                parts.insert(key, row.as_slice())?;
            }
            Ok(())
        })?;
        Ok(self)
    }

    fn write(
        &self,
        change: impl FnOnce(
            &mut redb::Table<'_, [u8; 16], [u8; ROW_LEN]>,
            &mut redb::Table<'_, [u8; 16], &'static [u8]>,
        ) -> Result<(), redb::Error>,
    ) -> Result<(), IndexError> {
        let database = self.database()?;
        let run = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            change(&mut transaction.open_table(ROWS)?, &mut transaction.open_table(CONTAINERS)?)?;
            transaction.commit()?;
            Ok(())
        };
        run().map_err(|error| self.fail(error))
    }

    fn fail(&self, error: impl Into<redb::Error>) -> IndexError {
        IndexError::Catalog { path: self.path.clone(), source: Box::new(error.into()) }
    }

    fn encode(&self, record_ref: RecordRef, row: &CatalogRow) -> [u8; ROW_LEN] {
        let mut bytes = [0; ROW_LEN];
        bytes[ROW_STAMP..ROW_CONTENT].copy_from_slice(&row.stamp);
        bytes[ROW_CONTENT..ROW_PLACE].copy_from_slice(row.content.as_bytes());
        bytes[ROW_PLACE..ROW_OUTCOME].copy_from_slice(&row.place);
        bytes[ROW_OUTCOME] = row.outcome as u8;
        let tag = self.tag(record_ref, &bytes[..ROW_TAG]);
        bytes[ROW_TAG..].copy_from_slice(&tag);
        bytes
    }

    fn decode(&self, record_ref: RecordRef, bytes: &[u8; ROW_LEN]) -> Option<CatalogRow> {
        let field = |start: usize| {
            let mut out = [0; 16];
            out.copy_from_slice(&bytes[start..start + 16]);
            out
        };
        if field(ROW_TAG) != self.tag(record_ref, &bytes[..ROW_TAG]) {
            return None;
        }
        let outcome = [SeenOutcome::Indexed, SeenOutcome::TooPlain]
            .into_iter()
            .find(|outcome| *outcome as u8 == bytes[ROW_OUTCOME])?;
        Some(CatalogRow {
            stamp: field(ROW_STAMP),
            content: ContentDigest::from_bytes(field(ROW_CONTENT)),
            place: field(ROW_PLACE),
            outcome,
        })
    }

    fn tag(&self, record_ref: RecordRef, row: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(self.tags.expose());
        hasher.update(self.epoch.as_bytes()).update(record_ref.as_bytes()).update(row);
        let mut tag = [0; 16];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        let _ = self.seal();
    }
}

/// Opens the database, or makes one.
fn create(path: &Path) -> Result<Database, IndexError> {
    // Made by ourselves, so that it is private from its first byte.
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(IndexError::io("open the catalog", path))?;
    Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(|error| IndexError::Catalog { path: path.to_owned(), source: Box::new(error.into()) })
}

/// Where the digest of the file at `path` is kept.
fn digest_path(path: &Path) -> PathBuf {
    path.with_extension("digest")
}

fn digest_of(path: &Path, key: &Subkey) -> std::io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update_reader(File::open(path)?)?;
    Ok(*hasher.finalize().as_bytes())
}

fn is_as_closed(path: &Path, key: &Subkey) -> bool {
    let stored = fs::read(digest_path(path)).ok();
    let stored = stored.as_deref().and_then(<[u8]>::first_chunk::<32>);
    stored.zip(digest_of(path, key).ok()).is_some_and(|(stored, digest)| *stored == digest)
}

/// Page cache of the database; its default of 1 GiB is more than a rebuild should hold.
const CACHE_BYTES: usize = 64 << 20;

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Look-ups in one state of the catalog.
#[derive(Debug)]
pub struct CatalogReader<'a> {
    catalog: &'a Catalog,
    table: ReadOnlyTable<[u8; 16], [u8; ROW_LEN]>,
    containers: containers::Table,
}

impl CatalogReader<'_> {
    /// The row of a record; `None` where it was never seen in this epoch or its row does not authenticate.
    ///
    /// # Errors
    /// [`IndexError::Catalog`].
    pub fn row(&self, record_ref: RecordRef) -> Result<Option<CatalogRow>, IndexError> {
        let row = self.table.get(record_ref.as_bytes()).map_err(|error| self.catalog.fail(error))?;
        Ok(row.and_then(|row| self.catalog.decode(record_ref, &row.value())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(byte: u8) -> CatalogRow {
        CatalogRow {
            stamp: [byte; 16],
            content: ContentDigest::from_bytes([byte + 1; 16]),
            place: [byte + 2; 16],
            outcome: SeenOutcome::Indexed,
        }
    }

    fn put(put: Vec<(RecordRef, CatalogRow)>) -> CatalogUpdate {
        CatalogUpdate { put, ..CatalogUpdate::default() }
    }

    fn open(dir: &tempfile::TempDir, secret: u8, epoch: u8) -> Catalog {
        let key = IndexKey::from_secret(&[secret; 32]);
        Catalog::open(&dir.path().join("catalog.redb"), &key, EpochId::from_bytes([epoch; 16])).unwrap()
    }

    #[test]
    fn rows_come_back_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (RecordRef::from_bytes([1; 16]), RecordRef::from_bytes([2; 16]));
        let catalog = open(&dir, 7, 1);
        assert_eq!(catalog.reader().unwrap().row(a).unwrap(), None);
        catalog.apply(&put(vec![(a, row(1)), (b, row(5))]), |_| true).unwrap();
        assert_eq!(catalog.reader().unwrap().row(a).unwrap(), Some(row(1)));
        catalog.apply(&put(vec![(a, row(9))]), |key| key == a).unwrap();
        drop(catalog);
        let catalog = open(&dir, 7, 1);
        assert_eq!(catalog.reader().unwrap().row(a).unwrap(), Some(row(9)));
        assert_eq!(catalog.reader().unwrap().row(b).unwrap(), None);
    }

    #[test]
    fn a_rewritten_file_holds_nothing_of_rows_that_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.redb");
        let reference = |number: u32| {
            let mut bytes = [0xa5; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            RecordRef::from_bytes(bytes)
        };
        let b = reference(7);
        let held = || fs::read(&path).unwrap().windows(12).filter(|bytes| *bytes == [0xa5; 12]).count();
        let catalog = open(&dir, 7, 1);
        catalog.apply(&put((0..2000).map(|number| (reference(number), row(1))).collect()), |_| true).unwrap();
        catalog.apply(&put(vec![(b, row(5))]), |key| key == b).unwrap();
        catalog.close().unwrap();
        assert!(held() > 1, "rows that were removed are still in the file, which is why it is written anew");
        open(&dir, 7, 1).rewrite().unwrap().close().unwrap();
        assert_eq!(held(), 1);
        let catalog = open(&dir, 7, 1);
        assert!(!catalog.was_discarded());
        assert_eq!(catalog.reader().unwrap().row(b).unwrap(), Some(row(5)));
    }

    #[test]
    fn rows_of_another_epoch_key_or_ref_count_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (RecordRef::from_bytes([1; 16]), RecordRef::from_bytes([2; 16]));
        let catalog = open(&dir, 7, 1);
        catalog.apply(&put(vec![(a, row(1))]), |_| true).unwrap();
        let sealed = catalog.encode(a, &row(1));
        assert_eq!(catalog.decode(a, &sealed), Some(row(1)));
        assert_eq!(catalog.decode(b, &sealed), None);
        for byte in 0..ROW_LEN {
            let mut changed = sealed;
            changed[byte] ^= 1;
            assert_eq!(catalog.decode(a, &changed), None, "byte {byte}");
        }
        drop(catalog);
        assert_eq!(open(&dir, 7, 2).reader().unwrap().row(a).unwrap(), None);
        assert_eq!(open(&dir, 8, 1).reader().unwrap().row(a).unwrap(), None);
    }

    #[test]
    fn a_file_that_was_changed_or_not_closed_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.redb");
        let a = RecordRef::from_bytes([1; 16]);
        let fill = || {
            let catalog = open(&dir, 7, 1);
            let discarded = catalog.was_discarded();
            catalog.apply(&put(vec![(a, row(1))]), |_| true).unwrap();
            catalog.close().unwrap();
            discarded
        };
        assert!(!fill());
        assert!(!fill());
        let good = fs::read(&path).unwrap();
        for damage in
            [b"no database at all".to_vec(), good[..good.len() / 2].to_vec(), [&good[..], b"x"].concat()]
        {
            fs::write(&path, damage).unwrap();
            let catalog = open(&dir, 7, 1);
            assert!(catalog.was_discarded());
            assert_eq!(catalog.reader().unwrap().row(a).unwrap(), None);
            drop(catalog);
            assert!(!fill());
        }
        fs::remove_file(digest_path(&path)).unwrap();
        assert!(fill());
    }
}
