//! Keyed perceptual fingerprints: features, calibrated profile, secret projection, codes.

#![forbid(unsafe_code)]

mod calibrate;
mod code;
mod coder;
mod features;
mod grid;
mod luma;
mod orientation;
mod plain;
mod profile;

pub use crate::{
    calibrate::{CalibrateError, Calibration, CalibrationSample},
    code::{Fingerprint, GlobalCode, QueryFingerprint},
    coder::Coder,
    luma::{Luma, LumaSizeError},
    orientation::Orientation,
    plain::TooPlain,
    profile::{MAX_DIMS, Profile, ProfileError, ProfileOrigin},
};
