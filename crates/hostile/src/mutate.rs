//! Seeded mutations, for compilers without a fuzzer: the same seed gives the same inputs everywhere.

/// Makes inputs out of others.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
}

/// Numbers at which counts and lengths go wrong.
const EDGES: [u64; 12] =
    [0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0xffff_ffff_ffff_ffff];

/// Most bytes of a mutation.
const MOST: usize = 64 * 1024;

impl Mutator {
    /// Mutations of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// One of `inputs`, changed in one to eight places; pieces of other inputs and of `words` may get into it. Empty if there
    /// are no inputs.
    pub fn mutation(&mut self, inputs: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.pick(inputs).cloned().unwrap_or_default();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, inputs, words);
        }
        bytes.truncate(MOST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, inputs: &[Vec<u8>], words: &[&[u8]]) {
        let at = self.below(bytes.len() + 1);
        match self.below(9) {
            0 => {
                let bit = self.below(8);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            1 => {
                let value = self.byte();
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value);
            }
            2 => {
                let edge = self.pick(&EDGES).copied().unwrap_or_default();
                let mut le = edge.to_le_bytes();
                if self.below(2) == 0 {
                    le = edge.to_be_bytes();
                }
                let width = 1 << self.below(4);
                let start = if self.below(2) == 0 { 0 } else { 8 - width };
                overwrite(bytes, at, &le[start..start + width]);
            }
            3 => bytes.truncate(at),
            4 => {
                let end = (at + self.short()).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let end = (at + self.short()).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            6 => {
                let Some(word) = self.pick(words).copied() else { return };
                if self.below(2) == 0 {
                    overwrite(bytes, at, word);
                } else {
                    bytes.splice(at..at, word.iter().copied());
                }
            }
            7 => {
                let Some(other) = self.pick(inputs) else { return };
                let from = self.below(other.len() + 1);
                let end = (from + self.short()).min(other.len());
                let to = (at + end - from).min(bytes.len());
                bytes.splice(at..to, other[from..end].iter().copied());
            }
            _ => {
                let new: Vec<u8> = (0..self.short().min(16)).map(|_| self.byte()).collect();
                bytes.splice(at..at, new);
            }
        }
    }

    /// Mostly a few, sometimes many.
    fn short(&mut self) -> usize {
        let width = self.below(11);
        1 + self.below(1 << width)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// A number below `limit`, or 0.
    fn below(&mut self, limit: usize) -> usize {
        // The remainder is below a `usize`.
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }

    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn overwrite(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes.iter_mut().skip(at).zip(new).for_each(|(old, new)| *old = *new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_row_of_inputs() {
        let inputs = [b"hello, world".to_vec(), vec![0; 300]];
        let row = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..200).map(|_| mutator.mutation(&inputs, &[b"word"])).collect::<Vec<_>>()
        };
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
        assert!(row(1).iter().filter(|bytes| !inputs.contains(bytes)).count() > 190);
        assert!(row(1).iter().any(|bytes| bytes.windows(4).any(|window| window == b"word")));
    }

    #[test]
    fn nothing_to_change_gives_something_small() {
        let mut mutator = Mutator::new(7);
        assert!((0..100).all(|_| mutator.mutation(&[], &[]).len() < 1024));
    }
}
