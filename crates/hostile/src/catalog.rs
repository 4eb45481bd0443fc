//! The catalog: rows as somebody with the key could have written them, and files that were changed while it was closed.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use redb::{Database, ReadableDatabase as _, TableDefinition};
use saltprint_index::{Catalog, CatalogRow, CatalogUpdate, ContainerRow};
use saltprint_keys::{Context, EpochId, IndexKey, RecordRef};

use crate::{patch, scratch};

const EPOCH: EpochId = EpochId::from_bytes([5; 16]);
const ROWS: TableDefinition<'_, [u8; 16], [u8; 65]> = TableDefinition::new("records-v1");
const CONTAINERS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("containers-v2");
/// Where a row's tag begins.
const ROW_TAG: usize = 49;
const CONTAINER_TAG: usize = 52;
const CONTAINER_PARTS: usize = CONTAINER_TAG + 16;

static KEY: LazyLock<IndexKey> = LazyLock::new(|| IndexKey::from_secret(&[7; 32]));

/// A closed catalog without rows, so that not every input pays for making one.
static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = scratch::folder();
    let path = folder.path().join("catalog.redb");
    Catalog::open(&path, &KEY, EPOCH).and_then(Catalog::close).expect("a scratch folder");
    fs::read(path).expect("it was closed")
});

/// The first byte says what the rest is: the value of a row or of a file with others in it, with or without a tag that
/// fits, or changes to the file of a catalog.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let tagged = mode % 2 == 1;
    match mode / 2 % 3 {
        0 => check_row(rest, tagged),
        1 => check_container(rest, tagged),
        _ => check_file(rest),
    }
}

fn record() -> RecordRef {
    RecordRef::from_bytes([9; 16])
}

fn check_row(bytes: &[u8], tagged: bool) {
    let mut value = [0; 65];
    value.iter_mut().zip(bytes).for_each(|(value, byte)| *value = *byte);
    let tag = tag(&[EPOCH.as_bytes(), record().as_bytes(), &value[..ROW_TAG]]);
    if tagged {
        value[ROW_TAG..].copy_from_slice(&tag);
    }
    let (row, container) = read(Some(value), None);
    assert!(container.is_none());
    let Some(row) = row else { return };
    assert_eq!(value[ROW_TAG..], tag, "a row whose tag does not fit");
    let update = CatalogUpdate { put: vec![(record(), row)], ..CatalogUpdate::default() };
    assert_eq!(written(&update).0, Some(value), "a row that was read is written otherwise");
}

fn check_container(bytes: &[u8], tagged: bool) {
    let mut value = bytes.to_vec();
    let fits = value.len() >= CONTAINER_PARTS;
    let mut expected = Vec::new();
    if fits {
        let (head, parts) = (&value[..CONTAINER_TAG], &value[CONTAINER_PARTS..]);
        expected = tag(&[b"container", EPOCH.as_bytes(), record().as_bytes(), head, parts]).to_vec();
        if tagged {
            value[CONTAINER_TAG..CONTAINER_PARTS].copy_from_slice(&expected);
        }
    }
    let (row, container) = read(None, Some(&value));
    assert!(row.is_none());
    let Some(container) = container else { return };
    assert_eq!(value[CONTAINER_TAG..CONTAINER_PARTS], expected, "a row whose tag does not fit");
    assert_eq!(container.parts.len() * 32 + CONTAINER_PARTS, value.len());
    let update = CatalogUpdate { containers: vec![(record(), container)], ..CatalogUpdate::default() };
    assert_eq!(written(&update).1, Some(value), "a row that was read is written otherwise");
}

/// A file that is not the one that was closed is thrown away before the database looks at it.
fn check_file(script: &[u8]) {
    let folder = scratch::folder();
    let path = folder.path().join("catalog.redb");
    let mut changed = EMPTY.clone();
    patch::apply(&mut changed, script);
    fs::write(&path, &changed).expect("a scratch folder");
    write_digest(&path, &EMPTY);
    let catalog = Catalog::open(&path, &KEY, EPOCH).expect("a catalog is begun anew");
    assert_eq!(catalog.was_discarded(), changed != *EMPTY, "a changed byte of a closed catalog");
    let row = catalog.reader().and_then(|reader| reader.row(record()));
    assert!(row.is_ok_and(|row| row.is_none()));
}

/// What a catalog says that has these values.
fn read(row: Option<[u8; 65]>, container: Option<&[u8]>) -> (Option<CatalogRow>, Option<ContainerRow>) {
    let folder = scratch::folder();
    let path = folder.path().join("catalog.redb");
    fs::write(&path, &*EMPTY).expect("a scratch folder");
    let database = Database::create(&path).expect("a database that was closed");
    let change = database.begin_write().expect("nobody else writes");
    {
        let mut rows = change.open_table(ROWS).expect("the table of rows");
        let mut containers = change.open_table(CONTAINERS).expect("the table of files with others in them");
        let put = row.map(|value| rows.insert(record().as_bytes(), value).map(drop)).transpose();
        let put_too =
            container.map(|value| containers.insert(record().as_bytes(), value).map(drop)).transpose();
        put.and(put_too).expect("a scratch folder");
    }
    change.commit().expect("a scratch folder");
    drop(database);
    write_digest(&path, &fs::read(&path).expect("it was written"));
    let catalog = Catalog::open(&path, &KEY, EPOCH).expect("a catalog with the right digest");
    assert!(!catalog.was_discarded());
    let reader = catalog.reader().expect("both tables");
    let first = (reader.row(record()).expect("a look-up"), reader.container(record()).expect("a look-up"));
    let again = (reader.row(record()).expect("a look-up"), reader.container(record()).expect("a look-up"));
    assert_eq!(first, again);
    first
}

/// The values that stand in a catalog after an update.
fn written(update: &CatalogUpdate) -> (Option<[u8; 65]>, Option<Vec<u8>>) {
    let folder = scratch::folder();
    let path = folder.path().join("catalog.redb");
    fs::write(&path, &*EMPTY).expect("a scratch folder");
    write_digest(&path, &EMPTY);
    let catalog = Catalog::open(&path, &KEY, EPOCH).expect("a catalog with the right digest");
    catalog.apply(update, |_| true).and_then(|()| catalog.close()).expect("a scratch folder");
    let database = Database::create(&path).expect("a database that was closed");
    let view = database.begin_read().expect("a view");
    let rows = view.open_table(ROWS).expect("the table of rows");
    let containers = view.open_table(CONTAINERS).expect("the table of files with others in them");
    let row = rows.get(record().as_bytes()).expect("a look-up").map(|value| value.value());
    let container =
        containers.get(record().as_bytes()).expect("a look-up").map(|value| value.value().to_vec());
    (row, container)
}

/// Stores the digest of `content` beside the catalog at `path`, as closing does.
fn write_digest(path: &Path, content: &[u8]) {
    let key = KEY.derive(Context::CATALOG_ROW_TAG, b"whole file");
    let digest = blake3::keyed_hash(key.expose(), content);
    fs::write(path.with_extension("digest"), digest.as_bytes()).expect("a scratch folder");
}

fn tag(parts: &[&[u8]]) -> [u8; 16] {
    let key = KEY.derive(Context::CATALOG_ROW_TAG, &[]);
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    for part in parts {
        hasher.update(part);
    }
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let row = [vec![1; 16], vec![2; 16], vec![3; 16], vec![1]].concat();
    let plain = [row[..48].to_vec(), vec![2]].concat();
    let container = |parts: usize| [vec![1; 48], vec![7, 0, 0, 0], vec![0; 16], vec![8; 32 * parts]].concat();
    let mode = |mode: u8, rest: &[u8]| [&[mode], rest].concat();
    let mut seeds = vec![mode(1, &row), mode(0, &row), mode(1, &plain), mode(1, &[0xff; 49])];
    seeds.extend([0, 1, 5].map(|parts| mode(3, &container(parts))));
    seeds.extend([mode(2, &container(2)), mode(3, &container(2)[..99]), mode(3, &[]), mode(4, &[])]);
    seeds.extend([0, 64, 4096].map(|at| mode(4, &patch::flip(at, 1))));
    seeds.push(mode(4, &[0x80, 0, 1, 0]));
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_made_here_are_those_of_the_program() {
        let mut row = [1; 65];
        let fits = tag(&[EPOCH.as_bytes(), record().as_bytes(), &row[..ROW_TAG]]);
        row[ROW_TAG..].copy_from_slice(&fits);
        assert!(read(Some(row), None).0.is_some());
        row[0] ^= 1;
        assert!(read(Some(row), None).0.is_none());
    }
}
