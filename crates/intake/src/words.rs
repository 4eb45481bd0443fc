//! The fixed words of rejects, so that one that comes from another process says nothing that was not written here.

use serde::{Deserialize, Deserializer};

/// A fixed word. An alias, since derived code would want to borrow a plain `&str` from the message.
pub(crate) type Word = &'static str;

/// What stands for a word that is not known.
const UNKNOWN: Word = "file";

/// The words of this crate that an image, an archive or a document may be rejected with.
const WORDS: [Word; 60] = [
    // Formats.
    "JPEG",
    "PNG",
    "WebP",
    "TIFF",
    "BMP",
    "GIF",
    "PDF",
    "ZIP archive",
    "tar archive",
    "gzip archive",
    "Zstandard archive",
    "xz archive",
    "7-Zip archive",
    "RAR archive",
    "Photoshop document",
    "JPEG XL",
    "JPEG 2000",
    "OpenEXR",
    "Microsoft Office document",
    "DjVu",
    "PostScript",
    "SVG",
    "AVIF",
    "HEIC",
    "MP4 video",
    // Of what there is too much.
    "entries",
    "unpacked bytes",
    "pages",
    "directories",
    "levels of archives",
    "seconds of reading",
    "seconds of drawing",
    "drawing commands on a page",
    "pixels of images drawn on a page",
    // What is not safe about an entry.
    "its name is an absolute path",
    "its name begins with a drive letter",
    "its name leads out of the archive with `..`",
    "it has no name",
    "it overlaps another entry, or the directory",
    "it is a hard link; links are not followed",
    "it is a symbolic link; links are not followed",
    "it is a device or a pipe",
    "it is a device",
    // What is no regular file.
    "folder",
    "pipe",
    "socket",
    "device",
    "special file",
    // Fields and their rules.
    "record_id",
    "captured",
    "path",
    "subject",
    "source",
    "kind",
    "is empty",
    "is too long",
    "holds a control character",
    "is no key of an object",
    "the rest of the store",
    "the file is empty",
];

/// Reads a word, and takes `"file"` for one that is not of this crate.
pub(crate) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
    Ok(WORDS.into_iter().find(|word| *word == text).unwrap_or(UNKNOWN))
}

#[cfg(test)]
mod tests {
    use crate::{
        Refusal, Reject, Unreadable,
        decode::Format,
        parts::{Container, Role},
    };

    /// What `reject` is after its way through a message.
    fn sent(reject: &Reject) -> Reject {
        serde_json::from_str(&serde_json::to_string(reject).unwrap()).unwrap()
    }

    #[test]
    fn rejects_survive_a_message() {
        for format in [Format::Jpeg, Format::Png, Format::WebP, Format::Tiff, Format::Bmp, Format::Gif] {
            let reject = Reject::from(Unreadable::Truncated { format: format.name() });
            assert_eq!(sent(&reject), reject);
        }
        for container in [
            Container::Zip,
            Container::Tar,
            Container::Gzip,
            Container::Zstd,
            Container::Xz,
            Container::SevenZip,
            Container::Pdf,
            Container::Tiff,
        ] {
            let reject = Reject::from(Refusal::Encrypted { format: container.name() });
            assert_eq!(sent(&reject), reject);
        }
        for reject in [
            Refusal::ContainerLimit { format: "PDF", what: "seconds of drawing", allowed: 7 }.into(),
            Refusal::UnsafeEntry { how: "it has no name" }.into(),
            Refusal::DecoderTime { seconds: 3 }.into(),
            Unreadable::malformed("GIF", "no frame").into(),
            Unreadable::NotAnImage.into(),
        ] {
            let reject: Reject = reject;
            assert_eq!(sent(&reject), reject);
        }
        let role = Role::Image { document: "/a.pdf".to_owned(), page: "/a.pdf#page=1".to_owned() };
        let text = serde_json::to_string(&role).unwrap();
        assert_eq!(serde_json::from_str::<Role>(&text).unwrap(), role);
    }

    #[test]
    fn a_message_cannot_bring_words_of_its_own() {
        let text = serde_json::to_string(&Reject::from(Unreadable::malformed("GIF", "x"))).unwrap();
        let forged =
            text.replace("GIF", "call 555-1234").replace("\"x\"", &format!("\"{}\\n\"", "y".repeat(999)));
        let reject: Reject = serde_json::from_str(&forged).unwrap();
        assert!(reject.to_string().starts_with("the file is damaged: yyy"));
        assert!(reject.to_string().len() < 200);
    }
}
