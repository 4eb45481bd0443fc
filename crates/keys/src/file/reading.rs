//! Opening and reading files that hold secrets.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use crate::{error::KeyError, memory::Region, passphrase::PassphraseError};

/// The permission bits of a mode, without the type of file.
pub(crate) const MODE_BITS: u32 = 0o7777;

/// What is asked of a file, by where its path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// A regular file of ours: no bit for group and others.
    File,
    /// A credential that the service manager placed. It grants the service access by a list, whose mask shows as a read bit of
    /// the group although the group may read nothing.
    Credential,
    /// An open descriptor, handed over by whoever started us: a file, a pipe or a memory file. Whoever holds it could
    /// read it already, so its mode says nothing.
    Descriptor,
}

impl Policy {
    /// The permission bits that a file must not have.
    const fn foreign_bits(self) -> u32 {
        match self {
            Self::File => 0o077,
            Self::Credential => 0o037,
            Self::Descriptor => 0,
        }
    }
}

/// A file of secrets that could not be read, before it is known what it was to hold.
#[derive(Debug)]
pub(crate) enum ReadFault {
    Missing,
    Symlink,
    NotAFile,
    Permissions(u32),
    Io { action: &'static str, source: io::Error },
}

impl ReadFault {
    fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// Meant to be a key file.
    pub(crate) fn of_key(self, path: &Path) -> KeyError {
        let path = path.into();
        match self {
            Self::Missing => KeyError::Missing { path },
            Self::Symlink => KeyError::Symlink { path },
            Self::NotAFile => KeyError::NotAFile { path },
            Self::Permissions(mode) => KeyError::Permissions { path, mode },
            Self::Io { action, source } => KeyError::Io { action, path, source },
        }
    }

    /// Meant to be a passphrase.
    pub(crate) fn of_passphrase(self, path: &Path) -> PassphraseError {
        let path = path.into();
        match self {
            Self::Missing => PassphraseError::Missing { path },
            Self::Symlink | Self::NotAFile => PassphraseError::NotAFile { path },
            Self::Permissions(mode) => PassphraseError::Permissions { path, mode },
            Self::Io { action, source } => PassphraseError::Io { action, path, source },
        }
    }
}

/// Opens a file for reading (never through a symbolic link at its last component) and checks what it is.
pub(crate) fn open(path: &Path, policy: Policy) -> Result<(File, Metadata), ReadFault> {
    let file = match policy {
        Policy::File | Policy::Credential => open_file(path)?,
        // The path is that of a link to the open file.
        Policy::Descriptor => File::open(path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                ReadFault::Missing
            } else {
                ReadFault::Io { action: "open", source }
            }
        })?,
    };
    let metadata = file.metadata().map_err(ReadFault::io("inspect"))?;
    if policy != Policy::Descriptor && !metadata.is_file() {
        return Err(ReadFault::NotAFile);
    }
    if metadata.mode() & policy.foreign_bits() != 0 {
        return Err(ReadFault::Permissions(metadata.mode() & MODE_BITS));
    }
    Ok((file, metadata))
}

fn open_file(path: &Path) -> Result<File, ReadFault> {
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        // Platforms disagree on the error of O_NOFOLLOW, hence the second look; it only chooses the message.
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => ReadFault::Symlink,
            Ok(metadata) if !metadata.is_file() => ReadFault::NotAFile,
            _ if source.kind() == io::ErrorKind::NotFound => ReadFault::Missing,
            _ => ReadFault::Io { action: "open", source },
        }
    })
}

/// The bytes of a file, in locked memory.
pub(crate) struct Contents {
    region: Region,
    len: usize,
    /// Length of the whole file in bytes; of a pipe, what was read.
    pub(crate) file_len: u64,
}

impl Contents {
    /// Reads at most `most` bytes, straight into memory that is wiped on drop.
    pub(crate) fn read(path: &Path, policy: Policy, most: usize) -> Result<Self, ReadFault> {
        let (mut file, metadata) = open(path, policy)?;
        let mut region = Region::new(most).map_err(ReadFault::io("lock memory for"))?;
        let buffer = &mut region.bytes_mut()[..most];
        let len = read_up_to(&mut file, buffer).map_err(ReadFault::io("read"))?;
        let file_len = if metadata.is_file() { metadata.len() } else { len as u64 };
        Ok(Self { region, len, file_len })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.region.bytes()[..self.len]
    }

    pub(crate) fn into_region(self) -> Region {
        self.region
    }
}

/// Fills `buffer` from the front and returns the number of bytes read: less than its length only at the end of file.
pub(crate) fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
