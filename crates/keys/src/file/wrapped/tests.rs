use proptest::prelude::*;

use super::{
    super::{Parsed, parse},
    *,
};
use crate::kdf::KdfCostError;

const CHEAP: KdfCost = KdfCost::from_fields(8, 1, 1);

fn words(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes()).unwrap()
}

fn material() -> Material {
    Material { role: Role::Index, key: RoleKey::from_secret(Role::Index, &[7; 32]), created: 1_795_000_000 }
}

/// Salts of 0x01 and of 0x02.
fn encoded(cost: KdfCost) -> [u8; WRAPPED_LEN] {
    let mut count = 0;
    let mut random = |buffer: &mut [u8]| {
        count += 1;
        buffer.fill(count);
        Ok(())
    };
    encode(&material(), &words("correct horse battery staple"), cost, &mut random).unwrap().unwrap()
}

fn open(bytes: &[u8], limits: &KdfLimits, passphrase: &str) -> Result<Material, Fault> {
    match parse(bytes, limits)? {
        Parsed::Wrapped(wrapped) => wrapped.open(&words(passphrase)),
        Parsed::Plain(_) => panic!("a wrapped file passed for a plain one"),
    }
}

fn open_cheap(bytes: &[u8]) -> Result<Material, Fault> {
    open(bytes, &KdfLimits::NONE, "correct horse battery staple")
}

/// Makes the checksum fit, as somebody would who means it.
fn forge(mut bytes: [u8; WRAPPED_LEN], change: impl FnOnce(&mut [u8])) -> [u8; WRAPPED_LEN] {
    change(&mut bytes);
    let sum = checksum(&bytes[..CHECKSUM_AT.start]);
    bytes[CHECKSUM_AT].copy_from_slice(&sum);
    bytes
}

#[test]
fn layout_is_the_documented_one() {
    let bytes = encoded(CHEAP);
    assert_eq!(bytes.len(), 224);
    assert_eq!(&bytes[0..8], b"SALTKEY\n");
    assert_eq!(&bytes[8..16], [2, 0, 2, 1, 0, 0, 0, 0]);
    assert_eq!(&bytes[16..32], material().key.id().as_bytes());
    assert_eq!(&bytes[32..40], 1_795_000_000_u64.to_le_bytes());
    assert_eq!(&bytes[40..56], [8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&bytes[56..72], [1; 16]);
    assert_eq!(&bytes[72..88], b"SALTWRAP\x01\0\0\0\0\0\0\0");
    assert_eq!(&bytes[88..120], [2; 32]);
    assert_eq!(&bytes[120..128], 32_u64.to_le_bytes());
    let sum = blake3::derive_key(Context::KEY_WRAP_CHECKSUM.as_str(), &bytes[..192]);
    assert_eq!(&bytes[192..], sum);
}

/// Computed by another implementation from `FORMAT.md`, argon2id included. A change orphans wrapped keys in the field.
#[test]
fn golden_file() {
    let cost = KdfCost::new(64, 3, 1).unwrap();
    let bytes = encoded(cost);
    assert_eq!(&blake3::hash(&bytes).to_hex()[..32], "57687e9091ae0a41827b09979280fdaa");
    let opened = open(&bytes, &KdfLimits::ENFORCED, "correct horse battery staple").ok().unwrap();
    assert_eq!(opened.key.expose(), &[7; 32]);
    assert_eq!((opened.role, opened.created), (Role::Index, 1_795_000_000));
}

#[test]
fn a_wrong_passphrase_is_told_from_damage() {
    let bytes = encoded(CHEAP);
    for wrong in ["correct horse battery stapl", "Correct horse battery staple", "x"] {
        assert!(matches!(open(&bytes, &KdfLimits::NONE, wrong), Err(Fault::WrongPassphrase)));
    }
    for position in 10..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = bytes;
            bytes[position] ^= bit;
            assert!(matches!(open_cheap(&bytes), Err(Fault::Damaged)), "byte {position}");
        }
    }
}

#[test]
fn truncations_and_extensions_tell_the_right_length() {
    let bytes = encoded(CHEAP);
    for length in 10..bytes.len() {
        assert!(matches!(open_cheap(&bytes[..length]), Err(Fault::Length(224))), "{length}");
    }
    let long = [&bytes[..], &[0]].concat();
    assert!(matches!(open_cheap(&long), Err(Fault::Length(224))));
}

/// Whoever fits the checksum still cannot change what the passphrase authenticates.
#[test]
fn forged_headers_do_not_open() {
    let good = encoded(CHEAP);
    for at in [ROLE_AT, KEY_ID_AT.start, CREATED_AT.start, KDF_SALT_AT.start, BLOB_AT.start + 60] {
        let bytes = forge(good, |bytes| bytes[at] ^= 1);
        assert!(matches!(open_cheap(&bytes), Err(Fault::WrongPassphrase)), "byte {at}");
    }
    for at in [KDF_AT, RESERVED_1_AT.start, RESERVED_2_AT.start] {
        let bytes = forge(good, |bytes| bytes[at] ^= 0x40);
        assert!(matches!(open_cheap(&bytes), Err(Fault::Damaged)), "byte {at}");
    }
}

#[test]
fn costs_outside_the_limits_are_refused_before_they_are_paid() {
    let state = |memory: u32, passes: u32, lanes: u32| {
        forge(encoded(CHEAP), |bytes| {
            bytes[MEMORY_AT].copy_from_slice(&memory.to_le_bytes());
            bytes[PASSES_AT].copy_from_slice(&passes.to_le_bytes());
            bytes[LANES_AT].copy_from_slice(&lanes.to_le_bytes());
        })
    };
    let refused = |bytes: [u8; WRAPPED_LEN]| match parse(&bytes, &KdfLimits::ENFORCED) {
        Err(Fault::Cost(error)) => error,
        _ => panic!("not refused for its cost"),
    };
    for (memory, passes) in [(65_535, 3), (65_536, 2), (8, 1), (0, 0)] {
        assert!(matches!(refused(state(memory, passes, 1)), KdfCostError::Weak { .. }));
    }
    for (memory, passes, lanes) in
        [(u32::MAX, 3, 1), (65_536, u32::MAX, 1), (65_536, 3, u32::MAX), (65_536, 3, 0)]
    {
        assert!(matches!(refused(state(memory, passes, lanes)), KdfCostError::Excessive { .. }));
    }
}

proptest! {
    #[test]
    fn any_key_round_trips(secret: [u8; 32], created: u64, role in 0_usize..4, word in "\\PC{1,40}") {
        let role = Role::ALL[role];
        let material = Material { role, key: RoleKey::from_secret(role, &secret), created };
        let passphrase = words(&word);
        let bytes = encode(&material, &passphrase, CHEAP, &mut crate::system_random).unwrap().unwrap();
        let opened = open(&bytes, &KdfLimits::NONE, &word);
        let Ok(opened) = opened else { return Err(TestCaseError::fail("refused")) };
        prop_assert_eq!((opened.key.expose(), opened.role, opened.created), (&secret, role, created));
        prop_assert!(!bytes.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
    }

    #[test]
    fn arbitrary_bytes_never_pass(tail in prop::collection::vec(any::<u8>(), 214)) {
        let bytes = [&encoded(CHEAP)[..10], &tail].concat();
        prop_assert!(open_cheap(&bytes).is_err());
    }
}
