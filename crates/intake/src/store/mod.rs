//! Object stores: S3 and what speaks like it, Google Cloud Storage, Azure.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the store that a URL names, and what keeps it from answering |
//! | `options.rs` | settings from the configuration and the environment |
//! | `objects.rs` | the listing of a store, and one object of it |
//! | `reader.rs` | reading an object in blocks, always the same version of it |
//!
//! The clients are those of the crate `object_store`, which repeats requests that failed for a reason that passes. What
//! fails all the same is an *outage* of the store, unless it concerns one object alone (it is gone, it was replaced, it may
//! not be read). An object that could not be read because of an outage is a reject like any other, so a job has to ask
//! [`Store::outage`] before it takes what it read for the whole vault.

mod objects;
mod options;
mod reader;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use object_store::{ObjectStore, parse_url_opts, path::Path as Key};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::{Error, Unreadable};

pub use objects::Object;
pub(crate) use objects::Objects;

/// A place in an object store that holds a vault. Clones are the same store.
///
/// Calls wait for the network, so they belong on threads that may wait; never on those of an asynchronous runtime.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    client: Box<dyn ObjectStore>,
    root: Key,
    /// As it was given; it holds no secret.
    url: String,
    runtime: Runtime,
    outage: Mutex<Option<String>>,
}

impl Store {
    /// The store at `url`: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container@account/prefix`, or an `https` URL of
    /// Amazon, Azure or Cloudflare. Nothing is asked of it yet.
    ///
    /// `options` are the client's settings by name, such as `endpoint`, `region` or `allow_http`. What they leave out is
    /// taken from the environment under the names that the providers' own tools use (`AWS_…`, `GOOGLE_…`, `AZURE_…`), and
    /// credentials are taken from nowhere else.
    ///
    /// # Errors
    /// [`Error::Store`] where the URL is of no known kind, or an option is unknown or a secret.
    pub fn open<'a>(url: &str, options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let problem = |problem: String| Error::Store { url: without_secrets(url), problem };
        let parsed = Url::parse(url).map_err(|error| problem(format!("the URL is not valid: {error}")))?;
        if !parsed.username().is_empty() && parsed.password().is_some() {
            return Err(problem("a password does not belong in a URL".to_owned()));
        }
        let settings = options::settings(&parsed, options, std::env::vars()).map_err(problem)?;
        // Fails where the program has chosen a provider before, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (client, root) = parse_url_opts(&parsed, settings).map_err(|error| problem(told(&error)))?;
        Self::with_client(client, root, without_secrets(url))
    }

    /// The store that `client` speaks to, below `root`: for programs that have their own ways to it. `url` names it in
    /// messages, and in the digests by which the nightly job knows unchanged objects again.
    ///
    /// # Errors
    /// [`Error::Store`] where the system gives no thread.
    pub fn with_client(client: Box<dyn ObjectStore>, root: Key, url: String) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| Error::Store {
            url: url.clone(),
            problem: format!("no thread for it: {error}"),
        })?;
        Ok(Self(Arc::new(Inner { client, root, url, runtime, outage: Mutex::new(None) })))
    }

    /// The URL that names it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// What the store is below, as the start of its keys, without a `/` at the end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.root.as_ref()
    }

    /// That the store did not answer at some time since it was opened.
    ///
    /// # Errors
    /// [`Error::Store`] in that case, with the first reason.
    pub fn outage(&self) -> Result<(), Error> {
        match &*self.0.outage.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(problem) => Err(Error::Store { url: self.0.url.clone(), problem: problem.clone() }),
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.runtime.block_on(future)
    }

    /// What is wrong with one object, or with the store.
    fn failed(&self, error: &object_store::Error) -> Unreadable {
        #[expect(clippy::wildcard_enum_match_arm, reason = "everything else is no fault of the object")]
        match error {
            object_store::Error::NotFound { .. } => Unreadable::NotFound,
            object_store::Error::Precondition { .. } => Unreadable::Changed,
            object_store::Error::PermissionDenied { .. } => Unreadable::PermissionDenied,
            _ => self.no_answer(error),
        }
    }

    /// Remembers an outage.
    fn no_answer(&self, error: &object_store::Error) -> Unreadable {
        let detail = told(error);
        let mut outage = self.0.outage.lock().unwrap_or_else(PoisonError::into_inner);
        outage.get_or_insert_with(|| detail.clone());
        Unreadable::Io { detail }
    }
}

impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Store {}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.url()).finish()
    }
}

/// The URL without its query, which may be a signature, and without a password.
fn without_secrets(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else {
        return url.split(['?', '#']).next().unwrap_or_default().to_owned();
    };
    parsed.set_query(None);
    parsed.set_fragment(None);
    // Fails for URLs that cannot have one.
    let _ = parsed.set_password(None);
    parsed.into()
}

/// An error's words without addresses: those hold keys, which are names of documents.
fn told(error: &dyn std::error::Error) -> String {
    let mut words: Vec<&str> = Vec::new();
    let text = error.to_string();
    for word in text.split_whitespace() {
        let address = word.contains('/');
        let word = if address { "[address]" } else { word };
        if !(address && words.last() == Some(&word)) {
            words.push(word);
        }
    }
    words.join(" ").chars().filter(|c| !c.is_control()).take(MAX_PROBLEM).collect()
}

/// Longest text that is taken over from a client, in characters.
const MAX_PROBLEM: usize = 300;
