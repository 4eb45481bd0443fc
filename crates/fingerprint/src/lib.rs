//! Keyed perceptual fingerprints: from a luma image to codes that survive copying and need a key to make.
//!
//! A [`Coder`] turns an image into a [`Fingerprint`] for the index: one 256-bit global code of the whole image, and
//! 128-bit local codes of what stands out in it. For a leaked image it makes a [`QueryFingerprint`], with one global code
//! for each way in which a copy may be turned or mirrored, and the local codes of the image and its mirror image. It is made of a [`Profile`], which says what differs between
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
//! The global code:
//!
//! 1. The image becomes a 192 x 192 grid of area means, in exact integers, whatever its size and aspect ratio.
//! 2. Box means of it give a 24 x 24 patch of local contrast and, from a 64 x 64 field, histograms of gradient
//!    directions in 10 x 10 cells: 1,376 features, rounded to 16 bits.
//! 3. Profile and secret projection, fused into one matrix of 12-bit integers, give 256 sums; their signs are the code.
//!    (A profile may ask for another [`Readout`]: several sums a bit, and a secret truth table of their signs.)
//!
//! The local codes:
//!
//! 1. The image is resampled to a fixed length of its longer side, some hundreds of pixels (never to more than twice its
//!    size), and blurred step by step, in fixed point. Blobs in this scale space are keypoints, each with a size and one or
//!    two directions of the gradients around it.
//! 2. The neighbourhood, turned and scaled with the keypoint, becomes histograms of gradient directions: 4 x 4 cells of 8
//!    directions, of which the square roots of the shares count (as in `RootSIFT`). They are 128 bytes.
//! 3. The profile's map brings forward what is rare in descriptors of the vault: it takes their mean away and, calibrated,
//!    whitens them by half. A secret rotation of the result gives 128 signs. Map and rotation are one matrix of 12-bit
//!    integers.
//! 4. A code is kept with its [`Place`], in 6 bytes: position, size and direction, rounded. A query also knows for the first
//!    24 bits how near they were to tipping over, which tells a lookup table where else to look.
//!
//! A local code follows its keypoint, so turns need no codes of their own; the mirror image of a descriptor is a
//! rearrangement of its values. An image gives some hundreds of local codes; which of them a record keeps is the index's
//! business, as that takes knowing what other records have.
//!
//! # The same code everywhere
//!
//! Same pixels, key and profile: the same codes on every CPU, operating system and number of threads. Where it matters
//! most, arithmetic is in integers: grids, scale space, and the products whose signs are the codes. The rest uses only
//! floating-point operations that IEEE 754 defines to the last bit, in a fixed order, and the functions of `libm`. Golden
//! tests hold this fixed. Turned and mirrored images give the record's global code exactly, and most of its local codes
//! within a few bits. Decoding is outside: two JPEG decoders may differ by a level, and so by a bit or two.
//!
//! # Memory
//!
//! A [`Coder`] holds 750 kB, shared by all threads. While it is made a fingerprint needs 17 bytes a pixel
//! of the resampled image, nearly all for the scale space (13 MB for a square of 896 pixels a side, 40 MB for one of 1536,
//! as [`Coder::fine`] may have), and 8 bytes a pixel of image width. Pixels, grids, descriptors, features, codes of
//! queries, profiles and matrices are wiped when dropped; what the compiler leaves on the stack is not.
//!
//! # Quirks
//!
//! * The global code sees the whole frame: crops of more than a few percent, borders, collages and tilts of more than two
//!   degrees lose it. Local codes find those copies, as long as enough of what only this document has is still in them.
//! * Local codes see what is some pixels wide in the resampled image: strong blur, pixelation and tiny thumbnails lose
//!   them. Those keep the global code.
//! * Aspect ratio does not count for the global code: an image stretched to twice its width has the same one. Local codes
//!   stand a stretch by a fifth or so.
//! * Copies with colours changed but luma kept are identical.
//! * An image is [`TooPlain`] by its structure alone; nearly blank scans get no codes rather than arbitrary ones. An image
//!   whose shorter side is below 16 pixels has no local codes.
//! * `cargo run --release -p saltprint-fingerprint --example separation` prints how far copies and strangers are apart.

#![forbid(unsafe_code)]

mod calibrate;
mod code;
mod coder;
pub mod danger;
mod features;
mod grid;
mod local;
mod luma;
mod orientation;
mod panels;
mod plain;
mod profile;
mod readout;
mod straight;
mod wide;

pub use crate::{
    calibrate::{CalibrateError, Calibration, CalibrationSample},
    code::{Fingerprint, GlobalCode, QueryFingerprint},
    coder::Coder,
    local::{
        FRAME, Keypoint, LocalCode, LocalCodes, LocalFeature, LocalFingerprint, LocalQuery, Place,
        QueryFeature, Reader, Scales, Sharing, Threads, View,
    },
    luma::{Luma, LumaSizeError},
    orientation::Orientation,
    panels::Panel,
    plain::TooPlain,
    profile::{MAX_DIMS, Profile, ProfileError, ProfileOrigin},
    readout::Readout,
    straight::Corners,
};
