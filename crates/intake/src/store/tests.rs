//! Stores in memory, whole and with failures.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    ops::{ControlFlow, Range},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory,
    path::Path as Key,
};

use super::*;
use crate::{Limits, Location, Reject, Vault, for_each_part};

/// A store in memory that fails from a certain answer on, listed objects and reads counted together.
#[derive(Debug)]
struct Flaky {
    inner: InMemory,
    left: AtomicU64,
}

impl std::fmt::Display for Flaky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flaky")
    }
}

impl Flaky {
    fn answers(&self) -> Result<()> {
        let spend = |left: u64| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend) {
            Ok(_) => Ok(()),
            Err(_) => Err(object_store::Error::Generic {
                store: "flaky",
                source: "no answer to GET http://host/kyc/secret-name.jpg in 3 s".into(),
            }),
        }
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(key, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Key,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(key, options).await
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        self.answers()?;
        self.inner.get_opts(key, options).await
    }

    async fn get_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(key, ranges).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        self.inner.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let listed = futures_executor_collect(self.inner.list(prefix));
        let answers: Vec<_> = listed.into_iter().map(|meta| self.answers().and(meta)).collect();
        stream::iter(answers).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// What a stream that never waits holds.
fn futures_executor_collect<T>(mut stream: BoxStream<'static, T>) -> Vec<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut all = Vec::new();
    while let std::task::Poll::Ready(Some(one)) = stream.poll_next_unpin(&mut context) {
        all.push(one);
    }
    all
}

fn store_of(files: &[(&str, &[u8])], answers: u64) -> Store {
    let client = Flaky { inner: InMemory::new(), left: AtomicU64::new(answers) };
    let store = Store::with_client(Box::new(client), Key::from("kyc"), "s3://bucket/kyc".to_owned()).unwrap();
    for (name, bytes) in files {
        put(&store, name, bytes);
    }
    store
}

fn put(store: &Store, name: &str, bytes: &[u8]) {
    store.wait(store.0.client.put(&Key::parse(name).unwrap(), bytes.to_vec().into())).unwrap();
}

fn location(store: &Store, path: &str) -> Location {
    store.object(path).unwrap()
}

fn read(location: &Location) -> std::result::Result<Vec<u8>, Reject> {
    Ok(location.open()?.read(&Limits::default())?.bytes().to_vec())
}

#[test]
fn objects_below_the_prefix_are_listed_like_files_below_a_folder() {
    let long = format!("kyc/{}/1.jpg", "x".repeat(65));
    let files: Vec<(&str, &[u8])> =
        ["kyc/app/1.jpg", "kyc/2.jpg", "kyc2/3.jpg", "kyc/.cache/4.jpg", "other", &long]
            .map(|name| (name, name.as_bytes()))
            .into();
    let vault = Vault::Store { store: store_of(&files, u64::MAX), manifest: None };
    let mut listing = vault.list().unwrap();
    let (mut found, mut rejects) = (Vec::new(), Vec::new());
    for listed in listing.by_ref() {
        match listed {
            Ok(entry) => {
                let location = &entry.location;
                assert_eq!(read(location).unwrap(), location.as_path().as_os_str().as_encoded_bytes());
                assert_eq!(location.as_path(), Path::new("kyc").join(&entry.record_id));
                found.push((entry.record_id, entry.facts.source));
            }
            Err(reject) => rejects.push(reject.reason.code()),
        }
    }
    assert_eq!(found, [("2.jpg".to_owned(), None), ("app/1.jpg".to_owned(), Some("app".to_owned()))]);
    assert_eq!((rejects, listing.hidden()), (vec!["invalid_field"], 1));
    assert!(listing.next().is_none(), "it ends more than once");
    assert!(vault.check_outage().is_ok() && vault.is_remote());
    assert_eq!(vault.root().unwrap(), Path::new("kyc"));
}

#[test]
fn a_table_names_objects_below_the_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("list.csv");
    fs::write(&manifest, "record_id,path,kind\na,x/1.jpg,card\nb,gone.jpg,\nc,../2.jpg,\nd,/x,\ne,x//y,\n")
        .unwrap();
    let store = store_of(&[("kyc/x/1.jpg", b"one"), ("2.jpg", b"two")], u64::MAX);
    let vault = Vault::Store { store, manifest: None }.with_manifest(manifest);
    let listed: Vec<_> = vault.list().unwrap().collect();
    let codes: Vec<_> =
        listed.iter().filter_map(|entry| entry.as_ref().err()).map(|e| e.reason.code()).collect();
    assert_eq!(codes, ["outside_root", "outside_root", "invalid_field"]);
    let entries: Vec<_> = listed.into_iter().filter_map(std::result::Result::ok).collect();
    assert_eq!(read(&entries[0].location).unwrap(), b"one");
    assert_eq!(entries[0].location.look().unwrap().stamp().size, 3);
    assert_eq!(entries[1].location.look().unwrap_err().code(), "not_found");
    assert!(vault.check_outage().is_ok(), "one object that is gone is no outage");
}

#[test]
fn large_objects_come_in_blocks_and_can_be_sought() {
    let bytes: Vec<u8> = (0..9_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let store = store_of(&[("kyc/big", &bytes)], u64::MAX);
    let location = location(&store, "big");
    assert_eq!(read(&location).unwrap(), bytes);
    let Location::Object(object) = &location else { unreachable!("it is in a store") };
    let mut reader = object.look().unwrap().reader();
    for (to, at) in [
        (SeekFrom::End(-3), 8_999_997),
        (SeekFrom::Start(4_194_303), 4_194_303),
        (SeekFrom::Current(4_000_000), 8_194_303),
        (SeekFrom::Start(0), 0),
        (SeekFrom::Start(9_000_007), 9_000_007),
    ] {
        assert_eq!(reader.seek(to).unwrap(), at);
        let mut found = Vec::new();
        reader.by_ref().take(2).read_to_end(&mut found).unwrap();
        let start = usize::try_from(at).unwrap().min(bytes.len());
        assert_eq!(found, bytes[start..(start + 2).min(bytes.len())]);
        reader.seek(SeekFrom::Start(at)).unwrap();
    }
    assert!(reader.seek(SeekFrom::Current(-9_000_008)).is_err());
}

#[test]
fn an_archive_in_a_store_has_the_parts_that_it_has_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("note.gz");
    let mut gzip =
        flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
    gzip.write_all(&vec![b'a'; 100_000]).unwrap();
    gzip.finish().unwrap();
    let store = store_of(&[("kyc/note.gz", &fs::read(&path).unwrap())], u64::MAX);

    let mut parts = [Vec::new(), Vec::new()];
    let [of_file, of_object] = &mut parts;
    for_each_part(&path, &Limits::default(), &mut |part| {
        of_file.push((part.place, part.content.map(|content| content.identity().to_vec())));
        ControlFlow::Continue(())
    });
    let mut opened = location(&store, "note.gz").open().unwrap();
    assert!(opened.holds_parts());
    opened.for_each_part(&Limits::default(), &mut |part| {
        of_object.push((part.place, part.content.map(|content| content.identity().to_vec())));
        ControlFlow::Continue(())
    });
    assert_eq!(of_file[0].0, "#content");
    assert_eq!(of_file, of_object);
}

#[test]
fn an_object_that_is_replaced_after_the_look_is_not_read() {
    let store = store_of(&[("kyc/a", b"one")], u64::MAX);
    let location = location(&store, "a");
    let found = location.look().unwrap();
    let place = found.place().to_vec();
    put(&store, "kyc/a", b"two");
    assert_eq!(found.open().unwrap().read(&Limits::default()).unwrap_err().code(), "changed_while_read");
    assert_ne!(location.look().unwrap().place(), place, "the version is part of the place");
    assert!(store.outage().is_ok());
}

#[test]
fn a_store_that_does_not_answer_is_an_outage_without_names() {
    let files: [(&str, &[u8]); 3] = [("kyc/a", b"1"), ("kyc/b", b"2"), ("kyc/c", b"3")];
    // The listing breaks off after two objects.
    let vault = Vault::Store { store: store_of(&files, 2), manifest: None };
    let listed: Vec<_> = vault.list().unwrap().collect();
    assert_eq!(listed.iter().filter(|entry| entry.is_ok()).count(), 2);
    assert_eq!(listed.len(), 3);
    let error = vault.check_outage().unwrap_err().to_string();
    assert!(error.contains("s3://bucket/kyc") && error.contains("no answer"), "{error}");
    assert!(!error.contains("secret-name"), "{error}");

    // The listing is whole, the reading fails.
    let vault = Vault::Store { store: store_of(&files, 4), manifest: None };
    let entries: Vec<_> = vault.list().unwrap().map(std::result::Result::unwrap).collect();
    assert!(vault.check_outage().is_ok());
    assert_eq!(read(&entries[0].location).unwrap(), b"1");
    assert_eq!(read(&entries[1].location).unwrap_err().code(), "io_error");
    assert!(vault.check_outage().is_err());
}

#[test]
fn urls_are_named_without_secrets_and_errors_without_addresses() {
    assert_eq!(
        without_secrets("https://a.blob.core.windows.net/c?sig=SECRET#x"),
        "https://a.blob.core.windows.net/c"
    );
    assert_eq!(without_secrets("no url ?SECRET"), "no url ");
    for url in ["s3://user:SECRET@bucket/a", "ftp://host/a", "no url"] {
        let error = Store::open(url, []).unwrap_err().to_string();
        assert!(!error.contains("SECRET"), "{error}");
    }
    let error =
        object_store::Error::Generic { store: "S3", source: "GET http://h/a/b.jpg http://h/c failed".into() };
    assert_eq!(told(&error), "Generic S3 error: GET [address] failed");
}
