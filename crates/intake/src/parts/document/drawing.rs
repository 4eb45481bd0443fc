//! Parts of documents told in words and numbers, so that one process can find them and another draw them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use blake3::Hash;
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use super::pdf;
use crate::{Limits, Reject, decode::decode_tiff_page};

/// A page or an image of a document: what to draw of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Drawing {
    /// A page of a TIFF.
    TiffPage {
        /// Where its directory begins, in bytes.
        directory: u64,
    },
    /// A page of a PDF.
    PdfPage {
        /// From 0.
        index: usize,
    },
    /// An image in a PDF.
    PdfImage {
        /// The page that it was found on, from 0.
        page: usize,
        /// Number and generation of its object.
        id: (u32, i32),
        /// Those of the form whose resources name it; `None` for those of the page.
        form: Option<(u32, i32)>,
        /// The name by which it is drawn.
        name: Vec<u8>,
    },
}

impl Drawing {
    /// Bytes that stand for it: what it is, the digest of the whole document, and two numbers.
    #[must_use]
    pub fn identity(&self, document: &Hash) -> Vec<u8> {
        let (what, number): (&[u8], u64) = match self {
            Self::TiffPage { directory } => (b"TIFF page", *directory),
            Self::PdfPage { index } => (b"PDF page", *index as u64),
            Self::PdfImage { id: (number, generation), .. } => {
                (b"PDF image", u64::from(*number) << 32 | u64::from(generation.cast_unsigned()))
            }
        };
        [what, document.as_bytes(), &number.to_le_bytes(), &0_u64.to_le_bytes()].concat()
    }

    /// The format of its document, for messages.
    #[must_use]
    pub fn format(&self) -> &'static str {
        match self {
            Self::TiffPage { .. } => super::Container::Tiff.name(),
            Self::PdfPage { .. } | Self::PdfImage { .. } => super::Container::Pdf.name(),
        }
    }
}

/// A document whose parts a walk has told before. `Debug` shows no content.
pub struct Document {
    bytes: Arc<Zeroizing<Vec<u8>>>,
    digest: Hash,
    pdf: OnceLock<Arc<pdf::Document>>,
}

impl Document {
    /// Takes the bytes of a document; nothing is read before something of it is drawn.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { digest: blake3::hash(&bytes), bytes: Arc::new(Zeroizing::new(bytes)), pdf: OnceLock::new() }
    }

    /// Digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Draws a part of it, as [`Content::decode`](crate::Content::decode) does.
    ///
    /// # Errors
    /// A [`Reject`].
    pub fn draw(&self, drawing: &Drawing, limits: &Limits) -> Result<Luma, Reject> {
        let checked = || Arc::new(pdf::Document::checked(Arc::clone(&self.bytes), self.digest));
        let pdf = || self.pdf.get_or_init(checked);
        match drawing {
            Drawing::TiffPage { directory } => decode_tiff_page(&self.bytes, *directory, limits),
            Drawing::PdfPage { index } => pdf().page(*index, limits),
            Drawing::PdfImage { page, id, form, name } => pdf().image(*page, (*id, *form, name), limits),
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.bytes.len())
    }
}
