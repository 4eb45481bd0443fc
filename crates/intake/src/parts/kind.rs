//! Which files hold others, by their first bytes.

/// A file that may hold others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// ZIP archive.
    Zip,
    /// Tape archive.
    Tar,
    /// gzip: an archive of tar, or one file.
    Gzip,
    /// Zstandard: an archive of tar, or one file.
    Zstd,
    /// xz: an archive of tar, or one file.
    Xz,
    /// 7-Zip archive.
    SevenZip,
    /// PDF document.
    Pdf,
    /// TIFF: of one or several pages.
    Tiff,
}

/// Bytes at the start of a file that [`Container::sniff`] looks at.
pub(crate) const HEAD: usize = 1024 + 5;

/// Where the magic of a tape archive begins (POSIX.1-1988 ustar).
const TAR_MAGIC_AT: usize = 257;

impl Container {
    /// The container by its first bytes, at least 1,029 of them where the file has as many; `None` where it is none.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let begins = |magics: &[&[u8]]| magics.iter().any(|magic| head.starts_with(magic));
        if begins(&[b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"]) {
            Some(Self::Zip)
        } else if begins(&[b"\x1f\x8b\x08"]) {
            Some(Self::Gzip)
        } else if begins(&[b"\x28\xb5\x2f\xfd"]) {
            Some(Self::Zstd)
        } else if begins(&[b"\xfd7zXZ\0"]) {
            Some(Self::Xz)
        } else if begins(&[b"7z\xbc\xaf\x27\x1c"]) {
            Some(Self::SevenZip)
        } else if begins(&[b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", b"MM\0\x2b"]) {
            Some(Self::Tiff)
        } else if crate::decode::Format::sniff(head).is_ok() {
            // What lies in the middle of an image, in a comment for one, makes it nothing else: a tape archive has its
            // magic that late, and a PDF may have its own anywhere in the first kilobyte.
            None
        } else if head.get(TAR_MAGIC_AT..TAR_MAGIC_AT + 5) == Some(b"ustar") {
            Some(Self::Tar)
        } else if head[..head.len().min(HEAD)].windows(5).any(|window| window == b"%PDF-") {
            Some(Self::Pdf)
        } else {
            None
        }
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zip => "ZIP archive",
            Self::Tar => "tar archive",
            Self::Gzip => "gzip archive",
            Self::Zstd => "Zstandard archive",
            Self::Xz => "xz archive",
            Self::SevenZip => "7-Zip archive",
            Self::Pdf => "PDF",
            Self::Tiff => "TIFF",
        }
    }

    /// Whether it is held in memory as a whole and gives pages, rather than streamed and gives files.
    pub(crate) fn is_document(self) -> bool {
        matches!(self, Self::Pdf | Self::Tiff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_by_their_first_bytes() {
        let mut tar = vec![b'a'; 512];
        tar[TAR_MAGIC_AT..TAR_MAGIC_AT + 5].copy_from_slice(b"ustar");
        let begins = |magic: &[u8]| [magic, &tar[magic.len()..]].concat();
        for (bytes, kind) in [
            (b"PK\x03\x04".as_slice(), Some(Container::Zip)),
            (b"\n\n%PDF-1.4", Some(Container::Pdf)),
            (&tar, Some(Container::Tar)),
            (b"II\x2a\0", Some(Container::Tiff)),
            (b"\xff\xd8\xff\xe0 a JPEG that quotes %PDF-1.4", None),
            (&begins(b"\xff\xd8\xff\xfe\x0f\xa0"), None),
            (&begins(b"\x89PNG\r\n\x1a\n"), None),
            (&begins(b"GIF89a"), None),
            // Only a name.
            (&begins(b"BM.jpg\0"), Some(Container::Tar)),
            (b"", None),
        ] {
            assert_eq!(Container::sniff(bytes), kind);
        }
    }
}
