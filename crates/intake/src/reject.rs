//! Why an input did not become an image: what could not be read, and what was refused.

use std::io;

use serde::{Deserialize, Serialize};

use crate::parts::is_deceptive;
use crate::words::{self, Word};

/// Longest detail text that is taken over from a decoder or the system, in characters.
const MAX_DETAIL: usize = 160;

/// Why an input has no image. Each input that is not decoded ends in exactly one of these.
///
/// The texts name numbers, formats and fields, never a path, a record id or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Reject {
    /// Nobody could read it as it stands: the bytes are missing, damaged or no image.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It broke a rule of ours: a limit, a format that is not supported, a row that is not valid.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Reject {
    /// The outcome of the input in one word: `"unreadable"` or `"refused"`.
    #[must_use]
    pub fn outcome_word(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Refused(_) => "refused",
        }
    }

    /// A word for machines, such as `"file_too_large"`. It stays the same over releases.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(unreadable) => unreadable.code(),
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

/// What makes an input unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Unreadable {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// There is nothing at the path.
    #[error("there is no such file; it may have been moved since it was listed")]
    NotFound,
    /// The process may not read the file or the folder.
    #[error("permission denied; give the user that runs this read access")]
    PermissionDenied,
    /// It is not the file any more that it was before.
    #[error("the file changed while the leak was read; look at it again when nobody writes to it")]
    Changed,
    /// The system could not read it.
    #[error("reading failed: {detail}")]
    Io {
        /// What the system said.
        #[serde(deserialize_with = "cleaned")]
        detail: String,
    },
    /// The content is no image and no container that is known by its first bytes.
    #[error("this is not an image: its first bytes are those of no known format")]
    NotAnImage,
    /// The file ends before its last pixel, entry or end marker.
    #[error("the {format} is cut off before its end")]
    Truncated {
        /// The format by its first bytes.
        #[serde(deserialize_with = "words::known")]
        format: Word,
    },
    /// The file contradicts its format.
    #[error("the {format} is damaged: {detail}")]
    Malformed {
        /// The format by its first bytes.
        #[serde(deserialize_with = "words::known")]
        format: Word,
        /// What the decoder said.
        #[serde(deserialize_with = "cleaned")]
        detail: String,
    },
}

impl Unreadable {
    /// See [`Reject::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::NotFound => "not_found",
            Self::PermissionDenied => "permission_denied",
            Self::Changed => "changed_while_read",
            Self::Io { .. } => "io_error",
            Self::NotAnImage => "not_an_image",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
        }
    }

    pub(crate) fn malformed(format: &'static str, detail: &str) -> Self {
        Self::Malformed { format, detail: clean(detail) }
    }
}

impl From<&io::Error> for Unreadable {
    fn from(error: &io::Error) -> Self {
        // A source of ours has said already what is wrong.
        if let Some(known) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return known.clone();
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is told in the system's words")]
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            _ => Self::Io { detail: clean(&error.to_string()) },
        }
    }
}

impl From<&io::Error> for Reject {
    fn from(error: &io::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

/// What makes an input refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The file is larger than [`Limits::file_bytes`](crate::Limits::file_bytes).
    #[error("the file has at least {bytes} bytes, more than the {allowed} allowed")]
    FileTooLarge {
        /// Bytes found; at least so many where the file was still growing.
        bytes: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// A side is longer than [`Limits::side`](crate::Limits::side).
    #[error("the image says it is {width} x {height} pixels; a side may have {allowed}")]
    SideTooLong {
        /// Width that the header states, in pixels.
        width: u32,
        /// Height that the header states, in pixels.
        height: u32,
        /// Pixels allowed for a side.
        allowed: u32,
    },
    /// More pixels than [`Limits::pixels`](crate::Limits::pixels).
    #[error("the image says it has {pixels} pixels, more than the {allowed} allowed")]
    TooManyPixels {
        /// Pixels that the header states.
        pixels: u64,
        /// Pixels allowed.
        allowed: u64,
    },
    /// Decoding would hold more memory than [`Limits::decode_bytes`](crate::Limits::decode_bytes).
    #[error("decoding needs at least {bytes} bytes of memory, more than the {allowed} allowed")]
    TooMuchMemory {
        /// Bytes needed, at least.
        bytes: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// A known format, or a variant of one, that is not supported.
    #[error("{format} is recognised but not supported{}{detail}", if detail.is_empty() { "" } else { ": " })]
    Unsupported {
        /// The format by its first bytes.
        #[serde(deserialize_with = "words::known")]
        format: Word,
        /// Which variant, or empty.
        #[serde(deserialize_with = "cleaned")]
        detail: String,
    },
    /// Neither a regular file nor a folder: it is not opened.
    #[error("this is a {found}, not a regular file")]
    NotARegularFile {
        /// What it is instead.
        #[serde(deserialize_with = "words::known")]
        found: Word,
    },
    /// Symbolic links are not followed, since they may lead out of the vault.
    #[error("this is a symbolic link; links are not followed, list the file itself")]
    SymbolicLink,
    /// A file name that is not UTF-8 cannot be a record id.
    #[error("the file name is not valid UTF-8; rename the file")]
    NameNotUtf8,
    /// A field (or a name that stands for one) breaks its rule.
    #[error("the {field} {problem}")]
    InvalidField {
        /// Which field.
        #[serde(deserialize_with = "words::known")]
        field: Word,
        /// What is wrong with it; never its value.
        #[serde(deserialize_with = "words::known")]
        problem: Word,
    },
    /// The row cannot be taken apart into its fields.
    #[error("the row cannot be read: {problem}")]
    InvalidRow {
        /// What is wrong with it.
        #[serde(deserialize_with = "cleaned")]
        problem: String,
    },
    /// A record id that an earlier row has. The earlier row is kept.
    #[error("line {line} repeats the record_id of line {first_line}; the row on line {first_line} is kept")]
    DuplicateRecordId {
        /// The line that has the record id first, from 1.
        first_line: u64,
        /// The line that is refused, from 1.
        line: u64,
    },
    /// A limit of an archive or document as a whole; what came before it is not lost.
    #[error("the {format} has more than the {allowed} {what} allowed; what comes after is not read")]
    ContainerLimit {
        /// Format of the archive or document.
        #[serde(deserialize_with = "words::known")]
        format: Word,
        /// Of what there is too much: entries, unpacked bytes, pages, seconds of reading, levels.
        #[serde(deserialize_with = "words::known")]
        what: Word,
        /// How much is allowed.
        allowed: u64,
    },
    /// It needs a password.
    #[error("the {format} is encrypted; decrypt it first, or ask for its password")]
    Encrypted {
        /// Format.
        #[serde(deserialize_with = "words::known")]
        format: Word,
    },
    /// An entry whose place in the archive is not safe, such as `..` or an absolute path, or that overlaps another.
    #[error("the archive's entry is not safe: {how}")]
    UnsafeEntry {
        /// What is wrong with it.
        #[serde(deserialize_with = "words::known")]
        how: Word,
    },
    /// An archive or document with nothing in it.
    #[error("the {format} holds no files, pages or images")]
    EmptyContainer {
        /// Format.
        #[serde(deserialize_with = "words::known")]
        format: Word,
    },
    /// The process that decoded it ended without an answer. Nothing else was lost.
    #[error("the decoding process crashed on it")]
    DecoderCrashed,
    /// The process that decoded it was stopped because it took too long.
    #[error("the decoding process took longer than the {seconds} seconds allowed, and was stopped")]
    DecoderTime {
        /// Seconds allowed.
        seconds: u64,
    },
    /// The process that decoded it wanted more memory than it may have.
    #[error("the decoding process wanted more than the {allowed} bytes of memory allowed")]
    DecoderMemory {
        /// Bytes allowed.
        allowed: u64,
    },
    /// A manifest path that leaves the vault's root.
    #[error("the path leaves the vault: {how}")]
    OutsideRoot {
        /// By which means.
        #[serde(deserialize_with = "words::known")]
        how: Word,
    },
}

impl Refusal {
    /// See [`Reject::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileTooLarge { .. } => "file_too_large",
            Self::SideTooLong { .. } => "side_too_long",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooMuchMemory { .. } => "too_much_memory",
            Self::Unsupported { .. } => "unsupported_format",
            Self::NotARegularFile { .. } => "not_a_regular_file",
            Self::SymbolicLink => "symbolic_link",
            Self::NameNotUtf8 => "name_not_utf8",
            Self::InvalidField { .. } => "invalid_field",
            Self::InvalidRow { .. } => "invalid_row",
            Self::DuplicateRecordId { .. } => "duplicate_record_id",
            Self::ContainerLimit { .. } => "container_limit",
            Self::Encrypted { .. } => "encrypted",
            Self::UnsafeEntry { .. } => "unsafe_entry",
            Self::EmptyContainer { .. } => "empty_container",
            Self::DecoderCrashed => "decoder_crashed",
            Self::DecoderTime { .. } => "decoder_time",
            Self::DecoderMemory { .. } => "decoder_memory",
            Self::OutsideRoot { .. } => "outside_root",
        }
    }

    pub(crate) fn unsupported(format: &'static str, detail: &str) -> Self {
        Self::Unsupported { format, detail: clean(detail) }
    }
}

/// A foreign message made fit for one line of a log: no control characters, bounded length.
fn clean(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).take(MAX_DETAIL).collect::<String>()
}

/// A message from another process, made fit in the same way.
fn cleaned<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| clean(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_codes() {
        let refused = Reject::from(Refusal::FileTooLarge { bytes: 2, allowed: 1 });
        assert_eq!((refused.outcome_word(), refused.code()), ("refused", "file_too_large"));
        assert_eq!(refused.to_string(), "the file has at least 2 bytes, more than the 1 allowed");
        let unreadable = Reject::from(Unreadable::NotAnImage);
        assert_eq!((unreadable.outcome_word(), unreadable.code()), ("unreadable", "not_an_image"));
    }

    #[test]
    fn foreign_text_is_bounded_and_stays_on_one_line() {
        let unreadable = Unreadable::malformed("PNG", &"a\nb".repeat(1000));
        let text = unreadable.to_string();
        assert!(text.len() < 300 && !text.contains('\n'), "{text}");
        let plain = Refusal::unsupported("PDF", "");
        assert_eq!(plain.to_string(), "PDF is recognised but not supported");
        let variant = Refusal::unsupported("JPEG", "arithmetic coding");
        assert_eq!(variant.to_string(), "JPEG is recognised but not supported: arithmetic coding");
    }

    #[test]
    fn system_errors_keep_their_kind() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(Reject::from(&denied).code(), "permission_denied");
        assert_eq!(Reject::from(&io::Error::from(io::ErrorKind::NotFound)).code(), "not_found");
        assert_eq!(Reject::from(&io::Error::other("x")).code(), "io_error");
    }
}
