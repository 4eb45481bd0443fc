//! Passphrases and where they come from: a file, a descriptor, or whatever a program asks; never arguments or values of
//! environment variables, which other processes may read.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use thiserror::Error;

use crate::{
    file::reading::{Contents, Policy},
    memory::Region,
    source::descriptor_path,
};

/// A passphrase, in locked memory where the system allows, wiped when its last clone is dropped.
///
/// It is any bytes: no spelling is made equal to another, so a passphrase beyond ASCII must be typed the same way each time.
/// Clones share the one copy. `Debug` prints the type name only.
#[derive(Clone)]
pub struct Passphrase {
    region: Arc<Region>,
    len: usize,
}

impl Passphrase {
    /// Most bytes of a passphrase.
    pub const MAX_LEN: usize = 1024;
    /// Fewest bytes of a passphrase for a new wrapping. What a guess costs is no substitute for length.
    pub const MIN_NEW_LEN: usize = 12;

    /// Copies a passphrase; the caller wipes his own.
    ///
    /// # Errors
    ///
    /// [`PassphraseError::Empty`], [`PassphraseError::TooLong`], or [`PassphraseError::Memory`].
    pub fn new(bytes: &[u8]) -> Result<Self, PassphraseError> {
        check(bytes.len())?;
        let mut region = Region::new(bytes.len()).map_err(PassphraseError::Memory)?;
        region.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { region: Arc::new(region), len: bytes.len() })
    }

    /// Reads a file of mode 0600 or less; one newline at its end is not part of the passphrase.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing, open to group or others, a symbolic link or not a regular file, empty or too
    /// long: each is its own [`PassphraseError`].
    pub fn from_file(path: &Path) -> Result<Self, PassphraseError> {
        Self::read(path, Policy::File)
    }

    /// Reads descriptor `descriptor` of this process to its end; one newline at its end is not part of the passphrase.
    ///
    /// # Errors
    ///
    /// As for [`from_file`](Self::from_file), save that permissions are not looked at.
    pub fn from_descriptor(descriptor: u32) -> Result<Self, PassphraseError> {
        Self::read(&descriptor_path(descriptor), Policy::Descriptor)
    }

    fn read(path: &Path, policy: Policy) -> Result<Self, PassphraseError> {
        // With its newline, and one byte more, so that one that is too long shows.
        let contents =
            Contents::read(path, policy, Self::MAX_LEN + 3).map_err(|fault| fault.of_passphrase(path))?;
        let bytes = contents.bytes();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let len = bytes.strip_suffix(b"\r").unwrap_or(bytes).len();
        check(len)?;
        Ok(Self { region: Arc::new(contents.into_region()), len })
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.region.bytes()[..self.len]
    }

    /// Whether it is long enough to wrap a key with.
    pub(crate) fn check_new(&self) -> Result<(), PassphraseError> {
        if self.len < Self::MIN_NEW_LEN { Err(PassphraseError::TooShort) } else { Ok(()) }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

fn check(len: usize) -> Result<(), PassphraseError> {
    match len {
        0 => Err(PassphraseError::Empty),
        1..=Passphrase::MAX_LEN => Ok(()),
        _ => Err(PassphraseError::TooLong),
    }
}

/// A passphrase that could not be had. Each message says what failed, then what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// A wrapped key was met where there is nobody to ask.
    #[error(
        "no passphrase was given; name its file or descriptor in the configuration, or work in a terminal"
    )]
    NotGiven,

    /// The passphrase has no byte.
    #[error("the passphrase is empty; check where it comes from")]
    Empty,

    /// The passphrase is too short for a new wrapping.
    #[error("the passphrase is shorter than 12 bytes; take a longer one, such as five words drawn by dice")]
    TooShort,

    /// The passphrase is over [`Passphrase::MAX_LEN`].
    #[error("the passphrase is longer than 1024 bytes; check that this is the right file")]
    TooLong,

    /// A new passphrase was typed in two ways.
    #[error("the two passphrases differ, and nothing was changed; type the same one twice")]
    Mismatch,

    /// There is no file at the path.
    #[error("no passphrase at `{}`; correct the path", path.display())]
    Missing {
        /// The path asked for.
        path: PathBuf,
    },

    /// The path is a symbolic link, a directory, a pipe, a device or a socket.
    #[error("`{}` is not a regular file; give the path of the file itself", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
    },

    /// Group or others may read, write or execute the file.
    #[error(
        "passphrase file `{}` has mode {mode:04o}, open to other users; run `chmod 600` on it, and change the \
         passphrase if others may have read it",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// The operating system refused an operation.
    #[error("could not {action} `{}`; check the path and its permissions", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },

    /// Nobody could be asked.
    #[error("the passphrase could not be asked for in a terminal; name its file or descriptor instead")]
    Prompt(#[source] io::Error),

    /// There is no memory for it.
    #[error("there is no memory for a passphrase; end other programs")]
    Memory(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn file(bytes: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passphrase");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_it() {
        for (bytes, expected) in [
            ("correct horse", "correct horse"),
            ("correct horse\n", "correct horse"),
            ("correct horse\r\n", "correct horse"),
            ("correct horse\n\n", "correct horse\n"),
            (" correct horse ", " correct horse "),
        ] {
            let (_dir, path) = file(bytes.as_bytes(), 0o600);
            assert_eq!(Passphrase::from_file(&path).unwrap().expose(), expected.as_bytes());
        }
    }

    #[test]
    fn lengths_are_limited() {
        assert!(matches!(Passphrase::new(b""), Err(PassphraseError::Empty)));
        assert!(matches!(Passphrase::new(&[b'x'; 1025]), Err(PassphraseError::TooLong)));
        let (_dir, path) = file(b"\n", 0o600);
        assert!(matches!(Passphrase::from_file(&path), Err(PassphraseError::Empty)));
        let long = [&[b'x'; 1024], b"\r\n".as_slice()].concat();
        let (_dir, path) = file(&long, 0o600);
        assert_eq!(Passphrase::from_file(&path).unwrap().expose().len(), 1024);
        let (_dir, path) = file(&[b'x'; 5000], 0o600);
        assert!(matches!(Passphrase::from_file(&path), Err(PassphraseError::TooLong)));
        assert!(Passphrase::new(b"eleven bytes").unwrap().check_new().is_ok());
        let short = Passphrase::new(b"eleven byte").unwrap().check_new().unwrap_err();
        assert!(short.to_string().contains("shorter than 12 bytes"), "{short}");
    }

    #[test]
    fn files_of_others_are_refused() {
        let (dir, path) = file(b"correct horse", 0o640);
        let error = Passphrase::from_file(&path).unwrap_err();
        assert!(matches!(error, PassphraseError::Permissions { mode: 0o640, .. }), "{error}");
        assert!(matches!(Passphrase::from_file(dir.path()), Err(PassphraseError::NotAFile { .. })));
        let missing = dir.path().join("missing");
        assert!(matches!(Passphrase::from_file(&missing), Err(PassphraseError::Missing { .. })));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Passphrase::from_file(&link), Err(PassphraseError::NotAFile { .. })));
    }

    #[test]
    fn a_descriptor_is_read_to_its_end() {
        use std::{io::Write as _, os::fd::AsRawFd as _};

        let (reader, mut writer) = io::pipe().unwrap();
        let thread = std::thread::spawn(move || writer.write_all(b"correct horse\n"));
        let descriptor = u32::try_from(reader.as_raw_fd()).unwrap();
        assert_eq!(Passphrase::from_descriptor(descriptor).unwrap().expose(), b"correct horse");
        thread.join().unwrap().unwrap();
        let error = Passphrase::from_descriptor(9_999).unwrap_err();
        assert!(matches!(error, PassphraseError::Missing { .. }), "{error:?}");
    }

    #[test]
    fn debug_prints_the_type_name_only() {
        assert_eq!(format!("{:?}", Passphrase::new(b"correct horse").unwrap()), "Passphrase");
    }
}
