//! One writer at a time, over processes and threads.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::AuditError;

const LOCK_NAME: &str = "lock";
/// Between two tries. An append takes a few milliseconds.
const PAUSE: Duration = Duration::from_millis(2);

/// Proof that nobody else writes; it goes when dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock of the folder, up to `patience`.
    pub(crate) fn take(dir: &Path, patience: Duration) -> Result<Self, AuditError> {
        let path = dir.join(LOCK_NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(AuditError::io("open the lock file", &path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(AuditError::Busy { path, waited_ms: begun.elapsed().as_millis() });
                }
                Err(TryLockError::Error(error)) => return Err(AuditError::io("lock", path)(error)),
            }
        }
    }
}
