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
    /// Which records are stored again, and how.
    StoredAgain,
    /// Throw-away keys of an invented vault.
    Keys,
    /// Projection keys of the privacy measurements, which live in memory only.
    Projections,
    /// Which codes the attackers know, and in which order they lie.
    Attack,
    /// Persons, sittings and exposures of documents that are drawn for one measurement.
    People,
}

impl Choice {
    const fn context(self) -> &'static str {
        match self {
            Self::HoldOut => "saltprint 2026-11 evaluation, subjects held out",
            Self::Sample => "saltprint 2026-11 evaluation, records asked",
            Self::Edit => "saltprint 2026-11 evaluation, seed of an edit",
            Self::Collage => "saltprint 2026-11 evaluation, neighbours in a collage",
            Self::StoredAgain => "saltprint 2026-12 evaluation, records stored again",
            Self::Keys => "saltprint 2026-11 evaluation, keys of an invented vault",
            Self::Projections => "saltprint 2026-11 evaluation, projection keys",
            Self::Attack => "saltprint 2026-11 evaluation, what attackers know",
            Self::People => "saltprint 2026-11 evaluation, people photographed twice",
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

/// A secret of 32 bytes that follows from the seed: for codes that never leave the memory of an evaluation.
pub(crate) fn secret(choice: Choice, seed: u64, parts: &[&[u8]]) -> [u8; 32] {
    *hasher(choice, seed, parts).finalize().as_bytes()
}

/// The numbers below `count` in an order that follows from the seed.
pub(crate) fn shuffled(choice: Choice, seed: u64, name: &str, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|number| draw(choice, seed, &[name.as_bytes(), &number.to_le_bytes()]));
    order
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
    fn an_order_holds_each_number_once() {
        let order = shuffled(Choice::Attack, 1, "anchors", 50);
        assert_ne!(order, shuffled(Choice::Attack, 2, "anchors", 50));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_ne!(sorted, order);
        assert!(sorted.into_iter().eq(0..50));
    }

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
