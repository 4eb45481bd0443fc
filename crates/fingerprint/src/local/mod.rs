//! Local features: blobs that stay where they are on the document when an image is cropped, framed, tilted or
//! photographed again, each with a direction and a descriptor of its neighbourhood (Lowe 2004).
//!
//! Pixels become a [`resize::Plane`], that becomes the octaves of [`scale_space`], [`keypoint`] finds blobs and
//! directions in them, [`descriptor`] describes the neighbourhoods, and [`features::LocalFeatures`] runs it all.
//!
//! [`learn`] and [`whiten`] are the calibrated map of descriptors, [`coder`] makes the secret codes of [`code`].

mod code;
mod coder;
mod codes;
pub(crate) mod descriptor;
pub(crate) mod features;
pub(crate) mod keypoint;
mod learn;
mod reader;
pub(crate) mod resize;
pub(crate) mod scale_space;
mod whiten;

#[cfg(test)]
mod tests;

pub use self::code::{LocalCode, LocalFeature, LocalFingerprint, LocalQuery, Place, QueryFeature, Sharing};
pub use self::codes::LocalCodes;
pub use self::features::Threads;
pub use self::keypoint::{FRAME, Keypoint};
pub use self::reader::{Reader, Scales, View};
pub(crate) use self::{
    coder::LocalCoder,
    descriptor::{DESCRIPTOR_SIZE, mirror_of},
    features::{LocalFeatures, Settings},
    learn::DescriptorSums,
    scale_space::ScaleSpace,
    whiten::LocalProfile,
};
