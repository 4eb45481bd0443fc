//! Names that systems give to files of their own, which hold nothing of anybody's.

/// Files that macOS adds to folders.
const FILES: [&[u8]; 2] = [b".DS_Store", b".localized"];

/// What a name of the attributes of another file begins with (`AppleDouble`).
const FORK: &[u8] = b"._";

/// Folder of the attributes that macOS adds to its archives.
const FOLDER: &[u8] = b"__MACOSX";

/// Whether a file, by the last part of its name, is of the system. Every other file may be evidence, hidden or not: a leak
/// is packed by somebody who has an interest in what is found.
pub(crate) fn is_file_of_system(name: &[u8]) -> bool {
    name.starts_with(FORK) || FILES.contains(&name)
}

/// Whether a folder, by the last part of its name, is of the system, with all that is in it.
pub(crate) fn is_folder_of_system(name: &[u8]) -> bool {
    name == FOLDER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_is_not_of_the_system() {
        for name in [b"._a.jpg".as_slice(), b".DS_Store", b".localized"] {
            assert!(is_file_of_system(name) && !is_folder_of_system(name));
        }
        for name in [b".cache".as_slice(), b".a.jpg", b".git", b"Thumbs.db", b"DS_Store", b"..."] {
            assert!(!is_file_of_system(name) && !is_folder_of_system(name));
        }
        assert!(is_folder_of_system(b"__MACOSX") && !is_folder_of_system(b"MACOSX"));
    }
}
