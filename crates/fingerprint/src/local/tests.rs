//! Local features of pictures and of what becomes of them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "known numbers"
)]

use image::{DynamicImage, GrayImage, imageops};
use proptest::prelude::*;
use saltprint_synth::{Document, Template};

use super::{
    descriptor::mirror_of,
    features::{LocalFeatures, Settings},
    keypoint::{FRAME, Keypoint},
};
use crate::luma::Luma;

/// Keypoints of the original that are looked for in the copy.
const STRONGEST: usize = 100;

fn document(template: Template, seed: u64) -> GrayImage {
    DynamicImage::ImageRgb8(Document::new(template, seed).image).into_luma8()
}

fn luma(image: &GrayImage) -> Luma {
    Luma::new(image.width(), image.height(), image.as_raw().clone()).unwrap()
}

fn extract(image: &GrayImage) -> LocalFeatures {
    LocalFeatures::extract(&luma(image), &Settings::default())
}

/// Of [`STRONGEST`] keypoints, how many the copy has within 2 pixels (of 640), half an octave and 1/20 turn of where
/// `moved` says that they went, and for how many of those the nearest descriptor of the copy is the right one.
fn found(
    original: &LocalFeatures,
    copy: &LocalFeatures,
    moved: impl Fn(Keypoint) -> Keypoint,
) -> (usize, usize) {
    let same = |a: &Keypoint, b: &Keypoint| {
        let turn = (a.angle - b.angle).rem_euclid(1.0);
        (a.x - b.x).hypot(a.y - b.y) < 2.0 * FRAME / 640.0
            && (a.size / b.size).log2().abs() < 0.5
            && turn.min(1.0 - turn) < 0.05
    };
    let (mut again, mut matched) = (0, 0);
    for (keypoint, descriptor) in original.keypoints.iter().zip(&original.descriptors).take(STRONGEST) {
        let want = moved(*keypoint);
        if copy.keypoints.iter().any(|is| same(is, &want)) {
            again += 1;
            let nearest =
                (0..copy.keypoints.len()).min_by_key(|&i| distance(descriptor, &copy.descriptors[i]));
            matched += usize::from(nearest.is_some_and(|i| same(&copy.keypoints[i], &want)));
        }
    }
    (again, matched)
}

/// Square of the Euclidean distance.
fn distance(a: &[u8; 128], b: &[u8; 128]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}

fn check(name: &str, edit: impl Fn(&GrayImage) -> GrayImage, moved: impl Fn(Keypoint, f32, f32) -> Keypoint) {
    for (template, seed) in
        [(Template::IdentityCard, 3), (Template::Passport, 4), (Template::DrivingLicence, 5)]
    {
        let image = document(template, seed);
        let original = extract(&image);
        let copy = extract(&edit(&image));
        let (again, matched) =
            found(&original, &copy, |keypoint| moved(keypoint, original.width, original.height));
        println!("{name} {template:?}: {again} found again, {matched} matched");
        assert!(again >= 70, "{name} {template:?}: {again} of {STRONGEST} found again");
        assert!(matched * 100 >= again * 80, "{name} {template:?}: {matched} of {again} matched");
    }
}

fn unmoved(keypoint: Keypoint, _: f32, _: f32) -> Keypoint {
    keypoint
}

#[test]
fn a_quarter_turn_turns_keypoints() {
    // Clockwise: +x becomes +y.
    check("turned", imageops::rotate90, |k, _, height| Keypoint {
        x: height - k.y,
        y: k.x,
        angle: k.angle + 0.25,
        ..k
    });
}

#[test]
fn keypoints_survive_a_smaller_copy() {
    let shrink = |image: &GrayImage| {
        let side = |side: u32| side * 6 / 10;
        imageops::resize(image, side(image.width()), side(image.height()), imageops::FilterType::Triangle)
    };
    check("60 %", shrink, unmoved);
}

#[test]
fn keypoints_survive_blur() {
    check("blurred", |image| imageops::blur(image, 1.5), unmoved);
}

#[test]
fn keypoints_survive_other_light() {
    let darken = |image: &GrayImage| {
        let mut copy = image.clone();
        copy.pixels_mut().for_each(|pixel| pixel.0[0] = (f32::from(pixel.0[0]) * 0.8 + 10.0) as u8);
        copy
    };
    check("darker", darken, unmoved);
}

#[test]
fn a_mirror_image_has_mirrored_features() {
    for template in [Template::Passport, Template::DrivingLicence, Template::ResidencePermit] {
        let image = document(template, 3);
        let copy = extract(&imageops::flip_horizontal(&image));
        let mut original = extract(&image);
        for descriptor in &mut original.descriptors {
            let upright = *descriptor;
            *descriptor = std::array::from_fn(|i| upright[mirror_of(i)]);
        }
        let moved = |k: Keypoint| Keypoint { x: original.width - k.x, angle: 0.5 - k.angle, ..k };
        let (again, matched) = found(&original, &copy, moved);
        let mut near: Vec<u32> = original.descriptors[..STRONGEST]
            .iter()
            .map(|mirror| copy.descriptors.iter().map(|is| distance(mirror, is)).min().unwrap())
            .collect();
        near.sort_unstable();
        println!(
            "{template:?}: {again} found again, {matched} matched, median square {}",
            near[STRONGEST / 2]
        );
        assert!(again >= 75 && matched >= again * 95 / 100, "{template:?}: {again} again, {matched} matched");
        // The length of a descriptor is about 512.
        assert!(near[STRONGEST / 2] < 40 * 40, "{template:?}: {}", near[STRONGEST / 2]);
    }
}

#[test]
fn strongest_come_first_and_stay_inside() {
    let image = document(Template::Passport, 9);
    let features = extract(&image);
    assert_eq!(features.keypoints.len(), 400);
    assert_eq!((features.strengths.len(), features.descriptors.len()), (400, 400));
    assert!(features.strengths.is_sorted_by(|a, b| a >= b));
    assert_eq!(features.width.max(features.height), FRAME);
    for Keypoint { x, y, size, angle } in &features.keypoints {
        assert!((0.0..features.width).contains(x) && (0.0..features.height).contains(y));
        assert!(*size > 0.0 && (0.0..1.0).contains(angle));
    }
    let few = LocalFeatures::extract(&luma(&image), &Settings { keep: 37, ..Settings::default() });
    assert!(few.keypoints == features.keypoints[..37] && few.descriptors == features.descriptors[..37]);
}

#[test]
fn a_document_on_a_chequered_cloth_has_its_turn() {
    let mut image = GrayImage::from_fn(1200, 900, |x, y| {
        image::Luma([if (x / 16 + y / 16) % 2 == 0 { 20 } else { 235 }])
    });
    let card = image::imageops::thumbnail(&document(Template::Passport, 9), 400, 280);
    image::imageops::replace(&mut image, &card, 500, 400);
    let on_card = |cells: u8| {
        let settings = Settings { long_side: 1200, keep: 800, cells, ..Settings::default() };
        let features = LocalFeatures::extract(&luma(&image), &settings);
        assert_eq!(features.keypoints.len(), 800, "{cells} cells");
        let scale = FRAME / 1200.0;
        let inside = |at: f32, from: f32, size: f32| (from * scale..(from + size) * scale).contains(&at);
        features
            .keypoints
            .iter()
            .filter(|at| inside(at.x, 510.0, 380.0) && inside(at.y, 410.0, 260.0))
            .count()
    };
    let (strongest, in_turn) = (on_card(1), on_card(8));
    assert!(strongest < 10 && in_turn > 20, "{strongest} without cells, {in_turn} with");
}

#[test]
fn a_plain_image_has_no_features() {
    for (width, height) in [(640, 480), (2000, 1500), (16, 16)] {
        let ramp =
            GrayImage::from_fn(width, height, |x, y| image::Luma([((x + y) * 255 / (width + height)) as u8]));
        for image in [GrayImage::from_pixel(width, height, image::Luma([130])), ramp] {
            assert_eq!(extract(&image).keypoints.len(), 0, "{width} x {height}");
        }
    }
}

#[test]
fn debug_shows_nothing() {
    let keypoint = Keypoint { x: 1.5, y: 2.5, size: 3.5, angle: 0.5 };
    assert_eq!(format!("{keypoint:?}"), "Keypoint");
    assert_eq!(format!("{:?}", LocalFeatures::default()), "LocalFeatures");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_image_is_fine(
        width in 1_u32..200,
        height in 1_u32..200,
        long_side in 0_u32..400,
        seed in any::<u64>(),
        coarse in 1_u32..9,
    ) {
        let image = noise(width, height, coarse, seed);
        let settings = Settings { long_side, keep: 50, ..Settings::default() };
        let features = LocalFeatures::extract(&image, &settings);
        prop_assert!(features.keypoints.len() <= 50);
        for Keypoint { x, y, size, angle } in &features.keypoints {
            prop_assert!((0.0..=features.width).contains(x) && (0.0..=features.height).contains(y));
            prop_assert!(*size > 0.0 && (0.0..1.0).contains(angle));
        }
    }
}

#[test]
fn extreme_shapes_are_fine() {
    for (width, height) in [(1, 1), (20_000, 16), (16, 20_000), (9000, 40), (1, 70_000), (16, 16), (17, 600)]
    {
        let _ = LocalFeatures::extract(&noise(width, height, 4, 1), &Settings::default());
    }
}

/// Squares of `coarse` pixels of arbitrary luma, the same on every machine.
fn noise(width: u32, height: u32, coarse: u32, seed: u64) -> Luma {
    let at = |i: u32| {
        let (x, y) = (u64::from(i % width / coarse), u64::from(i / width / coarse));
        let mixed = ((x * 0x9e37_79b9) ^ (y * 0x85eb_ca6b) ^ seed).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53).to_be_bytes()[0]
    };
    Luma::new(width, height, (0..width * height).map(at).collect()).unwrap()
}

/// Features are stored in indexes: whoever changes this changes what old indexes match.
#[test]
fn features_are_the_same_everywhere() {
    let settings = Settings { long_side: 500, ..Settings::default() };
    let features = LocalFeatures::extract(&noise(900, 700, 23, 5), &settings);
    assert_eq!(features.keypoints.len(), 400);
    let mut digest = blake3::Hasher::new();
    for ((Keypoint { x, y, size, angle }, strength), descriptor) in
        features.keypoints.iter().zip(&features.strengths).zip(&features.descriptors)
    {
        for value in [x, y, size, angle, strength] {
            digest.update(&value.to_le_bytes());
        }
        digest.update(descriptor);
    }
    assert_eq!(digest.finalize().to_hex().as_str(), GOLDEN);
}

const GOLDEN: &str = "44bfaa19a54d3f1e26d8c449796aec62b4be0a124dbf695d0a9dbb66771a384f";
