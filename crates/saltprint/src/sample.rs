//! A sample of the vault that stays the same from one run to the next.

use std::collections::BinaryHeap;

use saltprint_intake::Entry;
use saltprint_keys::{RecordRef, RefKey};

use crate::{Config, Error};

/// How many records the vault lists, and the eligible ones with the smallest refs: a random choice, since refs are keyed
/// digests, and the same one each time. In the order of the refs.
///
/// # Errors
/// [`Error::Listing`].
pub(crate) fn choose(
    config: &Config,
    refs: &RefKey,
    sample: usize,
    eligible: impl Fn(RecordRef) -> bool,
) -> Result<(u64, Vec<(RecordRef, Entry)>), Error> {
    let mut records = 0;
    let mut chosen: BinaryHeap<ByRef> = BinaryHeap::new();
    for entry in config.vault.list()?.flatten() {
        records += 1;
        let record_ref = refs.record_ref(&entry.record_id);
        if eligible(record_ref) {
            chosen.push(ByRef(record_ref, entry));
            if chosen.len() > sample {
                chosen.pop();
            }
        }
    }
    config.vault.check_outage()?;
    Ok((
        records,
        chosen.into_sorted_vec().into_iter().map(|ByRef(record_ref, entry)| (record_ref, entry)).collect(),
    ))
}

/// An entry, ordered by its ref.
struct ByRef(RecordRef, Entry);

impl PartialEq for ByRef {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for ByRef {}

impl PartialOrd for ByRef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByRef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
