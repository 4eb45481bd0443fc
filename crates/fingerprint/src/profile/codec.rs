//! The bytes of a profile, before sealing. Little-endian, in this order, nothing else:
//!
//! | bytes | field |
//! |---|---|
//! | 2 | origin: 0 built-in, 1 calibrated |
//! | 2 | features: 1376 |
//! | 2 | `dims`: 1 to 256 |
//! | 2 | half-spaces a bit of a global code: 0 for one, else 4, 6 or 8 |
//! | 4 | sample: documents, 0 if built-in |
//! | 4 | records of the vault that it was drawn from, 0 if built-in or not known |
//! | 8 | seed, 0 if built-in |
//! | 4 x 1376 | mean: i32, 1/256 of a feature step, within +-32767 steps |
//! | 4 x dims | scales: f32, positive and normal |
//! | 2 x 1376 x dims | entries: i16 |
//! | 4 x 128 | mean of local descriptors: i32, 1/256 of a step, 0 to 255 steps |
//! | 4 x 128 | scales of the local map: f32, positive and normal |
//! | 2 x 128 x 128 | entries of the local map: i16 |

use saltprint_keys::{BlobFormat, ProjectionKey, Sealing};
use zeroize::Zeroizing;

use super::{MAX_DIMS, MEAN_STEPS, Profile, ProfileError, ProfileOrigin};
use crate::features::{FEATURES, SCALE};
use crate::local::{DESCRIPTOR_SIZE, LocalProfile};
use crate::readout::Readout;

const FORMAT: BlobFormat = BlobFormat { magic: *b"SALTPROF", version: 2 };
/// Bytes before the mean.
const HEADER_LEN: usize = 24;

pub(super) fn seal(profile: &Profile, key: &ProjectionKey, salt: [u8; 32]) -> Vec<u8> {
    Sealing::PROFILE.seal(key, FORMAT, &[], &encode(profile), salt)
}

pub(super) fn open(key: &ProjectionKey, bytes: &[u8]) -> Result<Profile, ProfileError> {
    let plain = Sealing::PROFILE.open(key, FORMAT, &[], bytes).map_err(ProfileError::Seal)?;
    decode(&plain)
}

pub(super) fn encode(profile: &Profile) -> Zeroizing<Vec<u8>> {
    let dims = profile.dims();
    let (origin, sample, records, seed) = match profile.origin {
        ProfileOrigin::BuiltIn => (0_u16, 0, 0, 0),
        ProfileOrigin::Calibrated { sample, records, seed } => (1, sample, records, seed),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(length(dims)));
    bytes.extend_from_slice(&origin.to_le_bytes());
    bytes.extend_from_slice(&small(FEATURES).to_le_bytes());
    bytes.extend_from_slice(&small(dims).to_le_bytes());
    // One is written as zero, as it was when there was nothing else.
    let inputs = if profile.readout.is_linear() { 0 } else { u16::from(profile.readout.half_spaces()) };
    bytes.extend_from_slice(&inputs.to_le_bytes());
    bytes.extend_from_slice(&sample.to_le_bytes());
    bytes.extend_from_slice(&records.to_le_bytes());
    bytes.extend_from_slice(&seed.to_le_bytes());
    profile.mean.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    profile.scales.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    profile.rows.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    profile.local.mean.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    profile.local.scales.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    profile.local.rows.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    bytes
}

fn decode(bytes: &[u8]) -> Result<Profile, ProfileError> {
    let mut reader = Reader(bytes);
    let origin = u16::from_le_bytes(reader.take()?);
    let features = u16::from_le_bytes(reader.take()?);
    let dims = usize::from(u16::from_le_bytes(reader.take()?));
    let readout = match reader.take::<2>()? {
        [0, 0] => Some(Readout::LINEAR),
        [inputs, 0] => Readout::of(inputs).filter(|readout| !readout.is_linear()),
        [_, _] => None,
    };
    let sample = u32::from_le_bytes(reader.take()?);
    let records = u32::from_le_bytes(reader.take()?);
    let seed = u64::from_le_bytes(reader.take()?);
    let Some(readout) = readout else {
        return Err(ProfileError::Layout { what: "read-out" });
    };
    if usize::from(features) != FEATURES {
        return Err(ProfileError::Layout { what: "number of features" });
    }
    if !(1..=MAX_DIMS).contains(&dims) {
        return Err(ProfileError::Layout { what: "number of axes" });
    }
    if bytes.len() != length(dims) {
        return Err(ProfileError::Layout { what: "length" });
    }
    let origin = match (origin, sample, records, seed) {
        (0, 0, 0, 0) => ProfileOrigin::BuiltIn,
        (1, sample, records, seed) => ProfileOrigin::Calibrated { sample, records, seed },
        _ => return Err(ProfileError::Layout { what: "origin" }),
    };
    // From here on the sizes are those of bytes we hold.
    let mut profile = Profile {
        origin,
        readout,
        mean: Vec::with_capacity(FEATURES),
        scales: Vec::with_capacity(dims),
        rows: Vec::with_capacity(dims * FEATURES),
        local: LocalProfile {
            mean: Vec::with_capacity(DESCRIPTOR_SIZE),
            scales: Vec::with_capacity(DESCRIPTOR_SIZE),
            rows: Vec::with_capacity(DESCRIPTOR_SIZE * DESCRIPTOR_SIZE),
        },
    };
    for _ in 0..FEATURES {
        let value = i32::from_le_bytes(reader.take()?);
        if f64::from(value).abs() > f64::from(SCALE) * MEAN_STEPS as f64 {
            return Err(ProfileError::Layout { what: "mean" });
        }
        profile.mean.push(value);
    }
    for _ in 0..dims {
        profile.scales.push(reader.scale()?);
    }
    for _ in 0..dims * FEATURES {
        profile.rows.push(i16::from_le_bytes(reader.take()?));
    }
    for _ in 0..DESCRIPTOR_SIZE {
        let value = i32::from_le_bytes(reader.take()?);
        if !(0..=255 * MEAN_STEPS).contains(&i64::from(value)) {
            return Err(ProfileError::Layout { what: "local mean" });
        }
        profile.local.mean.push(value);
    }
    for _ in 0..DESCRIPTOR_SIZE {
        profile.local.scales.push(reader.scale()?);
    }
    for _ in 0..DESCRIPTOR_SIZE * DESCRIPTOR_SIZE {
        profile.local.rows.push(i16::from_le_bytes(reader.take()?));
    }
    Ok(profile)
}

/// Plaintext length at `dims` axes.
const fn length(dims: usize) -> usize {
    HEADER_LEN
        + 4 * FEATURES
        + 4 * dims
        + 2 * FEATURES * dims
        + 8 * DESCRIPTOR_SIZE
        + 2 * DESCRIPTOR_SIZE * DESCRIPTOR_SIZE
}

/// `FEATURES` and `dims` as stored; both are far below the limit.
fn small(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ProfileError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(ProfileError::Layout { what: "length" })?;
        self.0 = rest;
        Ok(*head)
    }

    fn scale(&mut self) -> Result<f32, ProfileError> {
        let value = f32::from_le_bytes(self.take()?);
        if value.is_normal() && value > 0.0 { Ok(value) } else { Err(ProfileError::Layout { what: "scale" }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small_profile() -> Profile {
        let rows: Vec<Vec<f64>> =
            (0..3).map(|d| (0..FEATURES).map(|i| (i * (d + 1)) as f64 % 7.0 - 3.0).collect()).collect();
        let mean: Vec<f64> = (0..FEATURES).map(|i| i as f64 / 3.0).collect();
        Profile::from_rows(
            ProfileOrigin::Calibrated { sample: 70, records: 200, seed: 9 },
            &mean,
            &rows,
            LocalProfile::builtin(),
        )
    }

    #[test]
    fn round_trip() {
        let tables = [4, 6, 8].map(|inputs| small_profile().with_readout(Readout::of(inputs).unwrap()));
        for profile in [small_profile(), Profile::builtin()].into_iter().chain(tables) {
            let bytes = encode(&profile);
            assert_eq!(bytes.len(), length(profile.dims()));
            assert!(decode(&bytes).unwrap() == profile);
        }
    }

    #[test]
    fn each_field_is_checked() {
        let good = encode(&small_profile());
        let changed = |at: usize, value: u8| {
            let mut bytes = good.to_vec();
            bytes[at] = value;
            decode(&bytes).map(|_| ()).unwrap_err()
        };
        let refused = |what| ProfileError::Layout { what };
        assert_eq!(changed(0, 2), refused("origin"));
        assert_eq!(changed(0, 0), refused("origin"));
        assert_eq!(changed(2, 0), refused("number of features"));
        assert_eq!(changed(4, 0), refused("number of axes"));
        assert_eq!(changed(5, 9), refused("number of axes"));
        assert_eq!(changed(4, 4), refused("length"));
        assert_eq!(changed(6, 1), refused("read-out"));
        assert_eq!(changed(6, 5), refused("read-out"));
        assert_eq!(changed(7, 1), refused("read-out"));
        // Nothing was drawn from a vault for the built-in profile.
        let mut builtin = encode(&Profile::builtin()).to_vec();
        builtin[12] = 1;
        assert_eq!(decode(&builtin).map(|_| ()).unwrap_err(), refused("origin"));
        assert_eq!(changed(HEADER_LEN + 3, 0x7F), refused("mean"));
        assert_eq!(changed(HEADER_LEN + 4 * FEATURES + 3, 0xC0), refused("scale"));
        assert_eq!(decode(&good[..good.len() - 1]).map(|_| ()).unwrap_err(), refused("length"));
        assert_eq!(decode(&[]).map(|_| ()).unwrap_err(), refused("length"));
    }

    #[test]
    fn each_field_of_the_local_part_is_checked() {
        let good = encode(&small_profile());
        let means = length(3) - 8 * DESCRIPTOR_SIZE - 2 * DESCRIPTOR_SIZE * DESCRIPTOR_SIZE;
        let scales = means + 4 * DESCRIPTOR_SIZE;
        let entries = scales + 4 * DESCRIPTOR_SIZE;
        let changed = |at: usize, value: [u8; 4]| {
            let mut bytes = good.to_vec();
            bytes[at..at + 4].copy_from_slice(&value);
            decode(&bytes).map(|_| ())
        };
        let refused = |what| Err(ProfileError::Layout { what });
        // The first and the last of each field.
        for mean in [means, scales - 4] {
            assert_eq!(changed(mean, 65_280_i32.to_le_bytes()), Ok(()), "255 steps");
            assert_eq!(changed(mean, 65_281_i32.to_le_bytes()), refused("local mean"));
            assert_eq!(changed(mean, (-1_i32).to_le_bytes()), refused("local mean"));
        }
        for scale in [scales, entries - 4] {
            for value in [-1.0, 0.0, -0.0, f32::NAN, f32::INFINITY, f32::MIN_POSITIVE / 2.0] {
                assert_eq!(changed(scale, value.to_le_bytes()), refused("scale"), "{value}");
            }
            assert_eq!(changed(scale, 0.25_f32.to_le_bytes()), Ok(()));
        }
        for entry in [entries, good.len() - 4] {
            assert_eq!(changed(entry, [0xFF, 0x7F, 0x00, 0x80]), Ok(()), "every entry is one");
        }
        // A profile of version 1 ended before its local part.
        for shorter in [means, scales, entries, good.len() - 2] {
            assert_eq!(decode(&good[..shorter]).map(|_| ()), refused("length"));
        }
        let longer = [&good[..], &[0, 0]].concat();
        assert_eq!(decode(&longer).map(|_| ()), refused("length"));
    }

    #[test]
    fn the_local_part_changes_the_digest() {
        let mut other = small_profile();
        other.local.rows[5] ^= 1;
        assert_ne!(other.digest(), small_profile().digest());
    }

    /// Profiles of earlier releases, which knew one read-out, are the same bytes, and so the same epoch.
    #[test]
    fn the_linear_read_out_is_written_as_zero() {
        assert_eq!(encode(&small_profile())[6..8], [0, 0]);
        let tables = small_profile().with_readout(Readout::of(4).unwrap());
        assert_eq!(encode(&tables)[6..8], [4, 0]);
        assert_ne!(tables.digest(), small_profile().digest());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }
}
