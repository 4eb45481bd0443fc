//! A sealed profile.

use std::sync::LazyLock;

use saltprint_fingerprint::{Coder, Luma, Profile};
use saltprint_keys::{BlobFormat, ProjectionKey, Sealing};

use crate::patch;

const FORMAT: BlobFormat = BlobFormat { magic: *b"SALTPROF", version: 2 };
const SALT: [u8; 32] = [4; 32];
const FEATURES: usize = 1376;
const DESCRIPTOR: usize = 128;

static KEY: LazyLock<ProjectionKey> = LazyLock::new(|| ProjectionKey::from_secret(&[7; 32]));

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| Sealing::PROFILE.seal(&KEY, FORMAT, &[], &plain(1), SALT));

static IMAGE: LazyLock<Luma> = LazyLock::new(|| {
    let pixels = (0..64_u32 * 48)
        .map(|i| u8::try_from(((i % 64 / 8 * 31) ^ (i / 640 * 17)) % 256).unwrap_or_default());
    Luma::new(64, 48, pixels.collect()).expect("sides that fit")
});

/// The first byte says what the rest is: a file as it is, changes to a plain profile of so many axes, or to a sealed one.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    match mode % 8 {
        0 => drop(open(rest)),
        1 => {
            let mut changed = GOOD.clone();
            patch::apply(&mut changed, rest);
            assert_eq!(open(&changed).is_some(), changed == *GOOD, "a changed byte of a sealed profile");
        }
        dims => {
            let mut plain = plain(usize::from(dims) - 1);
            patch::apply(&mut plain, rest);
            let sealed = Sealing::PROFILE.seal(&KEY, FORMAT, &[], &plain, SALT);
            let Some(profile) = open(&sealed) else { return };
            assert!(profile.seal(&KEY, SALT) == sealed, "a profile that was read is written otherwise");
            use_it(&profile);
        }
    }
}

fn open(bytes: &[u8]) -> Option<Profile> {
    Profile::open(&KEY, bytes).inspect_err(|error| assert!(!error.to_string().is_empty())).ok()
}

/// Codes can be made with whatever was accepted, and always the same ones.
fn use_it(profile: &Profile) {
    let coder = Coder::new(profile, &KEY);
    assert_eq!(coder.epoch(), Coder::new(profile, &KEY).epoch());
    let (first, again) = (coder.fingerprint(&IMAGE), coder.fingerprint(&IMAGE));
    assert!(first.ok() == again.ok(), "one image, two fingerprints");
}

/// The plaintext of a profile as `profile/codec.rs` draws it: means of zero, scales of one, small entries.
fn plain(dims: usize) -> Vec<u8> {
    let number = |value: usize| u16::try_from(value).unwrap_or_default().to_le_bytes();
    let entries = |count: usize| (0..count).flat_map(|i| number(i * 7 % 251)).collect::<Vec<u8>>();
    let mut plain = [[1, 0], number(FEATURES), number(dims), [0; 2]].concat();
    plain.extend([70_u32.to_le_bytes(), 200_u32.to_le_bytes(), [9, 0, 0, 0], [0; 4]].concat());
    plain.extend(vec![0; 4 * FEATURES]);
    plain.extend(1_f32.to_le_bytes().repeat(dims));
    plain.extend(entries(dims * FEATURES));
    plain.extend(vec![0; 4 * DESCRIPTOR]);
    plain.extend(1_f32.to_le_bytes().repeat(DESCRIPTOR));
    plain.extend(entries(DESCRIPTOR * DESCRIPTOR));
    plain
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mode = |mode: u8, script: &[u8]| [&[mode], script].concat();
    let mut seeds: Vec<_> = (2..8).map(|dims| mode(dims, &[])).collect();
    for at in [0, 2, 4, 8, 12, 16, 24, 24 + 4 * FEATURES] {
        seeds.push(mode(2, &patch::write(at, &[0xff; 4])));
        seeds.push(mode(1, &patch::flip(at, 1)));
    }
    seeds.push(mode(0, &Sealing::PROFILE.seal(&KEY, FORMAT, &[], b"short", SALT)));
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_here_is_a_profile() {
        let profile = open(&GOOD).unwrap();
        assert_eq!(profile.dims(), 1);
        let built_in = Profile::builtin().seal(&KEY, SALT);
        assert_eq!(open(&built_in).unwrap().dims(), Profile::builtin().dims());
    }
}
