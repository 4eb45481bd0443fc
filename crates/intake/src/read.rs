//! Reading one file: regular files only, never more than the limit.

use std::{
    fmt,
    fs::{self, File, FileType, Metadata, OpenOptions},
    io,
    path::Path,
    time::UNIX_EPOCH,
};

use zeroize::Zeroizing;

use crate::{Limits, Location, Refusal, Reject};

/// Size and time of last change of a file: a cheap sign that it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content, in nanoseconds since 1970, negative before; `i64::MIN` where the file system
    /// does not tell, and held at the ends of the range.
    pub mtime_ns: i64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), mtime_ns: metadata.modified().map_or(i64::MIN, nanoseconds) }
    }
}

/// The bytes of one file, wiped when dropped. `Debug` shows their number only.
pub struct FileContent {
    bytes: Zeroizing<Vec<u8>>,
    stamp: Stamp,
}

impl FileContent {
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>, stamp: Stamp) -> Self {
        Self { bytes, stamp }
    }

    /// The bytes, at least one and at most [`Limits::file_bytes`].
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The stamp of the open file before its first byte was read: a change during the reading shows in the next
    /// [`stamp`] of the path.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileContent({} bytes)", self.bytes.len())
    }
}

/// The stamp of the file at `path`, without opening it. Symbolic links are followed.
///
/// # Errors
/// A [`Reject`] where there is nothing, where it may not be seen, or where it is no regular file.
pub fn stamp(path: &Path) -> Result<Stamp, Reject> {
    let metadata = fs::metadata(path).map_err(|error| Reject::from(&error))?;
    check_regular(metadata.file_type())?;
    Ok(Stamp::of(&metadata))
}

/// Reads the whole file at `path`. Symbolic links are followed: a listing hands out paths without any.
///
/// The size is checked before the reading and again after it, for a file that grows meanwhile.
///
/// # Errors
/// A [`Reject`] where the file is missing, unreadable, empty, larger than [`Limits::file_bytes`], or a folder, pipe,
/// socket or device. Pipes and devices are never waited for.
pub fn read_bounded(path: &Path, limits: &Limits) -> Result<FileContent, Reject> {
    Location::from(path).open()?.read(limits)
}

/// Opens a regular file. It is looked at before the opening, since opening a device can act on it, and after, since
/// another file may have taken its place.
pub(crate) fn open_regular(path: &Path) -> Result<(File, Metadata), Reject> {
    let open = || -> io::Result<(File, Metadata)> {
        let file = options().open(path)?;
        let metadata = file.metadata()?;
        Ok((file, metadata))
    };
    stamp(path)?;
    let (file, metadata) = open().map_err(|error| Reject::from(&error))?;
    check_regular(metadata.file_type())?;
    Ok((file, metadata))
}

/// Refuses what is no regular file, by its name.
pub(crate) fn check_regular(kind: FileType) -> Result<(), Refusal> {
    if kind.is_file() { Ok(()) } else { Err(Refusal::NotARegularFile { found: name_of(kind) }) }
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    // A pipe that has taken the file's place must not hold the program until somebody writes into it.
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

#[cfg(unix)]
fn name_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;

    if kind.is_dir() {
        "folder"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}

#[cfg(not(unix))]
fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() { "folder" } else { "special file" }
}

fn nanoseconds(time: std::time::SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanoseconds| -nanoseconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn reads_with_its_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"12345").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::new(1_500_000_000, 7))
            .unwrap();
        let content = read_bounded(&path, &Limits::default()).unwrap();
        assert_eq!(content.bytes(), b"12345");
        assert_eq!(content.stamp(), Stamp { size: 5, mtime_ns: 1_500_000_000_000_000_007 });
        assert_eq!(stamp(&path).unwrap(), content.stamp());
        assert_eq!(format!("{content:?}"), "FileContent(5 bytes)");
    }

    #[test]
    fn times_before_1970_are_negative() {
        assert_eq!(nanoseconds(UNIX_EPOCH - Duration::from_nanos(7)), -7);
    }

    #[test]
    fn size_limit_empty_missing_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { file_bytes: 4, ..Limits::default() };
        let path = folder.path().join("a");
        fs::write(&path, b"1234").unwrap();
        assert!(read_bounded(&path, &limits).is_ok());
        fs::write(&path, b"12345").unwrap();
        let refusal = read_bounded(&path, &limits).unwrap_err();
        assert_eq!(refusal, Refusal::FileTooLarge { bytes: 5, allowed: 4 }.into());
        fs::write(&path, b"").unwrap();
        assert_eq!(read_bounded(&path, &limits).unwrap_err().code(), "empty_file");
        assert_eq!(read_bounded(&folder.path().join("b"), &limits).unwrap_err().code(), "not_found");
        let refusal = read_bounded(folder.path(), &limits).unwrap_err();
        assert_eq!(refusal, Refusal::NotARegularFile { found: "folder" }.into());
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, found) in [(Path::new("/dev/zero"), "device"), (socket.as_path(), "socket")] {
            let refusal = read_bounded(path, &Limits::default()).unwrap_err();
            assert_eq!(refusal, Refusal::NotARegularFile { found }.into());
        }
        let pipe = folder.path().join("pipe");
        let Ok(status) = std::process::Command::new("mkfifo").arg(&pipe).status() else {
            println!("skipped: no mkfifo here");
            return;
        };
        assert!(status.success());
        let refusal = read_bounded(&pipe, &Limits::default()).unwrap_err();
        assert_eq!(refusal, Refusal::NotARegularFile { found: "pipe" }.into());
        // The way a pipe is met that replaced a file after the first look.
        let opened = options().open(&pipe).unwrap();
        assert!(check_regular(opened.metadata().unwrap().file_type()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_states_no_size_is_empty_not_endless() {
        // Files under /proc state 0 bytes and yet give some: they are refused rather than trusted.
        let reject = read_bounded(Path::new("/proc/self/maps"), &Limits::default()).unwrap_err();
        assert_eq!(reject.code(), "empty_file");
    }
}
