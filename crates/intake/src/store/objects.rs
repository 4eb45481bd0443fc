//! The listing of a store, and one object of it.

use std::borrow::Cow;

use futures_util::{StreamExt as _, stream::BoxStream};
use object_store::{ObjectMeta, ObjectStoreExt as _, path::Path as Key};

use super::{Store, reader::Reader};
use crate::{Entry, ListReject, Location, Refusal, Reject, Stamp, facts::folder_facts, parts::escape_name};

/// One object of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub(super) store: Store,
    pub(super) key: Key,
    /// What a listing or a look said; `None` for an object that only a table names.
    pub(super) seen: Option<Seen>,
}

/// What a store says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size: u64,
    modified_ns: i64,
    /// Names the version; every store that is known gives one.
    pub(super) e_tag: Option<String>,
}

impl From<ObjectMeta> for Seen {
    fn from(meta: ObjectMeta) -> Self {
        let modified_ns = meta.last_modified.timestamp_nanos_opt().unwrap_or(i64::MIN);
        Self { size: meta.size, modified_ns, e_tag: meta.e_tag }
    }
}

impl Object {
    /// Its key in the store.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_ref()
    }

    /// The object with what the store says of it.
    pub(crate) fn look(&self) -> Result<Cow<'_, Self>, Reject> {
        if self.seen.is_some() {
            return Ok(Cow::Borrowed(self));
        }
        let meta = self.store.wait(self.store.0.client.head(&self.key));
        let meta = meta.map_err(|error| self.store.failed(&error))?;
        Ok(Cow::Owned(Self { seen: Some(meta.into()), ..self.clone() }))
    }

    pub(crate) fn stamp(&self) -> Stamp {
        let (size, mtime_ns) = self.seen.as_ref().map_or((0, i64::MIN), |seen| (seen.size, seen.modified_ns));
        Stamp { size, mtime_ns }
    }

    /// The store, the key and the version, kept apart by a byte that none of them has.
    pub(crate) fn place(&self) -> Vec<u8> {
        let version = self.seen.as_ref().and_then(|seen| seen.e_tag.as_deref()).unwrap_or_default();
        [self.store.url(), self.key.as_ref(), version].join("\0").into_bytes()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.clone())
    }
}

/// The objects of a store below its prefix, in the order in which it names them: that of the keys, but for a few stores.
pub(crate) struct Objects {
    store: Store,
    stream: Option<BoxStream<'static, object_store::Result<ObjectMeta>>>,
}

impl Objects {
    pub(crate) fn new(store: &Store) -> Self {
        let stream = store.0.client.list(Some(&store.0.root));
        Self { store: store.clone(), stream: Some(stream) }
    }

    /// The next record or reject; counts hidden names into `hidden`.
    pub(crate) fn next(&mut self, hidden: &mut u64) -> Option<Result<Entry, ListReject>> {
        loop {
            let Some(listed) = self.store.wait(self.stream.as_mut()?.next()) else {
                // A stream must not be asked again.
                self.stream = None;
                return None;
            };
            let meta = match listed {
                Ok(meta) => meta,
                Err(error) => {
                    self.stream = None;
                    // Whatever the reason is: the rest of the vault is not known.
                    let reason = self.store.no_answer(&error);
                    return Some(Err(ListReject {
                        what: "the rest of the store".to_owned(),
                        reason: reason.into(),
                    }));
                }
            };
            let Some(parts) = meta.location.prefix_match(&self.store.0.root) else {
                continue;
            };
            let parts: Vec<_> = parts.collect();
            if parts.iter().any(|part| part.as_ref().starts_with('.')) {
                *hidden += 1;
                continue;
            }
            let record_id = parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/");
            let key = meta.location.clone();
            let object = Object { store: self.store.clone(), key, seen: Some(meta.into()) };
            return Some(match folder_facts(&record_id) {
                Ok(facts) => Ok(Entry { record_id, location: Location::Object(object), facts }),
                Err(refusal) => {
                    Err(ListReject { what: escape_name(record_id.as_bytes()), reason: refusal.into() })
                }
            });
        }
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Objects").field(&self.store).finish()
    }
}

impl Store {
    /// The object that a table names by its path below the store's prefix.
    pub(crate) fn object(&self, path: &str) -> Result<Location, Refusal> {
        let how = if path.starts_with('/') {
            "it is absolute; make it relative to the vault's root"
        } else if path.split('/').any(|part| part == "..") {
            "it has a .. in it"
        } else {
            let below = Key::parse(path)
                .map_err(|_| Refusal::InvalidField { field: "path", problem: "is no key of an object" })?;
            let key = self.0.root.parts().chain(below.parts()).collect();
            return Ok(Location::Object(Object { store: self.clone(), key, seen: None }));
        };
        Err(Refusal::OutsideRoot { how })
    }
}
