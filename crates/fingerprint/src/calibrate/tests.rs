use std::sync::OnceLock;

use rayon::prelude::*;
use saltprint_keys::ProjectionKey;

use super::{random::Random, *};
use crate::{Coder, GlobalCode, Luma, TooPlain, local::LocalProfile};

/// An invented document: the same printed background for all, and a few fields of its own.
fn document(number: u64) -> Luma {
    let (width, height) = (240_u32, 160_u32);
    let mut pixels: Vec<u8> = (0..width * height)
        .map(|i| {
            let (x, y) = (i % width, i / width);
            u8::try_from(150 + (x / 6 + y / 4) % 8 * 6 + if y < 24 { 40 } else { 0 }).unwrap()
        })
        .collect();
    let mut random = Random::new(number);
    for field in 0..14_u32 {
        let (left, top) = (20 + field % 2 * 110, 30 + field / 2 * 18);
        for x in left..left + 90 {
            if random.below(2) == 0 {
                for y in top..top + 10 {
                    pixels[(y * width + x) as usize] = 30;
                }
            }
        }
    }
    Luma::new(width, height, pixels).unwrap()
}

/// Samples of the first documents, measured once for all tests.
fn samples() -> &'static [CalibrationSample] {
    static SAMPLES: OnceLock<Vec<CalibrationSample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        (0..80_u64).into_par_iter().map(|n| CalibrationSample::measure(&document(n), 11).unwrap()).collect()
    })
}

fn calibrate<'a>(samples: impl Iterator<Item = &'a CalibrationSample>) -> Result<Profile, CalibrateError> {
    let mut calibration = Calibration::new(11);
    samples.for_each(|sample| calibration.add(sample));
    calibration.finish()
}

#[test]
fn a_calibrated_profile_separates_one_template_better() {
    let profile = calibrate(samples().iter()).unwrap();
    assert_eq!(profile.origin(), ProfileOrigin::Calibrated { sample: 80, records: 0, seed: 11 });
    assert_eq!(profile.dims(), 40);
    let key = ProjectionKey::from_secret(&[4; 32]);
    let nearest = |profile: &Profile| {
        let coder = Coder::new(profile, &key);
        let codes: Vec<GlobalCode> =
            (1000..1020).map(|n| coder.fingerprint(&document(n)).unwrap().global).collect();
        let pairs = codes.iter().enumerate().flat_map(|(i, a)| codes[..i].iter().map(move |b| a.distance(b)));
        pairs.min().unwrap()
    };
    let (calibrated, builtin) = (nearest(&profile), nearest(&Profile::builtin()));
    assert!(
        calibrated > builtin,
        "strangers come within {calibrated} bits, with the built-in profile {builtin}"
    );
}

#[test]
fn order_does_not_change_the_sums() {
    let sums = |samples: &mut dyn Iterator<Item = &CalibrationSample>| {
        let mut calibration = Calibration::new(11);
        samples.for_each(|sample| calibration.add(sample));
        (calibration.documents.covariance(&[0.0; FEATURES]), calibration.noise.covariance(&[0.0; FEATURES]))
    };
    assert!(sums(&mut samples()[..9].iter()) == sums(&mut samples()[..9].iter().rev()));
}

#[test]
fn order_does_not_change_the_local_map() {
    let learn = |samples: &mut dyn Iterator<Item = &CalibrationSample>| {
        let mut calibration = Calibration::new(11);
        samples.for_each(|sample| calibration.add(sample));
        calibration.descriptors.learn()
    };
    let map = learn(&mut samples().iter());
    assert!(map != LocalProfile::builtin(), "80 documents are enough to learn from");
    assert!(map == learn(&mut samples().iter().rev()));
    assert!(map == learn(&mut samples()[40..].iter().chain(&samples()[..40])));
}

#[test]
fn samples_follow_from_seed_and_image() {
    let again = CalibrationSample::measure(&document(3), 11).unwrap();
    assert!(again.noise().eq(samples()[3].noise()));
    assert!(again.descriptors() == samples()[3].descriptors());
    let other = CalibrationSample::measure(&document(3), 12).unwrap();
    assert!(!other.noise().eq(samples()[3].noise()));
}

#[test]
fn small_or_uniform_samples_are_refused() {
    assert_eq!(calibrate(samples()[..3].iter()), Err(CalibrateError::TooFew { got: 3, need: 64 }));
    let copies = std::iter::repeat_n(&samples()[0], 67);
    assert_eq!(calibrate(copies), Err(CalibrateError::NoVariation));
}

#[test]
fn plain_documents_are_no_sample() {
    let blank = Luma::new(300, 200, vec![240; 60_000]).unwrap();
    assert!(matches!(CalibrationSample::measure(&blank, 1), Err(TooPlain)));
}

#[test]
fn debug_shows_counts_only() {
    assert_eq!(format!("{:?}", Calibration::new(3)), "Calibration { seed: 3, documents: 0, .. }");
    let sample = CalibrationSample::measure(&document(1), 1).unwrap();
    assert_eq!(format!("{sample:?}"), "CalibrationSample");
}
