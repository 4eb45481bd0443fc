//! Everything random follows from the plan's seed: which records are held out, which are asked, how they are edited.
//!
//! Each choice has its own label, so that none depends on how many others were made before it. Nothing here is secret.

use blake3::Hasher;
use saltprint_keys::RandomError;

/// The labels of all choices, as BLAKE3 `derive_key` contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Choice {
    /// The order in which subjects are held out as strangers.
    HoldOut,
    /// The order in which records are asked under one edit.
    Sample,
    /// The seed of one edit of one record.
    Edit,
    /// The neighbours in a collage.
    Collage,
    /// Throw-away keys of an invented vault.
    Keys,
}

impl Choice {
    const fn context(self) -> &'static str {
        match self {
            Self::HoldOut => "saltprint 2026-11 evaluation, subjects held out",
            Self::Sample => "saltprint 2026-11 evaluation, records asked",
            Self::Edit => "saltprint 2026-11 evaluation, seed of an edit",
            Self::Collage => "saltprint 2026-11 evaluation, neighbours in a collage",
            Self::Keys => "saltprint 2026-11 evaluation, keys of an invented vault",
        }
    }
}

fn hasher(choice: Choice, seed: u64, parts: &[&[u8]]) -> Hasher {
    let mut hasher = Hasher::new_derive_key(choice.context());
    hasher.update(&seed.to_le_bytes());
    for part in parts {
        // With its length, so that no two lists of parts run together.
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher
}

/// A number that follows from the seed, the choice and what it is about.
pub(crate) fn draw(choice: Choice, seed: u64, parts: &[&[u8]]) -> u64 {
    let mut bytes = [0; 8];
    hasher(choice, seed, parts).finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A source of bytes for key generation that follows from the seed: for vaults that hold nothing to protect.
pub(crate) fn seeded_bytes(seed: u64) -> impl FnMut(&mut [u8]) -> Result<(), RandomError> {
    let mut reader = hasher(Choice::Keys, seed, &[]).finalize_xof();
    move |buffer| {
        reader.fill(buffer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_seed_and_part_counts() {
        let first = draw(Choice::Sample, 1, &[b"crop-80", b"7"]);
        assert_eq!(first, draw(Choice::Sample, 1, &[b"crop-80", b"7"]));
        for other in [
            draw(Choice::Edit, 1, &[b"crop-80", b"7"]),
            draw(Choice::Sample, 2, &[b"crop-80", b"7"]),
            draw(Choice::Sample, 1, &[b"crop-80", b"8"]),
            draw(Choice::Sample, 1, &[b"crop-807", b""]),
        ] {
            assert_ne!(first, other);
        }
    }
}
