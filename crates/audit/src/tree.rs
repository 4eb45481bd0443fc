//! Merkle tree over entries, as RFC 6962 section 2.1 and RFC 9162 section 2.1 hash it.
//!
//! SHA-256 rather than BLAKE3, because a witness outside checks roots with tools that he has.

use sha2::{Digest as _, Sha256};

use crate::hex;

/// A SHA-256 hash of the tree, or a 32-byte tag: public, 64 hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

hex::hex_text!(Hash, 32);

impl Hash {
    pub(crate) const ZERO: Self = Self([0; 32]);

    /// Hash of a leaf: `SHA-256(0x00 || data)`. The data of an entry is its line without the line feed.
    pub fn leaf(data: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0]).chain_update(data).finalize().into())
    }

    /// Hash of a node: `SHA-256(0x01 || left || right)`.
    pub(crate) fn node(left: &Self, right: &Self) -> Self {
        Self(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }
}

/// The tree over the first entries, grown leaf by leaf.
///
/// It keeps the roots of the complete subtrees only, one for every bit that is set in the size: 64 at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    /// From the largest subtree, on the left, to the smallest.
    roots: Vec<Hash>,
}

impl Frontier {
    /// The most roots that a size can have.
    pub(crate) const MOST: usize = 64;

    /// A frontier from its parts; `None` unless there are as many roots as the size has bits.
    pub(crate) fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == roots.len() as u64).then_some(Self { size, roots })
    }

    /// A tree of which only the size is known. Its root is that of no tree.
    pub(crate) fn unknown(size: u64) -> Self {
        Self { size, roots: vec![Hash::ZERO; size.count_ones() as usize] }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn roots(&self) -> &[Hash] {
        &self.roots
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        // As in adding one to a binary number: every set bit at the end is a subtree to merge with.
        let mut root = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = Hash::node(&left, &root);
            }
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// Root of the tree; that of an empty one is the hash of nothing.
    pub(crate) fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(&last) = roots.next() else { return Hash(Sha256::digest([]).into()) };
        roots.fold(last, |right, left| Hash::node(left, &right))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The definition in RFC 6962, section 2.1, word for word.
    pub(crate) fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash(Sha256::digest([]).into()),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                Hash::node(&root_by_definition(left), &root_by_definition(right))
            }
        }
    }

    pub(crate) fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|number| Hash::leaf(&number.to_le_bytes())).collect()
    }

    /// Values that the tests of RFC 6962 implementations share: the empty tree and the empty leaf.
    #[test]
    fn known_answers() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Frontier::default().root().to_string(), empty);
        let leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(Hash::leaf(b"").to_string(), leaf);
    }

    #[test]
    fn the_frontier_gives_the_root_of_the_definition() {
        let leaves = leaves(130);
        let mut frontier = Frontier::default();
        for size in 0..leaves.len() {
            assert_eq!(frontier.root(), root_by_definition(&leaves[..size]), "{size}");
            assert_eq!(frontier.roots().len(), size.count_ones() as usize);
            let again = Frontier::from_parts(frontier.size(), frontier.roots().to_vec());
            assert_eq!(again.as_ref(), Some(&frontier));
            frontier.push(leaves[size]);
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        assert_eq!(Frontier::from_parts(3, leaves(1)), None);
        assert_eq!(Frontier::from_parts(u64::MAX, leaves(3)), None);
    }
}
