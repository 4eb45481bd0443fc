//! The few file operations that a log rests on, so that tests can pull the plug between any two.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The files of a log's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Log,
    NewLog,
    State,
    NewState,
}

impl Name {
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Log => "log.jsonl",
            Self::NewLog => "log.jsonl.tmp",
            Self::State => "state",
            Self::NewState => "state.tmp",
        }
    }
}

/// A folder of files. What was written is durable after [`Handle::sync`], what was named after
/// [`sync_folder`](Self::sync_folder).
pub(crate) trait Storage {
    /// Where it is, for messages.
    fn path(&self, name: Name) -> PathBuf;
    /// Opens a file for reading, and for writing where the storage writes.
    fn open(&self, name: Name) -> io::Result<Box<dyn Handle>>;
    /// Makes an empty file, instead of one that a crash left behind.
    fn create(&self, name: Name) -> io::Result<Box<dyn Handle>>;
    /// Gives a file another name, instead of the file that has it.
    fn rename(&self, from: Name, to: Name) -> io::Result<()>;
    /// Makes names durable.
    fn sync_folder(&self) -> io::Result<()>;
}

/// An open file.
pub(crate) trait Handle {
    fn len(&self) -> io::Result<u64>;
    /// Reads up to as many bytes as the buffer takes; 0 at the end.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
    /// Permission bits for group and others.
    fn foreign_mode(&self) -> io::Result<u32>;
}

/// Reads `buffer` full, or fails with `UnexpectedEof`.
pub(crate) fn read_exact_at(file: &dyn Handle, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(at, buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                at += count as u64;
                buffer = buffer.get_mut(count..).ok_or(io::ErrorKind::InvalidData)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The bytes of an open file from a place on.
pub(crate) struct Bytes<'a> {
    file: &'a dyn Handle,
    at: u64,
}

impl<'a> Bytes<'a> {
    pub(crate) fn from(file: &'a dyn Handle, at: u64) -> Self {
        Self { file, at }
    }
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(self.at, buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A folder on disk.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    writes: bool,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.into(), writes: true }
    }

    /// A folder that may lie on a medium or belong to a user that does not let us write.
    pub(crate) fn read_only(path: &Path) -> Self {
        Self { path: path.into(), writes: false }
    }
}

impl Storage for Folder {
    fn path(&self, name: Name) -> PathBuf {
        self.path.join(name.file())
    }

    fn open(&self, name: Name) -> io::Result<Box<dyn Handle>> {
        let path = self.path(name);
        // A look before opening, because opening a pipe would wait; and after it, because a link may have been put
        // there in between.
        let expected = fs::symlink_metadata(&path)?;
        if !expected.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = OpenOptions::new().read(true).write(self.writes).open(&path)?;
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) != (expected.dev(), expected.ino()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Box::new(file))
    }

    fn create(&self, name: Name) -> io::Result<Box<dyn Handle>> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Handle for File {
    fn len(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, at)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn foreign_mode(&self) -> io::Result<u32> {
        Ok(self.metadata()?.mode() & 0o077)
    }
}

#[cfg(test)]
pub(crate) mod fake;
