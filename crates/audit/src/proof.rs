//! Proofs about the tree, for somebody who holds a root and not the log.
//!
//! An *inclusion* proof shows that an entry is one of those that a root covers, a *consistency* proof that a later root
//! covers all that an earlier one did (RFC 9162, sections 2.1.3 and 2.1.4).

use std::fmt;
use std::str::FromStr;

use crate::ParseHexError;
use crate::tree::{Frontier, Hash};

/// The most hashes that a proof in a tree of 2^64 entries can have.
const MOST: usize = 65;

/// The hashes of a proof; as text, one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof(Vec<Hash>);

impl Proof {
    /// Whether the entry whose line hashes to `leaf` is number `index` of the `size` entries under `root`.
    #[must_use]
    pub fn shows_inclusion(&self, leaf: Hash, index: u64, size: u64, root: Hash) -> bool {
        if index >= size {
            return false;
        }
        let (mut node, mut last, mut hash) = (index, size - 1, leaf);
        for step in &self.0 {
            if last == 0 {
                return false;
            }
            if node & 1 == 1 || node == last {
                hash = Hash::node(step, &hash);
                while node & 1 == 0 && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = Hash::node(&hash, step);
            }
            node >>= 1;
            last >>= 1;
        }
        last == 0 && hash == root
    }

    /// Whether the `old_size` entries under `old_root` are the first of the `size` entries under `root`.
    #[must_use]
    pub fn shows_consistency(&self, old_size: u64, old_root: Hash, size: u64, root: Hash) -> bool {
        if old_size > size {
            return false;
        }
        if old_size == size {
            return self.0.is_empty() && old_root == root;
        }
        if old_size == 0 {
            return self.0.is_empty() && old_root == Frontier::default().root();
        }
        // A complete subtree is its own start; the proof leaves it out.
        let mut steps = old_size.is_power_of_two().then_some(&old_root).into_iter().chain(&self.0);
        let Some(&start) = steps.next() else { return false };
        let (mut node, mut last) = (old_size - 1, size - 1);
        while node & 1 == 1 {
            node >>= 1;
            last >>= 1;
        }
        let (mut old, mut new) = (start, start);
        for step in steps {
            if last == 0 {
                return false;
            }
            if node & 1 == 1 || node == last {
                old = Hash::node(step, &old);
                new = Hash::node(step, &new);
                while node & 1 == 0 && node != 0 {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                new = Hash::node(&new, step);
            }
            node >>= 1;
            last >>= 1;
        }
        last == 0 && old == old_root && new == root
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|hash| writeln!(f, "{hash}"))
    }
}

impl FromStr for Proof {
    type Err = ParseHexError;

    fn from_str(text: &str) -> Result<Self, ParseHexError> {
        // A hash more than any proof has is enough to make it wrong.
        text.lines().take(MOST + 1).map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Collects a proof while the leaves of a tree pass by once.
///
/// Every hash of a proof is the root over a range of leaves, so that it keeps one frontier a range.
#[derive(Debug)]
pub(crate) struct Prover {
    ranges: Vec<(u64, u64, Frontier)>,
}

impl Prover {
    /// For an inclusion proof of leaf `index` in the tree of `size`; the index must be below the size.
    pub(crate) fn inclusion(index: u64, size: u64) -> Self {
        let (mut ranges, mut start, mut end) = (Vec::new(), 0, size);
        while end - start > 1 {
            let middle = start + left_of(end - start);
            if index < middle {
                ranges.push((middle, end));
                end = middle;
            } else {
                ranges.push((start, middle));
                start = middle;
            }
        }
        Self::new(ranges)
    }

    /// For a consistency proof from `old_size` to `size`, which must not be smaller.
    pub(crate) fn consistency(old_size: u64, size: u64) -> Self {
        let (mut ranges, mut start, mut end) = (Vec::new(), 0, size);
        if old_size > 0 {
            while old_size < end {
                let middle = start + left_of(end - start);
                if old_size <= middle {
                    ranges.push((middle, end));
                    end = middle;
                } else {
                    ranges.push((start, middle));
                    start = middle;
                }
            }
            // The subtree at which both trees end is left out where the verifier has it as the old root.
            if start > 0 {
                ranges.push((start, end));
            }
        }
        Self::new(ranges)
    }

    fn new(ranges: Vec<(u64, u64)>) -> Self {
        // From the leaves towards the root.
        Self {
            ranges: ranges.into_iter().rev().map(|(start, end)| (start, end, Frontier::default())).collect(),
        }
    }

    pub(crate) fn push(&mut self, index: u64, leaf: Hash) {
        for (start, end, frontier) in &mut self.ranges {
            if (*start..*end).contains(&index) {
                frontier.push(leaf);
            }
        }
    }

    pub(crate) fn finish(self) -> Proof {
        Proof(self.ranges.into_iter().map(|(_, _, frontier)| frontier.root()).collect())
    }
}

/// Leaves in the left subtree of a tree of `size`: the largest power of two below it.
fn left_of(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{leaves, root_by_definition};

    const MOST_LEAVES: usize = 40;

    fn proof(mut prover: Prover, leaves: &[Hash]) -> Proof {
        (0..).zip(leaves).for_each(|(index, leaf)| prover.push(index, *leaf));
        prover.finish()
    }

    #[test]
    fn every_leaf_is_shown_in_every_tree_and_nothing_else() {
        let leaves = leaves(MOST_LEAVES);
        for size in 1..=MOST_LEAVES {
            let root = root_by_definition(&leaves[..size]);
            for index in 0..size {
                let proof = proof(Prover::inclusion(index as u64, size as u64), &leaves[..size]);
                let shows = |leaf, index: usize, size: usize, root| {
                    proof.shows_inclusion(leaf, index as u64, size as u64, root)
                };
                assert!(shows(leaves[index], index, size, root), "{index} of {size}");
                assert!(!shows(leaves[index], size, size, root));
                assert!(!shows(Hash::ZERO, index, size, root));
                assert!(!shows(leaves[index], index, size, Hash::ZERO));
                assert!((0..size).all(|other| other == index || !shows(leaves[index], other, size, root)));
            }
        }
    }

    #[test]
    fn every_tree_is_shown_to_grow_from_every_smaller_one() {
        let leaves = leaves(MOST_LEAVES);
        for size in 0..=MOST_LEAVES {
            let root = root_by_definition(&leaves[..size]);
            for old in 0..=size {
                let old_root = root_by_definition(&leaves[..old]);
                let proof = proof(Prover::consistency(old as u64, size as u64), &leaves[..size]);
                let shows = |old: usize, old_root, root| {
                    proof.shows_consistency(old as u64, old_root, size as u64, root)
                };
                assert!(shows(old, old_root, root), "{old} to {size}");
                assert!(!shows(size + 1, old_root, root));
                assert!(!shows(old, Hash::ZERO, root));
                assert!(old == 0 || !shows(old, old_root, Hash::ZERO));
            }
        }
    }

    #[test]
    fn a_changed_proof_shows_nothing() {
        let leaves = leaves(13);
        let (root, old_root) = (root_by_definition(&leaves), root_by_definition(&leaves[..6]));
        let inclusion = proof(Prover::inclusion(4, 13), &leaves);
        let consistency = proof(Prover::consistency(6, 13), &leaves);
        for at in 0..inclusion.0.len() {
            let mut changed = inclusion.clone();
            changed.0[at] = Hash::ZERO;
            assert!(!changed.shows_inclusion(leaves[4], 4, 13, root));
            changed.0.remove(at);
            assert!(!changed.shows_inclusion(leaves[4], 4, 13, root));
        }
        for at in 0..consistency.0.len() {
            let mut changed = consistency.clone();
            changed.0[at] = Hash::ZERO;
            assert!(!changed.shows_consistency(6, old_root, 13, root));
            changed.0.remove(at);
            assert!(!changed.shows_consistency(6, old_root, 13, root));
        }
        let mut longer = inclusion;
        longer.0.push(Hash::ZERO);
        assert!(!longer.shows_inclusion(leaves[4], 4, 13, root));
    }

    #[test]
    fn texts_come_back() {
        let proof = proof(Prover::inclusion(4, 13), &leaves(13));
        assert_eq!(proof.to_string().parse(), Ok(proof));
        assert!("xyz".parse::<Proof>().is_err());
        assert_eq!("".parse(), Ok(Proof::default()));
    }

    #[test]
    fn extreme_sizes_do_not_overflow() {
        for size in [u64::MAX, u64::MAX - 1, 1 << 63] {
            assert!(!Proof::default().shows_inclusion(Hash::ZERO, size - 1, size, Hash::ZERO));
            assert!(!Proof(vec![Hash::ZERO; 70]).shows_consistency(size - 1, Hash::ZERO, size, Hash::ZERO));
            assert!(Prover::inclusion(0, size).ranges.len() <= 64);
            assert!(Prover::consistency(1, size).ranges.len() <= MOST);
        }
    }
}
