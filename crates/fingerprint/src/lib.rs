//! Keyed perceptual fingerprints: from a luma image to a 256-bit code that survives copying and needs a key to make.
//!
//! A [`Coder`] turns an image into a [`Fingerprint`] for the index, or into a [`QueryFingerprint`] with one code for
//! each way in which a copy may be turned or mirrored. It is made of a [`Profile`], which says what differs between
//! documents, and a projection key, which makes the codes secret. The two together are an epoch.
//!
//! ```
//! use saltprint_fingerprint::{Coder, Luma, Orientation, Profile};
//! use saltprint_keys::ProjectionKey;
//!
//! // Programs load the key from its file and a profile learned by `Calibration`.
//! let coder = Coder::new(&Profile::builtin(), &ProjectionKey::from_secret(&[7; 32]));
//!
//! let picture: Vec<u8> = (0..320 * 200).map(|i| (i % 320 / 40 * 31 ^ i / 320 / 25 * 17) as u8).collect();
//! let record = Luma::new(320, 200, picture)?;
//! let code = coder.fingerprint(&record)?.global;
//!
//! // Somebody leaks it turned by a quarter.
//! let leak = Orientation::Rot90.apply(&record)?;
//! assert_eq!(coder.query(&leak)?.nearest(&code), (0, Orientation::Rot90));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a code is made
//!
//! 1. The image becomes a 192 x 192 grid of area means, in exact integers, whatever its size and aspect ratio.
//! 2. Box means of it give a 24 x 24 patch of local contrast and, from a 64 x 64 field, histograms of gradient
//!    directions in 10 x 10 cells: 1,376 features, rounded to 16 bits.
//! 3. Profile and secret projection, fused into one matrix of 12-bit integers, give 256 sums; their signs are the code.
//!
//! # The same code everywhere
//!
//! Same pixels, key and profile: the same code on every CPU, operating system and number of threads. Steps 1 and 3 are
//! integer arithmetic; step 2 and the projection use only floating-point operations that IEEE 754 defines to the
//! last bit, in a fixed order, and the functions of `libm`. A golden test holds this fixed; turned and mirrored images
//! give the record's code exactly. Decoding is outside: two JPEG decoders may differ by a level, and so by a bit or two.
//!
//! # Memory
//!
//! A [`Coder`] holds 700 kB, shared by all threads. A fingerprint needs 130 kB and 8 bytes a pixel of image width
//! while it is made. Pixels, grids, features, profiles and matrices are wiped when dropped; what the compiler leaves on the
//! stack is not.
//!
//! # Quirks
//!
//! * The code sees the whole frame: crops of more than a few percent, borders, collages and tilts of more than two
//!   degrees lose it. They are the business of local codes.
//! * Aspect ratio does not count: an image stretched to twice its width has the same code.
//! * Copies with colours changed but luma kept are identical.
//! * An image is [`TooPlain`] by its structure alone; nearly blank scans get no code rather than an arbitrary one.
//! * `cargo run --release -p saltprint-fingerprint --example separation` prints how far copies and strangers are apart.

#![forbid(unsafe_code)]

mod calibrate;
mod code;
mod coder;
mod features;
mod grid;
mod local;
mod luma;
mod orientation;
mod plain;
mod profile;

pub use crate::{
    calibrate::{CalibrateError, Calibration, CalibrationSample},
    code::{Fingerprint, GlobalCode, QueryFingerprint},
    coder::Coder,
    local::{
        FRAME, Keypoint, LocalCode, LocalFeature, LocalFingerprint, LocalQuery, Place, QueryFeature, Sharing,
    },
    luma::{Luma, LumaSizeError},
    orientation::Orientation,
    plain::TooPlain,
    profile::{MAX_DIMS, Profile, ProfileError, ProfileOrigin},
};
