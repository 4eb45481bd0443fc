use proptest::prelude::*;

use super::*;

const FORMAT: BlobFormat = BlobFormat { magic: *b"SALTTEST", version: 2 };
const SALT: [u8; 32] = [9; 32];

fn key() -> IndexKey {
    IndexKey::from_secret(&[7; 32])
}

fn sealed(plaintext: &[u8]) -> Vec<u8> {
    Sealing::MANIFEST.seal(&key(), FORMAT, b"epoch", plaintext, SALT)
}

fn open(blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    Sealing::MANIFEST.open(&key(), FORMAT, b"epoch", blob)
}

#[test]
fn layout_is_the_documented_one() {
    let blob = sealed(b"plaintext");
    assert_eq!(blob.len(), SEALING_OVERHEAD + 9);
    assert_eq!(&blob[0..8], b"SALTTEST");
    assert_eq!(&blob[8..16], [2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&blob[16..48], SALT);
    assert_eq!(&blob[48..56], 9_u64.to_le_bytes());

    let role_key_and_salt = [[7; 32], SALT].concat();
    let mac_key = blake3::derive_key(Context::MANIFEST_MAC.as_str(), &role_key_and_salt);
    let message = [&5_u64.to_le_bytes(), b"epoch".as_slice(), &blob[..65]].concat();
    assert_eq!(&blob[65..], blake3::keyed_hash(&mac_key, &message).as_bytes());
}

/// Computed by another implementation from `FORMAT.md`. A change of the contexts or the cipher orphans
/// every profile and manifest in the field.
#[test]
fn golden_blobs() {
    let digest = |blob: &[u8]| blake3::hash(blob).to_hex()[..32].to_owned();
    assert_eq!(digest(&sealed(b"plaintext")), "53920be745c4c5b9fc30334d2b4aa99a");
    let profile = Sealing::PROFILE.seal(&ProjectionKey::from_secret(&[7; 32]), FORMAT, b"", &[0; 100], SALT);
    assert_eq!(digest(&profile), "1ad616ea91bdd7f90e8a5304aa648e90");
}

#[test]
fn an_empty_plaintext_is_sealed_too() {
    let blob = sealed(b"");
    assert_eq!(blob.len(), SEALING_OVERHEAD);
    assert!(open(&blob).unwrap().is_empty());
}

#[test]
fn another_key_salt_or_kind_gives_another_keystream() {
    let zeros = [0; 64];
    let base = sealed(&zeros)[HEADER_LEN..HEADER_LEN + 64].to_vec();
    let other_key = IndexKey::from_secret(&[8; 32]);
    let projection = ProjectionKey::from_secret(&[7; 32]);
    for other in [
        Sealing::MANIFEST.seal(&key(), FORMAT, b"epoch", &zeros, [10; 32]),
        Sealing::MANIFEST.seal(&other_key, FORMAT, b"epoch", &zeros, SALT),
        Sealing::PROFILE.seal(&projection, FORMAT, b"epoch", &zeros, SALT),
    ] {
        assert_ne!(base, other[HEADER_LEN..HEADER_LEN + 64]);
    }
}

#[test]
fn a_wrong_key_is_refused() {
    let blob = sealed(b"plaintext");
    let other = IndexKey::from_secret(&[8; 32]);
    let opened = Sealing::MANIFEST.open(&other, FORMAT, b"epoch", blob.as_slice());
    assert_eq!(opened.unwrap_err(), SealError::NotAuthentic);
}

#[test]
fn the_same_secret_under_another_kind_is_refused() {
    let projection = ProjectionKey::from_secret(&[7; 32]);
    let opened = Sealing::PROFILE.open(&projection, FORMAT, b"epoch", sealed(b"plaintext"));
    assert_eq!(opened.unwrap_err(), SealError::NotAuthentic);
}

#[test]
fn other_associated_data_are_refused() {
    let blob = sealed(b"plaintext");
    for associated in [b"".as_slice(), b"epoc", b"epoch2", b"Epoch"] {
        let opened = Sealing::MANIFEST.open(&key(), FORMAT, associated, blob.as_slice());
        assert_eq!(opened.unwrap_err(), SealError::NotAuthentic);
    }
}

#[test]
fn another_magic_is_another_kind() {
    let format = BlobFormat { magic: *b"SALTELSE", ..FORMAT };
    let opened = Sealing::MANIFEST.open(&key(), format, b"epoch", sealed(b"plaintext"));
    assert_eq!(opened.unwrap_err(), SealError::Kind);
}

#[test]
fn other_versions_tell_both() {
    let blob = sealed(b"plaintext");
    let with =
        |version| Sealing::MANIFEST.open(&key(), BlobFormat { version, ..FORMAT }, b"epoch", blob.as_slice());
    assert_eq!(with(1).unwrap_err(), SealError::NewerVersion { found: 2, supported: 1 });
    assert_eq!(with(3).unwrap_err(), SealError::OlderVersion { found: 2, supported: 3 });
    assert_eq!(
        with(1).unwrap_err().to_string(),
        "the format version is 2 and this program reads 1; use a newer Saltprint"
    );
}

#[test]
fn an_absurd_length_is_refused_before_it_is_allocated() {
    for length in [u64::MAX, u64::MAX - 87, 1 << 60, 10] {
        let mut blob = sealed(b"plaintext");
        blob[LENGTH_AT].copy_from_slice(&length.to_le_bytes());
        assert_eq!(open(&blob).unwrap_err(), SealError::Length { found: blob.len() });
    }
}

proptest! {
    #[test]
    fn round_trip(
        secret: [u8; 32],
        salt: [u8; 32],
        associated in prop::collection::vec(any::<u8>(), 0..50),
        plaintext in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let key = ProjectionKey::from_secret(&secret);
        let blob = Sealing::PROFILE.seal(&key, FORMAT, &associated, &plaintext, salt);
        let opened = Sealing::PROFILE.open(&key, FORMAT, &associated, blob.as_slice());
        prop_assert_eq!(opened.map(|opened| opened.to_vec()), Ok(plaintext));
    }

    #[test]
    fn every_change_of_a_byte_is_refused(
        plaintext in prop::collection::vec(any::<u8>(), 0..80),
        change in 1_u8..,
    ) {
        let good = sealed(&plaintext);
        for position in 0..good.len() {
            let mut blob = good.clone();
            blob[position] ^= change;
            prop_assert!(open(&blob).is_err(), "byte {}", position);
        }
    }

    #[test]
    fn every_truncation_and_extension_is_refused(
        plaintext in prop::collection::vec(any::<u8>(), 0..80),
        extra in prop::collection::vec(any::<u8>(), 1..80),
    ) {
        let good = sealed(&plaintext);
        for length in 0..good.len() {
            prop_assert_eq!(open(&good[..length]).unwrap_err(), SealError::Length { found: length });
        }
        let long = [good, extra].concat();
        prop_assert_eq!(open(&long).unwrap_err(), SealError::Length { found: long.len() });
    }

    #[test]
    fn arbitrary_bytes_are_refused(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(open(&tail).is_err());
        let header = [FORMAT.magic.as_slice(), &FORMAT.version.to_le_bytes(), &tail].concat();
        prop_assert!(open(&header).is_err());
    }
}
