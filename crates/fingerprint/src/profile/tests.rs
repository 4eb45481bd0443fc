use super::*;

fn key(byte: u8) -> ProjectionKey {
    ProjectionKey::from_secret(&[byte; 32])
}

#[test]
fn sealed_profiles_open_with_their_key_only() {
    let profile = Profile::builtin();
    let sealed = profile.seal(&key(1), [5; 32]);
    let opened = Profile::open(&key(1), &sealed).unwrap();
    assert!(opened == profile);
    assert_eq!(opened.digest(), profile.digest());
    assert!(matches!(Profile::open(&key(2), &sealed), Err(ProfileError::Seal(_))));
    assert!(matches!(Profile::open(&key(1), &[]), Err(ProfileError::Seal(_))));
    let mut damaged = sealed;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(matches!(Profile::open(&key(1), &damaged), Err(ProfileError::Seal(_))));
}

#[test]
fn debug_shows_metadata_only() {
    assert_eq!(format!("{:?}", Profile::builtin()), "Profile { origin: BuiltIn, dims: 256, .. }");
}

#[test]
fn rows_are_rounded_to_their_largest_entry() {
    let (scale, entries) = quantise_row(&[0.0, -2.0, 1.0], 2047);
    assert_eq!(entries, [0, -2047, 1024]);
    assert!((f64::from(scale) * 2047.0 - 2.0).abs() < 1e-6);
    assert_eq!(quantise_row(&[0.0; 3], 7), (1.0, vec![0; 3]));
    assert_eq!(quantise_row(&[f64::NAN, 0.0], 7), (1.0, vec![0; 2]));
    assert_eq!(quantise_row(&[f64::INFINITY, 0.0], 7), (1.0, vec![0; 2]));
}
