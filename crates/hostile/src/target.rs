//! One parser and what it promises.

use peak_alloc::PeakAlloc;

use crate::{archive, audit, catalog, config, document, erasures, image, key, manifest, profile, segment};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// A parser with its promises, its seeds and the words of its format.
#[derive(Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its name: that of the libFuzzer program and of the folders of its inputs.
    pub name: &'static str,
    /// Most bytes that one input may make the process hold on top of what it held before and of 16 times its own length.
    pub memory: usize,
    /// Words of the format, for mutations.
    pub words: &'static [&'static [u8]],
    check: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// All targets.
    pub const ALL: &[Self] = &[
        Self {
            name: "image",
            memory: image::MEMORY,
            words: image::WORDS,
            check: image::check,
            seeds: image::seeds,
        },
        Self {
            name: "archive",
            memory: 64 * MIB,
            words: archive::WORDS,
            check: archive::check,
            seeds: archive::seeds,
        },
        Self {
            name: "document",
            memory: 128 * MIB,
            words: document::WORDS,
            check: document::check,
            seeds: document::seeds,
        },
        Self {
            name: "erasures",
            memory: 4 * MIB,
            words: erasures::WORDS,
            check: erasures::check,
            seeds: erasures::seeds,
        },
        Self { name: "segment", memory: 64 * MIB, words: &[], check: segment::check, seeds: segment::seeds },
        Self {
            name: "manifest",
            memory: 16 * MIB,
            words: &[],
            check: manifest::check,
            seeds: manifest::seeds,
        },
        Self { name: "catalog", memory: 96 * MIB, words: &[], check: catalog::check, seeds: catalog::seeds },
        Self { name: "key", memory: 4 * MIB, words: key::WORDS, check: key::check, seeds: key::seeds },
        Self { name: "profile", memory: 16 * MIB, words: &[], check: profile::check, seeds: profile::seeds },
        Self {
            name: "config",
            memory: 16 * MIB,
            words: config::WORDS,
            check: config::check,
            seeds: config::seeds,
        },
        Self {
            name: "audit",
            memory: 4 * MIB,
            words: audit::WORDS,
            check: audit::check,
            seeds: audit::seeds,
        },
    ];

    /// The target of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn named(name: &str) -> &'static Self {
        Self::ALL.iter().find(|target| target.name == name).expect("the name of a target")
    }

    /// Inputs that lead deep into the parser: good ones, made by our own writers where we have them. The first call also makes
    /// what the target compares with, so that no input pays for it.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }

    /// Checks all promises for one input.
    ///
    /// # Panics
    /// If one of them is broken. Memory is that of the whole process, so inputs are to be checked one at a time.
    pub fn check(&self, bytes: &[u8]) {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        (self.check)(bytes);
        let held = ALLOCATOR.peak_usage().saturating_sub(before);
        let allowed = self.memory + 16 * bytes.len();
        assert!(held <= allowed, "{} held {held} bytes for an input of {}", self.name, bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for target in Target::ALL {
            assert_eq!(Target::named(target.name).name, target.name);
            assert_eq!(Target::ALL.iter().filter(|other| other.name == target.name).count(), 1);
        }
    }
}
