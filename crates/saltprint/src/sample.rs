//! A sample of the vault that stays the same from one run to the next.

use std::collections::BinaryHeap;

use saltprint_intake::Entry;
use saltprint_keys::{RecordRef, RefKey};

use crate::{Config, Error};

/// A sample of the files of a vault.
pub(crate) struct Chosen {
    /// Files that the vault lists.
    pub(crate) files: u64,
    /// The sampled ones, each with whether it is eligible itself. The others count only for what is in them.
    pub(crate) entries: Vec<(Entry, bool)>,
    /// Most images that a file of several may give.
    pub(crate) most_of_one: usize,
}

/// Chooses the eligible files with the smallest refs, at most `sample`, and as many others: a random choice, since refs are
/// keyed digests, and the same one each time. Where there are fewer files than that, those that hold several images give
/// several.
///
/// # Errors
/// [`Error::Listing`].
pub(crate) fn choose(
    config: &Config,
    refs: &RefKey,
    sample: usize,
    eligible: impl Fn(RecordRef) -> bool,
) -> Result<Chosen, Error> {
    let mut files = 0;
    let mut chosen: [BinaryHeap<ByRef>; 2] = Default::default();
    for entry in config.vault.list()?.flatten() {
        files += 1;
        let record_ref = refs.record_ref(&entry.record_id);
        let heap = &mut chosen[usize::from(!eligible(record_ref))];
        heap.push(ByRef(record_ref, entry));
        if heap.len() > sample {
            heap.pop();
        }
    }
    config.vault.check_outage()?;
    let [eligible, others] = chosen.map(BinaryHeap::into_sorted_vec);
    let marked =
        |entries: Vec<ByRef>, eligible| entries.into_iter().map(move |ByRef(_, entry)| (entry, eligible));
    let entries: Vec<_> = marked(eligible, true).chain(marked(others, false)).collect();
    let most_of_one = (2 * sample).div_ceil(entries.len().max(1));
    Ok(Chosen { files, entries, most_of_one })
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
