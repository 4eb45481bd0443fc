//! Reading an object in blocks, always the same version of it.

use std::io::{self, Read, Seek, SeekFrom};

use object_store::{GetOptions, ObjectStore as _};
use zeroize::Zeroizing;

use super::Object;
use crate::Unreadable;

/// Bytes asked for at a time. A request costs tens of milliseconds before its first byte, so nearly all photos should
/// come whole with the look at their first bytes.
const BLOCK: u64 = 4 * 1024 * 1024;

/// An object as a file to read.
pub(crate) struct Reader {
    object: Object,
    size: u64,
    at: u64,
    block: Zeroizing<Vec<u8>>,
    block_at: u64,
}

impl Reader {
    pub(super) fn new(object: Object) -> Self {
        let size = object.stamp().size;
        Self { object, size, at: 0, block: Zeroizing::default(), block_at: 0 }
    }

    /// The block's bytes from the current position on; empty at the end of the object.
    fn available(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.size {
            return Ok(&[]);
        }
        let end = self.block_at + self.block.len() as u64;
        if self.at < self.block_at || self.at >= end {
            self.fetch().map_err(io::Error::other)?;
        }
        let from = usize::try_from(self.at - self.block_at).unwrap_or(usize::MAX);
        Ok(self.block.get(from..).unwrap_or_default())
    }

    fn fetch(&mut self) -> Result<(), Unreadable> {
        let range = self.at..self.size.min(self.at.saturating_add(BLOCK));
        let wanted = range.end - range.start;
        let version = self.object.seen.as_ref().and_then(|seen| seen.e_tag.clone());
        let options = GetOptions::new().with_range(Some(range)).with_if_match(version);
        let store = &self.object.store;
        let bytes =
            store.wait(async { store.0.client.get_opts(&self.object.key, options).await?.bytes().await });
        let bytes = bytes.map_err(|error| store.failed(&error))?;
        if bytes.len() as u64 != wanted {
            return Err(Unreadable::Changed);
        }
        self.block = Zeroizing::new(bytes.into());
        self.block_at = self.at;
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let available = self.available()?;
        let count = available.len().min(bytes.len());
        bytes[..count].copy_from_slice(&available[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start"))?;
        Ok(self.at)
    }
}
