//! Vaults in object stores: one in memory, with failures, and one that speaks S3, where a server for it is installed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use saltprint::{CalibrateOptions, Config, Error, NoProgress, RebuildOptions, RebuildSummary, Saltprint};
use saltprint_intake::{Store, Vault};
use saltprint_keys::RefKey;

use crate::place::{Place, corpus};

/// A store in memory that counts reads and answers so many of them.
#[derive(Debug, Default)]
struct Counted {
    inner: InMemory,
    reads: AtomicU64,
    answers: AtomicU64,
}

/// The same store, shared with the test.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Counted>);

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

#[async_trait]
impl ObjectStore for Shared {
    async fn put_opts(&self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.0.inner.put_opts(key, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Key,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.inner.put_multipart_opts(key, options).await
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        if self.0.reads.fetch_add(1, SeqCst) >= self.0.answers.load(SeqCst) {
            return Err(object_store::Error::Generic {
                store: "S3",
                source: "connection reset by peer".into(),
            });
        }
        self.0.inner.get_opts(key, options).await
    }

    async fn get_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.0.inner.get_ranges(key, ranges).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        self.0.inner.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.inner.list(prefix).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.0.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        self.0.inner.copy_opts(from, to, options).await
    }
}

impl Shared {
    fn put(&self, key: &str, bytes: &[u8]) {
        let key = Key::from(key);
        let put = self.0.inner.put(&key, bytes.to_vec().into());
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(put).unwrap();
    }

    /// Answers so many reads from now on, and tells how many there were since the last time.
    fn answer(&self, reads: u64) -> u64 {
        self.0.answers.store(reads, SeqCst);
        self.0.reads.swap(0, SeqCst)
    }

    /// A configuration whose vault it is, opened anew as each run of the program does.
    fn config(&self, place: &Place) -> Config {
        let mut config = place.config();
        let url = "s3://kyc/vault".to_owned();
        let store = Store::with_client(Box::new(self.clone()), Key::from("vault"), url).unwrap();
        config.vault = Vault::Store { store, manifest: None };
        config
    }

    fn rebuild(&self, place: &Place) -> std::result::Result<RebuildSummary, Error> {
        saltprint::rebuild(&self.config(place), RebuildOptions::default(), &NoProgress)
    }
}

#[test]
fn a_vault_in_a_store_is_read_once_and_an_outage_drops_no_record() {
    let place = Place::new();
    let store = Shared::default();
    for (index, item) in corpus()[..10].iter().enumerate() {
        store.put(&format!("vault/app/{index:02}.jpg"), &item.encoded);
    }
    store.put("vault/app/.marker", b"");
    store.put("elsewhere/1.jpg", b"not ours");
    store.answer(u64::MAX);
    saltprint::calibrate(&store.config(&place), CalibrateOptions::default(), &NoProgress).unwrap();
    let first = store.rebuild(&place).unwrap();
    assert_eq!((first.added, first.totals.inputs, first.hidden), (10, 10, 1));
    let saltprint = Saltprint::open(&store.config(&place)).unwrap();
    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    let found = saltprint.lookup("x", &corpus()[3].encoded).unwrap();
    assert_eq!(found.matches[0].record_ref, refs.record_ref("app/03.jpg"));
    assert_eq!(found.matches[0].source.as_deref(), Some("app"));

    // What did not change is listed and not read.
    store.answer(u64::MAX);
    let again = store.rebuild(&place).unwrap();
    assert_eq!((again.unread, again.published, store.answer(u64::MAX)), (10, false, 0));
    store.put("vault/app/04.jpg", &corpus()[20].encoded);
    let changed = store.rebuild(&place).unwrap();
    assert_eq!((changed.unread, changed.changed, changed.unchanged), (9, 1, 9));

    // The store stops answering in the middle of a full rebuild: nothing is published without the rest.
    for index in 10..16_usize {
        store.put(&format!("vault/app/{index:02}.jpg"), &corpus()[index].encoded);
    }
    store.answer(3);
    let error = store.rebuild(&place).unwrap_err();
    let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(text.contains("s3://kyc/vault") && text.contains("connection reset"), "{text}");
    let status = Saltprint::open(&store.config(&place)).unwrap().status();
    assert_eq!((status.generation, status.records), (changed.generation, 10));
    store.answer(u64::MAX);
    assert_eq!(store.rebuild(&place).unwrap().added, 6);
}

/// A server that is stopped when the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Status of a request to the server, which does not look at signatures.
fn request(port: u16, method: &str, path: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = String::new();
    stream.take(12).read_to_string(&mut answer)?;
    Ok(answer)
}

/// `moto_server` of the Python package `moto`, on a port that was free.
fn server() -> Option<(Server, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        println!("skipped: no moto_server here");
        return None;
    };
    let server = Server(child);
    for _ in 0..300 {
        if request(port, "PUT", "/kyc", b"").is_ok_and(|status| status.starts_with("HTTP/1.1 200")) {
            return Some((server, port));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    unreachable!("moto_server does not answer");
}

#[test]
fn a_vault_behind_s3_by_the_program() {
    let Some((_server, port)) = server() else { return };
    let place = Place::new();
    for (index, item) in corpus()[..6].iter().enumerate() {
        let path = format!("/kyc/2024/app/{index}%20a.jpg");
        assert_eq!(request(port, "PUT", &path, &item.encoded).unwrap(), "HTTP/1.1 200");
    }
    place.write(
        "saltprint.toml",
        format!(
            "[vault]\nroot = \"s3://kyc/2024\"\n[vault.options]\nendpoint = \"http://127.0.0.1:{port}\"\nallow_http = \"true\"\nregion = \"eu-west-1\"\n"
        ),
    );
    place.write("leak.jpg", &corpus()[2].encoded);
    let run = |arguments: &[&str]| {
        let mut command = place.command();
        command.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "secret").args(arguments);
        crate::place::Ran::from(command.output().unwrap())
    };
    run(&["calibrate"]).expect(0);
    let first = run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!((&first["added"], &first["unread"]), (&6.into(), &0.into()));
    let again = run(&["rebuild", "--json"]).expect(0).json().remove(0);
    assert_eq!((&again["unread"], &again["published"]), (&6.into(), &false.into()));
    // A lookup needs neither the store nor its credentials.
    let found = place.run(&["lookup", "--json", "leak.jpg"]).expect(0).json().remove(0);
    let refs = RefKey::load_from_dir(&place.path("keys")).unwrap();
    assert_eq!(found["matches"][0]["ref"], refs.record_ref("app/2 a.jpg").to_string());
    // A bucket that is not there is said to be the reason, and the index stays.
    let config = std::fs::read_to_string(place.path("saltprint.toml")).unwrap();
    place.write("saltprint.toml", config.replace("s3://kyc/2024", "s3://no-such-bucket/2024"));
    run(&["rebuild"]).expect(1).says(&["s3://no-such-bucket/2024"]);
    place.run(&["lookup", "leak.jpg"]).expect(0);
}
