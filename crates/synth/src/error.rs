//! What can go wrong: little, since nothing is parsed.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The JPEG encoder refused an image.
    #[error("cannot encode an image of {width} x {height} pixels as JPEG; sides must be 1 to 65535 pixels")]
    Encode {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The encoder's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file or folder of a corpus could not be written.
    #[error("cannot write {}; check that the folder exists, is writable and has room", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}
