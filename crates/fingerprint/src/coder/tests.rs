use proptest::prelude::*;

use super::*;

/// A picture of boxes and waves that needs no image file, `seed` choosing what it shows.
fn picture(width: u32, height: u32, seed: u64) -> Luma {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |limit: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 33).unwrap() % limit
    };
    let mut pixels = vec![128_u8; (width * height) as usize];
    for _ in 0..40 {
        let (left, top) = (below(width), below(height));
        let (w, h) = (below(width / 3 + 1) + 1, below(height / 3 + 1) + 1);
        let tone = u8::try_from(below(256)).unwrap();
        for y in top..(top + h).min(height) {
            for x in left..(left + w).min(width) {
                pixels[(y * width + x) as usize] = tone.wrapping_add(u8::try_from((x * y) % 16).unwrap());
            }
        }
    }
    Luma::new(width, height, pixels).unwrap()
}

fn coder(byte: u8) -> Coder {
    Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[byte; 32]))
}

fn hex(code: &GlobalCode) -> String {
    code.to_bytes()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

/// The promise that codes are the same on every CPU: a change of this text is a new epoch for everybody.
/// It also moves with `ALGORITHM` and the layout of the profile, which enter the projection.
#[test]
fn golden_code() {
    let code = coder(7).fingerprint(&picture(640, 400, 1)).unwrap().global;
    assert_eq!(hex(&code), "8c9ed7d59092b7cc89449d7ca871a929597e155657118c5e4a80bc34ce750711");
}

#[test]
fn columns_are_orthonormal() {
    let subkey = ProjectionKey::from_secret(&[3; 32]).derive(Context::GLOBAL_PROJECTION, &[0; 32]);
    let columns = orthonormal_columns(128, BITS, &subkey);
    for (i, a) in columns.chunks_exact(BITS).enumerate() {
        for (j, b) in columns.chunks_exact(BITS).enumerate() {
            let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12, "{i} {j} {product}");
        }
    }
}

#[test]
fn another_key_or_profile_is_another_epoch() {
    let image = picture(300, 200, 2);
    let (a, b) = (coder(1), coder(2));
    assert_ne!(a.epoch(), b.epoch());
    assert_eq!(a.epoch(), coder(1).epoch());
    let distance = a.fingerprint(&image).unwrap().global.distance(&b.fingerprint(&image).unwrap().global);
    assert!((80..=176).contains(&distance), "codes of two keys are {distance} bits apart");
}

#[test]
fn debug_shows_no_matrix() {
    let coder = coder(1);
    assert_eq!(format!("{coder:?}"), format!("Coder {{ epoch: {:?}, .. }}", coder.epoch()));
}

#[test]
fn coder_is_shared_between_threads() {
    fn check<T: Send + Sync>(_: &T) {}
    check(&coder(1));
}

#[test]
fn plain_images_have_no_code() {
    let blank = Luma::new(500, 300, vec![250; 150_000]).unwrap();
    assert_eq!(coder(1).fingerprint(&blank), Err(TooPlain));
    assert_eq!(coder(1).query(&blank), Err(TooPlain));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_turned_image_has_the_records_code_at_its_orientation(
        width in 20_u32..400, height in 20_u32..400, seed: u64,
    ) {
        let (coder, image) = (coder(5), picture(width, height, seed));
        let Ok(record) = coder.fingerprint(&image) else { return Ok(()) };
        let upright = *coder.query(&image).unwrap().code(Orientation::Upright);
        prop_assert_eq!(upright, record.global);
        for o in Orientation::ALL {
            let query = coder.query(&o.apply(&image).unwrap()).unwrap();
            prop_assert_eq!(query.code(o), &record.global);
        }
    }
}
